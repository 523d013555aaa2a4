/*
 * Registrations of our own (RFC 3261 10.2): at an ITSP that wants to be told
 * where we are, and in front of a PBX one for each subscriber who has a
 * phone here (docs/mirror.md).
 *
 * registrar-db says which are wanted (ACCOUNT_WANT) and computes the digests;
 * here is when and how: refreshed before they expire, after a failure tried
 * again as RFC 5626 4.5 has it, never two within REGC_PACE_MS, so that
 * neither a start nor a registrar that comes back meets a burst.  The Contact
 * is a token that stays the same over restarts: a call that comes for it is
 * for this registration.
 *
 * A registrar may redirect us nowhere (3xx counts as a refusal), and its
 * Service-Route, Path and P-Associated-URI count for nothing: the way to a
 * trunk is what the admin wrote.
 */
#ifndef SIGPROXY_CORE_REGCLIENT_H
#define SIGPROXY_CORE_REGCLIENT_H

#include "common/base/timerq.h"
#include "sigproxy/core/edge.h"
#include "sigproxy/sip/msg.h"

enum {
	REGC_MAX = 2048,	/* registrations */
	REGC_PACE_MS = 50,	/* between two first requests */
	/* RFC 5626 4.5, when nothing is registered. */
	REGC_BACKOFF_BASE_MS = 30000,
	REGC_BACKOFF_MAX_MS = 1800000,
	/* A refused password: so often guessed wrong a registrar bans us. */
	REGC_REFUSED_MS = 600000,
	REGC_EXPIRES_LEAST_S = 30,
	REGC_EXPIRES_MOST_S = 86400,
	REGC_ORACLE_MS = 5000,	/* for an answer of registrar-db */
	REGC_TOKEN_LEN = 16,	/* of a Contact's user */
};

struct regclient;

/* Errors: NULL for no memory. */
struct regclient *regclient_new(struct timerq *timers, uint32_t max);
void regclient_free(struct regclient *c);
/* Timers it needs. */
uint32_t regclient_timers(uint32_t max);
/* Tokens are made with it; before the first ACCOUNT_WANT. */
void regclient_set_key(struct regclient *c, const uint8_t *key, size_t len);

/* ACCOUNT_WANT, ACCOUNT_SAY.  Errors: as edge_frame(). */
int regclient_frame(struct edge *e, struct mono now, struct steps *st,
    uint16_t type, struct span payload);
/* registrar-db's door opened or closed. */
void regclient_peer(struct edge *e, struct mono now, bool up);
/* This trunk is reached otherwise now, or at last: what fails there or was
 * registered by the old way is done anew, at the usual pace. */
void regclient_trunk_moved(struct edge *e, struct mono now, uint32_t trunk);
/* TIMER_REGC. */
void regclient_due(struct edge *e, struct mono now, struct steps *st,
    struct timer *timer);

/* What a Request-URI's user says; spans are lent until the next event. */
struct regclient_found {
	uint64_t id;
	uint32_t trunk;
	enum account_kind kind;
	struct span number, user, host;
};
/* False: nobody's token. */
bool regclient_by_token(const struct regclient *c, struct span token,
    struct regclient_found *out);
/*
 * Whom a trunk's INVITE is for.  To a registration's token: of a mirror the
 * subscriber; else the number that was called before (P-Called-Party-ID, RFC
 * 7315 4.2; To).  To nobody's token: the Request-URI's.
 *
 * Takes:   mem  URI_USER_MAX bytes.
 * Errors:  -ENOENT no number is named.
 */
int regclient_called(const struct regclient *c, uint32_t trunk,
    const struct sip_msg *m, char *mem, struct span *out);
/* Is it registered, as far as we know? */
bool regclient_is_up(const struct regclient *c, uint64_t id);
/* The token of it, REGC_TOKEN_LEN bytes. */
void regclient_token(const struct regclient *c, uint64_t id, char *out);

/* Members of a JSON object without braces. */
void regclient_status(const struct regclient *c, struct mono now,
    struct buf *json);

#endif
