/*
 * `postern explain NUMBER | CALL`: why does this phone not register, why had
 * this call no sound?  Gathers what is known, lets the rules speak, and adds
 * what is wrong with the site itself.  Changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "common/io/clock.h"
#include "postern/cmd.h"
#include "postern/explain.h"
#include "postern/json.h"
#include "postern/state.h"
#include "postern/store.h"

#define SQL_MAX 4096
#define ANSWERS_MAX 16

struct gather {
	struct check *k;
	char *answer[ANSWERS_MAX]; /* to be freed */
	unsigned n;
	bool failed;		/* what was wrong is said */
};

/* ---- asking ---- */

/* sql, in which @ stands for the quoted number. */
static struct span
ask(struct gather *g, const char *sql, const char *number)
{
	char mem[SQL_MAX];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	for (; *sql != '\0'; sql++) {
		if (*sql != '@')
			buf_putc(&b, *sql);
		else if (store_quote(&b, number) != 0)
			return SPAN_NONE;
	}
	if (g->failed || buf_err(&b) || g->n == ANSWERS_MAX)
		return SPAN_NONE;
	g->answer[g->n] = store_ask(g->k->conf, buf_span(&b));
	g->failed = g->answer[g->n] == NULL;
	if (g->failed)
		return SPAN_NONE;
	return span_str(g->answer[g->n++]);
}

static struct span
first(struct span rows)
{
	struct span one;

	return rows.len > 0 && json_is_array(rows) && json_item(rows, 0, &one) ?
	    one : SPAN_NONE;
}

static struct span
checked(struct span rows)
{
	return rows.len > 0 && json_is_array(rows) ? rows : SPAN_NONE;
}

/* A side's words: media_words has one column for the worse side alone. */
#define WORDS(side)                                                            \
	"(SELECT words FROM media_words AS w WHERE w.verdict = " side          \
	"_media) AS " side "_words"

/* What the phone of that number calls itself: that at this place, or the one
 * that registered last. */
#define CONTACT(side, source)                                                  \
	"coalesce((SELECT contact FROM registration AS r WHERE r.number = "    \
	side " AND r.source = " source "), (SELECT contact FROM registration " \
	"AS r WHERE r.number = " side " ORDER BY registered_at DESC LIMIT 1)) " \
	"AS " side "_contact"

#define BOTH                                                                   \
	"ticket, caller, called, redirected_to, granted, status, reason, "     \
	"from_source, called_source, media_mode, media_verdict, "              \
	"rule, number_class, pattern, trunk, route, sent, answered, "                                        \
	"caller_media, caller_said, called_media, called_said, "               \
	"caller_srtp, called_srtp, "                                           \
	"caller_evidence, called_evidence, "                                   \
	WORDS("caller") ", " WORDS("called") ", "                              \
	CONTACT("caller", "from_source") ", " CONTACT("called", "called_source")

/* Counted when a call ends; of one that lives nothing is told. */
#define COUNTED                                                                \
	"caller_packets_in, called_packets_in, caller_packets_out, "           \
	"called_packets_out, caller_packets_refused, called_packets_refused, " \
	"caller_rtcp_in, called_rtcp_in, caller_learnt, called_learnt"

#define CALLS(where)                                                           \
	"SELECT *, unixepoch() - unixepoch(granted) AS age_s FROM (SELECT "    \
	BOTH ", verdict, via, 'ended' AS state, " COUNTED " FROM "             \
	"call_record UNION ALL SELECT " BOTH ", 'granted', '', state, NULL, "  \
	"NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', '' FROM live_call) "    \
	"WHERE " where                \
	" ORDER BY ticket DESC LIMIT 1;"

#define QUALITY                                                                \
	"SELECT side, expected, gap, mos, loss, jitter_us, rtt_ms, heard_mos, " \
	"heard_loss, heard_jitter_us, heard_rtt_ms, said_mos, said_loss "      \
	"FROM quality WHERE ticket = CAST(@ AS INTEGER);"

/* Of the last calls that its number had. */
#define TOLD(side)                                                             \
	"SELECT '" side "' AS side, count(heard_mos) AS n FROM (SELECT "       \
	"heard_mos FROM call_quality WHERE phone = (SELECT " side " FROM call " \
	"WHERE ticket = CAST(@ AS INTEGER)) AND ticket <> CAST(@ AS INTEGER) " \
	"ORDER BY ticket DESC LIMIT 20)"
#define REPORTS                                                                \
	"SELECT * FROM (" TOLD("caller") " UNION ALL " TOLD("called") ");"

#define TRIES                                                                  \
	"SELECT y.trunk, y.address, y.why, y.status, y.words, t.wait_s, "      \
	"t.realm FROM call_try AS y LEFT JOIN trunk AS t ON t.name = y.trunk " \
	"WHERE y.ticket = CAST(@ AS INTEGER) ORDER BY y.n;"

