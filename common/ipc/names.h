/*
 * Numbers that travel in messages and that more than one process reads.
 */
#ifndef COMMON_IPC_NAMES_H
#define COMMON_IPC_NAMES_H

enum ipc_role {
	ROLE_SIG = 1,
	ROLE_MEDIA = 2,
	ROLE_STUN = 4,
	ROLE_REG = 8,
	ROLE_ADMIN = 16,
	ROLE_KEY = 32,
	ROLE_TRACE = 64,
	ROLE_DAEMONS = 111,
	ROLE_ANY = 127,
};

/* Which side of the gate. */
enum zone {
	ZONE_EXTERNAL = 1,
	ZONE_INTERNAL = 2,
};

enum transport {
	TRANSPORT_UDP = 1,
	TRANSPORT_TCP = 2,
	TRANSPORT_TLS = 3,
};

/* What the oracle decided about a request with a digest answer. */
enum verdict {
	VERDICT_OK = 1,
	VERDICT_STALE,		/* nonce unknown, spent or old: 401 anew */
	VERDICT_FORBIDDEN,	/* 403: every kind of no looks the same */
	VERDICT_NOT_FOUND,	/* 404: authenticated, but no such number */
	VERDICT_UNREACHABLE,	/* 480: a subscriber with no device */
	VERDICT_BRIEF,		/* 423 with Min-Expires */
	VERDICT_BUSY,		/* 500 with Retry-After: not stored */
	VERDICT_BAD,		/* 400: old CSeq, star beside others, too many */
	VERDICT_DENIED,		/* 403 with the reason: he may not call there */
};

/* With which status a request is refused for it. */
static inline unsigned
verdict_status(enum verdict v)
{
	switch (v) {
	case VERDICT_FORBIDDEN:
	case VERDICT_DENIED:
		return 403;
	case VERDICT_NOT_FOUND:
		return 404;
	case VERDICT_UNREACHABLE:
		return 480;
	case VERDICT_BRIEF:
		return 423;
	case VERDICT_BAD:
		return 400;
	default:
		return 500;
	}
}

/* What a watcher is told about the calls of another number. */
enum watch_show {
	WATCH_NOTHING = 0,	/* not even whether there are any */
	WATCH_STATE,		/* that it rings or talks */
	WATCH_NUMBER,		/* with whom, too */
};

/* Why the oracle ends a call. */
enum stop_why {
	STOP_MINUTES = 1,
	STOP_COST,
	STOP_RIGHT,	/* it was withdrawn, or its grant is over */
	STOP_DISABLED,
	STOP_ADMIN,
	STOP_TRUNK,	/* its trunk was disabled or deleted */
};

/* How a phone wanted a call to go elsewhere. */
enum away_via {
	AWAY_REDIRECT = 1,	/* 3xx */
	AWAY_REFER,
};

/* Whose word ended a call, as sigproxy tells it. */
enum ended_by {
	ENDED_UNKNOWN = 0,
	ENDED_BY_CALLER,
	ENDED_BY_CALLED,
	ENDED_BY_US,
};

/* Why a trunk did not take a call. */
enum tried_why {
	TRIED_REFUSED = 1,	/* a final answer */
	TRIED_SILENT,		/* none at all, for trunk.wait_s */
	TRIED_STALLED,		/* a provisional one, and no more */
	TRIED_UNREACHABLE,	/* its connection is lost */
	TRIED_PASSWORD,		/* it does not accept the answer to its challenge */
	TRIED_NO_PASSWORD,	/* it challenges, and there is none for it */
	TRIED_CHALLENGE,	/* its challenge is of a kind we do not answer */
	TRIED_REALM,		/* it is not to be answered: another realm */
	TRIED_OURS,		/* a fault of our own */
};

enum call_state {
	CALL_RINGING = 1,
	CALL_ANSWERED,
	CALL_HELD,
	CALL_RESUMED,
	CALL_ENDED,
};

