/* Whose packets come to our SIP port (ear.h)? */
#include "common/codec/rtp.h"
#include "sigproxy/core/call_priv.h"
#include "sigproxy/sip/sdp_line.h"

/* ---- what its phone sends ---- */

static void
add_types(struct ear *ear, struct span fmts)
{
	size_t end;
	uint32_t pt;

	for (; fmts.len > 0; fmts = span_sub(fmts, end + 1, fmts.len)) {
		for (end = 0; end < fmts.len && fmts.p[end] != ' '; end++)
			;
		if (span_to_u32(span_sub(fmts, 0, end), 127, &pt) == 0)
			ear->types[pt / 64] |= 1ULL << pt % 64;
		if (end == fmts.len)
			return;
	}
}

/* RFC 5576 4.1; of several it may be any. */
static void
read_ssrc(struct ear *ear, struct span lines)
{
	struct sdp_line line;
	struct span content;
	size_t end;
	uint32_t ssrc;

	while (sdp_line_next(&lines, &line) == 0) {
		if (line.type != 'a' ||
		    !sdp_attribute(line.value, "ssrc", &content))
			continue;
		for (end = 0; end < content.len && content.p[end] != ' ';
		     end++)
			;
		if (span_to_u32(span_sub(content, 0, end), UINT32_MAX,
			&ssrc) != 0)
			continue;
		if (ear->says_ssrc && ssrc != ear->said_ssrc) {
			ear->says_ssrc = false;
			return;
		}
		ear->says_ssrc = true;
		ear->said_ssrc = ssrc;
	}
}

/* A payload type is that of our offer or of its answer (RFC 3264 5.1). */
void
ear_answered(struct leg *leg, const struct sip_msg *answer)
{
	const unsigned line = leg->call->map.line[leg->call->sound];
	struct ear *ear = &leg->ear;
	struct sdp sdp;

	ear->types[0] = ear->types[1] = 0;
	ear->says_ssrc = false;
	if (sdp_parse(answer->body, &sdp) != 0 || line >= sdp.n_media)
		return;
	add_types(ear, sdp.media[line].fmts);
	read_ssrc(ear, sdp.media[line].lines);
	if (sdp_parse(blob_span(&leg->session.sdp), &sdp) == 0 &&
	    line < sdp.n_media)
		add_types(ear, sdp.media[line].fmts);
}

static bool
is_type(const struct ear *ear, uint8_t pt)
{
	return (ear->types[0] | ear->types[1]) == 0 ||
	       (ear->types[pt / 64] >> pt % 64 & 1) != 0;
}

/* Its SSRC, if anything says it. */
static bool
knows_ssrc(const struct ear *ear, uint32_t *out)
{
	*out = ear->says_ssrc ? ear->said_ssrc : ear->reach.ssrc;
	return ear->says_ssrc || ear->again;
}

/* Who listens to it, or NULL.  Of whose SSRC nobody knows packets are told
 * apart by their address alone; of phones that were never heard first. */
static struct leg *
listener_of(const struct ears *ears, const struct addr *from, uint32_t ssrc)
{
	struct leg *unknown = NULL;
	uint32_t its;

	for (unsigned i = 0; i < EARS_MAX; i++) {
		struct leg *leg = ears->leg[i];

		if (leg == NULL || !addr_same_ip(&leg->flow.remote, from))
			continue;
		if (knows_ssrc(&leg->ear, &its) && its == ssrc)
			return leg;
		if (unknown == NULL || !leg->ear.again)
			unknown = leg;
	}
	return unknown;
}

/* ---- streams ---- */

/* Whoever floods with ever new sources overwrites a few of the others'
 * packets, not all between two of one stream's.  It begins anew after gap_ms
 * without. */
static struct ear_sound *
note_sound(struct calls *c, struct mono now, const struct addr *from,
    const struct rtp_header *h, uint64_t gap_ms)
{
	uint8_t key[sizeof(from->ip) + 6];
	struct ear_sound *s;
	uint32_t tag;
	uint64_t hash;

	memcpy(key, from->ip, sizeof(from->ip));
	memcpy(key + sizeof(from->ip), &from->port, 2);
	memcpy(key + sizeof(from->ip) + 2, &h->ssrc, 4);
	hash = htab_hash(&c->by_token, key, sizeof(key));
	tag = (uint32_t)(hash >> 32) | 1;
	s = &c->ears.sounds[from->port == 0][hash % EAR_SOUNDS];
	if (s->tag != tag ||
	    mono_ms_between(s->last, now) >= gap_ms)
		*s = (struct ear_sound){ .tag = tag, .first = now };
	else if ((uint16_t)(h->seq - s->seq - 1) >= EAR_AHEAD)
		s->n = 0;
	s->seq = h->seq;
	s->last = now;
	if (s->n < UINT16_MAX)
		s->n++;
	return s;
}

static void
found(const struct ctx *x, struct leg *leg, const struct addr *at)
{
	struct ears *ears = &x->e->calls->ears;
	struct ear *ear = &leg->ear;

	/* Its answer to the question may have announced another one. */
	if (relay_sound(leg)->rtp.family != ADDR_NONE)
		ear->announced = relay_sound(leg)->rtp;
	ear->seen = *at;
	ear->sighted = true;
	ear->word = ear->silent;
	ear->silent = false;
	ears->heard++;
	ears->stale = *at;
	ears->stale_until = mono_add_ms(x->now, EAR_STALE_MS);
	steps_log(x->st, STEP_INFO, "media-seen");
	steps_key_number(x->st, "call", leg->call->ticket);
	steps_key_text(x->st, "phone", TEXT_SPAN(leg_party(leg)->number));
	steps_key_addr(x->st, "announced", &ear->announced);
	steps_key_addr(x->st, "at_sip_port_from", at);
	/* It sends first to there from now on. */
	relay_set(x->st, leg, leg->call->sound,
	    leg->index == 0 ? leg->call->callee : leg->call->leg[0]);
	ear_end_listening(x, leg);
}

