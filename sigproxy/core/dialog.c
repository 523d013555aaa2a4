/*
 * Requests inside a dialog: whose they are, and what may be done with them
 * (RFC 3261 12.2, 15).
 */
#include <errno.h>

#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/conns.h"
#include "sigproxy/core/keep.h"
#include "sigproxy/core/report.h"

/*
 * The called phone gives up, as it must when its 2xx is never acknowledged
 * (RFC 3261 13.3.1.4): its patience and ours end in the same moment.
 */
static bool
lacks_ack(const struct leg *leg, struct mono now)
{
	const struct exchange *setup = leg->call->setup;

	return leg->index != 0 && setup != NULL && setup->answered &&
	       !setup->acked &&
	       mono_due(setup->give_up, mono_add_ms(now, TIMER_T2_MS));
}

static const char *
why_bye(const struct leg *leg, struct mono now)
{
	if (leg->call->transferred)
		return "transferred";
	if (lacks_ack(leg, now))
		return "no-ack";
	return leg->index == 0 ? "caller-hung-up" : "called-hung-up";
}

static void
on_bye(const struct ctx *x, struct leg *leg, struct stxn *t,
    const struct sip_msg *msg)
{
	struct call *call = leg->call;
	bool early = call->phase != CALL_TALKING;

	t->ops = NULL;
	(void)stxn_status(&x->e->txns, x->now, x->st, t, 200);
	call_end(x, call,
	    (struct ending){ .status = early ? 487 : 200,
		.why = why_bye(leg, x->now),
		.by = leg,
		.cause = msg });
}

/* The other party of this dialog; while branches ring the caller has one with
 * each of them, told apart by their tags. */
static struct leg *
peer_of(const struct leg *leg, const struct sip_msg *msg)
{
	const struct call *call = leg->call;

	if (leg->index != 0)
		return call->leg[0];
	if (call->callee != NULL)
		return call->callee;
	for (unsigned i = 1; i < call->n_legs; i++) {
		struct leg *branch = call->leg[i];

		if (branch != NULL && branch->state == LEG_EARLY &&
		    span_eq(TEXT_SPAN(branch->tag), msg->to.tag))
			return branch;
	}
	return NULL;
}

/* May leg say something that concerns its dialog with peer? */
static bool
is_joined(const struct leg *leg, const struct leg *peer)
{
	const struct call *call = leg->call;
	const struct leg *branch = leg->index == 0 ? peer : leg;

	if (peer == NULL)
		return false;
	return call->phase == CALL_TALKING
		   ? branch == call->callee
		   : call->phase == CALL_INVITING && branch->state == LEG_EARLY;
}

/* RFC 3262 3: it acknowledges an answer that was passed on, or nothing. */
static void
on_prack(const struct ctx *x, struct leg *leg, struct leg *peer, struct stxn *t,
    const struct sip_msg *msg)
{
	const struct exchange *setup = leg->call->setup;
	struct sip_rack rack;

	if (sip_rack_parse(sip_value(msg, SIP_H_RACK), &rack) != 0)
		exchange_refuse(x, t, 400, "");
	else if (leg->index != 0 || !is_joined(leg, peer) || setup == NULL ||
		 rack.method != SIP_INVITE || rack.cseq != setup->from_cseq ||
		 rack.rseq == 0 || rack.rseq > peer->rseq)
		exchange_refuse(x, t, 481, "");
	else
		exchange_relay(x, leg, peer, t, msg);
}

static void
on_invite(const struct ctx *x, struct leg *leg, struct leg *peer,
    struct stxn *t, const struct sip_msg *msg)
{
	if (leg->call->phase != CALL_TALKING || !is_joined(leg, peer))
		exchange_refuse(x, t, 500, "Retry-After: 2\r\n");
	else if (session_is_too_small(msg))
		exchange_refuse(x, t, 422, "Min-SE: 90\r\n");
	else
		exchange_relay(x, leg, peer, t, msg);
}

static void
on_update(const struct ctx *x, struct leg *leg, struct leg *peer,
    struct stxn *t, const struct sip_msg *msg)
{
	if (!is_joined(leg, peer))
		exchange_refuse(x, t, 500, "Retry-After: 2\r\n");
	else if (msg->body.len == 0)
		session_update(x, leg, peer, t, msg);
	else if (session_is_too_small(msg))
		exchange_refuse(x, t, 422, "Min-SE: 90\r\n");
	else
		exchange_relay(x, leg, peer, t, msg);
}

