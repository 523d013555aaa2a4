/*
 * Inherited sockets and the supervisor's notes, by the systemd protocols
 * (LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID; NOTIFY_SOCKET, WATCHDOG_USEC),
 * without its library.  `postern up` speaks the same protocol under runit.
 *
 * Names: sip-external-udp, sip-internal-udp, the same with -tcp (several of one name: in order
 * of the configuration's addresses), door-ROLE for the door at which ROLE
 * knocks (door-mediaproxy-N for the Nth relay, door-admin for the admin).
 */
#ifndef COMMON_IO_SD_H
#define COMMON_IO_SD_H

#include <stdbool.h>

#include "common/base/mono.h"

#define SD_FDS_MAX 64
#define SD_NAME_MAX 64

struct sd_fd {
	int fd;
	char name[SD_NAME_MAX];
};

struct sd {
	struct sd_fd fds[SD_FDS_MAX];
	unsigned n_fds;
	int notify_fd;		/* connected before the cage, or -1 */
	uint64_t watchdog_us;	/* 0: none */
};

/*
 * Take what the supervisor left: fds become close-on-exec and non-blocking,
 * the variables are removed from the environment.
 *
 * Errors:  -EINVAL malformed variables; -E2BIG more than SD_FDS_MAX.
 */
int sd_take(struct sd *out);
/* The n-th fd of that name, or -1. */
int sd_fd(const struct sd *s, const char *name, unsigned n);
/* "READY=1", "WATCHDOG=1", ...; quiet when nobody listens. */
void sd_note(const struct sd *s, const char *text);

#endif
