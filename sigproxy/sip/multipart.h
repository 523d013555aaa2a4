/*
 * Bodies of several parts (RFC 2046 5.1, RFC 5621): split strictly within
 * limits, and written again part by part.
 *
 * Text before the first and after the last part means nothing (RFC 2046
 * 5.1.1) and is left out of what is written.
 */
#ifndef SIGPROXY_SIP_MULTIPART_H
#define SIGPROXY_SIP_MULTIPART_H

#include "sigproxy/sip/hdr.h"

#define MULTIPART_PARTS_MAX 8
#define MULTIPART_HDRS_MAX 16     /* header lines of one part */
#define MULTIPART_BOUNDARY_MAX 70 /* RFC 2046 5.1.1 */

/* One part: views into the body.  Values as in a message's headers: trimmed,
 * perhaps folded, empty when the header is missing. */
struct sip_part {
	struct span type;        /* Content-Type; empty: text/plain */
	struct span disposition; /* Content-Disposition */
	struct span encoding;    /* Content-Transfer-Encoding */
	struct span id;          /* Content-ID */
	struct span body;
	bool has_other; /* headers of other names */
};

struct sip_multipart {
	struct span subtype;  /* "mixed" */
	struct span boundary; /* without quotes */
	unsigned n;
	struct sip_part part[MULTIPART_PARTS_MAX];
};

/*
 * Split a body.
 *
 * Takes:   type  the Content-Type's value.
 *          body  kept as long as out is used.
 * Errors:  -ENOTSUP  not multipart/...;
 *          -EBADMSG  no boundary, or none by the grammar; no part; no closing
 *                    delimiter; a part's header line that is none, or twice;
 *                    a delimiter inside a line;
 *          -E2BIG    more parts or header lines than the limits.
 */
int sip_multipart_parse(
    struct span type, struct span body, struct sip_multipart *out);

/* Does the part want to be understood?  handling=required is the default
 * (RFC 3261 20.11). */
bool sip_part_is_required(const struct sip_part *p);
/* Is it of this media type? */
bool sip_part_is(
    const struct sip_part *p, const char *type, const char *subtype);

/* Write a part in front of its body, and what ends the last one.  Order: put,
 * the part's body, put, body, ..., end.  Values are checked as build.h does. */
void sip_multipart_put(
    struct buf *b, const struct sip_multipart *m, const struct sip_part *p);
void sip_multipart_end(struct buf *b, const struct sip_multipart *m);

#endif
