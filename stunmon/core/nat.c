#include "stunmon/core/nat.h"

void
nat_init(struct nat *n, const struct nat_conf *conf)
{
	*n = (struct nat){ .conf = *conf };
}

struct nat_result
nat_result(const struct nat *n)
{
	return (struct nat_result){ n->mapping, n->filtering, n->hairpin,
		n->tested, n->port_preserving, n->port_open, n->socket };
}

void
nat_recall(struct nat *n, const struct addr *site,
    const struct nat_result *r, struct mono now)
{
	n->due = mono_add_ms(now, NAT_SETTLE_MS);
	n->site = *site;
	n->mapping = r->mapping;
	n->filtering = r->filtering;
	n->hairpin = r->hairpin;
	n->tested = r->tested;
	n->port_preserving = r->port_preserving;
	n->port_open = r->port_open;
	n->socket = r->socket;
}

const char *
nat_word(enum nat_kind kind)
{
	static const char *const words[] = {
		[NAT_UNKNOWN] = "unknown",
		[NAT_NONE] = "none",
		[NAT_ENDPOINT] = "endpoint-independent",
		[NAT_ADDRESS] = "address-dependent",
		[NAT_PORT] = "address-and-port-dependent",
	};

	return words[kind];
}

/* ---- phases ---- */

/* Which of the server's addresses, and from where it shall answer. */
static const struct {
	uint8_t to, change;
} tests[] = {
	[NAT_FILTER_BOTH] = { 0, STUN_CHANGE_IP | STUN_CHANGE_PORT },
	[NAT_FILTER_PORT] = { 0, STUN_CHANGE_PORT },
	[NAT_MAP_IP] = { STUN_CHANGE_IP, 0 },
	[NAT_MAP_BOTH] = { STUN_CHANGE_IP | STUN_CHANGE_PORT, 0 },
	[NAT_TURN] = { 0, 0 },
};

static void
enter(struct nat *n, enum nat_phase phase, struct mono now)
{
	n->phase = phase;
	n->sent = 0;
	n->due = now;
	n->conf.random(n->tid, sizeof(n->tid));
}

static void
rest(struct nat *n, uint32_t ms, struct mono now)
{
	n->phase = NAT_IDLE;
	n->due = mono_add_ms(now, ms);
}

static void
finish(struct nat *n, struct mono now)
{
	n->ended_at = now;
	n->port_open = (n->sure || n->port_open) &&
	    n->filtering == NAT_ENDPOINT &&
	    (n->mapping == NAT_ENDPOINT || n->mapping == NAT_NONE);
	n->news = true;
	rest(n, n->sure ? NAT_AGAIN_MS : NAT_PAUSE_MS, now);
	n->sure = true;
}

/* A relay's socket that is mapped, to ask our SIP port from. */
static bool
find_relay(struct nat *n, const struct mappings *v)
{
	for (unsigned i = 0; i < v->n_maps; i++) {
		const struct mapping *m = &v->map[i];

		if (!m->used || m->away || m->owner == MAPPING_SIP ||
		    m->state != PUBLIC_KNOWN ||
		    m->mapped.family != n->first.family)
			continue;
		n->relay = m->owner;
		n->relay_socket = m->number;
		return true;
	}
	return false;
}

/* With no NAT our own address would be asked from this host. */
static void
turn(struct nat *n, const struct mappings *v, struct mono now)
{
	n->hairpin = HAIRPIN_UNKNOWN;
	if (n->mapping == NAT_NONE || !find_relay(n, v))
		finish(n, now);
	else
		enter(n, NAT_TURN, now);
}

static void
seen_first(struct nat *n, const struct addr *mapped)
{
	n->first = *mapped;
	n->tested = true;
	n->port_preserving = mapped->port == n->local.port;
}

/* Two configured servers show how it maps, if they are two machines. */
static void
map_by_servers(struct nat *n, const struct mappings *v,
    const struct mapping *m)
{
	seen_first(n, &m->mapped);
	n->mapping = NAT_UNKNOWN;
	n->filtering = NAT_UNKNOWN;
	if (addr_eq(&n->first, &n->local))
		n->mapping = NAT_NONE;
	else if (m->symmetric)
		n->mapping = NAT_PORT;
	else if (m->compared)
		n->mapping = NAT_ENDPOINT;
}

/* ---- beginning ---- */

