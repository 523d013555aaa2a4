#include <errno.h>

#include "sigproxy/core/conns.h"
#include "sigproxy/core/txn_client.h"
#include "sigproxy/sip/build.h"

static struct ctxn *
find(const struct txns *t, const uint8_t id[TXN_ID_LEN])
{
	struct htab_node *n;

	for (n = htab_first(&t->by_branch, txn_id_hash(id)); n != NULL;
	     n = htab_next(n)) {
		struct ctxn *c = HTAB_OF(n, struct ctxn, node);

		if (memcmp(c->id, id, TXN_ID_LEN) == 0)
			return c;
	}
	return NULL;
}

static bool
is_udp(const struct ctxn *c)
{
	return c->to.transport == TRANSPORT_UDP;
}

static void
resend_in(struct txns *t, struct mono now, struct ctxn *c, uint32_t ms)
{
	c->resend_ms = ms;
	timerq_set(t->timers, &c->resend, mono_add_ms(now, ms));
}

static void
drop(struct txns *t, struct ctxn *c)
{
	timerq_cancel(t->timers, &c->resend);
	timerq_cancel(t->timers, &c->end);
	htab_del(&t->by_branch, &c->node);
	blob_drop(&t->blobs, &c->request);
	conns_asked(t->conns, &c->to, -1);
	pool_put(&t->clients, c);
}

static int
begin(struct txns *t, const struct flow *to, struct span request,
    struct ctxn **out)
{
	struct ctxn *c;
	int err;

	c = pool_get(&t->clients);
	if (c == NULL) {
		t->full++;
		return -ENOMEM;
	}
	err = blob_set(&t->blobs, &c->request, request);
	if (err) {
		t->full++;
		pool_put(&t->clients, c);
		return err;
	}
	c->to = *to;
	conns_asked(t->conns, to, 1);
	c->is_invite = t->again.method == SIP_INVITE;
	c->in_dialog = t->again.to.tag.len > 0;
	c->resend.kind = TIMER_CTXN_RESEND;
	c->end.kind = TIMER_CTXN_END;
	c->resend.owner = c->end.owner = c;
	txn_branch_id(t, t->again.via.branch, t->again.method_name, c->id);
	htab_add(&t->by_branch, &c->node, txn_id_hash(c->id));
	*out = c;
	return 0;
}

/* Its connection is closed. */
static void
give_up_soon(struct txns *t, struct mono now, struct ctxn *c)
{
	timerq_set(t->timers, &c->end,
	    c->in_dialog ? mono_add_ms(now, TXN_AWAY_MS) : now);
}

/* Each client transaction by this flow that has no final answer. */
static struct ctxn *
next_waiting(struct txns *t, const struct flow *flow, uint32_t *at)
{
	while (*at < t->clients.n) {
		struct ctxn *c = pool_at(&t->clients, (*at)++);

		if (c->request.p != NULL && c->state <= CTXN_PROCEEDING &&
		    flow_eq(&c->to, flow))
			return c;
	}
	return NULL;
}

void
ctxn_flow_closed(struct txns *t, struct mono now, const struct flow *flow)
{
	struct ctxn *c;
	uint32_t at = 0;

	while ((c = next_waiting(t, flow, &at)) != NULL)
		give_up_soon(t, now, c);
}

/* Timers B and F, or how long it may ring. */
static uint32_t
life_ms(const struct ctxn *c)
{
	return c->is_invite && c->state == CTXN_PROCEEDING && !c->cancel_sent ?
	    TIMER_INVITE_LIFE_MS : TIMER_64T1_MS;
}

void
ctxn_flow_moved(struct txns *t, struct mono now, struct steps *st,
    const struct flow *from, const struct flow *to)
{
	struct ctxn *c;
	uint32_t at = 0;

	while ((c = next_waiting(t, from, &at)) != NULL) {
		if (!c->in_dialog || to->transport != from->transport)
			continue;
		conns_asked(t->conns, &c->to, -1);
		c->to = *to;
		conns_asked(t->conns, &c->to, 1);
		steps_send(st, to, blob_span(&c->request));
		timerq_set(t->timers, &c->end, mono_add_ms(now, life_ms(c)));
	}
}

int
ctxn_send(struct txns *t, struct mono now, struct steps *st,
    const struct flow *to, struct span request, const struct ctxn_ops *ops,
    void *owner, struct ctxn **out)
{
	struct ctxn *c;
	int err;

	if (request.len > BLOB_MAX)
		return -EMSGSIZE;
	if (sip_parse(request, SIP_DATAGRAM, &t->again, NULL) != 0 ||
	    !t->again.is_request || t->again.method == SIP_ACK)
		return -EBADMSG;
	err = begin(t, to, request, &c);
	if (err)
		return err;
	c->ops = ops;
	c->owner = owner;
	steps_send(st, to, request);
	if (is_udp(c))
		resend_in(t, now, c, TIMER_T1_MS);	/* timers A, E */
	timerq_set(t->timers, &c->end,			/* timers B, F */
	    mono_add_ms(now, TIMER_64T1_MS));
	if (!conns_live(t->conns, to))
		give_up_soon(t, now, c);
	if (out != NULL)
		*out = c;
	return 0;
}

