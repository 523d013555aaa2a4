#include <errno.h>

#include "sigproxy/sip/frame.h"
#include "sigproxy/sip/lex.h"

static void
consume(struct span *in, size_t n)
{
	in->p += n;
	in->len -= n;
}

/* Empty lines before a message: 7.5 says to ignore them, RFC 5626 4.4.1 that
 * two are a ping.  True: it was one. */
static bool
skip_crlf(struct frame *f, struct span *in)
{
	while (in->len > 0) {
		if (in->p[0] == '\n') {		/* alone: nobody's */
			consume(in, 1);
		} else if (in->p[0] != '\r') {
			f->crlfs = 0;
			return false;
		} else if (in->len == 1) {
			return false;
		} else if (in->p[1] != '\n') {
			consume(in, 1);
		} else {
			consume(in, 2);
			if (++f->crlfs == 2) {
				f->crlfs = 0;
				return true;
			}
		}
	}
	return false;
}

/* "SIP/" stands in the start line of every message, of no other protocol's. */
static bool
is_start_line(struct span line)
{
	for (size_t i = 0; i + 4 <= line.len; i++) {
		if (span_caseeq(span_sub(line, i, 4), SPAN_LIT("SIP/")))
			return true;
	}
	return false;
}

/*
 * Look for an empty line behind f->seen.
 *
 * Gives:   octets up to its end, or 0: it did not come yet.
 * Errors:  -EBADMSG the start line is none.
 */
static int
find_head(struct frame *f, struct span in)
{
	const char *lf;
	size_t at;

	if (!lex_is(in.p[0], LEX_TOKEN))
		return -EBADMSG;
	while ((lf = memchr(in.p + f->seen, '\n', in.len - f->seen)) != NULL) {
		at = (size_t)(lf - in.p);
		if (!f->is_sip && !is_start_line(span_sub(in, 0, at)))
			return -EBADMSG;
		f->is_sip = true;
		f->seen = at;
		if (at + 1 < in.len && in.p[at + 1] == '\n')
			return (int)(at + 2);
		if (at + 2 < in.len && in.p[at + 1] == '\r' &&
		    in.p[at + 2] == '\n')
			return (int)(at + 3);
		/* It may still become one. */
		if (at + 1 == in.len ||
		    (at + 2 == in.len && in.p[at + 1] == '\r'))
			return 0;
		f->seen = at + 1;
	}
	f->seen = in.len;
	return 0;
}

static enum frame_kind
lost(struct span head, struct span *out)
{
	*out = head;
	return FRAME_LOST;
}

/* The header is whole: what does the parser say of the end? */
static enum frame_kind
measure(struct frame *f, struct sip_msg *m, struct span in, struct span *out)
{
	size_t used = 0, head;
	uint32_t n;
	int err;

	err = sip_parse(in, SIP_STREAM, m, &used);
	if (m->body.p == NULL)		/* the start line, most likely */
		return lost(SPAN_NONE, out);
	head = (size_t)(m->body.p - in.p);
	if (m->framing_lost || head > FRAME_HEAD_MAX ||
	    m->body.len > FRAME_BODY_MAX)
		return lost(span_sub(in, 0, head), out);
	if (err != -EAGAIN) {
		f->want = used;
		return FRAME_MESSAGE;
	}
	if (span_to_u32(sip_value(m, SIP_H_CONTENT_LENGTH), FRAME_BODY_MAX,
		&n) != 0)
		return lost(span_sub(in, 0, head), out);
	f->want = head + n;
	return FRAME_MORE;
}

enum frame_kind
frame_next(struct frame *f, struct sip_msg *scratch, struct span *in,
    struct span *out)
{
	enum frame_kind kind = FRAME_MORE;
	int head;

	*out = SPAN_NONE;
	if (f->want == 0 && f->seen == 0 && skip_crlf(f, in))
		return FRAME_PING;
	if (in->len == 0 || (in->len == 1 && in->p[0] == '\r'))
		return FRAME_MORE;
	if (f->want == 0) {
		head = find_head(f, *in);
		if (head < 0)
			return lost(SPAN_NONE, out);
		if (head == 0 && in->len > FRAME_HEAD_MAX)
			return lost(span_sub(*in, 0, FRAME_HEAD_MAX), out);
		if (head > 0)
			kind = measure(f, scratch, *in, out);
		if (kind == FRAME_LOST)
			return kind;
	}
	if (f->want == 0 || in->len < f->want)
		return FRAME_MORE;
	*out = span_sub(*in, 0, f->want);
	consume(in, f->want);
	*f = (struct frame){ .seen = 0 };
	return FRAME_MESSAGE;
}
