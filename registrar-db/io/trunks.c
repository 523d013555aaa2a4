#include "registrar-db/io/trunks.h"

#include <errno.h>
#include <stdlib.h>

#include "common/io/log.h"
#include "registrar-db/io/oracle.h"

struct trunks {
	struct plan site;
	uint32_t set;		/* counted up with each telling */
	struct trunk_rows rows;
	/* The frames of the rows, to see that something changed. */
	size_t frames_len;
	char frames[IPC_TRUNKS_MAX * 1500];
	/* What the ways of the last answer say. */
	char number[IPC_WAYS_MAX][PLAN_NUMBER_MAX];
	char caller[IPC_WAYS_MAX][USERNAME_MAX];
};

static bool read_rows(struct oracle *o, struct trunks *t);

struct trunks *
trunks_new(struct oracle *o, const struct plan *site)
{
	struct trunks *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->site = *site;
	(void)read_rows(o, t);
	return t;
}

void
trunks_free(struct trunks *t)
{
	free(t);
}

const struct trunk_rows *
trunks_rows(const struct oracle *o)
{
	return &o->trunks->rows;
}

/* ---- telling ---- */

void
trunks_tell(struct oracle *o)
{
	struct trunks *t = o->trunks;
	struct ipc_trunks end = { .set = ++t->set,
		.count = (uint16_t)t->rows.n };

	if (o->sig == NULL || !door_is_up(o->sig))
		return;
	for (unsigned i = 0; i < t->rows.n; i++) {
		struct ipc_trunk m = t->rows.trunk[i].told;

		m.set = t->set;
		IPC_FRAME(sig_say(o), TRUNK, trunk, &m);
	}
	IPC_FRAME(sig_say(o), TRUNKS, trunks, &end);
	sig_flush(o);
}

/* The same to stunmon, who finds out where they are. */
void
trunks_tell_stunmon(struct oracle *o)
{
	struct trunks *t = o->trunks;
	const struct ipc_trunks end = { .set = ++t->set,
		.count = (uint16_t)t->rows.n };
	char mem[2048];
	struct buf b;

	if (o->stun == NULL || !door_is_up(o->stun))
		return;
	for (unsigned i = 0; i < t->rows.n; i++) {
		struct ipc_trunk m = t->rows.trunk[i].told;

		m.set = t->set;
		buf_init(&b, mem, sizeof(mem));
		IPC_FRAME(&b, TRUNK, trunk, &m);
		if (buf_err(&b) == 0)
			(void)door_send(o->stun, buf_span(&b));
	}
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, TRUNKS, trunks, &end);
	(void)door_send(o->stun, buf_span(&b));
}

/* Gives: were they others before? */
static bool
read_rows(struct oracle *o, struct trunks *t)
{
	static char mem[sizeof(t->frames)];
	struct buf b;
	bool same;

	trunk_rows_read(o->store, &t->site, &t->rows);
	buf_init(&b, mem, sizeof(mem));
	for (unsigned i = 0; i < t->rows.n; i++)
		IPC_FRAME(&b, TRUNK, trunk, &t->rows.trunk[i].told);
	same = b.len == t->frames_len && memcmp(mem, t->frames, b.len) == 0;
	memcpy(t->frames, mem, b.len);
	t->frames_len = b.len;
	return !same;
}

void
trunks_changed(struct oracle *o)
{
	if (!read_rows(o, o->trunks))
		return;
	trunks_tell(o);
	trunks_tell_stunmon(o);
}

/* ---- where a call goes ---- */

static size_t
copy(char *to, size_t max, struct span s)
{
	size_t len = s.len < max ? s.len : max;

	if (len > 0)
		memcpy(to, s.p, len);
	return len;
}

static int
rights_of(struct oracle *o, struct span by, char mem[POLICY_NAME_MAX],
    struct span *out)
{
	sqlite3_stmt *q = store_use(o->store, ST_SERVICE);
	int got;

	*out = SPAN_NONE;
	sql_text(q, 1, by);
	got = store_row(o->store, q);
	if (got == 1)
		*out = span_make(mem, copy(mem, POLICY_NAME_MAX,
		    sql_column(q, 0)));
	store_done(q);
	return got < 0 ? got : 0;
}

/* What this trunk is told about who calls: his own number there, or the
 * trunk's, or its account. */
static struct span
caller_at(const struct trunk_rows *rows, const struct trunk_row *t,
    struct span by, char mem[USERNAME_MAX])
{
	char form[PLAN_NUMBER_MAX], written[PLAN_NUMBER_MAX];
	struct span number, out = by;

