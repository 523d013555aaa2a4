/*
 * Bodies of several parts on their way through a call (RFC 5621; RFC 3261
 * 20.11), and offers that are refused (RFC 3261 14).  Each test's name begins
 * with the section.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sigcall/pair.h"
#include "tests/unit/sigcall/suites.h"

#define MIXED "multipart/mixed;boundary=b"
#define SDP_PART "--b\r\nContent-Type: application/sdp\r\n\r\n"
#define XML "\r\n--b\r\nContent-Type: application/x+xml\r\n"
#define OPTIONAL "Content-Disposition: render;handling=optional\r\n"
#define SECRET "\r\n<a host=\"192.168.10.77\"/>"
#define PLAIN "\r\n<a/>"
#define END "\r\n--b--\r\n"

static const char *
parts(const char *before, const char *sdp, const char *after)
{
	static char mem[4096];

	snprintf(mem, sizeof(mem), "%s%s%s", before, sdp, after);
	return mem;
}

/* What becomes of an offer from the desk towards the home: its status there,
 * or 0 and the type that arrives. */
static const struct {
	const char *name, *type, *before, *after;
	unsigned status;
	const char *arrives, *holds;
} rows[] = {
	{ "SDP and something harmless", MIXED, SDP_PART, XML PLAIN END, 0,
	    MIXED, "<a/>" },
	{ "related", "multipart/related;boundary=b;type=\"application/sdp\"",
	    SDP_PART, XML PLAIN END, 0,
	    "multipart/related;boundary=b;type=\"application/sdp\"", "<a/>" },
	{ "SDP alone needs no wrapping", MIXED, SDP_PART, END, 0,
	    "application/sdp", "v=0" },
	{ "what tells something and may be left out", MIXED, SDP_PART,
	    XML OPTIONAL SECRET END, 0, "application/sdp", "v=0" },
	{ "what tells something and may not", MIXED, SDP_PART, XML SECRET END,
	    415, "", "" },
	{ "what tells it in its Content-ID", MIXED, SDP_PART,
	    XML "Content-ID: <x@pbx.office.local>\r\n" PLAIN END, 415, "", "" },
	{ "other headers of a part stay here", MIXED, SDP_PART,
	    XML "Content-Location: http://pbx.office.local/\r\n" PLAIN END, 0,
	    MIXED, "<a/>" },
	{ "nothing is looked for in base64", MIXED, SDP_PART,
	    XML "Content-Transfer-Encoding: base64\r\n\r\nMTkyLjE2OA==" END,
	    415, "", "" },
	{ "SDP in base64", MIXED,
	    "--b\r\nContent-Type: application/sdp\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n",
	    END, 415, "", "" },
	{ "an offer of early media of its own (RFC 3959)", MIXED,
	    "--b\r\nContent-Type: application/sdp\r\n"
	    "Content-Disposition: early-session\r\n\r\n",
	    END, 415, "", "" },
	{ "two SDPs", MIXED, SDP_PART,
	    "\r\n--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n" END, 400,
	    "", "" },
	{ "SDP within a part within", MIXED,
	    "--b\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n--c\r\n"
	    "Content-Type: application/sdp\r\n\r\n",
	    "\r\n--c--" XML PLAIN END, 0, MIXED, "--c\r\n" },
	{ "and not one deeper", MIXED,
	    "--b\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n--c\r\n"
	    "Content-Type: multipart/mixed;boundary=d\r\n\r\n--d\r\n"
	    "Content-Type: application/sdp\r\n\r\n",
	    "\r\n--d--\r\n--c--" END, 415, "", "" },
	{ "a choice between parts", "multipart/alternative;boundary=b",
	    SDP_PART, END, 415, "", "" },
	{ "no end", MIXED, SDP_PART, "", 400, "", "" },
	{ "a boundary that tells something",
	    "multipart/mixed;boundary=192.168.10.77",
	    "--192.168.10.77\r\nContent-Type: application/sdp\r\n\r\n",
	    "\r\n--192.168.10.77--", 415, "", "" },
};

