/*
 * Server transactions: INVITE and other requests that came to us
 * (RFC 3261 17.2; RFC 6026 7.1 Accepted state).
 *
 * The transaction keeps the request's bytes, so an answer can be built at any
 * time later by parsing them again.  It resends its last answer to a
 * retransmission, retransmits final non-2xx answers to INVITE (timer G), and
 * swallows their ACK.  Retransmitting a 2xx until its ACK is the call's job
 * (RFC 3261 13.3.1.4): stxn_resend() at T1, 2T1, ... T2.
 * ACK itself never makes a transaction.
 */
#ifndef SIGPROXY_CORE_TXN_SERVER_H
#define SIGPROXY_CORE_TXN_SERVER_H

#include "sigproxy/core/txn.h"

enum stxn_state {
	STXN_TRYING,		/* no answer yet (INVITE: Proceeding) */
	STXN_PROCEEDING,	/* provisional answer sent */
	STXN_COMPLETED,		/* final answer sent (INVITE: non-2xx) */
	STXN_CONFIRMED,		/* ACK came (INVITE, non-2xx) */
	STXN_ACCEPTED,		/* 2xx sent to an INVITE (RFC 6026) */
};

struct stxn;

/* What the owner wants to know; any may be NULL.  In all of them the owner
 * is s->owner. */
struct stxn_ops {
	/* A CANCEL for this INVITE came by the INVITE's own flow, before a
	 * final answer; it has been answered 200 already.  The owner sends
	 * 487 when it has stopped its branches. */
	void (*cancelled)(struct edge *e, struct mono now, struct steps *st,
	    struct stxn *s, const struct sip_msg *cancel);
	/* The final non-2xx answer to an INVITE was never ACKed (timer H);
	 * ended() follows. */
	void (*no_ack)(struct edge *e, struct mono now, struct steps *st,
	    struct stxn *s);
	/* The transaction is gone after this returns. */
	void (*ended)(struct edge *e, struct mono now, struct steps *st,
	    struct stxn *s);
};

struct stxn {
	struct htab_node node;		/* in by_upstream */
	struct htab_node merge_node;	/* in by_merge */
	uint8_t id[TXN_ID_LEN], merge_id[TXN_ID_LEN];
	struct timer resend, end;
	struct flow from;		/* whence */
	struct flow to;			/* where answers go */
	struct blob request, answer;	/* answer: the last one sent */
	const struct stxn_ops *ops;	/* NULL: nobody wants to know */
	void *owner;
	enum stxn_state state;
	uint16_t status;		/* of the last answer; 0: none */
	uint32_t resend_ms;		/* timer G */
	uint32_t share;			/* in its source's counter */
	bool is_invite;
	bool is_cancelled;		/* the owner was told */
};

/* What an answer consists of beside what the request gives. */
struct reply {
	unsigned status;		/* 100 to 699 */
	const char *reason;		/* NULL: the status's own phrase */
	struct span to_tag;		/* empty: ours (txn_tag); never put in
					 * a 100, nor if the To has one */
	struct span headers;		/* whole lines, each with CRLF */
	struct span optional;		/* the same, but left out when the
					 * answer would be too long */
	struct span content_type;	/* empty: no body */
	struct span body;
	bool record_route;		/* copy Record-Route (12.1.1) */
};

/*
 * The transaction that this request belongs to, or NULL.
 *
 * Spec:    RFC 3261 17.2.3 (branch, sent-by, method; ACK finds its INVITE),
 *          and its RFC 2543 rule for branches without the magic cookie.
 *          Only from the same zone and IP: else NULL.
 */
struct stxn *stxn_find(struct txns *t, const struct sip_msg *msg,
    const struct flow *from);

/* The INVITE that this CANCEL is meant for (9.2), from the same IP but
 * perhaps by another flow; or NULL. */
struct stxn *stxn_of_cancel(struct txns *t, const struct sip_msg *msg,
    const struct flow *from);

/* Is this another copy of a request that came by another path (8.2.2.2:
 * same From tag, Call-ID, CSeq), with the same zone, Request-URI and
 * upstream address?  Then the answer is 482. */
bool stxn_is_merged(struct txns *t, const struct sip_msg *msg,
    const struct flow *from);

/*
 * Begin a transaction.
 *
 * Takes:   raw   the request's bytes; copied.
 *          ops, owner  kept; may be set in s later instead.
 * Gives:   out, lent until ended().
 * Errors:  -EMSGSIZE above BLOB_MAX (answer 513); -ENOMEM (answer 500).
 */
int stxn_new(struct txns *t, struct mono now, const struct sip_msg *msg,
    struct span raw, const struct flow *from, const struct stxn_ops *ops,
    void *owner, struct stxn **out);

/* Forget s at once without an answer or ended(): it was made too early. */
void stxn_drop(struct txns *t, struct stxn *s);

/* A retransmission, or an ACK to a non-2xx, of s came in. */
void stxn_again(struct txns *t, struct mono now, struct steps *st,
    struct stxn *s, const struct sip_msg *msg);

/* A CANCEL of s came in (from the right flow): answers it 200 and tells the
 * owner if s has no final answer yet. */
void stxn_cancel(struct txns *t, struct mono now, struct steps *st,
    struct stxn *s, const struct sip_msg *cancel, const struct flow *from);

/*
 * Build an answer from the stored request, send it and keep it.
 *
 * Errors:  -EINVAL a final answer was sent before (except 2xx after 2xx,
 *          which is sent); -EMSGSIZE the answer is too long: nothing sent.
 */
int stxn_respond(struct txns *t, struct mono now, struct steps *st,
    struct stxn *s, const struct reply *r);
/* The plain form: status only. */
int stxn_status(struct txns *t, struct mono now, struct steps *st,
    struct stxn *s, unsigned status);
/* Send the last answer once more (2xx retransmission). */
void stxn_resend(struct txns *t, struct steps *st, struct stxn *s);
/* Parse the stored request again; views into s, valid while s lives.
 * Errors: none for a request that stxn_new() took. */
int stxn_request(const struct stxn *s, struct sip_msg *out);

/* Build any answer to a request without a transaction; to `b`.
 * Errors: b's sticky error. */
void reply_build(const struct txns *t, struct buf *b,
    const struct sip_msg *request, const struct flow *from,
    const struct reply *r);
/* Where an answer goes: the source itself; in the internal zone without
 * rport the source's IP with the Via's port (18.2.2). */
struct flow reply_flow(const struct sip_msg *request, const struct flow *from);

void stxn_due(struct txns *t, struct mono now, struct steps *st,
    struct timer *timer);

#endif