/* What only one phone can answer goes to it. */
static void
relay(const struct ctx *x, struct leg *leg, struct leg *peer, struct stxn *t,
    const struct sip_msg *msg)
{
	if (is_joined(leg, peer))
		exchange_relay(x, leg, peer, t, msg);
	else
		exchange_refuse(x, t, 500, "Retry-After: 2\r\n");
}

/* Nobody is referred before both talk. */
static void
pass_talking(const struct ctx *x, struct leg *leg, struct leg *peer,
    struct stxn *t, const struct sip_msg *msg)
{
	relay(x, leg, leg->call->phase == CALL_TALKING ? peer : NULL, t, msg);
}

void
dialog_refer(const struct ctx *x, struct leg *leg, struct stxn *t,
    const struct sip_msg *msg)
{
	pass_talking(x, leg, peer_of(leg, msg), t, msg);
}

static void
on_refer(const struct ctx *x, struct leg *leg, struct leg *peer, struct stxn *t,
    const struct sip_msg *msg)
{
	if (leg->call->phase == CALL_TALKING && is_joined(leg, peer))
		consent_ask(x, leg, t, msg);
	else
		pass_talking(x, leg, peer, t, msg);
}

static void
on_notify(const struct ctx *x, struct leg *leg, struct leg *peer,
    struct stxn *t, const struct sip_msg *msg)
{
	unsigned refusal = refer_notify_refusal(leg, msg);

	if (report_is(msg))
		report_take(x->e, x->now, x->st, t, msg,
		    TEXT_SPAN(leg_party(leg)->number));
	else if (refusal == 0)
		pass_talking(x, leg, peer, t, msg);
	else
		exchange_refuse(x, t, refusal,
		    refusal == 489 ? "Allow-Events: refer\r\n" : "");
}

static void
on_request(const struct ctx *x, struct leg *leg, struct stxn *t,
    const struct sip_msg *msg)
{
	struct call *call = leg->call;
	struct leg *peer = peer_of(leg, msg);

	/* 12.2.2: an old number is a request out of order. */
	if (msg->cseq.number <= leg->remote_cseq) {
		exchange_refuse(x, t, 500, "Retry-After: 1\r\n");
		return;
	}
	leg->remote_cseq = msg->cseq.number;
	call_changed(x->e, call);
	if (call->phase == CALL_ENDING || leg->state == LEG_LOST ||
	    leg->state == LEG_OVER) {
		exchange_refuse(x, t, 481, "");
		if (msg->method == SIP_BYE && leg->owes_bye)
			farewell_done(x, leg);
		return;
	}
	switch (msg->method) {
	case SIP_BYE:
		if (leg->index == 0 || leg == call->callee)
			on_bye(x, leg, t, msg);
		else
			exchange_refuse(x, t, 481, "");
		break;
	case SIP_PRACK:
		on_prack(x, leg, peer, t, msg);
		break;
	case SIP_INVITE:
		on_invite(x, leg, peer, t, msg);
		break;
	case SIP_UPDATE:
		on_update(x, leg, peer, t, msg);
		break;
	case SIP_INFO:
		if (!dtmf_convert(x, leg, peer, t, msg))
			relay(x, leg, peer, t, msg);
		break;
	case SIP_OPTIONS:
		relay(x, leg, peer, t, msg);
		break;
	case SIP_REFER:
		on_refer(x, leg, peer, t, msg);
		break;
	case SIP_MESSAGE:
		relay(x, leg, peer, t, msg);
		break;
	case SIP_NOTIFY:
		on_notify(x, leg, peer, t, msg);
		break;
	default:
		exchange_refuse(x, t, msg->method == SIP_OTHER ? 501 : 405,
		    "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, "
		    "UPDATE, PRACK, REFER, NOTIFY, "
		    "MESSAGE\r\n");
		break;
	}
}

/* ---- finding the leg ---- */

