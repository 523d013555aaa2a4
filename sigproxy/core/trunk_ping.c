#include "sigproxy/core/trunk_ping.h"

#include <stdlib.h>

#include "common/base/secret.h"
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/regclient.h"
#include "sigproxy/sip/build.h"

#define OPTIONS_MAX 1536

enum ping_state { PING_UNKNOWN, PING_UP, PING_DOWN };

struct ping {
	uint32_t trunk;		/* 0: not in use */
	struct flow flow;
	struct timer timer;
	struct ctxn *txn;	/* NULL: nothing is asked */
	uint64_t token;		/* of the question */
	struct mono asked, since;	/* since: in this state */
	enum ping_state state;
	unsigned misses;
	uint32_t rtt_ms;
	uint16_t status;	/* of the last answer */
};

struct pings {
	struct timerq *timers;
	struct pool pool;
	uint64_t sent, answered, unanswered;
};

struct pings *
pings_new(struct timerq *timers)
{
	struct pings *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->timers = timers;
	if (pool_init(&p->pool, PINGS_MAX, sizeof(struct ping)) != 0) {
		pings_free(p);
		return NULL;
	}
	return p;
}

void
pings_free(struct pings *p)
{
	if (p == NULL)
		return;
	pool_clear(&p->pool);
	free(p);
}

uint32_t
pings_timers(void)
{
	return PINGS_MAX;
}

/* ---- which are asked ---- */

static struct ping *
next(const struct pings *p, uint32_t *at)
{
	while (*at < p->pool.n) {
		struct ping *one = pool_at(&p->pool, (*at)++);

		if (one->trunk != 0)
			return one;
	}
	return NULL;
}

static struct trunk_flow *
flow_of(const struct edge *e, const struct ping *p)
{
	struct trunk *t = trunk_find(e->trunks, p->trunk);

	for (unsigned i = 0; t != NULL && i < t->n_flows; i++) {
		if (flow_eq(&t->flow[i].flow, &p->flow))
			return &t->flow[i];
	}
	return NULL;
}

static bool
is_wanted(const struct edge *e, const struct ping *p)
{
	const struct trunk *t = trunk_find(e->trunks, p->trunk);

	return t != NULL && t->ping_s > 0 && flow_of(e, p) != NULL;
}

/* The question without an answer is repeated no more (timer F would let it be
 * for 32 s): with a period that is shorter they would pile up. */
static void
stop(struct edge *e, struct mono now, struct ping *p)
{
	if (p->txn != NULL)
		ctxn_abandon(&e->txns, now, p->txn);
	p->txn = NULL;
}

static void
drop(struct edge *e, struct mono now, struct ping *p)
{
	struct trunk_flow *f = flow_of(e, p);

	/* Nobody would ever find it up again. */
	if (f != NULL && p->state == PING_DOWN)
		f->avoid_until.us = 0;
	stop(e, now, p);
	timerq_cancel(&e->timers, &p->timer);
	p->trunk = 0;
	pool_put(&e->trunk_pings->pool, p);
}

static bool
has(const struct pings *p, uint32_t trunk, const struct flow *f)
{
	const struct ping *one;
	uint32_t at = 0;

	while ((one = next(p, &at)) != NULL) {
		if (one->trunk == trunk && flow_eq(&one->flow, f))
			return true;
	}
	return false;
}

static void
add(struct edge *e, struct mono now, uint32_t trunk, const struct flow *f)
{
	struct pings *p = e->trunk_pings;
	struct ping *one = pool_get(&p->pool);

	if (one == NULL)
		return;
	one->trunk = trunk;
	one->flow = *f;
	one->since = now;
	one->timer.kind = TIMER_PING;
	one->timer.owner = one;
	timerq_set(p->timers, &one->timer, mono_add_ms(now,
		(uint64_t)p->pool.used * PING_PACE_MS));
}

void
pings_follow(struct edge *e, struct mono now)
{
	struct ping *p;
	uint32_t at = 0;

	while ((p = next(e->trunk_pings, &at)) != NULL) {
		if (!is_wanted(e, p))
			drop(e, now, p);
	}
	for (unsigned i = 0; i < IPC_TRUNKS_MAX; i++) {
		const struct trunk *t = &e->trunks->trunk[i];

		if (t->id == 0)
			continue;
		for (unsigned k = 0; t->ping_s > 0 && k < t->n_flows; k++) {
			if (!has(e->trunk_pings, t->id, &t->flow[k].flow))
				add(e, now, t->id, &t->flow[k].flow);
		}
		regclient_trunk_moved(e, now, t->id);
	}
}

