/*
 * The socket owner's half of asking STUN: sigproxy and mediaproxy let stunmon
 * use their sockets through this gate only.
 *
 * It refuses servers that are not configured, limits the rate, and remembers
 * what was asked from where, so that an answer is taken for one only when it
 * comes from the server, to the socket, with the transaction id of a recent
 * question.  Pure: the owner's io sends and reads.
 */
#ifndef COMMON_CODEC_STUN_ASK_H
#define COMMON_CODEC_STUN_ASK_H

#include "common/base/addr.h"
#include "common/base/mono.h"
#include "common/codec/stun.h"

#define STUN_ASK_SERVERS 8
#define STUN_ASK_OPEN 256	/* questions remembered */
#define STUN_ASK_LIFE_MS 40000	/* RFC 8489 6.2.1: 39.5 s */
#define STUN_ASK_RATE 100	/* a second */
#define STUN_ASK_BURST 200

#define STUN_ASK_NAMED 16	/* addresses of named servers in use */
#define STUN_ASK_NAMED_MS 60000	/* one not asked so long makes room */

struct stun_ask_server {
	struct addr addr;	/* ADDR_NONE: given by name, then any public
				 * address with this port */
	uint16_t port;		/* 0: whatever SRV said, not below 1024 */
};

/* An address that stunmon took for one of a named server: it cannot be
 * checked, so their number is bounded. */
struct stun_ask_named {
	struct addr addr;
	struct mono at;
};

#define STUN_ASK_TESTS 24	/* tests of NAT behaviour in a minute */
#define STUN_ASK_TEST_MS 60000
/* An OTHER-ADDRESS counts for so long. */
#define STUN_ASK_OTHER_MS 600000

/* What a configured server said is its other address (RFC 5780). */
struct stun_ask_other {
	struct addr server, other;
	struct mono at;		/* 0: none */
};

struct stun_ask_entry {
	struct mono at;		/* 0: never used */
	struct addr server;
	uint16_t socket;
	bool is_test;		/* who answers is no server for it */
	uint8_t tid[STUN_TID_LEN];
};

struct stun_ask {
	struct stun_ask_server server[STUN_ASK_SERVERS];
	unsigned n_servers;
	struct stun_ask_named named[STUN_ASK_NAMED];
	struct stun_ask_other other[STUN_ASK_SERVERS];
	unsigned next_other;
	struct mono tests_from;	/* the present minute */
	unsigned n_tests;
	struct stun_ask_entry open[STUN_ASK_OPEN];	/* a ring */
	unsigned next;
	uint64_t credit_us;	/* token bucket, in microseconds of rate */
	struct mono credit_at;
	uint64_t n_sent, n_refused, n_heard, n_ignored;
};

/* With no servers at all every question is refused. */
void stun_ask_init(struct stun_ask *a, struct mono now);
/* Limits: those after the eighth are left out. */
void stun_ask_add_server(struct stun_ask *a, const struct addr *addr,
    uint16_t port);

/*
 * May this question leave, and what are its bytes?
 *
 * Takes:   is_lan  whether the owner counts the server as internal.
 * Gives:   the request in out (STUN_REQUEST_LEN bytes).
 * Errors:  -EACCES not a configured server; -EBUSY over the rate.
 */
int stun_ask_send(struct stun_ask *a, uint16_t socket,
    const uint8_t tid[STUN_TID_LEN], const struct addr *server, bool is_lan,
    struct mono now, struct buf *out);

/*
 * A test of NAT behaviour (RFC 5780 4): may also go to the other address of
 * a configured server, as that server itself told in an answer to us lately.
 *
 * Takes:   to      which of the server's addresses: STUN_CHANGE_IP for its
 *                  other IP, STUN_CHANGE_PORT for its other port.
 *          change  from which it shall answer, counted from `to`.
 * Gives:   the target, which the owner still refuses when it is internal or
 *          its own, and the request (STUN_CHANGE_REQUEST_LEN bytes).
 * Errors:  -EACCES not a configured server, or it told no other address, or
 *          one that is not public, privileged, or no other IP; -EBUSY over
 *          the rate.
 */
int stun_ask_test(struct stun_ask *a, uint16_t socket,
    const uint8_t tid[STUN_TID_LEN], const struct addr *server, bool is_lan,
    unsigned to, unsigned change, struct mono now, struct addr *target_out,
    struct buf *out);
/*
 * Whether the router turns packets to our own mapping back to us: ask the
 * STUN server on our SIP port by its public address.
 *
 * Takes:   site    our public address, as the owner believes it.
 * Errors:  -EACCES the target is not the site, not public, or privileged;
 *          -EBUSY over the rate of tests.
 */
int stun_ask_hairpin(struct stun_ask *a, uint16_t socket,
    const uint8_t tid[STUN_TID_LEN], const struct addr *target,
    const struct addr *site, struct mono now, struct buf *out);

/*
 * Is this packet, for which stun_is() held, an answer to hand to stunmon?
 * A question is answered once.
 */
bool stun_ask_heard(struct stun_ask *a, uint16_t socket,
    const struct addr *source, struct span packet, struct mono now);

#endif
