#include "mediaproxy/core/digits.h"

#include "common/codec/rtp.h"

#define EVENT_LEN 4	/* RFC 4733 2.3 */
#define END 0x80
#define MARKER 0x80	/* of the first packet of a digit */

void
digits_set(struct digits *d, const struct ipc_relay_events *m)
{
	bool on = m->rate != 0;

	if (on == d->on && m->payload_type == d->payload_type &&
	    m->rate == d->rate)
		return;
	*d = (struct digits){ .on = on, .payload_type = m->payload_type,
		.rate = m->rate };
}

/* Has it not pressed as much as it may? */
static bool
may_tell(struct digits *d, struct mono now)
{
	if (mono_before(d->full_at, now))
		d->full_at = now;
	if (d->n == DIGITS_BURST || mono_ms_between(now, d->full_at) >
	    (DIGITS_BURST - 1) * DIGITS_EVERY_MS)
		return false;
	d->full_at = mono_add_ms(d->full_at, DIGITS_EVERY_MS);
	return true;
}

static void
end(struct digits *d, struct mono now)
{
	if (!d->begun || d->told)
		return;
	d->told = true;
	if (d->last.event <= DIGIT_EVENT_MAX && may_tell(d, now))
		d->queue[d->n++] = d->last;
}

/* What follows CSRCs and the extension; NULL: too short. */
static const uint8_t *
payload_of(const uint8_t *data, size_t len)
{
	size_t at = RTP_HEADER_LEN + 4 * (data[0] & 15u);

	if (data[0] & 0x10) {
		if (at + 4 > len)
			return NULL;
		at += 4 + 4 * ((size_t)data[at + 2] << 8 | data[at + 3]);
	}
	return at + EVENT_LEN <= len ? data + at : NULL;
}

static uint16_t
duration_ms(const struct digits *d)
{
	uint32_t ms = d->before_ms + d->units * 1000u / d->rate;

	return (uint16_t)(ms < DIGIT_LEAST_MS ? DIGIT_LEAST_MS :
	    ms > DIGIT_MOST_MS ? DIGIT_MOST_MS : ms);
}

/* It begins where the one before it said it would, or is as long as can be
 * (its last packet was lost). */
static bool
is_next_segment(const struct digits *d, const struct rtp_header *h,
    const uint8_t *p)
{
	uint32_t after = h->timestamp - d->timestamp;

	return !d->told && p[0] == d->last.event &&
	    after > 0 && (after == d->units || after == UINT16_MAX);
}

static void
begin_segment(struct digits *d, uint32_t timestamp)
{
	d->before_ms += (timestamp - d->timestamp) * 1000u / d->rate;
	if (d->before_ms > DIGIT_MOST_MS)
		d->before_ms = DIGIT_MOST_MS;
	d->timestamp = timestamp;
	d->units = 0;
}

static void
begin(struct digits *d, const struct rtp_header *h)
{
	d->begun = true;
	d->told = false;
	d->ssrc = h->ssrc;
	d->timestamp = h->timestamp;
	d->units = 0;
	d->before_ms = 0;
}

static void
take(struct digits *d, const struct rtp_header *h, const uint8_t *p,
    bool is_first, struct mono now)
{
	bool same = d->begun && d->ssrc == h->ssrc;
	uint16_t units = (uint16_t)(p[2] << 8 | p[3]);

	/* A repeated end of the one before, behind the next one's begin. */
	if (same && (int32_t)(h->timestamp - d->timestamp) < 0)
		return;
	if (same && !is_first && is_next_segment(d, h, p)) {
		begin_segment(d, h->timestamp);
	} else if (!same || h->timestamp != d->timestamp) {
		end(d, now);
		begin(d, h);
	}
	d->last.event = p[0];
	if (units > d->units)
		d->units = units;
	d->last.duration_ms = duration_ms(d);
	if (p[1] & END)
		end(d, now);
}

bool
digits_take(struct digits *d, const uint8_t *data, size_t len,
    struct mono now)
{
	struct rtp_header h;
	const uint8_t *p;

	if (rtp_parse(span_make(data, len), &h) != 0)
		return false;
	if (h.payload_type != d->payload_type) {
		end(d, now);
		return false;
	}
	p = payload_of(data, len);
	if (p != NULL)
		take(d, &h, p, data[1] & MARKER, now);
	return true;
}

bool
digits_next(struct digits *d, struct digit *out)
{
	if (d->n == 0)
		return false;
	*out = d->queue[0];
	d->n--;
	for (unsigned i = 0; i < d->n; i++)
		d->queue[i] = d->queue[i + 1];
	return true;
}
