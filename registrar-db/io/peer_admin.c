/* The admin's question: how are you? */
#include <errno.h>
#include <unistd.h>

#include "common/base/text.h"
#include "common/io/clock.h"
#include "registrar-db/io/accounts.h"
#include "registrar-db/io/oracle.h"

#define REFUSALS_BYTES 9000 /* of them in the status */
#define SOUNDS_BYTES 1000 /* eight phones that sound bad */

static void
put_number(struct buf *b, const char *name, int64_t v)
{
	buf_puts(b, ",\"");
	buf_puts(b, name);
	buf_puts(b, "\":");
	buf_put_u64(b, v < 0 ? 0 : (uint64_t)v);
}

/* NULL: SQLite had no memory for it. */
static void
put_string(struct buf *b, const char *name, const char *s)
{
	buf_puts(b, ",\"");
	buf_puts(b, name);
	buf_puts(b, "\":");
	text_put_json(b, s == NULL ? SPAN_NONE : span_str(s));
}

static int64_t
bindings(struct oracle *o)
{
	sqlite3_stmt *q = store_use(o->store, ST_COUNT_BINDINGS);
	int64_t n = 0;

	sql_int(q, 1, oracle_wall_s(o));
	if (store_row(o->store, q) == 1)
		n = sqlite3_column_int64(q, 0);
	store_done(q);
	return n;
}

static void
put_refusals(struct oracle *o, struct buf *b)
{
	char mem[REFUSALS_BYTES];
	struct buf list;

	buf_init(&list, mem, sizeof(mem));
	refusals_json(&o->refusals, clock_mono(), &list);
	buf_puts(b, ",\"refusals\":[");
	buf_put(b, buf_span(&list));
	buf_puts(b, "]");
}

static void
put_sounds_bad(struct oracle *o, struct buf *b)
{
	sqlite3_stmt *q = store_use(o->store, ST_SOUNDS_BAD);
	bool any = false;

	buf_puts(b, ",\"sounds_bad\":[");
	while (store_row(o->store, q) == 1) {
		buf_puts(b, any ? ",{\"of\":50" : "{\"of\":50");
		put_string(b, "number",
		    (const char *)sqlite3_column_text(q, 0));
		put_number(b, "calls", sqlite3_column_int64(q, 1));
		put_number(b, "mos_centi", sqlite3_column_int64(q, 2));
		buf_puts(b, "}");
		any = true;
	}
	store_done(q);
	buf_puts(b, "]");
}

static void
put_members(struct oracle *o, struct buf *b)
{
	buf_puts(b, "{\"role\":\"registrar-db\"");
	put_number(b, "pid", getpid());
	put_number(b, "schema", store_schema_number(o->store));
	put_number(b, "subscribers",
	    store_number(o->store, ST_COUNT_SUBSCRIBERS, 0));
	put_number(b, "bindings", bindings(o));
	put_number(b, "live_calls", store_number(o->store, ST_COUNT_LIVE, 0));
	put_number(b, "subscriptions", watchers_count(o->watchers));
	put_number(b, "waiting", queue_waiting(o->queue));
	put_number(b, "commits", (int64_t)queue_commits(o->queue));
	put_number(b, "wal_bytes", store_wal_bytes(o->store));
	put_number(b, "asked", (int64_t)o->asked);
	put_number(b, "right", (int64_t)o->right);
	put_number(b, "refused", (int64_t)o->refused);
	put_number(b, "wrong", (int64_t)o->wrong);
	put_number(b, "denied", (int64_t)o->denied);
	buf_putc(b, ',');
	accounts_status(o->accounts, b);
	put_number(b, "elsewhere", (int64_t)o->elsewhere);
	put_string(b, "last_error", store_last_error(o->store));
	put_sounds_bad(o, b);
	put_refusals(o, b);
	buf_puts(b, "}");
}

void
admin_status(struct oracle *o, struct buf *json)
{
	put_members(o, json);
	if (buf_err(json)) {
		buf_init(json, json->p, json->cap);
		buf_puts(json, "{}");
	}
}

int
admin_frame(struct oracle *o, struct door *from, uint16_t type,
    struct span payload)
{
	char json[1024 + SOUNDS_BYTES + REFUSALS_BYTES], mem[sizeof(json) + 200];
	struct buf text, out;
	struct ipc_status_ask ask;
	struct ipc_status_say say;
	int err;

	if (type == IPC_POLICY_ASK)
		return policy_admin(o, from, payload);
	if (type != IPC_STATUS_ASK)
		return -EPROTO;
	err = get_status_ask(payload, &ask);
	if (err)
		return err;
	buf_init(&text, json, sizeof(json));
	admin_status(o, &text);
	say = (struct ipc_status_say){ ask.id, buf_span(&text) };
	buf_init(&out, mem, sizeof(mem));
	IPC_FRAME(&out, STATUS_SAY, status_say, &say);
	door_send(from, buf_span(&out));
	return 0;
}
