/*
 * What outlives stunmon: the address believed last and what goes with it, in
 * two slots of a small file that are written in turn, so that a write cut
 * short costs the newest state only, never both.
 *
 * stunmon itself may have been captured when it was written: reading is as
 * strict as with network bytes, and what it says is a ground for asking STUN,
 * and for nothing but an address that counts as old until STUN answers.
 *
 * Pure: bytes in, bytes out.
 */
#ifndef STUNMON_CORE_KEPT_H
#define STUNMON_CORE_KEPT_H

#include "stunmon/core/nat.h"

#define KEPT_SLOT 2048
#define KEPT_IMAGE (2 * KEPT_SLOT)
#define KEPT_LOCAL_MAX 8	/* external addresses */
#define KEPT_SIP_MAX 8

struct kept {
	struct addr site;	/* port 0; ADDR_NONE: none */
	int64_t sure_s;		/* confirmed last; seconds since 1970 */
	struct addr dns;	/* where our name led to then, or none */
	/* Where this was true: at another own address we are elsewhere. */
	struct addr local[KEPT_LOCAL_MAX];
	unsigned n_local;
	struct mapping_recall sip[KEPT_SIP_MAX];
	unsigned n_sip;
	struct nat_result nat;
	struct history history;	/* wall clock only */
};

/*
 * Gives:   a slot of KEPT_SLOT bytes.
 * Limits:  everything a kept may hold fits.
 */
void kept_put(const struct kept *k, uint64_t generation,
    char slot[KEPT_SLOT]);

/*
 * The newest whole slot.
 *
 * Errors:  -ENOENT there is none; the outputs are left alone.
 */
int kept_get(struct span image, struct kept *out, uint64_t *generation_out);

/* What lies in a slot, without its head and sum.  Errors: -EBADMSG, -ERANGE. */
int kept_read(struct span state, struct kept *out);

#endif
