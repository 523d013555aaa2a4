/* Who may call what, by the tables that an admin types. */
#include <stdio.h>

#include "tests/unit/regdb/lab.h"

#define GATEWAY "0900555555"

/* 168 outside and 22 in the office with a phone each; a gateway that costs. */
static void
office(void)
{
	lab_subscriber();
	lab_ok("INSERT INTO subscriber(number, name, username, password) "
	       "VALUES ('22', 'Desk', 'u22', 'xkcd-staple-22'), "
	       "('" GATEWAY "', 'Gateway', 'u9', 'xkcd-staple-09'), "
	       "('112', 'Porter', 'u112', 'xkcd-staple-112');"
	       "INSERT INTO number_class(pattern, class, cost_minute) VALUES "
	       "('" GATEWAY "', 'premium', 1.5);"
	       "INSERT INTO registration(number, contact, source, transport, "
	       "zone, listener, nated, granted_s, user_agent, instance, "
	       "reg_id, q, call_id, cseq, slot, registered_at, expires_at) "
	       "SELECT number, 'sip:' || number || '@10.0.0.9', "
	       "'10.0.0.9:5060', 'udp', 'internal', 0, 0, 60, '', '', 0, 1.0, "
	       "'c', 1, 1, 0, 9999999999 FROM subscriber "
	       "WHERE number <> '168'");
}

static void
looks(void)
{
	uint64_t before = lab.oracle->looked;

	lab_later(1100);
	lab_until(lab.oracle->looked > before);
}

static void
note(uint64_t ticket, enum call_state state)
{
	struct ipc_call_note n = { .ticket = ticket, .state = (uint8_t)state,
		.ended_by = state == CALL_ENDED ? ENDED_BY_CALLED : 0 };
	char mem[512];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, CALL_NOTE, call_note, &n);
	lab_send(&b);
}

/* Kept by sigproxy, or it is lost with the next registrar-db. */
static void
save(uint64_t ticket)
{
	struct ipc_call_save s = { .ticket = ticket, .version = 1,
		.state = S("state") };
	char mem[512];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, CALL_SAVE, call_save, &s);
	lab_send(&b);
}

static uint64_t
talk(void)
{
	uint64_t ticket = lab_call(GATEWAY).ticket;

	ck_assert_uint_ne(ticket, 0);
	note(ticket, CALL_ANSWERED);
	save(ticket);
	lab_until(strcmp(lab_look("SELECT count(*) FROM checkpoint"), "1") == 0);
	lab_until(strcmp(lab_look("SELECT state FROM live_call"), "none") != 0 &&
	    strcmp(lab_look("SELECT count(*) FROM live_call WHERE "
			    "answered IS NULL"), "0") == 0);
	return ticket;
}

static void
assert_ends(uint64_t ticket, enum stop_why why)
{
	struct ipc_call_end end;

	ck_assert_int_eq(get_call_end(lab_take(IPC_CALL_END), &end), 0);
	ck_assert_uint_eq(end.ticket, ticket);
	ck_assert_uint_eq(end.why, why);
}

