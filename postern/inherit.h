/*
 * The inventory of sockets that `postern up` binds and its descendants
 * inherit, as one environment variable:
 *	POSTERN_FDS=3=sigproxy:sip-external-udp,4=sigproxy:door-admin
 */
#ifndef POSTERN_INHERIT_H
#define POSTERN_INHERIT_H

#include "common/base/buf.h"
#include "common/io/role.h"

#define INHERIT_MAX 256
#define INHERIT_ENV "POSTERN_FDS"
#define INHERIT_TEXT_MAX 16384

struct inherit_fd {
	int fd;
	char owner[ROLE_NAME_MAX];
	char name[SD_NAME_MAX]; /* as in common/io/sd.h */
};

struct inherit {
	struct inherit_fd fds[INHERIT_MAX];
	unsigned n;
};

/* Errors: -E2BIG the inventory is full; -ENAMETOOLONG. */
int inherit_add(
    struct inherit *list, int fd, const char *owner, const char *name);

/* Write the variable's value; the buffer's error tells if it did not fit. */
void inherit_build(struct buf *b, const struct inherit *list);

/* Read a value.  Errors: -EBADMSG; -E2BIG. */
int inherit_parse(struct span text, struct inherit *out);

#endif
