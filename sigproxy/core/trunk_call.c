#include "sigproxy/core/trunk_call.h"

#include <errno.h>

#include "common/codec/tel.h"
#include "sigproxy/core/auth_priv.h"
#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/conns.h"
#include "sigproxy/core/creds.h"

/* ---- how many ---- */

static bool
is_by(const struct call *call, uint32_t id)
{
	const struct leg *last;

	if (call->ticket == 0 || call->phase == CALL_ENDING)
		return false;
	if (call->leg[0] != NULL && call->leg[0]->trunk == id)
		return true;
	if (call->callee != NULL)
		return call->callee->trunk == id;
	last = call->n_legs > call->base ? call->leg[call->n_legs - 1] : NULL;
	return last != NULL && last->trunk == id;
}

unsigned
trunk_calls(const struct calls *c, uint32_t id)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < c->pool.n; i++)
		n += is_by(pool_at(&c->pool, i), id);
	return n;
}

bool
trunk_has_room(const struct calls *c, const struct trunk *t)
{
	return t->channels == 0 || trunk_calls(c, t->id) < t->channels;
}

/* ---- which way ---- */

void
trunk_take_ways(struct call *call, const struct ipc_way *ways, unsigned n)
{
	struct outgoing *o = &call->out;

	*o = (struct outgoing){ .n = (uint8_t)n };
	for (unsigned i = 0; i < n; i++) {
		o->way[i].trunk = ways[i].trunk;
		o->way[i].route = ways[i].route;
		/* The table bounds both. */
		(void)TEXT_SET(&o->way[i].number, ways[i].number);
		(void)TEXT_SET(&o->way[i].caller, ways[i].caller);
	}
}

static bool
may_take(const struct ctx *x, const struct trunk *t, const struct call *call,
    bool with_external)
{
	return t != NULL && t->outbound &&
	       (with_external || t->zone != ZONE_EXTERNAL) &&
	       (call->emergency || trunk_has_room(x->e->calls, t));
}

/* One that failed a moment ago only if no other way is left. */
static bool
is_avoided(const struct ctx *x, const struct outgoing *o,
    const struct trunk_flow *f)
{
	return mono_before(x->now, f->avoid_until) &&
	       (o->at + 1u < o->n || o->tries == 0);
}

static struct trunk *
walk(const struct ctx *x, struct call *call, bool with_external, bool any,
    struct flow *out)
{
	struct outgoing *o = &call->out;

	for (; o->at < o->n; o->at++, o->next_flow = 0) {
		struct trunk *t =
		    trunk_find(x->e->trunks, o->way[o->at].trunk);

		if (!may_take(x, t, call, with_external))
			continue;
		while (o->next_flow < t->n_flows) {
			const struct trunk_flow *f = &t->flow[o->next_flow++];

			if ((!any && is_avoided(x, o, f)) ||
			    !conns_live(x->e->conns, &f->flow))
				continue;
			*out = f->flow;
			return t;
		}
	}
	return NULL;
}

struct trunk *
trunk_choose(const struct ctx *x, struct call *call, bool with_external,
    struct flow *out)
{
	struct outgoing *o = &call->out;
	struct outgoing before = *o;
	struct trunk *t;

	if (o->tries >= TRUNK_TRIES_MAX)
		return NULL;
	t = walk(x, call, with_external, false, out);
	if (t == NULL && before.tries == 0) {
		*o = before;
		t = walk(x, call, with_external, true, out);
	}
	if (t == NULL)
		return NULL;
	o->tries++;
	o->answers = 0;
	call->called.latching = t->latching;
	call->called.srtp = t->srtp;
	return t;
}

static const struct way *
way_of(const struct call *call)
{
	return call->out.at < call->out.n ? &call->out.way[call->out.at] :
					    NULL;
}

static void
note_way(const struct ctx *x, const struct call *call, const struct way *w)
{
	const struct ipc_call_way say = {
		.ticket = call->ticket,
		.trunk = w->trunk,
		.route = w->route,
		.sent = TEXT_SPAN(w->number),
	};

	if (call->ticket != 0)
		STEPS_ASK(x->st, &x->st->reg, CALL_WAY, call_way, &say);
}

/* RFC 3323 4.1.1.3. */
#define ANONYMOUS "\"Anonymous\" <sip:anonymous@anonymous.invalid>"

static void
put_caller(struct buf *b, const struct leg *leg, const struct trunk *t,
    const struct way *w)
{
	const struct party *p = &leg->call->caller;

	if (p->withheld) {
		buf_puts(b, ANONYMOUS);
		return;
	}
	if (p->name.len > 0) {
		auth_put_quoted(b, TEXT_SPAN(p->name));
		buf_putc(b, ' ');
	}
	buf_putc(b, '<');
	trunk_put_uri(b, t, TEXT_SPAN(w->caller));
	buf_putc(b, '>');
}

