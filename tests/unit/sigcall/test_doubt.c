/*
 * A phone outside registers while it is not heard in its call: stunmon looks
 * at once whether our address is another one, and if it is the phone is told
 * without being asked anything first.
 */
#include <check.h>

#include "sigproxy/core/call_priv.h"
#include "tests/unit/sigcall/pair.h"
#include "tests/unit/sigcall/suites.h"

#define OLD "203.0.113.1"
#define NEW "203.0.113.77"

/* Home talks with the desk, both are heard, and it registered long ago. */
static void
setup(void)
{
	struct addr sound;

	pair_setup();
	lab->forwarded = true;
	lab_public(lab, OLD);
	talk_begin(&t, home, desk);
	sound = home->flow.remote;
	sound.port = 30000;
	lab_learnt(lab, 0, &sound);
	lab_reach(lab, 0, MEDIA_HEARD);
	lab_pass(lab, 30000);
	while (phone_recv(home) != NULL)
		;
}

static void
registers(void)
{
	phone_registers(home, NULL);
}

START_TEST(who_registers_and_is_not_heard_makes_stunmon_look)
{
	lab_reach(lab, 0, MEDIA_PAUSED);
	ck_assert_uint_eq(lab->n_looks, 0);
	lab_pass(lab, 2000);
	registers();
	ck_assert_uint_eq(lab->n_looks, 1);
	ck_assert_uint_eq(lab_count(lab, "address_doubted"), 1);
}
END_TEST

START_TEST(who_is_heard_or_was_muted_for_a_while_does_not)
{
	registers();
	lab_reach(lab, 0, MEDIA_PAUSED);
	lab_reach(lab, 0, MEDIA_SILENT);
	lab->n_looks = 0; /* it registered a moment ago */
	lab_reach(lab, 0, MEDIA_HEARD);
	lab_pass(lab, 30000);
	registers();
	ck_assert_uint_eq(lab->n_looks, 0);
}
END_TEST

/* The relay tells a second, or five, after the last packet. */
static const struct {
	enum media_heard heard;
	uint64_t ms;
	unsigned looks;
} told_late[] = {
	{ MEDIA_PAUSED, 900, 1 },
	{ MEDIA_PAUSED, 1100, 0 },
	{ MEDIA_SILENT, 4900, 1 },
	{ MEDIA_SILENT, 5100, 0 },
};

START_TEST(its_silence_is_known_a_moment_after_its_register)
{
	registers();
	lab_pass(lab, told_late[_i].ms);
	ck_assert_uint_eq(lab->n_looks, 0);
	lab_reach(lab, 0, told_late[_i].heard);
	ck_assert_uint_eq(lab->n_looks, told_late[_i].looks);
}
END_TEST

START_TEST(without_a_call_nobody_makes_it_look)
{
	struct phone *other = lab_home(lab, "169", 8);

	lab_reach(lab, 0, MEDIA_PAUSED);
	phone_registers(other, NULL);
	phone_registers(desk, NULL);
	ck_assert_uint_eq(lab->n_looks, 0);
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	registers();
	ck_assert_uint_eq(lab->n_looks, 0);
}
END_TEST

