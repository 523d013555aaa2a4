/* Phones' reports of how a call sounded (RFC 6035), and the relay's. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "sigproxy/core/report.h"
#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

#define TYPE "application/vq-rtcpxr"
#define EVENT "Event: vq-rtcpxr\r\n"

static struct lab *lab;
static struct phone *home, *desk, *other;
static struct talk t;
static struct dlg w;

static void
setup(void)
{
	lab = lab_new(60, 100);
	home = lab_home(lab, "168", 7);
	desk = lab_office(lab, "200", 31);
	other = lab_home(lab, "169", 8);
	talk_begin(&t, home, desk);
	lab->n_quality = 0;
}

static void
teardown(void)
{
	lab_free(lab);
}

static const char *
report_of(const char *call_id)
{
	static char text[512];

	snprintf(text, sizeof(text), "VQSessionReport: CallTerm\r\n"
	    "CallID: %s\r\nLocalMetrics:\r\nPacketLoss:NLR=5.0 JDR=2.0\r\n"
	    "Delay:RTD=200 IAJ=2\r\nQualityEst:MOSLQ=3.9\r\n", call_id);
	return text;
}

static const char *
publish(struct phone *p, const char *call_id)
{
	return dlg_ask(&w, p, "PUBLISH", "collector", TYPE,
	    report_of(call_id), EVENT);
}

static void
assert_noted(unsigned n, uint8_t called)
{
	const struct ipc_quality *q = &lab->quality.quality;

	ck_assert_uint_eq(lab->n_quality, n);
	ck_assert_uint_eq(lab->quality.called, called);
	ck_assert_uint_eq(q->said.known,
	    FIGURE_LOSS | FIGURE_JITTER | FIGURE_RTT);
	ck_assert_uint_eq(q->said.loss_permyriad, 700);
	ck_assert_uint_eq(q->said.mos_centi, 390);
	ck_assert_uint_eq(q->came.known | q->heard.known, 0);
}

START_TEST(each_phone_reports_by_the_call_id_it_knows)
{
	const char *msg = publish(home, t.a.call_id);

	HAS(msg, "SIP/2.0 200");
	ck_assert_str_ne(hdr(msg, "SIP-ETag"), "");
	assert_noted(1, 0);
	/* The desk knows another one: the caller's holds an address. */
	ck_assert_str_ne(t.a.call_id, t.b.call_id);
	HAS(publish(desk, t.b.call_id), "SIP/2.0 200");
	assert_noted(2, 1);
	ck_assert_ptr_null(phone_recv(home));
}
END_TEST

START_TEST(a_notify_does_too)
{
	HAS(dlg_ask(&w, home, "NOTIFY", "168", TYPE, report_of(t.a.call_id),
		EVENT "Subscription-State: active\r\n"), "SIP/2.0 200");
	assert_noted(1, 0);
}
END_TEST

START_TEST(inside_the_call_it_needs_no_proof_and_goes_nowhere)
{
	dlg_send(&t.b, "NOTIFY", TYPE, report_of(t.b.call_id), EVENT);
	HAS(phone_expect(desk, "SIP/2.0"), "SIP/2.0 200");
	assert_noted(1, 1);
	ck_assert_ptr_null(phone_recv(home));
	dlg_send(&t.b, "INFO", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "INFO"));
}
END_TEST

