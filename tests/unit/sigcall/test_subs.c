/*
 * Phones watch numbers (RFC 6665, 4235, 7621; C35, S21): who may, what they
 * are told and when, and that a restart does not end it.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "sigproxy/core/subs.h"
#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

#define DIALOG "Event: dialog\r\nAccept: application/dialog-info+xml\r\n"

static struct lab *lab;
static struct phone *home, *desk, *other;
static struct dlg w;

static void
setup(void)
{
	lab = lab_new(60, 100);
	home = lab_home(lab, "168", 7);
	desk = lab_office(lab, "200", 31);
	other = lab_office(lab, "201", 32);
}

static void
teardown(void)
{
	lab_free(lab);
}

/* The next NOTIFY, answered. */
static const char *
told(struct phone *p)
{
	const char *msg = phone_expect(p, "NOTIFY");

	ck_assert_msg(msg != NULL, "no NOTIFY");
	phone_answer(p, msg, 200, NULL, NULL);
	return msg;
}

static const char *
watch(struct phone *p, const char *number, const char *extra)
{
	char lines[512];

	snprintf(lines, sizeof(lines), DIALOG "%s", extra);
	return dlg_ask(&w, p, "SUBSCRIBE", number, NULL, NULL, lines);
}

/* Watches 201 from home, which is idle; told so. */
static void
watch_201(void)
{
	HAS(watch(home, "201", "Expires: 600\r\n"), "SIP/2.0 200");
	HAS(told(home), "terminated");
}

/* A refresh, or with "0" the end; from p, proved. */
static const char *
refresh(struct phone *p, const char *expires)
{
	char lines[256];
	const char *msg;

	w.phone = p;
	snprintf(lines, sizeof(lines), DIALOG "Expires: %s\r\n", expires);
	dlg_send(&w, "SUBSCRIBE", NULL, NULL, lines);
	msg = phone_expect(p, "SIP/2.0");
	ck_assert_ptr_nonnull(msg);
	if (strncmp(msg, "SIP/2.0 401", 11) != 0)
		return msg;
	dlg_send_with(&w, "SUBSCRIBE", msg, lines);
	return phone_expect(p, "SIP/2.0");
}

START_TEST(the_first_word_comes_at_once)
{
	const char *ok, *msg;

	ok = watch(home, "201", "Expires: 600\r\n");
	HAS(ok, "SIP/2.0 200");
	ck_assert_str_eq(hdr(ok, "Expires"), "600");
	HAS(hdr(ok, "Contact"), "@203.0.113.1:5070");
	/* At once, with the whole state (RFC 6665 4.2.1.2, RFC 4235 3.7). */
	msg = told(home);
	ck_assert_str_eq(ruri(msg), "sip:168@10.77.0.7:5062;ob");
	ck_assert_str_eq(hdr(msg, "Event"), "dialog");
	ck_assert_str_eq(hdr(msg, "Subscription-State"),
	    "active;expires=600");
	ck_assert_str_eq(hdr(msg, "Content-Type"),
	    "application/dialog-info+xml");
	ck_assert_str_eq(hdr(msg, "Call-ID"), w.call_id);
	ck_assert_str_eq(hdr(msg, "From"), w.remote);
	ck_assert_str_eq(hdr(msg, "To"), w.local);
	HAS(body(msg), "version=\"0\" state=\"full\" "
		       "entity=\"sip:201@sip.example.org\"");
	HAS(body(msg), "<state>terminated</state>");
}
END_TEST

/* From desk to 201, one step each second. */
static void
step(struct talk *t, const char **invite, unsigned what)
{
	const char *msg;

	lab_pass(lab, 1000);
	switch (what) {
	case 0:
		dlg_call(&t->a, desk, "201", sdp_of(desk, 30000, NULL), "");
		*invite = phone_expect(other, "INVITE");
		ck_assert_ptr_nonnull(*invite);
		dlg_from_invite(&t->b, other, *invite);
		break;
	case 1:
		phone_answer(other, *invite, 180, "t201", NULL);
		break;
	case 2:
		phone_answer(other, *invite, 200, "t201",
		    sdp_of(other, 20000, NULL));
		msg = phone_expect(desk, "SIP/2.0 200");
		ck_assert_ptr_nonnull(msg);
		dlg_learn(&t->a, msg);
		dlg_ack(&t->a, t->a.cseq, NULL);
		break;
	default:
		dlg_send(&t->a, "BYE", NULL, NULL, "");
		break;
	}
}

