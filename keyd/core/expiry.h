/*
 * When to warn of a certificate that ends: at start, then each day, and as
 * soon as 30, 7 or 1 days are left.
 */
#ifndef KEYD_CORE_EXPIRY_H
#define KEYD_CORE_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

enum expiry_level {
	EXPIRY_FAR,		/* more than 30 days */
	EXPIRY_MONTH,
	EXPIRY_WEEK,
	EXPIRY_DAY,
	EXPIRY_OVER,
};

struct expiry {
	enum expiry_level level;
	int64_t said_s;		/* 0: never */
};

enum expiry_level expiry_level(int64_t until_s, int64_t now_s);

/* Is it to be said now?  Then it counts as said.  Asked at least hourly; a
 * clock that is put back says it anew. */
bool expiry_due(struct expiry *e, int64_t until_s, int64_t now_s);

#endif
