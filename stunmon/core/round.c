#include "stunmon/core/round.h"

/* ---- small questions ---- */

static bool
is_known(const struct mappings *v, unsigned s)
{
	return v->server[s].addr.family != ADDR_NONE;
}

static bool
is_down(const struct mappings *v, unsigned s, struct mono now)
{
	return !mono_due(v->server[s].down_until, now);
}

static bool
is_fresh(const struct mapping_vote *vote, struct mono now)
{
	return vote->at.us != 0 &&
	    mono_ms_between(vote->at, now) < MAPPING_VOTE_MS;
}

static uint32_t
interval_ms(const struct mappings *v, const struct mapping *m)
{
	return m->owner == MAPPING_SIP ? v->conf.interval_ms :
	    MAPPING_RELAY_MS;
}

/* Between 9/10 and 11/10, so that offices do not beat in time. */
static uint32_t
jittered(const struct mappings *v, uint32_t ms)
{
	uint16_t r;

	v->conf.random(&r, sizeof(r));
	return ms - ms / 10 + (uint32_t)((uint64_t)(ms / 5) * r / UINT16_MAX);
}

/* ---- asking ---- */

static void
start_ask(struct mappings *v, struct mapping *m, unsigned s,
    struct mono now)
{
	struct mapping_ask *a = &m->ask[s];

	/* Two for each server, so that nobody makes us ask without end. */
	if (m->n_asks >= 2 * v->conf.n_servers)
		return;
	m->n_asks++;
	m->asked |= 1u << s;
	a->active = true;
	a->since = now;
	a->hedge_at = mono_add_ms(now, MAPPING_HEDGE_MS);
	probe_init(&a->probe, now);
	v->conf.random(a->tid, sizeof(a->tid));
}

/* The best server not asked in this round, or n_servers. */
static unsigned
next_server(const struct mappings *v, const struct mapping *m,
    struct mono now)
{
	unsigned last_resort = v->conf.n_servers;

	for (unsigned i = 0; i < v->conf.n_servers; i++) {
		unsigned s = (v->first + i) % v->conf.n_servers;

		if (!is_known(v, s) || (m->asked & 1u << s))
			continue;
		if (!is_down(v, s, now))
			return s;
		if (last_resort == v->conf.n_servers)
			last_resort = s;
	}
	return last_resort;
}

static bool
is_asking(const struct mappings *v, const struct mapping *m,
    struct mono now)
{
	for (unsigned s = 0; s < v->conf.n_servers; s++) {
		if (m->ask[s].active && !is_down(v, s, now))
			return true;
	}
	return false;
}

/* Nobody else is left to confirm what one server says: ask it again. */
static void
ask_again(struct mappings *v, struct mapping *m, struct mono now)
{
	if (is_asking(v, m, now))
		return;
	for (unsigned s = 0; s < v->conf.n_servers; s++) {
		if (is_known(v, s) && !is_down(v, s, now) &&
		    is_fresh(&m->vote[s], now)) {
			start_ask(v, m, s, now);
			return;
		}
	}
}

static void
ask_next(struct mappings *v, struct mapping *m, struct mono now)
{
	unsigned s = next_server(v, m, now);

	if (s < v->conf.n_servers)
		start_ask(v, m, s, now);
	else
		ask_again(v, m, now);
}

/* Ask everybody: who went wrong or silent unnoticed? */
static void
begin_audit(struct mappings *v, struct mapping *m, struct mono now)
{
	m->audit_at = mono_add_ms(now, MAPPING_AUDIT_MS);
	m->audit = true;
	for (unsigned s = 0; s < v->conf.n_servers; s++) {
		if (is_known(v, s) && !(m->asked & 1u << s))
			start_ask(v, m, s, now);
	}
}

