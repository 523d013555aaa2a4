/* What an admin sees when he types; and which databases are refused. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "registrar-db/io/schema.h"
#include "registrar-db/stmts.h"
#include "tests/unit/regdb/lab.h"

#define WEAK                                                                 \
	"CHECK constraint failed: password too weak: 12 to 128 characters, " \
	"not the number, username or name, not only digits, not a common "   \
	"word, not few characters repeated; a good one: postern password"

#define PLACEHOLDER                                                          \
	"this password is an example's placeholder; use a generated one: "   \
	"postern password"

START_TEST(bad_rows_are_refused_in_words)
{
	static const struct { const char *name, *values, *complaint; }
	rows[] = {
		{ "no password", "'170', 'u', NULL, 1",
		    "a subscriber needs a password; a good one: postern "
		    "password" },
		{ "short", "'170', 'u', 'short1', 1", WEAK },
		{ "eleven", "'170', 'u', 'abcdefgh1jk', 1", WEAK },
		{ "digits", "'170', 'u', '98120347561234', 1", WEAK },
		{ "one character", "'170', 'u', 'aaaaaaaaaaaaaa', 1", WEAK },
		{ "a pattern", "'170', 'u', 'abcabcabcabc', 1", WEAK },
		{ "three runs", "'170', 'u', 'aaaabbbbcccc', 1", WEAK },
		{ "the username", "'170', 'Username-0001', 'username-0001', 1",
		    WEAK },
		{ "a common word", "'170', 'u', 'Password1234', 1", WEAK },
		{ "a blob", "'170', 'u', x'616263646566676869707172', 1",
		    WEAK },
		{ "letters in the number", "'17a', 'u', 'xkcd-staple-1', 1",
		    "CHECK constraint failed: number: 1 to 32 of the digits, "
		    "+ * and #" },
		{ "a number as a blob, which no text equals",
		    "x'313638', 'u', 'xkcd-staple-1', 1",
		    "CHECK constraint failed: number: 1 to 32 of the digits, "
		    "+ * and #" },
		{ "a zero octet in the number",
		    "'171' || char(0) || '9', 'u', 'xkcd-staple-1', 1",
		    "CHECK constraint failed: number: 1 to 32 of the digits, "
		    "+ * and #" },
		{ "a username as a blob", "'170', x'534950', 'xkcd-staple-1', 1",
		    "CHECK constraint failed: username: 1 to 64 of A-Z a-z 0-9 "
		    ". _ + @ -" },
		{ "a zero octet in the username",
		    "'170', 'SIP' || char(0) || 'x', 'xkcd-staple-1', 1",
		    "CHECK constraint failed: username: 1 to 64 of A-Z a-z 0-9 "
		    ". _ + @ -" },
		{ "no number", "'', 'u', 'xkcd-staple-1', 1",
		    "CHECK constraint failed: number: 1 to 32 of the digits, "
		    "+ * and #" },
		{ "number taken", "'168', 'u', 'xkcd-staple-1', 1",
		    "this number is taken already" },
		{ "both taken", "'168', 'SIP-168', 'xkcd-staple-1', 1",
		    "this number is taken already" },
		{ "the example's password", "'170', 'u', 'THE PASSWORD', 1",
		    PLACEHOLDER },
		{ "the same, otherwise", "'170', 'u', 'your-pass_word', 1",
		    PLACEHOLDER },
		{ "username taken", "'170', 'SIP-168', 'xkcd-staple-1', 1",
		    "this username is taken already" },
		{ "colon in the username", "'170', 'a:b', 'xkcd-staple-1', 1",
		    "CHECK constraint failed: username: 1 to 64 of A-Z a-z 0-9 "
		    ". _ + @ -" },
		{ "internet", "'170', 'u', 'xkcd-staple-1', 2",
		    "CHECK constraint failed: internet: 0 or 1" },
	};
	char sql[512];

	lab_subscriber();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(sql, sizeof(sql), "INSERT INTO subscriber(number, "
			 "username, password, internet) VALUES (%s)",
		    rows[i].values);
		ck_assert_msg(strcmp(lab_sql(sql), rows[i].complaint) == 0,
		    "%s: %s", rows[i].name, lab.complaint);
	}
	ck_assert_str_eq(lab_look("SELECT count(*) FROM subscriber"), "1");
	/* OR REPLACE would take a number over without its triggers. */
	ck_assert_str_ne(lab_sql("INSERT OR REPLACE INTO subscriber(number, "
				 "username, password) VALUES ('168', 'x', "
				 "'xkcd-staple-1')"), "");
}
END_TEST

