/* What an ear tells others (ear.h). */
#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/keep.h"

struct ipc_port
ear_port(const struct leg *leg, unsigned nr)
{
	struct ipc_port port = leg->end.stream[nr].port;

	if (leg->ear.state == EAR_LISTENS && nr == leg->call->sound)
		port.said_rtp = leg->ear.said;
	return port;
}

/*
 * Its sound leaves by the same port as when it was found, if it still announces
 * the same.  Some announce another one in each answer; and who went to another
 * network while it was listened for has another address.  Then what was just
 * seen is the better guess, but where its router keeps ports, or STUN told
 * the phone.
 */
static bool
is_found_yet(const struct ear *ear, const struct addr *rtp)
{
	if (addr_eq(rtp, &ear->announced))
		return true;
	return ear->state == EAR_ENDS && ear->sighted &&
	       rtp->family != ADDR_NONE && !addr_is_public(rtp) &&
	       (rtp->port == ear->announced.port ||
		   ear->seen.port != ear->announced.port);
}

const struct addr *
ear_found(const struct leg *leg, unsigned nr)
{
	const struct ear *ear = &leg->ear;

	return ear->seen.family != ADDR_NONE && nr == leg->call->sound &&
		       is_found_yet(ear, &leg->end.stream[nr].rtp)
		   ? &ear->seen
		   : NULL;
}

/* Would its packets have come in by our SIP port? */
static bool
is_reachable(const struct edge *e, const struct leg *leg)
{
	return leg->flow.transport == TRANSPORT_UDP ||
	       e->port_open[leg->ear.by.listener] ||
	       keep_is_reached(e->keep, leg->ear.by.listener);
}

/* The relay sent first to it, in vain. */
static bool
is_proved(const struct ear *ear, struct mono now)
{
	return ear->ended.us != 0 &&
	    mono_ms_between(ear->ended, now) >= EAR_PROVED_MS / 2;
}

/* Found by what it said in its silence, it may have nothing more to say. */
static bool
is_word(const struct ear *ear)
{
	return ear->word && !addr_eq(&ear->seen, &ear->before);
}

enum sight
ear_seen(const struct edge *e, const struct leg *leg, struct mono now)
{
	const struct ear *ear = &leg->ear;
	bool proved = is_proved(ear, now);

	if (ear->silent)
		return is_reachable(e, leg) ? SEEN_SILENT : SEEN_NOT;
	if (ear->seen.family == ADDR_NONE)
		return SEEN_NOT;
	if (ear->seen.port == ear->announced.port)
		return proved ? SEEN_AS_SAID : SEEN_NOT;
	/* STUN was told another one. */
	if (proved || verdict_asks_stun(&leg->flow, &ear->announced))
		return SEEN_EACH_PEER;
	return SEEN_MOVED;
}

enum sight
ear_seen_again(const struct edge *e, const struct leg *leg, struct mono now)
{
	const struct ear *ear = &leg->ear;

	if (!ear->again || ear->state == EAR_WAITS)
		return SEEN_NOT;
	if (ear->silent && ear->stray.family == ADDR_NONE)
		return is_reachable(e, leg) ? SEEN_SILENT : SEEN_NOT;
	if (is_word(ear))
		return SEEN_NOT;
	if (ear->sighted)
		return addr_eq(&ear->seen, &ear->before) ? SEEN_AS_SAID :
		       is_proved(ear, now) ? SEEN_EACH_PEER : SEEN_MOVED;
	if (ear->agreed || ear->mutes || ear->refuses ||
	    (ear->state != EAR_OVER && !move_is_asking(leg)) ||
	    keep_answered_since(e->keep, &leg->flow, ear->asked))
		return SEEN_NOT;
	return SEEN_LOST;
}

static enum media_proof
proof_of_never(const struct leg *leg, const struct verdict_in *in)
{
	switch (in->sight) {
	case SEEN_SILENT:
		return PROOF_ASKED;
	case SEEN_AS_SAID:
		return PROOF_AS_SAID;
	case SEEN_MOVED:
		return PROOF_SEEN;
	case SEEN_EACH_PEER:
		return leg->ear.ended.us == 0 ? PROOF_SEEN_STUN :
						PROOF_SEEN_SENT;
	default:
		return PROOF_SENT_FIRST;
	}
}

static enum media_proof
proof_of_silence(const struct leg *leg, const struct verdict_in *in)
{
	if (leg->ear.refuses)
		return PROOF_REFUSED;
	if (leg->ear.stray.family != ADDR_NONE)
		return PROOF_STRANGE;
	if (is_word(&leg->ear))
		return leg->ear.ended.us != 0 ? PROOF_SEEN_SENT : PROOF_SEEN;
	switch (in->sight) {
	case SEEN_SILENT:
		return PROOF_ASKED;
	case SEEN_MOVED:
		return PROOF_SEEN;
	case SEEN_EACH_PEER:
		return PROOF_SEEN_SENT;
	case SEEN_LOST:
		return PROOF_UNREACHED;
	default:
		return PROOF_NONE;
	}
}

/* Did the relay send first to its address by the port that it announced?
 * Of `signalled` only if the two addresses are one. */
static bool
is_sent_first(
    const struct edge *e, const struct leg *leg, const struct addr *announced)
{
	uint8_t mode = leg_party(leg)->latching;

	if (mode == LATCH_DEFAULT)
		mode = (uint8_t)e->conf->latching;
	return mode != LATCH_SIGNALLED ||
	       addr_same_ip(announced, &leg->flow.remote);
}

static void
prove_moved(const struct ear *ear, struct ipc_call_reach *out)
{
	if (ear->moved_ms == 0)
		return;
	out->proof = PROOF_BACK;
	out->before = ear->moved_from;
	out->seen = ear->moved_to;
	out->after_ms = ear->moved_ms;
}

void
ear_prove(const struct edge *e, const struct leg *leg,
    const struct verdict_in *in, struct ipc_call_reach *out)
{
	const struct ear *ear = &leg->ear;

	if (in->refused)
		return;
	out->announced = relay_sound(leg)->rtp;
	if (in->heard != MEDIA_SILENT && in->heard != MEDIA_NEVER) {
		prove_moved(ear, out);
		return;
	}
	if (in->way != MEDIA_PUNCHED)
		return;
	out->seen = ear->stray.family != ADDR_NONE ? ear->stray : ear->seen;
	out->before = ear->before;
	if (in->heard == MEDIA_SILENT) {
		out->proof = (uint8_t)proof_of_silence(leg, in);
	} else {
		out->proof = (uint8_t)proof_of_never(leg, in);
		if (out->proof != PROOF_SENT_FIRST)
			return;
		if (!is_sent_first(e, leg, &out->announced))
			out->proof = PROOF_NONE;
		out->seen = leg->flow.remote;
		out->seen.port = out->announced.port;
	}
}

void
ear_status(const struct calls *c, struct buf *json)
{
	buf_fmt(json,
	    ",\"ear_asked\":%llu,\"ear_heard\":%llu,\"ear_dead\":%llu"
	    ",\"ear_contested\":%llu",
	    (unsigned long long)c->ears.asked,
	    (unsigned long long)c->ears.heard,
	    (unsigned long long)c->ears.dead,
	    (unsigned long long)c->ears.contested);
}
