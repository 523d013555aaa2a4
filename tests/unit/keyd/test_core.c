/* What keyd signs, with which scheme, and how often. */
#include <check.h>
#include <stdlib.h>

#include "keyd/core/expiry.h"
#include "keyd/core/gate.h"

static uint8_t mem[IPC_TBS_MAX];

/* What a TLS 1.3 server signs, with a hash of that length. */
static struct span
tls13(size_t hash_len)
{
	memset(mem, ' ', 64);
	memcpy(mem + 64, "TLS 1.3, server CertificateVerify", 34);
	memset(mem + 98, 0xab, hash_len);
	return span_make(mem, 98 + hash_len);
}

/* What a TLS 1.2 server signs for a curve, with a point of that length. */
static struct span
tls12(uint16_t curve, size_t point_len)
{
	memset(mem, 0xcd, 64);
	mem[64] = 3;
	mem[65] = (uint8_t)(curve >> 8);
	mem[66] = (uint8_t)curve;
	mem[67] = (uint8_t)point_len;
	memset(mem + 68, 4, point_len);
	return span_make(mem, 68 + point_len);
}

/* ---- form ---- */

static const struct {
	const char *name;
	uint16_t curve;		/* 0: TLS 1.3 */
	size_t len;		/* of hash or point */
	enum form want;
} right[] = {
	{ "1.3 SHA-256", 0, 32, FORM_TLS13 },
	{ "1.3 SHA-384", 0, 48, FORM_TLS13 },
	{ "1.3 no hash", 0, 0, FORM_NONE },
	{ "1.3 short hash", 0, 31, FORM_NONE },
	{ "1.3 between", 0, 40, FORM_NONE },
	{ "1.3 long hash", 0, 49, FORM_NONE },
	{ "1.3 SHA-512 is no suite's", 0, 64, FORM_NONE },
	{ "1.2 P-256", 23, 65, FORM_TLS12 },
	{ "1.2 P-384", 24, 97, FORM_TLS12 },
	{ "1.2 P-521", 25, 133, FORM_TLS12 },
	{ "1.2 X25519", 29, 32, FORM_TLS12 },
	{ "1.2 X448", 30, 56, FORM_TLS12 },
	{ "1.2 P-256 compressed", 23, 33, FORM_NONE },
	{ "1.2 P-256 with X25519's length", 23, 32, FORM_NONE },
	{ "1.2 X25519 with P-256's length", 29, 65, FORM_NONE },
	{ "1.2 no point", 23, 0, FORM_NONE },
	{ "1.2 no curve", 0xffff, 65, FORM_NONE },
	{ "1.2 P-224", 21, 57, FORM_NONE },
	{ "1.2 ffdhe2048", 256, 32, FORM_NONE },
	{ "1.2 curve's high octet", 23 + 256, 65, FORM_NONE },
};

static struct span
made(int i)
{
	return right[i].curve == 0 ? tls13(right[i].len) :
				     tls12(right[i].curve, right[i].len);
}

START_TEST(a_handshakes_structure_is_known)
{
	ck_assert_msg(form_of(made(_i)) == right[_i].want, "%s",
	    right[_i].name);
}
END_TEST

/* Shorter, longer, and changed in each octet that is not free. */
START_TEST(one_octet_else_is_no_form)
{
	struct span s = made(_i);
	bool is13 = right[_i].want == FORM_TLS13;
	size_t first = is13 ? 0 : 64;
	size_t last = is13 ? 98 : 68 + (right[_i].curve < 29);

	if (right[_i].want == FORM_NONE)
		return;
	for (size_t n = 0; n < s.len; n++)	/* 130: the other hash */
		ck_assert_int_eq(form_of(span_make(mem, n)),
		    is13 && n == 130 ? FORM_TLS13 : FORM_NONE);
	ck_assert_int_eq(form_of(span_make(mem, s.len + 1)), FORM_NONE);
	for (size_t i = first; i < last; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			mem[i] ^= (uint8_t)(1u << bit);
			ck_assert_msg(form_of(s) == FORM_NONE, "%s: octet %zu",
			    right[_i].name, i);
			mem[i] ^= (uint8_t)(1u << bit);
		}
	}
	ck_assert_int_eq(form_of(s), right[_i].want);
}
END_TEST

