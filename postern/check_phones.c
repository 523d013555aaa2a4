/* `postern check`: what sigproxy says of single phones. */
#include "postern/check.h"
#include "postern/json.h"

static const struct media_remedy remedies[] = {
	{ "symmetric-no-range", FINDING_WARNING,
	    "forward [media] ports at the office's router (postern check "
	    "--router) and set `mode = forwarded`, which every home's sound "
	    "gets in by; nothing at the home helps, STUN neither, but another "
	    "router there" },
	{ "ports-changed-no-range", FINDING_WARNING,
	    "make a call of ten seconds: where that router only moves ports "
	    "it is heard then, else the finding says what it does; or forward "
	    "[media] ports at the office's router" },
	{ "range-not-forwarded", FINDING_WARNING,
	    "forward [media] ports at the office's router (postern check "
	    "--router), or set `mode = auto`" },
	{ "never-heard", FINDING_WARNING,
	    "make a call of ten seconds, in which we look for its sound at "
	    "our SIP port; if this stays: see that the phone is not muted, "
	    "that UDP [listen] external_udp is forwarded to us (postern-probe "
	    "tries it), or forward [media] ports at the office's router" },
	{ "never-heard-with-stun", FINDING_WARNING,
	    "make a call of ten seconds, in which we look for its sound at "
	    "our SIP port; if this stays: see that the phone is not muted, "
	    "that UDP [listen] external_udp is forwarded to us (postern-probe "
	    "tries it), or forward [media] ports at the office's router" },
	{ "home-moves-ports", FINDING_WARNING,
	    "make a longer call: it is heard then, unless that router gives "
	    "each peer another port; STUN in the phone (our SIP port answers "
	    "it) or [media] ports forwarded at the office give it sound from "
	    "the first word on" },
	{ "office-router", FINDING_WARNING,
	    "does sound of other homes come in? Then that home's router lets "
	    "none out to [media] ports: its firewall. If it does not: forward "
	    "[media] ports at the office's router (postern check --router) "
	    "and set `mode = forwarded`; what STUN says of that router is "
	    "true for the STUN server alone" },
	{ "same-port-in-home", FINDING_WARNING,
	    "set another RTP port in one of this home's phones, or let them "
	    "ask STUN, or forward [media] ports at the office's router" },
	{ "address-old", FINDING_WARNING,
	    "see what `postern check` says of the STUN servers; a dynamic DNS "
	    "name in [address] name is a second source of our address" },
	{ "wrong-source", FINDING_NOTE,
	    "docs/configuration.md, `latching`: a home whose sound leaves by "
	    "another address than its signalling" },
	{ "moved-in-call", FINDING_WARNING,
	    "forward [media] ports at the office's router (postern check "
	    "--router) and set `mode = forwarded`; nothing at the home helps "
	    "but a router that keeps its mappings" },
	{ "home-lost", FINDING_NOTE,
	    "see that the phone has power, and the home's own line; where its "
	    "router forgets the way, a "
	    "shorter registration interval in the phone, or TLS, or [media] "
	    "ports forwarded at the office: postern sql \"SELECT * FROM "
	    "home\"" },
	{ "stopped-sending", FINDING_NOTE,
	    "see that the phone is not muted, and that its own network lets "
	    "UDP out" },
	{ "fell-silent", FINDING_NOTE,
	    "see that the phone has power, and its own network; a router that "
	    "forgot the way: "
	    "postern sql \"SELECT * FROM home\"" },
	{ "phone-silent", FINDING_NOTE,
	    "see that the phone is not muted, and that its own network lets "
	    "UDP out" },
};

const struct media_remedy *
media_remedy(struct span verdict)
{
	for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++) {
		if (span_eq(verdict, span_str(remedies[i].verdict)))
			return &remedies[i];
	}
	return NULL;
}

struct span
media_doubt(struct span verdict, struct span words)
{
	if (span_eq(verdict, SPAN_LIT("home-lost")))
		return SPAN_LIT("its packets came, then no more, and it did "
				"not answer any more: the phone lost its power "
				"or its network, or its home's router forgot "
				"the way to it; such a phone is looked for as "
				"soon as it registers again");
	if (span_eq(verdict, SPAN_LIT("fell-silent")))
		return SPAN_LIT("its packets came, then no more: the phone "
				"stopped sending, lost its power, or the way "
				"from there was lost");
	if (!span_eq(verdict, SPAN_LIT("office-router")))
		return words;
	return SPAN_LIT("the phone's sound comes to our SIP port, from the very "
			"port that it announced and the relay sends to, but "
			"never to the relay: either the office's router loses "
			"it, having given the relay another port than STUN "
			"saw, or the home's lets it out to our SIP port only");
}

