/*
 * Limits and faults: channels (R95-R97, S16), a relay that refuses, is
 * silent or lies, tables that are full, and nothing left after many calls
 * (C24).
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

#define HAS(msg, what)                                                     \
	ck_assert_msg(strstr((msg), (what)) != NULL, "no %s in\n%s", what, \
	    msg)

START_TEST(the_61st_call_is_refused_and_harms_nobody)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	struct talk t, first;
	struct dlg a;
	const char *msg;

	for (unsigned i = 0; i < 60; i++) {
		talk_begin(&t, home, desk);
		if (i == 0)
			first = t;
	}
	ck_assert_uint_eq(lab_count(lab, "channels"), 60);
	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	msg = phone_expect(home, "SIP/2.0 480");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(hdr(msg, "Reason"),
	    "SIP;cause=503;text=\"No channel free\"");
	ck_assert_ptr_null(phone_recv(desk));
	ck_assert_str_eq(lab->reasons[(lab->n_notes - 1) % 64], "no-channel");
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ENDED);
	ck_assert_uint_eq(lab_count(lab, "calls"), 60);
	/* The others live, and one that ends makes room. */
	dlg_send(&first.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	ck_assert_ptr_nonnull(phone_expect(desk, "INVITE"));
	lab_free(lab);
}
END_TEST

START_TEST(a_lan_call_needs_no_channel)
{
	struct lab *lab = lab_new(0, 100);
	struct phone *a = lab_office(lab, "200", 31);
	struct phone *b = lab_office(lab, "201", 32);
	struct talk t;

	talk_begin(&t, a, b);
	lab_free(lab);
}
END_TEST

START_TEST(without_a_channel_the_office_phones_still_ring)
{
	struct lab *lab = lab_new(0, 100);
	struct phone *a = lab_office(lab, "200", 31);
	struct phone *b = lab_office(lab, "201", 32);
	struct phone *c = lab_home(lab, "201", 9);
	struct dlg d;

	dlg_call(&d, a, "201", sdp_of(a, 30000, NULL), "");
	ck_assert_ptr_nonnull(phone_expect(b, "INVITE"));
	ck_assert_ptr_null(phone_recv(c));
	lab_free(lab);
}
END_TEST

START_TEST(many_devices_that_ring_are_one_channel)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *desk = lab_office(lab, "200", 31);
	struct phone *homes[3] = { lab_home(lab, "168", 7),
		lab_home(lab, "168", 8), lab_home(lab, "168", 9) };
	struct dlg d;

	dlg_call(&d, desk, "168", sdp_of(desk, 30000, NULL), "");
	for (unsigned i = 0; i < 3; i++)
		ck_assert_ptr_nonnull(phone_expect(homes[i], "INVITE"));
	ck_assert_uint_eq(lab_count(lab, "channels"), 1);
	lab_free(lab);
}
END_TEST

START_TEST(a_relay_that_refuses_or_is_silent_means_480)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	const char *msg;
	struct dlg a;

	if (_i == 0)
		lab->refusal = RELAY_FULL;
	else if (_i == 1)
		lab->relay_mute = true;
	else
		edge_peer(lab->edge, lab->now, lab->steps, ROLE_MEDIA, 0,
		    false);
	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	if (_i == 1) {
		lab_pass(lab, 999);
		ck_assert_ptr_null(phone_expect(home, "SIP/2.0 480"));
		lab_pass(lab, 2);
	}
	msg = phone_expect(home, "SIP/2.0 480");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "Reason"), "SIP;cause=503;");
	ck_assert_ptr_null(phone_recv(desk));
	lab_pass(lab, 1000);
	lab_expect_empty(lab);
	lab_free(lab);
}
END_TEST

START_TEST(counters_that_never_come_are_awaited_for_500_ms)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	struct talk t;

	lab->stats_mute = true;
	talk_begin(&t, home, desk);
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_uint_ne(lab_note(lab)->state, CALL_ENDED);
	lab_pass(lab, 499);
	ck_assert_uint_ne(lab_note(lab)->state, CALL_ENDED);
	lab_pass(lab, 2);
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ENDED);
	lab_expect_empty(lab);
	lab_free(lab);
}
END_TEST

static void
relay_says(struct lab *lab, const struct ipc_relay_say *say)
{
	char mem[512];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	put_relay_say(&b, say);
	ck_assert_int_eq(edge_frame(lab->edge, lab->now, lab->steps,
	    ROLE_MEDIA, 0, IPC_RELAY_SAY, buf_span(&b)), 0);
}

