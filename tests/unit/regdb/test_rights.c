/* May he call there, now, and how long? */
#include <errno.h>

#include "common/base/buf.h"
#include "registrar-db/core/policy.h"
#include "tests/unit/regdb/suite.h"

#define BIT(kind) (1u << NUMBER_##kind)
#define CLOCK(h, m) ((h) * 60 + (m))

/* National from the office, office numbers from outside; Wednesday noon. */
static struct policy_ask
usual(enum number_kind kind, bool internet)
{
	return (struct policy_ask){ .kind = kind, .internet = internet,
		.weekday = 2, .minute = CLOCK(12, 0),
		.service = { .name = "national", .name_len = 8,
		    .office = BIT(INTERNAL) | BIT(NATIONAL),
		    .internet = BIT(INTERNAL),
		    .from = 0, .to = 1440, .days = 127,
		    .caps = { POLICY_NO_CAP, POLICY_NO_CAP,
			POLICY_NO_CAP } } };
}

static void
assert_says(const struct policy_ask *ask, enum policy_why why,
    const char *rule, const char *words)
{
	struct policy_say say = policy_decide(ask);
	char mem[64];
	struct buf b;

	ck_assert_int_eq(say.why, why);
	buf_init(&b, mem, sizeof(mem));
	policy_put_rule(&b, ask, &say);
	assert_span(buf_span(&b), rule);
	buf_init(&b, mem, sizeof(mem));
	policy_put_why(&b, ask, say.why);
	assert_span(buf_span(&b), words);
}

