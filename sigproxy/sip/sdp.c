#include <errno.h>

#include "sigproxy/sip/lex.h"
#include "sigproxy/sip/sdp.h"
#include "sigproxy/sip/sdp_line.h"

#define PT_MAX 127	/* RFC 3550 5.1: seven bits */

static const char *const dir_name[] = {
	"", "sendrecv", "sendonly", "recvonly", "inactive",
};

const char *
sdp_dir_name(enum sdp_dir d)
{
	return (unsigned)d <= SDP_INACTIVE ? dir_name[d] : "";
}

enum sdp_dir
sdp_dir_turn(enum sdp_dir d)
{
	if (d == SDP_SENDONLY)
		return SDP_RECVONLY;
	return d == SDP_RECVONLY ? SDP_SENDONLY : d;
}

enum sdp_dir
sdp_dir_of(struct span attribute)
{
	for (int d = SDP_SENDRECV; d <= SDP_INACTIVE; d++) {
		if (span_eq(attribute, span_str(dir_name[d])))
			return (enum sdp_dir)d;
	}
	return SDP_DIR_NONE;
}

static const char *const type_name[] = {
	"application", "audio", "video", "text", "image", "application",
	"message",
};

enum sdp_type
sdp_type_of(struct span type)
{
	for (int t = SDP_TYPE_AUDIO; t <= SDP_TYPE_MAX; t++) {
		if (span_caseeq(type, span_str(type_name[t])))
			return (enum sdp_type)t;
	}
	return SDP_TYPE_OTHER;
}

const char *
sdp_type_name(enum sdp_type t)
{
	return type_name[t];
}

int
sdp_line_next(struct span *rest, struct sdp_line *out)
{
	ptrdiff_t lf = span_find(*rest, '\n');
	size_t len = lf < 0 ? rest->len : (size_t)lf;
	size_t used = lf < 0 ? len : len + 1;
	const char *p = rest->p;

	if (rest->len == 0)
		return -ENOENT;
	if (len > 0 && p[len - 1] == '\r')
		len--;
	for (size_t i = 0; i < len; i++) {
		if (lex_is(p[i], LEX_CTL) && p[i] != 127)
			return -EBADMSG;
	}
	if (len == 0) {
		/* Some phones end the body with an empty line. */
		*rest = span_sub(*rest, used, rest->len);
		return span_trim(*rest).len == 0 ? -ENOENT : -EBADMSG;
	}
	if (len < 2 || p[1] != '=')
		return -EBADMSG;
	out->type = p[0];
	out->value = span_make(p + 2, len - 2);
	*rest = span_sub(*rest, used, rest->len);
	return 0;
}

bool
sdp_attribute(struct span value, const char *name, struct span *content)
{
	struct span n = span_str(name);

	if (!span_starts(value, n))
		return false;
	if (value.len == n.len) {
		*content = SPAN_NONE;
		return true;
	}
	if (value.p[n.len] != ':')
		return false;
	*content = span_sub(value, n.len + 1, value.len);
	return true;
}

/* Take the field before the next SP; false when nothing is left. */
static bool
field(struct span *rest, struct span *out)
{
	ptrdiff_t sp = span_find(*rest, ' ');

	if (rest->len == 0 || sp == 0)
		return false;
	if (sp < 0) {
		*out = *rest;
		*rest = SPAN_NONE;
	} else {
		*out = span_make(rest->p, (size_t)sp);
		*rest = span_sub(*rest, (size_t)sp + 1, rest->len);
	}
	return true;
}

/*
 * "IN" SP ("IP4" / "IP6") SP address
 *
 * Gives:   host as written; ip with family ADDR_NONE when it is a name.
 */
static int
net_address(struct span *rest, struct span *host, struct addr *ip)
{
	struct span net, type, text;
	struct addr a = { 0 };
	bool six;

	if (!field(rest, &net) || !span_eq(net, SPAN_LIT("IN")) ||
	    !field(rest, &type) || !field(rest, &text) || text.len > 255)
		return -EBADMSG;
	six = span_eq(type, SPAN_LIT("IP6"));
	if (!six && !span_eq(type, SPAN_LIT("IP4")))
		return -EBADMSG;
	if (addr_parse_ip(text, &a) != 0) {
		enum uri_host kind;

		/* A name is allowed (RFC 8866 5.7); nothing else is. */
		if (uri_host_parse(text, &kind, &a) != 0 ||
		    kind != URI_HOST_NAME)
			return -EBADMSG;
		a = (struct addr){ 0 };
	} else if (six != (span_find(text, ':') >= 0) || text.p[0] == '[') {
		return -EBADMSG;
	}
	*host = text;
	*ip = a;
	return 0;
}

