/* TLS of the edge: handshakes with keys that are elsewhere, and their ends. */
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/sigtls/lab.h"

/* ---- every version with every kind of key ---- */

static const struct {
	const char *name;
	const char *kind;
	int version;
	const char *ciphers;	/* of TLS 1.2; NULL: any */
	uint16_t scheme;	/* 0: whatever */
} handshakes[] = {
	{ "1.3, P-256", "EC", TLS1_3_VERSION, NULL, 0x0403 },
	{ "1.3, P-384", "P-384", TLS1_3_VERSION, NULL, 0x0503 },
	{ "1.3, RSA signs with PSS", "RSA", TLS1_3_VERSION, NULL, 0x0804 },
	{ "1.3, Ed25519", "ED25519", TLS1_3_VERSION, NULL, 0x0807 },
	{ "1.2, P-256", "EC", TLS1_2_VERSION, NULL, 0 },
	{ "1.2, P-384", "P-384", TLS1_2_VERSION, NULL, 0 },
	{ "1.2, RSA", "RSA", TLS1_2_VERSION, NULL, 0 },
	{ "1.2, Ed25519", "ED25519", TLS1_2_VERSION, NULL, 0x0807 },
	{ "1.2, a phone without GCM", "RSA", TLS1_2_VERSION,
	    "ECDHE-RSA-AES128-SHA", 0 },
	{ "1.2, a phone with the oldest MAC, P-256", "EC", TLS1_2_VERSION,
	    "ECDHE-ECDSA-AES128-SHA", 0 },
};

START_TEST(a_handshake_by_a_key_that_is_elsewhere)
{
	struct phone p;
	struct lab l;

	lab_init(&l, handshakes[_i].kind);
	l.is_slow = true;
	phone_init(&p, &l, handshakes[_i].version, handshakes[_i].version);
	if (handshakes[_i].ciphers != NULL)
		ck_assert_int_eq(SSL_CTX_set_cipher_list(p.ctx,
			handshakes[_i].ciphers), 1);
	phone_connect(&p, "sip.example.org");
	phone_run(&p);
	ck_assert_msg(p.state == TLS_ASKS, "%s", handshakes[_i].name);
	ck_assert_uint_eq(l.n_asked, 1);
	if (handshakes[_i].scheme != 0)
		ck_assert_uint_eq(l.asked[0].scheme, handshakes[_i].scheme);
	/* The whole structure, not a digest. */
	ck_assert_uint_gt(l.asked[0].n, 64);
	lab_sign(&l);
	ck_assert_uint_eq(l.went_on, 1);
	phone_run(&p);
	phone_talks(&p);
	ck_assert_uint_eq(tls_shaking(l.tls), 0);
	phone_done(&p);
	lab_done(&l);
}
END_TEST

/* PKCS#1, which TLS 1.2 phones without PSS want. */
START_TEST(rsa_with_pkcs1)
{
	struct phone p;
	struct lab l;

	lab_init(&l, "RSA");
	l.is_slow = true;
	phone_init(&p, &l, TLS1_2_VERSION, TLS1_2_VERSION);
	SSL_CTX_set1_sigalgs_list(p.ctx, "RSA+SHA512");
	phone_connect(&p, NULL);
	phone_run(&p);
	ck_assert_uint_eq(l.asked[0].scheme, 0x0601);
	lab_sign(&l);
	phone_run(&p);
	phone_talks(&p);
	phone_done(&p);
	lab_done(&l);
}
END_TEST

/* ---- keyd ---- */

START_TEST(nobody_waits_for_another_ones_signature)
{
	struct phone slow, quick;
	struct lab l;

	lab_init(&l, "EC");
	phone_init(&slow, &l, 0, 0);
	phone_init(&quick, &l, 0, 0);
	l.is_slow = true;
	phone_connect(&slow, NULL);
	phone_run(&slow);
	ck_assert_int_eq(slow.state, TLS_ASKS);
	l.is_slow = false;
	phone_connect(&quick, NULL);
	phone_run(&quick);
	phone_talks(&quick);
	ck_assert_int_eq(slow.state, TLS_ASKS);
	lab_sign(&l);
	phone_run(&slow);
	phone_talks(&slow);
	phone_done(&slow);
	phone_done(&quick);
	lab_done(&l);
}
END_TEST

