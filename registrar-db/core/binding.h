/*
 * The rules of bindings: what a REGISTER whose answer was right changes.
 *
 * Pure: the current bindings of one number and the request go in, a plan
 * comes out; io/ carries it out.  Nothing here knows SQL or SIP text.
 *
 * Spec:  RFC 3261 10.3 steps 6 to 8; RFC 5626 6 (instance-id and reg-id);
 *        RFC 3261 19.1.4 is not used to compare Contacts: a Contact is kept
 *        verbatim, compared byte for byte, and never a destination.
 *
 * Grants: what was asked, at most 3600 s on the office LAN and for a phone
 * with a public address; 60 s for UDP behind a NAT, whose mapping a phone
 * must keep; 120 s over TCP and TLS, whose phones come back with their next
 * REGISTER only, but 600 s for one that was seen to come back by itself, in
 * RECONNECT_S and long before that REGISTER was due, RECONNECTS_MIN times.
 * Less than 60 s asked (30 s behind a NAT) is refused with 423.
 *
 * One device has one binding, or one for each reg-id (RFC 5626).  It is
 * known by its instance-id; else by its Contact, by its flow, by its
 * Call-ID, and after a restart, when all of these are new, by what it says
 * it is (User-Agent) at the address it has (same user and host in its
 * Contact, where that host is one machine's, and the same source IP).
 *
 * A subscriber has at most max devices; the newest wins: the one whose last
 * REGISTER is oldest goes.
 */
#ifndef REGDB_CORE_BINDING_H
#define REGDB_CORE_BINDING_H

#include "common/ipc/msg.h"

#define BINDING_MAX IPC_TARGETS_MAX

#define GRANT_DEFAULT_S 3600
#define GRANT_MAX_S 3600
#define GRANT_NATED_UDP_S 60
#define GRANT_STREAM_S 120
#define GRANT_RECONNECTS_S 600
#define GRANT_MIN_S 60
#define GRANT_NATED_MIN_S 30

#define RECONNECT_S 15
#define RECONNECTS_MIN 2

/* One stored binding.  Spans are lent by whoever filled it in. */
struct binding {
	unsigned slot;		/* 1 to BINDING_MAX, stable while it lives */
	struct span contact, instance, call_id, user_agent;
	uint32_t reg_id, cseq;
	uint16_t q_permille;
	struct ipc_flow flow;
	bool nated;
	bool ice;		/* its Contact said +sip.ice */
	int64_t registered_wall_s, expires_wall_s;
	uint32_t granted_s;
	int64_t closed_wall_s;	/* when its connection closed; 0: it lives */
	uint32_t reconnects;	/* so often it came back by itself then */
};

struct binding_set {
	unsigned n;
	struct binding b[BINDING_MAX];
};

enum binding_do {
	BINDING_REFRESH,	/* same contact and flow: times, CSeq only */
	BINDING_PUT,		/* new, or replaced in its slot */
	BINDING_DROP,
};

struct binding_step {
	enum binding_do what;
	struct binding b;	/* to store; for DROP the old one */
};

/* Worst case: every old one dropped and every contact put. */
#define BINDING_STEPS_MAX (BINDING_MAX + IPC_CONTACTS_MAX)

struct binding_plan {
	unsigned n_steps;	/* in this order; drops first */
	struct binding_step step[BINDING_STEPS_MAX];
	struct binding_set after;	/* what the 200 lists */
	uint32_t min_expires_s;	/* for VERDICT_BRIEF, else 0 */
};

/*
 * Decide.
 *
 * Takes:   old       unexpired bindings of the number; borrowed, lent to out.
 *          ask       borrowed, its spans lent to out.
 *          max       devices the subscriber may have, 1 to BINDING_MAX.
 *          wall_s    now.
 * Gives:   VERDICT_OK    carry out all of the plan, or nothing.
 *          VERDICT_BRIEF min_expires_s is set.
 *          VERDICT_BAD   out of order, star beside contacts.
 */
enum verdict binding_decide(const struct binding_set *old,
    const struct ipc_reg_ask *ask, unsigned max, int64_t wall_s,
    struct binding_plan *out);

bool flow_eq(const struct ipc_flow *a, const struct ipc_flow *b);

#endif
