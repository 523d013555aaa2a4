/*
 * Calls between home and office: what each side sees (RFC 3261 12, 13, 15;
 * R2, R16, R49, R50, R97).
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

START_TEST(a_home_phone_calls_the_office_through_the_relay)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	struct dlg a, b;
	const char *inv, *msg;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(inv);
	/* The binding's Contact verbatim; names from the database. */
	ck_assert_str_eq(ruri(inv), "sip:200@192.168.10.31:5060;ob");
	HAS(hdr(inv, "From"), "\"SIP-168\" <sip:168@sip.example.org>;tag=f");
	ck_assert_str_eq(hdr(inv, "To"), "<sip:200@sip.example.org>");
	ck_assert_str_eq(hdr(inv, "P-Asserted-Identity"),
	    "\"SIP-168\" <sip:168@sip.example.org>");
	HAS(hdr(inv, "Via"), "SIP/2.0/UDP 192.168.10.2:5060;");
	HAS(hdr(inv, "Contact"), "@192.168.10.2:5060");
	LACKS(hdr(inv, "Call-ID"), "@");
	ck_assert_str_eq(hdr(inv, "Supported"), "timer, 100rel, replaces");
	ck_assert_str_eq(hdr(inv, "User-Agent"), "");
	ck_assert_str_eq(hdr(inv, "Authorization"), "");
	ck_assert_str_eq(hdr(inv, "Max-Forwards"), "69");
	/* Two ends, in the right zones, with the flows' addresses. */
	ck_assert_uint_eq(lab->n_opens, 2);
	ck_assert_uint_eq(lab->opens[0].zone, ZONE_EXTERNAL);
	ck_assert_uint_eq(lab->opens[1].zone, ZONE_INTERNAL);
	ck_assert(addr_eq(&lab->opens[0].phone, &home->flow.remote));
	ck_assert_uint_eq(lab->opens[0].latching, LATCH_STRICT);
	HAS(body(inv), "c=IN IP4 192.168.10.2\r\n");
	HAS(body(inv), "m=audio 16386 RTP/AVP 8 0 101\r\n");

	dlg_from_invite(&b, desk, inv);
	phone_answer(desk, inv, 180, "desk", NULL);
	msg = phone_expect(home, "SIP/2.0 180");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "To"), ";tag=desk");
	HAS(hdr(msg, "Contact"), "@203.0.113.1:5070");
	ck_assert_uint_eq(lab_note(lab)->state, CALL_RINGING);
	ck_assert_uint_eq(lab_note(lab)->channels, 1);

	phone_answer(desk, inv, 200, "desk", sdp_of(desk, 20000, NULL));
	msg = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	HAS(body(msg), "c=IN IP4 203.0.113.1\r\n");
	HAS(body(msg), "m=audio 16384 RTP/AVP 8 0 101\r\n");
	ck_assert_str_eq(hdr(msg, "Server"), "");
	ck_assert_str_eq(hdr(msg, "Warning"), "");
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ANSWERED);
	ck_assert_uint_eq(lab_note(lab)->relayed, 1);
	ck_assert(addr_eq(&lab_note(lab)->called_at, &desk->flow.remote));
	/* What each phone announced, and whose packets it gets. */
	ck_assert_uint_eq(lab_set(lab, 0)->to_end, 1);
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, 30000);
	ck_assert_uint_eq(lab_set(lab, 1)->to_end, 0);
	ck_assert_uint_eq(lab_set(lab, 1)->rtp.port, 20000);
	ck_assert_uint_eq(lab_set(lab, 1)->rtcp.port, 20001);
	ck_assert_uint_eq(lab_set(lab, 1)->held, 0);

	dlg_learn(&a, msg);
	dlg_ack(&a, a.cseq, NULL);
	msg = phone_expect(desk, "ACK");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(hdr(msg, "CSeq"), "2 ACK");
	ck_assert_str_eq(ruri(msg), "sip:200@192.168.10.31:5060;ob");

	dlg_send(&a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	msg = phone_expect(desk, "BYE");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(hdr(msg, "CSeq"), "3 BYE");
	phone_answer(desk, msg, 200, "desk", NULL);
	/* Counters, then the end. */
	ck_assert_uint_eq(lab->n_media, 2);
	ck_assert_uint_eq(lab->media[0].called, 0);
	ck_assert_uint_eq(lab->media[1].called, 1);
	ck_assert_uint_eq(lab->media[1].counter.packets_in, 101);
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ENDED);
	ck_assert_uint_eq(lab_note(lab)->status, 200);
	lab_expect_empty(lab);
	lab_pass(lab, 60000);
	ck_assert_ptr_null(phone_recv(desk));
	lab_free(lab);
}
END_TEST

