/* Which names are asked for, with the resolver in our hands (meson.build). */
#include <ares.h>
#include <errno.h>
#include <stdio.h>

#include "stunmon/io/dns.h"
#include "tests/unit/stun/suite.h"

static struct {
	char name[32];
	ares_addrinfo_callback done;
	void *arg;
} asked[2 * DNS_NAMES_MAX];
static unsigned n_asked, n_answered, answered;
/* As in the process, none is ever freed. */
static struct {
	uv_loop_t loop;
	struct dns *dns;
} lives[4];
static unsigned n_lives;
static uv_loop_t *loop;
static struct dns *dns;

void __wrap_ares_getaddrinfo(ares_channel channel, const char *name,
    const char *service, const struct ares_addrinfo_hints *hints,
    ares_addrinfo_callback done, void *arg);

void
__wrap_ares_getaddrinfo(ares_channel channel, const char *name,
    const char *service, const struct ares_addrinfo_hints *hints,
    ares_addrinfo_callback done, void *arg)
{
	ck_assert_uint_lt(n_asked, 2 * DNS_NAMES_MAX);
	snprintf(asked[n_asked].name, sizeof(asked[0].name), "%s", name);
	asked[n_asked].done = done;
	asked[n_asked++].arg = arg;
}

static uint32_t
on_answer(void *arg, unsigned number, const struct dns_answer *a)
{
	ck_assert_int_eq(a->err, -EAGAIN);
	n_answered++;
	answered = number;
	return 60000;
}

static void
silence(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		asked[i].done(asked[i].arg, ARES_ETIMEOUT, 3, NULL);
}

static void
setup(void)
{
	n_asked = n_answered = 0;
	loop = &lives[n_lives].loop;
	ck_assert_int_eq(uv_loop_init(loop), 0);
	dns = lives[n_lives++].dns = dns_new(loop, on_answer, NULL);
	ck_assert_ptr_nonnull(dns);
	dns_start(dns);
	for (unsigned i = 0; i < DNS_NAMES_MAX; i++)
		dns_watch(dns, i, "old.example.net", DNS_IPV4);
	uv_run(loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(n_asked, DNS_NAMES_MAX);
}

static void
forget_all(void)
{
	for (unsigned i = 0; i < DNS_NAMES_MAX; i++)
		dns_forget(dns, i);
}

START_TEST(a_new_name_need_not_wait_for_answers_to_forgotten_ones)
{
	forget_all();
	for (unsigned i = 0; i < DNS_NAMES_MAX; i++)
		dns_watch(dns, 100 + i, "new.example.net", DNS_IPV4);
	silence(0, DNS_NAMES_MAX);
	ck_assert_uint_eq(n_answered, 0);
	uv_run(loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(n_asked, 2 * DNS_NAMES_MAX);
	ck_assert_str_eq(asked[DNS_NAMES_MAX].name, "new.example.net");
	silence(DNS_NAMES_MAX, 2 * DNS_NAMES_MAX);
	ck_assert_uint_eq(n_answered, DNS_NAMES_MAX);
	ck_assert_uint_eq(answered, 100 + DNS_NAMES_MAX - 1);
}
END_TEST

START_TEST(one_forgotten_twice_is_asked_for_by_nobody)
{
	forget_all();
	dns_watch(dns, 100, "new.example.net", DNS_IPV4);
	dns_forget(dns, 100);
	silence(0, DNS_NAMES_MAX);
	uv_run(loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(n_asked, DNS_NAMES_MAX);
	ck_assert_uint_eq(n_answered, 0);
}
END_TEST

START_TEST(beyond_the_last_place_there_is_none)
{
	dns_watch(dns, 100, "new.example.net", DNS_IPV4);
	silence(0, DNS_NAMES_MAX);
	ck_assert_uint_eq(n_answered, DNS_NAMES_MAX);
	ck_assert_uint_eq(answered, DNS_NAMES_MAX - 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("DNS");
	TCase *tc = tcase_create("places");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc,
	    a_new_name_need_not_wait_for_answers_to_forgotten_ones);
	tcase_add_test(tc, one_forgotten_twice_is_asked_for_by_nobody);
	tcase_add_test(tc, beyond_the_last_place_there_is_none);
	suite_add_tcase(s, tc);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
