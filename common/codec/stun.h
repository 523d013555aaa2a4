/*
 * STUN messages (RFC 8489): read any message safely, write Binding Requests.
 *
 * Only what a client needs to learn its mapping, plus the two checks of
 * RFC 8489 14.5 and 14.7.  No state and no retransmission (stunmon/core/probe)
 * and no TURN.  A parsed message is a view into the caller's packet.
 */
#ifndef COMMON_CODEC_STUN_H
#define COMMON_CODEC_STUN_H

#include "common/base/addr.h"

#define STUN_HEADER_LEN 20
#define STUN_TID_LEN 12
#define STUN_COOKIE 0x2112a442u
#define STUN_PORT 3478
/* Longest message we take: RFC 8489 6.1 for an unknown path MTU. */
#define STUN_MSG_MAX 548
#define STUN_REQUEST_LEN 28	/* header and FINGERPRINT */

enum stun_class {
	STUN_REQUEST = 0,
	STUN_INDICATION = 1,
	STUN_SUCCESS = 2,
	STUN_ERROR = 3,
};

#define STUN_BINDING 0x001	/* the only method here */

struct stun_msg {
	enum stun_class class;
	uint16_t method;
	uint8_t tid[STUN_TID_LEN];
	struct addr mapped;	/* XOR-MAPPED-ADDRESS, else MAPPED-ADDRESS,
				 * else ADDR_NONE */
	bool xored;		/* it was the XOR one */
	struct addr other;	/* OTHER-ADDRESS (RFC 5780 7.4): the server's
				 * other IP and port; ADDR_NONE: none */
	uint16_t error_code;	/* 300 to 699, 0: none */
	unsigned n_unknown;	/* attributes that must be understood
				 * (RFC 8489 14) and are not */
	struct span username, realm, nonce;
	bool use_candidate;	/* RFC 8445 16.1 */
	bool controlled;	/* ICE-CONTROLLED is there */
	struct span packet;	/* lent: all of it */
	size_t integrity_at;	/* offset of MESSAGE-INTEGRITY, 0: none */
	size_t fingerprint_at;	/* offset of FINGERPRINT, 0: none */
};

/*
 * Is this packet STUN, among RTP, RTCP and DTLS on the same port?
 *
 * Spec:    RFC 7983 7 (first octet 0 to 3) and RFC 8489 5 (cookie; a length
 *          that is a multiple of four and is the packet's).
 */
bool stun_is(struct span packet);

/*
 * Read a whole message.
 *
 * Spec:    RFC 8489 5 and 14.  Of an attribute that comes twice the first
 *          counts; after MESSAGE-INTEGRITY all but FINGERPRINT are ignored.
 * Takes:   packet, borrowed as long as out is used.
 * Errors:  -EBADMSG for anything malformed; out is then untouched.
 */
int stun_parse(struct span packet, struct stun_msg *out);

/* Is FINGERPRINT there and right (RFC 8489 14.7)? */
bool stun_fingerprint_ok(const struct stun_msg *m);

/*
 * Is MESSAGE-INTEGRITY there and right (RFC 8489 14.5)?
 *
 * Takes:   key  short term: the password; long term: the MD5 of
 *               "username:realm:password", 16 bytes.  One of more than 64
 *               is never right.
 */
bool stun_integrity_ok(const struct stun_msg *m, struct span key);

/* Must an attribute of this type not be passed over, and is it defined
 * nowhere that we know of (RFC 8489 14)? */
bool stun_is_unknown(uint16_t type);

/*
 * Write a Binding Request with FINGERPRINT and nothing that tells who we are.
 *
 * Limits:  STUN_REQUEST_LEN bytes; too small a buffer sets its error.
 */
void stun_put_request(struct buf *b, const uint8_t tid[STUN_TID_LEN]);

/* CHANGE-REQUEST (RFC 5780 7.2): answer from your other IP, other port. */
enum {
	STUN_CHANGE_IP = 1,
	STUN_CHANGE_PORT = 2,
};
#define STUN_CHANGE_REQUEST_LEN (STUN_REQUEST_LEN + 8)

/* The same, with CHANGE-REQUEST; STUN_CHANGE_REQUEST_LEN bytes. */
void stun_put_change_request(struct buf *b, const uint8_t tid[STUN_TID_LEN],
    unsigned change);

/*
 * End a message with FINGERPRINT (RFC 8489 14.7).
 *
 * Takes:   b  all of the message so far and nothing else; its length field
 *             counts the FINGERPRINT already.
 */
void stun_put_fingerprint(struct buf *b);

/*
 * Go on with MESSAGE-INTEGRITY (RFC 8489 14.5).
 *
 * Takes:   b    all of the message so far and nothing else; its length field
 *               counts up to the MESSAGE-INTEGRITY and no further.
 *          key  as above, of 64 bytes at most; else b's error is set.
 * Limits:  STUN_INTEGRITY_LEN bytes.
 */
#define STUN_INTEGRITY_LEN 24
void stun_put_integrity(struct buf *b, struct span key);

#endif
