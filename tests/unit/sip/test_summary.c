/* application/simple-message-summary (RFC 3842 5.2). */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "sigproxy/sip/summary.h"
#include "tests/unit/sip/lab.h"

#define YES "Messages-Waiting: yes\r\n"

static const struct {
	const char *name, *text, *written;
} good[] = {
	{ "the RFC's own example (5.2)", "Messages-Waiting: yes\r\n"
	  "Message-Account: sip:alice@vmail.example.com\r\n"
	  "Voice-Message: 2/8 (0/2)\r\n",
	    YES "Message-Account: sip:168@x\r\nVoice-Message: 2/8 (0/2)\r\n" },
	{ "nothing but no", "Messages-Waiting: no\r\n",
	    "Messages-Waiting: no\r\nMessage-Account: sip:168@x\r\n" },
	{ "without urgent ones, other case, bare LF",
	    "messages-waiting: YES\nvoice-message:4/8\n",
	    YES "Message-Account: sip:168@x\r\nVoice-Message: 4/8 (0/0)\r\n" },
	{ "blanks everywhere", YES "Voice-Message:  1 / 2 ( 3 / 4 ) \r\n",
	    YES "Message-Account: sip:168@x\r\nVoice-Message: 1/2 (3/4)\r\n" },
	{ "other classes are left out", YES "Fax-Message: 1/0\r\nNone: 0/0\r\n",
	    YES "Message-Account: sip:168@x\r\n" },
	{ "what follows the empty line is not read",
	    YES "\r\nTo: <sip:alice@10.0.0.1>\r\nSubject: \001\r\n",
	    YES "Message-Account: sip:168@x\r\n" },
	{ "no line end at the end", "Messages-Waiting: yes",
	    YES "Message-Account: sip:168@x\r\n" },
	{ "the largest count", YES "Voice-Message: 999999/0\r\n", YES
	    "Message-Account: sip:168@x\r\nVoice-Message: 999999/0 (0/0)\r\n" },
};

static const struct {
	const char *name, *text;
} bad[] = {
	{ "empty", "" },
	{ "an empty line", "\r\n" },
	{ "no Messages-Waiting", "Voice-Message: 1/0\r\n" },
	{ "not first", "Message-Account: sip:a@b\r\n" YES },
	{ "maybe", "Messages-Waiting: maybe\r\n" },
	{ "twice", YES YES },
	{ "a class twice", YES "Voice-Message: 1/0\r\nVoice-Message: 2/0\r\n" },
	{ "an unknown class", YES "Smoke-Message: 1/0\r\n" },
	{ "one number", YES "Voice-Message: 1\r\n" },
	{ "no number", YES "Voice-Message: /\r\n" },
	{ "negative", YES "Voice-Message: -1/0\r\n" },
	{ "too large", YES "Voice-Message: 1000000/0\r\n" },
	{ "far too large", YES "Voice-Message: 99999999999999999999/0\r\n" },
	{ "open bracket", YES "Voice-Message: 1/0 (1/0\r\n" },
	{ "something behind", YES "Voice-Message: 1/0 (1/0) x\r\n" },
	{ "no colon", YES "Voice-Message\r\n" },
	{ "no name", YES ": 1/0\r\n" },
	{ "a lone CR inside", YES "Voice-Message: 1/0\rX: y\r\n" },
	{ "an escape sequence", YES "Message-Account: \033[2J\r\n" },
	{ "DEL", YES "Message-Account: a\177\r\n" },
};

START_TEST(good_ones_are_written_anew)
{
	char mem[256];
	struct summary s;
	struct buf b;

	ck_assert_msg(summary_parse(lab_guarded(span_str(good[_i].text)),
	    &s) == 0, "%s", good[_i].name);
	buf_init(&b, mem, sizeof(mem));
	summary_put(&b, &s, SPAN_LIT("sip:168@x"));
	ck_assert_int_eq(buf_err(&b), 0);
	ck_assert_msg(span_eq(buf_span(&b), span_str(good[_i].written)),
	    "%s:\n%.*s", good[_i].name, (int)b.len, b.p);
}
END_TEST

START_TEST(bad_ones_are_refused_and_leave_no_trace)
{
	struct summary s = { .old = 4711 };

	ck_assert_msg(summary_parse(lab_guarded(span_str(bad[_i].text)),
	    &s) == -EBADMSG, "%s", bad[_i].name);
	ck_assert_uint_eq(s.old, 4711);
}
END_TEST

START_TEST(every_beginning_of_one_is_bounded)
{
	struct span text = span_str(good[0].text);
	struct summary s;

	for (size_t len = 0; len <= text.len; len++)
		(void)summary_parse(lab_guarded(span_sub(text, 0, len)), &s);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("message summary");
	TCase *c = tcase_create("RFC 3842");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(c, good_ones_are_written_anew, 0,
	    (int)(sizeof(good) / sizeof(good[0])));
	tcase_add_loop_test(c, bad_ones_are_refused_and_leave_no_trace, 0,
	    (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(c, every_beginning_of_one_is_bounded);
	suite_add_tcase(s, c);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
