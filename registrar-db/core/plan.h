/*
 * The office's dial plan: one form for every way to write a number, and which
 * kind of number that is.
 *
 * Whoever may not call 0900 must not reach it as +49900, 0049900, 0-900,
 * +49 (0) 900 or %30900 either: so all rules are asked about the one form
 * that plan_number() gives, and only that form may ever go to a trunk.  The
 * patterns of the number_class table go through the same mill.
 *
 * Pure.
 */
#ifndef REGDB_CORE_PLAN_H
#define REGDB_CORE_PLAN_H

#include "common/base/span.h"

#define PLAN_NUMBER_MAX 32
/* Up to so many digits are dialled as they are: extensions, 112. */
#define PLAN_SHORT_MAX 6
/* ITU-T E.164 6: digits behind the '+'. */
#define PLAN_GLOBAL_MAX 15

/* What is dialled in front of a number here.  Digits; all may be empty. */
struct plan {
	struct span country;		/* "49" */
	struct span area;		/* "30" */
	struct span international;	/* "00" */
	struct span national;		/* "0" */
};

/*
 * The one form of a number: +COUNTRY... for whatever is known to lie in the
 * world's plan, else what was dialled: a short number, one with '*' or '#',
 * and, if no country is set, a national one.
 *
 * Takes:   dialled  unescaped.  Separators "-.()/ " do not count.
 *          mem      PLAN_NUMBER_MAX bytes that the result lies in.
 * Errors:  -EBADMSG  no telephone number: letters, '+' elsewhere than in
 *                    front, +0, more than 15 digits behind '+', nothing.
 */
int plan_number(const struct plan *p, struct span dialled,
    char mem[PLAN_NUMBER_MAX], struct span *out);

enum number_kind {
	NUMBER_NONE = 0,	/* no pattern fits */
	NUMBER_INTERNAL,
	NUMBER_NATIONAL,
	NUMBER_INTERNATIONAL,
	NUMBER_PREMIUM,
	NUMBER_SATELLITE,
	NUMBER_EMERGENCY,
	NUMBER_FORBIDDEN,	/* nobody's */
};
#define NUMBER_KINDS (NUMBER_FORBIDDEN + 1)

/* "premium"; "" for NUMBER_NONE. */
const char *number_kind_name(enum number_kind kind);
/* NUMBER_NONE for a word that is none of these. */
enum number_kind number_kind_of(struct span name);

/* A row of number_class. */
struct pattern {
	char form[PLAN_NUMBER_MAX];	/* as plan_number(), with X */
	char typed[PLAN_NUMBER_MAX];	/* as the admin has it */
	uint8_t form_len, typed_len;
	uint8_t literals;		/* characters that are not X */
	bool open;			/* more may follow */
	enum number_kind kind;
	uint32_t cost;			/* a minute, in 1/10000 */
};

/*
 * Read a pattern: a number written in any way that can be dialled, X for any
 * digit, and '%' behind it when more may follow.
 *
 * Errors:  -EBADMSG.
 */
int pattern_read(const struct plan *p, struct span typed, struct pattern *out);

/*
 * The pattern that fits a number and says most about it: the one with most
 * characters that are not X, then the longest, then one without '%'; the first
 * of equals.  '*' and '#' are fitted by themselves alone.
 *
 * Takes:   number  from plan_number().
 * Gives:   NULL: none.
 */
const struct pattern *pattern_find(const struct pattern *all, size_t n,
    struct span number);

/*
 * The same, and a short number, "090012", is meant by what is said of numbers
 * of the country, "+49900%", too, and one of the country with as few digits,
 * "+4911833" or "011833", by what is said of short ones, "118%", if it is
 * more than national or less: it is the one that says more.  What is for help
 * is so alone where a row names all of it.
 */
const struct pattern *plan_find(const struct plan *p,
    const struct pattern *all, size_t n, struct span number);

/* Does it name this number and no other? */
bool pattern_is_exact(const struct pattern *p);

#endif
