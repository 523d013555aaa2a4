/* The checklist of `postern check`: what it says about our public address. */
#include <stdio.h>
#include <string.h>

#include "postern/sheet.h"
#include "tests/unit/postern/suite.h"

static char text[4096];
static unsigned warnings;

#define NOTHING "  nothing: this machine has a public address itself\n"
#define FORWARD(ip) "  forward UDP 5070 to " ip ", same port\n"
#define ASK_ROUTER \
	"Server / registrar:   the office's public address or dynamic DNS name"

/* An external address, and second one or NULL; `public = none`. */
static struct conf
with(const char *first, const char *second)
{
	struct conf c = { .external_udp = 5070, .internal_udp = 5060,
		.external_tcp = 5070, .public_how = PUBLIC_NONE,
		.ports_first = 16384, .ports_last = 16983, .processes = 1 };

	c.n_external = second != NULL ? 2 : 1;
	c.n_internal = 1;
	ck_assert_int_eq(addr_parse_ip(span_str(first), &c.external[0]), 0);
	if (second != NULL)
		ck_assert_int_eq(
		    addr_parse_ip(span_str(second), &c.external[1]), 0);
	addr_parse_ip(SPAN_LIT("192.168.10.2"), &c.internal[0]);
	return c;
}

static void
sheet(const struct conf *c)
{
	FILE *f = fmemopen(text, sizeof(text), "w");

	ck_assert_ptr_nonnull(f);
	warnings = sheet_print(f, c, NULL);
	fclose(f);
}

static bool
says(const char *words)
{
	return strstr(text, words) != NULL;
}

START_TEST(tls_is_named_where_there_is_a_certificate)
{
	struct conf c = with("203.0.113.1", NULL);

	c.public_how = PUBLIC_STUN;
	c.external_tls = 5071;
	c.internal_tls = 5062;
	sheet(&c);
	ck_assert(!says("5071") && !says("TLS"));
	c.n_tls_certificates = 1;
	sheet(&c);
	ck_assert(says("  SIP from the internet: TLS 203.0.113.1:5071\n"));
	ck_assert(says("  SIP from the office:   TLS 192.168.10.2:5062\n"));
	ck_assert(says("  forward TCP 5071 to 203.0.113.1, same port (for "
		       "TLS)\n"));
	ck_assert(says("; or 5071, TLS\n"));
}
END_TEST

START_TEST(a_router_that_forwards_another_port)
{
	struct conf c = with("192.168.10.2", NULL);

	c.public_how = PUBLIC_STUN;
	c.external_tls = 5071;
	c.n_tls_certificates = 1;
	c.external_tls_advertised = 443;
	sheet(&c);
	ck_assert(says("  forward TCP 443 to 192.168.10.2, port 5071 (for "
		       "TLS)\n"));
	ck_assert(says("; or 443, TLS\n"));
	ck_assert(says(FORWARD("192.168.10.2")));
}
END_TEST

START_TEST(an_address_of_no_use_on_the_internet_is_told)
{
	static const struct {
		const char *ip, *why;
	} rows[] = {
		{ "10.1.2.3", "a private address (RFC 1918)" },
		{ "172.16.0.1", "a private address (RFC 1918)" },
		{ "172.31.255.254", "a private address (RFC 1918)" },
		{ "192.168.10.2", "a private address (RFC 1918)" },
		{ "100.64.0.1", "an address of a carrier's NAT" },
		{ "fd00::2", "a private address (fc00::/7)" },
		{ "169.254.1.1", "a link-local address" },
		{ "fe80::1", "a link-local address" },
		{ "127.0.0.2", "a loopback address" },
		{ "::1", "a loopback address" },
	};
	char words[128];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf c = with(rows[i].ip, NULL);

		sheet(&c);
		snprintf(words, sizeof(words), "  warning: %s is %s",
		    rows[i].ip, rows[i].why);
		ck_assert_msg(says(words), "%s", text);
		ck_assert_msg(says("`public = stun`"), "%s", text);
		ck_assert_uint_eq(warnings, 1);
		ck_assert_msg(!says(NOTHING), "%s", text);
		snprintf(words, sizeof(words), FORWARD("%s"), rows[i].ip);
		ck_assert_msg(says(words), "%s", text);
		ck_assert_msg(says("forward UDP 16384-16983"), "%s", text);
		ck_assert_msg(says(ASK_ROUTER), "%s", text);
	}
}
END_TEST

