/*
 * `postern class`: who may call what, without typing SQL.  The tables and
 * their rules are docs/policy.md's.
 */
#include "postern/class.h"

#include <stdlib.h>
#include <string.h>

#include "postern/store.h"
#include "postern/table.h"

#define SQL_MAX 4096

#define USAGE \
	"usage: postern class show [NAME]\n" \
	"       postern class set NAME COLUMN VALUE   " \
	"(makes it if it is new)\n" \
	"       postern class numbers [KIND]\n" \
	"       postern class remove NAME\n" \
	"       postern class number PATTERN KIND [COST-A-MINUTE] | -\n" \
	"       postern class give NUMBER NAME | -\n" \
	"       postern class test NUMBER DIALLED\n" \
	"COLUMN: office, internet, hours, days, max_calls, minutes_day, " \
	"cost_day, on_disable\n" \
	"KIND: internal, national, international, premium, satellite, " \
	"emergency, forbidden\n" \
	"each with [--json] [--config FILE | --state DIR]"

static int
misuse(void)
{
	fputs(USAGE "\n", stderr);
	return 2;
}

static const char *const columns[] = { "office", "internet", "hours", "days",
	"max_calls", "minutes_day", "cost_day", "on_disable" };

static bool
is_column(const char *word)
{
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		if (strcmp(word, columns[i]) == 0)
			return true;
	return false;
}

/* Caps are numbers, and "none" is NULL. */
static int
put_value(struct buf *b, const char *column, const char *value)
{
	bool is_cap = strncmp(column, "max_", 4) == 0 ||
	    strstr(column, "_day") != NULL;

	if (is_cap && strcmp(value, "none") == 0) {
		buf_puts(b, "NULL");
		return 0;
	}
	if (is_cap)
		buf_puts(b, "0 + ");
	if (is_cap && !store_is_number(value, strncmp(column, "cost_", 5) == 0))
		return cmd_fail("%s=%s: this is no number: 0 or more, without "
				"sign; or none", column, value);
	return store_value(b, value);
}

/* Rows as they are asked for. */
static int
print(const struct conf *c, const struct cmd_opts *o, struct buf *sql,
    const char *none)
{
	char *said = store_ask_buf(c, sql);
	int rc;

	if (said == NULL)
		return 1;
	rc = table_show(said, o->json, none);
	/* Who names one wants that one. */
	if (rc == 0)
		rc = said[0] == '\0' && o->n_rest == 2;
	free(said);
	return rc;
}

/* ---- the commands ---- */

static int
show(const struct conf *c, const struct cmd_opts *o, struct buf *b)
{
	buf_puts(b, "SELECT name, office, internet, hours, days, max_calls, "
		    "minutes_day, cost_day, on_disable, "
		    "(SELECT count(*) FROM subscriber WHERE "
		    "coalesce(rights, class) = c.name) AS subscribers "
		    "FROM class_of_service AS c");
	if (o->n_rest == 2) {
		buf_puts(b, " WHERE name = ");
		if (store_value(b, o->rest[1]) != 0)
			return 1;
	}
	buf_puts(b, " ORDER BY name;");
	return print(c, o, b, "there is no such class; `postern class show` "
			      "lists all");
}

static int
set(const struct conf *c, const struct cmd_opts *o, struct buf *b)
{
	const char *name = o->rest[1], *column = o->rest[2];

	if (!is_column(column))
		return misuse();
	buf_puts(b, "INSERT INTO class_of_service(name) SELECT ");
	if (store_value(b, name) != 0)
		return 1;
	buf_puts(b, " WHERE NOT EXISTS (SELECT 1 FROM class_of_service "
		    "WHERE name = ");
	store_value(b, name);
	buf_puts(b, "); UPDATE class_of_service SET ");
	buf_puts(b, column);
	buf_puts(b, " = ");
	if (put_value(b, column, o->rest[3]) != 0)
		return 1;
	buf_puts(b, " WHERE name = ");
	store_value(b, name);
	return store_change_said(c, o->json, b, "nothing was changed");
}

