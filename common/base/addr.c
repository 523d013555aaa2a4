#include <arpa/inet.h>
#include <errno.h>

#include "common/base/addr.h"

static const uint8_t v4_mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0xff, 0xff };

size_t
addr_ip_len(const struct addr *a)
{
	switch (a->family) {
	case ADDR_IPV4:
		return 4;
	case ADDR_IPV6:
		return 16;
	default:
		return 0;
	}
}

struct addr
addr_from_bytes(const void *ip, size_t len, uint16_t port)
{
	struct addr a = { 0 };
	const uint8_t *p = ip;

	if (len == 16 && memcmp(p, v4_mapped, sizeof(v4_mapped)) == 0) {
		p += 12;
		len = 4;
	}
	if (len != 4 && len != 16)
		return a;
	a.family = len == 4 ? ADDR_IPV4 : ADDR_IPV6;
	a.port = port;
	memcpy(a.ip, p, len);
	return a;
}

int
addr_parse_ip(struct span s, struct addr *out)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t ip[16];
	bool v6;

	v6 = s.len > 2 && s.p[0] == '[' && s.p[s.len - 1] == ']';
	if (v6)
		s = span_sub(s, 1, s.len - 2);
	if (s.len == 0 || s.len >= sizeof(text) ||
	    memchr(s.p, '\0', s.len) != NULL)
		return -EBADMSG;
	memcpy(text, s.p, s.len);
	text[s.len] = '\0';
	if (!v6 && inet_pton(AF_INET, text, ip) == 1)
		*out = addr_from_bytes(ip, 4, 0);
	else if (inet_pton(AF_INET6, text, ip) == 1)
		*out = addr_from_bytes(ip, 16, 0);
	else
		return -EBADMSG;
	return 0;
}

/* Where ":port" begins, or -1; a bare IPv6 address has none. */
static ptrdiff_t
port_colon(struct span s)
{
	ptrdiff_t first = span_find(s, ':');
	ptrdiff_t close = span_find(s, ']');

	if (s.len > 0 && s.p[0] == '[') {
		if (close >= 0 && (size_t)close + 1 < s.len)
			return close + 1;
		return -1;
	}
	if (first < 0)
		return -1;
	if (span_find(span_sub(s, (size_t)first + 1, s.len), ':') >= 0)
		return -1;
	return first;
}

int
addr_parse(struct span s, uint16_t default_port, struct addr *out)
{
	struct addr a;
	uint32_t port = default_port;
	ptrdiff_t colon = port_colon(s);
	int err;

	if (colon >= 0) {
		if (s.p[colon] != ':')
			return -EBADMSG;
		if (span_to_u32(span_sub(s, (size_t)colon + 1, s.len), 65535,
			&port) != 0 || port == 0)
			return -EBADMSG;
		s = span_sub(s, 0, (size_t)colon);
	}
	err = addr_parse_ip(s, &a);
	if (err)
		return err;
	a.port = (uint16_t)port;
	*out = a;
	return 0;
}

void
addr_put_ip(struct buf *b, const struct addr *a)
{
	char text[INET6_ADDRSTRLEN];

	switch (a->family) {
	case ADDR_IPV4:
		inet_ntop(AF_INET, a->ip, text, sizeof(text));
		break;
	case ADDR_IPV6:
		inet_ntop(AF_INET6, a->ip, text, sizeof(text));
		break;
	default:
		buf_putc(b, '-');
		return;
	}
	buf_puts(b, text);
}

void
addr_put_host(struct buf *b, const struct addr *a)
{
	if (a->family == ADDR_IPV6)
		buf_putc(b, '[');
	addr_put_ip(b, a);
	if (a->family == ADDR_IPV6)
		buf_putc(b, ']');
}

void
addr_put(struct buf *b, const struct addr *a)
{
	addr_put_host(b, a);
	buf_putc(b, ':');
	buf_put_u64(b, a->port);
}

