#include <errno.h>

#include "common/codec/uri.h"
#include "sigproxy/sip/build.h"
#include "sigproxy/sip/lex.h"

static void
fail(struct buf *b)
{
	if (b->err == 0)
		b->err = -EBADMSG;
}

static void
crlf(struct buf *b)
{
	buf_put(b, SPAN_LIT("\r\n"));
}

/* Text of ours or a parsed piece that holds no space and no control. */
static void
put_solid(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (lex_is(s.p[i], LEX_CTL | LEX_LWS)) {
			fail(b);
			return;
		}
	}
	buf_put(b, s);
}

/* A Contact may hold headers, a Request-URI none (RFC 3261 19.1.1). */
static struct span
request_uri(struct span contact)
{
	struct uri u;

	if (uri_parse(contact, &u) != 0 || u.headers.len == 0)
		return contact;
	return span_sub(contact, 0, (size_t)(u.headers.p - contact.p) - 1);
}

void
build_request_line(struct buf *b, struct span method, struct span uri)
{
	if (!sip_is_token(method) || uri.len == 0)
		fail(b);
	buf_put(b, method);
	buf_putc(b, ' ');
	put_solid(b, request_uri(uri));
	buf_put(b, SPAN_LIT(" SIP/2.0\r\n"));
}

const char *
build_reason(unsigned status)
{
	static const struct {
		uint16_t status;
		const char *phrase;
	} phrases[] = {
		{ 100, "Trying" },
		{ 180, "Ringing" },
		{ 181, "Call Is Being Forwarded" },
		{ 182, "Queued" },
		{ 183, "Session Progress" },
		{ 199, "Early Dialog Terminated" },
		{ 200, "OK" },
		{ 202, "Accepted" },
		{ 204, "No Notification" },
		{ 300, "Multiple Choices" },
		{ 301, "Moved Permanently" },
		{ 302, "Moved Temporarily" },
		{ 305, "Use Proxy" },
		{ 380, "Alternative Service" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 402, "Payment Required" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 407, "Proxy Authentication Required" },
		{ 408, "Request Timeout" },
		{ 410, "Gone" },
		{ 412, "Conditional Request Failed" },
		{ 413, "Request Entity Too Large" },
		{ 414, "Request-URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 416, "Unsupported URI Scheme" },
		{ 420, "Bad Extension" },
		{ 421, "Extension Required" },
		{ 422, "Session Interval Too Small" },
		{ 423, "Interval Too Brief" },
		{ 430, "Flow Failed" },
		{ 439, "First Hop Lacks Outbound Support" },
		{ 469, "Bad Info Package" },
		{ 480, "Temporarily Unavailable" },
		{ 481, "Call/Transaction Does Not Exist" },
		{ 482, "Loop Detected" },
		{ 483, "Too Many Hops" },
		{ 484, "Address Incomplete" },
		{ 485, "Ambiguous" },
		{ 486, "Busy Here" },
		{ 487, "Request Terminated" },
		{ 488, "Not Acceptable Here" },
		{ 489, "Bad Event" },
		{ 491, "Request Pending" },
		{ 493, "Undecipherable" },
		{ 494, "Security Agreement Required" },
		{ 500, "Server Internal Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Server Time-out" },
		{ 505, "Version Not Supported" },
		{ 513, "Message Too Large" },
		{ 580, "Precondition Failure" },
		{ 600, "Busy Everywhere" },
		{ 603, "Decline" },
		{ 604, "Does Not Exist Anywhere" },
		{ 606, "Not Acceptable" },
		{ 607, "Unwanted" },
		{ 608, "Rejected" },
	};
	static const char *const by_class[] = {
		"Unknown", "Progress", "Success", "Redirection",
		"Request Failure", "Server Failure", "Global Failure",
	};

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		if (phrases[i].status == status)
			return phrases[i].phrase;
	}
	return by_class[status / 100 < 7 ? status / 100 : 0];
}

void
build_status_line(struct buf *b, unsigned status, const char *reason)
{
	if (status < 100 || status > 699)
		fail(b);
	buf_put(b, SPAN_LIT("SIP/2.0 "));
	buf_put_u64(b, status);
	buf_putc(b, ' ');
	build_value(b, span_str(reason == NULL ? build_reason(status) :
	    reason));
	crlf(b);
}

void
build_open(struct buf *b, enum sip_hdr_id id)
{
	if (id == SIP_H_UNKNOWN)
		fail(b);
	buf_put(b, sip_hdr_name(id));
	buf_put(b, SPAN_LIT(": "));
}

void
build_close(struct buf *b)
{
	crlf(b);
}

