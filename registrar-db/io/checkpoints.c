/*
 * What a restarted sigproxy gets back: its keys and the calls of the life
 * before.  A checkpoint is opaque here, bounded in size and number, and never
 * a ground for permission: it is kept only for a call that was granted and has
 * not ended, so that nobody leaves calls of his own making behind.  Kept in
 * memory, so that what came a moment before sigproxy died counts, and in the
 * table, so that it outlives us too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/htab.h"
#include "common/base/pool.h"
#include "common/base/secret.h"
#include "common/io/log.h"
#include "registrar-db/core/seal.h"
#include "registrar-db/io/accounts.h"
#include "registrar-db/io/oracle.h"

/* Above what sigproxy has room for; all together take at most that much. */
#define CHECKPOINTS_MAX 4608
#define BYTES_MAX (32u * 1024 * 1024)

/* Some at a time, and requests in between. */
#define REPLAY_BYTES (128 * 1024)
#define REPLAY_MS 5
/* After that a sigproxy that came back has saved again all that it has. */
#define SETTLE_MS 5000

static const char key_name[] = "sig_keys";
static const char boot_name[] = "boot_id";
#define BOOT_LEN 36

struct checkpoint {
	struct htab_node node;
	uint64_t ticket;
	uint32_t life; /* of sigproxy, which saved it last */
	bool queued;   /* a job will write it */
	uint8_t version;
	uint16_t len;
	char *state; /* NULL: not in use */
};

struct checkpoints {
	uv_timer_t timer;
	struct oracle *oracle;
	struct pool pool;
	struct htab by_ticket;
	size_t bytes;
	uint8_t key[IPC_KEY_LEN];
	char boot[BOOT_LEN]; /* of this machine; zeros: not known */
	bool kept;           /* both are in the table */
	uint32_t life;       /* counted up when sigproxy comes */
	uint32_t at;         /* next to be told */
	uint32_t told;
	uint64_t connection; /* by which they are told */
	uint64_t refused;
};

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

struct checkpoints *
checkpoints_new(struct oracle *o)
{
	struct checkpoints *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	if (pool_init(&c->pool, CHECKPOINTS_MAX, sizeof(struct checkpoint)) ||
	    htab_init(&c->by_ticket, CHECKPOINTS_MAX)) {
		pool_clear(&c->pool);
		free(c);
		return NULL;
	}
	c->oracle = o;
	uv_timer_init(o->loop, &c->timer);
	c->timer.data = c;
	return c;
}

static struct checkpoint *
find(const struct checkpoints *c, uint64_t ticket)
{
	struct htab_node *n;

	n = htab_first(
	    &c->by_ticket, htab_hash(&c->by_ticket, &ticket, sizeof(ticket)));
	for (; n != NULL; n = htab_next(n)) {
		struct checkpoint *p = HTAB_OF(n, struct checkpoint, node);

		if (p->ticket == ticket)
			return p;
	}
	return NULL;
}

static void
drop(struct checkpoints *c, struct checkpoint *p)
{
	htab_del(&c->by_ticket, &p->node);
	c->bytes -= p->len;
	free(p->state);
	p->state = NULL;
	pool_put(&c->pool, p);
}

void
checkpoints_free(struct checkpoints *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = 0; i < CHECKPOINTS_MAX; i++) {
		struct checkpoint *p = pool_at(&c->pool, i);

		free(p->state);
	}
	pool_clear(&c->pool);
	htab_clear(&c->by_ticket);
	uv_close((uv_handle_t *)&c->timer, on_closed);
}

static struct checkpoint *
add(struct checkpoints *c, uint64_t ticket)
{
	struct checkpoint *p = pool_get(&c->pool);

	if (p == NULL)
		return NULL;
	p->ticket = ticket;
	htab_add(&c->by_ticket, &p->node,
	    htab_hash(&c->by_ticket, &ticket, sizeof(ticket)));
	return p;
}

