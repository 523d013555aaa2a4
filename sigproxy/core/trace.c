#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/keep.h"
#include "sigproxy/core/trace.h"
#include "sigproxy/core/trace_room.h"
#include "sigproxy/core/trunks.h"
#include "sigproxy/sip/redact.h"

/* Numbers of rules, as bits by their place. */
typedef uint16_t rule_set;

_Static_assert(IPC_TRACES_MAX <= 16, "one bit for each rule");

struct trace_rule {
	uint32_t number;
	uint8_t kind, profiles;
	size_t len;
	char target[IPC_TRACE_TARGET_MAX];
};

struct traced_call {
	uint64_t key;		/* 0: not in use */
	rule_set rules;
	struct mono used;
};

struct trace {
	bool up;
	unsigned n;
	struct trace_rule rule[IPC_TRACES_MAX];
	struct traced_call call[TRACE_CALLS_MAX];
	struct sip_msg sent;	/* one of ours, read again */
	char copy[IPC_TRACE_SIP_MAX];
	struct trace_room room;
	uint64_t handed, dropped, strangers;
};

struct trace *
trace_new(void)
{
	return calloc(1, sizeof(struct trace));
}

void
trace_free(struct trace *t)
{
	free(t);
}

bool
trace_is_on(const struct edge *e)
{
	return e->trace->n > 0 && e->trace->up;
}

/* ---- names of calls ---- */

/* As the first leg has it. */
static struct span
first_call_id(const struct edge *e, struct span id, struct buf *b)
{
	if (callid_open(b, &e->calls->callid_key, id) == 0)
		return buf_span(b);
	return id;
}

/* Keyed: tracer's files tell nobody whose Call-ID they are of. */
static uint64_t
key_of(const struct edge *e, struct span id)
{
	uint64_t key = 0;

	crypto_shorthash((uint8_t *)&key, (const uint8_t *)id.p, id.len,
	    e->calls->callid_key.bytes);
	return key != 0 ? key : 1;
}

static struct traced_call *
find(struct trace *t, uint64_t key)
{
	for (unsigned i = 0; i < TRACE_CALLS_MAX; i++) {
		if (t->call[i].key == key)
			return &t->call[i];
	}
	return NULL;
}

/* The one not seen for the longest time gives way. */
static void
remember(struct trace *t, struct mono now, uint64_t key, rule_set rules)
{
	struct traced_call *c = find(t, key);

	for (unsigned i = 0; c == NULL && i < TRACE_CALLS_MAX; i++) {
		if (t->call[i].key == 0)
			c = &t->call[i];
	}
	if (c == NULL) {
		c = &t->call[0];
		for (unsigned i = 1; i < TRACE_CALLS_MAX; i++) {
			if (t->call[i].used.us < c->used.us)
				c = &t->call[i];
		}
	}
	if (c->key != key)
		*c = (struct traced_call){ .key = key };
	c->rules |= rules;
	c->used = now;
}

/* ---- which rules want it ---- */

static struct span
target(const struct trace_rule *r)
{
	return span_make(r->target, r->len);
}

static bool
names(const struct sip_msg *m, struct span number)
{
	return span_eq(m->from.uri.user, number) ||
	    span_eq(m->to.uri.user, number) ||
	    (m->is_request && span_eq(m->ruri.user, number));
}

static rule_set
match(const struct trace *t, const struct sip_msg *m, struct span id)
{
	rule_set set = 0;

	for (unsigned i = 0; i < t->n; i++) {
		const struct trace_rule *r = &t->rule[i];

		if (r->kind == TRACE_ALL ||
		    (r->kind == TRACE_NUMBER && names(m, target(r))) ||
		    (r->kind == TRACE_CALL && (span_eq(id, target(r)) ||
			span_eq(m->call_id, target(r)))))
			set |= (rule_set)(1u << i);
	}
	return set;
}

static rule_set
with_profile(const struct trace *t, rule_set set, unsigned profile)
{
	for (unsigned i = 0; i < t->n; i++) {
		if (!(t->rule[i].profiles & profile))
			set &= (rule_set)~(1u << i);
	}
	return set;
}

