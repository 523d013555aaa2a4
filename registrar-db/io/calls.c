/* What is kept of calls: the oracle's decision, then sigproxy's reports. */
#include <errno.h>

#include "common/codec/sos.h"
#include "common/codec/srtp_suite.h"
#include "common/codec/tel.h"
#include "common/io/clock.h"
#include "common/io/log.h"
#include "common/ipc/proof.h"
#include "registrar-db/io/oracle.h"

#define CALL_ID_MAX 256
#define LOG_PER_S 10
#define DECISION_MAX (POLICY_TEXT_MAX + 16)
#define UNWRITTEN_MS (30ULL * 86400 * 1000)
/* For sigproxy to come back and tell. */
#define UNWRITTEN_TOLD_MS 15000

/* The decision, until it is written. */
struct call_open {
	uint64_t ticket;
	int64_t granted_wall_s;
	enum verdict verdict;
	struct ipc_flow flow;
	size_t caller_len, name_len, called_len, call_id_len;
	char caller[NUMBER_MAX], name[NAME_MAX_BYTES], called[NUMBER_MAX];
	char call_id[CALL_ID_MAX];
	struct decision by;
};

int
calls_start(struct oracle *o)
{
	int64_t last = store_number(o->store, ST_LAST_TICKET, -1);
	uint64_t now = (uint64_t)clock_wall_ms();

	if (last < 0)
		return -EIO;
	/* A ticket given just before a crash was never written: the clock
	 * keeps us from giving it again, whatever the table says. */
	o->next_ticket = (uint64_t)last >= now ? (uint64_t)last + 1 : now;
	o->first_ticket = o->next_ticket;
	/* The process before us began with its own clock, long after the last
	 * that was written, perhaps. */
	o->unwritten_after = now < UNWRITTEN_MS ? 0 : now - UNWRITTEN_MS;
	if (o->unwritten_after < (uint64_t)last)
		o->unwritten_after = (uint64_t)last;
	o->unwritten_left = QUEUE_MAX;
	o->unwritten_open = true;
	o->unwritten_until = mono_add_ms(clock_mono(), UNWRITTEN_TOLD_MS);
	o->calls_live = store_number(o->store, ST_COUNT_LIVE, 0);
	o->calls_kept = store_number(o->store, ST_COUNT_CALLS, 0);
	return 0;
}

/* ---- routing ---- */

int
calls_number(struct oracle *o, const struct ipc_digest *answer, char *mem,
    struct span *out)
{
	struct span service;
	struct uri uri;
	int err;

	if (sos_is(answer->uri, &service))
		return sos_number(o, service, mem, out);
	err = uri_parse(answer->uri, &uri);
	if (err == 0 && uri.scheme == URI_OTHER)
		err = -EBADMSG;
	if (err == 0)
		err = tel_number(&uri, mem, out);
	if (err == 0 && (out->len > NUMBER_MAX || out->len == 0))
		err = -ENOENT;
	return err;
}

enum verdict
calls_find(struct oracle *o, struct span number, struct party_row *called,
    struct ipc_auth_say *say)
{
	int err = party_read(o->store, number, called);

	if (err == -ENOENT || err == -EBADMSG || (err == 0 && !called->enabled))
		return VERDICT_NOT_FOUND;
	if (err == 0)
		err = bindings_read(o->store, ST_TARGETS, number,
		    oracle_wall_s(o), &o->rows);
	if (err)
		return VERDICT_BUSY;
	for (unsigned i = 0; i < o->rows.set.n; i++) {
		const struct binding *b = &o->rows.set.b[i];

		say->targets[say->n_targets++] = (struct ipc_target){
			.flow = b->flow, .uri = b->contact,
			.instance = b->instance,
			.q_permille = b->q_permille, .ice = b->ice };
	}
	say->called = called->party;
	return say->n_targets == 0 ? VERDICT_UNREACHABLE : VERDICT_OK;
}

static size_t
copy(char *to, size_t max, struct span s)
{
	size_t len = s.len < max ? s.len : max;

	if (len > 0)
		memcpy(to, s.p, len);
	return len;
}