bool
trunks_flow(const struct edge *e, uint32_t trunk, struct flow *out)
{
	const struct trunk *t = trunk_find(e->trunks, trunk);

	if (t == NULL || t->n_flows == 0)
		return false;
	*out = t->flow[0].flow;
	for (unsigned i = 0; i < t->n_flows; i++) {
		if (t->flow[i].avoid_until.us == MONO_NEVER.us)
			continue;
		*out = t->flow[i].flow;
		break;
	}
	return true;
}

/* ---- what is found ---- */

static void
log_change(struct edge *e, struct steps *st, const struct ping *p)
{
	const struct trunk *t = trunk_find(e->trunks, p->trunk);

	steps_log(st, p->state == PING_UP ? STEP_INFO : STEP_WARN,
	    p->state == PING_UP ? "trunk-up" : "trunk-down");
	steps_key_text(st, "trunk", TEXT_SPAN(t->name));
	steps_key_addr(st, "address", &p->flow.remote);
	if (p->state == PING_UP)
		return;
	if (p->status == 408 || p->status == 503)
		steps_key_number(st, "status", p->status);
	steps_key_text(st, "why", p->status == 503 ?
		SPAN_LIT("it says that it is out of service") :
		SPAN_LIT("it does not answer OPTIONS; calls go another way, "
			 "if there is one"));
}

static void
set_state(struct edge *e, struct mono now, struct steps *st, struct ping *p,
    enum ping_state state)
{
	struct trunk_flow *f = flow_of(e, p);
	bool was_down = p->state == PING_DOWN;

	if (p->state == state || f == NULL)
		return;
	p->state = state;
	p->since = now;
	log_change(e, st, p);
	if (state == PING_DOWN)
		f->avoid_until = MONO_NEVER;
	else if (was_down)
		f->avoid_until.us = 0;
	/* What is registered there goes elsewhere; what failed there need
	 * not wait. */
	regclient_trunk_moved(e, now, p->trunk);
}

static uint64_t
period_ms(const struct edge *e, const struct ping *p)
{
	const struct trunk *t = trunk_find(e->trunks, p->trunk);
	uint64_t ms = t == NULL ? 60000 : t->ping_s * (uint64_t)1000;
	uint32_t r;

	secret_random(&r, sizeof(r));
	return ms - r % (ms / 10 + 1);
}

static void
miss(struct edge *e, struct mono now, struct steps *st, struct ping *p)
{
	uint64_t ms = period_ms(e, p);

	e->trunk_pings->unanswered++;
	stop(e, now, p);
	if (++p->misses < PING_MISSES)
		ms = PING_AGAIN_MS;
	else
		set_state(e, now, st, p, PING_DOWN);
	timerq_set(&e->timers, &p->timer, mono_add_ms(now, ms));
}

static void
on_response(struct edge *e, struct mono now, struct steps *st,
    struct ctxn *c, const struct sip_msg *m)
{
	struct ping *p = c->owner;

	if (m->status < 200)
		return;
	ctxn_detach(c);
	p->txn = NULL;
	p->status = m->status;
	if (m->status == 408 || m->status == 503) {
		miss(e, now, st, p);
		return;
	}
	e->trunk_pings->answered++;
	p->misses = 0;
	p->rtt_ms = (uint32_t)mono_ms_between(p->asked, now);
	set_state(e, now, st, p, PING_UP);
	timerq_set(&e->timers, &p->timer, mono_add_ms(now, period_ms(e, p)));
}

/* Its connection closed, say. */
static void
on_timeout(struct edge *e, struct mono now, struct steps *st, struct ctxn *c)
{
	struct ping *p = c->owner;

	p->status = 0;
	miss(e, now, st, p);
}

static const struct ctxn_ops ping_ops = {
	.response = on_response,
	.timeout = on_timeout,
};

/* ---- asking ---- */

static void
put_from(struct buf *b, const struct edge *e, const struct trunk *t,
    uint64_t token)
{
	build_open(b, SIP_H_FROM);
	buf_puts(b, "<sip:");
	if (t->user.len > 0) {
		build_value(b, TEXT_SPAN(t->user));
		buf_putc(b, '@');
		build_value(b, TEXT_SPAN(t->domain));
	} else {
		build_value(b, e->conf->domain);
	}
	buf_fmt(b, ">;tag=%016llx", (unsigned long long)token);
	build_close(b);
}

