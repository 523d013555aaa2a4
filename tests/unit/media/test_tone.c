/* Digits put into a stream as events (RFC 4733): what a receiver sees. */
#include <errno.h>

#include "mediaproxy/core/tone.h"
#include "tests/unit/media/suite.h"

#define SSRC 0x11223344
#define AUDIO 172	/* a packet of 20 ms G.711 */

static struct tones tones;
static uint64_t at;	/* ms */
static uint16_t seq;

static void
setup(void)
{
	memset(&tones, 0, sizeof(tones));
	at = 1000;
	seq = 65530;	/* it wraps on the way */
}

static struct ipc_relay_tone
digit(uint8_t event, uint16_t ms, uint32_t rate)
{
	return (struct ipc_relay_tone){ .session = 1, .event = event,
		.duration_ms = ms, .payload_type = 101, .rate = rate };
}

static void
ask(uint8_t event, uint16_t ms)
{
	struct ipc_relay_tone m = digit(event, ms, 8000);

	ck_assert_int_eq(tones_add(&tones, &m, at_ms(at)), 0);
}

/* The next packet of sound passes, 20 ms after the last one; its length. */
static size_t
pass(uint8_t p[AUDIO])
{
	uint32_t ts = (uint32_t)(at * 8);
	uint8_t header[12] = { 0x80, 0, (uint8_t)(seq >> 8), (uint8_t)seq,
		(uint8_t)(ts >> 24), (uint8_t)(ts >> 16), (uint8_t)(ts >> 8),
		(uint8_t)ts, 0x11, 0x22, 0x33, 0x44 };
	size_t len;

	memset(p, 0x55, AUDIO);
	memcpy(p, header, 12);
	len = tones_ride(&tones, p, AUDIO, at_ms(at));
	/* Whatever it is, the stream goes on. */
	ck_assert_uint_eq(p[2] << 8 | p[3], seq);
	ck_assert_int_eq(memcmp(p + 8, header + 8, 4), 0);
	seq++;
	at += 20;
	return len;
}

struct seen {
	bool audio, marker, end;
	uint8_t event;
	unsigned duration;
	uint32_t timestamp;
};

static struct seen
look(void)
{
	uint8_t p[AUDIO];
	size_t len = pass(p);
	struct rtp_header h;

	ck_assert_int_eq(rtp_parse(span_make(p, len), &h), 0);
	if (len == AUDIO)
		return (struct seen){ .audio = true };
	ck_assert_uint_eq(len, TONE_PACKET_LEN);
	ck_assert_uint_eq(h.payload_type, 101);
	return (struct seen){ .marker = (p[1] & 0x80) != 0,
		.end = (p[13] & 0x80) != 0, .event = p[12],
		.duration = (unsigned)(p[14] << 8 | p[15]),
		.timestamp = h.timestamp };
}

START_TEST(a_digit_of_100_ms)
{
	static const struct {
		bool marker, end;
		unsigned duration;
	} want[] = {
		{ true, false, 160 }, { false, false, 320 },
		{ false, false, 480 }, { false, false, 640 },
		{ false, true, 800 }, { false, true, 800 },
		{ false, true, 800 },
	};

	ck_assert(look().audio);
	ask(5, 100);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct seen s = look();

		ck_assert_msg(!s.audio && s.event == 5 &&
		    s.marker == want[i].marker && s.end == want[i].end &&
		    s.duration == want[i].duration && s.timestamp == 1020 * 8,
		    "packet %zu: audio %d marker %d end %d duration %u", i,
		    s.audio, s.marker, s.end, s.duration);
	}
	ck_assert(look().audio);
	ck_assert(!tones_wait(&tones));
}
END_TEST

START_TEST(digits_follow_each_other_with_sound_between)
{
	unsigned digits = 0, sound = 0;
	uint32_t last = 0;

	ask(1, 40);
	ask(1, 40);
	ask(11, 40);
	for (int i = 0; i < 30; i++) {
		struct seen s = look();

		sound += s.audio;
		if (!s.audio && s.timestamp != last) {
			/* the same digit twice is two events */
			ck_assert(s.marker);
			ck_assert_uint_eq(s.event, digits < 2 ? 1 : 11);
			ck_assert(digits == 0 || sound >= 2);
			digits++;
			sound = 0;
			last = s.timestamp;
		}
	}
	ck_assert_uint_eq(digits, 3);
}
END_TEST

START_TEST(a_digit_that_finds_no_sound_is_dropped)
{
	ask(7, 100);
	at += TONE_PATIENCE_MS + 1;
	ck_assert(look().audio);
	ck_assert(!tones_wait(&tones));
}
END_TEST

START_TEST(one_that_waits_for_others_is_not_late)
{
	unsigned ends = 0;

	for (int i = 0; i < TONES_MAX; i++)
		ask(2, 500);
	for (int i = 0; i < 600; i++)
		ends += look().end;
	ck_assert_uint_eq(ends, TONES_MAX * TONE_ENDS);
}
END_TEST

START_TEST(sound_that_stops_in_a_digit_ends_it_when_it_is_back)
{
	ask(3, 200);
	ck_assert(look().marker);
	at += 60000;
	for (int i = 0; i < TONE_ENDS; i++) {
		struct seen s = look();

		ck_assert(s.end);
		ck_assert_uint_eq(s.duration, 1600);
	}
	ck_assert(look().audio);
}
END_TEST

START_TEST(too_many_and_too_long)
{
	struct ipc_relay_tone m = digit(1, 6000, 48000);

	for (int i = 0; i < TONES_MAX; i++)
		ck_assert_int_eq(tones_add(&tones, &m, at_ms(at)), 0);
	ck_assert_int_eq(tones_add(&tones, &m, at_ms(at)), -ENOSPC);
	/* What its 16 bits can say. */
	ck_assert_uint_le(tones.queue[0].duration_ms * 48u, UINT16_MAX);
}
END_TEST

START_TEST(a_packet_too_short_for_an_event_passes)
{
	uint8_t p[13] = { 0x80 };

	ask(1, 40);
	ck_assert_uint_eq(tones_ride(&tones, p, 13, at_ms(at)), 13);
	ck_assert(look().marker);
}
END_TEST

void
add_tone_tests(Suite *s)
{
	TCase *t = tcase_create("tone");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, a_digit_of_100_ms);
	tcase_add_test(t, digits_follow_each_other_with_sound_between);
	tcase_add_test(t, a_digit_that_finds_no_sound_is_dropped);
	tcase_add_test(t, one_that_waits_for_others_is_not_late);
	tcase_add_test(t, sound_that_stops_in_a_digit_ends_it_when_it_is_back);
	tcase_add_test(t, too_many_and_too_long);
	tcase_add_test(t, a_packet_too_short_for_an_event_passes);
	suite_add_tcase(s, t);
}