/* Which would have taken it: patterns as in docs/trunks.md. */
#define SHUT                                                                   \
	"SELECT t.name, t.enabled, t.outbound, r.id AS route FROM call AS c "  \
	"JOIN trunk AS t LEFT JOIN route AS r ON r.trunk = t.name AND "        \
	"c.called GLOB replace(replace(replace(r.pattern, '*', '[*]'), '%', "  \
	"'*'), 'X', '[0-9]') WHERE c.ticket = CAST(@ AS INTEGER) AND "         \
	"(t.enabled = 0 OR t.outbound = 0 OR r.enabled = 0) AND "              \
	"(r.id IS NOT NULL OR "                                                \
	"substr(c.called, 1, length(t.prefix)) = t.prefix) LIMIT 1;"

/* An address without its port. */
#define HOST(of) "rtrim(" of ", '0123456789')"
#define SIDE(side, source)                                                     \
	"SELECT ticket, " side "_media AS media, " HOST(side "_said")          \
	" AS said, " HOST(source) " AS home, media_mode, granted FROM "
#define BOTH_SIDES(view)                                                       \
	SIDE("caller", "from_source") view " UNION ALL "                       \
	SIDE("called", "called_source") view

/* Phones of other homes that were heard where this one was not. */
#define OTHERS                                                                 \
	"WITH s AS (" BOTH_SIDES("call_record") " UNION ALL "                  \
	BOTH_SIDES("live_call") "), me AS (SELECT * FROM s WHERE ticket = "    \
	"CAST(@ AS INTEGER) AND media = 'office-router' LIMIT 1) SELECT "      \
	"count(*) AS n FROM s JOIN me WHERE s.media = 'ok' AND s.said = "      \
	"me.said AND s.home <> me.home AND s.media_mode = me.media_mode AND "  \
	"s.granted > datetime('now', '-1 day');"

#define CALLED                                                                 \
	"SELECT number, enabled FROM subscriber WHERE number = (SELECT "       \
	"called FROM call WHERE ticket = CAST(@ AS INTEGER));"

#define BY                                                                     \
	"SELECT name, address, transport, wait_s FROM trunk WHERE name = (SELECT " \
	"trunk FROM call WHERE ticket = CAST(@ AS INTEGER));"

static void
gather_number(struct gather *g, struct explain *x)
{
	x->subscriber = first(ask(g, "SELECT id, number, name, username, "
		"enabled, internet, realm FROM subscriber WHERE number = @;",
	    x->number));
	x->phones = checked(ask(g, "SELECT transport, source, zone, contact, "
		"user_agent, closed FROM registration WHERE number = @ AND "
		"expires_at > unixepoch();", x->number));
	x->before = first(ask(g, "SELECT source, transport, user_agent, "
		"datetime(ended_at, 'unixepoch') AS ended, unixepoch() - "
		"ended_at AS ended_ago_s, expired FROM "
		"last_registration WHERE number = @;", x->number));
	x->drops = checked(ask(g, "SELECT prefix, why, coalesce("
		"datetime(until, 'unixepoch'), '') AS until FROM dropped "
		"WHERE until IS NULL OR until > unixepoch();", x->number));
	x->accounts = checked(ask(g, CHECK_ACCOUNTS " WHERE number = @;",
	    x->number));
	x->homes = checked(ask(g, "SELECT DISTINCT h.address, h.transport, "
		"sip_alg FROM home AS h JOIN registration AS r ON "
		"r.source LIKE h.address || ':%' OR "
		"r.source LIKE '[' || h.address || ']%' "
		"WHERE r.number = @ AND sip_alg <> '';", x->number));
}

static bool
is_number(const char *text)
{
	return text[0] != '\0' && strlen(text) <= 32 &&
	    strspn(text, "0123456789+*#") == strlen(text);
}

/* ---- the site ---- */

/* Only what is wrong: who asks about one phone wants no list of what is
 * right. */
static void
add_site(struct check *k, struct findings *to)
{
	static struct findings all;

	k->found = &all;
	check_run(k);
	check_address(k->found, k->conf, check_said(k, "stunmon"),
	    check_said(k, "mediaproxy"));
	check_names(k);
	check_tls(k);
	for (unsigned i = 0; i < all.n; i++) {
		const struct finding *f = &all.item[i];

		if (f->level >= FINDING_WARNING)
			*finding_new(to, f->level, f->code) = *f;
	}
	k->found = to;
}

/* Has none of the certificates that are shown to phones ended? */
static bool
is_good(struct span keyd)
{
	uint64_t now = (uint64_t)clock_wall_s(), until_s;
	struct json_each each;
	struct span all, one;
	bool any = false;

	if (keyd.p == NULL || !json_member(keyd, "certificates", &all))
		return false;
	for (json_each_item(all, &each); json_next(&each, NULL, &one);) {
		if (!json_number(one, "until_s", &until_s) || until_s <= now)
			return false;
		any = true;
	}
	return any;
}

