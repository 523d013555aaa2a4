#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/clock.h"
#include "common/io/log.h"
#include "registrar-db/io/queue.h"

#define OUT_MAX (256 * 1024)
/* Room the answer of one job may need. */
#define OUT_ONE_MAX 8192
/* Gather no longer when this many wait. */
#define GATHER_ENOUGH 64

struct queue {
	uv_timer_t timer;
	struct store *store;
	struct queue_ops ops;
	struct job *head, **tail;
	unsigned n;
	uint32_t epoch;
	bool chores;
	bool armed;
	unsigned tries;		/* in vain, in a row */
	uint64_t commits;
	struct buf out;
	char mem[OUT_MAX];
};

static void
on_timer(uv_timer_t *timer);

struct queue *
queue_new(uv_loop_t *loop, struct store *store, const struct queue_ops *ops)
{
	struct queue *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->store = store;
	q->ops = *ops;
	q->tail = &q->head;
	uv_timer_init(loop, &q->timer);
	q->timer.data = q;
	return q;
}

static struct job *
take(struct queue *q)
{
	struct job *job = q->head;

	q->head = job->next;
	if (q->head == NULL)
		q->tail = &q->head;
	q->n--;
	return job;
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void
queue_free(struct queue *q)
{
	if (q == NULL)
		return;
	while (q->head != NULL)
		free(take(q));
	uv_close((uv_handle_t *)&q->timer, on_closed);
}

static void
arm(struct queue *q, uint64_t ms)
{
	q->armed = true;
	uv_timer_start(&q->timer, on_timer, ms, 0);
}

int
queue_add(struct queue *q, int kind, int64_t subscriber, bool answered,
    struct span payload)
{
	struct job *job;

	if (q->n >= (answered ? QUEUE_NEW_MAX : QUEUE_MAX))
		return -ENOBUFS;
	job = malloc(sizeof(*job) + payload.len);
	if (job == NULL)
		return -ENOMEM;
	*job = (struct job){ .kind = kind, .since = clock_mono(),
		.subscriber = subscriber, .answered = answered,
		.epoch = q->epoch, .len = payload.len };
	memcpy(job->payload, payload.p, payload.len);
	*q->tail = job;
	q->tail = &job->next;
	q->n++;
	if (!q->armed || (q->n == GATHER_ENOUGH && q->tries == 0))
		arm(q, q->n >= GATHER_ENOUGH ? 0 : QUEUE_GATHER_MS);
	return 0;
}

void
queue_wake(struct queue *q)
{
	q->chores = true;
	if (!q->armed)
		arm(q, 0);
}

void
queue_new_peer(struct queue *q)
{
	q->epoch++;
}

unsigned
queue_waiting(const struct queue *q)
{
	return q->n;
}

uint64_t
queue_commits(const struct queue *q)
{
	return q->commits;
}

/* ---- answers ---- */

/* Drop what was appended after len: nobody waits for it, or it is untrue. */
static void
cut(struct buf *out, size_t len)
{
	out->len = len;
	out->err = 0;
}

static void
refuse(struct queue *q, const struct job *job)
{
	size_t len = q->out.len;

	q->ops.refuse(q->ops.arg, job, &q->out);
	if (buf_err(&q->out) || job->epoch != q->epoch)
		cut(&q->out, len);
}

static void
flush(struct queue *q)
{
	if (q->out.len > 0)
		q->ops.send(q->ops.arg, buf_span(&q->out));
	buf_init(&q->out, q->mem, OUT_MAX);
}

/* Refuse those at the head that waited too long. */
static void
expire(struct queue *q)
{
	struct mono now = clock_mono();
	struct job *job;

	while (q->head != NULL &&
	    mono_due(mono_add_ms(q->head->since, QUEUE_WAIT_MS), now)) {
		job = take(q);
		if (q->out.len + OUT_ONE_MAX > OUT_MAX)
			flush(q);
		refuse(q, job);
		free(job);
	}
	flush(q);
}

/* ---- one transaction ---- */

static int
run_one(struct queue *q, const struct job *job)
{
	struct store *s = q->store;
	size_t len = q->out.len;
	int err;

	err = store_run(s, store_use(s, ST_SAVE));
	if (err)
		return err;
	err = q->ops.run(q->ops.arg, job, &q->out);
	if (err == 0)
		err = buf_err(&q->out);
	if (err == 0)
		err = store_run(s, store_use(s, ST_RELEASE));
	if (err) {
		cut(&q->out, len);
		/* A full disk ends the whole transaction by itself. */
		if (!store_in_transaction(s) ||
		    store_run(s, store_use(s, ST_UNDO)) != 0 ||
		    store_run(s, store_use(s, ST_RELEASE)) != 0)
			return err;
		refuse(q, job);
	} else if (job->epoch != q->epoch) {
		cut(&q->out, len);
	}
	return 0;
}

/* Everything of this transaction failed: say so to all of it. */
static void
refuse_batch(struct queue *q, struct job *batch)
{
	cut(&q->out, 0);
	for (; batch != NULL; batch = batch->next)
		refuse(q, batch);
}

static void
free_batch(struct job *batch)
{
	struct job *next;

	for (; batch != NULL; batch = next) {
		next = batch->next;
		free(batch);
	}
}

/* The lock is ours: do what waits, commit, answer. */
static void
transact(struct queue *q)
{
	struct job *batch = NULL, **end = &batch;
	bool more = false;
	int err = 0;

	for (unsigned n = 0; q->head != NULL && n < QUEUE_BATCH && err == 0 &&
	     q->out.len + OUT_ONE_MAX < OUT_MAX / 2; n++) {
		*end = take(q);
		(*end)->next = NULL;
		err = run_one(q, *end);
		end = &(*end)->next;
	}
	if (err == 0 && q->chores)
		more = q->ops.chores(q->ops.arg, &q->out);
	if (err == 0 && !store_in_transaction(q->store))
		err = -EIO;
	if (err == 0)
		err = store_commit(q->store);
	if (err)
		store_rollback(q->store);
	q->ops.settled(q->ops.arg, err == 0);
	if (err) {
		refuse_batch(q, batch);
		q->tries++;
	} else {
		q->chores = more;
		q->tries = 0;
		q->commits++;
	}
	flush(q);
	free_batch(batch);
	if (err == 0)
		store_checkpoint(q->store);
}

static uint64_t
retry_ms(unsigned tries)
{
	static const uint64_t steps[] = { 5, 10, 20, 50 };

	return steps[tries < 4 ? tries : 3];
}

static void
on_timer(uv_timer_t *timer)
{
	struct queue *q = timer->data;

	q->armed = false;
	buf_init(&q->out, q->mem, OUT_MAX);
	if (q->head == NULL && !q->chores)
		return;
	if (store_begin(q->store) == 0)
		transact(q);
	else
		q->tries++;
	expire(q);
	if (q->head != NULL || q->chores)
		arm(q, q->tries > 0 ? retry_ms(q->tries - 1) : 0);
}
