/* `postern explain CALL`: what became of a call. */
#include <stdlib.h>
#include <string.h>

#include "postern/explain.h"
#include "postern/json.h"

struct span
explain_text(struct span row, const char *key)
{
	struct span s;

	return row.p != NULL && json_text(row, key, &s) ? s : SPAN_NONE;
}

uint64_t
explain_number(struct span row, const char *key)
{
	uint64_t v = 0;

	if (row.p != NULL)
		json_number(row, key, &v);
	return v;
}

/* ---- why it ended, or never began ---- */

struct end_rule {
	const char *reason;	/* call.reason, or call.verdict */
	const char *code;
	enum finding_level level;
	const char *what, *remedy;
};

static const struct end_rule end_rules[] = {
	{ "no-channel", "pool-empty", FINDING_ERROR,
	    "all channels of the relay were in use",
	    "raise [media] channels, and ports with it; `postern calls` shows "
	    "who talks" },
	{ "relay-full", "pool-empty", FINDING_ERROR,
	    "the relay had no ports left",
	    "give [media] ports and internal_ports more room" },
	{ "too-many-calls", "too-many-calls", FINDING_ERROR,
	    "there were too many calls at once", "end some; `postern calls`" },
	{ "no-relay", "relay-down", FINDING_ERROR,
	    "no mediaproxy was there", "postern status; its log says why" },
	{ "relay-silent", "relay-down", FINDING_ERROR,
	    "mediaproxy did not answer", "postern status; its log says why" },
	{ "no-ack", "no-ack", FINDING_ERROR,
	    "one phone answered and the other never acknowledged it (no ACK)",
	    "the phone sends its ACK to another address than it registers "
	    "with: a private address or a wrong port in its Contact or proxy "
	    "setting, or a router that rewrites SIP. In that phone: outbound "
	    "proxy = our address, SIP ALG off in its router, or TLS" },
	{ "no-answer", "no-answer", FINDING_NOTE,
	    "it rang, and nobody answered", "" },
	{ "no-device", "not-registered", FINDING_ERROR,
	    "no phone of the called number could be rung",
	    "postern explain, with the called number" },
	{ "no device registered", "not-registered", FINDING_ERROR,
	    "no phone of the called number is registered",
	    "postern explain, with the called number" },
	{ "no such number", "no-such-number", FINDING_ERROR,
	    "nobody has the dialled number",
	    "postern subscriber show lists all numbers" },
	{ "no-codec", "codec-mismatch", FINDING_ERROR,
	    "no codec is left that subscriber.codecs allows",
	    "postern sql \"SELECT number, codecs FROM subscriber\"; switch "
	    "one of these on in the phone" },
	{ "srtp-required", "srtp-required", FINDING_ERROR,
	    "subscriber.srtp asks for SRTP, and the call came, or could go, "
	    "in clear only",
	    "switch SRTP (SDES) on in the phone, or UPDATE subscriber SET "
	    "srtp = 'optional'" },
	{ "minutes-used-up", "cap", FINDING_WARNING,
	    "the minutes of the day were used up: the call was ended",
	    "docs/policy.md: minutes_day of its class, or a class_grant" },
	{ "money-used-up", "cap", FINDING_WARNING,
	    "the money of the day was used up: the call was ended",
	    "docs/policy.md: cost_day of its class, or a class_grant" },
	{ "right-withdrawn", "cap", FINDING_WARNING,
	    "the right to it ended while it ran",
	    "docs/policy.md: class_of_service, class_grant" },
	{ "subscriber-disabled", "disabled", FINDING_WARNING,
	    "a subscriber of it was disabled while it ran",
	    "postern subscriber enable NUMBER" },
	{ "trunk-disabled", "trunk-off", FINDING_WARNING,
	    "its trunk was disabled or removed while it ran",
	    "postern trunk show; postern trunk enable NAME, or make it anew" },
	{ "ended-by-admin", "ended-by-admin", FINDING_NOTE,
	    "an admin ended it", "" },
	{ "phone-silent", "phone-gone", FINDING_WARNING,
	    "a phone answered nothing any more",
	    "the phone's network; is the phone switched on?" },
	{ "phone-gone", "phone-gone", FINDING_WARNING,
	    "a phone did not come back after its connection was lost",
	    "the phone's network; is the phone switched on?" },
	{ "session-expired", "session-expired", FINDING_WARNING,
	    "the phone that was to refresh the session did not (RFC 4028)",
	    "session timers off in that phone, or newer firmware" },
	{ "dialog-unknown-to-phone", "phone-forgot", FINDING_WARNING,
	    "a phone did not know the call any more",
	    "it was started anew in the call?" },
	{ "signalling-restarted", "restarted", FINDING_NOTE,
	    "sigproxy was started anew while it rang", "dial again" },
	{ "redirected", "redirected", FINDING_NOTE,
	    "the called phone sent the caller elsewhere, and that did not "
	    "work", "its call forwarding: may it call that number?" },
};

