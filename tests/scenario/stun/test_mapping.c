/* What stunmon believes, hears of and tells, over minutes and hours. */
#include <stdlib.h>

#include "tests/scenario/stun/world.h"

#define NAT "198.51.100.1:40000"
#define NEW_NAT "192.0.2.77:40000"
#define SECOND 1000u
#define MINUTE (60u * SECOND)
#define HOUR (60u * MINUTE)

START_TEST(the_address_is_known_after_two_answers)
{
	world_begin(2);
	world_run(2 * RTT_MS);
	assert_told(&w.sip, PUBLIC_KNOWN, NAT);
	assert_told(&w.site, PUBLIC_KNOWN, "198.51.100.1");
	ck_assert_uint_eq(w.asked[0], 1);
	ck_assert_uint_eq(w.asked[1], 1);
}
END_TEST

START_TEST(with_one_server_it_must_say_it_twice)
{
	world_begin(1);
	world_run(RTT_MS);
	ck_assert(!w.sip.heard);
	world_run(RTT_MS);
	assert_told(&w.sip, PUBLIC_KNOWN, NAT);
}
END_TEST

START_TEST(an_hour_is_240_checks_about_15_s_apart)
{
	world_begin(2);
	world_run(HOUR);
	ck_assert_uint_ge(w.asked[0], 225);
	ck_assert_uint_le(w.asked[0], 260);
	ck_assert_uint_ge(w.shortest_ms, 13500);
	ck_assert_uint_le(w.longest_ms, 16500);
	/* Confirmed ones need no second server and are no news; the second
	 * one is asked at start and every five minutes. */
	ck_assert_uint_ge(w.asked[1], 11);
	ck_assert_uint_le(w.asked[1], 13);
	ck_assert_uint_eq(w.sip.times, 1);
	ck_assert_uint_eq(w.site.times, 1);
}
END_TEST

START_TEST(a_trunk_s_server_is_asked_first)
{
	world_begin(3);
	mapping_prefer(w.maps, 2);
	world_run(HOUR);
	ck_assert_uint_ge(w.asked[2], 225);
	ck_assert_uint_le(w.asked[0], 14);
	assert_told(&w.sip, PUBLIC_KNOWN, NAT);
	/* It dies: the others are there, in their order. */
	w.server[2] = DEAD;
	w.asked[0] = w.asked[1] = 0;
	world_run(10 * MINUTE);
	ck_assert_uint_ge(w.asked[0], 25);
	ck_assert_uint_lt(w.asked[1], w.asked[0]);
	/* None has one any more. */
	w.server[2] = HONEST;
	mapping_prefer(w.maps, 0);
	w.asked[0] = w.asked[2] = 0;
	world_run(HOUR);
	ck_assert_uint_ge(w.asked[0], 225);
	ck_assert_uint_le(w.asked[2], 14);
}
END_TEST

START_TEST(a_dead_server_is_passed_over_within_four_seconds)
{
	world_begin(3);
	w.server[0] = DEAD;
	world_run(4 * SECOND);
	assert_told(&w.sip, PUBLIC_KNOWN, NAT);
	/* Then it is not waited for again each time. */
	world_run(30 * SECOND);
	ck_assert_uint_le(w.asked[0], 4);
}
END_TEST

START_TEST(a_server_that_dies_later_costs_nothing)
{
	world_begin(2);
	world_run(MINUTE);
	w.server[0] = DEAD;
	world_run(10 * MINUTE);
	assert_told(&w.sip, PUBLIC_KNOWN, NAT);
	ck_assert_uint_eq(w.sip.times, 1);
	w.server[0] = HONEST;
	world_run(2 * MINUTE);
	ck_assert_uint_le(w.now_ms - w.asked_at[0], 17 * SECOND);
}
END_TEST

