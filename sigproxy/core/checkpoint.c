#include "sigproxy/core/checkpoint.h"

#include <errno.h>

#include "common/ipc/wire.h"

/* ---- what is known of a call at this moment ---- */

/* Answered, and nobody repeats anything. */
static bool
is_settled(const struct call *call)
{
	return call->callee != NULL &&
	       (call->setup == NULL || call->setup->acked);
}

static bool
is_unanswered(const struct exchange *ex)
{
	return ex->server != NULL && ex->server->status < 200;
}

/* A re-INVITE under way, or NULL. */
static const struct exchange *
pending_invite(const struct call *call)
{
	const struct exchange *ex = call->pending;

	return ex != NULL && ex != call->setup && ex->is_invite &&
		       is_unanswered(ex)
		   ? ex
		   : NULL;
}

/* A request without a final answer will come again: it must not seem old. */
static uint32_t
remote_cseq(const struct leg *leg)
{
	const struct consent *wait = &leg->call->consent;
	uint32_t cseq = leg->remote_cseq;

	for (const struct exchange *ex = leg->call->exchanges; ex != NULL;
	     ex = ex->next)
		if (ex->from == leg && ex != leg->call->setup &&
		    is_unanswered(ex) && ex->from_cseq <= cseq)
			cseq = ex->from_cseq - 1;
	if (wait->server != NULL && wait->from == leg && wait->cseq <= cseq)
		cseq = wait->cseq - 1;
	return cseq;
}

/* A re-INVITE is sent again with the number that it had. */
static uint32_t
local_cseq(const struct leg *leg)
{
	const struct exchange *ex = pending_invite(leg->call);

	return ex != NULL && ex->to == leg && ex->to_cseq > 0 ? ex->to_cseq - 1
							      : leg->local_cseq;
}

static bool
is_kept(const struct call *call, const struct leg *leg)
{
	if (leg == NULL)
		return false;
	if (leg->index == 0 || leg == call->callee)
		return true;
	return call->callee == NULL && leg->invite != NULL &&
	       (leg->state == LEG_CALLING || leg->state == LEG_EARLY);
}

static enum leg_state
state_of(const struct call *call, const struct leg *leg)
{
	bool noted = call->end_noted && !leg->owes_bye;

	if (!is_settled(call))
		return leg->tag.len > 0 ? LEG_EARLY : LEG_CALLING;
	return call->phase == CALL_ENDING && (leg->knows_end || noted) ?
	    LEG_OVER : LEG_CONFIRMED;
}

/* ---- writing ---- */

static void
put_flag(struct buf *b, bool flag)
{
	wire_put_uint(b, flag, 1);
}

static void
put_referral(struct buf *b, const struct referral *r)
{
	wire_put_uint(b, r->live, 1);
	wire_put_uint(b, r->from_cseq, 4);
	wire_put_uint(b, r->to_cseq, 4);
}

void
checkpoint_put_flow(struct buf *b, const struct flow *f)
{
	wire_put_uint(b, f->zone, 1);
	wire_put_uint(b, f->transport, 1);
	wire_put_uint(b, f->listener, 1);
	wire_put_addr(b, &f->remote);
	if (f->transport != TRANSPORT_UDP)
		wire_put_uint(b, f->conn, 8);
}

static void
put_party(struct buf *b, const struct party *p)
{
	wire_put_text(b, TEXT_SPAN(p->number));
	wire_put_text(b, TEXT_SPAN(p->name));
	wire_put_uint(b, p->hold, 1);
	wire_put_uint(b, p->latching, 1);
	wire_put_uint(b, p->srtp, 1);
	wire_put_text(b, TEXT_SPAN(p->codecs));
	wire_put_uint(b, p->max_kbps, 4);
}

static void
put_crypto(struct buf *b, const struct sdp_crypto *c)
{
	wire_put_uint(b, c->suite, 1);
	if (c->suite == SRTP_NONE)
		return;
	wire_put_uint(b, c->tag, 4);
	buf_put(b, span_make(c->key, srtp_key_len(c->suite)));
	wire_put_uint(b, c->mki_len, 1);
	wire_put_uint(b, c->mki, 4);
}

