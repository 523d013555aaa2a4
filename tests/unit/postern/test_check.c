/* `postern check`: what is made of what was seen. */
#include <string.h>
#include <sys/timex.h>

#include "postern/check.h"
#include "postern/window.h"
#include "tests/unit/postern/suite.h"

static struct findings fs;

static struct conf
office(enum media_mode mode)
{
	struct conf c = { .external_udp = 5070, .external_tcp = 5070,
		.internal_udp = 5060, .internal_tcp = 5060,
		.ports_first = 16384, .ports_last = 16983,
		.internal_ports_first = 17000, .internal_ports_last = 17599,
		.n_external = 1, .n_internal = 1, .processes = 1, .n_stun = 2,
		.mode = mode, .public_how = PUBLIC_STUN };

	addr_parse_ip(SPAN_LIT("192.168.10.2"), &c.external[0]);
	c.internal[0] = c.external[0];
	return c;
}

static const struct finding *
find(const char *code)
{
	for (unsigned i = 0; i < fs.n; i++) {
		if (strcmp(fs.item[i].code, code) == 0)
			return &fs.item[i];
	}
	return NULL;
}

static void
expect(const char *name, const char *code, enum finding_level level)
{
	const struct finding *f = find(code);

	ck_assert_msg(f != NULL, "%s: no %s", name, code);
	ck_assert_msg(f->level == level, "%s: %s is %d", name, code, f->level);
	if (level >= FINDING_WARNING)
		ck_assert_msg(f->seen[0] != '\0' && f->remedy[0] != '\0',
		    "%s: %s without evidence or remedy", name, code);
}

/* ---- phones and homes ---- */

START_TEST(what_sigproxy_says_of_phones)
{
#define UNHEARD(verdict) "{\"media_not_heard\":[{\"number\":\"201\",\"at\":" \
	"\"198.51.100.7\",\"verdict\":\"" verdict "\",\"words\":\"w\"," \
	"\"ago_s\":9}]}"
	static const struct {
		const char *name, *said, *code, *seen, *remedy;
		enum finding_level level;
	} rows[] = {
		{ "symmetric", UNHEARD("symmetric-no-range"),
		    "media-not-heard", "symmetric-no-range at 198.51.100.7, 9 s",
		    "mode = forwarded", FINDING_WARNING },
		{ "ports changed", UNHEARD("ports-changed-no-range"),
		    "media-not-heard", "198.51.100.7", "ten seconds",
		    FINDING_WARNING },
		{ "seen elsewhere", "{\"media_not_heard\":[{\"number\":\"201\","
		    "\"at\":\"198.51.100.7\",\"evidence\":\"it announced "
		    "192.168.1.10:10000; its sound came to our SIP port from "
		    "198.51.100.7:41000\",\"verdict\":\"home-moves-ports\","
		    "\"words\":\"w\",\"ago_s\":9}]}", "media-not-heard",
		    "9 s ago; it announced 192.168.1.10:10000; its sound "
		    "came to our SIP port from 198.51.100.7:41000", "STUN",
		    FINDING_WARNING },
		{ "the office's router", UNHEARD("office-router"),
		    "media-not-heard", "198.51.100.7", "mode = forwarded",
		    FINDING_WARNING },
		{ "not forwarded", UNHEARD("range-not-forwarded"),
		    "media-not-heard", "198.51.100.7", "mode = auto",
		    FINDING_WARNING },
		{ "never heard", UNHEARD("never-heard"), "media-not-heard",
		    "198.51.100.7", "muted", FINDING_WARNING },
		{ "wrong source", UNHEARD("wrong-source"), "media-not-heard",
		    "198.51.100.7", "latching", FINDING_NOTE },
		{ "muted", UNHEARD("phone-silent"), "media-not-heard",
		    "198.51.100.7", "muted", FINDING_NOTE },
		{ "left behind", "{\"phones_lost\":[{\"number\":\"203\","
		    "\"last_at\":\"198.51.100.13:5060\","
		    "\"its_server_address\":\"203.0.113.10\"}]}",
		    "phone-lost", "set to the address 203.0.113.10",
		    "DNS name", FINDING_WARNING },
		{ "gone", "{\"phones_lost\":[{\"number\":\"203\",\"last_at\":"
		    "\"198.51.100.13:5060\",\"its_server_address\":\"\"}]}",
		    "phone-lost", "it was at 198.51.100.13:5060", "is it on",
		    FINDING_WARNING },
		{ "an ALG", "{\"sip_algs\":2}", "home-alg", "2", "TLS",
		    FINDING_WARNING },
	};
	static const char *const nothing[] = { "{}", "{\"sip_algs\":0}",
		UNHEARD("ok"), UNHEARD("whatever"),
		"{\"media_not_heard\":[1,{}],\"phones_lost\":{}}" };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct finding *f;

		fs.n = 0;
		check_phones(&fs, span_str(rows[i].said));
		expect(rows[i].name, rows[i].code, rows[i].level);
		f = find(rows[i].code);
		ck_assert_msg(strstr(f->seen, rows[i].seen) != NULL, "%s: %s",
		    rows[i].name, f->seen);
		ck_assert_msg(strstr(f->remedy, rows[i].remedy) != NULL,
		    "%s: %s", rows[i].name, f->remedy);
	}
	fs.n = 0;
	check_sound(&fs, SPAN_LIT("{\"sounds_bad\":[{\"of\":50,\"number\":"
		"\"201\",\"calls\":3,\"mos_centi\":305}]}"));
	expect("sounds bad", "sounds-bad", FINDING_NOTE);
	ck_assert_str_eq(fs.item[0].seen, "the worst was MOS 3.05 of 4.5");
	ck_assert_ptr_nonnull(strstr(fs.item[0].what,
	    "201 sounded bad in 3 of the last 50"));
	fs.n = 0;
	check_sound(&fs, SPAN_LIT("{\"sounds_bad\":[{},1]}"));
	check_sound(&fs, SPAN_LIT("{}"));
	check_sound(&fs, SPAN_NONE);
	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
		check_phones(&fs, span_str(nothing[i]));
	check_phones(&fs, SPAN_NONE);
	ck_assert_uint_eq(fs.n, 0);
}
END_TEST

