/* TLS handshakes that came to nothing: who is kept, and who gives way. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sigproxy/core/handshakes.h"

static struct handshakes h;
static char mem[8192];

static struct mono
at_s(unsigned s)
{
	return (struct mono){ (uint64_t)s * 1000000 };
}

static struct addr
host(unsigned last)
{
	struct addr a;

	snprintf(mem, sizeof(mem), "198.51.100.%u", last);
	ck_assert_int_eq(addr_parse_ip(span_str(mem), &a), 0);
	a.port = (uint16_t)(40000 + last);
	return a;
}

static void
note(unsigned last, const char *why, const char *number, unsigned s)
{
	struct addr a = host(last);

	handshakes_note(&h, &a, why, span_str(number), at_s(s));
}

static const char *
said(size_t cap, unsigned s)
{
	struct buf b;

	buf_init(&b, mem, cap);
	handshakes_status(&h, at_s(s), 8, &b);
	ck_assert_int_eq(buf_err(&b), 0);
	ck_assert_uint_le(b.len + 8, cap);
	mem[b.len] = '\0';
	return mem;
}

START_TEST(a_number_stays_inside_its_quotes)
{
	memset(&h, 0, sizeof(h));
	note(7, "tls-too-old", "2\",\"x\":\"\\", 1);
	ck_assert_ptr_nonnull(strstr(said(1000, 9),
	    "\"number\":\"2\\\",\\\"x\\\":\\\"\\\\\",\"count\":1"));
}
END_TEST

START_TEST(one_address_and_reason_is_one_row)
{
	memset(&h, 0, sizeof(h));
	ck_assert_str_eq(said(1000, 9), "\"tls_failures\":[]");
	note(7, "tls-certificate-expired", "201", 1);
	note(7, "tls-certificate-expired", "201", 3);
	note(7, "tls-too-old", "201", 4);
	ck_assert_str_eq(said(1000, 9), "\"tls_failures\":["
	    "{\"at\":\"198.51.100.7\",\"why\":\"tls-certificate-expired\","
	    "\"number\":\"201\",\"count\":2,\"ago_s\":6},"
	    "{\"at\":\"198.51.100.7\",\"why\":\"tls-too-old\","
	    "\"number\":\"201\",\"count\":1,\"ago_s\":5}]");
}
END_TEST

START_TEST(strangers_push_out_strangers_only)
{
	memset(&h, 0, sizeof(h));
	note(7, "tls-certificate-expired", "201", 1);
	for (unsigned i = 0; i < 3 * HANDSHAKES_MAX; i++)
		note(100 + i, "not-tls", "", 2 + i);
	ck_assert_ptr_nonnull(strstr(said(8000, 99), "198.51.100.7\""));
	ck_assert_ptr_null(strstr(said(8000, 99), "198.51.100.100\""));
	ck_assert_ptr_nonnull(strstr(said(8000, 99), "198.51.100.123\""));
}
END_TEST

START_TEST(what_does_not_fit_is_left_out)
{
	memset(&h, 0, sizeof(h));
	for (unsigned i = 0; i < HANDSHAKES_MAX; i++) {
		note(10 + i, "not-tls", "20345678901234567890123456789012", i);
		note(50 + i, "not-tls", "", i);
	}
	for (size_t cap = 32; cap < 4000; cap += 7) {
		const char *s = said(cap, 99);

		ck_assert_int_eq(s[strlen(s) - 1], ']');
		ck_assert(s[strlen(s) - 2] == '[' || s[strlen(s) - 2] == '}');
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("handshakes");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, one_address_and_reason_is_one_row);
	tcase_add_test(tc, a_number_stays_inside_its_quotes);
	tcase_add_test(tc, strangers_push_out_strangers_only);
	tcase_add_test(tc, what_does_not_fit_is_left_out);
	suite_add_tcase(s, tc);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
