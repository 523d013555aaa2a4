/*
 * Relay sessions: up to 16 ends (end 0 the caller, one for each ringing
 * branch), each with up to four streams, tied together as sigproxy says.
 *
 * Takes messages, packets and the time; gives answers, hops and steps.
 * Tables are made once: sessions and streams are bounded by the port pairs.
 *
 *	sessions_open(s, &open, now, &say);
 *	sessions_set(s, &set, now);
 *	if (sessions_packet(s, pair, which, &src, data, len, now, &hop)) ...
 *	sessions_tick(s, now);
 *	while (sessions_next(s, now, &step)) ...
 */
#ifndef MEDIAPROXY_CORE_SESSION_H
#define MEDIAPROXY_CORE_SESSION_H

#include "common/base/htab.h"
#include "common/base/pool.h"
#include "mediaproxy/core/ice.h"
#include "mediaproxy/core/secure.h"
#include "mediaproxy/core/site.h"
#include "mediaproxy/core/stream.h"

#define SESSION_ENDS_MAX 16
/* Nobody claimed it for so long after sigproxy went: drop it. */
#define SESSION_UNCLAIMED_MS 600000
/* The same when also nobody speaks in it. */
#define SESSION_ORPHAN_SILENT_MS 60000

/* So long a new call waits for its ports' mappings, when no spare is left. */
#define SESSION_STUN_MS 60
/* When that was in vain, nobody waits for so long after. */
#define SESSION_VAIN_MS 5000
#define SESSION_WAITS_MAX 32	/* ends at once; more do not wait */

struct session_end {
	bool open;
	uint8_t zone, family, n_streams;
	uint32_t pair[IPC_STREAMS_MAX];
};

struct session {
	struct htab_node node;
	uint64_t id;			/* 0: not in use */
	struct mono unclaimed_at;	/* 0: sigproxy knows it */
	unsigned n_ends;
	struct session_end end[SESSION_ENDS_MAX];
};

struct sessions_conf {
	struct ports *ports;		/* all kept */
	struct dest *dest;
	struct site *site;
	enum latch_mode latching;	/* the site's */
	/* Before that a packet may answer what a relay before us sent. */
	struct mono unasked_from;
	uint32_t ssrc;			/* of keepalives, random */
	uint8_t scrub_key[RTP_SCRUB_KEY_LEN];	/* random */
};

/* An end whose RELAY_SAY waits for mappings. */
struct session_wait {
	uint64_t session;
	uint32_t id;			/* of the question */
	uint8_t end;
	struct mono until;
};

struct sessions {
	struct sessions_conf conf;
	struct pool pool;
	struct htab by_id;
	struct stream *stream;		/* by pair */
	struct secure *secure;		/* by pair: its SRTP */
	struct ice *ice;		/* by pair */
	struct srtp_engine *engine;
	uint32_t cursor;		/* of sessions_next() */
	struct session_wait wait[SESSION_WAITS_MAX];	/* oldest first */
	unsigned n_waits;
	struct mono no_wait_before;
	uint64_t n_opened, n_full, n_unknown, n_relayed;
	uint32_t n_traced;		/* streams whose packets are shown */
	uint64_t n_waited, n_late;	/* answers that waited, in vain */
	uint64_t n_checks;		/* of ICE, answered */
};

/* Errors: -ENOMEM. */
int sessions_init(struct sessions *s, const struct sessions_conf *conf);
void sessions_clear(struct sessions *s);

/*
 * Give ports to an end.  Asked again for one that is open it gives the same
 * ports (a restarted sigproxy claims it so), and more if it has more streams
 * now: a port that stood in an SDP does not change.  With want (we are the
 * restarted one) it gives exactly these ports, or refuses: RELAY_FULL when
 * they are not free, RELAY_UNKNOWN when the end has others.
 *
 * Gives:   true: out is complete; refusal is enum relay_refusal.  False: no
 *          fresh mapping is left, STUN is to be asked for these ports at
 *          once; sessions_answer() gives the answer soon, whatever STUN does.
 */
bool sessions_open(struct sessions *s, const struct ipc_relay_open *m,
    struct mono now, struct ipc_relay_say *out);

/* An answer that waited and is complete now, oldest first. */
bool sessions_answer(struct sessions *s, struct mono now,
    struct ipc_relay_say *out);
/* When the oldest waited long enough; MONO_NEVER: none waits. */
struct mono sessions_answer_due(const struct sessions *s);

/*
 * Errors:  -ENOENT no such session, end or stream (closed meanwhile: counted);
 *          -EPROTO an end that cannot be.
 */
int sessions_set(struct sessions *s, const struct ipc_relay_set *m,
    struct mono now);

/* SRTP keys.  Errors: as sessions_set(), and keys that cannot be. */
int sessions_key(struct sessions *s, const struct ipc_relay_key *m);

/* ---- session_ice.c ---- */

/* An ICE-lite credential, or none.  Errors: as sessions_set(), and a
 * credential that cannot be. */