int
ctxn_request(const struct ctxn *c, struct sip_msg *out)
{
	return sip_parse(blob_span(&c->request), SIP_DATAGRAM, out, NULL);
}

void
ctxn_detach(struct ctxn *c)
{
	c->ops = NULL;
	c->owner = NULL;
}

void
ctxn_abandon(struct txns *t, struct mono now, struct ctxn *c)
{
	ctxn_detach(c);
	timerq_cancel(t->timers, &c->resend);
	timerq_set(t->timers, &c->end, now);
}

/*
 * ACK for a non-2xx (17.1.1.3) or CANCEL (9.1): the INVITE's Request-URI,
 * Via, From, Call-ID, CSeq number and Route; To from the answer or the
 * INVITE.
 */
static void
build_hop(struct txns *t, struct buf *b, const struct ctxn *c,
    struct span method, struct span to, const char *reason)
{
	struct sip_msg *m = &t->again;

	if (ctxn_request(c, m) != 0) {
		b->err = -EBADMSG;
		return;
	}
	build_request_line(b, method, m->ruri.all);
	build_copy(b, m, SIP_H_VIA);
	build_copy(b, m, SIP_H_FROM);
	build_hdr(b, SIP_H_TO, to.len > 0 ? to : sip_value(m, SIP_H_TO));
	build_copy(b, m, SIP_H_CALL_ID);
	build_cseq(b, m->cseq.number, method);
	build_copy(b, m, SIP_H_ROUTE);
	build_hdr_u64(b, SIP_H_MAX_FORWARDS, 70);
	if (reason[0] != '\0')
		build_hdr_str(b, SIP_H_REASON, reason);
	build_end(b, SPAN_NONE);
}

static void
send_ack(struct txns *t, struct steps *st, const struct ctxn *c,
    const struct sip_msg *answer)
{
	struct buf b;

	buf_init(&b, t->scratch, sizeof(t->scratch));
	build_hop(t, &b, c, SPAN_LIT("ACK"), sip_value(answer, SIP_H_TO), "");
	if (buf_err(&b) == 0)
		steps_send(st, &c->to, buf_span(&b));
}

static void
send_cancel(struct txns *t, struct mono now, struct steps *st,
    struct ctxn *c)
{
	struct buf b;

	buf_init(&b, t->scratch, sizeof(t->scratch));
	build_hop(t, &b, c, SPAN_LIT("CANCEL"), SPAN_NONE, c->cancel_reason);
	c->cancel_sent = true;
	/* No room for its transaction: once, then, and trust in the timer. */
	if (buf_err(&b) == 0 &&
	    ctxn_send(t, now, st, &c->to, buf_span(&b), NULL, NULL, NULL) != 0)
		steps_send(st, &c->to, buf_span(&b));
	timerq_set(t->timers, &c->end, mono_add_ms(now, TIMER_64T1_MS));
}

void
ctxn_cancel(struct txns *t, struct mono now, struct steps *st,
    struct ctxn *c, struct span reason)
{
	if (!c->is_invite || c->cancel_wanted || c->state > CTXN_PROCEEDING)
		return;
	c->cancel_wanted = true;
	if (reason.len < sizeof(c->cancel_reason) && reason.len > 0)
		memcpy(c->cancel_reason, reason.p, reason.len);
	if (c->state == CTXN_PROCEEDING)
		send_cancel(t, now, st, c);
}

static void
tell(struct txns *t, struct mono now, struct steps *st, struct ctxn *c,
    const struct sip_msg *m)
{
	if (c->ops != NULL && c->ops->response != NULL)
		c->ops->response(t->edge, now, st, c, m);
}

static void
on_provisional(struct txns *t, struct mono now, struct steps *st,
    struct ctxn *c, const struct sip_msg *m)
{
	if (c->state > CTXN_PROCEEDING)
		return;
	if (c->state == CTXN_CALLING && c->is_invite) {
		timerq_cancel(t->timers, &c->resend);
		timerq_set(t->timers, &c->end,
		    mono_add_ms(now, TIMER_INVITE_LIFE_MS));
	}
	if (!c->is_invite && is_udp(c))
		c->resend_ms = TIMER_T2_MS;	/* 17.1.2.2: from now on T2 */
	c->state = CTXN_PROCEEDING;
	c->status = m->status;
	if (c->cancel_wanted && !c->cancel_sent)
		send_cancel(t, now, st, c);
	if (m->status != 100)
		tell(t, now, st, c, m);
}

