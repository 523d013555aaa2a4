/*
 * Calls: two dialogs joined, with the relay between their media.
 *
 * A dialog-stateful back-to-back user agent that stays as transparent as it
 * can (RFC 7092 3.2.2): From and To tags, bodies and unknown headers go
 * through; Via, Record-Route, Route, Contact and whatever shows the other
 * side's addresses end here.  A request inside a dialog is found by the token
 * in its Request-URI (our Contact towards that side), then by Call-ID, tags,
 * zone and flow, never by the dialog id alone.
 *
 * edge.c hands in requests that passed its own checks (parsed, guarded,
 * authenticated where needed), frames of mediaproxy and timers; answers and
 * requests of ours leave through the transactions of txn.h.
 *
 * Everything lies in pools of fixed size, made by calls_new().
 */
#ifndef SIGPROXY_CORE_CALL_H
#define SIGPROXY_CORE_CALL_H

#include "sigproxy/core/auth.h"
#include "sigproxy/core/step.h"

struct calls;

/* Kinds of timers in the edge's queue that belong to call_due(): from
 * TIMER_CALL to below TIMER_CALL_END. */
#define TIMER_CALL_END (TIMER_CALL + 16)

/* Takes:   max_calls  calls at once; legs and ends follow from it.
 * Errors:  NULL for no memory. */
struct calls *calls_new(uint32_t max_calls);
/* NULL is fine. */
void calls_free(struct calls *c);
/* Timers that may be armed at once, for timerq_init(). */
size_t calls_timers(uint32_t max_calls);

enum call_match {
	CALL_NONE,     /* no such leg: answer 481, drop an ACK */
	CALL_TAKEN,    /* ours: a transaction was made (except for ACK), it
			* is answered here or relayed */
	CALL_STRANGER, /* a leg's identifiers, but from another flow:
			* auth_require() with want 0; drop an ACK */
};

/*
 * A request with a To tag (any method but CANCEL), no retransmission, before
 * any authentication.
 */
enum call_match call_in_dialog(struct edge *e, struct mono now,
    struct steps *st, const struct edge_in *in);

/*
 * A request whose sender proved who he is: an INVITE without To tag begins a
 * call; a request inside a dialog, for which CALL_STRANGER was said, moves
 * the leg to the flow it came by if it is the leg's own subscriber (else it
 * is answered 403); anything else is answered 405 or 501.
 *
 * Takes:   t    its server transaction; from here on the call part owns and
 *               answers it.
 *          say  verdict OK with caller and, for a lookup, called, ticket and
 *               targets; borrowed.  Other verdicts are answered by auth.
 */
void call_authorised(struct edge *e, struct mono now, struct steps *st,
    struct stxn *t, const struct ipc_auth_say *say);

/*
 * A call that the oracle granted will not be: its caller gave up before the
 * answer came, say.  Ends the record, which would count as a live call.
 */
void call_not_begun(struct steps *st, const struct ipc_auth_say *say,
    uint16_t status, const char *why);

/*
 * An answer that no transaction knows.  A 2xx to an INVITE, from the office
 * or from an IP with a live registration, is of a call that we no longer have
 * (we were restarted, say): it gets ACK and BYE, within the budget of its
 * source (guard.h).  Others are dropped.
 */
void call_late_answer(struct edge *e, struct mono now, struct steps *st,
    const struct sip_msg *msg, const struct flow *from);

/*
 * RELAY_SAY, RELAY_STATS, RELAY_NEWS, RELAY_REACH and RELAY_QUALITY of
 * mediaproxy `instance`.  Sessions and ends we do not know are ignored.
 *
 * Errors:  -EBADMSG, -ERANGE: the frame is broken, close that door;
 *          -EPROTO not one of these types.
 */
int call_frame(struct edge *e, struct mono now, struct steps *st,
    uint8_t instance, uint16_t type, struct span payload);
/* DIVERT_SAY.  Errors: -EBADMSG, -ERANGE: close that door. */
int call_divert_frame(struct edge *e, struct mono now, struct steps *st,
    struct span payload);
/*
 * mediaproxy `instance` came or went.  One that came is told every session it
 * had, each with the ports it had, before it gets new ones; calls that began
 * meanwhile wait CALL_NO_RELAY_MS for it.  Running calls never end of this.
 * Asked again for one that is up it tells all once more: harmless.
 */
void call_relay_peer(struct edge *e, struct mono now, struct steps *st,
    uint8_t instance, bool up);
/*
 * CALL_RESTORE and CALL_RESTORED: calls of the life before this one.  One
 * that cannot be read is ended in the record.
 *
 * Errors:  -EBADMSG, -ERANGE: the frame is broken, close that door.
 */
int restore_frame(struct edge *e, struct mono now, struct steps *st,
    uint16_t type, struct span payload);
/* At the end of each event: put what changed into the batch. */
void calls_save(struct edge *e, struct mono now, struct steps *st);
/* registrar-db's door opened: everything is to be saved again. */
void calls_save_all(struct edge *e, struct mono now, struct steps *st);
/* SIG_KEYS: the key that masks Call-IDs. */
void calls_set_key(struct calls *c, const uint8_t *key, size_t len);
/* A timer with a kind of ours fired. */
void call_due(
    struct edge *e, struct mono now, struct steps *st, struct timer *timer);

/* A connection closed: whoever calls by it and hears no answer yet is gone. */
void call_flow_closed(struct edge *e, struct mono now, struct steps *st,
    const struct flow *flow);
/* Is there a call by this flow? */
bool call_has_flow(const struct calls *c, const struct flow *flow);
/*
 * A phone registered by a new flow: calls of this number whose connection is
 * closed, or by UDP whose binding has ended, and whose phone has this Contact
 * (user and host: the port is another one), go on by it.
 */
void call_phone_back(struct edge *e, struct mono now, struct steps *st,
    struct span number, const struct flow *flow, struct span contact);

/*
 * A phone registered with this Contact by this flow, a new one or not: a BYE
 * that it did not answer by UDP is said again (owed.h).
 */
void call_phone_registered(struct edge *e, struct mono now, struct steps *st,
    struct span number, const struct flow *flow, struct span contact);

/*
 * A connection to this trunk is up: calls of the trunk with the same address,
 * whose own connection is closed, go on by it.
 */
void call_trunk_back(struct edge *e, struct mono now, struct steps *st,
    uint32_t trunk, const struct flow *flow);

/*
 * What the internet sees instead of us is another address now: whoever talks
 * and was told the old one is told the new one, as soon as it is reached.
 */
void call_address_changed(struct edge *e, struct mono now, struct steps *st);
/* Whoever is at the end of this flow can be reached by it. */
void call_reached(struct edge *e, struct mono now, struct steps *st,
    const struct flow *flow);
/* The phone at the end of this flow showed its password in a REGISTER. */
void call_registered(struct edge *e, struct mono now, struct steps *st,
    const struct flow *flow);
/* FLOW_MOVED: this number's phone showed its password by another flow. */
void call_flow_moved(struct edge *e, struct mono now, struct steps *st,
    const struct ipc_flow_moved *m);

/* Counts, as members of a JSON object without braces: "calls":0,... */
void call_status(
    const struct edge *e, struct mono now, struct buf *json);

/* Calls in progress. */
uint32_t calls_count(const struct calls *c);

#endif
