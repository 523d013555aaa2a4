/* Calls for help: RFC 5031's names, and the office without a password. */
#include <stdio.h>

#include "tests/unit/regdb/lab.h"

#define CONTACT "sip:168@192.168.1.20:5060;line=abc"
#define URN "urn:service:sos"

static const char list[][CONF_NUMBER_MAX] = { "168", "112" };

/* 168 is who helps, and has a phone in the office. */
static void
helper(void)
{
	struct ipc_reg_ask ask;

	lab_subscriber();
	lab.oracle->emergency = list;
	lab.oracle->n_emergency = 2;
	ask = lab_reg(CONTACT, 3600);
	ask.flow = flow_of(ZONE_INTERNAL, "192.168.10.50:5060");
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_OK);
}

struct row {
	const char *name, *uri, *method, *username, *from, *from_user;
	unsigned zone, want, verdict;
	const char *caller;
};

#define OFFICE "192.168.10.77:5060"

static const struct row rows[] = {
	{ "the number", "sip:168@sip.example.org", "INVITE", "", OFFICE, "",
	    ZONE_INTERNAL, 1, VERDICT_OK, "anonymous" },
	{ "the service", URN, "INVITE", "", OFFICE, "", ZONE_INTERNAL, 1,
	    VERDICT_OK, "anonymous" },
	{ "a kind of it", URN ".fire", "INVITE", "", OFFICE, "",
	    ZONE_INTERNAL, 1, VERDICT_OK, "anonymous" },
	{ "a kind with a number of its own", URN ".police", "INVITE", "",
	    OFFICE, "", ZONE_INTERNAL, 1, VERDICT_NOT_FOUND, "anonymous" },
	{ "a number claimed elsewhere", URN, "INVITE", "", OFFICE, "168",
	    ZONE_INTERNAL, 1, VERDICT_OK, "anonymous" },
	{ "a number at its phone", URN, "INVITE", "", "192.168.10.50:9",
	    "168", ZONE_INTERNAL, 1, VERDICT_OK, "168" },
	{ "no emergency number", "sip:99@sip.example.org", "INVITE", "",
	    OFFICE, "", ZONE_INTERNAL, 1, VERDICT_STALE, "" },
	{ "another service", "urn:service:counseling", "INVITE", "", OFFICE,
	    "", ZONE_INTERNAL, 1, VERDICT_STALE, "" },
	{ "from the internet", URN, "INVITE", "", PHONE, "", ZONE_EXTERNAL,
	    1, VERDICT_STALE, "" },
	{ "another method", URN, "MESSAGE", "", OFFICE, "", ZONE_INTERNAL, 1,
	    VERDICT_STALE, "" },
	{ "with a name and no answer", URN, "INVITE", "SIP-168", OFFICE, "",
	    ZONE_INTERNAL, 1, VERDICT_STALE, "" },
};

START_TEST(from_the_office_help_needs_no_password)
{
	const struct row *r = &rows[_i];
	struct ipc_auth_ask ask = { .id = 7, .want = (uint8_t)r->want,
		.flow = flow_of((enum zone)r->zone, r->from),
		.from_user = span_str(r->from_user), .call_id = S("help") };
	struct ipc_auth_say say;
	char mem[1024];
	struct buf b;

	helper();
	lab_ok("INSERT INTO emergency_service VALUES ('sos.police', '110')");
	ask.digest.method = span_str(r->method);
	ask.digest.uri = span_str(r->uri);
	ask.digest.username = span_str(r->username);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, AUTH_ASK, auth_ask, &ask);
	lab_send(&b);
	ck_assert_int_eq(get_auth_say(lab_take(IPC_AUTH_SAY), &say), 0);
	ck_assert_msg(say.verdict == r->verdict, "%s: %u", r->name,
	    say.verdict);
	assert_span(say.caller.number, r->caller);
	ck_assert_uint_eq(say.emergency, say.verdict == VERDICT_OK ||
	    say.verdict == VERDICT_NOT_FOUND);
	ck_assert_uint_eq(say.n_targets, say.verdict == VERDICT_OK);
}
END_TEST