/* ---- address, router, media ---- */

#define KNOWN "\"state\":\"known\",\"public\":\"203.0.113.10\""
#define SYM "\"sockets\":[{\"symmetric\":true,\"server\":\"192.0.2.1:1\"}]"

START_TEST(what_stunmon_says)
{
	static const struct {
		const char *name, *said, *media, *code;
		enum media_mode mode;
		enum finding_level level;
	} rows[] = {
		{ "known", "{" KNOWN "}", NULL, "public", MEDIA_AUTO,
		    FINDING_OK },
		{ "unknown", "{\"state\":\"unknown\",\"public\":null,"
			     "\"words\":\"none answers\"}", NULL,
		    "public-unknown", MEDIA_AUTO, FINDING_ERROR },
		{ "old", "{\"state\":\"old\",\"public\":\"203.0.113.10\"}",
		    NULL, "public-old", MEDIA_AUTO, FINDING_WARNING },
		{ "the other name of it goes before", "{" KNOWN
		    ",\"public_state\":\"old\"}", NULL, "public-old",
		    MEDIA_AUTO, FINDING_WARNING },
		{ "silent server", "{" KNOWN ",\"servers\":[{\"host\":\"a\","
		    "\"address\":\"192.0.2.1:1\",\"usable\":false}]}", NULL,
		    "stun-silent", MEDIA_AUTO, FINDING_WARNING },
		{ "never answered", "{" KNOWN ",\"servers\":[{\"host\":\"a\","
		    "\"usable\":true,\"answers\":0,\"silent\":3}]}", NULL,
		    "stun-silent", MEDIA_AUTO, FINDING_WARNING },
		{ "no address", "{" KNOWN ",\"servers\":[{\"host\":\"a\","
		    "\"address\":null,\"usable\":false}]}", NULL, "stun-name",
		    MEDIA_AUTO, FINDING_WARNING },
		{ "liar", "{" KNOWN ",\"servers\":[{\"host\":\"a\","
		    "\"usable\":true,\"answers\":9,\"wrong\":1}]}", NULL,
		    "stun-wrong", MEDIA_AUTO, FINDING_WARNING },
		{ "symmetric, punch", "{" KNOWN "," SYM "}", NULL,
		    "impossible-punch", MEDIA_PUNCH, FINDING_ERROR },
		{ "symmetric, auto", "{" KNOWN "," SYM "}", NULL,
		    "nat-symmetric", MEDIA_AUTO, FINDING_ERROR },
		{ "symmetric, auto, seen to be forwarded", "{" KNOWN "," SYM
		    "}", "{\"forwarded\":true}", "nat-symmetric", MEDIA_AUTO,
		    FINDING_NOTE },
		{ "symmetric, forwarded", "{" KNOWN "," SYM "}", NULL,
		    "nat-symmetric", MEDIA_FORWARDED, FINDING_NOTE },
		{ "by RFC 5780's word", "{" KNOWN ",\"nat_mapping\":"
		    "\"address-and-port-dependent\"}", NULL, "nat-symmetric",
		    MEDIA_AUTO, FINDING_ERROR },
		{ "and the good one", "{" KNOWN ",\"nat_mapping\":"
		    "\"endpoint-independent\"}", NULL, "nat", MEDIA_AUTO,
		    FINDING_OK },
		{ "ports not kept", "{" KNOWN ",\"port_preserving\":false}",
		    NULL, "nat-port", MEDIA_AUTO, FINDING_NOTE },
		{ "no hairpin", "{" KNOWN ",\"hairpin\":false}", NULL,
		    "nat-hairpin", MEDIA_AUTO, FINDING_NOTE },
		{ "forwarded, unproved", "{" KNOWN "}",
		    "{\"forwarded\":false}", "media-unproved",
		    MEDIA_FORWARDED, FINDING_NOTE },
		{ "forwarded, proved", "{" KNOWN "}", "{\"forwarded\":true}",
		    "media", MEDIA_FORWARDED, FINDING_OK },
		{ "punched", "{" KNOWN "}", "{\"forwarded\":false}",
		    "media-punched", MEDIA_AUTO, FINDING_NOTE },
		{ "evidence that is told", "{" KNOWN "}",
		    "{\"media_mode\":\"auto\",\"media_evidence\":\"x\"}",
		    "media-punched", MEDIA_AUTO, FINDING_NOTE },
		{ "a server's state in a word", "{" KNOWN ",\"servers\":[{"
		    "\"host\":\"a\",\"address\":\"192.0.2.1:1\",\"state\":"
		    "\"silent\",\"answers\":5}]}", NULL, "stun-silent",
		    MEDIA_AUTO, FINDING_WARNING },
		{ "and another", "{" KNOWN ",\"servers\":[{\"host\":\"a\","
		    "\"state\":\"wrong\"}]}", NULL, "stun-wrong", MEDIA_AUTO,
		    FINDING_WARNING },
		{ "no hairpin in a word", "{" KNOWN ",\"hairpin\":\"no\"}",
		    NULL, "nat-hairpin", MEDIA_AUTO, FINDING_NOTE },
		{ "DNS differs", "{" KNOWN ",\"dns_name\":\"a.example\","
		    "\"dns_state\":\"differs\",\"dns_addresses\":["
		    "\"192.0.2.9\"]}", NULL, "dns-stale", MEDIA_AUTO,
		    FINDING_ERROR },
		{ "DNS has none", "{" KNOWN ",\"dns_state\":\"unresolved\"}",
		    NULL, "dns-none", MEDIA_AUTO, FINDING_ERROR },
		{ "an alarm", "{" KNOWN ",\"alarms\":[{\"name\":\"new\","
		    "\"why\":\"w\",\"remedy\":\"r\"}]}", NULL,
		    "address-alarm", MEDIA_AUTO, FINDING_WARNING },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf c = office(rows[i].mode);

		fs.n = 0;
		check_address(&fs, &c, span_str(rows[i].said),
		    span_str(rows[i].media));
		expect(rows[i].name, rows[i].code, rows[i].level);
	}
}
END_TEST

