#include <stdio.h>
#include <string.h>

#include "postern/json.h"
#include "tests/unit/postern/suite.h"

START_TEST(one_object_and_nothing_else)
{
	static const struct {
		const char *name, *text;
		bool want;
	} rows[] = {
		{ "empty object", "{}", true },
		{ "space around", " { \"a\" : 1 } \n", true },
		{ "all kinds", "{\"a\":\"x\",\"b\":-1.5e3,\"c\":[true,false,"
			       "null,{}],\"d\":{\"e\":[]}}", true },
		{ "escapes", "{\"a\":\"\\\"\\\\\\u00e4\"}", true },
		{ "seven deep", "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1"
				"}}}}}}", true },
		{ "nothing", "", false },
		{ "a list", "[]", false },
		{ "a number", "1", false },
		{ "two objects", "{}{}", false },
		{ "not closed", "{\"a\":1", false },
		{ "text not closed", "{\"a\":\"x}", false },
		{ "ends in an escape", "{\"a\":\"x\\", false },
		{ "no value", "{\"a\":}", false },
		{ "no key", "{1:2}", false },
		{ "comma at the end", "{\"a\":1,}", false },
		{ "a word that is none", "{\"a\":yes}", false },
		{ "control character in text", "{\"a\":\"\x1b[2J\"}", false },
		{ "deeper than the limit",
		    "{\"a\":[[[[[[[[[[[[1]]]]]]]]]]]]}", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(json_is_object(span_str(rows[i].text)) ==
			rows[i].want, "%s", rows[i].name);
}
END_TEST

START_TEST(a_cut_object_is_never_read_past_its_end)
{
	static const char text[] = "{\"a\":[\"b\",{\"c\":null}],\"d\":-1}";

	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		char *exact = malloc(len > 0 ? len : 1);

		memcpy(exact, text, len);
		ck_assert(!json_is_object(span_make(exact, len)));
		free(exact);
	}
}
END_TEST

static void
expect(const char *text, const char *want)
{
	char mem[512] = "";
	FILE *f = fmemopen(mem, sizeof(mem) - 1, "w");

	ck_assert_ptr_nonnull(f);
	json_print(f, span_str(text), 4);
	fclose(f);
	ck_assert_str_eq(mem, want);
}

START_TEST(people_read_lines)
{
	expect("{\"live_calls\":3,\"peers\":[\"a\",\"b_c\"],\"none\":[]}",
	    "\n    live calls 3\n    peers a, b_c\n    none none\n");
	expect("{\"a\":{\"b\":1}}", "\n    a \n      b 1\n");
}
END_TEST

START_TEST(a_terminal_gets_no_raw_octets)
{
	expect("{\"a\":\"\x9b" "2J\x7f\"}", "\n    a ?2J?\n");
}
END_TEST

START_TEST(a_member_of_the_object_itself_is_found)
{
	struct span o = SPAN_LIT("{\"a\":{\"public\":\"inner\"},\"n\":1,"
				 "\"public\":\"192.0.2.1\",\"z\":\"q\"}");
	struct span got = SPAN_NONE;

	ck_assert(json_text(o, "public", &got));
	ck_assert(span_eq(got, SPAN_LIT("192.0.2.1")));
	ck_assert(!json_text(o, "none", &got));
	ck_assert(!json_text(o, "n", &got));
	ck_assert(!json_text(o, "a", &got));
	ck_assert(json_text(o, "z", &got));
	ck_assert(span_eq(got, SPAN_LIT("q")));
}
END_TEST

START_TEST(members_and_items_by_kind)
{
	struct span o = SPAN_LIT("{\"n\":12,\"neg\":-1,\"yes\":true,"
	    "\"no\" : false ,\"z\":null,\"list\":[1,{\"a\":[]}, \"x\"],"
	    "\"t\":\"w\",\"in\":{\"deep\":5}}");
	struct span list, one;
	uint64_t n = 0;

	ck_assert(json_number(o, "n", &n) && n == 12);
	ck_assert(!json_number(o, "neg", &n) && !json_number(o, "t", &n));
	ck_assert(!json_number(o, "deep", &n));
	ck_assert_int_eq(json_truth(o, "yes"), JSON_YES);
	ck_assert_int_eq(json_truth(o, "no"), JSON_NO);
	ck_assert_int_eq(json_truth(o, "z"), JSON_UNKNOWN);
	ck_assert_int_eq(json_truth(o, "absent"), JSON_UNKNOWN);
	ck_assert(json_member(o, "list", &list));
	ck_assert(json_item(list, 0, &one) && span_eq(one, SPAN_LIT("1")));
	ck_assert(json_item(list, 1, &one) &&
	    span_eq(one, SPAN_LIT("{\"a\":[]}")));
	ck_assert(json_item(list, 2, &one) && span_eq(one, SPAN_LIT("\"x\"")));
	ck_assert(!json_item(list, 3, &one));
	ck_assert(!json_item(SPAN_LIT("[]"), 0, &one));
	ck_assert(!json_item(SPAN_LIT("7"), 0, &one));
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { one_object_and_nothing_else,
		a_cut_object_is_never_read_past_its_end, people_read_lines,
		a_terminal_gets_no_raw_octets,
		a_member_of_the_object_itself_is_found,
		members_and_items_by_kind };

	return run_suite("json", tests, sizeof(tests) / sizeof(tests[0]));
}
