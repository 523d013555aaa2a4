/* Trunks of the tables: what sigproxy is told, granted and answered. */
#include <stdio.h>

#include "common/codec/digest.h"
#include "tests/unit/regdb/lab.h"

#define SECRET "their-weak-one"

/* The lab is in Germany. */
static void
trunk_and_office(void)
{
	lab_subscriber();
	lab_ok("UPDATE class_of_service SET internet = 'internal,national' "
	       "WHERE name = 'national';"
	       "INSERT INTO trunk(name, address, prefix, username, password, "
	       "realm, numbers) VALUES ('itsp', '198.51.100.20:5060', '0', "
	       "'account', '" SECRET "', 'itsp', 'as-is');"
	       "INSERT INTO did VALUES ('itsp', '0301234XXX', 'XXX', '')");
	lab_until(strcmp(lab_look("SELECT count(*) FROM trunk WHERE password "
	    "IS NULL AND length(sealed) > 256"), "1") == 0);
}

static struct ipc_trunk
told(void)
{
	struct ipc_trunk m;

	ck_assert_int_eq(get_trunk(lab_take(IPC_TRUNK), &m), 0);
	return m;
}

START_TEST(sigproxy_is_told_all_but_the_secret)
{
	struct ipc_trunk m;
	struct ipc_trunks all;

	trunk_and_office();
	m = told();
	assert_span(m.name, "itsp");
	assert_span(m.host, "198.51.100.20");
	ck_assert_uint_eq(m.port, 5060);
	ck_assert_uint_eq(m.zone, ZONE_EXTERNAL);
	ck_assert_uint_eq(m.has_secret, 1);
	ck_assert_uint_eq(m.latching, LATCH_SIGNALLED);
	lab_until(lab_has(IPC_TRUNKS));
	lab_until(!lab_on_disk(SECRET));
	lab_ok("UPDATE trunk SET zone = 'internal', channels = 2");
	for (int i = 0; i < 3 && m.channels != 2; i++)
		m = told();
	ck_assert_uint_eq(m.zone, ZONE_INTERNAL);
	lab_new_sigproxy();
	ck_assert_uint_eq(told().channels, 2);
	lab_ok("DELETE FROM trunk");
	do
		ck_assert_int_eq(get_trunks(lab_take(IPC_TRUNKS), &all), 0);
	while (all.count > 0);
}
END_TEST

static struct ipc_trunk_auth_say
digest_for(uint64_t ticket, const char *uri, const char *realm)
{
	struct ipc_trunk_auth_ask ask = { .ticket = ticket, .id = 7,
		.trunk = 1, .uri = span_str(uri), .realm = span_str(realm),
		.nonce = S("n0nce"), .qop = 1 };
	struct ipc_trunk_auth_say say;
	char mem[2048];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, TRUNK_AUTH_ASK, trunk_auth_ask, &ask);
	lab_send(&b);
	ck_assert_int_eq(
	    get_trunk_auth_say(lab_take(IPC_TRUNK_AUTH_SAY), &say), 0);
	ck_assert_uint_eq(say.ticket, ticket);
	return say;
}

static void
assert_right(const struct ipc_trunk_auth_say *say, const char *uri)
{
	struct digest *d = digest_new();
	struct digest_in in = { .method = S("INVITE"), .uri = span_str(uri),
		.nonce = S("n0nce"), .nc = S("00000001"),
		.cnonce = say->cnonce, .qop = S("auth") };
	char ha1[DIGEST_HEX_MAX], want[DIGEST_HEX_MAX];

	digest_ha1(d, DIGEST_MD5, S("account"), S("itsp"), S(SECRET), ha1);
	digest_response(d, DIGEST_MD5, span_make(ha1, 32), &in, want);
	ck_assert(span_eq(say->response, span_make(want, 32)));
	assert_span(say->username, "account");
	digest_free(d);
}

#define URI "sip:089123456@198.51.100.20"

