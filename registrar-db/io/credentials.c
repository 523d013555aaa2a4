/* At start: do the stored credentials fit this realm and this key? */
#include <errno.h>

#include "common/io/log.h"
#include "registrar-db/io/oracle.h"

static bool
opens(const struct secret *key, const struct account_row *row)
{
	char ha1[DIGEST_HEX_MAX];
	struct seal_for who = { row->id,
		span_make(row->username, row->username_len),
		span_make(row->realm, row->realm_len), DIGEST_MD5 };
	int err =
	    seal_open(key, &who, span_make(row->sealed, row->sealed_len), ha1);

	secret_wipe(ha1, sizeof(ha1));
	return err == 0;
}

/* Does it open one credential at least, or is there none? */
static bool
key_fits(struct store *store, const struct secret *key)
{
	static struct account_row row;
	sqlite3_stmt *q = store_use(store, ST_SEALED_IDS);
	bool any = false, fits = false;

	while (!fits && store_row(store, q) == 1) {
		any = true;
		fits = account_read(store, sqlite3_column_int64(q, 0),
			   DIGEST_MD5, &row) == 0 &&
		       opens(key, &row);
	}
	store_done(q);
	return fits || !any;
}

int
watch_credentials(
    struct store *store, const struct secret *key, struct span realm)
{
	sqlite3_stmt *q = store_use(store, ST_OTHER_REALM);
	int named = 0;

	sql_text(q, 1, realm);
	while (store_row(store, q) == 1) {
		named = 1;
		log_begin(LOG_ERROR_, "password-of-another-realm");
		log_span("number", sql_column(q, 0));
		log_span("realm", realm);
		log_str("remedy", "set [site] realm back, or give a new "
				  "password: UPDATE subscriber SET password = "
				  "... WHERE number = ...");
		log_end();
	}
	store_done(q);
	if (key_fits(store, key))
		return named;
	log_begin(LOG_ERROR_, "key-does-not-fit");
	log_str("remedy", "[store] key is not the one that sealed the "
			  "passwords: restore it; or give every subscriber a "
			  "new password: UPDATE subscriber SET password = ... "
			  "WHERE number = ...");
	log_end();
	return -EKEYREJECTED;
}
