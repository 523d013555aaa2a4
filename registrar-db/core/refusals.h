/*
 * The last refusals, for `postern explain`: whose answers were not taken, why,
 * how often and from where.
 *
 * Those of subscribers lie apart from those of names that do not exist, and
 * those from a source that registered the subscriber before apart from
 * strangers': whoever guesses cannot push out what a phone's owner asks about,
 * only the same words for the same subscriber.  In memory only; pure.
 */
#ifndef REGDB_CORE_REFUSALS_H
#define REGDB_CORE_REFUSALS_H

#include "registrar-db/core/verify.h"

/* Of either, so that finding a place takes the same time for both. */
#define REFUSALS_MAX 16
#define REFUSALS_NAME_MAX 64

struct refusal {
	bool used, known;	/* a source that registered it before */
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
 *          known  meter_is_known() of it and the source.
 */
void refusals_add(struct refusals *r, int64_t id, struct span username,
    enum verify_why why, const struct ipc_flow *flow, bool known,
    struct mono now);

/* As members of a JSON array, the newest first, as many as fit whole. */
void refusals_json(const struct refusals *r, struct mono now, struct buf *b);

#endif
