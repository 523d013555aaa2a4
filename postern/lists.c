/*
 * `postern calls`, `postern registrations`: what goes on, from the store.
 */
#include <stdlib.h>
#include <string.h>

#include "postern/cmd.h"
#include "postern/json.h"
#include "postern/store.h"
#include "postern/table.h"
#include "postern/watch.h"

#define SQL_MAX 2048
#define PAST_DEFAULT 20
#define PAST_MAX 10000

#define SINCE(from, to)                                                        \
	"CASE WHEN " from " IS NULL THEN NULL ELSE printf('%d:%02d', "         \
	"(unixepoch(" to ") - unixepoch(" from ")) / 60, "                     \
	"(unixepoch(" to ") - unixepoch(" from ")) % 60) END"

/* Of both phones, and of both ways, the worst: docs/quality.md. */
#define WORST                                                                  \
	"(SELECT min(worst_mos) FROM call_quality AS q WHERE "                 \
	"q.ticket = c.ticket) AS mos, (SELECT max(loss_pct) FROM "             \
	"call_quality AS q WHERE q.ticket = c.ticket) AS loss_pct, "           \
	"(SELECT max(jitter_ms) FROM call_quality AS q WHERE "                 \
	"q.ticket = c.ticket) AS jitter_ms"

#define CALLED "called || CASE redirected_to WHEN '' THEN '' ELSE "            \
	"' > ' || redirected_to END"

/* Whose sound is encrypted. */
#define SRTP                                                                   \
	"CASE (caller_srtp NOT IN ('', 'RTP')) + "                             \
	"2 * (called_srtp NOT IN ('', 'RTP')) WHEN 1 THEN 'from' "             \
	"WHEN 2 THEN 'to' WHEN 3 THEN 'both' ELSE '' END AS srtp"

struct list {
	const struct conf *conf;
	bool json, watch;
	const char *number; /* of anybody in it; NULL: all */
	long past;	    /* 0: what is now */
};

static int
add_number(struct buf *b, const struct list *l, const char *before,
    const char *after)
{
	if (l->number == NULL)
		return 0;
	buf_puts(b, before);
	if (store_quote(b, l->number) != 0)
		return cmd_fail("a number has no such characters");
	buf_puts(b, after);
	return 0;
}

static int
live_sql(struct buf *b, const struct list *l)
{
	buf_puts(b, "SELECT ticket AS id, caller AS \"from\", " CALLED
		    " AS \"to\", state, granted AS began, "
		    SINCE("answered", "'now'") " AS talking, "
		    "from_zone AS came_from, channels, "
		    "media_verdict AS media, " SRTP ", " WORST
		    " FROM live_call AS c");
	if (add_number(b, l, " WHERE ", " IN (caller, called, redirected_to)"))
		return 1;
	buf_puts(b, " ORDER BY ticket;");
	return 0;
}

static int
past_sql(struct buf *b, const struct list *l)
{
	buf_puts(b, "SELECT * FROM (SELECT ticket AS id, caller AS \"from\", "
		    CALLED " AS \"to\", granted AS began, "
		    SINCE("answered", "ended") " AS talked, "
		    "from_zone AS came_from, status, CASE WHEN verdict NOT "
		    "LIKE 'granted%' THEN verdict ELSE reason END "
		    "AS reason, ended_by, "
		    "media_verdict AS media, " SRTP ", " WORST ", rule "
		    "FROM call_record AS c");
	if (add_number(b, l, " WHERE ", " IN (caller, called, redirected_to)"))
		return 1;
	buf_puts(b, " ORDER BY ticket DESC LIMIT ");
	buf_put_u64(b, (uint64_t)l->past);
	buf_puts(b, ") ORDER BY id;");
	return 0;
}

static int
registrations_sql(struct buf *b, const struct list *l)
{
	buf_puts(b, "SELECT r.number, s.name, transport, source, "
		    "zone AS came_from, closed AS away_since, registered, expires, "
		    "user_agent AS phone FROM registration AS r "
		    "LEFT JOIN subscriber AS s ON s.number = r.number "
		    "WHERE expires_at > unixepoch()");
	if (add_number(b, l, " AND r.number = ", ""))
		return 1;
	buf_puts(b, " ORDER BY r.number, registered_at;");
	return 0;
}

/* ---- showing ---- */

