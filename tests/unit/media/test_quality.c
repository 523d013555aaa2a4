/* How a stream sounds: gaps, jitter, the way to the phone, and the score. */
#include <stdlib.h>

#include "mediaproxy/core/emodel.h"
#include "mediaproxy/core/quality.h"
#include "suite.h"

/* ---- gaps ---- */

static const struct {
	const char *name;
	uint16_t seq[10];
	unsigned n;
	uint64_t lost, late, twice, gaps, longest;
} gaps[] = {
	{ "nothing lost", { 1, 2, 3, 4 }, 4, 0, 0, 0, 0, 0 },
	{ "three in a row, then one", { 1, 5, 6, 8 }, 4, 4, 0, 0, 2, 3 },
	{ "a late one closes its gap", { 1, 3, 2, 4 }, 4, 0, 1, 0, 0, 0 },
	{ "a late one divides its gap", { 1, 5, 3, 6 }, 4, 2, 1, 0, 2, 1 },
	{ "twice does not hide a loss", { 1, 1, 3, 3, 4 }, 5, 1, 0, 2, 1, 1 },
	{ "so late that no phone waits", { 1, 3, 70, 2, 71 }, 5, 67, 1, 0, 2,
	    66 },
	{ "more than the window in one", { 1, 200, 201 }, 3, 198, 0, 0, 1,
	    198 },
	{ "over the wrap", { 65534, 3, 4 }, 3, 4, 0, 0, 1, 4 },
	{ "the gaps of the source before stay", { 1, 4, 30000, 30002 }, 4, 3,
	    0, 0, 2, 2 },
};

START_TEST(gaps_are_counted_and_measured)
{
	struct loss l = { 0 };
	uint64_t n, longest;

	for (unsigned i = 0; i < gaps[_i].n; i++)
		loss_input(&l, 7, gaps[_i].seq[i]);
	loss_gaps(&l, &n, &longest);
	ck_assert_msg(loss_count(&l) == gaps[_i].lost &&
		l.late == gaps[_i].late && l.twice == gaps[_i].twice &&
		n == gaps[_i].gaps && longest == gaps[_i].longest,
	    "%s: lost %llu late %llu twice %llu gaps %llu longest %llu",
	    gaps[_i].name, (unsigned long long)loss_count(&l),
	    (unsigned long long)l.late, (unsigned long long)l.twice,
	    (unsigned long long)n, (unsigned long long)longest);
}
END_TEST

/* ---- jitter ---- */

static void
packet_at(struct jitter *j, uint64_t us, uint8_t payload_type, uint32_t ts)
{
	struct rtp_header h = { payload_type, 0, ts, 7 };

	jitter_input(j, &h, (struct mono){ START_US + us });
}

/* 20 ms packets, each second one 10 ms late: |D| is 10 ms every time. */
START_TEST(rfc3550_a_8_jitter_follows_a_sixteenth)
{
	/* J += (10000 - J) / 16 */
	static const uint32_t want_us[] = { 625, 1210, 1760, 2275, 2757 };
	struct jitter j = { 0 };

	ck_assert(!jitter_is_known(&j));
	packet_at(&j, 0, 0, 1000);
	for (unsigned i = 1; i <= 5; i++) {
		packet_at(&j, 20000 * i + 10000 * (i % 2), 0, 1000 + 160 * i);
		ck_assert_int_le(abs((int)(j.now_q4 >> 4) -
				     (int)want_us[i - 1]), 1);
	}
	ck_assert_int_le(abs((int)jitter_mean_us(&j) - 1725), 1);
	ck_assert_uint_eq(j.max_us, j.now_q4 >> 4);
	for (unsigned i = 6; i < 200; i++)
		packet_at(&j, 20000 * i + 10000 * (i % 2), 0, 1000 + 160 * i);
	ck_assert_int_le(abs((int)(j.now_q4 >> 4) - 10000), 10);
}
END_TEST

START_TEST(even_packets_have_none)
{
	struct jitter j = { 0 };

	for (unsigned i = 0; i < 100; i++)
		packet_at(&j, 20000 * i, 8, UINT32_MAX - 800 + 160 * i);
	ck_assert(jitter_is_known(&j));
	ck_assert_uint_eq(jitter_mean_us(&j), 0);
	ck_assert_uint_eq(j.max_us, 0);
}
END_TEST

