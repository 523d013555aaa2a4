/* `postern explain`: what became of a call at the trunks it was sent to. */
#include <string.h>

#include "postern/explain.h"
#include "postern/json.h"

/* ---- what a trunk did instead of taking it ---- */

struct try_rule {
	const char *why;	/* call_try.why */
	const char *code;
	enum finding_level level;
	const char *what, *remedy;
};

static const struct try_rule try_rules[] = {
	{ "silent", "trunk-silent", FINDING_ERROR,
	    "did not answer the INVITE at all",
	    "is it there (`postern trunk show`, address and port), does a "
	    "firewall in between let UDP through, does the provider know our "
	    "address? A second way for such times: docs/trunks.md" },
	{ "stalled", "trunk-stalled", FINDING_WARNING,
	    "said that it works on it, and then nothing more",
	    "nobody took it there, or the provider's other side is silent: "
	    "ask the provider" },
	{ "unreachable", "trunk-unreachable", FINDING_ERROR,
	    "could not be reached: the connection to it is lost",
	    "postern status: its connection; is it there, and does a firewall "
	    "let us out to it?" },
	{ "password", "trunk-password", FINDING_ERROR,
	    "does not accept the user name or the password that it is given",
	    "postern trunk password NAME; username and auth_username as the "
	    "provider wrote them (`postern trunk show NAME`). Of a mirror: "
	    "the password that the PBX has for the number, docs/mirror.md" },
	{ "no-password", "trunk-no-password", FINDING_ERROR,
	    "asks for a password, and none is set for it",
	    "postern trunk password NAME; or let the provider know us by our "
	    "address" },
	{ "challenge", "trunk-challenge", FINDING_ERROR,
	    "asks for a password in a way that is not answered",
	    "Digest with MD5, SHA-256 or SHA-512-256 and qop auth or none is: "
	    "ask the provider" },
	{ "realm", "trunk-realm", FINDING_ERROR,
	    "asks for a password in a realm that is not the trunk's, so it "
	    "got none",
	    "if that is the provider's realm: postern trunk set NAME realm=..., "
	    "as it is in \"seen\"; else another machine answered" },
	{ "ours", "trunk-ours", FINDING_ERROR,
	    "could not be sent the call, by a fault of ours",
	    "postern status; the logs of sigproxy and registrar-db" },
};

/* A final answer of its own. */
static const struct {
	unsigned first, last;
	enum finding_level level;
	const char *what, *remedy;
} answers[] = {
	{ 300, 399, FINDING_WARNING, "sent the call elsewhere, which a trunk "
	    "may not", "ask the provider for the address that takes calls" },
	{ 402, 402, FINDING_ERROR, "wants to be paid first",
	    "the account at the provider" },
	{ 403, 403, FINDING_ERROR, "does not allow the call",
	    "ask the provider: is the account in order, may it call that "
	    "number, is our address or the caller's number (caller_number, "
	    "did) one that it accepts?" },
	{ 404, 404, FINDING_ERROR, "does not know the number as it was sent",
	    "is it as the provider wants it? trunk.numbers, and strip and "
	    "prepend of the route: docs/trunks.md" },
	{ 410, 410, FINDING_NOTE, "says that the number is no longer in use",
	    "" },
	{ 484, 485, FINDING_ERROR, "finds the number too short, or unclear",
	    "is it as the provider wants it? trunk.numbers, and strip and "
	    "prepend of the route: docs/trunks.md" },
	{ 604, 604, FINDING_ERROR, "says that the number exists nowhere",
	    "is it as the provider wants it? trunk.numbers, and strip and "
	    "prepend of the route: docs/trunks.md" },
	{ 486, 486, FINDING_NOTE, "says that the number is busy", "" },
	{ 600, 600, FINDING_NOTE, "says that the number is busy", "" },
	{ 603, 603, FINDING_NOTE, "says that the call was declined", "" },
	{ 607, 608, FINDING_NOTE, "says that the call was declined", "" },
	{ 408, 408, FINDING_WARNING, "itself got no answer to it",
	    "ask the provider" },
	{ 480, 480, FINDING_NOTE, "says that the number is not to be had now",
	    "" },
	{ 415, 415, FINDING_ERROR, "takes none of the codecs offered",
	    "switch PCMA or PCMU on in the phone; subscriber.codecs; "
	    "trunk.srtp as the provider wants it" },
	{ 488, 488, FINDING_ERROR, "takes none of the codecs offered, or "
	    "wants SRTP otherwise",
	    "switch PCMA or PCMU on in the phone; subscriber.codecs; "
	    "trunk.srtp as the provider wants it" },
	{ 606, 606, FINDING_ERROR, "takes none of the codecs offered, or "
	    "wants SRTP otherwise",
	    "switch PCMA or PCMU on in the phone; subscriber.codecs; "
	    "trunk.srtp as the provider wants it" },
	{ 500, 599, FINDING_ERROR, "has a fault, or no line free",
	    "ask the provider; a second way for such times: docs/trunks.md" },
	{ 0, 699, FINDING_WARNING, "refused the call", "ask the provider" },
};

