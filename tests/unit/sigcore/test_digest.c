/* Which answer is taken, which challenge a device gets, the next nonce. */
#include <check.h>
#include <errno.h>
#include <stdio.h>

#include "sigproxy/core/creds.h"
#include "sigproxy/core/devices.h"

#define OURS "realm=\"SMO-SIP\", uri=\"sip:a\", response=\"0\", "
#define SENT "0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210"

static struct sip_msg m;
static struct nonces *sent;
static struct addr home;
static char text[16384];

static void
setup(void)
{
	struct mono now = { 1000000 };
	struct span out;

	addr_parse(SPAN_LIT("198.51.100.7:5060"), 0, &home);
	sent = nonces_new(4);
	nonces_add(sent, now, SPAN_LIT(SENT), 300000);
	ck_assert_int_eq(nonces_take(sent, now, &home, &out), 0);
}

static void
teardown(void)
{
	nonces_free(sent);
}

/* Find in a REGISTER with these headers. */
static int
find(const char *headers, struct creds *c)
{
	int n = snprintf(text, sizeof(text),
	    "REGISTER sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
	    "Max-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n"
	    "Call-ID: x\r\nCSeq: 1 REGISTER\r\n%sContent-Length: 5\r\n\r\n"
	    "v=0\r\n", headers);

	ck_assert_int_eq(sip_parse(span_make(text, (size_t)n), SIP_DATAGRAM,
			     &m, NULL), 0);
	return creds_find(&m, SPAN_LIT("SMO-SIP"), sent, &home, c);
}

#define ANSWER(user, more) \
	"Authorization: Digest " OURS "username=\"" user "\", " more "\r\n"
#define PROXY(user, more) \
	"Proxy-Authorization: Digest " OURS "username=\"" user "\", " more \
	"\r\n"
#define N(nonce) "nonce=\"" nonce "\""

static const struct {
	const char *name, *headers, *taken;	/* NULL: none */
	int err;
} rows[] = {
	{ "the strongest of three", ANSWER("a", N(SENT) ", algorithm=MD5")
	    ANSWER("b", N(SENT) ", algorithm=SHA-512-256")
	    ANSWER("c", N(SENT) ", algorithm=SHA-256"), "b", 0 },
	{ "quoted algorithms too (some phones)",
	    ANSWER("a", N(SENT)) ANSWER("b", N(SENT)
	    ", algorithm=\"sha-256\""), "b", 0 },
	{ "the first of two alike", ANSWER("a", N(SENT)) ANSWER("b", N(SENT)),
	    "a", 0 },
	{ "the nonce that was sent before any algorithm",
	    ANSWER("a", N(OTHER) ", algorithm=SHA-256")
	    ANSWER("b", N(SENT) ", algorithm=MD5"), "b", 0 },
	{ "a known algorithm before an unknown one",
	    ANSWER("a", N(SENT) ", algorithm=SHA-1")
	    ANSWER("b", N(SENT)), "b", 0 },
	{ "an unknown one alone is for the oracle to refuse",
	    ANSWER("a", N(SENT) ", algorithm=MD5-sess"), "a", 0 },
	{ "Proxy-Authorization beside Authorization",
	    PROXY("a", N(SENT) ", algorithm=SHA-256")
	    ANSWER("b", N(SENT)), "a", 0 },
	{ "usable before stronger but unusable",
	    ANSWER("a\tb", N(SENT) ", algorithm=SHA-256")
	    ANSWER("b", N(SENT)), "b", 0 },
	{ "a parameter twice is no answer at all",
	    ANSWER("a", N(SENT) ", uri=\"sip:b\"") ANSWER("b", N(SENT)),
	    "b", 0 },
	{ "the fifth is not looked at", ANSWER("a", N(OTHER))
	    ANSWER("b", N(OTHER)) ANSWER("c", N(OTHER)) ANSWER("d", N(OTHER))
	    ANSWER("e", N(SENT)), "a", 0 },
	{ "escapes are undone", ANSWER("S\\IP\\-1", N(SENT)), "SIP-1", 0 },
	{ "username* hides who it is",
	    "Authorization: Digest " OURS N(SENT)
	    ", username*=UTF-8''SIP-168\r\n", NULL, -ENOTSUP },
	{ "userhash=true too", ANSWER("a", N(SENT) ", userhash=true"), NULL,
	    -ENOTSUP },
	{ "userhash=false is what we said", ANSWER("a", N(SENT)
	    ", userhash=false"), "a", 0 },
	{ "hidden beside plain", ANSWER("a", N(SENT)
	    ", userhash=true, algorithm=SHA-256") ANSWER("b", N(SENT)), "b",
	    0 },
};

START_TEST(of_several_answers_the_best_is_taken)
{
	struct creds c;

	ck_assert_msg(find(rows[_i].headers, &c) == rows[_i].err, "%s",
	    rows[_i].name);
	if (rows[_i].taken != NULL)
		ck_assert_msg(span_eq(c.digest.username,
				  span_str(rows[_i].taken)), "%s: %.*s",
		    rows[_i].name, (int)c.digest.username.len,
		    c.digest.username.p);
}
END_TEST

START_TEST(any_number_of_answers_is_harmless)
{
	static char headers[8192];
	struct creds c;

	for (int ours = 0; ours <= 20; ours++) {
		headers[0] = '\0';
		for (int i = 0; i < 20 - ours; i++)
			strcat(headers, i % 2 == 0 ? "Authorization: Digest "
			    "realm=\"x\", username=\"u\"\r\n" :
			    "Authorization: Basic abc\r\n");
		for (int i = 0; i < ours; i++)
			strcat(headers, ANSWER("a", N(SENT)));
		ck_assert_int_eq(find(headers, &c), ours > 0 ? 0 : -ENOENT);
	}
}
END_TEST

