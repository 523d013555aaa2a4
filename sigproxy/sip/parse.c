#include <errno.h>

#include "common/codec/sos.h"
#include "sigproxy/sip/lex.h"
#include "sigproxy/sip/msg.h"

/* Remember the first fault; later ones are its consequences. */
static void
refuse(struct sip_msg *m, uint16_t status, const char *why)
{
	if (m->refuse_status == 0) {
		m->refuse_status = status;
		m->refuse_why = why;
	}
}

static void
start(struct sip_msg *m, struct span bytes)
{
	/* Not the array of lines: n_hdrs says how many are true. */
	memset(m, 0, offsetof(struct sip_msg, first));
	memset(m->first, 0xff, sizeof(m->first));
	memset(m->last, 0xff, sizeof(m->last));
	m->bytes = bytes;
	m->max_forwards = 70;
}

/* ---- start line ---- */

static bool
is_sip_version(struct span s)
{
	return span_caseeq(span_sub(s, 0, 4), SPAN_LIT("SIP/"));
}

/* "SIP/" 1*DIGIT "." 1*DIGIT: 505 for another one, 400 for none. */
static void
check_version(struct sip_msg *m, struct span s)
{
	struct lex l = lex_start(span_sub(s, 4, s.len));
	bool whole;

	if (span_caseeq(s, SPAN_LIT("SIP/2.0")))
		return;
	whole = lex_run(&l, LEX_DIGIT).len > 0 && lex_sees(&l, '.');
	if (whole) {
		l.p++;
		whole = lex_run(&l, LEX_DIGIT).len > 0 && lex_at_end(&l);
	}
	if (whole)
		refuse(m, 505, "Version Not Supported");
	else
		refuse(m, 400, "Malformed SIP Version");
}

static void
check_ruri(struct sip_msg *m, struct span s)
{
	if (uri_parse(s, &m->ruri) != 0) {
		m->ruri = (struct uri){ 0 };
		refuse(m, 400, "Malformed Request-URI");
	} else if (m->ruri.scheme == URI_OTHER &&
	    !sos_is(s, NULL)) {
		refuse(m, 416, "Unsupported URI Scheme");
	} else if (m->ruri.headers.len > 0) {
		/* 19.1.1: not allowed there, and never to be obeyed. */
		refuse(m, 400, "Headers In Request-URI");
	}
}

/* Method SP Request-URI SP SIP-Version.  Errors: -EBADMSG not SIP at all. */
static int
read_request_line(struct sip_msg *m, struct span line)
{
	struct lex l = lex_start(line);
	struct span version, uri;
	size_t end = line.len, at;

	m->is_request = true;
	m->method_name = lex_run(&l, LEX_TOKEN);
	if (m->method_name.len == 0 || !lex_sees(&l, ' '))
		return -EBADMSG;
	m->method = sip_method_of(m->method_name);
	while (end > 0 && (line.p[end - 1] == ' ' || line.p[end - 1] == '\t'))
		end--;
	for (at = end; at > 0 && line.p[at - 1] != ' '; at--)
		;
	version = span_make(line.p + at, end - at);
	if (at <= m->method_name.len + 1 || !is_sip_version(version))
		return -EBADMSG;
	check_version(m, version);
	if (end != line.len)
		refuse(m, 400, "Space After SIP Version");
	uri = span_sub(line, m->method_name.len + 1,
	    at - 1 - (m->method_name.len + 1));
	check_ruri(m, uri);
	return 0;
}

/* SIP-Version SP 3DIGIT SP [reason] */
static int
read_status_line(struct sip_msg *m, struct span line)
{
	struct span code = span_sub(line, 8, 3);
	uint32_t status;

	m->is_request = false;
	if (!span_caseeq(span_sub(line, 0, 8), SPAN_LIT("SIP/2.0 ")) ||
	    code.len != 3 || span_to_u32(code, 699, &status) != 0 ||
	    status < 100)
		return -EBADMSG;
	/* Some phones leave out the space before an empty reason. */
	if (line.len > 11 && line.p[11] != ' ')
		return -EBADMSG;
	m->status = (uint16_t)status;
	m->reason = span_sub(line, 12, line.len);
	for (size_t i = 0; i < m->reason.len; i++) {
		if (lex_is(m->reason.p[i], LEX_CTL))
			return -EBADMSG;
	}
	return 0;
}

