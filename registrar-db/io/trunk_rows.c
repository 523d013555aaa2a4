/* Trunks, routes and numbers outside, from their tables into memory. */
#include <errno.h>
#include <string.h>

#include "common/io/log.h"
#include "registrar-db/io/oracle.h"

static void
log_unread(const char *what, struct span name, const char *remedy)
{
	log_begin(LOG_ERROR_, what);
	log_span("row", span_sub(name, 0, 64));
	log_str("remedy", remedy);
	log_end();
}

/* Copied, or empty when it may not travel. */
static struct span
keep(struct trunk_row *t, struct span s)
{
	char *to = t->text + t->used;

	if (s.len > sizeof(t->text) - t->used)
		return SPAN_NONE;
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] < 32 || s.p[i] == 127)
			return SPAN_NONE;
	if (s.len > 0)
		memcpy(to, s.p, s.len);
	t->used += s.len;
	return span_make(to, s.len);
}

/* "host:5060", "[2001:db8::1]:5060", or without the port. */
static int
read_address(struct trunk_row *t, struct span address)
{
	struct ipc_trunk *m = &t->told;
	ptrdiff_t colon = span_find(address, ':');
	struct addr ip;
	uint32_t port = 0;

	m->host = address;
	if (addr_parse_ip(address, &ip) == 0)
		return 0;
	if (address.len > 0 && address.p[0] == '[') {
		ptrdiff_t end = span_find(address, ']');

		if (end < 1)
			return -EBADMSG;
		m->host = span_sub(address, 1, (size_t)end - 1);
		address = span_sub(address, (size_t)end + 1, address.len);
		if (addr_parse_ip(m->host, &ip) != 0)
			return -EBADMSG;
		if (address.len == 0)
			return 0;
		colon = address.p[0] == ':' ? 0 : -1;
	} else if (colon >= 0) {
		m->host = span_sub(address, 0, (size_t)colon);
	} else {
		return m->host.len > 0 ? 0 : -EBADMSG;
	}
	if (colon < 0 || m->host.len == 0 ||
	    span_to_u32(span_sub(address, (size_t)colon + 1, address.len),
		65535, &port) != 0 || port == 0)
		return -EBADMSG;
	m->port = (uint16_t)port;
	return 0;
}

static uint8_t
zone_of(struct span word, struct span host)
{
	struct addr a;

	if (word.len > 0)
		return span_eq(word, SPAN_LIT("internal")) ? ZONE_INTERNAL :
							     ZONE_EXTERNAL;
	return addr_parse_ip(host, &a) == 0 && !addr_is_public(&a) ?
	    ZONE_INTERNAL : ZONE_EXTERNAL;
}

/* The place of a word in a list that begins at 1; 0: none of them. */
static uint8_t
place(struct span word, const char *const *words, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (span_eq(word, span_str(words[i])))
			return (uint8_t)(i + 1);
	return 0;
}

static uint32_t
number_column(sqlite3_stmt *q, int at, int64_t lo, int64_t hi)
{
	int64_t v = sqlite3_column_int64(q, at);

	return (uint32_t)(v < lo ? lo : v > hi ? hi : v);
}

static void
media_columns(sqlite3_stmt *q, struct ipc_trunk *m)
{
	static const char *const latchings[] = { "strict", "signalled",
		"open" };
	static const char *const srtps[] = { "off", "optional", "required" };

	m->latching = place(sql_column(q, 17), latchings, 3);
	if (m->latching == LATCH_DEFAULT)
		m->latching = LATCH_SIGNALLED;
	m->srtp = place(sql_column(q, 18), srtps, 3);
	if (m->srtp == SRTP_POLICY_DEFAULT)
		m->srtp = SRTP_POLICY_OFF;
}