/* Queue the decision's row.  Errors: -ENOBUFS. */
static int
record(struct oracle *o, const struct ipc_auth_ask *ask, struct span number,
    const struct ipc_auth_say *say, const struct decision *by)
{
	struct call_open c = { .ticket = o->next_ticket,
		.granted_wall_s = oracle_wall_s(o), .verdict = say->verdict,
		.flow = ask->flow, .by = *by };

	c.caller_len = copy(c.caller, sizeof(c.caller), say->caller.number);
	c.name_len = copy(c.name, sizeof(c.name), say->caller.name);
	c.called_len = copy(c.called, sizeof(c.called), number);
	c.call_id_len = copy(c.call_id, sizeof(c.call_id), ask->call_id);
	return queue_add(o->queue, JOB_CALL_OPEN, 0, true,
	    span_make(&c, sizeof(c)));
}

static void
log_mismatch(const struct ipc_auth_ask *ask, const struct ipc_party *caller)
{
	if (span_eq(ask->from_user, caller->number) ||
	    span_eq(ask->from_user, ask->digest.username))
		return;
	log_begin(LOG_INFO_, "from-differs");
	log_span("caller", caller->number);
	log_span("from_user", ask->from_user);
	log_end();
}

/* calls_live is only counted up: which of them ended, the table knows. */
static bool
is_full(struct oracle *o)
{
	if (o->calls_live >= CALLS_LIVE_MAX)
		o->calls_live = store_number(o->store, ST_COUNT_LIVE,
		    o->calls_live);
	return o->calls_live >= CALLS_LIVE_MAX;
}

void
calls_log_denied(struct oracle *o, struct span by, const char *via,
    const struct decision *d)
{
	struct mono now = clock_mono();

	o->denied++;
	if (mono_due(mono_add_ms(o->denial_log_from, 1000), now)) {
		o->denial_log_from = now;
		o->denial_log_count = 0;
	}
	if (++o->denial_log_count > LOG_PER_S)
		return;
	log_begin(LOG_WARN_, "call-denied");
	log_span("by", by);
	log_str("from", d->internet ? "internet" : "office");
	log_str("via", via);
	log_span("number", span_make(d->number, d->number_len));
	log_str("kind", number_kind_name(d->kind));
	log_span("rule", span_make(d->rule, d->rule_len));
	log_span("why", span_make(d->why, d->why_len));
	log_end();
}

/* What the caller may, then what there is. */
static enum verdict
decide(struct oracle *o, const struct ipc_auth_ask *ask, struct span number,
    struct party_row *called, struct ipc_auth_say *say, struct decision *d)
{
	enum verdict verdict;

	policy_ask(o->policy, say->caller.number,
	    ask->flow.zone == ZONE_EXTERNAL, number, d);
	say->emergency = d->kind == NUMBER_EMERGENCY;
	if (d->verdict == VERDICT_DENIED) {
		say->why = span_make(d->why, d->why_len);
		calls_log_denied(o, say->caller.number, "call", d);
	}
	if (d->verdict != VERDICT_OK)
		return d->verdict;
	verdict = trunks_mirrored(o, say->caller.number, d, say);
	if (verdict == VERDICT_NOT_FOUND)
		verdict = calls_find(o, span_make(d->number, d->number_len),
		    called, say);
	if (verdict == VERDICT_NOT_FOUND)
		verdict = trunks_route(o, say->caller.number, d, say);
	if (verdict == VERDICT_DENIED) {
		say->why = span_make(d->why, d->why_len);
		calls_log_denied(o, say->caller.number, "call", d);
	}
	if (verdict == VERDICT_OK && !say->emergency && is_full(o))
		return VERDICT_BUSY;
	return verdict;
}

