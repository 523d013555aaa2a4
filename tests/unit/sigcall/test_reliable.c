/*
 * Reliable provisional answers, PRACK and what may be said before a call is
 * answered (RFC 3262; RFC 3311; RFC 6337; RFC 3960).  Each test's name begins
 * with the section.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

#define REL(n) "Require: 100rel\r\nRSeq: " n "\r\n"

static struct lab *lab;
static struct phone *home, *desk, *mobile;
static struct dlg a, b;

static void
setup(void)
{
	lab = lab_new(60, 100);
	home = lab_home(lab, "168", 7);
	desk = lab_office(lab, "200", 31);
}

static void
setup_two(void)
{
	setup();
	mobile = lab_home(lab, "200", 9);
}

static void
teardown(void)
{
	lab_free(lab);
}

/* The home calls; gives what this phone got. */
static const char *
call(struct phone *to, const char *sdp, const char *extra)
{
	const char *inv;

	dlg_call(&a, home, to->number, sdp, extra);
	inv = phone_expect(to, "INVITE");
	ck_assert_ptr_nonnull(inv);
	return inv;
}

/* p answers with these headers; gives what the caller got; a learns. */
static const char *
early(struct phone *p, const char *inv, const char *tag, const char *says,
    const char *sdp)
{
	const char *msg;

	p->says = says;
	phone_answer(p, inv, 183, tag, sdp);
	p->says = NULL;
	msg = phone_expect(home, "SIP/2.0 183");
	ck_assert_ptr_nonnull(msg);
	dlg_learn(&a, msg);
	return msg;
}

static const char *
prack(struct phone *to, const char *rack, const char *sdp)
{
	char line[64];

	snprintf(line, sizeof(line), "RAck: %s INVITE\r\n", rack);
	dlg_send(&a, "PRACK", sdp ? "application/sdp" : NULL, sdp, line);
	return phone_expect(to, "PRACK");
}

static const char *
ok(struct phone *p, const char *request, const char *sdp)
{
	phone_answer(p, request, 200, "", sdp);
	return phone_expect(home, "SIP/2.0 200");
}

/* The INVITE is answered; the caller's CSeq for it was 2. */
static const char *
answer(struct phone *p, const char *inv, const char *tag, const char *sdp)
{
	const char *msg;

	phone_answer(p, inv, 200, tag, sdp);
	msg = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	dlg_learn(&a, msg);
	return msg;
}

static void
hang_up(struct phone *p)
{
	dlg_send(&a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(p, "BYE"));
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}

START_TEST(rfc3262_3_a_reliable_answer_and_its_prack_pass)
{
	const char *inv = call(desk, sdp_of(home, 30000, NULL), ""), *msg;

	HAS(hdr(inv, "Supported"), "100rel");
	HAS(hdr(inv, "Allow"), "PRACK");
	/* Its INVITE gets another number than the caller's. */
	desk->says = "Min-SE: 1900\r\n";
	phone_answer(desk, inv, 422, "d", NULL);
	inv = phone_expect(desk, "INVITE");
	msg = early(desk, inv, "d", REL("71"), sdp_of(desk, 20000, NULL));
	ck_assert_str_eq(hdr(msg, "Require"), "100rel");
	ck_assert_str_eq(hdr(msg, "RSeq"), "71");
	HAS(hdr(msg, "Contact"), "@203.0.113.1:5070");
	HAS(body(msg), "m=audio 16384 ");
	ck_assert_uint_eq(lab_set(lab, 1)->rtp.port, 20000);
	msg = prack(desk, "71 2", NULL);
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(hdr(msg, "RAck"), "71 3 INVITE");
	ck_assert_str_eq(hdr(msg, "CSeq"), "4 PRACK");
	msg = ok(desk, msg, NULL);
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "CSeq"), "3 PRACK");
	/* The next one, without news (RFC 3262 3, 5). */
	msg = early(desk, inv, "d", REL("72"), NULL);
	ck_assert_str_eq(hdr(msg, "RSeq"), "72");
	ck_assert_ptr_nonnull(ok(desk, prack(desk, "72 2", NULL), NULL));
	/* The answer stood in the 183: none is in the 200 (RFC 6337 2). */
	msg = answer(desk, inv, "d", NULL);
	ck_assert_str_eq(body(msg), "");
	ck_assert_str_eq(hdr(msg, "RSeq"), "");
	dlg_ack(&a, 2, NULL);
	msg = phone_expect(desk, "ACK");
	ck_assert_str_eq(hdr(msg, "CSeq"), "3 ACK");
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ANSWERED);
	hang_up(desk);
}
END_TEST

