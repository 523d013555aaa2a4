/* Sessions: ports, hops, counters, news, sending first, orphans. */
#include <errno.h>

#include "tests/unit/media/suite.h"

#define HOME "198.51.100.7:40000"
#define HOME_RTCP "198.51.100.7:40001"
#define HOME_MOVED "198.51.100.7:41000"
#define OFFICE "10.0.0.50:30000"
#define STRANGER "203.0.113.66:40000"
#define CALL 42

static struct ports ports;
static struct dest dest;
static struct site site;
static struct sessions s;
static unsigned n_ended;
static struct ipc_relay_stats ended[8];

static void
setup(void)
{
	struct addr ext = addr_of("10.0.0.2:1");
	struct addr_prefix lan;
	struct sessions_conf c = { .ports = &ports, .dest = &dest,
		.site = &site, .latching = LATCH_STRICT, .ssrc = 0xabcdef01 };

	ck_assert_int_eq(ports_init(&ports, 24), 0);
	ports_add(&ports, ZONE_EXTERNAL, &ext, 16384, 20, true);
	ports_add(&ports, ZONE_INTERNAL, &ext, 17000, 4, false);
	dest_init(&dest);
	dest_add_own(&dest, &ext);
	addr_prefix_parse(SPAN_LIT("10.0.0.0/8"), &lan);
	dest_add_lan(&dest, &lan);
	site = (struct site){ .how = SITE_STUN,
		.public_ip = addr_of("203.0.113.1:1"),
		/* Known: no RTCP is held back to find out (test_reach.c). */
		.range = RANGE_CLOSED, .range_at = at_ms(0) };
	ck_assert_int_eq(sessions_init(&s, &c), 0);
	n_ended = 0;
}

static void
teardown(void)
{
	sessions_clear(&s);
	ports_clear(&ports);
}

static enum relay_refusal
open_end(uint64_t id, uint8_t end, uint8_t streams, uint64_t ms)
{
	const struct ipc_relay_open m = { .id = 9, .session = id, .end = end,
		.zone = end == 0 ? ZONE_EXTERNAL : ZONE_INTERNAL,
		.family = ADDR_IPV4, .streams = streams,
		.phone = addr_of(end == 0 ? HOME : OFFICE) };
	struct ipc_relay_say say;

	sessions_open(&s, &m, at_ms(ms), &say);
	if (say.id != 9 || say.n_ports != (say.refusal == 0 ? streams : 0))
		ck_abort_msg("a wrong answer");
	return (enum relay_refusal)say.refusal;
}

struct set {
	const char *rtp;
	uint8_t to_end;
	bool held, relearn, mux;
};

static int
set_end(uint8_t end, struct set how, uint64_t ms)
{
	const struct ipc_relay_set m = { .session = CALL, .end = end,
		.to_end = how.to_end, .rtp = addr_of(how.rtp),
		.held = how.held, .relearn = how.relearn, .mux = how.mux,
		.phone = addr_of(end == 0 ? HOME : OFFICE) };

	return sessions_set(&s, &m, at_ms(ms));
}

/* A call between a home phone (end 0) and an office phone (end 1). */
static void
talk(void)
{
	ck_assert_int_eq(open_end(CALL, 0, 1, 0), RELAY_OK);
	ck_assert_int_eq(open_end(CALL, 1, 1, 0), RELAY_OK);
	set_end(0, (struct set){ HOME, 1, .relearn = true }, 0);
	set_end(1, (struct set){ OFFICE, 0, .relearn = true }, 0);
}

static bool
packet(uint8_t end, const char *from, uint16_t seq, uint64_t ms,
    struct session_hop *hop)
{
	uint8_t rtp[32] = { 0x80, 0, (uint8_t)(seq >> 8), (uint8_t)seq,
		[11] = (uint8_t)(end + 1) };
	struct addr source = addr_of(from);

	return sessions_packet(&s, sessions_pair(&s, CALL, end, 0), PORT_RTP,
	    &source, rtp, sizeof(rtp), at_ms(ms), hop);
}

static bool
rtcp(uint8_t end, enum port_which which, const char *from, uint64_t ms,
    struct session_hop *hop)
{
	uint8_t rr[8] = { 0x80, 201, 0, 1, 0, 0, 0, (uint8_t)(end + 1) };
	struct addr source = addr_of(from);

	return sessions_packet(&s, sessions_pair(&s, CALL, end, 0), which,
	    &source, rr, sizeof(rr), at_ms(ms), hop);
}

static void
on_ended(void *arg, uint32_t pair, const struct ipc_relay_stats *stats)
{
	if (n_ended == 8)
		ck_abort_msg("too many ended");
	ended[n_ended++] = *stats;
}

START_TEST(packets_cross_to_the_other_end_and_its_best_address)
{
	struct session_hop hop;

	talk();
	ck_assert(packet(0, HOME, 1, 10, &hop));
	ck_assert_uint_eq(hop.pair, sessions_pair(&s, CALL, 1, 0));
	ck_assert_int_eq(hop.which, PORT_RTP);
	assert_addr("to the office", &hop.to, OFFICE);
	ck_assert(packet(1, OFFICE, 1, 10, &hop));
	assert_addr("to the home", &hop.to, HOME);
}
END_TEST