static int
forget(const struct conf *c, const struct cmd_opts *o, struct buf *b,
    const char *what, const char *none)
{
	buf_puts(b, what);
	return store_value(b, o->rest[1]) != 0 ? 1 :
	    store_change_said(c, o->json, b, none);
}

static int
drop(const struct conf *c, const struct cmd_opts *o, struct buf *b)
{
	return forget(c, o, b, "DELETE FROM class_of_service WHERE name = ",
	    "there is no such class; `postern class show` lists all");
}

static int
numbers(const struct conf *c, const struct cmd_opts *o, struct buf *b)
{
	buf_puts(b, "SELECT pattern, class AS kind, cost_minute, note "
		    "FROM number_class");
	if (o->n_rest == 2) {
		buf_puts(b, " WHERE ");
		if (store_value(b, o->rest[1]) != 0)
			return 1;
		buf_puts(b, " IN (class, pattern)");
	}
	buf_puts(b, " ORDER BY class, pattern;");
	return print(c, o, b, "there is no such kind or pattern; `postern "
			      "class numbers` lists all");
}

static int
number(const struct conf *c, const struct cmd_opts *o, struct buf *b)
{
	const char *cost = o->n_rest == 4 ? o->rest[3] : "0";

	if (strcmp(o->rest[2], "-") == 0)
		return o->n_rest == 4 ? misuse() : forget(c, o, b, "DELETE "
			"FROM number_class WHERE pattern = ", "there is no "
			"such pattern; `postern class numbers` lists all");
	buf_puts(b, "INSERT INTO number_class(pattern, class, cost_minute) "
		    "VALUES (");
	if (store_value(b, o->rest[1]) != 0)
		return 1;
	buf_puts(b, ", ");
	if (store_value(b, o->rest[2]) != 0)
		return 1;
	buf_puts(b, ", ");
	if (put_value(b, "cost_day", cost) != 0)
		return 1;
	buf_puts(b, ") ON CONFLICT (pattern) DO UPDATE SET "
		    "class = excluded.class, "
		    "cost_minute = excluded.cost_minute");
	return store_change_said(c, o->json, b, "nothing was changed");
}

static int
give(const struct conf *c, const struct cmd_opts *o, struct buf *b)
{
	buf_puts(b, "UPDATE subscriber SET rights = ");
	if (strcmp(o->rest[2], "-") == 0)
		buf_puts(b, "NULL");
	else if (store_value(b, o->rest[2]) != 0)
		return 1;
	buf_puts(b, " WHERE number = ");
	if (store_value(b, o->rest[1]) != 0)
		return 1;
	return store_change_said(c, o->json, b, "there is no such subscriber; "
		"`postern subscriber show` lists all");
}

static const struct {
	const char *verb;
	int least, most;	/* words after it */
	int (*run)(const struct conf *c, const struct cmd_opts *o,
	    struct buf *b);
} verbs[] = {
	{ "show", 0, 1, show },
	{ "set", 3, 3, set },
	{ "remove", 1, 1, drop },
	{ "del", 1, 1, drop },
	{ "numbers", 0, 1, numbers },
	{ "number", 2, 3, number },
	{ "give", 2, 2, give },
};

int
cmd_class(int argc, char **argv)
{
	static struct conf conf;
	char mem[SQL_MAX];
	struct cmd_opts o;
	struct buf b;

	if (cmd_opts_mixed(argc, argv, "csj", &o) != 0)
		return 2;
	if (o.n_rest == 3 && strcmp(o.rest[0], "test") == 0)
		return o.rest[1][0] == '\0' || o.rest[2][0] == '\0' ?
		    misuse() : class_test(&o, o.rest[1], o.rest[2]);
	buf_init(&b, mem, sizeof(mem));
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (o.n_rest == 0 || strcmp(o.rest[0], verbs[i].verb) != 0 ||
		    o.n_rest - 1 < verbs[i].least ||
		    o.n_rest - 1 > verbs[i].most)
			continue;
		return store_conf(&o, &conf) != 0 ? 1 :
						    verbs[i].run(&conf, &o, &b);
	}
	return misuse();
}
