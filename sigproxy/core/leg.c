#include <errno.h>
#include <sodium.h>

#include "common/base/secret.h"
#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/guard.h"
#include "sigproxy/core/keep.h"
#include "sigproxy/core/sips.h"
#include "sigproxy/core/trunks.h"

int
text_set(char *p, size_t cap, uint16_t *len, struct span s)
{
	if (s.len > cap)
		return -EMSGSIZE;
	if (s.len > 0)
		memcpy(p, s.p, s.len);
	*len = (uint16_t)s.len;
	return 0;
}

void
leg_make_token(char *token)
{
	char text[LEG_TOKEN_LEN + 1];
	uint8_t bytes[LEG_TOKEN_LEN * 3 / 4];

	secret_random(bytes, sizeof(bytes));
	sodium_bin2base64(text, sizeof(text), bytes, sizeof(bytes),
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	memcpy(token, text, LEG_TOKEN_LEN);
}

struct leg *
leg_new(struct calls *c, struct call *call)
{
	struct leg *leg;

	/* Each number that a call is redirected to has devices of its own,
	 * and the relay as many ends. */
	if (call->n_legs >= CALL_LEGS_MAX)
		return NULL;
	leg = pool_get(&c->legs);
	if (leg == NULL)
		return NULL;
	leg->call = call;
	leg->index = (uint8_t)call->n_legs;
	leg->can = CAN_REFER; /* without an Allow that says otherwise */
	leg->timer_c.kind = TIMER_CALL_BRANCH;
	leg->timer_c.owner = leg;
	leg->session.timer.kind = TIMER_CALL_SESSION;
	leg->session.timer.owner = leg;
	leg->move.timer.kind = TIMER_CALL_MOVE;
	leg->move.timer.owner = leg;
	leg->ear.timer.kind = TIMER_CALL_EAR;
	leg->ear.timer.owner = leg;
	leg_make_token(leg->token);
	secret_random(leg->seed, sizeof(leg->seed));
	htab_add(&c->by_token, &leg->node,
	    htab_hash(&c->by_token, leg->token, LEG_TOKEN_LEN));
	call->leg[call->n_legs++] = leg;
	return leg;
}

void
leg_rename(struct calls *c, struct leg *leg, struct span token)
{
	htab_del(&c->by_token, &leg->node);
	memcpy(leg->token, token.p, LEG_TOKEN_LEN);
	htab_add(&c->by_token, &leg->node,
	    htab_hash(&c->by_token, leg->token, LEG_TOKEN_LEN));
}

void
leg_free(struct edge *e, struct leg *leg)
{
	struct calls *c = e->calls;

	timerq_cancel(&e->timers, &leg->timer_c);
	session_stop(e, leg);
	farewell_drop(c, leg);
	move_stop(e, leg);
	ear_stop(e, leg);
	if (leg->invite != NULL)
		ctxn_detach(leg->invite);
	htab_del(&c->by_token, &leg->node);
	leg->call->leg[leg->index] = NULL;
	leg->call = NULL;
	secret_wipe(leg->seed, sizeof(leg->seed));
	secret_wipe(&leg->end, sizeof(leg->end));
	secret_wipe(&leg->media, sizeof(leg->media));
	secret_wipe(&leg->peer_media, sizeof(leg->peer_media));
	pool_put(&c->legs, leg);
}

struct leg *
leg_find(const struct calls *c, struct span token)
{
	struct htab_node *n;

	if (token.len != LEG_TOKEN_LEN)
		return NULL;
	n = htab_first(
	    &c->by_token, htab_hash(&c->by_token, token.p, token.len));
	for (; n != NULL; n = htab_next(n)) {
		struct leg *leg = HTAB_OF(n, struct leg, node);

		if (memcmp(leg->token, token.p, LEG_TOKEN_LEN) == 0)
			return leg;
	}
	return NULL;
}

const struct party *
leg_party(const struct leg *leg)
{
	return leg->index == 0 ? &leg->call->caller : &leg->call->called;
}

bool
leg_is_external(const struct leg *leg)
{
	return leg->flow.zone == ZONE_EXTERNAL;
}

/* A From or To of the phone as we shall write it to the phone: its own words,
 * without parameters, which it compares with nothing. */
static int
set_own_words(char *p, size_t cap, uint16_t *len, const struct sip_nameaddr *na)
{
	struct buf b;

	buf_init(&b, p, cap);
	build_nameaddr(&b, na->display, na->uri.all, SPAN_NONE, SPAN_NONE);
	*len = (uint16_t)b.len;
	return buf_err(&b);
}
#define SET_OWN_WORDS(t, na)                                                   \
	set_own_words((t)->p, sizeof((t)->p), &(t)->len, (na))

/* The Contact's URI; false when there is not exactly one usable. */
static bool
contact_of(const struct sip_msg *msg, struct span *uri_out)
{
	struct sip_values it = sip_values(msg, SIP_H_CONTACT);
	struct sip_contact c;
	struct span value;

	if (sip_values_next(&it, &value) != 0 ||
	    sip_contact_parse(value, &c) != 0 || c.is_star)
		return false;
	*uri_out = c.na.uri.all;
	return true;
}

/* The route set (12.1): as listed for the UAS, backwards for the UAC. */
static int
set_route(struct leg *leg, const struct sip_msg *msg, bool backwards)
{
	struct sip_values it = sip_values(msg, SIP_H_RECORD_ROUTE);
	struct span value[16];
	unsigned n = 0;
	struct buf b;

	while (n < 16 && sip_values_next(&it, &value[n]) == 0)
		n++;
	if (n == 16)
		return -EMSGSIZE;
	buf_init(&b, leg->route.p, sizeof(leg->route.p));
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			buf_puts(&b, ", ");
		build_value(&b, value[backwards ? n - 1 - i : i]);
	}
	leg->route.len = (uint16_t)b.len;
	return buf_err(&b);
}

