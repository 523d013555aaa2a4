/*
 * An ear at the SIP port: which port does the sound of an unheard phone leave
 * its home by?
 *
 * Where the office's router forwards the SIP port and no RTP, sound from a
 * port that nobody knows is dropped before the relay, and nothing at the relay
 * tells why.  So the phone is asked, by a re-INVITE in its silent call, to
 * send its sound to our SIP port for a moment, which its router lets out and
 * ours lets in.  A few packets tell: that it sends at all, and from where.  The
 * relay then sends first to that port, and the phone is told the relay's port
 * again.  Where the home's NAT only moves ports the call has its sound from
 * then on; where it does not, another port for each peer is proved.
 *
 * Once in a call, for a second and a half; a few phones at once, of those that
 * were never heard one of each address.  What comes is counted and never
 * answered.  A neighbour behind the same address does not know the SSRC of who
 * was heard, or whose SDP says it; else he is told by what he sent before the
 * question, and where two streams are alike none is believed (ear_hear.c).  Not kept over a
 * restart: then the phone is told the relay's port again (move.h).
 *
 * It looks again for who was heard and falls silent: home routers forget, and
 * give the sound another port.  Then only if its phone sent without a pause
 * until then, or comes back by another flow, or its RTCP has stopped as well.
 * A phone that takes the question and sends nothing is muted, and asked no
 * more for a silence alone.  But in the two other cases it sends to our SIP
 * port until it speaks, for nobody would know the port that its words leave by.
 * A phone whose router forgot the way of its signalling, too, is asked as soon
 * as it comes back (move.h).
 *
 * Belongs to the call part; see call_priv.h.
 */
#ifndef SIGPROXY_CORE_EAR_H
#define SIGPROXY_CORE_EAR_H

#include "common/base/addr.h"
#include "common/base/mono.h"
#include "common/base/span.h"
#include "common/base/timerq.h"
#include "common/ipc/msg.h"
#include "sigproxy/core/verdict.h"

struct buf;
struct calls;
struct ctx;
struct edge;
struct flow;
struct leg;
struct sip_msg;
struct steps;

#define EARS_ASKED 32 /* phones at once; some of them out of reach */
#define EARS_PATIENT 64 /* and who are listened for until they speak */
#define EARS_MAX (EARS_ASKED + EARS_PATIENT)

enum {
	EAR_TURN_MS = 400,   /* until it is looked at again */
	EAR_TURNS = 150,     /* a minute of that: it rings so long, say */
	EAR_ASK_MS = 4000,   /* for the phone to take the re-INVITE */
	EAR_ASKS = 15,	     /* so often that, if it was heard before */
	/* A connection that takes nothing for so long is dead behind a new
	 * mapping.  Its next packet waits for what the kernel repeats ever
	 * more seldom, and at this age already 2 s. */
	EAR_DEAD_MS = 3000,
	EAR_LOOKS = 50,	     /* in a call, for who was heard before */
	EAR_LISTEN_MS = 1500,
	EAR_SURE = 3,		/* packets in order, of whose SSRC nobody knows */
	EAR_CONTEST_MS = 100,	/* then, for another one like it */
	EAR_PROMPT_MS = 500,	/* for a stream with a new SSRC to begin */
	EAR_QUIET_MS = 10000,	/* before which nobody else's came */
	EAR_CONTESTS = 3,	/* so often it is asked again, if one came */
	EAR_CONTEST_PAUSE_MS = 3000,
	EAR_SOUNDS = 2048,	/* a power of two */
	EAR_SOUND_MS = 2000,	/* without a packet: it begins anew */
	EAR_AHEAD = 50,		/* packets lost between two */
	EAR_PROVED_MS = 600, /* the relay should have heard it by now */
	EAR_PAUSE_MS = 1000, /* until the relay tells of it */
	EAR_STALE_MS = 2000, /* packets of the one before may come */
};

enum ear_state {
	EAR_NONE,
	EAR_WAITS,   /* for its turn */
	EAR_LISTENS, /* its SDP says, or will say, our SIP port */
	EAR_ENDS,    /* its SDP will say the relay's again */
	EAR_OVER,
};