START_TEST(what_is_not_told_is_not_made_up)
{
	static const char *const rows[] = { "{}", "{\"servers\":null}",
		"{\"servers\":[],\"sockets\":[]}", "{\"sockets\":[1,\"x\"]}",
		"{\"servers\":{},\"state\":7,\"public\":false}",
		"{\"nat_mapping\":\"unknown\",\"hairpin\":null}",
		("{\"servers\":[{\"state\":\"answering\",\"wrong\":3,"
		 "\"silent\":2}],\"dns_state\":\"none\",\"hairpin\":"
		 "\"unknown\",\"port_preserving\":null}"),
		("{\"alarms\":[{\"name\":\"nat-symmetric\",\"why\":\"\","
		 "\"remedy\":\"\"},{\"name\":1}]}") };
	struct conf c = office(MEDIA_AUTO);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fs.n = 0;
		check_address(&fs, &c, span_str(rows[i]), SPAN_NONE);
		ck_assert_msg(fs.n == 0, "%s: %s", rows[i], fs.item[0].what);
	}
	check_address(&fs, &c, SPAN_NONE, SPAN_NONE);
	ck_assert_uint_eq(fs.n, 0);
}
END_TEST

START_TEST(what_the_configuration_alone_tells)
{
	struct conf c = office(MEDIA_AUTO);

	fs.n = 0;
	check_ports_plan(&fs, &c);
	ck_assert_uint_eq(fs.n, 0);
	c.external_tls = 5061;
	c.n_stun = 1;
	check_ports_plan(&fs, &c);
	expect("5061", "port-5061", FINDING_WARNING);
	expect("one server", "stun-single", FINDING_NOTE);
	c.public_how = PUBLIC_NONE;
	check_ports_plan(&fs, &c);
	expect("private", "address-not-public", FINDING_WARNING);
	c.public_how = PUBLIC_ADDRESS;
	addr_parse_ip(SPAN_LIT("100.64.1.2"), &c.public_addr);
	check_ports_plan(&fs, &c);
	expect("CGN", "impossible-cgn", FINDING_ERROR);
	addr_parse_ip(SPAN_LIT("10.0.0.1"), &c.public_addr);
	check_ports_plan(&fs, &c);
	expect("private", "public-not-public", FINDING_ERROR);
}
END_TEST

