/*
 * The oracle: what main.c makes and the files of io/ share.
 *
 *	peer_sigproxy.c	its questions: verify at once, queue what writes
 *	registrar.c	a REGISTER inside the transaction
 *	accounts.c	registrations of our own at trunks
 *	calls.c		what is kept of calls
 *	checkpoints.c	what a restarted sigproxy gets back
 *	diverts.c	calls that the called phone redirects
 *	homes.c		how homes' routers are
 *	policy.c	who may call what
 *	referrals.c	phones that send another one elsewhere
 *	emergency.c	calls for help: by name, and without a password
 *	drops.c		whose packets are not looked at
 *	stops.c		calls that are to end
 *	withdrawn.c	what an admin's change takes back
 *	route.c		what a right answer buys, by its method
 *	watchers.c	who may watch whom, and subscriptions
 *	mailboxes.c	what a voicemail said last
 *	flows.c		telling sigproxy which flows live and which are gone
 *	watch.c		what an admin changed; sealing; expiry; the clock
 *	credentials.c	do realm and key fit, at start
 *	trunks.c	where calls go that are for no subscriber
 *	trunk_rows.c	what the tables say of trunks
 *	trunk_calls.c	calls that trunks send
 *	trunk_digests.c	their passwords, and answers to their challenges
 *	peer_admin.c	status
 */
#ifndef REGDB_IO_ORACLE_H
#define REGDB_IO_ORACLE_H

#include "common/io/conf.h"
#include "common/io/door.h"
#include "registrar-db/core/verify.h"
#include "registrar-db/io/policy.h"
#include "registrar-db/core/refusals.h"
#include "registrar-db/io/queue.h"
#include "registrar-db/io/rows.h"
#include "registrar-db/io/trunks.h"
#include "registrar-db/io/wall.h"

/* How long a nonce can be answered. */
#define NONCE_LIFETIME_MS 300000
/* Calls kept in call_record and live_call together; the oldest go. */
#define CALLS_MAX 200000
/* So many more before they do, together. */
#define CALLS_SLACK 1000	/* finding out which go reads them all */
/* Calls running at once that are recorded; one more is refused. */
#define CALLS_LIVE_MAX 10000

enum job_kind {
	JOB_REGISTER,		/* payload: REG_ASK */
	JOB_CALL_OPEN,		/* payload: struct call_open */
	JOB_CALL_NOTE,		/* payload: CALL_NOTE */
	JOB_CALL_MEDIA,		/* payload: CALL_MEDIA */
	JOB_CALL_REACH,		/* payload: CALL_REACH */
	JOB_CALL_QUALITY,	/* payload: CALL_QUALITY */
	JOB_CHECKPOINT,		/* payload: uint64_t ticket */
	JOB_HOME,		/* payload: HOME_PACE */
	JOB_LOST,		/* payload: PHONE_LOST */
	JOB_CONN_GONE,		/* payload: CONN_GONE */
	JOB_SUBSCRIPTION,	/* payload: uint64_t id */
	JOB_MAILBOX,		/* payload: MWI_SAVE */
	JOB_DIVERT,		/* payload: DIVERT_ASK */
	JOB_REFER,		/* payload: REFER_ASK */
	JOB_AWAY,		/* payload: CALL_AWAY */
	JOB_STOP,		/* payload: struct call_stop */
	JOB_TRUNK_AUTH,		/* payload: TRUNK_AUTH_ASK */
	JOB_CALL_WAY,		/* payload: CALL_WAY */
	JOB_CALL_TRIED,		/* payload: CALL_TRIED */
	JOB_ACCOUNT,		/* payload: ACCOUNT_NOTE */
	JOB_STREAMS_GONE,	/* payload: int64_t, when sigproxy started */
	JOB_DROP,		/* payload: struct drop_job */
};

struct accounts;
struct checkpoints;
struct flows;
struct mailboxes;
struct stops;
struct watch;
struct watchers;

/* How far withdrawn.c has come. */
struct withdrawn {
	bool again, walks, bindings;
	int64_t at;		/* the last call looked at */
};

struct oracle {
	uv_loop_t *loop;
	struct store *store;
	struct secret *key;	/* seals HA1s */
	struct verify verify;
	struct wall wall;
	struct queue *queue;
	struct accounts *accounts;
	struct checkpoints *checkpoints;
	struct flows *flows;
	struct watch *watch;
	struct watchers *watchers;
	struct mailboxes *mailboxes;
	struct policy *policy;
	struct stops *stops;
	struct trunks *trunks;
	uint32_t keep_records_days;
	struct door *sig, *stun, *admin;

	/* Answers of this wake-up, sent together. */
	struct buf say;
	char say_mem[128 * 1024];