static void
check_unheard(struct findings *fs, struct span one)
{
	struct span number, at, verdict, words, evidence;
	const struct media_remedy *remedy;
	struct finding *f;
	uint64_t ago_s = 0;

	if (!json_text(one, "number", &number) || !json_text(one, "at", &at) ||
	    !json_text(one, "verdict", &verdict) ||
	    !json_text(one, "words", &words))
		return;
	remedy = media_remedy(verdict);
	if (remedy == NULL)
		return;
	words = media_doubt(verdict, words);
	json_number(one, "ago_s", &ago_s);
	f = finding_new(fs, remedy->level, "media-not-heard");
	finding_what(f, "%.*s was not heard in its last call: %.*s",
	    (int)number.len, number.p, (int)words.len, words.p);
	if (!json_text(one, "evidence", &evidence))
		evidence = SPAN_NONE;
	finding_seen(f, "%.*s at %.*s, %llu s ago%s%.*s", (int)verdict.len,
	    verdict.p, (int)at.len, at.p, (unsigned long long)ago_s,
	    evidence.len > 0 ? "; " : "", (int)evidence.len, evidence.p);
	finding_do(f, "%s", remedy->text);
}

static void
check_bad_sound(struct findings *fs, struct span one)
{
	struct span number;
	struct finding *f;
	uint64_t calls, mos;

	if (!json_text(one, "number", &number) ||
	    !json_number(one, "calls", &calls) ||
	    !json_number(one, "mos_centi", &mos))
		return;
	f = finding_new(fs, FINDING_NOTE, "sounds-bad");
	finding_what(f, "%.*s sounded bad in %llu of the last 50 calls",
	    (int)number.len, number.p, (unsigned long long)calls);
	finding_seen(f, "the worst was MOS %llu.%02llu of 4.5",
	    (unsigned long long)mos / 100, (unsigned long long)mos % 100);
	finding_do(f, "postern sql \"SELECT * FROM call_quality WHERE phone = "
		      "'%.*s' ORDER BY ticket DESC LIMIT 10\" tells which way "
		      "and why: docs/quality.md", (int)number.len, number.p);
}

static void
check_lost(struct findings *fs, struct span one)
{
	struct span number, at, server = SPAN_NONE;
	struct finding *f;

	if (!json_text(one, "number", &number) ||
	    !json_text(one, "last_at", &at))
		return;
	json_text(one, "its_server_address", &server);
	f = finding_new(fs, FINDING_WARNING, "phone-lost");
	finding_what(f, "%.*s did not come back after our public address "
			"changed", (int)number.len, number.p);
	if (server.len > 0) {
		finding_seen(f, "it was at %.*s, and is set to the address "
				"%.*s", (int)at.len, at.p, (int)server.len,
		    server.p);
		finding_do(f, "set its server to our DNS name");
	} else {
		finding_seen(f, "it was at %.*s", (int)at.len, at.p);
		finding_do(f, "is it on, and did the DNS name follow?");
	}
}

static void
check_algs(struct findings *fs, struct span said)
{
	struct finding *f;
	uint64_t n;

	if (!json_number(said, "sip_algs", &n) || n == 0)
		return;
	f = finding_new(fs, FINDING_WARNING, "home-alg");
	finding_what(f, "routers of homes rewrite SIP (SIP ALG)");
	finding_seen(f, "sigproxy found %llu since it started",
	    (unsigned long long)n);
	finding_do(f, "postern sql \"SELECT address, advice FROM home WHERE "
		      "sip_alg <> ''\" names them: switch it off there, or use "
		      "TLS");
}

/* Takes: number  of those to look at; p NULL: of all. */
static void
each(struct findings *fs, struct span said, const char *list,
    struct span number, void (*check)(struct findings *fs, struct span one))
{
	struct span all, one, his;

	if (!json_member(said, list, &all))
		return;
	for (unsigned i = 0; json_item(all, i, &one); i++)
		if (number.p == NULL || (json_text(one, "number", &his) &&
					    span_eq(his, number)))
			check(fs, one);
}

void
check_phones(struct findings *fs, struct span sigproxy)
{
	if (sigproxy.p == NULL)
		return;
	check_phones_of(fs, sigproxy, SPAN_NONE);
	check_algs(fs, sigproxy);
}

void
check_sound(struct findings *fs, struct span registrar)
{
	if (registrar.p != NULL)
		each(fs, registrar, "sounds_bad", SPAN_NONE, check_bad_sound);
}

void
check_phones_of(struct findings *fs, struct span sigproxy, struct span number)
{
	if (sigproxy.p == NULL)
		return;
	each(fs, sigproxy, "media_not_heard", number, check_unheard);
	each(fs, sigproxy, "phones_lost", number, check_lost);
}
