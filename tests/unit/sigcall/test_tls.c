/*
 * Phones by TLS: how we call ourselves, sips: (RFC 3261 26.2.2, RFC 5630),
 * and what is said of those who cannot.
 */
#include <check.h>
#include <stdio.h>

#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

static struct lab *lab;
static struct phone *home, *desk, *other;

static void
setup(void)
{
	lab = lab_new(60, 100);
	home = lab_stranger(lab, "168", 7);
	desk = lab_office(lab, "200", 31);
	other = lab_stranger(lab, "201", 8);
}

static void
teardown(void)
{
	lab_free(lab);
}

/* Answered, acknowledged; the called one hangs up. */
static void
rest_of_call(struct dlg *a, struct phone *callee, const char *invite)
{
	struct dlg b;
	const char *msg;

	phone_answer(callee, invite, 200, "x", sdp_of(callee, 30000, NULL));
	msg = phone_expect(a->phone, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	dlg_learn(a, msg);
	dlg_ack(a, a->cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(callee, "ACK"));
	dlg_from_invite(&b, callee, invite);
	snprintf(b.local + strlen(b.local) - strlen(";tag=tNNN"), 16,
	    ";tag=x");
	dlg_send(&b, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(callee, "SIP/2.0 200"));
	msg = phone_expect(a->phone, "BYE");
	ck_assert_ptr_nonnull(msg);
	phone_answer(a->phone, msg, 200, "", NULL);
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}

START_TEST(via_and_contact_say_tls)
{
	const char *inv;
	struct dlg a;

	phone_connect_tls(home, false);
	dlg_call(&a, desk, "168", sdp_of(desk, 20000, NULL), "");
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(hdr(inv, "Via"), "SIP/2.0/TLS 203.0.113.1:5071;");
	HAS(hdr(inv, "Contact"), "<sip:");
	HAS(hdr(inv, "Contact"), "@203.0.113.1:5071;transport=tls>");
	rest_of_call(&a, home, inv);
}
END_TEST

START_TEST(inside_too)
{
	const char *inv;
	struct dlg a;

	phone_connect_tls(desk, false);
	phone_connect_tls(home, false);
	dlg_call(&a, home, "200", sdp_of(home, 20000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(hdr(inv, "Via"), "SIP/2.0/TLS 192.168.10.2:5062;");
	HAS(hdr(inv, "Contact"), "@192.168.10.2:5062;transport=tls>");
	rest_of_call(&a, desk, inv);
}
END_TEST

/* 8.1.1.8: who is called by sips: is shown sips:. */
START_TEST(a_sips_phone_is_shown_a_sips_contact)
{
	const char *inv;
	struct dlg a;

	phone_connect_tls(home, true);
	dlg_call(&a, desk, "168", sdp_of(desk, 20000, NULL), "");
	inv = phone_expect(home, "INVITE sips:168@");
	ck_assert_ptr_nonnull(inv);
	HAS(hdr(inv, "Contact"), "<sips:");
	HAS(hdr(inv, "Contact"), "@203.0.113.1:5071>");
	LACKS(hdr(inv, "Contact"), "transport");
	rest_of_call(&a, home, inv);
}
END_TEST

/* 12.1.1; and the dialog goes on by that Contact. */
START_TEST(sips_to_the_office)
{
	const char *inv, *ok;
	struct dlg a;

	phone_connect_tls(home, true);
	dlg_call(&a, home, "200", sdp_of(home, 20000, NULL), "");
	inv = phone_expect(desk, "INVITE sip:200@");
	ck_assert_ptr_nonnull(inv);
	HAS(hdr(inv, "Contact"), "<sip:");
	phone_answer(desk, inv, 200, "x", sdp_of(desk, 30000, NULL));
	ok = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(ok);
	HAS(hdr(ok, "Contact"), "<sips:");
	dlg_learn(&a, ok);
	dlg_ack(&a, a.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	dlg_send(&a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	phone_answer(desk, phone_expect(desk, "BYE"), 200, "", NULL);
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(sips_from_home_to_home_by_tls)
{
	const char *inv;
	struct dlg a;

	phone_connect_tls(home, true);
	phone_connect_tls(other, false);
	dlg_call(&a, home, "201", sdp_of(home, 20000, NULL), "");
	inv = phone_expect(other, "INVITE sip:201@");
	ck_assert_ptr_nonnull(inv);
	rest_of_call(&a, other, inv);
}
END_TEST

/* RFC 5630 4.2: never in clear through the internet. */
START_TEST(sips_that_cannot_be_kept)
{
	const char *msg;
	struct dlg a;

	phone_connect_tls(home, true);
	dlg_call(&a, home, "201", sdp_of(home, 20000, NULL), "");
	msg = phone_expect(home, "SIP/2.0 480");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "Warning"), "380 ");
	ck_assert_ptr_null(phone_expect(other, "INVITE"));
	dlg_ack(&a, a.cseq, NULL);
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

static const char *
tag_in(const char *name)
{
	return strstr(name, ";tag=") + 5;
}

/* RFC 3891 rings the phone that talks: that one by UDP, though its number has
 * another one by TLS. */
START_TEST(sips_that_replaces_a_call_in_clear)
{
	struct phone *second;
	char line[512];
	const char *msg;
	struct talk t;
	struct dlg a;

	talk_begin(&t, desk, other);
	second = lab_stranger(lab, "201", 9);
	phone_connect_tls(home, true);
	phone_connect_tls(second, true);
	snprintf(line, sizeof(line), "Replaces: %s;to-tag=%s;from-tag=%s\r\n",
	    t.b.call_id, tag_in(t.b.local), tag_in(t.b.remote));
	dlg_call(&a, home, "201", sdp_of(home, 20000, NULL), line);
	ck_assert_ptr_null(phone_expect(other, "INVITE"));
	msg = phone_expect(home, "SIP/2.0 480");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "Warning"), "380 ");
	dlg_ack(&a, a.cseq, NULL);
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
}
END_TEST

/* Of two devices the one by TLS rings. */
START_TEST(sips_rings_those_it_may)
{
	struct phone *second = lab_stranger(lab, "201", 9);
	const char *inv;
	struct dlg a;

	phone_connect_tls(home, true);
	phone_connect_tls(second, true);
	dlg_call(&a, home, "201", sdp_of(home, 20000, NULL), "");
	inv = phone_expect(second, "INVITE sips:");
	ck_assert_ptr_nonnull(inv);
	ck_assert_ptr_null(phone_expect(other, "INVITE"));
	rest_of_call(&a, second, inv);
}
END_TEST

START_TEST(sips_in_clear_is_refused)
{
	struct phone *p = _i == 0 ? desk : home;

	phone_send(p,
	    "%s sips:200@sip.example.org SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP %s:%u;branch=z9hG4bK-s%d;rport\r\n"
	    "Max-Forwards: 70\r\nFrom: <sip:168@sip.example.org>;tag=1\r\n"
	    "To: <sips:200@sip.example.org>\r\nCall-ID: sips%d\r\n"
	    "CSeq: 1 %s\r\nContact: <sips:168@%s:%u>\r\n"
	    "Content-Length: 0\r\n\r\n",
	    "OPTIONS", p->host, p->port, _i, _i, "OPTIONS", p->host, p->port);
	ck_assert_ptr_nonnull(phone_expect(p, "SIP/2.0 416"));
	lab_expect_empty(lab);
}
END_TEST

/* Whoever writes sips:112 without TLS needs help all the same. */
START_TEST(sips_in_clear_calls_for_help)
{
	struct dlg a;

	home->is_sips = true;
	lab->emergency = _i == 1;
	dlg_call(&a, home, "sips:200@sip.example.org",
	    sdp_of(home, 20000, NULL), "");
	if (_i == 0)
		ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 416"));
	else
		ck_assert_ptr_nonnull(phone_expect(desk, "INVITE"));
}
END_TEST

static const struct step *
line_of(const char *event)
{
	for (unsigned i = 0; i < lab->steps->n; i++) {
		const struct step *st = &lab->steps->step[i];

		if (st->kind == STEP_LOG && strcmp(st->event, event) == 0)
			return st;
	}
	return NULL;
}

START_TEST(who_cannot_is_told_as_often_as_others)
{
	struct edge_tls_refusal r = { .event = "tls-too-old",
		.advice = "update it", .versions = SPAN_LIT("up to TLS 1.1"),
		.ciphers = SPAN_LIT("AES128-SHA"), .n_ciphers = 1 };
	unsigned n = 0;

	for (unsigned i = 0; i < 50; i++) {
		steps_clear(lab->steps);
		edge_tls_refused(lab->edge, lab->now, lab->steps, &home->flow,
		    &r);
		n += line_of("tls-too-old") != NULL;
	}
	ck_assert_uint_eq(n, 10);
	steps_clear(lab->steps);
	lab->now = mono_add_ms(lab->now, 1000);
	edge_tls_refused(lab->edge, lab->now, lab->steps, &home->flow, &r);
	ck_assert_ptr_nonnull(line_of("tls-too-old"));
	/* left out, from, offered, ciphers, which, remedy */
	ck_assert_uint_eq(line_of("tls-too-old")->n_keys, 6);
	steps_clear(lab->steps);
}
END_TEST

Suite *
suite_tls(void)
{
	Suite *s = suite_create("tls");
	TCase *c = tcase_create("all");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, via_and_contact_say_tls);
	tcase_add_test(c, inside_too);
	tcase_add_test(c, a_sips_phone_is_shown_a_sips_contact);
	tcase_add_test(c, sips_to_the_office);
	tcase_add_test(c, sips_from_home_to_home_by_tls);
	tcase_add_test(c, sips_that_cannot_be_kept);
	tcase_add_test(c, sips_that_replaces_a_call_in_clear);
	tcase_add_test(c, sips_rings_those_it_may);
	tcase_add_loop_test(c, sips_in_clear_is_refused, 0, 2);
	tcase_add_loop_test(c, sips_in_clear_calls_for_help, 0, 2);
	tcase_add_test(c, who_cannot_is_told_as_often_as_others);
	suite_add_tcase(s, c);
	return s;
}