static const struct end_rule *
rule_of(struct span word)
{
	for (size_t i = 0; i < sizeof(end_rules) / sizeof(end_rules[0]); i++)
		if (span_eq(word, span_str(end_rules[i].reason)))
			return &end_rules[i];
	return NULL;
}

/* By a word in call.rule; what it says is of the policy. */
static const struct {
	const char *part, *remedy;
} rule_remedies[] = {
	{ ": foreign host", "calls are sent on to numbers of this office only: "
	    "set the phone's forwarding or transfer to one. If that host is "
	    "ours: [site] aliases" },
	{ ": no number", "set the phone's forwarding or transfer to a number "
	    "of this office" },
	{ ": hours", "hours and days of its class: postern class show. More "
	    "by postern class set CLASS hours HH:MM-HH:MM, or postern grant "
	    "add for one number" },
	{ "number_class: forbidden", "postern class numbers forbidden lists "
	    "what is closed for all; postern class number PATTERN KIND opens "
	    "it" },
	{ "allowed_from", "from where it may be: postern subscriber from "
	    "NUMBER PREFIX,... or anywhere" },
	{ "internet", "if it may be on the internet: postern subscriber "
	    "internet NUMBER on" },
	{ "password", "its password was changed, and what the old one made "
	    "ended: set the new one in the phone" },
	{ "grant ", "postern grant list NUMBER: is it over, or used up?" },
};

static bool
ends_with(struct span s, struct span end)
{
	return s.len >= end.len &&
	    span_eq(span_sub(s, s.len - end.len, s.len), end);
}

static const char *
remedy_of(const struct explain *x, const char *otherwise)
{
	struct span rule = explain_text(x->call, "rule");
	const char *part;

	for (size_t i = 0; i < sizeof(rule_remedies) / sizeof(rule_remedies[0]);
	     i++) {
		part = rule_remedies[i].part;
		/* ": hours" stands at the end, "internet" is all of it */
		if (part[0] == ':' ? ends_with(rule, span_str(part)) :
		    span_starts(rule, span_str(part)))
			return rule_remedies[i].remedy;
	}
	return otherwise;
}

/* Whose word it was that ended it. */
static void
put_rule(const struct explain *x, struct buf *b)
{
	struct span rule = explain_text(x->call, "rule");

	if (rule.len > 0)
		buf_fmt(b, " (rule \"%.*s\")", EXPLAIN_ARG(rule));
}

static bool
is_of_policy(const struct end_rule *rule)
{
	return strcmp(rule->code, "cap") == 0 ||
	    strcmp(rule->code, "disabled") == 0 ||
	    strcmp(rule->code, "trunk-off") == 0;
}

static void
put_channels(const struct explain *x, struct buf *b)
{
	uint64_t used, most;

	if (x->sigproxy.p == NULL ||
	    !json_number(x->sigproxy, "channels", &used) ||
	    !json_number(x->sigproxy, "channels_max", &most))
		return;
	buf_fmt(b, "; channels in use now: %llu of %llu, refused since "
		   "sigproxy started: %llu", (unsigned long long)used,
	    (unsigned long long)most, (unsigned long long)
	    explain_number(x->sigproxy, "channels_refused"));
}