static bool
is_zero(const struct addr *a)
{
	static const uint8_t zero[16];

	return a->family != ADDR_NONE && memcmp(a->ip, zero, sizeof(zero)) == 0;
}

/* c=: a unicast address; "/ttl" is for multicast, which no phone calls. */
static int
read_connection(struct span value, struct span *host, struct addr *out)
{
	if (net_address(&value, host, out) != 0 || value.len > 0)
		return -EBADMSG;
	return 0;
}

static int
read_origin(struct span value, struct sdp *s)
{
	struct span id, version;
	struct addr ip;

	if (!field(&value, &s->o_user) || !field(&value, &id) ||
	    !field(&value, &version) ||
	    span_to_u64(id, UINT64_MAX, &s->o_session) != 0 ||
	    span_to_u64(version, UINT64_MAX, &s->o_version) != 0 ||
	    net_address(&value, &s->o_host, &ip) != 0)
		return -EBADMSG;
	return span_trim(value).len == 0 ? 0 : -EBADMSG;
}

/* proto = token *("/" token) */
static bool
is_proto(struct span s)
{
	bool need = true;

	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '/' && need)
			return false;
		if (s.p[i] != '/' && !lex_is(s.p[i], LEX_TOKEN))
			return false;
		need = s.p[i] == '/';
	}
	return !need;
}

/* Every format a token; for RTP a payload type. */
static int
check_formats(const struct sdp_media *m)
{
	struct span rest = m->fmts, fmt;
	struct lex l;
	uint32_t pt;

	if (rest.len == 0)
		return -EBADMSG;
	while (rest.len > 0) {
		if (!field(&rest, &fmt))
			return -EBADMSG;
		l = lex_start(fmt);
		lex_run(&l, LEX_TOKEN | LEX_VALUE);
		if (!lex_at_end(&l))
			return -EBADMSG;
		if (m->is_rtp && span_to_u32(fmt, PT_MAX, &pt) != 0)
			return -EBADMSG;
	}
	return 0;
}

static bool
ends_with(struct span s, struct span end)
{
	return s.len >= end.len &&
	    span_eq(span_sub(s, s.len - end.len, end.len), end);
}

static int
read_media(struct span value, const struct sdp *s, struct sdp_media *out)
{
	struct sdp_media m = { .n_ports = 1 };
	struct span port, count, rest = span_trim(value);
	struct lex l;
	ptrdiff_t slash;
	uint32_t n;

	if (!field(&rest, &m.type) || !field(&rest, &port) ||
	    !field(&rest, &m.proto))
		return -EBADMSG;
	l = lex_start(m.type);
	lex_run(&l, LEX_TOKEN);
	if (!lex_at_end(&l) || !is_proto(m.proto))
		return -EBADMSG;
	slash = span_find(port, '/');
	if (slash >= 0) {
		count = span_sub(port, (size_t)slash + 1, port.len);
		port.len = (size_t)slash;
		if (span_to_u32(count, UINT16_MAX, &n) != 0 || n == 0)
			return -EBADMSG;
		m.n_ports = (uint16_t)n;
	}
	if (span_to_u32(port, UINT16_MAX, &n) != 0)
		return -EBADMSG;
	m.port = (uint16_t)n;
	m.fmts = rest;
	m.is_rtp = span_starts(m.proto, SPAN_LIT("RTP/")) ||
	    span_starts(m.proto, SPAN_LIT("UDP/TLS/RTP/"));
	m.is_udptl = span_caseeq(m.proto, SPAN_LIT("udptl"));
	m.is_secure = m.is_rtp && (ends_with(m.proto, SPAN_LIT("/SAVP")) ||
	    ends_with(m.proto, SPAN_LIT("/SAVPF")));
	m.rtp = s->conn;
	m.c_host = s->c_host;
	m.has_fingerprint = s->has_fingerprint;
	m.has_ice = s->has_ice;
	if (check_formats(&m) != 0)
		return -EBADMSG;
	*out = m;
	return 0;
}

