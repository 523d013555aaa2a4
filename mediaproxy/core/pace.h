/*
 * When to look for packets: at once as each comes, or every 1.5 ms.
 *
 * A wake-up costs more than relaying a packet that is found waiting.  So
 * while much comes, the relay sleeps so long and then takes all that is
 * there; while little comes, each packet goes on at once.  Pure.
 */
#ifndef MEDIAPROXY_CORE_PACE_H
#define MEDIAPROXY_CORE_PACE_H

#include <stdbool.h>

#include "common/base/mono.h"

/* Every phone that talks sends once in so long, or oftener. */
#define PACE_WINDOW_MS 20
/* Packets a millisecond, over a window, that begin and that end ticking. */
#define PACE_BEGIN 2
#define PACE_END 1

struct pace {			/* all zero: at rest */
	bool ticking;
	struct mono since;	/* packets are counted */
	uint64_t packets;
};

/*
 * We woke and found so many packets, perhaps none.
 *
 * Gives:   shall the next wake-up be a tick?
 */
bool pace_woke(struct pace *p, unsigned packets, struct mono now);

#endif
