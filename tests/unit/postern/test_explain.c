/* The rules of `postern explain`: what is made of what is known. */
#include <string.h>

#include "postern/explain.h"
#include "tests/unit/postern/suite.h"

static struct findings fs;
static struct conf conf;
static struct explain x;

static void
begin(void)
{
	memset(&fs, 0, sizeof(fs));
	memset(&conf, 0, sizeof(conf));
	strcpy(conf.realm, "SMO-SIP");
	x = (struct explain){ .conf = &conf, .found = &fs, .number = "168" };
}

static void
expect(const char *name, const char *code, const char *text)
{
	for (unsigned i = 0; i < fs.n; i++) {
		const struct finding *f = &fs.item[i];

		if (strcmp(f->code, code) != 0)
			continue;
		ck_assert_msg(strstr(f->what, text) != NULL ||
			strstr(f->seen, text) != NULL, "%s: %s / %s", name,
		    f->what, f->seen);
		if (f->level >= FINDING_WARNING)
			ck_assert_msg(f->seen[0] != '\0' &&
				f->remedy[0] != '\0', "%s: no evidence", name);
		return;
	}
	ck_abort_msg("%s: no %s", name, code);
}

#define ROW(more) "{\"id\":7,\"number\":\"168\",\"username\":\"SIP-168\"," \
	"\"enabled\":1,\"internet\":1" more "}"
#define PHONE "[{\"transport\":\"udp\",\"source\":\"198.51.100.7:5060\"," \
	"\"zone\":\"external\",\"user_agent\":\"x\",\"closed\":null}]"
#define REFUSED_AT(source, zone, id, user, why, known, device)             \
	"{\"refusals\":[{\"subscriber\":" id ",\"username\":\"" user     \
	"\",\"why\":\"" why "\",\"zone\":\"" zone "\",\"source\":\""     \
	source "\",\"known_source\":" known ",\"known_device\":" device    \
	",\"count\":3,\"ago_s\":9}]}"
#define REFUSED(id, user, why, known)                                      \
	REFUSED_AT("203.0.113.66:5", "external", id, user, why, known, known)

START_TEST(phones)
{
	static const struct {
		const char *name, *row, *phones, *registrar, *code, *text;
	} rows[] = {
		{ "no row", NULL, NULL, NULL, "no-subscriber", "168" },
		{ "fine", ROW(""), PHONE, NULL, "registered",
		    "198.51.100.7:5060" },
		{ "nothing came", ROW(""), "[]", NULL, "not-registered",
		    "nothing with its user name" },
		{ "wrong password", ROW(""), NULL,
		    REFUSED("7", "SIP-168", "wrong password", "true"),
		    "wrong-password", "3 times, the last 9 s ago" },
		{ "a stranger while it is registered", ROW(""), PHONE,
		    REFUSED("7", "SIP-168", "wrong password", "false"),
		    "guessed", "203.0.113.66" },
		{ "its own home while it is registered", ROW(""), PHONE,
		    REFUSED("7", "SIP-168", "wrong password", "true"),
		    "wrong-password", "203.0.113.66" },
		{ "metered", ROW(""), NULL,
		    REFUSED("7", "SIP-168", "too many wrong passwords",
			"true"), "metered", "too many" },
		{ "flag", ROW(""), NULL,
		    REFUSED("7", "SIP-168", "no internet flag", "false"),
		    "internet-flag-missing", "203.0.113.66" },
		{ "another's number", ROW(""), NULL,
		    REFUSED("7", "SIP-168", "another subscriber's number",
			"false"), "number-differs", "203.0.113.66" },
		{ "a slip", ROW(""), NULL,
		    REFUSED("null", "sip168", "no such username", "false"),
		    "username-unknown", "sip168" },
		{ "realm", ROW(",\"realm\":\"OLD\""), PHONE, NULL,
		    "realm-changed", "OLD" },
		{ "closed", ROW(""), "[{\"transport\":\"tls\",\"source\":"
		    "\"198.51.100.7:5\",\"closed\":\"2026-11-27\"}]", NULL,
		    "connection-closed", "2026-11-27" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		x.subscriber = span_str(rows[i].row);
		x.phones = span_str(rows[i].phones);
		x.registrar = span_str(rows[i].registrar);
		explain_phone(&x);
		expect(rows[i].name, rows[i].code, rows[i].text);
	}
}
END_TEST

START_TEST(another_ones_refusals_say_nothing)
{
	static const char *const said[] = {
		REFUSED("8", "SIP-169", "wrong password", "true"),
		REFUSED("null", "admin", "no such username", "false"),
		"{\"refusals\":[]}", "{}",
	};

	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		begin();
		x.subscriber = SPAN_LIT(ROW(""));
		x.phones = SPAN_LIT(PHONE);
		x.registrar = span_str(said[i]);
		explain_phone(&x);
		ck_assert_uint_eq(fs.n, 1);
		expect(said[i], "registered", "168");
	}
}
END_TEST

