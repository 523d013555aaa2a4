/* The gate through which a socket's owner lets stunmon ask. */
#include <errno.h>
#include <stdio.h>

#include "common/codec/stun_ask.h"
#include "tests/unit/stun/suite.h"

static struct stun_ask ask;
static const uint8_t tid[STUN_TID_LEN] = "abcdefghijkl";
static uint8_t sent[64];

static void
setup(void)
{
	struct addr fixed = addr_of("203.0.113.10:3478");
	struct addr inside = addr_of("192.168.1.5:3479");
	struct addr name = { 0 };

	stun_ask_init(&ask, at_ms(0));
	stun_ask_add_server(&ask, &fixed, 3478);
	stun_ask_add_server(&ask, &inside, 3479);
	stun_ask_add_server(&ask, &name, 19302);
}

static int
send_to(const char *server, bool is_lan, const uint8_t *id, uint64_t ms)
{
	struct addr a = addr_of(server);
	struct buf b;

	buf_init(&b, sent, sizeof(sent));
	return stun_ask_send(&ask, 5, id, &a, is_lan, at_ms(ms), &b);
}

static bool
hear(uint16_t socket, const char *from, const uint8_t *id, uint64_t ms)
{
	struct addr a = addr_of(from);
	uint8_t answer[20] = { 1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42 };

	memcpy(answer + 8, id, STUN_TID_LEN);
	return stun_ask_heard(&ask, socket, &a, span_make(answer,
		sizeof(answer)), at_ms(ms));
}

static const struct {
	const char *name, *server;
	bool is_lan;
	int want;
} servers[] = {
	{ "configured address", "203.0.113.10:3478", false, 0 },
	{ "configured address, another port", "203.0.113.10:53", false,
	    -EACCES },
	{ "inside, but the admin named it", "192.168.1.5:3479", true, 0 },
	{ "another host inside", "192.168.1.6:3479", true, -EACCES },
	{ "any public one with a named server's port", "198.51.100.1:19302",
	    false, 0 },
	{ "that port inside", "192.168.1.1:19302", true, -EACCES },
	{ "that port on loopback", "127.0.0.1:19302", false, -EACCES },
	{ "a public address the admin calls internal", "198.51.100.1:19302",
	    true, -EACCES },
	{ "multicast", "224.0.0.1:19302", false, -EACCES },
};

START_TEST(asks_configured_servers_only)
{
	ck_assert_msg(send_to(servers[_i].server, servers[_i].is_lan, tid, 0)
	    == servers[_i].want, "%s", servers[_i].name);
}
END_TEST

START_TEST(a_name_without_a_port_leaves_privileged_ports_alone)
{
	struct addr name = { 0 };

	stun_ask_add_server(&ask, &name, 0);
	ck_assert_int_eq(send_to("198.51.100.1:34780", false, tid, 0), 0);
	ck_assert_int_eq(send_to("198.51.100.1:53", false, tid, 0), -EACCES);
	ck_assert_int_eq(send_to("10.0.0.1:34780", false, tid, 0), -EACCES);
	ck_assert_int_eq(send_to("198.51.100.1:34780", true, tid, 0),
	    -EACCES);
}
END_TEST

START_TEST(named_servers_have_few_addresses_at_a_time)
{
	char text[32];
	unsigned n = 0;

	for (unsigned i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "198.51.100.%u:19302", i);
		n += send_to(text, false, tid, 1000) == 0;
	}
	ck_assert_uint_eq(n, STUN_ASK_NAMED);
	ck_assert_int_eq(send_to("198.51.100.0:19302", false, tid, 50000), 0);
	ck_assert_int_eq(send_to("203.0.113.10:3478", false, tid, 50000), 0);
	ck_assert_int_eq(send_to("198.51.100.99:19302", false, tid, 60999),
	    -EACCES);
	ck_assert_int_eq(send_to("198.51.100.99:19302", false, tid, 61000),
	    0);
}
END_TEST

START_TEST(an_answer_is_taken_once_from_the_server_at_the_socket)
{
	static const uint8_t other[STUN_TID_LEN] = "abcdefghijkL";

	send_to("203.0.113.10:3478", false, tid, 0);
	ck_assert(!hear(5, "203.0.113.11:3478", tid, 10));
	ck_assert(!hear(5, "203.0.113.10:3479", tid, 10));
	ck_assert(!hear(6, "203.0.113.10:3478", tid, 10));
	ck_assert(!hear(5, "203.0.113.10:3478", other, 10));
	ck_assert(hear(5, "203.0.113.10:3478", tid, 10));
	ck_assert(!hear(5, "203.0.113.10:3478", tid, 11));
	ck_assert_uint_eq(ask.n_heard, 1);
	ck_assert_uint_eq(ask.n_ignored, 5);
}
END_TEST

/* ---- tests of NAT behaviour ---- */