START_TEST(rfc5621_parts_of_an_offer)
{
	const char *msg, *text = parts(rows[_i].before,
			     sdp_of(desk, 20000, NULL), rows[_i].after);
	char want[32];

	talk_begin(&t, home, desk);
	dlg_send(&t.b, "INVITE", rows[_i].type, text, "");
	if (rows[_i].status != 0) {
		snprintf(want, sizeof(want), "SIP/2.0 %u", rows[_i].status);
		ck_assert_msg(
		    phone_expect(desk, want) != NULL, "%s", rows[_i].name);
		ck_assert_ptr_null(phone_expect(home, "INVITE"));
		dlg_ack(&t.b, t.b.cseq, NULL);
	} else {
		msg = phone_expect(home, "INVITE");
		ck_assert_msg(msg != NULL, "%s", rows[_i].name);
		ck_assert_str_eq(hdr(msg, "Content-Type"), rows[_i].arrives);
		HAS(body(msg), rows[_i].holds);
		HAS(body(msg), "m=audio 16384 ");
		HAS(body(msg), "c=IN IP4 203.0.113.1\r\n");
		phone_answer(home, msg, 200, "", sdp_of(home, 30000, NULL));
		ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
		dlg_ack(&t.b, t.b.cseq, NULL);
	}
	dlg_send(&t.b, "BYE", NULL, NULL, "");
	lab_expect_empty(lab);
}
END_TEST

/* The whole way: the caller's INVITE, the called phone's 183 and 200. */
START_TEST(rfc5621_a_call_with_bodies_of_parts)
{
	struct dlg a;
	const char *inv, *msg;

	home->type = desk->type = MIXED;
	dlg_call(&a, home, "200",
	    parts(SDP_PART, sdp_of(home, 30000, NULL), XML PLAIN END), "");
	inv = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(inv);
	ck_assert_str_eq(hdr(inv, "Content-Type"), MIXED);
	HAS(body(inv), "m=audio 16386 ");
	HAS(body(inv), "<a/>");
	LACKS(body(inv), home->host);
	phone_answer(desk, inv, 183, "d",
	    parts(SDP_PART, sdp_of(desk, 20000, NULL), END));
	msg = phone_expect(home, "SIP/2.0 183");
	ck_assert_str_eq(hdr(msg, "Content-Type"), "application/sdp");
	HAS(body(msg), "m=audio 16384 ");
	phone_answer(desk, inv, 200, "d",
	    parts(SDP_PART, sdp_of(desk, 20000, NULL), XML PLAIN END));
	msg = phone_expect(home, "SIP/2.0 200");
	ck_assert_str_eq(hdr(msg, "Content-Type"), MIXED);
	ck_assert_uint_eq(lab_set(lab, 1)->rtp.port, 20000);
	dlg_learn(&a, msg);
	dlg_ack(&a, a.cseq, NULL);
	dlg_send(&a, "BYE", NULL, NULL, "");
	lab_expect_empty(lab);
}
END_TEST