static void
put_rocs(struct buf *b, const struct secure_stream *s)
{
	wire_put_uint(b, s->n_rocs, 1);
	for (unsigned i = 0; i < s->n_rocs; i++) {
		const struct ipc_roc *roc = &s->rocs[i];

		put_flag(b, roc->out);
		wire_put_uint(b, roc->ssrc, 4);
		put_flag(b, roc->rtp);
		wire_put_uint(b, roc->index, 8);
		put_flag(b, roc->rtcp);
		wire_put_uint(b, roc->rtcp_index, 4);
	}
}

static void
put_secure(struct buf *b, const struct secure_stream *s)
{
	put_crypto(b, &s->phone);
	if (s->phone.suite == SRTP_NONE)
		return;
	wire_put_uint(b, s->way, 1);
	buf_put(b, span_make(s->ours, srtp_key_len(s->phone.suite)));
	put_rocs(b, s);
}

static void
put_tone(struct buf *b, struct sdp_tone tone)
{
	wire_put_uint(b, tone.pt, 1);
	wire_put_uint(b, tone.rate, 4);
}

static void
put_ice(struct buf *b, const struct ice_stream *ice)
{
	put_flag(b, ice->on);
	wire_put_uint(b, ice->generation, 4);
	wire_put_uint(b, ice->peer, 8);
	if (!ice->on)
		return;
	wire_put_addr(b, &ice->nominated[0]);
	wire_put_addr(b, &ice->nominated[1]);
}

static void
put_end_stream(struct buf *b, const struct end_stream *s)
{
	put_flag(b, s->was_set);
	put_flag(b, s->off);
	put_flag(b, s->held);
	put_flag(b, s->silent);
	put_flag(b, s->mux);
	wire_put_uint(b, s->form, 1);
	wire_put_uint(b, s->port.rtp, 2);
	wire_put_uint(b, s->port.rtcp, 2);
	wire_put_addr(b, &s->port.said_rtp);
	wire_put_addr(b, &s->port.said_rtcp);
	wire_put_addr(b, &s->rtp);
	wire_put_addr(b, &s->rtcp);
	wire_put_addr(b, &s->learnt);
	put_secure(b, &s->srtp);
	put_flag(b, s->video);
	put_tone(b, (struct sdp_tone){ s->tone_pt, s->tone_rate });
	put_ice(b, &s->ice);
}

static void
put_end(struct buf *b, const struct end *end)
{
	wire_put_uint(b, end->n, 1);
	for (unsigned nr = 0; nr < end->n; nr++)
		put_end_stream(b, &end->stream[nr]);
}

/* clock: of the answer to it, so that the events beside it stay. */
static void
put_media_stream(struct buf *b, const struct media_stream *m, uint32_t clock)
{
	put_flag(b, m->known);
	if (!m->known)
		return;
	put_flag(b, m->refused);
	put_flag(b, m->mux);
	wire_put_uint(b, m->form, 1);
	wire_put_uint(b, m->type, 1);
	wire_put_uint(b, m->dir, 1);
	wire_put_uint(b, m->told, 1);
	wire_put_addr(b, &m->rtp);
	wire_put_addr(b, &m->rtcp);
	wire_put_uint(b, m->way, 1);
	put_crypto(b, &m->crypto);
	put_tone(b, sdp_tone_for(&m->tones, clock));
	wire_put_uint(b, m->ice, 1);
	wire_put_uint(b, m->ice_peer, 8);
}

static void
put_media(struct buf *b, const struct media *m, const struct media *answer)
{
	put_flag(b, m->known);
	if (!m->known)
		return;
	wire_put_uint(b, m->n_lines, 1);
	for (unsigned i = 0; i < m->n_lines; i++)
		wire_put_uint(b, m->type[i], 1);
	for (unsigned nr = 0; nr < IPC_STREAMS_MAX; nr++)
		put_media_stream(b, &m->stream[nr], answer->stream[nr].clock);
}

static void
put_map(struct buf *b, const struct stream_map *map)
{
	wire_put_uint(b, map->n, 1);
	for (unsigned nr = 0; nr < map->n; nr++)
		wire_put_uint(b, map->line[nr], 1);
}

/* While a branch rings: what was said reliably (RFC 3262). */
static void
put_early(struct buf *b, const struct leg *leg)
{
	const struct media *answer =
	    leg->asked ? &leg->peer_media : &leg->media;

	wire_put_uint(b, leg->rseq, 4);
	put_flag(b, leg->offered);
	put_flag(b, leg->is_settled);
	put_media(b, &leg->media, answer);
	put_media(b, &leg->peer_media, answer);
}

