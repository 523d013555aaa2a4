/* Fax by UDPTL, and RTCP that comes by the RTP port. */
#include "common/codec/udptl.h"
#include "tests/unit/media/suite.h"

#define HOME "198.51.100.7:40000"
#define HOME_OTHER "198.51.100.7:41000"
#define OFFICE "10.0.0.50:30000"
#define STRANGER "203.0.113.66:40000"
#define CALL 42

static struct ports ports;
static struct dest dest;
static struct site site;
static struct sessions s;

/* ---- what is such a packet ---- */

static const struct {
	const char *name, *bytes;
	size_t len;
	int want; /* sequence, or -1 */
} packets[] = {
	{ "an indicator, nothing older", "\0\1\1\6\0\0", 6, 1 },
	{ "one older packet", "\1\2\2\xc0\1\0\1\1\6", 9, 258 },
	{ "parity is not looked at", "\0\3\1\6\x80\1\1", 7, 3 },
	{ "a length of two octets", "\0\4\x80\1\6\0\0", 7, 4 },
	{ "bytes that follow", "\0\5\1\6\0\0zzz", 9, 5 },
	{ "nothing", "", 0, -1 },
	{ "a number alone", "\0\1", 2, -1 },
	{ "longer than the packet", "\0\1\5\6\0\0", 6, -1 },
	{ "without error recovery", "\0\1\1\6", 4, -1 },
	{ "older ones that are not there", "\0\1\1\6\0\2\1\6", 8, -1 },
	{ "older ones that are not even counted", "\0\1\1\6\0", 5, -1 },
	{ "a fragmented length", "\0\1\xc1\6\0\0", 6, -1 },
};

START_TEST(a_packet_is_read_to_its_end)
{
	uint16_t seq = 0;
	int err = udptl_parse(
	    span_make(packets[_i].bytes, packets[_i].len), &seq);

	ck_assert_msg((err == 0 ? seq : -1) == packets[_i].want, "%s",
	    packets[_i].name);
}
END_TEST

/* ---- how it is relayed ---- */

static void
set_end(uint8_t end, const char *rtp, uint8_t form, bool relearn, uint64_t ms)
{
	const struct ipc_relay_set m = { .session = CALL, .end = end,
		.to_end = (uint8_t)(1 - end), .rtp = addr_of(rtp),
		.form = form, .relearn = relearn,
		.phone = addr_of(end == 0 ? HOME : OFFICE) };

	ck_assert_int_eq(sessions_set(&s, &m, at_ms(ms)), 0);
}

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
		.range = RANGE_CLOSED, .range_at = at_ms(0) };
	ck_assert_int_eq(sessions_init(&s, &c), 0);
	for (uint8_t end = 0; end < 2; end++) {
		const struct ipc_relay_open m = { .session = CALL, .end = end,
			.zone = end == 0 ? ZONE_EXTERNAL : ZONE_INTERNAL,
			.family = ADDR_IPV4, .streams = 1,
			.phone = addr_of(end == 0 ? HOME : OFFICE) };
		struct ipc_relay_say say;

		sessions_open(&s, &m, at_ms(0), &say);
		ck_assert_int_eq(say.refusal, RELAY_OK);
	}
}

static void
teardown(void)
{
	sessions_clear(&s);
	ports_clear(&ports);
}

static bool
any(uint8_t end, enum port_which which, const char *from, uint8_t *data,
    size_t len, uint64_t ms, struct session_hop *hop)
{
	struct addr source = addr_of(from);

	return sessions_packet(&s, sessions_pair(&s, CALL, end, 0), which,
	    &source, data, len, at_ms(ms), hop);
}

static bool
fax(uint8_t end, const char *from, uint16_t seq, uint64_t ms)
{
	uint8_t data[] = { (uint8_t)(seq >> 8), (uint8_t)seq, 1, 6, 0, 0 };
	struct session_hop hop;

	return any(end, PORT_RTP, from, data, sizeof(data), ms, &hop);
}

