/*
 * The end by SIGTERM: what sigproxy said last, perhaps in its own last
 * moment, is read from its door and written first.
 */
#ifndef REGDB_IO_ENDING_H
#define REGDB_IO_ENDING_H

#include "registrar-db/io/oracle.h"

struct ending {
	uv_signal_t term;
	uv_timer_t tick;
	struct oracle *oracle;
	struct mono begun;	/* us 0: nobody asked for it */
};

/*
 * Have SIGTERM stop the loop: once sigproxy is gone and all is written, at the
 * latest after a second.
 *
 * Takes:   e  kept.
 * Errors:  libuv's.
 */
int priv_ending_watch(struct ending *e, struct oracle *o);

#endif
