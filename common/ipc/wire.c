#include <errno.h>

#include "common/ipc/wire.h"

void
wire_put_uint(struct buf *b, uint64_t v, unsigned bytes)
{
	while (bytes-- > 0)
		buf_putc(b, (char)(v >> (8 * bytes)));
}

void
wire_put_text(struct buf *b, struct span s)
{
	wire_put_uint(b, s.len, 2);
	buf_put(b, s);
}

void
wire_put_addr(struct buf *b, const struct addr *a)
{
	wire_put_uint(b, a->family, 1);
	wire_put_uint(b, a->port, 2);
	buf_put(b, span_make(a->ip, addr_ip_len(a)));
}

void
wire_fail(struct rwire *r, int err)
{
	if (r->err == 0)
		r->err = err;
}

static struct span
take(struct rwire *r, size_t n)
{
	struct span s;

	if (r->err == 0 && n > r->left.len)
		r->err = -EBADMSG;
	if (r->err)
		return SPAN_NONE;
	s = span_make(r->left.p, n);
	r->left = span_make(r->left.p + n, r->left.len - n);
	return s;
}

uint64_t
wire_get_uint(struct rwire *r, unsigned bytes, uint64_t lo, uint64_t hi)
{
	struct span s = take(r, bytes);
	uint64_t v = 0;

	for (size_t i = 0; i < s.len; i++)
		v = v << 8 | (uint8_t)s.p[i];
	if (r->err == 0 && (v < lo || v > hi))
		r->err = -ERANGE;
	return r->err ? 0 : v;
}

struct span
wire_get_blob(struct rwire *r, size_t lo, size_t hi)
{
	size_t len = wire_get_uint(r, 2, lo, hi);

	return take(r, len);
}

struct span
wire_get_text(struct rwire *r, size_t lo, size_t hi)
{
	struct span s = wire_get_blob(r, lo, hi);

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 32 || c == 127)
			wire_fail(r, -EBADMSG);
	}
	return r->err ? SPAN_NONE : s;
}

void
wire_get_bin(struct rwire *r, uint8_t *out, size_t n)
{
	struct span s = take(r, n);

	if (s.len == n && n > 0)
		memcpy(out, s.p, n);
}

struct addr
wire_get_addr(struct rwire *r, bool optional)
{
	uint64_t family = wire_get_uint(r, 1, 0, ADDR_IPV6);
	uint16_t port = (uint16_t)wire_get_uint(r, 2, 0, 65535);
	struct addr a = { 0 };
	struct span ip;

	switch (family) {
	case ADDR_NONE:
		/* One spelling of none: no port. */
		if (!optional || port != 0)
			wire_fail(r, -EBADMSG);
		return a;
	case ADDR_IPV4:
		ip = take(r, 4);
		break;
	case ADDR_IPV6:
		ip = take(r, 16);
		break;
	default:
		wire_fail(r, -EBADMSG);
		return a;
	}
	if (r->err)
		return a;
	a = addr_from_bytes(ip.p, ip.len, port);
	if (a.family != family)		/* v4-mapped: another spelling */
		wire_fail(r, -EBADMSG);
	return a;
}

int
wire_end(const struct rwire *r)
{
	if (r->err)
		return r->err;
	return r->left.len == 0 ? 0 : -EBADMSG;
}