/* One fold: the space written before it goes, and one SP stands for all. */
static size_t
put_fold(struct buf *b, size_t floor, struct span s, size_t i)
{
	if (s.len - i < 3 || s.p[i] != '\r' || s.p[i + 1] != '\n' ||
	    (s.p[i + 2] != ' ' && s.p[i + 2] != '\t')) {
		fail(b);
		return s.len;
	}
	while (i < s.len && lex_is(s.p[i], LEX_LWS)) {
		/* Inside the run CR and LF come in pairs before a space. */
		if (s.p[i] == '\r' || s.p[i] == '\n') {
			if (s.p[i] != '\r' || s.len - i < 3 ||
			    s.p[i + 1] != '\n' ||
			    (s.p[i + 2] != ' ' && s.p[i + 2] != '\t')) {
				fail(b);
				return s.len;
			}
			i++;
		}
		i++;
	}
	while (b->len > floor && !b->err &&
	    (b->p[b->len - 1] == ' ' || b->p[b->len - 1] == '\t'))
		b->len--;
	buf_putc(b, ' ');
	return i;
}

void
build_value(struct buf *b, struct span value)
{
	struct span s = span_trim(value);
	size_t floor = b->len, from = 0, i = 0;
	bool in_quotes = false;

	while (i < s.len && !b->err) {
		char c = s.p[i];

		if (c == '"') {
			in_quotes = !in_quotes;
		} else if (c == '\\' && in_quotes && i + 1 < s.len &&
		    s.p[i + 1] != '\r' && s.p[i + 1] != '\n') {
			i++;	/* quoted-pair: any octet */
		} else if (c == '\r') {
			buf_put(b, span_make(s.p + from, i - from));
			from = i = put_fold(b, floor, s, i);
			continue;
		} else if (lex_is(c, LEX_CTL)) {
			fail(b);
		}
		i++;
	}
	buf_put(b, span_make(s.p + from, i - from));
}

void
build_hdr(struct buf *b, enum sip_hdr_id id, struct span value)
{
	build_open(b, id);
	build_value(b, value);
	build_close(b);
}

void
build_hdr_str(struct buf *b, enum sip_hdr_id id, const char *value)
{
	build_hdr(b, id, span_str(value));
}

void
build_hdr_u64(struct buf *b, enum sip_hdr_id id, uint64_t value)
{
	build_open(b, id);
	buf_put_u64(b, value);
	build_close(b);
}

void
build_hdr_named(struct buf *b, struct span name, struct span value)
{
	if (!sip_is_token(name))
		fail(b);
	buf_put(b, name);
	buf_put(b, SPAN_LIT(": "));
	build_value(b, value);
	build_close(b);
}

void
build_via(struct buf *b, const char *transport, const struct addr *sent_by,
    struct span branch, bool with_rport)
{
	build_open(b, SIP_H_VIA);
	buf_put(b, SPAN_LIT("SIP/2.0/"));
	buf_puts(b, transport);
	buf_putc(b, ' ');
	if (sent_by->port != 0)
		addr_put(b, sent_by);
	else
		addr_put_host(b, sent_by);
	if (with_rport)
		buf_put(b, SPAN_LIT(";rport"));
	buf_put(b, SPAN_LIT(";branch="));
	put_solid(b, branch);
	build_close(b);
}

void
build_cseq(struct buf *b, uint32_t number, struct span method)
{
	build_open(b, SIP_H_CSEQ);
	buf_put_u64(b, number);
	buf_putc(b, ' ');
	put_solid(b, method);
	build_close(b);
}

static void
put_param(struct buf *b, const struct sip_param *p)
{
	buf_putc(b, ';');
	buf_put(b, p->name);
	if (!p->has_value)
		return;
	buf_putc(b, '=');
	/* With its quotes, which are beside it: pairs count between them. */
	build_value(b, p->quoted ?
		span_make(p->value.p - 1, p->value.len + 2) : p->value);
}

void
build_nameaddr(struct buf *b, struct span display, struct span uri,
    struct span params, struct span tag)
{
	struct sip_param p;
	int err;

	if (display.len > 0) {
		build_value(b, display);
		buf_putc(b, ' ');
	}
	buf_putc(b, '<');
	put_solid(b, uri);
	buf_putc(b, '>');
	while ((err = sip_param_next(&params, &p)) == 0) {
		if (!span_caseeq(p.name, SPAN_LIT("tag")))
			put_param(b, &p);
	}
	if (err != -ENOENT)
		fail(b);
	if (tag.len > 0) {
		buf_put(b, SPAN_LIT(";tag="));
		put_solid(b, tag);
	}
}

