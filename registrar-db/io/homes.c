/*
 * What sigproxy learnt of homes' routers: kept, shown to the admin, and told
 * to the next sigproxy.  Only for addresses that a phone is registered from,
 * so that a sigproxy that is not itself cannot fill the table.
 */
#include <errno.h>

#include "registrar-db/io/oracle.h"

/* Nobody was there for so long: it may be another router by now. */
#define HOMES_LIFE_S (30 * 86400)

static const char *const alg_names[] = { "", "echo", "length", "via" };

static uint8_t
alg_of(struct span name)
{
	for (size_t i = 1; i < sizeof(alg_names) / sizeof(alg_names[0]); i++)
		if (span_eq(name, span_str(alg_names[i])))
			return (uint8_t)i;
	return 0;
}

static const char *
transport_name(uint8_t stream)
{
	return stream ? "stream" : "udp";
}

/* As it stands before the port in registration.source. */
static struct span
ip_text(const struct addr *a, char mem[ADDR_TEXT_MAX + 1])
{
	struct buf b;

	buf_init(&b, mem, ADDR_TEXT_MAX + 1);
	if (a->family == ADDR_IPV6)
		buf_putc(&b, '[');
	addr_put_ip(&b, a);
	if (a->family == ADDR_IPV6)
		buf_putc(&b, ']');
	return buf_span(&b);
}

int
homes_run(struct oracle *o, const struct job *job)
{
	sqlite3_stmt *q = store_use(o->store, ST_HOME_PUT);
	char mem[ADDR_TEXT_MAX + 1];
	struct ipc_home_pace m;
	int err;

	err = get_home_pace(span_make(job->payload, job->len), &m);
	if (err)
		return err;
	sql_text(q, 1, ip_text(&m.address, mem));
	sql_text(q, 2, span_str(transport_name(m.stream)));
	sqlite3_bind_double(q, 3, m.proven_ms / 1000.0);
	if (m.lost_ms != 0)
		sqlite3_bind_double(q, 4, m.lost_ms / 1000.0);
	else
		sqlite3_bind_null(q, 4);
	sql_int(q, 5, oracle_wall_s(o));
	sql_text(q, 6, span_str(alg_names[m.alg]));
	return store_run(o->store, q);
}

static uint32_t
to_ms(double s)
{
	return s > 0 && s <= 3600 ? (uint32_t)(s * 1000) : 0;
}

/* Gives false for what an admin may have written there himself. */
static bool
home_column(sqlite3_stmt *q, struct ipc_home_pace *out)
{
	*out = (struct ipc_home_pace){
		.stream = span_eq(sql_column(q, 1), SPAN_LIT("stream")),
		.proven_ms = to_ms(sqlite3_column_double(q, 2)),
		.lost_ms = to_ms(sqlite3_column_double(q, 3)),
		.alg = alg_of(sql_column(q, 4)),
	};
	return out->proven_ms > 0 &&
	    addr_parse(sql_column(q, 0), 1, &out->address) == 0;
}

int
homes_walk(struct oracle *o, struct home_walk *at, int max, struct buf *out)
{
	sqlite3_stmt *q = store_use(o->store, ST_HOMES);
	struct ipc_home_pace m;
	struct home_walk from = *at;
	bool moved = false;
	int n = 0, got;

	sql_text(q, 1, span_make(from.address, from.address_len));
	sql_text(q, 2, span_make(from.transport, from.transport_len));
	sql_int(q, 3, max);
	while ((got = store_row(o->store, q)) == 1) {
		struct span a = sql_column(q, 0), t = sql_column(q, 1);

		n++;
		/* Nobody's but a foreign hand's, and no place to go on from:
		 * where there is nothing else the walk ends. */
		if (a.len > sizeof(at->address) || t.len > sizeof(at->transport))
			continue;
		memcpy(at->address, a.p, a.len);
		at->address_len = a.len;
		memcpy(at->transport, t.p, t.len);
		at->transport_len = t.len;
		moved = true;
		if (home_column(q, &m)) {
			m.address.port = 0;
			IPC_FRAME(out, HOME_PACE, home_pace, &m);
		}
	}
	store_done(q);
	return got < 0 ? got : moved ? n : 0;
}

int
homes_chores(struct oracle *o)
{
	sqlite3_stmt *q;
	int err;

	if (o->homes_swept)
		return 0;
	q = store_use(o->store, ST_HOMES_OLD);
	sql_int(q, 1, oracle_wall_s(o) - HOMES_LIFE_S);
	err = store_run(o->store, q);
	o->homes_swept = err == 0;
	return err;
}
