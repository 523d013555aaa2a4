/*
 * What an RTCP compound packet reports: when its sender spoke (SR), how it
 * hears others (report blocks, RFC 3550 6.4), and what it thinks of the call
 * (VoIP metrics, RFC 3611 4.7).  Nothing is changed.
 */
#ifndef COMMON_CODEC_RTCP_READ_H
#define COMMON_CODEC_RTCP_READ_H

#include <stdbool.h>

#include "common/base/span.h"

#define RTCP_BLOCKS_MAX 4	/* a phone hears one or two; more are not read */
#define RTCP_VOIP_UNKNOWN 127	/* of rating and scores (RFC 3611 4.7.5) */

struct rtcp_block {
	uint32_t ssrc;		/* whom it hears */
	uint8_t fraction;	/* lost since the block before, of 256 */
	int32_t lost;		/* since it began; duplicates may make it negative */
	uint32_t highest;	/* extended sequence number */
	uint32_t jitter;	/* in units of that source's clock */
	uint32_t lsr, dlsr;	/* last SR of that source; in 1/65536 s */
};

struct rtcp_voip {
	uint32_t ssrc;		/* whom it hears */
	uint8_t lost, discarded;	/* of 256 */
	uint16_t round_trip_ms, system_ms;
	uint8_t rating;		/* R, 0 to 100 */
	uint8_t mos_lq, mos_cq;	/* times 10 */
};

struct rtcp_reading {
	uint32_t ssrc;		/* the sender */
	bool is_sender;		/* an SR stands in it */
	uint32_t ntp_middle;	/* of that: what LSR will be */
	unsigned n_blocks;
	struct rtcp_block block[RTCP_BLOCKS_MAX];
	bool has_voip;
	struct rtcp_voip voip;
};

/*
 * Takes:   packet  a compound packet, also a reduced one (RFC 5506).
 * Errors:  -EBADMSG, where rtcp_scrub() says so, too; out is then untouched.
 *          Parts that are not known are passed over.
 */
int rtcp_read(struct span packet, struct rtcp_reading *out);

#endif
