#include <errno.h>

#include "common/codec/uri.h"

/* What each octet may be part of (RFC 3261 25.1). */
enum {
	U_USER = 1,
	U_PASSWORD = 2,
	U_PARAM = 4,
	U_HEADER = 8,
	U_OTHER = 16,	/* uric of an unknown scheme, and [] of RFC 2732 */
	U_SCHEME = 32,
	U_TEL = 64,	/* digits, letters of RFC 3966 and its separators */
	U_NAME = 128,	/* letters, digits, '-'; '_' because hosts have it */
};

#define U_UNRESERVED (U_USER | U_PASSWORD | U_PARAM | U_HEADER | U_OTHER)
#define U_ALPHA (U_UNRESERVED | U_SCHEME | U_NAME)

static const uint8_t octet[256] = {
	['a' ... 'f'] = U_ALPHA | U_TEL,
	['g' ... 'z'] = U_ALPHA,
	['A' ... 'F'] = U_ALPHA | U_TEL,
	['G' ... 'Z'] = U_ALPHA,
	['0' ... '9'] = U_ALPHA | U_TEL,
	['-'] = U_UNRESERVED | U_SCHEME | U_TEL | U_NAME,
	['_'] = U_UNRESERVED | U_NAME,
	['.'] = U_UNRESERVED | U_SCHEME | U_TEL,
	['!'] = U_UNRESERVED,
	['~'] = U_UNRESERVED,
	['*'] = U_UNRESERVED | U_TEL,
	['\''] = U_UNRESERVED,
	['('] = U_UNRESERVED | U_TEL,
	[')'] = U_UNRESERVED | U_TEL,
	['&'] = U_USER | U_PASSWORD | U_PARAM | U_OTHER,
	['='] = U_USER | U_PASSWORD | U_OTHER,
	['+'] = U_USER | U_PASSWORD | U_PARAM | U_HEADER | U_OTHER |
	    U_SCHEME | U_TEL,
	['$'] = U_USER | U_PASSWORD | U_PARAM | U_HEADER | U_OTHER,
	[','] = U_USER | U_PASSWORD | U_OTHER,
	[';'] = U_USER | U_OTHER,
	['?'] = U_USER | U_HEADER | U_OTHER,
	['/'] = U_USER | U_PARAM | U_HEADER | U_OTHER,
	[':'] = U_PARAM | U_HEADER | U_OTHER,
	['['] = U_PARAM | U_HEADER | U_OTHER,
	[']'] = U_PARAM | U_HEADER | U_OTHER,
	['@'] = U_OTHER,
	['#'] = U_TEL,
};

static int
hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The octet that s begins with, escape undone; -1 for a broken escape. */
static int
octet_at(struct span s, size_t *len_out)
{
	int hi, lo;

	*len_out = 1;
	if (s.p[0] != '%')
		return (unsigned char)s.p[0];
	if (s.len < 3)
		return -1;
	hi = hex_of(s.p[1]);
	lo = hex_of(s.p[2]);
	*len_out = 3;
	return hi < 0 || lo < 0 ? -1 : hi * 16 + lo;
}

/* Only octets of this kind and whole escapes? */
static bool
all_are(struct span s, uint8_t kind)
{
	size_t n;

	for (size_t i = 0; i < s.len; i += n) {
		n = 1;
		if (octet[(unsigned char)s.p[i]] & kind)
			continue;
		if (s.p[i] != '%' ||
		    octet_at(span_make(s.p + i, s.len - i), &n) < 0)
			return false;
	}
	return true;
}

static struct span
from_index(struct span s, size_t i)
{
	return span_make(s.p + i, s.len - i);
}

/* Cut s at the first c: head before it, tail after it.  False: no c. */
static bool
cut(struct span s, char c, struct span *head, struct span *tail)
{
	ptrdiff_t at = span_find(s, c);

	if (at < 0) {
		*head = s;
		*tail = SPAN_NONE;
		return false;
	}
	*head = span_make(s.p, (size_t)at);
	*tail = from_index(s, (size_t)at + 1);
	return true;
}

/*
 * RFC 5118 4.10: the grammar of RFC 3261 allowed `:::` before an IPv4 part.
 * Read with one colon less; the text itself is never sent on by us as host.
 */
static int
parse_triple_colon(struct span s, struct addr *out)
{
	char mem[64];
	size_t n = 0;
	bool found = false;

	if (s.len > sizeof(mem) || span_find(s, '.') < 0)
		return -EBADMSG;
	for (size_t i = 0; i < s.len; i++) {
		if (!found && i >= 2 && s.p[i] == ':' && s.p[i - 1] == ':' &&
		    s.p[i - 2] == ':')
			found = true;
		else
			mem[n++] = s.p[i];
	}
	return found ? addr_parse_ip(span_make(mem, n), out) : -EBADMSG;
}

