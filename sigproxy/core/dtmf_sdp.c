/*
 * Events of RFC 4733 in SDP, between a phone that knows them and one that has
 * its digits by INFO.  What was not offered may not be answered (RFC 3264 6),
 * so both get an SDP as if the other one were like them.
 */
#include "sigproxy/core/call_priv.h"

#define RATE 8000		/* what every phone knows, whatever its codec */

/* What phones use most comes first. */
static unsigned
free_type(struct span fmts)
{
	if (!codecs_has(fmts, 101))
		return 101;
	for (unsigned pt = 127; pt >= 96; pt--)
		if (pt != 126 && !codecs_has(fmts, pt)) /* the relay's own */
			return pt;
	return 0;
}

static void
put_in(struct span fmts, const struct sdp_tones *tones,
    struct sdp_media_edit *edit, struct dtmf_mem *mem)
{
	struct buf f, l;

	buf_init(&f, mem->fmts, sizeof(mem->fmts));
	buf_init(&l, mem->lines, sizeof(mem->lines));
	buf_put(&f, fmts);
	for (unsigned i = 0; i < tones->n; i++) {
		unsigned pt = tones->tone[i].pt;

		buf_fmt(&f, " %u", pt);
		buf_fmt(&l, "a=rtpmap:%u telephone-event/%u\r\n"
			    "a=fmtp:%u 0-15\r\n",
		    pt, tones->tone[i].rate, pt);
	}
	/* Without room it passes as it came. */
	if (buf_err(&f) || buf_err(&l) || tones->n == 0)
		return;
	edit->fmts = buf_span(&f);
	edit->events = buf_span(&l);
}

static bool
has_rate(const struct sdp_tones *tones, uint32_t rate)
{
	return sdp_tone_for(tones, rate).rate == rate;
}

static void
add_tone(struct sdp_tones *tones, struct span fmts, uint32_t rate)
{
	struct sdp_tone *tone = &tones->tone[tones->n];
	char mem[CODECS_FMTS_MAX + 64];
	struct buf all;

	if (tones->n == SDP_TONES_MAX || rate < SDP_TONE_RATE_MIN ||
	    rate > SDP_TONE_RATE_MAX || has_rate(tones, rate))
		return;
	buf_init(&all, mem, sizeof(mem));
	buf_put(&all, fmts);
	for (unsigned i = 0; i < tones->n; i++)
		buf_fmt(&all, " %u", tones->tone[i].pt);
	tone->pt = (uint8_t)free_type(buf_span(&all));
	tone->rate = rate;
	tones->n += tone->pt != 0 && !buf_err(&all);
}

/* Of each clock that the offer has, for its answerer to choose. */
static void
offer_tones(const struct sdp_media *m, struct span fmts,
    struct sdp_tones *out)
{
	struct span rest = fmts;

	*out = (struct sdp_tones){ 0 };
	while (rest.len > 0 && out->n < SDP_TONES_MAX - 1)
		add_tone(out, fmts, codecs_clock(m, &rest));
	add_tone(out, fmts, RATE);
}

/* The one that was offered for the clock of what was answered. */
static void
answer_tone(const struct media_stream *offer, uint32_t clock, struct span fmts,
    struct sdp_tones *out)
{
	*out = (struct sdp_tones){ .n = 1,
		.tone = { sdp_tone_for(&offer->tones, clock) } };
	if (codecs_has(fmts, out->tone[0].pt))
		out->n = 0;
}

/* Does p.from's phone take INFO?  A re-INVITE need not say it again. */
static bool
takes_info(const struct passage *p, unsigned nr)
{
	const struct end_stream *own = &p->from->end.stream[nr];
	const struct end_stream *its = &p->to->end.stream[nr];

	if (sip_has(p->msg, SIP_H_ALLOW))
		return sip_lists(p->msg, SIP_H_ALLOW, "INFO");
	return own->was_set && dtmf_is_caught(its, own);
}

void
dtmf_edit(const struct passage *p, unsigned nr, const struct sdp_media *m,
    const struct media_stream *offer, struct media_stream *said,
    struct sdp_media_edit *edit, struct dtmf_mem *mem)
{
	struct span fmts = edit->fmts.len > 0 ? edit->fmts : m->fmts;
	struct span rest = fmts;
	struct sdp_tones tones;

	said->no_info = sip_has(p->msg, SIP_H_ALLOW) &&
	    !sip_lists(p->msg, SIP_H_ALLOW, "INFO");
	if (said->type != SDP_TYPE_AUDIO || said->form != STREAM_RTP)
		return;
	said->clock = codecs_clock(m, &rest);
	if (offer != NULL && offer->tones.n == 0) {
		if (said->tones.n > 0)
			edit->fmts = codecs_without_events(m, fmts, mem->fmts);
	} else if (said->tones.n == 0 && takes_info(p, nr)) {
		if (offer != NULL)
			answer_tone(offer, said->clock, fmts, &tones);
		else
			offer_tones(m, fmts, &tones);
		put_in(fmts, &tones, edit, mem);
	}
}
