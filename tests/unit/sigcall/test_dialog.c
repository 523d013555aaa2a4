/*
 * Requests inside a dialog (RFC 3261 12.2, 13.3.1.4, 14, 15; RFC 3311;
 * RFC 6086), and strangers who know its identifiers.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sigcall/pair.h"
#include "tests/unit/sigcall/suites.h"

static void
hang_up(void)
{
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	lab_expect_empty(lab);
}

/* ---- ACK and 2xx lost ---- */

START_TEST(a_2xx_is_repeated_until_its_ack)
{
	static const unsigned at[] = { 500, 1000, 2000, 4000, 4000 };
	struct dlg a;
	const char *inv, *first, *msg;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	phone_answer(desk, inv, 200, "d", sdp_of(desk, 20000, NULL));
	first = phone_expect(home, "SIP/2.0 200");
	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		lab_pass(lab, at[i] - 1);
		ck_assert_ptr_null(phone_recv(home));
		lab_pass(lab, 1);
		msg = phone_recv(home);
		ck_assert_ptr_nonnull(msg);
		ck_assert_str_eq(msg, first);
	}
	/* The desk repeats its own too: no ACK yet. */
	phone_answer(desk, inv, 200, "d", sdp_of(desk, 20000, NULL));
	ck_assert_ptr_null(phone_expect(desk, "ACK"));
	dlg_learn(&a, first);
	dlg_ack(&a, a.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	/* Our ACK was lost: the desk's 2xx gets it again, byte for byte. */
	phone_answer(desk, inv, 200, "d", sdp_of(desk, 20000, NULL));
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	lab_pass(lab, 60000);
	ck_assert_ptr_null(phone_recv(home));
	dlg_send(&a, "BYE", NULL, NULL, "");
	lab_expect_empty(lab);
}
END_TEST

START_TEST(a_phone_that_gives_up_without_an_ack_is_understood)
{
	static const struct {
		uint64_t ms;
		const char *why;
	} rows[] = { { 31990, "no-ack" }, { 20000, "called-hung-up" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dlg a, b;
		const char *inv;

		dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
		inv = phone_expect(desk, "INVITE");
		dlg_from_invite(&b, desk, inv);
		phone_answer(desk, inv, 200, strstr(b.local, ";tag=") + 5,
		    sdp_of(desk, 20000, NULL));
		lab_pass(lab, rows[i].ms);
		dlg_send(&b, "BYE", NULL, NULL, "");
		lab_pass(lab, 1);
		ck_assert_str_eq(lab->reasons[(lab->n_notes - 1) % 64],
		    rows[i].why);
		lab_pass(lab, 70000);
	}
}
END_TEST

START_TEST(without_an_ack_both_sides_get_bye_after_32_seconds)
{
	struct dlg a;
	const char *inv, *msg;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	phone_answer(desk, inv, 200, "d", sdp_of(desk, 20000, NULL));
	lab_pass(lab, 31999);
	ck_assert_ptr_null(phone_expect(home, "BYE"));
	ck_assert_ptr_null(phone_recv(desk));
	lab_pass(lab, 2);
	ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
	msg = phone_recv(desk);
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "CSeq"), " ACK");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	ck_assert_str_eq(lab->reasons[(lab->n_notes - 1) % 64], "no-ack");
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(an_offer_in_the_2xx_is_answered_in_the_ack)
{
	struct dlg a;
	const char *inv, *msg;

	dlg_call(&a, home, "200", NULL, "");
	inv = phone_expect(desk, "INVITE");
	ck_assert_str_eq(body(inv), "");
	phone_answer(desk, inv, 200, "d", sdp_of(desk, 20000, NULL));
	msg = phone_expect(home, "SIP/2.0 200");
	HAS(body(msg), "c=IN IP4 203.0.113.1\r\n");
	HAS(body(msg), "m=audio 16384 ");
	ck_assert_uint_eq(lab->n_sets, 0);
	dlg_learn(&a, msg);
	dlg_ack(&a, a.cseq, sdp_of(home, 30000, NULL));
	msg = phone_expect(desk, "ACK");
	HAS(body(msg), "c=IN IP4 192.168.10.2\r\n");
	HAS(body(msg), "m=audio 16388 ");
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, 30000);
	ck_assert_uint_eq(lab_set(lab, 1)->rtp.port, 20000);
	ck_assert_uint_eq(lab_set(lab, 1)->to_end, 0);
	dlg_send(&a, "BYE", NULL, NULL, "");
	lab_expect_empty(lab);
}
END_TEST

