/*
 * What an SDP shall say for one of our ports: its own address, the public
 * address with the same port, or the port that STUN saw.
 */
#ifndef MEDIAPROXY_CORE_SITE_H
#define MEDIAPROXY_CORE_SITE_H

#include "mediaproxy/core/port.h"

#define SITE_CLOSED_MS 3600000	/* then it is tried again */

enum site_how {
	SITE_STUN,		/* told by stunmon, mappings too */
	SITE_NAMED,		/* a fixed address or a name: told by stunmon */
	SITE_OWN,		/* our external address is public itself */
};

enum site_mode { SITE_AUTO, SITE_PUNCH, SITE_FORWARDED };

struct site {
	enum site_how how;
	enum site_mode mode;
	struct addr public_ip;	/* of the whole site; ADDR_NONE: not known */
	bool forwarded;		/* an unasked packet proved the range is */
	enum media_range range;	/* do strangers' packets reach us? */
	struct mono range_at;	/* known since; RANGE_CLOSED grows old */
	bool answers;		/* a STUN server answers at present */
	bool fixed;		/* public_ip is configured: nobody changes it */
};

/*
 * The address SDP says for one half of a pair: its mapping, the last one
 * known when there is no fresh one, else the public address with its own
 * port.  It never waits.
 *
 * Gives:   ADDR_NONE when we do not know our public address: an own, private
 *          one would lead nowhere and tell strangers about the office.
 */
struct addr site_say(const struct site *s, enum zone zone,
    const struct port_pair *pair, enum port_which which, struct mono now);

/* May stunmon, which may be captured, tell us this address of ours? */
bool site_believes(const struct site *s, const struct addr *told);

/* How media of that zone's end gets in, as far as we know. */
enum media_way site_way(const struct site *s, enum zone zone);

/*
 * Is it worth a few seconds of a call's RTCP to find out whether the range is
 * forwarded (stream.h)?  Never for what nobody depends on.
 */
bool site_tries(const struct site *s, struct mono now);

/* What was found out: an unasked packet came, or a phone's came only after
 * we had sent.  True: that is news. */
bool site_learns(struct site *s, enum media_range range, struct mono now);

/* The mode as configured, and in a sentence what is known of the range; both
 * literals without quotes. */
const char *site_mode_name(const struct site *s);
const char *site_way_name(enum media_way way);
const char *site_evidence(const struct site *s);

/* Does a new call want a port with a mapping? */
bool site_wants_mapping(const struct site *s);

#endif