	if (t->told.user.len > 0)
		out = t->told.user;
	if (t->caller_number.len > 0)
		out = t->caller_number;
	for (unsigned i = 0; i < rows->n_dids; i++) {
		const struct did_row *d = &rows->did[i];

		if (d->trunk != t->id ||
		    dial_did_of(&d->pattern, span_make(d->target,
			d->target_len), by, form, &number) != 0 ||
		    dial_write(&t->dial, number, 0, SPAN_NONE, written,
			&number) != 0)
			continue;
		out = number;
		break;
	}
	return span_make(mem, copy(mem, USERNAME_MAX, out));
}

/* What is left when a route has cut off a part must be allowed as well, or
 * an access code would be a way round all rules. */
static bool
may_strip(struct oracle *o, const struct dial_route *r,
    const struct trunk_row *t, struct span by, const struct decision *d,
    struct decision *stripped)
{
	char mem[PLAN_NUMBER_MAX];
	struct span left;

	if (r->strip == 0)
		return true;
	if (dial_write(&t->dial, span_make(d->number, d->number_len),
		r->strip, SPAN_NONE, mem, &left) != 0)
		return false;
	policy_ask_form(o->policy, by, d->internet, left, stripped);
	return stripped->verdict == VERDICT_OK;
}

/*
 * A number of two to five digits that is nobody's of ours is one of the PBX
 * behind a trunk, or a service that costs money at a provider.  There it must
 * be allowed as any national number, and counts as one.
 */
static bool
may_leave(struct oracle *o, const struct trunk_row *t, struct span by,
    const struct decision *d, struct decision *left)
{
	*left = *d;
	if (d->kind != NUMBER_INTERNAL || trunk_is_ours(t))
		return true;
	policy_ask_outside(o->policy, by, d, left);
	return left->verdict == VERDICT_OK;
}

static int
add_way(struct oracle *o, const struct dial_route *r,
    const struct trunk_row *t, struct span by, const struct decision *d,
    struct ipc_auth_say *say)
{
	unsigned n = say->n_ways;
	struct span number;
	int err = dial_write(&t->dial, span_make(d->number, d->number_len),
	    r->strip, span_make(r->prepend, r->prepend_len),
	    o->trunks->number[n], &number);

	if (err)
		return err;
	say->ways[n] = (struct ipc_way){ .trunk = t->id, .route = r->id,
		.number = number,
		.caller = caller_at(&o->trunks->rows, t, by,
		    o->trunks->caller[n]) };
	say->n_ways++;
	return 0;
}

/* For the record: the first way. */
static void
note_way(const struct trunk_row *t, const struct ipc_way *w,
    struct decision *d)
{
	struct buf b;

	d->trunk_len = copy(d->trunk, sizeof(d->trunk), t->told.name);
	d->sent_len = copy(d->sent, sizeof(d->sent), w->number);
	buf_init(&b, d->route, sizeof(d->route));
	if (w->route == 0)
		buf_puts(&b, "prefix");
	else
		buf_fmt(&b, "route %u", w->route);
	d->route_len = b.len;
}

static void
name_called(struct ipc_auth_say *say, const struct decision *d)
{
	say->n_targets = 0;
	say->called = (struct ipc_party){ .number = span_make(d->number,
		d->number_len) };
}

static enum verdict
choose(struct oracle *o, struct span by, struct span rights,
    struct decision *d, struct ipc_auth_say *say)
{
	static struct decision stripped, left, refused, as;
	const struct trunk_rows *rows = &o->trunks->rows;
	struct span number = span_make(d->number, d->number_len);
	bool denied = false;

	as = *d;
	for (unsigned i = 0; i < rows->n_routes &&
	     say->n_ways < IPC_WAYS_MAX; i++) {
		const struct dial_route *r = &rows->route[i];
		const struct trunk_row *t = trunk_row(rows, r->trunk);

		if (t == NULL || !t->outbound ||
		    !dial_route_fits(r, number, d->kind, rights))
			continue;
		if (!may_strip(o, r, t, by, d, &stripped)) {
			refused = stripped;
			denied = true;
			continue;
		}
		if (!may_leave(o, t, by, d, &left)) {
			refused = left;
			denied = true;
			continue;
		}
		if (add_way(o, r, t, by, d, say) == 0 &&
		    left.kind != d->kind)
			as = left;
	}
	if (say->n_ways > 0) {
		*d = as;
		return VERDICT_OK;
	}
	if (!denied || refused.verdict != VERDICT_DENIED ||
	    d->kind == NUMBER_EMERGENCY)
		return VERDICT_NOT_FOUND;
	*d = refused;
	return VERDICT_DENIED;
}

