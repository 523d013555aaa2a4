/* EVP_MAC and HMAC() allocate for each packet; SHA1_Update() does not. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/secret.h"
#include "mediaproxy/core/srtp_cipher.h"

enum { CTR_128, CTR_256, GCM_128, GCM_256, N_CIPHERS };

struct srtp_engine {
	EVP_CIPHER_CTX *ctx[N_CIPHERS];
};

static const char *const cipher_name[N_CIPHERS] = { "AES-128-CTR",
	"AES-256-CTR", "AES-128-GCM", "AES-256-GCM" };

static bool
make(EVP_CIPHER_CTX **out, const char *name)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	bool ok;

	*out = EVP_CIPHER_CTX_new();
	ok = cipher != NULL && *out != NULL &&
	    EVP_EncryptInit_ex2(*out, cipher, NULL, NULL, NULL) == 1;
	EVP_CIPHER_free(cipher);	/* the context holds it */
	return ok;
}

struct srtp_engine *
srtp_engine_new(void)
{
	struct srtp_engine *e = calloc(1, sizeof(*e));

	for (int i = 0; e != NULL && i < N_CIPHERS; i++) {
		if (!make(&e->ctx[i], cipher_name[i])) {
			srtp_engine_free(e);
			return NULL;
		}
	}
	return e;
}

void
srtp_engine_free(struct srtp_engine *e)
{
	if (e == NULL)
		return;
	for (int i = 0; i < N_CIPHERS; i++)
		EVP_CIPHER_CTX_free(e->ctx[i]);
	free(e);
}

static EVP_CIPHER_CTX *
counter_of(const struct srtp_engine *e, enum srtp_suite suite)
{
	return e->ctx[srtp_params(suite)->key_len == 32 ? CTR_256 : CTR_128];
}

static EVP_CIPHER_CTX *
aead_of(const struct srtp_engine *e, enum srtp_suite suite)
{
	return e->ctx[srtp_params(suite)->key_len == 32 ? GCM_256 : GCM_128];
}

static int
crypt(EVP_CIPHER_CTX *ctx, const uint8_t *key, const uint8_t iv[16],
    uint8_t *data, size_t len)
{
	int n;

	if (EVP_EncryptInit_ex2(ctx, NULL, key, iv, NULL) != 1 ||
	    EVP_EncryptUpdate(ctx, data, &n, data, (int)len) != 1)
		return -EIO;
	return 0;
}

/* ---- keys ---- */

/* The function of RFC 3711 4.3.3: the key stream at one label. */
static int
derive_one(struct srtp_engine *e, enum srtp_suite suite, const uint8_t *master,
    unsigned label, uint8_t *out, size_t len)
{
	const struct srtp_params *p = srtp_params(suite);
	uint8_t iv[16] = { 0 };

	memcpy(iv, master + p->key_len, p->salt_len);
	iv[7] ^= (uint8_t)label;
	memset(out, 0, len);
	return crypt(counter_of(e, suite), master, iv, out, len);
}

static void
put_state(const SHA_CTX *c, uint32_t out[SRTP_SHA1_WORDS])
{
	const uint32_t h[SRTP_SHA1_WORDS] = { c->h0, c->h1, c->h2, c->h3,
		c->h4 };

	memcpy(out, h, sizeof(h));
}

static void
absorb_pad(const uint8_t key[SHA_DIGEST_LENGTH], uint8_t pad,
    uint32_t out[SRTP_SHA1_WORDS])
{
	uint8_t block[SHA_CBLOCK];
	SHA_CTX c;

	memset(block, pad, sizeof(block));
	for (int i = 0; i < SHA_DIGEST_LENGTH; i++)
		block[i] ^= key[i];
	SHA1_Init(&c);
	SHA1_Update(&c, block, sizeof(block));
	put_state(&c, out);
	secret_wipe(block, sizeof(block));
	secret_wipe(&c, sizeof(c));
}

int
srtp_derive(struct srtp_engine *e, enum srtp_suite suite,
    const uint8_t *master, enum srtp_label label, struct srtp_keys *out)
{
	const struct srtp_params *p = srtp_params(suite);
	uint8_t auth[SHA_DIGEST_LENGTH];
	struct srtp_keys k = { 0 };
	int err;

	err = derive_one(e, suite, master, label, k.cipher, p->key_len);
	if (err == 0)
		err = derive_one(e, suite, master, label + 1u, auth,
		    sizeof(auth));
	if (err == 0)
		err = derive_one(e, suite, master, label + 2u, k.salt,
		    p->salt_len);
	if (err == 0) {
		absorb_pad(auth, 0x36, k.inner);
		absorb_pad(auth, 0x5c, k.outer);
		*out = k;
	}
	secret_wipe(auth, sizeof(auth));
	secret_wipe(&k, sizeof(k));
	return err;
}

