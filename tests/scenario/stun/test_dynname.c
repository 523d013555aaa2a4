/* The name that phones use, compared with our address, over hours. */
#include "stunmon/core/dynname.h"
#include "tests/scenario/stun/world.h"

#define MINUTE_S 60u

static struct dynname d;
static uint64_t now_s, asked, next_s;
static const char *dns, *dns2;	/* what the zone says; NULL: nothing */
static bool deaf;
static uint32_t ttl_s;
static struct alarms alarms;
static unsigned differs, gone, over;

static struct mono
now(void)
{
	return (struct mono){ (1000 + now_s) * 1000000 };
}

static void
setup(void)
{
	d = (struct dynname){ .watched = true };
	alarms = (struct alarms){ 0 };
	now_s = asked = next_s = 0;
	dns2 = NULL;
	deaf = false;
	ttl_s = 60;
	differs = gone = over = 0;
}

static void
we_are(const char *site, const char *other)
{
	struct addr own[2] = { world_addr(site), world_addr(other) };

	dynname_own(&d, own, 2, now());
}

static uint32_t
ask(void)
{
	struct addr list[2] = { world_addr(dns), world_addr(dns2) };

	asked++;
	if (deaf)
		return dynname_failed(&d, now());
	return dynname_answer(&d, list, dns == NULL ? 0 : 1 + (dns2 != NULL),
	    ttl_s, now());
}

/* Second by second. */
static void
run(uint64_t seconds)
{
	enum alarm_id id;

	for (uint64_t end = now_s + seconds; now_s < end; now_s++) {
		if (now_s >= next_s)
			next_s = now_s + ask() / 1000;
		alarm_hold(&alarms, ALARM_DNS_DIFFERS, dynname_differs(&d),
		    dynname_patience_ms(&d), now());
		alarm_hold(&alarms, ALARM_DNS_GONE, dynname_gone(&d),
		    DYNNAME_PATIENCE_MS, now());
		while (alarm_next(&alarms, now(), &id)) {
			over += !alarms.alarm[id].raised;
			differs += id == ALARM_DNS_DIFFERS &&
			    alarms.alarm[id].raised;
			gone += id == ALARM_DNS_GONE &&
			    alarms.alarm[id].raised;
		}
	}
}

START_TEST(a_name_that_leads_to_us_is_asked_by_its_ttl)
{
	dns = "198.51.100.1";
	we_are(dns, NULL);
	run(60 * MINUTE_S);
	ck_assert_int_eq(d.state, DYNNAME_SAME);
	ck_assert_uint_eq(asked, 60);
	ttl_s = 86400;
	run(MINUTE_S);
	asked = 0;
	run(60 * MINUTE_S);
	ck_assert_uint_eq(asked, 12);
	ttl_s = 0;
	run(5 * MINUTE_S);
	asked = 0;
	run(MINUTE_S);
	ck_assert_uint_eq(asked, 12);
	ck_assert_uint_eq(differs + gone, 0);
}
END_TEST

START_TEST(a_provider_that_follows_in_a_minute_is_no_alarm)
{
	dns = "198.51.100.1";
	we_are(dns, NULL);
	run(10 * MINUTE_S);
	we_are("192.0.2.7", NULL);
	ck_assert_int_eq(d.state, DYNNAME_DIFFERS);
	run(MINUTE_S);
	dns = "192.0.2.7";
	run(6);
	ck_assert_int_eq(d.state, DYNNAME_SAME);
	run(10 * MINUTE_S);
	ck_assert_uint_eq(differs + gone + over, 0);
}
END_TEST

START_TEST(a_name_that_stays_behind_is_one_after_two_minutes)
{
	dns = "198.51.100.1";
	we_are("192.0.2.7", NULL);
	run(119);
	ck_assert_uint_eq(differs, 0);
	run(3);
	ck_assert_uint_eq(differs, 1);
	run(60 * MINUTE_S);
	ck_assert_uint_eq(differs, 1);
	dns = "192.0.2.7";
	run(MINUTE_S + 1);
	ck_assert_uint_eq(over, 1);
}
END_TEST

