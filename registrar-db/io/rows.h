/*
 * Rows of the store as structs.  What a row says is checked like bytes from
 * a network: an admin, or whoever wrote the file, may have put anything in.
 */
#ifndef REGDB_IO_ROWS_H
#define REGDB_IO_ROWS_H

#include "registrar-db/core/binding.h"
#include "registrar-db/core/seal.h"
#include "registrar-db/io/store.h"

#define NUMBER_MAX 32
#define NAME_MAX_BYTES 64
#define CODECS_MAX_BYTES 120
#define USERNAME_MAX 64
#define REALM_MAX 128

struct party_row {
	char number[NUMBER_MAX], name[NAME_MAX_BYTES];
	char codecs[CODECS_MAX_BYTES];
	struct ipc_party party;		/* looks at the above */
	bool enabled;
};

struct account_row {
	int64_t id;
	bool enabled, internet;
	char username[USERNAME_MAX], realm[REALM_MAX];
	size_t username_len, realm_len;
	struct party_row who;
	enum digest_alg least;
	uint8_t sealed[SEALED_MAX];
	size_t sealed_len;
};

/* Bindings with the text they look at. */
struct binding_rows {
	struct binding_set set;
	size_t used;
	char text[BINDING_MAX * (512 + 128 + 256 + 128)];
};

/*
 * Find a username.
 *
 * Gives:   its id; or -1 and no error when there is none.
 * Errors:  as store_row().
 */
int user_find(struct store *s, struct span username, int64_t *id_out);

/*
 * Read the subscriber with this id or the next higher one.
 *
 * Errors:  -ENOENT none; -EBADMSG a row we cannot use; as store_row().
 */
int account_read(struct store *s, int64_t id, enum digest_alg alg,
    struct account_row *out);

/* By number.  Errors: -ENOENT, -EBADMSG, as store_row(). */
int party_read(struct store *s, struct span number, struct party_row *out);

/* Bindings of a number not expired at wall_s, by ST_TARGETS (best first) or
 * ST_BINDINGS (by slot). */
int bindings_read(struct store *s, enum stmt by, struct span number,
    int64_t wall_s, struct binding_rows *out);

/* The binding in the row q stands on; spans lent until it steps.
 * Errors: -EBADMSG. */
int binding_column(sqlite3_stmt *q, struct binding *out,
    struct span *number_out);
/* The flow in five columns from `at` on.  Errors: -EBADMSG. */
int flow_column(sqlite3_stmt *q, int at, struct ipc_flow *out);

/* A place in the registration table. */
struct walk {
	char number[NUMBER_MAX];
	size_t number_len;
	unsigned slot;
};

/* Called for each binding; false stops before the next. */
typedef bool walk_cb(void *arg, const struct binding *b, struct span number);

/*
 * Go on through the table in key order, expired ones too, and move the place.
 *
 * Gives:   rows seen, at most max; 0 at the end.  Errors: as store_row().
 */
int bindings_walk(struct store *s, struct walk *at, int max, walk_cb *each,
    void *arg);

int binding_put(struct store *s, struct span number, const struct binding *b);
int binding_refresh(struct store *s, struct span number,
    const struct binding *b);
int binding_drop(struct store *s, struct span number, unsigned slot);
/* The connection that carried it closed. */
int binding_closed(struct store *s, const struct ipc_flow *f, int64_t wall_s);
/* 1 some binding uses this flow, 0 none, or an error. */
int flow_is_used(struct store *s, const struct ipc_flow *f);

#endif