START_TEST(rfc3262_3_it_is_repeated_until_its_prack)
{
	const char *inv = call(desk, sdp_of(home, 30000, NULL), "");
	unsigned sets;

	early(desk, inv, "d", REL("1"), sdp_of(desk, 20000, NULL));
	sets = lab->n_sets;
	/* The phone repeats it, and each copy passes: it is lost on the way
	 * to us, or behind us. */
	for (unsigned i = 0; i < 5; i++)
		HAS(early(desk, inv, "d", REL("1"), sdp_of(desk, 20000, NULL)),
		    "RSeq: 1\r\n");
	ck_assert_uint_eq(lab->n_sets, sets);
	ck_assert_ptr_nonnull(ok(desk, prack(desk, "1 2", NULL), NULL));
	answer(desk, inv, "d", NULL);
	dlg_ack(&a, 2, NULL);
	hang_up(desk);
}
END_TEST

START_TEST(rfc3262_3_a_prack_for_nothing_gets_481)
{
	static const char *const rack[] = { "2 2", "1 3", "0 2" };
	const char *inv = call(desk, sdp_of(home, 30000, NULL), "");

	early(desk, inv, "d", REL("1"), NULL);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_ptr_null(prack(desk, rack[i], NULL));
		ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 481"));
	}
	dlg_send(&a, "PRACK", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 400"));
	dlg_send(&a, "PRACK", NULL, NULL, "RAck: 1 2 UPDATE\r\n");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 481"));
	/* Nor does a called phone acknowledge anything. */
	dlg_from_invite(&b, desk, inv);
	strcpy(strstr(b.local, ";tag="), ";tag=d");
	dlg_send(&b, "PRACK", NULL, NULL, "RAck: 1 2 INVITE\r\n");
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 481"));
	ck_assert_ptr_nonnull(ok(desk, prack(desk, "1 2", NULL), NULL));
	answer(desk, inv, "d", sdp_of(desk, 20000, NULL));
	dlg_ack(&a, 2, NULL);
	hang_up(desk);
}
END_TEST

