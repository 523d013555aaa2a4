/*
 * Calls that a trunk sends.  sigproxy says which trunk it is; what a captured
 * one gains by a lie is to let a phone ring.
 */
#include <errno.h>

#include "registrar-db/io/oracle.h"

/* At a PBX where our subscribers are registered the user is one of them. */
static int
find_mirrored(struct oracle *o, const struct ipc_trunk_call_ask *ask,
    struct decision *d)
{
	sqlite3_stmt *q = store_use(o->store, ST_MIRROR_NUMBER);
	struct span number;
	int got;

	sql_int(q, 1, ask->trunk);
	sql_text(q, 2, ask->called);
	got = store_row(o->store, q);
	if (got == 1) {
		number = sql_column(q, 0);
		got = number.len <= sizeof(d->number) ? 1 : 0;
		if (got == 1)
			memcpy(d->number, number.p, number.len);
		d->number_len = number.len;
	}
	store_done(q);
	return got == 1 ? 0 : got < 0 ? got : -ENOENT;
}

static int
find_did(struct oracle *o, const struct trunk_row *t, struct span written,
    struct decision *d)
{
	char form[PLAN_NUMBER_MAX];
	const struct did_row *did;
	struct span number;
	struct buf b;
	int err = dial_read(&t->dial, written, form, &number);

	if (err)
		return -ENOENT;
	did = did_find(trunks_rows(o), t->id, number);
	if (did == NULL || dial_target(span_make(did->target,
	    did->target_len), number, d->number, &number) != 0)
		return -ENOENT;
	d->number_len = number.len;
	buf_init(&b, d->route, sizeof(d->route));
	buf_puts(&b, "did ");
	buf_put(&b, span_make(did->pattern.typed, did->pattern.typed_len));
	d->route_len = b.len;
	return 0;
}

/* For whom it is; the trunk's right is to call those numbers, no others. */
static enum verdict
map_number(struct oracle *o, const struct trunk_row *t,
    const struct ipc_trunk_call_ask *ask, struct decision *d)
{
	struct buf b;
	int err = -ENOENT;

	if (t->told.mirror)
		err = find_mirrored(o, ask, d);
	if (err == 0) {
		buf_init(&b, d->route, sizeof(d->route));
		buf_puts(&b, "mirror");
		d->route_len = b.len;
	} else if (err == -ENOENT) {
		err = find_did(o, t, ask->called, d);
	}
	return err == 0	      ? VERDICT_OK :
	    err == -ENOENT ? VERDICT_NOT_FOUND :
			     VERDICT_BUSY;
}

/* Is one of ours called so, by number or as a phone signs in? */
static bool
is_ours(struct oracle *o, struct span word)
{
	struct party_row row;
	int64_t id = -1;

	if (word.len == 0 || word.len > NUMBER_MAX)
		return false;
	if (party_read(o->store, word, &row) == 0)
		return true;
	return user_find(o->store, word, &id) == 0 && id >= 0;
}

/* For the record: nobody but the trunk says so, and what it said. */
static void
note_claim(struct decision *d, struct span said, bool believed)
{
	struct buf b;

	buf_init(&b, d->rule, sizeof(d->rule));
	buf_puts(&b, TRUNK_CLAIM);
	if (!believed)
		buf_put(&b, said);
	buf_puts(&b, believed ? "not verified" : " is ours, not shown");
	d->rule_len = buf_err(&b) ? 0 : b.len;
}

/* Who calls, so that he can be called back from here.  A provider's caller is
 * none of ours, whatever he says: a phone would show a colleague. */
static struct ipc_party
caller_of(struct oracle *o, const struct trunk_row *t,
    const struct ipc_trunk_call_ask *ask, char mem[PLAN_NUMBER_MAX],
    struct decision *d)
{
	struct ipc_party who = { .number = SPAN_LIT("anonymous"),
		.latching = t->told.latching, .srtp = t->told.srtp };
	struct span said = span_sub(ask->caller, 0, NUMBER_MAX);
	struct span number = said;
	bool is_false;

	if (number.len > 0)
		(void)dial_read(&t->dial, ask->caller, mem, &number);
	if (!trunk_is_ours(t)) {
		is_false = is_ours(o, number) || is_ours(o, said);
		note_claim(d, said, !is_false);
		if (is_false)
			return who;
	}
	if (trunk_is_ours(t) || !is_ours(o, ask->name))
		who.name = ask->name;
	if (number.len > 0)
		who.number = number;
	return who;
}

int
trunks_call_ask(struct oracle *o, struct span payload)
{
	/* say lies in them. */
	static struct decision d;
	static struct party_row called;
	char mem[PLAN_NUMBER_MAX];
	struct ipc_trunk_call_ask ask;
	struct ipc_auth_say say = { .id = 0 };
	const struct trunk_row *t;
	int err = get_trunk_call_ask(payload, &ask);

	if (err)
		return err;
	say.id = ask.id;
	say.verdict = VERDICT_FORBIDDEN;
	store_read(o->store);
	t = trunk_row(trunks_rows(o), ask.trunk);
	if (t != NULL) {
		d = (struct decision){ .kind = NUMBER_INTERNAL,
			.internet = t->told.zone == ZONE_EXTERNAL };
		d.verdict = map_number(o, t, &ask, &d);
		d.trunk_len = t->told.name.len;
		memcpy(d.trunk, t->told.name.p, d.trunk_len);
		d.sent_len = ask.called.len < sizeof(d.sent) ?
		    ask.called.len : sizeof(d.sent);
		if (d.sent_len > 0)
			memcpy(d.sent, ask.called.p, d.sent_len);
		say.caller = caller_of(o, t, &ask, mem, &d);
		calls_from_trunk(o, &ask, &d, &called, &say);
	}
	IPC_FRAME(sig_say(o), AUTH_SAY, auth_say, &say);
	return 0;
}
