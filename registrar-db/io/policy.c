#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "common/io/log.h"
#include "registrar-db/io/oracle.h"

#define PATTERNS_MAX 4097	/* number_class, and our own country */
/* Granted and not in the table yet: a commit is due within 20 ms. */
#define FRESH_MAX 1024

struct fresh {
	uint64_t ticket;	/* 0: free */
	uint32_t cost;		/* of its first minute */
	size_t len;
	char payer[NUMBER_MAX];
};

struct policy {
	struct oracle *oracle;
	struct plan plan;
	int64_t version;	/* of the database, as it was read */
	size_t n_patterns;
	struct pattern patterns[PATTERNS_MAX];
	unsigned n_fresh;
	struct fresh fresh[FRESH_MAX];
};

/* ---- kinds of numbers ---- */

static void
log_unread(struct span pattern)
{
	log_begin(LOG_ERROR_, "number-class-unread");
	log_span("pattern", span_sub(pattern, 0, PLAN_NUMBER_MAX));
	log_str("remedy", "it is no number as dialled here; look at the "
			  "prefixes in [site] and at docs/policy.md");
	log_end();
}

static void
add_pattern(struct policy *p, struct span typed, struct span kind, double cost)
{
	struct pattern *row = &p->patterns[p->n_patterns];

	if (p->n_patterns == PATTERNS_MAX)
		return;
	if (pattern_read(&p->plan, typed, row) != 0) {
		log_unread(typed);
		return;
	}
	row->kind = number_kind_of(kind);
	row->cost = cost > 0 && cost <= 1000 ? (uint32_t)(cost * 10000 + 0.5) :
					       0;
	p->n_patterns++;
}

/* +49 and more is national, unless a row says otherwise. */
static void
add_own_country(struct policy *p)
{
	char mem[PLAN_NUMBER_MAX];
	struct buf b;

	if (p->plan.country.len == 0)
		return;
	buf_init(&b, mem, sizeof(mem));
	buf_putc(&b, '+');
	buf_put(&b, p->plan.country);
	buf_putc(&b, '%');
	add_pattern(p, buf_span(&b), SPAN_LIT("national"), 0);
}

/* After an admin's change, before the next question. */
static void
load(struct policy *p)
{
	struct store *s = p->oracle->store;
	int64_t version = store_number(s, ST_DATA_VERSION, -1);
	sqlite3_stmt *q;

	if (version == p->version)
		return;
	p->version = version;
	q = store_use(s, ST_NUMBER_CLASSES);

	p->n_patterns = 0;
	while (store_row(s, q) == 1)
		add_pattern(p, sql_column(q, 0), sql_column(q, 1),
		    sqlite3_column_double(q, 2));
	store_done(q);
	add_own_country(p);
}

struct policy *
policy_new(struct oracle *o, const struct plan *plan)
{
	struct policy *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->oracle = o;
	p->plan = *plan;
	p->version = -1;
	load(p);
	return p;
}

void
policy_free(struct policy *p)
{
	free(p);
}

/* ---- rows ---- */

static int64_t
cap_column(sqlite3_stmt *q, int at)
{
	int64_t v = sqlite3_column_int64(q, at);

	if (sqlite3_column_type(q, at) == SQLITE_NULL)
		return POLICY_NO_CAP;
	return v < 0 ? 0 : v;
}

static int64_t
money_column(sqlite3_stmt *q, int at)
{
	double v = sqlite3_column_double(q, at);

	if (sqlite3_column_type(q, at) == SQLITE_NULL)
		return POLICY_NO_CAP;
	return v >= 0 && v <= 1e6 ? (int64_t)(v * 10000 + 0.5) : 0;
}

static void
caps_columns(sqlite3_stmt *q, int at, struct caps *out)
{
	out->calls = cap_column(q, at);
	out->minutes = cap_column(q, at + 1);
	out->cost = money_column(q, at + 2);
}

