/*
 * Phones by TCP: reached by their own connection only (RFC 3261 18.2.2,
 * 17.1; RFC 5626), and what becomes of calls when that closes.
 */
#include <check.h>
#include <stdio.h>

#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

static struct lab *lab;
static struct phone *home, *desk;

static void
setup(void)
{
	lab = lab_new(60, 100);
	home = lab_stranger(lab, "168", 7);
	desk = lab_office(lab, "200", 31);
	phone_connect(home);
}

static void
teardown(void)
{
	lab_free(lab);
}

static const char *
count_and_last(struct phone *p, const char *begin, unsigned *n)
{
	const char *msg, *last = NULL;

	for (*n = 0; (msg = phone_expect(p, begin)) != NULL; ++*n)
		last = msg;
	return last;
}

START_TEST(via_and_contact_say_tcp_and_nothing_is_sent_twice)
{
	struct dlg a;
	const char *inv, *msg;
	unsigned n;

	dlg_call(&a, desk, "168", sdp_of(desk, 20000, NULL), "");
	lab_pass(lab, 20000);
	inv = count_and_last(home, "INVITE", &n);
	ck_assert_uint_eq(n, 1);	/* timer A is off */
	HAS(hdr(inv, "Via"), "SIP/2.0/TCP 203.0.113.1:5070;");
	HAS(hdr(inv, "Contact"), "@203.0.113.1:5070;transport=tcp>");
	phone_answer(home, inv, 486, "x", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 486"));
	/* The other way round: UDP keeps its timers. */
	dlg_ack(&a, a.cseq, NULL);
	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	lab_pass(lab, 3600);
	inv = count_and_last(desk, "INVITE", &n);
	ck_assert_uint_eq(n, 4);
	HAS(hdr(inv, "Via"), "SIP/2.0/UDP 192.168.10.2:5060;");
	phone_answer(desk, inv, 486, "y", NULL);
	msg = phone_expect(home, "SIP/2.0 486");
	ck_assert_ptr_nonnull(msg);
	lab_pass(lab, 20000);
	ck_assert_ptr_null(phone_expect(home, "SIP/2.0 486")); /* timer G */
	dlg_ack(&a, a.cseq, NULL);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(a_phone_whose_connection_closed_is_not_rung)
{
	struct flow was = home->flow;
	struct dlg a;

	phone_disconnect(home);
	dlg_call(&a, desk, "168", sdp_of(desk, 20000, NULL), "");
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 480"));
	dlg_ack(&a, a.cseq, NULL);
	/* Its neighbour behind the same router gets the same port. */
	phone_connect(home);
	home->flow.remote = was.remote;
	phone_disconnect(home);
	home->flow.conn = ++lab->n_conns;
	ck_assert(edge_conn_up(lab->edge, &home->flow));
	was = home->flow;
	home->flow.conn = 1;	/* what the oracle remembers */
	dlg_call(&a, desk, "168", sdp_of(desk, 20000, NULL), "");
	home->flow = was;
	home->is_closed = false;
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 480"));
	dlg_ack(&a, a.cseq, NULL);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(a_phone_that_goes_while_it_rings_is_480_at_once)
{
	struct dlg a;
	const char *inv;

	dlg_call(&a, desk, "168", sdp_of(desk, 20000, NULL), "");
	inv = phone_expect(home, "INVITE");
	phone_answer(home, inv, 180, "x", NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 180"));
	phone_disconnect(home);
	lab_pass(lab, 1);
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 480"));
	dlg_ack(&a, a.cseq, NULL);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(a_caller_that_goes_while_it_rings_is_given_up)
{
	struct dlg a;
	const char *inv;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	phone_answer(desk, inv, 180, "x", NULL);
	phone_disconnect(home);
	ck_assert_ptr_nonnull(phone_expect(desk, "CANCEL"));
	phone_answer(desk, inv, 487, "x", NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(a_cancel_works_over_tcp)
{
	struct dlg a;
	const char *inv;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	phone_answer(desk, inv, 180, "x", NULL);
	dlg_cancel(&a);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	ck_assert_ptr_nonnull(phone_expect(desk, "CANCEL"));
	phone_answer(desk, inv, 487, "x", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 487"));
	dlg_ack(&a, a.cseq, NULL);
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(a_call_goes_on_when_its_phone_registers_by_another_connection)
{
	struct talk t;
	const char *msg;

	talk_begin(&t, home, desk);
	phone_disconnect(home);
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	dlg_send(&t.b, "INVITE", "application/sdp",
	    sdp_of(desk, 20000, "sendonly"), "");
	lab_pass(lab, 3000);
	phone_connect(home);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	/* Another phone of the same number is not this one. */
	phone_is_back(home, "sip:168@10.77.0.8:5062");
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	phone_is_back(home, "sip:168@10.77.0.7:49152;transport=tcp");
	msg = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(msg);
	phone_answer(home, msg, 200, "", sdp_of(home, 30000, "recvonly"));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	lab_expect_empty(lab);
}
END_TEST

#define OLD_CONTACT "sip:168@10.77.0.7:49152;transport=tcp"

/* The desk hangs up while the home's connection is away. */
static void
hang_up_away(struct talk *t)
{
	talk_begin(t, home, desk);
	phone_disconnect(home);
	dlg_send(&t->b, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	lab_pass(lab, 600);
	ck_assert_uint_eq(lab_note(lab)->state, CALL_ENDED);
	ck_assert_uint_eq(lab_note(lab)->status, 200);
	ck_assert_uint_eq(lab_count(lab, "channels"), 0);
	ck_assert_uint_eq(lab_count(lab, "byes_owed"), 1);
	ck_assert_uint_eq(lab_saved(lab), 1);
}

static void
expect_bye_and_nothing_more(void)
{
	unsigned notes = lab->n_notes;
	const char *bye = phone_expect(home, "BYE");

	ck_assert_ptr_nonnull(bye);
	ck_assert_uint_eq(lab_saved(lab), 1);
	phone_answer(home, bye, 200, "", NULL);
	ck_assert_uint_eq(lab_saved(lab), 0);
	lab_expect_empty(lab);
	lab_pass(lab, 200000);
	ck_assert_ptr_null(phone_expect(home, "BYE"));
	ck_assert_ptr_null(phone_expect(desk, "BYE"));
	ck_assert_uint_eq(lab->n_notes, notes);
}

START_TEST(a_bye_waits_for_a_phone_that_is_away)
{
	static const unsigned away_ms[] = { 0, 2000, 20000, 134000 };
	struct talk t;

	hang_up_away(&t);
	lab_pass(lab, away_ms[_i]);
	phone_connect(home);
	phone_is_back(home, "sip:168@10.77.0.8:5062");	/* not this one */
	ck_assert_ptr_null(phone_expect(home, "BYE"));
	phone_is_back(home, OLD_CONTACT);
	expect_bye_and_nothing_more();
}
END_TEST

START_TEST(a_bye_waits_through_restarts)
{
	struct talk t;

	hang_up_away(&t);
	for (unsigned i = 0; i < 2; i++) {
		lab->saves[0].over = true;
		lab_pass(lab, 50000);
		lab_restart(lab);
		ck_assert_uint_eq(lab_count(lab, "byes_owed"), 1);
		ck_assert_uint_eq(lab_count(lab, "channels"), 0);
		lab_pass(lab, 20000);
		ck_assert_ptr_null(phone_expect(desk, "BYE"));
	}
	phone_connect(home);
	phone_is_back(home, OLD_CONTACT);
	expect_bye_and_nothing_more();
}
END_TEST

/* It left, but whether the phone read it nobody knows. */
START_TEST(a_bye_whose_connection_closes_under_it_is_said_again)
{
	struct talk t;

	talk_begin(&t, home, desk);
	dlg_send(&t.b, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
	lab_pass(lab, 1000);
	if (_i == 2) {
		home->is_closed = true;
		lab_restart(lab);
	} else {
		phone_disconnect(home);
	}
	lab_pass(lab, _i == 0 ? 1000 : 30000);
	phone_connect(home);
	phone_is_back(home, OLD_CONTACT);
	expect_bye_and_nothing_more();
}
END_TEST

START_TEST(a_bye_that_waits_is_said_by_another_kind_of_stream)
{
	struct talk t;

	talk_begin(&t, home, desk);
	dlg_send(&t.b, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
	phone_disconnect(home);
	lab_pass(lab, 1000);
	phone_connect_tls(home, false);
	phone_is_back(home, OLD_CONTACT);
	expect_bye_and_nothing_more();
}
END_TEST

START_TEST(a_bye_does_not_wait_for_ever)
{
	struct talk t;

	hang_up_away(&t);
	lab_pass(lab, 181000);
	ck_assert_uint_eq(lab_saved(lab), 0);
	lab_expect_empty(lab);
	/* Nor for an answer. */
	phone_connect(home);
	talk_begin(&t, home, desk);
	dlg_send(&t.b, "BYE", NULL, NULL, "");
	lab_pass(lab, 33000);
	ck_assert_uint_eq(lab_saved(lab), 0);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(byes_that_wait_leave_room_for_calls)
{
	struct talk t;
	struct lab *small = lab_new(60, 8);

	lab_free(lab);
	lab = small;
	home = lab_stranger(lab, "168", 7);
	desk = lab_office(lab, "200", 31);
	for (unsigned i = 0; i < 6; i++) {
		phone_connect(home);
		talk_begin(&t, home, desk);
		phone_disconnect(home);
		dlg_send(&t.b, "BYE", NULL, NULL, "");
		lab_pass(lab, 600);
	}
	ck_assert_uint_eq(lab_count(lab, "byes_owed"), 2);
	ck_assert_uint_eq(lab_count(lab, "calls"), 2);
	lab_pass(lab, 181000);
	lab_expect_empty(lab);
}
END_TEST

/* It tells us itself, by its new connection. */
START_TEST(one_number_leaves_waiting_byes_for_others)
{
	struct phone *bad, *good;
	struct talk t;

	lab_free(lab);
	lab = lab_new(60, 60);
	bad = lab_stranger(lab, "666", 7);
	good = lab_stranger(lab, "168", 8);
	desk = lab_office(lab, "200", 31);
	for (unsigned i = 0; i < 20; i++) {
		phone_connect(bad);
		talk_begin(&t, bad, desk);
		phone_disconnect(bad);
		dlg_send(&t.b, "BYE", NULL, NULL, "");
		lab_pass(lab, 600);
	}
	ck_assert_uint_eq(lab_count(lab, "byes_owed"), 4);
	phone_connect(good);
	talk_begin(&t, good, desk);
	phone_disconnect(good);
	dlg_send(&t.b, "BYE", NULL, NULL, "");
	lab_pass(lab, 2000);
	phone_connect(good);
	phone_is_back(good, "sip:168@10.77.0.8:49152;transport=tcp");
	ck_assert_ptr_nonnull(phone_expect(good, "BYE"));
}
END_TEST

START_TEST(another_phone_of_the_number_at_the_same_private_address_hears_no_bye)
{
	struct phone *other = lab_stranger(lab, "168", 9);
	struct talk t;

	hang_up_away(&t);
	other->host = home->host;
	phone_connect(other);
	phone_is_back(other, "sip:168@10.77.0.7:5099;transport=tcp");
	ck_assert_ptr_null(phone_expect(other, "BYE"));
	phone_connect(home);
	phone_is_back(home, OLD_CONTACT);
	ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
}
END_TEST

START_TEST(a_phone_that_hangs_up_after_the_end_is_not_told_again)
{
	struct talk t;
	const char *msg;

	hang_up_away(&t);
	phone_connect(home);
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	msg = phone_expect(home, "SIP/2.0 401");
	ck_assert_ptr_nonnull(msg);
	dlg_send_auth(&t.a, "BYE", msg);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 481"));
	ck_assert_uint_eq(lab_saved(lab), 0);
	lab_expect_empty(lab);
}
END_TEST

/* The admin said so in the table. */
START_TEST(a_call_ended_in_the_record_ends_at_both_phones_with_a_restart)
{
	unsigned notes;
	struct talk t;
	const char *msg;

	talk_begin(&t, home, desk);
	notes = lab->n_notes;
	home->is_closed = true;
	lab->saves[0].over = true;
	lab_restart(lab);
	msg = phone_expect(desk, "BYE");
	ck_assert_ptr_nonnull(msg);
	phone_answer(desk, msg, 200, "", NULL);
	ck_assert_uint_eq(lab->n_notes, notes);
	lab_pass(lab, 600);
	ck_assert_uint_eq(lab_count(lab, "channels"), 0);
	phone_connect(home);
	phone_is_back(home, OLD_CONTACT);
	expect_bye_and_nothing_more();
}
END_TEST

/* 14.1: 408 and 481 would end the call, which is fine but for this. */
START_TEST(what_cannot_reach_a_phone_that_is_away_does_not_end_its_call)
{
	static const char *const method[] = { "INVITE", "UPDATE", "INFO" };
	struct talk t;
	const char *msg;

	talk_begin(&t, home, desk);
	for (unsigned i = 0; i < 3; i++) {
		if (_i == 0 && i == 0)
			phone_disconnect(home);
		if (_i == 1 && i == 0) {
			home->is_closed = true;
			lab_restart(lab);
		}
		dlg_send(&t.b, method[i], i < 2 ? "application/sdp" : NULL,
		    i < 2 ? sdp_of(desk, 20000, "sendonly") : NULL, "");
		lab_pass(lab, 5000);
		msg = phone_expect(desk, "SIP/2.0 480");
		ck_assert_msg(msg != NULL, "%s", method[i]);
		HAS(msg, "Retry-After: ");
		if (i == 0)
			dlg_ack(&t.b, t.b.cseq, NULL);
		ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	}
	lab_pass(lab, 60000);
	phone_connect(home);
	phone_is_back(home, OLD_CONTACT);
	dlg_send(&t.b, "INVITE", "application/sdp",
	    sdp_of(desk, 20000, "sendonly"), "");
	msg = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(msg);
	phone_answer(home, msg, 200, "", sdp_of(home, 30000, "recvonly"));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	lab_expect_empty(lab);
}
END_TEST

/* A hold may be refused; by another connection it is asked in full time. */
START_TEST(a_phone_back_in_time_has_time_to_answer)
{
	struct talk t;
	const char *msg;

	talk_begin(&t, home, desk);
	dlg_send(&t.b, "INVITE", "application/sdp",
	    sdp_of(desk, 20000, "sendonly"), "");
	msg = phone_expect(home, "INVITE");
	phone_answer(home, msg, 180, "", NULL);
	lab_pass(lab, 20000);
	phone_disconnect(home);
	lab_pass(lab, 3000);
	phone_connect(home);
	phone_is_back(home, OLD_CONTACT);
	msg = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(msg);
	lab_pass(lab, 60000);	/* it rang before */
	phone_answer(home, msg, 200, "", sdp_of(home, 30000, "recvonly"));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
}
END_TEST

/* Its first proof by a connection need not be a REGISTER. */
START_TEST(a_phone_that_calls_by_a_new_connection_hears_that_it_hung_up)
{
	struct phone *third = lab_office(lab, "201", 32);
	struct talk t;
	struct dlg d;
	const char *bye;

	hang_up_away(&t);
	phone_connect(home);
	dlg_call(&d, home, "201", sdp_of(home, 30002, NULL), "");
	bye = phone_expect(home, "BYE");
	ck_assert_ptr_nonnull(bye);
	phone_answer(home, bye, 200, "", NULL);
	phone_answer(third, phone_expect(third, "INVITE"), 486, "x", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 486"));
	dlg_ack(&d, d.cseq, NULL);
	lab_pass(lab, 33000);
	lab_expect_empty(lab);
}
END_TEST

/* Its first proof by a connection need not be a REGISTER. */
START_TEST(a_phone_that_calls_before_it_registers_gets_its_old_call_back)
{
	struct phone *third = lab_office(lab, "201", 32);
	struct talk t;
	struct dlg d;
	const char *msg;

	talk_begin(&t, home, desk);
	phone_disconnect(home);
	phone_connect(home);
	dlg_call(&d, home, "201", sdp_of(home, 30002, NULL), "");
	phone_answer(third, phone_expect(third, "INVITE"), 486, "x", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 486"));
	dlg_ack(&d, d.cseq, NULL);
	msg = dlg_ask(&d, home, "REGISTER", "168", NULL, NULL, "");
	HAS(msg, "SIP/2.0 200");
	dlg_send(&t.b, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(a_phone_that_lives_is_not_moved_by_another_register)
{
	struct phone *other = lab_stranger(lab, "168", 7);
	struct talk t;

	lab->stolen = true;	/* both say 10.77.0.7 */
	talk_begin(&t, home, desk);
	other->flow.remote.port = 41000;
	phone_connect(other);
	phone_is_back(other, "sip:168@10.77.0.7:5062");
	dlg_send(&t.b, "BYE", NULL, NULL, "");
	ck_assert_ptr_null(phone_expect(other, "BYE"));
	ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
}
END_TEST

START_TEST(after_a_restart_a_call_goes_on_by_a_new_connection)
{
	struct talk t;
	const char *msg;

	talk_begin(&t, home, desk);
	home->is_closed = true;
	lab_restart(lab);
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	phone_connect(home);
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	msg = phone_expect(home, "SIP/2.0 401");
	ck_assert_ptr_nonnull(msg);
	dlg_send_auth(&t.a, "BYE", msg);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	lab_expect_empty(lab);
}
END_TEST

START_TEST(after_a_restart_who_rang_for_a_caller_by_tcp_stops)
{
	struct dlg a;
	const char *inv;

	dlg_call(&a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	phone_answer(desk, inv, 180, "x", NULL);
	home->is_closed = true;
	lab_restart(lab);
	inv = phone_expect(desk, "INVITE");	/* as it was */
	ck_assert_ptr_nonnull(inv);
	phone_answer(desk, inv, 180, "x", NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "CANCEL"));
	phone_answer(desk, inv, 487, "x", NULL);
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(the_table_is_fixed_and_the_office_is_for_the_office)
{
	struct flow f = home->flow;

	for (uint64_t i = 2; i <= 4; i++) {
		f.conn = i;
		ck_assert(edge_conn_up(lab->edge, &f));
		ck_assert(!edge_conn_up(lab->edge, &f));
		ck_assert(!edge_conn_carries(lab->edge, &f));
	}
	f.conn = 5;
	ck_assert(!edge_conn_up(lab->edge, &f));
	f.conn = 4;
	edge_conn_down(lab->edge, lab->now, lab->steps, &f);
	f.conn = 6;
	f.zone = ZONE_INTERNAL;
	ck_assert(!edge_conn_up(lab->edge, &f));
	f.zone = ZONE_EXTERNAL;
	ck_assert(edge_conn_up(lab->edge, &f));
}
END_TEST

START_TEST(a_stream_that_is_lost_gets_a_last_answer)
{
#define HEAD "OPTIONS sip:sip.example.org SIP/2.0\r\n"                          \
	"Via: SIP/2.0/TCP 10.77.0.7;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n" \
	"To: <sip:sip.example.org>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n"
	static const struct {
		const char *head, *answer;
	} rows[] = {
		{ HEAD "\r\n", "SIP/2.0 400 Missing Content-Length" },
		{ HEAD "l: x\r\n\r\n", "SIP/2.0 400 Malformed Content-Length" },
		{ HEAD "l: 99999\r\n\r\n", "SIP/2.0 513" },
		{ HEAD "X: y", "SIP/2.0 400" },
		{ "", NULL },
		{ "OPTIONS", NULL },
		{ "SIP/2.0 200 OK\r\n\r\n", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *msg;

		phone_loses_frame(home, rows[i].head);
		msg = phone_recv(home);
		if (rows[i].answer == NULL)
			ck_assert_ptr_null(msg);
		else
			ck_assert_msg(msg != NULL && strncmp(msg,
			    rows[i].answer, strlen(rows[i].answer)) == 0,
			    "%s: %s", rows[i].answer, msg ? msg : "nothing");
	}
}
END_TEST

Suite *
suite_tcp(void)
{
	Suite *s = suite_create("tcp");
	TCase *c = tcase_create("all");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, via_and_contact_say_tcp_and_nothing_is_sent_twice);
	tcase_add_test(c, a_phone_whose_connection_closed_is_not_rung);
	tcase_add_test(c, a_phone_that_goes_while_it_rings_is_480_at_once);
	tcase_add_test(c, a_caller_that_goes_while_it_rings_is_given_up);
	tcase_add_test(c, a_cancel_works_over_tcp);
	tcase_add_test(c,
	    a_call_goes_on_when_its_phone_registers_by_another_connection);
	tcase_add_loop_test(c, a_bye_waits_for_a_phone_that_is_away, 0, 4);
	tcase_add_test(c, a_bye_waits_through_restarts);
	tcase_add_loop_test(
	    c, a_bye_whose_connection_closes_under_it_is_said_again, 0, 3);
	tcase_add_test(c, a_bye_that_waits_is_said_by_another_kind_of_stream);
	tcase_add_test(c, a_bye_does_not_wait_for_ever);
	tcase_add_test(c, byes_that_wait_leave_room_for_calls);
	tcase_add_test(c, one_number_leaves_waiting_byes_for_others);
	tcase_add_test(c,
	    another_phone_of_the_number_at_the_same_private_address_hears_no_bye);
	tcase_add_test(c, a_phone_that_hangs_up_after_the_end_is_not_told_again);
	tcase_add_test(c,
	    a_call_ended_in_the_record_ends_at_both_phones_with_a_restart);
	tcase_add_loop_test(c,
	    what_cannot_reach_a_phone_that_is_away_does_not_end_its_call, 0, 2);
	tcase_add_test(c, a_phone_back_in_time_has_time_to_answer);
	tcase_add_test(
	    c, a_phone_that_calls_by_a_new_connection_hears_that_it_hung_up);
	tcase_add_test(c,
	    a_phone_that_calls_before_it_registers_gets_its_old_call_back);
	tcase_add_test(c, a_phone_that_lives_is_not_moved_by_another_register);
	tcase_add_test(c, after_a_restart_a_call_goes_on_by_a_new_connection);
	tcase_add_test(c, after_a_restart_who_rang_for_a_caller_by_tcp_stops);
	tcase_add_test(c, the_table_is_fixed_and_the_office_is_for_the_office);
	tcase_add_test(c, a_stream_that_is_lost_gets_a_last_answer);
	suite_add_tcase(s, c);
	return s;
}
