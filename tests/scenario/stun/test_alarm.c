/* What stunmon tells the admin, when, and that it takes it back. */
#include "tests/scenario/stun/world.h"

#define SECOND 1000u
#define MINUTE (60u * SECOND)
#define HOUR (60u * MINUTE)

static unsigned
all_raised(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ALARM_COUNT; i++)
		n += w.raised[i];
	return n;
}

START_TEST(a_quiet_day_raises_nothing)
{
	world_begin(3);
	world_run(24 * HOUR);
	ck_assert_uint_eq(all_raised(), 0);
	ck_assert_uint_eq(w.maps->history.n, 1);
}
END_TEST

START_TEST(silence_is_said_and_taken_back)
{
	world_begin(2);
	world_run(MINUTE);
	w.server[0] = w.server[1] = DEAD;
	world_run(MINUTE);
	ck_assert_uint_eq(w.raised[ALARM_SILENT], 1);
	ck_assert_int_eq(mapping_server_state(w.maps, 0,
	    (struct mono){ UINT64_MAX / 2 }), SERVER_SILENT);
	world_run(HOUR);
	ck_assert_uint_eq(w.raised[ALARM_SILENT], 1);
	w.server[0] = HONEST;
	world_run(2 * MINUTE);
	ck_assert_uint_eq(w.cleared[ALARM_SILENT], 1);
	ck_assert_uint_eq(all_raised(), 1);
	/* Known, old, known again. */
	ck_assert_uint_eq(w.maps->history.n, 3);
}
END_TEST

START_TEST(silence_from_the_start_is_said_after_ten_seconds)
{
	world_begin(2);
	w.server[0] = w.server[1] = DEAD;
	world_run(9 * SECOND);
	ck_assert_uint_eq(all_raised(), 0);
	world_run(2 * SECOND);
	ck_assert_uint_eq(w.raised[ALARM_SILENT], 1);
}
END_TEST

START_TEST(names_that_lead_nowhere_are_said)
{
	struct addr a = world_addr("203.0.113.10:3478");

	world_begin(1);
	mapping_set_addresses(w.maps, 0, NULL, 0, (struct mono){ 1 });
	world_run(MINUTE);
	ck_assert_uint_eq(w.raised[ALARM_UNRESOLVED], 1);
	ck_assert_uint_eq(all_raised(), 1);
	mapping_set_addresses(w.maps, 0, &a, 1, (struct mono){ 1 });
	world_run(SECOND);
	ck_assert_uint_eq(w.cleared[ALARM_UNRESOLVED], 1);
}
END_TEST

START_TEST(a_tie_is_said_and_the_last_good_address_stays)
{
	world_begin(2);
	w.server[1] = LIAR;
	world_run(MINUTE);
	ck_assert_uint_eq(w.raised[ALARM_DISAGREE], 1);
	ck_assert_uint_eq(all_raised(), 1);
	w.server[1] = HONEST;
	world_run(MINUTE);
	ck_assert_uint_eq(w.cleared[ALARM_DISAGREE], 1);
	assert_told(&w.site, PUBLIC_KNOWN, "198.51.100.1");
}
END_TEST

START_TEST(an_outvoted_server_is_named_until_it_is_right_again)
{
	world_begin(3);
	world_run(MINUTE);
	w.server[1] = LIAR;	/* one that is not asked by itself */
	world_run(6 * MINUTE);
	ck_assert_uint_eq(w.raised[ALARM_WRONG], 1);
	ck_assert(w.maps->server[1].wrong);
	ck_assert(!addr_same_ip(&w.maps->server[1].said, &w.maps->site));
	ck_assert_uint_eq(w.site.times, 1);
	w.server[1] = HONEST;
	world_run(6 * MINUTE);
	ck_assert_uint_eq(w.cleared[ALARM_WRONG], 1);
	ck_assert_uint_eq(all_raised(), 1);
}
END_TEST

START_TEST(a_preferred_server_that_froze_is_outvoted_by_two_others)
{
	world_begin(3);
	world_run(MINUTE);
	w.server[0] = FROZEN;
	w.nat = "192.0.2.77";
	world_run(6 * MINUTE);
	assert_told(&w.site, PUBLIC_KNOWN, "192.0.2.77");
	ck_assert(w.maps->server[0].wrong);
	ck_assert_uint_eq(w.raised[ALARM_WRONG], 1);
	ck_assert_uint_eq(all_raised(), 1);
}
END_TEST

