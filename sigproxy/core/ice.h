/*
 * ICE-lite towards phones that speak ICE (RFC 8445 2.5, RFC 8839): some move
 * no sound without.
 *
 * Each leg by itself; nothing of it passes to the other one.  A phone is
 * offered ICE when it registered with +sip.ice or said ICE in an SDP of this
 * call; an offer with ICE is answered with ICE.  Everybody else sees the SDP
 * without.  We have one candidate for each port, the one that SDP says anyway.
 *
 * Ours are made of the leg's seed, as its SRTP keys are: the same as long as
 * neither side restarts ICE, over re-INVITE and restart.
 *
 * Belongs to the call part; see call_priv.h.
 */
#ifndef SIGPROXY_CORE_ICE_H
#define SIGPROXY_CORE_ICE_H

#include "common/ipc/msg.h"
#include "sigproxy/sip/sdp.h"

/* All lines of one m= section. */
#define ICE_LINES_MAX 320
#define ICE_GENERATIONS_MAX 0xffffff

/* What one m= section says. */
enum ice_said {
	ICE_NOT,
	ICE_RTP,	/* a candidate for RTP alone */
	ICE_BOTH,	/* and for RTCP */
	ICE_MISMATCH,	/* its default address is none of them */
};
#define ICE_SAID_MAX ICE_MISMATCH

/* What was agreed with one phone for one stream. */
struct ice_stream {
	bool on;
	bool told;		/* to the relay, as it is */
	uint32_t generation;	/* of our credential */
	uint64_t peer;		/* its phone's, hashed; 0: none was seen */
	struct addr nominated[2];	/* by its checks: RTP, RTCP */
};

struct ctx;
struct leg;
struct steps;
struct media_stream;

/* Read how one m= section of s says it. */
void ice_read(const struct sdp *s, const struct sdp_media *m,
    struct media_stream *out);

/*
 * What leg's phone is told of one stream.
 *
 * Takes:   line   of the stream in that SDP; its ports are set.
 *          offer  of leg's phone, that is answered; NULL: it is an offer.
 *          mem    ICE_LINES_MAX bytes, kept as long as edit is used.
 */
void ice_edit(struct sdp_edit *edit, unsigned line, const struct leg *leg,
    unsigned nr, const struct media_stream *offer, char *mem);

/* It is agreed: what its phone said, and which side offered. */
void ice_settle(const struct ctx *x, struct leg *leg, unsigned nr,
    const struct media_stream *said, bool it_offered);
/* Other addresses of ours are to be said: that restarts ICE (RFC 8839 4.4). */
void ice_restart(struct leg *leg);
/* Is ICE agreed for any of its streams? */
bool ice_is_used(const struct leg *leg);
/* Tell the relay, before RELAY_SET. */
void ice_tell(struct steps *st, struct leg *leg, unsigned nr);
/* RELAY_NOMINATED, of a stream that leg has. */
void ice_nominated(const struct ctx *x, struct leg *leg,
    const struct ipc_relay_nominated *m);

#endif
