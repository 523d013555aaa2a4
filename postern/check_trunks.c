/* `postern check`, `explain` and `trunk show`: our own registrations, at
 * providers and at PBXs. */
#include <stdlib.h>
#include <unistd.h>

#include "postern/check.h"
#include "postern/json.h"
#include "postern/store.h"

static struct span
text(struct span row, const char *key)
{
	struct span s;

	return json_text(row, key, &s) ? s : SPAN_NONE;
}

#define ARG(s) (int)(s).len, (s).p == NULL ? "" : (s).p

static void
put_remedy(struct finding *f, struct span row, bool mirror, uint64_t status)
{
	struct span trunk = text(row, "trunk"), number = text(row, "number");

	if (status == 0)
		finding_do(f, "is %.*s there (`postern trunk show %.*s`: "
			      "address, transport), and does a firewall in "
			      "between let us through?", ARG(trunk),
		    ARG(trunk));
	else if (mirror)
		finding_do(f, "the PBX's password and user name of %.*s: "
			      "postern sql \"UPDATE mirror SET password = "
			      "'...' WHERE number = '%.*s'\"; docs/mirror.md",
		    ARG(number), ARG(number));
	else
		finding_do(f, "postern trunk password %.*s; username, "
			      "auth_username, realm and from_domain as the "
			      "provider wrote them: postern trunk set %.*s",
		    ARG(trunk), ARG(trunk));
}

static void
check_account(struct findings *fs, struct span row, struct span sigproxy)
{
	struct span state = text(row, "state"), trunk = text(row, "trunk");
	struct span number = text(row, "number"), why = text(row, "why");
	bool mirror = number.len > 0;
	uint64_t status = 0;
	struct finding *f;
	struct span lost = check_trunk_why(check_trunk_told(sigproxy, trunk));

	if (!span_eq(state, SPAN_LIT("failed")) &&
	    !span_eq(state, SPAN_LIT("expired")))
		return;
	json_number(row, "status", &status);
	f = finding_new(fs, FINDING_ERROR, mirror ? "mirror-not-registered" :
						   "trunk-not-registered");
	if (mirror)
		finding_what(f, "%.*s is not registered at the PBX %.*s, "
				"which cannot ring it: %.*s", ARG(number),
		    ARG(trunk), ARG(why));
	else
		finding_what(f, "we are not registered at %.*s, which sends "
				"us no calls: %.*s", ARG(trunk), ARG(why));
	if (status == 0)
		finding_seen(f, "%.*s since %.*s, as user %.*s: no answer%s%.*s",
		    ARG(state), ARG(text(row, "changed")),
		    ARG(text(row, "username")), lost.len > 0 ?
			"; no connection to it: " : "", ARG(lost));
	else
		finding_seen(f, "%.*s since %.*s, as user %.*s: it answered "
				"%llu", ARG(state), ARG(text(row, "changed")),
		    ARG(text(row, "username")), (unsigned long long)status);
	if (lost.len > 0 && status == 0)
		finding_do(f, "first the connection: postern explain trunk "
			      "%.*s says what it lacks", ARG(trunk));
	else
		put_remedy(f, row, mirror, status);
}

void
check_accounts(struct findings *fs, struct span rows, struct span sigproxy)
{
	struct json_each each;
	struct span row;

	if (rows.p == NULL || !json_is_array(rows))
		return;
	for (json_each_item(rows, &each); json_next(&each, NULL, &row);)
		check_account(fs, row, sigproxy);
}

void
check_mirrors(struct findings *fs, struct span rows)
{
	struct json_each each;
	struct span row, name;
	struct finding *f;
	uint64_t n = 0;

	if (rows.p == NULL || !json_is_array(rows))
		return;
	for (json_each_item(rows, &each); json_next(&each, NULL, &row);) {
		name = text(row, "name");
		json_number(row, "n", &n);
		f = finding_new(fs, FINDING_WARNING, "mirror-off");
		finding_what(f, "%llu numbers are to be registered at the PBX "
				"%.*s, and none is: it is a trunk like any "
				"other", (unsigned long long)n, ARG(name));
		finding_seen(f, "trunk.mirror is 0, and mirror has rows of it");
		finding_do(f, "postern trunk set %.*s mirror=1; or take them "
			      "away: postern mirror list, postern mirror del "
			      "NUMBER", ARG(name));
	}
}

void
check_emergency(struct findings *fs, const struct conf *c, struct span rows)
{
	struct finding *f;
	struct span one;
	char mem[200];
	struct buf b;

	if (rows.len > 0 && json_is_array(rows) && json_item(rows, 0, &one))
		return;
	buf_init(&b, mem, sizeof(mem) - 1);
	for (unsigned i = 0; i < c->n_emergency && b.len < 120; i++)
		buf_fmt(&b, "%s%s", i > 0 ? ", " : "", c->emergency[i]);
	mem[b.len] = '\0';
	f = finding_new(fs, FINDING_NOTE, "emergency-nowhere");
	finding_what(f, "a call for help (%s) reaches nobody: there is no "
			"trunk for calls out, and no subscriber of that "
			"number", mem);
	finding_seen(f, "no row of trunk has enabled and outbound, none of "
			"subscriber such a number");
	finding_do(f, "postern trunk add, of a provider or PBX that reaches "
		      "help; or tell people that these phones do not");
}

/* Who may take a call to one of [site] emergency. */
static char *
ask_emergency(const struct conf *c)
{
	char mem[1024];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_puts(&b, "SELECT name FROM trunk WHERE enabled = 1 AND outbound = 1 "
		     "UNION ALL SELECT number FROM subscriber WHERE enabled = 1 "
		     "AND number IN (''");
	for (unsigned i = 0; i < c->n_emergency; i++) {
		buf_puts(&b, ", ");
		(void)store_quote(&b, c->emergency[i]);
	}
	buf_puts(&b, ");");
	return store_ask_buf(c, &b);
}

void
check_trunks(struct check *k)
{
	struct span sigproxy = check_said(k, "sigproxy");
	char *said, *ways, *mirrors, *help;

	/* Of a store that is not in use check_store() says what is wrong. */
	if (k->n == 0 || geteuid() != 0 ||
	    access(k->conf->store_path, F_OK) != 0)
		return;
	said = store_ask(k->conf, SPAN_LIT(CHECK_ACCOUNTS ";"));
	if (said != NULL)
		check_accounts(k->found, span_str(said), sigproxy);
	free(said);
	ways = store_ask(k->conf, SPAN_LIT(CHECK_WAYS ";"));
	if (ways != NULL)
		check_trunk_ways(k->found, span_str(ways), sigproxy);
	free(ways);
	mirrors = store_ask(k->conf, SPAN_LIT(CHECK_MIRRORS ";"));
	if (mirrors != NULL)
		check_mirrors(k->found, span_str(mirrors));
	free(mirrors);
	help = ask_emergency(k->conf);
	if (help != NULL)
		check_emergency(k->found, k->conf, span_str(help));
	free(help);
}
