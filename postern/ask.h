/* Ask a process, at its admin door, how it is, and what else it may tell. */
#ifndef POSTERN_ASK_H
#define POSTERN_ASK_H

#include "common/base/span.h"

#define ASK_MAX 14000 /* as in IPC_F_status_say */
#define ASK_TIMEOUT_MS 1000

#define ASK_FRAMES_MAX 512

/*
 * Connect, greet, send these frames, wait for one of that type.
 *
 * Gives:   its payload in mem of IPC_PAYLOAD_MAX bytes, unread.
 * Errors:  as ask_status().
 */
int ask_frames(const char *door, struct span frames, uint16_t want, char *mem,
    struct span *out);

/*
 * Connect, greet, ask, wait for the answer.
 *
 * Takes:   door  path of the socket.
 * Gives:   the answer in mem of ASK_MAX bytes; one JSON object, checked.
 * Errors:  -ETIMEDOUT; -EBADMSG not what the table says; negative errno of
 *          the socket.
 */
int ask_status(const char *door, char *mem, struct span *out);

#endif