/* One array on one line, for who reads one after the other. */
static void
put_line(FILE *to, const char *json)
{
	for (; *json != '\0'; json += *json == '\n') {
		size_t n = strcspn(json, "\n");

		json_put_safe(to, span_make(json, n));
		json += n;
	}
	fputc('\n', to);
}

static void
put_array(FILE *to, const char *json)
{
	json_put_safe(to, span_str(json));
	if (json[0] == '[' && json[1] == ']')
		fputc('\n', to);
}

/* "no calls now", or of one number, and where to ask further. */
static void
say_none(FILE *to, const struct list *l, const char *none)
{
	if (l->number == NULL)
		fprintf(to, "%s\n", none);
	else
		fprintf(to, "%s: none of %s; postern explain %s says what is "
			    "known of it\n", none, l->number, l->number);
}

static int
put_rows(FILE *to, const struct list *l, const char *said, const char *none)
{
	int n = 0;

	if (l->json && said[0] == '\0')
		said = "[]";
	if (l->json && l->watch)
		put_line(to, said);
	else if (l->json)
		put_array(to, said);
	else if (said[0] != '\0')
		n = table_print(to, span_str(said));
	if (!l->json && n == 0)
		say_none(to, l, none);
	return n < 0 ? cmd_fail("sqlite3 gave no rows") : 0;
}

static int
show(FILE *to, const struct list *l,
    int (*sql)(struct buf *b, const struct list *l), const char *none)
{
	char mem[SQL_MAX], *said;
	struct buf b;
	int rc;

	buf_init(&b, mem, sizeof(mem));
	if (sql(&b, l) != 0)
		return 1;
	said = store_ask(l->conf, buf_span(&b));
	if (said == NULL)
		return 1;
	rc = put_rows(to, l, said, none);
	free(said);
	return rc;
}

static int
draw(FILE *to, void *arg)
{
	return show(to, arg, live_sql, "no calls");
}

/* NUMBER, --watch, --past[=N], in any order. */
static int
take_word(struct list *l, const char *word, bool calls)
{
	char *end;

	if (calls && strcmp(word, "--watch") == 0) {
		l->watch = true;
	} else if (calls && strcmp(word, "--past") == 0) {
		l->past = PAST_DEFAULT;
	} else if (calls && strncmp(word, "--past=", 7) == 0) {
		l->past = strtol(word + 7, &end, 10);
		if (*end != '\0' || l->past < 1 || l->past > PAST_MAX)
			return cmd_fail("--past=N: N is 1 to %d", PAST_MAX);
	} else if (word[0] == '-' || l->number != NULL) {
		return cmd_fail("`%s` is not understood; see `postern help`",
		    word);
	} else {
		l->number = word;
	}
	return 0;
}

/* `--past 50` may be meant as --past=50. */
static void
hint_count(const struct cmd_opts *o, const char *number)
{
	for (int i = 0; i + 1 < o->n_rest; i++)
		if (strcmp(o->rest[i], "--past") == 0 &&
		    o->rest[i + 1] == number)
			cmd_fail("note: these are calls of the number %s; the "
				 "last %s calls of all: --past=%s", number,
			    number, number);
}

static int
read_list(int argc, char **argv, bool calls, struct conf *conf,
    struct list *out)
{
	struct cmd_opts o;

	*out = (struct list){ .conf = conf };
	if (cmd_opts_mixed(argc, argv, "csj", &o) != 0)
		return 2;
	out->json = o.json;
	for (int i = 0; i < o.n_rest; i++)
		if (take_word(out, o.rest[i], calls) != 0)
			return 2;
	if (out->watch && out->past > 0) {
		cmd_fail("--watch shows the calls of now: it does not go with "
			 "--past");
		return 2;
	}
	if (out->past == PAST_DEFAULT && out->number != NULL)
		hint_count(&o, out->number);
	return store_conf(&o, conf);
}

int
cmd_calls(int argc, char **argv)
{
	static struct conf conf;
	struct list l;
	int rc = read_list(argc, argv, true, &conf, &l);

	if (rc != 0)
		return rc;
	if (l.watch)
		return watch_run(&(struct watch){ draw, &l, "Calls of now",
		    l.json });
	return show(stdout, &l, l.past > 0 ? past_sql : live_sql,
	    l.past > 0 ? "no calls yet" : "no calls now");
}

int
cmd_registrations(int argc, char **argv)
{
	static struct conf conf;
	struct list l;
	int rc = read_list(argc, argv, false, &conf, &l);

	return rc != 0 ? rc : show(stdout, &l, registrations_sql, "no phone is "
	    "registered");
}
