#include "postern/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/secret.h"
#include "postern/json.h"
#include "postern/table.h"

#define SQL_MAX 8192
#define WORD_MAX 258

static int
misuse(const struct rows *t)
{
	fprintf(stderr, "%s\ncolumns:", t->usage);
	for (unsigned i = 0; t->column[i] != NULL; i++)
		fprintf(stderr, " %s", t->column[i]);
	fputs("\neach with [--json] [--config FILE | --state DIR]\n", stderr);
	return 2;
}

static unsigned
count(const char *const *words)
{
	unsigned n = 0;

	while (words[n] != NULL)
		n++;
	return n;
}

/* The value in COLUMN=VALUE; NULL: it is none of this table's. */
static const char *
value_of(const struct rows *t, const char *set, const char **column_out)
{
	for (unsigned i = 0; t->column[i] != NULL; i++) {
		size_t len = strlen(t->column[i]);

		if (strncmp(set, t->column[i], len) == 0 && set[len] == '=') {
			*column_out = t->column[i];
			return set + len + 1;
		}
	}
	return NULL;
}

static bool
is_numeric(const struct rows *t, const char *column)
{
	char word[64];

	snprintf(word, sizeof(word), ",%s,", column);
	return t->numeric != NULL && strstr(t->numeric, word) != NULL;
}

/* An empty number is NULL, as an empty end or class is. */
static int
put_set(struct buf *b, const struct rows *t, const char *set)
{
	const char *column, *value = value_of(t, set, &column);
	bool number, open;

	if (value == NULL)
		return misuse(t);
	number = is_numeric(t, column);
	open = number || strcmp(column, "ends") == 0 ||
	    strcmp(column, "rights") == 0;
	if (open && value[0] == '\0') {
		buf_puts(b, "NULL");
		return 0;
	}
	if (number && !store_is_number(value, strncmp(column, "cost_", 5) == 0))
		return cmd_fail("%s=%s: this is no number: 0 or more, without "
				"sign%s; %s= for none", column, value,
		    strncmp(column, "cost_", 5) == 0 ? ", as 12 or 1.50" : "",
		    column);
	if (number)
		buf_puts(b, "0 + ");
	return store_value(b, value);
}

/* ---- the commands ---- */

/* What is added is known by a number that nobody has typed. */
static int
tell_id(const struct rows *t, const struct conf *c, const struct cmd_opts *o,
    struct buf *b)
{
	uint64_t id = 0;
	struct span row;
	char *said;

	buf_puts(b, "; SELECT last_insert_rowid() AS id;");
	said = store_ask_buf(c, b);
	if (said == NULL)
		return 1;
	if (json_item(span_str(said), 0, &row))
		json_number(row, "id", &id);
	free(said);
	if (o->json)
		printf("{\"done\":true,\"id\":%llu}\n",
		    (unsigned long long)id);
	else
		printf("%s %llu; `postern %s del %llu` takes it away\n",
		    t->word, (unsigned long long)id, t->word,
		    (unsigned long long)id);
	return 0;
}

static void
put_columns(struct buf *b, const struct rows *t, const struct cmd_opts *o,
    int first)
{
	const char *column;

	buf_fmt(b, "INSERT INTO %s(", t->table);
	for (unsigned i = 0; t->place[i] != NULL; i++)
		buf_fmt(b, "%s%s", i > 0 ? ", " : "", t->place[i]);
	for (int i = first; i < o->n_rest; i++) {
		if (value_of(t, o->rest[i], &column) != NULL)
			buf_fmt(b, ", %s", column);
	}
	buf_puts(b, t->password ? ", password) VALUES (" : ") VALUES (");
}

static int
put_password(struct buf *b)
{
	char word[WORD_MAX];
	int rc;

	if (fgets(word, sizeof(word), stdin) == NULL || word[0] == '\n')
		return cmd_fail("no password came on standard input");
	word[strcspn(word, "\r\n")] = '\0';
	buf_puts(b, ", ");
	rc = store_value(b, word);
	secret_wipe(word, sizeof(word));
	return rc;
}

