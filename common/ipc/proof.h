/*
 * The deciding fact behind what is concluded about a phone's media, with its
 * addresses and ports, in words for an admin: for call records and
 * `postern check`.
 *
 * Pure.
 */
#ifndef COMMON_IPC_PROOF_H
#define COMMON_IPC_PROOF_H

#include "common/base/buf.h"
#include "common/ipc/msg.h"

/* Room for the longest. */
#define PROOF_TEXT_MAX 512

/* Nothing for PROOF_NONE, or where an address is missing.  No quotes in it. */
void proof_put(struct buf *b, const struct ipc_call_reach *m);

/* "symmetric-no-range", of an enum media_verdict; "" for any other number. */
const char *media_verdict_code(unsigned v);

#endif
