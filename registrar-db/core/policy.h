/*
 * May this subscriber call a number of this kind, and may he go on?
 *
 * A class of service says which kinds may be called from the office and which
 * from the internet, when, and how much a day.  Grants add to it for a time.
 * What is not allowed is denied.  Emergency calls pass everything.
 *
 * Pure: who reads the tables and the clock is io/policy.c.
 */
#ifndef REGDB_CORE_POLICY_H
#define REGDB_CORE_POLICY_H

#include "registrar-db/core/plan.h"

#define POLICY_GRANTS_MAX 16
#define POLICY_NAME_MAX 32
#define POLICY_NO_CAP (-1)

/* Caps a day and at once; POLICY_NO_CAP: none, or as the class has it. */
struct caps {
	int64_t calls, minutes, cost;	/* cost in 1/10000 */
};

struct service {
	char name[POLICY_NAME_MAX];
	size_t name_len;
	unsigned office, internet;	/* bits: 1 << enum number_kind */
	uint16_t from, to;		/* minutes of the day; to may be less */
	uint8_t days;			/* bit 0 is Monday */
	struct caps caps;
};

struct grant {
	int64_t id;
	unsigned allows;		/* bits, as above */
	struct caps caps;
};

/* Of today, without emergency and internal calls. */
struct usage {
	int64_t calls;			/* running */
	int64_t seconds, cost;		/* cost in 1/10000 */
	int64_t ringing;		/* first minutes of calls that ring */
};

struct policy_ask {
	enum number_kind kind;
	uint32_t cost;			/* a minute, in 1/10000 */
	bool internet;			/* it is asked for from there */
	bool running;			/* may it go on? */
	unsigned weekday, minute;	/* local; 0 is Monday */
	struct service service;
	struct grant grants[POLICY_GRANTS_MAX];	/* valid now, for here */
	unsigned n_grants;
	struct usage usage;
};

enum policy_why {
	POLICY_BY_CLASS,	/* allowed, and by what */
	POLICY_BY_GRANT,
	POLICY_BY_EMERGENCY,
	POLICY_NO_NUMBER,	/* denied, and why: no pattern fits */
	POLICY_NO_RIGHT,
	POLICY_HOURS,
	POLICY_CALLS,
	POLICY_MINUTES,
	POLICY_COST,
};

struct policy_say {
	enum policy_why why;
	int64_t grant;		/* whose word it was; 0: the class's */
};

struct policy_say policy_decide(const struct policy_ask *ask);
static inline bool
policy_allows(enum policy_why why)
{
	return why <= POLICY_BY_EMERGENCY;
}

/*
 * A comma list of kinds as bits.  An unknown word allows nothing.
 *
 * Errors:  -EBADMSG one is unknown.
 */
int policy_kinds(struct span list, unsigned *bits_out);
/* "08:00-18:00" and "12345".  Errors: -EBADMSG. */
int policy_hours(struct span hours, struct span days, struct service *out);

/* What a call of so long costs: each minute that it began. */
int64_t policy_cost(int64_t seconds, uint32_t cost);

/*
 * In words for the phone and the record, and the rule's name: "class
 * national: internet", "grant 7: cost_day".  At most 64 bytes each.
 */
struct buf;
void policy_put_why(struct buf *b, const struct policy_ask *ask,
    enum policy_why why);
void policy_put_rule(struct buf *b, const struct policy_ask *ask,
    const struct policy_say *say);

#endif
