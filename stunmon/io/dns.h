/*
 * Names to addresses, by DNS only (never the hosts file), over c-ares without
 * threads.  The resolvers are read by dns_new(), before the cage closes.
 */
#ifndef STUNMON_IO_DNS_H
#define STUNMON_IO_DNS_H

#include <uv.h>

#include "common/base/addr.h"

#define DNS_NAMES_MAX 16
#define DNS_AGAIN_MS 60000	/* ask anew, whatever the TTL */
#define DNS_RETRY_MS 3000	/* after a failure */

struct dns;

/* A name has this address now (port 0); called when it changed. */
typedef void dns_changed_cb(void *arg, unsigned number,
    const struct addr *addr);

/* NULL: no memory, or no resolver could be read. */
struct dns *dns_new(uv_loop_t *loop, enum addr_family family,
    dns_changed_cb *changed, void *arg);

/* Watch a name (kept).  Limits: those after the last are left out. */
void dns_watch(struct dns *d, unsigned number, const char *name);
/* Start asking; after the cage closed. */
void dns_start(struct dns *d);

#endif
