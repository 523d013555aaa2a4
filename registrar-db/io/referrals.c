/*
 * A phone that is in a call sends the other one elsewhere (REFER).  That phone
 * then calls by its own right; so that nobody borrows a right of another's,
 * who sends it there needs the right himself.
 *
 * What leads to no number of ours, by REFER or by redirect, sigproxy refuses
 * itself: of that only the record is ours.
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
read_side(struct oracle *o, uint64_t ticket, struct span by, struct side *out)
{
	sqlite3_stmt *q = store_use(o->store, ST_CALL_PARTIES);
	int got;

	*out = (struct side){ .asked = 0 };
	sql_int(q, 1, (int64_t)ticket);
	got = store_row(o->store, q);
	if (got == 1) {
		out->is_caller = span_eq(sql_column(q, 0), by);
		out->is_called = span_eq(sql_column(q, 1), by) ||
		    is_among(sql_column(q, 2), by);
		out->outside = !span_eq(sql_column(q, 3),
		    SPAN_LIT("internal"));
		out->asked = sqlite3_column_int64(q, 4);
	}
	store_done(q);
	return got < 0 ? got : 0;
}

/* Everybody may call for help, but not have our phones call it: who comes by a
 * trunk, whatever number he shows, would send the police to the office. */
static bool
may_send_for_help(struct oracle *o, struct span by, struct decision *d)
{
	struct party_row row;
	struct buf b;

	if (party_read(o->store, by, &row) == 0)
		return true;
	d->verdict = VERDICT_DENIED;
	buf_init(&b, d->rule, sizeof(d->rule));
	buf_puts(&b, "refer: no subscriber");
	d->rule_len = b.len;
	buf_init(&b, d->why, sizeof(d->why));
	buf_puts(&b, "no emergency calls for others");
	d->why_len = b.len;
	return false;
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
	if (d->verdict == VERDICT_OK && d->kind == NUMBER_EMERGENCY &&
	    !may_send_for_help(o, ask->by, d))
		return VERDICT_DENIED;
	/* Who follows it calls with his own right: what would leave by a
	 * provider needs that of who sends him there. */
	if (d->verdict == VERDICT_OK &&
	    trunks_mirrored(o, ask->by, d, &ways) == VERDICT_NOT_FOUND)
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
		err = read_side(o, ask.ticket, ask.by, &side);
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

/* ---- to no number of ours ---- */

static const char *const away_vias[] = {
	[AWAY_REDIRECT] = "redirect",
	[AWAY_REFER] = "refer",
};

static bool
may_be_text(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] <= 32 || s.p[i] >= 127)
			return false;
	return true;
}

static void
away_decision(const struct ipc_call_away *m, struct decision *d)
{
	const bool foreign = m->host.len > 0;
	struct buf b;

	d->number_len = may_be_text(m->number) ? m->number.len : 0;
	if (d->number_len > 0)
		memcpy(d->number, m->number.p, d->number_len);
	buf_init(&b, d->why, sizeof(d->why));
	buf_put(&b, foreign && may_be_text(m->host) ?
	    span_sub(m->host, 0, 40) : SPAN_LIT("it"));
	buf_puts(&b, foreign ? " is no host of ours" :
			       " is no number of ours");
	d->why_len = b.len;
	buf_init(&b, d->rule, sizeof(d->rule));
	buf_puts(&b, away_vias[m->via]);
	buf_puts(&b, foreign ? ": foreign host" : ": no number");
	d->rule_len = b.len;
}

int
away_run(struct oracle *o, const struct job *job)
{
	struct decision d = { .verdict = VERDICT_DENIED };
	struct ipc_call_away m;
	struct side side;
	int err = get_call_away(span_make(job->payload, job->len), &m);

	if (err == 0)
		err = read_side(o, m.ticket, m.by, &side);
	if (err || side.asked >= REFERS_MAX ||
	    !(side.is_called || (side.is_caller && m.via == AWAY_REFER)))
		return err;
	d.internet = side.is_caller ? side.outside :
				      policy_is_outside(o, m.by);
	away_decision(&m, &d);
	err = count(o, m.ticket);
	return err ? err : calls_denied(o, m.ticket, m.by,
	    span_make(d.number, d.number_len), away_vias[m.via], &d);
}

int
away_note(struct oracle *o, struct span payload)
{
	struct ipc_call_away m;
	int err = get_call_away(payload, &m);

	/* News of calls comes first. */
	if (err == 0 && queue_waiting(o->queue) < QUEUE_NEW_MAX)
		(void)queue_add(o->queue, JOB_AWAY, 0, false, payload);
	return err;
}
