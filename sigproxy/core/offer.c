#include <errno.h>

#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/leak.h"
#include "sigproxy/sip/multipart.h"

#define NESTED_MAX 2 /* multipart in multipart */

bool
offer_is_relayed(const struct leg *a, const struct leg *b)
{
	return a->index == 0 ? b->relayed : a->relayed;
}

/*
 * Where media for this leg's phone is to go: the only place that decides
 * which address of ours stands in an SDP.
 */
static const struct ipc_port *
said_port(const struct leg *egress)
{
	return &egress->end.port;
}

static bool
can_relay(const struct sdp_media *m)
{
	/* DTLS would have to end here (RFC 5763). */
	return m->is_rtp && m->port != 0 && !m->has_fingerprint &&
	       span_caseeq(m->type, SPAN_LIT("audio"));
}

/* The stream to relay: in an offer the first one possible. */
static int
choose_line(const struct sdp *sdp, const struct passage *p)
{
	if (p->role == SDP_ANSWER && p->exchange->offer.known)
		return p->exchange->offer.line < sdp->n_media
			   ? p->exchange->offer.line
			   : -ENODEV;
	for (unsigned i = 0; i < sdp->n_media; i++)
		if (can_relay(&sdp->media[i]))
			return (int)i;
	return -ENODEV;
}

/* Is this an address a relay could ever send to? */
static bool
is_target(const struct addr *a)
{
	enum addr_class c = addr_classify(a);

	return a->family != ADDR_NONE && a->port != 0 && c != ADDR_UNUSABLE &&
	       c != ADDR_MULTICAST;
}

/*
 * Takes:   leg  whose phone said it: when its SDP names a host or an address
 *          that nobody can send to, its signalling address stands in.
 */
static struct media
read_media(const struct sdp_media *m, unsigned line, const struct leg *leg)
{
	struct media out = {
		.known = true,
		.line = (uint8_t)line,
		.refused = m->port == 0,
		.dir = hold_meant(m),
	};

	if (out.refused || m->is_hold_addr)
		return out;
	if (is_target(&m->rtp)) {
		out.rtp = m->rtp;
		if (is_target(&m->rtcp))
			out.rtcp = m->rtcp;
	} else {
		out.rtp = leg->flow.remote;
		out.rtp.port = m->port;
	}
	return out;
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
	edit->no_mux = true; /* the relay has a port for each */
}

static int
pass_relayed(const struct edge *e, struct buf *b, const struct sdp *sdp,
    struct passage p, struct media *out)
{
	struct sdp_edit edit = { 0 };
	const struct ipc_port *port = said_port(p.to);
	int line = choose_line(sdp, &p);
	int err;

	if (line < 0)
		return line;
	*out = read_media(&sdp->media[line], (unsigned)line, p.from);
	out->told = p.role == SDP_OFFER
			? hold_offer(e, p.to, out->dir)
			: hold_answer(e, p.to, &p.exchange->offer, out->dir);
	edit.origin = port->said_rtp;
	if (p.to->version_shift > 0)
		edit.o_version = sdp->o_version + p.to->version_shift;
	if (!out->refused) {
		offer_edit_stream(&edit.media[line], port);
		edit.media[line].dir = out->told;
	}
	err = sdp_build(b, sdp, &edit);
	return err ? err : buf_err(b);
}

/* Between two phones of the office: not a byte changed, but understood. */
static int
pass_direct(struct buf *b, const struct sdp *sdp, struct span body,
    struct passage p, struct media *out)
{
	int line = choose_line(sdp, &p);

	if (line >= 0) {
		*out = read_media(&sdp->media[line], (unsigned)line, p.from);
		out->told = out->dir;
	}
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

static void
set_end(struct steps *st, struct leg *leg, const struct media *m,
    const struct leg *to, bool held)
{
	leg->end.rtp = m->rtp;
	leg->end.rtcp = m->rtcp;
	leg->end.held = held;
	relay_set(st, leg, to);
}

void
offer_settled_early(const struct ctx *x, struct leg *branch)
{
	struct call *call = branch->call;

	if (!branch->media.known || !branch->peer_media.known ||
	    (call->callee != branch && call->early != NULL &&
		call->early != branch))
		return;
	offer_settled(
	    x, call->leg[0], &branch->peer_media, branch, &branch->media);
	if (call->callee == NULL)
		call->early = branch;
}

/* What an answer to a re-INVITE of ours says of leg's phone; false: nothing
 * that matters. */
static bool
read_own_answer(struct leg *leg, const struct sip_msg *answer,
    const struct leg **peer_out, struct media *out)
{
	struct call *call = leg->call;
	const struct leg *peer = leg->index == 0 ? call->callee : call->leg[0];
	struct exchange none = { .call = call };
	struct passage p = { &none, leg, peer, SDP_ANSWER };
	struct sdp sdp;
	int line;

	if (peer == NULL || !offer_is_relayed(leg, peer) ||
	    !sip_body_is(answer, "application", "sdp") ||
	    sdp_parse(answer->body, &sdp) != 0)
		return false;
	line = choose_line(&sdp, &p);
	if (line < 0)
		return false;
	*out = read_media(&sdp.media[line], (unsigned)line, leg);
	*peer_out = peer;
	return true;
}

void
offer_refreshed(
    const struct ctx *x, struct leg *leg, const struct sip_msg *answer)
{
	const struct leg *peer;
	struct media m;

	if (!read_own_answer(leg, answer, &peer, &m) ||
	    (addr_eq(&leg->end.rtp, &m.rtp) &&
		addr_eq(&leg->end.rtcp, &m.rtcp)))
		return;
	set_end(x->st, leg, &m, peer, leg->end.held);
}

void
offer_learn_anew(
    const struct ctx *x, struct leg *leg, const struct sip_msg *answer)
{
	const struct leg *peer;
	struct media m;

	if (read_own_answer(leg, answer, &peer, &m))
		set_end(x->st, leg, &m, peer, leg->end.held);
}

static bool
is_set(const struct leg *leg, const struct media *m, bool held)
{
	return leg->end.was_set && leg->end.held == held &&
	       addr_eq(&leg->end.rtp, &m->rtp) &&
	       addr_eq(&leg->end.rtcp, &m->rtcp);
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
	bool held;

	if (!offer->known || !answer->known)
		return;
	held = offer->dir != SDP_SENDRECV || answer->dir != SDP_SENDRECV;
	/* A 200 often says once more what a 183 said: nothing to learn anew. */
	if (offer_is_relayed(a, b) &&
	    !(is_heard_early(a, b) && is_set(a, offer, held) &&
		is_set(b, answer, held))) {
		set_end(x->st, a, offer, b, held);
		set_end(x->st, b, answer, a, held);
	}
	if (call->callee == NULL || held == call->held)
		return;
	call->held = held;
	note_held(x->st, call);
}
