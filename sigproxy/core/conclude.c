/* What is to be concluded about one phone's media (verdict.h). */
#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/keep.h"
#include "sigproxy/core/offer.h"

/* A phone that announces an office-like address, and nothing of STUN's. */
static bool
is_blind(const struct leg *leg)
{
	const struct addr *rtp = &relay_sound(leg)->rtp;

	return leg->flow.zone == ZONE_EXTERNAL && leg->end.n > 0 &&
	       rtp->family != ADDR_NONE && !addr_is_public(rtp);
}

/*
 * Two phones of one home that send from the same port: once both have sent to
 * the same place its router keeps the port for the first only, and for a
 * while the second one's is another wherever it sends.  Told apart by their
 * addresses at home.
 */
static bool
shares_port(const struct ctx *x, const struct leg *leg)
{
	const struct calls *c = x->e->calls;
	const struct addr *rtp = &relay_sound(leg)->rtp, *its;

	for (uint32_t i = 0; is_blind(leg) && i < c->legs.n; i++) {
		const struct leg *other = pool_at(&c->legs, i);

		if (other->call == NULL || !is_blind(other) ||
		    !addr_same_ip(&other->flow.remote, &leg->flow.remote))
			continue;
		its = &relay_sound(other)->rtp;
		if (its->port == rtp->port && !addr_same_ip(its, rtp))
			return true;
	}
	return false;
}

static struct verdict_in
signs_of(const struct ctx *x, const struct leg *leg,
    const struct ipc_relay_reach *reach)
{
	struct verdict_in in = {
		.heard = (enum media_heard)reach->heard,
		.refused = reach->refused != 0,
		.way = (enum media_way)reach->way,
		.range = (enum media_range)reach->range,
		.home = verdict_home(&leg->flow, TEXT_SPAN(leg->target)),
		.asks_stun = verdict_asks_stun(&leg->flow, &relay_sound(leg)->rtp),
		.address_old = x->e->public_old,
	};

	if (in.heard == MEDIA_GONE)
		in.heard = MEDIA_SILENT;
	/* Heard by the mediaproxy before that one. */
	if (in.heard == MEDIA_NEVER &&
	    relay_sound(leg)->learnt.family != ADDR_NONE)
		in.heard = MEDIA_SILENT;
	if (in.heard == MEDIA_NEVER) {
		in.others = keep_home_nat(x->e->keep, &leg->flow.remote);
		in.same_port = shares_port(x, leg);
		in.sight = ear_seen(x->e, leg, x->now);
	}
	if (in.heard == MEDIA_SILENT)
		in.sight = ear_seen_again(x->e, leg, x->now);
	return in;
}

void
leg_conclude(const struct ctx *x, const struct leg *leg,
    const struct ipc_relay_reach *reach, struct ipc_call_reach *out)
{
	const struct verdict_in in = signs_of(x, leg, reach);

	if (in.heard == MEDIA_NEVER && in.sight == SEEN_EACH_PEER)
		keep_note_proof(x->e->keep, &leg->flow.remote, HOME_SYMMETRIC);
	*out = (struct ipc_call_reach){
		.ticket = leg->call->ticket,
		.called = leg->index != 0,
		.way = reach->way,
		.verdict = (uint8_t)verdict_media(&in),
		.said = reach->said,
		.srtp = relay_sound(leg)->form == STREAM_RTP ?
		    relay_sound(leg)->srtp.phone.suite : SRTP_NONE,
	};
	ear_prove(x->e, leg, &in, out);
}
