/*
 * What one m= section says about ICE (RFC 8839 4 and 5).
 */
#ifndef SIGPROXY_SIP_SDP_ICE_H
#define SIGPROXY_SIP_SDP_ICE_H

#include "sigproxy/sip/sdp.h"

struct sdp_ice {
	struct span ufrag, pwd;	/* its own, else the session's; empty: no ICE */
	bool fits;		/* its default addresses are among its
				 * candidates, or stand for none (4.2.5) */
	bool has_rtcp;		/* a candidate for RTCP */
	bool is_mismatched;	/* so it says of what it answers */
};

/*
 * Read it.  Lines that are no candidates by the grammar count for nothing.
 *
 * Takes:   m  a section of s.
 */
void sdp_ice_read(const struct sdp *s, const struct sdp_media *m,
    struct sdp_ice *out);

#endif