int sessions_ice(struct sessions *s, const struct ipc_relay_ice *m,
    struct mono now);
/* A STUN packet came to a port.  True: it was a check of that phone's, and
 * answer (STUN_CHECK_MAX octets) goes back to source. */
bool sessions_stun(struct sessions *s, uint32_t pair, enum port_which which,
    const struct addr *source, struct span packet, struct mono now,
    struct buf *answer);
/* Was a port of its phone's nominated that was not told? */
bool sessions_nominated(struct sessions *s, uint32_t pair,
    struct ipc_relay_nominated *out);

/*
 * Give a digit to the phone of this stream, in the sound that goes to it.
 *
 * Errors:  -ENOENT as above; -ENOSPC too many wait.
 */
int sessions_tone(struct sessions *s, const struct ipc_relay_tone *m,
    struct mono now);

/* Take events out of what this stream's phone sends.  Errors: -ENOENT. */
int sessions_events(struct sessions *s, const struct ipc_relay_events *m);

/* Show the packets of all its streams that there are, as this call's; or of
 * none (call 0).  Errors: -ENOENT as above. */
int sessions_trace(struct sessions *s, const struct ipc_relay_trace *m);

/* The pair of one stream, or PORT_NONE. */
uint32_t sessions_pair(struct sessions *s, uint64_t id, uint8_t end,
    uint8_t nr);

/* One stream ended, its pair rests now. */
typedef void session_ended_cb(void *arg, uint32_t pair,
    const struct ipc_relay_stats *stats);

/* Unknown ones are fine: they were closed before. */
void sessions_close(struct sessions *s, uint64_t id, uint8_t end,
    struct mono now, session_ended_cb *ended, void *arg);

/* Where a packet goes on. */
struct session_hop {
	uint32_t pair;
	enum port_which which;
	struct addr to;
	size_t len;		/* of the packet as it goes on */
};

/* True: send data, changed in place, as out says.  Behind len there is room
 * for SRTP_TRAILER_MAX bytes more. */
bool sessions_packet(struct sessions *s, uint32_t pair, enum port_which which,
    const struct addr *source, uint8_t *data, size_t len, struct mono now,
    struct session_hop *out);

/* What can be said of one stream's media, whether it was told or not. */
void sessions_reach(const struct sessions *s, uint32_t pair,
    struct mono now, struct ipc_relay_reach *out);

/* How one stream of a phone sounds, up to now. */
void sessions_quality(const struct sessions *s, uint32_t pair,
    struct ipc_relay_quality *out);

/* A packet lay in a port before it was given out: is the range forwarded? */
void sessions_unasked(struct sessions *s, uint32_t pair,
    enum port_which which, const struct addr *source, struct mono now);

enum session_do {
	SESSION_KEEPALIVE,
	SESSION_NEWS,
	SESSION_REACH,
	SESSION_ROC,
	SESSION_QUALITY,
	SESSION_NOMINATED,
	SESSION_DIGIT,
};

struct session_step {
	enum session_do what;
	struct session_hop hop;		/* SESSION_KEEPALIVE */
	struct buf packet;		/* in bytes below */
	uint8_t bytes[RTCP_KEEPALIVE_LEN + SRTP_TRAILER_MAX];
	struct ipc_relay_news news;	/* SESSION_NEWS */
	struct ipc_relay_reach reach;	/* SESSION_REACH */
	struct ipc_relay_roc roc;	/* SESSION_ROC */
	struct ipc_relay_quality quality;	/* SESSION_QUALITY */
	struct ipc_relay_nominated nominated;	/* SESSION_NOMINATED */
	struct ipc_relay_digit digit;	/* SESSION_DIGIT */
};

/* Every 100 ms while sessions exist: look at all, then take the steps. */
void sessions_tick(struct sessions *s);
bool sessions_next(struct sessions *s, struct mono now,
    struct session_step *out);

/* sigproxy went: its sessions wait to be claimed. */
void sessions_orphan(struct sessions *s, struct mono now);
/* Drop those that waited too long. */
void sessions_expire(struct sessions *s, struct mono now,
    session_ended_cb *ended, void *arg);

/* Numbers of the sockets whose mapping matters now: those an answer waits
 * for, spares, then external ports that have not heard their phone yet. */
void sessions_wanted(struct sessions *s, struct ipc_map_want *out);

/* May a packet here look like STUN and be fax? */
static inline bool
sessions_is_fax(const struct sessions *s, uint32_t pair)
{
	return s->stream[pair].used && s->stream[pair].form == STREAM_UDPTL;
}

/* Where RTP at this pair comes from, once that is certain; else NULL. */
static inline const struct addr *
sessions_phone(const struct sessions *s, uint32_t pair)
{
	const struct latch *l = &s->stream[pair].latch[PORT_RTP];

	return s->stream[pair].used && l->frozen ? &l->source : NULL;
}

static inline uint32_t
sessions_count(const struct sessions *s)
{
	return s->pool.used;
}

#endif