/* ---- lines ---- */

/*
 * Take one line without its end.  A LF alone ends it too, so that the rest
 * can be read for an answer, but is a fault.
 * Errors: -EAGAIN no end of line.
 */
static int
take_line(struct sip_msg *m, struct lex *l, struct span *out)
{
	const char *from = l->p;
	const char *lf = memchr(from, '\n', (size_t)(l->end - from));
	size_t len;

	if (lf == NULL)
		return -EAGAIN;
	len = (size_t)(lf - from);
	if (len > 0 && from[len - 1] == '\r')
		len--;
	else
		refuse(m, 400, "LF Without CR");
	*out = span_make(from, len);
	l->p = lf + 1;
	return 0;
}

/* Take a header line with all its folds. */
static int
take_folded(struct sip_msg *m, struct lex *l, struct span *out)
{
	struct span line, more;
	int err;

	err = take_line(m, l, &line);
	if (err == 0 && line.len == 0) {	/* the body may begin with SP */
		*out = line;
		return 0;
	}
	while (err == 0 && (lex_sees(l, ' ') || lex_sees(l, '\t'))) {
		err = take_line(m, l, &more);
		if (err == 0)
			line.len = (size_t)(more.p + more.len - line.p);
	}
	if (err == 0)
		*out = line;
	return err;
}

/*
 * No control octets but HTAB, folds, and quoted-pairs in a quoted string
 * (25.1 quoted-pair; RFC 4475 3.1.1.2 has NUL there).
 */
static bool
value_is_clean(struct span s)
{
	bool in_quotes = false;
	size_t first = 0;

	while (first < s.len && !lex_is(s.p[first], LEX_CTL))
		first++;
	if (first == s.len)	/* nearly every value */
		return true;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (c == '"') {
			in_quotes = !in_quotes;
		} else if (c == '\\' && in_quotes) {
			if (i + 1 < s.len && s.p[i + 1] != '\r' &&
			    s.p[i + 1] != '\n')
				i++;
		} else if (lex_is(c, LEX_CTL)) {
			if (c != '\r' || s.len - i < 3 || s.p[i + 1] != '\n' ||
			    (s.p[i + 2] != ' ' && s.p[i + 2] != '\t'))
				return false;
			i++;
		}
	}
	return true;
}

static void
add_header(struct sip_msg *m, struct span name, struct span value)
{
	struct sip_hdr *h;
	enum sip_hdr_id id;
	int16_t at = (int16_t)m->n_hdrs;

	if (m->n_hdrs == SIP_HDRS_MAX) {
		refuse(m, 400, "Too Many Header Fields");
		return;
	}
	id = sip_hdr_of(name);
	h = &m->hdr[m->n_hdrs++];
	*h = (struct sip_hdr){ name, value, (uint8_t)id, -1 };
	if (id == SIP_H_UNKNOWN)
		return;
	if (m->first[id] < 0)
		m->first[id] = at;
	else
		m->hdr[m->last[id]].next = at;
	m->last[id] = at;
	if (m->first[id] != at && sip_hdr_count(id) == SIP_ONE)
		refuse(m, 400, "Header Field Stands Twice");
}

/* header-name *( SP / HTAB ) ":" value */
static void
read_header(struct sip_msg *m, struct span line)
{
	struct lex l = lex_start(line);
	struct span name = lex_run(&l, LEX_TOKEN), value;

	/* Nothing but SP and HTAB before the colon: an octet that one parser
	 * skips and another does not hides a header (AST-2016-009). */
	while (lex_sees(&l, ' ') || lex_sees(&l, '\t'))
		l.p++;
	if (name.len == 0 || !lex_sees(&l, ':')) {
		refuse(m, 400, "Malformed Header Field");
		return;
	}
	l.p++;
	value = lex_rest(&l);
	if (!value_is_clean(value)) {
		refuse(m, 400, "Control Octet In Header Field");
		return;
	}
	add_header(m, name, span_trim(value));
}

