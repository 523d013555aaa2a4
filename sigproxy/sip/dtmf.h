/*
 * Digits in INFO bodies, as phones send them that do not send RFC 4733's
 * events: application/dtmf-relay ("Signal=5", "Duration=160") and
 * application/dtmf (the digit alone).  No RFC says how.
 */
#ifndef SIGPROXY_SIP_DTMF_H
#define SIGPROXY_SIP_DTMF_H

#include "sigproxy/sip/msg.h"

#define DTMF_DEFAULT_MS 160
#define DTMF_LEAST_MS 40	/* shorter ones are not heard as a digit */
#define DTMF_MOST_MS 6000
#define DTMF_FLASH 16		/* of a hook; RFC 4733 3.2 */

struct dtmf {
	uint8_t event;		/* as RFC 4733 3.2 numbers them */
	uint16_t duration_ms;	/* between the bounds above */
};

/*
 * Read the digit of an INFO.
 *
 * Errors:  -ENOTSUP another type of body; -EBADMSG no digit that is known.
 */
int dtmf_read(const struct sip_msg *info, struct dtmf *out);

#define DTMF_RELAY_TYPE "application/dtmf-relay"

/* The body of that type which says it: 40 bytes at most. */
void dtmf_write(struct buf *b, const struct dtmf *digit);

#endif
