/*
 * The sockets that outlive the processes: bound once by `postern up`, while
 * it is root, and inherited by whatever is started and started again.
 */
#ifndef POSTERN_BIND_H
#define POSTERN_BIND_H

#include <sys/types.h>

#include "common/io/conf.h"
#include "postern/inherit.h"
#include "postern/plan.h"
#include "postern/state.h"

/*
 * Bind the SIP listeners of both zones, every door, and where each process
 * leaves its notes for the watchdog.  What goes wrong is
 * said, all of it.
 *
 * Takes:   as_root  create and chown for the roles' users.
 * Errors:  -EIO when anything could not be bound.
 */
int bind_all(const struct conf *c, const struct plan *p, const struct state *s,
    bool as_root, struct inherit *out);

/*
 * One UDP socket, not close-on-exec.
 *
 * Takes:   owner  uid the kernel shall remember as the socket's maker, which
 *                 is what nftables' `meta skuid` matches; (uid_t)-1: ours.
 * Gives:   a descriptor.
 * Errors:  negative errno.
 */
int bind_udp(const struct addr *at, uid_t owner);

/* The same, listening for TCP. */
int bind_tcp(const struct addr *at, uid_t owner);

/*
 * One listening Unix socket that only this user may connect to.
 *
 * Errors:  negative errno.
 */
int bind_door(const char *path, uid_t owner);

/*
 * One datagram Unix socket that only this user may write to, and that tells
 * who wrote.
 *
 * Errors:  negative errno.
 */
int bind_notes(const char *path, uid_t owner);

#endif
