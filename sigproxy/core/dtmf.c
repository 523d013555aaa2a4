/*
 * Digits between phones that send them in different ways.  Events of RFC 4733
 * pass with the sound, INFO passes as any request.  Where the SDP of one
 * phone knows events and the other's does not, that one's INFO ends here, and
 * the relay makes events of it.
 */
#include "sigproxy/core/call_priv.h"
#include "sigproxy/sip/dtmf.h"

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
