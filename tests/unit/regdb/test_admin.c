/* What an admin changes takes effect; clear passwords do not stay. */
#include <stdio.h>

#include "tests/unit/regdb/lab.h"

#define CONTACT "sip:168@192.168.1.20"

START_TEST(a_password_leaves_the_row_the_file_and_the_wal)
{
	lab_ok("INSERT INTO subscriber(number, username, password) VALUES "
	       "('168', 'SIP-168', 'Needle-In-The-Hay')");
	ck_assert(lab_on_disk("Needle-In-The-Hay"));
	lab_until(!lab_on_disk("Needle-In-The-Hay"));
	ck_assert_str_eq(lab_look("SELECT password FROM subscriber"), "NULL");
	ck_assert_str_eq(lab_look("SELECT length(md5) || ' ' || "
				  "length(sha512_256) FROM credential"),
	    "72 104");
}
END_TEST

START_TEST(hundreds_at_once_leave_no_trace_either)
{
	/* Rows move within and between pages as they shrink. */
	lab_ok("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
	       "WHERE i < 700) INSERT INTO subscriber(number, username, "
	       "password) SELECT i, 'u' || i, 'Needle-' || i || "
	       "substr('-abcdefghijklmnop', 1, 6 + i % 11) FROM n");
	lab_until(strcmp(lab_look("SELECT count(*) FROM credential"), "700") ==
	    0);
	lab_ok("DELETE FROM subscriber WHERE id % 3 = 0");
	lab_until(!lab_on_disk("Needle-"));
}
END_TEST

START_TEST(a_held_snapshot_delays_wiping_only)
{
	sqlite3 *reader;

	ck_assert_int_eq(sqlite3_open(lab.path, &reader), SQLITE_OK);
	lab_ok("INSERT INTO subscriber(number, username, password, internet) "
	       "VALUES ('168', 'SIP-168', '" PASSWORD "', 1)");
	ck_assert_int_eq(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM "
				 "subscriber", NULL, NULL, NULL), SQLITE_OK);
	lab_until(strcmp(lab_look("SELECT password FROM subscriber"),
		      "NULL") == 0);
	ck_assert(lab_on_disk(PASSWORD));
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	ck_assert(lab_on_disk(PASSWORD));
	sqlite3_close(reader);
	lab_until(!lab_on_disk(PASSWORD));
}
END_TEST

START_TEST(a_changed_password_counts_from_the_next_request)
{
	lab_subscriber();
	lab_ok("UPDATE subscriber SET password = 'another-one-88'");
	lab_until(strcmp(lab_look("SELECT password FROM subscriber"),
		      "NULL") == 0);
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_FORBIDDEN);
	lab_ok("UPDATE subscriber SET password = '" PASSWORD "'");
	lab_until(strcmp(lab_look("SELECT password FROM subscriber"),
		      "NULL") == 0);
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
}
END_TEST

START_TEST(who_is_shut_out_loses_bindings_and_flow)
{
	static const struct { const char *sql; enum verdict after; } rows[] = {
		{ "UPDATE subscriber SET enabled = 0", VERDICT_FORBIDDEN },
		{ "UPDATE subscriber SET internet = 0", VERDICT_FORBIDDEN },
		{ "UPDATE subscriber SET number = '169'", VERDICT_FORBIDDEN },
		{ "DELETE FROM subscriber", VERDICT_FORBIDDEN },
	};
	struct ipc_flow_gone gone;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		lab_subscriber();
		ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
		lab_ok(rows[i].sql);
		ck_assert_int_eq(get_flow_gone(lab_take(IPC_FLOW_GONE), &gone),
		    0);
		ck_assert_int_eq(gone.flow.remote.port, 4711);
		ck_assert_str_eq(lab_look("SELECT count(*) FROM registration"),
		    "0");
		ck_assert_int_eq(lab_register(CONTACT, 3600), rows[i].after);
		lab_ok("DELETE FROM subscriber");
		ck_assert_str_eq(lab_look("SELECT count(*) FROM credential"),
		    "0");
	}
}
END_TEST

START_TEST(losing_the_internet_keeps_the_office_phone)
{
	struct ipc_reg_ask ask;

	lab_subscriber();
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	ask = lab_reg("sip:168@10.0.0.9", 3600);
	ask.flow = flow_of(ZONE_INTERNAL, "10.0.0.9:5060");
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_OK);
	lab_ok("UPDATE subscriber SET internet = 0");
	ck_assert_str_eq(lab_look("SELECT group_concat(zone) FROM "
				  "registration"), "internal");
}
END_TEST

START_TEST(a_changed_realm_needs_new_passwords)
{
	lab_subscriber();
	lab.realm = "NEW-REALM";
	lab_restart();
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_FORBIDDEN);
	lab_ok("UPDATE subscriber SET password = '" PASSWORD "'");
	lab_until(strcmp(lab_look("SELECT realm FROM subscriber"),
		      "NEW-REALM") == 0);
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
}
END_TEST

START_TEST(a_credential_moved_by_sql_opens_nothing)
{
	static const char nothing[32];	/* what a failed opening leaves */
	struct ipc_reg_ask ask;
	struct digest_in in;

	lab_subscriber();
	lab_ok("INSERT INTO subscriber(number, username, password) VALUES "
	       "('22', 'u22', 'xkcd-staple-22')");
	lab_until(strcmp(lab_look("SELECT count(*) FROM credential"), "2") ==
	    0);
	lab_ok("UPDATE credential SET md5 = (SELECT md5 FROM credential WHERE "
	       "subscriber = 2) WHERE subscriber = 1");
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_FORBIDDEN);
	/* Nor does it leave something to guess in place of the HA1. */
	ask = lab_reg(CONTACT, 3600);
	in = (struct digest_in){ ask.digest.method, ask.digest.uri,
		ask.digest.nonce, ask.digest.nc, ask.digest.cnonce,
		ask.digest.qop, SPAN_NONE };
	digest_response(lab.oracle->verify.digest, DIGEST_MD5,
	    span_make(nothing, sizeof(nothing)), &in, lab.response);
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_FORBIDDEN);
}
END_TEST

