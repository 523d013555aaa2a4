/* stunmon is killed and starts again, while STUN lives or not. */
#include "stunmon/core/recall.h"
#include "tests/scenario/stun/world.h"

#define A "198.51.100.1"
#define B "192.0.2.77"
#define NAT A ":40000"
#define SECOND 1000u
#define MINUTE (60u * SECOND)
#define WALL_S 1790000000

static struct nat nat;
static struct dynname name;
static struct second other;
static struct addr local;
static struct recall r;
static struct kept kept;

static int64_t
wall_s(void)
{
	return WALL_S + (int64_t)w.now_ms / 1000;
}

static struct mono
now(void)
{
	return (struct mono){ (1000000000u + w.now_ms) * 1000 };
}

static void
look(struct mono t)
{
	second_look(&other, w.maps, &name, t);
	recall_tick(&r, t, wall_s());
}

static void
born(unsigned n_servers)
{
	world_begin_quietly(n_servers);
	w.look = look;
	nat = (struct nat){ 0 };
	name = (struct dynname){ .watched = true };
	other = (struct second){ .family = ADDR_IPV4 };
	r = (struct recall){ w.maps, &nat, &name, &other, &local, 1, 0 };
}

/* Days pass; servers are of another character then. */
static void
again(enum character servers, int64_t days)
{
	recall_take(&r, &kept);
	mapping_free(w.maps);
	born(2);
	w.server[0] = w.server[1] = servers;
	recall_give(&r, &kept, true, now(), wall_s() + days * 86400);
	world_up();
}

static void
name_leads(const char *where)
{
	struct addr a = world_addr(where);

	a.port = 0;
	dynname_answer(&name, &a, where != NULL, 60, now());
}

static void
begin(void)
{
	local = world_addr("192.168.10.2");
	born(2);
	world_up();
	name_leads(A);
	world_run(MINUTE);
	assert_told(&w.site, PUBLIC_KNOWN, A);
}

START_TEST(the_address_is_there_at_once_and_known_as_old)
{
	begin();
	again(DEAD, 0);
	world_run(1);
	assert_told(&w.site, PUBLIC_OLD, A);
	assert_told(&w.sip, PUBLIC_OLD, NAT);
	ck_assert_int_eq(w.maps->site_source, SOURCE_KEPT);
	world_run(9 * SECOND);
	ck_assert_uint_eq(w.raised[ALARM_SILENT], 0);
	world_run(2 * SECOND);
	ck_assert_uint_eq(w.raised[ALARM_SILENT], 1);
	world_run(60 * MINUTE);
	assert_told(&w.site, PUBLIC_OLD, A);
	/* The servers come back. */
	w.server[0] = HONEST;
	world_run(2 * MINUTE);
	assert_told(&w.site, PUBLIC_KNOWN, A);
	assert_told(&w.sip, PUBLIC_KNOWN, NAT);
	ck_assert_int_eq(w.maps->site_source, SOURCE_STUN);
	ck_assert_uint_eq(w.cleared[ALARM_SILENT], 1);
}
END_TEST

START_TEST(a_start_with_servers_changes_nothing_and_is_no_alarm)
{
	begin();
	for (unsigned i = 0; i < 5; i++) {
		again(HONEST, 0);
		world_run(MINUTE);
		assert_told(&w.site, PUBLIC_KNOWN, A);
		ck_assert_uint_eq(w.maps->before.family, ADDR_NONE);
		ck_assert_uint_eq(w.raised[ALARM_SILENT], 0);
	}
	ck_assert_uint_eq(w.maps->history.n, 1);
	ck_assert_int_eq(w.maps->history.row[0].wall_s, WALL_S);
}
END_TEST

START_TEST(an_address_that_changed_meanwhile_is_found_out)
{
	begin();
	again(HONEST, 0);
	w.nat = B;
	world_run(5 * SECOND);
	assert_told(&w.site, PUBLIC_KNOWN, B);
	assert_told(&w.sip, PUBLIC_KNOWN, B ":40000");
	ck_assert(addr_same_ip(&w.maps->before, &kept.site));
	ck_assert_uint_eq(w.maps->history.n, 2);
}
END_TEST

START_TEST(one_liar_cannot_use_what_was_kept)
{
	begin();
	again(HONEST, 0);
	w.server[1] = LIAR;
	world_run(MINUTE);
	assert_told(&w.site, PUBLIC_KNOWN, A);
}
END_TEST

START_TEST(after_a_month_or_elsewhere_it_is_not_believed)
{
	begin();
	again(DEAD, 31);
	world_run(MINUTE);
	ck_assert(!w.site.heard);
	ck_assert_uint_eq(w.maps->history.n, 1);
	world_end();
	begin();
	local = world_addr("192.168.77.2");
	recall_take(&r, &kept);
	kept.local[0] = world_addr("192.168.10.2");
	mapping_free(w.maps);
	born(2);
	ck_assert(!recall_give(&r, &kept, true, now(), wall_s()));
	ck_assert_int_eq(w.maps->site_state, PUBLIC_UNKNOWN);
}
END_TEST

START_TEST(a_clock_set_back_does_not_take_it_away)
{
	begin();
	again(DEAD, -10000);
	world_run(1);
	assert_told(&w.site, PUBLIC_OLD, A);
}
END_TEST

