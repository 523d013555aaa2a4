#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/base/buf.h"

void
buf_put(struct buf *b, struct span s)
{
	if (b->err)
		return;
	if (s.len > b->cap - b->len) {
		b->err = -EMSGSIZE;
		return;
	}
	if (s.len > 0)
		memcpy(b->p + b->len, s.p, s.len);
	b->len += s.len;
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_put(b, span_str(s));
}

void
buf_putc(struct buf *b, char c)
{
	buf_put(b, span_make(&c, 1));
}

void
buf_put_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	buf_put(b, span_make(digits + i, sizeof(digits) - i));
}

void
buf_put_hex(struct buf *b, const void *bytes, size_t n)
{
	static const char digit[] = "0123456789abcdef";
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++) {
		buf_putc(b, digit[p[i] >> 4]);
		buf_putc(b, digit[p[i] & 15]);
	}
}

void
buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (b->err)
		return;
	va_start(ap, fmt);
	n = vsnprintf(b->p + b->len, b->cap - b->len, fmt, ap);
	va_end(ap);
	/* vsnprintf needs one byte more for its NUL than we keep. */
	if (n < 0 || (size_t)n >= b->cap - b->len)
		b->err = -EMSGSIZE;
	else
		b->len += (size_t)n;
}
