#include <errno.h>

#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/codecs.h"
#include "sigproxy/core/leak.h"
#include "sigproxy/sip/multipart.h"

#define NESTED_MAX 2 /* multipart in multipart */
/* RFC 3264 5: versions begin below it, so that none rolls over. */
#define VERSION_LIMIT (UINT64_C(1) << 62)

bool
offer_is_relayed(const struct leg *a, const struct leg *b)
{
	return a->index == 0 ? b->relayed : a->relayed;
}

/* What is answered: NULL when this is an offer. */
static const struct media *
answered(const struct passage *p)
{
	const struct media *offer = &p->exchange->offer;

	return p->role == SDP_ANSWER && offer->known ? offer : NULL;
}

/* Nothing to relay, though something was offered. */
static bool
is_useless(const struct sdp *sdp, const struct media *m)
{
	bool any = sdp->n_media == 0;

	for (unsigned nr = 0; nr < IPC_STREAMS_MAX; nr++)
		if (m->stream[nr].known && !m->stream[nr].refused)
			return false;
	for (unsigned i = 0; i < sdp->n_media; i++)
		any |= sdp->media[i].port != 0;
	return any;
}

/* Lines are given streams by offers; what their phone has none for, for want
 * of ports, is not relayed. */
static int
read_sdp(const struct sdp *sdp, const struct passage *p, struct media *out)
{
	struct stream_map *map = &p->exchange->call->map;
	const struct media *offer = answered(p);

	if (p->role == SDP_OFFER)
		streams_map(map, sdp);
	streams_read(map, sdp, offer, &p->from->flow.remote, out);
	return p->role == SDP_OFFER && is_useless(sdp, out) ? -ENODEV : 0;
}

void
offer_edit_stream(struct sdp_media_edit *edit, const struct ipc_port *port)
{
	edit->what = SDP_RELAY;
	edit->rtp = port->said_rtp;
	edit->rtcp_port = port->said_rtcp.port;
	edit->with_rtcp = port->said_rtcp.port != port->said_rtp.port + 1;
	if (!addr_same_ip(&port->said_rtp, &port->said_rtcp)) {
		edit->with_rtcp = true;
		edit->rtcp = port->said_rtcp;
	}
}

/* An offerer that can is answered with one port; who was is offered it again,
 * and the other port in case that it can no longer (RFC 5761 5.1.3). */
static void
edit_mux(struct sdp_media_edit *edit, const struct passage *p, unsigned nr,
    const struct media_stream *offer)
{
	if (offer == NULL) {
		edit->mux = p->to->end.stream[nr].mux;
		return;
	}
	if (!offer->mux_said)
		return;
	edit->mux = true;
	edit->rtcp_port = 0;
}

static void
edit_stream(struct sdp_media_edit *edit, const struct sdp_media *m,
    const struct media_stream *said, const struct ipc_port *port)
{
	offer_edit_stream(edit, port);
	edit->no_rtcp = said->form == STREAM_UDPTL;
	/* Fax has no direction, and its phones expect none. */
	if (m->has_dir || said->form == STREAM_RTP ||
	    said->told != SDP_SENDRECV)
		edit->dir = said->told;
}

static enum sdp_dir
told_dir(const struct edge *e, const struct passage *p, unsigned nr,
    enum sdp_dir dir)
{
	if (p->role == SDP_OFFER)
		return hold_offer(e, p->to, dir);
	return hold_answer(e, p->to, &p->exchange->offer.stream[nr], dir);
}

/* What leg's subscriber may use where it is. */
static struct span
codecs_of(const struct leg *leg)
{
	return leg_is_external(leg) ? TEXT_SPAN(leg_party(leg)->codecs) :
				      SPAN_NONE;
}

static uint32_t
kbps_of(const struct leg *leg)
{
	return leg_is_external(leg) ? leg_party(leg)->max_kbps : 0;
}

/* Room for what is left of the formats of each stream. */
struct fmts {
	char of_sender[CODECS_FMTS_MAX], of_hearer[CODECS_FMTS_MAX];
};

/* What is left of a line of sound: the hearer's list is asked last, and so
 * orders an offer. */
static int
limit_codecs(const struct passage *p, const struct sdp_media *m,
    struct sdp_media_edit *edit, struct fmts *mem)
{
	int (*reduce)(const struct sdp_media *, struct span, struct span,
	    char *, struct span *) = p->role == SDP_OFFER ? codecs_filter :
	    codecs_reduce;
	int err = reduce(m, codecs_of(p->from), m->fmts, mem->of_sender,
	    &edit->fmts);

