/*
 * A bounded byte builder with a sticky error.
 *
 * Write ten pieces, check buf_err() once: after the first piece that did not
 * fit nothing more is written and the error stays.  The memory is the
 * caller's; nothing allocates and nothing ends the bytes with NUL.
 */
#ifndef COMMON_BASE_BUF_H
#define COMMON_BASE_BUF_H

#include "common/base/span.h"

struct buf {
	char *p;		/* kept: the caller's memory */
	size_t len;		/* bytes written */
	size_t cap;		/* bytes that fit */
	int err;		/* 0 or -EMSGSIZE, sticky */
};

static inline void
buf_init(struct buf *b, void *mem, size_t cap)
{
	*b = (struct buf){ mem, 0, cap, 0 };
}

static inline int
buf_err(const struct buf *b)
{
	return b->err;
}

/* What was written so far; lent until the memory is reused. */
static inline struct span
buf_span(const struct buf *b)
{
	return span_make(b->p, b->len);
}

void buf_put(struct buf *b, struct span s);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
/* Decimal. */
void buf_put_u64(struct buf *b, uint64_t v);
/* Lower-case hexadecimal of n bytes. */
void buf_put_hex(struct buf *b, const void *bytes, size_t n);
/* Cold paths only (printf is slow); the format is ours, never a stranger's. */
void buf_fmt(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
