/* Port pairs, what SDP says for them, destinations, and lost packets. */
#include "mediaproxy/core/loss.h"
#include "tests/unit/media/suite.h"

static struct ports ports;
static const struct addr none;

/* Ten external pairs at .2, mapped by STUN; three internal at each of two
 * office addresses; two IPv6. */
static void
setup(void)
{
	struct addr ext = addr_of("198.18.0.2:1"), in = addr_of("10.0.0.2:1");
	struct addr in2 = addr_of("192.168.5.2:1");
	struct addr ext6 = addr_of("[2001:db8::2]:1");

	ck_assert_int_eq(ports_init(&ports, 18), 0);
	ck_assert_int_eq(ports_add(&ports, ZONE_EXTERNAL, &ext, 16384, 10,
		true), 0);
	ck_assert_int_eq(ports_add(&ports, ZONE_INTERNAL, &in, 17000, 3,
		false), 0);
	ck_assert_int_eq(ports_add(&ports, ZONE_INTERNAL, &in2, 17000, 3,
		false), 0);
	ck_assert_int_eq(ports_add(&ports, ZONE_EXTERNAL, &ext6, 16384, 2,
		false), 0);
}

static void
teardown(void)
{
	ports_clear(&ports);
}

static uint32_t
take(enum zone zone, const char *phone, uint64_t ms)
{
	struct addr a = addr_of(phone);
	bool no_address;

	return ports_take(&ports, zone, (enum addr_family)a.family, &a, &none,
	    true, at_ms(ms), &no_address);
}

START_TEST(pairs_are_even_and_follow_each_other)
{
	uint32_t a = take(ZONE_EXTERNAL, "198.51.100.7:1", 0);
	uint32_t b = take(ZONE_EXTERNAL, "198.51.100.7:1", 0);

	ck_assert_int_eq(port_own(&ports.pair[a], PORT_RTP).port, 16384);
	ck_assert_int_eq(port_own(&ports.pair[a], PORT_RTCP).port, 16385);
	ck_assert_int_eq(port_own(&ports.pair[b], PORT_RTP).port, 16386);
}
END_TEST

START_TEST(a_pair_given_back_rests)
{
	uint32_t a[3], again;

	for (int i = 0; i < 3; i++)
		a[i] = take(ZONE_INTERNAL, "10.0.0.9:1", 0);
	ck_assert_uint_eq(take(ZONE_INTERNAL, "10.0.0.9:1", 0), PORT_NONE);
	ports_put(&ports, a[1], at_ms(100));
	ck_assert_uint_eq(take(ZONE_INTERNAL, "10.0.0.9:1", 5099), PORT_NONE);
	again = take(ZONE_INTERNAL, "10.0.0.9:1", 5100);
	ck_assert_uint_eq(again, a[1]);
}
END_TEST

static bool
has_room(enum zone zone, const char *phone)
{
	struct addr a = addr_of(phone);

	return ports_has_room(&ports, zone, (enum addr_family)a.family, &a,
	    &none);
}

START_TEST(the_last_pairs_are_kept_for_emergencies)
{
	ports_reserve(&ports, ZONE_INTERNAL, 1);
	ports_reserve(&ports, ZONE_EXTERNAL, 2);
	for (int i = 0; i < 2; i++) {
		ck_assert(has_room(ZONE_INTERNAL, "10.0.0.9:1"));
		take(ZONE_INTERNAL, "10.0.0.9:1", 0);
	}
	ck_assert(!has_room(ZONE_INTERNAL, "10.0.0.9:1"));
	/* Another address has its own; one that is not there says why. */
	ck_assert(has_room(ZONE_INTERNAL, "192.168.5.9:1"));
	ck_assert(has_room(ZONE_INTERNAL, "[2001:db8::9]:1"));
	ck_assert_uint_ne(take(ZONE_INTERNAL, "10.0.0.9:1", 0), PORT_NONE);
	/* Spares count as free. */
	ck_assert(ports_keep_spares(&ports, at_ms(0)));
	for (int i = 0; i < 8; i++) {
		ck_assert(has_room(ZONE_EXTERNAL, "198.51.100.7:1"));
		take(ZONE_EXTERNAL, "198.51.100.7:1", 0);
	}
	ck_assert(!has_room(ZONE_EXTERNAL, "198.51.100.7:1"));
	ck_assert_uint_ne(take(ZONE_EXTERNAL, "198.51.100.7:1", 0), PORT_NONE);
}
END_TEST

