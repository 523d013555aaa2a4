/* What the ports of REGISTERs show of homes' routers (verdict.h). */
#include "sigproxy/core/keep_priv.h"

void
keep_note_nat(struct keep *k, const struct flow *f, struct span contact)
{
	static const struct addr none;
	struct kept *kept = keep_find(k, f);
	enum home_nat nat = verdict_home(f, contact, &none);

	if (kept == NULL || kept->nat == nat)
		return;
	kept->home->nats[kept->nat]--;
	kept->home->nats[nat]++;
	kept->nat = (uint8_t)nat;
}

void
keep_nat_dropped(struct kept *kept)
{
	kept->home->nats[kept->nat]--;
}