START_TEST(a_digest_is_only_for_what_was_granted)
{
	struct ipc_auth_say say;
	struct ipc_trunk_auth_say digest;
	uint64_t ticket, other;

	trunk_and_office();
	say = lab_call("089123456");
	ck_assert_uint_eq(say.verdict, VERDICT_OK);
	ck_assert_uint_eq(say.n_ways, 1);
	ck_assert_uint_eq(say.n_targets, 0);
	assert_span(say.ways[0].number, "089123456");
	assert_span(say.ways[0].caller, "0301234168");
	ticket = say.ticket;
	digest = digest_for(ticket, URI, "itsp");
	ck_assert_uint_eq(digest.verdict, VERDICT_OK);
	assert_right(&digest, URI);
	ck_assert_uint_eq(digest_for(ticket, URI, "other").verdict,
	    VERDICT_FORBIDDEN);
	ck_assert_uint_eq(digest_for(ticket, "sip:0900123456@198.51.100.20",
	    "itsp").verdict, VERDICT_FORBIDDEN);
	ck_assert_uint_eq(digest_for(ticket, "sip:089123456@elsewhere.example",
	    "itsp").verdict, VERDICT_FORBIDDEN);
	ck_assert_uint_eq(digest_for(ticket + 1000, URI, "itsp").verdict,
	    VERDICT_FORBIDDEN);
	other = lab_call("0900123456").ticket;	/* denied */
	ck_assert_uint_eq(other, 0);
	for (int i = 0; i < 15; i++)
		ck_assert_uint_eq(digest_for(ticket, URI, "itsp").verdict,
		    VERDICT_OK);
	ck_assert_uint_eq(digest_for(ticket, URI, "itsp").verdict,
	    VERDICT_FORBIDDEN);
	ck_assert_str_eq(lab_look("SELECT trunk || ' ' || route || ' ' || "
	    "sent FROM live_call"), "itsp prefix 089123456");
}
END_TEST

START_TEST(a_digest_is_computed_by_the_next_registrar_db_too)
{
	struct ipc_trunk_auth_say digest;
	uint64_t ticket;

	trunk_and_office();
	ticket = lab_call("089123456").ticket;
	lab_until(strcmp(lab_look("SELECT count(*) FROM live_call"), "1") == 0);
	lab_restart();
	digest = digest_for(ticket, URI, "itsp");
	ck_assert_uint_eq(digest.verdict, VERDICT_OK);
	assert_right(&digest, URI);
}
END_TEST

static void
tried(uint64_t ticket, uint32_t trunk, enum tried_why why, uint16_t status)
{
	struct ipc_call_tried m = { .ticket = ticket, .trunk = trunk,
		.at = { .family = ADDR_IPV4, .port = 5060,
			.ip = { 198, 51, 100, 20 } },
		.why = (uint8_t)why, .status = status, .words = S("Nowhere") };
	char mem[512];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, CALL_TRIED, call_tried, &m);
	lab_send(&b);
}

#define TRIES "SELECT group_concat(trunk || ' ' || address || ' ' || why "  \
	"|| ' ' || status || ' ' || words, '|') FROM call_try"

/* Of a call that lives, by a trunk there is, and not without end. */
START_TEST(what_a_trunk_did_instead_is_kept_with_the_call)
{
	uint64_t ticket;

	trunk_and_office();
	ticket = lab_call("089123456").ticket;
	tried(ticket + 1000, 1, TRIED_SILENT, 0);
	tried(ticket, 77, TRIED_SILENT, 0);
	tried(ticket, 1, TRIED_REFUSED, 503);
	tried(ticket, 1, TRIED_OURS, 0);
	lab_until(strcmp(lab_look("SELECT count(*) FROM call_try"), "2") == 0);
	ck_assert_str_eq(lab_look(TRIES),
	    "itsp 198.51.100.20:5060 refused 503 Nowhere|"
	    "itsp 198.51.100.20:5060 ours 0 Nowhere");
	for (int i = 0; i < 20; i++)
		tried(ticket, 1, TRIED_PASSWORD, 401);
	digest_for(ticket, URI, "itsp");
	ck_assert_str_eq(lab_look("SELECT count(*) FROM call_try"), "16");
	lab_ok("DELETE FROM call");
	ck_assert_str_eq(lab_look("SELECT count(*) FROM call_try"), "0");
}
END_TEST