START_TEST(a_traced_call_is_so_with_all_its_streams_until_they_end)
{
	const struct ipc_relay_trace on = { CALL, 7 }, off = { CALL, 0 };
	const struct ipc_relay_trace other = { CALL + 1, 7 };

	ck_assert_int_eq(sessions_trace(&s, &on), -ENOENT);
	ck_assert_int_eq(open_end(CALL, 0, 1, 0), RELAY_OK);
	ck_assert_int_eq(sessions_trace(&s, &on), 0);
	ck_assert_uint_eq(s.n_traced, 1);
	ck_assert_int_eq(open_end(CALL, 1, 2, 0), RELAY_OK);
	ck_assert_int_eq(sessions_trace(&s, &on), 0);
	ck_assert_int_eq(sessions_trace(&s, &on), 0);
	ck_assert_uint_eq(s.n_traced, 3);
	ck_assert_int_eq(sessions_trace(&s, &other), -ENOENT);
	ck_assert_int_eq(sessions_trace(&s, &off), 0);
	ck_assert_uint_eq(s.n_traced, 0);
	sessions_trace(&s, &on);
	sessions_close(&s, CALL, RELAY_ALL_ENDS, at_ms(1), on_ended, NULL);
	ck_assert_uint_eq(s.n_traced, 0);
}
END_TEST

START_TEST(a_stranger_is_neither_relayed_nor_answered)
{
	struct session_hop hop;
	struct ipc_counter c;

	talk();
	for (unsigned i = 0; i < 100; i++) {
		ck_assert(!packet(0, STRANGER, (uint16_t)i, i, &hop));
		ck_assert(!packet(1, "10.0.0.66:30000", (uint16_t)i, i, &hop));
	}
	ck_assert(packet(1, OFFICE, 1, 200, &hop));
	assert_addr("to the home", &hop.to, HOME);
	stream_counter(&s.stream[sessions_pair(&s, CALL, 0, 0)], at_ms(200),
	    &c);
	ck_assert_uint_eq(c.refused, 100);
	ck_assert_uint_eq(c.packets_in, 0);
}
END_TEST

START_TEST(rtcp_has_its_own_port_or_shares_one)
{
	struct session_hop hop;

	talk();
	ck_assert(rtcp(0, PORT_RTCP, HOME_RTCP, 10, &hop));
	ck_assert_int_eq(hop.which, PORT_RTCP);
	assert_addr("next port by default", &hop.to, "10.0.0.50:30001");
	/* Not negotiated: RTCP on the RTP port is dropped. */
	ck_assert(!rtcp(0, PORT_RTP, HOME, 20, &hop));
	set_end(0, (struct set){ HOME, 1, .mux = true }, 30);
	/* It teaches nothing: who speaks first by RTP is learnt. */
	for (uint64_t ms = 31; ms < 40; ms++)
		ck_assert(!rtcp(0, PORT_RTP, HOME_MOVED, ms, &hop));
	ck_assert(packet(0, HOME, 1, 40, &hop));
	ck_assert(rtcp(0, PORT_RTP, HOME, 41, &hop));
	ck_assert_int_eq(hop.which, PORT_RTCP);
	ck_assert(!rtcp(0, PORT_RTP, HOME_MOVED, 42, &hop));
	/* Nor does it make a neighbour's RTP carry on, nor the phone's not. */
	ck_assert(packet(0, HOME, 2, 43, &hop));
	ck_assert(packet(0, HOME, 3, 44, &hop));
	for (uint64_t ms = 45; ms < 4000; ms += 100)
		ck_assert(!rtcp(0, PORT_RTP, HOME_MOVED, ms, &hop));
	ck_assert(packet(0, HOME_MOVED, 4, 4000, &hop));
	set_end(0, (struct set){ HOME, 1, .mux = true }, 4010);
	/* The other port is shut. */
	ck_assert(!rtcp(0, PORT_RTCP, HOME_RTCP, 4020, &hop));
	ck_assert(rtcp(1, PORT_RTCP, "10.0.0.50:30001", 50, &hop));
	ck_assert_int_eq(hop.which, PORT_RTP);
	assert_addr("one port at home", &hop.to, HOME_MOVED);
	/* Off again, and each has its own. */
	set_end(0, (struct set){ HOME, 1, .mux = false }, 4100);
	ck_assert(rtcp(0, PORT_RTCP, HOME_RTCP, 4110, &hop));
	ck_assert(rtcp(1, PORT_RTCP, "10.0.0.50:30001", 4120, &hop));
	ck_assert_int_eq(hop.which, PORT_RTCP);
}
END_TEST

START_TEST(names_are_taken_out_of_rtcp)
{
	uint8_t sdes[] = "\x81\xca\0\x06" "\0\0\0\x01" "\x01\x0d"
	    "me@office.lan\0\0\0\0";
	struct addr from = addr_of("10.0.0.50:30001");
	struct session_hop hop;

	talk();
	ck_assert(sessions_packet(&s, sessions_pair(&s, CALL, 1, 0),
		PORT_RTCP, &from, sdes, 28, at_ms(10), &hop));
	ck_assert_ptr_null(memmem(sdes, 28, "office", 6));
	ck_assert_int_eq(sdes[9], 13);
}
END_TEST

