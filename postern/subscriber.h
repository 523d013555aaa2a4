/* Where a subscriber may come from (allowed_from, docs/policy.md). */
#ifndef POSTERN_SUBSCRIBER_H
#define POSTERN_SUBSCRIBER_H

#include "postern/store.h"

/*
 * Takes:   places  addresses or ADDRESS/BITS with commas between them, in
 *                  place of those there are; or "anywhere".
 *
 * Errors:  1 after saying what is wrong.
 */
int subscriber_from(const struct conf *c, const char *number,
    const char *places);

#endif
