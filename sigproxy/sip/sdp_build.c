#include <errno.h>

#include "sigproxy/sip/sdp_line.h"

/* Attributes that hold addresses, or mean nothing once the relay stands
 * between: ICE, bundles and the names of their streams, per-source names,
 * programs. */
static const char *const never[] = {
	"rtcp", "candidate", "remote-candidates", "end-of-candidates",
	"ice-ufrag", "ice-pwd", "ice-lite", "ice-options", "ice-mismatch",
	"ice-pacing", "alt", "group", "ssrc", "ssrc-group", "msid",
	"msid-semantic", "source-filter", "path", "msrp-cname", "control",
	"tool", "key-mgmt", "sctp-port", "identity", "record", "recordpref",
	"cname", "originator", "nortpproxy", "mid", "label", "bundle-only",
};

/* Attributes whose content cannot be an address: not searched for one. */
static const char *const always[] = {
	"rtpmap", "ptime", "maxptime", "crypto", "fingerprint",
	"setup", "rtcp-fb", "rtcp-rsize", "extmap", "T38FaxVersion",
	"T38MaxBitRate", "T38FaxMaxBuffer", "T38FaxMaxDatagram",
	"T38FaxUdpEC", "T38FaxRateManagement", "silenceSupp",
};

static bool
is_one_of(struct span value, const char *const *names, size_t n)
{
	struct span content;

	for (size_t i = 0; i < n; i++) {
		if (sdp_attribute(value, names[i], &content))
			return true;
	}
	return false;
}

