/*
 * What a call needs after a restart of sigproxy, as bytes that registrar-db
 * keeps without understanding them.
 *
 * Written after each event that changed a call, into the same batch as the
 * messages of that event, which leave after it.  Read back as strictly as
 * bytes from the network: every length, number, enum, flow and token.
 */
#ifndef SIGPROXY_CORE_CHECKPOINT_H
#define SIGPROXY_CORE_CHECKPOINT_H

#include "common/ipc/wire.h"
#include "sigproxy/core/call_priv.h"

#define CHECKPOINT_VERSION 8

/* One leg; text is lent from the bytes read. */
struct saved_leg {
	uint8_t index;
	uint8_t state; /* enum leg_state: CALLING, EARLY, CONFIRMED; OVER: it
			* knows that the call has ended */
	uint8_t token[LEG_TOKEN_LEN];
	struct flow flow;
	bool relayed;
	uint32_t trunk;
	struct end end; /* no question, no counting, no verdict */
	struct span target, route, call_id, local, remote, tag;
	uint32_t local_cseq, remote_cseq, invite_cseq;
	uint8_t srtp_way;
	bool srtp_turned;
	bool ice;
	uint8_t seed[SECURE_SEED_LEN];
	int64_t cseq_offset;
	uint8_t can; /* enum can */
	struct span invite; /* branch that rings: its INVITE as sent */
	uint32_t rseq;
	bool offered, is_settled;
	struct media media, peer_media;
	struct session session; /* no pointers, no timer */
	struct telling told;
	uint32_t version_shift;
	struct span sdp; /* of session: what it was told last */
};

struct saved_call {
	bool talking; /* answered, and its ACK came; else it rings */
	bool ending;  /* BYE or CANCEL was on its way */
	bool noted;   /* and the record has ended */
	uint16_t end_status;
	struct ipc_party caller, called;
	uint64_t session;
	uint8_t instance;
	bool relayed, relay_closed, held, ringing_noted;
	struct stream_map map;
	uint8_t sound;
	struct referral referral[2];
	bool transferred, withheld;
	uint64_t replaces; /* ticket */
	struct diversion diversion; /* its steps */
	struct outgoing out; /* its ways, and where it is among them */
	uint8_t channels;
	bool emergency;
	uint64_t answered_us;
	uint8_t callee, early; /* index of a leg; 0: none */
	struct span request;   /* ringing: the caller's INVITE.  Talking: a
				* re-INVITE under way, or empty */
	uint8_t request_from;  /* leg it came from */
	unsigned n_legs;
	struct saved_leg leg[CALL_LEGS_MAX];
};

/*
 * Write a call.
 *
 * Errors:  b's sticky error; -EAGAIN: it is not yet worth keeping.
 */
int checkpoint_put(struct buf *b, const struct call *call);
/*
 * Read one.
 *
 * Errors:  -EBADMSG, -ERANGE: broken in any way.
 */
int checkpoint_get(
    struct span state, const struct edge_conf *conf, struct saved_call *out);

/* ---- pieces that subscriptions have, too (subs_save.c) ---- */

void checkpoint_put_flow(struct buf *b, const struct flow *f);
/* One that this configuration has, to where a packet may go. */
struct flow checkpoint_get_flow(
    struct rwire *r, const struct edge_conf *conf);
void checkpoint_get_token(struct rwire *r, uint8_t *out);
/* A URI we may write into a Request-URI. */
void checkpoint_check_target(struct rwire *r, struct span target);

#endif