START_TEST(changes_that_would_lose_the_password_name_the_remedy)
{
	static const struct { const char *sql, *complaint; } rows[] = {
		{ "UPDATE subscriber SET username = 'new'",
		    "a changed username needs a new password: UPDATE "
		    "subscriber SET username = ..., password = ... WHERE ..." },
		{ "UPDATE subscriber SET realm = 'new'",
		    "realm is set in postern.conf; a password for the new "
		    "one: UPDATE subscriber SET password = ... WHERE ..." },
		{ "UPDATE subscriber SET id = 99",
		    "the id of a subscriber never changes; change number "
		    "instead" },
		{ "UPDATE subscriber SET password = 'weak'", WEAK },
		{ "UPDATE subscriber SET password = 'The Password'",
		    PLACEHOLDER },
		{ "UPDATE subscriber SET min_digest = 'sha-256'",
		    "CHECK constraint failed: min_digest: md5, sha256, "
		    "sha512-256 or NULL" },
		{ "UPDATE subscriber SET min_digest = 'sha256'", "" },
		{ "UPDATE subscriber SET min_digest = NULL", "" },
		{ "UPDATE subscriber SET latching = 'lax'",
		    "CHECK constraint failed: latching: strict, signalled, "
		    "open or NULL" },
		{ "UPDATE subscriber SET srtp = 'always'",
		    "CHECK constraint failed: srtp: off, optional, required "
		    "or NULL" },
		{ "UPDATE subscriber SET srtp = 'required'", "" },
		{ "UPDATE subscriber SET username = 'new', password = "
		  "'xkcd-staple-1'", "" },
		{ "UPDATE subscriber SET name = 'New', hold = 'sendrecv'", "" },
	};

	lab_subscriber();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_str_eq(lab_sql(rows[i].sql), rows[i].complaint);
}
END_TEST

START_TEST(the_fixed_statements_work)
{
	lab_ok("INSERT INTO subscriber(number, name, username, password, "
	       "internet) VALUES ('168','SIP-168','SIP-168','" PASSWORD "',1);");
	lab_ok("INSERT INTO trunk(name, address, transport, prefix) VALUES "
	       "('itsp','198.51.100.20:5060','udp','0');");
	lab_ok("SELECT * FROM registration;");
	lab_ok("SELECT * FROM live_call;");
	lab_ok("SELECT * FROM call_record;");
	ck_assert_str_eq(lab_sql("INSERT INTO trunk(name, address, transport, "
				 "prefix) VALUES ('x', 'h', 'sctp', '1')"),
	    "CHECK constraint failed: transport: udp, tcp or tls");
}
END_TEST

