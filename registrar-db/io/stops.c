/*
 * Calls that are to end before anybody hangs up: a cap is reached, a right
 * was withdrawn or its grant is over, a subscriber was disabled.
 *
 * Everything is computed anew each second from the table, so that it outlives
 * every process: `stop` stands in the call's row before sigproxy is told, and
 * it is told each second until the call has ended.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/io/clock.h"
#include "common/io/log.h"
#include "registrar-db/io/oracle.h"

#define LOOK_MS 1000
#define LOOK_MAX 256		/* calls looked at in one go */
#define CLEAN_MS 3600000	/* old records are looked for */

struct stops {
	struct oracle *oracle;
	struct mono due, clean_due;
	int64_t at;		/* the last call looked at */
};

struct call_stop {
	uint64_t ticket;
	enum stop_why why;
	size_t rule_len;
	char rule[POLICY_TEXT_MAX];
};

static const char *const words[] = {
	[STOP_MINUTES] = "minutes",
	[STOP_COST] = "cost",
	[STOP_RIGHT] = "right",
	[STOP_DISABLED] = "disabled",
	[STOP_ADMIN] = "admin",
};

/* By the triggers of trunk. */
static bool
is_trunks(struct span rule)
{
	return span_starts(rule, SPAN_LIT("trunk: "));
}

static enum stop_why
word_of(struct span s, struct span rule)
{
	if (span_eq(s, span_str(words[STOP_DISABLED])) && is_trunks(rule))
		return STOP_TRUNK;
	for (unsigned i = STOP_MINUTES; i < STOP_ADMIN; i++)
		if (span_eq(s, span_str(words[i])))
			return (enum stop_why)i;
	return STOP_ADMIN;
}

static enum stop_why
why_of(enum policy_why why)
{
	return why == POLICY_MINUTES ? STOP_MINUTES :
	    why == POLICY_COST	     ? STOP_COST :
				       STOP_RIGHT;
}

static void
put_end(struct buf *out, uint64_t ticket, enum stop_why why)
{
	const struct ipc_call_end end = { .ticket = ticket,
		.why = (uint8_t)why };

	IPC_FRAME(out, CALL_END, call_end, &end);
}

int
stops_run(struct oracle *o, const struct job *job, struct buf *out)
{
	sqlite3_stmt *q = store_use(o->store, ST_CALL_STOP);
	struct call_stop s;
	int err;

	memcpy(&s, job->payload, sizeof(s));
	sql_int(q, 1, (int64_t)s.ticket);
	sql_text(q, 2, span_str(words[s.why]));
	sql_text(q, 3, span_make(s.rule, s.rule_len));
	err = store_run(o->store, q);
	if (err || sqlite3_changes(sqlite3_db_handle(q)) == 0)
		return err;
	log_begin(LOG_WARN_, "call-stopped");
	log_u64("call", s.ticket);
	log_str("why", words[s.why]);
	log_span("rule", span_make(s.rule, s.rule_len));
	log_end();
	put_end(out, s.ticket, s.why);
	return 0;
}

int
stops_end(struct oracle *o, uint64_t ticket, enum stop_why why,
    struct span rule)
{
	struct call_stop s = { .ticket = ticket, .why = why };

	s.rule_len = rule.len < sizeof(s.rule) ? rule.len : sizeof(s.rule);
	memcpy(s.rule, rule.p, s.rule_len);
	return queue_add(o->queue, JOB_STOP, 0, false,
	    span_make(&s, sizeof(s)));
}

/* A row of CALLS_WATCHED; false when it may go on. */
static bool
is_to_end(struct oracle *o, sqlite3_stmt *q, struct call_stop *out)
{
	const struct running call = {
		.kind = number_kind_of(sql_column(q, 1)),
		.payer = sql_column(q, 3),
		.internet = span_eq(sql_column(q, 4), SPAN_LIT("internet")),
		.cost = (uint32_t)sqlite3_column_int(q, 5),
	};
	enum policy_why why;
	struct buf b;

	buf_init(&b, out->rule, sizeof(out->rule));
	why = policy_goes_on(o->policy, &call, &b);
	out->why = why_of(why);
	out->rule_len = b.len;
	return !policy_allows(why);
}

static void
look_at(struct oracle *o, sqlite3_stmt *q)
{
	struct call_stop s = {
		.ticket = (uint64_t)sqlite3_column_int64(q, 0) };
	struct span stop = sql_column(q, 6);

	if (stop.len > 0) {
		if (o->sig != NULL && door_is_up(o->sig))
			put_end(sig_say(o), s.ticket,
			    word_of(stop, sql_column(q, 7)));
	} else if (is_to_end(o, q, &s)) {
		/* Should there be no room: in a second. */
		(void)queue_add(o->queue, JOB_STOP, 0, false,
		    span_make(&s, sizeof(s)));
	}
}

static void
look(struct stops *s)
{
	struct oracle *o = s->oracle;
	sqlite3_stmt *q = store_use(o->store, ST_CALLS_WATCHED);
	int n = 0;

	sql_int(q, 1, s->at);
	sql_int(q, 2, LOOK_MAX);
	while (store_row(o->store, q) == 1) {
		s->at = sqlite3_column_int64(q, 0);
		n++;
		look_at(o, q);
	}
	store_done(q);
	o->looked++;
	if (n < LOOK_MAX)
		s->at = 0;
	if (o->sig != NULL)
		sig_flush(o);
}

void
stops_look(struct stops *s)
{
	struct mono now = clock_mono();

	if (!mono_due(s->due, now))
		return;
	s->due = mono_add_ms(now, LOOK_MS);
	look(s);
	if (mono_due(s->clean_due, now)) {
		s->clean_due = mono_add_ms(now, CLEAN_MS);
		queue_wake(s->oracle->queue);
	}
}

struct stops *
stops_new(struct oracle *o)
{
	struct stops *s = calloc(1, sizeof(*s));

	if (s != NULL)
		s->oracle = o;
	return s;
}

void
stops_free(struct stops *s)
{
	free(s);
}
