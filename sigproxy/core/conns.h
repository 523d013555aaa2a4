/*
 * Connections that live now (TCP; TLS later).
 *
 * A flow by a stream is a way to its phone as long as that connection is
 * open, and nobody ever dials another one.  The shell says which ones there
 * are; everybody else asks here.  Fixed size.
 */
#ifndef SIGPROXY_CORE_CONNS_H
#define SIGPROXY_CORE_CONNS_H

#include "sigproxy/core/step.h"

struct conns;

/* Errors: NULL for no memory. */
struct conns *conns_new(uint32_t max);
void conns_free(struct conns *c);

/* false: the table is full, or the number is in use. */
bool conns_add(struct conns *c, const struct flow *flow);
/* One that is not there is fine. */
void conns_del(struct conns *c, const struct flow *flow);
uint32_t conns_count(const struct conns *c);

/* Can this flow be sent to?  Always for UDP, and if c is NULL. */
bool conns_live(const struct conns *c, const struct flow *flow);

/* Its peer showed a right password. */
void conns_prove(struct conns *c, const struct flow *flow);
/* The same, with a REGISTER.  Gives: true for the first one. */
bool conns_register(struct conns *c, const struct flow *flow);
bool conns_is_proven(const struct conns *c, const struct flow *flow);

/* Client transactions by this flow; by: 1 or -1.  c may be NULL. */
void conns_asked(struct conns *c, const struct flow *flow, int by);
bool conns_is_asked(const struct conns *c, const struct flow *flow);

#endif
