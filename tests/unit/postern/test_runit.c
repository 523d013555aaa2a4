#include <errno.h>

#include "postern/runit.h"
#include "tests/unit/postern/suite.h"

/* As runsv wrote it: up since 2026-11-23 14:02:37 UTC, pid 19694. */
static const uint8_t up[20] = { 0x40, 0, 0, 0, 0x6b, 0x04, 0x03, 0x77, 0, 0,
	0, 0, 0xee, 0x4c, 0, 0, 0, 'u', 0, 1 };

START_TEST(a_running_service)
{
	struct runit_status st;

	ck_assert_int_eq(runit_parse(up, sizeof(up), &st), 0);
	ck_assert_int_eq(st.pid, 19694);
	ck_assert_int_eq(st.since_s, 0x6b040377 - 10);
}
END_TEST

START_TEST(a_stopped_service_has_no_process)
{
	struct runit_status st;
	uint8_t down[20];

	for (size_t i = 0; i < sizeof(down); i++)
		down[i] = i >= 12 && i < 16 ? 0 : up[i];
	ck_assert_int_eq(runit_parse(down, sizeof(down), &st), 0);
	ck_assert_int_eq(st.pid, 0);
}
END_TEST

START_TEST(other_files_are_refused)
{
	struct runit_status st = { .pid = 7 };
	uint8_t early[20] = { 0 };

	ck_assert_int_eq(runit_parse(up, 19, &st), -EBADMSG);
	ck_assert_int_eq(runit_parse(up, 0, &st), -EBADMSG);
	ck_assert_int_eq(runit_parse(early, 20, &st), -EBADMSG);
	ck_assert_int_eq(st.pid, 7);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { a_running_service,
		a_stopped_service_has_no_process, other_files_are_refused };

	return run_suite("runit", tests, sizeof(tests) / sizeof(tests[0]));
}