/* Is this To tag the other party's, as leg's phone knows it? */
static bool
is_peer_tag(const struct leg *leg, struct span tag)
{
	const struct call *call = leg->call;

	if (leg->index != 0)
		return span_eq(TEXT_SPAN(call->leg[0]->tag), tag);
	for (unsigned i = 1; i < call->n_legs; i++)
		if (call->leg[i] != NULL &&
		    (call->callee == NULL || call->callee == call->leg[i]) &&
		    span_eq(TEXT_SPAN(call->leg[i]->tag), tag))
			return true;
	return false;
}

static struct leg *
find_leg(const struct edge *e, const struct sip_msg *msg, uint8_t zone)
{
	struct leg *leg = leg_find(e->calls, msg->ruri.user);

	/* Only a caller of RFC 2543 has none. */
	if (leg == NULL || leg->flow.zone != zone ||
	    (leg->tag.len == 0 && leg->index != 0) ||
	    !span_eq(TEXT_SPAN(leg->call_id), msg->call_id) ||
	    !span_eq(TEXT_SPAN(leg->tag), msg->from.tag) ||
	    !is_peer_tag(leg, msg->to.tag))
		return NULL;
	return leg;
}

/* Gives NULL after it answered. */
static struct stxn *
begin_transaction(const struct ctx *x, const struct edge_in *in)
{
	struct stxn *t;
	int err = stxn_new(
	    &x->e->txns, x->now, in->msg, in->raw, in->from, NULL, NULL, &t);

	if (err == 0)
		return t;
	edge_refuse_status(
	    x->e, x->now, x->st, in, err == -EMSGSIZE ? 513 : 500);
	return NULL;
}

enum call_match
call_in_dialog(
    struct edge *e, struct mono now, struct steps *st, const struct edge_in *in)
{
	struct ctx x = { e, now, st };
	struct leg *leg = find_leg(e, in->msg, in->from->zone);
	struct stxn *t;

	if (leg == NULL)
		return CALL_NONE;
	if (!flow_eq(&leg->flow, in->from) &&
	    (leg->trunk == 0 || trunk_id_of(e, in->from) != leg->trunk))
		return CALL_STRANGER;
	if (in->msg->method == SIP_ACK) {
		exchange_ack(&x, leg, in->msg);
		return CALL_TAKEN;
	}
	t = begin_transaction(&x, in);
	if (t == NULL)
		return CALL_TAKEN;
	on_request(&x, leg, t, in->msg);
	call_reached(e, now, st, in->from);
	return CALL_TAKEN;
}

/* What it asked and hears no answer to goes there, too. */
static void
move_answers(struct leg *leg, const struct flow *was)
{
	for (struct exchange *ex = leg->call->exchanges; ex != NULL;
	     ex = ex->next)
		if (ex->from == leg && ex->server != NULL &&
		    flow_eq(&ex->server->to, was) &&
		    was->transport == leg->flow.transport)
			ex->server->to = leg->flow;
}

/* Its own phone, from another place: a router forgot its mapping. */
static void
move_leg(const struct ctx *x, struct leg *leg, const struct flow *to)
{
	struct call *call = leg->call;
	struct flow was = leg->flow;

	steps_log(x->st, STEP_INFO, "call-moved");
	steps_key_number(x->st, "call", call->ticket);
	steps_key_addr(x->st, "from", &leg->flow.remote);
	steps_key_addr(x->st, "to", &to->remote);
	leg->flow = *to;
	call_changed(x->e, call);
	if (call->callee != NULL && call->phase != CALL_ENDING)
		relay_set_all(
		    x->st, leg, leg->index == 0 ? call->callee : call->leg[0]);
	move_answers(leg, &was);
	ctxn_flow_moved(&x->e->txns, x->now, x->st, &was, to);
	move_reached(x, leg);
	ear_moved(x, leg);
	doubt_came(x, leg);
	farewell_again(x, leg); /* the last: the leg may go with it */
}

/* ---- connections that close, phones that come back ---- */

void
call_flow_closed(
    struct edge *e, struct mono now, struct steps *st, const struct flow *flow)
{
	struct ctx x = { e, now, st };

	for (uint32_t i = 0; i < e->calls->pool.n; i++) {
		struct call *call = pool_at(&e->calls->pool, i);

		if (call->leg[0] == NULL || call->phase > CALL_INVITING ||
		    !flow_eq(&call->leg[0]->flow, flow))
			continue;
		call_end(&x, call,
		    (struct ending){ .status = 487, .why = "caller-gone" });
	}
}

