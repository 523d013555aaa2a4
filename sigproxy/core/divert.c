#include <errno.h>

#include "common/codec/tel.h"
#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/creds.h"
#include "sigproxy/core/sips.h"
#include "sigproxy/core/subs.h"

/* RFC 5806 4.1 and, of each, the cause of RFC 4458 and RFC 7044. */
static const struct {
	const char *reason;
	unsigned cause;
} whys[DIVERT_WHYS] = {
	{ "unconditional", 302 },
	{ "no-answer", 408 },
	{ "user-busy", 486 },
	{ "deflection", 480 },
	{ "do-not-disturb", 480 },
	{ "unavailable", 503 },
	{ "time-of-day", 302 },
	{ "follow-me", 302 },
	{ "away", 302 },
	{ "unknown", 404 },
};

enum { UNCONDITIONAL, NO_ANSWER };

/* ---- what the phone asks for ---- */

void
away_note(const struct ctx *x, const struct call *call, enum away_via via,
    struct span by, const struct uri *uri)
{
	struct ipc_call_away m = { .ticket = call->ticket,
		.via = (uint8_t)via, .by = by };
	struct span host = uri->host;
	struct tel t;

	if (call->ticket == 0 || by.len == 0)
		return;
	if (uri->scheme == URI_TEL && tel_parse(uri, &t) == 0)
		host = t.context_is_number ? SPAN_NONE : t.context;
	m.number = span_sub(uri->user, 0, 32);
	if (host.len > 0 && !edge_is_our_host(x->e, host))
		m.host = span_sub(host, 0, 64);
	STEPS_ASK(x->st, &x->st->reg, CALL_AWAY, call_away, &m);
}

/* Errors: -EPERM not a number of ours. */
static int
read_number(const struct edge *e, const struct uri *uri,
    char mem[URI_USER_MAX], struct span *out)
{
	struct tel t;

	if (uri->scheme == URI_TEL) {
		if (tel_parse(uri, &t) != 0 ||
		    (t.context.len > 0 && !t.context_is_number &&
			!edge_is_our_host(e, t.context)))
			return -EPERM;
	} else if ((uri->scheme != URI_SIP && uri->scheme != URI_SIPS) ||
		   !edge_is_our_host(e, uri->host)) {
		return -EPERM;
	}
	/* What it would have our request say besides is not its to choose. */
	if (uri->headers.len > 0 || tel_number(uri, mem, out) != 0 ||
	    out->len == 0 || !creds_text_ok(*out, 32))
		return -EPERM;
	return 0;
}

static unsigned
q_of(const struct sip_contact *c)
{
	return c->q_milli == SIP_Q_NONE ? 1000 : c->q_milli;
}

/* Why, if it says so itself; else what can be seen. */
static uint8_t
read_why(const struct leg *leg, const struct sip_msg *msg)
{
	struct sip_nameaddr na;
	struct sip_param reason;

	if (sip_nameaddr_parse(sip_value(msg, SIP_H_DIVERSION), &na) == 0 &&
	    sip_param_find(na.params, "reason", &reason) == 0)
		for (unsigned i = 0; i < DIVERT_WHYS; i++)
			if (span_caseeq(reason.value, span_str(whys[i].reason)))
				return (uint8_t)i;
	return leg->state == LEG_EARLY ? NO_ANSWER : UNCONDITIONAL;
}

void
divert_learn(const struct ctx *x, struct leg *leg, const struct sip_msg *msg)
{
	struct sip_values it;
	struct sip_contact c, away;
	struct span value, number;
	char mem[URI_USER_MAX];
	unsigned best = 0;
	bool is_away = false;

	/* A trunk that sends us elsewhere would choose who pays for what. */
	if (msg == NULL || leg->trunk != 0 || msg->status < 300 ||
	    msg->status > 302)
		return;
	it = sip_values(msg, SIP_H_CONTACT);
	while (sip_values_next(&it, &value) == 0) {
		if (sip_contact_parse(value, &c) != 0 || c.is_star)
			return;
		if (leg->diverts_to.len > 0 && q_of(&c) <= best)
			continue;
		if (read_number(x->e, &c.na.uri, mem, &number) != 0) {
			if (!is_away || q_of(&c) >= q_of(&away))
				away = c;
			is_away = true;
			continue;
		}
		best = q_of(&c);
		(void)TEXT_SET(&leg->diverts_to, number);
	}
	if (leg->diverts_to.len == 0 && is_away)
		away_note(x, leg->call, AWAY_REDIRECT,
		    TEXT_SPAN(leg->call->called.number), &away.na.uri);
	leg->divert_why = read_why(leg, msg);
}

