/*
 * `postern trunk`: peers that are not subscribers, without typing SQL.  A
 * password is read from standard input, for a command line can be seen, and
 * goes to the store by a pipe.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/secret.h"
#include "postern/cmd.h"
#include "postern/json.h"
#include "postern/store.h"
#include "postern/table.h"
#include "postern/trunk_status.h"

#define SQL_MAX 8192
#define SETS_MAX 32

struct trunk {
	const struct conf *conf;
	const struct cmd_opts *opts;
	bool json;
	const char *verb, *name, *address;
	const char *set[SETS_MAX];	/* COLUMN=VALUE */
	unsigned n_sets;
};

/* What may be set here; password has a verb of its own. */
static const char *const columns[] = { "address", "transport", "prefix",
	"username", "auth_username", "realm", "from_domain", "register",
	"expires_s", "ping_s", "channels", "trust", "zone", "sources",
	"outbound", "numbers", "country", "area", "caller_number", "wait_s",
	"latching", "srtp", "stun", "mirror", "tls_verify" };
static const char *const numeric[] = { "register", "expires_s", "ping_s",
	"channels", "trust", "outbound", "wait_s", "mirror", "tls_verify" };

#define USAGE \
	"usage: postern trunk add NAME ADDRESS [COLUMN=VALUE ...]\n" \
	"       postern trunk set NAME COLUMN=VALUE ...\n" \
	"       postern trunk password NAME   (read from standard input)\n" \
	"       postern trunk disable | enable | remove NAME\n" \
	"       postern trunk show | status [NAME]\n" \
	"each with [--json] [--config FILE | --state DIR]"

static int
misuse(void)
{
	fputs(USAGE "\ncolumns:", stderr);
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		fprintf(stderr, " %s", columns[i]);
	fputs("; see docs/trunks.md\n", stderr);
	return 2;
}

/* ---- SQL ---- */

static bool
is_among(const char *const *list, size_t n, struct span word)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq(word, span_str(list[i])))
			return true;
	return false;
}

/* The name in COLUMN=VALUE, and what follows; NULL: it is none. */
static const char *
split(const char *set, struct span *column_out)
{
	size_t len = strcspn(set, "=");

	*column_out = span_make(set, len);
	if (set[len] == '\0' || !is_among(columns,
		sizeof(columns) / sizeof(columns[0]), *column_out))
		return NULL;
	return set + len + 1;
}

static int
put_value(struct buf *b, struct span column, const char *value)
{
	bool number = is_among(numeric, sizeof(numeric) / sizeof(numeric[0]),
	    column);

	if (value[0] == '\0' && (number ||
	    is_among((const char *const[]){ "zone", "latching", "srtp" }, 3,
		column))) {
		buf_puts(b, "NULL");
		return 0;
	}
	if (number && !store_is_number(value, false))
		return cmd_fail("%.*s=%s: this is no number: 0 or more, "
				"without sign", (int)column.len, column.p,
		    value);
	if (number)
		buf_puts(b, "CAST(");
	if (store_quote(b, value) != 0)
		return cmd_fail("a value holds control characters");
	if (number)
		buf_puts(b, " AS INTEGER)");
	return 0;
}

/* A second one of this name would lose the first one's settings, or so who
 * adds it believes. */
#define TWIN \
	"CREATE TEMP TRIGGER twin BEFORE INSERT ON main.trunk WHEN EXISTS " \
	"(SELECT 1 FROM main.trunk AS t WHERE t.name = NEW.name) BEGIN " \
	"SELECT RAISE(ABORT, 'there is a trunk of this name already: postern " \
	"trunk show NAME shows it, postern trunk set NAME COLUMN=VALUE " \
	"changes it, postern trunk remove NAME takes it away'); END; "

/* After UPDATE or DELETE: was there such a row? */
static int
change(const struct trunk *t, struct buf *b)
{
	char none[128];

	buf_puts(b, " WHERE name = ");
	if (store_quote(b, t->name) != 0)
		return cmd_fail("a name has no such characters");
	snprintf(none, sizeof(none), "there is no trunk %s", t->name);
	return store_change_said(t->conf, t->json, b, none);
}

/* ---- the commands ---- */