/* All lines up to the empty one.  Errors: -EAGAIN it did not come. */
static int
read_headers(struct sip_msg *m, struct lex *l)
{
	struct span line;
	int err;

	for (;;) {
		if (lex_sees(l, ' ') || lex_sees(l, '\t'))
			refuse(m, 400, "Folded Start Line");
		err = take_folded(m, l, &line);
		if (err != 0)
			return err;
		if (line.len == 0)
			return 0;
		read_header(m, line);
	}
}

/* ---- framing ---- */

/* Errors: -EAGAIN streams only. */
static int
frame_body(struct sip_msg *m, const struct lex *l, enum sip_framing framing)
{
	struct span rest = lex_rest(l);
	uint32_t n = 0;

	m->has_content_length = sip_has(m, SIP_H_CONTENT_LENGTH);
	m->body = framing == SIP_DATAGRAM ? rest : span_make(rest.p, 0);
	if (!m->has_content_length) {
		if (framing == SIP_STREAM) {
			m->framing_lost = true;
			refuse(m, 400, "Missing Content-Length");
		}
		return 0;
	}
	if (sip_next(m, sip_first(m, SIP_H_CONTENT_LENGTH)) != NULL ||
	    span_to_u32(sip_value(m, SIP_H_CONTENT_LENGTH), UINT32_MAX, &n)
	    != 0) {
		m->framing_lost = true;
		refuse(m, 400, "Malformed Content-Length");
		return 0;
	}
	if (framing == SIP_STREAM && n > SIP_BYTES_MAX) {
		m->framing_lost = true;
		refuse(m, 513, "Message Too Large");
		return 0;
	}
	if (n > rest.len) {
		if (framing == SIP_STREAM)
			return -EAGAIN;
		refuse(m, 400, "Content-Length Beyond The Datagram");
		return 0;
	}
	m->body = span_make(rest.p, n);
	return 0;
}

/* ---- mandatory headers and addresses ---- */

static void
check_vias(struct sip_msg *m)
{
	struct sip_values it = sip_values(m, SIP_H_VIA);
	struct sip_via v;
	struct span value;
	bool top = true;
	int err, list_err;

	while ((list_err = sip_values_next(&it, &value)) == 0) {
		err = sip_via_parse(value, &v);
		if (top)
			m->via = v;
		top = false;
		if (err != 0)
			refuse(m, 400, "Malformed Via");
	}
	if (list_err != -ENOENT)
		refuse(m, 400, "Malformed Via");
	else if (top)
		refuse(m, 400, "Missing Via");
}

static void
check_from_to(struct sip_msg *m)
{
	if (!sip_has(m, SIP_H_FROM))
		refuse(m, 400, "Missing From");
	else if (sip_nameaddr_parse(sip_value(m, SIP_H_FROM), &m->from) != 0)
		refuse(m, 400, "Malformed From");
	if (!sip_has(m, SIP_H_TO))
		refuse(m, 400, "Missing To");
	else if (sip_nameaddr_parse(sip_value(m, SIP_H_TO), &m->to) != 0)
		refuse(m, 400, "Malformed To");
	else if (m->is_request && m->method == SIP_REGISTER &&
	    m->to.uri.scheme != URI_SIP && m->to.uri.scheme != URI_SIPS)
		refuse(m, 400, "To Is Not A SIP Address");	/* 10.2 */
}

static void
check_ids(struct sip_msg *m)
{
	struct span call_id = sip_value(m, SIP_H_CALL_ID);

	if (!sip_has(m, SIP_H_CALL_ID))
		refuse(m, 400, "Missing Call-ID");
	else if (!sip_is_call_id(call_id))
		refuse(m, 400, "Malformed Call-ID");
	else
		m->call_id = call_id;
	if (!sip_has(m, SIP_H_CSEQ))
		refuse(m, 400, "Missing CSeq");
	else if (sip_cseq_parse(sip_value(m, SIP_H_CSEQ), &m->cseq) != 0)
		refuse(m, 400, "Malformed CSeq");
	else if (m->is_request &&
	    !span_eq(m->cseq.method_name, m->method_name))
		refuse(m, 400, "CSeq Method Differs");
	if (!m->is_request) {
		m->method = m->cseq.method;
		m->method_name = m->cseq.method_name;
	}
}

