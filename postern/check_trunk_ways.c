/* `postern check` and `explain`: trunks by TCP and TLS that have no connection,
 * as sigproxy says of each, and what to do. */
#include <string.h>

#include "common/base/buf.h"
#include "postern/check.h"
#include "postern/json.h"

#define ARG(s) (int)(s).len, (s).p == NULL ? "" : (s).p

static struct span
text(struct span row, const char *key)
{
	struct span s;

	return row.p != NULL && json_text(row, key, &s) ? s : SPAN_NONE;
}

struct span
check_trunk_told(struct span sigproxy, struct span name)
{
	struct span all, one;
	struct json_each each;

	if (sigproxy.p == NULL || !json_member(sigproxy, "trunks", &all))
		return SPAN_NONE;
	for (json_each_item(all, &each); json_next(&each, NULL, &one);)
		if (span_eq(text(one, "name"), name))
			return one;
	return SPAN_NONE;
}

struct span
check_trunk_why(struct span told)
{
	struct span all, one;

	if (told.p == NULL || (json_member(told, "reached_at", &all) &&
		json_item(all, 0, &one)))
		return SPAN_NONE;
	return text(told, "why");
}

/* ---- what to do ---- */

struct way_rule {
	const char *part;	/* of sigproxy's words */
	const char *code, *remedy;
	bool shows;		/* openssl does */
};

static const struct way_rule rules[] = {
	{ "CA that is not known", "trunk-ca",
	    "the provider's CA certificate (from the provider, or your own "
	    "CA's) in a PEM file, together with those already in use; "
	    "[tls] trunk_ca = that file; then start Postern anew", true },
	{ "certificate expired", "trunk-certificate",
	    "the provider must renew its certificate; is our clock right?",
	    true },
	{ "not valid before", "trunk-certificate",
	    "is our clock right? Else the provider's certificate is not in "
	    "use yet", true },
	{ "certificate is for", "trunk-certificate",
	    "the trunk's address is to be the name in the certificate: "
	    "postern trunk set NAME address=..., if that is the provider's",
	    true },
	{ "certificate", "trunk-certificate",
	    "ask the provider about its certificate", true },
	{ "TLS", "trunk-no-tls",
	    "the provider's port for TLS (mostly 5061) in address, or "
	    "transport=tcp: postern trunk set NAME", true },
	{ "", "trunk-not-connected",
	    "address, port and transport as the provider wrote them (postern "
	    "trunk show NAME); does the office's firewall let us out to it?",
	    false },
};

static const struct way_rule *
rule_of(struct span why)
{
	const struct way_rule *r = rules;

	while (r->part[0] != '\0' && (why.len == 0 ||
		memmem(why.p, why.len, r->part, strlen(r->part)) == NULL))
		r++;
	return r;
}

/* Where it was dialled; empty: it is not known. */
static struct span
place_of(struct span told)
{
	struct span all, one;

	return json_member(told, "connections", &all) &&
	    json_item(all, 0, &one) ? text(one, "address") : SPAN_NONE;
}

/* "itsp.example.net" of that, with or without a port. */
static struct span
host_of(struct span address)
{
	ptrdiff_t colon = span_find(address, ':');

	return address.len > 0 && address.p[0] != '[' && colon >= 0 ?
	    span_sub(address, 0, (size_t)colon) : address;
}

static void
put_openssl(struct buf *b, struct span row, struct span place)
{
	struct span host = host_of(text(row, "address"));

	buf_puts(b, ". It shows itself by: openssl s_client -connect ");
	buf_put(b, place);
	if (host.len > 0 && host.p[0] != '[')
		buf_fmt(b, " -servername %.*s", ARG(host));
	buf_puts(b, " -showcerts </dev/null (\"i:\" names the CA, \"s:\" the "
		    "name)");
}

void
check_trunk_way(struct findings *fs, struct span row, struct span told)
{
	struct span why = check_trunk_why(told), name = text(row, "name");
	const struct way_rule *rule = rule_of(why);
	struct span place;
	char mem[400];
	struct finding *f;
	struct buf b;

	if (why.len == 0)
		return;
	place = place_of(told);
	buf_init(&b, mem, sizeof(mem));
	if (rule->shows && place.len > 0)
		put_openssl(&b, row, place);
	f = finding_new(fs, FINDING_ERROR, rule->code);
	finding_what(f, "there is no connection to the trunk %.*s, so no call "
			"goes there: %.*s", ARG(name), ARG(why));
	finding_seen(f, "%.*s by %.*s, dialled at %.*s: sigproxy says: %.*s",
	    ARG(text(row, "address")), ARG(text(row, "transport")),
	    ARG(place), ARG(why));
	finding_do(f, "%s%.*s", rule->remedy, (int)b.len, mem);
}

void
check_trunk_ways(struct findings *fs, struct span rows, struct span sigproxy)
{
	struct json_each each;
	struct span row;

	if (rows.p == NULL || !json_is_array(rows))
		return;
	for (json_each_item(rows, &each); json_next(&each, NULL, &row);)
		check_trunk_way(fs, row, check_trunk_told(sigproxy,
		    text(row, "name")));
}