static int
do_add(const struct trunk *t)
{
	char mem[SQL_MAX], *said;
	const char *value;
	struct span column;
	struct buf b;
	bool prefix = false;

	buf_init(&b, mem, sizeof(mem));
	buf_puts(&b, TWIN "INSERT INTO trunk(name, address");
	for (unsigned i = 0; i < t->n_sets; i++) {
		value = split(t->set[i], &column);
		prefix = prefix || span_eq(column, SPAN_LIT("prefix"));
		if (span_eq(column, SPAN_LIT("register")) &&
		    strcmp(value, "0") != 0)
			return cmd_fail("it registers once it has a password: "
			    "add it without register, then postern trunk "
			    "password %s, then postern trunk set %s register=1",
			    t->name, t->name);
		buf_puts(&b, ", ");
		buf_put(&b, column);
	}
	buf_puts(&b, prefix ? ") VALUES (" : ", prefix) VALUES (");
	if (store_quote(&b, t->name) != 0)
		return cmd_fail("a name has no such characters");
	buf_puts(&b, ", ");
	if (store_quote(&b, t->address) != 0)
		return cmd_fail("an address has no such characters");
	for (unsigned i = 0; i < t->n_sets; i++) {
		value = split(t->set[i], &column);
		buf_puts(&b, ", ");
		if (put_value(&b, column, value) != 0)
			return 1;
	}
	buf_puts(&b, prefix ? ");" : ", '');");
	said = store_ask_buf(t->conf, &b);
	if (said == NULL)
		return 1;
	free(said);
	if (t->json)
		puts("{\"done\":true}");
	else
		printf("%s is a trunk; its password, if it wants one: "
		       "postern trunk password %s\n%s", t->name, t->name,
		    prefix ? "" : "Every number goes there that is no "
		    "subscriber's and that no route names; for some only: "
		    "prefix=0\n");
	return 0;
}

static int
do_set(const struct trunk *t)
{
	char mem[SQL_MAX];
	struct span column;
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_puts(&b, "UPDATE trunk SET ");
	for (unsigned i = 0; i < t->n_sets; i++) {
		const char *value = split(t->set[i], &column);

		if (i > 0)
			buf_puts(&b, ", ");
		buf_put(&b, column);
		buf_puts(&b, " = ");
		if (put_value(&b, column, value) != 0)
			return 1;
	}
	return change(t, &b);
}

static int
do_password(const struct trunk *t)
{
	char word[258], mem[SQL_MAX];
	struct buf b;
	int rc = 1;

	if (fgets(word, sizeof(word), stdin) == NULL || word[0] == '\n')
		return cmd_fail("no password came on standard input");
	word[strcspn(word, "\r\n")] = '\0';
	buf_init(&b, mem, sizeof(mem));
	buf_puts(&b, "UPDATE trunk SET password = ");
	if (store_quote(&b, word) != 0)
		cmd_fail("a password holds no control characters");
	else
		rc = change(t, &b);
	secret_wipe(word, sizeof(word));
	secret_wipe(mem, sizeof(mem));
	if (rc == 0 && !t->json)
		printf("%s has a new password\n", t->name);
	return rc;
}

static int
do_update(const struct trunk *t, const char *what, const char *done)
{
	char mem[SQL_MAX];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_puts(&b, what);
	if (change(t, &b) != 0)
		return 1;
	if (!t->json)
		printf("%s %s\n", t->name, done);
	return 0;
}

static void
print_one(struct span row)
{
	uint64_t mirror = 0, mirrored = 0;

	table_print_one(stdout, row);
	if (json_number(row, "mirrored", &mirrored) && mirrored > 0 &&
	    json_number(row, "mirror", &mirror) && mirror == 0)
		puts("Nothing of these is registered there: mirror is 0 "
		     "(postern trunk set NAME mirror=1)");
}