START_TEST(routes_come_before_prefixes_and_cut_off_no_rule)
{
	static const struct { const char *number, *ways; enum verdict want; }
	rows[] = {
		{ "089123456", "89123456 99089123456 089123456", VERDICT_OK },
		{ "0453115", "0453115", VERDICT_OK },
		{ "+4945311", "045311", VERDICT_OK },
		{ "112", "112", VERDICT_OK },
		{ "*81234567", "1234567", VERDICT_OK },
		{ "*80900123456", "", VERDICT_DENIED },
		{ "168", "", VERDICT_UNREACHABLE },
	};
	char got[256];
	struct buf b;

	trunk_and_office();
	lab_ok("INSERT INTO number_class(pattern, class) VALUES "
	       "('*8XXXXXXX', 'national'), ('*8XXXXXXXXXX', 'national');"
	       "INSERT INTO trunk(name, address, prefix) VALUES ('pbx', "
	       "'192.168.10.5', '77');"
	       "INSERT INTO route(pattern, trunk, priority, prepend) VALUES "
	       "('089%', 'pbx', 5, '99');"
	       "INSERT INTO route(pattern, trunk, priority, strip) VALUES "
	       "('0891%', 'itsp', 5, 1), ('*8XXXXXXX', 'pbx', 5, 2), "
	       "('*8XXXXXXXXXX', 'pbx', 5, 2);"
	       "INSERT INTO route(pattern, trunk, kinds) VALUES "
	       "('112', 'pbx', 'emergency'), ('112', 'pbx', 'premium')");
	lab_until(trunks_rows(lab.oracle)->n_routes == 8);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipc_auth_say say = lab_call(rows[i].number);

		buf_init(&b, got, sizeof(got) - 1);
		for (unsigned k = 0; k < say.n_ways; k++) {
			if (k > 0)
				buf_putc(&b, ' ');
			buf_put(&b, say.ways[k].number);
		}
		got[b.len] = '\0';
		ck_assert_msg(say.verdict == rows[i].want, "%s: %u",
		    rows[i].number, say.verdict);
		ck_assert_str_eq(got, rows[i].ways);
	}
}
END_TEST

/* Five digits are a number of the office, but not at a provider's. */
START_TEST(short_numbers_of_a_provider_are_no_numbers_of_the_office)
{
	static const struct {
		const char *sql;
		enum verdict want;
		const char *rule;
	} rows[] = {
		{ "SELECT 1", VERDICT_DENIED, "class national: internet" },
		{ "UPDATE class_of_service SET internet = 'internal,national' "
		  "WHERE name = 'national'", VERDICT_OK,
		    "class national: internet" },
		{ "UPDATE class_of_service SET max_calls = 1 "
		  "WHERE name = 'national'", VERDICT_DENIED,
		    "class national: max_calls" },
		{ "UPDATE trunk SET trust = 1", VERDICT_OK,
		    "class national: internet" },
		{ "UPDATE trunk SET trust = 0, zone = 'internal'", VERDICT_OK,
		    "class national: internet" },
	};
	struct ipc_auth_say say;
	char look[160];

	lab_subscriber();
	lab_ok("INSERT INTO trunk(name, address, prefix) VALUES ('itsp', "
	       "'198.51.100.20:5060', '')");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipc_trunk told = { 0 };

		lab_until(!store_in_transaction(lab.store));
		lab_ok(rows[i].sql);
		while (i == 0 || i > 2) {
			ck_assert_int_eq(get_trunk(lab_take(IPC_TRUNK), &told),
			    0);
			if (i == 0 || (i == 3 && told.trust == 1) ||
			    (i == 4 && told.zone == ZONE_INTERNAL))
				break;
		}
		say = lab_call("22833");
		ck_assert_msg(say.verdict == rows[i].want, "%zu: %u", i,
		    say.verdict);
		snprintf(look, sizeof(look), "SELECT count(*) FROM (SELECT "
		    "rule FROM call UNION ALL SELECT rule FROM call_record) "
		    "WHERE rule = '%s'", rows[i].rule);
		lab_until(strcmp(lab_look(look), "0") != 0);
	}
	lab_until(strcmp(lab_look("SELECT group_concat(number_class) FROM "
	    "(SELECT number_class FROM call ORDER BY ticket)"),
	    "national,national,national,internal,internal") == 0);
}
END_TEST

static struct ipc_auth_say
call_from(uint32_t trunk, const char *called, const char *caller)
{
	struct ipc_trunk_call_ask ask = { .id = 9, .trunk = trunk,
		.flow = flow_of(ZONE_EXTERNAL, "198.51.100.20:5060"),
		.called = span_str(called), .caller = span_str(caller),
		.call_id = S("in-1") };
	struct ipc_auth_say say;
	char mem[1024];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, TRUNK_CALL_ASK, trunk_call_ask, &ask);
	lab_send(&b);
	ck_assert_int_eq(get_auth_say(lab_take(IPC_AUTH_SAY), &say), 0);
	return say;
}

