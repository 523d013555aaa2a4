#include "sigproxy/core/message.h"

#include <errno.h>
#include <stdlib.h>

#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/leak.h"
#include "sigproxy/core/sips.h"

#define SENDERS 256	/* slots; two senders may share one */

struct message {
	struct stxn *server;	/* NULL: it is gone */
	struct timer timer;
	struct ctxn *branch[IPC_TARGETS_MAX];
	unsigned n, open;
	uint16_t best;		/* refusal; 0: none yet */
};

struct sender {
	struct mono from;	/* when its budget was full */
};

struct messages {
	struct pool pool;
	struct htab key;	/* for hashing only */
	struct sender senders[SENDERS];
	uint64_t relayed, refused;
};

struct messages *
messages_new(uint32_t max)
{
	struct messages *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	if (pool_init(&m->pool, max, sizeof(struct message)) ||
	    htab_init(&m->key, 1)) {
		messages_free(m);
		return NULL;
	}
	return m;
}

void
messages_free(struct messages *m)
{
	if (m == NULL)
		return;
	pool_clear(&m->pool);
	htab_clear(&m->key);
	free(m);
}

size_t
messages_timers(uint32_t max)
{
	return max;
}

/* A budget that refills by one each MESSAGE_EACH_MS. */
static bool
may_send(struct messages *m, struct mono now, struct span number)
{
	struct sender *s = &m->senders[htab_hash(&m->key, number.p,
	    number.len) % SENDERS];
	struct mono most = mono_add_ms(now, MESSAGE_BURST * MESSAGE_EACH_MS);
	struct mono at = mono_before(s->from, now) ? now : s->from;

	at = mono_add_ms(at, MESSAGE_EACH_MS);
	if (mono_before(most, at))
		return false;
	s->from = at;
	return true;
}

/* ---- refusing ---- */

static void
refuse(const struct ctx *x, struct stxn *t, unsigned status)
{
	struct reply r = { .status = status };

	if (status == 500)
		r.headers = SPAN_LIT("Retry-After: 5\r\n");
	x->e->texts->refused++;
	t->ops = NULL;
	(void)stxn_respond(&x->e->txns, x->now, x->st, t, &r);
}

static void
message_free(const struct ctx *x, struct message *m)
{
	timerq_cancel(&x->e->timers, &m->timer);
	for (unsigned i = 0; i < m->n; i++)
		if (m->branch[i] != NULL)
			ctxn_detach(m->branch[i]);
	if (m->server != NULL)
		m->server->ops = NULL;
	pool_put(&x->e->texts->pool, m);
}

static void
finish(const struct ctx *x, struct message *m, unsigned status)
{
	struct stxn *t = m->server;

	message_free(x, m);
	if (t != NULL && status < 300) {
		x->e->texts->relayed++;
		(void)stxn_status(&x->e->txns, x->now, x->st, t, status);
	} else if (t != NULL) {
		refuse(x, t, status);
	}
}

static void
server_ended(struct edge *e, struct mono now, struct steps *st,
    struct stxn *t)
{
	struct message *m = t->owner;

	m->server = NULL;
}

static const struct stxn_ops server_ops = { .ended = server_ended };

/* ---- the devices' answers ---- */

/* 420 and 421 say what is missing in headers that do not pass here. */
static uint16_t
refusal_of(uint16_t status)
{
	return fork_is_ours_alone(status) || status == 420 || status == 421 ?
	    480 : status;
}

static void
on_refused(const struct ctx *x, struct message *m, struct ctxn *c,
    uint16_t status)
{
	uint16_t told = refusal_of(status);

	for (unsigned i = 0; i < m->n; i++)
		if (m->branch[i] == c)
			m->branch[i] = NULL;
	ctxn_detach(c);
	if (m->best == 0 || m->best == 480 || told >= 600)
		m->best = told;
	m->open--;
	if (m->open == 0 || told >= 600)
		finish(x, m, m->best);
}

static void
branch_response(struct edge *e, struct mono now, struct steps *st,
    struct ctxn *c, const struct sip_msg *msg)
{
	const struct ctx x = { e, now, st };
	struct message *m = c->owner;

	if (msg->status >= 300)
		on_refused(&x, m, c, msg->status);
	else if (msg->status >= 200)
		finish(&x, m, msg->status == 202 ? 202 : 200);
}

static void
branch_timeout(struct edge *e, struct mono now, struct steps *st,
    struct ctxn *c)
{
	const struct ctx x = { e, now, st };

	on_refused(&x, c->owner, c, 480);
}

static const struct ctxn_ops branch_ops = {
	.response = branch_response,
	.timeout = branch_timeout,
};

/* ---- to the devices ---- */

/* A person's words go as they are; what a program wrote must not tell of the
 * office's network. */
static bool
may_pass(const struct edge *e, const struct sip_msg *m, const struct flow *to)
{
	struct span type = sip_value(m, SIP_H_CONTENT_TYPE);

	if (m->body.len == 0)
		return true;
	/* Several bodies in one are not looked into here. */
	if (body_is_multipart(m))
		return false;
	if (to->zone != ZONE_EXTERNAL)
		return true;
	/* Packed words cannot be looked at. */
	if (sip_has(m, SIP_H_CONTENT_ENCODING))
		return false;
	return !leak_in(e->conf, type) &&
	    (sip_body_is(m, "text", "plain") || !leak_in(e->conf, m->body));
}

static void
set_party(struct party *to, const struct ipc_party *from)
{
	(void)TEXT_SET(&to->number, from->number);
	(void)TEXT_SET(&to->name, from->name);
}

