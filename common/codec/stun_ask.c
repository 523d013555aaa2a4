#include <errno.h>

#include "common/codec/stun_ask.h"

#define TOKEN_US (1000000 / STUN_ASK_RATE)

void
stun_ask_init(struct stun_ask *a, struct mono now)
{
	memset(a, 0, sizeof(*a));
	a->credit_us = (uint64_t)STUN_ASK_BURST * TOKEN_US;
	a->credit_at = now;
}

void
stun_ask_add_server(struct stun_ask *a, const struct addr *addr, uint16_t port)
{
	struct stun_ask_server *s;

	if (a->n_servers == STUN_ASK_SERVERS)
		return;
	s = &a->server[a->n_servers++];
	s->addr = *addr;
	s->port = port;
}

/* One of the few addresses that named servers may have at a time. */
static bool
is_named(struct stun_ask *a, const struct addr *server, struct mono now)
{
	struct stun_ask_named *oldest = &a->named[0];

	for (unsigned i = 0; i < STUN_ASK_NAMED; i++) {
		struct stun_ask_named *n = &a->named[i];

		if (addr_eq(&n->addr, server)) {
			n->at = now;
			return true;
		}
		if (mono_before(n->at, oldest->at))
			oldest = n;
	}
	if (oldest->addr.family != ADDR_NONE &&
	    mono_ms_between(oldest->at, now) < STUN_ASK_NAMED_MS)
		return false;
	*oldest = (struct stun_ask_named){ *server, now };
	return true;
}

static bool
fits_name(const struct stun_ask_server *s, const struct addr *server,
    bool is_lan)
{
	return (s->port == server->port ||
	    (s->port == 0 && server->port >= 1024)) &&
	    addr_is_public(server) && !is_lan;
}

static bool
is_configured(struct stun_ask *a, const struct addr *server, bool is_lan,
    struct mono now)
{
	bool may_be_named = false;

	for (unsigned i = 0; i < a->n_servers; i++) {
		const struct stun_ask_server *s = &a->server[i];

		if (s->addr.family == ADDR_NONE)
			may_be_named = may_be_named ||
			    fits_name(s, server, is_lan);
		else if (s->port == server->port &&
		    addr_same_ip(&s->addr, server))
			return true;
	}
	return may_be_named && is_named(a, server, now);
}

static bool
take_token(struct stun_ask *a, struct mono now)
{
	const uint64_t full = (uint64_t)STUN_ASK_BURST * TOKEN_US;

	if (mono_before(a->credit_at, now)) {
		a->credit_us += now.us - a->credit_at.us;
		a->credit_at = now;
	}
	if (a->credit_us > full)
		a->credit_us = full;
	if (a->credit_us < TOKEN_US)
		return false;
	a->credit_us -= TOKEN_US;
	return true;
}

static bool
is_open(const struct stun_ask_entry *e, struct mono now)
{
	return e->at.us != 0 && mono_ms_between(e->at, now) < STUN_ASK_LIFE_MS;
}

static bool
is_same(const struct stun_ask_entry *e, uint16_t socket,
    const struct addr *server, const uint8_t *tid)
{
	return e->socket == socket && addr_eq(&e->server, server) &&
	    memcmp(e->tid, tid, STUN_TID_LEN) == 0;
}

/* A retransmission keeps its place; anything else takes the oldest. */
static void
remember(struct stun_ask *a, uint16_t socket, const uint8_t *tid,
    const struct addr *server, bool is_test, struct mono now)
{
	struct stun_ask_entry *e;

	for (unsigned i = 0; i < STUN_ASK_OPEN; i++) {
		e = &a->open[i];
		if (is_open(e, now) && is_same(e, socket, server, tid)) {
			e->at = now;
			return;
		}
	}
	e = &a->open[a->next];
	a->next = (a->next + 1) % STUN_ASK_OPEN;
	e->at = now;
	e->socket = socket;
	e->server = *server;
	e->is_test = is_test;
	memcpy(e->tid, tid, STUN_TID_LEN);
}

int
stun_ask_send(struct stun_ask *a, uint16_t socket,
    const uint8_t tid[STUN_TID_LEN], const struct addr *server, bool is_lan,
    struct mono now, struct buf *out)
{
	if (!is_configured(a, server, is_lan, now)) {
		a->n_refused++;
		return -EACCES;
	}
	if (!take_token(a, now)) {
		a->n_refused++;
		return -EBUSY;
	}
	remember(a, socket, tid, server, false, now);
	a->n_sent++;
	stun_put_request(out, tid);
	return 0;
}

