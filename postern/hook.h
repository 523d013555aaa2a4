/*
 * When a command that tells a dynamic DNS provider our address is to run.
 *
 * After a change at once; again only after another change, or later and later
 * while it fails: providers lock accounts that update too often.  Pure.
 */
#ifndef POSTERN_HOOK_H
#define POSTERN_HOOK_H

#include "common/base/addr.h"
#include "common/base/mono.h"

#define HOOK_PAUSE_MS 60000	/* between two runs, at least */
#define HOOK_PAUSE_MOST_MS 1800000

struct hook {
	struct addr done;	/* the provider knows this one; or none */
	struct mono ran_at;	/* 0: never */
	uint32_t pause_ms;
};

/* DNS leads to it already. */
void hook_is_known(struct hook *h, const struct addr *address);
/* Is it to run now, with this address? */
bool hook_wants(const struct hook *h, const struct addr *address,
    struct mono now);
void hook_ran(struct hook *h, const struct addr *address, bool well,
    struct mono now);

#endif