START_TEST(a_question_that_died_with_keyd_is_put_again)
{
	struct phone p;
	struct lab l;

	lab_init(&l, "EC");
	l.is_slow = true;
	phone_init(&p, &l, 0, 0);
	phone_connect(&p, NULL);
	phone_run(&p);
	l.n_asked = 0;
	ck_assert_int_eq(lab_give(&l, 1), 0);	/* the same: nothing is new */
	tls_key_up(l.tls);
	ck_assert_uint_eq(l.n_asked, 1);
	lab_sign(&l);
	phone_run(&p);
	phone_talks(&p);
	phone_done(&p);
	lab_done(&l);
}
END_TEST

START_TEST(keyd_has_too_much_to_do)
{
	struct mono now = { 1000000 };
	struct phone p;
	struct lab l;

	lab_init(&l, "EC");
	l.is_slow = true;
	phone_init(&p, &l, 0, 0);
	phone_connect(&p, NULL);
	phone_run(&p);
	tls_tick(l.tls, now);
	ck_assert_uint_eq(l.n_asked, 1);
	tls_put_off(l.tls, l.asked[0].id + 1);
	tls_put_off(l.tls, l.asked[0].id);
	l.n_asked = 0;
	tls_tick(l.tls, now);
	tls_tick(l.tls, now);
	ck_assert_uint_eq(l.n_asked, 1);
	lab_sign(&l);
	phone_run(&p);
	phone_talks(&p);
	phone_done(&p);
	lab_done(&l);
}
END_TEST

START_TEST(keyd_refuses)
{
	struct tls_hello hello;
	struct phone p;
	struct lab l;

	lab_init(&l, "EC");
	l.is_slow = true;
	phone_init(&p, &l, 0, 0);
	phone_connect(&p, NULL);
	phone_run(&p);
	tls_signed(l.tls, l.asked[0].id + TLS_SHAKING_MAX, SPAN_LIT("x"));
	tls_signed(l.tls, l.asked[0].id + 1, SPAN_LIT("x"));
	ck_assert_int_eq(p.state, TLS_ASKS);
	tls_signed(l.tls, l.asked[0].id, SPAN_NONE);
	ck_assert_int_eq(p.state, TLS_FAILED);
	ck_assert_int_eq(tls_failure(p.conn, &hello), TLS_WHY_KEY);
	ck_assert_int_eq(tls_read(p.conn, &hello, 1), -EPIPE);
	ck_assert(!tls_write(p.conn, SPAN_LIT("x")));
	tls_signed(l.tls, l.asked[0].id, SPAN_LIT("x"));
	phone_done(&p);
	lab_done(&l);
}
END_TEST

/* A captured keyd may answer anything. */
START_TEST(a_signature_that_is_none)
{
	static char junk[TLS_SIGNATURE_MAX + 1];
	static const size_t lens[] = { 1, 70, 72, 73, TLS_SIGNATURE_MAX,
		TLS_SIGNATURE_MAX + 1 };
	struct phone p;
	struct lab l;

	lab_init(&l, "EC");
	l.is_slow = true;
	phone_init(&p, &l, 0, 0);
	phone_connect(&p, NULL);
	phone_run(&p);
	tls_signed(l.tls, l.asked[0].id, span_make(junk, lens[_i]));
	phone_run(&p);
	ck_assert(!SSL_is_init_finished(p.ssl) || p.state != TLS_UP);
	phone_done(&p);
	lab_done(&l);
}
END_TEST

/* ---- ends ---- */

/* CVE-2021-32686: the connection goes at each octet of each flight. */
static void
ends_at(struct lab *l, int version, size_t at, bool is_slow, bool polite)
{
	struct phone p;

	l->is_slow = is_slow;
	phone_init(&p, l, version, version);
	phone_connect(&p, NULL);
	p.let = at;
	phone_run(&p);
	l->n_asked = 0;
	p.is_gone = !polite;
	if (p.state == TLS_READS && p.is_gone)
		p.state = tls_shake(p.conn);
	ck_assert(!p.is_gone || p.state != TLS_READS);
	phone_done(&p);
	ck_assert_uint_eq(tls_shaking(l->tls), 0);
}

