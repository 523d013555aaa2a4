/*
 * What an SDP shall say for one of our ports: its own address, the public
 * address with the same port, or the port that STUN saw.
 */
#ifndef MEDIAPROXY_CORE_SITE_H
#define MEDIAPROXY_CORE_SITE_H

#include "mediaproxy/core/port.h"

#define SITE_CLOSED_MS 3600000	/* then it is tried again */
/* So many in a row were not heard: what was found out is wrong, or no more. */
#define SITE_MISSES 3		/* of several homes */
#define SITE_MISSES_ALONE 6	/* of one, whose own fault it may be */

enum site_how {
	SITE_STUN,		/* told by stunmon, mappings too */
	SITE_NAMED,		/* a fixed address or a name: told by stunmon */
	SITE_OWN,		/* our external address is public itself */
};

enum site_mode { SITE_AUTO, SITE_PUNCH, SITE_FORWARDED };

/* Phones in a row that were told one port and not heard. */
struct site_misses {
	struct addr first;	/* the first one's home */
	uint8_t n;
	bool others;		/* another home's, too */
};

struct site {
	enum site_how how;
	enum site_mode mode;
	struct addr public_ip;	/* of the whole site; ADDR_NONE: not known */
	bool forwarded;		/* an unasked packet proved the range is */
	enum media_range range;	/* do strangers' packets reach us? */
	struct mono range_at;	/* known since; RANGE_CLOSED grows old */
	/* Where mapping and own port differ, in `auto`: did phones that were
	 * told the one or the other come through?  As long as no mapping ever
	 * worked, each failure lets the other one be tried. */
	bool mapping_works, own_works;
	struct site_misses mapping_misses, own_misses;
	bool own_first;		/* the own port is said now */
	bool answers;		/* a STUN server answers at present */
	bool fixed;		/* public_ip is configured: nobody changes it */
	struct mono changed_at;	/* public_ip did; 0: not since the start */
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

/*
 * A phone that was told `said` for this pair was heard, or not for a while.
 * One that was may have sent where it was not told, or be the only one that
 * could: SITE_MISSES after it take back what it showed.
 *
 * A router that gives each peer another port (symmetric) makes the mapping
 * useless, and with one STUN server nobody can tell; if the range is forwarded
 * besides, the own port works.
 */
void site_result(struct site *s, const struct port_pair *pair,
    const struct addr *said, const struct addr *phone, bool heard);
/* The site's address is another one, mostly of the same router: what worked is
 * said first, and proved anew. */
void site_forgets(struct site *s);

/* The mode as configured, and in a sentence what is known of the range; both
 * literals without quotes. */
const char *site_mode_name(const struct site *s);
const char *site_way_name(enum media_way way);
const char *site_evidence(const struct site *s);

/* Does a new call want a port with a mapping? */
bool site_wants_mapping(const struct site *s);

#endif
