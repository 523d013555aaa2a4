/* `postern explain NUMBER`: answers that were refused, and whose they were. */
#include <string.h>

#include "postern/explain.h"
#include "postern/json.h"

struct refusal_rule {
	const char *why;	/* as registrar-db says it */
	const char *code;
	const char *what;	/* of the phone */
	const char *remedy;
	bool proves;		/* it gave the right password */
};

static const struct refusal_rule refusal_rules[] = {
	{ "wrong password", "wrong-password",
	    "answers with a wrong password",
	    "give it a new one, `postern subscriber passwd NUMBER`, and type "
	    "that into the phone; its user name (\"SIP User ID\") must be as "
	    "`postern subscriber show` says, its realm that of [site]", false },
	{ "too many wrong passwords", "metered",
	    "gave so many wrong passwords that answers are not "
	    "looked at for a while",
	    "correct the password in the phone, switch it off for five "
	    "minutes, then on; nobody else is kept out by this", false },
	{ "no internet flag", "internet-flag-missing",
	    "registers from the internet, which it may not",
	    "if it should: postern subscriber internet NUMBER on", true },
	{ "not from an address in allowed_from", "not-from-there",
	    "is at an address from which it may not register",
	    "postern sql \"SELECT * FROM allowed_from\": insert that address, "
	    "or delete the number's rows", false },
	{ "subscriber is disabled", "disabled",
	    "registers, but the subscriber is disabled",
	    "if it should: postern subscriber enable NUMBER", true },
	{ "another subscriber's number", "number-differs",
	    "registers another number than its own with this user "
	    "name",
	    "in the phone: number and user name of one and the same "
	    "subscriber", true },
	{ "digest weaker than its min_digest", "digest-weak",
	    "answers with a weaker digest than min_digest asks for",
	    "newer firmware; or UPDATE subscriber SET min_digest = NULL", false },
};

static const struct refusal_rule *
rule_of(struct span why)
{
	size_t n = sizeof(refusal_rules) / sizeof(refusal_rules[0]);

	for (size_t i = 0; i < n; i++)
		if (span_eq(why, span_str(refusal_rules[i].why)))
			return &refusal_rules[i];
	return NULL;
}

/* ---- whose answer it was ---- */

enum whose {
	ITS_PHONE,		/* as far as can be told */
	A_PHONE,		/* its own, or somebody else's */
	BESIDE_ITS_PHONE,	/* not that which is registered */
	A_STRANGERS,
};

/* "192.0.2.1" of "192.0.2.1:5060", "[2001:db8::1]" of "[2001:db8::1]:5060". */
static struct span
host_of(struct span source)
{
	size_t n = source.len;

	while (n > 0 && source.p[n - 1] != ':')
		n--;
	return span_sub(source, 0, n > 0 ? n - 1 : source.len);
}

/* Is one of its phones there?  By a router that is one port. */
static bool
is_registered_at(const struct explain *x, struct span source)
{
	struct json_each e;
	struct span phone;

	if (x->phones.p == NULL || source.len == 0)
		return false;
	for (json_each_item(x->phones, &e); json_next(&e, NULL, &phone);)
		if (span_eq(explain_text(phone, "source"), source))
			return true;
	return false;
}

static bool
was_registered_there(const struct explain *x, struct span source)
{
	struct span before = explain_text(x->before, "source");

	return before.len > 0 && span_eq(host_of(before), host_of(source));
}

/* Was its phone registered when that came? */
static bool
was_registered_then(const struct explain *x, struct span r)
{
	uint64_t ended_s;

	return explain_has_phones(x) || (x->before.p != NULL &&
		json_number(x->before, "ended_ago_s", &ended_s) &&
		explain_number(r, "ago_s") > ended_s);
}

static enum whose
whose(const struct explain *x, struct span r, const struct refusal_rule *rule)
{
	struct span source = explain_text(r, "source");
	bool known = json_truth(r, "known_source") == JSON_YES;

	if (rule->proves || json_truth(r, "known_device") == JSON_YES ||
	    is_registered_at(x, source))
		return ITS_PHONE;
	if (!was_registered_then(x, r))
		return was_registered_there(x, source) ? ITS_PHONE : A_PHONE;
	if (known || was_registered_there(x, source) ||
	    !span_eq(explain_text(r, "zone"), SPAN_LIT("external")))
		return BESIDE_ITS_PHONE;
	return A_STRANGERS;
}

