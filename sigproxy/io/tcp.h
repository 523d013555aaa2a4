/*
 * Connections of both zones: accepted, never dialled.  Those to trunks are
 * dialled by stunmon and adopted here (tcp_adopt()).
 *
 * Everything a stranger can use up is fixed at start: connections in all and
 * of one source, octets kept of a message that is not whole, octets that wait
 * for a peer who does not read.  Who sends too slowly, says nothing, or does
 * not read is closed; connections that carry a registration or a call stay.
 * When the table is full the oldest connection that carries nothing makes
 * room; when there is none, accepting stops until one closes.
 *
 * Own polling and accept4() instead of uv_tcp_t: when descriptors run out
 * libuv would open "/" for a moment, which the cage refuses.
 *
 * TLS (tls.h) stands between the socket and the framer.  Handshakes are dear:
 * there are so many at once, of one source and in all, and so many a second;
 * who is too many waits in the kernel or is closed, and established
 * connections notice nothing.
 */
#ifndef SIGPROXY_IO_TCP_H
#define SIGPROXY_IO_TCP_H

#include <uv.h>

#include "sigproxy/core/edge.h"
#include "sigproxy/io/tls.h"

enum {
	TCP_CONNS_MAX = 2048,
	/* Of one address (/64 for IPv6): a home, an office behind one
	 * router; inside perhaps a whole floor behind one gateway. */
	TCP_SOURCE_EXTERNAL = 64,
	TCP_SOURCE_INTERNAL = 512,
	TCP_OUT_MAX = 32768,	/* unsent octets, beyond the kernel's */
	/* From the first octet of a message, or from the connection's
	 * beginning, to its end. */
	TCP_WHOLE_MS = 10000,
	TCP_IDLE_MS = 30000,	/* without a message, if nothing is carried */
	TCP_CARRIES_MS = 30000,	/* between looks whether it still carries */
	TCP_LINGER_MS = 500,	/* for a last answer to be read */
	/* Handshakes under way of one source. */
	TCP_SHAKING_EXTERNAL = 32,
	TCP_SHAKING_INTERNAL = 64,
	/* Handshakes a second, of one source and in all; how many may come
	 * at once.  In all, fewer than keyd signs. */
	TCP_SHAKES_EXTERNAL = 10,
	TCP_SHAKES_EXTERNAL_BURST = 64,
	TCP_SHAKES_INTERNAL = 64,
	TCP_SHAKES_INTERNAL_BURST = 256,
	TCP_SHAKES_ALL = 150,
	TCP_SHAKES_ALL_BURST = 150,
	/* Of these, and of handshakes under way, the internet may take so
	 * many: the rest is the office's. */
	TCP_SHAKES_OUTSIDE = 110,
	TCP_SHAKES_OUTSIDE_BURST = 110,
	TCP_SHAKING_OUTSIDE = TLS_SHAKING_MAX / 4 * 3,
	TCP_SHAKE_FAIR_MS = 2000,	/* then it makes room for another */
};

struct tcp;

struct tcp_ops {
	/* false: close it. */
	bool (*opened)(void *arg, const struct flow *flow);
	void (*closed)(void *arg, const struct flow *flow);
	/* May it be silent? */
	bool (*carries)(void *arg, const struct flow *flow);
	/* One whole message; lost: what there is of one whose end nobody
	 * knows, perhaps nothing; the connection is closed after that. */
	void (*message)(void *arg, const struct flow *from, struct span bytes,
	    bool lost);
	/* A wake-up's events have been handed over. */
	void (*drained)(void *arg);
	/* A handshake came to nothing in a way that somebody should know. */
	void (*no_tls)(void *arg, const struct flow *flow, enum tls_why why,
	    const struct tls_hello *hello);
	/* By tcp_adopt(): it has a number now; it may be used; its
	 * handshake came to nothing, in words. */
	void (*adopted)(void *arg, const struct edge_dialled *d,
	    const struct flow *flow);
	void (*ready)(void *arg, const struct flow *flow);
	void (*not_ready)(void *arg, const struct flow *flow,
	    struct span why);
	/* As in tls.h. */
	void (*ask_key)(void *arg, uint32_t id, uint8_t index,
	    uint16_t scheme, struct span tbs);
	void *arg;
};

/*
 * Takes:   conf   listeners; borrowed to the end.
 *          max    connections, at most TCP_CONNS_MAX.
 *          first  number of the first connection: of a range that no process
 *                 before or after has, at most 2^62.
 * Errors:  NULL for no memory.
 */
struct tcp *tcp_new(uv_loop_t *loop, const struct edge_conf *conf,
    uint32_t max, uint64_t first, const struct tcp_ops *ops);

/* Know an inherited listening socket.  Errors: -EINVAL; libuv's. */
int tcp_add(struct tcp *t, uint8_t listener, int fd);
/* Begin to accept; again: nothing happens. */
void tcp_accept(struct tcp *t);

/*
 * Take over a connection that stunmon made.
 *
 * Takes:   fd  the caller's still when this fails.
 * Errors:  -EBADF not a connection by TCP to the address that was asked for;
 *          -EMFILE no room; -EACCES not wanted.
 */
int tcp_adopt(struct tcp *t, int fd, const struct edge_dialled *d);

/* The TLS of all connections; NULL when no listener has it. */
struct tls *tcp_tls(struct tcp *t);
/* It has its first certificate: accept there too. */
void tcp_has_certificate(struct tcp *t);

/* Send by this flow's connection, at once or when the peer reads; nothing
 * happens when it is closed.  Never calls back. */
void tcp_send(struct tcp *t, const struct flow *to, struct span bytes);
/* Have it closed by tcp_settle(). */
void tcp_close(struct tcp *t, const struct flow *flow);
/* Close what tcp_send() found broken, with the callbacks.  Gives: true when
 * there was something. */
bool tcp_settle(struct tcp *t);

/* Members of a JSON object without braces. */
void tcp_status(const struct tcp *t, struct buf *json);

#endif
