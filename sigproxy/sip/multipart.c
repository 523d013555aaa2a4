#include <errno.h>

#include "sigproxy/sip/build.h"
#include "sigproxy/sip/lex.h"
#include "sigproxy/sip/multipart.h"

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

/* bchars (RFC 2046 5.1.1); the last one is no space. */
static bool
is_boundary(struct span s)
{
	static const char marks[] = "'()+_,-./:=? ";

	if (s.len == 0 || s.len > MULTIPART_BOUNDARY_MAX ||
	    s.p[s.len - 1] == ' ')
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!is_alnum(s.p[i]) &&
		    (s.p[i] == '\0' || strchr(marks, s.p[i]) == NULL))
			return false;
	return true;
}

static int
read_type(struct span value, struct sip_multipart *m)
{
	struct sip_media_type t;
	struct sip_param p;

	if (sip_media_type_parse(value, &t) != 0 ||
	    !span_caseeq(t.type, SPAN_LIT("multipart")))
		return -ENOTSUP;
	m->subtype = t.subtype;
	if (sip_param_find(t.params, "boundary", &p) != 0 ||
	    !is_boundary(p.value))
		return -EBADMSG;
	m->boundary = p.value;
	return 0;
}

/* ---- delimiters ---- */

/* The line that begins at from, without its end; next: behind that. */
static struct span
line_at(struct span body, size_t from, size_t *next)
{
	size_t end = from;

	while (end < body.len && body.p[end] != '\n')
		end++;
	*next = end < body.len ? end + 1 : end;
	if (end > from && end < body.len && body.p[end - 1] == '\r')
		end--;
	return span_make(body.p + from, end - from);
}

enum delimiter { NO_DELIMITER, NEXT_PART, LAST_PART };

static enum delimiter
delimiter_of(const struct sip_multipart *m, struct span line)
{
	size_t n = m->boundary.len + 2;
	struct span rest;
	bool last;

	if (line.len < n || line.p[0] != '-' || line.p[1] != '-' ||
	    !span_eq(span_sub(line, 2, m->boundary.len), m->boundary))
		return NO_DELIMITER;
	rest = span_sub(line, n, line.len);
	last = rest.len >= 2 && rest.p[0] == '-' && rest.p[1] == '-';
	if (last)
		rest = span_sub(rest, 2, rest.len);
	/* Transport padding. */
	for (size_t i = 0; i < rest.len; i++)
		if (rest.p[i] != ' ' && rest.p[i] != '\t')
			return NO_DELIMITER;
	return last ? LAST_PART : NEXT_PART;
}

/* From *at on to the next delimiter; *at moves behind it.  The line end in
 * front of a delimiter belongs to it. */
static enum delimiter
next_delimiter(const struct sip_multipart *m, struct span body, size_t *at,
    struct span *before)
{
	size_t from = *at, pos = *at, next;

	while (pos < body.len) {
		struct span line = line_at(body, pos, &next);
		enum delimiter d = delimiter_of(m, line);

		if (d != NO_DELIMITER) {
			if (pos > from && body.p[pos - 1] == '\n')
				pos--;
			if (pos > from && body.p[pos - 1] == '\r')
				pos--;
			*before = span_make(body.p + from, pos - from);
			*at = next;
			return d;
		}
		pos = next;
	}
	return NO_DELIMITER;
}

/* ---- a part ---- */

static struct span *
place_of(struct sip_part *p, struct span name)
{
	if (span_caseeq(name, SPAN_LIT("Content-Type")))
		return &p->type;
	if (span_caseeq(name, SPAN_LIT("Content-Disposition")))
		return &p->disposition;
	if (span_caseeq(name, SPAN_LIT("Content-Transfer-Encoding")))
		return &p->encoding;
	if (span_caseeq(name, SPAN_LIT("Content-ID")))
		return &p->id;
	return NULL;
}

static int
read_header(struct sip_part *p, struct span line)
{
	ptrdiff_t colon = span_find(line, ':');
	struct span *place, name, value;

	if (colon <= 0 || line.p[0] == ' ' || line.p[0] == '\t')
		return -EBADMSG;
	name = span_trim(span_sub(line, 0, (size_t)colon));
	value = span_trim(span_sub(line, (size_t)colon + 1, line.len));
	if (!sip_is_token(name))
		return -EBADMSG;
	place = place_of(p, name);
	if (place == NULL) {
		p->has_other = true;
		return 0;
	}
	if (place->len > 0 || value.len == 0)
		return -EBADMSG;
	*place = value;
	return 0;
}

