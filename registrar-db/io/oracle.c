#include <errno.h>
#include <stdlib.h>

#include "common/io/clock.h"
#include "registrar-db/io/accounts.h"
#include "registrar-db/io/oracle.h"

/* ---- the queue's view ---- */

static int
run(void *arg, const struct job *job, struct buf *out)
{
	struct oracle *o = arg;

	switch (job->kind) {
	case JOB_REGISTER:
		return register_run(o, job, out);
	case JOB_CALL_OPEN:
		return calls_open(o, job);
	case JOB_CALL_NOTE:
		return calls_note(o, job);
	case JOB_CALL_MEDIA:
		return calls_media(o, job);
	case JOB_CALL_REACH:
		return calls_reach(o, job);
	case JOB_CALL_QUALITY:
		return quality_run(o, job);
	case JOB_CHECKPOINT:
		return checkpoints_run(o, job);
	case JOB_HOME:
		return homes_run(o, job);
	case JOB_LOST:
		return lost_run(o, job);
	case JOB_CONN_GONE:
		return flows_conn_gone(o, job);
	case JOB_SUBSCRIPTION:
		return watchers_run(o, job);
	case JOB_MAILBOX:
		return mailbox_run(o, job);
	case JOB_DIVERT:
		return divert_run(o, job, out);
	case JOB_REFER:
		return refer_run(o, job, out);
	case JOB_AWAY:
		return away_run(o, job);
	case JOB_STOP:
		return stops_run(o, job, out);
	case JOB_TRUNK_AUTH:
		return trunks_auth_run(o, job, out);
	case JOB_CALL_WAY:
		return trunks_way_run(o, job);
	case JOB_CALL_TRIED:
		return trunks_tried_run(o, job);
	case JOB_ACCOUNT:
		return accounts_run(o, job);
	case JOB_DROP:
		return drops_run(o, job);
	case JOB_STREAMS_GONE:
		return flows_streams_gone(o, job);
	default:
		return -EPROTO;
	}
}

static void
refuse(void *arg, const struct job *job, struct buf *out)
{
	struct ipc_reg_ask ask;

	if (job->kind == JOB_CHECKPOINT)
		checkpoints_refused(arg, job);
	if (job->kind == JOB_SUBSCRIPTION)
		watchers_refused(arg, job);
	if (job->kind == JOB_DIVERT)
		divert_refuse(job, out);
	if (job->kind == JOB_REFER)
		refer_refuse(job, out);
	if (job->kind == JOB_TRUNK_AUTH)
		trunks_auth_refuse(job, out);
	if (job->kind == JOB_CALL_OPEN)
		calls_not_opened(arg, job);
	if (job->kind == JOB_STOP)
		((struct oracle *)arg)->withdrawn.again = true;
	/* News of calls is lost then; the store said why. */
	if (job->kind == JOB_REGISTER &&
	    get_reg_ask(span_make(job->payload, job->len), &ask) == 0)
		register_refuse(ask.id, out);
}

static bool
chores(void *arg, struct buf *out)
{
	struct oracle *o = arg;
	bool more = watch_chores(o->watch, out);

	if (checkpoints_chores(o) != 0 || homes_chores(o) != 0 ||
	    lost_chores(o) != 0)
		more = true;
	return calls_chores(o) || more;
}

static void
settled(void *arg, bool stored)
{
	struct oracle *o = arg;

	watch_settled(o->watch, stored);
	if (stored && mono_due(o->unwritten_until, clock_mono()))
		o->unwritten_open = false;
	if (stored)
		drops_look(o, false);
}

static void
send_out(void *arg, struct span frames)
{
	struct oracle *o = arg;

	if (o->sig != NULL)
		door_send(o->sig, frames);
}

/* ---- the doors' view ---- */

static int
on_frame(void *arg, struct door *from, uint16_t type, struct span payload)
{
	struct oracle *o = arg;

	switch (door_role(from)) {
	case ROLE_SIG:
		return sig_frame(o, type, payload);
	case ROLE_STUN:
		return -EPROTO;	/* it only listens */
	default:
		return admin_frame(o, from, type, payload);
	}
}

static void
on_state(void *arg, struct door *peer, bool up)
{
	struct oracle *o = arg;

	if (door_role(peer) == ROLE_STUN && up)
		trunks_tell_stunmon(o);
	if (door_role(peer) != ROLE_SIG)
		return;
	/* What was collected was for the one before. */
	buf_init(&o->say, o->say_mem, sizeof(o->say_mem));
	queue_new_peer(o->queue);
	o->settled = false;
	if (!up) {
		flows_stop(o->flows);
		checkpoints_stop(o->checkpoints);
		return;
	}
	o->lost_before = o->next_ticket;
	flows_came(o);
	checkpoints_replay(o);
	flows_replay(o->flows);
	drops_tell(o);
	queue_wake(o->queue);
}