static void
flag_columns(sqlite3_stmt *q, struct ipc_trunk *m)
{
	m->registers = sqlite3_column_int(q, 7) == 1;
	m->has_secret = sqlite3_column_int(q, 8) == 1;
	m->outbound = sqlite3_column_int(q, 9) == 1;
	m->trust = sqlite3_column_int(q, 10) == 1;
	m->mirror = sqlite3_column_int(q, 11) == 1;
	m->verify = sqlite3_column_int(q, 12) != 0;
	m->expires_s = number_column(q, 13, 60, 86400);
	m->ping_s = (uint16_t)number_column(q, 14, 0, 3600);
	m->channels = (uint16_t)number_column(q, 15, 0, 1000);
	m->wait_s = (uint8_t)number_column(q, 16, 1, 32);
}

static void
dial_columns(sqlite3_stmt *q, const struct plan *site, struct trunk_row *t)
{
	struct span country = keep(t, sql_column(q, 23));
	struct span area = keep(t, sql_column(q, 24));

	t->prefix = keep(t, sql_column(q, 21));
	t->dial.form = dial_form_of(sql_column(q, 22));
	t->dial.plan = *site;
	if (country.len > 0) {
		t->dial.plan.country = country;
		t->dial.plan.area = area;
	}
	t->caller_number = keep(t, span_sub(sql_column(q, 25), 0, 32));
}

static int
trunk_columns(sqlite3_stmt *q, const struct plan *site, struct trunk_row *t)
{
	static const char *const transports[] = { "udp", "tcp", "tls" };
	struct ipc_trunk *m = &t->told;
	int64_t id = sqlite3_column_int64(q, 0);
	int err;

	*t = (struct trunk_row){ .id = 0 };
	if (id < 1 || id > IPC_TRUNK_ID_MAX)
		return -EBADMSG;
	t->id = m->trunk = (uint32_t)id;
	m->name = keep(t, span_sub(sql_column(q, 1), 0, 64));
	err = read_address(t, keep(t, span_sub(sql_column(q, 2), 0, 255)));
	m->transport = place(sql_column(q, 3), transports, 3);
	m->zone = zone_of(sql_column(q, 4), m->host);
	m->domain = keep(t, span_sub(sql_column(q, 5), 0, 255));
	if (m->domain.len == 0)
		m->domain = m->host;
	m->user = keep(t, span_sub(sql_column(q, 6), 0, 64));
	flag_columns(q, m);
	media_columns(q, m);
	m->sources = keep(t, span_sub(sql_column(q, 19), 0, 255));
	m->stun = keep(t, span_sub(sql_column(q, 20), 0, 255));
	dial_columns(q, site, t);
	t->outbound = m->outbound;
	return err == 0 && m->name.len > 0 && m->host.len > 0 &&
	    m->transport != 0 ? 0 : -EBADMSG;
}

/* numbers that start with prefix go there: behind all routes. */
static void
add_prefix(struct trunk_rows *rows, const struct trunk_row *t,
    const struct plan *site)
{
	char typed[PLAN_NUMBER_MAX];
	struct dial_route *r = &rows->route[rows->n_routes];
	struct buf b;

	if (!t->outbound || rows->n_routes == ROUTES_MAX)
		return;
	*r = (struct dial_route){ .trunk = t->id, .priority = UINT32_MAX };
	buf_init(&b, typed, sizeof(typed));
	buf_put(&b, t->prefix);
	buf_putc(&b, '%');
	if (buf_err(&b) || pattern_read(site, buf_span(&b), &r->pattern) != 0)
		log_unread("trunk-prefix-unread", t->told.name,
		    "prefix is no beginning of a number as dialled here");
	else
		rows->n_routes++;
}

static void
read_trunks(struct store *s, const struct plan *site, struct trunk_rows *rows)
{
	sqlite3_stmt *q = store_use(s, ST_TRUNKS);

	while (rows->n < IPC_TRUNKS_MAX && store_row(s, q) == 1) {
		struct trunk_row *t = &rows->trunk[rows->n];

		if (trunk_columns(q, site, t) != 0)
			log_unread("trunk-unread", sql_column(q, 1),
			    "address is HOST or HOST:PORT; look at the row");
		else
			rows->n++;
	}
	store_done(q);
}

static uint8_t
short_text(char to[PLAN_NUMBER_MAX], struct span s)
{
	size_t n = s.len < PLAN_NUMBER_MAX ? s.len : PLAN_NUMBER_MAX;

	if (n > 0)
		memcpy(to, s.p, n);
	return (uint8_t)n;
}

