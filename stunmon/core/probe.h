/*
 * When one STUN request is sent again, and when it is given up.
 *
 * Spec:    RFC 8489 6.2.1, with RTO 500 ms, Rc 7, Rm 16: requests after 0,
 *          500, 1500, 3500, 7500, 15500, 31500 ms; lost after 39500 ms.
 */
#ifndef STUNMON_CORE_PROBE_H
#define STUNMON_CORE_PROBE_H

#include "common/base/mono.h"

#define PROBE_RTO_MS 500
#define PROBE_RC 7
#define PROBE_RM 16

enum probe_do {
	PROBE_WAIT,		/* nothing before p->due */
	PROBE_SEND,		/* send the request */
	PROBE_LOST,		/* give up; said once */
};

struct probe {
	unsigned sent;
	bool over;
	struct mono due;	/* MONO_NEVER when over */
};

void probe_init(struct probe *p, struct mono now);

/*
 * Decide what a probe does at this moment.
 *
 * Takes:   now  monotonic, not earlier than in the last call.  Called late it
 *               sends once, not for each time it missed.
 * Errors:  none.
 */
enum probe_do probe_tick(struct probe *p, struct mono now);

#endif