#define WRONG(source, zone, known, device)                                 \
	REFUSED_AT(source, zone, "7", "SIP-168", "wrong password", known,  \
	    device)
#define HOME "198.51.100.7"

/* Its own, its neighbour's, a stranger's; or it cannot be told. */
START_TEST(whose_answer_it_was)
{
	static const struct {
		const char *name, *phones, *before, *registrar, *code, *text;
		enum finding_level level;
	} rows[] = {
		{ "its mark, at another port", PHONE, NULL,
		    WRONG(HOME ":9", "external", "true", "true"),
		    "wrong-password", "168: its phone answers",
		    FINDING_ERROR },
		{ "its port, after a change of password", PHONE, NULL,
		    WRONG(HOME ":5060", "external", "true", "false"),
		    "wrong-password", "168: its phone answers",
		    FINDING_ERROR },
		{ "beside it at home", PHONE, NULL,
		    WRONG(HOME ":9", "external", "true", "false"),
		    "other-device", "somebody else behind the same router",
		    FINDING_WARNING },
		{ "in the office", PHONE, NULL,
		    WRONG("192.168.10.9:9", "internal", "false", "false"),
		    "other-device", "from inside the office",
		    FINDING_WARNING },
		{ "from anywhere", PHONE, NULL,
		    WRONG("203.0.113.66:9", "external", "false", "false"),
		    "guessed", "and is not hindered", FINDING_NOTE },
		{ "the right password, from anywhere", PHONE, NULL,
		    REFUSED("7", "SIP-168", "no internet flag", "false"),
		    "internet-flag-missing", "168: its phone registers",
		    FINDING_ERROR },
		{ "while none is registered", "[]", NULL,
		    WRONG("203.0.113.66:9", "external", "false", "false"),
		    "wrong-password", "its phone, or somebody who guesses, "
		    "answers", FINDING_ERROR },
		{ "where it was", "[]", "{\"source\":\"" HOME ":77\"}",
		    WRONG(HOME ":9", "external", "false", "false"),
		    "wrong-password", "168: its phone answers",
		    FINDING_ERROR },
		{ "while it was registered", "[]", "{\"source\":\"" HOME
		    ":77\",\"ended_ago_s\":8}",
		    WRONG(HOME ":9", "external", "true", "false"),
		    "other-device", "the phone that was registered",
		    FINDING_WARNING },
		{ "after it was", "[]", "{\"source\":\"" HOME
		    ":77\",\"ended_ago_s\":9}",
		    WRONG(HOME ":9", "external", "true", "false"),
		    "wrong-password", "168: its phone answers",
		    FINDING_ERROR },
		{ "not where it was", "[]", "{\"source\":\"198.51.100.70:9\"}",
		    WRONG(HOME ":9", "external", "false", "false"),
		    "wrong-password", "or somebody who guesses",
		    FINDING_ERROR },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		x.subscriber = SPAN_LIT(ROW(""));
		x.phones = span_str(rows[i].phones);
		if (rows[i].before != NULL)
			x.before = span_str(rows[i].before);
		x.registrar = span_str(rows[i].registrar);
		explain_refusals(&x);
		ck_assert_msg(fs.n == 1, "%s: %u", rows[i].name, fs.n);
		expect(rows[i].name, rows[i].code, rows[i].text);
		ck_assert_msg(fs.item[0].level == rows[i].level, "%s",
		    rows[i].name);
	}
}
END_TEST

#define CALL_AND(verdict, status, reason, more) "{\"ticket\":9,\"caller\":\"168\"," \
	"\"called\":\"201\",\"granted\":\"2026-11-27 10:00:00\",\"verdict\":\"" \
	verdict "\",\"status\":" status ",\"reason\":\"" reason "\"" more "}"
#define CALL(verdict, status, reason) CALL_AND(verdict, status, reason, "")

