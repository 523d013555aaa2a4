/* SRTP in sessions: what has no key is nobody; keys come and go. */
#include <errno.h>

#include "tests/unit/media/suite.h"

#define HOME "198.51.100.7:40000"
#define OFFICE "10.0.0.50:30000"
#define NEIGHBOUR "198.51.100.7:50000"
#define CALL 42
#define LEN 60

static struct ports ports;
static struct dest dest;
static struct site site;
static struct sessions s;
static uint32_t own_ssrc = 0xabcdef01;	/* another relay has another */
static struct srtp phone_out, phone_in;	/* the home phone's own */
static uint8_t key_a[30] = { 1 }, key_b[30] = { 2 };

static void
make(struct sessions *to)
{
	struct sessions_conf c = { .ports = &ports, .dest = &dest,
		.site = &site, .latching = LATCH_STRICT, .ssrc = own_ssrc };

	ck_assert_int_eq(sessions_init(to, &c), 0);
}

static void
setup(void)
{
	struct addr ext = addr_of("10.0.0.2:1");
	struct addr_prefix lan;

	ck_assert_int_eq(ports_init(&ports, 24), 0);
	ports_add(&ports, ZONE_EXTERNAL, &ext, 16384, 20, false);
	ports_add(&ports, ZONE_INTERNAL, &ext, 17000, 4, false);
	dest_init(&dest);
	dest_add_own(&dest, &ext);
	addr_prefix_parse(SPAN_LIT("10.0.0.0/8"), &lan);
	dest_add_lan(&dest, &lan);
	site = (struct site){ .how = SITE_OWN, .range = RANGE_CLOSED,
		.range_at = at_ms(0) };
	make(&s);
}

static void
teardown(void)
{
	sessions_clear(&s);
	ports_clear(&ports);
}

/* Tests may share a process: the phone's own state is new in each. */
static void
setup_all(void)
{
	setup();
	srtp_wipe(&phone_out);
	srtp_wipe(&phone_in);
}

static void
open_and_set(uint8_t end, const char *phone)
{
	const struct ipc_relay_open open = { .session = CALL, .end = end,
		.zone = end == 0 ? ZONE_EXTERNAL : ZONE_INTERNAL,
		.family = ADDR_IPV4, .streams = 1, .phone = addr_of(phone) };
	const struct ipc_relay_set set = { .session = CALL, .end = end,
		.to_end = !end, .rtp = addr_of(phone),
		.phone = addr_of(phone) };
	struct ipc_relay_say say;

	sessions_open(&s, &open, at_ms(0), &say);
	ck_assert_int_eq(sessions_set(&s, &set, at_ms(0)), 0);
}

static struct ipc_relay_key
keys(const uint8_t *in, const uint8_t *out)
{
	return (struct ipc_relay_key){ .session = CALL,
		.suite_in = SRTP_AES_CM_128_80, .key_in = span_make(in, 30),
		.suite_out = SRTP_AES_CM_128_80,
		.key_out = span_make(out, 30) };
}

static void
phone_keys(const uint8_t *out, const uint8_t *in)
{
	struct srtp_key k = { .suite = SRTP_AES_CM_128_80 };

	k.bytes = span_make(out, 30);
	srtp_set_key(&phone_out, s.engine, &k);
	k.bytes = span_make(in, 30);
	srtp_set_key(&phone_in, s.engine, &k);
}

/* A secure phone at home (end 0), a plain one in the office (end 1). */
static void
talk(void)
{
	struct ipc_relay_key k = keys(key_a, key_b);

	open_and_set(0, HOME);
	open_and_set(1, OFFICE);
	ck_assert_int_eq(sessions_key(&s, &k), 0);
	phone_keys(key_a, key_b);
}

static size_t
rtp(uint8_t *p, uint16_t seq, uint8_t ssrc)
{
	memset(p, 5, LEN);
	memset(p, 0, 12);
	p[0] = 0x80;
	p[2] = (uint8_t)(seq >> 8);
	p[3] = (uint8_t)seq;
	p[11] = ssrc;
	return LEN;
}

static bool
into(uint8_t end, const char *from, uint8_t *p, size_t len, uint64_t ms,
    struct session_hop *hop)
{
	struct addr source = addr_of(from);

	return sessions_packet(&s, sessions_pair(&s, CALL, end, 0), PORT_RTP,
	    &source, p, len, at_ms(ms), hop);
}

static bool
from_home(uint16_t seq, uint64_t ms)
{
	uint8_t p[256];
	struct session_hop hop;
	size_t len = rtp(p, seq, 1);

	ck_assert_int_eq(srtp_seal(&phone_out, s.engine, false, p, &len,
		sizeof(p)), 0);
	if (!into(0, HOME, p, len, ms, &hop))
		return false;
	ck_assert_uint_eq(hop.len, LEN);
	ck_assert_uint_eq(p[12], 5);
	assert_addr("to the office", &hop.to, OFFICE);
	return true;
}

