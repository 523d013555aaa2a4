/* `postern drops`: whose packets are dropped unread; docs/policy.md. */
#include <stdlib.h>
#include <string.h>

#include "postern/cmd.h"
#include "postern/json.h"
#include "postern/store.h"
#include "postern/table.h"

#define SQL_MAX 1024

#define USAGE \
	"usage: postern drops\n" \
	"       postern drops add PREFIX [MINUTES]\n" \
	"       postern drops clear PREFIX | all\n" \
	"       postern drops never PREFIX\n" \
	"PREFIX: an address, or ADDRESS/BITS\n" \
	"each with [--json] [--config FILE | --state DIR]"

static const char list_sql[] =
    "SELECT prefix, "
    "datetime(until, 'unixepoch', 'localtime') AS until, "
    "datetime(since, 'unixepoch', 'localtime') AS since, times, why "
    "FROM dropped WHERE until IS NULL OR until > unixepoch() UNION ALL "
    "SELECT prefix, 'never dropped', '', 0, note FROM never_dropped "
    "ORDER BY 2, 1;";

static int
misuse(void)
{
	fputs(USAGE "\n", stderr);
	return 2;
}

static int
list(const struct conf *c, const struct cmd_opts *o)
{
	char *said = store_ask(c, SPAN_LIT(list_sql));
	int rc;

	if (said == NULL)
		return 1;
	rc = table_show(said, o->json, "nobody is dropped");
	free(said);
	return rc;
}

/* For so long, or until it is cleared. */
static int
put_until(struct buf *b, const struct cmd_opts *o)
{
	uint32_t minutes;

	if (o->n_rest < 3) {
		buf_puts(b, "NULL");
		return 0;
	}
	if (span_to_u32(span_str(o->rest[2]), 1000000, &minutes) != 0 ||
	    minutes == 0)
		return cmd_fail("minutes are from 1 to 1000000");
	buf_fmt(b, "unixepoch() + %u", minutes * 60);
	return 0;
}

/* One that holds half the internet is a slip of the hand, and shuts out every
 * phone that is not registered now. */
static int
check_prefix(const char *typed)
{
	struct addr_prefix p;

	if (addr_prefix_parse(span_str(typed), &p) != 0)
		return cmd_fail("%s is neither an address nor ADDRESS/BITS, "
				"as 203.0.113.0/24 or 2001:db8::/32", typed);
	if (p.bits < (p.net.family == ADDR_IPV4 ? 8 : 16))
		return cmd_fail("%s is too much of the internet: at least /8, "
				"or /16 of IPv6", typed);
	return 0;
}

static int
put_add(struct buf *b, const struct cmd_opts *o)
{
	if (check_prefix(o->rest[1]) != 0)
		return 1;
	buf_puts(b, "INSERT INTO dropped(prefix, until) VALUES (");
	if (store_value(b, o->rest[1]) != 0)
		return 1;
	buf_puts(b, ", ");
	if (put_until(b, o) != 0)
		return 1;
	buf_puts(b, ") ON CONFLICT (prefix) DO UPDATE SET "
		    "until = excluded.until, since = excluded.since, "
		    "why = excluded.why");
	return 0;
}

static int
put_clear(struct buf *b, const struct cmd_opts *o)
{
	if (strcmp(o->rest[1], "all") == 0) {
		buf_puts(b, "DELETE FROM dropped");
		return 0;
	}
	buf_puts(b, "DELETE FROM never_dropped WHERE prefix = ");
	if (store_value(b, o->rest[1]) != 0)
		return 1;
	buf_puts(b, "; DELETE FROM dropped WHERE prefix = ");
	return store_value(b, o->rest[1]);
}

/* What is dropped of it now is let in again as well. */
static int
put_never(struct buf *b, const struct cmd_opts *o)
{
	if (check_prefix(o->rest[1]) != 0)
		return 1;
	buf_puts(b, "DELETE FROM dropped WHERE prefix = ");
	if (store_value(b, o->rest[1]) != 0)
		return 1;
	buf_puts(b, "; INSERT OR REPLACE INTO never_dropped(prefix) VALUES (");
	if (store_value(b, o->rest[1]) != 0)
		return 1;
	buf_puts(b, ")");
	return 0;
}

/* ---- who is heard still ---- */

#define NOTES_MAX 5

static bool
is_in(const struct addr_prefix *p, struct span source)
{
	struct addr a;

	return addr_parse(source, 1, &a) == 0 && addr_prefix_has(p, &a);
}

/* A place is not dropped while a phone is registered there, and that phone
 * may be the one which is meant. */
static void
note_phones(const struct conf *c, const char *typed)
{
	static const char sql[] = "SELECT number, source FROM registration "
		"WHERE zone = 'external' AND expires_at > unixepoch() "
		"ORDER BY number;";
	struct span row, number, source;
	struct addr_prefix p;
	struct json_each each;
	unsigned n = 0;
	char *said;

	if (addr_prefix_parse(span_str(typed), &p) != 0)
		return;
	said = store_ask(c, SPAN_LIT(sql));
	if (said == NULL || !json_is_array(span_str(said))) {
		free(said);
		return;
	}
	for (json_each_item(span_str(said), &each);
	     json_next(&each, NULL, &row) && n < NOTES_MAX;)
		if (json_text(row, "number", &number) &&
		    json_text(row, "source", &source) && is_in(&p, source) &&
		    n++ < NOTES_MAX)
			cmd_fail("note: %.*s is registered at %.*s, and what "
				 "comes from there is heard as long as it is; "
				 "postern subscriber disable %.*s ends that",
			    (int)number.len, number.p, (int)source.len,
			    source.p, (int)number.len, number.p);
	free(said);
}

static const struct {
	const char *verb;
	int most;	/* words after it; at least one */
	int (*put)(struct buf *b, const struct cmd_opts *o);
} verbs[] = {
	{ "add", 2, put_add },
	{ "clear", 1, put_clear },
	{ "never", 1, put_never },
};

int
cmd_drops(int argc, char **argv)
{
	static struct conf conf;
	char mem[SQL_MAX];
	struct cmd_opts o;
	struct buf b;

	if (cmd_opts_mixed(argc, argv, "csj", &o) != 0)
		return 2;
	if (o.n_rest == 0)
		return store_conf(&o, &conf) != 0 ? 1 : list(&conf, &o);
	buf_init(&b, mem, sizeof(mem));
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(o.rest[0], verbs[i].verb) != 0 || o.n_rest < 2 ||
		    o.n_rest - 1 > verbs[i].most)
			continue;
		if (verbs[i].put(&b, &o) != 0 || store_conf(&o, &conf) != 0)
			return 1;
		if (store_change_said(&conf, o.json, &b, "it is not in the "
			"list; `postern drops` shows it") != 0)
			return 1;
		if (verbs[i].put == put_add)
			note_phones(&conf, o.rest[1]);
		return 0;
	}
	return misuse();
}
