/*
 * Whose packets sigproxy is to drop unread: the table `dropped`.
 *
 * Rows come from an admin, and from here when a place on the internet has
 * spent its budget of wrong answers (core/meter.h).  A place with a live
 * registration, a trunk or a row of never_dropped in it is not dropped, so a
 * guesser cannot have his neighbours' phones silenced, and rows of ours end:
 * not even a captured sigproxy, whose word an answer's source is, shuts
 * anybody out for longer than an hour after it is gone.
 */
#include <errno.h>

#include "common/io/clock.h"
#include "common/io/log.h"
#include "registrar-db/io/oracle.h"

#define DROPS_MAX 1024		/* told */
#define DROPS_OWN_MAX 768	/* of these, by our own rules */
#define DROP_S 600		/* the first time; then twice that, ... */
#define DROP_LONGEST_S 3600
#define DROP_FORGET_S 86400	/* then the next is the first again */

struct drop_job {
	struct addr source;
	bool wide;		/* its whole prefix */
};

/* ---- who ---- */

void
drops_refused(struct oracle *o, const struct addr *from)
{
	enum meter_over over = meter_place_wrong(o->verify.meter,
	    clock_mono(), from);
	struct drop_job job = { *from, over == METER_PREFIX_OVER };

	/* Should there be no room: when its next budget is spent. */
	if (over != METER_WITHIN)
		(void)queue_add(o->queue, JOB_DROP, 0, false,
		    span_make(&job, sizeof(job)));
}

/* "203.0.113.66", "203.0.113.0/24", or with a port. */
static int
read_prefix(struct span text, struct addr_prefix *out)
{
	struct addr a;

	if (addr_prefix_parse(text, out) == 0)
		return 0;
	if (addr_parse(text, 1, &a) != 0)
		return -EBADMSG;
	*out = (struct addr_prefix){ a, a.family == ADDR_IPV6 ? 128 : 32 };
	return 0;
}

static bool
overlap(const struct addr_prefix *a, const struct addr_prefix *b)
{
	return a->bits <= b->bits ? addr_prefix_has(a, &b->net) :
				    addr_prefix_has(b, &a->net);
}

/* Is somebody in it who must be heard?  When in doubt: yes. */
static bool
has_friends(struct oracle *o, const struct addr_prefix *p)
{
	sqlite3_stmt *q = store_use(o->store, ST_DROPS_NEVER);
	struct addr_prefix other;
	bool any = false;
	int got;

	sql_int(q, 1, oracle_wall_s(o));
	while ((got = store_row(o->store, q)) == 1 && !any)
		any = read_prefix(sql_column(q, 0), &other) == 0 &&
		    overlap(p, &other);
	store_done(q);
	return any || got < 0;
}

static int64_t
count_own(struct oracle *o)
{
	sqlite3_stmt *q = store_use(o->store, ST_DROPS_COUNT);
	int64_t n = DROPS_OWN_MAX;

	sql_int(q, 1, oracle_wall_s(o));
	if (store_row(o->store, q) == 1)
		n = sqlite3_column_int64(q, 0);
	store_done(q);
	return n;
}

/* ---- writing ---- */

static struct span
text_of(const struct addr_prefix *p, char mem[ADDR_TEXT_MAX + 4])
{
	struct buf b;

	buf_init(&b, mem, ADDR_TEXT_MAX + 4);
	addr_put_ip(&b, &p->net);
	if (p->bits != 32 || p->net.family == ADDR_IPV6) {
		buf_putc(&b, '/');
		buf_put_u64(&b, p->bits);
	}
	return buf_span(&b);
}

static int
put_row(struct oracle *o, struct span text)
{
	sqlite3_stmt *q = store_use(o->store, ST_DROP_PUT);

	sql_text(q, 1, text);
	sql_int(q, 2, oracle_wall_s(o));
	sql_int(q, 3, DROP_S);
	sql_text(q, 4, SPAN_LIT("wrong answers"));
	sql_int(q, 5, DROP_LONGEST_S);
	return store_run(o->store, q);
}

static int
forget_old(struct oracle *o)
{
	sqlite3_stmt *q = store_use(o->store, ST_DROPS_OLD);

	sql_int(q, 1, oracle_wall_s(o) - DROP_FORGET_S);
	return store_run(o->store, q);
}

int
drops_run(struct oracle *o, const struct job *job)
{
	char mem[ADDR_TEXT_MAX + 4];
	struct addr_prefix p;
	struct drop_job d;
	struct span text;
	int err;

	memcpy(&d, job->payload, sizeof(d));
	p = meter_prefix(&d.source, d.wide);
	if (d.wide && has_friends(o, &p))
		p = meter_prefix(&d.source, false);
	if (has_friends(o, &p) || count_own(o) >= DROPS_OWN_MAX)
		return 0;
	text = text_of(&p, mem);
	err = forget_old(o);
	if (err == 0)
		err = put_row(o, text);
	if (err)
		return err;
	o->drops_changed = true;
	log_begin(LOG_WARN_, "source-dropped");
	log_span("source", text);
	log_str("why", "wrong answers");
	log_str("remedy", "none needed; `postern drops` shows until when");
	log_end();
	return 0;
}

/* ---- telling ---- */

static uint32_t
left_s(struct oracle *o, sqlite3_stmt *q)
{
	int64_t left = sqlite3_column_int64(q, 1) - oracle_wall_s(o);

	if (sqlite3_column_type(q, 1) == SQLITE_NULL || left >= UINT32_MAX)
		return UINT32_MAX;
	return left < 1 ? 1 : (uint32_t)left;
}

/* Of the list as it stands: most changes of an admin are none of it. */
static uint64_t
hash_rows(struct oracle *o)
{
	sqlite3_stmt *q = store_use(o->store, ST_DROPS);
	uint64_t hash = 0;

	sql_int(q, 1, oracle_wall_s(o));
	sql_int(q, 2, DROPS_MAX);
	while (store_row(o->store, q) == 1)
		hash = hash * 31 + meter_hash(o->verify.meter,
		    sql_column(q, 0)) +
		    (uint64_t)sqlite3_column_int64(q, 1);
	store_done(q);
	return hash;
}

static void
put_list(struct oracle *o, struct ipc_drop_list *list)
{
	IPC_FRAME(sig_say(o), DROP_LIST, drop_list, list);
	*list = (struct ipc_drop_list){ .first = 0 };
}

void
drops_tell(struct oracle *o)
{
	static struct ipc_drop_list list;
	sqlite3_stmt *q = store_use(o->store, ST_DROPS);
	struct addr_prefix p;

	list = (struct ipc_drop_list){ .first = 1 };
	sql_int(q, 1, oracle_wall_s(o));
	sql_int(q, 2, DROPS_MAX);
	while (store_row(o->store, q) == 1) {
		if (read_prefix(sql_column(q, 0), &p) != 0)
			continue;
		if (list.n_drops == IPC_DROPS_MAX)
			put_list(o, &list);
		list.drops[list.n_drops++] = (struct ipc_drop){
			.net = p.net, .bits = p.bits, .left_s = left_s(o, q) };
	}
	store_done(q);
	put_list(o, &list);
	o->drops_told = hash_rows(o);
	o->drops_changed = false;
}

void
drops_look(struct oracle *o, bool changed)
{
	if ((!changed && !o->drops_changed) || o->sig == NULL ||
	    !door_is_up(o->sig))
		return;
	o->drops_changed = false;
	if (hash_rows(o) == o->drops_told)
		return;
	drops_tell(o);
	sig_flush(o);
}