START_TEST(trying_early_confirmed_terminated)
{
	static const char *const want[] = { "trying", "early", "confirmed",
		"terminated" };
	const char *msg, *invite;
	struct talk t;

	watch_201();
	for (unsigned i = 0; i < 4; i++) {
		char version[32], state[64];

		step(&t, &invite, i);
		msg = told(home);
		snprintf(version, sizeof(version), "version=\"%u\"", i + 1);
		snprintf(state, sizeof(state), "<state>%s</state>", want[i]);
		HAS(body(msg), version);
		HAS(body(msg), state);
		if (i < 3) {
			HAS(body(msg), "direction=\"recipient\"");
			HAS(body(msg), "<remote><identity>"
				       "sip:200@sip.example.org</identity>");
		}
		LACKS(msg, "192.168.");
		LACKS(body(msg), t.a.call_id);
	}
	ck_assert_ptr_null(phone_expect(home, "NOTIFY"));
}
END_TEST

START_TEST(the_caller_is_watched_as_initiator)
{
	const char *msg, *invite;
	struct talk t;

	HAS(watch(home, "200", ""), "SIP/2.0 200");
	told(home);
	step(&t, &invite, 0);
	msg = told(home);
	HAS(body(msg), "direction=\"initiator\"");
	HAS(body(msg), "sip:201@sip.example.org");
}
END_TEST

START_TEST(who_may_see_states_only_hears_no_names)
{
	const char *msg, *invite;
	struct talk t;

	lab->show = WATCH_STATE;
	watch_201();
	step(&t, &invite, 0);
	msg = told(home);
	HAS(body(msg), "<state>trying</state>");
	LACKS(body(msg), "sip:200@");
	LACKS(body(msg), "<remote>");
}
END_TEST

/* As the INVITE itself would not name him outside. */
START_TEST(rfc3323_who_withholds_his_name_is_not_shown_outside)
{
	struct dlg call;
	const char *msg;

	watch_201();
	lab_pass(lab, 1000);
	dlg_call(&call, desk, "201", sdp_of(desk, 30000, NULL),
	    "Privacy: id\r\n");
	msg = told(home);
	HAS(body(msg), "<state>trying</state>");
	LACKS(body(msg), "sip:200@");
	LACKS(body(msg), "<remote>");
}
END_TEST

START_TEST(who_may_see_nothing_gets_403)
{
	lab->show = WATCH_NOTHING;
	HAS(watch(home, "201", ""), "SIP/2.0 403");
	ck_assert_ptr_null(phone_expect(home, "NOTIFY"));
	ck_assert_uint_eq(lab_count(lab, "subscriptions"), 0);
	/* The oracle need not wait for it. */
	ck_assert_uint_eq(lab->n_sub_gone, 1);
}
END_TEST

START_TEST(a_number_that_is_not_there_is_like_in_a_call)
{
	lab->verdict = VERDICT_NOT_FOUND;
	HAS(watch(home, "999", ""), "SIP/2.0 404");
	lab->verdict = VERDICT_FORBIDDEN;
	HAS(watch(home, "201", ""), "SIP/2.0 403");
	ck_assert_uint_eq(lab_count(lab, "subscriptions"), 0);
}
END_TEST

START_TEST(what_is_not_built_or_not_wanted_is_refused_unproved)
{
	static const struct {
		const char *name, *lines, *status, *header, *value;
	} row[] = {
		{ "presence (RFC 3856) is not built", "Event: presence\r\n",
		    "SIP/2.0 489", "Allow-Events", SUBS_EVENTS },
		{ "no Event", "", "SIP/2.0 489", "Allow-Events", SUBS_EVENTS },
		{ "a body the phone cannot read",
		    "Event: dialog\r\nAccept: application/pidf+xml\r\n",
		    "SIP/2.0 406", "Accept", "application/dialog-info+xml, "
		    "application/simple-message-summary" },
		{ "too short", DIALOG "Expires: 59\r\n", "SIP/2.0 423",
		    "Min-Expires", "60" },
		{ "an event id that is too long", "Event: dialog;id="
		    "0123456789012345678901234567890123456789\r\n",
		    "SIP/2.0 400", "Allow", "" },
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const char *msg = dlg_ask(&w, home, "SUBSCRIBE", "201", NULL,
		    NULL, row[i].lines);

		ck_assert_msg(strncmp(msg, row[i].status, 11) == 0, "%s: %s",
		    row[i].name, msg);
		ck_assert_str_eq(hdr(msg, row[i].header), row[i].value);
	}
	ck_assert_uint_eq(lab->auth_asks, 0);
}
END_TEST

