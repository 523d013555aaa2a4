#include "mediaproxy/core/jitter.h"

enum {
	FIRST_DYNAMIC = 35,	/* RFC 3551 3: what is not static from there */
	VIDEO_HZ = 90000,
};

static uint32_t
static_hz(uint8_t payload_type)
{
	static const uint32_t hz[FIRST_DYNAMIC] = {
		[0] = 8000, [3] = 8000, [4] = 8000, [5] = 8000, [6] = 16000,
		[7] = 8000, [8] = 8000, [9] = 8000, [10] = 44100,
		[11] = 44100, [12] = 8000, [13] = 8000, [14] = VIDEO_HZ,
		[15] = 8000, [16] = 11025, [17] = 22050, [18] = 8000,
		[25] = VIDEO_HZ, [26] = VIDEO_HZ, [28] = VIDEO_HZ,
		[31] = VIDEO_HZ, [32] = VIDEO_HZ, [33] = VIDEO_HZ,
		[34] = VIDEO_HZ,
	};

	return payload_type < FIRST_DYNAMIC ? hz[payload_type] : 0;
}

static uint32_t
clock_of(const struct jitter *j, uint8_t payload_type)
{
	if (payload_type < FIRST_DYNAMIC)
		return static_hz(payload_type);
	return payload_type == j->dynamic ? j->dynamic_hz : 0;
}

/* ---- the clock of a dynamic type ---- */

/* The rate in use next to this one, within an eighth; 0: none is. */
static uint32_t
nearest(uint64_t hz)
{
	static const uint32_t rates[] = { 8000, 12000, 16000, 24000, 32000,
		48000, VIDEO_HZ };

	for (unsigned i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		uint64_t off = hz > rates[i] ? hz - rates[i] : rates[i] - hz;

		if (off <= rates[i] / 8)
			return rates[i];
	}
	return 0;
}

static void
begin_guess(struct jitter *j, const struct rtp_header *h, uint64_t now_us)
{
	j->dynamic = h->payload_type;
	j->dynamic_hz = 0;
	j->guess_timestamp = h->timestamp;
	j->guess_us = now_us;
}

static void
guess(struct jitter *j, const struct rtp_header *h, uint64_t now_us)
{
	uint64_t took_us = now_us - j->guess_us;
	uint32_t ticks = h->timestamp - j->guess_timestamp;

	if (j->dynamic_hz != 0 && h->payload_type == j->dynamic) {
		j->guess_us = now_us;
		return;
	}
	/* Another one waits: this one may be no sound, or the other an
	 * event amid sound. */
	if (j->dynamic == 0 || took_us >= 2 * (uint64_t)JITTER_GUESS_US) {
		begin_guess(j, h, now_us);
		return;
	}
	if (h->payload_type != j->dynamic || took_us < JITTER_GUESS_US)
		return;
	j->dynamic_hz = nearest((uint64_t)ticks * 1000000 / took_us);
	if (j->dynamic_hz == 0)
		j->dynamic = 0;
}

/* ---- the estimate ---- */

/* |D| of RFC 3550 6.4.1; false: there is nothing to compare. */
static bool
difference(const struct jitter *j, const struct rtp_header *h, uint32_t hz,
    uint64_t now_us, uint32_t *out)
{
	int32_t ticks = (int32_t)(h->timestamp - j->timestamp);
	int64_t d;

	if (!j->started || h->ssrc != j->ssrc ||
	    h->payload_type != j->payload_type || ticks == 0 || hz == 0)
		return false;
	d = (int64_t)(now_us - j->arrived_us) -
	    (int64_t)ticks * 1000000 / (int64_t)hz;
	if (d < 0)
		d = -d;
	if (d > JITTER_STEP_MAX_US)
		return false;
	*out = (uint32_t)d;
	return true;
}

static void
estimate(struct jitter *j, uint32_t d)
{
	uint32_t us;

	j->now_q4 = j->now_q4 + d - ((j->now_q4 + 8) >> 4);
	us = j->now_q4 >> 4;
	if (us > j->max_us)
		j->max_us = us;
	j->sum_us += us;
	j->n++;
}

void
jitter_input(struct jitter *j, const struct rtp_header *h, struct mono now)
{
	uint32_t d;

	if (h->ssrc != j->ssrc)
		j->dynamic = 0;
	if (h->payload_type >= FIRST_DYNAMIC)
		guess(j, h, now.us);
	if (difference(j, h, clock_of(j, h->payload_type), now.us, &d))
		estimate(j, d);
	j->started = true;
	j->payload_type = h->payload_type;
	j->ssrc = h->ssrc;
	j->timestamp = h->timestamp;
	j->arrived_us = now.us;
}

bool
jitter_is_known(const struct jitter *j)
{
	return j->n > 0;
}

uint32_t
jitter_mean_us(const struct jitter *j)
{
	return j->n == 0 ? 0 : (uint32_t)(j->sum_us / j->n);
}

uint32_t
jitter_clock_hz(const struct jitter *j)
{
	return j->started ? clock_of(j, j->payload_type) : 0;
}
