#include <errno.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "sigproxy/io/tls_key.h"

#define PROVIDER "postern-keyd"
#define PARAM_INDEX "postern-index"
#define PARAM_SPKI "postern-spki"	/* the public key as X.509 has it */

static tls_signer *ask;

/* ---- the key: a reference ---- */

struct key {
	EVP_PKEY *pub;		/* of the default provider */
	uint8_t index;
};

static void *
key_new(void *provider)
{
	(void)provider;
	return OPENSSL_zalloc(sizeof(struct key));
}

static void
key_free(void *data)
{
	struct key *k = data;

	if (k != NULL)
		EVP_PKEY_free(k->pub);
	OPENSSL_free(k);
}

/* It has its private half, elsewhere. */
static int
key_has(const void *data, int selection)
{
	const struct key *k = data;

	(void)selection;
	return k != NULL && k->pub != NULL;
}

static int
key_match(const void *a, const void *b, int selection)
{
	const struct key *x = a, *y = b;

	(void)selection;
	return EVP_PKEY_eq(x->pub, y->pub) == 1;
}

static int
key_import(void *data, int selection, const OSSL_PARAM params[])
{
	const OSSL_PARAM *spki = OSSL_PARAM_locate_const(params, PARAM_SPKI);
	const OSSL_PARAM *index = OSSL_PARAM_locate_const(params, PARAM_INDEX);
	struct key *k = data;
	const unsigned char *der;
	unsigned number;

	(void)selection;
	if (spki == NULL || index == NULL || k->pub != NULL ||
	    OSSL_PARAM_get_uint(index, &number) != 1)
		return 0;
	der = spki->data;
	k->pub = d2i_PUBKEY(NULL, &der, (long)spki->data_size);
	k->index = (uint8_t)number;
	return k->pub != NULL;
}

static const OSSL_PARAM *
key_import_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_octet_string(PARAM_SPKI, NULL, 0),
		OSSL_PARAM_uint(PARAM_INDEX, NULL),
		OSSL_PARAM_END,
	};

	(void)selection;
	return types;
}

/* The public half: libssl compares it with the certificate's. */
static int
key_export(void *data, int selection, OSSL_CALLBACK *give, void *arg)
{
	const struct key *k = data;
	OSSL_PARAM *params = NULL;
	int ok;

	(void)selection;
	if (EVP_PKEY_todata(k->pub, EVP_PKEY_PUBLIC_KEY, &params) != 1)
		return 0;
	ok = give(params, arg);
	OSSL_PARAM_free(params);
	return ok;
}

static const OSSL_PARAM *
key_export_types(int selection)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
		OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)selection;
	return types;
}

/* Size, strength, curve. */
static int
key_get_params(void *data, OSSL_PARAM params[])
{
	const struct key *k = data;

	return EVP_PKEY_get_params(k->pub, params);
}

static const OSSL_PARAM *
key_gettable(void *provider)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)provider;
	return types;
}

/* Names that nobody else has: what libssl fetches by them is ours. */
static const char *
ec_signature(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "POSTERN-ECDSA" : NULL;
}

static const char *
rsa_signature(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "POSTERN-RSA" : NULL;
}

static const char *
ed_signature(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "POSTERN-ED25519" : NULL;
}

#define FN(id, function) { (id), (void (*)(void))(function) }
#define KEY_FUNCTIONS(query)                                        \
	{                                                           \
		FN(OSSL_FUNC_KEYMGMT_NEW, key_new),                 \
		FN(OSSL_FUNC_KEYMGMT_FREE, key_free),               \
		FN(OSSL_FUNC_KEYMGMT_HAS, key_has),                 \
		FN(OSSL_FUNC_KEYMGMT_MATCH, key_match),             \
		FN(OSSL_FUNC_KEYMGMT_IMPORT, key_import),           \
		FN(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_import_types), \
		FN(OSSL_FUNC_KEYMGMT_EXPORT, key_export),           \
		FN(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, key_export_types), \
		FN(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),   \
		FN(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable), \
		FN(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, query),  \
		{ 0, NULL },                                        \
	}

static const OSSL_DISPATCH ec_key[] = KEY_FUNCTIONS(ec_signature);
static const OSSL_DISPATCH rsa_key[] = KEY_FUNCTIONS(rsa_signature);
static const OSSL_DISPATCH ed_key[] = KEY_FUNCTIONS(ed_signature);

/* ---- the signature ---- */

struct signing {
	const struct key *key;	/* the pkey of its EVP_PKEY_CTX lives on */
	int digest;		/* NID; NID_undef: none (Ed25519) */
	bool is_pss;
};

static void *
signing_new(void *provider, const char *properties)
{
	(void)provider;
	(void)properties;
	return OPENSSL_zalloc(sizeof(struct signing));
}

static void
signing_free(void *data)
{
	OPENSSL_free(data);
}

/* RFC 8446 4.2.3; TLS 1.2 gives the same numbers as two octets. */
static const struct scheme {
	int digest;
	uint16_t ecdsa, pkcs1, pss;
} schemes[] = {
	{ NID_sha256, 0x0403, 0x0401, 0x0804 },
	{ NID_sha384, 0x0503, 0x0501, 0x0805 },
	{ NID_sha512, 0x0603, 0x0601, 0x0806 },
};

static uint16_t
scheme_of(const struct signing *s)
{
	if (EVP_PKEY_is_a(s->key->pub, "ED25519"))
		return 0x0807;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		const struct scheme *row = &schemes[i];

		if (row->digest != s->digest)
			continue;
		if (EVP_PKEY_is_a(s->key->pub, "EC"))
			return row->ecdsa;
		return s->is_pss ? row->pss : row->pkcs1;
	}
	return 0;	/* SHA-1 and older: nobody needs them */
}

