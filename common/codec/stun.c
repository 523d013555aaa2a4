/* For each message HMAC() and EVP_MAC allocate two to five times, and even a
 * digest of EVP that is begun again once (OpenSSL 3.0); SHA1_Update() does
 * not. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <errno.h>
#include <openssl/sha.h>

#include "common/base/secret.h"
#include "common/codec/stun.h"

enum stun_attr {
	ATTR_MAPPED_ADDRESS = 0x0001,
	ATTR_CHANGE_REQUEST = 0x0003,
	ATTR_USERNAME = 0x0006,
	ATTR_MESSAGE_INTEGRITY = 0x0008,
	ATTR_ERROR_CODE = 0x0009,
	ATTR_REALM = 0x0014,
	ATTR_NONCE = 0x0015,
	ATTR_XOR_MAPPED_ADDRESS = 0x0020,
	ATTR_USE_CANDIDATE = 0x0025,
	ATTR_FINGERPRINT = 0x8028,
	ATTR_ICE_CONTROLLED = 0x8029,
	ATTR_OTHER_ADDRESS = 0x802c,
};

#define SHA1_LEN SHA_DIGEST_LENGTH
#define FINGERPRINT_XOR 0x5354554eu

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void
put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* CRC-32 of ITU V.42, as FINGERPRINT wants it; bit by bit: 20 bytes a time. */
static uint32_t
crc32_more(uint32_t crc, const uint8_t *p, size_t len)
{
	while (len-- > 0) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return crc;
}

bool
stun_is(struct span packet)
{
	const uint8_t *p = (const uint8_t *)packet.p;

	return packet.len >= STUN_HEADER_LEN && p[0] <= 3 &&
	    get32(p + 4) == STUN_COOKIE && packet.len % 4 == 0 &&
	    get16(p + 2) == packet.len - STUN_HEADER_LEN;
}

/* MAPPED-ADDRESS and its like (RFC 8489 14.1); false when malformed. */
static bool
get_address(const uint8_t *v, size_t len, struct addr *out)
{
	size_t ip_len;

	if (len < 4)
		return false;
	ip_len = v[1] == 1 ? 4 : v[1] == 2 ? 16 : 0;
	if (ip_len == 0 || len != 4 + ip_len)
		return false;
	*out = addr_from_bytes(v + 4, ip_len, get16(v + 2));
	return true;
}

/* The same, hidden from NATs that rewrite addresses (RFC 8489 14.2). */
static bool
get_xor_address(const uint8_t *header, const uint8_t *v, size_t len,
    struct addr *out)
{
	uint8_t plain[20];

	if (len < 4 || len > sizeof(plain))
		return false;
	memcpy(plain, v, len);
	plain[2] ^= header[4];
	plain[3] ^= header[5];
	/* Cookie and transaction id follow each other in the header. */
	for (size_t i = 4; i < len; i++)
		plain[i] ^= header[i];
	return get_address(plain, len, out);
}

/* Defined by RFC 3489, 5389, 5780, 8445, 8489, or not to be understood. */
bool
stun_is_unknown(uint16_t type)
{
	return !(type >= 0x8000 || (type >= 0x0001 && type <= 0x000b) ||
	    type == ATTR_REALM || type == ATTR_NONCE ||
	    (type >= 0x001c && type <= 0x001e) ||
	    type == ATTR_XOR_MAPPED_ADDRESS ||
	    (type >= 0x0024 && type <= 0x0027));
}

static void
first_wins(struct span *field, const uint8_t *v, size_t len)
{
	if (field->p == NULL)
		*field = span_make(v, len);
}

/* One attribute at offset `at`; false: malformed. */
static bool
get_attribute(struct stun_msg *m, size_t at, uint16_t type, size_t len)
{
	const uint8_t *packet = (const uint8_t *)m->packet.p;
	const uint8_t *v = packet + at + 4;

	if (type == ATTR_FINGERPRINT) {
		m->fingerprint_at = at;
		return len == 4 && at + 8 == m->packet.len;
	}
	if (m->integrity_at > 0)
		return true;
	switch (type) {
	case ATTR_MESSAGE_INTEGRITY:
		m->integrity_at = at;
		return len == SHA1_LEN;
	case ATTR_XOR_MAPPED_ADDRESS:
		if (m->xored)
			return true;
		m->xored = true;
		return get_xor_address(packet, v, len, &m->mapped);
	case ATTR_MAPPED_ADDRESS:
		if (m->mapped.family != ADDR_NONE)
			return true;
		return get_address(v, len, &m->mapped);
	case ATTR_OTHER_ADDRESS:
		if (m->other.family != ADDR_NONE)
			return true;
		return get_address(v, len, &m->other);
	case ATTR_ERROR_CODE:
		if (len < 4 || (v[2] & 7) < 3 || (v[2] & 7) > 6 || v[3] > 99)
			return false;
		m->error_code = (uint16_t)((v[2] & 7) * 100 + v[3]);
		return true;
	case ATTR_USERNAME:
		first_wins(&m->username, v, len);
		return true;
	case ATTR_REALM:
		first_wins(&m->realm, v, len);
		return true;
	case ATTR_NONCE:
		first_wins(&m->nonce, v, len);
		return true;
	case ATTR_USE_CANDIDATE:
		m->use_candidate = true;
		return true;
	case ATTR_ICE_CONTROLLED:
		m->controlled = true;
		return true;
	default:
		m->n_unknown += stun_is_unknown(type);
		return true;
	}
}

