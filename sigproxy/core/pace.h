/*
 * How long a home's router keeps the way to its phones open, as far as
 * answers have shown, and how long a silence is worth trying next.
 *
 * Begins with PACE_MIN_MS, which every router known bears, and never asks a
 * phone after a longer silence than one that was proven, except to try one:
 * up to half as long again, ending shortly before the phone's next REGISTER
 * is due, which heals the mapping should the trial have cost it.  A silence
 * that was not answered is not tried again for PACE_RETRY_MS, then for twice
 * that and so on up to a day.  Pure: plain numbers and the time.
 */
#ifndef SIGPROXY_CORE_PACE_H
#define SIGPROXY_CORE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/mono.h"

enum {
	PACE_MIN_MS = 4000,
	PACE_MAX_MS = 60000,
	/* A trial ends so long before the REGISTER it counts on. */
	PACE_LEAD_MS = 2500,
	PACE_RETRY_MS = 600000,
	PACE_RETRY_MAX_MS = 86400000,
};

struct pace {
	uint32_t proven_ms;	/* the silence that is kept to */
	uint32_t lost_ms;	/* one that was not answered; 0: none */
	struct mono retry;	/* before, none that long is tried */
	uint32_t hold_ms;	/* how long was waited for that */
	bool is_seen;		/* an answer confirmed it, or an earlier life */
};

void pace_init(struct pace *p);
/* What an earlier life learnt; anything may stand in it. */
void pace_restore(struct pace *p, struct mono now, uint32_t proven_ms,
    uint32_t lost_ms);

/*
 * The next silence to keep.
 *
 * Takes:   left_ms  until the phone's next REGISTER; 0: not known.
 * Gives:   milliseconds; *is_trial: it is longer than what was proven.
 */
uint32_t pace_plan(const struct pace *p, struct mono now, uint64_t left_ms,
    bool *is_trial);

/* An answer came after a silence that nothing interrupted, none came, or a
 * REGISTER shows that the mapping is another one.  Give: the pace changed, or
 * was confirmed for the first time. */
bool pace_answered(struct pace *p, uint32_t silence_ms);
bool pace_lost(struct pace *p, struct mono now, uint32_t silence_ms);

#endif
