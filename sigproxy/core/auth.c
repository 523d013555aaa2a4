#include <errno.h>
#include <stdlib.h>

#include "common/codec/tel.h"
#include "sigproxy/core/auth_priv.h"
#include "sigproxy/core/call.h"
#include "sigproxy/core/creds.h"
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/message.h"
#include "sigproxy/core/mwi.h"
#include "sigproxy/core/regclient.h"
#include "sigproxy/core/registrar.h"
#include "sigproxy/core/report.h"
#include "sigproxy/core/subs.h"
#include "sigproxy/core/trunk_call.h"
#include "sigproxy/core/urgent.h"

#define PUMP_MS 5		/* between batches of waiting questions */
#define QUESTION_MAX 6144	/* bytes of the largest frame */
#define SOURCE_QUESTIONS 1024	/* of one address at once */

struct auth *
auth_new(struct timerq *timers, uint32_t max_questions)
{
	struct auth *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->timers = timers;
	a->timer.kind = TIMER_NONCES;
	a->last = &a->first;
	a->nonces = nonces_new(AUTH_STOCK);
	a->digest = digest_new();
	if (a->nonces == NULL || a->digest == NULL ||
	    pool_init(&a->questions, max_questions,
		sizeof(struct auth_question)) != 0 ||
	    htab_init(&a->by_id, max_questions) != 0) {
		auth_free(a);
		return NULL;
	}
	return a;
}

void
auth_free(struct auth *a)
{
	if (a == NULL)
		return;
	htab_clear(&a->by_id);
	pool_clear(&a->questions);
	digest_free(a->digest);
	nonces_free(a->nonces);
	free(a);
}

uint32_t
auth_timers(uint32_t max_questions)
{
	return max_questions + 1;
}

/* ---- questions ---- */

static uint16_t *
source_slot(struct auth *a, const struct addr *from)
{
	/* One home has a whole /64. */
	uint64_t h = htab_hash(&a->by_id, from->ip,
	    from->family == ADDR_IPV6 ? 8 : 4);

	return &a->per_source[h % SOURCE_SLOTS];
}

static void
list_add(struct auth *a, struct auth_question *q)
{
	q->next = NULL;
	q->link = a->last;
	*a->last = q;
	a->last = &q->next;
}

static void
list_del(struct auth *a, struct auth_question *q)
{
	*q->link = q->next;
	if (q->next != NULL)
		q->next->link = q->link;
	else
		a->last = q->link;
}

static void
question_drop(struct auth *a, struct auth_question *q)
{
	uint16_t *pending = source_slot(a, &q->stxn->from.remote);

	q->stxn->ops = NULL;
	q->stxn->owner = NULL;
	*pending -= *pending > 0;
	a->n_unasked -= !q->is_asked;
	timerq_cancel(a->timers, &q->deadline);
	htab_del(&a->by_id, &q->node);
	list_del(a, q);
	pool_put(&a->questions, q);
}

static void
on_cancelled(struct edge *e, struct mono now, struct steps *st,
    struct stxn *s, const struct sip_msg *cancel)
{
	question_drop(e->auth, s->owner);
	stxn_status(&e->txns, now, st, s, 487);
}

static void
on_ended(struct edge *e, struct mono now, struct steps *st, struct stxn *s)
{
	question_drop(e->auth, s->owner);
}

static const struct stxn_ops question_ops = {
	.cancelled = on_cancelled,
	.ended = on_ended,
};

static int
put_register(struct steps *st, const struct auth_question *q,
    const struct sip_msg *m, const struct creds *c)
{
	struct ipc_reg_ask ask = { .id = q->id };
	char user[URI_USER_MAX];
	int err;

	err = registrar_ask(m, &q->stxn->from, user, &ask);
	if (err)
		return err;
	ask.flow = flow_to_ipc(&q->stxn->from);
	ask.digest = c->digest;
	STEPS_ASK(st, &st->reg, REG_ASK, reg_ask, &ask);
	return 0;
}

static int
put_other(struct steps *st, const struct auth_question *q,
    const struct sip_msg *m, const struct creds *c)
{
	struct ipc_auth_ask ask = { .id = q->id };
	char user[URI_USER_MAX];

	/* A From without a user (anonymous) is fine. */
	if (tel_number(&m->from.uri, user, &ask.from_user) != 0)
		ask.from_user = SPAN_NONE;
	if (!creds_text_ok(ask.from_user, 64) ||
	    !creds_text_ok(m->call_id, 256))
		return -EBADMSG;
	ask.flow = flow_to_ipc(&q->stxn->from);
	ask.digest = c->digest;
	ask.call_id = m->call_id;
	ask.want = q->purpose == AUTH_CALL;
	STEPS_ASK(st, &st->reg, AUTH_ASK, auth_ask, &ask);
	return 0;
}

