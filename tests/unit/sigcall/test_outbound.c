/*
 * One phone with several flows (RFC 5626): it rings once, and by the next
 * flow when the first one failed.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

static struct lab *lab;
/* Two flows of one phone, in the oracle's order: best first. */
static struct phone *first, *second, *desk;

static void
setup(void)
{
	lab = lab_new(60, 100);
	first = lab_home(lab, "168", 7);
	second = lab_home(lab, "168", 8);
	first->instance = second->instance = "<urn:uuid:1>";
	desk = lab_office(lab, "200", 31);
}

static void
teardown(void)
{
	lab_free(lab);
}

static void
talk(struct dlg *a, struct phone *p, const char *inv)
{
	struct dlg b;
	const char *msg;

	dlg_from_invite(&b, p, inv);
	phone_answer(p, inv, 200, "x", sdp_of(p, 30000, NULL));
	msg = phone_expect(desk, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	dlg_learn(a, msg);
	dlg_ack(a, a->cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(p, "ACK"));
	dlg_send(a, "BYE", NULL, NULL, "");
	msg = phone_expect(p, "BYE");
	ck_assert_ptr_nonnull(msg);
	phone_answer(p, msg, 200, NULL, NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	lab_pass(lab, 60000);
	lab_expect_empty(lab);
}

START_TEST(a_phone_with_two_flows_rings_once)
{
	struct dlg a;
	const char *inv;

	dlg_call(&a, desk, "168", sdp_of(desk, 20000, NULL), "");
	inv = phone_expect(first, "INVITE");
	ck_assert_ptr_nonnull(inv);
	phone_answer(first, inv, 180, "x", NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 180"));
	lab_pass(lab, 30000);
	ck_assert_ptr_null(phone_expect(second, "INVITE"));
	talk(&a, first, inv);
}
END_TEST

static const char *
long_line(size_t n)
{
	static char mem[2048];

	ck_assert_uint_lt(n, sizeof(mem) - 16);
	strcpy(mem, "Subject: ");
	memset(mem + 9, 'x', n);
	strcpy(mem + 9 + n, "\r\n");
	return mem;
}

START_TEST(rfc3261_18_1_1_a_large_request_goes_by_the_connection)
{
	struct dlg a;
	const char *inv;

	phone_connect(second);
	dlg_call(&a, desk, "168", sdp_of(desk, 20000, NULL), "");
	inv = phone_expect(first, "INVITE");
	ck_assert_ptr_nonnull(inv);
	ck_assert_uint_lt(strlen(inv), 1300);
	ck_assert_ptr_null(phone_expect(second, "INVITE"));
	talk(&a, first, inv);

	dlg_call(&a, desk, "168", sdp_of(desk, 20000, NULL), long_line(700));
	inv = phone_expect(second, "INVITE");
	ck_assert_ptr_nonnull(inv);
	ck_assert_uint_gt(strlen(inv), 1300);
	ck_assert(strstr(hdr(inv, "Via"), "SIP/2.0/TCP") != NULL);
	ck_assert_ptr_null(phone_expect(first, "INVITE"));
	talk(&a, second, inv);

	/* Where there is none, by UDP all the same: phones are not dialled. */
	phone_disconnect(second);
	dlg_call(&a, desk, "168", sdp_of(desk, 20000, NULL), long_line(700));
	inv = phone_expect(first, "INVITE");
	ck_assert_ptr_nonnull(inv);
	ck_assert_uint_gt(strlen(inv), 1300);
	talk(&a, first, inv);
}
END_TEST

START_TEST(flows_of_one_phone_are_one_branch_in_breadth)
{
	struct dlg a;
	const char *inv;

	/* RFC 5393 5.3.3.1 */
	dlg_call(&a, desk, "168", sdp_of(desk, 20000, NULL),
	    "Max-Breadth: 1\r\n");
	inv = phone_expect(first, "INVITE");
	ck_assert_ptr_nonnull(inv);
	ck_assert_str_eq(hdr(inv, "Max-Breadth"), "1");
	talk(&a, first, inv);
}
END_TEST

START_TEST(two_phones_of_a_number_ring_both)
{
	struct dlg a;

	second->instance = "<urn:uuid:2>";
	dlg_call(&a, desk, "168", sdp_of(desk, 20000, NULL), "");
	ck_assert_ptr_nonnull(phone_expect(first, "INVITE"));
	ck_assert_ptr_nonnull(phone_expect(second, "INVITE"));
}
END_TEST

START_TEST(a_flow_that_says_nothing_is_followed_by_the_next_within_4_s)
{
	struct dlg a;
	const char *inv;

	dlg_call(&a, desk, "168", sdp_of(desk, 20000, NULL), "");
	ck_assert_ptr_nonnull(phone_expect(first, "INVITE"));
	lab_pass(lab, 3900);
	ck_assert_ptr_null(phone_expect(second, "INVITE"));
	lab_pass(lab, 200);
	inv = phone_expect(second, "INVITE");
	ck_assert_ptr_nonnull(inv);
	talk(&a, second, inv);
}
END_TEST

START_TEST(a_refused_flow_is_followed_by_the_next_but_not_a_refused_call)
{
	static const struct { unsigned said; bool goes_on; unsigned end; }
	rows[] = { { 430, true, 0 }, { 486, false, 486 }, { 480, false, 480 },
		{ 408, false, 480 } };
	char begin[32];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dlg a;
		const char *inv;

		dlg_call(&a, desk, "168", sdp_of(desk, 20000, NULL), "");
		inv = phone_expect(first, "INVITE");
		phone_answer(first, inv, rows[i].said, "x", NULL);
		inv = phone_expect(second, "INVITE");
		ck_assert((inv != NULL) == rows[i].goes_on);
		if (inv != NULL) {
			talk(&a, second, inv);
			continue;
		}
		snprintf(begin, sizeof(begin), "SIP/2.0 %u", rows[i].end);
		ck_assert_ptr_nonnull(phone_expect(desk, begin));
		dlg_ack(&a, a.cseq, NULL);
		lab_pass(lab, 60000);
		lab_expect_empty(lab);
	}
}
END_TEST

START_TEST(a_connection_that_closes_is_followed_by_the_next_at_once)
{
	struct dlg a;
	const char *inv;

	phone_connect(first);
	dlg_call(&a, desk, "168", sdp_of(desk, 20000, NULL), "");
	ck_assert_ptr_nonnull(phone_expect(first, "INVITE"));
	phone_disconnect(first);
	lab_pass(lab, 1);
	inv = phone_expect(second, "INVITE");
	ck_assert_ptr_nonnull(inv);
	talk(&a, second, inv);
}
END_TEST

START_TEST(all_flows_dead_is_480)
{
	struct dlg a;

	dlg_call(&a, desk, "168", sdp_of(desk, 20000, NULL), "");
	lab_pass(lab, 4100);
	ck_assert_ptr_nonnull(phone_expect(second, "INVITE"));
	lab_pass(lab, 33000);
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 480"));
	dlg_ack(&a, a.cseq, NULL);
	lab_pass(lab, 60000);
	lab_expect_empty(lab);
}
END_TEST

Suite *
suite_outbound(void)
{
	Suite *s = suite_create("outbound");
	TCase *t = tcase_create("several flows");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
#define T(name) tcase_add_test(t, name)
	T(rfc3261_18_1_1_a_large_request_goes_by_the_connection);
	T(a_phone_with_two_flows_rings_once);
	T(flows_of_one_phone_are_one_branch_in_breadth);
	T(two_phones_of_a_number_ring_both);
	T(a_flow_that_says_nothing_is_followed_by_the_next_within_4_s);
	T(a_refused_flow_is_followed_by_the_next_but_not_a_refused_call);
	T(a_connection_that_closes_is_followed_by_the_next_at_once);
	T(all_flows_dead_is_480);
	suite_add_tcase(s, t);
	return s;
}
