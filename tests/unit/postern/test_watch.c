/* One view for a screen: what fits, and what is said of the rest. */
#include <stdlib.h>
#include <string.h>

#include "postern/watch.h"
#include "tests/unit/postern/suite.h"

#define HEAD "\033[HCalls   12:00   q ends\033[K\n\033[K"

START_TEST(screens)
{
	static const struct {
		const char *name, *view;
		unsigned rows, columns;
		const char *want;
	} rows[] = {
		{ "nothing", "", 24, 80, HEAD "\033[J" },
		{ "all fits", "a\nbc\n", 24, 80,
		    HEAD "\na\033[K\nbc\033[K\033[J" },
		{ "just fits", "a\nb\nc\n", 5, 80,
		    HEAD "\na\033[K\nb\033[K\nc\033[K\033[J" },
		{ "does not", "a\nb\nc\nd\n", 5, 80,
		    HEAD "\na\033[K\nb\033[K\n... and 2 more\033[K"
		    "\033[J" },
		{ "lines are cut", "abcdefgh\n", 24, 5,
		    "\033[HCalls\033[K\n\033[K\nabcde\033[K\033[J" },
		{ "a letter is one column, and whole", "Zo\u00eb\u00eb\n", 24,
		    3, "\033[HCal\033[K\n\033[K\nZo\u00eb\033[K\033[J" },
		{ "no newline at the end", "a", 24, 80,
		    HEAD "\na\033[K\033[J" },
		{ "hardly a screen", "a\nb\nc\n", 1, 80,
		    HEAD "\na\033[K\n... and 2 more\033[K\033[J" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *out = NULL;
		size_t len;
		FILE *to = open_memstream(&out, &len);

		watch_screen(to, "Calls", "12:00", span_str(rows[i].view),
		    rows[i].rows, rows[i].columns);
		fclose(to);
		ck_assert_msg(strcmp(out, rows[i].want) == 0, "%s: %s",
		    rows[i].name, out);
		free(out);
	}
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { screens };

	return run_suite("watch", tests, sizeof(tests) / sizeof(tests[0]));
}
