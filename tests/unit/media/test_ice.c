/* ICE-lite at the relay: who is answered, and what a nomination moves. */
#include <errno.h>

#include "tests/unit/media/suite.h"

#define HOME "198.51.100.7:40000"
#define ELSEWHERE "198.51.100.7:51111"	/* the same home, another port */
#define FAR "192.0.2.77:7000"		/* a second line of that home */
#define STRANGER "203.0.113.66:40000"
#define INSIDE "10.0.0.50:30000"
#define UFRAG "Gate1234"
#define PWD "thePasswordOfTheGate1234"
#define NEW_PWD "anotherPasswordOfTheGate"
#define CALL 42

static struct ports ports;
static struct dest dest;
static struct site site;
static struct sessions s;

static struct ipc_relay_ice
credential(uint8_t end, const char *pwd)
{
	return (struct ipc_relay_ice){ .session = CALL, .end = end,
		.ufrag = span_str(pwd[0] == 0 ? "" : UFRAG),
		.pwd = span_str(pwd) };
}

static void
open_end(uint8_t end, const char *phone)
{
	const struct ipc_relay_open m = { .session = CALL, .end = end,
		.zone = end == 0 ? ZONE_EXTERNAL : ZONE_INTERNAL,
		.family = ADDR_IPV4, .streams = 1, .phone = addr_of(phone) };
	struct ipc_relay_say say;

	sessions_open(&s, &m, at_ms(0), &say);
	ck_assert_int_eq(say.refusal, RELAY_OK);
}

static void
set_end(uint8_t end, const char *rtp, const char *phone, uint64_t ms)
{
	const struct ipc_relay_set m = { .session = CALL, .end = end,
		.to_end = !end, .rtp = addr_of(rtp), .relearn = ms > 0,
		.phone = addr_of(phone) };

	ck_assert_int_eq(sessions_set(&s, &m, at_ms(ms)), 0);
}

static void
setup(void)
{
	struct addr ext = addr_of("10.0.0.2:1");
	struct addr_prefix lan;
	struct sessions_conf c = { .ports = &ports, .dest = &dest,
		.site = &site, .latching = LATCH_STRICT, .ssrc = 1 };
	struct ipc_relay_ice ice = credential(0, PWD);

	ck_assert_int_eq(ports_init(&ports, 8), 0);
	ports_add(&ports, ZONE_EXTERNAL, &ext, 16384, 4, true);
	ports_add(&ports, ZONE_INTERNAL, &ext, 17000, 4, false);
	dest_init(&dest);
	dest_add_own(&dest, &ext);
	addr_prefix_parse(SPAN_LIT("10.0.0.0/8"), &lan);
	dest_add_lan(&dest, &lan);
	/* Not known whether it is forwarded: RTCP would be held back. */
	site = (struct site){ .how = SITE_STUN,
		.public_ip = addr_of("203.0.113.1:1") };
	ck_assert_int_eq(sessions_init(&s, &c), 0);
	open_end(0, HOME);
	open_end(1, INSIDE);
	ck_assert_int_eq(sessions_ice(&s, &ice, at_ms(0)), 0);
	set_end(0, HOME, HOME, 0);
	set_end(1, INSIDE, INSIDE, 0);
}

static void
teardown(void)
{
	sessions_clear(&s);
	ports_clear(&ports);
}

/* A packet as it could be seen on its way. */
struct seen {
	uint8_t mem[STUN_MSG_MAX];
	struct buf b;
};

/* A check with this password and a transaction id of its own. */
static void
make_check(struct seen *c, const char *pwd)
{
	static uint32_t number;

	buf_init(&c->b, c->mem, sizeof(c->mem));
	buf_put(&c->b, span_make("\0\1\0\x30\x21\x12\xa4\x42transaction!"
	    "\0\6\0\x0f" UFRAG ":theirs" "\0" "\0\x25\0\0", 44));
	number++;
	memcpy(c->mem + 8, &number, sizeof(number));
	stun_put_integrity(&c->b, span_str(pwd));
}

/* True: it was answered. */
static bool
send_check(uint8_t end, enum port_which which, const char *from,
    const struct seen *c, uint64_t ms)
{
	uint8_t mem[STUN_CHECK_MAX];
	struct addr source = addr_of(from);
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	return sessions_stun(&s, sessions_pair(&s, CALL, end, 0), which,
	    &source, span_make(c->mem, c->b.len), at_ms(ms), &b);
}

static bool
check(uint8_t end, enum port_which which, const char *from, const char *pwd,
    uint64_t ms)
{
	struct seen c;

	make_check(&c, pwd);
	return send_check(end, which, from, &c, ms);
}

