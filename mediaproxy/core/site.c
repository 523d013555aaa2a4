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
	/* Another interface, without a NAT before it. */
	if (!pair->by_stun && s->how == SITE_STUN && addr_is_public(&own))
		return own;
	if (s->public_ip.family != own.family)
		return (struct addr){ 0 };
	said = s->public_ip;
	said.port = own.port;
	return said;
}

/* ---- which way media gets in ---- */

enum media_way
site_way(const struct site *s, enum zone zone)
{
	if (zone == ZONE_INTERNAL)
		return MEDIA_INTERNAL;
	if (s->how == SITE_OWN)
		return MEDIA_PUBLIC;
	if (s->mode == SITE_FORWARDED || (s->mode == SITE_AUTO && s->forwarded))
		return MEDIA_RANGE;
	return MEDIA_PUNCHED;
}

bool
site_tries(const struct site *s, struct mono now)
{
	if (s->how == SITE_OWN)
		return false;
	return s->range == RANGE_UNKNOWN || (s->range == RANGE_CLOSED &&
	    mono_ms_between(s->range_at, now) >= SITE_CLOSED_MS);
}

bool
site_learns(struct site *s, enum media_range range, struct mono now)
{
	bool news = s->range != range;

	/* One that came unasked proves more than one that did not. */
	if (range == RANGE_CLOSED && s->range == RANGE_OPEN)
		return false;
	s->range = range;
	s->range_at = now;
	return news;
}

const char *
site_mode_name(const struct site *s)
{
	static const char *const name[] = {
		[SITE_AUTO] = "auto",
		[SITE_PUNCH] = "punch",
		[SITE_FORWARDED] = "forwarded",
	};

	return name[s->mode];
}

const char *
site_way_name(enum media_way way)
{
	static const char *const name[] = {
		[MEDIA_INTERNAL] = "internal",
		[MEDIA_PUBLIC] = "public",
		[MEDIA_PUNCHED] = "punch",
		[MEDIA_RANGE] = "forwarded",
	};

	return name[way];
}

static const char *
range_evidence(const struct site *s)
{
	if (s->forwarded)
		return "an unsolicited packet proved the range forwarded";
	switch (s->range) {
	case RANGE_OPEN:
		return "a packet came unasked to a port that had only asked "
		       "STUN: the range is forwarded, or the router lets "
		       "anybody in";
	case RANGE_CLOSED:
		return "a phone's packets came only after ours had left: the "
		       "range is not forwarded, each port is opened by "
		       "sending first";
	default:
		return "nothing has shown yet whether the range is forwarded; "
		       "each port is opened by sending first";
	}
}

const char *
site_evidence(const struct site *s)
{
	if (s->how == SITE_OWN)
		return "our external address is public itself";
	if (s->mode == SITE_PUNCH && s->range == RANGE_UNKNOWN)
		return "the configuration says so; nothing has shown whether "
		       "the range is forwarded";
	if (s->mode == SITE_FORWARDED && s->range != RANGE_OPEN)
		return "the configuration says so; no packet has come unasked "
		       "yet";
	return range_evidence(s);
}
