/* Whether the range is forwarded is found out, and whose media came is told. */
#include "tests/unit/media/suite.h"

#define OTHER_HOME "198.51.100.99:40000"
#define HOME "198.51.100.7:40000"
#define HOME_RTCP "198.51.100.7:40001"
#define OFFICE "10.0.0.50:30000"
#define OFFICE_RTCP "10.0.0.50:30001"
#define CALL 42

static struct ports ports;
static struct dest dest;
static struct site site;
static struct sessions s;

static void
setup(void)
{
	struct addr ext = addr_of("10.0.0.2:1");
	struct addr_prefix lan;
	struct sessions_conf c = { .ports = &ports, .dest = &dest,
		.site = &site, .latching = LATCH_STRICT, .ssrc = 1 };

	ck_assert_int_eq(ports_init(&ports, 24), 0);
	ports_add(&ports, ZONE_EXTERNAL, &ext, 16384, 20, true);
	ports_add(&ports, ZONE_INTERNAL, &ext, 17000, 4, false);
	dest_init(&dest);
	dest_add_own(&dest, &ext);
	addr_prefix_parse(SPAN_LIT("10.0.0.0/8"), &lan);
	dest_add_lan(&dest, &lan);
	site = (struct site){ .how = SITE_STUN,
		.public_ip = addr_of("203.0.113.1:1") };
	ck_assert_int_eq(sessions_init(&s, &c), 0);
}

static void
teardown(void)
{
	sessions_clear(&s);
	ports_clear(&ports);
}

static void
talk(void)
{
	for (uint8_t end = 0; end < 2; end++) {
		struct ipc_relay_open open = { .session = CALL, .end = end,
			.zone = end == 0 ? ZONE_EXTERNAL : ZONE_INTERNAL,
			.family = ADDR_IPV4, .streams = 1,
			.phone = addr_of(end == 0 ? HOME : OFFICE) };
		struct ipc_relay_set set = { .session = CALL, .end = end,
			.to_end = !end, .rtp = open.phone,
			.phone = open.phone };
		struct ipc_relay_say say;

		sessions_open(&s, &open, at_ms(0), &say);
		ck_assert_uint_eq(say.refusal, RELAY_OK);
		sessions_set(&s, &set, at_ms(0));
	}
	/* STUN was asked from both, as for any spare. */
	ports.pair[0].sent_at[0] = ports.pair[0].sent_at[1] = at_ms(0);
}

static uint16_t seq;

static bool
hear(uint8_t end, enum port_which which, const char *from, uint64_t ms)
{
	uint8_t rtp[32] = { 0x80, 0, [11] = (uint8_t)(end + 1) };
	uint8_t rr[8] = { 0x80, 201, 0, 1, 0, 0, 0, (uint8_t)(end + 1) };
	struct addr source = addr_of(from);
	struct session_hop hop;

	seq++;
	rtp[2] = (uint8_t)(seq >> 8);
	rtp[3] = (uint8_t)seq;
	return sessions_packet(&s, sessions_pair(&s, CALL, end, 0), which,
	    &source, which == PORT_RTP ? rtp : rr,
	    which == PORT_RTP ? sizeof(rtp) : sizeof(rr), at_ms(ms), &hop);
}

/* Steps from one moment to another: keepalives of end 0's RTCP port, and the
 * last reach of end 0, if told. */
struct seen {
	unsigned rtcp_sent, told;
	struct ipc_relay_reach reach;
};

static struct seen
pass(uint64_t from_ms, uint64_t to_ms)
{
	struct session_step step;
	struct seen seen = { 0 };

	for (uint64_t ms = from_ms; ms <= to_ms; ms += 100) {
		sessions_tick(&s);
		while (sessions_next(&s, at_ms(ms), &step)) {
			if (step.what == SESSION_KEEPALIVE)
				seen.rtcp_sent += step.hop.pair == 0 &&
				    step.hop.which == PORT_RTCP;
			if (step.what != SESSION_REACH || step.reach.end != 0)
				continue;
			seen.told++;
			seen.reach = step.reach;
		}
	}
	return seen;
}