static void
begin(struct mappings *v, struct mapping *m, struct mono now)
{
	unsigned s;

	for (s = 0; s < MAPPING_SERVERS_MAX; s++)
		m->ask[s].active = false;
	m->asked = 0;
	m->n_asks = 0;
	m->audit = false;
	m->round_at = now;
	m->next_at = mono_add_ms(now, jittered(v, interval_ms(v, m)));
	s = next_server(v, m, now);
	if (s < v->conf.n_servers)
		start_ask(v, m, s, now);
	if (m->owner == MAPPING_SIP && mono_due(m->audit_at, now))
		begin_audit(v, m, now);
}

/* In an audit the votes come in any order: they are counted at its end. */
static bool
is_audit_open(const struct mappings *v, const struct mapping *m)
{
	for (unsigned s = 0; s < v->conf.n_servers && m->audit; s++) {
		if (m->ask[s].active && m->ask[s].hedge_at.us != MONO_NEVER.us)
			return true;
	}
	return false;
}

/*
 * A relay may forge what it heard, and keep silent about it: while there is a
 * SIP socket, only that one says anything about a server.
 */
static bool
is_witness(const struct mappings *v, const struct mapping *m)
{
	const struct mapping *sip = &v->map[MAPPING_SIP * IPC_SOCKETS_MAX];

	if (m->owner == MAPPING_SIP)
		return true;
	for (unsigned i = 0; i < IPC_SOCKETS_MAX; i++) {
		if (sip[i].used && !sip[i].away)
			return false;
	}
	return true;
}

/* Servers that now see another address than the one proved are asked last. */
static void
blame(struct mappings *v, struct mapping *m, struct mono now)
{
	if (!is_witness(v, m) || is_audit_open(v, m))
		return;
	for (unsigned s = 0; s < v->conf.n_servers; s++) {
		struct mapping_vote *vote = &m->vote[s];
		struct mapping_server *server = &v->server[s];

		if (vote->at.us == 0 || mono_before(vote->at, m->round_at))
			continue;
		server->wrong = !addr_same_ip(&vote->addr, &m->mapped);
		if (!server->wrong)
			continue;
		server->said = vote->addr;
		server->said.port = 0;
		server->n_wrong++;
		server->down_until = mono_add_ms(now, MAPPING_LIAR_MS);
		vote->at.us = 0;	/* blamed once for it */
	}
}

/* A server that keeps silent: the next one is asked while we still wait. */
static void
hedge(struct mappings *v, struct mapping *m, unsigned s, struct mono now)
{
	struct mapping_ask *a = &m->ask[s];
	struct mapping_server *server = &v->server[s];

	if (!a->active || !mono_due(a->hedge_at, now))
		return;
	a->hedge_at = MONO_NEVER;
	/* Silent to everybody, or only this socket's packets are lost? */
	if (is_witness(v, m) && mono_before(server->heard_at, a->since)) {
		server->n_silent++;
		server->silent_at = now;
		if (mapping_next_address(v, s, now)) {
			m->n_asks--;	/* instead of the one before */
			start_ask(v, m, s, now);
			return;
		}
		server->down_until = mono_add_ms(now, MAPPING_DOWN_MS);
		server->n_tried = 0;
	}
	if (!mono_before(m->confirmed_at, m->round_at))
		blame(v, m, now);
	else
		ask_next(v, m, now);
}

static void
check_loss(struct mappings *v, struct mapping *m, struct mono now)
{
	uint64_t patience_ms = 2 * (uint64_t)interval_ms(v, m) +
	    MAPPING_HEDGE_MS;

	if (m->state != PUBLIC_KNOWN ||
	    mono_ms_between(m->confirmed_at, now) < patience_ms)
		return;
	m->state = PUBLIC_OLD;
	m->tell = true;
	mapping_site_changed(v, now);
}

void
round_advance(struct mappings *v, struct mapping *m, struct mono now)
{
	if (m->away)
		return;
	if (mono_due(m->next_at, now))
		begin(v, m, now);
	for (unsigned s = 0; s < v->conf.n_servers; s++)
		hedge(v, m, s, now);
	check_loss(v, m, now);
}

