/* Ask a process, at its admin door, how it is. */
#ifndef POSTERN_ASK_H
#define POSTERN_ASK_H

#include "common/base/span.h"

#define ASK_MAX 12000 /* as in IPC_F_status_say */
#define ASK_TIMEOUT_MS 1000

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
