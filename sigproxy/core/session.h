/*
 * Session timers (RFC 4028), one for each leg: they end at us as the dialogs
 * do.  Each phone is asked for a timer when we call it and may ask us for one
 * when it calls; what one leg agrees on does not concern the other.
 *
 * A leg whose phone knows no timers has none: expires_s is 0.
 */
#ifndef SIGPROXY_CORE_SESSION_H
#define SIGPROXY_CORE_SESSION_H

#include "common/base/mono.h"
#include "common/base/timerq.h"
#include "sigproxy/core/blob.h"
#include "sigproxy/sip/msg.h"

struct buf;
struct call;
struct ctx;
struct ctxn;
struct edge;
struct leg;

enum {
	SESSION_MIN_S = 90,      /* our Min-SE, and the RFC's least */
	SESSION_WANTED_S = 1800, /* what we ask for */
	SESSION_MAX_S = 86400,   /* a phone's wish counts up to here */
	SESSION_SDP_MAX = 2048,  /* longer ones are not kept */
};

struct session {
	struct timer timer;
	uint32_t expires_s; /* agreed; 0: no timer */
	uint32_t min_se_s;  /* the phone's, from its Min-SE; 0: unknown */
	struct mono due;    /* ours: the next refresh */
	struct mono dead;   /* BYE when nothing came until then */
	bool ours;          /* we refresh, not the phone */
	bool takes_update;  /* its Allow lists UPDATE */
	uint8_t n_422;      /* of one request, in a row */
	uint8_t missed;     /* without a timer: audit.h */
	struct blob sdp;    /* what it was sent last; in the office only
			     * while a refresh would need it */
	struct blob early;  /* of a branch: the caller, by it */
	/* Our refresh. */
	struct ctxn *refresh; /* until ended(); or an audit's */
	bool refreshing;      /* no final answer yet */
	bool is_invite;       /* a re-INVITE, not an UPDATE */
	uint32_t cseq;
};

/* ---- as the one who is asked (RFC 4028 9) ---- */

/* Is the wished interval below ours, and may 422 be said? */
bool session_is_too_small(const struct sip_msg *request);
/*
 * A 2xx to this INVITE or UPDATE of leg's phone is being built: agree on a
 * timer, write its headers, and start it.
 */
void session_accept(const struct ctx *x, struct leg *leg,
    const struct sip_msg *request, struct buf *b);
/* An UPDATE without an offer came: it concerns this leg only.  peer: the
 * other party of that dialog. */
void session_update(const struct ctx *x, struct leg *leg,
    const struct leg *peer, struct stxn *t, const struct sip_msg *msg);

/* ---- as the one who asks (RFC 4028 7) ---- */

/* The headers of our INVITE or UPDATE in leg. */
void session_put_wish(const struct leg *leg, struct buf *b);
/* What a phone's message says it can do: Allow. */
void session_learn(struct leg *leg, const struct sip_msg *msg);
/* leg's phone answered such a request with 2xx. */
void session_agreed(
    const struct ctx *x, struct leg *leg, const struct sip_msg *answer);
/* It answered 422: true when asking again, with its Min-SE, can help. */
bool session_may_ask_again(struct leg *leg, const struct sip_msg *answer);

/* It answered 422 to what the other phone asked: the next time it is asked
 * for longer. */
void session_too_small(struct leg *leg, const struct sip_msg *answer);

/* ---- running ---- */

/* The phone was sent this body; or one in this message of ours. */
void session_keep_sdp(const struct ctx *x, struct leg *leg, struct span sdp);
void session_keep_sent(
    const struct ctx *x, struct leg *leg, const struct blob *message);
/* Beside others that ring: this branch's phone answers the caller, who was
 * told its SDP just now.  Once it wins, that is what he was told last. */
void session_keep_early(const struct ctx *x, struct leg *branch);
void session_keep_winner(const struct ctx *x, struct leg *branch);
/* Does a re-INVITE of ours wait for its answer on any leg? */
bool session_is_offering(const struct call *call);
/* After 491 (RFC 3261 14.1): who owns the Call-ID waits longer, so that they do
 * not meet again. */
uint32_t session_after_glare_ms(const struct leg *leg);
void session_due(const struct ctx *x, struct leg *leg);
/* After a restart: go on with what was agreed. */
void session_restore(const struct ctx *x, struct leg *leg);
/* What was sent last is nobody's any more. */
void session_let_go(struct session *s);
/* The call ends. */
void session_stop(struct edge *e, struct leg *leg);

#endif
