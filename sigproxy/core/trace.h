/*
 * What is traced: copies of messages for tracer, and which sessions the
 * relays are to show it.
 *
 * While nothing is traced each message costs one look at trace_is_on().
 * Which messages belong to a rule is found anew with each of them, by From,
 * To, Request-URI and Call-ID, so that a restart forgets nothing.  Besides,
 * the Call-IDs of calls that were found lately are remembered: answers and
 * other legs need not name the number.  Both legs of a call have the same
 * number of a call, since a masked Call-ID is opened first (callid.h).
 *
 * A tracer that is slow or away delays nothing: what it cannot take is
 * dropped and counted.
 */
#ifndef SIGPROXY_CORE_TRACE_H
#define SIGPROXY_CORE_TRACE_H

#include "sigproxy/core/auth.h"
#include "sigproxy/core/step.h"

#define TRACE_CALLS_MAX 256	/* remembered */

struct call;
struct trace;

/* Errors: NULL for no memory. */
struct trace *trace_new(void);
void trace_free(struct trace *t);

bool trace_is_on(const struct edge *e);

/* TRACE_RULES came.  Errors: of get_trace_rules(). */
int trace_frame(struct edge *e, struct mono now, struct steps *st,
    struct span payload);
/* tracer came or went; what it wants it says when it comes. */
void trace_peer(struct edge *e, bool up);

/* This message came, or leaves now: is it wanted? */
void trace_came(struct edge *e, struct mono now, struct steps *st,
    const struct flow *from, const struct sip_msg *m);
void trace_sent(struct edge *e, struct mono now, struct steps *st,
    const struct flow *to, struct span bytes);

/* This came and is not understood: does it name what is traced? */
void trace_refused(struct edge *e, struct mono now, struct steps *st,
    const struct flow *from, struct span bytes, const char *why);

/* It is known now whose call this is. */
void trace_call(struct edge *e, struct mono now, const struct call *call);
/* The relay was asked for ports for this call: is it to show its packets? */
void trace_relay(struct edge *e, struct mono now, struct steps *st,
    const struct call *call);

/* Members of a JSON object without braces. */
void trace_status(const struct edge *e, struct buf *json);

#endif