START_TEST(a_long_ttl_gets_two_of_it)
{
	dns = "198.51.100.1";
	ttl_s = 600;
	we_are("192.0.2.7", NULL);
	run(1190);
	ck_assert_uint_eq(differs, 0);
	run(15);
	ck_assert_uint_eq(differs, 1);
}
END_TEST

START_TEST(an_expired_account_is_told_apart)
{
	dns = "198.51.100.1";
	we_are(dns, NULL);
	run(10 * MINUTE_S);
	dns = NULL;
	run(4 * MINUTE_S);
	ck_assert_int_eq(d.state, DYNNAME_UNRESOLVED);
	ck_assert_uint_eq(gone, 1);
	ck_assert_uint_eq(differs, 0);
}
END_TEST

START_TEST(a_deaf_resolver_changes_nothing_for_two_minutes)
{
	dns = "198.51.100.1";
	we_are(dns, NULL);
	run(10 * MINUTE_S);
	deaf = true;
	run(2 * MINUTE_S);
	ck_assert_int_eq(d.state, DYNNAME_SAME);
	run(6 * MINUTE_S);
	ck_assert_int_eq(d.state, DYNNAME_UNRESOLVED);
	ck_assert_uint_eq(gone, 1);
	deaf = false;
	run(15);
	ck_assert_int_eq(d.state, DYNNAME_SAME);
	ck_assert_uint_eq(over, 1);
}
END_TEST

START_TEST(a_guessed_name_that_never_was_ours_is_no_alarm)
{
	d.guessed = true;
	dns = NULL;
	we_are("192.0.2.7", NULL);
	run(60 * MINUTE_S);
	ck_assert_int_eq(d.state, DYNNAME_NONE);
	dns = "198.51.100.1";	/* the company's web server */
	run(60 * MINUTE_S);
	ck_assert_int_eq(d.state, DYNNAME_DIFFERS);
	ck_assert_uint_eq(differs + gone, 0);
	dns = "192.0.2.7";
	run(2 * MINUTE_S);
	dns = "198.51.100.1";
	run(5 * MINUTE_S);
	ck_assert_uint_eq(differs, 1);
}
END_TEST

static const struct {
	const char *name, *site, *other, *a, *aaaa;
	enum dynname_state want;
} rows[] = {
	{ "one of two addresses is ours", "192.0.2.7", NULL, "192.0.2.8",
	    "192.0.2.7", DYNNAME_SAME },
	{ "both families ours", "192.0.2.7", "2001:db8::2", "192.0.2.7",
	    "2001:db8::2", DYNNAME_SAME },
	{ "an AAAA record of somebody else", "192.0.2.7", "2001:db8::2",
	    "192.0.2.7", "2001:db8::3", DYNNAME_DIFFERS },
	{ "IPv6 only, and ours", "192.0.2.7", "2001:db8::2", "2001:db8::2",
	    NULL, DYNNAME_SAME },
	{ "our address is not known", NULL, NULL, "192.0.2.7", NULL,
	    DYNNAME_NONE },
};

START_TEST(families_are_compared_apart)
{
	dns = rows[_i].a;
	dns2 = rows[_i].aaaa;
	we_are(rows[_i].site, rows[_i].other);
	run(2);
	ck_assert_msg(d.state == rows[_i].want, "%s", rows[_i].name);
}
END_TEST

void
add_dynname_tests(Suite *s)
{
	TCase *tc = tcase_create("dynname");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, a_name_that_leads_to_us_is_asked_by_its_ttl);
	tcase_add_test(tc, a_provider_that_follows_in_a_minute_is_no_alarm);
	tcase_add_test(tc, a_name_that_stays_behind_is_one_after_two_minutes);
	tcase_add_test(tc, a_long_ttl_gets_two_of_it);
	tcase_add_test(tc, an_expired_account_is_told_apart);
	tcase_add_test(tc, a_deaf_resolver_changes_nothing_for_two_minutes);
	tcase_add_test(tc, a_guessed_name_that_never_was_ours_is_no_alarm);
	tcase_add_loop_test(tc, families_are_compared_apart, 0,
	    sizeof(rows) / sizeof(rows[0]));
	suite_add_tcase(s, tc);
}