static void
check_max_forwards(struct sip_msg *m)
{
	uint32_t n;

	m->has_max_forwards = sip_has(m, SIP_H_MAX_FORWARDS);
	if (!m->has_max_forwards)
		return;
	if (span_to_u32(sip_value(m, SIP_H_MAX_FORWARDS), 255, &n) != 0)
		refuse(m, 400, "Malformed Max-Forwards");
	else
		m->max_forwards = (uint8_t)n;
}

/* Each value of a list of addresses can be read. */
static void
check_routes(struct sip_msg *m, enum sip_hdr_id id, const char *why)
{
	struct sip_values it = sip_values(m, id);
	struct sip_nameaddr na;
	struct span value;
	int err;

	while ((err = sip_values_next(&it, &value)) == 0) {
		if (sip_nameaddr_parse(value, &na) != 0 || !na.has_brackets)
			refuse(m, 400, why);
	}
	if (err != -ENOENT)
		refuse(m, 400, why);
}

static void
check_contacts(struct sip_msg *m)
{
	struct sip_values it = sip_values(m, SIP_H_CONTACT);
	struct sip_contact c;
	struct span value;
	unsigned n = 0;
	bool star = false;
	int err;

	while ((err = sip_values_next(&it, &value)) == 0) {
		n++;
		if (sip_contact_parse(value, &c) != 0)
			refuse(m, 400, "Malformed Contact");
		else
			star |= c.is_star;
	}
	if (err != -ENOENT)
		refuse(m, 400, "Malformed Contact");
	if (star && (n > 1 || !m->is_request || m->method != SIP_REGISTER))
		refuse(m, 400, "Contact Star Out Of Place");
}

static void
check_message(struct sip_msg *m)
{
	check_vias(m);
	check_from_to(m);
	check_ids(m);
	if (m->is_request)
		check_max_forwards(m);
	check_contacts(m);
	check_routes(m, SIP_H_ROUTE, "Malformed Route");
	check_routes(m, SIP_H_RECORD_ROUTE, "Malformed Record-Route");
}

/* How the fault, if any, ends for the caller. */
static int
verdict(const struct sip_msg *m)
{
	if (m->refuse_status == 0)
		return 0;
	if (!m->is_request || m->method == SIP_ACK)
		return -EBADMSG;
	return m->via.transport.len > 0 ? -EPROTO : -EBADMSG;
}

static int
drop(struct sip_msg *m, const char *why)
{
	refuse(m, 400, why);
	return -EBADMSG;
}

int
sip_parse(struct span bytes, enum sip_framing framing, struct sip_msg *out,
    size_t *used_out)
{
	struct lex l = lex_start(bytes);
	struct sip_msg *m = out;
	struct span line;
	int err;

	while (lex_sees(&l, '\r') || lex_sees(&l, '\n'))	/* 7.5 */
		l.p++;
	start(m, lex_rest(&l));
	if (lex_at_end(&l))
		return -ENOMSG;
	if (m->bytes.len > SIP_BYTES_MAX && framing == SIP_DATAGRAM)
		return drop(m, "Too Long");
	err = take_line(m, &l, &line);
	if (err != 0)
		return framing == SIP_STREAM ? err : drop(m, "No Line");
	if (is_sip_version(line))
		err = read_status_line(m, line);
	else
		err = read_request_line(m, line);
	if (err != 0)
		return drop(m, "Malformed Start Line");
	err = read_headers(m, &l);
	if (err != 0 && framing == SIP_STREAM)
		return err;
	if (err != 0)
		refuse(m, 400, "No Empty Line After Header");
	else
		err = frame_body(m, &l, framing);
	if (err == -EAGAIN && framing == SIP_STREAM)
		return err;
	if (m->body.p != NULL)
		m->bytes.len = (size_t)(m->body.p + m->body.len - m->bytes.p);
	check_message(m);
	if (used_out != NULL)
		*used_out = (size_t)(m->bytes.p + m->bytes.len - bytes.p);
	return verdict(m);
}
