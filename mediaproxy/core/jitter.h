/*
 * Interarrival jitter of RTP (RFC 3550 6.4.1 and A.8), in microseconds.
 *
 * The clock rate of static payload types is in a table (RFC 3551 6); that of
 * a dynamic one is taken from the packets themselves: a second of them tells
 * 8000 from 48000.  Measured is only from one packet to the next of the same
 * type with another timestamp: events (RFC 4733) and comfort noise neither
 * count nor disturb.
 */
#ifndef MEDIAPROXY_CORE_JITTER_H
#define MEDIAPROXY_CORE_JITTER_H

#include <stdbool.h>

#include "common/base/mono.h"
#include "common/codec/rtp.h"

/* A step that large is no jitter: the sender's timestamps began anew. */
#define JITTER_STEP_MAX_US 2000000
/* Time that a guess of the clock rate looks at. */
#define JITTER_GUESS_US 1000000

struct jitter {
	bool started;
	uint8_t payload_type;	/* of the last packet */
	uint32_t ssrc, timestamp;
	uint64_t arrived_us;
	uint32_t now_q4;	/* 16 times the estimate */
	uint32_t max_us;
	uint64_t sum_us, n;	/* of estimates, one for each packet */
	/* The dynamic type in use and its clock. */
	uint8_t dynamic;	/* 0: none yet */
	uint32_t dynamic_hz;	/* 0: not known yet */
	uint32_t guess_timestamp;
	uint64_t guess_us;	/* when it began; once known: last heard */
};

void jitter_input(struct jitter *j, const struct rtp_header *h,
    struct mono now);
/* Was anything measured? */
bool jitter_is_known(const struct jitter *j);
/* The mean of the estimates. */
uint32_t jitter_mean_us(const struct jitter *j);
/* Clock of what came last; 0: not known. */
uint32_t jitter_clock_hz(const struct jitter *j);

#endif
