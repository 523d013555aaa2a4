#include "mediaproxy/core/loss.h"

enum {
	MAX_DROPOUT = 3000,	/* further ahead: the sender began anew */
	MAX_MISORDER = 100,	/* further behind: the same */
};

static void
restart(struct loss *l, uint32_t ssrc, uint16_t seq)
{
	l->before = loss_count(l);
	l->started = true;
	l->ssrc = ssrc;
	l->highest = seq;
	l->expected = l->received = 1;
}

void
loss_input(struct loss *l, uint32_t ssrc, uint16_t seq)
{
	uint16_t ahead = (uint16_t)(seq - l->highest);

	if (!l->started || ssrc != l->ssrc) {
		restart(l, ssrc, seq);
	} else if (ahead < MAX_DROPOUT) {
		l->expected += ahead;
		l->highest = seq;
		l->received++;
	} else if (ahead <= UINT16_MAX - MAX_MISORDER) {
		restart(l, ssrc, seq);
	} else {
		l->received++;	/* late or twice */
	}
}

uint64_t
loss_count(const struct loss *l)
{
	uint64_t now = l->expected > l->received ?
	    l->expected - l->received : 0;

	return l->before + now;
}