/* a=rtcp:port ["IN" "IP4" address] (RFC 3605) */
static int
read_rtcp(struct span content, struct sdp_media *m)
{
	struct span port, host;
	uint32_t n;

	content = span_trim(content);
	if (!field(&content, &port) ||
	    span_to_u32(port, UINT16_MAX, &n) != 0 || n == 0)
		return -EBADMSG;
	m->rtcp = (struct addr){ 0 };
	if (content.len > 0 &&
	    (net_address(&content, &host, &m->rtcp) != 0 || content.len > 0))
		return -EBADMSG;
	m->rtcp.port = (uint16_t)n;
	m->has_rtcp = true;
	return 0;
}

/* a=rtpmap:, a=fmtp:, a=rtcp-fb: begin with a payload type (or `*`). */
static int
check_payload_type(const struct sdp_media *m, struct span content)
{
	struct span pt;
	uint32_t n;

	if (!m->is_rtp)
		return 0;
	if (!field(&content, &pt))
		return -EBADMSG;
	if (span_eq(pt, SPAN_LIT("*")))
		return 0;
	return span_to_u32(pt, PT_MAX, &n) == 0 ? 0 : -EBADMSG;
}

/* "101 telephone-event/8000", of a format that its m= line has. */
static void
read_tone(struct span content, struct sdp_media *m)
{
	struct span pt, name, fmts = m->fmts, fmt;
	ptrdiff_t slash;
	uint32_t n, rate;

	if (m->tones.n == SDP_TONES_MAX || !m->is_rtp ||
	    !field(&content, &pt) || !field(&content, &name) ||
	    span_to_u32(pt, PT_MAX, &n) != 0)
		return;
	slash = span_find(name, '/');
	if (slash < 0 || !span_caseeq(span_sub(name, 0, (size_t)slash),
			     SPAN_LIT("telephone-event")) ||
	    span_to_u32(span_sub(name, (size_t)slash + 1, name.len),
		SDP_TONE_RATE_MAX, &rate) != 0 || rate < SDP_TONE_RATE_MIN)
		return;
	while (field(&fmts, &fmt)) {
		if (!span_eq(fmt, pt))
			continue;
		m->tones.tone[m->tones.n++] =
		    (struct sdp_tone){ (uint8_t)n, rate };
		return;
	}
}

struct sdp_tone
sdp_tone_for(const struct sdp_tones *t, uint32_t clock)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->tone[i].rate == clock)
			return t->tone[i];
	return t->n > 0 ? t->tone[0] : (struct sdp_tone){ 0 };
}

static bool
is_ice(struct span value)
{
	struct span content;

	return sdp_attribute(value, "candidate", &content) ||
	    sdp_attribute(value, "ice-ufrag", &content);
}

static int
media_attribute(struct span value, struct sdp_media *m)
{
	enum sdp_dir d = sdp_dir_of(value);
	struct span content;

	if (d != SDP_DIR_NONE) {
		if (m->dir == SDP_DIR_NONE)
			m->dir = d;
		return 0;
	}
	if (sdp_attribute(value, "rtcp", &content))
		return read_rtcp(content, m);
	if (sdp_attribute(value, "rtpmap", &content))
		read_tone(content, m);
	if (sdp_attribute(value, "rtpmap", &content) ||
	    sdp_attribute(value, "fmtp", &content) ||
	    sdp_attribute(value, "rtcp-fb", &content))
		return check_payload_type(m, content);
	if (sdp_attribute(value, "rtcp-mux", &content) ||
	    sdp_attribute(value, "rtcp-mux-only", &content))
		m->rtcp_mux = true;
	else if (sdp_attribute(value, "crypto", &content))
		m->n_crypto++;
	else if (sdp_attribute(value, "fingerprint", &content))
		m->has_fingerprint = true;
	else if (sdp_attribute(value, "mid", &content))
		m->mid = content;
	else if (is_ice(value))
		m->has_ice = true;
	return 0;
}