enum relay_refusal {
	RELAY_OK = 0,
	RELAY_FULL,		/* no port or session left */
	RELAY_NO_ADDRESS,	/* no address of that family in that zone */
	RELAY_UNKNOWN,		/* no such session or end */
};

enum relay_what {
	RELAY_LATCHED = 1,
	RELAY_SILENT,
	RELAY_HEARD,
	RELAY_LATCHED_RTCP,
};

/* What the packets of a stream look like. */
enum stream_form {
	STREAM_RTP,
	STREAM_UDPTL,		/* fax (ITU-T T.38, RFC 7345 4) */
};

/* How media of one end gets in. */
enum media_way {
	MEDIA_INTERNAL = 1,	/* in the office */
	MEDIA_PUBLIC,		/* our address is public itself */
	MEDIA_PUNCHED,		/* each port opened by sending first */
	MEDIA_RANGE,		/* the router forwards the RTP range */
};

/* Do packets of strangers reach our RTP ports? */
enum media_range {
	RANGE_UNKNOWN = 0,
	RANGE_OPEN,		/* one came unasked */
	RANGE_CLOSED,		/* a phone's came only after we had sent */
};

enum media_heard {
	MEDIA_NEVER = 0,
	MEDIA_HEARD,
	MEDIA_SILENT,		/* heard, then no more */
	MEDIA_AWAITED,		/* never yet: too early to say more */
	MEDIA_PAUSED,		/* it never paused before, and does now */
	MEDIA_GONE,		/* silent, and its RTCP does not come either */
};

/* What became of one phone's media: docs/media.md. */
enum media_verdict {
	VERDICT_MEDIA_NONE = 0,	/* not known, or not relayed */
	VERDICT_MEDIA_OK,
	VERDICT_MEDIA_FELL_SILENT,
	VERDICT_MEDIA_PHONE_SILENT,
	VERDICT_MEDIA_WRONG_SOURCE,
	VERDICT_MEDIA_RANGE_NOT_FORWARDED,
	VERDICT_MEDIA_SYMMETRIC_NO_RANGE,
	VERDICT_MEDIA_PORTS_CHANGED_NO_RANGE,
	VERDICT_MEDIA_NEVER_HEARD,
	VERDICT_MEDIA_NEVER_HEARD_WITH_STUN,
	VERDICT_MEDIA_HOME_MOVES_PORTS,
	VERDICT_MEDIA_SAME_PORT_IN_HOME,
	VERDICT_MEDIA_ADDRESS_OLD,
	VERDICT_MEDIA_OFFICE_ROUTER,
	/* Heard before. */
	VERDICT_MEDIA_STOPPED_SENDING,
	VERDICT_MEDIA_MOVED_IN_CALL,
	VERDICT_MEDIA_HOME_LOST,
};

/* The deciding fact behind a verdict: proof.h says each in words. */
enum media_proof {
	PROOF_NONE = 0,
	PROOF_SENT_FIRST,	/* to where it should be; it never came */
	PROOF_ASKED,		/* it sent nothing to our SIP port either */
	PROOF_AS_SAID,		/* there it came from where it said */
	PROOF_SEEN,		/* there it came from elsewhere */
	PROOF_SEEN_STUN,	/* and STUN had been told a third port */
	PROOF_SEEN_SENT,	/* and the relay sent first to that, too */
	PROOF_BACK,		/* it moved, was found, and was heard again */
	PROOF_UNREACHED,	/* it does not answer */
	PROOF_REFUSED,		/* to send its sound to our SIP port */
	PROOF_STRANGE,		/* there came a stream that may be its own */
};

/* Which figures are known. */
enum figure {
	FIGURE_LOSS = 1,
	FIGURE_JITTER = 2,
	FIGURE_RTT = 4,		/* round trip */
};

