/*
 * What the parts of the core share: the one struct edge.
 *
 * edge.c dispatches; the parts are txn_server.h, txn_client.h, guard.h,
 * auth.h, registrar.h, keep.h and call.h.  Each part changes only its own
 * tables; what others need from it is a function in its header.
 */
#ifndef SIGPROXY_CORE_EDGE_PRIV_H
#define SIGPROXY_CORE_EDGE_PRIV_H

#include "common/base/timerq.h"
#include "sigproxy/core/auth.h"
#include "sigproxy/core/edge.h"
#include "sigproxy/core/txn_client.h"
#include "sigproxy/core/txn_server.h"

struct calls;
struct guard;
struct keep;

struct edge {
	const struct edge_conf *conf;
	struct timerq timers;		/* of all parts; enum timer_kind */
	struct txns txns;
	struct guard *guard;
	struct auth *auth;
	struct keep *keep;
	struct calls *calls;		/* call.h's own */
	bool reg_up, stun_up;
	bool relay_up[STEPS_RELAYS_MAX];
	/* What the internet sees instead of each external listener; family
	 * ADDR_NONE: not known. */
	struct addr mapped[EDGE_LISTENERS_MAX];
	struct addr public_ip;		/* port 0; none: not known */
	struct addr public_before;	/* still ours, by name, for a while */
	/* Counters for `postern status`. */
	uint64_t messages, malformed, silenced, challenged, refused;
};

/* ---- what we call ourselves on one listener ---- */

/*
 * Our host and port as the far side of this listener should see them.
 *
 * External: the mapped address if known, else the site's public address with
 * the listener's port, else the listener's own.  Internal: the listener's own.
 * Nothing of the inside ever stands in what goes outside, except when the
 * external listener itself has nothing else.
 */
struct addr edge_said_addr(const struct edge *e, const struct flow *f);

/* "SIP/2.0/UDP host:port;branch=B;rport": the value of the Via that a request
 * of ours on this flow begins with, without name and CRLF. */
void edge_put_via(const struct edge *e, const struct flow *to,
    struct span branch, struct buf *b);
/* "<sip:user@host:port>" (with ;transport=tcp or tls when not UDP): the
 * Contact that reaches us on this flow; user may be empty. */
void edge_put_contact(const struct edge *e, const struct flow *f,
    struct span user, struct buf *b);

/* Is this host (no port) one of our names: domain, alias, or, if the
 * configuration accepts it, one of our addresses? */
bool edge_is_our_host(const struct edge *e, struct span host);
/* Is this address in the office's own networks? */
bool edge_is_lan(const struct edge *e, const struct addr *a);

/* ---- answers without a transaction ---- */

/*
 * Answer a request statelessly.
 *
 * Within the guard's budget, and to a source that proved nothing at most 1.5
 * times the bytes it sent (in->raw): optional headers are left out to get
 * there, else nothing is sent.  Never for an ACK.
 */
void edge_refuse(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in, const struct reply *r);
/* Status only. */
void edge_refuse_status(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in, unsigned status);

#endif
