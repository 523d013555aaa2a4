/* `postern check`: what DNS tells phones about us. */
#include <errno.h>
#include <string.h>

#include "postern/check.h"
#include "postern/json.h"
#include "postern/names.h"
#include "postern/sheet.h"

#define ADDRS_MAX 8

struct looked_up {
	struct addr addr[ADDRS_MAX];
	int n;			/* or a negative errno */
	char text[ADDRS_MAX * (ADDR_TEXT_MAX + 2)];
};

static void
look_up(const char *name, struct looked_up *out)
{
	struct buf b;

	out->n = names_addrs(name, out->addr, ADDRS_MAX);
	buf_init(&b, out->text, sizeof(out->text) - 1);
	for (int i = 0; i < out->n; i++) {
		buf_puts(&b, i > 0 ? ", " : "");
		addr_put_ip(&b, &out->addr[i]);
	}
	out->text[b.len] = '\0';
}

static bool
has_addr(const struct looked_up *l, const struct addr *want)
{
	for (int i = 0; i < l->n; i++) {
		if (addr_same_ip(&l->addr[i], want))
			return true;
	}
	return false;
}

static const char *
ip_text(const struct addr *a, char mem[ADDR_TEXT_MAX + 1])
{
	struct buf b;

	buf_init(&b, mem, ADDR_TEXT_MAX);
	addr_put_ip(&b, a);
	mem[b.len] = '\0';
	return mem;
}

static void
silent(struct check *k, const char *name, enum finding_level level)
{
	struct finding *f = finding_new(k->found, level, "dns-silent");

	finding_what(f, "no name server answered about %s", name);
	finding_seen(f, "asked those of /etc/resolv.conf for %d ms",
	    2 * NAMES_WAIT_MS);
	finding_do(f, "look at /etc/resolv.conf and the way to the internet; "
		      "stunmon needs them too");
}

/* The address that STUN saw, whatever is configured; ADDR_NONE: none. */
static struct addr
seen_by_stun(const struct check *k)
{
	struct span said = check_said(k, "stunmon"), list, one, text;
	struct addr a = { 0 };

	if (said.p == NULL)
		return a;
	if (json_text(said, "stun_address", &text) &&
	    addr_parse_ip(text, &a) == 0)
		return a;
	if (json_member(said, "sockets", &list) && json_item(list, 0, &one) &&
	    json_text(one, "mapped", &text) && addr_parse(text, 1, &a) == 0)
		return a;
	return (struct addr){ 0 };
}

/* ---- public = NAME ---- */

static void
name_is_nobody(struct check *k)
{
	struct finding *f = finding_new(k->found, FINDING_ERROR, "dns-none");

	finding_what(f, "the dynamic name %s has no address: no phone finds "
			"us", k->conf->public_name);
	finding_seen(f, "A and AAAA: none");
	finding_do(f, "look at the account of the dynamic DNS provider (free "
		      "ones expire) and at what updates it");
}

static void
name_is_stale(struct check *k, const struct looked_up *l,
    const struct addr *seen)
{
	struct finding *f = finding_new(k->found, FINDING_ERROR, "dns-stale");
	char mem[ADDR_TEXT_MAX + 1];

	finding_what(f, "DNS sends phones elsewhere: %s is not our public "
			"address", k->conf->public_name);
	finding_seen(f, "A and AAAA of %s: %s; our address is %s",
	    k->conf->public_name, l->text, ip_text(seen, mem));
	finding_do(f, "look at what updates the dynamic name (the router, or "
		      "a client), and at its account");
}

static void
check_public_name(struct check *k)
{
	struct addr seen = seen_by_stun(k);
	struct looked_up l;
	struct finding *f;

	look_up(k->conf->public_name, &l);
	if (l.n == -ENOENT) {
		if (!findings_have(k->found, "dns-none"))
			name_is_nobody(k);
	} else if (l.n < 0) {
		silent(k, k->conf->public_name, FINDING_WARNING);
	} else if (!addr_is_public(&l.addr[0])) {
		f = finding_new(k->found, FINDING_ERROR, "dns-private");
		finding_what(f, "%s leads to an address that the internet "
				"does not reach", k->conf->public_name);
		finding_seen(f, "A and AAAA: %s", l.text);
		finding_do(f, "it must name the router's public address; "
			      "correct what updates it");
	} else if (findings_have(k->found, "dns-stale")) {
		return;	/* stunmon saw it first */
	} else if (seen.family != ADDR_NONE && !has_addr(&l, &seen)) {
		name_is_stale(k, &l, &seen);
	} else {
		finding_ok(k->found, "dns-name", "%s is %s",
		    k->conf->public_name, l.text);
	}
}

