#include <errno.h>
#include <stdlib.h>

#include "sigproxy/core/call.h"
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/keep_priv.h"

struct keep *
keep_new(const struct edge_conf *conf, struct timerq *timers,
    uint32_t max_flows)
{
	struct keep *k = calloc(1, sizeof(*k));

	if (k == NULL)
		return NULL;
	k->timers = timers;
	keep_stun_servers(k, conf);
	if (pool_init(&k->flows, max_flows, sizeof(struct kept)) != 0 ||
	    pool_init(&k->homes, max_flows, sizeof(struct home)) != 0 ||
	    htab_init(&k->by_flow, max_flows) != 0 ||
	    htab_init(&k->by_ip, max_flows) != 0) {
		keep_free(k);
		return NULL;
	}
	k->missing_timer.kind = TIMER_MISSING;
	k->missing_timer.owner = k;
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

/* ---- homes ---- */

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
	const struct home *h = home_find(k, a);

	return h != NULL && h->flows > 0;
}

static void
idle_add(struct keep *k, struct mono now, struct home *h)
{
	k->n_idle++;
	h->idle_since = now;
	h->idle_prev = NULL;
	h->idle_next = k->idle;
	if (k->idle != NULL)
		k->idle->idle_prev = h;
	else
		k->idle_last = h;
	k->idle = h;
}

static void
idle_del(struct keep *k, struct home *h)
{
	k->n_idle--;
	if (h->idle_prev != NULL)
		h->idle_prev->idle_next = h->idle_next;
	else
		k->idle = h->idle_next;
	if (h->idle_next != NULL)
		h->idle_next->idle_prev = h->idle_prev;
	else
		k->idle_last = h->idle_prev;
}

/* A home that is in no list yet; NULL: every one has phones. */
static struct home *
home_new(struct keep *k, const struct addr *a)
{
	struct home *h = pool_get(&k->homes), *oldest = k->idle_last;

	if (h == NULL && oldest != NULL) {
		idle_del(k, oldest);
		htab_del(&k->by_ip, &oldest->node);
		pool_put(&k->homes, oldest);
		h = pool_get(&k->homes);
	}
	if (h == NULL)
		return NULL;
	h->ip = *a;
	h->ip.port = 0;
	pace_init(&h->udp);
	pace_init(&h->stream);
	htab_add(&k->by_ip, &h->node, ip_hash(k, a));
	return h;
}

/* The home of a new flow; NULL: every one has phones. */
static struct home *
home_get(struct keep *k, struct mono now, const struct addr *a)
{
	struct home *h = home_find(k, a);

	if (h == NULL) {
		h = home_new(k, a);
		if (h == NULL)
			return NULL;
	} else if (h->flows == 0) {
		idle_del(k, h);
		/* By now the address may be somebody else's. */
		if (mono_ms_between(h->idle_since, now) > KEEP_MEMORY_MS) {
			pace_init(&h->udp);
			pace_init(&h->stream);
			h->udp_alg = h->stream_alg = ALG_NONE;
			h->proved = HOME_UNKNOWN;
		}
	}
	h->flows++;
	return h;
}

static void
home_restore(struct keep *k, struct mono now, const struct ipc_home_pace *m)
{
	struct home *h = home_find(k, &m->address);

	if (h == NULL) {
		h = home_new(k, &m->address);
		if (h == NULL)
			return;
		idle_add(k, now, h);
	}
	pace_restore(m->stream ? &h->stream : &h->udp, now, m->proven_ms,
	    m->lost_ms);
	*(m->stream ? &h->stream_alg : &h->udp_alg) = m->alg;
}

/* ---- flows ---- */

enum home_nat
keep_home_nat(const struct keep *k, const struct addr *a)
{
	const struct home *h = home_find(k, a);

	if (h == NULL || h->proved != HOME_UNKNOWN)
		return h == NULL ? HOME_UNKNOWN : (enum home_nat)h->proved;
	if (h->nats[HOME_KEEPS] > 0)
		return HOME_KEEPS;
	if (h->nats[HOME_SYMMETRIC] > 0)
		return HOME_SYMMETRIC;
	return h->nats[HOME_CHANGES] > 0 ? HOME_CHANGES : HOME_UNKNOWN;
}

