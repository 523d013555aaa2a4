#include <errno.h>

#include "sigproxy/sip/dtmf.h"

#define SIGNALS "0123456789*#ABCD"

static int
read_signal(struct span s, uint8_t *event_out)
{
	ptrdiff_t at;
	uint32_t n;

	/* Some write the event's number: 10 is the star. */
	if (s.len == 2 && span_to_u32(s, DTMF_FLASH, &n) == 0) {
		*event_out = (uint8_t)n;
		return 0;
	}
	if (span_caseeq(s, SPAN_LIT("!")) || span_caseeq(s, SPAN_LIT("hf"))) {
		*event_out = DTMF_FLASH;
		return 0;
	}
	if (s.len != 1)
		return -EBADMSG;
	at = span_find(SPAN_LIT(SIGNALS), s.p[0]);
	if (at < 0 && s.p[0] >= 'a' && s.p[0] <= 'd')
		at = s.p[0] - 'a' + 12;
	if (at < 0)
		return -EBADMSG;
	*event_out = (uint8_t)at;
	return 0;
}

static uint16_t
read_duration(struct span s)
{
	uint32_t ms;

	if (span_to_u32(s, UINT32_MAX, &ms) != 0)
		return DTMF_DEFAULT_MS;
	return (uint16_t)(ms < DTMF_LEAST_MS ? DTMF_LEAST_MS :
	    ms > DTMF_MOST_MS ? DTMF_MOST_MS : ms);
}

/* Up to the next LF or CR. */
static struct span
next_line(struct span *rest)
{
	struct span line;
	ptrdiff_t end = span_find(*rest, '\n');

	if (end < 0)
		end = span_find(*rest, '\r');
	line = end < 0 ? *rest : span_sub(*rest, 0, (size_t)end);
	*rest = end < 0 ? SPAN_NONE :
	    span_sub(*rest, (size_t)end + 1, rest->len);
	return span_trim(line);
}

/* Gives: has it a signal? */
static bool
read_lines(struct span body, struct dtmf *out)
{
	bool any = false;

	while (body.len > 0) {
		struct span line = next_line(&body), key, value;
		ptrdiff_t equal = span_find(line, '=');

		if (equal < 0)
			continue;
		key = span_trim(span_sub(line, 0, (size_t)equal));
		value = span_trim(span_sub(line, (size_t)equal + 1, line.len));
		if (span_caseeq(key, SPAN_LIT("Signal"))) {
			if (read_signal(value, &out->event) != 0)
				return false;
			any = true;
		} else if (span_caseeq(key, SPAN_LIT("Duration"))) {
			out->duration_ms = read_duration(value);
		}
	}
	return any;
}

int
dtmf_read(const struct sip_msg *info, struct dtmf *out)
{
	struct dtmf d = { .duration_ms = DTMF_DEFAULT_MS };

	if (sip_body_is(info, "application", "dtmf")) {
		if (!read_lines(info->body, &d) &&
		    read_signal(span_trim(info->body), &d.event) != 0)
			return -EBADMSG;
	} else if (!sip_body_is(info, "application", "dtmf-relay")) {
		return -ENOTSUP;
	} else if (!read_lines(info->body, &d)) {
		return -EBADMSG;
	}
	*out = d;
	return 0;
}

void
dtmf_write(struct buf *b, const struct dtmf *digit)
{
	buf_puts(b, "Signal=");
	if (digit->event < DTMF_FLASH)
		buf_putc(b, SIGNALS[digit->event]);
	else
		buf_puts(b, "hf");
	buf_puts(b, "\r\nDuration=");
	buf_put_u64(b, digit->duration_ms);
	buf_puts(b, "\r\n");
}