START_TEST(the_nearest_address_of_the_zone_is_used)
{
	uint32_t a = take(ZONE_INTERNAL, "192.168.5.77:1", 0);
	uint32_t b = take(ZONE_INTERNAL, "10.0.0.77:1", 0);

	ck_assert_int_eq(ports.pair[a].own.ip[0], 192);
	ck_assert_int_eq(ports.pair[b].own.ip[0], 10);
}
END_TEST

START_TEST(the_address_that_its_signalling_uses_goes_before_the_nearest)
{
	struct addr phone = addr_of("192.168.5.77:1");
	struct addr local = addr_of("10.0.0.2:5060");
	bool no_address;
	uint32_t i;

	i = ports_take(&ports, ZONE_INTERNAL, ADDR_IPV4, &phone, &local, false,
	    at_ms(0), &no_address);
	ck_assert_int_eq(ports.pair[i].own.ip[0], 10);
	ck_assert_uint_eq(ports_claim(&ports, ZONE_INTERNAL, ADDR_IPV4, &phone,
	    &local, ports.pair[i].own.port, at_ms(0)), PORT_NONE);
	local = addr_of("10.0.0.99:5060");
	i = ports_take(&ports, ZONE_INTERNAL, ADDR_IPV4, &phone, &local, false,
	    at_ms(0), &no_address);
	ck_assert_int_eq(ports.pair[i].own.ip[0], 192);
}
END_TEST

START_TEST(another_interface_without_nat_is_called_by_its_own_address)
{
	struct site site = { .how = SITE_STUN,
		.public_ip = addr_of("203.0.113.1:1") };
	struct port_pair pair = { .own = addr_of("198.51.100.20:17000") };
	struct addr said;

	said = site_say(&site, ZONE_EXTERNAL, &pair, PORT_RTP, at_ms(0));
	assert_addr("own", &said, "198.51.100.20:17000");
	pair.by_stun = true;	/* STUN knows better than its looks */
	said = site_say(&site, ZONE_EXTERNAL, &pair, PORT_RTP, at_ms(0));
	assert_addr("behind a NAT", &said, "203.0.113.1:17000");
}
END_TEST

START_TEST(no_address_and_no_port_are_told_apart)
{
	struct addr v6 = addr_of("[2001:db8::9]:1");
	bool no_address;

	ck_assert_uint_eq(ports_take(&ports, ZONE_INTERNAL, ADDR_IPV6, &v6,
		&none, false, at_ms(0), &no_address), PORT_NONE);
	ck_assert(no_address);
	take(ZONE_EXTERNAL, "[2001:db8::9]:1", 0);
	take(ZONE_EXTERNAL, "[2001:db8::9]:1", 0);
	ck_assert_uint_eq(ports_take(&ports, ZONE_EXTERNAL, ADDR_IPV6, &v6,
		&none, false, at_ms(0), &no_address), PORT_NONE);
	ck_assert(!no_address);
}
END_TEST

static void
map(uint32_t i, const char *rtp, const char *rtcp, uint64_t ms)
{
	ports.pair[i].mapped[PORT_RTP] = addr_of(rtp);
	ports.pair[i].mapped[PORT_RTCP] = addr_of(rtcp);
	ports.pair[i].mapped_at[PORT_RTP] = at_ms(ms);
	ports.pair[i].mapped_at[PORT_RTCP] = at_ms(ms);
}

START_TEST(a_spare_with_a_fresh_mapping_goes_first)
{
	uint32_t fresh;

	ck_assert(ports_keep_spares(&ports, at_ms(0)));
	ck_assert_uint_eq(ports.n_spares, PORT_SPARES);
	ck_assert(!ports_keep_spares(&ports, at_ms(0)));
	fresh = ports.spare[3];
	map(ports.spare[1], "203.0.113.1:1", "203.0.113.1:2", 0);
	map(fresh, "203.0.113.1:3", "203.0.113.1:4", 50000);
	ck_assert_uint_eq(take(ZONE_EXTERNAL, "198.51.100.7:1", 60000),
	    fresh);
	/* None is fresh now: the one whose mapping was known. */
	ck_assert_uint_eq(take(ZONE_EXTERNAL, "198.51.100.7:1", 60000), 1);
	/* Then pairs that are no spares. */
	ck_assert_uint_eq(take(ZONE_EXTERNAL, "198.51.100.7:1", 60000), 8);
	ck_assert_uint_eq(take(ZONE_EXTERNAL, "198.51.100.7:1", 60000), 9);
	/* All others are spares. */
	for (int i = 0; i < 6; i++)
		ck_assert_uint_ne(take(ZONE_EXTERNAL, "198.51.100.7:1",
			60000), PORT_NONE);
	ck_assert_uint_eq(take(ZONE_EXTERNAL, "198.51.100.7:1", 60000),
	    PORT_NONE);
}
END_TEST