START_TEST(after_the_end_for_a_minute)
{
	uint64_t ticket;

	dlg_send(&t.a, "BYE", NULL, NULL, "");
	phone_answer(desk, phone_expect(desk, "BYE"), 200, NULL, NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	lab_pass(lab, 40000);
	ticket = lab->notes[0].ticket;
	HAS(publish(home, t.a.call_id), "SIP/2.0 200");
	assert_noted(1, 0);
	ck_assert_uint_eq(lab->quality.ticket, ticket);
	HAS(publish(desk, t.b.call_id), "SIP/2.0 200");
	assert_noted(2, 1);
	lab_pass(lab, 30000);
	HAS(publish(home, t.a.call_id), "SIP/2.0 200");
	ck_assert_uint_eq(lab->n_quality, 2);
}
END_TEST

START_TEST(of_anothers_call_nothing_is_noted)
{
	HAS(publish(other, t.a.call_id), "SIP/2.0 200");
	HAS(publish(home, t.b.call_id), "SIP/2.0 200");
	HAS(publish(home, "nobody's"), "SIP/2.0 200");
	ck_assert_uint_eq(lab->n_quality, 0);
}
END_TEST

START_TEST(a_stranger_is_challenged)
{
	static const char *const methods[] = { "PUBLISH", "NOTIFY" };
	struct phone *stranger = lab_stranger(lab, "168", 66);

	for (unsigned i = 0; i < 2; i++) {
		phone_send(stranger, "%s sip:168@sip.example.org SIP/2.0\r\n"
		    "Via: SIP/2.0/UDP 10.77.0.66:5062;branch=z9hG4bKx%u;rport"
		    "\r\nMax-Forwards: 70\r\n"
		    "From: <sip:168@sip.example.org>;tag=1\r\n"
		    "To: <sip:168@sip.example.org>\r\nCall-ID: x\r\n"
		    "CSeq: 1 %s\r\n" EVENT "Content-Type: " TYPE "\r\n"
		    "Content-Length: %zu\r\n\r\n%s", methods[i], i,
		    methods[i], strlen(report_of(t.a.call_id)),
		    report_of(t.a.call_id));
		HAS(phone_expect(stranger, "SIP/2.0"), "SIP/2.0 401");
	}
	ck_assert_uint_eq(lab->n_quality, 0);
}
END_TEST

START_TEST(other_bodies_are_415_and_nonsense_is_dropped)
{
	const char *msg = dlg_ask(&w, home, "PUBLISH", "168", "text/plain",
	    report_of(t.a.call_id), EVENT);

	HAS(msg, "SIP/2.0 415");
	ck_assert_str_eq(hdr(msg, "Accept"), TYPE);
	HAS(dlg_ask(&w, home, "PUBLISH", "168", TYPE, "x\r\n", EVENT),
	    "SIP/2.0 200");
	HAS(dlg_ask(&w, home, "PUBLISH", "168", TYPE,
		report_of(t.a.call_id), "Event: presence\r\n"),
	    "SIP/2.0 489");
	ck_assert_uint_eq(lab->n_quality, 0);
}
END_TEST

/* ---- what the relay says ---- */

static void
relay_tells(uint8_t end, uint8_t stream)
{
	struct ipc_relay_quality m = { .session = lab->session, .end = end,
		.stream = stream, .quality = { .expected = 250, .resumed = 1,
		.came = { FIGURE_LOSS, 120, 0, 0, 430 } } };

	lab_quality(lab, &m);
}

START_TEST(what_the_relay_measures_is_told_of_sound_alone)
{
	relay_tells(0, 1);
	relay_tells(1, 3);
	relay_tells(7, 0);
	ck_assert_uint_eq(lab->n_quality, 0);
	relay_tells(0, 0);
	ck_assert_uint_eq(lab->n_quality, 1);
	ck_assert_uint_eq(lab->quality.called, 0);
	ck_assert_uint_eq(lab->quality.quality.expected, 250);
	ck_assert_uint_eq(lab->quality.quality.resumed, 1);
	ck_assert_uint_eq(lab->quality.quality.came.mos_centi, 430);
}
END_TEST

Suite *
suite_report(void)
{
	Suite *s = suite_create("quality");
	TCase *c = tcase_create("RFC 6035");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, each_phone_reports_by_the_call_id_it_knows);
	tcase_add_test(c, a_notify_does_too);
	tcase_add_test(c, inside_the_call_it_needs_no_proof_and_goes_nowhere);
	tcase_add_test(c, after_the_end_for_a_minute);
	tcase_add_test(c, of_anothers_call_nothing_is_noted);
	tcase_add_test(c, a_stranger_is_challenged);
	tcase_add_test(c, other_bodies_are_415_and_nonsense_is_dropped);
	tcase_add_test(c, what_the_relay_measures_is_told_of_sound_alone);
	suite_add_tcase(s, c);
	return s;
}