START_TEST(a_trunk_reaches_the_numbers_of_did_alone)
{
	struct ipc_auth_say say;

	trunk_and_office();
	lab_register("sip:168@192.168.1.20", 600);
	say = call_from(1, "0301234168", "089555111");
	ck_assert_uint_eq(say.verdict, VERDICT_OK);
	ck_assert_uint_ne(say.ticket, 0);
	ck_assert_uint_eq(say.n_targets, 1);
	assert_span(say.caller.number, "+4989555111");
	assert_span(say.called.number, "168");
	ck_assert_uint_eq(say.caller.latching, LATCH_SIGNALLED);
	assert_span(call_from(1, "0301234168", "").caller.number, "anonymous");
	/* Nobody outside calls as one of us; but a PBX of ours may. */
	assert_span(call_from(1, "0301234168", "168").caller.number,
	    "anonymous");
	assert_span(call_from(1, "0301234168", "SIP-168").caller.number,
	    "anonymous");
	lab_until(strcmp(lab_look("SELECT group_concat(DISTINCT caller || ' '"
	    " || rule) FROM call"), "+4989555111 caller: not verified,"
	    "anonymous caller: not verified,"
	    "anonymous caller: 168 is ours, not shown,"
	    "anonymous caller: SIP-168 is ours, not shown") == 0);
	assert_span(call_from(1, "0301234168", "+49168").caller.number,
	    "anonymous");
	assert_span(call_from(1, "0301234168", "0049168").caller.number,
	    "anonymous");
	assert_span(call_from(1, "0301234168", "1-6-8").caller.number,
	    "anonymous");
	lab_until(!store_in_transaction(lab.store));
	lab_ok("UPDATE trunk SET trust = 1");
	lab_until(told().trust == 1);
	assert_span(call_from(1, "0301234168", "168").caller.number, "168");
	ck_assert_uint_eq(call_from(1, "168", "1").verdict, VERDICT_NOT_FOUND);
	ck_assert_uint_eq(call_from(1, "0301234999", "1").verdict,
	    VERDICT_NOT_FOUND);
	ck_assert_uint_eq(call_from(1, "", "1").verdict, VERDICT_NOT_FOUND);
	ck_assert_uint_eq(call_from(2, "0301234168", "1").verdict,
	    VERDICT_FORBIDDEN);
	lab_until(strcmp(lab_look("SELECT count(*) FROM call WHERE trunk = "
	    "'itsp' AND route = 'did 0301234XXX'"), "2") >= 0);
	ck_assert_str_eq(lab_look("SELECT payer FROM call LIMIT 1"), "");
}
END_TEST

static enum verdict
refer_for_help(uint64_t ticket, const char *by)
{
	struct ipc_refer_ask ask = { .ticket = ticket, .id = 9,
		.by = span_str(by), .number = S("112") };
	struct ipc_refer_say say;
	char mem[512];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, REFER_ASK, refer_ask, &ask);
	lab_send(&b);
	ck_assert_int_eq(get_refer_say(lab_take(IPC_REFER_SAY), &say), 0);
	return say.verdict;
}

/* Or any caller from outside would send the police to the office. */
START_TEST(nobody_outside_has_our_phones_call_for_help)
{
	uint64_t ticket;

	trunk_and_office();
	lab_register("sip:168@192.168.1.20", 600);
	ticket = call_from(1, "0301234168", "089555111").ticket;
	ck_assert_uint_eq(refer_for_help(ticket, "+4989555111"),
	    VERDICT_DENIED);
	lab_until(strcmp(lab_look("SELECT group_concat(called || ' ' || via || "
	    "' ' || rule) FROM call_record WHERE via = 'refer'"),
	    "112 refer refer: no subscriber") == 0);
	ck_assert_uint_eq(refer_for_help(ticket, "168"), VERDICT_OK);
	ticket = call_from(1, "0301234168", "168").ticket;
	ck_assert_uint_eq(refer_for_help(ticket, "anonymous"),
	    VERDICT_DENIED);
}
END_TEST

