/*
 * What was last registered from an address: to name the phone that does
 * something else there, like a TLS handshake that cannot be.
 *
 * Only who showed a right password is noted.  Fixed size; a newer device may
 * push another address's out, so an answer may be missing but is never of
 * another address.
 */
#ifndef SIGPROXY_CORE_LASTSEEN_H
#define SIGPROXY_CORE_LASTSEEN_H

#include "common/base/addr.h"
#include "common/base/span.h"

#define LASTSEEN_AGENT_MAX 64
#define LASTSEEN_NUMBER_MAX 32

struct seen {
	struct addr ip;
	uint8_t n_agent, n_number;
	char agent[LASTSEEN_AGENT_MAX];	/* User-Agent, cut */
	char number[LASTSEEN_NUMBER_MAX];
};

struct lastseen;

/* Errors: NULL for no memory. */
struct lastseen *lastseen_new(void);
void lastseen_free(struct lastseen *d);

void lastseen_note(struct lastseen *d, const struct addr *from,
    struct span number, struct span agent);
/* NULL: nothing is known.  Lent until the next lastseen_note(). */
const struct seen *lastseen_find(const struct lastseen *d,
    const struct addr *from);

#endif
