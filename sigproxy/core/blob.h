/*
 * Bytes that outlive a datagram: requests and last answers of transactions.
 *
 * A fixed number of blocks in four sizes, allocated once.  When the fitting
 * size is used up the next larger one serves; when all are, blob_set() says
 * so and the caller refuses the request: memory stays flat under flood.
 */
#ifndef SIGPROXY_CORE_BLOB_H
#define SIGPROXY_CORE_BLOB_H

#include "common/base/pool.h"
#include "common/base/span.h"

#define BLOB_MAX 8192		/* bytes of the largest block */
#define BLOB_SIZES 4

struct blobs {
	struct pool pool[BLOB_SIZES];
};

struct blob {
	char *p;		/* NULL: nothing held */
	uint16_t len;
	uint8_t size_class;
};

/* Room for about n messages.  Errors: -ENOMEM. */
int blobs_init(struct blobs *bs, uint32_t n);
void blobs_clear(struct blobs *bs);

/* Copy bytes into b, giving back what it held.
 * Errors: -EMSGSIZE longer than BLOB_MAX; -ENOMEM: then b holds nothing. */
int blob_set(struct blobs *bs, struct blob *b, struct span bytes);
/* Is more than three quarters of what could hold len bytes in use? */
bool blobs_are_short(const struct blobs *bs, size_t len);
/* For how many of the n messages the block of len bytes stands. */
uint32_t blobs_share(size_t len);
/* Wipe and give back; fine on an empty one. */
void blob_drop(struct blobs *bs, struct blob *b);

static inline struct span
blob_span(const struct blob *b)
{
	return span_make(b->p, b->len);
}

#endif