/* A call for help that no row provides for: any trunk is better than none. */
static enum verdict
choose_any(struct oracle *o, struct span by, const struct decision *d,
    struct ipc_auth_say *say)
{
	const struct dial_route r = { .id = 0 };
	const struct trunk_rows *rows = &o->trunks->rows;

	for (unsigned i = 0; i < rows->n && say->n_ways < IPC_WAYS_MAX; i++)
		if (rows->trunk[i].outbound)
			(void)add_way(o, &r, &rows->trunk[i], by, d, say);
	return say->n_ways > 0 ? VERDICT_OK : VERDICT_NOT_FOUND;
}

enum verdict
trunks_route(struct oracle *o, struct span by, struct decision *d,
    struct ipc_auth_say *say)
{
	struct span number = span_make(d->number, d->number_len), rights;
	char mem[POLICY_NAME_MAX];
	struct party_row ours;
	enum verdict v;

	say->n_ways = 0;
	if (o->trunks->rows.n == 0 || number.len == 0 ||
	    party_read(o->store, number, &ours) != -ENOENT)
		return VERDICT_NOT_FOUND;
	if (rights_of(o, by, mem, &rights) != 0)
		return VERDICT_BUSY;
	v = choose(o, by, rights, d, say);
	if (v == VERDICT_NOT_FOUND && d->kind == NUMBER_EMERGENCY)
		v = choose_any(o, by, d, say);
	if (v != VERDICT_OK)
		return v;
	name_called(say, d);
	note_way(trunk_row(&o->trunks->rows, say->ways[0].trunk),
	    &say->ways[0], d);
	return v;
}

/* As any call there: one of two to five digits that is nobody's of ours costs
 * money where the PBX is not the office's. */
static enum verdict
may_be_mirrored(struct oracle *o, const struct trunk_row *t, struct span by,
    struct decision *d)
{
	static struct decision left;
	struct party_row ours;
	int err = party_read(o->store, span_make(d->number, d->number_len),
	    &ours);

	bool may;

	if (err == 0)
		return VERDICT_OK;
	may = may_leave(o, t, by, d, &left);
	*d = left;
	return may ? VERDICT_OK : left.verdict;
}

enum verdict
trunks_mirrored(struct oracle *o, struct span by, struct decision *d,
    struct ipc_auth_say *say)
{
	const struct dial_route r = { .id = 0 };
	sqlite3_stmt *q = store_use(o->store, ST_MIRROR_OF);
	const struct trunk_row *t = NULL;
	char user[USERNAME_MAX];
	enum verdict v;
	size_t n = 0;

	sql_text(q, 1, by);
	if (store_row(o->store, q) == 1) {
		int64_t id = sqlite3_column_int64(q, 0);

		t = trunk_row(&o->trunks->rows,
		    id > 0 && id <= IPC_TRUNK_ID_MAX ? (uint32_t)id : 0);
		n = copy(user, sizeof(user), sql_column(q, 1));
	}
	store_done(q);
	say->n_ways = 0;
	if (t == NULL)
		return VERDICT_NOT_FOUND;
	v = may_be_mirrored(o, t, by, d);
	if (v != VERDICT_OK)
		return v;
	if (add_way(o, &r, t, by, d, say) != 0)
		return VERDICT_NOT_FOUND;
	memcpy(o->trunks->caller[0], user, n);
	say->ways[0].caller = span_make(o->trunks->caller[0], n);
	name_called(say, d);
	note_way(t, &say->ways[0], d);
	return VERDICT_OK;
}

/* ---- which way it went ---- */

int
trunks_way(struct oracle *o, struct span payload)
{
	struct ipc_call_way m;
	int err = get_call_way(payload, &m);

	if (err)
		return err;
	(void)queue_add(o->queue, JOB_CALL_WAY, 0, false, payload);
	return 0;
}

int
trunks_way_run(struct oracle *o, const struct job *job)
{
	char mem[24];
	struct ipc_call_way m;
	sqlite3_stmt *q;
	struct buf b;
	int err = get_call_way(span_make(job->payload, job->len), &m);

	if (err)
		return err;
	buf_init(&b, mem, sizeof(mem));
	if (m.route == 0)
		buf_puts(&b, "prefix");
	else
		buf_fmt(&b, "route %u", m.route);
	q = store_use(o->store, ST_CALL_WAY);
	sql_int(q, 1, (int64_t)m.ticket);
	sql_int(q, 2, m.trunk);
	sql_text(q, 3, buf_span(&b));
	sql_text(q, 4, m.sent);
	return store_run(o->store, q);
}
