/*
 * HEP version 3, in which sngrep, Homer and others take SIP: one datagram for
 * each message, made of chunks (vendor, type, length, value; all big-endian).
 */
#ifndef TRACER_CORE_HEP_H
#define TRACER_CORE_HEP_H

#include "tracer/core/packet.h"

/* What hep_put() writes beside the message. */
#define HEP_AROUND_MAX 512

/*
 * Write one message.
 *
 * Takes:   agent    which capture agent we are.
 *          call_id  ties both legs of a call together; empty: it is of none.
 * Errors:  -EAFNOSUPPORT its addresses are not of one family; b's sticky one.
 */
int hep_put(struct buf *b, const struct packet *p, uint32_t agent,
    struct span call_id);

#endif
