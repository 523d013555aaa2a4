#include <stdlib.h>
#include <string.h>

#include "postern/json.h"
#include "postern/sheet.h"

struct way {
	const char *proto;
	uint16_t first, last;
	const char *what;
	uint16_t outside;	/* 0: the same */
};

#define WAYS_MAX 4

static unsigned
ways_in(const struct conf *c, struct way out[WAYS_MAX])
{
	unsigned n = 0;

	if (c->external_udp != 0)
		out[n++] = (struct way){ "udp", c->external_udp,
			c->external_udp, "SIP",
			c->external_udp_advertised };
	if (c->external_tcp != 0)
		out[n++] = (struct way){ "tcp", c->external_tcp,
			c->external_tcp, "SIP",
			c->external_tcp_advertised };
	if (conf_has_tls(c) && c->external_tls != 0)
		out[n++] = (struct way){ "tcp", c->external_tls,
			c->external_tls, "SIP over TLS",
			c->external_tls_advertised };
	out[n++] = (struct way){ "udp", c->ports_first, c->ports_last,
		c->mode == MEDIA_FORWARDED ? "sound" :
		c->mode == MEDIA_PUNCH ? "sound; without it symmetric homes have none" :
		"sound; better so, see above", 0 };
	return n;
}

static void
put_range(FILE *to, uint16_t first, uint16_t last)
{
	fprintf(to, "%u", first);
	if (last != first)
		fprintf(to, "-%u", last);
}

static void
put_outside(FILE *to, const struct way *w)
{
	put_range(to, sheet_outside(w->outside, w->first),
	    sheet_outside(w->outside, w->last));
}

/* Where it goes to: ":5070" where that is not the number outside. */
static void
put_inside(FILE *to, const struct way *w, const char *before)
{
	if (sheet_outside(w->outside, w->first) != w->first)
		fprintf(to, "%s%u", before, w->first);
}

static void
put_ip(FILE *to, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	addr_put_ip(&b, a);
	fprintf(to, "%.*s", (int)b.len, b.p);
}

static const struct addr *
ipv4_of(const struct conf *c)
{
	for (unsigned i = 0; i < c->n_external; i++) {
		if (c->external[i].family == ADDR_IPV4)
			return &c->external[i];
	}
	return NULL;
}

static void
print_table(FILE *to, const struct conf *c, const struct addr *own)
{
	struct way way[WAYS_MAX];
	unsigned n = ways_in(c, way);

	fputs("What the router must forward (\"port forwarding\", \"virtual "
	      "server\"), same\nport where none is named:\n", to);
	for (unsigned i = 0; i < n; i++) {
		fprintf(to, "  %s  ", way[i].proto);
		put_outside(to, &way[i]);
		fputs("  to  ", to);
		put_ip(to, own);
		put_inside(to, &way[i], ", port ");
		fprintf(to, "  (%s)\n", way[i].what);
	}
	fprintf(to, "Never forward: udp %u, tcp %u, tcp %u, tcp 5061, udp ",
	    c->internal_udp, c->internal_tcp, c->internal_tls);
	put_range(to, c->internal_ports_first, c->internal_ports_last);
	fputs("; no \"DMZ\" or \"exposed host\".\n"
	      "Switch the SIP ALG (\"SIP helper\") off.\n", to);
}

static void
print_linux_router(FILE *to, const struct conf *c, const struct addr *own)
{
	struct way way[WAYS_MAX];
	unsigned n = ways_in(c, way);

	fputs("\nOn a Linux router, with `wan` its interface to the provider "
	      "(nft -f):\n"
	      "table ip postern-forward {\n"
	      "\tchain prerouting {\n"
	      "\t\ttype nat hook prerouting priority dstnat;\n", to);
	for (unsigned i = 0; i < n; i++) {
		fprintf(to, "\t\tiifname \"wan\" %s dport ", way[i].proto);
		put_outside(to, &way[i]);
		fputs(" dnat to ", to);
		put_ip(to, own);
		put_inside(to, &way[i], ":");
		fputc('\n', to);
	}
	fputs("\t}\n}\n"
	      "and, where its forward chain drops (here inet filter "
	      "forward):\n"
	      "nft add rule inet filter forward ct status dnat accept\n", to);
}

