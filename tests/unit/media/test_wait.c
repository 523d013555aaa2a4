/* Answers that wait a moment for STUN: never longer, never lost. */
#include "tests/unit/media/suite.h"

#define N_PAIRS 20

static struct ports ports;
static struct dest dest;
static struct site site;
static struct sessions s;

static void
setup(void)
{
	struct addr ext = addr_of("10.0.0.2:1"), v6 = addr_of("[fd00::2]:1");
	struct sessions_conf c = { .ports = &ports, .dest = &dest,
		.site = &site, .latching = LATCH_STRICT, .ssrc = 1 };

	ck_assert_int_eq(ports_init(&ports, N_PAIRS + 4), 0);
	ports_add(&ports, ZONE_EXTERNAL, &ext, 16384, N_PAIRS, true);
	ports_add(&ports, ZONE_EXTERNAL, &v6, 16384, 4, false);
	dest_init(&dest);
	site = (struct site){ .how = SITE_STUN, .answers = true,
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
map(uint32_t i, uint16_t port, uint64_t ms)
{
	struct port_pair *p = &ports.pair[i];

	for (int half = 0; half < 2; half++) {
		p->mapped[half] = addr_of("203.0.113.1:1");
		p->mapped[half].port = (uint16_t)(port + half);
		p->mapped_at[half] = at_ms(ms);
	}
}

static bool
ask(uint64_t session, uint64_t ms, struct ipc_relay_say *say)
{
	const struct ipc_relay_open m = { .id = (uint32_t)session,
		.session = session, .zone = ZONE_EXTERNAL,
		.family = ADDR_IPV4, .streams = 1,
		.phone = addr_of("198.51.100.7:5060") };

	return sessions_open(&s, &m, at_ms(ms), say);
}

/* Of a port that a relay before us had told of nothing is made up: stunmon may
 * not have told us the public address yet, and ours is no phone's business. */
START_TEST(what_is_claimed_before_the_address_is_known_is_not_said)
{
	const struct ipc_relay_open m = { .id = 1, .session = 1,
		.zone = ZONE_EXTERNAL, .family = ADDR_IPV4, .streams = 1,
		.n_want = 1, .want = { { 16384 } },
		.phone = addr_of("198.51.100.7:5060") };
	struct ipc_relay_say say;

	site.public_ip = (struct addr){ 0 };
	ck_assert(sessions_open(&s, &m, at_ms(0), &say));
	ck_assert_uint_eq(say.refusal, RELAY_OK);
	ck_assert_uint_eq(say.n_ports, 0);
	site.public_ip = addr_of("203.0.113.1:1");
	ck_assert(sessions_open(&s, &m, at_ms(100), &say));
	assert_addr("later", &say.ports[0].said_rtp, "203.0.113.1:16384");
}
END_TEST

static void
no_end(void *arg, uint32_t pair, const struct ipc_relay_stats *stats)
{
}

START_TEST(a_spare_with_a_fresh_mapping_is_said_at_once)
{
	struct ipc_relay_say say;

	ports_keep_spares(&ports, at_ms(0));
	for (unsigned i = 0; i < PORT_SPARES; i++)
		map(ports.spare[i], (uint16_t)(40000 + 2 * i), 0);
	for (uint64_t id = 1; id <= PORT_SPARES; id++) {
		ck_assert(ask(id, 1000, &say));
		ck_assert_uint_eq(say.ports[0].said_rtp.port,
		    40000 + 2 * (id - 1));
	}
	ck_assert(!ask(9, 1000, &say));
	ck_assert_uint_eq(sessions_answer_due(&s).us,
	    at_ms(1000 + SESSION_STUN_MS).us);
}
END_TEST

START_TEST(a_mapping_in_time_is_said_and_a_late_one_is_not_awaited)
{
	struct ipc_relay_say say;

	ck_assert(!ask(1, 0, &say));
	ck_assert(!ask(2, 10, &say));
	ck_assert(!sessions_answer(&s, at_ms(20), &say));
	map(1, 41000, 20);
	ck_assert(sessions_answer(&s, at_ms(20), &say));
	ck_assert_uint_eq(say.id, 2);
	assert_addr("mapped", &say.ports[0].said_rtp, "203.0.113.1:41000");
	ck_assert(!sessions_answer(&s, at_ms(SESSION_STUN_MS - 1), &say));
	ck_assert(sessions_answer(&s, at_ms(SESSION_STUN_MS), &say));
	ck_assert_uint_eq(say.id, 1);
	ck_assert_uint_eq(say.refusal, RELAY_OK);
	assert_addr("derived", &say.ports[0].said_rtp, "203.0.113.1:16384");
	ck_assert(!sessions_answer(&s, at_ms(1000), &say));
	ck_assert(sessions_answer_due(&s).us == MONO_NEVER.us);
	ck_assert_uint_eq(s.n_waited, 2);
	ck_assert_uint_eq(s.n_late, 1);
}
END_TEST

START_TEST(after_waiting_in_vain_the_next_calls_do_not)
{
	struct ipc_relay_say say;

	ck_assert(!ask(1, 0, &say));
	ck_assert(sessions_answer(&s, at_ms(SESSION_STUN_MS), &say));
	ck_assert(ask(2, SESSION_STUN_MS + SESSION_VAIN_MS - 1, &say));
	ck_assert(!ask(3, SESSION_STUN_MS + SESSION_VAIN_MS, &say));
}
END_TEST

START_TEST(what_waits_is_asked_for_first_and_only_once)
{
	struct ipc_relay_say say;
	struct ipc_map_want want;

	ports_keep_spares(&ports, at_ms(0));
	ck_assert(!ask(1, 0, &say));
	sessions_wanted(&s, &want);
	ck_assert_uint_eq(want.n_sockets, 2 * PORT_SPARES + 2);
	ck_assert_uint_eq(want.sockets[0].number,
	    16384 + 2 * PORT_SPARES);
}
END_TEST

static const struct {
	const char *name;
	enum site_how how;
	enum site_mode mode;
	bool answers;
	uint64_t mapped_ms;	/* the last mapping; 0: none */
	const char *want;
} dead[] = {
	{ "no server answers: the derived address", SITE_STUN, SITE_AUTO,
	    false, 0, "203.0.113.1:16384" },
	{ "no server answers: the last known mapping", SITE_STUN, SITE_PUNCH,
	    false, 1, "203.0.113.1:45000" },
	{ "forwarded needs none", SITE_STUN, SITE_FORWARDED, true, 1,
	    "203.0.113.1:16384" },
	{ "a fixed address needs none", SITE_NAMED, SITE_AUTO, true, 0,
	    "203.0.113.1:16384" },
};

START_TEST(nobody_waits_for_what_will_not_come)
{
	struct ipc_relay_say say;

	site.how = dead[_i].how;
	site.mode = dead[_i].mode;
	site.answers = dead[_i].answers;
	if (dead[_i].mapped_ms > 0)
		map(0, 45000, dead[_i].mapped_ms);
	ck_assert_msg(ask(1, 120000, &say), "%s", dead[_i].name);
	assert_addr(dead[_i].name, &say.ports[0].said_rtp, dead[_i].want);
}
END_TEST

START_TEST(a_spare_whose_mapping_was_known_goes_before_an_unknown_port)
{
	struct ipc_relay_say say;

	site.answers = false;
	ports_keep_spares(&ports, at_ms(0));
	map(ports.spare[3], 46000, 1);
	ck_assert(ask(1, 120000, &say));
	assert_addr("spare", &say.ports[0].said_rtp, "203.0.113.1:46000");
	ports_forget_mappings(&ports);
	map(ports.spare[0], 46002, 1);
	site.public_ip = addr_of("203.0.113.77:1");
	ck_assert(ask(2, 120000, &say));
	ck_assert_msg(say.ports[0].said_rtp.port != 46002,
	    "a mapping of an address that is not ours any more");
}
END_TEST

START_TEST(an_ipv6_port_has_no_mapping_to_wait_for)
{
	const struct ipc_relay_open m = { .id = 1, .session = 1,
		.zone = ZONE_EXTERNAL, .family = ADDR_IPV6, .streams = 1,
		.phone = addr_of("[2001:db8::7]:5060") };
	struct ipc_relay_say say;

	ck_assert(sessions_open(&s, &m, at_ms(0), &say));
}
END_TEST

START_TEST(who_hangs_up_or_asks_again_waits_no_more)
{
	struct ipc_relay_say say;

	ck_assert(!ask(1, 0, &say));
	sessions_close(&s, 1, RELAY_ALL_ENDS, at_ms(5), no_end, NULL);
	ck_assert(!sessions_answer(&s, at_ms(1000), &say));
	ck_assert(!ask(2, 2000, &say));
	ck_assert(!ask(2, 2030, &say));
	ck_assert_uint_eq(s.n_waits, 1);
	ck_assert(!sessions_answer(&s, at_ms(2060), &say));
	ck_assert(sessions_answer(&s, at_ms(2090), &say));
	ck_assert(!sessions_answer(&s, at_ms(3000), &say));
}
END_TEST

START_TEST(when_too_many_wait_the_next_one_does_not)
{
	struct ipc_relay_say say;

	s.n_waits = SESSION_WAITS_MAX;
	ck_assert(ask(1, 0, &say));
	ck_assert_uint_eq(s.n_waits, SESSION_WAITS_MAX);
}
END_TEST

START_TEST(an_address_lost_meanwhile_is_a_clean_refusal)
{
	struct ipc_relay_say say;

	ck_assert(!ask(1, 0, &say));
	site.public_ip = (struct addr){ 0 };
	ck_assert(sessions_answer(&s, at_ms(60), &say));
	ck_assert_uint_eq(say.refusal, RELAY_NO_ADDRESS);
	ck_assert_uint_eq(say.n_ports, 0);
}
END_TEST

void
add_wait_tests(Suite *suite)
{
	TCase *tc = tcase_create("wait");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_spare_with_a_fresh_mapping_is_said_at_once);
	tcase_add_test(tc,
	    what_is_claimed_before_the_address_is_known_is_not_said);
	tcase_add_test(tc,
	    a_mapping_in_time_is_said_and_a_late_one_is_not_awaited);
	tcase_add_test(tc, after_waiting_in_vain_the_next_calls_do_not);
	tcase_add_test(tc, what_waits_is_asked_for_first_and_only_once);
	tcase_add_loop_test(tc, nobody_waits_for_what_will_not_come, 0,
	    sizeof(dead) / sizeof(dead[0]));
	tcase_add_test(tc,
	    a_spare_whose_mapping_was_known_goes_before_an_unknown_port);
	tcase_add_test(tc, an_ipv6_port_has_no_mapping_to_wait_for);
	tcase_add_test(tc, who_hangs_up_or_asks_again_waits_no_more);
	tcase_add_test(tc, when_too_many_wait_the_next_one_does_not);
	tcase_add_test(tc, an_address_lost_meanwhile_is_a_clean_refusal);
	suite_add_tcase(suite, tc);
}
