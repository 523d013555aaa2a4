/*
 * Registrations of our own: which are wanted, the digests for them, and what
 * became of them.
 *
 * A trunk that registers has one; with a mirror each subscriber who has a
 * phone here has one at the PBX.  What is wanted is read from the tables, and
 * what changed is told.  The response to a challenge covers REGISTER and the
 * URI of that registrar, which are taken from the table: from nobody's
 * question can a digest for anything else come.
 */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "common/io/clock.h"
#include "common/io/log.h"
#include "registrar-db/io/accounts.h"

#define ACCOUNTS_MAX 2048	/* as many as sigproxy has */
/* A look after this, if something may have changed. */
#define LOOK_MS 500
/* After it was ended its registrar is told so, which takes a digest. */
#define GONE_MS 60000
/* Digests: so many at once, then one each. */
#define DIGEST_BURST 12
#define DIGEST_EACH_MS 5000

struct wanted {
	uint64_t id;
	int64_t stamp;
	bool is_gone;
	struct mono gone_at;
	struct mono digests_from;	/* its budget was full then */
};

struct accounts {
	struct oracle *oracle;
	struct wanted list[ACCOUNTS_MAX], next[ACCOUNTS_MAX];
	unsigned n, n_next;
	bool is_stirred, is_told;
	struct mono look_at;
	uint64_t digests, refused;
};

/* A row of what is wanted. */
struct row {
	struct ipc_account_want want;
	int64_t stamp;
};

struct accounts *
accounts_new(struct oracle *o)
{
	struct accounts *a = calloc(1, sizeof(*a));

	if (a != NULL) {
		a->oracle = o;
		a->is_stirred = true;
	}
	return a;
}

void
accounts_free(struct accounts *a)
{
	free(a);
}

void
accounts_stir(struct accounts *a)
{
	a->is_stirred = true;
}

static struct wanted *
find(struct accounts *a, uint64_t id)
{
	for (unsigned i = 0; i < a->n; i++) {
		if (a->list[i].id == id)
			return &a->list[i];
	}
	return NULL;
}

/* ---- what is wanted ---- */

/* HOST of HOST or HOST:PORT; an IPv6 address has brackets. */
static struct span
host_of(struct span address)
{
	ptrdiff_t end;

	if (address.len > 0 && address.p[0] == '[')
		end = span_find(address, ']') + 1;
	else
		end = span_find(address, ':');
	return end > 0 ? span_sub(address, 0, (size_t)end) : address;
}

/* Changes with everything that makes it another registration. */
static int64_t
stamp_of(sqlite3_stmt *q, int from, int to)
{
	uint8_t hash[crypto_generichash_BYTES_MIN];
	crypto_generichash_state state;
	int64_t stamp;

	crypto_generichash_init(&state, NULL, 0, sizeof(hash));
	for (int i = from; i < to; i++) {
		struct span s = sql_column(q, i);
		uint64_t len = s.len;

		crypto_generichash_update(&state, (const uint8_t *)&len,
		    sizeof(len));
		crypto_generichash_update(&state, (const uint8_t *)s.p, s.len);
	}
	crypto_generichash_final(&state, hash, sizeof(hash));
	memcpy(&stamp, hash, sizeof(stamp));
	return stamp & INT64_MAX;
}

/* Columns: id, trunk, number, expires_s, username, from_domain, address,
 * then what else the stamp covers. */
static bool
read_row(sqlite3_stmt *q, struct row *out)
{
	struct ipc_account_want *w = &out->want;
	int64_t id = sqlite3_column_int64(q, 0);
	int64_t trunk = sqlite3_column_int64(q, 1);

	if (id < 1 || trunk < 1 || trunk > IPC_TRUNK_ID_MAX)
		return false;
	*w = (struct ipc_account_want){
		.id = (uint64_t)id,
		.trunk = (uint32_t)trunk,
		.number = sql_column(q, 2),
		.expires_s = (uint32_t)sqlite3_column_int64(q, 3),
		.user = sql_column(q, 4),
		.host = sql_column(q, 5),
	};
	w->kind = w->number.len > 0 ? ACCOUNT_MIRROR : ACCOUNT_TRUNK;
	if (w->host.len == 0)
		w->host = host_of(sql_column(q, 6));
	out->stamp = stamp_of(q, 3, sqlite3_column_count(q));
	w->stamp = (uint64_t)out->stamp;
	/* The file may have been changed by hand. */
	return w->user.len > 0 && w->user.len <= 64 &&
	    w->host.len > 0 && w->host.len <= 255 && w->number.len <= 32 &&
	    w->expires_s <= 86400;
}

