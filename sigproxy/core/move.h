/*
 * The office's public address changes while people talk.
 *
 * Each phone outside was told an address of ours in Contact and SDP (RFC 3261
 * 12.1, RFC 3264); once it is another one, what the phone sends leads nowhere.
 * As soon as such a phone can be reached again it gets a re-INVITE with the
 * new address: the SDP it was told last, its version counted up (RFC 3264 8).
 * The other phone of the call notices nothing.
 *
 * Nothing here depends on having seen the change: what was told is compared
 * with what would be said now, so a change back, two changes and a restart in
 * between need no rule of their own.
 *
 * The same re-INVITE takes back an offer that its phone answered with what
 * nobody can use: the phone would go on by it, and the other one as before.
 *
 * Belongs to the call part; see call_priv.h.
 */
#ifndef SIGPROXY_CORE_MOVE_H
#define SIGPROXY_CORE_MOVE_H

#include "common/base/addr.h"
#include "common/base/mono.h"
#include "common/base/timerq.h"
#include "common/ipc/msg.h"
#include "sigproxy/core/blob.h"

struct calls;
struct ctx;
struct ctxn;
struct edge;
struct leg;
struct buf;

enum {
	/* For relay and STUN to learn of the change as well. */
	MOVE_SETTLE_MS = 600,
	MOVE_BUSY_MS = 500,   /* while another offer is under way */
	MOVE_RETRY_MS = 5000, /* after a refusal that says nothing */
	MOVE_TRIES = 5,       /* refusals in a row, until it is heard again */
	MOVE_PASS_MS = 10000, /* who cannot be reached is asked so often */
	MOVE_PAUSE_MS = 20,   /* when there is more than fits one batch */
	/* More changes in such a time are a lie of somebody's: then phones are
	 * told what is said after a while without any. */
	MOVE_FLAPS = 3,
	MOVE_FLAP_MS = 60000,
	MOVE_FLAP_SETTLE_MS = 10000,
};

/* What a phone was told of us; ADDR_NONE: nothing yet. */
struct telling {
	struct addr sip; /* in Contact */
	struct addr rtp[IPC_STREAMS_MAX]; /* in SDP, by stream */
};

/* A leg's way to the new address. */
struct move {
	struct timer timer;
	struct mono heard;  /* last; 0: it cannot be reached */
	bool asking;	    /* our re-INVITE has no final answer yet */
	uint8_t tries;
	uint32_t cseq;
	uint64_t undo;	     /* version of the offer to take back; 0: none */
	struct ctxn *invite; /* until ended() */
	struct telling telling;
};

/* All of them: the phones that wait are looked at in passes. */
struct moves {
	struct timer timer;
	struct mono changed_at; /* 0: never since the start */
	struct mono flaps_from, flap_at; /* of so many changes */
	unsigned flaps;
	uint32_t next;		/* leg to look at */
	unsigned pass;
	uint32_t stale;	       /* legs that this pass found so far */
	uint32_t stale_before; /* and the one before */
	uint64_t told;	       /* phones that were told, for status */
};

void move_init(struct calls *c);
/* What a message with Contact and SDP, built now, tells leg's phone. */
struct telling move_telling(const struct edge *e, const struct leg *leg);
/* An SDP for leg's phone was built now. */
void move_told_media(const struct edge *e, struct leg *leg);
/* Does leg's phone send to an address that is not ours any more? */
bool move_is_stale(const struct edge *e, const struct leg *leg);
/* Is its re-INVITE under way? */
bool move_is_asking(const struct leg *leg);
/* And has had no answer at all, not even that it arrived? */
bool move_is_unanswered(const struct leg *leg);

/* Its call was just answered; but it had been told the old address while it
 * rang. */
void move_answered(const struct ctx *x, struct leg *leg);
/* It is reached, and what it is to be told is another thing now. */
void move_now(const struct ctx *x, struct leg *leg);
/* The version of the SDP in this message of ours; 1, if it is not known. */
uint64_t move_version(const struct blob *message);
/* The offer of this version was accepted by leg's phone and by nobody else:
 * what was agreed before is said once more. */
void move_undo(const struct ctx *x, struct leg *leg, uint64_t version);
/* It was heard, so that it can be reached. */
void move_reached(const struct ctx *x, struct leg *leg);
/* mediaproxy said anew what SDP says for its port. */
void move_ports_known(const struct ctx *x, struct leg *leg);
/* TIMER_CALL_MOVE, TIMER_CALL_MOVES. */
void move_due(const struct ctx *x, struct leg *leg);
void move_pass(const struct ctx *x, struct calls *c);
/* After a restart, or a change: look at every leg. */
void move_begin(const struct ctx *x);
/* The call ends. */
void move_stop(struct edge *e, struct leg *leg);

void move_status(const struct calls *c, struct buf *json);

#endif