/* ---- packets ---- */

static void
xor_ssrc(uint8_t *iv, uint32_t ssrc)
{
	for (int i = 0; i < 4; i++)
		iv[i] ^= (uint8_t)(ssrc >> (24 - 8 * i));
}

static void
xor_index(uint8_t *iv, uint64_t index)
{
	for (int i = 0; i < 6; i++)
		iv[i] ^= (uint8_t)(index >> (40 - 8 * i));
}

int
srtp_counter(struct srtp_engine *e, enum srtp_suite suite,
    const struct srtp_keys *k, uint32_t ssrc, uint64_t index, uint8_t *data,
    size_t len)
{
	uint8_t iv[16] = { 0 };

	if (len == 0)
		return 0;
	memcpy(iv, k->salt, SRTP_SALT_LEN);
	xor_ssrc(iv + 4, ssrc);
	xor_index(iv + 8, index);
	return crypt(counter_of(e, suite), k->cipher, iv, data, len);
}

static void
resume(SHA_CTX *c, const uint32_t h[SRTP_SHA1_WORDS])
{
	SHA1_Init(c);
	c->h0 = h[0];
	c->h1 = h[1];
	c->h2 = h[2];
	c->h3 = h[3];
	c->h4 = h[4];
	c->Nl = SHA_CBLOCK * 8;	/* bits absorbed */
}

void
srtp_hmac(const struct srtp_keys *k, const uint8_t *data, size_t len,
    uint32_t more, uint8_t *tag, size_t tag_len)
{
	const uint8_t word[4] = { (uint8_t)(more >> 24), (uint8_t)(more >> 16),
		(uint8_t)(more >> 8), (uint8_t)more };
	uint8_t md[SHA_DIGEST_LENGTH];
	SHA_CTX c;

	resume(&c, k->inner);
	SHA1_Update(&c, data, len);
	SHA1_Update(&c, word, sizeof(word));
	SHA1_Final(md, &c);
	resume(&c, k->outer);
	SHA1_Update(&c, md, sizeof(md));
	SHA1_Final(md, &c);
	memcpy(tag, md, tag_len);
}

/* SRTCP's index of 31 bits stands in the same last bytes (RFC 7714 9.1). */
static void
aead_iv(const struct srtp_aead *a, uint8_t iv[12])
{
	memcpy(iv, a->keys->salt, 12);
	xor_ssrc(iv + 2, a->ssrc);
	xor_index(iv + 6, a->index);
}

static int
aead_begin(EVP_CIPHER_CTX *ctx, const struct srtp_aead *a, bool encrypt)
{
	uint8_t iv[12];
	int n;

	aead_iv(a, iv);
	if (EVP_CipherInit_ex2(ctx, NULL, a->keys->cipher, iv, encrypt,
		NULL) != 1 ||
	    EVP_CipherUpdate(ctx, NULL, &n, a->head, (int)a->head_len) != 1 ||
	    (a->word != NULL &&
		EVP_CipherUpdate(ctx, NULL, &n, a->word, 4) != 1))
		return -EIO;
	if (a->len > 0 &&
	    EVP_CipherUpdate(ctx, a->data, &n, a->data, (int)a->len) != 1)
		return -EIO;
	return 0;
}

int
srtp_aead_seal(struct srtp_engine *e, enum srtp_suite suite,
    const struct srtp_aead *a, uint8_t tag[SRTP_TAG_MAX])
{
	EVP_CIPHER_CTX *ctx = aead_of(e, suite);
	uint8_t none[16];
	int n;

	if (aead_begin(ctx, a, true) != 0 ||
	    EVP_CipherFinal_ex(ctx, none, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SRTP_TAG_MAX,
		tag) != 1)
		return -EIO;
	return 0;
}

int
srtp_aead_open(struct srtp_engine *e, enum srtp_suite suite,
    const struct srtp_aead *a, const uint8_t tag[SRTP_TAG_MAX])
{
	EVP_CIPHER_CTX *ctx = aead_of(e, suite);
	uint8_t expected[SRTP_TAG_MAX], none[16];
	int n;

	memcpy(expected, tag, sizeof(expected));
	if (aead_begin(ctx, a, false) != 0 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SRTP_TAG_MAX,
		expected) != 1)
		return -EIO;
	return EVP_CipherFinal_ex(ctx, none, &n) == 1 ? 0 : -EACCES;
}
