/* What DNS says: addresses of STUN servers, and of the name phones use. */
#include <errno.h>

#include "common/io/clock.h"
#include "common/io/log.h"
#include "stunmon/io/monitor.h"

/* Our own names among the watched ones; the others are STUN servers. */
#define OWN_NAME CONF_LIST_MAX		/* public = NAME */
#define DYN_NAME (CONF_LIST_MAX + 1)	/* compared only */
#define LEAST_MS 5000
#define MOST_MS 300000
#define RETRY_MS 3000

static const char *
name_of(const struct monitor *m, unsigned number)
{
	return number == OWN_NAME ? m->conf.public_name :
	    number == DYN_NAME ? m->dyn_name : m->conf.stun[number].host;
}

static void
log_failure(struct monitor *m, unsigned number, const struct dns_answer *a)
{
	if (m->failed & 1u << number)
		return;
	m->failed |= 1u << number;
	log_begin(LOG_WARN_, "name-not-resolved");
	log_str("name", name_of(m, number));
	log_str("why", a->why);
	log_end();
}

uint32_t
names_by_ttl(const struct dns_answer *a)
{
	uint64_t ms = (uint64_t)a->ttl_s * 1000;

	return ms < LEAST_MS ? LEAST_MS : ms > MOST_MS ? MOST_MS :
	    (uint32_t)ms;
}

static void
refuse_name(const struct addr *a)
{
	log_begin(LOG_WARN_, "name-not-believed");
	log_addr("address", a);
	log_str("why", "our public name leads to an address that is not "
	    "public");
	log_end();
}

/* The one we have, if it is still among them: lists come in any order. */
static const struct addr *
choose(const struct dns_answer *a, const struct addr *have)
{
	for (unsigned i = 0; i < a->n; i++) {
		if (addr_same_ip(&a->addr[i], have))
			return &a->addr[i];
	}
	return &a->addr[0];
}

static void
on_own_name(struct monitor *m, const struct dns_answer *a)
{
	const struct addr *one = choose(a, &m->mappings->site);

	if (addr_is_public(one))
		mapping_set_site(m->mappings, one, clock_mono());
	else if (!addr_same_ip(one, &m->refused))
		refuse_name(one);
	m->refused = *one;
}

static void
on_server(struct monitor *m, unsigned number, const struct dns_answer *a)
{
	struct addr list[DNS_ADDRS_MAX];

	for (unsigned i = 0; i < a->n; i++) {
		list[i] = a->addr[i];
		if (list[i].port == 0)
			list[i].port = m->conf.stun[number].port;
	}
	mapping_set_addresses(m->mappings, number, list, a->n, clock_mono());
}

static uint32_t
on_dyn_name(struct monitor *m, const struct dns_answer *a)
{
	struct mono now = clock_mono();
	uint32_t again_ms;

	if (a->err == -EAGAIN)
		again_ms = dynname_failed(&m->dynname, now);
	else
		again_ms = dynname_answer(&m->dynname, a->addr, a->n,
		    a->ttl_s, now);
	monitor_run(m);
	return again_ms;
}

static uint32_t
on_answer(void *arg, unsigned number, const struct dns_answer *a)
{
	struct monitor *m = arg;

	if (number >= TRUNK_NAMES)
		return trunks_answer(m, number, a);
	if (number == DYN_NAME)
		return on_dyn_name(m, a);
	if (a->err != 0) {
		log_failure(m, number, a);
		return RETRY_MS;
	}
	m->failed &= ~(1u << number);
	if (number == OWN_NAME)
		on_own_name(m, a);
	else
		on_server(m, number, a);
	monitor_run(m);
	return names_by_ttl(a);
}

/* The relay chooses by the same rule. */
uint8_t
names_stun_family(const struct conf *c)
{
	for (unsigned i = 0; i < c->n_external; i++) {
		if (c->external[i].family == ADDR_IPV4)
			return ADDR_IPV4;
	}
	return ADDR_IPV6;
}

/* A domain may be no host at all, or an address. */
static bool
choose_dyn_name(struct monitor *m)
{
	const struct conf *c = &m->conf;
	struct addr ip;

	if (c->public_how == PUBLIC_NAME && c->name[0] == '\0')
		m->dyn_name = c->public_name;
	else if (c->name[0] != '\0')
		m->dyn_name = c->name;
	else
		m->dyn_name = c->domain;
	m->dynname.guessed = m->dyn_name == c->domain;
	m->dynname.watched = addr_parse_ip(span_str(m->dyn_name), &ip) != 0 &&
	    span_find(span_str(m->dyn_name), '.') > 0;
	return m->dynname.watched;
}

int
names_watch(struct monitor *m)
{
	const struct conf *c = &m->conf;
	unsigned family = names_stun_family(c) == ADDR_IPV4 ? DNS_IPV4 :
	    DNS_IPV6;
	unsigned n = m->mappings->conf.n_servers;
	bool own = c->public_how == PUBLIC_NAME, dyn = choose_dyn_name(m);
	bool names = own || dyn;

	for (unsigned i = 0; i < n; i++)
		names = names || c->stun[i].addr.family == ADDR_NONE;
	/* Trunks may come later; the resolvers are read now or never. */
	m->dns = dns_new(m->loop, on_answer, m);
	if (m->dns == NULL)
		return names ? -ENOMEM : 0;
	if (own)
		dns_watch(m->dns, OWN_NAME, c->public_name, family);
	if (dyn)
		dns_watch(m->dns, DYN_NAME, m->dyn_name,
		    DNS_IPV4 | DNS_IPV6);
	for (unsigned i = 0; i < n; i++) {
		if (c->stun[i].addr.family == ADDR_NONE)
			dns_watch(m->dns, i, c->stun[i].host, family |
			    (c->stun[i].port_given ? 0 : DNS_STUN));
	}
	return 0;
}

/* The internet sees the site's address, and public ones of our own. */
void
names_compare(struct monitor *m, struct mono now)
{
	struct addr own[DYNNAME_OWN_MAX] = { m->mappings->site };
	bool moved;
	unsigned n = 1;

	if (m->mappings->site_state == PUBLIC_UNKNOWN)
		own[0] = (struct addr){ 0 };
	for (unsigned i = 0; i < m->conf.n_external; i++) {
		const struct addr *a = &m->conf.external[i];

		if (!addr_is_public(a))
			continue;
		if (own[0].family == ADDR_NONE &&
		    m->conf.public_how == PUBLIC_NONE)
			own[0] = *a;
		else if (n < DYNNAME_OWN_MAX)
			own[n++] = *a;
	}
	moved = !addr_same_ip(&own[0], &m->dynname.own[0]);
	dynname_own(&m->dynname, own, n, now);
	if (moved && m->dns != NULL)
		dns_hurry(m->dns, DYN_NAME);
}