START_TEST(rfc3261_20_11_a_body_its_sender_can_do_without)
{
	const char *msg;

	talk_begin(&t, home, desk);
	dlg_send(&t.b, "INFO", "text/plain", "at 192.168.10.77",
	    "Content-Disposition: render;handling=optional\r\n");
	msg = phone_expect(home, "INFO");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(body(msg), "");
	ck_assert_str_eq(hdr(msg, "Content-Type"), "");
	phone_answer(home, msg, 200, "", NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	dlg_send(&t.b, "INFO", "text/plain", "at 192.168.10.77",
	    "Content-Disposition: render;handling=required\r\n");
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 415"));
	dlg_send(&t.b, "BYE", NULL, NULL, "");
	lab_expect_empty(lab);
}
END_TEST

START_TEST(rfc3261_14_1_a_refused_offer_changes_nothing)
{
	static const unsigned status[] = { 488, 606, 415, 500, 491 };
	const char *msg;
	unsigned sets;

	talk_begin(&t, home, desk);
	sets = lab->n_sets;
	for (unsigned i = 0; i < 5; i++) {
		char want[32];

		dlg_send(&t.a, i % 2 ? "UPDATE" : "INVITE", "application/sdp",
		    sdp_of(home, 31000, "sendonly"), "");
		msg = phone_expect(desk, i % 2 ? "UPDATE" : "INVITE");
		ck_assert_ptr_nonnull(msg);
		phone_answer(desk, msg, status[i], "", NULL);
		snprintf(want, sizeof(want), "SIP/2.0 %u", status[i]);
		ck_assert_ptr_nonnull(phone_expect(home, want));
		if (i % 2 == 0)
			dlg_ack(&t.a, t.a.cseq, NULL);
	}
	ck_assert_uint_eq(lab->n_sets, sets);
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ANSWERED);
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	lab_expect_empty(lab);
}
END_TEST

/* ---- taken back (RFC 3264 8) ---- */

static uint64_t
version_of(const char *msg)
{
	const char *o = strstr(body(msg), "o=");
	unsigned long long v = 0;

	ck_assert_ptr_nonnull(o);
	ck_assert_int_eq(sscanf(o, "o=%*s %*s %llu ", &v), 1);
	return v;
}

/* The desk's offer, of this version. */
static const char *
offer_of(const char *version, const char *direction)
{
	static char mem[2048];
	const char *sdp = sdp_of(desk, 20000, direction);
	const char *rest = strstr(sdp, " 1 1 IN ");

	snprintf(mem, sizeof(mem), "%.*s 1 %s%s", (int)(rest - sdp), sdp,
	    version, rest + 4);
	return mem;
}

static char last_said[2048]; /* what took it back */

/* The desk holds in a body of this type, which home takes with nonsense: it is
 * told what was agreed before, by a version above.  Gives that. */
static uint64_t
hold_is_taken_back(const char *type, const char *text)
{
	const char *msg;
	uint64_t version;

	dlg_send(&t.b, "INVITE", type, text, "");
	msg = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(msg);
	HAS(body(msg), "a=sendonly");
	version = version_of(msg);
	home->type = NULL;
	phone_answer(home, msg, 200, "", "v=0\r\nno=such\r\nline");
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 500"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	lab_pass(lab, 1000);
	msg = phone_expect(home, "INVITE");
	ck_assert_msg(msg != NULL, "it is not taken back");
	ck_assert_str_eq(hdr(msg, "Content-Type"), "application/sdp");
	ck_assert_int_eq(strncmp(body(msg), "v=0", 3), 0);
	LACKS(body(msg), "a=sendonly");
	snprintf(last_said, sizeof(last_said), "%s", body(msg));
	ck_assert_uint_gt(version_of(msg), version);
	version = version_of(msg);
	phone_answer(home, msg, 200, "", sdp_of(home, 30000, NULL));
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	lab_pass(lab, 40000);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	return version;
}

static void
ends(void)
{
	dlg_send(&t.b, "BYE", NULL, NULL, "");
	lab_expect_empty(lab);
}

/* 64 bits, signed, and begun below 2^62 (RFC 3264 5): others are folded. */
static const struct {
	const char *version;
	bool in_parts;
} offered[] = {
	{ "9", false }, { "9", true }, { "4611686018427387903", false },
	{ "4611686018427387904", false }, { "9223372036854775807", false },
	{ "9223372036854775808", false }, { "18446744073709551614", true },
	{ "18446744073709551615", false },
};

