/*
 * Calls for help: which INVITEs may be asked about without a digest answer.
 * Whether one is an emergency call registrar-db decides.
 */
#ifndef SIGPROXY_CORE_URGENT_H
#define SIGPROXY_CORE_URGENT_H

#include "sigproxy/core/creds.h"
#include "sigproxy/core/step.h"

struct edge;

/* An INVITE that begins a call to what may be an emergency number, whatever
 * host stands behind it and wherever it comes from. */
bool urgent_may_be(const struct edge *e, const struct sip_msg *m);
/* An INVITE of the office's that begins a call to what may be an emergency
 * number: one of [site] emergency, however it is separated, or
 * urn:service:sos. */
bool urgent_is(const struct edge *e, const struct sip_msg *m,
    const struct flow *from);

/*
 * creds_find(); and where there is none and urgent_is(), an answer that says
 * no more than what is called.
 *
 * Errors:  as creds_find().
 */
int urgent_creds(const struct edge *e, const struct sip_msg *m,
    const struct flow *from, struct creds *out);
/* Is it such an answer? */
bool urgent_is_bare(const struct creds *c);

#endif