int
stun_parse(struct span packet, struct stun_msg *out)
{
	const uint8_t *p = (const uint8_t *)packet.p;
	struct stun_msg m = { .packet = packet };
	uint16_t type;

	if (!stun_is(packet) || packet.len > STUN_MSG_MAX)
		return -EBADMSG;
	type = get16(p);
	m.class = (enum stun_class)((type >> 7 & 2) | (type >> 4 & 1));
	m.method = (uint16_t)((type >> 2 & 0xf80) | (type >> 1 & 0x070) |
	    (type & 0x00f));
	memcpy(m.tid, p + 8, STUN_TID_LEN);
	for (size_t at = STUN_HEADER_LEN; at < packet.len;) {
		size_t len, left = packet.len - at;

		/* left is a multiple of four, so at least four. */
		len = get16(p + at + 2);
		if (len > left - 4)
			return -EBADMSG;
		if (!get_attribute(&m, at, get16(p + at), len))
			return -EBADMSG;
		at += 4 + ((len + 3) & ~(size_t)3);
	}
	*out = m;
	return 0;
}

bool
stun_fingerprint_ok(const struct stun_msg *m)
{
	const uint8_t *p = (const uint8_t *)m->packet.p;
	uint32_t crc;

	if (m->fingerprint_at == 0)
		return false;
	crc = ~crc32_more(UINT32_MAX, p, m->fingerprint_at);
	return get32(p + m->fingerprint_at + 4) == (crc ^ FINGERPRINT_XOR);
}

static void
hash(const uint8_t pad[SHA_CBLOCK], struct span m, uint8_t out[SHA1_LEN])
{
	SHA_CTX c;

	SHA1_Init(&c);
	SHA1_Update(&c, pad, SHA_CBLOCK);
	SHA1_Update(&c, m.p, m.len);
	SHA1_Final(out, &c);
	secret_wipe(&c, sizeof(c));
}

/* RFC 2104; without a long key's hash, as none is long. */
static bool
hmac_sha1(struct span key, struct span m, uint8_t out[SHA1_LEN])
{
	uint8_t pad[SHA_CBLOCK] = { 0 };

	if (key.len > SHA_CBLOCK)
		return false;
	if (key.len > 0)
		memcpy(pad, key.p, key.len);
	for (int i = 0; i < SHA_CBLOCK; i++)
		pad[i] ^= 0x36;
	hash(pad, m, out);
	for (int i = 0; i < SHA_CBLOCK; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	hash(pad, span_make(out, SHA1_LEN), out);
	secret_wipe(pad, sizeof(pad));
	return true;
}

bool
stun_integrity_ok(const struct stun_msg *m, struct span key)
{
	const uint8_t *p = (const uint8_t *)m->packet.p;
	uint8_t signed_bytes[STUN_MSG_MAX], mac[SHA1_LEN];
	size_t len = m->integrity_at;
	size_t said;

	if (len == 0)
		return false;
	/* The length counts up to MESSAGE-INTEGRITY and no further. */
	memcpy(signed_bytes, p, len);
	said = len + 4 + SHA1_LEN - STUN_HEADER_LEN;
	signed_bytes[2] = (uint8_t)(said >> 8);
	signed_bytes[3] = (uint8_t)said;
	return hmac_sha1(key, span_make(signed_bytes, len), mac) &&
	    secret_eq(mac, p + len + 4, SHA1_LEN);
}

void
stun_put_fingerprint(struct buf *b)
{
	struct span m = buf_span(b);
	uint8_t p[8] = { ATTR_FINGERPRINT >> 8, ATTR_FINGERPRINT & 0xff, 0, 4 };

	put32(p + 4, ~crc32_more(UINT32_MAX, (const uint8_t *)m.p, m.len) ^
	    FINGERPRINT_XOR);
	buf_put(b, span_make(p, sizeof(p)));
}

void
stun_put_integrity(struct buf *b, struct span key)
{
	uint8_t p[STUN_INTEGRITY_LEN] = { 0, ATTR_MESSAGE_INTEGRITY, 0,
		SHA1_LEN };

	if (!hmac_sha1(key, buf_span(b), p + 4))
		b->err = -EMSGSIZE;
	buf_put(b, span_make(p, sizeof(p)));
}

static void
put_request(struct buf *b, const uint8_t *tid, struct span attributes)
{
	uint8_t p[STUN_HEADER_LEN] = { 0 };
	struct buf one;
	uint8_t mem[STUN_CHANGE_REQUEST_LEN];

	p[1] = 0x01;		/* Binding, request */
	p[3] = (uint8_t)(attributes.len + STUN_REQUEST_LEN - STUN_HEADER_LEN);
	put32(p + 4, STUN_COOKIE);
	memcpy(p + 8, tid, STUN_TID_LEN);
	buf_init(&one, mem, sizeof(mem));
	buf_put(&one, span_make(p, sizeof(p)));
	buf_put(&one, attributes);
	stun_put_fingerprint(&one);
	buf_put(b, buf_span(&one));
}

void
stun_put_request(struct buf *b, const uint8_t tid[STUN_TID_LEN])
{
	put_request(b, tid, SPAN_NONE);
}

void
stun_put_change_request(struct buf *b, const uint8_t tid[STUN_TID_LEN],
    unsigned change)
{
	uint8_t p[8] = { 0, ATTR_CHANGE_REQUEST, 0, 4 };

	p[7] = (uint8_t)((change & STUN_CHANGE_IP ? 4 : 0) |
	    (change & STUN_CHANGE_PORT ? 2 : 0));
	put_request(b, tid, span_make(p, sizeof(p)));
}
