/*
 * sigproxy's questions.  It is taken for hostile: what counts is what the
 * phone's own digest covers, and what the store says.
 */
#include <errno.h>

#include "common/codec/uri.h"
#include "common/io/clock.h"
#include "common/io/log.h"
#include "registrar-db/io/accounts.h"
#include "registrar-db/io/oracle.h"

/* Answers are collected; this is the room one of them may need. */
#define SAY_ONE_MAX (IPC_HEADER_LEN + IPC_PAYLOAD_MAX)
#define LOG_PER_S 10

void
sig_flush(struct oracle *o)
{
	if (o->say.len > 0 && buf_err(&o->say) == 0)
		door_send(o->sig, buf_span(&o->say));
	buf_init(&o->say, o->say_mem, sizeof(o->say_mem));
}

struct buf *
sig_say(struct oracle *o)
{
	if (o->say.len + SAY_ONE_MAX > sizeof(o->say_mem))
		sig_flush(o);
	return &o->say;
}

/* ---- nonces ---- */

static int
on_nonce_ask(struct oracle *o, struct span payload)
{
	char mem[IPC_NONCES_MAX * IPC_NONCE_LEN];
	struct mono now = clock_mono();
	struct ipc_nonce_ask ask;
	struct ipc_nonce_say say;
	int err;

	err = get_nonce_ask(payload, &ask);
	if (err)
		return err;
	for (unsigned i = 0; i < ask.count; i++)
		nonce_mint(o->verify.nonces, now, mem + i * IPC_NONCE_LEN);
	say = (struct ipc_nonce_say){
		.id = ask.id,
		.lifetime_ms = NONCE_LIFETIME_MS,
		.nonces = span_make(mem, ask.count * (size_t)IPC_NONCE_LEN),
	};
	IPC_FRAME(sig_say(o), NONCE_SAY, nonce_say, &say);
	return 0;
}

/* ---- who answers ---- */

/* Any subscriber, always the same one for a username: an unknown name then
 * costs what a known one does. */
static int64_t
decoy_id(struct oracle *o, struct span username)
{
	return 1 + (int64_t)(meter_hash(o->verify.meter, username) %
		       (uint64_t)(o->last_id > 0 ? o->last_id : 1));
}

/* What is asked, and by whom. */
struct asked {
	const char *what;	/* for the log */
	const struct ipc_digest *answer;
	const struct ipc_flow *flow;
	const struct span *own;	/* the AOR's user; NULL: any will do */
	struct span mark;	/* of the device; may be empty */
	bool for_help;
};

/* Somewhere else than it may be, it does not exist; nobody learns more.  It
 * may call for help from anywhere. */
static int
check_place(struct oracle *o, const struct account_row *row,
    const struct asked *a, struct account *out)
{
	bool may;
	int err = policy_may_be_at(o->store, row->who.party.number,
	    &a->flow->remote, &may);

	if (err == 0 && out->exists && !may && !a->for_help) {
		out->exists = false;
		out->elsewhere = true;
	}
	return err;
}

/*
 * Find the account of a username, or a decoy, with its HA1 opened into mem.
 *
 * Errors:  as store_row(); a missing or unusable row is no error but an
 *          account that does not exist.
 */
static int
load_account(struct oracle *o, const struct asked *a, struct account *out,
    char mem[DIGEST_HEX_MAX])
{
	const struct ipc_digest *answer = a->answer;
	enum digest_alg alg = verify_alg(answer);
	struct account_row *row = &o->account;
	struct seal_for seal;
	int64_t id = -1, decoy = decoy_id(o, answer->username);
	int err;

	memset(mem, '0', DIGEST_HEX_MAX);
	*out = (struct account){ .id = -1,
		.ha1 = span_make(mem, digest_hex_len(alg)) };
	store_read(o->store);
	err = user_find(o->store, answer->username, &id);
	if (err)
		return err;
	err = account_read(o->store, id < 0 ? decoy : id, alg, row);
	if (err)
		return err == -ENOENT || err == -EBADMSG ? 0 : err;
	seal = (struct seal_for){
		.subscriber = row->id,
		.username = span_make(row->username, row->username_len),
		.realm = span_make(row->realm, row->realm_len),
		.alg = alg,
	};
	err = seal_open(o->key, &seal, span_make(row->sealed, row->sealed_len),
	    mem);
	out->id = row->id;
	out->exists = id == row->id && err == 0 &&
	    span_eq(seal.realm, o->verify.realm);
	out->enabled = row->enabled;
	out->internet = row->internet;
	out->least = row->least;
	return check_place(o, row, a, out);
}

static void
log_refusal(struct oracle *o, const char *what, const struct ipc_digest *answer,
    const struct ipc_flow *flow, enum verify_why why)
{
	struct mono now = clock_mono();

	o->refused++;
	if (mono_due(mono_add_ms(o->log_from, 1000), now)) {
		o->log_from = now;
		o->log_count = 0;
	}
	if (++o->log_count > LOG_PER_S)
		return;
	log_begin(LOG_WARN_, what);
	log_span("username", answer->username);
	log_addr("source", &flow->remote);
	log_str("zone", flow->zone == ZONE_EXTERNAL ? "external" : "internal");
	log_str("why", verify_why_name(why));
	log_end();
}