START_TEST(the_clock)
{
	fs.n = 0;
	check_clock(&fs, TIME_OK, 12000);
	expect("kept", "clock", FINDING_OK);
	fs.n = 0;
	check_clock(&fs, TIME_ERROR, 16000000);
	expect("not kept", "clock-unkept", FINDING_WARNING);
	fs.n = 0;
	check_clock(&fs, -1, 0);
	expect("not known", "clock-unkept", FINDING_WARNING);
}
END_TEST

/* ---- this machine's own firewall ---- */

#define CHAIN(policy, rules) "table inet filter {\n\tchain input {\n\t\ttype " \
	"filter hook input priority filter; policy " policy ";\n" rules "\t}\n}\n"
#define LAN "\t\tip saddr 192.168.0.0/16 accept\n"
#define ALL_OUTER "\t\tudp dport { 5070, 16384-16983 } accept\n" \
	"\t\ttcp dport 5070 accept\n"

START_TEST(rules_that_keep_phones_out)
{
	static const struct {
		const char *name, *rules;
		unsigned want;	/* findings */
	} rows[] = {
		{ "no rules", "", 0 },
		{ "only ours", "table inet postern {\n\tchain output {\n\t\t"
			       "type filter hook output priority filter; "
			       "policy accept;\n\t}\n}\n", 0 },
		{ "policy accept", CHAIN("accept", ""), 0 },
		{ "nothing let in", CHAIN("drop", ""), 6 },
		{ "only what is established", CHAIN("drop",
		    "\t\tct state established,related accept\n"
		    "\t\tiif \"lo\" accept\n\t\tmeta l4proto icmp accept\n"),
		    6 },
		{ "ssh only", CHAIN("drop", "\t\ttcp dport 22 accept\n"), 6 },
		{ "the office only", CHAIN("drop", LAN), 3 },
		{ "all that is needed", CHAIN("drop", LAN ALL_OUTER), 0 },
		{ "half of the range", CHAIN("drop", LAN
		    "\t\tudp dport 16384-16500 accept\n"
		    "\t\tudp dport 5070 accept\n\t\ttcp dport 5070 accept\n"),
		    1 },
		{ "the other transport", CHAIN("drop", LAN
		    "\t\tudp dport 16384-16983 accept\n"
		    "\t\ttcp dport 5070 accept\n"), 1 },
		{ "by transport of any", CHAIN("drop", LAN
		    "\t\tmeta l4proto { tcp, udp } th dport 5070 accept\n"
		    "\t\tudp dport 16384-16983 accept\n"), 0 },
		{ "a named set is believed", CHAIN("drop",
		    "\t\tudp dport @open accept\n\t\ttcp dport @open "
		    "accept\n"), 0 },
		{ "an interface is believed", CHAIN("drop",
		    "\t\tiifname \"eth0\" accept\n"), 0 },
		{ "cut", "table inet filter {\n\tchain input {\n\t\ttype "
			 "filter hook input priority filter; policy drop;", 6 },
	};
	struct conf c = office(MEDIA_AUTO);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fs.n = 0;
		check_input_rules(&fs, &c, rows[i].rules);
		ck_assert_msg(fs.n == rows[i].want, "%s: %u, %s",
		    rows[i].name, fs.n, fs.item[0].what);
	}
}
END_TEST

