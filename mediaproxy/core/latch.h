/*
 * Latching: learn from where a device really sends, and so where it listens
 * (RFC 7362), without letting anybody else in.
 *
 * One struct latch for each port of a stream.  Who may be learnt:
 *	strict     any port of the address the device signals from; the port
 *	           it announced is preferred
 *	signalled  exactly the announced address
 *	open       anybody, first come
 * The first packets that agree (payload type, SSRC) freeze what was learnt.
 * It moves only when a new offer or answer allows learning and the old source
 * falls silent for a moment, or when that has been silent longer and the new
 * one passes the same rule and carries on SSRC and sequence.
 * A connectivity check of ICE (RFC 8445) stands above all that: it is signed, so
 * it names the source at once.  Then nobody else is learnt, except for whom
 * goes on with SSRC and sequence from the same IP after a silence, as the
 * home's NAT may give its phone another port and not every phone checks again.
 *
 * Fax (UDPTL) has no SSRC and a short sequence, and long silences are part of
 * it: its first packets must follow each other closely, and another source may
 * take over only after ten seconds, by a sequence that goes on closely.
 *
 * Pure.  The caller asks dest_allowed() about every source that latch_knows()
 * does not know, before latch_input().
 */
#ifndef MEDIAPROXY_CORE_LATCH_H
#define MEDIAPROXY_CORE_LATCH_H

#include "common/base/addr.h"
#include "common/base/mono.h"
#include "common/ipc/names.h"

#define LATCH_RTP_FREEZE 3	/* packets that agree */
#define LATCH_RTCP_FREEZE 2
#define LATCH_RTP_SILENT_MS 1000
#define LATCH_RTP_STALE_MS 200	/* after a new offer: ten packets or three */
#define LATCH_RTCP_SILENT_MS 10000	/* two intervals (RFC 3550 6.2) */
/* Furthest a carried-on sequence may have jumped (RFC 3550 A.1); or by so many
 * packets for each second of the silence, by twice as many as came in one
 * before it (a picture has hundreds), as long as that is newer. */
#define LATCH_SEQ_AHEAD 3000
#define LATCH_PER_S 100
#define LATCH_PACE_MS 1000
#define LATCH_SEQ_NEWER 0x7fff
#define LATCH_FAX_AHEAD 100
#define LATCH_FAX_SILENT_MS 10000

struct latch {
	enum latch_mode mode;	/* never LATCH_DEFAULT */
	struct addr phone;	/* its signalling; the port means nothing */
	struct addr announced;	/* in its SDP; ADDR_NONE: nothing yet */
	struct addr source;	/* learnt or about to be; ADDR_NONE: nobody */
	struct addr nominated;	/* by a check; ADDR_NONE: none was */
	struct addr learnt;	/* the last one that was frozen; for reports */
	struct mono heard_at;	/* last packet of source; 0: none */
	uint32_t ssrc;
	uint16_t seq;
	uint16_t pace_seq;	/* when its pace was looked at last: */
	struct mono pace_at;	/* 0: not yet */
	uint32_t per_s;		/* packets, then */
	uint8_t payload_type;
	uint8_t agreed;		/* packets so far */
	uint8_t freeze;		/* packets needed */
	bool rtcp;
	bool fax;		/* UDPTL: no SSRC, no payload type */
	bool frozen;
	bool stale;		/* source is from before a new offer: it stays
				 * the destination, and once it is not heard
				 * anybody eligible may take its place */
};

struct latch_packet {
	uint32_t ssrc;
	uint16_t seq;		/* 0 in RTCP */
	uint8_t payload_type;	/* 0 in RTCP */
	bool rtcp;		/* at the RTP port: it passes, if from there,
				 * and teaches nothing */
};

enum latch_said {
	LATCH_REFUSED,		/* not from a source that may: drop, count */
	LATCH_ACCEPTED,
	LATCH_NEW,		/* accepted, and source is now learnt anew */
};

/* What its packets look like from now on; what was learnt stays, but of
 * another form nothing was agreed. */
void latch_set_fax(struct latch *l, bool fax);

void latch_init(struct latch *l, enum latch_mode mode,
    const struct addr *phone, bool rtcp);

/*
 * Take over what an offer or answer said.
 *
 * Takes:   announced  ADDR_NONE: nothing (the stream is off or held the old
 *                     way); what was learnt stays.
 *          relearn    learning is allowed again.  A changed announced address
 *                     or signalling IP allows it too, and then the old source
 *                     is no longer a destination.
 */
void latch_announce(struct latch *l, const struct addr *phone,
    const struct addr *announced, bool relearn);

/*
 * A relay before us had learnt this source: it is the destination until the
 * phone is heard, and others must wait for its silence.  What does not fit
 * the rule, or comes when somebody was heard already, is ignored.
 */
void latch_resume(struct latch *l, const struct addr *learnt,
    struct mono now);

/*
 * A check that was signed with our password came from there and nominated it:
 * it is the source and the destination from now on, until another one is, or
 * its phone signals from elsewhere.  ADDR_NONE: checks count no longer.
 */
void latch_nominate(struct latch *l, const struct addr *source,
    struct mono now);

/* Is this the source already learnt, so that nothing need be checked? */
static inline bool
latch_knows(const struct latch *l, const struct addr *source)
{
	return l->frozen && addr_eq(&l->source, source);
}

enum latch_said latch_input(struct latch *l, const struct addr *source,
    const struct latch_packet *p, struct mono now);

/*
 * Best guess of where media goes before anything was heard.
 *
 * Gives:   strict, open: signalling IP and announced port (most home routers
 *          keep the port); signalled: the announced address, if its IP is
 *          the signalling one; else ADDR_NONE.
 */
struct addr latch_guess(const struct latch *l);

/*
 * An announced address on another IP than the signalling: it gets sparse
 * empty packets, no media, until it has answered.  ADDR_NONE in strict, where
 * no answer of it would be taken.
 */
struct addr latch_probe(const struct latch *l);

#endif
