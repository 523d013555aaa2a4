#include "sigproxy/sip/redact.h"
#include "sigproxy/sip/multipart.h"

struct copy {
	struct span from;	/* the whole message */
	char *p;
	size_t n;
};

/* Lines stay lines. */
static void
cross(struct copy *c, struct span s)
{
	size_t at = s.len == 0 ? 0 : (size_t)(s.p - c->from.p);

	for (size_t i = at; i < at + s.len && i < c->n; i++) {
		if (c->p[i] != '\r' && c->p[i] != '\n')
			c->p[i] = 'x';
	}
}

/* Does s have `what` in it, in whatever case?  *out is what follows it. */
static bool
find(struct span s, const char *what, struct span *out)
{
	struct span w = span_str(what);

	for (size_t i = 0; i + w.len <= s.len; i++) {
		if (!span_caseeq(span_sub(s, i, w.len), w))
			continue;
		*out = span_make(s.p + i + w.len, s.len - i - w.len);
		return true;
	}
	return false;
}

static struct span
up_to(struct span s, const char *ends)
{
	size_t i = 0;

	while (i < s.len && strchr(ends, s.p[i]) == NULL)
		i++;
	return span_sub(s, 0, i);
}

static struct span
rest(struct span s, struct span part)
{
	return span_sub(s, part.len, s.len);
}

/* ---- credentials and challenges ---- */

static bool
is_plain(struct span name)
{
	static const char *const names[] = { "username", "realm", "uri",
		"algorithm", "qop", "nc", "stale", "domain" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (span_caseeq(name, span_str(names[i])))
			return true;
	}
	return false;
}

/* What stands between quotes, or up to a comma; *left goes on behind it. */
static struct span
take_value(struct span *left)
{
	struct span s = *left, value;
	size_t i = 1;

	while (s.len > 0 && strchr(" \t\r\n", s.p[0]) != NULL)
		s = span_sub(s, 1, s.len);
	if (s.len == 0 || s.p[0] != '"') {
		value = up_to(s, ",");
		*left = rest(s, value);
		return value;
	}
	for (; i < s.len && s.p[i] != '"'; i++)
		i += s.p[i] == '\\';
	value = span_sub(s, 1, i < s.len ? i - 1 : s.len);
	*left = span_sub(s, i + 1, s.len);
	return value;
}

static void
cross_params(struct copy *c, struct span s)
{
	while (s.len > 0) {
		struct span name = up_to(s, "="), value;

		if (name.len == s.len) {
			cross(c, s);
			return;
		}
		s = span_sub(s, name.len + 1, s.len);
		while (span_find(name, ',') >= 0) {
			value = up_to(name, ",");
			cross(c, span_trim(value));
			name = span_sub(name, value.len + 1, name.len);
		}
		value = take_value(&s);
		if (!is_plain(span_trim(name)))
			cross(c, value);
	}
}

static void
cross_credentials(struct copy *c, const struct sip_hdr *h)
{
	struct span scheme = up_to(h->value, " \t\r\n");

	if (h->id == SIP_H_AUTHENTICATION_INFO)
		cross_params(c, h->value);
	else if (span_caseeq(scheme, SPAN_LIT("Digest")))
		cross_params(c, rest(h->value, scheme));
	else
		cross(c, rest(h->value, scheme));
}

/* ---- other headers ---- */

static bool
sounds_secret(struct span name)
{
	static const char *const parts[] = { "auth", "token", "secret",
		"passw", "key", "cookie" };

	struct span unused;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (find(name, parts[i], &unused))
			return true;
	}
	return false;
}

/* sip:user:PASSWORD@host */
static void
cross_passwords(struct copy *c, struct span line)
{
	struct span uri, user;

	while (find(line, "sip", &uri)) {
		line = uri;
		if (uri.len > 0 && (uri.p[0] == 's' || uri.p[0] == 'S'))
			uri = span_sub(uri, 1, uri.len);
		if (uri.len == 0 || uri.p[0] != ':')
			continue;
		uri = up_to(span_sub(uri, 1, uri.len), "@>\" \t\r\n");
		user = up_to(uri, ":");
		/* Up to the @, or there was no password but a port. */
		if (user.len < uri.len && uri.p + uri.len < c->from.p + c->from.len &&
		    uri.p[uri.len] == '@')
			cross(c, span_sub(uri, user.len + 1, uri.len));
	}
}

/* A header that a URI gives to a request (RFC 3261 19.1.1). */
static void
cross_uri_headers(struct copy *c, struct span line)
{
	struct span value;

	while (find(line, "authorization=", &value)) {
		line = value;
		cross(c, up_to(value, "&>\" \t\r\n"));
	}
}

static void
cross_header(struct copy *c, const struct sip_hdr *h)
{
	cross_passwords(c, h->value);
	cross_uri_headers(c, h->value);
	if (sip_hdr_class((enum sip_hdr_id)h->id) == SIP_C_AUTH)
		cross_credentials(c, h);
	else if (h->id == SIP_H_IDENTITY || (h->id == SIP_H_UNKNOWN &&
	    sounds_secret(h->name)))
		cross(c, h->value);
}

/* ---- bodies ---- */

