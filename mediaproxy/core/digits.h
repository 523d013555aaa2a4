/*
 * Digits that come as events of RFC 4733, for a phone that knows only INFO:
 * they are taken out of the stream and told, each once.
 *
 * A digit is told when its end comes, or when that is lost: with the first
 * packet after it that is no event, or the next event.  One that lasts longer
 * than 16 bits of its clock can say comes in segments (RFC 4733 2.5.1.3), at
 * 48 kHz after 1.4 s, and is one digit all the same.  A phone can have
 * DIGITS_BURST told at once, and one for each DIGITS_EVERY_MS after that, as
 * fast as a dialler can press; what comes faster is dropped.
 *
 * Pure.  One struct digits for each stream, of the phone that sends them.
 */
#ifndef MEDIAPROXY_CORE_DIGITS_H
#define MEDIAPROXY_CORE_DIGITS_H

#include <stddef.h>

#include "common/base/mono.h"
#include "common/ipc/msg.h"

#define DIGITS_BURST 8
#define DIGITS_EVERY_MS 80
#define DIGIT_LEAST_MS 40	/* the bounds of RELAY_DIGIT */
#define DIGIT_MOST_MS 6000
#define DIGIT_EVENT_MAX 16	/* flash; above are no keys */

struct digit {
	uint8_t event;
	uint16_t duration_ms;
};

struct digits {
	bool on;
	uint8_t payload_type;
	uint32_t rate;
	/* The event that came last. */
	bool begun, told;
	uint32_t ssrc, timestamp;
	uint16_t units;		/* of its clock, that it lasted so far */
	uint32_t before_ms;	/* in segments before this one */
	struct digit last;
	struct mono full_at;	/* of the burst; in the past: all is left */
	uint8_t n;
	struct digit queue[DIGITS_BURST];
};

/* Take events of this type out from now on; rate 0: none. */
void digits_set(struct digits *d, const struct ipc_relay_events *m);

/*
 * A packet of sound came.
 *
 * Takes:   data  one RTP packet with a right header.
 * Gives:   it is an event, and does not go on.
 */
bool digits_take(struct digits *d, const uint8_t *data, size_t len,
    struct mono now);

/* The next one to be told; false: none. */
bool digits_next(struct digits *d, struct digit *out);

#endif
