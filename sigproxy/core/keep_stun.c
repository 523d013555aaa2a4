#include <errno.h>

#include "sigproxy/core/call.h"
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/keep_priv.h"

#define WHOLE_SITE 65535	/* PUBLIC_ADDR without a socket */

void
keep_stun_servers(struct keep *k, const struct edge_conf *c)
{
	stun_ask_init(&k->stun, (struct mono){ 0 });
	for (unsigned i = 0; i < c->n_stun_servers; i++)
		stun_ask_add_server(&k->stun, &c->stun_servers[i],
		    c->stun_servers[i].port);
	k->stun_wanted = c->n_stun_servers > 0;
}

static bool
is_mapped_listener(const struct edge_conf *c, unsigned i)
{
	return i < c->n_listeners && c->listeners[i].zone == ZONE_EXTERNAL &&
	    c->listeners[i].transport == TRANSPORT_UDP;
}

/* ---- at the start ---- */

static bool
is_known(const struct edge *e, unsigned i)
{
	const struct edge_listener *l = &e->conf->listeners[i];

	if (l->zone != ZONE_EXTERNAL || l->local.family != ADDR_IPV4 ||
	    addr_is_public(&l->local))
		return true;
	return e->keep->stun_wanted && is_mapped_listener(e->conf, i) ?
	    e->mapped[i].family != ADDR_NONE :
	    e->public_ip.family != ADDR_NONE;
}

bool
keep_is_addressed(const struct edge *e)
{
	if (!e->conf->wait_for_address || e->keep->address_late)
		return true;
	for (unsigned i = 0; i < e->conf->n_listeners; i++) {
		if (!is_known(e, i))
			return false;
	}
	return true;
}

void
keep_await_address(struct edge *e, struct mono now)
{
	struct keep *k = e->keep;

	if (k->address_awaited)
		return;
	k->address_awaited = true;
	k->address_timer.kind = TIMER_ADDRESS;
	timerq_set(k->timers, &k->address_timer,
	    mono_add_ms(now, KEEP_ADDRESS_MS));
}

void
keep_address_due(struct edge *e, struct steps *st)
{
	if (!keep_is_addressed(e))
		steps_log(st, STEP_INFO, "begins-without-address");
	e->keep->address_late = true;
}

/* ---- stunmon ---- */

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

void
keep_stun_look(struct edge *e, struct steps *st)
{
	struct ipc_map_look look;

	if (!e->keep->stun_wanted)
		return;
	for (unsigned i = 0; i < e->conf->n_listeners; i++) {
		look.socket = (uint16_t)i;
		if (is_mapped_listener(e->conf, i))
			STEPS_ASK(st, &st->stun, MAP_LOOK, map_look, &look);
	}
}

void
keep_stun_send(struct edge *e, struct mono now, struct steps *st,
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

void
keep_stun_test(struct edge *e, struct mono now, struct steps *st,
    const struct ipc_stun_test *m)
{
	struct flow to = { ZONE_EXTERNAL, TRANSPORT_UDP, (uint8_t)m->socket,
		{ 0 }, 0 };
	char mem[STUN_CHANGE_REQUEST_LEN];
	struct buf b;

	if (!is_mapped_listener(e->conf, m->socket))
		return;
	buf_init(&b, mem, sizeof(mem));
	/* Refusals are counted; the server's word is not ours to log. */
	if (stun_ask_test(&e->keep->stun, m->socket, m->tid, &m->server,
		edge_is_lan(e, &m->server), m->to, m->change, now, &to.remote,
		&b) == 0 &&
	    !edge_is_lan(e, &to.remote) && !edge_is_our_ip(e, &to.remote))
		steps_send(st, &to, buf_span(&b));
}

void
keep_public_addr(struct edge *e, struct mono now, struct steps *st,
    const struct ipc_public_addr *m)
{
	struct addr *at;
	struct addr mapped = m->mapped, was;

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
		e->public_old = m->state == PUBLIC_OLD;
	} else if (is_mapped_listener(e->conf, m->socket)) {
		at = &e->mapped[m->socket];
	} else {
		return;
	}
	if (addr_eq(at, &mapped))
		return;
	was = *at;
	*at = mapped;
	steps_log(st, STEP_INFO, "public-address");
	steps_key_number(st, "socket", m->socket);
	steps_key_addr(st, "address", &mapped);
	if (mapped.family == ADDR_NONE || addr_same_ip(&was, &mapped))
		return;
	if (was.family != ADDR_NONE) {
		e->public_before = was;
		missing_changed(e, now, st, &was);
	}
	call_address_changed(e, now, st);
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
