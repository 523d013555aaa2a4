#include <errno.h>

#include "sigproxy/core/txn_server.h"
#include "sigproxy/sip/build.h"

static struct stxn *
find(const struct htab *table, const uint8_t id[TXN_ID_LEN])
{
	struct htab_node *n;

	for (n = htab_first(table, txn_id_hash(id)); n != NULL;
	     n = htab_next(n)) {
		struct stxn *s = HTAB_OF(n, struct stxn, node);

		if (memcmp(s->id, id, TXN_ID_LEN) == 0)
			return s;
	}
	return NULL;
}

struct stxn *
stxn_find(struct txns *t, const struct sip_msg *m, const struct flow *from)
{
	uint8_t id[TXN_ID_LEN];

	txn_id(t, m, from,
	    m->method == SIP_ACK ? SPAN_LIT("INVITE") : m->method_name, id);
	return find(&t->by_upstream, id);
}

struct stxn *
stxn_of_cancel(struct txns *t, const struct sip_msg *m,
    const struct flow *from)
{
	uint8_t id[TXN_ID_LEN];

	txn_id(t, m, from, SPAN_LIT("INVITE"), id);
	return find(&t->by_upstream, id);
}

bool
stxn_is_merged(struct txns *t, const struct sip_msg *m,
    const struct flow *from)
{
	uint8_t id[TXN_ID_LEN];
	struct htab_node *n;

	if (m->to.tag.len > 0)
		return false;
	txn_merge_id(t, m, from, id);
	for (n = htab_first(&t->by_merge, txn_id_hash(id)); n != NULL;
	     n = htab_next(n)) {
		if (memcmp(HTAB_OF(n, struct stxn, merge_node)->merge_id, id,
			TXN_ID_LEN) == 0)
			return true;
	}
	return false;
}

/* One home has a whole /64. */
static uint32_t
source_has(struct txns *t, const struct flow *from, uint32_t more)
{
	uint64_t h = htab_hash(&t->by_upstream, from->remote.ip,
	    from->remote.family == ADDR_IPV6 ? 8 : 4);
	uint32_t *a = &t->per_source[0][(uint32_t)h % TXN_SOURCES];
	uint32_t *b = &t->per_source[1][(h >> 32) % TXN_SOURCES];

	*a += more;
	*b += more;
	return *a < *b ? *a : *b;
}

/* The last quarter of the table, and of the memory for messages of this size,
 * is for sources that have little there: one phone, in a call of its own,
 * could shut out everybody. */
static bool
has_too_many(const struct txns *t, uint32_t has, size_t len)
{
	uint32_t share = t->servers.n / 16 > 16 ? t->servers.n / 16 : 16;

	return has >= share &&
	    (t->servers.used >= t->servers.n - t->servers.n / 4 ||
		blobs_are_short(&t->blobs, len));
}

int
stxn_new(struct txns *t, struct mono now, const struct sip_msg *m,
    struct span raw, const struct flow *from, const struct stxn_ops *ops,
    void *owner, struct stxn **out)
{
	struct stxn *s = NULL;
	int err;

	if (raw.len > BLOB_MAX)
		return -EMSGSIZE;
	if (!has_too_many(t, source_has(t, from, 0), raw.len))
		s = pool_get(&t->servers);
	if (s == NULL) {
		t->full++;
		return -ENOMEM;
	}
	err = blob_set(&t->blobs, &s->request, raw);
	if (err) {
		t->full++;
		pool_put(&t->servers, s);
		return err;
	}
	s->share = blobs_share(raw.len);
	(void)source_has(t, from, s->share);
	s->from = *from;
	s->to = reply_flow(m, from);
	s->ops = ops;
	s->owner = owner;
	s->is_invite = m->method == SIP_INVITE;
	s->resend.kind = TIMER_STXN_RESEND;
	s->end.kind = TIMER_STXN_END;
	s->resend.owner = s->end.owner = s;
	txn_id(t, m, from, m->method_name, s->id);
	htab_add(&t->by_upstream, &s->node, txn_id_hash(s->id));
	txn_merge_id(t, m, from, s->merge_id);
	htab_add(&t->by_merge, &s->merge_node, txn_id_hash(s->merge_id));
	timerq_set(t->timers, &s->end, mono_add_ms(now,
	    s->is_invite ? TIMER_INVITE_LIFE_MS : TIMER_64T1_MS));
	*out = s;
	return 0;
}