START_TEST(events_and_new_timestamps_are_no_jitter)
{
	struct jitter j = { 0 };
	unsigned i;

	for (i = 0; i < 10; i++)
		packet_at(&j, 20000 * i, 0, 160 * i);
	/* RFC 4733: one timestamp for a whole event. */
	for (; i < 20; i++)
		packet_at(&j, 20000 * i, 101, 160 * 10);
	for (; i < 30; i++)
		packet_at(&j, 20000 * i, 0, 160 * i);
	/* Another base of timestamps, same source: a step. */
	for (; i < 40; i++)
		packet_at(&j, 20000 * i, 0, 90000000 + 160 * i);
	ck_assert_uint_eq(j.max_us, 0);
	ck_assert_uint_eq(j.n, 9 + 9 + 9);
}
END_TEST

static const struct {
	const char *name;
	uint8_t payload_type;
	uint32_t ticks, each_us, want_hz;
} clocks[] = {
	{ "PCMU", 0, 160, 20000, 8000 },
	{ "G.722 says 8000", 9, 160, 20000, 8000 },
	{ "a dynamic one at 8000", 97, 240, 30000, 8000 },
	{ "a dynamic one at 16000", 97, 320, 20000, 16000 },
	{ "Opus", 107, 960, 20000, 48000 },
	{ "video, a third of a second apart", 99, 30000, 333333, 90000 },
	{ "a clock that none has", 99, 20, 20000, 0 },
};

START_TEST(the_clock_is_known_or_found_out)
{
	struct jitter j = { 0 };

	for (unsigned i = 0; i * clocks[_i].each_us < 1900000; i++)
		packet_at(&j, (uint64_t)i * clocks[_i].each_us + i % 3 * 3000,
		    clocks[_i].payload_type, 5 + i * clocks[_i].ticks);
	ck_assert_msg(jitter_clock_hz(&j) == clocks[_i].want_hz, "%s: %u",
	    clocks[_i].name, jitter_clock_hz(&j));
	ck_assert_int_eq(jitter_is_known(&j), clocks[_i].want_hz != 0);
}
END_TEST

START_TEST(an_event_does_not_take_the_clock_of_sound)
{
	struct jitter j = { 0 };
	unsigned i;

	for (i = 0; i < 200; i++)
		packet_at(&j, 20000 * i, 107, 960 * i);
	for (; i < 260; i++)
		packet_at(&j, 20000 * i, 101, 960 * 200);
	packet_at(&j, 20000 * i, 107, 960 * i);
	ck_assert_uint_eq(jitter_clock_hz(&j), 48000);
	ck_assert_uint_eq(j.max_us, 0);
}
END_TEST

/* ---- the score ---- */

static const struct {
	const char *name;
	struct emodel_in in;
	uint16_t want;
} scores[] = {
	/* From the formulas of G.107, in floating point. */
	{ "nothing wrong", { 0, 0, 0, 0 }, 441 },
	{ "20 ms", { 0, 0, 0, 20 }, 440 },
	{ "5 % by chance", { 0, 500, 0, 0 }, 392 },
	{ "5 % in gaps of four", { 0, 500, 4000, 0 }, 383 },
	{ "a quarter second", { 0, 0, 0, 250 }, 399 },
	{ "G.729", { 18, 0, 0, 0 }, 410 },
	{ "G.729, 3 %", { 18, 300, 0, 0 }, 363 },
	{ "all lost", { 0, 10000, 0, 0 }, 118 },
	{ "all lost and late", { 0, 10000, UINT32_MAX, UINT32_MAX }, 100 },
};

START_TEST(g107_scores)
{
	uint16_t got = emodel_mos(&scores[_i].in);

	ck_assert_msg(got == scores[_i].want, "%s: %u, not %u",
	    scores[_i].name, got, scores[_i].want);
}
END_TEST

/* ---- RTCP ---- */

#define A 0xaaaa0001u
#define B 0xbbbb0002u

static void
put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* An SR with this in the middle of its time. */
static void
sr(struct quality *from, struct quality *to, uint32_t ssrc, uint32_t middle,
    struct mono now)
{
	uint8_t p[28] = { 0x80, 200, 0, 6 };

	put32(p + 4, ssrc);
	put32(p + 10, middle);
	quality_rtcp(from, to, span_make(p, sizeof(p)), now);
}

static void
rr(struct quality *from, struct quality *to, const struct rtcp_block *b,
    struct mono now)
{
	uint8_t p[32] = { 0x81, 201, 0, 7 };

