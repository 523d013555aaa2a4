/*
 * What the files of the call part share; nobody else includes this.
 *
 * A call has legs: leg 0 is the caller's, the others are branches, one for
 * each device that rings; the one that answers becomes call->callee.  Each
 * leg is one dialog with one phone.  A request that one phone sends and the
 * other one gets is an exchange: the INVITE that began the call, and later
 * re-INVITE, UPDATE, INFO and the like.
 *
 * Files, in reading order: setup.c (from INVITE to ports), fork.c (branches
 * and who wins), call.c (how it ends), leg.c (tokens, tags, CSeq, our requests), headers.c (what
 * passes), dialog.c (requests inside), relay.c and offer.c (media), hold.c,
 * note.c (reports), callid.c.
 */
#ifndef SIGPROXY_CORE_CALL_PRIV_H
#define SIGPROXY_CORE_CALL_PRIV_H

#include "sigproxy/core/call.h"
#include "sigproxy/core/callid.h"
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/sip/build.h"
#include "sigproxy/sip/sdp.h"

#define CALL_LEGS_MAX (1 + IPC_TARGETS_MAX)
#define CALL_EXCHANGES_MAX 8	/* of one call at once */
#define LEG_TOKEN_LEN 16	/* base64url of 12 random bytes */
#define CALL_BYTES_MAX BLOB_MAX	/* of a message we build */
#define CALL_OPAQUE_MAX 2048	/* bytes of a body that is not SDP */

enum {
	CALL_RELAY_MS = 1000,	/* for mediaproxy to give ports */
	CALL_STATS_MS = 500,	/* for its last counters */
	CALL_TIMER_C_MS = 181000,	/* RFC 3261 16.6 step 11: over 3 min */
	CALL_SETUP_MS = 600000,	/* ringing ends at last */
};

/* Kinds of timers; the owner is named. */
enum call_timer_kind {
	TIMER_CALL_PHASE = TIMER_CALL,	/* struct call */
	TIMER_CALL_BRANCH,		/* struct leg: timer C */
	TIMER_CALL_ACK,			/* struct exchange: 2xx not ACKed */
};

/* Text that outlives its message, of at most n bytes. */
#define TEXT(n)               \
	struct {              \
		uint16_t len; \
		char p[n];    \
	}
#define TEXT_SPAN(t) span_make((t).p, (t).len)
/* 0, or -EMSGSIZE: then t is untouched. */
#define TEXT_SET(t, s) text_set((t)->p, sizeof((t)->p), &(t)->len, (s))
int text_set(char *p, size_t cap, uint16_t *len, struct span s);

/* Who somebody is, copied from the oracle's answer. */
struct party {
	TEXT(32) number;
	TEXT(64) name;
	uint8_t hold, latching;		/* enum hold_mode, latch_mode */
};

/* What one SDP said about the stream that is relayed. */
struct media {
	bool known;		/* there was such an SDP */
	uint8_t line;		/* index of its m= line */
	bool refused;		/* port 0 */
	struct addr rtp, rtcp;	/* ADDR_NONE: do not send there */
	enum sdp_dir dir;	/* what the phone meant, 0.0.0.0 included */
	enum sdp_dir told;	/* what the other phone was told */
};

/* One phone's end of the relay: one audio stream. */
struct end {
	bool open;		/* asked for; to be closed */
	bool asked;		/* RELAY_SAY is awaited */
	bool ready;		/* port is valid */
	bool counting;		/* closed, RELAY_STATS is awaited */
	bool was_set;		/* RELAY_SET was sent before */
	bool held;		/* silence is agreed */
	struct ipc_port port;	/* ours, towards this phone; once said in an
				 * SDP it never changes */
	struct addr rtp, rtcp;	/* what the phone announced last */
};

enum leg_state {
	LEG_WAITING,		/* nothing sent */
	LEG_CALLING,		/* INVITE out (caller: INVITE in) */
	LEG_EARLY,		/* provisional answer with a tag */
	LEG_CONFIRMED,		/* 2xx */
	LEG_LOST,		/* cancelled or failed; final answer due */
	LEG_OVER,
};

struct leg {
	struct htab_node node;		/* by token */
	struct call *call;
	uint8_t index;			/* in call->leg; number of its end */
	enum leg_state state;
	char token[LEG_TOKEN_LEN];	/* user part of our Contact */
	struct flow flow;
	bool relayed;			/* branch: its media is relayed */
	struct end end;
	TEXT(512) target;		/* the phone's Contact URI, verbatim */
	TEXT(512) route;		/* its route set, as Route's value */
	TEXT(256) call_id;		/* as this side knows it */
	TEXT(256) local, remote;	/* From and To of what we send, without
					 * tags */
	TEXT(128) tag;			/* of the phone; empty: none yet */
	uint32_t local_cseq;		/* of our last request */
	uint32_t remote_cseq;		/* of the phone's last request */
	int64_t cseq_offset;		/* other side's CSeq + this = ours */
	/* Branches only. */
	struct ctxn *invite;		/* until ended() */
	uint32_t invite_cseq;
	struct timer timer_c;
	uint16_t status;		/* final answer; 0: none yet */
};

