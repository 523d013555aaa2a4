/* `postern explain NUMBER`: TLS handshakes that came to nothing. */
#include "postern/explain.h"
#include "postern/json.h"

struct tls_rule {
	const char *why;	/* as sigproxy says it */
	const char *code, *what, *remedy;
	bool anybodys;	/* worth a word even if nobody knows whose it was */
};

static const struct tls_rule rules[] = {
	{ "tls-certificate-expired", "certificate-expired",
	    "does not take our certificate, which has expired",
	    "`postern cert create --renew`, or your ACME tool; then `postern "
	    "reload`. Phones come back by themselves", true },
	{ "tls-certificate-not-trusted", "certificate-not-trusted",
	    "does not trust our certificate",
	    "install the CA certificate of `postern cert` in the phone, and "
	    "give it a server name that the certificate has", true },
	{ "tls-too-old", "tls-too-old", "speaks no TLS 1.2",
	    "newer firmware; without, UDP or TCP in the phone", true },
	{ "tls-nothing-in-common", "tls-nothing-in-common",
	    "and we have no cipher in common",
	    "newer firmware, or an RSA certificate: `postern cert create`",
	    true },
	{ "tls-no-signature", "tls-no-signature",
	    "could not be proved who we are: keyd gave no signature",
	    "postern status; keyd's log says why", true },
	{ "sip-without-tls", "sip-without-tls",
	    "speaks SIP without TLS on the port for TLS",
	    "in the phone: transport TLS, or the port for UDP and TCP",
	    false },
};

/* By its clock; ours is right, or `postern check` says so. */
static const struct tls_rule clock_rule = { "", "phone-clock",
	"says that our certificate has expired, which it has not: the "
	"phone's clock is wrong",
	"a time server (NTP) in the phone; its battery", true };

static const struct tls_rule *
rule_of(const struct explain *x, struct span why)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (!span_eq(why, span_str(rules[i].why)))
			continue;
		return i == 0 && x->certificates_good ? &clock_rule :
							&rules[i];
	}
	return NULL;
}

/* "ADDRESS:PORT" or "[ADDRESS]:PORT" of that address? */
static bool
is_at(struct span source, struct span address)
{
	if (source.len > 0 && source.p[0] == '[')
		source = span_sub(source, 1, source.len);
	return address.len > 0 && source.len > address.len &&
	    span_eq(span_sub(source, 0, address.len), address) &&
	    (source.p[address.len] == ':' || source.p[address.len] == ']');
}

static bool
is_its_home(const struct explain *x, struct span at)
{
	struct json_each e;
	struct span phone;

	if (x->phones.p == NULL)
		return false;
	for (json_each_item(x->phones, &e); json_next(&e, NULL, &phone);)
		if (is_at(explain_text(phone, "source"), at))
			return true;
	return false;
}

static void
say(const struct explain *x, struct span r, const struct tls_rule *rule,
    bool its)
{
	struct finding *f = finding_new(x->found, FINDING_ERROR, rule->code);
	struct span number = explain_text(r, "number");

	if (its)
		finding_what(f, "a phone at %s's address %s", x->number,
		    rule->what);
	else
		finding_what(f, "a phone that is not registered, perhaps "
				"%s's, %s", x->number, rule->what);
	finding_seen(f, "%s: %llu TLS handshakes from %.*s ended so, the last "
			"%llu s ago%s%.*s", rule == &clock_rule ?
		rules[0].why : rule->why,
	    (unsigned long long)explain_number(r, "count"),
	    EXPLAIN_ARG(explain_text(r, "at")),
	    (unsigned long long)explain_number(r, "ago_s"),
	    number.len > 0 ? "; last registered there: " : "",
	    EXPLAIN_ARG(number));
	finding_do(f, "%s", rule->remedy);
}

bool
explain_tls(const struct explain *x)
{
	const struct tls_rule *rule;
	struct json_each each;
	struct span all, r, number;
	bool its, any = false, none = x->phones.p == NULL ||
	    !json_item(x->phones, 0, &r);

	if (x->sigproxy.p == NULL ||
	    !json_member(x->sigproxy, "tls_failures", &all))
		return false;
	for (json_each_item(all, &each); json_next(&each, NULL, &r);) {
		number = explain_text(r, "number");
		its = span_eq(number, span_str(x->number)) ||
		    is_its_home(x, explain_text(r, "at"));
		rule = rule_of(x, explain_text(r, "why"));
		if (rule == NULL || (!its && (!none || !rule->anybodys)))
			continue;
		say(x, r, rule, its);
		any = any || its;
	}
	return any;
}
