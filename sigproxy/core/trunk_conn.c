#include "sigproxy/core/trunk_conn.h"

#include <stdlib.h>

#include "common/base/secret.h"
#include "common/base/text.h"
#include "sigproxy/core/call.h"
#include "sigproxy/core/conns.h"
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/trunk_ping.h"

enum tconn_state {
	TCONN_WAITS,		/* until it is tried (again) */
	TCONN_ASKED,		/* stunmon dials */
	TCONN_SHAKES,		/* adopted, not ready yet */
	TCONN_UP,
};

struct tconn {
	uint32_t trunk;		/* 0: not in use */
	struct addr at;
	struct flow flow;	/* its connection: from TCONN_SHAKES on */
	bool verify;		/* its certificate */
	enum tconn_state state;
	struct timer timer;
	uint32_t id;		/* of the question */
	unsigned failures;
	struct mono since;	/* in this state */
};

struct tconns {
	struct timerq *timers;
	struct pool pool;
	uint32_t next_id;
	uint64_t made, lost, failed;
};

struct tconns *
tconns_new(struct timerq *timers)
{
	struct tconns *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->timers = timers;
	/* An answer to the life before is for nobody. */
	secret_random(&c->next_id, sizeof(c->next_id));
	if (pool_init(&c->pool, TCONNS_MAX, sizeof(struct tconn)) != 0) {
		tconns_free(c);
		return NULL;
	}
	return c;
}

void
tconns_free(struct tconns *c)
{
	if (c == NULL)
		return;
	pool_clear(&c->pool);
	free(c);
}

uint32_t
tconns_timers(void)
{
	return TCONNS_MAX;
}

/* ---- the table ---- */

static struct tconn *
next(const struct tconns *c, uint32_t *at)
{
	while (*at < c->pool.n) {
		struct tconn *one = pool_at(&c->pool, (*at)++);

		if (one->trunk != 0)
			return one;
	}
	return NULL;
}

static struct tconn *
find(const struct tconns *c, uint32_t trunk, const struct addr *at)
{
	struct tconn *one;
	uint32_t i = 0;

	while ((one = next(c, &i)) != NULL) {
		if (one->trunk == trunk && addr_eq(&one->at, at))
			return one;
	}
	return NULL;
}

static struct tconn *
find_flow(const struct tconns *c, const struct flow *flow)
{
	struct tconn *one;
	uint32_t i = 0;

	if (flow->conn == 0)
		return NULL;
	while ((one = next(c, &i)) != NULL) {
		if (one->state >= TCONN_SHAKES && flow_eq(&one->flow, flow))
			return one;
	}
	return NULL;
}

bool
tconns_has(const struct edge *e, const struct flow *flow)
{
	return find_flow(e->trunk_conns, flow) != NULL;
}

static void
set_state(struct edge *e, struct mono now, struct tconn *c,
    enum tconn_state state, uint64_t ms)
{
	c->state = state;
	c->since = now;
	timerq_set(&e->timers, &c->timer, mono_add_ms(now, ms));
}

/* ---- what a trunk is reached by ---- */

static void
tell_flows(struct edge *e, struct mono now, struct trunk *t)
{
	struct flow flows[TRUNK_FLOWS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < t->n_places; i++) {
		const struct tconn *c = find(e->trunk_conns, t->id,
		    &t->place[i]);

		if (c != NULL && c->state == TCONN_UP)
			flows[n++] = c->flow;
	}
	trunk_set_flows(t, flows, n);
	pings_follow(e, now);
}

/* The listener that says where we are to its peer: one by the same transport
 * if there is any.  Errors: -1: none of ours goes there. */
static int
listener_for(const struct edge_conf *conf, const struct trunk *t,
    const struct addr *to)
{
	int any = -1;

	for (unsigned i = 0; i < conf->n_listeners; i++) {
		const struct edge_listener *l = &conf->listeners[i];

		if (l->zone != t->zone || l->local.family != to->family)
			continue;
		if (l->transport == t->transport)
			return (int)i;
		if (any < 0)
			any = (int)i;
	}
	return any;
}

/* ---- following what is wanted ---- */

static void
drop(struct edge *e, struct steps *st, struct tconn *c)
{
	if (c->state >= TCONN_SHAKES)
		steps_close(st, &c->flow);
	timerq_cancel(&e->timers, &c->timer);
	c->trunk = 0;
	pool_put(&e->trunk_conns->pool, c);
}

