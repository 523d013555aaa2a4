/*
 * Where the relay may send at all, whatever an SDP or sigproxy says: never
 * to ourselves, loopback, multicast or broadcast, never to the office or a
 * link-local address from the external side, never out of the office from the
 * internal side.
 */
#ifndef MEDIAPROXY_CORE_DEST_H
#define MEDIAPROXY_CORE_DEST_H

#include "common/base/addr.h"
#include "common/ipc/names.h"

#define DEST_OWN_MAX 16
#define DEST_LAN_MAX 8
#define DEST_PORTS_MAX 10

struct dest_range {
	uint16_t first, last;	/* both included */
};

struct dest {
	struct addr own[DEST_OWN_MAX];	/* both zones' addresses */
	unsigned n_own;
	struct addr_prefix lan[DEST_LAN_MAX];
	unsigned n_lan;
	struct dest_range ports[DEST_PORTS_MAX];	/* ours: RTP, SIP */
	unsigned n_ports;
	bool loopback;		/* our own address is one: everything on one
				 * host, as in the demonstration */
	struct addr public_ip;	/* ADDR_NONE: not known */
};

void dest_init(struct dest *d);
/* Limits: those after the last are left out. */
void dest_add_own(struct dest *d, const struct addr *a);
void dest_add_lan(struct dest *d, const struct addr_prefix *p);
void dest_add_ports(struct dest *d, uint16_t first, uint16_t last);

/* May a port of this zone send to, and so learn, this address? */
bool dest_allowed(const struct dest *d, enum zone zone, const struct addr *a);

#endif
