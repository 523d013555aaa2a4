/*
 * Everything that writes waits here: what came in together is committed
 * together, each piece in a savepoint of its own, and no answer leaves before
 * the commit.  Somebody else's write lock is waited out by timer; the queue
 * is bounded, and what waited QUEUE_WAIT_MS is refused.
 */
#ifndef REGDB_IO_QUEUE_H
#define REGDB_IO_QUEUE_H

#include <uv.h>

#include "common/base/buf.h"
#include "common/base/mono.h"
#include "registrar-db/io/store.h"

#define QUEUE_MAX 4096
/* Above this only news of running calls is taken. */
#define QUEUE_NEW_MAX 3072
#define QUEUE_WAIT_MS 20000
/* How long the first waits for others, so that they share a commit. */
#define QUEUE_GATHER_MS 20
/* Jobs in one transaction. */
#define QUEUE_BATCH 256

struct job {
	struct job *next;
	int kind;		/* the owner's */
	struct mono since;
	int64_t subscriber;	/* the owner's */
	bool answered;		/* its answer goes to the peer of `epoch` */
	uint32_t epoch;
	size_t len;
	char payload[];
};

struct queue_ops {
	/* Inside the transaction: do it, append the answer to out.  An error
	 * undoes this job alone and it is refused. */
	int (*run)(void *arg, const struct job *job, struct buf *out);
	/* It was not done: append the answer that says so. */
	void (*refuse)(void *arg, const struct job *job, struct buf *out);
	/* Inside the transaction, after the jobs: work that was asked for by
	 * queue_wake().  True: there is more, wake again. */
	bool (*chores)(void *arg, struct buf *out);
	/* The transaction was committed, or all of it undone. */
	void (*settled)(void *arg, bool stored);
	/* Committed (or refused): send. */
	void (*send)(void *arg, struct span frames);
	void *arg;
};

struct queue;

/* Errors: NULL for no memory.  ops is copied, the store kept. */
struct queue *queue_new(uv_loop_t *loop, struct store *store,
    const struct queue_ops *ops);
/* Jobs left are dropped.  Freed once its timer has closed. */
void queue_free(struct queue *q);

/* Errors: -ENOBUFS the queue is full (for news: at QUEUE_MAX, else at
 * QUEUE_NEW_MAX), -ENOMEM. */
int queue_add(struct queue *q, int kind, int64_t subscriber, bool answered,
    struct span payload);
/* Do the chores with the next commit. */
void queue_wake(struct queue *q);
/* The peer is a new one: answers of earlier jobs are for nobody. */
void queue_new_peer(struct queue *q);

unsigned queue_waiting(const struct queue *q);
uint64_t queue_commits(const struct queue *q);

#endif
