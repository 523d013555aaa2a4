/* SRTP alone: vectors of the RFCs, libsrtp2 as the other side, wrong tags,
 * replays, the rollover counter across a rollover and a restart. */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <srtp2/srtp.h>

#include "tests/unit/media/suite.h"

#include "srtp_vectors.h"

#define PAYLOAD 160
#define RTP_LEN (12 + PAYLOAD)
#define ROOM (RTP_PACKET_MAX + SRTP_TRAILER_MAX)

static struct srtp_engine *engine;
static uint8_t master[SRTP_KEY_MAX];

static void
setup(void)
{
	engine = srtp_engine_new();
	ck_assert_ptr_nonnull(engine);
	for (size_t i = 0; i < sizeof(master); i++)
		master[i] = (uint8_t)(i * 7 + 1);
}

static void
teardown(void)
{
	srtp_engine_free(engine);
}

static size_t
unhex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;
	unsigned v = 0;

	for (size_t i = 0; i < 2 * n; i++) {
		v = v << 4 | (unsigned)(hex[i] <= '9' ? hex[i] - '0' :
			hex[i] - 'a' + 10);
		if (i % 2 == 1)
			out[i / 2] = (uint8_t)v;
	}
	return n;
}

static void
assert_hex(const char *name, const uint8_t *p, const char *hex)
{
	uint8_t want[128];
	size_t n = unhex(hex, want);

	ck_assert_msg(memcmp(p, want, n) == 0, "%s", name);
}

/* ---- vectors ---- */

START_TEST(the_key_stream_is_the_rfcs)
{
	static uint8_t zeros[0xff02 * 16];
	struct srtp_keys k = { 0 };

	memset(zeros, 0, sizeof(zeros));
	unhex(keystream[_i].key, k.cipher);
	memcpy(k.salt, "\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7"
	    "\xf8\xf9\xfa\xfb\xfc\xfd", SRTP_SALT_LEN);
	ck_assert_int_eq(srtp_counter(engine, keystream[_i].suite, &k, 0, 0,
		zeros, sizeof(zeros)), 0);
	assert_hex(keystream[_i].name,
	    zeros + 16 * strtoul(keystream[_i].at, NULL, 16),
	    keystream[_i].block);
}
END_TEST

START_TEST(session_keys_are_the_rfcs)
{
	uint8_t key[SRTP_KEY_MAX], auth[20], want[20], got[20];
	struct srtp_keys k;
	unsigned len;

	unhex(derived[_i].salt, key + unhex(derived[_i].master, key));
	unhex(derived[_i].auth, auth);
	ck_assert_int_eq(srtp_derive(engine, derived[_i].suite, key,
		SRTP_LABEL_RTP, &k), 0);
	assert_hex(derived[_i].name, k.cipher, derived[_i].cipher);
	assert_hex(derived[_i].name, k.salt, derived[_i].cipher_salt);
	HMAC(EVP_sha1(), auth, sizeof(auth),
	    (const unsigned char *)"abc\1\2\3\4", 7, want, &len);
	srtp_hmac(&k, (const uint8_t *)"abc", 3, 0x01020304, got, 20);
	ck_assert_mem_eq(got, want, 20);
}
END_TEST

START_TEST(aead_packets_are_the_rfcs)
{
	struct srtp s = { .suite = (uint8_t)aead[_i].suite };
	struct srtp out = s;
	struct srtp_mark mark;
	uint8_t packet[ROOM];
	size_t plain, len;

	unhex(aead[_i].key, s.rtp.cipher);
	unhex(aead[_i].salt, s.rtp.salt);
	out.rtp = s.rtp;
	len = plain = unhex(aead[_i].plain, packet);
	ck_assert_int_eq(srtp_seal(&out, engine, false, packet, &len, ROOM),
	    0);
	ck_assert_uint_eq(len, strlen(aead[_i].sealed) / 2);
	assert_hex(aead[_i].name, packet, aead[_i].sealed);
	ck_assert_int_eq(srtp_open(&s, engine, false, packet, &len, &mark),
	    0);
	ck_assert_uint_eq(len, plain);
	assert_hex(aead[_i].name, packet, aead[_i].plain);
}
END_TEST

