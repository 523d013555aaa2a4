#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/keep.h"

static bool
is_within(struct mono then, struct mono now, uint32_t ms)
{
	return then.us != 0 && mono_ms_between(then, now) <= ms;
}

/* Should it be heard, and is not? */
static bool
is_missed(const struct leg *leg)
{
	if (leg->call->phase != CALL_TALKING || !leg_is_external(leg) ||
	    leg->trunk != 0 || !relay_is_ready(leg) || relay_sound(leg)->held)
		return false;
	return leg->ear.paused || relay_sound(leg)->learnt.family == ADDR_NONE;
}

static void
look(const struct ctx *x, struct leg *leg)
{
	struct doubt *d = &leg->doubt;

	if (is_within(d->asked, x->now, DOUBT_PAUSE_MS))
		return;
	d->asked = x->now;
	x->e->calls->doubts++;
	keep_stun_look(x->e, x->st);
}

void
doubt_came(const struct ctx *x, struct leg *leg)
{
	leg->doubt.came = x->now;
	if (is_missed(leg))
		look(x, leg);
}

/* Of who came before it fell silent, nothing is strange. */
void
doubt_unheard(const struct ctx *x, struct leg *leg, enum media_heard heard)
{
	uint32_t ms = heard == MEDIA_PAUSED ? DOUBT_PAUSED_MS : DOUBT_SILENT_MS;

	if (is_within(leg->doubt.came, x->now, ms) && is_missed(leg))
		look(x, leg);
}

bool
doubt_was_raised(const struct ctx *x, const struct leg *leg)
{
	return is_within(leg->doubt.asked, x->now, DOUBT_TRUST_MS);
}

void
doubt_status(const struct calls *c, struct buf *json)
{
	buf_fmt(
	    json, ",\"address_doubted\":%llu", (unsigned long long)c->doubts);
}

void
call_registered(
    struct edge *e, struct mono now, struct steps *st, const struct flow *flow)
{
	const struct ctx x = { e, now, st };
	struct calls *c = e->calls;
	uint32_t left = c->legs.used;

	if (flow->zone != ZONE_EXTERNAL)
		return;
	/* With each REGISTER: no further than the last leg in use. */
	for (uint32_t i = 0; left > 0 && i < c->legs.n; i++) {
		struct leg *leg = pool_at(&c->legs, i);

		if (leg->call == NULL)
			continue;
		left--;
		if (flow_eq(&leg->flow, flow))
			doubt_came(&x, leg);
	}
}
