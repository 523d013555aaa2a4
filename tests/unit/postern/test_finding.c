/* Findings: their levels, their print, their JSON. */
#include <string.h>

#include "postern/finding.h"
#include "postern/json.h"
#include "tests/unit/postern/suite.h"

static struct findings fs;
static char text[8192];

static const char *
printed(void (*print)(FILE *, const struct findings *))
{
	FILE *f = fmemopen(text, sizeof(text), "w");

	ck_assert_ptr_nonnull(f);
	print(f, &fs);
	fputc('\0', f);
	fclose(f);
	return text;
}

static void
add(enum finding_level level, const char *what)
{
	struct finding *f = finding_new(&fs, level, "a-code");

	finding_what(f, "%s", what);
	finding_seen(f, "seen %d", 7);
	finding_do(f, "do it");
}

START_TEST(the_status_is_that_of_the_worst)
{
	fs.n = 0;
	ck_assert_int_eq(findings_status(&fs), 0);
	finding_ok(&fs, "fine", "well");
	finding_note(&fs, "known", "so");
	ck_assert_int_eq(findings_status(&fs), 0);
	add(FINDING_WARNING, "w");
	ck_assert_int_eq(findings_status(&fs), 1);
	add(FINDING_ERROR, "e");
	ck_assert_int_eq(findings_status(&fs), 2);
	ck_assert(findings_have(&fs, "known"));
	ck_assert(!findings_have(&fs, "unknown"));
}
END_TEST

START_TEST(the_worst_is_told_first)
{
	fs.n = 0;
	finding_ok(&fs, "fine", "well");
	add(FINDING_ERROR, "bad");
	ck_assert_str_eq(printed(findings_print),
	    "error: bad [a-code]\n    seen: seen 7\n    do:   do it\n"
	    "ok: well [fine]\n");
}
END_TEST

START_TEST(what_strangers_said_reaches_no_terminal)
{
	fs.n = 0;
	add(FINDING_ERROR, "a\x1b[2J\"b\\\n\xff");
	ck_assert_str_eq(fs.item[0].what, "a?[2J\"b\\??");
	printed(findings_json);
	ck_assert_ptr_nonnull(strstr(text, "\"what\":\"a?[2J\\\"b\\\\??\""));
	memmove(text + 1, text, sizeof(text) - 2);
	text[0] = '{';
	text[strlen(text)] = '}';
	ck_assert(json_is_object(span_str(text)));
}
END_TEST

START_TEST(too_many_are_cut)
{
	fs.n = 0;
	for (unsigned i = 0; i < 2 * FINDINGS_MAX; i++)
		add(FINDING_NOTE, "n");
	ck_assert_uint_eq(fs.n, FINDINGS_MAX);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		the_status_is_that_of_the_worst,
		the_worst_is_told_first,
		what_strangers_said_reaches_no_terminal,
		too_many_are_cut,
	};

	return run_suite("finding", tests, sizeof(tests) / sizeof(tests[0]));
}