START_TEST(the_peer_goes_at_each_octet)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct lab l;

	lab_init(&l, "EC");
	for (size_t at = 0; at < 700; at += at < 400 ? 1 : 17) {
		ends_at(&l, versions[_i], at, false, false);
		ends_at(&l, versions[_i], at, true, at % 2 == 0);
	}
	lab_done(&l);
}
END_TEST

START_TEST(a_slow_peer_gets_through)
{
	struct phone p;
	struct lab l;

	lab_init(&l, "EC");
	phone_init(&p, &l, 0, 0);
	phone_connect(&p, NULL);
	for (unsigned i = 0; i < 3000 && p.state == TLS_READS; i++) {
		p.let = 1;
		phone_run(&p);
	}
	p.let = SIZE_MAX;
	phone_talks(&p);
	phone_done(&p);
	lab_done(&l);
}
END_TEST

START_TEST(closing_is_said)
{
	struct phone p;
	struct lab l;
	char mem[8];

	lab_init(&l, "EC");
	phone_init(&p, &l, 0, 0);
	phone_connect(&p, NULL);
	phone_run(&p);
	ck_assert_int_eq(SSL_shutdown(p.ssl), 0);
	ck_assert_int_eq(tls_read(p.conn, mem, sizeof(mem)), -EPIPE);
	tls_close(p.conn, true);
	p.conn = NULL;
	ck_assert_int_eq(SSL_shutdown(p.ssl), 1);
	phone_done(&p);
	lab_done(&l);
}
END_TEST

START_TEST(garbage_instead_of_a_record)
{
	struct phone p;
	struct lab l;
	char mem[64];

	lab_init(&l, "EC");
	phone_init(&p, &l, 0, 0);
	phone_connect(&p, NULL);
	phone_run(&p);
	phone_talks(&p);
	BIO_write(SSL_get_wbio(p.ssl), "\x17\x03\x03\x00\x20"
	    "01234567890123456789012345678901", 37);
	ck_assert_int_eq(tls_read(p.conn, mem, sizeof(mem)), -EPIPE);
	ck_assert(!tls_write(p.conn, SPAN_LIT("x")));
	phone_done(&p);
	lab_done(&l);
}
END_TEST

START_TEST(part_of_a_record_is_seen)
{
	struct phone p;
	struct lab l;
	char mem[64];

	lab_init(&l, "EC");
	phone_init(&p, &l, 0, 0);
	phone_connect(&p, NULL);
	phone_run(&p);
	phone_talks(&p);
	ck_assert(!tls_has_part(p.conn));
	ck_assert_int_eq(SSL_write(p.ssl, "ping", 4), 4);
	p.let = 9;
	ck_assert_int_eq(tls_read(p.conn, mem, sizeof(mem)), 0);
	ck_assert(tls_has_part(p.conn));
	p.let = SIZE_MAX;
	ck_assert_int_eq(tls_read(p.conn, mem, sizeof(mem)), 4);
	ck_assert(!tls_has_part(p.conn));
	phone_done(&p);
	lab_done(&l);
}
END_TEST

START_TEST(no_renegotiation)
{
	struct phone p;
	struct lab l;
	char mem[64];

	lab_init(&l, "EC");
	phone_init(&p, &l, TLS1_2_VERSION, TLS1_2_VERSION);
	phone_connect(&p, NULL);
	phone_run(&p);
	phone_talks(&p);
	SSL_renegotiate(p.ssl);
	SSL_do_handshake(p.ssl);
	tls_read(p.conn, mem, sizeof(mem));
	ck_assert_int_le(SSL_do_handshake(p.ssl), 0);
	ck_assert_uint_eq(tls_shaking(l.tls), 0);
	phone_done(&p);
	lab_done(&l);
}
END_TEST

/* ---- limits ---- */

