#include <errno.h>

#include "mediaproxy/core/tone.h"

#define VOLUME 10	/* -10 dBm0, what phones send */
#define MARKER 0x80
#define END 0x80

int
tones_add(struct tones *t, const struct ipc_relay_tone *m, struct mono now)
{
	uint32_t most_ms = (uint32_t)(UINT16_MAX * 1000ull / m->rate);

	if (t->n == TONES_MAX)
		return -ENOSPC;
	t->queue[(t->head + t->n++) % TONES_MAX] = (struct tone){
		.event = m->event,
		.payload_type = m->payload_type,
		.duration_ms = (uint16_t)(m->duration_ms < most_ms ?
			m->duration_ms : most_ms),
		.rate = m->rate,
		.asked_at = now,
	};
	return 0;
}

static void
drop(struct tones *t)
{
	t->head = (uint8_t)((t->head + 1) % TONES_MAX);
	t->n--;
	t->begun = false;
	t->ends_left = 0;
}

static void
put_u16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t
get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

/* Sequence and SSRC stay as they are; without CSRCs, extension, padding. */
static void
write_event(const struct tones *t, const struct tone *tone, uint8_t *data,
    bool first, uint64_t lasted_ms)
{
	data[0] = 0x80;
	data[1] = (uint8_t)((first ? MARKER : 0) | tone->payload_type);
	put_u16(data + 4, t->timestamp >> 16);
	put_u16(data + 6, t->timestamp);
	data[12] = tone->event;
	data[13] = (uint8_t)((t->ends_left > 0 ? END : 0) | VOLUME);
	put_u16(data + 14, (uint32_t)(lasted_ms * tone->rate / 1000));
}

/* It waited, and nothing passed. */
static bool
is_late(const struct tones *t, const struct tone *tone, struct mono now)
{
	struct mono since = mono_before(tone->asked_at, t->heard_at) ?
	    t->heard_at : tone->asked_at;

	return !t->begun && mono_ms_between(since, now) > TONE_PATIENCE_MS;
}

/* The digit that is due now, or NULL. */
static struct tone *
due(struct tones *t, struct mono now)
{
	while (t->n > 0 && is_late(t, &t->queue[t->head], now))
		drop(t);
	t->heard_at = now;
	if (t->n == 0 || (!t->begun && !mono_due(t->quiet_until, now)))
		return NULL;
	return &t->queue[t->head];
}

size_t
tones_ride(struct tones *t, uint8_t *data, size_t len, struct mono now)
{
	struct tone *tone = due(t, now);
	bool first = tone != NULL && !t->begun;
	uint64_t lasted_ms;

	if (tone == NULL || len < TONE_PACKET_LEN)
		return len;
	if (first) {
		t->begun = true;
		t->begun_at = now;
		t->timestamp = get_u32(data + 4);
	}
	/* Each packet tells of the 20 ms to come, as phones do. */
	lasted_ms = mono_ms_between(t->begun_at, now) + 20;
	if (t->ends_left == 0 && lasted_ms >= tone->duration_ms)
		t->ends_left = TONE_ENDS;
	if (t->ends_left > 0)
		lasted_ms = tone->duration_ms;
	write_event(t, tone, data, first, lasted_ms);
	if (t->ends_left > 0 && --t->ends_left == 0) {
		t->quiet_until = mono_add_ms(now, TONE_PAUSE_MS);
		drop(t);
	}
	return TONE_PACKET_LEN;
}