static bool
is_place(const struct trunk *t, const struct addr *at)
{
	for (unsigned i = 0; i < t->n_places; i++) {
		if (addr_eq(&t->place[i], at))
			return true;
	}
	return false;
}

/* Where DNS leads elsewhere now its calls end as they began. */
static bool
is_wanted(const struct edge *e, const struct tconn *c)
{
	const struct trunk *t = trunk_find(e->trunks, c->trunk);

	if (t == NULL || t->transport == TRANSPORT_UDP ||
	    t->verify != c->verify)
		return false;
	if (c->state >= TCONN_SHAKES && (c->flow.zone != t->zone ||
		c->flow.transport != t->transport))
		return false;
	return is_place(t, &c->at) ||
	    (c->state == TCONN_UP && call_has_flow(e->calls, &c->flow));
}

static void
add(struct edge *e, struct mono now, const struct trunk *t,
    const struct addr *at)
{
	struct tconns *all = e->trunk_conns;
	struct tconn *c = pool_get(&all->pool);

	if (c == NULL)
		return;
	c->trunk = t->id;
	c->at = *at;
	c->verify = t->verify;
	c->timer.kind = TIMER_TCONN;
	c->timer.owner = c;
	set_state(e, now, c, TCONN_WAITS,
	    (uint64_t)all->pool.used * TCONN_PACE_MS);
}

void
tconns_follow(struct edge *e, struct mono now, struct steps *st)
{
	struct tconn *c;
	uint32_t at = 0;

	while ((c = next(e->trunk_conns, &at)) != NULL) {
		if (!is_wanted(e, c))
			drop(e, st, c);
	}
	for (unsigned i = 0; i < IPC_TRUNKS_MAX; i++) {
		struct trunk *t = &e->trunks->trunk[i];

		if (t->id == 0 || t->transport == TRANSPORT_UDP)
			continue;
		for (unsigned k = 0; k < t->n_places; k++) {
			if (find(e->trunk_conns, t->id, &t->place[k]) == NULL &&
			    listener_for(e->conf, t, &t->place[k]) >= 0)
				add(e, now, t, &t->place[k]);
		}
		tell_flows(e, now, t);
	}
}

void
tconns_peer(struct edge *e, struct mono now, bool up)
{
	struct tconn *c;
	uint32_t at = 0, n = 0;

	while ((c = next(e->trunk_conns, &at)) != NULL) {
		if (c->state == TCONN_ASKED || (up && c->state == TCONN_WAITS))
			set_state(e, now, c, TCONN_WAITS,
			    (uint64_t)++n * TCONN_PACE_MS);
	}
}

/* ---- what is said ---- */

static void
log_line(const struct edge *e, struct steps *st, const struct tconn *c,
    enum step_level level, const char *event)
{
	const struct trunk *t = trunk_find(e->trunks, c->trunk);

	steps_log(st, level, event);
	steps_key_text(st, "trunk", TEXT_SPAN(t->name));
	steps_key_addr(st, "address", &c->at);
	steps_key_text(st, "transport", t->transport == TRANSPORT_TLS ?
		SPAN_LIT("tls") : SPAN_LIT("tcp"));
	if (t->why.len > 0)
		steps_key_text(st, "why", TEXT_SPAN(t->why));
}

static uint64_t
pause_ms(unsigned failures)
{
	uint64_t ms = TCONN_FIRST_MS;
	uint32_t r;

	while (failures-- > 1 && ms < TCONN_MOST_MS)
		ms *= 2;
	if (ms > TCONN_MOST_MS)
		ms = TCONN_MOST_MS;
	secret_random(&r, sizeof(r));
	return ms + r % (ms / 4);
}

static void
set_why(struct trunk *t, struct span why)
{
	(void)TEXT_SET(&t->why, span_sub(why, 0,
		why.len < sizeof(t->why.p) ? why.len : sizeof(t->why.p)));
}

/* Said once, until it is another reason or it worked again. */
static void
failed(struct edge *e, struct mono now, struct steps *st, struct tconn *c,
    struct span why)
{
	struct trunk *t = trunk_find(e->trunks, c->trunk);
	bool is_news = t != NULL && !span_eq(TEXT_SPAN(t->why), why);

	e->trunk_conns->failed++;
	c->failures++;
	set_state(e, now, c, TCONN_WAITS, pause_ms(c->failures));
	if (!is_news)
		return;
	set_why(t, why);
	log_line(e, st, c, STEP_WARN, "trunk-not-connected");
}

