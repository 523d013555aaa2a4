/*
 * Packets lost on the way to us, from gaps in RTP sequence numbers
 * (RFC 3550 A.1 and A.3, without the probation).
 */
#ifndef MEDIAPROXY_CORE_LOSS_H
#define MEDIAPROXY_CORE_LOSS_H

#include <stdbool.h>
#include <stdint.h>

struct loss {
	bool started;
	uint32_t ssrc;
	uint16_t highest;	/* sequence number */
	uint64_t expected;	/* since this source began */
	uint64_t received;
	uint64_t before;	/* lost by sources that are over */
};

void loss_input(struct loss *l, uint32_t ssrc, uint16_t seq);
/* Duplicates count as received: never negative. */
uint64_t loss_count(const struct loss *l);

#endif