START_TEST(a_public_address_needs_nothing)
{
	static const char *const rows[] = { "203.0.113.10", "172.32.0.1",
		"100.128.0.1", "2001:db8::2" };
	char words[128];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf c = with(rows[i], NULL);

		sheet(&c);
		ck_assert_msg(says(NOTHING), "%s", text);
		ck_assert_msg(!says("warning"), "%s", text);
		ck_assert_uint_eq(warnings, 0);
		snprintf(words, sizeof(words), "registrar:   %s\n", rows[i]);
		ck_assert_msg(says(words), "%s", text);
	}
}
END_TEST

START_TEST(each_of_several_addresses_is_looked_at)
{
	struct conf c = with("203.0.113.10", "192.168.10.2");

	sheet(&c);
	ck_assert_msg(says("warning: 192.168.10.2 is"), "%s", text);
	ck_assert_msg(!says("warning: 203.0.113.10"), "%s", text);
	ck_assert_msg(says(FORWARD("192.168.10.2")), "%s", text);
	ck_assert_msg(!says("to 203.0.113.10"), "%s", text);
}
END_TEST

START_TEST(a_private_address_behind_a_known_one_is_right)
{
	struct conf c = with("192.168.10.2", NULL);

	c.public_how = PUBLIC_STUN;
	sheet(&c);
	ck_assert_msg(!says("warning"), "%s", text);
	ck_assert_msg(says(FORWARD("192.168.10.2")), "%s", text);
	c.public_how = PUBLIC_ADDRESS;
	addr_parse_ip(SPAN_LIT("203.0.113.10"), &c.public_addr);
	sheet(&c);
	ck_assert_msg(!says("warning"), "%s", text);
	ck_assert_msg(says("registrar:   203.0.113.10\n"), "%s", text);
}
END_TEST

static void
router(const struct conf *c, const char *public)
{
	FILE *f = fmemopen(text, sizeof(text), "w");
	struct addr a = { 0 };

	if (public != NULL)
		ck_assert_int_eq(addr_parse_ip(span_str(public), &a), 0);
	ck_assert_ptr_nonnull(f);
	sheet_router(f, c, &a);
	fclose(f);
}

START_TEST(what_to_type_into_the_router_has_real_values)
{
	static const char *const wanted[] = {
		"  udp  5070  to  192.168.10.2  (SIP)\n",
		"  tcp  5071  to  192.168.10.2  (SIP over TLS)\n",
		"  udp  16384-16983  to  192.168.10.2  (sound)\n",
		"Never forward: udp 5060, ",
		"\t\tiifname \"wan\" tcp dport 5070 dnat to 192.168.10.2\n",
		"\t\tiifname \"wan\" udp dport 16384-16983 dnat to "
		"192.168.10.2\n",
		"nft add rule inet filter input udp dport 5070 accept\n",
		"input ip saddr { 192.168.0.0/16, 10.0.0.0/8 } tcp dport 5062 "
		"accept\n",
		"_sips._tcp.sip.example.org. IN SRV 10 10 5071 "
		"sip.example.org.\n",
		"sip.example.org. IN NAPTR 10 50 \"s\" \"SIPS+D2T\" \"\" "
		"_sips._tcp.sip.example.org.\n",
		"sip.example.org. IN A 203.0.113.10\n",
	};
	struct conf c = with("192.168.10.2", NULL);

	c.public_how = PUBLIC_STUN;
	c.mode = MEDIA_FORWARDED;
	c.external_tls = 5071;
	c.internal_tls = 5062;
	c.n_tls_certificates = 1;
	snprintf(c.domain, sizeof(c.domain), "sip.example.org");
	c.n_lan = 3;
	addr_prefix_parse(SPAN_LIT("192.168.0.0/16"), &c.lan[0]);
	addr_prefix_parse(SPAN_LIT("127.0.0.0/8"), &c.lan[1]);
	addr_prefix_parse(SPAN_LIT("10.0.0.0/8"), &c.lan[2]);
	router(&c, "203.0.113.10");
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		ck_assert_msg(says(wanted[i]), "%s is not in\n%s", wanted[i],
		    text);
	ck_assert(!says("ip6 saddr") && !says("127.0.0.0"));
}
END_TEST

