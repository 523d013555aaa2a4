/* What measuring costs for each RTP packet: printed, by hand. */
#include <stdio.h>
#include <time.h>

#include "mediaproxy/core/quality.h"

#define PACKETS 20000000u

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int
main(void)
{
	struct quality q = { 0 };
	struct loss l = { 0 };
	uint64_t start = now_ns(), loss_ns, all_ns;

	for (uint32_t i = 0; i < PACKETS; i++)
		loss_input(&l, 7, (uint16_t)i);
	loss_ns = now_ns() - start;
	start = now_ns();
	for (uint32_t i = 0; i < PACKETS; i++) {
		struct rtp_header h = { 0, (uint16_t)i, 160 * i, 7 };

		quality_rtp(&q, &h, (struct mono){ 20000 * (uint64_t)i +
			i % 7 * 300 });
	}
	all_ns = now_ns() - start;
	printf("loss %.1f ns a packet, loss and jitter %.1f ns; %zu bytes a "
	       "stream (lost %llu, jitter %u us)\n",
	    (double)loss_ns / PACKETS, (double)all_ns / PACKETS, sizeof(q),
	    (unsigned long long)loss_count(&l), jitter_mean_us(&q.jitter));
	return 0;
}