START_TEST(rtcp_that_comes_unasked_shows_the_range_open)
{
	talk();
	ck_assert_uint_eq(pass(0, 4000).rtcp_sent, 0);
	ck_assert(!hear(1, PORT_RTCP, OFFICE_RTCP, 4000));
	hear(0, PORT_RTP, HOME, 4000);
	hear(0, PORT_RTCP, HOME_RTCP, 5000);
	ck_assert_int_eq(site.range, RANGE_OPEN);
	/* STUN had left that port: a full-cone router does so, too. */
	ck_assert(!site.forwarded);
	ck_assert_uint_gt(pass(5000, 6000).rtcp_sent, 0);
	ck_assert(hear(1, PORT_RTCP, OFFICE_RTCP, 6000));
}
END_TEST

START_TEST(what_comes_only_after_ours_shows_it_closed)
{
	talk();
	pass(0, 0);	/* the RTP port sends first, as ever */
	for (uint64_t ms = 0; ms < STREAM_TRIAL_MS; ms += 500) {
		hear(0, PORT_RTP, HOME, 100 + ms);
		ck_assert_msg(pass(100 + ms, 500 + ms).rtcp_sent == 0,
		    "%u", (unsigned)ms);
	}
	hear(0, PORT_RTP, HOME, 11100);
	ck_assert_uint_gt(pass(11100, 12000).rtcp_sent, 0);
	ck_assert_int_eq(site.range, RANGE_UNKNOWN);
	hear(0, PORT_RTCP, HOME_RTCP, 12500);
	ck_assert_int_eq(site.range, RANGE_CLOSED);
	ck_assert(!site_tries(&site, at_ms(12500)));
	ck_assert(site_tries(&site, at_ms(12500 + SITE_CLOSED_MS)));
	/* An unasked packet proves more. */
	site_learns(&site, RANGE_OPEN, at_ms(13000));
	ck_assert(!site_learns(&site, RANGE_CLOSED, at_ms(13001)));
	ck_assert_int_eq(site.range, RANGE_OPEN);
}
END_TEST

START_TEST(a_phone_that_is_not_heard_is_sent_rtcp_soon)
{
	talk();
	ck_assert_uint_eq(pass(0, STREAM_SILENT_MS - 100).rtcp_sent, 0);
	ck_assert_uint_gt(pass(STREAM_SILENT_MS,
	    STREAM_SILENT_MS + 500).rtcp_sent, 0);
	ck_assert_int_eq(site.range, RANGE_UNKNOWN);
}
END_TEST

/* IPv6, or another interface: that it is open says nothing of the router. */
START_TEST(another_address_proves_nothing_about_the_range)
{
	struct addr from = addr_of(HOME_RTCP);

	ports.group[0].mapped = false;
	talk();
	ck_assert_uint_gt(pass(0, 500).rtcp_sent, 0);
	sessions_unasked(&s, 9, PORT_RTP, &from, at_ms(600));
	ck_assert_int_eq(site.range, RANGE_UNKNOWN);
	ck_assert(!site.forwarded);
}
END_TEST

START_TEST(nobody_tries_what_is_known)
{
	site.range = RANGE_OPEN;
	talk();
	ck_assert_uint_gt(pass(0, 500).rtcp_sent, 0);
}
END_TEST

START_TEST(after_a_start_nothing_is_tried_for_a_moment)
{
	s.conf.unasked_from = at_ms(3000);
	talk();
	ck_assert_uint_gt(pass(0, 500).rtcp_sent, 0);
	hear(0, PORT_RTCP, HOME_RTCP, 400);
	ck_assert_int_eq(site.range, RANGE_UNKNOWN);
}
END_TEST