static enum verdict
keep(struct oracle *o, const struct ipc_auth_ask *ask, struct span number,
    const struct ipc_auth_say *say, const struct decision *d)
{
	enum verdict verdict = (enum verdict)say->verdict;
	bool counts = verdict == VERDICT_OK && d->costs_caps;

	if (verdict == VERDICT_BUSY)
		return verdict;
	log_mismatch(ask, &say->caller);
	if (counts && policy_granted(o->policy, o->next_ticket,
			  say->caller.number, d->cost) != 0)
		return VERDICT_BUSY;
	if (record(o, ask, number, say, d) == 0)
		return verdict;
	if (counts)
		policy_written(o->policy, o->next_ticket);
	return VERDICT_BUSY;
}

static void
give_ticket(struct oracle *o, enum verdict verdict, struct ipc_auth_say *say)
{
	if (verdict == VERDICT_OK) {
		say->ticket = o->next_ticket;
		o->calls_live++;
	} else {
		say->n_targets = say->n_ways = 0;
		say->called = (struct ipc_party){ 0 };
	}
	say->verdict = (uint8_t)verdict;
	o->next_ticket++;
}

void
calls_route(struct oracle *o, const struct ipc_auth_ask *ask,
    struct party_row *called, struct ipc_auth_say *say)
{
	/* say->why lies in it. */
	static struct decision d;
	char mem[URI_USER_MAX];
	struct span number = SPAN_NONE;
	enum verdict verdict = VERDICT_BAD;

	if (span_eq(ask->digest.method, SPAN_LIT("INVITE"))) {
		if (calls_number(o, &ask->digest, mem, &number) != 0)
			number = SPAN_NONE;
		verdict = decide(o, ask, number, called, say, &d);
		say->verdict = (uint8_t)verdict;
		verdict = keep(o, ask, number, say, &d);
	}
	give_ticket(o, verdict, say);
}

void
calls_from_trunk(struct oracle *o, const struct ipc_trunk_call_ask *ask,
    const struct decision *d, struct party_row *called,
    struct ipc_auth_say *say)
{
	const struct ipc_auth_ask as = { .flow = ask->flow,
		.from_user = say->caller.number, .call_id = ask->call_id };
	struct span number = span_make(d->number, d->number_len);
	enum verdict verdict = d->verdict;

	if (verdict == VERDICT_OK)
		verdict = calls_find(o, number, called, say);
	else
		number = span_sub(ask->called, 0, NUMBER_MAX);
	if (verdict == VERDICT_OK && is_full(o))
		verdict = VERDICT_BUSY;
	say->verdict = (uint8_t)verdict;
	give_ticket(o, keep(o, &as, number, say, d), say);
}

/* ---- writing ---- */

/* A number that a trunk would have had to take. */
static bool
is_outside(const struct call_open *c)
{
	return c->by.verdict == VERDICT_OK && c->by.kind != NUMBER_INTERNAL;
}

/* To mem, when it is not a literal. */
static struct span
decision(const struct call_open *c, char mem[DECISION_MAX])
{
	struct buf b;

	switch (c->verdict) {
	case VERDICT_OK:
		return SPAN_LIT("granted");
	case VERDICT_UNREACHABLE:
		return SPAN_LIT("no device registered");
	case VERDICT_DENIED:
		buf_init(&b, mem, DECISION_MAX);
		buf_puts(&b, "denied: ");
		buf_put(&b, span_make(c->by.why, c->by.why_len));
		return buf_span(&b);
	default:
		return is_outside(c) ? SPAN_LIT("no route") :
				       SPAN_LIT("no such number");
	}
}

/* How it was refused, where nothing else ever tells: sigproxy has no ticket of
 * such a call. */
static void
bind_refusal(sqlite3_stmt *q, int at, const struct call_open *c)
{
	const char *reason = "no-such-number";

	if (c->verdict == VERDICT_OK) {
		sqlite3_bind_null(q, at);
		sql_text(q, at + 1, SPAN_LIT(""));
		return;
	}
	if (c->verdict == VERDICT_UNREACHABLE)
		reason = "no-device";
	else if (c->verdict == VERDICT_DENIED)
		reason = "denied";
	else if (is_outside(c))
		reason = "no-route";
	sql_int(q, at, verdict_status(c->verdict));
	sql_text(q, at + 1, span_str(reason));
}

