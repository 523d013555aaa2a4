#include <stdlib.h>

#include "tests/fuzz/gate.h"

void
gate_conf(struct edge_conf *c)
{
	c->listeners[0] = (struct edge_listener){ ZONE_EXTERNAL, TRANSPORT_UDP,
		{ .family = ADDR_IPV4, .port = 5070, .ip = { 192, 168, 10, 2 } }
	};
	c->listeners[1] = (struct edge_listener){ ZONE_INTERNAL, TRANSPORT_UDP,
		{ .family = ADDR_IPV4, .port = 5060, .ip = { 192, 168, 10, 2 } }
	};
	c->n_listeners = 2;
	c->lan[0] = (struct addr_prefix){
		{ .family = ADDR_IPV4, .ip = { 192, 168, 10, 0 } }, 24 };
	c->n_lan = 1;
	c->domain = SPAN_LIT("sip.example.org");
	c->realm = SPAN_LIT("SMO-SIP");
	c->channels = 10;
	c->n_relays = 2;
	c->max_calls = 4;
	c->max_transactions = 64;
	c->max_flows = 64;
}

void
gate_frame(struct edge *e, struct mono now, struct steps *st, uint16_t type,
    struct span payload)
{
	if (edge_frame(e, now, st, ROLE_REG, 0, type, payload) != 0)
		abort();
}

void
gate_pass_time(struct edge *e, struct mono now, struct steps *st)
{
	struct mono end = mono_add_ms(now, 3600000);

	for (unsigned n = 0; n < 2000; n++) {
		struct mono due = edge_due(e);

		if (mono_before(end, due))
			return;
		edge_tick(e, mono_before(now, due) ? due : now, st);
		steps_clear(st);
	}
}