/* ---- packets ---- */

static void
key_it(struct srtp *s, unsigned suite)
{
	const struct srtp_key key = { .suite = (uint8_t)suite,
		.bytes = span_make(master, srtp_key_len(suite)) };

	ck_assert_int_eq(srtp_set_key(s, engine, &key), 0);
}

static size_t
rtp(uint8_t *p, uint32_t seq, uint32_t ssrc)
{
	memset(p, 0, RTP_LEN);
	p[0] = 0x80;
	p[2] = (uint8_t)(seq >> 8);
	p[3] = (uint8_t)seq;
	p[10] = (uint8_t)(ssrc >> 8);
	p[11] = (uint8_t)ssrc;
	for (int i = 0; i < PAYLOAD; i++)
		p[12 + i] = (uint8_t)(seq + (uint32_t)i);
	return RTP_LEN;
}

static int
seal(struct srtp *s, uint8_t *p, uint32_t seq, size_t *len)
{
	*len = rtp(p, seq, 9);
	return srtp_seal(s, engine, false, p, len, ROOM);
}

static int
hear(struct srtp *s, bool rtcp, uint8_t *p, size_t len)
{
	struct srtp_mark mark;
	int err = srtp_open(s, engine, rtcp, p, &len, &mark);

	if (err == 0)
		srtp_accept(s, &mark);
	return err;
}

/* ---- the other side ---- */

static void
set_policy(srtp_crypto_policy_t *p, unsigned suite, bool rtcp)
{
	static void (*const set[SRTP_SUITES])(srtp_crypto_policy_t *) = {
		[SRTP_AES_CM_128_80] = srtp_crypto_policy_set_rtp_default,
		[SRTP_AES_CM_128_32] =
		    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
		[SRTP_AES_256_CM_80] =
		    srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
		[SRTP_AES_256_CM_32] =
		    srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32,
		[SRTP_AEAD_128] = srtp_crypto_policy_set_aes_gcm_128_16_auth,
		[SRTP_AEAD_256] = srtp_crypto_policy_set_aes_gcm_256_16_auth,
	};

	if (rtcp && suite == SRTP_AES_CM_128_32)
		suite = SRTP_AES_CM_128_80;
	if (rtcp && suite == SRTP_AES_256_CM_32)
		suite = SRTP_AES_256_CM_80;
	set[suite](p);
}

static srtp_t
other(unsigned suite, bool sends)
{
	srtp_policy_t p = { .key = master, .window_size = 128 };
	srtp_t s;

	set_policy(&p.rtp, suite, false);
	set_policy(&p.rtcp, suite, true);
	p.ssrc.type = sends ? ssrc_any_outbound : ssrc_any_inbound;
	srtp_init();
	ck_assert_int_eq(srtp_create(&s, &p), srtp_err_status_ok);
	return s;
}

START_TEST(libsrtp_hears_us_and_we_hear_it)
{
	unsigned suite = (unsigned)_i;
	srtp_t tx = other(suite, true), rx = other(suite, false);
	struct srtp in = { 0 }, out = { 0 };
	uint8_t p[ROOM];
	size_t len;
	int n;

	key_it(&in, suite);
	key_it(&out, suite);
	/* Across the first rollover and beyond the second. */
	for (uint32_t seq = 65000; seq < 65000 + 2000; seq++) {
		n = (int)rtp(p, seq, 9);
		ck_assert_int_eq(srtp_protect(tx, p, &n), 0);
		ck_assert_int_eq(hear(&in, false, p, (size_t)n), 0);
		ck_assert_uint_eq(p[12], (uint8_t)seq);
		ck_assert_int_eq(seal(&out, p, seq, &len), 0);
		n = (int)len;
		ck_assert_int_eq(srtp_unprotect(rx, p, &n), 0);
		ck_assert_int_eq(n, RTP_LEN);
		ck_assert_uint_eq(p[12], (uint8_t)seq);
	}
	ck_assert_uint_eq(in.source[0].rtp.top >> 16, 1);
	srtp_dealloc(tx);
	srtp_dealloc(rx);
}
END_TEST

