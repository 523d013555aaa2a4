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
	case SIP_H_EVENT: /* of a NOTIFY: its id is another one there */
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

	/* Another history is written: one alone has an order. */
	if (h->id == SIP_H_HISTORY_INFO && to->call->diversion.n > 0)
		return false;
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

/* Session timers are ours.  Reliable answers need both phones, and are for
 * the INVITE that begins a call; the others are the phone's own. */
static bool
is_optional(const struct sip_msg *m, enum sip_hdr_id id, const char *option)
{
	if (strcmp(option, "timer") == 0)
		return id == SIP_H_SUPPORTED &&
		       (m->method == SIP_INVITE || m->method == SIP_UPDATE);
	if (strcmp(option, "100rel") == 0)
		return m->is_request && m->method == SIP_INVITE &&
		       m->to.tag.len == 0 &&
		       (sip_lists(m, id, option) ||
			   sip_lists(m, SIP_H_REQUIRE, option));
	return sip_lists(m, id, option);
}

/* Of the options that we have or pass, those that go with m. */
static void
put_options(struct buf *b, enum sip_hdr_id id, const struct sip_msg *m)
{
	static const char *const option[] = { "timer", "100rel", "replaces",
		"norefersub" };
	bool any = false;

	for (size_t i = 0; i < sizeof(option) / sizeof(option[0]); i++) {
		if (!is_optional(m, id, option[i]))
			continue;
		if (any)
			buf_puts(b, ", ");
		else
			build_open(b, id);
		buf_puts(b, option[i]);
		any = true;
	}
	if (any)
		build_close(b);
}

static void
put_allow(struct buf *b, bool refers)
{
	build_hdr_str(b, SIP_H_ALLOW,
	    refers ? "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, "
		     "REFER, NOTIFY, MESSAGE"
		   : "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, "
		     "MESSAGE");
}

uint8_t
headers_can(const struct sip_msg *m, uint8_t before)
{
	unsigned can = before;

	if (sip_has(m, SIP_H_ALLOW)) {
		can &= ~(unsigned)CAN_REFER;
		if (sip_lists(m, SIP_H_ALLOW, "REFER"))
			can |= CAN_REFER;
	}
	if (sip_has(m, SIP_H_SUPPORTED)) {
		can &= CAN_REFER;
		if (sip_lists(m, SIP_H_SUPPORTED, "replaces"))
			can |= CAN_REPLACES;
		if (sip_lists(m, SIP_H_SUPPORTED, "norefersub"))
			can |= CAN_NOREFERSUB;
	}
	return (uint8_t)can;
}

void
headers_own(struct buf *b, const struct leg *other)
{
	put_allow(b, other->can & CAN_REFER);
	build_open(b, SIP_H_SUPPORTED);
	buf_puts(b, "timer");
	if (other->can & CAN_REPLACES)
		buf_puts(b, ", replaces");
	if (other->can & CAN_NOREFERSUB)
		buf_puts(b, ", norefersub");
	build_close(b);
}

void
headers_ours(struct buf *b, const struct sip_msg *m)
{
	put_allow(b, m == NULL || (headers_can(m, CAN_REFER) & CAN_REFER));
	if (m == NULL)
		return;
	put_options(b, SIP_H_SUPPORTED, m);
	if (m->is_request)
		put_options(b, SIP_H_REQUIRE, m);
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

void
headers_put_user(struct buf *b, struct span s)
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
headers_put_uri(const struct edge *e, struct buf *b, struct span number)
{
	buf_puts(b, "sip:");
	headers_put_user(b, number);
	buf_putc(b, '@');
	buf_put(b, e->conf->domain);
}

void
headers_put_party(const struct edge *e, struct buf *b, const struct party *p)
{
	if (p->name.len > 0) {
		put_quoted(b, TEXT_SPAN(p->name));
		buf_putc(b, ' ');
	}
	buf_putc(b, '<');
	headers_put_uri(e, b, TEXT_SPAN(p->number));
	buf_putc(b, '>');
}

/* RFC 3323 4.1.1.3. */
#define ANONYMOUS "\"Anonymous\" <sip:anonymous@anonymous.invalid>"

void
headers_put_caller(const struct edge *e, struct buf *b, const struct party *p,
    const struct leg *to)
{
	if (p->withheld && leg_is_external(to))
		buf_puts(b, ANONYMOUS);
	else
		headers_put_party(e, b, p);
}