START_TEST(what_is_known_of_the_router_comes_back)
{
	begin();
	nat.site = w.maps->site;
	nat.mapping = nat.filtering = NAT_ENDPOINT;
	nat.tested = nat.port_open = true;
	again(DEAD, 0);
	ck_assert(nat.port_open && nat.tested);
	ck_assert_int_eq(nat.filtering, NAT_ENDPOINT);
}
END_TEST

START_TEST(twice_killed_in_silence_it_is_still_there)
{
	begin();
	for (unsigned i = 0; i < 3; i++) {
		again(DEAD, 0);
		world_run(i * MINUTE);
	}
	assert_told(&w.site, PUBLIC_OLD, A);
	assert_told(&w.sip, PUBLIC_OLD, NAT);
	ck_assert_int_eq(r.sure_s / 600, WALL_S / 600);
}
END_TEST

/* ---- the name, when STUN is silent ---- */

START_TEST(a_cold_start_with_a_name_only)
{
	born(2);
	w.server[0] = w.server[1] = DEAD;
	world_up();
	name_leads(B);
	world_run(4 * SECOND);
	ck_assert(!w.site.heard);	/* STUN has its chance */
	world_run(2 * SECOND);
	assert_told(&w.site, PUBLIC_OLD, B);
	ck_assert_int_eq(w.maps->site_source, SOURCE_DNS);
	w.server[0] = HONEST;
	world_run(2 * MINUTE);
	assert_told(&w.site, PUBLIC_KNOWN, A);
}
END_TEST

START_TEST(a_name_that_is_only_guessed_proves_nothing)
{
	born(2);
	w.server[0] = w.server[1] = DEAD;
	world_up();
	name.guessed = true;
	name_leads(B);
	world_run(MINUTE);
	ck_assert(!w.site.heard);
}
END_TEST

START_TEST(a_name_that_moved_since_is_followed)
{
	begin();
	again(DEAD, 0);
	name_leads(B);
	world_run(4 * SECOND);
	assert_told(&w.site, PUBLIC_OLD, A);
	world_run(2 * SECOND);
	assert_told(&w.site, PUBLIC_OLD, B);
	assert_told(&w.sip, PUBLIC_OLD, B ":40000");
	/* And it outlives the next start too. */
	again(DEAD, 0);
	world_run(1);
	assert_told(&w.site, PUBLIC_OLD, B);
	assert_told(&w.sip, PUBLIC_OLD, B ":40000");
}
END_TEST

START_TEST(a_name_that_was_wrong_before_is_not)
{
	begin();
	name_leads(B);		/* stale, while STUN says A */
	world_run(MINUTE);
	w.server[0] = w.server[1] = DEAD;
	world_run(2 * MINUTE);
	assert_told(&w.site, PUBLIC_OLD, A);
	again(DEAD, 0);
	name_leads(B);
	world_run(MINUTE);
	assert_told(&w.site, PUBLIC_OLD, A);
	name_leads("192.0.2.78");
	world_run(MINUTE);
	assert_told(&w.site, PUBLIC_OLD, "192.0.2.78");
}
END_TEST

START_TEST(a_name_that_leads_inside_is_not_followed)
{
	begin();
	again(DEAD, 0);
	name_leads("192.168.10.2");
	world_run(MINUTE);
	assert_told(&w.site, PUBLIC_OLD, A);
}
END_TEST

START_TEST(in_mid_life_the_name_is_followed_once_stun_is_silent)
{
	begin();
	name_leads(B);
	w.server[0] = w.server[1] = DEAD;
	w.look = NULL;		/* it moved after the last answer */
	world_run(20 * SECOND);
	assert_told(&w.site, PUBLIC_KNOWN, A);
	world_run(40 * SECOND);
	w.look = look;
	world_run(SECOND);
	assert_told(&w.site, PUBLIC_OLD, B);
}
END_TEST

void
add_recall_tests(Suite *s)
{
	TCase *tc = tcase_create("recall");

	tcase_add_checked_fixture(tc, NULL, world_end);
	tcase_add_test(tc, the_address_is_there_at_once_and_known_as_old);
	tcase_add_test(tc,
	    a_start_with_servers_changes_nothing_and_is_no_alarm);
	tcase_add_test(tc, an_address_that_changed_meanwhile_is_found_out);
	tcase_add_test(tc, one_liar_cannot_use_what_was_kept);
	tcase_add_test(tc, after_a_month_or_elsewhere_it_is_not_believed);
	tcase_add_test(tc, a_clock_set_back_does_not_take_it_away);
	tcase_add_test(tc, what_is_known_of_the_router_comes_back);
	tcase_add_test(tc, twice_killed_in_silence_it_is_still_there);
	tcase_add_test(tc, a_cold_start_with_a_name_only);
	tcase_add_test(tc, a_name_that_is_only_guessed_proves_nothing);
	tcase_add_test(tc, a_name_that_moved_since_is_followed);
	tcase_add_test(tc, a_name_that_was_wrong_before_is_not);
	tcase_add_test(tc, a_name_that_leads_inside_is_not_followed);
	tcase_add_test(tc,
	    in_mid_life_the_name_is_followed_once_stun_is_silent);
	suite_add_tcase(s, tc);
}
