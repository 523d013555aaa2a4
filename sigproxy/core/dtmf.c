/*
 * Digits between phones that send them in different ways.  Events of RFC 4733
 * pass with the sound, INFO passes as any request.  Where the SDP of one
 * phone knows events and the other's does not, that one's INFO ends here, and
 * the relay makes events of it; the events of the first one end in the relay,
 * and become INFO here.
 */
#include "sigproxy/core/call_priv.h"
#include "sigproxy/sip/dtmf.h"

/* As fast as anybody dials.  The relay keeps to it: who does not is captured,
 * and has the other phone flooded no faster. */
#define DIGIT_EVERY_MS 80
#define DIGITS_AT_ONCE 10

/* The stream by which it hears events, though the other cannot send them. */
static const struct end_stream *
event_stream(const struct leg *leg, const struct leg *peer)
{
	const struct call *call = leg->call;
	const struct end_stream *s = relay_sound(peer);

	if (call->phase != CALL_TALKING || call->relay_closed ||
	    !relay_is_ready(leg) || !relay_is_ready(peer) || s->off ||
	    s->tone_rate == 0 || relay_sound(leg)->tone_rate != 0)
		return NULL;
	return s;
}

bool
dtmf_convert(const struct ctx *x, struct leg *leg, const struct leg *peer,
    struct stxn *t, const struct sip_msg *msg)
{
	const struct end_stream *s;
	struct ipc_relay_tone tone;
	struct dtmf digit;

	if (peer == NULL || dtmf_read(msg, &digit) != 0)
		return false;
	s = event_stream(leg, peer);
	if (s == NULL || !x->e->relay_up[leg->call->instance])
		return false;
	tone = (struct ipc_relay_tone){
		.session = leg->call->session,
		.end = peer->index,
		.stream = leg->call->sound,
		.event = digit.event,
		.duration_ms = digit.duration_ms,
		.payload_type = s->tone_pt,
		.rate = s->tone_rate,
	};
	STEPS_ASK(x->st, &x->st->relay[leg->call->instance], RELAY_TONE,
	    relay_tone, &tone);
	exchange_refuse(x, t, 200, "");
	return true;
}

/* ---- events that become INFO ---- */

bool
dtmf_is_caught(const struct end_stream *own, const struct end_stream *other)
{
	return own->tone_rate != 0 && other->tone_rate == 0 &&
	       !own->off && !other->off && !other->no_info &&
	       own->form == STREAM_RTP && !own->video;
}

void
dtmf_tell(struct steps *st, const struct leg *leg, unsigned nr,
    const struct leg *other, bool before)
{
	const struct end_stream *s = &leg->end.stream[nr];
	bool now = dtmf_is_caught(s, &other->end.stream[nr]);
	const struct ipc_relay_events m = {
		.session = leg->call->session,
		.end = leg->index,
		.stream = (uint8_t)nr,
		.payload_type = s->tone_pt,
		.rate = now ? s->tone_rate : 0,
	};

	if (nr < leg->end.n && (now || before))
		STEPS_ASK(st, &st->relay[leg->call->instance], RELAY_EVENTS,
		    relay_events, &m);
}

static int
put_info(const struct ctx *x, struct buf *b, struct leg *leg,
    const struct dtmf *digit)
{
	char branch[BRANCH_LEN], mem[48];
	uint32_t cseq = ++leg->local_cseq;
	struct buf body;

	buf_init(&body, mem, sizeof(mem));
	dtmf_write(&body, digit);
	leg_put_request(x->e, b, leg, SPAN_LIT("INFO"), cseq,
	    leg_branch_own(x->e, leg, "INFO", cseq, branch), 70);
	build_hdr_str(b, SIP_H_CONTENT_TYPE, DTMF_RELAY_TYPE);
	build_end(b, buf_span(&body));
	return buf_err(&body) ? buf_err(&body) : buf_err(b);
}

static bool
may_come(const struct ctx *x, struct leg *to)
{
	if (mono_before(to->digits_at, x->now))
		to->digits_at = x->now;
	if (mono_ms_between(x->now, to->digits_at) >
	    DIGITS_AT_ONCE * DIGIT_EVERY_MS)
		return false;
	to->digits_at = mono_add_ms(to->digits_at, DIGIT_EVERY_MS);
	return true;
}

void
dtmf_came(const struct ctx *x, struct leg *leg,
    const struct ipc_relay_digit *m)
{
	struct call *call = leg->call;
	struct leg *to = leg->index == 0 ? call->callee : call->leg[0];
	const struct dtmf digit = { m->event, m->duration_ms };
	char mem[CALL_BYTES_MAX / 2];
	struct ctxn *c;
	struct buf b;

	if (call->phase != CALL_TALKING || to == NULL || call->relay_closed ||
	    m->stream != call->sound || m->stream >= leg->end.n ||
	    !dtmf_is_caught(relay_sound(leg), relay_sound(to)) ||
	    !may_come(x, to))
		return;
	buf_init(&b, mem, sizeof(mem));
	if (put_info(x, &b, to, &digit) == 0)
		(void)ctxn_send(&x->e->txns, x->now, x->st, &to->flow,
		    buf_span(&b), NULL, NULL, &c);
	call_changed(x->e, call);	/* its CSeq is used up */
}
