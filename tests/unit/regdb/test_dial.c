/* Numbers as trunks write them, and whose number one of outside is. */
#include <errno.h>

#include "registrar-db/core/dial.h"
#include "tests/unit/regdb/suite.h"

#define PLAN(c, a) { SPAN_LIT(c), SPAN_LIT(a), SPAN_LIT("00"), SPAN_LIT("0") }

static const struct plan berlin = PLAN("49", "30");

START_TEST(a_number_is_written_as_the_trunk_writes_it)
{
	static const struct {
		const char *name;
		enum dial_form form;
		struct plan plan;
		const char *dialled;
		unsigned strip;
		const char *prepend, *want; /* NULL: it cannot be */
	} rows[] = {
		{ "as one dials here", DIAL_AS_IS, PLAN("49", "30"),
		    "+49 (0) 30/123456", 0, "", "030123456" },
		{ "abroad", DIAL_AS_IS, PLAN("49", "30"), "+44207123456", 0,
		    "", "0044207123456" },
		{ "of the same town", DIAL_AS_IS, PLAN("49", "30"), "1234567",
		    0, "", "0301234567" },
		{ "E.164", DIAL_E164, PLAN("49", "30"), "030123456", 0, "",
		    "+4930123456" },
		{ "digits", DIAL_DIGITS, PLAN("49", "30"), "030123456", 0, "",
		    "4930123456" },
		{ "as one dials in London", DIAL_NATIONAL, PLAN("44", ""),
		    "030123456", 0, "", "004930123456" },
		{ "the same, a number there", DIAL_NATIONAL, PLAN("44", ""),
		    "+44207123456", 0, "", "0207123456" },
		{ "emergency stays", DIAL_E164, PLAN("49", "30"), "112", 0,
		    "", "112" },
		{ "an extension stays", DIAL_DIGITS, PLAN("49", "30"), "168",
		    0, "", "168" },
		{ "strip and prepend", DIAL_AS_IS, PLAN("49", "30"),
		    "030123456", 1, "+49", "+4930123456" },
		{ "an access code", DIAL_AS_IS, PLAN("", ""), "9168", 1, "",
		    "168" },
		{ "more than there is", DIAL_AS_IS, PLAN("49", "30"), "112",
		    4, "", NULL },
		{ "nothing left", DIAL_AS_IS, PLAN("49", "30"), "112", 3, "",
		    NULL },
		{ "too long", DIAL_AS_IS, PLAN("49", "30"), "+123456789012345",
		    0, "1234567890123456", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dial d = { rows[i].form, rows[i].plan };
		char form[PLAN_NUMBER_MAX], mem[PLAN_NUMBER_MAX];
		struct span number, out;
		int err;

		ck_assert_int_eq(plan_number(rows[i].plan.country.len > 0 ?
			&berlin : &rows[i].plan, span_str(rows[i].dialled),
			form, &number), 0);
		err = dial_write(&d, number, rows[i].strip,
		    span_str(rows[i].prepend), mem, &out);
		ck_assert_msg(err == (rows[i].want != NULL ? 0 : -EBADMSG),
		    "%s: %d", rows[i].name, err);
		if (err == 0)
			assert_span(out, rows[i].want);
	}
}
END_TEST

START_TEST(a_number_of_a_trunk_is_read)
{
	static const struct {
		enum dial_form form;
		const char *written, *want;
	} rows[] = {
		{ DIAL_E164, "+4930123456", "+4930123456" },
		{ DIAL_DIGITS, "4930123456", "+4930123456" },
		{ DIAL_DIGITS, "004930123456", "+4930123456" },
		{ DIAL_DIGITS, "168", "168" },
		{ DIAL_NATIONAL, "030123456", "+4930123456" },
		{ DIAL_AS_IS, "123456789", "+4930123456789" },
		{ DIAL_E164, "+0", NULL },
		{ DIAL_DIGITS, "sales", NULL },
		{ DIAL_DIGITS, "49301234567890123456789012345678", NULL },
		{ DIAL_DIGITS, "", NULL },
	};
	char mem[PLAN_NUMBER_MAX];
	struct span out;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dial d = { rows[i].form, berlin };
		int err = dial_read(&d, span_str(rows[i].written), mem, &out);

		ck_assert_msg((err == 0) == (rows[i].want != NULL), "%s",
		    rows[i].written);
		if (err == 0)
			assert_span(out, rows[i].want);
	}
}
END_TEST

START_TEST(digits_at_the_end_choose_the_subscriber_and_back)
{
	static const struct {
		const char *pattern, *target, *number, *ours;
	} rows[] = {
		{ "+493012342XX", "2XX", "+49301234201", "201" },
		{ "+49301234%", "1XX", "+4930123468", "168" },
		{ "+4930123468", "168", "+4930123468", "168" },
		{ "XXX", "XXX", "168", "168" },
		{ "*7", "XX", "*7", NULL },
		{ "7", "XX", "7", NULL },
	};
	char mem[PLAN_NUMBER_MAX];
	struct pattern p;
	struct span out;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int err = dial_target(span_str(rows[i].target),
		    span_str(rows[i].number), mem, &out);

		ck_assert_int_eq(err == 0, rows[i].ours != NULL);
		if (err)
			continue;
		assert_span(out, rows[i].ours);
		ck_assert_int_eq(pattern_read(&berlin,
		    span_str(rows[i].pattern), &p), 0);
		err = dial_did_of(&p, span_str(rows[i].target),
		    span_str(rows[i].ours), mem, &out);
		ck_assert_int_eq(err, p.open ? -ENOENT : 0);
		if (err == 0)
			assert_span(out, rows[i].number);
	}
	ck_assert_int_eq(pattern_read(&berlin, S("+493012342XX"), &p), 0);
	ck_assert_int_eq(dial_did_of(&p, S("2XX"), S("301"), mem, &out),
	    -ENOENT);
}
END_TEST

START_TEST(routes_have_an_order)
{
	struct dial_route a = { .id = 1, .priority = 10 }, b = { .id = 2,
		.priority = 20 };

	ck_assert_int_eq(pattern_read(&berlin, S("0%"), &a.pattern), 0);
	ck_assert_int_eq(pattern_read(&berlin, S("030%"), &b.pattern), 0);
	ck_assert_int_lt(dial_route_order(&a, &b), 0);
	b.priority = 10;
	ck_assert_int_gt(dial_route_order(&a, &b), 0);
	b.pattern = a.pattern;
	ck_assert_int_lt(dial_route_order(&a, &b), 0);
	ck_assert(dial_route_fits(&a, S("+4989123456"), NUMBER_NATIONAL,
	    S("national")));
	a.kinds = 1u << NUMBER_EMERGENCY;
	ck_assert(!dial_route_fits(&a, S("+4989123456"), NUMBER_NATIONAL,
	    S("national")));
	memcpy(b.rights, "boss", 4);
	b.rights_len = 4;
	ck_assert(!dial_route_fits(&b, S("+4989123456"), NUMBER_NATIONAL,
	    S("national")));
	ck_assert(dial_route_fits(&b, S("+4989123456"), NUMBER_NATIONAL,
	    S("boss")));
}
END_TEST

void
add_dial_tests(Suite *s)
{
	TCase *t = tcase_create("dial");

	tcase_add_test(t, a_number_is_written_as_the_trunk_writes_it);
	tcase_add_test(t, a_number_of_a_trunk_is_read);
	tcase_add_test(t, digits_at_the_end_choose_the_subscriber_and_back);
	tcase_add_test(t, routes_have_an_order);
	suite_add_tcase(s, t);
}
