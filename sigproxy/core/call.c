#include <errno.h>
#include <stdlib.h>

#include "common/base/secret.h"
#include "sigproxy/core/call_priv.h"

#define LEGS_PER_CALL 3
#define EXCHANGES_PER_CALL (CALL_EXCHANGES_OWN + 1)

static uint32_t
n_legs(uint32_t max_calls)
{
	return max_calls * LEGS_PER_CALL + CALL_LEGS_MAX;
}

static uint32_t
n_exchanges(uint32_t max_calls)
{
	return max_calls * EXCHANGES_PER_CALL + CALL_EXCHANGES_MAX;
}

struct calls *
calls_new(uint32_t max_calls)
{
	struct calls *c = calloc(1, sizeof(*c));
	uint32_t session;

	if (c == NULL)
		return NULL;
	if (pool_init(&c->pool, max_calls, sizeof(struct call)) ||
	    pool_init(&c->legs, n_legs(max_calls), sizeof(struct leg)) ||
	    pool_init(&c->exchanges, n_exchanges(max_calls),
		sizeof(struct exchange)) ||
	    owed_init(&c->owed, max_calls) ||
	    htab_init(&c->by_token, n_legs(max_calls)) ||
	    htab_init(&c->by_session, max_calls)) {
		calls_free(c);
		return NULL;
	}
	c->exchanges_owed = max_calls * CALL_EXCHANGES_OWN;
	again_init(c);
	callid_key_random(&c->callid_key);
	/* A relay may still hold sessions of the life before this one. */
	secret_random(&session, sizeof(session));
	c->session_base = (uint64_t)session << 32;
	c->save_timer.kind = TIMER_CALL_SAVE;
	c->save_timer.owner = c;
	move_init(c);
	return c;
}

void
calls_free(struct calls *c)
{
	if (c == NULL)
		return;
	pool_clear(&c->pool);
	pool_clear(&c->legs);
	pool_clear(&c->exchanges);
	pool_clear(&c->owed);
	htab_clear(&c->by_token);
	htab_clear(&c->by_session);
	free(c);
}

size_t
calls_timers(uint32_t max_calls)
{
	return 2 * (size_t)max_calls + 4 * n_legs(max_calls) +
	       n_exchanges(max_calls) + owed_max(max_calls) + STEPS_RELAYS_MAX +
	       2; /* save_timer, moves.timer */
}

void
calls_set_key(struct calls *c, const uint8_t *key, size_t len)
{
	if (len == sizeof(c->callid_key.bytes))
		memcpy(c->callid_key.bytes, key, len);
}

uint32_t
calls_count(const struct calls *c)
{
	return c->pool.used;
}

/* ---- the end ---- */

/* The caller's INVITE has no final answer yet. */
static bool
is_unanswered(const struct call *call)
{
	const struct exchange *ex = call->setup;

	return ex != NULL && ex->server != NULL && ex->server->status < 200;
}

/* An extension that only both phones together can have: what the one lacks or
 * wants the other is told (21.4.15, 21.4.16). */
static void
put_cause(const struct edge *e, struct buf *b, const struct ending *how,
    const struct leg *caller)
{
	if (how->status == 420 &&
	    sip_lists(how->cause, SIP_H_UNSUPPORTED, "100rel"))
		build_hdr_str(b, SIP_H_UNSUPPORTED, "100rel");
	if (how->status == 421 &&
	    sip_lists(how->cause, SIP_H_REQUIRE, "100rel"))
		build_hdr_str(b, SIP_H_REQUIRE, "100rel");
	headers_pass(e, b, how->cause, how->by, caller);
}

static void
refuse_caller(const struct ctx *x, struct call *call, const struct ending *how)
{
	char mem[CALL_BYTES_MAX / 2];
	struct stxn *t = is_unanswered(call) ? call->setup->server : NULL;
	struct reply r = { .status = how->status };
	struct buf b;

	if (t == NULL)
		return;
	x->e->calls->refused++;
	buf_init(&b, mem, sizeof(mem));
	if (trunk_is_told_full(call->leg[0], how->reason)) {
		r.status = 503;
		build_hdr_u64(&b, SIP_H_RETRY_AFTER, TRUNK_RETRY_AFTER_S);
	}
	if (how->reason != NULL)
		build_hdr_str(&b, SIP_H_REASON, how->reason);
	if (how->cause != NULL)
		put_cause(x->e, &b, how, call->leg[0]);
	if (!buf_err(&b))
		r.headers = buf_span(&b);
	if (stxn_respond(&x->e->txns, x->now, x->st, t, &r) == -EMSGSIZE)
		(void)stxn_status(&x->e->txns, x->now, x->st, t, r.status);
}

