/*
 * Events of RFC 4733 in SDP, between a phone that knows them and one that has
 * its digits by INFO.  What was not offered may not be answered (RFC 3264 6),
 * so both get an SDP as if the other one were like them.
 */
#include "sigproxy/core/call_priv.h"

#define RATE 8000		/* of the clock of what we put in */

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
put_in(struct span fmts, unsigned pt, uint32_t rate,
    struct sdp_media_edit *edit, struct dtmf_mem *mem)
{
	struct buf f, l;

	buf_init(&f, mem->fmts, sizeof(mem->fmts));
	buf_init(&l, mem->lines, sizeof(mem->lines));
	buf_fmt(&f, "%.*s %u", (int)fmts.len, fmts.p, pt);
	buf_fmt(&l, "a=rtpmap:%u telephone-event/%u\r\na=fmtp:%u 0-15\r\n",
	    pt, rate, pt);
	/* Without room it passes as it came. */
	if (buf_err(&f) || buf_err(&l))
		return;
	edit->fmts = buf_span(&f);
	edit->events = buf_span(&l);
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

	said->no_info = sip_has(p->msg, SIP_H_ALLOW) &&
	    !sip_lists(p->msg, SIP_H_ALLOW, "INFO");
	if (said->type != SDP_TYPE_AUDIO || said->form != STREAM_RTP)
		return;
	if (offer != NULL && offer->tone_rate == 0) {
		if (said->tone_rate != 0)
			edit->fmts = codecs_without_events(m, fmts, mem->fmts);
	} else if (said->tone_rate == 0 && takes_info(p, nr)) {
		unsigned pt = offer != NULL ? offer->tone_pt : free_type(fmts);

		if (pt != 0 && !codecs_has(fmts, pt))
			put_in(fmts, pt, offer != NULL ? offer->tone_rate :
			    RATE, edit, mem);
	}
}
