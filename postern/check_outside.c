/* `postern check --outside LINE`: what `postern probe` saw, as findings. */
#include <string.h>

#include "postern/check.h"
#include "postern/probe.h"
#include "postern/sheet.h"

struct seen {
	struct span kind;	/* "udp", "tcp", "tls" */
	uint32_t port;
	struct span result;
};

static bool
is(const struct seen *s, const char *kind, const char *result)
{
	return (kind == NULL || span_eq(s->kind, span_str(kind))) &&
	    (result == NULL || span_eq(s->result, span_str(result)));
}

/* "udp5070=works" */
static bool
read_word(struct span word, struct seen *out)
{
	ptrdiff_t eq = span_find(word, '=');

	if (eq < 4)
		return false;
	out->kind = span_sub(word, 0, 3);
	out->result = span_sub(word, (size_t)eq + 1, word.len);
	return span_to_u32(span_sub(word, 3, (size_t)eq - 3), 65535,
		   &out->port) == 0;
}

static bool
is_external(const struct conf *c, const struct seen *s)
{
	uint16_t port = is(s, "udp", NULL) ?
	    sheet_outside(c->external_udp_advertised, c->external_udp) :
	    is(s, "tcp", NULL) ?
	    sheet_outside(c->external_tcp_advertised, c->external_tcp) :
	    is(s, "tls", NULL) ?
	    sheet_outside(c->external_tls_advertised, c->external_tls) : 0;

	return port != 0 && s->port == port;
}

static struct finding *
begin(struct findings *fs, enum finding_level level, const char *code,
    const struct seen *s, const char *line)
{
	struct finding *f = finding_new(fs, level, code);

	finding_seen(f, "postern probe, outside: %.*s%u=%.*s (%s)",
	    (int)s->kind.len, s->kind.p, s->port, (int)s->result.len,
	    s->result.p, line);
	return f;
}

static void
judge_external(struct findings *fs, const struct conf *c,
    const struct seen *s, const char *line)
{
	const char *proto = is(s, "udp", NULL) ? "UDP" : "TCP";
	struct finding *f;

	if (is(s, NULL, "works")) {
		finding_ok(fs, "outside-works", "%.*s %u is reached from "
		    "outside", (int)s->kind.len, s->kind.p, s->port);
	} else if (is(s, NULL, "silent")) {
		f = begin(fs, FINDING_ERROR, "outside-blocked", s, line);
		finding_what(f, "%s %u is blocked from outside: phones at home "
				"cannot register by it", proto, s->port);
		finding_do(f, "forward it at the router to this machine, same "
			      "port: `postern check --router`. If it is, the "
			      "provider may block it, or its NAT stands "
			      "between (compare the router's own address with "
			      "the public one)");
	} else if (is(s, NULL, "refused")) {
		f = begin(fs, FINDING_ERROR, "outside-refused", s, line);
		finding_what(f, "%s %u is forwarded to the wrong host, where "
				"nothing listens, or the router rejects it",
		    proto, s->port);
		finding_do(f, "the router must forward it to this machine: "
			      "`postern check --router`");
	} else if (is(s, NULL, "alg")) {
		f = begin(fs, FINDING_ERROR, "outside-alg", s, line);
		finding_what(f, "SIP by %s %u is altered on its way (SIP "
				"ALG)", proto, s->port);
		finding_do(f, "switch the SIP ALG (\"SIP helper\") off at the "
			      "office's router, then at the one outside; TLS "
			      "passes both");
	} else {
		f = begin(fs, FINDING_ERROR, "outside-other", s, line);
		finding_what(f, "%s %u is forwarded to the wrong host: "
				"something that is not Postern answers",
		    proto, s->port);
		finding_do(f, "the router must forward it to this machine: "
			      "`postern check --router`");
	}
}

static void
judge_internal(struct findings *fs, const struct seen *s, const char *line)
{
	struct finding *f;

	if (is(s, NULL, "silent") || is(s, NULL, "refused")) {
		finding_ok(fs, "outside-closed", "%.*s %u is closed from "
		    "outside", (int)s->kind.len, s->kind.p, s->port);
		return;
	}
	f = begin(fs, FINDING_ERROR, "outside-internal", s, line);
	finding_what(f, "%.*s %u of the office is reached from the internet, "
			"and must never be", (int)s->kind.len, s->kind.p,
	    s->port);
	finding_do(f, "take it out of the router's forwarding, and out of "
		      "\"DMZ\" or \"exposed host\" settings");
}

static void
judge_rtp(struct findings *fs, struct span word)
{
	struct finding *f;
	uint32_t n;

	if (!span_starts(word, SPAN_LIT("rtp-refused=")) ||
	    span_to_u32(span_sub(word, 12, word.len), 65535, &n) != 0 ||
	    n == 0)
		return;
	f = finding_new(fs, FINDING_ERROR, "outside-rtp-refused");
	finding_what(f, "RTP ports are forwarded to the wrong host: this "
			"machine never refuses them");
	finding_seen(f, "postern probe, outside: %u ports were refused", n);
	finding_do(f, "the router must forward the range to this machine: "
		      "`postern check --router`");
}

void
check_outside(struct findings *fs, const struct conf *c, const char *line)
{
	struct span left = span_trim(span_str(line));
	bool known = span_starts(left, SPAN_LIT(PROBE_LINE " "));
	struct finding *f;

	while (known && left.len > 0) {
		ptrdiff_t space = span_find(left, ' ');
		struct span word = span_sub(left, 0,
		    space < 0 ? left.len : (size_t)space);
		struct seen s;

		left = span_sub(left, word.len + 1, left.len);
		judge_rtp(fs, word);
		if (!read_word(word, &s))
			continue;
		if (is_external(c, &s))
			judge_external(fs, c, &s, line);
		else
			judge_internal(fs, &s, line);
	}
	if (known)
		return;
	f = finding_new(fs, FINDING_WARNING, "outside-unread");
	finding_what(f, "the line of --outside is none that `postern probe` "
			"prints");
	finding_seen(f, "%s", line);
	finding_do(f, "paste the whole line, in quotes");
}