int
leg_from_invite(
    struct leg *leg, const struct sip_msg *msg, const struct flow *from)
{
	struct span uri;

	leg->flow = *from;
	leg->state = LEG_CALLING;
	leg->remote_cseq = msg->cseq.number;
	leg->can = headers_can(msg, leg->can);
	if (!contact_of(msg, &uri))
		return -EBADMSG;
	if (TEXT_SET(&leg->target, uri) ||
	    TEXT_SET(&leg->call_id, msg->call_id) ||
	    TEXT_SET(&leg->tag, msg->from.tag) || set_route(leg, msg, false) ||
	    SET_OWN_WORDS(&leg->remote, &msg->from) ||
	    SET_OWN_WORDS(&leg->local, &msg->to))
		return -EMSGSIZE;
	return 0;
}

int
leg_learn(struct leg *leg, const struct sip_msg *answer)
{
	struct span uri;

	if (TEXT_SET(&leg->tag, answer->to.tag))
		return -EMSGSIZE;
	if (contact_of(answer, &uri) && TEXT_SET(&leg->target, uri))
		return -EMSGSIZE;
	leg->can = headers_can(answer, leg->can);
	return set_route(leg, answer, true);
}

void
leg_refresh(struct leg *leg, const struct sip_msg *msg)
{
	struct span uri;

	leg->can = headers_can(msg, leg->can);
	if (contact_of(msg, &uri))
		(void)TEXT_SET(&leg->target, uri);
}

/* Numbers end below 2**31 (8.1.1.5), and the last request, a BYE, is ours:
 * a phone that begins high or leaps does not use them up. */
#define CSEQ_FIRST_MAX (INT32_MAX / 2)
#define CSEQ_LEAP_MAX 1000

uint32_t
leg_cseq(struct leg *leg, uint32_t n)
{
	int64_t ours = n + leg->cseq_offset;
	int64_t most = leg->local_cseq == 0 ? CSEQ_FIRST_MAX :
	    (int64_t)leg->local_cseq + CSEQ_LEAP_MAX;

	if (ours <= leg->local_cseq || ours > most) {
		ours = (int64_t)leg->local_cseq + 1;
		leg->cseq_offset = ours - n;
	}
	leg->local_cseq = (uint32_t)ours;
	return leg->local_cseq;
}

static struct span
our_tag(const struct leg *leg)
{
	const struct call *call = leg->call;
	const struct leg *peer = leg->index != 0        ? call->leg[0]
				 : call->callee != NULL ? call->callee
							: call->early;

	return peer != NULL ? TEXT_SPAN(peer->tag) : SPAN_NONE;
}

static void
put_tagged(
    struct buf *b, enum sip_hdr_id id, struct span value, struct span tag)
{
	build_open(b, id);
	build_value(b, value);
	if (tag.len > 0) {
		buf_puts(b, ";tag=");
		build_value(b, tag);
	}
	build_close(b);
}

