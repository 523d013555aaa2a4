#include "postern/sheet.h"

static void
print_addrs(FILE *to, const struct addr *list, unsigned n, uint16_t port)
{
	char text[ADDR_TEXT_MAX + 1];

	for (unsigned i = 0; i < n; i++) {
		struct addr at = list[i];

		at.port = port;
		fprintf(to, "%s%s", i > 0 ? ", " : "", addr_text(&at, text));
	}
}

static void
print_ip(FILE *to, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	addr_put_ip(&b, a);
	fprintf(to, "%.*s", (int)b.len, b.p);
}

static void
print_listeners(FILE *to, const char *what, const struct addr *list,
    unsigned n, uint16_t port)
{
	if (port == 0)
		return;
	fputs(what, to);
	print_addrs(to, list, n, port);
	fputc('\n', to);
}

static void
print_system(FILE *to, const struct conf *c)
{
	fputs("This system\n", to);
	print_listeners(to, "  SIP from the internet: UDP ", c->external,
	    c->n_external, c->external_udp);
	print_listeners(to, "  SIP from the office:   UDP ", c->internal,
	    c->n_internal, c->internal_udp);
	print_listeners(to, "  SIP from the internet: TCP ", c->external,
	    c->n_external, c->external_tcp);
	print_listeners(to, "  SIP from the office:   TCP ", c->internal,
	    c->n_internal, c->internal_tcp);
	if (conf_has_tls(c)) {
		print_listeners(to, "  SIP from the internet: TLS ",
		    c->external, c->n_external, c->external_tls);
		print_listeners(to, "  SIP from the office:   TLS ",
		    c->internal, c->n_internal, c->internal_tls);
	}
	fprintf(to,
	    "  RTP: UDP %u-%u towards the internet, %u-%u towards the "
	    "office\n"
	    "  A firewall of this machine must let these in; nothing else is "
	    "needed.\n",
	    c->ports_first, c->ports_last, c->internal_ports_first,
	    c->internal_ports_last);
}

/* Why nobody on the internet reaches it; NULL for a public address. */
static const char *
not_public(const struct addr *a)
{
	switch (addr_classify(a)) {
	case ADDR_PRIVATE:
		return a->family == ADDR_IPV4
		    ? "a private address (RFC 1918)"
		    : "a private address (fc00::/7)";
	case ADDR_SHARED:
		return "an address of a carrier's NAT (100.64.0.0/10)";
	case ADDR_LOOPBACK:
		return "a loopback address";
	case ADDR_LINK_LOCAL:
		return "a link-local address";
	default:
		return NULL;
	}
}

/* Where the router sends what comes for us. */
static const struct addr *
forwarded_to(const struct conf *c)
{
	for (unsigned i = 0; c->public_how == PUBLIC_NONE && i < c->n_external;
	     i++) {
		if (not_public(&c->external[i]) != NULL)
			return &c->external[i];
	}
	return &c->external[0];
}

/* A SIP port, which may have another number outside. */
static void
print_forward_sip(FILE *to, const struct conf *c, const char *transport,
    uint16_t outside, uint16_t port)
{
	fprintf(to, "  forward %s %u to ", transport,
	    sheet_outside(outside, port));
	print_ip(to, forwarded_to(c));
	if (sheet_outside(outside, port) == port)
		fputs(", same port", to);
	else
		fprintf(to, ", port %u", port);
}

static void
print_forward(FILE *to, const struct conf *c, const char *transport,
    uint16_t first, uint16_t last)
{
	fprintf(to, "  forward %s ", transport);
	fprintf(to, "%u-%u", first, last);
	fputs(" to ", to);
	print_ip(to, forwarded_to(c));
	fputs(", same port", to);
}

/* Gives how many external addresses the internet cannot reach, while
 * `public = none` says that it can. */