static void
put_options(const struct edge *e, struct buf *b, const struct trunk *t,
    const struct ping *p)
{
	char id_mem[32], uri_mem[300], branch[BRANCH_LEN];
	struct buf id, uri;

	buf_init(&id, id_mem, sizeof(id_mem));
	buf_fmt(&id, "ping-%016llx", (unsigned long long)p->token);
	buf_init(&uri, uri_mem, sizeof(uri_mem));
	buf_puts(&uri, "sip:");
	buf_put(&uri, TEXT_SPAN(t->domain));
	build_request_line(b, SPAN_LIT("OPTIONS"), buf_span(&uri));
	edge_put_via(e, &p->flow, txn_branch_own(&e->txns, buf_span(&id),
		branch), b);
	build_hdr_u64(b, SIP_H_MAX_FORWARDS, 70);
	put_from(b, e, t, p->token);
	build_open(b, SIP_H_TO);
	buf_putc(b, '<');
	build_value(b, buf_span(&uri));
	buf_putc(b, '>');
	build_close(b);
	build_hdr(b, SIP_H_CALL_ID, buf_span(&id));
	build_cseq(b, 1, SPAN_LIT("OPTIONS"));
	build_hdr_str(b, SIP_H_ACCEPT, "application/sdp");
	build_end(b, SPAN_NONE);
}

static void
ask(struct edge *e, struct mono now, struct steps *st, struct ping *p)
{
	const struct trunk *t = trunk_find(e->trunks, p->trunk);
	char mem[OPTIONS_MAX];
	struct buf b;

	secret_random(&p->token, sizeof(p->token));
	buf_init(&b, mem, sizeof(mem));
	put_options(e, &b, t, p);
	p->asked = now;
	timerq_set(&e->timers, &p->timer, mono_add_ms(now, PING_WAIT_MS));
	if (buf_err(&b) == 0 && ctxn_send(&e->txns, now, st, &p->flow,
		buf_span(&b), &ping_ops, p, &p->txn) == 0)
		e->trunk_pings->sent++;
}

void
ping_due(struct edge *e, struct mono now, struct steps *st,
    struct timer *timer)
{
	struct ping *p = timer->owner;

	if (p->txn != NULL) {
		p->status = 0;
		miss(e, now, st, p);
		return;
	}
	/* No room for its transaction is no fault of the trunk's. */
	ask(e, now, st, p);
	if (p->txn == NULL)
		timerq_set(&e->timers, &p->timer,
		    mono_add_ms(now, PING_AGAIN_MS));
}

/* ---- status ---- */

static const char *
word_of(enum ping_state state)
{
	return state == PING_UP ? "up" : state == PING_DOWN ? "down" :
							      "not asked yet";
}

/* The best of a trunk's. */
static const struct ping *
best_of(const struct pings *p, uint32_t trunk)
{
	const struct ping *one, *best = NULL;
	uint32_t at = 0;

	while ((one = next(p, &at)) != NULL) {
		if (one->trunk == trunk && (best == NULL ||
			(one->state == PING_UP && best->state != PING_UP)))
			best = one;
	}
	return best;
}

const char *
pings_word(const struct edge *e, uint32_t trunk)
{
	const struct ping *p = best_of(e->trunk_pings, trunk);

	return p == NULL ? NULL : word_of(p->state);
}

void
pings_status(const struct edge *e, struct mono now, struct buf *json)
{
	bool any = false;

	buf_puts(json, "\"pings\":[");
	for (unsigned i = 0; i < IPC_TRUNKS_MAX; i++) {
		const struct trunk *t = &e->trunks->trunk[i];
		const struct ping *p = t->id == 0 ? NULL :
		    best_of(e->trunk_pings, t->id);

		if (p == NULL)
			continue;
		buf_fmt(json, "%s{\"trunk\":%u,\"state\":\"%s\",\"since_s\":"
		    "%llu,\"rtt_ms\":%u,\"registered\":%s}", any ? "," : "",
		    t->id,
		    word_of(p->state),
		    (unsigned long long)mono_ms_between(p->since, now) / 1000,
		    p->rtt_ms, !t->registers ? "null" :
		    regclient_is_up(e->regs, t->id) ? "true" : "false");
		any = true;
	}
	buf_fmt(json, "],\"pings_sent\":%llu,\"pings_unanswered\":%llu",
	    (unsigned long long)e->trunk_pings->sent,
	    (unsigned long long)e->trunk_pings->unanswered);
}
