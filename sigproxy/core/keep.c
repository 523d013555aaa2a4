#include <errno.h>
#include <stdlib.h>

#include "common/base/htab.h"
#include "common/base/pool.h"
#include "common/codec/stun_ask.h"
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/keep.h"

#define TURN_MS (KEEP_PERIOD_MS / KEEP_TURNS)
#define WHOLE_SITE 65535	/* PUBLIC_ADDR without a socket */

/* An IP from which phones are registered. */
struct home {
	struct htab_node node;
	struct addr ip;		/* port 0 */
	uint32_t flows;
};

struct kept {
	struct htab_node node;
	struct flow flow;
	struct mono until;
	struct home *home;
	struct kept *next, **link;	/* in its turn's list */
	bool nated;
};

struct keep {
	struct timerq *timers;
	struct timer timer;
	struct pool flows, homes;
	struct htab by_flow, by_ip;
	struct kept *turn[KEEP_TURNS];
	unsigned now_turn;
	struct stun_ask stun;
	bool stun_wanted;
	uint64_t sent, full;
};

static void
stun_servers(struct keep *k, const struct edge_conf *c)
{
	static const struct addr by_name = { 0 };

	stun_ask_init(&k->stun, (struct mono){ 0 });
	for (unsigned i = 0; i < c->n_stun_servers; i++)
		stun_ask_add_server(&k->stun, &c->stun_servers[i],
		    c->stun_servers[i].port);
	if (c->stun_name_port != 0)
		stun_ask_add_server(&k->stun, &by_name, c->stun_name_port);
	k->stun_wanted = c->n_stun_servers > 0 || c->stun_name_port != 0;
}

struct keep *
keep_new(const struct edge_conf *conf, struct timerq *timers,
    uint32_t max_flows)
{
	struct keep *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->timers = timers;
	k->timer.kind = TIMER_KEEP;
	stun_servers(k, conf);
	if (pool_init(&k->flows, max_flows, sizeof(struct kept)) != 0 ||
	    pool_init(&k->homes, max_flows, sizeof(struct home)) != 0 ||
	    htab_init(&k->by_flow, max_flows) != 0 ||
	    htab_init(&k->by_ip, max_flows) != 0) {
		keep_free(k);
		return NULL;
	}
	return k;
}

void
keep_free(struct keep *k)
{
	if (k == NULL)
		return;
	htab_clear(&k->by_ip);
	htab_clear(&k->by_flow);
	pool_clear(&k->homes);
	pool_clear(&k->flows);
	free(k);
}

static uint64_t
ip_hash(const struct keep *k, const struct addr *a)
{
	return htab_hash(&k->by_ip, a->ip, sizeof(a->ip));
}

static struct home *
home_find(const struct keep *k, const struct addr *a)
{
	struct htab_node *n;

	for (n = htab_first(&k->by_ip, ip_hash(k, a)); n != NULL;
	     n = htab_next(n)) {
		struct home *h = HTAB_OF(n, struct home, node);

		if (addr_same_ip(&h->ip, a))
			return h;
	}
	return NULL;
}

bool
keep_knows(const struct keep *k, const struct addr *a)
{
	return home_find(k, a) != NULL;
}

static uint64_t
flow_hash(const struct keep *k, const struct flow *f)
{
	uint8_t key[21] = { f->zone, f->transport, f->listener,
		(uint8_t)(f->remote.port >> 8), (uint8_t)f->remote.port };

	/* The connection's number is compared, not hashed. */
	memcpy(key + 5, f->remote.ip, sizeof(f->remote.ip));
	return htab_hash(&k->by_flow, key, sizeof(key));
}

static struct kept *
kept_find(const struct keep *k, const struct flow *f)
{
	struct htab_node *n;

	for (n = htab_first(&k->by_flow, flow_hash(k, f)); n != NULL;
	     n = htab_next(n)) {
		struct kept *kept = HTAB_OF(n, struct kept, node);

		if (flow_eq(&kept->flow, f))
			return kept;
	}
	return NULL;
}

