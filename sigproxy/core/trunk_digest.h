/*
 * The challenge of a trunk and the answer to it (RFC 3261 22.2, RFC 7616,
 * RFC 8760).  registrar-db computes the answer; here it is read and written.
 */
#ifndef SIGPROXY_CORE_TRUNK_DIGEST_H
#define SIGPROXY_CORE_TRUNK_DIGEST_H

#include "sigproxy/core/leg.h"

struct trunk_challenge {
	bool proxy;		/* 407 */
	bool qop;		/* auth is offered */
	bool stale;
	TEXT(128) realm;
	TEXT(256) nonce;
	TEXT(128) opaque;
	TEXT(16) algorithm;	/* empty: MD5 */
};

/*
 * The challenge of this 401 or 407 that we can answer, the strongest first.
 *
 * Errors:  -ENOENT there is none: another scheme or algorithm, auth-int
 *          alone, escapes in it, longer than the above.
 */
int trunk_challenge_read(const struct sip_msg *msg,
    struct trunk_challenge *out);

/* The whole Authorization or Proxy-Authorization line. */
struct trunk_answer {
	struct span username, uri, response, cnonce;
};
void trunk_answer_put(struct buf *b, const struct trunk_challenge *c,
    const struct trunk_answer *a);

#endif