	return err ? err : reduce(m, codecs_of(p->to), edit->fmts,
			       mem->of_hearer, &edit->fmts);
}

/* Sound by the codecs that both may use, a picture by what both have left for
 * it: one that does not fit is refused. */
static int
limit_stream(const struct passage *p, const struct sdp_media *m,
    struct media_stream *said, struct sdp_media_edit *edit, struct fmts *mem)
{
	uint32_t a = codecs_picture_kbps(kbps_of(p->from));
	uint32_t b = codecs_picture_kbps(kbps_of(p->to));
	uint32_t most = a < b ? a : b;

	if (said->type == SDP_TYPE_VIDEO) {
		said->refused = most == 0;
		edit->max_kbps = most == UINT32_MAX ? 0 : most;
	}
	return said->type == SDP_TYPE_AUDIO ?
	    limit_codecs(p, m, edit, mem) : 0;
}

/* What both have for the whole session; 0: any. */
static uint32_t
session_kbps(const struct passage *p)
{
	uint32_t a = kbps_of(p->from), b = kbps_of(p->to);

	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* The order of an answer's lines is the offer's. */
static void
set_order(struct sdp_edit *edit, const struct sdp *sdp,
    const struct media *offer)
{
	if (offer == NULL)
		return;
	edit->n_lines = offer->n_lines;
	memcpy(edit->type, offer->type, sizeof(edit->type));
	streams_order(sdp, offer, edit->order);
}

/* Which line of sdp is that stream? */
static unsigned
line_of(const struct sdp_edit *edit, const struct stream_map *map, unsigned nr)
{
	unsigned line = map->line[nr];

	return edit->n_lines > 0 ? edit->order[line] : line;
}

/* May it be said, and how is it said to the other phone? */
static int
secure_line(struct passage p, struct sdp_media_edit *edit, unsigned nr,
    struct media_stream *m, char *mem)
{
	const struct media *offer = answered(&p);
	int err = p.role == SDP_OFFER ? secure_check_offer(p.from, nr, m)
				      : secure_check_answer(p.from, nr, m);

	if (err || m->form != STREAM_RTP)
		return err;
	secure_edit(edit, p.to, nr, offer == NULL ? NULL : &offer->stream[nr],
	    mem);
	return 0;
}

/* The version in o= for to's phone; 0: as it came.  What has no room above it
 * is folded: our own offers must be able to count on. */
static uint64_t
told_version(const struct leg *to, uint64_t version)
{
	if (version < VERSION_LIMIT && to->version_shift == 0)
		return 0;
	if (version >= VERSION_LIMIT)
		version = VERSION_LIMIT / 2 + version % (VERSION_LIMIT / 2);
	return version + to->version_shift;
}

static int
pass_relayed(const struct edge *e, struct buf *b, const struct sdp *sdp,
    struct passage p, struct media *out)
{
	const struct stream_map *map = &p.exchange->call->map;
	const struct end *end = &p.to->end;
	char keys[IPC_STREAMS_MAX][SECURE_LINES_MAX];
	char ice[IPC_STREAMS_MAX][ICE_LINES_MAX];
	struct dtmf_mem events[IPC_STREAMS_MAX];
	const struct media *offer = answered(&p);
	struct sdp_edit edit = { 0 };
	struct fmts mem[IPC_STREAMS_MAX];
	bool bared = false;
	int err = read_sdp(sdp, &p, out);

	if (err || p.only_count)
		return err;
	set_order(&edit, sdp, offer);
	edit.origin = end->stream[0].port.said_rtp;
	edit.max_kbps = session_kbps(&p);
	edit.o_version = told_version(p.to, sdp->o_version);
	for (unsigned nr = 0; nr < map->n; nr++) {
		struct media_stream *m = &out->stream[nr];
		const struct media_stream *its_offer =
		    offer == NULL ? NULL : &offer->stream[nr];
		unsigned i = line_of(&edit, map, nr);
		struct ipc_port port = ear_port(p.to, nr);

		if (nr >= end->n || nr >= p.from->end.n)
			m->known = false;
		if (!m->known || m->refused || i >= sdp->n_media)
			continue;
		if (p.role == SDP_OFFER && !secure_may_offer(p.to, m)) {
			m->refused = bared = true;
			continue;
		}
		err = limit_stream(&p, &sdp->media[i], m, &edit.media[i],
		    &mem[nr]);
		if (err)
			return err;
		if (m->refused)
			continue;
		dtmf_edit(&p, nr, &sdp->media[i], its_offer, m,
		    &edit.media[i], &events[nr]);
		m->told = told_dir(e, &p, nr, m->dir);
		edit_stream(&edit.media[i], &sdp->media[i], m, &port);
		streams_mux(m, p.role == SDP_OFFER ||
			p.from->end.stream[nr].mux);
		if (m->form == STREAM_RTP)
			edit_mux(&edit.media[i], &p, nr, its_offer);
		err = secure_line(p, &edit.media[i], nr, m, keys[nr]);
		if (err)
			return err;
		if (m->form == STREAM_RTP)
			ice_edit(&edit, i, p.to, nr, its_offer, ice[nr]);
	}
	if (bared && is_useless(sdp, out))
		return -EACCES;
	err = sdp_build(b, sdp, &edit);
	return err ? err : buf_err(b);
}

/* Between two phones of the office: not a byte changed, but understood. */
static int
pass_direct(struct buf *b, const struct sdp *sdp, struct span body,
    struct passage p, struct media *out)
{
	if (read_sdp(sdp, &p, out) != 0)
		*out = (struct media){ .known = false };
	for (unsigned nr = 0; nr < IPC_STREAMS_MAX; nr++)
		if (!secure_may_pass(p.from, p.to, &out->stream[nr]))
			return -EACCES;
	for (unsigned nr = 0; nr < IPC_STREAMS_MAX; nr++)
		out->stream[nr].told = out->stream[nr].dir;
	buf_put(b, body);
	return buf_err(b);
}

static int
pass_opaque(const struct edge *e, struct buf *b, const struct sip_msg *msg,
    const struct passage *p)
{
	struct sip_media_type type;

	if (msg->body.len > CALL_OPAQUE_MAX ||
	    sip_media_type_parse(sip_value(msg, SIP_H_CONTENT_TYPE), &type) !=
		0)
		return -ENOTSUP;
	if (sip_has(msg, SIP_H_CONTENT_ENCODING))
		return -ENOTSUP;
	if (leg_is_external(p->to) &&
	    (leak_in(e->conf, msg->body) ||
		leak_in(e->conf, sip_value(msg, SIP_H_CONTENT_TYPE))))
		return -ENOTSUP;
	buf_put(b, msg->body);
	return buf_err(b);
}

static int
pass_sdp(const struct edge *e, struct buf *b, struct span body,
    struct passage p, struct media *out)
{
	struct sdp sdp;
	int err = sdp_parse(body, &sdp);

	if (err)
		return err == -E2BIG ? -ENODEV : -EBADMSG;
	if (offer_is_relayed(p.from, p.to))
		return pass_relayed(e, b, &sdp, p, out);
	return pass_direct(b, &sdp, body, p, out);
}

/* ---- bodies of several parts (RFC 5621) ---- */

/* One such body on its way. */
struct parts {
	const struct edge *e;
	struct passage p;
	struct media *out;
	struct span sdp; /* the one there may be */
};

static bool
is_plainly_encoded(const struct sip_part *part)
{
	return part->encoding.len == 0 ||
	       span_caseeq(part->encoding, SPAN_LIT("7bit")) ||
	       span_caseeq(part->encoding, SPAN_LIT("8bit")) ||
	       span_caseeq(part->encoding, SPAN_LIT("binary"));
}

/* Another disposition than session is another offer (RFC 3959). */
static bool
is_session(const struct sip_part *part)
{
	struct sip_word w;

	return part->disposition.len == 0 ||
	       (sip_word_parse(part->disposition, &w) == 0 &&
		   span_caseeq(w.word, SPAN_LIT("session")));
}

static int
pass_part_opaque(struct parts *all, struct buf *b, const struct sip_part *part)
{
	const struct edge_conf *conf = all->e->conf;

	if (part->body.len > CALL_OPAQUE_MAX || !is_plainly_encoded(part))
		return -ENOTSUP;
	if (leg_is_external(all->p.to) &&
	    (leak_in(conf, part->body) || leak_in(conf, part->type) ||
		leak_in(conf, part->disposition) || leak_in(conf, part->id)))
		return -ENOTSUP;
	buf_put(b, part->body);
	return buf_err(b);
}

static int pass_parts(struct parts *all, struct buf *b, struct span type,
    struct span body, unsigned depth);

static int
pass_part(struct parts *all, struct buf *b, const struct sip_part *part,
    unsigned depth)
{
	struct sip_media_type t;

	if (sip_part_is(part, "application", "sdp")) {
		if (!is_session(part) || !is_plainly_encoded(part))
			return -ENOTSUP;
		if (all->sdp.p != NULL)
			return -EBADMSG; /* which one would be meant? */
		all->sdp = part->body;
		return pass_sdp(all->e, b, part->body, all->p, all->out);
	}
	if (part->type.len > 0 && sip_media_type_parse(part->type, &t) != 0)
		return -EBADMSG;
	if (part->type.len == 0 || !span_caseeq(t.type, SPAN_LIT("multipart")))
		return pass_part_opaque(all, b, part);
	if (depth == NESTED_MAX || !is_plainly_encoded(part))
		return -ENOTSUP;
	return pass_parts(all, b, part->type, part->body, depth + 1);
}

/* What may not pass is left out if its sender can do without. */
static int
pass_parts(struct parts *all, struct buf *b, struct span type, struct span body,
    unsigned depth)
{
	struct sip_multipart m;
	unsigned kept = 0;
	int err = sip_multipart_parse(type, body, &m);

	if (err)
		return err == -E2BIG ? -EBADMSG : err;
	if (!span_caseeq(m.subtype, SPAN_LIT("mixed")) &&
	    !span_caseeq(m.subtype, SPAN_LIT("related")))
		return -ENOTSUP;
	for (unsigned i = 0; i < m.n; i++) {
		size_t before = b->len;

		sip_multipart_put(b, &m, &m.part[i]);
		err = pass_part(all, b, &m.part[i], depth);
		if (err == -ENOTSUP && !buf_err(b) &&
		    !sip_part_is_required(&m.part[i])) {
			b->len = before;
			continue;
		}
		if (err)
			return err;
		kept++;
	}
	sip_multipart_end(b, &m);
	if (kept == 0)
		return -ENOTSUP;
	/* Alone it needs no wrapping, which few phones can read. */
	if (depth == 1 && kept == 1 && all->sdp.p != NULL && !buf_err(b)) {
		b->len = 0;
		return pass_sdp(all->e, b, all->sdp, all->p, all->out);
	}
	return buf_err(b);
}

bool
body_is_multipart(const struct sip_msg *msg)
{
	struct sip_media_type t;

	return sip_media_type_parse(sip_value(msg, SIP_H_CONTENT_TYPE), &t) ==
		   0 &&
	       span_caseeq(t.type, SPAN_LIT("multipart"));
}

struct span
offer_type(const struct sip_msg *msg, struct span body)
{
	if (body.len == 0)
		return SPAN_NONE;
	if (body_is_multipart(msg) && body.p[0] != '-' && body.p[0] != '\r')
		return SPAN_LIT("application/sdp");
	return sip_value(msg, SIP_H_CONTENT_TYPE);
}

static struct span
sdp_in(struct span type, struct span body, unsigned depth)
{
	const struct sip_part whole = { .type = type };
	struct span sdp = SPAN_NONE;
	struct sip_multipart m;

	if (sip_part_is(&whole, "application", "sdp"))
		return body;
	if (depth > NESTED_MAX || sip_multipart_parse(type, body, &m) != 0)
		return SPAN_NONE;
	for (unsigned i = 0; i < m.n && sdp.len == 0; i++)
		sdp = sdp_in(m.part[i].type, m.part[i].body, depth + 1);
	return sdp;
}

struct span
offer_sdp(struct span type, struct span body)
{
	return sdp_in(type, body, 1);
}

struct span
offer_sdp_of(const struct sip_msg *ours)
{
	return offer_sdp(sip_value(ours, SIP_H_CONTENT_TYPE), ours->body);
}

static int
pass_body(const struct edge *e, struct buf *b, const struct sip_msg *msg,
    struct passage p, struct media *out)
{
	struct span type = sip_value(msg, SIP_H_CONTENT_TYPE);
	struct parts all = { .e = e, .p = p, .out = out };

	if (sip_body_is(msg, "application", "sdp"))
		return sip_has(msg, SIP_H_CONTENT_ENCODING)
			   ? -ENOTSUP
			   : pass_sdp(e, b, msg->body, p, out);
	if (!body_is_multipart(msg))
		return pass_opaque(e, b, msg, &p);
	if (sip_has(msg, SIP_H_CONTENT_ENCODING) ||
	    (leg_is_external(p.to) && leak_in(e->conf, type)))
		return -ENOTSUP;
	return pass_parts(&all, b, type, msg->body, 1);
}

/* The body may be left out, says who sent it (RFC 3261 20.11). */
static bool
is_optional(const struct sip_msg *msg)
{
	const struct sip_part whole = { .disposition = sip_value(
					    msg, SIP_H_CONTENT_DISPOSITION) };

	return !sip_part_is_required(&whole);
}

int
offer_pass(const struct edge *e, struct buf *b, const struct sip_msg *msg,
    struct passage p, struct media *out)
{
	int err;

	*out = (struct media){ .known = false };
	if (msg->body.len == 0)
		return 0;
	p.msg = msg;
	err = pass_body(e, b, msg, p, out);
	if (err == -ENOTSUP && is_optional(msg)) {
		*out = (struct media){ .known = false };
		b->len = 0;
		b->err = 0;
		return 0;
	}
	return err;
}

uint16_t
offer_refusal(int err)
{
	switch (err) {
	case -ENOTSUP:
		return 415;
	case -EBADMSG:
		return 400;
	case -EMSGSIZE:
		return 513;
	default:
		return 488;
	}
}

uint8_t
offer_streams(const struct edge *e, const struct sip_msg *msg, struct passage p)
{
	char mem[CALL_BYTES_MAX];
	struct media said;
	struct buf b;

	/* An offer is to come: with sound, and perhaps a picture. */
	if (msg->body.len == 0)
		return OFFER_LATE_STREAMS;
	buf_init(&b, mem, sizeof(mem));
	p.only_count = true;
	(void)offer_pass(e, &b, msg, p, &said);
	return p.exchange->call->map.n;
}

/* ---- agreed ---- */

static bool
is_held(const struct media_stream *a, const struct media_stream *b)
{
	return a->dir != SDP_SENDRECV || b->dir != SDP_SENDRECV;
}

/* One stream as agreed: m says where leg's phone wants it; NULL: nowhere.
 * clock: of the codec that the answer prefers, which both use. */
static struct end_stream
agreed_stream(const struct end_stream *before, const struct media_stream *m,
    bool held, uint32_t clock)
{
	struct end_stream s = *before;
	struct sdp_tone tone;

	s.off = m == NULL;
	s.held = s.off || held;
	s.rtp = s.rtcp = (struct addr){ 0 };
	if (s.off)
		return s;
	s.rtp = m->rtp;
	s.rtcp = m->rtcp;
	s.form = m->form;
	s.mux = m->mux;
	s.video = m->type == SDP_TYPE_VIDEO;
	tone = sdp_tone_for(&m->tones, clock);
	s.tone_pt = tone.pt;
	s.tone_rate = tone.rate;
	s.no_info = m->no_info;
	return s;
}

static bool
is_same(const struct end_stream *a, const struct end_stream *b)
{
	return a->was_set == b->was_set && a->off == b->off &&
	       a->held == b->held && a->form == b->form && a->mux == b->mux &&
	       a->video == b->video && a->tone_pt == b->tone_pt &&
	       a->tone_rate == b->tone_rate &&
	       addr_eq(&a->rtp, &b->rtp) && addr_eq(&a->rtcp, &b->rtcp);
}

/* Both ends of one stream.  said_again: nothing is to be learnt anew from
 * what changes nothing. */
static void
settle_stream(struct steps *st, unsigned nr, struct leg *a,
    const struct media *offer, struct leg *b, const struct media *answer,
    bool said_again)
{
	const struct media_stream *ma = &offer->stream[nr];
	const struct media_stream *mb = &answer->stream[nr];
	struct end_stream *ea = &a->end.stream[nr], *eb = &b->end.stream[nr];
	bool agreed = streams_agreed(offer, answer, nr);
	struct end_stream new_a =
	    agreed_stream(ea, agreed ? ma : NULL, is_held(ma, mb), mb->clock);
	struct end_stream new_b =
	    agreed_stream(eb, agreed ? mb : NULL, is_held(ma, mb), mb->clock);
	bool caught = dtmf_is_caught(ea, eb), caught_b = dtmf_is_caught(eb, ea);

	if (!agreed && !ea->was_set && !eb->was_set)
		return; /* it never was there */
	if ((said_again || !agreed) && ea->was_set && eb->was_set &&
	    is_same(ea, &new_a) && is_same(eb, &new_b))
		return;
	*ea = new_a;
	*eb = new_b;
	relay_set(st, a, nr, b);
	relay_set(st, b, nr, a);
	dtmf_tell(st, a, nr, b, caught);
	dtmf_tell(st, b, nr, a, caught_b);
}

void
offer_settled_branch(const struct ctx *x, struct leg *branch)
{
	struct leg *caller = branch->call->leg[0];

	if (branch->asked)
		offer_settled(x, branch, &branch->media, caller,
		    &branch->peer_media);
	else
		offer_settled(x, caller, &branch->peer_media, branch,
		    &branch->media);
}

void
offer_settled_early(const struct ctx *x, struct leg *branch)
{
	struct call *call = branch->call;

	if (!branch->media.known || !branch->peer_media.known ||
	    (call->callee != branch && call->early != NULL &&
		call->early != branch))
		return;
	offer_settled_branch(x, branch);
	if (call->callee == NULL)
		call->early = branch;
}

/* What an answer to a re-INVITE of ours says of leg's phone; false: nothing
 * that matters. */
static bool
read_own_answer(struct leg *leg, const struct sip_msg *answer,
    const struct leg **peer_out, struct media *out)
{
	const struct call *call = leg->call;
	const struct leg *peer = leg->index == 0 ? call->callee : call->leg[0];
	struct sdp sdp;

	if (peer == NULL || !offer_is_relayed(leg, peer) ||
	    !sip_body_is(answer, "application", "sdp") ||
	    sdp_parse(answer->body, &sdp) != 0)
		return false;
	streams_read(&call->map, &sdp, NULL, &leg->flow.remote, out);
	*peer_out = peer;
	return true;
}

/* The streams that were agreed go on, wherever their phone wants them now. */
static void
set_own_answer(const struct ctx *x, struct leg *leg,
    const struct sip_msg *answer, bool anew)
{
	const struct leg *peer;
	struct media m;

	if (!read_own_answer(leg, answer, &peer, &m))
		return;
	for (unsigned nr = 0; nr < leg->end.n; nr++) {
		struct end_stream *s = &leg->end.stream[nr];
		struct media_stream *said = &m.stream[nr];

		if (!said->known || s->off || !s->was_set ||
		    secure_check_answer(leg, nr, said) != 0)
			continue;
		secure_settle(x, leg, nr, said, false);
		ice_settle(x, leg, nr, said, false);
		streams_mux(said, s->mux);
		if (!anew && s->mux == said->mux &&
		    addr_eq(&s->rtp, &said->rtp) &&
		    addr_eq(&s->rtcp, &said->rtcp))
			continue;
		s->mux = said->mux;
		s->rtp = said->rtp;
		s->rtcp = said->rtcp;
		relay_set(x->st, leg, nr, peer);
	}
}

void
offer_refreshed(
    const struct ctx *x, struct leg *leg, const struct sip_msg *answer)
{
	set_own_answer(x, leg, answer, false);
}

void
offer_learn_anew(
    const struct ctx *x, struct leg *leg, const struct sip_msg *answer)
{
	set_own_answer(x, leg, answer, true);
}

/* Whose sound the caller hears while it rings. */
static bool
is_heard_early(const struct leg *a, const struct leg *b)
{
	const struct leg *branch = a->index == 0 ? b : a;

	return a->call->phase == CALL_INVITING && a->call->early == branch;
}

void
offer_settled(const struct ctx *x, struct leg *a, const struct media *offer,
    struct leg *b, const struct media *answer)
{
	struct call *call = a->call;
	/* A 200 often says once more what a 183 said. */
	bool said_again = is_heard_early(a, b);
	bool held;

	if (!offer->known || !answer->known)
		return;
	call->sound = streams_sound(offer, answer, call->sound);
	for (unsigned nr = 0; nr < IPC_STREAMS_MAX; nr++) {
		if (!offer_is_relayed(a, b) || nr >= a->end.n ||
		    nr >= b->end.n)
			continue;
		if (streams_agreed(offer, answer, nr)) {
			secure_settle(x, a, nr, &offer->stream[nr], true);
			secure_settle(x, b, nr, &answer->stream[nr], false);
			ice_settle(x, a, nr, &offer->stream[nr], true);
			ice_settle(x, b, nr, &answer->stream[nr], false);
		}
		settle_stream(x->st, nr, a, offer, b, answer, said_again);
	}
	held = is_held(
	    &offer->stream[call->sound], &answer->stream[call->sound]);
	if (call->callee == NULL || held == call->held)
		return;
	call->held = held;
	note_held(x->st, call);
}
