/*
 * What waits to be sent by HEP over a connection: whole messages, each kept
 * until the receiver's host has taken all of it.
 *
 * HEP has no answers, so what is known of a message is what TCP tells: how
 * many octets of the connection's stream the other host has acknowledged.
 * One that ends behind that when the connection breaks is sent again, whole,
 * by the next connection; so a message may arrive twice, and none that came
 * in here is missing as long as the receiver reads what its host took.
 *
 * When it is full the newest is refused: what has begun arrives from its
 * beginning and without holes, and what was given to a connection stays where
 * it is.
 */
#ifndef TRACER_CORE_HEP_QUEUE_H
#define TRACER_CORE_HEP_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/span.h"

#define HEP_FRAME_MIN 6		/* "HEP3" and the length */
#define HEP_FRAME_MAX 65535
/* Given to a connection and not acknowledged: so many, then no more. */
#define HEP_FLYING_MAX 1024

struct hep_queue {
	char *mem;
	uint64_t cap;
	/* Octets since the beginning: first kept, first that no connection
	 * has, end. */
	uint64_t first, next, end;
	uint32_t waiting;	/* messages from next to end */
	uint32_t n_flying, at_flying;
	uint64_t flying[HEP_FLYING_MAX];	/* ends in the stream */
	uint64_t done, again, lost;		/* messages */
};

/* Takes: mem  of cap octets, the caller's. */
void hep_queue_init(struct hep_queue *q, char *mem, uint64_t cap);

/*
 * Keep one message.
 *
 * Errors:  -EINVAL it is no HEP of this length (nothing is counted);
 *          -ENOBUFS no room (counted as lost).
 */
int hep_queue_put(struct hep_queue *q, struct span frame);

/*
 * Copy out the next that no connection has; hep_queue_given() must follow
 * once the connection has it.
 *
 * Takes:   mem  HEP_FRAME_MAX octets.
 * Gives:   its length; 0: there is none, or enough are under way.
 */
size_t hep_queue_next(const struct hep_queue *q, char *mem);
/* That one ends before this octet of the connection's stream. */
void hep_queue_given(struct hep_queue *q, uint64_t stream_end);

/* So many octets of the stream are acknowledged: those that end there are
 * done.  Gives: how many. */
uint32_t hep_queue_acked(struct hep_queue *q, uint64_t octets);

/* The connection is gone: all that are not done go by the next. */
void hep_queue_again(struct hep_queue *q);

/* Messages that are kept. */
uint32_t hep_queue_kept(const struct hep_queue *q);

#endif
