/* SUBSCRIBE: who may, for how long, and what becomes of it. */
#include <errno.h>
#include <stdlib.h>

#include "sigproxy/core/conns.h"
#include "sigproxy/core/subs_priv.h"

struct subs *
subs_new(uint32_t max)
{
	struct subs *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	if (pool_init(&s->pool, max, sizeof(struct sub)) ||
	    htab_init(&s->by_token, max) || htab_init(&s->by_number, max)) {
		subs_free(s);
		return NULL;
	}
	s->timer.kind = TIMER_SUBS;
	s->save_at = max;
	return s;
}

void
subs_free(struct subs *s)
{
	if (s == NULL)
		return;
	pool_clear(&s->pool);
	htab_clear(&s->by_token);
	htab_clear(&s->by_number);
	free(s);
}

size_t
subs_timers(uint32_t max)
{
	return (size_t)max + 1;
}

static uint64_t
number_hash(const struct subs *s, enum sub_event event, struct span number)
{
	char key[1 + 32];
	size_t len = number.len < 32 ? number.len : 32;

	key[0] = (char)event;
	if (len > 0)
		memcpy(key + 1, number.p, len);
	return htab_hash(&s->by_number, key, 1 + len);
}

void
sub_enter(struct subs *s, struct sub *sub)
{
	sub->timer.kind = TIMER_SUB;
	sub->timer.owner = sub;
	htab_add(&s->by_token, &sub->by_token,
	    htab_hash(&s->by_token, sub->leg.token, LEG_TOKEN_LEN));
	htab_add(&s->by_number, &sub->by_number,
	    number_hash(s, sub->event, TEXT_SPAN(sub->number)));
}

struct sub *
sub_find(const struct subs *s, struct span token)
{
	struct htab_node *n;

	if (token.len != LEG_TOKEN_LEN)
		return NULL;
	n = htab_first(&s->by_token, htab_hash(&s->by_token, token.p,
	    token.len));
	for (; n != NULL; n = htab_next(n)) {
		struct sub *sub = HTAB_OF(n, struct sub, by_token);

		if (memcmp(sub->leg.token, token.p, LEG_TOKEN_LEN) == 0)
			return sub;
	}
	return NULL;
}

/* The first from n on that is of it, or NULL. */
static struct sub *
of_number(struct htab_node *n, enum sub_event event, struct span number)
{
	for (; n != NULL; n = htab_next(n)) {
		struct sub *sub = HTAB_OF(n, struct sub, by_number);

		if (sub->event == event &&
		    span_eq(TEXT_SPAN(sub->number), number))
			return sub;
	}
	return NULL;
}

static struct sub *
first_of(const struct subs *s, enum sub_event event, struct span number)
{
	if (s->pool.used == 0 || number.len == 0)
		return NULL;
	return of_number(htab_first(&s->by_number,
		number_hash(s, event, number)), event, number);
}

void
subs_touch(struct edge *e, enum sub_event event, struct span number)
{
	struct sub *sub = first_of(e->subs, event, number);

	for (; sub != NULL;
	     sub = of_number(htab_next(&sub->by_number), event, number))
		sub_want(e->subs, sub, false);
}

bool
subs_has(const struct subs *s, enum sub_event event, struct span number)
{
	return first_of(s, event, number) != NULL;
}

/* ---- how it ends ---- */

static void
say_gone(const struct ctx *x, uint64_t id)
{
	struct ipc_sub_gone gone = { id };

	if (id != 0)
		STEPS_ASK(x->st, &x->st->reg, SUB_GONE, sub_gone, &gone);
}

void
sub_free(const struct ctx *x, struct sub *sub, const char *why)
{
	struct subs *s = x->e->subs;

	steps_log(x->st, STEP_DEBUG, "subscription-ended");
	steps_key_text(x->st, "watcher", TEXT_SPAN(sub->watcher));
	steps_key_text(x->st, "number", TEXT_SPAN(sub->number));
	steps_key_text(x->st, "why", span_str(why));
	say_gone(x, sub->id);
	sub_unlist(s, sub);
	timerq_cancel(&x->e->timers, &sub->timer);
	if (sub->notify != NULL)
		ctxn_detach(sub->notify);
	htab_del(&s->by_token, &sub->by_token);
	htab_del(&s->by_number, &sub->by_number);
	sub->id = 0;
	pool_put(&s->pool, sub);
	s->ended++;
}

