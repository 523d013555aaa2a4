/*
 * What registrar-db has to say about calls that run: may a phone send the
 * other one elsewhere (REFER), and which calls are to end.
 *
 * A REFER waits for the answer: whoever sends somebody to a number needs the
 * right to call it himself, or a stolen password would borrow the right of
 * any phone in the office.  One of a call at a time.
 */
#ifndef SIGPROXY_CORE_CONSENT_H
#define SIGPROXY_CORE_CONSENT_H

#include "sigproxy/core/txn.h"

struct call;
struct ctx;
struct leg;

enum { CONSENT_ASK_MS = 8000 };

struct consent {
	struct stxn *server; /* the REFER's; NULL: nothing is asked */
	struct leg *from;
	uint32_t id, cseq;
	struct timer timer;
};

/* A REFER inside a dialog whose phones both talk; t is taken. */
void consent_ask(const struct ctx *x, struct leg *leg, struct stxn *t,
    const struct sip_msg *msg);
/* registrar-db came: what the one before may not have answered. */
void consent_again(const struct ctx *x, struct call *call);
/* No answer came. */
void consent_due(const struct ctx *x, struct call *call);
/* The call ends. */
void consent_end(const struct ctx *x, struct call *call);

/* REFER_SAY and CALL_END.  Errors: of the frame. */
int consent_frame(struct edge *e, struct mono now, struct steps *st,
    uint16_t type, struct span payload);

#endif
