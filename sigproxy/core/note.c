#include "sigproxy/core/call_priv.h"

/* One line for each turn of a call: start, answer, hold, end. */
static void
log_turn(struct steps *st, const struct call *call, const char *event)
{
	steps_log(st, STEP_INFO, event);
	steps_key_number(st, "call", call->ticket);
	steps_key_text(st, "from", TEXT_SPAN(call->caller.number));
	steps_key_text(st, "to", TEXT_SPAN(call->called.number));
}

static void
report(struct steps *st, const struct call *call, enum call_state state,
    uint16_t status, struct span reason)
{
	struct ipc_call_note note = {
		.ticket = call->ticket,
		.state = (uint8_t)state,
		.status = status,
		.reason = reason,
		.channels = call->channels,
		.relayed = call->relayed,
		.caller = TEXT_SPAN(call->caller.number),
		.called = TEXT_SPAN(call->called.number),
		.ended_by = state == CALL_ENDED ? (uint8_t)call->ended_by : 0,
	};

	if (call->ticket == 0)
		return;
	if (call->callee != NULL)
		note.called_at = call->callee->flow.remote;
	STEPS_ASK(st, &st->reg, CALL_NOTE, call_note, &note);
}

void
call_not_begun(struct steps *st, const struct ipc_auth_say *say,
    uint16_t status, const char *why)
{
	const struct ipc_call_note note = {
		.ticket = say->ticket,
		.state = CALL_ENDED,
		.status = status,
		.reason = span_str(why),
		.ended_by = ENDED_BY_CALLER,
	};

	if (say->verdict == VERDICT_OK && say->ticket != 0)
		STEPS_ASK(st, &st->reg, CALL_NOTE, call_note, &note);
}

void
note_begun(struct steps *st, const struct call *call)
{
	log_turn(st, call, "call-begun");
	steps_key_number(st, "devices", call->n_legs - 1);
	steps_key_number(st, "channels", call->channels);
	steps_key_number(st, "relayed", call->relayed);
}

void
note_ringing(struct steps *st, struct call *call)
{
	if (call->ringing_noted)
		return;
	call->ringing_noted = true;
	report(st, call, CALL_RINGING, 180, SPAN_NONE);
}

void
note_answered(struct steps *st, const struct call *call)
{
	log_turn(st, call, "call-answered");
	steps_key_addr(st, "at", &call->callee->flow.remote);
	report(st, call, CALL_ANSWERED, 200, SPAN_NONE);
}

void
note_held(struct steps *st, const struct call *call)
{
	log_turn(st, call, call->held ? "call-held" : "call-resumed");
	report(st, call, call->held ? CALL_HELD : CALL_RESUMED, 0, SPAN_NONE);
}

/* So that a report that comes after the end finds its call. */
static uint64_t
hash_call_id(const struct calls *c, const struct leg *leg)
{
	return leg == NULL ? 0 : htab_hash(&c->by_token, leg->call_id.p,
	    leg->call_id.len);
}

static void
remember(struct calls *c, struct mono now, const struct call *call)
{
	if (call->ticket == 0)
		return;
	c->over[c->next_over++ % CALL_OVER_MAX] = (struct over){
		.at = now,
		.ticket = call->ticket,
		.caller = call->caller,
		.called = call->called,
		.answered = call->answered.us != 0,
		.status = call->end_status,
		.reason = call->end_reason,
		.ended_by = call->ended_by,
		.call_id = { hash_call_id(c, call->leg[0]),
		    hash_call_id(c, call->callee) },
		.told = { call->told[0], call->told[1] },
	};
}

void
note_ended(
    struct calls *c, struct steps *st, struct mono now, struct call *call)
{
	struct span reason = span_str(call->end_reason);

	call->end_noted = true;
	log_turn(st, call, "call-ended");
	steps_key_number(st, "status", call->end_status);
	steps_key_text(st, "why", reason);
	if (call->answered.us != 0)
		steps_key_number(
		    st, "talked_ms", mono_ms_between(call->answered, now));
	report(st, call, CALL_ENDED, call->end_status, reason);
	remember(c, now, call);
}

void
note_again(struct steps *st, const struct call *call)
{
	if (call->answered.us != 0)
		report(st, call, CALL_ANSWERED, 200, SPAN_NONE);
	if (call->answered.us != 0 && call->held)
		report(st, call, CALL_HELD, 0, SPAN_NONE);
	if (call->phase == CALL_INVITING && call->ringing_noted)
		report(st, call, CALL_RINGING, 180, SPAN_NONE);
	figures_again(st, call->ticket, call->told);
}

static void
over_again(struct steps *st, const struct over *o)
{
	struct ipc_call_note note = {
		.ticket = o->ticket,
		.state = CALL_ANSWERED,
		.status = 200,
		.caller = TEXT_SPAN(o->caller.number),
		.called = TEXT_SPAN(o->called.number),
	};

	if (o->answered)
		STEPS_ASK(st, &st->reg, CALL_NOTE, call_note, &note);
	note.state = CALL_ENDED;
	note.status = o->status;
	note.reason = span_str(o->reason);
	note.ended_by = (uint8_t)o->ended_by;
	STEPS_ASK(st, &st->reg, CALL_NOTE, call_note, &note);
	figures_again(st, o->ticket, o->told);
}

void
note_over_again(struct calls *c, struct mono now, struct steps *st)
{
	for (unsigned i = 0; i < CALL_OVER_MAX; i++) {
		const struct over *o = &c->over[(c->next_over + i) %
		    CALL_OVER_MAX];

		if (o->ticket != 0 &&
		    !mono_due(mono_add_ms(o->at, CALL_OVER_MS), now))
			over_again(st, o);
	}
}

bool
note_is_over(const struct calls *c, uint64_t ticket)
{
	for (unsigned i = 0; i < CALL_OVER_MAX; i++)
		if (c->over[i].ticket == ticket)
			return true;
	return false;
}
