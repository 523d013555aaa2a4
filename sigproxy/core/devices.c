#include <stdlib.h>

#include "common/base/htab.h"
#include "sigproxy/core/devices.h"

#define SLOTS 1024

struct devices {
	struct htab hasher;	/* for its key only */
	struct device slot[SLOTS];
};

struct devices *
devices_new(void)
{
	struct devices *d = calloc(1, sizeof(*d));

	if (d != NULL && htab_init(&d->hasher, 1) != 0) {
		free(d);
		return NULL;
	}
	return d;
}

void
devices_free(struct devices *d)
{
	if (d == NULL)
		return;
	htab_clear(&d->hasher);
	free(d);
}

static size_t
slot_of(const struct devices *d, const struct addr *ip)
{
	return htab_hash(&d->hasher, ip->ip, sizeof(ip->ip)) % SLOTS;
}

void
devices_note(struct devices *d, const struct addr *from, struct span number,
    struct span agent)
{
	struct device *one = &d->slot[slot_of(d, from)];

	number = span_sub(number, 0, sizeof(one->number));
	agent = span_sub(agent, 0, sizeof(one->agent));
	one->ip = *from;
	one->n_number = (uint8_t)number.len;
	one->n_agent = (uint8_t)agent.len;
	if (number.len > 0)
		memcpy(one->number, number.p, number.len);
	if (agent.len > 0)
		memcpy(one->agent, agent.p, agent.len);
}

const struct device *
devices_find(const struct devices *d, const struct addr *from)
{
	const struct device *one = &d->slot[slot_of(d, from)];

	return addr_same_ip(&one->ip, from) ? one : NULL;
}
