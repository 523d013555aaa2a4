/* Right, wrong, stale, forbidden: design section 6, RFC 7616. */
#include <errno.h>

#include "registrar-db/core/seal.h"
#include "registrar-db/core/verify.h"
#include "tests/unit/regdb/suite.h"

#define PASSWORD "correct-horse-77"

static struct verify v;
static struct account who;
static struct ipc_digest answer;
static struct ipc_flow flow;
static char nonce[NONCE_CHARS], ha1[DIGEST_HEX_MAX], response[DIGEST_HEX_MAX];

/* The answer of a phone that knows this password. */
static void
answer_with(const char *password, const char *nc)
{
	enum digest_alg alg = verify_alg(&answer);
	struct digest_in in;
	char mine[DIGEST_HEX_MAX];

	answer.nc = span_str(nc);
	in = (struct digest_in){ answer.method, answer.uri, answer.nonce,
		answer.nc, answer.cnonce, answer.qop, answer.body_hash };
	digest_ha1(v.digest, alg, answer.username, answer.realm,
	    span_str(password), mine);
	digest_response(v.digest, alg, span_make(mine, digest_hex_len(alg)),
	    &in, response);
	answer.response = span_make(response, digest_hex_len(alg));
}

static void
account_for(enum digest_alg alg)
{
	digest_ha1(v.digest, alg, S("SIP-168"), S("SMO-SIP"), S(PASSWORD), ha1);
	who = (struct account){ true, true, true, true, 7,
		span_make(ha1, digest_hex_len(alg)), DIGEST_MD5, false,
		SPAN_NONE, false };
}

static void
setup(void)
{
	const uint8_t key[NONCE_KEY_LEN] = { 3 };

	v = (struct verify){ digest_new(), nonces_new(key, 300000),
		meter_new(), S("SMO-SIP"), devices_new() };
	nonce_mint(v.nonces, at_s(0), nonce);
	flow = flow_of(ZONE_EXTERNAL, "198.51.100.7:4711");
	answer = (struct ipc_digest){ .method = S("REGISTER"),
		.username = S("SIP-168"), .realm = S("SMO-SIP"),
		.nonce = span_make(nonce, NONCE_CHARS),
		.uri = S("sip:sip.example.org"), .cnonce = S("0a4f113b"),
		.qop = S("auth"), .algorithm = S("MD5") };
	account_for(DIGEST_MD5);
	answer_with(PASSWORD, "00000001");
}

static void
teardown(void)
{
	digest_free(v.digest);
	nonces_free(v.nonces);
	meter_free(v.meter);
	devices_free(v.devices);
}

static enum verify_why
check_at(uint64_t s)
{
	return verify_answer(&v, at_s(s), &answer, &flow, &who);
}

START_TEST(a_right_answer_is_right_once)
{
	ck_assert_int_eq(check_at(1), VERIFY_RIGHT);
	ck_assert_int_eq(check_at(1), VERIFY_STALE);
	answer_with(PASSWORD, "00000002");
	ck_assert_int_eq(check_at(1), VERIFY_RIGHT);
}
END_TEST

START_TEST(every_algorithm_and_form_is_accepted)
{
	static const char *const algs[] = { "", "md5", "SHA-256",
		"SHA-512-256" };

	for (size_t i = 0; i < 4; i++) {
		answer.algorithm = span_str(algs[i]);
		account_for(verify_alg(&answer));
		nonce_mint(v.nonces, at_s(0), nonce);
		answer.qop = S("auth");
		answer_with(PASSWORD, "00000001");
		ck_assert_msg(check_at(1) == VERIFY_RIGHT, "%s", algs[i]);
		nonce_mint(v.nonces, at_s(0), nonce);
		answer.qop = SPAN_NONE;
		answer_with(PASSWORD, "");
		ck_assert_msg(check_at(1) == VERIFY_RIGHT, "%s", algs[i]);
		ck_assert_msg(check_at(1) == VERIFY_STALE, "%s", algs[i]);
	}
}
END_TEST

START_TEST(an_upper_case_response_is_right)
{
	for (int i = 0; i < 32; i++) {
		if (response[i] >= 'a')
			response[i] = (char)(response[i] - 32);
	}
	ck_assert_int_eq(check_at(1), VERIFY_RIGHT);
}
END_TEST

START_TEST(a_wrong_answer_spends_nothing)
{
	/* Kamailio a82e5657b6: a stranger must not burn a user's nonce. */
	answer_with("something-else-9", "00000001");
	ck_assert_int_eq(check_at(1), VERIFY_WRONG);
	answer_with(PASSWORD, "00000001");
	ck_assert_int_eq(check_at(1), VERIFY_RIGHT);
}
END_TEST