START_TEST(expires_is_bounded)
{
	static const struct {
		const char *lines, *granted;
		bool inside;
	} row[] = {
		{ "Expires: 4294967295\r\n", "600", false },
		{ "Expires: 99999999999999999999\r\n", "600", false },
		{ "Expires: soon\r\n", "600", false },
		{ "Expires: 4294967295\r\n", "3600", true },
		{ "", "3600", true },
		{ "Expires: 61\r\n", "61", true },
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const char *ok = watch(row[i].inside ? desk : home, "201",
		    row[i].lines);

		HAS(ok, "SIP/2.0 200");
		ck_assert_str_eq(hdr(ok, "Expires"), row[i].granted);
	}
}
END_TEST

START_TEST(a_fetch_is_told_once)
{
	const char *msg;

	HAS(watch(home, "201", "Expires: 0\r\n"), "SIP/2.0 200");
	msg = told(home);
	ck_assert_str_eq(hdr(msg, "Subscription-State"),
	    "terminated;reason=timeout");
	HAS(body(msg), "<dialog-info");
	ck_assert_uint_eq(lab_count(lab, "subscriptions"), 0);
	ck_assert_uint_eq(lab->n_sub_saves, 0);
}
END_TEST

START_TEST(it_is_refreshed_and_ended_by_its_watcher)
{
	const char *msg;

	watch_201();
	lab_pass(lab, 400000);
	HAS(refresh(home, "600"), "SIP/2.0 200");
	HAS(hdr(told(home), "Subscription-State"), "active;expires=600");
	lab_pass(lab, 400000);
	ck_assert_uint_eq(lab_count(lab, "subscriptions"), 1);
	msg = refresh(home, "0");
	HAS(msg, "SIP/2.0 200");
	ck_assert_str_eq(hdr(msg, "Expires"), "0");
	HAS(hdr(told(home), "Subscription-State"), "terminated");
	ck_assert_uint_eq(lab_count(lab, "subscriptions"), 0);
	ck_assert_uint_eq(lab_subs_saved(lab), 0);
	HAS(refresh(home, "600"), "SIP/2.0 481");
}
END_TEST

START_TEST(it_ends_when_its_time_is_over)
{
	const char *msg;

	watch_201();
	lab_pass(lab, 599000);
	ck_assert_ptr_null(phone_expect(home, "NOTIFY"));
	lab_pass(lab, 1000);
	msg = told(home);
	ck_assert_str_eq(hdr(msg, "Subscription-State"),
	    "terminated;reason=timeout");
	ck_assert_uint_eq(lab_count(lab, "subscriptions"), 0);
	ck_assert_uint_eq(lab_subs_saved(lab), 0);
}
END_TEST

START_TEST(the_oracle_ends_it)
{
	const char *msg;

	watch_201();
	lab_sub_end(lab, 0, false);
	msg = told(home);
	ck_assert_str_eq(hdr(msg, "Subscription-State"),
	    "terminated;reason=rejected");
	ck_assert_str_eq(body(msg), "");
	ck_assert_uint_eq(lab_count(lab, "subscriptions"), 0);
	watch_201();
	lab_sub_end(lab, 0, true);
	ck_assert_str_eq(hdr(told(home), "Subscription-State"),
	    "terminated;reason=deactivated");
}
END_TEST

START_TEST(not_more_than_one_a_second_and_the_last_state_wins)
{
	const char *msg, *invite;
	struct talk t;

	watch_201();
	step(&t, &invite, 0);
	HAS(body(told(home)), "trying");
	/* All within a moment. */
	phone_answer(other, invite, 180, "t201", NULL);
	lab_pass(lab, 200);
	phone_answer(other, invite, 200, "t201", sdp_of(other, 20000, NULL));
	msg = phone_expect(desk, "SIP/2.0 200");
	dlg_learn(&t.a, msg);
	dlg_ack(&t.a, t.a.cseq, NULL);
	ck_assert_ptr_null(phone_expect(home, "NOTIFY"));
	lab_pass(lab, 800);
	msg = told(home);
	HAS(body(msg), "confirmed");
	HAS(body(msg), "version=\"2\"");
	lab_pass(lab, 5000);
	ck_assert_ptr_null(phone_expect(home, "NOTIFY"));
}
END_TEST