START_TEST(bad_rows_about_trunks_are_refused_in_words)
{
	static const struct { const char *sql, *complaint; } rows[] = {
		{ "INSERT INTO trunk(name, address, prefix, register) VALUES "
		  "('r', 'sip.example.net', '', 1)",
		    "register = 1 needs username and password" },
		{ "INSERT INTO trunk(name, address, prefix) VALUES "
		  "('itsp', 'sip.example.net', '')",
		    "this name is taken already" },
		{ "INSERT INTO trunk(name, address, prefix, sealed) VALUES "
		  "('s', 'sip.example.net', '', x'00')",
		    "sealed is filled in by registrar-db when it seals the "
		    "password" },
		{ "UPDATE trunk SET register = 1",
		    "register = 1 needs username and password" },
		{ "UPDATE trunk SET id = 77", "the id of a trunk never "
		    "changes; change name instead" },
		{ "UPDATE trunk SET sealed = x'0102'",
		    "a new password: UPDATE trunk SET password = ... WHERE "
		    "...; none: sealed = NULL" },
		{ "UPDATE trunk SET ping_s = 5", "CHECK constraint failed: "
		    "ping_s: 0, or 10 to 3600" },
		{ "UPDATE trunk SET channels = 0", "CHECK constraint failed: "
		    "channels: 1 to 1000 or NULL" },
		{ "UPDATE trunk SET numbers = 'e.164'", "CHECK constraint "
		    "failed: numbers: as-is, e164, digits or national" },
		{ "UPDATE trunk SET zone = 'dmz'", "CHECK constraint failed: "
		    "zone: external, internal or NULL" },
		{ "INSERT INTO route(pattern, trunk) VALUES ('0%', 'none')",
		    "trunk: no trunk has this name; SELECT name FROM trunk" },
		{ "INSERT INTO route(pattern, trunk, kinds) VALUES ('0%', "
		  "'itsp', 'expensive')",
		    "CHECK constraint failed: kinds: internal, national, "
		    "international, premium, satellite, emergency, with "
		    "commas between them, or nothing" },
		{ "INSERT INTO route(pattern, trunk, rights) VALUES ('0%', "
		  "'itsp', 'nobody')",
		    "rights: no such class of service; SELECT name FROM "
		    "class_of_service, or NULL" },
		{ "INSERT INTO route(pattern, trunk, strip) VALUES ('0%', "
		  "'itsp', -1)", "CHECK constraint failed: strip: 0 to 31" },
		{ "INSERT INTO did(trunk, pattern, target) VALUES ('itsp', "
		  "'+493012345', '999')", "target: no such subscriber" },
		{ "INSERT INTO did(trunk, pattern, target) VALUES ('itsp', "
		  "'+493012345XX', 'X1X')",
		    "CHECK constraint failed: target: a subscriber's number, "
		    "or with X at its end for the last digits of the number "
		    "called" },
		{ "INSERT INTO mirror(number, trunk, username, password) "
		  "VALUES ('168', 'itsp', '168', 'x')",
		    "trunk: no trunk with mirror = 1 has this name; SELECT "
		    "name FROM trunk" },
		{ "INSERT INTO did(trunk, pattern, target) VALUES ('itsp', "
		  "'+493012345XX', '1XX')", "" },
		{ "INSERT INTO route(pattern, trunk, strip, prepend) VALUES "
		  "('0%', 'itsp', 1, '+49')", "" },
		{ "UPDATE trunk SET name = 'other', mirror = 1", "" },
		{ "INSERT INTO mirror(number, trunk, username) "
		  "VALUES ('168', 'other', '168')",
		    "a row of mirror needs the password that the PBX has for "
		    "the number" },
		{ "INSERT INTO mirror(number, trunk, username, password) "
		  "VALUES ('168', 'other', '168', 'x')", "" },
	};

	lab_subscriber();
	lab_ok("INSERT INTO trunk(name, address, transport, prefix) VALUES "
	       "('itsp','198.51.100.20:5060','udp','0');");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_str_eq(lab_sql(rows[i].sql), rows[i].complaint);
	ck_assert_str_eq(lab_look("SELECT group_concat(trunk) FROM (SELECT "
	    "trunk FROM route UNION ALL SELECT trunk FROM did)"),
	    "other,other");
	lab_ok("DELETE FROM trunk");
	ck_assert_str_eq(lab_look("SELECT (SELECT count(*) FROM route) + "
	    "(SELECT count(*) FROM did) + (SELECT count(*) FROM mirror)"),
	    "0");
}
END_TEST

/* ---- opening ---- */

static int
open_after(const char *sql)
{
	struct store *s = NULL;
	int err;

	/* The lab's own oracle holds the directory: look only. */
	lab_ok(sql);
	err = store_open(lab.path, true, &s);
	store_close(s);
	return err;
}

