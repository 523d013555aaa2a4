/*
 * The interfaces of this machine that lead outside and not into the office:
 * they have an address of [address] external, and none of internal.
 */
#ifndef POSTERN_OUTER_H
#define POSTERN_OUTER_H

#include <net/if.h>

#include "common/io/conf.h"

#define OUTER_MAX CONF_LIST_MAX

struct outer {
	unsigned n;
	char name[OUTER_MAX][IFNAMSIZ];
};

/* One address of one interface. */
struct outer_at {
	char name[IFNAMSIZ];
	struct addr addr;
};

/* Which of these, of n addresses.  A name that is no plain word is left out:
 * it goes into a firewall rule. */
void outer_among(const struct conf *c, const struct outer_at *at, unsigned n,
    struct outer *out);
/* Which of this machine's.  Errors: negative errno; then there are none. */
int outer_find(const struct conf *c, struct outer *out);

#endif