void
calls_bind_rule(sqlite3_stmt *q, int at, const struct decision *d)
{
	sql_text(q, at, span_str(number_kind_name(d->kind)));
	sql_text(q, at + 1, span_make(d->pattern, d->pattern_len));
	sql_text(q, at + 2, span_make(d->rule, d->rule_len));
}

void
calls_bind_payer(sqlite3_stmt *q, int at, const struct decision *d,
    struct span payer)
{
	bool pays = d->costs_caps && payer.len > 0;

	sql_text(q, at, pays ? payer : SPAN_NONE);
	sql_text(q, at + 1, !pays ? SPAN_NONE :
	    d->internet ? SPAN_LIT("internet") : SPAN_LIT("office"));
	sql_int(q, at + 2, pays ? d->cost : 0);
}

static void
bind_trunk(sqlite3_stmt *q, int at, const struct decision *d)
{
	sql_text(q, at, span_make(d->trunk, d->trunk_len));
	sql_text(q, at + 1, span_make(d->route, d->route_len));
	sql_text(q, at + 2, span_make(d->sent, d->sent_len));
}

int
calls_open(struct oracle *o, const struct job *job)
{
	sqlite3_stmt *q = store_use(o->store, ST_CALL_OPEN);
	char source[ADDR_TEXT_MAX + 1], words[DECISION_MAX];
	struct call_open c;
	bool granted;
	int err;

	memcpy(&c, job->payload, sizeof(c));
	granted = c.verdict == VERDICT_OK;
	sql_int(q, 1, (int64_t)c.ticket);
	sql_text(q, 2, span_make(c.caller, c.caller_len));
	sql_text(q, 3, span_make(c.name, c.name_len));
	sql_text(q, 4, span_make(c.called, c.called_len));
	sql_text(q, 5, decision(&c, words));
	sql_text(q, 6, span_str(c.flow.zone == ZONE_EXTERNAL ? "external" :
							       "internal"));
	sql_text(q, 7, span_str(addr_text(&c.flow.remote, source)));
	sql_text(q, 8, span_make(c.call_id, c.call_id_len));
	sql_int(q, 9, c.granted_wall_s);
	if (granted)
		sqlite3_bind_null(q, 10);
	else
		sql_int(q, 10, c.granted_wall_s);
	sql_text(q, 11, span_str(granted ? "granted" : "refused"));
	calls_bind_rule(q, 12, &c.by);
	calls_bind_payer(q, 15, &c.by,
	    granted ? span_make(c.caller, c.caller_len) : SPAN_NONE);
	bind_trunk(q, 18, &c.by);
	bind_refusal(q, 21, &c);
	err = store_run(o->store, q);
	if (err == 0 && ++o->calls_kept >= CALLS_MAX + CALLS_SLACK)
		queue_wake(o->queue);
	if (err == 0)
		policy_written(o->policy, c.ticket);
	return err;
}

int
calls_denied(struct oracle *o, uint64_t ticket, struct span by,
    struct span number, const char *via, const struct decision *d)
{
	const struct call_open c = { .verdict = VERDICT_DENIED, .by = *d };
	sqlite3_stmt *q = store_use(o->store, ST_CALL_DENIED);
	char words[DECISION_MAX];
	int err;

	calls_log_denied(o, by, via, d);
	sql_int(q, 1, (int64_t)o->next_ticket++);
	sql_text(q, 2, by);
	sql_text(q, 3, span_sub(number, 0, NUMBER_MAX));
	sql_text(q, 4, decision(&c, words));
	sql_text(q, 5, d->internet ? SPAN_LIT("external") :
				     SPAN_LIT("internal"));
	sql_int(q, 6, (int64_t)ticket);
	sql_int(q, 7, oracle_wall_s(o));
	calls_bind_rule(q, 8, d);
	sql_text(q, 11, span_str(via));
	bind_refusal(q, 12, &c);
	err = store_run(o->store, q);
	o->calls_kept += err == 0;
	return err;
}