START_TEST(who_is_heard_is_told_once_and_silence_after_five_seconds)
{
	struct seen seen;

	talk();
	ck_assert_uint_eq(pass(0, STREAM_AWAITED_MS - 100).told, 0);
	/* sigproxy may look for it elsewhere; nothing is concluded here. */
	seen = pass(STREAM_AWAITED_MS, STREAM_SILENT_MS - 100);
	ck_assert_uint_eq(seen.told, 1);
	ck_assert_uint_eq(seen.reach.heard, MEDIA_AWAITED);
	seen = pass(STREAM_SILENT_MS, 9000);
	ck_assert_uint_eq(seen.told, 1);
	ck_assert_uint_eq(seen.reach.heard, MEDIA_NEVER);
	ck_assert_uint_eq(seen.reach.way, MEDIA_PUNCHED);
	assert_addr("said", &seen.reach.said, "203.0.113.1:16384");
	hear(0, PORT_RTP, HOME, 9000);
	seen = pass(9000, 13000);
	ck_assert_uint_eq(seen.told, 1);
	ck_assert_uint_eq(seen.reach.heard, MEDIA_HEARD);
	seen = pass(13000, 20000);
	ck_assert_uint_eq(seen.told, 1);
	ck_assert_uint_eq(seen.reach.heard, MEDIA_SILENT);
}
END_TEST

/* Speaks for three seconds, beginning at ms; returns when it stopped. */
static uint64_t
speak(uint64_t ms)
{
	uint64_t end = ms + 3000;

	for (; ms < end; ms += 20)
		hear(0, PORT_RTP, HOME, ms);
	return ms;
}

START_TEST(who_never_paused_is_told_to_have_stopped_after_a_second)
{
	uint64_t ms;
	struct seen seen;

	talk();
	ms = speak(100);
	ck_assert_uint_eq(pass(ms, ms).reach.heard, MEDIA_HEARD);
	seen = pass(ms, ms + STREAM_PAUSED_MS + 200);
	ck_assert_uint_eq(seen.told, 1);
	ck_assert_uint_eq(seen.reach.heard, MEDIA_PAUSED);
	/* Its packets of meanwhile were lost: it did not pause. */
	hear(0, PORT_RTP, HOME, ms + 1500);
	hear(0, PORT_RTP, HOME, ms + 1520);
	ck_assert_uint_eq(
	    pass(ms + 1500, ms + 1600).reach.heard, MEDIA_HEARD);
}
END_TEST

START_TEST(a_relay_that_slept_looks_twice)
{
	uint64_t ms;

	talk();
	ms = speak(100);
	pass(ms, ms);
	ck_assert_uint_eq(pass(ms + 3000, ms + 3000).told, 0);
	hear(0, PORT_RTP, HOME, ms + 3001);
	ck_assert_uint_eq(pass(ms + 3100, ms + 3900).told, 0);
}
END_TEST

START_TEST(a_loss_is_no_pause)
{
	uint64_t ms;

	talk();
	ms = speak(100);
	seq += 20;
	ms = speak(ms + 400);
	pass(ms, ms);
	ck_assert_uint_eq(pass(ms, ms + 1200).reach.heard, MEDIA_PAUSED);
}
END_TEST

START_TEST(who_pauses_when_he_says_nothing_is_told_after_five_seconds)
{
	uint64_t ms;

	talk();
	ms = speak(100);
	ms = speak(ms + 800);
	pass(ms, ms);
	ck_assert_uint_eq(pass(ms, ms + 4800).told, 0);
	ck_assert_uint_eq(pass(ms + 4800, ms + 5200).reach.heard,
	    MEDIA_SILENT);
}
END_TEST