static void
on_invite_final(struct txns *t, struct mono now, struct steps *st,
    struct ctxn *c, const struct sip_msg *m)
{
	bool first = c->state <= CTXN_PROCEEDING;
	bool is_2xx = m->status < 300;

	if (first) {
		timerq_cancel(t->timers, &c->resend);
		c->state = is_2xx ? CTXN_ACCEPTED : CTXN_COMPLETED;
		c->status = m->status;
		/* Timer M (RFC 6026 7.2) or D. */
		timerq_set(t->timers, &c->end, mono_add_ms(now,
		    is_2xx ? TIMER_64T1_MS :
		    is_udp(c) ? TIMER_D_MS : 0));
	}
	if (!is_2xx && c->state == CTXN_COMPLETED)
		send_ack(t, st, c, m);
	if (first || (is_2xx && c->state == CTXN_ACCEPTED))
		tell(t, now, st, c, m);
	else
		t->absorbed++;
}

static void
on_final(struct txns *t, struct mono now, struct steps *st, struct ctxn *c,
    const struct sip_msg *m)
{
	if (c->state > CTXN_PROCEEDING) {
		t->absorbed++;
		return;
	}
	timerq_cancel(t->timers, &c->resend);
	c->state = CTXN_COMPLETED;
	c->status = m->status;
	timerq_set(t->timers, &c->end,		/* timer K */
	    mono_add_ms(now, is_udp(c) ? TIMER_T4_MS : 0));
	tell(t, now, st, c, m);
}

/* 8.1.3.3: an answer to us has exactly one Via, ours. */
static bool
has_one_via(const struct sip_msg *m)
{
	struct sip_values it = sip_values(m, SIP_H_VIA);
	struct span value;

	return sip_values_next(&it, &value) == 0 &&
	    sip_values_next(&it, &value) == -ENOENT;
}

bool
ctxn_response(struct txns *t, struct mono now, struct steps *st,
    const struct sip_msg *m, const struct flow *from)
{
	uint8_t id[TXN_ID_LEN];
	struct ctxn *c;

	txn_branch_id(t, m->via.branch, m->cseq.method_name, id);
	c = find(t, id);
	/* A phone may answer from another port, never from another host. */
	if (c == NULL || c->to.zone != from->zone ||
	    !addr_same_ip(&c->to.remote, &from->remote) || !has_one_via(m))
		return false;
	if (m->status < 200)
		on_provisional(t, now, st, c, m);
	else if (c->is_invite)
		on_invite_final(t, now, st, c, m);
	else
		on_final(t, now, st, c, m);
	return true;
}

/*
 * Sent twice and nothing heard, and it is larger than what RFC 3261 18.1.1
 * would send by UDP.  No connection can be made for it: phones are never
 * dialled.
 */
static void
say_too_large(struct txns *t, struct mono now, struct steps *st,
    const struct ctxn *c)
{
	if (c->status != 0 || c->resend_ms != 2 * TIMER_T1_MS ||
	    c->request.len <= TXN_UDP_MAX || mono_before(now, t->large_said))
		return;
	t->large_said = mono_add_ms(now, TXN_LARGE_EACH_MS);
	steps_log(st, STEP_WARN, "request-over-mtu");
	steps_key_addr(st, "phone", &c->to.remote);
	steps_key_number(st, "bytes", c->request.len);
	steps_key_text(st, "advice", SPAN_LIT("no answer to a request too "
	    "large for one packet: a router loses its pieces; have this "
	    "phone use TCP or TLS"));
}

static void
resend_due(struct txns *t, struct mono now, struct steps *st, struct ctxn *c)
{
	uint32_t ms = c->resend_ms * 2;

	say_too_large(t, now, st, c);
	steps_send(st, &c->to, blob_span(&c->request));
	if (!c->is_invite && ms > TIMER_T2_MS)
		ms = TIMER_T2_MS;
	resend_in(t, now, c, ms);
}

void
ctxn_due(struct txns *t, struct mono now, struct steps *st,
    struct timer *timer)
{
	struct ctxn *c = timer->owner;

	if (timer->kind == TIMER_CTXN_RESEND) {
		resend_due(t, now, st, c);
		return;
	}
	timerq_cancel(t->timers, &c->resend);
	if (c->state <= CTXN_PROCEEDING && c->ops != NULL &&
	    c->ops->timeout != NULL)
		c->ops->timeout(t->edge, now, st, c);
	if (c->ops != NULL && c->ops->ended != NULL)
		c->ops->ended(t->edge, now, st, c);
	drop(t, c);
}
