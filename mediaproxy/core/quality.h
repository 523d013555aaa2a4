/*
 * How one stream of one phone sounds: what came from it (RTP), what it says
 * of what it hears (RTCP), how long a packet takes to it and back.
 *
 * Each phone's clock is its own, so time is measured with ours alone: an SR
 * of the other phone passes to this one, this one's report names it and how
 * long it kept it; the rest of the time between the two is the way to this
 * phone and back (RFC 3550 6.4.1).
 *
 * Pure; docs/quality.md says what each figure means.
 */
#ifndef MEDIAPROXY_CORE_QUALITY_H
#define MEDIAPROXY_CORE_QUALITY_H

#include "common/codec/rtcp_read.h"
#include "common/ipc/msg.h"
#include "mediaproxy/core/jitter.h"
#include "mediaproxy/core/loss.h"

#define QUALITY_SRS 4		/* passed on and not answered yet */
#define QUALITY_RTT_MAX_US 10000000
/* A clock that runs a little fast may make a short way negative. */
#define QUALITY_RTT_SLACK_US 5000
/* More packets between two reports than that: another source (an hour). */
#define QUALITY_REPORT_MAX 180000
/* Told so often while the call is up; the first time sooner. */
#define QUALITY_EACH_MS 10000
#define QUALITY_FIRST_MS 5000

/* An SR that was sent to this phone. */
struct quality_sr {
	uint32_t ssrc, ntp_middle;
	struct mono at;		/* 0: none */
};

/* What its report blocks said. */
struct quality_heard {
	bool known;
	uint32_t ssrc;		/* of the block before */
	uint32_t highest;
	int32_t lost;
	uint8_t fraction;	/* of the first block */
	uint64_t sum_expected, sum_lost;
	uint64_t sum_jitter_us, n_jitter;
};

struct quality {
	struct loss loss;
	struct jitter jitter;
	struct quality_sr sr[QUALITY_SRS];
	unsigned next_sr;
	uint64_t sum_rtt_us, n_rtt;
	uint64_t far_rtt_us;	/* of the phone at the other end */
	struct quality_heard heard;
	bool has_voip;
	struct rtcp_voip voip;	/* the last one */
	struct mono told_at;	/* 0: never */
};

/* RTP that is accepted came from the phone. */
void quality_rtp(struct quality *q, const struct rtp_header *h,
    struct mono now);

/*
 * RTCP that is accepted came from the phone and goes on to another.
 *
 * Takes:   packet  checked by rtcp_scrub(), in clear.
 *          to      the stream it goes to.
 */
void quality_rtcp(struct quality *q, struct quality *to,
    struct span packet, struct mono now);

/* Is it time to tell?  Then it is taken as told.
 * Takes:   since  when the stream began. */
bool quality_is_due(struct quality *q, struct mono since, struct mono now);

/* Everything but `resumed`. */
void quality_report(const struct quality *q, struct ipc_quality *out);

#endif