static void
turn_add(struct keep *k, struct kept *kept, unsigned turn)
{
	kept->link = &k->turn[turn];
	kept->next = k->turn[turn];
	if (kept->next != NULL)
		kept->next->link = &kept->next;
	k->turn[turn] = kept;
}

static void
turn_del(struct kept *kept)
{
	*kept->link = kept->next;
	if (kept->next != NULL)
		kept->next->link = kept->link;
}

static struct home *
home_get(struct keep *k, const struct addr *a)
{
	struct home *h = home_find(k, a);

	if (h == NULL) {
		h = pool_get(&k->homes);	/* never fewer than flows */
		h->ip = *a;
		h->ip.port = 0;
		htab_add(&k->by_ip, &h->node, ip_hash(k, a));
	}
	h->flows++;
	return h;
}

static struct kept *
kept_new(struct keep *k, struct mono now, const struct flow *f)
{
	struct kept *kept = pool_get(&k->flows);
	uint64_t hash;

	if (kept == NULL) {
		k->full++;
		return NULL;
	}
	hash = flow_hash(k, f);
	kept->flow = *f;
	kept->home = home_get(k, &f->remote);
	htab_add(&k->by_flow, &kept->node, hash);
	/* The keyed hash spreads the flows over the period. */
	turn_add(k, kept, (unsigned)((hash >> 20) % KEEP_TURNS));
	if (!timer_is_armed(&k->timer))
		timerq_set(k->timers, &k->timer, mono_add_ms(now, TURN_MS));
	return kept;
}

static void
kept_drop(struct keep *k, struct kept *kept)
{
	struct home *h = kept->home;

	turn_del(kept);
	htab_del(&k->by_flow, &kept->node);
	pool_put(&k->flows, kept);
	if (--h->flows == 0) {
		htab_del(&k->by_ip, &h->node);
		pool_put(&k->homes, h);
	}
}

void
keep_flow(struct keep *k, struct mono now, const struct flow *f, bool nated,
    uint32_t expires_s)
{
	struct mono until = mono_add_ms(now, (uint64_t)expires_s * 1000);
	struct kept *kept = kept_find(k, f);

	if (expires_s == 0)
		return;
	if (kept == NULL)
		kept = kept_new(k, now, f);
	if (kept == NULL)
		return;
	kept->nated |= nated;
	if (mono_before(kept->until, until))
		kept->until = until;
}

bool
keep_has(const struct keep *k, const struct flow *f)
{
	return kept_find(k, f) != NULL;
}

void
keep_forget(struct keep *k, const struct flow *f)
{
	struct kept *kept = kept_find(k, f);

	if (kept != NULL)
		kept_drop(k, kept);
}

void
keep_due(struct edge *e, struct mono now, struct steps *st)
{
	struct keep *k = e->keep;
	struct kept *next;

	k->now_turn = (k->now_turn + 1) % KEEP_TURNS;
	for (struct kept *p = k->turn[k->now_turn]; p != NULL; p = next) {
		next = p->next;
		if (mono_due(p->until, now)) {
			kept_drop(k, p);
		} else if (p->nated && p->flow.transport == TRANSPORT_UDP) {
			steps_send(st, &p->flow, SPAN_LIT("\r\n\r\n"));
			k->sent++;
		}
	}
	if (k->flows.used > 0)
		timerq_set(k->timers, &k->timer, mono_add_ms(now, TURN_MS));
}

/* ---- STUN by the SIP sockets ---- */

static bool
is_mapped_listener(const struct edge_conf *c, unsigned i)
{
	return i < c->n_listeners && c->listeners[i].zone == ZONE_EXTERNAL &&
	    c->listeners[i].transport == TRANSPORT_UDP;
}

void
keep_stun_up(struct edge *e, struct mono now, struct steps *st)
{
	struct ipc_map_want want = { 0 };

	if (!e->keep->stun_wanted)
		return;
	for (unsigned i = 0; i < e->conf->n_listeners; i++) {
		if (is_mapped_listener(e->conf, i))
			want.sockets[want.n_sockets++].number = (uint16_t)i;
	}
	STEPS_ASK(st, &st->stun, MAP_WANT, map_want, &want);
}