static void
say_bye(const struct ctx *x, struct leg *leg, const struct ending *how)
{
	struct call *call = leg->call;
	struct exchange *setup = call->setup;

	if (leg->state != LEG_CONFIRMED)
		return;
	leg->state = LEG_OVER;
	/* Without its ACK the phone would go on repeating its 2xx. */
	if (leg == call->callee && setup != NULL && !setup->acked) {
		setup->acked = true;
		leg->owes_ack = true;
		leg_ack(x, leg, leg->invite_cseq, SPAN_NONE, &setup->ack);
	}
	leg->knows_end = leg == how->by;
	if (leg != how->by)
		farewell_say(x, leg, how);
}

/* Requests still under way get an answer: the dialog is over (15.1.2). */
static void
end_exchanges(const struct ctx *x, struct call *call)
{
	struct exchange *ex, *next;

	for (ex = call->exchanges; ex != NULL; ex = next) {
		next = ex->next;
		if (ex == call->setup)
			continue;
		if (ex->server != NULL && ex->server->status < 200)
			(void)stxn_status(
			    &x->e->txns, x->now, x->st, ex->server, 487);
		exchange_free(x->e, ex);
	}
}

/* It has ended for everybody but a phone that has not heard of it. */
static void
await_farewell(const struct ctx *x, struct call *call)
{
	timerq_cancel(&x->e->timers, &call->timer);
	channels_use(x->e->calls, call, 0);
	if (!farewell_owes(call)) {
		call_forget(x->e, x->st, call);
		return;
	}
	timerq_set(
	    &x->e->timers, &call->timer, mono_add_ms(x->now, CALL_OWED_MS));
	call_changed(x->e, call);
}

/* Whoever gives up or hangs up; what we find out ourselves is ours. */
static enum ended_by
who_ended(const struct ending *how)
{
	if (how->by != NULL)
		return how->by->index == 0 ? ENDED_BY_CALLER : ENDED_BY_CALLED;
	return how->status == 487 ? ENDED_BY_CALLER : ENDED_BY_US;
}

void
call_end(const struct ctx *x, struct call *call, struct ending how)
{
	if (call->phase == CALL_ENDING)
		return;
	refuse_caller(x, call, &how);
	fork_cancel(x, call, NULL, SPAN_NONE);
	for (unsigned i = 0; i < call->n_legs; i++) {
		if (call->leg[i] == NULL)
			continue;
		session_stop(x->e, call->leg[i]);
		move_stop(x->e, call->leg[i]);
		ear_stop(x->e, call->leg[i]);
		say_bye(x, call->leg[i], &how);
	}
	end_exchanges(x, call);
	consent_end(x, call);
	if (call->setup != NULL)
		timerq_cancel(&x->e->timers, &call->setup->ack_wait);
	relay_close(x->e, x->st, call);
	if (call->callee == NULL)
		replaces_settled(x, call, false);
	call->phase = CALL_ENDING;
	call->end_status = how.status;
	call->end_reason = how.why;
	call->ended_by = who_ended(&how);
	timerq_set(
	    &x->e->timers, &call->timer, mono_add_ms(x->now, CALL_STATS_MS));
	if (call->end_noted) /* before a restart */
		await_farewell(x, call);
	call_changed(x->e, call);
	call_settle(x, call);
}

static void
call_free(const struct ctx *x, struct call *call)
{
	struct calls *c = x->e->calls;

	while (call->exchanges != NULL)
		exchange_free(x->e, call->exchanges);
	for (unsigned i = 0; i < call->n_legs; i++)
		if (call->leg[i] != NULL)
			leg_free(x->e, call->leg[i]);
	timerq_cancel(&x->e->timers, &call->timer);
	call_forget(x->e, x->st, call);
	if (call->session != 0)
		htab_del(&c->by_session, &call->by_session);
	call->session = 0;
	call->ticket = 0;
	pool_put(&c->pool, call);
}

void
call_drop(const struct ctx *x, struct call *call)
{
	call->saved = false;
	channels_use(x->e->calls, call, 0);
	if (call->session != 0 && !call->relay_closed)
		x->e->calls->relay_calls[call->instance]--;
	call_free(x, call);
}

