/*
 * How much of a packet a trace gets: its header, never what it carries.
 */
#ifndef MEDIAPROXY_CORE_TAP_H
#define MEDIAPROXY_CORE_TAP_H

#include "common/ipc/msg.h"

/*
 * Octets of the header.
 *
 * Spec:    RTP: RFC 3550 5.1, with the CSRC list, without the extension's
 *          data.  RTCP: the first packet of a compound, so that no name of
 *          the second (SDES) is told.
 * Gives:   at most IPC_TRACE_HEAD_MAX; 0 for what is neither.
 */
size_t tap_head(struct span packet);

#endif
