#include <stdlib.h>

#include "stunmon/core/round.h"

struct mappings *
mapping_new(const struct mapping_conf *conf)
{
	struct mappings *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return NULL;
	v->conf = *conf;
	v->site_state = PUBLIC_UNKNOWN;
	v->n_maps = conf->n_owners * IPC_SOCKETS_MAX;
	v->map = calloc(v->n_maps, sizeof(v->map[0]));
	if (v->map == NULL) {
		free(v);
		return NULL;
	}
	return v;
}

void
mapping_free(struct mappings *v)
{
	if (v == NULL)
		return;
	free(v->map);
	free(v);
}

static struct mapping *
find(struct mappings *v, unsigned owner, uint16_t number)
{
	struct mapping *first = &v->map[owner * IPC_SOCKETS_MAX];

	for (unsigned i = 0; i < IPC_SOCKETS_MAX; i++) {
		if (first[i].used && first[i].number == number)
			return &first[i];
	}
	return NULL;
}

/* ---- the site as a whole ---- */

static bool
is_same_site(const struct mappings *v, const struct addr *addr)
{
	return addr_same_ip(addr, &v->site) ||
	    (addr->family == ADDR_NONE && v->site.family == ADDR_NONE);
}

/* After a start the newest row may be of an earlier life, and still true. */
static void
note_history(struct mappings *v, const struct addr *addr,
    enum public_state state, const struct addr *server, struct mono now)
{
	struct history_row row = { .site = *addr, .state = state, .at = now };
	const struct history_row *last = v->history.n == 0 ? NULL :
	    history_get(&v->history, v->history.n - 1);

	row.site.port = 0;
	if (server != NULL)
		row.server = *server;
	if (last == NULL || last->state != state ||
	    last->site.family != row.site.family ||
	    (row.site.family != ADDR_NONE &&
		!addr_same_ip(&last->site, &row.site)))
		history_add(&v->history, &row);
}

static void
set_site(struct mappings *v, const struct addr *addr, enum public_state state,
    const struct addr *server, struct mono now)
{
	if (state == v->site_state && is_same_site(v, addr))
		return;
	note_history(v, addr, state, server, now);
	v->before = (struct addr){ 0 };
	if (!is_same_site(v, addr)) {
		v->site_since = now;
		v->before = v->site;
	}
	v->site = *addr;
	v->site.port = 0;
	v->site_state = state;
	v->news = true;
	if (state == PUBLIC_KNOWN) {
		v->was_known = true;
		v->silent_since.us = 0;
	}
	for (unsigned i = 0; i < v->conf.n_owners; i++)
		v->owner[i].tell_site = true;
}

/* The first SIP socket speaks for the site; without one, the first relay's. */
static const struct mapping *
reference(const struct mappings *v)
{
	bool sip_wanted = false;

	for (unsigned i = 0; i < v->n_maps; i++) {
		const struct mapping *m = &v->map[i];

		if (!m->used)
			continue;
		sip_wanted = sip_wanted ||
		    (m->owner == MAPPING_SIP && !m->away);
		/* Until an SIP socket knows, no relay speaks for it. */
		if (m->owner != MAPPING_SIP && sip_wanted)
			return NULL;
		if (m->mapped.family != ADDR_NONE)
			return m;
	}
	return NULL;
}

/* The address moved: the other sockets are checked within half a second. */
static void
hurry_others(struct mappings *v, const struct mapping *but,
    struct mono now)
{
	for (unsigned i = 0; i < v->n_maps; i++) {
		struct mapping *m = &v->map[i];
		struct mono soon = mono_add_ms(now, i % 8 * 60);

		if (m->used && m != but && mono_before(soon, m->next_at))
			m->next_at = soon;
	}
}

void
mapping_site_changed(struct mappings *v, struct mono now)
{
	const struct mapping *m = reference(v);
	bool moved;

	if (m == NULL)
		return;
	moved = v->site.family != ADDR_NONE &&
	    !addr_same_ip(&m->mapped, &v->site);
	if (m->state == PUBLIC_KNOWN)
		v->site_source = SOURCE_STUN;
	set_site(v, &m->mapped, m->state, &v->server[m->server].addr, now);
	if (moved)
		hurry_others(v, m, now);
}

