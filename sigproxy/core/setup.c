/*
 * From an authenticated INVITE to the relay's ports: who is to ring, how many
 * channels that takes, and which ends of the relay.
 */
#include <errno.h>

#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/conns.h"
#include "sigproxy/core/keep.h"
#include "sigproxy/core/sips.h"
#include "sigproxy/core/trace.h"
#include "sigproxy/core/urgent.h"

void
call_party(struct party *to, const struct ipc_party *from)
{
	/* The table bounds both: they fit. */
	(void)TEXT_SET(&to->number, from->number);
	(void)TEXT_SET(&to->name, from->name);
	to->hold = from->hold;
	to->latching = from->latching;
	to->srtp = from->srtp;
	(void)TEXT_SET(&to->codecs, from->codecs);
	to->max_kbps = from->max_kbps;
}

/* A refusal before there is a call. */
static void
refuse(
    const struct ctx *x, struct stxn *t, unsigned status, struct span headers)
{
	struct reply r = { .status = status, .headers = headers };

	t->ops = NULL;
	(void)stxn_respond(&x->e->txns, x->now, x->st, t, &r);
}

static void
refuse_method(const struct ctx *x, struct stxn *t, const struct sip_msg *msg)
{
	char mem[256];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	headers_ours(&b, NULL);
	refuse(x, t, msg->method == SIP_OTHER ? 501 : 405, buf_span(&b));
}

/* Is this binding the very phone that calls? */
static bool
is_own_phone(
    const struct leg *caller, const struct flow *flow, struct span target_uri)
{
	struct uri a, b;

	return flow_eq(&caller->flow, flow) &&
	       uri_parse(TEXT_SPAN(caller->target), &a) == 0 &&
	       uri_parse(target_uri, &b) == 0 && uri_same_user(&a, &b) &&
	       uri_same_host(&a, &b) &&
	       uri_port_or_default(&a) == uri_port_or_default(&b);
}

static bool
is_usable(const struct edge *e, const struct flow *f)
{
	const struct edge_conf *conf = e->conf;

	return edge_is_reachable(conf, f) &&
	       conf->listeners[f->listener].transport == f->transport &&
	       conns_live(e->conns, f);
}

static void
write_call_id(const struct edge *e, struct leg *leg)
{
	const struct call *call = leg->call;
	struct buf b;

	buf_init(&b, leg->call_id.p, sizeof(leg->call_id.p));
	callid_put(&b, &e->calls->callid_key, TEXT_SPAN(call->leg[0]->call_id));
	leg->call_id.len = (uint16_t)b.len;
}

static void
write_names(const struct edge *e, struct leg *leg)
{
	const struct call *call = leg->call;
	struct party called = call->called;
	struct buf b;

	buf_init(&b, leg->local.p, sizeof(leg->local.p));
	headers_put_caller(e, &b, &call->caller, leg);
	leg->local.len = (uint16_t)b.len;
	called.name.len = 0;
	buf_init(&b, leg->remote.p, sizeof(leg->remote.p));
	headers_put_party(e, &b, &called);
	leg->remote.len = (uint16_t)b.len;
}

/* Sound passes directly between office phones only, and not between one that
 * has IPv4 and one that has IPv6. */
static bool
needs_relay(const struct leg *leg, const struct leg *caller)
{
	return leg_is_external(leg) || leg_is_external(caller) ||
	       leg->flow.remote.family != caller->flow.remote.family;
}

/* Gives: the new branch, or NULL. */
static struct leg *
add_branch(struct edge *e, struct call *call, const struct flow *flow,
    struct span uri, bool ice)
{
	const struct leg *caller = call->leg[0];
	struct leg *leg = leg_new(e->calls, call);

	if (leg == NULL)
		return NULL;
	leg->flow = *flow;
	leg->ice = ice;
	leg->relayed = needs_relay(leg, caller);
	(void)TEXT_SET(&leg->target, uri);
	write_names(e, leg);
	write_call_id(e, leg);
	return leg;
}

