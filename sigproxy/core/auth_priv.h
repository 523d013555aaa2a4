/*
 * What auth.c (questions) and challenge.c (nonces, refusals) share.
 */
#ifndef SIGPROXY_CORE_AUTH_PRIV_H
#define SIGPROXY_CORE_AUTH_PRIV_H

#include "sigproxy/core/auth.h"
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/nonces.h"

#define SOURCE_SLOTS 4096

struct auth_question {
	struct htab_node node;		/* by id */
	struct auth_question *next, **link;	/* oldest first */
	struct timer deadline;
	struct stxn *stxn;
	uint32_t id;
	enum auth_purpose purpose;
	bool is_asked;			/* of the registrar-db that is up */
};

struct auth {
	struct timerq *timers;
	struct timer timer;		/* nonces to fetch, questions to put */
	struct nonces *nonces;
	struct digest *digest;		/* hashes bodies for auth-int */
	bool had_nonces;
	uint32_t nonces_asked;		/* awaited */
	struct mono nonces_asked_at;
	struct pool questions;
	struct htab by_id;
	struct auth_question *first, **last;
	uint32_t n_unasked;
	uint32_t next_id;
	uint32_t refusals;		/* transactions kept after a refusal */
	uint16_t per_source[SOURCE_SLOTS];
	uint64_t challenges, stale, asked, late, refused, no_nonce, next;
};

/* TIMER_NONCES not later than this. */
void auth_wake(struct auth *a, struct mono at);
/* Ask registrar-db for nonces if the stock is low or old. */
void auth_fetch_nonces(struct edge *e, struct mono now, struct steps *st);
/* A quoted string with this content (RFC 3261 25.1). */
void auth_put_quoted(struct buf *b, struct span s);
/* A stateless 401 within the source's budget. */
void auth_challenge(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in, bool stale);

#endif
