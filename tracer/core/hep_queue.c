#include <errno.h>
#include <string.h>

#include "tracer/core/hep_queue.h"

void
hep_queue_init(struct hep_queue *q, char *mem, uint64_t cap)
{
	memset(q, 0, sizeof(*q));
	q->mem = mem;
	q->cap = cap;
}

/* ---- octets that go round ---- */

static void
copy_in(struct hep_queue *q, struct span s)
{
	uint64_t at = q->end % q->cap;
	size_t piece = s.len < q->cap - at ? s.len : (size_t)(q->cap - at);

	memcpy(q->mem + at, s.p, piece);
	memcpy(q->mem, s.p + piece, s.len - piece);
	q->end += s.len;
}

static void
copy_out(const struct hep_queue *q, uint64_t from, char *to, size_t n)
{
	uint64_t at = from % q->cap;
	size_t piece = n < q->cap - at ? n : (size_t)(q->cap - at);

	memcpy(to, q->mem + at, piece);
	memcpy(to + piece, q->mem, n - piece);
}

/* Each message says how long it is. */
static size_t
length_at(const struct hep_queue *q, uint64_t from)
{
	char head[HEP_FRAME_MIN];

	copy_out(q, from, head, sizeof(head));
	return (size_t)(unsigned char)head[4] << 8 | (unsigned char)head[5];
}

/* ---- messages ---- */

int
hep_queue_put(struct hep_queue *q, struct span frame)
{
	if (frame.len < HEP_FRAME_MIN || frame.len > HEP_FRAME_MAX ||
	    memcmp(frame.p, "HEP3", 4) != 0 ||
	    ((size_t)(unsigned char)frame.p[4] << 8 |
		(unsigned char)frame.p[5]) != frame.len)
		return -EINVAL;
	if (frame.len > q->cap - (q->end - q->first)) {
		q->lost++;
		return -ENOBUFS;
	}
	copy_in(q, frame);
	q->waiting++;
	return 0;
}

size_t
hep_queue_next(const struct hep_queue *q, char *mem)
{
	size_t len;

	if (q->waiting == 0 || q->n_flying == HEP_FLYING_MAX)
		return 0;
	len = length_at(q, q->next);
	copy_out(q, q->next, mem, len);
	return len;
}

void
hep_queue_given(struct hep_queue *q, uint64_t stream_end)
{
	if (q->waiting == 0 || q->n_flying == HEP_FLYING_MAX)
		return;
	q->next += length_at(q, q->next);
	q->waiting--;
	q->flying[(q->at_flying + q->n_flying++) % HEP_FLYING_MAX] =
	    stream_end;
}

uint32_t
hep_queue_acked(struct hep_queue *q, uint64_t octets)
{
	uint32_t n = 0;

	while (q->n_flying > 0 && q->flying[q->at_flying] <= octets) {
		q->first += length_at(q, q->first);
		q->at_flying = (q->at_flying + 1) % HEP_FLYING_MAX;
		q->n_flying--;
		n++;
	}
	q->done += n;
	return n;
}

void
hep_queue_again(struct hep_queue *q)
{
	q->again += q->n_flying;
	q->waiting += q->n_flying;
	q->n_flying = 0;
	q->at_flying = 0;
	q->next = q->first;
}

uint32_t
hep_queue_kept(const struct hep_queue *q)
{
	return q->waiting + q->n_flying;
}