void
stxn_drop(struct txns *t, struct stxn *s)
{
	(void)source_has(t, &s->from, -s->share);
	timerq_cancel(t->timers, &s->resend);
	timerq_cancel(t->timers, &s->end);
	htab_del(&t->by_upstream, &s->node);
	htab_del(&t->by_merge, &s->merge_node);
	blob_drop(&t->blobs, &s->request);
	blob_drop(&t->blobs, &s->answer);
	pool_put(&t->servers, s);
}

static void
end(struct txns *t, struct mono now, struct steps *st, struct stxn *s)
{
	if (s->ops != NULL && s->ops->ended != NULL)
		s->ops->ended(t->edge, now, st, s);
	stxn_drop(t, s);
}

int
stxn_request(const struct stxn *s, struct sip_msg *out)
{
	return sip_parse(blob_span(&s->request), SIP_DATAGRAM, out, NULL);
}

void
stxn_resend(struct txns *t, struct steps *st, struct stxn *s)
{
	if (s->answer.p != NULL)
		steps_send(st, &s->to, blob_span(&s->answer));
}

static bool
is_udp(const struct stxn *s)
{
	return s->from.transport == TRANSPORT_UDP;
}

/* An ACK for a final non-2xx answer (17.2.1). */
static void
acked(struct txns *t, struct mono now, struct stxn *s)
{
	if (!s->is_invite || s->state != STXN_COMPLETED)
		return;
	s->state = STXN_CONFIRMED;
	timerq_cancel(t->timers, &s->resend);
	timerq_set(t->timers, &s->end,	/* timer I */
	    is_udp(s) ? mono_add_ms(now, TIMER_T4_MS) : now);
}

void
stxn_again(struct txns *t, struct mono now, struct steps *st, struct stxn *s,
    const struct sip_msg *m)
{
	t->absorbed++;
	if (m->method == SIP_ACK)
		acked(t, now, s);
	else if (s->state == STXN_PROCEEDING || s->state == STXN_COMPLETED)
		stxn_resend(t, st, s);
	/* Accepted: RFC 6026 7.1 absorbs; the call repeats its 2xx. */
}

void
stxn_cancel(struct txns *t, struct mono now, struct steps *st,
    struct stxn *s, const struct sip_msg *cancel, const struct flow *from)
{
	struct reply ok = { .status = 200 };
	struct flow to = reply_flow(cancel, from);
	struct buf b;

	buf_init(&b, t->scratch, sizeof(t->scratch));
	reply_build(t, &b, cancel, from, &ok);
	if (buf_err(&b) == 0)
		steps_send(st, &to, buf_span(&b));
	if (!s->is_invite || s->state > STXN_PROCEEDING || s->is_cancelled)
		return;
	s->is_cancelled = true;
	if (s->ops != NULL && s->ops->cancelled != NULL)
		s->ops->cancelled(t->edge, now, st, s, cancel);
	else
		stxn_status(t, now, st, s, 487);
}

struct flow
reply_flow(const struct sip_msg *m, const struct flow *from)
{
	struct flow to = *from;

	if (from->transport == TRANSPORT_UDP && from->zone == ZONE_INTERNAL &&
	    !m->via.has_rport && m->via.host.len > 0)
		to.remote.port = m->via.port != 0 ? m->via.port : 5060;
	return to;
}

