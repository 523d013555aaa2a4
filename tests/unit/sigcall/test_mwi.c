/* Lamps (RFC 3842): who may say it, who is told, and what survives. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "sigproxy/core/mwi.h"
#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

#define SUMMARY "application/simple-message-summary"

static struct lab *lab;
static struct phone *home, *desk, *pbx;
static struct dlg w, d;

static void
setup(void)
{
	lab = lab_new(60, 100);
	home = lab_home(lab, "168", 7);
	desk = lab_office(lab, "200", 31);
	pbx = lab_office(lab, "900", 40); /* [site] mwi_source */
}

static void
teardown(void)
{
	lab_free(lab);
}

static const char *
say_as(struct phone *p, const char *number, const char *event,
    const char *type, const char *text)
{
	char lines[128];

	snprintf(lines, sizeof(lines),
	    "Event: %s\r\nSubscription-State: active\r\n", event);
	return dlg_ask(&d, p, "NOTIFY", number, type, text, lines);
}

static const char *
say(const char *text)
{
	return say_as(pbx, "168", "message-summary", SUMMARY, text);
}

static const char *
subscribe(struct phone *p, const char *number)
{
	return dlg_ask(&w, p, "SUBSCRIBE", number, NULL, NULL,
	    "Event: message-summary\r\nAccept: " SUMMARY "\r\n");
}

static const char *
told(struct phone *p)
{
	const char *msg = phone_expect(p, "NOTIFY");

	ck_assert_msg(msg != NULL, "no NOTIFY");
	phone_answer(p, msg, 200, NULL, NULL);
	return msg;
}

START_TEST(the_lamp_follows_the_voicemail)
{
	const char *msg;

	HAS(subscribe(home, "168"), "SIP/2.0 200");
	msg = told(home);
	ck_assert_str_eq(hdr(msg, "Event"), "message-summary");
	ck_assert_str_eq(hdr(msg, "Content-Type"), SUMMARY);
	ck_assert_str_eq(body(msg), "Messages-Waiting: no\r\n"
	    "Message-Account: sip:168@sip.example.org\r\n");
	lab_pass(lab, 1000);
	HAS(say("Messages-Waiting: yes\r\n"
		"Message-Account: sip:168@192.168.10.40\r\n"
		"Voice-Message: 2/8 (1/0)\r\n"), "SIP/2.0 200");
	msg = told(home);
	ck_assert_str_eq(body(msg), "Messages-Waiting: yes\r\n"
	    "Message-Account: sip:168@sip.example.org\r\n"
	    "Voice-Message: 2/8 (1/0)\r\n");
	/* The same once more changes nothing. */
	lab_pass(lab, 1000);
	HAS(say("Messages-Waiting: yes\r\nVoice-Message: 2/8 (1/0)\r\n"),
	    "SIP/2.0 200");
	ck_assert_ptr_null(phone_expect(home, "NOTIFY"));
	HAS(say("Messages-Waiting: no\r\n"), "SIP/2.0 200");
	HAS(body(told(home)), "Messages-Waiting: no");
}
END_TEST

START_TEST(only_ones_own_mailbox)
{
	HAS(subscribe(home, "200"), "SIP/2.0 403");
	ck_assert_uint_eq(lab_count(lab, "subscriptions"), 0);
}
END_TEST

START_TEST(even_who_may_watch_nobody_has_a_lamp)
{
	lab->show = WATCH_NOTHING;
	HAS(subscribe(home, "168"), "SIP/2.0 200");
	told(home);
}
END_TEST

START_TEST(who_is_no_source_must_prove_it)
{
	/* From the office: challenged; the database lets him. */
	HAS(say_as(desk, "168", "message-summary", SUMMARY,
	    "Messages-Waiting: yes\r\n"), "SIP/2.0 200");
	ck_assert_uint_eq(lab->auth_asks, 1);
	ck_assert_uint_eq(lab->n_boxes, 1);
	/* It does not. */
	lab->verdict = VERDICT_FORBIDDEN;
	HAS(say_as(desk, "168", "message-summary", SUMMARY,
	    "Messages-Waiting: no\r\n"), "SIP/2.0 403");
	ck_assert_uint_eq(lab->boxes[0].box.waiting, 1);
	/* From outside nobody is asked. */
	lab->verdict = 0;
	HAS(say_as(home, "168", "message-summary", SUMMARY,
	    "Messages-Waiting: no\r\n"), "SIP/2.0 481");
	ck_assert_uint_eq(lab->auth_asks, 2);
	ck_assert_uint_eq(lab->boxes[0].box.waiting, 1);
}
END_TEST

