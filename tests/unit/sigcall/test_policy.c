/*
 * What becomes of redirections, reasons and wishes for privacy, and the corner
 * cases of RFC 3261 12 to 16, 5393, 5407 that other suites do not hold.  Each
 * test's name begins with the section.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sigcall/pair.h"
#include "tests/unit/sigcall/suites.h"

static void
expect_over(void)
{
	lab_pass(lab, 64000);
	lab_expect_empty(lab);
}

/* ---- redirection ---- */

START_TEST(rfc3261_21_3_a_redirection_is_told_and_not_followed)
{
	static const unsigned status[] = { 300, 301, 302, 305, 380 };
	struct phone *other = lab_office(lab, "300", 33);
	const char *inv, *msg;
	struct dlg a;

	for (unsigned i = 0; i < 5; i++) {
		dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
		inv = phone_expect(desk, "INVITE");
		phone_answer(desk, inv, status[i], "d", NULL);
		msg = phone_expect(home, "SIP/2.0 480");
		ck_assert_ptr_nonnull(msg);
		HAS(hdr(msg, "Reason"), "SIP;cause=302");
		ck_assert_str_eq(hdr(msg, "Contact"), "");
		ck_assert_str_eq(
		    lab->reasons[(lab->n_notes - 1) % 64], "redirected");
		ck_assert_ptr_null(phone_recv(other));
		dlg_ack(&a, a.cseq, NULL);
	}
	expect_over();
}
END_TEST

/* ---- Reason ---- */

START_TEST(rfc3326_2_reasons_pass_both_ways)
{
	static const char busy[] = "Q.850;cause=17;text=\"User busy\"";
	const char *inv, *msg;
	struct dlg a;

	/* In an answer. */
	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	desk->says = "Reason: Q.850;cause=17;text=\"User busy\"\r\n";
	phone_answer(desk, inv, 486, "d", NULL);
	desk->says = NULL;
	msg = phone_expect(home, "SIP/2.0 486");
	ck_assert_str_eq(hdr(msg, "Reason"), busy);
	dlg_ack(&a, a.cseq, NULL);
	/* In a BYE from either side. */
	for (int i = 0; i < 2; i++) {
		talk_begin(&t, home, desk);
		dlg_send(i == 0 ? &t.a : &t.b, "BYE", NULL, NULL,
		    "Reason: Q.850;cause=17;text=\"User busy\"\r\n");
		msg = phone_expect(i == 0 ? desk : home, "BYE");
		ck_assert_str_eq(hdr(msg, "Reason"), busy);
	}
	/* With an address of the office it stays there. */
	talk_begin(&t, home, desk);
	dlg_send(&t.b, "BYE", NULL, NULL,
	    "Reason: SIP;cause=200;text=\"at 192.168.10.9\"\r\n");
	msg = phone_expect(home, "BYE");
	ck_assert_str_eq(hdr(msg, "Reason"), "");
	expect_over();
}
END_TEST

/* ---- privacy ---- */

static const struct {
	const char *privacy;
	bool hidden;
} privacies[] = {
	{ "Privacy: id\r\n", true },
	{ "Privacy: user\r\n", true },
	{ "Privacy: header\r\n", true },
	{ "Privacy: session;ID;critical\r\n", true },
	{ "Privacy: history\r\nPrivacy: id\r\n", true },
	{ "Privacy: none\r\n", false },
	{ "Privacy: session\r\n", false },
	{ "Privacy: history\r\n", false },
	{ "", false },
};

