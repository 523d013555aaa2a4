#include "common/base/text.h"
#include "common/io/clock.h"
#include "stunmon/io/monitor.h"

/* Rows of relay sockets beyond these are counted only: the answer is one
 * frame. */
#define ROWS_MAX 12

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
	    news_state(m->state));
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

static const char *
server_state(enum mapping_server_state state)
{
	static const char *const names[] = {
		[SERVER_UNRESOLVED] = "unresolved",
		[SERVER_UNASKED] = "unasked",
		[SERVER_ANSWERING] = "answering",
		[SERVER_SILENT] = "silent",
		[SERVER_WRONG] = "wrong",
	};

	return names[state];
}

static void
put_server(struct buf *b, const struct monitor *m, unsigned s,
    struct mono now)
{
	const struct mapping_server *server = &m->mappings->server[s];

	/* A configured name: letters, digits, dots and hyphens. */
	buf_fmt(b, "{\"host\":\"%s\"", m->conf.stun[s].host);
	put_addr(b, "address", &server->addr);
	buf_fmt(b, ",\"state\":\"%s\",\"addresses\":%u",
	    server_state(mapping_server_state(m->mappings, s, now)),
	    server->n_list);
	if (server->wrong)
		put_addr(b, "says", &server->said);
	buf_fmt(b, ",\"answers\":%llu,\"silent\":%llu,\"wrong\":%llu}",
	    (unsigned long long)server->n_answers,
	    (unsigned long long)server->n_silent,
	    (unsigned long long)server->n_wrong);
}

static void
put_servers(struct buf *b, const struct monitor *m, struct mono now)
{
	buf_puts(b, ",\"servers\":[");
	for (unsigned s = 0; s < m->mappings->conf.n_servers; s++) {
		if (s > 0)
			buf_putc(b, ',');
		put_server(b, m, s, now);
	}
	buf_putc(b, ']');
}

static void
put_dns(struct buf *b, const struct dynname *d, const char *name)
{
	static const char *const state[] = {
		[DYNNAME_NONE] = "none",
		[DYNNAME_SAME] = "same",
		[DYNNAME_DIFFERS] = "differs",
		[DYNNAME_UNRESOLVED] = "unresolved",
	};
	char mem[ADDR_TEXT_MAX];
	struct buf ip;

	if (d->watched)
		buf_fmt(b, ",\"dns_name\":\"%s\"", name);
	else
		buf_puts(b, ",\"dns_name\":null");
	buf_fmt(b, ",\"dns_state\":\"%s\",\"dns_addresses\":[",
	    state[d->state]);
	for (unsigned i = 0; i < d->n_addrs; i++) {
		buf_init(&ip, mem, sizeof(mem));
		addr_put_ip(&ip, &d->addr[i]);
		buf_fmt(b, "%s\"%.*s\"", i > 0 ? "," : "", (int)ip.len, ip.p);
	}
	buf_putc(b, ']');
}

static void
put_nat(struct buf *b, const struct nat *n)
{
	static const char *const hairpin[] = {
		[HAIRPIN_UNKNOWN] = "unknown",
		[HAIRPIN_YES] = "yes",
		[HAIRPIN_NO] = "no",
	};

	buf_fmt(b, ",\"nat_mapping\":\"%s\",\"nat_filtering\":\"%s\","
	    "\"port_preserving\":%s,\"port_open\":%s,\"hairpin\":\"%s\"",
	    nat_word(n->mapping), nat_word(n->filtering),
	    !n->tested ? "null" : n->port_preserving ? "true" : "false",
	    n->filtering == NAT_UNKNOWN ? "null" :
	    n->port_open ? "true" : "false", hairpin[n->hairpin]);
}

static void
put_history(struct buf *b, const struct history *h)
{
	int64_t wall_s = clock_wall_s();

	buf_puts(b, ",\"history\":[");
	for (unsigned i = 0; i < h->n; i++) {
		const struct history_row *r = history_get(h, i);
		long long ago = wall_s - r->wall_s;

		buf_fmt(b, "%s{\"at\":%lld,\"ago_s\":%lld,"
		    "\"state\":\"%s\"", i > 0 ? "," : "",
		    (long long)r->wall_s, ago > 0 ? ago : 0,
		    news_state(r->state));
		put_addr(b, "address", &r->site);
		put_addr(b, "server", &r->server);
		buf_putc(b, '}');
	}
	buf_putc(b, ']');
}