static bool
packet(uint8_t end, const char *from, uint32_t ssrc, uint16_t seq, uint64_t ms,
    struct addr *to)
{
	uint8_t rtp[32 + SRTP_TRAILER_MAX] = { 0x80, 0, (uint8_t)(seq >> 8),
		(uint8_t)seq, [11] = (uint8_t)ssrc };
	struct addr source = addr_of(from);
	struct session_hop hop;

	if (!sessions_packet(&s, sessions_pair(&s, CALL, end, 0), PORT_RTP,
		&source, rtp, 32, at_ms(ms), &hop))
		return false;
	*to = hop.to;
	return true;
}

static void
expect_sent_to(const char *name, const char *to, uint64_t ms)
{
	struct addr at;
	static uint16_t seq;

	ck_assert(packet(1, INSIDE, 9, seq++, ms, &at));
	assert_addr(name, &at, to);
}

START_TEST(a_nomination_moves_the_media_at_once_to_any_address)
{
	struct addr to;

	expect_sent_to("as announced", HOME, 1);
	ck_assert(check(0, PORT_RTP, FAR, PWD, 10));
	expect_sent_to("nominated", FAR, 11);
	ck_assert(packet(0, FAR, 1, 1, 20, &to));
	ck_assert(!packet(0, HOME, 1, 2, 21, &to));
	ck_assert(packet(0, FAR, 1, 2, 40, &to));
	ck_assert(packet(0, FAR, 1, 3, 60, &to));
	/* The home's NAT has rebound: no silence is waited for. */
	ck_assert(check(0, PORT_RTP, ELSEWHERE, PWD, 61));
	expect_sent_to("again", ELSEWHERE, 62);
	ck_assert(packet(0, ELSEWHERE, 1, 4, 80, &to));
	ck_assert(!packet(0, FAR, 1, 5, 81, &to));
}
END_TEST

START_TEST(a_wrong_password_gets_no_answer_and_moves_nothing)
{
	ck_assert(!check(0, PORT_RTP, STRANGER, NEW_PWD, 10));
	expect_sent_to("as announced", HOME, 11);
	ck_assert(!check(1, PORT_RTP, INSIDE, PWD, 12)); /* no ICE there */
	ck_assert_uint_eq(s.n_checks, 0);
}
END_TEST

START_TEST(no_check_is_answered_to_an_address_we_never_send_to)
{
	static const char *const bad[] = { "127.0.0.1:9", "10.0.0.2:17000",
		INSIDE, "224.0.0.1:5000" };

	ck_assert(!check(0, PORT_RTP, bad[_i], PWD, 10));
	expect_sent_to("as announced", HOME, 11);
}
END_TEST

START_TEST(nobody_else_is_learnt_once_nominated)
{
	struct addr to;

	ck_assert(check(0, PORT_RTP, HOME, PWD, 10));
	for (uint16_t seq = 1; seq < 6; seq++)
		ck_assert(packet(0, HOME, 1, seq, 10 + 20u * seq, &to));
	ck_assert(!packet(0, STRANGER, 1, 6, 5000, &to));
	ck_assert(!packet(0, ELSEWHERE, 2, 6, 5001, &to));
	set_end(0, HOME, HOME, 5002);
	ck_assert(!packet(0, ELSEWHERE, 2, 7, 5003, &to));
	/* A phone that does not check again, behind a NAT that rebinds. */
	ck_assert(packet(0, ELSEWHERE, 1, 6, 7000, &to));
	ck_assert(packet(0, ELSEWHERE, 1, 7, 7020, &to));
	ck_assert(!packet(0, HOME, 1, 8, 7030, &to));
	expect_sent_to("where it is now", ELSEWHERE, 7040);
}
END_TEST

START_TEST(before_the_phone_was_heard_silence_lets_nobody_in)
{
	struct addr to;

	ck_assert(check(0, PORT_RTP, FAR, PWD, 10));
	ck_assert(!packet(0, HOME, 0, 1, 9000, &to));
	ck_assert(packet(0, FAR, 1, 1, 9001, &to));
}
END_TEST

START_TEST(an_offer_keeps_what_was_nominated)
{
	ck_assert(check(0, PORT_RTP, FAR, PWD, 10));
	set_end(0, ELSEWHERE, HOME, 20);
	expect_sent_to("still", FAR, 21);
	/* It signals from another place: the proof was of the old one. */
	set_end(0, STRANGER, STRANGER, 30);
	expect_sent_to("as announced", STRANGER, 31);
}
END_TEST

