/*
 * SRTP of one stream, both ways: what the phone sends is opened before any
 * latch hears of it, what it is sent is sealed last.
 */
#ifndef MEDIAPROXY_CORE_SECURE_H
#define MEDIAPROXY_CORE_SECURE_H

#include "common/base/mono.h"
#include "common/codec/rtp.h"
#include "mediaproxy/core/srtp.h"

/* So many wrong tags and no right one: told to sigproxy, once. */
#define SECURE_BAD_TOLD 50
/* How far the phone's packets are is told so often while they come, at every
 * tick when they are many: after a restart those that came since may be heard
 * once more, from where the phone was (srtp.h, SRTP_LEAP). */
#define SECURE_TELL_MS 1000

struct secure {
	struct srtp in, out;
	struct mono told_at;
	uint64_t n_bad;		/* packets with a wrong tag, or none */
	bool told_bad;
	bool broken;		/* its keys failed: nothing passes */
};

static inline bool
secure_is_on(const struct secure *c)
{
	return srtp_is_on(&c->in) || srtp_is_on(&c->out);
}

/*
 * Take over RELAY_KEY.
 *
 * Errors:  -EPROTO keys that do not fit their suites; -EIO OpenSSL failed.
 *          Nothing passes then, until there are others.
 */
int secure_set(struct secure *c, struct srtp_engine *e,
    const struct ipc_relay_key *m);
void secure_wipe(struct secure *c);

/*
 * Open a packet of the phone's in place.  A plain stream's is as it was.
 *
 * Gives:   false: drop it; nothing but a count changed.
 */
bool secure_open(struct secure *c, struct srtp_engine *e, enum rtp_kind kind,
    uint8_t *packet, size_t *len, struct srtp_mark *mark);
/*
 * After a restart of the relay: may what was opened be taken?
 *
 * Takes:   known  it comes from where the phone was before.
 * Gives:   false: drop it, it may have been heard; it was counted.
 */
bool secure_may_take(struct secure *c, const struct srtp_mark *mark,
    bool known);
/* It came from where it should. */
void secure_accept(struct secure *c, const struct srtp_mark *mark);
/* Seal one for the phone in place; false: drop it. */
bool secure_seal(struct secure *c, struct srtp_engine *e, enum rtp_kind kind,
    uint8_t *packet, size_t *len, size_t cap);

/* The same of a packet that the relay made itself, under its own SSRC. */
bool secure_seal_own(struct secure *c, struct srtp_engine *e,
    enum rtp_kind kind, uint32_t ssrc, uint8_t *packet, size_t *len,
    size_t cap);

/* What sigproxy is to know, if there is anything new. */
bool secure_news(struct secure *c, struct mono now,
    struct ipc_relay_roc *out);

#endif