void
calls_not_opened(struct oracle *o, const struct job *job)
{
	struct call_open c;

	memcpy(&c, job->payload, sizeof(c));
	policy_written(o->policy, c.ticket);
}

static const char *
state_name(unsigned state)
{
	static const char *const names[] = {
		[CALL_RINGING] = "ringing",
		[CALL_ANSWERED] = "answered",
		[CALL_HELD] = "held",
		[CALL_RESUMED] = "answered",
		[CALL_ENDED] = "ended",
	};

	return state < sizeof(names) / sizeof(names[0]) && names[state] != NULL ?
	    names[state] : "?";
}

static const char *
ended_by_name(unsigned by)
{
	static const char *const names[] = {
		[ENDED_UNKNOWN] = "",
		[ENDED_BY_CALLER] = "caller",
		[ENDED_BY_CALLED] = "called",
		[ENDED_BY_US] = "postern",
	};

	return names[by];
}

static void
bind_time(const struct oracle *o, sqlite3_stmt *q, int at, bool set)
{
	if (set)
		sql_int(q, at, oracle_wall_s(o));
	else
		sqlite3_bind_null(q, at);
}

static void
bind_addr(sqlite3_stmt *q, int at, const struct addr *a,
    char mem[ADDR_TEXT_MAX + 1])
{
	if (a->family == ADDR_NONE)
		sqlite3_bind_null(q, at);
	else
		sql_text(q, at, span_str(addr_text(a, mem)));
}

static int
write_note(struct oracle *o, const struct ipc_call_note *note, int *rows_out)
{
	sqlite3_stmt *q = store_use(o->store, ST_CALL_NOTE);
	const struct ipc_call_note n = *note;
	char mem[ADDR_TEXT_MAX + 1];
	int err;

	sql_int(q, 1, (int64_t)n.ticket);
	sql_text(q, 2, span_str(state_name(n.state)));
	sql_int(q, 3, n.status);
	sql_text(q, 4, n.reason);
	sql_int(q, 5, n.channels);
	sql_int(q, 6, n.relayed);
	bind_addr(q, 7, &n.called_at, mem);
	bind_time(o, q, 8, n.state == CALL_ANSWERED || n.state == CALL_HELD ||
	    n.state == CALL_RESUMED);
	bind_time(o, q, 9, n.state == CALL_ENDED);
	sql_text(q, 10, span_str(n.state == CALL_ENDED ?
	    ended_by_name(n.ended_by) : ""));
	err = store_run(o->store, q);
	*rows_out = sqlite3_changes(sqlite3_db_handle(q));
	return err;
}

/*
 * A call is granted before its row is on disk, so a crash may lose the row.
 * What sigproxy tells stands in for it, named as such, only for tickets that
 * can have been given so, for as many as can have waited for the disk, and not
 * for long: nobody fills the table with others.
 */
static bool
may_be_unwritten(const struct oracle *o, uint64_t ticket)
{
	return ticket > o->unwritten_after && ticket < o->first_ticket;
}

static bool
is_unwritten(struct oracle *o, uint64_t ticket)
{
	sqlite3_stmt *q;
	int got;

	if (!o->unwritten_open || !may_be_unwritten(o, ticket) ||
	    o->unwritten_left == 0)
		return false;
	q = store_use(o->store, ST_HAS_CALL);
	sql_int(q, 1, (int64_t)ticket);
	got = store_row(o->store, q);
	store_done(q);
	return got == 0;
}

/* A BYE may wait so long for its phone: sigproxy's CALL_OWED_MS, twice over
 * because a restart begins it anew. */
#define JUST_ENDED_S 360

