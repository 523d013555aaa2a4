/*
 * Secrets of trunks: sealed as soon as an admin has typed them, opened only to
 * answer a challenge for a call that was granted here.
 *
 * sigproxy alone says that a trunk challenged it.  What a captured one gains
 * is bounded: only for a call that was granted and is not answered, only by
 * a trunk and to a number that the tables give for it now, only in the realm
 * that an admin named, if he did, and DIGESTS_MAX for each call.  All count in
 * the record.
 */
#include <errno.h>

#include "common/codec/uri.h"
#include "common/io/log.h"
#include "registrar-db/io/oracle.h"

#define DIGESTS_MAX 16

/* ---- sealing ---- */

static int
seal_trunk(struct oracle *o)
{
	sqlite3_stmt *q = store_use(o->store, ST_TRUNK_UNSEALED), *put;
	uint8_t nonce[SEAL_NONCE_LEN], sealed[SEALED_WORD_LEN];
	char mem[SEAL_OF_MAX];
	int64_t id;
	int got = store_row(o->store, q);

	if (got != 1) {
		store_done(q);
		return got;
	}
	id = sqlite3_column_int64(q, 0);
	secret_random(nonce, sizeof(nonce));
	got = seal_word(o->key, seal_of_trunk((uint64_t)id, mem), nonce,
	    sql_column(q, 1), sealed);
	store_done(q);
	put = store_use(o->store, ST_TRUNK_SEALED);
	sql_int(put, 1, id);
	if (got == 0)
		sql_blob(put, 2, span_make((char *)sealed, sizeof(sealed)));
	else
		sqlite3_bind_null(put, 2);
	got = store_run(o->store, put);
	return got != 0 ? got : 1;
}

static int
seal_mirror(struct oracle *o)
{
	sqlite3_stmt *q = store_use(o->store, ST_MIRROR_UNSEALED), *put;
	uint8_t nonce[SEAL_NONCE_LEN], sealed[SEALED_WORD_LEN];
	char mem[SEAL_OF_MAX], number[NUMBER_MAX];
	struct span of;
	size_t n;
	int got = store_row(o->store, q);

	if (got != 1) {
		store_done(q);
		return got;
	}
	of = span_sub(sql_column(q, 0), 0, NUMBER_MAX);
	n = of.len;
	memcpy(number, of.p, n);
	of = span_make(number, n);
	secret_random(nonce, sizeof(nonce));
	got = seal_word(o->key, seal_of_mirror(of, mem), nonce,
	    sql_column(q, 1), sealed);
	store_done(q);
	put = store_use(o->store, ST_MIRROR_SEALED);
	sql_text(put, 1, of);
	if (got == 0)
		sql_blob(put, 2, span_make((char *)sealed, sizeof(sealed)));
	else
		sqlite3_bind_null(put, 2);
	got = store_run(o->store, put);
	return got != 0 ? got : 1;
}

int
trunks_seal_one(struct oracle *o)
{
	int got = seal_trunk(o);

	return got != 0 ? got : seal_mirror(o);
}

/* ---- whose call it is ---- */

struct asked {
	char by[NUMBER_MAX], number[NUMBER_MAX];
	size_t by_len, number_len;
	int64_t digests;
};

static size_t
copy(char *to, struct span s)
{
	size_t len = s.len < NUMBER_MAX ? s.len : NUMBER_MAX;

	if (len > 0)
		memcpy(to, s.p, len);
	return len;
}

/* The last two of "caller called A B": who sends it on, and where to. */
static void
take_parties(sqlite3_stmt *q, struct asked *a)
{
	struct span rest = sql_column(q, 2);
	struct span by = sql_column(q, 0), number = sql_column(q, 1);

	while (rest.len > 0) {
		ptrdiff_t space = span_find(rest, ' ');
		size_t n = space < 0 ? rest.len : (size_t)space;

		by = number;
		number = span_sub(rest, 0, n);
		rest = n < rest.len ? span_sub(rest, n + 1, rest.len) :
				      SPAN_NONE;
	}
	a->by_len = copy(a->by, by);
	a->number_len = copy(a->number, number);
	a->digests = sqlite3_column_int64(q, 3);
}