START_TEST(of_who_is_held_nothing_is_missed)
{
	const char *inv;

	dlg_send(&t.b, "INVITE", "application/sdp",
	    sdp_of(desk, 20000, "sendonly"), "");
	inv = phone_expect(home, "INVITE");
	phone_answer(home, inv, 200, "x", sdp_of(home, 30000, "recvonly"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	lab_reach(lab, 0, MEDIA_PAUSED);
	registers();
	ck_assert_uint_eq(lab->n_looks, 0);
}
END_TEST

START_TEST(one_phone_makes_it_look_once_in_ten_seconds)
{
	lab_reach(lab, 0, MEDIA_PAUSED);
	for (unsigned i = 0; i < 100; i++) {
		registers();
		lab_reach(lab, 0, i % 2 == 0 ? MEDIA_HEARD : MEDIA_PAUSED);
		lab_pass(lab, 100);
	}
	ck_assert_uint_eq(lab->n_looks, 1);
	lab_pass(lab, 100);
	registers();
	ck_assert_uint_eq(lab->n_looks, 2);
}
END_TEST

START_TEST(a_symmetric_home_comes_by_another_flow)
{
	struct flow was = home->flow;

	lab_reach(lab, 0, MEDIA_PAUSED);
	home->flow.remote.port = 51234;
	registers(); /* nobody knows yet that it has a call */
	ck_assert_uint_eq(lab->n_looks, 0);
	phone_moved(home, &was);
	ck_assert_uint_eq(lab->n_looks, 1);
}
END_TEST

static const char *
told(void)
{
	const char *inv = phone_expect(home, "INVITE");

	ck_assert_ptr_nonnull(inv);
	HAS(inv, "c=IN IP4 " NEW "\r\n");
	return inv;
}

/* Its home lets us in, but it answers no OPTIONS. */
START_TEST(it_is_told_though_it_answers_no_question)
{
	lab_reach(lab, 0, MEDIA_PAUSED);
	lab_pass(lab, 2000);
	registers();
	lab_pass(lab, 100);
	lab_public(lab, NEW);
	lab_pass(lab, MOVE_SETTLE_MS + 50);
	phone_answer(home, told(), 200, "x", sdp_of(home, 30000, NULL));
	ck_assert_uint_eq(lab_count(lab, "calls_readdressed"), 1);
}
END_TEST

START_TEST(who_registered_long_before_is_not_taken_for_reached)
{
	lab_reach(lab, 0, MEDIA_PAUSED);
	registers();
	lab_pass(lab, DOUBT_TRUST_MS + 100);
	lab_public(lab, NEW);
	lab_pass(lab, 2000);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
}
END_TEST

/* No range is forwarded: it was asked where its sound comes from, and nothing
 * reached it. */
START_TEST(what_it_was_asked_in_vain_is_asked_at_once)
{
	const char *inv;

	lab->forwarded = false;
	lab_reach(lab, 0, MEDIA_PAUSED);
	ck_assert_ptr_nonnull(phone_expect(home, "INVITE"));
	lab_pass(lab, 10000);
	while (phone_recv(home) != NULL)
		;
	registers();
	ck_assert_uint_eq(lab->n_looks, 1);
	lab_pass(lab, 100);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	lab_public(lab, NEW);
	lab_pass(lab, 1);
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	phone_answer(home, inv, 200, "x", sdp_of(home, 30000, NULL));
	ck_assert_uint_eq(lab_count(lab, "calls_readdressed"), 0);
	lab_pass(lab, MOVE_SETTLE_MS + 50);
	phone_answer(home, told(), 200, "x", sdp_of(home, 30000, NULL));
	ck_assert_uint_eq(lab_count(lab, "calls_readdressed"), 1);
}
END_TEST

Suite *
suite_doubt(void)
{
	Suite *s = suite_create("is our address still ours?");
	TCase *tc = tcase_create("doubt");

#define T(name) tcase_add_test(tc, name)
	tcase_add_checked_fixture(tc, setup, pair_teardown);
	T(who_registers_and_is_not_heard_makes_stunmon_look);
	T(who_is_heard_or_was_muted_for_a_while_does_not);
	tcase_add_loop_test(tc,
	    its_silence_is_known_a_moment_after_its_register, 0,
	    sizeof(told_late) / sizeof(told_late[0]));
	T(without_a_call_nobody_makes_it_look);
	T(of_who_is_held_nothing_is_missed);
	T(one_phone_makes_it_look_once_in_ten_seconds);
	T(a_symmetric_home_comes_by_another_flow);
	T(it_is_told_though_it_answers_no_question);
	T(who_registered_long_before_is_not_taken_for_reached);
	T(what_it_was_asked_in_vain_is_asked_at_once);
#undef T
	suite_add_tcase(s, tc);
	return s;
}
