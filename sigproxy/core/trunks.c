#include "sigproxy/core/trunks.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/text.h"
#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/trunk_call.h"
#include "sigproxy/core/trunk_conn.h"
#include "sigproxy/core/trunk_ping.h"

#define PORT_SIP 5060
#define PORT_SIPS 5061
#define STATUS_ROOM 4000	/* of one trunk, and of what follows */

struct trunks *
trunks_new(void)
{
	return calloc(1, sizeof(struct trunks));
}

void
trunks_free(struct trunks *t)
{
	free(t);
}

struct trunk *
trunk_find(struct trunks *t, uint32_t id)
{
	for (unsigned i = 0; i < IPC_TRUNKS_MAX && id != 0; i++)
		if (t->trunk[i].id == id)
			return &t->trunk[i];
	return NULL;
}

bool
trunk_is_stream(const struct edge *e, uint32_t id)
{
	const struct trunk *t = trunk_find(e->trunks, id);

	return t != NULL && t->transport != TRANSPORT_UDP;
}

/* ---- where it is ---- */

/* It may have dialled us as well.  But where its certificate counts it has
 * shown none then: an address is DNS's word, and others may share it. */
static bool
is_from_place(const struct trunk *t, const struct flow *from)
{
	if (t->transport == TRANSPORT_TLS && t->verify)
		return false;
	for (unsigned i = 0; i < t->n_places; i++)
		if (addr_same_ip(&t->place[i], &from->remote))
			return true;
	return false;
}

/* By UDP: its very address; else: a connection that we made. */
static bool
is_from_flow(const struct trunk *t, const struct flow *from)
{
	for (unsigned i = 0; i < t->n_flows; i++)
		if (from->transport == TRANSPORT_UDP ?
			addr_eq(&t->flow[i].flow.remote, &from->remote) :
			flow_eq(&t->flow[i].flow, from))
			return true;
	return false;
}

bool
trunk_comes_from(const struct trunk *t, const struct flow *from)
{
	if (t->zone != from->zone || t->transport != from->transport)
		return false;
	if (is_from_flow(t, from) || is_from_place(t, from))
		return true;
	for (unsigned i = 0; i < t->n_sources; i++)
		if (addr_prefix_has(&t->source[i], &from->remote))
			return true;
	return false;
}

struct trunk *
trunk_of(struct trunks *t, const struct flow *from)
{
	/* Two trunks may be at one address. */
	for (unsigned i = 0; i < IPC_TRUNKS_MAX && from->conn != 0; i++)
		if (t->trunk[i].id != 0 && is_from_flow(&t->trunk[i], from))
			return &t->trunk[i];
	for (unsigned i = 0; i < IPC_TRUNKS_MAX; i++)
		if (t->trunk[i].id != 0 &&
		    trunk_comes_from(&t->trunk[i], from))
			return &t->trunk[i];
	return NULL;
}

uint32_t
trunk_id_of(const struct edge *e, const struct flow *from)
{
	const struct trunk *t = trunk_of(e->trunks, from);

	return t != NULL ? t->id : 0;
}

int
trunk_udp_flow(const struct edge_conf *conf, const struct trunk *t,
    const struct addr *to, struct flow *out)
{
	for (unsigned i = 0; i < conf->n_listeners; i++) {
		const struct edge_listener *l = &conf->listeners[i];

		if (l->zone != t->zone || l->transport != TRANSPORT_UDP ||
		    l->local.family != to->family || addr_eq(&l->local, to))
			continue;
		*out = (struct flow){ .zone = t->zone,
			.transport = TRANSPORT_UDP, .listener = (uint8_t)i,
			.remote = *to };
		return 0;
	}
	return -ENOENT;
}

void
trunk_set_places(struct trunk *t, const struct addr *at, unsigned n)
{
	t->n_places = n < TRUNK_FLOWS_MAX ? n : TRUNK_FLOWS_MAX;
	for (unsigned i = 0; i < t->n_places; i++)
		t->place[i] = at[i];
}

