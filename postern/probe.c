/* `postern probe`: command line and report. */
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "postern/cmd.h"
#include "postern/json.h"
#include "postern/probe.h"

/* Each port of PROBE_TARGETS_MAX, and the name. */
#define LINE_MAX_BYTES 2048

static int
add(struct probe *p, enum probe_kind kind, uint16_t port, bool closed)
{
	for (unsigned i = 0; i < p->n; i++) {
		if (p->target[i].kind == kind && p->target[i].port == port)
			return cmd_fail("port %u of %s is named twice", port,
			    probe_kind_name(kind));
	}
	if (p->n == PROBE_TARGETS_MAX)
		return cmd_fail("more than %u ports", PROBE_TARGETS_MAX);
	p->target[p->n++] = (struct probe_target){ .kind = kind, .port = port,
		.closed = closed };
	return 0;
}

/* "5070", "16384,16420": each a port. */
static int
add_list(struct probe *p, enum probe_kind kind, const char *text, bool closed)
{
	struct span left = span_str(text);

	while (left.len > 0) {
		ptrdiff_t comma = span_find(left, ',');
		struct span one = span_sub(left, 0,
		    comma < 0 ? left.len : (size_t)comma);
		uint32_t port;

		if (span_to_u32(one, 65535, &port) != 0)
			return cmd_fail("not a list of ports: %s", text);
		if (port != 0 && add(p, kind, (uint16_t)port, closed) != 0)
			return 1;
		left = span_sub(left, comma < 0 ? left.len :
						  (size_t)comma + 1, left.len);
	}
	return 0;
}

static int
read_code(struct probe *p, const char *text)
{
	if (strlen(text) != 2 * sizeof(p->code) ||
	    strspn(text, "0123456789abcdef") != strlen(text))
		return cmd_fail("--code takes what `postern check --window` "
				"printed");
	for (size_t i = 0; i < sizeof(p->code); i++) {
		char two[3] = { text[2 * i], text[2 * i + 1], '\0' };

		p->code[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	p->has_code = true;
	return 0;
}

static int
resolve(struct probe *p, const char *text)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *got = NULL;
	const struct sockaddr_in *v4;
	const struct sockaddr_in6 *v6;
	int err;

	if (strlen(text) >= sizeof(p->name) ||
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789.-:[]") != strlen(text))
		return cmd_fail("%s is no name or address", text);
	snprintf(p->name, sizeof(p->name), "%s", text);
	if (addr_parse_ip(span_str(text), &p->to) == 0) {
		struct buf b;

		buf_init(&b, p->name, sizeof(p->name) - 1);
		addr_put_host(&b, &p->to);
		p->name[b.len] = '\0';
		return 0;
	}
	err = getaddrinfo(text, NULL, &hints, &got);
	if (err)
		return cmd_fail("%s: %s", text, gai_strerror(err));
	v4 = (const void *)got->ai_addr;
	v6 = (const void *)got->ai_addr;
	p->to = got->ai_family == AF_INET ?
	    addr_from_bytes(&v4->sin_addr, 4, 0) :
	    addr_from_bytes(&v6->sin6_addr, 16, 0);
	freeaddrinfo(got);
	return 0;
}

/* ---- the command line ---- */

struct words {
	const char *udp, *tcp, *tls, *closed, *rtp, *rtp_closed, *code;
	const char *address;
	bool json;
};

enum { OPT_UDP = 256, OPT_TCP, OPT_TLS, OPT_CLOSED, OPT_RTP, OPT_RTP_CLOSED,
	OPT_CODE, OPT_JSON };

static int
read_words(int argc, char **argv, struct words *w)
{
	static const struct option options[] = {
		{ "udp", required_argument, NULL, OPT_UDP },
		{ "tcp", required_argument, NULL, OPT_TCP },
		{ "tls", required_argument, NULL, OPT_TLS },
		{ "closed", required_argument, NULL, OPT_CLOSED },
		{ "rtp", required_argument, NULL, OPT_RTP },
		{ "rtp-closed", required_argument, NULL, OPT_RTP_CLOSED },
		{ "code", required_argument, NULL, OPT_CODE },
		{ "json", no_argument, NULL, OPT_JSON },
		{ NULL, 0, NULL, 0 },
	};
	const char **const to[] = { &w->udp, &w->tcp, &w->tls, &w->closed,
		&w->rtp, &w->rtp_closed, &w->code };
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?') {
			cmd_fail("see `postern probe --help`");
			return -EINVAL;
		}
		if (c == OPT_JSON)
			w->json = true;
		else
			*to[c - OPT_UDP] = optarg;
	}
	if (argc - optind != 1) {
		cmd_fail("usage: postern probe ADDRESS [--udp PORT] [--tcp "
			 "PORT] [--tls PORT] [--closed PORT,...] [--rtp "
			 "PORT,... --code CODE] [--json]; 0: not that one");
		return -EINVAL;
	}
	w->address = argv[optind];
	return 0;
}

static int
set_up(struct probe *p, const struct words *w)
{
	if (w->code == NULL && (w->rtp != NULL || w->rtp_closed != NULL))
		return cmd_fail("--rtp needs the --code of an open window: "
				"`postern check --window` at the office");
	if (resolve(p, w->address) != 0 ||
	    (w->code != NULL && read_code(p, w->code) != 0))
		return 1;
	return add_list(p, PROBE_UDP, w->udp, false) != 0 ||
	    add_list(p, PROBE_TCP, w->tcp, false) != 0 ||
	    add_list(p, PROBE_TLS, w->tls, false) != 0 ||
	    add_list(p, PROBE_UDP, w->closed, true) != 0 ||
	    add_list(p, PROBE_TCP, w->closed, true) != 0 ||
	    (w->rtp != NULL && add_list(p, PROBE_RTP, w->rtp, false) != 0) ||
	    (w->rtp_closed != NULL &&
		add_list(p, PROBE_RTP, w->rtp_closed, true) != 0);
}