START_TEST(a_clients_context_is_no_form)
{
	struct span s = tls13(32);

	memcpy(mem + 64, "TLS 1.3, client CertificateVerify", 34);
	ck_assert_int_eq(form_of(s), FORM_NONE);
}
END_TEST

/* ---- scheme ---- */

#define N (1 << 0)		/* neither */
#define IN12 (1 << 1)
#define IN13 (1 << 2)

static const struct {
	const char *name;
	uint16_t number;
	uint8_t p256, p384, rsa, ed25519;
} schemes[] = {
	{ "ecdsa_secp256r1_sha256", 0x0403, IN12 | IN13, IN12, N, N },
	{ "ecdsa_secp384r1_sha384", 0x0503, IN12, IN12 | IN13, N, N },
	{ "ecdsa_secp521r1_sha512", 0x0603, IN12, IN12, N, N },
	{ "rsa_pss_rsae_sha256", 0x0804, N, N, IN12 | IN13, N },
	{ "rsa_pss_rsae_sha384", 0x0805, N, N, IN12 | IN13, N },
	{ "rsa_pss_rsae_sha512", 0x0806, N, N, IN12 | IN13, N },
	{ "rsa_pkcs1_sha256", 0x0401, N, N, IN12, N },
	{ "rsa_pkcs1_sha384", 0x0501, N, N, IN12, N },
	{ "rsa_pkcs1_sha512", 0x0601, N, N, IN12, N },
	{ "ed25519", 0x0807, N, N, N, IN12 | IN13 },
	{ "rsa_pkcs1_sha1", 0x0201, N, N, N, N },
	{ "ecdsa_sha1", 0x0203, N, N, N, N },
	{ "rsa_pkcs1_md5_sha1", 0xff01, N, N, N, N },
	{ "rsa_pss_pss_sha256", 0x0809, N, N, N, N },
	{ "ed448", 0x0808, N, N, N, N },
	{ "none", 0, N, N, N, N },
};

START_TEST(a_scheme_fits_its_key_and_version)
{
	const uint8_t want[] = { [KEY_NONE] = N, [KEY_P256] = schemes[_i].p256,
		[KEY_P384] = schemes[_i].p384, [KEY_RSA] = schemes[_i].rsa,
		[KEY_ED25519] = schemes[_i].ed25519 };

	for (unsigned k = KEY_NONE; k <= KEY_ED25519; k++) {
		for (unsigned f = FORM_NONE; f <= FORM_TLS13; f++) {
			const struct scheme *s = scheme_find(
			    schemes[_i].number, (enum key_kind)k,
			    (enum form)f);

			ck_assert_msg((s != NULL) ==
				(f != FORM_NONE && (want[k] & 1u << f) != 0),
			    "%s key %u form %u", schemes[_i].name, k, f);
			if (s != NULL)
				ck_assert_uint_eq(s->number,
				    schemes[_i].number);
		}
	}
}
END_TEST

/* ---- meter ---- */

static unsigned
take_all(struct meter *m, struct mono now)
{
	unsigned n = 0;

	while (meter_take(m, now))
		n++;
	return n;
}

START_TEST(a_burst_then_so_many_each_second)
{
	struct mono now = { 5000000 };
	struct meter m;
	unsigned n = 0;

	meter_init(&m, now);
	ck_assert_uint_eq(take_all(&m, now), METER_BURST);
	for (unsigned ms = 0; ms < 10000; ms++) {
		now = mono_add_ms(now, 1);
		n += take_all(&m, now);
	}
	ck_assert_uint_eq(n, 10 * METER_EACH_S);
	/* however long nobody asked */
	now = mono_add_ms(now, 86400000);
	ck_assert_uint_eq(take_all(&m, now), METER_BURST);
	now.us = UINT64_MAX;
	ck_assert_uint_eq(take_all(&m, now), METER_BURST);
}
END_TEST

START_TEST(a_clock_that_goes_back_gives_nothing)
{
	struct mono now = { 5000000 };
	struct meter m;

	meter_init(&m, now);
	take_all(&m, now);
	ck_assert(!meter_take(&m, (struct mono){ 0 }));
	ck_assert(!meter_take(&m, now));
	ck_assert(meter_take(&m, mono_add_ms(now, 1000)));
}
END_TEST

/* ---- gate ---- */