static bool
rtp(const char *from, uint16_t seq, uint64_t ms)
{
	uint8_t data[32] = { 0x80, 8, (uint8_t)(seq >> 8), (uint8_t)seq,
		[11] = 1 };
	struct session_hop hop;

	return any(0, PORT_RTP, from, data, sizeof(data), ms, &hop);
}

static void
talk_fax(void)
{
	set_end(0, HOME, STREAM_UDPTL, false, 0);
	set_end(1, OFFICE, STREAM_UDPTL, false, 0);
}

START_TEST(fax_goes_both_ways_and_nothing_else_does)
{
	uint8_t data[] = { 0, 0, 1, 6, 0, 0 }, noise[] = { 0x80, 1, 0x7f, 4 };
	struct session_hop hop;

	talk_fax();
	for (uint16_t seq = 0; seq < 5; seq++) {
		ck_assert(fax(0, HOME, seq, 20u * seq));
		ck_assert(fax(1, OFFICE, seq, 20u * seq));
	}
	data[1] = 5;
	ck_assert(any(0, PORT_RTP, HOME, data, sizeof(data), 200, &hop));
	assert_addr("on to", &hop.to, OFFICE);
	ck_assert_uint_eq(hop.len, sizeof(data));
	ck_assert(!any(0, PORT_RTP, HOME, noise, sizeof(noise), 200, &hop));
	ck_assert(!any(0, PORT_RTCP, HOME, data, sizeof(data), 200, &hop));
	ck_assert(!fax(0, STRANGER, 6, 200));
}
END_TEST

static const struct {
	const char *name, *from;
	uint16_t seq;
	uint64_t ms;
	bool want;
} others[] = {
	{ "a stranger, however long it is silent", STRANGER, 3, 60000, false },
	{ "another port, while it speaks", HOME_OTHER, 3, 1000, false },
	{ "just before ten seconds", HOME_OTHER, 3, 9900, false },
	{ "another port that carries on", HOME_OTHER, 3, 10100, true },
	{ "one that does not", HOME_OTHER, 200, 10100, false },
	{ "one that goes back", HOME_OTHER, 2, 10100, false },
};

START_TEST(who_may_take_over)
{
	talk_fax();
	for (uint16_t seq = 0; seq < 3; seq++)
		ck_assert(fax(0, HOME, seq, 0));
	ck_assert_msg(fax(0, others[_i].from, others[_i].seq,
			  others[_i].ms) == others[_i].want,
	    "%s", others[_i].name);
}
END_TEST

START_TEST(packets_that_do_not_follow_each_other_freeze_nothing)
{
	static const uint16_t far[] = { 0, 5000, 10000, 15000, 20000 };
	const struct latch *l;

	talk_fax();
	l = &s.stream[sessions_pair(&s, CALL, 0, 0)].latch[PORT_RTP];
	for (int i = 0; i < 5; i++)
		fax(0, HOME, far[i], 0);
	ck_assert(!l->frozen);
	for (uint16_t seq = 20001; seq < 20003; seq++)
		fax(0, HOME, seq, 0);
	ck_assert(l->frozen);
}
END_TEST

/* The re-INVITE names another port of the phone's, and packets of the other
 * kind stop. */
START_TEST(sound_becomes_fax_and_sound_again)
{
	set_end(0, HOME, STREAM_RTP, false, 0);
	set_end(1, OFFICE, STREAM_RTP, false, 0);
	for (uint16_t seq = 0; seq < 5; seq++)
		ck_assert(rtp(HOME, seq, 20u * seq));
	ck_assert(!fax(0, HOME, 5, 100));
	set_end(0, HOME_OTHER, STREAM_UDPTL, true, 200);
	set_end(1, OFFICE, STREAM_UDPTL, true, 200);
	ck_assert(!rtp(HOME, 5, 220));
	for (uint16_t seq = 0; seq < 5; seq++)
		ck_assert(fax(0, HOME_OTHER, seq, 240u + seq));
	ck_assert(!fax(0, HOME, 5, 300));
	set_end(0, HOME, STREAM_RTP, true, 400);
	set_end(1, OFFICE, STREAM_RTP, true, 400);
	ck_assert(rtp(HOME, 6, 420));
	ck_assert(!fax(0, HOME, 6, 440));
}
END_TEST