static const struct mapping *
sip_mapping(const struct mappings *v)
{
	const struct mapping *m = &v->map[0];

	return v->conf.stun && m->used && !m->away &&
	    m->state == PUBLIC_KNOWN ? m : NULL;
}

static bool
find_server(struct nat *n, const struct mappings *v, struct mono now)
{
	bool found = false;

	/* One may answer everything but tests, so that nobody else is asked. */
	for (unsigned s = 0; s < v->conf.n_servers; s++) {
		const struct mapping_server *server = &v->server[s];

		if (server->other.family == ADDR_NONE ||
		    mapping_server_state(v, s, now) != SERVER_ANSWERING ||
		    (found && n->deaf[s] >= n->deaf[n->at]))
			continue;
		n->at = s;
		found = true;
	}
	if (found) {
		n->server = v->server[n->at].addr;
		n->other = v->server[n->at].other;
	}
	return found;
}

static void
begin(struct nat *n, const struct mappings *v, const struct mapping *m,
    struct mono now)
{
	n->socket = m->number;
	n->local = (struct addr){ 0 };
	if (m->number < n->conf.n_external) {
		n->local = n->conf.external[m->number];
		n->local.port = n->conf.port;
	}
	n->mapped = m->mapped;
	if (find_server(n, v, now)) {
		enter(n, NAT_PLAIN, now);
		return;
	}
	map_by_servers(n, v, m);
	turn(n, v, now);
}

/* A new address: what was known of the old one counts no more. */
static void
follow_site(struct nat *n, const struct mappings *v, struct mono now)
{
	struct mono soon = mono_add_ms(now, NAT_SETTLE_MS), later;

	if (v->site_state != PUBLIC_KNOWN || addr_same_ip(&v->site, &n->site))
		return;
	n->site = v->site;
	n->mapping = n->filtering = NAT_UNKNOWN;
	n->hairpin = HAIRPIN_UNKNOWN;
	n->tested = n->port_open = false;
	n->news = n->ended_at.us != 0;
	later = mono_add_ms(n->ended_at, NAT_PAUSE_MS);
	n->phase = NAT_IDLE;
	n->due = n->ended_at.us != 0 && mono_before(soon, later) ? later :
	    soon;
}

/* ---- what answers and silence mean ---- */

static void
after_filtering(struct nat *n, enum nat_kind filtering, struct mono now)
{
	n->filtering = filtering;
	enter(n, NAT_MAP_IP, now);
}

/* mapped: NULL for silence. */
static void
end_mapping(struct nat *n, const struct mappings *v,
    const struct addr *mapped, struct mono now)
{
	if (addr_eq(&n->first, &n->local))
		n->mapping = NAT_NONE;
	else if (mapped == NULL)
		n->mapping = NAT_UNKNOWN;
	else if (n->phase == NAT_MAP_IP && addr_eq(mapped, &n->first))
		n->mapping = NAT_ENDPOINT;
	else if (n->phase == NAT_MAP_BOTH)
		n->mapping = addr_eq(mapped, &n->second) ? NAT_ADDRESS :
		    NAT_PORT;
	if (n->phase == NAT_MAP_IP && mapped != NULL &&
	    !addr_eq(mapped, &n->first)) {
		n->second = *mapped;
		enter(n, NAT_MAP_BOTH, now);
		return;
	}
	turn(n, v, now);
}

/* What the servers' ordinary answers show is better than nothing. */
static void
deaf(struct nat *n, const struct mappings *v)
{
	const struct mapping *m = sip_mapping(v);

	if (n->deaf[n->at] < UINT8_MAX)
		n->deaf[n->at]++;
	if (m == NULL || n->mapping != NAT_UNKNOWN)
		return;
	map_by_servers(n, v, m);
	n->news = n->mapping != NAT_UNKNOWN;
}

static void
answered(struct nat *n, const struct mappings *v, const struct addr *mapped,
    struct mono now)
{
	switch (n->phase) {
	case NAT_PLAIN:
		/* About another address than ours it can say nothing. */
		if (!addr_same_ip(mapped, &n->site)) {
			deaf(n, v);
			rest(n, NAT_RETRY_MS, now);
			break;
		}
		n->deaf[n->at] = 0;
		seen_first(n, mapped);
		enter(n, NAT_FILTER_BOTH, now);
		break;
	case NAT_FILTER_BOTH:
		after_filtering(n, NAT_ENDPOINT, now);
		break;
	case NAT_FILTER_PORT:
		after_filtering(n, NAT_ADDRESS, now);
		break;
	case NAT_MAP_IP:
	case NAT_MAP_BOTH:
		end_mapping(n, v, mapped, now);
		break;
	case NAT_TURN:
		n->hairpin = HAIRPIN_YES;
		finish(n, now);
		break;
	case NAT_IDLE:
		break;
	}
}

