#include "sigproxy/sip/sdp_ice.h"

#include "sigproxy/sip/sdp_line.h"

/* RFC 8839 5.4. */
enum { UFRAG_MIN = 4, PWD_MIN = 22, CREDENTIAL_MAX = 256 };

/* RFC 8840 4.1.1: no default address yet. */
#define DISCARD_PORT 9

/* What of all candidates matters. */
struct seen {
	bool rtp, rtcp;		/* the default address is one of them */
	bool has_rtp, has_rtcp;
};

static struct span
next_field(struct span *rest)
{
	struct span out = *rest;
	ptrdiff_t sp = span_find(*rest, ' ');

	if (sp < 0) {
		*rest = SPAN_NONE;
		return out;
	}
	out.len = (size_t)sp;
	*rest = span_sub(*rest, (size_t)sp + 1, rest->len);
	return out;
}

/* foundation component transport priority address port (RFC 8839 5.1). */
static void
read_candidate(struct span s, const struct sdp_media *m, struct seen *seen)
{
	struct span component, transport;
	struct addr at;
	uint32_t port;

	(void)next_field(&s);
	component = next_field(&s);
	transport = next_field(&s);
	(void)next_field(&s);
	if (!span_caseeq(transport, SPAN_LIT("UDP")) ||
	    addr_parse_ip(next_field(&s), &at) != 0 ||
	    span_to_u32(next_field(&s), UINT16_MAX, &port) != 0)
		return;
	at.port = (uint16_t)port;
	if (span_eq(component, SPAN_LIT("1"))) {
		seen->has_rtp = true;
		seen->rtp |= addr_eq(&at, &m->rtp);
	} else if (span_eq(component, SPAN_LIT("2"))) {
		seen->has_rtcp = true;
		seen->rtcp |= addr_eq(&at, &m->rtcp);
	}
}

static void
read_line(struct span value, const struct sdp_media *m, struct sdp_ice *out,
    struct seen *seen)
{
	struct span content;

	if (sdp_attribute(value, "ice-ufrag", &content))
		out->ufrag = content;
	else if (sdp_attribute(value, "ice-pwd", &content))
		out->pwd = content;
	else if (sdp_attribute(value, "ice-mismatch", &content))
		out->is_mismatched = true;
	else if (m != NULL && sdp_attribute(value, "candidate", &content))
		read_candidate(content, m, seen);
}

static void
read_lines(struct span rest, const struct sdp_media *m, struct sdp_ice *out,
    struct seen *seen)
{
	struct sdp_line line;

	while (sdp_line_next(&rest, &line) == 0 && line.type != 'm')
		if (line.type == 'a')
			read_line(line.value, m, out, seen);
}

/* Held the old way, a name, or to be told later. */
static bool
has_no_default(const struct sdp_media *m)
{
	return m->is_hold_addr || m->rtp.family == ADDR_NONE ||
	    m->rtp.port == DISCARD_PORT;
}

static bool
is_between(struct span s, size_t least)
{
	return s.len >= least && s.len <= CREDENTIAL_MAX;
}

void
sdp_ice_read(const struct sdp *s, const struct sdp_media *m,
    struct sdp_ice *out)
{
	struct seen seen = { 0 };

	*out = (struct sdp_ice){ 0 };
	read_lines(s->body, NULL, out, &seen);
	read_lines(m->lines, m, out, &seen);
	if (!is_between(out->ufrag, UFRAG_MIN) ||
	    !is_between(out->pwd, PWD_MIN))
		out->ufrag = out->pwd = SPAN_NONE;
	out->has_rtcp = seen.has_rtcp;
	out->fits = has_no_default(m) ||
	    (seen.rtp && (seen.rtcp || !seen.has_rtcp));
}