/* ---- the report ---- */

static const char *
meaning(const struct probe_target *t)
{
	switch (t->result) {
	case PROBE_SILENT:
		return t->closed ? "silent, as it must be" :
		    "blocked: nothing comes back; forward it at the office's "
		    "router";
	case PROBE_REFUSED:
		return t->closed ? "closed, as it must be" :
		    "refused: forwarded to the wrong host, where nothing "
		    "listens, or rejected by the router";
	case PROBE_OPEN:
		return "OPEN, and must never be: take it out of the router's "
		    "forwarding";
	case PROBE_OTHER:
		return "forwarded to the wrong host: another program answers";
	case PROBE_ALG:
		return "altered on its way: switch the SIP ALG (\"SIP "
		    "helper\") of the router off, here or there";
	default:
		return "works";
	}
}

static bool
is_good(const struct probe *p)
{
	bool good = true;

	for (unsigned i = 0; i < p->n; i++) {
		const struct probe_target *t = &p->target[i];

		if (t->kind != PROBE_RTP)
			good &= t->closed ? t->result <= PROBE_REFUSED :
					    t->result == PROBE_WORKS;
	}
	return good;
}

/* RTP: what was sent, and how much of that was refused. */
static unsigned
count_rtp(const struct probe *p, unsigned *refused_out)
{
	unsigned sent = 0;

	*refused_out = 0;
	for (unsigned i = 0; i < p->n; i++) {
		const struct probe_target *t = &p->target[i];

		sent += t->kind == PROBE_RTP;
		*refused_out += t->kind == PROBE_RTP &&
		    t->result == PROBE_REFUSED;
	}
	return sent;
}

static void
report(const struct probe *p)
{
	char text[ADDR_TEXT_MAX + 1];
	unsigned refused, sent = count_rtp(p, &refused);

	printf("From outside, at %s:\n", p->name);
	for (unsigned i = 0; i < p->n; i++) {
		const struct probe_target *t = &p->target[i];

		if (t->kind != PROBE_RTP)
			printf("  %s %-5u %s%s%s\n",
			    probe_kind_name(t->kind), t->port, meaning(t),
			    t->why[0] != '\0' ? "; " : "", t->why);
	}
	if (sent > 0)
		printf("  RTP: sent to %u ports, %u of them refused; what "
		       "arrived, the office says\n", sent, refused);
	if (p->seen.family != ADDR_NONE)
		printf("  The office sees us at %s.\n",
		    addr_text(&p->seen, text));
}

/* For `postern check --outside`. */
static void
put_line(struct buf *b, const struct probe *p)
{
	unsigned refused, sent = count_rtp(p, &refused);

	buf_fmt(b, "%s to=%s", PROBE_LINE, p->name);
	for (unsigned i = 0; i < p->n; i++) {
		const struct probe_target *t = &p->target[i];

		if (t->kind != PROBE_RTP)
			buf_fmt(b, " %s%u=%s", probe_kind_name(t->kind),
			    t->port, probe_result_name(t->result));
	}
	if (sent > 0)
		buf_fmt(b, " rtp=%u rtp-refused=%u", sent, refused);
}

static void
report_json(const struct probe *p, const char *line)
{
	char text[ADDR_TEXT_MAX + 1];

	fputs("{\"to\":", stdout);
	json_put(stdout, p->name);
	printf(",\"good\":%s,\"seen\":", is_good(p) ? "true" : "false");
	json_put(stdout, p->seen.family == ADDR_NONE ? "" :
	    addr_text(&p->seen, text));
	fputs(",\"ports\":[", stdout);
	for (unsigned i = 0; i < p->n; i++) {
		const struct probe_target *t = &p->target[i];

		printf("%s\n{\"kind\":\"%s\",\"port\":%u,\"must_be\":\"%s\","
		       "\"result\":\"%s\",\"meaning\":", i > 0 ? "," : "",
		    probe_kind_name(t->kind), t->port,
		    t->closed ? "closed" : "open",
		    probe_result_name(t->result));
		json_put(stdout, t->kind == PROBE_RTP ?
		    "what arrived, the office says" : meaning(t));
		fputs(",\"why\":", stdout);
		json_put(stdout, t->why);
		putchar('}');
	}
	fputs("],\n\"line\":", stdout);
	json_put(stdout, line);
	puts("}");
}

int
cmd_probe(int argc, char **argv)
{
	static struct probe p;
	struct words w = { .udp = "5070", .tcp = "5070", .tls = "5071",
		.closed = "5060,5061,5062" };
	char line[LINE_MAX_BYTES];
	struct buf b;
	int err;

	if (read_words(argc, argv, &w) != 0)
		return 2;
	if (set_up(&p, &w) != 0)
		return 2;
	err = probe_run(&p);
	if (err)
		return cmd_fail("%s: %s", p.name, strerror(-err)), 2;
	buf_init(&b, line, sizeof(line) - 1);
	put_line(&b, &p);
	line[b.len] = '\0';
	if (w.json) {
		report_json(&p, line);
	} else {
		report(&p);
		printf("\nFor the office:\n  postern check --outside '%s'\n",
		    line);
	}
	return is_good(&p) ? 0 : 1;
}
