/*
 * Hold (RFC 3264 8.4), in two manners.  Transparent: each phone is told what
 * the other one said.  Sendrecv, as the seed does it: a phone outside is told
 * sendrecv whatever the holder says, so that its packets keep the way through
 * its router open; its answer is turned back for the holder.
 */
#include "sigproxy/core/call_priv.h"

static bool
is_masked(const struct edge *e, const struct leg *to)
{
	uint8_t mode = leg_party(to)->hold;

	if (mode == HOLD_DEFAULT)
		mode = (uint8_t)e->conf->hold;
	return mode == HOLD_SENDRECV && leg_is_external(to);
}

/* 0.0.0.0 is how RFC 2543 said "do not send to me". */
enum sdp_dir
hold_meant(const struct sdp_media *m)
{
	if (!m->is_hold_addr)
		return m->dir;
	return m->dir == SDP_RECVONLY || m->dir == SDP_INACTIVE ? SDP_INACTIVE
								: SDP_SENDONLY;
}

enum sdp_dir
hold_offer(const struct edge *e, const struct leg *to, enum sdp_dir offered)
{
	if ((offered == SDP_SENDONLY || offered == SDP_INACTIVE) &&
	    is_masked(e, to))
		return SDP_SENDRECV;
	return offered;
}

enum sdp_dir
hold_answer(const struct edge *e, const struct leg *to,
    const struct media_stream *offer, enum sdp_dir answered)
{
	/* The answerer was told another direction than was offered. */
	if (offer->known && offer->told != offer->dir) {
		if (offer->dir == SDP_INACTIVE || answered == SDP_SENDONLY ||
		    answered == SDP_INACTIVE)
			return SDP_INACTIVE;
		return SDP_RECVONLY;
	}
	/* A phone outside refreshes while it is held without knowing. */
	if (offer->known && offer->dir == SDP_SENDRECV)
		return hold_offer(e, to, answered);
	return answered;
}
