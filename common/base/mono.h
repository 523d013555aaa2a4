/*
 * Monotonic time as a type of its own, so that it is never mixed with wall
 * clock seconds.  Core code is given the time; only common/io/clock.c asks.
 */
#ifndef COMMON_BASE_MONO_H
#define COMMON_BASE_MONO_H

#include <stdbool.h>
#include <stdint.h>

struct mono {
	uint64_t us;		/* microseconds since boot */
};

#define MONO_NEVER ((struct mono){ UINT64_MAX })

static inline struct mono
mono_add_ms(struct mono t, uint64_t ms)
{
	return (struct mono){ t.us + ms * 1000 };
}

static inline bool
mono_before(struct mono a, struct mono b)
{
	return a.us < b.us;
}

/* Has `at` come? */
static inline bool
mono_due(struct mono at, struct mono now)
{
	return at.us <= now.us;
}

/* Milliseconds from a to b; 0 if b is not later. */
static inline uint64_t
mono_ms_between(struct mono a, struct mono b)
{
	return b.us > a.us ? (b.us - a.us) / 1000 : 0;
}

static inline struct mono
mono_min(struct mono a, struct mono b)
{
	return a.us < b.us ? a : b;
}

#endif