	/* [site] emergency; n 0: none. */
	const char (*emergency)[CONF_NUMBER_MAX];
	unsigned n_emergency;
	int64_t last_id;	/* highest id of a subscriber, for decoys */
	uint64_t first_ticket, next_ticket;	/* given in this life */
	uint64_t lost_before;	/* tickets given before this sigproxy came */
	/* Tickets after this one, and before our own, a process before us may
	 * have given without coming to write them down; so many at most. */
	uint64_t unwritten_after;
	unsigned unwritten_left;
	struct mono unwritten_until;	/* for them to be told */
	bool unwritten_open;	/* what was told is not yet on disk */
	bool homes_swept;	/* old ones, once after start */
	bool lost_swept;	/* the same */
	bool settled;		/* sigproxy had time to save all it has */
	int64_t calls_live, calls_kept;

	/* Refusals are logged ten a second. */
	struct mono log_from;
	unsigned log_count;
	struct mono lookup_log_from;	/* the same for lookups */
	unsigned lookup_log_count;
	struct mono denial_log_from;
	unsigned denial_log_count;

	uint64_t asked, right, refused, wrong;
	uint64_t denied, elsewhere, looked;
	uint64_t drops_told;	/* a hash of the list */
	bool drops_changed;	/* perhaps, and not told yet */
	struct withdrawn withdrawn;
	struct refusals refusals;
	struct account_row account;	/* scratch */
	struct binding_rows rows;	/* scratch */
};

/* From the configuration; the spans are kept. */
struct oracle_conf {
	struct span realm;
	struct plan plan;
	uint32_t keep_records_days;
};

/*
 * Make everything on an open store.
 *
 * Takes:   store, key  kept.
 * Gives:   NULL for no memory.
 */
struct oracle *oracle_new(uv_loop_t *loop, struct store *store,
    struct secret *key, const struct oracle_conf *conf);
/* The loop must run once more before it can be closed. */
void oracle_free(struct oracle *o);
/* The time that bindings and calls are counted in: wall.h. */
int64_t oracle_wall_s(const struct oracle *o);
/* It registered this subscriber: see meter.h and devices.h. */
void oracle_known(struct oracle *o, int64_t subscriber,
    const struct ipc_flow *flow, struct span mark);
/* The door callbacks; put the oracle into arg. */
extern const struct doors_ops oracle_ops;

/* ---- peer_sigproxy.c ---- */
int sig_frame(struct oracle *o, uint16_t type, struct span payload);
/* Send what o->say holds. */
void sig_flush(struct oracle *o);
/* Where an answer of at most IPC_PAYLOAD_MAX bytes can be appended. */
struct buf *sig_say(struct oracle *o);

/* ---- registrar.c ---- */
int register_run(struct oracle *o, const struct job *job, struct buf *out);
void register_refuse(uint32_t id, struct buf *out);
/* What marks the device that sends it, for devices.h. */
struct span register_mark(const struct ipc_reg_ask *ask);
/* Answer a REGISTER without change: it only asks. */
int register_query(struct oracle *o, const struct ipc_reg_ask *ask,
    struct buf *out);

/* ---- calls.c ---- */
int calls_start(struct oracle *o);
/* Decide and record one authenticated INVITE; fills verdict, ticket, called
 * and targets of say (lent from o->rows and called). */
void calls_route(struct oracle *o, const struct ipc_auth_ask *ask,
    struct party_row *called, struct ipc_auth_say *say);
/* The same for one that a trunk sends, for the number in d: found and
 * recorded; say->caller is set. */
void calls_from_trunk(struct oracle *o, const struct ipc_trunk_call_ask *ask,
    const struct decision *d, struct party_row *called,
    struct ipc_auth_say *say);
/* The called number, from what the caller's own digest covers: sigproxy
 * cannot ask for another one.  mem: URI_USER_MAX bytes. */
int calls_number(struct oracle *o, const struct ipc_digest *answer, char *mem,
    struct span *out);
/* The number's name and devices, into say. */
enum verdict calls_find(struct oracle *o, struct span number,
    struct party_row *called, struct ipc_auth_say *say);
int calls_open(struct oracle *o, const struct job *job);
/* That will never be done. */
void calls_not_opened(struct oracle *o, const struct job *job);
/* Kind, pattern and rule as three parameters; payer, zone and cost too. */
void calls_bind_rule(sqlite3_stmt *q, int at, const struct decision *d);
void calls_bind_payer(sqlite3_stmt *q, int at, const struct decision *d,
    struct span payer);
/* One line, ten a second at most; counted. */
void calls_log_denied(struct oracle *o, struct span by, const char *via,
    const struct decision *d);
/* A record of its own for what was asked during a call and denied: a redirect
 * or a REFER.  Inside a transaction. */
