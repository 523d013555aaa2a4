/* Nonces: only ours, only while young, each count once (RFC 7616 3.3, 3.4.5). */
#include "registrar-db/core/nonce.h"
#include "tests/unit/regdb/suite.h"

#define LIFE_S 300

static struct nonces *n;
static char nonce[NONCE_CHARS];

static void
setup(void)
{
	const uint8_t key[NONCE_KEY_LEN] = { 1 };

	n = nonces_new(key, LIFE_S * 1000);
	nonce_mint(n, at_s(0), nonce);
}

static void
teardown(void)
{
	nonces_free(n);
}

static struct nonce_use
use_of(uint32_t nc)
{
	return (struct nonce_use){ span_make(nonce, NONCE_CHARS), nc != 0, nc };
}

enum act { CHECK, SPEND };

static void
step(const char *name, enum act act, uint64_t s, uint32_t nc,
    int64_t subscriber, enum nonce_state want)
{
	struct nonce_use use = use_of(nc);

	ck_assert_msg(nonce_check(n, at_s(s), &use, subscriber) == want, "%s",
	    name);
	if (act == SPEND)
		nonce_spend(n, &use, subscriber);
}

START_TEST(a_count_is_good_once)
{
	step("checking changes nothing", CHECK, 1, 1, 7, NONCE_GOOD);
	step("first use", SPEND, 1, 1, 7, NONCE_GOOD);
	step("replayed", CHECK, 1, 1, 7, NONCE_STALE);
	step("second use", SPEND, 2, 2, 7, NONCE_GOOD);
	step("the first once more", CHECK, 2, 1, 7, NONCE_STALE);
	step("one overtook", SPEND, 3, 5, 7, NONCE_GOOD);
	step("the overtaken one", SPEND, 3, 4, 7, NONCE_GOOD);
	step("once only", CHECK, 3, 4, 7, NONCE_STALE);
	step("far ahead", SPEND, 4, 500, 7, NONCE_GOOD);
	step("at the window's edge", CHECK, 4, 437, 7, NONCE_GOOD);
	step("behind the window", CHECK, 4, 436, 7, NONCE_STALE);
	step("the highest count", SPEND, 5, UINT32_MAX, 7, NONCE_GOOD);
	step("again", CHECK, 5, UINT32_MAX, 7, NONCE_STALE);
}
END_TEST

START_TEST(without_a_count_it_is_good_once)
{
	step("first use", SPEND, 1, 0, 7, NONCE_GOOD);
	step("second", CHECK, 1, 0, 7, NONCE_STALE);
	step("with a count", CHECK, 1, 9, 7, NONCE_STALE);
}
END_TEST

START_TEST(a_nonce_belongs_to_who_used_it_first)
{
	step("anybody may begin", CHECK, 1, 1, 8, NONCE_GOOD);
	step("seven begins", SPEND, 1, 1, 7, NONCE_GOOD);
	step("eight is late", CHECK, 1, 2, 8, NONCE_STALE);
	step("nobody too", CHECK, 1, 2, -1, NONCE_STALE);
	step("seven goes on", CHECK, 1, 2, 7, NONCE_GOOD);
}
END_TEST

START_TEST(it_ends_with_its_lifetime)
{
	step("at the end", CHECK, LIFE_S, 1, 7, NONCE_GOOD);
	step("after it", CHECK, LIFE_S + 1, 1, 7, NONCE_STALE);
}
END_TEST

START_TEST(what_we_did_not_mint_is_stale)
{
	static const char *const bad[] = { "", "x",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"AAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAA",
		"????????????????????????????????",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };
	const uint8_t key[NONCE_KEY_LEN] = { 2 };
	struct nonces *restarted = nonces_new(key, LIFE_S * 1000);
	struct nonce_use use = use_of(1);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct nonce_use forged = { span_str(bad[i]), true, 1 };

		ck_assert_int_eq(nonce_check(n, at_s(1), &forged, 7),
		    NONCE_STALE);
	}
	ck_assert_int_eq(nonce_check(restarted, at_s(1), &use, 7),
	    NONCE_STALE);
	nonces_free(restarted);
	for (int i = 0; i < NONCE_CHARS; i++) {
		char kept = nonce[i];

		nonce[i] = kept == 'B' ? 'C' : 'B';
		use = use_of(1);
		ck_assert_int_eq(nonce_check(n, at_s(1), &use, 7),
		    NONCE_STALE);
		nonce[i] = kept;
	}
}
END_TEST

START_TEST(the_ring_forgets_the_oldest_safely)
{
	char other[NONCE_CHARS];

	step("used", SPEND, 1, 1, 7, NONCE_GOOD);
	for (int i = 0; i < NONCE_RING - 1; i++)
		nonce_mint(n, at_s(1), other);
	step("the last that fits", CHECK, 1, 2, 7, NONCE_GOOD);
	nonce_mint(n, at_s(1), other);
	step("forgotten is stale, not fresh", CHECK, 1, 1, 7, NONCE_STALE);
}
END_TEST

void
add_nonce_tests(Suite *s)
{
	TCase *t = tcase_create("nonce");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_count_is_good_once);
	tcase_add_test(t, without_a_count_it_is_good_once);
	tcase_add_test(t, a_nonce_belongs_to_who_used_it_first);
	tcase_add_test(t, it_ends_with_its_lifetime);
	tcase_add_test(t, what_we_did_not_mint_is_stale);
	tcase_add_test(t, the_ring_forgets_the_oldest_safely);
	suite_add_tcase(s, t);
}
