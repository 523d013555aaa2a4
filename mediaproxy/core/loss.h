/*
 * Packets lost on the way to us, from gaps in RTP sequence numbers
 * (RFC 3550 A.1 and A.3, without the probation).
 *
 * Which of the last 64 numbers came is kept, so that a late packet is told
 * from one that came twice.  What comes later than that counts as lost: no
 * phone waits so long for it.
 */
#ifndef MEDIAPROXY_CORE_LOSS_H
#define MEDIAPROXY_CORE_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#define LOSS_WINDOW 64

struct loss {
	bool started;
	uint32_t ssrc;
	uint16_t highest;	/* sequence number */
	uint64_t window;	/* bit n: highest - n came */
	uint64_t expected;	/* since this source began */
	uint64_t received;	/* of those; each once */
	uint64_t before;	/* lost by sources that are over */
	uint64_t before_expected;
	uint64_t late, twice;	/* out of order; more than once */
	uint64_t run;		/* lost one after another, up to the window */
	uint64_t runs, longest;	/* those that ended */
};

void loss_input(struct loss *l, uint32_t ssrc, uint16_t seq);
/* Never negative. */
uint64_t loss_count(const struct loss *l);
uint64_t loss_expected(const struct loss *l);
/* In how many gaps, and how many packets the longest had. */
void loss_gaps(const struct loss *l, uint64_t *gaps_out,
    uint64_t *longest_out);

#endif
