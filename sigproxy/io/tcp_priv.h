/* Connections: what tcp.c and tcp_tls.c share. */
#ifndef SIGPROXY_IO_TCP_PRIV_H
#define SIGPROXY_IO_TCP_PRIV_H

#include "common/base/htab.h"
#include "sigproxy/io/tcp.h"
#include "sigproxy/sip/frame.h"

#define SOURCE_SLOTS 65536	/* counters of sources, by a secret hash */
#define READ_MAX 16384		/* octets of one connection in one turn */

/* How many handshakes in how short a time: when those that were, at so many
 * each second, would all be paid for. */
struct shake_rate {
	struct mono due;
};

struct source {
	uint16_t open;
	uint16_t shaking;
	struct shake_rate rate;
};

enum conn_state {
	CONN_FREE,
	CONN_OPEN,
	CONN_LINGERS,		/* last answer given, input is thrown away */
	CONN_CLOSING,		/* libuv still holds the handle */
};

struct conn {
	struct tcp *tcp;
	uv_poll_t poll;
	int fd;
	enum conn_state state;
	bool is_dialled;	/* to a trunk */
	bool is_broken;		/* seen while sending; closed by settle() */
	bool is_writing;	/* polled for room to write */
	struct flow flow;
	struct source *of_source;
	struct tls_conn *tls;	/* NULL: not TLS, or lingering */
	bool is_shaking;	/* counted as such */
	bool is_waiting;	/* for keyd: not read */
	bool is_part;		/* `begun` is that of a TLS record */
	uint8_t recvs;		/* that TLS may still do in this turn */
	struct mono since;	/* the last whole message, or the beginning */
	struct mono begun;	/* of a message that is not whole; 0: none */
	struct mono look;	/* when it is due to be looked at */
	struct frame frame;
	size_t n_in, n_out;	/* octets kept */
	char *in, *out;		/* FRAME_MAX, TCP_OUT_MAX */
	struct conn *next_free;
};

struct listening {
	struct tcp *tcp;
	uv_poll_t poll;
	int fd;			/* -1: not in use */
	uint8_t number;
	bool is_tls;
	bool is_held;		/* too many handshakes in too short a time */
};

struct tcp {
	uv_loop_t *loop;
	const struct edge_conf *conf;
	struct tcp_ops ops;
	struct listening listeners[EDGE_LISTENERS_MAX];
	uv_timer_t sweep;
	struct conn *conns;
	uint32_t n, used;
	struct conn *free;
	uint64_t next_conn;	/* number; its place is in the table's */
	struct htab hasher;	/* for its key only */
	struct source sources[SOURCE_SLOTS];
	struct tls *tls;	/* NULL: no listener for it */
	struct shake_rate shake_rate, outside_rate;
	uint32_t shaking_outside;
	char *mem_in, *mem_out;
	char *scratch;		/* kept octets and new ones */
	struct sip_msg msg;	/* for the framer */
	bool is_accepting;	/* wanted */
	bool is_paused;		/* but there is no room */
	bool any_broken;
	uint64_t accepted, dialled, refused, evicted, slow, idle, stuck, garbage,
	    unsent;
	uint64_t tls_up, tls_1_3, tls_resumed, tls_refused, tls_evicted,
	    tls_held;
	uint64_t tls_why[TLS_WHYS];
};

/* ---- tcp.c ---- */

void stream_close(struct conn *c);
/* A place in the table, if there is one.  Takes fd.  Errors: -EMFILE,
 * -EACCES: fd is untouched. */
int stream_enter(struct tcp *t, int fd, struct flow *flow, struct mono now,
    struct conn **out);
void stream_make_room(struct tcp *t);
/* Look at all of them, now and then. */
void stream_sweep(struct tcp *t);
/* The stream cannot be read on.  Closed at once, the kernel would take the
 * last answer away again if there is unread input. */
void stream_linger(struct conn *c, struct mono now);
/* To the socket, as it is. */
void stream_send_raw(struct conn *c, struct span bytes);
/* Cut what is there into messages; keep the rest. */
void stream_take(struct conn *c, struct mono now, struct span in);
/* What it waits for has changed. */
void stream_poll(struct conn *c);
void stream_ack_at_once(const struct conn *c);

/* ---- tcp_tls.c ---- */

/* Is any of these listeners for it?  Errors: -ENOMEM. */
int secure_new(struct tcp *t);
/* Before accept4(): false: not now, too many came in too short a time. */
bool secure_may_accept(struct tcp *t, uint8_t zone, struct mono now);
/* Begin with a connection that was accepted.  Errors: -EMFILE. */
int secure_open(struct conn *c);
/* Begin with one that was dialled.  Errors: -EMFILE. */
int secure_dial(struct conn *c, const struct edge_dialled *d,
    struct mono now);
/* May this source begin one more? */
bool secure_may_open(struct tcp *t, const struct flow *flow,
    struct source *of_source, struct mono now);
void secure_readable(struct conn *c, struct mono now);
/* It is closed or only lingers. */
void secure_end(struct conn *c);
void secure_status(const struct tcp *t, struct buf *json);

#endif
