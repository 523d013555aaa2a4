/*
 * The store, asked by the admin's command: by sqlite3 in safe mode, as the
 * store's own user.  Nothing of a hostile database file runs as root, and no
 * password stands in a command line.
 */
#ifndef POSTERN_STORE_H
#define POSTERN_STORE_H

#include "common/base/buf.h"
#include "common/io/conf.h"
#include "postern/cmd.h"

#define STORE_ANSWER_MAX (16u << 20)

/*
 * Read the configuration that o names.
 *
 * Errors:  1 after saying what is wrong.
 */
int store_conf(const struct cmd_opts *o, struct conf *out);

/*
 * Run SQL of ours, all of it or nothing.
 *
 * Takes:   sql  ends with a semicolon; values by store_quote().
 * Gives:   the rows as a JSON array, "" for none, in memory of the caller's
 *          to free; NULL after saying what is wrong.
 */
char *store_ask(const struct conf *c, struct span sql);
/* The same, and it may be too long. */
char *store_ask_buf(const struct conf *c, const struct buf *sql);

/*
 * Run what changes rows, to which is added what counts its rows.
 *
 * Errors:  1 after saying what is wrong, or `none` if there were none.
 */
int store_change(const struct conf *c, struct buf *sql, const char *none);

/*
 * The same for a command that has nothing else to tell: with json it says
 * {"done":true}.
 */
int store_change_said(const struct conf *c, bool json, struct buf *sql,
    const char *none);

/*
 * 'it''s': a value for SQL.
 *
 * Errors:  -EINVAL a control character: the value cannot be meant.
 */
int store_quote(struct buf *b, const char *text);
/* The same. Errors: 1 after saying what is wrong. */
int store_value(struct buf *b, const char *text);
/* Digits only, and with `parts` a point among them: "12", "1.50". */
bool store_is_number(const char *value, bool parts);

#endif
