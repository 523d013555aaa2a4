#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postern/json.h"
#include "postern/store.h"
#include "postern/table.h"
#include "tests/unit/postern/suite.h"

/* What print() writes; to be freed. */
static char *
printed(struct span text, int *rc)
{
	char *out = NULL;
	size_t len;
	FILE *to = open_memstream(&out, &len);

	*rc = table_print(to, text);
	fclose(to);
	return out;
}

START_TEST(tables)
{
	static const struct {
		const char *name, *rows, *want;
		int rc;
	} rows[] = {
		{ "none", "[]", "", 0 },
		{ "one", "[{\"a_b\":\"x\",\"c\":1}]", "a b  c\nx    1\n", 1 },
		{ "as wide as the widest",
		    "[{\"a\":\"xxx\",\"c\":1},\n{\"a\":\"y\",\"c\":null}]",
		    "a    c\nxxx  1\ny    -\n", 2 },
		{ "a member is missing", "[{\"a\":1,\"c\":2},{\"c\":3}]",
		    "a  c\n1  2\n-  3\n", 2 },
		{ "empty text", "[{\"a\":\"\",\"c\":2}]", "a  c\n-  2\n", 1 },
		{ "letters count once each",
		    "[{\"a\":\"Zo\u00eb\",\"c\":2},{\"a\":\"abcd\",\"c\":3}]",
		    "a     c\nZo\u00eb   2\nabcd  3\n", 2 },
		{ "fractions are rounded, texts stay",
		    "[{\"a\":4.3499999999999996447,\"c\":\"1.23456\","
		    "\"d\":-0.0,\"e\":1.5e300}]",
		    "a     c        d      e\n4.35  1.23456  -0.00  1.5e300\n",
		    1 },
		{ "not an array", "{\"a\":1}", "", -EBADMSG },
		{ "not of objects", "[1]", "", -EBADMSG },
		{ "broken", "[{\"a\":1}", "", -EBADMSG },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc;
		char *got = printed(span_str(rows[i].rows), &rc);

		ck_assert_msg(strcmp(got, rows[i].want) == 0, "%s: %s",
		    rows[i].name, got);
		ck_assert_msg(rc == rows[i].rc, "%s: %d", rows[i].name, rc);
		free(got);
	}
}
END_TEST

START_TEST(text_for_a_terminal)
{
	static const struct {
		const char *name, *text, *want;
		unsigned columns;
	} rows[] = {
		{ "plain", "abc", "abc", 3 },
		{ "escapes", "a\\\"b\\\\c\\/", "a\"b\\c/", 6 },
		{ "control character", "a\\u001b[2Jb", "a?[2Jb", 6 },
		{ "new line", "a\\nb", "a?b", 3 },
		{ "cut escape", "a\\", "a?", 2 },
		{ "cut \\u", "a\\u00", "a?", 2 },
		{ "C1 control", "a\xc2\x9b" "2J", "a?2J", 4 },
		{ "right to left", "a\u202eb", "a?b", 3 },
		{ "no width", "a\u200bb", "a?b", 3 },
		{ "Cyrillic", "\u0416", "\u0416", 1 },
		{ "four bytes", "\U0001f4de", "\U0001f4de", 1 },
		{ "over-long", "\xc0\xaf", "??", 2 },
		{ "surrogate", "\xed\xa0\x80", "???", 3 },
		{ "cut in the middle", "\xe2\x82", "??", 2 },
		{ "lone continuation", "\x80", "?", 1 },
		{ "DEL", "\x7f", "?", 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *got = NULL;
		size_t len;
		FILE *to = open_memstream(&got, &len);
		unsigned n = table_text(to, span_str(rows[i].text));

		fclose(to);
		ck_assert_msg(strcmp(got, rows[i].want) == 0, "%s: %s",
		    rows[i].name, got);
		ck_assert_msg(n == rows[i].columns &&
			n == table_text(NULL, span_str(rows[i].text)),
		    "%s: %u", rows[i].name, n);
		free(got);
	}
}
END_TEST

START_TEST(a_cut_array_is_never_read_past_its_end)
{
	static const char text[] = "[{\"a\":\"\xc3\xab\\u0041\",\"b\":2},{}]";

	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		char *exact = malloc(len > 0 ? len : 1), *got;
		int rc;

		memcpy(exact, text, len);
		got = printed(span_make(exact, len), &rc);
		ck_assert_int_eq(rc, -EBADMSG);
		free(got);
		free(exact);
	}
}
END_TEST

START_TEST(quotes)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "", "''" },
		{ "a", "'a'" },
		{ "O'Neill", "'O''Neill'" },
		{ "');DROP TABLE x;--", "''');DROP TABLE x;--'" },
		{ "a\nb", NULL },
		{ "a\x7f", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char mem[64];
		struct buf b;
		int err;

		buf_init(&b, mem, sizeof(mem));
		err = store_quote(&b, rows[i].text);
		ck_assert_int_eq(err, rows[i].want == NULL ? -EINVAL : 0);
		if (err == 0)
			ck_assert(span_eq(buf_span(&b),
			    span_str(rows[i].want)));
	}
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { tables, text_for_a_terminal,
		a_cut_array_is_never_read_past_its_end, quotes };

	return run_suite("table", tests, sizeof(tests) / sizeof(tests[0]));
}
