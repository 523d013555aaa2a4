/*
 * Transactions (RFC 3261 17, corrected by RFC 6026): what both kinds share.
 *
 * One struct txns holds the tables of server transactions (txn_server.h) and
 * client transactions (txn_client.h): fixed pools, tables with a secret hash
 * key, timers in the edge's one queue.  A transaction belongs to the layer
 * that made it until its ended() or the owner's own detach; the pointer is
 * dead after ended() returns.
 */
#ifndef SIGPROXY_CORE_TXN_H
#define SIGPROXY_CORE_TXN_H

#include "common/base/htab.h"
#include "common/base/timerq.h"
#include "sigproxy/core/blob.h"
#include "sigproxy/core/step.h"
#include "sigproxy/sip/msg.h"

struct conns;
struct edge;

/* RFC 3261 17.1.1.1 and table 4. */
enum {
	TIMER_T1_MS = 500,
	TIMER_T2_MS = 4000,
	TIMER_T4_MS = 5000,
	TIMER_64T1_MS = 64 * TIMER_T1_MS,
	TXN_AWAY_MS = 4000, /* for a phone to connect anew */
	TIMER_D_MS = 32000,		/* 17.1.1.2: at least 32 s on UDP */
	/* No INVITE waits longer for its final answer, whatever its owner
	 * does; the call part gives up ringing sooner (CALL_SETUP_MS). */
	TIMER_INVITE_LIFE_MS = 900000,
	/* RFC 3261 18.1.1: above it TCP is the rule, where there is one. */
	TXN_UDP_MAX = 1300,
	TXN_LARGE_EACH_MS = 10000,	/* said once in so long */
};

/* What struct timer.kind means; owner is the object named. */
enum timer_kind {
	TIMER_STXN_RESEND = 1,	/* timer G; struct stxn */
	TIMER_STXN_END,		/* timers H, I, J, L; struct stxn */
	TIMER_CTXN_RESEND,	/* timers A, E; struct ctxn */
	TIMER_CTXN_END,		/* timers B, D, F, K, M; struct ctxn */
	TIMER_AUTH,		/* deadline of a question; struct auth_question */
	TIMER_NONCES,
	TIMER_KEEP,		/* keepalives; struct kept */
	TIMER_REGC,		/* struct regc: regclient.h */
	TIMER_PING,		/* struct ping: trunk_ping.h */
	TIMER_TCONN,		/* struct tconn: trunk_conn.h */
	TIMER_MISSING,		/* struct keep: missing_timer */
	TIMER_ADDRESS,		/* struct keep: address_timer */
	TIMER_CALL = 100,	/* the call part's own from here on: call.h */
	TIMER_SUB = 200,	/* struct sub */
	TIMER_SUBS,		/* more of them wait for their turn */
	TIMER_MESSAGE,		/* struct message */
};

/* Counters of sources, by a secret hash: two each, since who shares one with
 * a mad phone shares both with hardly anybody. */
#define TXN_SOURCES 16384

struct txns {
	struct edge *edge;	/* handed to the owners' functions */
	struct timerq *timers;	/* lent */
	struct blobs blobs;
	struct pool servers, clients;
	struct htab by_upstream;	/* stxn by RFC 3261 17.2.3 key */
	struct htab by_merge;	/* INVITE stxn by 8.2.2.2 key */
	struct htab by_branch;	/* ctxn by our branch and method */
	struct conns *conns;	/* lent; NULL: every flow lives */
	/* What each source's server transactions take, of servers.n. */
	uint32_t per_source[2][TXN_SOURCES];
	uint8_t key[32];	/* for tags and branches */
	struct sip_msg again;	/* a stored request, parsed for a moment */
	char scratch[BLOB_MAX];	/* a message being built */
	struct mono large_said;	/* not again before */
	uint64_t absorbed;	/* retransmissions answered or swallowed */
	uint64_t full;		/* refused for want of room */
};

/* Tables for n transactions of each kind.
 * Takes: key of 32 bytes, copied: the same key gives the same tags and
 * branches after a restart.  Errors: -ENOMEM. */
int txns_init(struct txns *t, struct edge *e, struct timerq *timers,
    uint32_t n, const uint8_t *key);
void txns_clear(struct txns *t);
/* Timers that txns_init(n) may arm at once. */
uint32_t txns_timers(uint32_t n);

#define TXN_ID_LEN 16

/* What a transaction is known by: a keyed hash, so that nobody can make two
 * of them collide.  method: for which the id is wanted (an ACK or CANCEL
 * looks for its INVITE). */
void txn_id(const struct txns *t, const struct sip_msg *request,
    const struct flow *from, struct span method, uint8_t id[TXN_ID_LEN]);
/* The 8.2.2.2 key: the same for a copy by another path.  The Request-URI is
 * in it because a call may come back through a PBX with another one
 * (spiral): that is no copy. */
void txn_merge_id(const struct txns *t, const struct sip_msg *request,
    const struct flow *from, uint8_t id[TXN_ID_LEN]);
/* The same for a request of ours, by our branch and the method (17.1.3). */
void txn_branch_id(const struct txns *t, struct span branch,
    struct span method, uint8_t id[TXN_ID_LEN]);
uint64_t txn_id_hash(const uint8_t id[TXN_ID_LEN]);

/* ---- our tags and branches: keyed hashes of the upstream request, so that
 * its retransmission is recognised even after a restart ---- */

#define TAG_LEN 16		/* lower-case hexadecimal */
#define BRANCH_LEN (7 + 24)	/* "z9hG4bK" and hexadecimal */

/* The To tag that answers this request; mem of TAG_LEN bytes; lent = mem. */
struct span txn_tag(const struct txns *t, const struct sip_msg *request,
    const struct flow *from, char *mem);
/* A branch for the which-th request that this upstream request makes us
 * send (fork number, or any number of the caller's that does not repeat). */
struct span txn_branch(const struct txns *t, const struct sip_msg *request,
    const struct flow *from, uint32_t which, char *mem);
/* A branch for a request that no upstream request caused: from a string
 * that is unique to it (dialog and CSeq, say). */
struct span txn_branch_own(const struct txns *t, struct span unique,
    char *mem);

#endif
