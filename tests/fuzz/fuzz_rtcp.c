/*
 * RTP and RTCP from anybody: no byte outside the packet is touched, the
 * length never changes, and what was scrubbed reads the same when scrubbed
 * again, names apart.  What was scrubbed can be read as reports.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/codec/rtcp_read.h"
#include "common/codec/rtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t key[RTP_SCRUB_KEY_LEN] = "0123456789abcde";
	struct span packet = span_make(data, len);
	struct rtp_header h;
	struct rtcp_reading r;
	uint32_t ssrc, again;
	uint8_t *copy;

	if (len == 0 || len > RTP_PACKET_MAX)
		return 0;
	rtp_kind(packet);
	rtp_parse(packet, &h);
	copy = malloc(len);	/* exactly, so that one byte more is seen */
	if (copy == NULL)
		return 0;
	memcpy(copy, data, len);
	(void)rtcp_read(span_make(copy, len), &r);
	if (rtcp_scrub(copy, len, key, &ssrc) == 0 &&
	    (rtcp_scrub(copy, len, key, &again) != 0 || ssrc != again ||
		rtcp_read(span_make(copy, len), &r) != 0 || r.ssrc != ssrc))
		abort();
	free(copy);
	return 0;
}
