/*
 * `postern check`: our public address, the office's router, and how media
 * gets in.  Pure: from the configuration and what stunmon and a relay say;
 * what they do not say is unknown and left out.
 */
#include <string.h>

#include "postern/check.h"
#include "postern/json.h"

enum truth_of_nat { NAT_UNKNOWN, NAT_KEEPS, NAT_SYMMETRIC };

static const char *
ip_text(const struct addr *a, char mem[ADDR_TEXT_MAX + 1])
{
	struct buf b;

	buf_init(&b, mem, ADDR_TEXT_MAX);
	addr_put_ip(&b, a);
	mem[b.len] = '\0';
	return mem;
}

struct addr
check_public(const struct conf *c, struct span stunmon)
{
	struct addr a = { 0 };
	struct span text;

	if (c->public_how == PUBLIC_ADDRESS)
		return c->public_addr;
	if (c->public_how == PUBLIC_NONE)
		return addr_is_public(&c->external[0]) ? c->external[0] : a;
	if (stunmon.p != NULL && json_text(stunmon, "public", &text) &&
	    addr_parse_ip(text, &a) == 0)
		return a;
	return (struct addr){ 0 };
}

/* ---- the configuration alone ---- */

static void
check_5061(struct findings *fs, const char *key, uint16_t port)
{
	struct finding *f;

	if (port != 5061)
		return;
	f = finding_new(fs, FINDING_WARNING, "port-5061");
	finding_what(f, "%s = 5061 is the port at which TLS trunks knock: a "
			"trunk could not have it any more", key);
	finding_seen(f, "[listen] %s", key);
	finding_do(f, "5071 for the internet's side, 5062 for the office's");
}

static void
check_own_address(struct findings *fs, const struct addr *a)
{
	char mem[ADDR_TEXT_MAX + 1];
	struct finding *f;

	if (addr_is_public(a))
		return;
	f = finding_new(fs, FINDING_WARNING, "address-not-public");
	finding_what(f, "no phone on the internet reaches %s, but `public = "
			"none` says that it is our public address",
	    ip_text(a, mem));
	finding_seen(f, "[address] external and public");
	finding_do(f, "behind a router set public to its public ADDRESS or "
		      "NAME, or `public = stun` with `stun = HOST:PORT`");
}

static void
check_fixed_address(struct findings *fs, const struct addr *a)
{
	bool shared = addr_classify(a) == ADDR_SHARED;
	char mem[ADDR_TEXT_MAX + 1];
	struct finding *f;

	if (addr_is_public(a))
		return;
	f = finding_new(fs, FINDING_ERROR,
	    shared ? "impossible-cgn" : "public-not-public");
	finding_what(f, shared ?
		"the provider's NAT stands between the router and the "
		"internet: nothing can be forwarded through it, so no phone "
		"reaches us" :
		"the public address is none that the internet reaches");
	finding_seen(f, "[address] public = %s", ip_text(a, mem));
	finding_do(f, shared ?
		"ask the provider for a public IPv4 address, or use IPv6 on "
		"both sides" :
		"set it to the address that the router has from the provider, "
		"or to stun");
}

void
check_ports_plan(struct findings *fs, const struct conf *c)
{
	check_5061(fs, "external_udp", c->external_udp);
	check_5061(fs, "external_tcp", c->external_tcp);
	check_5061(fs, "external_tls", c->external_tls);
	check_5061(fs, "internal_udp", c->internal_udp);
	check_5061(fs, "internal_tcp", c->internal_tcp);
	check_5061(fs, "internal_tls", c->internal_tls);
	for (unsigned i = 0; c->public_how == PUBLIC_NONE &&
	     i < c->n_external; i++)
		check_own_address(fs, &c->external[i]);
	if (c->public_how == PUBLIC_ADDRESS)
		check_fixed_address(fs, &c->public_addr);
	if (c->public_how == PUBLIC_STUN && c->n_stun == 1)
		finding_note(fs, "stun-single", "one STUN server alone is "
		    "believed whatever it says; name a second one in "
		    "[address] stun");
}

/* ---- STUN ---- */

/* Why a server is of no use; NULL: it is.  By the word of a newer stunmon,
 * else by its numbers. */