START_TEST(every_character_counts)
{
	for (int i = 0; i < 32; i++) {
		char kept = response[i];

		response[i] = kept == '0' ? '1' : '0';
		meter_free(v.meter);
		v.meter = meter_new();
		ck_assert_int_eq(check_at(1), VERIFY_WRONG);
		response[i] = kept;
	}
	ck_assert_int_eq(check_at(1), VERIFY_RIGHT);
}
END_TEST

START_TEST(malformed_answers_are_wrong)
{
	static const struct { const char *name, *alg, *qop, *nc, *cnonce; }
	rows[] = {
		{ "session variant", "MD5-sess", "auth", "00000001", "x" },
		{ "auth-int without a body's hash", "MD5", "auth-int",
		    "00000001", "x" },
		{ "two qops", "MD5", "auth,auth-int", "00000001", "x" },
		{ "an algorithm nobody has", "SHA-1", "auth", "00000001", "x" },
		{ "no nc", "MD5", "auth", "", "x" },
		{ "short nc", "MD5", "auth", "1", "x" },
		{ "nc not hex", "MD5", "auth", "0000000g", "x" },
		{ "no cnonce", "MD5", "auth", "00000001", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answer.algorithm = span_str(rows[i].alg);
		answer.qop = span_str(rows[i].qop);
		answer.cnonce = span_str(rows[i].cnonce);
		answer_with(PASSWORD, rows[i].nc);
		ck_assert_msg(check_at(1) == VERIFY_WRONG, "%s", rows[i].name);
	}
	teardown();
	setup();
	answer.response = span_sub(answer.response, 0, 31);
	ck_assert_int_eq(check_at(1), VERIFY_WRONG);
	answer.response = SPAN_NONE;
	ck_assert_int_eq(check_at(1), VERIFY_WRONG);
}
END_TEST

START_TEST(auth_int_covers_the_body)
{
	char body[DIGEST_HEX_MAX];

	for (int i = 0; i < DIGEST_ALGS; i++) {
		answer.algorithm = span_str(digest_alg_name((enum digest_alg)i));
		answer.qop = S("auth-int");
		account_for((enum digest_alg)i);
		digest_body(v.digest, (enum digest_alg)i, S("v=0\r\n"), body);
		answer.body_hash = span_make(body, who.ha1.len);
		nonce_mint(v.nonces, at_s(0), nonce);
		answer_with(PASSWORD, "00000001");
		digest_body(v.digest, (enum digest_alg)i, S("v=1\r\n"), body);
		ck_assert_int_eq(check_at(1), VERIFY_WRONG);
		digest_body(v.digest, (enum digest_alg)i, S("v=0\r\n"), body);
		answer.body_hash.len--;
		ck_assert_int_eq(check_at(1), VERIFY_WRONG);
		answer.body_hash.len++;
		ck_assert_int_eq(check_at(1), VERIFY_RIGHT);
	}
}
END_TEST

START_TEST(a_weak_answer_is_wrong_whether_right_or_not)
{
	static const struct { const char *algorithm; enum digest_alg least;
		enum verify_why right, wrong; } rows[] = {
		{ "MD5", DIGEST_MD5, VERIFY_RIGHT, VERIFY_WRONG },
		{ "", DIGEST_SHA256, VERIFY_WEAK, VERIFY_WEAK },
		{ "MD5", DIGEST_SHA256, VERIFY_WEAK, VERIFY_WEAK },
		{ "MD5-sess", DIGEST_SHA256, VERIFY_WEAK, VERIFY_WEAK },
		{ "SHA-256", DIGEST_SHA256, VERIFY_RIGHT, VERIFY_WRONG },
		{ "SHA-256", DIGEST_SHA512_256, VERIFY_WEAK, VERIFY_WEAK },
		{ "SHA-512-256", DIGEST_SHA256, VERIFY_RIGHT, VERIFY_WRONG },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		teardown();
		setup();
		answer.algorithm = span_str(rows[i].algorithm);
		account_for(verify_alg(&answer));
		who.least = rows[i].least;
		answer_with("something-else-9", "00000001");
		ck_assert_msg(check_at(1) == rows[i].wrong, "row %zu", i);
		answer_with(PASSWORD, "00000001");
		ck_assert_msg(check_at(1) == rows[i].right, "row %zu", i);
	}
	ck_assert_int_eq(verify_verdict(VERIFY_WEAK), VERDICT_FORBIDDEN);
}
END_TEST

START_TEST(weak_answers_use_the_budget_up_like_wrong_ones)
{
	who.least = DIGEST_SHA256;
	for (int i = 0; i < METER_BURST; i++)
		ck_assert_int_eq(check_at(1), VERIFY_WEAK);
	ck_assert_int_eq(check_at(1), VERIFY_METERED);
	who.least = DIGEST_MD5;
	ck_assert_int_eq(check_at(1), VERIFY_METERED);
}
END_TEST

START_TEST(what_the_challenge_did_not_say_is_stale)
{
	answer.realm = S("another.realm");
	ck_assert_int_eq(verify_verdict(check_at(1)), VERDICT_STALE);
	answer.realm = S("SMO-SIP");
	ck_assert_int_eq(verify_verdict(check_at(400)), VERDICT_STALE);
	answer.nonce = S("0123456789abcdef0123456789abcdef");
	ck_assert_int_eq(verify_verdict(check_at(1)), VERDICT_STALE);
}
END_TEST

START_TEST(every_no_is_the_same_403_and_spends_nothing)
{
	static const struct {
		const char *name;
		struct account who;
		enum verify_why want;
	} rows[] = {
		{ "unknown", { false, true, true, true, 9, { 0 }, DIGEST_MD5,
		    false, { 0 }, false }, VERIFY_UNKNOWN_USER },
		{ "somewhere else", { false, true, true, true, 7, { 0 }, DIGEST_MD5,
		    true, { 0 }, false }, VERIFY_ELSEWHERE },
		{ "disabled", { true, false, true, true, 7, { 0 }, DIGEST_MD5,
		    false, { 0 }, false }, VERIFY_DISABLED },
		{ "no internet flag", { true, true, false, true, 7, { 0 }, DIGEST_MD5,
		    false, { 0 }, false }, VERIFY_NOT_FROM_INTERNET },
		{ "another's AOR", { true, true, true, false, 7, { 0 }, DIGEST_MD5,
		    false, { 0 }, false }, VERIFY_NOT_HIS },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span hex = who.ha1;

		who = rows[i].who;
		who.ha1 = hex;
		ck_assert_msg(check_at(1) == rows[i].want, "%s", rows[i].name);
		ck_assert_int_eq(verify_verdict(rows[i].want),
		    VERDICT_FORBIDDEN);
	}
	account_for(DIGEST_MD5);
	ck_assert_int_eq(check_at(1), VERIFY_RIGHT);
}
END_TEST

START_TEST(the_internet_flag_is_for_the_internet)
{
	who.internet = false;
	flow.zone = ZONE_INTERNAL;
	ck_assert_int_eq(check_at(1), VERIFY_RIGHT);
}
END_TEST

START_TEST(guessing_ends_before_the_right_answer_and_home_goes_on)
{
	struct addr home = addr_of("192.0.2.33:5060");

	meter_known(v.meter, at_s(0), 7, &home);
	for (int i = 0; i < 50; i++) {
		answer_with("guess-number-xx", "00000001");
		ck_assert_int_eq(verify_verdict(check_at(1)),
		    VERDICT_FORBIDDEN);
	}
	answer_with(PASSWORD, "00000001");
	ck_assert_int_eq(check_at(1), VERIFY_METERED);
	flow.remote = home;
	ck_assert_int_eq(check_at(1), VERIFY_RIGHT);
}
END_TEST

START_TEST(who_guesses_beside_a_phone_does_not_lock_it_out)
{
	struct ipc_flow phone = flow;
	const struct device_sign is = { &phone, S("call-1") };

	meter_known(v.meter, at_s(0), 7, &phone.remote);
	devices_known(v.devices, at_s(0), 7, &is);
	flow.remote.port = 5099;
	for (int i = 0; i < 50; i++) {
		answer_with("guess-number-xx", "00000001");
		check_at(1);
	}
	answer_with(PASSWORD, "00000001");
	ck_assert_int_eq(check_at(1), VERIFY_METERED);
	/* On its flow; and by its REGISTER on another one. */
	flow = phone;
	ck_assert_int_eq(check_at(1), VERIFY_RIGHT);
	flow = flow_of(ZONE_EXTERNAL, "203.0.113.66:5060");
	who.mark = S("call-1");
	answer_with(PASSWORD, "00000002");
	ck_assert_int_eq(check_at(1), VERIFY_RIGHT);
	/* Its own wrong answers are counted as well. */
	answer_with("guess-number-xx", "00000003");
	for (int i = 0; i < DEVICES_BURST; i++)
		ck_assert_int_eq(check_at(1), VERIFY_WRONG);
	/* And now it is anybody at that address, whose budget is its own. */
	ck_assert_int_eq(check_at(1), VERIFY_WRONG);
}
END_TEST

/* Nothing forged, from anywhere: ten packets, then one a minute. */
START_TEST(who_knows_its_mark_does_not_lock_a_phone_out)
{
	struct ipc_flow phone = flow;
	const struct device_sign is = { &phone, S("urn:uuid:0e08112233") };

	meter_known(v.meter, at_s(0), 7, &phone.remote);
	devices_known(v.devices, at_s(0), 7, &is);
	who.mark = is.mark;
	for (uint64_t s = 1; s <= 600; s++) {
		nonce_mint(v.nonces, at_s(s), nonce);
		flow = flow_of(ZONE_EXTERNAL, "203.0.113.66:5060");
		answer_with("guess-number-xx", "00000001");
		check_at(s);
		flow = phone;
		answer_with(PASSWORD, "00000001");
		ck_assert_int_eq(check_at(s), VERIFY_RIGHT);
	}
}
END_TEST

/* ---- seals ---- */

START_TEST(a_seal_opens_only_for_its_row)
{
	static const char hex[] = "939e7578ed9e3c518a452acee763bce9";
	const uint8_t nonce24[SEAL_NONCE_LEN] = { 5 };
	struct seal_for me = { 7, S("SIP-168"), S("SMO-SIP"), DIGEST_MD5 };
	struct seal_for others[] = { me, me, me, me };
	uint8_t sealed[SEALED_MAX], long_one[SEALED_MAX];
	char out[DIGEST_HEX_MAX];
	struct secret key, other;
	struct span in;

	ck_assert_int_eq(secret_new(&key, SEAL_KEY_LEN), 0);
	ck_assert_int_eq(secret_new(&other, SEAL_KEY_LEN), 0);
	memset(key.p, 1, key.len);
	memset(other.p, 2, other.len);
	in = span_make(sealed, seal_ha1(&key, &me, nonce24,
				   span_make(hex, 32), sealed));
	ck_assert_uint_eq(in.len, 24 + 32 + 16);
	ck_assert_int_eq(seal_open(&key, &me, in, out), 0);
	assert_span(span_make(out, 32), hex);
	ck_assert_int_eq(seal_open(&other, &me, in, out), -EBADMSG);
	others[0].subscriber = 8;
	others[1].username = S("SIP-169");
	others[2].realm = S("SMO-SI");
	others[3].alg = DIGEST_SHA256;
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(seal_open(&key, &others[i], in, out),
		    -EBADMSG);
	ck_assert_int_eq(seal_open(&key, &me, span_sub(in, 0, 10), out),
	    -EBADMSG);
	/* Two algorithms of one length. */
	others[0] = others[1] = me;
	others[0].alg = DIGEST_SHA256;
	others[1].alg = DIGEST_SHA512_256;
	seal_ha1(&key, &others[0], nonce24, S("7987c64c30e25f1b74be53f966b49b90"
	    "f2808aa92faf9a00262392d7b4794232"), long_one);
	in = span_make(long_one, SEALED_MAX);
	ck_assert_int_eq(seal_open(&key, &others[0], in, out), 0);
	ck_assert_int_eq(seal_open(&key, &others[1], in, out), -EBADMSG);
	in = span_make(sealed, 24 + 32 + 16);
	sealed[30] ^= 1;
	ck_assert_int_eq(seal_open(&key, &me, in, out), -EBADMSG);
	secret_free(&key);
	secret_free(&other);
}
END_TEST

void
add_verify_tests(Suite *s)
{
	TCase *t = tcase_create("verify");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_right_answer_is_right_once);
	tcase_add_test(t, every_algorithm_and_form_is_accepted);
	tcase_add_test(t, an_upper_case_response_is_right);
	tcase_add_test(t, a_wrong_answer_spends_nothing);
	tcase_add_test(t, every_character_counts);
	tcase_add_test(t, malformed_answers_are_wrong);
	tcase_add_test(t, auth_int_covers_the_body);
	tcase_add_test(t, a_weak_answer_is_wrong_whether_right_or_not);
	tcase_add_test(t, weak_answers_use_the_budget_up_like_wrong_ones);
	tcase_add_test(t, what_the_challenge_did_not_say_is_stale);
	tcase_add_test(t, every_no_is_the_same_403_and_spends_nothing);
	tcase_add_test(t, the_internet_flag_is_for_the_internet);
	tcase_add_test(t, guessing_ends_before_the_right_answer_and_home_goes_on);
	tcase_add_test(t, who_guesses_beside_a_phone_does_not_lock_it_out);
	tcase_add_test(t, who_knows_its_mark_does_not_lock_a_phone_out);
	tcase_add_test(t, a_seal_opens_only_for_its_row);
	suite_add_tcase(s, t);
}