static void
put_session(struct buf *b, const struct session *s)
{
	wire_put_uint(b, s->expires_s, 4);
	if (s->expires_s == 0)
		return;
	wire_put_uint(b, s->min_se_s, 4);
	wire_put_uint(b, s->due.us, 8);
	wire_put_uint(b, s->dead.us, 8);
	put_flag(b, s->ours);
	put_flag(b, s->takes_update);
}

/* What its phone knows of us; in the office nothing changes, and the SDP is
 * for a refresh. */
static void
put_told(struct buf *b, const struct leg *leg)
{
	const struct session *s = &leg->session;
	bool keep = leg_is_external(leg) || (s->expires_s > 0 && s->ours);

	wire_put_addr(b, &leg->told.sip);
	for (unsigned nr = 0; nr < leg->end.n; nr++)
		wire_put_addr(b, &leg->told.rtp[nr]);
	wire_put_uint(b, leg->version_shift, 4);
	wire_put_text(b, keep ? blob_span(&s->sdp) : SPAN_NONE);
}

static void
put_leg(struct buf *b, const struct call *call, const struct leg *leg)
{
	bool settled = is_settled(call);
	struct span invite = SPAN_NONE;

	if (!settled && leg->invite != NULL)
		invite = blob_span(&leg->invite->request);
	wire_put_uint(b, leg->index, 1);
	wire_put_uint(b, state_of(call, leg), 1);
	buf_put(b, span_make(leg->token, LEG_TOKEN_LEN));
	checkpoint_put_flow(b, &leg->flow);
	put_flag(b, leg->relayed);
	put_end(b, &leg->end);
	wire_put_text(b, TEXT_SPAN(leg->target));
	wire_put_text(b, TEXT_SPAN(leg->route));
	wire_put_text(b, TEXT_SPAN(leg->call_id));
	wire_put_text(b, TEXT_SPAN(leg->local));
	wire_put_text(b, TEXT_SPAN(leg->remote));
	wire_put_text(b, TEXT_SPAN(leg->tag));
	wire_put_uint(b, local_cseq(leg), 4);
	wire_put_uint(b, remote_cseq(leg), 4);
	wire_put_uint(b, leg->invite_cseq, 4);
	wire_put_uint(b, (uint64_t)leg->cseq_offset, 8);
	wire_put_uint(b, leg->can, 1);
	wire_put_uint(b, leg->srtp_way, 1);
	put_flag(b, leg->srtp_turned);
	buf_put(b, span_make(leg->seed, sizeof(leg->seed)));
	wire_put_text(b, invite);
	if (settled)
		put_session(b, &leg->session);
	else
		put_early(b, leg);
	put_told(b, leg);
	wire_put_uint(b, leg->trunk, 4);
	put_flag(b, leg->ice);
}

static void
put_legs(struct buf *b, const struct call *call)
{
	unsigned n = 0;

	for (unsigned i = 0; i < call->n_legs; i++)
		n += is_kept(call, call->leg[i]);
	wire_put_uint(b, n, 1);
	for (unsigned i = 0; i < call->n_legs; i++)
		if (is_kept(call, call->leg[i]))
			put_leg(b, call, call->leg[i]);
}

static void
put_request(struct buf *b, const struct call *call)
{
	const struct exchange *ex =
	    is_settled(call) ? pending_invite(call) : call->setup;
	struct span request = SPAN_NONE;

	if (ex != NULL && ex->server != NULL)
		request = blob_span(&ex->server->request);
	wire_put_text(b, request);
	wire_put_uint(
	    b, ex != NULL && ex->from != NULL ? ex->from->index : 0, 1);
}

static void
put_diversion(struct buf *b, const struct diversion *d)
{
	wire_put_uint(b, d->n, 1);
	for (unsigned i = 0; i < d->n; i++) {
		wire_put_text(b, TEXT_SPAN(d->step[i].number));
		wire_put_uint(b, d->step[i].why, 1);
	}
}