START_TEST(from_outside_the_office_alone_can_be_called)
{
	static const struct {
		const char *number, *why, *kind, *rule, *verdict;
		enum verdict want;
	} rows[] = {
		{ "22", "", "internal", "class national: internet", "granted",
		    VERDICT_OK },
		{ "0900123456", "no premium calls from the internet",
		    "premium", "class national: internet",
		    "denied: no premium calls from the internet",
		    VERDICT_DENIED },
		{ "%30-900.123456", "no premium calls from the internet",
		    "premium", "class national: internet",
		    "denied: no premium calls from the internet",
		    VERDICT_DENIED },
		{ "tel:900-123456;phone-context=+49",
		    "no premium calls from the internet", "premium",
		    "class national: internet",
		    "denied: no premium calls from the internet",
		    VERDICT_DENIED },
		{ "sip:+49900123456;isub=7@sip.example.org;user=phone",
		    "no premium calls from the internet", "premium",
		    "class national: internet",
		    "denied: no premium calls from the internet",
		    VERDICT_DENIED },
		{ "00441234567", "no international calls from the internet",
		    "international", "class national: internet",
		    "denied: no international calls from the internet",
		    VERDICT_DENIED },
		{ "tel:+88161234567", "no satellite calls from the internet",
		    "satellite", "class national: internet",
		    "denied: no satellite calls from the internet",
		    VERDICT_DENIED },
		{ "0301234567", "no national calls from the internet",
		    "national", "class national: internet",
		    "denied: no national calls from the internet",
		    VERDICT_DENIED },
		{ "99", "", "internal", "class national: internet",
		    "no such number", VERDICT_NOT_FOUND },
		{ "09OO123456", "", "", "number_class", "no such number",
		    VERDICT_NOT_FOUND },
		{ "0900123456;isub=7", "no premium calls from the internet",
		    "premium", "class national: internet",
		    "denied: no premium calls from the internet",
		    VERDICT_DENIED },
		{ "*21*0900123456%23", "", "", "number_class",
		    "no such number", VERDICT_NOT_FOUND },
		{ "112", "", "emergency", "emergency", "granted",
		    VERDICT_OK },
		{ "tel:112;phone-context=+49", "", "emergency", "emergency",
		    "granted", VERDICT_OK },
	};

	office();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipc_auth_say say = lab_call(rows[i].number);
		char sql[256];

		ck_assert_msg(say.verdict == rows[i].want, "%s: %u",
		    rows[i].number, say.verdict);
		assert_span(say.why, rows[i].why);
		ck_assert_uint_eq(say.emergency,
		    strcmp(rows[i].kind, "emergency") == 0);
		ck_assert_uint_eq(say.n_targets, say.verdict == VERDICT_OK);
		snprintf(sql, sizeof(sql), "SELECT verdict || '|' || "
			 "number_class || '|' || rule FROM call "
			 "WHERE ticket = (SELECT max(ticket) FROM call) "
			 "AND (SELECT count(*) FROM call) = %zu", i + 1);
		lab_until(strcmp(lab_look(sql), "none") != 0);
		snprintf(sql + 128, 128, "%s|%s|%s", rows[i].verdict,
		    rows[i].kind, rows[i].rule);
		ck_assert_str_eq(lab_look("SELECT verdict || '|' || "
		    "number_class || '|' || rule FROM call "
		    "ORDER BY ticket DESC LIMIT 1"), sql + 128);
	}
	ck_assert_uint_eq(lab.oracle->denied, 8);
}
END_TEST

START_TEST(a_grant_counts_from_its_start_to_its_end)
{
	office();
	lab_ok("INSERT INTO class_grant(number, allows, zone, starts, ends) "
	       "VALUES ('168', 'premium, national', 'internet', "
	       "datetime('now', 'localtime', '+1 hour'), "
	       "datetime('now', 'localtime', '+2 hours')), "
	       "('168', 'premium', 'office', '2020-01-01', NULL)");
	ck_assert_uint_eq(lab_call(GATEWAY).verdict, VERDICT_DENIED);
	lab_later(3660000);
	ck_assert_uint_eq(lab_call(GATEWAY).verdict, VERDICT_OK);
	lab_until(strcmp(lab_look("SELECT rule FROM live_call"),
	    "grant 1: allows") == 0);
	/* Allowed, but there is nowhere to go. */
	ck_assert_uint_eq(lab_call("0301234567").verdict, VERDICT_NOT_FOUND);
	lab_until(strcmp(lab_look("SELECT verdict FROM call_record WHERE "
	    "called = '0301234567'"), "no route") == 0);
	lab_later(3600000);
	ck_assert_uint_eq(lab_call(GATEWAY).verdict, VERDICT_DENIED);
}
END_TEST