/* Gives: what it was, with the row of its answer for a refusal. */
static struct try_rule
rule_of(struct span try)
{
	struct span why = explain_text(try, "why");
	uint64_t status = explain_number(try, "status");
	size_t i;

	for (i = 0; i < sizeof(try_rules) / sizeof(try_rules[0]); i++)
		if (span_eq(why, span_str(try_rules[i].why)))
			return try_rules[i];
	for (i = 0; i + 1 < sizeof(answers) / sizeof(answers[0]); i++)
		if (status >= answers[i].first && status <= answers[i].last)
			break;
	return (struct try_rule){ "refused", "trunk-refused",
		answers[i].level, answers[i].what, answers[i].remedy };
}

static void
put_answer(struct buf *b, struct span try)
{
	struct span words = explain_text(try, "words");
	uint64_t status = explain_number(try, "status");

	if (status != 0)
		buf_fmt(b, "it answered %llu", (unsigned long long)status);
	else if (span_eq(explain_text(try, "why"), SPAN_LIT("silent")))
		buf_fmt(b, "nothing came for %llu s (wait_s)",
		    (unsigned long long)explain_number(try, "wait_s"));
	else
		buf_puts(b, "no final answer of it");
	if (span_eq(explain_text(try, "why"), SPAN_LIT("password")) ||
	    span_eq(explain_text(try, "why"), SPAN_LIT("realm")))
		buf_fmt(b, "; its realm is \"%.*s\", that of the trunk \"%.*s\"",
		    EXPLAIN_ARG(words), EXPLAIN_ARG(explain_text(try, "realm")));
	else if (words.len > 0)
		buf_fmt(b, " %.*s", EXPLAIN_ARG(words));
}

static bool
is_answered(const struct explain *x)
{
	return explain_text(x->call, "answered").len > 0;
}

static void
say_try(const struct explain *x, struct span try)
{
	struct try_rule rule = rule_of(try);
	char mem[FINDING_TEXT_MAX];
	struct finding *f;
	struct buf b;

	/* It came through all the same. */
	if (is_answered(x) && rule.level > FINDING_WARNING)
		rule.level = FINDING_WARNING;
	f = finding_new(x->found, rule.level, rule.code);
	finding_what(f, "%.*s to %.*s: the trunk %.*s %s%s",
	    EXPLAIN_ARG(explain_text(x->call, "caller")),
	    EXPLAIN_ARG(explain_text(x->call, "called")),
	    EXPLAIN_ARG(explain_text(try, "trunk")), rule.what,
	    is_answered(x) ? "; the next way took it" : "");
	buf_init(&b, mem, sizeof(mem));
	put_answer(&b, try);
	finding_seen(f, "call %llu of %.*s, by %.*s at %.*s, the number last "
			"sent as %.*s: %.*s",
	    (unsigned long long)explain_number(x->call, "ticket"),
	    EXPLAIN_ARG(explain_text(x->call, "granted")),
	    EXPLAIN_ARG(explain_text(try, "trunk")),
	    EXPLAIN_ARG(explain_text(try, "address")),
	    EXPLAIN_ARG(explain_text(x->call, "sent")), (int)b.len, mem);
	finding_do(f, "%s", rule.remedy);
}

