/*
 * TLS as a client: whose certificate is taken for which trunk (RFC 5922), and
 * what is said when it is not.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "tests/unit/sigtls/lab.h"

static struct lab lab;
static struct phone peer;
static struct lab_key theirs, strangers;
static char *pem;
static char words[TLS_WORDS_MAX + 1];

/* The text of a certificate, to be freed. */
static struct span
pem_of(const struct lab_key *k)
{
	const unsigned char *p = k->der;
	X509 *x = d2i_X509(NULL, &p, (long)k->len);
	BIO *b = BIO_new(BIO_s_mem());
	char *mem;
	long n;

	PEM_write_bio_X509(b, x);
	n = BIO_get_mem_data(b, &mem);
	pem = malloc((size_t)n);
	memcpy(pem, mem, (size_t)n);
	BIO_free(b);
	X509_free(x);
	return span_make(pem, (size_t)n);
}

/* The trunk's server, by OpenSSL. */
static void
serve(int most)
{
	const unsigned char *p = theirs.der;
	X509 *x = d2i_X509(NULL, &p, (long)theirs.len);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

	memset(&peer, 0, sizeof(peer));
	peer.lab = &lab;
	peer.let = SIZE_MAX;
	peer.ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_cipher_list(peer.ctx, "ALL:@SECLEVEL=0");
	ck_assert_int_eq(SSL_CTX_set_min_proto_version(peer.ctx,
		TLS1_VERSION), 1);
	ck_assert_int_eq(SSL_CTX_set_max_proto_version(peer.ctx, most), 1);
	ck_assert_int_eq(SSL_CTX_use_certificate(peer.ctx, x), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(peer.ctx, theirs.key), 1);
	X509_free(x);
	peer.ssl = SSL_new(peer.ctx);
	BIO_set_mem_eof_return(in, -1);
	BIO_set_mem_eof_return(out, -1);
	SSL_set_bio(peer.ssl, in, out);
	SSL_set_accept_state(peer.ssl);
}

/* Dial it by this name. */
static void
dial(const char *name, bool verify)
{
	struct buf b;

	peer.conn = tls_dial(lab.tls, &peer, span_str(name), verify);
	ck_assert_ptr_nonnull(peer.conn);
	peer.state = tls_shake(peer.conn);
	phone_run(&peer);
	memset(words, 0, sizeof(words));
	buf_init(&b, words, TLS_WORDS_MAX);
	if (peer.state == TLS_FAILED)
		tls_dial_words(peer.conn, &b);
	ck_assert_int_eq(buf_err(&b), 0);
}

static void
begin(const char *names, bool trusts)
{
	lab_init(&lab, "EC");
	lab_key_new(&theirs, "EC", names);
	lab_key_new(&strangers, "EC", "DNS:strangers.example");
	tls_trust(lab.tls, pem_of(trusts ? &theirs : &strangers));
}

static void
end(void)
{
	phone_done(&peer);
	lab_done(&lab);
	lab_key_free(&theirs);
	lab_key_free(&strangers);
	free(pem);
}

static const struct {
	const char *rule, *names, *dialled;
	bool trusts, verify;
	const char *says;	/* NULL: it is taken */
} rows[] = {
	{ "RFC 5922 7.1: a DNS name", "DNS:itsp.example", "itsp.example",
	    true, true, NULL },
	{ "letters of either case", "DNS:ITSP.example", "itsp.EXAMPLE", true,
	    true, NULL },
	{ "one of several", "DNS:a.example,DNS:itsp.example", "itsp.example",
	    true, true, NULL },
	{ "a sip: URI", "URI:sip:itsp.example", "itsp.example", true, true,
	    NULL },
	{ "of URIs and names the URI counts",
	    "URI:sip:else.example,DNS:itsp.example", "itsp.example", true,
	    true, "is for sip:else.example, not for itsp.example" },
	{ "another scheme is no identity",
	    "URI:https://else.example,DNS:itsp.example", "itsp.example", true,
	    true, NULL },
	{ "another name", "DNS:sip.example", "itsp.example", true, true,
	    "is for sip.example, not for itsp.example" },
	{ "RFC 5922 7.2: no wildcard", "DNS:*.example", "itsp.example", true,
	    true, "is for *.example, not for itsp.example" },
	{ "no subdomain", "DNS:itsp.example", "a.itsp.example", true, true,
	    "not for a.itsp.example" },
	{ "no superdomain", "DNS:a.itsp.example", ".itsp.example", true, true,
	    "not for .itsp.example" },
	{ "an address", "IP:192.0.2.9", "192.0.2.9", true, true, NULL },
	{ "an address that is a name", "DNS:192.0.2.9", "192.0.2.9", true,
	    true, "not for 192.0.2.9" },
	{ "another address", "IP:192.0.2.8", "192.0.2.9", true, true,
	    "not for 192.0.2.9" },
	{ "of an unknown CA", "DNS:itsp.example", "itsp.example", false, true,
	    "of a CA that is not known here" },
	{ "not verified: anything", "DNS:sip.example", "itsp.example", false,
	    false, NULL },
};

