/*
 * Calls by trunks: which way a call goes out, what the next one is when that
 * fails (RFC 3263 4.3, then the routes), and what a trunk is told about who
 * calls (RFC 3325).
 *
 * The ways come with the oracle's verdict; there are no others.
 */
#ifndef SIGPROXY_CORE_TRUNK_CALL_H
#define SIGPROXY_CORE_TRUNK_CALL_H

#include "sigproxy/core/trunk_digest.h"
#include "sigproxy/core/trunks.h"

/* INVITEs of one call to trunks, challenged ones apart. */
#define TRUNK_TRIES_MAX 8
/* Answers to challenges of one INVITE: one, and one for a stale nonce. */
#define TRUNK_ANSWERS_MAX 2
#define TRUNK_ASK_MS 2000	/* for registrar-db to compute one */
#define TRUNK_RETRY_AFTER_S 10

struct way {
	uint32_t trunk, route;
	TEXT(32) number;
	TEXT(64) caller;
};

/* How a call goes out, in struct call. */
struct outgoing {
	uint8_t n;		/* ways; 0: it is for subscribers */
	uint8_t at;		/* the one under way */
	uint8_t next_flow;	/* of its trunk */
	uint8_t tries;
	uint8_t answers;	/* to challenges of this INVITE */
	bool asked;		/* registrar-db computes one */
	uint32_t id;		/* of that question */
	struct trunk_challenge challenge;
	struct way way[IPC_WAYS_MAX];
};

/* Calls of this trunk, both ways. */
unsigned trunk_calls(const struct calls *c, uint32_t id);
bool trunk_has_room(const struct calls *c, const struct trunk *t);

/* Copy the ways of a verdict. */
void trunk_take_ways(struct call *call, const struct ipc_way *ways,
    unsigned n);
/*
 * The flow that is tried next, and its trunk; moves on.
 *
 * Takes:   with_external  false: only of trunks in the office.
 * Gives:   NULL: there is none left.
 */
struct trunk *trunk_choose(const struct ctx *x, struct call *call,
    bool with_external, struct flow *out);
/* Request-URI, From and To of a branch that goes there. */
void trunk_write_names(const struct ctx *x, struct leg *leg,
    const struct trunk *t);

/* The way that was tried failed.  True: another one is. */
bool trunk_next(const struct ctx *x, struct call *call, uint16_t status);
/* trunk_tried.c: this branch ends without a 2xx; msg NULL: by no answer of
 * the trunk's.  Of a phone's branch, and of one noted before, nothing is told.
 *
 * Takes:   had_invite  false: it ended while a digest was computed. */
void trunk_note_end(const struct ctx *x, const struct leg *leg,
    const struct sip_msg *msg, uint16_t status, bool had_invite);
/* 401 or 407.  True: registrar-db is asked for the answer. */
bool trunk_is_challenged(
    const struct ctx *x, struct leg *leg, const struct sip_msg *msg);
/* TRUNK_AUTH_SAY.  Errors: -EBADMSG, -ERANGE: close that door. */
int trunk_auth_frame(struct edge *e, struct mono now, struct steps *st,
    struct span payload);
/* We have no room for the call: a trunk has other servers to send it to, a
 * phone has not (R61). */
bool trunk_is_told_full(const struct leg *caller, const char *reason);
/* How long a branch may be without any answer but 100. */
uint32_t trunk_wait_ms(const struct edge *e, const struct leg *leg);
/* That time is over.  True: it said 100, so it works on it, and there is no
 * other way that could be tried instead. */
bool trunk_may_go_on(const struct ctx *x, const struct leg *leg);

/* Who calls, for a trunk: P-Asserted-Identity and Privacy. */
void trunk_put_identity(const struct edge *e, struct buf *b,
    const struct leg *leg);
/* Who calls, from what a trunk says; the text lies in mem or in msg. */
struct trunk_caller {
	struct span number, name;
	char mem[URI_USER_MAX], name_mem[64];
};
void trunk_read_caller(const struct trunk *t, const struct sip_msg *msg,
    struct trunk_caller *out);

#endif