static size_t
rtcp(uint8_t *p)
{
	static const uint8_t rr[] = { 0x81, 201, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4,
		5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
		22, 23, 24 };

	memcpy(p, rr, sizeof(rr));
	return sizeof(rr);
}

START_TEST(libsrtp_hears_our_rtcp_and_we_hear_its)
{
	unsigned suite = (unsigned)_i;
	srtp_t tx = other(suite, true), rx = other(suite, false);
	struct srtp in = { 0 }, out = { 0 };
	uint8_t p[ROOM], copy[ROOM];
	size_t len;
	int n;

	key_it(&in, suite);
	key_it(&out, suite);
	for (int i = 0; i < 200; i++) {
		n = (int)rtcp(p);
		ck_assert_int_eq(srtp_protect_rtcp(tx, p, &n), 0);
		memcpy(copy, p, (size_t)n);
		ck_assert_int_eq(hear(&in, true, p, (size_t)n), 0);
		ck_assert_uint_eq(p[8], 1);
		ck_assert_int_eq(hear(&in, true, copy, (size_t)n),
		    -EALREADY);
		len = rtcp(p);
		ck_assert_int_eq(srtp_seal(&out, engine, true, p, &len, ROOM),
		    0);
		n = (int)len;
		ck_assert_int_eq(srtp_unprotect_rtcp(rx, p, &n), 0);
		ck_assert_uint_eq(p[8], 1);
	}
	srtp_dealloc(tx);
	srtp_dealloc(rx);
}
END_TEST

START_TEST(csrcs_and_an_extension_stay_in_clear)
{
	static const uint8_t head[] = { 0x92, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 9,
		1, 1, 1, 1, 2, 2, 2, 2, 0xbe, 0xde, 0, 1, 9, 9, 9, 9 };
	srtp_t rx = other(SRTP_AES_CM_128_80, false);
	struct srtp out = { 0 };
	uint8_t p[ROOM];
	size_t len = sizeof(head) + 20;
	int n;

	key_it(&out, SRTP_AES_CM_128_80);
	memset(p, 7, sizeof(p));
	memcpy(p, head, sizeof(head));
	ck_assert_int_eq(srtp_seal(&out, engine, false, p, &len, ROOM), 0);
	ck_assert_mem_eq(p, head, sizeof(head));
	n = (int)len;
	ck_assert_int_eq(srtp_unprotect(rx, p, &n), 0);
	ck_assert_uint_eq(p[sizeof(head) + 19], 7);
	srtp_dealloc(rx);
}
END_TEST

/* ---- what is refused ---- */

START_TEST(a_changed_byte_is_refused_wherever_it_is)
{
	struct srtp in = { 0 }, out = { 0 }, before;
	uint8_t p[ROOM], bad[ROOM];
	size_t len;

	key_it(&in, (unsigned)_i);
	key_it(&out, (unsigned)_i);
	ck_assert_int_eq(seal(&out, p, 1, &len), 0);
	before = in;
	for (size_t i = 0; i < len; i++) {
		memcpy(bad, p, len);
		bad[i] ^= 0x10;
		ck_assert_int_ne(hear(&in, false, bad, len), 0);
	}
	for (size_t n = 0; n < len; n++) {
		memcpy(bad, p, n);
		ck_assert_int_ne(hear(&in, false, bad, n), 0);
	}
	ck_assert_mem_eq(&in, &before, sizeof(in));
	ck_assert_int_eq(hear(&in, false, p, len), 0);
}
END_TEST

