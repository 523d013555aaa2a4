#include "sigproxy/core/owed.h"

#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/keep.h"

int
owed_init(struct pool *owed, uint32_t max_calls)
{
	return pool_init(owed, owed_max(max_calls), sizeof(struct owed));
}

uint32_t
owed_max(uint32_t max_calls)
{
	return max_calls / 4 + 1;
}

static void
drop(struct edge *e, struct owed *o)
{
	timerq_cancel(&e->timers, &o->end);
	if (o->bye != NULL)
		ctxn_detach(o->bye);
	o->bye = NULL;
	o->ticket = 0;
	pool_put(&e->calls->owed, o);
}

static void
log_owed(const struct ctx *x, const struct owed *o, enum step_level level,
    const char *event)
{
	steps_log(x->st, level, event);
	steps_key_number(x->st, "call", o->ticket);
	steps_key_text(x->st, "phone", TEXT_SPAN(o->number));
}

static void
give_up(const struct ctx *x, struct owed *o)
{
	log_owed(x, o, STEP_WARN, "bye-not-heard");
	drop(x->e, o);
}

void
owed_due(const struct ctx *x, struct owed *o)
{
	give_up(x, o);
}

/* ---- what is kept ---- */

bool
owed_may(const struct calls *c, const struct leg *leg)
{
	struct span number = TEXT_SPAN(leg_party(leg)->number);
	unsigned his = 0;

	if (!leg_is_external(leg) || leg->trunk != 0 || number.len == 0)
		return false;
	for (uint32_t i = 0; c->owed.used > 0 && i < c->owed.n; i++) {
		const struct owed *o = pool_at(&c->owed, i);

		his += o->ticket != 0 && span_eq(TEXT_SPAN(o->number), number);
	}
	return his < OWED_EACH_MAX;
}

void
owed_take(const struct ctx *x, struct leg *leg)
{
	struct ctxn *bye = leg->bye;
	struct owed *o = pool_get(&x->e->calls->owed);

	leg->bye = NULL;
	if (o == NULL) {
		ctxn_detach(bye);
		return;
	}
	o->end.kind = TIMER_CALL_OWED;
	o->end.owner = o;
	o->ticket = leg->call->ticket;
	o->flow = leg->flow;
	o->bye = bye;
	bye->owner = o;
	if (TEXT_SET(&o->number, TEXT_SPAN(leg_party(leg)->number)) ||
	    TEXT_SET(&o->request, blob_span(&bye->request)))
		drop(x->e, o);
	else
		timerq_set(&x->e->timers, &o->end,
		    mono_add_ms(x->now, CALL_OWED_MS));
}

static void
on_response(struct edge *e, struct mono now, struct steps *st, struct ctxn *c,
    const struct sip_msg *msg)
{
	drop(e, c->owner);
}

static void
on_timeout(struct edge *e, struct mono now, struct steps *st, struct ctxn *c)
{
	const struct ctx x = { e, now, st };
	struct owed *o = c->owner;
	bool is_heard = c->status != 0; /* a 100, which is not handed on */

	ctxn_detach(c);
	o->bye = NULL;
	if (is_heard)
		drop(e, o);
	else if (o->is_back)
		give_up(&x, o);
	else
		log_owed(&x, o, STEP_INFO, "bye-waits");
}

const struct ctxn_ops owed_ops = {
	.response = on_response,
	.timeout = on_timeout,
};

/* ---- its phone is back ---- */

/* One that is under way goes there with its transaction; else it is sent as
 * it was: the transaction that it began is over. */
static void
say_again(const struct ctx *x, struct owed *o, const struct flow *to)
{
	struct txns *t = &x->e->txns;
	struct flow was;

	o->flow = *to;
	if (o->bye == NULL) {
		o->is_back = ctxn_send(t, x->now, x->st, to,
		    TEXT_SPAN(o->request), &owed_ops, o, &o->bye) == 0;
		return;
	}
	o->is_back = true;
	was = o->bye->to;
	/* It went with those of a call that goes on, perhaps. */
	if (!flow_eq(&was, to))
		ctxn_flow_moved(t, x->now, x->st, &was, to);
}

static bool
is_his(const struct owed *o, struct span number, const struct flow *flow)
{
	return o->ticket != 0 && span_eq(TEXT_SPAN(o->number), number) &&
	       o->flow.zone == flow->zone &&
	       o->flow.transport == flow->transport;
}

/* By its old flow only if nothing is under way there; by another one only if
 * no binding has the old one: else registrar-db knows who moved. */
static bool
is_lost(const struct edge *e, const struct owed *o, const struct flow *flow)
{
	return flow_eq(&o->flow, flow) ? o->bye == NULL :
	    addr_same_ip(&o->flow.remote, &flow->remote) &&
		!keep_has(e->keep, &o->flow);
}

static bool
is_for(struct edge *e, const struct owed *o, const struct uri *contact)
{
	struct sip_msg *m = &e->txns.again; /* `stored` is the REGISTER */

	return sip_parse(TEXT_SPAN(o->request), SIP_DATAGRAM, m, NULL) == 0 &&
	       uri_same_user(&m->ruri, contact) &&
	       uri_same_host(&m->ruri, contact);
}

void
call_phone_registered(struct edge *e, struct mono now, struct steps *st,
    struct span number, const struct flow *flow, struct span contact)
{
	const struct ctx x = { e, now, st };
	struct pool *all = &e->calls->owed;
	struct uri uri;

	if (all->used == 0 || uri_parse(contact, &uri) != 0)
		return;
	for (uint32_t i = 0; i < all->n; i++) {
		struct owed *o = pool_at(all, i);

		if (is_his(o, number, flow) && is_lost(e, o, flow) &&
		    is_for(e, o, &uri))
			say_again(&x, o, flow);
	}
}

void
owed_moved(const struct ctx *x, struct span number, const struct flow *from,
    const struct flow *to)
{
	struct pool *all = &x->e->calls->owed;

	for (uint32_t i = 0; all->used > 0 && i < all->n; i++) {
		struct owed *o = pool_at(all, i);

		if (is_his(o, number, to) && flow_eq(&o->flow, from))
			say_again(x, o, to);
	}
}
