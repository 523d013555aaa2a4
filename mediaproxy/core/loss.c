#include "mediaproxy/core/loss.h"

enum {
	MAX_DROPOUT = 3000,	/* further ahead: the sender began anew */
	MAX_MISORDER = 100,	/* further behind: the same */
};

static void
end_run(struct loss *l)
{
	if (l->run == 0)
		return;
	l->runs++;
	if (l->run > l->longest)
		l->longest = l->run;
	l->run = 0;
}

/* The oldest number leaves the window: it came, or never will. */
static void
leave(struct loss *l)
{
	if (l->window >> (LOSS_WINDOW - 1) & 1)
		end_run(l);
	else
		l->run++;
	l->window <<= 1;
}

static void
leave_all(struct loss *l)
{
	for (unsigned i = 0; i < LOSS_WINDOW; i++)
		leave(l);
	end_run(l);
}

static void
restart(struct loss *l, uint32_t ssrc, uint16_t seq)
{
	l->before = loss_count(l);
	l->before_expected = loss_expected(l);
	if (l->started)
		leave_all(l);
	l->started = true;
	l->ssrc = ssrc;
	l->highest = seq;
	/* Nothing was lost before the first. */
	l->window = UINT64_MAX;
	l->expected = l->received = 1;
}

static void
advance(struct loss *l, uint16_t seq, uint16_t ahead)
{
	uint16_t steps = ahead < LOSS_WINDOW ? ahead : LOSS_WINDOW;

	l->expected += ahead;
	l->highest = seq;
	l->received++;
	for (uint16_t i = 0; i < steps; i++)
		leave(l);
	l->run += ahead - steps;
	l->window |= 1;
}

/* Within MAX_MISORDER of the highest, or that one again. */
static void
behind(struct loss *l, uint16_t by)
{
	uint64_t bit = by < LOSS_WINDOW ? (uint64_t)1 << by : 0;

	if (l->window & bit) {
		l->twice++;
		return;
	}
	l->late++;
	if (bit == 0)
		return;
	l->window |= bit;
	l->received++;
}

void
loss_input(struct loss *l, uint32_t ssrc, uint16_t seq)
{
	uint16_t ahead = (uint16_t)(seq - l->highest);

	if (!l->started || ssrc != l->ssrc)
		restart(l, ssrc, seq);
	else if (ahead > 0 && ahead < MAX_DROPOUT)
		advance(l, seq, ahead);
	else if (ahead != 0 && ahead <= UINT16_MAX - MAX_MISORDER)
		restart(l, ssrc, seq);
	else
		behind(l, (uint16_t)-ahead);
}

uint64_t
loss_count(const struct loss *l)
{
	return l->before + (l->expected - l->received);
}

uint64_t
loss_expected(const struct loss *l)
{
	return l->before_expected + l->expected;
}

void
loss_gaps(const struct loss *l, uint64_t *gaps_out, uint64_t *longest_out)
{
	struct loss all = *l;

	if (all.started)
		leave_all(&all);
	*gaps_out = all.runs;
	*longest_out = all.longest;
}