START_TEST(so_many_handshakes_and_no_more)
{
	static struct phone all[TLS_SHAKING_MAX + 1];
	struct lab l;

	lab_init(&l, "EC");
	l.is_slow = true;
	for (unsigned i = 0; i <= TLS_SHAKING_MAX; i++) {
		phone_init(&all[i], &l, 0, 0);
		phone_connect(&all[i], NULL);
		if (i < TLS_SHAKING_MAX)
			phone_run(&all[i]);
	}
	ck_assert_ptr_null(all[TLS_SHAKING_MAX].conn);
	ck_assert_uint_eq(l.n_asked, TLS_SHAKING_MAX);
	lab_sign(&l);
	for (unsigned i = 0; i < TLS_SHAKING_MAX; i++) {
		phone_run(&all[i]);
		phone_talks(&all[i]);
	}
	for (unsigned i = 0; i <= TLS_SHAKING_MAX; i++)
		phone_done(&all[i]);
	lab_done(&l);
}
END_TEST

/* ---- certificates ---- */

static void
shown(struct lab *l, const char *name, unsigned want)
{
	unsigned char der[2048], *p = der;
	struct phone phone;
	X509 *x;

	phone_init(&phone, l, 0, 0);
	phone_connect(&phone, name);
	phone_run(&phone);
	phone_talks(&phone);
	x = SSL_get1_peer_certificate(phone.ssl);
	ck_assert_msg(i2d_X509(x, &p) == (int)l->key[want].len &&
	    memcmp(der, l->key[want].der, l->key[want].len) == 0,
	    "%s", name == NULL ? "no name" : name);
	X509_free(x);
	phone_done(&phone);
}

static const struct {
	const char *name;
	unsigned want;
} names[] = {
	{ NULL, 0 }, { "sip.example.org", 0 }, { "SIP.EXAMPLE.ORG", 0 },
	{ "gate.example.net", 1 }, { "office.example.com", 2 },
	{ "a.b.example.com", 0 }, { "example.com", 0 },
	{ "198.51.100.7", 1 }, { "192.0.2.1", 0 }, { "other.example", 0 },
	{ "cn.example", 0 }, { ".example.com", 0 }, { "*.example.com", 0 },
};

START_TEST(the_name_chooses_the_certificate)
{
	struct lab l;

	lab_init(&l, "EC");
	lab_key_new(&l.key[1], "RSA", "DNS:gate.example.net,IP:198.51.100.7");
	lab_key_new(&l.key[2], "P-384", "DNS:*.example.com");
	ck_assert_int_eq(lab_give(&l, 3), 1);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].name == NULL || names[i].name[0] != '*')
			shown(&l, names[i].name, names[i].want);
	}
	lab_done(&l);
}
END_TEST

/* RSA beside EC, for the same names: each phone gets what it can. */
START_TEST(the_kind_of_key_that_a_phone_can)
{
	static const struct {
		const char *sigalgs;
		int version;
		uint16_t scheme;
		uint8_t index;
	} rows[] = {
		{ "RSA+SHA256", TLS1_2_VERSION, 0x0401, 1 },
		{ "RSA-PSS+SHA256", TLS1_3_VERSION, 0x0804, 1 },
		{ "ECDSA+SHA256", TLS1_2_VERSION, 0x0403, 0 },
		{ "RSA-PSS+SHA256:ECDSA+SHA256", TLS1_3_VERSION, 0x0403, 0 },
	};
	struct phone p;
	struct lab l;

	lab_init(&l, "EC");
	lab_key_new(&l.key[1], "RSA", "DNS:sip.example.org,IP:192.0.2.1");
	ck_assert_int_eq(lab_give(&l, 2), 1);
	l.is_slow = true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		phone_init(&p, &l, rows[i].version, rows[i].version);
		SSL_CTX_set1_sigalgs_list(p.ctx, rows[i].sigalgs);
		phone_connect(&p, "sip.example.org");
		phone_run(&p);
		ck_assert_uint_eq(l.asked[0].scheme, rows[i].scheme);
		ck_assert_uint_eq(l.asked[0].index, rows[i].index);
		lab_sign(&l);
		phone_run(&p);
		phone_talks(&p);
		phone_done(&p);
	}
	lab_done(&l);
}
END_TEST

