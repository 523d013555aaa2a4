/* Who was heard, and is not any more (ear.h). */
#include "sigproxy/core/call_priv.h"

/* Whose silence is a sign: it never paused before; or its router forgot the
 * way of its signalling, so that of its sound. */
static bool
is_suspect(const struct edge *e, const struct leg *leg)
{
	const struct ear *ear = &leg->ear;

	return ear->paused && !ear->refuses && ear->reach.ssrc != 0 &&
	       ear_may_ask(e, leg, &ear->reach) && ear->looks < EAR_LOOKS &&
	       (ear->moved || (ear->gone && !ear->asked_gone) ||
		   (ear->reach.heard == MEDIA_PAUSED && !ear->mutes));
}

void
ear_look_again(const struct ctx *x, struct leg *leg)
{
	struct ear *ear = &leg->ear;

	if (ear_is_busy(leg) || !is_suspect(x->e, leg))
		return;
	ear->looks++;
	ear->asked_gone = ear->gone;
	ear->turns = 0;
	ear->again = ear->sure = true;
	ear->agreed = ear->silent = ear->sighted = ear->contested = false;
	ear->word = false;
	ear->stray = (struct addr){ 0 };
	ear->ended.us = 0;
	ear->state = EAR_WAITS;
	ear_turn(x, leg);
}

void
ear_paused(const struct ctx *x, struct leg *leg,
    const struct ipc_relay_reach *reach)
{
	struct ear *ear = &leg->ear;

	if (!ear->paused) {
		ear->paused_at = x->now;
		ear->before = relay_sound(leg)->learnt;
	}
	ear->paused = true;
	ear->gone = ear->gone || reach->heard == MEDIA_GONE;
	ear->reach = *reach;
	ear_look_again(x, leg);
}

static uint32_t
quiet_ms(const struct ear *ear, struct mono now)
{
	return EAR_PAUSE_MS +
	    (uint32_t)mono_ms_between(ear->paused_at, now);
}

void
ear_heard(const struct ctx *x, struct leg *leg,
    const struct ipc_relay_reach *reach)
{
	struct ear *ear = &leg->ear;

	/* Of who need not send, nothing is missed. */
	if (relay_sound(leg)->held)
		return;
	if (ear->paused) {
		ear->quiet_ms = quiet_ms(ear, x->now);
		ear->back_at = x->now;
	}
	ear->paused = false;
	ear->moved = ear->gone = ear->asked_gone = false;
	ear->reach = *reach;
}

/* A phone that announces another port moves its sound by itself; with ICE
 * a check does. */
void
ear_learnt(
    const struct ctx *x, struct leg *leg, const struct addr *before)
{
	struct ear *ear = &leg->ear;
	const struct end_stream *s = relay_sound(leg);
	bool by_router = before->family != ADDR_NONE &&
	    !addr_eq(before, &s->learnt) && leg_is_external(leg) &&
	    !ice_is_used(leg) && addr_eq(&ear->announced_then, &s->rtp);

	ear->announced_then = s->rtp;
	if (!by_router)
		return;
	ear->moved_from = *before;
	ear->moved_to = s->learnt;
	ear->moved_ms = EAR_PAUSE_MS;
	/* Its first packets are heard a moment before it is learnt. */
	if (ear->paused)
		ear->moved_ms = quiet_ms(ear, x->now);
	else if (ear->back_at.us != 0 &&
	    mono_ms_between(ear->back_at, x->now) < EAR_STALE_MS)
		ear->moved_ms = ear->quiet_ms;
	if (!ear->paused && ear->reach.heard == MEDIA_HEARD)
		relay_conclude(x, leg, &ear->reach);
}

void
ear_moved(const struct ctx *x, struct leg *leg)
{
	leg->ear.moved = true;
	ear_look_again(x, leg);
}
