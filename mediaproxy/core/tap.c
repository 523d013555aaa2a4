#include "common/codec/rtp.h"
#include "mediaproxy/core/tap.h"

#define RTCP_HEAD_LEN 4

static size_t
rtp_len(const uint8_t *p)
{
	bool extension = (p[0] & 0x10) != 0;

	return RTP_HEADER_LEN + 4u * (p[0] & 0x0f) + (extension ? 4u : 0u);
}

static size_t
rtcp_len(const uint8_t *p)
{
	return 4u * ((size_t)p[2] << 8 | p[3]) + 4u;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t
tap_head(struct span packet)
{
	const uint8_t *p = (const uint8_t *)packet.p;
	size_t len = 0;

	switch (rtp_kind(packet)) {
	case RTP_KIND_RTP:
		if (packet.len >= RTP_HEADER_LEN)
			len = rtp_len(p);
		break;
	case RTP_KIND_RTCP:
		if (packet.len >= RTCP_HEAD_LEN)
			len = rtcp_len(p);
		break;
	default:
		break;
	}
	return least(least(len, packet.len), IPC_TRACE_HEAD_MAX);
}
