/* What regclient.c (which, when) and regclient_talk.c (what is said) share. */
#ifndef SIGPROXY_CORE_REGCLIENT_PRIV_H
#define SIGPROXY_CORE_REGCLIENT_PRIV_H

#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/leg.h"
#include "sigproxy/core/regclient.h"
#include "sigproxy/core/trunk_ping.h"

enum regc_step {
	REGC_IDLE,	/* its timer says when the next one begins */
	REGC_SENT,	/* a REGISTER has no final answer */
	REGC_ORACLE,	/* registrar-db is asked for a digest */
};

/* The registrar's last challenge; text as it stood between the quotes. */
struct regc_challenge {
	bool is_set;
	bool is_proxy;		/* a 407 */
	bool has_qop;		/* auth */
	TEXT(128) realm;
	TEXT(256) nonce;
	TEXT(128) opaque;
	TEXT(16) algorithm;	/* as it was written; empty: none */
	uint32_t nc;		/* answers given with this nonce */
	char cnonce[16];	/* hexadecimal, of the last one */
};

struct regc {
	struct htab_node by_id, by_token;
	struct timer timer;
	uint64_t id, stamp;
	uint32_t trunk;
	uint8_t kind;		/* enum account_kind */
	char token[REGC_TOKEN_LEN];
	TEXT(64) user;
	TEXT(255) host;
	TEXT(32) number;
	uint32_t expires_s;	/* wanted */
	uint32_t asks_s;	/* the same, or more after a 423 */
	enum regc_step step;
	bool is_told;		/* wanted by the registrar-db that is up */
	bool is_ending;		/* Expires: 0, then it goes */
	bool has_slot;		/* its turn came by the pace */
	struct ctxn *txn;
	struct flow to;		/* of the last request */
	uint32_t cseq, question;
	unsigned answered;	/* challenges, in this attempt */
	unsigned unplaced;	/* in a row: nowhere to send it */
	unsigned raised;	/* 423s, in this attempt */
	struct regc_challenge challenge;
	struct mono until;	/* registered so long; 0: not */
	unsigned failures;	/* one after another */
	uint16_t status;	/* of the registrar; 0: none */
	uint8_t said;		/* enum account_state told last; 0: none */
	TEXT(120) why;
};

struct regclient {
	struct timerq *timers;
	struct pool pool;
	struct htab ids, tokens;
	uint8_t key[32];
	char life[16];		/* this process's, in Call-IDs and tags */
	struct mono next_slot;
	uint32_t next_question;
	uint64_t sent, granted, refused, unanswered;
};

/* Something to begin with: a REGISTER, or a question about its digest. */
void regc_begin(struct edge *e, struct mono now, struct steps *st,
    struct regc *r);
/* ACCOUNT_SAY to what this one asked. */
void regc_digest(struct edge *e, struct mono now, struct steps *st,
    struct regc *r, const struct ipc_account_say *say);
/* Forget what is under way. */
void regc_stop(struct regclient *c, struct regc *r);

/* ---- what came of it: regclient.c ---- */

void regc_registered(struct edge *e, struct mono now, struct steps *st,
    struct regc *r, uint32_t expires_s);
/*
 * Takes:   status   of the registrar, or 0.
 *          least_ms  not again before; a Retry-After, say.
 */
void regc_failed(struct edge *e, struct mono now, struct steps *st,
    struct regc *r, uint16_t status, uint64_t least_ms, struct span why);
/* It is nobody's fault but ours: soon again, and nobody is told. */
void regc_later(struct edge *e, struct mono now, struct regc *r);

#endif