/* One at a time: a number outside is reached once. */
static void
add_trunk(const struct ctx *x, struct call *call, bool with_external)
{
	struct flow flow;
	struct trunk *t = trunk_choose(x, call, with_external, &flow);
	struct leg *leg =
	    t == NULL ? NULL : add_branch(x->e, call, &flow, SPAN_NONE,
			    false);

	if (leg == NULL)
		return;
	trunk_write_names(x, leg, t);
	t->calls_out++;
}

static bool
is_callable(const struct edge *e, const struct ipc_target *t, bool with_external)
{
	struct flow flow = flow_from_ipc(&t->flow);

	return is_usable(e, &flow) &&
	       (flow.zone != ZONE_EXTERNAL || with_external);
}

/* Is that flow a better way than the one found so far? */
static bool
is_better(const struct edge *e, const struct flow *flow,
    const struct ipc_auth_say *say, unsigned first, bool is_large)
{
	struct flow before;

	if (first == say->n_targets)
		return true;
	before = flow_from_ipc(&say->targets[first].flow);
	if (keep_is_failing(e->keep, &before) != keep_is_failing(e->keep, flow))
		return keep_is_failing(e->keep, &before);
	return is_large && before.transport == TRANSPORT_UDP &&
	       flow->transport != TRANSPORT_UDP;
}

unsigned
setup_first_flow(const struct edge *e, const struct ipc_auth_say *say, unsigned i,
    bool with_external, size_t bytes)
{
	bool is_large = bytes > CALL_LARGE_BYTES;
	unsigned first = say->n_targets;

	for (unsigned j = 0; j < say->n_targets; j++) {
		struct flow flow = flow_from_ipc(&say->targets[j].flow);

		if (j != i && (say->targets[i].instance.len == 0 ||
				      !span_eq(say->targets[i].instance,
					  say->targets[j].instance)))
			continue;
		if (!is_callable(e, &say->targets[j], with_external))
			continue;
		if (is_better(e, &flow, say, first, is_large))
			first = j;
	}
	return first;
}

/* Other flows of a phone that is called already: in reserve. */
static void
add_spares(struct edge *e, struct call *call, const struct ipc_auth_say *say,
    unsigned first, const struct leg *of, bool with_external)
{
	for (unsigned j = 0; j < say->n_targets; j++) {
		struct flow flow = flow_from_ipc(&say->targets[j].flow);
		struct leg *leg;

		if (j == first || say->targets[first].instance.len == 0 ||
		    !span_eq(say->targets[first].instance,
			say->targets[j].instance) ||
		    !is_callable(e, &say->targets[j], with_external))
			continue;
		leg = add_branch(e, call, &flow, say->targets[j].uri,
		    say->targets[j].ice);
		if (leg == NULL)
			return;
		leg->spare_of = of->index;
		leg->is_spare = true;
	}
}

/* One branch for each device; the caller's own only if there is no other. */
static void
add_branches(struct edge *e, struct call *call, const struct ipc_auth_say *say,
    bool with_external)
{
	size_t bytes = blob_span(&call->setup->server->request).len;

	for (int own = 0; own < 2 && call->n_legs == call->base; own++) {
		for (unsigned i = 0; i < say->n_targets; i++) {
			struct flow flow = flow_from_ipc(&say->targets[i].flow);
			const struct leg *leg;

			if (setup_first_flow(
				e, say, i, with_external, bytes) != i ||
			    own != is_own_phone(call->leg[0], &flow,
				       say->targets[i].uri))
				continue;
			leg = add_branch(e, call, &flow, say->targets[i].uri,
			    say->targets[i].ice);
			if (leg != NULL)
				add_spares(
				    e, call, say, i, leg, with_external);
		}
	}
}

/* The one phone whose dialog is to be replaced, or all of the number's. */
static void
choose_branches(const struct ctx *x, struct call *call,
    const struct ipc_auth_say *say, const struct leg *replaced,
    bool with_external)
{
	struct edge *e = x->e;

	if (call->out.n > 0)
		add_trunk(x, call, with_external);
	else if (replaced == NULL)
		add_branches(e, call, say, with_external);
	else if (is_usable(e, &replaced->flow) &&
		 (with_external || !leg_is_external(replaced)))
		add_branch(e, call, &replaced->flow,
		    TEXT_SPAN(replaced->target), replaced->ice);
}

