/*
 * The shipped schema: creating it, migrating to it, and comparing a file
 * with it, so that a planted trigger is named and never run.
 */
#ifndef REGDB_IO_SCHEMA_H
#define REGDB_IO_SCHEMA_H

#include <sqlite3.h>

#define SCHEMA_NUMBER 25

/* An in-memory database with exactly the shipped schema.  NULL: no memory. */
sqlite3 *schema_shipped(void);

/*
 * Bring an open file to SCHEMA_NUMBER, in one transaction.
 *
 * Errors:  -EINVAL it is newer than this program, or no store of ours
 *          (logged); -EBUSY, -EIO.
 */
int schema_migrate(sqlite3 *db);

/*
 * Compare.  Everything that differs is named in the log with the remedy.
 *
 * Errors:  -EPERM something is missing or changed, or there is a trigger of
 *          somebody else's: do not run.  Foreign tables, views and indexes
 *          are only named; nothing here touches them.
 */
int schema_compare(sqlite3 *db, sqlite3 *shipped);

#endif
