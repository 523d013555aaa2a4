/* What waits for a receiver of HEP that reads, is slow, or is away. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tracer/core/hep_queue.h"

#define CAP 64

static char room[CAP], got[HEP_FRAME_MAX];
static struct hep_queue q;

static void
setup(void)
{
	hep_queue_init(&q, room, CAP);
}

/* A message of this length, all of one letter. */
static struct span
frame(size_t len, char letter)
{
	static char mem[HEP_FRAME_MAX];

	memset(mem, letter, sizeof(mem));
	memcpy(mem, "HEP3", 4);
	mem[4] = (char)(len >> 8);
	mem[5] = (char)(len & 0xff);
	return span_make(mem, len);
}

static void
put(size_t len, char letter)
{
	ck_assert_int_eq(hep_queue_put(&q, frame(len, letter)), 0);
}

/* Give the next one to the connection: it must be this, and whole. */
static void
give(size_t len, char letter, uint64_t stream_end)
{
	struct span want = frame(len, letter);

	ck_assert_uint_eq(hep_queue_next(&q, got), len);
	ck_assert_mem_eq(got, want.p, len);
	hep_queue_given(&q, stream_end);
}

START_TEST(what_is_acknowledged_is_done)
{
	put(10, 'a');
	put(20, 'b');
	give(10, 'a', 10);
	give(20, 'b', 30);
	ck_assert_uint_eq(hep_queue_next(&q, got), 0);
	ck_assert_uint_eq(hep_queue_kept(&q), 2);
	/* the receiver's host has it but for an octet */
	ck_assert_uint_eq(hep_queue_acked(&q, 9), 0);
	ck_assert_uint_eq(hep_queue_acked(&q, 29), 1);
	ck_assert_uint_eq(hep_queue_acked(&q, 30), 1);
	ck_assert_uint_eq(hep_queue_kept(&q), 0);
	ck_assert_uint_eq(q.done, 2);
	ck_assert_uint_eq(q.again + q.lost, 0);
}
END_TEST

/* Wherever the connection breaks, the next begins with the first message that
 * is not there whole. */
START_TEST(a_half_written_one_is_sent_anew_whole)
{
	static const struct {
		size_t len;
		char letter;
	} all[] = { { 6, 'a' }, { 17, 'b' }, { 7, 'c' }, { 30, 'd' } };
	uint64_t acked = (uint64_t)_i, end = 0, again = 0;
	unsigned whole = 0;

	for (unsigned i = 0; i < 4; i++)
		put(all[i].len, all[i].letter);
	for (unsigned i = 0; i < 4; i++) {
		end += all[i].len;
		give(all[i].len, all[i].letter, end);
		whole += end <= acked;
	}
	ck_assert_uint_eq(hep_queue_acked(&q, acked), whole);
	hep_queue_again(&q);
	ck_assert_uint_eq(q.again, 4 - whole);
	for (unsigned i = whole; i < 4; i++) {
		again += all[i].len;
		give(all[i].len, all[i].letter, again);
	}
	ck_assert_uint_eq(hep_queue_acked(&q, again), 4 - whole);
	ck_assert_uint_eq(q.done, 4);
	ck_assert_uint_eq(hep_queue_kept(&q), 0);
}
END_TEST

START_TEST(the_newest_is_refused_when_it_is_full)
{
	put(40, 'a');
	put(24, 'b');
	ck_assert_int_eq(hep_queue_put(&q, frame(6, 'c')), -ENOBUFS);
	give(40, 'a', 40);
	/* it is kept until it is there */
	ck_assert_int_eq(hep_queue_put(&q, frame(6, 'c')), -ENOBUFS);
	ck_assert_uint_eq(hep_queue_acked(&q, 40), 1);
	put(40, 'd');
	ck_assert_uint_eq(q.lost, 2);
	give(24, 'b', 64);
	give(40, 'd', 104);
}
END_TEST

/* Every cut of the ring, many times over. */
START_TEST(messages_go_round)
{
	uint64_t stream = 0;

	for (unsigned i = 0; i < 1000; i++) {
		size_t len = HEP_FRAME_MIN + i % 21;

		put(len, (char)('a' + i % 26));
		put(len + 1, (char)('A' + i % 26));
		give(len, (char)('a' + i % 26), stream += len);
		if (i % 7 == 0) {
			hep_queue_again(&q);
			give(len, (char)('a' + i % 26), stream += len);
		}
		give(len + 1, (char)('A' + i % 26), stream += len + 1);
		ck_assert_uint_eq(hep_queue_acked(&q, stream), 2);
	}
	ck_assert_uint_eq(q.done, 2000);
	ck_assert_uint_eq(hep_queue_kept(&q), 0);
}
END_TEST

START_TEST(so_many_are_under_way_and_no_more)
{
	static char big[HEP_FRAME_MIN * (HEP_FLYING_MAX + 1)];

	hep_queue_init(&q, big, sizeof(big));
	for (unsigned i = 0; i < HEP_FLYING_MAX + 1; i++)
		put(HEP_FRAME_MIN, 'x');
	for (unsigned i = 0; i < HEP_FLYING_MAX; i++)
		give(HEP_FRAME_MIN, 'x', i + 1);
	ck_assert_uint_eq(hep_queue_next(&q, got), 0);
	hep_queue_given(&q, 1);		/* there was none to give */
	ck_assert_uint_eq(hep_queue_kept(&q), HEP_FLYING_MAX + 1);
	ck_assert_uint_eq(hep_queue_acked(&q, 1), 1);
	give(HEP_FRAME_MIN, 'x', HEP_FLYING_MAX + 1);
	ck_assert_uint_eq(hep_queue_acked(&q, UINT64_MAX), HEP_FLYING_MAX);
}
END_TEST

static const struct {
	const char *name;
	struct span bytes;
} wrong[] = {
	{ "nothing", SPAN_LIT("") },
	{ "half a head", SPAN_LIT("HEP3\0") },
	{ "another length", SPAN_LIT("HEP3\0\7") },
	{ "a shorter one", SPAN_LIT("HEP3\0\6x") },
	{ "no HEP", SPAN_LIT("HEP2\0\6") },
};

START_TEST(what_is_no_message_is_not_kept)
{
	ck_assert_msg(hep_queue_put(&q, wrong[_i].bytes) == -EINVAL, "%s",
	    wrong[_i].name);
	ck_assert_uint_eq(hep_queue_kept(&q), 0);
	ck_assert_uint_eq(q.lost, 0);
	ck_assert_uint_eq(hep_queue_acked(&q, UINT64_MAX), 0);
	hep_queue_again(&q);
	ck_assert_uint_eq(hep_queue_next(&q, got), 0);
}
END_TEST

int
main(void)
{
	TCase *tc = tcase_create("hep queue");
	Suite *s = suite_create("hep queue");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, what_is_acknowledged_is_done);
	tcase_add_loop_test(tc, a_half_written_one_is_sent_anew_whole, 0, 61);
	tcase_add_test(tc, the_newest_is_refused_when_it_is_full);
	tcase_add_test(tc, messages_go_round);
	tcase_add_test(tc, so_many_are_under_way_and_no_more);
	tcase_add_loop_test(tc, what_is_no_message_is_not_kept, 0,
	    (int)(sizeof(wrong) / sizeof(wrong[0])));
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
