/* A REGISTER whose answer was right, inside the transaction. */
#include <errno.h>

#include "common/io/clock.h"
#include "common/io/log.h"
#include "registrar-db/io/accounts.h"
#include "registrar-db/io/oracle.h"

/* The admin may have changed his mind since the answer was checked. */
static int
may_still(struct oracle *o, const struct job *job,
    const struct ipc_reg_ask *ask, bool *out, unsigned *max_out)
{
	sqlite3_stmt *q = store_use(o->store, ST_MAY_STILL);
	int got, max;

	sql_int(q, 1, job->subscriber);
	got = store_row(o->store, q);
	if (got >= 0)
		*out = got == 1 && span_eq(sql_column(q, 0), ask->aor_user) &&
		    sqlite3_column_int(q, 1) == 1 &&
		    (ask->flow.zone == ZONE_INTERNAL ||
			sqlite3_column_int(q, 2) == 1);
	max = got == 1 ? sqlite3_column_int(q, 3) : 0;
	*max_out = max > 0 && max < BINDING_MAX ? (unsigned)max : BINDING_MAX;
	store_done(q);
	return got < 0 ? got : 0;
}

static void
log_step(const struct ipc_reg_ask *ask, const struct binding_step *step)
{
	if (step->what == BINDING_REFRESH)
		return;
	log_begin(LOG_INFO_,
	    step->what == BINDING_PUT ? "register" : "unregister");
	log_span("number", ask->aor_user);
	log_addr("source", &step->b.flow.remote);
	log_str("zone", step->b.flow.zone == ZONE_EXTERNAL ? "external" :
							     "internal");
	if (step->what == BINDING_PUT)
		log_u64("granted_s", step->b.granted_s);
	log_end();
}

static int
carry_out(struct oracle *o, const struct ipc_reg_ask *ask,
    const struct binding_plan *plan)
{
	struct store *s = o->store;
	int err = 0;

	for (unsigned i = 0; i < plan->n_steps && err == 0; i++) {
		const struct binding_step *step = &plan->step[i];

		if (step->what == BINDING_DROP)
			err = binding_drop(s, ask->aor_user, step->b.slot);
		else if (step->what == BINDING_REFRESH)
			err = binding_refresh(s, ask->aor_user, &step->b);
		else
			err = binding_put(s, ask->aor_user, &step->b);
		if (err == 0)
			log_step(ask, step);
	}
	return err;
}

static bool
has_flow(const struct binding_set *set, const struct ipc_flow *flow)
{
	for (unsigned i = 0; i < set->n; i++) {
		if (flow_eq(&set->b[i].flow, flow))
			return true;
	}
	return false;
}

/* Is what was reached by a flow now reached by another one from its home?
 * A phone keeps its Call-ID until it is restarted (10.2). */
static bool
has_moved(const struct binding *was, const struct binding_set *after)
{
	for (unsigned i = 0; i < after->n; i++) {
		const struct binding *b = &after->b[i];

		if (span_eq(b->call_id, was->call_id) &&
		    addr_same_ip(&b->flow.remote, &was->flow.remote) &&
		    b->flow.transport == was->flow.transport)
			return true;
	}
	return false;
}

/* It must be the very device that showed its password, or what it talks would
 * be another one's to hear: a private Contact alone may stand in two homes. */
static bool
is_same_device(const struct binding *was, const struct binding *is)
{
	if (was->slot != is->slot || was->flow.zone != is->flow.zone)
		return false;
	if (!span_is_empty(was->instance) || !span_is_empty(is->instance))
		return span_eq(was->instance, is->instance);
	if (!span_eq(was->user_agent, is->user_agent))
		return false;
	return span_eq(was->call_id, is->call_id) ||
	    (span_eq(was->contact, is->contact) &&
		addr_same_ip(&was->flow.remote, &is->flow.remote));
}

static void
tell_moved(const struct ipc_reg_ask *ask, const struct binding_set *before,
    const struct binding_set *after, struct buf *out)
{
	struct ipc_flow_moved moved = { .to = ask->flow,
		.number = ask->aor_user };

	for (unsigned i = 0; i < before->n; i++) {
		for (unsigned k = 0; k < after->n; k++) {
			if (!flow_eq(&after->b[k].flow, &ask->flow) ||
			    flow_eq(&before->b[i].flow, &ask->flow) ||
			    !is_same_device(&before->b[i], &after->b[k]))
				continue;
			moved.from = before->b[i].flow;
			IPC_FRAME(out, FLOW_MOVED, flow_moved, &moved);
		}
	}
}

