/*
 * Marking packets for the office's own switches and router (RFC 2474): EF for
 * sound, AF41 for video, CS3 for SIP (RFC 4594).  A wish: whoever forbids it
 * still carries calls.
 */
#ifndef COMMON_IO_DSCP_H
#define COMMON_IO_DSCP_H

#include "common/base/addr.h"

/* Mark what leaves this socket.  Accepted connections inherit it.
 *
 * Takes:   dscp  0 to 63; 0: not marked. */
void dscp_mark(int fd, enum addr_family family, uint32_t dscp);

#endif
