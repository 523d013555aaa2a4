/*
 * Names to addresses, by DNS only (never the hosts file), over c-ares without
 * threads.  The resolvers are read by dns_new(), before the cage closes.
 */
#ifndef STUNMON_IO_DNS_H
#define STUNMON_IO_DNS_H

#include <uv.h>

#include "common/base/addr.h"

#define DNS_NAMES_MAX 48
#define DNS_ADDRS_MAX 8

struct dns;

/* What is asked for, or-ed. */
enum {
	DNS_IPV4 = 1,
	DNS_IPV6 = 2,
	DNS_STUN = 4,	/* first SRV _stun._udp (RFC 8489 8.1): answers then
			 * have ports */
	/* The same for SIP (RFC 3263 4.2): _sip._udp, _sip._tcp, _sips._tcp.
	 * Who asks knows the transport, so NAPTR is of no use (4.1). */
	DNS_SIP_UDP = 8,
	DNS_SIP_TCP = 16,
	DNS_SIP_TLS = 32,
};

struct dns_answer {
	int err;		/* -ENOENT: no such name or nothing of what
				 * was asked for; -EAGAIN: no answer */
	const char *why;	/* of err, for people */
	struct addr addr[DNS_ADDRS_MAX];	/* port 0: none was told */
	unsigned n;
	uint32_t ttl_s;		/* the shortest */
};

/* An answer; gives milliseconds until the name is asked for again. */
typedef uint32_t dns_answered_cb(void *arg, unsigned number,
    const struct dns_answer *a);

/* NULL: no memory, or no resolver could be read. */
struct dns *dns_new(uv_loop_t *loop, dns_answered_cb *answered, void *arg);

/* Watch a name (copied).  Limits: those after the last are left out. */
void dns_watch(struct dns *d, unsigned number, const char *name,
    unsigned what);
/* No more of it. */
void dns_forget(struct dns *d, unsigned number);
/* Start asking; after the cage closed. */
void dns_start(struct dns *d);
/* Ask for this one now, unless it is being asked for. */
void dns_hurry(struct dns *d, unsigned number);

#endif
