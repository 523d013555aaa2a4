/* Telephone numbers in URIs (RFC 3966, RFC 3261 19.1.6). */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/codec/tel.h"
#include "tests/unit/sip/lab.h"

/* number: what it means in our plan; NULL: an error. */
static const struct {
	const char *name, *uri, *number;
	int err;
	const char *sip;
} rows[] = {
	{ "a global number", "tel:+49301234", "+49301234", 0,
	    "sip:+49301234@d.example;user=phone" },
	{ "with visual separators", "tel:+49-(30).12-34", "+49301234", 0,
	    "sip:+49301234@d.example;user=phone" },
	{ "a local one of ours", "tel:200", "200", 0,
	    "sip:200@d.example;user=phone" },
	{ "with separators", "tel:2-0.(0)", "200", 0,
	    "sip:200@d.example;user=phone" },
	{ "a service code", "tel:*21#", "*21#", 0,
	    "sip:*21%23@d.example;user=phone" },
	{ "its context is a domain", "tel:200;phone-context=sip.example.org",
	    "200", 0, "sip:200@d.example;user=phone" },
	{ "its context is a prefix", "tel:1234;phone-context=+49-30",
	    "+49301234", 0, "sip:+49301234@d.example;user=phone" },
	{ "the parameter's name in capitals", "tel:1;PHONE-CONTEXT=+4", "+41",
	    0, "sip:+41@d.example;user=phone" },
	{ "an extension", "tel:+4930;ext=12-34", "+4930", 0,
	    "sip:+4930@d.example;user=phone" },
	{ "a subaddress", "tel:+4930;isub=a%20b", "+4930", 0,
	    "sip:+4930@d.example;user=phone" },
	{ "what is unknown", "tel:200;x=y;z", "200", 0,
	    "sip:200@d.example;user=phone" },
	{ "letters in a global one", "tel:+49A", NULL, -EBADMSG, NULL },
	{ "a star in a global one", "tel:+49*1", NULL, -EBADMSG, NULL },
	{ "a context of a global one", "tel:+49;phone-context=+49", NULL,
	    -EBADMSG, NULL },
	{ "two contexts", "tel:1;phone-context=+4;phone-context=+5", NULL,
	    -EBADMSG, NULL },
	{ "an empty context", "tel:1;phone-context", NULL, -EBADMSG, NULL },
	{ "a context that is neither", "tel:1;phone-context=49", NULL, -EBADMSG,
	    NULL },
	{ "a context that is an address", "tel:1;phone-context=192.0.2.1", NULL,
	    -EBADMSG, NULL },
	{ "an extension of letters", "tel:+4930;ext=ab", NULL, -EBADMSG, NULL },
	{ "an extension of separators", "tel:+4930;ext=-", NULL, -EBADMSG,
	    NULL },
	{ "two extensions", "tel:+4930;ext=1;ext=2", NULL, -EBADMSG, NULL },
	{ "a subaddress without value", "tel:+4930;isub", NULL, -EBADMSG,
	    NULL },
	{ "extension and subaddress", "tel:+4930;ext=1;isub=2", NULL, -EBADMSG,
	    NULL },
	{ "sip", "sip:200@h", "200", 0, NULL },
	{ "sip, byte for byte", "sip:2-0.0@h", "2-0.0", 0, NULL },
	{ "sip, escaped", "sip:%32%30%30@h", "200", 0, NULL },
	{ "sip with user=phone", "sip:+49-30-1@h;user=phone", "+49301", 0,
	    NULL },
	{ "and a context", "sip:1;phone-context=+4930@h;user=phone", "+49301",
	    0, NULL },
	{ "a context without user=phone", "sip:112;phone-context=+49@h",
	    "+49112", 0, NULL },
	{ "a domain as context", "sip:1-12;phone-context=a.example@h", "112",
	    0, NULL },
	{ "a subaddress in the user", "sip:+4930;isub=7@h", "+4930", 0, NULL },
	{ "a name and parameters", "sip:dad;isub=7@h", "dad;isub=7", 0, NULL },
	{ "a context that is none", "sip:112;phone-context=49@h",
	    "112;phone-context=49", 0, NULL },
	{ "but no number", "sip:bob@h;user=phone", "bob", 0, NULL },
	{ "user=ip", "sip:2-0@h;user=ip", "2-0", 0, NULL },
	{ "sips", "sips:+49-30@h;user=phone", "+4930", 0, NULL },
	{ "no user", "sip:h", NULL, -ENOENT, NULL },
	{ "another scheme", "mailto:a@b", NULL, -ENOTSUP, NULL },
};
#define N(a) ((int)(sizeof(a) / sizeof((a)[0])))

START_TEST(rfc3966_3_what_number_a_uri_means)
{
	char mem[URI_USER_MAX];
	struct span number = SPAN_NONE;
	struct uri u;
	int err;

	ck_assert_int_eq(uri_parse(lab_guarded(span_str(rows[_i].uri)), &u), 0);
	err = tel_number(&u, mem, &number);
	ck_assert_msg(err == rows[_i].err, "%s: %d", rows[_i].name, err);
	if (err == 0)
		ck_assert_msg(span_eq(number, span_str(rows[_i].number)),
		    "%s: %.*s", rows[_i].name, (int)number.len, number.p);
}
END_TEST

START_TEST(rfc3261_19_1_6_a_tel_uri_as_a_sip_uri)
{
	char mem[256];
	struct uri u;
	struct buf b;
	int err;

	ck_assert_int_eq(uri_parse(span_str(rows[_i].uri), &u), 0);
	buf_init(&b, mem, sizeof(mem));
	err = tel_put_sip(&b, &u, SPAN_LIT("d.example"));
	ck_assert_msg(
	    (err == 0) == (rows[_i].sip != NULL), "%s", rows[_i].name);
	if (err == 0)
		ck_assert(span_eq(buf_span(&b), span_str(rows[_i].sip)));
	/* A buffer that is too small is an error. */
	for (size_t i = 0; err == 0 && i < b.len; i++) {
		struct buf small;
		char mem2[256];

		buf_init(&small, mem2, i);
		ck_assert_int_ne(
		    tel_put_sip(&small, &u, SPAN_LIT("d.example")), 0);
	}
}
END_TEST

START_TEST(rfc3966_5_1_2_separators_do_not_tell_numbers_apart)
{
	static const struct {
		const char *a, *b;
		bool same;
	} row[] = {
		{ "tel:+49-30", "tel:+4930", true },
		{ "tel:200", "sip:200@h", true },
		{ "tel:30;phone-context=+49", "sip:+4930@h;user=phone", true },
		{ "tel:200", "tel:201", false },
		{ "tel:+200", "tel:200", false },
		{ "sip:h", "sip:h", false },
		{ "sip:2-00@h", "sip:200@h", false },
		{ "tel:+1;ext=a", "tel:+1", false },
	};

	for (int i = 0; i < N(row); i++) {
		struct uri a, b;

		ck_assert_int_eq(uri_parse(span_str(row[i].a), &a), 0);
		ck_assert_int_eq(uri_parse(span_str(row[i].b), &b), 0);
		ck_assert_msg(tel_same_number(&a, &b) == row[i].same, "%s %s",
		    row[i].a, row[i].b);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("tel");
	TCase *tc = tcase_create("tel");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, rfc3966_3_what_number_a_uri_means, 0, N(rows));
	tcase_add_loop_test(
	    tc, rfc3261_19_1_6_a_tel_uri_as_a_sip_uri, 0, N(rows));
	tcase_add_test(tc, rfc3966_5_1_2_separators_do_not_tell_numbers_apart);
	suite_add_tcase(s, tc);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