void
trunk_write_names(const struct ctx *x, struct leg *leg, const struct trunk *t)
{
	const struct way *w = way_of(leg->call);
	struct buf b;

	if (w == NULL)
		return;
	leg->trunk = t->id;
	buf_init(&b, leg->target.p, sizeof(leg->target.p));
	trunk_put_uri(&b, t, TEXT_SPAN(w->number));
	leg->target.len = (uint16_t)b.len;
	buf_init(&b, leg->local.p, sizeof(leg->local.p));
	put_caller(&b, leg, t, w);
	leg->local.len = (uint16_t)(buf_err(&b) ? 0 : b.len);
	buf_init(&b, leg->remote.p, sizeof(leg->remote.p));
	buf_putc(&b, '<');
	trunk_put_uri(&b, t, TEXT_SPAN(w->number));
	buf_putc(&b, '>');
	leg->remote.len = (uint16_t)b.len;
	/* Another INVITE than the one before, should both come to the same
	 * server by different ways (RFC 3261 8.2.2.2). */
	leg->cseq_offset = leg->call->out.tries - 1;
	note_way(x, leg->call, w);
}

/* ---- failure ---- */

/* What another server may do better; whatever else is an answer. */
static bool
is_failure(uint16_t status)
{
	return status == 408 || status == 430 ||
	       (status >= 500 && status < 600);
}

static void
avoid(const struct ctx *x, const struct leg *leg)
{
	struct trunk *t = trunk_find(x->e->trunks, leg->trunk);

	if (t == NULL)
		return;
	t->failed++;
	for (unsigned i = 0; i < t->n_flows; i++)
		if (flow_eq(&t->flow[i].flow, &leg->flow))
			t->flow[i].avoid_until =
			    mono_add_ms(x->now, TRUNK_AVOID_MS);
}

static const struct leg *
tried(const struct call *call)
{
	const struct leg *leg =
	    call->n_legs > 0 ? call->leg[call->n_legs - 1] : NULL;

	return leg != NULL && leg->trunk != 0 ? leg : NULL;
}

/* Is there a way left, other than by that flow (NULL: any)?  By a route and by
 * its prefix a trunk may be a way twice. */
static bool
has_more(const struct ctx *x, struct call *call, const struct flow *but)
{
	struct outgoing before = call->out;
	struct party called = call->called;
	struct flow flow;
	bool more;

	do
		more = call->n_legs < CALL_LEGS_MAX &&
		    trunk_choose(x, call, true, &flow) != NULL;
	while (more && but != NULL && flow_eq(&flow, but));
	call->out = before;
	call->called = called;
	return more;
}

bool
trunk_next(const struct ctx *x, struct call *call, uint16_t status)
{
	const struct leg *leg = tried(call);

	if (call->out.n == 0 || leg == NULL || !is_failure(status))
		return false;
	avoid(x, leg);
	steps_log(x->st, STEP_WARN, "trunk-failed");
	steps_key_number(x->st, "call", call->ticket);
	steps_key_number(x->st, "trunk", leg->trunk);
	steps_key_addr(x->st, "at", &leg->flow.remote);
	steps_key_number(x->st, "status", status);
	if (call->setup == NULL || call->setup->server == NULL ||
	    !has_more(x, call, NULL))
		return false;
	divert_drop_branches(x, call);
	call->ringing_noted = false;
	call_changed(x->e, call);
	setup_by_trunk(x, call);
	return true;
}

bool
trunk_is_told_full(const struct leg *caller, const char *reason)
{
	static const char full[] = "SIP;cause=503";

	return caller != NULL && caller->trunk != 0 && reason != NULL &&
	       strncmp(reason, full, sizeof(full) - 1) == 0;
}

uint32_t
trunk_wait_ms(const struct edge *e, const struct leg *leg)
{
	const struct trunk *t = trunk_find(e->trunks, leg->trunk);

	return t != NULL ? t->wait_ms : CALL_FLOW_MS;
}

bool
trunk_may_go_on(const struct ctx *x, const struct leg *leg)
{
	return leg->trunk != 0 && leg->state == LEG_CALLING &&
	    !leg->is_slow && leg->invite->state == CTXN_PROCEEDING &&
	    !has_more(x, leg->call, &leg->flow);
}

/* ---- challenges ---- */

