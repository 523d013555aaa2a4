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
	struct home_walk home;	/* the last one told; homes come first */
	bool lost_told, homes_told;
	struct walk at;		/* the same of flows */
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
		.number = number,
	};

	if (b->flow.zone == ZONE_EXTERNAL &&
	    b->flow.transport == TRANSPORT_UDP && left > 0) {
		IPC_FRAME(&f->out, FLOW_KEEP, flow_keep, &keep);
		f->told++;
	}
	return true;
}

/* Before the flows, so that these begin at their home's pace. */
static void
replay_homes(struct flows *f)
{
	struct oracle *o = f->oracle;
	struct home_walk before = f->home;
	char mem[REPLAY_BATCH * 112];
	int n;

	buf_init(&f->out, mem, sizeof(mem));
	n = homes_walk(o, &f->home, REPLAY_BATCH, &f->out);
	if (n < 0 || (f->out.len > 0 &&
	    door_send(o->sig, buf_span(&f->out)) != 0))
		f->home = before;
	else
		f->homes_told = n < REPLAY_BATCH;
}

static void
replay_lost(struct flows *f)
{
	struct oracle *o = f->oracle;
	char mem[LOST_TOLD_MAX * 112];

	buf_init(&f->out, mem, sizeof(mem));
	f->lost_told = lost_put_all(o, &f->out) >= 0 &&
	    (f->out.len == 0 || door_send(o->sig, buf_span(&f->out)) == 0);
}

static void
on_replay(uv_timer_t *timer)
{
	struct flows *f = timer->data;
	struct oracle *o = f->oracle;
	struct walk before = f->at;
	uint64_t told = f->told;
	char mem[REPLAY_BATCH * 112];
	int n;

	if (!f->lost_told) {
		replay_lost(f);
		return;
	}
	if (!f->homes_told) {
		replay_homes(f);
		return;
	}
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
	f->home = (struct home_walk){ .address_len = 0 };
	f->lost_told = f->homes_told = false;
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
flows_tell_gone(struct oracle *o, const struct ipc_flow *flow,
    enum gone_why why, struct buf *out)
{
	struct ipc_flow_gone gone = { .flow = *flow, .why = (uint8_t)why };
	int used = flow_is_used(o->store, flow);

	if (used == 0)
		IPC_FRAME(out, FLOW_GONE, flow_gone, &gone);
	return used < 0 ? used : 0;
}

int
flows_conn_gone(struct oracle *o, const struct job *job)
{
	struct ipc_conn_gone m;
	int err = get_conn_gone(span_make(job->payload, job->len), &m);

	if (err || m.flow.transport == TRANSPORT_UDP)
		return err;
	return binding_closed(o->store, &m.flow, oracle_wall_s(o));
}

void
flows_came(struct oracle *o)
{
	int64_t started = (int64_t)door_peer_start(o->sig).us;

	/* Should there be no room: nobody is called by them anyhow. */
	(void)queue_add(o->queue, JOB_STREAMS_GONE, 0, true,
	    span_make(&started, sizeof(started)));
}

int
flows_streams_gone(struct oracle *o, const struct job *job)
{
	static const char name[] = "streams_of_us";
	sqlite3_stmt *q = store_use(o->store, ST_MEMORY);
	int64_t started, before = -1;
	int err;

	memcpy(&started, job->payload, sizeof(started));
	sql_text(q, 1, span_str(name));
	err = store_row(o->store, q);
	if (err == 1)
		before = sqlite3_column_int64(q, 0);
	store_done(q);
	/* It only lost its door, or we were restarted: they live. */
	if (err < 0 || started == before)
		return err < 0 ? err : 0;
	q = store_use(o->store, ST_STREAMS_CLOSED);
	sql_int(q, 1, oracle_wall_s(o));
	err = store_run(o->store, q);
	if (err)
		return err;
	q = store_use(o->store, ST_REMEMBER);
	sql_text(q, 1, span_str(name));
	sql_int(q, 2, started);
	return store_run(o->store, q);
}
