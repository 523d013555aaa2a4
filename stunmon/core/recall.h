/*
 * From what stunmon knows to what it keeps (kept.h), and back at a start.
 *
 * The address comes back only where it was true: by the same own addresses,
 * and not after RECALL_MOST_S.  The history comes back always.
 *
 * Pure.
 */
#ifndef STUNMON_CORE_RECALL_H
#define STUNMON_CORE_RECALL_H

#include "stunmon/core/kept.h"
#include "stunmon/core/second.h"

/* An address that nobody confirmed for so long is as good as none. */
#define RECALL_MOST_S (30 * 86400)
/* How fine the time of the last confirmation is kept. */
#define RECALL_GRAIN_S 600

struct recall {
	struct mappings *mappings;
	struct nat *nat;
	struct dynname *dynname;
	struct second *second;
	const struct addr *local;	/* our external addresses */
	unsigned n_local;
	int64_t sure_s;		/* the site's address was confirmed, wall
				 * clock; 0: never */
};

/* Time has passed: is the address confirmed at this moment? */
void recall_tick(struct recall *r, struct mono now, int64_t wall_s);
void recall_take(const struct recall *r, struct kept *out);
/*
 * At a start.
 *
 * Takes:   with_address  false: it is configured, only the history counts.
 * Gives:   the address came back.
 */
bool recall_give(struct recall *r, const struct kept *k, bool with_address,
    struct mono now, int64_t wall_s);

#endif