START_TEST(what_ends_within_its_second_is_not_told)
{
	const char *invite;
	struct talk t;

	watch_201();
	dlg_call(&t.a, desk, "201", sdp_of(desk, 30000, NULL), "");
	invite = phone_expect(other, "INVITE");
	phone_answer(other, invite, 486, "t201", NULL);
	lab_pass(lab, 5000);
	ck_assert_ptr_null(phone_expect(home, "NOTIFY"));
	ck_assert_uint_eq(lab_count(lab, "notifies"), 1);
}
END_TEST

START_TEST(the_answer_to_notify_decides)
{
	static const struct {
		const char *name;
		unsigned status, left;
	} row[] = {
		{ "481: the phone does not know it", 481, 0 },
		{ "a challenge is never answered", 401, 0 },
		{ "nor this one", 407, 0 },
		{ "489", 489, 0 },
		{ "500: another time", 500, 1 },
		{ "200", 200, 1 },
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const char *msg;

		HAS(watch(home, "201", ""), "SIP/2.0 200");
		msg = phone_expect(home, "NOTIFY");
		ck_assert_ptr_nonnull(msg);
		phone_answer(home, msg, row[i].status, NULL, NULL);
		ck_assert_msg(lab_count(lab, "subscriptions") == row[i].left,
		    "%s", row[i].name);
		lab_pass(lab, 40000);
		ck_assert_ptr_null(phone_expect(home, "NOTIFY"));
		if (row[i].left == 1)
			refresh(home, "0");
		while (phone_recv(home) != NULL)
			;
		lab_pass(lab, 40000);
		while (phone_recv(home) != NULL)
			;
	}
	ck_assert_uint_eq(lab_subs_saved(lab), 0);
}
END_TEST

START_TEST(a_watcher_that_is_gone_is_forgotten)
{
	HAS(watch(home, "201", ""), "SIP/2.0 200");
	lab_pass(lab, 33000);
	ck_assert_uint_eq(lab_count(lab, "subscriptions"), 0);
	ck_assert_uint_eq(lab_subs_saved(lab), 0);
	lab_pass(lab, 40000);
	ck_assert_uint_eq(lab_count(lab, "client_transactions"), 0);
}
END_TEST

START_TEST(another_flow_is_challenged_and_then_moves_it)
{
	struct phone *moved;
	const char *msg, *invite;
	struct talk t;

	watch_201();
	moved = lab_stranger(lab, "168", 9);
	lab->stolen = true;
	w.phone = moved;
	dlg_send(&w, "SUBSCRIBE", NULL, NULL, DIALOG "Expires: 600\r\n");
	HAS(phone_expect(moved, "SIP/2.0"), "SIP/2.0 401");
	HAS(refresh(moved, "600"), "SIP/2.0 200");
	lab_pass(lab, 1000);
	msg = told(moved);
	HAS(body(msg), "version=\"1\"");
	step(&t, &invite, 0);
	told(moved);
	ck_assert_ptr_null(phone_expect(home, "NOTIFY"));
}
END_TEST

START_TEST(another_subscriber_cannot_take_it)
{
	struct phone *thief = lab_home(lab, "169", 9);

	watch_201();
	lab->stolen = true;
	HAS(refresh(thief, "0"), "SIP/2.0 403");
	ck_assert_uint_eq(lab_count(lab, "subscriptions"), 1);
	ck_assert_ptr_null(phone_expect(thief, "NOTIFY"));
}
END_TEST

START_TEST(forged_dialogs_meet_481)
{
	struct dlg forged;

	watch_201();
	for (unsigned i = 0; i < 4; i++) {
		forged = w;
		if (i == 0)
			strcpy(forged.call_id, "other");
		if (i == 1)
			strcpy(strstr(forged.remote, ";tag="), ";tag=x");
		if (i == 2)
			strcpy(strstr(forged.local, ";tag="), ";tag=x");
		if (i == 3)
			strcpy(forged.target,
			    "sip:AAAAAAAAAAAAAAAA@203.0.113.1:5070");
		dlg_send(&forged, "SUBSCRIBE", NULL, NULL, DIALOG);
		HAS(phone_expect(home, "SIP/2.0"), "SIP/2.0 481");
	}
	/* From the other zone, with everything right. */
	forged = w;
	forged.phone = desk;
	lab->stolen = true;
	dlg_send(&forged, "SUBSCRIBE", NULL, NULL, DIALOG);
	HAS(phone_expect(desk, "SIP/2.0"), "SIP/2.0 481");
	ck_assert_uint_eq(lab->auth_asks, 1);
}
END_TEST