/* What only a call has. */
static bool
is_of_call(enum sip_method method)
{
	switch (method) {
	case SIP_INVITE:
	case SIP_ACK:
	case SIP_BYE:
	case SIP_CANCEL:
	case SIP_PRACK:
	case SIP_UPDATE:
	case SIP_INFO:
	case SIP_REFER:
		return true;
	default:
		return false;
	}
}

/* ---- strangers ---- */

/* Around each message in a file and on the way there. */
#define AROUND_BYTES 256

/* They may name any number, with ever new Call-IDs: none of that makes a file
 * of its own, or puts a call that runs out of mind. */
static bool
is_stranger(const struct edge *e, const struct flow *flow)
{
	return flow->zone == ZONE_EXTERNAL &&
	    !keep_knows(e->keep, &flow->remote) &&
	    trunk_of(e->trunks, flow) == NULL;
}

static bool
has_room(struct edge *e, struct mono now, const struct flow *flow, size_t bytes)
{
	const struct addr *a = &flow->remote;
	/* One home has a whole /64. */
	size_t len = a->family == ADDR_IPV6 ? 8 : addr_ip_len(a);
	uint64_t hash = 0;

	crypto_shorthash((uint8_t *)&hash, a->ip, len,
	    e->calls->callid_key.bytes);
	if (trace_room_take(&e->trace->room, now, hash, bytes + AROUND_BYTES))
		return true;
	e->trace->strangers++;
	return false;
}

/* ---- handing over ---- */

/* m is NULL of what was not understood. */
static void
hand_over(struct edge *e, struct steps *st, const struct sip_msg *m,
    struct span bytes, rule_set set, struct ipc_trace_sip *out)
{
	struct trace *t = e->trace;
	size_t n = bytes.len < sizeof(t->copy) ? bytes.len : sizeof(t->copy);

	for (unsigned i = 0; i < t->n; i++) {
		if (set & 1u << i)
			out->traces[out->n_traces++].number =
			    t->rule[i].number;
	}
	memcpy(t->copy, bytes.p, n);
	if (m != NULL)
		redact(m, t->copy, n);
	else
		redact_refused(bytes, t->copy, n);
	out->message = span_make(t->copy, n);
	out->len = (uint32_t)bytes.len;
	if (st->trace.cap - st->trace.len < n + 1024) {
		t->dropped++;
		return;
	}
	t->handed++;
	STEPS_ASK(st, &st->trace, TRACE_SIP, trace_sip, out);
}

static void
look(struct edge *e, struct mono now, struct steps *st,
    const struct flow *flow, const struct sip_msg *m, bool is_out)
{
	struct ipc_trace_sip out = { .at_us = now.us, .out = is_out,
		.zone = flow->zone, .transport = flow->transport,
		.local = e->conf->listeners[flow->listener].local,
		.remote = flow->remote };
	struct trace *t = e->trace;
	char mem[CALLID_PLAIN_MAX];
	struct traced_call *known;
	struct span id;
	rule_set set;
	uint64_t key;
	struct buf b;
	bool stranger;

	buf_init(&b, mem, sizeof(mem));
	id = first_call_id(e, m->call_id, &b);
	key = key_of(e, id);
	known = find(t, key);
	set = match(t, m, id) | (known != NULL ? known->rules : 0);
	if (set == 0)
		return;
	stranger = known == NULL && is_stranger(e, flow);
	if (known != NULL || (!stranger && is_of_call(m->method))) {
		remember(t, now, key, set);
		out.call = key;
	}
	out.call_id = span_sub(id, 0, 256);
	set = with_profile(t, set, m->method == SIP_REGISTER ?
		TRACE_REGISTRATION : TRACE_SIGNALLING);
	if (set != 0 && (!stranger || has_room(e, now, flow, m->bytes.len)))
		hand_over(e, st, m, m->bytes, set, &out);
}

