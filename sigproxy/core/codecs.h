/*
 * Which formats of an offer a subscriber outside may have: the columns codecs
 * and max_kbps of its row.  Pure.
 */
#ifndef SIGPROXY_CORE_CODECS_H
#define SIGPROXY_CORE_CODECS_H

#include "sigproxy/sip/sdp.h"

#define CODECS_REASON "SIP;cause=488;text=\"No codec allowed\""
#define CODECS_FMTS_MAX 512	/* bytes of an m= line's formats */
#define CODECS_SOUND_KBPS 80	/* G.711 as b=AS counts it */
#define CODECS_PICTURE_KBPS 64	/* less is no picture */

/*
 * What is left of the formats of a line of sound, the list's first one first.
 * telephone-event and CN stay, behind the others.
 *
 * Takes:   m     of an offer; its lines are looked at for names.
 *          list  names as in a=rtpmap, "PCMA, opus"; empty: all stay.
 *          fmts  those of m, or what another list left of them.
 *          mem   CODECS_FMTS_MAX bytes that the result may lie in.
 * Errors:  -EPROTONOSUPPORT  none is left that carries sound; -EMSGSIZE.
 */
int codecs_filter(const struct sdp_media *m, struct span list,
    struct span fmts, char *mem, struct span *out);

/* The same of an answer: its first format is the one both use, so that its
 * order stays. */
int codecs_reduce(const struct sdp_media *m, struct span list,
    struct span fmts, char *mem, struct span *out);

/* The same formats without those of telephone-event; empty: none is left, or
 * there is no room for them. */
struct span codecs_without_events(const struct sdp_media *m, struct span fmts,
    char *mem);

/* The clock of the first of these formats that carries sound, which is taken
 * off with what is before it.  0: it is not known, or there is none. */
uint32_t codecs_clock(const struct sdp_media *m, struct span *fmts);

/* Is this payload type among them? */
bool codecs_has(struct span fmts, unsigned payload_type);

/* What a picture may have of max_kbps (0: anything) beside the sound; 0: it
 * does not fit. */
uint32_t codecs_picture_kbps(uint32_t max_kbps);

#endif
