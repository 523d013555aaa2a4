/*
 * A router forgets a phone by UDP just before the other side hangs up: its
 * BYE is said again when it registers, and nothing else is kept of its call
 * (RFC 3261 15).
 */
#include <check.h>
#include <stdio.h>

#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

static struct lab *lab;
static struct phone *home, *desk;
static struct talk t;
static struct dlg reg;
static char lost[LAB_TEXT];	/* the BYE that nobody heard */

static void
setup(void)
{
	lab = lab_new(60, 100);
	home = lab_home(lab, "168", 7);
	desk = lab_office(lab, "200", 31);
}

static void
teardown(void)
{
	lab_free(lab);
}

/* What the router drops. */
static void
drop_all(struct phone *p)
{
	while (phone_recv(p) != NULL)
		;
}

static void
desk_hangs_up(struct phone *p)
{
	const char *bye;

	talk_begin(&t, p, desk);
	dlg_send(&t.b, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	bye = phone_expect(p, "BYE");
	ck_assert_ptr_nonnull(bye);
	snprintf(lost, sizeof(lost), "%s", bye);
}

/* The call is over and forgotten, but for its BYE. */
static void
hangs_up_unheard(void)
{
	desk_hangs_up(home);
	lab_pass(lab, 600);
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ENDED);
	ck_assert_uint_eq(lab_saved(lab), 0);
	lab_expect_empty(lab);
	ck_assert_uint_eq(lab_count(lab, "byes_owed"), 1);
	lab_pass(lab, 39400);
	drop_all(home);
	ck_assert_uint_eq(lab_count(lab, "byes_owed"), 1);
	ck_assert_uint_eq(lab_saved(lab), 0);
}

/* A BYE may come before the answer: all that came is left to be read. */
static void
registers(struct phone *p)
{
	unsigned head = p->head;
	const char *answer = dlg_ask(
	    &reg, p, "REGISTER", p->number, NULL, NULL, "");

	ck_assert_ptr_nonnull(answer);
	HAS(answer, "SIP/2.0 200");
	p->head = head;
}

/* The flow that its binding had is another one's business now. */
static void
comes_by(struct phone *p, uint16_t port)
{
	struct flow was = p->flow;

	p->flow.remote.port = port;
	phone_moved(p, &was);
}

/* Its next datagram: the very BYE; it is answered, and that was all. */
static void
expect_bye(unsigned status)
{
	const char *bye = phone_expect(home, "BYE");

	ck_assert_ptr_nonnull(bye);
	ck_assert_str_eq(bye, lost);
	phone_answer(home, bye, status, "", NULL);
	ck_assert_uint_eq(lab_count(lab, "byes_owed"), 0);
	ck_assert_uint_eq(lab_saved(lab), 0);
	lab_pass(lab, 200000);
	ck_assert_ptr_null(phone_expect(home, "BYE"));
	ck_assert_ptr_null(phone_expect(desk, "BYE"));
	lab_expect_empty(lab);
}

START_TEST(a_bye_waits_for_a_home_whose_router_forgot_it)
{
	hangs_up_unheard();
	comes_by(home, 41060);
	expect_bye(200);
}
END_TEST

/* It is sent on while it is under way, but to nobody's port any more. */
START_TEST(a_bye_under_way_goes_where_its_phone_is)
{
	desk_hangs_up(home);
	lab_pass(lab, 3000);
	drop_all(home);
	comes_by(home, 41060);
	ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
	/* To the old one it would be told to somebody else: lab.c looks. */
	lab_pass(lab, 20000);
	drop_all(home);
	lab_pass(lab, 4000);
	expect_bye(200);
}
END_TEST

/* Its binding has ended: who registers so from there is that phone. */
START_TEST(a_bye_waits_for_a_home_that_was_given_up)
{
	struct phone *other = lab_stranger(lab, "168", 9);
	struct phone *beside = lab_stranger(lab, "168", 10);

	hangs_up_unheard();
	phone_gone(home);
	lab->stolen = true;	/* another home has the same private address */
	beside->flow.remote = home->flow.remote;
	beside->flow.remote.port = 41059;
	registers(beside);	/* one more phone of the number at home */
	ck_assert_ptr_null(phone_expect(beside, "BYE"));
	snprintf(other->host_mem, sizeof(other->host_mem), "%s", home->host);
	registers(other);
	ck_assert_ptr_null(phone_expect(other, "BYE"));
	home->flow.remote.port = 41060;
	home->number = "169";	/* another number's at the same address */
	registers(home);
	ck_assert_ptr_null(phone_expect(home, "BYE"));
	home->number = "168";
	home->flow.remote.port = 41061;
	registers(home);
	expect_bye(200);
}
END_TEST

/* Many routers give the same port again. */
START_TEST(a_bye_waits_for_a_home_that_has_its_port_again)
{
	hangs_up_unheard();
	phone_is_back(home, "sip:work@10.77.0.7:5062"); /* another account */
	ck_assert_ptr_null(phone_expect(home, "BYE"));
	registers(home);
	expect_bye(481);
}
END_TEST

/* Another phone of the number, or a flow of a number that is not its own. */
START_TEST(nobody_else_hears_a_bye)
{
	struct phone *other = lab_home(lab, "168", 8);
	struct flow was = home->flow;

	hangs_up_unheard();
	lab->stolen = true;	/* that phone's BYE would be a find */
	comes_by(other, 41060);
	registers(other);
	ck_assert_ptr_null(phone_expect(other, "BYE"));
	other->number = "666";
	phone_moved(other, &was);
	ck_assert_ptr_null(phone_expect(other, "BYE"));
	ck_assert_uint_eq(lab_count(lab, "byes_owed"), 1);
	comes_by(home, 41061);
	expect_bye(200);
}
END_TEST

