#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/leak.h"
#include "sigproxy/sip/lex.h"

/* What one header may do on its way. */
enum pass {
	PASS_NEVER,
	PASS_CHECKED, /* outwards only without foreign addresses or names */
	PASS_INSIDE,  /* only from the office to the office */
	PASS_INWARD,  /* not outwards */
	PASS_OUTWARD, /* not from outside */
};

/* Headers whose class does not decide. */
static enum pass
pass_of_plain(enum sip_hdr_id id)
{
	switch (id) {
	case SIP_H_SESSION_EXPIRES: /* session timers end at each leg */
	case SIP_H_MIN_SE:
		return PASS_NEVER;
	case SIP_H_ORGANIZATION:
		return PASS_INWARD;
	case SIP_H_PRIVACY: /* done before it goes out (RFC 3323 5.1) */
		return PASS_INWARD;
	case SIP_H_ANSWER_MODE: /* a stranger opens no microphone */
	case SIP_H_PRIV_ANSWER_MODE:
		return PASS_OUTWARD;
	default:
		return PASS_CHECKED;
	}
}

/* Who a call was for before it came here: the office may know, nobody
 * outside, and nobody outside is believed (RFC 5806, RFC 7044). */
static enum pass
pass_of_identity(enum sip_hdr_id id)
{
	return id == SIP_H_DIVERSION || id == SIP_H_HISTORY_INFO ? PASS_INSIDE
								 : PASS_NEVER;
}

static enum pass
pass_of(const struct sip_hdr *h)
{
	switch (sip_hdr_class(h->id)) {
	case SIP_C_IDENTITY:
		return pass_of_identity(h->id);
	case SIP_C_UNKNOWN:
		/* P-Whatever is identity or charging (RFC 5727). */
		if (h->name.len > 2 &&
		    span_caseeq(span_sub(h->name, 0, 2), SPAN_LIT("P-")))
			return PASS_INSIDE;
		return PASS_CHECKED;
	case SIP_C_PLAIN:
		return pass_of_plain(h->id);
	case SIP_C_OPTION:
		return h->id == SIP_H_ACCEPT || h->id == SIP_H_ACCEPT_ENCODING
			   ? PASS_CHECKED
			   : PASS_NEVER;
	case SIP_C_ADDRESS:
		/* Phones fetch what these name, and answer by themselves. */
		return h->id == SIP_H_ALERT_INFO || h->id == SIP_H_CALL_INFO
			   ? PASS_INSIDE
			   : PASS_NEVER;
	default:
		return PASS_NEVER;
	}
}

static bool
may_pass(const struct edge *e, const struct sip_hdr *h, const struct leg *from,
    const struct leg *to)
{
	bool out = leg_is_external(to);

	switch (pass_of(h)) {
	case PASS_CHECKED:
		return !out || !leak_in(e->conf, h->value);
	case PASS_INSIDE:
		return !out && !leg_is_external(from);
	case PASS_INWARD:
		return !out;
	case PASS_OUTWARD:
		return !leg_is_external(from);
	default:
		return false;
	}
}

void
headers_pass(const struct edge *e, struct buf *b, const struct sip_msg *m,
    const struct leg *from, const struct leg *to)
{
	for (unsigned i = 0; i < m->n_hdrs; i++)
		if (may_pass(e, &m->hdr[i], from, to))
			build_copy_line(b, &m->hdr[i]);
}

bool
headers_hide_sender(const struct sip_msg *m)
{
	const struct sip_hdr *h = sip_first(m, SIP_H_PRIVACY);

	for (; h != NULL; h = sip_next(m, h)) {
		struct lex l = lex_start(h->value);

		do {
			struct span word = lex_run(&l, LEX_TOKEN);

			if (span_caseeq(word, SPAN_LIT("id")) ||
			    span_caseeq(word, SPAN_LIT("user")) ||
			    span_caseeq(word, SPAN_LIT("header")))
				return true;
		} while (lex_separator(&l, ';'));
	}
	return false;
}

void
headers_body(const struct edge *e, struct buf *b, const struct sip_msg *m,
    const struct leg *to, struct span body)
{
	/* An opaque body passed only with a type that tells nothing. */
	build_hdr(b, SIP_H_CONTENT_TYPE, offer_type(m, body));
	/* Each line by itself: the second of a name may tell what the first
	 * does not. */
	for (unsigned i = 0; i < m->n_hdrs; i++) {
		const struct sip_hdr *h = &m->hdr[i];

		if ((h->id == SIP_H_CONTENT_DISPOSITION ||
			h->id == SIP_H_CONTENT_ENCODING ||
			h->id == SIP_H_CONTENT_LANGUAGE) &&
		    (!leg_is_external(to) || !leak_in(e->conf, h->value)))
			build_copy_line(b, h);
	}
}

void
headers_ours(struct buf *b)
{
	build_hdr_str(
	    b, SIP_H_ALLOW, "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK");
}

void
headers_supported(struct buf *b, bool reliable)
{
	build_hdr_str(
	    b, SIP_H_SUPPORTED, reliable ? "timer, 100rel" : "timer");
}

/* What may stand in a quoted string: '"' and '\' only behind a '\'. */
static void
put_quoted(struct buf *b, struct span s)
{
	buf_putc(b, '"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_putc(b, '\\');
		buf_putc(b, s.p[i]);
	}
	buf_putc(b, '"');
}

static bool
is_user_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || (c != '\0' && strchr("-_.!~*'()+", c));
}

static void
put_user(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (is_user_char(s.p[i])) {
			buf_putc(b, s.p[i]);
		} else {
			buf_putc(b, '%');
			buf_put_hex(b, s.p + i, 1);
		}
	}
}

void
headers_put_party(const struct edge *e, struct buf *b, const struct party *p)
{
	if (p->name.len > 0) {
		put_quoted(b, TEXT_SPAN(p->name));
		buf_putc(b, ' ');
	}
	buf_puts(b, "<sip:");
	put_user(b, TEXT_SPAN(p->number));
	buf_putc(b, '@');
	buf_put(b, e->conf->domain);
	buf_putc(b, '>');
}
