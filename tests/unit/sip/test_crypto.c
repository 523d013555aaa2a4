/* a=crypto (RFC 4568): what is read, what is refused, what is written. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "sigproxy/sip/crypto.h"
#include "tests/unit/sip/lab.h"

#define K30 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
#define K28 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw=="
#define K46 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLQ=="
#define K44 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKis="
#define CM "1 AES_CM_128_HMAC_SHA1_80 "

static const struct {
	const char *name, *line;
	int err;
	unsigned tag, suite, mki_len, mki;
} rows[] = {
	{ "the usual one", CM "inline:" K30, 0, 1, SRTP_AES_CM_128_80, 0, 0 },
	{ "a short tag", "2 AES_CM_128_HMAC_SHA1_32 inline:" K30, 0, 2,
	    SRTP_AES_CM_128_32, 0, 0 },
	{ "256 bits", "3 AES_256_CM_HMAC_SHA1_80 inline:" K46, 0, 3,
	    SRTP_AES_256_CM_80, 0, 0 },
	{ "256 bits, a short tag", "3 AES_256_CM_HMAC_SHA1_32 inline:" K46, 0,
	    3, SRTP_AES_256_CM_32, 0, 0 },
	{ "256 bits without padding",
	    "3 AES_256_CM_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
	    "GBkaGxwdHh8gISIjJCUmJygpKissLQ", 0, 3, SRTP_AES_256_CM_80, 0, 0 },
	{ "GCM", "4 AEAD_AES_128_GCM inline:" K28, 0, 4, SRTP_AEAD_128, 0,
	    0 },
	{ "GCM, 256 bits", "4 AEAD_AES_256_GCM inline:" K44, 0, 4,
	    SRTP_AEAD_256, 0, 0 },
	{ "baresip's key for it", "4 AEAD_AES_256_GCM inline:" K46, -ENOTSUP,
	    0, 0, 0, 0 },
	{ "a lifetime", CM "inline:" K30 "|2^31", 0, 1, SRTP_AES_CM_128_80,
	    0, 0 },
	{ "a lifetime in digits", CM "inline:" K30 "|1000", 0, 1,
	    SRTP_AES_CM_128_80, 0, 0 },
	{ "an MKI", CM "inline:" K30 "|2^20|1:4", 0, 1, SRTP_AES_CM_128_80, 4,
	    1 },
	{ "an MKI alone", CM "inline:" K30 "|258:2", 0, 1,
	    SRTP_AES_CM_128_80, 2, 258 },
	{ "an MKI that does not fit", CM "inline:" K30 "|256:1", -EBADMSG, 0,
	    0, 0, 0 },
	{ "a long MKI", CM "inline:" K30 "|1:5", -ENOTSUP, 0, 0, 0, 0 },
	{ "an MKI of nothing", CM "inline:" K30 "|1:0", -EBADMSG, 0, 0, 0,
	    0 },
	{ "a window", CM "inline:" K30 " WSH=128", 0, 1, SRTP_AES_CM_128_80,
	    0, 0 },
	{ "a window behind two blanks", CM "inline:" K30 "  WSH=65535", 0, 1,
	    SRTP_AES_CM_128_80, 0, 0 },
	{ "a window too large", CM "inline:" K30 " WSH=65536", -EBADMSG, 0, 0,
	    0, 0 },
	{ "no encryption", CM "inline:" K30 " UNENCRYPTED_SRTP", -ENOTSUP, 0,
	    0, 0, 0 },
	{ "a key rate", CM "inline:" K30 " KDR=1", -ENOTSUP, 0, 0, 0, 0 },
	{ "error correction", CM "inline:" K30 " FEC_ORDER=FEC_SRTP",
	    -ENOTSUP, 0, 0, 0, 0 },
	{ "no authentication", CM "inline:" K30 " UNAUTHENTICATED_SRTP",
	    -ENOTSUP, 0, 0, 0, 0 },
	{ "two keys", CM "inline:" K30 "|1:1;inline:" K30 "|2:1", -ENOTSUP, 0,
	    0, 0, 0 },
	{ "another suite", "1 F8_128_HMAC_SHA1_80 inline:" K30, -ENOTSUP, 0,
	    0, 0, 0 },
	{ "a suite in other letters", "1 aes_cm_128_hmac_sha1_80 inline:" K30,
	    -ENOTSUP, 0, 0, 0, 0 },
	{ "another method", CM "uri:" K30, -ENOTSUP, 0, 0, 0, 0 },
	{ "a short key", CM "inline:" K28, -ENOTSUP, 0, 0, 0, 0 },
	{ "a long key", CM "inline:" K30 K30 K30 K30, -ENOTSUP, 0, 0, 0, 0 },
	{ "no base64", CM "inline:****", -EBADMSG, 0, 0, 0, 0 },
	{ "half a padding", "4 AEAD_AES_128_GCM inline:"
	    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw=", -EBADMSG, 0, 0, 0, 0 },
	{ "no key", CM "inline:", -EBADMSG, 0, 0, 0, 0 },
	{ "no method", CM K30, -EBADMSG, 0, 0, 0, 0 },
	{ "nothing behind the suite", "1 AES_CM_128_HMAC_SHA1_80", -EBADMSG,
	    0, 0, 0, 0 },
	{ "no tag", "AES_CM_128_HMAC_SHA1_80 inline:" K30, -EBADMSG, 0, 0, 0,
	    0 },
	{ "a tag of ten digits", "1234567890 AES_CM_128_HMAC_SHA1_80 inline:"
	    K30, -EBADMSG, 0, 0, 0, 0 },
	{ "a lifetime of nothing", CM "inline:" K30 "|2^0", -EBADMSG, 0, 0, 0,
	    0 },
	{ "too long a life", CM "inline:" K30 "|2^49", -EBADMSG, 0, 0, 0, 0 },
	{ "something more", CM "inline:" K30 "|2^1|1:1|1", -EBADMSG, 0, 0, 0,
	    0 },
	{ "nothing", "", -EBADMSG, 0, 0, 0, 0 },
};

START_TEST(a_line_is_read_or_refused)
{
	struct sdp_crypto c = { 0 };
	int err = sdp_crypto_parse(lab_guarded(span_str(rows[_i].line)), &c);

	ck_assert_msg(err == rows[_i].err && c.tag == rows[_i].tag &&
		c.suite == rows[_i].suite && c.mki_len == rows[_i].mki_len &&
		c.mki == rows[_i].mki, "%s: %d", rows[_i].name, err);
	for (size_t i = 0; err == 0 && i < srtp_key_len(c.suite); i++)
		ck_assert_uint_eq(c.key[i], i);
}
END_TEST

/* The lines of the second section; the tag of the one chosen, 0: none. */
static const struct {
	const char *name, *lines;
	unsigned tag;
} sections[] = {
	{ "the first", "a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:" K30 "\r\n"
	    "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:" K30 "\r\n", 1 },
	{ "the first that is ours", "a=crypto:1 F8_128_HMAC_SHA1_80 inline:"
	    K30 "\r\na=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:" K30 "\r\n",
	    7 },
	{ "none that is ours", "a=crypto:1 X inline:" K30 "\r\n", 0 },
	{ "none", "a=sendrecv\r\n", 0 },
};

