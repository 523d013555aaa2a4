/*
 * Digest arithmetic of SIP authentication: HA1 and the response, for MD5,
 * SHA-256 and SHA-512-256.  It knows no users, no nonces' state and no
 * headers; registrar-db uses it to check answers, tests to make them.
 *
 * Spec:  RFC 7616 3.4.1 to 3.4.3; RFC 8760 for the algorithms in SIP; RFC
 *        2069's form (no qop), which RFC 3261 22.4 keeps alive.
 *
 *	d = digest_new();
 *	digest_ha1(d, DIGEST_MD5, user, realm, password, ha1);
 *	digest_response(d, DIGEST_MD5, span_make(ha1, 32), &in, response);
 */
#ifndef COMMON_CODEC_DIGEST_H
#define COMMON_CODEC_DIGEST_H

#include "common/base/span.h"

enum digest_alg {
	DIGEST_MD5,
	DIGEST_SHA256,
	DIGEST_SHA512_256,
	DIGEST_ALGS,		/* how many there are */
};

/* Hexadecimal characters of the longest hash; no NUL. */
#define DIGEST_HEX_MAX 64

/* What the response covers beside HA1 (RFC 7616 3.4.1). */
struct digest_in {
	struct span method, uri, nonce;
	struct span nc, cnonce, qop;	/* qop empty: RFC 2069's form */
	struct span body_hash;		/* digest_body(), for qop auth-int */
};

struct digest;

/* Fetches the algorithms once: doing it for each answer costs more than the
 * hashes.  NULL: no memory, or OpenSSL lacks one of them. */
struct digest *digest_new(void);
void digest_free(struct digest *d);

/* The algorithm of this name, in any case; an empty name is MD5 (RFC 7616
 * 3.3).  Errors: -ENOTSUP, also for the "-sess" variants. */
int digest_alg(struct span name, enum digest_alg *out);
/* "MD5", "SHA-256", "SHA-512-256", "?" */
const char *digest_alg_name(enum digest_alg alg);
/* 32 or 64 characters. */
size_t digest_hex_len(enum digest_alg alg);

/*
 * H(username ":" realm ":" password) in lower-case hexadecimal.
 *
 * Gives:   digest_hex_len() characters, a secret like the password.
 * Errors:  -ENOMEM.
 */
int digest_ha1(struct digest *d, enum digest_alg alg, struct span username,
    struct span realm, struct span password, char hex_out[DIGEST_HEX_MAX]);

/* H(body) in lower-case hexadecimal.  Errors: -ENOMEM. */
int digest_body(struct digest *d, enum digest_alg alg, struct span body,
    char hex_out[DIGEST_HEX_MAX]);

/* "auth-int", in any case: does the response cover the body too? */
bool digest_covers_body(struct span qop);

/*
 * The response to this challenge.
 *
 * Takes:   ha1  digest_hex_len() characters.
 * Errors:  -ENOMEM.
 */
int digest_response(struct digest *d, enum digest_alg alg, struct span ha1,
    const struct digest_in *in, char hex_out[DIGEST_HEX_MAX]);

#endif