static void
put_outgoing(struct buf *b, const struct outgoing *o)
{
	wire_put_uint(b, o->n, 1);
	for (unsigned i = 0; i < o->n; i++) {
		wire_put_uint(b, o->way[i].trunk, 4);
		wire_put_uint(b, o->way[i].route, 4);
		wire_put_text(b, TEXT_SPAN(o->way[i].number));
		wire_put_text(b, TEXT_SPAN(o->way[i].caller));
	}
	if (o->n == 0)
		return;
	wire_put_uint(b, o->at, 1);
	wire_put_uint(b, o->next_flow, 1);
	wire_put_uint(b, o->tries, 1);
	wire_put_uint(b, o->answers, 1);
}

int
checkpoint_put(struct buf *b, const struct call *call)
{
	bool settled = is_settled(call);

	if (!settled && (call->phase == CALL_OPENING || call->setup == NULL ||
			    call->setup->server == NULL))
		return -EAGAIN;
	put_flag(b, settled);
	/* Between two numbers nobody rings: a restart ends it. */
	wire_put_uint(b, (call->phase == CALL_ENDING ||
		call->diversion.asked || call->out.asked) +
		call->end_noted, 1);
	wire_put_uint(b, call->end_status, 2);
	put_party(b, &call->caller);
	put_party(b, &call->called);
	wire_put_uint(b, call->session, 8);
	wire_put_uint(b, call->instance, 1);
	put_flag(b, call->relayed);
	put_flag(b, call->relay_closed);
	put_map(b, &call->map);
	wire_put_uint(b, call->sound, 1);
	put_flag(b, call->held);
	put_flag(b, call->ringing_noted);
	put_referral(b, &call->referral[0]);
	put_referral(b, &call->referral[1]);
	put_flag(b, call->transferred);
	put_flag(b, call->caller.withheld);
	wire_put_uint(b, call->replaces, 8);
	put_diversion(b, &call->diversion);
	wire_put_uint(b, call->channels, 1);
	wire_put_uint(b, call->emergency, 1);
	wire_put_uint(b, call->answered.us, 8);
	wire_put_uint(b, settled ? call->callee->index : 0, 1);
	wire_put_uint(
	    b, !settled && is_kept(call, call->early) ? call->early->index : 0,
	    1);
	put_request(b, call);
	put_outgoing(b, &call->out);
	put_legs(b, call);
	return buf_err(b);
}

/* ---- reading ---- */

static bool
get_flag(struct rwire *r)
{
	return wire_get_uint(r, 1, 0, 1) != 0;
}

static struct referral
get_referral(struct rwire *r)
{
	struct referral out;

	out.live = (uint8_t)wire_get_uint(r, 1, 0, REFER_LIVE_MAX);
	out.from_cseq = (uint32_t)wire_get_uint(r, 4, 0, INT32_MAX);
	out.to_cseq = (uint32_t)wire_get_uint(r, 4, 0, INT32_MAX);
	return out;
}

struct flow
checkpoint_get_flow(struct rwire *r, const struct edge_conf *conf)
{
	struct flow f = {
		.zone =
		    (uint8_t)wire_get_uint(r, 1, ZONE_EXTERNAL, ZONE_INTERNAL),
		.transport =
		    (uint8_t)wire_get_uint(r, 1, TRANSPORT_UDP, TRANSPORT_TLS),
		.listener =
		    (uint8_t)wire_get_uint(r, 1, 0, EDGE_LISTENERS_MAX - 1),
		.remote = wire_get_addr(r, false),
	};

	if (r->err == 0 && f.transport != TRANSPORT_UDP)
		f.conn = wire_get_uint(r, 8, 0, INT64_MAX);
	/* The configuration may have changed with the restart. */
	if (r->err == 0 &&
	    (!edge_is_reachable(conf, &f) ||
		(conf->listeners[f.listener].transport != f.transport &&
		    f.conn == 0)))
		wire_fail(r, -ERANGE);
	return f;
}

static struct ipc_party
get_party(struct rwire *r)
{
	struct ipc_party p;

	p.number = wire_get_text(r, 0, 32);
	p.name = wire_get_text(r, 0, 64);
	p.hold = (uint8_t)wire_get_uint(r, 1, 0, HOLD_SENDRECV);
	p.latching = (uint8_t)wire_get_uint(r, 1, 0, LATCH_OPEN);
	p.srtp = (uint8_t)wire_get_uint(r, 1, 0, SRTP_POLICY_REQUIRED);
	p.codecs = wire_get_text(r, 0, 120);
	p.max_kbps = (uint32_t)wire_get_uint(r, 4, 0, 100000);
	return p;
}