void
sub_end(const struct ctx *x, struct sub *sub, const char *reason)
{
	sub_notify_end(x, sub, reason);
	sub_free(x, sub, reason);
}

/* ---- what is asked for ---- */

struct wish {
	enum sub_event event;
	struct span id;
	uint32_t expires_s;
};

enum sub_event
subs_event_of(const struct sip_msg *m, struct span *id_out)
{
	struct sip_param id;
	struct sip_word event;

	*id_out = SPAN_NONE;
	if (sip_word_parse(sip_value(m, SIP_H_EVENT), &event) != 0)
		return SUB_NONE;
	if (sip_param_find(event.params, "id", &id) == 0)
		*id_out = id.value;
	if (span_caseeq(event.word, SPAN_LIT("dialog")))
		return SUB_DIALOG;
	if (span_caseeq(event.word, SPAN_LIT("message-summary")))
		return SUB_MWI;
	return SUB_NONE;
}

/* Does one Accept value take it (RFC 3261 20.1)? */
static bool
takes(struct span value, struct span subtype)
{
	struct sip_media_type t;

	if (sip_media_type_parse(value, &t) != 0)
		return false;
	if (span_eq(t.type, SPAN_LIT("*")))
		return true;
	return span_caseeq(t.type, SPAN_LIT("application")) &&
	    (span_eq(t.subtype, SPAN_LIT("*")) ||
		span_caseeq(t.subtype, subtype));
}

static bool
is_acceptable(const struct sip_msg *m, enum sub_event event)
{
	struct span subtype = event == SUB_DIALOG ?
	    SPAN_LIT("dialog-info+xml") : SPAN_LIT("simple-message-summary");
	struct sip_values it = sip_values(m, SIP_H_ACCEPT);
	struct span value;

	if (!sip_has(m, SIP_H_ACCEPT))
		return true;
	while (sip_values_next(&it, &value) == 0)
		if (takes(value, subtype))
			return true;
	return false;
}

/* 0, or the status that refuses it. */
static unsigned
read_wish(const struct sip_msg *m, struct wish *out)
{
	struct span value = sip_value(m, SIP_H_EXPIRES);

	out->event = subs_event_of(m, &out->id);
	if (out->event == SUB_NONE)
		return 489;
	if (out->id.len > SUB_EVENT_ID_MAX)
		return 400;
	if (!is_acceptable(m, out->event))
		return 406;
	/* 20.19: a malformed value counts as 3600. */
	if (value.len == 0 || sip_delta_parse(value, &out->expires_s) != 0)
		out->expires_s = SUBS_EXPIRES_MAX_S;
	if (out->expires_s > 0 && out->expires_s < SUBS_EXPIRES_MIN_S)
		return 423;
	return 0;
}

static struct span
refusal_headers(unsigned status)
{
	switch (status) {
	case 489:
		return SPAN_LIT("Allow-Events: " SUBS_EVENTS "\r\n");
	case 406:
		return SPAN_LIT("Accept: application/dialog-info+xml, "
				"application/simple-message-summary\r\n");
	case 423:
		return SPAN_LIT("Min-Expires: 60\r\n");
	default:
		return SPAN_NONE;
	}
}

/* False: it was refused. */
static bool
may_go_on(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in, struct wish *out)
{
	struct reply r = { .status = read_wish(in->msg, out) };

	if (r.status == 0)
		return true;
	r.headers = refusal_headers(r.status);
	if (edge_may_answer(e, now, in))
		edge_answer(e, now, st, in, &r);
	return false;
}

