/*
 * A leg: one dialog with one phone (RFC 3261 12), how to find it by its
 * token, and the requests we make in it.  Belongs to the call part; see
 * call_priv.h.
 */
#ifndef SIGPROXY_CORE_LEG_H
#define SIGPROXY_CORE_LEG_H

#include "sigproxy/core/doubt.h"
#include "sigproxy/core/ear.h"
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/ice.h"
#include "sigproxy/core/move.h"
#include "sigproxy/core/secure.h"
#include "sigproxy/core/session.h"
#include "sigproxy/core/streams.h"
#include "sigproxy/sip/build.h"
#include "sigproxy/sip/sdp.h"

#define LEG_TOKEN_LEN 16 /* base64url of 12 random bytes */

struct call;

/* Everything that most functions here need: the edge, the time, the way
 * out. */
struct ctx {
	struct edge *e;
	struct mono now;
	struct steps *st;
};

/* Text that outlives its message, of at most n bytes. */
#define TEXT(n)                                                                \
	struct {                                                               \
		uint16_t len;                                                  \
		char p[n];                                                     \
	}
#define TEXT_SPAN(t) span_make((t).p, (t).len)
/* 0, or -EMSGSIZE: then t is untouched. */
#define TEXT_SET(t, s) text_set((t)->p, sizeof((t)->p), &(t)->len, (s))
int text_set(char *p, size_t cap, uint16_t *len, struct span s);

/* Who somebody is, copied from the oracle's answer. */
struct party {
	TEXT(32) number;
	TEXT(64) name;
	uint8_t hold, latching; /* enum hold_mode, latch_mode */
	uint8_t srtp;           /* enum srtp_policy */
	bool withheld;          /* its name, outside (RFC 3323) */
	TEXT(120) codecs;       /* of its sound outside; empty: all */
	uint32_t max_kbps;      /* outside; 0: any */
};

/* One relayed stream, as it is for one phone. */
struct end_stream {
	bool counting;         /* closed, RELAY_STATS is awaited */
	bool was_set;          /* RELAY_SET was sent before */
	bool off;              /* refused or gone: nothing is relayed */
	bool held;             /* silence is agreed */
	bool silent;           /* so says the relay */
	bool mux;              /* its phone wants RTCP on the RTP port */
	bool video;            /* marked as such */
	uint8_t form;          /* enum stream_form */
	uint8_t tone_pt;       /* events its phone hears (RFC 4733) */
	uint32_t tone_rate;    /* 0: none */
	bool no_info;          /* nor takes it digits by INFO */
	struct ipc_port port;  /* ours, towards this phone; once said in an
				* SDP it never changes */
	struct addr rtp, rtcp; /* what the phone announced last */
	uint8_t verdict;       /* enum media_verdict, as last reported */
	struct addr learnt;    /* where its RTP was heard from last */
	struct addr learnt_rtcp;
	struct secure_stream srtp;
	struct ice_stream ice;
};

/* One phone's end of the relay. */
struct end {
	bool open;      /* asked for; to be closed */
	bool asked;     /* its first RELAY_SAY is awaited */
	uint8_t wanted; /* streams asked for */
	uint8_t n;      /* streams that have ports: from 0 on */
	struct end_stream stream[IPC_STREAMS_MAX];
};

enum leg_state {
	LEG_WAITING,   /* nothing sent */
	LEG_CALLING,   /* INVITE out (caller: INVITE in) */
	LEG_EARLY,     /* provisional answer with a tag */
	LEG_CONFIRMED, /* 2xx */
	LEG_LOST,      /* cancelled or failed; final answer due */
	LEG_OVER,
};

/* What a phone said that the other one is told again (RFC 3515, 3891, 4488). */
enum can {
	CAN_REFER = 1,
	CAN_REPLACES = 2,
	CAN_NOREFERSUB = 4,
	CAN_ALL = 7,
};

