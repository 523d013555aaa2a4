#include <errno.h>
#include <string.h>

#include "common/base/secret.h"
#include "sigproxy/core/blob.h"

/* A REGISTER is 400 to 900 bytes, an INVITE with SDP 1000 to 2000; larger
 * ones are rare, so fewer blocks of those sizes are kept. */
static const struct {
	uint16_t bytes;
	uint8_t share;		/* one block for so many messages */
} sizes[BLOB_SIZES] = {
	{ 1024, 1 },
	{ 2048, 2 },
	{ 4096, 8 },
	{ BLOB_MAX, 16 },
};

int
blobs_init(struct blobs *bs, uint32_t n)
{
	int err = 0;

	memset(bs, 0, sizeof(*bs));
	for (size_t i = 0; i < BLOB_SIZES && err == 0; i++)
		err = pool_init(&bs->pool[i], n / sizes[i].share + 4,
		    sizes[i].bytes);
	if (err)
		blobs_clear(bs);
	return err;
}

void
blobs_clear(struct blobs *bs)
{
	for (size_t i = 0; i < BLOB_SIZES; i++)
		pool_clear(&bs->pool[i]);
}

int
blob_set(struct blobs *bs, struct blob *b, struct span bytes)
{
	blob_drop(bs, b);
	if (bytes.len > BLOB_MAX)
		return -EMSGSIZE;
	for (size_t i = 0; i < BLOB_SIZES && b->p == NULL; i++) {
		if (bytes.len > sizes[i].bytes)
			continue;
		b->p = pool_get(&bs->pool[i]);
		b->size_class = (uint8_t)i;
	}
	if (b->p == NULL)
		return -ENOMEM;
	memcpy(b->p, bytes.p, bytes.len);
	b->len = (uint16_t)bytes.len;
	return 0;
}

bool
blobs_are_short(const struct blobs *bs, size_t len)
{
	uint32_t used = 0, n = 0;

	for (size_t i = 0; i < BLOB_SIZES; i++) {
		if (len > sizes[i].bytes)
			continue;
		used += bs->pool[i].used;
		n += bs->pool[i].n;
	}
	return used >= n - n / 4;
}

uint32_t
blobs_share(size_t len)
{
	size_t i = 0;

	while (i + 1 < BLOB_SIZES && len > sizes[i].bytes)
		i++;
	return sizes[i].share;
}

void
blob_drop(struct blobs *bs, struct blob *b)
{
	if (b->p != NULL) {
		/* Keys of sound stand in SDP, digests in headers. */
		secret_wipe(b->p, b->len);
		pool_put(&bs->pool[b->size_class], b->p);
	}
	memset(b, 0, sizeof(*b));
}