bool
trunk_is_challenged(
    const struct ctx *x, struct leg *leg, const struct sip_msg *msg)
{
	struct call *call = leg->call;
	const struct trunk *t = trunk_find(x->e->trunks, leg->trunk);
	struct outgoing *o = &call->out;
	struct ipc_trunk_auth_ask ask;

	if ((msg->status != 401 && msg->status != 407) || t == NULL ||
	    (!t->has_secret && !t->mirror) || call->phase != CALL_INVITING ||
	    leg->state == LEG_LOST || leg->index < call->base ||
	    o->answers >= TRUNK_ANSWERS_MAX ||
	    trunk_challenge_read(msg, &o->challenge) != 0 ||
	    (o->answers > 0 && !o->challenge.stale))
		return false;
	o->answers++;
	o->asked = true;
	o->id = x->e->calls->next_ask++;
	ask = (struct ipc_trunk_auth_ask){
		.ticket = call->ticket,
		.id = o->id,
		.trunk = t->id,
		.uri = TEXT_SPAN(leg->target),
		.realm = TEXT_SPAN(o->challenge.realm),
		.nonce = TEXT_SPAN(o->challenge.nonce),
		.algorithm = TEXT_SPAN(o->challenge.algorithm),
		.qop = o->challenge.qop,
	};
	STEPS_ASK(x->st, &x->st->reg, TRUNK_AUTH_ASK, trunk_auth_ask, &ask);
	timerq_set(&x->e->timers, &leg->timer_c,
	    mono_add_ms(x->now, TRUNK_ASK_MS));
	call_changed(x->e, call);
	return true;
}

static struct call *
find(const struct calls *c, const struct ipc_trunk_auth_say *say)
{
	for (uint32_t i = 0; i < c->pool.n; i++) {
		struct call *call = pool_at(&c->pool, i);

		if (call->ticket == say->ticket && call->out.asked &&
		    call->out.id == say->id && call->phase == CALL_INVITING)
			return call;
	}
	return NULL;
}

int
trunk_auth_frame(struct edge *e, struct mono now, struct steps *st,
    struct span payload)
{
	const struct ctx x = { e, now, st };
	struct ipc_trunk_auth_say say;
	char mem[2048];
	struct call *call;
	struct leg *leg;
	struct buf b;
	int err = get_trunk_auth_say(payload, &say);

	if (err)
		return err;
	call = find(e->calls, &say);
	leg = call == NULL ? NULL : call->leg[call->n_legs - 1];
	if (leg == NULL || leg->trunk == 0)
		return 0;
	call->out.asked = false;
	buf_init(&b, mem, sizeof(mem));
	trunk_answer_put(&b, &call->out.challenge,
	    &(struct trunk_answer){ say.username, TEXT_SPAN(leg->target),
		say.response, say.cnonce });
	if (say.verdict != VERDICT_OK || buf_err(&b))
		fork_branch_failed(&x, leg, 407);
	else
		fork_answer(&x, leg, buf_span(&b));
	return 0;
}

/* ---- who calls ---- */

void
trunk_put_identity(const struct edge *e, struct buf *b, const struct leg *leg)
{
	const struct trunk *t = trunk_find(e->trunks, leg->trunk);
	const struct call *call = leg->call;
	const struct way *w = way_of(call);

	if (t == NULL || w == NULL || !t->trust)
		return;
	build_open(b, SIP_H_P_ASSERTED_IDENTITY);
	if (call->caller.name.len > 0) {
		auth_put_quoted(b, TEXT_SPAN(call->caller.name));
		buf_putc(b, ' ');
	}
	buf_putc(b, '<');
	trunk_put_uri(b, t, TEXT_SPAN(w->caller));
	buf_putc(b, '>');
	build_close(b);
	if (call->caller.withheld)
		build_hdr_str(b, SIP_H_PRIVACY, "id");
}

/* The words of a display name, without quotes. */
static struct span
plain_name(struct span display, char *mem, size_t cap)
{
	struct buf b;

	display = span_trim(display);
	if (display.len >= 2 && display.p[0] == '"')
		display = span_sub(display, 1, display.len - 2);
	buf_init(&b, mem, cap);
	sip_unquote(display, &b);
	return buf_err(&b) || !creds_text_ok(buf_span(&b), cap) ? SPAN_NONE :
								  buf_span(&b);
}

static bool
take_caller(const struct uri *uri, struct span display,
    struct trunk_caller *out)
{
	if (tel_number(uri, out->mem, &out->number) != 0 ||
	    !creds_text_ok(out->number, 64))
		return false;
	out->name = plain_name(display, out->name_mem, sizeof(out->name_mem));
	return true;
}

void
trunk_read_caller(const struct trunk *t, const struct sip_msg *msg,
    struct trunk_caller *out)
{
	const struct sip_hdr *h = sip_first(msg, SIP_H_P_ASSERTED_IDENTITY);
	struct sip_nameaddr na;

	out->number = out->name = SPAN_NONE;
	/* Who withholds his name withholds it from phones (RFC 3325 9.1). */
	if (headers_hide_sender(msg))
		return;
	if (t->trust && h != NULL && sip_nameaddr_parse(h->value, &na) == 0 &&
	    take_caller(&na.uri, na.display, out))
		return;
	if (!take_caller(&msg->from.uri, msg->from.display, out))
		out->number = SPAN_NONE;
}
