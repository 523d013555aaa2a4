/* Digits taken out of a stream as events (RFC 4733): what is told of them. */
#include <stdlib.h>

#include "mediaproxy/core/digits.h"
#include "tests/unit/media/suite.h"

#define PT 101

static struct digits d;
static uint64_t at;	/* ms */
static uint16_t seq;

static void
setup(void)
{
	const struct ipc_relay_events m = { .session = 1,
		.payload_type = PT, .rate = 8000 };

	memset(&d, 0, sizeof(d));
	digits_set(&d, &m);
	at = 1000;
	seq = 0;
}

/* The packet that its phone sends next; true: it is taken out. */
static bool
comes(uint8_t pt, uint32_t ts, uint8_t event, bool end, uint16_t duration)
{
	uint8_t p[20] = { 0x80, pt, (uint8_t)(seq >> 8), (uint8_t)seq,
		(uint8_t)(ts >> 24), (uint8_t)(ts >> 16), (uint8_t)(ts >> 8),
		(uint8_t)ts, 0, 0, 0, 7, event, end ? 0x8a : 0x0a,
		(uint8_t)(duration >> 8), (uint8_t)duration };

	seq++;
	at += 20;
	return digits_take(&d, p, 16, at_ms(at));
}

static void
expect(int event, unsigned ms)
{
	struct digit told = { 0 };
	bool any = digits_next(&d, &told);

	ck_assert_int_eq(any, event >= 0);
	if (!any)
		return;
	ck_assert_int_eq(told.event, event);
	ck_assert_uint_eq(told.duration_ms, ms);
}

START_TEST(a_digit_is_told_once_with_its_length)
{
	ck_assert(!comes(0, 0, 0, false, 0));
	for (uint16_t n = 1; n <= 5; n++)
		ck_assert(comes(PT, 160, 5, false, 160 * n));
	expect(-1, 0);
	for (int i = 0; i < 3; i++)
		ck_assert(comes(PT, 160, 5, true, 960));
	ck_assert(!comes(0, 2000, 0, false, 0));
	expect(5, 120);
	expect(-1, 0);
}
END_TEST

START_TEST(a_lost_end_is_told_by_what_comes_next)
{
	ck_assert(comes(PT, 160, 11, false, 800));
	ck_assert(!comes(0, 2000, 0, false, 0));
	expect(11, 100);
	ck_assert(comes(PT, 160, 11, true, 960));	/* late */
	expect(-1, 0);
	ck_assert(comes(PT, 4000, 1, false, 400));
	ck_assert(comes(PT, 6000, 1, true, 480));
	expect(1, 50);
	expect(1, 60);
	ck_assert(comes(PT, 4000, 1, true, 480));	/* reordered */
	expect(-1, 0);
}
END_TEST

START_TEST(bounds_are_kept)
{
	ck_assert(comes(PT, 100, 16, true, 0));
	expect(16, DIGIT_LEAST_MS);
	ck_assert(comes(PT, 200, 0, true, UINT16_MAX));
	expect(0, DIGIT_MOST_MS);
	ck_assert(comes(PT, 300, 17, true, 160));	/* no key */
	expect(-1, 0);
}
END_TEST

START_TEST(what_is_pressed_too_fast_is_dropped)
{
	struct digit told;
	unsigned n = 0;

	/* Each packet another digit, for four seconds. */
	for (uint32_t i = 0; i < 200; i++) {
		ck_assert(comes(PT, 160 * i, 1, true, 160));
		n += digits_next(&d, &told);
	}
	ck_assert_uint_ge(n, 4000 / DIGITS_EVERY_MS);
	ck_assert_uint_le(n, 4000 / DIGITS_EVERY_MS + DIGITS_BURST + 1);
	/* And when nobody asks, the queue is its bound. */
	at += 10000;
	for (uint32_t i = 1000; i < 1200; i++)
		ck_assert(comes(PT, 160 * i, 1, true, 160));
	for (n = 0; digits_next(&d, &told); n++)
		;
	ck_assert_uint_eq(n, DIGITS_BURST);
}
END_TEST