bool
call_has_flow(const struct calls *c, const struct flow *flow)
{
	for (uint32_t i = 0; i < c->legs.n; i++) {
		const struct leg *leg = pool_at(&c->legs, i);

		if (leg->call != NULL && flow_eq(&leg->flow, flow))
			return true;
	}
	return false;
}

/* What it was reached by before is no way to it any more.  While a binding
 * lives registrar-db knows who moved.  That a router forgot a connection our
 * kernel finds out in a quarter of an hour only; then its sound has stopped,
 * too. */
static bool
has_lost(const struct ctx *x, const struct leg *leg, const struct flow *flow)
{
	bool udp = leg->flow.transport == TRANSPORT_UDP;

	if (!udp && !conns_live(x->e->conns, &leg->flow))
		return true;
	return flow->transport == leg->flow.transport &&
	       !flow_eq(&leg->flow, flow) && (udp || leg->ear.paused) &&
	       !keep_has(x->e->keep, &leg->flow);
}

static bool
is_back(const struct ctx *x, const struct leg *leg, struct span number,
    const struct flow *flow, const struct uri *contact)
{
	struct uri target;

	/* The same private Contact may stand in two homes of one number; who
	 * moves between homes registrar-db knows by more (FLOW_MOVED). */
	return leg->call != NULL && leg->flow.zone == flow->zone &&
	       addr_same_ip(&leg->flow.remote, &flow->remote) &&
	       has_lost(x, leg, flow) &&
	       span_eq(TEXT_SPAN(leg_party(leg)->number), number) &&
	       uri_parse(TEXT_SPAN(leg->target), &target) == 0 &&
	       uri_same_user(&target, contact) &&
	       uri_same_host(&target, contact);
}

void
call_phone_back(struct edge *e, struct mono now, struct steps *st,
    struct span number, const struct flow *flow, struct span contact)
{
	struct ctx x = { e, now, st };
	struct uri uri;

	if (uri_parse(contact, &uri) != 0)
		return;
	for (uint32_t i = 0; i < e->calls->legs.n; i++) {
		struct leg *leg = pool_at(&e->calls->legs, i);

		if (is_back(&x, leg, number, flow, &uri))
			move_leg(&x, leg, flow);
	}
}

void
call_trunk_back(struct edge *e, struct mono now, struct steps *st,
    uint32_t trunk, const struct flow *flow)
{
	const struct ctx x = { e, now, st };

	for (uint32_t i = 0; i < e->calls->legs.n; i++) {
		struct leg *leg = pool_at(&e->calls->legs, i);

		if (leg->call != NULL && leg->trunk == trunk &&
		    leg->flow.zone == flow->zone &&
		    leg->flow.transport == flow->transport &&
		    addr_same_ip(&leg->flow.remote, &flow->remote) &&
		    !conns_live(e->conns, &leg->flow))
			move_leg(&x, leg, flow);
	}
}

void
call_flow_moved(struct edge *e, struct mono now, struct steps *st,
    const struct ipc_flow_moved *m)
{
	const struct ctx x = { e, now, st };
	struct flow from = flow_from_ipc(&m->from), to = flow_from_ipc(&m->to);

	if (from.zone != to.zone || !edge_is_reachable(e->conf, &to))
		return;
	for (uint32_t i = 0; i < e->calls->legs.n; i++) {
		struct leg *leg = pool_at(&e->calls->legs, i);

		if (leg->call != NULL && flow_eq(&leg->flow, &from) &&
		    span_eq(TEXT_SPAN(leg_party(leg)->number), m->number))
			move_leg(&x, leg, &to);
	}
	owed_moved(&x, m->number, &from, &to);
}

void
dialog_reauthorised(const struct ctx *x, struct stxn *t,
    const struct sip_msg *msg, const struct ipc_auth_say *say)
{
	struct leg *leg = find_leg(x->e, msg, t->from.zone);

	if (leg == NULL) {
		exchange_refuse(x, t, 481, "");
		return;
	}
	if (!span_eq(TEXT_SPAN(leg_party(leg)->number), say->caller.number)) {
		exchange_refuse(x, t, 403, "");
		return;
	}
	if (!flow_eq(&leg->flow, &t->from))
		move_leg(x, leg, &t->from);
	on_request(x, leg, t, msg);
}
