/* One form for every way to write a number, and what it is. */
#include <errno.h>

#include "registrar-db/core/plan.h"
#include "tests/unit/regdb/suite.h"

#define PLAN(c, a, i, n) { SPAN_LIT(c), SPAN_LIT(a), SPAN_LIT(i), SPAN_LIT(n) }

static const struct plan berlin = PLAN("49", "30", "00", "0");
static const struct plan germany = PLAN("49", "", "00", "0");
static const struct plan america = PLAN("1", "", "011", "1");
static const struct plan vienna = PLAN("43", "1", "00", "0");
static const struct plan italy = PLAN("39", "", "00", "");
static const struct plan untold = PLAN("", "", "00", "0");

START_TEST(every_way_to_write_a_number_has_one_form)
{
	static const struct {
		const char *name;
		const struct plan *plan;
		const char *dialled, *want; /* NULL: no number */
	} rows[] = {
		{ "an extension", &berlin, "168", "168" },
		{ "an emergency number", &berlin, "112", "112" },
		{ "global", &berlin, "+4930123456", "+4930123456" },
		{ "00", &berlin, "004930123456", "+4930123456" },
		{ "national", &berlin, "030123456", "+4930123456" },
		{ "of the same town", &berlin, "1234567", "+49301234567" },
		{ "the same, no area", &germany, "1234567", "+491234567" },
		{ "(0)", &berlin, "+49 (0) 30/123-456", "+4930123456" },
		{ "00 49 0", &berlin, "0049030123456", "+4930123456" },
		{ "+49 00", &berlin, "+490030123456", "+4930123456" },
		{ "premium with separators", &berlin, "0-9.0(0)123456",
		    "+49900123456" },
		{ "premium as 0049", &berlin, "0049900123456",
		    "+49900123456" },
		{ "premium as 0049 0", &berlin, "00490900123456",
		    "+49900123456" },
		{ "+49 112, a phone-context's", &berlin, "+49112", "112" },
		{ "+49 0 112", &berlin, "+490112", "112" },
		{ "Vienna's town hall", &vienna, "+43 1 4000", "+4314000" },
		{ "the same by 00", &vienna, "004314000", "+4314000" },
		{ "a ministry there", &vienna, "01 53115", "+43153115" },
		{ "the same by 00 43 0", &vienna, "0043 0153115", "+43153115" },
		{ "a service from abroad", &berlin, "+49 11833", "+4911833" },
		{ "it is dialled so here", &berlin, "11833", "11833" },
		{ "+ and 00", &berlin, "+0049900123", NULL },
		{ "00 and +", &berlin, "00+49900123", NULL },
		{ "two +", &berlin, "++49900123", NULL },
		{ "+ in the middle", &berlin, "0900+123", NULL },
		{ "+0", &berlin, "+0900123456", NULL },
		{ "0000", &berlin, "0000900123", NULL },
		{ "+ alone", &berlin, "+", NULL },
		{ "nothing", &berlin, "", NULL },
		{ "separators alone", &berlin, "-.()", NULL },
		{ "a letter", &berlin, "09O0123456", NULL },
		{ "letters of a keypad", &berlin, "0900CALLNOW", NULL },
		{ "a subaddress", &berlin, "0900123;isub=1", NULL },
		{ "an escape of an escape", &berlin, "%30900123456", NULL },
		{ "a pause", &berlin, "112p0900123456", NULL },
		{ "another line", &berlin, "0900123\n112", NULL },
		{ "digits of another script", &berlin, "\xd9\xa0" "900123", NULL },
		{ "15 digits", &berlin, "+123456789012345",
		    "+123456789012345" },
		{ "16 digits", &berlin, "+1234567890123456", NULL },
		{ "112 and more", &berlin, "1120900123456789012", NULL },
		{ "33 digits", &untold, "123456789012345678901234567890123",
		    NULL },
		{ "a service", &berlin, "*21*0900123#", "*21*0900123#" },
		{ "a service with +", &berlin, "+*21", NULL },
		{ "America: 1", &america, "19005551234", "+19005551234" },
		{ "America: ten digits", &america, "9005551234",
		    "+19005551234" },
		{ "America: 011", &america, "01149900123456",
		    "+49900123456" },
		{ "America: 911", &america, "911", "911" },
		{ "America: extension 101", &america, "101", "101" },
		{ "America: +1 911", &america, "+1911", "911" },
		{ "America: +1 1 900", &america, "+119005551234",
		    "+19005551234" },
		{ "Italy keeps its 0", &italy, "0612345678", "+390612345678" },
		{ "Italy: premium", &italy, "899123456", "+39899123456" },
		{ "no country: as dialled", &untold, "0900123456",
		    "0900123456" },
		{ "no country: 00", &untold, "0049900123456",
		    "+49900123456" },
	};
	char mem[PLAN_NUMBER_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span got = SPAN_NONE;
		int err = plan_number(rows[i].plan, span_str(rows[i].dialled),
		    mem, &got);

		if (rows[i].want == NULL)
			ck_assert_msg(err == -EBADMSG, "%s: %.*s",
			    rows[i].name, (int)got.len, got.p);
		else
			ck_assert_msg(err == 0 &&
				span_eq(got, span_str(rows[i].want)),
			    "%s: %d %.*s", rows[i].name, err, (int)got.len,
			    got.p);
	}
}
END_TEST