/* What an admin can write that nothing could be done with. */
static const struct { const char *sql, *complaint; } senseless[] = {
	{ "INSERT INTO trunk(name, address, prefix) VALUES "
	  "('a', '203.0.113.80:99999', '')", "a port is a number" },
	{ "INSERT INTO trunk(name, address, prefix) VALUES "
	  "('a', 'sip.example.net:0', '')", "a port is a number" },
	{ "INSERT INTO trunk(name, address, prefix) VALUES "
	  "('a', ':5060', '')", "stands before the port" },
	{ "INSERT INTO trunk(name, address, prefix) VALUES "
	  "('a', '203.0.113.800', '')", "no IPv4 address" },
	{ "INSERT INTO trunk(name, address, prefix) VALUES "
	  "('a', '[2001:db8::1]5060', '')", "in brackets" },
	{ "INSERT INTO trunk(name, address, prefix) VALUES "
	  "('a', '2001:db8::1::2', '')", "no IPv6 address" },
	{ "INSERT INTO trunk(name, address, prefix, sources) VALUES "
	  "('a', 'h', '', '198.51.100.0/24, 10.0.0.0/33')", "/0 to /32" },
	{ "INSERT INTO trunk(name, address, prefix) VALUES "
	  "('a' || char(0), 'h', '')", "holds a NUL" },
	{ "UPDATE trunk SET stun = 'stun.example.net:70000'",
	  "a port is a number" },
	{ "UPDATE trunk SET address = '1.2.3'", "no IPv4 address" },
	{ "INSERT INTO allowed_from VALUES ('168', '203.0.113.0/33')",
	  "/0 to /32" },
	{ "INSERT INTO allowed_from VALUES ('168', '2001:db8::/129')",
	  "/128" },
	{ "INSERT INTO allowed_from VALUES ('168', '203.0.113.0/')",
	  "bits of a prefix" },
	{ "INSERT INTO allowed_from VALUES ('168', '1:2:3')",
	  "no IPv6 address" },
	{ "UPDATE allowed_from SET prefix = '203.0.113'", "no IPv4 address" },
	{ "UPDATE allowed_from SET number = '1'", "no such subscriber" },
	{ "INSERT INTO dropped(prefix) VALUES ('::/200')", "/128" },
	{ "INSERT INTO never_dropped(prefix) VALUES ('1.2.3.4/40')",
	  "/0 to /32" },
	{ "INSERT INTO class_of_service(name, hours) VALUES "
	  "('a', '08:00-08:00')", "end when they begin" },
	{ "UPDATE class_of_service SET days = '1' || char(0)",
	  "holds a NUL" },
	{ "INSERT INTO route(pattern, trunk, prepend) VALUES "
	  "('0%', 'itsp', x'41')", "is a BLOB" },
	{ "UPDATE route SET rights = 'none'", "no such class" },
	{ "DELETE FROM class_of_service WHERE name = 'lobby'", "its routes" },
	{ "INSERT INTO class_grant(number, allows) SELECT '168', 'national' "
	  "FROM json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]')",
	  "16 grants already" },
	{ "UPDATE class_grant SET number = '1'", "no such subscriber" },
};

START_TEST(rows_that_make_no_sense_are_refused_in_words)
{
	lab_ok("INSERT INTO subscriber(number, username, password) VALUES "
	       "('168', 'SIP-168', '" PASSWORD "');"
	       "INSERT INTO trunk(name, address, prefix, sources) VALUES "
	       "('itsp', '203.0.113.80:5060', '0', '198.51.100.0/24, ::1');"
	       "INSERT INTO trunk(name, address, prefix) VALUES "
	       "('b', '[2001:db8::1]:5061', ''), ('c', '2001:db8::1', ''),"
	       "('d', 'sip.example.net', ''), ('e', '[2001:db8::1]', '');"
	       "INSERT INTO allowed_from VALUES ('168', '203.0.113.0/24'), "
	       "('168', '::/0'), ('168', '2001:db8::/32'), "
	       "('168', '1:2:3:4:5:6:7:8'), ('168', '::ffff:1.2.3.4/128');"
	       "INSERT INTO class_of_service(name, hours) VALUES "
	       "('lobby', '22:00-06:00');"
	       "INSERT INTO route(pattern, trunk, rights) VALUES "
	       "('0%', 'itsp', 'lobby');"
	       "INSERT INTO class_grant(number, allows) VALUES "
	       "('168', 'national')");
	for (size_t i = 0; i < sizeof(senseless) / sizeof(senseless[0]); i++) {
		const char *said = lab_sql(senseless[i].sql);

		ck_assert_msg(strstr(said, senseless[i].complaint) != NULL,
		    "%s: %s", senseless[i].sql, said);
	}
}
END_TEST

START_TEST(databases_that_are_not_ours_are_refused)
{
	ck_assert_int_eq(open_after("SELECT 1"), 0);
	ck_assert_int_eq(open_after("CREATE VIEW planted AS SELECT 1"), 0);
	ck_assert_int_eq(open_after("CREATE TRIGGER planted AFTER INSERT ON "
				    "registration BEGIN DELETE FROM call; "
				    "END"), -EINVAL);
	ck_assert_int_eq(open_after("DROP TRIGGER planted"), 0);
	ck_assert_int_eq(open_after("DROP INDEX registration_source"),
	    -EINVAL);
	ck_assert_int_eq(open_after("CREATE INDEX registration_source ON "
				    "registration(zone)"), -EINVAL);
}
END_TEST

