/*
 * SDP (RFC 8866, RFC 3264): read a session strictly within limits, and write
 * it again with other addresses.
 *
 * The reader keeps views into the body.  The writer goes over the same body
 * and leaves out everything that shows the side it came from: addresses,
 * ICE, e-mail, phone, URI, the program's name.  CR LF or LF ends a line in
 * what is read; CR LF in what is written.
 */
#ifndef SIGPROXY_SIP_SDP_H
#define SIGPROXY_SIP_SDP_H

#include "common/codec/uri.h"

#define SDP_BYTES_MAX 8192
#define SDP_MEDIA_MAX 16	/* m= lines; the core relays fewer */
#define SDP_LINES_MAX 512
#define SDP_TONES_MAX 4	/* formats of events of one line; more are not known */
#define SDP_TONE_RATE_MIN 8000
#define SDP_TONE_RATE_MAX 48000

enum sdp_dir {
	SDP_DIR_NONE = 0,	/* not stated; in an edit: as it came */
	SDP_SENDRECV,
	SDP_SENDONLY,
	SDP_RECVONLY,
	SDP_INACTIVE,
};

/* The media types that are registered (RFC 8866 8.2.1), and any other. */
enum sdp_type {
	SDP_TYPE_OTHER,
	SDP_TYPE_AUDIO,
	SDP_TYPE_VIDEO,
	SDP_TYPE_TEXT,
	SDP_TYPE_IMAGE,
	SDP_TYPE_APPLICATION,
	SDP_TYPE_MESSAGE,
};
#define SDP_TYPE_MAX SDP_TYPE_MESSAGE

enum sdp_type sdp_type_of(struct span type);
/* "sendrecv"; "" for SDP_DIR_NONE. */
const char *sdp_dir_name(enum sdp_dir d);
/* The same seen from the other end: sendonly and recvonly change places. */
enum sdp_dir sdp_dir_turn(enum sdp_dir d);

/* telephone-event (RFC 4733), one format for each clock of the codecs. */
struct sdp_tone {
	uint8_t pt;
	uint32_t rate;		/* its clock; 0: there is none */
};

struct sdp_tones {
	uint8_t n;
	struct sdp_tone tone[SDP_TONES_MAX];
};

struct sdp_media {
	struct span type;	/* "audio" */
	uint16_t port;		/* 0: refused or not offered */
	uint16_t n_ports;	/* of `port/n`; 1 when not written */
	struct span proto;	/* "RTP/AVP" */
	struct span fmts;	/* "0 8 101" */
	struct span lines;	/* of the section, after its m= */
	bool is_rtp;		/* RTP/... */
	bool is_udptl;		/* udptl, in whatever case */
	bool is_secure;		/* RTP/SAVP, SAVPF, UDP/TLS/RTP/SAVP(F) */
	struct addr rtp;	/* c= of the media or session, with port;
				 * ADDR_NONE when it is a name or missing */
	struct span c_host;	/* address of c= as written */
	bool is_hold_addr;	/* c= is 0.0.0.0 or :: */
	enum sdp_dir dir;	/* effective: own, else session's, else
				 * sendrecv */
	bool has_dir;		/* own or session's was written */
	bool has_rtcp;		/* a=rtcp: */
	struct addr rtcp;	/* its port and address; without a=rtcp the
				 * RTP address with port + 1 */
	bool rtcp_mux;		/* or rtcp-mux-only (RFC 8858) */
	unsigned n_crypto;	/* a=crypto lines */
	struct sdp_tones tones;
	bool has_ice;		/* a=candidate or ice-ufrag */
	bool has_fingerprint;	/* a=fingerprint, own or session's */
	struct span mid;
};

struct sdp {
	struct span body;
	struct span o_user;	/* the six parts of o= */
	uint64_t o_session;
	uint64_t o_version;
	struct span o_host;	/* as written; may be a name */
	struct span c_host;	/* address of the session's c= as written */
	struct addr conn;	/* session c=, ADDR_NONE when missing/a name */
	bool has_conn;
	enum sdp_dir dir;	/* session attribute or SDP_DIR_NONE */
	bool has_bundle;	/* a=group:BUNDLE */
	bool has_ice;
	bool has_fingerprint;
	unsigned n_media;
	struct sdp_media media[SDP_MEDIA_MAX];
};

