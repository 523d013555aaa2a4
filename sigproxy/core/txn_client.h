/*
 * Client transactions: requests that we send (RFC 3261 17.1; RFC 6026 7.2).
 *
 * The request comes ready-made with our Via and branch; the transaction
 * retransmits it on UDP, matches answers by branch and CSeq method
 * (17.1.3), sends ACK for final non-2xx answers to INVITE, and CANCEL once a
 * provisional answer came (9.1).  It never answers a challenge: 401 and 407
 * are final answers like any other.  Timer C is the owner's.
 */
#ifndef SIGPROXY_CORE_TXN_CLIENT_H
#define SIGPROXY_CORE_TXN_CLIENT_H

#include "sigproxy/core/txn.h"

enum ctxn_state {
	CTXN_CALLING,		/* INVITE: nothing heard (others: Trying) */
	CTXN_PROCEEDING,
	CTXN_COMPLETED,		/* final answer (INVITE: non-2xx) */
	CTXN_ACCEPTED,		/* 2xx to INVITE: more may follow */
};

struct ctxn;

/* What the owner wants to know; any may be NULL; the owner is c->owner. */
struct ctxn_ops {
	/* Each new answer: every provisional one, the first final one, and
	 * for INVITE every 2xx (also retransmitted: the owner ACKs again;
	 * also with another To tag).  100 is not handed on. */
	void (*response)(struct edge *e, struct mono now, struct steps *st,
	    struct ctxn *c, const struct sip_msg *msg);
	/* No final answer (timer B or F; or 64*T1 after CANCEL): treat as
	 * 408.  ended() follows. */
	void (*timeout)(struct edge *e, struct mono now, struct steps *st,
	    struct ctxn *c);
	/* The transaction is gone after this returns. */
	void (*ended)(struct edge *e, struct mono now, struct steps *st,
	    struct ctxn *c);
};

struct ctxn {
	struct htab_node node;		/* in by_branch */
	uint8_t id[TXN_ID_LEN];
	struct timer resend, end;
	struct flow to;
	struct blob request;		/* as sent; for resending, ACK, CANCEL */
	const struct ctxn_ops *ops;	/* NULL: nobody wants to know */
	void *owner;
	enum ctxn_state state;
	uint32_t resend_ms;		/* timers A, E */
	uint16_t status;		/* of the last answer; 0: none */
	bool is_invite;
	bool in_dialog;
	bool cancel_wanted, cancel_sent;
	char cancel_reason[96];		/* Reason header's value; "" for none */
};

/*
 * Send a request and watch over it.
 *
 * Takes:   request  complete, with our top Via; copied.  Never an ACK.
 *          ops, owner  kept.
 * Gives:   out, lent until ended(); NULL is allowed for "nobody cares".
 * By a connection that is closed nothing leaves; see ctxn_flow_closed().
 *
 * Errors:  -EMSGSIZE above BLOB_MAX; -ENOMEM; -EBADMSG not a request of ours.
 */
int ctxn_send(struct txns *t, struct mono now, struct steps *st,
    const struct flow *to, struct span request, const struct ctxn_ops *ops,
    void *owner, struct ctxn **out);

/*
 * Cancel an INVITE: at once if a provisional answer came, else when one
 * comes (9.1); nothing after a final answer.  64*T1 after the CANCEL the
 * INVITE counts as answered 408 (owner's timeout()).
 *
 * Takes:   reason  value of a Reason header (RFC 3326), or empty.
 */
void ctxn_cancel(struct txns *t, struct mono now, struct steps *st,
    struct ctxn *c, struct span reason);

/* Let go: the owner forgets c; answers are still absorbed and ACKed. A 2xx
 * to a let-go INVITE gets no ACK from here: do not let go of an INVITE
 * before its final answer. */
void ctxn_detach(struct ctxn *c);
/* Let go, and send it no more: what is still asked is asked anew.  Not an
 * INVITE. */
void ctxn_abandon(struct txns *t, struct mono now, struct ctxn *c);

/* Parse the stored request again; views into c. */
int ctxn_request(const struct ctxn *c, struct sip_msg *out);

/* A connection closed.  What begins a dialog by it counts as timed out at
 * once (17.1.4): the phone is gone.  What stands in a dialog waits TXN_AWAY_MS,
 * for the phone may come back by another connection. */
void ctxn_flow_closed(struct txns *t, struct mono now,
    const struct flow *flow);
/* It came back: its requests without an answer go there once more, and have
 * the time of new ones. */
void ctxn_flow_moved(struct txns *t, struct mono now, struct steps *st,
    const struct flow *from, const struct flow *to);

/* A response came in.  Gives: false when it is nobody's: dropped silently. */
bool ctxn_response(struct txns *t, struct mono now, struct steps *st,
    const struct sip_msg *msg, const struct flow *from);

void ctxn_due(struct txns *t, struct mono now, struct steps *st,
    struct timer *timer);

#endif
