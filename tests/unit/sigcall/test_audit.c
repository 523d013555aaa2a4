/*
 * Calls without session timers whose phones are gone: they end in bounded
 * time, and no other call does (RFC 5057 5.1; R75).
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

#define NO_TIMER "Allow: INVITE, ACK, BYE, CANCEL\r\n"
#define HALF_HOUR 1800000
/* Three timeouts of 32 s and two minutes between. */
#define LAST_TRY (3 * 32000 + 2 * 60000 + 100)

static struct lab *lab;
static struct phone *home, *desk;
static struct talk t;

static void
setup(void)
{
	lab = lab_new(60, 100);
	home = lab_home(lab, "168", 7);
	desk = lab_office(lab, "200", 31);
	home->can = NO_TIMER;
	talk_begin(&t, home, desk);
	lab_learnt(lab, 0, &home->flow.remote);
	lab_learnt(lab, 1, &desk->flow.remote);
}

static void
teardown(void)
{
	lab_free(lab);
}

static void
hang_up(void)
{
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	lab_expect_empty(lab);
}

static void
expect_gone(void)
{
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ENDED);
	ck_assert_uint_eq(lab_note(lab)->status, 408);
	ck_assert_str_eq(
	    lab->reasons[(lab->n_notes - 1) % 64], "phone-gone");
	ck_assert_uint_eq(lab_saved(lab), 0);
	lab_pass(lab, 64000);
	lab_expect_empty(lab);
}

static void
both_silent(void)
{
	lab_silent(lab, 0, true);
	lab_silent(lab, 1, true);
}

START_TEST(a_call_between_two_that_vanished_ends)
{
	both_silent();
	if (_i == 1)
		lab_restart(lab);
	lab_pass(lab, HALF_HOUR - 1000);
	ck_assert_ptr_null(phone_recv(home));
	lab_pass(lab, 1000 + LAST_TRY - 300);
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	lab_pass(lab, 300);
	ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
	expect_gone();
}
END_TEST

/* The other one still talks: nobody hears it. */
START_TEST(one_of_them_is_enough)
{
	lab_silent(lab, 0, true);
	lab_pass(lab, HALF_HOUR + LAST_TRY);
	ck_assert_ptr_null(phone_expect(desk, "OPTIONS"));
	expect_gone();
}
END_TEST

START_TEST(rfc5057_481_says_so_at_once_and_three_times)
{
	const char *msg;

	both_silent();
	lab_pass(lab, HALF_HOUR + 100);
	for (unsigned i = 0; i < 3; i++) {
		msg = phone_expect(home, "OPTIONS");
		ck_assert_ptr_nonnull(msg);
		ck_assert_uint_eq(lab_count(lab, "calls"), 1);
		phone_answer(home, msg, 481, "", NULL);
		/* The other one is asked once. */
		msg = i == 0 ? phone_expect(desk, "OPTIONS") : NULL;
		if (msg != NULL)
			phone_answer(desk, msg, 200, "", NULL);
		lab_pass(lab, i < 2 ? 60000 : 0);
	}
	msg = phone_expect(desk, "BYE");
	ck_assert_ptr_nonnull(msg);
	ck_assert_msg(strstr(hdr(msg, "Reason"), "cause=408") != NULL, "%s",
	    msg);
	phone_answer(desk, msg, 200, "", NULL);
	expect_gone();
}
END_TEST

START_TEST(what_is_heard_is_not_asked)
{
	lab_pass(lab, 5 * HALF_HOUR);
	ck_assert_ptr_null(phone_recv(home));
	ck_assert_ptr_null(phone_recv(desk));
	hang_up();
}
END_TEST

START_TEST(silence_alone_never_ends_a_call)
{
	both_silent();
	ck_assert_uint_eq(
	    lab_pass_alive(lab, 5 * HALF_HOUR + 5000, home, desk), 10);
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	hang_up();
}
END_TEST

/* Any answer but 481 and 408 is one of a phone that is there. */
START_TEST(a_phone_that_knows_no_options_stays)
{
	static const unsigned status[] = { 405, 501, 403, 500, 488 };
	const char *msg;

	lab_silent(lab, 0, true);
	for (unsigned i = 0; i < 5; i++) {
		lab_pass(lab, HALF_HOUR + 100);
		msg = phone_expect(home, "OPTIONS");
		ck_assert_ptr_nonnull(msg);
		phone_answer(home, msg, status[i], "", NULL);
		ck_assert_ptr_null(phone_expect(home, "OPTIONS"));
	}
	hang_up();
}
END_TEST

START_TEST(one_lost_answer_ends_nothing)
{
	lab_silent(lab, 0, true);
	for (unsigned i = 0; i < 3; i++) {
		lab_pass(lab, HALF_HOUR + 33000);
		while (phone_recv(home) != NULL)
			;
		ck_assert_uint_eq(
		    lab_pass_alive(lab, 70000, home, desk), 1);
	}
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	hang_up();
}
END_TEST

/* It does not answer, but there is its voice. */
START_TEST(a_phone_that_is_heard_again_stays)
{
	lab_silent(lab, 0, true);
	lab_pass(lab, HALF_HOUR + 40000);
	ck_assert_ptr_nonnull(phone_expect(home, "OPTIONS"));
	lab_silent(lab, 0, false);
	lab_pass(lab, LAST_TRY);
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	ck_assert_ptr_null(phone_expect(home, "BYE"));
	hang_up();
}
END_TEST

Suite *
suite_audit(void)
{
	Suite *s = suite_create("audit");
	TCase *tc = tcase_create("audit");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(
	    tc, a_call_between_two_that_vanished_ends, 0, 2);
	tcase_add_test(tc, one_of_them_is_enough);
	tcase_add_test(tc, rfc5057_481_says_so_at_once_and_three_times);
	tcase_add_test(tc, what_is_heard_is_not_asked);
	tcase_add_test(tc, silence_alone_never_ends_a_call);
	tcase_add_test(tc, a_phone_that_knows_no_options_stays);
	tcase_add_test(tc, one_lost_answer_ends_nothing);
	tcase_add_test(tc, a_phone_that_is_heard_again_stays);
	suite_add_tcase(s, tc);
	return s;
}
