/* Who guesses is not listened to for a while; who has a phone there is. */
#include <stdio.h>

#include "tests/unit/regdb/lab.h"

#define CONTACT "sip:168@192.168.1.20:5060;line=abc"
#define LIST "SELECT coalesce(group_concat(prefix), '') FROM dropped"

static struct ipc_drop_list list;

static const struct ipc_drop_list *
told(void)
{
	ck_assert_int_eq(get_drop_list(lab_take(IPC_DROP_LIST), &list), 0);
	ck_assert_uint_eq(list.first, 1);
	return &list;
}

/* Wrong answers from there, for 168 or for nobody. */
static void
guess(const char *from, unsigned zone, unsigned times, const char *username)
{
	for (unsigned i = 0; i < times; i++) {
		struct ipc_reg_ask ask = lab_reg(CONTACT, 3600);

		ask.flow = flow_of((enum zone)zone, from);
		ask.digest.username = span_str(username);
		ask.digest.response = S("00000000000000000000000000000000");
		ck_assert_uint_eq(lab_reg_ask(&ask).verdict,
		    VERDICT_FORBIDDEN);
	}
}

static void
until_dropped(const char *want)
{
	lab_until(strcmp(lab_look(LIST), want) == 0);
}

static const struct {
	const char *name, *username;
} names[] = { { "of a subscriber", "SIP-168" }, { "of nobody", "SIP-777" } };

START_TEST(who_guesses_is_dropped_for_ten_minutes)
{
	lab_subscriber();
	told();
	guess("203.0.113.66:5060", ZONE_EXTERNAL, METER_ADDRESS_BURST - 1,
	    names[_i].username);
	ck_assert(!lab_has(IPC_DROP_LIST));
	guess("203.0.113.66:5060", ZONE_EXTERNAL, 1, names[_i].username);
	ck_assert_uint_eq(told()->n_drops, 1);
	ck_assert_msg(list.drops[0].bits == 32 && list.drops[0].left_s <= 600 &&
	    list.drops[0].left_s > 590, "%s", names[_i].name);
	until_dropped("203.0.113.66");
	/* The next time it lasts longer, but never more than an hour. */
	lab_ok("UPDATE dropped SET until = unixepoch() - 1, times = 1");
	ck_assert_uint_eq(told()->n_drops, 0);
	lab_later(31000);
	guess("203.0.113.66:5060", ZONE_EXTERNAL, 1, names[_i].username);
	ck_assert_uint_eq(told()->n_drops, 1);
	ck_assert_uint_gt(list.drops[0].left_s, 1190);
	lab_ok("UPDATE dropped SET until = unixepoch() - 1, times = 50");
	told();
	lab_later(31000);
	guess("203.0.113.66:5060", ZONE_EXTERNAL, 1, names[_i].username);
	told();
	ck_assert_uint_gt(list.drops[0].left_s, 3590);
	ck_assert_uint_le(list.drops[0].left_s, 3600);
}
END_TEST

START_TEST(a_prefix_is_dropped_whole)
{
	char from[32];

	lab_subscriber();
	for (unsigned i = 0; i < 5; i++) {
		snprintf(from, sizeof(from), "203.0.113.%u:5060", 10 + i);
		guess(from, ZONE_EXTERNAL, METER_ADDRESS_BURST, "SIP-168");
	}
	until_dropped("203.0.113.0/24,203.0.113.10,203.0.113.11,"
		      "203.0.113.12,203.0.113.13");
}
END_TEST

static const struct {
	const char *name, *sql, *from;
	unsigned zone;
} friends[] = {
	{ "a phone is registered there", NULL, PHONE, ZONE_EXTERNAL },
	{ "the office", NULL, "192.168.10.50:5060", ZONE_INTERNAL },
	{ "a trunk", "INSERT INTO trunk(name, address, prefix) VALUES "
	    "('itsp', '203.0.113.66:5060', '0')", "203.0.113.66:5060", ZONE_EXTERNAL },
	{ "never_dropped", "INSERT INTO never_dropped(prefix) VALUES "
	    "('203.0.113.0/24')", "203.0.113.66:5060", ZONE_EXTERNAL },
};

