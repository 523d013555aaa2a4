#include <errno.h>
#include <string.h>

#include "common/io/log.h"
#include "registrar-db/io/remedy.h"

const char *
remedy_for(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return "make room on the disk of the database; until then "
		       "what needs room is refused";
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return "the database file is damaged: restore a backup";
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_READONLY:
		return "the database and its directory must belong to the "
		       "user of registrar-db: chown postern-db FILE; chmod "
		       "600 FILE";
	case SQLITE_IOERR:
		return "look at the disk (dmesg), then at the database: "
		       "postern check";
	default:
		return "see the SQLite message";
	}
}

int
remedy_check(sqlite3 *db)
{
	sqlite3_stmt *q = NULL;
	const char *said = NULL;
	bool ok;
	int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &q, NULL);

	if (rc == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
		said = (const char *)sqlite3_column_text(q, 0);
	ok = said != NULL && strcmp(said, "ok") == 0;
	if (!ok) {
		log_begin(LOG_ERROR_, "store-damaged");
		log_span("sqlite",
		    span_str(said == NULL ? sqlite3_errmsg(db) : said));
		log_str("remedy", remedy_for(SQLITE_CORRUPT));
		log_end();
	}
	sqlite3_finalize(q);
	return ok ? 0 : -EINVAL;
}
