/*
 * The last addresses and states of the site, newest last: a ring.  Pure.
 */
#ifndef STUNMON_CORE_HISTORY_H
#define STUNMON_CORE_HISTORY_H

#include "common/base/addr.h"
#include "common/base/mono.h"
#include "common/ipc/msg.h"

#define HISTORY_MAX 16

struct history_row {
	struct addr site;	/* port 0; ADDR_NONE: our own address counts */
	enum public_state state;
	struct mono at;
	int64_t wall_s;		/* seconds since 1970; 0: see history_date() */
	struct addr server;	/* who said so; ADDR_NONE: nobody, or DNS */
};

struct history {
	struct history_row row[HISTORY_MAX];
	unsigned n, first;
};

/* Limits: the oldest row makes room. */
void history_add(struct history *h, const struct history_row *row);
/* The i-th, 0 is the oldest; NULL after the last. */
const struct history_row *history_get(const struct history *h, unsigned i);
/* The address before the present one, or NULL. */
const struct history_row *history_before(const struct history *h);
/* Give rows without a date theirs. */
void history_date(struct history *h, struct mono now, int64_t wall_s);

#endif
