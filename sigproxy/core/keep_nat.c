/* What the ports of REGISTERs show of homes' routers (verdict.h). */
#include "sigproxy/core/keep_priv.h"

void
keep_note_nat(struct keep *k, const struct flow *f, struct span contact)
{
	struct kept *kept = keep_find(k, f);
	enum home_nat nat = verdict_home(f, contact);

	if (kept == NULL || kept->nat == nat)
		return;
	kept->home->nats[kept->nat]--;
	kept->home->nats[nat]++;
	kept->nat = (uint8_t)nat;
}

void
keep_reached(struct keep *k, const struct flow *from)
{
	if (from->zone == ZONE_EXTERNAL && from->transport == TRANSPORT_UDP &&
	    from->listener < EDGE_LISTENERS_MAX)
		k->reached[from->listener] = true;
}

bool
keep_is_reached(const struct keep *k, uint8_t listener)
{
	return listener < EDGE_LISTENERS_MAX && k->reached[listener];
}

void
keep_nat_dropped(struct kept *kept)
{
	kept->home->nats[kept->nat]--;
}
