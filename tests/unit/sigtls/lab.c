#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "tests/unit/sigtls/lab.h"

/* ---- keys and certificates ---- */

static EVP_PKEY *rsa;	/* dear to make: one for all tests */

void
lab_prepare(void)
{
	if (tls_init() == 0)
		rsa = EVP_RSA_gen(2048);
}

static EVP_PKEY *
key_of(const char *kind)
{
	if (strcmp(kind, "RSA") == 0) {
		EVP_PKEY_up_ref(rsa);
		return rsa;
	}
	if (strcmp(kind, "ED25519") == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return EVP_EC_gen(strcmp(kind, "EC") == 0 ? "P-256" : kind);
}

void
lab_key_new(struct lab_key *k, const char *kind, const char *names)
{
	X509 *x = X509_new();
	unsigned char *p = k->der;
	X509_EXTENSION *ext;
	const EVP_MD *md = strcmp(kind, "ED25519") == 0 ? NULL : EVP_sha256();
	X509V3_CTX ctx;

	k->key = key_of(kind);
	ck_assert_ptr_nonnull(k->key);
	X509_set_version(x, 2);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
	    MBSTRING_ASC, (const unsigned char *)"cn.example", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, k->key);
	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, names);
	ck_assert_ptr_nonnull(ext);
	X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
	ck_assert_int_gt(X509_sign(x, k->key, md), 0);
	ck_assert_int_lt(i2d_X509(x, NULL), (int)sizeof(k->der));
	k->len = (size_t)i2d_X509(x, &p);
	X509_free(x);
}

void
lab_key_free(struct lab_key *k)
{
	EVP_PKEY_free(k->key);
	k->key = NULL;
}

/* ---- keyd ---- */

static const EVP_MD *
digest_of(uint16_t scheme)
{
	switch (scheme) {
	case 0x0807:
		return NULL;
	case 0x0503:
	case 0x0501:
	case 0x0805:
		return EVP_sha384();
	case 0x0603:
	case 0x0601:
	case 0x0806:
		return EVP_sha512();
	default:
		return EVP_sha256();
	}
}

static void
sign_one(struct lab *l, const struct lab_asked *a)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char mem[512];
	size_t len = sizeof(mem);
	EVP_PKEY_CTX *pctx;

	ck_assert_int_lt(a->index, LAB_KEYS);
	ck_assert_int_eq(EVP_DigestSignInit(ctx, &pctx, digest_of(a->scheme),
		NULL, l->key[a->index].key), 1);
	if (a->scheme >> 8 == 0x08 && a->scheme != 0x0807) {
		EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST);
	}
	ck_assert_int_eq(EVP_DigestSign(ctx, mem, &len, a->tbs, a->n), 1);
	EVP_MD_CTX_free(ctx);
	tls_signed(l->tls, a->id, span_make(mem, len));
}

static void
on_ask(void *arg, uint32_t id, uint8_t index, uint16_t scheme,
    struct span tbs)
{
	struct lab *l = arg;
	struct lab_asked *a = &l->asked[l->n_asked];

	ck_assert_int_lt(l->n_asked, LAB_ASKED);
	*a = (struct lab_asked){ id, index, scheme, tbs.len, { 0 } };
	memcpy(a->tbs, tbs.p, tbs.len);
	if (l->is_slow)
		l->n_asked++;
	else
		sign_one(l, a);
}

void
lab_sign(struct lab *l)
{
	unsigned n = l->n_asked;

	l->n_asked = 0;
	for (unsigned i = 0; i < n; i++) {
		struct lab_asked a = l->asked[i];

		sign_one(l, &a);
	}
}

/* ---- between ---- */

static ssize_t
on_recv(void *conn, void *mem, size_t room)
{
	struct phone *p = conn;
	int n;

	if (p->is_gone)
		return 0;
	if (room > p->let)
		room = p->let;
	n = room == 0 ? 0 : BIO_read(SSL_get_wbio(p->ssl), mem, (int)room);
	if (n <= 0)
		return -EAGAIN;
	p->let -= (size_t)n;
	return n;
}

