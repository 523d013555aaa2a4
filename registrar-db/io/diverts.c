/*
 * Calls that the called phone redirects (3xx).  The caller's right was for one
 * number; the way on is asked of the right of the number that redirects, as if
 * its phone had called there itself.
 *
 * sigproxy alone says that a phone did so.  What a captured one gains is
 * bounded: only for a call that was granted and rings, only from the number
 * that it rings at, never back to one that it was for already, and five
 * questions for each call, whatever their answers.  All stand in the record.
 *
 * A question is a job, so that it comes after the one that writes the call,
 * and its answer after the commit.
 */
#include <errno.h>

#include "common/io/log.h"
#include "registrar-db/io/oracle.h"

#define DIVERTS_MAX 5 /* for each call */

/* Whom a call was for so far. */
struct way {
	size_t called_len, passed_len;
	char called[NUMBER_MAX];
	char passed[DIVERTS_MAX * (NUMBER_MAX + 1)]; /* 'A B C' */
	int64_t asked;
};

static int
read_way(struct oracle *o, uint64_t ticket, struct way *out)
{
	sqlite3_stmt *q = store_use(o->store, ST_CALL_DIVERTS);
	struct span called, passed;
	int got;

	sql_int(q, 1, (int64_t)ticket);
	got = store_row(o->store, q);
	if (got != 1) {
		store_done(q);
		return got < 0 ? got : -ENOENT;
	}
	called = sql_column(q, 0);
	passed = sql_column(q, 1);
	got = called.len <= sizeof(out->called) &&
			passed.len <= sizeof(out->passed) ? 0 : -EBADMSG;
	if (got == 0) {
		out->called_len = called.len;
		memcpy(out->called, called.p, called.len);
		out->passed_len = passed.len;
		if (passed.len > 0)
			memcpy(out->passed, passed.p, passed.len);
		out->asked = sqlite3_column_int64(q, 2);
	}
	store_done(q);
	return got;
}

/*
 * Step through the numbers.  Is `number` among them, and which are the last
 * two?
 */
static bool
walk_way(const struct way *w, struct span number, struct span last[2])
{
	struct span rest = span_make(w->passed, w->passed_len);
	bool found;

	last[0] = SPAN_NONE;
	last[1] = span_make(w->called, w->called_len);
	found = span_eq(last[1], number);
	while (rest.len > 0) {
		ptrdiff_t space = span_find(rest, ' ');
		size_t n = space < 0 ? rest.len : (size_t)space;

		last[0] = last[1];
		last[1] = span_sub(rest, 0, n);
		found = found || span_eq(last[1], number);
		rest = n < rest.len ? span_sub(rest, n + 1, rest.len)
				    : SPAN_NONE;
	}
	return found;
}

/* May the number that the call rings at now send it there?  Which of its
 * phones it was sigproxy cannot prove: with one outside, it may have been
 * that one. */
static enum verdict
decide(struct oracle *o, const struct way *w, const struct ipc_divert_ask *ask,
    bool *again_out, struct decision *d)
{
	struct span last[2];
	struct party_row by;
	bool passed = walk_way(w, ask->number, last);

	/* The answer was lost with the process before us. */
	*again_out = span_eq(last[0], ask->by) && span_eq(last[1], ask->number);
	if (w->asked >= DIVERTS_MAX ||
	    (!*again_out && (passed || !span_eq(last[1], ask->by))))
		return VERDICT_FORBIDDEN;
	if (party_read(o->store, ask->by, &by) != 0 || !by.enabled)
		return VERDICT_FORBIDDEN;
	policy_ask(o->policy, ask->by, policy_is_outside(o, ask->by),
	    ask->number, d);
	return d->verdict;
}

/* The way on is paid by whom it is granted to. */
static int
record_payer(struct oracle *o, const struct ipc_divert_ask *ask,
    const struct decision *d)
{
	sqlite3_stmt *q = store_use(o->store, ST_CALL_PAYER);

	sql_int(q, 1, (int64_t)ask->ticket);
	calls_bind_rule(q, 2, d);
	calls_bind_payer(q, 5, d, ask->by);
	return store_run(o->store, q);
}

