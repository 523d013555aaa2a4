/*
 * A checkpoint as registrar-db gives it back, from a hostile hand: whatever
 * it says, the call that comes of it can be ended, and nothing stays.
 */
#include <stdint.h>
#include <stdlib.h>

#include "sigproxy/core/checkpoint.h"
#include "sigproxy/core/step.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
set_conf(struct edge_conf *c)
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

static void
frame(struct edge *e, struct mono now, struct steps *st, uint16_t type,
    struct span payload)
{
	if (edge_frame(e, now, st, ROLE_REG, 0, type, payload) != 0)
		abort();
}

/* The next timer, until there is none for an hour. */
static void
pass_time(struct edge *e, struct mono now, struct steps *st)
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char mem[IPC_STATE_MAX + 64];
	static struct edge_conf conf;
	static struct steps *st;
	struct ipc_call_restore m = { .ticket = 1,
		.lives = len % 2,
		.version = CHECKPOINT_VERSION,
		.state = span_make((const char *)data, len) };
	struct mono now = { 5000000000 };
	struct edge *e;
	struct buf b;

	if (len == 0 || len > IPC_STATE_MAX)
		return 0;
	if (st == NULL) {
		set_conf(&conf);
		st = steps_new();
	}
	e = edge_new(&conf);
	if (e == NULL || st == NULL)
		abort();
	edge_peer(e, now, st, ROLE_REG, 0, true);
	edge_peer(e, now, st, ROLE_MEDIA, 0, true);
	buf_init(&b, mem, sizeof(mem));
	put_call_restore(&b, &m);
	frame(e, now, st, IPC_CALL_RESTORE, buf_span(&b));
	steps_clear(st);
	edge_peer(e, now, st, ROLE_MEDIA, 1, true);
	edge_peer(e, now, st, ROLE_REG, 0, true);
	steps_clear(st);
	pass_time(e, now, st);
	edge_free(e);
	return 0;
}