void
mapping_set_site(struct mappings *v, const struct addr *addr, struct mono now)
{
	v->site_source = SOURCE_GIVEN;
	set_site(v, addr, PUBLIC_KNOWN, NULL, now);
	for (unsigned i = 0; i < v->n_maps; i++) {
		struct mapping *m = &v->map[i];

		if (!m->used || (m->state == PUBLIC_KNOWN &&
		    addr_eq(&m->mapped, &v->site)))
			continue;
		m->mapped = v->site;
		m->state = PUBLIC_KNOWN;
		m->tell = true;
	}
}

/* ---- what nobody has confirmed ---- */

void
mapping_recall(struct mappings *v, const struct addr *site,
    const struct mapping_recall *list, unsigned n, struct mono now)
{
	if (v->site_state != PUBLIC_UNKNOWN)
		return;
	v->site = *site;
	v->site.port = 0;
	v->site_state = PUBLIC_OLD;
	v->site_source = SOURCE_KEPT;
	v->site_since = now;
	v->news = true;
	for (unsigned i = 0; v->conf.stun && i < n && i < IPC_SOCKETS_MAX; i++)
		v->recall[v->n_recall++] = list[i];
	for (unsigned i = 0; i < v->conf.n_owners; i++)
		v->owner[i].tell_site = true;
}

static void
move(struct addr *mapped, const struct addr *site)
{
	uint16_t port = mapped->port;

	*mapped = *site;
	mapped->port = port;
}

void
mapping_suppose(struct mappings *v, const struct addr *site, struct mono now)
{
	v->site_source = SOURCE_DNS;
	set_site(v, site, PUBLIC_OLD, NULL, now);
	for (unsigned i = 0; i < v->n_recall; i++)
		move(&v->recall[i].mapped, site);
	for (unsigned i = 0; i < IPC_SOCKETS_MAX; i++) {
		struct mapping *m = &v->map[MAPPING_SIP * IPC_SOCKETS_MAX + i];

		if (!m->used || m->mapped.family == ADDR_NONE)
			continue;
		move(&m->mapped, site);
		m->state = PUBLIC_OLD;
		m->tell = true;
	}
}

/* ---- servers ---- */

/* Whatever waits for an answer waits for the old address. */
static void
use_address(struct mappings *v, unsigned i, struct mono now)
{
	struct mapping_server *s = &v->server[i];

	s->addr = s->n_list > 0 ? s->list[s->at] : (struct addr){ 0 };
	s->down_until.us = 0;
	for (unsigned k = 0; k < v->n_maps; k++) {
		struct mapping *m = &v->map[k];

		m->ask[i].active = false;
		m->vote[i].at.us = 0;
		if (m->used && m->state != PUBLIC_KNOWN)
			m->next_at = now;
	}
}

void
mapping_set_addresses(struct mappings *v, unsigned i, const struct addr *list,
    unsigned n, struct mono now)
{
	struct mapping_server *s = &v->server[i];

	if (i >= v->conf.n_servers)
		return;
	s->n_list = n < MAPPING_ADDRS_MAX ? n : MAPPING_ADDRS_MAX;
	s->at = 0;
	for (unsigned k = 0; k < s->n_list; k++) {
		s->list[k] = list[k];
		if (addr_eq(&list[k], &s->addr))
			s->at = k;
	}
	if (s->n_list == 0 ? s->addr.family == ADDR_NONE :
	    addr_eq(&s->list[s->at], &s->addr))
		return;
	s->wrong = false;
	s->n_tried = 0;
	use_address(v, i, now);
}

void
mapping_prefer(struct mappings *v, unsigned i)
{
	if (i < v->conf.n_servers)
		v->first = i;
}

void
mapping_set_server(struct mappings *v, unsigned i, const struct addr *addr,
    struct mono now)
{
	mapping_set_addresses(v, i, addr, addr->family != ADDR_NONE, now);
}

bool
mapping_next_address(struct mappings *v, unsigned i, struct mono now)
{
	struct mapping_server *s = &v->server[i];

	if (++s->n_tried >= s->n_list)
		return false;
	s->at = (s->at + 1) % s->n_list;
	use_address(v, i, now);
	return true;
}

enum mapping_server_state
mapping_server_state(const struct mappings *v, unsigned i, struct mono now)
{
	const struct mapping_server *s = &v->server[i];

	if (s->addr.family == ADDR_NONE)
		return SERVER_UNRESOLVED;
	if (s->wrong)
		return SERVER_WRONG;
	if (s->silent_at.us != 0 && !mono_before(s->silent_at, s->heard_at))
		return SERVER_SILENT;
	return s->heard_at.us != 0 ? SERVER_ANSWERING : SERVER_UNASKED;
}

/* ---- owners and what they want ---- */

