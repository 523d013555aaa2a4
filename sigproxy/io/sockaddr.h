/* Between the system's addresses and ours. */
#ifndef SIGPROXY_IO_SOCKADDR_H
#define SIGPROXY_IO_SOCKADDR_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "common/base/addr.h"

/* Family ADDR_NONE for any but IPv4 and IPv6. */
static inline struct addr
addr_of_sockaddr(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in *in4 = (const void *)ss;
	const struct sockaddr_in6 *in6 = (const void *)ss;

	if (ss->ss_family == AF_INET)
		return addr_from_bytes(&in4->sin_addr, 4,
		    ntohs(in4->sin_port));
	if (ss->ss_family == AF_INET6)
		return addr_from_bytes(&in6->sin6_addr, 16,
		    ntohs(in6->sin6_port));
	return (struct addr){ 0 };
}

#endif
