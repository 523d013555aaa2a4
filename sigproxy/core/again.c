/*
 * A mediaproxy came back and knows nothing: it is told its sessions at once.
 *
 * First the ends that have ports, so that no new call gets one of these
 * meanwhile: until all are told the instance takes no calls.  Then what it
 * was asked and never answered, and the calls that waited for a relay.
 */
#include "sigproxy/core/call_priv.h"

void
again_init(struct calls *c)
{
	for (unsigned i = 0; i < STEPS_RELAYS_MAX; i++) {
		struct again *a = &c->again[i];

		a->timer.kind = TIMER_CALL_AGAIN;
		a->timer.owner = a;
		a->calls = c;
		a->instance = (uint8_t)i;
	}
}

static bool
is_at(const struct call *call, uint8_t instance)
{
	return call->session != 0 && !call->relay_closed &&
	       call->instance == instance && call->phase != CALL_ENDING;
}

/* Its ends that have ports (ready), or those still without an answer. */
static bool
tell_call(const struct ctx *x, struct call *call, bool ready)
{
	bool any = false;

	for (unsigned i = 0; i < call->n_legs; i++) {
		struct leg *leg = call->leg[i];

		if (leg == NULL || !leg->end.open ||
		    !(ready ? relay_is_ready(leg) : leg->end.asked))
			continue;
		relay_again(x, leg);
		any = true;
	}
	return any;
}

/* Everything has its place again: now it may take calls. */
static void
open_for_calls(const struct ctx *x, uint8_t instance)
{
	struct calls *c = x->e->calls;

	x->e->relay_up[instance] = true;
	for (uint32_t i = 0; i < c->pool.n; i++) {
		struct call *call = pool_at(&c->pool, i);

		if (call->phase != CALL_OPENING)
			continue;
		if (call->awaits_relay)
			call_relay_came(x, call);
		else if (is_at(call, instance))
			tell_call(x, call, false);
	}
}

static void
log_told(struct steps *st, const struct again *a)
{
	if (a->told == 0)
		return;
	steps_log(st, STEP_INFO, "relay-told-again");
	steps_key_number(st, "instance", a->instance);
	steps_key_number(st, "calls", a->told);
}

/* False: the rest comes when this has left, so that nothing is dropped. */
static bool
tell_all(const struct ctx *x, struct again *a)
{
	struct pool *pool = &a->calls->pool;
	const struct buf *door = &x->st->relay[a->instance];

	for (; a->next < pool->n; a->next++) {
		struct call *call = pool_at(pool, a->next);

		if (door->len > door->cap / 2)
			return false;
		if (is_at(call, a->instance))
			a->told += tell_call(x, call, true);
	}
	log_told(x->st, a);
	return true;
}

void
again_timer(const struct ctx *x, struct again *a)
{
	if (x->e->relay_up[a->instance] || tell_all(x, a))
		open_for_calls(x, a->instance);
	else
		timerq_set(&x->e->timers, &a->timer,
		    mono_add_ms(x->now, CALL_AGAIN_MS));
}

bool
again_later(const struct ctx *x, uint8_t instance)
{
	struct again *a = &x->e->calls->again[instance];

	if (mono_ms_between(a->came_at, x->now) >= CALL_NO_RELAY_MS)
		return false;
	if (!timer_is_armed(&a->timer))
		timerq_set(&x->e->timers, &a->timer,
		    mono_add_ms(x->now, CALL_NO_ADDRESS_MS));
	return true;
}

void
call_relay_peer(struct edge *e, struct mono now, struct steps *st,
    uint8_t instance, bool up)
{
	struct ctx x = { e, now, st };
	struct again *a = &e->calls->again[instance];

	timerq_cancel(&e->timers, &a->timer);
	e->relay_up[instance] = false;
	a->next = a->told = 0;
	a->came_at = now;
	if (up)
		again_timer(&x, a);
}
