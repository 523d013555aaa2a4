/*
 * Where trunks are: names to addresses by RFC 3263.
 *
 * registrar-db says which trunks there are, so that a captured sigproxy can
 * have no name looked up.  A trunk's row names its transport; so the way is
 * SRV, then addresses, and with a port or a literal address less than that
 * (4.2).  What was known stays when DNS fails.
 */
#include <errno.h>

#include "common/base/text.h"
#include "common/io/log.h"
#include "stunmon/io/monitor.h"

#define RETRY_MS 5000

static unsigned
number_of(const struct monitor *m, const struct trunk_host *t)
{
	return TRUNK_NAMES + (unsigned)(t - m->trunks.list);
}

/* ---- telling sigproxy ---- */

static void
tell(struct monitor *m, const struct trunk_host *t)
{
	struct ipc_trunk_at at = { .trunk = t->id,
		.host = span_str(t->host) };
	char mem[1024];
	struct buf b;

	for (unsigned i = 0; i < t->n && i < IPC_PLACES_MAX; i++)
		at.places[at.n_places++].address = t->addr[i];
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, TRUNK_AT, trunk_at, &at);
	if (buf_err(&b) == 0)
		(void)door_send(m->owner[MAPPING_SIP], buf_span(&b));
}

void
trunks_tell_all(struct monitor *m)
{
	for (unsigned i = 0; i < IPC_TRUNKS_MAX; i++) {
		const struct trunk_host *t = &m->trunks.list[i];

		if (t->id != 0 && t->is_name && t->n > 0)
			tell(m, t);
	}
}

/* ---- answers ---- */

static void
log_where(const struct trunk_host *t)
{
	log_begin(LOG_INFO_, "trunk-resolved");
	log_str("host", t->host);
	log_addr("address", &t->addr[0]);
	log_u64("addresses", t->n);
	log_end();
}

static void
failed(struct trunk_host *t, const struct dns_answer *a)
{
	t->n_failures++;
	if (t->is_failed)
		return;
	t->is_failed = true;
	log_begin(LOG_WARN_, "trunk-not-resolved");
	log_str("host", t->host);
	log_str("why", a->why);
	log_str("remedy", t->n > 0 ? "none yet: what it said before is used" :
	    "look at its address in table trunk, and at our resolver");
	log_end();
}

static bool
has(const struct addr *list, unsigned n, const struct addr *a)
{
	for (unsigned i = 0; i < n; i++) {
		if (addr_same_ip(&list[i], a) && list[i].port == a->port)
			return true;
	}
	return false;
}

/* Servers turn their lists; that is no change. */
static bool
is_same(const struct trunk_host *t, const struct addr *list, unsigned n)
{
	if (t->n != n)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (!has(t->addr, n, &list[i]))
			return false;
	}
	return true;
}

static uint16_t
usual_port(uint8_t transport)
{
	return transport == TRANSPORT_TLS ? 5061 : 5060;
}

static void
take(struct monitor *m, struct trunk_host *t, const struct dns_answer *a)
{
	struct addr list[DNS_ADDRS_MAX];

	for (unsigned i = 0; i < a->n; i++) {
		list[i] = a->addr[i];
		if (t->port != 0)
			list[i].port = t->port;
		else if (list[i].port == 0)
			list[i].port = usual_port(t->transport);
	}
	t->n_answers++;
	t->is_failed = false;
	if (is_same(t, list, a->n))
		return;
	memcpy(t->addr, list, sizeof(list));
	memset(t->dialled, 0, sizeof(t->dialled));
	t->n = a->n;
	log_where(t);
	tell(m, t);
}

uint32_t
trunks_answer(struct monitor *m, unsigned number, const struct dns_answer *a)
{
	struct trunk_host *t;

	if (number - TRUNK_NAMES >= IPC_TRUNKS_MAX)
		return RETRY_MS;
	t = &m->trunks.list[number - TRUNK_NAMES];
	if (t->id == 0)
		return RETRY_MS;
	if (a->err != 0) {
		failed(t, a);
		return RETRY_MS;
	}
	take(m, t, a);
	return names_by_ttl(a);
}

/* ---- which there are ---- */

static unsigned
service_of(const struct trunk_host *t)
{
	if (t->port != 0)
		return 0;
	return t->transport == TRANSPORT_TLS ? DNS_SIP_TLS :
	    t->transport == TRANSPORT_TCP ? DNS_SIP_TCP : DNS_SIP_UDP;
}

static bool
is_equal(const struct trunk_host *a, const struct trunk_host *b)
{
	return a->id == b->id && a->port == b->port &&
	    a->transport == b->transport && strcmp(a->host, b->host) == 0;
}

static bool
is_in(const struct trunk_host *t, const struct trunk_host *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (is_equal(&list[i], t))
			return true;
	}
	return false;
}

static void
forget(struct monitor *m, struct trunk_host *t)
{
	if (t->is_name && m->dns != NULL)
		dns_forget(m->dns, number_of(m, t));
	t->id = 0;
}

static void
add(struct monitor *m, const struct trunk_host *new)
{
	struct trunk_host *t = m->trunks.list;

	while (t < m->trunks.list + IPC_TRUNKS_MAX && t->id != 0)
		t++;
	if (t == m->trunks.list + IPC_TRUNKS_MAX)
		return;
	*t = *new;
	if (t->is_name && m->dns != NULL)
		dns_watch(m->dns, number_of(m, t), t->host,
		    DNS_IPV4 | DNS_IPV6 | service_of(t));
}