START_TEST(a_restart_of_ice_keeps_the_way_until_a_check_nominates)
{
	struct ipc_relay_ice again = credential(0, NEW_PWD);
	struct ipc_relay_ice off = credential(0, "");
	struct addr to;

	ck_assert(check(0, PORT_RTP, FAR, PWD, 10));
	ck_assert_int_eq(sessions_ice(&s, &again, at_ms(20)), 0);
	expect_sent_to("still", FAR, 21);
	ck_assert(!check(0, PORT_RTP, ELSEWHERE, PWD, 30));
	ck_assert(check(0, PORT_RTP, ELSEWHERE, NEW_PWD, 31));
	expect_sent_to("anew", ELSEWHERE, 32);
	ck_assert_int_eq(sessions_ice(&s, &off, at_ms(40)), 0);
	ck_assert(!check(0, PORT_RTP, FAR, NEW_PWD, 41));
	ck_assert(packet(0, HOME, 5, 1, 2000, &to)); /* the rule of before */
}
END_TEST

static bool
next_nominated(uint64_t ms, struct ipc_relay_nominated *out)
{
	struct session_step step;

	sessions_tick(&s);
	while (sessions_next(&s, at_ms(ms), &step))
		if (step.what == SESSION_NOMINATED) {
			*out = step.nominated;
			return true;
		}
	return false;
}

START_TEST(it_is_told_once_and_goes_on_after_a_restart)
{
	struct ipc_relay_ice again = credential(0, PWD);
	struct ipc_relay_nominated told;

	ck_assert(!next_nominated(5, &told));
	ck_assert(check(0, PORT_RTP, FAR, PWD, 10));
	ck_assert(check(0, PORT_RTCP, ELSEWHERE, PWD, 10));
	ck_assert(next_nominated(100, &told));
	assert_addr("rtp", &told.rtp, FAR);
	assert_addr("rtcp", &told.rtcp, ELSEWHERE);
	ck_assert(check(0, PORT_RTP, FAR, PWD, 150));
	ck_assert(!next_nominated(200, &told));
	teardown();
	setup();
	again.rtp = told.rtp;
	again.rtcp = addr_of("127.0.0.1:5"); /* sigproxy may lie */
	ck_assert_int_eq(sessions_ice(&s, &again, at_ms(0)), 0);
	expect_sent_to("as before", FAR, 1);
	ck_assert(!next_nominated(100, &told));
}
END_TEST

START_TEST(a_credential_that_cannot_be_breaks_the_door)
{
	static const struct {
		const char *ufrag, *pwd;
	} bad[] = { { "abc", PWD }, { UFRAG, "tooShort" }, { "", PWD },
		{ UFRAG, "" }, { "Gate:1234", PWD },
		{ UFRAG, "thePasswordOfTheGate 1234" } };
	struct ipc_relay_ice m = credential(0, PWD);

	m.ufrag = span_str(bad[_i].ufrag);
	m.pwd = span_str(bad[_i].pwd);
	ck_assert_int_eq(sessions_ice(&s, &m, at_ms(1)), -EPROTO);
	m = credential(7, PWD);
	ck_assert_int_eq(sessions_ice(&s, &m, at_ms(1)), -ENOENT);
}
END_TEST

static void
on_ended(void *arg, uint32_t pair, const struct ipc_relay_stats *stats)
{
}

/* ---- who replays what the phone sent ---- */

START_TEST(a_check_seen_on_its_way_moves_nothing_from_elsewhere)
{
	struct seen c;

	make_check(&c, PWD);
	ck_assert(send_check(0, PORT_RTP, HOME, &c, 10));
	ck_assert(!send_check(0, PORT_RTP, STRANGER, &c, 11));
	ck_assert(!send_check(0, PORT_RTP, ELSEWHERE, &c, 12));
	/* Nor at the other port, where it was not sent. */
	ck_assert(!send_check(0, PORT_RTCP, STRANGER, &c, 13));
	expect_sent_to("where it was", HOME, 14);
	/* The phone's own, once more: its answer was lost. */
	ck_assert(send_check(0, PORT_RTP, HOME, &c, 15));
	expect_sent_to("where it was", HOME, 16);
}
END_TEST

START_TEST(what_is_seen_twice_from_one_source_nominates_once)
{
	struct seen old;

	make_check(&old, PWD);
	ck_assert(send_check(0, PORT_RTP, HOME, &old, 10));
	ck_assert(check(0, PORT_RTP, FAR, PWD, 20));
	/* Its source is forged: it looks like the phone's first one. */
	ck_assert(send_check(0, PORT_RTP, HOME, &old, 30));
	expect_sent_to("by the newest", FAR, 31);
}
END_TEST

