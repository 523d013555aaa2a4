/*
 * Nonces: minted, checked, bound to a subscriber and spent.
 *
 * A nonce is a serial number and a keyed hash of it, 24 bytes as 32
 * characters of base64url.  The key is of this process's life, so that every
 * nonce from before a restart is plainly unknown.  The state of the last
 * NONCE_RING ones lies in a ring; an older one is stale, whatever its age.
 *
 * Only a right answer changes state (nonce_spend): a stranger who sees a
 * nonce cannot use up its owner's counts.
 *
 * Spec:  RFC 7616 3.3 (nonce, stale), 3.4.5 (nc), 5.5 (replay).
 */
#ifndef REGDB_CORE_NONCE_H
#define REGDB_CORE_NONCE_H

#include "common/base/mono.h"
#include "common/base/span.h"

#define NONCE_CHARS 32
#define NONCE_RING 131072	/* a power of two */
#define NONCE_KEY_LEN 32
/* Counts behind the highest one seen that may still arrive, since requests
 * of one phone overtake each other. */
#define NONCE_WINDOW 64

enum nonce_state {
	NONCE_GOOD,
	NONCE_STALE,		/* ours or not: unknown, old or spent */
};

/* One use of a nonce, as the phone claims it. */
struct nonce_use {
	struct span nonce;
	bool counted;		/* it came with qop and nc */
	uint32_t nc;
};

struct nonces;

/*
 * Takes:   key          fresh random bytes, kept.
 *          lifetime_ms  from minting.
 * Gives:   NULL for no memory.
 */
struct nonces *nonces_new(const uint8_t key[NONCE_KEY_LEN],
    uint32_t lifetime_ms);
void nonces_free(struct nonces *n);

/* Write one fresh nonce of NONCE_CHARS characters, no NUL. */
void nonce_mint(struct nonces *n, struct mono now, char out[NONCE_CHARS]);

/*
 * May this use still be answered by this subscriber?  Changes nothing.
 *
 * Takes:   subscriber  its id; a nonce belongs to the first one who gave a
 *                      right answer with it.
 */
enum nonce_state nonce_check(const struct nonces *n, struct mono now,
    const struct nonce_use *use, int64_t subscriber);

/* Seconds for which it can still be answered; 0 for none of ours, or when
 * it is used up. */
uint32_t nonce_left_s(const struct nonces *n, struct mono now,
    struct span nonce);

/* A right answer came: the nonce is this subscriber's, the count is used.
 * Without a count the nonce is used up.  Only after NONCE_GOOD. */
void nonce_spend(struct nonces *n, const struct nonce_use *use,
    int64_t subscriber);

#endif