START_TEST(junk_on_a_media_port_goes_nowhere)
{
	static const uint8_t junk[][16] = {
		{ 0x16, 0xfe, 0xfd },		/* DTLS */
		{ 0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42 },	/* STUN */
		{ 0x40, 0x00 },			/* RTP version 1 */
		{ 0x8f, 0x00 },			/* 15 CSRC in 16 bytes */
	};
	struct addr from = addr_of(HOME);
	struct session_hop hop;

	talk();
	for (size_t i = 0; i < sizeof(junk) / sizeof(junk[0]); i++) {
		uint8_t p[16];

		memcpy(p, junk[i], sizeof(p));
		for (size_t len = 0; len <= sizeof(p); len++)
			ck_assert(!sessions_packet(&s, sessions_pair(&s, CALL,
				0, 0), PORT_RTP, &from, p, len, at_ms(1),
			    &hop));
	}
}
END_TEST

START_TEST(the_pair_too_many_is_refused_and_nothing_leaks)
{
	ck_assert_int_eq(open_end(1, 1, 4, 0), RELAY_OK);
	ck_assert_int_eq(open_end(2, 1, 1, 0), RELAY_FULL);
	ck_assert_uint_eq(sessions_count(&s), 1);
	sessions_close(&s, 1, RELAY_ALL_ENDS, at_ms(0), on_ended, NULL);
	ck_assert_uint_eq(n_ended, 4);
	ck_assert_uint_eq(sessions_count(&s), 0);
	ck_assert_int_eq(open_end(2, 1, 1, 100), RELAY_FULL);	/* resting */
	ck_assert_int_eq(open_end(2, 1, 4, 5000), RELAY_OK);
	ck_assert_uint_eq(s.n_full, 2);
	sessions_close(&s, 2, RELAY_ALL_ENDS, at_ms(5000), on_ended, NULL);
	ck_assert_int_eq(open_end(3, 1, 3, 10000), RELAY_OK);
	/* One of two would fit: all or none. */
	ck_assert_int_eq(open_end(4, 1, 2, 10000), RELAY_FULL);
	ck_assert_int_eq(open_end(4, 1, 1, 15000), RELAY_OK);
}
END_TEST

START_TEST(asked_again_an_end_keeps_its_ports)
{
	struct ipc_relay_open fewer = { .session = CALL, .end = 0,
		.zone = ZONE_EXTERNAL, .family = ADDR_IPV4, .streams = 1,
		.phone = addr_of(HOME) };
	struct ipc_relay_say say;
	uint32_t first;

	talk();
	first = sessions_pair(&s, CALL, 0, 0);
	ck_assert_int_eq(open_end(CALL, 0, 2, 100), RELAY_OK);
	ck_assert_uint_eq(sessions_pair(&s, CALL, 0, 0), first);
	ck_assert_uint_ne(sessions_pair(&s, CALL, 0, 1), first);
	sessions_open(&s, &fewer, at_ms(200), &say);
	ck_assert_uint_eq(say.n_ports, 2);
	fewer.zone = ZONE_INTERNAL;
	sessions_open(&s, &fewer, at_ms(200), &say);
	ck_assert_uint_eq(say.refusal, RELAY_UNKNOWN);
}
END_TEST

/* As after a restart: this port is wanted. */
static enum relay_refusal
claim(uint8_t end, uint16_t number, uint64_t ms)
{
	const struct ipc_relay_open m = { .session = CALL, .end = end,
		.zone = end == 0 ? ZONE_EXTERNAL : ZONE_INTERNAL,
		.family = ADDR_IPV4, .streams = 1, .n_want = 1,
		.want = { { number } },
		.phone = addr_of(end == 0 ? HOME : OFFICE) };
	struct ipc_relay_say say;

	sessions_open(&s, &m, at_ms(ms), &say);
	if (say.refusal == RELAY_OK && say.ports[0].rtp != number)
		ck_abort_msg("another port");
	return (enum relay_refusal)say.refusal;
}

/* The next one told at this time, or false. */
static bool
told_quality(uint64_t ms, struct ipc_relay_quality *out)
{
	struct session_step step;

	sessions_tick(&s);
	while (sessions_next(&s, at_ms(ms), &step)) {
		if (step.what != SESSION_QUALITY)
			continue;
		*out = step.quality;
		return true;
	}
	return false;
}

START_TEST(how_it_sounds_is_told_of_who_was_heard)
{
	/* An SR of the home passes; the office names it 70 ms later. */
	uint8_t sr[28] = { 0x80, 200, 0, 6, [7] = 1, [10] = 0, 7, 7, 7 },
		rr[32] = { 0x81, 201, 0, 7, [7] = 2, [11] = 1, [24] = 0, 7, 7,
		7, [29] = 0, [30] = 0x0c, [31] = 0xcd };	/* kept 50 ms */
	struct addr home = addr_of(HOME_RTCP), office = addr_of(
	    "10.0.0.50:30001");
	struct ipc_relay_quality q = { 0 };
	struct session_hop hop;

	talk();
	for (uint16_t i = 0; i < 10; i++)
		packet(0, HOME, i == 5 ? 4 : i, 20u * i, &hop);
	sessions_packet(&s, sessions_pair(&s, CALL, 0, 0), PORT_RTCP, &home,
	    sr, sizeof(sr), at_ms(1000), &hop);
	sessions_packet(&s, sessions_pair(&s, CALL, 1, 0), PORT_RTCP, &office,
	    rr, sizeof(rr), at_ms(1070), &hop);
	ck_assert(!told_quality(4999, &q));
	ck_assert(told_quality(5000, &q));
	ck_assert_uint_eq(q.session, CALL);
	ck_assert_uint_eq(q.end, 0);
	ck_assert_uint_eq(q.quality.resumed, 0);
	ck_assert_uint_eq(q.quality.expected, 10);
	ck_assert_uint_eq(q.quality.twice, 1);
	ck_assert_uint_eq(q.quality.came.loss_permyriad, 1000);
	ck_assert(!told_quality(5100, &q));	/* the office was not heard */
	sessions_quality(&s, sessions_pair(&s, CALL, 1, 0), &q);
	ck_assert_uint_eq(q.end, 1);
	ck_assert_uint_eq(q.quality.came.known, 0);
	ck_assert_uint_eq(q.quality.heard.known, FIGURE_LOSS | FIGURE_JITTER);
	ck_assert_uint_eq(s.stream[sessions_pair(&s, CALL, 1, 0)]
			      .quality.sum_rtt_us, 19997);
}
END_TEST