START_TEST(a_new_public_address_makes_every_mapping_void)
{
	map(2, "203.0.113.1:1", "203.0.113.1:2", 0);
	ck_assert(port_is_mapped(&ports.pair[2], PORT_RTP, at_ms(1)));
	ports_forget_mappings(&ports);
	ck_assert(!port_is_mapped(&ports.pair[2], PORT_RTP, at_ms(1)));
	ck_assert(!port_is_mapped(&ports.pair[2], PORT_RTCP, at_ms(1)));
}
END_TEST

START_TEST(a_pair_is_found_by_its_number)
{
	enum port_which which;

	ck_assert_uint_eq(ports_by_number(&ports, 16387, &which), 1);
	ck_assert_int_eq(which, PORT_RTCP);
	ck_assert_uint_eq(ports_by_number(&ports, 16402, &which), 9);
	ck_assert_int_eq(which, PORT_RTP);
	ck_assert_uint_eq(ports_by_number(&ports, 16404, &which), PORT_NONE);
	ck_assert_uint_eq(ports_by_number(&ports, 16383, &which), PORT_NONE);
	ck_assert_uint_eq(ports_by_number(&ports, 17000, &which), PORT_NONE);
}
END_TEST

START_TEST(a_million_calls_leak_no_pair)
{
	uint64_t ms = 0;

	for (int i = 0; i < 1000000; i++) {
		uint32_t a = take(ZONE_EXTERNAL, "198.51.100.7:1", ms);

		if (a == PORT_NONE) {
			ms += 100;
			continue;
		}
		ports_put(&ports, a, at_ms(ms));
		ms++;
		ports_keep_spares(&ports, at_ms(ms));
	}
	ck_assert_uint_eq(ports.group[0].n_free + ports.n_spares, 10);
}
END_TEST

/* ---- what SDP says ---- */

static const struct {
	const char *name;
	enum site_how how;
	enum site_mode mode;
	const char *public_ip;
	bool forwarded, mapped;
	const char *mapping;
	enum zone zone;
	const char *want;
} says[] = {
	{ "internal: our own", SITE_STUN, SITE_AUTO, "203.0.113.1:1", false,
	    true, "203.0.113.1:9", ZONE_INTERNAL, "10.0.0.2:17000" },
	{ "public host: our own", SITE_OWN, SITE_AUTO, NULL, false, false,
	    NULL, ZONE_EXTERNAL, "10.0.0.2:17000" },
	{ "auto: the mapping", SITE_STUN, SITE_AUTO, "203.0.113.1:1", false,
	    true, "203.0.113.1:40001", ZONE_EXTERNAL, "203.0.113.1:40001" },
	{ "auto: the local port once the range is proved forwarded",
	    SITE_STUN, SITE_AUTO, "203.0.113.1:1", true, true,
	    "203.0.113.1:40001", ZONE_EXTERNAL, "203.0.113.1:17000" },
	{ "auto: a mapping of the same port needs no proof", SITE_STUN,
	    SITE_AUTO, "203.0.113.1:1", false, true, "203.0.113.1:17000",
	    ZONE_EXTERNAL, "203.0.113.1:17000" },
	{ "auto: proof or not, a mapping of the same port is better known",
	    SITE_STUN, SITE_AUTO, "203.0.113.1:1", true, true,
	    "203.0.113.2:17000", ZONE_EXTERNAL, "203.0.113.2:17000" },
	{ "auto: without a mapping the local port", SITE_STUN, SITE_AUTO,
	    "203.0.113.1:1", false, false, NULL, ZONE_EXTERNAL,
	    "203.0.113.1:17000" },
	{ "punch: the mapping, whatever was proved", SITE_STUN, SITE_PUNCH,
	    "203.0.113.1:1", true, true, "203.0.113.1:40001", ZONE_EXTERNAL,
	    "203.0.113.1:40001" },
	{ "forwarded: the local port", SITE_STUN, SITE_FORWARDED,
	    "203.0.113.1:1", false, true, "203.0.113.1:40001", ZONE_EXTERNAL,
	    "203.0.113.1:17000" },
	{ "a fixed address: the local port", SITE_NAMED, SITE_AUTO,
	    "203.0.113.1:1", false, false, NULL, ZONE_EXTERNAL,
	    "203.0.113.1:17000" },
	{ "no public address known: nothing, never a private one", SITE_STUN,
	    SITE_AUTO, NULL, false, false, NULL, ZONE_EXTERNAL, NULL },
};

