/* Which sockets this network namespace has, as /proc/net tells. */
#ifndef POSTERN_LISTEN_H
#define POSTERN_LISTEN_H

#include <sys/types.h>

#include "common/base/addr.h"

/*
 * Is there a UDP socket bound, or a TCP one listening, at this address, or at
 * all addresses with its port?
 *
 * Gives:   its inode, 0 when there is none.
 */
uint64_t listen_find(bool tcp, const struct addr *at);

/* One line of /proc/net/udp or tcp (is_v6: of udp6 or tcp6): does it tell of
 * such a socket?  Gives its inode or 0. */
uint64_t listen_in_line(
    const char *line, bool is_v6, bool tcp, const struct addr *at);

/* Does this process have that socket?  -EACCES and the like: cannot see. */
int listen_owned(pid_t pid, uint64_t inode);

#endif