/* ---- it was not even tried ---- */

static void
say_untried(const struct explain *x)
{
	struct span name = explain_text(x->call, "trunk"), first, all;
	struct span is = check_trunk_told(x->sigproxy, name);
	struct span why = check_trunk_why(is);
	uint64_t most = explain_number(is, "channels");
	bool full = most > 0 && explain_number(is, "calls") >= most;
	bool nowhere = is.p != NULL &&
	    json_member(is, "reached_at", &all) && !json_item(all, 0, &first);
	struct finding *f;

	f = finding_new(x->found, FINDING_ERROR, full ? "trunk-full" :
	    "trunk-not-tried");
	finding_what(f, "%.*s to %.*s: the trunk %.*s was not tried: %s%.*s",
	    EXPLAIN_ARG(explain_text(x->call, "caller")),
	    EXPLAIN_ARG(explain_text(x->call, "called")), EXPLAIN_ARG(name),
	    full ? "all its channels are in use" :
	    is.p == NULL ? "sigproxy does not know it" :
	    why.len > 0 ? "there is no connection to it: " :
	    nowhere ? "there is no address of it, or no connection to it" :
		"it had no channel or no connection left then",
	    full ? 0 : (int)why.len, full ? "" : why.p);
	finding_seen(f, "call %llu of %.*s, %.*s: status %llu, %.*s; calls of "
			"the trunk now %llu, channels %llu",
	    (unsigned long long)explain_number(x->call, "ticket"),
	    EXPLAIN_ARG(explain_text(x->call, "granted")),
	    EXPLAIN_ARG(explain_text(x->call, "route")),
	    (unsigned long long)explain_number(x->call, "status"),
	    EXPLAIN_ARG(explain_text(x->call, "reason")),
	    (unsigned long long)explain_number(is, "calls"),
	    (unsigned long long)most);
	finding_do(f, "postern trunk show %.*s: enabled, address, transport, "
		      "channels (as many as the provider gives); "
		      "`postern check` tests the name servers",
	    EXPLAIN_ARG(name));
	check_trunk_way(x->found, x->by, is);
}

/* ---- it is asked just now ---- */

/* By a route or a prefix; "did ..." and "mirror" lead in. */
static bool
is_outwards(const struct explain *x)
{
	struct span route = explain_text(x->call, "route");

	return span_eq(route, SPAN_LIT("prefix")) ||
	    span_eq(span_sub(route, 0, 6), SPAN_LIT("route "));
}

/* No word yet of a phone that rings: at most a 100, which says nothing. */
static bool
say_waiting(const struct explain *x)
{
	struct span name = explain_text(x->call, "trunk");
	struct finding *f;

	if (!is_outwards(x) || name.len == 0 ||
	    !span_eq(explain_text(x->call, "state"), SPAN_LIT("granted")))
		return false;
	f = finding_new(x->found, FINDING_NOTE, "trunk-waiting");
	finding_what(f, "%.*s to %.*s: we still wait for the trunk %.*s: it "
			"has not said that anything rings",
	    EXPLAIN_ARG(explain_text(x->call, "caller")),
	    EXPLAIN_ARG(explain_text(x->call, "called")), EXPLAIN_ARG(name));
	finding_seen(f, "call %llu of %.*s began %llu s ago, sent as %.*s; "
			"wait_s of the trunk is %llu",
	    (unsigned long long)explain_number(x->call, "ticket"),
	    EXPLAIN_ARG(explain_text(x->call, "granted")),
	    (unsigned long long)explain_number(x->call, "age_s"),
	    EXPLAIN_ARG(explain_text(x->call, "sent")),
	    (unsigned long long)explain_number(x->by, "wait_s"));
	finding_do(f, "ask again once it has ended; postern trunk status "
		      "%.*s", EXPLAIN_ARG(name));
	return true;
}

/* ---- nothing leads there ---- */