/* A branch whose INVITE has no final answer may yet say 2xx. */
static bool
is_branch_open(const struct call *call)
{
	for (unsigned i = 1; i < call->n_legs; i++) {
		const struct leg *leg = call->leg[i];

		if (leg != NULL && leg->invite != NULL &&
		    leg->invite->state < CTXN_COMPLETED)
			return true;
	}
	return false;
}

void
call_settle(const struct ctx *x, struct call *call)
{
	if (call->phase != CALL_ENDING)
		return;
	if (!call->end_noted &&
	    (!relay_is_counting(call) || !timer_is_armed(&call->timer))) {
		note_ended(x->e->calls, x->st, x->now, call);
		await_farewell(x, call);
	}
	if (call->end_noted && !farewell_owes(call) && !is_branch_open(call))
		call_free(x, call);
}

/* ---- timers and status ---- */

static void
phase_timer(const struct ctx *x, struct call *call)
{
	static const struct ending silent = {
		.status = 480,
		.why = "relay-silent",
		.reason = "SIP;cause=503;text=\"Media relay silent\"",
	};
	static const struct ending none = {
		.status = 480,
		.why = "no-relay",
		.reason = "SIP;cause=503;text=\"No media relay\"",
	};

	switch (call->phase) {
	case CALL_OPENING:
		if (relay_elsewhere(x, call))
			break;
		call_end(x, call, call->awaits_relay ? none : silent);
		break;
	case CALL_INVITING:
		fork_give_up(x, call);
		break;
	case CALL_ENDING:
		if (call->end_noted)
			farewell_give_up(x, call);
		else
			call_settle(x, call);
		break;
	default:
		break;
	}
}

void
call_due(struct edge *e, struct mono now, struct steps *st, struct timer *timer)
{
	struct ctx x = { e, now, st };

	switch (timer->kind) {
	case TIMER_CALL_PHASE:
		phase_timer(&x, timer->owner);
		break;
	case TIMER_CALL_BRANCH:
		fork_timer_c(&x, timer->owner);
		break;
	case TIMER_CALL_ACK:
		exchange_ack_timer(&x, timer->owner);
		break;
	case TIMER_CALL_SESSION:
		session_due(&x, timer->owner);
		break;
	case TIMER_CALL_SAVE:
		break; /* edge_tick() saves in the end */
	case TIMER_CALL_AGAIN:
		again_timer(&x, timer->owner);
		break;
	case TIMER_CALL_MOVE:
		move_due(&x, timer->owner);
		break;
	case TIMER_CALL_MOVES:
		move_pass(&x, timer->owner);
		break;
	case TIMER_CALL_CONSENT:
		consent_due(&x, timer->owner);
		break;
	case TIMER_CALL_EAR:
		ear_due(&x, timer->owner);
		break;
	case TIMER_CALL_OWED:
		owed_due(&x, timer->owner);
		break;
	default:
		break;
	}
}

static void
put_member(struct buf *b, const char *name, uint64_t value, bool more)
{
	buf_putc(b, '"');
	buf_puts(b, name);
	buf_puts(b, "\":");
	buf_put_u64(b, value);
	if (more)
		buf_putc(b, ',');
}

void
call_status(const struct edge *e, struct mono now, struct buf *json)
{
	const struct calls *c = e->calls;
	const struct edge_conf *conf = e->conf;

	put_member(json, "calls", c->pool.used, true);
	put_member(json, "calls_max", c->pool.n, true);
	put_member(json, "legs", c->legs.used, true);
	put_member(json, "byes_owed", c->n_owed + c->owed.used, true);
	put_member(json, "exchanges", c->exchanges.used, true);
	put_member(json, "channels", c->channels, true);
	put_member(json, "channels_max", conf->channels, true);
	put_member(json, "channels_reserved", conf->reserved, true);
	put_member(json, "channels_emergency", c->channels_emergency, true);
	put_member(json, "channels_refused", c->no_channel, true);
	put_member(json, "quality_reports", c->reports, true);
	put_member(json, "calls_begun", c->begun, true);
	put_member(json, "calls_answered", c->answered, true);
	put_member(json, "calls_restored", c->restored, true);
	put_member(json, "calls_refused", c->refused, false);
	move_status(c, json);
	ear_status(c, json);
	doubt_status(c, json);
	buf_putc(json, ',');
	unheard_status(&c->unheard, now, json);
}