/* ---- BYE ---- */

START_TEST(bye_from_either_side_ends_both_legs)
{
	struct dlg *who = _i == 0 ? &t.a : &t.b;
	struct phone *other = _i == 0 ? desk : home;
	const char *msg;

	dlg_send(who, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(who->phone, "SIP/2.0 200"));
	ck_assert_ptr_null(phone_recv(who->phone));
	msg = phone_expect(other, "BYE");
	ck_assert_ptr_nonnull(msg);
	/* Repeated until answered. */
	lab_pass(lab, 500);
	ck_assert_ptr_nonnull(phone_expect(other, "BYE"));
	phone_answer(other, msg, 200, "", NULL);
	lab_pass(lab, 10000);
	ck_assert_ptr_null(phone_recv(other));
	lab_expect_empty(lab);
}
END_TEST

START_TEST(two_byes_that_cross_are_both_fine)
{
	struct talk other = t;

	dlg_send(&t.a, "BYE", NULL, NULL, "");
	dlg_send(&other.b, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	/* 481 is as good as 200 to a BYE (15.1.1). */
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 481"));
	lab_expect_empty(lab);
}
END_TEST

START_TEST(bye_before_the_answer_is_a_cancel)
{
	struct dlg a;
	const char *inv, *msg;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	phone_answer(desk, inv, 180, "d", NULL);
	msg = phone_expect(home, "SIP/2.0 180");
	dlg_learn(&a, msg);
	dlg_send(&a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 487"));
	ck_assert_ptr_nonnull(phone_expect(desk, "CANCEL"));
	phone_answer(desk, inv, 487, "d", NULL);
	lab_expect_empty(lab);
}
END_TEST

/* ---- INFO, UPDATE, OPTIONS ---- */

START_TEST(info_passes_both_ways_with_its_body)
{
	struct dlg *who = _i == 0 ? &t.a : &t.b;
	struct phone *other = _i == 0 ? desk : home;
	const char *msg, *dtmf = "Signal=5\r\nDuration=160\r\n";

	dlg_send(
	    who, "INFO", "application/dtmf-relay", dtmf, "X-Color: blue\r\n");
	msg = phone_expect(other, "INFO");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(body(msg), dtmf);
	ck_assert_str_eq(hdr(msg, "Content-Type"), "application/dtmf-relay");
	ck_assert_str_eq(hdr(msg, "X-Color"), "blue");
	ck_assert_str_eq(hdr(msg, "User-Agent"), "");
	phone_answer(other, msg, 200, "", NULL);
	msg = phone_expect(who->phone, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "CSeq"), "INFO");
	ck_assert_uint_eq(lab_count(lab, "exchanges"), 1);
	dlg_send(who, "OPTIONS", NULL, NULL, "");
	msg = phone_expect(other, "OPTIONS");
	ck_assert_ptr_nonnull(msg);
	phone_answer(other, msg, 405, "", NULL);
	ck_assert_ptr_nonnull(phone_expect(who->phone, "SIP/2.0 405"));
	hang_up();
}
END_TEST

START_TEST(a_body_with_an_office_address_does_not_go_outside)
{
	dlg_send(&t.b, "INFO", "text/plain", "call me at 192.168.10.77", "");
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 415"));
	ck_assert_ptr_null(phone_expect(home, "INFO"));
	hang_up();
}
END_TEST

START_TEST(update_with_an_offer_is_relayed_and_learnt_anew)
{
	const char *msg;

	dlg_send(
	    &t.a, "UPDATE", "application/sdp", sdp_of(home, 30100, NULL), "");
	msg = phone_expect(desk, "UPDATE");
	ck_assert_ptr_nonnull(msg);
	/* Ports once said stay (C1). */
	HAS(body(msg), "m=audio 16386 ");
	phone_answer(desk, msg, 200, "", sdp_of(desk, 20000, NULL));
	msg = phone_expect(home, "SIP/2.0 200");
	HAS(body(msg), "m=audio 16384 ");
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, 30100);
	ck_assert_uint_eq(lab_set(lab, 0)->relearn, 1);
	hang_up();
}
END_TEST

