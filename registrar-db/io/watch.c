/*
 * What changes without a question of sigproxy's: an admin at work in the
 * same file, and time.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/io/clock.h"
#include "common/io/log.h"
#include "registrar-db/io/accounts.h"
#include "registrar-db/io/oracle.h"

/* An admin's change is seen after this, a password gone soon after. */
#define LOOK_MS 200
#define SEAL_BATCH 200
#define GONE_BATCH 500
/* Bindings looked at for expiry each time: all of 20,000 within 20 s.  An
 * index on the time would be written at each REGISTER; this costs less. */
#define SWEEP_BATCH 200
#define EXPIRED_MAX 64

struct expired {
	char number[NUMBER_MAX];
	size_t number_len;
	unsigned slot;
	struct ipc_flow flow;
};

struct watch {
	uv_timer_t timer;
	struct oracle *oracle;
	bool sealed;		/* clear text may lie in the WAL */
	struct mono sealed_at;
	bool wipe_late;		/* said */
	struct walk at;		/* of the sweep */
	struct expired expired[EXPIRED_MAX];
	unsigned n_expired;
	bool clamped;		/* once after start */
	int64_t step_s;		/* done in this transaction */
};

/* ---- sealing ---- */

/* All three HA1s of a password, sealed, into one credential row. */
static int
put_credential(struct watch *w, int64_t id, struct span username,
    struct span password)
{
	struct oracle *o = w->oracle;
	sqlite3_stmt *q = store_use(o->store, ST_CREDENTIAL_PUT);
	uint8_t sealed[DIGEST_ALGS][SEALED_MAX];
	uint8_t nonce[SEAL_NONCE_LEN];
	char ha1[DIGEST_HEX_MAX];
	int err = 0;

	sql_int(q, 1, id);
	for (int i = 0; i < DIGEST_ALGS && err == 0; i++) {
		struct seal_for who = { id, username, o->verify.realm,
			(enum digest_alg)i };
		struct span hex = span_make(ha1, digest_hex_len(who.alg));
		size_t len;

		err = digest_ha1(o->verify.digest, who.alg, username,
		    o->verify.realm, password, ha1);
		if (err)
			break;
		secret_random(nonce, sizeof(nonce));
		len = seal_ha1(o->key, &who, nonce, hex, sealed[i]);
		sql_blob(q, 2 + i, span_make(sealed[i], len));
	}
	secret_wipe(ha1, sizeof(ha1));
	return err ? err : store_run(o->store, q);
}

static int
mark_sealed(struct watch *w, int64_t id)
{
	sqlite3_stmt *q = store_use(w->oracle->store, ST_SEALED);

	sql_int(q, 1, id);
	sql_text(q, 2, w->oracle->verify.realm);
	return store_run(w->oracle->store, q);
}

static bool
had_password(struct watch *w, int64_t id)
{
	sqlite3_stmt *q = store_use(w->oracle->store, ST_HAD_PASSWORD);
	bool had;

	sql_int(q, 1, id);
	had = store_row(w->oracle->store, q) == 1;
	store_done(q);
	return had;
}

struct unsealed {
	int64_t id;
	struct span username, password, number;
};

static int
seal_one(struct watch *w, const struct unsealed *u)
{
	bool is_new = !had_password(w, u->id);
	int err = put_credential(w, u->id, u->username, u->password);

	if (err == 0)
		err = mark_sealed(w, u->id);
	if (err == 0 && !is_new)
		err = withdrawn_password(w->oracle, u->id, u->number);
	if (err)
		return err;
	log_begin(LOG_INFO_, "password-sealed");
	log_span("number", u->number);
	log_end();
	return 0;
}

/* Read one row whose password is in clear; it is lent until q is reset. */
static int
next_unsealed(struct watch *w, sqlite3_stmt *q, struct unsealed *out)
{
	int got;

	sql_int(q, 1, 1);
	got = store_row(w->oracle->store, q);
	if (got != 1)
		return got < 0 ? got : -ENOENT;
	*out = (struct unsealed){
		.id = sqlite3_column_int64(q, 0),
		.username = sql_column(q, 1),
		.password = sql_column(q, 2),
		.number = sql_column(q, 3),
	};
	return 0;
}