void
trace_came(struct edge *e, struct mono now, struct steps *st,
    const struct flow *from, const struct sip_msg *m)
{
	if (trace_is_on(e))
		look(e, now, st, from, m, false);
}

void
trace_sent(struct edge *e, struct mono now, struct steps *st,
    const struct flow *to, struct span bytes)
{
	struct sip_msg *m = &e->trace->sent;

	if (trace_is_on(e) && sip_parse(bytes, SIP_DATAGRAM, m, NULL) == 0)
		look(e, now, st, to, m, true);
}

/* ---- what is not understood ---- */

#define REFUSED_LOOKED_AT 2048	/* of it: names stand in its head */

/* As a part of a URI, say: "sip:168@", and not in 1680. */
static bool
has_word(struct span bytes, struct span word)
{
	for (size_t i = 1; i + word.len < bytes.len; i++) {
		if (bytes.p[i - 1] == ':' &&
		    memchr("@;> \r\n", bytes.p[i + word.len], 6) != NULL &&
		    span_eq(span_sub(bytes, i, word.len), word))
			return true;
	}
	return false;
}

static bool
has_text(struct span bytes, struct span text)
{
	for (size_t i = 0; i + text.len <= bytes.len; i++) {
		if (span_eq(span_sub(bytes, i, text.len), text))
			return true;
	}
	return false;
}

static rule_set
match_refused(const struct trace *t, struct span bytes)
{
	struct span head = span_sub(bytes, 0, REFUSED_LOOKED_AT);
	rule_set set = 0;

	for (unsigned i = 0; i < t->n; i++) {
		const struct trace_rule *r = &t->rule[i];

		if (r->kind == TRACE_ALL ||
		    (r->kind == TRACE_NUMBER && has_word(head, target(r))) ||
		    (r->kind == TRACE_CALL && has_text(head, target(r))))
			set |= (rule_set)(1u << i);
	}
	return set;
}

void
trace_refused(struct edge *e, struct mono now, struct steps *st,
    const struct flow *from, struct span bytes, const char *why)
{
	struct ipc_trace_sip out = { .at_us = now.us, .zone = from->zone,
		.transport = from->transport,
		.local = e->conf->listeners[from->listener].local,
		.remote = from->remote, .refused = span_sub(span_str(why), 0, 80) };
	bool registers = span_caseeq(span_sub(bytes, 0, 9),
	    SPAN_LIT("REGISTER "));
	rule_set set;

	if (!trace_is_on(e) || bytes.len == 0 || bytes.len > SIP_BYTES_MAX)
		return;
	set = with_profile(e->trace, match_refused(e->trace, bytes),
	    registers ? TRACE_REGISTRATION : TRACE_SIGNALLING);
	if (set != 0 && (!is_stranger(e, from) ||
	    has_room(e, now, from, bytes.len)))
		hand_over(e, st, NULL, bytes, set, &out);
}

/* ---- calls ---- */

static struct span
id_of(const struct edge *e, const struct call *call, struct buf *b)
{
	return first_call_id(e, TEXT_SPAN(call->leg[0]->call_id), b);
}

static bool
is_party(const struct call *call, struct span number)
{
	return span_eq(TEXT_SPAN(call->caller.number), number) ||
	    span_eq(TEXT_SPAN(call->called.number), number);
}

/* By its Call-ID, or by its id in `postern calls`. */
static bool
is_call(const struct call *call, struct span id, struct span word)
{
	uint64_t ticket;

	return span_eq(id, word) ||
	    (span_to_u64(word, INT64_MAX, &ticket) == 0 &&
		ticket == call->ticket);
}

static rule_set
match_call(struct trace *t, const struct call *call, struct span id,
    uint64_t key)
{
	const struct traced_call *known = find(t, key);
	rule_set set = known != NULL ? known->rules : 0;

	for (unsigned i = 0; i < t->n; i++) {
		const struct trace_rule *r = &t->rule[i];

		if (r->kind == TRACE_ALL ||
		    (r->kind == TRACE_NUMBER && is_party(call, target(r))) ||
		    (r->kind == TRACE_CALL && is_call(call, id, target(r))))
			set |= (rule_set)(1u << i);
	}
	return set;
}