START_TEST(only_what_is_signed_costs)
{
	const struct mono now = { 1 };
	struct ipc_sign_ask ask = { .scheme = 0x0403, .index = 2 };
	const struct scheme *s = NULL;
	struct gate g;

	gate_init(&g, now);
	g.keys[2] = KEY_P256;
	for (unsigned i = 0; i < 2 * METER_BURST; i++) {
		ask.tbs = SPAN_LIT("a mail");
		ck_assert_int_eq(gate_ask(&g, now, &ask, &s), SIGN_FORM);
		ask.tbs = tls13(32);
		ask.index = 3;
		ck_assert_int_eq(gate_ask(&g, now, &ask, &s), SIGN_KEY);
		ask.index = 2;
		ask.scheme = 0x0804;
		ck_assert_int_eq(gate_ask(&g, now, &ask, &s), SIGN_KEY);
		ask.scheme = 0x0403;
	}
	for (unsigned i = 0; i < METER_BURST; i++) {
		ck_assert_int_eq(gate_ask(&g, now, &ask, &s), SIGN_OK);
		ck_assert_int_eq(s->hash, HASH_SHA256);
	}
	ck_assert_int_eq(gate_ask(&g, now, &ask, &s), SIGN_BUSY);
	ck_assert_uint_eq(g.asked, 7 * METER_BURST + 1);
	ck_assert_uint_eq(g.refused[SIGN_FORM], 2 * METER_BURST);
	ck_assert_uint_eq(g.refused[SIGN_KEY], 4 * METER_BURST);
	ck_assert_uint_eq(g.refused[SIGN_BUSY], 1);
}
END_TEST

/* ---- expiry ---- */

#define DAY 86400

/* Asked each hour for 60 days, of which 40 are left at the beginning. */
START_TEST(each_day_of_the_last_thirty_and_at_once_at_seven_and_one)
{
	const int64_t start = 1800000000, until = start + 40 * DAY + 1800;
	unsigned said[5] = { 0 };
	struct expiry e = { 0 };
	int64_t last = 0;

	ck_assert(!expiry_due(&e, until, start));
	for (int64_t now = start; now < start + 60 * DAY; now += 3600) {
		if (!expiry_due(&e, until, now))
			continue;
		said[expiry_level(until, now)]++;
		ck_assert(last == 0 || now - last <= DAY);
		last = now;
	}
	ck_assert_uint_eq(said[EXPIRY_FAR], 0);
	ck_assert_uint_eq(said[EXPIRY_MONTH], 23);
	ck_assert_uint_eq(said[EXPIRY_WEEK], 6);
	ck_assert_uint_eq(said[EXPIRY_DAY], 1);
	ck_assert_uint_eq(said[EXPIRY_OVER], 20);
}
END_TEST

START_TEST(at_start_it_is_said_and_a_clock_put_back_says_it_anew)
{
	const int64_t now = 1800000000;
	struct expiry e = { 0 };

	ck_assert(expiry_due(&e, now + 3 * DAY, now));
	ck_assert(!expiry_due(&e, now + 3 * DAY, now + 3600));
	ck_assert(expiry_due(&e, now + 3 * DAY, now - 7200));
	ck_assert(!expiry_due(&e, now + 3 * DAY, now - 3600));
	/* renewed */
	ck_assert(!expiry_due(&e, now + 300 * DAY, now));
	ck_assert(expiry_due(&e, now + DAY, now));
}
END_TEST

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

int
main(void)
{
	Suite *s = suite_create("keyd core");
	TCase *t = tcase_create("core");
	SRunner *r = srunner_create(s);
	int failed;

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, a_handshakes_structure_is_known, 0,
	    COUNT(right));
	tcase_add_loop_test(t, one_octet_else_is_no_form, 0, COUNT(right));
	tcase_add_test(t, a_clients_context_is_no_form);
	tcase_add_loop_test(t, a_scheme_fits_its_key_and_version, 0,
	    COUNT(schemes));
	tcase_add_test(t, a_burst_then_so_many_each_second);
	tcase_add_test(t, a_clock_that_goes_back_gives_nothing);
	tcase_add_test(t, only_what_is_signed_costs);
	tcase_add_test(t,
	    each_day_of_the_last_thirty_and_at_once_at_seven_and_one);
	tcase_add_test(t, at_start_it_is_said_and_a_clock_put_back_says_it_anew);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
