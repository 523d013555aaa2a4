/* mediaproxy dies and comes back: what it is told, and what phones notice. */
#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

#define MANY 1000 /* calls; two ends each */

struct scene {
	struct lab *lab;
	struct phone *home, *desk;
	struct talk t;
};

static struct scene
scene_new(uint32_t max_calls)
{
	struct scene s = { .lab = lab_new(2 * max_calls, max_calls) };

	s.home = lab_home(s.lab, "168", 7);
	s.desk = lab_office(s.lab, "200", 31);
	return s;
}

static struct addr
addr_of(const char *ip, uint16_t port)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(span_str(ip), port, &a), 0);
	return a;
}

/* The n-th question after `before`. */
static const struct ipc_relay_open *
asked(const struct lab *lab, unsigned before, unsigned n)
{
	return &lab->opens[(before + n) % 64];
}

START_TEST(it_is_told_each_session_with_ports_targets_and_sources)
{
	struct scene s = scene_new(100);
	struct addr from = addr_of("198.51.100.7", 41000);
	struct addr from_rtcp = addr_of("198.51.100.7", 41007);
	const struct ipc_relay_open *o;
	const struct ipc_relay_set *set;
	unsigned n, n_sets;
	uint64_t session;

	talk_begin(&s.t, s.home, s.desk);
	lab_learnt(s.lab, 0, &from);
	lab_learnt_rtcp(s.lab, 0, &from_rtcp);
	session = s.lab->session;
	n = s.lab->n_opens;
	n_sets = s.lab->n_sets;
	lab_relay(s.lab, false);
	lab_pass(s.lab, 3000);
	ck_assert_uint_eq(s.lab->n_opens, n);
	lab_relay(s.lab, true);
	ck_assert_uint_eq(s.lab->n_opens, n + 2);
	ck_assert_uint_eq(s.lab->n_sets, n_sets + 2);
	for (uint8_t end = 0; end < 2; end++) {
		o = asked(s.lab, n, end);
		ck_assert_uint_eq(o->session, session);
		ck_assert_uint_eq(o->end, end);
		ck_assert_uint_eq(o->n_want, 1);
		/* The lab gave these first of all. */
		ck_assert_uint_eq(o->want[0].number, 16384u + 2u * end);
	}
	set = lab_set(s.lab, 0);
	ck_assert_uint_eq(set->session, session);
	ck_assert_uint_eq(set->to_end, 1);
	ck_assert_uint_eq(set->rtp.port, 30000);
	ck_assert_uint_eq(set->relearn, 0);
	ck_assert(addr_eq(&set->learnt, &from));
	ck_assert(addr_eq(&set->learnt_rtcp, &from_rtcp));
	set = lab_set(s.lab, 1);
	ck_assert_uint_eq(set->to_end, 0);
	ck_assert_uint_eq(set->rtp.port, 20000);
	ck_assert_int_eq(set->learnt.family, ADDR_NONE);
	/* The phones notice nothing. */
	ck_assert_ptr_null(phone_recv(s.home));
	ck_assert_ptr_null(phone_recv(s.desk));
	dlg_send(&s.t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(s.desk, "BYE"));
	lab_free(s.lab);
}
END_TEST

START_TEST(a_call_that_ended_meanwhile_is_not_told)
{
	struct scene s = scene_new(100);
	unsigned n;

	talk_begin(&s.t, s.home, s.desk);
	n = s.lab->n_opens;
	s.lab->stats_mute = true;
	lab_relay(s.lab, false);
	dlg_send(&s.t.a, "BYE", NULL, NULL, "");
	lab_relay(s.lab, true);
	ck_assert_uint_eq(lab_count(s.lab, "calls"), 1);
	ck_assert_uint_eq(s.lab->n_opens, n);
	lab_pass(s.lab, 600);
	lab_expect_empty(s.lab);
	lab_free(s.lab);
}
END_TEST

START_TEST(a_call_that_comes_meanwhile_waits_for_it)
{
	struct scene s = scene_new(100);
	struct dlg d;

	lab_relay(s.lab, false);
	dlg_call(&d, s.home, "200", sdp_of(s.home, 30000, NULL), "");
	lab_pass(s.lab, 499);
	ck_assert_ptr_null(phone_expect(s.desk, "INVITE"));
	lab_relay(s.lab, true);
	ck_assert_ptr_nonnull(phone_expect(s.desk, "INVITE"));
	lab_pass(s.lab, 1000);
	ck_assert_ptr_null(phone_expect(s.home, "SIP/2.0 480"));
	lab_free(s.lab);
}
END_TEST

START_TEST(a_caller_that_cancels_while_it_waits_leaves_nothing)
{
	struct scene s = scene_new(100);
	struct dlg d;

	lab_relay(s.lab, false);
	dlg_call(&d, s.home, "200", sdp_of(s.home, 30000, NULL), "");
	dlg_cancel(&d);
	ck_assert_ptr_nonnull(phone_expect(s.home, "SIP/2.0 487"));
	lab_relay(s.lab, true);
	lab_pass(s.lab, 1000);
	ck_assert_ptr_null(phone_recv(s.desk));
	lab_expect_empty(s.lab);
	lab_free(s.lab);
}
END_TEST

START_TEST(a_question_that_died_with_it_is_asked_again)
{
	struct scene s = scene_new(100);
	struct dlg d;

	s.lab->relay_mute = true;
	dlg_call(&d, s.home, "200", sdp_of(s.home, 30000, NULL), "");
	lab_relay(s.lab, false);
	s.lab->relay_mute = false;
	lab_relay(s.lab, true);
	ck_assert_uint_eq(asked(s.lab, s.lab->n_opens, 63)->n_want, 0);
	ck_assert_ptr_nonnull(phone_expect(s.desk, "INVITE"));
	lab_free(s.lab);
}
END_TEST