void
reply_build(const struct txns *t, struct buf *b, const struct sip_msg *m,
    const struct flow *from, const struct reply *r)
{
	char mem[TAG_LEN];
	struct span tag = r->to_tag;

	if (r->status == 100)
		tag = SPAN_NONE;
	else if (tag.len == 0)
		tag = txn_tag(t, m, from, mem);
	build_response(b, m, r->status, r->reason, tag, &from->remote,
	    r->record_route ? BUILD_RECORD_ROUTE : 0);
	if (r->status == 100)
		build_copy(b, m, SIP_H_TIMESTAMP);	/* 8.2.6.1 */
	buf_put(b, r->headers);
	buf_put(b, r->optional);
	if (r->content_type.len > 0)
		build_hdr(b, SIP_H_CONTENT_TYPE, r->content_type);
	build_end(b, r->body);
}

/* State and timers after an answer went out (17.2.1, 17.2.2, RFC 6026). */
static void
answered(struct txns *t, struct mono now, struct stxn *s, unsigned status)
{
	if (status < 200) {
		s->state = STXN_PROCEEDING;
		return;
	}
	if (!s->is_invite) {
		s->state = STXN_COMPLETED;
		timerq_set(t->timers, &s->end,	/* timer J */
		    is_udp(s) ? mono_add_ms(now, TIMER_64T1_MS) : now);
		return;
	}
	if (status < 300) {
		if (s->state != STXN_ACCEPTED)	/* timer L */
			timerq_set(t->timers, &s->end,
			    mono_add_ms(now, TIMER_64T1_MS));
		s->state = STXN_ACCEPTED;
		return;
	}
	s->state = STXN_COMPLETED;
	timerq_set(t->timers, &s->end, mono_add_ms(now, TIMER_64T1_MS)); /* H */
	if (is_udp(s)) {
		s->resend_ms = TIMER_T1_MS;
		timerq_set(t->timers, &s->resend,	/* timer G */
		    mono_add_ms(now, s->resend_ms));
	}
}

int
stxn_respond(struct txns *t, struct mono now, struct steps *st,
    struct stxn *s, const struct reply *r)
{
	bool is_2xx = r->status >= 200 && r->status < 300;
	struct buf b;
	int err;

	if (s->state >= STXN_COMPLETED &&
	    !(s->state == STXN_ACCEPTED && is_2xx))
		return -EINVAL;
	err = stxn_request(s, &t->again);
	if (err)
		return err;
	buf_init(&b, t->scratch, sizeof(t->scratch));
	reply_build(t, &b, &t->again, &s->from, r);
	err = buf_err(&b);
	if (err)
		return err;
	s->status = (uint16_t)r->status;
	blob_set(&t->blobs, &s->answer, buf_span(&b));
	steps_send(st, &s->to, buf_span(&b));
	answered(t, now, s, r->status);
	return 0;
}

int
stxn_status(struct txns *t, struct mono now, struct steps *st,
    struct stxn *s, unsigned status)
{
	struct reply r = { .status = status };

	return stxn_respond(t, now, st, s, &r);
}

static void
resend_due(struct txns *t, struct mono now, struct steps *st, struct stxn *s)
{
	stxn_resend(t, st, s);
	s->resend_ms *= 2;
	if (s->resend_ms > TIMER_T2_MS)
		s->resend_ms = TIMER_T2_MS;
	timerq_set(t->timers, &s->resend, mono_add_ms(now, s->resend_ms));
}

void
stxn_due(struct txns *t, struct mono now, struct steps *st,
    struct timer *timer)
{
	struct stxn *s = timer->owner;

	if (timer->kind == TIMER_STXN_RESEND) {
		resend_due(t, now, st, s);
		return;
	}
	/* Forgotten by its owner: the caller shall not wait for ever. */
	if (s->is_invite && s->state <= STXN_PROCEEDING &&
	    stxn_status(t, now, st, s, 408) == 0)
		return;
	if (s->is_invite && s->state == STXN_COMPLETED && s->ops != NULL &&
	    s->ops->no_ack != NULL)
		s->ops->no_ack(t->edge, now, st, s);
	end(t, now, st, s);
}
