#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/clock.h"
#include "common/io/log.h"
#include "registrar-db/io/remedy.h"
#include "registrar-db/io/reserve.h"
#include "registrar-db/io/schema.h"
#include "registrar-db/io/store.h"

#define ERROR_MAX 160
/* 8 MiB of WAL: enough that a page changed often is moved once. */
#define CHECKPOINT_PAGES 2000
/* On a full disk: the WAL must stay what it is. */
#define CHECKPOINT_FULL_PAGES 64
/* A WAL this long is somebody's open transaction. */
#define WAL_ALARM_BYTES (64 * 1024 * 1024)
#define WAL_ALARM_MS 60000
#define RESERVE_RETRY_MS 30000

struct store {
	sqlite3 *db;
	bool reading;		/* inside store_read() */
	sqlite3 *shipped;	/* the schema as it should be, in memory */
	sqlite3_stmt *st[ST_COUNT];
	int lock_fd;		/* the directory: one registrar-db at a time */
	int64_t data_version, schema_version;
	bool foreign;		/* the schema is not one we run */
	char error[ERROR_MAX];
	struct mono error_at;	/* logged at most once a second */
	int wal_pages;
	int wal_seen_pages;	/* at the last commit */
	int page_size;
	bool wal_alarm;
	struct mono wal_alarm_at;	/* said again then */
	struct reserve reserve;
	struct mono reserve_at;	/* next attempt to take it back */
};

static const struct {
	const char *sql;
	bool writes;
} stmts[ST_COUNT] = {
#define R false
#define W true
#define STMT_ROW(name, rw, text) [ST_##name] = { text, rw },
	STMTS(STMT_ROW)
#undef R
#undef W
};

/* ---- errors ---- */

static int
to_errno(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

/* The disk is full: give up the reserve, once, so that the next attempt has
 * room. */
static void
on_full(struct store *s)
{
	if (!reserve_release(&s->reserve))
		return;
	s->reserve_at = mono_add_ms(clock_mono(), RESERVE_RETRY_MS);
	log_begin(LOG_ERROR_, "disk-full");
	log_str("reserve", "given up; phones go on for now");
	log_str("remedy", remedy_for(SQLITE_FULL));
	log_end();
}

/* Remember and log what is not merely busy; the same thing once a second. */
static int
fail(struct store *s, int rc)
{
	const char *what = sqlite3_errmsg(s->db);
	struct mono now = clock_mono();
	int err = to_errno(rc);

	if (err == 0 || err == -EBUSY)
		return err;
	if (err == -ENOSPC)
		on_full(s);
	if (strncmp(s->error, what, sizeof(s->error) - 1) == 0 &&
	    !mono_due(s->error_at, now))
		return err;
	s->error_at = mono_add_ms(now, 1000);
	snprintf(s->error, sizeof(s->error), "%s", what);
	log_begin(LOG_ERROR_, "store-failed");
	log_str("sqlite", s->error);
	log_err("why", err);
	log_str("remedy", remedy_for(rc));
	log_end();
	return err;
}

const char *
store_last_error(const struct store *s)
{
	return s->error;
}

int
store_schema_number(const struct store *s)
{
	return SCHEMA_NUMBER;
}

/* ---- opening ---- */

/*
 * The pragmas stand here because they are how the file is used, not what is
 * asked of it.  DEFENSIVE: no writing to the schema table or to raw pages.
 * TRUSTED_SCHEMA off: nothing in the file can call what has side effects.
 */
static int
connect_to(const char *path, int flags, sqlite3 **out)
{
	static const char setup[] = "PRAGMA synchronous = FULL;"
				    "PRAGMA temp_store = MEMORY;"
				    "PRAGMA mmap_size = 0;"
				    "PRAGMA secure_delete = ON;"
				    "PRAGMA recursive_triggers = OFF;"
				    "PRAGMA wal_autocheckpoint = 0;"
				    "PRAGMA journal_size_limit = 16777216;"
				    "PRAGMA cache_size = -16384;";
	sqlite3 *db = NULL;
	int rc;

	rc = sqlite3_open_v2(path, &db,
	    flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(db, 0);
		sqlite3_extended_result_codes(db, 1);
		sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
		sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0,
		    NULL);
		sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0,
		    NULL);
		rc = sqlite3_exec(db, setup, NULL, NULL, NULL);
	}
	if (rc != SQLITE_OK) {
		log_begin(LOG_ERROR_, "store-not-opened");
		log_str("path", path);
		log_str("sqlite", db == NULL ? "no memory" :
						sqlite3_errmsg(db));
		log_str("remedy", remedy_for(rc));
		log_end();
		sqlite3_close(db);
		return to_errno(rc);
	}
	*out = db;
	return 0;
}

