/*
 * Session timers on each leg (RFC 4028), through hours of virtual time and a
 * restart.  Each test's name begins with the section.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

#define TIMER "Supported: timer\r\n"
#define UPDATE "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\r\n"
#define NO_UPDATE "Allow: INVITE, ACK, BYE, CANCEL\r\n"

static struct lab *lab;
static struct phone *home, *desk;
static struct talk t;

static void
setup(void)
{
	lab = lab_new(60, 100);
	home = lab_home(lab, "168", 7);
	desk = lab_office(lab, "200", 31);
	home->can = NO_UPDATE; /* no timers, unless a test says so */
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

/* Begin a call with extra lines in the INVITE; gives the caller's 200. */
static const char *
talk(const char *extra)
{
	const char *inv, *ok;

	dlg_call(&t.a, home, "200", sdp_of(home, 30000, NULL), extra);
	inv = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(inv);
	dlg_from_invite(&t.b, desk, inv);
	phone_answer(desk, inv, 200, strstr(t.b.local, ";tag=") + 5,
	    sdp_of(desk, 20000, NULL));
	ok = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(ok);
	dlg_learn(&t.a, ok);
	dlg_ack(&t.a, t.a.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	return ok;
}

START_TEST(rfc4028_7_the_called_phone_is_asked_for_a_timer)
{
	const char *inv;

	/* Whatever the caller wishes for itself. */
	dlg_call(&t.a, home, "200", sdp_of(home, 30000, NULL),
	    "Session-Expires: 777\r\nMin-SE: 333\r\n");
	inv = phone_expect(desk, "INVITE");
	ck_assert_str_eq(hdr(inv, "Session-Expires"), "1800");
	ck_assert_str_eq(hdr(inv, "Min-SE"), "90");
	HAS(hdr(inv, "Supported"), "timer");
	dlg_cancel(&t.a);
}
END_TEST

START_TEST(rfc4028_9_who_knows_no_timers_is_asked_for_nothing)
{
	const char *ok = talk("");

	ck_assert_str_eq(hdr(ok, "Session-Expires"), "");
	lab_learnt(lab, 0, &home->flow.remote);
	lab_learnt(lab, 1, &desk->flow.remote);
	lab_pass(lab, 4 * 3600000);
	ck_assert_ptr_null(phone_recv(home));
	ck_assert_ptr_null(phone_recv(desk));
	hang_up();
}
END_TEST

static const struct {
	const char *name, *can, *wish, *want;
} answers[] = {
	{ "no wish: we refresh by UPDATE", TIMER UPDATE, "",
	    "1800;refresher=uas" },
	{ "no wish, no UPDATE: the phone refreshes", TIMER NO_UPDATE, "",
	    "1800;refresher=uac" },
	{ "the phone will refresh", TIMER UPDATE,
	    "Session-Expires: 300;refresher=uac\r\n", "300;refresher=uac" },
	{ "we shall refresh", TIMER NO_UPDATE,
	    "Session-Expires: 300;refresher=uas\r\n", "300;refresher=uas" },
	{ "90 is not too small", TIMER NO_UPDATE, "Session-Expires: 90\r\n",
	    "90;refresher=uac" },
	{ "longer than ours is shortened", TIMER UPDATE, "x: 7200\r\n",
	    "1800;refresher=uas" },
	{ "but not below its Min-SE", TIMER UPDATE,
	    "Session-Expires: 7200\r\nMin-SE: 3600\r\n", "3600;refresher=uas" },
	{ "a wish without the option is none", NO_UPDATE,
	    "Session-Expires: 60\r\n", "" },
};

START_TEST(rfc4028_9_the_callers_timer_is_agreed_on)
{
	const char *ok;

	home->can = answers[_i].can;
	ok = talk(answers[_i].wish);
	ck_assert_msg(strcmp(hdr(ok, "Session-Expires"), answers[_i].want) == 0,
	    "%s: %s", answers[_i].name, hdr(ok, "Session-Expires"));
	/* Whose phone has to refresh must know that it has (9). */
	ck_assert_int_eq(strstr(answers[_i].want, "uac") != NULL,
	    strcmp(hdr(ok, "Require"), "timer") == 0);
	hang_up();
}
END_TEST

START_TEST(rfc4028_9_a_smaller_interval_than_90_s_gets_422)
{
	const char *no;

	home->can = TIMER;
	dlg_call(&t.a, home, "200", sdp_of(home, 30000, NULL),
	    "Session-Expires: 89\r\n");
	no = phone_expect(home, "SIP/2.0 422");
	ck_assert_ptr_nonnull(no);
	ck_assert_str_eq(hdr(no, "Min-SE"), "90");
	dlg_ack(&t.a, t.a.cseq, NULL);
	ck_assert_ptr_null(phone_expect(desk, "INVITE"));
	ck_assert_uint_eq(lab_note(lab)->status, 422);
	lab_expect_empty(lab);
	/* Inside a call too; the session stays as it was. */
	talk("");
	dlg_send(&t.a, "INVITE", "application/sdp", sdp_of(home, 30000, NULL),
	    TIMER "Session-Expires: 30\r\n");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 422"));
	dlg_ack(&t.a, t.a.cseq, NULL);
	dlg_send(&t.a, "UPDATE", NULL, NULL, TIMER "Session-Expires: 30\r\n");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 422"));
	ck_assert_ptr_null(phone_recv(desk));
	hang_up();
}
END_TEST

START_TEST(rfc4028_7_3_a_phone_that_says_422_is_asked_again)
{
	const char *inv, *again;

	dlg_call(&t.a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	desk->says = "Min-SE: 3000\r\n";
	phone_answer(desk, inv, 422, "d", NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	again = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(again);
	ck_assert_str_eq(hdr(again, "Session-Expires"), "3000");
	ck_assert_str_eq(hdr(again, "Min-SE"), "3000");
	ck_assert_str_eq(hdr(again, "Call-ID"), hdr(inv, "Call-ID"));
	ck_assert_str_eq(hdr(again, "CSeq"), "3 INVITE");
	ck_assert_str_ne(hdr(again, "Via"), hdr(inv, "Via"));
	ck_assert(strstr(hdr(again, "To"), ";tag=") == NULL);
	/* A phone that is never content is one that refuses. */
	phone_answer(desk, again, 422, "d", NULL);
	ck_assert_ptr_null(phone_expect(desk, "INVITE"));
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 480"));
	dlg_ack(&t.a, t.a.cseq, NULL);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(rfc4028_7_3_after_a_422_the_call_is_answered)
{
	const char *inv, *ok;

	dlg_call(&t.a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	desk->says = "Min-SE: 3000\r\n";
	phone_answer(desk, inv, 422, "d", NULL);
	inv = phone_expect(desk, "INVITE");
	desk->says = "Session-Expires: 3000;refresher=uas\r\n" TIMER;
	/* A restart between them changes nothing. */
	lab_restart(lab);
	phone_answer(desk, inv, 200, "d", sdp_of(desk, 20000, NULL));
	ok = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(ok);
	dlg_learn(&t.a, ok);
	dlg_ack(&t.a, t.a.cseq, NULL);
	ok = phone_expect(desk, "ACK");
	ck_assert_str_eq(hdr(ok, "CSeq"), "3 ACK");
	hang_up();
}
END_TEST

START_TEST(rfc4028_7_3_a_422_within_a_call_is_ours_to_know)
{
	const char *inv;

	desk->says = "Session-Expires: 1800;refresher=uas\r\n" TIMER UPDATE;
	talk("");
	dlg_send(
	    &t.a, "INVITE", "application/sdp", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	ck_assert_str_eq(hdr(inv, "Session-Expires"), "1800;refresher=uas");
	desk->says = "Min-SE: 3000\r\n";
	phone_answer(desk, inv, 422, "", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 500"));
	dlg_ack(&t.a, t.a.cseq, NULL);
	dlg_send(
	    &t.a, "INVITE", "application/sdp", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	ck_assert_str_eq(hdr(inv, "Session-Expires"), "3000;refresher=uas");
	ck_assert_str_eq(hdr(inv, "Min-SE"), "3000");
	phone_answer(desk, inv, 200, "", sdp_of(desk, 20000, NULL));
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	dlg_ack(&t.a, t.a.cseq, NULL);
	hang_up();
}
END_TEST

/* ---- our refreshes ---- */

/* Within s seconds a refresh comes, is answered, and was not too early. */
static const char *
refreshed_within(struct phone *p, const char *method, unsigned lo_s,
    unsigned hi_s, const char *sdp)
{
	const char *msg;

	lab_pass(lab, lo_s * 1000);
	ck_assert_ptr_null(phone_recv(p));
	lab_pass(lab, (hi_s - lo_s) * 1000);
	msg = phone_expect(p, method);
	ck_assert_msg(msg != NULL, "no %s", method);
	phone_answer(p, msg, 200, "", sdp);
	return msg;
}

START_TEST(rfc4028_10_we_refresh_by_update_at_half_time)
{
	const char *msg;

	desk->says = "Session-Expires: 90;refresher=uac\r\n" TIMER UPDATE;
	talk("");
	for (unsigned i = 0; i < 3; i++) {
		msg = refreshed_within(desk, "UPDATE", 44, 46, NULL);
		ck_assert_str_eq(
		    hdr(msg, "Session-Expires"), "90;refresher=uac");
		ck_assert_str_eq(hdr(msg, "Min-SE"), "90");
		ck_assert_str_eq(body(msg), "");
		HAS(hdr(msg, "Contact"), "@192.168.10.2:5060");
		HAS(hdr(msg, "From"), "<sip:168@sip.example.org>;tag=f");
		HAS(hdr(msg, "To"), ";tag=t200");
		lab_pass(lab, 1000);
		while (phone_recv(desk) != NULL)
			;
		lab->now.us -= 1000000; /* (the answer came at 46 s) */
		ck_assert_ptr_null(phone_recv(home));
	}
	hang_up();
}
END_TEST

START_TEST(rfc4028_7_4_a_re_invite_of_ours_offers_nothing_new)
{
	const char *inv, *msg, *sdp;

	desk->says = "Session-Expires: 200;refresher=uac\r\n" TIMER NO_UPDATE;
	dlg_call(&t.a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	sdp = body(inv);
	dlg_from_invite(&t.b, desk, inv);
	phone_answer(desk, inv, 200, "t200", sdp_of(desk, 20000, NULL));
	msg = phone_expect(home, "SIP/2.0 200");
	dlg_learn(&t.a, msg);
	dlg_ack(&t.a, t.a.cseq, NULL);
	phone_expect(desk, "ACK");
	for (unsigned i = 0; i < 3; i++) {
		/* The second time after a restart. */
		if (i == 1)
			lab_restart(lab);
		msg = refreshed_within(
		    desk, "INVITE", 99, 101, sdp_of(desk, 20000 + 2 * i, NULL));
		ck_assert_str_eq(body(msg), sdp);
		ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
		/* Where it wants its media now is learnt. */
		ck_assert_uint_eq(lab_set(lab, 1)->rtp.port, 20000 + 2 * i);
		/* A copy of its 200: our ACK was lost. */
		phone_answer(desk, msg, 200, "", sdp_of(desk, 20000, NULL));
		ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
		ck_assert_ptr_null(phone_recv(home));
		lab->now.us -= 1000000;
	}
	hang_up();
}
END_TEST

START_TEST(rfc4028_10_our_re_invite_and_the_phones_do_not_cross)
{
	const char *ours;

	desk->says = "Session-Expires: 200;refresher=uac\r\n" TIMER NO_UPDATE;
	talk("");
	lab_pass(lab, 100000);
	ours = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(ours);
	dlg_send(&t.b, "INVITE", "application/sdp",
	    sdp_of(desk, 20000, "sendonly"), "");
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 491"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	phone_answer(desk, ours, 491, "", NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	/* We own the Call-ID there: 2.1 to 4 s (RFC 3261 14.1). */
	lab_pass(lab, 2000);
	ck_assert_ptr_null(phone_expect(desk, "INVITE"));
	lab_pass(lab, 2100);
	ours = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(ours);
	phone_answer(desk, ours, 200, "", sdp_of(desk, 20000, NULL));
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	hang_up();
}
END_TEST

START_TEST(rfc4028_10_a_refresh_that_is_answered_by_nobody_ends_the_call)
{
	const char *bye;

	desk->says = "Session-Expires: 90;refresher=uac\r\n" TIMER UPDATE;
	talk("");
	lab_pass(lab, 45000 + 32000 + 100);
	bye = phone_expect(home, "BYE");
	ck_assert_ptr_nonnull(bye);
	HAS(hdr(bye, "Reason"), "SIP;cause=408");
	bye = phone_expect(desk, "BYE");
	ck_assert_ptr_nonnull(bye);
	HAS(hdr(bye, "Reason"), "SIP;cause=408");
	ck_assert_str_eq(
	    lab->reasons[(lab->n_notes - 1) % 64], "session-expired");
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

static const struct {
	unsigned status;
	const char *headers;
	bool ends;
	unsigned next_s; /* until it is tried again */
} refusals[] = {
	{ 481, "", true, 0 },
	{ 408, "", true, 0 },
	{ 500, "", false, 10 },
	{ 422, "Min-SE: 600\r\n", false, 0 },
	{ 405, "", false, 10 },
};

START_TEST(rfc4028_10_refusals_of_a_refresh)
{
	const char *msg;

	desk->says = "Session-Expires: 90;refresher=uac\r\n" TIMER UPDATE;
	talk("");
	lab_pass(lab, 45000);
	msg = phone_expect(desk, "UPDATE");
	ck_assert_ptr_nonnull(msg);
	desk->says = refusals[_i].headers;
	phone_answer(desk, msg, refusals[_i].status, "", NULL);
	if (refusals[_i].ends) {
		ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
		lab_pass(lab, 40000);
		lab_expect_empty(lab);
		return;
	}
	lab_pass(lab, refusals[_i].next_s * 1000);
	msg = phone_expect(desk, "UPDATE");
	ck_assert_ptr_nonnull(msg);
	if (refusals[_i].status == 422)
		ck_assert_str_eq(
		    hdr(msg, "Session-Expires"), "600;refresher=uac");
	hang_up();
}
END_TEST

/* ---- the phone's refreshes ---- */

START_TEST(rfc4028_10_a_phone_that_refreshes_no_more_is_gone)
{
	const char *bye;

	home->can = TIMER NO_UPDATE;
	talk("Session-Expires: 90;refresher=uac\r\n");
	/* 90 s, less a third: 32 s would be more. */
	lab_pass(lab, 59900);
	ck_assert_ptr_null(phone_expect(home, "BYE"));
	lab_pass(lab, 200);
	bye = phone_expect(home, "BYE");
	ck_assert_ptr_nonnull(bye);
	HAS(hdr(bye, "Reason"), "SIP;cause=408");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(rfc4028_9_an_update_of_the_phone_ends_at_us)
{
	const char *ok;

	home->can = TIMER UPDATE;
	talk("Session-Expires: 90;refresher=uac\r\n");
	for (unsigned i = 0; i < 10; i++) {
		lab_pass(lab, 45000);
		dlg_send(&t.a, "UPDATE", NULL, NULL,
		    TIMER "Session-Expires: 90;refresher=uac\r\n");
		ok = phone_expect(home, "SIP/2.0 200");
		ck_assert_ptr_nonnull(ok);
		ck_assert_str_eq(
		    hdr(ok, "Session-Expires"), "90;refresher=uac");
		ck_assert_ptr_null(phone_recv(desk));
	}
	hang_up();
}
END_TEST

/* S23: two hours, 90 s on one leg and 1800 s on the other, the caller
 * refreshing by re-INVITE; twice sigproxy is killed on the way. */
START_TEST(rfc4028_two_hours_with_90_and_1800)
{
	unsigned updates = 0;

	home->can = TIMER NO_UPDATE;
	desk->says = "Session-Expires: 1800;refresher=uac\r\n" TIMER UPDATE;
	talk("Session-Expires: 90;refresher=uac\r\n");
	for (unsigned i = 0; i < 7200 / 45; i++) {
		const char *msg;

		lab_pass(lab, 45000);
		if (i == 50 || i == 100)
			lab_restart(lab);
		while ((msg = phone_recv(desk)) != NULL) {
			ck_assert_msg(strncmp(msg, "UPDATE", 6) == 0 ||
					  strncmp(msg, "ACK", 3) == 0,
			    "%s", msg);
			if (msg[0] != 'U')
				continue;
			updates++;
			phone_answer(desk, msg, 200, "", NULL);
		}
		dlg_send(&t.a, "INVITE", "application/sdp",
		    sdp_of(home, 30000, NULL),
		    TIMER NO_UPDATE "Session-Expires: 90;refresher=uac\r\n");
		msg = phone_expect(desk, "INVITE");
		ck_assert_ptr_nonnull(msg);
		HAS(hdr(msg, "Session-Expires"), "1800;refresher=uac");
		if (i % 20 == 0) { /* it refreshes that leg as well */
			phone_answer(
			    desk, msg, 200, "", sdp_of(desk, 20000, NULL));
		} else {
			phone_answer(desk, msg, 488, "", NULL);
			ck_assert_ptr_nonnull(
			    phone_expect(home, "SIP/2.0 488"));
			dlg_ack(&t.a, t.a.cseq, NULL);
			dlg_send(&t.a, "UPDATE", NULL, NULL,
			    TIMER "Session-Expires: 90;refresher=uac\r\n");
			ck_assert_ptr_nonnull(
			    phone_expect(home, "SIP/2.0 200"));
			continue;
		}
		ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
		dlg_ack(&t.a, t.a.cseq, NULL);
	}
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	/* Only when 15 minutes passed without a re-INVITE: never here. */
	ck_assert_uint_le(updates, 8);
	hang_up();
}
END_TEST

static void
answer_updates_for(unsigned s)
{
	const char *msg;

	for (unsigned i = 0; i < s; i++) {
		lab_pass(lab, 1000);
		msg = phone_expect(desk, "UPDATE");
		if (msg != NULL)
			phone_answer(desk, msg, 200, "", NULL);
	}
}

START_TEST(rfc4028_a_restart_keeps_both_timers)
{
	const char *msg;

	home->can = TIMER NO_UPDATE;
	desk->says = "Session-Expires: 90;refresher=uac\r\n" TIMER UPDATE;
	talk("Session-Expires: 200;refresher=uac\r\n");
	lab_pass(lab, 44000);
	lab_restart(lab);
	lab_pass(lab, 1100);
	msg = phone_expect(desk, "UPDATE");
	ck_assert_ptr_nonnull(msg);
	phone_answer(desk, msg, 200, "", NULL);
	/* Away when the home's refresh was due: it gets 32 s more. */
	answer_updates_for(120);
	lab_restart(lab);
	answer_updates_for(31);
	ck_assert_ptr_null(phone_expect(home, "BYE"));
	lab_pass(lab, 2000);
	ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

#define N(a) ((int)(sizeof(a) / sizeof((a)[0])))

Suite *
suite_session(void)
{
	Suite *s = suite_create("session timers");
	TCase *tc = tcase_create("rfc4028");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, rfc4028_7_the_called_phone_is_asked_for_a_timer);
	tcase_add_test(tc, rfc4028_9_who_knows_no_timers_is_asked_for_nothing);
	tcase_add_loop_test(
	    tc, rfc4028_9_the_callers_timer_is_agreed_on, 0, N(answers));
	tcase_add_test(tc, rfc4028_9_a_smaller_interval_than_90_s_gets_422);
	tcase_add_test(tc, rfc4028_7_3_a_phone_that_says_422_is_asked_again);
	tcase_add_test(tc, rfc4028_7_3_after_a_422_the_call_is_answered);
	tcase_add_test(tc, rfc4028_7_3_a_422_within_a_call_is_ours_to_know);
	tcase_add_test(tc, rfc4028_10_we_refresh_by_update_at_half_time);
	tcase_add_test(tc, rfc4028_7_4_a_re_invite_of_ours_offers_nothing_new);
	tcase_add_test(
	    tc, rfc4028_10_our_re_invite_and_the_phones_do_not_cross);
	tcase_add_test(
	    tc, rfc4028_10_a_refresh_that_is_answered_by_nobody_ends_the_call);
	tcase_add_loop_test(
	    tc, rfc4028_10_refusals_of_a_refresh, 0, N(refusals));
	tcase_add_test(tc, rfc4028_10_a_phone_that_refreshes_no_more_is_gone);
	tcase_add_test(tc, rfc4028_9_an_update_of_the_phone_ends_at_us);
	tcase_add_test(tc, rfc4028_two_hours_with_90_and_1800);
	tcase_add_test(tc, rfc4028_a_restart_keeps_both_timers);
	suite_add_tcase(s, tc);
	return s;
}