/* What it writes may be any bytes: who is nobody it knows. */
static int
put_trunk_call(struct edge *e, struct steps *st, const struct auth_question *q,
    const struct sip_msg *m)
{
	struct trunk *t = trunk_of(e->trunks, &q->stxn->from);
	struct ipc_trunk_call_ask ask = { .id = q->id };
	struct trunk_caller who;
	char user[URI_USER_MAX];

	if (t == NULL || !creds_text_ok(m->call_id, 256))
		return -EBADMSG;
	if (regclient_called(e->regs, t->id, m, user, &ask.called) != 0 ||
	    !creds_text_ok(ask.called, 64))
		ask.called = SPAN_NONE;
	trunk_read_caller(t, m, &who);
	t->calls_in++;
	ask.trunk = t->id;
	ask.flow = flow_to_ipc(&q->stxn->from);
	ask.caller = who.number;
	ask.name = who.name;
	ask.call_id = m->call_id;
	STEPS_ASK(st, &st->reg, TRUNK_CALL_ASK, trunk_call_ask, &ask);
	return 0;
}

static int
put_signed(struct edge *e, struct steps *st, struct auth_question *q,
    const struct sip_msg *m, struct creds *c)
{
	int err = c == NULL ? -EBADMSG :
	    creds_hash_body(c, e->auth->digest, m->body);

	if (err)
		return err;
	return q->purpose == AUTH_REGISTER ? put_register(st, q, m, c) :
	    put_other(st, q, m, c);
}

/* Put the question to registrar-db; a trunk's is without credentials.
 * Errors: -EBADMSG, -E2BIG. */
static int
put_question(struct edge *e, struct steps *st, struct auth_question *q,
    const struct sip_msg *m, struct creds *c)
{
	int err = q->purpose == AUTH_TRUNK ? put_trunk_call(e, st, q, m) :
	    put_signed(e, st, q, m, c);

	if (err)
		return err;
	e->auth->n_unasked -= !q->is_asked;
	q->is_asked = true;
	e->auth->asked++;
	return 0;
}

static bool
has_room(const struct steps *st)
{
	return st->reg.cap - st->reg.len >= QUESTION_MAX;
}

/* Put what waits, as much as fits at once. */
static void
pump(struct edge *e, struct mono now, struct steps *st)
{
	struct auth *a = e->auth;
	struct auth_question *next;
	struct creds c;

	if (!e->reg_up)
		return;
	for (struct auth_question *q = a->first;
	     q != NULL && a->n_unasked > 0; q = next) {
		next = q->next;
		if (q->is_asked)
			continue;
		if (!has_room(st)) {
			auth_wake(a, mono_add_ms(now, PUMP_MS));
			return;
		}
		timerq_set(a->timers, &q->deadline, mono_add_ms(now,
		    q->purpose == AUTH_REGISTER ? AUTH_REGISTER_MS :
		    AUTH_OTHER_MS));
		if (stxn_request(q->stxn, &e->stored) == 0 &&
		    (q->purpose == AUTH_TRUNK ||
			urgent_creds(e, &e->stored, &q->stxn->from, &c) == 0))
			put_question(e, st, q, &e->stored, &c);
	}
}

static struct auth_question *
question_new(struct auth *a, struct stxn *s, enum auth_purpose purpose)
{
	uint16_t *pending = source_slot(a, &s->from.remote);
	struct auth_question *q;

	q = *pending < SOURCE_QUESTIONS ? pool_get(&a->questions) : NULL;
	if (q == NULL)
		return NULL;
	++*pending;
	q->stxn = s;
	q->purpose = purpose;
	q->id = a->next_id++;
	q->deadline.kind = TIMER_AUTH;
	q->deadline.owner = q;
	htab_add(&a->by_id, &q->node, q->id);
	list_add(a, q);
	a->n_unasked++;
	s->ops = &question_ops;
	s->owner = q;
	return q;
}

/* Begin the transaction and its question.  The source has proved that it
 * receives: every answer from here on may be repeated. */
