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
 * and who wins), channels.c (how many at once), call.c (how it ends), farewell.c and
 * owed.c (BYE for a phone that is away), leg.c (tokens, tags, CSeq, our requests), dialog.c and exchange.c
 * (requests inside), headers.c (what passes), dtmf.c (digits), divert.c (3xx), refer.c and
 * replaces.c (transfer), session.c and audit.c (is the phone still there), move.c (another public address), ear.c (who the
 * relay does not hear),
 * consent.c (what registrar-db says of calls that run),
 * offer.c, streams.c, secure.c, hold.c, relay.c, spread.c and again.c (media),
 * note.c (reports), callid.c and
 * leak.c (what must not be told), trunk_call.c (calls by trunks), checkpoint.c and restore.c (what outlives
 * this process).
 */
#ifndef SIGPROXY_CORE_CALL_PRIV_H
#define SIGPROXY_CORE_CALL_PRIV_H

#include "sigproxy/core/call.h"
#include "sigproxy/core/callid.h"
#include "sigproxy/core/codecs.h"
#include "sigproxy/core/consent.h"
#include "sigproxy/core/divert.h"
#include "sigproxy/core/offer.h"
#include "sigproxy/core/owed.h"
#include "sigproxy/core/refer.h"
#include "sigproxy/core/trunk_call.h"
#include "sigproxy/core/unheard.h"

#define CALL_LEGS_MAX 16 /* as many as a relay session has ends */
#define CALL_EXCHANGES_MAX 8    /* of one call at once */
#define CALL_EXCHANGES_OWN 2    /* it gets, whatever others do */
#define CALL_BYTES_MAX BLOB_MAX /* of a message we build */
/* A request from here on may have over 1,300 bytes when it goes on. */
#define CALL_LARGE_BYTES 1100
#define CALL_OVER_MAX 64        /* ended calls told again */
#define CALL_OPAQUE_MAX 2048    /* bytes of a body that is not SDP */

enum {
	CALL_RELAY_MS = 1000,     /* for mediaproxy to give ports */
	CALL_NO_RELAY_MS = 500,   /* for a mediaproxy to come back */
	CALL_AGAIN_MS = 5,        /* between batches for one that came back */
	CALL_NO_ADDRESS_MS = 20,  /* until it is asked again */
	CALL_STATS_MS = 500,      /* for its last counters */
	CALL_FLOW_MS = 4000,      /* for a sign by one of several flows */
	CALL_TIMER_C_MS = 181000, /* RFC 3261 16.6 step 11: over 3 min */
	CALL_SETUP_MS = 600000,   /* ringing ends at last */
	CALL_OVER_MS = 30000,     /* an end is told again so long */
	CALL_OWED_MS = 180000,    /* a BYE waits for its phone: over the 2 min
				   * of its grant (registrar-db/core) */
};

/* Kinds of timers; the owner is named. */
enum call_timer_kind {
	TIMER_CALL_PHASE = TIMER_CALL, /* struct call */
	TIMER_CALL_BRANCH,             /* struct leg: timer C */
	TIMER_CALL_ACK,                /* struct exchange: 2xx not ACKed */
	TIMER_CALL_SESSION,            /* struct leg: session.timer */
	TIMER_CALL_SAVE,               /* more calls to be saved */
	TIMER_CALL_AGAIN,              /* struct again */
	TIMER_CALL_MOVE,               /* struct leg: move.timer */
	TIMER_CALL_MOVES,              /* struct calls: moves.timer */
	TIMER_CALL_CONSENT,            /* struct call: consent.timer */
	TIMER_CALL_EAR,                /* struct leg: ear.timer */
	TIMER_CALL_OWED,               /* struct owed */
};