START_TEST(rfc3262_4_who_sends_no_prack_gets_nothing_reliable)
{
	const char *inv, *msg;

	home->can = "Allow: INVITE, ACK, BYE, CANCEL\r\n";
	inv = call(desk, sdp_of(home, 30000, NULL), "");
	ck_assert(strstr(hdr(inv, "Supported"), "100rel") == NULL);
	/* It does so all the same: to the caller it is an ordinary 183. */
	msg = early(desk, inv, "d", REL("1"), sdp_of(desk, 20000, NULL));
	ck_assert_str_eq(hdr(msg, "Require"), "");
	ck_assert_str_eq(hdr(msg, "RSeq"), "");
	HAS(body(msg), "m=audio 16384 ");
	/* It insists: that is what the caller is told. */
	desk->says = "Require: 100rel\r\n";
	phone_answer(desk, inv, 421, "d", NULL);
	msg = phone_expect(home, "SIP/2.0 421");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(hdr(msg, "Require"), "100rel");
	dlg_ack(&a, a.cseq, NULL);
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(rfc3262_4_a_caller_that_insists_is_heard_or_told)
{
	const char *inv, *msg;

	inv = call(desk, sdp_of(home, 30000, NULL), "Require: 100rel\r\n");
	ck_assert_str_eq(hdr(inv, "Require"), "100rel");
	desk->says = "Unsupported: 100rel\r\n";
	phone_answer(desk, inv, 420, "d", NULL);
	msg = phone_expect(home, "SIP/2.0 420");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(hdr(msg, "Unsupported"), "100rel");
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(rfc3262_5_an_offer_in_a_reliable_answer)
{
	const char *inv = call(desk, NULL, ""), *msg;

	ck_assert_str_eq(body(inv), "");
	/* Not reliably it is no offer (RFC 6337 2.2). */
	msg = early(desk, inv, "d", "", sdp_of(desk, 20008, NULL));
	ck_assert_str_eq(body(msg), "");
	msg = early(desk, inv, "d", REL("5"), sdp_of(desk, 20000, "sendonly"));
	HAS(body(msg), "m=audio 16384 ");
	HAS(body(msg), "a=sendonly");
	ck_assert_uint_eq(lab->n_sets, 0);
	msg = prack(desk, "5 2", sdp_of(home, 30000, "recvonly"));
	ck_assert_ptr_nonnull(msg);
	HAS(body(msg), "m=audio 16388 ");
	HAS(body(msg), "a=recvonly");
	HAS(body(msg), "c=IN IP4 192.168.10.2\r\n");
	ck_assert_uint_eq(lab->n_sets, 0);
	msg = ok(desk, msg, NULL);
	ck_assert_ptr_nonnull(msg);
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, 30000);
	ck_assert_uint_eq(lab_set(lab, 1)->rtp.port, 20000);
	/* A 200 says nothing new, and the ACK answers nothing. */
	msg = answer(desk, inv, "d", sdp_of(desk, 20000, "sendonly"));
	ck_assert_str_eq(body(msg), "");
	dlg_ack(&a, 2, NULL);
	msg = phone_expect(desk, "ACK");
	ck_assert_str_eq(body(msg), "");
	hang_up(desk);
}
END_TEST

START_TEST(rfc3262_5_a_prack_may_offer_anew)
{
	const char *inv = call(desk, sdp_of(home, 30000, NULL), ""), *msg;

	early(desk, inv, "d", REL("1"), sdp_of(desk, 20000, NULL));
	msg = prack(desk, "1 2", sdp_of(home, 30100, NULL));
	ck_assert_ptr_nonnull(msg);
	HAS(body(msg), "m=audio 16386 ");
	msg = ok(desk, msg, sdp_of(desk, 20100, NULL));
	ck_assert_ptr_nonnull(msg);
	HAS(body(msg), "m=audio 16384 ");
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, 30100);
	ck_assert_uint_eq(lab_set(lab, 1)->rtp.port, 20100);
	answer(desk, inv, "d", NULL);
	dlg_ack(&a, 2, NULL);
	ck_assert_uint_eq(lab_set(lab, 1)->rtp.port, 20100);
	hang_up(desk);
}
END_TEST

START_TEST(rfc3262_a_restart_between_answer_and_prack)
{
	const char *inv = call(desk, sdp_of(home, 30000, NULL), ""), *msg;

	early(desk, inv, "d", REL("9"), sdp_of(desk, 20000, NULL));
	lab_restart(lab);
	msg = prack(desk, "9 2", NULL);
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(hdr(msg, "RAck"), "9 2 INVITE");
	ck_assert_ptr_nonnull(ok(desk, msg, NULL));
	lab_restart(lab);
	msg = answer(desk, inv, "d", NULL);
	ck_assert_str_eq(body(msg), "");
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, 30000);
	ck_assert_uint_eq(lab_set(lab, 1)->rtp.port, 20000);
	dlg_ack(&a, 2, NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	hang_up(desk);
}
END_TEST

/* ---- several branches ---- */

