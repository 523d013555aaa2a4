/*
 * The phone that is called redirects (RFC 3261 8.1.3.4, 16.7, 21.3; RFC 5806;
 * RFC 7044): where the call goes, who is asked, and what nobody may do so.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

#define TO(number) "Contact: <sip:" number "@sip.example.org>\r\n"

static struct lab *lab;
static struct phone *home, *desk, *third, *far;
static struct dlg a;

/* 168 calls from home; 200 and 300 are in the office, 400 at another home. */
static void
setup(void)
{
	lab = lab_new(60, 100);
	home = lab_home(lab, "168", 7);
	desk = lab_office(lab, "200", 31);
	third = lab_office(lab, "300", 33);
	far = lab_home(lab, "400", 9);
}

static void
teardown(void)
{
	lab_free(lab);
}

static void
expect_over(void)
{
	lab_pass(lab, 64000);
	lab_expect_empty(lab);
}

/* Its phone answers so, and gets its ACK. */
static void
redirect(struct phone *p, const char *invite, unsigned status,
    const char *contact)
{
	ck_assert_ptr_nonnull(invite);
	p->says = contact;
	phone_answer(p, invite, status, "d", NULL);
	p->says = NULL;
	ck_assert_ptr_nonnull(phone_expect(p, "ACK"));
}

static void
call_and_redirect(unsigned status, const char *contact)
{
	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	redirect(desk, phone_expect(desk, "INVITE"), status, contact);
}

/* p rings, answers, talks and is hung up on. */
static void
talk_with(struct phone *p)
{
	const char *inv = phone_expect(p, "INVITE"), *msg;

	ck_assert_ptr_nonnull(inv);
	phone_answer(p, inv, 180, "x", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 180"));
	phone_answer(p, inv, 200, "x", sdp_of(p, 20000, NULL));
	msg = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	HAS(body(msg), "m=audio");
	dlg_learn(&a, msg);
	dlg_ack(&a, a.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(p, "ACK"));
	dlg_send(&a, "BYE", NULL, NULL, "");
	msg = phone_expect(p, "BYE");
	ck_assert_ptr_nonnull(msg);
	phone_answer(p, msg, 200, "x", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
}

static void
expect_not_followed(unsigned asks)
{
	const char *msg = phone_expect(home, "SIP/2.0 480");

	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "Reason"), "SIP;cause=302");
	LACKS(msg, "Contact:");
	ck_assert_uint_eq(lab->divert_asks, asks);
	ck_assert_str_eq(
	    lab->reasons[(lab->n_notes - 1) % 64], "redirected");
	ck_assert_ptr_null(phone_recv(third));
	dlg_ack(&a, a.cseq, NULL);
	expect_over();
}

/* ---- followed ---- */

static const struct {
	const char *name, *contact, *to;
	unsigned status;
} followed[] = {
	{ "302 to a number at our domain", TO("300"), "300", 302 },
	{ "300", TO("300"), "300", 300 },
	{ "301", TO("300"), "300", 301 },
	{ "by our own address, as many phones write it",
	    "Contact: <sip:300@192.168.10.2:5060;user=phone>\r\n", "300", 302 },
	{ "by tel:", "Contact: <tel:300>\r\n", "300", 302 },
	{ "by tel: of our domain",
	    "Contact: <tel:3-00;phone-context=sip.example.org>\r\n", "300",
	    302 },
	{ "the best of some",
	    "Contact: <sip:400@sip.example.org>;q=0.3, "
	    "<sip:300@sip.example.org>;q=0.7\r\n", "300", 302 },
	{ "the one that is ours",
	    "Contact: <sip:911@elsewhere.example>;q=1.0, "
	    "<sip:300@sip.example.org>;q=0.1\r\n", "300", 302 },
};

