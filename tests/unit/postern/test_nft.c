#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "postern/nft.h"
#include "tests/unit/postern/suite.h"

static char text[8192];
static struct outer outer;

static void
write_table(const struct conf *c, const struct addr *resolvers, unsigned n)
{
	FILE *f;

	memset(text, 0, sizeof(text));
	f = fmemopen(text, sizeof(text) - 1, "w");
	ck_assert_ptr_nonnull(f);
	nft_write(f, c, &outer, resolvers, n);
	fclose(f);
}

static struct conf
office(const char *external)
{
	struct conf c = { .external_udp = 5070, .external_tcp = 5072,
		.ports_first = 16384,
		.ports_last = 16983, .internal_ports_first = 17000,
		.internal_ports_last = 17599 };

	c.n_external = c.n_internal = 1;
	ck_assert_int_eq(addr_parse_ip(span_str(external), &c.external[0]), 0);
	ck_assert_int_eq(addr_parse_ip(SPAN_LIT("192.168.10.2"),
			     &c.internal[0]), 0);
	return c;
}

static bool
says(const char *line)
{
	return strstr(text, line) != NULL;
}

START_TEST(packets_to_ourselves_and_privileged_ports_are_dropped)
{
	struct conf c = office("203.0.113.10");

	write_table(&c, NULL, 0);
	ck_assert(says("\t\tfib daddr type local counter drop\n"));
	ck_assert(says("\t\tip daddr 127.0.0.0/8 counter drop\n"));
	ck_assert(says("\t\tmeta l4proto { tcp, udp } th dport 1-1023 counter "
		       "drop\n"));
	ck_assert(says("\t\tmeta skuid { \"postern-sig\", \"postern-media\" } "
		       "jump gate\n"));
	ck_assert(says("\t\tmeta skuid \"postern-db\" counter drop\n"));
	ck_assert(says("\t\tmeta skuid \"postern-trace\" counter drop\n"));
	ck_assert(says("udp sport 5070-5070 jump gate\n"));
	ck_assert(says("udp sport 17000-17599 jump gate\n"));
	ck_assert(!says("ip6 saddr"));
	/* nobody is ever dialled, by TCP least of all */
	ck_assert(says("\t\tmeta skuid \"postern-sig\" tcp flags & (syn | "
		       "ack) == syn counter drop\n"));
	ck_assert(says("tcp sport 5072 tcp flags & (syn | ack) == syn counter "
		       "drop\n"));
	/* internal_udp is off */
	ck_assert(!says("sport 0"));
	ck_assert(says("\t\tip daddr { 192.168.10.2 } meta l4proto { tcp, udp } "
		       "th dport { 17000-17599 } fib saddr . iif oif missing "
		       "counter drop\n"));
	c.internal_udp = c.internal_tcp = 5060;
	c.internal_tls = 5062;
	c.n_tls_certificates = 1;
	write_table(&c, NULL, 0);
	ck_assert(says("th dport { 5060, 5062, 17000-17599 } fib"));
	ck_assert(says("\t\tip daddr { 192.168.10.2 } tcp dport 5060 jump "
		       "office\n"
		       "\t\tip daddr { 192.168.10.2 } tcp dport 5062 jump "
		       "office\n"));
	ck_assert(says("\tchain office {\n\t\tcounter drop\n\t}\n"));
	ck_assert_int_eq(addr_prefix_parse(SPAN_LIT("192.168.0.0/16"),
			     &c.lan[c.n_lan++]), 0);
	ck_assert_int_eq(addr_prefix_parse(SPAN_LIT("fd00:1::/48"),
			     &c.lan[c.n_lan++]), 0);
	write_table(&c, NULL, 0);
	ck_assert(says("\tchain office {\n\t\tip saddr 192.168.0.0/16 "
		       "return\n\t\tip6 saddr fd00:1::/48 return\n"
		       "\t\tcounter drop\n\t}\n"));
}
END_TEST

static struct outer_at
at(const char *name, const char *ip)
{
	struct outer_at a = { 0 };

	snprintf(a.name, sizeof(a.name), "%s", name);
	ck_assert_int_eq(addr_parse_ip(span_str(ip), &a.addr), 0);
	return a;
}

START_TEST(nobody_of_the_office_comes_in_by_an_outer_interface)
{
	struct conf c = office("203.0.113.10");
	const struct outer_at two[] = { at("eth1", "203.0.113.10"),
		at("eth0", "192.168.10.2"), at("eth1", "203.0.113.10") };
	const struct outer_at one[] = { at("eth0", "203.0.113.10"),
		at("eth0", "192.168.10.2") };
	const struct outer_at odd[] = { at("a\" accept", "203.0.113.10"),
		at("a*", "203.0.113.10"), at("eth2", "198.51.100.1") };

	c.internal_udp = 5060;
	ck_assert_int_eq(addr_prefix_parse(SPAN_LIT("10.0.0.0/8"),
			     &c.lan[c.n_lan++]), 0);
	outer_among(&c, odd, 3, &outer);
	ck_assert_uint_eq(outer.n, 0);
	outer_among(&c, one, 2, &outer);
	ck_assert_uint_eq(outer.n, 0);
	write_table(&c, NULL, 0);
	ck_assert(!says("iifname") && !says("chain outside"));
	outer_among(&c, two, 3, &outer);
	ck_assert_uint_eq(outer.n, 1);
	ck_assert_str_eq(outer.name[0], "eth1");
	write_table(&c, NULL, 0);
	ck_assert(says("\tchain outside {\n\t\tip saddr 10.0.0.0/8 counter "
		       "drop\n\t}\n"));
	ck_assert(says("\t\tiifname \"eth1\" ip daddr { 192.168.10.2 } meta "
		       "l4proto { tcp, udp } th dport { 5060, 17000-17599 } "
		       "jump outside\n"));
	outer.n = 0;
}
END_TEST

