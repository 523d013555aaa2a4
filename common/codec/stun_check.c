#include "common/codec/stun_check.h"

enum {
	TYPE_SUCCESS = 0x0101,
	TYPE_ERROR = 0x0111,
	ATTR_ERROR_CODE = 0x0009,
	ATTR_UNKNOWN = 0x000a,
	ATTR_XOR_MAPPED_ADDRESS = 0x0020,
	UNKNOWN_ATTRIBUTE = 420,
	ROLE_CONFLICT = 487,
	FINGERPRINT_LEN = 8,
	COOKIE_TID_LEN = 16,	/* what an answer repeats, from octet 4 on */
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

/* "ours:theirs" (RFC 8445 7.3); whose theirs is does not matter. */
static bool
is_for(struct span username, struct span ufrag)
{
	return username.len > ufrag.len + 1 &&
	    span_starts(username, ufrag) && username.p[ufrag.len] == ':';
}

/* FINGERPRINT is a must (RFC 8445 7.1), but what is signed needs none. */
static bool
is_proven(const struct stun_msg *m, struct span ufrag, struct span pwd)
{
	return m->class == STUN_REQUEST && m->method == STUN_BINDING &&
	    is_for(m->username, ufrag) &&
	    (m->fingerprint_at == 0 || stun_fingerprint_ok(m)) &&
	    stun_integrity_ok(m, pwd);
}

static void
put_header(struct buf *b, const struct stun_msg *m, unsigned type, size_t len)
{
	put16(b, type);
	put16(b, (unsigned)(len + STUN_INTEGRITY_LEN));
	buf_put(b, span_make(m->packet.p + 4, COOKIE_TID_LEN));
}

static void
put_success(struct buf *b, const struct stun_msg *m, const struct addr *source)
{
	const uint8_t *mask = (const uint8_t *)m->packet.p + 4;
	size_t ip_len = addr_ip_len(source);

	put_header(b, m, TYPE_SUCCESS, 8 + ip_len);
	put16(b, ATTR_XOR_MAPPED_ADDRESS);
	put16(b, (unsigned)(4 + ip_len));
	put16(b, source->family == ADDR_IPV4 ? 1 : 2);
	put16(b, source->port ^ get16(mask));
	for (size_t i = 0; i < ip_len; i++)
		buf_putc(b, (char)(source->ip[i] ^ mask[i]));
}

/* No phrase: it would cost its length. */
static void
put_code(struct buf *b, unsigned code)
{
	put16(b, ATTR_ERROR_CODE);
	put16(b, 4);
	put16(b, 0);
	put16(b, code / 100 << 8 | code % 100);
}

/* Its attributes are whole: it was parsed. */
static unsigned
list_unknown(const struct stun_msg *m, uint16_t out[STUN_CHECK_UNKNOWN_MAX])
{
	const uint8_t *p = (const uint8_t *)m->packet.p;
	unsigned n = 0;

	for (size_t at = STUN_HEADER_LEN; at < m->integrity_at;
	    at += 4 + ((get16(p + at + 2) + 3u) & ~(size_t)3))
		if (stun_is_unknown(get16(p + at)) &&
		    n < STUN_CHECK_UNKNOWN_MAX)
			out[n++] = get16(p + at);
	return n;
}

static void
put_unknown(struct buf *b, const struct stun_msg *m)
{
	uint16_t unknown[STUN_CHECK_UNKNOWN_MAX];
	unsigned n = list_unknown(m, unknown);

	put_header(b, m, TYPE_ERROR, 8 + 4 + ((2 * n + 3) & ~3u));
	put_code(b, UNKNOWN_ATTRIBUTE);
	put16(b, ATTR_UNKNOWN);
	put16(b, 2 * n);
	for (unsigned i = 0; i < n; i++)
		put16(b, unknown[i]);
	if (n % 2 != 0)
		put16(b, 0);
}

/* The length counts FINGERPRINT only once the rest is signed. */
static void
put_proof(struct buf *b, struct span pwd)
{
	size_t len;

	stun_put_integrity(b, pwd);
	len = b->len - STUN_HEADER_LEN + FINGERPRINT_LEN;
	b->p[2] = (char)(len >> 8);
	b->p[3] = (char)len;
	stun_put_fingerprint(b);
}

enum stun_check
stun_check(struct span packet, struct span ufrag, struct span pwd,
    const struct addr *source, struct buf *out)
{
	enum stun_check said = STUN_CHECK_REFUSED;
	struct stun_msg m;

	if (stun_parse(packet, &m) != 0 || !is_proven(&m, ufrag, pwd))
		return STUN_CHECK_SILENT;
	if (m.n_unknown > 0) {
		put_unknown(out, &m);
	} else if (m.controlled) {
		put_header(out, &m, TYPE_ERROR, 8);
		put_code(out, ROLE_CONFLICT);
	} else {
		put_success(out, &m, source);
		said = m.use_candidate ? STUN_CHECK_NOMINATES :
					 STUN_CHECK_VALID;
	}
	if (buf_err(out) != 0)
		return STUN_CHECK_SILENT;
	put_proof(out, pwd);
	return buf_err(out) == 0 ? said : STUN_CHECK_SILENT;
}