/* ---- what is said of it ---- */

static void
say_beside(const struct explain *x, struct span r, struct finding *f)
{
	const char *is = explain_has_phones(x) ? "is" : "was";
	bool home = span_eq(explain_text(r, "zone"), SPAN_LIT("external"));

	finding_what(f, "answers for %s were refused that came %s, and not "
			"from the phone that %s registered: another phone of "
			"%s there, or somebody else%s; which of them cannot "
			"be told from here", x->number, home ?
		"from its phone's own address" : "from inside the office",
	    is, x->number, home ? " behind the same router or carrier" : "");
	finding_do(f, "is there a second phone or an app for %s? Give it the "
		      "right user name and password. If not, somebody there "
		      "guesses: a registered phone is not hindered by that",
	    x->number);
}

static struct finding *
new_refusal(const struct explain *x, struct span r,
    const struct refusal_rule *rule)
{
	enum whose is = whose(x, r, rule);
	struct finding *f;

	if (is == A_STRANGERS) {
		f = finding_new(x->found, FINDING_NOTE, "guessed");
		finding_what(f, "somebody tries passwords of %s; its own "
				"phone %s registered, and is not hindered",
		    x->number, explain_has_phones(x) ? "is" : "was");
	} else if (is == BESIDE_ITS_PHONE) {
		f = finding_new(x->found, FINDING_WARNING, "other-device");
		say_beside(x, r, f);
	} else {
		f = finding_new(x->found, FINDING_ERROR, rule->code);
		finding_what(f, "%s: %s %s", x->number, is == ITS_PHONE ?
			"its phone" : "its phone, or somebody who guesses,",
		    rule->what);
		finding_do(f, "%s", rule->remedy);
	}
	return f;
}

static void
say_refusal(const struct explain *x, struct span r,
    const struct refusal_rule *rule)
{
	struct finding *f = new_refusal(x, r, rule);

	finding_seen(f, "\"%s\" %llu times, the last %llu s ago from %.*s, "
			"user name %.*s", rule->why,
	    (unsigned long long)explain_number(r, "count"),
	    (unsigned long long)explain_number(r, "ago_s"),
	    EXPLAIN_ARG(explain_text(r, "source")),
	    EXPLAIN_ARG(explain_text(r, "username")));
}

/* Not its own user name, but its number is in it: a slip in the phone. */
static void
say_unknown_name(const struct explain *x, struct span r)
{
	struct span name = explain_text(r, "username");
	struct finding *f;

	if (explain_has_phones(x) || name.len == 0 ||
	    memmem(name.p, name.len, x->number, strlen(x->number)) == NULL)
		return;
	f = finding_new(x->found, FINDING_ERROR, "username-unknown");
	finding_what(f, "a phone answers with the user name %.*s, which "
			"nobody has", EXPLAIN_ARG(name));
	finding_seen(f, "%llu times, the last %llu s ago from %.*s",
	    (unsigned long long)explain_number(r, "count"),
	    (unsigned long long)explain_number(r, "ago_s"),
	    EXPLAIN_ARG(explain_text(r, "source")));
	finding_do(f, "%s's user name is %.*s: set it as \"SIP User ID\" or "
		      "\"authentication name\"", x->number,
	    EXPLAIN_ARG(explain_text(x->subscriber, "username")));
}

bool
explain_refusals(const struct explain *x)
{
	uint64_t id = explain_number(x->subscriber, "id");
	const struct refusal_rule *rule;
	unsigned before = findings_count(x->found, FINDING_ERROR);
	struct json_each each;
	struct span all, r;
	uint64_t his;

	if (x->registrar.p == NULL ||
	    !json_member(x->registrar, "refusals", &all))
		return false;
	for (json_each_item(all, &each); json_next(&each, NULL, &r);) {
		rule = rule_of(explain_text(r, "why"));
		if (!json_number(r, "subscriber", &his))
			say_unknown_name(x, r);
		else if (his == id && rule != NULL)
			say_refusal(x, r, rule);
	}
	return findings_count(x->found, FINDING_ERROR) > before;
}
