#include "mediaproxy/core/dest.h"

void
dest_init(struct dest *d)
{
	memset(d, 0, sizeof(*d));
}

void
dest_add_own(struct dest *d, const struct addr *a)
{
	if (addr_classify(a) == ADDR_LOOPBACK)
		d->loopback = true;
	if (d->n_own < DEST_OWN_MAX)
		d->own[d->n_own++] = *a;
}

void
dest_add_lan(struct dest *d, const struct addr_prefix *p)
{
	if (d->n_lan < DEST_LAN_MAX)
		d->lan[d->n_lan++] = *p;
}

void
dest_add_ports(struct dest *d, uint16_t first, uint16_t last)
{
	if (first > 0 && d->n_ports < DEST_PORTS_MAX)
		d->ports[d->n_ports++] = (struct dest_range){ first, last };
}

static bool
is_lan(const struct dest *d, const struct addr *a)
{
	for (unsigned i = 0; i < d->n_lan; i++) {
		if (addr_prefix_has(&d->lan[i], a))
			return true;
	}
	return false;
}

static bool
is_own_ip(const struct dest *d, const struct addr *a)
{
	for (unsigned i = 0; i < d->n_own; i++) {
		if (addr_same_ip(&d->own[i], a))
			return true;
	}
	return false;
}

static bool
is_own_port(const struct dest *d, uint16_t port)
{
	for (unsigned i = 0; i < d->n_ports; i++) {
		if (port >= d->ports[i].first && port <= d->ports[i].last)
			return true;
	}
	return false;
}

/* The last address of a LAN reaches every host of it. */
static bool
is_broadcast(const struct dest *d, const struct addr *a)
{
	if (a->family != ADDR_IPV4)
		return false;
	for (unsigned i = 0; i < d->n_lan; i++) {
		const struct addr_prefix *p = &d->lan[i];
		uint32_t host = 0, mask;

		if (p->bits > 30 || !addr_prefix_has(p, a))
			continue;
		for (int k = 0; k < 4; k++)
			host = host << 8 | a->ip[k];
		mask = UINT32_MAX >> p->bits;
		if ((host & mask) == mask)
			return true;
	}
	return false;
}

bool
dest_allowed(const struct dest *d, enum zone zone, const struct addr *a)
{
	if (a->port == 0)
		return false;
	/* A phone beside us may reach us by the router's public address. */
	if (addr_same_ip(&d->public_ip, a) && is_own_port(d, a->port))
		return false;
	switch (addr_classify(a)) {
	case ADDR_MULTICAST:
	case ADDR_UNUSABLE:
		return false;
	case ADDR_LOOPBACK:
		/* On one host phones may share our address, not our ports. */
		return d->loopback &&
		    !(is_own_ip(d, a) && is_own_port(d, a->port));
	case ADDR_LINK_LOCAL:
		/* Not on the internet; where a cloud keeps its metadata. */
		if (zone == ZONE_EXTERNAL)
			return false;
		break;
	default:
		break;
	}
	if (is_own_ip(d, a) || is_broadcast(d, a))
		return false;
	return zone == ZONE_INTERNAL ? is_lan(d, a) : !is_lan(d, a);
}