struct exchange {
	struct exchange *next; /* of the same call */
	struct call *call;
	struct leg *from, *to; /* to: NULL while branches ring */
	struct stxn *server;
	struct ctxn *client; /* not for the initial INVITE */
	uint32_t from_cseq, to_cseq;
	enum sip_method method;
	bool is_invite;
	bool answered;        /* 2xx passed on, ACK awaited */
	bool acked;           /* the ACK came and went on */
	bool offer_in_answer; /* INVITE without SDP */
	bool is_answer;       /* a PRACK that answers `offer` */
	bool awaits_ports;    /* for new streams; then it goes on */
	struct media offer;
	struct telling telling; /* what the request tells `to` */
	struct timer ack_wait;
	uint32_t resend_ms;
	struct mono give_up;
	struct blob ack; /* as sent to `to` */
};

enum call_phase {
	CALL_OPENING,  /* ports are being asked for */
	CALL_INVITING, /* branches ring */
	CALL_TALKING,  /* answered */
	CALL_ENDING,   /* last answers and counters are awaited */
};

/* What was told of one side's sound, should registrar-db have died with it. */
struct told {
	bool counted, reached, measured;
	struct ipc_counter counter; /* of all its relays so far */
	struct ipc_call_reach reach;
	struct ipc_quality quality;
};

struct call {
	enum call_phase phase;
	struct timer timer; /* of the phase */
	uint64_t ticket;    /* the oracle's number */
	struct party caller, called;
	struct leg *leg[CALL_LEGS_MAX]; /* NULL: that branch is forgotten */
	unsigned n_legs;
	unsigned base; /* branches from here on are of the number called now */
	struct leg *callee;         /* who answered */
	struct leg *early;          /* whose early media is heard */
	struct exchange *setup;     /* the INVITE that began it */
	struct exchange *exchanges; /* newest first; setup is one */
	struct exchange *pending;   /* INVITE or offer under way */
	unsigned n_exchanges;
	uint64_t session; /* mediaproxy's; 0: none */
	uint8_t instance;
	uint8_t tried; /* instances in vain, by bit; STEPS_RELAYS_MAX */
	bool relayed; /* for the record */
	bool relay_closed;
	bool awaits_relay;   /* in CALL_OPENING: none is up */
	unsigned ends_asked; /* RELAY_SAY awaited */
	struct stream_map map;
	uint8_t sound; /* the stream that records are about */
	uint8_t channels;
	bool emergency; /* so said the oracle: it passes limits */
	bool held;
	bool ringing_noted;
	bool reliable; /* the caller takes reliable answers (RFC 3262) */
	bool end_noted;
	struct referral referral[2]; /* to the caller, to the called */
	bool transferred;            /* a REFER was accepted, or it was
				      * replaced: so its end is called */
	uint64_t replaces;           /* ticket of the call whose dialog its
				      * INVITE takes the place of; 0: none */
	struct diversion diversion; /* where it came from by 3xx */
	struct consent consent;     /* the REFER that waits for it */
	struct outgoing out;        /* by which trunks */
	struct party referred_by;    /* who sent the caller here; no number:
				      * nobody */
	struct mono answered; /* 0: never */
	uint16_t end_status;
	const char *end_reason; /* ours: a literal */
	enum ended_by ended_by;
	struct told told[2]; /* of the caller, of the called */
	struct htab_node by_session;
	bool saved;   /* registrar-db holds a checkpoint */
	bool unsaved; /* it is to have a new one: in calls->unsaved */
	bool untold;  /* its notes may have died with a registrar-db */
	struct call *save_prev, *save_next;
};

/* A call that is over, should registrar-db have died with the news of it. */
struct over {
	struct mono at;
	uint64_t ticket; /* 0: not in use */
	struct party caller, called;
	bool answered;
	uint16_t status;
	const char *reason; /* a literal */
	enum ended_by ended_by;
	uint64_t call_id[2]; /* hashed: the caller's, the callee's */
	struct told told[2];
};

/* A mediaproxy that came is told all its sessions, in batches. */
struct again {
	struct timer timer;
	struct calls *calls;
	uint8_t instance;
	uint32_t next; /* call to look at */
	uint32_t told; /* calls so far */
	struct mono came_at;
};

