/*
 * Budgets: how much a source may make us say before it has proved anything.
 *
 * A fixed table of token buckets, one for each address and one for each
 * prefix (/24, /48), under a secret hash; an entry that is full again is
 * worth nothing and is replaced first.  Forged sources can fill the table but
 * then meet the budget of all strangers together.  A source with a live
 * registration has its own, much larger one and is never silenced by others.
 *
 * Who asks for more than that, is answered in the next seconds only as far as
 * it pays for it: the answers of any ten seconds then have fewer bytes than
 * the questions.  So nobody gains by writing a victim's address on them.
 *
 * Used for answers that need no proof (challenges, refusals).  Nothing here
 * decides about a request that carries a right digest.
 */
#ifndef SIGPROXY_CORE_GUARD_H
#define SIGPROXY_CORE_GUARD_H

#include "common/base/addr.h"
#include "common/base/mono.h"

/* Answers a second, and how many at once. */
enum {
	GUARD_ADDRESS_RATE = 20, GUARD_ADDRESS_BURST = 60,
	GUARD_PREFIX_RATE = 100, GUARD_PREFIX_BURST = 300,
	GUARD_ALL_RATE = 4000, GUARD_ALL_BURST = 4000,
	GUARD_KNOWN_RATE = 2000, GUARD_KNOWN_BURST = 4000,
	/* For those who call us by no name of ours: one in 30 s. */
	GUARD_NAMELESS_BURST = 3, GUARD_NAMELESS_MS = 30000,
	/* For those who know us by our address alone: one in 5 s. */
	GUARD_BARE_BURST = 18, GUARD_BARE_MS = 5000,
	GUARD_OVER_S = 10,	/* after the last that was too much */
};

enum guard_who {
	GUARD_STRANGER,		/* nothing known */
	GUARD_NAMELESS,		/* a stranger who uses none of our names */
	GUARD_BARE,		/* a stranger who uses our bare address */
	GUARD_SILENT,		/* a stranger who gets no answer at all */
	GUARD_KNOWN,		/* a live registration, or the office's LAN */
};

struct guard;

/* Errors: NULL for no memory. */
struct guard *guard_new(void);
void guard_free(struct guard *g);

/*
 * May one more answer go to this address?  If so it is counted.
 *
 * Takes:   in_bytes  of what is answered, with the headers of IP and UDP; the
 *                    answer has at most one and a half times as many.
 */
bool guard_allow(struct guard *g, struct mono now, const struct addr *a,
    enum guard_who who, size_t in_bytes);

/* IP and UDP, in bytes. */
#define GUARD_HEADERS 28

#endif
