/*
 * Numbers, text and addresses as they lie in a frame: big-endian, strings
 * with a 16-bit length, no padding.  Used by msg.c, and by stunmon for the
 * file in which it keeps what it believes.
 */
#ifndef COMMON_IPC_WIRE_H
#define COMMON_IPC_WIRE_H

#include "common/base/addr.h"
#include "common/base/buf.h"

struct rwire {
	struct span left;	/* not yet read */
	int err;		/* sticky: -EBADMSG or -ERANGE */
};

void wire_put_uint(struct buf *b, uint64_t v, unsigned bytes);
void wire_put_text(struct buf *b, struct span s);
void wire_put_addr(struct buf *b, const struct addr *a);

uint64_t wire_get_uint(struct rwire *r, unsigned bytes, uint64_t lo,
    uint64_t hi);
struct span wire_get_blob(struct rwire *r, size_t lo, size_t hi);
struct span wire_get_text(struct rwire *r, size_t lo, size_t hi);
void wire_get_bin(struct rwire *r, uint8_t *out, size_t n);
struct addr wire_get_addr(struct rwire *r, bool optional);
/* 0, the first error, or -EBADMSG when bytes are left over. */
int wire_end(const struct rwire *r);
void wire_fail(struct rwire *r, int err);

#endif
