/*
 * Registered flows: which addresses belong to phones of ours, and keeping the
 * way to them open.
 *
 * Learnt from each successful REGISTER and from registrar-db's FLOW_KEEP, in
 * a fixed table.  A flow from outside is asked with OPTIONS at the pace that
 * its home's router bears (pace.h), UDP and streams apart; a phone that does
 * not answer even right after its REGISTER gets CR LF CR LF (RFC 5626 3.5.1)
 * instead.  Phones in the office are never asked.  What was learnt of a home
 * is kept by registrar-db (HOME_PACE).  Here too: STUN by the SIP
 * sockets, asked for by stunmon, and what it believes our public address is.
 */
#ifndef SIGPROXY_CORE_KEEP_H
#define SIGPROXY_CORE_KEEP_H

#include "common/base/timerq.h"
#include "sigproxy/core/edge.h"
#include "sigproxy/core/verdict.h"

enum {
	KEEP_TRIES = 3,		/* a question is sent so often */
	KEEP_TRY_MS = 1000,	/* and waits so long for its answer each time */
	/* For phones that answer nothing: below the 30 s after which most of
	 * the shorter-lived home routers forget UDP. */
	KEEP_MUTE_MS = 20000,
	KEEP_SLOT_MS = 100,	/* not more than a few at once */
	/* A phone's first request is repeated after as long (T1). */
	KEEP_ADDRESS_MS = 500,
	KEEP_SLOT_SENT = 25,	/* and a hundredth of all flows */
	KEEP_MEMORY_MS = 86400000, /* of a home without phones */
	/* A phone whose REGISTER went to our old address, because DNS did not
	 * follow yet, repeats it for 32 s (RFC 3261 17.1.2.2), and waits up to
	 * a minute more before the next one. */
	KEEP_MISSED_MS = 100000,
};

struct keep;

/* How many timers it needs. */
static inline size_t
keep_timers(uint32_t max_flows)
{
	return max_flows + 2; /* missing_timer, address_timer */
}

/* Errors: NULL for no memory. */
struct keep *keep_new(const struct edge_conf *conf, struct timerq *timers,
    uint32_t max_flows);
void keep_free(struct keep *k);

/* Is there a live registration from this IP? */
bool keep_knows(const struct keep *k, const struct addr *a);

/* A binding is reached by this flow for so long; the longest wish counts.
 * Limits: at max_flows a new flow is not kept and is counted. */
void keep_flow(struct keep *k, struct mono now, const struct flow *f,
    uint32_t expires_s);
/* A REGISTER that came by a flow: whose, and how it found us. */
struct keep_who {
	struct span number;
	struct addr server;	/* address it is set to; none: a name */
};
/* The same, since a REGISTER came by it. */
void keep_registered(struct edge *e, struct mono now, struct steps *st,
    const struct flow *f, uint32_t expires_s, const struct keep_who *who);
/* This number's phone showed its password: nobody misses it. */
void keep_found(struct edge *e, struct steps *st, struct span number);
/* The port by which the phone at its end addressed us in its last REGISTER;
 * 0: none was written, or it is not known (after a restart, until the next
 * one). */
uint16_t keep_used_port(const struct keep *k, const struct flow *f);
void keep_note_port(struct edge *e, const struct flow *f,
    const struct sip_msg *m);
/* A REGISTER came by a flow, with this Contact: does its router move ports? */
void keep_note_nat(struct keep *k, const struct flow *f, struct span contact);
/* What the phones registered by UDP from this IP show of its router: one port
 * that passed shows that it keeps those that are free. */
enum home_nat keep_home_nat(const struct keep *k, const struct addr *a);
/* What the phones there showed of it when they were asked (ear.h). */
void keep_note_proof(struct keep *k, const struct addr *a, enum home_nat nat);
/* Something that nobody asked for came in by this listener, by UDP; did it? */
void keep_reached(struct keep *k, const struct flow *from);
bool keep_is_reached(const struct keep *k, uint8_t listener);
/* Is there a binding that is reached by it? */
bool keep_has(const struct keep *k, const struct flow *f);
/* Its connection closed. */
void keep_closed(struct edge *e, struct mono now, struct steps *st,
    const struct flow *f);

/* Is its phone reached?  Ask at once, unless an answer is awaited already;
 * call_reached() follows. */
void keep_ask(struct edge *e, struct mono now, const struct flow *f);
/* Does its phone answer nothing, as far as is known? */
bool keep_is_mute(const struct keep *k, const struct flow *f);
/* Did its phone answer, or register, since? */
bool keep_answered_since(const struct keep *k, const struct flow *f,
    struct mono since);
/* Did it not answer what it was asked last, though it used to? */
bool keep_is_failing(const struct keep *k, const struct flow *f);
/* So many seconds between a phone's own keepalives are fine. */
uint32_t keep_advice_s(const struct keep *k, const struct flow *f);

/* Something came by this flow. */
void keep_stir(struct keep *k, struct mono now, const struct flow *from);
/* A response came that no transaction waits for: is it the answer to what
 * was asked here? */
bool keep_answer(struct edge *e, struct mono now, struct steps *st,
    const struct flow *from, const struct sip_msg *msg);

/* A request came, accepted or to be refused: does it show a SIP ALG?
 * Takes:   raw  as it came, with what follows the message in a datagram. */
void keep_look(struct edge *e, struct steps *st, const struct flow *from,
    const struct sip_msg *msg, struct span raw);

/* FLOW_KEEP, FLOW_GONE, FLOW_MOVED, HOME_PACE, PHONE_LOST, STUN_SEND,
 * PUBLIC_ADDR.
 * Errors: as edge_frame(). */
int keep_frame(struct edge *e, struct mono now, struct steps *st,
    uint16_t type, struct span payload);
/*
 * Is it known where we are, seen from outside?  A phone that was told the own
 * address of a listener behind a router sends its ACK nowhere.  From
 * keep_await_address() on it is waited for KEEP_ADDRESS_MS at most: without
 * stunmon, those in the office can call, too.
 */
bool keep_is_addressed(const struct edge *e);
/* Everything else that is waited for at the start begins. */
void keep_await_address(struct edge *e, struct mono now);
/* TIMER_ADDRESS. */
void keep_address_due(struct edge *e, struct steps *st);
/* stunmon's door opened: tell it which sockets we want mapped. */
void keep_stun_up(struct edge *e, struct mono now, struct steps *st);
/* Our address may be another one: stunmon is to look at once. */
void keep_stun_look(struct edge *e, struct steps *st);
/* A STUN packet came to a SIP socket; only awaited answers go anywhere. */
void keep_stun(struct edge *e, struct mono now, struct steps *st,
    const struct flow *from, struct span packet);

/* registrar-db's door opened: it may have missed who is lost. */
void missing_tell_all(struct edge *e, struct mono now, struct steps *st);
/* TIMER_MISSING. */
void missing_due(struct edge *e, struct mono now, struct steps *st);
/* TIMER_KEEP. */
void keep_due(struct edge *e, struct mono now, struct steps *st,
    struct timer *t);
/* Members of a JSON object without braces. */
void keep_status(const struct keep *k, struct mono now, struct buf *json);

#endif