static int
route_columns(sqlite3_stmt *q, const struct plan *site, struct dial_route *r)
{
	*r = (struct dial_route){
		.id = number_column(q, 0, 1, INT32_MAX),
		.trunk = number_column(q, 2, 0, IPC_TRUNK_ID_MAX),
		.priority = number_column(q, 3, 0, 10000),
		.strip = number_column(q, 4, 0, 31),
	};
	r->prepend_len = short_text(r->prepend, sql_column(q, 5));
	r->rights_len = short_text(r->rights, sql_column(q, 7));
	if (policy_kinds(sql_column(q, 6), &r->kinds) != 0)
		return -EBADMSG;
	return pattern_read(site, sql_column(q, 1), &r->pattern);
}

static void
read_routes(struct store *s, const struct plan *site, struct trunk_rows *rows)
{
	sqlite3_stmt *q = store_use(s, ST_ROUTES);

	while (rows->n_routes < ROUTES_MAX - IPC_TRUNKS_MAX &&
	    store_row(s, q) == 1) {
		if (route_columns(q, site, &rows->route[rows->n_routes]) != 0)
			log_unread("route-unread", sql_column(q, 1),
			    "pattern is no number as dialled here; look at "
			    "the prefixes in [site] and at docs/trunks.md");
		else
			rows->n_routes++;
	}
	store_done(q);
}

static void
read_dids(struct store *s, struct trunk_rows *rows)
{
	sqlite3_stmt *q = store_use(s, ST_DIDS);

	while (rows->n_dids < DIDS_MAX && store_row(s, q) == 1) {
		struct did_row *d = &rows->did[rows->n_dids];
		const struct trunk_row *t = trunk_row(rows,
		    number_column(q, 0, 0, IPC_TRUNK_ID_MAX));

		if (t == NULL)
			continue;
		*d = (struct did_row){ .trunk = t->id };
		d->target_len = short_text(d->target, sql_column(q, 2));
		if (pattern_read(&t->dial.plan, sql_column(q, 1),
			&d->pattern) != 0)
			log_unread("did-unread", sql_column(q, 1),
			    "pattern is no number as the trunk writes it");
		else
			rows->n_dids++;
	}
	store_done(q);
}

/* A few hundred at most. */
static void
sort_routes(struct trunk_rows *rows)
{
	for (unsigned i = 1; i < rows->n_routes; i++) {
		struct dial_route r = rows->route[i];
		unsigned k = i;

		for (; k > 0 &&
		     dial_route_order(&r, &rows->route[k - 1]) < 0; k--)
			rows->route[k] = rows->route[k - 1];
		rows->route[k] = r;
	}
}

void
trunk_rows_read(struct store *s, const struct plan *site,
    struct trunk_rows *out)
{
	out->n = out->n_routes = out->n_dids = 0;
	read_trunks(s, site, out);
	read_routes(s, site, out);
	for (unsigned i = 0; i < out->n; i++)
		add_prefix(out, &out->trunk[i], site);
	sort_routes(out);
	read_dids(s, out);
}

bool
trunk_is_ours(const struct trunk_row *t)
{
	return t->told.trust != 0 || t->told.zone == ZONE_INTERNAL;
}

const struct trunk_row *
trunk_row(const struct trunk_rows *rows, uint32_t id)
{
	for (unsigned i = 0; i < rows->n; i++)
		if (rows->trunk[i].id == id)
			return &rows->trunk[i];
	return NULL;
}

const struct did_row *
did_find(const struct trunk_rows *rows, uint32_t trunk, struct span number)
{
	const struct did_row *best = NULL;

	for (unsigned i = 0; i < rows->n_dids; i++) {
		const struct did_row *d = &rows->did[i];

		if (d->trunk != trunk ||
		    pattern_find(&d->pattern, 1, number) == NULL)
			continue;
		if (best == NULL || d->pattern.literals > best->pattern.literals
		    || (d->pattern.literals == best->pattern.literals &&
			d->pattern.form_len > best->pattern.form_len))
			best = d;
	}
	return best;
}
