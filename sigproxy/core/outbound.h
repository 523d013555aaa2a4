/*
 * RFC 5626 outbound, the registrar's half: phones that keep several flows.
 *
 * A Contact with reg-id and instance of a phone that supports outbound and
 * stands directly before us is one flow of its device; the others stay.  The
 * 200 says so with Require: outbound, and Flow-Timer tells how often the
 * phone may be content to send its own keepalives.  A phone behind a proxy
 * of its own is registered as RFC 3261 has it: its reg-id says nothing here.
 */
#ifndef SIGPROXY_CORE_OUTBOUND_H
#define SIGPROXY_CORE_OUTBOUND_H

#include "sigproxy/core/edge.h"
#include "sigproxy/sip/msg.h"

/* May the reg-ids of this REGISTER count? */
bool outbound_is_meant(const struct sip_msg *m);

/* Headers of the 200, when a binding that was asked for has a reg-id. */
void outbound_put(const struct edge *e, struct buf *b,
    const struct flow *from, const struct ipc_reg_ask *ask,
    const struct ipc_reg_say *say);

#endif