START_TEST(tracer_sends_to_its_receiver_only)
{
	static const char drop[] =
	    "\t\tmeta skuid \"postern-trace\" counter drop\n";
	struct conf c = office("203.0.113.10");

	ck_assert_int_eq(addr_parse(SPAN_LIT("192.168.10.9:9060"), 0, &c.hep),
	    0);
	c.hep_transport = TRANSPORT_UDP;
	write_table(&c, NULL, 0);
	ck_assert(says("\t\tmeta skuid \"postern-trace\" ip daddr { "
		       "192.168.10.9 } udp dport 9060 accept\n"));
	ck_assert(says(drop));
	c.hep_transport = TRANSPORT_TLS;
	write_table(&c, NULL, 0);
	ck_assert(says("\t\tmeta skuid \"postern-trace\" ip daddr { "
		       "192.168.10.9 } tcp dport 9060 accept\n"));
	ck_assert(!says("udp dport 9060"));
	ck_assert(says(drop));
}
END_TEST

START_TEST(who_asks_for_loopback_gets_it)
{
	struct conf c = office("127.0.0.1");

	ck_assert(nft_on_loopback(&c));
	write_table(&c, NULL, 0);
	ck_assert(!says("fib daddr type local"));
	ck_assert(!says("127.0.0.0/8"));
	ck_assert(!says("fib saddr"));
	ck_assert(says("th dport 1-1023 counter drop"));
}
END_TEST

START_TEST(tls_ports_dial_nobody_and_keyd_sends_nothing)
{
	struct conf c = office("203.0.113.10");

	c.external_tls = 5071;
	write_table(&c, NULL, 0);
	ck_assert(!says("5071") && !says("postern-key"));
	c.n_tls_certificates = 1;
	write_table(&c, NULL, 0);
	ck_assert(says("tcp sport 5071 tcp flags & (syn | ack) == syn counter "
		       "drop\n"));
	ck_assert(says("\t\tmeta skuid \"postern-key\" counter drop\n"));
}
END_TEST

START_TEST(stunmon_reaches_its_resolvers_and_trunks_only)
{
	struct conf c = office("2001:db8::2");
	struct addr r[2];

	ck_assert_int_eq(addr_parse_ip(SPAN_LIT("192.168.10.1"), &r[0]), 0);
	ck_assert_int_eq(addr_parse_ip(SPAN_LIT("2001:db8::53"), &r[1]), 0);
	write_table(&c, r, 2);
	ck_assert(says("\t\tip daddr { 192.168.10.1 } meta l4proto { tcp, udp "
		       "} th dport 53 accept\n"
		       "\t\tip6 daddr { 2001:db8::53 } meta l4proto { tcp, udp "
		       "} th dport 53 accept\n"
		       "\t\tmeta l4proto != tcp counter drop\n"
		       "\t\tjump gate\n"));
	ck_assert(says("\t\tip6 saddr { 2001:db8::2 } udp sport 5070-5070 "
		       "jump gate\n"));
}
END_TEST

START_TEST(resolvers_come_from_resolv_conf)
{
	char path[] = "/tmp/postern-test-XXXXXX";
	static const char lines[] = "# x\nnameserver 192.0.2.53\n"
	    "search example.org\nnameserver ::1\nnameserver bad\n"
	    "nameserver 192.0.2.54\n";
	struct addr r[2];
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, lines, sizeof(lines) - 1),
	    sizeof(lines) - 1);
	close(fd);
	ck_assert_uint_eq(nft_resolvers(path, r, 2), 2);
	ck_assert_uint_eq(r[0].family, ADDR_IPV4);
	ck_assert_uint_eq(r[1].family, ADDR_IPV6);
	unlink(path);
	ck_assert_uint_eq(nft_resolvers(path, r, 2), 0);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		packets_to_ourselves_and_privileged_ports_are_dropped,
		nobody_of_the_office_comes_in_by_an_outer_interface,
		tracer_sends_to_its_receiver_only,
		who_asks_for_loopback_gets_it,
		tls_ports_dial_nobody_and_keyd_sends_nothing,
		stunmon_reaches_its_resolvers_and_trunks_only,
		resolvers_come_from_resolv_conf };

	return run_suite("nft", tests, sizeof(tests) / sizeof(tests[0]));
}
