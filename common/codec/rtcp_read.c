#include <errno.h>

#include "common/codec/rtcp_read.h"

enum {
	RTCP_SR = 200,
	RTCP_RR = 201,
	RTCP_XR = 207,
	SR_FIXED = 28,
	RR_FIXED = 8,
	BLOCK_LEN = 24,
	XR_VOIP = 7,
	XR_VOIP_LEN = 36,
};

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
read_block(const uint8_t *p, struct rtcp_block *out)
{
	uint32_t lost = get32(p + 4) & 0xffffff;

	*out = (struct rtcp_block){
		.ssrc = get32(p),
		.fraction = p[4],
		.lost = lost & 0x800000 ? (int32_t)lost - 0x1000000 :
					  (int32_t)lost,
		.highest = get32(p + 8),
		.jitter = get32(p + 12),
		.lsr = get32(p + 16),
		.dlsr = get32(p + 20),
	};
}

static int
read_report(const uint8_t *p, size_t len, size_t fixed,
    struct rtcp_reading *out)
{
	unsigned count = p[0] & 31;

	if (len < fixed + BLOCK_LEN * (size_t)count)
		return -EBADMSG;
	for (unsigned i = 0; i < count && out->n_blocks < RTCP_BLOCKS_MAX; i++)
		read_block(p + fixed + BLOCK_LEN * (size_t)i,
		    &out->block[out->n_blocks++]);
	return 0;
}

static int
read_sender(const uint8_t *p, size_t len, struct rtcp_reading *out)
{
	int err = read_report(p, len, SR_FIXED, out);

	if (err)
		return err;
	out->is_sender = true;
	/* The middle of 64 bits that begin at byte 8. */
	out->ntp_middle = get32(p + 10);
	return 0;
}

static void
read_voip(const uint8_t *p, struct rtcp_reading *out)
{
	out->has_voip = true;
	out->voip = (struct rtcp_voip){
		.ssrc = get32(p + 4),
		.lost = p[8],
		.discarded = p[9],
		.round_trip_ms = get16(p + 16),
		.system_ms = get16(p + 18),
		.rating = p[24],
		.mos_lq = p[26],
		.mos_cq = p[27],
	};
}

/* What is broken inside is passed over: the relay sends it on as it is. */
static void
read_extended(const uint8_t *p, size_t len, struct rtcp_reading *out)
{
	for (size_t at = 8; at + 4 <= len;) {
		size_t one = 4 * ((size_t)get16(p + at + 2) + 1);

		if (one > len - at)
			return;
		if (p[at] == XR_VOIP && one == XR_VOIP_LEN)
			read_voip(p + at, out);
		at += one;
	}
}

static int
read_one(const uint8_t *p, size_t len, struct rtcp_reading *out)
{
	switch (p[1]) {
	case RTCP_SR:
		return read_sender(p, len, out);
	case RTCP_RR:
		return read_report(p, len, RR_FIXED, out);
	case RTCP_XR:
		read_extended(p, len, out);
		return 0;
	default:
		return 0;
	}
}

int
rtcp_read(struct span packet, struct rtcp_reading *out)
{
	const uint8_t *p = (const uint8_t *)packet.p;
	struct rtcp_reading r = { .ssrc = 0 };

	if (packet.len < 8)
		return -EBADMSG;
	r.ssrc = get32(p + 4);
	for (size_t at = 0; at < packet.len;) {
		size_t left = packet.len - at, one;

		if (left < 4)
			return -EBADMSG;
		one = 4 * ((size_t)get16(p + at + 2) + 1);
		if (p[at] >> 6 != 2 || one > left || read_one(p + at, one, &r))
			return -EBADMSG;
		at += one;
	}
	*out = r;
	return 0;
}
