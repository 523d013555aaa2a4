/* MESSAGE (RFC 3428): from one subscriber to another, and in a call. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

static struct lab *lab;
static struct phone *home, *desk;
static struct dlg d;

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

/* Sent and proved; the answer, or NULL if there is none yet. */
static const char *
text(struct phone *p, const char *number, const char *type, const char *words)
{
	return dlg_ask(&d, p, "MESSAGE", number, type, words, "");
}

START_TEST(a_home_writes_to_the_office)
{
	const char *msg;

	ck_assert_ptr_null(text(home, "200", "text/plain", "lunch?"));
	msg = phone_expect(desk, "MESSAGE");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(ruri(msg), "sip:200@192.168.10.31:5060;ob");
	ck_assert_str_eq(body(msg), "lunch?");
	ck_assert_str_eq(hdr(msg, "Content-Type"), "text/plain");
	/* The database's name, not the phone's own. */
	HAS(hdr(msg, "From"), "\"SIP-168\" <sip:168@sip.example.org>;tag=");
	ck_assert_str_eq(hdr(msg, "P-Asserted-Identity"),
	    "\"SIP-168\" <sip:168@sip.example.org>");
	ck_assert_str_eq(hdr(msg, "Contact"), "");
	ck_assert_str_eq(hdr(msg, "Authorization"), "");
	ck_assert_str_eq(hdr(msg, "User-Agent"), "");
	ck_assert_str_eq(hdr(msg, "Max-Forwards"), "69");
	LACKS(hdr(msg, "Call-ID"), "10.77.0.7");
	phone_answer(desk, msg, 200, "x", NULL);
	HAS(phone_expect(home, "SIP/2.0"), "SIP/2.0 200");
	ck_assert_uint_eq(lab_count(lab, "messages_open"), 0);
	/* No call is on record, and nothing to be ended. */
	ck_assert_uint_eq(lab->n_notes, 0);
}
END_TEST

START_TEST(the_office_writes_home_and_tells_nothing)
{
	const char *msg;

	ck_assert_ptr_null(text(desk, "168", "text/plain",
	    "the printer is at 192.0.2.9, see example.com"));
	msg = phone_expect(home, "MESSAGE");
	ck_assert_ptr_nonnull(msg);
	HAS(body(msg), "192.0.2.9");
	ck_assert_str_eq(hdr(msg, "P-Asserted-Identity"), "");
	phone_answer(home, msg, 202, "x", NULL);
	HAS(phone_expect(desk, "SIP/2.0"), "SIP/2.0 202");
}
END_TEST

START_TEST(rfc3323_5_who_withholds_his_name_writes_without_it)
{
	struct phone *third = lab_office(lab, "201", 32);
	const char *msg;

	dlg_ask(&d, desk, "MESSAGE", "168", "text/plain", "guess",
	    "Privacy: id\r\n");
	msg = phone_expect(home, "MESSAGE");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "From"),
	    "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=");
	LACKS(msg, "200");
	/* The office sees who writes. */
	dlg_ask(&d, home, "MESSAGE", "201", "text/plain", "guess",
	    "Privacy: id\r\n");
	msg = phone_expect(third, "MESSAGE");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "From"), "<sip:168@sip.example.org>;tag=");
}
END_TEST

START_TEST(programs_bodies_are_looked_at)
{
	HAS(text(desk, "168", "application/x-thing", "at 192.0.2.9"),
	    "SIP/2.0 415");
	ck_assert_ptr_null(phone_expect(home, "MESSAGE"));
	ck_assert_ptr_null(text(desk, "168", "application/x-thing", "<ok/>"));
	ck_assert_ptr_nonnull(phone_expect(home, "MESSAGE"));
}
END_TEST

START_TEST(all_devices_get_it_and_the_first_2xx_counts)
{
	struct phone *second = lab_office(lab, "200", 32);
	const char *a, *b;

	text(home, "200", "text/plain", "hi");
	a = phone_expect(desk, "MESSAGE");
	b = phone_expect(second, "MESSAGE");
	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_nonnull(b);
	ck_assert_str_ne(hdr(a, "Via"), hdr(b, "Via"));
	phone_answer(desk, a, 488, "x", NULL);
	ck_assert_ptr_null(phone_expect(home, "SIP/2.0"));
	phone_answer(second, b, 200, "x", NULL);
	HAS(phone_expect(home, "SIP/2.0"), "SIP/2.0 200");
	lab_pass(lab, 40000);
	ck_assert_uint_eq(lab_count(lab, "server_transactions"), 0);
	ck_assert_uint_eq(lab_count(lab, "client_transactions"), 0);
}
END_TEST