static const char *
fault_of_server(struct span one, uint64_t answers, uint64_t silent,
    uint64_t wrong)
{
	struct span state, address;

	if (json_text(one, "state", &state)) {
		if (span_eq(state, SPAN_LIT("wrong")))
			return "stun-wrong";
		if (span_eq(state, SPAN_LIT("unresolved")))
			return "stun-name";
		return span_eq(state, SPAN_LIT("silent")) ? "stun-silent" :
							    NULL;
	}
	if (wrong > 0)
		return "stun-wrong";
	if (json_truth(one, "usable") == JSON_NO)
		return json_text(one, "address", &address) ? "stun-silent" :
							     "stun-name";
	return answers == 0 && silent > 0 ? "stun-silent" : NULL;
}

static void
check_server(struct findings *fs, struct span one)
{
	struct span host = SPAN_LIT("?"), at = SPAN_LIT("no address");
	uint64_t answers = 0, silent = 0, wrong = 0;
	struct finding *f;
	const char *code;

	json_text(one, "host", &host);
	json_text(one, "address", &at);
	json_number(one, "answers", &answers);
	json_number(one, "silent", &silent);
	json_number(one, "wrong", &wrong);
	code = fault_of_server(one, answers, silent, wrong);
	if (code == NULL)
		return;
	f = finding_new(fs, FINDING_WARNING, code);
	finding_what(f, "the STUN server %.*s (%.*s) %s", (int)host.len,
	    host.p, (int)at.len, at.p,
	    strcmp(code, "stun-wrong") == 0 ? "tells another address than the "
		"others: it is asked last" :
	    strcmp(code, "stun-name") == 0 ? "is not found by its name" :
		"does not answer");
	finding_seen(f, "stunmon: %llu answers, %llu times silent, %llu times "
			"wrong", (unsigned long long)answers,
	    (unsigned long long)silent, (unsigned long long)wrong);
	finding_do(f, "name another in [address] stun, your provider's first; "
		      "outgoing UDP to it must be let out");
}

static void
check_servers(struct findings *fs, struct span said)
{
	struct span list, one;

	if (!json_member(said, "servers", &list))
		return;
	for (unsigned i = 0; json_item(list, i, &one); i++)
		check_server(fs, one);
}

static void
unknown_public(struct findings *fs, struct span words)
{
	struct finding *f = finding_new(fs, FINDING_ERROR, "public-unknown");

	finding_what(f, "our public address is not known: calls with phones "
			"at home are refused");
	finding_seen(f, "stunmon: %.*s", (int)words.len, words.p);
	finding_do(f, "outgoing UDP to the STUN servers must be let out; or "
		      "set [address] public to your fixed address or dynamic "
		      "name");
}

static void
old_public(struct findings *fs, struct span said, struct span words,
    const char *ip)
{
	struct finding *f = finding_new(fs, FINDING_WARNING, "public-old");
	uint64_t ago_s;

	finding_what(f, "the public address %s is not confirmed: if it is not "
			"ours any more, phones at home are not heard", ip);
	if (json_number(said, "public_confirmed_s", &ago_s))
		finding_seen(f, "stunmon: %.*s; confirmed %llu s ago",
		    (int)words.len, words.p, (unsigned long long)ago_s);
	else
		finding_seen(f, "stunmon: %.*s", (int)words.len, words.p);
	finding_do(f, "look at the STUN servers and the way to the internet; "
		      "a dynamic DNS name in [address] name is a second "
		      "source");
}

/* Which server told, of the first socket that has been told. */
static struct span
teller(struct span said)
{
	struct span list, one, text = SPAN_LIT("?");

	if (json_member(said, "sockets", &list) && json_item(list, 0, &one))
		json_text(one, "server", &text);
	return text;
}

