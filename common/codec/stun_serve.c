#include "common/codec/stun_serve.h"

enum {
	TYPE_REQUEST = 0x0001,
	TYPE_SUCCESS = 0x0101,
	TYPE_ERROR = 0x0111,
	ATTR_MAPPED_ADDRESS = 0x0001,
	ATTR_CHANGE_REQUEST = 0x0003,
	ATTR_MESSAGE_INTEGRITY = 0x0008,
	ATTR_ERROR_CODE = 0x0009,
	ATTR_UNKNOWN = 0x000a,
	ATTR_XOR_MAPPED_ADDRESS = 0x0020,
	ATTR_OPTIONAL = 0x8000,
	ATTR_FINGERPRINT = 0x8028,
};

#define COOKIE_TID_LEN 16	/* what an answer repeats, from octet 4 on */
#define FINGERPRINT_LEN 8

/* What a request has for its answer. */
struct ask {
	const uint8_t *p;
	bool has_cookie, has_fingerprint;
	unsigned n_unknown;
	uint16_t unknown[STUN_UNKNOWN_MAX];
};

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void
put16(struct buf *b, unsigned v)
{
	buf_putc(b, (char)(v >> 8));
	buf_putc(b, (char)v);
}

bool
stun_is_request(struct span packet)
{
	const uint8_t *p = (const uint8_t *)packet.p;

	return packet.len >= STUN_HEADER_LEN && packet.len <= STUN_MSG_MAX &&
	    get16(p) == TYPE_REQUEST && packet.len % 4 == 0 &&
	    get16(p + 2) == packet.len - STUN_HEADER_LEN;
}

/* Authentication is not asked for, so what proves somebody is passed over. */
static bool
is_understood(uint16_t type, const uint8_t *v, size_t len)
{
	switch (type) {
	case 0x0006:		/* USERNAME */
	case ATTR_MESSAGE_INTEGRITY:
	case 0x0014:		/* REALM */
	case 0x0015:		/* NONCE */
	case 0x001c:		/* MESSAGE-INTEGRITY-SHA256 */
	case 0x001d:		/* PASSWORD-ALGORITHM */
	case 0x001e:		/* USERHASH */
		return true;
	case ATTR_CHANGE_REQUEST:
		return len == 4 && (v[3] & 6) == 0;
	default:
		return type >= ATTR_OPTIONAL;
	}
}

static bool
names_already(const struct ask *a, uint16_t type)
{
	for (unsigned i = 0; i < a->n_unknown; i++) {
		if (a->unknown[i] == type)
			return true;
	}
	return false;
}

/* Go through the attributes; false: malformed. */
static bool
read_attributes(struct span packet, struct ask *a)
{
	bool is_signed = false;

	for (size_t at = STUN_HEADER_LEN; at < packet.len;) {
		uint16_t type = get16(a->p + at);
		size_t len = get16(a->p + at + 2);

		if (len > packet.len - at - 4)
			return false;
		/* Behind the signature only FINGERPRINT counts (14.5). */
		if (!is_signed && !is_understood(type, a->p + at + 4, len) &&
		    a->n_unknown < STUN_UNKNOWN_MAX && !names_already(a, type))
			a->unknown[a->n_unknown++] = type;
		is_signed |= type == ATTR_MESSAGE_INTEGRITY;
		at += 4 + ((len + 3) & ~(size_t)3);
	}
	return true;
}

static bool
read_request(struct span packet, struct ask *a)
{
	struct stun_msg m;

	*a = (struct ask){ .p = (const uint8_t *)packet.p };
	if (!stun_is_request(packet))
		return false;
	a->has_cookie = stun_is(packet);
	if (!a->has_cookie)
		return read_attributes(packet, a);
	if (stun_parse(packet, &m) != 0)
		return false;
	a->has_fingerprint = m.fingerprint_at > 0;
	if (a->has_fingerprint && !stun_fingerprint_ok(&m))
		return false;
	return read_attributes(packet, a);
}

static void
put_header(struct buf *b, const struct ask *a, unsigned type, size_t len)
{
	put16(b, type);
	put16(b, (unsigned)(len + (a->has_fingerprint ? FINGERPRINT_LEN : 0)));
	buf_put(b, span_make(a->p + 4, COOKIE_TID_LEN));
}

static void
put_success(struct buf *b, const struct ask *a, const struct addr *source)
{
	size_t ip_len = addr_ip_len(source);
	/* The cookie and the transaction id, in the order of 14.2. */
	const uint8_t *mask = a->p + 4;
	unsigned x = a->has_cookie ? 0xff : 0;

	put_header(b, a, TYPE_SUCCESS, 8 + ip_len);
	put16(b, a->has_cookie ? ATTR_XOR_MAPPED_ADDRESS :
				 ATTR_MAPPED_ADDRESS);
	put16(b, (unsigned)(4 + ip_len));
	put16(b, source->family == ADDR_IPV4 ? 1 : 2);
	put16(b, source->port ^ (a->has_cookie ? get16(mask) : 0u));
	for (size_t i = 0; i < ip_len; i++)
		buf_putc(b, (char)(source->ip[i] ^ (mask[i] & x)));
}

static void
put_unknown(struct buf *b, const struct ask *a)
{
	size_t names = (2 * (size_t)a->n_unknown + 3) & ~(size_t)3;

	put_header(b, a, TYPE_ERROR, 8 + 4 + names);
	put16(b, ATTR_ERROR_CODE);
	put16(b, 4);		/* no phrase: it would cost its length */
	put16(b, 0);
	put16(b, 4 << 8 | 20);
	put16(b, ATTR_UNKNOWN);
	put16(b, 2 * a->n_unknown);
	for (unsigned i = 0; i < a->n_unknown; i++)
		put16(b, a->unknown[i]);
	if (a->n_unknown % 2 != 0)
		put16(b, 0);
}

bool
stun_serve(struct span packet, const struct addr *source, struct buf *out)
{
	struct ask a;

	if (!read_request(packet, &a))
		return false;
	if (a.n_unknown > 0)
		put_unknown(out, &a);
	else
		put_success(out, &a, source);
	if (a.has_fingerprint)
		stun_put_fingerprint(out);
	return buf_err(out) == 0;
}
