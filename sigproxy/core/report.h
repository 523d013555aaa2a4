/*
 * Phones' own reports of how a call sounded (RFC 6035): PUBLISH or NOTIFY with
 * Event: vq-rtcpxr, to the domain, or a NOTIFY inside the call.
 *
 * Its sender proves who he is, or sends it inside his call.  The figures go
 * into the record of the call whose Call-ID it names, if that is the sender's
 * own: as his word, and as a ground for nothing.  What names another call, or
 * one that ended more than a minute ago, is answered 200 as well and dropped.
 */
#ifndef SIGPROXY_CORE_REPORT_H
#define SIGPROXY_CORE_REPORT_H

#include "sigproxy/core/auth.h"
#include "sigproxy/core/step.h"

/* So long after its end a call is known by its Call-IDs. */
#define REPORT_LATE_MS 60000

/* Is it one? */
bool report_is(const struct sip_msg *m);
/* A PUBLISH without To tag: sent to be authenticated, or answered 489. */
void report_publish(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in);
/* Of this number's phone: t is answered. */
void report_take(struct edge *e, struct mono now, struct steps *st,
    struct stxn *t, const struct sip_msg *m, struct span number);

#endif