/* The server's answer with an OTHER-ADDRESS of 203.0.113.N:port. */
static void
tell_other(const char *server, uint8_t n, uint16_t port, uint64_t ms)
{
	uint8_t answer[32] = { 1, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42 };
	struct addr a = addr_of(server);
	const uint8_t value[12] = { 0x80, 0x2c, 0, 8, 0, 1,
		(uint8_t)(port >> 8), (uint8_t)port, 203, 0, 113, n };

	memcpy(answer + 8, tid, STUN_TID_LEN);
	memcpy(answer + 20, value, sizeof(value));
	ck_assert_int_eq(send_to(server, false, tid, ms), 0);
	ck_assert(stun_ask_heard(&ask, 5, &a, span_make(answer,
		sizeof(answer)), at_ms(ms)));
}

static struct addr target;

static int
test_by(const char *server, unsigned to, unsigned change, uint64_t ms)
{
	struct addr a = addr_of(server);
	struct buf b;

	buf_init(&b, sent, sizeof(sent));
	return stun_ask_test(&ask, 5, tid, &a, false, to, change, at_ms(ms),
	    &target, &b);
}

#define SERVER "203.0.113.10:3478"

static const struct {
	unsigned to, change;
	const char *target, *source;
} test_rows[] = {
	{ 0, 3, SERVER, "203.0.113.11:3479" },
	{ 0, 2, SERVER, "203.0.113.10:3479" },
	{ 0, 1, SERVER, "203.0.113.11:3478" },
	{ 1, 0, "203.0.113.11:3478", "203.0.113.11:3478" },
	{ 3, 0, "203.0.113.11:3479", "203.0.113.11:3479" },
	{ 3, 3, "203.0.113.11:3479", SERVER },
};

START_TEST(a_test_goes_to_the_servers_own_addresses)
{
	char mem[ADDR_TEXT_MAX + 1];

	tell_other(SERVER, 11, 3479, 0);
	ck_assert_int_eq(test_by(SERVER, test_rows[_i].to,
	    test_rows[_i].change, 1), 0);
	ck_assert_str_eq(addr_text(&target, mem), test_rows[_i].target);
	/* CHANGE-REQUEST (RFC 5780 7.2): A is bit 2, B bit 1. */
	ck_assert_mem_eq(sent + 20, "\0\x03\0\x04\0\0\0", 7);
	ck_assert_uint_eq(sent[27], (test_rows[_i].change & 1 ? 4 : 0) |
	    (test_rows[_i].change & 2 ? 2 : 0));
	ck_assert_uint_eq(sent[3], 16);
	/* From elsewhere no answer is taken, and from there one. */
	ck_assert(!hear(5, "203.0.113.12:3479", tid, 2));
	ck_assert(hear(5, test_rows[_i].source, tid, 2));
	ck_assert(!hear(5, test_rows[_i].source, tid, 2));
}
END_TEST

static const struct {
	const char *name;
	uint8_t n;
	uint16_t port;
} bad_others[] = {
	{ "the same IP", 10, 3479 },
	{ "a privileged port", 11, 53 },
};

START_TEST(what_a_server_must_not_call_its_other_address)
{
	tell_other(SERVER, bad_others[_i].n, bad_others[_i].port, 0);
	ck_assert_msg(test_by(SERVER, 1, 0, 1) == -EACCES, "%s",
	    bad_others[_i].name);
}
END_TEST

START_TEST(a_test_needs_a_configured_server_that_told)
{
	ck_assert_int_eq(test_by(SERVER, 1, 0, 1), -EACCES);
	ck_assert_int_eq(test_by("203.0.113.99:3478", 1, 0, 1), -EACCES);
	tell_other(SERVER, 11, 3479, 0);
	ck_assert_int_eq(test_by("203.0.113.11:3479", 1, 0, 1), -EACCES);
	ck_assert_int_eq(test_by(SERVER, 1, 0, 599999), 0);
	ck_assert_int_eq(test_by(SERVER, 1, 0, 600001), -EACCES);
}
END_TEST

/* The answer to a test comes from the other address, which is not
 * configured: it cannot name a third one. */
START_TEST(an_answer_to_a_test_names_no_other_address)
{
	uint8_t answer[32] = { 1, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42 };
	static const uint8_t victim[12] = { 0x80, 0x2c, 0, 8, 0, 1, 0x1f,
		0x90, 198, 51, 100, 7 };
	struct addr a = addr_of(SERVER);

	tell_other(SERVER, 11, 3479, 0);
	ck_assert_int_eq(test_by(SERVER, 0, 0, 1), 0);
	memcpy(answer + 8, tid, STUN_TID_LEN);
	memcpy(answer + 20, victim, sizeof(victim));
	ck_assert(stun_ask_heard(&ask, 5, &a, span_make(answer,
		sizeof(answer)), at_ms(2)));
	ck_assert_int_eq(test_by(SERVER, 1, 0, 3), 0);
	ck_assert_uint_eq(target.ip[0], 203);
}
END_TEST

