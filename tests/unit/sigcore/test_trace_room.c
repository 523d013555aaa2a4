/* Strangers in traces have so much room, and one who floods a part of it. */
#include <check.h>
#include <stdlib.h>

#include "sigproxy/core/trace_room.h"

#define SECOND 1000000ULL
#define HOUR (3600 * SECOND)

/* From address number `hash`, as much as goes in, in pieces. */
static size_t
flood(struct trace_room *r, uint64_t at_us, uint64_t hash, size_t piece)
{
	size_t sum = 0;

	while (trace_room_take(r, (struct mono){ at_us }, hash, piece))
		sum += piece;
	return sum;
}

START_TEST(one_address_has_its_share)
{
	struct trace_room r = { 0 };
	size_t most = TRACE_ROOM_ADDRESS_BURST;

	ck_assert_uint_le(flood(&r, SECOND, 7, 1000), most);
	ck_assert(!trace_room_take(&r, (struct mono){ SECOND }, 7, 1000));
	ck_assert(trace_room_take(&r, (struct mono){ SECOND }, 8, 1000));
	/* It comes back as time goes by, in steps however small. */
	for (uint64_t us = SECOND; us <= 11 * SECOND; us += 700)
		(void)trace_room_take(&r, (struct mono){ us }, 7, 100000);
	most = flood(&r, 11 * SECOND, 7, 100);
	ck_assert_uint_ge(most, 9 * TRACE_ROOM_ADDRESS_RATE);
	ck_assert_uint_le(most, 11 * TRACE_ROOM_ADDRESS_RATE);
}
END_TEST

START_TEST(all_addresses_have_so_much_an_hour)
{
	struct trace_room r = { 0 };
	size_t sum = 0;

	for (uint64_t us = SECOND; us <= HOUR; us += SECOND / 2)
		for (uint64_t hash = 0; hash < 200; hash++)
			sum += flood(&r, us, hash, 1500);
	ck_assert_uint_le(sum, 3600u * TRACE_ROOM_RATE + TRACE_ROOM_BURST);
	ck_assert_uint_ge(sum, 3500u * TRACE_ROOM_RATE);
}
END_TEST

START_TEST(a_clock_that_jumps_gives_no_more)
{
	struct trace_room r = { 0 };

	(void)flood(&r, HOUR, 1, 1000);
	ck_assert(!trace_room_take(&r, (struct mono){ SECOND }, 1, 1000));
	ck_assert_uint_le(flood(&r, UINT64_MAX, 1, 1000),
	    TRACE_ROOM_ADDRESS_BURST);
	ck_assert(!trace_room_take(&r, (struct mono){ UINT64_MAX }, 2,
	    TRACE_ROOM_BURST + 1));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("trace room");
	TCase *tc = tcase_create("trace room");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, one_address_has_its_share);
	tcase_add_test(tc, all_addresses_have_so_much_an_hour);
	tcase_add_test(tc, a_clock_that_jumps_gives_no_more);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