void
mapping_owner_up(struct mappings *v, unsigned owner)
{
	v->owner[owner].up = true;
	v->owner[owner].tell_site = v->site_state != PUBLIC_UNKNOWN;
}

void
mapping_owner_gone(struct mappings *v, unsigned owner)
{
	v->owner[owner].up = false;
	for (unsigned i = 0; i < IPC_SOCKETS_MAX; i++)
		v->map[owner * IPC_SOCKETS_MAX + i].away = true;
}

static bool
is_wanted(const struct ipc_map_want *want, uint16_t number)
{
	for (unsigned i = 0; i < want->n_sockets; i++) {
		if (want->sockets[i].number == number)
			return true;
	}
	return false;
}

/* Of an earlier life, until a server answers. */
static void
recall_map(const struct mappings *v, struct mapping *m)
{
	for (unsigned i = 0; m->owner == MAPPING_SIP && i < v->n_recall; i++) {
		if (v->recall[i].number != m->number)
			continue;
		m->mapped = v->recall[i].mapped;
		m->state = PUBLIC_OLD;
		m->tell = true;
	}
}

static void
add_map(struct mappings *v, unsigned owner, uint16_t number, struct mono now)
{
	struct mapping *m = &v->map[owner * IPC_SOCKETS_MAX];

	/* Never more wanted than there is room: the list is bounded. */
	while (m->used)
		m++;
	*m = (struct mapping){ .used = true, .owner = (uint8_t)owner,
		.number = number, .state = PUBLIC_UNKNOWN, .next_at = now,
		.audit_at = mono_add_ms(now, MAPPING_AUDIT_MS) };
	if (v->conf.stun) {
		recall_map(v, m);
		return;
	}
	m->mapped = v->site;
	m->state = v->site_state;
	m->tell = m->state != PUBLIC_UNKNOWN;
}

static void
want_again(struct mapping *m, struct mono now)
{
	if (!m->away)
		return;
	m->away = false;
	m->next_at = now;
	m->confirmed_at = now;	/* nobody was silent, nobody was asked */
	m->tell = m->state != PUBLIC_UNKNOWN;
}

void
mapping_want(struct mappings *v, unsigned owner,
    const struct ipc_map_want *want, struct mono now)
{
	struct mapping *first = &v->map[owner * IPC_SOCKETS_MAX];

	for (unsigned i = 0; i < IPC_SOCKETS_MAX; i++) {
		if (first[i].used && !is_wanted(want, first[i].number))
			first[i] = (struct mapping){ 0 };
	}
	for (unsigned i = 0; i < want->n_sockets; i++) {
		uint16_t number = want->sockets[i].number;
		struct mapping *m = find(v, owner, number);

		if (m != NULL)
			want_again(m, now);
		else if (number != MAPPING_SITE)
			add_map(v, owner, number, now);
	}
	if (owner == MAPPING_SIP && want->n_sockets > 0 && !v->was_known &&
	    v->silent_since.us == 0)
		v->silent_since = now;
}

void
mapping_look(struct mappings *v, unsigned owner, uint16_t number,
    struct mono now)
{
	struct mapping *m = find(v, owner, number);
	struct mono soon;

	if (m == NULL || m->away || !v->conf.stun)
		return;
	soon = mono_add_ms(m->round_at, MAPPING_LOOK_MS);
	if (mono_before(soon, now))
		soon = now;
	if (!mono_before(soon, m->next_at))
		return;
	m->next_at = soon;
	v->n_looks++;
}

/* ---- answers ---- */

/* Which question of this socket is this the answer to?  n_servers: none. */
static unsigned
match(const struct mappings *v, const struct mapping *m,
    const struct ipc_stun_heard *heard, const struct stun_msg *msg)
{
	unsigned s;

	for (s = 0; s < v->conf.n_servers; s++) {
		if (m->ask[s].active &&
		    addr_eq(&heard->source, &v->server[s].addr) &&
		    memcmp(msg->tid, m->ask[s].tid, STUN_TID_LEN) == 0)
			break;
	}
	return s;
}

static bool
is_answer(const struct stun_msg *msg)
{
	return msg->method == STUN_BINDING &&
	    (msg->class == STUN_SUCCESS || msg->class == STUN_ERROR) &&
	    (msg->fingerprint_at == 0 || stun_fingerprint_ok(msg));
}

/* May what it says be believed, if others agree? */
static bool
is_usable(const struct stun_msg *msg)
{
	return msg->class == STUN_SUCCESS && msg->n_unknown == 0 &&
	    msg->mapped.port != 0 && addr_is_public(&msg->mapped);
}

