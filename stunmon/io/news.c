/* What stunmon says of itself in the log. */
#include "common/io/clock.h"
#include "common/io/log.h"
#include "stunmon/io/monitor.h"

static void
log_ip(const char *key, const struct addr *a)
{
	char mem[ADDR_TEXT_MAX];
	struct buf b;

	if (a->family == ADDR_NONE)
		return;
	buf_init(&b, mem, sizeof(mem));
	addr_put_ip(&b, a);
	log_span(key, buf_span(&b));
}

const char *
news_state(enum public_state state)
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

const char *
news_source(enum site_source source)
{
	static const char *const words[] = {
		[SOURCE_NONE] = "none",
		[SOURCE_GIVEN] = "configured",
		[SOURCE_STUN] = "stun",
		[SOURCE_KEPT] = "kept",
		[SOURCE_DNS] = "dns",
	};

	return words[source];
}

/* What follows from an address that nobody has confirmed. */
static void
log_unsure(const struct monitor *m)
{
	int64_t ago_s = clock_wall_s() - m->recall.sure_s;

	if (m->recall.sure_s > 0 && ago_s >= 0)
		log_u64("confirmed_ago_s", (uint64_t)ago_s);
	log_str("why", m->mappings->site_source == SOURCE_DNS ?
	    "no STUN server answers; our name leads here since" :
	    "not confirmed by a STUN server now; if it is not ours any more, "
	    "phones outside are not heard until one answers");
}

void
news_site(const struct monitor *m)
{
	const struct mappings *v = m->mappings;
	const struct history *h = &v->history;
	bool moved = v->before.family != ADDR_NONE;
	bool old = v->site_state == PUBLIC_OLD;

	/* After a start it is old for a moment, mostly. */
	log_begin((old && v->site_source != SOURCE_KEPT) || moved ?
	    LOG_WARN_ : LOG_INFO_,
	    moved ? "public-address-changed" : "public-address");
	log_str("state", news_state(v->site_state));
	log_str("source", news_source(v->site_source));
	log_ip("before", &v->before);
	log_ip("address", &v->site);
	if (v->site_source == SOURCE_STUN && h->n > 0 &&
	    history_get(h, h->n - 1)->server.family != ADDR_NONE)
		log_addr("server", &history_get(h, h->n - 1)->server);
	if (old)
		log_unsure(m);
	log_end();
}

void
news_nat(const struct monitor *m)
{
	static const char *const hairpin[] = {
		[HAIRPIN_UNKNOWN] = "unknown",
		[HAIRPIN_YES] = "yes",
		[HAIRPIN_NO] = "no",
	};
	const struct nat *n = &m->nat;

	if (!n->tested)
		return;
	log_begin(LOG_INFO_, "nat");
	log_str("mapping", nat_word(n->mapping));
	log_str("filtering", nat_word(n->filtering));
	log_str("port_preserving", n->port_preserving ? "yes" : "no");
	log_str("hairpin", hairpin[n->hairpin]);
	log_end();
}

/* ---- alarms ---- */

static void
log_wrong(const struct mappings *v)
{
	for (unsigned s = 0; s < v->conf.n_servers; s++) {
		if (!v->server[s].wrong)
			continue;
		log_addr("server", &v->server[s].addr);
		log_ip("says", &v->server[s].said);
	}
	log_ip("believed", &v->site);
}

/* The first socket whose servers differ: what does each of them say? */
static void
log_votes(const struct mappings *v)
{
	const struct mapping *m = v->map;

	while (m < v->map + v->n_maps && !(m->used && m->disagree))
		m++;
	for (unsigned s = 0; m < v->map + v->n_maps && s < v->conf.n_servers;
	     s++) {
		if (m->vote[s].at.us == 0)
			continue;
		log_addr("server", &v->server[s].addr);
		log_ip("says", &m->vote[s].addr);
	}
	log_ip("believed", &v->site);
}

static void
log_dns(const struct monitor *m)
{
	log_str("name", m->dyn_name);
	for (unsigned i = 0; i < m->dynname.n_addrs; i++)
		log_ip("leads_to", &m->dynname.addr[i]);
	log_ip("address", &m->mappings->site);
}

static void
log_details(const struct monitor *m, enum alarm_id id)
{
	switch (id) {
	case ALARM_WRONG:
		log_wrong(m->mappings);
		break;
	case ALARM_DISAGREE:
		log_votes(m->mappings);
		break;
	case ALARM_DNS_DIFFERS:
	case ALARM_DNS_GONE:
		log_dns(m);
		break;
	case ALARM_PORT:
		log_addr("seen", &m->mappings->map[0].mapped);
		break;
	default:
		break;
	}
}

void
news_alarm(const struct monitor *m, enum alarm_id id, struct mono now)
{
	const struct alarm_words *words = alarm_words(id);
	const struct alarm *a = &m->alarms.alarm[id];

	log_begin(a->raised ? LOG_WARN_ : LOG_INFO_, words->name);
	if (a->raised) {
		log_details(m, id);
		log_str("why", words->why);
		log_str("remedy", words->remedy);
	} else {
		log_str("why", "over: back to normal");
		log_u64("after_s", mono_ms_between(a->raised_at, now) / 1000);
	}
	log_end();
}
