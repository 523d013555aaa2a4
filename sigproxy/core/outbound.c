#include "sigproxy/core/outbound.h"
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/keep.h"
#include "sigproxy/sip/build.h"

/* One value of a header that lists option tags. */
static bool
lists(const struct sip_msg *m, enum sip_hdr_id id, struct span tag)
{
	struct sip_values it = sip_values(m, id);
	struct span value;

	while (sip_values_next(&it, &value) == 0) {
		if (span_caseeq(span_trim(value), tag))
			return true;
	}
	return false;
}

static bool
came_directly(const struct sip_msg *m)
{
	struct sip_values it = sip_values(m, SIP_H_VIA);
	struct span value;
	unsigned n = 0;

	while (n < 2 && sip_values_next(&it, &value) == 0)
		n++;
	return n == 1;
}

bool
outbound_is_meant(const struct sip_msg *m)
{
	return lists(m, SIP_H_SUPPORTED, SPAN_LIT("outbound")) &&
	    came_directly(m);
}

static bool
has_reg_id(const struct ipc_reg_ask *ask, const struct ipc_reg_say *say)
{
	for (unsigned i = 0; i < say->n_bindings; i++) {
		const struct ipc_binding *one = &say->bindings[i];

		for (unsigned j = 0; j < ask->n_contacts; j++) {
			if (one->reg_id != 0 &&
			    one->reg_id == ask->contacts[j].reg_id &&
			    span_eq(one->instance, ask->contacts[j].instance))
				return true;
		}
	}
	return false;
}

void
outbound_put(const struct edge *e, struct buf *b, const struct flow *from,
    const struct ipc_reg_ask *ask, const struct ipc_reg_say *say)
{
	if (!has_reg_id(ask, say))
		return;
	build_hdr_str(b, SIP_H_REQUIRE, "outbound");
	buf_puts(b, "Flow-Timer: ");
	buf_put_u64(b, keep_advice_s(e->keep, from));
	buf_puts(b, "\r\n");
}