/* Who is muted goes on to report; whose router forgot does so in vain. */
START_TEST(who_sends_no_reports_either_is_gone)
{
	uint64_t ms;

	talk();
	hear(0, PORT_RTCP, HOME_RTCP, 50);
	ms = speak(100);
	ck_assert_uint_eq(pass(ms, ms + 6000).reach.heard, MEDIA_SILENT);
	hear(0, PORT_RTCP, HOME_RTCP, ms + 6000);
	ck_assert_uint_eq(
	    pass(ms + 6000, ms + 6000 + STREAM_GONE_MS - 100).told, 0);
	ck_assert_uint_eq(pass(ms + 6000 + STREAM_GONE_MS,
	    ms + 6200 + STREAM_GONE_MS).reach.heard, MEDIA_GONE);
	hear(0, PORT_RTP, HOME, ms + 27000);
	ck_assert_uint_eq(
	    pass(ms + 27000, ms + 27200).reach.heard, MEDIA_HEARD);
}
END_TEST

START_TEST(who_never_sent_reports_is_silent_and_no_more)
{
	uint64_t ms;

	talk();
	ms = speak(100);
	ck_assert_uint_eq(pass(ms, ms + 6000).reach.heard, MEDIA_SILENT);
	ck_assert_uint_eq(pass(ms + 6000, ms + 60000).told, 0);
}
END_TEST

START_TEST(but_after_a_second_if_his_signalling_moved_meanwhile)
{
	struct ipc_relay_set set = { .session = CALL, .end = 0, .to_end = 1,
		.rtp = addr_of(HOME), .phone = addr_of(HOME) };
	uint64_t ms;

	talk();
	ms = speak(100);
	ms = speak(ms + 800);
	pass(ms, ms);
	set.phone.port++;
	sessions_set(&s, &set, at_ms(ms));
	ck_assert_uint_eq(pass(ms, ms + 1400).reach.heard, MEDIA_PAUSED);
}
END_TEST

/* To sigproxy that of a hold is nothing: it was not heard. */
START_TEST(who_was_silent_and_held_is_told_again_when_it_is_heard)
{
	struct ipc_relay_set set = { .session = CALL, .end = 0, .to_end = 1,
		.rtp = addr_of(HOME), .phone = addr_of(HOME), .held = 1 };
	struct seen seen;
	uint64_t ms;

	talk();
	ms = speak(100);
	pass(ms, ms);
	ck_assert_uint_eq(pass(ms, ms + 6000).reach.heard, MEDIA_SILENT);
	sessions_set(&s, &set, at_ms(ms + 6000));
	ck_assert_uint_eq(
	    pass(ms + 6000, ms + 9000).reach.heard, MEDIA_HEARD);
	/* What it says meanwhile is as little. */
	hear(0, PORT_RTP, HOME, ms + 9000);
	ck_assert_uint_eq(pass(ms + 9000, ms + 9100).told, 0);
	set.held = 0;
	sessions_set(&s, &set, at_ms(ms + 9100));
	ck_assert_uint_eq(pass(ms + 9100, ms + 9500).told, 0);
	hear(0, PORT_RTP, HOME, ms + 9500);
	hear(0, PORT_RTP, HOME, ms + 9520);
	seen = pass(ms + 9500, ms + 9600);
	ck_assert_uint_eq(seen.told, 1);
	ck_assert_uint_eq(seen.reach.heard, MEDIA_HEARD);
}
END_TEST

START_TEST(packets_of_others_are_told_as_such)
{
	struct seen seen;

	talk();
	hear(0, PORT_RTP, "203.0.113.66:4000", 100);
	seen = pass(STREAM_SILENT_MS, STREAM_SILENT_MS);
	ck_assert_uint_eq(seen.reach.refused, 1);
	ck_assert_uint_eq(seen.reach.heard, MEDIA_NEVER);
}
END_TEST