START_TEST(a_planted_trigger_is_never_run)
{
	struct ipc_reg_ask ask;
	char mem[4096];
	struct buf b;

	lab_subscriber();
	lab_ok("CREATE TABLE loot(x); CREATE TRIGGER planted AFTER INSERT ON "
	       "registration BEGIN INSERT INTO loot VALUES (NEW.contact); "
	       "END");
	ask = lab_reg(CONTACT, 3600);
	ask.id = 5;
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, REG_ASK, reg_ask, &ask);
	lab_send(&b);
	lab_until(strcmp(store_last_error(lab.store), "") != 0);
	ck_assert_str_eq(store_last_error(lab.store),
	    "the schema was changed; see the log");
	/* Verifying and routing go on. */
	ck_assert_uint_eq(lab_call("99").verdict, VERDICT_NOT_FOUND);
	ck_assert(!lab_has(IPC_REG_SAY));
	lab_ok("DROP TRIGGER planted");
	lab_take(IPC_REG_SAY);
	ck_assert_str_eq(lab_look("SELECT count(*) FROM registration"), "1");
	ck_assert_str_eq(lab_look("SELECT count(*) FROM loot"), "0");
}
END_TEST

START_TEST(rows_written_by_hand_do_no_harm)
{
	static const char *const values[] = {
		"'168', 'sip:x', 'nonsense', 'udp', 'external', 0",
		"'168', 'sip:x', '1.2.3.4:5', 'sctp', 'external', 0",
		"'168', 'sip:x', '1.2.3.4:5', 'udp', 'nowhere', 0",
		"'168', 'sip:x', '1.2.3.4:5', 'udp', 'external', 99",
		"'168', '', '1.2.3.4:5', 'udp', 'external', 0",
		"'168', char(10), '1.2.3.4:5', 'udp', 'external', 0",
		"'168', x'00', '1.2.3.4:5', 'udp', 'external', 0",
		("'168', printf('%01000d', 1), '1.2.3.4:5', 'udp', "
		 "'external', 0"),
	};
	char sql[512];

	lab_subscriber();
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(sql, sizeof(sql), "INSERT INTO registration(number, "
			 "contact, source, transport, zone, listener, nated, "
			 "granted_s, user_agent, instance, reg_id, q, call_id, "
			 "cseq, slot, registered_at, expires_at) VALUES (%s, "
			 "0, 60, '', '', 0, 1.0, 'c', 1, %zu, 0, 9999999999)",
		    values[i], i + 1);
		lab_ok(sql);
	}
	ck_assert_uint_eq(lab_call("168").verdict, VERDICT_UNREACHABLE);
	lab_restart();
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	ck_assert_uint_eq(lab_call("168").n_targets, 1);
}
END_TEST

static const char *
status(size_t cap)
{
	static char mem[12001];
	struct buf b;

	buf_init(&b, mem, cap);
	admin_status(lab.oracle, &b);
	ck_assert_int_eq(buf_err(&b), 0);
	mem[b.len] = '\0';
	return mem;
}

static void
bad_call(const char *caller)
{
	char sql[640];

	snprintf(sql, sizeof(sql), "INSERT INTO call(ticket, caller, "
	    "caller_name, called, verdict, from_zone, from_source, call_id, "
	    "granted_at, state) SELECT 1 + count(*), %s, '', '22', 'granted', "
	    "'internal', '', '', 1, 'ended' FROM call; INSERT INTO "
	    "quality(ticket, side, mos) SELECT max(ticket), 'caller', 200 "
	    "FROM call", caller);
	lab_ok(sql);
}

START_TEST(a_status_is_whole_or_empty_whatever_stands_in_rows)
{
	const char *json;

	bad_call("'1\",\"x\":\"' || char(92, 10)");
	json = status(12000);
	ck_assert_ptr_nonnull(strstr(json, ",\"sounds_bad\":[{\"of\":50,"
	    "\"number\":\"1\\\",\\\"x\\\":\\\"\\\\?\",\"calls\":1,"));
	ck_assert_str_eq(json + strlen(json) - 2, "]}");
	ck_assert_str_eq(status(300), "{}");
	bad_call("printf('%012000d', 1)");
	ck_assert_str_eq(status(12000), "{}");
}
END_TEST

void
add_admin_tests(Suite *s)
{
	TCase *t = tcase_create("admin");

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, lab_setup, lab_teardown);
	tcase_add_test(t, a_password_leaves_the_row_the_file_and_the_wal);
	tcase_add_test(t, hundreds_at_once_leave_no_trace_either);
	tcase_add_test(t, a_held_snapshot_delays_wiping_only);
	tcase_add_test(t, a_changed_password_counts_from_the_next_request);
	tcase_add_test(t, who_is_shut_out_loses_bindings_and_flow);
	tcase_add_test(t, losing_the_internet_keeps_the_office_phone);
	tcase_add_test(t, a_changed_realm_needs_new_passwords);
	tcase_add_test(t, a_credential_moved_by_sql_opens_nothing);
	tcase_add_test(t, a_planted_trigger_is_never_run);
	tcase_add_test(t, rows_written_by_hand_do_no_harm);
	tcase_add_test(t, a_status_is_whole_or_empty_whatever_stands_in_rows);
	suite_add_tcase(s, t);
}