/* A row that makes no sense allows nothing. */
static void
service_column(sqlite3_stmt *q, struct service *out)
{
	struct span name = sql_column(q, 0);

	out->name_len = name.len < sizeof(out->name) ? name.len :
						       sizeof(out->name);
	memcpy(out->name, name.p, out->name_len);
	if (policy_kinds(sql_column(q, 1), &out->office) != 0 ||
	    policy_kinds(sql_column(q, 2), &out->internet) != 0 ||
	    policy_hours(sql_column(q, 3), sql_column(q, 4), out) != 0)
		out->office = out->internet = 0;
	caps_columns(q, 5, &out->caps);
}

static int
read_service(struct store *s, struct span number, struct service *out)
{
	sqlite3_stmt *q = store_use(s, ST_SERVICE);
	int got;

	*out = (struct service){ .name = "?", .name_len = 1 };
	sql_text(q, 1, number);
	got = store_row(s, q);
	if (got == 1)
		service_column(q, out);
	store_done(q);
	return got < 0 ? got : 0;
}

static int
read_grants(struct oracle *o, struct span number, struct policy_ask *ask)
{
	sqlite3_stmt *q = store_use(o->store, ST_GRANTS);
	int got;

	sql_text(q, 1, number);
	sql_text(q, 2, span_str(ask->internet ? "internet" : "office"));
	sql_int(q, 3, oracle_wall_s(o));
	ask->n_grants = 0;
	while ((got = store_row(o->store, q)) == 1 &&
	    ask->n_grants < POLICY_GRANTS_MAX) {
		struct grant *g = &ask->grants[ask->n_grants];

		g->id = sqlite3_column_int64(q, 0);
		if (policy_kinds(sql_column(q, 1), &g->allows) != 0)
			continue;
		caps_columns(q, 2, &g->caps);
		ask->n_grants++;
	}
	store_done(q);
	return got < 0 ? got : 0;
}

/* ---- what was used ---- */

void
policy_day(int64_t wall_s, char out[11])
{
	time_t t = (time_t)wall_s;
	struct tm tm;

	localtime_r(&t, &tm);
	if (strftime(out, 11, "%Y-%m-%d", &tm) == 0)
		out[0] = '\0';
}

static int
read_spent(struct oracle *o, struct span number, struct usage *u)
{
	sqlite3_stmt *q = store_use(o->store, ST_SPENT);
	char day[11];
	int got;

	policy_day(oracle_wall_s(o), day);
	sql_text(q, 1, number);
	sql_text(q, 2, span_str(day));
	got = store_row(o->store, q);
	if (got == 1) {
		u->seconds = sqlite3_column_int64(q, 0);
		u->cost = sqlite3_column_int64(q, 1);
	}
	store_done(q);
	return got < 0 ? got : 0;
}

static uint32_t
cost_column(sqlite3_stmt *q, int at)
{
	int64_t v = sqlite3_column_int64(q, at);

	return v < 0 ? 0 : v > 10000000 ? 10000000 : (uint32_t)v;
}

/* What runs counts whole for the day on which it will end. */
static int
read_spending(struct oracle *o, struct span number, struct usage *u)
{
	sqlite3_stmt *q = store_use(o->store, ST_SPENDING);
	int64_t now = oracle_wall_s(o);
	int got;

	sql_text(q, 1, number);
	while ((got = store_row(o->store, q)) == 1) {
		int64_t since = sqlite3_column_int64(q, 0);

		u->calls++;
		if (sqlite3_column_type(q, 0) == SQLITE_NULL || since >= now) {
			u->ringing += cost_column(q, 1);
			continue;
		}
		u->seconds += now - since;
		u->cost += policy_cost(now - since, cost_column(q, 1));
	}
	store_done(q);
	return got < 0 ? got : 0;
}

static void
count_fresh(const struct policy *p, struct span payer, struct usage *u)
{
	for (unsigned i = 0; i < FRESH_MAX && p->n_fresh > 0; i++) {
		const struct fresh *f = &p->fresh[i];

		if (f->ticket == 0 ||
		    !span_eq(span_make(f->payer, f->len), payer))
			continue;
		u->calls++;
		u->ringing += f->cost;
	}
}

static int
read_usage(const struct policy *p, struct span number, struct usage *u)
{
	int err;

	*u = (struct usage){ 0 };
	count_fresh(p, number, u);
	err = read_spent(p->oracle, number, u);
	return err ? err : read_spending(p->oracle, number, u);
}