START_TEST(a_relay_that_took_over_says_so)
{
	struct ipc_relay_quality q = { 0 };
	struct session_hop hop;

	ck_assert_int_eq(claim(0, 16390, 0), RELAY_OK);
	ck_assert_int_eq(claim(1, 17000, 0), RELAY_OK);
	set_end(0, (struct set){ HOME, 1, .relearn = true }, 0);
	set_end(1, (struct set){ OFFICE, 0, .relearn = true }, 0);
	packet(0, HOME, 1, 10, &hop);
	ck_assert(told_quality(5000, &q));
	ck_assert_uint_eq(q.quality.resumed, 1);
}
END_TEST

START_TEST(a_wanted_port_is_given_exactly_or_not_at_all)
{
	ports_keep_spares(&ports, at_ms(0));	/* 16384 to 16398 */
	ck_assert_int_eq(claim(0, 16390, 0), RELAY_OK);
	ck_assert_uint_eq(ports.n_spares, PORT_SPARES - 1);
	ck_assert_int_eq(claim(0, 16390, 10), RELAY_OK);	/* again */
	ck_assert_int_eq(claim(0, 16392, 10), RELAY_UNKNOWN);
	ck_assert_int_eq(claim(2, 17004, 0), RELAY_OK);
	ck_assert_int_eq(claim(3, 17004, 0), RELAY_FULL);	/* in use */
	ck_assert_int_eq(claim(3, 17003, 0), RELAY_FULL);	/* odd */
	ck_assert_int_eq(claim(3, 16400, 0), RELAY_FULL);	/* external */
	ck_assert_int_eq(claim(3, 17008, 0), RELAY_FULL);	/* too far */
	ck_assert_int_eq(claim(3, 16998, 0), RELAY_FULL);
	sessions_close(&s, CALL, 2, at_ms(0), on_ended, NULL);
	ck_assert_int_eq(claim(3, 17004, 4999), RELAY_FULL);	/* rests */
	ck_assert_int_eq(claim(3, 17004, 5000), RELAY_OK);
	/* The rest is given out as ever, each once. */
	ck_assert_int_eq(open_end(7, 1, 3, 5000), RELAY_OK);
	ck_assert_int_eq(open_end(8, 1, 1, 5000), RELAY_FULL);
	sessions_close(&s, CALL, RELAY_ALL_ENDS, at_ms(5000), on_ended, NULL);
	sessions_close(&s, 7, RELAY_ALL_ENDS, at_ms(5000), on_ended, NULL);
	ck_assert_uint_eq(ports.group[1].n_free, 4);
	ck_assert_uint_eq(ports.group[0].n_free, 20 - (PORT_SPARES - 1));
}
END_TEST

START_TEST(a_wanted_port_needs_no_public_address)
{
	site.public_ip = (struct addr){ 0 };
	ck_assert_int_eq(claim(0, 16390, 0), RELAY_OK);
}
END_TEST

/* News of one kind, until the given time. */
static unsigned
news(enum relay_what what, uint64_t from_ms, uint64_t to_ms)
{
	struct session_step step;
	unsigned n = 0;

	for (uint64_t ms = from_ms; ms <= to_ms; ms += 100) {
		sessions_tick(&s);
		while (sessions_next(&s, at_ms(ms), &step))
			n += step.what == SESSION_NEWS &&
			    step.news.what == what;
	}
	return n;
}

/* RELAY_SET of a sigproxy that tells what it was told. */
static void
resume(uint8_t end, const char *rtp, const char *learnt, uint64_t ms)
{
	const struct ipc_relay_set m = { .session = CALL, .end = end,
		.to_end = !end, .rtp = addr_of(rtp),
		.learnt = addr_of(learnt),
		.phone = addr_of(end == 0 ? HOME : OFFICE) };

	ck_assert_int_eq(sessions_set(&s, &m, at_ms(ms)), 0);
}

START_TEST(after_a_restart_media_goes_where_the_phone_was_heard)
{
	struct session_hop hop;

	claim(0, 16390, 0);
	claim(1, 17004, 0);
	resume(0, HOME, "198.51.100.7:55555", 0);
	resume(1, OFFICE, NULL, 0);
	ck_assert(packet(1, OFFICE, 1, 10, &hop));
	assert_addr("to the home", &hop.to, "198.51.100.7:55555");
	/* A neighbour behind the same address waits for silence. */
	ck_assert(!packet(0, "198.51.100.7:44444", 1, 20, &hop));
	ck_assert(packet(0, "198.51.100.7:55555", 1, 30, &hop));
	ck_assert(packet(0, "198.51.100.7:55555", 2, 50, &hop));
	ck_assert(packet(0, "198.51.100.7:55555", 3, 70, &hop));
	/* Told once more when it is learnt already: nothing moves. */
	resume(0, HOME, "198.51.100.7:44444", 80);
	ck_assert(packet(1, OFFICE, 2, 90, &hop));
	assert_addr("to the home", &hop.to, "198.51.100.7:55555");
}
END_TEST

