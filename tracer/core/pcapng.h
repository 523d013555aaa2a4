/*
 * Files of the form pcapng (draft-ietf-opsawg-pcapng), as Wireshark reads it.
 *
 * Every message is one UDP datagram between the true addresses and ports,
 * whatever brought it: so TLS can be read, and one that is missing leaves no
 * hole.  What brought it is told by the interface, one for each zone and
 * transport, and by a comment.  All are of one link type (raw IP), which
 * libpcap and sngrep want.
 */
#ifndef TRACER_CORE_PCAPNG_H
#define TRACER_CORE_PCAPNG_H

#include "tracer/core/packet.h"

#define PCAPNG_HEAD_MAX 1024	/* what pcapng_head() writes at most */
/* What pcapng_packet() writes beside the bytes themselves. */
#define PCAPNG_AROUND_MAX 512

/* Begin a file. */
void pcapng_head(struct buf *b);

/*
 * Add one packet.
 *
 * Takes:   comment  in words; cut after 200 bytes; SPAN_NONE: none.
 * Errors:  -EAFNOSUPPORT its addresses are not of one family; b's sticky one.
 */
int pcapng_packet(struct buf *b, const struct packet *p, struct span comment);

#endif
