/*
 * application/simple-message-summary (RFC 3842 5.2): what a voicemail says of
 * a mailbox.
 */
#ifndef SIGPROXY_SIP_SUMMARY_H
#define SIGPROXY_SIP_SUMMARY_H

#include <stdbool.h>

#include "common/base/buf.h"

#define SUMMARY_COUNT_MAX 999999

struct summary {
	bool waiting;		/* Messages-Waiting */
	bool counted;		/* there was a Voice-Message line */
	uint32_t fresh, old;
	uint32_t urgent_fresh, urgent_old;	/* 0 when not told */
};

/*
 * Read one.  Messages-Waiting comes first; of the classes only voice-message
 * is kept; the account and what follows an empty line are not read.
 *
 * Errors:  -EBADMSG not by the grammar, a class or count that is no such
 *          thing, a class twice, an octet below 32 or 127 inside a line.
 */
int summary_parse(struct span body, struct summary *out);
/* Write it anew for this account, a URI of ours. */
void summary_put(struct buf *b, const struct summary *s, struct span account);

#endif
