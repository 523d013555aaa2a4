#include <stdlib.h>

#include "common/base/htab.h"
#include "sigproxy/core/lastseen.h"

#define SLOTS 1024

struct lastseen {
	struct htab hasher;	/* for its key only */
	struct seen slot[SLOTS];
};

struct lastseen *
lastseen_new(void)
{
	struct lastseen *d = calloc(1, sizeof(*d));

	if (d != NULL && htab_init(&d->hasher, 1) != 0) {
		free(d);
		return NULL;
	}
	return d;
}

void
lastseen_free(struct lastseen *d)
{
	if (d == NULL)
		return;
	htab_clear(&d->hasher);
	free(d);
}

static size_t
slot_of(const struct lastseen *d, const struct addr *ip)
{
	return htab_hash(&d->hasher, ip->ip, sizeof(ip->ip)) % SLOTS;
}

void
lastseen_note(struct lastseen *d, const struct addr *from, struct span number,
    struct span agent)
{
	struct seen *one = &d->slot[slot_of(d, from)];

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

const struct seen *
lastseen_find(const struct lastseen *d, const struct addr *from)
{
	const struct seen *one = &d->slot[slot_of(d, from)];

	return addr_same_ip(&one->ip, from) ? one : NULL;
}