START_TEST(a_million_wrong_tags_change_nothing)
{
	struct srtp in = { 0 }, out = { 0 }, before;
	uint8_t p[ROOM], bad[64];
	size_t len;

	key_it(&in, SRTP_AES_CM_128_80);
	key_it(&out, SRTP_AES_CM_128_80);
	ck_assert_int_eq(seal(&out, p, 1, &len), 0);
	ck_assert_int_eq(hear(&in, false, p, len), 0);
	before = in;
	for (uint32_t i = 0; i < 1000000; i++) {
		rtp(p, i, 9 + i % 3);
		memcpy(bad, p, sizeof(bad));
		if (hear(&in, false, bad, sizeof(bad)) == 0)
			ck_abort_msg("number %u was believed", i);
	}
	ck_assert_mem_eq(&in, &before, sizeof(in));
	ck_assert_int_eq(seal(&out, p, 2, &len), 0);
	ck_assert_int_eq(hear(&in, false, p, len), 0);
}
END_TEST

static const struct {
	const char *name;
	uint32_t seq[6];
	int want[6];
} replays[] = {
	{ "twice", { 10, 10 }, { 0, -EALREADY } },
	{ "out of order, then again", { 10, 12, 11, 11, 12 },
	    { 0, 0, 0, -EALREADY, -EALREADY } },
	{ "63 behind, 64 behind", { 100, 37, 36 }, { 0, 0, -EALREADY } },
	{ "a leap, and what was before it", { 100, 300, 100, 301 },
	    { 0, 0, -EALREADY, 0 } },
	{ "before the first, across the rollover", { 2, 65535, 3 },
	    { 0, -EALREADY, 0 } },
	{ "late ones after the rollover", { 65534, 0, 65535, 65534, 1 },
	    { 0, 0, 0, -EALREADY, 0 } },
};

START_TEST(no_packet_is_heard_twice)
{
	struct srtp in = { 0 };
	uint8_t p[ROOM];
	size_t len;

	key_it(&in, SRTP_AES_CM_128_80);
	for (int i = 0; i < 6 && (i == 0 || replays[_i].seq[i] != 0 ||
		 replays[_i].want[i] != 0); i++) {
		struct srtp out = { 0 };
		struct srtp_source *so = &out.source[0];

		/* One that seals with the index which the packet has. */
		key_it(&out, SRTP_AES_CM_128_80);
		*so = in.source[0];
		so->rtp.seen = 0;
		if (so->used && seal(&out, p, replays[_i].seq[i], &len) ==
		    -EALREADY) {
			ck_assert_int_eq(replays[_i].want[i], -EALREADY);
			continue;
		}
		if (!so->used)
			seal(&out, p, replays[_i].seq[i], &len);
		ck_assert_msg(hear(&in, false, p, len) ==
		    replays[_i].want[i], "%s: number %d", replays[_i].name,
		    i);
	}
}
END_TEST

START_TEST(no_index_is_sealed_twice)
{
	struct srtp out = { 0 };
	uint8_t p[ROOM];
	size_t len;

	key_it(&out, SRTP_AEAD_128);
	ck_assert_int_eq(seal(&out, p, 5, &len), 0);
	ck_assert_int_eq(seal(&out, p, 5, &len), -EALREADY);
	ck_assert_int_eq(seal(&out, p, 6, &len), 0);
}
END_TEST

START_TEST(no_room_for_the_tag_no_packet)
{
	struct srtp out = { 0 };
	uint8_t p[ROOM];
	size_t len = rtp(p, 1, 9);

	key_it(&out, SRTP_AES_CM_128_80);
	ck_assert_int_eq(srtp_seal(&out, engine, false, p, &len, len + 9),
	    -EMSGSIZE);
	ck_assert_int_eq(srtp_seal(&out, engine, false, p, &len, len + 10),
	    0);
}
END_TEST

