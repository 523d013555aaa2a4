/* When the relay ticks, and when each packet goes on at once. */
#include "mediaproxy/core/pace.h"
#include "tests/unit/media/suite.h"

/* For so many milliseconds come so many packets a second; we wake each
 * millisecond in which one comes, and while ticking in each one. */
static bool
load(struct pace *p, uint64_t *at, unsigned ms, unsigned per_s)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < ms; i++, ++*at) {
		sum += per_s;
		if (sum >= 1000 || p->ticking)
			pace_woke(p, sum / 1000, at_ms(*at));
		sum %= 1000;
	}
	return p->ticking;
}

/* Loads one after the other, and whether it ticks at the end of each. */
static const struct {
	const char *name;
	struct {
		unsigned ms, per_s;
		bool want;
	} step[4];
} rows[] = {
	{ "one call is never delayed", { { 5000, 100, false } } },
	{ "fifteen calls neither", { { 5000, 1500, false } } },
	{ "thirty calls are taken together", { { 100, 3000, true } } },
	{ "between the two marks it stays as it was",
	    { { 100, 1500, false }, { 100, 3000, true },
		{ 1000, 1500, true }, { 100, 900, false } } },
	{ "when all hang up it rests",
	    { { 100, 50000, true }, { 40, 0, false } } },
	{ "a short burst is no load",
	    { { 60000, 0, false }, { 2, 10000, false },
		{ 100, 100, false } } },
	{ "after a long silence load is seen as soon as ever",
	    { { 3600000, 0, false }, { 60, 3000, true } } },
};

START_TEST(ticks_under_load_only)
{
	struct pace p = { 0 };
	uint64_t at = 0;

	for (unsigned i = 0; i < 4 && rows[_i].step[i].ms > 0; i++) {
		bool ticks = load(&p, &at, rows[_i].step[i].ms,
		    rows[_i].step[i].per_s);

		ck_assert_msg(ticks == rows[_i].step[i].want,
		    "%s: step %u", rows[_i].name, i);
	}
}
END_TEST

void
add_pace_tests(Suite *s)
{
	TCase *tc = tcase_create("pace");

	tcase_add_loop_test(tc, ticks_under_load_only, 0,
	    sizeof(rows) / sizeof(rows[0]));
	suite_add_tcase(s, tc);
}
