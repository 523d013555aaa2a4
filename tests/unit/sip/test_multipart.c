/* Bodies of several parts (RFC 2046 5.1, RFC 5621): split strictly, written
 * again, never read beyond their end. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sigproxy/sip/multipart.h"
#include "tests/unit/sip/lab.h"

#define MIXED "multipart/mixed;boundary=b"

/* out: type=body for each part, or the error. */
static const struct {
	const char *name, *type, *body;
	int err;
	const char *out;
} rows[] = {
	{ "one part", MIXED, "--b\r\nContent-Type: a/b\r\n\r\nhi\r\n--b--\r\n",
	    0, "a/b=hi " },
	{ "two, the second without headers", MIXED,
	    "--b\r\nContent-Type: a/b\r\n\r\nhi\r\n--b\r\n\r\nyou\r\n--b--", 0,
	    "a/b=hi =you " },
	{ "preamble and epilogue mean nothing", MIXED,
	    "This is\r\n--bogus\r\n--b\r\n\r\nx\r\n--b--\r\nmore\r\n--b\r\n", 0,
	    "=x " },
	{ "an empty part", MIXED, "--b\r\n\r\n--b--", 0, "= " },
	{ "LF alone ends lines too", MIXED,
	    "--b\nContent-Type: a/b\n\nhi\n--b--", 0, "a/b=hi " },
	{ "padding behind the delimiter", MIXED,
	    "--b  \t\r\n\r\nx\r\n--b-- \r\n", 0, "=x " },
	{ "the last CRLF is the delimiter's", MIXED,
	    "--b\r\n\r\nx\r\n\r\n--b--", 0, "=x\r\n " },
	{ "a quoted boundary with a space",
	    "multipart/mixed; boundary=\"a b'()+_,-./:=?\"",
	    "--a b'()+_,-./:=?\r\n\r\nx\r\n--a b'()+_,-./:=?--", 0, "=x " },
	{ "a boundary that begins like another", MIXED,
	    "--b\r\n\r\nx\r\n--bc\r\n--b--", -EBADMSG, "" },
	{ "a folded header", MIXED,
	    "--b\r\nContent-Type: a/b;\r\n c=d\r\n\r\nhi\r\n--b--", 0,
	    "a/b;\r\n c=d=hi " },
	{ "headers without an empty line", MIXED,
	    "--b\r\nContent-Type: a/b\r\n--b--", 0, "a/b= " },
	{ "not multipart", "application/sdp", "--b--", -ENOTSUP, "" },
	{ "no type at all", "", "--b--", -ENOTSUP, "" },
	{ "no boundary", "multipart/mixed", "--b\r\n\r\nx\r\n--b--", -EBADMSG,
	    "" },
	{ "an empty boundary", "multipart/mixed;boundary=\"\"",
	    "--\r\n\r\nx\r\n----", -EBADMSG, "" },
	{ "a boundary that ends with a space",
	    "multipart/mixed;boundary=\"b \"", "--b \r\n\r\nx\r\n--b --",
	    -EBADMSG, "" },
	{ "a boundary with an escape", "multipart/mixed;boundary=\"b\\\"c\"",
	    "--b\"c\r\n\r\nx\r\n--b\"c--", -EBADMSG, "" },
	{ "two boundaries", "multipart/mixed;boundary=b;boundary=c",
	    "--b\r\n\r\nx\r\n--b--", -EBADMSG, "" },
	{ "no part", MIXED, "--b--", -EBADMSG, "" },
	{ "no body", MIXED, "", -EBADMSG, "" },
	{ "not closed", MIXED, "--b\r\n\r\nx\r\n", -EBADMSG, "" },
	{ "not closed, two parts", MIXED, "--b\r\n\r\nx\r\n--b\r\n\r\ny",
	    -EBADMSG, "" },
	{ "a header that is none", MIXED, "--b\r\nhello\r\n\r\nx\r\n--b--",
	    -EBADMSG, "" },
	{ "a name that is no token", MIXED,
	    "--b\r\nContent-Type : a/b\r\nx y: z\r\n\r\nx\r\n--b--", -EBADMSG,
	    "" },
	{ "a fold before any header", MIXED, "--b\r\n a: b\r\n\r\nx\r\n--b--",
	    -EBADMSG, "" },
	{ "a type twice", MIXED,
	    "--b\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n\r\nx\r\n--b--",
	    -EBADMSG, "" },
	{ "a delimiter behind a lone CR", MIXED,
	    "--b\r\n\r\nx\r--b\rContent-Type: application/sdp\r\r\n--b--",
	    -EBADMSG, "" },
	{ "nine parts", MIXED,
	    "--b\n\n--b\n\n--b\n\n--b\n\n--b\n\n--b\n\n--b\n\n--b\n\n--b\n\n"
	    "--b--",
	    -E2BIG, "" },
	{ "eight parts", MIXED,
	    "--b\n\n--b\n\n--b\n\n--b\n\n--b\n\n--b\n\n--b\n\n--b\n\n--b--", 0,
	    "= = = = = = = = " },
	{ "seventeen headers", MIXED,
	    "--b\na:1\na:2\na:3\na:4\na:5\na:6\na:7\na:8\na:9\na:10\na:11\n"
	    "a:12\na:13\na:14\na:15\na:16\na:17\n\nx\n--b--",
	    -E2BIG, "" },
};
#define N(a) ((int)(sizeof(a) / sizeof((a)[0])))