/* The same work for a decoy as for a subscriber. */
static void
note_refusal(struct oracle *o, const struct ipc_digest *answer,
    const struct ipc_flow *flow, enum verify_why why,
    const struct account *who)
{
	const struct device_sign sign = { flow, who->mark };
	bool known = meter_is_known(o->verify.meter, who->id, &flow->remote);
	bool device = devices_is_known(o->verify.devices, who->id, &sign);
	bool is_his = who->exists || who->elsewhere;
	enum refusal_from from = device ? FROM_ITS_DEVICE :
	    known ? FROM_ITS_ADDRESS : FROM_STRANGER;

	refusals_add(&o->refusals, is_his ? who->id : -1, answer->username,
	    why, flow, is_his ? from : FROM_STRANGER, clock_mono());
}

/* Check an answer.  Gives: *id_out and o->account for VERDICT_OK. */
static enum verdict
check(struct oracle *o, const struct asked *a, int64_t *id_out)
{
	char ha1[DIGEST_HEX_MAX];
	struct account who;
	enum verify_why why;
	int err;

	o->asked++;
	err = load_account(o, a, &who, ha1);
	if (err)
		return VERDICT_BUSY;
	who.may = a->own == NULL ||
	    (who.exists && span_eq(*a->own, o->account.who.party.number));
	who.mark = a->mark;
	who.urgent = a->for_help;
	why = verify_answer(&o->verify, clock_mono(), a->answer, a->flow,
	    &who);
	secret_wipe(ha1, sizeof(ha1));
	*id_out = who.id;
	/* The only ones a guesser learns from; the meter bounds them. */
	o->wrong += verify_is_guess(why);
	o->elsewhere += why == VERIFY_ELSEWHERE;
	if (why == VERIFY_RIGHT)
		o->right++;
	if (verify_verdict(why) == VERDICT_FORBIDDEN) {
		note_refusal(o, a->answer, a->flow, why, &who);
		log_refusal(o, a->what, a->answer, a->flow, why);
		/* Whatever the reason: who is dropped sooner or later than
		 * others would learn what there is. */
		if (a->flow->zone == ZONE_EXTERNAL)
			drops_refused(o, &a->flow->remote);
	}
	return verify_verdict(why);
}

/* ---- REGISTER ---- */

static enum verdict
reg_verdict(struct oracle *o, const struct ipc_reg_ask *ask, int64_t *id_out)
{
	const struct asked asked = { "register-refused", &ask->digest,
		&ask->flow, &ask->aor_user, register_mark(ask), false };
	struct uri uri;

	if (!span_eq(ask->digest.method, SPAN_LIT("REGISTER")) ||
	    uri_parse(ask->digest.uri, &uri) != 0 ||
	    (uri.scheme != URI_SIP && uri.scheme != URI_SIPS))
		return VERDICT_BAD;
	return check(o, &asked, id_out);
}

static int
on_reg_ask(struct oracle *o, struct span payload)
{
	struct ipc_reg_ask ask;
	struct ipc_reg_say say;
	enum verdict verdict;
	int64_t id = -1;
	int err;

	err = get_reg_ask(payload, &ask);
	if (err)
		return err;
	verdict = reg_verdict(o, &ask, &id);
	if (verdict == VERDICT_OK && ask.n_contacts == 0 && !ask.star) {
		if (register_query(o, &ask, sig_say(o)) == 0)
			return 0;
		verdict = VERDICT_BUSY;
	} else if (verdict == VERDICT_OK) {
		if (queue_add(o->queue, JOB_REGISTER, id, true, payload) == 0)
			return 0;
		verdict = VERDICT_BUSY;
	}
	if (verdict == VERDICT_BUSY) {
		register_refuse(ask.id, sig_say(o));
		return 0;
	}
	say = (struct ipc_reg_say){ .id = ask.id, .verdict = (uint8_t)verdict };
	IPC_FRAME(sig_say(o), REG_SAY, reg_say, &say);
	return 0;
}

/* ---- other requests ---- */

static enum verdict
auth_verdict(struct oracle *o, const struct ipc_auth_ask *ask)
{
	const struct asked asked = { "request-refused", &ask->digest,
		&ask->flow, NULL, SPAN_NONE, sos_is_asked(o, ask) };
	int64_t id;

	if (span_eq(ask->digest.method, SPAN_LIT("REGISTER")))
		return VERDICT_BAD;
	return check(o, &asked, &id);
}

static int
on_auth_ask(struct oracle *o, struct span payload)
{
	struct ipc_auth_ask ask;
	struct ipc_auth_say say = { 0 };
	struct party_row caller, called;
	int err;

	err = get_auth_ask(payload, &ask);
	if (err)
		return err;
	say.id = ask.id;
	if (emergency_is(&ask)) {
		emergency_ask(o, &ask, &say);
		IPC_FRAME(sig_say(o), AUTH_SAY, auth_say, &say);
		return 0;
	}
	say.verdict = (uint8_t)auth_verdict(o, &ask);
	if (say.verdict == VERDICT_OK) {
		caller = o->account.who;
		say.caller = caller.party;
		say.caller.number.p = caller.number;
		say.caller.name.p = caller.name;
		say.caller.codecs.p = caller.codecs;
		if (ask.want)
			route(o, &ask, &called, &say);
	}
	IPC_FRAME(sig_say(o), AUTH_SAY, auth_say, &say);
	return 0;
}