void
subs_request(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in)
{
	struct wish wish;

	if (may_go_on(e, now, st, in, &wish))
		auth_require(e, now, st, in, AUTH_CALL);
}

static struct sub *
find_dialog(const struct edge *e, const struct sip_msg *m, uint8_t zone)
{
	struct sub *sub = sub_find(e->subs, m->ruri.user);

	if (sub == NULL || sub->leg.flow.zone != zone ||
	    !span_eq(TEXT_SPAN(sub->leg.call_id), m->call_id) ||
	    !span_eq(TEXT_SPAN(sub->leg.tag), m->from.tag) ||
	    !span_eq(span_make(sub->our_tag, TAG_LEN), m->to.tag))
		return NULL;
	return sub;
}

void
subs_in_dialog(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in)
{
	struct wish wish;

	if (find_dialog(e, in->msg, in->from->zone) == NULL)
		edge_refuse_status(e, now, st, in, 481);
	else if (may_go_on(e, now, st, in, &wish))
		auth_require(e, now, st, in, AUTH_OTHER);
}

/* ---- after the oracle's word ---- */

static void
refuse(const struct ctx *x, struct stxn *t, unsigned status,
    struct span headers)
{
	struct reply r = { .status = status, .headers = headers };

	x->e->subs->refused++;
	t->ops = NULL;
	(void)stxn_respond(&x->e->txns, x->now, x->st, t, &r);
}

static uint32_t
granted_s(const struct flow *flow, uint32_t asked_s)
{
	uint32_t most = flow->zone == ZONE_EXTERNAL &&
		flow->transport == TRANSPORT_UDP ?
	    SUBS_EXPIRES_NATED_S : SUBS_EXPIRES_MAX_S;

	return asked_s < most ? asked_s : most;
}

static void
accept(const struct ctx *x, struct sub *sub, struct stxn *t,
    uint32_t expires_s)
{
	char mem[512];
	struct reply r = { .status = 200, .record_route = true,
		.to_tag = span_make(sub->our_tag, TAG_LEN) };
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	build_hdr_u64(&b, SIP_H_EXPIRES, expires_s);
	leg_put_contact(x->e, &sub->leg, &b);
	r.headers = buf_span(&b);
	t->ops = NULL;
	(void)stxn_respond(&x->e->txns, x->now, x->st, t, &r);
}

/* Granted, or asked to end: what both the first SUBSCRIBE and later ones
 * do. */
static void
go_on(const struct ctx *x, struct sub *sub, struct stxn *t,
    uint32_t asked_s)
{
	uint32_t expires_s = granted_s(&t->from, asked_s);

	sub->expires = mono_add_ms(x->now, expires_s * UINT64_C(1000));
	if (expires_s > 0)
		sub_save(x, sub);
	accept(x, sub, t, expires_s);
	if (expires_s == 0) {
		sub_end(x, sub, SUB_TIMEOUT);
		return;
	}
	sub_want(x->e->subs, sub, true);
	sub_arm(x->e, sub);
}

/* ---- a new one ---- */

/* The same phone with the same key, started anew. */
static bool
is_replaced(const struct sub *old, const struct sub *by)
{
	return old->event == by->event &&
	    span_eq(TEXT_SPAN(old->number), TEXT_SPAN(by->number)) &&
	    span_eq(TEXT_SPAN(old->event_id), TEXT_SPAN(by->event_id)) &&
	    span_eq(TEXT_SPAN(old->leg.target), TEXT_SPAN(by->leg.target)) &&
	    old->leg.flow.zone == by->leg.flow.zone &&
	    addr_same_ip(&old->leg.flow.remote, &by->leg.flow.remote);
}

/* One watcher's share of the table; the last quarter is for those who have
 * few, or a stolen password could shut out everybody. */
static bool
has_too_many(const struct subs *s, uint32_t his)
{
	uint32_t share = s->pool.n / 16 > 8 ? s->pool.n / 16 : 8;

	return his >= SUBS_EACH_MAX ||
	    (s->pool.used >= s->pool.n - s->pool.n / 4 && his >= share);
}