/* Which flows served this number before and serve it no more? */
static int
tell_gone(struct oracle *o, const struct binding_set *before,
    const struct binding_set *after, struct buf *out)
{
	int err = 0;

	for (unsigned i = 0; i < before->n && err == 0; i++) {
		if (!has_flow(after, &before->b[i].flow))
			err = flows_tell_gone(o, &before->b[i].flow,
			    has_moved(&before->b[i], after) ? GONE_MOVED :
							      GONE_ENDED,
			    out);
	}
	return err;
}

static void
put_answer(struct oracle *o, const struct ipc_reg_ask *ask, enum verdict verdict,
    const struct binding_set *set, uint32_t min_expires_s, struct buf *out)
{
	struct ipc_reg_say say = { .id = ask->id, .verdict = (uint8_t)verdict,
		.number = ask->aor_user, .min_expires_s = min_expires_s };
	int64_t now = oracle_wall_s(o);

	if (verdict != VERDICT_OK && verdict != VERDICT_BRIEF)
		say.number = SPAN_NONE;
	if (verdict == VERDICT_OK)
		say.nonce_left_s = nonce_left_s(o->verify.nonces, clock_mono(),
		    ask->digest.nonce);
	for (unsigned i = 0; i < set->n && verdict == VERDICT_OK; i++) {
		int64_t left = set->b[i].expires_wall_s - now;
		int64_t most = set->b[i].granted_s;

		say.bindings[say.n_bindings++] = (struct ipc_binding){
			.uri = set->b[i].contact,
			.expires_s = (uint32_t)(left < 0 ? 0 :
					left > most	 ? most :
							   left),
			.instance = set->b[i].instance,
			.reg_id = set->b[i].reg_id,
		};
	}
	IPC_FRAME(out, REG_SAY, reg_say, &say);
}

struct span
register_mark(const struct ipc_reg_ask *ask)
{
	return device_mark(ask->n_contacts == 0 ? SPAN_NONE :
						  ask->contacts[0].instance,
	    ask->call_id);
}

int
register_run(struct oracle *o, const struct job *job, struct buf *out)
{
	static const struct binding_set none;
	struct ipc_reg_ask ask;
	struct binding_plan plan;
	enum verdict verdict;
	unsigned max = BINDING_MAX;
	bool may = false;
	int err;

	err = get_reg_ask(span_make(job->payload, job->len), &ask);
	if (err == 0)
		err = may_still(o, job, &ask, &may, &max);
	if (err == 0 && !may) {
		put_answer(o, &ask, VERDICT_FORBIDDEN, &none, 0, out);
		return 0;
	}
	if (err == 0)
		err = bindings_read(o->store, ST_BINDINGS, ask.aor_user,
		    oracle_wall_s(o), &o->rows);
	if (err)
		return err;
	verdict = binding_decide(&o->rows.set, &ask, max,
	    oracle_wall_s(o), &plan);
	if (verdict == VERDICT_OK) {
		err = carry_out(o, &ask, &plan);
		if (err == 0)
			tell_moved(&ask, &o->rows.set, &plan.after, out);
		if (err == 0)
			err = tell_gone(o, &o->rows.set, &plan.after, out);
		if (err)
			return err;
		accounts_stir(o->accounts);
		oracle_known(o, job->subscriber, &ask.flow,
		    register_mark(&ask));
	}
	put_answer(o, &ask, verdict, &plan.after, plan.min_expires_s, out);
	return 0;
}

void
register_refuse(uint32_t id, struct buf *out)
{
	/* Spread what comes back, so that a lock does not end in a flood. */
	struct ipc_reg_say say = { .id = id, .verdict = VERDICT_BUSY,
		.retry_after_s = 10 + id % 20 };

	IPC_FRAME(out, REG_SAY, reg_say, &say);
}

int
register_query(struct oracle *o, const struct ipc_reg_ask *ask,
    struct buf *out)
{
	int err;

	err = bindings_read(o->store, ST_TARGETS, ask->aor_user,
	    oracle_wall_s(o), &o->rows);
	if (err == 0)
		put_answer(o, ask, VERDICT_OK, &o->rows.set, 0, out);
	return err;
}