static int
add(const struct rows *t, const struct conf *c, const struct cmd_opts *o)
{
	int places = (int)count(t->place), first = 1 + places, rc = 0;
	char mem[SQL_MAX];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	if (t->twin != NULL)
		buf_puts(&b, t->twin);
	put_columns(&b, t, o, first);
	for (int i = 0; i < places && rc == 0; i++) {
		buf_puts(&b, i > 0 ? ", " : "");
		rc = store_value(&b, o->rest[1 + i]);
	}
	for (int i = first; i < o->n_rest && rc == 0; i++) {
		buf_puts(&b, ", ");
		rc = put_set(&b, t, o->rest[i]);
	}
	if (rc == 0 && t->password)
		rc = put_password(&b);
	buf_puts(&b, ")");
	if (rc == 0)
		rc = t->told ? tell_id(t, c, o, &b) :
		    store_change_said(c, o->json, &b, "nothing was changed");
	secret_wipe(mem, sizeof(mem));
	return rc;
}

static int
del(const struct rows *t, const struct conf *c, const struct cmd_opts *o)
{
	char mem[SQL_MAX];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_fmt(&b, "DELETE FROM %s WHERE ", t->table);
	for (unsigned i = 0; t->key[i] != NULL; i++) {
		buf_fmt(&b, "%s%s = ", i > 0 ? " AND " : "", t->key[i]);
		if (store_value(&b, o->rest[1 + i]) != 0)
			return 1;
	}
	return store_change_said(c, o->json, &b, t->no_such);
}

static int
list(const struct rows *t, const struct conf *c, const struct cmd_opts *o)
{
	char mem[SQL_MAX], none[WORD_MAX + 128], *said;
	struct buf b;
	int rc;

	snprintf(none, sizeof(none), "%s", t->none);
	if (o->n_rest == 2)
		snprintf(none, sizeof(none), "there is none of %.*s; "
		    "`postern %s list` shows all", WORD_MAX, o->rest[1],
		    t->word);
	buf_init(&b, mem, sizeof(mem));
	buf_puts(&b, t->list);
	if (o->n_rest == 2) {
		buf_fmt(&b, " WHERE %s = ", t->filter);
		if (store_value(&b, o->rest[1]) != 0)
			return 1;
	}
	buf_fmt(&b, " ORDER BY %s;", t->order);
	said = store_ask_buf(c, &b);
	if (said == NULL)
		return 1;
	rc = table_show(said, o->json, none);
	free(said);
	return rc;
}

/* Each of the table's, and none twice. */
static bool
are_columns(const struct rows *t, const struct cmd_opts *o, int first)
{
	const char *column, *other;

	for (int i = first; i < o->n_rest; i++) {
		if (value_of(t, o->rest[i], &column) == NULL) {
			cmd_fail("`%s` is no COLUMN=VALUE here", o->rest[i]);
			return false;
		}
		for (int k = first; k < i; k++) {
			(void)value_of(t, o->rest[k], &other);
			if (column == other) {
				cmd_fail("%s is given twice", column);
				return false;
			}
		}
	}
	return true;
}

int
rows_run(const struct rows *t, const struct cmd_opts *o)
{
	static struct conf conf;
	const char *verb = o->n_rest > 0 ? o->rest[0] : "";
	int first = 1 + (int)count(t->place);
	int (*run)(const struct rows *, const struct conf *,
	    const struct cmd_opts *) = NULL;

	if (strcmp(verb, "add") == 0 && o->n_rest >= first &&
	    are_columns(t, o, first))
		run = add;
	else if (strcmp(verb, "list") == 0 && o->n_rest <= 2)
		run = list;
	else if ((strcmp(verb, "del") == 0 || strcmp(verb, "remove") == 0) &&
	    o->n_rest == 1 + (int)count(t->key))
		run = del;
	if (run == NULL)
		return misuse(t);
	return store_conf(o, &conf) != 0 ? 1 : run(t, &conf, o);
}