static void
say_rule(const struct explain *x, const struct end_rule *rule)
{
	struct finding *f = finding_new(x->found, rule->level, rule->code);
	struct span contact = explain_text(x->call, "caller_contact");
	bool said_by_rule = strcmp(rule->reason, "right-withdrawn") == 0;
	char mem[128], by_mem[128];
	struct buf more, by;

	buf_init(&by, by_mem, sizeof(by_mem));
	if (is_of_policy(rule))
		put_rule(x, &by);
	finding_what(f, "%.*s to %.*s: %s%.*s",
	    EXPLAIN_ARG(explain_text(x->call, "caller")),
	    EXPLAIN_ARG(explain_text(x->call, "called")), rule->what,
	    (int)by.len, by_mem);
	buf_init(&more, mem, sizeof(mem));
	if (strcmp(rule->code, "pool-empty") == 0)
		put_channels(x, &more);
	finding_seen(f, "call %llu of %.*s: status %llu, %s; caller at %.*s%s"
			"%.*s, called at %.*s%.*s",
	    (unsigned long long)explain_number(x->call, "ticket"),
	    EXPLAIN_ARG(explain_text(x->call, "granted")),
	    (unsigned long long)explain_number(x->call, "status"),
	    rule->reason, EXPLAIN_ARG(explain_text(x->call, "from_source")),
	    contact.len > 0 ? ", which calls itself " : "",
	    EXPLAIN_ARG(contact),
	    EXPLAIN_ARG(explain_text(x->call, "called_source")),
	    (int)more.len, mem);
	if (strcmp(rule->code, "trunk-off") == 0)
		finding_do(f, "postern trunk show %.*s; if it should: postern "
			      "trunk enable %.*s",
		    EXPLAIN_ARG(explain_text(x->call, "trunk")),
		    EXPLAIN_ARG(explain_text(x->call, "trunk")));
	else
		finding_do(f, "%s", said_by_rule ? remedy_of(x, rule->remedy) :
						   rule->remedy);
}

/* A status that the called phone gave. */
static void
say_refused(const struct explain *x, uint64_t status)
{
	static const struct {
		uint64_t status;
		const char *code, *what, *remedy;
		enum finding_level level;
	} rows[] = {
		{ 486, "busy", "was busy", "", FINDING_NOTE },
		{ 600, "busy", "was busy", "", FINDING_NOTE },
		{ 603, "declined", "declined", "", FINDING_NOTE },
		{ 488, "codec-mismatch", "and the caller's phone have no "
		    "codec in common, or one insists on SRTP",
		    "switch the same codec on in both (PCMA or PCMU), and "
		    "SRTP to the same setting", FINDING_ERROR },
		{ 606, "codec-mismatch", "and the caller's phone have no "
		    "codec in common", "switch the same codec on in both "
		    "(PCMA or PCMU)", FINDING_ERROR },
		{ 415, "codec-mismatch", "did not take the kind of call",
		    "switch the same codec on in both (PCMA or PCMU)",
		    FINDING_ERROR },
		{ 408, "phone-silent", "never answered our INVITE: its "
		    "registration is older than its network",
		    "a shorter registration interval in the phone; "
		    "postern sql \"SELECT * FROM home\"", FINDING_WARNING },
		{ 404, "phone-unknown", "says that it is not that number",
		    "its number or user name is set differently",
		    FINDING_ERROR },
	};
	struct finding *f;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].status != status)
			continue;
		f = finding_new(x->found, rows[i].level, rows[i].code);
		finding_what(f, "%.*s to %.*s: the called phone %s",
		    EXPLAIN_ARG(explain_text(x->call, "caller")),
		    EXPLAIN_ARG(explain_text(x->call, "called")),
		    rows[i].what);
		finding_seen(f, "call %llu of %.*s: it answered with %llu",
		    (unsigned long long)explain_number(x->call, "ticket"),
		    EXPLAIN_ARG(explain_text(x->call, "granted")),
		    (unsigned long long)status);
		finding_do(f, "%s", rows[i].remedy);
		return;
	}
	finding_note(x->found, "refused", "%.*s to %.*s ended with %llu %.*s",
	    EXPLAIN_ARG(explain_text(x->call, "caller")),
	    EXPLAIN_ARG(explain_text(x->call, "called")),
	    (unsigned long long)status,
	    EXPLAIN_ARG(explain_text(x->call, "reason")));
}