static int
record(struct oracle *o, const struct ipc_divert_ask *ask, struct way *w,
    bool passes)
{
	sqlite3_stmt *q = store_use(o->store, ST_CALL_DIVERT);
	char mem[sizeof(w->passed) + NUMBER_MAX + 1];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_put(&b, span_make(w->passed, w->passed_len));
	if (passes) {
		if (w->passed_len > 0)
			buf_putc(&b, ' ');
		buf_put(&b, ask->number);
	}
	sql_int(q, 1, (int64_t)ask->ticket);
	sql_text(q, 2, buf_span(&b));
	return store_run(o->store, q);
}

static void
log_verdict(const struct ipc_divert_ask *ask, enum verdict verdict)
{
	log_begin(verdict == VERDICT_OK ? LOG_INFO_ : LOG_WARN_,
	    verdict == VERDICT_OK ? "redirect-granted" : "redirect-refused");
	log_u64("call", ask->ticket);
	log_span("by", ask->by);
	log_span("to", ask->number);
	if (verdict != VERDICT_OK)
		log_u64("verdict", (uint64_t)verdict);
	log_end();
}

static void
answer(struct buf *out, const struct ipc_divert_ask *ask, enum verdict verdict,
    const struct ipc_auth_say *found)
{
	static struct ipc_divert_say say;

	say = (struct ipc_divert_say){ .ticket = ask->ticket,
		.id = ask->id, .verdict = (uint8_t)verdict };
	if (verdict == VERDICT_OK) {
		say.called = found->called;
		say.n_targets = found->n_targets;
		memcpy(say.targets, found->targets, sizeof(say.targets));
		say.n_ways = found->n_ways;
		memcpy(say.ways, found->ways, sizeof(say.ways));
	}
	IPC_FRAME(out, DIVERT_SAY, divert_say, &say);
}

int
divert_run(struct oracle *o, const struct job *job, struct buf *out)
{
	struct ipc_auth_say found = { 0 };
	struct ipc_divert_ask ask;
	struct party_row called;
	struct decision d = { .verdict = VERDICT_FORBIDDEN };
	enum verdict verdict;
	bool again = false;
	struct way way;
	int err = get_divert_ask(span_make(job->payload, job->len), &ask);

	if (err)
		return err;
	err = read_way(o, ask.ticket, &way);
	if (err == -ENOENT || err == -EBADMSG) {
		answer(out, &ask, VERDICT_FORBIDDEN, NULL);
		return 0;
	}
	if (err)
		return err;
	verdict = decide(o, &way, &ask, &again, &d);
	if (verdict == VERDICT_OK)
		verdict = calls_find(o, span_make(d.number, d.number_len),
		    &called, &found);
	if (verdict == VERDICT_NOT_FOUND && d.verdict == VERDICT_OK)
		verdict = trunks_route(o, ask.by, &d, &found);
	if (verdict == VERDICT_BUSY)
		return -EBUSY;
	err = record(o, &ask, &way, verdict == VERDICT_OK && !again);
	if (err == 0 && verdict == VERDICT_OK && !again)
		err = record_payer(o, &ask, &d);
	if (err == 0 && verdict == VERDICT_DENIED)
		err = calls_denied(o, ask.ticket, ask.by, ask.number,
		    "redirect", &d);
	if (err)
		return err;
	log_verdict(&ask, verdict);
	answer(out, &ask, verdict, &found);
	return 0;
}

void
divert_refuse(const struct job *job, struct buf *out)
{
	struct ipc_divert_ask ask;

	if (get_divert_ask(span_make(job->payload, job->len), &ask) == 0)
		answer(out, &ask, VERDICT_BUSY, NULL);
}

int
divert_ask(struct oracle *o, struct span payload)
{
	struct ipc_divert_ask ask;
	int err = get_divert_ask(payload, &ask);

	if (err)
		return err;
	if (queue_add(o->queue, JOB_DIVERT, 0, true, payload) != 0)
		answer(sig_say(o), &ask, VERDICT_BUSY, NULL);
	return 0;
}
