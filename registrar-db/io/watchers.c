/*
 * Who may watch whom, and what a restarted sigproxy gets back of it.
 *
 * A subscription is kept only for a SUBSCRIBE whose digest was right: its
 * ticket is given here, names watcher and number, and nobody else can make
 * one.  What sigproxy keeps with it is opaque, bounded, and no longer kept
 * than an hour after it was last said.  An admin's change ends what may not be
 * any more.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/base/htab.h"
#include "common/base/pool.h"
#include "common/io/clock.h"
#include "common/io/log.h"
#include "registrar-db/io/oracle.h"

/* Above what sigproxy has room for, for those that it has not yet saved. */
#define WATCHERS_MAX 3072
#define BYTES_MAX (8u * 1024 * 1024)
#define PENDING_MS 10000	/* from the ticket to the first SUB_SAVE */
#define REPLAY_BYTES (128 * 1024)
#define FRAME_MAX (IPC_SUB_STATE_MAX + 64)
/* Some at a time, and requests in between. */
#define RECHECK_BATCH 100
#define RECHECK_MS 5

struct watcher {
	struct htab_node node;
	uint64_t id;		/* 0: not in use */
	char by[NUMBER_MAX], number[NUMBER_MAX];
	uint8_t by_len, number_len;
	uint8_t zone;
	uint8_t show;		/* what was granted: enum watch_show */
	struct mono ends;
	uint32_t life;		/* of sigproxy, which saved it last */
	bool queued;		/* a job will write it */
	uint8_t version;
	uint16_t len;
	char *state;		/* NULL: only the ticket was given */
};

struct watchers {
	uv_timer_t timer;	/* rechecking */
	struct oracle *oracle;
	struct pool pool;
	struct htab by_id;
	size_t bytes;
	uint32_t life;		/* counted up when sigproxy comes */
	uint32_t at;		/* next to be told; WATCHERS_MAX: all are */
	uint32_t check_at;
	bool boxes_told;
	uint64_t refused;
};

