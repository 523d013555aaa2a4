/* Flows: replayed to a sigproxy that came, and ended when no binding is
 * left. */
#include <stdlib.h>

#include "common/io/clock.h"
#include "common/io/log.h"
#include "registrar-db/io/oracle.h"

/* Some at a time: 20,000 phones in half a second, and requests in between. */
#define REPLAY_BATCH 200
#define REPLAY_MS 5

struct flows {
	uv_timer_t timer;
	struct oracle *oracle;
	struct walk at;		/* the last one told */
	struct buf out;		/* while walking */
	uint64_t told;
};

struct flows *
flows_new(struct oracle *o)
{
	struct flows *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->oracle = o;
	uv_timer_init(o->loop, &f->timer);
	f->timer.data = f;
	return f;
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void
flows_free(struct flows *f)
{
	if (f != NULL)
		uv_close((uv_handle_t *)&f->timer, on_closed);
}

static bool
put_keep(void *arg, const struct binding *b, struct span number)
{
	struct flows *f = arg;
	int64_t left = b->expires_wall_s - oracle_wall_s(f->oracle);
	struct ipc_flow_keep keep = {
		.flow = b->flow,
		.nated = b->nated,
		.expires_s = left > b->granted_s ? b->granted_s :
						   (uint32_t)left,
	};

	if (b->flow.zone == ZONE_EXTERNAL &&
	    b->flow.transport == TRANSPORT_UDP && left > 0) {
		IPC_FRAME(&f->out, FLOW_KEEP, flow_keep, &keep);
		f->told++;
	}
	return true;
}

static void
on_replay(uv_timer_t *timer)
{
	struct flows *f = timer->data;
	struct oracle *o = f->oracle;
	struct walk before = f->at;
	uint64_t told = f->told;
	char mem[REPLAY_BATCH * 64];
	int n;

	buf_init(&f->out, mem, sizeof(mem));
	n = bindings_walk(o->store, &f->at, REPLAY_BATCH, put_keep, f);
	if (n < 0 || (f->out.len > 0 &&
	    door_send(o->sig, buf_span(&f->out)) != 0)) {
		/* Its queue is full: once more. */
		f->at = before;
		f->told = told;
		return;
	}
	if (n == REPLAY_BATCH)
		return;
	uv_timer_stop(timer);
	log_begin(LOG_INFO_, "flows-told");
	log_u64("flows", f->told);
	log_end();
}

void
flows_replay(struct flows *f)
{
	f->at = (struct walk){ .slot = 0 };
	f->told = 0;
	uv_timer_start(&f->timer, on_replay, 0, REPLAY_MS);
}

void
flows_stop(struct flows *f)
{
	uv_timer_stop(&f->timer);
}

int
flows_tell_gone(struct oracle *o, const struct ipc_flow *flow, struct buf *out)
{
	struct ipc_flow_gone gone = { .flow = *flow };
	int used = flow_is_used(o->store, flow);

	if (used == 0)
		IPC_FRAME(out, FLOW_GONE, flow_gone, &gone);
	return used < 0 ? used : 0;
}
