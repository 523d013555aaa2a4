/*
 * A gate of two listeners with a relay or two behind it, for targets that feed the core of
 * sigproxy.
 */
#ifndef TESTS_FUZZ_GATE_H
#define TESTS_FUZZ_GATE_H

#include "sigproxy/core/edge.h"
#include "sigproxy/core/step.h"

/* Small enough that its limits are met; the rest of c stays. */
void gate_conf(struct edge_conf *c);

/* A frame of registrar-db's, which must be taken. */
void gate_frame(struct edge *e, struct mono now, struct steps *st,
    uint16_t type, struct span payload);

/* From timer to timer, until there is none for an hour. */
void gate_pass_time(struct edge *e, struct mono now, struct steps *st);

#endif