START_TEST(rfc3264_8_what_failed_is_taken_back_above_its_version)
{
	const char *version = offered[_i].version, *msg;
	uint64_t undone;

	talk_begin(&t, home, desk);
	if (offered[_i].in_parts)
		undone = hold_is_taken_back(MIXED, parts(SDP_PART,
		    offer_of(version, "sendonly"), XML PLAIN END));
	else
		undone = hold_is_taken_back("application/sdp",
		    offer_of(version, "sendonly"));
	ck_assert_uint_le(undone, INT64_MAX);
	/* Offered again, it is newer than what took it back. */
	dlg_send(&t.b, "INVITE", "application/sdp",
	    offer_of(version, "sendonly"), "");
	msg = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(msg);
	ck_assert_uint_gt(version_of(msg), undone);
	phone_answer(home, msg, 200, "", sdp_of(home, 30000, "recvonly"));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	ends();
}
END_TEST

/* What was agreed came in a 200 of several parts, in such an ACK, or in a 183
 * before a 200 whose body is no SDP. */
START_TEST(rfc5621_what_was_said_in_parts_can_be_said_again)
{
	static const char rel[] = "Require: 100rel\r\nRSeq: 1\r\n";
	const char *inv, *msg;

	dlg_call(&t.a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(inv);
	dlg_from_invite(&t.b, desk, inv);
	if (_i == 2) {
		desk->says = rel;
		phone_answer(desk, inv, 183, strstr(t.b.local, ";tag=") + 5,
		    sdp_of(desk, 20000, NULL));
		desk->says = NULL;
		msg = phone_expect(home, "SIP/2.0 183");
		ck_assert_ptr_nonnull(msg);
		dlg_learn(&t.a, msg);
		dlg_send(&t.a, "PRACK", NULL, NULL, "RAck: 1 2 INVITE\r\n");
		msg = phone_expect(desk, "PRACK");
		ck_assert_ptr_nonnull(msg);
		phone_answer(desk, msg, 200, "", NULL);
	}
	desk->type = _i == 0 ? MIXED : _i == 2 ? "text/plain" : NULL;
	phone_answer(desk, inv, 200, strstr(t.b.local, ";tag=") + 5,
	    _i == 0 ? parts(SDP_PART, sdp_of(desk, 20000, NULL), XML PLAIN END) :
	    _i == 2 ? "hello" : sdp_of(desk, 20000, NULL));
	desk->type = NULL;
	msg = phone_expect(home, "SIP/2.0 200 OK\r\nVia");
	if (msg == NULL)
		msg = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	dlg_learn(&t.a, msg);
	dlg_ack(&t.a, 2, NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	if (_i == 1) {
		dlg_send(&t.b, "INVITE", NULL, NULL, "");
		msg = phone_expect(home, "INVITE");
		ck_assert_ptr_nonnull(msg);
		phone_answer(home, msg, 200, "", sdp_of(home, 30000, NULL));
		ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
		desk->type = MIXED;
		dlg_ack(&t.b, t.b.cseq,
		    parts(SDP_PART, sdp_of(desk, 20000, NULL), XML PLAIN END));
		desk->type = NULL;
		msg = phone_expect(home, "ACK");
		ck_assert_ptr_nonnull(msg);
		HAS(body(msg), "<a/>");
	}
	(void)hold_is_taken_back(
	    "application/sdp", offer_of("2", "sendonly"));
	ends();
}
END_TEST

/* p rings reliably with this SDP, and home acknowledges it. */
static void
rings(struct phone *p, const char *inv, const char *tag, const char *sdp)
{
	const char *msg;

	p->says = "Require: 100rel\r\nRSeq: 1\r\n";
	phone_answer(p, inv, 183, tag, sdp);
	p->says = NULL;
	msg = phone_expect(t.a.phone, "SIP/2.0 183");
	ck_assert_ptr_nonnull(msg);
	dlg_learn(&t.a, msg);
	dlg_send(&t.a, "PRACK", NULL, NULL, "RAck: 1 2 INVITE\r\n");
	msg = phone_expect(p, "PRACK");
	ck_assert_ptr_nonnull(msg);
	phone_answer(p, msg, 200, "", NULL);
	ck_assert_ptr_nonnull(phone_expect(t.a.phone, "SIP/2.0 200"));
}

/* p answers, and says nothing new. */
static void
lifts(struct phone *p, const char *inv, const char *tag)
{
	const char *msg;

	phone_answer(p, inv, 200, tag, NULL);
	msg = phone_expect(t.a.phone, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	dlg_learn(&t.a, msg);
	dlg_ack(&t.a, 2, NULL);
	ck_assert_ptr_nonnull(phone_expect(p, "ACK"));
}

/* Of two that ring what the winner said is agreed, not what came last. */
START_TEST(rfc3262_5_the_winners_sdp_is_said_again)
{
	struct phone *other = lab_office(lab, "200", 32);
	const char *inv, *inv2, *msg;

	dlg_call(&t.a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	inv2 = phone_expect(other, "INVITE");
	ck_assert_ptr_nonnull(inv);
	ck_assert_ptr_nonnull(inv2);
	dlg_from_invite(&t.b, desk, inv);
	rings(desk, inv, strstr(t.b.local, ";tag=") + 5,
	    offer_of("5", NULL));
	rings(other, inv2, "o", offer_of("9", "recvonly"));
	lifts(desk, inv, strstr(t.b.local, ";tag=") + 5);
	ck_assert_ptr_nonnull(phone_expect(other, "CANCEL"));
	phone_answer(other, inv2, 487, "o", NULL);
	dlg_send(&t.b, "INVITE", "application/sdp",
	    offer_of("6", "sendonly"), "");
	msg = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(msg);
	phone_answer(home, msg, 200, "", "v=0\r\nx");
	dlg_ack(&t.b, t.b.cseq, NULL);
	lab_pass(lab, 1000);
	msg = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(msg);
	LACKS(body(msg), "a=recvonly");
	ck_assert_uint_eq(version_of(msg), 7);
	phone_answer(home, msg, 200, "", sdp_of(home, 30000, NULL));
	ends();
}
END_TEST

/* What was offered by UPDATE while it rang is what was agreed. */
START_TEST(rfc3311_5_1_what_an_early_update_said_is_said_again)
{
	const char *inv, *msg;

	dlg_call(&t.a, desk, "168", sdp_of(desk, 20000, NULL), "");
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	rings(home, inv, "h", sdp_of(home, 30000, NULL));
	dlg_send(&t.a, "UPDATE", "application/sdp",
	    offer_of("5", "recvonly"), "");
	msg = phone_expect(home, "UPDATE");
	ck_assert_ptr_nonnull(msg);
	phone_answer(home, msg, 200, "", sdp_of(home, 30000, "sendonly"));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	lifts(home, inv, "h");
	t.b = t.a;
	(void)hold_is_taken_back(
	    "application/sdp", offer_of("6", "sendonly"));
	ck_assert_str_ne(last_said, "");
	HAS(last_said, "a=recvonly");
	ends();
}
END_TEST

/* sigproxy dies before the answer that nobody can use, or before that to what
 * takes it back. */
START_TEST(what_failed_is_taken_back_across_a_restart)
{
	const char *msg;
	uint64_t version;

	talk_begin(&t, home, desk);
	dlg_send(&t.b, "INVITE", "application/sdp",
	    offer_of("9", "sendonly"), "");
	msg = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(msg);
	if (_i == 0) {
		lab_restart(lab);
		msg = phone_expect(home, "INVITE");
		ck_assert_ptr_nonnull(msg);
	}
	version = version_of(msg);
	phone_answer(home, msg, 200, "", "v=0\r\nx");
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 500"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	lab_pass(lab, 1000);
	msg = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(msg);
	ck_assert_uint_gt(version_of(msg), version);
	version = version_of(msg);
	if (_i == 1)
		lab_restart(lab);
	phone_answer(home, msg, 200, "", sdp_of(home, 30000, NULL));
	msg = phone_expect(home, "ACK");
	ck_assert_ptr_nonnull(msg);
	lab_pass(lab, 20000);
	/* The next offer is above, whoever remembers. */
	dlg_send(&t.b, "INVITE", "application/sdp",
	    offer_of("10", "sendonly"), "");
	msg = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(msg);
	ck_assert_uint_gt(version_of(msg), version);
	phone_answer(home, msg, 200, "", sdp_of(home, 30000, "recvonly"));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	ends();
}
END_TEST

/* Whatever the one answers, the other hears nothing, and the one is asked once
 * for each offer it broke. */
START_TEST(who_breaks_offers_is_asked_once_for_each_and_alone)
{
	static const unsigned refusals[] = { 200, 491, 500, 488, 422 };
	const char *msg;
	unsigned undone = 0, asked = 0;
	char version[24];

	talk_begin(&t, home, desk);
	for (unsigned i = 0; i < 60; i++) {
		snprintf(version, sizeof(version), "%u", i + 2);
		dlg_send(&t.b, i % 2 ? "UPDATE" : "INVITE", "application/sdp",
		    offer_of(version, "sendonly"), "");
		msg = phone_expect(home, i % 2 ? "UPDATE" : "INVITE");
		if (msg == NULL) { /* it is asked just now: glare */
			ck_assert_ptr_nonnull(
			    phone_expect(desk, "SIP/2.0 491"));
		} else {
			asked++;
			phone_answer(home, msg, 200, "", "v=0\r\nx");
			ck_assert_ptr_nonnull(
			    phone_expect(desk, "SIP/2.0 500"));
		}
		if (i % 2 == 0)
			dlg_ack(&t.b, t.b.cseq, NULL);
		for (unsigned k = 0; k < 4; k++) {
			lab_pass(lab, 250);
			msg = phone_expect(home, "INVITE");
			if (msg == NULL)
				continue;
			undone++;
			phone_answer(home, msg, refusals[i % 5], "",
			    refusals[i % 5] == 200 ? "v=0\r\nx" : NULL);
		}
		ck_assert_ptr_null(phone_expect(desk, "INVITE"));
		ck_assert_ptr_null(phone_expect(desk, "UPDATE"));
	}
	ck_assert_uint_ge(asked, 50);
	ck_assert_uint_le(undone, asked);
	ck_assert_uint_ge(undone, 8);
	ck_assert_uint_le(lab_count(lab, "exchanges"), 8);
	ends();
}
END_TEST

Suite *
suite_bodies(void)
{
	Suite *s = suite_create("bodies");
	TCase *tc = tcase_create("bodies");

	tcase_add_checked_fixture(tc, pair_setup, pair_teardown);
	tcase_add_loop_test(tc, rfc5621_parts_of_an_offer, 0,
	    (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(tc, rfc5621_a_call_with_bodies_of_parts);
	tcase_add_test(tc, rfc3261_20_11_a_body_its_sender_can_do_without);
	tcase_add_test(tc, rfc3261_14_1_a_refused_offer_changes_nothing);
	tcase_add_loop_test(tc,
	    rfc3264_8_what_failed_is_taken_back_above_its_version, 0,
	    (int)(sizeof(offered) / sizeof(offered[0])));
	tcase_add_loop_test(
	    tc, rfc5621_what_was_said_in_parts_can_be_said_again, 0, 3);
	tcase_add_test(tc, rfc3262_5_the_winners_sdp_is_said_again);
	tcase_add_test(
	    tc, rfc3311_5_1_what_an_early_update_said_is_said_again);
	tcase_add_loop_test(
	    tc, what_failed_is_taken_back_across_a_restart, 0, 2);
	tcase_add_test(
	    tc, who_breaks_offers_is_asked_once_for_each_and_alone);
	suite_add_tcase(s, tc);
	return s;
}