/* The attack matrix found it: until the phone's next report anybody behind its
 * address had its RTCP. */
START_TEST(rtcp_too_comes_from_where_it_came)
{
	const char *const rtcp_of_home = "198.51.100.7:55556";
	struct ipc_relay_set m = { .session = CALL, .to_end = 1,
		.rtp = addr_of(HOME), .phone = addr_of(HOME),
		.learnt_rtcp = addr_of(rtcp_of_home) };
	struct session_hop hop;

	claim(0, 16390, 0);
	claim(1, 17004, 0);
	ck_assert_int_eq(sessions_set(&s, &m, at_ms(0)), 0);
	resume(1, OFFICE, NULL, 0);
	for (uint64_t ms = 10; ms < 9000; ms += 500)
		ck_assert(!rtcp(0, PORT_RTCP, "198.51.100.7:44444", ms, &hop));
	ck_assert(rtcp(1, PORT_RTCP, "10.0.0.50:30001", 9000, &hop));
	assert_addr("to the home", &hop.to, rtcp_of_home);
	ck_assert(rtcp(0, PORT_RTCP, rtcp_of_home, 9010, &hop));
	/* What is not allowed is not resumed. */
	sessions_close(&s, CALL, RELAY_ALL_ENDS, at_ms(9020), on_ended, NULL);
	claim(0, 16390, 20000);
	m.learnt_rtcp = addr_of(STRANGER);
	ck_assert_int_eq(sessions_set(&s, &m, at_ms(20000)), 0);
	ck_assert(!rtcp(0, PORT_RTCP, STRANGER, 20010, &hop));
}
END_TEST

START_TEST(where_rtcp_comes_from_is_told_to_each_sigproxy)
{
	struct session_hop hop;

	talk();
	for (uint16_t i = 0; i < 3; i++)
		rtcp(0, PORT_RTCP, HOME_RTCP, i * 20u, &hop);
	ck_assert_uint_eq(news(RELAY_LATCHED_RTCP, 100, 500), 1);
	ck_assert_uint_eq(news(RELAY_LATCHED, 600, 700), 0);
	/* One that restarted knows only what was saved. */
	ck_assert_int_eq(open_end(CALL, 0, 1, 800), RELAY_OK);
	ck_assert_uint_eq(news(RELAY_LATCHED_RTCP, 900, 1500), 1);
}
END_TEST

START_TEST(a_source_that_breaks_the_rule_is_not_resumed)
{
	static const char *const bad[] = { STRANGER, "10.0.0.2:17000",
		"127.0.0.1:9", "10.0.0.50:30000" };
	struct session_hop hop;

	claim(0, 16390, 0);
	claim(1, 17004, 0);
	resume(1, OFFICE, NULL, 0);
	resume(0, HOME, bad[_i], 0);
	ck_assert(packet(1, OFFICE, 1, 10, &hop));
	assert_addr("to the home", &hop.to, HOME);
	ck_assert(!packet(0, bad[_i], 1, 20, &hop));
}
END_TEST

/* Whatever the mode: the relay's own list of destinations is asked. */
START_TEST(an_open_end_resumes_no_source_that_is_not_allowed)
{
	static const char *const bad[] = { "10.0.0.2:17000", "127.0.0.1:9",
		"10.0.0.50:30000", "224.0.0.1:5000" };
	struct session_hop hop;

	s.conf.latching = LATCH_OPEN;
	claim(0, 16390, 0);
	claim(1, 17004, 0);
	resume(1, OFFICE, NULL, 0);
	resume(0, HOME, bad[_i], 0);
	ck_assert(packet(1, OFFICE, 1, 10, &hop));
	assert_addr("to the home", &hop.to, HOME);
}
END_TEST

START_TEST(packets_of_a_life_before_prove_nothing_about_the_range)
{
	struct session_hop hop;

	s.conf.unasked_from = at_ms(3000);
	open_end(7, 0, 1, 0);
	sessions_unasked(&s, sessions_pair(&s, 7, 0, 0), PORT_RTP,
	    &(struct addr){ ADDR_IPV4, 5, { 198, 51, 100, 9 } }, at_ms(2999));
	ck_assert(!site.forwarded);
	claim(0, 16390, 4000);
	resume(0, HOME, NULL, 4000);
	packet(0, HOME, 1, 4010, &hop);
	ck_assert(!site.forwarded);
	sessions_unasked(&s, sessions_pair(&s, 7, 0, 0), PORT_RTP,
	    &(struct addr){ ADDR_IPV4, 5, { 198, 51, 100, 9 } }, at_ms(4020));
	ck_assert(site.forwarded);
}
END_TEST

START_TEST(no_public_address_is_a_clean_refusal)
{
	site.public_ip = (struct addr){ 0 };
	ck_assert_int_eq(open_end(CALL, 0, 1, 0), RELAY_NO_ADDRESS);
	ck_assert_uint_eq(sessions_count(&s), 0);
	ck_assert_int_eq(open_end(CALL, 1, 1, 0), RELAY_OK);
}
END_TEST

