#include "mediaproxy/core/quality.h"
#include "mediaproxy/core/emodel.h"

void
quality_rtp(struct quality *q, const struct rtp_header *h, struct mono now)
{
	loss_input(&q->loss, h->ssrc, h->seq);
	jitter_input(&q->jitter, h, now);
}

/* ---- the way to the phone and back ---- */

static void
add_sr(struct quality *to, const struct rtcp_reading *r, struct mono now)
{
	to->sr[to->next_sr++ % QUALITY_SRS] =
	    (struct quality_sr){ r->ssrc, r->ntp_middle, now };
}

static void
add_rtt(struct quality *q, const struct quality_sr *sr, uint32_t dlsr,
    struct mono now)
{
	int64_t kept_us = (int64_t)((uint64_t)dlsr * 1000000 >> 16),
		rtt_us = (int64_t)(now.us - sr->at.us) - kept_us;

	if (rtt_us < -QUALITY_RTT_SLACK_US || rtt_us > QUALITY_RTT_MAX_US)
		return;
	q->sum_rtt_us += rtt_us > 0 ? (uint64_t)rtt_us : 0;
	q->n_rtt++;
}

/* Each SR answers once: a report that names it again adds nothing. */
static void
look_for_sr(struct quality *q, const struct rtcp_block *b, struct mono now)
{
	for (unsigned i = 0; i < QUALITY_SRS; i++) {
		struct quality_sr *sr = &q->sr[i];

		if (sr->at.us == 0 || sr->ssrc != b->ssrc ||
		    sr->ntp_middle != b->lsr)
			continue;
		add_rtt(q, sr, b->dlsr, now);
		sr->at.us = 0;
		return;
	}
}

static uint64_t
rtt_us(const struct quality *q)
{
	return q->n_rtt == 0 ? 0 : q->sum_rtt_us / q->n_rtt;
}

/* ---- what it hears ---- */

static void
add_loss(struct quality_heard *h, const struct rtcp_block *b)
{
	uint32_t expected = b->highest - h->highest;
	int64_t lost = (int64_t)b->lost - h->lost;

	if (expected == 0 || expected > QUALITY_REPORT_MAX)
		return;
	if (lost < 0)
		lost = 0;
	h->sum_expected += expected;
	h->sum_lost += (uint64_t)lost < expected ? (uint64_t)lost : expected;
}

static void
add_heard(struct quality_heard *h, const struct rtcp_block *b, uint32_t hz)
{
	if (!h->known)
		h->fraction = b->fraction;
	else if (h->ssrc == b->ssrc)
		add_loss(h, b);
	h->known = true;
	h->ssrc = b->ssrc;
	h->highest = b->highest;
	h->lost = b->lost;
	/* More than a minute is none. */
	if (hz == 0 || b->jitter / hz >= 60)
		return;
	h->sum_jitter_us += (uint64_t)b->jitter * 1000000 / hz;
	h->n_jitter++;
}

/* ---- RTCP ---- */

void
quality_rtcp(struct quality *q, struct quality *to, struct span packet,
    struct mono now)
{
	struct rtcp_reading r;

	if (rtcp_read(packet, &r) != 0)
		return;
	for (unsigned i = 0; i < r.n_blocks; i++) {
		const struct rtcp_block *b = &r.block[i];

		if (b->lsr != 0)
			look_for_sr(q, b, now);
		/* It may have heard somebody before, of another call. */
		if (to->loss.started && b->ssrc == to->loss.ssrc)
			add_heard(&q->heard, b, jitter_clock_hz(&to->jitter));
	}
	if (r.has_voip) {
		q->has_voip = true;
		q->voip = r.voip;
	}
	if (r.is_sender)
		add_sr(to, &r, now);
	q->far_rtt_us = rtt_us(to);
	to->far_rtt_us = rtt_us(q);
}

/* ---- telling ---- */

bool
quality_is_due(struct quality *q, struct mono since, struct mono now)
{
	bool first = q->told_at.us == 0;

	if (mono_ms_between(first ? since : q->told_at, now) <
	    (first ? QUALITY_FIRST_MS : QUALITY_EACH_MS))
		return false;
	/* All within one second are told together: one commit for them. */
	q->told_at.us = now.us - now.us % 1000000;
	return true;
}

