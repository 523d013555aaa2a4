#include <netinet/in.h>
#include <sys/socket.h>

#include "common/io/dscp.h"

void
dscp_mark(int fd, enum addr_family family, uint32_t dscp)
{
	int tos = (int)(dscp << 2);	/* the rest is ECN's */

	if (family == ADDR_IPV6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
	else
		setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
}