static int
do_show(const struct trunk *t)
{
	char mem[SQL_MAX], *said;
	struct span row;
	struct buf b;
	int rc = 0;

	buf_init(&b, mem, sizeof(mem));
	buf_puts(&b, t->name == NULL ? "SELECT name, address, transport, " :
	    "SELECT name, address, transport, prefix, username, "
	    "auth_username, realm, from_domain, register, expires_s, ping_s, "
	    "channels, trust, zone, sources, outbound, numbers, country, "
	    "area, caller_number, wait_s, latching, srtp, stun, mirror, "
	    "tls_verify, ");
	buf_puts(&b, "enabled, password IS NOT NULL OR sealed IS NOT NULL AS "
	    "has_password, (SELECT count(*) FROM live_call AS c WHERE "
	    "c.trunk = t.name) AS calls, (SELECT count(*) FROM route AS r "
	    "WHERE r.trunk = t.name) AS routes, (SELECT count(*) FROM mirror "
	    "AS m WHERE m.trunk = t.name) AS mirrored, (SELECT count(*) FROM did AS "
	    "d WHERE d.trunk = t.name) AS dids, (SELECT state FROM "
	    "trunk_registration AS a WHERE a.trunk = t.name) AS registration"
	    ", (SELECT nullif(why, '') FROM trunk_registration AS a WHERE "
	    "a.trunk = t.name) AS registration_why FROM trunk AS t");
	if (t->name != NULL) {
		buf_puts(&b, " WHERE name = ");
		if (store_quote(&b, t->name) != 0)
			return cmd_fail("a name has no such characters");
	}
	buf_puts(&b, " ORDER BY name;");
	said = store_ask_buf(t->conf, &b);
	if (said == NULL)
		return 1;
	if (t->name != NULL && !json_item(span_str(said), 0, &row)) {
		free(said);
		return cmd_fail("there is no trunk %s; `postern trunk show` "
				"lists all", t->name);
	}
	if (t->name == NULL)
		rc = table_show(said, t->json,
		    "there is no trunk yet: postern trunk add NAME ADDRESS");
	else if (t->json)
		json_put_line(row);
	else
		print_one(row);
	free(said);
	return rc;
}

/* ---- the command line ---- */

static bool
is_set_twice(const struct trunk *t, struct span column)
{
	struct span other;

	for (unsigned i = 0; i < t->n_sets; i++)
		if (split(t->set[i], &other) != NULL &&
		    span_eq(other, column))
			return true;
	return false;
}

/* COLUMN=VALUE.  Errors: -1 after saying what is wrong. */
static int
take_set(struct trunk *t, const char *word)
{
	struct span column;

	if (t->n_sets == SETS_MAX || split(word, &column) == NULL) {
		cmd_fail("`%s` is no COLUMN=VALUE here", word);
		return -1;
	}
	if (is_set_twice(t, column)) {
		cmd_fail("%.*s is given twice", (int)column.len, column.p);
		return -1;
	}
	t->set[t->n_sets++] = word;
	return 0;
}

static int
take_words(struct trunk *t, const struct cmd_opts *o)
{
	for (int i = 0; i < o->n_rest; i++) {
		const char *word = o->rest[i];

		if (word[0] == '-')
			return -1;
		if (t->verb == NULL) {
			t->verb = word;
		} else if (t->name == NULL) {
			t->name = word;
		} else if (t->address == NULL && t->n_sets == 0 &&
		    strcmp(t->verb, "add") == 0) {
			t->address = word;
		} else if (take_set(t, word) != 0) {
			return -1;
		}
	}
	return t->verb == NULL ? -1 : 0;
}

static int
run(const struct trunk *t)
{
	bool plain = t->name != NULL && t->n_sets == 0;

	if (strcmp(t->verb, "show") == 0)
		return t->n_sets == 0 ? do_show(t) : misuse();
	if (strcmp(t->verb, "status") == 0)
		return t->n_sets == 0 ? trunk_status(t->conf, t->opts,
		    t->name) : misuse();
	if (strcmp(t->verb, "add") == 0)
		return t->address != NULL ? do_add(t) : misuse();
	if (strcmp(t->verb, "set") == 0)
		return t->n_sets > 0 ? do_set(t) : misuse();
	if (!plain)
		return misuse();
	if (strcmp(t->verb, "password") == 0)
		return do_password(t);
	if (strcmp(t->verb, "disable") == 0)
		return do_update(t, "UPDATE trunk SET enabled = 0",
		    "is shut; its calls end");
	if (strcmp(t->verb, "enable") == 0)
		return do_update(t, "UPDATE trunk SET enabled = 1",
		    "is in use");
	if (strcmp(t->verb, "remove") == 0 || strcmp(t->verb, "del") == 0)
		return do_update(t, "DELETE FROM trunk",
		    "is gone, with its routes and numbers");
	return misuse();
}

int
cmd_trunk(int argc, char **argv)
{
	static struct conf conf;
	struct trunk t = { .conf = &conf };
	struct cmd_opts o;

	if (cmd_opts_mixed(argc, argv, "csj", &o) != 0)
		return 2;
	t.json = o.json;
	t.opts = &o;
	if (take_words(&t, &o) != 0)
		return misuse();
	if (store_conf(&o, &conf) != 0)
		return 1;
	return run(&t);
}
