/*
 * Where trunks with names are, as stunmon resolved them (RFC 3263).
 */
#ifndef SIGPROXY_CORE_TRUNK_AT_H
#define SIGPROXY_CORE_TRUNK_AT_H

#include "sigproxy/core/trunks.h"

/* TRUNK_AT.  Errors: as edge_frame(). */
int trunk_at_frame(struct edge *e, struct mono now, struct steps *st,
    struct span payload);
/* All trunks are told: what stunmon had said of them before. */
void trunks_recall(struct edge *e, struct mono now, struct steps *st);

#endif