/* How long it lasts that a sigproxy before made. */
static uint32_t
left_s(struct accounts *a, const struct row *r)
{
	sqlite3_stmt *q = store_use(a->oracle->store, ST_ACCOUNT_LEFT);
	int64_t left = 0;

	sql_int(q, 1, (int64_t)r->want.id);
	sql_int(q, 2, r->stamp);
	if (store_row(a->oracle->store, q) == 1)
		left = sqlite3_column_int64(q, 0) - oracle_wall_s(a->oracle);
	store_done(q);
	return left < 0 ? 0 : left > 86400 ? 86400 : (uint32_t)left;
}

static void
tell(struct accounts *a, struct row *r)
{
	r->want.left_s = left_s(a, r);
	IPC_FRAME(sig_say(a->oracle), ACCOUNT_WANT, account_want, &r->want);
}

static void
tell_gone(struct accounts *a, const struct wanted *one)
{
	const struct ipc_account_want gone = { .id = one->id,
		.kind = ACCOUNT_GONE };

	IPC_FRAME(sig_say(a->oracle), ACCOUNT_WANT, account_want, &gone);
}

static void
keep(struct accounts *a, const struct wanted *one)
{
	if (a->n_next < ACCOUNTS_MAX)
		a->next[a->n_next++] = *one;
}

/* Nobody wants it any more. */
static void
leave(struct accounts *a, struct mono now, struct wanted *one)
{
	if (!one->is_gone) {
		one->is_gone = true;
		one->gone_at = now;
		tell_gone(a, one);
	}
	if (mono_ms_between(one->gone_at, now) < GONE_MS)
		keep(a, one);
}

static void
take(struct accounts *a, struct row *r, struct wanted *known)
{
	struct wanted one = { .id = r->want.id };

	if (known != NULL)
		one = *known;
	if (known == NULL || one.is_gone || one.stamp != r->stamp ||
	    !a->is_told)
		tell(a, r);
	one.is_gone = false;
	one.stamp = r->stamp;
	keep(a, &one);
}

/* Rows come by id, as the list is: what is between them is gone. */
static int
compare(struct accounts *a, struct mono now, enum stmt id, unsigned *at)
{
	struct store *s = a->oracle->store;
	sqlite3_stmt *q = store_use(s, id);
	struct row r;
	int got;

	sql_int(q, 1, ACCOUNTS_MAX);
	if (id == ST_ACCOUNTS_MIRROR)
		sql_int(q, 2, oracle_wall_s(a->oracle));
	while ((got = store_row(s, q)) == 1) {
		struct wanted *known = NULL;

		if (!read_row(q, &r))
			continue;
		while (*at < a->n && a->list[*at].id < r.want.id)
			leave(a, now, &a->list[(*at)++]);
		if (*at < a->n && a->list[*at].id == r.want.id)
			known = &a->list[(*at)++];
		take(a, &r, known);
	}
	store_done(q);
	return got;
}

static void
look(struct accounts *a, struct mono now)
{
	const struct ipc_account_want all = { .kind = ACCOUNT_ALL };
	unsigned at = 0;

	a->n_next = 0;
	/* What cannot be read is as it was: nothing is ended for that. */
	if (compare(a, now, ST_ACCOUNTS_TRUNK, &at) < 0 ||
	    compare(a, now, ST_ACCOUNTS_MIRROR, &at) < 0) {
		a->is_stirred = true;
		return;
	}
	while (at < a->n)
		leave(a, now, &a->list[at++]);
	memcpy(a->list, a->next, a->n_next * sizeof(a->list[0]));
	a->n = a->n_next;
	if (!a->is_told)
		IPC_FRAME(sig_say(a->oracle), ACCOUNT_WANT, account_want,
		    &all);
	a->is_told = true;
	sig_flush(a->oracle);
}