START_TEST(refusals_are_told_as_in_a_call)
{
	static const struct {
		unsigned status;
		const char *want;
	} row[] = {
		{ 486, "SIP/2.0 486" },
		{ 415, "SIP/2.0 415" },
		{ 401, "SIP/2.0 480" }, /* a challenge is never answered */
		{ 407, "SIP/2.0 480" },
		{ 503, "SIP/2.0 480" },
		{ 603, "SIP/2.0 603" },
		{ 302, "SIP/2.0 480" },
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		text(home, "200", "text/plain", "hi");
		phone_answer(desk, phone_expect(desk, "MESSAGE"),
		    row[i].status, "x", NULL);
		HAS(phone_expect(home, "SIP/2.0"), row[i].want);
		ck_assert_ptr_null(phone_expect(desk, "MESSAGE"));
	}
	lab->verdict = VERDICT_NOT_FOUND;
	HAS(text(home, "999", "text/plain", "hi"), "SIP/2.0 404");
	lab->verdict = 0;
	HAS(text(home, "999", "text/plain", "hi"), "SIP/2.0 480");
}
END_TEST

START_TEST(silence_is_480)
{
	text(home, "200", "text/plain", "hi");
	lab_pass(lab, 20000);
	HAS(phone_expect(home, "SIP/2.0"), "SIP/2.0 480");
	ck_assert_uint_eq(lab_count(lab, "messages_open"), 0);
}
END_TEST

START_TEST(its_senders_transaction_may_end_first)
{
	text(home, "200", "text/plain", "hi");
	lab_pass(lab, 70000);
	ck_assert_uint_eq(lab_count(lab, "messages_open"), 0);
	ck_assert_uint_eq(lab_count(lab, "server_transactions"), 0);
}
END_TEST

START_TEST(long_ones_and_many_are_refused)
{
	char words[2050];
	unsigned n;

	memset(words, 'a', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	HAS(text(home, "200", "text/plain", words), "SIP/2.0 413");
	for (n = 0; n < 50; n++) {
		const char *answer = text(home, "200", "text/plain", "hi");

		if (answer != NULL) {
			HAS(answer, "SIP/2.0 500");
			HAS(hdr(answer, "Retry-After"), "5");
			break;
		}
	}
	ck_assert_uint_eq(n, 20);
	/* Others may, and he may again after a second. */
	ck_assert_ptr_null(text(desk, "168", "text/plain", "hi"));
	lab_pass(lab, 1000);
	ck_assert_ptr_null(text(home, "200", "text/plain", "hi"));
	HAS(text(home, "200", "text/plain", "hi"), "SIP/2.0 500");
}
END_TEST

START_TEST(inside_a_call_it_is_relayed)
{
	const char *msg;
	struct talk t;

	talk_begin(&t, home, desk);
	dlg_send(&t.a, "MESSAGE", "text/plain", "can you hear me", "");
	msg = phone_expect(desk, "MESSAGE");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(body(msg), "can you hear me");
	phone_answer(desk, msg, 200, NULL, NULL);
	HAS(phone_expect(home, "SIP/2.0 200"), "MESSAGE");
}
END_TEST

START_TEST(nobody_unproved_sends_anything)
{
	struct phone *stranger = lab_stranger(lab, "666", 66);

	phone_send(stranger,
	    "MESSAGE sip:200@sip.example.org SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 10.77.0.66:5062;branch=z9hG4bKx;rport\r\n"
	    "Max-Forwards: 70\r\nFrom: <sip:168@sip.example.org>;tag=1\r\n"
	    "To: <sip:200@sip.example.org>\r\nCall-ID: x\r\n"
	    "CSeq: 1 MESSAGE\r\nContent-Type: text/plain\r\n"
	    "Content-Length: 2\r\n\r\nhi");
	HAS(phone_expect(stranger, "SIP/2.0"), "SIP/2.0 401");
	ck_assert_ptr_null(phone_expect(desk, "MESSAGE"));
	/* PUBLISH is taken for reports alone (RFC 6035), and says so. */
	phone_send(desk,
	    "PUBLISH sip:200@sip.example.org SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 192.168.10.31;branch=z9hG4bKp;rport\r\n"
	    "Max-Forwards: 70\r\nFrom: <sip:200@sip.example.org>;tag=1\r\n"
	    "To: <sip:200@sip.example.org>\r\nCall-ID: x\r\nEvent: presence\r\n"
	    "CSeq: 1 PUBLISH\r\nContent-Length: 0\r\n\r\n");
	ck_assert_str_eq(hdr(phone_expect(desk, "SIP/2.0 489"),
			     "Allow-Events"), "vq-rtcpxr");
}
END_TEST

Suite *
suite_message(void)
{
	Suite *s = suite_create("messages");
	TCase *c = tcase_create("MESSAGE");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_home_writes_to_the_office);
	tcase_add_test(c, the_office_writes_home_and_tells_nothing);
	tcase_add_test(
	    c, rfc3323_5_who_withholds_his_name_writes_without_it);
	tcase_add_test(c, programs_bodies_are_looked_at);
	tcase_add_test(c, all_devices_get_it_and_the_first_2xx_counts);
	tcase_add_test(c, refusals_are_told_as_in_a_call);
	tcase_add_test(c, silence_is_480);
	tcase_add_test(c, its_senders_transaction_may_end_first);
	tcase_add_test(c, long_ones_and_many_are_refused);
	tcase_add_test(c, inside_a_call_it_is_relayed);
	tcase_add_test(c, nobody_unproved_sends_anything);
	suite_add_tcase(s, c);
	return s;
}
