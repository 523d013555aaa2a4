/*
 * Subscriptions: phones watch numbers and mailboxes, and we are the notifier
 * (RFC 6665, RFC 7621).
 *
 * "dialog" (RFC 4235, BLF) tells of our own calls; "message-summary"
 * (RFC 3842, the lamp) of mailboxes, which mwi.h knows.  Every SUBSCRIBE
 * proves who sends it, also inside its dialog; a number is watched only if
 * registrar-db says so, with the rules of a call.  A NOTIFY goes by the flow
 * that its watcher proved last and by no other; a challenge to it is never
 * answered.  At most one a second for each subscription: the latest state is
 * what is told.
 *
 * A fixed pool; what a restart must not forget is kept by registrar-db
 * (SUB_SAVE) before anything that follows from it leaves.
 */
#ifndef SIGPROXY_CORE_SUBS_H
#define SIGPROXY_CORE_SUBS_H

#include "sigproxy/core/auth.h"
#include "sigproxy/core/step.h"

enum {
	SUBS_EXPIRES_MIN_S = 60,	/* less is answered 423 */
	SUBS_EXPIRES_MAX_S = IPC_SUB_LEFT_MAX_S,
	/* By UDP from outside: a home whose router forgot the way is told
	 * again not later than this. */
	SUBS_EXPIRES_NATED_S = 600,
	SUBS_PACE_MS = 1000,		/* between two NOTIFYs of one */
	SUBS_EACH_MAX = 100,		/* of one watcher */
	SUBS_DIALOGS_MAX = 8,		/* told of one number */
};

enum sub_event { SUB_NONE = 0, SUB_DIALOG, SUB_MWI };

/* What Allow-Events says: what is built. */
#define SUBS_EVENTS "dialog, message-summary"

struct subs;

/* Errors: NULL for no memory. */
struct subs *subs_new(uint32_t max);
void subs_free(struct subs *s);
size_t subs_timers(uint32_t max);

/* Which package an Event header names; id: its parameter, or empty. */
enum sub_event subs_event_of(const struct sip_msg *m, struct span *id_out);

/* A SUBSCRIBE, no retransmission: refused here or sent to be authenticated.
 * In a dialog (it has a To tag) it must be one of ours. */
void subs_request(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in);
void subs_in_dialog(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in);
/* Its sender is who he says: begin, refresh or end a subscription; t is
 * taken and answered. */
void subs_authorised(struct edge *e, struct mono now, struct steps *st,
    struct stxn *t, const struct sip_msg *msg,
    const struct ipc_auth_say *say);

/* Something about this number changed: whoever watches it may have to be
 * told. */
void subs_touch(struct edge *e, enum sub_event event, struct span number);
/* Is there a watcher of it? */
bool subs_has(
    const struct subs *s, enum sub_event event, struct span number);
/* At the end of each event: tell what changed. */
void subs_settle(struct edge *e, struct mono now, struct steps *st);

/* A phone of this number registered by a new connection: its subscriptions
 * whose connection is closed go on by it (call_phone_back()). */
void subs_phone_back(struct edge *e, struct mono now, struct steps *st,
    struct span number, const struct flow *flow, struct span contact);

/* SUB_RESTORE and SUB_END.  Errors: -EBADMSG, -ERANGE. */
int subs_frame(struct edge *e, struct mono now, struct steps *st,
    uint16_t type, struct span payload);
/* registrar-db's door opened: all is saved again. */
void subs_save_all(struct edge *e);
/* TIMER_SUB, TIMER_SUBS. */
void subs_due(struct edge *e, struct mono now, struct steps *st,
    struct timer *timer);
/* Members of a JSON object without braces. */
void subs_status(const struct subs *s, struct buf *json);

#endif
