/*
 * A stock of nonces minted by registrar-db, and a fixed memory of which one
 * was sent to which address.
 *
 * The memory is what proves that a source can receive: a nonce that was not
 * sent to this address buys no transaction and no question.  It is a table
 * of keyed hashes that a flood can overwrite; then a phone gets one more 401.
 */
#ifndef SIGPROXY_CORE_NONCES_H
#define SIGPROXY_CORE_NONCES_H

#include "common/base/addr.h"
#include "common/base/mono.h"
#include "common/ipc/msg.h"

struct nonces;

/* Errors: NULL for no memory. */
struct nonces *nonces_new(uint32_t stock);
void nonces_free(struct nonces *n);

/* Add a batch; beyond the stock's size the oldest go. */
void nonces_add(struct nonces *n, struct mono now, struct span batch,
    uint32_t lifetime_ms);
/* Those of a registrar-db that is gone are used only while there are no
 * others. */
void nonces_outdate(struct nonces *n);
/* Nonces still good for at least a quarter of their life. */
uint32_t nonces_left(const struct nonces *n, struct mono now);
/* When the ones now in stock are to be followed by fresh ones. */
struct mono nonces_renewal(const struct nonces *n);

/* Take one for this address; IPC_NONCE_LEN characters.
 * Errors: -ENOENT none left. */
int nonces_take(struct nonces *n, struct mono now, const struct addr *to,
    struct span *out);
/*
 * Take the youngest, for nextnonce.
 *
 * Takes:   for_ms  how long it must still live.
 * Errors:  -ENOENT none that does.
 */
int nonces_take_young(struct nonces *n, struct mono now,
    const struct addr *to, uint32_t for_ms, struct span *out);
/* Was this nonce sent to this address (an IPv6 /64 counts as one)? */
bool nonces_was_sent(const struct nonces *n, struct span nonce,
    const struct addr *to);

#endif
