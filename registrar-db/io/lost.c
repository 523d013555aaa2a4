/*
 * Phones that a change of our address left behind, as sigproxy names them:
 * kept for the next one.  Only numbers that exist, one row each, so that a
 * sigproxy that is not itself cannot fill the table.
 */
#include <errno.h>

#include "registrar-db/io/oracle.h"

/* By then somebody knows, or nobody ever will. */
#define LOST_LIFE_S (30 * 86400)

static int
forget(struct oracle *o, struct span number)
{
	sqlite3_stmt *q = store_use(o->store, ST_LOST_DROP);

	sql_text(q, 1, number);
	return store_run(o->store, q);
}

int
lost_run(struct oracle *o, const struct job *job)
{
	char at_mem[ADDR_TEXT_MAX + 1], server_mem[ADDR_TEXT_MAX + 1];
	int64_t now = oracle_wall_s(o);
	struct ipc_phone_lost m;
	struct buf at, server;
	sqlite3_stmt *q;
	int err;

	err = get_phone_lost(span_make(job->payload, job->len), &m);
	if (err)
		return err;
	if (m.state == LOST_BACK)
		return forget(o, m.number);
	buf_init(&at, at_mem, sizeof(at_mem));
	addr_put(&at, &m.at);
	buf_init(&server, server_mem, sizeof(server_mem));
	if (m.server.family != ADDR_NONE)
		addr_put_ip(&server, &m.server);
	q = store_use(o->store, ST_LOST_PUT);
	sql_text(q, 1, m.number);
	sql_text(q, 2, buf_span(&at));
	sql_text(q, 3, buf_span(&server));
	sql_int(q, 4, now - m.seen_s);
	sql_int(q, 5, m.state == LOST_NAMED);
	sql_int(q, 6, now + m.due_s);
	return store_run(o->store, q);
}

static uint32_t
seconds(int64_t from, int64_t to)
{
	int64_t s = to - from;

	return s < 0 ? 0 : s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

/* Gives false for what an admin may have written there himself. */
static bool
lost_column(sqlite3_stmt *q, int64_t now, struct ipc_phone_lost *out)
{
	struct span server = sql_column(q, 2);

	*out = (struct ipc_phone_lost){
		.number = sql_column(q, 0),
		.seen_s = seconds(sqlite3_column_int64(q, 3), now),
		.state = sqlite3_column_int64(q, 4) != 0 ? LOST_NAMED :
							   LOST_SOON,
		.due_s = seconds(now, sqlite3_column_int64(q, 5)),
	};
	return out->number.len > 0 && out->number.len <= 32 &&
	    addr_parse(sql_column(q, 1), 1, &out->at) == 0 &&
	    (server.len == 0 || addr_parse(server, 1, &out->server) == 0);
}

int
lost_put_all(struct oracle *o, struct buf *out)
{
	sqlite3_stmt *q = store_use(o->store, ST_LOST);
	int64_t now = oracle_wall_s(o);
	struct ipc_phone_lost m;
	int got;

	sql_int(q, 1, LOST_TOLD_MAX);
	while ((got = store_row(o->store, q)) == 1) {
		if (!lost_column(q, now, &m))
			continue;
		m.server.port = 0;
		IPC_FRAME(out, PHONE_LOST, phone_lost, &m);
	}
	store_done(q);
	return got;
}

int
lost_chores(struct oracle *o)
{
	sqlite3_stmt *q;
	int err;

	if (o->lost_swept)
		return 0;
	q = store_use(o->store, ST_LOST_OLD);
	sql_int(q, 1, oracle_wall_s(o) - LOST_LIFE_S);
	err = store_run(o->store, q);
	o->lost_swept = err == 0;
	return err;
}