START_TEST(a_new_set_ends_nothing)
{
	struct phone up, begun, asked;
	struct lab l;

	lab_init(&l, "EC");
	lab_key_new(&l.key[1], "EC", "DNS:sip.example.org");
	phone_init(&up, &l, 0, 0);
	phone_connect(&up, NULL);
	phone_run(&up);
	phone_init(&begun, &l, 0, 0);
	phone_connect(&begun, NULL);	/* has said nothing yet */
	l.is_slow = true;
	phone_init(&asked, &l, 0, 0);
	phone_connect(&asked, NULL);
	phone_run(&asked);
	l.is_slow = false;
	l.n_asked = 0;
	/* keyd's second life has one other key. */
	lab_key_free(&l.key[0]);
	l.key[0] = l.key[1];
	l.key[1].key = NULL;
	ck_assert_int_eq(lab_give(&l, 1), 1);
	/* Its question is to a key that is gone. */
	ck_assert_int_eq(asked.state, TLS_FAILED);
	phone_talks(&up);
	phone_run(&begun);
	phone_talks(&begun);
	shown(&l, NULL, 0);
	phone_done(&up);
	phone_done(&begun);
	phone_done(&asked);
	lab_done(&l);
}
END_TEST

START_TEST(certificates_that_are_none)
{
	struct span good;
	struct lab l;
	char cut[2048];

	lab_init(&l, "EC");
	good = span_make(l.key[0].der, l.key[0].len);
	ck_assert_int_eq(tls_certificate(l.tls, 1, 2, good), -EPROTO);
	ck_assert_int_eq(tls_certificate(l.tls, 0, 2, good), 0);
	ck_assert_int_eq(tls_certificate(l.tls, 0, 2, good), 0);
	ck_assert_int_eq(tls_certificate(l.tls, 1, 2, SPAN_LIT("x")),
	    -EBADMSG);
	ck_assert_int_eq(tls_certificate(l.tls, 1, 2, good), -EPROTO);
	for (size_t n = 0; n < good.len; n += 7) {
		memcpy(cut, good.p, good.len);
		ck_assert_int_eq(tls_certificate(l.tls, 0, 1,
			span_make(cut, n)), -EBADMSG);
	}
	memcpy(cut, good.p, good.len);
	cut[good.len] = 'x';
	ck_assert_int_eq(tls_certificate(l.tls, 0, 1,
		span_make(cut, good.len + 1)), -EBADMSG);
	shown(&l, NULL, 0);
	lab_done(&l);
}
END_TEST

/* ---- sessions ---- */

static bool
resumes(struct lab *l, int version, SSL_SESSION **session)
{
	struct phone p;
	bool was;

	phone_init(&p, l, version, version);
	phone_connect(&p, "sip.example.org");
	if (*session != NULL)
		SSL_set_session(p.ssl, *session);
	phone_run(&p);
	phone_talks(&p);
	was = SSL_session_reused(p.ssl) == 1;
	ck_assert(was == tls_is_resumed(p.conn));
	SSL_SESSION_free(*session);
	*session = SSL_get1_session(p.ssl);
	SSL_shutdown(p.ssl);
	phone_done(&p);
	return was;
}

START_TEST(a_session_is_resumed_for_a_while)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct mono now = { 1000000 };
	SSL_SESSION *session = NULL;
	struct lab l;

	lab_init(&l, "EC");
	tls_tick(l.tls, now);
	ck_assert(!resumes(&l, versions[_i], &session));
	ck_assert(resumes(&l, versions[_i], &session));
	/* Also when the certificate was replaced. */
	lab_key_new(&l.key[1], "EC", "DNS:other.example");
	ck_assert_int_eq(lab_give(&l, 2), 1);
	ck_assert(resumes(&l, versions[_i], &session));
	/* Its key is not kept for ever. */
	tls_tick(l.tls, mono_add_ms(now, 2 * 60 * 60 * 1000));
	ck_assert(!resumes(&l, versions[_i], &session));
	SSL_SESSION_free(session);
	lab_done(&l);
}
END_TEST

/* ---- who cannot ---- */

