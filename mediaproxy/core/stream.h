/*
 * One stream of one end of a session: the two latches of its ports, what it
 * counted, when it fell silent, when a NAT needs a packet from us.
 *
 * There is one struct stream for each port pair, by the same index; session.c
 * ties them together.  Pure.
 */
#ifndef MEDIAPROXY_CORE_STREAM_H
#define MEDIAPROXY_CORE_STREAM_H

#include "common/codec/rtp.h"
#include "common/ipc/msg.h"
#include "mediaproxy/core/dest.h"
#include "mediaproxy/core/digits.h"
#include "mediaproxy/core/latch.h"
#include "mediaproxy/core/port.h"
#include "mediaproxy/core/quality.h"
#include "mediaproxy/core/tone.h"

#define STREAM_SILENT_MS 5000	/* then RELAY_NEWS says so */
#define STREAM_AWAITED_MS 1500	/* sigproxy may look for it meanwhile */
#define STREAM_PAUSED_MS 1000	/* the same, of who never paused before */
#define STREAM_PAUSED_AGAIN_MS 100 /* we may have slept, not it */
#define STREAM_STEADY 100	/* packets that show whether it does */
#define STREAM_GONE_MS 20000	/* without RTCP, which comes each 5 s or so */
#define STREAM_GAP_MS 300	/* longer is a pause, if it numbered none */
#define STREAM_KEEPALIVE_MS 15000	/* RFC 6263 4 */
#define STREAM_PROBES 5		/* for each target, after an offer or answer */
#define STREAM_PROBE_MS 200

/* How long a trial waits for RTCP that nothing of ours opened the way for:
 * two intervals of what phones use (RFC 3550 6.2). */
#define STREAM_TRIAL_MS 11000

/*
 * In `auto`, while it is not known whether the range is forwarded, a stream's
 * RTCP port sends nothing at first.  What comes to it meanwhile came unasked;
 * what comes only after we sent shows that it must be asked for.
 */
enum trial {
	TRIAL_NONE,
	TRIAL_QUIET,
	TRIAL_ANSWERED,		/* we sent; does it come now? */
	TRIAL_OVER,
};

struct stream {
	bool used;
	uint64_t session;
	uint8_t end, nr;
	enum zone zone;
	enum addr_family family;
	uint8_t to_end;		/* RELAY_NO_END: nobody gets its packets */
	uint32_t to_pair;	/* the same, found already; or PORT_NONE */
	bool mux;		/* RTCP on the RTP port (RFC 5761) */
	bool muxes;		/* it was heard there, though not agreed */
	uint8_t form;		/* enum stream_form */
	bool held;		/* silence is meant */
	bool off;		/* SDP says: send me nothing */
	struct latch latch[2];	/* by enum port_which */
	struct addr said;	/* for its RTP in SDP; ADDR_NONE: unknown */
	struct addr guess[2];	/* allowed destination before one is learnt */
	struct addr probe[2];	/* another IP, sparse packets only */
	uint8_t probes_left[2];
	struct mono probe_at[2];
	struct mono opened_at, heard_at, quiet_from;
	bool pauses;		/* in silence its phone sends nothing */
	struct mono pause_seen;	/* it never did, and seems to; 0: not so */
	bool paused;		/* and still did when we looked again */
	bool silent;		/* and told */
	bool excused;		/* it was either, and a hold came */
	struct mono rtcp_at;	/* the last; 0: none yet */
	bool gone;		/* silent, and no RTCP comes */
	bool was_set;		/* RELAY_SET came */
	bool told_awaited;	/* that nothing came so far */
	bool told_any;		/* its reach was told, as ...*/
	enum media_heard told;
	enum trial trial;
	struct mono first_at;	/* RTP heard; 0: never */
	uint8_t news;		/* bits 1 << enum relay_what, not yet told */
	uint16_t keepalive_seq;
	bool resumed;		/* a relay before us had it */
	struct quality quality;
	struct tones tones;	/* for its phone */
	struct digits digits;	/* of its phone */
	uint64_t trace;		/* the traced call it belongs to; 0: none */
	uint64_t packets_in, bytes_in, packets_out, refused, rtcp_in;
};

void stream_init(struct stream *st, const struct ipc_relay_open *m,
    uint8_t nr, enum latch_mode mode, struct mono now);

/* Take over RELAY_SET.  Probing starts anew when learning does. */
void stream_set(struct stream *st, const struct ipc_relay_set *m,
    const struct dest *dest, bool send_first, struct mono now);

/*
 * A packet came to one of its ports.
 *
 * Takes:   looks  rtp_kind() of the packet as it came.
 *          data   changed in place: names are taken out of RTCP.
 * Gives:   RTP_KIND_RTP or RTP_KIND_RTCP: it may go on, as this kind;
 *          RTP_KIND_OTHER: drop it.  Fax that may go on is RTP_KIND_RTP.
 */
enum rtp_kind stream_input(struct stream *st, enum port_which which,
    enum rtp_kind looks, const struct addr *source, uint8_t *data, size_t len,
    const struct dest *dest, const uint8_t *scrub_key, struct mono now);

/* Where packets to this device go now; ADDR_NONE: nowhere yet. */
struct addr stream_target(const struct stream *st, enum port_which which);

/* Has it fallen silent?  Then bit RELAY_SILENT is set in news, once.  Who
 * never paused is taken for paused before that; and of whom no RTCP comes any
 * more, for gone after it. */
void stream_check_silence(struct stream *st, struct mono now);

/* Another sigproxy asks, which knows what was saved and no more. */
void stream_tell_again(struct stream *st);

/* Was its phone heard? */
enum media_heard stream_heard(const struct stream *st);
/* Did that change since it was told, or is its silence worth telling now? */
bool stream_has_reach(const struct stream *st, struct mono now);
/* Is it to be told, once, that nothing came so far? */
bool stream_is_awaited(const struct stream *st, struct mono now);
/* A trial that lasted long enough, or that nobody's RTP began, ends. */
void stream_check_trial(struct stream *st, struct mono now);

/*
 * Must a packet leave now to open or hold a NAT?
 *
 * Takes:   sent_at  when the last packet left that port, 0: never.
 * Gives:   where it goes, or ADDR_NONE.  Asked again it gives the next one.
 */
struct addr stream_keepalive(struct stream *st, enum port_which which,
    struct mono sent_at, struct mono now);

void stream_counter(const struct stream *st, struct mono now,
    struct ipc_counter *out);

#endif
