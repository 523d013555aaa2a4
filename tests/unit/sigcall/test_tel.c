/*
 * tel: URIs where phones write them (RFC 3966; R54).
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sigcall/pair.h"
#include "tests/unit/sigcall/suites.h"

static const char *const uris[] = {
	"tel:200",
	"tel:2-0.(0)",
	"tel:200;phone-context=sip.example.org",
	"tel:200;ext=5",
	"tel:200;isub=1;x=y",
	"sip:2-00@sip.example.org;user=phone",
	"sip:200;phone-context=sip.example.org@sip.example.org;user=phone",
};

/* Request-URI, To and the digest's uri are tel:, and the call is one. */
START_TEST(rfc3966_a_tel_uri_calls_the_number_it_means)
{
	struct dlg a;
	const char *inv, *msg;

	dlg_call(&a, home, uris[_i], sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	ck_assert_msg(inv != NULL, "%s", uris[_i]);
	ck_assert_str_eq(hdr(inv, "To"), "<sip:200@sip.example.org>");
	phone_answer(desk, inv, 200, "d", sdp_of(desk, 20000, NULL));
	msg = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	/* Its own words come back (RFC 3261 8.2.6.2). */
	ck_assert_ptr_nonnull(strstr(hdr(msg, "To"), uris[_i]));
	dlg_learn(&a, msg);
	dlg_ack(&a, a.cseq, NULL);
	dlg_send(&a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	lab_expect_empty(lab);
}
END_TEST

/* A caller whose From, Request-URI and To are all tel:. */
START_TEST(rfc3966_a_phone_that_writes_nothing_but_tel)
{
	static const char invite[] =
	    "INVITE tel:200 SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 10.77.0.7:5062;branch=z9hG4bK-tel;rport\r\n"
	    "Max-Forwards: 70\r\nFrom: <tel:1-68>;tag=f\r\nTo: <tel:200>\r\n"
	    "Call-ID: tel\r\nCSeq: 1 INVITE\r\n"
	    "Contact: <sip:168@10.77.0.7:5062>\r\nContent-Length: 0\r\n\r\n";
	struct phone *stranger = lab_stranger(lab, "666", 66);

	phone_send(home, "%s", invite);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 401"));
	/* To a stranger it names nobody. */
	lab->stolen = true;
	phone_send(stranger, "%s", invite);
	ck_assert_ptr_null(phone_expect(stranger, "SIP/2.0 401"));
}
END_TEST

static const struct {
	const char *uri, *want;
} refused[] = {
	{ "tel:200;phone-context=elsewhere.example", "SIP/2.0 404" },
	{ "tel:200;phone-context=x;phone-context=y", "SIP/2.0 404" },
	{ "tel:+49;phone-context=+49", "SIP/2.0 404" },
};

START_TEST(rfc3966_a_tel_uri_that_is_not_ours_or_not_one)
{
	phone_send(home,
	    "INVITE %s SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 10.77.0.7:5062;branch=z9hG4bK-t%d;rport\r\n"
	    "Max-Forwards: 70\r\nFrom: <sip:168@sip.example.org>;tag=f\r\n"
	    "To: <sip:200@sip.example.org>\r\nCall-ID: tel\r\nCSeq: 1 "
	    "INVITE\r\n"
	    "Contact: <sip:168@10.77.0.7:5062>\r\nContent-Length: 0\r\n\r\n",
	    refused[_i].uri, _i);
	ck_assert_msg(phone_expect(home, refused[_i].want) != NULL, "%s",
	    refused[_i].uri);
}
END_TEST

/* An answer for one number buys no call to another. */
START_TEST(rfc3966_the_digest_is_for_the_number_that_is_called)
{
	struct dlg a;
	const char *no;

	dlg_call(&a, home, "tel:200", NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "INVITE"));
	ck_assert_uint_eq(lab->auth_asks, 1);
	dlg_cancel(&a);
	while (phone_recv(home) != NULL)
		;
	phone_send(home,
	    "INVITE tel:200 SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 10.77.0.7:5062;branch=z9hG4bK-x;rport\r\n"
	    "Max-Forwards: 70\r\nFrom: <sip:168@sip.example.org>;tag=f\r\n"
	    "To: <sip:200@sip.example.org>\r\nCall-ID: tel2\r\n"
	    "CSeq: 1 INVITE\r\nContact: <sip:168@10.77.0.7:5062>\r\n"
	    "Content-Length: 0\r\n\r\n");
	no = phone_expect(home, "SIP/2.0 401");
	ck_assert_ptr_nonnull(no);
	phone_send(home,
	    "INVITE tel:200 SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 10.77.0.7:5062;branch=z9hG4bK-y;rport\r\n"
	    "Max-Forwards: 70\r\nFrom: <sip:168@sip.example.org>;tag=f\r\n"
	    "To: <sip:200@sip.example.org>\r\nCall-ID: tel2\r\n"
	    "CSeq: 2 INVITE\r\nContact: <sip:168@10.77.0.7:5062>\r\n"
	    "Authorization: Digest username=\"SIP-168\", realm=\"SMO-SIP\", "
	    "nonce=\"%.32s\", uri=\"tel:201\", "
	    "response=\"0123456789abcdef0123456789abcdef\", qop=auth, "
	    "nc=00000001, cnonce=\"abc\"\r\n"
	    "Content-Length: 0\r\n\r\n",
	    strstr(no, "nonce=\"") + 7);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 400"));
	ck_assert_uint_eq(lab->auth_asks, 1);
}
END_TEST

#define N(a) ((int)(sizeof(a) / sizeof((a)[0])))

Suite *
suite_tel(void)
{
	Suite *s = suite_create("tel");
	TCase *tc = tcase_create("rfc3966");

	tcase_add_checked_fixture(tc, pair_setup, pair_teardown);
	tcase_add_loop_test(
	    tc, rfc3966_a_tel_uri_calls_the_number_it_means, 0, N(uris));
	tcase_add_test(tc, rfc3966_a_phone_that_writes_nothing_but_tel);
	tcase_add_loop_test(
	    tc, rfc3966_a_tel_uri_that_is_not_ours_or_not_one, 0, N(refused));
	tcase_add_test(tc, rfc3966_the_digest_is_for_the_number_that_is_called);
	suite_add_tcase(s, tc);
	return s;
}
