#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/secret.h"
#include "common/codec/digest.h"

struct digest {
	EVP_MD *md[DIGEST_ALGS];
	/* One context for each algorithm: OpenSSL then keeps its state and
	 * allocates nothing when it starts anew. */
	EVP_MD_CTX *ctx[DIGEST_ALGS];
};

static const struct {
	const char *name;	/* RFC 8760 2.1 */
	const char *openssl;
	size_t hex_len;
} algs[DIGEST_ALGS] = {
	[DIGEST_MD5] = { "MD5", "MD5", 32 },
	[DIGEST_SHA256] = { "SHA-256", "SHA2-256", 64 },
	[DIGEST_SHA512_256] = { "SHA-512-256", "SHA2-512/256", 64 },
};

struct digest *
digest_new(void)
{
	struct digest *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	for (int i = 0; i < DIGEST_ALGS; i++) {
		d->md[i] = EVP_MD_fetch(NULL, algs[i].openssl, NULL);
		d->ctx[i] = EVP_MD_CTX_new();
		if (d->md[i] == NULL || d->ctx[i] == NULL ||
		    EVP_DigestInit_ex2(d->ctx[i], d->md[i], NULL) != 1) {
			digest_free(d);
			return NULL;
		}
	}
	return d;
}

void
digest_free(struct digest *d)
{
	if (d == NULL)
		return;
	for (int i = 0; i < DIGEST_ALGS; i++) {
		EVP_MD_CTX_free(d->ctx[i]);
		EVP_MD_free(d->md[i]);
	}
	free(d);
}

int
digest_alg(struct span name, enum digest_alg *out)
{
	if (span_is_empty(name)) {
		*out = DIGEST_MD5;
		return 0;
	}
	for (int i = 0; i < DIGEST_ALGS; i++) {
		if (span_caseeq(name, span_str(algs[i].name))) {
			*out = (enum digest_alg)i;
			return 0;
		}
	}
	return -ENOTSUP;
}

const char *
digest_alg_name(enum digest_alg alg)
{
	return alg < DIGEST_ALGS ? algs[alg].name : "?";
}

size_t
digest_hex_len(enum digest_alg alg)
{
	return algs[alg].hex_len;
}

/* Hash the parts joined by colons. */
static int
hash_joined(struct digest *d, enum digest_alg alg, const struct span *parts,
    size_t n, char hex_out[DIGEST_HEX_MAX])
{
	EVP_MD_CTX *ctx = d->ctx[alg];
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	struct buf hex;
	int ok;

	ok = EVP_DigestInit_ex2(ctx, d->md[alg], NULL);
	for (size_t i = 0; i < n && ok == 1; i++) {
		if (i > 0)
			ok = EVP_DigestUpdate(ctx, ":", 1);
		if (ok == 1)
			ok = EVP_DigestUpdate(ctx, parts[i].p, parts[i].len);
	}
	if (ok == 1)
		ok = EVP_DigestFinal_ex(ctx, raw, &len);
	if (ok == 1) {
		buf_init(&hex, hex_out, DIGEST_HEX_MAX);
		buf_put_hex(&hex, raw, len);
	}
	secret_wipe(raw, sizeof(raw));
	return ok == 1 ? 0 : -ENOMEM;
}

int
digest_ha1(struct digest *d, enum digest_alg alg, struct span username,
    struct span realm, struct span password, char hex_out[DIGEST_HEX_MAX])
{
	const struct span parts[] = { username, realm, password };

	return hash_joined(d, alg, parts, 3, hex_out);
}

int
digest_body(struct digest *d, enum digest_alg alg, struct span body,
    char hex_out[DIGEST_HEX_MAX])
{
	return hash_joined(d, alg, &body, 1, hex_out);
}

bool
digest_covers_body(struct span qop)
{
	return span_caseeq(qop, SPAN_LIT("auth-int"));
}

int
digest_response(struct digest *d, enum digest_alg alg, struct span ha1,
    const struct digest_in *in, char hex_out[DIGEST_HEX_MAX])
{
	const struct span a2[] = { in->method, in->uri, in->body_hash };
	char ha2_hex[DIGEST_HEX_MAX];
	struct span ha2 = span_make(ha2_hex, algs[alg].hex_len);
	int err;

	err = hash_joined(d, alg, a2, digest_covers_body(in->qop) ? 3 : 2,
	    ha2_hex);
	if (err)
		return err;
	if (span_is_empty(in->qop)) {
		const struct span old[] = { ha1, in->nonce, ha2 };

		return hash_joined(d, alg, old, 3, hex_out);
	}
	const struct span parts[] = { ha1, in->nonce, in->nc, in->cnonce,
		in->qop, ha2 };

	return hash_joined(d, alg, parts, 6, hex_out);
}