static void
drop_branches(struct edge *e, struct call *call)
{
	while (call->n_legs > call->base)
		leg_free(e, call->leg[--call->n_legs]);
}

/* When there is no room for devices outside but phones in the office ring
 * too, only those ring. */
static bool
admit(const struct ctx *x, struct call *call, const struct ipc_auth_say *say,
    const struct leg *replaced)
{
	struct edge *e = x->e;
	uint8_t need = channels_needed(call);

	if (!channels_fit(e, call, need) && need > channels_of_caller(call)) {
		drop_branches(e, call);
		choose_branches(x, call, say, replaced, false);
		need = channels_of_caller(call);
	}
	if (!channels_fit(e, call, need)) {
		e->calls->no_channel++;
		return false;
	}
	channels_use(e->calls, call, need);
	return call->n_legs > call->base;
}

static bool
is_relay_wanted(const struct call *call)
{
	for (unsigned i = call->base; i < call->n_legs; i++)
		if (call->leg[i]->relayed)
			return true;
	return false;
}

/* How many streams the caller offers, to any of those that ring. */
static uint8_t
count_streams(const struct edge *e, struct call *call)
{
	struct passage p = { .exchange = call->setup, .from = call->leg[0] };
	struct sip_msg msg;
	uint8_t n = 0;

	if (stxn_request(call->setup->server, &msg) != 0)
		return 1;
	for (unsigned i = call->base; i < call->n_legs && n == 0; i++) {
		p.to = call->leg[i];
		if (p.to->relayed)
			n = offer_streams(e, &msg, p);
	}
	/* Without any it is refused, when the ports are there. */
	return n > 0 ? n : 1;
}

void
setup_open_ends(const struct ctx *x, struct call *call)
{
	uint8_t n = count_streams(x->e, call);

	call->relayed = true;
	timerq_set(
	    &x->e->timers, &call->timer, mono_add_ms(x->now, CALL_RELAY_MS));
	if (!call->leg[0]->end.open)
		relay_open(x, call->leg[0], n);
	for (unsigned i = call->base; i < call->n_legs; i++)
		if (call->leg[i]->relayed)
			relay_open(x, call->leg[i], n);
}

static void
refuse_call(const struct ctx *x, struct call *call, uint16_t status,
    const char *why, const char *reason)
{
	call_end(x, call,
	    (struct ending){ .status = status, .why = why, .reason = reason });
}

/* Errors: false: it was ended. */
static bool
admit_or_refuse(const struct ctx *x, struct call *call,
    const struct ipc_auth_say *say, const struct leg *replaced)
{
	choose_branches(x, call, say, replaced, true);
	if (call->n_legs == call->base) {
		refuse_call(x, call, 480, "no-device", NULL);
		return false;
	}
	if (!admit(x, call, say, replaced)) {
		refuse_call(x, call, 480, "no-channel",
		    "SIP;cause=503;text=\"No channel free\"");
		return false;
	}
	return true;
}

static void
await_relay(const struct ctx *x, struct call *call)
{
	/* A mediaproxy that died is back in no time. */
	call->awaits_relay = true;
	timerq_set(&x->e->timers, &call->timer,
	    mono_add_ms(x->now, CALL_NO_RELAY_MS));
}

static void
admit_and_open(const struct ctx *x, struct call *call,
    const struct ipc_auth_say *say, const struct leg *replaced)
{
	if (!admit_or_refuse(x, call, say, replaced))
		return;
	x->e->calls->begun++;
	if (trace_is_on(x->e))
		trace_call(x->e, x->now, call);
	if (!is_relay_wanted(call)) {
		note_begun(x->st, call);
		fork_start(x, call);
		return;
	}
	if (relay_begin(x->e, call) != 0) {
		await_relay(x, call);
		return;
	}
	setup_open_ends(x, call);
	note_begun(x->st, call);
}

void
setup_diverted(
    const struct ctx *x, struct call *call, const struct ipc_auth_say *say)
{
	/* Counted anew: who redirected has none any more. */
	channels_use(x->e->calls, call, 0);
	if (!admit_or_refuse(x, call, say, NULL))
		return;
	if (!is_relay_wanted(call)) {
		fork_start(x, call);
		return;
	}
	call->phase = CALL_OPENING;
	if (call->session == 0 && relay_begin(x->e, call) != 0)
		await_relay(x, call);
	else
		setup_open_ends(x, call);
}