void
trace_call(struct edge *e, struct mono now, const struct call *call)
{
	char mem[CALLID_PLAIN_MAX];
	rule_set set;
	uint64_t key;
	struct buf b;
	struct span id;

	if (!trace_is_on(e) || call->leg[0] == NULL)
		return;
	buf_init(&b, mem, sizeof(mem));
	id = id_of(e, call, &b);
	key = key_of(e, id);
	set = match_call(e->trace, call, id, key);
	if (set != 0)
		remember(e->trace, now, key, set);
}

static void
tell_relay(struct steps *st, const struct call *call, uint64_t key)
{
	const struct ipc_relay_trace m = { call->session, key };

	STEPS_ASK(st, &st->relay[call->instance], RELAY_TRACE, relay_trace,
	    &m);
}

/* The call's key, if its packets are wanted; else 0. */
static uint64_t
media_key(struct edge *e, const struct call *call)
{
	char mem[CALLID_PLAIN_MAX];
	rule_set set;
	uint64_t key;
	struct buf b;
	struct span id;

	if (!trace_is_on(e) || call->leg[0] == NULL)
		return 0;
	buf_init(&b, mem, sizeof(mem));
	id = id_of(e, call, &b);
	key = key_of(e, id);
	set = match_call(e->trace, call, id, key);
	return with_profile(e->trace, set, TRACE_MEDIA) != 0 ? key : 0;
}

void
trace_relay(struct edge *e, struct mono now, struct steps *st,
    const struct call *call)
{
	uint64_t key = media_key(e, call);

	trace_call(e, now, call);

	if (key != 0)
		tell_relay(st, call, key);
}

/* Calls that run, too. */
static void
tell_relays(struct edge *e, struct steps *st)
{
	struct calls *c = e->calls;

	for (uint32_t i = 0; i < c->pool.n; i++) {
		const struct call *call = pool_at(&c->pool, i);

		if (call->ticket != 0 && call->session != 0 &&
		    !call->relay_closed && e->relay_up[call->instance])
			tell_relay(st, call, media_key(e, call));
	}
}

/* ---- tracer ---- */

/* Whose rules changed is found anew. */
static void
take_rules(struct trace *t, const struct ipc_trace_rules *m)
{
	memset(t->call, 0, sizeof(t->call));
	t->n = m->n_traced;
	for (unsigned i = 0; i < t->n; i++) {
		const struct ipc_traced *from = &m->traced[i];
		struct trace_rule *r = &t->rule[i];

		r->number = from->number;
		r->kind = from->kind;
		r->profiles = from->profiles;
		r->len = from->target.len;
		if (r->len > 0)
			memcpy(r->target, from->target.p, r->len);
	}
}

static void
remember_calls(struct edge *e, struct mono now)
{
	struct calls *c = e->calls;

	for (uint32_t i = 0; i < c->pool.n; i++) {
		const struct call *call = pool_at(&c->pool, i);

		if (call->ticket != 0)
			trace_call(e, now, call);
	}
}

int
trace_frame(struct edge *e, struct mono now, struct steps *st,
    struct span payload)
{
	struct ipc_trace_rules m;
	unsigned before = e->trace->n;
	int err = get_trace_rules(payload, &m);

	if (err)
		return err;
	take_rules(e->trace, &m);
	if (e->trace->n == 0 && before == 0)
		return 0;
	remember_calls(e, now);
	tell_relays(e, st);
	return 0;
}

void
trace_peer(struct edge *e, bool up)
{
	e->trace->up = up;
}

void
trace_status(const struct edge *e, struct buf *json)
{
	const struct trace *t = e->trace;

	buf_fmt(json, "\"traces\":%u,\"trace_handed\":%llu,"
	    "\"trace_dropped\":%llu,\"trace_strangers\":%llu", t->n,
	    (unsigned long long)t->handed, (unsigned long long)t->dropped,
	    (unsigned long long)t->strangers);
}