START_TEST(friends_are_not_dropped)
{
	lab_subscriber();
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	if (friends[_i].sql != NULL)
		lab_ok(friends[_i].sql);
	guess(friends[_i].from, friends[_i].zone, 3 * METER_ADDRESS_BURST,
	    "SIP-777");
	/* Somebody who is, behind them in the queue. */
	guess("198.51.101.9:5060", ZONE_EXTERNAL, METER_ADDRESS_BURST,
	    "SIP-777");
	lab_until(strcmp(lab_look(LIST), "") != 0);
	ck_assert_msg(strcmp(lab_look(LIST), "198.51.101.9") == 0, "%s: %s",
	    friends[_i].name, lab_look(LIST));
}
END_TEST

START_TEST(a_registered_phones_prefix_is_not_dropped_whole)
{
	char from[32];

	lab_subscriber();
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	for (unsigned i = 0; i < 7; i++) {
		snprintf(from, sizeof(from), "198.51.100.%u:5060", 10 + i);
		guess(from, ZONE_EXTERNAL, METER_ADDRESS_BURST, "SIP-777");
	}
	until_dropped("198.51.100.10,198.51.100.11,198.51.100.12,"
		      "198.51.100.13,198.51.100.14,198.51.100.15,"
		      "198.51.100.16");
}
END_TEST

START_TEST(an_admin_drops_and_lets_in_while_all_runs)
{
	told();
	lab_ok("INSERT INTO dropped(prefix) VALUES ('2001:db8::/32'); "
	       "INSERT INTO dropped(prefix, until) VALUES "
	       "('192.0.2.1', unixepoch() + 60), "
	       "('192.0.2.2', unixepoch() - 1)");
	while (told()->n_drops != 2)
		;
	ck_assert(list.drops[0].bits == 32 &&
	    list.drops[0].net.family == ADDR_IPV6 &&
	    list.drops[0].left_s == UINT32_MAX);
	ck_assert_uint_le(list.drops[1].left_s, 60);
	lab_new_sigproxy();
	ck_assert_uint_eq(told()->n_drops, 2);
	lab_restart();
	ck_assert_uint_eq(told()->n_drops, 2);
	lab_ok("DELETE FROM dropped");
	ck_assert_uint_eq(told()->n_drops, 0);
	ck_assert_str_ne(lab_sql("INSERT INTO dropped(prefix) VALUES "
				 "('example.com')"), "");
}
END_TEST

START_TEST(a_long_list_comes_in_parts)
{
	unsigned n, frames = 1;

	told();
	lab_ok("WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM "
	       "c WHERE n < 1999) INSERT INTO dropped(prefix) SELECT "
	       "'10.0.' || (n / 250) || '.' || (n % 250) FROM c");
	n = told()->n_drops;
	while (n < 1024) {
		ck_assert_int_eq(get_drop_list(lab_take(IPC_DROP_LIST),
				     &list), 0);
		ck_assert_uint_eq(list.first, 0);
		n += list.n_drops;
		frames++;
	}
	ck_assert_uint_eq(n, 1024);
	ck_assert_uint_eq(frames, 5);
}
END_TEST

void
add_drops_tests(Suite *s)
{
	TCase *t = tcase_create("drops");

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, lab_setup, lab_teardown);
	tcase_add_loop_test(t, who_guesses_is_dropped_for_ten_minutes, 0,
	    sizeof(names) / sizeof(names[0]));
	tcase_add_test(t, a_prefix_is_dropped_whole);
	tcase_add_loop_test(t, friends_are_not_dropped, 0,
	    sizeof(friends) / sizeof(friends[0]));
	tcase_add_test(t, a_registered_phones_prefix_is_not_dropped_whole);
	tcase_add_test(t, an_admin_drops_and_lets_in_while_all_runs);
	tcase_add_test(t, a_long_list_comes_in_parts);
	suite_add_tcase(s, t);
}
