/*
 * Is a trunk there?  OPTIONS by each of its flows, as often as its row says
 * (ping_s).
 *
 * Any answer but 408 and 503 shows that it lives.  Two questions without one
 * and the flow counts as failed: calls and REGISTERs take another one while
 * there is another, until it answers again.
 */
#ifndef SIGPROXY_CORE_TRUNK_PING_H
#define SIGPROXY_CORE_TRUNK_PING_H

#include "sigproxy/core/trunks.h"

enum {
	PINGS_MAX = IPC_TRUNKS_MAX * TRUNK_FLOWS_MAX,
	PING_WAIT_MS = 6000,	/* for an answer */
	PING_AGAIN_MS = 2000,	/* after the first that is missing */
	PING_MISSES = 2,
	PING_PACE_MS = 100,	/* between the first ones of all */
};

struct pings;

/* Errors: NULL for no memory. */
struct pings *pings_new(struct timerq *timers);
void pings_free(struct pings *p);
/* Timers it needs. */
uint32_t pings_timers(void);

/* Trunks, or where they are, may have changed. */
void pings_follow(struct edge *e, struct mono now);
/* TIMER_PING. */
void ping_due(struct edge *e, struct mono now, struct steps *st,
    struct timer *timer);

/* Where its requests go now: the first of its flows that does not fail.
 * False: nowhere is known. */
bool trunks_flow(const struct edge *e, uint32_t trunk, struct flow *out);

/* "up", "down" or "not asked yet", of its best way; NULL: never asked. */
const char *pings_word(const struct edge *e, uint32_t trunk);

/* Members of a JSON object without braces. */
void pings_status(const struct edge *e, struct mono now, struct buf *json);

#endif