START_TEST(the_office_calls_a_home_phone_which_hangs_up)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *desk = lab_office(lab, "200", 31);
	struct phone *home = lab_home(lab, "168", 7);
	struct talk t;
	const char *msg;

	talk_begin(&t, desk, home);
	ck_assert_uint_eq(lab_note(lab)->channels, 1);
	dlg_send(
	    &t.b, "BYE", NULL, NULL, "Reason: Q.850;cause=16;text=\"bye\"\r\n");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	msg = phone_expect(desk, "BYE");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(hdr(msg, "Reason"), "Q.850;cause=16;text=\"bye\"");
	/* In the caller's own words, turned round. */
	ck_assert_str_eq(hdr(msg, "To"), t.a.local);
	ck_assert_str_eq(hdr(msg, "Call-ID"), t.a.call_id);
	phone_answer(desk, msg, 200, "", NULL);
	lab_expect_empty(lab);
	lab_free(lab);
}
END_TEST

START_TEST(two_office_phones_talk_without_the_relay)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *a = lab_office(lab, "200", 31);
	struct phone *b = lab_office(lab, "201", 32);
	struct dlg d;
	const char *inv, *sdp = sdp_of(a, 30000, NULL);

	dlg_call(&d, a, "201", sdp, "");
	inv = phone_expect(b, "INVITE");
	ck_assert_ptr_nonnull(inv);
	ck_assert_str_eq(body(inv), sdp);
	ck_assert_uint_eq(lab->n_opens, 0);
	ck_assert_uint_eq(lab_count(lab, "channels"), 0);
	phone_answer(b, inv, 486, "busy", NULL);
	ck_assert_ptr_nonnull(phone_expect(a, "SIP/2.0 486"));
	ck_assert_uint_eq(lab_note(lab)->status, 486);
	lab_expect_empty(lab);
	lab_free(lab);
}
END_TEST

START_TEST(two_homes_use_two_channels)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *a = lab_home(lab, "168", 7);
	struct phone *b = lab_home(lab, "169", 8);
	struct talk t;

	talk_begin(&t, a, b);
	ck_assert_uint_eq(lab_count(lab, "channels"), 2);
	dlg_send(&t.b, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(a, "BYE"));
	lab_expect_empty(lab);
	lab_free(lab);
}
END_TEST

START_TEST(a_gate_that_was_quiet_for_an_hour_still_challenges)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	struct talk t;

	lab_pass(lab, 3600 * 1000);
	talk_begin(&t, home, desk);
	lab_free(lab);
}
END_TEST

Suite *
suite_basic(void)
{
	Suite *s = suite_create("calls");
	TCase *c = tcase_create("between home and office");

	tcase_add_test(c, a_home_phone_calls_the_office_through_the_relay);
	tcase_add_test(c, the_office_calls_a_home_phone_which_hangs_up);
	tcase_add_test(c, two_office_phones_talk_without_the_relay);
	tcase_add_test(c, two_homes_use_two_channels);
	tcase_add_test(c, a_gate_that_was_quiet_for_an_hour_still_challenges);
	suite_add_tcase(s, c);
	return s;
}