static void
silent(struct nat *n, const struct mappings *v, struct mono now)
{
	switch (n->phase) {
	case NAT_PLAIN:
		deaf(n, v);
		rest(n, NAT_RETRY_MS, now);
		break;
	case NAT_FILTER_BOTH:
		enter(n, NAT_FILTER_PORT, now);
		break;
	case NAT_FILTER_PORT:
		after_filtering(n, NAT_PORT, now);
		break;
	case NAT_MAP_IP:
	case NAT_MAP_BOTH:
		end_mapping(n, v, NULL, now);
		break;
	case NAT_TURN:
		n->hairpin = HAIRPIN_NO;
		finish(n, now);
		break;
	case NAT_IDLE:
		break;
	}
}

/* The server refuses to answer from elsewhere: nothing is learnt by it. */
static void
refused(struct nat *n, const struct mappings *v, struct mono now)
{
	if (n->phase == NAT_FILTER_BOTH || n->phase == NAT_FILTER_PORT)
		after_filtering(n, NAT_UNKNOWN, now);
	else
		silent(n, v, now);
}

bool
nat_heard(struct nat *n, const struct mappings *v, unsigned owner,
    const struct ipc_stun_heard *heard, struct mono now)
{
	struct stun_msg m;
	bool mine = n->phase == NAT_TURN ?
	    owner == n->relay && heard->socket == n->relay_socket :
	    owner == MAPPING_SIP && heard->socket == n->socket;

	if (n->phase == NAT_IDLE || n->sent == 0 || !mine ||
	    stun_parse(heard->packet, &m) != 0 || m.method != STUN_BINDING ||
	    memcmp(m.tid, n->tid, STUN_TID_LEN) != 0 ||
	    (m.fingerprint_at != 0 && !stun_fingerprint_ok(&m)))
		return false;
	if (m.class == STUN_SUCCESS && m.n_unknown == 0 && m.mapped.port != 0)
		answered(n, v, &m.mapped, now);
	else if (m.class == STUN_ERROR)
		refused(n, v, now);
	return true;
}

/* ---- steps ---- */

static void
put_step(struct nat *n, struct nat_step *out)
{
	if (n->phase == NAT_TURN) {
		out->what = NAT_DO_HAIRPIN;
		out->owner = n->relay;
		out->hairpin.socket = n->relay_socket;
		out->hairpin.target = n->mapped;
		memcpy(out->hairpin.tid, n->tid, STUN_TID_LEN);
		return;
	}
	out->what = NAT_DO_TEST;
	out->owner = MAPPING_SIP;
	out->test.socket = n->socket;
	out->test.server = n->server;
	out->test.to = tests[n->phase].to;
	out->test.change = tests[n->phase].change;
	memcpy(out->test.tid, n->tid, STUN_TID_LEN);
}

static bool
next_send(struct nat *n, const struct mappings *v, struct mono now,
    struct nat_step *out)
{
	while (n->phase != NAT_IDLE && mono_due(n->due, now)) {
		if (n->sent == NAT_TRIES) {
			silent(n, v, now);
			continue;
		}
		n->due = mono_add_ms(now, PROBE_RTO_MS << n->sent++);
		put_step(n, out);
		return true;
	}
	return false;
}

bool
nat_next(struct nat *n, const struct mappings *v, struct mono now,
    struct nat_step *out)
{
	const struct mapping *m = sip_mapping(v);

	follow_site(n, v, now);
	if (m == NULL && n->phase != NAT_IDLE)
		rest(n, NAT_RETRY_MS, now);
	if (m != NULL && n->phase == NAT_IDLE && mono_due(n->due, now) &&
	    n->site.family != ADDR_NONE)
		begin(n, v, m, now);
	if (next_send(n, v, now, out))
		return true;
	if (!n->news)
		return false;
	n->news = false;
	out->what = NAT_DO_NEWS;
	return true;
}

struct mono
nat_due(const struct nat *n, struct mono now)
{
	/* What is due and does not begin waits for something else. */
	return n->phase == NAT_IDLE && mono_due(n->due, now) ? MONO_NEVER :
	    n->due;
}