static struct sdp_crypto
get_crypto(struct rwire *r)
{
	struct sdp_crypto c = { 0 };

	c.suite = (uint8_t)wire_get_uint(r, 1, 0, SRTP_SUITES - 1);
	if (c.suite == SRTP_NONE)
		return c;
	c.tag = (uint32_t)wire_get_uint(r, 4, 0, 999999999);
	wire_get_bin(r, c.key, srtp_key_len(c.suite));
	c.mki_len = (uint8_t)wire_get_uint(r, 1, 0, SDP_CRYPTO_MKI_MAX);
	c.mki = (uint32_t)wire_get_uint(r, 4, 0, UINT32_MAX);
	return c;
}

static void
get_rocs(struct rwire *r, struct secure_stream *s)
{
	s->n_rocs = (uint8_t)wire_get_uint(r, 1, 0, IPC_ROCS_MAX);
	for (unsigned i = 0; i < s->n_rocs && r->err == 0; i++) {
		struct ipc_roc *roc = &s->rocs[i];

		roc->out = get_flag(r);
		roc->ssrc = (uint32_t)wire_get_uint(r, 4, 0, UINT32_MAX);
		roc->rtp = get_flag(r);
		roc->index = wire_get_uint(r, 8, 0, ((uint64_t)1 << 48) - 1);
		roc->rtcp = get_flag(r);
		roc->rtcp_index =
		    (uint32_t)wire_get_uint(r, 4, 0, INT32_MAX);
	}
}

static struct secure_stream
get_secure(struct rwire *r)
{
	struct secure_stream s = { .phone = get_crypto(r) };

	if (s.phone.suite == SRTP_NONE)
		return s;
	s.way = (uint8_t)wire_get_uint(r, 1, SECURE_BEST, SECURE_SAVP);
	wire_get_bin(r, s.ours, srtp_key_len(s.phone.suite));
	get_rocs(r, &s);
	return s;
}

static void
get_tone(struct rwire *r, uint8_t *pt_out, uint32_t *rate_out)
{
	*pt_out = (uint8_t)wire_get_uint(r, 1, 0, 127);
	*rate_out = (uint32_t)wire_get_uint(r, 4, 0, SDP_TONE_RATE_MAX);
	if (*rate_out != 0 && *rate_out < SDP_TONE_RATE_MIN)
		wire_fail(r, -ERANGE);
}

static struct ice_stream
get_ice(struct rwire *r)
{
	struct ice_stream ice = { .on = get_flag(r) };

	ice.generation =
	    (uint32_t)wire_get_uint(r, 4, 0, ICE_GENERATIONS_MAX);
	ice.peer = wire_get_uint(r, 8, 0, UINT64_MAX);
	if (!ice.on)
		return ice;
	ice.nominated[0] = wire_get_addr(r, true);
	ice.nominated[1] = wire_get_addr(r, true);
	return ice;
}

static struct end_stream
get_end_stream(struct rwire *r)
{
	struct end_stream s = { .was_set = get_flag(r) };

	s.off = get_flag(r);
	s.held = get_flag(r);
	s.silent = get_flag(r);
	s.mux = get_flag(r);
	s.form = (uint8_t)wire_get_uint(r, 1, STREAM_RTP, STREAM_UDPTL);
	s.port.rtp = (uint16_t)wire_get_uint(r, 2, 1, 65535);
	s.port.rtcp = (uint16_t)wire_get_uint(r, 2, 1, 65535);
	s.port.said_rtp = wire_get_addr(r, false);
	s.port.said_rtcp = wire_get_addr(r, false);
	s.rtp = wire_get_addr(r, true);
	s.rtcp = wire_get_addr(r, true);
	s.learnt = wire_get_addr(r, true);
	s.srtp = get_secure(r);
	s.video = get_flag(r);
	get_tone(r, &s.tone_pt, &s.tone_rate);
	s.ice = get_ice(r);
	return s;
}

static struct end
get_end(struct rwire *r)
{
	struct end end = { .n = 0 };

	end.n = (uint8_t)wire_get_uint(r, 1, 0, IPC_STREAMS_MAX);
	end.wanted = end.n;
	end.open = end.n > 0;
	for (unsigned nr = 0; nr < end.n && r->err == 0; nr++)
		end.stream[nr] = get_end_stream(r);
	return end;
}

