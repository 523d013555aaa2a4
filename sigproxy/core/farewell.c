/*
 * BYE for a phone by a stream, whose connection may be closed at that moment:
 * nobody dials it, so it is told when it comes back (RFC 3261 15).
 */
#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/conns.h"

static const struct ctxn_ops bye_ops;

/* So many calls that have ended may take places of others, and so many of one
 * number those of other numbers' byes. */
static bool
may_owe(const struct calls *c, struct span number)
{
	unsigned his = 0;

	if (c->n_owed >= c->pool.n / 4)
		return false;
	for (uint32_t i = 0; c->n_owed >= OWED_EACH_MAX && i < c->legs.n; i++) {
		const struct leg *leg = pool_at(&c->legs, i);

		his += leg->call != NULL && leg->owes_bye &&
		       span_eq(TEXT_SPAN(leg_party(leg)->number), number);
	}
	return his < OWED_EACH_MAX;
}

bool
farewell_owes(const struct call *call)
{
	for (unsigned i = 0; i < call->n_legs; i++)
		if (call->leg[i] != NULL && call->leg[i]->owes_bye)
			return true;
	return false;
}

void
farewell_drop(struct calls *c, struct leg *leg)
{
	if (leg->bye != NULL)
		ctxn_detach(leg->bye);
	leg->bye = NULL;
	c->n_owed -= leg->owes_bye;
	leg->owes_bye = false;
}

void
farewell_done(const struct ctx *x, struct leg *leg)
{
	farewell_drop(x->e->calls, leg);
	leg->knows_end = true;
	call_changed(x->e, leg->call);
	call_settle(x, leg->call);
}

/* Nobody closes a flow by UDP: whether its phone hears of it shows in time. */
static void
say_by_udp(const struct ctx *x, struct leg *leg, const struct ending *how,
    const struct leg *other)
{
	leg_bye(x, leg, how->reason, how->cause, other,
	    owed_may(x->e->calls, leg) ? &owed_ops : NULL);
	if (leg->bye != NULL)
		owed_take(x, leg);
}

void
farewell_say(const struct ctx *x, struct leg *leg, const struct ending *how)
{
	const struct call *call = leg->call;
	const struct leg *other = leg->index == 0 ? call->callee : call->leg[0];
	bool live = conns_live(x->e->conns, &leg->flow);

	leg->owes_ack = leg->owes_ack && !live;
	if (leg->flow.transport == TRANSPORT_UDP) {
		say_by_udp(x, leg, how, other);
		return;
	}
	if (!may_owe(x->e->calls, TEXT_SPAN(leg_party(leg)->number))) {
		leg_bye(x, leg, how->reason, how->cause, other, NULL);
		return;
	}
	if (live)
		leg_bye(x, leg, how->reason, how->cause, other, &bye_ops);
	leg->owes_bye = !live || leg->bye != NULL;
	x->e->calls->n_owed += leg->owes_bye;
	if (live)
		return;
	steps_log(x->st, STEP_INFO, "bye-waits");
	steps_key_number(x->st, "call", call->ticket);
	steps_key_text(x->st, "phone", TEXT_SPAN(leg_party(leg)->number));
}

/* One that is under way went there with its transaction. */
void
farewell_again(const struct ctx *x, struct leg *leg)
{
	if (!leg->owes_bye ||
	    (leg->bye != NULL && flow_eq(&leg->bye->to, &leg->flow)))
		return;
	if (leg->bye != NULL)
		ctxn_detach(leg->bye);
	leg->bye = NULL;
	if (leg->owes_ack)
		leg_ack(x, leg, leg->invite_cseq, SPAN_NONE, NULL);
	leg->owes_ack = false;
	leg_bye(x, leg, NULL, NULL, NULL, &bye_ops);
	if (leg->bye == NULL)
		farewell_done(x, leg);
	else
		call_changed(x->e, leg->call);	/* its CSeq is used up */
}

void
farewell_give_up(const struct ctx *x, struct call *call)
{
	for (unsigned i = 0; i < call->n_legs; i++) {
		struct leg *leg = call->leg[i];

		if (leg == NULL || !leg->owes_bye)
			continue;
		steps_log(x->st, STEP_WARN, "bye-not-heard");
		steps_key_number(x->st, "call", call->ticket);
		steps_key_text(
		    x->st, "phone", TEXT_SPAN(leg_party(leg)->number));
		farewell_drop(x->e->calls, leg);
	}
	call_settle(x, call);
}

static void
bye_response(struct edge *e, struct mono now, struct steps *st, struct ctxn *c,
    const struct sip_msg *msg)
{
	const struct ctx x = { e, now, st };

	if (msg->status >= 200)
		farewell_done(&x, c->owner);
}

static void
bye_timeout(struct edge *e, struct mono now, struct steps *st, struct ctxn *c)
{
	const struct ctx x = { e, now, st };
	struct leg *leg = c->owner;

	ctxn_detach(c);
	leg->bye = NULL;
	/* By a connection that is closed it comes back, and is told then. */
	if (conns_live(e->conns, &leg->flow))
		farewell_done(&x, leg);
}

static const struct ctxn_ops bye_ops = {
	.response = bye_response,
	.timeout = bye_timeout,
};
