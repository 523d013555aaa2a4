/*
 * The core of sigproxy as its shell sees it: events in, steps out.
 *
 * One struct edge holds every table; all of them are fixed at edge_new().
 * The shell (io/) calls one of the functions below for each event, with the
 * time, then carries out the steps.  Frames that a peer sent are decoded
 * here; a negative errno closes that peer's connection.
 */
#ifndef SIGPROXY_CORE_EDGE_H
#define SIGPROXY_CORE_EDGE_H

#include "common/base/mono.h"
#include "sigproxy/core/step.h"

#define EDGE_LISTENERS_MAX 32
#define EDGE_NAMES_MAX 16
#define EDGE_PREFIXES_MAX 8

/* One socket we listen on. */
struct edge_listener {
	uint8_t zone;		/* enum zone */
	uint8_t transport;	/* enum transport */
	struct addr local;	/* what it is bound to */
};

/* Plain values taken from postern.conf; spans are kept by reference. */
struct edge_conf {
	struct edge_listener listeners[EDGE_LISTENERS_MAX];
	unsigned n_listeners;
	/* The port the far side of each is told; 0: found out. */
	uint16_t advertised[EDGE_LISTENERS_MAX];
	struct span domain;
	struct span realm;
	unsigned digests;		/* offered: DEVICE_DIGEST() of each;
					 * 0: MD5 */
	bool auth_int;			/* offer qop auth-int too */
	struct span aliases[EDGE_NAMES_MAX];
	unsigned n_aliases;
	struct span emergency[EDGE_NAMES_MAX];	/* numbers, as dialled */
	unsigned n_emergency;
	bool accept_ip;			/* our addresses are our names too */
	struct addr_prefix lan[EDGE_PREFIXES_MAX];
	unsigned n_lan;
	struct addr public_addr;	/* fixed one, or family ADDR_NONE */
	uint32_t channels;		/* limit over all relays */
	uint32_t reserved;		/* beside them, for emergencies */
	unsigned n_relays;		/* mediaproxy processes */
	enum hold_mode hold;
	enum latch_mode latching;
	/* STUN_SEND may go here; without an address (stun_ask.h): one given
	 * by name. */
	struct addr stun_servers[EDGE_NAMES_MAX];
	unsigned n_stun_servers;
	/* Who in the office may say unasked how mailboxes are. */
	struct addr mwi_sources[EDGE_PREFIXES_MAX];
	unsigned n_mwi_sources;
	/* Hear no SIP before registrar-db told the calls of the life before:
	 * a BYE for one of them must not meet a 481.  Without registrar-db
	 * nobody could be let in anyhow. */
	bool wait_for_restore;
	/* The public address is found out: hear no SIP before it is, for a
	 * moment (keep_is_addressed()). */
	bool wait_for_address;
	/* Sizes of the tables; 0 gives the default in brackets. */
	uint32_t max_transactions;	/* [32768] */
	uint32_t max_calls;		/* [4096] */
	uint32_t max_flows;		/* [32768] registered flows */
	uint32_t max_conns;		/* [0] TCP and TLS connections */
	uint32_t max_subs;		/* [2048] subscriptions */
};

struct edge;

/* Errors: NULL for no memory. conf is kept and must outlive the edge. */
struct edge *edge_new(const struct edge_conf *conf);
void edge_free(struct edge *e);

/* A datagram, or one framed message of a stream, came in. */
void edge_message(struct edge *e, struct mono now, struct steps *s,
    const struct flow *from, struct span bytes);

/* Is anything traced?  Then edge_sent() is wanted for all that is sent. */
bool edge_is_traced(const struct edge *e);
/* These bytes leave now; copies for tracer go to s. */
void edge_sent(struct edge *e, struct mono now, struct steps *s,
    const struct flow *to, struct span bytes);

/*
 * A connection was accepted.
 *
 * Takes:   flow  with a conn that no flow had before.
 * Gives:   false: it is to be closed (not of the office; table full).
 */
/* Is this source listened to?  Asked before a connection costs anything; of
 * messages edge_message() asks itself. */
bool edge_hears(struct edge *e, struct mono now, const struct flow *from);
bool edge_conn_up(struct edge *e, const struct flow *flow);
/* It closed, for whatever reason: nobody is reached by it any more. */
void edge_conn_down(struct edge *e, struct mono now, struct steps *s,
    const struct flow *flow);
/* Does it carry a binding or a call, so that it may be silent? */
bool edge_conn_carries(const struct edge *e, const struct flow *flow);
/*
 * TRUNK_CONN: stunmon made a connection to a trunk, or could not.
 *
 * Takes:   has_fd  the connection came along.
 * Gives:   1: it is wanted, and out says whose it is; else close it.
 * Errors:  as edge_frame().
 */
struct edge_dialled {
	uint32_t trunk;
	struct flow flow;	/* without its number */
	struct span name;	/* the trunk's, as it is configured; borrowed
				 * until the next event */
	bool verify;		/* is its certificate to be right? */
};
int edge_trunk_dialled(struct edge *e, struct mono now, struct steps *s,
    struct span payload, bool has_fd, struct edge_dialled *out);
/* It was adopted, after edge_conn_up(); NULL: it was of no use. */
void edge_trunk_adopted(struct edge *e, struct mono now, struct steps *s,
    const struct edge_dialled *d, const struct flow *flow);
/* SIP may be said by it. */
void edge_trunk_up(struct edge *e, struct mono now, struct steps *s,
    const struct flow *flow);
/* Its TLS handshake came to nothing, in words; it is closed then. */
void edge_trunk_refused(struct edge *e, struct mono now, struct steps *s,
    const struct flow *flow, struct span why);
/* Nobody knows where the next message of this stream begins: head (what
 * there is of the last one's) gets a last answer if it can be answered. */
void edge_conn_lost(struct edge *e, struct mono now, struct steps *s,
    const struct flow *from, struct span head);
/*
 * A TLS handshake came to nothing: said in one line, as often as other
 * refusals are, with the phone that was last heard from there.
 *
 * Takes:   versions, ciphers  what it offered; empty: unknown.
 */
struct edge_tls_refusal {
	const char *event, *advice;	/* literals */
	struct span versions, ciphers;
	unsigned n_ciphers;
};
void edge_tls_refused(struct edge *e, struct mono now, struct steps *s,
    const struct flow *from, const struct edge_tls_refusal *r);
/* Is SIP heard, and can a challenge be made?  Until then requests had better
 * wait in the kernel: what comes before is lost, or refused. */
bool edge_is_ready(const struct edge *e);

/* A frame from a peer; role and instance are the door's.
 * Errors: -EBADMSG, -ERANGE, -EPROTO: close that door. */
int edge_frame(struct edge *e, struct mono now, struct steps *s,
    enum ipc_role role, uint8_t instance, uint16_t type, struct span payload);

/* A peer's door opened or closed. */
void edge_peer(struct edge *e, struct mono now, struct steps *s,
    enum ipc_role role, uint8_t instance, bool up);

/* When edge_tick() is wanted next, or MONO_NEVER. */
struct mono edge_due(const struct edge *e);
void edge_tick(struct edge *e, struct mono now, struct steps *s);

/* How it is, as one JSON object, for `postern status`. */
void edge_status(const struct edge *e, struct mono now, struct buf *json);
/* One more member of it, which leaves room for its end (handshakes.h). */
void edge_status_tls(const struct edge *e, struct mono now, struct buf *json);

#endif
