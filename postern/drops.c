/* `postern drops`: whose packets are dropped unread; docs/policy.md. */
#include <stdlib.h>
#include <string.h>

#include "postern/cmd.h"
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
    "SELECT prefix, CASE WHEN until IS NULL THEN '-' ELSE "
    "datetime(until, 'unixepoch', 'localtime') END AS until, "
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
	buf_puts(b, "DELETE FROM dropped WHERE ");
	if (strcmp(o->rest[1], "all") == 0) {
		buf_puts(b, "1");
		return 0;
	}
	buf_puts(b, "prefix = ");
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
		return store_change(&conf, &b,
		    "it is not in the list; `postern drops` shows it");
	}
	return misuse();
}