void
keep_note_proof(struct keep *k, const struct addr *a, enum home_nat nat)
{
	struct home *h = home_find(k, a);

	if (h != NULL)
		h->proved = (uint8_t)nat;
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

struct kept *
keep_find(const struct keep *k, const struct flow *f)
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

static struct kept *
kept_new(struct keep *k, struct mono now, const struct flow *f)
{
	struct kept *kept = pool_get(&k->flows);
	struct home *home = kept == NULL ? NULL :
	    home_get(k, now, &f->remote);

	if (home == NULL) {
		if (kept != NULL)
			pool_put(&k->flows, kept);
		k->full++;
		return NULL;
	}
	kept->flow = *f;
	kept->timer.kind = TIMER_KEEP;
	kept->timer.owner = kept;
	kept->home = home;
	kept->home->nats[HOME_UNKNOWN]++;
	keep_reached(k, f);
	htab_add(&k->by_flow, &kept->node, flow_hash(k, f));
	return kept;
}

static void
kept_drop(struct keep *k, struct mono now, struct kept *kept)
{
	struct home *h = kept->home;

	timerq_cancel(k->timers, &kept->timer);
	htab_del(&k->by_flow, &kept->node);
	keep_nat_dropped(kept);
	pool_put(&k->flows, kept);
	if (--h->flows == 0)
		idle_add(k, now, h);
}

static void
note_who(struct kept *kept, const struct keep_who *who)
{
	if (who->number.len == 0 || who->number.len > sizeof(kept->number))
		return;
	memcpy(kept->number, who->number.p, who->number.len);
	kept->n_number = (uint8_t)who->number.len;
	kept->server = who->server;
}

static struct kept *
flow_wish(struct keep *k, struct mono now, const struct flow *f,
    uint32_t expires_s)
{
	struct mono until = mono_add_ms(now, (uint64_t)expires_s * 1000);
	struct kept *kept = keep_find(k, f);

	if (expires_s == 0)
		return NULL;
	if (kept == NULL)
		kept = kept_new(k, now, f);
	if (kept == NULL)
		return NULL;
	if (mono_before(kept->until, until))
		kept->until = until;
	if (!timer_is_armed(&kept->timer))
		probe_begin(k, now, kept);
	return kept;
}

void
keep_flow(struct keep *k, struct mono now, const struct flow *f,
    uint32_t expires_s)
{
	(void)flow_wish(k, now, f, expires_s);
}

/* It registered in the life before this one. */
static void
flow_restore(struct keep *k, struct mono now, const struct flow *f,
    const struct ipc_flow_keep *m)
{
	struct kept *kept = flow_wish(k, now, f, m->expires_s);

	if (kept != NULL && kept->n_number == 0)
		note_who(kept, &(struct keep_who){ .number = m->number });
}

void
keep_registered(struct edge *e, struct mono now, struct steps *st,
    const struct flow *f, uint32_t expires_s, const struct keep_who *who)
{
	struct kept *kept = flow_wish(e->keep, now, f, expires_s);

	keep_found(e, st, who->number);
	if (kept == NULL)
		return;
	note_who(kept, who);
	probe_registered(e, now, st, kept);
	call_reached(e, now, st, f);
	call_registered(e, now, st, f);
}

uint16_t
keep_used_port(const struct keep *k, const struct flow *f)
{
	const struct kept *kept = keep_find(k, f);

	return kept != NULL ? kept->used_port : 0;
}

/* Not the office's: a registrar that is written with 5060 is reached by an
 * outbound proxy, and nobody forwards that port. */
static uint16_t
port_of_ours(const struct edge *e, const struct uri *u)
{
	if (!edge_is_our_host(e, u->host))
		return 0;
	for (unsigned i = 0; i < e->conf->n_listeners; i++) {
		if (e->conf->listeners[i].zone == ZONE_INTERNAL &&
		    e->conf->listeners[i].local.port == u->port)
			return 0;
	}
	return u->port;
}

void
keep_note_port(struct edge *e, const struct flow *f, const struct sip_msg *m)
{
	struct kept *kept = keep_find(e->keep, f);
	int16_t route = m->first[SIP_H_ROUTE];
	struct sip_nameaddr to;
	uint16_t port;

	if (kept == NULL || f->zone != ZONE_EXTERNAL)
		return;
	port = port_of_ours(e, &m->ruri);
	/* With an outbound proxy that is us, it stands there. */
	if (route >= 0 &&
	    sip_nameaddr_parse(m->hdr[route].value, &to) == 0 &&
	    port_of_ours(e, &to.uri) != 0)
		port = to.uri.port;
	kept->used_port = port;
}

bool
keep_has(const struct keep *k, const struct flow *f)
{
	return keep_find(k, f) != NULL;
}

void
keep_closed(struct edge *e, struct mono now, struct steps *st,
    const struct flow *f)
{
	struct kept *kept = keep_find(e->keep, f);
	struct ipc_conn_gone gone = { flow_to_ipc(f) };

	if (kept == NULL)
		return;
	STEPS_ASK(st, &st->reg, CONN_GONE, conn_gone, &gone);
	probe_ends(e, now, st, kept, false);
	kept_drop(e->keep, now, kept);
}

void
keep_due(struct edge *e, struct mono now, struct steps *st, struct timer *t)
{
	struct kept *kept = t->owner;

	if (!mono_due(kept->until, now)) {
		probe_due(e, now, st, kept);
		return;
	}
	missing_check(e, now, st, kept);
	kept_drop(e->keep, now, kept);
}

/* ---- what others say ---- */

static void
flow_gone(struct edge *e, struct mono now, struct steps *st,
    const struct ipc_flow_gone *m)
{
	struct flow f = flow_from_ipc(&m->flow);
	struct kept *kept = keep_find(e->keep, &f);

	if (kept != NULL) {
		probe_ends(e, now, st, kept, m->why == GONE_MOVED);
		if (m->why == GONE_ENDED)
			missing_check(e, now, st, kept);
		else if (m->why == GONE_CUT)
			keep_found(e, st, span_make(kept->number,
			    kept->n_number));
		kept_drop(e->keep, now, kept);
	}
	if (m->why == GONE_CUT && f.conn != 0)
		steps_close(st, &f);
}

/* Its phone is not missed by the old one, which FLOW_GONE may end as if it
 * were another one's. */
static void
flow_moved(struct edge *e, struct mono now, struct steps *st,
    const struct ipc_flow_moved *m)
{
	struct flow f = flow_from_ipc(&m->from);
	struct kept *kept = keep_find(e->keep, &f);

	if (kept != NULL)
		kept->n_number = 0;
	call_flow_moved(e, now, st, m);
}

static int
on_flow(struct edge *e, struct mono now, struct steps *st, uint16_t type,
    struct span payload)
{
	struct ipc_flow_keep keep;
	struct ipc_flow_gone gone;
	struct ipc_flow_moved moved;
	struct ipc_home_pace home;
	struct ipc_phone_lost lost;
	struct flow f;
	int err;

	if (type == IPC_HOME_PACE) {
		err = get_home_pace(payload, &home);
		if (err == 0)
			home_restore(e->keep, now, &home);
		return err;
	}
	if (type == IPC_PHONE_LOST) {
		err = get_phone_lost(payload, &lost);
		if (err == 0)
			missing_restore(e, now, st, &lost);
		return err;
	}
	if (type == IPC_FLOW_MOVED) {
		err = get_flow_moved(payload, &moved);
		if (err == 0)
			flow_moved(e, now, st, &moved);
		return err;
	}
	if (type == IPC_FLOW_GONE) {
		err = get_flow_gone(payload, &gone);
		if (err == 0)
			flow_gone(e, now, st, &gone);
		return err;
	}
	err = get_flow_keep(payload, &keep);
	if (err)
		return err;
	f = flow_from_ipc(&keep.flow);
	if (edge_is_reachable(e->conf, &f))
		flow_restore(e->keep, now, &f, &keep);
	return 0;
}

int
keep_frame(struct edge *e, struct mono now, struct steps *st, uint16_t type,
    struct span payload)
{
	struct ipc_stun_send ask;
	struct ipc_public_addr public;
	struct ipc_port_open open;
	struct ipc_stun_test test;
	int err;

	switch (type) {
	case IPC_FLOW_KEEP:
	case IPC_FLOW_GONE:
	case IPC_FLOW_MOVED:
	case IPC_HOME_PACE:
	case IPC_PHONE_LOST:
		return on_flow(e, now, st, type, payload);
	case IPC_STUN_SEND:
		err = get_stun_send(payload, &ask);
		if (err == 0)
			keep_stun_send(e, now, st, &ask);
		return err;
	case IPC_PUBLIC_ADDR:
		err = get_public_addr(payload, &public);
		if (err == 0)
			keep_public_addr(e, now, st, &public);
		return err;
	case IPC_STUN_TEST:
		err = get_stun_test(payload, &test);
		if (err == 0)
			keep_stun_test(e, now, st, &test);
		return err;
	case IPC_PORT_OPEN:
		err = get_port_open(payload, &open);
		if (err == 0 && open.socket < EDGE_LISTENERS_MAX)
			e->port_open[open.socket] = open.open == 1;
		return err;
	default:
		return -EPROTO;
	}
}

void
keep_status(const struct keep *k, struct mono now, struct buf *json)
{
	buf_fmt(json,
	    "\"flows\":%u,\"flows_full\":%llu,\"homes\":%u,"
	    "\"keepalives\":%llu,\"keepalives_answered\":%llu,"
	    "\"keepalives_unanswered\":%llu,\"keepalives_late\":%llu,"
	    "\"sip_algs\":%llu,"
	    "\"stun_sent\":%llu,\"stun_heard\":%llu,"
	    "\"stun_refused\":%llu",
	    k->flows.used, (unsigned long long)k->full, k->homes.used - k->n_idle,
	    (unsigned long long)k->sent, (unsigned long long)k->answered,
	    (unsigned long long)k->unanswered, (unsigned long long)k->late,
	    (unsigned long long)k->algs,
	    (unsigned long long)k->stun.n_sent,
	    (unsigned long long)k->stun.n_heard,
	    (unsigned long long)k->stun.n_refused);
	buf_putc(json, ',');
	missing_status(k, now, json);
}