/* Forgets what `by` replaces.  Gives: how many its watcher has. */
static uint32_t
count_his(const struct ctx *x, const struct sub *by)
{
	struct subs *s = x->e->subs;
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->pool.n; i++) {
		struct sub *sub = pool_at(&s->pool, i);

		if (sub->id == 0 ||
		    !span_eq(TEXT_SPAN(sub->watcher), TEXT_SPAN(by->watcher)))
			continue;
		if (is_replaced(sub, by))
			sub_free(x, sub, "replaced");
		else
			n++;
	}
	return n;
}

/* Errors: -EBADMSG, -EMSGSIZE. */
static int
fill(const struct ctx *x, struct sub *sub, const struct stxn *t,
    const struct sip_msg *msg, const struct ipc_auth_say *say)
{
	int err = leg_from_invite(&sub->leg, msg, &t->from);

	if (err)
		return err;
	if (TEXT_SET(&sub->watcher, say->caller.number) ||
	    TEXT_SET(&sub->number, say->called.number))
		return -EMSGSIZE;
	sub->show = say->show;
	leg_make_token(sub->leg.token);
	(void)txn_tag(&x->e->txns, msg, &t->from, sub->our_tag);
	return 0;
}

static void
log_begun(const struct ctx *x, const struct sub *sub)
{
	steps_log(x->st, STEP_DEBUG, "subscription-begun");
	steps_key_text(x->st, "watcher", TEXT_SPAN(sub->watcher));
	steps_key_text(x->st, "number", TEXT_SPAN(sub->number));
	steps_key_text(x->st, "event", sub->event == SUB_DIALOG ?
		SPAN_LIT("dialog") : SPAN_LIT("message-summary"));
	steps_key_addr(x->st, "from", &sub->leg.flow.remote);
}

static void
begin(const struct ctx *x, struct stxn *t, const struct sip_msg *msg,
    const struct ipc_auth_say *say, const struct wish *wish)
{
	static struct sub new;
	struct subs *s = x->e->subs;
	struct sub *sub = NULL;
	int err;

	memset(&new, 0, sizeof(new));
	new.event = wish->event;
	(void)TEXT_SET(&new.event_id, wish->id);
	err = fill(x, &new, t, msg, say);
	if (err) {
		say_gone(x, say->ticket);
		refuse(x, t, err == -EMSGSIZE ? 513 : 400, SPAN_NONE);
		return;
	}
	if (!has_too_many(s, count_his(x, &new)))
		sub = pool_get(&s->pool);
	if (sub == NULL) {
		say_gone(x, say->ticket);
		refuse(x, t, 480, SPAN_LIT("Reason: SIP;cause=503;"
		    "text=\"Too many subscriptions\"\r\n"));
		return;
	}
	*sub = new;
	sub->id = say->ticket;
	sub_enter(s, sub);
	s->begun++;
	log_begun(x, sub);
	go_on(x, sub, t, wish->expires_s);
}

/* A lamp is for one's own mailbox; a line key needs the right to see. */
static bool
may_have(const struct ipc_auth_say *say, enum sub_event event)
{
	if (event == SUB_MWI)
		return span_eq(say->caller.number, say->called.number);
	return say->show != WATCH_NOTHING;
}

/* ---- a later one ---- */

static void
move(const struct ctx *x, struct sub *sub, const struct flow *to)
{
	struct flow was = sub->leg.flow;

	if (flow_eq(&was, to))
		return;
	steps_log(x->st, STEP_INFO, "subscription-moved");
	steps_key_text(x->st, "watcher", TEXT_SPAN(sub->watcher));
	steps_key_text(x->st, "number", TEXT_SPAN(sub->number));
	steps_key_addr(x->st, "from", &was.remote);
	steps_key_addr(x->st, "to", &to->remote);
	sub->leg.flow = *to;
	/* What is under way there would not be answered. */
	if (sub->notify != NULL)
		ctxn_detach(sub->notify);
	sub->notify = NULL;
}

