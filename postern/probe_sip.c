#include <string.h>

#include "postern/probe.h"

const char *
probe_kind_name(enum probe_kind kind)
{
	static const char *const names[] = { "udp", "tcp", "tls", "rtp" };

	return names[kind];
}

const char *
probe_result_name(enum probe_result result)
{
	static const char *const names[] = { "silent", "refused", "open",
		"other", "alg", "works" };

	return names[result];
}

static void
put_sent_by(struct buf *b, const struct probe_target *t)
{
	addr_put_host(b, &t->own);
	buf_fmt(b, ":%u", t->own.port);
}

void
probe_put_options(struct buf *b, const struct probe *p,
    const struct probe_target *t)
{
	static const char *const via[] = { "UDP", "TCP", "TLS", "UDP" };
	struct addr ip;
	/* Of strangers who know a gate by its address only, Postern answers
	 * those who want to register. */
	const char *method = addr_parse_ip(span_str(p->name), &ip) == 0 ?
	    "REGISTER" : "OPTIONS";

	buf_fmt(b, "%s sip:%s:%u", method, p->name, t->port);
	if (t->kind != PROBE_UDP)
		buf_fmt(b, ";transport=%s", probe_kind_name(t->kind));
	buf_fmt(b, " SIP/2.0\r\nVia: SIP/2.0/%s ", via[t->kind]);
	put_sent_by(b, t);
	buf_fmt(b, ";rport;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\n", t->id);
	buf_fmt(b, "From: <sip:probe@%s>;tag=%s\r\n", p->name, t->id);
	buf_fmt(b, "To: <sip:%s>\r\nCall-ID: %s\r\n", p->name, t->id);
	buf_fmt(b, "CSeq: 1 %s\r\nContact: <sip:probe@", method);
	put_sent_by(b, t);
	buf_puts(b, ">\r\nAccept: application/sdp\r\nContent-Length: 0\r\n"
		    "\r\n");
}

/* The value of a header by its long or short name; empty: none. */
static struct span
header(struct span m, struct span name, char brief)
{
	while (m.len > 0) {
		ptrdiff_t nl = span_find(m, '\n');
		struct span line = span_sub(m, 0,
		    nl < 0 ? m.len : (size_t)nl);
		ptrdiff_t colon = span_find(line, ':');
		struct span key = span_trim(span_sub(line, 0,
		    colon < 0 ? 0 : (size_t)colon));

		if (colon > 0 && (span_caseeq(key, name) ||
			(key.len == 1 && (key.p[0] | 32) == brief)))
			return span_trim(span_sub(line, (size_t)colon + 1,
			    line.len));
		m = span_sub(m, nl < 0 ? m.len : (size_t)nl + 1, m.len);
	}
	return SPAN_NONE;
}

/* ";name=value" of a Via; empty: none. */
static struct span
parameter(struct span via, const char *name)
{
	size_t len = strlen(name);

	for (ptrdiff_t at = span_find(via, ';'); at >= 0;
	     at = span_find(via, ';')) {
		struct span one;
		ptrdiff_t end;

		via = span_sub(via, (size_t)at + 1, via.len);
		end = span_find(via, ';');
		one = span_trim(span_sub(via, 0,
		    end < 0 ? via.len : (size_t)end));
		if (one.len > len && one.p[len] == '=' &&
		    span_caseeq(span_sub(one, 0, len), span_str(name)))
			return span_sub(one, len + 1, one.len);
	}
	return SPAN_NONE;
}

/* "SIP/2.0/UDP 192.0.2.1:5060;..." */
static struct span
sent_by(struct span via)
{
	ptrdiff_t space = span_find(via, ' '), end;

	if (space < 0)
		return SPAN_NONE;
	via = span_trim(span_sub(via, (size_t)space + 1, via.len));
	end = span_find(via, ';');
	return span_trim(span_sub(via, 0, end < 0 ? via.len : (size_t)end));
}

/* Somebody's bytes go to a terminal, which obeys some of them. */
static void
make_plain(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < 32 || *text > 126)
			*text = '?';
	}
}

static bool
via_altered(struct span via, struct probe_target *t)
{
	struct span received = parameter(via, "received"), is = sent_by(via);
	char mem[ADDR_TEXT_MAX + 1];
	struct addr seen;
	struct buf want;

	buf_init(&want, mem, ADDR_TEXT_MAX);
	put_sent_by(&want, t);
	if (!span_eq(is, buf_span(&want))) {
		snprintf(t->why, sizeof(t->why), "the Via that was sent said "
		    "%.*s, the one that came back %.*s", (int)want.len,
		    want.p, (int)(is.len > 50 ? 50 : is.len), is.p);
		make_plain(t->why);
		return true;
	}
	if (received.len == 0 || t->mapped.family == ADDR_NONE ||
	    addr_parse_ip(received, &seen) != 0 ||
	    addr_same_ip(&seen, &t->mapped))
		return false;
	snprintf(t->why, sizeof(t->why), "STUN and SIP see different "
	    "addresses of ours: %s, and received=%.*s",
	    addr_text(&t->mapped, mem),
	    (int)(received.len > 50 ? 50 : received.len), received.p);
	return true;
}

bool
probe_read_answer(struct span packet, struct probe_target *t,
    bool *altered_out)
{
	struct span id = header(packet, SPAN_LIT("Call-ID"), 'i');

	if (!span_starts(packet, SPAN_LIT("SIP/2.0 ")))
		return false;
	if (id.len == 0)
		return false;
	if (!span_eq(id, span_str(t->id))) {
		snprintf(t->why, sizeof(t->why), "the Call-ID that came back "
		    "is not the one that was sent");
		*altered_out = true;
		return true;
	}
	*altered_out = via_altered(header(packet, SPAN_LIT("Via"), 'v'), t);
	return true;
}

void
probe_put_code(struct buf *b, const uint8_t code[PROBE_CODE_LEN],
    uint16_t port)
{
	buf_puts(b, "postern-probe ");
	buf_put_hex(b, code, PROBE_CODE_LEN);
	buf_fmt(b, " %u", port);
}
