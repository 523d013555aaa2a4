/*
 * Commands that add, list and delete rows of one table: what an admin would
 * otherwise type as SQL.  Each is a description; the rules are the table's own,
 * whose words are shown.
 */
#ifndef POSTERN_ROWS_H
#define POSTERN_ROWS_H

#include "postern/store.h"

#define ROWS_PLACES 3
#define ROWS_COLUMNS 10

struct rows {
	const char *word, *table;	/* of the command; of the store */
	const char *place[ROWS_PLACES + 1];	/* columns by position */
	const char *column[ROWS_COLUMNS + 1];	/* as COLUMN=VALUE */
	/* Those with a number or nothing: ",a,b,"; of cost_... with parts. */
	const char *numeric;
	const char *key[ROWS_PLACES + 1];	/* what del wants */
	const char *list;	/* SELECT ..., without its end */
	const char *filter, *order;	/* columns */
	const char *twin;	/* SQL before an INSERT: refuses a second one,
				   or one that means nothing */
	bool told;		/* an id, when one is added */
	bool password;		/* one line of standard input */
	const char *usage, *none, *no_such;
};

/*
 * add, list or del, as the command line says.
 *
 * Gives:   the command's exit code.
 */
int rows_run(const struct rows *t, const struct cmd_opts *o);

#endif