/* Base64url, as leg_new() makes them. */
void
checkpoint_get_token(struct rwire *r, uint8_t *out)
{
	wire_get_bin(r, out, LEG_TOKEN_LEN);
	for (unsigned i = 0; i < LEG_TOKEN_LEN && r->err == 0; i++) {
		uint8_t c = out[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			(c >= 'A' && c <= 'Z') || c == '-' || c == '_'))
			wire_fail(r, -EBADMSG);
	}
}

/* Numbers end below 2**31 (8.1.1.5): requests of ours must still fit in. */
#define CSEQ_LOCAL_MAX (INT32_MAX - 0x100000)

static void
get_cseqs(struct rwire *r, struct saved_leg *leg)
{
	leg->local_cseq = (uint32_t)wire_get_uint(r, 4, 0, CSEQ_LOCAL_MAX);
	leg->remote_cseq = (uint32_t)wire_get_uint(r, 4, 0, INT32_MAX);
	leg->invite_cseq = (uint32_t)wire_get_uint(r, 4, 0, INT32_MAX);
	leg->cseq_offset = (int64_t)wire_get_uint(r, 8, 0, UINT64_MAX);
	if (leg->cseq_offset > INT32_MAX || leg->cseq_offset < -INT32_MAX)
		wire_fail(r, -ERANGE);
}

static struct media_stream
get_media_stream(struct rwire *r)
{
	struct media_stream m = { .known = get_flag(r) };

	if (!m.known)
		return m;
	m.refused = get_flag(r);
	m.mux = m.mux_said = get_flag(r);
	m.form = (uint8_t)wire_get_uint(r, 1, STREAM_RTP, STREAM_UDPTL);
	m.type = (uint8_t)wire_get_uint(r, 1, 0, SDP_TYPE_MAX);
	m.dir = (enum sdp_dir)wire_get_uint(r, 1, 0, SDP_INACTIVE);
	m.told = (enum sdp_dir)wire_get_uint(r, 1, 0, SDP_INACTIVE);
	m.rtp = wire_get_addr(r, true);
	m.rtcp = wire_get_addr(r, true);
	m.way = (uint8_t)wire_get_uint(r, 1, SECURE_PLAIN, SECURE_SAVP);
	m.crypto = get_crypto(r);
	get_tone(r, &m.tones.tone[0].pt, &m.tones.tone[0].rate);
	m.tones.n = m.tones.tone[0].rate != 0;
	m.ice = (uint8_t)wire_get_uint(r, 1, 0, ICE_SAID_MAX);
	m.ice_peer = wire_get_uint(r, 8, 0, UINT64_MAX);
	return m;
}

static struct media
get_media(struct rwire *r)
{
	struct media m = { .known = get_flag(r) };

	if (!m.known)
		return m;
	m.n_lines = (uint8_t)wire_get_uint(r, 1, 0, SDP_MEDIA_MAX);
	for (unsigned i = 0; i < m.n_lines && r->err == 0; i++)
		m.type[i] = (uint8_t)wire_get_uint(r, 1, 0, SDP_TYPE_MAX);
	for (unsigned nr = 0; nr < IPC_STREAMS_MAX && r->err == 0; nr++)
		m.stream[nr] = get_media_stream(r);
	return m;
}

static void
get_map(struct rwire *r, struct stream_map *map)
{
	struct stream_map m = { .n = 0 };
	uint64_t n = wire_get_uint(r, 1, 0, IPC_STREAMS_MAX);

	for (unsigned nr = 0; nr < n && r->err == 0; nr++) {
		uint64_t line = wire_get_uint(r, 1, 0, SDP_MEDIA_MAX - 1);

		if (streams_find(&m, (unsigned)line) >= 0)
			wire_fail(r, -EBADMSG);
		m.line[m.n++] = (uint8_t)line;
	}
	*map = m;
}

static void
get_early(struct rwire *r, struct saved_leg *leg)
{
	leg->rseq = (uint32_t)wire_get_uint(r, 4, 0, INT32_MAX);
	leg->offered = get_flag(r);
	leg->is_settled = get_flag(r);
	leg->media = get_media(r);
	leg->peer_media = get_media(r);
}