static unsigned
warn_of_private(FILE *to, const struct conf *c)
{
	unsigned n = 0;

	for (unsigned i = 0; c->public_how == PUBLIC_NONE && i < c->n_external;
	     i++) {
		const char *why = not_public(&c->external[i]);

		if (why == NULL)
			continue;
		fputs("  warning: ", to);
		print_ip(to, &c->external[i]);
		fprintf(to, " is %s\n", why);
		n++;
	}
	if (n > 0)
		fputs("  `public = none` is for a machine that has its public "
		      "address itself. Behind a\n"
		      "  router set `public` to the office's public ADDRESS or "
		      "NAME, or `public = stun`\n"
		      "  with `stun = HOST:PORT`.\n",
		    to);
	return n;
}

static unsigned
print_router(FILE *to, const struct conf *c)
{
	unsigned warnings;

	fputs("\nThe office's router\n", to);
	warnings = warn_of_private(to, c);
	if (warnings == 0 && c->public_how == PUBLIC_NONE) {
		fputs("  nothing: this machine has a public address itself\n",
		    to);
		return 0;
	}
	print_forward_sip(to, c, "UDP", c->external_udp_advertised,
	    c->external_udp);
	fputs("\n", to);
	if (c->external_tcp != 0) {
		print_forward_sip(to, c, "TCP", c->external_tcp_advertised,
		    c->external_tcp);
		fputs("\n", to);
	}
	if (conf_has_tls(c) && c->external_tls != 0) {
		print_forward_sip(to, c, "TCP", c->external_tls_advertised,
		    c->external_tls);
		fputs(" (for TLS)\n", to);
	}
	print_forward(to, c, "UDP", c->ports_first, c->ports_last);
	fputs(
	    c->mode == MEDIA_FORWARDED
		? "\n"
		: " (optional: without it, phones behind a symmetric NAT and\n"
		  "    homes that do not keep ports have no sound)\n",
	    to);
	fprintf(to,
	    "  never forward %u (SIP of the office) or %u-%u\n"
	    "  switch its SIP ALG (\"SIP helper\") off\n",
	    c->internal_udp, c->internal_ports_first, c->internal_ports_last);
	return warnings;
}

static void
print_server(FILE *to, const struct conf *c, const char *seen)
{
	switch (c->public_how) {
	case PUBLIC_ADDRESS:
		print_ip(to, &c->public_addr);
		break;
	case PUBLIC_NAME:
		fputs(c->public_name, to);
		break;
	case PUBLIC_NONE:
		if (not_public(&c->external[0]) == NULL) {
			print_ip(to, &c->external[0]);
			break;
		}
		__attribute__((fallthrough));
	default:
		if (seen != NULL && c->public_how == PUBLIC_STUN)
			fprintf(to, "%s, as STUN sees it; a DNS name is better",
			    seen);
		else
			fputs("the office's public address or dynamic DNS name",
			    to);
	}
}

static void
print_phone(FILE *to, const struct conf *c, const char *seen)
{
	fputs("\nEach phone at home\n  Server / registrar:   ", to);
	print_server(to, c, seen);
	fprintf(to,
	    "\n  Port, transport:      %u, UDP",
	    sheet_outside(c->external_udp_advertised, c->external_udp));
	if (c->external_tcp != 0)
		fprintf(to, "; or %u, TCP",
		    sheet_outside(c->external_tcp_advertised, c->external_tcp));
	if (conf_has_tls(c) && c->external_tls != 0)
		fprintf(to, "; or %u, TLS",
		    sheet_outside(c->external_tls_advertised, c->external_tls));
	fprintf(to,
	    "\n  SIP domain:           %s\n"
	    "  User / phone number:  the subscriber's number\n"
	    "  Authentication user:  the subscriber's username\n"
	    "  Password:             from `postern password`, as in the "
	    "database\n"
	    "  STUN, NAT helper:     as it is; on, where RTP is not forwarded\n"
	    "  Register every:       300 s (Postern shortens it as needed)\n"
	    "In the office the server is ",
	    c->domain);
	print_ip(to, &c->internal[0]);
	fprintf(to, ", port %u.\n", c->internal_udp);
}

unsigned
sheet_print(FILE *to, const struct conf *c, const char *seen)
{
	unsigned warnings = 0;

	print_system(to, c);
	if (c->external_udp != 0 && c->n_external > 0)
		warnings = print_router(to, c);
	if (c->n_external > 0 && c->n_internal > 0)
		print_phone(to, c, seen);
	return warnings;
}