static const struct {
	const char *name;
	struct site site;
	enum zone zone;
	enum media_way way;
	const char *evidence;
} ways[] = {
	{ "the office", { .how = SITE_STUN }, ZONE_INTERNAL, MEDIA_INTERNAL,
	    "nothing has shown" },
	{ "a public host", { .how = SITE_OWN, .mode = SITE_PUNCH },
	    ZONE_EXTERNAL, MEDIA_PUBLIC, "our external address is public" },
	{ "auto, nothing known", { .how = SITE_STUN }, ZONE_EXTERNAL,
	    MEDIA_PUNCHED, "nothing has shown" },
	{ "auto, proved", { .how = SITE_STUN, .forwarded = true,
	    .range = RANGE_OPEN }, ZONE_EXTERNAL, MEDIA_RANGE,
	    "an unsolicited packet proved the range forwarded" },
	{ "auto, open", { .how = SITE_STUN, .range = RANGE_OPEN },
	    ZONE_EXTERNAL, MEDIA_PUNCHED, "a packet came unasked" },
	{ "auto, closed", { .how = SITE_NAMED, .range = RANGE_CLOSED },
	    ZONE_EXTERNAL, MEDIA_PUNCHED, "a phone's packets came only after" },
	{ "punch", { .how = SITE_STUN, .mode = SITE_PUNCH, .forwarded = true,
	    .range = RANGE_OPEN }, ZONE_EXTERNAL, MEDIA_PUNCHED,
	    "an unsolicited packet" },
	{ "forwarded, unproved", { .how = SITE_STUN,
	    .mode = SITE_FORWARDED }, ZONE_EXTERNAL, MEDIA_RANGE,
	    "the configuration says so; no packet" },
};

START_TEST(the_way_and_its_evidence)
{
	const char *said = site_evidence(&ways[_i].site);

	ck_assert_msg(site_way(&ways[_i].site, ways[_i].zone) == ways[_i].way,
	    "%s", ways[_i].name);
	ck_assert_msg(strncmp(said, ways[_i].evidence,
	    strlen(ways[_i].evidence)) == 0, "%s: %s", ways[_i].name, said);
}
END_TEST

/* Said, own port and mapping as below; '+' heard, '-' not; a capital letter:
 * the phone of another home. */
static const struct {
	const char *name, *calls;	/* m: told the mapping, o: the own */
	bool own_first;
} results[] = {
	{ "nothing was tried", "", false },
	{ "the mapping works", "m+", false },
	{ "it did not: the own port is tried", "m-", true },
	{ "that works, and stays", "m-o+o-", true },
	{ "that does not either: again the mapping", "m-o-", false },
	{ "a mapping that worked once is never given up for one home",
	    "m+m-m-", false },
	{ "late, but it works", "m-m+", false },
	{ "one phone's word for the own port does not silence the others",
	    "m-o+O-o-O-", false },
	{ "nor for the mapping", "m+M-m-M-", true },
	{ "a home that is never heard proves little", "m+m-m-m-m-m-", false },
	{ "where it is the only one, it does in the end",
	    "m-o+o-o-o-o-o-o-", false },
};

START_TEST(who_comes_through_decides_which_port_is_said)
{
	struct port_pair pair = { .own = addr_of("10.0.0.2:17000"),
		.by_stun = true, .mapped[PORT_RTP] =
		    addr_of("203.0.113.1:41000"),
		.mapped_at[PORT_RTP] = at_ms(0) };
	struct addr own = addr_of("203.0.113.1:17000"), said;
	const struct addr home = addr_of(HOME), other = addr_of(OTHER_HOME);

	for (const char *c = results[_i].calls; *c != '\0'; c += 2)
		site_result(&site, &pair, strchr("mM", *c) != NULL ?
		    &pair.mapped[PORT_RTP] : &own, strchr("MO", *c) != NULL ?
		    &other : &home, c[1] == '+');
	said = site_say(&site, ZONE_EXTERNAL, &pair, PORT_RTP, at_ms(1));
	assert_addr(results[_i].name, &said, results[_i].own_first ?
	    "203.0.113.1:17000" : "203.0.113.1:41000");
	/* A port that is kept proves nothing, nor does another mode. */
	site = (struct site){ .how = SITE_STUN };
	site.mode = SITE_PUNCH;
	site_result(&site, &pair, &pair.mapped[PORT_RTP], &home, false);
	site.mode = SITE_AUTO;
	pair.mapped[PORT_RTP].port = 17000;
	site_result(&site, &pair, &pair.mapped[PORT_RTP], &home, false);
	ck_assert(!site.own_first);
	/* Another address, the same router: what worked is tried first. */
	site.forwarded = true;
	site_forgets(&site);
	ck_assert(site.own_first && !site.forwarded && !site.own_works);
	pair.mapped[PORT_RTP].port = 41000;
	site_result(&site, &pair, &own, &home, false);
	ck_assert(!site.own_first);
}
END_TEST

