#include "common/base/text.h"

size_t
text_take(struct span s, uint32_t *out)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = (unsigned char)s.p[0];
	size_t n = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 :
	    c < 0xf8 ? 4 : 0;
	uint32_t v = n == 1 ? c : c & (0x7fu >> n);

	if (n == 0 || n > s.len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | ((unsigned char)s.p[i] & 0x3f);
	}
	if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
		return 0;
	*out = v;
	return n;
}

bool
text_is_safe(uint32_t c)
{
	return c >= 32 && !(c >= 0x7f && c < 0xa0) &&
	    !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069);
}

bool
text_is_plain(struct span s)
{
	while (s.len > 0) {
		uint32_t c;
		size_t n = text_take(s, &c);

		if (n == 0 || !text_is_safe(c))
			return false;
		s = span_sub(s, n, s.len);
	}
	return true;
}

/* One character of s, or '?' for each byte of it; how many there were. */
static size_t
put_first(struct buf *b, struct span s)
{
	uint32_t c;
	size_t n = text_take(s, &c);

	if (n > 0 && text_is_safe(c)) {
		buf_put(b, span_sub(s, 0, n));
		return n;
	}
	n = n == 0 ? 1 : n;
	for (size_t i = 0; i < n; i++)
		buf_putc(b, '?');
	return n;
}

void
text_put_plain(struct buf *b, struct span s)
{
	while (s.len > 0)
		s = span_sub(s, put_first(b, s), s.len);
}

void
text_put_json(struct buf *b, struct span s)
{
	buf_putc(b, '"');
	while (s.len > 0) {
		if (s.p[0] == '"' || s.p[0] == '\\')
			buf_putc(b, '\\');
		s = span_sub(s, put_first(b, s), s.len);
	}
	buf_putc(b, '"');
}
