/*
 * UDPTL, the packets of fax over IP (ITU-T T.38 9.1, RFC 7345 4), as a relay
 * needs them: the sequence number, of what is such a packet at all.
 *
 * Payload is never looked at.  Nothing is kept between calls.
 */
#ifndef COMMON_CODEC_UDPTL_H
#define COMMON_CODEC_UDPTL_H

#include "common/base/span.h"

/*
 * Read the sequence number.
 *
 * Spec:    T.38 9.1: sequence number, primary IFP packet, error recovery,
 *          which is older packets or parity; lengths are PER's (X.691 10.9),
 *          below 16384.  Bytes that follow are let be.
 * Errors:  -EBADMSG a length that leads out of the packet; seq_out is then
 *          untouched.
 */
int udptl_parse(struct span packet, uint16_t *seq_out);

#endif
