#include <errno.h>

#include "common/io/clock.h"
#include "stunmon/io/monitor.h"

/* Rows of relay sockets beyond these are counted only: the answer is one
 * frame. */
#define ROWS_MAX 24

static const char *
state_name(enum public_state state)
{
	switch (state) {
	case PUBLIC_KNOWN:
		return "known";
	case PUBLIC_OLD:
		return "old";
	default:
		return "unknown";
	}
}

static unsigned long long
ago_s(struct mono then, struct mono now)
{
	return mono_ms_between(then, now) / 1000;
}

static void
put_addr(struct buf *b, const char *key, const struct addr *a)
{
	buf_fmt(b, ",\"%s\":", key);
	if (a->family == ADDR_NONE) {
		buf_puts(b, "null");
		return;
	}
	buf_putc(b, '"');
	if (a->port == 0)
		addr_put_ip(b, a);
	else
		addr_put(b, a);
	buf_putc(b, '"');
}

static void
put_map(struct buf *b, const struct mappings *v, const struct mapping *m,
    struct mono now)
{
	buf_fmt(b, "{\"owner\":\"%s\",\"socket\":%u,\"state\":\"%s\"",
	    m->owner == MAPPING_SIP ? "sigproxy" : "mediaproxy", m->number,
	    state_name(m->state));
	put_addr(b, "mapped", &m->mapped);
	if (v->conf.stun && m->mapped.family != ADDR_NONE) {
		put_addr(b, "server", &v->server[m->server].addr);
		buf_fmt(b, ",\"since_s\":%llu,\"checked_s\":%llu",
		    ago_s(m->since, now), ago_s(m->confirmed_at, now));
	}
	buf_fmt(b, ",\"symmetric\":%s,\"disagree\":%s}",
	    m->symmetric ? "true" : "false", m->disagree ? "true" : "false");
}

static void
put_maps(struct buf *b, const struct mappings *v, struct mono now)
{
	unsigned rows = 0, wanted = 0, known = 0;

	buf_puts(b, ",\"sockets\":[");
	for (unsigned i = 0; i < v->n_maps; i++) {
		const struct mapping *m = &v->map[i];

		if (!m->used || m->away)
			continue;
		wanted++;
		known += m->state == PUBLIC_KNOWN;
		if (rows == ROWS_MAX)
			continue;
		if (rows++ > 0)
			buf_putc(b, ',');
		put_map(b, v, m, now);
	}
	buf_fmt(b, "],\"wanted\":%u,\"known\":%u", wanted, known);
}

static void
put_servers(struct buf *b, const struct monitor *m, struct mono now)
{
	const struct mappings *v = m->mappings;

	buf_puts(b, ",\"servers\":[");
	for (unsigned s = 0; s < v->conf.n_servers; s++) {
		const struct mapping_server *server = &v->server[s];

		/* A configured name: letters, digits, dots and hyphens. */
		buf_fmt(b, "%s{\"host\":\"%s\"", s > 0 ? "," : "",
		    m->conf.stun[s].host);
		put_addr(b, "address", &server->addr);
		buf_fmt(b, ",\"usable\":%s,\"answers\":%llu,\"silent\":%llu,"
		    "\"wrong\":%llu}",
		    server->addr.family != ADDR_NONE &&
		    mono_due(server->down_until, now) ? "true" : "false",
		    (unsigned long long)server->n_answers,
		    (unsigned long long)server->n_silent,
		    (unsigned long long)server->n_wrong);
	}
	buf_putc(b, ']');
}

static bool
any(const struct mappings *v, bool symmetric)
{
	for (unsigned i = 0; i < v->n_maps; i++) {
		const struct mapping *m = &v->map[i];

		if (m->used && (symmetric ? m->symmetric : m->disagree))
			return true;
	}
	return false;
}

static const char *
words(const struct mappings *v)
{
	if (!v->conf.stun) {
		if (v->site_state == PUBLIC_UNKNOWN)
			return "our public name is not resolved yet";
		return v->site.family == ADDR_NONE ?
		    "our external address is public itself" :
		    "the public address is configured";
	}
	switch (v->site_state) {
	case PUBLIC_OLD:
		return "no STUN server answers; the last good address stays "
		       "in use";
	case PUBLIC_KNOWN:
		return any(v, true) ? "the office router gives each "
		       "destination another port (symmetric NAT): forward the "
		       "RTP range and set mode = forwarded" :
		       "the public address is known";
	default:
		return any(v, false) ? "the STUN servers disagree about our "
		       "address; none is believed" :
		       "no STUN server has answered yet";
	}
}

static void
put_status(struct buf *b, const struct monitor *m)
{
	const struct mappings *v = m->mappings;
	struct mono now = clock_mono();

	buf_fmt(b, "{\"role\":\"stunmon\",\"up_s\":%llu,\"mode\":\"%s\","
	    "\"state\":\"%s\"", ago_s(m->started, now),
	    v->conf.stun ? "stun" : "given", state_name(v->site_state));
	put_addr(b, "public", &v->site);
	if (v->site_state != PUBLIC_UNKNOWN)
		buf_fmt(b, ",\"since_s\":%llu", ago_s(v->site_since, now));
	buf_fmt(b, ",\"ignored\":%llu", (unsigned long long)v->n_ignored);
	put_servers(b, m, now);
	put_maps(b, v, now);
	buf_fmt(b, ",\"words\":\"%s\"}", words(v));
}

int
on_admin_frame(struct monitor *m, uint16_t type, struct span payload)
{
	struct ipc_status_ask ask;
	struct ipc_status_say say;
	char json[12000], mem[12000 + 64];
	struct buf text, b;
	int err;

	if (type != IPC_STATUS_ASK)
		return -EPROTO;
	err = get_status_ask(payload, &ask);
	if (err)
		return err;
	buf_init(&text, json, sizeof(json));
	put_status(&text, m);
	say.id = ask.id;
	say.json = text.err ? SPAN_LIT("{}") : buf_span(&text);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, STATUS_SAY, status_say, &say);
	door_send(m->admin, buf_span(&b));
	return 0;
}
