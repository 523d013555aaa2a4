#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "postern/listen.h"

#define TCP_LISTEN_STATE 0x0a

/* The kernel prints each 32 bits of an address as a number of its own. */
static bool
read_local(const char *hex, bool is_v6, struct addr *out)
{
	unsigned words = is_v6 ? 4 : 1, port;
	uint32_t ip[4];

	for (unsigned i = 0; i < words; i++) {
		if (sscanf(hex + 8 * i, "%8" SCNx32, &ip[i]) != 1)
			return false;
	}
	if (sscanf(hex + (size_t)8 * words, ":%4x", &port) != 1)
		return false;
	*out = addr_from_bytes(ip, (size_t)4 * words, (uint16_t)port);
	return true;
}

static bool
is_any(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->ip, zero, addr_ip_len(a)) == 0;
}

uint64_t
listen_in_line(const char *line, bool is_v6, bool tcp, const struct addr *at)
{
	char local[64];
	unsigned state;
	uint64_t inode;
	struct addr a;

	if (sscanf(line, " %*u: %63s %*s %x %*s %*s %*s %*u %*u %" SCNu64,
		local, &state, &inode) != 3 ||
	    strlen(local) != (is_v6 ? 37 : 13) ||
	    !read_local(local, is_v6, &a))
		return 0;
	if (a.port != at->port || (tcp && state != TCP_LISTEN_STATE))
		return 0;
	/* :: takes IPv4 too unless it was told not to; see nothing amiss. */
	if (addr_same_ip(&a, at) || (is_any(&a) &&
		(a.family == at->family || is_v6)))
		return inode;
	return 0;
}

static uint64_t
find_in(const char *path, bool is_v6, bool tcp, const struct addr *at)
{
	FILE *f = fopen(path, "re");
	uint64_t found = 0;
	char line[512];

	while (f != NULL && found == 0 && fgets(line, sizeof(line), f) != NULL)
		found = listen_in_line(line, is_v6, tcp, at);
	if (f != NULL)
		fclose(f);
	return found;
}

uint64_t
listen_find(bool tcp, const struct addr *at)
{
	uint64_t found = 0;

	if (at->family == ADDR_IPV4)
		found = find_in(tcp ? "/proc/net/tcp" : "/proc/net/udp", false,
		    tcp, at);
	if (found == 0)
		found = find_in(tcp ? "/proc/net/tcp6" : "/proc/net/udp6",
		    true, tcp, at);
	return found;
}

int
listen_owned(pid_t pid, uint64_t inode)
{
	char path[64], want[48], is[48];
	struct dirent *e;
	int found = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	snprintf(want, sizeof(want), "socket:[%" PRIu64 "]", inode);
	dir = opendir(path);
	if (dir == NULL)
		return -errno;
	while (found == 0 && (e = readdir(dir)) != NULL) {
		ssize_t n = readlinkat(dirfd(dir), e->d_name, is,
		    sizeof(is) - 1);

		is[n < 0 ? 0 : n] = '\0';
		found = strcmp(is, want) == 0;
	}
	closedir(dir);
	return found;
}