static void
note_other(struct mapping_server *s, unsigned owner, const struct addr *other)
{
	if (owner != MAPPING_SIP)
		return;
	s->other = (struct addr){ 0 };
	if (addr_is_public(other) && other->family == s->addr.family &&
	    !addr_same_ip(other, &s->addr))
		s->other = *other;
}

/* Asked last for its silence alone, it is not any more: else nobody would be
 * asked twice after an outage. */
static void
forgive(struct mapping_server *s)
{
	struct mono silence_ends = mono_add_ms(s->silent_at, MAPPING_DOWN_MS);

	if (!mono_before(silence_ends, s->down_until))
		s->down_until.us = 0;
}

void
mapping_heard(struct mappings *v, unsigned owner,
    const struct ipc_stun_heard *heard, struct mono now)
{
	struct mapping *m = find(v, owner, heard->socket);
	struct stun_msg msg;
	unsigned s = v->conf.n_servers;

	if (m != NULL && stun_parse(heard->packet, &msg) == 0 &&
	    is_answer(&msg))
		s = match(v, m, heard, &msg);
	if (s == v->conf.n_servers) {
		v->n_ignored++;
		return;
	}
	m->ask[s].active = false;
	v->server[s].heard_at = now;
	v->server[s].n_tried = 0;
	v->server[s].n_answers++;
	if (owner == MAPPING_SIP)
		forgive(&v->server[s]);
	note_other(&v->server[s], owner, &msg.other);
	if (is_usable(&msg))
		round_vote(v, m, s, &msg.mapped, now);
	else
		round_failed(v, m, s, now);
}

/* ---- steps ---- */

static void
put_told(struct mapping_step *out, unsigned owner, uint16_t number,
    enum public_state state, const struct addr *mapped)
{
	out->what = MAPPING_TELL;
	out->owner = owner;
	out->told = (struct ipc_public_addr){ number, (uint8_t)state,
		*mapped };
}

static bool
next_of_owners(struct mappings *v, struct mapping_step *out)
{
	for (unsigned i = 0; i < v->conf.n_owners; i++) {
		struct mapping_owner *o = &v->owner[i];

		if (!o->up || !o->tell_site)
			continue;
		o->tell_site = false;
		put_told(out, i, MAPPING_SITE, v->site_state, &v->site);
		return true;
	}
	return false;
}

static bool
next_ask(struct mappings *v, struct mapping *m, struct mono now,
    struct mapping_step *out)
{
	for (unsigned s = 0; s < v->conf.n_servers; s++) {
		struct mapping_ask *a = &m->ask[s];

		if (!a->active)
			continue;
		switch (probe_tick(&a->probe, now)) {
		case PROBE_WAIT:
			break;
		case PROBE_LOST:
			a->active = false;
			break;
		case PROBE_SEND:
			out->what = MAPPING_ASK;
			out->owner = m->owner;
			out->ask.socket = m->number;
			out->ask.server = v->server[s].addr;
			memcpy(out->ask.tid, a->tid, STUN_TID_LEN);
			return true;
		}
	}
	return false;
}

static bool
next_of_map(struct mappings *v, struct mapping *m, struct mono now,
    struct mapping_step *out)
{
	if (!m->used || m->away)
		return false;
	if (v->conf.stun)
		round_advance(v, m, now);
	if (m->tell) {
		m->tell = false;
		put_told(out, m->owner, m->number, m->state, &m->mapped);
		return true;
	}
	return v->conf.stun && next_ask(v, m, now, out);
}

bool
mapping_next(struct mappings *v, struct mono now, struct mapping_step *out)
{
	if (v->news) {
		v->news = false;
		out->what = MAPPING_NEWS;
		return true;
	}
	if (next_of_owners(v, out))
		return true;
	for (; v->cursor < v->n_maps; v->cursor++) {
		if (next_of_map(v, &v->map[v->cursor], now, out))
			return true;
	}
	v->cursor = 0;
	/* A later mapping may have moved the site. */
	if (v->news)
		return mapping_next(v, now, out);
	return next_of_owners(v, out);
}

struct mono
mapping_due(const struct mappings *v)
{
	struct mono due = MONO_NEVER;

	for (unsigned i = 0; i < v->n_maps; i++) {
		const struct mapping *m = &v->map[i];

		if (!m->used || m->away)
			continue;
		if (m->tell)
			return (struct mono){ 0 };
		if (v->conf.stun)
			due = mono_min(due, round_due(m));
	}
	return due;
}
