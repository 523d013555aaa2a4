/*
 * TLS handshakes that came to nothing lately, for `postern status` and
 * `postern explain`: from where, why, how often.
 *
 * Addresses that a subscriber registered from before lie apart from
 * strangers': a scanner cannot push a phone's out.  Bounded; in memory only.
 *
 * Pure.
 */
#ifndef SIGPROXY_CORE_HANDSHAKES_H
#define SIGPROXY_CORE_HANDSHAKES_H

#include "common/base/addr.h"
#include "common/base/buf.h"
#include "common/base/mono.h"
#include "common/base/span.h"

#define HANDSHAKES_MAX 8	/* of either kind; the oldest gives way */
#define HANDSHAKES_NUMBER_MAX 32

struct handshake {
	const char *why;	/* a literal; NULL: a free place */
	struct addr at;
	uint8_t n_number;	/* of who registered from there; 0: nobody */
	char number[HANDSHAKES_NUMBER_MAX];
	uint64_t count;
	struct mono last;
};

struct handshakes {
	struct handshake known[HANDSHAKES_MAX], other[HANDSHAKES_MAX];
};

/* Takes:   why     a literal, the log's name of it.
 *          number  last registered from there; empty: none. */
void handshakes_note(struct handshakes *h, const struct addr *at,
    const char *why, struct span number, struct mono now);

/* As a member of an object: "tls_failures":[...], with as many as fit whole
 * and leave `spare` bytes. */
void handshakes_status(const struct handshakes *h, struct mono now,
    size_t spare, struct buf *json);

#endif
