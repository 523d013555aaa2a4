/*
 * Several devices of one number: who rings, who wins, what the caller hears
 * (RFC 3261 16.7, 9; RFC 3326; S13, R97).
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

static struct lab *lab;
static struct phone *home, *desk, *soft;

/* 200 has a desk phone and a softphone outside; 168 calls from home. */
static void
setup(void)
{
	lab = lab_new(60, 100);
	home = lab_home(lab, "168", 7);
	desk = lab_office(lab, "200", 31);
	soft = lab_home(lab, "200", 9);
}

static void
teardown(void)
{
	lab_free(lab);
}

START_TEST(desk_and_softphone_ring_and_one_answer_stops_the_other)
{
	struct dlg a;
	const char *to_desk, *to_soft, *msg;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	to_desk = phone_expect(desk, "INVITE");
	to_soft = phone_expect(soft, "INVITE");
	ck_assert_ptr_nonnull(to_desk);
	ck_assert_ptr_nonnull(to_soft);
	ck_assert_str_ne(param(hdr(to_desk, "Via"), "branch"),
	    param(hdr(to_soft, "Via"), "branch"));
	ck_assert_uint_eq(lab->n_opens, 3);
	ck_assert_uint_eq(lab_count(lab, "channels"), 2);
	HAS(body(to_desk), "m=audio 16386 ");
	HAS(body(to_soft), "m=audio 16388 ");
	phone_answer(desk, to_desk, 180, "d", NULL);
	phone_answer(soft, to_soft, 180, "s", NULL);
	HAS(hdr(phone_expect(home, "SIP/2.0 180"), "To"), ";tag=d");
	HAS(hdr(phone_expect(home, "SIP/2.0 180"), "To"), ";tag=s");
	phone_answer(desk, to_desk, 200, "d", sdp_of(desk, 20000, NULL));
	msg = phone_expect(soft, "CANCEL");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(hdr(msg, "Reason"),
	    "SIP;cause=200;text=\"Call completed elsewhere\"");
	/* The softphone's end is given back, its channel too. */
	ck_assert_uint_eq(lab->n_closes, 1);
	ck_assert_uint_eq(lab_count(lab, "channels"), 1);
	phone_answer(soft, msg, 200, "s", NULL);
	phone_answer(soft, to_soft, 487, "s", NULL);
	ck_assert_ptr_nonnull(phone_expect(soft, "ACK"));
	msg = phone_expect(home, "SIP/2.0 200");
	dlg_learn(&a, msg);
	dlg_ack(&a, a.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	ck_assert_uint_eq(lab_count(lab, "legs"), 2);
	dlg_send(&a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	ck_assert_ptr_null(phone_expect(soft, "BYE"));
	lab_expect_empty(lab);
}
END_TEST

START_TEST(of_two_answers_the_second_gets_ack_and_bye)
{
	struct dlg a;
	const char *to_desk, *to_soft, *msg;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	to_desk = phone_expect(desk, "INVITE");
	to_soft = phone_expect(soft, "INVITE");
	phone_answer(soft, to_soft, 180, "s", NULL);
	phone_answer(desk, to_desk, 200, "d", sdp_of(desk, 20000, NULL));
	/* It answered before our CANCEL reached it. */
	phone_answer(soft, to_soft, 200, "s", sdp_of(soft, 20000, NULL));
	msg = phone_expect(soft, "ACK");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "To"), ";tag=s");
	msg = phone_expect(soft, "BYE");
	ck_assert_ptr_nonnull(msg);
	phone_answer(soft, msg, 200, "s", NULL);
	/* Its 2xx comes again: ACK, but no second BYE. */
	phone_answer(soft, to_soft, 200, "s", sdp_of(soft, 20000, NULL));
	ck_assert_ptr_nonnull(phone_expect(soft, "ACK"));
	ck_assert_ptr_null(phone_expect(soft, "BYE"));
	msg = phone_expect(home, "SIP/2.0 200");
	HAS(hdr(msg, "To"), ";tag=d");
	ck_assert_ptr_null(phone_expect(home, "SIP/2.0 200"));
	dlg_learn(&a, msg);
	dlg_ack(&a, a.cseq, NULL);
	dlg_send(&a, "BYE", NULL, NULL, "");
	lab_expect_empty(lab);
}
END_TEST

