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
#include "sigproxy/core/handshakes.h"
#include "sigproxy/core/txn_client.h"
#include "sigproxy/core/txn_server.h"

struct calls;
struct conns;
struct drops;
struct lastseen;
struct guard;
struct keep;
struct messages;
struct mwi;
struct pings;
struct regclient;
struct subs;
struct trace;
struct trunks;

/* Lines about strangers: in this second, and left out since. */
struct line_pace {
	struct mono from;
	unsigned count;
	uint64_t left_out;
};

struct edge {
	const struct edge_conf *conf;
	struct timerq timers;		/* of all parts; enum timer_kind */
	struct txns txns;
	struct guard *guard;
	struct drops *drops;
	struct auth *auth;
	struct keep *keep;
	struct conns *conns;
	struct lastseen *lastseen;
	struct handshakes handshakes;
	struct calls *calls;		/* call.h's own */
	struct subs *subs;
	struct mwi *mwi;
	struct messages *texts;
	struct regclient *regs;
	struct pings *trunk_pings;
	struct tconns *trunk_conns;
	struct trace *trace;
	struct trunks *trunks;
	bool reg_up, stun_up;
	bool is_keyed;			/* SIG_KEYS came */
	bool is_restored;		/* and all calls of the life before */
	bool relay_up[STEPS_RELAYS_MAX];
	/* What the internet sees instead of each external listener; family
	 * ADDR_NONE: not known. */
	struct addr mapped[EDGE_LISTENERS_MAX];
	bool port_open[EDGE_LISTENERS_MAX];	/* strangers come in there */
	struct addr public_ip;		/* port 0; none: not known */
	bool public_old;		/* and no STUN server confirms it */
	struct addr public_before;	/* still ours, by name, for a while */
	struct sip_msg in;		/* the message being handled */
	struct sip_msg stored;		/* a stored one, when a verdict came */
	char scratch[BLOB_MAX];		/* an answer being built */
	/* Counters for `postern status`. */
	uint64_t messages, malformed, silenced, challenged, refused;
	uint64_t dropped;
	/* What came to the office's listeners and is not of the office: a
	 * router forwards what it never should. */
	uint64_t internal_from_outside;
	struct addr internal_from;	/* the last */
	uint64_t too_early;		/* came before is_restored */
	uint64_t pings, stun_answered;
	struct line_pace refusals, nonsense;
};

/* ---- what we call ourselves on one listener ---- */

/*
 * Our host and port as the far side of this listener should see them.
 *
 * External: the mapped address if known, else the site's public one, else the
 * listener's own.  Its port: the configured one; else what the phone at the
 * end of this flow itself used; else the mapping's, where strangers were seen
 * to come in by it; else the listener's.  Internal: the listener's own.
 * Nothing of the inside ever stands in what goes outside, except when the
 * external listener itself has nothing else.
 */
struct addr edge_said_addr(const struct edge *e, const struct flow *f);

/* The whole Via line of a request of ours on this flow. */
void edge_put_via(const struct edge *e, const struct flow *to,
    struct span branch, struct buf *b);
/* "<sip:user@host:port>" (with ;transport=tcp or tls when not UDP): the
 * Contact that reaches us on this flow; user may be empty. */
void edge_put_contact(const struct edge *e, const struct flow *f,
    struct span user, struct buf *b);
/* The same as "<sips:user@host:port>", which says TLS by itself (RFC 5630
 * 3.1.4). */
void edge_put_sips(const struct edge *e, const struct flow *f,
    struct span user, struct buf *b);

/* Is this host (no port) one of our names: domain, alias, or, if the
 * configuration accepts it, one of our addresses? */
bool edge_is_our_host(const struct edge *e, struct span host);
/* Does a request ask for one of our names (Request-URI; for a REGISTER To as
 * well)? */
bool edge_names_us(const struct edge *e, const struct sip_msg *m);
/* The same; or it is a tel: URI that names nobody, of the office or a home
 * with a live registration. */
bool edge_may_mean_us(const struct edge *e, const struct sip_msg *m,
    const struct flow *from);
/* Is it an address of this host, or one the internet sees of us? */
bool edge_is_our_ip(const struct edge *e, const struct addr *ip);
/* Is this address in the office's own networks? */
bool edge_is_lan(const struct edge *e, const struct addr *a);
/*
 * Can a packet have come by this flow's listener from there?  Else nothing
 * goes there either, whoever names it: not to ourselves, not to loopback, and
 * by the internal listeners only to the office.
 */
bool edge_is_reachable(const struct edge_conf *conf, const struct flow *f);

/* ---- answers without a transaction ---- */

/* May this request be answered at all?  Counts against the budget of its
 * source (guard.h).  Never for an ACK. */
bool edge_may_answer(struct edge *e, struct mono now,
    const struct edge_in *in);
/*
 * Answer statelessly, when edge_may_answer() said so.
 *
 * By UDP from outside at most 1.5 times the bytes that came in: the reply's
 * optional lines are left out to get there, else nothing is sent.
 */
void edge_answer(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in, const struct reply *r);
/* Would edge_answer() send it, with its optional lines left out? */
bool edge_fits(struct edge *e, const struct edge_in *in,
    const struct reply *r);
/*
 * Begin a line of the log about somebody who is refused, if there may be one:
 * ten a second, so that no flood costs time or pushes older lines out.  What
 * was left out before is told by the first line after.
 */
bool edge_log_refusal(struct edge *e, struct mono now, struct steps *st,
    const char *event);
/* Count and log what cannot be parsed: no trace can have it, for nobody knows
 * which call it is of.  Ten lines a second as well. */
void edge_log_malformed(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in);
/* Both, with a status only. */
void edge_refuse_status(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in, unsigned status);

#endif