START_TEST(an_old_cseq_is_out_of_order)
{
	watch_201();
	w.cseq = 0;
	HAS(refresh(home, "600"), "SIP/2.0 500");
}
END_TEST

START_TEST(a_phone_that_starts_anew_has_its_key_once)
{
	watch_201();
	watch_201();
	ck_assert_uint_eq(lab_count(lab, "subscriptions"), 1);
	ck_assert_uint_eq(lab_subs_saved(lab), 1);
}
END_TEST

START_TEST(one_watcher_has_so_many_and_no_more)
{
	char number[16];

	for (unsigned i = 0; i < SUBS_EACH_MAX; i++) {
		snprintf(number, sizeof(number), "%u", 1000 + i);
		HAS(watch(home, number, ""), "SIP/2.0 200");
		told(home);
	}
	HAS(watch(home, "201", ""), "SIP/2.0 480");
	ck_assert_uint_eq(lab_count(lab, "subscriptions"), SUBS_EACH_MAX);
	/* Others still can. */
	HAS(watch(desk, "201", ""), "SIP/2.0 200");
}
END_TEST

START_TEST(a_thousand_asks_fill_no_more_than_their_share)
{
	static const char *const who[] = { "168", "169", "170", "171" };
	char number[16];
	struct phone *p[4];

	p[0] = home;
	for (unsigned i = 1; i < 4; i++)
		p[i] = lab_home(lab, who[i], (uint8_t)(10 + i));
	for (unsigned i = 0; i < 400; i++) {
		snprintf(number, sizeof(number), "%u", 1000 + i);
		watch(p[i % 4], number, "");
		while (phone_recv(p[i % 4]) != NULL)
			;
	}
	/* Three quarters, and then only who has few. */
	ck_assert_uint_eq(lab_count(lab, "subscriptions"), 192);
	HAS(watch(desk, "201", ""), "SIP/2.0 200");
}
END_TEST

START_TEST(event_ids_are_kept_apart_and_said)
{
	HAS(dlg_ask(&w, home, "SUBSCRIBE", "201", NULL, NULL,
	    "Event: dialog;id=17\r\n"), "SIP/2.0 200");
	ck_assert_str_eq(hdr(told(home), "Event"), "dialog;id=17");
	HAS(refresh(home, "600"), "SIP/2.0 481"); /* without the id */
}
END_TEST

/* ---- a restart ---- */

START_TEST(it_outlives_sigproxy)
{
	const char *msg, *invite;
	struct talk t;

	watch_201();
	step(&t, &invite, 0);
	told(home);
	step(&t, &invite, 1);
	told(home);
	step(&t, &invite, 2);
	HAS(body(told(home)), "version=\"3\"");
	lab_restart(lab);
	/* The whole state, under a higher number. */
	msg = told(home);
	HAS(body(msg), "confirmed");
	HAS(body(msg), "version=\"256\"");
	ck_assert_str_eq(hdr(msg, "CSeq"), "257 NOTIFY");
	ck_assert_str_eq(hdr(msg, "From"), w.remote);
	step(&t, &invite, 3);
	HAS(body(told(home)), "version=\"257\"");
	HAS(refresh(home, "600"), "SIP/2.0 200");
	lab_restart(lab);
	HAS(body(told(home)), "version=\"512\"");
	ck_assert_uint_eq(lab_count(lab, "subscriptions"), 1);
}
END_TEST

START_TEST(registrar_db_away_and_back)
{
	lab_registrar(lab, false);
	lab_registrar(lab, true);
	watch_201();
	lab_registrar(lab, false);
	/* It had not written it yet. */
	lab->subs[0].id = 0;
	lab_registrar(lab, true);
	ck_assert_uint_eq(lab_subs_saved(lab), 1);
	/* It tells what it has: known, or over. */
	lab_tell_saved(lab);
	ck_assert_uint_eq(lab_count(lab, "subscriptions"), 1);
	lab->subs[1] = lab->subs[0];
	lab->subs[1].id = 4711;
	lab_tell_saved(lab);
	ck_assert_uint_eq(lab_subs_saved(lab), 1);
	ck_assert_uint_eq(lab_count(lab, "subscriptions"), 1);
}
END_TEST

