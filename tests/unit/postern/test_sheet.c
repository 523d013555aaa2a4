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

int
main(void)
{
	const TTest *const tests[] = {
		tls_is_named_where_there_is_a_certificate,
		a_router_that_forwards_another_port,
		an_address_of_no_use_on_the_internet_is_told,
		a_public_address_needs_nothing,
		each_of_several_addresses_is_looked_at,
		a_private_address_behind_a_known_one_is_right
	};

	return run_suite("sheet", tests, sizeof(tests) / sizeof(tests[0]));
}