/* Why keyd did not sign. */
enum sign_refusal {
	SIGN_OK = 0,
	SIGN_FORM,		/* not a structure of a TLS handshake */
	SIGN_BUSY,		/* too many in too short a time */
	SIGN_KEY,		/* no such key, or not with that scheme */
};

enum hold_mode {
	HOLD_DEFAULT = 0,
	HOLD_TRANSPARENT,
	HOLD_SENDRECV,
};

enum latch_mode {
	LATCH_DEFAULT = 0,
	LATCH_STRICT,
	LATCH_SIGNALLED,
	LATCH_OPEN,
};

/* Is a phone's media encrypted? */
enum srtp_policy {
	SRTP_POLICY_DEFAULT = 0,	/* optional */
	SRTP_POLICY_OFF,
	SRTP_POLICY_OPTIONAL,
	SRTP_POLICY_REQUIRED,
};

/* Why no binding uses a flow any more, in FLOW_GONE. */
enum gone_why {
	GONE_ENDED = 1,		/* unregistered, expired */
	GONE_MOVED = 2,		/* the same phone came by another one */
	GONE_CUT = 3,		/* an admin shut it out */
};

/* How it is with a phone of PHONE_LOST. */
enum lost_state {
	LOST_BACK = 0,		/* it registered: forget it */
	LOST_SOON,		/* it is set to an address that was ours, and
				 * its registration still lasts */
	LOST_NAMED,
};

enum public_state {
	PUBLIC_UNKNOWN = 1,	/* nothing believed yet */
	PUBLIC_KNOWN,
	PUBLIC_OLD,		/* last good one; servers are silent */
};

/* What a registration of ours is for, in ACCOUNT_WANT. */
enum account_kind {
	ACCOUNT_GONE = 0,	/* end it */
	ACCOUNT_TRUNK,		/* calls of a trunk */
	ACCOUNT_MIRROR,		/* one subscriber's, at the office's PBX */
	ACCOUNT_ALL,		/* none: that was all */
};

enum account_state {
	ACCOUNT_REGISTERED = 1,
	ACCOUNT_FAILED,
	ACCOUNT_ENDED,
};

/* Why the oracle computed no response. */
enum account_refusal {
	ACCOUNT_OK = 0,
	ACCOUNT_UNKNOWN,	/* no such registration is wanted */
	ACCOUNT_NO_PASSWORD,
	ACCOUNT_REALM,		/* it is for another realm */
	ACCOUNT_BUSY,		/* asked too often, or not now */
};

/* Why there is no connection to a trunk. */
enum dial_refusal {
	DIAL_OK = 0,
	DIAL_REFUSED,		/* it refuses connections */
	DIAL_SILENT,		/* it does not answer */
	DIAL_NO_WAY,		/* no route, or our firewall */
	DIAL_UNKNOWN,		/* not an address of this trunk */
	DIAL_BUSY,		/* too often, or too many at once */
	DIAL_BROKEN,		/* anything else */
};

/* What a trace follows. */
enum trace_kind {
	TRACE_NUMBER = 1,	/* what a number says and is told */
	TRACE_CALL,		/* one call, by its Call-ID */
	TRACE_ALL,
};

/* Which parts of it: the bits of its profiles. */
enum trace_profile {
	TRACE_REGISTRATION = 1,
	TRACE_SIGNALLING = 2,	/* calls, and everything else */
	TRACE_MEDIA = 4,	/* headers of RTP and RTCP */
};

/* Why there is no trace. */
enum trace_refusal {
	TRACE_OK = 0,
	TRACE_FULL,		/* too many at once */
	TRACE_NO_HEP,		/* [trace] hep names no receiver */
	TRACE_UNKNOWN,		/* there is none with this number */
	TRACE_BAD,		/* not a number, not a Call-ID */
	TRACE_DISK,		/* it could not be written down */
};

#define RELAY_NO_END 255
#define RELAY_ALL_ENDS 255

#endif