/* Even those whose rows are not written yet. */
START_TEST(calls_at_once_are_counted_before_they_are_written)
{
	office();
	lab_ok("INSERT INTO class_of_service(name, internet, max_calls) "
	       "VALUES ('two', 'internal,premium', 2);"
	       "UPDATE subscriber SET rights = 'two' WHERE number = '168'");
	ck_assert_uint_eq(lab_call(GATEWAY).verdict, VERDICT_OK);
	ck_assert_uint_eq(lab_call(GATEWAY).verdict, VERDICT_OK);
	ck_assert_uint_eq(lab_call(GATEWAY).verdict, VERDICT_DENIED);
	ck_assert_uint_eq(lab_call("22").verdict, VERDICT_OK);
	ck_assert_uint_eq(lab_call("112").verdict, VERDICT_OK);
	lab_until(strcmp(lab_look("SELECT count(*) FROM live_call"), "4") == 0);
	ck_assert_uint_eq(lab_call(GATEWAY).verdict, VERDICT_DENIED);
	lab_until(strcmp(lab_look("SELECT rule FROM call_record WHERE rule "
	    "LIKE '%max_calls'"), "class two: max_calls") == 0);
}
END_TEST

START_TEST(a_cap_ends_a_call_and_outlives_both_processes)
{
	uint64_t ticket;

	office();
	lab_ok("INSERT INTO class_of_service(name, internet, minutes_day) "
	       "VALUES ('one', 'internal,premium', 2);"
	       "UPDATE subscriber SET rights = 'one' WHERE number = '168'");
	ticket = talk();
	lab_later(60000);
	looks();
	ck_assert(!lab_has(IPC_CALL_END));
	lab_restart();
	lab_later(60000);
	assert_ends(ticket, STOP_MINUTES);
	ck_assert_str_eq(lab_look("SELECT stop || '|' || rule FROM live_call"),
	    "minutes|class one: minutes_day");
	/* Nobody did it yet: it is said again, to another sigproxy too. */
	lab_restart();
	looks();
	assert_ends(ticket, STOP_MINUTES);
	note(ticket, CALL_ENDED);
	lab_until(strcmp(lab_look("SELECT ended_by || '|' || stop || '|' || "
	    "cost FROM call_record"), "policy|minutes|4.5") == 0);
	ck_assert_uint_eq(lab_call(GATEWAY).verdict, VERDICT_DENIED);
	ck_assert_str_eq(lab_look("SELECT count(*) FROM spent WHERE number = "
	    "'168' AND seconds BETWEEN 120 AND 130 AND cost = 45000"), "1");
	/* The next day is another one. */
	lab_later(86400000);
	ck_assert_uint_eq(lab_call(GATEWAY).verdict, VERDICT_UNREACHABLE);
}
END_TEST

START_TEST(the_money_of_a_day_ends_a_call)
{
	uint64_t ticket;

	office();
	lab_ok("INSERT INTO class_of_service(name, internet, cost_day) "
	       "VALUES ('three', 'internal,premium', 3);"
	       "UPDATE subscriber SET rights = 'three' WHERE number = '168'");
	ticket = talk();
	lab_later(110000);
	looks();
	ck_assert(!lab_has(IPC_CALL_END));
	lab_later(15000);
	assert_ends(ticket, STOP_COST);
	/* One subscriber gets more. */
	note(ticket, CALL_ENDED);
	ck_assert_uint_eq(lab_call(GATEWAY).verdict, VERDICT_DENIED);
	lab_ok("INSERT INTO class_grant(number, cost_day, zone) "
	       "VALUES ('168', 50, 'both')");
	lab_until(strcmp(lab_look("SELECT count(*) FROM live_call"), "0") == 0);
	ck_assert_uint_eq(lab_call(GATEWAY).verdict, VERDICT_OK);
}
END_TEST

/* A minute of the gateway costs 1.5: two fit into 3, however fast they come,
 * written already or not. */
START_TEST(calls_at_once_do_not_share_the_last_of_the_money)
{
	office();
	lab_ok("INSERT INTO class_of_service(name, internet, cost_day) "
	       "VALUES ('three', 'internal,premium', 3);"
	       "UPDATE subscriber SET rights = 'three' WHERE number = '168'");
	ck_assert_uint_eq(lab_call(GATEWAY).verdict, VERDICT_OK);
	ck_assert_uint_eq(lab_call(GATEWAY).verdict, VERDICT_OK);
	ck_assert_uint_eq(lab_call(GATEWAY).verdict, VERDICT_DENIED);
	lab_until(strcmp(lab_look("SELECT count(*) FROM live_call"), "2") == 0);
	ck_assert_uint_eq(lab_call(GATEWAY).verdict, VERDICT_DENIED);
	lab_until(strcmp(lab_look("SELECT max(rule) FROM call_record"),
	    "class three: cost_day") == 0);
}
END_TEST