void
setup_by_trunk(const struct ctx *x, struct call *call)
{
	const struct ipc_auth_say nobody = { .n_targets = 0 };

	setup_diverted(x, call, &nobody);
}

void
call_relay_came(const struct ctx *x, struct call *call)
{
	if (relay_begin(x->e, call) != 0)
		return;
	call->awaits_relay = false;
	setup_open_ends(x, call);
	note_begun(x->st, call);
}

void
call_ports_known(const struct ctx *x, struct call *call)
{
	if (relay_is_ready(call->leg[0])) {
		fork_start(x, call);
		return;
	}
	refuse_call(x, call, 480, "relay-full",
	    "SIP;cause=503;text=\"No media port free\"");
}

static struct call *
call_new(struct edge *e)
{
	struct calls *c = e->calls;
	struct call *call = pool_get(&c->pool);

	if (call == NULL)
		return NULL;
	call->timer.kind = TIMER_CALL_PHASE;
	call->timer.owner = call;
	call->base = 1;
	call->setup = exchange_new(c, call);
	if (leg_new(c, call) == NULL || call->setup == NULL) {
		if (call->setup != NULL)
			exchange_free(e, call->setup);
		if (call->leg[0] != NULL)
			leg_free(e, call->leg[0]);
		pool_put(&c->pool, call);
		return NULL;
	}
	return call;
}

/* A caller may have so many calls when the table is nearly full. */
static uint32_t
fair_share(const struct calls *c)
{
	return c->pool.n / 16 > 4 ? c->pool.n / 16 : 4;
}

static bool
is_short(const struct pool *p)
{
	return p->used >= p->n - p->n / 4;
}

/* The last quarter of calls, and of legs, is for those who have few calls, or
 * one caller, a stolen password say, could shut out everybody.  A number with
 * many devices takes more legs for each call than there are in the mean. */
static bool
has_too_many(const struct calls *c, struct span caller)
{
	uint32_t n = 0;

	if (!is_short(&c->pool) && !is_short(&c->legs))
		return false;
	for (uint32_t i = 0; i < c->pool.n; i++) {
		const struct call *call = pool_at(&c->pool, i);

		n += call->leg[0] != NULL &&
		     span_eq(TEXT_SPAN(call->caller.number), caller);
	}
	return n >= fair_share(c);
}

/* What it replaces, or who sent the caller here. */
static void
set_transfer(const struct ctx *x, struct call *call, const struct leg *replaced)
{
	refer_begun(x, call);
	if (replaced == NULL)
		return;
	/* Its phone may say BYE there before it answers here. */
	replaced->call->transferred = true;
	call_changed(x->e, replaced->call);
	call->replaces = replaced->call->ticket;
}

/* Many phones that transfer hang up both calls once the REFER is accepted.
 * Who was referred then finds nothing to replace, and simply calls. */
static unsigned
check_replaces(const struct ctx *x, const struct sip_msg *msg,
    const struct ipc_auth_say *say, struct leg **replaced)
{
	unsigned status =
	    replaces_check(x->e, msg, say->called.number, replaced);

	if ((status == 481 || status == 603) &&
	    refer_is_asked(x, say->caller.number, say->called.number))
		return 0;
	return status;
}

/* What a sips: URI promises, of the phones that would ring or of the one that
 * talks in the call to be replaced.  Help is called whatever it promises.
 * Gives: 0 or the status to refuse with. */
static unsigned
sips_status(const struct sip_msg *msg, const struct flow *from,
    const struct ipc_auth_say *say, const struct leg *replaced,
    struct ipc_auth_say *kept)
{
	bool keeps = sips_targets(msg, say, kept) &&
	    (replaced == NULL || sips_may_go(msg, replaced->flow.zone,
				     replaced->flow.transport));

	if (say->emergency) {
		*kept = *say;
		return 0;
	}
	return !sips_may_come(msg, from) ? 416 : keeps ? 0 : 480;
}