START_TEST(a_changed_address_is_no_alarm_and_stands_in_the_history)
{
	const struct history_row *r;

	world_begin(2);
	for (unsigned i = 0; i < 20; i++) {
		world_run(2 * MINUTE);
		w.nat = i % 2 == 0 ? "192.0.2.77" : "198.51.100.1";
	}
	world_run(2 * MINUTE);
	ck_assert_uint_eq(all_raised(), 0);
	ck_assert_uint_eq(w.maps->history.n, HISTORY_MAX);
	r = history_get(&w.maps->history, HISTORY_MAX - 1);
	ck_assert(addr_same_ip(&r->site, &w.maps->site));
	ck_assert_uint_eq(r->server.port, 3478);
	r = history_before(&w.maps->history);
	ck_assert_ptr_nonnull(r);
	ck_assert_uint_eq(r->site.ip[0], 192);
	ck_assert_ptr_null(history_get(&w.maps->history, HISTORY_MAX));
}
END_TEST

START_TEST(a_symmetric_router_is_said_and_a_repaired_one_too)
{
	world_begin(2);
	w.symmetric = true;
	world_run(MINUTE);
	ck_assert_uint_eq(w.raised[ALARM_SYMMETRIC], 1);
	w.symmetric = false;
	world_run(11 * MINUTE);
	ck_assert_uint_eq(w.cleared[ALARM_SYMMETRIC], 1);
	ck_assert_uint_eq(all_raised(), 1);
}
END_TEST

START_TEST(slow_servers_are_believed_and_are_no_alarm)
{
	world_begin(2);
	w.server[0] = w.server[1] = SLOW;
	world_run(5 * SECOND);
	assert_told(&w.site, PUBLIC_KNOWN, "198.51.100.1");
	world_run(HOUR);
	ck_assert_uint_eq(all_raised(), 0);
	ck_assert_uint_eq(w.maps->server[0].n_silent, 0);
}
END_TEST

START_TEST(a_dead_address_of_a_server_gives_way_to_its_next)
{
	world_begin(1);
	world_addresses(0, 4, 1 | 2);
	world_run(8 * SECOND);
	assert_told(&w.site, PUBLIC_KNOWN, "198.51.100.1");
	ck_assert_uint_eq(w.maps->server[0].at, 2);
	/* The one in use is kept when the name's answer comes anew. */
	world_addresses(0, 4, 0);
	ck_assert_uint_eq(w.maps->server[0].at, 2);
	/* And one that is gone from it is not. */
	world_addresses(0, 2, 0);
	ck_assert_uint_eq(w.maps->server[0].at, 0);
	world_run(MINUTE);
	assert_told(&w.site, PUBLIC_KNOWN, "198.51.100.1");
	ck_assert_uint_eq(all_raised(), 0);
}
END_TEST

START_TEST(all_addresses_dead_ask_the_next_server)
{
	world_begin(2);
	world_addresses(0, 3, 7);
	world_run(15 * SECOND);
	ck_assert_uint_ge(w.asked[1], 1);
	assert_told(&w.site, PUBLIC_KNOWN, "198.51.100.1");
}
END_TEST

START_TEST(what_is_said_fits_into_a_line)
{
	const struct alarm_words *one = alarm_words((enum alarm_id)_i);
	const char *const text[] = { one->why, one->remedy };

	for (unsigned i = 0; i < 2; i++) {
		ck_assert_uint_lt(strlen(text[i]), 200);
		ck_assert_ptr_null(strpbrk(text[i], "\"\\\n"));
	}
}
END_TEST

void
add_alarm_tests(Suite *s)
{
	TCase *tc = tcase_create("alarm"), *words = tcase_create("words");

	tcase_add_loop_test(words, what_is_said_fits_into_a_line, 0,
	    ALARM_COUNT);
	suite_add_tcase(s, words);
	tcase_add_checked_fixture(tc, NULL, world_end);
	tcase_add_test(tc, a_quiet_day_raises_nothing);
	tcase_add_test(tc, silence_is_said_and_taken_back);
	tcase_add_test(tc, silence_from_the_start_is_said_after_ten_seconds);
	tcase_add_test(tc, names_that_lead_nowhere_are_said);
	tcase_add_test(tc, a_tie_is_said_and_the_last_good_address_stays);
	tcase_add_test(tc,
	    an_outvoted_server_is_named_until_it_is_right_again);
	tcase_add_test(tc,
	    a_preferred_server_that_froze_is_outvoted_by_two_others);
	tcase_add_test(tc,
	    a_changed_address_is_no_alarm_and_stands_in_the_history);
	tcase_add_test(tc, a_symmetric_router_is_said_and_a_repaired_one_too);
	tcase_add_test(tc, slow_servers_are_believed_and_are_no_alarm);
	tcase_add_test(tc, a_dead_address_of_a_server_gives_way_to_its_next);
	tcase_add_test(tc, all_addresses_dead_ask_the_next_server);
	suite_add_tcase(s, tc);
}
