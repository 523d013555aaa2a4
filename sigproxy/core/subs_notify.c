/* NOTIFY: what is told, when, and what its answer means (RFC 6665 4.2.2). */
#include <errno.h>

#include "sigproxy/core/conns.h"
#include "sigproxy/core/mwi.h"
#include "sigproxy/core/subs_priv.h"

#define MORE_MS 5	/* between batches */
#define ROOM_MS 1000	/* until a transaction may be free */

/* ---- who is to be looked at ---- */

static void
list_add(struct subs *s, struct sub *sub)
{
	if (sub->listed)
		return;
	sub->listed = true;
	sub->prev = s->listed_tail;
	sub->next_listed = NULL;
	if (s->listed_tail != NULL)
		s->listed_tail->next_listed = sub;
	else
		s->listed = sub;
	s->listed_tail = sub;
}

void
sub_unlist(struct subs *s, struct sub *sub)
{
	if (!sub->listed)
		return;
	sub->listed = false;
	if (sub->prev != NULL)
		sub->prev->next_listed = sub->next_listed;
	else
		s->listed = sub->next_listed;
	if (sub->next_listed != NULL)
		sub->next_listed->prev = sub->prev;
	else
		s->listed_tail = sub->prev;
}

void
sub_want(struct subs *s, struct sub *sub, bool forced)
{
	sub->wanted = true;
	sub->forced |= forced;
	list_add(s, sub);
}

void
sub_arm(struct edge *e, struct sub *sub)
{
	struct mono at = sub->expires;

	if (sub->wanted && sub->notify == NULL &&
	    conns_live(e->conns, &sub->leg.flow))
		at = mono_min(at, sub->next);
	timerq_set(&e->timers, &sub->timer, at);
}

/* ---- the request ---- */

static void
put_body(const struct edge *e, struct buf *b, const struct sub *sub,
    uint32_t version)
{
	if (sub->event == SUB_DIALOG)
		sub_put_dialogs(e, b, sub, version);
	else
		mwi_put(e, b, TEXT_SPAN(sub->number));
}

static void
put_event(struct buf *b, const struct sub *sub)
{
	build_open(b, SIP_H_EVENT);
	buf_puts(b, sub->event == SUB_DIALOG ? "dialog" : "message-summary");
	if (sub->event_id.len > 0) {
		buf_puts(b, ";id=");
		build_value(b, TEXT_SPAN(sub->event_id));
	}
	build_close(b);
}

/* reason NULL: it goes on. */
static void
put_state(const struct ctx *x, struct buf *b, const struct sub *sub,
    const char *reason)
{
	build_open(b, SIP_H_SUBSCRIPTION_STATE);
	if (reason == NULL) {
		buf_puts(b, "active;expires=");
		buf_put_u64(b, mono_ms_between(x->now, sub->expires) / 1000);
	} else {
		buf_puts(b, "terminated;reason=");
		buf_puts(b, reason);
	}
	build_close(b);
}

static void
put_head(const struct ctx *x, struct buf *b, const struct sub *sub,
    const char *reason)
{
	char branch[BRANCH_LEN], text[LEG_TOKEN_LEN + 16];
	struct leg_start start = { SPAN_LIT("NOTIFY"), sub->count + 1,
		SPAN_NONE, 70, span_make(sub->our_tag, TAG_LEN) };
	struct buf id;

	buf_init(&id, text, sizeof(text));
	buf_put(&id, span_make(sub->leg.token, LEG_TOKEN_LEN));
	buf_put_u64(&id, start.cseq);
	start.branch = txn_branch_own(&x->e->txns, buf_span(&id), branch);
	leg_put_start(x->e, b, &sub->leg, &start);
	leg_put_contact(x->e, &sub->leg, b);
	put_event(b, sub);
	put_state(x, b, sub, reason);
}

static void
put_notify(const struct ctx *x, struct buf *b, const struct sub *sub,
    const char *reason, struct span body)
{
	put_head(x, b, sub, reason);
	if (body.len > 0)
		build_hdr_str(b, SIP_H_CONTENT_TYPE,
		    sub->event == SUB_DIALOG ?
			"application/dialog-info+xml" :
			"application/simple-message-summary");
	build_end(b, body);
}

/* ---- the answer ---- */

/* RFC 6665 4.2.2, and a challenge: never answered, so it will not do. */
static bool
is_end(unsigned status)
{
	switch (status) {
	case 401:
	case 403:
	case 404:
	case 405:
	case 407:
	case 410:
	case 416:
	case 489:
	case 501:
	case 604:
		return true;
	default:
		return status >= 480 && status <= 485;
	}
}

static void
on_answered(const struct ctx *x, struct sub *sub, unsigned status)
{
	sub->fails = status < 300 ? 0 : (uint8_t)(sub->fails + 1);
	if (is_end(status) || sub->fails == SUB_FAILS_MAX) {
		sub_free(x, sub, "notify-refused");
		return;
	}
	if (status >= 300)
		sub->told = 0;
	if (sub->wanted)
		list_add(x->e->subs, sub);
}

static void
notify_response(struct edge *e, struct mono now, struct steps *st,
    struct ctxn *c, const struct sip_msg *msg)
{
	const struct ctx x = { e, now, st };
	struct sub *sub = c->owner;