static void
check_state(struct findings *fs, const struct conf *c, struct span said)
{
	struct span state = SPAN_NONE, words = SPAN_LIT("(nothing)"), by;
	struct addr a = check_public(c, said);
	char mem[ADDR_TEXT_MAX + 1];

	if (!json_text(said, "public_state", &state))
		json_text(said, "state", &state);
	json_text(said, "words", &words);
	by = teller(said);
	if (span_eq(state, SPAN_LIT("unknown")))
		unknown_public(fs, words);
	else if (span_eq(state, SPAN_LIT("old")))
		old_public(fs, said, words, ip_text(&a, mem));
	else if (a.family != ADDR_NONE && c->public_how == PUBLIC_STUN)
		finding_ok(fs, "public", "our public address is %s, as the "
		    "STUN server %.*s sees it", ip_text(&a, mem), (int)by.len,
		    by.p);
	else if (a.family != ADDR_NONE)
		finding_ok(fs, "public", "our public address is %s, as "
		    "configured", ip_text(&a, mem));
}

/* ---- the office's router ---- */

static bool
says_word(struct span text, const char *word)
{
	return text.len > 0 &&
	    memmem(text.p, text.len, word, strlen(word)) != NULL;
}

static bool
any_socket(struct span said, const char *key)
{
	struct span list, one;

	if (!json_member(said, "sockets", &list))
		return false;
	for (unsigned i = 0; json_item(list, i, &one); i++) {
		if (json_truth(one, key) == JSON_YES)
			return true;
	}
	return false;
}

static enum truth_of_nat
nat_of(struct span said)
{
	struct span text;

	if (json_text(said, "nat_mapping", &text)) {
		if (says_word(text, "independent") || says_word(text, "none"))
			return NAT_KEEPS;
		if (says_word(text, "dependent") ||
		    says_word(text, "symmetric"))
			return NAT_SYMMETRIC;
	}
	return any_socket(said, "symmetric") ? NAT_SYMMETRIC : NAT_UNKNOWN;
}

/* Was the RTP range seen to be forwarded? */
static bool
is_forwarded(struct span media)
{
	return media.p != NULL && json_truth(media, "forwarded") == JSON_YES;
}

static void
symmetric_punch(struct findings *fs, const struct conf *c)
{
	struct finding *f = finding_new(fs, FINDING_ERROR, "impossible-punch");

	finding_what(f, "`mode = punch` cannot work here: the office's router "
			"gives each destination another port, so the port that "
			"STUN saw is not the one a phone could send to, and "
			"no phone at home is heard");
	finding_seen(f, "STUN servers see different ports for one socket "
			"(symmetric NAT)");
	finding_do(f, "forward UDP %u-%u at the router and set `mode = "
		      "forwarded`; or another router, or a public address",
	    c->ports_first, c->ports_last);
}

static void
symmetric_auto(struct findings *fs, const struct conf *c, bool forwarded)
{
	struct finding *f = finding_new(fs,
	    forwarded ? FINDING_NOTE : FINDING_ERROR, "nat-symmetric");

	finding_what(f, forwarded ?
		"the office's router is symmetric; the forwarded RTP range "
		"makes up for it" :
		"the office's router gives each destination another port "
		"(symmetric NAT): without a forwarded RTP range no phone at "
		"home is heard");
	finding_seen(f, "STUN servers see different ports for one socket");
	if (!forwarded)
		finding_do(f, "forward UDP %u-%u at the router and set `mode "
			      "= forwarded`; then prove it: `postern check "
			      "--window`", c->ports_first, c->ports_last);
}

static void
check_nat(struct findings *fs, const struct conf *c, struct span said,
    struct span media)
{
	bool forwarded = c->mode == MEDIA_FORWARDED || is_forwarded(media);
	enum truth_of_nat nat = nat_of(said);
	struct span text;

	if (nat == NAT_SYMMETRIC && c->mode == MEDIA_PUNCH)
		symmetric_punch(fs, c);
	else if (nat == NAT_SYMMETRIC)
		symmetric_auto(fs, c, forwarded);
	else if (nat == NAT_KEEPS)
		finding_ok(fs, "nat", "the office's router keeps one port for "
		    "all destinations");
	if (json_truth(said, "port_preserving") == JSON_NO)
		finding_note(fs, "nat-port", "the office's router changes "
		    "port numbers: what phones must reach has to be "
		    "forwarded");
	if (json_truth(said, "hairpin") == JSON_NO ||
	    (json_text(said, "hairpin", &text) &&
		span_eq(text, SPAN_LIT("no"))))
		finding_note(fs, "nat-hairpin", "the office's router does not "
		    "lead its own people back in by the public address: "
		    "phones in the office need the internal one");
}