START_TEST(a_grant_that_is_over_ends_its_call)
{
	uint64_t ticket;

	office();
	lab_ok("INSERT INTO class_grant(number, allows, zone, ends) "
	       "VALUES ('168', 'premium', 'internet', "
	       "datetime('now', 'localtime', '+1 hour'))");
	ticket = talk();
	lab_later(3500000);
	looks();
	ck_assert(!lab_has(IPC_CALL_END));
	lab_later(200000);
	assert_ends(ticket, STOP_RIGHT);
}
END_TEST

/* Open for an hour from this minute on, whatever the time is. */
START_TEST(hours_that_are_over_end_the_call)
{
	uint64_t ticket;

	office();
	lab_ok("INSERT INTO class_of_service(name, internet, hours) "
	       "VALUES ('hour', 'internal,premium', "
	       "strftime('%H:%M', 'now', 'localtime') || '-' || "
	       "strftime('%H:%M', 'now', 'localtime', '+1 hour'));"
	       "UPDATE subscriber SET rights = 'hour' WHERE number = '168'");
	ticket = talk();
	lab_later(3400000);
	looks();
	ck_assert(!lab_has(IPC_CALL_END));
	lab_later(300000);
	assert_ends(ticket, STOP_RIGHT);
	ck_assert_str_eq(lab_look("SELECT stop || '|' || rule FROM live_call"),
	    "right|class hour: hours");
	note(ticket, CALL_ENDED);
	ck_assert_uint_eq(lab_call(GATEWAY).verdict, VERDICT_DENIED);
	/* A grant for after hours lets it go on. */
	lab_ok("INSERT INTO class_grant(number, allows, zone) "
	       "VALUES ('168', 'premium', 'internet')");
	lab_until(strcmp(lab_look("SELECT count(*) FROM live_call"), "0") == 0);
	ticket = talk();
	looks();
	ck_assert(!lab_has(IPC_CALL_END));
}
END_TEST

START_TEST(a_disabled_subscriber_calls_no_more)
{
	uint64_t ticket;

	office();
	ticket = lab_call("22").ticket;
	note(ticket, CALL_ANSWERED);
	lab_until(strcmp(lab_look("SELECT state FROM live_call"),
	    "answered") == 0);
	lab_ok("UPDATE class_of_service SET on_disable = 'keep' "
	       "WHERE name = 'national';"
	       "UPDATE subscriber SET enabled = 0 WHERE number = '22'");
	looks();
	ck_assert(!lab_has(IPC_CALL_END));
	lab_ok("UPDATE class_of_service SET on_disable = 'end';"
	       "UPDATE subscriber SET enabled = 1 WHERE number = '22';"
	       "UPDATE subscriber SET enabled = 0 WHERE number = '22'");
	lab_later(1100);
	assert_ends(ticket, STOP_DISABLED);
	lab_ok("UPDATE call SET stop = 'admin'");
	lab_later(1100);
	assert_ends(ticket, STOP_ADMIN);
	lab_ok("INSERT INTO trunk(name, address, prefix) VALUES "
	       "('itsp', '203.0.113.80', '0');"
	       "UPDATE call SET stop = '', trunk = 'itsp';"
	       "UPDATE trunk SET enabled = 0");
	lab_later(1100);
	assert_ends(ticket, STOP_TRUNK);
	ck_assert_str_eq(lab_look("SELECT rule FROM live_call"),
	    "trunk: disabled");
}
END_TEST