START_TEST(the_last_counters_come_with_the_close)
{
	struct session_hop hop;

	talk();
	for (uint16_t seq = 1; seq <= 10; seq++) {
		if (seq != 4)
			ck_assert(packet(0, HOME, seq, seq * 20u, &hop));
	}
	packet(0, STRANGER, 11, 220, &hop);
	sessions_close(&s, CALL, RELAY_ALL_ENDS, at_ms(1200), on_ended, NULL);
	ck_assert_uint_eq(n_ended, 2);
	ck_assert_uint_eq(ended[0].session, CALL);
	ck_assert_uint_eq(ended[0].counter.packets_in, 9);
	ck_assert_uint_eq(ended[0].counter.bytes_in, 9 * 32);
	ck_assert_uint_eq(ended[0].counter.lost, 1);
	ck_assert_uint_eq(ended[0].counter.refused, 1);
	ck_assert_uint_eq(ended[0].counter.silent_ms, 1000);
	assert_addr("learnt", &ended[0].counter.learnt, HOME);
	ck_assert_uint_eq(ended[1].counter.packets_out, 9);
	/* Twice, or unknown: nothing. */
	sessions_close(&s, CALL, RELAY_ALL_ENDS, at_ms(1200), on_ended, NULL);
	ck_assert_uint_eq(n_ended, 2);
	ck_assert_int_eq(set_end(0, (struct set){ .rtp = HOME, .to_end = 1 }, 0), -ENOENT);
}
END_TEST

START_TEST(an_end_that_cannot_be_breaks_the_door)
{
	talk();
	ck_assert_int_eq(set_end(0, (struct set){ .rtp = HOME, .to_end = 16 }, 0), -EPROTO);
	ck_assert_int_eq(set_end(0, (struct set){ .rtp = HOME, .to_end = RELAY_NO_END }, 0),
	    0);
}
END_TEST

START_TEST(silence_is_told_once_and_so_is_its_end)
{
	struct session_hop hop;

	talk();
	for (uint16_t i = 0; i < 3; i++)
		packet(0, HOME, i, i * 20u, &hop);
	ck_assert_uint_eq(news(RELAY_LATCHED, 100, 200), 1);
	ck_assert_uint_eq(news(RELAY_SILENT, 300, 5000), 0);
	ck_assert_uint_eq(news(RELAY_SILENT, 5100, 9000), 1);
	packet(0, HOME, 4, 9050, &hop);
	ck_assert_uint_eq(news(RELAY_HEARD, 9100, 9300), 1);
	ck_assert_uint_eq(news(RELAY_HEARD, 9400, 9500), 0);
}
END_TEST

/* A phone that is held sends nothing; another behind its address may. */
START_TEST(holding_lets_nobody_else_in_and_resuming_learns_anew)
{
	const char *const other = "198.51.100.7:55555";
	struct session_hop hop;

	talk();
	for (uint16_t n = 0; n < 3; n++)
		ck_assert(packet(0, HOME, (uint16_t)(10 + n), 20 * n, &hop));
	set_end(0, (struct set){ HOME, 1, .held = true, .relearn = true },
	    100);
	ck_assert(!packet(0, other, 7000, 5000, &hop));
	ck_assert(packet(1, OFFICE, 1, 5010, &hop));
	assert_addr("to the home", &hop.to, HOME);
	set_end(0, (struct set){ HOME, 1, .relearn = true }, 6000);
	ck_assert(packet(0, other, 7001, 6020, &hop));
	ck_assert(packet(1, OFFICE, 2, 6030, &hop));
	assert_addr("a new port of it", &hop.to, other);
}
END_TEST

START_TEST(a_held_end_may_be_silent_for_an_hour)
{
	struct session_hop hop;

	talk();
	packet(0, HOME, 1, 0, &hop);
	set_end(0, (struct set){ HOME, 1, .held = true }, 100);
	ck_assert_uint_eq(news(RELAY_SILENT, 200, 3600000), 0);
	/* After the resume it gets its time again. */
	set_end(0, (struct set){ HOME, 1, .relearn = true }, 3600000);
	ck_assert_uint_eq(news(RELAY_SILENT, 3600100, 3604900), 0);
	ck_assert_uint_eq(news(RELAY_SILENT, 3605000, 3606000), 1);
}
END_TEST

/* Packets of our own to that address from that half, and when the last. */
static unsigned
kept(uint64_t from_ms, uint64_t to_ms, enum port_which which,
    const char *to)
{
	struct session_step step;
	struct addr want = addr_of(to);
	unsigned n = 0;

	for (uint64_t ms = from_ms; ms <= to_ms; ms += 100) {
		sessions_tick(&s);
		while (sessions_next(&s, at_ms(ms), &step)) {
			if (step.what != SESSION_KEEPALIVE)
				continue;
			ck_assert_uint_eq(step.packet.len,
			    step.hop.which == PORT_RTP ? 12 : 28);
			n += step.hop.which == which &&
			    addr_eq(&step.hop.to, &want);
		}
	}
	return n;
}