/* From and To as each device sees them. */
static void
name(const struct edge *e, struct leg *leg, const struct sip_msg *msg,
    const struct ipc_auth_say *say)
{
	struct party caller = { .hold = 0 }, called = { .hold = 0 };
	struct buf b;

	set_party(&caller, &say->caller);
	set_party(&called, &say->called);
	caller.withheld = headers_hide_sender(msg);
	called.name.len = 0;
	buf_init(&b, leg->local.p, sizeof(leg->local.p));
	headers_put_caller(e, &b, &caller, leg);
	leg->local.len = (uint16_t)b.len;
	buf_init(&b, leg->remote.p, sizeof(leg->remote.p));
	headers_put_party(e, &b, &called);
	leg->remote.len = (uint16_t)b.len;
}

static void
put_call_id(const struct edge *e, struct leg *leg, const struct sip_msg *msg)
{
	struct buf b;

	buf_init(&b, leg->call_id.p, sizeof(leg->call_id.p));
	callid_put(&b, &e->calls->callid_key, msg->call_id);
	leg->call_id.len = (uint16_t)b.len;
}

static void
put_message(const struct ctx *x, struct buf *b, const struct sip_msg *msg,
    const struct leg *from, const struct leg *to, unsigned which)
{
	char branch[BRANCH_LEN];
	struct leg_start start = { SPAN_LIT("MESSAGE"), msg->cseq.number,
		txn_branch(&x->e->txns, msg, &from->flow, which, branch),
		(uint8_t)(msg->max_forwards - 1), msg->from.tag };

	leg_put_start(x->e, b, to, &start);
	if (to->flow.zone == ZONE_INTERNAL) {
		build_open(b, SIP_H_P_ASSERTED_IDENTITY);
		build_value(b, TEXT_SPAN(to->local));
		build_close(b);
	}
	headers_pass(x->e, b, msg, from, to);
	if (msg->body.len > 0)
		headers_body(x->e, b, msg, to, msg->body);
	build_end(b, msg->body);
}

/* Errors: -EMSGSIZE, -ENOMEM, -ENOTSUP. */
static int
send_to(const struct ctx *x, struct message *m, const struct sip_msg *msg,
    const struct ipc_auth_say *say, const struct flow *flow,
    struct span target)
{
	static struct leg from, to;
	char mem[CALL_BYTES_MAX];
	struct buf b;
	int err;

	if (!may_pass(x->e, msg, flow))
		return -ENOTSUP;
	memset(&from, 0, sizeof(from));
	memset(&to, 0, sizeof(to));
	from.flow = m->server->from;
	to.flow = *flow;
	if (TEXT_SET(&to.target, target))
		return -EMSGSIZE;
	name(x->e, &to, msg, say);
	put_call_id(x->e, &to, msg);
	buf_init(&b, mem, sizeof(mem));
	put_message(x, &b, msg, &from, &to, m->n);
	if (buf_err(&b))
		return buf_err(&b);
	err = ctxn_send(&x->e->txns, x->now, x->st, flow, buf_span(&b),
	    &branch_ops, m, &m->branch[m->n]);
	if (err == 0) {
		m->n++;
		m->open++;
	}
	return err;
}

static void
send_all(const struct ctx *x, struct message *m, const struct sip_msg *msg,
    const struct ipc_auth_say *say)
{
	unsigned status = 480;

	for (unsigned i = 0; i < say->n_targets; i++) {
		struct flow flow = flow_from_ipc(&say->targets[i].flow);
		int err;

		/* Once to each phone, however many flows it has. */
		if (setup_first_flow(x->e, say, i, true) != i)
			continue;
		err = send_to(x, m, msg, say, &flow, say->targets[i].uri);
		if (err && err != -ENOMEM)
			status = err == -ENOTSUP ? 415 : 513;
	}
	if (m->open == 0)
		finish(x, m, status);
	else
		timerq_set(&x->e->timers, &m->timer,
		    mono_add_ms(x->now, MESSAGE_WAIT_MS));
}

void
message_authorised(struct edge *e, struct mono now, struct steps *st,
    struct stxn *t, const struct sip_msg *msg, const struct ipc_auth_say *say)
{
	static struct ipc_auth_say kept;
	const struct ctx x = { e, now, st };
	struct message *m;

	if (msg->body.len > MESSAGE_BYTES_MAX) {
		refuse(&x, t, 413);
		return;
	}
	if (!may_send(e->texts, now, say->caller.number)) {
		refuse(&x, t, 500);
		return;
	}
	/* To a sips: URI it goes by TLS or not at all (RFC 5630). */
	if (!sips_targets(msg, say, &kept)) {
		refuse(&x, t, 480);
		return;
	}
	m = pool_get(&e->texts->pool);
	if (m == NULL) {
		refuse(&x, t, 500);
		return;
	}
	m->timer.kind = TIMER_MESSAGE;
	m->timer.owner = m;
	m->server = t;
	t->ops = &server_ops;
	t->owner = m;
	send_all(&x, m, msg, &kept);
}

void
message_due(struct edge *e, struct mono now, struct steps *st,
    struct timer *timer)
{
	const struct ctx x = { e, now, st };

	finish(&x, timer->owner, 480);
}

void
messages_status(const struct messages *m, struct buf *json)
{
	buf_fmt(json,
	    "\"messages_open\":%u,\"messages_relayed\":%llu,"
	    "\"messages_refused\":%llu",
	    m->pool.used, (unsigned long long)m->relayed,
	    (unsigned long long)m->refused);
}
