#include "mediaproxy/core/pace.h"

bool
pace_woke(struct pace *p, unsigned packets, struct mono now)
{
	uint64_t ms = mono_ms_between(p->since, now);

	p->packets += packets;
	if (ms < PACE_WINDOW_MS)
		return p->ticking;
	p->ticking = p->packets >= ms * (p->ticking ? PACE_END : PACE_BEGIN);
	p->since = now;
	p->packets = 0;
	return p->ticking;
}