/* The row of one that was just given still waits, or a crash took it. */
enum call_life
calls_life(struct oracle *o, uint64_t ticket)
{
	bool is_ours = ticket >= o->first_ticket && ticket < o->next_ticket;
	sqlite3_stmt *q = store_use(o->store, ST_CALL_LIVES);
	bool is_given = is_ours ||
	    (o->unwritten_open && may_be_unwritten(o, ticket));
	enum call_life life = is_given ? CALL_LIVES : CALL_PAST;
	int got;

	sql_int(q, 1, (int64_t)ticket);
	sql_int(q, 2, oracle_wall_s(o) - JUST_ENDED_S);
	got = store_row(o->store, q);
	if (got == 1)
		life = sqlite3_column_int(q, 0) != 0   ? CALL_LIVES
		       : sqlite3_column_int(q, 1) != 0 ? CALL_JUST_ENDED
						       : CALL_PAST;
	store_done(q);
	return got >= 0 ? life : CALL_PAST;
}

static int
write_told(struct oracle *o, const struct ipc_call_note *n)
{
	sqlite3_stmt *q = store_use(o->store, ST_CALL_TOLD);

	sql_int(q, 1, (int64_t)n->ticket);
	sql_text(q, 2, n->caller);
	sql_text(q, 3, n->called);
	sql_int(q, 4, oracle_wall_s(o));
	o->calls_kept++;
	return store_run(o->store, q);
}

/* Who pays for it is not lost with the row. */
static int
write_told_payer(struct oracle *o, const struct ipc_call_note *n)
{
	sqlite3_stmt *q;
	struct decision d;

	policy_ask(o->policy, n->caller, policy_is_outside(o, n->caller),
	    n->called, &d);
	q = store_use(o->store, ST_CALL_PAYER);
	sql_int(q, 1, (int64_t)n->ticket);
	calls_bind_rule(q, 2, &d);
	calls_bind_payer(q, 5, &d, n->caller);
	return store_run(o->store, q);
}

int
calls_note(struct oracle *o, const struct job *job)
{
	struct ipc_call_note n;
	int err, rows;

	err = get_call_note(span_make(job->payload, job->len), &n);
	if (err)
		return err;
	err = write_note(o, &n, &rows);
	if (err || rows > 0 || !is_unwritten(o, n.ticket))
		return err;
	o->unwritten_left--;
	err = write_told(o, &n);
	if (err == 0)
		err = write_told_payer(o, &n);
	return err ? err : write_note(o, &n, &rows);
}

/* SQLite's integers have 63 bits; a peer's counter has 64. */
static int64_t
number(uint64_t v)
{
	return v > INT64_MAX / 4 ? INT64_MAX / 4 : (int64_t)v;
}

int
calls_media(struct oracle *o, const struct job *job)
{
	char mem[ADDR_TEXT_MAX + 1];
	struct ipc_call_media m;
	sqlite3_stmt *q;
	int err;

	err = get_call_media(span_make(job->payload, job->len), &m);
	if (err)
		return err;
	q = store_use(o->store, m.called ? ST_MEDIA_CALLED : ST_MEDIA_CALLER);
	sql_int(q, 1, (int64_t)m.ticket);
	sql_int(q, 2, number(m.counter.packets_in));
	sql_int(q, 3, number(m.counter.bytes_in));
	sql_int(q, 4, number(m.counter.packets_out));
	sql_int(q, 5, number(m.counter.lost));
	sql_int(q, 6, number(m.counter.refused));
	sql_int(q, 7, number(m.counter.rtcp_in));
	sql_int(q, 8, m.counter.silent_ms);
	bind_addr(q, 9, &m.counter.learnt, mem);
	return store_run(o->store, q);
}

static const char *
way_name(unsigned way)
{
	static const char *const names[] = {
		[MEDIA_INTERNAL] = "",
		[MEDIA_PUBLIC] = "public",
		[MEDIA_PUNCHED] = "punch",
		[MEDIA_RANGE] = "forwarded",
	};

	return names[way];
}