/* Gives: true when there may be more. */
static bool
seal_all(struct watch *w)
{
	sqlite3_stmt *q;
	struct unsealed u;
	int err;

	for (int i = 0; i < SEAL_BATCH; i++) {
		q = store_use(w->oracle->store, ST_UNSEALED);
		err = next_unsealed(w, q, &u);
		if (err == 0)
			err = seal_one(w, &u);
		store_done(q);
		if (err)
			return false;
		w->sealed = true;
		w->sealed_at = clock_mono();
	}
	return true;
}

/* The same of trunks.  Gives: true when there may be more. */
static bool
seal_trunks(struct watch *w)
{
	for (int i = 0; i < SEAL_BATCH; i++) {
		if (trunks_seal_one(w->oracle) != 1)
			return false;
		w->sealed = true;
		w->sealed_at = clock_mono();
	}
	return true;
}

/* The clear text leaves the WAL with its last page. */
static void
wipe(struct watch *w)
{
	int err = store_truncate_wal(w->oracle->store);

	if (err == 0) {
		w->sealed = w->wipe_late = false;
		return;
	}
	if (w->wipe_late ||
	    mono_ms_between(w->sealed_at, clock_mono()) < 2000)
		return;
	w->wipe_late = true;
	log_begin(LOG_WARN_, "password-not-wiped-yet");
	log_err("why", err);
	log_str("remedy", "somebody holds the database open in a transaction; "
			  "the password stays in its WAL until that ends");
	log_end();
}

/* ---- flows an admin ended ---- */

static bool
tell_gone(struct watch *w, struct buf *out)
{
	struct store *s = w->oracle->store;
	sqlite3_stmt *q = store_use(s, ST_GONE);
	struct ipc_flow flow;
	int64_t last = -1;
	int n = 0;

	sql_int(q, 1, GONE_BATCH);
	while (store_row(s, q) == 1) {
		n++;
		last = sqlite3_column_int64(q, 5);
		if (flow_column(q, 0, &flow) == 0 &&
		    flows_tell_gone(w->oracle, &flow, GONE_CUT, out) != 0)
			break;
	}
	store_done(q);
	if (n == 0)
		return false;
	q = store_use(s, ST_GONE_TOLD);
	sql_int(q, 1, last);
	return store_run(s, q) == 0 && n == GONE_BATCH;
}

/* ---- expiry ---- */

static bool
note_expired(void *arg, const struct binding *b, struct span number)
{
	struct watch *w = arg;
	struct expired *e;

	if (b->expires_wall_s > oracle_wall_s(w->oracle))
		return true;
	e = &w->expired[w->n_expired++];
	memcpy(e->number, number.p, number.len);
	e->number_len = number.len;
	e->slot = b->slot;
	e->flow = b->flow;
	return w->n_expired < EXPIRED_MAX;
}

/* Look at some bindings more; those that expired are dropped by the next
 * transaction. */
static void
sweep(struct watch *w)
{
	int n = 0;

	if (w->n_expired < EXPIRED_MAX)
		n = bindings_walk(w->oracle->store, &w->at, SWEEP_BATCH,
		    note_expired, w);
	if (n == 0)
		w->at = (struct walk){ .slot = 0 };
}

static void
drop_expired(struct watch *w, struct buf *out)
{
	struct store *s = w->oracle->store;

	for (unsigned i = 0; i < w->n_expired; i++) {
		const struct expired *e = &w->expired[i];
		sqlite3_stmt *q = store_use(s, ST_EXPIRED);

		sql_text(q, 1, span_make(e->number, e->number_len));
		sql_int(q, 2, e->slot);
		sql_int(q, 3, oracle_wall_s(w->oracle));
		if (store_run(s, q) != 0)
			break;
		flows_tell_gone(w->oracle, &e->flow, GONE_ENDED, out);
		log_begin(LOG_INFO_, "binding-expired");
		log_span("number", span_make(e->number, e->number_len));
		log_addr("source", &e->flow.remote);
		log_end();
	}
	w->n_expired = 0;
}

