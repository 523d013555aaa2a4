/*
 * The m= lines of a call (RFC 3264 5 to 8): which of them are relayed, as
 * which stream of the relay, and what each SDP said about them.
 *
 * A line keeps its place in all offers and answers of a call, and so its
 * stream and its ports: switched off and used again, for another type too, it
 * is the same.  A stream is given to a line when it is first offered with
 * something that can be relayed; lines that find none left, and those that
 * cannot be relayed, are refused with port 0.
 *
 * Pure.  Belongs to the call part; see call_priv.h.
 */
#ifndef SIGPROXY_CORE_STREAMS_H
#define SIGPROXY_CORE_STREAMS_H

#include "common/ipc/msg.h"
#include "sigproxy/sip/crypto.h"
#include "sigproxy/sip/sdp.h"

/* Which line each stream is; the same for every leg. */
struct stream_map {
	uint8_t n; /* streams given out */
	uint8_t line[IPC_STREAMS_MAX];
};

/* What one SDP said about one stream that is relayed. */
struct media_stream {
	bool known;            /* it has this line, and it can be relayed */
	bool refused;          /* port 0, in this SDP or the offer */
	bool mux;              /* RTCP comes and goes by its RTP port */
	bool mux_said;         /* a=rtcp-mux stands there (RFC 5761) */
	uint8_t form;          /* enum stream_form */
	uint8_t type;          /* enum sdp_type */
	struct sdp_tones tones; /* events it hears */
	uint32_t clock;        /* of its first codec of sound; 0: unknown */
	bool no_info;          /* its phone's Allow lacks INFO */
	struct addr rtp, rtcp; /* ADDR_NONE: do not send there */
	enum sdp_dir dir;      /* what the phone meant, 0.0.0.0 included */
	enum sdp_dir told;     /* what the other phone was told */
	uint8_t way;           /* enum secure_way */
	struct sdp_crypto crypto; /* its key; suite SRTP_NONE: none */
	bool many_keys;        /* more lines of them than one */
	uint8_t ice;           /* enum ice_said */
	uint64_t ice_peer;     /* its credential, hashed; 0: none */
};

/* What one SDP said. */
struct media {
	bool known;      /* there was such an SDP */
	uint8_t n_lines; /* all its m= lines, for what answers it */
	uint8_t type[SDP_MEDIA_MAX]; /* enum sdp_type */
	struct media_stream stream[IPC_STREAMS_MAX];
};

/* Can this line of an offer be relayed? */
bool streams_can_relay(const struct sdp_media *m);
/* Give streams to an offer's lines; the first sound comes first. */
void streams_map(struct stream_map *map, const struct sdp *offer);
/* The stream of a line, or -1. */
int streams_find(const struct stream_map *map, unsigned line);

/* Read all streams of an SDP; offer: what it answers, NULL if that is not
 * known or it is an offer itself.  `at` is where its phone signals from: when
 * the SDP names a host or an address that nobody can send to, that stands in.
 * order: its line for each of the offer's, in edit->order's form. */
void streams_read(const struct stream_map *map, const struct sdp *sdp,
    const struct media *offer, const struct addr *at, struct media *out);

/* a=rtcp-mux of an offer is taken; of an answer it is, if we offered it. */
void streams_mux(struct media_stream *m, bool may);

/*
 * Which line of an answer belongs to each line of the offer: by place, and
 * where types differ by the next one of the type (an answer out of order).
 *
 * Gives:   order[i]  for offer's line i, or SDP_MISSING.
 */
void streams_order(
    const struct sdp *answer, const struct media *offer, uint8_t *order);

/* Of all streams, the one that is about sound as it was agreed; else the
 * first one agreed; else `before`. */
uint8_t streams_sound(const struct media *offer, const struct media *answer,
    uint8_t before);
/* Is this stream of an answered offer relayed? */
bool streams_agreed(
    const struct media *offer, const struct media *answer, unsigned nr);

#endif
