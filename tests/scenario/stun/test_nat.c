/* Every kind of NAT is told for what it is, and never asked too often. */
#include "stunmon/core/nat.h"
#include "tests/scenario/stun/world.h"

#define SECOND 1000u
#define MINUTE (60u * SECOND)
#define START_MS 1000000000u	/* as world.c */

static struct nat nat;
static struct addr external;
static enum nat_kind maps, filters;
static bool turns, deaf, refuses, lies;
static struct addr deaf_one;	/* of two servers, to tests only */
static unsigned contacted;	/* addresses of the server, bits */
static unsigned sent, news;
static uint64_t first_sent_ms, last_sent_ms;
static struct {
	bool waits;
	unsigned owner;
	struct ipc_stun_heard heard;
	uint8_t packet[64];
} reply;

static struct mono
now(void)
{
	return (struct mono){ (START_MS + w.now_ms) * 1000 };
}

static void
random_bytes(void *p, size_t len)
{
	static uint8_t next;

	memset(p, ++next, len);
}

static void
setup(void)
{
	struct nat_conf c = { &external, 1, 5070, random_bytes };

	external = world_addr("192.168.10.2");
	maps = NAT_ENDPOINT;
	filters = NAT_PORT;
	deaf_one = (struct addr){ 0 };
	turns = deaf = refuses = lies = reply.waits = false;
	contacted = sent = news = 0;
	first_sent_ms = last_sent_ms = 0;
	nat_init(&nat, &c);
	world_begin(1);
	w.other = true;
	mapping_owner_up(w.maps, 1);
	world_want(1, 16384, 1);
}

/* Which port the router gives for one of the server's addresses. */
static uint16_t
port_towards(unsigned which)
{
	uint16_t port = maps == NAT_NONE ? 5070 : 40000;

	if (maps == NAT_ADDRESS || maps == NAT_PORT)
		port = (uint16_t)(port + (which & 1 ? 1000 : 0));
	if (maps == NAT_PORT)
		port = (uint16_t)(port + (which & 2 ? 500 : 0));
	return port;
}

static bool
lets_in(unsigned from)
{
	unsigned same_ip = from & 1 ? 2 | 8 : 1 | 4;

	switch (filters) {
	case NAT_ENDPOINT:
		return true;
	case NAT_ADDRESS:
		return contacted & same_ip;
	default:
		return contacted & 1u << from;
	}
}

static void
answer(unsigned owner, uint16_t socket, const uint8_t *tid,
    const struct addr *from, const struct addr *mapped, enum character who)
{
	reply.waits = true;
	reply.owner = owner;
	reply.heard = (struct ipc_stun_heard){ .socket = socket,
		.source = *from };
	reply.heard.packet = span_make(reply.packet,
	    world_put_answer(reply.packet, who, tid, mapped));
}

static void
on_test(const struct ipc_stun_test *t)
{
	unsigned from = t->to ^ t->change;
	struct addr mapped = world_addr(lies ? "192.168.10.2" : w.nat);

	mapped.port = port_towards(t->to);
	contacted |= 1u << t->to;
	if (deaf || addr_eq(&t->server, &deaf_one) || !lets_in(refuses ? t->to : from))
		return;
	answer(MAPPING_SIP, t->socket, t->tid, &t->server, &mapped,
	    refuses && t->change != 0 ? REFUSING : HONEST);
}

static void
on_hairpin(unsigned owner, const struct ipc_stun_hairpin *h)
{
	struct addr mapped = world_addr("198.51.100.1:50000");

	ck_assert(addr_eq(&h->target, &w.maps->map[0].mapped));
	ck_assert_uint_eq(owner, 1);
	if (turns)
		answer(owner, h->socket, h->tid, &h->target, &mapped, HONEST);
}

static void
take(void)
{
	struct nat_step step;

	while (nat_next(&nat, w.maps, now(), &step)) {
		if (step.what == NAT_DO_NEWS) {
			news++;
			continue;
		}
		if (sent++ == 0)
			first_sent_ms = w.now_ms;
		last_sent_ms = w.now_ms;
		if (step.what == NAT_DO_TEST)
			on_test(&step.test);
		else
			on_hairpin(step.owner, &step.hairpin);
	}
}

/* In steps of a tenth of a second: so long an answer takes. */
static void
run(uint64_t ms)
{
	for (uint64_t end = w.now_ms + ms; w.now_ms < end;) {
		world_run(100);
		if (reply.waits) {
			reply.waits = false;
			ck_assert(nat_heard(&nat, w.maps, reply.owner,
			    &reply.heard, now()));
			/* Once only. */
			ck_assert(!nat_heard(&nat, w.maps, reply.owner,
			    &reply.heard, now()));
		}
		take();
	}
}