/* Refused by the office's own rules. */
static bool
say_denied(const struct explain *x, struct span verdict)
{
	struct span kind = explain_text(x->call, "number_class");
	struct span pattern = explain_text(x->call, "pattern");
	struct span via = explain_text(x->call, "via");
	struct finding *f;

	if (!span_eq(span_sub(verdict, 0, 8), SPAN_LIT("denied: ")))
		return false;
	f = finding_new(x->found, FINDING_ERROR, "class-denied");
	finding_what(f, "%.*s may not %s %.*s: %.*s",
	    EXPLAIN_ARG(explain_text(x->call, "caller")),
	    via.len == 0 || span_eq(via, SPAN_LIT("call")) ?
		"call" : "send a call on to",
	    EXPLAIN_ARG(explain_text(x->call, "called")),
	    EXPLAIN_ARG(span_sub(verdict, 8, verdict.len)));
	finding_seen(f, "call %llu of %.*s: rule \"%.*s\"%s%.*s%s%.*s",
	    (unsigned long long)explain_number(x->call, "ticket"),
	    EXPLAIN_ARG(explain_text(x->call, "granted")),
	    EXPLAIN_ARG(explain_text(x->call, "rule")),
	    kind.len > 0 ? ", the number is " : "", EXPLAIN_ARG(kind),
	    pattern.len > 0 ? " by the pattern " : "",
	    EXPLAIN_ARG(pattern));
	finding_do(f, "%s", remedy_of(x, "if it should: docs/policy.md; a "
		      "class_grant for this number, or more in its "
		      "class_of_service"));
	return true;
}

/* He dialled a number that is shut out. */
static bool
say_shut(const struct explain *x, struct span verdict)
{
	struct span number = explain_text(x->called, "number");
	struct finding *f;

	if (number.len == 0 || explain_number(x->called, "enabled") != 0 ||
	    !span_eq(verdict, SPAN_LIT("no such number")))
		return false;
	f = finding_new(x->found, FINDING_ERROR, "called-disabled");
	finding_what(f, "%.*s to %.*s: %.*s is disabled, so calls to it end "
			"with 404",
	    EXPLAIN_ARG(explain_text(x->call, "caller")),
	    EXPLAIN_ARG(explain_text(x->call, "called")), EXPLAIN_ARG(number));
	finding_seen(f, "call %llu of %.*s; subscriber.enabled is 0",
	    (unsigned long long)explain_number(x->call, "ticket"),
	    EXPLAIN_ARG(explain_text(x->call, "granted")));
	finding_do(f, "if it should: postern subscriber enable %.*s",
	    EXPLAIN_ARG(number));
	return true;
}

static void
explain_end(const struct explain *x)
{
	struct span verdict = explain_text(x->call, "verdict");
	const struct end_rule *rule =
	    rule_of(explain_text(x->call, "reason"));
	uint64_t status = explain_number(x->call, "status");

	if (say_denied(x, verdict) || say_shut(x, verdict) ||
	    explain_trunk(x))
		return;
	if (verdict.len > 0 && !span_eq(verdict, SPAN_LIT("granted")))
		rule = rule_of(verdict);
	if (rule != NULL)
		say_rule(x, rule);
	else if (status >= 300)
		say_refused(x, status);
}

/* ---- all of it ---- */

static void
say_fine(const struct explain *x)
{
	bool heard = explain_text(x->call, "media_verdict").len > 0;
	char mem[FINDING_TEXT_MAX];
	struct finding *f;
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	if (heard)
		explain_put_hearing(x, &b);
	explain_put_sound(x, &b);
	explain_put_evidence(x, &b);
	f = finding_new(x->found, FINDING_OK, "call-fine");
	finding_what(f, "call %llu of %.*s, %.*s to %.*s: nothing was wrong "
			"that is known%s%.*s",
	    (unsigned long long)explain_number(x->call, "ticket"),
	    EXPLAIN_ARG(explain_text(x->call, "granted")),
	    EXPLAIN_ARG(explain_text(x->call, "caller")),
	    EXPLAIN_ARG(explain_text(x->call, "called")),
	    heard ? "; the sound of both came to us" : "", (int)b.len, mem);
}

void
explain_call(const struct explain *x)
{
	unsigned before = x->found->n;

	if (x->call.p == NULL)
		return;
	explain_end(x);
	explain_sound(x);
	if (x->found->n == before)
		say_fine(x);
}