START_TEST(the_first_of_ours_in_their_order)
{
	static struct sdp s;
	struct sdp_crypto c = { 0 };
	char mem[1024];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_puts(&b, "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
	    "c=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 0\r\n"
	    "a=crypto:9 AES_CM_128_HMAC_SHA1_80 inline:" K30 "\r\n"
	    "m=video 4002 RTP/SAVP 96\r\n");
	buf_puts(&b, sections[_i].lines);
	buf_puts(&b, "m=audio 4004 RTP/SAVP 0\r\n"
	    "a=crypto:8 AES_CM_128_HMAC_SHA1_80 inline:" K30 "\r\n");
	ck_assert_int_eq(sdp_parse(buf_span(&b), &s), 0);
	ck_assert_int_eq(sdp_crypto_choose(&s.media[1], &c),
	    sections[_i].tag == 0 ? -ENOENT : 0);
	ck_assert_msg(c.tag == sections[_i].tag, "%s: %u", sections[_i].name,
	    c.tag);
}
END_TEST

START_TEST(what_is_written_is_padded_and_read_again)
{
	uint8_t key[SRTP_KEY_MAX];
	struct sdp_crypto c;
	char mem[SDP_CRYPTO_LINE_MAX];
	struct buf b;

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	buf_init(&b, mem, sizeof(mem));
	sdp_crypto_put(&b, 999999999, (unsigned)_i, key);
	ck_assert_int_eq(buf_err(&b), 0);
	ck_assert_int_eq(sdp_crypto_parse(span_sub(buf_span(&b), 9, b.len),
		&c), 0);
	ck_assert_int_eq(c.suite, _i);
	ck_assert_mem_eq(c.key, key, srtp_key_len(c.suite));
	/* Four characters for each three bytes, begun ones too. */
	ck_assert_uint_eq((b.len - 2 - (size_t)(span_find(buf_span(&b), 'i') +
		7)) % 4, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("crypto");
	TCase *t = tcase_create("crypto");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, a_line_is_read_or_refused, 0,
	    (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_loop_test(t, the_first_of_ours_in_their_order, 0,
	    (int)(sizeof(sections) / sizeof(sections[0])));
	tcase_add_loop_test(t, what_is_written_is_padded_and_read_again, 1,
	    SRTP_SUITES);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