START_TEST(rfc3960_early_media_of_the_first_until_another_answers)
{
	const char *inv[2], *msg;
	struct dlg first;

	inv[0] = call(desk, sdp_of(home, 30000, NULL), "");
	inv[1] = phone_expect(mobile, "INVITE");
	early(desk, inv[0], "one", REL("1"), sdp_of(desk, 20000, NULL));
	first = a;
	msg =
	    early(mobile, inv[1], "two", REL("1"), sdp_of(mobile, 40000, NULL));
	/* What is reliable must arrive; it is not heard yet. */
	HAS(hdr(msg, "To"), ";tag=two");
	HAS(body(msg), "m=audio 16384 ");
	ck_assert_uint_eq(lab_set(lab, 0)->to_end, 1);
	/* Each has its PRACK. */
	msg = prack(mobile, "1 2", NULL);
	ck_assert_ptr_nonnull(msg);
	ck_assert_ptr_null(phone_expect(desk, "PRACK"));
	ck_assert_ptr_nonnull(ok(mobile, msg, NULL));
	first.cseq = a.cseq;
	a = first;
	msg = prack(desk, "1 2", NULL);
	ck_assert_ptr_nonnull(msg);
	ck_assert_ptr_nonnull(ok(desk, msg, NULL));
	/* The other one answers, with nothing new to say. */
	msg = answer(mobile, inv[1], "two", NULL);
	HAS(hdr(msg, "To"), ";tag=two");
	ck_assert_uint_eq(lab_set(lab, 0)->to_end, 2);
	ck_assert_uint_eq(lab_set(lab, 2)->rtp.port, 40000);
	ck_assert_ptr_nonnull(phone_expect(desk, "CANCEL"));
	phone_answer(desk, inv[0], 487, "one", NULL);
	a.cseq += 1;
	dlg_ack(&a, 2, NULL);
	hang_up(mobile);
}
END_TEST

START_TEST(rfc3262_a_branch_that_loses_takes_its_pracks_with_it)
{
	const char *inv[2];

	inv[0] = call(desk, sdp_of(home, 30000, NULL), "");
	inv[1] = phone_expect(mobile, "INVITE");
	early(desk, inv[0], "one", REL("1"), sdp_of(desk, 20000, NULL));
	ck_assert_ptr_nonnull(prack(desk, "1 2", NULL));
	/* (the desk never answers that) */
	phone_answer(mobile, inv[1], 200, "two", sdp_of(mobile, 40000, NULL));
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 487"));
	ck_assert_ptr_nonnull(phone_expect(desk, "CANCEL"));
	phone_answer(desk, inv[0], 487, "one", NULL);
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(rfc3262_a_prack_without_answer_ends_no_other_branch)
{
	const char *inv[2];

	inv[0] = call(desk, sdp_of(home, 30000, NULL), "");
	inv[1] = phone_expect(mobile, "INVITE");
	phone_answer(mobile, inv[1], 180, "two", NULL);
	early(desk, inv[0], "one", REL("1"), NULL);
	ck_assert_ptr_nonnull(prack(desk, "1 2", NULL));
	lab_pass(lab, 33000);
	phone_answer(desk, inv[0], 504, "one", NULL);
	answer(mobile, inv[1], "two", sdp_of(mobile, 40000, NULL));
	dlg_ack(&a, 2, NULL);
	hang_up(mobile);
}
END_TEST

/* ---- UPDATE before the answer ---- */

static void
early_dialog(const char *inv)
{
	dlg_from_invite(&b, desk, inv);
	strcpy(strstr(b.local, ";tag="), ";tag=d");
}

START_TEST(rfc3311_5_1_both_sides_update_before_the_answer)
{
	const char *inv = call(desk, sdp_of(home, 30000, NULL), ""), *msg;

	early(desk, inv, "d", REL("1"), sdp_of(desk, 20000, NULL));
	ck_assert_ptr_nonnull(ok(desk, prack(desk, "1 2", NULL), NULL));
	dlg_send(
	    &a, "UPDATE", "application/sdp", sdp_of(home, 30100, NULL), "");
	msg = phone_expect(desk, "UPDATE");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "To"), ";tag=d");
	ck_assert_str_eq(hdr(msg, "Session-Expires"), "");
	msg = ok(desk, msg, sdp_of(desk, 20000, NULL));
	ck_assert_ptr_nonnull(msg);
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, 30100);
	/* The called phone: in the caller's words, with its own tag. */
	early_dialog(inv);
	dlg_send(
	    &b, "UPDATE", "application/sdp", sdp_of(desk, 20100, NULL), "");
	msg = phone_expect(home, "UPDATE");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "From"), ";tag=d");
	HAS(body(msg), "m=audio 16384 ");
	phone_answer(home, msg, 200, "", sdp_of(home, 30100, NULL));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	ck_assert_uint_eq(lab_set(lab, 1)->rtp.port, 20100);
	/* What was said last is what the answered call has. */
	lab->n_sets = 0;
	answer(desk, inv, "d", NULL);
	dlg_ack(&a, 2, NULL);
	hang_up(desk);
}
END_TEST