static int
signing_set(void *data, const OSSL_PARAM params[])
{
	const OSSL_PARAM *pad;
	struct signing *s = data;
	int number = 0;

	if (params == NULL)
		return 1;
	pad = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
	if (pad == NULL)
		return 1;
	if (pad->data_type == OSSL_PARAM_UTF8_STRING)
		s->is_pss = strcmp(pad->data, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
	else if (OSSL_PARAM_get_int(pad, &number) == 1)
		s->is_pss = number == RSA_PKCS1_PSS_PADDING;
	else
		return 0;
	return 1;
}

/* The salt is as long as the digest, which the scheme says already. */
static const OSSL_PARAM *
signing_settable(void *data, void *provider)
{
	static const OSSL_PARAM types[] = {
		OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
		OSSL_PARAM_utf8_string(
		    OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
		OSSL_PARAM_END,
	};

	(void)data;
	(void)provider;
	return types;
}

static int
signing_init(void *data, const char *digest, void *key,
    const OSSL_PARAM params[])
{
	struct signing *s = data;

	if (key != NULL)
		s->key = key;
	s->digest = digest == NULL ? NID_undef : OBJ_sn2nid(digest);
	if (digest != NULL && s->digest == NID_undef)
		s->digest = EVP_MD_get_type(EVP_get_digestbyname(digest));
	return s->key != NULL && signing_set(data, params);
}

static int
signing_sign(void *data, unsigned char *signature, size_t *len, size_t room,
    const unsigned char *tbs, size_t n)
{
	const struct signing *s = data;
	unsigned char mem[TLS_SIGNATURE_MAX];
	uint16_t scheme = scheme_of(s);
	size_t most = (size_t)EVP_PKEY_get_size(s->key->pub);

	if (signature == NULL) {
		*len = most;
		return 1;
	}
	if (scheme == 0 || n > TLS_TBS_MAX || ask == NULL)
		return 0;
	*len = ask(s->key->index, scheme, span_make(tbs, n), mem);
	if (*len == 0 || *len > room || *len > most)
		return 0;
	memcpy(signature, mem, *len);
	return 1;
}

static const OSSL_DISPATCH signing[] = {
	FN(OSSL_FUNC_SIGNATURE_NEWCTX, signing_new),
	FN(OSSL_FUNC_SIGNATURE_FREECTX, signing_free),
	FN(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, signing_init),
	FN(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, signing_sign),
	FN(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, signing_set),
	FN(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, signing_settable),
	{ 0, NULL },
};

/* ---- the provider ---- */

/* The names are those of the default provider: a kind of key has one number
 * for all its names. */
static const OSSL_ALGORITHM keys[] = {
	{ "EC:id-ecPublicKey:1.2.840.10045.2.1", "provider=" PROVIDER, ec_key,
	    NULL },
	{ "RSA:rsaEncryption:1.2.840.113549.1.1.1", "provider=" PROVIDER,
	    rsa_key, NULL },
	{ "ED25519:1.3.101.112", "provider=" PROVIDER, ed_key, NULL },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM signatures[] = {
	{ "POSTERN-ECDSA", "provider=" PROVIDER, signing, NULL },
	{ "POSTERN-RSA", "provider=" PROVIDER, signing, NULL },
	{ "POSTERN-ED25519", "provider=" PROVIDER, signing, NULL },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM *
query(void *provider, int operation, int *no_cache)
{
	(void)provider;
	*no_cache = 0;
	switch (operation) {
	case OSSL_OP_KEYMGMT:
		return keys;
	case OSSL_OP_SIGNATURE:
		return signatures;
	default:
		return NULL;
	}
}

static const OSSL_DISPATCH provider[] = {
	FN(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
	{ 0, NULL },
};

static int
provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
    const OSSL_DISPATCH **out, void **data)
{
	(void)in;
	*out = provider;
	*data = (void *)handle;
	return 1;
}

int
tls_key_init(tls_signer *signer)
{
	/* Held to the end. */
	static OSSL_PROVIDER *theirs, *ours;

	ask = signer;
	/* First: it is found first where both have a name. */
	if (theirs == NULL)
		theirs = OSSL_PROVIDER_load(NULL, "default");
	if (theirs == NULL)
		return -EIO;
	if (ours == NULL && OSSL_PROVIDER_add_builtin(NULL, PROVIDER,
		provider_init) == 1)
		ours = OSSL_PROVIDER_load(NULL, PROVIDER);
	return ours == NULL ? -EIO : 0;
}

static const char *
kind_of(const EVP_PKEY *pub)
{
	static const char *const kinds[] = { "EC", "RSA", "ED25519" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (EVP_PKEY_is_a(pub, kinds[i]))
			return kinds[i];
	}
	return NULL;
}

EVP_PKEY *
tls_key_new(EVP_PKEY *pub, uint8_t index)
{
	const char *kind = kind_of(pub);
	unsigned char *der = NULL;
	unsigned number = index;
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *out = NULL;
	int len = i2d_PUBKEY(pub, &der);
	OSSL_PARAM params[3];

	if (len > 0 && kind != NULL)
		ctx = EVP_PKEY_CTX_new_from_name(NULL, kind,
		    "provider=" PROVIDER);
	if (ctx != NULL) {
		params[0] = OSSL_PARAM_construct_octet_string(PARAM_SPKI, der,
		    (size_t)len);
		params[1] = OSSL_PARAM_construct_uint(PARAM_INDEX, &number);
		params[2] = OSSL_PARAM_construct_end();
		if (EVP_PKEY_fromdata_init(ctx) != 1 ||
		    EVP_PKEY_fromdata(ctx, &out, EVP_PKEY_KEYPAIR, params) != 1)
			out = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	OPENSSL_free(der);
	return out;
}