int
policy_granted(struct policy *p, uint64_t ticket, struct span payer,
    uint32_t cost)
{
	for (unsigned i = 0; i < FRESH_MAX; i++) {
		struct fresh *f = &p->fresh[i];

		if (f->ticket != 0)
			continue;
		f->ticket = ticket;
		f->cost = cost;
		f->len = payer.len < NUMBER_MAX ? payer.len : NUMBER_MAX;
		memcpy(f->payer, payer.p, f->len);
		p->n_fresh++;
		return 0;
	}
	return -ENOBUFS;
}

void
policy_written(struct policy *p, uint64_t ticket)
{
	for (unsigned i = 0; i < FRESH_MAX && p->n_fresh > 0; i++) {
		if (p->fresh[i].ticket != ticket)
			continue;
		p->fresh[i].ticket = 0;
		p->n_fresh--;
		return;
	}
}

/* ---- deciding ---- */

static void
set_time(struct policy_ask *ask, int64_t wall_s)
{
	time_t t = (time_t)wall_s;
	struct tm tm;

	localtime_r(&t, &tm);
	ask->weekday = (unsigned)(tm.tm_wday + 6) % 7;
	ask->minute = (unsigned)(tm.tm_hour * 60 + tm.tm_min);
}

static bool
has_caps(enum number_kind kind)
{
	return kind != NUMBER_INTERNAL && kind != NUMBER_EMERGENCY;
}

/* Everything about him; kind, cost, internet and running are set. */
static int
fill(struct policy *p, struct span by, struct policy_ask *ask)
{
	struct oracle *o = p->oracle;
	int err;

	set_time(ask, oracle_wall_s(o));
	err = read_service(o->store, by, &ask->service);
	if (err == 0)
		err = read_grants(o, by, ask);
	if (err == 0 && has_caps(ask->kind))
		err = read_usage(p, by, &ask->usage);
	return err;
}

static size_t
copy(char *to, size_t max, struct span s)
{
	size_t len = s.len < max ? s.len : max;

	if (len > 0)
		memcpy(to, s.p, len);
	return len;
}

/* Is one of ours called so?  Errors: as store_row(). */
static int
is_ours(struct oracle *o, struct span number, bool *out)
{
	struct party_row row;
	int err = number.len > NUMBER_MAX ? -ENOENT :
	    party_read(o->store, number, &row);

	*out = err == 0;
	return err == -ENOENT || err == -EBADMSG ? 0 : err;
}

/*
 * Which number is meant, and its kind.  A subscriber's own number is internal
 * unless a row names it alone: a gateway that costs money, say, or 112.
 *
 * Gives:   *row_out NULL for a subscriber.
 */
static int
classify(struct policy *p, struct span dialled, struct decision *out,
    const struct pattern **row_out)
{
	char mem[PLAN_NUMBER_MAX];
	struct span form = SPAN_NONE, help;
	const struct pattern *row = NULL;
	bool ours, is_help;
	int err;

	load(p);
	if (plan_number(&p->plan, dialled, mem, &form) == 0)
		row = plan_find(&p->plan, p->patterns, p->n_patterns, form);
	err = is_ours(p->oracle, dialled, &ours);
	out->number_len = copy(out->number, sizeof(out->number),
	    ours ? dialled : form);
	if (err == 0 && !ours && form.len > 0)
		err = is_ours(p->oracle, form, &ours);
	*row_out = row != NULL && (!ours || pattern_is_exact(row)) ? row :
								     NULL;
	is_help = sos_is_number(p->oracle, &p->plan, form, ours, &help);
	if (is_help && !ours)
		out->number_len = copy(out->number, sizeof(out->number), help);
	out->kind = is_help		      ? NUMBER_EMERGENCY :
	    *row_out != NULL	      ? row->kind :
	    ours		      ? NUMBER_INTERNAL :
					NUMBER_NONE;
	return err;
}

static void
put_words(const struct policy_ask *ask, const struct policy_say *say,
    struct decision *out)
{
	struct buf b;