static void
on_drained(void *arg)
{
	struct oracle *o = arg;

	/* A commit is due within QUEUE_GATHER_MS: it ends the snapshot, and
	 * until then the next questions need no lock of their own. */
	if (queue_waiting(o->queue) == 0)
		store_read_end(o->store);
	sig_flush(o);
}

/* ---- making ---- */

void
oracle_known(struct oracle *o, int64_t subscriber,
    const struct ipc_flow *flow, struct span mark)
{
	const struct device_sign sign = { flow, mark };

	meter_known(o->verify.meter, clock_mono(), subscriber, &flow->remote);
	devices_known(o->verify.devices, clock_mono(), subscriber, &sign);
}

static bool
know_source(void *arg, const struct binding *b, struct span number)
{
	struct oracle *o = arg;
	sqlite3_stmt *q = store_use(o->store, ST_NUMBER_ID);
	struct span mark = device_mark(b->instance, b->call_id);

	sql_text(q, 1, number);
	if (store_row(o->store, q) == 1)
		oracle_known(o, sqlite3_column_int64(q, 0), &b->flow, mark);
	store_done(q);
	return true;
}

/* Sources that hold a binding have their own budget, after a restart too. */
static int
load_known(struct oracle *o)
{
	struct walk at = { .slot = 0 };
	int n;

	while ((n = bindings_walk(o->store, &at, 1000, know_source, o)) > 0)
		;
	return n;
}

static int
make_parts(struct oracle *o, const struct plan *plan)
{
	const struct queue_ops ops = { run, refuse, chores, settled,
		send_out, o };
	uint8_t key[NONCE_KEY_LEN];

	secret_random(key, sizeof(key));
	o->verify.nonces = nonces_new(key, NONCE_LIFETIME_MS);
	secret_wipe(key, sizeof(key));
	o->verify.digest = digest_new();
	o->verify.meter = meter_new();
	o->verify.devices = devices_new();
	o->queue = queue_new(o->loop, o->store, &ops);
	if (o->verify.nonces == NULL || o->verify.digest == NULL ||
	    o->verify.meter == NULL || o->verify.devices == NULL ||
	    o->queue == NULL)
		return -ENOMEM;
	o->accounts = accounts_new(o);
	o->checkpoints = checkpoints_new(o);
	o->flows = flows_new(o);
	o->watchers = watchers_new(o);
	o->mailboxes = mailboxes_new();
	o->policy = policy_new(o, plan);
	o->stops = stops_new(o);
	o->trunks = trunks_new(o, plan);
	if (o->accounts == NULL || o->flows == NULL || o->checkpoints == NULL ||
	    o->watchers == NULL || o->mailboxes == NULL ||
	    o->policy == NULL || o->stops == NULL || o->trunks == NULL)
		return -ENOMEM;
	o->watch = watch_new(o);
	return o->watch == NULL ? -ENOMEM : 0;
}

struct oracle *
oracle_new(uv_loop_t *loop, struct store *store, struct secret *key,
    const struct oracle_conf *conf)
{
	struct oracle *o = calloc(1, sizeof(*o));
	int err;

	if (o == NULL)
		return NULL;
	o->loop = loop;
	o->store = store;
	o->key = key;
	o->verify.realm = conf->realm;
	o->withdrawn.again = o->withdrawn.bindings = true;
	o->keep_records_days = conf->keep_records_days;
	wall_start(&o->wall);
	buf_init(&o->say, o->say_mem, sizeof(o->say_mem));
	err = make_parts(o, &conf->plan);
	if (err == 0)
		err = calls_start(o);
	if (err == 0)
		err = checkpoints_load(o);
	if (err == 0)
		err = watchers_load(o);
	if (err == 0)
		err = mailboxes_load(o);
	if (err == 0)
		err = load_known(o);
	if (err) {
		oracle_free(o);
		return NULL;
	}
	return o;
}

void
oracle_free(struct oracle *o)
{
	if (o == NULL)
		return;
	watch_free(o->watch);
	trunks_free(o->trunks);
	stops_free(o->stops);
	policy_free(o->policy);
	watchers_free(o->watchers);
	mailboxes_free(o->mailboxes);
	flows_free(o->flows);
	checkpoints_free(o->checkpoints);
	accounts_free(o->accounts);
	queue_free(o->queue);
	devices_free(o->verify.devices);
	meter_free(o->verify.meter);
	digest_free(o->verify.digest);
	nonces_free(o->verify.nonces);
	free(o);
}

int64_t
oracle_wall_s(const struct oracle *o)
{
	return wall_s(&o->wall);
}

const struct doors_ops oracle_ops = { on_frame, on_state, on_drained, NULL };
