/*
 * What became of one phone's media, in one word with a fixed meaning
 * (docs/media.md), from what the relay saw and what the phone's signalling
 * tells about its router.
 *
 * Pure.
 */
#ifndef SIGPROXY_CORE_VERDICT_H
#define SIGPROXY_CORE_VERDICT_H

#include "common/base/span.h"
#include "sigproxy/core/step.h"

/* What the ports of a phone's signalling say about its router. */
enum home_nat {
	HOME_UNKNOWN,
	HOME_KEEPS,     /* the port passed unchanged */
	HOME_CHANGES,   /* it did not */
	HOME_SYMMETRIC, /* STUN was told another one than we see */
};

/* What a phone that the relay does not hear sent to our SIP port when it was
 * asked to (ear.h). */
enum sight {
	SEEN_NOT,       /* it was not asked, or nothing follows */
	SEEN_SILENT,    /* nothing, though packets reach us there */
	SEEN_AS_SAID,   /* sound, from the port it announced; the relay sent
			 * first to it, in vain */
	SEEN_MOVED,     /* sound, from another port */
	SEEN_LOST,      /* it does not answer */
	SEEN_EACH_PEER, /* and from that one the relay hears nothing either, or
			 * STUN was told a third one */
};

/*
 * Takes:   flow     where its requests come from.
 *          contact  its Contact URI.
 * Gives:   HOME_UNKNOWN for TCP, TLS, the office and what cannot be read.
 */
enum home_nat verdict_home(const struct flow *flow, struct span contact);

/* Does what its SDP announced show that the phone asks STUN? */
bool verdict_asks_stun(const struct flow *flow, const struct addr *media);

struct verdict_in {
	enum media_heard heard;
	bool refused; /* packets came, from where they may not */
	enum media_way way;
	enum media_range range;
	enum home_nat home;
	bool asks_stun;
	enum home_nat others; /* what other phones of the home show */
	enum sight sight;
	bool same_port;   /* one of them announced this RTP port too */
	bool address_old; /* our public address is not confirmed */
};

enum media_verdict verdict_media(const struct verdict_in *in);

/* In a sentence; its code is media_verdict_code().  A literal. */
const char *verdict_words(enum media_verdict v);

#endif
