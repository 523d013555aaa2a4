#include "mediaproxy/core/stream.h"

#include "common/codec/udptl.h"

void
stream_init(struct stream *st, const struct ipc_relay_open *m, uint8_t nr,
    enum latch_mode mode, struct mono now)
{
	memset(st, 0, sizeof(*st));
	st->used = true;
	st->session = m->session;
	st->end = m->end;
	st->resumed = m->n_want > 0;
	st->nr = nr;
	st->zone = (enum zone)m->zone;
	st->family = (enum addr_family)m->family;
	st->to_end = RELAY_NO_END;
	st->to_pair = PORT_NONE;
	st->opened_at = st->quiet_from = now;
	latch_init(&st->latch[PORT_RTP], mode, &m->phone, false);
	latch_init(&st->latch[PORT_RTCP], mode, &m->phone, true);
}

/* ---- destinations ---- */

static struct addr
allowed_only(const struct stream *st, const struct dest *dest, struct addr a)
{
	if (a.family != st->family || !dest_allowed(dest, st->zone, &a))
		return (struct addr){ 0 };
	return a;
}

static void
set_targets(struct stream *st, enum port_which which, const struct dest *dest,
    bool send_first, struct mono now)
{
	const struct latch *l = &st->latch[which];

	st->guess[which] = allowed_only(st, dest, latch_guess(l));
	st->probe[which] = allowed_only(st, dest, latch_probe(l));
	if (l->frozen)
		return;
	st->probe_at[which] = now;
	st->probes_left[which] = 0;
	/* Turn about with the guess, so that each gets its own number. */
	if (st->probe[which].family != ADDR_NONE)
		st->probes_left[which] = 2 * STREAM_PROBES;
	else if (send_first && st->zone == ZONE_EXTERNAL)
		st->probes_left[which] = STREAM_PROBES;
}

void
stream_set(struct stream *st, const struct ipc_relay_set *m,
    const struct dest *dest, bool send_first, struct mono now)
{
	struct addr rtcp = m->rtcp, learnt;
	/* Who is held is silent, and whoever spoke now would be learnt. */
	bool relearn = m->relearn != 0 && m->held == 0;

	/* RFC 3605: without a=rtcp it is the next port. */
	if (rtcp.family == ADDR_NONE && m->rtp.family != ADDR_NONE &&
	    m->rtp.port < UINT16_MAX) {
		rtcp = m->rtp;
		rtcp.port++;
	}
	st->was_set = true;
	st->to_end = m->to_end;
	st->mux = m->mux != 0;
	st->muxes = false;
	st->form = m->form;
	latch_set_fax(&st->latch[PORT_RTP], m->form == STREAM_UDPTL);
	st->held = m->held != 0;
	st->off = m->rtp.family == ADDR_NONE;
	st->quiet_from = now;
	if (st->held) {
		st->excused = st->excused || st->silent || st->paused;
		st->silent = st->paused = false;
	}
	/* What its router did to its signalling it did to its sound: of who
	 * pauses, too, a second of silence is told. */
	if (!addr_eq(&st->latch[PORT_RTP].phone, &m->phone))
		st->pauses = false;
	latch_announce(&st->latch[PORT_RTP], &m->phone, &m->rtp, relearn);
	latch_announce(&st->latch[PORT_RTCP], &m->phone, &rtcp, relearn);
	learnt = allowed_only(st, dest, m->learnt);
	latch_resume(&st->latch[PORT_RTP], &learnt, now);
	learnt = allowed_only(st, dest, m->learnt_rtcp);
	latch_resume(&st->latch[PORT_RTCP], &learnt, now);
	set_targets(st, PORT_RTP, dest, send_first, now);
	set_targets(st, PORT_RTCP, dest, send_first, now);
}

struct addr
stream_target(const struct stream *st, enum port_which which)
{
	const struct latch *l = &st->latch[which];

	return l->source.family != ADDR_NONE ? l->source : st->guess[which];
}

/* ---- packets ---- */

static bool
read_packet(const struct stream *st, enum rtp_kind kind, uint8_t *data,
    size_t len, const uint8_t *scrub_key, struct rtp_header *header_out,
    struct latch_packet *out)
{
	struct rtp_header h;

	if (st->form == STREAM_UDPTL) {
		*out = (struct latch_packet){ 0 };
		return udptl_parse(span_make(data, len), &out->seq) == 0;
	}
	if (kind == RTP_KIND_RTCP) {
		*out = (struct latch_packet){ .rtcp = true };
		return rtcp_scrub(data, len, scrub_key, &out->ssrc) == 0;
	}
	if (kind != RTP_KIND_RTP || rtp_parse(span_make(data, len), &h) != 0)
		return false;
	*out = (struct latch_packet){ h.ssrc, h.seq, h.payload_type, false };
	*header_out = h;
	return true;
}

/* RTCP at the RTP port, from where RTP comes: by it alone nobody is learnt.
 * Who has not agreed on it is taken at his word, once his RTP is known. */