static void
stun_send(struct edge *e, struct mono now, struct steps *st,
    const struct ipc_stun_send *m)
{
	struct flow to = { ZONE_EXTERNAL, TRANSPORT_UDP, (uint8_t)m->socket,
		m->server, 0 };
	char mem[STUN_REQUEST_LEN];
	struct buf b;
	int err;

	if (!is_mapped_listener(e->conf, m->socket))
		return;
	buf_init(&b, mem, sizeof(mem));
	err = stun_ask_send(&e->keep->stun, m->socket, m->tid, &m->server,
	    edge_is_lan(e, &m->server), now, &b);
	if (err == 0) {
		steps_send(st, &to, buf_span(&b));
	} else if (err == -EACCES) {
		steps_log(st, STEP_WARN, "stun-server-refused");
		steps_key_addr(st, "server", &m->server);
	}
}

static void
public_addr(struct edge *e, struct steps *st,
    const struct ipc_public_addr *m)
{
	struct addr *at;
	struct addr mapped = m->mapped;

	/* stunmon may lie: not about what the configuration decides, and
	 * not into the office or loopback. */
	if (e->conf->public_addr.family != ADDR_NONE)
		return;
	if (m->state == PUBLIC_UNKNOWN)
		mapped = (struct addr){ 0 };
	else if (!addr_is_public(&mapped))
		return;
	if (m->socket == WHOLE_SITE) {
		at = &e->public_ip;
		mapped.port = 0;
	} else if (is_mapped_listener(e->conf, m->socket)) {
		at = &e->mapped[m->socket];
	} else {
		return;
	}
	if (addr_eq(at, &mapped))
		return;
	if (at->family != ADDR_NONE && !addr_same_ip(at, &mapped))
		e->public_before = *at;
	*at = mapped;
	steps_log(st, STEP_INFO, "public-address");
	steps_key_number(st, "socket", m->socket);
	steps_key_addr(st, "address", &mapped);
}

int
keep_frame(struct edge *e, struct mono now, struct steps *st, uint16_t type,
    struct span payload)
{
	struct ipc_flow_keep keep;
	struct ipc_flow_gone gone;
	struct ipc_stun_send ask;
	struct ipc_public_addr public;
	struct flow f;
	int err;

	switch (type) {
	case IPC_FLOW_KEEP:
		err = get_flow_keep(payload, &keep);
		if (err)
			return err;
		f = flow_from_ipc(&keep.flow);
		if (f.listener < e->conf->n_listeners)
			keep_flow(e->keep, now, &f, keep.nated != 0,
			    keep.expires_s);
		return 0;
	case IPC_FLOW_GONE:
		err = get_flow_gone(payload, &gone);
		if (err)
			return err;
		f = flow_from_ipc(&gone.flow);
		keep_forget(e->keep, &f);
		return 0;
	case IPC_STUN_SEND:
		err = get_stun_send(payload, &ask);
		if (err == 0)
			stun_send(e, now, st, &ask);
		return err;
	case IPC_PUBLIC_ADDR:
		err = get_public_addr(payload, &public);
		if (err == 0)
			public_addr(e, st, &public);
		return err;
	default:
		return -EPROTO;
	}
}

void
keep_stun(struct edge *e, struct mono now, struct steps *st,
    const struct flow *from, struct span packet)
{
	struct ipc_stun_heard heard = { from->listener, from->remote, packet };

	if (!is_mapped_listener(e->conf, from->listener) ||
	    !stun_ask_heard(&e->keep->stun, from->listener, &from->remote,
		packet, now))
		return;
	STEPS_ASK(st, &st->stun, STUN_HEARD, stun_heard, &heard);
}

void
keep_status(const struct keep *k, struct buf *json)
{
	buf_fmt(json,
	    "\"flows\":%u,\"flows_full\":%llu,\"homes\":%u,"
	    "\"keepalives\":%llu,\"stun_sent\":%llu,\"stun_heard\":%llu,"
	    "\"stun_refused\":%llu",
	    k->flows.used, (unsigned long long)k->full, k->homes.used,
	    (unsigned long long)k->sent, (unsigned long long)k->stun.n_sent,
	    (unsigned long long)k->stun.n_heard,
	    (unsigned long long)k->stun.n_refused);
}