START_TEST(broken_states_are_refused)
{
	char state[IPC_SUB_STATE_MAX];
	size_t len;

	watch_201();
	len = lab->subs[0].len;
	memcpy(state, lab->subs[0].state, len);
	for (size_t i = 0; i < len; i++) {
		lab->subs[0].len = i;
		if (i > 0)
			lab_restart(lab);
		ck_assert_uint_eq(lab_count(lab, "subscriptions"), i == 0);
		/* Told gone: put it back. */
		lab->subs[0].id = 99;
		memcpy(lab->subs[0].state, state, len);
	}
}
END_TEST

START_TEST(a_phone_by_tcp_comes_back)
{
	struct phone *p = lab_home(lab, "170", 12);
	const char *msg;

	phone_connect(p);
	HAS(watch(p, "201", ""), "SIP/2.0 200");
	told(p);
	phone_disconnect(p);
	lab_restart(lab);
	lab_pass(lab, 60000);
	ck_assert_ptr_null(phone_expect(p, "NOTIFY"));
	ck_assert_uint_eq(lab_count(lab, "subscriptions"), 1);
	phone_connect(p);
	phone_is_back(p, "sip:170@10.77.0.12:33333;ob");
	msg = told(p);
	HAS(body(msg), "version=\"256\"");
}
END_TEST

START_TEST(a_closed_connection_is_never_written_to)
{
	struct phone *p = lab_home(lab, "170", 12);
	const char *invite;
	struct talk t;

	phone_connect(p);
	HAS(watch(p, "201", ""), "SIP/2.0 200");
	told(p);
	phone_disconnect(p);
	step(&t, &invite, 0);
	lab_pass(lab, 60000);
	ck_assert_ptr_null(phone_recv(p));
	ck_assert_uint_eq(lab_count(lab, "subscriptions"), 1);
	lab_pass(lab, 3600000);
	ck_assert_uint_eq(lab_count(lab, "subscriptions"), 0);
	ck_assert_uint_eq(lab_subs_saved(lab), 0);
}
END_TEST

Suite *
suite_subs(void)
{
	Suite *s = suite_create("subscriptions");
	TCase *c = tcase_create("BLF");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, the_first_word_comes_at_once);
	tcase_add_test(c, trying_early_confirmed_terminated);
	tcase_add_test(c, the_caller_is_watched_as_initiator);
	tcase_add_test(c, who_may_see_states_only_hears_no_names);
	tcase_add_test(c, rfc3323_who_withholds_his_name_is_not_shown_outside);
	tcase_add_test(c, who_may_see_nothing_gets_403);
	tcase_add_test(c, a_number_that_is_not_there_is_like_in_a_call);
	tcase_add_test(c, what_is_not_built_or_not_wanted_is_refused_unproved);
	tcase_add_test(c, expires_is_bounded);
	tcase_add_test(c, a_fetch_is_told_once);
	tcase_add_test(c, it_is_refreshed_and_ended_by_its_watcher);
	tcase_add_test(c, it_ends_when_its_time_is_over);
	tcase_add_test(c, the_oracle_ends_it);
	tcase_add_test(c, not_more_than_one_a_second_and_the_last_state_wins);
	tcase_add_test(c, what_ends_within_its_second_is_not_told);
	tcase_add_test(c, the_answer_to_notify_decides);
	tcase_add_test(c, a_watcher_that_is_gone_is_forgotten);
	tcase_add_test(c, another_flow_is_challenged_and_then_moves_it);
	tcase_add_test(c, another_subscriber_cannot_take_it);
	tcase_add_test(c, forged_dialogs_meet_481);
	tcase_add_test(c, an_old_cseq_is_out_of_order);
	tcase_add_test(c, a_phone_that_starts_anew_has_its_key_once);
	tcase_add_test(c, one_watcher_has_so_many_and_no_more);
	tcase_add_test(c, a_thousand_asks_fill_no_more_than_their_share);
	tcase_add_test(c, event_ids_are_kept_apart_and_said);
	tcase_add_test(c, it_outlives_sigproxy);
	tcase_add_test(c, registrar_db_away_and_back);
	tcase_add_test(c, broken_states_are_refused);
	tcase_add_test(c, a_phone_by_tcp_comes_back);
	tcase_add_test(c, a_closed_connection_is_never_written_to);
	suite_add_tcase(s, c);
	return s;
}
