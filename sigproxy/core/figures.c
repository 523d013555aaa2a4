/*
 * What is told of a call's sound.  It is kept and told again to a
 * registrar-db that comes: the one before may have died with it.  So each
 * says all there was so far, and nothing is counted twice.
 */
#include "sigproxy/core/call_priv.h"

/* NULL: a call of no record. */
static struct told *
told_of(struct call *call, unsigned side)
{
	return call->ticket == 0 ? NULL : &call->told[side];
}

/* Another relay may have had the phone before. */
static void
add(struct ipc_counter *to, const struct ipc_counter *more)
{
	struct ipc_counter sum = *more;

	sum.packets_in += to->packets_in;
	sum.bytes_in += to->bytes_in;
	sum.packets_out += to->packets_out;
	sum.lost += to->lost;
	sum.refused += to->refused;
	sum.rtcp_in += to->rtcp_in;
	if (to->silent_ms > sum.silent_ms)
		sum.silent_ms = to->silent_ms;
	if (sum.learnt.family == ADDR_NONE)
		sum.learnt = to->learnt;
	*to = sum;
}

static void
say_media(struct steps *st, const struct told *told, uint64_t ticket,
    unsigned side)
{
	struct ipc_call_media media = {
		.ticket = ticket,
		.called = (uint8_t)side,
		.counter = told->counter,
	};

	STEPS_ASK(st, &st->reg, CALL_MEDIA, call_media, &media);
}

static void
say_quality(struct steps *st, const struct told *told, uint64_t ticket,
    unsigned side)
{
	struct ipc_call_quality note = {
		.ticket = ticket,
		.called = (uint8_t)side,
		.quality = told->quality,
	};

	STEPS_ASK(st, &st->reg, CALL_QUALITY, call_quality, &note);
}

void
note_media(struct steps *st, struct call *call,
    const struct ipc_counter *counter)
{
	unsigned side = counter->end != 0;
	struct told *told = told_of(call, side);

	if (told == NULL)
		return;
	add(&told->counter, counter);
	told->counted = true;
	say_media(st, told, call->ticket, side);
}

static bool
is_same(const struct ipc_call_reach *a, const struct ipc_call_reach *b)
{
	return a->verdict == b->verdict && a->way == b->way &&
	       a->srtp == b->srtp && a->proof == b->proof &&
	       a->after_ms == b->after_ms &&
	       addr_eq(&a->said, &b->said) && addr_eq(&a->seen, &b->seen);
}

bool
note_reach(struct steps *st, const struct leg *leg,
    const struct ipc_call_reach *reach)
{
	struct told *told = told_of(leg->call, reach->called);

	if (told == NULL || (told->reached && is_same(&told->reach, reach)))
		return false;
	told->reach = *reach;
	told->reached = true;
	STEPS_ASK(st, &st->reg, CALL_REACH, call_reach, &told->reach);
	return true;
}

void
note_quality(struct steps *st, const struct leg *leg,
    const struct ipc_quality *quality)
{
	unsigned side = leg->index != 0;
	struct told *told = told_of(leg->call, side);

	if (told == NULL)
		return;
	told->quality = *quality;
	told->measured = true;
	say_quality(st, told, leg->call->ticket, side);
}

void
figures_again(struct steps *st, uint64_t ticket, const struct told told[2])
{
	for (unsigned side = 0; side < 2 && ticket != 0; side++) {
		if (told[side].counted)
			say_media(st, &told[side], ticket, side);
		if (told[side].reached)
			STEPS_ASK(st, &st->reg, CALL_REACH, call_reach,
			    &told[side].reach);
		if (told[side].measured)
			say_quality(st, &told[side], ticket, side);
	}
}
