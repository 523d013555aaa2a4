#include "sigproxy/core/sips.h"

bool
sips_is(struct span uri)
{
	return span_caseeq(span_sub(uri, 0, 5), SPAN_LIT("sips:"));
}

bool
sips_may_come(const struct sip_msg *m, const struct flow *from)
{
	return m->ruri.scheme != URI_SIPS || from->transport == TRANSPORT_TLS;
}

bool
sips_may_go(const struct sip_msg *m, uint8_t zone, uint8_t transport)
{
	return m->ruri.scheme != URI_SIPS || zone == ZONE_INTERNAL ||
	    transport == TRANSPORT_TLS;
}

bool
sips_targets(const struct sip_msg *invite, const struct ipc_auth_say *say,
    struct ipc_auth_say *out)
{
	*out = *say;
	if (invite->ruri.scheme != URI_SIPS)
		return true;
	out->n_targets = 0;
	for (unsigned i = 0; i < say->n_targets; i++) {
		const struct ipc_flow *f = &say->targets[i].flow;

		if (sips_may_go(invite, f->zone, f->transport))
			out->targets[out->n_targets++] = say->targets[i];
	}
	/* What lies behind a trunk nobody knows. */
	if (say->n_ways > 0)
		return false;
	return out->n_targets > 0 || say->n_targets == 0;
}