void
ear_decide(const struct ctx *x, struct leg *leg)
{
	struct ear *ear = &leg->ear;

	if (!ear->contested) {
		const struct addr at = ear->first;

		found(x, leg, &at);
		return;
	}
	x->e->calls->ears.contested++;
	steps_log(x->st, STEP_WARN, "media-contested");
	steps_key_number(x->st, "call", leg->call->ticket);
	steps_key_text(x->st, "phone", TEXT_SPAN(leg_party(leg)->number));
	steps_key_addr(x->st, "home", &leg->flow.remote);
	ear_end_listening(x, leg);
}

/* Nobody sends sound there unasked, but who would be taken for the phone. */
static bool
is_new(const struct ear *ear, const struct ear_sound *s)
{
	return !mono_before(s->first, ear->asked);
}

/*
 * Some phones take another SSRC when their SDP moves their sound.  Such a one
 * sends at once; and a neighbour, who cannot know when it is asked, would have
 * sent before.
 */
static bool
is_prompt(const struct ear *ear, const struct ear_sound *s,
    const struct ear_sound *strays)
{
	return mono_before(s->first, mono_add_ms(ear->took, EAR_PROMPT_MS)) &&
	       is_new(ear, strays);
}

/* Nobody knows whose.  Who is listened for until it speaks would not be heard
 * any more, if it was its own. */
static void
note_stray(const struct ctx *x, struct leg *leg, const struct addr *from)
{
	leg->ear.stray = *from;
	if (leg->ear.silent)
		ear_end_listening(x, leg);
}

/* It is believed, unless another one like it comes at once. */
static void
take(const struct ctx *x, struct leg *leg, const struct addr *from,
    uint32_t ssrc)
{
	struct ear *ear = &leg->ear;

	if (ear->first.family == ADDR_NONE) {
		ear->first = *from;
		ear->ssrc = ssrc;
		timerq_set(&x->e->timers, &ear->timer,
		    mono_add_ms(x->now, EAR_CONTEST_MS));
	} else if (ssrc != ear->ssrc || !addr_eq(from, &ear->first)) {
		ear->contested = true;
	}
}

/* Who was found goes on to send to our SIP port until it is told the relay's,
 * and behind a carrier's router many are found at once. */
static bool
is_anothers(const struct ctx *x, const struct leg *leg,
    const struct addr *from)
{
	const struct calls *c = x->e->calls;
	uint32_t left = c->legs.used;

	for (uint32_t i = 0; left > 0 && i < c->legs.n; i++) {
		const struct leg *other = pool_at(&c->legs, i);

		if (other->call == NULL)
			continue;
		left--;
		if (other != leg && addr_eq(&other->ear.seen, from))
			return true;
	}
	return false;
}

/* s is perhaps its phone's; a run of strays is all that came from its IP and
 * nobody knows whose. */
static void
hear_unknown(const struct ctx *x, struct leg *leg, const struct addr *from,
    const struct rtp_header *h, const struct ear_sound *s,
    const struct ear_sound *strays)
{
	const struct ear *ear = &leg->ear;

	if (ear->says_ssrc || !ear->agreed || s->n < EAR_SURE ||
	    !is_new(ear, s) || is_anothers(x, leg, from))
		return;
	if (!ear->again || is_prompt(ear, s, strays))
		take(x, leg, from, h->ssrc);
	else
		note_stray(x, leg, from);
}

static bool
is_stale(const struct ears *ears, const struct addr *from, struct mono now)
{
	return addr_eq(from, &ears->stale) &&
	       mono_before(now, ears->stale_until);
}

/* One entry for all of an IP, apart from those of streams: no source has port
 * 0. */
static const struct ear_sound *
note_stray_of(struct calls *c, struct mono now, const struct addr *from)
{
	struct addr ip = *from;

	ip.port = 0;
	return note_sound(
	    c, now, &ip, &(struct rtp_header){ 0 }, EAR_QUIET_MS);
}

bool
ear_packet(struct edge *e, struct mono now, struct steps *st,
    const struct flow *from, struct span packet)
{
	const struct ctx x = { e, now, st };
	const struct ears *ears = &e->calls->ears;
	const struct ear_sound *s, *strays;
	struct rtp_header h;
	struct leg *leg;
	uint32_t ssrc;

	if (rtp_kind(packet) != RTP_KIND_RTP || rtp_parse(packet, &h) != 0)
		return is_stale(ears, &from->remote, now);
	s = note_sound(e->calls, now, &from->remote, &h, EAR_SOUND_MS);
	leg = listener_of(ears, &from->remote, h.ssrc);
	if (is_stale(ears, &from->remote, now))
		return true; /* of the phone beside it */
	if (leg != NULL && knows_ssrc(&leg->ear, &ssrc) && ssrc == h.ssrc) {
		if (leg->ear.by.listener != from->listener)
			return false;
		if (s->n >= 2 && is_type(&leg->ear, h.payload_type))
			found(&x, leg, &from->remote);
		return true;
	}
	strays = note_stray_of(e->calls, now, &from->remote);
	if (leg == NULL || leg->ear.by.listener != from->listener)
		return false;
	if (is_type(&leg->ear, h.payload_type))
		hear_unknown(&x, leg, &from->remote, &h, s, strays);
	return true;
}
