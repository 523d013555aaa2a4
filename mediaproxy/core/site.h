/*
 * What an SDP shall say for one of our ports: its own address, the public
 * address with the same port, or the port that STUN saw.
 */
#ifndef MEDIAPROXY_CORE_SITE_H
#define MEDIAPROXY_CORE_SITE_H

#include "mediaproxy/core/port.h"

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
	bool fixed;		/* public_ip is configured: nobody changes it */
	struct mono changed_at;	/* public_ip did; 0: not since the start */
};

/*
 * The address SDP says for one half of a pair.
 *
 * Gives:   ADDR_NONE when we do not know our public address: an own, private
 *          one would lead nowhere and tell strangers about the office.
 */
struct addr site_say(const struct site *s, enum zone zone,
    const struct port_pair *pair, enum port_which which, struct mono now);

/* May stunmon, which may be captured, tell us this address of ours? */
bool site_believes(const struct site *s, const struct addr *told);

/* Does a new call want a port with a mapping? */
bool site_wants_mapping(const struct site *s);

#endif