START_TEST(the_relay_sends_first_to_the_home_only)
{
	talk();
	ck_assert_uint_eq(kept(0, 0, PORT_RTP, HOME), 1);
	ck_assert_uint_eq(kept(100, 100, PORT_RTP, HOME), 0);
	ck_assert_uint_eq(kept(200, 5000, PORT_RTP, HOME), 4);
	set_end(0, (struct set){ HOME, 1, .relearn = true }, 5000);
	ck_assert_uint_eq(kept(5000, 9000, PORT_RTCP, HOME_RTCP), 5);
	set_end(0, (struct set){ HOME, 1, .relearn = true }, 9000);
	ck_assert_uint_eq(kept(9000, 12000, PORT_RTP, OFFICE), 0);
}
END_TEST

START_TEST(with_the_range_forwarded_nothing_is_sent_first)
{
	site.mode = SITE_FORWARDED;
	talk();
	ck_assert_uint_eq(kept(0, 5000, PORT_RTP, HOME), 0);
}
END_TEST

START_TEST(a_pinhole_is_kept_open_every_15_s_during_hold)
{
	struct session_hop hop;

	talk();
	for (uint16_t i = 0; i < 3; i++)
		packet(0, HOME, i, i, &hop);
	set_end(0, (struct set){ NULL, 1, .held = true }, 1000);
	ck_assert_uint_eq(kept(1000, 15900, PORT_RTP, HOME), 0);
	ck_assert_uint_eq(kept(16000, 16000, PORT_RTP, HOME), 1);
	ck_assert_uint_eq(kept(16100, 616000, PORT_RTP, HOME), 40);
	/* c=0.0.0.0 means: send me no media. */
	ck_assert(!packet(1, OFFICE, 1, 616000, &hop));
}
END_TEST

START_TEST(media_that_flows_needs_no_keepalive)
{
	struct session_hop hop;

	talk();
	for (uint16_t i = 0; i < 3; i++)
		packet(0, HOME, i, i, &hop);
	for (unsigned ms = 1000; ms < 60000; ms += 1000) {
		packet(1, OFFICE, (uint16_t)(ms / 1000), ms, &hop);
		ck_assert_uint_eq(kept(ms, ms, PORT_RTP, HOME), 0);
	}
}
END_TEST

START_TEST(another_ip_gets_five_sparse_probes_and_no_media)
{
	const struct ipc_relay_set m = { .session = CALL, .end = 0,
		.to_end = 1, .rtp = addr_of(STRANGER), .relearn = 1,
		.phone = addr_of(HOME) };
	struct ipc_relay_open open = { .session = CALL, .end = 0,
		.zone = ZONE_EXTERNAL, .family = 4, .streams = 1,
		.latching = LATCH_SIGNALLED, .phone = addr_of(HOME) };
	struct ipc_relay_say say;
	struct session_hop hop;

	sessions_open(&s, &open, at_ms(0), &say);
	open_end(CALL, 1, 1, 0);
	sessions_set(&s, &m, at_ms(0));
	set_end(1, (struct set){ OFFICE, 0, .relearn = true }, 0);
	ck_assert(!packet(1, OFFICE, 1, 10, &hop));
	ck_assert_uint_eq(kept(20, 10000, PORT_RTP, STRANGER), 5);
	ck_assert(packet(0, STRANGER, 1, 10000, &hop));
	ck_assert(packet(1, OFFICE, 2, 10010, &hop));
	assert_addr("it answered", &hop.to, STRANGER);
}
END_TEST

START_TEST(only_an_unasked_packet_proves_the_range_forwarded)
{
	struct session_hop hop;

	talk();
	kept(0, 0, PORT_RTP, HOME);	/* something left that port */
	packet(0, HOME, 1, 50, &hop);
	ck_assert(!site.forwarded);
	open_end(7, 0, 1, 60);
	sessions_unasked(&s, sessions_pair(&s, 7, 0, 0), PORT_RTP,
	    &(struct addr){ ADDR_IPV4, 5, { 10, 0, 0, 9 } }, at_ms(70));
	ck_assert(!site.forwarded);	/* from the office: no proof */
	sessions_unasked(&s, sessions_pair(&s, 7, 0, 0), PORT_RTP,
	    &(struct addr){ ADDR_IPV4, 5, { 198, 51, 100, 9 } }, at_ms(70));
	ck_assert(site.forwarded);
}
END_TEST

START_TEST(orphans_are_dropped_after_a_while_unless_claimed)
{
	struct session_hop hop;

	talk();
	packet(0, HOME, 1, 0, &hop);
	sessions_orphan(&s, at_ms(0));
	sessions_expire(&s, at_ms(59999), on_ended, NULL);
	ck_assert_uint_eq(n_ended, 0);
	packet(0, HOME, 2, 59999, &hop);
	sessions_expire(&s, at_ms(60000), on_ended, NULL);
	ck_assert_uint_eq(n_ended, 0);		/* they speak */
	set_end(0, (struct set){ .rtp = HOME, .to_end = 1 }, 70000);
	sessions_expire(&s, at_ms(3600000), on_ended, NULL);
	ck_assert_uint_eq(n_ended, 0);		/* claimed */
	sessions_orphan(&s, at_ms(3600000));
	sessions_expire(&s, at_ms(3660000), on_ended, NULL);
	ck_assert_uint_eq(n_ended, 2);		/* nobody speaks */
}
END_TEST

START_TEST(an_orphan_that_talks_lives_ten_minutes)
{
	struct session_hop hop;

	talk();
	sessions_orphan(&s, at_ms(0));
	for (unsigned ms = 0; ms < 600000; ms += 30000) {
		packet(0, HOME, (uint16_t)(ms / 30000), ms, &hop);
		sessions_expire(&s, at_ms(ms), on_ended, NULL);
		ck_assert_uint_eq(n_ended, 0);
	}
	sessions_expire(&s, at_ms(600000), on_ended, NULL);
	ck_assert_uint_eq(n_ended, 2);
}
END_TEST

