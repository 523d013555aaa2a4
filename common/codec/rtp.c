#include <errno.h>
#include <sodium.h>

#include "common/codec/rtp.h"

enum rtcp_type {
	RTCP_SR = 200,
	RTCP_RR = 201,
	RTCP_SDES = 202,
	RTCP_BYE = 203,
	RTCP_APP = 204,
};

enum {
	RTCP_APP_DATA = 12,	/* header, SSRC, name (RFC 3550 6.7) */
};

enum sdes_item {
	SDES_END = 0,
	SDES_CNAME = 1,
};

_Static_assert(RTP_SCRUB_KEY_LEN == crypto_shorthash_KEYBYTES,
    "the key is a SipHash key");

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

enum rtp_kind
rtp_kind(struct span packet)
{
	const uint8_t *p = (const uint8_t *)packet.p;

	if (packet.len < 8)
		return RTP_KIND_OTHER;
	if (p[0] <= 3)
		return RTP_KIND_STUN;
	if (p[0] < 128 || p[0] > 191)
		return RTP_KIND_OTHER;
	/* RFC 5761 4: payload types 64 to 95 are kept free for this. */
	if (p[1] >= 192 && p[1] <= 223)
		return RTP_KIND_RTCP;
	return packet.len < RTP_HEADER_LEN ? RTP_KIND_OTHER : RTP_KIND_RTP;
}

int
rtp_parse(struct span packet, struct rtp_header *out)
{
	const uint8_t *p = (const uint8_t *)packet.p;
	size_t need;

	if (packet.len < RTP_HEADER_LEN || p[0] >> 6 != 2)
		return -EBADMSG;
	need = RTP_HEADER_LEN + 4 * (size_t)(p[0] & 15);
	if (p[0] & 0x10) {
		if (packet.len < need + 4)
			return -EBADMSG;
		need += 4 + 4 * (size_t)get16(p + need + 2);
	}
	if (p[0] & 0x20) {
		size_t padding = p[packet.len - 1];

		if (padding == 0)
			return -EBADMSG;
		need += padding;
	}
	if (packet.len < need)
		return -EBADMSG;
	out->payload_type = p[1] & 0x7f;
	out->seq = get16(p + 2);
	out->timestamp = get32(p + 4);
	out->ssrc = get32(p + 8);
	return 0;
}

/* The same name gives the same digits as long as the key lives. */
static void
mask_name(uint8_t *text, size_t len, const uint8_t *key)
{
	static const char digit[] = "0123456789abcdef";
	uint8_t hash[crypto_shorthash_BYTES];

	crypto_shorthash(hash, text, len, key);
	for (size_t i = 0; i < len; i++) {
		if (i > 0 && i % (2 * sizeof(hash)) == 0)
			crypto_shorthash(hash, hash, sizeof(hash), key);
		text[i] = (uint8_t)digit[hash[i / 2 % sizeof(hash)] >>
		    (i % 2 == 0 ? 4 : 0) & 15];
	}
}

/* One SDES chunk (RFC 3550 6.5); gives its length, or 0 when malformed. */
static size_t
scrub_chunk(uint8_t *chunk, size_t len, const uint8_t *key)
{
	size_t at = 4, end;

	while (at < len && chunk[at] != SDES_END) {
		size_t text_len;

		if (len - at < 2)
			return 0;
		text_len = chunk[at + 1];
		if (text_len > len - at - 2)
			return 0;
		if (chunk[at] == SDES_CNAME)
			mask_name(chunk + at + 2, text_len, key);
		else
			memset(chunk + at + 2, ' ', text_len);
		at += 2 + text_len;
	}
	/* At least one zero octet, then up to a multiple of four. */
	end = (at + 4) & ~(size_t)3;
	if (end > len)
		return 0;
	memset(chunk + at, 0, end - at);
	return end;
}

static int
scrub_sdes(uint8_t *body, size_t len, unsigned n_chunks, const uint8_t *key)
{
	while (n_chunks-- > 0) {
		size_t used = len < 8 ? 0 : scrub_chunk(body, len, key);

		if (used == 0)
			return -EBADMSG;
		body += used;
		len -= used;
	}
	memset(body, 0, len);
	return 0;
}