/* No NAT is before IPv6, but the router's firewall is. */
static void
print_ipv6(FILE *to, const struct conf *c, const struct addr *own)
{
	struct way way[WAYS_MAX];
	unsigned n = ways_in(c, way);

	fputs("\nThe router's IPv6 firewall must let in, to ", to);
	put_ip(to, own);
	fputs(":\n", to);
	for (unsigned i = 0; i < n; i++) {
		fprintf(to, "  %s  ", way[i].proto);
		put_range(to, way[i].first, way[i].last);
		fprintf(to, "  (%s)\n", way[i].what);
	}
	fputs("On a Linux router (here inet filter forward):\n", to);
	for (unsigned i = 0; i < n; i++) {
		fputs("nft add rule inet filter forward ip6 daddr ", to);
		put_ip(to, own);
		fprintf(to, " %s dport ", way[i].proto);
		put_range(to, way[i].first, way[i].last);
		fputs(" accept\n", to);
	}
}

/* The office's networks of one family; false: there is none. */
static bool
print_lans(FILE *to, const struct conf *c, uint8_t family, const char *rest)
{
	bool any = false;

	for (unsigned i = 0; i < c->n_lan; i++) {
		const struct addr_prefix *lan = &c->lan[i];

		if (lan->net.family != family ||
		    addr_classify(&lan->net) == ADDR_LOOPBACK ||
		    addr_classify(&lan->net) == ADDR_LINK_LOCAL)
			continue;
		fputs(any ? ", " : family == ADDR_IPV4 ?
			"nft add rule inet filter input ip saddr { " :
			"nft add rule inet filter input ip6 saddr { ", to);
		put_ip(to, &lan->net);
		fprintf(to, "/%u", lan->bits);
		any = true;
	}
	if (any)
		fprintf(to, " } %s", rest);
	return any;
}

static void
print_inside(FILE *to, const struct conf *c, uint8_t family)
{
	bool tls = conf_has_tls(c) && c->internal_tls != 0;

	if (print_lans(to, c, family, "udp dport { "))
		fprintf(to, "%u, %u-%u } accept\n", c->internal_udp,
		    c->internal_ports_first, c->internal_ports_last);
	if (c->internal_tcp != 0 &&
	    print_lans(to, c, family, "tcp dport "))
		fprintf(to, "%u accept\n", c->internal_tcp);
	if (tls && print_lans(to, c, family, "tcp dport "))
		fprintf(to, "%u accept\n", c->internal_tls);
}

/* Rules to add to a table that is there; none is switched off. */
static void
print_own_firewall(FILE *to, const struct conf *c)
{
	struct way way[WAYS_MAX];
	unsigned n = ways_in(c, way);

	fputs("\nIf this machine has a firewall of its own, it stays on; add "
	      "to its input chain\n(here inet filter input):\n", to);
	for (unsigned i = 0; i < n; i++) {
		fprintf(to, "nft add rule inet filter input %s dport ",
		    way[i].proto);
		put_range(to, way[i].first, way[i].last);
		fputs(" accept\n", to);
	}
	print_inside(to, c, ADDR_IPV4);
	print_inside(to, c, ADDR_IPV6);
}

static void
print_naptr(FILE *to, const struct conf *c, unsigned order,
    const char *service, const char *record)
{
	fprintf(to, "%s. IN NAPTR %u 50 \"s\" \"%s\" \"\" %s.%s.\n", c->domain,
	    order, service, record, c->domain);
}

static void
print_srv(FILE *to, const struct conf *c, const char *record, uint16_t port,
    const char *target)
{
	/* Whose REGISTER finds an address that is not ours any more asks for
	 * the second target's, instead of waiting (docs/address-change.md). */
	bool may_change = c->public_how == PUBLIC_STUN ||
	    c->public_how == PUBLIC_NAME;

	for (unsigned priority = 10; priority <= (may_change ? 20 : 10);
	     priority += 10)
		fprintf(to, "%s.%s. IN SRV %u 10 %u %s.\n", record, c->domain,
		    priority, port, target);
}

