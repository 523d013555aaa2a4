/*
 * BYEs that phones outside by UDP did not answer.
 *
 * A home whose router forgot its mapping cannot be reached until the phone
 * sends something itself; its BYE is said again when it registers (RFC 3261
 * 15).  Its call is over meanwhile: record, checkpoint, leg and relay are
 * gone, and what is kept here is the request alone, in this process's memory.
 * A sigproxy that ends forgets it.
 *
 * Bounded: a quarter as many as calls, OWED_EACH_MAX of one number,
 * CALL_OWED_MS from the end of the call.  Whoever answered anything is owed
 * nothing, and so is who did not although it had just registered.
 *
 * It goes where a REGISTER of its number came from that showed the password:
 * by the flow the phone had, with the Contact it had from the same address,
 * or where registrar-db says that this device moved (FLOW_MOVED).
 */
#ifndef SIGPROXY_CORE_OWED_H
#define SIGPROXY_CORE_OWED_H

#include "sigproxy/core/leg.h"

#define OWED_EACH_MAX 4 /* a phone has hardly more calls at once */

struct calls;

struct owed {
	struct timer end;
	uint64_t ticket; /* of its call, for the log; 0: not in use */
	TEXT(32) number;
	struct flow flow;
	struct ctxn *bye; /* under way, or NULL */
	bool is_back;     /* it registered, and is told now */
	/* One that is larger would hardly have got there by UDP. */
	TEXT(TXN_UDP_MAX) request;
};

/* Errors: -ENOMEM. */
int owed_init(struct pool *owed, uint32_t max_calls);
/* As many as may be at once: each has a timer. */
uint32_t owed_max(uint32_t max_calls);

/* Whether leg's BYE may be kept. */
bool owed_may(const struct calls *c, const struct leg *leg);
/* The transactions of such BYEs. */
extern const struct ctxn_ops owed_ops;
/* leg->bye was sent with owed_ops: from here on it is not leg's. */
void owed_take(const struct ctx *x, struct leg *leg);
/* This number's device is reached by another flow. */
void owed_moved(const struct ctx *x, struct span number,
    const struct flow *from, const struct flow *to);
/* TIMER_CALL_OWED. */
void owed_due(const struct ctx *x, struct owed *o);

#endif