START_TEST(frames_of_a_lying_relay_are_harmless)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	struct ipc_relay_say say = { .session = 1 };
	struct ipc_relay_stats stats = { .session = 1 };
	struct ipc_relay_news news = { .session = 1, .what = RELAY_SILENT };
	struct talk t;
	char mem[512];
	struct buf b;

	lab->relay_mute = true;
	dlg_call(&t.a, home, "200", sdp_of(home, 30000, NULL), "");
	for (unsigned i = 0; i < 64; i++) {
		/* Sessions that are not, ends that are not, twice. */
		say.session = i % 2 ? lab->session : lab->session + i + 1;
		say.end = (uint8_t)(i < 4 ? 9 : 2 + i % 14);
		say.refusal = (uint8_t)(i % 4);
		relay_says(lab, &say);
		stats.session = say.session;
		stats.counter.end = say.end;
		buf_init(&b, mem, sizeof(mem));
		put_relay_stats(&b, &stats);
		ck_assert_int_eq(edge_frame(lab->edge, lab->now, lab->steps,
		    ROLE_MEDIA, 0, IPC_RELAY_STATS, buf_span(&b)), 0);
		news.session = say.session;
		news.end = say.end;
		buf_init(&b, mem, sizeof(mem));
		put_relay_news(&b, &news);
		ck_assert_int_eq(edge_frame(lab->edge, lab->now, lab->steps,
		    ROLE_MEDIA, 0, IPC_RELAY_NEWS, buf_span(&b)), 0);
	}
	/* One that says yes without a port; another instance. */
	say = (struct ipc_relay_say){ .session = lab->session, .end = 0 };
	ck_assert_int_eq(edge_frame(lab->edge, lab->now, lab->steps,
	    ROLE_MEDIA, 0, IPC_RELAY_SAY, SPAN_LIT("short")), -EBADMSG);
	relay_says(lab, &say);
	relay_says(lab, &say);
	say.end = 1;
	relay_says(lab, &say);
	steps_clear(lab->steps);
	lab_pass(lab, 2000);
	ck_assert_ptr_null(phone_expect(desk, "INVITE"));
	lab_expect_empty(lab);
	lab_free(lab);
}
END_TEST

START_TEST(full_tables_refuse_and_recover)
{
	struct lab *lab = lab_new(60, 4);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	struct talk t[4];
	struct dlg a;
	const char *msg;

	for (unsigned i = 0; i < 4; i++)
		talk_begin(&t[i], home, desk);
	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	msg = phone_expect(home, "SIP/2.0 480");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "Reason"), "Too many calls");
	for (unsigned i = 0; i < 4; i++)
		dlg_send(&t[i].a, "BYE", NULL, NULL, "");
	lab_expect_empty(lab);
	talk_begin(&t[0], home, desk);
	lab_free(lab);
}
END_TEST

/* Every way a call can go, again and again. */
static void
one_call(struct phone *home, struct phone *desk, unsigned i)
{
	struct phone *from = i % 2 ? home : desk, *to = i % 2 ? desk : home;
	struct talk t;
	const char *inv;

	if (i % 5 < 2) {
		talk_begin(&t, from, to);
		dlg_send(i % 3 ? &t.a : &t.b, "BYE", NULL, NULL, "");
		return;
	}
	dlg_call(&t.a, from, to->number, sdp_of(from, 30000, NULL), "");
	inv = phone_expect(to, "INVITE");
	ck_assert_ptr_nonnull(inv);
	if (i % 5 == 2) {
		phone_answer(to, inv, 486, "b", NULL);
	} else if (i % 5 == 3) {
		phone_answer(to, inv, 180, "b", NULL);
		dlg_cancel(&t.a);
		phone_answer(to, inv, 487, "b", NULL);
	} /* else nobody answers at all */
}

START_TEST(ten_thousand_calls_leave_nothing)
{
	struct lab *lab = lab_new(60, 400);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);

	for (unsigned i = 0; i < 10000; i++) {
		one_call(home, desk, i);
		lab_pass(lab, 700);
	}
	lab_pass(lab, 100000);
	lab_expect_empty(lab);
	ck_assert_uint_eq(lab_count(lab, "calls_begun"), 10000);
	lab_free(lab);
}
END_TEST

Suite *
suite_limits(void)
{
	Suite *s = suite_create("limits");
	TCase *c = tcase_create("clean refusals");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, the_61st_call_is_refused_and_harms_nobody);
	tcase_add_test(c, a_lan_call_needs_no_channel);
	tcase_add_test(c, without_a_channel_the_office_phones_still_ring);
	tcase_add_test(c, many_devices_that_ring_are_one_channel);
	tcase_add_loop_test(c, a_relay_that_refuses_or_is_silent_means_480, 0,
	    3);
	tcase_add_test(c, counters_that_never_come_are_awaited_for_500_ms);
	tcase_add_test(c, frames_of_a_lying_relay_are_harmless);
	tcase_add_test(c, full_tables_refuse_and_recover);
	tcase_add_test(c, ten_thousand_calls_leave_nothing);
	suite_add_tcase(s, c);
	return s;
}