START_TEST(the_caller_cancels_and_every_phone_stops)
{
	struct dlg a;
	const char *to_desk, *to_soft, *msg;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	to_desk = phone_expect(desk, "INVITE");
	to_soft = phone_expect(soft, "INVITE");
	phone_answer(desk, to_desk, 180, "d", NULL);
	dlg_cancel(&a);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 487"));
	msg = phone_expect(desk, "CANCEL");
	ck_assert_ptr_nonnull(msg);
	phone_answer(desk, msg, 200, "d", NULL);
	phone_answer(desk, to_desk, 487, "d", NULL);
	/* The softphone is cancelled once it says anything (9.1). */
	ck_assert_ptr_null(phone_expect(soft, "CANCEL"));
	phone_answer(soft, to_soft, 100, "", NULL);
	msg = phone_expect(soft, "CANCEL");
	ck_assert_ptr_nonnull(msg);
	phone_answer(soft, msg, 200, "s", NULL);
	phone_answer(soft, to_soft, 487, "s", NULL);
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ENDED);
	ck_assert_uint_eq(lab_note(lab)->status, 487);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(a_2xx_that_crosses_the_cancel_is_hung_up)
{
	struct dlg a;
	const char *to_desk;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	to_desk = phone_expect(desk, "INVITE");
	phone_answer(desk, to_desk, 180, "d", NULL);
	dlg_cancel(&a);
	phone_answer(desk, to_desk, 200, "d", sdp_of(desk, 20000, NULL));
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	HAS(hdr(phone_expect(home, "SIP/2.0 200"), "CSeq"), "CANCEL");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 487"));
	ck_assert_ptr_null(phone_expect(home, "SIP/2.0 200"));
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

static const struct {
	const char *name;
	unsigned desk, soft, want;
} refusals[] = {
	{ "busy counts more than not here", 486, 480, 486 },
	{ "in either order", 480, 486, 486 },
	{ "a challenge is never passed on", 401, 480, 480 },
	{ "nor one of a proxy", 407, 407, 480 },
	{ "a redirection is not followed", 302, 480, 480 },
	{ "another server is not suggested", 503, 503, 480 },
	{ "an own failure passes", 500, 500, 500 },
	{ "what the phone cannot do passes", 488, 480, 488 },
};

START_TEST(the_best_refusal_is_passed_on)
{
	struct dlg a;
	const char *to_desk, *to_soft, *msg;
	char want[32];

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	to_desk = phone_expect(desk, "INVITE");
	to_soft = phone_expect(soft, "INVITE");
	phone_answer(desk, to_desk, refusals[_i].desk, "d", NULL);
	/* It was asked once more, the other way (with SRTP). */
	if (refusals[_i].desk == 488)
		phone_answer(desk, phone_expect(desk, "INVITE"), 488, "d2",
		    NULL);
	ck_assert_ptr_null(phone_expect(home, "SIP/2.0 4"));
	phone_answer(soft, to_soft, refusals[_i].soft, "s", NULL);
	snprintf(want, sizeof(want), "SIP/2.0 %u", refusals[_i].want);
	msg = phone_expect(home, want);
	ck_assert_msg(msg != NULL, "%s", refusals[_i].name);
	ck_assert_str_eq(hdr(msg, "WWW-Authenticate"), "");
	ck_assert_str_eq(hdr(msg, "Contact"), "");
	lab_expect_empty(lab);
}
END_TEST

START_TEST(decline_stops_the_others_at_once)
{
	struct dlg a;
	const char *to_desk, *to_soft;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	to_desk = phone_expect(desk, "INVITE");
	to_soft = phone_expect(soft, "INVITE");
	phone_answer(soft, to_soft, 180, "s", NULL);
	phone_answer(desk, to_desk, 603, "d", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 603"));
	ck_assert_ptr_nonnull(phone_expect(soft, "CANCEL"));
	phone_answer(soft, to_soft, 487, "s", NULL);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(silent_phones_give_480_after_32_seconds)
{
	struct dlg a;
	const char *msg;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	lab_pass(lab, 31000);
	ck_assert_ptr_null(phone_expect(home, "SIP/2.0 4"));
	lab_pass(lab, 2000);
	msg = phone_expect(home, "SIP/2.0 480");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(
	    hdr(msg, "Reason"), "SIP;cause=408;text=\"Request Timeout\"");
	lab_expect_empty(lab);
}
END_TEST

START_TEST(ringing_without_end_is_ended_by_timer_c)
{
	struct dlg a;
	const char *to_desk, *to_soft, *msg;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	to_desk = phone_expect(desk, "INVITE");
	to_soft = phone_expect(soft, "INVITE");
	phone_answer(desk, to_desk, 180, "d", NULL);
	phone_answer(soft, to_soft, 180, "s", NULL);
	lab_pass(lab, 100000);
	/* Another 180 gives the softphone three more minutes. */
	phone_answer(soft, to_soft, 180, "s", NULL);
	lab_pass(lab, 82000);
	ck_assert_ptr_nonnull(phone_expect(desk, "CANCEL"));
	phone_answer(desk, to_desk, 487, "d", NULL);
	ck_assert_ptr_null(phone_expect(home, "SIP/2.0 480"));
	lab_pass(lab, 100000);
	ck_assert_ptr_nonnull(phone_expect(soft, "CANCEL"));
	msg = phone_expect(home, "SIP/2.0 480");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "Reason"), "cause=408");
	phone_answer(soft, to_soft, 487, "s", NULL);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(endless_provisional_answers_end_after_ten_minutes)
{
	struct dlg a;
	const char *to_desk;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	to_desk = phone_expect(desk, "INVITE");
	for (unsigned i = 0; i < 9; i++) {
		phone_answer(desk, to_desk, 180, "d", NULL);
		lab_pass(lab, 60000);
	}
	ck_assert_ptr_null(phone_expect(home, "SIP/2.0 480"));
	phone_answer(desk, to_desk, 180, "d", NULL);
	lab_pass(lab, 61000);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 480"));
	phone_answer(desk, to_desk, 487, "d", NULL);
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(early_media_is_the_first_ones_until_another_answers)
{
	struct dlg a;
	const char *to_desk, *to_soft, *msg;
	unsigned sets;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	to_desk = phone_expect(desk, "INVITE");
	to_soft = phone_expect(soft, "INVITE");
	phone_answer(desk, to_desk, 183, "d", sdp_of(desk, 20000, NULL));
	msg = phone_expect(home, "SIP/2.0 183");
	HAS(body(msg), "m=audio 16384 ");
	ck_assert_uint_eq(lab_set(lab, 0)->to_end, 1);
	phone_answer(soft, to_soft, 183, "s", sdp_of(soft, 20000, NULL));
	msg = phone_expect(home, "SIP/2.0 183");
	ck_assert_str_eq(body(msg), "");
	ck_assert_uint_eq(lab_set(lab, 0)->to_end, 1);
	sets = lab->n_sets;
	/* The same answer again in a 183: the relay is not disturbed. */
	phone_answer(desk, to_desk, 183, "d", sdp_of(desk, 20000, NULL));
	ck_assert_uint_eq(lab->n_sets, sets);
	phone_answer(soft, to_soft, 200, "s", sdp_of(soft, 20000, NULL));
	msg = phone_expect(home, "SIP/2.0 200");
	HAS(body(msg), "m=audio 16384 ");
	ck_assert_uint_eq(lab_set(lab, 0)->to_end, 2);
	ck_assert_uint_eq(lab_set(lab, 2)->to_end, 0);
	ck_assert_uint_eq(lab_count(lab, "channels"), 2);
	phone_answer(desk, to_desk, 487, "d", NULL);
	dlg_learn(&a, msg);
	dlg_ack(&a, a.cseq, NULL);
	dlg_send(&a, "BYE", NULL, NULL, "");
	lab_expect_empty(lab);
}
END_TEST

START_TEST(a_mixed_fork_answered_in_the_office_leaves_the_relay)
{
	struct phone *boss = lab_office(lab, "300", 40);
	const char *sdp = sdp_of(boss, 30000, NULL);
	const char *to_desk, *to_soft, *msg;
	struct dlg a;

	dlg_call(&a, boss, "200", sdp, "");
	to_desk = phone_expect(desk, "INVITE");
	to_soft = phone_expect(soft, "INVITE");
	ck_assert_str_eq(body(to_desk), sdp);
	HAS(body(to_soft), "c=IN IP4 203.0.113.1\r\n");
	ck_assert_uint_eq(lab_count(lab, "channels"), 1);
	phone_answer(desk, to_desk, 200, "d", sdp_of(desk, 20000, NULL));
	msg = phone_expect(boss, "SIP/2.0 200");
	ck_assert_str_eq(body(msg), sdp_of(desk, 20000, NULL));
	ck_assert_uint_eq(lab->n_close_all, 1);
	ck_assert_uint_eq(lab_count(lab, "channels"), 0);
	ck_assert_uint_eq(lab_note(lab)->relayed, 0);
	phone_answer(soft, to_soft, 487, "s", NULL);
	dlg_learn(&a, msg);
	dlg_ack(&a, a.cseq, NULL);
	dlg_send(&a, "BYE", NULL, NULL, "");
	lab_expect_empty(lab);
}
END_TEST

START_TEST(who_calls_his_own_number_rings_his_other_phone_only)
{
	struct dlg a;

	dlg_call(&a, desk, "200", sdp_of(desk, 30000, NULL), "");
	ck_assert_ptr_null(phone_expect(desk, "INVITE"));
	ck_assert_ptr_nonnull(phone_expect(soft, "INVITE"));
	dlg_cancel(&a);
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(a_lone_phone_may_call_itself)
{
	struct dlg a;

	dlg_call(&a, home, "168", sdp_of(home, 30000, NULL), "");
	ck_assert_ptr_nonnull(phone_expect(home, "INVITE"));
	dlg_cancel(&a);
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(a_2xx_without_a_tag_is_a_refusal)
{
	struct phone *plain = lab_office(lab, "210", 50);
	const char *inv;
	struct dlg a;

	dlg_call(&a, home, "210", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(plain, "INVITE");
	phone_send(plain,
	    "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\n"
	    "Call-ID: %s\r\nCSeq: %s\r\nContact: <sip:210@x>\r\n"
	    "Content-Length: 0\r\n\r\n",
	    hdr(inv, "Via"), hdr(inv, "From"), hdr(inv, "To"),
	    hdr(inv, "Call-ID"), hdr(inv, "CSeq"));
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 500"));
	lab_expect_empty(lab);
}
END_TEST

Suite *
suite_fork(void)
{
	Suite *s = suite_create("forking");
	TCase *c = tcase_create("branches");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(
	    c, desk_and_softphone_ring_and_one_answer_stops_the_other);
	tcase_add_test(c, of_two_answers_the_second_gets_ack_and_bye);
	tcase_add_test(c, the_caller_cancels_and_every_phone_stops);
	tcase_add_test(c, a_2xx_that_crosses_the_cancel_is_hung_up);
	tcase_add_loop_test(c, the_best_refusal_is_passed_on, 0,
	    sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_test(c, decline_stops_the_others_at_once);
	tcase_add_test(c, silent_phones_give_480_after_32_seconds);
	tcase_add_test(c, ringing_without_end_is_ended_by_timer_c);
	tcase_add_test(c, endless_provisional_answers_end_after_ten_minutes);
	tcase_add_test(c, early_media_is_the_first_ones_until_another_answers);
	tcase_add_test(c, a_mixed_fork_answered_in_the_office_leaves_the_relay);
	tcase_add_test(c, who_calls_his_own_number_rings_his_other_phone_only);
	tcase_add_test(c, a_lone_phone_may_call_itself);
	tcase_add_test(c, a_2xx_without_a_tag_is_a_refusal);
	suite_add_tcase(s, c);
	return s;
}
