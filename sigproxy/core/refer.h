/*
 * Transfer: REFER inside a call, the NOTIFYs that follow, and the INVITE with
 * Replaces that completes an attended one (RFC 3515, 3891, 3892, 4488, 5589).
 * Belongs to the call part; see call_priv.h.
 *
 * The far phone carries the transfer out: REFER goes to it as any request
 * inside a dialog does, and the INVITE it then makes is a call like any other,
 * with its own digest and under its own rights.  What is mapped on the way:
 *
 *   Refer-To     becomes sip:NUMBER@our-domain.  Hosts that are not ours are
 *                refused; a token of ours (the Contact that the transferor's
 *                phone knows the third party by) becomes that party's number.
 *   Replaces     in it must name a call of the transferor's own.  Tags go
 *                through; the Call-ID is masked as towards any callee.
 *   Referred-By  is ours, from the database; none outside of who asked for
 *                privacy, in the call or with the REFER.
 *   NOTIFY       keeps the status of its fragment and nothing else; the id in
 *                Event, which is a CSeq, becomes the other leg's.
 */
#ifndef SIGPROXY_CORE_REFER_H
#define SIGPROXY_CORE_REFER_H

#include "sigproxy/core/leg.h"

#define REFER_MEMORY 64 /* transfers remembered */

enum {
	REFER_MEMORY_MS = 60000, /* for the referred phone to call */
	REFER_MEMORY_EACH = 8,   /* of who refers */
	REFER_LIVE_MAX = 8,      /* subscriptions to one phone in a call */
};

struct exchange;

/* What one phone of a call was asked to do. */
struct referral {
	uint8_t live;                /* REFERs whose NOTIFYs may come */
	uint32_t from_cseq, to_cseq; /* of the last one */
};

/* A REFER that was accepted, until the call it asks for begins. */
struct transfer {
	struct mono at; /* 0: not in use */
	uint64_t ticket;
	struct party by;
	TEXT(32) referred;
	TEXT(URI_USER_MAX) target;
};

/* ---- refer.c ---- */

/* Does a request of this method belong here? */
bool refer_is(enum sip_method method);

/* The number that a REFER of leg's phone names; mem: URI_USER_MAX bytes that it
 * lies in.  Errors: as refer_put_headers(). */
int refer_number(const struct edge *e, const struct leg *from,
    const struct sip_msg *msg, char *mem, struct span *out);

/*
 * May this NOTIFY of leg's phone pass?
 *
 * Gives:   0, or the status that refuses it: 489 for another event, 481
 *          when nothing was asked of that phone.
 */
unsigned refer_notify_refusal(const struct leg *leg, const struct sip_msg *msg);
/*
 * The headers of a REFER or NOTIFY that are not passed but written: Refer-To
 * and Referred-By, or Event.
 *
 * Errors:  -EBADMSG not by the grammar (400); -EPERM a target, header or
 *          method that we do not refer to (403).
 */
int refer_put_headers(const struct edge *e, struct buf *b,
    const struct exchange *ex, const struct sip_msg *msg);
/* Referred-By for the phone of `to`; who withholds his name is not told
 * outside. */
void refer_put_by(const struct edge *e, struct buf *b, const struct party *by,
    const struct leg *to);
/* Its body: of a NOTIFY one status line, of a REFER nothing (a signature of
 * the Referred-By that ours replaces).  Errors: -EBADMSG, -ENOTSUP. */
int refer_put_body(struct buf *b, const struct sip_msg *msg);
/* A REFER of leg's phone was refused by us: say why. */
void refer_not_passed(const struct ctx *x, const struct leg *leg,
    const struct sip_msg *msg, unsigned status);
/* It names no number of ours: that is kept. */
void refer_away(const struct ctx *x, const struct leg *leg,
    const struct sip_msg *msg);
/* A REFER or NOTIFY went to the other phone. */
void refer_sent(
    const struct ctx *x, struct exchange *ex, const struct sip_msg *msg);
/* A REFER was answered; NULL: never. */
void refer_answered(
    const struct ctx *x, struct exchange *ex, const struct sip_msg *answer);
/* Was the caller referred to that number a moment ago? */
bool refer_is_asked(
    const struct ctx *x, struct span caller, struct span called);
/* Was this call asked for by a REFER?  Then say so and keep by whom. */
void refer_begun(const struct ctx *x, struct call *call);

/* ---- replaces.c ---- */

/*
 * The leg whose phone has this dialog, with the ids that either side of that
 * call knows, or NULL.
 *
 * Takes:   r       to_tag is of the phone looked for.
 *          number  that phone's; empty: any.
 *          peer    the other party's; empty: any.
 */
struct leg *replaces_find(const struct edge *e, const struct sip_replaces *r,
    struct span number, struct span peer);
/*
 * What the Replaces of an INVITE for `number` means (RFC 3891 3).
 *
 * Gives:   0 and out, NULL without such a header; else a status: 400, 481 no
 *          such dialog with a phone of that number, 486 early-only and
 *          answered already, 603 over.
 */
unsigned replaces_check(const struct edge *e, const struct sip_msg *msg,
    struct span number, struct leg **out);
/* The header, with the ids that the branch's phone knows.
 * Errors: -ENOENT that dialog is gone. */
int replaces_put(const struct edge *e, struct buf *b, const struct leg *branch,
    const struct sip_msg *msg);
/* `call` was answered, or never will be: the one that it replaces ends for
 * that reason, or goes on. */
void replaces_settled(
    const struct ctx *x, const struct call *call, bool answered);

#endif
