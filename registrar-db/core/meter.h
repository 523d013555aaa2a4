/*
 * Metering of wrong answers, so that nobody guesses passwords and nobody can
 * lock somebody else out.
 *
 * A source that registered a subscriber has a budget of its own for that
 * subscriber; everybody else shares one for each subscriber.  Strangers as a
 * whole and known sources as a whole have a budget too, two separate ones.
 * So strangers can empty only what strangers use.
 *
 * Names that do not exist are not metered: there is nothing to guess, and
 * the answer is the same 403 either way.
 *
 * A source is an IPv4 address or an IPv6 /64: one home has one of either.
 */
#ifndef REGDB_CORE_METER_H
#define REGDB_CORE_METER_H

#include "common/base/addr.h"
#include "common/base/mono.h"

/* Together 5 a minute for a subscriber with one home. */
#define METER_BURST 10
#define METER_STRANGERS_MS 20000	/* one more wrong answer after */
#define METER_KNOWN_MS 30000
/* Together 20 a second in all. */
#define METER_ALL_BURST 20
#define METER_ALL_MS 100

/* Sources remembered, and subscribers with recent wrong answers.  At the
 * limit the longest unused, or the fullest budget, is forgotten. */
#define METER_ENTRIES 65536

struct meter;

/* NULL: no memory. */
struct meter *meter_new(void);
void meter_free(struct meter *m);

/* Is there budget left to look at an answer of this subscriber from this
 * source?  Takes nothing from it. */
bool meter_may_try(struct meter *m, struct mono now, int64_t subscriber,
    const struct addr *source);
/* The answer was wrong. */
void meter_wrong(struct meter *m, struct mono now, int64_t subscriber,
    const struct addr *source);
/* The source registered this subscriber. */
void meter_known(struct meter *m, struct mono now, int64_t subscriber,
    const struct addr *source);
/* A hash of a name under this process's secret key. */
uint64_t meter_hash(const struct meter *m, struct span name);
bool meter_is_known(struct meter *m, int64_t subscriber,
    const struct addr *source);

#endif