static bool
is_host_name(struct span s)
{
	struct span label, rest = s;
	bool more = true;

	if (s.len == 0 || s.len > 255)
		return false;
	if (s.p[s.len - 1] == '.')
		rest.len--;
	while (more) {
		more = cut(rest, '.', &label, &rest);
		if (label.len == 0 || label.len > 63 || label.p[0] == '-' ||
		    label.p[label.len - 1] == '-')
			return false;
		for (size_t i = 0; i < label.len; i++) {
			if (!(octet[(unsigned char)label.p[i]] & U_NAME))
				return false;
		}
	}
	/* The last label tells a name from a mistyped address. */
	return label.p[0] < '0' || label.p[0] > '9';
}

int
uri_host_parse(struct span s, enum uri_host *kind_out, struct addr *ip_out)
{
	struct addr ip = { 0 };

	if (s.len == 0)
		return -EBADMSG;
	if (s.p[0] == '[') {
		if (s.len < 3 || s.p[s.len - 1] != ']')
			return -EBADMSG;
		if (span_find(s, ':') < 0)
			return -EBADMSG;
		if (addr_parse_ip(s, &ip) != 0 &&
		    parse_triple_colon(span_make(s.p + 1, s.len - 2), &ip) != 0)
			return -EBADMSG;
		*kind_out = URI_HOST_IP;
	} else if (span_find(s, ':') < 0 && addr_parse_ip(s, &ip) == 0) {
		*kind_out = URI_HOST_IP;
	} else if (is_host_name(s)) {
		*kind_out = URI_HOST_NAME;
	} else {
		return -EBADMSG;
	}
	*ip_out = ip;
	return 0;
}

/* host [":" port] */
static int
parse_hostport(struct span s, struct uri *u)
{
	struct span port = SPAN_NONE;
	bool has_port;
	uint32_t n;

	if (s.len > 0 && s.p[0] == '[') {
		ptrdiff_t end = span_find(s, ']');

		if (end < 0)
			return -EBADMSG;
		u->host = span_make(s.p, (size_t)end + 1);
		port = from_index(s, (size_t)end + 1);
		has_port = port.len > 0;
		if (has_port) {
			if (port.p[0] != ':')
				return -EBADMSG;
			port = from_index(port, 1);
		}
	} else {
		has_port = cut(s, ':', &u->host, &port);
	}
	if (has_port) {
		if (port.len > 20 || span_to_u32(port, 65535, &n) != 0 ||
		    n == 0)
			return -EBADMSG;
		u->port = (uint16_t)n;
	}
	return uri_host_parse(u->host, &u->host_kind, &u->ip);
}

/* name ["=" value] *(";" ...), none of them empty */
static bool
params_ok(struct span s)
{
	struct span one, name, value;
	bool more = true;

	while (more) {
		more = cut(s, ';', &one, &s);
		if (cut(one, '=', &name, &value) && value.len == 0)
			return false;
		if (name.len == 0 || !all_are(name, U_PARAM) ||
		    !all_are(value, U_PARAM))
			return false;
	}
	return true;
}

/* name "=" [value] *("&" ...) */
static bool
headers_ok(struct span s)
{
	struct span one, name, value;
	bool more = true;

	while (more) {
		more = cut(s, '&', &one, &s);
		if (!cut(one, '=', &name, &value) || name.len == 0 ||
		    !all_are(name, U_HEADER) || !all_are(value, U_HEADER))
			return false;
	}
	return true;
}

static int
parse_userinfo(struct span s, struct uri *u)
{
	cut(s, ':', &u->user, &u->password);
	u->has_user = true;
	if (u->user.len == 0 || !all_are(u->user, U_USER) ||
	    !all_are(u->password, U_PASSWORD))
		return -EBADMSG;
	return 0;
}

static int
parse_sip(struct span s, struct uri *u)
{
	struct span userinfo, rest, host;
	bool has_params;

	/* '@' can stand nowhere else unescaped, and ';' '?' may be in a
	 * user: so look for it first. */
	if (cut(s, '@', &userinfo, &rest)) {
		if (parse_userinfo(userinfo, u) != 0)
			return -EBADMSG;
		s = rest;
	}
	if (cut(s, '?', &rest, &u->headers) && !headers_ok(u->headers))
		return -EBADMSG;
	has_params = cut(rest, ';', &host, &u->params);
	if (has_params && !params_ok(u->params))
		return -EBADMSG;
	return parse_hostport(host, u);
}

static int
parse_tel(struct span s, struct uri *u)
{
	bool has_params = cut(s, ';', &u->user, &u->params);
	bool digit = false;

	for (size_t i = 0; i < u->user.len; i++) {
		char c = u->user.p[i];

		if (!(octet[(unsigned char)c] & U_TEL) || (c == '+' && i > 0))
			return -EBADMSG;
		digit |= hex_of(c) >= 0 || c == '*' || c == '#';
	}
	if (!digit || (has_params && !params_ok(u->params)))
		return -EBADMSG;
	u->has_user = true;
	return 0;
}

