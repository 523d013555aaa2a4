/*
 * Registered flows: which addresses belong to phones of ours, and keeping the
 * way to them open.
 *
 * Learnt from each successful REGISTER and from registrar-db's FLOW_KEEP, in
 * a fixed table.  A UDP flow through a NAT gets "CR LF CR LF" (RFC 5626
 * 3.5.1's ping, which every phone ignores on UDP) each KEEP_PERIOD_MS, all
 * flows spread over the period.  Here too: STUN by the SIP sockets, asked for
 * by stunmon, and what it believes our public address is.
 */
#ifndef SIGPROXY_CORE_KEEP_H
#define SIGPROXY_CORE_KEEP_H

#include "common/base/timerq.h"
#include "sigproxy/core/edge.h"

/* Below the 30 s after which the shortest-lived home routers forget UDP. */
#define KEEP_PERIOD_MS 22000
#define KEEP_TURNS 220		/* wake-ups in one period */

struct keep;

/* Errors: NULL for no memory. */
struct keep *keep_new(const struct edge_conf *conf, struct timerq *timers,
    uint32_t max_flows);
void keep_free(struct keep *k);

/* Is there a live registration from this IP? */
bool keep_knows(const struct keep *k, const struct addr *a);

/* A binding is reached by this flow for so long; the longest wish counts.
 * Limits: at max_flows a new flow is not kept and is counted. */
void keep_flow(struct keep *k, struct mono now, const struct flow *f,
    bool nated, uint32_t expires_s);
/* Is there a binding that is reached by it? */
bool keep_has(const struct keep *k, const struct flow *f);
void keep_forget(struct keep *k, const struct flow *f);

/* FLOW_KEEP, FLOW_GONE, STUN_SEND, PUBLIC_ADDR.  Errors: as edge_frame(). */
int keep_frame(struct edge *e, struct mono now, struct steps *st,
    uint16_t type, struct span payload);
/* stunmon's door opened: tell it which sockets we want mapped. */
void keep_stun_up(struct edge *e, struct mono now, struct steps *st);
/* A STUN packet came to a SIP socket; only awaited answers go anywhere. */
void keep_stun(struct edge *e, struct mono now, struct steps *st,
    const struct flow *from, struct span packet);

/* TIMER_KEEP. */
void keep_due(struct edge *e, struct mono now, struct steps *st);
/* Members of a JSON object without braces. */
void keep_status(const struct keep *k, struct buf *json);

#endif