	put32(p + 4, B);
	put32(p + 8, b->ssrc);
	put32(p + 12, (uint32_t)b->lost & 0xffffff);
	p[12] = b->fraction;
	put32(p + 16, b->highest);
	put32(p + 20, b->jitter);
	put32(p + 24, b->lsr);
	put32(p + 28, b->dlsr);
	quality_rtcp(from, to, span_make(p, sizeof(p)), now);
}

static void
speak(struct quality *q, uint32_t ssrc, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct rtp_header h = { 0, (uint16_t)i, 160 * i, ssrc };

		quality_rtp(q, &h, at_ms(20 * i));
	}
}

/* The SR passes at 1000, the report at 2080; it kept it half a second. */
START_TEST(the_way_to_the_phone_by_our_own_clock)
{
	const struct rtcp_block b = { .ssrc = A, .lsr = 0x12345678,
		.dlsr = 32768 };
	struct quality a = { 0 }, c = { 0 };
	struct ipc_quality out;

	sr(&a, &c, A, 0x12345678, at_ms(1000));
	rr(&c, &a, &b, at_ms(1580));
	rr(&c, &a, &b, at_ms(9000));	/* again: it says nothing new */
	ck_assert_uint_eq(c.n_rtt, 1);
	ck_assert_uint_eq(c.sum_rtt_us, 80000);
	ck_assert_uint_eq(a.far_rtt_us, 80000);
	speak(&c, B, 3);
	quality_report(&c, &out);
	ck_assert_uint_eq(out.came.known,
	    FIGURE_LOSS | FIGURE_JITTER | FIGURE_RTT);
	ck_assert_uint_eq(out.came.rtt_ms, 80);
}
END_TEST

static const struct {
	const char *name;
	uint32_t ssrc, lsr, dlsr;
	uint64_t at_ms;
	uint64_t want_n, want_us;
} ways[] = {
	{ "of another SR", A, 1, 0, 1100, 0, 0 },
	{ "of another source", B, 77, 0, 1100, 0, 0 },
	{ "said to be kept longer than it took", A, 77, 65536, 1100, 0, 0 },
	{ "a clock a little fast", A, 77, 6684, 1100, 1, 0 },
	{ "kept for hours", A, 77, UINT32_MAX, 1100, 0, 0 },
	{ "eleven seconds are none", A, 77, 0, 12000, 0, 0 },
	{ "at once", A, 77, 0, 1001, 1, 1000 },
};

START_TEST(rfc3550_6_4_1_reports_that_tell_no_way)
{
	const struct rtcp_block b = { .ssrc = ways[_i].ssrc,
		.lsr = ways[_i].lsr, .dlsr = ways[_i].dlsr };
	struct quality a = { 0 }, c = { 0 };

	sr(&a, &c, A, 77, at_ms(1000));
	rr(&c, &a, &b, at_ms(ways[_i].at_ms));
	ck_assert_msg(c.n_rtt == ways[_i].want_n &&
		c.sum_rtt_us == ways[_i].want_us, "%s: %llu, %llu us",
	    ways[_i].name, (unsigned long long)c.n_rtt,
	    (unsigned long long)c.sum_rtt_us);
}
END_TEST

START_TEST(what_the_phone_hears_is_of_the_other_ones_sound)
{
	struct rtcp_block b = { .ssrc = A, .fraction = 64, .highest = 1000,
		.lost = 100, .jitter = 80 };
	struct quality a = { 0 }, c = { 0 };
	struct ipc_quality out;

	rr(&c, &a, &b, at_ms(1000));	/* nothing of A was heard here */
	ck_assert(!c.heard.known);
	speak(&a, A, 10);
	b.ssrc = B;			/* nor is it about A */
	rr(&c, &a, &b, at_ms(1000));
	ck_assert(!c.heard.known);
	b.ssrc = A;
	rr(&c, &a, &b, at_ms(1000));
	quality_report(&c, &out);
	ck_assert_uint_eq(out.came.known, 0);
	ck_assert_uint_eq(out.came.mos_centi, 0);
	ck_assert_uint_eq(out.heard.known, FIGURE_LOSS | FIGURE_JITTER);
	ck_assert_uint_eq(out.heard.loss_permyriad, 2500);
	ck_assert_uint_eq(out.heard.jitter_us, 10000);
	/* From the second on it is what lies between reports. */
	b.highest += 250;
	b.lost += 5;
	b.jitter = 160;
	rr(&c, &a, &b, at_ms(6000));
	b.highest += 250;
	b.lost -= 2;			/* duplicates: none was lost */
	rr(&c, &a, &b, at_ms(11000));
	quality_report(&c, &out);
	ck_assert_uint_eq(out.heard.loss_permyriad, 100);
	ck_assert_uint_eq(out.heard.jitter_us, 16666);
	ck_assert_uint_ge(out.heard.mos_centi, 400);
}
END_TEST