static void
ask(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in, struct creds *c, enum auth_purpose purpose)
{
	struct auth *a = e->auth;
	struct auth_question *q;
	struct stxn *s;
	int err;

	err = stxn_new(&e->txns, now, in->msg, in->raw, in->from, NULL, NULL,
	    &s);
	if (err) {
		edge_refuse_status(e, now, st, in,
		    err == -EMSGSIZE ? 513 : 500);
		return;
	}
	q = question_new(a, s, purpose);
	if (q == NULL) {
		auth_refuse(e, now, st, s, VERDICT_BUSY, 0, 0, SPAN_NONE);
		return;
	}
	/* No 100 yet: the caller would stop repeating its INVITE, and nothing
	 * of it outlives us before the first checkpoint. */
	timerq_set(a->timers, &q->deadline, mono_add_ms(now,
	    !e->reg_up ? AUTH_RETURN_MS :
	    purpose == AUTH_REGISTER ? AUTH_REGISTER_MS : AUTH_OTHER_MS));
	if (!e->reg_up)
		return;
	if (!has_room(st)) {
		auth_wake(a, mono_add_ms(now, PUMP_MS));
		return;
	}
	err = put_question(e, st, q, in->msg, c);
	if (err) {
		question_drop(a, q);
		auth_refuse(e, now, st, s,
		    err == -E2BIG ? VERDICT_FORBIDDEN : VERDICT_BAD, 0, 0,
		    SPAN_NONE);
	}
}

/* The oracle takes method and called number from the digest's own uri: it
 * must be the one the request is for, or an answer for one number would buy
 * a call to another. */
static bool
is_meant(const struct edge *e, const struct sip_msg *m,
    const struct creds *c, enum auth_purpose purpose)
{
	if (purpose == AUTH_REGISTER)
		return edge_is_our_host(e, c->uri.host);
	if (purpose == AUTH_CALL && m->ruri.scheme == URI_OTHER)
		return span_caseeq(c->uri.all, m->ruri.all);
	if (purpose == AUTH_CALL)
		return c->uri.has_user || m->ruri.has_user ?
		    tel_same_number(&c->uri, &m->ruri) : true;
	return true;
}

static void
refuse_hidden_user(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in)
{
	struct reply r = { .status = 400,
		.reason = "Username Must Be Plain" };

	if (edge_may_answer(e, now, in))
		edge_answer(e, now, st, in, &r);
}

void
auth_require(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in, enum auth_purpose purpose)
{
	struct creds c;
	int err;

	err = urgent_creds(e, in->msg, in->from, &c);
	if (err == -ENOENT) {
		auth_challenge(e, now, st, in, false);
	} else if (err == -ENOTSUP) {
		refuse_hidden_user(e, now, st, in);
	} else if (err) {
		edge_refuse_status(e, now, st, in, 400);
	} else if (!urgent_is_bare(&c) && !nonces_was_sent(e->auth->nonces, c.digest.nonce,
		       &in->from->remote)) {
		auth_challenge(e, now, st, in, true);
	} else if (!is_meant(e, in->msg, &c, purpose)) {
		edge_refuse_status(e, now, st, in, 400);
	} else {
		ask(e, now, st, in, &c, purpose);
	}
}

void
auth_trunk(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in)
{
	ask(e, now, st, in, NULL, AUTH_TRUNK);
}

/* ---- answers of registrar-db ---- */

static struct auth_question *
question_find(const struct auth *a, uint32_t id)
{
	struct htab_node *n = htab_first(&a->by_id, id);

	return n == NULL ? NULL : HTAB_OF(n, struct auth_question, node);
}

static void
on_reg_say(struct edge *e, struct mono now, struct steps *st,
    const struct ipc_reg_say *say)
{
	struct auth_question *q = question_find(e->auth, say->id);
	struct stxn *s;

	if (q == NULL || q->purpose != AUTH_REGISTER) {
		e->auth->late++;
		return;
	}
	s = q->stxn;
	question_drop(e->auth, q);
	if (stxn_request(s, &e->stored) == 0)
		registrar_answer(e, now, st, s, &e->stored, say);
}

/* Its sender is who he says: whose business is it?  What stands in a call's
 * dialog is the call's, and so is what nobody else wants. */
static void
authorised(struct edge *e, struct mono now, struct steps *st,
    struct stxn *s, const struct ipc_auth_say *say)
{
	const struct sip_msg *m = &e->stored;

	if (s->status >= 200 || stxn_request(s, &e->stored) != 0)
		call_authorised(e, now, st, s, say);
	else if (m->to.tag.len == 0 && report_is(m))
		report_take(e, now, st, s, m, say->caller.number);
	else if (m->method == SIP_SUBSCRIBE)
		subs_authorised(e, now, st, s, m, say);
	else if (m->method == SIP_MESSAGE && m->to.tag.len == 0)
		message_authorised(e, now, st, s, m, say);
	else if (m->method == SIP_NOTIFY && m->to.tag.len == 0)
		mwi_authorised(e, now, st, s, m, say);
	else
		call_authorised(e, now, st, s, say);
}