static bool
from_office(uint16_t seq, uint64_t ms)
{
	uint8_t p[256];
	struct session_hop hop;
	struct srtp_mark mark;
	size_t len = rtp(p, seq, 2);

	if (!into(1, OFFICE, p, len, ms, &hop))
		return false;
	ck_assert_uint_eq(hop.len, LEN + 10);
	ck_assert_mem_ne(p + 12, "\5\5\5\5\5\5\5\5", 8);
	if (srtp_open(&phone_in, s.engine, false, p, &hop.len, &mark) != 0)
		return false;
	srtp_accept(&phone_in, &mark);
	return p[12] == 5;
}

START_TEST(rtp_and_srtp_understand_each_other)
{
	talk();
	for (uint16_t seq = 1; seq < 9; seq++) {
		ck_assert(from_home(seq, seq * 20));
		ck_assert(from_office(seq, seq * 20));
	}
}
END_TEST

START_TEST(what_has_no_key_neither_passes_nor_latches_nor_is_heard)
{
	uint32_t pair;
	struct stream before;
	struct secure secure;
	struct session_hop hop;
	uint8_t p[256];

	talk();
	pair = sessions_pair(&s, CALL, 0, 0);
	before = s.stream[pair];
	secure = s.secure[pair];
	for (uint16_t seq = 0; seq < 2000; seq++) {
		ck_assert(!into(0, seq % 2 ? HOME : NEIGHBOUR, p,
		    rtp(p, seq, 1), 10, &hop));
	}
	ck_assert_uint_eq(s.secure[pair].n_bad, 2000);
	secure.n_bad = 2000;
	ck_assert_mem_eq(&s.secure[pair], &secure, sizeof(secure));
	ck_assert_mem_eq(&s.stream[pair], &before, sizeof(before));
	ck_assert(from_home(1, 20));
}
END_TEST

START_TEST(a_right_tag_from_elsewhere_moves_no_counter)
{
	uint8_t p[256], copy[256];
	struct session_hop hop;
	size_t len = rtp(p, 9, 1);

	talk();
	ck_assert(from_home(8, 10));
	ck_assert_int_eq(srtp_seal(&phone_out, s.engine, false, p, &len,
		sizeof(p)), 0);
	memcpy(copy, p, len);
	ck_assert(!into(0, "203.0.113.66:40000", p, len, 20, &hop));
	/* So the phone's own is still the first. */
	ck_assert(into(0, HOME, copy, len, 20, &hop));
}
END_TEST

START_TEST(the_same_keys_go_on_other_ones_begin_anew)
{
	struct ipc_relay_key k = keys(key_a, key_b);

	talk();
	for (unsigned i = 0; i < 20; i++)
		ck_assert(from_home((uint16_t)(65530 + i), i));
	ck_assert_int_eq(sessions_key(&s, &k), 0);
	ck_assert(from_home(20, 100));
	k = keys(key_b, key_a);
	ck_assert_int_eq(sessions_key(&s, &k), 0);
	ck_assert(!from_home(21, 120));
	phone_keys(key_b, key_a);
	ck_assert(from_home(1, 140));
	ck_assert(from_office(1, 140));
}
END_TEST

static void
on_ended(void *arg, uint32_t pair, const struct ipc_relay_stats *stats)
{
}

START_TEST(keys_are_gone_when_their_end_is)
{
	static const struct secure nothing;
	uint32_t pair;

	talk();
	pair = sessions_pair(&s, CALL, 0, 0);
	ck_assert(from_home(1, 10));
	sessions_close(&s, CALL, RELAY_ALL_ENDS, at_ms(20), on_ended, NULL);
	ck_assert_mem_eq(&s.secure[pair], &nothing, sizeof(nothing));
}
END_TEST

static bool
next(enum session_do what, uint64_t ms, struct session_step *step)
{
	sessions_tick(&s);
	while (sessions_next(&s, at_ms(ms), step)) {
		if (step->what == what)
			return true;
	}
	return false;
}

START_TEST(a_keepalive_to_a_phone_with_a_key_is_sealed)
{
	struct session_step step;
	struct srtp_mark mark;

	talk();
	ck_assert(next(SESSION_KEEPALIVE, 0, &step));
	ck_assert_uint_eq(step.hop.len, RTP_HEADER_LEN + 10);
	ck_assert_int_eq(srtp_open(&phone_in, s.engine, false, step.bytes,
		&step.hop.len, &mark), 0);
}
END_TEST