START_TEST(sdp_says_an_address_that_leads_to_us)
{
	struct site site = { .how = says[_i].how, .mode = says[_i].mode,
		.public_ip = addr_of(says[_i].public_ip),
		.forwarded = says[_i].forwarded };
	struct port_pair pair = { .own = addr_of("10.0.0.2:17000") };
	struct addr said;

	site.public_ip.port = 0;
	if (says[_i].mapped) {
		pair.mapped[PORT_RTP] = addr_of(says[_i].mapping);
		pair.mapped_at[PORT_RTP] = at_ms(0);
	}
	said = site_say(&site, says[_i].zone, &pair, PORT_RTP, at_ms(1000));
	assert_addr(says[_i].name, &said, says[_i].want);
}
END_TEST

static const struct {
	enum site_how how;
	bool fixed;
	const char *told;
	bool want;
} told[] = {
	{ SITE_STUN, false, "203.0.113.1:1", true },
	{ SITE_NAMED, false, "203.0.113.1:1", true },
	{ SITE_NAMED, true, "203.0.113.1:1", false },
	{ SITE_OWN, false, "203.0.113.1:1", false },
	{ SITE_STUN, false, "192.168.10.3:1", false },
	{ SITE_STUN, false, "10.1.2.3:1", false },
	{ SITE_STUN, false, "100.64.0.1:1", false },
	{ SITE_STUN, false, "127.0.0.1:1", false },
	{ SITE_STUN, false, "224.0.0.1:1", false },
	{ SITE_STUN, false, "255.255.255.255:1", false },
	{ SITE_STUN, false, NULL, false },
};

START_TEST(stunmon_is_believed_only_about_public_addresses)
{
	struct site site = { .how = told[_i].how, .fixed = told[_i].fixed };
	struct addr a = addr_of(told[_i].told);

	ck_assert_int_eq(site_believes(&site, &a), told[_i].want);
}
END_TEST

/* ---- destinations ---- */

static const struct {
	const char *addr;
	bool external, internal;
} dests[] = {
	{ "198.51.100.7:40000", true, false },
	{ "192.168.1.20:40000", false, true },
	{ "10.255.255.254:40000", false, true },
	{ "10.255.255.255:40000", false, false },	/* broadcast */
	{ "10.0.0.2:40000", false, false },		/* ours */
	{ "198.18.0.2:40000", false, false },		/* ours */
	{ "203.0.113.1:16400", false, false },		/* ours, outside */
	{ "203.0.113.1:40000", true, false },		/* a phone beside us */
	{ "127.0.0.1:40000", false, false },
	{ "224.0.0.5:40000", false, false },
	{ "255.255.255.255:40000", false, false },
	{ "0.0.0.0:40000", false, false },
	{ "[::1]:40000", false, false },
	{ "[ff02::1]:40000", false, false },
	{ "[2001:db8::7]:40000", true, false },
	{ "[::ffff:10.0.0.9]:40000", false, true },
	{ "[::ffff:127.0.0.1]:40000", false, false },	/* CVE-2020-26262 */
	{ "[::ffff:0.0.0.0]:40000", false, false },
	{ "[::ffff:10.0.0.2]:40000", false, false },	/* ours */
	{ "[::]:40000", false, false },
	{ "[::127.0.0.1]:40000", false, false },	/* IPv4-compatible */
	{ "[::10.0.0.9]:40000", false, false },
	{ "[64:ff9b::7f00:1]:40000", false, false },	/* NAT64 of 127.0.0.1 */
	{ "[fe80::1]:40000", false, false },
	{ "0.1.2.3:40000", false, false },
	{ "127.255.255.254:40000", false, false },
	{ "169.254.1.1:40000", false, false },
	{ "240.0.0.1:40000", false, false },
	{ "239.255.255.255:40000", false, false },
	{ "100.64.0.7:40000", true, false },
};