struct ear {
	struct timer timer;
	enum ear_state state;
	bool sure;	    /* five seconds passed, whoever else is heard */
	bool agreed;	    /* the phone took the re-INVITE */
	bool paused;	     /* the relay does not hear it any more */
	bool moved;	     /* it came by another flow since it was heard */
	bool gone;	     /* its RTCP stopped with its sound */
	bool asked_gone;     /* since then */
	bool mutes;	     /* it stops sending when it pleases, and nobody
			      * listens for it */
	bool refuses;	     /* to be asked */
	bool again;	     /* this look is for who was heard */
	bool sighted;	     /* and it was found */
	bool word;	     /* by what it said in its silence */
	bool contested;	     /* two streams are alike */
	uint8_t contests;
	uint8_t looks;	     /* of that kind */
	struct mono paused_at;
	struct addr before;  /* where it was heard from then */
	/* Its router moved its sound, from there to here, and it was not
	 * heard for so long; 0: never. */
	struct addr moved_from, moved_to;
	uint32_t moved_ms;
	struct mono back_at; /* heard again, after so long without */
	uint32_t quiet_ms;
	struct addr announced_then; /* when it was learnt last */
	bool silent;	    /* and sent nothing, all the time */
	struct flow by;     /* at which it is heard */
	uint8_t turns;
	struct ipc_relay_reach reach; /* what the relay said last */
	struct addr announced; /* by the phone, for its sound */
	struct addr said;   /* what SDP says meanwhile */
	struct addr first;  /* whose stream is sure */
	struct addr stray;  /* of one that may be its own, with a new SSRC */
	uint32_t ssrc;
	bool says_ssrc;	    /* by its SDP; so it is said_ssrc */
	uint32_t said_ssrc;
	uint64_t types[2];  /* payload types of its SDP and ours; 0: unknown */
	struct addr seen;   /* where its sound comes from; none: not known */
	struct mono asked;  /* this look's question */
	struct mono took;   /* and its 200 */
	struct mono ended;  /* it took the relay's port again; 0: not yet */
};

/* A stream that came to a SIP port, by its source and SSRC. */
struct ear_sound {
	uint32_t tag;		/* 0: none */
	uint16_t seq;
	uint16_t n;		/* packets in order */
	struct mono first, last;
};

/* Those that listen, and where the last one was heard. */
struct ears {
	struct leg *leg[EARS_MAX];
	struct addr stale; /* it may go on there for a moment */
	struct mono stale_until;
	uint64_t asked, heard, dead, contested;
	/* Of each stream, and of each IP; by a keyed hash, the newest stay. */
	struct ear_sound sounds[2][EAR_SOUNDS];
};

/* May leg's phone be asked, whether it was heard before or not? */
bool ear_may_ask(const struct edge *e, const struct leg *leg,
    const struct ipc_relay_reach *reach);
/* The relay hears nothing of leg's phone, says reach. */
void ear_want(const struct ctx *x, struct leg *leg,
    const struct ipc_relay_reach *reach);
/* It did hear it, and for a second or more does not, says reach. */
void ear_paused(const struct ctx *x, struct leg *leg,
    const struct ipc_relay_reach *reach);
/* It hears it, says reach. */
void ear_heard(const struct ctx *x, struct leg *leg,
    const struct ipc_relay_reach *reach);
/* It learnt leg's address; before it was that one, or none. */
void ear_learnt(const struct ctx *x, struct leg *leg,
    const struct addr *before);
/* Our address may be another one than its phone was told to send to: then it
 * is told the relay's, and looked for anew once it took that. */
void ear_readdress(const struct ctx *x, struct leg *leg);
/* Leg's phone came by another flow: look, if it is not heard. */
void ear_moved(const struct ctx *x, struct leg *leg);
/* The same; asked for by ear.c once more. */
void ear_look_again(const struct ctx *x, struct leg *leg);
/* It waits: begin if it is its turn. */
void ear_turn(const struct ctx *x, struct leg *leg);
/* TIMER_CALL_EAR. */
void ear_due(const struct ctx *x, struct leg *leg);
/* Is more to be found out before anything is concluded? */
bool ear_is_busy(const struct leg *leg);
/* What its phone sends is known by its answer. */
void ear_answered(struct leg *leg, const struct sip_msg *answer);
/* Of whom nothing is known but a stream: it is believed, or nobody is. */
void ear_decide(const struct ctx *x, struct leg *leg);
/* Its phone is told the relay's port again. */
void ear_end_listening(const struct ctx *x, struct leg *leg);
/* RTP came to a SIP port; true: from somebody who was asked. */
bool ear_packet(struct edge *e, struct mono now, struct steps *st,
    const struct flow *from, struct span packet);
/* The phone took a re-INVITE of ours, or refused it for good.  False: it was
 * none of the ear's. */
bool ear_accepted(
    const struct ctx *x, struct leg *leg, const struct sip_msg *answer);
bool ear_refused(const struct ctx *x, struct leg *leg);
/* It did not answer one. */
void ear_unanswered(const struct ctx *x, struct leg *leg);
/* The call ends, or the leg goes. */
void ear_stop(struct edge *e, struct leg *leg);

/* What SDP says for stream nr of leg's phone now. */
struct ipc_port ear_port(const struct leg *leg, unsigned nr);
/* Where the relay finds the phone instead of where s says; NULL: unknown. */
const struct addr *ear_found(const struct leg *leg, unsigned nr);
/* What was found out of a phone that is unheard now. */
enum sight ear_seen(
    const struct edge *e, const struct leg *leg, struct mono now);
/* The same of one that was heard before. */
enum sight ear_seen_again(
    const struct edge *e, const struct leg *leg, struct mono now);
/* The deciding fact, and its addresses, for what is concluded by in. */
void ear_prove(const struct edge *e, const struct leg *leg,
    const struct verdict_in *in, struct ipc_call_reach *out);
void ear_status(const struct calls *c, struct buf *json);

#endif