static void
on_auth_say(struct edge *e, struct mono now, struct steps *st,
    const struct ipc_auth_say *say)
{
	struct auth_question *q = question_find(e->auth, say->id);
	struct stxn *s;

	if (q == NULL || q->purpose == AUTH_REGISTER) {
		e->auth->late++;
		call_not_begun(st, say, 487, "caller-gone");
		return;
	}
	s = q->stxn;
	question_drop(e->auth, q);
	if (say->verdict == VERDICT_OK)
		authorised(e, now, st, s, say);
	else
		auth_refuse(e, now, st, s, say->verdict, 0, 0, say->why);
}

static void
on_nonce_say(struct edge *e, struct mono now,
    const struct ipc_nonce_say *say)
{
	struct auth *a = e->auth;

	nonces_add(a->nonces, now, say->nonces, say->lifetime_ms);
	a->had_nonces = true;
	a->nonces_asked -= a->nonces_asked < IPC_NONCES_MAX ?
	    a->nonces_asked : IPC_NONCES_MAX;
	auth_wake(a, nonces_renewal(a->nonces));
}

bool
auth_can_challenge(const struct auth *a)
{
	return a->had_nonces;
}

int
auth_frame(struct edge *e, struct mono now, struct steps *st, uint16_t type,
    struct span payload)
{
	struct ipc_nonce_say nonces;
	struct ipc_reg_say reg;
	struct ipc_auth_say auth;
	int err;

	switch (type) {
	case IPC_NONCE_SAY:
		err = get_nonce_say(payload, &nonces);
		if (err == 0 && nonces.nonces.len % IPC_NONCE_LEN != 0)
			err = -EBADMSG;
		if (err == 0)
			on_nonce_say(e, now, &nonces);
		return err;
	case IPC_REG_SAY:
		err = get_reg_say(payload, &reg);
		if (err == 0)
			on_reg_say(e, now, st, &reg);
		return err;
	case IPC_AUTH_SAY:
		err = get_auth_say(payload, &auth);
		if (err == 0)
			on_auth_say(e, now, st, &auth);
		return err;
	default:
		return -EPROTO;
	}
}

/* What was asked of the one that is gone is asked again of the next one,
 * if it comes soon; an answer on its way is lost with the door. */
static void
unask_all(struct auth *a, struct mono now)
{
	struct mono soon = mono_add_ms(now, AUTH_RETURN_MS);

	for (struct auth_question *q = a->first; q != NULL; q = q->next) {
		a->n_unasked += q->is_asked;
		q->is_asked = false;
		timerq_set(a->timers, &q->deadline,
		    mono_min(q->deadline.at, soon));
	}
}

void
auth_peer(struct edge *e, struct mono now, struct steps *st, bool up)
{
	struct auth *a = e->auth;

	a->nonces_asked = 0;
	if (!up) {
		unask_all(a, now);
		return;
	}
	nonces_outdate(a->nonces);
	auth_fetch_nonces(e, now, st);
	pump(e, now, st);
}

void
auth_due(struct edge *e, struct mono now, struct steps *st,
    struct timer *timer)
{
	struct auth *a = e->auth;
	struct auth_question *q = timer->owner;
	struct stxn *s;

	if (timer->kind == TIMER_NONCES) {
		auth_fetch_nonces(e, now, st);
		pump(e, now, st);
		return;
	}
	s = q->stxn;
	question_drop(a, q);
	steps_log(st, STEP_WARN, "registrar-db-silent");
	steps_key_addr(st, "from", &s->from.remote);
	auth_refuse(e, now, st, s, VERDICT_BUSY, 0, 0, SPAN_NONE);
}

void
auth_status(const struct auth *a, struct buf *json)
{
	buf_fmt(json,
	    "\"challenges\":%llu,\"stale\":%llu,\"asked\":%llu,"
	    "\"waiting\":%u,\"late\":%llu,\"no_nonce\":%llu,"
	    "\"refusals_kept\":%u,\"next_nonces\":%llu",
	    (unsigned long long)a->challenges, (unsigned long long)a->stale,
	    (unsigned long long)a->asked, a->questions.used,
	    (unsigned long long)a->late, (unsigned long long)a->no_nonce,
	    a->refusals, (unsigned long long)a->next);
}
