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
sips_targets(const struct sip_msg *invite, const struct ipc_auth_say *say,
    struct ipc_auth_say *out)
{
	*out = *say;
	if (invite->ruri.scheme != URI_SIPS)
		return true;
	out->n_targets = 0;
	for (unsigned i = 0; i < say->n_targets; i++) {
		const struct ipc_flow *f = &say->targets[i].flow;

		if (f->zone == ZONE_INTERNAL || f->transport == TRANSPORT_TLS)
			out->targets[out->n_targets++] = say->targets[i];
	}
	return out->n_targets > 0 || say->n_targets == 0;
}
