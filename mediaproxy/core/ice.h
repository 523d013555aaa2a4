/*
 * ICE-lite at one pair of ports (RFC 8445 2.5): our credential, and where a
 * check of the phone's has nominated its ports.
 *
 * Pure.  What a check may do to the latch: latch.h.
 */
#ifndef MEDIAPROXY_CORE_ICE_H
#define MEDIAPROXY_CORE_ICE_H

#include "common/codec/stun_check.h"
#include "common/ipc/msg.h"
#include "mediaproxy/core/ice_seen.h"

#define ICE_UFRAG_MIN 4		/* RFC 8839 5.4 */
#define ICE_PWD_MIN 22

struct ice {
	uint8_t ufrag_len, pwd_len;	/* 0: no ICE here */
	char ufrag[IPC_ICE_MAX], pwd[IPC_ICE_MAX];
	struct addr nominated[2];	/* by enum port_which */
	bool news;			/* nominated is not yet told */
	/* A relay before us had this password: what was seen then, we do
	 * not know. */
	bool inherited;
	struct ice_seen seen;
};

static inline bool
ice_is_on(const struct ice *ice)
{
	return ice->pwd_len > 0;
}

/* Forget all of it. */
void ice_wipe(struct ice *ice);

/*
 * Take over a credential; without one, ICE is off.  What was nominated stays
 * while it is on: after a restart media goes there until a new check
 * nominates (RFC 8445 9).  With another one, nothing was seen yet.
 *
 * Errors:  -EPROTO too short, or a character that cannot be.
 */
int ice_set(struct ice *ice, const struct ipc_relay_ice *m);

/*
 * Look at a STUN packet.
 *
 * Gives:   answer and what it is, as stun_check() does.  What was seen before
 *          nominates nothing, and from elsewhere is STUN_CHECK_SILENT.
 */
enum stun_check ice_check(struct ice *ice, struct span packet,
    enum port_which which, const struct addr *source, struct buf *answer);

#endif