static int
read_call(struct oracle *o, uint64_t ticket, struct asked *a)
{
	sqlite3_stmt *q = store_use(o->store, ST_CALL_OUT);
	int got;

	sql_int(q, 1, (int64_t)ticket);
	got = store_row(o->store, q);
	if (got == 1)
		take_parties(q, a);
	store_done(q);
	return got == 1 ? 0 : got < 0 ? got : -ENOENT;
}

/* Is the INVITE that is challenged one that was granted? */
static bool
is_granted(struct oracle *o, const struct asked *a,
    const struct ipc_trunk_auth_ask *ask, bool *mirrored_out)
{
	static struct ipc_auth_say ways;
	static struct decision d;
	struct span by = span_make(a->by, a->by_len);
	const struct trunk_row *t = trunk_row(trunks_rows(o), ask->trunk);
	char mem[URI_USER_MAX];
	struct span user;
	struct uri uri;
	enum verdict v;

	if (t == NULL || uri_parse(ask->uri, &uri) != 0 ||
	    uri.scheme != URI_SIP || !uri_host_is(&uri, t->told.domain) ||
	    uri_user_unescape(&uri, mem, &user) != 0)
		return false;
	ways = (struct ipc_auth_say){ .n_ways = 0 };
	policy_ask_form(o->policy, by, policy_is_outside(o, by),
	    span_make(a->number, a->number_len), &d);
	v = trunks_mirrored(o, by, &d, &ways);
	*mirrored_out = v != VERDICT_NOT_FOUND;
	if (v == VERDICT_NOT_FOUND)
		v = trunks_route(o, by, &d, &ways);
	if (v != VERDICT_OK)
		return false;
	for (unsigned i = 0; i < ways.n_ways; i++)
		if (ways.ways[i].trunk == ask->trunk &&
		    span_eq(ways.ways[i].number, user))
			return true;
	return false;
}

/* ---- computing ---- */

struct account_at {
	char username[USERNAME_MAX], realm[REALM_MAX], password[SEAL_WORD_MAX];
	size_t username_len, realm_len, password_len;
};

static int
account_column(struct oracle *o, sqlite3_stmt *q, struct span of,
    struct account_at *out)
{
	struct span user = sql_column(q, 0), realm = sql_column(q, 1);

	if (user.len > USERNAME_MAX || realm.len > REALM_MAX)
		return -EBADMSG;
	out->username_len = user.len;
	if (user.len > 0)
		memcpy(out->username, user.p, user.len);
	out->realm_len = realm.len;
	if (realm.len > 0)
		memcpy(out->realm, realm.p, realm.len);
	return seal_word_open(o->key, of, sql_column(q, 2), out->password,
	    &out->password_len);
}

static int
read_account(struct oracle *o, const struct asked *a, uint32_t trunk,
    bool mirrored, struct account_at *out)
{
	sqlite3_stmt *q = store_use(o->store, mirrored ? ST_MIRROR_SECRET :
							 ST_TRUNK_SECRET);
	struct span by = span_make(a->by, a->by_len);
	char mem[SEAL_OF_MAX];
	int got;

	sql_int(q, 1, trunk);
	if (mirrored)
		sql_text(q, 2, by);
	got = store_row(o->store, q);
	if (got == 1)
		got = account_column(o, q, mirrored ?
		    seal_of_mirror(by, mem) : seal_of_trunk(trunk, mem), out);
	else if (got == 0)
		got = -ENOENT;
	store_done(q);
	return got;
}

#define CNONCE_LEN 16

static int
compute(struct oracle *o, const struct account_at *who,
    const struct ipc_trunk_auth_ask *ask, struct ipc_trunk_auth_say *say,
    char mem[DIGEST_HEX_MAX + CNONCE_LEN])
{
	struct digest_in in = { .method = SPAN_LIT("INVITE"),
		.uri = ask->uri, .nonce = ask->nonce };
	uint8_t random[CNONCE_LEN / 2];
	char ha1[DIGEST_HEX_MAX];
	enum digest_alg alg;
	struct buf b;
	int err = digest_alg(ask->algorithm, &alg);

	if (err)
		return err;
	if (ask->qop) {
		secret_random(random, sizeof(random));
		buf_init(&b, mem + DIGEST_HEX_MAX, CNONCE_LEN);
		buf_put_hex(&b, (char *)random, sizeof(random));
		in.cnonce = say->cnonce = buf_span(&b);
		in.qop = SPAN_LIT("auth");
		in.nc = SPAN_LIT("00000001");
	}
	err = digest_ha1(o->verify.digest, alg, span_make(who->username,
	    who->username_len), ask->realm, span_make(who->password,
	    who->password_len), ha1);
	if (err == 0)
		err = digest_response(o->verify.digest, alg,
		    span_make(ha1, digest_hex_len(alg)), &in, mem);
	secret_wipe(ha1, sizeof(ha1));
	say->response = span_make(mem, digest_hex_len(alg));
	return err;
}