struct mono
round_due(const struct mapping *m)
{
	struct mono due = m->next_at;

	if (m->away)
		return MONO_NEVER;
	for (unsigned s = 0; s < MAPPING_SERVERS_MAX; s++) {
		const struct mapping_ask *a = &m->ask[s];

		if (a->active)
			due = mono_min(due, mono_min(a->hedge_at,
			    a->probe.due));
	}
	return due;
}

/* ---- deciding ---- */

static void
confirm(struct mappings *v, struct mapping *m, struct mono now)
{
	/* Relays are told each time: they use fresh mappings only. */
	m->tell = m->tell || m->state != PUBLIC_KNOWN ||
	    m->owner != MAPPING_SIP;
	m->state = PUBLIC_KNOWN;
	m->confirmed_at = now;
	m->disagree = false;
	for (unsigned s = 0; s < MAPPING_SERVERS_MAX; s++)
		m->ask[s].active = m->ask[s].active && m->audit;
	blame(v, m, now);
	mapping_site_changed(v, now);
}

static void
believe(struct mappings *v, struct mapping *m, unsigned s,
    struct mono now)
{
	if (!addr_eq(&m->mapped, &m->vote[s].addr)) {
		m->mapped = m->vote[s].addr;
		m->since = now;
		m->tell = true;
	}
	m->server = (uint8_t)s;
	confirm(v, m, now);
}

/* Another server that saw the same address lately, or n_servers. */
static unsigned
supporter(const struct mappings *v, const struct mapping *m, unsigned s,
    struct mono now)
{
	unsigned t;

	for (t = 0; t < v->conf.n_servers; t++) {
		if (t != s && is_fresh(&m->vote[t], now) &&
		    addr_same_ip(&m->vote[t].addr, &m->vote[s].addr))
			break;
	}
	return t;
}

/* Is nobody else there to ask? */
static bool
is_alone(const struct mappings *v, unsigned s, struct mono now)
{
	for (unsigned t = 0; t < v->conf.n_servers; t++) {
		if (t != s && is_known(v, t) && !is_down(v, t, now))
			return false;
	}
	return true;
}

/* The site's address was proved by its SIP socket; is this one the same? */
static bool
is_site(const struct mappings *v, const struct mapping *m,
    const struct addr *mapped)
{
	return m->owner != MAPPING_SIP && v->site_state == PUBLIC_KNOWN &&
	    addr_same_ip(mapped, &v->site);
}

void
round_vote(struct mappings *v, struct mapping *m, unsigned s,
    const struct addr *mapped, struct mono now)
{
	bool again = is_fresh(&m->vote[s], now) &&
	    addr_eq(&m->vote[s].addr, mapped);
	unsigned t;

	m->vote[s] = (struct mapping_vote){ *mapped, now };
	t = supporter(v, m, s, now);
	m->compared = m->compared || (t < v->conf.n_servers &&
	    !addr_same_ip(&v->server[t].addr, &v->server[s].addr));
	if (addr_eq(mapped, &m->mapped)) {
		if (t < v->conf.n_servers)
			m->symmetric = m->vote[t].addr.port != mapped->port;
		confirm(v, m, now);
		return;
	}
	if (t < v->conf.n_servers) {
		/* One address, two ports: what a symmetric NAT shows.  Then
		 * the preferred server's port counts, and is no news. */
		m->symmetric = m->vote[t].addr.port != mapped->port;
		believe(v, m, m->symmetric && t < s ? t : s, now);
		return;
	}
	if (is_site(v, m, mapped) || (again && is_alone(v, s, now))) {
		believe(v, m, s, now);
		return;
	}
	m->disagree = m->disagree || (m->asked & (m->asked - 1)) != 0;
	ask_next(v, m, now);
}

void
round_failed(struct mappings *v, struct mapping *m, unsigned s,
    struct mono now)
{
	m->vote[s].at.us = 0;
	ask_next(v, m, now);
}
