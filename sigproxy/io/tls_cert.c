#include <errno.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "sigproxy/io/tls_cert.h"
#include "sigproxy/io/tls_key.h"

/*
 * RFC 9325 4.2: forward secrecy and AEAD.  Behind them ECDHE with CBC, for
 * phones of 2014 that speak TLS 1.2 and know nothing better.  No RSA key
 * exchange: keyd signs, it never decrypts.
 */
#define CIPHERS_1_2							\
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"	\
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"	\
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"	\
	"ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:"		\
	"ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384:"		\
	"ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:@SECLEVEL=2"
#define CIPHERS_1_3							\
	"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"		\
	"TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS "X25519:P-256:P-384"
#define RESUME_S 3600

int
tls_set_strength(SSL_CTX *ctx)
{
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	    SSL_CTX_set_cipher_list(ctx, CIPHERS_1_2) == 1 &&
	    SSL_CTX_set_ciphersuites(ctx, CIPHERS_1_3) == 1 &&
	    SSL_CTX_set1_groups_list(ctx, GROUPS) == 1 ? 0 : -EIO;
}

static SSL_CTX *
context_new(void)
{
	/* Whoever has a name in both providers: the default one's. */
	SSL_CTX *ctx = SSL_CTX_new_ex(NULL, "?provider=default",
	    TLS_server_method());

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
	    SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ASYNC | SSL_MODE_RELEASE_BUFFERS |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(ctx, RESUME_S);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_num_tickets(ctx, 1);
	if (tls_set_strength(ctx) != 0) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

static X509 *
next_certificate(struct span *chain)
{
	const unsigned char *p = (const unsigned char *)chain->p;
	X509 *x = d2i_X509(NULL, &p, (long)chain->len);

	if (x == NULL)
		return NULL;
	*chain = span_sub(*chain, (size_t)((const char *)p - chain->p),
	    chain->len);
	return x;
}

/* The key first: the certificate is then checked against it. */
static int
use_leaf(SSL_CTX *ctx, X509 *leaf, uint8_t index)
{
	EVP_PKEY *pub = X509_get0_pubkey(leaf);
	EVP_PKEY *key = pub == NULL ? NULL : tls_key_new(pub, index);
	int err = 0;

	if (key == NULL || SSL_CTX_use_PrivateKey(ctx, key) != 1 ||
	    SSL_CTX_use_certificate(ctx, leaf) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1)
		err = -EBADMSG;
	EVP_PKEY_free(key);
	return err;
}

static int
use_chain(SSL_CTX *ctx, struct span chain, uint8_t index)
{
	int err = -EBADMSG;
	X509 *x;

	for (unsigned n = 0; chain.len > 0; n++) {
		x = next_certificate(&chain);
		if (x == NULL)
			return -EBADMSG;
		if (n == 0)
			err = use_leaf(ctx, x, index);
		else if (SSL_CTX_add1_chain_cert(ctx, x) != 1)
			err = -ENOMEM;
		X509_free(x);
		if (err)
			return err;
	}
	return err;
}

static bool
same_names(X509 *a, X509 *b)
{
	int i = X509_get_ext_by_NID(a, NID_subject_alt_name, -1);
	int j = X509_get_ext_by_NID(b, NID_subject_alt_name, -1);

	return i >= 0 && j >= 0 && ASN1_OCTET_STRING_cmp(
	    X509_EXTENSION_get_data(X509_get_ext(a, i)),
	    X509_EXTENSION_get_data(X509_get_ext(b, j))) == 0;
}

static bool
same_kind(X509 *a, X509 *b)
{
	return EVP_PKEY_get_base_id(X509_get0_pubkey(a)) ==
	    EVP_PKEY_get_base_id(X509_get0_pubkey(b));
}

/* OpenSSL has a place for each kind of key, and takes what the phone can. */
static int
put_beside(struct tls_set *s, SSL_CTX *ctx)
{
	X509 *leaf = SSL_CTX_get0_certificate(ctx);
	STACK_OF(X509) *chain = NULL;
	int err;

	SSL_CTX_get0_chain_certs(ctx, &chain);
	for (unsigned i = 0; i < s->n; i++) {
		if (!same_names(s->leaf[i], leaf) ||
		    same_kind(s->leaf[i], leaf))
			continue;
		err = use_leaf(s->ctx[i], leaf, (uint8_t)s->n);
		if (err == 0 && chain != NULL &&
		    SSL_CTX_set1_chain(s->ctx[i], chain) != 1)
			err = -ENOMEM;
		return err;
	}
	return 0;
}

int
tls_set_add(struct tls_set *s, struct span chain)
{
	SSL_CTX *ctx;
	int err;

	if (s->n == TLS_CERTS_MAX)
		return -ENOSPC;
	ctx = context_new();
	if (ctx == NULL)
		return -ENOMEM;
	err = use_chain(ctx, chain, (uint8_t)s->n);
	if (err == 0)
		err = put_beside(s, ctx);
	if (err) {
		SSL_CTX_free(ctx);
		return err;
	}
	SHA256((const unsigned char *)chain.p, chain.len, s->digest[s->n]);
	s->leaf[s->n] = SSL_CTX_get0_certificate(ctx);
	s->ctx[s->n++] = ctx;
	return 0;
}

void
tls_set_free(struct tls_set *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; i < s->n; i++)
		SSL_CTX_free(s->ctx[i]);
	free(s);
}

bool
tls_set_same(const struct tls_set *a, const struct tls_set *b)
{
	return a != NULL && b != NULL && a->n == b->n &&
	    memcmp(a->digest, b->digest, a->n * sizeof(a->digest[0])) == 0;
}

static bool
has_name(X509 *leaf, const char *name)
{
	/* X509_check_host() takes a leading dot for any subdomain. */
	if (name[0] == '.')
		return false;
	return X509_check_ip_asc(leaf, name, 0) == 1 ||
	    X509_check_host(leaf, name, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
		X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

SSL_CTX *
tls_set_choose(const struct tls_set *s, const char *name)
{
	if (s->n == 0)
		return NULL;
	for (unsigned i = 0; name != NULL && i < s->n; i++) {
		if (has_name(s->leaf[i], name))
			return s->ctx[i];
	}
	return s->ctx[0];
}

void
tls_set_tickets(const struct tls_set *s, unsigned char *keys)
{
	for (unsigned i = 0; i < s->n; i++)
		SSL_CTX_set_tlsext_ticket_keys(s->ctx[i], keys,
		    TLS_TICKET_KEYS);
}