/* ---- from outside ---- */

START_TEST(the_line_of_the_probe)
{
	static const struct {
		const char *name, *line, *code;
		enum finding_level level;
	} rows[] = {
		{ "works", "postern-probe/1 to=x udp5070=works",
		    "outside-works", FINDING_OK },
		{ "blocked", "postern-probe/1 tcp5070=silent",
		    "outside-blocked", FINDING_ERROR },
		{ "wrong host", "postern-probe/1 udp5070=refused",
		    "outside-refused", FINDING_ERROR },
		{ "another server", "postern-probe/1 udp5070=other",
		    "outside-other", FINDING_ERROR },
		{ "ALG", "postern-probe/1 udp5070=alg", "outside-alg",
		    FINDING_ERROR },
		{ "closed", "postern-probe/1 udp5060=silent tcp5060=refused",
		    "outside-closed", FINDING_OK },
		{ "open", " postern-probe/1 tcp5062=open ",
		    "outside-internal", FINDING_ERROR },
		{ "RTP at another host", "postern-probe/1 rtp=16 "
		    "rtp-refused=16", "outside-rtp-refused", FINDING_ERROR },
		{ "another text", "hello", "outside-unread",
		    FINDING_WARNING },
		{ "another version", "postern-probe/12 udp5070=works",
		    "outside-unread", FINDING_WARNING },
	};
	struct conf c = office(MEDIA_AUTO);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fs.n = 0;
		check_outside(&fs, &c, rows[i].line);
		expect(rows[i].name, rows[i].code, rows[i].level);
	}
	fs.n = 0;
	check_outside(&fs, &c, "postern-probe/1 = udp=x udp70000=works "
			       "udp5070 a=b  rtp-refused=x rtp-refused=0");
	ck_assert_uint_eq(fs.n, 0);
}
END_TEST

START_TEST(what_a_window_saw)
{
	static const struct {
		const char *name, *code;
		enum media_mode mode;
		struct window_count n;
		enum finding_level level;
	} rows[] = {
		{ "all", "outside-rtp", MEDIA_AUTO, { .tried = 16,
			.arrived = 16 }, FINDING_OK },
		{ "none, forwarded", "outside-rtp-blocked", MEDIA_FORWARDED,
		    { .tried = 16 }, FINDING_ERROR },
		{ "none, auto", "outside-rtp-blocked", MEDIA_AUTO,
		    { .tried = 16 }, FINDING_WARNING },
		{ "none, punch", "outside-rtp-blocked", MEDIA_PUNCH,
		    { .tried = 16 }, FINDING_NOTE },
		{ "some", "outside-rtp-partial", MEDIA_AUTO, { .tried = 16,
			.arrived = 3 }, FINDING_ERROR },
		{ "shifted", "outside-rtp-shifted", MEDIA_AUTO, { .tried = 16,
			.wrong = 2 }, FINDING_ERROR },
		{ "inside", "outside-rtp-internal", MEDIA_AUTO, { .tried = 16,
			.arrived = 16, .inside = 1 }, FINDING_ERROR },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf c = office(rows[i].mode);

		fs.n = 0;
		window_judge(&fs, &c, &rows[i].n);
		expect(rows[i].name, rows[i].code, rows[i].level);
	}
}
END_TEST

START_TEST(a_window_tries_the_whole_range)
{
	uint16_t port[16];

	ck_assert_uint_eq(window_spread(16384, 16983, 16, port), 16);
	ck_assert_uint_eq(port[0], 16384);
	ck_assert_uint_eq(port[15], 16982);
	for (unsigned i = 1; i < 16; i++)
		ck_assert(port[i] > port[i - 1] && port[i] % 2 == 0);
	ck_assert_uint_eq(window_spread(1024, 1027, 16, port), 2);
	ck_assert_uint_eq(port[1], 1026);
	ck_assert_uint_eq(window_spread(1024, 1025, 16, port), 1);
	ck_assert_uint_eq(window_spread(1024, 65535, 16, port), 16);
	ck_assert_uint_eq(port[15], 65534);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		what_sigproxy_says_of_phones,
		what_stunmon_says,
		what_is_not_told_is_not_made_up,
		what_the_configuration_alone_tells,
		the_clock,
		rules_that_keep_phones_out,
		the_line_of_the_probe,
		what_a_window_saw,
		a_window_tries_the_whole_range,
	};

	return run_suite("check", tests, sizeof(tests) / sizeof(tests[0]));
}