/* What takes a call of 168's to 22 from it, and what is none of its business. */
static const struct {
	const char *name, *sql, *rule;
	bool shuts;	/* its registration as well */
} takes[] = {
	{ "no internet", "UPDATE subscriber SET internet = 0 "
			 "WHERE number = '168'", "internet", true },
	{ "another place", "INSERT INTO allowed_from "
			   "VALUES ('168', '203.0.113.0/24')",
	    "allowed_from", true },
	{ "a forbidden number", "INSERT INTO number_class(pattern, class) "
				"VALUES ('22', 'forbidden')",
	    "number_class: forbidden", false },
	{ "a new password", "UPDATE subscriber SET password = "
			    "'another-horse-99' WHERE number = '168'",
	    "password", true },
	{ "this place", "INSERT INTO allowed_from "
			"VALUES ('168', '198.51.100.0/24')", NULL, false },
	{ "somebody else's password", "UPDATE subscriber SET password = "
	    "'another-horse-99' WHERE number = '112'", NULL, false },
	{ "a class that keeps its calls",
	    "UPDATE class_of_service SET on_disable = 'keep';"
	    "UPDATE subscriber SET password = 'another-horse-99' "
	    "WHERE number = '168'", NULL, true },
	{ "somebody else's internet", "UPDATE subscriber SET internet = 0 "
	    "WHERE number = '112'", NULL, false },
};

START_TEST(what_is_withdrawn_ends_what_runs)
{
	uint64_t ticket, help;

	office();
	ck_assert_int_eq(lab_register("sip:168@10.0.0.7", 3600), VERDICT_OK);
	ticket = lab_call("22").ticket;
	help = lab_call("112").ticket;
	note(ticket, CALL_ANSWERED);
	note(help, CALL_ANSWERED);
	lab_until(strcmp(lab_look("SELECT count(*) FROM live_call WHERE "
	    "state = 'answered'"), "2") == 0);
	lab_ok(takes[_i].sql);
	looks();
	if (takes[_i].shuts)
		lab_take(IPC_FLOW_GONE);
	ck_assert_str_eq(lab_look("SELECT count(*) FROM registration "
	    "WHERE number = '168'"), takes[_i].shuts ? "0" : "1");
	looks();
	if (takes[_i].rule != NULL) {
		assert_ends(ticket, STOP_RIGHT);
		ck_assert_str_eq(lab_look("SELECT rule FROM call "
		    "WHERE stop = 'right'"), takes[_i].rule);
	} else {
		ck_assert_msg(!lab_has(IPC_CALL_END), "%s", takes[_i].name);
	}
	ck_assert_str_eq(lab_look("SELECT count(*) FROM call WHERE "
	    "stop <> '' AND called = '112'"), "0");
}
END_TEST

/* The called phone is the one that is outside; its desk phone is not. */
START_TEST(what_is_withdrawn_counts_for_the_called_phone)
{
	office();
	ck_assert_uint_eq(lab_call("22").verdict, VERDICT_OK);
	lab_until(strcmp(lab_look("SELECT count(*) FROM call"), "1") == 0);
	lab_ok("UPDATE call SET from_zone = 'internal', channels = 1, "
	       "called_source = '10.0.0.9:5060', state = 'answered'");
	lab_ok("UPDATE subscriber SET internet = 0 WHERE number = '22'");
	looks();
	looks();
	ck_assert(!lab_has(IPC_CALL_END));
	lab_ok("UPDATE call SET called_source = '203.0.113.9:5060'");
	looks();
	looks();
	ck_assert(lab_has(IPC_CALL_END));
}
END_TEST

/* ---- redirects and REFER ---- */

static enum verdict
divert(uint64_t ticket, const char *by, const char *number)
{
	struct ipc_divert_ask ask = { .ticket = ticket, .id = 7,
		.by = span_str(by), .number = span_str(number) };
	struct ipc_divert_say say;
	char mem[512];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, DIVERT_ASK, divert_ask, &ask);
	lab_send(&b);
	ck_assert_int_eq(get_divert_say(lab_take(IPC_DIVERT_SAY), &say), 0);
	return say.verdict;
}