START_TEST(reports_that_lie_stay_within_bounds)
{
	static const struct rtcp_block lies[] = {
		{ .ssrc = A, .fraction = 255, .highest = UINT32_MAX,
		    .lost = 0x7fffff, .jitter = UINT32_MAX },
		{ .ssrc = A, .fraction = 255, .highest = 0, .lost = -0x800000,
		    .jitter = 1 },
		{ .ssrc = A, .fraction = 255, .highest = 10,
		    .lost = 0x7fffff, .jitter = 479999 },
	};
	struct quality a = { 0 }, c = { 0 };
	struct ipc_quality out;

	speak(&a, A, 10);
	for (unsigned i = 0; i < 1000; i++) {
		rr(&c, &a, &lies[i % 3], at_ms(i));
		quality_report(&c, &out);
		ck_assert_uint_le(out.heard.loss_permyriad, 10000);
		ck_assert_uint_lt(out.heard.jitter_us, 60000000);
		ck_assert_uint_le(out.heard.mos_centi, 450);
	}
}
END_TEST

START_TEST(rfc3611_4_7_the_phones_own_judgement)
{
	uint8_t p[44] = { 0x80, 207, 0, 10, 0, 0, 0, 1, 7, 0, 0, 8, 0, 0, 0, 2,
		[16] = 26, [17] = 13, [24] = 0, [25] = 90, [32] = 80,
		[34] = 38, [35] = 37 };
	struct quality a = { 0 }, c = { 0 };
	struct ipc_quality out;

	quality_rtcp(&c, &a, span_make(p, sizeof(p)), at_ms(0));
	quality_report(&c, &out);
	ck_assert_uint_eq(out.said.known, FIGURE_LOSS | FIGURE_RTT);
	ck_assert_uint_eq(out.said.loss_permyriad, 39 * 10000 / 256);
	ck_assert_uint_eq(out.said.rtt_ms, 90);
	ck_assert_uint_eq(out.said.mos_centi, 380);
	p[34] = RTCP_VOIP_UNKNOWN;
	p[24] = p[25] = 255;
	p[16] = p[17] = 255;
	quality_rtcp(&c, &a, span_make(p, sizeof(p)), at_ms(0));
	quality_report(&c, &out);
	ck_assert_uint_eq(out.said.known, FIGURE_LOSS);
	ck_assert_uint_eq(out.said.loss_permyriad, 10000);
	ck_assert_uint_eq(out.said.mos_centi, 0);
}
END_TEST

START_TEST(it_is_told_after_5_s_and_then_every_10)
{
	struct quality q = { 0 };
	unsigned told = 0;

	for (unsigned i = 0; i < 460; i++)
		told += quality_is_due(&q, at_ms(37), at_ms(37 + 100 * i));
	ck_assert_uint_eq(told, 5);
	ck_assert_uint_eq(q.told_at.us % 1000000, 0);
}
END_TEST

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

void
add_quality_tests(Suite *s)
{
	TCase *t = tcase_create("quality");

	tcase_add_loop_test(t, gaps_are_counted_and_measured, 0, ROWS(gaps));
	tcase_add_test(t, rfc3550_a_8_jitter_follows_a_sixteenth);
	tcase_add_test(t, even_packets_have_none);
	tcase_add_test(t, events_and_new_timestamps_are_no_jitter);
	tcase_add_loop_test(t, the_clock_is_known_or_found_out, 0, ROWS(clocks));
	tcase_add_test(t, an_event_does_not_take_the_clock_of_sound);
	tcase_add_loop_test(t, g107_scores, 0, ROWS(scores));
	tcase_add_test(t, the_way_to_the_phone_by_our_own_clock);
	tcase_add_loop_test(t, rfc3550_6_4_1_reports_that_tell_no_way, 0,
	    ROWS(ways));
	tcase_add_test(t, what_the_phone_hears_is_of_the_other_ones_sound);
	tcase_add_test(t, reports_that_lie_stay_within_bounds);
	tcase_add_test(t, rfc3611_4_7_the_phones_own_judgement);
	tcase_add_test(t, it_is_told_after_5_s_and_then_every_10);
	suite_add_tcase(s, t);
}