/* least: what a call must be that nothing is kept of.
 * Errors: -EPERM it is not; -ENOBUFS a bound; -ENOMEM.  Then what
 * was kept stays. */
static int
keep(struct checkpoints *c, const struct ipc_call_save *save,
    enum call_life least, struct checkpoint **out)
{
	struct checkpoint *p = find(c, save->ticket);
	size_t before = p == NULL ? 0 : p->len;
	char *state;

	if (p == NULL && calls_life(c->oracle, save->ticket) < least)
		return -EPERM;
	if (c->bytes - before + save->state.len > BYTES_MAX)
		return -ENOBUFS;
	state = malloc(save->state.len);
	if (state == NULL)
		return -ENOMEM;
	if (p == NULL)
		p = add(c, save->ticket);
	if (p == NULL) {
		free(state);
		return -ENOBUFS;
	}
	memcpy(state, save->state.p, save->state.len);
	c->bytes += save->state.len - before;
	free(p->state);
	p->state = state;
	p->len = (uint16_t)save->state.len;
	p->version = save->version;
	p->life = c->life;
	*out = p;
	return 0;
}

/* ---- from sigproxy ---- */

static void
log_full(struct checkpoints *c, uint64_t ticket, int err)
{
	/* The first, and then now and then. */
	if (c->refused++ % 1000 != 0)
		return;
	log_begin(LOG_WARN_, "checkpoint-not-kept");
	log_u64("call", ticket);
	log_err("why", err);
	log_end();
}

static int
queue_write(struct oracle *o, uint64_t ticket)
{
	return queue_add(o->queue, JOB_CHECKPOINT, 0, false,
	    span_make(&ticket, sizeof(ticket)));
}

static int
on_save(struct oracle *o, struct span payload)
{
	struct checkpoints *c = o->checkpoints;
	struct ipc_call_save save;
	struct checkpoint *p;
	int err;

	err = get_call_save(payload, &save);
	if (err)
		return err;
	err = keep(c, &save, CALL_LIVES, &p);
	if (err)
		log_full(c, save.ticket, err);
	else if (!p->queued)
		p->queued = queue_write(o, p->ticket) == 0;
	return 0;
}

static int
on_gone(struct oracle *o, struct span payload)
{
	struct ipc_call_gone gone;
	struct checkpoint *p;
	int err;

	err = get_call_gone(payload, &gone);
	if (err)
		return err;
	p = find(o->checkpoints, gone.ticket);
	if (p == NULL)
		return 0;
	drop(o->checkpoints, p);
	(void)queue_write(o, gone.ticket);
	return 0;
}

int
checkpoints_frame(struct oracle *o, uint16_t type, struct span payload)
{
	return type == IPC_CALL_SAVE ? on_save(o, payload)
				     : on_gone(o, payload);
}

/* ---- into the table ---- */

/* With SRTP keys in it a state lies sealed in the file. */
static int
put_sealed(struct oracle *o, const struct checkpoint *p)
{
	static uint8_t sealed[IPC_STATE_MAX + SEAL_STATE_MORE];
	const struct seal_state what = { p->ticket, p->version };
	uint8_t nonce[SEAL_NONCE_LEN];
	sqlite3_stmt *q = store_use(o->store, ST_CHECKPOINT_PUT);

	secret_random(nonce, sizeof(nonce));
	seal_state(o->key, &what, nonce, span_make(p->state, p->len), sealed);
	sql_int(q, 1, (int64_t)p->ticket);
	sql_int(q, 2, p->version);
	sql_blob(q, 3, span_make(sealed, p->len + SEAL_STATE_MORE));
	return store_run(o->store, q);
}

/* What counts is how things are now: several changes, one write. */
int
checkpoints_run(struct oracle *o, const struct job *job)
{
	struct checkpoint *p;
	sqlite3_stmt *q;
	uint64_t ticket;

	memcpy(&ticket, job->payload, sizeof(ticket));
	p = find(o->checkpoints, ticket);
	if (p == NULL) {
		q = store_use(o->store, ST_CHECKPOINT_DROP);
		sql_int(q, 1, (int64_t)ticket);
		return store_run(o->store, q);
	}
	p->queued = false;
	return put_sealed(o, p);
}