/* It holds the way open by what no fax takes for a page, and its silence is
 * nothing to tell of. */
START_TEST(fax_is_kept_alive_by_empty_datagrams)
{
	struct session_step step;
	unsigned n_empty = 0;

	talk_fax();
	for (uint16_t seq = 0; seq < 3; seq++)
		fax(0, HOME, seq, 0);
	for (uint64_t ms = 100; ms < 40000; ms += 100) {
		sessions_tick(&s);
		while (sessions_next(&s, at_ms(ms), &step)) {
			ck_assert(step.what != SESSION_NEWS ||
			    step.news.what != RELAY_SILENT);
			if (step.what != SESSION_KEEPALIVE)
				continue;
			ck_assert_uint_eq(step.hop.len, 0);
			ck_assert_int_eq(step.hop.which, PORT_RTP);
			assert_addr("to", &step.hop.to, HOME);
			n_empty++;
		}
	}
	ck_assert_uint_ge(n_empty, 2);
}
END_TEST

/* ---- RTCP by the RTP port ---- */

static bool
rtcp(const char *from, uint64_t ms, struct session_hop *hop)
{
	uint8_t rr[8] = { 0x80, 201, 0, 1, 0, 0, 0, 1 };

	return any(0, PORT_RTP, from, rr, sizeof(rr), ms, hop);
}

START_TEST(rtcp_by_the_rtp_port_is_for_whom_is_known_there)
{
	uint8_t rr[8] = { 0x80, 201, 0, 1, 0, 0, 0, 2 };
	struct session_hop hop;

	set_end(0, HOME, STREAM_RTP, false, 0);
	set_end(1, OFFICE, STREAM_RTP, false, 0);
	ck_assert(!rtcp(HOME, 0, &hop));
	for (uint16_t seq = 0; seq < 3; seq++)
		rtp(HOME, seq, 20u * seq);
	ck_assert(!rtcp(HOME_OTHER, 100, &hop));
	ck_assert(any(1, PORT_RTCP, "10.0.0.50:30001", rr, 8, 100, &hop));
	ck_assert_int_eq(hop.which, PORT_RTCP);
	/* The office's RTCP port gets it; its own goes the same way back. */
	ck_assert(rtcp(HOME, 200, &hop));
	ck_assert_int_eq(hop.which, PORT_RTCP);
	assert_addr("on to", &hop.to, "10.0.0.50:30001");
	ck_assert(any(1, PORT_RTCP, "10.0.0.50:30001", rr, 8, 300, &hop));
	ck_assert_int_eq(hop.which, PORT_RTP);
	assert_addr("back to", &hop.to, HOME);
}
END_TEST

#define N(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

void
add_fax_tests(Suite *suite)
{
	TCase *c = tcase_create("fax");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, a_packet_is_read_to_its_end, 0, N(packets));
	tcase_add_test(c, fax_goes_both_ways_and_nothing_else_does);
	tcase_add_loop_test(c, who_may_take_over, 0, N(others));
	tcase_add_test(
	    c, packets_that_do_not_follow_each_other_freeze_nothing);
	tcase_add_test(c, sound_becomes_fax_and_sound_again);
	tcase_add_test(c, fax_is_kept_alive_by_empty_datagrams);
	tcase_add_test(c, rtcp_by_the_rtp_port_is_for_whom_is_known_there);
	suite_add_tcase(suite, c);
}