/* A zero octet, from %00, is no digit. */
START_TEST(a_zero_octet_is_no_number)
{
	char mem[PLAN_NUMBER_MAX];
	struct span out;

	ck_assert_int_eq(plan_number(&berlin, SPAN_LIT("112\0900"), mem, &out),
	    -EBADMSG);
}
END_TEST

/* What plan_number() gives, it gives again: no second form slips through. */
START_TEST(a_form_stays_what_it_is)
{
	static const struct plan *const plans[] = { &berlin, &germany,
		&america, &italy, &untold };
	static const char digit[] = "+0149*";
	char text[8], mem[2][PLAN_NUMBER_MAX];

	for (unsigned n = 0; n < 6 * 6 * 6 * 6 * 6 * 6 * 6; n++) {
		unsigned rest = n;

		for (unsigned i = 0; i < 7; i++, rest /= 6)
			text[i] = digit[rest % 6];
		for (unsigned i = 0; i < 5; i++) {
			struct span a, b;

			if (plan_number(plans[i], span_make(text, 7), mem[0],
				&a) != 0)
				continue;
			b = SPAN_NONE;
			ck_assert_msg(plan_number(plans[i], a, mem[1], &b) ==
				0 && span_eq(a, b), "%u: %.7s %.*s %.*s", i,
			    text, (int)a.len, a.p, (int)b.len, b.p);
		}
	}
}
END_TEST

/* ---- patterns ---- */

static const struct { const char *pattern; enum number_kind kind; } table[] = {
	{ "112", NUMBER_EMERGENCY },
	{ "XXX", NUMBER_INTERNAL },
	{ "%", NUMBER_NATIONAL },
	{ "+%", NUMBER_INTERNATIONAL },
	{ "+49%", NUMBER_NATIONAL },
	{ "0900%", NUMBER_PREMIUM },
	{ "118%", NUMBER_PREMIUM },
	{ "09001111111", NUMBER_FORBIDDEN },
	{ "0049137XXXX%", NUMBER_PREMIUM },
	{ "+8816%", NUMBER_SATELLITE },
	{ "*9%", NUMBER_INTERNAL },
	{ "2XXXX", NUMBER_INTERNAL },
	{ "145%", NUMBER_EMERGENCY },
	{ "116117", NUMBER_EMERGENCY },
	{ "011877", NUMBER_NATIONAL },
};
#define ROWS (sizeof(table) / sizeof(table[0]))

