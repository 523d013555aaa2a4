/*
 * SIP ALGs: home routers that rewrite the SIP that passes through them.
 *
 * What betrays one:
 *	echo    The display name in the To of a question of ours looks like the
 *	        home's public address, written with leading zeros.  A phone
 *	        repeats it letter by letter; a router that takes it for an
 *	        address exchanges it, and puts it back in its own way.
 *	length  Content-Length does not fit the datagram: addresses in the SDP
 *	        were exchanged and nobody counted again.
 *	via     The Via of a phone that does not ask for rport names its public
 *	        address, and its Contact does not know it.  (One that asks
 *	        STUN knows it in both; one that learns by rport asks for it.)
 *
 * A public Via and Contact alone mean nothing: STUN does that too.
 *
 * Pure.
 */
#ifndef SIGPROXY_CORE_ALG_H
#define SIGPROXY_CORE_ALG_H

#include "sigproxy/core/step.h"
#include "sigproxy/sip/msg.h"

/* As in HOME_PACE. */
enum alg_sign { ALG_NONE, ALG_ECHO, ALG_LENGTH, ALG_VIA };

/* Literals: "echo", "length", "via". */
const char *alg_name(enum alg_sign sign);

/* Nobody can rewrite TLS, and IPv6 needs no NAT. */
bool alg_is_possible(const struct flow *flow);

/* The display name of a question to a phone of this home, with quotes. */
void alg_put_bait(struct buf *b, const struct addr *home);

/*
 * What the answer to that question shows.
 *
 * Gives:   *altered_out.
 * Errors:  -ENODATA it shows nothing: the phone repeats no display name.
 */
int alg_echo(const struct sip_msg *answer, const struct addr *home,
    bool *altered_out);

/*
 * What a request shows that sip_parse() accepted, or refused with -EPROTO.
 *
 * Takes:   raw  the whole datagram; of a stream the message.
 */
enum alg_sign alg_look(const struct sip_msg *m, const struct flow *from,
    struct span raw);

#endif