/* ---- tests of NAT behaviour ---- */

static bool
take_test(struct stun_ask *a, struct mono now)
{
	if (a->tests_from.us == 0 ||
	    mono_ms_between(a->tests_from, now) >= STUN_ASK_TEST_MS) {
		a->tests_from = now;
		a->n_tests = 0;
	}
	return a->n_tests++ < STUN_ASK_TESTS && take_token(a, now);
}

static const struct stun_ask_other *
find_other(const struct stun_ask *a, const struct addr *server,
    struct mono now)
{
	for (unsigned i = 0; i < STUN_ASK_SERVERS; i++) {
		const struct stun_ask_other *o = &a->other[i];

		if (o->at.us != 0 && addr_eq(&o->server, server) &&
		    mono_ms_between(o->at, now) < STUN_ASK_OTHER_MS)
			return o;
	}
	return NULL;
}

/* A configured server answered: what does it call its other address? */
static void
note_other(struct stun_ask *a, const struct addr *server, struct span packet,
    struct mono now)
{
	struct stun_ask_other *o = NULL;
	struct stun_msg m;

	if (stun_parse(packet, &m) != 0 || !addr_is_public(&m.other) ||
	    m.other.family != server->family || m.other.port < 1024 ||
	    addr_same_ip(&m.other, server))
		return;
	for (unsigned i = 0; i < STUN_ASK_SERVERS && o == NULL; i++) {
		if (addr_eq(&a->other[i].server, server))
			o = &a->other[i];
	}
	if (o == NULL) {
		o = &a->other[a->next_other];
		a->next_other = (a->next_other + 1) % STUN_ASK_SERVERS;
	}
	*o = (struct stun_ask_other){ *server, m.other, now };
}

static struct addr
combine(const struct stun_ask_other *o, unsigned which)
{
	struct addr a = which & STUN_CHANGE_IP ? o->other : o->server;

	a.port = which & STUN_CHANGE_PORT ? o->other.port : o->server.port;
	return a;
}

static int
refuse(struct stun_ask *a, int err)
{
	a->n_refused++;
	return err;
}

int
stun_ask_test(struct stun_ask *a, uint16_t socket,
    const uint8_t tid[STUN_TID_LEN], const struct addr *server, bool is_lan,
    unsigned to, unsigned change, struct mono now, struct addr *target_out,
    struct buf *out)
{
	const struct stun_ask_other *o;
	struct addr source;

	if (!is_configured(a, server, is_lan, now))
		return refuse(a, -EACCES);
	o = find_other(a, server, now);
	if (o == NULL)
		return refuse(a, -EACCES);
	if (!take_test(a, now))
		return refuse(a, -EBUSY);
	source = combine(o, to ^ change);
	remember(a, socket, tid, &source, true, now);
	a->n_sent++;
	*target_out = combine(o, to);
	stun_put_change_request(out, tid, change);
	return 0;
}

int
stun_ask_hairpin(struct stun_ask *a, uint16_t socket,
    const uint8_t tid[STUN_TID_LEN], const struct addr *target,
    const struct addr *site, struct mono now, struct buf *out)
{
	if (!addr_same_ip(target, site) || !addr_is_public(target) ||
	    target->port < 1024)
		return refuse(a, -EACCES);
	if (!take_test(a, now))
		return refuse(a, -EBUSY);
	remember(a, socket, tid, target, true, now);
	a->n_sent++;
	stun_put_request(out, tid);
	return 0;
}

/* ---- answers ---- */

bool
stun_ask_heard(struct stun_ask *a, uint16_t socket, const struct addr *source,
    struct span packet, struct mono now)
{
	const uint8_t *tid = (const uint8_t *)packet.p + 8;

	if (packet.len < STUN_HEADER_LEN || packet.len > STUN_MSG_MAX) {
		a->n_ignored++;
		return false;
	}
	for (unsigned i = 0; i < STUN_ASK_OPEN; i++) {
		struct stun_ask_entry *e = &a->open[i];

		if (is_open(e, now) && is_same(e, socket, source, tid)) {
			e->at.us = 0;
			a->n_heard++;
			if (!e->is_test)
				note_other(a, source, packet, now);
			return true;
		}
	}
	a->n_ignored++;
	return false;
}