static void
session_attribute(struct span value, struct sdp *s)
{
	enum sdp_dir d = sdp_dir_of(value);
	struct span content;

	if (d != SDP_DIR_NONE && s->dir == SDP_DIR_NONE)
		s->dir = d;
	else if (sdp_attribute(value, "group", &content))
		s->has_bundle |= span_starts(content, SPAN_LIT("BUNDLE"));
	else if (sdp_attribute(value, "fingerprint", &content))
		s->has_fingerprint = true;
	else if (is_ice(value))
		s->has_ice = true;
}

static int
session_line(const struct sdp_line *line, struct sdp *s)
{
	switch (line->type) {
	case 'c':
		s->has_conn = true;
		return read_connection(line->value, &s->c_host, &s->conn);
	case 'a':
		session_attribute(line->value, s);
		return 0;
	case 's':
	case 'i':
	case 'u':
	case 'e':
	case 'p':
	case 'b':
	case 't':
	case 'r':
	case 'z':
	case 'k':
		return 0;
	default:
		return -EBADMSG;	/* RFC 8866 5: unknown types, too */
	}
}

static int
media_line(const struct sdp_line *line, struct sdp_media *m)
{
	switch (line->type) {
	case 'c':
		return read_connection(line->value, &m->c_host, &m->rtp);
	case 'a':
		return media_attribute(line->value, m);
	case 'i':
	case 'b':
	case 'k':
		return 0;
	default:
		return -EBADMSG;
	}
}

/* What the lines together mean. */
static void
settle(struct sdp *s)
{
	for (unsigned i = 0; i < s->n_media; i++) {
		struct sdp_media *m = &s->media[i];

		m->is_hold_addr = is_zero(&m->rtp);
		m->rtp.port = m->rtp.family == ADDR_NONE ? 0 : m->port;
		m->has_dir = m->dir != SDP_DIR_NONE || s->dir != SDP_DIR_NONE;
		if (m->dir == SDP_DIR_NONE)
			m->dir = s->dir;
		if (m->dir == SDP_DIR_NONE)
			m->dir = SDP_SENDRECV;
		if (!m->has_rtcp) {
			m->rtcp = m->rtp;
			/* After 65535 there is none: 0 by the cast. */
			if (m->rtp.port != 0)
				m->rtcp.port = (uint16_t)(m->rtp.port + 1);
		} else if (m->rtcp.family == ADDR_NONE) {
			uint16_t port = m->rtcp.port;

			m->rtcp = m->rtp;
			m->rtcp.port = port;
		}
	}
}

/* A section goes from after its m= line up to the next one. */
static int
begin_media(const struct sdp_line *line, struct span rest, struct sdp *s)
{
	struct sdp_media *m = &s->media[s->n_media];
	int err;

	if (s->n_media == SDP_MEDIA_MAX)
		return -E2BIG;
	s->n_media++;
	err = read_media(line->value, s, m);
	if (err == 0)
		m->lines = rest;
	return err;
}

static int
read_lines(struct span rest, struct sdp *s)
{
	struct sdp_line line;
	unsigned lines = 0;
	int err;

	while ((err = sdp_line_next(&rest, &line)) == 0) {
		if (++lines > SDP_LINES_MAX)
			return -EMSGSIZE;
		if (lines == 1)
			err = line.type == 'v' &&
			    span_eq(line.value, SPAN_LIT("0")) ? 0 : -EBADMSG;
		else if (lines == 2)
			err = line.type == 'o' ? read_origin(line.value, s) :
			    -EBADMSG;
		else if (line.type == 'm')
			err = begin_media(&line, rest, s);
		else if (s->n_media == 0)
			err = session_line(&line, s);
		else
			err = media_line(&line, &s->media[s->n_media - 1]);
		if (err != 0)
			return err;
	}
	if (err != -ENOENT)
		return err;
	return lines >= 2 ? 0 : -EBADMSG;
}

int
sdp_parse(struct span body, struct sdp *out)
{
	int err;

	if (body.len > SDP_BYTES_MAX)
		return -EMSGSIZE;
	/* Not on success only: the struct is large and the caller's. */
	memset(out, 0, offsetof(struct sdp, media));
	out->body = body;
	err = read_lines(body, out);
	if (err != 0)
		out->n_media = 0;
	settle(out);
	return err;
}
