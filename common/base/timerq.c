#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "common/base/timerq.h"

int
timerq_init(struct timerq *q, size_t cap)
{
	q->heap = calloc(cap, sizeof(q->heap[0]));
	q->n = 0;
	q->cap = cap;
	return q->heap == NULL ? -ENOMEM : 0;
}

void
timerq_clear(struct timerq *q)
{
	free(q->heap);
	q->heap = NULL;
	q->n = q->cap = 0;
}

static void
place(struct timerq *q, size_t i, struct timer *t)
{
	q->heap[i] = t;
	t->slot = i + 1;
}

static void
sift_up(struct timerq *q, size_t i, struct timer *t)
{
	while (i > 0) {
		struct timer *parent = q->heap[(i - 1) / 2];

		if (!mono_before(t->at, parent->at))
			break;
		place(q, i, parent);
		i = (i - 1) / 2;
	}
	place(q, i, t);
}

static void
sift_down(struct timerq *q, size_t i, struct timer *t)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= q->n)
			break;
		if (child + 1 < q->n && mono_before(q->heap[child + 1]->at,
			q->heap[child]->at))
			child++;
		if (!mono_before(q->heap[child]->at, t->at))
			break;
		place(q, i, q->heap[child]);
		i = child;
	}
	place(q, i, t);
}

void
timerq_cancel(struct timerq *q, struct timer *t)
{
	struct timer *last;
	size_t i;

	if (t->slot == 0)
		return;
	i = t->slot - 1;
	t->slot = 0;
	last = q->heap[--q->n];
	if (last == t)
		return;
	if (i > 0 && mono_before(last->at, q->heap[(i - 1) / 2]->at))
		sift_up(q, i, last);
	else
		sift_down(q, i, last);
}

void
timerq_set(struct timerq *q, struct timer *t, struct mono at)
{
	timerq_cancel(q, t);
	assert(q->n < q->cap);
	t->at = at;
	q->n++;
	sift_up(q, q->n - 1, t);
}

struct mono
timerq_next(const struct timerq *q)
{
	return q->n == 0 ? MONO_NEVER : q->heap[0]->at;
}

struct timer *
timerq_pop(struct timerq *q, struct mono now)
{
	struct timer *t;

	if (q->n == 0 || !mono_due(q->heap[0]->at, now))
		return NULL;
	t = q->heap[0];
	timerq_cancel(q, t);
	return t;
}