START_TEST(the_next_relay_goes_on_where_this_one_was)
{
	struct ipc_relay_key k = keys(key_a, key_b);
	struct session_step step;

	talk();
	for (unsigned i = 0; i < 600; i++) {
		ck_assert(from_home((uint16_t)(65000 + i), i));
		ck_assert(from_office((uint16_t)(65100 + i), i));
	}
	ck_assert(next(SESSION_ROC, 700, &step));
	ck_assert_uint_eq(step.roc.end, 0);
	teardown();
	setup();
	open_and_set(0, HOME);
	open_and_set(1, OFFICE);
	k.n_rocs = step.roc.n_rocs;
	memcpy(k.rocs, step.roc.rocs, sizeof(k.rocs));
	ck_assert_int_eq(sessions_key(&s, &k), 0);
	for (unsigned i = 600; i < 1000; i++) {
		ck_assert(from_home((uint16_t)(65000 + i), i));
		ck_assert(from_office((uint16_t)(65100 + i), i));
	}
}
END_TEST

static struct ipc_relay_roc told;

/* Take what it tells, if anything. */
static void
listen_to(uint64_t ms)
{
	struct session_step step;

	while (next(SESSION_ROC, ms, &step))
		told = step.roc;
}

/* Another relay, which knows what was told and where the phone was. */
static void
die(uint64_t ms)
{
	struct ipc_relay_key k = keys(key_a, key_b);
	struct ipc_relay_set set = { .session = CALL, .to_end = 1,
		.rtp = addr_of(HOME), .phone = addr_of(HOME),
		.learnt = addr_of(HOME) };

	teardown();
	own_ssrc++;
	setup();
	open_and_set(0, HOME);
	open_and_set(1, OFFICE);
	k.n_rocs = told.n_rocs;
	memcpy(k.rocs, told.rocs, sizeof(k.rocs));
	ck_assert_int_eq(sessions_key(&s, &k), 0);
	ck_assert_int_eq(sessions_set(&s, &set, at_ms(ms)), 0);
}

START_TEST(many_relays_in_a_row_lose_no_counter)
{
	uint32_t seq = 65500;

	talk();
	ck_assert(from_home((uint16_t)seq, 0));
	ck_assert(from_office((uint16_t)seq, 0));
	for (unsigned lives = 0; lives < 12; lives++) {
		for (unsigned i = 0; i < 30; i++) {
			seq++;
			ck_assert_msg(from_home((uint16_t)seq, seq),
			    "deaf in life %u", lives);
			ck_assert_msg(from_office((uint16_t)seq, seq),
			    "mute in life %u", lives);
		}
		listen_to(seq);
		die(seq);
		listen_to(seq);
	}
}
END_TEST

static uint8_t heard[400][256];
static size_t heard_len[400];

/* The phone sends the next n packets, from number `first`. */
static void
say(unsigned first, unsigned n, uint64_t ms)
{
	struct session_hop hop;

	for (unsigned i = first; i < first + n; i++) {
		uint8_t p[256];

		heard_len[i] = rtp(heard[i], (uint16_t)i, 1);
		ck_assert_int_eq(srtp_seal(&phone_out, s.engine, false,
			heard[i], &heard_len[i], sizeof(heard[i])), 0);
		memcpy(p, heard[i], sizeof(p));
		ck_assert(into(0, HOME, p, heard_len[i], ms, &hop));
	}
}

/* How many of the first n are taken once more. */
static unsigned
replay(const char *from, unsigned n, uint64_t ms)
{
	struct session_hop hop;
	unsigned taken = 0;

	for (unsigned i = 0; i < n; i++) {
		uint8_t p[256];

		memcpy(p, heard[i], sizeof(p));
		taken += into(0, from, p, heard_len[i], ms, &hop);
	}
	return taken;
}

START_TEST(nothing_heard_before_a_restart_is_heard_again)
{
	talk();
	listen_to(0);
	say(0, 100, 10);
	listen_to(20);
	/* So few are told when a second is over. */
	say(100, 30, 500);
	listen_to(1100);
	die(1200);
	ck_assert_uint_eq(replay(HOME, 130, 1300), 0);
	ck_assert_uint_eq(replay(NEIGHBOUR, 130, 9000), 0);
	say(130, 50, 9100);
	ck_assert_uint_eq(replay(HOME, 180, 9200), 0);
}
END_TEST

START_TEST(what_was_not_told_is_heard_again_by_nobody_else)
{
	talk();
	say(0, 100, 10);
	listen_to(20);
	say(100, 50, 500);
	listen_to(600);
	die(700);
	ck_assert_uint_eq(replay(NEIGHBOUR, 150, 9000), 0);
	/* The first one of the phone's own closes it. */
	say(150, 1, 9100);
	ck_assert_uint_eq(replay(HOME, 151, 9200), 0);
}
END_TEST