static void
again(const struct ctx *x, struct stxn *t, const struct sip_msg *msg,
    const struct ipc_auth_say *say, const struct wish *wish)
{
	struct sub *sub = find_dialog(x->e, msg, t->from.zone);

	if (sub == NULL || sub->event != wish->event ||
	    !span_eq(TEXT_SPAN(sub->event_id), wish->id)) {
		refuse(x, t, 481, SPAN_NONE);
	} else if (!span_eq(TEXT_SPAN(sub->watcher), say->caller.number)) {
		refuse(x, t, 403, SPAN_NONE);
	} else if (msg->cseq.number <= sub->leg.remote_cseq) {
		refuse(x, t, 500, SPAN_LIT("Retry-After: 1\r\n"));
	} else {
		sub->leg.remote_cseq = msg->cseq.number;
		leg_refresh(&sub->leg, msg);
		move(x, sub, &t->from);
		go_on(x, sub, t, wish->expires_s);
	}
}

void
subs_authorised(struct edge *e, struct mono now, struct steps *st,
    struct stxn *t, const struct sip_msg *msg, const struct ipc_auth_say *say)
{
	const struct ctx x = { e, now, st };
	struct wish wish;
	unsigned status = read_wish(msg, &wish);

	if (status != 0) {	/* it was fine when it came */
		say_gone(&x, say->ticket);
		refuse(&x, t, status, refusal_headers(status));
	} else if (msg->to.tag.len > 0) {
		again(&x, t, msg, say, &wish);
	} else if (say->ticket == 0 || !may_have(say, wish.event)) {
		say_gone(&x, say->ticket);
		refuse(&x, t, 403, SPAN_NONE);
	} else {
		begin(&x, t, msg, say, &wish);
	}
}

/* ---- connections, timers, status ---- */

static bool
is_back(const struct edge *e, const struct sub *sub, struct span number,
    const struct flow *flow, const struct uri *contact)
{
	struct uri target;

	return sub->id != 0 && sub->leg.flow.zone == flow->zone &&
	    !conns_live(e->conns, &sub->leg.flow) &&
	    span_eq(TEXT_SPAN(sub->watcher), number) &&
	    uri_parse(TEXT_SPAN(sub->leg.target), &target) == 0 &&
	    uri_same_user(&target, contact) && uri_same_host(&target, contact);
}

void
subs_phone_back(struct edge *e, struct mono now, struct steps *st,
    struct span number, const struct flow *flow, struct span contact)
{
	const struct ctx x = { e, now, st };
	struct uri uri;

	if (e->subs->pool.used == 0 || uri_parse(contact, &uri) != 0)
		return;
	for (uint32_t i = 0; i < e->subs->pool.n; i++) {
		struct sub *sub = pool_at(&e->subs->pool, i);

		if (!is_back(e, sub, number, flow, &uri))
			continue;
		move(&x, sub, flow);
		sub_save(&x, sub);
		sub_want(e->subs, sub, true);
	}
}

void
subs_due(struct edge *e, struct mono now, struct steps *st,
    struct timer *timer)
{
	const struct ctx x = { e, now, st };
	struct sub *sub = timer->owner;

	if (timer->kind == TIMER_SUBS)
		return;		/* edge_tick() settles in the end */
	if (mono_due(sub->expires, now)) {
		sub_end(&x, sub, SUB_TIMEOUT);
		return;
	}
	sub_want(e->subs, sub, false);
}

void
subs_status(const struct subs *s, struct buf *json)
{
	buf_fmt(json,
	    "\"subscriptions\":%u,\"subscriptions_max\":%u,"
	    "\"subscriptions_begun\":%llu,\"subscriptions_refused\":%llu,"
	    "\"subscriptions_restored\":%llu,\"notifies\":%llu",
	    s->pool.used, s->pool.n, (unsigned long long)s->begun,
	    (unsigned long long)s->refused, (unsigned long long)s->restored,
	    (unsigned long long)s->notifies);
}
