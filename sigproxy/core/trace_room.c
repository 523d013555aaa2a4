#include "sigproxy/core/trace_room.h"

#define FULL_AFTER_US 3600000000ULL	/* from nothing, with room to spare */

static void
refill(struct trace_bucket *b, struct mono now, uint32_t rate, uint32_t burst)
{
	uint64_t us = now.us > b->at.us ? now.us - b->at.us : 0, more;

	if (!b->used || us > FULL_AFTER_US) {
		*b = (struct trace_bucket){ now, burst, true };
		return;
	}
	more = us * rate / 1000000;
	b->left = b->left + more > burst ? burst : (uint32_t)(b->left + more);
	b->at.us += more * 1000000 / rate;	/* no fraction is lost */
}

bool
trace_room_take(struct trace_room *r, struct mono now, uint64_t hash,
    size_t bytes)
{
	struct trace_bucket *one = &r->address[hash % TRACE_ROOM_SLOTS];

	refill(&r->all, now, TRACE_ROOM_RATE, TRACE_ROOM_BURST);
	refill(one, now, TRACE_ROOM_ADDRESS_RATE, TRACE_ROOM_ADDRESS_BURST);
	if (bytes > r->all.left || bytes > one->left)
		return false;
	r->all.left -= (uint32_t)bytes;
	one->left -= (uint32_t)bytes;
	return true;
}