int calls_denied(struct oracle *o, uint64_t ticket, struct span by,
    struct span number, const char *via, const struct decision *d);
int calls_note(struct oracle *o, const struct job *job);
int calls_media(struct oracle *o, const struct job *job);
int calls_reach(struct oracle *o, const struct job *job);
/* quality.c.  False: too much waits, drop it; it is told again. */
bool quality_may_wait(const struct oracle *o);
int quality_run(struct oracle *o, const struct job *job);
/* Was a call granted with this ticket that has not ended, or only a moment
 * ago?  A phone may not have heard of that yet. */
enum call_life { CALL_PAST, CALL_JUST_ENDED, CALL_LIVES };
enum call_life calls_life(struct oracle *o, uint64_t ticket);
/* Chores: close the calls of a sigproxy that is no more; drop old ones. */
bool calls_chores(struct oracle *o);

/* ---- checkpoints.c ---- */
struct checkpoints *checkpoints_new(struct oracle *o);
/* Read what was kept.  Errors: as store_row(). */
int checkpoints_load(struct oracle *o);
void checkpoints_free(struct checkpoints *c);
/* CALL_SAVE or CALL_GONE.  Errors: of the frame. */
int checkpoints_frame(struct oracle *o, uint16_t type, struct span payload);
/* sigproxy came: the keys, then what the one before it left. */
void checkpoints_replay(struct oracle *o);
void checkpoints_stop(struct checkpoints *c);
int checkpoints_run(struct oracle *o, const struct job *job);
void checkpoints_refused(struct oracle *o, const struct job *job);
/* Inside a transaction: keep the key.  Errors: as store_run(). */
int checkpoints_chores(struct oracle *o);

/* ---- diverts.c ---- */
/* DIVERT_ASK.  Errors: of the frame. */
int divert_ask(struct oracle *o, struct span payload);
int divert_run(struct oracle *o, const struct job *job, struct buf *out);
void divert_refuse(const struct job *job, struct buf *out);

/* ---- referrals.c ---- */
/* REFER_ASK.  Errors: of the frame. */
int refer_ask(struct oracle *o, struct span payload);
int refer_run(struct oracle *o, const struct job *job, struct buf *out);
void refer_refuse(const struct job *job, struct buf *out);
/* CALL_AWAY.  Errors: of the frame. */
int away_note(struct oracle *o, struct span payload);
int away_run(struct oracle *o, const struct job *job);

/* ---- stops.c ---- */
struct stops *stops_new(struct oracle *o);
void stops_free(struct stops *s);
/* Each second: which calls are to end?  The table says which have to. */
void stops_look(struct stops *s);
int stops_run(struct oracle *o, const struct job *job, struct buf *out);
/* End this one, by this rule.  Errors: as queue_add(). */
int stops_end(struct oracle *o, uint64_t ticket, enum stop_why why,
    struct span rule);

/* ---- withdrawn.c ---- */
/* Look at running calls, after an admin's change and at start. */
void withdrawn_look(struct oracle *o, bool changed);
/* Inside a transaction, the same for registrations.  Gives: true for more. */
bool withdrawn_chores(struct oracle *o);
/* Inside a transaction: this subscriber has another password.  Errors: as
 * store_run(). */
int withdrawn_password(struct oracle *o, int64_t id, struct span number);

/* ---- emergency.c ---- */
/* The number that urn:service:sos... means here, into mem of URI_USER_MAX.
 * Errors: -ENOENT. */
int sos_number(struct oracle *o, struct span service, char *mem,
    struct span *out);
/* Is it one of [site] emergency or emergency_service, in the rules' form, or
 * one behind the prefix of national numbers or of a trunk (not if that is a
 * subscriber of ours)?  *out is without that, and form if it is none. */
bool sos_is_number(struct oracle *o, const struct plan *plan,
    struct span form, bool ours, struct span *out);
/* Does this INVITE ask for help, whoever sends it? */
bool sos_is_asked(struct oracle *o, const struct ipc_auth_ask *ask);
/* Is it asked without a password, as a phone of the office may for help? */
bool emergency_is(const struct ipc_auth_ask *ask);
/* The verdict: OK for an emergency number, STALE for any other. */
void emergency_ask(struct oracle *o, const struct ipc_auth_ask *ask,
    struct ipc_auth_say *say);

/* ---- drops.c ---- */
/* An answer of somebody on the internet was refused. */
void drops_refused(struct oracle *o, const struct addr *from);
int drops_run(struct oracle *o, const struct job *job);
/* Tell sigproxy the list: always, or if it changed. */
void drops_tell(struct oracle *o);
void drops_look(struct oracle *o, bool changed);