START_TEST(methods_that_are_not_built_get_405_or_501)
{
	static const struct {
		const char *method;
		const char *want;
	} row[] = {
		{ "WHATEVER", "SIP/2.0 501" },
		{ "PUBLISH", "SIP/2.0 405" },
	};
	const char *msg;

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		dlg_send(&t.a, row[i].method, NULL, NULL, "");
		msg = phone_expect(home, row[i].want);
		ck_assert_msg(msg != NULL, "%s", row[i].method);
		HAS(hdr(msg, "Allow"), "INVITE");
		ck_assert_ptr_null(phone_recv(desk));
	}
	hang_up();
}
END_TEST

START_TEST(required_extensions_are_refused_with_420)
{
	const char *msg;

	dlg_send(&t.a, "INFO", NULL, NULL, "Require: 100rel, gruu\r\n");
	msg = phone_expect(home, "SIP/2.0 420");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(hdr(msg, "Unsupported"), "100rel, gruu");
	hang_up();
}
END_TEST

START_TEST(an_old_cseq_is_out_of_order)
{
	t.a.cseq = 0;
	dlg_send(&t.a, "INFO", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 500"));
	ck_assert_ptr_null(phone_recv(desk));
	t.a.cseq = 10;
	hang_up();
}
END_TEST

/* ---- re-INVITE ---- */

static void
re_invite(struct dlg *who, struct phone *other, const char *sdp)
{
	const char *msg;

	dlg_send(who, "INVITE", "application/sdp", sdp, "");
	ck_assert_ptr_nonnull(phone_expect(who->phone, "SIP/2.0 100"));
	msg = phone_expect(other, "INVITE");
	ck_assert_ptr_nonnull(msg);
	phone_answer(other, msg, 200, "", sdp_of(other, 20002, NULL));
	ck_assert_ptr_nonnull(phone_expect(who->phone, "SIP/2.0 200"));
	dlg_ack(who, who->cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(other, "ACK"));
}

START_TEST(re_invites_from_both_sides_in_turn)
{
	for (unsigned i = 0; i < 12; i++) {
		re_invite(&t.a, desk, sdp_of(home, 30002, NULL));
		re_invite(&t.b, home, sdp_of(desk, 20002, NULL));
	}
	/* What is kept to repeat an ACK is bounded, and goes. */
	ck_assert_uint_le(lab_count(lab, "exchanges"), 8);
	lab_pass(lab, 33000);
	ck_assert_uint_eq(lab_count(lab, "exchanges"), 1);
	ck_assert_uint_eq(lab_set(lab, 1)->rtp.port, 20002);
	hang_up();
}
END_TEST

START_TEST(a_repeated_2xx_to_a_re_invite_is_acked_again)
{
	const char *inv, *first, *msg;

	dlg_send(
	    &t.a, "INVITE", "application/sdp", sdp_of(home, 30002, NULL), "");
	inv = phone_expect(desk, "INVITE");
	phone_answer(desk, inv, 200, "", sdp_of(desk, 20002, NULL));
	first = phone_expect(home, "SIP/2.0 200");
	/* Ours is repeated too. */
	lab_pass(lab, 500);
	msg = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(msg, first);
	phone_answer(desk, inv, 200, "", sdp_of(desk, 20002, NULL));
	ck_assert_ptr_null(phone_expect(desk, "ACK"));
	dlg_ack(&t.a, t.a.cseq, NULL);
	first = phone_expect(desk, "ACK");
	ck_assert_ptr_nonnull(first);
	phone_answer(desk, inv, 200, "", sdp_of(desk, 20002, NULL));
	msg = phone_expect(desk, "ACK");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(msg, first);
	hang_up();
}
END_TEST

static const struct {
	unsigned said, heard;
} statuses[] = {
	{ 488, 488 },
	{ 302, 480 },
	{ 503, 500 },
	{ 401, 500 },
	{ 603, 603 },
};

START_TEST(refusals_of_a_re_invite_pass_unless_they_are_ours_to_know)
{
	const char *inv;
	char want[32];

	dlg_send(
	    &t.a, "INVITE", "application/sdp", sdp_of(home, 30002, NULL), "");
	inv = phone_expect(desk, "INVITE");
	phone_answer(desk, inv, statuses[_i].said, "", NULL);
	snprintf(want, sizeof(want), "SIP/2.0 %u", statuses[_i].heard);
	ck_assert_msg(phone_expect(home, want) != NULL, "%s", want);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	hang_up();
}
END_TEST

START_TEST(a_re_invite_moves_the_contact_of_both_phones)
{
	const char *msg;

	home->port = 5099;
	desk->port = 5098;
	re_invite(&t.a, desk, sdp_of(home, 30002, NULL));
	dlg_send(&t.b, "INFO", NULL, NULL, "");
	msg = phone_expect(home, "INFO");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(ruri(msg), "sip:168@10.77.0.7:5099;ob");
	dlg_send(&t.a, "INFO", NULL, NULL, "");
	msg = phone_expect(desk, "INFO");
	ck_assert_str_eq(ruri(msg), "sip:200@192.168.10.31:5098;ob");
	hang_up();
}
END_TEST

START_TEST(a_re_invite_without_offer_is_offered_and_answered)
{
	const char *msg;

	dlg_send(&t.a, "INVITE", NULL, NULL, "");
	msg = phone_expect(desk, "INVITE");
	ck_assert_str_eq(body(msg), "");
	phone_answer(desk, msg, 200, "", sdp_of(desk, 20044, NULL));
	msg = phone_expect(home, "SIP/2.0 200");
	HAS(body(msg), "m=audio 16384 ");
	dlg_ack(&t.a, t.a.cseq, sdp_of(home, 30044, NULL));
	msg = phone_expect(desk, "ACK");
	HAS(body(msg), "m=audio 16386 ");
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, 30044);
	ck_assert_uint_eq(lab_set(lab, 1)->rtp.port, 20044);
	ck_assert_uint_eq(lab_set(lab, 1)->relearn, 1);
	hang_up();
}
END_TEST

