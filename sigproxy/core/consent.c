#include <errno.h>

#include "sigproxy/core/auth_priv.h"
#include "sigproxy/core/call_priv.h"

/* ---- asking ---- */

/* The number that it names, as refer_number() has it.  False: none. */
static bool
put_question(const struct ctx *x, const struct call *call,
    const struct sip_msg *msg)
{
	const struct leg *from = call->consent.from;
	char mem[URI_USER_MAX];
	struct ipc_refer_ask ask = {
		.ticket = call->ticket,
		.id = call->consent.id,
		.by = TEXT_SPAN(leg_party(from)->number),
	};
	int err;

	err = refer_number(x->e, from, msg, mem, &ask.number);
	if (err == -EPERM)
		refer_away(x, from, msg);
	if (err)
		return false;
	STEPS_ASK(x->st, &x->st->reg, REFER_ASK, refer_ask, &ask);
	return true;
}

/* Let go of the REFER without an answer. */
static struct stxn *
take(const struct ctx *x, struct call *call)
{
	struct stxn *t = call->consent.server;

	timerq_cancel(&x->e->timers, &call->consent.timer);
	call->consent.server = NULL;
	if (t != NULL) {
		t->ops = NULL;
		t->owner = NULL;
	}
	return t;
}

static void
on_ended(struct edge *e, struct mono now, struct steps *st, struct stxn *t)
{
	const struct ctx x = { e, now, st };

	(void)take(&x, t->owner);
}

static const struct stxn_ops waiting_ops = { .ended = on_ended };

void
consent_ask(const struct ctx *x, struct leg *leg, struct stxn *t,
    const struct sip_msg *msg)
{
	struct call *call = leg->call;
	struct consent *c = &call->consent;

	if (c->server != NULL) {
		exchange_refuse(x, t, 500, "Retry-After: 2\r\n");
		return;
	}
	*c = (struct consent){ .server = t, .from = leg,
		.id = x->e->calls->next_ask++,
		.cseq = msg->cseq.number,
		.timer = c->timer };
	t->ops = &waiting_ops;
	t->owner = call;
	/* What names no number is refused as it would be without us. */
	if (call->ticket == 0 || !put_question(x, call, msg)) {
		dialog_refer(x, leg, take(x, call), msg);
		return;
	}
	c->timer.kind = TIMER_CALL_CONSENT;
	c->timer.owner = call;
	timerq_set(
	    &x->e->timers, &c->timer, mono_add_ms(x->now, CONSENT_ASK_MS));
}

void
consent_again(const struct ctx *x, struct call *call)
{
	if (call->consent.server != NULL &&
	    stxn_request(call->consent.server, &x->e->stored) == 0)
		(void)put_question(x, call, &x->e->stored);
}

void
consent_due(const struct ctx *x, struct call *call)
{
	struct stxn *t = take(x, call);

	if (t != NULL)
		exchange_refuse(x, t, 500, "Retry-After: 5\r\n");
}

void
consent_end(const struct ctx *x, struct call *call)
{
	struct stxn *t = take(x, call);

	if (t != NULL)
		exchange_refuse(x, t, 487, "");
}

/* ---- the answer ---- */

static void
deny(const struct ctx *x, struct leg *leg, struct stxn *t,
    const struct sip_msg *msg, struct span why)
{
	char mem[160];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_puts(&b, "Reason: SIP;cause=403;text=");
	auth_put_quoted(&b, why);
	buf_puts(&b, "\r\n");
	buf_putc(&b, '\0');
	refer_not_passed(x, leg, msg, 403);
	exchange_refuse(x, t, 403, buf_err(&b) ? "" : mem);
}

static void
answered(const struct ctx *x, struct call *call,
    const struct ipc_refer_say *say)
{
	struct leg *leg = call->consent.from;
	struct stxn *t = take(x, call);
	struct sip_msg *m = &x->e->stored;

	if (stxn_request(t, m) != 0)
		exchange_refuse(x, t, 500, "");
	else if (say->verdict == VERDICT_BUSY)
		exchange_refuse(x, t, 500, "Retry-After: 5\r\n");
	else if (say->verdict == VERDICT_DENIED ||
		 say->verdict == VERDICT_FORBIDDEN)
		deny(x, leg, t, m, say->why);
	else
		dialog_refer(x, leg, t, m);
}

static struct call *
find(const struct calls *c, uint64_t ticket)
{
	for (uint32_t i = 0; i < c->pool.n; i++) {
		struct call *call = pool_at(&c->pool, i);

		if (call->ticket == ticket)
			return call;
	}
	return NULL;
}

static int
on_say(const struct ctx *x, struct span payload)
{
	struct ipc_refer_say say;
	struct call *call;
	int err = get_refer_say(payload, &say);

	if (err)
		return err;
	call = find(x->e->calls, say.ticket);
	if (call != NULL && call->consent.server != NULL &&
	    call->consent.id == say.id)
		answered(x, call, &say);
	return 0;
}

/* ---- calls that are to end ---- */

static const struct ending stops[] = {
	[STOP_MINUTES] = { .status = 403, .why = "minutes-used-up",
	    .reason = "SIP;cause=403;text=\"Today's minutes are used up\"" },
	[STOP_COST] = { .status = 403, .why = "money-used-up",
	    .reason = "SIP;cause=403;text=\"Today's money is used up\"" },
	[STOP_RIGHT] = { .status = 403, .why = "right-withdrawn",
	    .reason = "SIP;cause=403;text=\"The right to this call is over\"" },
	[STOP_DISABLED] = { .status = 403, .why = "subscriber-disabled",
	    .reason = "SIP;cause=403;text=\"Subscriber is disabled\"" },
	[STOP_TRUNK] = { .status = 480, .why = "trunk-disabled",
	    .reason = "SIP;cause=480;text=\"This trunk is out of service\"" },
	[STOP_ADMIN] = { .status = 480, .why = "ended-by-admin",
	    .reason = "SIP;cause=480;text=\"Ended by the administrator\"" },
};

static int
on_end(const struct ctx *x, struct span payload)
{
	struct ipc_call_end end;
	struct call *call;
	int err = get_call_end(payload, &end);

	if (err)
		return err;
	call = find(x->e->calls, end.ticket);
	if (call != NULL && call->phase != CALL_ENDING)
		call_end(x, call, stops[end.why]);
	return 0;
}

int
consent_frame(struct edge *e, struct mono now, struct steps *st,
    uint16_t type, struct span payload)
{
	const struct ctx x = { e, now, st };

	return type == IPC_CALL_END ? on_end(&x, payload) :
				      on_say(&x, payload);
}