/* Keys in SDP: RFC 4568, RFC 4566 5.12, RFC 4567, RFC 8839 5.4. */
static void
cross_sdp_line(struct copy *c, struct span line)
{
	static const char *const secret[] = { "k=", "a=key-mgmt:",
		"a=ice-pwd:" };
	struct span key;

	for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++) {
		struct span name = span_str(secret[i]);

		if (span_caseeq(span_sub(line, 0, name.len), name))
			cross(c, rest(line, name));
	}
	if (find(line, "inline:", &key))
		cross(c, key);
}

static void
cross_sdp(struct copy *c, struct span body)
{
	while (body.len > 0) {
		struct span line = up_to(body, "\r\n");

		cross_sdp_line(c, line);
		body = span_sub(body, line.len + 1, body.len);
	}
}

static bool
is_harmless(struct span type)
{
	static const char *const types[] = {
		"application/simple-message-summary",
		"application/dialog-info+xml", "application/vq-rtcpxr",
		"application/media_control+xml" };

	type = span_trim(up_to(type, ";"));
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (span_caseeq(type, span_str(types[i])))
			return true;
	}
	return false;
}

static void
cross_part(struct copy *c, struct span type, struct span body)
{
	struct span bare = span_trim(up_to(type, ";"));

	if (span_caseeq(bare, SPAN_LIT("application/sdp")))
		cross_sdp(c, body);
	else if (span_caseeq(bare, SPAN_LIT("message/sipfrag")))
		cross(c, rest(body, up_to(body, "\r\n")));
	else if (!is_harmless(type))
		cross(c, body);
}

static void
cross_body(struct copy *c, const struct sip_msg *m)
{
	struct span type = sip_value(m, SIP_H_CONTENT_TYPE);
	struct sip_multipart parts;

	if (m->method == SIP_MESSAGE || sip_has(m, SIP_H_CONTENT_ENCODING) ||
	    sip_has(m, SIP_H_CONTENT_TRANSFER_ENCODING)) {
		cross(c, m->body);
		return;
	}
	if (sip_multipart_parse(type, m->body, &parts) != 0) {
		cross_part(c, type, m->body);
		return;
	}
	for (unsigned i = 0; i < parts.n; i++) {
		if (parts.part[i].encoding.len > 0)
			cross(c, parts.part[i].body);
		else
			cross_part(c, parts.part[i].type, parts.part[i].body);
	}
}

void
redact(const struct sip_msg *m, char *copy, size_t n)
{
	struct copy c = { m->bytes, copy, n };

	if (m->is_request) {
		cross_passwords(&c, m->ruri.all);
		cross_uri_headers(&c, m->ruri.all);
	}
	for (unsigned i = 0; i < m->n_hdrs; i++)
		cross_header(&c, &m->hdr[i]);
	cross_body(&c, m);
}

/* ---- what was not understood ---- */

/* By name, or by the short form of it (RFC 3261 7.3.3). */
static bool
tells_no_secret(struct span name)
{
	static const char *const names[] = { "via", "v", "from", "f", "to",
		"t", "call-id", "i", "cseq", "contact", "m", "max-forwards",
		"content-length", "l", "content-type", "c", "expires",
		"user-agent", "server", "route", "record-route", "allow",
		"supported", "k", "require", "event", "o" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (span_caseeq(name, span_str(names[i])))
			return true;
	}
	return false;
}

/* Where a line's end is missing, the next one lies in this one. */
static bool
holds_secret(struct span line)
{
	struct span unused;

	return sounds_secret(line) || find(line, "response=", &unused) ||
	    find(line, "nonce", &unused) || find(line, "inline:", &unused) ||
	    find(line, "ice-pwd", &unused);
}

static bool
is_first_line(struct span line)
{
	struct span unused;

	return find(line, "SIP/", &unused) &&
	    span_find(up_to(line, " "), ':') < 0;
}

/* Folded lines are as the one before.  Gives whether it stays. */
static bool
cross_line(struct copy *c, struct span line, bool is_first, bool before)
{
	struct span name = up_to(line, ":");
	bool stays = is_first && is_first_line(line);

	if (line.len > 0 && (line.p[0] == ' ' || line.p[0] == '\t')) {
		stays = before;
		name = SPAN_NONE;
	} else if (!stays && name.len < line.len) {
		stays = tells_no_secret(span_trim(name));
	} else if (!stays) {
		name = SPAN_NONE;
	}
	if (!stays || holds_secret(line)) {
		cross(c, span_sub(line, name.len + (name.len > 0), line.len));
		return false;
	}
	cross_passwords(c, line);
	return true;
}

void
redact_refused(struct span bytes, char *copy, size_t n)
{
	struct copy c = { bytes, copy, n };
	struct span left = bytes, line;
	bool stays = false;

	while (left.len > 0 && strchr("\r\n", left.p[0]) != NULL)
		left = span_sub(left, 1, left.len);
	for (const char *begin = left.p; left.len > 0;) {
		line = up_to(left, "\r\n");
		if (line.len == 0)
			break;
		stays = cross_line(&c, line, line.p == begin, stays);
		left = rest(left, line);
		if (left.len > 1 && left.p[0] == '\r' && left.p[1] == '\n')
			left = span_sub(left, 1, left.len);
		left = span_sub(left, 1, left.len);
	}
	cross(&c, left);
}