START_TEST(one_that_does_not_know_its_address_yet_is_asked_for_500_ms)
{
	struct scene s = scene_new(100);
	struct dlg d;

	lab_relay(s.lab, false);
	lab_relay(s.lab, true);
	s.lab->refusal = RELAY_NO_ADDRESS;
	dlg_call(&d, s.home, "200", sdp_of(s.home, 30000, NULL), "");
	lab_pass(s.lab, 400);
	ck_assert_ptr_null(phone_expect(s.home, "SIP/2.0 480"));
	if (_i == 0) {
		s.lab->refusal = RELAY_OK;
		lab_pass(s.lab, 30);
		ck_assert_ptr_nonnull(phone_expect(s.desk, "INVITE"));
	} else {
		lab_pass(s.lab, 130);
		ck_assert_ptr_nonnull(phone_expect(s.home, "SIP/2.0 480"));
		lab_expect_empty(s.lab);
	}
	lab_free(s.lab);
}
END_TEST

START_TEST(a_held_call_is_still_held)
{
	struct scene s = scene_new(100);
	const char *msg;

	talk_begin(&s.t, s.home, s.desk);
	dlg_send(&s.t.a, "INVITE", "application/sdp",
	    sdp_of(s.home, 30000, "sendonly"), "");
	msg = phone_expect(s.desk, "INVITE");
	ck_assert_ptr_nonnull(msg);
	phone_answer(s.desk, msg, 200, NULL, sdp_of(s.desk, 20000, "recvonly"));
	ck_assert_uint_eq(lab_set(s.lab, 0)->held, 1);
	lab_relay(s.lab, false);
	s.lab->n_sets = 0;
	lab_relay(s.lab, true);
	ck_assert_uint_eq(s.lab->n_sets, 2);
	ck_assert_uint_eq(lab_set(s.lab, 0)->held, 1);
	lab_free(s.lab);
}
END_TEST

START_TEST(a_port_that_is_lost_ends_no_call)
{
	struct scene s = scene_new(100);

	talk_begin(&s.t, s.home, s.desk);
	lab_relay(s.lab, false);
	s.lab->refusal = RELAY_FULL;
	lab_relay(s.lab, true);
	lab_pass(s.lab, 5000);
	ck_assert_uint_eq(lab_count(s.lab, "calls"), 1);
	ck_assert_ptr_null(phone_recv(s.home));
	lab_free(s.lab);
}
END_TEST

START_TEST(it_may_die_again_and_again)
{
	struct scene s = scene_new(100);
	unsigned n;

	talk_begin(&s.t, s.home, s.desk);
	n = s.lab->n_opens;
	for (unsigned i = 0; i < 10; i++) {
		lab_relay(s.lab, false);
		lab_relay(s.lab, true);
	}
	ck_assert_uint_eq(s.lab->n_opens, n + 20);
	ck_assert_uint_eq(asked(s.lab, s.lab->n_opens, 63)->want[0].number,
	    16386);
	lab_free(s.lab);
}
END_TEST

/* More than fits one batch: nothing is dropped (the lab asserts it), new
 * calls come last, and all within 50 ms. */
START_TEST(a_thousand_sessions_are_told_at_once)
{
	struct scene s = scene_new(2 * MANY);
	unsigned n;
	struct dlg d;

	for (unsigned i = 0; i < MANY; i++)
		talk_begin(&s.t, s.home, s.desk);
	n = s.lab->n_opens;
	lab_relay(s.lab, false);
	lab_relay(s.lab, true);
	ck_assert_uint_gt(s.lab->n_opens, n + MANY);
	ck_assert_uint_lt(s.lab->n_opens, n + 2 * MANY);
	dlg_call(&d, s.home, "200", sdp_of(s.home, 30000, NULL), "");
	ck_assert_ptr_null(phone_expect(s.desk, "INVITE"));
	lab_pass(s.lab, 50);
	ck_assert_uint_eq(s.lab->n_opens, n + 2 * MANY + 2);
	ck_assert_uint_eq(asked(s.lab, s.lab->n_opens, 62)->n_want, 0);
	ck_assert_uint_eq(asked(s.lab, s.lab->n_opens, 61)->n_want, 1);
	ck_assert_ptr_nonnull(phone_expect(s.desk, "INVITE"));
	lab_free(s.lab);
}
END_TEST

Suite *
suite_again(void)
{
	Suite *s = suite_create("again");
	TCase *c = tcase_create("mediaproxy comes back");

	tcase_set_timeout(c, 60);
	tcase_add_test(
	    c, it_is_told_each_session_with_ports_targets_and_sources);
	tcase_add_test(c, a_call_that_ended_meanwhile_is_not_told);
	tcase_add_test(c, a_call_that_comes_meanwhile_waits_for_it);
	tcase_add_test(c, a_caller_that_cancels_while_it_waits_leaves_nothing);
	tcase_add_test(c, a_question_that_died_with_it_is_asked_again);
	tcase_add_loop_test(c,
	    one_that_does_not_know_its_address_yet_is_asked_for_500_ms, 0, 2);
	tcase_add_test(c, a_held_call_is_still_held);
	tcase_add_test(c, a_port_that_is_lost_ends_no_call);
	tcase_add_test(c, it_may_die_again_and_again);
	tcase_add_test(c, a_thousand_sessions_are_told_at_once);
	suite_add_tcase(s, c);
	return s;
}
