/* The wall clock is set while phones are registered. */
#include <stdlib.h>

#include "tests/unit/regdb/lab.h"

#define CONTACT "sip:168@192.168.1.20"
#define DAY 86400

static int64_t
left_s(void)
{
	return strtoll(
		   lab_look("SELECT expires_at FROM registration"), NULL, 10) -
	       (oracle_wall_s(lab.oracle));
}

/* A phone of the office, for an hour. */
static void
desk_phone(void)
{
	struct ipc_reg_ask ask;

	lab_subscriber();
	ask = lab_reg("sip:168@10.0.0.9", 3600);
	ask.flow = flow_of(ZONE_INTERNAL, "10.0.0.9:5060");
	ask.nated = 0;
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_OK);
	ck_assert_int_ge(left_s(), 3595);
	ck_assert_int_le(left_s(), 3600);
}

static const int64_t steps[] = { 5, -5, DAY, -DAY, INT64_C(3650) * DAY,
	INT64_C(-3650) * DAY };

START_TEST(a_step_of_the_clock_ends_and_prolongs_no_binding)
{
	int64_t now;

	desk_phone();
	now = oracle_wall_s(lab.oracle);
	lab_step_clock(steps[_i]);
	/* Before it was noticed ... */
	ck_assert_uint_eq(lab_call("168").n_targets, 1);
	lab_until(oracle_wall_s(lab.oracle) - now >= steps[_i] - 1 &&
		  oracle_wall_s(lab.oracle) - now <= steps[_i] + 30);
	/* ... and after. */
	ck_assert_uint_eq(lab_call("168").n_targets, 1);
	ck_assert_int_ge(left_s(), 3590);
	ck_assert_int_le(left_s(), 3600);
	lab_later(3000 * 1000);
	ck_assert_uint_eq(lab_call("168").n_targets, 1);
	lab_later(601 * 1000);
	ck_assert_uint_eq(lab_call("168").verdict, VERDICT_UNREACHABLE);
	lab_until(
	    strcmp(lab_look("SELECT count(*) FROM registration"), "0") == 0);
}
END_TEST

START_TEST(a_step_while_the_store_is_locked_ends_nothing_either)
{
	desk_phone();
	lab_ok("BEGIN IMMEDIATE");
	lab_step_clock(steps[_i]);
	for (int i = 0; i < 10; i++)
		lab_turn();
	ck_assert_uint_eq(lab_call("168").n_targets, 1);
	/* It lasts as long as it was granted, in true time. */
	lab_later(3590 * 1000);
	ck_assert_uint_eq(lab_call("168").n_targets, 1);
	lab_ok("COMMIT");
	lab_until(wall_step_s(&lab.oracle->wall) == 0);
	ck_assert_uint_eq(lab_call("168").n_targets, 1);
	lab_later(15 * 1000);
	ck_assert_uint_eq(lab_call("168").verdict, VERDICT_UNREACHABLE);
}
END_TEST

START_TEST(what_is_listed_is_never_more_than_was_granted)
{
	struct ipc_reg_ask ask;
	struct ipc_reg_say say;

	desk_phone();
	lab_step_clock(-DAY);
	ask = lab_reg(NULL, 0);
	ask.flow = flow_of(ZONE_INTERNAL, "10.0.0.9:5060");
	say = lab_reg_ask(&ask);
	ck_assert_uint_eq(say.verdict, VERDICT_OK);
	ck_assert_uint_eq(say.n_bindings, 1);
	ck_assert_uint_le(say.bindings[0].expires_s, 3600);
	ck_assert_uint_ge(say.bindings[0].expires_s, 3590);
}
END_TEST

START_TEST(a_clock_set_back_during_a_restart_prolongs_no_binding)
{
	desk_phone();
	lab_step_clock(-DAY);
	lab_restart();
	lab_until(left_s() <= 3600);
	ck_assert_uint_eq(lab_call("168").n_targets, 1);
	lab_later(3601 * 1000);
	ck_assert_uint_eq(lab_call("168").verdict, VERDICT_UNREACHABLE);
}
END_TEST

START_TEST(a_call_lasts_as_long_as_it_lasts)
{
	struct ipc_call_note note = { .state = CALL_ANSWERED };
	char mem[512];
	struct buf b;

	desk_phone();
	note.ticket = lab_call("168").ticket;
	ck_assert_uint_ne(note.ticket, 0);
	for (int i = 0; i < 2; i++) {
		buf_init(&b, mem, sizeof(mem));
		IPC_FRAME(&b, CALL_NOTE, call_note, &note);
		lab_send(&b);
		if (i == 1)
			break;
		lab_until(strcmp(lab_look("SELECT state FROM call"),
			      "answered") == 0);
		lab_later(100 * 1000);
		lab_step_clock(-DAY);
		lab_until(wall_step_s(&lab.oracle->wall) == 0);
		note.state = CALL_ENDED;
	}
	lab_until(strcmp(lab_look("SELECT state FROM call"), "ended") == 0);
	ck_assert_int_ge(
	    atoi(lab_look("SELECT duration_s FROM call_record")), 99);
	ck_assert_int_le(
	    atoi(lab_look("SELECT duration_s FROM call_record")), 110);
}
END_TEST

void
add_clock_tests(Suite *s)
{
	TCase *t = tcase_create("clock");
	int n = (int)(sizeof(steps) / sizeof(steps[0]));

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, lab_setup, lab_teardown);
	tcase_add_loop_test(
	    t, a_step_of_the_clock_ends_and_prolongs_no_binding, 0, n);
	tcase_add_loop_test(
	    t, a_step_while_the_store_is_locked_ends_nothing_either, 0, n);
	tcase_add_test(t, what_is_listed_is_never_more_than_was_granted);
	tcase_add_test(
	    t, a_clock_set_back_during_a_restart_prolongs_no_binding);
	tcase_add_test(t, a_call_lasts_as_long_as_it_lasts);
	suite_add_tcase(s, t);
}
