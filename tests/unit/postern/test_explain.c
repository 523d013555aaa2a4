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
#define REFUSED(id, user, why, known) "{\"refusals\":[{\"subscriber\":" id \
	",\"username\":\"" user "\",\"why\":\"" why "\",\"zone\":\"external\"," \
	"\"source\":\"203.0.113.66:5\",\"known_source\":" known \
	",\"count\":3,\"ago_s\":9}]}"

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
		    "both were heard" },
		{ "number", CALL("no such number", "404", ""),
		    "no-such-number", "168 to 201" },
		{ "denied", CALL_AND("denied: no premium calls from the "
		    "internet", "403", "", ",\"rule\":\"class premium: "
		    "internet\",\"pattern\":\"0900%\""), "class-denied",
		    "no premium calls from the internet" },
		{ "cap", CALL("granted", "200", "minutes-used-up"), "cap",
		    "minutes" },
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

int
main(void)
{
	const TTest *const tests[] = { phones,
		another_ones_refusals_say_nothing, calls };

	return run_suite("explain", tests, sizeof(tests) / sizeof(tests[0]));
}