static const struct {
	const char *name;
	int least, most;
	const char *ciphers;
	bool verifies;
	enum tls_why why;
	const char *versions, *offered;
} refusals[] = {
	{ "TLS 1.1 at most", TLS1_VERSION, TLS1_1_VERSION, NULL, false,
	    TLS_WHY_OLD, "up to TLS 1.1", NULL },
	{ "TLS 1.0", TLS1_VERSION, TLS1_VERSION, NULL, false, TLS_WHY_OLD,
	    "up to TLS 1.0", NULL },
	{ "RSA key exchange only", TLS1_2_VERSION, TLS1_2_VERSION,
	    "AES128-SHA:AES256-SHA", false, TLS_WHY_CIPHER, "up to TLS 1.2",
	    "AES128-SHA,AES256-SHA" },
	{ "does not know our CA", 0, 0, NULL, true, TLS_WHY_NOT_TRUSTED,
	    NULL, NULL },
	{ "the same by TLS 1.2", TLS1_2_VERSION, TLS1_2_VERSION, NULL, true,
	    TLS_WHY_NOT_TRUSTED, "up to TLS 1.2", NULL },
	{ "finds it expired", 0, 0, NULL, true, TLS_WHY_EXPIRED, NULL,
	    NULL },
	{ "the same by TLS 1.2", TLS1_2_VERSION, TLS1_2_VERSION, NULL, true,
	    TLS_WHY_EXPIRED, "up to TLS 1.2", NULL },
};

static int
finds_it_expired(X509_STORE_CTX *ctx, void *arg)
{
	X509_STORE_CTX_set_error(ctx, X509_V_ERR_CERT_HAS_EXPIRED);
	return 0;
}

static void
reads_as(void (*put)(const struct tls_hello *, struct buf *),
    const struct tls_hello *h, const char *want)
{
	char mem[256];
	struct buf b;

	buf_init(&b, mem, sizeof(mem) - 1);
	put(h, &b);
	mem[b.len] = '\0';
	if (want != NULL)
		ck_assert_str_eq(mem, want);
}

START_TEST(a_phone_that_cannot)
{
	struct tls_hello hello;
	enum tls_why why;
	struct phone p;
	struct lab l;

	lab_init(&l, "EC");
	phone_init(&p, &l, refusals[_i].least, refusals[_i].most);
	if (refusals[_i].ciphers != NULL) {
		char list[128];
		struct buf b;

		buf_init(&b, list, sizeof(list));
		buf_puts(&b, refusals[_i].ciphers);
		buf_puts(&b, ":@SECLEVEL=0");
		buf_putc(&b, '\0');
		ck_assert_int_eq(SSL_CTX_set_cipher_list(p.ctx, list), 1);
	}
	if (refusals[_i].verifies)
		SSL_CTX_set_verify(p.ctx, SSL_VERIFY_PEER, NULL);
	if (refusals[_i].why == TLS_WHY_EXPIRED)
		SSL_CTX_set_cert_verify_callback(p.ctx, finds_it_expired, NULL);
	phone_connect(&p, NULL);
	phone_run(&p);
	ck_assert_int_eq(p.state, TLS_FAILED);
	why = tls_failure(p.conn, &hello);
	ck_assert_msg(why == refusals[_i].why, "%s: %d", refusals[_i].name,
	    (int)why);
	ck_assert_ptr_nonnull(tls_why_event(why));
	ck_assert_ptr_nonnull(tls_why_advice(why));
	reads_as(tls_hello_versions, &hello, refusals[_i].versions);
	reads_as(tls_hello_ciphers, &hello, refusals[_i].offered);
	phone_done(&p);
	lab_done(&l);
}
END_TEST

static const struct {
	const char *octets;
	enum tls_why why;
} plain[] = {
	{ "REGISTER sip:a SIP/2.0\r\n", TLS_WHY_NOT_TLS_SIP },
	{ "GET / HTTP/1.1\r\nHost: x SIP/2.0\r\n", TLS_WHY_NOT_TLS_HTTP },
	{ "OPTIONS sip:nm", TLS_WHY_NOT_TLS_SIP },
	{ "\r\n\r\n", TLS_WHY_NOT_TLS }, { "SSH-2.0-x", TLS_WHY_NOT_TLS },
	{ "", TLS_WHY_NOT_TLS },
};