static int
scrub_bye(uint8_t *body, size_t len, unsigned n_sources)
{
	size_t at = 4 * (size_t)n_sources, reason_len;

	if (len < at)
		return -EBADMSG;
	if (len == at)
		return 0;
	reason_len = body[at++];
	if (reason_len > len - at)
		return -EBADMSG;
	memset(body + at, ' ', reason_len);
	memset(body + at + reason_len, 0, len - at - reason_len);
	return 0;
}

/* SSRC and name stay, and so the packet's meaning to whoever counts them. */
static int
scrub_app(uint8_t *p, size_t len)
{
	if (len < RTCP_APP_DATA)
		return -EBADMSG;
	memset(p + RTCP_APP_DATA, 0, len - RTCP_APP_DATA);
	return 0;
}

/* Bytes of the report blocks that RC announces must be there. */
static int
check_report(size_t len, size_t fixed, unsigned n_blocks)
{
	return len < fixed + 24 * (size_t)n_blocks ? -EBADMSG : 0;
}

static int
scrub_one(uint8_t *p, size_t len, const uint8_t *key)
{
	unsigned count = p[0] & 31;

	switch (p[1]) {
	case RTCP_SR:
		return check_report(len, 28, count);
	case RTCP_RR:
		return check_report(len, 8, count);
	case RTCP_SDES:
		return scrub_sdes(p + 4, len - 4, count, key);
	case RTCP_BYE:
		return scrub_bye(p + 4, len - 4, count);
	case RTCP_APP:
		return scrub_app(p, len);
	default:
		return 0;
	}
}

/* Lists of no source at all say nothing about the sender. */
static bool
begins_with_ssrc(const uint8_t *p)
{
	return (p[0] & 31) > 0 || (p[1] != RTCP_SDES && p[1] != RTCP_BYE);
}

int
rtcp_scrub(uint8_t *packet, size_t len, const uint8_t key[RTP_SCRUB_KEY_LEN],
    uint32_t *ssrc_out)
{
	uint32_t ssrc;

	if (len < 8 || len % 4 != 0 || !begins_with_ssrc(packet))
		return -EBADMSG;
	ssrc = get32(packet + 4);
	for (size_t at = 0; at < len;) {
		uint8_t *p = packet + at;
		size_t one, unpadded;
		int err;

		/* len and every step are multiples of four: 4 bytes are left */
		one = 4 * ((size_t)get16(p + 2) + 1);
		if (p[0] >> 6 != 2 || p[1] < 192 || p[1] > 223 ||
		    one > len - at)
			return -EBADMSG;
		unpadded = one;
		if (p[0] & 0x20) {	/* only the last may be padded */
			uint8_t padding = p[one - 1];

			if (at + one != len || padding == 0 ||
			    padding % 4 != 0 || padding > one - 4)
				return -EBADMSG;
			unpadded -= padding;
			memset(p + unpadded, 0, padding - 1u);
		}
		if (at == 0 && unpadded < 8)	/* no SSRC of its own */
			return -EBADMSG;
		err = scrub_one(p, unpadded, key);
		if (err)
			return err;
		at += one;
	}
	*ssrc_out = ssrc;
	return 0;
}

static void
put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

void
rtp_put_keepalive(struct buf *b, uint16_t seq, uint32_t ssrc)
{
	uint8_t p[RTP_HEADER_LEN] = { 0x80, RTP_KEEPALIVE_PT };

	p[2] = (uint8_t)(seq >> 8);
	p[3] = (uint8_t)seq;
	put32(p + 8, ssrc);
	buf_put(b, span_make(p, sizeof(p)));
}

void
rtcp_put_keepalive(struct buf *b, uint32_t ssrc)
{
	uint8_t p[RTCP_KEEPALIVE_LEN] = {
		0x80, RTCP_RR, 0, 1, 0, 0, 0, 0,
		0x81, RTCP_SDES, 0, 4, 0, 0, 0, 0, SDES_CNAME, 8,
	};
	struct buf name;

	put32(p + 4, ssrc);
	put32(p + 12, ssrc);
	buf_init(&name, p + 18, 8);
	/* Not the SSRC itself, and equal for equal ones. */
	ssrc = ssrc * 2654435761u ^ 0x5bd1e995u;
	buf_put_hex(&name, &ssrc, sizeof(ssrc));
	buf_put(b, span_make(p, sizeof(p)));
}
