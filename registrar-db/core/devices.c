#include <stdlib.h>

#include "common/base/htab.h"
#include "registrar-db/core/devices.h"

#define WAYS 4
#define SETS (DEVICES_SUBSCRIBERS / WAYS)

/* The hashes of its flow and mark, 0 for none; and when each one's budget
 * will be full again. */
struct device {
	uint64_t flow, mark;
	uint64_t flow_full_us, mark_full_us;
	uint64_t used_us;
};

struct owner {
	int64_t subscriber;	/* 0: free */
	uint64_t used_us;
	struct device device[DEVICES_MAX];
};

struct devices {
	struct htab keys;	/* only for its keyed hash */
	uint64_t all_full_us;
	struct owner owner[SETS][WAYS];
};

struct devices *
devices_new(void)
{
	struct devices *d = calloc(1, sizeof(*d));

	if (d != NULL && htab_init(&d->keys, 1) != 0) {
		free(d);
		d = NULL;
	}
	return d;
}

void
devices_free(struct devices *d)
{
	if (d == NULL)
		return;
	htab_clear(&d->keys);
	free(d);
}

struct span
device_mark(struct span instance, struct span call_id)
{
	return span_is_empty(instance) ? call_id : instance;
}

/* ---- who ---- */

static uint64_t
hash_of(const struct devices *d, const void *p, size_t len)
{
	uint64_t hash = htab_hash(&d->keys, p, len);

	return hash == 0 ? 1 : hash;
}

static uint64_t
flow_hash(const struct devices *d, const struct ipc_flow *f)
{
	uint8_t key[2 + 1 + 16 + 2] = { f->zone, f->transport,
		f->remote.family };

	memcpy(key + 3, f->remote.ip, 16);
	memcpy(key + 19, &f->remote.port, 2);
	return hash_of(d, key, sizeof(key));
}

static uint64_t
mark_hash(const struct devices *d, struct span mark)
{
	return span_is_empty(mark) ? 0 : hash_of(d, mark.p, mark.len);
}

static struct owner *
find(struct devices *d, int64_t subscriber)
{
	struct owner *set = d->owner[(uint64_t)subscriber % SETS];

	for (int i = 0; i < WAYS; i++) {
		if (subscriber > 0 && set[i].subscriber == subscriber)
			return &set[i];
	}
	return NULL;
}

static struct owner *
claim(struct devices *d, int64_t subscriber)
{
	struct owner *set = d->owner[(uint64_t)subscriber % SETS];
	struct owner *worst = find(d, subscriber);

	if (worst != NULL)
		return worst;
	worst = &set[0];
	for (int i = 1; i < WAYS; i++) {
		if (set[i].used_us < worst->used_us)
			worst = &set[i];
	}
	*worst = (struct owner){ .subscriber = subscriber };
	return worst;
}

/* ---- how often ---- */

static bool
has(uint64_t full_us, struct mono now, uint64_t burst, uint64_t each_ms)
{
	uint64_t each_us = each_ms * 1000;

	return full_us <= now.us ||
	    full_us - now.us + each_us <= burst * each_us;
}

static uint64_t
taken(uint64_t full_us, struct mono now, uint64_t each_ms)
{
	return (full_us < now.us ? now.us : full_us) + each_ms * 1000;
}

/*
 * The budget that the answer is looked at by: its flow's, else its mark's, as
 * there is room.  What knows the mark alone empties that one only, and then
 * the phone is looked at by its flow.
 *
 * Gives:   NULL: none has room; *known_out: is the flow one of a device?
 */
static uint64_t *
budget_of(struct devices *d, struct mono now, int64_t subscriber,
    const struct device_sign *sign, bool *known_out)
{
	struct owner *o = find(d, subscriber);
	uint64_t mark = mark_hash(d, sign->mark);
	uint64_t flow = flow_hash(d, sign->flow);
	uint64_t *by_mark = NULL;

	*known_out = false;
	for (int i = 0; o != NULL && i < DEVICES_MAX; i++) {
		struct device *is = &o->device[i];

		if (is->flow == flow) {
			*known_out = true;
			if (has(is->flow_full_us, now, DEVICES_BURST,
				DEVICES_MS))
				return &is->flow_full_us;
		}
		if (mark != 0 && is->mark == mark &&
		    has(is->mark_full_us, now, DEVICES_BURST, DEVICES_MS))
			by_mark = &is->mark_full_us;
	}
	return by_mark;
}

enum device_say
devices_may_try(struct devices *d, struct mono now, int64_t subscriber,
    const struct device_sign *sign)
{
	bool known;
	uint64_t *full = budget_of(d, now, subscriber, sign, &known);

	/* A mark is no secret: without its flow it is anybody's. */
	if (full == NULL)
		return known ? DEVICE_METERED : DEVICE_UNKNOWN;
	return has(d->all_full_us, now, DEVICES_ALL_BURST, DEVICES_ALL_MS) ?
	    DEVICE_MAY : known ? DEVICE_METERED : DEVICE_UNKNOWN;
}

bool
devices_wrong(struct devices *d, struct mono now, int64_t subscriber,
    const struct device_sign *sign)
{
	bool known;
	uint64_t *full = budget_of(d, now, subscriber, sign, &known);

	if (full == NULL || !has(d->all_full_us, now, DEVICES_ALL_BURST,
		DEVICES_ALL_MS))
		return false;
	*full = taken(*full, now, DEVICES_MS);
	d->all_full_us = taken(d->all_full_us, now, DEVICES_ALL_MS);
	return true;
}

/* ---- who is known ---- */

/* The one with this mark, or without any on this flow; else the longest
 * unused. */
static struct device *
place_for(struct owner *o, uint64_t flow, uint64_t mark)
{
	struct device *worst = &o->device[0];

	for (int i = 0; i < DEVICES_MAX; i++) {
		if (o->device[i].mark == mark && mark != 0)
			return &o->device[i];
	}
	for (int i = 0; i < DEVICES_MAX; i++) {
		if (o->device[i].flow == flow)
			return &o->device[i];
		if (o->device[i].used_us < worst->used_us)
			worst = &o->device[i];
	}
	return worst;
}

void
devices_known(struct devices *d, struct mono now, int64_t subscriber,
    const struct device_sign *sign)
{
	uint64_t mark = mark_hash(d, sign->mark);
	uint64_t flow = flow_hash(d, sign->flow);
	struct owner *o;
	struct device *is;

	if (subscriber <= 0)
		return;
	o = claim(d, subscriber);
	is = place_for(o, flow, mark);
	/* The budgets stay: who takes a place does not refill it. */
	is->flow = flow;
	is->mark = mark;
	o->used_us = is->used_us = now.us;
}

bool
devices_is_known(struct devices *d, int64_t subscriber,
    const struct device_sign *sign)
{
	const struct owner *o = find(d, subscriber);
	uint64_t mark = mark_hash(d, sign->mark);
	uint64_t flow = flow_hash(d, sign->flow);
	bool known = false;

	for (int i = 0; o != NULL && i < DEVICES_MAX; i++)
		known = known || o->device[i].flow == flow ||
		    (mark != 0 && o->device[i].mark == mark);
	return known;
}

void
devices_forget(struct devices *d, int64_t subscriber)
{
	struct owner *o = find(d, subscriber);

	for (int i = 0; o != NULL && i < DEVICES_MAX; i++)
		o->device[i].flow = o->device[i].mark = 0;
}