START_TEST(auth_int_gets_the_bodys_hash)
{
	struct digest *d = digest_new();
	struct creds c;

	ck_assert_int_eq(find(ANSWER("a", N(SENT) ", qop=auth"), &c), 0);
	ck_assert_int_eq(creds_hash_body(&c, d, m.body), 0);
	ck_assert_uint_eq(c.digest.body_hash.len, 0);
	ck_assert_int_eq(find(ANSWER("a", N(SENT) ", qop=auth-int"), &c), 0);
	ck_assert_int_eq(creds_hash_body(&c, d, m.body), 0);
	ck_assert(span_eq(c.digest.body_hash,
	    SPAN_LIT("b0d75ee0fad0609be9c67fb60aaf290a")));
	ck_assert_int_eq(find(ANSWER("a", N(SENT) ", qop=auth-int, "
	    "algorithm=x"), &c), 0);
	ck_assert_int_eq(creds_hash_body(&c, d, m.body), 0);
	ck_assert_uint_eq(c.digest.body_hash.len, 0);
	digest_free(d);
}
END_TEST

/* ---- devices ---- */

#define MD5_ DEVICE_DIGEST(DIGEST_MD5)
#define SHA256_ DEVICE_DIGEST(DIGEST_SHA256)
#define SHA512_ DEVICE_DIGEST(DIGEST_SHA512_256)

static const struct {
	const char *agent;
	unsigned site;
	const char *offered;
} devices[] = {
	{ "", MD5_, "MD5" },
	{ "a phone nobody knows", MD5_, "MD5" },
	{ "a phone nobody knows", MD5_ | SHA256_, "SHA-256 MD5" },
	{ "a phone nobody knows", MD5_ | SHA256_ | SHA512_,
	    "SHA-512-256 SHA-256 MD5" },
	{ "a phone nobody knows", SHA512_, "SHA-512-256" },
	{ "Linphonec/5.1.65", MD5_, "SHA-256 MD5" },
	{ "LINPHONEC/5.1.65", SHA256_, "SHA-256" },
	{ "Linphonec/5.1.65", SHA512_, "SHA-256" },
	{ "Linphone/3.6.1 (eXosip2/4.1.0)", MD5_, "MD5" },
	{ "baresip v1.0.0 (x86_64/linux)", MD5_ | SHA256_, "MD5" },
	{ "0123456789012345678901234567890123456789012345678901234567 baresip",
	    MD5_ | SHA256_, "SHA-256 MD5" },
	{ "baresip v1.0.0 (x86_64/linux)", SHA256_, "MD5" },
	{ "Yealink SIP-T19P 31.72.0.48", SHA256_ | MD5_, "MD5" },
	{ "Yealink SIP-T41P 36.72.0.57", SHA256_ | MD5_, "MD5" },
	{ "Zoiper rev.20411", SHA256_ | MD5_, "MD5" },
};

START_TEST(each_device_is_asked_for_what_it_can_do)
{
	enum digest_alg alg[DIGEST_ALGS];
	char got[64] = "";
	unsigned n = device_challenges(device_of(span_str(devices[_i].agent)),
	    devices[_i].site, alg);

	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			strcat(got, " ");
		strcat(got, digest_alg_name(alg[i]));
	}
	ck_assert_msg(strcmp(got, devices[_i].offered) == 0, "%s: %s",
	    devices[_i].agent, got);
}
END_TEST

/* ---- the next nonce ---- */

START_TEST(the_next_nonce_is_the_youngest_and_lives_long_enough)
{
	struct mono now = { 1000000 };
	struct span out;

	nonces_add(sent, now, SPAN_LIT(OTHER), 300000);
	now = mono_add_ms(now, 200000);
	nonces_add(sent, now, SPAN_LIT(SENT), 300000);
	ck_assert_int_eq(nonces_take_young(sent, now, &home, 300000, &out),
	    -ENOENT);
	ck_assert_int_eq(nonces_take_young(sent, now, &home, 299999, &out), 0);
	ck_assert(span_eq(out, SPAN_LIT(SENT)));
	ck_assert_int_eq(nonces_take_young(sent, now, &home, 100000, &out),
	    -ENOENT);
	ck_assert(!nonces_was_sent(sent, SPAN_LIT(OTHER), &home));
	ck_assert_int_eq(nonces_take_young(sent, now, &home, 99999, &out), 0);
	ck_assert(nonces_was_sent(sent, SPAN_LIT(OTHER), &home));
	ck_assert_int_eq(nonces_take_young(sent, now, &home, 1, &out),
	    -ENOENT);
	/* Those of a registrar-db that is gone are stale when they come. */
	nonces_add(sent, now, SPAN_LIT(OTHER), 300000);
	nonces_outdate(sent);
	ck_assert_int_eq(nonces_take_young(sent, now, &home, 1, &out),
	    -ENOENT);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sigcore digest");
	TCase *t = tcase_create("digest");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, of_several_answers_the_best_is_taken, 0,
	    sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(t, any_number_of_answers_is_harmless);
	tcase_add_test(t, auth_int_gets_the_bodys_hash);
	tcase_add_loop_test(t, each_device_is_asked_for_what_it_can_do, 0,
	    sizeof(devices) / sizeof(devices[0]));
	tcase_add_test(t, the_next_nonce_is_the_youngest_and_lives_long_enough);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