static const char *
told(const struct sip_multipart *m)
{
	static char mem[1024];
	struct buf b;

	buf_init(&b, mem, sizeof(mem) - 1);
	for (unsigned i = 0; i < m->n; i++) {
		buf_put(&b, m->part[i].type);
		buf_putc(&b, '=');
		buf_put(&b, m->part[i].body);
		buf_putc(&b, ' ');
	}
	mem[b.len] = '\0';
	return mem;
}

START_TEST(rfc2046_5_1_parts_are_split_strictly)
{
	struct sip_multipart m = { .n = 0 };
	int err = sip_multipart_parse(
	    span_str(rows[_i].type), lab_guarded(span_str(rows[_i].body)), &m);

	ck_assert_msg(err == rows[_i].err, "%s: %d", rows[_i].name, err);
	ck_assert_msg(strcmp(told(&m), rows[_i].out) == 0, "%s: %s",
	    rows[_i].name, told(&m));
}
END_TEST

START_TEST(a_multipart_body_cut_anywhere_never_harms)
{
	struct span body = span_str(rows[_i].body);
	struct sip_multipart m;

	for (size_t i = 0; i <= body.len; i++) {
		(void)sip_multipart_parse(span_str(rows[_i].type),
		    lab_guarded(span_sub(body, i, body.len)), &m);
		(void)sip_multipart_parse(span_str(rows[_i].type),
		    lab_guarded(span_sub(body, 0, i)), &m);
	}
}
END_TEST

START_TEST(a_multipart_body_is_written_as_it_was_understood)
{
	struct sip_multipart m, again;
	char mem[2048], before[1024];
	struct buf b;

	if (sip_multipart_parse(
		span_str(rows[_i].type), span_str(rows[_i].body), &m) != 0)
		return;
	for (unsigned i = 0; i < m.n; i++) /* folds become spaces */
		if (span_find(m.part[i].type, '\n') >= 0)
			return;
	strcpy(before, told(&m));
	buf_init(&b, mem, sizeof(mem));
	for (unsigned i = 0; i < m.n; i++) {
		sip_multipart_put(&b, &m, &m.part[i]);
		buf_put(&b, m.part[i].body);
	}
	sip_multipart_end(&b, &m);
	ck_assert_int_eq(buf_err(&b), 0);
	ck_assert_int_eq(
	    sip_multipart_parse(span_str(rows[_i].type), buf_span(&b), &again),
	    0);
	ck_assert_str_eq(told(&again), before);
}
END_TEST

START_TEST(rfc5621_handling_is_required_unless_optional)
{
	static const struct {
		const char *value;
		bool required;
	} row[] = {
		{ "", true },
		{ "session", true },
		{ "session;handling=required", true },
		{ "icon; handling=optional", false },
		{ "icon;HANDLING=Optional", false },
		{ "icon;handling=whatever", true },
		{ "icon;handling=optional;handling=optional", true },
		{ ";handling=optional", true },
	};

	for (int i = 0; i < N(row); i++) {
		const struct sip_part p = { .disposition =
						span_str(row[i].value) };

		ck_assert_msg(sip_part_is_required(&p) == row[i].required, "%s",
		    row[i].value);
	}
}
END_TEST

/* RFC 4475 3.1.1.11: a message with a text and a signature of binary octets. */
START_TEST(rfc4475_3_1_1_11_multipart_mime_message)
{
	struct sip_multipart m;
	struct sip_msg msg;

	ck_assert_int_eq(sip_parse(lab_file("rfc4475", "mpart01.dat"),
			     SIP_DATAGRAM, &msg, NULL),
	    0);
	ck_assert_int_eq(sip_multipart_parse(
			     sip_value(&msg, SIP_H_CONTENT_TYPE), msg.body, &m),
	    0);
	ck_assert_uint_eq(m.n, 2);
	ck_assert(sip_part_is(&m.part[0], "text", "plain"));
	ck_assert(span_eq(m.part[0].body, SPAN_LIT("Hello")));
	ck_assert(sip_part_is(&m.part[1], "application", "octet-stream"));
	ck_assert_uint_gt(m.part[1].body.len, 100);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("multipart");
	TCase *tc = tcase_create("multipart");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(
	    tc, rfc2046_5_1_parts_are_split_strictly, 0, N(rows));
	tcase_add_loop_test(
	    tc, a_multipart_body_cut_anywhere_never_harms, 0, N(rows));
	tcase_add_loop_test(
	    tc, a_multipart_body_is_written_as_it_was_understood, 0, N(rows));
	tcase_add_test(tc, rfc5621_handling_is_required_unless_optional);
	tcase_add_test(tc, rfc4475_3_1_1_11_multipart_mime_message);
	suite_add_tcase(s, tc);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
