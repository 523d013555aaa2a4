/* What an admin does about an error of SQLite's; docs/store.md says more. */
#ifndef REGDB_IO_REMEDY_H
#define REGDB_IO_REMEDY_H

#include <sqlite3.h>

/* A sentence for a result code. */
const char *remedy_for(int rc);

/*
 * Read every page and every row, for --check; a start has no time for it.
 *
 * Errors:  -EINVAL damaged, or it cannot be read (logged, with the remedy).
 */
int remedy_check(sqlite3 *db);

#endif
