/*
 * Which mediaproxy a new call gets: the living one with the fewest calls,
 * and another one when that has no port left or says nothing.
 */
#include "sigproxy/core/call_priv.h"

int
relay_choose(const struct edge *e, const struct call *call)
{
	const struct calls *c = e->calls;
	int best = -1;

	for (unsigned i = 0; i < e->conf->n_relays && i < STEPS_RELAYS_MAX; i++)
		if (e->relay_up[i] && (call->tried & 1u << i) == 0 &&
		    (best < 0 || c->relay_calls[i] < c->relay_calls[best]))
			best = (int)i;
	return best;
}

/* What it gave is given back; what it may yet say is of a session unknown. */
static void
leave(const struct ctx *x, struct call *call)
{
	struct ipc_relay_close close = { call->session, RELAY_ALL_ENDS };
	struct calls *c = x->e->calls;

	STEPS_ASK(x->st, &x->st->relay[call->instance], RELAY_CLOSE,
	    relay_close, &close);
	c->relay_calls[call->instance]--;
	htab_del(&c->by_session, &call->by_session);
	call->session = 0;
	call->ends_asked = 0;
	for (unsigned i = 0; i < call->n_legs; i++)
		if (call->leg[i] != NULL)
			call->leg[i]->end = (struct end){ .open = false };
}

bool
relay_elsewhere(const struct ctx *x, struct call *call)
{
	/* Of a call that was redirected a port may stand in an SDP. */
	if (call->phase != CALL_OPENING || call->session == 0 || call->base > 1)
		return false;
	call->tried |= (uint8_t)(1u << call->instance);
	if (relay_choose(x->e, call) < 0)
		return false;
	steps_log(x->st, STEP_WARN, "relay-not-taken");
	steps_key_number(x->st, "instance", call->instance);
	steps_key_number(x->st, "call", call->ticket);
	leave(x, call);
	if (relay_begin(x->e, call) != 0)
		return false;
	setup_open_ends(x, call);
	return true;
}
