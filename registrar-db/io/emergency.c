/*
 * Calls for help.  By a service's name (RFC 5031) instead of a number; and
 * from the office without a password: whoever stands before a phone that is
 * not registered, or whose password is wrong, gets through.
 *
 * That a call comes from the office is sigproxy's word.  Captured, it could
 * call emergency numbers so, and nothing else.
 */
#include <errno.h>

#include "common/codec/sos.h"
#include "common/codec/uri.h"
#include "registrar-db/io/oracle.h"

/* Digits dialled for a line outside. */
#define LINE_DIGITS_MAX 2

/* ---- by name ---- */

static int
keep(struct span number, char *mem, struct span *out)
{
	if (number.len == 0 || number.len > NUMBER_MAX)
		return -ENOENT;
	memcpy(mem, number.p, number.len);
	*out = span_make(mem, number.len);
	return 0;
}

static int
row_of(struct oracle *o, struct span service, char *mem, struct span *out)
{
	sqlite3_stmt *q = store_use(o->store, ST_SOS_NUMBER);
	int err = -ENOENT;

	sql_text(q, 1, service);
	if (store_row(o->store, q) == 1)
		err = keep(sql_column(q, 0), mem, out);
	store_done(q);
	return err;
}

int
sos_number(struct oracle *o, struct span service, char *mem, struct span *out)
{
	for (; service.len > 0; service = sos_parent(service))
		if (row_of(o, service, mem, out) == 0)
			return 0;
	return o->n_emergency == 0 ? -ENOENT :
				     keep(span_str(o->emergency[0]), mem, out);
}

static bool
means(const struct plan *plan, struct span number, struct span form)
{
	char mem[PLAN_NUMBER_MAX];
	struct span other;

	return plan_number(plan, number, mem, &other) == 0 &&
	    span_eq(form, other);
}

static bool
is_listed(struct oracle *o, const struct plan *plan, struct span form)
{
	sqlite3_stmt *q;
	bool found = false;

	if (form.len == 0)
		return false;
	for (unsigned i = 0; i < o->n_emergency; i++)
		if (means(plan, span_str(o->emergency[i]), form))
			return true;
	q = store_use(o->store, ST_SOS_NUMBERS);
	while (!found && store_row(o->store, q) == 1)
		found = means(plan, sql_column(q, 0), form);
	store_done(q);
	return found;
}

/* 112 behind what is dialled for a line outside. */
static bool
is_behind(struct oracle *o, const struct plan *plan, struct span prefix,
    struct span form, struct span *out)
{
	struct span rest;

	/* 0900 is no such thing, and 0900112 another's number. */
	if (prefix.len == 0 || prefix.len > LINE_DIGITS_MAX ||
	    !span_starts(form, prefix))
		return false;
	rest = span_sub(form, prefix.len, form.len);
	if (!is_listed(o, plan, rest))
		return false;
	*out = rest;
	return true;
}

bool
sos_is_number(struct oracle *o, const struct plan *plan, struct span form,
    bool ours, struct span *out)
{
	sqlite3_stmt *q;
	bool found;

	*out = form;
	found = is_listed(o, plan, form);
	if (found || ours)
		return found;
	found = is_behind(o, plan, plan->national, form, out);
	if (found || form.len == 0)
		return found;
	q = store_use(o->store, ST_LINE_PREFIXES);
	while (!found && store_row(o->store, q) == 1)
		found = is_behind(o, plan, sql_column(q, 0), form, out);
	store_done(q);
	return found;
}

/* ---- without a password ---- */

bool
emergency_is(const struct ipc_auth_ask *ask)
{
	const struct ipc_digest *d = &ask->digest;

	return ask->want != 0 && ask->flow.zone == ZONE_INTERNAL &&
	    span_eq(d->method, SPAN_LIT("INVITE")) && d->username.len == 0 &&
	    d->realm.len == 0 && d->nonce.len == 0 && d->response.len == 0;
}

bool
sos_is_asked(struct oracle *o, const struct ipc_auth_ask *ask)
{
	char mem[URI_USER_MAX];
	struct span number;

	if (ask->want == 0 ||
	    !span_eq(ask->digest.method, SPAN_LIT("INVITE")))
		return false;
	store_read(o->store);
	return calls_number(o, &ask->digest, mem, &number) == 0 &&
	    policy_kind(o->policy, number) == NUMBER_EMERGENCY;
}

/* Is this number's phone, as far as we know, where the call comes from? */
static bool
is_at(struct oracle *o, struct span number, const struct addr *from)
{
	sqlite3_stmt *q = store_use(o->store, ST_AT_DESK);
	bool found = false;
	struct addr a;

	sql_text(q, 1, number);
	sql_int(q, 2, oracle_wall_s(o));
	while (!found && store_row(o->store, q) == 1)
		found = addr_parse(sql_column(q, 0), 0, &a) == 0 &&
		    addr_same_ip(&a, from);
	store_done(q);
	return found;
}

/* Whom to call back.  A name of our own would be a lie. */
static void
set_caller(struct oracle *o, const struct ipc_auth_ask *ask,
    struct party_row *row, struct ipc_auth_say *say)
{
	if (ask->from_user.len > 0 && ask->from_user.len <= NUMBER_MAX &&
	    is_at(o, ask->from_user, &ask->flow.remote) &&
	    party_read(o->store, ask->from_user, row) == 0)
		say->caller = row->party;
	else
		say->caller = (struct ipc_party){
			.number = SPAN_LIT("anonymous") };
}

void
emergency_ask(struct oracle *o, const struct ipc_auth_ask *ask,
    struct ipc_auth_say *say)
{
	static struct party_row caller, called;
	char mem[URI_USER_MAX];
	struct decision d = { .verdict = VERDICT_NOT_FOUND };
	struct span number;

	store_read(o->store);
	if (calls_number(o, &ask->digest, mem, &number) == 0)
		policy_ask(o->policy, SPAN_NONE, false, number, &d);
	/* The phone is asked for its password, as for any other call. */
	if (d.kind != NUMBER_EMERGENCY) {
		say->verdict = VERDICT_STALE;
		return;
	}
	set_caller(o, ask, &caller, say);
	say->verdict = VERDICT_OK;
	calls_route(o, ask, &called, say);
}