START_TEST(certificates_and_names)
{
	begin(rows[_i].names, rows[_i].trusts);
	serve(_i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
	dial(rows[_i].dialled, rows[_i].verify);
	if (rows[_i].says == NULL) {
		ck_assert_msg(peer.state == TLS_UP && tls_is_up(peer.conn),
		    "%s: %s", rows[_i].rule, words);
		phone_talks(&peer);
	} else {
		ck_assert_msg(peer.state == TLS_FAILED &&
		    !SSL_is_init_finished(peer.ssl) &&
		    strstr(words, rows[_i].says) != NULL, "%s: %s",
		    rows[_i].rule, words);
	}
	end();
}
END_TEST

START_TEST(an_old_server_is_refused)
{
	begin("DNS:itsp.example", true);
	serve(TLS1_1_VERSION);
	dial("itsp.example", true);
	ck_assert_int_eq(peer.state, TLS_FAILED);
	ck_assert_ptr_nonnull(strstr(words, "TLS handshake failed"));
	end();
}
END_TEST

START_TEST(what_is_no_tls)
{
	begin("DNS:itsp.example", true);
	serve(TLS1_3_VERSION);
	BIO_write(SSL_get_wbio(peer.ssl), "SIP/2.0 400 Bad Request\r\n\r\n",
	    27);
	dial("itsp.example", true);
	ck_assert_int_eq(peer.state, TLS_FAILED);
	ck_assert_str_eq(words, "it does not speak TLS at this port");
	end();
}
END_TEST

/* Names are told by SNI (RFC 6066 3), addresses are not. */
START_TEST(the_name_is_told)
{
	begin("DNS:itsp.example,IP:192.0.2.9", true);
	serve(TLS1_2_VERSION);
	dial("itsp.example", true);
	ck_assert_str_eq(SSL_get_servername(peer.ssl,
		TLSEXT_NAMETYPE_host_name), "itsp.example");
	phone_done(&peer);
	serve(TLS1_2_VERSION);
	dial("192.0.2.9", true);
	ck_assert_int_eq(peer.state, TLS_UP);
	ck_assert_ptr_null(SSL_get_servername(peer.ssl,
		TLSEXT_NAMETYPE_host_name));
	end();
}
END_TEST

START_TEST(so_many_at_once_and_no_more)
{
	struct tls_conn *all[TLS_DIALS_MAX + 1];
	char name[TLS_NAME_MAX + 1];

	begin("DNS:itsp.example", true);
	serve(TLS1_3_VERSION);
	for (unsigned i = 0; i < TLS_DIALS_MAX; i++) {
		all[i] = tls_dial(lab.tls, &peer, SPAN_LIT("a"), true);
		ck_assert_ptr_nonnull(all[i]);
	}
	ck_assert_ptr_null(tls_dial(lab.tls, &peer, SPAN_LIT("a"), true));
	/* They take no place of a phone's. */
	ck_assert_uint_eq(tls_shaking(lab.tls), 0);
	for (unsigned i = 0; i < TLS_DIALS_MAX; i++)
		tls_close(all[i], true);
	memset(name, 'a', sizeof(name));
	ck_assert_ptr_null(tls_dial(lab.tls, &peer,
		span_make(name, TLS_NAME_MAX), true));
	end();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("TLS towards trunks");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	lab_prepare();
	tcase_add_loop_test(t, certificates_and_names, 0,
	    (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(t, an_old_server_is_refused);
	tcase_add_test(t, what_is_no_tls);
	tcase_add_test(t, the_name_is_told);
	tcase_add_test(t, so_many_at_once_and_no_more);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