struct calls {
	struct secure_phones phones;
	struct pool pool, legs, exchanges;
	uint32_t exchanges_owed; /* of those free: each call's own */
	struct htab by_token, by_session;
	struct callid_key callid_key;
	uint64_t session_base; /* upper half of session numbers */
	uint32_t channels;     /* in use */
	uint32_t channels_emergency; /* of these, by such calls */
	uint32_t n_owed;       /* legs whose BYE has no answer yet */
	struct pool owed;      /* those of calls that are gone */
	uint32_t relay_calls[STEPS_RELAYS_MAX];
	struct again again[STEPS_RELAYS_MAX];
	uint32_t next_ask;
	struct call *unsaved, *unsaved_tail;
	struct timer save_timer;
	struct moves moves;
	struct ears ears;
	struct over over[CALL_OVER_MAX]; /* the last ones, in a ring */
	unsigned next_over;
	struct transfer transfers[REFER_MEMORY];
	/* For status. */
	struct unheard unheard;
	uint64_t begun, answered, refused, restored;
	uint64_t no_channel; /* calls refused for want of one */
	uint64_t doubts;       /* of our address; see doubt.h */
	uint64_t reports;      /* of phones, on how a call sounded */
	struct span answer;    /* to a trunk's challenge, while its INVITE is
				* written */
};

/* ---- call.c ---- */

/*
 * End a call: answer the caller's INVITE with a refusal or send BYE, cancel
 * branches, close the relay.  The object goes when the last counters came.
 */
struct ending {
	uint16_t status;
	const char *why;             /* a literal, for log and record */
	const char *reason;          /* Reason's value for both, NULL */
	const struct leg *by;        /* knows it already: said BYE or 481 */
	const struct sip_msg *cause; /* what `by` said; headers pass on */
};
void call_end(const struct ctx *x, struct call *call, struct ending how);
/* Free what is over and awaited no more. */
void call_settle(const struct ctx *x, struct call *call);
/* Free a call of which nothing was said to anybody. */
void call_drop(const struct ctx *x, struct call *call);

/* ---- dtmf.c, dtmf_sdp.c ---- */

/* Room for what becomes of one line. */
struct dtmf_mem {
	char fmts[CODECS_FMTS_MAX], lines[SDP_TONES_MAX * 64];
};
/* An SDP of a phone that knows no events passes to one that may, or the other
 * way: they are put in for whom they are converted, taken out for who did not
 * offer them.  offer: what said answers, or NULL. */
void dtmf_edit(const struct passage *p, unsigned nr, const struct sdp_media *m,
    const struct media_stream *offer, struct media_stream *said,
    struct sdp_media_edit *edit, struct dtmf_mem *mem);
/* Does own's phone send events to one that has digits by INFO only? */
bool dtmf_is_caught(const struct end_stream *own,
    const struct end_stream *other);
/* Tell the relay whether they are taken out, if they are or were before. */
void dtmf_tell(struct steps *st, const struct leg *leg, unsigned nr,
    const struct leg *other, bool before);
/* leg's phone sent a digit as events: the other one gets it by INFO. */
void dtmf_came(const struct ctx *x, struct leg *leg,
    const struct ipc_relay_digit *m);

/* leg's phone sent an INFO: is it a digit that peer's hears only as events?
 * Then it is answered and given to the relay. */
bool dtmf_convert(const struct ctx *x, struct leg *leg, const struct leg *peer,
    struct stxn *t, const struct sip_msg *msg);

/* ---- channels.c ---- */

/* What its legs, and those of them that are the caller's, count. */
uint8_t channels_needed(const struct call *call);
uint8_t channels_of_caller(const struct call *call);
/* Are so many free, beside those this call has? */
bool channels_fit(const struct edge *e, const struct call *call, uint8_t n);
/* Set the channels this call uses. */
void channels_use(struct calls *c, struct call *call, uint8_t n);
/* What is left of the tables is for emergency calls. */
bool channels_is_crowded(const struct calls *c);

/* ---- farewell.c ---- */

/*
 * Say BYE to leg's phone.  By a stream it is kept until it was answered: a
 * phone whose connection is closed hears it when it is back.  So is its call,
 * which has ended for everybody else.  For a phone outside by UDP it is kept
 * without its call (owed.h).
 */