static void
put_alarms(struct buf *b, const struct alarms *a, struct mono now)
{
	unsigned n = 0;

	buf_puts(b, ",\"alarms\":[");
	for (unsigned i = 0; i < ALARM_COUNT; i++) {
		const struct alarm_words *w = alarm_words((enum alarm_id)i);

		if (!a->alarm[i].raised)
			continue;
		buf_fmt(b, "%s{\"name\":\"%s\",\"since_s\":%llu,\"why\":",
		    n++ > 0 ? "," : "", w->name,
		    ago_s(a->alarm[i].raised_at, now));
		text_put_json(b, span_str(w->why));
		buf_puts(b, ",\"remedy\":");
		text_put_json(b, span_str(w->remedy));
		buf_putc(b, '}');
	}
	buf_putc(b, ']');
}

static const char *
words(const struct monitor *m)
{
	const struct mappings *v = m->mappings;

	for (unsigned i = 0; i < ALARM_COUNT; i++) {
		if (m->alarms.alarm[i].raised)
			return alarm_words((enum alarm_id)i)->why;
	}
	if (!v->conf.stun) {
		if (v->site_state == PUBLIC_UNKNOWN)
			return "our public name is not resolved yet";
		if (v->site_state == PUBLIC_OLD)
			return "our public name is not resolved yet; the "
			       "public address is the one kept from before";
		return v->site.family == ADDR_NONE ?
		    "our external address is public itself" :
		    "the public address is configured";
	}
	if (v->site_state == PUBLIC_KNOWN)
		return "the public address is known";
	switch (v->site_source) {
	case SOURCE_KEPT:
		return "no STUN server has answered since the start; the "
		       "public address is the one kept from before";
	case SOURCE_DNS:
		return "no STUN server answers; the public address is where "
		       "our name leads";
	default:
		return v->site_state == PUBLIC_OLD ?
		    "no STUN server answers; the public address is the last "
		    "one known" :
		    "no STUN server has answered yet";
	}
}

static void
put_source(struct buf *b, const struct monitor *m)
{
	int64_t ago_s = clock_wall_s() - m->recall.sure_s;

	buf_fmt(b, ",\"public_source\":\"%s\"",
	    news_source(m->mappings->site_source));
	if (m->recall.sure_s > 0 && ago_s >= 0)
		buf_fmt(b, ",\"public_confirmed_s\":%lld", (long long)ago_s);
	buf_fmt(b, ",\"kept\":%s", m->keeper.page ? "true" : "false");
}

void
status_put(struct buf *b, const struct monitor *m, struct mono now)
{
	const struct mappings *v = m->mappings;

	buf_fmt(b, "{\"role\":\"stunmon\",\"up_s\":%llu,\"mode\":\"%s\","
	    "\"public_state\":\"%s\"", ago_s(m->started, now),
	    v->conf.stun ? "stun" : "given", news_state(v->site_state));
	put_addr(b, "public", &v->site);
	if (v->site_state != PUBLIC_UNKNOWN)
		buf_fmt(b, ",\"since_s\":%llu", ago_s(v->site_since, now));
	put_source(b, m);
	buf_fmt(b, ",\"ignored\":%llu,\"looks\":%llu",
	    (unsigned long long)v->n_ignored,
	    (unsigned long long)v->n_looks);
	put_servers(b, m, now);
	put_nat(b, &m->nat);
	put_dns(b, &m->dynname, m->dyn_name);
	put_maps(b, v, now);
	put_history(b, &v->history);
	buf_putc(b, ',');
	trunks_status(m, b);
	buf_putc(b, ',');
	dials_status(m, b);
	put_alarms(b, &m->alarms, now);
	buf_puts(b, ",\"words\":");
	text_put_json(b, span_str(words(m)));
	buf_putc(b, '}');
}