START_TEST(when_all_are_silent_the_last_good_address_stays_as_old)
{
	world_begin(2);
	world_run(MINUTE);
	w.server[0] = w.server[1] = DEAD;
	world_run(20 * SECOND);
	ck_assert_int_eq(w.sip.state, PUBLIC_KNOWN);
	world_run(40 * SECOND);
	assert_told(&w.sip, PUBLIC_OLD, NAT);
	assert_told(&w.site, PUBLIC_OLD, "198.51.100.1");
	world_run(10 * MINUTE);
	assert_told(&w.sip, PUBLIC_OLD, NAT);
	w.server[1] = HONEST;
	world_run(25 * SECOND);
	assert_told(&w.sip, PUBLIC_KNOWN, NAT);
	assert_told(&w.site, PUBLIC_KNOWN, "198.51.100.1");
}
END_TEST

START_TEST(a_new_address_is_believed_within_two_periods)
{
	for (unsigned phase = 0; phase < 15; phase++) {
		world_begin(2);
		world_run(MINUTE + phase * SECOND);
		w.nat = "192.0.2.77";
		world_run(30 * SECOND);
		assert_told(&w.sip, PUBLIC_KNOWN, NEW_NAT);
		assert_told(&w.site, PUBLIC_KNOWN, "192.0.2.77");
		ck_assert_uint_eq(w.sip.times, 2);
		world_end();
	}
	world_begin(1);
}
END_TEST

/* MAP_LOOK for the SIP socket every 100 ms, for so long. */
static void
doubt_for(uint64_t ms)
{
	for (; ms > 0; ms -= 100) {
		mapping_look(w.maps, MAPPING_SIP, SIP_SOCKET, world_now());
		world_run(100);
	}
}

START_TEST(who_doubts_is_answered_at_once_or_four_seconds_after_a_look)
{
	uint64_t left_ms;

	for (unsigned phase = 0; phase < 15; phase++) {
		world_begin(2);
		world_run(MINUTE + phase * SECOND);
		left_ms = w.now_ms - w.asked_at[0];
		left_ms = left_ms < MAPPING_LOOK_MS ?
		    MAPPING_LOOK_MS - left_ms : 0;
		w.nat = "192.0.2.77";
		mapping_look(w.maps, MAPPING_SIP, SIP_SOCKET, world_now());
		world_run(left_ms + 2 * RTT_MS);
		assert_told(&w.sip, PUBLIC_KNOWN, NEW_NAT);
		world_end();
	}
	world_begin(1);
}
END_TEST

START_TEST(an_hour_of_doubts_is_a_check_each_four_seconds)
{
	world_begin(2);
	world_run(MINUTE);
	w.asked[0] = 0;
	doubt_for(HOUR);
	ck_assert_uint_ge(w.shortest_ms, MAPPING_LOOK_MS);
	ck_assert_uint_le(w.asked[0], HOUR / MAPPING_LOOK_MS);
	ck_assert_uint_ge(w.asked[0], HOUR / MAPPING_LOOK_MS - 50);
	ck_assert_uint_eq(w.sip.times, 1);
	/* Then as before. */
	w.shortest_ms = UINT64_MAX;
	w.asked[0] = 0;
	world_run(HOUR);
	ck_assert_uint_le(w.asked[0], 260);
}
END_TEST

/* No round is cut short before its first server was found silent. */
START_TEST(doubts_do_not_keep_us_at_dead_servers)
{
	world_begin(4);
	world_run(MINUTE);
	w.server[0] = w.server[1] = DEAD;
	w.nat = "192.0.2.77";
	doubt_for(3 * MAPPING_LOOK_MS);
	assert_told(&w.sip, PUBLIC_KNOWN, NEW_NAT);
	ck_assert_int_eq(mapping_server_state(w.maps, 0, world_now()),
	    SERVER_SILENT);
}
END_TEST

/* The router dials in: for a while nothing gets through, and the only server
 * counts as silent. */