START_TEST(rfc3323_5_who_withholds_his_name_is_anonymous_outside)
{
	struct phone *boss = lab_office(lab, "300", 33);
	const char *from, *inv, *msg;
	struct dlg a;

	dlg_call(
	    &a, desk, "168", sdp_of(desk, 20000, NULL), privacies[_i].privacy);
	inv = phone_expect(home, "INVITE");
	from = hdr(inv, "From");
	if (privacies[_i].hidden)
		HAS(from, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
	else
		HAS(from, "\"SIP-200\" <sip:200@sip.example.org>");
	LACKS(inv, privacies[_i].hidden ? "SIP-200" : "anonymous");
	LACKS(inv, "Privacy");
	/* And so in every later request of the dialog. */
	phone_answer(home, inv, 200, "h", sdp_of(home, 30000, NULL));
	msg = phone_expect(desk, "SIP/2.0 200");
	dlg_learn(&a, msg);
	dlg_ack(&a, a.cseq, NULL);
	lab_restart(lab);
	dlg_send(&a, "BYE", NULL, NULL, "");
	msg = phone_expect(home, "BYE");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(hdr(msg, "From"), from);
	/* The office may know. */
	dlg_call(
	    &a, desk, "300", sdp_of(desk, 20000, NULL), privacies[_i].privacy);
	inv = phone_expect(boss, "INVITE");
	HAS(hdr(inv, "From"), "<sip:200@sip.example.org>");
	HAS(hdr(inv, "P-Asserted-Identity"), "<sip:200@sip.example.org>");
	dlg_cancel(&a);
	phone_answer(boss, inv, 487, "b", NULL);
	expect_over();
}
END_TEST

/* ---- dialogs and races ---- */

START_TEST(rfc3261_12_2_2_a_re_invite_before_the_answer_waits)
{
	struct dlg a;
	const char *inv, *msg;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	phone_answer(desk, inv, 180, "d", NULL);
	msg = phone_expect(home, "SIP/2.0 180");
	dlg_learn(&a, msg);
	dlg_send(
	    &a, "INVITE", "application/sdp", sdp_of(home, 30100, NULL), "");
	msg = phone_expect(home, "SIP/2.0 500");
	ck_assert_ptr_nonnull(msg);
	ck_assert_uint_le(atoi(hdr(msg, "Retry-After")), 10);
	dlg_ack(&a, a.cseq, NULL);
	ck_assert_ptr_null(phone_recv(desk));
	dlg_send(&a, "BYE", NULL, NULL, "");
	phone_answer(desk, inv, 487, "d", NULL);
	expect_over();
}
END_TEST

START_TEST(rfc5407_3_1_4_a_re_invite_that_meets_a_bye)
{
	const char *inv;

	talk_begin(&t, home, desk);
	dlg_send(
	    &t.a, "INVITE", "application/sdp", sdp_of(home, 30100, NULL), "");
	inv = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(inv);
	dlg_send(&t.b, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	/* The INVITE's end comes with the call's (15.1.2). */
	ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 487"));
	phone_answer(desk, inv, 487, "", NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	dlg_ack(&t.a, t.a.cseq, NULL);
	expect_over();
}
END_TEST

START_TEST(rfc5407_3_1_2_a_bye_before_the_ack)
{
	struct dlg a;
	const char *inv, *msg;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	dlg_from_invite(&t.b, desk, inv);
	phone_answer(desk, inv, 200, "t200", sdp_of(desk, 20000, NULL));
	msg = phone_expect(home, "SIP/2.0 200");
	dlg_learn(&a, msg);
	dlg_send(&a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	/* Its 2xx is acknowledged before the BYE reaches it. */
	msg = phone_recv(desk);
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "CSeq"), " ACK");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	/* The late ACK disturbs nobody. */
	dlg_ack(&a, 2, NULL);
	expect_over();
}
END_TEST

START_TEST(rfc3261_15_1_2_after_its_bye_a_dialog_is_gone)
{
	static const char *const method[] = { "INFO", "UPDATE", "OPTIONS",
		"BYE" };

	talk_begin(&t, home, desk);
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	for (unsigned i = 0; i < 4; i++) {
		dlg_send(&t.a, method[i], NULL, NULL, "");
		ck_assert_msg(
		    phone_expect(home, "SIP/2.0 481") != NULL, "%s", method[i]);
	}
	expect_over();
}
END_TEST

START_TEST(rfc6026_8_a_2xx_after_its_transaction_is_acked_all_the_same)
{
	const char *inv, *ok;
	struct dlg a;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	phone_answer(desk, inv, 200, "d", sdp_of(desk, 20000, NULL));
	ok = phone_expect(home, "SIP/2.0 200");
	dlg_learn(&a, ok);
	dlg_ack(&a, a.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	/* Timer M is over; a desk that heard no ACK would still repeat it. */
	lab_pass(lab, 40000);
	phone_answer(desk, inv, 200, "d", sdp_of(desk, 20000, NULL));
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	ck_assert_ptr_null(phone_expect(home, "SIP/2.0 200"));
	dlg_send(&a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	expect_over();
}
END_TEST

START_TEST(rfc3261_9_2_a_cancel_that_meets_a_200)
{
	const char *inv, *ok;
	struct dlg a;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	phone_answer(desk, inv, 200, "d", sdp_of(desk, 20000, NULL));
	dlg_cancel(&a); /* before it saw the 200 */
	ok = phone_expect(home, "SIP/2.0 200");
	HAS(hdr(ok, "CSeq"), "INVITE");
	HAS(hdr(phone_expect(home, "SIP/2.0 200"), "CSeq"), "CANCEL");
	ck_assert_ptr_null(phone_expect(desk, "BYE"));
	dlg_learn(&a, ok);
	dlg_ack(&a, 2, NULL);
	dlg_send(&a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	expect_over();
}
END_TEST

/* ---- loops, breadth, ways back ---- */

static void
plain_invite(struct phone *p, const char *branch, const char *extra)
{
	phone_send(p,
	    "INVITE sip:200@sip.example.org SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP %s:%u;branch=z9hG4bK%s%s\r\n"
	    "From: <sip:168@sip.example.org>;tag=f\r\n"
	    "To: <sip:200@sip.example.org>\r\nCall-ID: plain\r\n"
	    "CSeq: 1 INVITE\r\nContact: <sip:168@%s:%u>\r\n"
	    "Content-Length: 0\r\n\r\n",
	    p->host, p->port, branch, extra, p->host, p->port);
}

START_TEST(rfc3261_16_3_a_request_without_hops_left_goes_nowhere)
{
	plain_invite(home, "mf", ";rport\r\nMax-Forwards: 0");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 483"));
	ck_assert_ptr_null(phone_recv(desk));
}
END_TEST

START_TEST(rfc5393_5_3_breadth_is_divided_or_refused)
{
	struct phone *mobile = lab_home(lab, "200", 9);
	struct dlg a;
	const char *inv[2];

	dlg_call(&a, home, "200", NULL, "Max-Breadth: 60\r\n");
	inv[0] = phone_expect(desk, "INVITE");
	inv[1] = phone_expect(mobile, "INVITE");
	ck_assert_str_eq(hdr(inv[0], "Max-Breadth"), "30");
	ck_assert_str_eq(hdr(inv[1], "Max-Breadth"), "30");
	phone_answer(desk, inv[0], 600, "d", NULL);
	phone_answer(mobile, inv[1], 487, "m", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 600"));
	dlg_ack(&a, a.cseq, NULL);
	dlg_call(&a, home, "200", NULL, "Max-Breadth: 1\r\n");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 440"));
	dlg_ack(&a, a.cseq, NULL);
	while (phone_recv(desk) != NULL)
		;
	dlg_call(&a, home, "200", NULL, "");
	inv[0] = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(inv[0]);
	ck_assert_str_eq(hdr(inv[0], "Max-Breadth"), "");
	dlg_cancel(&a);
	expect_over();
}
END_TEST

START_TEST(rfc3581_4_an_answer_goes_where_the_request_came_from)
{
	const char *msg;

	plain_invite(home, "rport", ";rport");
	msg = phone_expect(home, "SIP/2.0 401");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "Via"), "received=198.51.100.7");
	HAS(hdr(msg, "Via"), "rport=40000");
	/* Outside it does so without being asked, for homes are behind NAT;
	 * in the office the Via's port counts (RFC 3261 18.2.2). */
	plain_invite(home, "none", "");
	msg = phone_expect(home, "SIP/2.0 401");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "Via"), "received=198.51.100.7");
	desk->flow.remote.port = 40001;
	plain_invite(desk, "port", "");
	ck_assert_ptr_null(phone_recv(desk)); /* not to where it came from */
	desk->flow.remote.port = 5060;
	desk->port = 40002;
	plain_invite(desk, "port2", "");
	ck_assert_ptr_null(phone_recv(desk));
	plain_invite(desk, "port3", ";rport");
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 401"));
}
END_TEST

#define N(a) ((int)(sizeof(a) / sizeof((a)[0])))

Suite *
suite_policy(void)
{
	Suite *s = suite_create("policy");
	TCase *tc = tcase_create("policy");

	tcase_add_checked_fixture(tc, pair_setup, pair_teardown);
	tcase_add_test(tc, rfc3261_21_3_a_redirection_is_told_and_not_followed);
	tcase_add_test(tc, rfc3326_2_reasons_pass_both_ways);
	tcase_add_loop_test(tc,
	    rfc3323_5_who_withholds_his_name_is_anonymous_outside, 0,
	    N(privacies));
	tcase_add_test(tc, rfc3261_12_2_2_a_re_invite_before_the_answer_waits);
	tcase_add_test(tc, rfc5407_3_1_4_a_re_invite_that_meets_a_bye);
	tcase_add_test(tc, rfc5407_3_1_2_a_bye_before_the_ack);
	tcase_add_test(tc, rfc3261_15_1_2_after_its_bye_a_dialog_is_gone);
	tcase_add_test(
	    tc, rfc6026_8_a_2xx_after_its_transaction_is_acked_all_the_same);
	tcase_add_test(tc, rfc3261_9_2_a_cancel_that_meets_a_200);
	tcase_add_test(
	    tc, rfc3261_16_3_a_request_without_hops_left_goes_nowhere);
	tcase_add_test(tc, rfc5393_5_3_breadth_is_divided_or_refused);
	tcase_add_test(
	    tc, rfc3581_4_an_answer_goes_where_the_request_came_from);
	suite_add_tcase(s, tc);
	return s;
}
