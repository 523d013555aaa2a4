/*
 * Between door.c (peers, listening, which connection is used) and conn.c
 * (one connection: bytes in, frames out) only.
 */
#ifndef COMMON_IO_DOOR_PARTS_H
#define COMMON_IO_DOOR_PARTS_H

#include "common/io/door.h"

/* Bytes read at once; any frame fits several times. */
#define CONN_IN_MAX (64 * 1024)
/* How long a connection that another one replaced is still read, and how
 * long one that was accepted may take to greet. */
#define CONN_GRACE_MS 2000
/* Connections of one door that have not greeted yet. */
#define DOOR_NEW_MAX 4
/* All connections of one door; over it the oldest replaced one goes. */
#define DOOR_CONNS_MAX 8

enum conn_state {
	CONN_NEW,		/* not greeted yet */
	CONN_USED,		/* the one we send on */
	CONN_REPLACED,		/* still read, for what was under way */
	CONN_CLOSING,
};

struct conn {
	struct conn *next;
	struct door *door;
	uv_pipe_t pipe;
	enum conn_state state;
	bool dialled;		/* by us */
	uint64_t serial;	/* later made, higher */
	struct mono made;
	struct mono peer_start;	/* believed start of the other process */
	struct mono close_at;
	int fd;			/* came with what is being read, or -1 */
	size_t in_len;
	char in[CONN_IN_MAX];
};

struct door {
	struct door *next;
	struct doors *doors;
	enum ipc_role role;
	uint8_t instance;
	uid_t uid;
	int knock_fd;		/* dialled before the cage, or -1 */
	int listen_fd;
	uv_poll_t poll;
	bool poll_open;
	bool accepting;
	bool takes_fds;
	struct conn *conns;	/* newest first */
	struct conn *used;
	struct conn *handling;	/* whose frame the handler has now */
	uint64_t faults;
};

struct doors {
	uv_loop_t *loop;
	enum ipc_role self;
	uint8_t instance;
	struct doors_ops ops;
	struct mono started;
	struct door *list;
	uint64_t serial;
	bool serving;
	bool handed_over;	/* frames since the last on_drained */
	bool freed;
	unsigned handles;	/* not yet closed, when freed */
	uv_check_t check;
	uv_timer_t timer;
};

/* Make a connection of fd and read; takes fd.  NULL: closed, logged. */
struct conn *conn_new(struct door *p, int fd, bool dialled);
/* Take it out of its door and close; frees itself later.  Fine twice. */
void conn_close(struct conn *c);
/* Read what waits in the socket now, without the loop. */
void conn_drain(struct conn *c);
/* Errors: as door_send(). */
int conn_send(struct conn *c, struct span bytes);
/* Errors: as door_send_fd(). */
int conn_send_fd(struct conn *c, struct span frame, int fd);
/* read(), with the descriptor that comes along.  Errors: as read();
 * -EBADMSG in errno: more descriptors than one. */
ssize_t conn_read(struct conn *c, int from);
void conn_drop_fd(struct conn *c);
/* Octets that the kernel took, the descriptor with the first of them.
 * Errors: negative errno. */
ssize_t conn_fd_write(int to, struct span frame, int fd);
/* Our greeting, as a frame. */
void conn_put_hello(const struct doors *d, struct buf *b);

/* A right greeting came: decide which connection is used. */
void door_greeted(struct conn *c);
/* The connection is gone from the door's list; was_used: it was in use. */
void door_lost(struct door *p, bool was_used);
/* A handle of this set of doors has closed. */
void doors_handle_closed(struct doors *d);

#endif