START_TEST(what_is_no_summary_is_refused)
{
	static const struct {
		const char *event, *type, *text, *want;
	} row[] = {
		{ "message-summary", SUMMARY, "", "SIP/2.0 400" },
		{ "message-summary", SUMMARY, "Voice-Message: 1/0\r\n",
		    "SIP/2.0 400" },
		{ "message-summary", SUMMARY, "Messages-Waiting: maybe\r\n",
		    "SIP/2.0 400" },
		{ "message-summary", "text/plain", "Messages-Waiting: yes\r\n",
		    "SIP/2.0 415" },
		{ "presence", "application/pidf+xml", "<x/>", "SIP/2.0 489" },
	};

	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		HAS(say_as(pbx, "168", row[i].event, row[i].type,
		    row[i].text), row[i].want);
	HAS(say_as(pbx, "reception", "message-summary", SUMMARY,
	    "Messages-Waiting: yes\r\n"), "SIP/2.0 404");
	ck_assert_uint_eq(lab->n_boxes, 0);
	ck_assert_uint_eq(lab_count(lab, "mailboxes"), 0);
}
END_TEST

START_TEST(lamp_and_mailbox_outlive_sigproxy)
{
	const char *msg;

	HAS(subscribe(home, "168"), "SIP/2.0 200");
	told(home);
	lab_pass(lab, 1000);
	say("Messages-Waiting: yes\r\nVoice-Message: 3/0\r\n");
	told(home);
	lab_restart(lab);
	msg = told(home);
	HAS(body(msg), "Messages-Waiting: yes");
	HAS(body(msg), "Voice-Message: 3/0 (0/0)");
	lab_pass(lab, 1000);
	say("Messages-Waiting: no\r\n");
	HAS(body(told(home)), "Messages-Waiting: no");
}
END_TEST

/* Its address is all that is believed of a source; numbers that are not fill
 * the table, and no lamp follows. */
START_TEST(a_watched_lamp_has_a_place_whatever_else_is_said)
{
	char number[16];

	HAS(subscribe(home, "168"), "SIP/2.0 200");
	told(home);
	for (unsigned i = 0; i < MWI_BOXES_MAX + 100; i++) {
		snprintf(number, sizeof(number), "7%u", i);
		lab->n_boxes = 0;
		(void)say_as(pbx, number, "message-summary", SUMMARY,
		    "Messages-Waiting: yes\r\n");
		/* The answers are a stranger's to the guard. */
		lab_pass(lab, 50);
	}
	lab->n_boxes = 0;
	HAS(say("Messages-Waiting: yes\r\n"), "SIP/2.0 200");
	HAS(body(told(home)), "Messages-Waiting: yes");
	for (unsigned i = 0; i < MWI_BOXES_MAX; i++) {
		snprintf(number, sizeof(number), "8%u", i);
		lab->n_boxes = 0;
		(void)say_as(pbx, number, "message-summary", SUMMARY,
		    "Messages-Waiting: yes\r\n");
		lab_pass(lab, 50);
	}
	/* What is asked for again is still known. */
	HAS(subscribe(home, "168"), "SIP/2.0 200");
	HAS(body(told(home)), "Messages-Waiting: yes");
}
END_TEST

START_TEST(mailboxes_have_a_limit)
{
	char number[16];

	for (unsigned i = 0; i < 3000; i++) {
		snprintf(number, sizeof(number), "%u", 10000 + i);
		lab->n_boxes = 0;
		say_as(pbx, number, "message-summary", SUMMARY,
		    "Messages-Waiting: yes\r\n");
		if (i % 50 == 0)
			lab_pass(lab, 100);
	}
	ck_assert_uint_eq(lab_count(lab, "mailboxes"), 2048);
}
END_TEST

Suite *
suite_mwi(void)
{
	Suite *s = suite_create("mailboxes");
	TCase *c = tcase_create("MWI");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, the_lamp_follows_the_voicemail);
	tcase_add_test(c, only_ones_own_mailbox);
	tcase_add_test(c, even_who_may_watch_nobody_has_a_lamp);
	tcase_add_test(c, who_is_no_source_must_prove_it);
	tcase_add_test(c, what_is_no_summary_is_refused);
	tcase_add_test(c, lamp_and_mailbox_outlive_sigproxy);
	tcase_add_test(
	    c, a_watched_lamp_has_a_place_whatever_else_is_said);
	tcase_add_test(c, mailboxes_have_a_limit);
	suite_add_tcase(s, c);
	return s;
}
