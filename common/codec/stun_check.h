/*
 * The answerer's half of a connectivity check (RFC 8445 7.3), for an agent
 * that is ICE-lite (2.5): it never asks, and is never the controlling one.
 *
 * Stateless: from the packet, its source and our short-term credential alone.
 * Only who has the password gets an answer.  RFC 8489 9.1.3 has 400 and 401
 * for others; to them we are silent, since strangers must neither learn which
 * ports are in use nor have us send anything to an address they forged.
 */
#ifndef COMMON_CODEC_STUN_CHECK_H
#define COMMON_CODEC_STUN_CHECK_H

#include "common/codec/stun.h"

#define STUN_CHECK_UNKNOWN_MAX 4	/* attributes named in one 420 */
/* Success with IPv6, or 420 with four names; both signed. */
#define STUN_CHECK_MAX (STUN_HEADER_LEN + 24 + STUN_INTEGRITY_LEN + 8)

enum stun_check {
	STUN_CHECK_SILENT,	/* no check of ours; nothing is written */
	STUN_CHECK_REFUSED,	/* 420, or 487: it thinks it is controlled */
	STUN_CHECK_VALID,
	STUN_CHECK_NOMINATES,	/* the same, with USE-CANDIDATE */
};

/*
 * Look at a packet that came to a port of ours.
 *
 * Takes:   ufrag, pwd  of ours, as SDP said them.
 *          source      where it came from.
 *          out         empty; STUN_CHECK_MAX octets are enough.
 * Gives:   out, unless STUN_CHECK_SILENT: the answer, signed with our
 *          password and with FINGERPRINT.
 * Limits:  on the wire, with IP and UDP headers, an answer is at most 1.5
 *          times the request.
 */
enum stun_check stun_check(struct span packet, struct span ufrag,
    struct span pwd, const struct addr *source, struct buf *out);

#endif