/* ---- asking ---- */

static bool
was_for(const struct call *call, struct span number)
{
	if (span_eq(TEXT_SPAN(call->called.number), number))
		return true;
	for (unsigned i = 0; i < call->diversion.n; i++)
		if (span_eq(TEXT_SPAN(call->diversion.step[i].number), number))
			return true;
	return false;
}

static void
put_question(struct steps *st, const struct call *call)
{
	struct ipc_divert_ask ask = {
		.ticket = call->ticket,
		.id = call->diversion.id,
		.by = TEXT_SPAN(call->called.number),
		.number = TEXT_SPAN(call->diversion.to),
	};

	STEPS_ASK(st, &st->reg, DIVERT_ASK, divert_ask, &ask);
}

/* What it replaces is a dialog of the phone that was called, not of another. */
static bool
may_go_on(const struct ctx *x, const struct call *call, const struct leg *leg)
{
	struct sip_msg *m = &x->e->stored;

	return leg->diverts_to.len > 0 && call->replaces == 0 &&
	       call->diversion.n < DIVERTS_MAX && call->ticket != 0 &&
	       !was_for(call, TEXT_SPAN(leg->diverts_to)) &&
	       call->setup->server != NULL &&
	       stxn_request(call->setup->server, m) == 0 &&
	       m->max_forwards > call->diversion.n + 1u;
}

bool
divert_begin(const struct ctx *x, struct call *call, const struct leg *leg)
{
	struct diversion *d = &call->diversion;

	if (!may_go_on(x, call, leg))
		return false;
	d->asked = true;
	d->id = x->e->calls->next_ask++;
	d->why = leg->divert_why;
	(void)TEXT_SET(&d->to, TEXT_SPAN(leg->diverts_to));
	timerq_set(
	    &x->e->timers, &call->timer, mono_add_ms(x->now, DIVERT_ASK_MS));
	call_changed(x->e, call);
	put_question(x->st, call);
	return true;
}

void
divert_again(struct steps *st, const struct call *call)
{
	if (call->diversion.asked && call->phase == CALL_INVITING)
		put_question(st, call);
}

void
divert_refuse(const struct ctx *x, struct call *call)
{
	call->diversion.asked = false;
	call_end(x, call,
	    (struct ending){ .status = 480,
		.why = "redirected",
		.reason = DIVERT_REFUSED });
}

/* ---- the answer ---- */

void
divert_drop_branches(const struct ctx *x, struct call *call)
{
	for (unsigned i = 1; i < call->n_legs; i++) {
		struct leg *leg = call->leg[i];

		if (leg == NULL)
			continue;
		if (call->early == leg)
			call->early = NULL;
		relay_close_end(x->st, leg);
		if (leg->invite == NULL)
			leg_free(x->e, leg);
	}
	call->base = call->n_legs;
}

static void
take_step(struct call *call)
{
	struct diversion *d = &call->diversion;

	(void)TEXT_SET(
	    &d->step[d->n].number, TEXT_SPAN(call->called.number));
	d->step[d->n].why = d->why;
	d->n++;
}

static void
log_step(const struct ctx *x, const struct call *call)
{
	steps_log(x->st, STEP_INFO, "call-redirected");
	steps_key_number(x->st, "call", call->ticket);
	steps_key_text(x->st, "by", TEXT_SPAN(call->called.number));
	steps_key_text(x->st, "to", TEXT_SPAN(call->diversion.to));
	steps_key_text(
	    x->st, "why", span_str(whys[call->diversion.why].reason));
}