static bool
on_send(void *conn, struct span bytes)
{
	struct phone *p = conn;

	if (p->is_gone)
		return false;
	return BIO_write(SSL_get_rbio(p->ssl), bytes.p, (int)bytes.len) ==
	    (int)bytes.len;
}

static void
on_go_on(void *conn)
{
	struct phone *p = conn;

	p->lab->went_on++;
	p->state = tls_shake(p->conn);
}

/* ---- the whole ---- */

void
lab_init(struct lab *l, const char *kind)
{
	struct tls_ops ops = { on_recv, on_send, on_go_on, on_ask, l };

	memset(l, 0, sizeof(*l));
	l->tls = tls_new(&ops);
	ck_assert_ptr_nonnull(l->tls);
	lab_key_new(&l->key[0], kind, "DNS:sip.example.org,IP:192.0.2.1");
	ck_assert_int_eq(lab_give(l, 1), 1);
}

int
lab_give(struct lab *l, unsigned n)
{
	int err = 0;

	for (unsigned i = 0; i < n; i++)
		err = tls_certificate(l->tls, i, n,
		    span_make(l->key[i].der, l->key[i].len));
	return err;
}

void
lab_done(struct lab *l)
{
	ck_assert_uint_eq(tls_shaking(l->tls), 0);
	tls_free(l->tls);
	for (unsigned i = 0; i < LAB_KEYS; i++)
		lab_key_free(&l->key[i]);
}

void
phone_init(struct phone *p, struct lab *l, int least, int most)
{
	memset(p, 0, sizeof(*p));
	p->lab = l;
	p->let = SIZE_MAX;
	p->ctx = SSL_CTX_new(TLS_client_method());
	/* Old clients of the tests may do what they did. */
	SSL_CTX_set_cipher_list(p->ctx, "ALL:@SECLEVEL=0");
	ck_assert_int_eq(SSL_CTX_set_min_proto_version(p->ctx, least), 1);
	ck_assert_int_eq(SSL_CTX_set_max_proto_version(p->ctx, most), 1);
}

void
phone_connect(struct phone *p, const char *name)
{
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

	BIO_set_mem_eof_return(in, -1);
	BIO_set_mem_eof_return(out, -1);
	p->ssl = SSL_new(p->ctx);
	SSL_set_bio(p->ssl, in, out);
	SSL_set_connect_state(p->ssl);
	if (name != NULL)
		SSL_set_tlsext_host_name(p->ssl, name);
	p->conn = tls_open(p->lab->tls, p);
	p->state = p->conn == NULL ? TLS_FAILED : TLS_READS;
}

void
phone_run(struct phone *p)
{
	char mem[16];

	for (int i = 0; i < 8; i++) {
		if (!SSL_is_init_finished(p->ssl))
			SSL_do_handshake(p->ssl);
		ERR_clear_error();
		if (p->state == TLS_READS)
			p->state = tls_shake(p->conn);
	}
	/* Tickets come behind the handshake. */
	if (SSL_is_init_finished(p->ssl))
		SSL_read(p->ssl, mem, 0);
	ERR_clear_error();
}

void
phone_talks(struct phone *p)
{
	char mem[64];

	ck_assert_int_eq(p->state, TLS_UP);
	ck_assert_int_eq(SSL_write(p->ssl, "ping", 4), 4);
	ck_assert_int_eq(tls_read(p->conn, mem, sizeof(mem)), 4);
	ck_assert_mem_eq(mem, "ping", 4);
	ck_assert_int_eq(tls_read(p->conn, mem, sizeof(mem)), 0);
	ck_assert(tls_write(p->conn, SPAN_LIT("pong!")));
	ck_assert_int_eq(SSL_read(p->ssl, mem, sizeof(mem)), 5);
	ck_assert_mem_eq(mem, "pong!", 5);
}

void
phone_done(struct phone *p)
{
	tls_close(p->conn, true);
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
	ERR_clear_error();
}
