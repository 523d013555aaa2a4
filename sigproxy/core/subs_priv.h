/*
 * What the files of the subscription part share: subs.c (SUBSCRIBE),
 * subs_notify.c (NOTIFY and its pace), subs_doc.c (dialog-info),
 * subs_save.c (what outlives this process).
 */
#ifndef SIGPROXY_CORE_SUBS_PRIV_H
#define SIGPROXY_CORE_SUBS_PRIV_H

#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/subs.h"

#define SUB_VERSION 1		/* of the saved form */
#define SUB_EVENT_ID_MAX 32
#define SUB_BODY_MAX 4096
#define SUB_STEP 256		/* numbers of NOTIFYs reserved at once */
#define SUB_COUNT_MAX (INT32_MAX - 2 * SUB_STEP)
#define SUB_FAILS_MAX 3		/* NOTIFYs refused in a row */

struct sub {
	struct htab_node by_token, by_number;
	uint64_t id;		/* the oracle's ticket; 0: not in use */
	enum sub_event event;
	uint8_t show;		/* enum watch_show */
	TEXT(32) watcher;
	TEXT(32) number;	/* watched */
	TEXT(SUB_EVENT_ID_MAX) event_id;
	struct leg leg;		/* the watcher's dialog; of no call */
	char our_tag[TAG_LEN];
	/* NOTIFYs sent: the next has this version and CSeq count + 1.  Those
	 * below `reserved` may be used without saving first. */
	uint32_t count, reserved;
	struct mono expires;
	struct mono next;	/* not before */
	struct timer timer;
	struct ctxn *notify;	/* its answer is awaited */
	uint64_t told;		/* hash of the last body */
	bool wanted;		/* something may have changed */
	bool forced;		/* to be told even if nothing did */
	bool unsaved;
	bool listed;
	uint8_t fails;
	struct sub *prev, *next_listed;
};

struct subs {
	struct pool pool;
	struct htab by_token, by_number;
	struct sub *listed, *listed_tail;	/* to be looked at */
	struct timer timer;	/* more of them next time */
	uint32_t save_at;	/* pool index; pool.n: all are saved */
	uint64_t begun, ended, notifies, refused, restored;
};

/* How a subscription ends (RFC 6665 4.1.3). */
#define SUB_TIMEOUT "timeout"
#define SUB_REJECTED "rejected"
#define SUB_DEACTIVATED "deactivated"

/* ---- subs.c ---- */

/* Into the tables; watcher, number, event and token are set. */
void sub_enter(struct subs *s, struct sub *sub);
/* Say the last NOTIFY with this reason, then forget it. */
void sub_end(const struct ctx *x, struct sub *sub, const char *reason);
/* Forget it without a word. */
void sub_free(const struct ctx *x, struct sub *sub, const char *why);
struct sub *sub_find(const struct subs *s, struct span token);

/* ---- subs_notify.c ---- */

/* Look at it at the end of this event. */
void sub_want(struct subs *s, struct sub *sub, bool forced);
void sub_unlist(struct subs *s, struct sub *sub);
/* Timer: the next NOTIFY or the end. */
void sub_arm(struct edge *e, struct sub *sub);
/* The last one; nobody waits for its answer. */
void sub_notify_end(const struct ctx *x, struct sub *sub, const char *reason);

/* ---- subs_doc.c ---- */

/* application/dialog-info+xml, full state.  Errors: b's. */
void sub_put_dialogs(const struct edge *e, struct buf *b,
    const struct sub *sub, uint32_t version);

/* ---- subs_save.c ---- */

void sub_save(const struct ctx *x, struct sub *sub);
/* Those that could not be saved when they changed. */
void sub_save_rest(const struct ctx *x);

#endif