static struct span
refusal_words(uint8_t refusal)
{
	switch (refusal) {
	case DIAL_REFUSED:
		return SPAN_LIT("it refuses connections: nothing listens "
		    "there, or a firewall says no");
	case DIAL_SILENT:
		return SPAN_LIT("it does not answer: a firewall, or a wrong "
		    "address");
	case DIAL_NO_WAY:
		return SPAN_LIT("no way leads there: no route, or our own "
		    "firewall (ports below 1024 are closed)");
	case DIAL_UNKNOWN:
		return SPAN_LIT("stunmon does not know this address as the "
		    "trunk's");
	default:
		return SPAN_LIT("the connection could not be made");
	}
}

/* ---- making one ---- */

static void
ask(struct edge *e, struct mono now, struct steps *st, struct tconn *c)
{
	const struct ipc_trunk_dial dial = { .id = ++e->trunk_conns->next_id,
		.trunk = c->trunk, .address = c->at };

	/* It is asked when it comes. */
	if (!e->stun_up) {
		set_state(e, now, c, TCONN_WAITS, TCONN_MOST_MS);
		return;
	}
	c->id = dial.id;
	STEPS_ASK(st, &st->stun, TRUNK_DIAL, trunk_dial, &dial);
	set_state(e, now, c, TCONN_ASKED, TCONN_ASK_MS);
}

static void
keep(struct edge *e, struct mono now, struct steps *st, struct tconn *c)
{
	uint32_t r;

	secret_random(&r, sizeof(r));
	steps_send(st, &c->flow, SPAN_LIT("\r\n\r\n"));
	timerq_set(&e->timers, &c->timer, mono_add_ms(now,
		TCONN_KEEP_MS - r % (TCONN_KEEP_MS / 5)));
}

void
tconn_due(struct edge *e, struct mono now, struct steps *st,
    struct timer *timer)
{
	struct tconn *c = timer->owner;

	switch (c->state) {
	case TCONN_WAITS:
		ask(e, now, st, c);
		break;
	case TCONN_ASKED:
		failed(e, now, st, c, SPAN_LIT("stunmon does not answer"));
		break;
	case TCONN_SHAKES:
		steps_close(st, &c->flow);
		failed(e, now, st, c, SPAN_LIT("it does not finish the TLS "
		    "handshake"));
		break;
	case TCONN_UP:
		if (is_wanted(e, c))
			keep(e, now, st, c);
		else
			drop(e, st, c);
		break;
	}
}

static struct tconn *
asked_for(const struct tconns *all, const struct ipc_trunk_conn *m)
{
	struct tconn *c = find(all, m->trunk, &m->address);

	return c != NULL && c->state == TCONN_ASKED && c->id == m->id ? c :
									NULL;
}

int
edge_trunk_dialled(struct edge *e, struct mono now, struct steps *st,
    struct span payload, bool has_fd, struct edge_dialled *out)
{
	struct ipc_trunk_conn m;
	const struct trunk *t;
	struct tconn *c;
	int listener, err = get_trunk_conn(payload, &m);

	if (err)
		return err;
	c = asked_for(e->trunk_conns, &m);
	t = c == NULL ? NULL : trunk_find(e->trunks, c->trunk);
	if (t == NULL)
		return 0;
	listener = listener_for(e->conf, t, &c->at);
	if (m.refusal == DIAL_BUSY) {
		set_state(e, now, c, TCONN_WAITS, pause_ms(c->failures));
		return 0;
	}
	if (m.refusal != DIAL_OK || !has_fd || listener < 0) {
		failed(e, now, st, c, refusal_words(m.refusal));
		return 0;
	}
	*out = (struct edge_dialled){
		.trunk = t->id,
		.flow = { .zone = t->zone, .transport = t->transport,
			.listener = (uint8_t)listener, .remote = c->at },
		.name = TEXT_SPAN(t->host),
		.verify = t->verify,
	};
	return 1;
}

void
edge_trunk_adopted(struct edge *e, struct mono now, struct steps *st,
    const struct edge_dialled *d, const struct flow *flow)
{
	struct tconn *c = find(e->trunk_conns, d->trunk, &d->flow.remote);

	if (c == NULL || c->state != TCONN_ASKED)
		return;
	if (flow == NULL) {
		failed(e, now, st, c, refusal_words(DIAL_BROKEN));
		return;
	}
	c->flow = *flow;
	set_state(e, now, c, TCONN_SHAKES, TCONN_SHAKE_MS);
}