START_TEST(an_mki_is_taken_off_and_compared)
{
	struct srtp in = { 0 }, out = { 0 };
	struct srtp_key key = { SRTP_AES_CM_128_80,
		span_make(master, srtp_key_len(SRTP_AES_CM_128_80)), 2, 0x0102 };
	uint8_t p[ROOM], tag[10];
	size_t len;

	ck_assert_int_eq(srtp_set_key(&in, engine, &key), 0);
	key_it(&out, SRTP_AES_CM_128_80);
	for (uint16_t seq = 1; seq < 3; seq++) {
		ck_assert_int_eq(seal(&out, p, seq, &len), 0);
		memcpy(tag, p + len - 10, 10);
		p[len - 10] = 1;
		p[len - 9] = (uint8_t)(seq + 1);
		memcpy(p + len - 8, tag, 10);
		ck_assert_int_eq(hear(&in, false, p, len + 2),
		    seq == 1 ? 0 : -EACCES);
	}
}
END_TEST

/* ---- keys and restarts ---- */

START_TEST(the_same_key_goes_on_another_begins_anew)
{
	struct srtp in = { 0 }, out = { 0 };
	uint8_t p[ROOM];
	size_t len;

	key_it(&in, SRTP_AES_CM_128_80);
	key_it(&out, SRTP_AES_CM_128_80);
	for (uint32_t seq = 65530; seq < 65540; seq++) {
		ck_assert_int_eq(seal(&out, p, seq, &len), 0);
		ck_assert_int_eq(hear(&in, false, p, len), 0);
	}
	key_it(&in, SRTP_AES_CM_128_80);
	ck_assert_int_eq(seal(&out, p, 4, &len), 0);
	ck_assert_int_eq(hear(&in, false, p, len), 0);
	ck_assert_uint_eq(in.source[0].rtp.top, 65540);
	master[0] ^= 1;
	key_it(&in, SRTP_AES_CM_128_80);
	ck_assert_uint_eq(in.source[0].used, 0);
	ck_assert_int_eq(seal(&out, p, 5, &len), 0);
	ck_assert_int_eq(hear(&in, false, p, len), -EACCES);
}
END_TEST

/* A relay dies now and then; the next one has what it told last. */
START_TEST(restarts_across_the_rollover_are_not_heard)
{
	srtp_t tx = other(SRTP_AES_CM_128_80, true);
	srtp_t rx = other(SRTP_AES_CM_128_80, false);
	struct srtp in = { 0 }, out = { 0 };
	struct ipc_roc told[IPC_ROCS_MAX];
	unsigned n_told = 0, deaths = 0;
	uint8_t p[ROOM];
	size_t len;
	int n;

	key_it(&in, SRTP_AES_CM_128_80);
	key_it(&out, SRTP_AES_CM_128_80);
	for (uint32_t seq = 65000; seq < 65000 + 140000; seq++) {
		if (seq % 701 == 0) {
			srtp_wipe(&in);
			srtp_wipe(&out);
			key_it(&in, SRTP_AES_CM_128_80);
			key_it(&out, SRTP_AES_CM_128_80);
			for (unsigned i = 0; i < n_told; i++)
				srtp_resume(told[i].out ? &out : &in,
				    &told[i], told[i].out);
			deaths++;
		}
		n = (int)rtp(p, seq, 9);
		ck_assert_int_eq(srtp_protect(tx, p, &n), 0);
		ck_assert_msg(hear(&in, false, p, (size_t)n) == 0,
		    "deaf at %u", seq);
		ck_assert_int_eq(seal(&out, p, seq, &len), 0);
		n = (int)len;
		ck_assert_msg(srtp_unprotect(rx, p, &n) == 0, "mute at %u",
		    seq);
		if (seq % 5 == 0 && (srtp_has_news(&in) ||
			srtp_has_news(&out))) {
			n_told = 0;
			srtp_tell(&in, false, told, &n_told);
			srtp_tell(&out, true, told, &n_told);
		}
	}
	ck_assert_uint_ge(deaths, 199);
	srtp_dealloc(tx);
	srtp_dealloc(rx);
}
END_TEST