void
checkpoints_refused(struct oracle *o, const struct job *job)
{
	struct checkpoint *p;
	uint64_t ticket;

	memcpy(&ticket, job->payload, sizeof(ticket));
	p = find(o->checkpoints, ticket);
	if (p != NULL)
		p->queued = false;
}

static int
remember(struct oracle *o, const char *name, const void *p, size_t len)
{
	sqlite3_stmt *q = store_use(o->store, ST_REMEMBER);

	sql_text(q, 1, span_str(name));
	sql_blob(q, 2, span_make(p, len));
	return store_run(o->store, q);
}

int
checkpoints_chores(struct oracle *o)
{
	struct checkpoints *c = o->checkpoints;
	int err = 0;

	if (!c->kept)
		err = remember(o, key_name, c->key, sizeof(c->key));
	if (!c->kept && err == 0)
		err = remember(o, boot_name, c->boot, sizeof(c->boot));
	c->kept = err == 0;
	return err;
}

/* 1 and its bytes, 0 when nothing of that length is remembered, or an
 * error. */
static int
recall(struct oracle *o, const char *name, void *out, size_t len)
{
	sqlite3_stmt *q = store_use(o->store, ST_MEMORY);
	struct span kept = SPAN_NONE;
	int got;

	sql_text(q, 1, span_str(name));
	got = store_row(o->store, q);
	if (got == 1)
		kept = sql_column(q, 0);
	if (got == 1 && kept.len == len)
		memcpy(out, kept.p, len);
	else if (got == 1)
		got = 0;
	store_done(q);
	return got;
}

static void
read_boot(char out[BOOT_LEN])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (read(fd, out, BOOT_LEN) != BOOT_LEN)
		memset(out, 0, BOOT_LEN);
	close(fd);
}

/* Gives: same_boot_out  the machine was not started anew since.  */
static int
load_memory(struct oracle *o, bool *same_boot_out)
{
	struct checkpoints *c = o->checkpoints;
	char boot[BOOT_LEN];
	int key, before;

	read_boot(c->boot);
	key = recall(o, key_name, c->key, sizeof(c->key));
	if (key == 0)
		secret_random(c->key, sizeof(c->key));
	before = recall(o, boot_name, boot, sizeof(boot));
	*same_boot_out =
	    before == 1 && memcmp(boot, c->boot, sizeof(boot)) == 0;
	c->kept = key == 1 && *same_boot_out;
	return key < 0 ? key : before < 0 ? before : 0;
}

/* A row as it was kept; false: it was not written here. */
static bool
open_row(struct oracle *o, sqlite3_stmt *q, struct ipc_call_save *out)
{
	static uint8_t state[IPC_STATE_MAX];
	struct span sealed = sql_column(q, 2);
	struct seal_state what;

	*out = (struct ipc_call_save){
		.ticket = (uint64_t)sqlite3_column_int64(q, 0),
		.version = (uint8_t)sqlite3_column_int(q, 1),
	};
	what = (struct seal_state){ out->ticket, out->version };
	if (sealed.len <= SEAL_STATE_MORE ||
	    sealed.len > IPC_STATE_MAX + SEAL_STATE_MORE ||
	    out->ticket == 0 || out->ticket > INT64_MAX || out->version == 0 ||
	    seal_state_open(o->key, &what, sealed, state) != 0)
		return false;
	out->state = span_make(state, sealed.len - SEAL_STATE_MORE);
	return true;
}

