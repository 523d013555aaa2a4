/* What a trunk that did not take a call did instead (trunk_call.h). */
#include "sigproxy/core/call_priv.h"

static enum tried_why
by_challenge(const struct leg *leg, const struct trunk *t,
    const struct sip_msg *msg)
{
	struct trunk_challenge c;

	if (t == NULL || (!t->has_secret && !t->mirror))
		return TRIED_NO_PASSWORD;
	if (leg->call->out.answers > 0)
		return TRIED_PASSWORD;
	return trunk_challenge_read(msg, &c) != 0 ? TRIED_CHALLENGE :
						    TRIED_OURS;
}

static bool
said_100(const struct leg *leg)
{
	return leg->is_slow ||
	    (leg->invite != NULL && leg->invite->state == CTXN_PROCEEDING);
}

static enum tried_why
by_silence(const struct leg *leg, uint16_t status, bool had_invite)
{
	/* A digest was asked for: there is no INVITE at this moment. */
	if (!had_invite && status == 407)
		return TRIED_REALM;
	if (status == 430)
		return TRIED_UNREACHABLE;
	if (!had_invite || status != 408)
		return TRIED_OURS;
	return leg->state == LEG_CALLING && !said_100(leg) ? TRIED_SILENT :
							     TRIED_STALLED;
}

static void
put_printable(struct buf *b, struct span s, size_t max)
{
	for (size_t i = 0; i < s.len && b->len < max; i++)
		if (s.p[i] >= 32 && s.p[i] <= 126)
			buf_putc(b, s.p[i]);
}

/* Of its status line, and of its Reason. */
static void
put_words(struct buf *b, const struct leg *leg, const struct sip_msg *msg,
    enum tried_why why)
{
	const size_t max = b->cap - 2;
	struct span reason;

	if (why == TRIED_REALM || why == TRIED_PASSWORD) {
		put_printable(b, TEXT_SPAN(leg->call->out.challenge.realm),
		    max);
		return;
	}
	if (msg == NULL)
		return;
	put_printable(b, msg->reason, max);
	reason = sip_value(msg, SIP_H_REASON);
	if (reason.len > 0)
		put_printable(b, SPAN_LIT("; "), max);
	put_printable(b, reason, max);
}

void
trunk_note_end(const struct ctx *x, const struct leg *leg,
    const struct sip_msg *msg, uint16_t status, bool had_invite)
{
	const struct call *call = leg->call;
	const struct trunk *t = trunk_find(x->e->trunks, leg->trunk);
	struct ipc_call_tried m = {
		.ticket = call->ticket,
		.trunk = leg->trunk,
		.at = leg->flow.remote,
		.status = msg != NULL ? msg->status : 0,
	};
	char mem[96];
	struct buf b;
	enum tried_why why;

	/* Noted when the timer ended it; what comes later changes nothing. */
	if (leg->trunk == 0 || call->ticket == 0 || leg->index < call->base ||
	    leg->status != 0 || call->phase != CALL_INVITING)
		return;
	if (msg == NULL)
		why = by_silence(leg, status, had_invite);
	else if (msg->status == 401 || msg->status == 407)
		why = by_challenge(leg, t, msg);
	else
		why = TRIED_REFUSED;
	buf_init(&b, mem, sizeof(mem));
	put_words(&b, leg, msg, why);
	m.why = (uint8_t)why;
	m.words = buf_span(&b);
	STEPS_ASK(x->st, &x->st->reg, CALL_TRIED, call_tried, &m);
}
