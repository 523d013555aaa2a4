/*
 * What the files of the keeping part share; nobody else includes this.
 *
 * keep.c (tables of flows and homes), probe.c (keepalives, and what their
 * answers teach), keep_alg.c (SIP ALGs of homes), keep_nat.c (do their routers move ports), keep_stun.c (our own mapping, for stunmon); pace.h has the
 * rule.
 */
#ifndef SIGPROXY_CORE_KEEP_PRIV_H
#define SIGPROXY_CORE_KEEP_PRIV_H

#include "common/base/htab.h"
#include "common/base/pool.h"
#include "common/codec/stun_ask.h"
#include "sigproxy/core/alg.h"
#include "sigproxy/core/keep.h"
#include "sigproxy/core/pace.h"
#include "sigproxy/core/verdict.h"

#define KEEP_NUMBER_MAX 32
#define HOME_NATS (HOME_SYMMETRIC + 1)
#define KEEP_MISSING_MAX 32	/* named at once */

/* An IP from which phones are registered, or were: what was learnt of its
 * router outlives them. */
struct home {
	struct htab_node node;
	struct addr ip;		/* port 0 */
	uint32_t flows;
	struct pace udp, stream;
	uint8_t udp_alg, stream_alg;	/* enum alg_sign of its router */
	uint32_t nats[HOME_NATS];	/* its flows by what they show of it */
	uint8_t proved;		/* enum home_nat, of its phones' media */
	struct mono idle_since;	/* with no flows: in the list of idle ones */
	struct home *idle_prev, *idle_next;
};

/* Does the phone at the end of a flow answer OPTIONS? */
enum voice { VOICE_NEW, VOICE_TALKS, VOICE_MUTE };

struct kept {
	struct htab_node node;
	struct flow flow;
	struct timer timer;
	struct mono until;
	struct home *home;
	enum voice voice;
	/* What shows that the way is open: an answer to what we asked, or a
	 * REGISTER with the right digest.  Everything else that comes by the
	 * flow may be forged and shows nothing, but it may have refreshed the
	 * router's mapping: it stirs. */
	struct mono proof;	/* 0: none yet */
	uint32_t stirs;		/* since */
	struct mono stirred;	/* the first of them */
	/* The question that waits for its answer. */
	uint8_t tries;		/* times it was sent; 0: none waits */
	bool is_baited;		/* the newest copy had the bait (alg.h) */
	uint64_t token;
	struct mono asked;	/* sent first */
	uint32_t silence_ms;	/* from the proof to it */
	uint32_t stirs_before;
	uint32_t misses;	/* questions without answer, in a row */
	struct mono registered;	/* by the last REGISTER; 0: not seen */
	uint32_t period_ms;	/* between its last two; 0: not known */
	uint16_t used_port;	/* of ours, by its own words; 0: none */
	/* To name it, should it not come back. */
	struct addr server;	/* it is set to this address; none: a name, or
				 * not known */
	uint8_t n_number;	/* 0: not known */
	char number[KEEP_NUMBER_MAX];
	uint8_t nat;		/* enum home_nat, by its last REGISTER */
};

/* A phone that our public address left behind. */
struct missing {
	uint8_t n_number;	/* 0: not in use */
	char number[KEEP_NUMBER_MAX];
	struct addr at;		/* where it was reached last */
	struct addr server;
	struct mono since;
	uint32_t seen_s;	/* before that */
	struct mono due;	/* it is named then; 0: it was */
};

struct keep {
	struct timerq *timers;
	struct pool flows, homes;
	struct htab by_flow, by_ip;
	struct home *idle, *idle_last;	/* newest first */
	uint32_t n_idle;
	struct stun_ask stun;
	bool stun_wanted;
	bool address_awaited;
	bool address_late;	/* not waited for any more */
	struct timer address_timer;
	uint64_t serial;	/* for tokens and jitter */
	struct mono slot;	/* the present tenth of a second */
	uint32_t slot_sent;
	uint64_t sent, answered, unanswered, late, full;
	struct mono changed_at;	/* our address did; 0: not since the start */
	struct addr was;	/* the one before */
	struct missing missing[KEEP_MISSING_MAX];	/* newest overwrite */
	unsigned next_missing;
	struct timer missing_timer;	/* the first that is due */
	uint64_t n_missing;	/* ever */
	uint64_t algs;		/* found, ever */
	bool reached[EDGE_LISTENERS_MAX];	/* by UDP, from outside */
};

/* ---- keep.c ---- */

struct kept *keep_find(const struct keep *k, const struct flow *f);

/* ---- probe.c ---- */

/* A new flow, or one that registered. */
void probe_begin(struct keep *k, struct mono now, struct kept *kept);
void probe_registered(struct edge *e, struct mono now, struct steps *st,
    struct kept *kept);
/* The phone came by another flow, or its connection closed. */
void probe_ends(struct edge *e, struct mono now, struct steps *st,
    struct kept *kept, bool has_moved);
/* Its timer, and it has not expired. */
void probe_due(struct edge *e, struct mono now, struct steps *st,
    struct kept *kept);

/* ---- missing.c ---- */

/* A flow ends by itself: had its phone come back since the change? */
void missing_check(struct edge *e, struct mono now, struct steps *st,
    const struct kept *kept);
void missing_changed(struct edge *e, struct mono now, struct steps *st,
    const struct addr *was);
/* PHONE_LOST: kept by the sigproxy before. */
void missing_restore(struct edge *e, struct mono now, struct steps *st,
    const struct ipc_phone_lost *m);
void missing_status(const struct keep *k, struct mono now, struct buf *json);

/* ---- keep_alg.c ---- */

/* Shall the next copy of the question have the bait? */
bool keep_alg_asks(const struct kept *kept);
/* What the answer, or a request, shows.  Gives: it was not known. */
bool keep_alg_answer(struct keep *k, struct steps *st, struct kept *kept,
    const struct sip_msg *answer);
bool keep_alg_note(struct keep *k, struct steps *st, struct kept *kept,
    enum alg_sign sign);

/* ---- keep_nat.c ---- */

void keep_nat_dropped(struct kept *kept);

/* ---- keep_stun.c ---- */

void keep_stun_servers(struct keep *k, const struct edge_conf *c);
void keep_stun_send(struct edge *e, struct mono now, struct steps *st,
    const struct ipc_stun_send *m);
void keep_stun_test(struct edge *e, struct mono now, struct steps *st,
    const struct ipc_stun_test *m);
void keep_public_addr(struct edge *e, struct mono now, struct steps *st,
    const struct ipc_public_addr *m);

#endif