/* Every header of two octets, every length: nothing is read behind it. */
START_TEST(no_packet_is_read_beyond_its_end)
{
	for (unsigned first = 0; first < 256; first++) {
		for (size_t len = 1; len <= 40; len++) {
			uint8_t *p = malloc(len);

			memset(p, 0xff, len);
			p[0] = (uint8_t)first;
			if (len > 1)
				p[1] = PT;
			(void)digits_take(&d, p, len, at_ms(at));
			if (len > 15)
				p[14] = p[15] = 0;
			(void)digits_take(&d, p, len, at_ms(at));
			free(p);
		}
	}
	ck_assert_uint_le(d.n, DIGITS_BURST);
}
END_TEST

START_TEST(events_behind_csrcs_and_an_extension)
{
	uint8_t p[] = { 0x91, PT, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7, 1, 2, 3, 4,
		0xbe, 0xde, 0, 1, 0, 0, 0, 0, 9, 0x8a, 3, 0x20 };

	ck_assert(digits_take(&d, p, sizeof(p), at_ms(at)));
	expect(9, 100);
	p[7] = 19;
	ck_assert(digits_take(&d, p, sizeof(p) - 1, at_ms(at)));
	expect(-1, 0);
}
END_TEST

/* RFC 4733 2.5.1.3: at 48 kHz 16 bits are 1.4 s. */
START_TEST(a_long_digit_in_segments_is_one)
{
	const struct ipc_relay_events m = { .session = 1,
		.payload_type = PT, .rate = 48000 };
	uint32_t ts = 1000;

	digits_set(&d, &m);
	ck_assert(comes(PT, ts, 3, false, 48000));
	ck_assert(comes(PT, ts, 3, false, 64800));	/* 1.35 s */
	ts += 64800;
	ck_assert(comes(PT, ts, 3, false, 4800));
	ck_assert(comes(PT, ts, 3, false, 28800));	/* its last one lost */
	ts += UINT16_MAX;
	ck_assert(comes(PT, ts, 3, true, 9600));
	expect(3, 1350 + 1365 + 200);
	/* The same digit, pressed again, is another one. */
	ck_assert(comes(PT, ts + 9600, 3, false, 960));
	ck_assert(comes(PT | 0x80, ts + 9600 + 960, 3, true, 4800));
	expect(3, DIGIT_LEAST_MS);
	expect(3, 100);
	/* For ever: no longer than is told. */
	for (int i = 1; i < 200; i++) {
		ts += UINT16_MAX;
		ck_assert(comes(PT, ts, 4, i == 199, UINT16_MAX));
	}
	expect(4, DIGIT_MOST_MS);
	expect(-1, 0);
}
END_TEST

START_TEST(told_again_nothing_is_forgotten)
{
	struct ipc_relay_events m = { .session = 1, .payload_type = PT,
		.rate = 8000 };

	ck_assert(comes(PT, 160, 5, true, 800));
	digits_set(&d, &m);
	ck_assert(comes(PT, 160, 5, true, 800));
	expect(5, 100);
	expect(-1, 0);
	m.rate = 0;
	digits_set(&d, &m);
	ck_assert(!d.on);
}
END_TEST

void
add_digits_tests(Suite *s)
{
	TCase *tc = tcase_create("digits");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, a_digit_is_told_once_with_its_length);
	tcase_add_test(tc, a_lost_end_is_told_by_what_comes_next);
	tcase_add_test(tc, bounds_are_kept);
	tcase_add_test(tc, what_is_pressed_too_fast_is_dropped);
	tcase_add_test(tc, no_packet_is_read_beyond_its_end);
	tcase_add_test(tc, events_behind_csrcs_and_an_extension);
	tcase_add_test(tc, a_long_digit_in_segments_is_one);
	tcase_add_test(tc, told_again_nothing_is_forgotten);
	suite_add_tcase(s, tc);
}
