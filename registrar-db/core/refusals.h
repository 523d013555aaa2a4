/*
 * The last refusals, for `postern explain`: whose answers were not taken, why,
 * how often and from where.
 *
 * Those of subscribers lie apart from those of names that do not exist, and
 * those of a device that registered the subscriber before, of others at its
 * address and of strangers apart from each other: whoever guesses cannot push
 * out what a phone's owner asks about, only the same words for the same
 * subscriber.  In memory only; pure.
 */
#ifndef REGDB_CORE_REFUSALS_H
#define REGDB_CORE_REFUSALS_H

#include "registrar-db/core/verify.h"

/* Of either, so that finding a place takes the same time for both. */
#define REFUSALS_MAX 16
#define REFUSALS_NAME_MAX 64

enum refusal_from {
	FROM_STRANGER,
	FROM_ITS_ADDRESS,	/* which registered it before */
	FROM_ITS_DEVICE,	/* by the flow or the mark of one */
};

struct refusal {
	bool used;
	enum refusal_from from;
	int64_t id;		/* subscriber; -1: there is none */
	char name[REFUSALS_NAME_MAX];	/* username as it came, cut */
	size_t name_len;
	enum verify_why why;
	enum zone zone;		/* of the last one */
	struct addr source;
	uint64_t count;
	struct mono at;
};

struct refusals {
	struct refusal item[2 * REFUSALS_MAX];
};

/*
 * Takes:   id  the subscriber, or -1.
 *          from  by meter_is_known() and devices_is_known() of it.
 */
void refusals_add(struct refusals *r, int64_t id, struct span username,
    enum verify_why why, const struct ipc_flow *flow, enum refusal_from from,
    struct mono now);

/* As members of a JSON array, the newest first, as many as fit whole. */
void refusals_json(const struct refusals *r, struct mono now, struct buf *b);

#endif