START_TEST(after_an_outage_one_server_tells_at_once)
{
	world_begin(1);
	world_run(MINUTE);
	w.sip_deaf = true;
	world_run(20 * SECOND);
	ck_assert_int_eq(mapping_server_state(w.maps, 0, world_now()),
	    SERVER_SILENT);
	while (mono_ms_between(w.maps->map[0].round_at, world_now()) <
	    MAPPING_LOOK_MS)
		world_run(100);
	w.nat = "192.0.2.77";
	w.sip_deaf = false;
	mapping_look(w.maps, MAPPING_SIP, SIP_SOCKET, world_now());
	world_run(2 * RTT_MS);
	assert_told(&w.sip, PUBLIC_KNOWN, NEW_NAT);
}
END_TEST

START_TEST(a_doubt_about_what_is_not_asked_for_is_none)
{
	world_begin(2);
	mapping_owner_up(w.maps, 1);
	world_want(1, 16384, 1);
	world_run(MINUTE);
	mapping_look(w.maps, MAPPING_SIP, 16384, world_now());
	mapping_look(w.maps, MAPPING_SIP, MAPPING_SITE, world_now());
	mapping_owner_gone(w.maps, MAPPING_SIP);
	mapping_look(w.maps, MAPPING_SIP, SIP_SOCKET, world_now());
	ck_assert_uint_eq(w.maps->n_looks, 0);
	world_end();
	world_given("198.51.100.9");
	world_run(MINUTE);
	mapping_look(w.maps, MAPPING_SIP, SIP_SOCKET, world_now());
	ck_assert_uint_eq(w.maps->n_looks, 0);
}
END_TEST

START_TEST(relays_learn_of_a_new_address_within_a_second)
{
	world_begin(2);
	mapping_owner_up(w.maps, 1);
	world_want(1, 16384, 16);
	world_run(MINUTE);
	assert_told(&w.relay, PUBLIC_KNOWN, "198.51.100.1");
	w.nat = "192.0.2.77";
	while (w.site.times < 2 || !addr_same_ip(&w.sip.mapped,
		&(struct addr){ ADDR_IPV4, 0, { 192, 0, 2, 77 } }))
		world_run(10);
	world_run(SECOND);
	assert_told(&w.relay, PUBLIC_KNOWN, "192.0.2.77");
	for (unsigned i = 0; i < w.maps->n_maps; i++) {
		if (w.maps->map[i].used)
			ck_assert_int_eq(w.maps->map[i].mapped.ip[0], 192);
	}
}
END_TEST

START_TEST(the_first_server_turned_liar_is_not_believed)
{
	world_begin(2);
	world_run(MINUTE);
	w.server[0] = LIAR;
	world_run(HOUR);
	assert_told(&w.sip, PUBLIC_KNOWN, NAT);
	ck_assert_uint_eq(w.sip.times, 1);
	ck_assert_uint_ge(w.maps->server[0].n_wrong, 1);
	/* Asked last for ten minutes each time it was caught, but for the
	 * audits. */
	ck_assert_uint_le(w.maps->server[0].n_wrong, 13);
}
END_TEST

START_TEST(two_servers_that_disagree_at_start_make_nothing_known)
{
	world_begin(2);
	w.server[0] = LIAR;
	world_run(MINUTE);
	ck_assert(!w.sip.heard);
	ck_assert(w.maps->map[0].disagree);
	w.server[0] = HONEST;
	world_run(20 * SECOND);
	assert_told(&w.sip, PUBLIC_KNOWN, NAT);
	ck_assert(!w.maps->map[0].disagree);
}
END_TEST

START_TEST(a_third_server_breaks_the_tie)
{
	world_begin(3);
	w.server[0] = LIAR;
	world_run(SECOND);
	assert_told(&w.sip, PUBLIC_KNOWN, NAT);
	ck_assert_uint_eq(w.maps->server[0].n_wrong, 1);
}
END_TEST