START_TEST(spares_and_silent_ports_are_to_be_kept_mapped)
{
	struct ipc_map_want want;
	struct session_hop hop;

	ports_keep_spares(&ports, at_ms(0));
	sessions_wanted(&s, &want);
	ck_assert_uint_eq(want.n_sockets, 2 * PORT_SPARES);
	talk();
	sessions_wanted(&s, &want);
	ck_assert_uint_eq(want.n_sockets, 2 * PORT_SPARES + 2);
	packet(0, HOME, 1, 0, &hop);
	sessions_wanted(&s, &want);
	ck_assert_uint_eq(want.n_sockets, 2 * PORT_SPARES);
	/* Another public address: the call's ports are mapped anew. */
	site.changed_at = at_ms(1000);
	sessions_wanted(&s, &want);
	ck_assert_uint_eq(want.n_sockets, 2 * PORT_SPARES + 2);
	packet(0, HOME, 2, 1500, &hop);
	sessions_wanted(&s, &want);
	ck_assert_uint_eq(want.n_sockets, 2 * PORT_SPARES);
	site.mode = SITE_FORWARDED;
	sessions_wanted(&s, &want);
	ck_assert_uint_eq(want.n_sockets, 0);
}
END_TEST

START_TEST(a_hundred_thousand_short_calls_leave_nothing)
{
	uint64_t ms = 0;

	for (uint64_t id = 1; id <= 100000; id++, ms += 2000) {
		n_ended = 0;
		if (open_end(id, 0, 1, ms) != RELAY_OK ||
		    open_end(id, 1, 1, ms) != RELAY_OK)
			ck_abort_msg("call %u", (unsigned)id);
		sessions_close(&s, id, RELAY_ALL_ENDS, at_ms(ms), on_ended,
		    NULL);
	}
	ck_assert_uint_eq(sessions_count(&s), 0);
	ck_assert_uint_eq(ports.group[0].n_free, 20);
	ck_assert_uint_eq(ports.group[1].n_free, 4);
}
END_TEST

void
add_session_tests(Suite *suite)
{
	TCase *tc = tcase_create("session");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc,
	    packets_cross_to_the_other_end_and_its_best_address);
	tcase_add_test(tc, 
	    a_traced_call_is_so_with_all_its_streams_until_they_end);
	tcase_add_test(tc, a_stranger_is_neither_relayed_nor_answered);
	tcase_add_test(tc, rtcp_has_its_own_port_or_shares_one);
	tcase_add_test(tc, names_are_taken_out_of_rtcp);
	tcase_add_test(tc, junk_on_a_media_port_goes_nowhere);
	tcase_add_test(tc, the_pair_too_many_is_refused_and_nothing_leaks);
	tcase_add_test(tc, asked_again_an_end_keeps_its_ports);
	tcase_add_test(tc, a_wanted_port_is_given_exactly_or_not_at_all);
	tcase_add_test(tc, a_wanted_port_needs_no_public_address);
	tcase_add_test(tc,
	    after_a_restart_media_goes_where_the_phone_was_heard);
	tcase_add_test(tc, rtcp_too_comes_from_where_it_came);
	tcase_add_test(tc,
	    where_rtcp_comes_from_is_told_to_each_sigproxy);
	tcase_add_loop_test(tc,
	    a_source_that_breaks_the_rule_is_not_resumed, 0, 4);
	tcase_add_loop_test(tc,
	    an_open_end_resumes_no_source_that_is_not_allowed, 0, 4);
	tcase_add_test(tc,
	    packets_of_a_life_before_prove_nothing_about_the_range);
	tcase_add_test(tc, no_public_address_is_a_clean_refusal);
	tcase_add_test(tc, the_last_counters_come_with_the_close);
	tcase_add_test(tc, an_end_that_cannot_be_breaks_the_door);
	tcase_add_test(tc, silence_is_told_once_and_so_is_its_end);
	tcase_add_test(tc,
	    holding_lets_nobody_else_in_and_resuming_learns_anew);
	tcase_add_test(tc, a_held_end_may_be_silent_for_an_hour);
	tcase_add_test(tc, the_relay_sends_first_to_the_home_only);
	tcase_add_test(tc, with_the_range_forwarded_nothing_is_sent_first);
	tcase_add_test(tc, a_pinhole_is_kept_open_every_15_s_during_hold);
	tcase_add_test(tc, media_that_flows_needs_no_keepalive);
	tcase_add_test(tc, another_ip_gets_five_sparse_probes_and_no_media);
	tcase_add_test(tc, only_an_unasked_packet_proves_the_range_forwarded);
	tcase_add_test(tc, orphans_are_dropped_after_a_while_unless_claimed);
	tcase_add_test(tc, an_orphan_that_talks_lives_ten_minutes);
	tcase_add_test(tc, spares_and_silent_ports_are_to_be_kept_mapped);
	tcase_add_test(tc, how_it_sounds_is_told_of_who_was_heard);
	tcase_add_test(tc, a_relay_that_took_over_says_so);
	tcase_add_test(tc, a_hundred_thousand_short_calls_leave_nothing);
	suite_add_tcase(suite, tc);
}
