/* Rows for people: aligned columns, safe for a terminal. */
#ifndef POSTERN_TABLE_H
#define POSTERN_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "common/base/span.h"

#define TABLE_COLUMNS_MAX 48

/*
 * Print a JSON array of flat objects, all with the members of the first one,
 * as a table with a head; nothing at all for an empty one.
 *
 * Gives:   the number of rows; -EBADMSG it is no such array.
 */
int table_print(FILE *to, struct span rows);

/*
 * Print what store_ask() gave: as it is with json, else as a table, or `none`
 * where there is no row.
 *
 * Gives:   the command's exit code; what is wrong was said.
 */
int table_show(const char *said, bool json, const char *none);

/* One object of such an array as lines of "key  value". */
void table_print_one(FILE *to, struct span object);

/*
 * Print the inside of a JSON string.  What could move the cursor, reorder
 * text or hide in it is written as `?`; letters of any script stay.
 *
 * Gives:   how many columns it takes; to may be NULL to know just that.
 */
unsigned table_text(FILE *to, struct span inside);

#endif