static int
lock_directory(struct store *s, const char *path)
{
	char dir[4096];
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);

	if (len >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(dir, len == 0 ? "." : path, len == 0 ? 1 : len);
	dir[len == 0 ? 1 : len] = '\0';
	s->lock_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->lock_fd < 0)
		return -errno;
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	log_begin(LOG_ERROR_, "store-in-use");
	log_str("directory", dir);
	log_str("why", "another registrar-db runs here");
	log_end();
	return -EBUSY;
}

static int
open_file(struct store *s, const char *path, bool look_only)
{
	int flags = look_only ? SQLITE_OPEN_READONLY :
				SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	int err;

	if (!look_only) {
		err = lock_directory(s, path);
		if (err)
			return err;
	}
	umask(077);
	err = look_only ? 0 : reserve_open(&s->reserve, path);
	if (err)
		return err;
	err = connect_to(path, flags, &s->db);
	if (err == 0 && !look_only &&
	    sqlite3_exec(s->db, "PRAGMA journal_mode = WAL", NULL, NULL,
		NULL) != SQLITE_OK)
		err = fail(s, sqlite3_extended_errcode(s->db));
	if (err == 0 && !look_only)
		err = schema_migrate(s->db);
	return err;
}

static int
on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct store *s = arg;

	s->wal_pages = s->wal_seen_pages = pages;
	return SQLITE_OK;
}

static int
prepare(struct store *s)
{
	for (int i = 0; i < ST_COUNT; i++) {
		int rc = sqlite3_prepare_v3(s->db, stmts[i].sql, -1,
		    SQLITE_PREPARE_PERSISTENT, &s->st[i], NULL);

		if (rc != SQLITE_OK)
			return fail(s, rc);
		assert(stmts[i].writes || sqlite3_stmt_readonly(s->st[i]));
	}
	return 0;
}

int
store_open(const char *path, bool look_only, struct store **out)
{
	struct store *s = calloc(1, sizeof(*s));
	int err;

	if (s == NULL)
		return -ENOMEM;
	s->lock_fd = -1;
	s->reserve.fd = -1;
	s->shipped = schema_shipped();
	err = s->shipped == NULL ? -ENOMEM : open_file(s, path, look_only);
	if (err == 0)
		err = schema_compare(s->db, s->shipped);
	if (err == -EPERM)
		err = -EINVAL;
	if (err == 0)
		err = prepare(s);
	if (err == 0 && look_only)
		err = remedy_check(s->db);
	if (err) {
		store_close(s);
		return err;
	}
	sqlite3_wal_hook(s->db, on_wal, s);
	s->schema_version = store_number(s, ST_SCHEMA_VERSION, 0);
	s->data_version = store_number(s, ST_DATA_VERSION, 0);
	s->page_size = (int)store_number(s, ST_PAGE_SIZE, 4096);
	*out = s;
	return 0;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	for (int i = 0; i < ST_COUNT; i++)
		sqlite3_finalize(s->st[i]);
	sqlite3_close(s->db);
	sqlite3_close(s->shipped);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	reserve_close(&s->reserve);
	free(s);
}

/* ---- statements ---- */

sqlite3_stmt *
store_use(struct store *s, enum stmt id)
{
	sqlite3_reset(s->st[id]);
	return s->st[id];
}

void
store_done(sqlite3_stmt *q)
{
	sqlite3_reset(q);
}

int
store_row(struct store *s, sqlite3_stmt *q)
{
	int rc = sqlite3_step(q), err;

	if (rc == SQLITE_ROW)
		return 1;
	err = rc == SQLITE_DONE ? 0 : fail(s, rc);
	sqlite3_reset(q);
	return err;
}

int
store_run(struct store *s, sqlite3_stmt *q)
{
	int err = store_row(s, q);

	sqlite3_reset(q);
	return err < 0 ? err : 0;
}

int64_t
store_number(struct store *s, enum stmt id, int64_t fallback)
{
	sqlite3_stmt *q = store_use(s, id);
	int64_t v = fallback;

	if (store_row(s, q) == 1)
		v = sqlite3_column_int64(q, 0);
	store_done(q);
	return v;
}

void
sql_text(sqlite3_stmt *q, int at, struct span s)
{
	sqlite3_bind_text(q, at, s.len == 0 ? "" : s.p, (int)s.len,
	    SQLITE_STATIC);
}

void
sql_blob(sqlite3_stmt *q, int at, struct span s)
{
	sqlite3_bind_blob(q, at, s.p, (int)s.len, SQLITE_STATIC);
}

void
sql_int(sqlite3_stmt *q, int at, int64_t v)
{
	sqlite3_bind_int64(q, at, v);
}

struct span
sql_column(sqlite3_stmt *q, int at)
{
	const void *p = sqlite3_column_blob(q, at);
	int len = sqlite3_column_bytes(q, at);

	return p == NULL ? SPAN_NONE : span_make(p, (size_t)len);
}

/* ---- transactions ---- */