struct watchers *
watchers_new(struct oracle *o)
{
	struct watchers *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	if (pool_init(&w->pool, WATCHERS_MAX, sizeof(struct watcher)) ||
	    htab_init(&w->by_id, WATCHERS_MAX)) {
		pool_clear(&w->pool);
		free(w);
		return NULL;
	}
	w->oracle = o;
	w->at = w->check_at = WATCHERS_MAX;
	uv_timer_init(o->loop, &w->timer);
	w->timer.data = w;
	return w;
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void
watchers_free(struct watchers *w)
{
	if (w == NULL)
		return;
	for (uint32_t i = 0; i < WATCHERS_MAX; i++) {
		struct watcher *p = pool_at(&w->pool, i);

		free(p->state);
	}
	pool_clear(&w->pool);
	htab_clear(&w->by_id);
	uv_close((uv_handle_t *)&w->timer, on_closed);
}

static struct watcher *
find(const struct watchers *w, uint64_t id)
{
	struct htab_node *n = htab_first(&w->by_id,
	    htab_hash(&w->by_id, &id, sizeof(id)));

	for (; n != NULL; n = htab_next(n)) {
		struct watcher *p = HTAB_OF(n, struct watcher, node);

		if (p->id == id)
			return p;
	}
	return NULL;
}

static void
drop(struct watchers *w, struct watcher *p)
{
	htab_del(&w->by_id, &p->node);
	w->bytes -= p->len;
	free(p->state);
	p->state = NULL;
	p->len = 0;
	p->id = 0;
	pool_put(&w->pool, p);
}

static int
queue_write(struct oracle *o, uint64_t id)
{
	return queue_add(o->queue, JOB_SUBSCRIPTION, 0, false,
	    span_make(&id, sizeof(id)));
}

/* Gone here and in the table. */
static void
forget(struct watchers *w, struct watcher *p)
{
	uint64_t id = p->id;
	bool was_kept = p->state != NULL;

	drop(w, p);
	if (was_kept)
		(void)queue_write(w->oracle, id);
}

static void
drop_ended(struct watchers *w)
{
	struct mono now = clock_mono();

	for (uint32_t i = 0; i < WATCHERS_MAX; i++) {
		struct watcher *p = pool_at(&w->pool, i);

		if (p->id != 0 && mono_due(p->ends, now))
			forget(w, p);
	}
}

/* NULL: full. */
static struct watcher *
add(struct watchers *w, uint64_t id, struct span by, struct span number,
    uint8_t zone)
{
	struct watcher *p;

	if (by.len == 0 || by.len > NUMBER_MAX || number.len == 0 ||
	    number.len > NUMBER_MAX)
		return NULL;
	if (w->pool.used >= WATCHERS_MAX / 4 * 3)
		drop_ended(w);
	p = pool_get(&w->pool);
	if (p == NULL)
		return NULL;
	p->id = id;
	p->zone = zone;
	memcpy(p->by, by.p, by.len);
	memcpy(p->number, number.p, number.len);
	p->by_len = (uint8_t)by.len;
	p->number_len = (uint8_t)number.len;
	htab_add(&w->by_id, &p->node, htab_hash(&w->by_id, &id, sizeof(id)));
	return p;
}

/* ---- who may ---- */

/* What a watcher is shown, by his row and zone; -EPERM: he may not even be
 * there. */
static int
right_of(struct oracle *o, struct span by, uint8_t zone)
{
	sqlite3_stmt *q = store_use(o->store, ST_WATCHER);
	int show = -EPERM;

	sql_text(q, 1, by);
	if (store_row(o->store, q) == 1 && sqlite3_column_int(q, 0) == 1) {
		struct span watch = sql_column(q, 2);

		if (zone == ZONE_INTERNAL)
			show = WATCH_NUMBER;
		else if (sqlite3_column_int(q, 1) != 1)
			show = -EPERM;
		else if (span_eq(watch, SPAN_LIT("number")))
			show = WATCH_NUMBER;
		else if (span_eq(watch, SPAN_LIT("state")))
			show = WATCH_STATE;
		else
			show = WATCH_NOTHING;
	}
	store_done(q);
	return show;
}

static bool
is_watchable(struct oracle *o, struct span number)
{
	sqlite3_stmt *q = store_use(o->store, ST_WATCHED);
	bool is;

	sql_text(q, 1, number);
	is = store_row(o->store, q) == 1 && sqlite3_column_int(q, 0) == 1 &&
	    sqlite3_column_int(q, 1) == 1;
	store_done(q);
	return is;
}

/*
 * May `by`, from this zone, watch the number?  His own he always may, for his
 * mailbox.  Without the right no other number is looked at.
 */
static enum verdict
may_watch(struct oracle *o, struct span by, struct span number, uint8_t zone,
    uint8_t *show_out)
{
	int show = right_of(o, by, zone);

	if (show < 0)
		return VERDICT_FORBIDDEN;
	*show_out = (uint8_t)show;
	if (span_eq(by, number))
		return VERDICT_OK;
	if (show == WATCH_NOTHING)
		return VERDICT_FORBIDDEN;
	return is_watchable(o, number) ? VERDICT_OK : VERDICT_NOT_FOUND;
}

enum verdict
watchers_grant(struct oracle *o, const struct ipc_auth_ask *ask,
    struct span number, struct party_row *called, struct ipc_auth_say *say)
{
	struct span by = say->caller.number;
	struct watcher *p;
	enum verdict v = may_watch(o, by, number, ask->flow.zone, &say->show);
	int err;

	if (v != VERDICT_OK)
		return v;
	err = party_read(o->store, number, called);
	if (err)
		return err == -ENOENT || err == -EBADMSG ? VERDICT_NOT_FOUND :
							   VERDICT_BUSY;
	p = add(o->watchers, o->next_ticket, by, number, ask->flow.zone);
	if (p == NULL)
		return VERDICT_BUSY;
	p->show = say->show;
	p->ends = mono_add_ms(clock_mono(), PENDING_MS);
	say->ticket = o->next_ticket++;
	say->called = called->party;
	return VERDICT_OK;
}

/* ---- from sigproxy ---- */

static void
say_end(struct oracle *o, uint64_t id, bool again)
{
	struct ipc_sub_end end = { id, again };

	IPC_FRAME(sig_say(o), SUB_END, sub_end, &end);
}

/* 0; -EPERM: not any more; -ESTALE: he may see something else now, and must
 * ask anew. */
static int
check(struct oracle *o, const struct watcher *p)
{
	uint8_t show;

	if (may_watch(o, span_make(p->by, p->by_len),
		span_make(p->number, p->number_len), p->zone, &show) !=
	    VERDICT_OK)
		return -EPERM;
	return show == p->show ? 0 : -ESTALE;
}

/* Gives: true when it was ended. */
static bool
end_if_changed(struct oracle *o, struct watcher *p)
{
	int err = check(o, p);

	if (err == 0)
		return false;
	say_end(o, p->id, err == -ESTALE);
	forget(o->watchers, p);
	return true;
}

/* Errors: -ENOBUFS, -ENOMEM. */
static int
keep(struct watchers *w, struct watcher *p, uint8_t version,
    struct span state)
{
	char *copy;

	if (w->bytes - p->len + state.len > BYTES_MAX)
		return -ENOBUFS;
	copy = malloc(state.len);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, state.p, state.len);
	w->bytes += state.len - p->len;
	free(p->state);
	p->state = copy;
	p->len = (uint16_t)state.len;
	p->version = version;
	p->life = w->life;
	return 0;
}

