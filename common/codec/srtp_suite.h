/*
 * The SRTP suites that may be agreed in SDP (RFC 4568 6.2, 6188, 7714).
 *
 * Numbers travel between processes; names stand in SDP.
 */
#ifndef COMMON_CODEC_SRTP_SUITE_H
#define COMMON_CODEC_SRTP_SUITE_H

#include "common/base/span.h"

enum srtp_suite {
	SRTP_NONE = 0,		/* plain RTP */
	SRTP_AES_CM_128_80,
	SRTP_AES_CM_128_32,
	SRTP_AES_256_CM_80,
	SRTP_AES_256_CM_32,
	SRTP_AEAD_128,
	SRTP_AEAD_256,
};
#define SRTP_SUITES 7

#define SRTP_KEY_MAX 46		/* master key and salt, the longest */

struct srtp_params {
	const char *name;	/* in SDP; "" for SRTP_NONE */
	uint8_t key_len, salt_len;
	uint8_t tag_len;	/* of SRTP; SRTCP's is never shorter than 10 */
	bool aead;
};

/* Never NULL: a number that is none is SRTP_NONE's. */
const struct srtp_params *srtp_params(unsigned suite);
/* Bytes of master key and salt together. */
size_t srtp_key_len(unsigned suite);
/* The suite of this name, letter case and all, or SRTP_NONE. */
enum srtp_suite srtp_suite_of(struct span name);

#endif