static bool
is_muxed(struct stream *st, enum rtp_kind kind, const struct addr *source)
{
	const struct latch *l = &st->latch[PORT_RTP];

	if (kind != RTP_KIND_RTCP)
		return false;
	if (st->mux)
		return addr_eq(&l->source, source);
	st->muxes = st->muxes || latch_knows(l, source);
	return st->muxes;
}

/* A straggler of the sound before: by chance it may read as fax. */
static bool
is_sound_before(const struct stream *st, struct span packet)
{
	struct rtp_header h;

	return st->packets_in > 0 && rtp_parse(packet, &h) == 0 &&
	    h.ssrc == st->quality.loss.ssrc;
}

/* What kind the packet is at this port of this stream. */
static enum rtp_kind
read_kind(struct stream *st, enum port_which which, enum rtp_kind kind,
    const struct addr *source, struct span packet)
{
	uint16_t seq;

	if (st->form == STREAM_UDPTL)
		return which == PORT_RTP && udptl_parse(packet, &seq) == 0 &&
		    !is_sound_before(st, packet) ?
		    RTP_KIND_RTP : RTP_KIND_OTHER;
	if (which == PORT_RTCP)
		return kind == RTP_KIND_RTCP && !st->mux ? kind :
		    RTP_KIND_OTHER;
	return kind == RTP_KIND_RTP || is_muxed(st, kind, source) ? kind :
	    RTP_KIND_OTHER;
}

/* Does it send nothing in silence (RFC 3389, VAD)?  What was lost on the way
 * has its numbers. */
static bool
is_pause(const struct stream *st, const struct rtp_header *h, struct mono now)
{
	const struct loss *l = &st->quality.loss;
	uint64_t gap_ms = mono_ms_between(st->heard_at, now);

	if (h->payload_type == RTP_PT_CN)
		return true;
	return st->heard_at.us != 0 && gap_ms >= STREAM_GAP_MS &&
	    !mono_before(st->heard_at, st->quiet_from) &&
	    h->ssrc == l->ssrc &&
	    (uint16_t)(h->seq - l->highest) <= gap_ms / (STREAM_GAP_MS / 2);
}

static void
count_in(struct stream *st, enum rtp_kind kind, size_t len,
    const struct rtp_header *h, struct mono now)
{
	if (kind == RTP_KIND_RTCP) {
		st->rtcp_in++;
		st->rtcp_at = now;
		return;
	}
	if (st->form == STREAM_RTP && is_pause(st, h, now))
		st->pauses = true;
	st->packets_in++;
	st->bytes_in += len;
	st->heard_at = now;
	st->paused = st->gone = false;
	if (st->excused && !st->held) {
		st->excused = false;
		st->told_any = false;
	}
	st->pause_seen.us = 0;
	if (st->first_at.us == 0)
		st->first_at = now;
	if (st->form == STREAM_RTP)
		quality_rtp(&st->quality, h, now);
	if (st->silent) {
		st->silent = false;
		st->news |= 1 << RELAY_HEARD;
	}
}

enum rtp_kind
stream_input(struct stream *st, enum port_which which,
    enum rtp_kind looks, const struct addr *source, uint8_t *data, size_t len,
    const struct dest *dest, const uint8_t *scrub_key, struct mono now)
{
	enum rtp_kind kind =
	    read_kind(st, which, looks, source, span_make(data, len));
	struct latch *l = &st->latch[which];
	struct rtp_header h = { 0 };
	struct latch_packet p;
	enum latch_said said;

	if (kind != RTP_KIND_RTP && kind != RTP_KIND_RTCP)
		return RTP_KIND_OTHER;
	if (!latch_knows(l, source) &&
	    !dest_allowed(dest, st->zone, source)) {
		st->refused++;
		return RTP_KIND_OTHER;
	}
	if (!read_packet(st, kind, data, len, scrub_key, &h, &p))
		return RTP_KIND_OTHER;
	said = latch_input(l, source, &p, now);
	if (said == LATCH_REFUSED) {
		st->refused++;
		return RTP_KIND_OTHER;
	}
	if (said == LATCH_NEW)
		st->news |= 1 << (which == PORT_RTP ? RELAY_LATCHED :
				RELAY_LATCHED_RTCP);
	count_in(st, kind, len, &h, now);
	return kind;
}

/* ---- time ---- */

static void
check_pause(struct stream *st, uint64_t quiet_ms, struct mono now)
{
	if (quiet_ms < STREAM_PAUSED_MS || st->pauses || st->off ||
	    st->zone != ZONE_EXTERNAL || st->packets_in < STREAM_STEADY)
		return;
	if (st->pause_seen.us == 0)
		st->pause_seen = now;
	else if (mono_ms_between(st->pause_seen, now) >=
	    STREAM_PAUSED_AGAIN_MS)
		st->paused = true;
}

/* Who is muted goes on to report (RFC 3550 6.2); whose router forgot does so
 * from another port, which does not get in. */
static void
check_gone(struct stream *st, struct mono now)
{
	struct mono since = st->rtcp_at;

	if (!st->silent || st->held || st->off || st->rtcp_at.us == 0 ||
	    st->zone != ZONE_EXTERNAL || st->form != STREAM_RTP)
		return;
	if (mono_before(since, st->quiet_from))
		since = st->quiet_from;
	if (mono_ms_between(since, now) >= STREAM_GONE_MS)
		st->gone = true;
}

