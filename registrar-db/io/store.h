/*
 * The SQLite file: one connection, every statement prepared, transactions.
 *
 * It never sleeps: while somebody else holds the write lock store_begin() is
 * -EBUSY and the caller's timer tries again; reading goes on meanwhile, as
 * it does in WAL mode.  A second connection for reading would give nothing
 * more, since no write transaction outlives a callback of the loop, and would
 * lose its page cache at each commit of the first (measured: twice the CPU
 * time for a REGISTER).
 */
#ifndef REGDB_IO_STORE_H
#define REGDB_IO_STORE_H

#include <sqlite3.h>

#include "common/base/span.h"
#include "registrar-db/stmts.h"

enum stmt {
#define STMT_ENUM(name, rw, sql) ST_##name,
	STMTS(STMT_ENUM) ST_COUNT
};

struct store;

/*
 * Open, create or migrate; check the schema; prepare.  What is wrong is
 * logged with the remedy.
 *
 * Takes:   look_only  change nothing (for --check); the file must exist.
 * Errors:  -EINVAL refused (newer, foreign or damaged schema), -EBUSY
 *          another process has it, -EIO, -ENOMEM.
 */
int store_open(const char *path, bool look_only, struct store **out);
void store_close(struct store *s);

/* A statement, reset, ready to bind and step; lent until its next use. */
sqlite3_stmt *store_use(struct store *s, enum stmt id);
/* Step a statement that gives no rows, and reset it.
 * Errors: -EBUSY, -ENOSPC, -EIO, -ENOMEM. */
int store_run(struct store *s, sqlite3_stmt *q);
/* Step; 1 a row, 0 no more (then it is reset), or an error as above. */
int store_row(struct store *s, sqlite3_stmt *q);
/* Ends the use of a statement: its snapshot, its borrowed spans. */
void store_done(sqlite3_stmt *q);
/* One number of a statement without parameters, or fallback. */
int64_t store_number(struct store *s, enum stmt id, int64_t fallback);

void sql_text(sqlite3_stmt *q, int at, struct span s);
void sql_blob(sqlite3_stmt *q, int at, struct span s);
void sql_int(sqlite3_stmt *q, int at, int64_t v);
/* Lent until the statement steps or resets; NULL is empty. */
struct span sql_column(sqlite3_stmt *q, int at);

/*
 * Read from one snapshot until store_read_end(): many statements, one lock.
 * Both are fine twice; store_begin() ends it too.
 */
void store_read(struct store *s);
void store_read_end(struct store *s);

/*
 * Take the write lock.
 *
 * Errors:  -EBUSY somebody else has it; -ESTALE the file was moved or
 *          replaced (logged); -EPERM the schema was changed under
 *          us to one we do not run (logged, named); others as store_run().
 */
int store_begin(struct store *s);
int store_commit(struct store *s);
void store_rollback(struct store *s);
bool store_in_transaction(const struct store *s);

/* Did another connection commit since the last call? */
bool store_is_changed(struct store *s);
/* Compare the schema again; 0, or -EPERM after naming what is foreign. */
int store_check_schema(struct store *s);

/*
 * Move everything from the WAL into the file and cut the WAL to nothing, so
 * that no old page is left.
 *
 * Errors:  -EBUSY a snapshot or writer of somebody else is in the way.
 */
int store_truncate_wal(struct store *s);
/* After a commit: once the WAL has grown, move what can be moved without
 * waiting for anybody. */
void store_checkpoint(struct store *s);

/* From time to time: warn of a WAL that somebody keeps from being cut, take
 * back the reserve that was given up on a full disk. */
void store_look_after(struct store *s);
int64_t store_wal_bytes(const struct store *s);
bool store_wal_is_long(const struct store *s);

/* The last thing that went wrong, for status; "" for none. */
const char *store_last_error(const struct store *s);
int store_schema_number(const struct store *s);

#endif