static int
on_save(struct oracle *o, struct span payload)
{
	struct watchers *w = o->watchers;
	struct ipc_sub_save save;
	struct watcher *p;
	int err = get_sub_save(payload, &save);

	if (err)
		return err;
	p = find(w, save.id);
	if (p == NULL) {
		say_end(o, save.id, true);
		return 0;
	}
	if (end_if_changed(o, p))
		return 0;
	if (keep(w, p, save.version, save.state) != 0) {
		w->refused++;
		return 0;
	}
	p->ends = mono_add_ms(clock_mono(),
	    save.expires_s * UINT64_C(1000));
	if (!p->queued)
		p->queued = queue_write(o, p->id) == 0;
	return 0;
}

static int
on_gone(struct oracle *o, struct span payload)
{
	struct ipc_sub_gone gone;
	struct watcher *p;
	int err = get_sub_gone(payload, &gone);

	if (err)
		return err;
	p = find(o->watchers, gone.id);
	if (p != NULL)
		forget(o->watchers, p);
	return 0;
}

int
watchers_frame(struct oracle *o, uint16_t type, struct span payload)
{
	return type == IPC_SUB_SAVE ? on_save(o, payload) :
				      on_gone(o, payload);
}

/* ---- into the table ---- */

static uint64_t
left_s(const struct watcher *p)
{
	return mono_ms_between(clock_mono(), p->ends) / 1000;
}

/* What counts is how things are now: several changes, one write. */
int
watchers_run(struct oracle *o, const struct job *job)
{
	struct watcher *p;
	sqlite3_stmt *q;
	uint64_t id;

	memcpy(&id, job->payload, sizeof(id));
	p = find(o->watchers, id);
	if (p == NULL || p->state == NULL) {
		q = store_use(o->store, ST_SUBSCRIPTION_DROP);
		sql_int(q, 1, (int64_t)id);
		return store_run(o->store, q);
	}
	p->queued = false;
	q = store_use(o->store, ST_SUBSCRIPTION_PUT);
	sql_int(q, 1, (int64_t)id);
	sql_text(q, 2, span_make(p->by, p->by_len));
	sql_text(q, 3, span_make(p->number, p->number_len));
	sql_text(q, 4, span_str(p->zone == ZONE_EXTERNAL ? "external" :
							   "internal"));
	sql_int(q, 5, oracle_wall_s(o) + (int64_t)left_s(p));
	sql_int(q, 6, p->version);
	sql_blob(q, 7, span_make(p->state, p->len));
	sql_int(q, 8, p->show);
	return store_run(o->store, q);
}

void
watchers_refused(struct oracle *o, const struct job *job)
{
	struct watcher *p;
	uint64_t id;

	memcpy(&id, job->payload, sizeof(id));
	p = find(o->watchers, id);
	if (p != NULL)
		p->queued = false;
}

/* ---- at start ---- */

/* The file may have been changed by hand.  Errors: -EBADMSG. */
static int
load_row(struct oracle *o, sqlite3_stmt *q)
{
	struct watchers *w = o->watchers;
	int64_t id = sqlite3_column_int64(q, 0);
	int64_t left = sqlite3_column_int64(q, 4) - oracle_wall_s(o);
	int version = sqlite3_column_int(q, 5);
	int show = sqlite3_column_int(q, 7);
	struct span zone = sql_column(q, 3), state;
	struct watcher *p;

	if (id <= 0 || left <= 0 || version < 1 || version > 255 ||
	    show < WATCH_NOTHING || show > WATCH_NUMBER)
		return -EBADMSG;
	p = add(w, (uint64_t)id, sql_column(q, 1), sql_column(q, 2),
	    span_eq(zone, SPAN_LIT("internal")) ? ZONE_INTERNAL :
						  ZONE_EXTERNAL);
	if (p == NULL)
		return -EBADMSG;
	p->show = (uint8_t)show;
	if (left > IPC_SUB_LEFT_MAX_S)
		left = IPC_SUB_LEFT_MAX_S;
	p->ends = mono_add_ms(clock_mono(), (uint64_t)left * 1000);
	state = sql_column(q, 6);
	if (state.len == 0 || state.len > IPC_SUB_STATE_MAX ||
	    keep(w, p, (uint8_t)version, state) != 0) {
		drop(w, p);
		return -EBADMSG;
	}
	return 0;
}