START_TEST(ipv6_beside_ipv4_needs_the_router_and_the_zone_too)
{
	static const char *const wanted[] = {
		"must let in, to 2001:db8:10::2:\n  udp  5070  (SIP)\n",
		"inet filter forward ip6 daddr 2001:db8:10::2 udp dport 5070 "
		"accept\n",
		"inet filter forward ip6 daddr 2001:db8:10::2 udp dport "
		"16384-16983 accept\n",
		"sip.example.org. IN A 203.0.113.10\n"
		"sip.example.org. IN AAAA 2001:db8:10::2\n",
		"inet filter forward ct status dnat accept\n",
	};
	struct conf c = with("192.168.10.2", NULL);

	c.public_how = PUBLIC_STUN;
	snprintf(c.domain, sizeof(c.domain), "sip.example.org");
	addr_parse_ip(SPAN_LIT("2001:db8:10::2"), &c.external[c.n_external++]);
	router(&c, "203.0.113.10");
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		ck_assert_msg(says(wanted[i]), "%s is not in\n%s", wanted[i],
		    text);
}
END_TEST

START_TEST(the_zone_follows_what_is_served)
{
	struct conf c = with("203.0.113.1", NULL);

	snprintf(c.domain, sizeof(c.domain), "sip.example.org");
	router(&c, NULL);
	ck_assert_msg(says("nothing to forward"), "%s", text);
	ck_assert_msg(!says("_sips._tcp") && !says("dnat"), "%s", text);
	ck_assert_msg(says("IN A (the office's public address)"), "%s", text);
	c.public_how = PUBLIC_NAME;
	snprintf(c.public_name, sizeof(c.public_name), "gate.dyn.example");
	router(&c, NULL);
	ck_assert_msg(says("IN SRV 10 10 5070 gate.dyn.example.\n"), "%s",
	    text);
	/* What may change has a second choice (RFC 3263 4.3). */
	ck_assert_msg(says("IN SRV 20 10 5070 gate.dyn.example.\n"), "%s",
	    text);
	c.public_how = PUBLIC_ADDRESS;
	router(&c, NULL);
	ck_assert_msg(!says("IN SRV 20"), "%s", text);
	c.public_how = PUBLIC_NAME;
	router(&c, NULL);
	ck_assert_msg(!says(" IN A "), "%s", text);
	snprintf(c.domain, sizeof(c.domain), "203.0.113.1");
	router(&c, NULL);
	ck_assert_msg(!says(" IN SRV "), "%s", text);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		tls_is_named_where_there_is_a_certificate,
		a_router_that_forwards_another_port,
		an_address_of_no_use_on_the_internet_is_told,
		a_public_address_needs_nothing,
		each_of_several_addresses_is_looked_at,
		a_private_address_behind_a_known_one_is_right,
		ipv6_beside_ipv4_needs_the_router_and_the_zone_too,
		what_to_type_into_the_router_has_real_values,
		the_zone_follows_what_is_served,
	};

	return run_suite("sheet", tests, sizeof(tests) / sizeof(tests[0]));
}
