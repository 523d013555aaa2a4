#include <errno.h>

#include "common/codec/tel.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_separator(char c)
{
	return c == '-' || c == '.' || c == '(' || c == ')';
}

/* '+' and digits, with separators: at least one digit. */
static bool
is_global(struct span s)
{
	bool digit = false;

	if (s.len == 0 || s.p[0] != '+')
		return false;
	for (size_t i = 1; i < s.len; i++) {
		if (!is_digit(s.p[i]) && !is_separator(s.p[i]))
			return false;
		digit |= is_digit(s.p[i]);
	}
	return digit;
}

/* phonedigit-hex with separators: at least one that is none. */
static bool
is_local(struct span s)
{
	bool digit = false;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];
		bool counts = is_digit(c) || c == '*' || c == '#' ||
			      (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');

		if (!counts && !is_separator(c))
			return false;
		digit |= counts;
	}
	return digit;
}

static bool
is_extension(struct span s)
{
	bool digit = false;

	for (size_t i = 0; i < s.len; i++) {
		if (!is_digit(s.p[i]) && !is_separator(s.p[i]))
			return false;
		digit |= is_digit(s.p[i]);
	}
	return digit;
}

static int
read_context(struct tel *t, struct span value)
{
	enum uri_host kind;
	struct addr ip;

	t->context = value;
	t->context_is_number = is_global(value);
	if (t->context_is_number)
		return 0;
	return uri_host_parse(value, &kind, &ip) == 0 && kind == URI_HOST_NAME
		   ? 0
		   : -EBADMSG;
}

static int
read_param(struct tel *t, struct span name, struct span value)
{
	if (span_caseeq(name, SPAN_LIT("phone-context"))) {
		if (t->context.len > 0 || t->is_global)
			return -EBADMSG;
		return read_context(t, value);
	}
	if (span_caseeq(name, SPAN_LIT("ext"))) {
		if (t->ext.len > 0 || !is_extension(value))
			return -EBADMSG;
		t->ext = value;
	} else if (span_caseeq(name, SPAN_LIT("isub"))) {
		if (t->isub.len > 0 || value.len == 0)
			return -EBADMSG;
		t->isub = value;
	}
	return 0;
}

/* telephone-subscriber: number and parameters. */
static int
read_subscriber(struct span digits, struct span params, struct tel *out)
{
	struct tel t = { .digits = digits, .is_global = is_global(digits) };
	struct span name, value;

	if (!t.is_global && !is_local(digits))
		return -EBADMSG;
	while (uri_param_next(&params, &name, &value))
		if (read_param(&t, name, value) != 0)
			return -EBADMSG;
	if (t.ext.len > 0 && t.isub.len > 0)
		return -EBADMSG;
	*out = t;
	return 0;
}

int
tel_parse(const struct uri *u, struct tel *out)
{
	if (u->scheme != URI_TEL)
		return -ENOTSUP;
	return read_subscriber(u->user, u->params, out);
}

static void
put_bare(struct buf *b, struct span digits)
{
	for (size_t i = 0; i < digits.len; i++)
		if (!is_separator(digits.p[i]))
			buf_putc(b, digits.p[i]);
}

static int
put_number(const struct tel *t, char mem[URI_USER_MAX], struct span *out)
{
	struct buf b;

	buf_init(&b, mem, URI_USER_MAX);
	if (t->context_is_number)
		put_bare(&b, t->context);
	put_bare(&b, t->digits);
	if (buf_err(&b))
		return -EMSGSIZE;
	*out = buf_span(&b);
	return 0;
}

static bool
is_phone(const struct uri *u)
{
	struct span value;

	return uri_param(u, "user", &value) &&
	       span_caseeq(value, SPAN_LIT("phone"));
}

/* Many phones leave user=phone out: 112;phone-context=+49 is none's name. */
static bool
has_phone_params(struct span user, ptrdiff_t semi)
{
	return semi > 0 && (user.p[0] == '+' || is_digit(user.p[0])) &&
	    (is_global(span_sub(user, 0, (size_t)semi)) ||
		is_extension(span_sub(user, 0, (size_t)semi)));
}

/* The user of sip:NUMBER@host;user=phone is a telephone-subscriber too. */
static int
sip_number(const struct uri *u, char mem[URI_USER_MAX], struct span *out)
{
	char text[URI_USER_MAX];
	struct span user, params = SPAN_NONE, digits;
	ptrdiff_t semi;
	struct tel t;
	int err = uri_user_unescape(u, text, &user);

	if (err)
		return err;
	semi = span_find(user, ';');
	digits = semi < 0 ? user : span_sub(user, 0, (size_t)semi);
	if (semi >= 0)
		params = span_sub(user, (size_t)semi + 1, user.len);
	if ((is_phone(u) || has_phone_params(user, semi)) &&
	    read_subscriber(digits, params, &t) == 0)
		return put_number(&t, mem, out);
	memcpy(mem, user.p, user.len);
	*out = span_make(mem, user.len);
	return 0;
}

int
tel_number(const struct uri *u, char mem[URI_USER_MAX], struct span *out)
{
	struct tel t;
	int err;

	if (u->scheme == URI_SIP || u->scheme == URI_SIPS)
		return sip_number(u, mem, out);
	err = tel_parse(u, &t);
	return err ? err : put_number(&t, mem, out);
}

bool
tel_same_number(const struct uri *a, const struct uri *b)
{
	char mem[2][URI_USER_MAX];
	struct span n[2];

	return tel_number(a, mem[0], &n[0]) == 0 &&
	       tel_number(b, mem[1], &n[1]) == 0 && span_eq(n[0], n[1]);
}

int
tel_put_sip(struct buf *b, const struct uri *u, struct span domain)
{
	char mem[URI_USER_MAX];
	struct span number;
	int err = u->scheme == URI_TEL ? tel_number(u, mem, &number) : -ENOTSUP;

	if (err)
		return err;
	buf_puts(b, "sip:");
	for (size_t i = 0; i < number.len; i++) {
		if (number.p[i] == '#') /* not a user character as it is */
			buf_puts(b, "%23");
		else
			buf_putc(b, number.p[i]);
	}
	buf_putc(b, '@');
	buf_put(b, domain);
	buf_puts(b, ";user=phone");
	return buf_err(b);
}
