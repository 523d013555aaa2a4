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

/* "8 PCMA/8000" of this format: the name; else none. */
static struct span
mapped_name(struct span content, struct span fmt)
{
	struct span word;
	ptrdiff_t slash;

	if (!next_word(&content, &word) || !span_eq(word, fmt) ||
	    !next_word(&content, &word))
		return SPAN_NONE;
	slash = span_find(word, '/');
	return slash < 0 ? word : span_sub(word, 0, (size_t)slash);
}

static struct span
name_of(const struct sdp_media *m, struct span fmt)
{
	struct span rest = m->lines, content, name;
	struct sdp_line line;

	while (sdp_line_next(&rest, &line) == 0 && line.type != 'm') {
		if (line.type != 'a' ||
		    !sdp_attribute(line.value, "rtpmap", &content))
			continue;
		name = mapped_name(content, fmt);
		if (name.len > 0)
			return name;
	}
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (span_eq(fmt, span_str(fixed[i].fmt)))
			return span_str(fixed[i].name);
	return SPAN_NONE;
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