struct leg {
	struct htab_node node; /* by token */
	struct call *call;
	uint8_t index; /* in call->leg; number of its end */
	enum leg_state state;
	char token[LEG_TOKEN_LEN]; /* user part of our Contact */
	struct flow flow;
	uint32_t trunk; /* whose leg it is; 0: a phone's */
	bool relayed; /* branch: its media is relayed */
	struct end end;
	TEXT(512) target;  /* the phone's Contact URI, verbatim */
	TEXT(512) route;   /* its route set, as Route's value */
	TEXT(256) call_id; /* as this side knows it */
	TEXT(256)
	local, remote;        /* From and To of what we send, without
			       * tags */
	TEXT(128) tag;        /* of the phone; empty: none yet */
	struct mono digits_at; /* those it got by INFO, at their pace, end */
	uint32_t local_cseq;  /* of our last request */
	uint32_t remote_cseq; /* of the phone's last request */
	int64_t cseq_offset;  /* other side's CSeq + this = ours */
	uint8_t can;          /* enum can */
	uint8_t srtp_way;     /* enum secure_way, of our first offer */
	bool srtp_turned;     /* the other way was tried, too */
	bool ice;             /* its phone speaks ICE: it is offered */
	uint8_t seed[SECURE_SEED_LEN]; /* of its keys */
	struct session session; /* its session timer */
	/* The end: see farewell.c. */
	bool knows_end;   /* it said BYE, or answered ours */
	bool owes_bye;    /* ours has no answer yet */
	bool owes_ack;    /* and it never got the ACK of its 2xx */
	struct ctxn *bye; /* under way, or NULL */
	struct telling told;	/* of our addresses, in the dialog */
	uint32_t version_shift; /* SDPs of ours between those passed on, for
				 * the version in o= */
	struct move move;
	struct ear ear;
	struct doubt doubt;
	/* Branches only. */
	uint8_t spare_of; /* another flow of that branch's phone, tried when
			   * the one before failed (RFC 5626 5.3); 0: none */
	bool is_spare;    /* and not tried yet */
	struct ctxn *invite; /* until ended() */
	uint8_t n_invites;   /* sent: more than one after a 422 */
	uint32_t rseq;       /* of its last reliable answer; 0: none */
	bool offered;        /* an offer stood in one (RFC 3262 5) */
	bool is_settled;     /* offer and answer passed reliably */
	struct media media, peer_media; /* its own and the caller's, here */
	bool asked;          /* media is the offer, peer_media its answer */
	uint32_t invite_cseq;
	bool is_slow;  /* a trunk that said 100 and no more so far */
	uint8_t n_2xx; /* heard, copies too */
	struct timer timer_c;
	uint16_t status; /* final answer; 0: none yet */
	TEXT(32) diverts_to; /* a 3xx of that number of ours; empty: none */
	uint8_t divert_why;  /* place in divert.c's table */
};

/* Errors: NULL: pool exhausted. */
struct leg *leg_new(struct calls *c, struct call *call);
void leg_free(struct edge *e, struct leg *leg);
/* LEG_TOKEN_LEN characters that nobody can guess. */
void leg_make_token(char *token);
/* Give it the token that its phone knows. */
void leg_rename(struct calls *c, struct leg *leg, struct span token);
struct leg *leg_find(const struct calls *c, struct span token);
/* Whose phone this is. */
const struct party *leg_party(const struct leg *leg);
bool leg_is_external(const struct leg *leg);
/* Copy what the caller's INVITE says.  Errors: -EMSGSIZE. */
int leg_from_invite(
    struct leg *leg, const struct sip_msg *msg, const struct flow *from);
/* Copy what an answer says: tag, target, route set.  Errors: -EMSGSIZE. */
int leg_learn(struct leg *leg, const struct sip_msg *answer);
/* Take what a target refresh says: Contact (12.2.1.2, 12.2.2), abilities. */
void leg_refresh(struct leg *leg, const struct sip_msg *msg);
/* Our CSeq for a request that the other side numbered n. */
uint32_t leg_cseq(struct leg *leg, uint32_t n);
/* What a request of ours begins with. */
struct leg_start {
	struct span method;
	uint32_t cseq;
	struct span branch;
	uint8_t max_forwards;
	struct span our_tag; /* of its From; may be empty */
};
/* Start line to CSeq, with leg's names and tag in From and To. */
void leg_put_start(const struct edge *e, struct buf *b, const struct leg *leg,
    const struct leg_start *s);
/* Begin a request inside leg: start line to CSeq, and our Contact. */
void leg_put_request(const struct edge *e, struct buf *b, const struct leg *leg,
    struct span method, uint32_t cseq, struct span branch,
    uint8_t max_forwards);
/* The same, when it is not the other party but `as` who speaks. */
void leg_put_request_as(const struct edge *e, struct buf *b,
    const struct leg *leg, const struct leg *as, struct span method,
    uint32_t cseq, struct span branch, uint8_t max_forwards);
/* A branch of ours that is unique by dialog, CSeq and method; in mem of
 * BRANCH_LEN bytes. */
struct span leg_branch_own(const struct edge *e, const struct leg *leg,
    const char *method, uint32_t cseq, char *mem);
/* Our Contact, as this phone sees it. */
void leg_put_contact(const struct edge *e, const struct leg *leg,
    struct buf *b);
/* Send ACK for a 2xx; body may be empty; kept gets a copy unless NULL. */
void leg_ack(const struct ctx *x, struct leg *leg, uint32_t cseq,
    struct span sdp, struct blob *kept);
/* The same for a body of any type. */
void leg_ack_typed(const struct ctx *x, struct leg *leg, uint32_t cseq,
    struct span type, struct span body, struct blob *kept);
/* Send BYE; reason and cause as in struct ending.  ops, unless NULL, with leg
 * as owner: leg->bye is its transaction, NULL if there was no room. */
void leg_bye(const struct ctx *x, struct leg *leg, const char *reason,
    const struct sip_msg *cause, const struct leg *cause_from,
    const struct ctxn_ops *ops);

#endif