void farewell_say(
    const struct ctx *x, struct leg *leg, const struct ending *how);
/* Its phone is back, by another flow. */
void farewell_again(const struct ctx *x, struct leg *leg);
/* It needs none any more.  May free the call. */
void farewell_done(const struct ctx *x, struct leg *leg);
/* The phones of this call had their time. */
void farewell_give_up(const struct ctx *x, struct call *call);
/* The leg goes. */
void farewell_drop(struct calls *c, struct leg *leg);
bool farewell_owes(const struct call *call);

/* ---- setup.c ---- */

/* Copy one from the oracle. */
void call_party(struct party *to, const struct ipc_party *from);
/* The flow by which target i's phone is reached first: its newest that does
 * not seem dead, else its newest; say->n_targets: by none.  Of a request so
 * large, by a connection before UDP (RFC 3261 18.1.1). */
unsigned setup_first_flow(const struct edge *e, const struct ipc_auth_say *say,
    unsigned i, bool with_external, size_t bytes);
/* The number it was redirected to has these devices: as before, with them. */
void setup_diverted(
    const struct ctx *x, struct call *call, const struct ipc_auth_say *say);
/* By the next of its trunks: one is left. */
void setup_by_trunk(const struct ctx *x, struct call *call);
/* Ask the relay for a port for each end. */
void setup_open_ends(const struct ctx *x, struct call *call);
/* The relay answered for every end. */
void call_ports_known(const struct ctx *x, struct call *call);
/* A relay came while this call waited for one. */
void call_relay_came(const struct ctx *x, struct call *call);

/* ---- again.c ---- */

void again_init(struct calls *c);
void again_timer(const struct ctx *x, struct again *again);
/* It does not know the public address yet, having just come: it is asked once
 * more in a moment.  False: it had its time. */
bool again_later(const struct ctx *x, uint8_t instance);

/* ---- fork.c ---- */

/* Send INVITE to every branch that has what it needs. */
void fork_start(const struct ctx *x, struct call *call);
/* Cancel every branch but `keep`. */
void fork_cancel(const struct ctx *x, struct call *call, const struct leg *keep,
    struct span reason);
/* Send a branch's INVITE as it was, in the life after the one that made it;
 * msg is the caller's.  Errors: -EBADMSG, -ENOMEM. */
int fork_again(const struct ctx *x, struct leg *leg, const struct sip_msg *msg,
    struct span invite);
void fork_timer_c(const struct ctx *x, struct leg *leg);
/* A trunk's branch, challenged: its INVITE again, with this line. */
void fork_answer(const struct ctx *x, struct leg *leg, struct span line);
/* There will be no answer. */
void fork_branch_failed(
    const struct ctx *x, struct leg *leg, uint16_t status);
/* All branches at once: nobody answered in time. */
void fork_give_up(const struct ctx *x, struct call *call);
/* A device's refusal that only concerns us and that device, or would send the
 * caller's phone to another server (R61): "not available" to the caller. */
bool fork_is_ours_alone(uint16_t status);

/* ---- headers.c ---- */

/* Every header of m that may pass from one leg to the other. */
void headers_pass(const struct edge *e, struct buf *b, const struct sip_msg *m,
    const struct leg *from, const struct leg *to);
/* Headers about the body that offer_pass() made of m's. */
void headers_body(const struct edge *e, struct buf *b, const struct sip_msg *m,
    const struct leg *to, struct span body);
/* Allow, Supported and Require: what is ours, and of what we pass that which
 * m's sender can do or asks for.  NULL: Allow alone, whatever we pass. */
void headers_ours(struct buf *b, const struct sip_msg *m);
/* Allow and Supported of a message that we say by ourselves, as the other
 * phone's last one had them. */
void headers_own(struct buf *b, const struct leg *other);
/* enum can of m's sender: what m leaves open is as before. */
uint8_t headers_can(const struct sip_msg *m, uint8_t before);
/* Does m's Privacy ask to withhold who sent it (RFC 3323 4.2, RFC 3325 9.3)? */
bool headers_hide_sender(const struct sip_msg *m);
/* `sip:number@domain`, escaped where needed. */
void headers_put_uri(const struct edge *e, struct buf *b, struct span number);
/* The user of a URI, escaped where needed. */
void headers_put_user(struct buf *b, struct span user);
/* `"Name" <sip:number@domain>`. */
void headers_put_party(
    const struct edge *e, struct buf *b, const struct party *p);
