/*
 * Do this machine's own rules let in what must come in?  Read as text, so
 * with modesty: a rule that is not understood counts as one that lets in.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "postern/check.h"

#define TABLE_NAME_MAX 64

/* One `table` of the list that has a chain on the input hook which drops
 * what no rule accepts. */
struct table {
	char name[TABLE_NAME_MAX];
	bool drops;
	const char *begin, *end;
};

/* What must come in. */
struct need {
	enum zone zone;
	const char *proto;
	uint16_t first, last;
};

static bool
has(const char *line, size_t len, const char *word)
{
	return memmem(line, len, word, strlen(word)) != NULL;
}

/* The next table; false: no more. */
static bool
next_table(const char **at, struct table *out)
{
	const char *p = *at, *hook;
	struct span name;

	while (p != NULL && strncmp(p, "table ", 6) != 0)
		p = (p = strchr(p, '\n')) == NULL ? NULL : p + 1;
	if (p == NULL)
		return false;
	name = span_trim(span_make(p + 6, strcspn(p + 6, "{\n")));
	snprintf(out->name, sizeof(out->name), "%.*s", (int)name.len, name.p);
	out->begin = p;
	out->end = strstr(p, "\n}");
	if (out->end == NULL)
		out->end = p + strlen(p);
	hook = memmem(p, (size_t)(out->end - p), "hook input", 10);
	out->drops = hook != NULL &&
	    has(hook, strcspn(hook, "\n"), "policy drop");
	*at = out->end;
	return true;
}

/* Do the ports after `dport` include this one? */
static bool
ports_have(const char *p, const char *end, unsigned port)
{
	while (p < end && (isspace((unsigned char)*p) || *p == '{' ||
			      *p == ','))
		p++;
	while (p < end && isdigit((unsigned char)*p)) {
		unsigned long lo = strtoul(p, (char **)&p, 10), hi = lo;

		if (p < end && *p == '-')
			hi = strtoul(p + 1, (char **)&p, 10);
		if (port >= lo && port <= hi)
			return true;
		while (p < end && (*p == ',' || *p == ' '))
			p++;
	}
	return false;
}

/* May this rule let in what comes to that port? */
static bool
may_accept(const char *line, size_t len, const struct need *need,
    unsigned port)
{
	static const char *const narrow[] = { "ct state", "iif \"lo\"",
		"iifname \"lo\"", "icmp" };
	const char *dport = memmem(line, len, "dport", 5);
	const char *other = strcmp(need->proto, "udp") == 0 ? "tcp" : "udp";

	if (!has(line, len, "accept") || has(line, len, "policy accept"))
		return false;
	if (has(line, len, "saddr") && need->zone == ZONE_EXTERNAL)
		return false;
	if (dport != NULL) {
		dport += 5;
		if (dport >= line + 9 && strncmp(dport - 9, other, 3) == 0)
			return false;
		if (memchr(dport, '@', (size_t)(line + len - dport)) != NULL)
			return true;
		return ports_have(dport, line + len, port);
	}
	for (size_t i = 0; i < sizeof(narrow) / sizeof(narrow[0]); i++) {
		if (has(line, len, narrow[i]))
			return false;
	}
	return true;
}

static bool
lets_in(const struct table *t, const struct need *need, unsigned port)
{
	const char *line = t->begin;

	while (line < t->end) {
		const char *nl = memchr(line, '\n', (size_t)(t->end - line));
		size_t len = (size_t)((nl == NULL ? t->end : nl) - line);

		if (may_accept(line, len, need, port))
			return true;
		line += len + 1;
	}
	return false;
}

static void
check_need(struct findings *fs, const struct table *t, const struct need *need)
{
	struct finding *f;

	if (need->first == 0 || (lets_in(t, need, need->first) &&
		lets_in(t, need, need->last)))
		return;
	f = finding_new(fs, FINDING_ERROR, "firewall-blocks");
	finding_what(f, "this machine's own firewall keeps out %s %u%s%.0u "
			"from the %s", need->proto, need->first,
	    need->last == need->first ? "" : "-",
	    need->last == need->first ? 0 : need->last,
	    need->zone == ZONE_EXTERNAL ? "internet" : "office");
	finding_seen(f, "nft list ruleset: table %s drops on input and accepts "
			"no such port", t->name);
	finding_do(f, "leave it on and add one rule: `postern check --router` "
		      "prints it");
}

void
check_input_rules(struct findings *fs, const struct conf *c, const char *rules)
{
	const bool tls = conf_has_tls(c);
	const struct need needs[] = {
		{ ZONE_EXTERNAL, "udp", c->external_udp, c->external_udp },
		{ ZONE_EXTERNAL, "tcp", c->external_tcp, c->external_tcp },
		{ ZONE_EXTERNAL, "tcp", tls ? c->external_tls : 0,
		    c->external_tls },
		{ ZONE_EXTERNAL, "udp", c->ports_first, c->ports_last },
		{ ZONE_INTERNAL, "udp", c->internal_udp, c->internal_udp },
		{ ZONE_INTERNAL, "tcp", c->internal_tcp, c->internal_tcp },
		{ ZONE_INTERNAL, "tcp", tls ? c->internal_tls : 0,
		    c->internal_tls },
		{ ZONE_INTERNAL, "udp", c->internal_ports_first,
		    c->internal_ports_last },
	};
	struct table t;

	while (next_table(&rules, &t)) {
		for (size_t i = 0; t.drops &&
		     i < sizeof(needs) / sizeof(needs[0]); i++)
			check_need(fs, &t, &needs[i]);
	}
}