struct exchange {
	struct exchange *next;		/* of the same call */
	struct call *call;
	struct leg *from, *to;		/* to: NULL while branches ring */
	struct stxn *server;
	struct ctxn *client;		/* not for the initial INVITE */
	uint32_t from_cseq, to_cseq;
	bool is_invite;
	bool answered;			/* 2xx passed on, ACK awaited */
	bool acked;			/* the ACK came and went on */
	bool offer_in_answer;		/* INVITE without SDP */
	struct media offer;
	struct timer ack_wait;
	uint32_t resend_ms;
	struct mono give_up;
	struct blob ack;		/* as sent to `to` */
};

enum call_phase {
	CALL_OPENING,		/* ports are being asked for */
	CALL_INVITING,		/* branches ring */
	CALL_TALKING,		/* answered */
	CALL_ENDING,		/* last answers and counters are awaited */
};

struct call {
	enum call_phase phase;
	struct timer timer;		/* of the phase */
	uint64_t ticket;		/* the oracle's number */
	struct party caller, called;
	struct leg *leg[CALL_LEGS_MAX];	/* NULL: that branch is forgotten */
	unsigned n_legs;
	struct leg *callee;		/* who answered */
	struct leg *early;		/* whose early media is heard */
	struct exchange *setup;		/* the INVITE that began it */
	struct exchange *exchanges;	/* newest first; setup is one */
	struct exchange *pending;	/* INVITE or offer under way */
	unsigned n_exchanges;
	uint64_t session;		/* mediaproxy's; 0: none */
	uint8_t instance;
	bool relayed;			/* for the record */
	bool relay_closed;
	unsigned ends_asked;		/* RELAY_SAY awaited */
	uint8_t channels;
	bool held;
	bool ringing_noted;
	bool end_noted;
	struct mono answered;		/* 0: never */
	uint16_t end_status;
	const char *end_reason;		/* ours: a literal */
};

struct calls {
	struct pool pool, legs, exchanges;
	struct htab by_token;
	struct callid_key callid_key;
	uint64_t session_base;		/* upper half of session numbers */
	uint32_t channels;		/* in use */
	uint32_t relay_calls[STEPS_RELAYS_MAX];
	uint32_t next_ask;
	/* For status. */
	uint64_t begun, answered, refused;
};

/* Everything that most functions here need: the edge, the time, the way
 * out. */
struct ctx {
	struct edge *e;
	struct mono now;
	struct steps *st;
};

/* ---- call.c ---- */

/*
 * End a call: answer the caller's INVITE with a refusal or send BYE, cancel
 * branches, close the relay.  The object goes when the last counters came.
 */
struct ending {
	uint16_t status;
	const char *why;		/* a literal, for log and record */
	const char *reason;		/* Reason's value for the caller, NULL */
	const struct leg *by;		/* knows it already: said BYE or 481 */
	const struct sip_msg *cause;	/* what `by` said; headers pass on */
};
void call_end(const struct ctx *x, struct call *call, struct ending how);
/* Free what is over and awaited no more. */
void call_settle(const struct ctx *x, struct call *call);
/* Set the channels this call uses. */
void call_use_channels(struct calls *c, struct call *call, uint8_t n);

/* ---- setup.c ---- */

/* The relay answered for every end. */
void call_ports_known(const struct ctx *x, struct call *call);

/* ---- fork.c ---- */

/* Send INVITE to every branch that has what it needs. */
void fork_start(const struct ctx *x, struct call *call);
/* Cancel every branch but `keep`. */
void fork_cancel(const struct ctx *x, struct call *call,
    const struct leg *keep, struct span reason);
void fork_timer_c(const struct ctx *x, struct leg *leg);
/* All branches at once: nobody answered in time. */
void fork_give_up(const struct ctx *x, struct call *call);

/* ---- leg.c ---- */

/* Errors: NULL: pool exhausted. */
struct leg *leg_new(struct calls *c, struct call *call);
void leg_free(struct edge *e, struct leg *leg);
struct leg *leg_find(const struct calls *c, struct span token);
/* Whose phone this is. */
const struct party *leg_party(const struct leg *leg);
bool leg_is_external(const struct leg *leg);
/* Copy what the caller's INVITE says.  Errors: -EMSGSIZE. */
int leg_from_invite(struct leg *leg, const struct sip_msg *msg,
    const struct flow *from);
