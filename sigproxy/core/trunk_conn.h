/*
 * Connections to trunks by TCP and TLS: when one is wanted, what becomes of
 * it, and what is said when there is none.
 *
 * One to each address of a trunk (RFC 3263), kept up with the empty lines of
 * RFC 5626 3.5.1 and made anew when it is lost, with longer and longer pauses.
 * stunmon dials and hands over; the shell adopts it and shakes hands by TLS.
 * Only one that is up is a way to the trunk, and what comes by it is the
 * trunk's.
 */
#ifndef SIGPROXY_CORE_TRUNK_CONN_H
#define SIGPROXY_CORE_TRUNK_CONN_H

#include "sigproxy/core/trunks.h"

enum {
	TCONNS_MAX = IPC_TRUNKS_MAX * TRUNK_FLOWS_MAX,
	TCONN_FIRST_MS = 1000,	/* after a failure; then twice as long */
	TCONN_MOST_MS = 60000,
	TCONN_STEADY_MS = 30000, /* one that was up so long did not fail */
	TCONN_PACE_MS = 20,	/* between the first ones of all */
	TCONN_ASK_MS = 8000,	/* for stunmon's answer */
	TCONN_SHAKE_MS = 10000,	/* for the TLS handshake */
	/* Empty lines, for routers that forget, and servers that close what
	 * is idle. */
	TCONN_KEEP_MS = 50000,
};

struct tconns;

/* Errors: NULL for no memory. */
struct tconns *tconns_new(struct timerq *timers);
void tconns_free(struct tconns *c);
/* Timers it needs. */
uint32_t tconns_timers(void);

/* Trunks, or where they are, may have changed. */
void tconns_follow(struct edge *e, struct mono now, struct steps *st);
/* stunmon's door opened or closed. */
void tconns_peer(struct edge *e, struct mono now, bool up);
/* TIMER_TCONN. */
void tconn_due(struct edge *e, struct mono now, struct steps *st,
    struct timer *timer);
/* A connection closed; of nobody's: nothing happens. */
void tconns_closed(struct edge *e, struct mono now, struct steps *st,
    const struct flow *flow);
/* Calls whose own connection is closed go on by these. */
void tconns_claim(struct edge *e, struct mono now, struct steps *st);
/* Is it one of these?  Then it may be silent. */
bool tconns_has(const struct edge *e, const struct flow *flow);

/* Members of a JSON object without braces. */
void tconns_status(const struct edge *e, struct buf *json);
/* The same of one trunk, with a comma before it. */
void tconns_put(const struct edge *e, struct mono now, const struct trunk *t,
    struct buf *json);

#endif
