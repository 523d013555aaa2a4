/*
 * How many signatures in what time: a bucket that fills steadily.
 *
 * Who owns sigproxy can have handshakes signed; this bounds how many.
 */
#ifndef KEYD_CORE_METER_H
#define KEYD_CORE_METER_H

#include "common/base/mono.h"

#define METER_EACH_S 200
#define METER_BURST 200

struct meter {
	uint64_t left_us;	/* a signature costs 1000000 / METER_EACH_S */
	struct mono at;
};

/* Full. */
void meter_init(struct meter *m, struct mono now);
/* Take one; false: none is left, and nothing is taken.  A clock that goes
 * backwards gives nothing. */
bool meter_take(struct meter *m, struct mono now);

#endif
