/*
 * The relay's port pairs: which are free, in use, or resting.
 *
 * A pair is an even RTP port and the next one for RTCP (RFC 3550 11), both
 * bound at start.  Pairs of one zone and address form a group and are given
 * out in turn; one given back rests, so that late packets of the old call
 * find nobody.  The first external group is also kept mapped by STUN: a few
 * spare pairs always have fresh mappings, so that no call waits for one.
 *
 * Pure; the sockets are io/socks.c's, by the same index.
 */
#ifndef MEDIAPROXY_CORE_PORT_H
#define MEDIAPROXY_CORE_PORT_H

#include "common/base/addr.h"
#include "common/base/mono.h"
#include "common/ipc/names.h"

#define PORT_REST_MS 5000
#define PORT_SPARES 8
#define PORT_FRESH_MS 60000	/* a mapping told longer ago is not said */
/* After this long without sending no NAT lets an answer in any more. */
#define PORT_UNASKED_MS 600000
#define PORT_GROUPS_MAX 16

enum port_which { PORT_RTP = 0, PORT_RTCP = 1 };

enum port_state { PORT_FREE, PORT_SPARE, PORT_USED };

struct port_pair {
	struct addr own;		/* our address and RTP port */
	enum port_state state;
	uint8_t group;
	bool by_stun;			/* STUN looks after its address */
	struct mono rest_until;
	struct addr mapped[2];		/* by enum port_which; the last one
					 * known; ADDR_NONE: none was */
	struct mono mapped_at[2];	/* told then; 0: it is not fresh */
	struct mono sent_at[2];		/* last packet out; 0: never */
	struct mono peer_at[2];		/* the same, STUN not counted */
};

struct port_group {
	enum zone zone;
	struct addr ip;
	bool mapped;		/* STUN looks after this one */
	uint32_t first, n;	/* pairs */
	uint32_t keep;		/* of these, for emergency calls */
	uint32_t *queue;	/* free ones, longest rested first */
	uint32_t head, n_free;
};

struct ports {
	struct port_pair *pair;
	uint32_t n;
	struct port_group group[PORT_GROUPS_MAX];
	unsigned n_groups;
	uint32_t spare[PORT_SPARES];
	unsigned n_spares;
};

#define PORT_NONE UINT32_MAX

/* Room for n pairs in all.  Errors: -ENOMEM. */
int ports_init(struct ports *p, uint32_t n);
void ports_clear(struct ports *p);

/*
 * Add the n pairs of one address, from the even port `first` up.
 *
 * Takes:   mapped  the group STUN looks after; at most one may be.
 * Errors:  -ENOMEM; -ENOSPC more groups or pairs than there is room for.
 */
int ports_add(struct ports *p, enum zone zone, const struct addr *ip,
    uint16_t first, uint32_t n, bool mapped);

/* Keep the last `keep` pairs of each of the zone's groups for emergencies. */
void ports_reserve(struct ports *p, enum zone zone, uint32_t keep);
/* Is a pair left beside those, of the group that ports_take() would choose?
 * Without such a group: true. */
bool ports_has_room(struct ports *p, enum zone zone, enum addr_family family,
    const struct addr *phone, const struct addr *local);

/*
 * Give out a pair.
 *
 * Takes:   local   our address that its signalling uses: that group; if we
 *                  have none, or it is ADDR_NONE, it is for
 *          phone   to choose: the longest common prefix with it.
 *          mapped  a spare with a fresh mapping is wanted, if there is one,
 *                  else one whose last mapping is known.
 * Gives:   its index, or PORT_NONE: with *no_address_out telling whether that
 *          zone has no address of that family (true) or is full (false).
 */
uint32_t ports_take(struct ports *p, enum zone zone, enum addr_family family,
    const struct addr *phone, const struct addr *local, bool mapped,
    struct mono now, bool *no_address_out);
/*
 * Give out the very pair whose RTP port has this number: it stands in an SDP
 * that a relay before us made.  Spares may be claimed, resting ones not.
 *
 * Takes:   phone   chooses among addresses as in ports_take().
 * Gives:   its index, or PORT_NONE: not ours, in use or resting.
 */
uint32_t ports_claim(struct ports *p, enum zone zone,
    enum addr_family family, const struct addr *phone,
    const struct addr *local, uint16_t number, struct mono now);
/* Give it back to rest. */
void ports_put(struct ports *p, uint32_t i, struct mono now);

/* Fill up the spares; true if the set changed. */
bool ports_keep_spares(struct ports *p, struct mono now);

/* How many of them have fresh mappings. */
unsigned ports_spares_mapped(const struct ports *p, struct mono now);

/* Is the mapping of that port known and fresh? */
bool port_is_mapped(const struct port_pair *pair, enum port_which which,
    struct mono now);
/* Was its mapping known once, at the address the site still has? */
bool port_was_mapped(const struct port_pair *pair, enum port_which which);
/* The site has another address now: no mapping counts until told anew. */
void ports_forget_mappings(struct ports *p);
/* The pair and half with this number in the mapped group, or PORT_NONE. */
uint32_t ports_by_number(const struct ports *p, uint16_t number,
    enum port_which *which_out);
/* Did nothing leave that port for so long that only a forwarded range lets
 * a packet in? */
bool port_is_unasked(const struct port_pair *pair, enum port_which which,
    struct mono now);
/* The same, when only STUN left it: a full-cone router does so, too. */
bool port_is_unmet(const struct port_pair *pair, enum port_which which,
    struct mono now);
/* A packet leaves it; for whoever is no STUN server. */
void port_sends(struct port_pair *pair, enum port_which which,
    struct mono now);
/* Own address of one half. */
struct addr port_own(const struct port_pair *pair, enum port_which which);

#endif
