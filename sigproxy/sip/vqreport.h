/*
 * application/vq-rtcpxr (RFC 6035 4.6): what a phone says of how a call
 * sounded to it.
 */
#ifndef SIGPROXY_SIP_VQREPORT_H
#define SIGPROXY_SIP_VQREPORT_H

#include <stdbool.h>

#include "common/base/span.h"

#define VQREPORT_BYTES_MAX 4096
#define VQREPORT_LINES_MAX 128

/* Of its own ear (LocalMetrics); other lines are passed over. */
struct vqreport {
	struct span call_id;	/* as the phone knows it; lent */
	bool has_loss, has_jitter, has_rtt, has_mos;
	uint16_t loss_permyriad;	/* lost and discarded: NLR + JDR */
	uint32_t jitter_us;		/* IAJ, at most a minute */
	uint16_t rtt_ms;		/* RTD, 1 to 20000 */
	uint16_t mos_centi;		/* MOSLQ, 100 to 450 */
};

/*
 * Errors:  -EBADMSG no report of a session or an interval, or an alert; an
 *          octet below 32 or 127 inside a line; no CallID.
 *          -E2BIG too many lines or bytes.
 *          A figure that is none is not known, and no error.
 */
int vqreport_parse(struct span body, struct vqreport *out);

#endif
