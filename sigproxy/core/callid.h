/*
 * Call-IDs that hold an address or a host name do not cross to the other
 * side as they are: they are sealed into a token and can be opened again.
 *
 * Keyed and without state: the same Call-ID always gives the same token, and
 * whoever has the key finds the Call-ID in it after a crash.  The first half
 * of the seal is a keyed hash of the text and the nonce of the cipher (the
 * construction of RFC 5297), so that a forged token opens to nothing.
 */
#ifndef SIGPROXY_CORE_CALLID_H
#define SIGPROXY_CORE_CALLID_H

#include "common/base/buf.h"

#define CALLID_KEY_LEN 64

/* Longest Call-ID that can be opened again; longer ones become a hash. */
#define CALLID_PLAIN_MAX 160
/* Longest masked one: "p-", then base64 of 16 + 160 bytes. */
#define CALLID_MASKED_MAX 240

struct callid_key {
	uint8_t bytes[CALLID_KEY_LEN];
};

/* A key of its own for this process. */
void callid_key_random(struct callid_key *key);

/* Could this Call-ID tell an address or a host name?  True for anything with
 * '@', '.', ':', '[' in it, and for four decimal numbers joined by '-'. */
bool callid_must_mask(struct span id);

/*
 * Write the Call-ID as the other side sees it: unchanged, or masked.
 *
 * Errors:  b's sticky error when it does not fit.
 */
void callid_put(struct buf *b, const struct callid_key *key, struct span id);

/*
 * Open a masked Call-ID.
 *
 * Errors:  -ENOENT not one of ours (or a hash of a long one); -EMSGSIZE b is
 *          too small.  b is untouched on failure.
 */
int callid_open(
    struct buf *b, const struct callid_key *key, struct span masked);

#endif
