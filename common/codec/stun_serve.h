/*
 * The server's half of STUN: answer a Binding Request (RFC 8489 6.3, 7).
 *
 * Stateless, without authentication, from the packet and its source alone:
 * whoever owns the socket decides whether a source may be answered.  Requests
 * without the magic cookie (RFC 3489; many desk phones) get MAPPED-ADDRESS.
 * No second address, so a CHANGE-REQUEST that asks for one is refused with
 * 420 (RFC 5780 7.2).
 */
#ifndef COMMON_CODEC_STUN_SERVE_H
#define COMMON_CODEC_STUN_SERVE_H

#include "common/codec/stun.h"

#define STUN_UNKNOWN_MAX 8	/* named in one 420 */
/* 420 with eight names and FINGERPRINT. */
#define STUN_ANSWER_MAX (STUN_HEADER_LEN + 8 + 4 + 2 * STUN_UNKNOWN_MAX + 8)

/* Is this a Binding Request, with or without the cookie, by its header? */
bool stun_is_request(struct span packet);

/*
 * Build the answer.
 *
 * Takes:   source  where the packet came from.
 *          out     empty; STUN_ANSWER_MAX octets are enough.
 * Gives:   true and a success, or a 420, with FINGERPRINT when the request
 *          had one; false: malformed, or its FINGERPRINT is wrong: silence.
 * Limits:  on the wire, with IP and UDP headers, an answer is at most 1.5
 *          times the request.
 */
bool stun_serve(struct span packet, const struct addr *source,
    struct buf *out);

#endif