START_TEST(office_and_internet_have_rights_of_their_own)
{
	static const struct {
		enum number_kind kind;
		bool internet;
		enum policy_why want;
		const char *rule, *words;
	} rows[] = {
		{ NUMBER_INTERNAL, false, POLICY_BY_CLASS,
		    "class national: office", "" },
		{ NUMBER_INTERNAL, true, POLICY_BY_CLASS,
		    "class national: internet", "" },
		{ NUMBER_NATIONAL, false, POLICY_BY_CLASS,
		    "class national: office", "" },
		{ NUMBER_NATIONAL, true, POLICY_NO_RIGHT,
		    "class national: internet",
		    "no national calls from the internet" },
		{ NUMBER_PREMIUM, false, POLICY_NO_RIGHT,
		    "class national: office", "no premium calls" },
		{ NUMBER_SATELLITE, true, POLICY_NO_RIGHT,
		    "class national: internet",
		    "no satellite calls from the internet" },
		{ NUMBER_EMERGENCY, true, POLICY_BY_EMERGENCY, "emergency",
		    "" },
		{ NUMBER_FORBIDDEN, false, POLICY_NO_RIGHT,
		    "number_class: forbidden", "no forbidden calls" },
		{ NUMBER_NONE, false, POLICY_NO_NUMBER, "number_class",
		    "no such number" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy_ask ask = usual(rows[i].kind, rows[i].internet);

		assert_says(&ask, rows[i].want, rows[i].rule, rows[i].words);
	}
}
END_TEST

START_TEST(hours_are_for_calls_out_that_begin)
{
	static const struct {
		const char *hours, *days;
		unsigned weekday, minute;
		bool open;
	} rows[] = {
		{ "08:00-18:00", "12345", 0, CLOCK(8, 0), true },
		{ "08:00-18:00", "12345", 0, CLOCK(7, 59), false },
		{ "08:00-18:00", "12345", 4, CLOCK(17, 59), true },
		{ "08:00-18:00", "12345", 4, CLOCK(18, 0), false },
		{ "08:00-18:00", "12345", 5, CLOCK(12, 0), false },
		{ "00:00-24:00", "7", 6, CLOCK(23, 59), true },
		{ "22:00-06:00", "5", 4, CLOCK(23, 0), true },
		{ "22:00-06:00", "5", 5, CLOCK(5, 59), true },
		{ "22:00-06:00", "5", 5, CLOCK(6, 0), false },
		{ "22:00-06:00", "5", 4, CLOCK(5, 0), false },
		{ "22:00-06:00", "7", 0, CLOCK(1, 0), true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy_ask ask = usual(NUMBER_NATIONAL, false);

		ck_assert_int_eq(policy_hours(span_str(rows[i].hours),
		    span_str(rows[i].days), &ask.service), 0);
		ask.weekday = rows[i].weekday;
		ask.minute = rows[i].minute;
		ck_assert_msg(policy_decide(&ask).why == (rows[i].open ?
			    POLICY_BY_CLASS : POLICY_HOURS), "row %zu", i);
		/* A call that runs ends with its hours. */
		ask.running = true;
		ck_assert_msg(policy_decide(&ask).why == (rows[i].open ?
			    POLICY_BY_CLASS : POLICY_HOURS), "row %zu", i);
		ask.kind = NUMBER_INTERNAL;
		ck_assert_int_eq(policy_decide(&ask).why, POLICY_BY_CLASS);
		ask.kind = NUMBER_EMERGENCY;
		ck_assert_int_eq(policy_decide(&ask).why, POLICY_BY_EMERGENCY);
	}
}
END_TEST

START_TEST(a_grant_opens_what_the_class_does_not)
{
	struct policy_ask ask = usual(NUMBER_PREMIUM, true);

	ask.grants[0] = (struct grant){ 6, BIT(NATIONAL),
		{ POLICY_NO_CAP, POLICY_NO_CAP, POLICY_NO_CAP } };
	ask.grants[1] = (struct grant){ 7, BIT(PREMIUM),
		{ POLICY_NO_CAP, POLICY_NO_CAP, POLICY_NO_CAP } };
	ask.n_grants = 2;
	assert_says(&ask, POLICY_BY_GRANT, "grant 7: allows", "");
	ask.n_grants = 1;
	assert_says(&ask, POLICY_NO_RIGHT, "class national: internet",
	    "no premium calls from the internet");
	/* It is no way round a row that forbids the number. */
	ask.kind = NUMBER_FORBIDDEN;
	ask.grants[0].allows = ~0u;
	assert_says(&ask, POLICY_NO_RIGHT, "number_class: forbidden",
	    "no forbidden calls");
}
END_TEST

START_TEST(caps_deny_and_end)
{
	struct policy_ask ask = usual(NUMBER_NATIONAL, false);

	ask.service.caps = (struct caps){ 2, 10, 30000 };
	ask.cost = 10000;
	ask.usage = (struct usage){ 1, 599, 20000, 0 };
	assert_says(&ask, POLICY_BY_CLASS, "class national: office", "");
	ask.usage.calls = 2;
	assert_says(&ask, POLICY_CALLS, "class national: max_calls",
	    "too many calls at once");
	/* A call that runs is not one too many. */
	ask.running = true;
	assert_says(&ask, POLICY_BY_CLASS, "class national: office", "");
	ask.usage.seconds = 600;
	assert_says(&ask, POLICY_MINUTES, "class national: minutes_day",
	    "today's minutes are used up");
	ask.usage.seconds = 0;
	ask.usage.cost = 30000;
	assert_says(&ask, POLICY_BY_CLASS, "class national: office", "");
	ask.usage.cost = 30001;
	assert_says(&ask, POLICY_COST, "class national: cost_day",
	    "today's money is used up");
	/* Its first minute must fit. */
	ask.running = false;
	ask.usage = (struct usage){ 0, 0, 20001, 0 };
	assert_says(&ask, POLICY_COST, "class national: cost_day",
	    "today's money is used up");
	/* And those of the calls that ring already; they end none. */
	ask.usage = (struct usage){ 0, 0, 10000, 10000 };
	assert_says(&ask, POLICY_BY_CLASS, "class national: office", "");
	ask.usage.ringing = 10001;
	assert_says(&ask, POLICY_COST, "class national: cost_day",
	    "today's money is used up");
	ask.running = true;
	assert_says(&ask, POLICY_BY_CLASS, "class national: office", "");
	ask.running = false;
	ask.cost = 0;
	assert_says(&ask, POLICY_BY_CLASS, "class national: office", "");
	ask.usage = (struct usage){ 99, 99999, 99999999, 0 };
	ask.kind = NUMBER_INTERNAL;
	ck_assert_int_eq(policy_decide(&ask).why, POLICY_BY_CLASS);
	ask.kind = NUMBER_EMERGENCY;
	ck_assert_int_eq(policy_decide(&ask).why, POLICY_BY_EMERGENCY);
}
END_TEST

START_TEST(a_grant_raises_a_cap_and_lowers_none)
{
	struct policy_ask ask = usual(NUMBER_NATIONAL, false);

	ask.service.caps = (struct caps){ 2, 10, POLICY_NO_CAP };
	ask.usage = (struct usage){ 3, 900, 0, 0 };
	ask.grants[0] = (struct grant){ 4, 0, { 1, 20, 10 } };
	ask.grants[1] = (struct grant){ 5, 0, { 5, 15, POLICY_NO_CAP } };
	ask.n_grants = 2;
	assert_says(&ask, POLICY_BY_CLASS, "class national: office", "");
	ask.usage.seconds = 1200;
	assert_says(&ask, POLICY_MINUTES, "grant 4: minutes_day",
	    "today's minutes are used up");
	ask.usage = (struct usage){ 5, 0, 0, 0 };
	assert_says(&ask, POLICY_CALLS, "grant 5: max_calls",
	    "too many calls at once");
}
END_TEST

START_TEST(lists_and_hours_that_are_wrong)
{
	static const char *const hours[] = { "", "8:00-18:00", "08:00-25:00",
		"08:00-18:60", "24:01-24:00", "08:00 18:00", "0a:00-18:00",
		"08:00-18:000" };
	struct service s = { .from = 1, .to = 2, .days = 3 };
	unsigned bits = 99;

	ck_assert_int_eq(policy_kinds(S(" internal , national,,"), &bits), 0);
	ck_assert_uint_eq(bits, BIT(INTERNAL) | BIT(NATIONAL));
	ck_assert_int_eq(policy_kinds(SPAN_NONE, &bits), 0);
	ck_assert_uint_eq(bits, 0);
	bits = 99;
	ck_assert_int_eq(policy_kinds(S("internal,premum"), &bits), -EBADMSG);
	ck_assert_int_eq(policy_kinds(S("internal national"), &bits),
	    -EBADMSG);
	ck_assert_uint_eq(bits, 99);
	for (size_t i = 0; i < sizeof(hours) / sizeof(hours[0]); i++)
		ck_assert_msg(policy_hours(span_str(hours[i]), S("1"), &s) ==
			-EBADMSG, "%s", hours[i]);
	ck_assert_int_eq(policy_hours(S("08:00-18:00"), S("0"), &s), -EBADMSG);
	ck_assert_uint_eq(s.from, 1);
	ck_assert_uint_eq(s.days, 3);
}
END_TEST

START_TEST(each_minute_that_began_costs)
{
	ck_assert_int_eq(policy_cost(0, 100), 0);
	ck_assert_int_eq(policy_cost(1, 100), 100);
	ck_assert_int_eq(policy_cost(60, 100), 100);
	ck_assert_int_eq(policy_cost(61, 100), 200);
	ck_assert_int_eq(policy_cost(-5, 100), 0);
	ck_assert_int_eq(policy_cost(INT64_MAX, UINT32_MAX), INT64_MAX / 4);
}
END_TEST

void
add_rights_tests(Suite *s)
{
	TCase *t = tcase_create("rights");

	tcase_add_test(t, office_and_internet_have_rights_of_their_own);
	tcase_add_test(t, hours_are_for_calls_out_that_begin);
	tcase_add_test(t, a_grant_opens_what_the_class_does_not);
	tcase_add_test(t, caps_deny_and_end);
	tcase_add_test(t, a_grant_raises_a_cap_and_lowers_none);
	tcase_add_test(t, lists_and_hours_that_are_wrong);
	tcase_add_test(t, each_minute_that_began_costs);
	suite_add_tcase(s, t);
}