static uint32_t
u32(uint64_t v)
{
	return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static uint16_t
permyriad(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : (uint16_t)(part * 10000 / whole);
}

static uint16_t
rtt_ms(uint64_t us)
{
	return (uint16_t)((us + 500) / 1000);
}

/* What a phone that plays it must wait for: as long again as it varies, and
 * the 20 ms that a packet is filled for. */
static uint32_t
delay_ms(uint64_t way_us, uint32_t jitter_us)
{
	return (uint32_t)((way_us + 2 * (uint64_t)jitter_us) / 1000) + 20;
}

static uint16_t
score(const struct quality *heard, const struct ipc_figures *f,
    uint64_t way_us, uint32_t gap_milli)
{
	const struct emodel_in in = {
		.payload_type = heard->jitter.payload_type,
		.loss_permyriad = f->loss_permyriad,
		.gap_milli = gap_milli,
		.delay_ms = delay_ms(way_us, f->jitter_us),
	};

	return emodel_mos(&in);
}

static void
put_came(const struct quality *q, struct ipc_quality *out)
{
	struct ipc_figures *f = &out->came;
	uint64_t lost = loss_count(&q->loss), gaps, longest;

	if (!q->loss.started)
		return;
	loss_gaps(&q->loss, &gaps, &longest);
	out->expected = u32(loss_expected(&q->loss));
	out->late = u32(q->loss.late);
	out->twice = u32(q->loss.twice);
	out->gap = longest > UINT16_MAX ? UINT16_MAX : (uint16_t)longest;
	f->known |= FIGURE_LOSS;
	f->loss_permyriad = permyriad(lost, loss_expected(&q->loss));
	if (jitter_is_known(&q->jitter)) {
		f->known |= FIGURE_JITTER;
		f->jitter_us = jitter_mean_us(&q->jitter);
		out->jitter_max_us = q->jitter.max_us;
	}
	if (q->n_rtt > 0) {
		f->known |= FIGURE_RTT;
		f->rtt_ms = rtt_ms(rtt_us(q));
	}
	f->mos_centi = score(q, f, rtt_us(q) / 2,
	    gaps == 0 ? 0 : u32(lost * 1000 / gaps));
}

static void
put_heard(const struct quality *q, struct ipc_figures *f)
{
	const struct quality_heard *h = &q->heard;

	if (!h->known)
		return;
	f->known |= FIGURE_LOSS;
	f->loss_permyriad = h->sum_expected > 0 ?
	    permyriad(h->sum_lost, h->sum_expected) :
	    permyriad(h->fraction, 256);
	if (h->n_jitter > 0) {
		f->known |= FIGURE_JITTER;
		f->jitter_us = (uint32_t)(h->sum_jitter_us / h->n_jitter);
	}
	if (q->n_rtt > 0 && q->far_rtt_us > 0) {
		f->known |= FIGURE_RTT;
		f->rtt_ms = rtt_ms(rtt_us(q) + q->far_rtt_us);
	}
	f->mos_centi = score(q, f, (rtt_us(q) + q->far_rtt_us) / 2, 0);
}

/* What does not fit the scale is not known (RFC 3611 4.7.5). */
static void
put_voip(const struct rtcp_voip *v, struct ipc_figures *f)
{
	unsigned bad = (unsigned)v->lost + v->discarded;

	f->known |= FIGURE_LOSS;
	f->loss_permyriad = permyriad(bad < 256 ? bad : 256, 256);
	if (v->round_trip_ms > 0 &&
	    v->round_trip_ms <= QUALITY_RTT_MAX_US / 1000) {
		f->known |= FIGURE_RTT;
		f->rtt_ms = v->round_trip_ms;
	}
	if (v->mos_lq >= 10 && v->mos_lq <= 45)
		f->mos_centi = (uint16_t)(10 * v->mos_lq);
}

void
quality_report(const struct quality *q, struct ipc_quality *out)
{
	*out = (struct ipc_quality){ 0 };
	put_came(q, out);
	put_heard(q, &out->heard);
	if (q->has_voip)
		put_voip(&q->voip, &out->said);
}