static void
say_not_running(struct findings *fs)
{
	struct finding *f = finding_new(fs, FINDING_WARNING, "not-running");

	finding_what(f, "Postern does not run here, or not where it was "
			"looked for: what its processes know is left out");
	finding_seen(f, "no process of it in the state directory, nor under "
			"systemd");
	finding_do(f, "name what runs by --state DIR; `postern status` tells; "
		      "postern up starts it");
}

/* ---- telling ---- */

static int
tell(const struct findings *fs, bool json)
{
	if (json) {
		putchar('{');
		findings_json(stdout, fs);
		puts("}");
	} else {
		findings_print(stdout, fs);
		if (findings_status(fs) == 0)
			puts("nothing is wrong that can be seen from here");
	}
	return findings_status(fs);
}

static void
gather_call(struct gather *g, struct explain *x)
{
	char ticket[24];

	if (x->call.p == NULL)
		return;
	snprintf(ticket, sizeof(ticket), "%llu",
	    (unsigned long long)explain_number(x->call, "ticket"));
	x->quality = checked(ask(g, QUALITY, ticket));
	x->reports = checked(ask(g, REPORTS, ticket));
	x->tries = checked(ask(g, TRIES, ticket));
	x->others = first(ask(g, OTHERS, ticket));
	x->shut = first(ask(g, SHUT, ticket));
	x->called = first(ask(g, CALLED, ticket));
	x->by = first(ask(g, BY, ticket));
}

static void
explain(struct gather *g, struct explain *x, const char *word)
{
	x->call = first(ask(g, CALLS("ticket = CAST(@ AS INTEGER)"), word));
	gather_call(g, x);
	if (x->call.p != NULL) {
		explain_call(x);
		return;
	}
	x->number = word;
	gather_number(g, x);
	x->call = first(ask(g, CALLS("@ IN (caller, called, redirected_to)"),
	    word));
	gather_call(g, x);
	explain_phone(x);
	explain_call(x);
}

/* A trunk: is it in use, are we registered there, its last call. */
static void
explain_peer(struct gather *g, struct explain *x, const char *name)
{
	x->number = name;
	x->trunk = first(ask(g, "SELECT name, address, transport, enabled, "
		"register FROM trunk WHERE name = @;", name));
	x->accounts = checked(ask(g, CHECK_ACCOUNTS " WHERE trunk = @;",
	    name));
	explain_trunk_row(x);
	check_accounts(x->found, x->accounts, x->sigproxy);
	x->call = first(ask(g, CALLS("trunk = @"), name));
	gather_call(g, x);
	explain_call(x);
}

static int
run(struct check *k, const struct cmd_opts *o, const char *word)
{
	struct gather g = { .k = k };
	struct explain x = { .conf = k->conf, .found = k->found };

	check_find_running(k, o->state);
	x.sigproxy = check_said(k, "sigproxy");
	x.registrar = check_said(k, "registrar-db");
	x.certificates_good = is_good(check_said(k, "keyd"));
	if (o->n_rest == 2)
		explain_peer(&g, &x, word);
	else
		explain(&g, &x, word);
	for (unsigned i = 0; i < g.n; i++)
		free(g.answer[i]);
	if (g.failed)
		return 1;
	if (k->n == 0)
		say_not_running(k->found);
	add_site(k, k->found);
	return tell(k->found, o->json);
}

int
cmd_explain(int argc, char **argv)
{
	static struct findings found;
	static struct conf conf;
	struct check k = { .conf = &conf, .found = &found };
	char mem[STATE_PATH_MAX];
	struct cmd_opts o;

	if (cmd_opts_mixed(argc, argv, "csj", &o) != 0)
		return 2;
	if (o.n_rest == 1 && !is_number(o.rest[0]) && o.rest[0][0] != '-' &&
	    strcmp(o.rest[0], "trunk") != 0)
		cmd_fail("`%s` is neither a number nor the id of a call; "
			 "`postern subscriber show` lists numbers", o.rest[0]);
	if (!(o.n_rest == 1 && is_number(o.rest[0])) &&
	    !(o.n_rest == 2 && strcmp(o.rest[0], "trunk") == 0)) {
		cmd_fail("usage: postern explain NUMBER | CALL | trunk NAME [--json] "
			 "[--config FILE | --state DIR]; `postern calls` shows "
			 "the id of each call");
		return 2;
	}
	k.config = state_find_config(o.config, o.state, mem, sizeof(mem));
	if (k.config == NULL || store_conf(&o, &conf) != 0)
		return 1;
	return run(&k, &o, o.rest[o.n_rest - 1]);
}
