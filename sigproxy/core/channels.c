/*
 * Channels (R95-R102): each side of a call that is outside counts one, be it
 * a device or a trunk, and the called number one however many of its devices
 * ring.  Two remote phones use two, a remote phone and a trunk too.
 *
 * Beside the site's channels some are reserved for emergency calls.  These
 * take the reserved ones first, and ordinary ones when there are no more.
 */
#include "sigproxy/core/call_priv.h"

static bool
has_external(const struct call *call)
{
	for (unsigned i = call->base; i < call->n_legs; i++)
		if (leg_is_external(call->leg[i]))
			return true;
	return false;
}

uint8_t
channels_of_caller(const struct call *call)
{
	return leg_is_external(call->leg[0]) ? 1 : 0;
}

uint8_t
channels_needed(const struct call *call)
{
	return (uint8_t)(channels_of_caller(call) + has_external(call));
}

bool
channels_fit(const struct edge *e, const struct call *call, uint8_t n)
{
	const struct calls *c = e->calls;
	uint32_t urgent = c->channels_emergency, all = c->channels + n;

	/* Who needs none is never out of them. */
	if (n == 0)
		return true;
	if (call->emergency)
		return all <= e->conf->channels + e->conf->reserved;
	return all - (urgent < e->conf->reserved ? urgent :
						   e->conf->reserved) <=
	    e->conf->channels;
}

void
channels_use(struct calls *c, struct call *call, uint8_t n)
{
	c->channels += n;
	c->channels -= call->channels;
	if (call->emergency) {
		c->channels_emergency += n;
		c->channels_emergency -= call->channels;
	}
	call->channels = n;
}

/* ---- the tables, which are as bounded as channels are ---- */

/* So many are kept free of ordinary calls. */
static bool
is_kept(const struct pool *p)
{
	return p->n - p->used <= p->n / 64;
}

bool
channels_is_crowded(const struct calls *c)
{
	return is_kept(&c->pool) || is_kept(&c->legs) || is_kept(&c->exchanges);
}
