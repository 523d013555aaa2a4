/*
 * What stands on a SIP port beside SIP: STUN and bare keepalives (RFC 7983,
 * RFC 5626 4.4 and 8).
 *
 * We are the STUN server of our phones: a Binding Request that comes to a SIP
 * socket by UDP is answered there, before any registration, under the budget
 * of its source (guard.h).  It changes no flow, no home and no registration.
 * Answers to what stunmon asked by the same socket are keep.h's.
 */
#ifndef SIGPROXY_CORE_STUND_H
#define SIGPROXY_CORE_STUND_H

#include "sigproxy/core/edge.h"

/* A datagram; gives true when it was none of SIP's and is done with. */
bool stund_takes(struct edge *e, struct mono now, struct steps *st,
    const struct flow *from, struct span packet);

#endif
