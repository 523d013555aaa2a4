/*
 * Mailboxes, as their voicemail said last: kept in memory, so that what came
 * a moment before sigproxy died counts, and in the table.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/base/htab.h"
#include "common/base/pool.h"
#include "registrar-db/io/oracle.h"

#define MAILBOXES_MAX 2048	/* as many as sigproxy has */

struct mailbox {
	struct htab_node node;
	char number[NUMBER_MAX];
	struct ipc_mailbox said;	/* number looks at the above */
};

struct mailboxes {
	struct pool pool;
	struct htab by_number;
};

struct mailboxes *
mailboxes_new(void)
{
	struct mailboxes *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	if (pool_init(&m->pool, MAILBOXES_MAX, sizeof(struct mailbox)) ||
	    htab_init(&m->by_number, MAILBOXES_MAX)) {
		mailboxes_free(m);
		return NULL;
	}
	return m;
}

void
mailboxes_free(struct mailboxes *m)
{
	if (m == NULL)
		return;
	pool_clear(&m->pool);
	htab_clear(&m->by_number);
	free(m);
}

bool
mailbox_may_say(struct oracle *o, struct span number)
{
	sqlite3_stmt *q = store_use(o->store, ST_MAY_SAY);
	bool may;

	sql_text(q, 1, number);
	may = store_row(o->store, q) == 1 && sqlite3_column_int(q, 0) == 1;
	store_done(q);
	return may;
}

static struct mailbox *
find(const struct mailboxes *m, struct span number)
{
	struct htab_node *n = htab_first(&m->by_number,
	    htab_hash(&m->by_number, number.p, number.len));

	for (; n != NULL; n = htab_next(n)) {
		struct mailbox *box = HTAB_OF(n, struct mailbox, node);

		if (span_eq(box->said.number, number))
			return box;
	}
	return NULL;
}

/* NULL: full.  Those that a subscriber no longer has go first. */
static struct mailbox *
add(struct mailboxes *m, struct span number)
{
	struct mailbox *box = pool_get(&m->pool);

	if (box == NULL)
		return NULL;
	memcpy(box->number, number.p, number.len);
	htab_add(&m->by_number, &box->node,
	    htab_hash(&m->by_number, number.p, number.len));
	return box;
}

static void
set(struct mailbox *box, const struct ipc_mailbox *said)
{
	size_t len = said->number.len;

	box->said = *said;
	box->said.number = span_make(box->number, len);
}

static void
drop(struct mailboxes *m, struct mailbox *box)
{
	htab_del(&m->by_number, &box->node);
	box->said.number.len = 0;
	pool_put(&m->pool, box);
}

static bool
is_subscriber(struct oracle *o, struct span number)
{
	sqlite3_stmt *q = store_use(o->store, ST_NUMBER_ID);
	int got;

	sql_text(q, 1, number);
	got = store_row(o->store, q);
	store_done(q);
	return got == 1;
}

int
mailbox_save(struct oracle *o, struct span payload)
{
	struct mailboxes *m = o->mailboxes;
	struct ipc_mwi_save save;
	struct mailbox *box;
	int err = get_mwi_save(payload, &save);

	if (err)
		return err;
	if (!is_subscriber(o, save.mailbox.number))
		return 0;
	box = find(m, save.mailbox.number);
	if (box == NULL)
		box = add(m, save.mailbox.number);
	if (box == NULL)
		return 0;
	set(box, &save.mailbox);
	(void)queue_add(o->queue, JOB_MAILBOX, 0, false, payload);
	return 0;
}

int
mailbox_run(struct oracle *o, const struct job *job)
{
	sqlite3_stmt *q = store_use(o->store, ST_MAILBOX_PUT);
	struct ipc_mwi_save save;
	int err = get_mwi_save(span_make(job->payload, job->len), &save);

	if (err)
		return err;
	sql_text(q, 1, save.mailbox.number);
	sql_int(q, 2, save.mailbox.waiting);
	sql_int(q, 3, save.mailbox.counted);
	sql_int(q, 4, save.mailbox.fresh);
	sql_int(q, 5, save.mailbox.old);
	sql_int(q, 6, save.mailbox.urgent_fresh);
	sql_int(q, 7, save.mailbox.urgent_old);
	return store_run(o->store, q);
}

/* ---- at start, and for a sigproxy that came ---- */

static uint32_t
count_column(sqlite3_stmt *q, int at)
{
	int64_t v = sqlite3_column_int64(q, at);

	return v < 0 ? 0 : v > 999999 ? 999999 : (uint32_t)v;
}

int
mailboxes_load(struct oracle *o)
{
	sqlite3_stmt *q = store_use(o->store, ST_MAILBOXES);
	int got;

	while ((got = store_row(o->store, q)) == 1) {
		struct ipc_mailbox said = { .number = sql_column(q, 0),
			.waiting = sqlite3_column_int(q, 1) == 1,
			.counted = sqlite3_column_int(q, 2) == 1,
			.fresh = count_column(q, 3), .old = count_column(q, 4),
			.urgent_fresh = count_column(q, 5),
			.urgent_old = count_column(q, 6) };
		struct mailbox *box;

		/* The file may have been changed by hand. */
		if (said.number.len == 0 || said.number.len > NUMBER_MAX ||
		    find(o->mailboxes, said.number) != NULL)
			continue;
		box = add(o->mailboxes, said.number);
		if (box != NULL)
			set(box, &said);
	}
	store_done(q);
	return got;
}

void
mailboxes_put(struct oracle *o, struct buf *b)
{
	struct mailboxes *m = o->mailboxes;

	for (uint32_t i = 0; i < MAILBOXES_MAX; i++) {
		struct mailbox *box = pool_at(&m->pool, i);
		struct ipc_mwi_restore say = { box->said };

		if (box->said.number.len > 0)
			IPC_FRAME(b, MWI_RESTORE, mwi_restore, &say);
	}
}

void
mailboxes_recheck(struct oracle *o)
{
	struct mailboxes *m = o->mailboxes;

	for (uint32_t i = 0; i < MAILBOXES_MAX && m->pool.used > 0; i++) {
		struct mailbox *box = pool_at(&m->pool, i);

		if (box->said.number.len > 0 &&
		    !is_subscriber(o, box->said.number))
			drop(m, box);
	}
}
