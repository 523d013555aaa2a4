/*
 * What an admin's change takes back from those who have it already: calls to
 * a number that is forbidden now, calls and registrations from a place that
 * allowed_from leaves out, calls of who may no more be on the internet, and
 * all that an old password made.  Calls for help go on.
 */
#include "common/io/log.h"
#include "registrar-db/io/oracle.h"

#define LOOK_MAX 256		/* calls looked at in one go */
#define DROP_MAX 64		/* bindings ended in one transaction */

/* A row of CALLS_RUNNING. */
struct running_call {
	uint64_t ticket;
	struct span caller, called, from, at;
	bool from_outside, at_outside;
	bool is_ours;		/* a subscriber's: its caller is no claim */
	bool is_out;		/* by a trunk: its called phone is not ours */
};

static struct running_call
read_call(sqlite3_stmt *q)
{
	struct running_call c = {
		.ticket = (uint64_t)sqlite3_column_int64(q, 0),
		.caller = sql_column(q, 1),
		.called = sql_column(q, 3),
		.from = sql_column(q, 5),
		.at = sql_column(q, 6),
		.from_outside = span_eq(sql_column(q, 4),
		    SPAN_LIT("external")),
		.is_ours = sql_column(q, 8).len > 0 &&
		    !span_starts(sql_column(q, 8), SPAN_LIT(TRUNK_CLAIM)),
	};

	/* The last of those that it was sent on to. */
	for (size_t i = c.called.len; i > 0; i--) {
		if (c.called.p[i - 1] != ' ')
			continue;
		c.called = span_sub(c.called, i, c.called.len);
		break;
	}
	if (c.called.len == 0)
		c.called = sql_column(q, 2);
	/* One channel for each side that is outside. */
	c.at_outside = sqlite3_column_int(q, 7) > c.from_outside;
	c.is_out = c.is_ours && sql_column(q, 9).len > 0;
	return c;
}

/* As it stands in call: ADDRESS:PORT. */
static bool
may_be_at(struct oracle *o, struct span number, struct span source)
{
	struct addr at;
	bool may;

	return addr_parse(source, 0, &at) != 0 ||
	    policy_may_be_at(o->store, number, &at, &may) != 0 || may;
}

static bool
has_row(struct oracle *o, enum stmt id, struct span number)
{
	sqlite3_stmt *q = store_use(o->store, id);
	int got;

	sql_text(q, 1, number);
	got = store_row(o->store, q);
	store_done(q);
	return got == 1;
}

/* A desk whose home phone rang with it counts as outside too. */
static bool
is_at_desk(struct oracle *o, struct span number, struct span source)
{
	sqlite3_stmt *q = store_use(o->store, ST_AT_DESK);
	bool found = false;

	sql_text(q, 1, number);
	sql_int(q, 2, oracle_wall_s(o));
	while (!found && store_row(o->store, q) == 1)
		found = span_eq(sql_column(q, 0), source);
	store_done(q);
	return found;
}

/* NULL: it goes on. */
static const char *
rule_against(struct oracle *o, const struct running_call *c)
{
	if (policy_kind(o->policy, c->called) == NUMBER_FORBIDDEN)
		return "number_class: forbidden";
	if (c->is_ours && c->from_outside &&
	    has_row(o, ST_OFF_INTERNET, c->caller))
		return "internet";
	if (c->is_ours && !may_be_at(o, c->caller, c->from))
		return "allowed_from";
	if (c->is_out)
		return NULL;
	if (c->at_outside && has_row(o, ST_OFF_INTERNET, c->called) &&
	    !is_at_desk(o, c->called, c->at))
		return "internet";
	return may_be_at(o, c->called, c->at) ? NULL : "allowed_from";
}

static int
look_on(struct oracle *o)
{
	sqlite3_stmt *q = store_use(o->store, ST_CALLS_RUNNING);
	struct running_call c;
	const char *rule;
	int n = 0;

	sql_int(q, 1, o->withdrawn.at);
	sql_int(q, 2, LOOK_MAX);
	while (store_row(o->store, q) == 1) {
		c = read_call(q);
		o->withdrawn.at = (int64_t)c.ticket;
		n++;
		rule = rule_against(o, &c);
		if (rule != NULL && stops_end(o, c.ticket, STOP_RIGHT,
					span_str(rule)) != 0)
			o->withdrawn.again = true;
	}
	store_done(q);
	return n;
}

void
withdrawn_look(struct oracle *o, bool changed)
{
	struct withdrawn *w = &o->withdrawn;

	if (changed)
		w->again = w->bindings = true;
	if (!w->walks && !w->again)
		return;
	if (!w->walks) {
		w->walks = true;
		w->again = false;
		w->at = 0;
	}
	w->walks = look_on(o) == LOOK_MAX;
}

/* ---- registrations ---- */

struct shut {
	char number[NUMBER_MAX];
	size_t len;
	int slot;
};

/* slot 0: all.  sigproxy is told by tell_gone(). */
static int
shut_out(struct oracle *o, struct span number, int slot)
{
	static const enum stmt ids[] = { ST_FLOWS_SHUT, ST_BINDINGS_SHUT };
	int err = 0;

	for (int i = 0; i < 2 && err == 0; i++) {
		sqlite3_stmt *q = store_use(o->store, ids[i]);

		sql_text(q, 1, number);
		sql_int(q, 2, slot);
		err = store_run(o->store, q);
	}
	return err;
}

static unsigned
misplaced(struct oracle *o, struct shut out[DROP_MAX])
{
	sqlite3_stmt *q = store_use(o->store, ST_BINDINGS_PLACED);
	unsigned n = 0;

	while (n < DROP_MAX && store_row(o->store, q) == 1) {
		struct span number = sql_column(q, 0);

		if (number.len > NUMBER_MAX ||
		    may_be_at(o, number, sql_column(q, 2)))
			continue;
		memcpy(out[n].number, number.p, number.len);
		out[n].len = number.len;
		out[n++].slot = sqlite3_column_int(q, 1);
	}
	store_done(q);
	return n;
}

bool
withdrawn_chores(struct oracle *o)
{
	struct shut shut[DROP_MAX];
	unsigned n;

	if (!o->withdrawn.bindings)
		return false;
	n = misplaced(o, shut);
	for (unsigned i = 0; i < n; i++) {
		struct span number = span_make(shut[i].number, shut[i].len);

		if (shut_out(o, number, shut[i].slot) != 0)
			return false;
		log_begin(LOG_INFO_, "binding-misplaced");
		log_span("number", number);
		log_end();
	}
	o->withdrawn.bindings = n == DROP_MAX;
	return o->withdrawn.bindings;
}

int
withdrawn_password(struct oracle *o, int64_t id, struct span number)
{
	sqlite3_stmt *q;
	int err = shut_out(o, number, 0);

	if (err)
		return err;
	devices_forget(o->verify.devices, id);
	watchers_ask_anew(o->watchers, number);
	q = store_use(o->store, ST_PASSWORD_CALLS);
	sql_text(q, 1, number);
	return store_run(o->store, q);
}