static void
get_session(struct rwire *r, struct saved_leg *leg)
{
	struct session *s = &leg->session;

	s->expires_s = (uint32_t)wire_get_uint(r, 4, 0, SESSION_MAX_S);
	if (s->expires_s == 0)
		return;
	if (s->expires_s < SESSION_MIN_S)
		wire_fail(r, -ERANGE);
	s->min_se_s = (uint32_t)wire_get_uint(r, 4, 0, SESSION_MAX_S);
	s->due.us = wire_get_uint(r, 8, 0, INT64_MAX);
	s->dead.us = wire_get_uint(r, 8, 0, INT64_MAX);
	s->ours = get_flag(r);
	s->takes_update = get_flag(r);
}

static void
get_told(struct rwire *r, struct saved_leg *leg)
{
	leg->told.sip = wire_get_addr(r, true);
	for (unsigned nr = 0; nr < leg->end.n && r->err == 0; nr++)
		leg->told.rtp[nr] = wire_get_addr(r, true);
	leg->version_shift = (uint32_t)wire_get_uint(r, 4, 0, INT32_MAX);
	leg->sdp = wire_get_blob(r, 0, SESSION_SDP_MAX);
}

void
checkpoint_check_target(struct rwire *r, struct span target)
{
	struct uri uri;

	if (r->err == 0 &&
	    (uri_parse(target, &uri) != 0 || uri.scheme == URI_OTHER))
		wire_fail(r, -EBADMSG);
}

static void
get_leg(struct rwire *r, const struct edge_conf *conf, unsigned lo,
    const struct saved_call *call, struct saved_leg *leg)
{
	leg->index = (uint8_t)wire_get_uint(r, 1, lo, CALL_LEGS_MAX - 1);
	leg->state = (uint8_t)wire_get_uint(r, 1, LEG_CALLING, LEG_OVER);
	checkpoint_get_token(r, leg->token);
	leg->flow = checkpoint_get_flow(r, conf);
	leg->relayed = get_flag(r);
	leg->end = get_end(r);
	leg->target = wire_get_text(r, 1, 512);
	leg->route = wire_get_text(r, 0, 512);
	leg->call_id = wire_get_text(r, 1, 256);
	leg->local = wire_get_text(r, 1, 256);
	leg->remote = wire_get_text(r, 1, 256);
	leg->tag = wire_get_text(r, 0, 128);
	get_cseqs(r, leg);
	leg->can = (uint8_t)wire_get_uint(r, 1, 0, CAN_ALL);
	leg->srtp_way = (uint8_t)wire_get_uint(r, 1, SECURE_PLAIN, SECURE_SAVP);
	leg->srtp_turned = get_flag(r);
	wire_get_bin(r, leg->seed, sizeof(leg->seed));
	leg->invite = wire_get_blob(r, 0, BLOB_MAX);
	if (call->talking)
		get_session(r, leg);
	else
		get_early(r, leg);
	get_told(r, leg);
	leg->trunk = (uint32_t)wire_get_uint(r, 4, 0, IPC_TRUNK_ID_MAX);
	leg->ice = get_flag(r);
	checkpoint_check_target(r, leg->target);
	if ((leg->state >= LEG_CONFIRMED) != call->talking ||
	    leg->state == LEG_LOST ||
	    (leg->state == LEG_OVER && !call->ending) ||
	    (leg->state != LEG_CALLING && leg->tag.len == 0) ||
	    (leg->index > 0 && (leg->invite.len > 0) == call->talking) ||
	    (leg->index == 0 && leg->invite.len > 0) ||
	    (leg->end.n > 0 && call->session == 0))
		wire_fail(r, -EBADMSG);
}

static bool
has_leg(const struct saved_call *call, uint8_t index)
{
	for (unsigned i = 0; i < call->n_legs; i++)
		if (call->leg[i].index == index)
			return true;
	return false;
}

static void
get_legs(struct rwire *r, const struct edge_conf *conf, struct saved_call *out)
{
	unsigned n = (unsigned)wire_get_uint(r, 1, 1, CALL_LEGS_MAX);
	unsigned lo = 0;

	for (unsigned i = 0; i < n && r->err == 0; i++) {
		get_leg(r, conf, lo, out, &out->leg[i]);
		lo = out->leg[i].index + 1u;
		out->n_legs++;
	}
	if (r->err == 0 &&
	    (!has_leg(out, 0) || !has_leg(out, out->callee) ||
		!has_leg(out, out->early) || !has_leg(out, out->request_from) ||
		(out->talking && (out->callee == 0 || n != 2))))
		wire_fail(r, -EBADMSG);
}

