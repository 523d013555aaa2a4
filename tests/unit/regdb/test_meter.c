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
		if (!meter_may_try(m, at_s(s), subscriber, from))
			continue;
		meter_wrong(m, at_s(s), subscriber, from);
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
	ck_assert(meter_may_try(m, at_s(0), 168, &home));
	ck_assert_uint_eq(guess(168, &room, 0, 50), METER_BURST);
	ck_assert_uint_eq(guess(168, &home, 29, 50), 0);
	ck_assert_uint_eq(guess(168, &home, 30, 50), 1);
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
	ck_assert(meter_may_try(m, at_s(1), 7, &home));
}
END_TEST

START_TEST(homes_use_up_nothing_of_the_strangers)
{
	meter_known(m, at_s(0), 7, &home);
	meter_known(m, at_s(0), 8, &home);
	meter_known(m, at_s(0), 9, &home);
	ck_assert_uint_eq(guess(7, &home, 0, 50), METER_BURST);
	ck_assert_uint_eq(guess(8, &home, 0, 50), METER_BURST);
	ck_assert_uint_eq(guess(9, &home, 0, 50), 0);
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

void
add_meter_tests(Suite *s)
{
	TCase *t = tcase_create("meter");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, strangers_get_a_burst_then_three_a_minute);
	tcase_add_test(t, strangers_share_one_budget);
	tcase_add_test(t, a_home_has_its_own);
	tcase_add_test(t, an_ipv6_home_is_a_64);
	tcase_add_test(t, all_strangers_together_are_slow_and_spare_the_homes);
	tcase_add_test(t, homes_use_up_nothing_of_the_strangers);
	tcase_add_test(t, a_full_table_forgets_nobody_who_is_metered);
	suite_add_tcase(s, t);
}