START_TEST(octets_that_are_no_tls)
{
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		struct span s = span_str(plain[i].octets);

		ck_assert(!tls_is_record(s));
		ck_assert_int_eq(tls_why_of_octets(s), plain[i].why);
		ck_assert_ptr_nonnull(tls_why_event(plain[i].why));
	}
	ck_assert(tls_is_record(SPAN_LIT("\x16\x03\x01")));
}
END_TEST

/* ---- memory ---- */

#define IDLE_MAX (25 * 1024)

static size_t held;	/* octets that libcrypto and libssl hold */

static void *
count_malloc(size_t n, const char *file, int line)
{
	size_t *p = malloc(n + 16);

	(void)file;
	(void)line;
	if (p == NULL)
		return NULL;
	*p = n;
	held += n;
	return p + 2;
}

static void
count_free(void *q, const char *file, int line)
{
	size_t *p = q;

	(void)file;
	(void)line;
	if (p == NULL)
		return;
	held -= p[-2];
	free(p - 2);
}

static void *
count_realloc(void *q, size_t n, const char *file, int line)
{
	size_t *old = q;
	void *p;

	if (q == NULL)
		return count_malloc(n, file, line);
	p = count_malloc(n, file, line);
	if (p != NULL)
		memcpy(p, q, old[-2] < n ? old[-2] : n);
	count_free(q, file, line);
	return p;
}

START_TEST(an_idle_connection_is_small)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct phone p;
	struct lab l;
	size_t with;

	lab_init(&l, "EC");
	phone_init(&p, &l, versions[_i], versions[_i]);
	phone_connect(&p, "sip.example.org");
	phone_run(&p);
	phone_talks(&p);
	with = held;
	tls_close(p.conn, true);
	p.conn = NULL;
	ck_assert_msg(with - held < IDLE_MAX, "%zu octets", with - held);
	phone_done(&p);
	lab_done(&l);
}
END_TEST

START_TEST(it_works_with_itself)
{
	struct lab l;

	lab_init(&l, "EC");
	ck_assert_int_eq(tls_warm_up(), 0);
	lab_done(&l);
}
END_TEST

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

static TCase *
keys(void)
{
	TCase *tc = tcase_create("keys");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_handshake_by_a_key_that_is_elsewhere, 0,
	    ROWS(handshakes));
	tcase_add_test(tc, rsa_with_pkcs1);
	tcase_add_test(tc, nobody_waits_for_another_ones_signature);
	tcase_add_test(tc, a_question_that_died_with_keyd_is_put_again);
	tcase_add_test(tc, keyd_has_too_much_to_do);
	tcase_add_test(tc, keyd_refuses);
	tcase_add_loop_test(tc, a_signature_that_is_none, 0, 6);
	tcase_add_test(tc, it_works_with_itself);
	return tc;
}

static TCase *
ends(void)
{
	TCase *tc = tcase_create("ends");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, the_peer_goes_at_each_octet, 0, 2);
	tcase_add_test(tc, a_slow_peer_gets_through);
	tcase_add_test(tc, closing_is_said);
	tcase_add_test(tc, garbage_instead_of_a_record);
	tcase_add_test(tc, part_of_a_record_is_seen);
	tcase_add_test(tc, no_renegotiation);
	tcase_add_test(tc, so_many_handshakes_and_no_more);
	tcase_add_loop_test(tc, an_idle_connection_is_small, 0, 2);
	return tc;
}

static TCase *
certificates(void)
{
	TCase *tc = tcase_create("certificates");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, the_name_chooses_the_certificate);
	tcase_add_test(tc, the_kind_of_key_that_a_phone_can);
	tcase_add_test(tc, a_new_set_ends_nothing);
	tcase_add_test(tc, certificates_that_are_none);
	tcase_add_loop_test(tc, a_session_is_resumed_for_a_while, 0, 2);
	tcase_add_loop_test(tc, a_phone_that_cannot, 0, ROWS(refusals));
	tcase_add_test(tc, octets_that_are_no_tls);
	return tc;
}

int
main(void)
{
	Suite *s = suite_create("tls");
	SRunner *r;
	int failed;

	CRYPTO_set_mem_functions(count_malloc, count_realloc, count_free);
	lab_prepare();
	suite_add_tcase(s, keys());
	suite_add_tcase(s, ends());
	suite_add_tcase(s, certificates());
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
