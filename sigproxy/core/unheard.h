/*
 * The phones whose sound was not heard in their last call, for
 * `postern status` and `postern check`; bounded, and no promise: call records
 * have them all.
 *
 * Pure.
 */
#ifndef SIGPROXY_CORE_UNHEARD_H
#define SIGPROXY_CORE_UNHEARD_H

#include "common/base/buf.h"
#include "common/base/mono.h"
#include "sigproxy/core/verdict.h"

#define UNHEARD_MAX 8	/* newest overwrite */
#define UNHEARD_NUMBER_MAX 32

struct unheard {
	struct {
		uint8_t n_number;	/* 0: a free place */
		char number[UNHEARD_NUMBER_MAX];
		struct addr at;		/* where it signals from */
		struct ipc_call_reach reach;
		struct mono since;
	} one[UNHEARD_MAX];
	unsigned next;
};

/* A verdict on a number's phone. */
struct unheard_phone {
	struct span number;
	const struct addr *at;
	const struct ipc_call_reach *reach;
};

/* A good one takes it out. */
void unheard_note(struct unheard *u, const struct unheard_phone *phone,
    struct mono now);

/* As a member of an object: "media_not_heard":[...]. */
void unheard_status(
    const struct unheard *u, struct mono now, struct buf *json);

#endif