START_TEST(a_second_registrar_is_refused)
{
	struct store *s = NULL;

	ck_assert_int_eq(store_open(lab.path, false, &s), -EBUSY);
}
END_TEST

static int
migrate_memory(const char *sql)
{
	sqlite3 *db;
	int err;

	ck_assert_int_eq(sqlite3_open(":memory:", &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	err = schema_migrate(db);
	sqlite3_close(db);
	return err;
}

START_TEST(only_older_schemas_of_ours_are_migrated)
{
	ck_assert_int_eq(migrate_memory("SELECT 1"), 0);
	ck_assert_int_eq(migrate_memory("PRAGMA user_version = 999"), -EINVAL);
	ck_assert_int_eq(migrate_memory("PRAGMA user_version = -1"), -EINVAL);
	ck_assert_int_eq(migrate_memory("CREATE TABLE other(x)"), -EINVAL);
}
END_TEST

extern const char *const schema_texts[SCHEMA_NUMBER];

/* The same rows in both, column by column. */
static void
same_rows(sqlite3 *a, sqlite3 *b, const char *sql)
{
	sqlite3_stmt *qa, *qb;
	int rc;

	ck_assert_int_eq(sqlite3_prepare_v2(a, sql, -1, &qa, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(b, sql, -1, &qb, NULL), SQLITE_OK);
	do {
		rc = sqlite3_step(qa);
		ck_assert_msg(rc == sqlite3_step(qb), "%s", sql);
		for (int i = 0; rc == SQLITE_ROW && i < sqlite3_column_count(qa);
		    i++) {
			ck_assert_int_eq(sqlite3_column_type(qa, i),
			    sqlite3_column_type(qb, i));
			ck_assert_pstr_eq(
			    (const char *)sqlite3_column_text(qa, i),
			    (const char *)sqlite3_column_text(qb, i));
		}
	} while (rc == SQLITE_ROW);
	sqlite3_finalize(qa);
	sqlite3_finalize(qb);
}

START_TEST(a_new_database_is_what_the_steps_come_to)
{
	sqlite3 *steps, *whole;
	sqlite3_stmt *tables;
	int n = 0;

	ck_assert_int_eq(sqlite3_open(":memory:", &steps), SQLITE_OK);
	ck_assert_int_eq(sqlite3_open(":memory:", &whole), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(steps, schema_texts[0], NULL, NULL,
	    NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(steps, "PRAGMA user_version = 1", NULL,
	    NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(schema_migrate(steps), 0);
	ck_assert_int_eq(schema_migrate(whole), 0);
	same_rows(steps, whole, "PRAGMA user_version");
	same_rows(steps, whole, SCHEMA_LIST);
	ck_assert_int_eq(sqlite3_prepare_v2(whole, "SELECT 'SELECT * FROM ' || "
	    "name FROM sqlite_schema WHERE type = 'table' AND name <> "
	    "'sqlite_sequence'", -1, &tables, NULL), SQLITE_OK);
	for (; sqlite3_step(tables) == SQLITE_ROW; n++)
		same_rows(steps, whole,
		    (const char *)sqlite3_column_text(tables, 0));
	ck_assert_int_gt(n, 20);
	sqlite3_finalize(tables);
	sqlite3_close(steps);
	sqlite3_close(whole);
}
END_TEST

START_TEST(the_database_is_its_owners_alone)
{
	struct stat st;

	ck_assert_int_eq(stat(lab.path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

void
add_schema_tests(Suite *s)
{
	TCase *t = tcase_create("schema");

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, lab_setup, lab_teardown);
	tcase_add_test(t, bad_rows_are_refused_in_words);
	tcase_add_test(t, changes_that_would_lose_the_password_name_the_remedy);
	tcase_add_test(t, the_fixed_statements_work);
	tcase_add_test(t, bad_rows_about_trunks_are_refused_in_words);
	tcase_add_test(t, rows_that_make_no_sense_are_refused_in_words);
	tcase_add_test(t, databases_that_are_not_ours_are_refused);
	tcase_add_test(t, a_second_registrar_is_refused);
	tcase_add_test(t, only_older_schemas_of_ours_are_migrated);
	tcase_add_test(t, a_new_database_is_what_the_steps_come_to);
	tcase_add_test(t, the_database_is_its_owners_alone);
	suite_add_tcase(s, t);
}