void
build_copy_line(struct buf *b, const struct sip_hdr *h)
{
	if (h->id != SIP_H_UNKNOWN)
		build_hdr(b, (enum sip_hdr_id)h->id, h->value);
	else
		build_hdr_named(b, h->name, h->value);
}

void
build_copy(struct buf *b, const struct sip_msg *m, enum sip_hdr_id id)
{
	const struct sip_hdr *h;

	for (h = sip_first(m, id); h != NULL; h = sip_next(m, h))
		build_copy_line(b, h);
}

/* Does the sender's own address stand in its Via already (18.2.1)? */
static bool
needs_received(const struct sip_via *v, const struct addr *source)
{
	return v->has_rport || v->ip.family == ADDR_NONE ||
	    !addr_same_ip(&v->ip, source);
}

/* The top Via, marked with where it really came from. */
static void
put_top_via(struct buf *b, const struct sip_via *v, const struct addr *source,
    bool may_keep)
{
	struct span rest = v->params;
	struct sip_param p;

	build_open(b, SIP_H_VIA);
	buf_put(b, v->protocol);
	buf_putc(b, '/');
	buf_put(b, v->version);
	buf_putc(b, '/');
	buf_put(b, v->transport);
	buf_putc(b, ' ');
	put_solid(b, v->host);
	if (v->port != 0) {
		buf_putc(b, ':');
		buf_put_u64(b, v->port);
	}
	if (!v->is_whole) {
		/* Refused as malformed: its owner gets back what it wrote. */
		build_value(b, v->params);
		build_close(b);
		return;
	}
	while (sip_param_next(&rest, &p) == 0) {
		if (span_caseeq(p.name, SPAN_LIT("received")))
			continue;
		if (span_caseeq(p.name, SPAN_LIT("rport"))) {
			buf_put(b, SPAN_LIT(";rport="));
			buf_put_u64(b, source->port);
			continue;
		}
		if (may_keep && !p.has_value &&
		    span_caseeq(p.name, SPAN_LIT("keep"))) {
			buf_put(b, SPAN_LIT(";keep="));
			buf_put_u64(b, BUILD_KEEP_S);
			continue;
		}
		put_param(b, &p);
	}
	if (needs_received(v, source)) {
		buf_put(b, SPAN_LIT(";received="));
		addr_put_ip(b, source);
	}
	build_close(b);
}

static void
put_vias(struct buf *b, const struct sip_msg *req, const struct addr *source,
    unsigned status)
{
	bool may_keep = status > 100 && status < 300 &&
	    (req->method == SIP_REGISTER || req->method == SIP_INVITE);
	struct sip_values it = sip_values(req, SIP_H_VIA);
	struct sip_via other;
	struct span value;
	bool top = true;

	while (sip_values_next(&it, &value) == 0) {
		if (top && source != NULL)
			put_top_via(b, &req->via, source, may_keep);
		else if (top || req->refuse_status == 0 ||
		    sip_via_parse(value, &other) == 0)
			build_hdr(b, SIP_H_VIA, value);
		top = false;
	}
}

static void
put_first(struct buf *b, const struct sip_msg *req, enum sip_hdr_id id)
{
	const struct sip_hdr *h = sip_first(req, id);

	if (h != NULL)
		build_copy_line(b, h);
}

/* A To that could not be read is given back as it came, without our tag. */
static void
put_to(struct buf *b, const struct sip_msg *req, struct span tag)
{
	const struct sip_hdr *h = sip_first(req, SIP_H_TO);

	if (h == NULL)
		return;
	build_open(b, SIP_H_TO);
	build_value(b, h->value);
	if (tag.len > 0 && req->to.uri.all.len > 0 && req->to.tag.len == 0) {
		buf_put(b, SPAN_LIT(";tag="));
		put_solid(b, tag);
	}
	build_close(b);
}

void
build_response(struct buf *b, const struct sip_msg *req, unsigned status,
    const char *reason, struct span to_tag, const struct addr *source,
    unsigned flags)
{
	build_status_line(b, status, reason);
	put_vias(b, req, source, status);
	put_first(b, req, SIP_H_FROM);
	put_to(b, req, to_tag);
	put_first(b, req, SIP_H_CALL_ID);
	put_first(b, req, SIP_H_CSEQ);
	if (status == 100)
		put_first(b, req, SIP_H_TIMESTAMP);	/* 8.2.6.1 */
	if (flags & BUILD_RECORD_ROUTE)
		build_copy(b, req, SIP_H_RECORD_ROUTE);
}

void
build_end(struct buf *b, struct span body)
{
	build_hdr_u64(b, SIP_H_CONTENT_LENGTH, body.len);
	crlf(b);
	buf_put(b, body);
}
