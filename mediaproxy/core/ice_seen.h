/*
 * Which connectivity checks were seen already.
 *
 * A check is signed, and its source is not: whoever sees one on its way can
 * send it again from an address of his own.  So each counts once, and from
 * where it came first.  It is known by its MESSAGE-INTEGRITY, which covers the
 * transaction id and all that a check says, and is as good as random.
 *
 * The newest are kept with their source, since a phone repeats what was not
 * answered (RFC 8489 6.2.1).  Of older ones a Bloom filter of fixed size stays
 * until the password is another one: it forgets none, and takes a fresh check
 * for an old one rarely: 1 of 130 after an hour with a check each five
 * seconds (RFC 7675), 1 of 7 after three.  Then the phone's next one counts.
 *
 * Pure.
 */
#ifndef MEDIAPROXY_CORE_ICE_SEEN_H
#define MEDIAPROXY_CORE_ICE_SEEN_H

#include "common/base/addr.h"
#include "mediaproxy/core/port.h"

#define ICE_MAC_LEN 20
#define ICE_SEEN_RECENT 16	/* a phone has fewer pairs to check at once */
#define ICE_SEEN_WORDS 128	/* 1 KiB */

struct ice_seen_one {
	uint64_t mac;		/* a part of it */
	struct addr source;	/* ADDR_NONE: not in use */
	uint8_t which;		/* enum port_which it came to */
};

struct ice_seen {
	struct ice_seen_one recent[ICE_SEEN_RECENT];
	uint8_t next;
	uint64_t bits[ICE_SEEN_WORDS];
};

enum ice_said {
	ICE_FRESH,
	ICE_AGAIN,		/* the same, from where it came first */
	ICE_REPLAYED,		/* from elsewhere, or so old that it may be */
};

/* A check that is rightly signed came; from now on it is known. */
enum ice_said ice_seen(struct ice_seen *s, const uint8_t mac[ICE_MAC_LEN],
    enum port_which which, const struct addr *source);

#endif