START_TEST(rfc3311_5_2_an_unanswered_offer_is_in_the_way)
{
	const char *inv = call(desk, sdp_of(home, 30000, NULL), ""), *msg;

	early(desk, inv, "d", "", NULL);
	dlg_send(
	    &a, "UPDATE", "application/sdp", sdp_of(home, 30100, NULL), "");
	msg = phone_expect(home, "SIP/2.0 500");
	ck_assert_ptr_nonnull(msg);
	ck_assert_uint_le(atoi(hdr(msg, "Retry-After")), 10);
	early_dialog(inv);
	dlg_send(
	    &b, "UPDATE", "application/sdp", sdp_of(desk, 20100, NULL), "");
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 491"));
	/* An early answer that is not reliable settles nothing. */
	early(desk, inv, "d", "", sdp_of(desk, 20000, NULL));
	dlg_send(
	    &b, "UPDATE", "application/sdp", sdp_of(desk, 20100, NULL), "");
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 491"));
	/* Without an offer it only refreshes. */
	dlg_send(&a, "UPDATE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	dlg_send(&b, "UPDATE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	answer(desk, inv, "d", sdp_of(desk, 20000, NULL));
	dlg_ack(&a, 2, NULL);
	hang_up(desk);
}
END_TEST

START_TEST(rfc3311_5_2_updates_that_cross)
{
	const char *inv = call(desk, sdp_of(home, 30000, NULL), ""), *msg;

	early(desk, inv, "d", REL("1"), sdp_of(desk, 20000, NULL));
	ck_assert_ptr_nonnull(ok(desk, prack(desk, "1 2", NULL), NULL));
	early_dialog(inv);
	dlg_send(
	    &a, "UPDATE", "application/sdp", sdp_of(home, 30100, NULL), "");
	msg = phone_expect(desk, "UPDATE");
	ck_assert_ptr_nonnull(msg);
	dlg_send(
	    &b, "UPDATE", "application/sdp", sdp_of(desk, 20100, NULL), "");
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 491"));
	dlg_send(
	    &a, "UPDATE", "application/sdp", sdp_of(home, 30200, NULL), "");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 500"));
	ck_assert_ptr_nonnull(ok(desk, msg, sdp_of(desk, 20000, NULL)));
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, 30100);
	dlg_send(&a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 487"));
	ck_assert_ptr_nonnull(phone_expect(desk, "CANCEL"));
	phone_answer(desk, inv, 487, "d", NULL);
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(rfc3311_an_update_that_meets_cancel_or_bye)
{
	const char *inv = call(desk, sdp_of(home, 30000, NULL), "");
	struct dlg invite = a;

	early(desk, inv, "d", REL("1"), sdp_of(desk, 20000, NULL));
	ck_assert_ptr_nonnull(ok(desk, prack(desk, "1 2", NULL), NULL));
	dlg_send(
	    &a, "UPDATE", "application/sdp", sdp_of(home, 30100, NULL), "");
	ck_assert_ptr_nonnull(phone_expect(desk, "UPDATE"));
	dlg_cancel(&invite);
	/* CANCEL's own 200, then an end for both that wait. */
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 487"));
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 487"));
	ck_assert_ptr_nonnull(phone_expect(desk, "CANCEL"));
	phone_answer(desk, inv, 487, "d", NULL);
	dlg_ack(&invite, 2, NULL);
	dlg_send(&a, "UPDATE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 481"));
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
	/* An answered call: BYE from the other side. */
	inv = call(desk, sdp_of(home, 30000, NULL), "");
	dlg_from_invite(&b, desk, inv);
	answer(desk, inv, "t200", sdp_of(desk, 20000, NULL));
	dlg_ack(&a, 2, NULL);
	dlg_send(
	    &a, "UPDATE", "application/sdp", sdp_of(home, 30100, NULL), "");
	ck_assert_ptr_nonnull(phone_expect(desk, "UPDATE"));
	dlg_send(&b, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(rfc6337_the_same_answer_many_times_is_one_answer)
{
	const char *inv = call(desk, sdp_of(home, 30000, NULL), ""), *msg;
	unsigned sets;

	early(desk, inv, "d", "", sdp_of(desk, 20000, NULL));
	sets = lab->n_sets;
	early(desk, inv, "d", "", sdp_of(desk, 20000, NULL));
	msg = answer(desk, inv, "d", sdp_of(desk, 20000, NULL));
	HAS(body(msg), "m=audio 16384 ");
	ck_assert_uint_eq(lab->n_sets, sets);
	dlg_ack(&a, 2, NULL);
	hang_up(desk);
	/* A 200 that leaves out what the 183 said. */
	inv = call(desk, sdp_of(home, 30000, NULL), "");
	early(desk, inv, "e", "", sdp_of(desk, 20002, NULL));
	answer(desk, inv, "e", NULL);
	ck_assert_uint_eq(lab_set(lab, 1)->rtp.port, 20002);
	dlg_ack(&a, 2, NULL);
	hang_up(desk);
}
END_TEST

START_TEST(rfc3262_100rel_is_for_invite_only)
{
	const char *msg;
	struct talk t;

	talk_begin(&t, home, desk);
	dlg_send(&t.a, "INFO", NULL, NULL, "Require: 100rel\r\n");
	msg = phone_expect(home, "SIP/2.0 420");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(hdr(msg, "Unsupported"), "100rel");
	/* A re-INVITE's provisional answers are not asked to be reliable. */
	dlg_send(&t.a, "INVITE", "application/sdp", sdp_of(home, 30000, NULL),
	    "Supported: 100rel\r\n");
	msg = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(msg);
	ck_assert(strstr(hdr(msg, "Supported"), "100rel") == NULL);
	phone_answer(desk, msg, 488, "", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 488"));
	dlg_ack(&t.a, t.a.cseq, NULL);
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	lab_expect_empty(lab);
}
END_TEST

Suite *
suite_reliable(void)
{
	Suite *s = suite_create("reliable answers");
	TCase *one = tcase_create("one phone"), *two = tcase_create("two");

	tcase_add_checked_fixture(one, setup, teardown);
	tcase_add_test(one, rfc3262_3_a_reliable_answer_and_its_prack_pass);
	tcase_add_test(one, rfc3262_3_it_is_repeated_until_its_prack);
	tcase_add_test(one, rfc3262_3_a_prack_for_nothing_gets_481);
	tcase_add_test(one, rfc3262_4_who_sends_no_prack_gets_nothing_reliable);
	tcase_add_test(one, rfc3262_4_a_caller_that_insists_is_heard_or_told);
	tcase_add_test(one, rfc3262_5_an_offer_in_a_reliable_answer);
	tcase_add_test(one, rfc3262_5_a_prack_may_offer_anew);
	tcase_add_test(one, rfc3262_a_restart_between_answer_and_prack);
	tcase_add_test(one, rfc3311_5_1_both_sides_update_before_the_answer);
	tcase_add_test(one, rfc3311_5_2_an_unanswered_offer_is_in_the_way);
	tcase_add_test(one, rfc3311_5_2_updates_that_cross);
	tcase_add_test(one, rfc3311_an_update_that_meets_cancel_or_bye);
	tcase_add_test(one, rfc6337_the_same_answer_many_times_is_one_answer);
	tcase_add_test(one, rfc3262_100rel_is_for_invite_only);
	suite_add_tcase(s, one);
	tcase_add_checked_fixture(two, setup_two, teardown);
	tcase_add_test(
	    two, rfc3960_early_media_of_the_first_until_another_answers);
	tcase_add_test(
	    two, rfc3262_a_branch_that_loses_takes_its_pracks_with_it);
	tcase_add_test(
	    two, rfc3262_a_prack_without_answer_ends_no_other_branch);
	suite_add_tcase(s, two);
	return s;
}