const char *
addr_text(const struct addr *a, char *mem)
{
	struct buf b;

	buf_init(&b, mem, ADDR_TEXT_MAX);
	addr_put(&b, a);
	mem[b.len] = '\0';
	return mem;
}

bool
addr_same_ip(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && a->family != ADDR_NONE &&
	    memcmp(a->ip, b->ip, addr_ip_len(a)) == 0;
}

bool
addr_eq(const struct addr *a, const struct addr *b)
{
	return addr_same_ip(a, b) && a->port == b->port;
}

bool
addr_prefix_has(const struct addr_prefix *p, const struct addr *a)
{
	size_t whole = p->bits / 8;
	unsigned rest = p->bits % 8;
	uint8_t mask = (uint8_t)(0xff00u >> rest);

	if (p->net.family != a->family || a->family == ADDR_NONE)
		return false;
	if (memcmp(p->net.ip, a->ip, whole) != 0)
		return false;
	return rest == 0 || ((p->net.ip[whole] ^ a->ip[whole]) & mask) == 0;
}

int
addr_prefix_parse(struct span s, struct addr_prefix *out)
{
	ptrdiff_t slash = span_find(s, '/');
	struct addr_prefix p;
	uint32_t bits;
	int err;

	err = addr_parse_ip(slash < 0 ? s : span_sub(s, 0, (size_t)slash),
	    &p.net);
	if (err)
		return err;
	bits = (uint32_t)addr_ip_len(&p.net) * 8;
	if (slash >= 0 && span_to_u32(span_sub(s, (size_t)slash + 1, s.len),
		bits, &bits) != 0)
		return -EBADMSG;
	p.bits = (uint8_t)bits;
	*out = p;
	return 0;
}

/* First match wins; whatever matches nothing is public. */
static const struct {
	uint8_t family;
	uint8_t bits;
	uint8_t ip[16];
	enum addr_class class;
} special[] = {
	{ ADDR_IPV4, 8, { 0 }, ADDR_UNUSABLE },
	{ ADDR_IPV4, 8, { 10 }, ADDR_PRIVATE },
	{ ADDR_IPV4, 10, { 100, 64 }, ADDR_SHARED },
	{ ADDR_IPV4, 8, { 127 }, ADDR_LOOPBACK },
	{ ADDR_IPV4, 16, { 169, 254 }, ADDR_LINK_LOCAL },
	{ ADDR_IPV4, 12, { 172, 16 }, ADDR_PRIVATE },
	{ ADDR_IPV4, 24, { 192, 0, 0 }, ADDR_UNUSABLE },
	{ ADDR_IPV4, 16, { 192, 168 }, ADDR_PRIVATE },
	{ ADDR_IPV4, 4, { 224 }, ADDR_MULTICAST },
	{ ADDR_IPV4, 4, { 240 }, ADDR_UNUSABLE },
	{ ADDR_IPV6, 128, { [15] = 1 }, ADDR_LOOPBACK },
	{ ADDR_IPV6, 96, { 0 }, ADDR_UNUSABLE },
	{ ADDR_IPV6, 96, { 0, 0x64, 0xff, 0x9b }, ADDR_UNUSABLE },
	{ ADDR_IPV6, 7, { 0xfc }, ADDR_PRIVATE },
	{ ADDR_IPV6, 10, { 0xfe, 0x80 }, ADDR_LINK_LOCAL },
	{ ADDR_IPV6, 8, { 0xff }, ADDR_MULTICAST },
};

enum addr_class
addr_classify(const struct addr *a)
{
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		struct addr_prefix p = { .bits = special[i].bits };

		p.net.family = special[i].family;
		memcpy(p.net.ip, special[i].ip, sizeof(p.net.ip));
		if (addr_prefix_has(&p, a))
			return special[i].class;
	}
	return a->family == ADDR_NONE ? ADDR_UNUSABLE : ADDR_PUBLIC;
}

bool
addr_is_public(const struct addr *a)
{
	return addr_classify(a) == ADDR_PUBLIC;
}