static enum verdict
refer(uint64_t ticket, const char *by, const char *number, const char *why)
{
	struct ipc_refer_ask ask = { .ticket = ticket, .id = 9,
		.by = span_str(by), .number = span_str(number) };
	struct ipc_refer_say say;
	char mem[512];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, REFER_ASK, refer_ask, &ask);
	lab_send(&b);
	ck_assert_int_eq(get_refer_say(lab_take(IPC_REFER_SAY), &say), 0);
	ck_assert_uint_eq(say.id, 9);
	ck_assert_uint_eq(say.ticket, ticket);
	assert_span(say.why, why);
	return say.verdict;
}

START_TEST(who_redirects_needs_the_right_and_pays)
{
	uint64_t ticket;

	office();
	ticket = lab_call("22").ticket;
	/* 22 may call national numbers, from the office. */
	ck_assert_uint_eq(divert(ticket, "22", GATEWAY), VERDICT_DENIED);
	ck_assert_str_eq(lab_look("SELECT caller || '|' || called || '|' || "
	    "via || '|' || rule || '|' || from_zone FROM call_record"),
	    "22|" GATEWAY "|redirect|class national: office|internal");
	lab_ok("UPDATE number_class SET class = 'national' "
	       "WHERE pattern = '" GATEWAY "'");
	ck_assert_uint_eq(divert(ticket, "22", GATEWAY), VERDICT_OK);
	ck_assert_str_eq(lab_look("SELECT payer || '|' || number_class "
	    "FROM live_call"), "22|national");
	/* One of its phones is outside: it may have been that one. */
	lab_ok("UPDATE registration SET zone = 'external' "
	       "WHERE number = '22'");
	ticket = lab_call("22").ticket;
	ck_assert_uint_eq(divert(ticket, "22", GATEWAY), VERDICT_DENIED);
	lab_until(strcmp(lab_look("SELECT rule FROM call_record WHERE "
	    "from_zone = 'external'"), "class national: internet") == 0);
}
END_TEST

START_TEST(who_refers_needs_the_right_himself)
{
	static const char no[] = "no premium calls from the internet";
	uint64_t ticket;

	office();
	ticket = lab_call("22").ticket;
	note(ticket, CALL_ANSWERED);
	ck_assert_uint_eq(refer(ticket, "168", "22", ""), VERDICT_OK);
	ck_assert_uint_eq(refer(ticket, "168", "0900123456", no),
	    VERDICT_DENIED);
	ck_assert_uint_eq(refer(ticket, "168", "+49-900-123456", no),
	    VERDICT_DENIED);
	ck_assert_str_eq(lab_look("SELECT count(*) FROM call_record WHERE "
	    "caller = '168' AND via = 'refer' AND number_class = 'premium' "
	    "AND rule = 'class national: internet' AND verdict = 'denied: no "
	    "premium calls from the internet'"), "2");
	ck_assert_uint_eq(refer(ticket, "22", "0301234567", ""), VERDICT_OK);
	/* Nobody's of ours, and a provider would take it. */
	ck_assert_uint_eq(refer(ticket, "168", "22833", ""), VERDICT_OK);
	lab_until(!store_in_transaction(lab.store));
	lab_ok("INSERT INTO trunk(name, address, prefix) VALUES ('itsp', "
	       "'198.51.100.20:5060', '')");
	lab_until(trunks_rows(lab.oracle)->n_routes == 1);
	ck_assert_uint_eq(refer(ticket, "168", "22833", "no national calls "
	    "from the internet"), VERDICT_DENIED);
	ck_assert_uint_eq(refer(ticket, "22", "22833", ""), VERDICT_OK);
	/* A captured sigproxy: others, other calls, too many. */
	ck_assert_uint_eq(refer(ticket, "112", "22", ""), VERDICT_FORBIDDEN);
	ck_assert_uint_eq(refer(ticket + 1, "168", "22", ""),
	    VERDICT_FORBIDDEN);
	for (int i = 0; i < 13; i++)
		ck_assert_uint_eq(refer(ticket, "168", "22", ""), VERDICT_OK);
	ck_assert_uint_eq(refer(ticket, "168", "22", ""), VERDICT_FORBIDDEN);
}
END_TEST