/* ---- homes.c ---- */
/* A place in the table of homes. */
struct home_walk {
	char address[ADDR_TEXT_MAX], transport[8];
	size_t address_len, transport_len;
};
int homes_run(struct oracle *o, const struct job *job);
/* Go on from a place, appending HOME_PACE of each; gives rows seen, or as
 * store_row(). */
int homes_walk(struct oracle *o, struct home_walk *at, int max,
    struct buf *out);
/* Inside a transaction: forget who was gone for long. */
int homes_chores(struct oracle *o);

/* ---- lost.c ---- */
#define LOST_TOLD_MAX 32	/* sigproxy has no room for more */
int lost_run(struct oracle *o, const struct job *job);
/* PHONE_LOST of each, the newest first.  Errors: as store_row(). */
int lost_put_all(struct oracle *o, struct buf *out);
/* Inside a transaction: forget who was lost long ago. */
int lost_chores(struct oracle *o);

/* ---- route.c ---- */
/* Look up what an authenticated request is for; fills say. */
void route(struct oracle *o, const struct ipc_auth_ask *ask,
    struct party_row *called, struct ipc_auth_say *say);

/* ---- watchers.c ---- */
struct watchers *watchers_new(struct oracle *o);
/* Read what was kept.  Errors: as store_row(). */
int watchers_load(struct oracle *o);
void watchers_free(struct watchers *w);
/* A SUBSCRIBE for this number: its ticket and what is shown, into say. */
enum verdict watchers_grant(struct oracle *o, const struct ipc_auth_ask *ask,
    struct span number, struct party_row *called, struct ipc_auth_say *say);
/* SUB_SAVE or SUB_GONE.  Errors: of the frame. */
int watchers_frame(struct oracle *o, uint16_t type, struct span payload);
/* sigproxy came; then until true: tell it some, mailboxes first. */
void watchers_begin(struct watchers *w);
/* By another connection: from the beginning. */
void watchers_again(struct watchers *w);
bool watchers_replay(struct watchers *w);
int watchers_run(struct oracle *o, const struct job *job);
void watchers_refused(struct oracle *o, const struct job *job);
/* An admin changed something: end what may not be any more. */
void watchers_recheck(struct watchers *w);
/* End all of this subscriber's: who knows the password may ask anew. */
void watchers_ask_anew(struct watchers *w, struct span by);
uint32_t watchers_count(const struct watchers *w);

/* ---- mailboxes.c ---- */
struct mailboxes *mailboxes_new(void);
int mailboxes_load(struct oracle *o);
void mailboxes_free(struct mailboxes *m);
/* Does this subscriber's word count? */
bool mailbox_may_say(struct oracle *o, struct span number);
/* MWI_SAVE.  Errors: of the frame. */
int mailbox_save(struct oracle *o, struct span payload);
int mailbox_run(struct oracle *o, const struct job *job);
/* All of them, as MWI_RESTORE. */
void mailboxes_put(struct oracle *o, struct buf *b);
void mailboxes_recheck(struct oracle *o);

/* ---- flows.c ---- */
struct flows *flows_new(struct oracle *o);
void flows_free(struct flows *f);
/* sigproxy came: tell it all flows, a few at a time. */
void flows_replay(struct flows *f);
void flows_stop(struct flows *f);
/* Inside a transaction: say FLOW_GONE unless a binding uses it. */
int flows_tell_gone(struct oracle *o, const struct ipc_flow *flow,
    enum gone_why why, struct buf *out);
/* CONN_GONE, inside a transaction. */
int flows_conn_gone(struct oracle *o, const struct job *job);
/* sigproxy came; should it be another one, all connections are gone.  Before
 * anything that it asks. */
void flows_came(struct oracle *o);
int flows_streams_gone(struct oracle *o, const struct job *job);

/* ---- watch.c ---- */
struct watch *watch_new(struct oracle *o);
void watch_free(struct watch *w);
bool watch_chores(struct watch *w, struct buf *out);
/* What the chores did is on disk, or undone. */
void watch_settled(struct watch *w, bool stored);

/* ---- credentials.c ---- */
/* Name subscribers whose password was sealed for another realm, and see
 * whether the key is the right one.  At start and for --check.
 * Gives: 0, or 1 when it named a subscriber.
 * Errors: -EKEYREJECTED it opens nothing: better no answer than a wrong one,
 * since a phone that is told 403 gives up. */
int watch_credentials(struct store *store, const struct secret *key,
    struct span realm);

/* ---- peer_admin.c ---- */
/* How it is, as one JSON object; an empty one when json has no room. */
void admin_status(struct oracle *o, struct buf *json);
int admin_frame(struct oracle *o, struct door *from, uint16_t type,
    struct span payload);

/* ---- policy_admin.c ---- */
/* POLICY_ASK.  Errors: of the frame. */
int policy_admin(struct oracle *o, struct door *from, struct span payload);

#endif