START_TEST(tests_are_few)
{
	unsigned n = 0;

	tell_other(SERVER, 11, 3479, 0);
	for (unsigned i = 0; i < 1000; i++)
		n += test_by(SERVER, 1, 0, i * 50) == 0;
	ck_assert_uint_eq(n, STUN_ASK_TESTS);
}
END_TEST

static int
hairpin(const char *to, const char *site)
{
	struct addr a = addr_of(to), s = addr_of(site);
	struct buf b;

	buf_init(&b, sent, sizeof(sent));
	return stun_ask_hairpin(&ask, 7, tid, &a, &s, at_ms(1), &b);
}

START_TEST(hairpin_goes_to_the_site_only)
{
	ck_assert_int_eq(hairpin("198.51.100.7:5070", "198.51.100.8:1"),
	    -EACCES);
	ck_assert_int_eq(hairpin("192.168.10.2:5070", "192.168.10.2:1"),
	    -EACCES);
	ck_assert_int_eq(hairpin("198.51.100.7:53", "198.51.100.7:1"),
	    -EACCES);
	ck_assert_int_eq(hairpin("198.51.100.7:5070", "198.51.100.7:1"), 0);
	ck_assert(!hear(7, "198.51.100.7:5071", tid, 2));
	ck_assert(hear(7, "198.51.100.7:5070", tid, 2));
}
END_TEST

START_TEST(hairpins_are_few)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 1000; i++)
		n += hairpin("198.51.100.7:5070", "198.51.100.7:1") == 0;
	ck_assert_uint_eq(n, STUN_ASK_TESTS);
	ck_assert_int_eq(hairpin("198.51.100.7:5070", "198.51.100.7:1"),
	    -EBUSY);
}
END_TEST

START_TEST(an_answer_after_40_s_is_nobodys)
{
	send_to("203.0.113.10:3478", false, tid, 0);
	ck_assert(!hear(5, "203.0.113.10:3478", tid, 40000));
	send_to("203.0.113.10:3478", false, tid, 50000);
	send_to("203.0.113.10:3478", false, tid, 80000);	/* again */
	ck_assert(hear(5, "203.0.113.10:3478", tid, 119999));
}
END_TEST

START_TEST(the_rate_is_limited)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 1000; i++)
		n += send_to("203.0.113.10:3478", false, tid, 0) == 0;
	ck_assert_uint_eq(n, STUN_ASK_BURST);
	ck_assert_int_eq(send_to("203.0.113.10:3478", false, tid, 9), -EBUSY);
	ck_assert_int_eq(send_to("203.0.113.10:3478", false, tid, 10), 0);
	n = 0;
	for (unsigned ms = 1000; ms < 11000; ms++)
		n += send_to("203.0.113.10:3478", false, tid, ms) == 0;
	ck_assert_uint_ge(n, 10 * STUN_ASK_RATE - 1);
	ck_assert_uint_le(n, 10 * STUN_ASK_RATE + STUN_ASK_BURST);
}
END_TEST

START_TEST(a_hundred_thousand_forged_answers_open_nothing)
{
	uint8_t forged[STUN_TID_LEN];
	uint32_t state = 7;

	send_to("203.0.113.10:3478", false, tid, 0);
	for (unsigned i = 0; i < 100000; i++) {
		for (size_t k = 0; k < sizeof(forged); k++) {
			state = state * 1664525u + 1013904223u;
			forged[k] = (uint8_t)(state >> 24);
		}
		if (hear(5, "203.0.113.10:3478", forged, 1))
			ck_abort_msg("taken");
	}
	ck_assert(hear(5, "203.0.113.10:3478", tid, 1));
}
END_TEST

void
add_stun_ask_tests(Suite *s)
{
	TCase *tc = tcase_create("stun_ask");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, asks_configured_servers_only, 0,
	    sizeof(servers) / sizeof(servers[0]));
	tcase_add_test(tc,
	    a_name_without_a_port_leaves_privileged_ports_alone);
	tcase_add_test(tc, named_servers_have_few_addresses_at_a_time);
	tcase_add_test(tc,
	    an_answer_is_taken_once_from_the_server_at_the_socket);
	tcase_add_loop_test(tc, a_test_goes_to_the_servers_own_addresses, 0,
	    sizeof(test_rows) / sizeof(test_rows[0]));
	tcase_add_loop_test(tc,
	    what_a_server_must_not_call_its_other_address, 0,
	    sizeof(bad_others) / sizeof(bad_others[0]));
	tcase_add_test(tc, a_test_needs_a_configured_server_that_told);
	tcase_add_test(tc, an_answer_to_a_test_names_no_other_address);
	tcase_add_test(tc, tests_are_few);
	tcase_add_test(tc, hairpin_goes_to_the_site_only);
	tcase_add_test(tc, hairpins_are_few);
	tcase_add_test(tc, an_answer_after_40_s_is_nobodys);
	tcase_add_test(tc, the_rate_is_limited);
	tcase_add_test(tc, a_hundred_thousand_forged_answers_open_nothing);
	suite_add_tcase(s, tc);
}