void
stream_check_silence(struct stream *st, struct mono now)
{
	struct mono since = st->heard_at;
	uint64_t quiet_ms;

	check_gone(st, now);
	/* Who receives a fax says nothing for long. */
	if (st->held || st->silent || st->heard_at.us == 0 ||
	    st->form == STREAM_UDPTL)
		return;
	if (mono_before(since, st->quiet_from))
		since = st->quiet_from;
	quiet_ms = mono_ms_between(since, now);
	check_pause(st, quiet_ms, now);
	if (quiet_ms < STREAM_SILENT_MS)
		return;
	st->silent = true;
	st->news |= 1 << RELAY_SILENT;
}

void
stream_tell_again(struct stream *st)
{
	st->told_any = false;
	if (st->latch[PORT_RTCP].learnt.family != ADDR_NONE)
		st->news |= 1 << RELAY_LATCHED_RTCP;
}

enum media_heard
stream_heard(const struct stream *st)
{
	if (st->heard_at.us == 0)
		return MEDIA_NEVER;
	if (st->silent)
		return st->gone ? MEDIA_GONE : MEDIA_SILENT;
	return st->paused ? MEDIA_PAUSED : MEDIA_HEARD;
}

bool
stream_has_reach(const struct stream *st, struct mono now)
{
	enum media_heard heard = stream_heard(st);

	if (!st->was_set || (st->told_any && st->told == heard))
		return false;
	return heard != MEDIA_NEVER || (!st->held && !st->off &&
	    mono_ms_between(st->quiet_from, now) >= STREAM_SILENT_MS);
}

bool
stream_is_awaited(const struct stream *st, struct mono now)
{
	return st->was_set && !st->told_awaited && !st->told_any &&
	    st->zone == ZONE_EXTERNAL && st->form == STREAM_RTP &&
	    st->heard_at.us == 0 && !st->held && !st->off &&
	    mono_ms_between(st->quiet_from, now) >= STREAM_AWAITED_MS;
}

void
stream_check_trial(struct stream *st, struct mono now)
{
	struct mono since = st->first_at.us == 0 ? st->quiet_from :
	    st->first_at;
	uint64_t patience_ms = st->first_at.us == 0 ? STREAM_SILENT_MS :
	    STREAM_TRIAL_MS;

	if (st->trial != TRIAL_QUIET)
		return;
	if (st->rtcp_in > 0)
		st->trial = TRIAL_OVER;
	else if (mono_ms_between(since, now) >= patience_ms)
		st->trial = st->first_at.us == 0 ? TRIAL_OVER : TRIAL_ANSWERED;
	else
		return;
	st->probes_left[PORT_RTCP] = STREAM_PROBES;
	st->probe_at[PORT_RTCP] = now;
}

static struct addr
next_probe(struct stream *st, enum port_which which, struct mono now)
{
	bool two = st->probe[which].family != ADDR_NONE;
	struct addr to;

	st->probe_at[which] = mono_add_ms(now,
	    two ? STREAM_PROBE_MS / 2 : STREAM_PROBE_MS);
	if (two && st->probes_left[which] % 2 == 0)
		to = st->probe[which];
	else if (st->zone == ZONE_EXTERNAL)
		to = stream_target(st, which);
	else
		to = (struct addr){ 0 };
	st->probes_left[which]--;
	return to;
}

struct addr
stream_keepalive(struct stream *st, enum port_which which,
    struct mono sent_at, struct mono now)
{
	struct addr nobody = { 0 };

	if (which == PORT_RTCP && (st->mux || st->form == STREAM_UDPTL ||
	    st->trial == TRIAL_QUIET))
		return nobody;
	if (st->probes_left[which] > 0) {
		if (st->latch[which].frozen)
			st->probes_left[which] = 0;
		else if (mono_due(st->probe_at[which], now))
			return next_probe(st, which, now);
	}
	if (st->zone != ZONE_EXTERNAL)
		return nobody;
	if (mono_before(sent_at, st->quiet_from))
		sent_at = st->quiet_from;
	if (mono_ms_between(sent_at, now) < STREAM_KEEPALIVE_MS)
		return nobody;
	return stream_target(st, which);
}

void
stream_counter(const struct stream *st, struct mono now,
    struct ipc_counter *out)
{
	struct mono since = st->heard_at.us > 0 ? st->heard_at :
	    st->opened_at;
	uint64_t silent_ms = mono_ms_between(since, now);

	*out = (struct ipc_counter){
		.end = st->end,
		.stream = st->nr,
		.packets_in = st->packets_in,
		.bytes_in = st->bytes_in,
		.packets_out = st->packets_out,
		.lost = loss_count(&st->quality.loss),
		.refused = st->refused,
		.rtcp_in = st->rtcp_in,
		.silent_ms = silent_ms > UINT32_MAX ? UINT32_MAX :
		    (uint32_t)silent_ms,
		.learnt = st->latch[PORT_RTP].learnt,
	};
}