int
store_check_schema(struct store *s)
{
	int64_t version = store_number(s, ST_SCHEMA_VERSION, -1);
	int err;

	if (version < 0)
		return -EBUSY;
	if (version == s->schema_version)
		return s->foreign ? -EPERM : 0;
	err = schema_compare(s->db, s->shipped);
	if (err != 0 && err != -EPERM)
		return err;
	if (s->foreign && err == 0) {
		log_begin(LOG_INFO_, "schema-right-again");
		log_end();
	}
	s->foreign = err != 0;
	s->schema_version = version;
	if (s->foreign)
		snprintf(s->error, sizeof(s->error),
		    "the schema was changed; see the log");
	return err;
}

void
store_read(struct store *s)
{
	if (!s->reading && !store_in_transaction(s))
		s->reading = store_run(s, store_use(s, ST_READ)) == 0;
}

void
store_read_end(struct store *s)
{
	if (s->reading)
		store_run(s, store_use(s, ST_COMMIT));
	s->reading = false;
}

/* Was the file moved, deleted or replaced under us?  What is written then is
 * gone at the next start, so nothing is. */
static bool
is_moved(struct store *s)
{
	static const char what[] = "the database file was moved or replaced";
	int moved = 0;

	sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
	if (moved == 0) {
		if (strcmp(s->error, what) == 0)
			s->error[0] = '\0';
		return false;
	}
	if (strcmp(s->error, what) == 0 &&
	    !mono_due(s->error_at, clock_mono()))
		return true;
	s->error_at = mono_add_ms(clock_mono(), 10000);
	snprintf(s->error, sizeof(s->error), "%s", what);
	log_begin(LOG_ERROR_, "store-replaced");
	log_str("why", what);
	log_str("remedy", "nothing is stored until it is put back or "
			  "registrar-db is restarted; to restore a backup in "
			  "place see docs/store.md");
	log_end();
	return true;
}

int
store_begin(struct store *s)
{
	int err;

	store_read_end(s);
	if (is_moved(s))
		return -ESTALE;
	err = store_run(s, store_use(s, ST_BEGIN));
	if (err)
		return err;
	/* Nobody can change it now; was it changed before? */
	err = store_check_schema(s);
	if (err)
		store_rollback(s);
	return err;
}

int
store_commit(struct store *s)
{
	int err = store_run(s, store_use(s, ST_COMMIT));

	if (err)
		store_rollback(s);
	return err;
}

void
store_rollback(struct store *s)
{
	if (!sqlite3_get_autocommit(s->db))
		store_run(s, store_use(s, ST_ROLLBACK));
}

bool
store_in_transaction(const struct store *s)
{
	return !sqlite3_get_autocommit(s->db);
}

bool
store_is_changed(struct store *s)
{
	int64_t version = store_number(s, ST_DATA_VERSION, s->data_version);
	bool changed = version != s->data_version;

	s->data_version = version;
	return changed;
}

int
store_truncate_wal(struct store *s)
{
	return to_errno(sqlite3_wal_checkpoint_v2(s->db, NULL,
	    SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
}

int64_t
store_wal_bytes(const struct store *s)
{
	return (int64_t)s->wal_seen_pages * s->page_size;
}

bool
store_wal_is_long(const struct store *s)
{
	return s->wal_alarm;
}

/* Nothing here can shorten it while somebody reads from it: say so. */
static void
watch_wal(struct store *s)
{
	bool is_long = store_wal_bytes(s) >= WAL_ALARM_BYTES;
	struct mono now = clock_mono();

	if (is_long == s->wal_alarm &&
	    (!is_long || !mono_due(s->wal_alarm_at, now)))
		return;
	s->wal_alarm = is_long;
	s->wal_alarm_at = mono_add_ms(now, WAL_ALARM_MS);
	log_begin(is_long ? LOG_WARN_ : LOG_INFO_,
	    is_long ? "wal-grows" : "wal-short-again");
	log_u64("bytes", (uint64_t)store_wal_bytes(s));
	if (is_long)
		log_str("remedy", "somebody holds the database open in a "
				  "transaction: end that sqlite3 session "
				  "(fuser FILE names it)");
	log_end();
}

void
store_look_after(struct store *s)
{
	struct mono now = clock_mono();

	watch_wal(s);
	if (s->reserve.held || !mono_due(s->reserve_at, now))
		return;
	s->reserve_at = mono_add_ms(now, RESERVE_RETRY_MS);
	if (!reserve_take(&s->reserve))
		return;
	log_begin(LOG_INFO_, "disk-has-room-again");
	log_end();
}

void
store_checkpoint(struct store *s)
{
	int most = s->reserve.held ? CHECKPOINT_PAGES : CHECKPOINT_FULL_PAGES;

	if (s->wal_pages < most)
		return;
	s->wal_pages = 0;
	sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL,
	    NULL);
}