START_TEST(many_packets_are_told_before_a_second_is_over)
{
	talk();
	say(0, 10, 10);
	listen_to(20);
	say(10, SRTP_LEAP / 2, 30);
	listen_to(40);
	die(50);
	ck_assert_uint_eq(replay(HOME, 10 + SRTP_LEAP / 2, 60), 0);
}
END_TEST

START_TEST(a_phone_that_moved_meanwhile_is_heard_once_its_count_is_new)
{
	struct session_hop hop;
	uint8_t p[256];

	talk();
	say(0, 10, 10);
	listen_to(20);
	die(50);
	for (unsigned i = 10; i < 20 + SRTP_LEAP; i++) {
		size_t len = rtp(p, (uint16_t)i, 1);

		ck_assert_int_eq(srtp_seal(&phone_out, s.engine, false, p,
			&len, sizeof(p)), 0);
		ck_assert_uint_eq(into(0, NEIGHBOUR, p, len, 2000 + 20 * i,
			&hop), i > 9 + SRTP_LEAP);
	}
}
END_TEST

START_TEST(who_tells_keys_again_is_told_again)
{
	struct ipc_relay_key k = keys(key_a, key_b);
	struct session_step step;

	talk();
	say(0, 10, 10);
	ck_assert(next(SESSION_ROC, 20, &step));
	ck_assert(!next(SESSION_ROC, 2000, &step));
	ck_assert_int_eq(sessions_key(&s, &k), 0);
	ck_assert(next(SESSION_ROC, 2020, &step));
	ck_assert_uint_eq(step.roc.rocs[0].index, 9);
}
END_TEST

START_TEST(wrong_tags_alone_are_told_once)
{
	struct session_step step;
	struct session_hop hop;
	uint8_t p[256];

	talk();
	for (uint16_t i = 0; i < SECURE_BAD_TOLD; i++)
		into(0, HOME, p, rtp(p, i, 1), 10, &hop);
	ck_assert(next(SESSION_ROC, 20, &step));
	ck_assert_uint_eq(step.roc.bad, SECURE_BAD_TOLD);
	ck_assert_uint_eq(step.roc.n_rocs, 0);
	/* Later ones are about what was sent. */
	while (next(SESSION_ROC, 20, &step))
		ck_assert_uint_gt(step.roc.n_rocs, 0);
}
END_TEST

START_TEST(keys_that_do_not_fit_leave_nothing_open)
{
	struct ipc_relay_key k = keys(key_a, key_b);
	struct session_hop hop;
	uint8_t p[256];

	talk();
	k.key_in.len = 29;
	ck_assert_int_eq(sessions_key(&s, &k), -EPROTO);
	ck_assert(!into(0, HOME, p, rtp(p, 1, 1), 10, &hop));
	ck_assert(!into(1, OFFICE, p, rtp(p, 1, 1), 10, &hop));
	k = keys(key_a, key_b);
	k.suite_out = SRTP_NONE;
	k.key_out.len = 0;
	ck_assert_int_eq(sessions_key(&s, &k), -EPROTO);
	k.session = 7;
	ck_assert_int_eq(sessions_key(&s, &k), -ENOENT);
}
END_TEST

void
add_secure_tests(Suite *suite)
{
	TCase *t = tcase_create("secure sessions");

	tcase_add_checked_fixture(t, setup_all, teardown);
	tcase_add_test(t, rtp_and_srtp_understand_each_other);
	tcase_add_test(t,
	    what_has_no_key_neither_passes_nor_latches_nor_is_heard);
	tcase_add_test(t, a_right_tag_from_elsewhere_moves_no_counter);
	tcase_add_test(t, the_same_keys_go_on_other_ones_begin_anew);
	tcase_add_test(t, keys_are_gone_when_their_end_is);
	tcase_add_test(t, a_keepalive_to_a_phone_with_a_key_is_sealed);
	tcase_add_test(t, the_next_relay_goes_on_where_this_one_was);
	tcase_add_test(t, many_relays_in_a_row_lose_no_counter);
	tcase_add_test(t, nothing_heard_before_a_restart_is_heard_again);
	tcase_add_test(t, what_was_not_told_is_heard_again_by_nobody_else);
	tcase_add_test(t, many_packets_are_told_before_a_second_is_over);
	tcase_add_test(t, a_phone_that_moved_meanwhile_is_heard_once_its_count_is_new);
	tcase_add_test(t, who_tells_keys_again_is_told_again);
	tcase_add_test(t, wrong_tags_alone_are_told_once);
	tcase_add_test(t, keys_that_do_not_fit_leave_nothing_open);
	suite_add_tcase(suite, t);
}