/* Headers, an empty line, the body; a part may begin with the empty line. */
static int
read_part(struct span bytes, struct sip_part *p)
{
	size_t at = 0, next = 0;

	*p = (struct sip_part){ 0 };
	for (unsigned n = 0; n <= MULTIPART_HDRS_MAX; n++) {
		struct span line = line_at(bytes, at, &next);
		int err;

		if (line.len == 0) {
			p->body = span_sub(bytes, next, bytes.len);
			return 0;
		}
		/* A folded header goes on. */
		while (next < bytes.len &&
		       (bytes.p[next] == ' ' || bytes.p[next] == '\t')) {
			line = line_at(bytes, next, &next);
			line = span_make(bytes.p + at,
			    (size_t)(line.p + line.len - (bytes.p + at)));
		}
		err = read_header(p, line);
		if (err)
			return err;
		if (next == bytes.len) {
			p->body = span_sub(bytes, next, bytes.len);
			return 0;
		}
		at = next;
	}
	return -E2BIG;
}

/* Could another reader, who takes a lone CR for the end of a line, see a
 * delimiter where we saw none? */
static bool
is_ambiguous(const struct sip_multipart *m, struct span part)
{
	size_t n = m->boundary.len;

	for (size_t i = 2; i + n <= part.len; i++)
		if (part.p[i - 1] == '-' && part.p[i - 2] == '-' &&
		    memcmp(part.p + i, m->boundary.p, n) == 0)
			return true;
	return false;
}

int
sip_multipart_parse(
    struct span type, struct span body, struct sip_multipart *out)
{
	struct sip_multipart m = { 0 };
	struct span before;
	enum delimiter d;
	size_t at = 0;
	int err = read_type(type, &m);

	if (err)
		return err;
	d = next_delimiter(&m, body, &at, &before); /* the preamble */
	while (d == NEXT_PART) {
		if (m.n == MULTIPART_PARTS_MAX)
			return -E2BIG;
		d = next_delimiter(&m, body, &at, &before);
		if (d == NO_DELIMITER || is_ambiguous(&m, before))
			return -EBADMSG;
		err = read_part(before, &m.part[m.n++]);
		if (err)
			return err;
	}
	if (d != LAST_PART || m.n == 0)
		return -EBADMSG;
	*out = m;
	return 0;
}

bool
sip_part_is_required(const struct sip_part *p)
{
	struct sip_param handling;
	struct sip_word w;

	return p->disposition.len == 0 ||
	       sip_word_parse(p->disposition, &w) != 0 ||
	       sip_param_find(w.params, "handling", &handling) != 0 ||
	       !span_caseeq(handling.value, SPAN_LIT("optional"));
}

bool
sip_part_is(const struct sip_part *p, const char *type, const char *subtype)
{
	struct sip_media_type t;

	return sip_media_type_parse(p->type, &t) == 0 &&
	       span_caseeq(t.type, span_str(type)) &&
	       span_caseeq(t.subtype, span_str(subtype));
}

/* ---- writing ---- */

static void
put_line(struct buf *b, const char *name, struct span value)
{
	if (value.len == 0)
		return;
	buf_puts(b, name);
	buf_puts(b, ": ");
	build_value(b, value);
	buf_puts(b, "\r\n");
}

void
sip_multipart_put(
    struct buf *b, const struct sip_multipart *m, const struct sip_part *p)
{
	if (b->len > 0)
		buf_puts(b, "\r\n");
	buf_puts(b, "--");
	buf_put(b, m->boundary);
	buf_puts(b, "\r\n");
	put_line(b, "Content-Type", p->type);
	put_line(b, "Content-Disposition", p->disposition);
	put_line(b, "Content-Transfer-Encoding", p->encoding);
	put_line(b, "Content-ID", p->id);
	buf_puts(b, "\r\n");
}

void
sip_multipart_end(struct buf *b, const struct sip_multipart *m)
{
	buf_puts(b, "\r\n--");
	buf_put(b, m->boundary);
	buf_puts(b, "--\r\n");
}
