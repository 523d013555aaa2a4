#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "keyd/io/keyd.h"

enum key_kind
sign_kind(const EVP_PKEY *key)
{
	char group[32] = "";
	size_t len;

	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
		return KEY_RSA;
	case EVP_PKEY_ED25519:
		return KEY_ED25519;
	case EVP_PKEY_EC:
		EVP_PKEY_get_group_name(key, group, sizeof(group), &len);
		return strcmp(group, "secp384r1") == 0 ? KEY_P384 : KEY_P256;
	default:
		return KEY_NONE;
	}
}

static const EVP_MD *
digest(enum scheme_hash hash)
{
	switch (hash) {
	case HASH_SHA256:
		return EVP_sha256();
	case HASH_SHA384:
		return EVP_sha384();
	case HASH_SHA512:
		return EVP_sha512();
	default:
		return NULL;
	}
}

/* RFC 8446 4.2.3: the salt is as long as the digest. */
static bool
set_padding(EVP_PKEY_CTX *how, const struct scheme *s)
{
	return !s->pss ||
	    (EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
		EVP_PKEY_CTX_set_rsa_pss_saltlen(how,
		    RSA_PSS_SALTLEN_DIGEST) == 1);
}

int
sign(EVP_PKEY *key, const struct scheme *s, struct span tbs, uint8_t *out,
    size_t *len_out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how;
	size_t len = SIGNATURE_MAX;
	bool ok;

	ok = ctx != NULL &&
	    EVP_DigestSignInit(ctx, &how, digest(s->hash), NULL, key) == 1;
	ok = ok && set_padding(how, s) && EVP_DigestSign(ctx, out, &len,
	    (const unsigned char *)tbs.p, tbs.len) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	if (!ok)
		return -EIO;
	*len_out = len;
	return 0;
}

int
sign_check(X509 *leaf, const struct scheme *s, struct span tbs,
    struct span signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how;
	bool ok;

	ok = ctx != NULL &&
	    EVP_DigestVerifyInit(ctx, &how, digest(s->hash), NULL,
		X509_get0_pubkey(leaf)) == 1 &&
	    set_padding(how, s) &&
	    EVP_DigestVerify(ctx, (const unsigned char *)signature.p,
		signature.len, (const unsigned char *)tbs.p, tbs.len) == 1;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return ok ? 0 : -EKEYREJECTED;
}