/* A phone goes on sending after its call, and a relay that starts then takes
 * that for a forwarded range: whoever is told the own port is not heard. */
START_TEST(a_range_that_is_not_forwarded_after_all_is_found_out)
{
	struct port_pair pair = { .own = addr_of("10.0.0.2:17000"),
		.by_stun = true, .mapped[PORT_RTP] =
		    addr_of("203.0.113.1:41000"),
		.mapped_at[PORT_RTP] = at_ms(0) };
	const struct addr homes[] = { addr_of(HOME), addr_of(OTHER_HOME) };
	struct addr said;

	site.forwarded = true;
	site.range = RANGE_OPEN;
	for (unsigned i = 0; i < 3; i++) {
		said = site_say(&site, ZONE_EXTERNAL, &pair, PORT_RTP,
		    at_ms(1));
		assert_addr("believed", &said, "203.0.113.1:17000");
		site_result(&site, &pair, &said, &homes[i % 2], false);
	}
	said = site_say(&site, ZONE_EXTERNAL, &pair, PORT_RTP, at_ms(1));
	assert_addr("given up", &said, "203.0.113.1:41000");
	ck_assert(!site.forwarded && site.range == RANGE_UNKNOWN);
}
END_TEST

void
add_reach_tests(Suite *suite)
{
	TCase *tc = tcase_create("reach");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, rtcp_that_comes_unasked_shows_the_range_open);
	tcase_add_test(tc, what_comes_only_after_ours_shows_it_closed);
	tcase_add_test(tc, a_phone_that_is_not_heard_is_sent_rtcp_soon);
	tcase_add_test(tc, another_address_proves_nothing_about_the_range);
	tcase_add_test(tc, nobody_tries_what_is_known);
	tcase_add_test(tc, after_a_start_nothing_is_tried_for_a_moment);
	tcase_add_test(tc,
	    who_is_heard_is_told_once_and_silence_after_five_seconds);
	tcase_add_test(tc,
	    who_never_paused_is_told_to_have_stopped_after_a_second);
	tcase_add_test(tc, a_relay_that_slept_looks_twice);
	tcase_add_test(tc, a_loss_is_no_pause);
	tcase_add_test(tc,
	    who_pauses_when_he_says_nothing_is_told_after_five_seconds);
	tcase_add_test(tc,
	    but_after_a_second_if_his_signalling_moved_meanwhile);
	tcase_add_test(tc, who_sends_no_reports_either_is_gone);
	tcase_add_test(tc, who_never_sent_reports_is_silent_and_no_more);
	tcase_add_test(tc,
	    who_was_silent_and_held_is_told_again_when_it_is_heard);
	tcase_add_test(tc, packets_of_others_are_told_as_such);
	tcase_add_loop_test(tc, who_comes_through_decides_which_port_is_said,
	    0, sizeof(results) / sizeof(results[0]));
	tcase_add_test(tc,
	    a_range_that_is_not_forwarded_after_all_is_found_out);
	tcase_add_loop_test(tc, the_way_and_its_evidence, 0,
	    sizeof(ways) / sizeof(ways[0]));
	suite_add_tcase(suite, tc);
}
