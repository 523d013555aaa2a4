#include "sigproxy/core/audit.h"

#include "sigproxy/core/call_priv.h"

static const struct ctxn_ops audit_ops;

static void
again_in(const struct ctx *x, struct leg *leg, uint64_t ms)
{
	timerq_set(&x->e->timers, &leg->session.timer, mono_add_ms(x->now, ms));
}

void
audit_start(const struct ctx *x, struct leg *leg)
{
	leg->session.missed = 0;
	again_in(x, leg, AUDIT_EVERY_MS);
}

/* What the relay says of its phone; of one that it does not serve it knows
 * nothing. */
static bool
is_heard(const struct leg *leg)
{
	for (unsigned nr = 0; nr < leg->end.n; nr++) {
		const struct end_stream *s = &leg->end.stream[nr];

		if (!s->off && !s->held && !s->silent &&
		    s->learnt.family != ADDR_NONE)
			return true;
	}
	return false;
}

static void
end_call(const struct ctx *x, struct leg *leg)
{
	steps_log(x->st, STEP_WARN, "phone-gone");
	steps_key_number(x->st, "call", leg->call->ticket);
	steps_key_text(x->st, "phone", TEXT_SPAN(leg_party(leg)->number));
	steps_key_addr(x->st, "at", &leg->flow.remote);
	call_end(x, leg->call,
	    (struct ending){ .status = 408,
		.why = "phone-gone",
		.reason = "SIP;cause=408;text=\"Phone does not answer\"" });
}

static void
missed(const struct ctx *x, struct leg *leg)
{
	if (++leg->session.missed < AUDIT_MISSES)
		again_in(x, leg, AUDIT_AGAIN_MS);
	else if (is_heard(leg))
		audit_start(x, leg);
	else
		end_call(x, leg);
}

static int
put_options(const struct ctx *x, struct buf *b, struct leg *leg)
{
	char branch[BRANCH_LEN];
	uint32_t cseq = ++leg->local_cseq;

	leg_put_request(x->e, b, leg, SPAN_LIT("OPTIONS"), cseq,
	    leg_branch_own(x->e, leg, "OPTIONS", cseq, branch), 70);
	build_end(b, SPAN_NONE);
	return buf_err(b);
}

void
audit_due(const struct ctx *x, struct leg *leg)
{
	struct session *s = &leg->session;
	char mem[CALL_BYTES_MAX / 2];
	struct buf b;

	if (leg->session.missed == 0 && is_heard(leg)) {
		audit_start(x, leg);
		return;
	}
	session_let_go(s);
	buf_init(&b, mem, sizeof(mem));
	if (put_options(x, &b, leg) != 0 ||
	    ctxn_send(&x->e->txns, x->now, x->st, &leg->flow, buf_span(&b),
		&audit_ops, leg, &s->refresh) != 0) {
		missed(x, leg);
		return;
	}
	/* Its end comes first. */
	again_in(x, leg, AUDIT_EVERY_MS);
	call_changed(x->e, leg->call); /* its CSeq is used up */
}

static void
audit_response(struct edge *e, struct mono now, struct steps *st,
    struct ctxn *c, const struct sip_msg *msg)
{
	const struct ctx x = { e, now, st };

	if (msg->status < 200)
		return;
	if (msg->status == 481 || msg->status == 408)
		missed(&x, c->owner);
	else
		audit_start(&x, c->owner);
}

static void
audit_timeout(struct edge *e, struct mono now, struct steps *st, struct ctxn *c)
{
	const struct ctx x = { e, now, st };

	missed(&x, c->owner);
}

static void
audit_ended(struct edge *e, struct mono now, struct steps *st, struct ctxn *c)
{
	struct leg *leg = c->owner;

	if (leg->session.refresh == c)
		leg->session.refresh = NULL;
}

static const struct ctxn_ops audit_ops = {
	.response = audit_response,
	.timeout = audit_timeout,
	.ended = audit_ended,
};