void
accounts_look(struct accounts *a)
{
	struct mono now = clock_mono();

	if (!a->is_stirred || !mono_due(a->look_at, now) ||
	    a->oracle->sig == NULL || !door_is_up(a->oracle->sig))
		return;
	a->look_at = mono_add_ms(now, LOOK_MS);
	a->is_stirred = false;
	look(a, now);
}

void
accounts_came(struct accounts *a)
{
	a->is_told = false;
	a->is_stirred = true;
	a->look_at.us = 0;
	accounts_look(a);
}

/* ---- digests ---- */

/* A budget that refills by one each DIGEST_EACH_MS. */
static bool
may_have(struct wanted *one, struct mono now)
{
	struct mono most = mono_add_ms(now, DIGEST_BURST * DIGEST_EACH_MS);
	struct mono at = mono_before(one->digests_from, now) ? now :
							one->digests_from;

	at = mono_add_ms(at, DIGEST_EACH_MS);
	if (mono_before(most, at))
		return false;
	one->digests_from = at;
	return true;
}

struct answer {
	char username[64], uri[300], response[DIGEST_HEX_MAX];
	struct buf b_username, b_uri;
	size_t response_len;
};

static int
respond(struct oracle *o, const struct ipc_account_ask *ask,
    enum digest_alg alg, struct span password, struct answer *out)
{
	const struct digest_in in = {
		.method = SPAN_LIT("REGISTER"),
		.uri = buf_span(&out->b_uri),
		.nonce = ask->nonce,
		.nc = ask->nc,
		.cnonce = ask->cnonce,
		.qop = ask->qop,
	};
	char ha1[DIGEST_HEX_MAX];
	int err;

	err = digest_ha1(o->verify.digest, alg, buf_span(&out->b_username),
	    ask->realm, password, ha1);
	if (err == 0)
		err = digest_response(o->verify.digest, alg,
		    span_make(ha1, digest_hex_len(alg)), &in, out->response);
	secret_wipe(ha1, sizeof(ha1));
	out->response_len = digest_hex_len(alg);
	return err;
}

/* Columns: username, auth_username, realm, from_domain, address, sealed,
 * and the number of a mirror. */
static enum account_refusal
with_row(struct oracle *o, const struct ipc_account_ask *ask, sqlite3_stmt *q,
    struct answer *out)
{
	struct span auth = sql_column(q, 1), realm = sql_column(q, 2);
	struct span host = sql_column(q, 3);
	char password[SEAL_WORD_MAX], of[SEAL_OF_MAX];
	enum digest_alg alg;
	size_t len;
	int err;

	if (realm.len > 0 && !span_eq(realm, ask->realm))
		return ACCOUNT_REALM;
	if (digest_alg(ask->algorithm, &alg) != 0)
		return ACCOUNT_UNKNOWN;
	buf_put(&out->b_username, auth.len > 0 ? auth : sql_column(q, 0));
	buf_puts(&out->b_uri, "sip:");
	buf_put(&out->b_uri, host.len > 0 ? host : host_of(sql_column(q, 4)));
	if (seal_word_open(o->key, ask->id > ACCOUNT_MIRROR_BASE ?
		seal_of_mirror(sql_column(q, 6), of) :
		seal_of_trunk(ask->id, of),
		sql_column(q, 5), password, &len) != 0)
		return ACCOUNT_NO_PASSWORD;
	err = respond(o, ask, alg, span_make(password, len), out);
	secret_wipe(password, sizeof(password));
	return err == 0 && buf_err(&out->b_uri) == 0 &&
	    buf_err(&out->b_username) == 0 ? ACCOUNT_OK : ACCOUNT_UNKNOWN;
}