START_TEST(route_sets_are_kept_in_the_right_order)
{
	struct phone *boss = lab_office(lab, "300", 40);
	const char *inv, *msg;
	struct dlg a, b;

	dlg_call(&a, boss, "200", sdp_of(boss, 30000, NULL),
	    "Record-Route: <sip:p1;lr>\r\nRecord-Route: <sip:p2;lr>\r\n");
	inv = phone_expect(desk, "INVITE");
	ck_assert_str_eq(hdr(inv, "Record-Route"), "");
	dlg_from_invite(&b, desk, inv);
	phone_send(desk,
	    "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=t200\r\n"
	    "Record-Route: <sip:p3;lr>, <sip:p4;lr>\r\n"
	    "Call-ID: %s\r\nCSeq: %s\r\nContact: <sip:200@x>\r\n"
	    "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
	    hdr(inv, "Via"), hdr(inv, "From"), hdr(inv, "To"),
	    hdr(inv, "Call-ID"), hdr(inv, "CSeq"),
	    strlen(sdp_of(desk, 20000, NULL)), sdp_of(desk, 20000, NULL));
	msg = phone_expect(boss, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	/* His own proxies, not the other side's (12.1.1). */
	ck_assert_str_eq(hdr(msg, "Record-Route"), "<sip:p1;lr>");
	dlg_learn(&a, msg);
	dlg_ack(&a, a.cseq, NULL);
	msg = phone_expect(desk, "ACK");
	ck_assert_str_eq(hdr(msg, "Route"), "<sip:p4;lr>, <sip:p3;lr>");
	dlg_send(&b, "INFO", NULL, NULL, "");
	msg = phone_expect(boss, "INFO");
	ck_assert_str_eq(hdr(msg, "Route"), "<sip:p1;lr>, <sip:p2;lr>");
}
END_TEST

START_TEST(re_invites_that_cross_get_491)
{
	const char *msg;

	dlg_send(
	    &t.a, "INVITE", "application/sdp", sdp_of(home, 30002, NULL), "");
	msg = phone_expect(desk, "INVITE");
	dlg_send(
	    &t.b, "INVITE", "application/sdp", sdp_of(desk, 20002, NULL), "");
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 491"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	dlg_send(
	    &t.b, "UPDATE", "application/sdp", sdp_of(desk, 20002, NULL), "");
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 491"));
	/* A second one from the same side. */
	dlg_send(
	    &t.a, "INVITE", "application/sdp", sdp_of(home, 30002, NULL), "");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 500"));
	phone_answer(desk, msg, 491, "", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 491"));
	re_invite(&t.b, home, sdp_of(desk, 20002, NULL));
	hang_up();
}
END_TEST

START_TEST(a_refused_re_invite_leaves_the_media_as_it_was)
{
	unsigned sets = lab->n_sets;
	const char *msg;

	dlg_send(
	    &t.a, "INVITE", "application/sdp", sdp_of(home, 31000, NULL), "");
	msg = phone_expect(desk, "INVITE");
	phone_answer(desk, msg, 488, "", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 488"));
	ck_assert_uint_eq(lab->n_sets, sets);
	re_invite(&t.a, desk, sdp_of(home, 30000, NULL));
	hang_up();
}
END_TEST

/* Answers that nobody can use. */
static const char *const unusable[] = {
	"v=0\r\nno=such\r\nline",
	"v=0\r\no=- 1 1 IN IP4 192.168.1.20\r\ns=-\r\nt=0 0\r\nm=audio\r\n",
};

/* Who asked hears that it failed, what was agreed goes on, and nothing is
 * left in the way. */
START_TEST(an_answer_nobody_can_use_leaves_the_media_as_it_was)
{
	unsigned sets = lab->n_sets;
	const char *msg;

	dlg_send(
	    &t.a, "INVITE", "application/sdp", sdp_of(home, 31000, NULL), "");
	msg = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(msg);
	phone_answer(desk, msg, 200, "", unusable[_i]);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 500"));
	dlg_ack(&t.a, t.a.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	ck_assert_uint_eq(lab->n_sets, sets);
	re_invite(&t.a, desk, sdp_of(home, 30000, NULL));
	re_invite(&t.b, home, sdp_of(desk, 20002, NULL));
	hang_up();
}
END_TEST

static uint64_t
version_of(const char *msg)
{
	const char *at = strstr(body(msg), "o=");
	unsigned long long v = 0;

	ck_assert_ptr_nonnull(at);
	ck_assert_int_eq(sscanf(at, "o=%*s %*s %llu ", &v), 1);
	return v;
}

/* Its phone would go on as it was offered, on hold here: it is told what was
 * agreed before. */
START_TEST(a_phone_that_took_what_failed_is_told_to_go_back)
{
	const char *method = _i % 2 == 0 ? "INVITE" : "UPDATE", *msg;
	unsigned sets = lab->n_sets;
	uint64_t version;

	dlg_send(&t.b, method, "application/sdp",
	    sdp_of(desk, 20000, "sendonly"), "");
	msg = phone_expect(home, method);
	ck_assert_ptr_nonnull(msg);
	HAS(msg, "a=sendonly");
	version = version_of(msg);
	phone_answer(home, msg, 200, "", unusable[_i / 2]);
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 500"));
	if (_i % 2 == 0)
		dlg_ack(&t.b, t.b.cseq, NULL);
	lab_pass(lab, 1000);
	msg = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(msg);
	LACKS(msg, "a=sendonly");
	ck_assert_uint_gt(version_of(msg), version);
	version = version_of(msg);
	phone_answer(home, msg, 200, "", sdp_of(home, 30000, NULL));
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	/* To where it was heard, and not on hold. */
	for (; sets < lab->n_sets; sets++)
		ck_assert_uint_eq(lab->sets[sets % 256].rtp.port, 30000);
	ck_assert(!lab_set(lab, 0)->held);
	/* Once, and it can be held then. */
	lab_pass(lab, 20000);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	dlg_send(&t.b, "INVITE", "application/sdp",
	    sdp_of(desk, 20000, "sendonly"), "");
	msg = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(msg);
	ck_assert_uint_gt(version_of(msg), version);
	phone_answer(home, msg, 200, "", sdp_of(home, 30000, "recvonly"));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	ck_assert(lab_set(lab, 0)->held);
	hang_up();
}
END_TEST

/* Who offered in its 2xx and got no answer is told what goes on. */
START_TEST(an_offer_that_its_ack_does_not_answer_is_taken_back)
{
	unsigned sets = lab->n_sets;
	const char *msg;

	dlg_send(&t.b, "INVITE", NULL, NULL, "");
	msg = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(msg);
	phone_answer(home, msg, 200, "", sdp_of(home, 31000, "sendonly"));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	dlg_ack(&t.b, t.b.cseq, _i == 0 ? NULL : unusable[_i - 1]);
	msg = phone_expect(home, "ACK");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(body(msg), "");
	ck_assert_uint_eq(lab->n_sets, sets);
	lab_pass(lab, 1000);
	msg = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(msg);
	HAS(body(msg), "m=audio 16384 ");
	phone_answer(home, msg, 200, "", sdp_of(home, 30000, NULL));
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	lab_pass(lab, 20000);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	ck_assert_ptr_null(phone_expect(desk, "INVITE"));
	hang_up();
}
END_TEST

START_TEST(a_re_invite_can_be_cancelled)
{
	const char *msg, *cancel;

	dlg_send(
	    &t.a, "INVITE", "application/sdp", sdp_of(home, 31000, NULL), "");
	msg = phone_expect(desk, "INVITE");
	phone_answer(desk, msg, 180, "", NULL);
	phone_send(home,
	    "CANCEL %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%u;"
	    "branch=z9hG4bK-d%s-%u-%s-%u;rport\r\nMax-Forwards: 70\r\n"
	    "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u CANCEL\r\n"
	    "Content-Length: 0\r\n\r\n",
	    t.a.target, home->host, home->port, home->number, t.a.cseq,
	    t.a.call_id, t.a.branch, t.a.local, t.a.remote, t.a.call_id,
	    t.a.cseq);
	cancel = phone_expect(desk, "CANCEL");
	ck_assert_ptr_nonnull(cancel);
	phone_answer(desk, cancel, 200, "", NULL);
	phone_answer(desk, msg, 487, "", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 487"));
	hang_up();
}
END_TEST

START_TEST(a_phone_that_forgot_the_call_ends_it)
{
	static const unsigned status[] = { 481, 408 };
	const char *msg;

	dlg_send(&t.a, "INFO", NULL, NULL, "");
	msg = phone_expect(desk, "INFO");
	phone_answer(desk, msg, status[_i], "", NULL);
	/* RFC 4320 4.2: 408 is for INVITE alone. */
	if (status[_i] == 481)
		ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 481"));
	msg = phone_recv(home);
	ck_assert_ptr_nonnull(msg);
	HAS(msg, "BYE sip:");
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ENDED);
	ck_assert_uint_eq(lab_note(lab)->status, status[_i]);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(rfc4320_4_2_an_unanswered_request_is_met_with_silence)
{
	static const char *const method[] = { "INFO", "MESSAGE" };
	const char *msg;

	dlg_send(&t.a, method[_i], NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, method[_i]));
	lab_pass(lab, 33000);
	/* It is over all the same; nothing but that is said. */
	msg = phone_recv(home);
	ck_assert_ptr_nonnull(msg);
	HAS(msg, "BYE sip:");
	lab_pass(lab, 64000);
	while ((msg = phone_recv(home)) != NULL)
		HAS(msg, "BYE sip:");
	lab_expect_empty(lab);
}
END_TEST

START_TEST(a_phone_that_fell_silent_ends_it_after_a_re_invite)
{
	dlg_send(
	    &t.b, "INVITE", "application/sdp", sdp_of(desk, 20002, NULL), "");
	lab_pass(lab, 33000);
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 408"));
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

/* ---- strangers ---- */

START_TEST(a_strangers_bye_is_challenged_and_does_nothing)
{
	struct phone *thief = lab_stranger(lab, "666", 66);
	struct dlg forged = t.a;
	const char *msg;

	lab->stolen = true;
	forged.phone = thief;
	dlg_send(&forged, "BYE", NULL, NULL, "");
	msg = phone_expect(thief, "SIP/2.0 401");
	ck_assert_ptr_nonnull(msg);
	ck_assert_ptr_null(phone_expect(desk, "BYE"));
	ck_assert_ptr_null(phone_expect(home, "BYE"));
	/* Even with a right digest of his own. */
	dlg_send_auth(&forged, "BYE", msg);
	ck_assert_ptr_nonnull(phone_expect(thief, "SIP/2.0 403"));
	ck_assert_ptr_null(phone_expect(desk, "BYE"));
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	hang_up();
}
END_TEST

START_TEST(a_home_whose_router_rebound_proves_itself_and_moves)
{
	const char *msg;

	home->flow.remote.port = 41111;
	dlg_send(
	    &t.a, "INVITE", "application/sdp", sdp_of(home, 30000, NULL), "");
	msg = phone_expect(home, "SIP/2.0 401");
	ck_assert_ptr_nonnull(msg);
	dlg_ack(&t.a, t.a.cseq, NULL);
	dlg_send_auth(&t.a, "INVITE", msg);
	ck_assert_uint_eq(lab_set(lab, 0)->phone.port, 41111);
	msg = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(msg);
	phone_answer(desk, msg, 200, "", sdp_of(desk, 20000, NULL));
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	dlg_ack(&t.a, t.a.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	/* The other side's requests go to the new place. */
	dlg_send(&t.b, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
	lab_expect_empty(lab);
}
END_TEST

START_TEST(an_ack_from_elsewhere_moves_nothing)
{
	struct phone *thief = lab_stranger(lab, "666", 66);
	struct dlg a, forged;
	const char *inv, *msg;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	phone_answer(desk, inv, 200, "d", sdp_of(desk, 20000, NULL));
	msg = phone_expect(home, "SIP/2.0 200");
	dlg_learn(&a, msg);
	forged = a;
	forged.phone = thief;
	dlg_ack(&forged, a.cseq, NULL);
	ck_assert_ptr_null(phone_expect(desk, "ACK"));
	ck_assert_ptr_null(phone_recv(thief));
	dlg_ack(&a, a.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	dlg_send(&a, "BYE", NULL, NULL, "");
	lab_expect_empty(lab);
}
END_TEST

static const struct {
	const char *name;
	int what;
} wrong[] = {
	{ "another token", 0 },
	{ "another Call-ID", 1 },
	{ "another From tag", 2 },
	{ "another To tag", 3 },
	{ "the other zone", 4 },
};

START_TEST(a_dialog_is_found_by_all_its_identifiers)
{
	struct dlg d = t.a;
	struct phone *p = home;

	lab->stolen = true;
	switch (wrong[_i].what) {
	case 0:
		strcpy(d.target, "sip:AAAAAAAAAAAAAAAA@203.0.113.1:5070");
		break;
	case 1:
		strcat(d.call_id, "x");
		break;
	case 2:
		strcat(d.local, "x");
		break;
	case 3:
		strcat(d.remote, "x");
		break;
	default:
		p = desk;
		d.phone = desk;
		break;
	}
	dlg_send(&d, "BYE", NULL, NULL, "");
	ck_assert_msg(
	    phone_expect(p, "SIP/2.0 481") != NULL, "%s", wrong[_i].name);
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	hang_up();
}
END_TEST

START_TEST(a_2xx_of_a_call_we_do_not_have_gets_ack_and_bye)
{
	const char *msg;

	phone_send(desk,
	    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.168.10.2:5060;"
	    "branch=z9hG4bKgone\r\nFrom: <sip:1@sip.example.org>;tag=f\r\n"
	    "To: <sip:200@sip.example.org>;tag=d\r\nCall-ID: lost\r\n"
	    "CSeq: 7 INVITE\r\nContact: <sip:200@192.168.10.31:5060>\r\n"
	    "Content-Length: 0\r\n\r\n");
	msg = phone_expect(desk, "ACK sip:200@192.168.10.31:5060 ");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(hdr(msg, "CSeq"), "7 ACK");
	msg = phone_expect(desk, "BYE");
	ck_assert_str_eq(hdr(msg, "CSeq"), "8 BYE");
	ck_assert_str_eq(hdr(msg, "From"), "<sip:1@sip.example.org>;tag=f");
	hang_up();
}
END_TEST

START_TEST(a_stranger_cannot_make_us_send_by_answering_nothing)
{
	struct phone *thief = lab_stranger(lab, "666", 66);

	phone_send(thief,
	    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 203.0.113.1:5070;"
	    "branch=z9hG4bKgone\r\nFrom: <sip:1@sip.example.org>;tag=f\r\n"
	    "To: <sip:200@sip.example.org>;tag=d\r\nCall-ID: lost\r\n"
	    "CSeq: 7 INVITE\r\nContact: <sip:200@198.51.100.66>\r\n"
	    "Content-Length: 0\r\n\r\n");
	ck_assert_ptr_null(phone_recv(thief));
	hang_up();
}
END_TEST

START_TEST(answers_in_the_name_of_a_home_get_few_byes)
{
	struct phone *named = lab_home(lab, "169", 9);
	unsigned acks = 0;
	const char *msg;

	for (int i = 0; i < 50; i++)
		phone_send(named,
		    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 203.0.113.1:5070;"
		    "branch=z9hG4bKgone%d\r\n"
		    "From: <sip:1@sip.example.org>;tag=f\r\n"
		    "To: <sip:169@sip.example.org>;tag=d\r\n"
		    "Call-ID: lost%d\r\nCSeq: 7 INVITE\r\n"
		    "Contact: <sip:169@10.77.0.9>\r\n"
		    "Content-Length: 0\r\n\r\n",
		    i, i);
	while ((msg = phone_recv(named)) != NULL)
		acks += strncmp(msg, "ACK ", 4) == 0;
	ck_assert_uint_eq(acks, 3);
	hang_up();
}
END_TEST

Suite *
suite_dialog(void)
{
	Suite *s = suite_create("dialogs");
	TCase *c = tcase_create("setting up");

	tcase_add_checked_fixture(c, pair_setup, pair_teardown);
	tcase_add_test(c, a_2xx_is_repeated_until_its_ack);
	tcase_add_test(c, without_an_ack_both_sides_get_bye_after_32_seconds);
	tcase_add_test(c, a_phone_that_gives_up_without_an_ack_is_understood);
	tcase_add_test(c, an_offer_in_the_2xx_is_answered_in_the_ack);
	tcase_add_test(c, bye_before_the_answer_is_a_cancel);
	tcase_add_test(c, an_ack_from_elsewhere_moves_nothing);
	tcase_add_test(c, route_sets_are_kept_in_the_right_order);
	suite_add_tcase(s, c);
	c = tcase_create("inside");
	tcase_add_checked_fixture(c, pair_setup_talk, pair_teardown);
	tcase_add_loop_test(c, bye_from_either_side_ends_both_legs, 0, 2);
	tcase_add_test(c, two_byes_that_cross_are_both_fine);
	tcase_add_loop_test(c, info_passes_both_ways_with_its_body, 0, 2);
	tcase_add_test(c, a_body_with_an_office_address_does_not_go_outside);
	tcase_add_test(c, update_with_an_offer_is_relayed_and_learnt_anew);
	tcase_add_test(c, methods_that_are_not_built_get_405_or_501);
	tcase_add_test(c, required_extensions_are_refused_with_420);
	tcase_add_test(c, an_old_cseq_is_out_of_order);
	tcase_add_test(c, re_invites_from_both_sides_in_turn);
	tcase_add_test(c, a_repeated_2xx_to_a_re_invite_is_acked_again);
	tcase_add_loop_test(c,
	    refusals_of_a_re_invite_pass_unless_they_are_ours_to_know, 0,
	    sizeof(statuses) / sizeof(statuses[0]));
	tcase_add_test(c, a_re_invite_moves_the_contact_of_both_phones);
	tcase_add_test(c, a_re_invite_without_offer_is_offered_and_answered);
	tcase_add_test(c, re_invites_that_cross_get_491);
	tcase_add_test(c, a_refused_re_invite_leaves_the_media_as_it_was);
	tcase_add_loop_test(
	    c, an_answer_nobody_can_use_leaves_the_media_as_it_was, 0, 2);
	tcase_add_loop_test(
	    c, a_phone_that_took_what_failed_is_told_to_go_back, 0, 4);
	tcase_add_loop_test(
	    c, an_offer_that_its_ack_does_not_answer_is_taken_back, 0, 3);
	tcase_add_test(c, a_re_invite_can_be_cancelled);
	tcase_add_loop_test(c, a_phone_that_forgot_the_call_ends_it, 0, 2);
	tcase_add_loop_test(
	    c, rfc4320_4_2_an_unanswered_request_is_met_with_silence, 0, 2);
	tcase_add_test(c, a_phone_that_fell_silent_ends_it_after_a_re_invite);
	tcase_add_test(c, a_strangers_bye_is_challenged_and_does_nothing);
	tcase_add_test(c, a_home_whose_router_rebound_proves_itself_and_moves);
	tcase_add_loop_test(c, a_dialog_is_found_by_all_its_identifiers, 0,
	    sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(c, a_2xx_of_a_call_we_do_not_have_gets_ack_and_bye);
	tcase_add_test(c, a_stranger_cannot_make_us_send_by_answering_nothing);
	tcase_add_test(c, answers_in_the_name_of_a_home_get_few_byes);
	suite_add_tcase(s, c);
	return s;
}