START_TEST(a_server_that_says_something_new_each_time_is_harmless)
{
	world_begin(2);
	world_run(MINUTE);
	w.server[0] = w.server[1] = FICKLE;
	w.asked[0] = w.asked[1] = 0;
	world_run(10 * MINUTE);
	assert_told(&w.sip, PUBLIC_OLD, NAT);
	/* At most two for each server and round. */
	ck_assert_uint_le(w.asked[0] + w.asked[1], 45 * 4);
}
END_TEST

static const enum character useless[] = { PRIVATE, REFUSING, STRANGE, DEAD };

START_TEST(an_answer_that_cannot_be_used_sends_us_to_the_next_server)
{
	world_begin(3);
	w.server[0] = useless[_i];
	world_run(4 * SECOND);
	assert_told(&w.sip, PUBLIC_KNOWN, NAT);
	world_end();
	world_begin(1);
	w.server[0] = useless[_i];
	world_run(MINUTE);
	ck_assert(!w.sip.heard);
}
END_TEST

START_TEST(a_symmetric_router_is_noticed_and_the_port_does_not_flap)
{
	world_begin(2);
	w.symmetric = true;
	world_run(HOUR);
	assert_told(&w.sip, PUBLIC_KNOWN, NAT);
	ck_assert_uint_eq(w.sip.times, 1);
	ck_assert(w.maps->map[0].symmetric);
}
END_TEST

START_TEST(a_hundred_thousand_forged_answers_change_nothing)
{
	uint8_t tid[STUN_TID_LEN] = { 0 };

	world_begin(2);
	world_run(MINUTE);
	w.server[0] = DEAD;	/* a question stays open all the while */
	world_run(16 * SECOND);
	for (uint32_t i = 0; i < 100000; i++) {
		memcpy(tid, &i, sizeof(i));
		world_forge("203.0.113.10:3478", tid, "203.0.113.66:5070");
	}
	/* The right id from the wrong server, or from its other port. */
	for (unsigned s = 0; s < 2; s++) {
		world_forge("203.0.113.66:3478", w.maps->map[0].ask[s].tid,
		    "203.0.113.66:5070");
		world_forge("203.0.113.10:3479", w.maps->map[0].ask[s].tid,
		    "203.0.113.66:5070");
	}
	ck_assert_uint_eq(w.maps->n_ignored, 100004);
	world_run(5 * MINUTE);
	assert_told(&w.sip, PUBLIC_KNOWN, NAT);
	ck_assert_uint_eq(w.sip.times, 1);
}
END_TEST

START_TEST(relay_mappings_are_fresh_and_follow_their_router)
{
	uint64_t last;

	world_begin(2);
	mapping_owner_up(w.maps, 1);
	world_run(SECOND);
	world_want(1, 16384, 1);
	world_run(RTT_MS);	/* the site is proved: one answer will do */
	assert_told(&w.relay, PUBLIC_KNOWN, "198.51.100.1:40384");
	last = w.relay.at_ms;
	for (unsigned i = 0; i < 60; i++) {
		world_run(30 * SECOND);
		ck_assert_uint_le(w.now_ms - w.relay.at_ms, 28 * SECOND);
		ck_assert_uint_gt(w.relay.at_ms, last);
		last = w.relay.at_ms;
	}
}
END_TEST

START_TEST(a_relay_cannot_move_the_site)
{
	const struct mapping *m;

	world_begin(2);
	mapping_owner_up(w.maps, 1);
	world_want(1, 16384, 1);
	world_run(MINUTE);
	/* It may say what it likes about its own socket. */
	m = &w.maps->map[IPC_SOCKETS_MAX];
	ck_assert(m->used);
	w.maps->map[IPC_SOCKETS_MAX].mapped = world_addr("203.0.113.66:1");
	world_run(MINUTE);
	assert_told(&w.site, PUBLIC_KNOWN, "198.51.100.1");
	ck_assert_uint_eq(w.site.times, 2);	/* once to each owner */
}
END_TEST