	if (msg->status < 200)
		return;
	ctxn_detach(c);
	sub->notify = NULL;
	on_answered(&x, sub, msg->status);
}

static void
notify_timeout(struct edge *e, struct mono now, struct steps *st,
    struct ctxn *c)
{
	const struct ctx x = { e, now, st };
	struct sub *sub = c->owner;

	ctxn_detach(c);
	sub->notify = NULL;
	/* By a connection that is closed it comes back, and is told then. */
	if (conns_live(e->conns, &sub->leg.flow))
		sub_free(&x, sub, "notify-unanswered");
	else
		sub->wanted = sub->forced = true;
}

static void
notify_ended(struct edge *e, struct mono now, struct steps *st,
    struct ctxn *c)
{
	struct sub *sub = c->owner;

	sub->notify = NULL;
}

static const struct ctxn_ops notify_ops = {
	.response = notify_response,
	.timeout = notify_timeout,
	.ended = notify_ended,
};

/* ---- sending ---- */

/* Numbers are reserved ahead, so that not every NOTIFY is saved: the next
 * process goes on above them. */
static void
reserve(const struct ctx *x, struct sub *sub)
{
	if (sub->count >= sub->reserved)
		sub_save(x, sub);
}

static void
send(const struct ctx *x, struct sub *sub, uint64_t told)
{
	char mem[CALL_BYTES_MAX], body_mem[SUB_BODY_MAX];
	struct buf b, body;

	reserve(x, sub);
	buf_init(&body, body_mem, sizeof(body_mem));
	put_body(x->e, &body, sub, sub->count);
	buf_init(&b, mem, sizeof(mem));
	put_notify(x, &b, sub, NULL, buf_span(&body));
	if (buf_err(&body) || buf_err(&b)) {
		sub_free(x, sub, "notify-too-long");
		return;
	}
	sub->next = mono_add_ms(x->now, SUBS_PACE_MS);
	if (ctxn_send(&x->e->txns, x->now, x->st, &sub->leg.flow,
		buf_span(&b), &notify_ops, sub, &sub->notify) != 0) {
		sub->next = mono_add_ms(x->now, ROOM_MS);
		sub->forced = true;
		return;
	}
	sub->count++;
	sub->told = told;
	sub->wanted = sub->forced = false;
	x->e->subs->notifies++;
}

/* What would be told, without its version. */
static uint64_t
hash_body(const struct edge *e, const struct sub *sub)
{
	char mem[SUB_BODY_MAX];
	struct buf body;

	buf_init(&body, mem, sizeof(mem));
	put_body(e, &body, sub, 0);
	return htab_hash(&e->subs->by_token, body.p, body.len);
}

static void
consider(const struct ctx *x, struct sub *sub)
{
	struct edge *e = x->e;
	uint64_t id = sub->id, hash;

	if (sub->wanted && sub->notify == NULL &&
	    conns_live(e->conns, &sub->leg.flow) &&
	    mono_due(sub->next, x->now)) {
		hash = hash_body(e, sub);
		if (sub->forced || hash != sub->told)
			send(x, sub, hash);
		else
			sub->wanted = false;
	}
	if (sub->id == id)
		sub_arm(e, sub);
}

void
sub_notify_end(const struct ctx *x, struct sub *sub, const char *reason)
{
	char mem[CALL_BYTES_MAX], body_mem[SUB_BODY_MAX];
	struct buf b, body;

	if (!conns_live(x->e->conns, &sub->leg.flow))
		return;
	buf_init(&body, body_mem, sizeof(body_mem));
	/* Who lost the right is told no more. */
	if (strcmp(reason, SUB_TIMEOUT) == 0)
		put_body(x->e, &body, sub, sub->count);
	buf_init(&b, mem, sizeof(mem));
	put_notify(x, &b, sub, reason, buf_span(&body));
	if (buf_err(&body) || buf_err(&b))
		return;
	if (ctxn_send(&x->e->txns, x->now, x->st, &sub->leg.flow,
		buf_span(&b), NULL, NULL, NULL) != 0)
		steps_send(x->st, &sub->leg.flow, buf_span(&b));
	x->e->subs->notifies++;
}

static bool
is_crowded(const struct steps *st)
{
	return st->n > STEPS_MAX / 2 || st->mem_len > STEPS_BYTES / 2 ||
	    st->reg.len > st->reg.cap / 2;
}

void
subs_settle(struct edge *e, struct mono now, struct steps *st)
{
	const struct ctx x = { e, now, st };
	struct subs *s = e->subs;

	sub_save_rest(&x);
	/* What calls there are is known only then. */
	if (e->conf->wait_for_restore && !e->is_restored)
		return;
	while (s->listed != NULL && !is_crowded(st)) {
		struct sub *sub = s->listed;

		sub_unlist(s, sub);
		consider(&x, sub);
	}
	if (s->listed != NULL || (e->reg_up && (s->save_at < s->pool.n ||
	    mwi_is_waiting(e->mwi))))
		timerq_set(&e->timers, &s->timer, mono_add_ms(now, MORE_MS));
}