/* The binding lives: registrar-db knows who moved, a Contact alone does not
 * show it. */
START_TEST(a_contact_alone_is_not_enough_while_the_binding_lives)
{
	struct flow was = home->flow;

	hangs_up_unheard();
	home->flow.remote.port = 41060;
	registers(home);
	ck_assert_ptr_null(phone_expect(home, "BYE"));
	ck_assert_uint_eq(lab_count(lab, "byes_owed"), 1);
	phone_moved(home, &was);
	expect_bye(200);
}
END_TEST

START_TEST(who_answered_is_owed_nothing)
{
	static const unsigned status[] = { 100, 180, 200, 401, 481, 500 };

	desk_hangs_up(home);
	phone_answer(home, lost, status[_i], "", NULL);
	lab_pass(lab, 40000);
	ck_assert_uint_eq(lab_count(lab, "byes_owed"), 0);
	drop_all(home);
	comes_by(home, 41060);
	ck_assert_ptr_null(phone_expect(home, "BYE"));
	lab_expect_empty(lab);
}
END_TEST

START_TEST(a_bye_is_not_said_again_and_again)
{
	hangs_up_unheard();
	comes_by(home, 41060);
	lab_pass(lab, 40000);
	ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
	ck_assert_uint_eq(lab_count(lab, "byes_owed"), 0);
	drop_all(home);
	comes_by(home, 41061);
	ck_assert_ptr_null(phone_expect(home, "BYE"));
}
END_TEST

START_TEST(a_bye_by_udp_waits_three_minutes)
{
	hangs_up_unheard();
	lab_pass(lab, 139900);
	ck_assert_uint_eq(lab_count(lab, "byes_owed"), 1);
	lab_pass(lab, 200);
	ck_assert_uint_eq(lab_count(lab, "byes_owed"), 0);
	comes_by(home, 41060);
	ck_assert_ptr_null(phone_expect(home, "BYE"));
}
END_TEST

/* The three minutes end while it is said. */
START_TEST(a_bye_under_way_ends_with_its_time)
{
	hangs_up_unheard();
	lab_pass(lab, 130000);
	comes_by(home, 41060);
	ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
	lab_pass(lab, 11000);
	ck_assert_uint_eq(lab_count(lab, "byes_owed"), 0);
	lab_pass(lab, 40000);	/* the transaction is nobody's, and ends */
	ck_assert_uint_eq(lab_count(lab, "byes_owed"), 0);
}
END_TEST

/* It is in memory only: registrar-db is to keep no call that is over. */
START_TEST(a_restart_forgets_a_bye_by_udp)
{
	hangs_up_unheard();
	lab_restart(lab);
	ck_assert_uint_eq(lab_count(lab, "byes_owed"), 0);
	lab_expect_empty(lab);
	comes_by(home, 41060);
	ck_assert_ptr_null(phone_expect(home, "BYE"));
}
END_TEST

/* But one whose end was not yet told is ended anew, and owed then. */
START_TEST(a_restart_in_the_moment_of_the_end_owes_anew)
{
	lab->stats_mute = true;
	desk_hangs_up(home);
	lab_restart(lab);
	lab_pass(lab, 40000);
	drop_all(home);
	ck_assert_uint_eq(lab_count(lab, "byes_owed"), 1);
	comes_by(home, 41060);
	ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
}
END_TEST

START_TEST(a_desk_by_udp_is_owed_nothing)
{
	talk_begin(&t, home, desk);
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	lab_pass(lab, 600);
	ck_assert_uint_eq(lab_count(lab, "byes_owed"), 0);
	lab_expect_empty(lab);
}
END_TEST

/* A quarter of all calls, four of one number: more are as they were before. */
START_TEST(byes_by_udp_are_bounded)
{
	static const char *const numbers[] = { "161", "162", "163", "164",
		"165", "166", "167" };
	static const unsigned want[] = { 4, 4 + 4, 12, 16, 20, 24, 26 };

	for (unsigned i = 0; i < 7; i++) {
		struct phone *p = lab_home(lab, numbers[i],
		    (uint8_t)(40 + i));

		for (unsigned n = 0; n < 6; n++)
			desk_hangs_up(p);
		ck_assert_uint_eq(lab_count(lab, "byes_owed"), want[i]);
		drop_all(desk);
	}
	lab_pass(lab, 600);
	lab_expect_empty(lab);
	lab_pass(lab, 181000);
	ck_assert_uint_eq(lab_count(lab, "byes_owed"), 0);
}
END_TEST

Suite *
suite_owed(void)
{
	Suite *s = suite_create("owed");
	TCase *tc = tcase_create("udp");

#define T(name) tcase_add_test(tc, name)
	tcase_add_checked_fixture(tc, setup, teardown);
	T(a_bye_waits_for_a_home_whose_router_forgot_it);
	T(a_bye_under_way_goes_where_its_phone_is);
	T(a_bye_waits_for_a_home_that_was_given_up);
	T(a_bye_waits_for_a_home_that_has_its_port_again);
	T(nobody_else_hears_a_bye);
	T(a_contact_alone_is_not_enough_while_the_binding_lives);
	tcase_add_loop_test(tc, who_answered_is_owed_nothing, 0, 6);
	T(a_bye_is_not_said_again_and_again);
	T(a_bye_by_udp_waits_three_minutes);
	T(a_bye_under_way_ends_with_its_time);
	T(a_restart_forgets_a_bye_by_udp);
	T(a_restart_in_the_moment_of_the_end_owes_anew);
	T(a_desk_by_udp_is_owed_nothing);
	T(byes_by_udp_are_bounded);
#undef T
	suite_add_tcase(s, tc);
	return s;
}