static void
get_diversion(struct rwire *r, struct diversion *d)
{
	d->n = (uint8_t)wire_get_uint(r, 1, 0, DIVERTS_MAX);
	for (unsigned i = 0; i < d->n && r->err == 0; i++) {
		(void)TEXT_SET(&d->step[i].number, wire_get_text(r, 1, 32));
		d->step[i].why =
		    (uint8_t)wire_get_uint(r, 1, 0, DIVERT_WHYS - 1);
	}
}

static void
get_outgoing(struct rwire *r, struct outgoing *o)
{
	o->n = (uint8_t)wire_get_uint(r, 1, 0, IPC_WAYS_MAX);
	for (unsigned i = 0; i < o->n && r->err == 0; i++) {
		struct way *w = &o->way[i];

		w->trunk = (uint32_t)wire_get_uint(r, 4, 1, IPC_TRUNK_ID_MAX);
		w->route = (uint32_t)wire_get_uint(r, 4, 0, INT32_MAX);
		(void)TEXT_SET(&w->number, wire_get_text(r, 1, 32));
		(void)TEXT_SET(&w->caller, wire_get_text(r, 0, 64));
	}
	if (o->n == 0 || r->err != 0)
		return;
	o->at = (uint8_t)wire_get_uint(r, 1, 0, o->n);
	o->next_flow = (uint8_t)wire_get_uint(r, 1, 0, TRUNK_FLOWS_MAX);
	o->tries = (uint8_t)wire_get_uint(r, 1, 0, TRUNK_TRIES_MAX);
	o->answers = (uint8_t)wire_get_uint(r, 1, 0, TRUNK_ANSWERS_MAX);
}

int
checkpoint_get(
    struct span state, const struct edge_conf *conf, struct saved_call *out)
{
	struct rwire r = { .left = state };
	uint64_t ending;

	memset(out, 0, sizeof(*out));
	out->talking = get_flag(&r);
	ending = wire_get_uint(&r, 1, 0, 2);
	out->ending = ending > 0;
	out->noted = ending == 2;
	out->end_status = (uint16_t)wire_get_uint(&r, 2, 0, 699);
	out->caller = get_party(&r);
	out->called = get_party(&r);
	out->session = wire_get_uint(&r, 8, 0, UINT64_MAX);
	out->instance = (uint8_t)wire_get_uint(&r, 1, 0, STEPS_RELAYS_MAX - 1);
	out->relayed = get_flag(&r);
	out->relay_closed = get_flag(&r);
	get_map(&r, &out->map);
	out->sound = (uint8_t)wire_get_uint(&r, 1, 0, IPC_STREAMS_MAX - 1);
	out->held = get_flag(&r);
	out->ringing_noted = get_flag(&r);
	out->referral[0] = get_referral(&r);
	out->referral[1] = get_referral(&r);
	out->transferred = get_flag(&r);
	out->withheld = get_flag(&r);
	out->replaces = wire_get_uint(&r, 8, 0, INT64_MAX);
	get_diversion(&r, &out->diversion);
	out->channels = (uint8_t)wire_get_uint(&r, 1, 0, 2);
	out->emergency = wire_get_uint(&r, 1, 0, 1) != 0;
	out->answered_us = wire_get_uint(&r, 8, 0, UINT64_MAX);
	out->callee = (uint8_t)wire_get_uint(
	    &r, 1, 0, out->talking ? CALL_LEGS_MAX - 1 : 0);
	out->early = (uint8_t)wire_get_uint(
	    &r, 1, 0, out->talking ? 0 : CALL_LEGS_MAX - 1);
	out->request = wire_get_blob(&r, out->talking ? 0 : 1, BLOB_MAX);
	out->request_from = (uint8_t)wire_get_uint(
	    &r, 1, 0, out->talking ? CALL_LEGS_MAX - 1 : 0);
	get_outgoing(&r, &out->out);
	get_legs(&r, conf, out);
	if (r.err == 0 && out->session != 0 && out->instance >= conf->n_relays)
		wire_fail(&r, -ERANGE);
	return wire_end(&r);
}