static void
away(uint64_t ticket, enum away_via via, const char *by, const char *number,
    const char *host)
{
	struct ipc_call_away m = { .ticket = ticket, .via = (uint8_t)via,
		.by = span_str(by), .number = span_str(number),
		.host = span_str(host) };
	char mem[512];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, CALL_AWAY, call_away, &m);
	lab_send(&b);
}

START_TEST(what_leads_to_no_number_of_ours_has_a_record)
{
	static const char all[] = "SELECT group_concat(caller || '|' || called "
	    "|| '|' || via || '|' || rule || '|' || substr(verdict, 9), ' ') "
	    "FROM (SELECT * FROM call_record WHERE verdict LIKE 'denied: %' "
	    "ORDER BY ticket)";
	uint64_t ticket;

	office();
	ticket = lab_call("22").ticket;
	away(ticket, AWAY_REDIRECT, "22", "300", "elsewhere.example");
	/* Who calls is not who redirects; nobody of this call; no call. */
	away(ticket, AWAY_REDIRECT, "168", "300", "elsewhere.example");
	away(ticket, AWAY_REFER, "112", "300", "elsewhere.example");
	away(ticket + 9, AWAY_REFER, "22", "300", "elsewhere.example");
	away(ticket, AWAY_REFER, "168", "", "");
	away(ticket, AWAY_REFER, "168", "x y", "\xc3\xbc");
	lab_until(strcmp(lab_look(all),
	    "22|300|redirect|redirect: foreign host|elsewhere.example is no "
	    "host of ours "
	    "168||refer|refer: no number|it is no number of ours "
	    "168||refer|refer: foreign host|it is no host of ours") == 0);
	/* A captured sigproxy fills no table. */
	for (int i = 0; i < 40; i++)
		away(ticket, AWAY_REFER, "168", "300", "elsewhere.example");
	ck_assert_uint_eq(refer(ticket, "168", "22", ""), VERDICT_FORBIDDEN);
	ck_assert_str_eq(lab_look("SELECT count(*) FROM call_record WHERE "
	    "verdict LIKE 'denied: %'"), "20");
}
END_TEST

/* ---- where from ---- */

START_TEST(somewhere_else_a_subscriber_does_not_exist)
{
	office();
	ck_assert_uint_eq(lab_register("sip:168@10.0.0.1", 300), VERDICT_OK);
	lab_ok("INSERT INTO allowed_from VALUES ('168', '203.0.113.0/24'), "
	       "('168', '2001:db8::/32')");
	ck_assert_uint_eq(lab_register("sip:168@10.0.0.1", 300),
	    VERDICT_FORBIDDEN);
	ck_assert_uint_eq(lab_call("22").verdict, VERDICT_FORBIDDEN);
	ck_assert_uint_eq(lab.oracle->elsewhere, 2);
	ck_assert_uint_eq(lab.oracle->wrong, 0);
	lab_ok("INSERT INTO allowed_from VALUES ('168', '198.51.100.7')");
	ck_assert_uint_eq(lab_register("sip:168@10.0.0.1", 300), VERDICT_OK);
	ck_assert_uint_eq(lab_call("22").verdict, VERDICT_OK);
	/* A row that cannot be read lets nobody in. */
	lab_ok("DELETE FROM allowed_from; "
	       "INSERT INTO allowed_from VALUES ('168', '::203.0.113')");
	lab_until(lab_call("22").verdict == VERDICT_FORBIDDEN);
}
END_TEST

/* ---- records ---- */

START_TEST(old_records_go_a_few_at_a_time)
{
	lab.keep_records_days = 30;
	lab_restart();
	office();
	lab_ok("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
	       "WHERE i < 500) INSERT INTO call(ticket, caller, caller_name, "
	       "called, verdict, from_zone, from_source, call_id, granted_at, "
	       "ended_at, state) SELECT i, '168', '', '22', 'granted', '', '', "
	       "'', unixepoch() - 86400 * 31, unixepoch() - 86400 * 31, "
	       "'ended' FROM n; INSERT INTO call(ticket, caller, caller_name, "
	       "called, verdict, from_zone, from_source, call_id, granted_at, "
	       "ended_at, state) VALUES (1000, '168', '', '22', 'granted', "
	       "'', '', '', 0, unixepoch() - 86400 * 29, 'ended')");
	lab_later(3600000);
	lab_until(strcmp(lab_look("SELECT count(*) FROM call"), "1") == 0);
	ck_assert_str_eq(lab_look("SELECT ticket FROM call_record"), "1000");
}
END_TEST

