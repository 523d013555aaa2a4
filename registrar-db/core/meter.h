/*
 * Metering of wrong answers, so that nobody guesses passwords and nobody can
 * lock somebody else out.
 *
 * A source that registered a subscriber has a budget of its own for that
 * subscriber; everybody else shares one for each subscriber.  Strangers as a
 * whole and known sources as a whole have a budget too, two separate ones.
 * So strangers can empty only what strangers use.
 *
 * Names that do not exist have no budget: there is nothing to guess, and the
 * answer is the same 403 either way.  But whoever tries any name, from one
 * address or one prefix (/24, /48) of the internet, spends the budget of that
 * place; when it is gone nothing from there is looked at.  A place where any
 * subscriber registered has no such budget: who guesses beside a good phone
 * takes nothing from it.
 *
 * A source is an IPv4 address or an IPv6 /64: one home has one of either.
 *
 * Of what a home has for a subscriber, a part is kept for who did not guess
 * lately by its port, and a part for calls for help: a phone that comes back
 * there by a new port is looked at although somebody guesses beside it.  The
 * parts together are what one budget would be.
 */
#ifndef REGDB_CORE_METER_H
#define REGDB_CORE_METER_H

#include "common/base/addr.h"
#include "common/base/mono.h"

/* Together 5 a minute for a subscriber with one home. */
#define METER_BURST 10
#define METER_STRANGERS_MS 20000	/* one more wrong answer after */
/* Of a home, 10 and then 2 a minute: for all, and kept for either. */
#define METER_KNOWN_BURST 6
#define METER_KNOWN_MS 60000
#define METER_KEPT_BURST 2
#define METER_KEPT_MS 120000
/* Together 20 a second in all. */
#define METER_ALL_BURST 20
#define METER_ALL_MS 100

/* Whatever names are tried: of one address 2 a minute more, of one prefix 10. */
#define METER_ADDRESS_BURST 20
#define METER_ADDRESS_MS 30000
#define METER_PREFIX_BURST 100
#define METER_PREFIX_MS 6000
#define METER_PLACES 16384	/* remembered of either */

/* Sources remembered, and subscribers with recent wrong answers.  At the
 * limit the longest unused, or the fullest budget, is forgotten. */
#define METER_ENTRIES 65536

struct meter;

/* NULL: no memory. */
struct meter *meter_new(void);
void meter_free(struct meter *m);

/* Is there budget left to look at an answer of this subscriber from this
 * source?  Takes nothing from it.
 *
 * Takes:   urgent  it calls for help. */
bool meter_may_try(struct meter *m, struct mono now, int64_t subscriber,
    const struct addr *source, bool urgent);
/* The answer was wrong. */
void meter_wrong(struct meter *m, struct mono now, int64_t subscriber,
    const struct addr *source, bool urgent);
/* The source registered this subscriber. */
void meter_known(struct meter *m, struct mono now, int64_t subscriber,
    const struct addr *source);
/* Is this place within its budgets?  Always where somebody registered. */
bool meter_place_may(struct meter *m, struct mono now,
    const struct addr *source);
/*
 * A refused answer came from there, whoever it named.
 *
 * Gives:   which budget it took the last of, the wider one if both.
 */
enum meter_over { METER_WITHIN, METER_ADDRESS_OVER, METER_PREFIX_OVER };
enum meter_over meter_place_wrong(struct meter *m, struct mono now,
    const struct addr *source);
/* The prefix that counts as one place. */
struct addr_prefix meter_prefix(const struct addr *source, bool wide);
/* A hash of a name under this process's secret key. */
uint64_t meter_hash(const struct meter *m, struct span name);
bool meter_is_known(struct meter *m, int64_t subscriber,
    const struct addr *source);

#endif