/*
 * Read a session description.
 *
 * Takes:   body  kept as long as out is used.
 * Gives:   out; after an error it holds no media and is not to be used.
 * Errors:  -EBADMSG   not SDP: a NUL or other control octet, no v=0 and o=
 *                     at the start, a malformed m=, c=, a=rtcp or number.
 *          -EMSGSIZE  over SDP_BYTES_MAX or SDP_LINES_MAX.
 *          -E2BIG     more than SDP_MEDIA_MAX m= lines (answer 488).
 */
int sdp_parse(struct span body, struct sdp *out);

/* The one to be used beside a codec of that clock (RFC 4733 2.1): its own; else
 * the first, which is what phones do that know only one. */
struct sdp_tone sdp_tone_for(const struct sdp_tones *t, uint32_t clock);

/* What becomes of an m= section's profile and keys. */
enum sdp_profile {
	SDP_PROFILE_AS_IS = 0,
	SDP_PROFILE_AVP,	/* RTP/AVP(F); keys as in the edit */
	SDP_PROFILE_SAVP,	/* RTP/SAVP(F); the same */
};

enum sdp_what {
	SDP_REFUSE = 0,	/* port 0, attributes left out */
	SDP_RELAY,	/* address and ports replaced */
	SDP_AS_IS,	/* address and port stay (never towards outside) */
};

/* What becomes of one m= section. */
struct sdp_media_edit {
	enum sdp_what what;
	struct addr rtp;	/* our address and RTP port */
	uint16_t rtcp_port;	/* 0: rtcp is multiplexed, no a=rtcp */
	bool with_rtcp;		/* write a=rtcp even when it is RTP + 1 */
	struct addr rtcp;	/* family set: the address in a=rtcp */
	bool mux;		/* say a=rtcp-mux; else it is left out */
	struct span fmts;	/* some of its formats, in any order; the
				 * attributes of others go; empty: all */
	uint32_t max_kbps;	/* b=AS at most; 0: as it came */
	bool no_rtcp;		/* it has none: no a=rtcp */
	enum sdp_dir dir;	/* SDP_DIR_NONE: as it came */
	uint8_t profile;	/* enum sdp_profile */
	struct span crypto;	/* whole a=crypto lines, instead of those that
				 * came; not with SDP_PROFILE_AS_IS */
	struct span ice;	/* whole lines of ICE, ours */
	struct span events;	/* whole lines about a format that was added */
};

/* No section of the session's: a line that is refused. */
#define SDP_MISSING UINT8_MAX

struct sdp_edit {
	struct span o_user;	/* empty: "-" */
	struct addr origin;	/* for o= and the session's c= */
	uint64_t o_session;	/* 0: as it came */
	uint64_t o_version;	/* 0: as it came */
	bool ice_lite;		/* some section has ICE of ours */
	uint32_t max_kbps;	/* of b=AS for the session at most, where it
				 * says one; 0: as it came */
	struct sdp_media_edit media[SDP_MEDIA_MAX];
	/* With n_lines: so many sections in this order instead of all as they
	 * came; for SDP_MISSING a refused line of that type. */
	uint8_t n_lines;
	uint8_t order[SDP_MEDIA_MAX];
	uint8_t type[SDP_MEDIA_MAX];	/* enum sdp_type */
};

/*
 * Write the session with the edits.
 *
 * Takes:   s     from sdp_parse().
 *          edit  media[i] for s->media[i]; origin and every SDP_RELAY's rtp
 *                must have a family; order names each section once at most.
 * Errors:  -EINVAL an edit without an address; else buf_err(b).
 */
int sdp_build(struct buf *b, const struct sdp *s, const struct sdp_edit *edit);

#endif
