#include <string.h>

#include "postern/plan.h"
#include "tests/unit/postern/suite.h"

static struct plan plan;

static bool
has_door(const char *owner, const char *knocker)
{
	unsigned n = 0;

	for (unsigned i = 0; i < plan.n_doors; i++)
		n += strcmp(plan.door[i].owner->name, owner) == 0 &&
		    strcmp(plan.door[i].knocker->name, knocker) == 0;
	ck_assert_uint_le(n, 1);
	return n == 1;
}

START_TEST(five_processes_for_one_relay)
{
	struct conf c = { .processes = 1 };

	plan_make(&c, &plan);
	ck_assert_uint_eq(plan.n_members, 5);
	ck_assert_uint_eq(plan.n_doors, 14 + 5);
}
END_TEST

START_TEST(keyd_comes_with_a_certificate_and_a_port)
{
	struct conf c = { .processes = 1, .n_tls_certificates = 1 };

	plan_make(&c, &plan);
	ck_assert_uint_eq(plan.n_members, 5);
	c.internal_tls = 5062;
	plan_make(&c, &plan);
	ck_assert_uint_eq(plan.n_members, 6);
	ck_assert_uint_eq(plan.n_doors, 16 + 6);
	ck_assert(has_door("keyd", "sigproxy"));
	ck_assert(has_door("sigproxy", "keyd"));
	ck_assert(has_door("keyd", "admin"));
	c.n_tls_certificates = 0;
	plan_make(&c, &plan);
	ck_assert_uint_eq(plan.n_members, 5);
	c = (struct conf){ .processes = PLAN_MEDIA_MAX,
		.n_tls_certificates = 1, .internal_tls = 5062 };
	plan_make(&c, &plan);
	ck_assert_uint_eq(plan.n_members, PLAN_MEMBERS_MAX);
	ck_assert_uint_eq(plan.n_doors, PLAN_DOORS_MAX);
}
END_TEST

START_TEST(a_door_at_both_ends_of_each_pair)
{
	static const char *const pairs[][2] = {
		{ "sigproxy", "registrar-db" }, { "sigproxy", "stunmon" },
		{ "sigproxy", "mediaproxy-0" }, { "sigproxy", "mediaproxy-1" },
		{ "registrar-db", "stunmon" },
		{ "stunmon", "mediaproxy-0" }, { "stunmon", "mediaproxy-1" },
		{ "tracer", "sigproxy" }, { "tracer", "mediaproxy-0" },
		{ "tracer", "mediaproxy-1" },
	};
	struct conf c = { .processes = 2 };

	plan_make(&c, &plan);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		ck_assert(has_door(pairs[i][0], pairs[i][1]));
		ck_assert(has_door(pairs[i][1], pairs[i][0]));
	}
	ck_assert_uint_eq(plan.n_doors, 20 + 6);
}
END_TEST

/* stunmon may say nothing there: it hears which trunks to find. */
START_TEST(the_store_is_known_to_those_who_need_it_only)
{
	struct conf c = { .processes = PLAN_MEDIA_MAX };

	plan_make(&c, &plan);
	for (unsigned i = 0; i < plan.n_doors; i++) {
		const struct plan_door *d = &plan.door[i];

		if (d->owner->role == ROLE_REG)
			ck_assert(d->knocker->role == ROLE_SIG ||
			    d->knocker->role == ROLE_STUN ||
			    d->knocker->role == ROLE_ADMIN);
		ck_assert(d->owner->role != ROLE_ADMIN);
	}
}
END_TEST

START_TEST(the_admin_knocks_at_everybody)
{
	struct conf c = { .processes = 1 };

	plan_make(&c, &plan);
	ck_assert(has_door("sigproxy", "admin"));
	ck_assert(has_door("mediaproxy-0", "admin"));
	ck_assert(has_door("stunmon", "admin"));
	ck_assert(has_door("registrar-db", "admin"));
	ck_assert(has_door("tracer", "admin"));
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { five_processes_for_one_relay,
		keyd_comes_with_a_certificate_and_a_port,
		a_door_at_both_ends_of_each_pair,
		the_store_is_known_to_those_who_need_it_only,
		the_admin_knocks_at_everybody };

	return run_suite("plan", tests, sizeof(tests) / sizeof(tests[0]));
}
