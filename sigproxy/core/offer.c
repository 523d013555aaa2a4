#include <errno.h>

#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/leak.h"

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

static void
edit_stream(struct sdp_media_edit *edit, const struct ipc_port *port)
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
	if (!out->refused) {
		edit_stream(&edit.media[line], port);
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
	/* SDP in a multipart body would pass by the relay. */
	if (span_caseeq(type.type, SPAN_LIT("multipart")) ||
	    sip_has(msg, SIP_H_CONTENT_ENCODING))
		return -ENOTSUP;
	if (leg_is_external(p->to) &&
	    (leak_in(e->conf, msg->body) ||
		leak_in(e->conf, sip_value(msg, SIP_H_CONTENT_TYPE))))
		return -ENOTSUP;
	buf_put(b, msg->body);
	return buf_err(b);
}

int
offer_pass(const struct edge *e, struct buf *b, const struct sip_msg *msg,
    struct passage p, struct media *out)
{
	struct sdp sdp;
	int err;

	*out = (struct media){ .known = false };
	if (msg->body.len == 0)
		return 0;
	if (!sip_body_is(msg, "application", "sdp"))
		return pass_opaque(e, b, msg, &p);
	if (sip_has(msg, SIP_H_CONTENT_ENCODING))
		return -ENOTSUP;
	err = sdp_parse(msg->body, &sdp);
	if (err)
		return err == -E2BIG ? -ENODEV : -EBADMSG;
	if (offer_is_relayed(p.from, p.to))
		return pass_relayed(e, b, &sdp, p, out);
	return pass_direct(b, &sdp, msg->body, p, out);
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

/* A 200 often says once more what a 183 said: nothing to learn anew. */
static bool
is_known(const struct leg *leg, const struct media *m, bool held)
{
	return leg->call->phase == CALL_INVITING && leg->call->early == leg &&
	       leg->end.was_set && leg->end.held == held &&
	       addr_eq(&leg->end.rtp, &m->rtp) &&
	       addr_eq(&leg->end.rtcp, &m->rtcp);
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
	if (offer_is_relayed(a, b) && !is_known(b, answer, held)) {
		set_end(x->st, a, offer, b, held);
		set_end(x->st, b, answer, a, held);
	}
	if (call->callee == NULL || held == call->held)
		return;
	call->held = held;
	note_held(x->st, call);
}
