#include "mediaproxy/core/site.h"

bool
site_believes(const struct site *s, const struct addr *told)
{
	return s->how != SITE_OWN && !s->fixed && addr_is_public(told);
}

bool
site_wants_mapping(const struct site *s)
{
	return s->how == SITE_STUN && s->mode != SITE_FORWARDED;
}

/* Is the mapping, though known, worse than the forwarded local port? */
static bool
prefers_forwarded(const struct site *s, const struct addr *mapped,
    const struct addr *own)
{
	return s->mode == SITE_AUTO && s->forwarded &&
	    mapped->port != own->port;
}

/* An old mapping is still the best guess, if the address did not change. */
static bool
may_say_mapping(const struct site *s, const struct port_pair *pair,
    enum port_which which, struct mono now)
{
	return site_wants_mapping(s) &&
	    (port_is_mapped(pair, which, now) ||
		(port_was_mapped(pair, which) &&
		addr_same_ip(&pair->mapped[which], &s->public_ip)));
}

struct addr
site_say(const struct site *s, enum zone zone, const struct port_pair *pair,
    enum port_which which, struct mono now)
{
	struct addr own = port_own(pair, which), said;

	/* No NAT stands before our IPv6 addresses, nor before a public one
	 * that stunmon knows nothing of. */
	if (zone == ZONE_INTERNAL || s->how == SITE_OWN ||
	    (s->public_ip.family != own.family && addr_is_public(&own)))
		return own;
	if (may_say_mapping(s, pair, which, now) &&
	    !prefers_forwarded(s, &pair->mapped[which], &own))
		return pair->mapped[which];
	if (s->public_ip.family != own.family)
		return (struct addr){ 0 };
	said = s->public_ip;
	said.port = own.port;
	return said;
}