/* Copy what an answer says: tag, target, route set.  Errors: -EMSGSIZE. */
int leg_learn(struct leg *leg, const struct sip_msg *answer);
/* Take the Contact of a target refresh (12.2.1.2, 12.2.2). */
void leg_refresh(struct leg *leg, const struct sip_msg *msg);
/* Our CSeq for a request that the other side numbered n. */
uint32_t leg_cseq(struct leg *leg, uint32_t n);
/* Begin a request inside leg: start line to CSeq, and our Contact. */
void leg_put_request(const struct edge *e, struct buf *b,
    const struct leg *leg, struct span method, uint32_t cseq,
    struct span branch, uint8_t max_forwards);
/* Send ACK for a 2xx; body may be empty; kept gets a copy unless NULL. */
void leg_ack(const struct ctx *x, struct leg *leg, uint32_t cseq,
    struct span sdp, struct blob *kept);
/* Send BYE; cause as in struct ending. */
void leg_bye(const struct ctx *x, struct leg *leg,
    const struct sip_msg *cause, const struct leg *cause_from);

/* ---- headers.c ---- */

/* Every header of m that may pass from one leg to the other. */
void headers_pass(const struct edge *e, struct buf *b,
    const struct sip_msg *m, const struct leg *from, const struct leg *to);
/* Headers about the body. */
void headers_body(struct buf *b, const struct sip_msg *m);
/* Allow and Accept as we mean them. */
void headers_ours(struct buf *b);
/* `"Name" <sip:number@domain>`. */
void headers_put_party(const struct edge *e, struct buf *b,
    const struct party *p);
/* ---- offer.c, hold.c ---- */

enum sdp_role { SDP_OFFER, SDP_ANSWER };

/* One SDP on its way. */
struct passage {
	struct exchange *exchange;
	const struct leg *from, *to;
	enum sdp_role role;
};

/*
 * Write the body of msg as the other leg may see it.
 *
 * Gives:   b: the body; out: what an SDP said (out->known), or nothing.
 * Errors:  -ENOTSUP body type that cannot pass (415); -EBADMSG broken SDP
 *          (400); -ENODEV no stream that can be relayed (488); -EMSGSIZE.
 */
int offer_pass(const struct edge *e, struct buf *b, const struct sip_msg *msg,
    struct passage p, struct media *out);
/* The status that refuses a body for this error. */
uint16_t offer_refusal(int err);
/* An offer was answered: tell the relay, note hold and resume.
 * offer is of leg `a`, answer of leg `b`. */
void offer_settled(const struct ctx *x, struct leg *a,
    const struct media *offer, struct leg *b, const struct media *answer);
/* Is the media between these two legs of one call relayed? */
bool offer_is_relayed(const struct leg *a, const struct leg *b);

/* The direction a phone is told instead of the offered one. */
enum sdp_dir hold_offer(const struct edge *e, const struct leg *to,
    enum sdp_dir offered);
/* The direction the offerer is told: answered as the phone said it. */
enum sdp_dir hold_answer(const struct edge *e, const struct leg *to,
    const struct media *offer, enum sdp_dir answered);
/* What a phone means by its direction and address (RFC 3264 8.4). */
enum sdp_dir hold_meant(const struct sdp_media *m);

/* ---- relay.c ---- */

/* Choose an instance and a session number.  Errors: -EHOSTUNREACH. */
int relay_begin(struct edge *e, struct call *call);
void relay_open(const struct ctx *x, struct leg *leg);
/* Tell what leg's phone announced and whose packets it gets. */
void relay_set(struct steps *st, struct leg *leg, const struct leg *to);
void relay_close_end(struct steps *st, struct leg *leg);
/* Close all; counters follow. */
void relay_close(struct edge *e, struct steps *st, struct call *call);
bool relay_is_counting(const struct call *call);

/* ---- dialog.c ---- */

/* A new exchange in call's list.  Errors: NULL: too many. */
struct exchange *exchange_new(struct calls *c, struct call *call);
/* Let go of its transactions and give it back. */
void exchange_free(struct edge *e, struct exchange *ex);
/* An in-dialog request whose sender proved anew who he is. */
void dialog_reauthorised(const struct ctx *x, struct stxn *t,
    const struct sip_msg *msg, const struct ipc_auth_say *say);
/* 2xx was passed on: repeat it until its ACK. */
void exchange_await_ack(const struct ctx *x, struct exchange *ex);
void exchange_ack_timer(const struct ctx *x, struct exchange *ex);
extern const struct stxn_ops exchange_server_ops;

/* ---- note.c ---- */

void note_begun(struct steps *st, const struct call *call);
void note_ringing(struct steps *st, struct call *call);
void note_answered(struct steps *st, const struct call *call);
void note_held(struct steps *st, const struct call *call);
void note_ended(struct steps *st, struct mono now, struct call *call);
void note_media(struct steps *st, const struct call *call,
    const struct ipc_counter *counter);

#endif
