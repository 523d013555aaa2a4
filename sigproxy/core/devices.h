/*
 * What was last registered from an address: to name the phone that does
 * something else there, like a TLS handshake that cannot be.
 *
 * Only who showed a right password is noted.  Fixed size; a newer device may
 * push another address's out, so an answer may be missing but is never of
 * another address.
 */
#ifndef SIGPROXY_CORE_DEVICES_H
#define SIGPROXY_CORE_DEVICES_H

#include "common/base/addr.h"
#include "common/base/span.h"

#define DEVICES_AGENT_MAX 64
#define DEVICES_NUMBER_MAX 32

struct device {
	struct addr ip;
	uint8_t n_agent, n_number;
	char agent[DEVICES_AGENT_MAX];	/* User-Agent, cut */
	char number[DEVICES_NUMBER_MAX];
};

struct devices;

/* Errors: NULL for no memory. */
struct devices *devices_new(void);
void devices_free(struct devices *d);

void devices_note(struct devices *d, const struct addr *from,
    struct span number, struct span agent);
/* NULL: nothing is known.  Lent until the next devices_note(). */
const struct device *devices_find(const struct devices *d,
    const struct addr *from);

#endif