/* ---- what else stunmon raised, and its look at our name ---- */

static bool
is_told_elsewhere(struct span name)
{
	static const char *const names[] = { "stun-silent", "stun-unresolved",
		"stun-server-wrong", "nat-symmetric", "dns-differs",
		"dns-gone" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (span_eq(name, span_str(names[i])))
			return true;
	}
	return false;
}

static void
check_alarms(struct findings *fs, struct span said)
{
	struct span list, one, name, why, remedy;
	struct finding *f;

	if (!json_member(said, "alarms", &list))
		return;
	for (unsigned i = 0; json_item(list, i, &one); i++) {
		if (!json_text(one, "name", &name) ||
		    !json_text(one, "why", &why) ||
		    !json_text(one, "remedy", &remedy) ||
		    is_told_elsewhere(name))
			continue;
		f = finding_new(fs, FINDING_WARNING, "address-alarm");
		finding_what(f, "%.*s", (int)why.len, why.p);
		finding_seen(f, "stunmon's alarm %.*s", (int)name.len, name.p);
		finding_do(f, "%.*s", (int)remedy.len, remedy.p);
	}
}

static void
check_dns(struct findings *fs, struct span said)
{
	struct span state, name = SPAN_LIT("?"), list = SPAN_NONE;
	struct span public = SPAN_LIT("unknown");
	struct finding *f;
	bool gone;

	if (!json_text(said, "dns_state", &state))
		return;
	gone = span_eq(state, SPAN_LIT("unresolved"));
	if (!gone && !span_eq(state, SPAN_LIT("differs")))
		return;
	json_text(said, "public", &public);
	json_text(said, "dns_name", &name);
	json_member(said, "dns_addresses", &list);
	f = finding_new(fs, FINDING_ERROR, gone ? "dns-none" : "dns-stale");
	finding_what(f, gone ? "the name %.*s has no address: no phone finds "
			       "us by it" :
			       "DNS sends phones elsewhere: %.*s is not our "
			       "public address", (int)name.len, name.p);
	finding_seen(f, "stunmon: dns_state %.*s, dns_addresses %.*s; our "
			"public address is %.*s", (int)state.len, state.p,
	    (int)list.len, list.p, (int)public.len, public.p);
	finding_do(f, "look at what updates the name (the router, or a "
		      "client), and whether its account has expired");
}

/* ---- media ---- */

static void
check_media(struct findings *fs, const struct conf *c, struct span media)
{
	struct span why = SPAN_LIT("no packet came unasked to a port that had "
				   "sent nothing");
	bool believed = c->mode == MEDIA_FORWARDED;
	struct finding *f;

	if (media.p == NULL || c->public_how == PUBLIC_NONE)
		return;
	json_text(media, "media_evidence", &why);
	if (is_forwarded(media)) {
		finding_ok(fs, "media", "the RTP range %u-%u is forwarded: a "
		    "packet came to a port that had sent nothing",
		    c->ports_first, c->ports_last);
		return;
	}
	f = finding_new(fs, FINDING_NOTE,
	    believed ? "media-unproved" : "media-punched");
	finding_what(f, believed ?
		"`mode = forwarded` is believed: nothing has proved yet that "
		"the router forwards the RTP range" :
		"the RTP range is not known to be forwarded: phones behind a "
		"symmetric NAT have no sound");
	finding_seen(f, "mediaproxy: %.*s", (int)why.len, why.p);
	finding_do(f, believed ? "postern check --window proves it" :
		"forward it (postern check --router); postern check --window "
		"then proves it");
}

void
check_address(struct findings *fs, const struct conf *c, struct span stunmon,
    struct span mediaproxy)
{
	if (stunmon.p != NULL) {
		check_state(fs, c, stunmon);
		check_servers(fs, stunmon);
		check_nat(fs, c, stunmon, mediaproxy);
		check_dns(fs, stunmon);
		check_alarms(fs, stunmon);
	}
	check_media(fs, c, mediaproxy);
}