void
edge_trunk_up(struct edge *e, struct mono now, struct steps *st,
    const struct flow *flow)
{
	struct tconn *c = find_flow(e->trunk_conns, flow);
	struct trunk *t = c == NULL ? NULL : trunk_find(e->trunks, c->trunk);

	if (t == NULL || c->state == TCONN_UP)
		return;
	e->trunk_conns->made++;
	set_state(e, now, c, TCONN_UP, TCONN_KEEP_MS);
	t->why.len = 0;
	log_line(e, st, c, STEP_INFO, "trunk-connected");
	(void)conns_prove(e->conns, flow);
	tell_flows(e, now, t);
	call_trunk_back(e, now, st, t->id, flow);
}

void
edge_trunk_refused(struct edge *e, struct mono now, struct steps *st,
    const struct flow *flow, struct span why)
{
	struct tconn *c = find_flow(e->trunk_conns, flow);
	struct trunk *t = c == NULL ? NULL : trunk_find(e->trunks, c->trunk);

	if (t == NULL)
		return;
	/* What follows the handshake is a connection's end like another. */
	if (c->state == TCONN_SHAKES)
		failed(e, now, st, c, why);
	else
		set_why(t, why);
}

void
tconns_claim(struct edge *e, struct mono now, struct steps *st)
{
	const struct tconn *c;
	uint32_t at = 0;

	while ((c = next(e->trunk_conns, &at)) != NULL) {
		if (c->state == TCONN_UP)
			call_trunk_back(e, now, st, c->trunk, &c->flow);
	}
}

/* ---- losing one ---- */

void
tconns_closed(struct edge *e, struct mono now, struct steps *st,
    const struct flow *flow)
{
	struct tconn *c = find_flow(e->trunk_conns, flow);
	struct trunk *t = c == NULL ? NULL : trunk_find(e->trunks, c->trunk);
	bool was_steady;

	if (t == NULL)
		return;
	e->trunk_conns->lost++;
	if (!is_place(t, &c->at)) {
		drop(e, st, c);
		return;
	}
	if (c->state == TCONN_SHAKES) {
		failed(e, now, st, c, t->transport == TRANSPORT_TLS ?
			SPAN_LIT("it ends the TLS handshake") :
			SPAN_LIT("it closes the connection"));
		return;
	}
	was_steady = mono_due(mono_add_ms(c->since, TCONN_STEADY_MS), now);
	c->failures = was_steady ? 0 : c->failures + 1;
	if (t->why.len == 0)
		set_why(t, SPAN_LIT("the connection was closed or broke"));
	log_line(e, st, c, STEP_WARN, "trunk-connection-lost");
	set_state(e, now, c, TCONN_WAITS, pause_ms(c->failures) /
	    (c->failures == 0 ? 4 : 1));
	tell_flows(e, now, t);
}

/* ---- status ---- */

static const char *
word_of(enum tconn_state state)
{
	switch (state) {
	case TCONN_ASKED:
		return "dialling";
	case TCONN_SHAKES:
		return "tls handshake";
	case TCONN_UP:
		return "up";
	default:
		return "waits";
	}
}

void
tconns_put(const struct edge *e, struct mono now, const struct trunk *t,
    struct buf *json)
{
	char mem[ADDR_TEXT_MAX + 1];
	bool any = false;

	buf_puts(json, ",\"connections\":[");
	for (unsigned i = 0; i < t->n_places; i++) {
		const struct tconn *c = find(e->trunk_conns, t->id,
		    &t->place[i]);

		buf_fmt(json, "%s{\"address\":\"%s\",\"state\":\"%s\"",
		    any ? "," : "", addr_text(&t->place[i], mem),
		    c == NULL ? "no listener of ours goes there" :
				word_of(c->state));
		if (c != NULL)
			buf_fmt(json, ",\"since_s\":%llu", (unsigned long long)
			    mono_ms_between(c->since, now) / 1000);
		buf_putc(json, '}');
		any = true;
	}
	buf_puts(json, "],\"why\":");
	text_put_json(json, TEXT_SPAN(t->why));
}

void
tconns_status(const struct edge *e, struct buf *json)
{
	const struct tconns *all = e->trunk_conns;

	buf_fmt(json, "\"trunk_conns_made\":%llu,\"trunk_conns_lost\":%llu,"
	    "\"trunk_conns_failed\":%llu", (unsigned long long)all->made,
	    (unsigned long long)all->lost, (unsigned long long)all->failed);
}