void
leg_put_start(const struct edge *e, struct buf *b, const struct leg *leg,
    const struct leg_start *s)
{
	build_request_line(b, s->method, TEXT_SPAN(leg->target));
	edge_put_via(e, &leg->flow, s->branch, b);
	build_hdr_u64(b, SIP_H_MAX_FORWARDS, s->max_forwards);
	if (leg->route.len > 0)
		build_hdr(b, SIP_H_ROUTE, TEXT_SPAN(leg->route));
	put_tagged(b, SIP_H_FROM, TEXT_SPAN(leg->local), s->our_tag);
	put_tagged(b, SIP_H_TO, TEXT_SPAN(leg->remote), TEXT_SPAN(leg->tag));
	build_hdr(b, SIP_H_CALL_ID, TEXT_SPAN(leg->call_id));
	build_cseq(b, s->cseq, s->method);
}

void
leg_put_contact(const struct edge *e, const struct leg *leg, struct buf *b)
{
	struct span token = span_make(leg->token, LEG_TOKEN_LEN);

	build_open(b, SIP_H_CONTACT);
	if (leg->flow.transport == TRANSPORT_TLS &&
	    sips_is(TEXT_SPAN(leg->target)))
		edge_put_sips(e, &leg->flow, token, b);
	else
		edge_put_contact(e, &leg->flow, token, b);
	build_close(b);
}

static void
put_request(const struct edge *e, struct buf *b, const struct leg *leg,
    const struct leg_start *s)
{
	leg_put_start(e, b, leg, s);
	leg_put_contact(e, leg, b);
}

void
leg_put_request(const struct edge *e, struct buf *b, const struct leg *leg,
    struct span method, uint32_t cseq, struct span branch, uint8_t max_forwards)
{
	const struct leg_start s = { method, cseq, branch, max_forwards,
		our_tag(leg) };

	put_request(e, b, leg, &s);
}

void
leg_put_request_as(const struct edge *e, struct buf *b, const struct leg *leg,
    const struct leg *as, struct span method, uint32_t cseq,
    struct span branch, uint8_t max_forwards)
{
	const struct leg_start s = { method, cseq, branch, max_forwards,
		TEXT_SPAN(as->tag) };

	put_request(e, b, leg, &s);
}

struct span
leg_branch_own(const struct edge *e, const struct leg *leg, const char *method,
    uint32_t cseq, char *mem)
{
	char text[512];
	struct buf id;

	buf_init(&id, text, sizeof(text));
	buf_put(&id, TEXT_SPAN(leg->call_id));
	buf_put(&id, TEXT_SPAN(leg->tag));
	buf_put_u64(&id, cseq);
	buf_puts(&id, method);
	return txn_branch_own(&e->txns, buf_span(&id), mem);
}

/* ACK and BYE. */
static void
put_own(const struct edge *e, struct buf *b, const struct leg *leg,
    const char *method, uint32_t cseq, struct span tag)
{
	char branch[BRANCH_LEN];
	struct leg_start s = { span_str(method), cseq, SPAN_NONE, 70, tag };

	s.branch = leg_branch_own(e, leg, method, cseq, branch);
	leg_put_start(e, b, leg, &s);
}

void
leg_ack(const struct ctx *x, struct leg *leg, uint32_t cseq, struct span sdp,
    struct blob *kept)
{
	leg_ack_typed(x, leg, cseq, SPAN_LIT("application/sdp"), sdp, kept);
}

void
leg_ack_typed(const struct ctx *x, struct leg *leg, uint32_t cseq,
    struct span type, struct span body, struct blob *kept)
{
	char mem[CALL_BYTES_MAX];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	put_own(x->e, &b, leg, "ACK", cseq, our_tag(leg));
	if (body.len > 0)
		build_hdr(&b, SIP_H_CONTENT_TYPE, type);
	build_end(&b, body);
	if (buf_err(&b))
		return;
	steps_send(x->st, &leg->flow, buf_span(&b));
	if (kept != NULL)
		(void)blob_set(&x->e->txns.blobs, kept, buf_span(&b));
}

#define BYE_END_MAX 64 /* Content-Length and the empty line */

/* Without room for its transaction it is sent once. */
static void
send_bye(const struct ctx *x, struct leg *leg, struct buf *b,
    const struct ctxn_ops *ops)
{
	build_end(b, SPAN_NONE);
	if (!buf_err(b) &&
	    ctxn_send(&x->e->txns, x->now, x->st, &leg->flow, buf_span(b), ops,
		ops != NULL ? leg : NULL, ops != NULL ? &leg->bye : NULL) != 0)
		steps_send(x->st, &leg->flow, buf_span(b));
}