static void
say_no_route(const struct explain *x)
{
	struct span name = explain_text(x->shut, "name");
	uint64_t route = explain_number(x->shut, "route");
	struct finding *f;

	f = finding_new(x->found, FINDING_ERROR, "no-route");
	finding_what(f, "nothing leads to %.*s: it is no subscriber's, and "
			"no route or trunk takes it%s%.*s%s",
	    EXPLAIN_ARG(explain_text(x->call, "called")),
	    name.len > 0 ? "; the trunk " : "", EXPLAIN_ARG(name),
	    name.len > 0 ? " would, but is switched off, or its route is" :
			   "");
	finding_seen(f, "call %llu of %.*s: no route, number class %.*s",
	    (unsigned long long)explain_number(x->call, "ticket"),
	    EXPLAIN_ARG(explain_text(x->call, "granted")),
	    EXPLAIN_ARG(explain_text(x->call, "number_class")));
	if (name.len == 0)
		finding_do(f, "postern trunk show: is the trunk switched off "
			      "that should take it? Else a prefix of a trunk, "
			      "or a row of route that fits the number: "
			      "docs/trunks.md");
	else if (explain_number(x->shut, "enabled") == 0)
		finding_do(f, "postern trunk enable %.*s", EXPLAIN_ARG(name));
	else if (explain_number(x->shut, "outbound") == 0)
		finding_do(f, "postern trunk set %.*s outbound=1",
		    EXPLAIN_ARG(name));
	else
		finding_do(f, "postern sql \"UPDATE route SET enabled = 1 "
			      "WHERE id = %llu\"", (unsigned long long)route);
}

/* ---- all of it ---- */

/* Did it end because of what the trunks said? */
static bool
is_theirs(const struct explain *x, struct span last)
{
	static const char *const ends[] = { "refused", "no-answer",
		"redirected", "no-device" };
	struct span reason = explain_text(x->call, "reason");

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (span_eq(reason, span_str(ends[i])))
			return !is_answered(x) && span_eq(explain_text(last,
			    "trunk"), explain_text(x->call, "trunk"));
	return false;
}

bool
explain_trunk(const struct explain *x)
{
	struct span last = SPAN_NONE, one;
	struct json_each each;

	if (span_eq(explain_text(x->call, "verdict"), SPAN_LIT("no route"))) {
		say_no_route(x);
		return true;
	}
	if (x->tries.p != NULL)
		for (json_each_item(x->tries, &each);
		     json_next(&each, NULL, &one); last = one)
			say_try(x, one);
	if (say_waiting(x))
		return true;
	if (last.p != NULL) {
		check_trunk_way(x->found, x->by, check_trunk_told(x->sigproxy,
		    explain_text(x->by, "name")));
		return is_theirs(x, last);
	}
	if (!is_outwards(x) ||
	    !span_eq(explain_text(x->call, "reason"), SPAN_LIT("no-device")))
		return false;
	say_untried(x);
	return true;
}

void
explain_trunk_row(const struct explain *x)
{
	struct span is = check_trunk_told(x->sigproxy,
	    span_str(x->number));
	struct finding *f;

	if (x->trunk.p == NULL) {
		f = finding_new(x->found, FINDING_ERROR, "no-trunk");
		finding_what(f, "there is no trunk %s", x->number);
		finding_seen(f, "no row in trunk");
		finding_do(f, "postern trunk show lists all");
		return;
	}
	if (explain_number(x->trunk, "enabled") == 0) {
		f = finding_new(x->found, FINDING_ERROR, "trunk-off");
		finding_what(f, "the trunk %s is switched off", x->number);
		finding_seen(f, "trunk.enabled is 0");
		finding_do(f, "postern trunk enable %s", x->number);
		return;
	}
	if (check_trunk_why(is).len > 0) {
		check_trunk_way(x->found, x->trunk, is);
		return;
	}
	finding_ok(x->found, "trunk", "the trunk %s is %.*s by %.*s: calls "
	    "in %llu, out %llu, ways that failed %llu since sigproxy started",
	    x->number, EXPLAIN_ARG(explain_text(x->trunk, "address")),
	    EXPLAIN_ARG(explain_text(x->trunk, "transport")),
	    (unsigned long long)explain_number(is, "calls_in"),
	    (unsigned long long)explain_number(is, "calls_out"),
	    (unsigned long long)explain_number(is, "failed"));
}