/* It hands on no answer, from many sockets: what the SIP socket hears counts,
 * and it takes two servers that agree, as ever. */
START_TEST(a_relay_that_keeps_silent_takes_no_server_away)
{
	world_begin(2);
	world_run(MINUTE);
	w.relay_deaf = true;
	mapping_owner_up(w.maps, 1);
	world_want(1, 16384, 16);
	for (unsigned s = 0; s < 600; s++) {
		world_run(SECOND);
		for (unsigned i = 0; i < 2; i++)
			ck_assert_msg(mapping_server_state(w.maps, i, world_now()) !=
			    SERVER_SILENT && mono_due(
			    w.maps->server[i].down_until, world_now()),
			    "server %u after %u s", i, s);
	}
	w.server[0] = LIAR;
	world_run(2 * MINUTE);
	assert_told(&w.site, PUBLIC_KNOWN, "198.51.100.1");
}
END_TEST

START_TEST(a_relay_speaks_for_the_site_only_where_no_sip_socket_is)
{
	world_begin(2);
	w.sip_deaf = true;
	mapping_owner_up(w.maps, 1);
	world_want(1, 16384, 1);
	world_run(MINUTE);
	assert_told(&w.relay, PUBLIC_KNOWN, "198.51.100.1:40384");
	ck_assert(!w.site.heard);
	world_want(MAPPING_SIP, SIP_SOCKET, 0);
	world_run(MINUTE);
	assert_told(&w.site, PUBLIC_KNOWN, "198.51.100.1");
}
END_TEST

START_TEST(an_owner_that_comes_back_hears_at_once)
{
	unsigned asked;

	world_begin(2);
	world_run(MINUTE);
	mapping_owner_gone(w.maps, MAPPING_SIP);
	asked = w.asked[0];
	world_run(10 * MINUTE);
	ck_assert_uint_eq(w.asked[0], asked);
	memset(&w.sip, 0, sizeof(w.sip));
	memset(&w.site, 0, sizeof(w.site));
	mapping_owner_up(w.maps, MAPPING_SIP);
	world_want(MAPPING_SIP, SIP_SOCKET, 1);
	world_run(1);
	assert_told(&w.sip, PUBLIC_KNOWN, NAT);
	assert_told(&w.site, PUBLIC_KNOWN, "198.51.100.1");
	world_run(MINUTE);
	ck_assert_uint_eq(w.site.times, 1);
}
END_TEST

START_TEST(a_socket_no_longer_wanted_is_left_alone)
{
	world_begin(2);
	mapping_owner_up(w.maps, 1);
	world_want(1, 16384, 64);
	world_run(MINUTE);
	world_want(1, 20000, 64);
	world_want(MAPPING_SIP, SIP_SOCKET, 0);
	world_want(1, 20000, 0);
	w.asked[0] = w.asked[1] = 0;
	world_run(HOUR);
	ck_assert_uint_eq(w.asked[0] + w.asked[1], 0);
	ck_assert(mapping_due(w.maps).us == MONO_NEVER.us);
}
END_TEST

START_TEST(a_server_that_gets_an_address_later_is_used_at_once)
{
	struct addr a = world_addr("203.0.113.10:3478"), none = { 0 };

	world_begin(1);
	mapping_set_server(w.maps, 0, &none, (struct mono){ 1 });
	world_run(10);
	ck_assert_uint_eq(w.asked[0], 0);
	mapping_set_server(w.maps, 0, &a, (struct mono){ 1 });
	world_run(2 * RTT_MS);
	assert_told(&w.sip, PUBLIC_KNOWN, NAT);
}
END_TEST

