/*
 * a=crypto: SRTP keys in SDP (RFC 4568).
 *
 * Read strictly; written with one key, no lifetime and no MKI, and always
 * with the padding of its base64, without which linphone is deaf.
 */
#ifndef SIGPROXY_SIP_CRYPTO_H
#define SIGPROXY_SIP_CRYPTO_H

#include "common/base/buf.h"
#include "common/codec/srtp_suite.h"
#include "sigproxy/sip/sdp.h"

#define SDP_CRYPTO_MKI_MAX 4	/* bytes; phones that use one use 1 */
#define SDP_CRYPTO_LINE_MAX 120	/* of the longest that is written */

struct sdp_crypto {
	uint32_t tag;
	uint8_t suite;		/* enum srtp_suite, never SRTP_NONE */
	uint8_t key[SRTP_KEY_MAX];	/* srtp_key_len(suite) bytes */
	uint8_t mki_len;	/* 0: none */
	uint32_t mki;
};

/*
 * Read what stands behind `a=crypto:`.
 *
 * Errors:  -EBADMSG malformed; -ENOTSUP a suite, key method or session
 *          parameter that is not ours, several keys, or a key of the wrong
 *          length (baresip's for AES-256-GCM).  Another line may be usable.
 */
int sdp_crypto_parse(struct span content, struct sdp_crypto *out);

/*
 * The first usable line of one m= section: the offerer's order counts
 * (RFC 4568 5.1.2).
 *
 * Errors:  -ENOENT none.
 */
int sdp_crypto_choose(const struct sdp_media *m, struct sdp_crypto *out);

/* Write the whole line. */
void sdp_crypto_put(struct buf *b, uint32_t tag, unsigned suite,
    const uint8_t *key);

#endif
