/*
 * How much of traces strangers may fill: who knows a traced number need prove
 * nothing to be written down.  All of them together have so many bytes, and
 * each address a share, so that one who floods does not hide the others.
 */
#ifndef SIGPROXY_CORE_TRACE_ROOM_H
#define SIGPROXY_CORE_TRACE_ROOM_H

#include "common/base/addr.h"
#include "common/base/mono.h"

enum {
	/* 60 MB an hour, of keep_mb's 200. */
	TRACE_ROOM_RATE = 16384, TRACE_ROOM_BURST = 1048576,
	TRACE_ROOM_ADDRESS_RATE = 2048, TRACE_ROOM_ADDRESS_BURST = 131072,
	TRACE_ROOM_SLOTS = 64,
};

struct trace_bucket {
	struct mono at;
	uint32_t left;		/* bytes */
	bool used;
};

/* All zero: nobody was written yet. */
struct trace_room {
	struct trace_bucket all, address[TRACE_ROOM_SLOTS];
};

/*
 * May so many bytes be written?  If so they are counted.
 *
 * Takes:   hash  of the address, keyed: those that share a slot share its room.
 */
bool trace_room_take(struct trace_room *r, struct mono now, uint64_t hash,
    size_t bytes);

#endif