START_TEST(rtcp_goes_on_after_a_restart)
{
	srtp_t rx = other(SRTP_AES_CM_128_80, false);
	struct srtp out = { 0 };
	struct ipc_roc told[IPC_ROCS_MAX];
	unsigned n_told;
	uint8_t p[ROOM];
	size_t len;
	int n;

	key_it(&out, SRTP_AES_CM_128_80);
	for (int i = 0; i < 90; i++) {
		len = rtcp(p);
		ck_assert_int_eq(srtp_seal(&out, engine, true, p, &len, ROOM),
		    0);
		n = (int)len;
		ck_assert_int_eq(srtp_unprotect_rtcp(rx, p, &n), 0);
		if (srtp_has_news(&out)) {
			n_told = 0;
			srtp_tell(&out, true, told, &n_told);
		}
		if (i % 30 == 29) {
			srtp_wipe(&out);
			key_it(&out, SRTP_AES_CM_128_80);
			srtp_resume(&out, &told[0], true);
		}
	}
	srtp_dealloc(rx);
}
END_TEST

START_TEST(more_sources_than_places_are_heard_too)
{
	struct srtp in = { 0 }, out = { 0 };
	uint8_t p[ROOM];

	key_it(&in, SRTP_AES_CM_128_80);
	for (uint32_t ssrc = 1; ssrc < 20; ssrc++) {
		size_t len = rtp(p, 7, ssrc);

		key_it(&out, SRTP_AES_CM_128_80);
		ck_assert_int_eq(srtp_seal(&out, engine, false, p, &len,
			ROOM), 0);
		ck_assert_int_eq(hear(&in, false, p, len), 0);
	}
	for (int i = 0; i < SRTP_SOURCES_MAX; i++)
		ck_assert_uint_ge(in.source[i].ssrc, 16);
}
END_TEST

static const struct {
	const char *name;
	uint8_t suite;
	size_t len;
} wrong_keys[] = {
	{ "short", SRTP_AES_CM_128_80, 29 },
	{ "long", SRTP_AEAD_128, 30 },
	{ "no suite", SRTP_SUITES, 0 },
	{ "a key for plain", SRTP_NONE, 30 },
};

START_TEST(a_key_that_does_not_fit_is_refused)
{
	struct srtp s = { 0 };
	const struct srtp_key key = { .suite = wrong_keys[_i].suite,
		.bytes = span_make(master, wrong_keys[_i].len) };

	ck_assert_msg(srtp_set_key(&s, engine, &key) == -EINVAL, "%s",
	    wrong_keys[_i].name);
	ck_assert(!srtp_is_on(&s));
}
END_TEST

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

void
add_srtp_tests(Suite *s)
{
	TCase *t = tcase_create("srtp");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, the_key_stream_is_the_rfcs, 0,
	    ROWS(keystream));
	tcase_add_loop_test(t, session_keys_are_the_rfcs, 0, ROWS(derived));
	tcase_add_loop_test(t, aead_packets_are_the_rfcs, 0, ROWS(aead));
	tcase_add_loop_test(t, libsrtp_hears_us_and_we_hear_it, 1,
	    SRTP_SUITES);
	tcase_add_loop_test(t, libsrtp_hears_our_rtcp_and_we_hear_its, 1,
	    SRTP_SUITES);
	tcase_add_test(t, csrcs_and_an_extension_stay_in_clear);
	tcase_add_loop_test(t, a_changed_byte_is_refused_wherever_it_is, 1,
	    SRTP_SUITES);
	tcase_add_test(t, a_million_wrong_tags_change_nothing);
	tcase_add_loop_test(t, no_packet_is_heard_twice, 0, ROWS(replays));
	tcase_add_test(t, no_index_is_sealed_twice);
	tcase_add_test(t, no_room_for_the_tag_no_packet);
	tcase_add_test(t, an_mki_is_taken_off_and_compared);
	tcase_add_test(t, the_same_key_goes_on_another_begins_anew);
	tcase_add_test(t, restarts_across_the_rollover_are_not_heard);
	tcase_add_test(t, rtcp_goes_on_after_a_restart);
	tcase_add_test(t, more_sources_than_places_are_heard_too);
	tcase_add_loop_test(t, a_key_that_does_not_fit_is_refused, 0,
	    ROWS(wrong_keys));
	suite_add_tcase(s, t);
}
