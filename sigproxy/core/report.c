#include "sigproxy/core/report.h"

#include "sigproxy/core/call_priv.h"
#include "sigproxy/sip/vqreport.h"

static const struct span EVENT = { "vq-rtcpxr", 9 };

bool
report_is(const struct sip_msg *m)
{
	struct sip_word event;

	return (m->method == SIP_PUBLISH || m->method == SIP_NOTIFY) &&
	    sip_word_parse(sip_value(m, SIP_H_EVENT), &event) == 0 &&
	    span_caseeq(event.word, EVENT);
}

void
report_publish(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in)
{
	struct reply r = {
		.status = 489,
		.headers = SPAN_LIT("Allow-Events: vq-rtcpxr\r\n"),
	};

	if (report_is(in->msg))
		auth_require(e, now, st, in, AUTH_OTHER);
	else if (edge_may_answer(e, now, in))
		edge_answer(e, now, st, in, &r);
}

/* ---- whose call ---- */

/* What of a call its note needs. */
struct whose {
	uint64_t ticket;	/* 0: none of his */
	bool called;
};

static struct whose
among_legs(const struct calls *c, struct span call_id, struct span number)
{
	for (uint32_t i = 0; i < c->legs.n; i++) {
		const struct leg *leg = pool_at(&c->legs, i);

		if (leg->call != NULL &&
		    (leg->index == 0 || leg == leg->call->callee) &&
		    span_eq(TEXT_SPAN(leg->call_id), call_id) &&
		    span_eq(TEXT_SPAN(leg_party(leg)->number), number))
			return (struct whose){ leg->call->ticket,
				leg->index != 0 };
	}
	return (struct whose){ 0 };
}

static struct whose
among_ended(const struct calls *c, struct mono now, struct span call_id,
    struct span number)
{
	uint64_t hash = htab_hash(&c->by_token, call_id.p, call_id.len);

	for (unsigned i = 0; i < CALL_OVER_MAX; i++) {
		const struct over *o = &c->over[i];

		if (o->ticket == 0 ||
		    mono_due(mono_add_ms(o->at, REPORT_LATE_MS), now))
			continue;
		if (o->call_id[0] == hash &&
		    span_eq(TEXT_SPAN(o->caller.number), number))
			return (struct whose){ o->ticket, false };
		if (o->call_id[1] == hash &&
		    span_eq(TEXT_SPAN(o->called.number), number))
			return (struct whose){ o->ticket, true };
	}
	return (struct whose){ 0 };
}

/* ---- what it says ---- */

static struct ipc_figures
figures_of(const struct vqreport *r)
{
	return (struct ipc_figures){
		.known = (uint8_t)((r->has_loss ? FIGURE_LOSS : 0) |
		    (r->has_jitter ? FIGURE_JITTER : 0) |
		    (r->has_rtt ? FIGURE_RTT : 0)),
		.loss_permyriad = r->loss_permyriad,
		.jitter_us = r->jitter_us,
		.rtt_ms = r->rtt_ms,
		.mos_centi = r->mos_centi,
	};
}

static void
note(struct edge *e, struct mono now, struct steps *st,
    const struct vqreport *r, struct span number)
{
	struct whose w = among_legs(e->calls, r->call_id, number);
	struct ipc_call_quality m = { .quality.said = figures_of(r) };

	if (w.ticket == 0)
		w = among_ended(e->calls, now, r->call_id, number);
	if (w.ticket == 0)
		return;
	m.ticket = w.ticket;
	m.called = w.called;
	e->calls->reports++;
	STEPS_ASK(st, &st->reg, CALL_QUALITY, call_quality, &m);
}

void
report_take(struct edge *e, struct mono now, struct steps *st,
    struct stxn *t, const struct sip_msg *m, struct span number)
{
	struct reply r = { .status = 200 };
	struct vqreport report;

	t->ops = NULL;
	if (sip_has(m, SIP_H_CONTENT_ENCODING) ||
	    !sip_body_is(m, "application", "vq-rtcpxr")) {
		r.status = 415;
		r.headers = SPAN_LIT("Accept: application/vq-rtcpxr\r\n");
	} else if (vqreport_parse(m->body, &report) == 0) {
		note(e, now, st, &report, number);
	}
	/* Nothing is kept that could be refreshed (RFC 3903 6 step 6). */
	if (r.status == 200 && m->method == SIP_PUBLISH)
		r.headers = SPAN_LIT("SIP-ETag: 0\r\nExpires: 0\r\n");
	(void)stxn_respond(&e->txns, now, st, t, &r);
}