/* ---- the domain, as phones look it up (RFC 3263) ---- */

/* Gives whether there is such a record. */
static bool
check_srv(struct check *k, const char *service, uint16_t port)
{
	char name[CONF_NAME_MAX + 16];
	struct names_srv srv[ADDRS_MAX];
	struct finding *f;
	int n;

	snprintf(name, sizeof(name), "%s.%s", service, k->conf->domain);
	n = names_srv(name, srv, ADDRS_MAX);
	for (int i = 0; i < n; i++) {
		if (srv[i].port == port)
			return true;
	}
	if (n <= 0)
		return false;
	f = finding_new(k->found, FINDING_WARNING, "dns-srv");
	finding_what(f, "SRV sends phones to another port than ours");
	finding_seen(f, "%s: port %u at %s; phones reach us at %u", name,
	    srv[0].port, srv[0].target, port);
	finding_do(f, "correct the zone; `postern check --router` prints its "
		      "lines");
	return true;
}

static bool
check_srvs(struct check *k)
{
	const struct conf *c = k->conf;
	bool any = false;

	if (c->external_udp != 0)
		any |= check_srv(k, "_sip._udp",
		    sheet_outside(c->external_udp_advertised,
			c->external_udp));
	if (c->external_tcp != 0)
		any |= check_srv(k, "_sip._tcp",
		    sheet_outside(c->external_tcp_advertised,
			c->external_tcp));
	if (conf_has_tls(c) && c->external_tls != 0)
		any |= check_srv(k, "_sips._tcp",
		    sheet_outside(c->external_tls_advertised,
			c->external_tls));
	return any;
}

static void
domain_elsewhere(struct check *k, const struct looked_up *l,
    const struct addr *public)
{
	struct finding *f = finding_new(k->found, FINDING_WARNING,
	    "dns-elsewhere");
	char mem[ADDR_TEXT_MAX + 1];

	finding_what(f, "phones that are given only the domain %s go to "
			"another address", k->conf->domain);
	finding_seen(f, "A and AAAA: %s, no SRV; our address is %s", l->text,
	    ip_text(public, mem));
	finding_do(f, "correct the A record, or add the SRV lines of `postern "
		      "check --router`, or give phones the server's address");
}

static void
check_domain(struct check *k)
{
	struct addr public = check_public(k->conf, check_said(k, "stunmon"));
	struct looked_up l;

	look_up(k->conf->domain, &l);
	if (l.n < 0 && l.n != -ENOENT) {
		silent(k, k->conf->domain, FINDING_NOTE);
		return;
	}
	if (check_srvs(k))
		return;
	if (l.n < 0)
		finding_note(k->found, "dns-no-domain", "the domain %s is not "
		    "in DNS: give phones a server beside it, or put the lines "
		    "of `postern check --router` into the zone",
		    k->conf->domain);
	else if (public.family != ADDR_NONE && !has_addr(&l, &public) &&
	    !findings_have(k->found, "dns-stale"))
		domain_elsewhere(k, &l, &public);
	else if (public.family == ADDR_NONE || has_addr(&l, &public))
		finding_ok(k->found, "dns-domain", "%s is %s",
		    k->conf->domain, l.text);
}

void
check_names(struct check *k)
{
	struct addr ip;

	if (k->conf->public_how == PUBLIC_NAME)
		check_public_name(k);
	if (addr_parse_ip(span_str(k->conf->domain), &ip) != 0 &&
	    (k->conf->public_how != PUBLIC_NAME ||
		strcasecmp(k->conf->domain, k->conf->public_name) != 0))
		check_domain(k);
}
