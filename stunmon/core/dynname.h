/*
 * Does the DNS name that phones use lead to the address that the internet
 * sees of us?
 *
 * The name is asked for again by its TTL, between 5 s and 5 minutes; every
 * 5 s in the ten minutes after it began to differ or our address changed.
 * A resolver that does not answer changes nothing for two minutes.  A name
 * that is only guessed (the site's domain) counts for nothing until it has
 * led to us once: a company's web server often stands there.
 *
 * Pure: is given DNS answers and our address, gives a state.
 */
#ifndef STUNMON_CORE_DYNNAME_H
#define STUNMON_CORE_DYNNAME_H

#include "common/base/addr.h"
#include "common/base/mono.h"

#define DYNNAME_ADDRS_MAX 8
#define DYNNAME_OWN_MAX 9	/* the site, and external addresses */
#define DYNNAME_LEAST_MS 5000
#define DYNNAME_MOST_MS 300000
#define DYNNAME_HASTE_MS 600000
#define DYNNAME_PATIENCE_MS 120000

enum dynname_state {
	DYNNAME_NONE,		/* no name, or one that never was ours */
	DYNNAME_SAME,
	DYNNAME_DIFFERS,
	DYNNAME_UNRESOLVED,
};

struct dynname {
	bool watched;
	bool guessed;		/* the domain, not written as our name */
	bool was_ours;		/* it led to us once */
	struct addr addr[DYNNAME_ADDRS_MAX];
	unsigned n_addrs;
	bool answered;
	uint32_t ttl_s;
	struct mono failing_at;	/* no answer since; 0: there is one */
	struct mono haste_until;
	struct addr own[DYNNAME_OWN_MAX];
	unsigned n_own;
	enum dynname_state state;
};

/* What the internet may see of us; the first is the site's (ADDR_NONE: not
 * known).  Limits: those after the ninth are left out. */
void dynname_own(struct dynname *d, const struct addr *own, unsigned n,
    struct mono now);
/*
 * DNS answered.
 *
 * Takes:   n  0: there is no such name, or it has no address.
 * Gives:   milliseconds until it should be asked again.
 */
uint32_t dynname_answer(struct dynname *d, const struct addr *list,
    unsigned n, uint32_t ttl_s, struct mono now);
/* The resolver did not answer, or could not. */
uint32_t dynname_failed(struct dynname *d, struct mono now);

/* Is it to be an alarm, once it has lasted dynname_patience_ms()? */
bool dynname_differs(const struct dynname *d);
bool dynname_gone(const struct dynname *d);
/* Two TTLs, at least two minutes. */
uint32_t dynname_patience_ms(const struct dynname *d);

#endif
