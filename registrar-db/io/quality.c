/* How calls sound, as sigproxy tells it: figures within bounds, of calls that
 * live or have just ended. */
#include "registrar-db/io/oracle.h"

/* A phone's own report comes after the end (RFC 6035). */
#define JUST_ENDED_S 60
/* With more waiting than this, what comes again in ten seconds is dropped. */
#define CROWDED (QUEUE_NEW_MAX / 2)

bool
quality_may_wait(const struct oracle *o)
{
	return queue_waiting(o->queue) < CROWDED;
}

static void
bind_if(sqlite3_stmt *q, int at, bool known, int64_t value)
{
	if (known)
		sql_int(q, at, value);
	else
		sqlite3_bind_null(q, at);
}

/* Loss, jitter, round trip and score, from parameter `at` on. */
static void
bind_figures(sqlite3_stmt *q, int at, const struct ipc_figures *f)
{
	bind_if(q, at, f->known & FIGURE_LOSS, f->loss_permyriad);
	bind_if(q, at + 1, f->known & FIGURE_JITTER, f->jitter_us);
	bind_if(q, at + 2, f->known & FIGURE_RTT, f->rtt_ms);
	bind_if(q, at + 3, f->mos_centi >= 100, f->mos_centi);
}

int
quality_run(struct oracle *o, const struct job *job)
{
	struct ipc_call_quality m;
	const struct ipc_quality *v = &m.quality;
	sqlite3_stmt *q;
	int err;

	err = get_call_quality(span_make(job->payload, job->len), &m);
	if (err)
		return err;
	q = store_use(o->store, ST_QUALITY);
	sql_int(q, 1, (int64_t)m.ticket);
	sql_text(q, 2, span_str(m.called ? "called" : "caller"));
	sql_int(q, 3, v->resumed);
	sql_int(q, 4, oracle_wall_s(o) - JUST_ENDED_S);
	sql_int(q, 5, v->expected);
	sql_int(q, 6, v->late);
	sql_int(q, 7, v->twice);
	sql_int(q, 8, v->gap);
	bind_if(q, 9, v->came.known & FIGURE_JITTER, v->jitter_max_us);
	bind_figures(q, 10, &v->came);
	bind_figures(q, 14, &v->heard);
	bind_figures(q, 18, &v->said);
	return store_run(o->store, q);
}