static bool
may_be_address(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
	    (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}

/* "::" is nobody's. */
static bool
is_address(struct span s)
{
	struct addr a;

	return s.len >= 3 && addr_parse_ip(s, &a) == 0;
}

/* Is one of the pieces between colons one, or all from there on? */
static bool
piece_is_address(struct span run)
{
	ptrdiff_t colon;

	for (;; run = span_sub(run, (size_t)colon + 1, run.len)) {
		if (is_address(run))
			return true;
		colon = span_find(run, ':');
		if (colon < 0)
			return false;
		if (is_address(span_sub(run, 0, (size_t)colon)))
			return true;
	}
}

/* Is an IP address in this run, whatever stands before it or as its port? */
static bool
run_holds_address(struct span run)
{
	while (run.len > 0 && run.p[0] == '.')
		run = span_sub(run, 1, run.len);
	while (run.len > 0 && (run.p[run.len - 1] == '.' ||
	    (run.p[run.len - 1] == ':' && run.len > 1 &&
	    run.p[run.len - 2] != ':')))
		run.len--;
	return piece_is_address(run);
}

/* Does an IP address stand anywhere in s? */
static bool
holds_address(struct span s)
{
	size_t from;

	for (size_t i = 0; i < s.len; i++) {
		if (!may_be_address(s.p[i]))
			continue;
		for (from = i; i < s.len && may_be_address(s.p[i]); i++)
			;
		if (run_holds_address(span_make(s.p + from, i - from)))
			return true;
	}
	return false;
}

/* a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid (RFC 9143 15): it names what
 * goes with BUNDLE. */
static bool
is_of_bundle(struct span value)
{
	struct span content, uri = SPAN_LIT("urn:ietf:params:rtp-hdrext:"
	    "sdes:mid");
	ptrdiff_t sp;

	if (!sdp_attribute(value, "extmap", &content))
		return false;
	sp = span_find(content, ' ');
	if (sp < 0)
		return false;
	content = span_sub(content, (size_t)sp + 1, content.len);
	return span_starts(content, uri) &&
	    (content.len == uri.len || content.p[uri.len] == ' ');
}

static bool
attribute_stays(struct span value)
{
	if (is_of_bundle(value))
		return false;
	if (sdp_dir_of(value) != SDP_DIR_NONE)	/* written at the end */
		return false;
	if (is_one_of(value, never, sizeof(never) / sizeof(never[0])))
		return false;
	if (is_one_of(value, always, sizeof(always) / sizeof(always[0])))
		return true;
	return !holds_address(value);
}

static void
crlf(struct buf *b)
{
	buf_put(b, SPAN_LIT("\r\n"));
}

static void
put_line(struct buf *b, char type, struct span value)
{
	buf_putc(b, type);
	buf_putc(b, '=');
	buf_put(b, value);
	crlf(b);
}

static void
put_net(struct buf *b, const struct addr *a)
{
	buf_puts(b, a->family == ADDR_IPV6 ? "IN IP6 " : "IN IP4 ");
	addr_put_ip(b, a);
}

static void
put_connection(struct buf *b, const struct addr *a)
{
	buf_put(b, SPAN_LIT("c="));
	put_net(b, a);
	crlf(b);
}

/* v=, o=, s=.  The subject of a session is free text; ours is "-". */
static void
put_head(struct buf *b, const struct sdp *s, const struct sdp_edit *edit)
{
	buf_put(b, SPAN_LIT("v=0\r\no="));
	buf_put(b, edit->o_user.len > 0 ? edit->o_user : SPAN_LIT("-"));
	buf_putc(b, ' ');
	buf_put_u64(b, edit->o_session != 0 ? edit->o_session : s->o_session);
	buf_putc(b, ' ');
	buf_put_u64(b, edit->o_version != 0 ? edit->o_version : s->o_version);
	buf_putc(b, ' ');
	put_net(b, &edit->origin);
	buf_put(b, SPAN_LIT("\r\ns=-\r\n"));
}

/* What b=AS or b=TIAS (RFC 3890) says; UINT32_MAX: nothing. */
static uint32_t
kbps_of(struct span value)
{
	uint32_t n;

	if (span_starts(value, SPAN_LIT("AS:")) &&
	    span_to_u32(span_sub(value, 3, value.len), UINT32_MAX, &n) == 0)
		return n;
	if (span_starts(value, SPAN_LIT("TIAS:")) &&
	    span_to_u32(span_sub(value, 5, value.len), UINT32_MAX, &n) == 0)
		return n / 1000;
	return UINT32_MAX;
}

/* What the session may have of what it says; the same modifier, so that what
 * it counts stays what it was. */
static void
put_session_bandwidth(struct buf *b, struct span value, uint32_t most)
{
	bool is_tias = span_starts(value, SPAN_LIT("TIAS:"));

	if (most == 0 || kbps_of(value) <= most ||
	    (!is_tias && !span_starts(value, SPAN_LIT("AS:")))) {
		put_line(b, 'b', value);
		return;
	}
	buf_puts(b, is_tias ? "b=TIAS:" : "b=AS:");
	buf_put_u64(b, is_tias ? most * UINT64_C(1000) : most);
	crlf(b);
}

/*
 * The lines of the session part up to the first m=.  c= comes before b= and
 * t=, and t= must be there (RFC 8866 5), whatever was read.
 */
static void
put_session(struct buf *b, struct span *rest, struct sdp_line *line,
    const struct sdp_edit *edit)
{
	bool has_time = false;

	put_connection(b, &edit->origin);
	while (sdp_line_next(rest, line) == 0 && line->type != 'm') {
		if (line->type == 't')
			has_time = true;
		else if (!has_time && line->type == 'a') {
			buf_put(b, SPAN_LIT("t=0 0\r\n"));
			has_time = true;
		}
		switch (line->type) {
		case 'b':
			put_session_bandwidth(b, line->value, edit->max_kbps);
			break;
		case 't':
		case 'r':
		case 'z':
			put_line(b, line->type, line->value);
			break;
		case 'a':
			if (attribute_stays(line->value))
				put_line(b, 'a', line->value);
			break;
		default:	/* v o s c: written; i u e p k: not ours */
			break;
		}
	}
	if (!has_time)
		buf_put(b, SPAN_LIT("t=0 0\r\n"));
	/* RFC 8445 10: who goes by it rather than by RFC 5245 says so. */
	if (edit->ice_lite)
		buf_put(b, SPAN_LIT("a=ice-lite\r\na=ice-options:ice2\r\n"));
}

/* With feedback (RFC 4585) it stays so. */
static void
put_proto(struct buf *b, const struct sdp_media *m, uint8_t profile)
{
	if (profile == SDP_PROFILE_AS_IS) {
		buf_put(b, m->proto);
		return;
	}
	buf_puts(b, profile == SDP_PROFILE_SAVP ? "RTP/SAVP" : "RTP/AVP");
	if (m->proto.len > 0 && m->proto.p[m->proto.len - 1] == 'F')
		buf_putc(b, 'F');
}

static void
put_media_line(struct buf *b, const struct sdp_media *m, uint16_t port,
    uint16_t n_ports, uint8_t profile, struct span fmts)
{
	buf_put(b, SPAN_LIT("m="));
	buf_put(b, m->type);
	buf_putc(b, ' ');
	buf_put_u64(b, port);
	if (n_ports > 1) {
		buf_putc(b, '/');
		buf_put_u64(b, n_ports);
	}
	buf_putc(b, ' ');
	put_proto(b, m, profile);
	buf_putc(b, ' ');
	buf_put(b, fmts.len > 0 ? fmts : m->fmts);
	crlf(b);
}

/* Of a format that was taken out?  "*" is of all. */
static bool
is_of_another_format(struct span value, struct span fmts)
{
	struct span content;
	size_t len = 0;

	if (fmts.len == 0 || !(sdp_attribute(value, "rtpmap", &content) ||
	    sdp_attribute(value, "fmtp", &content) ||
	    sdp_attribute(value, "rtcp-fb", &content)))
		return false;
	while (len < content.len && content.p[len] != ' ')
		len++;
	content.len = len;
	if (span_eq(content, SPAN_LIT("*")))
		return false;
	for (ptrdiff_t at; fmts.len > 0;
	    fmts = span_sub(fmts, (size_t)at + 1, fmts.len)) {
		at = span_find(fmts, ' ');
		if (at < 0)
			return !span_eq(content, fmts);
		if (span_eq(content, span_sub(fmts, 0, (size_t)at)))
			return false;
	}
	return true;
}

static bool
media_attribute_stays(struct span value, const struct sdp_media *m,
    const struct sdp_media_edit *edit)
{
	struct span content;

	if (is_of_another_format(value, edit->fmts))
		return false;
	/* Each side's own affair. */
	if (sdp_attribute(value, "rtcp-mux", &content) ||
	    sdp_attribute(value, "rtcp-mux-only", &content))
		return false;
	/* Keys end where SRTP does; beside plain RTP they would travel for
	 * nothing. */
	if (sdp_attribute(value, "crypto", &content))
		return edit->profile == SDP_PROFILE_AS_IS && m->is_secure;
	return attribute_stays(value);
}

/* The attributes we write ourselves, at the end of the section. */
static void
put_own_attributes(struct buf *b, const struct sdp_media *m,
    const struct sdp_media_edit *edit)
{
	enum sdp_dir d = edit->dir != SDP_DIR_NONE ? edit->dir : m->dir;

	if (edit->rtcp_port != 0 && !edit->no_rtcp && (edit->with_rtcp ||
	    edit->rtcp_port != edit->rtp.port + 1 ||
	    edit->rtcp.family != ADDR_NONE)) {
		buf_put(b, SPAN_LIT("a=rtcp:"));
		buf_put_u64(b, edit->rtcp_port);
		if (edit->rtcp.family != ADDR_NONE) {
			buf_putc(b, ' ');
			put_net(b, &edit->rtcp);
		}
		crlf(b);
	}
	if (edit->mux)
		buf_puts(b, "a=rtcp-mux\r\n");
	buf_put(b, edit->events);
	buf_put(b, edit->crypto);
	buf_put(b, edit->ice);
	if (edit->dir != SDP_DIR_NONE || m->has_dir) {
		buf_put(b, SPAN_LIT("a="));
		buf_puts(b, sdp_dir_name(d));
		crlf(b);
	}
}

/* The smallest of what it says and what it may have, in place of both. */
static void
put_bandwidth(struct buf *b, struct span lines, uint32_t most)
{
	struct sdp_line line;

	if (most == 0)
		return;
	while (sdp_line_next(&lines, &line) == 0 && line.type != 'm')
		if (line.type == 'b' && kbps_of(line.value) < most)
			most = kbps_of(line.value);
	buf_puts(b, "b=AS:");
	buf_put_u64(b, most);
	crlf(b);
}

static bool
bandwidth_stays(struct span value, const struct sdp_media_edit *edit)
{
	return edit->max_kbps == 0 || kbps_of(value) == UINT32_MAX;
}

/* One m= section. */
static void
put_relayed(struct buf *b, const struct sdp_media *m,
    const struct sdp_media_edit *edit, const struct addr *origin)
{
	struct span rest = m->lines;
	struct sdp_line line;

	put_media_line(b, m, edit->rtp.port, 1, edit->profile, edit->fmts);
	if (!addr_same_ip(&edit->rtp, origin))
		put_connection(b, &edit->rtp);
	put_bandwidth(b, rest, edit->max_kbps);
	while (sdp_line_next(&rest, &line) == 0 && line.type != 'm') {
		if ((line.type == 'b' && bandwidth_stays(line.value, edit)) ||
		    (line.type == 'a' && media_attribute_stays(line.value, m, edit)))
			put_line(b, line.type, line.value);
	}
	put_own_attributes(b, m, edit);
}

/* The section as it came; its c= is written out, since the session's is
 * ours now. */
static void
put_as_is(struct buf *b, const struct sdp_media *m,
    const struct sdp_media_edit *edit)
{
	struct span rest = m->lines;
	struct sdp_line line;

	put_media_line(b, m, m->port, m->n_ports, SDP_PROFILE_AS_IS,
	    SPAN_NONE);
	if (m->c_host.len > 0) {
		buf_puts(b, span_find(m->c_host, ':') >= 0 ? "c=IN IP6 " :
		    "c=IN IP4 ");
		buf_put(b, m->c_host);
		crlf(b);
	}
	while (sdp_line_next(&rest, &line) == 0 && line.type != 'm') {
		if (line.type == 'b' || (line.type == 'a' &&
		    sdp_dir_of(line.value) == SDP_DIR_NONE))
			put_line(b, line.type, line.value);
	}
	if (edit->dir != SDP_DIR_NONE || m->has_dir) {
		buf_put(b, SPAN_LIT("a="));
		buf_puts(b, sdp_dir_name(edit->dir != SDP_DIR_NONE ?
		    edit->dir : m->dir));
		crlf(b);
	}
}

/* A line of an offer that its answer says nothing about. */
static void
put_missing(struct buf *b, enum sdp_type type)
{
	buf_puts(b, "m=");
	buf_puts(b, sdp_type_name(type));
	switch (type) {
	case SDP_TYPE_IMAGE:
		buf_puts(b, " 0 udptl t38");
		break;
	case SDP_TYPE_MESSAGE:
		buf_puts(b, " 0 TCP/MSRP *");
		break;
	default:
		buf_puts(b, " 0 RTP/AVP 0");
		break;
	}
	crlf(b);
}

static bool
edits_are_whole(const struct sdp *s, const struct sdp_edit *edit)
{
	if (edit->origin.family == ADDR_NONE ||
	    span_find(edit->o_user, ' ') >= 0)
		return false;
	for (unsigned i = 0; i < s->n_media; i++) {
		if (edit->media[i].what == SDP_RELAY &&
		    edit->media[i].rtp.family == ADDR_NONE)
			return false;
	}
	return true;
}

static void
put_section(struct buf *b, const struct sdp *s, const struct sdp_edit *edit,
    unsigned i)
{
	const struct sdp_media *m = &s->media[i];
	const struct sdp_media_edit *e = &edit->media[i];

	if (e->what == SDP_RELAY)
		put_relayed(b, m, e, &edit->origin);
	else if (e->what == SDP_AS_IS)
		put_as_is(b, m, e);
	else
		put_media_line(b, m, 0, 1, SDP_PROFILE_AS_IS, SPAN_NONE);
}

int
sdp_build(struct buf *b, const struct sdp *s, const struct sdp_edit *edit)
{
	struct span rest = s->body;
	struct sdp_line line = { 0 };

	if (!edits_are_whole(s, edit))
		return -EINVAL;
	put_head(b, s, edit);
	put_session(b, &rest, &line, edit);
	for (unsigned i = 0; edit->n_lines == 0 && i < s->n_media; i++)
		put_section(b, s, edit, i);
	for (unsigned i = 0; i < edit->n_lines; i++) {
		if (edit->order[i] < s->n_media)
			put_section(b, s, edit, edit->order[i]);
		else
			put_missing(b, (enum sdp_type)edit->type[i]);
	}
	return buf_err(b);
}