START_TEST(a_given_address_is_told_without_a_port)
{
	world_given("192.0.2.5");
	world_run(HOUR);
	assert_told(&w.site, PUBLIC_KNOWN, "192.0.2.5");
	ck_assert_uint_eq(w.site.mapped.port, 0);
	assert_told(&w.sip, PUBLIC_KNOWN, "192.0.2.5");
	ck_assert_uint_eq(w.sip.mapped.port, 0);
	ck_assert_uint_eq(w.sip.times, 1);
	/* A dynamic name led elsewhere. */
	mapping_set_site(w.maps, &(struct addr){ ADDR_IPV4, 0,
		{ 192, 0, 2, 6 } }, (struct mono){ 1 });
	world_run(1);
	assert_told(&w.sip, PUBLIC_KNOWN, "192.0.2.6");
	assert_told(&w.site, PUBLIC_KNOWN, "192.0.2.6");
}
END_TEST

START_TEST(a_public_host_is_told_that_its_own_address_counts)
{
	world_given(NULL);
	world_run(1);
	assert_told(&w.site, PUBLIC_KNOWN, NULL);
	assert_told(&w.sip, PUBLIC_KNOWN, NULL);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("stunmon scenarios");
	TCase *tc = tcase_create("mapping");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(tc, NULL, world_end);
	tcase_add_test(tc, the_address_is_known_after_two_answers);
	tcase_add_test(tc, with_one_server_it_must_say_it_twice);
	tcase_add_test(tc, an_hour_is_240_checks_about_15_s_apart);
	tcase_add_test(tc, a_trunk_s_server_is_asked_first);
	tcase_add_test(tc, a_dead_server_is_passed_over_within_four_seconds);
	tcase_add_test(tc, a_server_that_dies_later_costs_nothing);
	tcase_add_test(tc,
	    when_all_are_silent_the_last_good_address_stays_as_old);
	tcase_add_test(tc, a_new_address_is_believed_within_two_periods);
	tcase_add_test(tc, relays_learn_of_a_new_address_within_a_second);
	tcase_add_test(tc, the_first_server_turned_liar_is_not_believed);
	tcase_add_test(tc,
	    two_servers_that_disagree_at_start_make_nothing_known);
	tcase_add_test(tc, a_third_server_breaks_the_tie);
	tcase_add_test(tc,
	    a_server_that_says_something_new_each_time_is_harmless);
	tcase_add_loop_test(tc,
	    an_answer_that_cannot_be_used_sends_us_to_the_next_server, 0,
	    sizeof(useless) / sizeof(useless[0]));
	tcase_add_test(tc,
	    a_symmetric_router_is_noticed_and_the_port_does_not_flap);
	tcase_add_test(tc, a_hundred_thousand_forged_answers_change_nothing);
	tcase_add_test(tc, relay_mappings_are_fresh_and_follow_their_router);
	tcase_add_test(tc,
	    who_doubts_is_answered_at_once_or_four_seconds_after_a_look);
	tcase_add_test(tc, an_hour_of_doubts_is_a_check_each_four_seconds);
	tcase_add_test(tc, doubts_do_not_keep_us_at_dead_servers);
	tcase_add_test(tc, after_an_outage_one_server_tells_at_once);
	tcase_add_test(tc, a_doubt_about_what_is_not_asked_for_is_none);
	tcase_add_test(tc, a_relay_cannot_move_the_site);
	tcase_add_test(tc, a_relay_that_keeps_silent_takes_no_server_away);
	tcase_add_test(tc,
	    a_relay_speaks_for_the_site_only_where_no_sip_socket_is);
	tcase_add_test(tc, an_owner_that_comes_back_hears_at_once);
	tcase_add_test(tc, a_socket_no_longer_wanted_is_left_alone);
	tcase_add_test(tc,
	    a_server_that_gets_an_address_later_is_used_at_once);
	tcase_add_test(tc, a_given_address_is_told_without_a_port);
	tcase_add_test(tc,
	    a_public_host_is_told_that_its_own_address_counts);
	suite_add_tcase(s, tc);
	add_alarm_tests(s);
	add_dynname_tests(s);
	add_nat_tests(s);
	add_recall_tests(s);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
