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
	return s->mode == SITE_AUTO && (s->forwarded || s->own_first) &&
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
	if (s->mode == SITE_FORWARDED || (s->mode == SITE_AUTO &&
	    (s->forwarded || (s->own_first && s->own_works))))
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

/* Was that one too many? */
static bool
is_refuted(struct site_misses *m, const struct addr *phone, bool heard)
{
	if (heard) {
		*m = (struct site_misses){ 0 };
		return false;
	}
	if (m->n == 0)
		m->first = *phone;
	m->n++;
	m->others = m->others || !addr_same_ip(&m->first, phone);
	if (m->n < (m->others ? SITE_MISSES : SITE_MISSES_ALONE))
		return false;
	*m = (struct site_misses){ 0 };
	return true;
}

static void
own_result(struct site *s, const struct addr *phone, bool heard)
{
	if (is_refuted(&s->own_misses, phone, heard)) {
		s->own_works = s->forwarded = false;
		s->range = RANGE_UNKNOWN;
	}
	s->own_works = s->own_works || heard;
	s->own_first = s->own_first && s->own_works;
}

static void
mapping_result(struct site *s, const struct addr *phone, bool heard)
{
	if (is_refuted(&s->mapping_misses, phone, heard))
		s->mapping_works = false;
	s->mapping_works = s->mapping_works || heard;
	s->own_first = !s->mapping_works;
}

void
site_result(struct site *s, const struct port_pair *pair,
    const struct addr *said, const struct addr *phone, bool heard)
{
	struct addr own = port_own(pair, PORT_RTP);

	if (s->mode != SITE_AUTO || !pair->by_stun ||
	    !port_was_mapped(pair, PORT_RTP) ||
	    pair->mapped[PORT_RTP].port == own.port)
		return;
	if (said->port == own.port)
		own_result(s, phone, heard);
	else
		mapping_result(s, phone, heard);
}

void
site_forgets(struct site *s)
{
	s->own_first = s->own_first || s->forwarded;
	s->forwarded = s->mapping_works = s->own_works = false;
	s->range = RANGE_UNKNOWN;
	s->mapping_misses = s->own_misses = (struct site_misses){ 0 };
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
	if (s->own_first)
		return s->own_works ?
		    "phones that were told the mapped port did not come "
		    "through, those that were told the port as it is did: the "
		    "range is forwarded and the router changes ports" :
		    "a phone that was told the mapped port did not come "
		    "through: the port as it is is tried";
	if (s->mode == SITE_FORWARDED && s->range != RANGE_OPEN)
		return "the configuration says so; no packet has come unasked "
		       "yet";
	return range_evidence(s);
}