START_TEST(bad_rows_are_refused_in_words)
{
	static const struct { const char *sql, *complaint; } rows[] = {
		{ "INSERT INTO number_class(pattern, class) VALUES "
		  "('09OO%', 'premium')",
		    "CHECK constraint failed: pattern: a number as it is "
		    "dialled or with +, X for any digit, % at the end for "
		    "anything behind it" },
		{ "INSERT INTO number_class(pattern, class) VALUES "
		  "('0901%', 'expensive')",
		    "CHECK constraint failed: class: internal, national, "
		    "international, premium, satellite, emergency or "
		    "forbidden" },
		{ "INSERT INTO number_class(pattern, class) VALUES "
		  "('11%', 'emergency')",
		    "CHECK constraint failed: emergency: a whole number, "
		    "without X and %" },
		{ "UPDATE subscriber SET rights = 'boss'",
		    "rights: no such class of service; SELECT name FROM "
		    "class_of_service, or NULL" },
		{ "INSERT INTO class_of_service(name, office) VALUES "
		  "('x', 'national,premum')",
		    "CHECK constraint failed: office: internal, national, "
		    "international, premium, satellite, with commas between "
		    "them" },
		{ "INSERT INTO class_of_service(name, hours) VALUES "
		  "('x', '8-18')",
		    "CHECK constraint failed: hours: HH:MM-HH:MM" },
		{ "DELETE FROM class_of_service WHERE name = 'premium'",
		    "this class of service is in use: change its rights, or "
		    "first those of its subscribers" },
		{ "INSERT INTO class_grant(number, allows) VALUES "
		  "('999', 'premium')", "number: no such subscriber" },
		{ "INSERT INTO class_grant(number, allows, ends) VALUES "
		  "('168', 'premium', 'tomorrow')",
		    "CHECK constraint failed: ends: YYYY-MM-DD or YYYY-MM-DD "
		    "HH:MM, after starts, or NULL" },
		{ "INSERT INTO allowed_from VALUES ('168', 'home')",
		    "this is no IPv4 address: four numbers from 0 to 255, as "
		    "203.0.113.10" },
	};

	lab_subscriber();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_str_eq(lab_sql(rows[i].sql), rows[i].complaint);
}
END_TEST

void
add_policy_tests(Suite *s)
{
	TCase *t = tcase_create("policy");

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, lab_setup, lab_teardown);
	tcase_add_test(t, from_outside_the_office_alone_can_be_called);
	tcase_add_test(t, a_grant_counts_from_its_start_to_its_end);
	tcase_add_test(t, calls_at_once_are_counted_before_they_are_written);
	tcase_add_test(t, a_cap_ends_a_call_and_outlives_both_processes);
	tcase_add_test(t, the_money_of_a_day_ends_a_call);
	tcase_add_test(t, calls_at_once_do_not_share_the_last_of_the_money);
	tcase_add_test(t, a_grant_that_is_over_ends_its_call);
	tcase_add_test(t, hours_that_are_over_end_the_call);
	tcase_add_loop_test(t, what_is_withdrawn_ends_what_runs, 0,
	    sizeof(takes) / sizeof(takes[0]));
	tcase_add_test(t, what_is_withdrawn_counts_for_the_called_phone);
	tcase_add_test(t, a_disabled_subscriber_calls_no_more);
	tcase_add_test(t, who_redirects_needs_the_right_and_pays);
	tcase_add_test(t, who_refers_needs_the_right_himself);
	tcase_add_test(t, what_leads_to_no_number_of_ours_has_a_record);
	tcase_add_test(t, somewhere_else_a_subscriber_does_not_exist);
	tcase_add_test(t, old_records_go_a_few_at_a_time);
	tcase_add_test(t, bad_rows_are_refused_in_words);
	suite_add_tcase(s, t);
}