START_TEST(refuses_ourselves_loopback_multicast_and_the_wrong_side)
{
	const char *const lan[] = { "10.0.0.0/8", "192.168.0.0/16",
		"127.0.0.0/8" };
	struct addr own = addr_of("10.0.0.2:1"), ext = addr_of("198.18.0.2:1");
	struct addr a = addr_of(dests[_i].addr);
	struct dest d;

	dest_init(&d);
	dest_add_own(&d, &own);
	dest_add_own(&d, &ext);
	for (int i = 0; i < 3; i++) {
		struct addr_prefix p;

		ck_assert_int_eq(addr_prefix_parse(span_str(lan[i]), &p), 0);
		dest_add_lan(&d, &p);
	}
	dest_add_ports(&d, 16384, 16983);
	d.public_ip = addr_of("203.0.113.1:1");
	ck_assert_msg(dest_allowed(&d, ZONE_EXTERNAL, &a) ==
	    dests[_i].external, "%s outside", dests[_i].addr);
	ck_assert_msg(dest_allowed(&d, ZONE_INTERNAL, &a) ==
	    dests[_i].internal, "%s inside", dests[_i].addr);
	a.port = 0;
	ck_assert(!dest_allowed(&d, ZONE_EXTERNAL, &a));
}
END_TEST

START_TEST(on_one_host_loopback_is_allowed_but_our_ports_are_not)
{
	struct addr own = addr_of("127.0.0.1:1");
	struct addr phone = addr_of("127.0.0.1:40000");
	struct addr ours = addr_of("127.0.0.1:16390");
	struct addr other = addr_of("127.0.0.3:16390");
	struct dest d;

	dest_init(&d);
	dest_add_own(&d, &own);
	dest_add_ports(&d, 16384, 16983);
	ck_assert(dest_allowed(&d, ZONE_EXTERNAL, &phone));
	ck_assert(dest_allowed(&d, ZONE_INTERNAL, &other));
	ck_assert(!dest_allowed(&d, ZONE_INTERNAL, &ours));
}
END_TEST

/* ---- loss ---- */

static const struct {
	const char *name;
	uint16_t seq[8];
	unsigned n;
	uint64_t lost;
} losses[] = {
	{ "nothing lost", { 1, 2, 3, 4 }, 4, 0 },
	{ "two in the middle", { 1, 2, 5, 6 }, 4, 2 },
	{ "over the wrap", { 65534, 65535, 1, 2 }, 4, 1 },
	{ "late is not lost", { 1, 3, 2, 4 }, 4, 0 },
	{ "twice hides nothing else", { 1, 1, 2, 3 }, 4, 0 },
	{ "a jump is a new beginning", { 1, 2, 30000, 30001 }, 4, 0 },
	{ "what was lost before stays", { 1, 3, 30000, 30002 }, 4, 2 },
};

START_TEST(counts_gaps_in_sequence_numbers)
{
	struct loss l = { 0 };

	for (unsigned i = 0; i < losses[_i].n; i++)
		loss_input(&l, 7, losses[_i].seq[i]);
	ck_assert_msg(loss_count(&l) == losses[_i].lost, "%s: %llu",
	    losses[_i].name, (unsigned long long)loss_count(&l));
}
END_TEST

void
add_port_tests(Suite *s)
{
	TCase *tc = tcase_create("port");
	TCase *pure = tcase_create("site, destinations, loss");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, pairs_are_even_and_follow_each_other);
	tcase_add_test(tc, a_pair_given_back_rests);
	tcase_add_test(tc,
	    the_address_that_its_signalling_uses_goes_before_the_nearest);
	tcase_add_test(tc,
	    another_interface_without_nat_is_called_by_its_own_address);
	tcase_add_test(tc, the_nearest_address_of_the_zone_is_used);
	tcase_add_test(tc, the_last_pairs_are_kept_for_emergencies);
	tcase_add_test(tc, no_address_and_no_port_are_told_apart);
	tcase_add_test(tc, a_spare_with_a_fresh_mapping_goes_first);
	tcase_add_test(tc, a_new_public_address_makes_every_mapping_void);
	tcase_add_test(tc, a_pair_is_found_by_its_number);
	tcase_add_test(tc, a_million_calls_leak_no_pair);
	suite_add_tcase(s, tc);
	tcase_add_loop_test(pure, sdp_says_an_address_that_leads_to_us, 0,
	    sizeof(says) / sizeof(says[0]));
	tcase_add_loop_test(pure,
	    stunmon_is_believed_only_about_public_addresses, 0,
	    sizeof(told) / sizeof(told[0]));
	tcase_add_loop_test(pure,
	    refuses_ourselves_loopback_multicast_and_the_wrong_side, 0,
	    sizeof(dests) / sizeof(dests[0]));
	tcase_add_test(pure,
	    on_one_host_loopback_is_allowed_but_our_ports_are_not);
	tcase_add_loop_test(pure, counts_gaps_in_sequence_numbers, 0,
	    sizeof(losses) / sizeof(losses[0]));
	suite_add_tcase(s, pure);
}