START_TEST(calls)
{
	static const struct {
		const char *name, *call, *code, *text;
	} rows[] = {
		{ "fine", CALL_AND("granted", "200", "caller-hung-up",
		    ",\"media_verdict\":\"ok\""), "call-fine",
		    "the sound of both came to us; whether 168 hears is not "
		    "known yet" },
		{ "number", CALL("no such number", "404", ""),
		    "no-such-number", "168 to 201" },
		{ "denied", CALL_AND("denied: no premium calls from the "
		    "internet", "403", "", ",\"rule\":\"class premium: "
		    "internet\",\"pattern\":\"0900%\""), "class-denied",
		    "no premium calls from the internet" },
		{ "cap", CALL("granted", "200", "minutes-used-up"), "cap",
		    "minutes" },
		{ "hours over", CALL_AND("granted", "200", "right-withdrawn",
		    ",\"rule\":\"class lobby: hours\""), "cap",
		    "while it ran (rule \"class lobby: hours\")" },
		{ "trunk shut", CALL_AND("granted", "200", "trunk-disabled",
		    ",\"trunk\":\"itsp\",\"rule\":\"trunk: disabled\""),
		    "trunk-off", "(rule \"trunk: disabled\")" },
		{ "sent away", CALL_AND("denied: elsewhere.example is no host "
		    "of ours", "0", "", ",\"rule\":\"redirect: foreign "
		    "host\",\"via\":\"redirect\""), "class-denied",
		    "168 may not send a call on to 201: elsewhere.example" },
		{ "SRTP", CALL("granted", "488", "srtp-required"),
		    "srtp-required", "SRTP" },
		{ "pool", CALL("granted", "480", "no-channel"), "pool-empty",
		    "no-channel" },
		{ "ACK", CALL_AND("granted", "200", "no-ack",
		    ",\"from_source\":\"198.51.100.7:5\",\"caller_contact\":"
		    "\"sip:168@192.168.1.10\""), "no-ack",
		    "198.51.100.7:5, which calls itself sip:168@192.168.1.10" },
		{ "codec", CALL("granted", "488", "refused"),
		    "codec-mismatch", "488" },
		{ "busy", CALL("granted", "486", "refused"), "busy", "busy" },
		{ "other", CALL("granted", "502", "refused"), "refused",
		    "502" },
		{ "silent caller", CALL_AND("granted", "200", "caller-hung-up",
		    ",\"caller_media\":\"never-heard\",\"caller_said\":"
		    "\"203.0.113.10:16384\",\"caller_packets_in\":0"),
		    "never-heard", "203.0.113.10:16384" },
		{ "called from elsewhere", CALL_AND("granted", "200",
		    "caller-hung-up", ",\"called_media\":\"wrong-source\","
		    "\"called_packets_refused\":50"), "wrong-source",
		    "refused from elsewhere 50" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		x.call = span_str(rows[i].call);
		explain_call(&x);
		ck_assert_msg(fs.n == 1, "%s: %u", rows[i].name, fs.n);
		expect(rows[i].name, rows[i].code, rows[i].text);
	}
}
END_TEST

#define FAILURE(at, why, number) "{\"tls_failures\":[{\"at\":\"" at \
	"\",\"why\":\"" why "\",\"number\":\"" number \
	"\",\"count\":4,\"ago_s\":5}]}"

START_TEST(handshakes)
{
	static const struct {
		const char *name, *phones, *said;
		bool good, its;
		const char *code, *text;	/* NULL: nothing is said */
	} rows[] = {
		{ "its own", "[]", FAILURE("198.51.100.7",
		    "tls-certificate-expired", "168"), false, true,
		    "certificate-expired", "4 TLS handshakes from "
		    "198.51.100.7 ended so, the last 5 s ago" },
		{ "at its address", PHONE, FAILURE("198.51.100.7",
		    "tls-certificate-not-trusted", "169"), false, true,
		    "certificate-not-trusted", "at 168's address" },
		{ "the phone's clock", "[]", FAILURE("198.51.100.7",
		    "tls-certificate-expired", "168"), true, true,
		    "phone-clock", "tls-certificate-expired" },
		{ "nobody's, and it does not come", "[]", FAILURE(
		    "198.51.100.7", "tls-too-old", ""), false, false,
		    "tls-too-old", "perhaps 168's" },
		{ "nobody's, and it is there", PHONE, FAILURE("203.0.113.66",
		    "tls-too-old", ""), false, false, NULL, NULL },
		{ "an address that begins alike", PHONE, FAILURE(
		    "198.51.100", "tls-too-old", ""), false, false, NULL,
		    NULL },
		{ "a scanner", "[]", FAILURE("203.0.113.66",
		    "sip-without-tls", ""), false, false, NULL, NULL },
		{ "a word of tomorrow", "[]", FAILURE("198.51.100.7",
		    "tls-whatever", "168"), false, false, NULL, NULL },
		{ "none", "[]", "{\"tls_failures\":[]}", false, false, NULL,
		    NULL },
		{ "an older sigproxy", "[]", "{}", false, false, NULL, NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		x.phones = span_str(rows[i].phones);
		x.sigproxy = span_str(rows[i].said);
		x.certificates_good = rows[i].good;
		ck_assert_msg(explain_tls(&x) == rows[i].its, "%s",
		    rows[i].name);
		ck_assert_msg(fs.n == (rows[i].code != NULL), "%s: %u",
		    rows[i].name, fs.n);
		if (rows[i].code != NULL)
			expect(rows[i].name, rows[i].code, rows[i].text);
	}
}
END_TEST

#define GOOD(side) "{\"side\":\"" side "\",\"expected\":500,\"gap\":0," \
	"\"mos\":441,\"loss\":0,\"jitter_us\":312,\"rtt_ms\":null}"
#define FIGURES(side, figures) "{\"side\":\"" side \
	"\",\"expected\":500,\"gap\":7," figures "}"

START_TEST(sounds)
{
	static const struct {
		const char *name, *quality, *code, *text, *more;
	} rows[] = {
		{ "good", "[" GOOD("caller") "," GOOD("called") "]",
		    "call-fine", "sound from 168: MOS 4.41 (R 93), loss 0.00 "
		    "%, jitter 0.3 ms; sound from 201: MOS 4.41",
		    "the sound of both came to us" },
		{ "one side is known", "[" GOOD("called") "]", "call-fine",
		    "says so; sound from 201:", "R 93" },
		{ "lost on its way up", "[" FIGURES("caller",
		    "\"mos\":300,\"loss\":550,\"jitter_us\":900") "]",
		    "sounds-bad", "as it came to us: MOS 3.00 (R 58), loss "
		    "5.50 %, jitter 0.9 ms; packets 500, lost one after "
		    "another at most 7", "from 168 was bad: packets are lost" },
		{ "lost on its way down", "[" FIGURES("caller",
		    "\"mos\":441,\"loss\":0,\"heard_mos\":310,"
		    "\"heard_loss\":400") "," GOOD("called") "]",
		    "sounds-bad", "as the phone itself reports (RTCP): MOS "
		    "3.10", "that came to 168" },
		{ "bad already when it came here: said once", "["
		    FIGURES("caller", "\"mos\":441,\"heard_mos\":310") ","
		    FIGURES("called", "\"mos\":300,\"jitter_us\":45000")
		    "]", "sounds-bad", "jitter 45.0 ms",
		    "from 201 was bad: packets come unevenly" },
		{ "far away", "[" FIGURES("called", "\"mos\":320,\"rtt_ms\""
		    ":700") "]", "sounds-bad", "round trip 700 ms",
		    "both begin to speak" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		x.call = SPAN_LIT(CALL_AND("granted", "200",
		    "caller-hung-up", ",\"media_verdict\":\"ok\""));
		x.quality = span_str(rows[i].quality);
		explain_call(&x);
		ck_assert_msg(fs.n == 1, "%s: %u", rows[i].name, fs.n);
		expect(rows[i].name, rows[i].code, rows[i].text);
		ck_assert_msg(strstr(fs.item[0].what, rows[i].more) != NULL,
		    "%s: %s", rows[i].name, fs.item[0].what);
	}
}
END_TEST

/* Who is where, what was counted, and what to type into the router. */
#define OUT(reason, more) CALL_AND("granted", "480", reason, \
	",\"trunk\":\"itsp\",\"route\":\"route 2\",\"sent\":\"+4989\"" more)
#define TRY(why, status, words) "{\"trunk\":\"itsp\",\"address\":" \
	"\"203.0.113.80:5060\",\"why\":\"" why "\",\"status\":" status \
	",\"words\":\"" words "\",\"wait_s\":6,\"realm\":\"r\"}"
#define REFUSED_BY_IT OUT("refused", "")

START_TEST(trunks)
{
	static const struct {
		const char *name, *call, *tries, *code, *text;
		enum finding_level level;
	} rows[] = {
		{ "silent", OUT("no-answer", ""), "[" TRY("silent", "0", "") "]",
		    "trunk-silent", "203.0.113.80:5060, the number last sent as "
		    "+4989: nothing came for 6 s", FINDING_ERROR },
		{ "busy", REFUSED_BY_IT, "[" TRY("refused", "486", "") "]",
		    "trunk-refused", "the number is busy", FINDING_NOTE },
		{ "unknown there", REFUSED_BY_IT, "["
		    TRY("refused", "404", "Nope") "]", "trunk-refused",
		    "it answered 404 Nope", FINDING_ERROR },
		{ "its own words for it", REFUSED_BY_IT, "["
		    TRY("refused", "499", "Odd") "]", "trunk-refused",
		    "the trunk itsp refused the call", FINDING_WARNING },
		{ "no line", REFUSED_BY_IT, "[" TRY("refused", "503", "") "]",
		    "trunk-refused", "no line free", FINDING_ERROR },
		{ "password", REFUSED_BY_IT, "["
		    TRY("password", "401", "r") "]", "trunk-password",
		    "user name or the password", FINDING_ERROR },
		{ "realm", REFUSED_BY_IT, "[" TRY("realm", "0", "zzz") "]",
		    "trunk-realm", "its realm is \"zzz\", that of the trunk "
		    "\"r\"", FINDING_ERROR },
		{ "it went another way", CALL_AND("granted", "200",
		    "caller-hung-up", ",\"trunk\":\"two\",\"route\":\"route 2\""
		    ",\"answered\":\"2026-11-27 10:00:09\""), "["
		    TRY("silent", "0", "") "]", "trunk-silent",
		    "the next way took it", FINDING_WARNING },
		{ "no way at all", OUT("no-device", ""), "[]",
		    "trunk-not-tried", "no channel or no connection left",
		    FINDING_ERROR },
		{ "it is asked just now", CALL_AND("granted", "0", "",
		    ",\"state\":\"granted\",\"trunk\":\"itsp\",\"route\":"
		    "\"prefix\",\"age_s\":4"), "[]", "trunk-waiting",
		    "we still wait for the trunk itsp", FINDING_NOTE },
		{ "it rings there", CALL_AND("granted", "180", "",
		    ",\"state\":\"ringing\",\"trunk\":\"itsp\",\"route\":"
		    "\"prefix\""), "[]", "call-fine", "nothing was wrong",
		    FINDING_OK },
		{ "no route", CALL("no route", "404", ""), "[]", "no-route",
		    "no route or trunk takes it", FINDING_ERROR },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		x.call = span_str(rows[i].call);
		x.tries = span_str(rows[i].tries);
		x.sigproxy = SPAN_LIT("{\"trunks\":[{\"name\":\"itsp\","
		    "\"calls\":0,\"channels\":2,\"reached_at\":[{}]}]}");
		explain_call(&x);
		ck_assert_msg(fs.n == 1, "%s: %u", rows[i].name, fs.n);
		expect(rows[i].name, rows[i].code, rows[i].text);
		ck_assert_msg(fs.item[0].level == rows[i].level, "%s: level",
		    rows[i].name);
	}
}
END_TEST

/* What the policy ended or refused: where it is changed. */
START_TEST(each_rule_has_its_remedy)
{
	static const struct { const char *call, *remedy; } rows[] = {
#define BY_RULE(rule) CALL_AND("granted", "200", "right-withdrawn", \
	",\"rule\":\"" rule "\"")
		{ BY_RULE("class lobby: hours"), "postern class set" },
		{ BY_RULE("internet"), "internet NUMBER on" },
		{ BY_RULE("allowed_from"), "postern subscriber from" },
		{ BY_RULE("password"), "the new one" },
		{ BY_RULE("number_class: forbidden"), "class number" },
		{ BY_RULE("grant 7: allows"), "postern grant list" },
		{ BY_RULE("class premium: internet"), "class_of_service" },
		{ CALL_AND("granted", "200", "trunk-disabled", ",\"trunk\":"
		    "\"itsp\""), "postern trunk enable itsp" },
		{ CALL_AND("denied: no national calls at this time", "403", "",
		    ",\"rule\":\"class lobby: hours\""), "hours HH:MM" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		x.call = span_str(rows[i].call);
		explain_call(&x);
		ck_assert_uint_eq(fs.n, 1);
		ck_assert_msg(strstr(fs.item[0].remedy, rows[i].remedy) != NULL,
		    "%s: %s", rows[i].call, fs.item[0].remedy);
	}
}
END_TEST

START_TEST(each_trunk_that_was_tried_is_said)
{
	begin();
	x.call = SPAN_LIT(REFUSED_BY_IT);
	x.tries = SPAN_LIT("[" TRY("silent", "0", "") ","
	    TRY("refused", "486", "") "]");
	explain_call(&x);
	ck_assert_uint_eq(fs.n, 2);
	expect("first", "trunk-silent", "did not answer");
	expect("second", "trunk-refused", "busy");
}
END_TEST

START_TEST(trunks_that_are_shut)
{
	begin();
	x.call = SPAN_LIT(CALL("no route", "404", ""));
	x.shut = SPAN_LIT("{\"name\":\"itsp\",\"enabled\":0}");
	explain_call(&x);
	expect("trunk", "no-route", "the trunk itsp would, but is switched");
	ck_assert_str_eq(fs.item[0].remedy, "postern trunk enable itsp");
	x.found->n = 0;
	x.shut = SPAN_LIT("{\"name\":\"itsp\",\"enabled\":1,"
	    "\"outbound\":1,\"route\":7}");
	explain_call(&x);
	ck_assert_ptr_nonnull(strstr(fs.item[0].remedy, "WHERE id = 7"));
}
END_TEST

#define ACCOUNT(number, state, status) "[{\"number\":\"" number \
	"\",\"trunk\":\"itsp\",\"username\":\"u\",\"state\":\"" state \
	"\",\"status\":" status ",\"why\":\"no\",\"changed\":\"10:00\"}]"

START_TEST(registrations_of_our_own)
{
	static const struct {
		const char *rows, *code, *text; /* NULL: nothing is said */
	} rows[] = {
		{ ACCOUNT("", "failed", "401"), "trunk-not-registered",
		    "failed since 10:00, as user u: it answered 401" },
		{ ACCOUNT("", "failed", "0"), "trunk-not-registered",
		    "as user u: no answer" },
		{ ACCOUNT("168", "expired", "401"), "mirror-not-registered",
		    "168 is not registered at the PBX itsp" },
		{ ACCOUNT("168", "registered", "200"), NULL, NULL },
		{ ACCOUNT("168", "no phone", "0"), NULL, NULL },
		{ ACCOUNT("", "off", "403"), NULL, NULL },
		{ "", NULL, NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		check_accounts(&fs, span_str(rows[i].rows), SPAN_NONE);
		ck_assert_uint_eq(fs.n, rows[i].code != NULL);
		if (rows[i].code != NULL)
			expect(rows[i].rows, rows[i].code, rows[i].text);
	}
}
END_TEST

#define WAY(why, reached) "{\"trunks\":[{\"name\":\"other\"},{\"name\":" \
	"\"itsp\",\"reached_at\":[" reached "],\"connections\":[{" \
	"\"address\":\"203.0.113.80:5061\",\"state\":\"waits\"}]," \
	"\"why\":\"" why "\"}]}"
#define TRUNK_ROW "{\"name\":\"itsp\",\"address\":\"itsp.test\"," \
	"\"transport\":\"tls\",\"enabled\":1}"
#define NO_CA "its certificate is of a CA that is not known here ([tls] trunk_ca)"
#define SHOWS "openssl s_client -connect 203.0.113.80:5061 -servername itsp.test"

START_TEST(trunks_without_a_connection)
{
	static const struct {
		const char *name, *said, *code, *remedy, *shows;
	} rows[] = {
		{ "CA", WAY(NO_CA, ""), "trunk-ca", "[tls] trunk_ca = that",
		    SHOWS },
		{ "name", WAY("its certificate is for a, not for b", ""),
		    "trunk-certificate", "the name in the certificate",
		    SHOWS },
		{ "date", WAY("its certificate expired on 2021-02-03", ""),
		    "trunk-certificate", "must renew", SHOWS },
		{ "no TLS", WAY("it does not speak TLS at this port", ""),
		    "trunk-no-tls", "transport=tcp", SHOWS },
		{ "firewall", WAY("it does not answer: a firewall", ""),
		    "trunk-not-connected", "firewall let us out", "" },
		{ "since mended", WAY(NO_CA, "{}"), "trunk", "", "" },
		{ "never", WAY("", ""), "trunk", "", "" },
		{ "nothing is said", "{}", "trunk", "", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		x.number = "itsp";
		x.trunk = SPAN_LIT(TRUNK_ROW);
		x.sigproxy = span_str(rows[i].said);
		explain_trunk_row(&x);
		ck_assert_msg(fs.n == 1, "%s: %u", rows[i].name, fs.n);
		expect(rows[i].name, rows[i].code, "itsp");
		ck_assert_msg(strstr(fs.item[0].remedy, rows[i].remedy) !=
			NULL && strstr(fs.item[0].remedy, rows[i].shows) !=
			NULL, "%s: %s", rows[i].name, fs.item[0].remedy);
	}
}
END_TEST

START_TEST(a_call_and_a_registration_by_such_a_trunk)
{
	begin();
	x.call = SPAN_LIT(OUT("no-device", ""));
	x.by = SPAN_LIT(TRUNK_ROW);
	x.sigproxy = SPAN_LIT(WAY(NO_CA, ""));
	explain_call(&x);
	ck_assert_uint_eq(fs.n, 2);
	expect("call", "trunk-not-tried", "no connection to it: " NO_CA);
	expect("trunk", "trunk-ca", "203.0.113.80:5061");
	begin();
	check_accounts(&fs, SPAN_LIT(ACCOUNT("", "failed", "0")),
	    SPAN_LIT(WAY(NO_CA, "")));
	expect("registration", "trunk-not-registered", "no connection to it: its");
	ck_assert_ptr_null(strstr(fs.item[0].remedy, "firewall"));
}
END_TEST

START_TEST(a_phone_that_has_gone)
{
	static const struct { const char *expired, *text; } rows[] = {
		{ "1", "has not come back: its phone is switched off, has lost" },
		{ "0", "took its registration back" },
	};

	for (size_t i = 0; i < 2; i++) {
		begin();
		x.subscriber = SPAN_LIT(ROW(""));
		x.phones = SPAN_LIT("[]");
		x.before = i == 0 ? SPAN_LIT("{\"source\":\"198.51.100.7:5\","
		    "\"transport\":\"udp\",\"user_agent\":\"ua\",\"ended\":"
		    "\"10:00\",\"expired\":1}") :
		    SPAN_LIT("{\"source\":\"198.51.100.7:5\",\"expired\":0}");
		explain_phone(&x);
		ck_assert_uint_eq(fs.n, 1);
		expect(rows[i].expired, "registration-lapsed", rows[i].text);
		expect(rows[i].expired, "registration-lapsed",
		    "it was at 198.51.100.7:5");
	}
}
END_TEST

#define GONE(source, verdict, reason) CALL_AND("granted", "200", reason, \
	",\"from_source\":\"" source "\",\"caller_media\":\"" verdict "\"")

START_TEST(a_phone_that_went_in_mid_call)
{
	static const struct { const char *name, *call; bool went; } rows[] = {
		{ "silent", GONE("198.51.100.7:5", "home-lost",
		    "called-hung-up"), true },
		{ "silent, reason unknown", GONE("198.51.100.7:5",
		    "fell-silent", "called-hung-up"), true },
		{ "found by the audit", GONE("198.51.100.7:5", "ok",
		    "phone-silent"), true },
		{ "it was elsewhere then", GONE("198.51.100.8:5",
		    "fell-silent", "called-hung-up"), false },
		{ "all was well", GONE("198.51.100.7:5", "ok",
		    "caller-hung-up"), false },
		{ "it never called", "{}", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		x.subscriber = SPAN_LIT(ROW(""));
		x.phones = SPAN_LIT("[]");
		x.before = SPAN_LIT("{\"source\":\"198.51.100.7:5\","
		    "\"transport\":\"udp\",\"ended\":\"10:00\","
		    "\"expired\":1}");
		x.call = span_str(rows[i].call);
		explain_phone(&x);
		expect(rows[i].name, "registration-lapsed", rows[i].went ?
			"its power was cut" : "is switched off");
	}
}
END_TEST

START_TEST(words_that_nobody_has)
{
	static const struct {
		const char *word, *call, *code, *text, *remedy;
	} rows[] = {
		{ "999", NULL, "no-subscriber", "999", "subscriber add 999" },
		{ "1795794676483", NULL, "no-such-call", "1795794676483",
		    "calls --past" },
		{ "089123456789", CALL("granted", "200", ""), "not-ours",
		    "of the last call with it", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		x.number = rows[i].word;
		if (rows[i].call != NULL)
			x.call = span_str(rows[i].call);
		explain_phone(&x);
		ck_assert_uint_eq(fs.n, 1);
		expect(rows[i].word, rows[i].code, rows[i].text);
		ck_assert_ptr_nonnull(strstr(fs.item[0].remedy,
		    rows[i].remedy));
	}
	begin();
	conf.keep_records_days = 30;
	x.number = "1795794676483";
	explain_phone(&x);
	expect("retention", "no-such-call", "kept for 30 days");
}
END_TEST

START_TEST(a_number_that_is_disabled)
{
	begin();
	x.call = SPAN_LIT(CALL("no such number", "404", ""));
	x.called = SPAN_LIT("{\"number\":\"201\",\"enabled\":0}");
	explain_call(&x);
	ck_assert_uint_eq(fs.n, 1);
	expect("disabled", "called-disabled", "201 is disabled");
}
END_TEST

#define REPORTS(out, rtcp) CALL_AND("granted", "200", "caller-hung-up", \
	",\"media_verdict\":\"ok\",\"caller_media\":\"ok\",\"called_media\":" \
	"\"ok\",\"caller_packets_out\":" out ",\"caller_rtcp_in\":" rtcp \
	",\"called_packets_out\":0")
#define LASTS CALL_AND("granted", "200", "", ",\"media_verdict\":\"ok\"," \
	"\"caller_media\":\"ok\",\"called_media\":\"ok\"," \
	"\"caller_packets_out\":null")
#define CAME(n) "{\"side\":\"called\",\"expected\":" n "}"
#define BEFORE(n) "[{\"side\":\"caller\",\"n\":" n "},{\"side\":" \
	"\"called\",\"n\":0}]"

/* What a phone hears only its own reports tell. */
START_TEST(phones_that_hear_nothing)
{
	static const struct {
		const char *name, *call, *quality, *reports, *code, *text;
	} rows[] = {
		{ "reports of nothing", REPORTS("850", "4"), "[]", "[]",
		    "not-hearing", "packets to it 850; reports from it 4" },
		{ "reports of what it heard", REPORTS("850", "4"),
		    "[{\"side\":\"caller\",\"heard_loss\":0}]", "[]",
		    "call-fine", "came to us; 168 heard, as its reports" },
		{ "its own judgement", REPORTS("850", "4"),
		    "[{\"side\":\"caller\",\"said_mos\":400}]", "[]",
		    "call-fine", "168 heard, as its reports" },
		{ "the other one's reports", REPORTS("850", "4"),
		    "[{\"side\":\"called\",\"heard_loss\":0}]", "[]",
		    "not-hearing", "168 heard nothing" },
		{ "no report", REPORTS("850", "0"), "[]", "[]", "call-fine",
		    "whether 168 heard is not known: no report (RTCP) of it "
		    "says so; nothing was sent to 201" },
		{ "too few", REPORTS("850", "2"), "[]", "[]", "call-fine",
		    "whether 168 heard is not known" },
		{ "short", REPORTS("150", "0"), "[]", "[]", "call-fine",
		    "168 heard is not known: no report (RTCP) of it says so, "
		    "nor was there much time" },
		{ "it reported in other calls", REPORTS("1200", "0"), "[]",
		    BEFORE("3"), "not-hearing", "reported what it heard: 3" },
		{ "and this one is short", REPORTS("850", "0"), "[]",
		    BEFORE("3"), "call-fine", "whether 168 heard" },
		{ "it lasts", LASTS, "[" CAME("1500") "]", "[]", "call-fine",
		    "whether 168 hears is not known yet" },
		{ "it lasts, and it hears", LASTS, "[{\"side\":\"caller\","
		    "\"heard_loss\":0}]", BEFORE("3"), "call-fine",
		    "168 hears, as its reports (RTCP) say; whether 201 hears "
		    "is not known yet" },
		{ "it lasts, and it says nothing as it always did", LASTS,
		    "[" CAME("1500") "]", BEFORE("3"), "not-hearing",
		    "it seems that 168 hears nothing" },
		{ "it has just begun", LASTS, "[" CAME("250") "]",
		    BEFORE("3"), "call-fine", "is not known yet" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin();
		x.call = span_str(rows[i].call);
		x.quality = span_str(rows[i].quality);
		x.reports = span_str(rows[i].reports);
		explain_call(&x);
		ck_assert_msg(fs.n == 1, "%s: %u", rows[i].name, fs.n);
		expect(rows[i].name, rows[i].code, rows[i].text);
	}
}
END_TEST

START_TEST(whose_router_loses_it)
{
	static const char call[] = CALL_AND("granted", "200",
	    "caller-hung-up", ",\"caller_media\":\"office-router\","
	    "\"caller_words\":\"the office's router loses it\"");

	begin();
	x.call = SPAN_LIT(call);
	explain_call(&x);
	expect("nobody knows", "office-router", "either the office's router");
	begin();
	x.call = SPAN_LIT(call);
	x.others = SPAN_LIT("{\"n\":3}");
	explain_call(&x);
	expect("others are heard", "office-router", "this home's router");
	expect("why", "office-router", "came in the same way 3 times");
	ck_assert_ptr_null(strstr(fs.item[0].remedy, "forward"));
}
END_TEST

START_TEST(the_evidence_of_silence)
{
	static const char call[] = CALL_AND("granted", "200",
	    "caller-hung-up", ",\"from_source\":\"198.51.100.7:5060\","
	    "\"caller_contact\":\"sip:168@192.168.1.20:5060\","
	    "\"caller_media\":\"symmetric-no-range\",\"caller_words\":"
	    "\"no packet ever came\",\"caller_said\":"
	    "\"203.0.113.10:16384\",\"media_mode\":\"punch\","
	    "\"caller_packets_in\":0,\"caller_packets_out\":250,"
	    "\"caller_packets_refused\":3,\"called_media\":\"ok\","
	    "\"caller_evidence\":\"it announced 192.168.1.20:10000\"");

	begin();
	conf.ports_first = 16384;
	conf.ports_last = 16983;
	conf.n_external = 1;
	ck_assert_int_eq(addr_parse_ip(SPAN_LIT("192.168.10.2"),
	    &conf.external[0]), 0);
	x.call = SPAN_LIT(call);
	explain_call(&x);
	ck_assert_uint_eq(fs.n, 1);
	ck_assert_str_eq(fs.item[0].what, "168 was not heard, the other one "
	    "was (one-way): no packet ever came");
	ck_assert_str_eq(fs.item[0].seen, "call 9: it says it is at "
	    "192.168.1.20, it signals from 198.51.100.7:5060; packets from it "
	    "0, to it 250, refused from elsewhere 3; it was told to send to "
	    "203.0.113.10:16384 (punch); it announced 192.168.1.20:10000");
	ck_assert_ptr_nonnull(strstr(fs.item[0].remedy,
	    ". Here that is UDP 16384-16983, to 192.168.10.2"));
}
END_TEST

/* Annex B of G.107: the best is 4.41 at 93, R 50 is 2.58. */
START_TEST(r_of_mos)
{
	static const struct { unsigned mos, r; } rows[] = {
		{ 441, 93 }, { 450, 100 }, { 403, 80 }, { 360, 70 },
		{ 310, 60 }, { 258, 50 }, { 100, 7 }, { 0, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(explain_r_of_mos(rows[i].mos) == rows[i].r,
		    "%u: %u", rows[i].mos, explain_r_of_mos(rows[i].mos));
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = { phones,
		another_ones_refusals_say_nothing, whose_answer_it_was, calls, handshakes, sounds,
		the_evidence_of_silence, r_of_mos, trunks,
		each_trunk_that_was_tried_is_said, trunks_that_are_shut,
		each_rule_has_its_remedy,
		registrations_of_our_own, trunks_without_a_connection,
		a_call_and_a_registration_by_such_a_trunk, phones_that_hear_nothing,
		whose_router_loses_it, a_phone_that_has_gone,
		a_phone_that_went_in_mid_call, words_that_nobody_has,
		a_number_that_is_disabled };

	return run_suite("explain", tests, sizeof(tests) / sizeof(tests[0]));
}
