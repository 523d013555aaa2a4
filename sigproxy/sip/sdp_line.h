/*
 * Lines and attributes of SDP, for its reader and its writer: both walk the
 * same bytes with the same steps, so they cannot disagree.
 */
#ifndef SIGPROXY_SIP_SDP_LINE_H
#define SIGPROXY_SIP_SDP_LINE_H

#include "sigproxy/sip/sdp.h"

struct sdp_line {
	char type;
	struct span value;	/* after the '=' */
};

/*
 * Take one line.
 *
 * Errors:  -ENOENT at the end (an empty last line is the end);
 *          -EBADMSG a control octet, no `x=`, an empty line before the end.
 */
int sdp_line_next(struct span *rest, struct sdp_line *out);

/* Is this a= value `name` or `name:content`? */
bool sdp_attribute(struct span value, const char *name, struct span *content);

/* "audio"; for SDP_TYPE_OTHER "application". */
const char *sdp_type_name(enum sdp_type t);

/* The direction that an a= value states, or SDP_DIR_NONE. */
enum sdp_dir sdp_dir_of(struct span attribute);

#endif
