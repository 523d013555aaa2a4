#include <errno.h>

#include "common/base/buf.h"
#include "sigproxy/core/codecs.h"
#include "sigproxy/sip/sdp_line.h"

/* Payload types that need no a=rtpmap (RFC 3551 6). */
static const struct {
	const char *fmt, *name;
} fixed[] = {
	{ "0", "PCMU" }, { "3", "GSM" }, { "4", "G723" }, { "8", "PCMA" },
	{ "9", "G722" }, { "13", "CN" }, { "15", "G728" }, { "18", "G729" },
};
#define FIXED_CLOCK 8000	/* of all of these */

struct codec {
	struct span name; /* empty: not known */
	uint32_t clock;   /* 0: the same */
};

/* The next word, up to a blank or comma; false at the end. */
static bool
next_word(struct span *rest, struct span *out)
{
	size_t from = 0, to;

	while (from < rest->len && (rest->p[from] == ' ' ||
		rest->p[from] == ','))
		from++;
	for (to = from; to < rest->len && rest->p[to] != ' ' &&
	    rest->p[to] != ','; to++)
		;
	*out = span_sub(*rest, from, to - from);
	*rest = span_sub(*rest, to, rest->len);
	return out->len > 0;
}

/* What stands before the next slash; rest is what stands behind it. */
static struct span
before_slash(struct span *rest)
{
	ptrdiff_t slash = span_find(*rest, '/');
	size_t len = slash < 0 ? rest->len : (size_t)slash;
	struct span before = span_sub(*rest, 0, len);

	*rest = span_sub(*rest, slash < 0 ? len : len + 1, rest->len);
	return before;
}

/* "96 opus/48000/2" of this format; else none. */
static struct codec
mapped(struct span content, struct span fmt)
{
	struct codec c = { SPAN_NONE, 0 };
	struct span word;

	if (!next_word(&content, &word) || !span_eq(word, fmt) ||
	    !next_word(&content, &word))
		return c;
	c.name = before_slash(&word);
	if (span_to_u32(before_slash(&word), UINT32_MAX, &c.clock) != 0)
		c.clock = 0;
	return c;
}

static struct codec
codec_of(const struct sdp_media *m, struct span fmt)
{
	struct span rest = m->lines, content;
	struct sdp_line line;
	struct codec c;

	while (sdp_line_next(&rest, &line) == 0 && line.type != 'm') {
		if (line.type != 'a' ||
		    !sdp_attribute(line.value, "rtpmap", &content))
			continue;
		c = mapped(content, fmt);
		if (c.name.len > 0)
			return c;
	}
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (span_eq(fmt, span_str(fixed[i].fmt)))
			return (struct codec){ span_str(fixed[i].name),
				FIXED_CLOCK };
	return (struct codec){ SPAN_NONE, 0 };
}

static struct span
name_of(const struct sdp_media *m, struct span fmt)
{
	return codec_of(m, fmt).name;
}

static bool
is_beside(struct span name)
{
	return span_caseeq(name, SPAN_LIT("telephone-event")) ||
	    span_caseeq(name, SPAN_LIT("CN"));
}

/* Once: a list, or a line, may name it twice. */
static void
put_fmt(struct buf *b, struct span fmt)
{
	struct span rest = buf_span(b), word;

	while (next_word(&rest, &word))
		if (span_eq(word, fmt))
			return;
	if (b->len > 0)
		buf_putc(b, ' ');
	buf_put(b, fmt);
}

/* All formats of this name. */
static void
put_named(struct buf *b, const struct sdp_media *m, struct span fmts,
    struct span name)
{
	struct span fmt;

	while (next_word(&fmts, &fmt))
		if (span_caseeq(name_of(m, fmt), name))
			put_fmt(b, fmt);
}

static void
put_beside(struct buf *b, const struct sdp_media *m, struct span fmts)
{
	struct span fmt;

	while (next_word(&fmts, &fmt))
		if (is_beside(name_of(m, fmt)))
			put_fmt(b, fmt);
}

int
codecs_filter(const struct sdp_media *m, struct span list, struct span fmts,
    char *mem, struct span *out)
{
	struct span name;
	struct buf b;

	if (list.len == 0) {
		*out = fmts;
		return 0;
	}
	buf_init(&b, mem, CODECS_FMTS_MAX);
	while (next_word(&list, &name))
		if (!is_beside(name))
			put_named(&b, m, fmts, name);
	if (b.len == 0)
		return -EPROTONOSUPPORT;
	put_beside(&b, m, fmts);
	if (buf_err(&b))
		return -EMSGSIZE;
	*out = buf_span(&b);
	return 0;
}

static bool
is_listed(struct span list, struct span name)
{
	struct span word;

	while (name.len > 0 && next_word(&list, &word))
		if (span_caseeq(word, name))
			return true;
	return false;
}

int
codecs_reduce(const struct sdp_media *m, struct span list, struct span fmts,
    char *mem, struct span *out)
{
	struct span fmt, name;
	bool any = false;
	struct buf b;

	if (list.len == 0) {
		*out = fmts;
		return 0;
	}
	buf_init(&b, mem, CODECS_FMTS_MAX);
	while (next_word(&fmts, &fmt)) {
		name = name_of(m, fmt);
		if (!is_beside(name) && !is_listed(list, name))
			continue;
		any = any || !is_beside(name);
		put_fmt(&b, fmt);
	}
	if (!any)
		return -EPROTONOSUPPORT;
	if (buf_err(&b))
		return -EMSGSIZE;
	*out = buf_span(&b);
	return 0;
}

struct span
codecs_without_events(const struct sdp_media *m, struct span fmts, char *mem)
{
	struct span fmt;
	struct buf b;

	buf_init(&b, mem, CODECS_FMTS_MAX);
	while (next_word(&fmts, &fmt))
		if (!span_caseeq(name_of(m, fmt), SPAN_LIT("telephone-event")))
			put_fmt(&b, fmt);
	return buf_err(&b) ? SPAN_NONE : buf_span(&b);
}

uint32_t
codecs_clock(const struct sdp_media *m, struct span *fmts)
{
	struct span fmt;
	struct codec c;

	while (next_word(fmts, &fmt)) {
		c = codec_of(m, fmt);
		if (!is_beside(c.name))
			return c.clock;
	}
	return 0;
}

bool
codecs_has(struct span fmts, unsigned payload_type)
{
	struct span fmt;
	uint32_t n;

	while (next_word(&fmts, &fmt))
		if (span_to_u32(fmt, UINT8_MAX, &n) == 0 && n == payload_type)
			return true;
	return false;
}

uint32_t
codecs_picture_kbps(uint32_t max_kbps)
{
	if (max_kbps == 0)
		return UINT32_MAX;
	return max_kbps < CODECS_SOUND_KBPS + CODECS_PICTURE_KBPS ? 0 :
	    max_kbps - CODECS_SOUND_KBPS;
}
