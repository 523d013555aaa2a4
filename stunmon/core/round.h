/*
 * One mapping's rounds of questions and what the answers decide; a part of
 * mapping.c, which keeps the table.
 */
#ifndef STUNMON_CORE_ROUND_H
#define STUNMON_CORE_ROUND_H

#include "stunmon/core/mapping.h"

/* Start a round if it is time; ask more servers where one keeps silent. */
void round_advance(struct mappings *v, struct mapping *m,
    struct mono now);
/* A server's answer that passed every check. */
void round_vote(struct mappings *v, struct mapping *m, unsigned s,
    const struct addr *mapped, struct mono now);
/* A server's answer that says nothing, or nothing that may be believed. */
void round_failed(struct mappings *v, struct mapping *m, unsigned s,
    struct mono now);
/* When round_advance() or a retransmission is due. */
struct mono round_due(const struct mapping *m);

/* mapping.c: a server is silent: does it have another address, to be used
 * from now on?  False: all were tried since it answered last. */
bool mapping_next_address(struct mappings *v, unsigned i, struct mono now);
/* mapping.c: a mapping was believed, confirmed or lost. */
void mapping_site_changed(struct mappings *v, struct mono now);

#endif
