/* `postern explain NUMBER`: registration. */
#include <string.h>

#include "postern/explain.h"
#include "postern/json.h"

bool
explain_has_phones(const struct explain *x)
{
	struct span one;

	return x->phones.p != NULL && json_item(x->phones, 0, &one);
}

/* ---- the row, its phones, their homes ---- */

static void
explain_row(const struct explain *x)
{
	struct span realm = explain_text(x->subscriber, "realm");
	struct finding *f;

	if (explain_number(x->subscriber, "enabled") == 0) {
		f = finding_new(x->found, FINDING_ERROR, "disabled");
		finding_what(f, "%s is disabled: its phones may not register, "
				"and calls to it end with 404", x->number);
		finding_seen(f, "subscriber.enabled is 0");
		finding_do(f, "postern subscriber enable %s", x->number);
	}
	if (realm.len > 0 && !span_eq(realm, span_str(x->conf->realm))) {
		f = finding_new(x->found, FINDING_ERROR, "realm-changed");
		finding_what(f, "the password of %s was set for another realm",
		    x->number);
		finding_seen(f, "subscriber.realm is %.*s, [site] realm %s",
		    EXPLAIN_ARG(realm), x->conf->realm);
		finding_do(f, "postern subscriber passwd %s, or set realm "
			      "back", x->number);
	}
}

static void
say_phone(const struct explain *x, struct span phone)
{
	struct span closed = explain_text(phone, "closed");
	struct finding *f;

	if (closed.len == 0) {
		finding_ok(x->found, "registered", "%s is registered by %.*s "
			"from %.*s (%.*s): %.*s", x->number,
		    EXPLAIN_ARG(explain_text(phone, "transport")),
		    EXPLAIN_ARG(explain_text(phone, "source")),
		    EXPLAIN_ARG(explain_text(phone, "zone")),
		    EXPLAIN_ARG(explain_text(phone, "user_agent")));
		return;
	}
	f = finding_new(x->found, FINDING_WARNING, "connection-closed");
	finding_what(f, "a phone of %s closed its connection: it is called "
			"again once it has registered again", x->number);
	finding_seen(f, "registered by %.*s from %.*s, closed %.*s",
	    EXPLAIN_ARG(explain_text(phone, "transport")),
	    EXPLAIN_ARG(explain_text(phone, "source")), EXPLAIN_ARG(closed));
	finding_do(f, "a shorter registration interval in the phone; is it "
		      "switched on?");
}

static void
say_home(const struct explain *x, struct span home)
{
	struct finding *f;

	if (explain_text(home, "sip_alg").len == 0)
		return;
	f = finding_new(x->found, FINDING_ERROR, "home-alg");
	finding_what(f, "the router of %s's home rewrites SIP (SIP ALG): "
			"calls get no sound or are lost", x->number);
	finding_seen(f, "home %.*s by %.*s: sip_alg is %.*s",
	    EXPLAIN_ARG(explain_text(home, "address")),
	    EXPLAIN_ARG(explain_text(home, "transport")),
	    EXPLAIN_ARG(explain_text(home, "sip_alg")));
	finding_do(f, "switch SIP ALG off in that router, or let the phone "
		      "use TLS, which it cannot read");
}

static void
each(const struct explain *x, struct span list,
    void (*say)(const struct explain *x, struct span one))
{
	struct json_each e;
	struct span one;

	if (list.p == NULL)
		return;
	for (json_each_item(list, &e); json_next(&e, NULL, &one);)
		say(x, one);
}

/* ---- it was, and is not any more ---- */

/* Did its side of the last call fall silent there, or never answer again? */
static bool
went_in_call(const struct explain *x)
{
	static const char *const verdicts[] = { "fell-silent", "home-lost",
		"stopped-sending" };
	static const char *const ends[] = { "phone-gone", "phone-silent",
		"session-expired" };
	bool is_caller = span_eq(explain_text(x->call, "caller"),
	    span_str(x->number));
	struct span verdict = explain_text(x->call, is_caller ?
		"caller_media" : "called_media");
	struct span source = explain_text(x->call, is_caller ?
		"from_source" : "called_source");
	struct span reason = explain_text(x->call, "reason");
	bool went = false;

	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		went = went || span_eq(verdict, span_str(verdicts[i]));
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		went = went || span_eq(reason, span_str(ends[i]));
	return went && source.len > 0 &&
	    span_eq(source, explain_text(x->before, "source"));
}

static const char *
why_lapsed(const struct explain *x)
{
	if (explain_number(x->before, "expired") == 0)
		return "its phone took its registration back, as one does "
		       "that is switched off, or an admin ended it";
	if (went_in_call(x))
		return "it went away in the middle of its last call and was "
		       "never heard again: its power was cut, or that home "
		       "lost its line";
	return "its phone is switched off, has lost its network, or nothing "
	       "from there reaches us any more";
}

static void
say_lapsed(const struct explain *x)
{
	bool expired = explain_number(x->before, "expired") != 0;
	struct span agent = explain_text(x->before, "user_agent");
	struct finding *f;

	f = finding_new(x->found, FINDING_ERROR, "registration-lapsed");
	finding_what(f, "%s was registered until %.*s and has not come back: "
			"%s", x->number,
	    EXPLAIN_ARG(explain_text(x->before, "ended")), why_lapsed(x));
	finding_seen(f, "it was at %.*s by %.*s%s%.*s; %s",
	    EXPLAIN_ARG(explain_text(x->before, "source")),
	    EXPLAIN_ARG(explain_text(x->before, "transport")),
	    agent.len > 0 ? ": " : "", EXPLAIN_ARG(agent),
	    expired ? "no REGISTER renewed it" : "it ended before its time");
	finding_do(f, "is that phone switched on, has it power, and is its "
		      "network up? If it is, and other phones outside work: "
		      "postern-probe in that home. If none does: `postern "
		      "check`");
}

