#include "postern/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/secret.h"
#include "common/io/cage.h"
#include "postern/capture.h"
#include "postern/json.h"
#include "postern/state.h"
#include "postern/table.h"

#define WAIT_MS 10000

int
store_conf(const struct cmd_opts *o, struct conf *out)
{
	char mem[STATE_PATH_MAX];
	const char *config =
	    state_find_config(o->config, o->state, mem, sizeof(mem));
	int err;

	if (config == NULL)
		return 1;
	err = conf_read(config, stderr, out);
	return err ? cmd_no_config(config, err) : 0;
}

int
store_quote(struct buf *b, const char *text)
{
	buf_putc(b, '\'');
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 32 || *text == 127)
			return -EINVAL;
		if (*text == '\'')
			buf_putc(b, '\'');
		buf_putc(b, *text);
	}
	buf_putc(b, '\'');
	return 0;
}

int
store_value(struct buf *b, const char *text)
{
	return store_quote(b, text) == 0 ? 0 :
	    cmd_fail("a value holds control characters");
}

bool
store_is_number(const char *value, bool parts)
{
	size_t whole = strspn(value, "0123456789"), part = 0;

	if (parts && value[whole] == '.') {
		part = strspn(value + whole + 1, "0123456789");
		return whole > 0 && part > 0 &&
		    value[whole + 1 + part] == '\0';
	}
	return whole > 0 && value[whole] == '\0';
}

/* SQLite names only a column, or a table, where no words of ours do. */
static const struct {
	const char *before, *remedy;
} refusals[] = {
	{ "NOT NULL constraint failed: ", ": it cannot be empty" },
	{ "UNIQUE constraint failed: ", ": there is such a row already" },
	{ " constraint failed: ", "" },
	{ "no such table: ", ": this table of Postern's is gone; docs/store.md "
	    "says how a backup is put back" },
	{ "near line 1: ", "" },
};

/* Of "Runtime error near line 1: CHECK constraint failed: TEXT (19)" TEXT. */
static void
say_refusal(const char *said)
{
	struct span text = span_make(said, strcspn(said, "\n"));
	const char *found, *remedy = "";

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		found = strstr(said, refusals[i].before);
		if (found == NULL || found > text.p + text.len)
			continue;
		found += strlen(refusals[i].before);
		text = span_make(found, strcspn(found, "\n"));
		remedy = refusals[i].remedy;
		break;
	}
	if (text.len > 5 && text.p[text.len - 1] == ')' &&
	    text.p[text.len - 5] == ' ' && text.p[text.len - 4] == '(')
		text.len -= 5;
	fflush(stdout);
	fputs("postern: ", stderr);
	table_text(stderr, text);
	fprintf(stderr, "%s\n", remedy);
}

static bool
can_open(const char *path)
{
	if (access(path, R_OK | W_OK) == 0)
		return true;
	if (errno == ENOENT)
		cmd_fail("there is no database at %s yet; `postern up` makes "
			 "it", path);
	else
		cmd_fail("%s: %s (run this as root)", path, strerror(errno));
	return false;
}

char *
store_ask(const struct conf *c, struct span sql)
{
	const char *argv[] = { "sqlite3", "-safe", "-batch", "-bail", "-init",
		"/dev/null", "-json", "-cmd", ".timeout 5000", "-cmd",
		"PRAGMA foreign_keys = ON", "-cmd",
		"PRAGMA trusted_schema = OFF", c->store_path, NULL };
	char *said;
	int rc;

	if (!can_open(c->store_path))
		return NULL;
	said = malloc(STORE_ANSWER_MAX);
	if (said == NULL) {
		cmd_fail("no memory");
		return NULL;
	}
	rc = capture_input(argv, cage_role_user(ROLE_REG), WAIT_MS, sql, said,
	    STORE_ANSWER_MAX);
	if (rc == 0 && strlen(said) + 1 < STORE_ANSWER_MAX)
		return said;
	if (rc == 0)
		cmd_fail("too many rows; ask for fewer, or use `postern sql`");
	else if (rc == 127)
		cmd_fail("sqlite3 is not installed: apt install sqlite3");
	else if (rc < 0)
		cmd_fail("sqlite3: %s", strerror(-rc));
	else
		say_refusal(said);
	free(said);
	return NULL;
}

char *
store_ask_buf(const struct conf *c, const struct buf *sql)
{
	if (!buf_err(sql))
		return store_ask(c, buf_span(sql));
	cmd_fail("that is too long");
	return NULL;
}

int
store_change(const struct conf *c, struct buf *sql, const char *none)
{
	uint64_t n = 0;
	struct span row;
	char *said;

	buf_puts(sql, "; SELECT total_changes() AS n;");
	if (buf_err(sql))
		return cmd_fail("that is too long");
	said = store_ask(c, buf_span(sql));
	if (said == NULL)
		return 1;
	if (json_item(span_str(said), 0, &row))
		json_number(row, "n", &n);
	free(said);
	return n > 0 ? 0 : cmd_fail("%s", none);
}

int
store_change_said(const struct conf *c, bool json, struct buf *sql,
    const char *none)
{
	int rc = store_change(c, sql, none);

	if (rc == 0 && json)
		puts("{\"done\":true}");
	return rc;
}
