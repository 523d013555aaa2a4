#include "keyd/core/meter.h"

#define COST_US (1000000u / METER_EACH_S)
#define FULL_US ((uint64_t)COST_US * METER_BURST)

void
meter_init(struct meter *m, struct mono now)
{
	*m = (struct meter){ FULL_US, now };
}

bool
meter_take(struct meter *m, struct mono now)
{
	if (mono_before(m->at, now)) {
		uint64_t passed = now.us - m->at.us;

		/* Not the sum: it could run over. */
		m->left_us = passed >= FULL_US - m->left_us ?
		    FULL_US : m->left_us + passed;
		m->at = now;
	}
	if (m->left_us < COST_US)
		return false;
	m->left_us -= COST_US;
	return true;
}
