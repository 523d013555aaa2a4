/*
 * Offers and answers on their way between two legs (RFC 3264): which address
 * of ours an SDP gets, what the relay is told, hold.  Belongs to the call
 * part; see call_priv.h.
 */
#ifndef SIGPROXY_CORE_OFFER_H
#define SIGPROXY_CORE_OFFER_H

#include "sigproxy/core/leg.h"

struct exchange;

enum sdp_role { SDP_OFFER, SDP_ANSWER };

/* One SDP on its way. */
struct passage {
	struct exchange *exchange;
	const struct leg *from, *to;
	enum sdp_role role;
	bool only_count; /* nothing is written: which streams are offered? */
	const struct sip_msg *msg; /* that carries it; set by offer_pass() */
};

/* Streams that a call has ready whose first offer is to come. */
#define OFFER_LATE_STREAMS 2

/*
 * Write the body of msg as the other leg may see it.
 *
 * Gives:   b: the body; out: what an SDP said (out->known), or nothing.
 * Errors:  -ENOTSUP body type that cannot pass (415); -EBADMSG broken SDP
 *          (400); -ENODEV no stream that can be relayed (488); -EMSGSIZE.
 */
int offer_pass(const struct edge *e, struct buf *b, const struct sip_msg *msg,
    struct passage p, struct media *out);
/* The same for an offer, but nothing is written: how many streams does its
 * call have now?  OFFER_LATE_STREAMS for a message without body. */
uint8_t offer_streams(
    const struct edge *e, const struct sip_msg *msg, struct passage p);
/* The Content-Type of a body that offer_pass() wrote for msg; none without
 * one. */
struct span offer_type(const struct sip_msg *msg, struct span body);
/* The SDP of a body that offer_pass() wrote; SPAN_NONE: it has none. */
struct span offer_sdp(struct span type, struct span body);
/* The same of a message of ours. */
struct span offer_sdp_of(const struct sip_msg *ours);
/* Does msg carry a multipart body, which may hold SDP? */
bool body_is_multipart(const struct sip_msg *msg);
/* The status that refuses a body for this error. */
uint16_t offer_refusal(int err);
/* The same for a branch that rings: its media and the caller's, as far as both
 * are known.  Only the first one's are heard until one answers. */
void offer_settled_early(const struct ctx *x, struct leg *branch);
/* What was said last between the caller and a branch: whoever offered. */
void offer_settled_branch(const struct ctx *x, struct leg *branch);
/* An offer was answered: tell the relay, note hold and resume.
 * offer is of leg `a`, answer of leg `b`. */
void offer_settled(const struct ctx *x, struct leg *a,
    const struct media *offer, struct leg *b, const struct media *answer);
/* leg's phone answered a re-INVITE of ours that offered nothing new: where
 * does it want its media now? */
void offer_refreshed(
    const struct ctx *x, struct leg *leg, const struct sip_msg *answer);
/* leg's phone answered a re-INVITE of ours with another address: it may send
 * from another one, too. */
void offer_learn_anew(
    const struct ctx *x, struct leg *leg, const struct sip_msg *answer);
/* This m= section says that port of ours. */
void offer_edit_stream(
    struct sdp_media_edit *edit, const struct ipc_port *port);
/* Is the media between these two legs of one call relayed? */
bool offer_is_relayed(const struct leg *a, const struct leg *b);

/* The direction a phone is told instead of the offered one. */
enum sdp_dir hold_offer(
    const struct edge *e, const struct leg *to, enum sdp_dir offered);
/* The direction the offerer is told: answered as the phone said it. */
enum sdp_dir hold_answer(const struct edge *e, const struct leg *to,
    const struct media_stream *offer, enum sdp_dir answered);
/* What a phone means by its direction and address (RFC 3264 8.4). */
enum sdp_dir hold_meant(const struct sdp_media *m);

/* ---- relay.c: what mediaproxy is asked and told ---- */

/* Choose an instance and a session number.  Errors: -EHOSTUNREACH. */
int relay_begin(struct edge *e, struct call *call);
/* spread.c: the best instance that it has not tried in vain, or -1. */
int relay_choose(const struct edge *e, const struct call *call);
/* Its instance has no room or is silent: ask another one for all of its ends.
 * False: there is none, or its ports may be known to somebody already. */
bool relay_elsewhere(const struct ctx *x, struct call *call);
/* Ask for ports for so many streams. */
void relay_open(const struct ctx *x, struct leg *leg, uint8_t streams);
/* Have so many, if not yet.  False: RELAY_SAY is awaited. */
bool relay_grow(const struct ctx *x, struct leg *leg, uint8_t streams);
/* It is awaited no longer. */
static inline void
relay_grow_no_more(struct leg *leg)
{
	leg->end.wanted = leg->end.n;
}
/* Is it awaited, of ports beside those it has? */
bool relay_is_growing(const struct leg *leg);
/* Does its phone have a port of ours? */
static inline bool
relay_is_ready(const struct leg *leg)
{
	return leg->end.n > 0;
}
/* The stream of leg that records are about. */
struct end_stream *relay_sound(const struct leg *leg);
/* Tell what leg's phone announced for a stream and who gets it. */
void relay_set(
    struct steps *st, struct leg *leg, unsigned nr, const struct leg *to);
/* The same for all that were told before: its phone is elsewhere. */
void relay_set_all(struct steps *st, struct leg *leg, const struct leg *to);
/*
 * Ask once more what was asked before, of a mediaproxy that forgot: an end
 * that had a port wants that very one, with its settings and what was learnt.
 */
void relay_again(const struct ctx *x, struct leg *leg);
/* Which address does SDP say for its port now? */
void relay_renew(const struct ctx *x, struct leg *leg);
/* A session of the life before.  Errors: -EEXIST. */
int relay_restore(struct edge *e, struct call *call, uint8_t instance,
    uint64_t session, bool closed);
/* Say that it is ours still. */
void relay_claim(const struct ctx *x, struct call *call);
void relay_close_end(struct steps *st, struct leg *leg);
/* What is to be concluded of leg's phone, from what the relay said last. */
void relay_conclude(const struct ctx *x, struct leg *leg,
    const struct ipc_relay_reach *reach);
/* Close all; counters follow. */
void relay_close(struct edge *e, struct steps *st, struct call *call);
bool relay_is_counting(const struct call *call);

#endif