START_TEST(rfc3261_8_1_3_4_the_call_goes_on_at_the_contact)
{
	const char *inv;

	call_and_redirect(followed[_i].status, followed[_i].contact);
	ck_assert_str_eq(lab->divert_by, "200");
	ck_assert_str_eq(lab->divert_to, followed[_i].to);
	inv = phone_expect(third, "INVITE");
	ck_assert_msg(inv != NULL, "%s", followed[_i].name);
	HAS(ruri(inv), "sip:300@192.168.10.33");
	HAS(hdr(inv, "To"), "300");
	ck_assert_str_eq(hdr(inv, "Max-Forwards"), "68");
	ck_assert_str_eq(hdr(inv, "Diversion"),
	    "<sip:200@sip.example.org>;reason=unconditional;counter=1");
	HAS(inv, "History-Info: <sip:200@sip.example.org?Reason=SIP%3Bcause"
		 "%3D302>;index=1\r\n");
	HAS(inv, "History-Info: <sip:300@sip.example.org;cause=302>;"
		 "index=1.1;mp=1\r\n");
	phone_answer(third, inv, 180, "x", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 180"));
	ck_assert_uint_eq(lab_count(lab, "channels"), 1);
	phone_answer(third, inv, 486, "x", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 486"));
	dlg_ack(&a, a.cseq, NULL);
	expect_over();
}
END_TEST

START_TEST(it_is_answered_there_and_ends_as_any_call)
{
	call_and_redirect(302, TO("300"));
	talk_with(third);
	expect_over();
}
END_TEST

/* From phones that need no relay to one that does, and the other way. */
START_TEST(the_relay_follows_from_the_office_to_a_home)
{
	struct phone *caller = lab_office(lab, "201", 41);
	const char *inv, *msg;

	dlg_call(&a, caller, "200", sdp_of(caller, 30000, NULL), "");
	ck_assert_uint_eq(lab->n_opens, 0);
	redirect(desk, phone_expect(desk, "INVITE"), 302, TO("400"));
	inv = phone_expect(far, "INVITE");
	ck_assert_ptr_nonnull(inv);
	ck_assert_uint_eq(lab->n_opens, 2);
	ck_assert_uint_eq(lab_count(lab, "channels"), 1);
	HAS(body(inv), "c=IN IP4 203.0.113.1");
	/* Nobody outside learns whose call it was (policy). */
	LACKS(inv, "Diversion");
	LACKS(inv, "History-Info");
	LACKS(inv, "200@");
	phone_answer(far, inv, 200, "x", sdp_of(far, 20000, NULL));
	msg = phone_expect(caller, "SIP/2.0 200");
	HAS(body(msg), "c=IN IP4 192.168.10.2");
	dlg_learn(&a, msg);
	dlg_ack(&a, a.cseq, NULL);
	dlg_send(&a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(far, "BYE"));
	expect_over();
}
END_TEST

START_TEST(the_relay_follows_from_a_home_to_the_office)
{
	const char *inv, *msg;
	struct phone *caller = lab_office(lab, "201", 41);

	dlg_call(&a, caller, "400", sdp_of(caller, 30000, NULL), "");
	redirect(far, phone_expect(far, "INVITE"), 302, TO("300"));
	ck_assert_uint_eq(lab_count(lab, "channels"), 0);
	inv = phone_expect(third, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(body(inv), "192.168.10.41");
	phone_answer(third, inv, 200, "x", sdp_of(third, 20000, NULL));
	msg = phone_expect(caller, "SIP/2.0 200");
	HAS(body(msg), "192.168.10.33");
	ck_assert_uint_eq(lab->n_close_all, 1);
	dlg_learn(&a, msg);
	dlg_ack(&a, a.cseq, NULL);
	dlg_send(&a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(third, "BYE"));
	expect_over();
}
END_TEST

/* A phone tells itself why, or it is seen. */
START_TEST(rfc5806_the_reason_is_what_the_phone_says_or_does)
{
	static const struct {
		bool rings;
		const char *says, *reason, *cause;
	} rows[] = {
		{ false, TO("300"), "unconditional", "cause=302" },
		{ true, TO("300"), "no-answer", "cause=408" },
		{ false,
		    TO("300") "Diversion: <sip:x@y.example>;reason=user-busy"
			      "\r\n", "user-busy", "cause=486" },
		{ true,
		    TO("300") "Diversion: <sip:x@y.example>;reason=evil\r\n",
		    "no-answer", "cause=408" },
	};
	const char *inv;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
		inv = phone_expect(desk, "INVITE");
		if (rows[i].rings)
			phone_answer(desk, inv, 180, "d", NULL);
		redirect(desk, inv, 302, rows[i].says);
		inv = phone_expect(third, "INVITE");
		HAS(hdr(inv, "Diversion"), rows[i].reason);
		LACKS(inv, "y.example");
		HAS(inv, rows[i].cause);
		phone_answer(third, inv, 486, "x", NULL);
		ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 486"));
		dlg_ack(&a, a.cseq, NULL);
		ck_assert_ptr_nonnull(phone_expect(third, "ACK"));
	}
	expect_over();
}
END_TEST

/* ---- not followed ---- */

static const struct {
	const char *name, *contact;
	unsigned status;
	const char *away; /* what registrar-db is told */
} ignored[] = {
	{ "a host that is not ours",
	    "Contact: <sip:300@elsewhere.example>\r\n", 302,
	    "redirect 200 300@elsewhere.example" },
	{ "a neighbour in the office",
	    "Contact: <sip:300@192.168.10.33>\r\n", 302,
	    "redirect 200 300@192.168.10.33" },
	{ "a number of another plan",
	    "Contact: <tel:300;phone-context=elsewhere.example>\r\n", 302,
	    "redirect 200 300@elsewhere.example" },
	{ "headers of its own",
	    "Contact: <sip:300@sip.example.org?Replaces=x>\r\n", 302,
	    "redirect 200 300@" },
	{ "another scheme", "Contact: <mailto:300@sip.example.org>\r\n", 302,
	    "redirect 200 @" },
	{ "itself", TO("200"), 302, "" },
	{ "a proxy to be used", TO("300"), 305, "" },
	{ "another service", TO("300"), 380, "" },
	{ "no number", "Contact: <sip:sip.example.org>\r\n", 302,
	    "redirect 200 @" },
};

START_TEST(rfc3261_21_3_what_is_not_ours_is_not_followed)
{
	call_and_redirect(ignored[_i].status, ignored[_i].contact);
	ck_assert_msg(lab->divert_asks == 0, "%s", ignored[_i].name);
	ck_assert_str_eq(lab->away, ignored[_i].away);
	ck_assert_uint_eq(lab->n_away, ignored[_i].away[0] != '\0');
	expect_not_followed(0);
}
END_TEST

START_TEST(what_the_redirecting_subscriber_may_not_is_not_done)
{
	lab->divert_verdict =
	    _i == 0 ? VERDICT_FORBIDDEN : VERDICT_UNREACHABLE;
	call_and_redirect(302, TO("300"));
	ck_assert_str_eq(lab->divert_by, "200");
	expect_not_followed(1);
}
END_TEST

START_TEST(without_an_answer_of_registrar_db_it_ends_in_time)
{
	lab->divert_mute = true;
	call_and_redirect(302, TO("300"));
	ck_assert_ptr_null(phone_recv(third));
	lab_pass(lab, 2900);
	ck_assert_ptr_null(phone_expect(home, "SIP/2.0 4"));
	lab_pass(lab, 200);
	expect_not_followed(1);
}
END_TEST

START_TEST(two_numbers_that_redirect_to_each_other_are_no_loop)
{
	call_and_redirect(302, TO("300"));
	redirect(third, phone_expect(third, "INVITE"), 302, TO("200"));
	ck_assert_ptr_null(phone_expect(desk, "INVITE"));
	expect_not_followed(1);
}
END_TEST

START_TEST(five_in_a_row_and_no_more)
{
	static const char *const next[] = { TO("501"), TO("502"), TO("503"),
		TO("504"), TO("505"), TO("506") };
	struct phone *p = desk;
	const char *inv;
	char number[6][8];

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	for (unsigned i = 0; i < 6; i++) {
		struct phone *to;

		snprintf(number[i], sizeof(number[i]), "%u", 501 + i);
		to = lab_office(lab, number[i], (uint8_t)(51 + i));
		inv = phone_expect(p, "INVITE");
		if (i == 5)
			HAS(inv, "index=1.1.1.1.1.1;mp=1.1.1.1.1\r\n");
		redirect(p, inv, 302, next[i]);
		p = to;
	}
	ck_assert_ptr_null(phone_expect(p, "INVITE"));
	expect_not_followed(5);
}
END_TEST

/* ---- with other branches ---- */

START_TEST(rfc3261_16_7_a_redirection_waits_for_the_other_devices)
{
	struct phone *soft = lab_home(lab, "200", 8);
	const char *to_soft;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	to_soft = phone_expect(soft, "INVITE");
	redirect(desk, phone_expect(desk, "INVITE"), 302, TO("300"));
	ck_assert_uint_eq(lab->divert_asks, 0);
	switch (_i) {
	case 0: /* it answers: nothing to redirect */
		phone_answer(soft, to_soft, 200, "s", sdp_of(soft, 20000, NULL));
		ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
		ck_assert_uint_eq(lab->divert_asks, 0);
		break;
	case 1: /* declined for all */
		phone_answer(soft, to_soft, 603, "s", NULL);
		ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 603"));
		ck_assert_uint_eq(lab->divert_asks, 0);
		break;
	default: /* busy: a redirection is better than that */
		phone_answer(soft, to_soft, 486, "s", NULL);
		ck_assert_uint_eq(lab->divert_asks, 1);
		talk_with(third);
		expect_over();
	}
}
END_TEST

START_TEST(cancelled_while_registrar_db_is_asked)
{
	lab->divert_mute = true;
	call_and_redirect(302, TO("300"));
	dlg_cancel(&a);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 487"));
	dlg_ack(&a, a.cseq, NULL);
	ck_assert_ptr_null(phone_recv(third));
	expect_over();
}
END_TEST

START_TEST(cancelled_while_the_new_phone_rings)
{
	const char *inv, *msg;

	call_and_redirect(302, TO("300"));
	inv = phone_expect(third, "INVITE");
	phone_answer(third, inv, 180, "x", NULL);
	dlg_cancel(&a);
	msg = phone_expect(third, "CANCEL");
	ck_assert_ptr_nonnull(msg);
	phone_answer(third, msg, 200, "x", NULL);
	phone_answer(third, inv, 487, "x", NULL);
	ck_assert_ptr_null(phone_expect(desk, "CANCEL"));
	expect_over();
}
END_TEST

/* ---- restarts ---- */

START_TEST(registrar_db_is_asked_again_when_it_comes_back)
{
	lab->divert_mute = true;
	call_and_redirect(302, TO("300"));
	lab->divert_mute = false;
	lab_registrar(lab, false);
	lab_registrar(lab, true);
	ck_assert_uint_eq(lab->divert_asks, 2);
	talk_with(third);
	expect_over();
}
END_TEST

START_TEST(a_restart_while_it_is_asked_ends_the_call_and_says_so)
{
	lab->divert_mute = true;
	/* Early media of the one that then redirects is forgotten with it. */
	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	if (_i == 1) {
		const char *inv = phone_expect(desk, "INVITE");

		phone_answer(desk, inv, 183, "d", sdp_of(desk, 20000, NULL));
		redirect(desk, inv, 302, TO("300"));
	} else {
		redirect(desk, phone_expect(desk, "INVITE"), 302, TO("300"));
	}
	lab_restart(lab);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 480"));
	dlg_ack(&a, a.cseq, NULL);
	expect_over();
}
END_TEST

START_TEST(a_restart_while_the_new_phone_rings_changes_nothing)
{
	const char *inv;

	call_and_redirect(302, TO("300"));
	inv = phone_expect(third, "INVITE");
	phone_answer(third, inv, 180, "x", NULL);
	lab_restart(lab);
	/* Nor may it go round: the way so far is remembered. */
	if (_i == 1) {
		redirect(third, phone_expect(third, "INVITE"), 302, TO("200"));
		ck_assert_uint_eq(lab->divert_asks, 1);
		ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 480"));
		dlg_ack(&a, a.cseq, NULL);
	} else if (_i == 2) {
		redirect(third, phone_expect(third, "INVITE"), 302, TO("400"));
		ck_assert_str_eq(lab->divert_by, "300");
		talk_with(far);
	} else {
		talk_with(third);
	}
	expect_over();
}
END_TEST

/* 1 + 8 + 8 devices are more than a call has places. */
START_TEST(many_devices_at_each_step_are_no_more_than_a_call_has_places)
{
	struct phone *one[8] = { desk }, *two[8] = { third };
	unsigned heard = 0;

	for (uint8_t i = 1; i < 8; i++) {
		one[i] = lab_office(lab, "200", (uint8_t)(50 + i));
		two[i] = lab_office(lab, "300", (uint8_t)(70 + i));
	}
	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	for (unsigned i = 0; i < 8; i++)
		redirect(one[i], phone_expect(one[i], "INVITE"), 302, TO("300"));
	for (unsigned i = 0; i < 8; i++)
		heard += phone_expect(two[i], "INVITE") != NULL;
	ck_assert_uint_eq(heard, 7);
	dlg_cancel(&a);
	lab_pass(lab, 200000);
	lab_expect_empty(lab);
}
END_TEST

Suite *
suite_divert(void)
{
	Suite *s = suite_create("divert");
	TCase *tc = tcase_create("divert");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc,
	    many_devices_at_each_step_are_no_more_than_a_call_has_places);
	tcase_add_loop_test(tc,
	    rfc3261_8_1_3_4_the_call_goes_on_at_the_contact, 0,
	    sizeof(followed) / sizeof(followed[0]));
	tcase_add_test(tc, it_is_answered_there_and_ends_as_any_call);
	tcase_add_test(tc, the_relay_follows_from_the_office_to_a_home);
	tcase_add_test(tc, the_relay_follows_from_a_home_to_the_office);
	tcase_add_test(
	    tc, rfc5806_the_reason_is_what_the_phone_says_or_does);
	tcase_add_loop_test(tc, rfc3261_21_3_what_is_not_ours_is_not_followed,
	    0, sizeof(ignored) / sizeof(ignored[0]));
	tcase_add_loop_test(
	    tc, what_the_redirecting_subscriber_may_not_is_not_done, 0, 2);
	tcase_add_test(
	    tc, without_an_answer_of_registrar_db_it_ends_in_time);
	tcase_add_test(
	    tc, two_numbers_that_redirect_to_each_other_are_no_loop);
	tcase_add_test(tc, five_in_a_row_and_no_more);
	tcase_add_loop_test(tc,
	    rfc3261_16_7_a_redirection_waits_for_the_other_devices, 0, 3);
	tcase_add_test(tc, cancelled_while_registrar_db_is_asked);
	tcase_add_test(tc, cancelled_while_the_new_phone_rings);
	tcase_add_test(tc, registrar_db_is_asked_again_when_it_comes_back);
	tcase_add_loop_test(tc,
	    a_restart_while_it_is_asked_ends_the_call_and_says_so, 0, 2);
	tcase_add_loop_test(tc,
	    a_restart_while_the_new_phone_rings_changes_nothing, 0, 3);
	suite_add_tcase(s, tc);
	return s;
}