static void
begin(const struct ctx *x, struct stxn *t, const struct sip_msg *msg,
    const struct ipc_auth_say *say)
{
	struct call *call = NULL;
	struct leg *replaced;
	unsigned status = check_replaces(x, msg, say, &replaced);
	struct ipc_auth_say kept;
	int err;

	if (status != 0) {
		call_not_begun(
		    x->st, say, (uint16_t)status, "nothing-to-replace");
		refuse(x, t, status, SPAN_NONE);
		return;
	}
	/* It will call again, and is then still who was referred here. */
	if (session_is_too_small(msg)) {
		call_not_begun(x->st, say, 422, "session-interval-too-small");
		refuse(x, t, 422, SPAN_LIT("Min-SE: 90\r\n"));
		return;
	}
	status = sips_status(msg, &t->from, say, replaced, &kept);
	if (status != 0) {
		call_not_begun(
		    x->st, say, (uint16_t)status, "sips-not-kept");
		refuse(x, t, status, status == 480 ? SPAN_LIT(SIPS_NOT_KEPT) :
						     SPAN_NONE);
		return;
	}
	if (say->emergency || (!channels_is_crowded(x->e->calls) &&
	    !has_too_many(x->e->calls, say->caller.number)))
		call = call_new(x->e);
	if (call == NULL) {
		call_not_begun(x->st, say, 480, "too-many-calls");
		refuse(x, t, 480,
		    SPAN_LIT(
			"Reason: SIP;cause=503;text=\"Too many calls\"\r\n"));
		return;
	}
	call->ticket = say->ticket;
	call->emergency = say->emergency;
	trunk_take_ways(call, say->ways, say->n_ways);
	call_party(&call->caller, &say->caller);
	call_party(&call->called, &say->called);
	call->caller.withheld = headers_hide_sender(msg);
	set_transfer(x, call, replaced);
	call->setup->server = t;
	call->setup->is_invite = true;
	call->setup->from = call->leg[0];
	call->setup->from_cseq = msg->cseq.number;
	call->pending = call->setup;
	t->ops = &exchange_server_ops;
	t->owner = call->setup;
	call->reliable = sip_lists(msg, SIP_H_SUPPORTED, "100rel") ||
	    sip_lists(msg, SIP_H_REQUIRE, "100rel");
	err = leg_from_invite(call->leg[0], msg, &t->from);
	call->leg[0]->trunk = trunk_id_of(x->e, &t->from);
	call->leg[0]->srtp_way =
	    (uint8_t)secure_first_way(x->e->calls, call->leg[0]);
	if (err)
		refuse_call(
		    x, call, err == -EMSGSIZE ? 513 : 400, "bad-invite", NULL);
	else
		admit_and_open(x, call, &kept, replaced);
}

/* By a new connection: the calls that it had by the one before. */
static void
came_back(const struct ctx *x, const struct stxn *t, const struct sip_msg *msg,
    const struct ipc_auth_say *say)
{
	struct sip_values it = sip_values(msg, SIP_H_CONTACT);
	struct sip_contact c;
	struct span value;

	if (sip_values_next(&it, &value) == 0 &&
	    sip_contact_parse(value, &c) == 0 && !c.is_star)
		call_phone_back(x->e, x->now, x->st, say->caller.number,
		    &t->from, c.na.uri.all);
}

/* Called for help without a password: nothing is proved by it. */
static bool
is_proven(const struct edge *e, const struct stxn *t,
    const struct sip_msg *msg)
{
	struct creds c;

	return urgent_creds(e, msg, &t->from, &c) != 0 || !urgent_is_bare(&c);
}

void
call_authorised(struct edge *e, struct mono now, struct steps *st,
    struct stxn *t, const struct ipc_auth_say *say)
{
	struct ctx x = { e, now, st };
	struct sip_msg msg;

	if (t->status >= 200 || stxn_request(t, &msg) != 0) {
		call_not_begun(st, say, 487, "caller-gone");
		return;
	}
	if (is_proven(e, t, &msg) && conns_prove(e->conns, &t->from))
		came_back(&x, t, &msg, say);
	if (msg.to.tag.len > 0)
		dialog_reauthorised(&x, t, &msg, say);
	else if (msg.method != SIP_INVITE)
		refuse_method(&x, t, &msg);
	else
		begin(&x, t, &msg, say);
}
