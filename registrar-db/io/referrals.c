/*
 * A phone that is in a call sends the other one elsewhere (REFER).  That phone
 * then calls by its own right; so that nobody borrows a right of another's,
 * who sends it there needs the right himself.
 *
 * sigproxy alone says that a phone did so.  A captured one gains nothing: OK
 * opens no way, and there are REFERS_MAX questions for each call.
 *
 * A question is a job, so that it comes after the one that writes the call.
 */
#include <errno.h>

#include "registrar-db/io/oracle.h"

#define REFERS_MAX 20 /* for each call */

static bool
is_among(struct span list, struct span number)
{
	while (list.len > 0) {
		ptrdiff_t space = span_find(list, ' ');
		size_t n = space < 0 ? list.len : (size_t)space;

		if (span_eq(span_sub(list, 0, n), number))
			return true;
		list = n < list.len ? span_sub(list, n + 1, list.len) :
				      SPAN_NONE;
	}
	return false;
}

/* Whose phone is it in this call? */
struct side {
	bool is_caller, is_called;
	bool outside;	/* the caller's request came from there */
	int64_t asked;
};

static int
read_side(struct oracle *o, const struct ipc_refer_ask *ask, struct side *out)
{
	sqlite3_stmt *q = store_use(o->store, ST_CALL_PARTIES);
	int got;

	*out = (struct side){ .asked = 0 };
	sql_int(q, 1, (int64_t)ask->ticket);
	got = store_row(o->store, q);
	if (got == 1) {
		out->is_caller = span_eq(sql_column(q, 0), ask->by);
		out->is_called = span_eq(sql_column(q, 1), ask->by) ||
		    is_among(sql_column(q, 2), ask->by);
		out->outside = !span_eq(sql_column(q, 3),
		    SPAN_LIT("internal"));
		out->asked = sqlite3_column_int64(q, 4);
	}
	store_done(q);
	return got < 0 ? got : 0;
}

static enum verdict
decide(struct oracle *o, const struct ipc_refer_ask *ask,
    const struct side *side, struct decision *d)
{
	static struct ipc_auth_say ways;
	bool outside = side->outside;

	if ((!side->is_caller && !side->is_called) ||
	    side->asked >= REFERS_MAX)
		return VERDICT_FORBIDDEN;
	/* As with redirects: any of its phones outside may have been it. */
	if (!side->is_caller)
		outside = policy_is_outside(o, ask->by);
	policy_ask(o->policy, ask->by, outside, ask->number, d);
	/* Who follows it calls with his own right: what would leave by a
	 * provider needs that of who sends him there. */
	if (d->verdict == VERDICT_OK &&
	    !trunks_mirrored(o, ask->by, d, &ways))
		(void)trunks_route(o, ask->by, d, &ways);
	return d->verdict;
}

static void
answer(struct buf *out, const struct ipc_refer_ask *ask, enum verdict verdict,
    const struct decision *d)
{
	struct ipc_refer_say say = { .ticket = ask->ticket, .id = ask->id,
		.verdict = (uint8_t)verdict };

	if (verdict == VERDICT_DENIED)
		say.why = span_make(d->why, d->why_len);
	IPC_FRAME(out, REFER_SAY, refer_say, &say);
}

static int
count(struct oracle *o, uint64_t ticket)
{
	sqlite3_stmt *q = store_use(o->store, ST_CALL_ASKED);

	sql_int(q, 1, (int64_t)ticket);
	return store_run(o->store, q);
}

int
refer_run(struct oracle *o, const struct job *job, struct buf *out)
{
	struct ipc_refer_ask ask;
	struct decision d = { .verdict = VERDICT_FORBIDDEN };
	enum verdict verdict;
	struct side side;
	int err = get_refer_ask(span_make(job->payload, job->len), &ask);

	if (err == 0)
		err = read_side(o, &ask, &side);
	if (err)
		return err;
	verdict = decide(o, &ask, &side, &d);
	if (verdict == VERDICT_BUSY)
		return -EBUSY;
	if (verdict != VERDICT_FORBIDDEN)
		err = count(o, ask.ticket);
	if (err == 0 && verdict == VERDICT_DENIED)
		err = calls_denied(o, ask.ticket, ask.by, ask.number, "refer",
		    &d);
	if (err)
		return err;
	answer(out, &ask, verdict, &d);
	return 0;
}

void
refer_refuse(const struct job *job, struct buf *out)
{
	struct ipc_refer_ask ask;

	if (get_refer_ask(span_make(job->payload, job->len), &ask) == 0)
		answer(out, &ask, VERDICT_BUSY, NULL);
}

int
refer_ask(struct oracle *o, struct span payload)
{
	struct ipc_refer_ask ask;
	int err = get_refer_ask(payload, &ask);

	if (err)
		return err;
	if (queue_add(o->queue, JOB_REFER, 0, true, payload) != 0)
		answer(sig_say(o), &ask, VERDICT_BUSY, NULL);
	return 0;
}
