#include "sigproxy/sip/summary.h"

#include <errno.h>

#include "sigproxy/sip/hdr.h"

/* ---- lines ---- */

/* The next line without its end; lone CR or LF at an end is taken for CRLF,
 * as voicemails write it.  False at the end or at the empty line. */
static bool
next_line(struct span *rest, struct span *line)
{
	ptrdiff_t end = span_find(*rest, '\n');
	size_t len = end < 0 ? rest->len : (size_t)end;

	*line = span_sub(*rest, 0, len);
	*rest = span_sub(*rest, len + (end >= 0), rest->len);
	if (line->len > 0 && line->p[line->len - 1] == '\r')
		line->len--;
	return line->len > 0;
}

static bool
is_printable(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 32 && c != '\t') || c == 127)
			return false;
	}
	return true;
}

static int
split(struct span line, struct span *name, struct span *value)
{
	ptrdiff_t colon = span_find(line, ':');

	if (colon <= 0 || !is_printable(line))
		return -EBADMSG;
	*name = span_trim(span_sub(line, 0, (size_t)colon));
	*value = span_trim(span_sub(line, (size_t)colon + 1, line.len));
	return sip_is_token(*name) ? 0 : -EBADMSG;
}

/* ---- counts ---- */

static int
read_number(struct span *s, uint32_t *out)
{
	size_t n = 0;
	int err;

	*s = span_trim(*s);
	while (n < s->len && s->p[n] >= '0' && s->p[n] <= '9')
		n++;
	err = span_to_u32(span_sub(*s, 0, n), SUMMARY_COUNT_MAX, out);
	*s = span_trim(span_sub(*s, n, s->len));
	return err ? -EBADMSG : 0;
}

static int
read_char(struct span *s, char want)
{
	*s = span_trim(*s);
	if (s->len == 0 || s->p[0] != want)
		return -EBADMSG;
	*s = span_sub(*s, 1, s->len);
	return 0;
}

/* new/old */
static int
read_pair(struct span *s, uint32_t *fresh, uint32_t *old)
{
	int err = read_number(s, fresh);

	if (err == 0)
		err = read_char(s, '/');
	return err ? err : read_number(s, old);
}

/* new/old [(urgent-new/urgent-old)] */
static int
read_counts(struct span s, struct summary *out)
{
	int err = read_pair(&s, &out->fresh, &out->old);

	if (err || s.len == 0)
		return err;
	err = read_char(&s, '(');
	if (err == 0)
		err = read_pair(&s, &out->urgent_fresh, &out->urgent_old);
	if (err == 0)
		err = read_char(&s, ')');
	return err == 0 && s.len > 0 ? -EBADMSG : err;
}

/* ---- the whole ---- */

static int
read_status(struct span line, struct summary *out)
{
	struct span name, value;

	if (split(line, &name, &value) != 0 ||
	    !span_caseeq(name, SPAN_LIT("Messages-Waiting")))
		return -EBADMSG;
	out->waiting = span_caseeq(value, SPAN_LIT("yes"));
	return out->waiting || span_caseeq(value, SPAN_LIT("no")) ? 0 :
								    -EBADMSG;
}

/* Which message-context-class (RFC 3458), as a bit; 0: none. */
static unsigned
class_of(struct span name)
{
	static const char *const names[] = { "Voice-Message", "Fax-Message",
		"Pager-Message", "Multimedia-Message", "Text-Message", "None" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_caseeq(name, span_str(names[i])))
			return 1u << i;
	return 0;
}

static int
read_line(struct span line, unsigned *seen, struct summary *out)
{
	struct summary other = { 0 };
	struct span name, value;
	unsigned class;

	if (split(line, &name, &value) != 0)
		return -EBADMSG;
	if (span_caseeq(name, SPAN_LIT("Message-Account")))
		return 0;
	class = class_of(name);
	if (class == 0 || (*seen & class) != 0)
		return -EBADMSG;
	*seen |= class;
	if (class != 1)
		return read_counts(value, &other);
	out->counted = true;
	return read_counts(value, out);
}

int
summary_parse(struct span body, struct summary *out)
{
	struct summary s = { .waiting = false };
	unsigned seen = 0;
	struct span line;
	int err = -EBADMSG;

	if (next_line(&body, &line))
		err = read_status(line, &s);
	while (err == 0 && next_line(&body, &line))
		err = read_line(line, &seen, &s);
	if (err == 0)
		*out = s;
	return err;
}

void
summary_put(struct buf *b, const struct summary *s, struct span account)
{
	buf_puts(b, s->waiting ? "Messages-Waiting: yes\r\n" :
				 "Messages-Waiting: no\r\n");
	buf_puts(b, "Message-Account: ");
	buf_put(b, account);
	buf_puts(b, "\r\n");
	if (!s->counted)
		return;
	buf_puts(b, "Voice-Message: ");
	buf_put_u64(b, s->fresh);
	buf_putc(b, '/');
	buf_put_u64(b, s->old);
	buf_puts(b, " (");
	buf_put_u64(b, s->urgent_fresh);
	buf_putc(b, '/');
	buf_put_u64(b, s->urgent_old);
	buf_puts(b, ")\r\n");
}
