/*
 * Wrong answers in the name of devices that are known: which showed the right
 * password before, by a flow and with a mark that it still has.
 *
 * One home is one address, and a home's budget (meter.h) is anybody's to empty
 * who sits in it.  A device of the subscriber's that keeps its flow, or its
 * mark, has budgets of its own that only such an answer touches: a neighbour
 * cannot send from its port, nor does he know its mark.  The two are apart,
 * since a flow can be forged by who knows it.
 *
 * The mark is what stays when a phone's port does not: the instance-id, else
 * the Call-ID of its REGISTERs.
 *
 * Each subscriber has DEVICES_MAX of them; the longest unused goes.  So what
 * is looked at stays bounded also for a sigproxy that names any flow and mark.
 */
#ifndef REGDB_CORE_DEVICES_H
#define REGDB_CORE_DEVICES_H

#include "common/base/mono.h"
#include "common/ipc/msg.h"

#define DEVICES_MAX IPC_TARGETS_MAX
#define DEVICES_SUBSCRIBERS 16384	/* remembered */

/* Of each flow and each mark, whoever has it next: of a subscriber together
 * at most 160, then 16 a minute. */
#define DEVICES_BURST 10
#define DEVICES_MS 60000
/* Together 10 a second in all. */
#define DEVICES_ALL_BURST 20
#define DEVICES_ALL_MS 100

struct devices;

/* What an answer comes with. */
struct device_sign {
	const struct ipc_flow *flow;
	struct span mark;	/* empty: it has none, as all but REGISTER */
};

enum device_say {
	DEVICE_UNKNOWN,		/* as anybody at that address */
	DEVICE_MAY,
	DEVICE_METERED,
};

/* NULL: no memory. */
struct devices *devices_new(void);
void devices_free(struct devices *d);

/* May an answer be looked at because it is a known device's?  By its flow's
 * budget, or when that is empty by its mark's.  METERED: its flow is a
 * device's, and nothing is left. */
enum device_say devices_may_try(struct devices *d, struct mono now,
    int64_t subscriber, const struct device_sign *sign);
/* The answer was wrong.  Gives: false when no known device gave it. */
bool devices_wrong(struct devices *d, struct mono now, int64_t subscriber,
    const struct device_sign *sign);
/* It registered this subscriber. */
void devices_known(struct devices *d, struct mono now, int64_t subscriber,
    const struct device_sign *sign);
/* Is this its flow, or its mark, of one that registered it? */
bool devices_is_known(struct devices *d, int64_t subscriber,
    const struct device_sign *sign);
/* The subscriber has another password: who knew the old one is nobody.  What
 * was spent stays spent. */
void devices_forget(struct devices *d, int64_t subscriber);
/* The mark of a device with this instance-id, which may be empty. */
struct span device_mark(struct span instance, struct span call_id);

#endif
