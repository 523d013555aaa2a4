/* When a provider of dynamic DNS is told: after each change, never in haste. */
#include "postern/hook.h"
#include "tests/unit/postern/suite.h"

static struct hook h;
static struct addr a, b;

static void
fresh(void)
{
	h = (struct hook){ 0 };
	addr_parse_ip(SPAN_LIT("203.0.113.10"), &a);
	addr_parse_ip(SPAN_LIT("203.0.113.77"), &b);
}

static struct mono
at_s(uint64_t s)
{
	return (struct mono){ (1000 + s) * 1000000 };
}

START_TEST(a_change_is_told_once)
{
	fresh();
	ck_assert(hook_wants(&h, &a, at_s(0)));
	hook_ran(&h, &a, true, at_s(0));
	ck_assert(!hook_wants(&h, &a, at_s(1)));
	ck_assert(!hook_wants(&h, &a, at_s(86400)));
	ck_assert(hook_wants(&h, &b, at_s(86400)));
}
END_TEST

START_TEST(what_dns_says_already_is_not_told)
{
	fresh();
	hook_is_known(&h, &a);
	ck_assert(!hook_wants(&h, &a, at_s(0)));
	ck_assert(hook_wants(&h, &b, at_s(0)));
}
END_TEST

START_TEST(an_address_that_comes_and_goes_waits_a_minute)
{
	fresh();
	hook_ran(&h, &a, true, at_s(0));
	ck_assert(!hook_wants(&h, &b, at_s(59)));
	ck_assert(hook_wants(&h, &b, at_s(60)));
}
END_TEST

START_TEST(a_failing_command_is_run_later_and_later)
{
	static const uint64_t pauses_s[] = { 60, 120, 240, 480, 960, 1800,
		1800 };
	uint64_t now_s = 0;

	fresh();
	for (size_t i = 0; i < sizeof(pauses_s) / sizeof(pauses_s[0]); i++) {
		hook_ran(&h, &a, false, at_s(now_s));
		ck_assert(!hook_wants(&h, &a, at_s(now_s + pauses_s[i] - 1)));
		now_s += pauses_s[i];
		ck_assert(hook_wants(&h, &a, at_s(now_s)));
	}
	hook_ran(&h, &a, true, at_s(now_s));
	ck_assert(hook_wants(&h, &b, at_s(now_s + 60)));
}
END_TEST

START_TEST(only_public_addresses_are_told)
{
	static const char *const rows[] = { "10.0.0.1", "127.0.0.1",
		"100.64.0.1", "224.0.0.1", "fe80::1" };
	struct addr none = { 0 };

	fresh();
	ck_assert(!hook_wants(&h, &none, at_s(0)));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		addr_parse_ip(span_str(rows[i]), &a);
		ck_assert_msg(!hook_wants(&h, &a, at_s(0)), "%s", rows[i]);
	}
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		a_change_is_told_once,
		what_dns_says_already_is_not_told,
		an_address_that_comes_and_goes_waits_a_minute,
		a_failing_command_is_run_later_and_later,
		only_public_addresses_are_told,
	};

	return run_suite("hook", tests, sizeof(tests) / sizeof(tests[0]));
}
