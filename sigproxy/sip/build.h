/*
 * Write SIP messages into a struct buf (RFC 3261 7, 8.2.6, 18.2.1).
 *
 * Everything is re-serialised: a header is its canonical name, a colon, one
 * space and its value with folds turned into one space.  A value with a
 * control octet (other than HTAB, or one after a backslash inside quotes, as
 * RFC 3261's quoted-pair) sets the buffer's error to -EBADMSG: nothing that
 * reaches a peer can start a header of its own.  Order of calls:
 *
 *	build_request_line(&b, SPAN_LIT("INVITE"), uri);
 *	build_via(&b, "UDP", &local, branch, true);
 *	build_hdr(&b, SIP_H_FROM, from);
 *	build_copy(&b, m, SIP_H_SUBJECT);
 *	build_end(&b, body);
 *	if (buf_err(&b)) ...
 */
#ifndef SIGPROXY_SIP_BUILD_H
#define SIGPROXY_SIP_BUILD_H

#include "sigproxy/sip/msg.h"

/* uri must come from a parse or be ours; a space or control octet in it is
 * -EBADMSG. Headers in it (a Contact's may have some) stay out. */
void build_request_line(struct buf *b, struct span method, struct span uri);
/* reason NULL: the usual phrase. */
void build_status_line(struct buf *b, unsigned status, const char *reason);
/* "Busy Here" for 486; a phrase for the class when unknown. */
const char *build_reason(unsigned status);

void build_hdr(struct buf *b, enum sip_hdr_id id, struct span value);
void build_hdr_str(struct buf *b, enum sip_hdr_id id, const char *value);
void build_hdr_u64(struct buf *b, enum sip_hdr_id id, uint64_t value);
/* A header that is not in the table; the name must be a token. */
void build_hdr_named(struct buf *b, struct span name, struct span value);

/* For a value of several pieces: build_open, build_value or buf_put of our
 * own bytes, build_close. */
void build_open(struct buf *b, enum sip_hdr_id id);
void build_value(struct buf *b, struct span value);
void build_close(struct buf *b);

/*
 * `Via: SIP/2.0/UDP host:port;rport;branch=...`
 *
 * Takes:   transport  "UDP", "TCP" or "TLS".
 *          sent_by    port 0: none written.
 *          branch     ours, with the magic cookie.
 */
void build_via(struct buf *b, const char *transport,
    const struct addr *sent_by, struct span branch, bool with_rport);

/* CSeq: number method */
void build_cseq(struct buf *b, uint32_t number, struct span method);

/*
 * `display <uri>;params;tag=tag` as a value: for From, To and Contact that
 * were written anew.
 *
 * Takes:   display  as parsed (quoted or tokens), or empty.
 *          params   as parsed, or empty; a tag in them is left out.
 *          tag      empty: none.
 */
void build_nameaddr(struct buf *b, struct span display, struct span uri,
    struct span params, struct span tag);

/* All lines of this id, in order. Nothing when there are none. */
void build_copy(struct buf *b, const struct sip_msg *m, enum sip_hdr_id id);
/* One line: canonical name when known, else as written. */
void build_copy_line(struct buf *b, const struct sip_hdr *h);

#define BUILD_RECORD_ROUTE 1	/* copy Record-Route too (12.1.1) */
/* What a Via that says `keep` is told in what begins a dialog or a
 * registration (RFC 6223 4.3): so many seconds between keepalives are fine. */
#define BUILD_KEEP_S 20

/*
 * Start a response: status line, the Via set in order, From, To, Call-ID,
 * CSeq.  Works on a message that sip_parse() refused with -EPROTO too; what
 * it lacks is left out.
 *
 * Spec:    RFC 3261 8.2.6.2, 18.2.1; RFC 3581 4.
 * Takes:   to_tag  added to a To without tag unless empty.
 *          source  where the request came from: `received` is added to the
 *                  top Via (and `rport`'s value when asked for), replacing
 *                  what it claimed.  NULL: the Via stays as it came.
 *          flags   BUILD_RECORD_ROUTE or 0.
 */
void build_response(struct buf *b, const struct sip_msg *req, unsigned status,
    const char *reason, struct span to_tag, const struct addr *source,
    unsigned flags);

/* Content-Length, the empty line and the body (Content-Type comes before). */
void build_end(struct buf *b, struct span body);

#endif