/* ---- the wall clock was set ---- */

static int
run_with(struct oracle *o, enum stmt id, int64_t value)
{
	sqlite3_stmt *q = store_use(o->store, id);

	sql_int(q, 1, value);
	return store_run(o->store, q);
}

/* What is stored is in the time of an earlier life, whose clock may have been
 * ahead: nothing lasts longer than it was granted for. */
static int
clamp(struct watch *w)
{
	return run_with(w->oracle, ST_BINDINGS_CLAMP,
	    oracle_wall_s(w->oracle));
}

static int
follow_clock(struct watch *w)
{
	int64_t step_s = wall_step_s(&w->oracle->wall);
	int err;

	if (step_s == 0)
		return 0;
	err = run_with(w->oracle, ST_BINDINGS_MOVE, step_s);
	if (err == 0)
		err = run_with(w->oracle, ST_CALLS_MOVE, step_s);
	if (err == 0)
		err = run_with(w->oracle, ST_DROPS_MOVE, step_s);
	if (err == 0)
		err = run_with(w->oracle, ST_LOST_MOVE, step_s);
	w->step_s = step_s;
	return err;
}

static void
log_step(int64_t step_s)
{
	log_begin(LOG_WARN_, "clock-stepped");
	log_str("way", step_s > 0 ? "forward" : "back");
	log_u64("s", (uint64_t)(step_s > 0 ? step_s : -step_s));
	log_str("remedy", "none needed: the bindings were moved with it");
	log_end();
}

void
watch_settled(struct watch *w, bool stored)
{
	if (stored && w->step_s != 0) {
		wall_follow(&w->oracle->wall, w->step_s);
		log_step(w->step_s);
	}
	w->clamped |= stored;
	w->step_s = 0;
}

/* ---- together ---- */

bool
watch_chores(struct watch *w, struct buf *out)
{
	bool more = seal_all(w);

	more = seal_trunks(w) || more;
	more = withdrawn_chores(w->oracle) || more;
	more = tell_gone(w, out) || more;
	drop_expired(w, out);
	/* Last: the rest of this transaction is in the time before. */
	if ((!w->clamped && clamp(w) != 0) || follow_clock(w) != 0)
		store_rollback(w->oracle->store);
	return more;
}

static void
note_last_id(struct oracle *o)
{
	o->last_id = store_number(o->store, ST_MAX_SUBSCRIBER, 0);
}

static void
on_look(uv_timer_t *timer)
{
	struct watch *w = timer->data;
	struct store *s = w->oracle->store;
	bool changed;

	store_read_end(s);
	changed = store_is_changed(s);
	if (changed) {
		store_check_schema(s);
		note_last_id(w->oracle);
		watchers_recheck(w->oracle->watchers);
		trunks_changed(w->oracle);
	}
	if (changed || w->sealed || w->n_expired > 0)
		accounts_stir(w->oracle->accounts);
	sweep(w);
	if (changed || w->n_expired > 0 ||
	    wall_step_s(&w->oracle->wall) != 0)
		queue_wake(w->oracle->queue);
	withdrawn_look(w->oracle, changed);
	stops_look(w->oracle->stops);
	accounts_look(w->oracle->accounts);
	drops_look(w->oracle, changed);
	if (w->sealed)
		wipe(w);
	store_look_after(s);
}

struct watch *
watch_new(struct oracle *o)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->oracle = o;
	uv_timer_init(o->loop, &w->timer);
	w->timer.data = w;
	uv_timer_start(&w->timer, on_look, LOOK_MS, LOOK_MS);
	/* What was left undone by an earlier life. */
	w->sealed = true;
	w->sealed_at = clock_mono();
	note_last_id(o);
	queue_wake(o->queue);
	return w;
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void
watch_free(struct watch *w)
{
	if (w != NULL)
		uv_close((uv_handle_t *)&w->timer, on_closed);
}