/* The row of what is dropped in which that place lies. */
static bool
find_drop(const struct explain *x, struct span source, struct span *row_out)
{
	struct addr_prefix p;
	struct json_each e;
	struct addr a;

	if (x->drops.p == NULL || addr_parse(source, 1, &a) != 0)
		return false;
	for (json_each_item(x->drops, &e); json_next(&e, NULL, row_out);)
		if (addr_prefix_parse(explain_text(*row_out, "prefix"), &p) ==
			0 && addr_prefix_has(&p, &a))
			return true;
	return false;
}

/* Gives whether the place where it was last is dropped. */
static bool
say_dropped(const struct explain *x)
{
	struct span source = explain_text(x->before, "source"), row, until;
	struct finding *f;

	if (!find_drop(x, source, &row))
		return false;
	until = explain_text(row, "until");
	f = finding_new(x->found, FINDING_ERROR, "dropped");
	finding_what(f, "what comes from the place where %s was registered "
			"last is dropped unread", x->number);
	finding_seen(f, "it was at %.*s; %.*s is in the list (%.*s)%s%.*s",
	    EXPLAIN_ARG(source), EXPLAIN_ARG(explain_text(row, "prefix")),
	    EXPLAIN_ARG(explain_text(row, "why")), until.len > 0 ?
		", until " : ", for good", EXPLAIN_ARG(until));
	finding_do(f, "postern drops clear %.*s, if that is no guesser's; the "
		      "phone comes back with its next REGISTER",
	    EXPLAIN_ARG(explain_text(row, "prefix")));
	return true;
}

static void
say_unregistered(const struct explain *x, bool refused)
{
	struct finding *f;

	if (explain_has_phones(x) ||
	    explain_number(x->subscriber, "enabled") == 0)
		return;
	if (say_dropped(x) || refused)
		return;
	if (x->before.p != NULL) {
		say_lapsed(x);
		return;
	}
	f = finding_new(x->found, FINDING_ERROR, "not-registered");
	finding_what(f, "no phone of %s is registered, and none tries: "
			"nothing with its user name has reached us",
	    x->number);
	finding_seen(f, "no row in registration, no refused answer %s",
	    x->registrar.p != NULL ? "since registrar-db started" :
		"that is known: registrar-db was not asked");
	finding_do(f, "in the phone: server, port and transport as `postern "
		      "check` says. From outside: run postern-probe there, "
		      "which tells whether the office's router blocks SIP or "
		      "forwards it to the wrong host%s", x->drops.p == NULL ?
		"" : ". Some places are dropped unread: is it one of `postern "
		"drops`?");
}

/* ---- nobody's number ---- */

/* Ids of calls are of that form; numbers hardly ever. */
static bool
is_call_id(const char *word)
{
	return strlen(word) >= EXPLAIN_CALL_DIGITS &&
	    strspn(word, "0123456789") == strlen(word);
}

static void
say_no_call(const struct explain *x)
{
	struct finding *f = finding_new(x->found, FINDING_ERROR,
	    "no-such-call");

	finding_what(f, "there is no call %s: it never was, or its record was "
			"deleted", x->number);
	if (x->conf->keep_records_days > 0)
		finding_seen(f, "no row in live_call or call_record; records "
				"are kept for %u days ([store] "
				"keep_records_days)",
		    (unsigned)x->conf->keep_records_days);
	else
		finding_seen(f, "no row in live_call or call_record; the "
				"newest 200,000 records are kept ([store] "
				"keep_records_days is 0)");
	finding_do(f, "the ids of calls: postern calls, postern calls "
		      "--past=100; those of one number: postern calls "
		      "--past=100 NUMBER");
}

static void
say_nobody(const struct explain *x)
{
	struct finding *f;

	if (x->call.p != NULL) {
		finding_note(x->found, "not-ours", "%s is no subscriber of "
			"ours; this is of the last call with it", x->number);
		return;
	}
	if (is_call_id(x->number)) {
		say_no_call(x);
		return;
	}
	f = finding_new(x->found, FINDING_ERROR, "no-subscriber");
	finding_what(f, "there is no subscriber %s, and no call with that "
			"number", x->number);
	finding_seen(f, "no row in subscriber, live_call or call_record");
	finding_do(f, "postern subscriber show lists all; to make it: postern "
		      "subscriber add %s", x->number);
}

/* ---- all of it ---- */

void
explain_phone(const struct explain *x)
{
	bool refused;

	if (x->subscriber.p == NULL) {
		say_nobody(x);
		return;
	}
	explain_row(x);
	refused = explain_refusals(x);
	each(x, x->phones, say_phone);
	each(x, x->homes, say_home);
	check_accounts(x->found, x->accounts, x->sigproxy);
	check_phones_of(x->found, x->sigproxy, span_str(x->number));
	refused = explain_tls(x) || refused;
	say_unregistered(x, refused);
}