	buf_init(&b, out->rule, sizeof(out->rule));
	policy_put_rule(&b, ask, say);
	out->rule_len = b.len;
	buf_init(&b, out->why, sizeof(out->why));
	policy_put_why(&b, ask, say->why);
	out->why_len = b.len;
}

struct setting {
	bool internet;		/* it is asked for from there */
	bool granted;		/* it is about a call that counts already */
	bool provider;		/* whose short numbers are none of ours */
};

static void
ask_about(struct policy *p, struct span by, struct setting in,
    struct span dialled, struct decision *out)
{
	static struct policy_ask ask;
	const struct pattern *row;
	struct policy_say say;

	*out = (struct decision){ .verdict = VERDICT_BUSY,
		.internet = in.internet, .granted = in.granted };
	if (classify(p, dialled, out, &row) != 0)
		return;
	if (in.provider && out->kind == NUMBER_INTERNAL)
		out->kind = NUMBER_NATIONAL;
	if (row != NULL) {
		out->cost = row->cost;
		out->pattern_len = copy(out->pattern, sizeof(out->pattern),
		    span_make(row->typed, row->typed_len));
	}
	ask = (struct policy_ask){ .kind = out->kind, .cost = out->cost,
		.internet = in.internet, .running = in.granted };
	if (out->kind != NUMBER_EMERGENCY && fill(p, by, &ask) != 0)
		return;
	say = policy_decide(&ask);
	put_words(&ask, &say, out);
	out->costs_caps = has_caps(out->kind);
	out->verdict = policy_allows(say.why)	  ? VERDICT_OK :
	    say.why == POLICY_NO_NUMBER ? VERDICT_NOT_FOUND :
						    VERDICT_DENIED;
}

void
policy_ask(struct policy *p, struct span by, bool internet,
    struct span dialled, struct decision *out)
{
	ask_about(p, by, (struct setting){ .internet = internet }, dialled,
	    out);
}

void
policy_ask_form(struct policy *p, struct span by, bool internet,
    struct span dialled, struct decision *out)
{
	ask_about(p, by, (struct setting){ .internet = internet,
		.granted = true }, dialled, out);
}

void
policy_ask_outside(struct policy *p, struct span by, const struct decision *d,
    struct decision *out)
{
	ask_about(p, by, (struct setting){ .internet = d->internet,
		.granted = d->granted, .provider = true },
	    span_make(d->number, d->number_len), out);
}

enum policy_why
policy_goes_on(struct policy *p, const struct running *call, struct buf *rule)
{
	static struct policy_ask ask;
	struct policy_say say;

	ask = (struct policy_ask){ .kind = call->kind, .cost = call->cost,
		.internet = call->internet, .running = true };
	/* What cannot be read now is looked at in a second. */
	if (fill(p, call->payer, &ask) != 0)
		return POLICY_BY_CLASS;
	say = policy_decide(&ask);
	policy_put_rule(rule, &ask, &say);
	return say.why;
}

enum number_kind
policy_kind(struct policy *p, struct span dialled)
{
	const struct pattern *row;
	struct decision d;

	return classify(p, dialled, &d, &row) == 0 ? d.kind : NUMBER_NONE;
}

/* ---- where from ---- */

bool
policy_is_outside(struct oracle *o, struct span number)
{
	sqlite3_stmt *q = store_use(o->store, ST_FROM_OUTSIDE);
	int got;

	sql_text(q, 1, number);
	sql_int(q, 2, oracle_wall_s(o));
	got = store_row(o->store, q);
	store_done(q);
	return got != 0;
}

int
policy_may_be_at(struct store *s, struct span number, const struct addr *at,
    bool *may_out)
{
	sqlite3_stmt *q = store_use(s, ST_ALLOWED_FROM);
	struct addr_prefix prefix;
	bool any = false, in = false;
	int got;

	sql_text(q, 1, number);
	while ((got = store_row(s, q)) == 1) {
		any = true;
		in = in || (addr_prefix_parse(sql_column(q, 0), &prefix) == 0 &&
			addr_prefix_has(&prefix, at));
	}
	store_done(q);
	*may_out = !any || in;
	return got < 0 ? got : 0;
}