/* ---- news of flows ---- */

static int
on_flow_news(struct oracle *o, uint16_t type, struct span payload)
{
	union {
		struct ipc_home_pace home;
		struct ipc_conn_gone gone;
		struct ipc_phone_lost lost;
	} u;
	enum job_kind kind;
	int err;

	switch (type) {
	case IPC_HOME_PACE:
		kind = JOB_HOME;
		err = get_home_pace(payload, &u.home);
		break;
	case IPC_PHONE_LOST:
		kind = JOB_LOST;
		err = get_phone_lost(payload, &u.lost);
		break;
	default:
		kind = JOB_CONN_GONE;
		err = get_conn_gone(payload, &u.gone);
		break;
	}
	/* Should there be no room: it is learnt again. */
	if (err == 0)
		(void)queue_add(o->queue, kind, 0, true, payload);
	return err;
}

/* ---- news of calls ---- */

/* Looked at now, so that a broken one closes the door; kept as it is. */
static int
check_call_news(uint16_t type, struct span payload, enum job_kind *out)
{
	struct ipc_call_note note;
	struct ipc_call_media media;
	struct ipc_call_reach reach;
	struct ipc_call_quality quality;

	switch (type) {
	case IPC_CALL_NOTE:
		*out = JOB_CALL_NOTE;
		return get_call_note(payload, &note);
	case IPC_CALL_MEDIA:
		*out = JOB_CALL_MEDIA;
		return get_call_media(payload, &media);
	case IPC_CALL_QUALITY:
		*out = JOB_CALL_QUALITY;
		return get_call_quality(payload, &quality);
	default:
		*out = JOB_CALL_REACH;
		return get_call_reach(payload, &reach);
	}
}

static int
on_call_news(struct oracle *o, uint16_t type, struct span payload)
{
	enum job_kind kind;
	int err = check_call_news(type, payload, &kind);

	if (err)
		return err;
	if (kind == JOB_CALL_QUALITY && !quality_may_wait(o))
		return 0;
	err = queue_add(o->queue, kind, 0, false, payload);
	if (err) {
		log_begin(LOG_ERROR_, "call-news-lost");
		log_err("why", err);
		log_end();
	}
	return 0;
}

int
sig_frame(struct oracle *o, uint16_t type, struct span payload)
{
	/* The last words of a sigproxy that is no more: news count, questions
	 * would be answered to the next one, who has the same numbers. */
	if (!door_may_answer(o->sig) && type != IPC_CALL_NOTE &&
	    type != IPC_CALL_AWAY &&
	    type != IPC_CALL_MEDIA && type != IPC_CALL_REACH &&
	    type != IPC_CALL_QUALITY && type != IPC_CALL_SAVE &&
	    type != IPC_CALL_GONE && type != IPC_SUB_SAVE &&
	    type != IPC_SUB_GONE && type != IPC_MWI_SAVE &&
	    type != IPC_ACCOUNT_NOTE && type != IPC_PHONE_LOST)
		return 0;
	switch (type) {
	case IPC_NONCE_ASK:
		return on_nonce_ask(o, payload);
	case IPC_REG_ASK:
		return on_reg_ask(o, payload);
	case IPC_AUTH_ASK:
		return on_auth_ask(o, payload);
	case IPC_DIVERT_ASK:
		return divert_ask(o, payload);
	case IPC_TRUNK_CALL_ASK:
		return trunks_call_ask(o, payload);
	case IPC_TRUNK_AUTH_ASK:
		return trunks_auth_ask(o, payload);
	case IPC_CALL_WAY:
		return trunks_way(o, payload);
	case IPC_CALL_TRIED:
		return trunks_tried(o, payload);
	case IPC_REFER_ASK:
		return refer_ask(o, payload);
	case IPC_CALL_AWAY:
		return away_note(o, payload);
	case IPC_CALL_NOTE:
	case IPC_CALL_MEDIA:
	case IPC_CALL_REACH:
	case IPC_CALL_QUALITY:
		return on_call_news(o, type, payload);
	case IPC_HOME_PACE:
	case IPC_PHONE_LOST:
	case IPC_CONN_GONE:
		return on_flow_news(o, type, payload);
	case IPC_CALL_SAVE:
	case IPC_CALL_GONE:
		return checkpoints_frame(o, type, payload);
	case IPC_SUB_SAVE:
	case IPC_SUB_GONE:
		return watchers_frame(o, type, payload);
	case IPC_ACCOUNT_ASK:
	case IPC_ACCOUNT_NOTE:
		return accounts_frame(o, type, payload);
	case IPC_MWI_SAVE:
		return mailbox_save(o, payload);
	default:
		return -EPROTO;
	}
}