START_TEST(who_is_mirrored_calls_by_the_pbx_as_its_own)
{
	struct ipc_auth_say say;

	trunk_and_office();
	lab_ok("INSERT INTO trunk(name, address, prefix, mirror) VALUES "
	       "('pbx', '192.168.10.5', '77', 1);"
	       "INSERT INTO mirror(number, trunk, username, password) VALUES "
	       "('168', 'pbx', 'ext168', 'of-the-pbx-168')");
	lab_until(strcmp(lab_look("SELECT count(*) FROM mirror WHERE password "
	    "IS NULL AND sealed IS NOT NULL"), "1") == 0);
	lab_register("sip:168@192.168.1.20", 600);
	say = lab_call("22");
	ck_assert_uint_eq(say.verdict, VERDICT_OK);
	ck_assert_uint_eq(say.n_ways, 1);
	assert_span(say.ways[0].caller, "ext168");
	assert_span(say.ways[0].number, "22");
	assert_span(call_from(2, "ext168", "22").called.number, "168");
	assert_span(call_from(2, "168", "22").called.number, "168");
	ck_assert_uint_eq(call_from(2, "169", "22").verdict,
	    VERDICT_NOT_FOUND);
}
END_TEST

/* Nor where it is a mirror's. */
START_TEST(short_numbers_of_a_pbx_elsewhere_are_none_of_the_office)
{
	struct ipc_trunk m;

	lab_subscriber();
	lab_ok("INSERT INTO trunk(name, address, prefix, mirror) VALUES "
	       "('pbx', '198.51.100.20', '77', 1);"
	       "INSERT INTO mirror(number, trunk, username, password) VALUES "
	       "('168', 'pbx', 'ext168', 'of-the-pbx-168')");
	ck_assert_uint_eq(told().zone, ZONE_EXTERNAL);
	lab_register("sip:168@192.168.1.20", 600);
	ck_assert_uint_eq(lab_call("22833").verdict, VERDICT_DENIED);
	ck_assert_uint_eq(lab_call("168").verdict, VERDICT_OK);
	ck_assert_uint_eq(lab_call("112").verdict, VERDICT_OK);
	lab_until(!store_in_transaction(lab.store));
	lab_ok("UPDATE trunk SET trust = 1");
	do
		m = told();
	while (m.trust == 0);
	ck_assert_uint_eq(lab_call("22833").verdict, VERDICT_OK);
}
END_TEST

/* Whatever rows make of it: cut to 12, to nothing, or a prefix that is none. */
START_TEST(no_row_keeps_a_call_for_help)
{
	struct ipc_auth_say say;

	lab_subscriber();
	lab_ok("UPDATE class_of_service SET office = '', internet = '';"
	       "INSERT INTO trunk(name, address, prefix) VALUES "
	       "('itsp', '198.51.100.20:5060', '+0')");
	(void)told();
	say = lab_call("112");
	ck_assert_uint_eq(say.verdict, VERDICT_OK);
	assert_span(say.ways[0].number, "112");
	lab_until(!store_in_transaction(lab.store));
	lab_ok("INSERT INTO route(pattern, trunk, strip) VALUES "
	       "('1%', 'itsp', 1), ('1%', 'itsp', 9)");
	lab_until(trunks_rows(lab.oracle)->n_routes == 2);
	say = lab_call("112");
	ck_assert_uint_eq(say.verdict, VERDICT_OK);
	ck_assert_uint_eq(say.n_ways, 1);
	assert_span(say.ways[0].number, "112");
}
END_TEST

void
add_trunk_tests(Suite *s)
{
	TCase *t = tcase_create("trunks");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, lab_setup, lab_teardown);
	tcase_add_test(t, sigproxy_is_told_all_but_the_secret);
	tcase_add_test(t, a_digest_is_only_for_what_was_granted);
	tcase_add_test(t, a_digest_is_computed_by_the_next_registrar_db_too);
	tcase_add_test(t, what_a_trunk_did_instead_is_kept_with_the_call);
	tcase_add_test(t, routes_come_before_prefixes_and_cut_off_no_rule);
	tcase_add_test(t,
	    short_numbers_of_a_provider_are_no_numbers_of_the_office);
	tcase_add_test(t, a_trunk_reaches_the_numbers_of_did_alone);
	tcase_add_test(t, nobody_outside_has_our_phones_call_for_help);
	tcase_add_test(t, who_is_mirrored_calls_by_the_pbx_as_its_own);
	tcase_add_test(t,
	    short_numbers_of_a_pbx_elsewhere_are_none_of_the_office);
	tcase_add_test(t, no_row_keeps_a_call_for_help);
	suite_add_tcase(s, t);
}
