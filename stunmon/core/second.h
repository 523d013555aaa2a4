/*
 * A second source of our address: while no STUN server answers, the name
 * that phones use says where we are, if it leads elsewhere than it did when
 * a server last agreed.  A name that was wrong all the time proves nothing.
 *
 * Only a name that is written as ours, or that led to us once (dynname.h).
 * Not before SECOND_PATIENCE_MS after a start: a server may still answer.
 *
 * Pure.
 */
#ifndef STUNMON_CORE_SECOND_H
#define STUNMON_CORE_SECOND_H

#include "stunmon/core/dynname.h"
#include "stunmon/core/mapping.h"

#define SECOND_PATIENCE_MS 5000

struct second {
	struct addr then;	/* where the name led while STUN answered last;
				 * ADDR_NONE: nowhere */
	uint8_t family;		/* of the sockets that STUN is asked from */
};

/* Look at both, and let the site be where the name leads if need be. */
void second_look(struct second *s, struct mappings *v,
    const struct dynname *d, struct mono now);
/* When to look again without any input; MONO_NEVER: not needed. */
struct mono second_due(const struct mappings *v, struct mono now);

#endif