START_TEST(nothing_is_forgotten_in_a_call_of_hours)
{
	struct seen first;
	unsigned refused = 0;

	make_check(&first, PWD);
	ck_assert(send_check(0, PORT_RTP, HOME, &first, 10));
	for (unsigned i = 1; i <= 720; i++)
		refused += !check(0, PORT_RTP, HOME, PWD, 5000 * i);
	ck_assert_msg(refused <= 20, "%u of its own refused", refused);
	ck_assert(!send_check(0, PORT_RTP, STRANGER, &first, 3600001));
	expect_sent_to("where it was", HOME, 3600002);
}
END_TEST

/* A relay that began anew knows no check of before; a new password is one
 * that nothing was signed with yet. */
START_TEST(after_a_restart_only_its_own_addresses_are_chosen)
{
	struct ipc_relay_ice known = credential(0, PWD), anew;
	const struct ipc_relay_open m = { .session = CALL, .end = 0,
		.zone = ZONE_EXTERNAL, .family = ADDR_IPV4, .streams = 1,
		.phone = addr_of(HOME), .n_want = 1, .want = { { 16388 } } };
	struct ipc_relay_say say;

	sessions_close(&s, CALL, 0, at_ms(1), on_ended, NULL);
	sessions_open(&s, &m, at_ms(2), &say);
	ck_assert_int_eq(say.refusal, RELAY_OK);
	known.rtp = addr_of(FAR);
	ck_assert_int_eq(sessions_ice(&s, &known, at_ms(3)), 0);
	set_end(0, HOME, HOME, 3);
	expect_sent_to("as before", FAR, 4);
	ck_assert(!check(0, PORT_RTP, STRANGER, PWD, 5));
	expect_sent_to("as before", FAR, 6);
	ck_assert(check(0, PORT_RTP, ELSEWHERE, PWD, 7));
	expect_sent_to("where it signals from", ELSEWHERE, 8);
	anew = credential(0, NEW_PWD);
	ck_assert_int_eq(sessions_ice(&s, &anew, at_ms(9)), 0);
	ck_assert(check(0, PORT_RTP, STRANGER, NEW_PWD, 10));
	expect_sent_to("by a new password", STRANGER, 11);
}
END_TEST

/* Its RTCP port answers at once, whatever there is to be found out. */
START_TEST(rtcp_is_not_held_back)
{
	uint32_t pair = sessions_pair(&s, CALL, 0, 0);

	ck_assert_int_eq(s.stream[pair].trial, TRIAL_NONE);
	ck_assert(check(0, PORT_RTCP, HOME, PWD, 10));
	/* It came unasked. */
	ck_assert(site.forwarded || site.range == RANGE_OPEN);
}
END_TEST

START_TEST(a_closed_end_keeps_no_secret)
{
	uint32_t pair = sessions_pair(&s, CALL, 0, 0);
	static const struct ice none;

	sessions_close(&s, CALL, RELAY_ALL_ENDS, at_ms(1), on_ended, NULL);
	ck_assert_mem_eq(&s.ice[pair], &none, sizeof(none));
}
END_TEST

void
add_ice_tests(Suite *su)
{
	TCase *tc = tcase_create("ice");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc,
	    a_nomination_moves_the_media_at_once_to_any_address);
	tcase_add_test(tc, a_wrong_password_gets_no_answer_and_moves_nothing);
	tcase_add_loop_test(tc,
	    no_check_is_answered_to_an_address_we_never_send_to, 0, 4);
	tcase_add_test(tc, nobody_else_is_learnt_once_nominated);
	tcase_add_test(tc, before_the_phone_was_heard_silence_lets_nobody_in);
	tcase_add_test(tc, an_offer_keeps_what_was_nominated);
	tcase_add_test(tc,
	    a_restart_of_ice_keeps_the_way_until_a_check_nominates);
	tcase_add_test(tc, it_is_told_once_and_goes_on_after_a_restart);
	tcase_add_loop_test(tc, a_credential_that_cannot_be_breaks_the_door,
	    0, 6);
	tcase_add_test(tc,
	    a_check_seen_on_its_way_moves_nothing_from_elsewhere);
	tcase_add_test(tc, what_is_seen_twice_from_one_source_nominates_once);
	tcase_add_test(tc, nothing_is_forgotten_in_a_call_of_hours);
	tcase_add_test(tc, after_a_restart_only_its_own_addresses_are_chosen);
	tcase_add_test(tc, rtcp_is_not_held_back);
	tcase_add_test(tc, a_closed_end_keeps_no_secret);
	suite_add_tcase(su, tc);
}
