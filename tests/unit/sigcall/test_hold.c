/*
 * Hold and resume in both manners (RFC 3264 8.4; R73-R75).
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

static struct lab *lab;
static struct phone *home, *desk;
static struct talk t;

static void
start(uint8_t hold_of_called)
{
	lab = lab_new(60, 100);
	lab->hold_of_called = hold_of_called;
	desk = lab_office(lab, "200", 31);
	home = lab_home(lab, "168", 7);
	talk_begin(&t, desk, home);
}

static void
teardown(void)
{
	lab_free(lab);
}

/* One re-INVITE: what `other` is offered, and what the asker is answered. */
static void
exchange(struct dlg *who, struct phone *other, const char *offer,
    const char *answer, const char **offered, const char **answered)
{
	const char *msg;

	dlg_send(who, "INVITE", "application/sdp", offer, "");
	msg = phone_expect(other, "INVITE");
	ck_assert_ptr_nonnull(msg);
	*offered = body(msg);
	phone_answer(other, msg, 200, "", answer);
	msg = phone_expect(who->phone, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	*answered = body(msg);
	dlg_ack(who, who->cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(other, "ACK"));
}

static void
hang_up(void)
{
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
	lab_expect_empty(lab);
}

static const struct {
	const char *name;
	uint8_t mode;       /* of the phone outside */
	const char *offer;  /* the holder's */
	const char *told;   /* to the phone outside */
	const char *answer; /* its answer */
	const char *back;   /* to the holder */
} rows[] = {
	{ "transparent: sendonly passes", HOLD_TRANSPARENT, "sendonly",
	    "a=sendonly", "recvonly", "a=recvonly" },
	{ "transparent: inactive passes", HOLD_TRANSPARENT, "inactive",
	    "a=inactive", "inactive", "a=inactive" },
	{ "the site's mode is transparent here", HOLD_DEFAULT, "sendonly",
	    "a=sendonly", "recvonly", "a=recvonly" },
	{ "sendrecv: sendonly is masked and turned back", HOLD_SENDRECV,
	    "sendonly", "a=sendrecv", "sendrecv", "a=recvonly" },
	{ "sendrecv: inactive is masked and turned back", HOLD_SENDRECV,
	    "inactive", "a=sendrecv", "sendrecv", "a=inactive" },
	{ "sendrecv: a phone that does not listen", HOLD_SENDRECV, "sendonly",
	    "a=sendrecv", "sendonly", "a=inactive" },
	{ "sendrecv: no direction in the answer", HOLD_SENDRECV, "sendonly",
	    "a=sendrecv", NULL, "a=recvonly" },
};

START_TEST(the_office_holds_a_home_phone)
{
	const char *offered, *answered;
	unsigned notes;

	start(rows[_i].mode);
	notes = lab->n_notes;
	exchange(&t.a, home, sdp_of(desk, 30000, rows[_i].offer),
	    sdp_of(home, 20000, rows[_i].answer), &offered, &answered);
	HAS(offered, rows[_i].told);
	HAS(answered, rows[_i].back);
	/* Silence is meant on both ends; the call is held, once. */
	ck_assert_uint_eq(lab_set(lab, 0)->held, 1);
	ck_assert_uint_eq(lab_set(lab, 1)->held, 1);
	ck_assert_uint_eq(lab_set(lab, 1)->relearn, 1);
	ck_assert_uint_eq(lab->n_notes, notes + 1);
	ck_assert_uint_eq(lab_note(lab)->state, CALL_HELD);
	exchange(&t.a, home, sdp_of(desk, 30000, rows[_i].offer),
	    sdp_of(home, 20000, rows[_i].answer), &offered, &answered);
	ck_assert_uint_eq(lab->n_notes, notes + 1);
	/* Resume: learnt anew. */
	exchange(&t.a, home, sdp_of(desk, 30000, "sendrecv"),
	    sdp_of(home, 20000, "sendrecv"), &offered, &answered);
	HAS(offered, "a=sendrecv");
	HAS(answered, "a=sendrecv");
	ck_assert_uint_eq(lab_set(lab, 0)->held, 0);
	ck_assert_uint_eq(lab_set(lab, 1)->relearn, 1);
	ck_assert_uint_eq(lab_note(lab)->state, CALL_RESUMED);
	hang_up();
}
END_TEST

START_TEST(an_office_phone_is_never_masked)
{
	const char *offered, *answered;

	start(HOLD_SENDRECV);
	ck_assert_ptr_null(phone_recv(home));
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
	lab->hold_of_caller = HOLD_SENDRECV;
	talk_begin(&t, desk, home);
	exchange(&t.b, desk, sdp_of(home, 20000, "sendonly"),
	    sdp_of(desk, 30000, "recvonly"), &offered, &answered);
	HAS(offered, "a=sendonly");
	HAS(answered, "a=recvonly");
	hang_up();
}
END_TEST

START_TEST(the_old_hold_by_address_is_understood)
{
	const char *offered, *answered;
	const char *zero =
	    "v=0\r\no=- 1 2 IN IP4 192.168.10.31\r\ns=-\r\n"
	    "c=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 30000 RTP/AVP 8\r\n";

	start(_i == 0 ? HOLD_TRANSPARENT : HOLD_SENDRECV);
	exchange(&t.a, home, zero,
	    sdp_of(home, 20000, _i == 0 ? "recvonly" : "sendrecv"), &offered,
	    &answered);
	LACKS(offered, "0.0.0.0");
	HAS(offered, _i == 0 ? "a=sendonly" : "a=sendrecv");
	HAS(answered, "a=recvonly");
	/* Nothing is sent to the holder until it says where. */
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.family, ADDR_NONE);
	ck_assert_uint_eq(lab_set(lab, 0)->held, 1);
	exchange(&t.a, home, sdp_of(desk, 30000, NULL),
	    sdp_of(home, 20000, NULL), &offered, &answered);
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, 30000);
	ck_assert_uint_eq(lab_note(lab)->state, CALL_RESUMED);
	hang_up();
}
END_TEST

START_TEST(a_held_call_lives_for_hours)
{
	const char *offered, *answered;

	start(HOLD_TRANSPARENT);
	exchange(&t.a, home, sdp_of(desk, 30000, "sendonly"),
	    sdp_of(home, 20000, "recvonly"), &offered, &answered);
	lab_pass_alive(lab, 3 * 3600 * 1000, home, desk);
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	ck_assert_ptr_null(phone_expect(home, "BYE"));
	hang_up();
}
END_TEST

Suite *
suite_hold(void)
{
	Suite *s = suite_create("hold");
	TCase *c = tcase_create("both manners");

	tcase_add_checked_fixture(c, NULL, teardown);
	tcase_add_loop_test(c, the_office_holds_a_home_phone, 0,
	    sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(c, an_office_phone_is_never_masked);
	tcase_add_loop_test(c, the_old_hold_by_address_is_understood, 0, 2);
	tcase_add_test(c, a_held_call_lives_for_hours);
	suite_add_tcase(s, c);
	return s;
}
