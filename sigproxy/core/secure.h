/*
 * SRTP with keys in SDP (RFC 4568) of each phone by itself: what a phone
 * offers, what it is offered, with which keys, and what the relay is told.
 *
 * Each leg has keys of its own; none passes through.  A phone that agreed on
 * SRTP is never offered, nor allowed, anything less in that call.  Ours are
 * made of a random seed of the leg: for an offer of ours one that stays, for
 * an answer one that stays as long as the phone's does; so an answer said
 * twice says the same.
 *
 * Belongs to the call part; see call_priv.h.
 */
#ifndef SIGPROXY_CORE_SECURE_H
#define SIGPROXY_CORE_SECURE_H

#include "common/ipc/msg.h"
#include "sigproxy/sip/crypto.h"

#define SECURE_SEED_LEN 32
#define SECURE_PHONES 4096	/* whose way is remembered */
#define SECURE_WAYS 4		/* places where one may lie */
/* All lines of one m= section. */
#define SECURE_LINES_MAX (3 * SDP_CRYPTO_LINE_MAX)

/* Why an SDP was refused, for both phones and the record. */
#define SECURE_REASON "SIP;cause=488;text=\"SRTP required or not allowed\""

/* How one m= section says it. */
enum secure_way {
	SECURE_PLAIN,	/* RTP/AVP */
	SECURE_BEST,	/* RTP/AVP with a=crypto (RFC 8643) */
	SECURE_SAVP,	/* RTP/SAVP */
};

/* What was agreed with one phone for one stream. */
struct secure_stream {
	uint8_t way;			/* enum secure_way */
	struct sdp_crypto phone;	/* suite SRTP_NONE: plain */
	uint8_t ours[SRTP_KEY_MAX];
	bool told;			/* to the relay */
	uint8_t n_rocs;
	struct ipc_roc rocs[IPC_ROCS_MAX];	/* as the relay told last */
	bool deaf;			/* and that all its tags are wrong */
};

/* What is remembered of a phone: by its number and address. */
struct secure_phone {
	uint64_t hash;
	uint8_t way;
};

struct secure_phones {
	struct secure_phone phone[SECURE_PHONES];
};

struct ctx;
struct leg;
struct calls;
struct steps;
struct media_stream;
struct sdp_media_edit;

/* Read how one m= section says it. */
void secure_read(const struct sdp_media *m, struct media_stream *out);

/*
 * May leg's phone say this, in an offer, or in an answer to ours?  What is
 * not to be used of it is taken out of said.
 *
 * Errors:  -EACCES plain, or without a key that fits, where it must not be;
 *          SRTP where the subscriber has none.
 */
int secure_check_offer(
    const struct leg *leg, unsigned nr, struct media_stream *said);
int secure_check_answer(
    const struct leg *leg, unsigned nr, struct media_stream *said);

/* May leg's phone be offered this?  What has no SRTP, as a fax, it may not
 * where it must have that. */
bool secure_may_offer(const struct leg *leg, const struct media_stream *said);

/* The same where nothing is changed on the way: a phone that must have SRTP
 * neither says nor hears less. */
bool secure_may_pass(const struct leg *from, const struct leg *to,
    const struct media_stream *said);

/* How the first offer to leg's phone says it. */
enum secure_way secure_first_way(const struct calls *c, const struct leg *leg);
/* After a refusal with this status: the other way, once.  False: none. */
bool secure_other_way(struct leg *leg, uint16_t status);

/*
 * What leg's phone is told of one stream.
 *
 * Takes:   offer  of leg's phone, that is answered; NULL: it is an offer.
 *          mem    SECURE_LINES_MAX bytes, kept as long as edit is used.
 */
void secure_edit(struct sdp_media_edit *edit, const struct leg *leg,
    unsigned nr, const struct media_stream *offer, char *mem);

/* It is agreed: what its phone said, and which side offered. */
void secure_settle(const struct ctx *x, struct leg *leg, unsigned nr,
    const struct media_stream *said, bool it_offered);
/* Tell the relay, before RELAY_SET; nothing of a stream that is plain. */
void secure_tell(struct steps *st, struct leg *leg, unsigned nr);
/* RELAY_ROC, of a stream that leg has. */
void secure_roc(const struct ctx *x, struct leg *leg,
    const struct ipc_relay_roc *roc);

#endif
