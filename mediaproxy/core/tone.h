/*
 * Digits as events of RFC 4733, put into a stream of sound that has none.
 *
 * A phone that sends its digits by INFO speaks to one that hears events: each
 * packet of its sound that passes while a digit lasts becomes one packet of
 * the event, with the same SSRC and sequence number and the time at which the
 * digit began.  So the receiver sees one unbroken stream, nothing after the
 * digit needs to be shifted, and packets that no sound carries are none.  The
 * last one is sent three times (2.5.1.4), and sound passes between digits.
 *
 * Pure.  One struct tones for each stream, of the phone that hears it.
 */
#ifndef MEDIAPROXY_CORE_TONE_H
#define MEDIAPROXY_CORE_TONE_H

#include <stddef.h>

#include "common/base/mono.h"
#include "common/ipc/msg.h"

#define TONES_MAX 16		/* waiting digits; more are dropped */
#define TONE_ENDS 3		/* packets that say it is over */
#define TONE_PAUSE_MS 60	/* of sound between two digits */
#define TONE_PATIENCE_MS 3000	/* so long a digit waits for sound */
#define TONE_PACKET_LEN 16

struct tone {
	uint8_t event, payload_type;
	uint16_t duration_ms;
	uint32_t rate;
	struct mono asked_at;
};

struct tones {
	uint8_t head, n;
	uint8_t ends_left;	/* 0: it lasts, if begun */
	bool begun;
	uint32_t timestamp;	/* of the one that was begun */
	struct mono begun_at;
	struct mono quiet_until;	/* the pause before the next one */
	struct mono heard_at;	/* the last packet, while digits wait */
	struct tone queue[TONES_MAX];
};

/* Add a digit.  Errors: -ENOSPC: too many wait. */
int tones_add(struct tones *t, const struct ipc_relay_tone *m,
    struct mono now);

/*
 * A packet of sound is about to leave.
 *
 * Takes:   data  one RTP packet with a right header, changed in place if a
 *                digit takes its place.
 * Gives:   the packet's length: len, or TONE_PACKET_LEN.
 */
size_t tones_ride(struct tones *t, uint8_t *data, size_t len,
    struct mono now);

static inline bool
tones_wait(const struct tones *t)
{
	return t->n > 0;
}

#endif