int
uri_parse(struct span s, struct uri *out)
{
	struct uri u = { .all = s };
	struct span rest;
	int err;

	if (!cut(s, ':', &u.scheme_name, &rest) || u.scheme_name.len == 0 ||
	    rest.len == 0)
		return -EBADMSG;
	for (size_t i = 0; i < u.scheme_name.len; i++) {
		if (!(octet[(unsigned char)s.p[i]] & U_SCHEME))
			return -EBADMSG;
	}
	if ((s.p[0] >= '0' && s.p[0] <= '9') || s.p[0] == '+' ||
	    s.p[0] == '-' || s.p[0] == '.')
		return -EBADMSG;
	if (span_caseeq(u.scheme_name, SPAN_LIT("sip"))) {
		u.scheme = URI_SIP;
		err = parse_sip(rest, &u);
	} else if (span_caseeq(u.scheme_name, SPAN_LIT("sips"))) {
		u.scheme = URI_SIPS;
		err = parse_sip(rest, &u);
	} else if (span_caseeq(u.scheme_name, SPAN_LIT("tel"))) {
		u.scheme = URI_TEL;
		err = parse_tel(rest, &u);
	} else {
		u.scheme = URI_OTHER;
		err = all_are(rest, U_OTHER) ? 0 : -EBADMSG;
	}
	if (err == 0)
		*out = u;
	return err;
}

bool
uri_param_next(struct span *rest, struct span *name, struct span *value)
{
	struct span one;

	if (rest->len == 0)
		return false;
	cut(*rest, ';', &one, rest);
	cut(one, '=', name, value);
	return true;
}

bool
uri_param(const struct uri *u, const char *name, struct span *value_out)
{
	struct span rest = u->params, n, value;

	while (uri_param_next(&rest, &n, &value)) {
		if (span_caseeq(n, span_str(name))) {
			*value_out = value;
			return true;
		}
	}
	return false;
}

int
uri_unescape(struct span s, struct buf *b)
{
	size_t n;
	int c;

	while (s.len > 0) {
		c = octet_at(s, &n);
		if (c < 0)
			return -EBADMSG;
		buf_putc(b, (char)c);
		s = from_index(s, n);
	}
	return buf_err(b);
}

int
uri_user_unescape(const struct uri *u, char *mem, struct span *out)
{
	struct buf b;
	int err;

	if (!u->has_user)
		return -ENOENT;
	if (span_find(u->user, '%') < 0) {
		if (u->user.len > URI_USER_MAX)
			return -EMSGSIZE;
		*out = u->user;
		return 0;
	}
	buf_init(&b, mem, URI_USER_MAX);
	err = uri_unescape(u->user, &b);
	if (err == 0)
		*out = buf_span(&b);
	return err;
}

bool
uri_escaped_eq(struct span a, struct span b)
{
	size_t n;
	int ca, cb;

	while (a.len > 0 && b.len > 0) {
		ca = octet_at(a, &n);
		a = from_index(a, n);
		if (ca < 0)
			return false;
		cb = octet_at(b, &n);
		b = from_index(b, n);
		if (ca != cb)
			return false;
	}
	return a.len == 0 && b.len == 0;
}

bool
uri_same_user(const struct uri *a, const struct uri *b)
{
	return a->has_user == b->has_user && uri_escaped_eq(a->user, b->user);
}

static struct span
without_dot(struct span s)
{
	if (s.len > 1 && s.p[s.len - 1] == '.')
		s.len--;
	return s;
}

static bool
same_host(enum uri_host kind_a, struct span a, const struct addr *ip_a,
    enum uri_host kind_b, struct span b, const struct addr *ip_b)
{
	if (kind_a != kind_b || kind_a == URI_HOST_NONE)
		return false;
	if (kind_a == URI_HOST_IP)
		return addr_same_ip(ip_a, ip_b);
	return span_caseeq(without_dot(a), without_dot(b));
}

bool
uri_same_host(const struct uri *a, const struct uri *b)
{
	return same_host(a->host_kind, a->host, &a->ip, b->host_kind, b->host,
	    &b->ip);
}

bool
uri_host_is(const struct uri *u, struct span name)
{
	enum uri_host kind;
	struct addr ip;

	/* Configured addresses may come without brackets. */
	if (addr_parse_ip(name, &ip) == 0)
		kind = URI_HOST_IP;
	else if (uri_host_parse(name, &kind, &ip) != 0)
		return false;
	return same_host(u->host_kind, u->host, &u->ip, kind, name, &ip);
}

uint16_t
uri_port_or_default(const struct uri *u)
{
	if (u->port != 0)
		return u->port;
	return u->scheme == URI_SIPS ? 5061 : 5060;
}
