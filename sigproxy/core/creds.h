/*
 * The digest answer for our realm in a request (RFC 3261 22.3, RFC 7616,
 * RFC 8760).
 *
 * Authorization and Proxy-Authorization are both looked at, since phones
 * answer a 401 with either; those for other realms, of other schemes, and
 * malformed ones, count as absent.  Of several for our realm one is taken:
 * rather one with a nonce that was sent there, then the strongest algorithm,
 * then the first.  Everything is checked against what may travel to
 * registrar-db: a stranger's octets never make it close the door.
 */
#ifndef SIGPROXY_CORE_CREDS_H
#define SIGPROXY_CORE_CREDS_H

#include "common/codec/digest.h"
#include "common/ipc/msg.h"
#include "sigproxy/core/nonces.h"
#include "sigproxy/sip/msg.h"

/* Answers for our realm that are looked at; more are not counted. */
#define CREDS_MAX 4

struct creds {
	struct ipc_digest digest;	/* views into the request or mem */
	struct uri uri;			/* digest.uri, read */
	char mem[640];			/* where escapes were undone */
	char body_hash[DIGEST_HEX_MAX];	/* creds_hash_body() */
};

/*
 * Takes:   sent, to  what nonces were sent where.
 * Errors:  -ENOENT none for this realm; -EBADMSG there are, but none is
 *          usable; -ENOTSUP the same, as the username is hidden (username*,
 *          userhash: we never asked for that).
 */
int creds_find(const struct sip_msg *m, struct span realm,
    const struct nonces *sent, const struct addr *to, struct creds *out);

/* For qop=auth-int: fill digest.body_hash from the body.  Errors: -ENOMEM. */
int creds_hash_body(struct creds *c, struct digest *d, struct span body);

/* May this text travel in a field of 0 to max bytes? */
bool creds_text_ok(struct span s, size_t max);

#endif