int
watchers_load(struct oracle *o)
{
	sqlite3_stmt *q = store_use(o->store, ST_SUBSCRIPTIONS);
	int got;

	while ((got = store_row(o->store, q)) == 1) {
		uint64_t id = (uint64_t)sqlite3_column_int64(q, 0);

		if (load_row(o, q) != 0) {
			(void)queue_write(o, id);
		} else if (id >= o->next_ticket && id < INT64_MAX) {
			/* No ticket is given twice. */
			o->next_ticket = o->first_ticket = id + 1;
		}
	}
	store_done(q);
	return got;
}

/* ---- to sigproxy ---- */

static void
put_next(struct watchers *w, struct buf *b)
{
	struct watcher *p = pool_at(&w->pool, w->at++);
	struct ipc_sub_restore say;
	uint64_t left;

	/* Those that this sigproxy saved it knows. */
	if (p->id == 0 || p->state == NULL || p->life == w->life)
		return;
	left = left_s(p);
	if (left == 0 || check(w->oracle, p) != 0) {
		forget(w, p);
		return;
	}
	say = (struct ipc_sub_restore){ p->id, (uint32_t)left, p->version,
		span_make(p->state, p->len) };
	IPC_FRAME(b, SUB_RESTORE, sub_restore, &say);
}

void
watchers_again(struct watchers *w)
{
	w->at = 0;
	w->boxes_told = false;
}

void
watchers_begin(struct watchers *w)
{
	w->life++;
	watchers_again(w);
}

bool
watchers_replay(struct watchers *w)
{
	static char mem[REPLAY_BYTES + FRAME_MAX];
	uint32_t at = w->at;
	struct buf b;

	if (w->at == WATCHERS_MAX)
		return true;
	buf_init(&b, mem, sizeof(mem));
	if (!w->boxes_told)
		mailboxes_put(w->oracle, &b);
	while (w->at < WATCHERS_MAX && b.len < REPLAY_BYTES)
		put_next(w, &b);
	if (b.len > 0 && door_send(w->oracle->sig, buf_span(&b)) != 0) {
		w->at = at;	/* its queue is full: once more */
		return false;
	}
	w->boxes_told = true;
	return w->at == WATCHERS_MAX;
}

/* ---- an admin changed something ---- */

static void
on_recheck(uv_timer_t *timer)
{
	struct watchers *w = timer->data;
	struct oracle *o = w->oracle;

	for (unsigned n = 0; n < RECHECK_BATCH && w->check_at < WATCHERS_MAX;
	     n++) {
		struct watcher *p = pool_at(&w->pool, w->check_at++);

		if (p->id != 0)
			(void)end_if_changed(o, p);
	}
	store_read_end(o->store);
	if (o->sig != NULL && door_is_up(o->sig))
		sig_flush(o);
	if (w->check_at < WATCHERS_MAX)
		uv_timer_start(timer, on_recheck, RECHECK_MS, 0);
}

void
watchers_recheck(struct watchers *w)
{
	mailboxes_recheck(w->oracle);
	w->check_at = w->pool.used > 0 ? 0 : WATCHERS_MAX;
	if (w->check_at == 0)
		uv_timer_start(&w->timer, on_recheck, 0, 0);
}

void
watchers_ask_anew(struct watchers *w, struct span by)
{
	for (uint32_t i = 0; i < WATCHERS_MAX; i++) {
		struct watcher *p = pool_at(&w->pool, i);

		/* Nothing that can be granted. */
		if (p->id != 0 && span_eq(span_make(p->by, p->by_len), by))
			p->show = UINT8_MAX;
	}
	watchers_recheck(w);
}

uint32_t
watchers_count(const struct watchers *w)
{
	return w->pool.used;
}