int
calls_reach(struct oracle *o, const struct job *job)
{
	char mem[ADDR_TEXT_MAX + 1], proof[PROOF_TEXT_MAX];
	struct ipc_call_reach m;
	struct buf b;
	sqlite3_stmt *q;
	int err;

	/* The table bounds way and verdict. */
	err = get_call_reach(span_make(job->payload, job->len), &m);
	if (err)
		return err;
	q = store_use(o->store, m.called ? ST_REACH_CALLED : ST_REACH_CALLER);
	sql_int(q, 1, (int64_t)m.ticket);
	/* A word of ours: sigproxy cannot write others here. */
	sql_text(q, 2, span_str(media_verdict_code(m.verdict)));
	sql_text(q, 3, span_str(addr_text(&m.said, mem)));
	sql_text(q, 4, span_str(way_name(m.way)));
	sql_text(q, 5, m.srtp == SRTP_NONE ? SPAN_LIT("RTP") :
	    span_str(srtp_params(m.srtp)->name));
	/* Words of ours, too. */
	buf_init(&b, proof, sizeof(proof));
	proof_put(&b, &m);
	sql_text(q, 6, buf_span(&b));
	return store_run(o->store, q);
}

/* ---- chores ---- */

/*
 * sigproxy is another process than the one these calls were of: without a
 * checkpoint it cannot end them.  One that merely came back (because we
 * restarted) saves all that it has: what it then has not is over, and the
 * news of it died with the process before us.
 */
static int
close_lost(struct oracle *o)
{
	static const char name[] = "sigproxy_started_us";
	int64_t started = (int64_t)door_peer_start(o->sig).us, before = -1;
	sqlite3_stmt *q = store_use(o->store, ST_MEMORY);
	int err;

	sql_text(q, 1, span_str(name));
	err = store_row(o->store, q);
	if (err == 1)
		before = sqlite3_column_int64(q, 0);
	store_done(q);
	if (err < 0 || started == 0 || (started == before && !o->settled))
		return err < 0 ? err : 0;
	q = store_use(o->store, ST_CALLS_LOST);
	sql_int(q, 1, oracle_wall_s(o));
	sql_int(q, 2, (int64_t)o->lost_before);
	err = store_run(o->store, q);
	if (err)
		return err;
	q = store_use(o->store, ST_REMEMBER);
	sql_text(q, 1, span_str(name));
	sql_int(q, 2, started);
	return store_run(o->store, q);
}

#define DAY_S 86400
#define SPENT_DAYS 40
#define DELETE_MAX 200	/* at once */

/* Gives: true when there may be more. */
static bool
drop_older(struct oracle *o)
{
	sqlite3_stmt *q;
	int n;

	if (o->keep_records_days == 0)
		return false;
	q = store_use(o->store, ST_CALLS_OLDER);
	sql_int(q, 1, oracle_wall_s(o) - o->keep_records_days * (int64_t)DAY_S);
	if (store_run(o->store, q) != 0)
		return false;
	n = sqlite3_changes(sqlite3_db_handle(q));
	o->calls_kept -= n;
	return n == DELETE_MAX;
}

static void
drop_spent(struct oracle *o)
{
	sqlite3_stmt *q = store_use(o->store, ST_SPENT_OLD);
	char day[11];

	policy_day(oracle_wall_s(o) - SPENT_DAYS * DAY_S, day);
	sql_text(q, 1, span_str(day));
	(void)store_run(o->store, q);
}

bool
calls_chores(struct oracle *o)
{
	int64_t over = o->calls_kept - CALLS_MAX, n;
	sqlite3_stmt *q;
	bool refused;

	/* Checkpoints that wait are to be in the table first. */
	if (o->sig != NULL && door_is_up(o->sig)) {
		if (queue_waiting(o->queue) > 0)
			return true;
		if (close_lost(o) != 0)
			return false;
	}
	o->calls_live = store_number(o->store, ST_COUNT_LIVE, 0);
	drop_spent(o);
	if (over <= 0)
		return drop_older(o);
	refused = store_number(o->store, ST_REFUSED_FIRST, 0) != 0;
	n = refused ? CALLS_SLACK : DELETE_MAX;
	if (n > over)
		n = over;
	q = store_use(o->store, refused ? ST_CALLS_REFUSED : ST_CALLS_OLD);
	sql_int(q, 1, n);
	if (store_run(o->store, q) == 0)
		o->calls_kept -= n;
	return over > n || drop_older(o);
}
