#include "stunmon/core/probe.h"

void
probe_init(struct probe *p, struct mono now)
{
	p->sent = 0;
	p->over = false;
	p->due = now;
}

enum probe_do
probe_tick(struct probe *p, struct mono now)
{
	if (p->over || !mono_due(p->due, now))
		return PROBE_WAIT;
	if (p->sent == PROBE_RC) {
		p->over = true;
		p->due = MONO_NEVER;
		return PROBE_LOST;
	}
	/* Counted from when it was due, so that lateness does not add up. */
	p->due = mono_add_ms(p->due, p->sent + 1 == PROBE_RC ?
	    PROBE_RM * PROBE_RTO_MS : (uint64_t)PROBE_RTO_MS << p->sent);
	p->sent++;
	if (mono_due(p->due, now))
		p->due = mono_add_ms(now, PROBE_RTO_MS);
	return PROBE_SEND;
}
