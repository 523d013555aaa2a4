/*
 * MESSAGE outside of dialogs (RFC 3428): from one subscriber to another.
 *
 * Authenticated, and the number looked up, like a call; then sent to every
 * device of that number by its flow, and the first 2xx is the sender's
 * answer.  The sender's name is the database's.  Nothing is stored: whoever
 * has no device gets no message, and the sender hears 480.
 */
#ifndef SIGPROXY_CORE_MESSAGE_H
#define SIGPROXY_CORE_MESSAGE_H

#include "sigproxy/core/auth.h"
#include "sigproxy/core/step.h"

enum {
	MESSAGES_MAX = 256,		/* under way at once */
	MESSAGE_BYTES_MAX = 2048,	/* of a body */
	MESSAGE_WAIT_MS = 20000,	/* for the first 2xx */
	/* Of one sender: so many at once, then one each so many ms. */
	MESSAGE_BURST = 20,
	MESSAGE_EACH_MS = 1000,
};

struct messages;

/* Errors: NULL for no memory. */
struct messages *messages_new(uint32_t max);
void messages_free(struct messages *m);
size_t messages_timers(uint32_t max);

/* A MESSAGE whose sender proved who he is; t is taken and answered. */
void message_authorised(struct edge *e, struct mono now, struct steps *st,
    struct stxn *t, const struct sip_msg *msg,
    const struct ipc_auth_say *say);
/* TIMER_MESSAGE. */
void message_due(struct edge *e, struct mono now, struct steps *st,
    struct timer *timer);
/* Members of a JSON object without braces. */
void messages_status(const struct messages *m, struct buf *json);

#endif
