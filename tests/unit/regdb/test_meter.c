/* Wrong answers: guessed slowly, nobody locked out. */
#include "registrar-db/core/meter.h"
#include "tests/unit/regdb/suite.h"

static struct meter *m;
static struct addr home, stranger;

static void
setup(void)
{
	m = meter_new();
	home = addr_of("198.51.100.7:4711");
	stranger = addr_of("203.0.113.66:5060");
}

static void
teardown(void)
{
	meter_free(m);
}

/* Guess until it is not looked at any more; how many were? */
static unsigned
guess(int64_t subscriber, const struct addr *from, uint64_t s, unsigned tries)
{
	unsigned n = 0;

	for (unsigned i = 0; i < tries; i++) {
		if (!meter_may_try(m, at_s(s), subscriber, from, false))
			continue;
		meter_wrong(m, at_s(s), subscriber, from, false);
		n++;
	}
	return n;
}

START_TEST(strangers_get_a_burst_then_three_a_minute)
{
	unsigned n = 0;

	ck_assert_uint_eq(guess(168, &stranger, 0, 50), METER_BURST);
	ck_assert_uint_eq(guess(168, &stranger, 19, 50), 0);
	ck_assert_uint_eq(guess(168, &stranger, 20, 50), 1);
	for (uint64_t s = 21; s <= 620; s++)
		n += guess(168, &stranger, s, 50);
	ck_assert_uint_eq(n, 30);
}
END_TEST

START_TEST(strangers_share_one_budget)
{
	struct addr other = addr_of("203.0.113.99:1");

	ck_assert_uint_eq(guess(168, &stranger, 0, 50), METER_BURST);
	ck_assert_uint_eq(guess(168, &other, 0, 50), 0);
	ck_assert_uint_eq(guess(169, &other, 0, 50), METER_BURST);
}
END_TEST

START_TEST(a_home_has_its_own)
{
	struct addr room = addr_of("198.51.100.7:60000");

	meter_known(m, at_s(0), 168, &home);
	ck_assert(meter_is_known(m, 168, &room));
	ck_assert(!meter_is_known(m, 169, &home));
	ck_assert_uint_eq(guess(168, &stranger, 0, 50), METER_BURST);
	ck_assert(meter_may_try(m, at_s(0), 168, &home, false));
	ck_assert_uint_eq(guess(168, &room, 0, 50), METER_KNOWN_BURST);
	ck_assert_uint_eq(guess(168, &room, 59, 50), 0);
	ck_assert_uint_eq(guess(168, &room, 60, 50), 1);
}
END_TEST

/* From a home's port; how many were looked at? */
static unsigned
guess_by(unsigned port, uint64_t s, bool urgent)
{
	struct addr at = home;
	unsigned n = 0;

	at.port = (uint16_t)port;
	while (n < 50 && meter_may_try(m, at_s(s), 168, &at, urgent)) {
		meter_wrong(m, at_s(s), 168, &at, urgent);
		n++;
	}
	return n;
}

START_TEST(who_did_not_guess_is_looked_at_beside_a_guesser)
{
	struct addr back = addr_of("198.51.100.7:60000");

	meter_known(m, at_s(0), 168, &home);
	for (uint64_t s = 0; s <= 3600; s++)
		guess_by(5099, s, false);
	ck_assert(meter_may_try(m, at_s(3600), 168, &back, false));
	/* Two more come back with a wrong password each, once. */
	ck_assert_uint_eq(guess_by(60001, 3600, false), 1);
	ck_assert_uint_eq(guess_by(60002, 3600, false), 1);
	ck_assert(!meter_may_try(m, at_s(3600), 168, &back, false));
	ck_assert(meter_may_try(m, at_s(3600), 168, &back, true));
	/* Who guesses does not use that up, unless by calls for help. */
	guess_by(5099, 3601, false);
	ck_assert_uint_eq(guess_by(5099, 3601, true), METER_KEPT_BURST);
	ck_assert(!meter_may_try(m, at_s(3601), 168, &back, true));
}
END_TEST

START_TEST(by_all_ports_and_for_help_a_home_has_ten_and_two_a_minute)
{
	unsigned n = 0, port = 1024;

	meter_known(m, at_s(0), 168, &home);
	for (; port < 2000; port++)
		n += guess_by(port, 0, true);
	ck_assert_uint_eq(n, 10);
	n = 0;
	for (uint64_t s = 1; s <= 1200; s++) {
		n += guess_by(port++, s, true);
		n += guess_by(port++, s, true);
	}
	ck_assert_uint_le(n, 40);
}
END_TEST

START_TEST(an_ipv6_home_is_a_64)
{
	struct addr a = addr_of("[2001:db8:0:1::5]:5060");
	struct addr same = addr_of("[2001:db8:0:1:ffff::9]:1");
	struct addr next = addr_of("[2001:db8:0:2::5]:5060");

	meter_known(m, at_s(0), 168, &a);
	ck_assert(meter_is_known(m, 168, &same));
	ck_assert(!meter_is_known(m, 168, &next));
}
END_TEST

START_TEST(all_strangers_together_are_slow_and_spare_the_homes)
{
	unsigned n = 0;

	meter_known(m, at_s(0), 7, &home);
	for (int64_t subscriber = 1000; subscriber < 9000; subscriber++)
		n += guess(subscriber, &stranger, 0, 1);
	ck_assert_uint_eq(n, METER_ALL_BURST);
	for (int64_t subscriber = 1000; subscriber < 9000; subscriber++)
		n += guess(subscriber, &stranger, 1 + subscriber % 10, 1);
	ck_assert_uint_le(n, METER_ALL_BURST + 10 * 11);
	ck_assert(meter_may_try(m, at_s(1), 7, &home, false));
}
END_TEST