/* ---- their STUN servers ---- */

/* HOST of HOST:PORT, or all of it. */
static struct span
host_of(const char *stun)
{
	struct span s = span_str(stun);
	ptrdiff_t end = s.len > 0 && s.p[0] == '[' ? span_find(s, ']') + 1 :
						     span_find(s, ':');

	return end > 0 ? span_sub(s, 0, (size_t)end) : s;
}

static bool
is_server(const struct conf_host *h, struct span host)
{
	struct addr a;

	if (h->addr.family != ADDR_NONE)
		return addr_parse_ip(host, &a) == 0 &&
		    addr_same_ip(&a, &h->addr);
	return span_caseeq(span_str(h->host), host);
}

static void
say_stun(const struct trunk_host *t, bool is_known)
{
	log_begin(is_known ? LOG_INFO_ : LOG_WARN_, is_known ?
		"trunk-stun-first" : "trunk-stun-not-used");
	log_str("server", t->stun);
	if (!is_known)
		log_str("remedy", "name it in [address] stun as well: only "
		    "those are ever asked");
	log_end();
}

/* The first trunk's that has one goes before all others.  Who owns the sockets
 * asks configured servers only: so it must be one of them. */
static void
prefer_stun(struct monitor *m)
{
	const struct trunk_hosts *h = &m->trunks;
	unsigned n = m->mappings->conf.n_servers, found = n;
	const struct trunk_host *t = h->next;

	while (t < h->next + h->n_next && t->stun[0] == '\0')
		t++;
	if (t == h->next + h->n_next) {
		mapping_prefer(m->mappings, 0);
		return;
	}
	for (unsigned i = 0; i < n && found == n; i++) {
		if (is_server(&m->conf.stun[i], host_of(t->stun)))
			found = i;
	}
	if (strcmp(h->stun_said, t->stun) != 0)
		say_stun(t, found < n);
	memcpy(m->trunks.stun_said, t->stun, sizeof(t->stun));
	mapping_prefer(m->mappings, found < n ? found : 0);
}

/* All of a set came. */
static void
use_set(struct monitor *m)
{
	struct trunk_hosts *h = &m->trunks;

	for (unsigned i = 0; i < IPC_TRUNKS_MAX; i++) {
		if (h->list[i].id != 0 &&
		    !is_in(&h->list[i], h->next, h->n_next))
			forget(m, &h->list[i]);
	}
	for (unsigned i = 0; i < h->n_next; i++) {
		if (!is_in(&h->next[i], h->list, IPC_TRUNKS_MAX))
			add(m, &h->next[i]);
	}
	prefer_stun(m);
}

static void
note(struct trunk_hosts *h, const struct ipc_trunk *m)
{
	struct trunk_host *t = &h->next[h->n_next];
	struct addr literal;

	if (m->set != h->set) {
		h->set = m->set;
		h->n_next = 0;
		t = h->next;
	}
	if (h->n_next == IPC_TRUNKS_MAX || m->host.len >= sizeof(t->host) ||
	    m->stun.len >= sizeof(t->stun))
		return;
	*t = (struct trunk_host){ .id = m->trunk, .port = m->port,
		.transport = m->transport };
	memcpy(t->host, m->host.p, m->host.len);
	if (m->stun.len > 0)
		memcpy(t->stun, m->stun.p, m->stun.len);
	t->is_name = addr_parse_ip(m->host, &literal) != 0;
	if (!t->is_name) {
		literal.port = t->port != 0 ? t->port :
					      usual_port(t->transport);
		t->addr[t->n++] = literal;
	}
	h->n_next++;
}

int
trunks_frame(struct monitor *m, uint16_t type, struct span payload)
{
	struct ipc_trunk trunk;
	struct ipc_trunks all;
	int err;

	if (type == IPC_TRUNK) {
		err = get_trunk(payload, &trunk);
		if (err == 0)
			note(&m->trunks, &trunk);
		return err;
	}
	if (type != IPC_TRUNKS)
		return -EPROTO;
	err = get_trunks(payload, &all);
	if (err)
		return err;
	if (all.count == 0) {
		m->trunks.set = all.set;
		m->trunks.n_next = 0;
	}
	if (all.set == m->trunks.set && all.count == m->trunks.n_next)
		use_set(m);
	return 0;
}

void
trunks_status(const struct monitor *m, struct buf *b)
{
	bool any = false;

	buf_puts(b, "\"trunks\":[");
	for (unsigned i = 0; i < IPC_TRUNKS_MAX; i++) {
		const struct trunk_host *t = &m->trunks.list[i];

		if (t->id == 0 || !t->is_name)
			continue;
		buf_fmt(b, "%s{\"trunk\":%u,\"host\":", any ? "," : "",
		    t->id);
		text_put_json(b, span_str(t->host));
		buf_puts(b, ",\"addresses\":[");
		for (unsigned k = 0; k < t->n; k++) {
			buf_puts(b, k > 0 ? ",\"" : "\"");
			addr_put(b, &t->addr[k]);
			buf_putc(b, '"');
		}
		buf_puts(b, "]}");
		any = true;
	}
	buf_putc(b, ']');
}