/* The same for From as the phone of `to` sees it: anonymous outside, if the
 * caller withholds his name. */
void headers_put_caller(const struct edge *e, struct buf *b,
    const struct party *p, const struct leg *to);
/* ---- dialog.c, exchange.c ---- */

/* A new exchange in call's list.  Errors: NULL: too many. */
struct exchange *exchange_new(struct calls *c, struct call *call);
/* A branch is given up: what was under way with it is answered 487. */
void exchange_end_leg(const struct ctx *x, const struct leg *leg);
/* Let go of its transactions and give it back. */
void exchange_free(struct edge *e, struct exchange *ex);
/* An in-dialog request whose sender proved anew who he is. */
void dialog_reauthorised(const struct ctx *x, struct stxn *t,
    const struct sip_msg *msg, const struct ipc_auth_say *say);
/* A REFER that may go on to the other phone, if both still talk; t is taken. */
void dialog_refer(const struct ctx *x, struct leg *leg, struct stxn *t,
    const struct sip_msg *msg);
/* Relay a request to the other leg, or refuse it; t is taken. */
void exchange_relay(const struct ctx *x, struct leg *leg, struct leg *to,
    struct stxn *t, const struct sip_msg *msg);
/* An ACK came from leg's phone. */
void exchange_ack(
    const struct ctx *x, struct leg *leg, const struct sip_msg *msg);
/* Refuse a request that waits for nothing; headers: whole lines, or "". */
void exchange_refuse(
    const struct ctx *x, struct stxn *t, unsigned status, const char *headers);
/* 2xx was passed on: repeat it until its ACK. */
void exchange_await_ack(const struct ctx *x, struct exchange *ex);
void exchange_ack_timer(const struct ctx *x, struct exchange *ex);
/* The relay answered, or was silent too long: offers that waited for ports go
 * on, with new streams refused for which there are none. */
void exchange_ports_known(const struct ctx *x, struct call *call);
extern const struct stxn_ops exchange_server_ops;

/* ---- restore.c ---- */

/* Something changed that a restart must not forget: save it with this batch
 * of steps. */
void call_changed(struct edge *e, struct call *call);
/* It is over: nothing is to be kept. */
void call_forget(struct edge *e, struct steps *st, struct call *call);

/* ---- note.c ---- */

void note_begun(struct steps *st, const struct call *call);
void note_ringing(struct steps *st, struct call *call);
void note_answered(struct steps *st, const struct call *call);
void note_held(struct steps *st, const struct call *call);
void note_ended(
    struct calls *c, struct steps *st, struct mono now, struct call *call);
/* registrar-db came: what the one before may not have written is said
 * again.  It takes each turn once. */
void note_again(struct steps *st, const struct call *call);
void note_over_again(struct calls *c, struct mono now, struct steps *st);
/* Did this call end a moment ago? */
bool note_is_over(const struct calls *c, uint64_t ticket);
/* ---- conclude.c ---- */

/* What is to be concluded about this phone's media, and by what. */
void leg_conclude(const struct ctx *x, const struct leg *leg,
    const struct ipc_relay_reach *reach, struct ipc_call_reach *out);

/* ---- figures.c ---- */

/* What was concluded of leg's media.  False: that was told already. */
bool note_reach(struct steps *st, const struct leg *leg,
    const struct ipc_call_reach *reach);
/* How leg's phone sounds. */
void note_quality(struct steps *st, const struct leg *leg,
    const struct ipc_quality *quality);
/* What a relay counted, which gives it up: said with what others did. */
void note_media(struct steps *st, struct call *call,
    const struct ipc_counter *counter);
/* Say all of that again. */
void figures_again(struct steps *st, uint64_t ticket, const struct told told[2]);

#endif
