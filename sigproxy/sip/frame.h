/*
 * Where one message of a stream ends and the next begins (RFC 3261 18.3,
 * 7.5; RFC 5626 4.4.1).
 *
 * Pure: whoever owns the connection keeps the bytes and offers all that is
 * not consumed yet, with whatever came behind it.  The end of a message is
 * decided by sip_parse() itself, so that no second reader of Content-Length
 * can see it elsewhere; each octet is looked at once until the header is
 * whole, so that a peer who sends octet by octet costs no more.
 *
 * TLS later stands between the socket and this: it offers what it decrypted.
 */
#ifndef SIGPROXY_SIP_FRAME_H
#define SIGPROXY_SIP_FRAME_H

#include "sigproxy/sip/msg.h"

#define FRAME_HEAD_MAX 8192	/* start line to empty line */
#define FRAME_BODY_MAX 8192
#define FRAME_MAX (FRAME_HEAD_MAX + FRAME_BODY_MAX)

enum frame_kind {
	FRAME_MORE,	/* no more is whole */
	FRAME_PING,	/* CR LF CR LF between messages: answer CR LF */
	FRAME_MESSAGE,
	FRAME_LOST,	/* nobody knows where the next one begins: garbage, no
			 * Content-Length, or beyond the limits */
};

/* All zero for a new connection. */
struct frame {
	size_t seen;	/* octets of the header that hold no end of it */
	size_t want;	/* length of the message; 0: not known yet */
	bool is_sip;	/* the start line was looked at */
	uint8_t crlfs;	/* empty lines in a row before a message */
};

/*
 * The next whole thing of a stream.
 *
 * Takes:   in       what is not consumed; moved on past what is.  At
 *                   FRAME_MORE the rest, at most FRAME_MAX octets, is to be
 *                   kept and offered again, with more behind it.
 *          scratch  for the parser; what it holds is of no use.
 * Gives:   out      FRAME_MESSAGE: it.  FRAME_LOST: what there is of its
 *                   header, for a last answer; empty when there is none.
 *                   Lent from in.  After FRAME_LOST f is of no use.
 */
enum frame_kind frame_next(struct frame *f, struct sip_msg *scratch,
    struct span *in, struct span *out);

#endif