static const enum nat_kind kinds[] = { NAT_ENDPOINT, NAT_ADDRESS, NAT_PORT };

START_TEST(each_kind_is_told)
{
	maps = kinds[_i / 3];
	filters = kinds[_i % 3];
	run(30 * SECOND);
	ck_assert_int_eq(nat.mapping, maps);
	ck_assert_int_eq(nat.filtering, filters);
	ck_assert_int_eq(nat.hairpin, HAIRPIN_NO);
	ck_assert(nat.tested && !nat.port_preserving);
	ck_assert_uint_eq(news, 1);
	/* Plain, two filters, two mappings, hairpin; three tries each. */
	ck_assert_uint_le(sent, 1 + 3 + 3 + 2 + 3);
	/* Again, when all that was opened has closed. */
	ck_assert(!nat.port_open);
	contacted = 0;
	run(4 * MINUTE);
	ck_assert_uint_eq(news, 2);
	ck_assert_int_eq(nat.filtering, filters);
	ck_assert(nat.port_open ==
	    (maps == NAT_ENDPOINT && filters == NAT_ENDPOINT));
}
END_TEST

START_TEST(no_nat_is_none_and_a_router_that_turns_back_is_told)
{
	maps = NAT_NONE;
	filters = NAT_ENDPOINT;
	external = world_addr(w.nat);
	run(30 * SECOND);
	ck_assert_int_eq(nat.mapping, NAT_NONE);
	ck_assert_int_eq(nat.hairpin, HAIRPIN_UNKNOWN);
	ck_assert(nat.port_preserving);
	world_end();
	setup();
	turns = true;
	run(30 * SECOND);
	ck_assert_int_eq(nat.hairpin, HAIRPIN_YES);
}
END_TEST

START_TEST(it_is_tested_at_start_hourly_and_after_a_change)
{
	run(30 * SECOND);
	ck_assert_uint_ge(first_sent_ms, 5 * SECOND);
	ck_assert_uint_le(last_sent_ms, 25 * SECOND);
	sent = 0;
	run(3 * MINUTE);
	ck_assert_uint_eq(sent, 0);
	contacted = 0;
	run(MINUTE);
	ck_assert_uint_eq(news, 2);
	sent = 0;
	run(59 * MINUTE);
	ck_assert_uint_eq(sent, 0);
	run(2 * MINUTE);
	ck_assert_uint_gt(sent, 0);
	ck_assert_uint_eq(news, 3);
	w.nat = "192.0.2.77";
	maps = NAT_PORT;
	contacted = sent = 0;
	run(35 * SECOND);
	ck_assert_int_eq(nat.mapping, NAT_UNKNOWN);
	run(4 * MINUTE);
	ck_assert_int_eq(nat.mapping, NAT_PORT);
	ck_assert_int_eq(nat.filtering, NAT_PORT);
}
END_TEST

START_TEST(a_test_server_that_is_deaf_is_asked_once_a_minute)
{
	deaf = true;
	run(10 * MINUTE);
	ck_assert_uint_le(sent, 3 * 10);
	ck_assert_int_eq(nat.mapping, NAT_UNKNOWN);
	deaf = false;
	run(2 * MINUTE);
	ck_assert_int_eq(nat.mapping, NAT_ENDPOINT);
}
END_TEST

/* It answers what keeps it in favour, and no test: nothing would be known of
 * the router for as long as it likes. */
START_TEST(a_server_that_is_deaf_to_tests_alone_gives_way_to_the_next)
{
	world_end();
	setup();
	world_end();
	world_begin(2);
	w.other = true;
	mapping_owner_up(w.maps, 1);
	world_want(1, 16384, 1);
	filters = NAT_ADDRESS;
	run(4 * SECOND);
	deaf_one = w.maps->server[0].addr;
	run(3 * MINUTE);
	ck_assert_int_eq(nat.mapping, NAT_ENDPOINT);
	ck_assert_int_eq(nat.filtering, NAT_ADDRESS);
}
END_TEST

/* It tells the tests that there is no router: strangers would seem to come in
 * by the port. */
START_TEST(a_test_that_sees_another_address_than_ours_shows_nothing)
{
	maps = NAT_NONE;
	filters = NAT_ENDPOINT;
	lies = true;
	run(10 * MINUTE);
	ck_assert_int_eq(nat.mapping, NAT_UNKNOWN);
	ck_assert(!nat.port_open);
	ck_assert_uint_le(sent, 10);
}
END_TEST