static void
go_on(const struct ctx *x, struct call *call, const struct ipc_divert_say *say)
{
	static struct ipc_auth_say found, kept;

	call->diversion.asked = false;
	found = (struct ipc_auth_say){ .called = say->called,
		.n_targets = say->n_targets };
	memcpy(found.targets, say->targets, sizeof(found.targets));
	trunk_take_ways(call, say->ways, say->n_ways);
	if (stxn_request(call->setup->server, &x->e->stored) != 0 ||
	    !sips_targets(&x->e->stored, &found, &kept)) {
		divert_refuse(x, call);
		return;
	}
	log_step(x, call);
	take_step(call);
	divert_drop_branches(x, call);
	/* Whoever watches the one before sees that it rings no more. */
	subs_touch(x->e, SUB_DIALOG, TEXT_SPAN(call->called.number));
	call_party(&call->called, &say->called);
	call->ringing_noted = false;
	call_changed(x->e, call);
	setup_diverted(x, call, &kept);
}

static struct call *
find(const struct calls *c, const struct ipc_divert_say *say)
{
	for (uint32_t i = 0; i < c->pool.n; i++) {
		struct call *call = pool_at(&c->pool, i);

		if (call->ticket == say->ticket && call->diversion.asked &&
		    call->diversion.id == say->id &&
		    call->phase == CALL_INVITING)
			return call;
	}
	return NULL;
}

int
call_divert_frame(struct edge *e, struct mono now, struct steps *st,
    struct span payload)
{
	static struct ipc_divert_say say;
	struct ctx x = { e, now, st };
	struct call *call;
	int err = get_divert_say(payload, &say);

	if (err)
		return err;
	call = find(e->calls, &say);
	if (call == NULL)
		return 0;
	if (say.verdict == VERDICT_OK && call->setup->server != NULL)
		go_on(&x, call, &say);
	else
		divert_refuse(&x, call);
	return 0;
}

/* ---- what the next phone is told ---- */

/* The newest first (RFC 5806 4). */
static void
put_diversion(const struct edge *e, struct buf *b, const struct diversion *d)
{
	for (unsigned i = d->n; i-- > 0;) {
		build_open(b, SIP_H_DIVERSION);
		buf_putc(b, '<');
		headers_put_uri(e, b, TEXT_SPAN(d->step[i].number));
		buf_puts(b, ">;reason=");
		buf_puts(b, whys[d->step[i].why].reason);
		buf_puts(b, ";counter=1");
		build_close(b);
	}
}

/* index=1, 1.1, 1.1.1 and so on. */
static void
put_index(struct buf *b, unsigned level)
{
	buf_puts(b, ";index=1");
	while (level-- > 0)
		buf_puts(b, ".1");
}

static void
put_history(const struct edge *e, struct buf *b, const struct call *call)
{
	const struct diversion *d = &call->diversion;

	for (unsigned i = 0; i <= d->n; i++) {
		build_open(b, SIP_H_HISTORY_INFO);
		buf_putc(b, '<');
		headers_put_uri(e, b,
		    i < d->n ? TEXT_SPAN(d->step[i].number)
			     : TEXT_SPAN(call->called.number));
		/* RFC 4458: why it came there. */
		if (i > 0) {
			buf_puts(b, ";cause=");
			buf_put_u64(b, whys[d->step[i - 1].why].cause);
		}
		if (i < d->n)
			buf_puts(b, "?Reason=SIP%3Bcause%3D302");
		buf_putc(b, '>');
		put_index(b, i);
		if (i > 0) {
			buf_puts(b, ";mp=1");
			for (unsigned k = 1; k < i; k++)
				buf_puts(b, ".1");
		}
		build_close(b);
	}
}

void
divert_put(const struct edge *e, struct buf *b, const struct leg *leg)
{
	if (leg->call->diversion.n == 0 || leg_is_external(leg))
		return;
	put_diversion(e, b, &leg->call->diversion);
	put_history(e, b, leg->call);
}
