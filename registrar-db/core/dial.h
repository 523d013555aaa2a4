/*
 * Numbers as a trunk writes them, which routes a number has, and whose number
 * one of the world outside is (docs/trunks.md).
 *
 * Only the one form that all rules are asked about (plan.h) is ever rewritten
 * for a trunk: what was dialled does not go there by itself.
 *
 * Pure.
 */
#ifndef REGDB_CORE_DIAL_H
#define REGDB_CORE_DIAL_H

#include "registrar-db/core/plan.h"

enum dial_form {
	DIAL_AS_IS,		/* as one dials here: 030123456, 0044... */
	DIAL_E164,		/* +4930123456 */
	DIAL_DIGITS,		/* 4930123456 */
	DIAL_NATIONAL,		/* as one dials where the trunk is */
};

/* DIAL_AS_IS for a word that is none. */
enum dial_form dial_form_of(struct span word);

/* What a trunk's numbers look like. */
struct dial {
	enum dial_form form;
	struct plan plan;	/* its country and area, the site's prefixes */
};

/*
 * Write a number for a trunk.
 *
 * Takes:   number   from plan_number() with the site's plan.
 *          strip    characters that go, after it was written.
 *          prepend  what then comes in front.
 *          mem      PLAN_NUMBER_MAX bytes that the result lies in.
 * Errors:  -EBADMSG nothing is left, or it is too long.
 */
int dial_write(const struct dial *d, struct span number, unsigned strip,
    struct span prepend, char mem[PLAN_NUMBER_MAX], struct span *out);

/* The one form of a number that a trunk wrote.  Errors: -EBADMSG none. */
int dial_read(const struct dial *d, struct span written,
    char mem[PLAN_NUMBER_MAX], struct span *out);

/*
 * The number of ours that a DID means: each X at the end of target is a digit
 * of the end of number.
 *
 * Errors:  -EBADMSG number is too short, or ends with no digits.
 */
int dial_target(struct span target, struct span number,
    char mem[PLAN_NUMBER_MAX], struct span *out);
/*
 * The other way: what number of ours has outside, by this pattern and target.
 *
 * Errors:  -ENOENT it is none of these.
 */
int dial_did_of(const struct pattern *p, struct span target,
    struct span number, char mem[PLAN_NUMBER_MAX], struct span *out);

/* A row of table route. */
struct dial_route {
	uint32_t id;		/* 0: a trunk's prefix */
	uint32_t trunk;
	uint32_t priority;	/* lower ones first */
	unsigned kinds;		/* bits: 1 << enum number_kind; 0: all */
	unsigned strip;
	struct pattern pattern;
	char prepend[PLAN_NUMBER_MAX], rights[PLAN_NUMBER_MAX];
	uint8_t prepend_len, rights_len;	/* rights: none, for all */
};

/* Is it for this number, of this kind, by a caller with these rights? */
bool dial_route_fits(const struct dial_route *r, struct span number,
    enum number_kind kind, struct span rights);
/* Below 0: a comes first. */
int dial_route_order(const struct dial_route *a, const struct dial_route *b);

#endif
