/*
 * Sealed HA1s: what lies in the credential table; and sealed checkpoints,
 * which hold the SRTP keys of calls.
 *
 * XChaCha20-Poly1305 under the store's key.  Subscriber, username, realm and
 * algorithm are bound in as additional data: a sealed value moved to another
 * row by SQL does not open.
 */
#ifndef REGDB_CORE_SEAL_H
#define REGDB_CORE_SEAL_H

#include "common/base/secret.h"
#include "common/codec/digest.h"

#define SEAL_KEY_LEN 32
#define SEAL_NONCE_LEN 24
#define SEALED_MAX (SEAL_NONCE_LEN + DIGEST_HEX_MAX + 16)

struct seal_for {
	int64_t subscriber;
	struct span username;	/* at most 64 bytes */
	struct span realm;	/* at most 128 bytes */
	enum digest_alg alg;
};

/*
 * Takes:   nonce  fresh random bytes.
 *          ha1    digest_hex_len() characters.
 * Gives:   the length written to out.
 */
size_t seal_ha1(const struct secret *key, const struct seal_for *who,
    const uint8_t nonce[SEAL_NONCE_LEN], struct span ha1,
    uint8_t out[SEALED_MAX]);

/*
 * Gives:   digest_hex_len() characters; wipe them after use.
 * Errors:  -EBADMSG another key, another row, or altered.
 */
int seal_open(const struct secret *key, const struct seal_for *who,
    struct span sealed, char ha1_out[DIGEST_HEX_MAX]);

/* Bytes that sealing adds to a state. */
#define SEAL_STATE_MORE (SEAL_NONCE_LEN + 16)

/* What a sealed checkpoint is bound to. */
struct seal_state {
	uint64_t ticket;
	uint8_t version;
};

/*
 * Takes:   nonce  fresh random bytes.
 * Gives:   state.len + SEAL_STATE_MORE bytes in out.
 */
void seal_state(const struct secret *key, const struct seal_state *what,
    const uint8_t nonce[SEAL_NONCE_LEN], struct span state, uint8_t *out);

/*
 * Gives:   sealed.len - SEAL_STATE_MORE bytes in out.
 * Errors:  -EBADMSG another key or call, altered, or never sealed.
 */
int seal_state_open(const struct secret *key, const struct seal_state *what,
    struct span sealed, uint8_t *out);

/*
 * Passwords of trunks, which are to be answered with for a realm that only
 * the challenge names, so that no HA1 can be kept.  All are as long sealed.
 */
#define SEAL_WORD_MAX 256
#define SEALED_WORD_LEN (SEAL_NONCE_LEN + 2 + SEAL_WORD_MAX + 16)
/* What one is bound to, in mem of SEAL_OF_MAX bytes. */
#define SEAL_OF_MAX 40
struct span seal_of_trunk(uint64_t id, char mem[SEAL_OF_MAX]);
struct span seal_of_mirror(struct span number, char mem[SEAL_OF_MAX]);

/* Errors: -EMSGSIZE longer than SEAL_WORD_MAX, or nothing. */
int seal_word(const struct secret *key, struct span of,
    const uint8_t nonce[SEAL_NONCE_LEN], struct span word,
    uint8_t out[SEALED_WORD_LEN]);
/*
 * Gives:   the password; wipe it after use.
 * Errors:  -EBADMSG another key, another row, or altered.
 */
int seal_word_open(const struct secret *key, struct span of,
    struct span sealed, char out[SEAL_WORD_MAX], size_t *len_out);

#endif