void
leg_bye(const struct ctx *x, struct leg *leg, const char *reason,
    const struct sip_msg *cause, const struct leg *cause_from,
    const struct ctxn_ops *ops)
{
	char mem[CALL_BYTES_MAX];
	struct buf b;
	size_t bare;

	/* Room for the end of the message is left; what does not fit or
	 * cannot be passed stays behind, but the BYE goes. */
	buf_init(&b, mem, sizeof(mem) - BYE_END_MAX);
	put_own(x->e, &b, leg, "BYE", ++leg->local_cseq, our_tag(leg));
	bare = buf_err(&b) ? 0 : b.len;
	if (reason != NULL)
		build_hdr_str(&b, SIP_H_REASON, reason);
	if (cause != NULL)
		headers_pass(x->e, &b, cause, cause_from, leg);
	if (buf_err(&b) && bare > 0) {
		b.err = 0;
		b.len = bare;
	}
	b.cap = sizeof(mem);
	send_bye(x, leg, &b, ops);
}

/* Whose source is forged makes us send to a home that asked for nothing, and
 * keep a transaction for it: a few, then, from outside.  A phone that gets no
 * BYE repeats its 2xx, and in the end gives up by itself (13.3.1.4). */
static bool
may_hang_up(struct edge *e, struct mono now, const struct flow *from)
{
	return guard_allow(e->guard, now, &from->remote,
	    from->zone == ZONE_INTERNAL ? GUARD_STRANGER : GUARD_NAMELESS, 0);
}

/* Is this the dialog of an answer to our INVITE? */
static bool
is_answered_by(
    const struct leg *leg, const struct sip_msg *msg, const struct flow *from)
{
	return leg != NULL && leg->flow.zone == from->zone &&
	       addr_same_ip(&leg->flow.remote, &from->remote) &&
	       span_eq(TEXT_SPAN(leg->call_id), msg->call_id) &&
	       span_eq(TEXT_SPAN(leg->tag), msg->to.tag) &&
	       span_eq(our_tag(leg), msg->from.tag);
}

/* The leg of a running call whose phone repeats its 2xx, or NULL. */
static struct leg *
find_talking(
    const struct edge *e, const struct sip_msg *msg, const struct flow *from)
{
	struct calls *c = e->calls;

	for (uint32_t i = 0; i < c->pool.n; i++) {
		const struct call *call = pool_at(&c->pool, i);

		if (call->ticket == 0 || call->phase != CALL_TALKING)
			continue;
		for (unsigned k = 0; k < call->n_legs; k++)
			if (is_answered_by(call->leg[k], msg, from))
				return call->leg[k];
	}
	return NULL;
}

void
call_late_answer(struct edge *e, struct mono now, struct steps *st,
    const struct sip_msg *msg, const struct flow *from)
{
	const struct ctx x = { e, now, st };
	struct leg leg = { .flow = *from }, *talking;
	char mem[CALL_BYTES_MAX];
	struct buf b;

	if (msg->method != SIP_INVITE || msg->status < 200 ||
	    msg->status > 299 || msg->to.tag.len == 0 ||
	    msg->cseq.number == INT32_MAX ||
	    (from->zone == ZONE_EXTERNAL &&
		!keep_knows(e->keep, &from->remote) &&
		trunk_id_of(e, from) == 0))
		return;
	/* Its transaction was of the life before; the call goes on. */
	talking = find_talking(e, msg, from);
	if (talking != NULL) {
		leg_ack(&x, talking, msg->cseq.number, SPAN_NONE, NULL);
		return;
	}
	if (TEXT_SET(&leg.call_id, msg->call_id) ||
	    SET_OWN_WORDS(&leg.local, &msg->from) ||
	    SET_OWN_WORDS(&leg.remote, &msg->to) || leg_learn(&leg, msg) ||
	    leg.target.len == 0 || !may_hang_up(e, now, from))
		return;
	buf_init(&b, mem, sizeof(mem));
	put_own(e, &b, &leg, "ACK", msg->cseq.number, msg->from.tag);
	build_end(&b, SPAN_NONE);
	if (buf_err(&b))
		return;
	steps_send(st, from, buf_span(&b));
	buf_init(&b, mem, sizeof(mem));
	put_own(e, &b, &leg, "BYE", msg->cseq.number + 1, msg->from.tag);
	send_bye(&x, &leg, &b, NULL);
}