static enum account_refusal
decide(struct oracle *o, const struct ipc_account_ask *ask,
    struct answer *out)
{
	struct wanted *one = find(o->accounts, ask->id);
	bool is_mirror = ask->id > ACCOUNT_MIRROR_BASE;
	enum account_refusal refusal = ACCOUNT_UNKNOWN;
	sqlite3_stmt *q;

	if (one == NULL)
		return ACCOUNT_UNKNOWN;
	if (!may_have(one, clock_mono()))
		return ACCOUNT_BUSY;
	q = store_use(o->store, is_mirror ? ST_ACCOUNT_OF_MIRROR :
					    ST_ACCOUNT_OF_TRUNK);
	sql_int(q, 1, (int64_t)(ask->id - (is_mirror ? ACCOUNT_MIRROR_BASE :
						       0)));
	if (store_row(o->store, q) == 1)
		refusal = with_row(o, ask, q, out);
	store_done(q);
	return refusal;
}

static int
on_ask(struct oracle *o, struct span payload)
{
	struct ipc_account_ask ask;
	struct ipc_account_say say;
	struct answer answer = { .response_len = 0 };
	int err = get_account_ask(payload, &ask);

	if (err)
		return err;
	buf_init(&answer.b_username, answer.username,
	    sizeof(answer.username));
	buf_init(&answer.b_uri, answer.uri, sizeof(answer.uri));
	say = (struct ipc_account_say){ .id = ask.id,
		.question = ask.question,
		.refusal = (uint8_t)decide(o, &ask, &answer) };
	if (say.refusal == ACCOUNT_OK) {
		say.username = buf_span(&answer.b_username);
		say.uri = buf_span(&answer.b_uri);
		say.response = span_make(answer.response,
		    answer.response_len);
		o->accounts->digests++;
	} else {
		o->accounts->refused++;
	}
	IPC_FRAME(sig_say(o), ACCOUNT_SAY, account_say, &say);
	secret_wipe(&answer, sizeof(answer));
	return 0;
}

/* ---- what became of them ---- */

static const char *
state_word(uint8_t state)
{
	switch (state) {
	case ACCOUNT_REGISTERED:
		return "registered";
	case ACCOUNT_FAILED:
		return "failed";
	default:
		return "ended";
	}
}

int
accounts_run(struct oracle *o, const struct job *job)
{
	struct ipc_account_note note;
	struct wanted *one;
	sqlite3_stmt *q;
	int err = get_account_note(span_make(job->payload, job->len), &note);

	if (err)
		return err;
	one = find(o->accounts, note.id);
	if (one == NULL)
		return 0;
	q = store_use(o->store, note.state == ACCOUNT_ENDED ?
		ST_ACCOUNT_DROP : ST_ACCOUNT_PUT);
	sql_int(q, 1, (int64_t)note.id);
	if (note.state != ACCOUNT_ENDED) {
		sql_int(q, 2, one->stamp);
		sql_text(q, 3, span_str(state_word(note.state)));
		sql_int(q, 4, note.status);
		sql_text(q, 5, note.why);
		sql_int(q, 6, oracle_wall_s(o) + note.expires_s);
		sql_int(q, 7, oracle_wall_s(o));
	}
	return store_run(o->store, q);
}

int
accounts_frame(struct oracle *o, uint16_t type, struct span payload)
{
	struct ipc_account_note note;
	int err;

	if (type == IPC_ACCOUNT_ASK)
		return on_ask(o, payload);
	err = get_account_note(payload, &note);
	if (err == 0 && find(o->accounts, note.id) != NULL)
		(void)queue_add(o->queue, JOB_ACCOUNT, 0, false, payload);
	return err;
}

void
accounts_status(const struct accounts *a, struct buf *json)
{
	unsigned n = 0;

	for (unsigned i = 0; i < a->n; i++)
		n += !a->list[i].is_gone;
	buf_fmt(json, "\"accounts_wanted\":%u,\"account_digests\":%llu,"
	    "\"account_digests_refused\":%llu", n,
	    (unsigned long long)a->digests, (unsigned long long)a->refused);
}
