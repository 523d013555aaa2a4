/*
 * RTP and RTCP as a relay needs them (RFC 3550, 5761): tell packets apart,
 * read the fixed header, write keepalives, and take names out of RTCP.
 *
 * Payload is never looked at.  Nothing is kept between calls.
 */
#ifndef COMMON_CODEC_RTP_H
#define COMMON_CODEC_RTP_H

#include "common/base/buf.h"

#define RTP_HEADER_LEN 12
#define RTP_PACKET_MAX 2048	/* longer ones are not relayed */
#define RTP_SCRUB_KEY_LEN 16
/* A dynamic payload type that phones hardly ever offer (RFC 6263 4.6). */
#define RTP_KEEPALIVE_PT 126
#define RTP_PT_CN 13	/* comfort noise (RFC 3389) */
#define RTCP_KEEPALIVE_LEN 28

/* What the first octets say a packet is (RFC 7983 7, RFC 5761 4). */
enum rtp_kind {
	RTP_KIND_OTHER,		/* DTLS, ZRTP, TURN, noise */
	RTP_KIND_STUN,		/* maybe; stun_is() knows */
	RTP_KIND_RTP,
	RTP_KIND_RTCP,
};

struct rtp_header {
	uint8_t payload_type;
	uint16_t seq;
	uint32_t timestamp;
	uint32_t ssrc;
};

enum rtp_kind rtp_kind(struct span packet);

/*
 * Read the fixed header.
 *
 * Spec:    RFC 3550 5.1 and A.1: version 2, and room for the CSRC list, the
 *          extension and the padding that the header announces.
 * Errors:  -EBADMSG; out is then untouched.
 */
int rtp_parse(struct span packet, struct rtp_header *out);

/*
 * Check an RTCP compound packet from end to end and make it anonymous.
 *
 * Spec:    RFC 3550 6.1, A.2 (version, lengths; a reduced-size packet of
 *          RFC 5506 is fine), 6.5 (SDES), 6.6 (BYE reason).
 * Takes:   packet  changed in place, never in length: a CNAME becomes as many
 *                  digits of a keyed hash of it (so streams of one source
 *                  still belong together), all other SDES text and a BYE
 *                  reason become spaces, an APP's data and padding zeros.
 * Gives:   the sender's SSRC.
 * Errors:  -EBADMSG: relay nothing of it; the bytes may be half changed.
 */
int rtcp_scrub(uint8_t *packet, size_t len,
    const uint8_t key[RTP_SCRUB_KEY_LEN], uint32_t *ssrc_out);

/* An RTP packet that carries nothing, to hold a NAT open (RFC 6263 4.6). */
void rtp_put_keepalive(struct buf *b, uint16_t seq, uint32_t ssrc);

/* The same for RTCP: an empty RR and an SDES with a random-looking CNAME made
 * from the SSRC (RFC 7022), RTCP_KEEPALIVE_LEN bytes. */
void rtcp_put_keepalive(struct buf *b, uint32_t ssrc);

#endif