int
checkpoints_load(struct oracle *o)
{
	sqlite3_stmt *q;
	bool same_boot;
	int err;

	err = load_memory(o, &same_boot);
	if (err)
		return err;
	q = store_use(o->store, ST_CHECKPOINTS);
	while ((err = store_row(o->store, q)) == 1) {
		struct ipc_call_save save;
		struct checkpoint *p;

		/* No phone waits for a call of the time before a reboot; and
		 * the file may have been changed by hand. */
		if (!open_row(o, q, &save) || !same_boot) {
			(void)queue_write(o, save.ticket);
			continue;
		}
		err = keep(o->checkpoints, &save, CALL_JUST_ENDED, &p);
		if (err) {
			log_full(o->checkpoints, save.ticket, err);
			(void)queue_write(o, save.ticket);
		}
	}
	store_done(q);
	return err;
}

/* ---- to sigproxy ---- */

static void
put_next(struct checkpoints *c, struct buf *b)
{
	struct checkpoint *p = pool_at(&c->pool, c->at++);
	struct ipc_call_restore restore;
	enum call_life life;

	/* Those that this sigproxy saved it knows. */
	if (p->state == NULL || p->life == c->life)
		return;
	life = calls_life(c->oracle, p->ticket);
	if (life == CALL_PAST) {
		uint64_t ticket = p->ticket;

		drop(c, p);
		(void)queue_write(c->oracle, ticket);
		return;
	}
	/* Ended by an admin, in the table: its phones are told with a restart;
	 * or by a phone, when the other one was away. */
	restore = (struct ipc_call_restore){ .ticket = p->ticket,
		.lives = life == CALL_LIVES,
		.version = p->version,
		.state = span_make(p->state, p->len) };
	IPC_FRAME(b, CALL_RESTORE, call_restore, &restore);
	c->told++;
}

static void
on_settled(uv_timer_t *timer)
{
	struct checkpoints *c = timer->data;

	c->oracle->settled = true;
	queue_wake(c->oracle->queue);
}

static void
begin(struct checkpoints *c)
{
	struct oracle *o = c->oracle;
	struct ipc_sig_keys keys;

	memcpy(keys.key, c->key, sizeof(keys.key));
	IPC_FRAME(sig_say(o), SIG_KEYS, sig_keys, &keys);
	sig_flush(o);
	/* Before the last word too: SIP is heard from then on, and a trunk's
	 * call must be known for one. */
	trunks_tell(o);
	accounts_came(o->accounts);
	c->at = 0;
	c->told = 0;
	c->connection = door_connection(o->sig);
}

static void
on_replay(uv_timer_t *timer)
{
	static char mem[REPLAY_BYTES + IPC_STATE_MAX + 64];
	struct checkpoints *c = timer->data;
	uint32_t at, told;
	struct buf b;

	/* What waits in the connection before would be read behind the last
	 * word: all of it once more, what is known already is passed over. */
	if (c->connection != door_connection(c->oracle->sig)) {
		watchers_again(c->oracle->watchers);
		begin(c);
	}
	at = c->at;
	told = c->told;
	/* Before the last word, which CALL_RESTORED is. */
	if (!watchers_replay(c->oracle->watchers))
		return;
	buf_init(&b, mem, sizeof(mem));
	while (c->at < CHECKPOINTS_MAX && b.len < REPLAY_BYTES)
		put_next(c, &b);
	if (c->at == CHECKPOINTS_MAX) {
		struct ipc_call_restored all = { c->told };

		IPC_FRAME(&b, CALL_RESTORED, call_restored, &all);
	}
	if (door_send(c->oracle->sig, buf_span(&b)) != 0) {
		/* Its queue is full: once more. */
		c->at = at;
		c->told = told;
	} else if (c->at == CHECKPOINTS_MAX) {
		uv_timer_start(timer, on_settled, SETTLE_MS, 0);
	}
}

void
checkpoints_replay(struct oracle *o)
{
	struct checkpoints *c = o->checkpoints;

	watchers_begin(o->watchers);
	c->life++;
	begin(c);
	uv_timer_start(&c->timer, on_replay, 0, REPLAY_MS);
	/* Now, not after the first turn of the loop: sigproxy waits for it. */
	on_replay(&c->timer);
}

void
checkpoints_stop(struct checkpoints *c)
{
	uv_timer_stop(&c->timer);
}