static void
log_refused(const struct ipc_trunk_auth_ask *ask, const char *why)
{
	log_begin(LOG_WARN_, "trunk-digest-refused");
	log_u64("call", ask->ticket);
	log_u64("trunk", ask->trunk);
	log_span("realm", ask->realm);
	log_str("why", why);
	log_end();
}

static int
count(struct oracle *o, uint64_t ticket)
{
	sqlite3_stmt *q = store_use(o->store, ST_CALL_CHALLENGED);

	sql_int(q, 1, (int64_t)ticket);
	return store_run(o->store, q);
}

/* Gives: what is wrong with it, or NULL; err_out is the store's. */
static const char *
look_up(struct oracle *o, const struct ipc_trunk_auth_ask *ask,
    struct account_at *who, int *err_out)
{
	struct asked a;
	bool mirrored = false;
	int err = read_call(o, ask->ticket, &a);

	*err_out = err == -ENOENT ? 0 : err;
	if (err)
		return "no call that rings";
	if (a.digests >= DIGESTS_MAX)
		return "too many for this call";
	if (!is_granted(o, &a, ask, &mirrored))
		return "not what was granted";
	if (read_account(o, &a, ask->trunk, mirrored, who) != 0)
		return "no password";
	if (who->realm_len > 0 &&
	    !span_eq(ask->realm, span_make(who->realm, who->realm_len)))
		return "another realm";
	return NULL;
}

int
trunks_auth_run(struct oracle *o, const struct job *job, struct buf *out)
{
	static struct account_at who;
	char mem[DIGEST_HEX_MAX + CNONCE_LEN];
	struct ipc_trunk_auth_ask ask;
	struct ipc_trunk_auth_say say;
	const char *wrong;
	int err = get_trunk_auth_ask(span_make(job->payload, job->len), &ask);

	if (err)
		return err;
	say = (struct ipc_trunk_auth_say){ .ticket = ask.ticket,
		.id = ask.id, .verdict = VERDICT_FORBIDDEN };
	wrong = look_up(o, &ask, &who, &err);
	if (err == 0 && wrong == NULL)
		err = count(o, ask.ticket);
	if (err == 0 && wrong == NULL &&
	    compute(o, &who, &ask, &say, mem) == 0) {
		say.verdict = VERDICT_OK;
		say.username = span_make(who.username, who.username_len);
	} else if (wrong != NULL) {
		log_refused(&ask, wrong);
	}
	secret_wipe(who.password, sizeof(who.password));
	if (err)
		return err;
	IPC_FRAME(out, TRUNK_AUTH_SAY, trunk_auth_say, &say);
	return 0;
}

void
trunks_auth_refuse(const struct job *job, struct buf *out)
{
	struct ipc_trunk_auth_ask ask;
	struct ipc_trunk_auth_say say = { .verdict = VERDICT_BUSY };

	if (get_trunk_auth_ask(span_make(job->payload, job->len), &ask) != 0)
		return;
	say.ticket = ask.ticket;
	say.id = ask.id;
	IPC_FRAME(out, TRUNK_AUTH_SAY, trunk_auth_say, &say);
}

/* A job, so that it comes after the one that writes the call. */
int
trunks_auth_ask(struct oracle *o, struct span payload)
{
	struct ipc_trunk_auth_ask ask;
	struct ipc_trunk_auth_say say = { .verdict = VERDICT_BUSY };
	int err = get_trunk_auth_ask(payload, &ask);

	if (err)
		return err;
	if (queue_add(o->queue, JOB_TRUNK_AUTH, 0, true, payload) == 0)
		return 0;
	say.ticket = ask.ticket;
	say.id = ask.id;
	IPC_FRAME(sig_say(o), TRUNK_AUTH_SAY, trunk_auth_say, &say);
	return 0;
}