/* RFC 3263 4.1: which transport, then which port, then which address. */
static void
print_zone(FILE *to, const struct conf *c, const struct addr *public)
{
	bool named = c->public_how == PUBLIC_NAME;
	const char *target = named ? c->public_name : c->domain;
	bool tls = conf_has_tls(c) && c->external_tls != 0;
	struct addr ip;

	if (addr_parse_ip(span_str(c->domain), &ip) == 0)
		return;	/* an address needs no DNS */
	fputs("\nIn the DNS zone, so that phones find us by the domain:\n",
	    to);
	if (tls)
		print_naptr(to, c, 10, "SIPS+D2T", "_sips._tcp");
	if (c->external_tcp != 0)
		print_naptr(to, c, 20, "SIP+D2T", "_sip._tcp");
	if (c->external_udp != 0)
		print_naptr(to, c, 30, "SIP+D2U", "_sip._udp");
	if (tls)
		print_srv(to, c, "_sips._tcp",
		    sheet_outside(c->external_tls_advertised,
			c->external_tls), target);
	if (c->external_tcp != 0)
		print_srv(to, c, "_sip._tcp",
		    sheet_outside(c->external_tcp_advertised,
			c->external_tcp), target);
	if (c->external_udp != 0)
		print_srv(to, c, "_sip._udp",
		    sheet_outside(c->external_udp_advertised,
			c->external_udp), target);
	if (named)
		return;
	fprintf(to, "%s. IN %s ", target,
	    public->family == ADDR_IPV6 ? "AAAA" : "A");
	if (public->family != ADDR_NONE)
		put_ip(to, public);
	else
		fputs("(the office's public address)", to);
	fputc('\n', to);
	for (unsigned i = 0; i < c->n_external; i++) {
		if (c->external[i].family != ADDR_IPV6 ||
		    !addr_is_public(&c->external[i]) ||
		    addr_same_ip(&c->external[i], public))
			continue;
		fprintf(to, "%s. IN AAAA ", target);
		put_ip(to, &c->external[i]);
		fputc('\n', to);
	}
}

static bool
is_forwarded(const struct conf *c, const struct addr *own)
{
	return own != NULL &&
	    !(c->public_how == PUBLIC_NONE && addr_is_public(own));
}

void
sheet_router(FILE *to, const struct conf *c, const struct addr *public)
{
	const struct addr *own = ipv4_of(c);

	if (!is_forwarded(c, own)) {
		fputs("The router has nothing to forward: this machine has a "
		      "public address itself.\n", to);
	} else {
		print_table(to, c, own);
		print_linux_router(to, c, own);
	}
	for (unsigned i = 0; i < c->n_external; i++)
		if (c->external[i].family == ADDR_IPV6 &&
		    addr_is_public(&c->external[i]))
			print_ipv6(to, c, &c->external[i]);
	print_own_firewall(to, c);
	print_zone(to, c, public);
}

/* ---- for programs ---- */

static void
put_forward(FILE *to, const struct way *w, const struct addr *own)
{
	fprintf(to, "{\"protocol\":\"%s\",\"outside\":\"", w->proto);
	put_outside(to, w);
	fputs("\",\"to\":\"", to);
	put_ip(to, own);
	fputs("\",\"inside\":\"", to);
	put_range(to, w->first, w->last);
	fprintf(to, "\",\"what\":\"%s\"}", w->what);
}

static void
put_lines(FILE *to, char *text)
{
	char *next;

	for (bool any = false; text != NULL; text = next, any = true) {
		next = strchr(text, '\n');
		if (next != NULL)
			*next++ = '\0';
		else if (text[0] == '\0')
			break;
		fputs(any ? ",\n" : "\n", to);
		json_put(to, text);
	}
}

void
sheet_router_json(FILE *to, const struct conf *c, const struct addr *public)
{
	const struct addr *own = ipv4_of(c);
	struct way way[WAYS_MAX];
	unsigned n = is_forwarded(c, own) ? ways_in(c, way) : 0;
	char *text = NULL;
	size_t len;
	FILE *mem = open_memstream(&text, &len);

	fputs("{\"forward\":[", to);
	for (unsigned i = 0; i < n; i++) {
		fputs(i > 0 ? ",\n" : "\n", to);
		put_forward(to, &way[i], own);
	}
	fputs("],\n\"text\":[", to);
	if (mem != NULL) {
		sheet_router(mem, c, public);
		if (fclose(mem) == 0)
			put_lines(to, text);
		free(text);
	}
	fputs("]}\n", to);
}