void
trunk_set_flows(struct trunk *t, const struct flow *flows, unsigned n)
{
	struct trunk_flow next[TRUNK_FLOWS_MAX] = { 0 };

	n = n < TRUNK_FLOWS_MAX ? n : TRUNK_FLOWS_MAX;
	for (unsigned i = 0; i < n; i++) {
		next[i].flow = flows[i];
		for (unsigned k = 0; k < t->n_flows; k++)
			if (flow_eq(&t->flow[k].flow, &flows[i]))
				next[i].avoid_until = t->flow[k].avoid_until;
	}
	memcpy(t->flow, next, sizeof(next));
	t->n_flows = n;
}

/* An address needs nobody who resolves it. */
static void
take_literal(const struct edge_conf *conf, struct trunk *t)
{
	uint16_t port = t->port != 0 ? t->port :
	    t->transport == TRANSPORT_TLS ? PORT_SIPS : PORT_SIP;
	struct addr a;
	struct flow f;

	t->n_flows = t->n_places = 0;
	t->why.len = 0;
	if (addr_parse_ip(TEXT_SPAN(t->host), &a) != 0)
		return;
	a.port = port;
	if (t->transport != TRANSPORT_UDP)
		trunk_set_places(t, &a, 1);
	else if (trunk_udp_flow(conf, t, &a, &f) == 0)
		trunk_set_flows(t, &f, 1);
}

/* ---- what registrar-db says ---- */

static void
take_sources(struct trunk *t, struct span list)
{
	t->n_sources = 0;
	while (list.len > 0 && t->n_sources < TRUNK_SOURCES_MAX) {
		ptrdiff_t comma = span_find(list, ',');
		size_t n = comma < 0 ? list.len : (size_t)comma;
		struct span word = span_trim(span_sub(list, 0, n));

		if (addr_prefix_parse(word, &t->source[t->n_sources]) == 0)
			t->n_sources++;
		list = n < list.len ? span_sub(list, n + 1, list.len) :
				      SPAN_NONE;
	}
}

static bool
is_elsewhere(const struct trunk *t, const struct ipc_trunk *m)
{
	return t->port != m->port || t->transport != m->transport ||
	       t->zone != m->zone || !span_eq(TEXT_SPAN(t->host), m->host);
}

static void
take_words(struct trunk *t, const struct ipc_trunk *m)
{
	/* The table bounds them: they fit. */
	(void)TEXT_SET(&t->name, m->name);
	(void)TEXT_SET(&t->host, m->host);
	(void)TEXT_SET(&t->domain, m->domain);
	(void)TEXT_SET(&t->user, m->user);
	(void)TEXT_SET(&t->stun, m->stun);
	take_sources(t, m->sources);
}

static void
take_numbers(struct trunk *t, const struct ipc_trunk *m)
{
	t->set = m->set;
	t->port = m->port;
	t->transport = m->transport;
	t->zone = m->zone;
	t->registers = m->registers;
	t->has_secret = m->has_secret;
	t->outbound = m->outbound;
	t->trust = m->trust;
	t->mirror = m->mirror;
	t->verify = m->verify;
	t->expires_s = m->expires_s;
	t->ping_s = m->ping_s;
	t->channels = m->channels;
	t->wait_ms = m->wait_s * 1000u;
	t->latching = m->latching;
	t->srtp = m->srtp;
}

static struct trunk *
find_free(struct trunks *t)
{
	for (unsigned i = 0; i < IPC_TRUNKS_MAX; i++)
		if (t->trunk[i].id == 0)
			return &t->trunk[i];
	return NULL;
}