START_TEST(homes_use_up_nothing_of_the_strangers)
{
	meter_known(m, at_s(0), 7, &home);
	meter_known(m, at_s(0), 8, &home);
	meter_known(m, at_s(0), 9, &home);
	ck_assert_uint_eq(guess(7, &home, 0, 50), METER_KNOWN_BURST);
	ck_assert_uint_eq(guess(8, &home, 0, 50), METER_KNOWN_BURST);
	meter_known(m, at_s(0), 10, &home);
	ck_assert_uint_eq(guess(9, &home, 0, 50), METER_KNOWN_BURST);
	ck_assert_uint_le(guess(10, &home, 0, 50),
	    METER_ALL_BURST - 3 * METER_KNOWN_BURST);
	ck_assert_uint_eq(guess(168, &stranger, 0, 50), METER_BURST);
}
END_TEST

START_TEST(a_full_table_forgets_nobody_who_is_metered)
{
	struct addr from = addr_of("192.0.2.1:1");

	ck_assert_uint_eq(guess(168, &stranger, 0, 50), METER_BURST);
	/* As fast as all strangers may, for the time it takes to recover. */
	for (int64_t i = 0; i < 2000; i++)
		guess(100000 + i, &from, 1 + (uint64_t)i / 10, 1);
	ck_assert_uint_le(guess(168, &stranger, 19, 50), 1);
}
END_TEST

/* Refused from here until its budget is spent; how often, and which? */
static unsigned
refuse(const struct addr *from, uint64_t s, unsigned tries,
    enum meter_over *over_out)
{
	unsigned n = 0;

	*over_out = METER_WITHIN;
	for (unsigned i = 0; i < tries && *over_out == METER_WITHIN; i++) {
		if (!meter_place_may(m, at_s(s), from))
			return n;
		*over_out = meter_place_wrong(m, at_s(s), from);
		n++;
	}
	return n;
}

START_TEST(a_place_has_a_budget_whatever_names_it_tries)
{
	enum meter_over over;

	ck_assert_uint_eq(refuse(&stranger, 0, 99, &over),
	    METER_ADDRESS_BURST);
	ck_assert_int_eq(over, METER_ADDRESS_OVER);
	ck_assert(!meter_place_may(m, at_s(29), &stranger));
	/* Told once, and again when there is a budget to be spent again. */
	ck_assert_int_eq(meter_place_wrong(m, at_s(29), &stranger),
	    METER_WITHIN);
	ck_assert_uint_eq(refuse(&stranger, 30, 99, &over), 1);
	ck_assert_int_eq(over, METER_ADDRESS_OVER);
	ck_assert(meter_place_may(m, at_s(30), &home));
}
END_TEST

START_TEST(a_prefix_has_one_and_a_good_phone_in_it_none)
{
	struct addr phone = addr_of("203.0.113.7:5060");
	struct addr other = addr_of("203.0.112.1:5060");
	enum meter_over over;
	unsigned n = 0;

	meter_known(m, at_s(0), 168, &phone);
	for (uint8_t i = 66; i < 76; i++) {
		struct addr a = stranger;

		a.ip[3] = i;
		n += refuse(&a, 0, 99, &over);
	}
	ck_assert_uint_eq(n, METER_PREFIX_BURST);
	ck_assert(!meter_place_may(m, at_s(0), &stranger));
	ck_assert(meter_place_may(m, at_s(0), &other));
	/* Each address of it is counted on: one may have to be dropped alone. */
	other = addr_of("203.0.113.99:5060");
	n = 0;
	do
		n++;
	while (meter_place_wrong(m, at_s(0), &other) == METER_WITHIN);
	ck_assert_uint_eq(n, METER_ADDRESS_BURST);
	/* Its home is nobody's to spend, for any subscriber. */
	ck_assert_uint_eq(refuse(&phone, 0, 999, &over), 999);
	ck_assert_int_eq(over, METER_WITHIN);
}
END_TEST

START_TEST(places_of_ipv6_are_a_64_and_a_48)
{
	struct addr a = addr_of("[2001:db8:1:1::5]:5060"), b = a, c = a;
	struct addr_prefix p = meter_prefix(&a, true);
	enum meter_over over;

	ck_assert_uint_eq(p.bits, 48);
	ck_assert_uint_eq(p.net.ip[6] | p.net.ip[7] | p.net.port, 0);
	ck_assert_uint_eq(meter_prefix(&a, false).bits, 64);
	b.ip[15] = 9;
	c.ip[7] = 2;
	refuse(&a, 0, 99, &over);
	ck_assert(!meter_place_may(m, at_s(0), &b));
	ck_assert(meter_place_may(m, at_s(0), &c));
}
END_TEST

void
add_meter_tests(Suite *s)
{
	TCase *t = tcase_create("meter");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, strangers_get_a_burst_then_three_a_minute);
	tcase_add_test(t, strangers_share_one_budget);
	tcase_add_test(t, a_home_has_its_own);
	tcase_add_test(t, who_did_not_guess_is_looked_at_beside_a_guesser);
	tcase_add_test(t,
	    by_all_ports_and_for_help_a_home_has_ten_and_two_a_minute);
	tcase_add_test(t, an_ipv6_home_is_a_64);
	tcase_add_test(t, all_strangers_together_are_slow_and_spare_the_homes);
	tcase_add_test(t, homes_use_up_nothing_of_the_strangers);
	tcase_add_test(t, a_full_table_forgets_nobody_who_is_metered);
	tcase_add_test(t, a_place_has_a_budget_whatever_names_it_tries);
	tcase_add_test(t, a_prefix_has_one_and_a_good_phone_in_it_none);
	tcase_add_test(t, places_of_ipv6_are_a_64_and_a_48);
	suite_add_tcase(s, t);
}
