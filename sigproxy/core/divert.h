/*
 * Redirection by the phone that is called: 300, 301 or 302 to an INVITE
 * (RFC 3261 8.1.3.4, 16.7).  Belongs to the call part; see call_priv.h.
 *
 * The best Contact (by q) that is a number of ours is where the call goes on,
 * if registrar-db grants it to the number whose phone redirects: the caller's
 * right was for that number only.  What is not ours is never followed, and the
 * other Contacts are not tried.  It is the answer that counts when all devices
 * have answered and none took the call or declined it for all (6xx).
 *
 * At most five in a row, and never back to a number the call was for.
 */
#ifndef SIGPROXY_CORE_DIVERT_H
#define SIGPROXY_CORE_DIVERT_H

#include "sigproxy/core/leg.h"

#define DIVERTS_MAX 5
#define DIVERT_REFUSED "SIP;cause=302;text=\"Redirection not followed\""

enum { DIVERT_ASK_MS = 3000, DIVERT_WHYS = 10 };

/* The way that a call came. */
struct diversion {
	uint8_t n;
	struct {
		TEXT(32) number; /* who redirected */
		uint8_t why;     /* below DIVERT_WHYS */
	} step[DIVERTS_MAX];
	/* While registrar-db is asked. */
	bool asked;
	uint32_t id;
	TEXT(32) to;
	uint8_t why;
};

/* A branch was refused, NULL: without an answer.  Keep where its phone wants
 * the call to go. */
void divert_learn(
    const struct ctx *x, struct leg *leg, const struct sip_msg *msg);
/* `by` wanted this call, or its other phone, to go to a URI that is no number
 * of ours: registrar-db keeps the refusal. */
void away_note(const struct ctx *x, const struct call *call, enum away_via via,
    struct span by, const struct uri *uri);
/* That refusal is the call's best.  False: it is not to be followed. */
bool divert_begin(
    const struct ctx *x, struct call *call, const struct leg *leg);
/* Those that said their last word; the others stay until they have. */
void divert_drop_branches(const struct ctx *x, struct call *call);
/* No answer came: the call ends. */
void divert_refuse(const struct ctx *x, struct call *call);
/* registrar-db came: the one before may have died with the question. */
void divert_again(struct steps *st, const struct call *call);
/* Diversion and History-Info of a branch's INVITE, in the office only
 * (RFC 5806, RFC 7044). */
void divert_put(const struct edge *e, struct buf *b, const struct leg *leg);

#endif