START_TEST(the_pattern_that_says_most_decides)
{
	static const struct {
		const char *dialled;
		enum number_kind want;
	} rows[] = {
		{ "112", NUMBER_EMERGENCY }, { "+49112", NUMBER_EMERGENCY },
		{ "1120", NUMBER_NATIONAL }, { "199", NUMBER_INTERNAL },
		{ "1999", NUMBER_NATIONAL }, { "11833", NUMBER_PREMIUM },
		{ "118", NUMBER_PREMIUM }, { "0900123456", NUMBER_PREMIUM },
		{ "+49 900 123456", NUMBER_PREMIUM },
		{ "09001111111", NUMBER_FORBIDDEN },
		{ "0049 900 1111111", NUMBER_FORBIDDEN },
		{ "090011111112", NUMBER_PREMIUM },
		{ "01371234", NUMBER_PREMIUM },
		{ "0137123", NUMBER_NATIONAL },
		{ "0900123", NUMBER_PREMIUM }, { "0 900-12", NUMBER_PREMIUM },
		{ "+49900123", NUMBER_PREMIUM }, { "900123", NUMBER_PREMIUM },
		{ "+49 118 33", NUMBER_PREMIUM }, { "0118 333", NUMBER_PREMIUM },
		{ "0118 33", NUMBER_PREMIUM }, { "0118-3", NUMBER_PREMIUM },
		{ "011877", NUMBER_NATIONAL },
		{ "0112", NUMBER_NATIONAL }, { "020001", NUMBER_NATIONAL },
		{ "+49 200 01", NUMBER_NATIONAL },
		{ "+49 145 01", NUMBER_NATIONAL }, { "14501", NUMBER_EMERGENCY },
		{ "+49 116 117", NUMBER_EMERGENCY },
		{ "0301234567", NUMBER_NATIONAL },
		{ "+441234567", NUMBER_INTERNATIONAL },
		{ "00881612345678", NUMBER_SATELLITE },
		{ "*97", NUMBER_INTERNAL }, { "*21*0900123#", NUMBER_NONE },
		{ "#31#0900123", NUMBER_NONE }, { "112#", NUMBER_NONE },
		/* Anything behind '%' is digits. */
		{ "*9*0900123", NUMBER_NONE },
	};
	struct pattern all[ROWS];
	char mem[PLAN_NUMBER_MAX];

	for (size_t i = 0; i < ROWS; i++) {
		ck_assert_int_eq(pattern_read(&berlin,
		    span_str(table[i].pattern), &all[i]), 0);
		all[i].kind = table[i].kind;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct pattern *p;
		struct span form;

		ck_assert_int_eq(plan_number(&berlin,
		    span_str(rows[i].dialled), mem, &form), 0);
		p = plan_find(&berlin, all, ROWS, form);
		ck_assert_msg((p == NULL ? NUMBER_NONE : p->kind) ==
			rows[i].want, "%s: %s", rows[i].dialled,
		    p == NULL ? "-" : number_kind_name(p->kind));
	}
}
END_TEST

/* Where nothing stands before a national number a short one may cost, too. */
START_TEST(a_short_number_is_meant_by_a_row_of_its_country)
{
	static const char *const typed[] = { "XXX", "%", "+39%", "+39892%" };
	static const enum number_kind kind[] = { NUMBER_INTERNAL,
		NUMBER_NATIONAL, NUMBER_NATIONAL, NUMBER_PREMIUM };
	static const struct {
		const char *dialled;
		enum number_kind want;
	} rows[] = {
		{ "892424", NUMBER_PREMIUM }, { "+39892424", NUMBER_PREMIUM },
		{ "892", NUMBER_PREMIUM }, { "201", NUMBER_INTERNAL },
		{ "8912", NUMBER_NATIONAL }, { "89212345678", NUMBER_PREMIUM },
	};
	struct pattern all[4];
	char mem[PLAN_NUMBER_MAX];
	struct span form;

	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_eq(pattern_read(&italy, span_str(typed[i]),
		    &all[i]), 0);
		all[i].kind = kind[i];
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(plan_number(&italy,
		    span_str(rows[i].dialled), mem, &form), 0);
		ck_assert_msg(plan_find(&italy, all, 4, form)->kind ==
			rows[i].want, "%s", rows[i].dialled);
	}
}
END_TEST

START_TEST(patterns_that_are_none)
{
	static const char *const rows[] = { "", "09%0", "0900%%", "x00", "+0%",
		"+", "++49%", "09 00%", "+1234567890123456",
		"123456789012345678901234567890123" };
	struct pattern p;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(pattern_read(&berlin, span_str(rows[i]), &p) ==
			-EBADMSG, "%s", rows[i]);
}
END_TEST

START_TEST(kinds_have_names)
{
	for (unsigned i = 1; i < NUMBER_KINDS; i++)
		ck_assert_uint_eq(number_kind_of(span_str(number_kind_name(
		    (enum number_kind)i))), i);
	ck_assert_uint_eq(number_kind_of(SPAN_LIT("intern")), NUMBER_NONE);
	ck_assert_uint_eq(number_kind_of(SPAN_NONE), NUMBER_NONE);
}
END_TEST

void
add_plan_tests(Suite *s)
{
	TCase *t = tcase_create("plan");

	tcase_add_test(t, every_way_to_write_a_number_has_one_form);
	tcase_add_test(t, a_zero_octet_is_no_number);
	tcase_add_test(t, a_form_stays_what_it_is);
	tcase_add_test(t, the_pattern_that_says_most_decides);
	tcase_add_test(t,
	    a_short_number_is_meant_by_a_row_of_its_country);
	tcase_add_test(t, patterns_that_are_none);
	tcase_add_test(t, kinds_have_names);
	suite_add_tcase(s, t);
}
