#include "sigproxy/core/pace.h"

void
pace_init(struct pace *p)
{
	*p = (struct pace){ .proven_ms = PACE_MIN_MS };
}

void
pace_restore(struct pace *p, struct mono now, uint32_t proven_ms,
    uint32_t lost_ms)
{
	pace_init(p);
	if (proven_ms < PACE_MIN_MS || proven_ms > PACE_MAX_MS)
		return;
	p->proven_ms = proven_ms;
	p->is_seen = true;
	if (lost_ms <= proven_ms || lost_ms > 2 * PACE_MAX_MS)
		return;
	p->lost_ms = lost_ms;
	p->hold_ms = PACE_RETRY_MS;
	p->retry = mono_add_ms(now, p->hold_ms);
}

/* The longest silence worth trying, or 0. */
static uint32_t
longest_trial(const struct pace *p, struct mono now)
{
	uint32_t ms = p->proven_ms + p->proven_ms / 2;

	if (ms > PACE_MAX_MS)
		ms = PACE_MAX_MS;
	/* Not near what was lost, until that may be tried again. */
	if (p->lost_ms != 0 && ms >= p->lost_ms - p->lost_ms / 8 &&
	    mono_before(now, p->retry))
		return 0;
	return ms > p->proven_ms ? ms : 0;
}

uint32_t
pace_plan(const struct pace *p, struct mono now, uint64_t left_ms,
    bool *is_trial)
{
	uint32_t most = longest_trial(p, now);
	uint64_t end = left_ms > PACE_LEAD_MS ? left_ms - PACE_LEAD_MS : 0;

	*is_trial = false;
	if (most == 0 || end <= p->proven_ms || end > most + p->proven_ms)
		return p->proven_ms;
	if (end > most && end - most >= PACE_MIN_MS / 4)
		/* A shorter one now, so that the trial ends in time. */
		return (uint32_t)(end - most);
	*is_trial = true;
	return end > most ? most : (uint32_t)end;
}

bool
pace_answered(struct pace *p, uint32_t silence_ms)
{
	bool is_first = !p->is_seen;

	p->is_seen = true;
	if (silence_ms <= p->proven_ms)
		return is_first;
	p->proven_ms = silence_ms < PACE_MAX_MS ? silence_ms : PACE_MAX_MS;
	if (p->lost_ms != 0 && p->lost_ms <= p->proven_ms)
		p->lost_ms = p->hold_ms = 0;
	return true;
}

bool
pace_lost(struct pace *p, struct mono now, uint32_t silence_ms)
{
	bool was_trial = silence_ms > p->proven_ms;

	/* Nobody is asked so late: we slept ourselves. */
	if (silence_ms > 2 * PACE_MAX_MS)
		return false;
	p->is_seen = true;
	p->lost_ms = silence_ms > PACE_MIN_MS ? silence_ms : PACE_MIN_MS + 1;
	if (!was_trial) {
		p->proven_ms /= 2;
		if (p->proven_ms < PACE_MIN_MS)
			p->proven_ms = PACE_MIN_MS;
		p->hold_ms = PACE_RETRY_MS;
	} else if (p->hold_ms == 0) {
		p->hold_ms = PACE_RETRY_MS;
	} else if ((p->hold_ms *= 2) > PACE_RETRY_MAX_MS) {
		p->hold_ms = PACE_RETRY_MAX_MS;
	}
	p->retry = mono_add_ms(now, p->hold_ms);
	return true;
}
