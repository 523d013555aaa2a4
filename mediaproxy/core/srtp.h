/*
 * SRTP of one direction of one stream (RFC 3711, 6188, 7714): check and
 * decrypt what a phone sends, or encrypt what it is sent.
 *
 * A context has one master key, and a state for each of a few sources
 * (SSRCs): the index of its newest packet, with the rollover counter, and
 * which of the 64 before it were seen.  The same state guards what we send:
 * no index is used twice under a key.
 *
 *	err = srtp_open(s, e, false, data, &len, &mark);
 *	if (err == 0 && it is from where it should be)
 *		srtp_accept(s, &mark);		only now anything changes
 *
 * Pure; plain memory, so that it is copied and wiped as such.
 */
#ifndef MEDIAPROXY_CORE_SRTP_H
#define MEDIAPROXY_CORE_SRTP_H

#include "common/ipc/msg.h"
#include "mediaproxy/core/srtp_cipher.h"

/* A fifth source takes the place of the one that was silent longest. */
#define SRTP_SOURCES_MAX 4
/* Most that sealing adds: SRTCP's index and a tag. */
#define SRTP_TRAILER_MAX (4 + SRTP_TAG_MAX)
#define SRTP_MKI_MAX 4
/* Packets of one direction after which its index is told again: a relay that
 * resumes with it must be less than 2^15 behind. */
#define SRTP_TELL_EVERY 8192
/* What may have been heard since an index was told (secure.h): so far beyond
 * it a resumed source begins elsewhere than it was. */
#define SRTP_LEAP 256
#define SRTCP_LEAP_IN 1
/* So far beyond what was told a resumed SRTCP sender begins. */
#define SRTCP_LEAP 65536u

struct srtp_window {
	bool used;
	bool resumed;		/* top is what was told, nothing came since */
	uint64_t top;		/* newest index */
	uint64_t seen;		/* bit n: top - n */
};

struct srtp_source {
	bool used;
	uint32_t ssrc;
	uint32_t turn;		/* when last used, by srtp.turn */
	struct srtp_window rtp, rtcp;
	bool own;		/* the relay's: another one has its own */
	bool told;		/* to sigproxy, with these: */
	uint64_t told_rtp;
	uint32_t told_rtcp;
};

struct srtp {
	uint8_t suite;		/* enum srtp_suite; SRTP_NONE: plain */
	uint8_t master[SRTP_KEY_MAX];
	uint8_t mki_len;	/* bytes before the tag, inbound only */
	uint32_t mki;
	struct srtp_keys rtp, rtcp;
	struct srtp_source source[SRTP_SOURCES_MAX];
	uint32_t turn;
	uint32_t rtcp_next;	/* index of the next SRTCP we send */
};

struct srtp_key {
	uint8_t suite;
	struct span bytes;	/* srtp_key_len(suite) of them */
	uint8_t mki_len;
	uint32_t mki;
};

/* What an opened packet will change; of this context, until the next call. */
struct srtp_mark {
	bool rtcp;
	uint32_t ssrc;
	uint64_t index;
};

/*
 * Take a key.  The same one as before changes nothing, so that its rollover
 * counters go on; another one begins at 0.
 *
 * Errors:  -EINVAL length or suite; -EIO OpenSSL; s is then plain.
 */
int srtp_set_key(struct srtp *s, struct srtp_engine *e,
    const struct srtp_key *key);
void srtp_wipe(struct srtp *s);

static inline bool
srtp_is_on(const struct srtp *s)
{
	return s->suite != SRTP_NONE;
}

/*
 * Check a packet and decrypt it in place; the tag is taken off.
 *
 * Errors:  -EBADMSG not SRTP or SRTCP, or not encrypted; -EALREADY seen, or
 *          too old to know; -EACCES wrong tag or MKI; -EIO.  The packet may
 *          be spoilt then, the context never is.
 */
int srtp_open(const struct srtp *s, struct srtp_engine *e, bool rtcp,
    uint8_t *packet, size_t *len, struct srtp_mark *out);
void srtp_accept(struct srtp *s, const struct srtp_mark *mark);
/* Can no relay before us have heard it, however much it heard untold? */
bool srtp_is_fresh(const struct srtp *s, const struct srtp_mark *mark);

/*
 * Encrypt a packet in place and add its tag.
 *
 * Takes:   cap  bytes there is room for.
 * Errors:  -EBADMSG not RTP or RTCP; -EALREADY that index was used, or is too
 *          old to know; -EMSGSIZE no room; -EIO.
 */
int srtp_seal(struct srtp *s, struct srtp_engine *e, bool rtcp,
    uint8_t *packet, size_t *len, size_t cap);

/* This source is the relay's own: nobody is told of it. */
void srtp_own(struct srtp *s, uint32_t ssrc);

/* A relay before us was so far.  Of a source known here nothing changes.
 * The first packet that is accepted closes what lies before it. */
void srtp_resume(struct srtp *s, const struct ipc_roc *roc, bool sends);

/* Somebody asks who was told nothing yet. */
void srtp_untell(struct srtp *s);
/* Is there something to tell sigproxy at once? */
bool srtp_has_news(const struct srtp *s);
/* How far the source furthest on is beyond what was told; one of SRTCP, of
 * which there is little, counts for SRTP_LEAP / 2. */
uint64_t srtp_untold(const struct srtp *s);
/* Append all sources to the list of IPC_ROCS_MAX, silent longest first: they
 * are told now. */
void srtp_tell(struct srtp *s, bool sends, struct ipc_roc *list,
    unsigned *n);

#endif
