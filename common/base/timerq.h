/*
 * Deadlines, soonest first, on an injected clock: a binary heap of intrusive
 * nodes with room for a fixed number.  Arming never allocates.
 */
#ifndef COMMON_BASE_TIMERQ_H
#define COMMON_BASE_TIMERQ_H

#include <stddef.h>

#include "common/base/mono.h"

struct timer {
	struct mono at;
	size_t slot;		/* place in the heap + 1; 0: not armed */
	int kind;		/* free for the owner */
	void *owner;		/* free for the owner */
};

struct timerq {
	struct timer **heap;
	size_t n, cap;
};

/* Errors: -ENOMEM. */
int timerq_init(struct timerq *q, size_t cap);
void timerq_clear(struct timerq *q);

/* Arm or re-arm.  Never more than cap timers at once: our own bug, asserted. */
void timerq_set(struct timerq *q, struct timer *t, struct mono at);
/* Fine when not armed. */
void timerq_cancel(struct timerq *q, struct timer *t);

static inline bool
timer_is_armed(const struct timer *t)
{
	return t->slot != 0;
}

/* When the next one is due, or MONO_NEVER. */
struct mono timerq_next(const struct timerq *q);
/* Take out the soonest one that is due, or NULL.  It is then not armed. */
struct timer *timerq_pop(struct timerq *q, struct mono now);

#endif