/* Two servers have shown by then how it maps. */
START_TEST(with_deaf_test_servers_the_mapping_is_still_told)
{
	world_end();
	setup();
	world_end();
	world_begin(2);
	w.other = true;
	deaf = true;
	run(3 * MINUTE);
	ck_assert_int_eq(nat.mapping, NAT_ENDPOINT);
	ck_assert_int_eq(nat.filtering, NAT_UNKNOWN);
	ck_assert_uint_eq(news, 1);
	deaf = false;
	filters = NAT_ADDRESS;
	run(2 * MINUTE);
	ck_assert_int_eq(nat.filtering, NAT_ADDRESS);
}
END_TEST

START_TEST(a_server_that_refuses_change_request_shows_the_mapping_only)
{
	refuses = true;
	filters = NAT_ENDPOINT;
	run(30 * SECOND);
	ck_assert_int_eq(nat.filtering, NAT_UNKNOWN);
	ck_assert_int_eq(nat.mapping, NAT_ENDPOINT);
	ck_assert(!nat.port_open);
}
END_TEST

START_TEST(without_other_addresses_two_servers_show_the_mapping)
{
	world_end();
	world_begin(2);
	run(30 * SECOND);
	ck_assert_int_eq(nat.mapping, NAT_ENDPOINT);
	ck_assert_int_eq(nat.filtering, NAT_UNKNOWN);
	ck_assert_uint_eq(sent, 0);
	world_end();
	setup();
	world_end();
	world_begin(2);
	w.symmetric = true;
	run(30 * SECOND);
	ck_assert_int_eq(nat.mapping, NAT_PORT);
	world_end();
	setup();
	w.other = false;	/* and one server alone nothing */
	run(30 * SECOND);
	ck_assert_int_eq(nat.mapping, NAT_UNKNOWN);
}
END_TEST

START_TEST(an_answer_with_another_id_or_socket_is_not_taken)
{
	struct ipc_stun_heard forged;
	uint8_t packet[64], tid[STUN_TID_LEN] = { 0 };
	struct addr lie = world_addr("203.0.113.66:1");
	struct nat_step step;

	world_run(6 * SECOND);
	while (!nat_next(&nat, w.maps, now(), &step))
		world_run(100);
	forged = (struct ipc_stun_heard){ .socket = SIP_SOCKET,
		.source = step.test.server };
	forged.packet = span_make(packet, world_put_answer(packet, HONEST,
	    tid, &lie));
	ck_assert(!nat_heard(&nat, w.maps, MAPPING_SIP, &forged, now()));
	forged.packet = span_make(packet, world_put_answer(packet, HONEST,
	    step.test.tid, &lie));
	forged.socket = 3;
	ck_assert(!nat_heard(&nat, w.maps, MAPPING_SIP, &forged, now()));
	forged.socket = SIP_SOCKET;
	ck_assert(!nat_heard(&nat, w.maps, 1, &forged, now()));
	ck_assert(nat_heard(&nat, w.maps, MAPPING_SIP, &forged, now()));
}
END_TEST

START_TEST(a_sigproxy_that_goes_ends_the_test)
{
	run(6 * SECOND);
	mapping_owner_gone(w.maps, MAPPING_SIP);
	sent = 0;
	run(5 * MINUTE);
	ck_assert_uint_eq(sent, 0);
	mapping_owner_up(w.maps, MAPPING_SIP);
	world_want(MAPPING_SIP, SIP_SOCKET, 1);
	run(5 * MINUTE);
	ck_assert_int_eq(nat.mapping, NAT_ENDPOINT);
}
END_TEST

void
add_nat_tests(Suite *s)
{
	TCase *tc = tcase_create("nat");

	tcase_add_checked_fixture(tc, setup, world_end);
	tcase_add_loop_test(tc, each_kind_is_told, 0, 9);
	tcase_add_test(tc,
	    no_nat_is_none_and_a_router_that_turns_back_is_told);
	tcase_add_test(tc, it_is_tested_at_start_hourly_and_after_a_change);
	tcase_add_test(tc,
	    a_test_server_that_is_deaf_is_asked_once_a_minute);
	tcase_add_test(tc,
	    a_server_that_is_deaf_to_tests_alone_gives_way_to_the_next);
	tcase_add_test(tc,
	    a_test_that_sees_another_address_than_ours_shows_nothing);
	tcase_add_test(tc,
	    with_deaf_test_servers_the_mapping_is_still_told);
	tcase_add_test(tc,
	    a_server_that_refuses_change_request_shows_the_mapping_only);
	tcase_add_test(tc,
	    without_other_addresses_two_servers_show_the_mapping);
	tcase_add_test(tc, an_answer_with_another_id_or_socket_is_not_taken);
	tcase_add_test(tc, a_sigproxy_that_goes_ends_the_test);
	suite_add_tcase(s, tc);
}