/* Errors: -ERANGE more than there can be. */
static int
on_trunk(struct edge *e, struct span payload)
{
	struct ipc_trunk m;
	struct trunk *t;
	bool moved;
	int err = get_trunk(payload, &m);

	if (err)
		return err;
	t = trunk_find(e->trunks, m.trunk);
	moved = t == NULL || is_elsewhere(t, &m);
	if (t == NULL)
		t = find_free(e->trunks);
	if (t == NULL)
		return -ERANGE;
	t->id = m.trunk;
	take_words(t, &m);
	take_numbers(t, &m);
	if (moved)
		take_literal(e->conf, t);
	return 0;
}

static int
on_trunks(struct edge *e, struct steps *st, struct span payload)
{
	struct ipc_trunks m;
	int err = get_trunks(payload, &m);

	if (err)
		return err;
	for (unsigned i = 0; i < IPC_TRUNKS_MAX; i++) {
		struct trunk *t = &e->trunks->trunk[i];

		if (t->id != 0 && t->set != m.set)
			*t = (struct trunk){ .id = 0 };
	}
	steps_log(st, STEP_DEBUG, "trunks-known");
	steps_key_number(st, "trunks", m.count);
	return 0;
}

int
trunks_frame(struct edge *e, struct steps *st, uint16_t type,
    struct span payload)
{
	return type == IPC_TRUNK ? on_trunk(e, payload) :
				   on_trunks(e, st, payload);
}

/* ---- words ---- */

void
trunk_put_uri(struct buf *b, const struct trunk *t, struct span number)
{
	buf_puts(b, "sip:");
	headers_put_user(b, number);
	buf_putc(b, '@');
	buf_put(b, TEXT_SPAN(t->domain));
}

static void
put_flows(struct buf *b, struct mono now, const struct trunk *t)
{
	char mem[ADDR_TEXT_MAX + 1];

	buf_puts(b, ",\"reached_at\":[");
	for (unsigned i = 0; i < t->n_flows; i++)
		buf_fmt(b, "%s{\"address\":\"%s\",\"failed\":%s}",
		    i > 0 ? "," : "",
		    addr_text(&t->flow[i].flow.remote, mem),
		    mono_before(now, t->flow[i].avoid_until) ? "true" :
							       "false");
	buf_putc(b, ']');
}

static void
put_one(const struct edge *e, struct mono now, const struct trunk *t,
    struct buf *b)
{
	const char *answers = pings_word(e, t->id);

	buf_fmt(b, "{\"id\":%u,\"name\":", t->id);
	text_put_json(b, TEXT_SPAN(t->name));
	buf_fmt(b, ",\"zone\":\"%s\",\"calls\":%u,\"channels\":%u,"
	    "\"calls_in\":%llu,\"calls_out\":%llu,\"refused\":%llu,"
	    "\"failed\":%llu",
	    t->zone == ZONE_EXTERNAL ? "external" : "internal",
	    trunk_calls(e->calls, t->id), t->channels,
	    (unsigned long long)t->calls_in, (unsigned long long)t->calls_out,
	    (unsigned long long)t->refused, (unsigned long long)t->failed);
	put_flows(b, now, t);
	if (answers != NULL)
		buf_fmt(b, ",\"answers\":\"%s\"", answers);
	if (t->transport != TRANSPORT_UDP)
		tconns_put(e, now, t, b);
	buf_putc(b, '}');
}

void
trunks_status(const struct edge *e, struct mono now, struct buf *json)
{
	unsigned left_out = 0;
	bool any = false;

	buf_puts(json, "\"trunks\":[");
	for (unsigned i = 0; i < IPC_TRUNKS_MAX; i++) {
		const struct trunk *t = &e->trunks->trunk[i];

		if (t->id == 0)
			continue;
		/* A status has an end; whoever has so many looks at
		 * the table. */
		if (json->cap - json->len < STATUS_ROOM) {
			left_out++;
			continue;
		}
		if (any)
			buf_putc(json, ',');
		put_one(e, now, t, json);
		any = true;
	}
	buf_fmt(json, "],\"trunks_left_out\":%u", left_out);
}
