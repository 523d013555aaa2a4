/*
 * Who may call what: the tables number_class, class_of_service, class_grant
 * and spent, asked of core/policy.c.
 */
#ifndef REGDB_IO_POLICY_H
#define REGDB_IO_POLICY_H

#include "registrar-db/core/policy.h"
#include "registrar-db/io/rows.h"

struct oracle;
struct policy;

#define POLICY_TEXT_MAX 64

/* What was decided about one number. */
struct decision {
	enum verdict verdict;	/* OK, DENIED, NOT_FOUND, BUSY */
	enum number_kind kind;
	uint32_t cost;		/* a minute, in 1/10000 */
	bool costs_caps;	/* it counts for the caller's caps */
	bool internet;
	bool granted;		/* it is about a call that counts already */
	size_t number_len, pattern_len, rule_len, why_len;
	char number[NUMBER_MAX];	/* what to look up and where to go */
	char pattern[PLAN_NUMBER_MAX];
	char rule[POLICY_TEXT_MAX], why[POLICY_TEXT_MAX];
	/* By which trunk it goes or came, by which of its rules, and the
	 * number there. */
	size_t trunk_len, route_len, sent_len;
	char trunk[POLICY_TEXT_MAX], route[48], sent[PLAN_NUMBER_MAX];
};

/* plan's spans are kept. */
struct policy *policy_new(struct oracle *o, const struct plan *plan);
void policy_free(struct policy *p);

/*
 * May `by` call this number, from the internet or the office?
 *
 * Takes:   dialled  as calls_number() gives it; empty for what is none.
 */
void policy_ask(struct policy *p, struct span by, bool internet,
    struct span dialled, struct decision *out);
/* The same about another form of the number of a call that is allowed, which
 * itself counts already. */
void policy_ask_form(struct policy *p, struct span by, bool internet,
    struct span dialled, struct decision *out);
/* The same number, as was decided in d, at a provider's: what only looks like
 * one of the office is a national one there. */
void policy_ask_outside(struct policy *p, struct span by,
    const struct decision *d, struct decision *out);
/* Does this phone's number have a device outside?  Then its word may come
 * from there. */
bool policy_is_outside(struct oracle *o, struct span number);

/* A call was granted that counts for its payer's caps, and its row is not
 * written yet; cost: of its first minute.  Errors: -ENOBUFS. */
int policy_granted(struct policy *p, uint64_t ticket, struct span payer,
    uint32_t cost);
/* It is, or will never be. */
void policy_written(struct policy *p, uint64_t ticket);

/* A call goes on: may it? */
struct running {
	enum number_kind kind;
	uint32_t cost;
	bool internet;
	struct span payer;
};
/* Gives: the reason to end it, its rule in `rule`; POLICY_BY_... none. */
enum policy_why policy_goes_on(struct policy *p, const struct running *call,
    struct buf *rule);

/* May this number's phone be where its request comes from?  Errors: as
 * store_row(). */
int policy_may_be_at(struct store *s, struct span number,
    const struct addr *at, bool *may_out);

/* Of the day that `wall_s` lies in, in the office's time. */
void policy_day(int64_t wall_s, char out[11]);

#endif
