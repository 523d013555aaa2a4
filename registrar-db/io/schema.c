#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/io/log.h"
#include "registrar-db/io/schema.h"
#include "registrar-db/stmts.h"

/* Made at build from schema/NNNN.sql: one text for each number, and what all
 * of them come to. */
extern const char *const schema_texts[SCHEMA_NUMBER];
extern const char schema_whole[];

sqlite3 *
schema_shipped(void)
{
	sqlite3 *db = NULL;
	int rc;

	rc = sqlite3_open_v2(":memory:", &db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
		SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, schema_whole, NULL, NULL, NULL);
	if (rc != SQLITE_OK) {
		sqlite3_close(db);
		return NULL;
	}
	return db;
}

static int
one_int(sqlite3 *db, const char *sql, int *out)
{
	sqlite3_stmt *q = NULL;
	int rc;

	rc = sqlite3_prepare_v2(db, sql, -1, &q, NULL);
	if (rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
		*out = sqlite3_column_int(q, 0);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(q);
	if (rc == SQLITE_OK)
		return 0;
	return rc == SQLITE_BUSY ? -EBUSY : -EIO;
}

static void
say_wrong(const char *event, const char *why, int number)
{
	log_begin(LOG_ERROR_, event);
	log_u64("schema", (uint64_t)number);
	log_u64("ours", SCHEMA_NUMBER);
	log_str("why", why);
	log_end();
}

/* A pragma takes no parameter. */
#define STAMP_TEXT_(number) "PRAGMA user_version = " #number
#define STAMP_TEXT(number) STAMP_TEXT_(number)
#define STAMP STAMP_TEXT(SCHEMA_NUMBER)

/* All or nothing; a new database is made at once. */
static int
run_steps(sqlite3 *db, int from)
{
	int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (rc == SQLITE_OK && from == 0)
		rc = sqlite3_exec(db, schema_whole, NULL, NULL, NULL);
	for (int i = from; from > 0 && i < SCHEMA_NUMBER && rc == SQLITE_OK;
	    i++)
		rc = sqlite3_exec(db, schema_texts[i], NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, STAMP, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		return 0;
	log_begin(LOG_ERROR_, "schema-not-made");
	log_str("sqlite", sqlite3_errmsg(db));
	log_end();
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return rc == SQLITE_BUSY ? -EBUSY : -EIO;
}

int
schema_migrate(sqlite3 *db)
{
	int number = 0, tables = 0, err;

	err = one_int(db, "PRAGMA user_version", &number);
	if (err == 0)
		err = one_int(db, SCHEMA_TABLES, &tables);
	if (err)
		return err;
	if (number > SCHEMA_NUMBER || number < 0) {
		say_wrong("schema-newer", "a newer Postern made this database; "
			  "start that one, or restore an older backup",
		    number);
		return -EINVAL;
	}
	if (number == 0 && tables > 0) {
		say_wrong("schema-foreign", "this database was not made by "
			  "Postern; name another file in [store] path",
		    number);
		return -EINVAL;
	}
	return number == SCHEMA_NUMBER ? 0 : run_steps(db, number);
}

/* ---- comparing ---- */

static void
name_it(enum log_level level, const char *event, sqlite3_stmt *q,
    const char *remedy)
{
	log_begin(level, event);
	log_span("type", span_str((const char *)sqlite3_column_text(q, 0)));
	log_span("name", span_str((const char *)sqlite3_column_text(q, 1)));
	log_span("on", span_str((const char *)sqlite3_column_text(q, 2)));
	log_str("remedy", remedy);
	log_end();
}

static int
foreign(sqlite3_stmt *q)
{
	const char *type = (const char *)sqlite3_column_text(q, 0);

	if (type == NULL || strcmp(type, "trigger") != 0) {
		name_it(LOG_WARN_, "schema-foreign", q,
		    "not ours, not used; DROP it if nobody knows it");
		return 0;
	}
	name_it(LOG_ERROR_, "schema-foreign", q,
	    "not ours; nothing is written until it is gone: DROP TRIGGER it");
	return -EPERM;
}

static int
compare_text(sqlite3_stmt *a, sqlite3_stmt *b, int column)
{
	const char *x = (const char *)sqlite3_column_text(a, column);
	const char *y = (const char *)sqlite3_column_text(b, column);

	return strcmp(x == NULL ? "" : x, y == NULL ? "" : y);
}

/* Both lists are in the same order: walk them together. */
static int
walk(sqlite3_stmt *got, sqlite3_stmt *want)
{
	int g = sqlite3_step(got), w = sqlite3_step(want), err = 0, order;

	while (g == SQLITE_ROW || w == SQLITE_ROW) {
		if (g != SQLITE_ROW)
			order = 1;
		else if (w != SQLITE_ROW)
			order = -1;
		else if ((order = compare_text(got, want, 1)) == 0)
			order = compare_text(got, want, 0);
		if (order < 0 && foreign(got) != 0)
			err = -EPERM;
		if (order > 0) {
			name_it(LOG_ERROR_, "schema-missing", want,
			    "restore a backup");
			err = -EPERM;
		}
		if (order == 0 && compare_text(got, want, 3) != 0) {
			name_it(LOG_ERROR_, "schema-changed", got,
			    "it is not as shipped; restore a backup");
			err = -EPERM;
		}
		if (order <= 0)
			g = sqlite3_step(got);
		if (order >= 0)
			w = sqlite3_step(want);
	}
	if (g == SQLITE_BUSY)
		return -EBUSY;
	return g == SQLITE_DONE && w == SQLITE_DONE ? err : -EIO;
}

int
schema_compare(sqlite3 *db, sqlite3 *shipped)
{
	sqlite3_stmt *got = NULL, *want = NULL;
	int err = -EIO;

	if (sqlite3_prepare_v2(db, SCHEMA_LIST, -1, &got, NULL) == SQLITE_OK &&
	    sqlite3_prepare_v2(shipped, SCHEMA_LIST, -1, &want, NULL) ==
		SQLITE_OK)
		err = walk(got, want);
	sqlite3_finalize(got);
	sqlite3_finalize(want);
	return err;
}