START_TEST(a_password_calls_a_service_past_every_limit)
{
	helper();
	lab_ok("INSERT INTO class_of_service(name, office, internet, "
	       "max_calls, minutes_day) VALUES ('none', '', '', 0, 0); "
	       "UPDATE subscriber SET rights = 'none'; "
	       "UPDATE number_class SET class = 'forbidden' "
	       "WHERE class = 'internal'");
	ck_assert_uint_eq(lab_call(URN).verdict, VERDICT_OK);
	ck_assert_uint_eq(lab_call(URN ".ambulance").verdict, VERDICT_OK);
	ck_assert_uint_eq(lab_call("99").verdict, VERDICT_DENIED);
	/* A row's number is an emergency one though nothing else says so. */
	lab_ok("INSERT INTO emergency_service VALUES ('sos', '99')");
	lab_until(lab_call("99").emergency == 1);
	ck_assert_uint_eq(lab_call("99").verdict, VERDICT_NOT_FOUND);
	lab.oracle->n_emergency = 0;
	lab_ok("DELETE FROM emergency_service");
	lab_until(lab_call(URN).verdict == VERDICT_NOT_FOUND);
}
END_TEST

/* However a phone writes 112, and wherever it is. */
static const struct {
	const char *name, *uri;
	bool is_help;
} ways[] = {
	{ "as it is", "112", true },
	{ "behind the national prefix", "0112", true },
	{ "with separators", "0-11.2", true },
	{ "behind a trunk's prefix", "9112", true },
	{ "a context", "sip:112;phone-context=+49@sip.example.org", true },
	{ "a domain as context", "sip:112;phone-context=a.example@a.example",
	    true },
	{ "a subaddress", "sip:112;isub=1@sip.example.org", true },
	{ "sips", "sips:112@sip.example.org", true },
	{ "a subscriber's number", "0168", false },
	{ "a prefix that no line has", "7112", false },
	{ "what is no prefix", "900112", false },
	{ "more behind it", "01123", false },
};

START_TEST(help_is_help_in_every_way_it_is_dialled)
{
	helper();
	lab_ok("INSERT INTO subscriber(number, name, username, password) "
	       "VALUES ('0168', 'Lobby', 'lobby', 'lobby-horse-77-x');"
	       "INSERT INTO trunk(name, address, prefix) "
	       "VALUES ('itsp', '192.0.2.9:5060', '9'), "
	       "('long', '192.0.2.8:5060', '900')");
	lab_until(lab_call("9112").emergency || !ways[_i].is_help);
	ck_assert_msg(lab_call(ways[_i].uri).emergency == ways[_i].is_help,
	    "%s", ways[_i].name);
}
END_TEST

START_TEST(help_is_reached_from_where_it_may_not_be)
{
	helper();
	lab_ok("INSERT INTO allowed_from VALUES ('168', '203.0.113.0/24')");
	lab_until(lab_call("99").verdict == VERDICT_FORBIDDEN);
	ck_assert_uint_eq(lab_call("168").verdict, VERDICT_OK);
	ck_assert_uint_eq(lab_call(URN).verdict, VERDICT_OK);
	ck_assert_uint_eq(lab_call("0112").emergency, 1);
	/* It is not registered for that, nor is there another word. */
	ck_assert_uint_eq(lab_register(CONTACT, 3600), VERDICT_FORBIDDEN);
	ck_assert_uint_eq(lab_call("99").verdict, VERDICT_FORBIDDEN);
	lab_ok("UPDATE subscriber SET enabled = 0 WHERE number = '168'");
	lab_until(lab_call("112").verdict == VERDICT_FORBIDDEN);
}
END_TEST

static const struct {
	const char *name, *sql;
} bad[] = {
	{ "no service", "('police', '110')" },
	{ "capitals", "('sos.Police', '110')" },
	{ "no number", "('sos', 'police')" },
	{ "too short", "('sos', '1')" },
};

START_TEST(bad_rows_are_refused)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "INSERT INTO emergency_service VALUES %s",
	    bad[_i].sql);
	ck_assert_msg(lab_sql(sql)[0] != '\0', "%s", bad[_i].name);
}
END_TEST

void
add_emergency_tests(Suite *s)
{
	TCase *t = tcase_create("emergency");

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, lab_setup, lab_teardown);
	tcase_add_loop_test(t, from_the_office_help_needs_no_password, 0,
	    sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(t, a_password_calls_a_service_past_every_limit);
	tcase_add_loop_test(t, help_is_help_in_every_way_it_is_dialled, 0,
	    sizeof(ways) / sizeof(ways[0]));
	tcase_add_test(t, help_is_reached_from_where_it_may_not_be);
	tcase_add_loop_test(t, bad_rows_are_refused, 0,
	    sizeof(bad) / sizeof(bad[0]));
	suite_add_tcase(s, t);
}
