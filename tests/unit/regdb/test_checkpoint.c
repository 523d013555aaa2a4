/* What a restarted sigproxy gets back. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/regdb/lab.h"

/* Calls that were granted and run: tickets from .. to. */
static void
grant(uint64_t from, uint64_t to)
{
	char sql[512];

	/* What a sigproxy before this one left is closed by then. */
	lab_until(strcmp(lab_look("SELECT count(*) FROM memory WHERE "
				  "name = 'sigproxy_started_us'"),
		      "1") == 0);
	snprintf(sql, sizeof(sql),
	    "WITH RECURSIVE t(n) AS (SELECT %llu UNION ALL "
	    "SELECT n + 1 FROM t WHERE n < %llu) "
	    "INSERT INTO call(ticket, caller, caller_name, called, verdict, "
	    "from_zone, from_source, call_id, granted_at, state) "
	    "SELECT n, '168', '', '22', 'granted', 'internal', '', '', 1, "
	    "'granted' FROM t",
	    (unsigned long long)from, (unsigned long long)to);
	lab_ok(sql);
}

static void
save(uint64_t ticket, const char *state)
{
	struct ipc_call_save m = {
		.ticket = ticket, .version = 3, .state = span_str(state)
	};
	char mem[IPC_STATE_MAX + 64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, CALL_SAVE, call_save, &m);
	lab_send(&b);
}

static void
gone(uint64_t ticket)
{
	struct ipc_call_gone m = { ticket };
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, CALL_GONE, call_gone, &m);
	lab_send(&b);
}

static void
expect_restored(unsigned n)
{
	struct ipc_call_restored all;

	ck_assert_int_eq(
	    get_call_restored(lab_take(IPC_CALL_RESTORED), &all), 0);
	ck_assert_uint_eq(all.calls, n);
}

static void
expect_life(uint64_t ticket, const char *state, bool lives)
{
	struct ipc_call_restore m;

	ck_assert_int_eq(get_call_restore(lab_take(IPC_CALL_RESTORE), &m), 0);
	ck_assert_uint_eq(m.ticket, ticket);
	ck_assert_uint_eq(m.lives, lives);
	ck_assert_uint_eq(m.version, 3);
	assert_span(m.state, state);
}

static void
expect_call(uint64_t ticket, const char *state)
{
	expect_life(ticket, state, true);
}

START_TEST(the_key_stays)
{
	struct ipc_sig_keys first, again;

	ck_assert_int_eq(get_sig_keys(lab_take(IPC_SIG_KEYS), &first), 0);
	expect_restored(0);
	lab_until(strcmp(lab_look("SELECT count(*) FROM memory WHERE "
				  "name = 'sig_keys'"),
		      "1") == 0);
	lab_new_sigproxy();
	ck_assert_int_eq(get_sig_keys(lab_take(IPC_SIG_KEYS), &again), 0);
	ck_assert_mem_eq(first.key, again.key, IPC_KEY_LEN);
	expect_restored(0);
	lab_restart();
	ck_assert_int_eq(get_sig_keys(lab_take(IPC_SIG_KEYS), &again), 0);
	ck_assert_mem_eq(first.key, again.key, IPC_KEY_LEN);
}
END_TEST

/* Not one commit is awaited: the frames are the last words of the old. */
START_TEST(a_new_sigproxy_gets_the_newest_of_each_call)
{
	expect_restored(0);
	grant(7, 9);
	save(7, "first");
	save(8, "other");
	save(9, "over");
	save(7, "second");
	gone(9);
	lab_new_sigproxy();
	expect_call(7, "second");
	expect_call(8, "other");
	expect_restored(2);
	lab_until(
	    strcmp(lab_look("SELECT count(*) FROM checkpoint"), "2") == 0);
	gone(7);
	gone(8);
	lab_until(
	    strcmp(lab_look("SELECT count(*) FROM checkpoint"), "0") == 0);
}
END_TEST

/* A nonce and a tag are 40 bytes. */
#define LENGTH "SELECT length(state) FROM checkpoint"

START_TEST(what_was_saved_outlives_registrar_db_too)
{
	expect_restored(0);
	grant(7, 7);
	save(7, "kept");
	lab_until(
	    strcmp(lab_look(LENGTH), "44") == 0);
	lab_restart();
	expect_call(7, "kept");
	expect_restored(1);
}
END_TEST

START_TEST(after_a_reboot_no_call_is_restored)
{
	expect_restored(0);
	grant(7, 7);
	save(7, "kept");
	lab_until(
	    strcmp(lab_look(LENGTH), "44") == 0);
	lab_ok("UPDATE memory SET value = 'x' WHERE name = 'boot_id'");
	lab_restart();
	expect_restored(0);
	lab_until(
	    strcmp(lab_look("SELECT count(*) FROM checkpoint"), "0") == 0);
	lab_until(strcmp(lab_look("SELECT length(value) FROM memory "
				  "WHERE name = 'boot_id'"),
		      "36") == 0);
}
END_TEST

/* With a checkpoint it goes on, without one it is over. */
START_TEST(a_saved_call_stays_live)
{
	struct ipc_auth_say say;
	uint64_t saved;

	lab_subscriber();
	ck_assert_uint_eq(
	    lab_register("sip:168@192.168.1.5:5062", 120), VERDICT_OK);
	say = lab_call("168");
	ck_assert_uint_eq(say.verdict, VERDICT_OK);
	saved = say.ticket;
	save(saved, "state");
	ck_assert_uint_eq(lab_call("168").verdict, VERDICT_OK);
	lab_new_sigproxy();
	expect_call(saved, "state");
	lab_until(
	    strcmp(lab_look("SELECT count(*) FROM call_record"), "1") == 0);
	ck_assert_str_eq(
	    lab_look("SELECT reason FROM call_record"), "signalling restarted");
	ck_assert_uint_eq(
	    strtoull(lab_look("SELECT ticket FROM live_call"), NULL, 10),
	    saved);
}
END_TEST

static void
note(uint64_t ticket, enum call_state state)
{
	struct ipc_call_note m = { .ticket = ticket,
		.state = (uint8_t)state,
		.status = 200,
		.caller = SPAN_LIT("168"),
		.called = SPAN_LIT("22") };
	char mem[256];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, CALL_NOTE, call_note, &m);
	lab_send(&b);
}

/* Granted, killed before the commit: the row comes from what sigproxy says,
 * and says so.  Only for a ticket that may have been given so. */
START_TEST(a_row_that_a_crash_lost_is_made_from_the_note)
{
	struct ipc_auth_say say;

	lab_subscriber();
	ck_assert_uint_eq(
	    lab_register("sip:168@192.168.1.5:5062", 120), VERDICT_OK);
	say = lab_call("168");
	lab_until(strcmp(lab_look("SELECT count(*) FROM call"), "1") == 0);
	lab_restart();
	note(say.ticket + 1, CALL_ENDED);
	note(say.ticket - 1, CALL_ENDED);
	note(say.ticket + 5000, CALL_ENDED);
	note(say.ticket, CALL_ENDED);
	lab_until(strcmp(lab_look("SELECT count(*) FROM live_call"), "0") == 0);
	lab_until(strcmp(lab_look("SELECT count(*) FROM call"), "2") == 0);
	ck_assert_str_eq(lab_look("SELECT caller || ' ' || called || ' ' || "
				  "verdict || ' ' || status FROM call_record "
				  "ORDER BY ticket DESC"),
	    "168 22 granted (told by sigproxy) 200");
}
END_TEST

/* The first call of a process that was killed before it wrote any: its tickets
 * began with its own clock, far from the last that is on disk. */
START_TEST(nor_is_the_first_call_of_a_process_lost)
{
	struct ipc_auth_say say;

	lab_subscriber();
	ck_assert_uint_eq(
	    lab_register("sip:168@192.168.1.5:5062", 120), VERDICT_OK);
	grant(7, 7);
	say = lab_call("168");
	lab_until(strcmp(lab_look("SELECT count(*) FROM call"), "2") == 0);
	lab_ok("DELETE FROM call WHERE ticket > 7");
	lab_restart();
	expect_restored(0);
	save(say.ticket, "kept");
	lab_until(strcmp(lab_look(LENGTH), "44") == 0);
	note(say.ticket, CALL_ENDED);
	lab_until(strcmp(lab_look("SELECT count(*) FROM call_record"), "1") == 0);
}
END_TEST

/* Once sigproxy had time to tell all that it has, a row is what counts. */
START_TEST(nor_is_one_invented_later)
{
	expect_restored(0);
	save(lab.oracle->first_ticket - 1, "early");
	lab_until(strcmp(lab_look("SELECT count(*) FROM checkpoint"), "1") == 0);
	lab.oracle->unwritten_until = (struct mono){ 0 };
	grant(7, 7);
	save(7, "granted");
	lab_until(strcmp(lab_look("SELECT count(*) FROM checkpoint"), "2") == 0);
	save(lab.oracle->first_ticket - 2, "late");
	lab_new_sigproxy();
	expect_call(7, "granted");
	expect_restored(1);
	lab_until(strcmp(lab_look("SELECT count(*) FROM checkpoint"), "1") == 0);
}
END_TEST

START_TEST(but_only_so_many_are_believed)
{
	uint64_t now;

	expect_restored(0);
	now = lab.oracle->first_ticket;
	for (uint64_t i = 1; i <= QUEUE_MAX + 100; i++) {
		note(now - i, CALL_ENDED);
		if (i % 500 == 0)
			lab_turn();
	}
	note(now, CALL_ENDED);
	note(now - UINT64_C(31) * 86400 * 1000, CALL_ENDED);
	lab_until(strcmp(lab_look("SELECT count(*) FROM call"), "4096") == 0);
	lab_turn();
	ck_assert_str_eq(lab_look("SELECT count(*) FROM call"), "4096");
}
END_TEST

START_TEST(the_number_of_calls_is_bounded)
{
	expect_restored(0);
	grant(1, 5000);
	for (uint64_t i = 1; i <= 5000; i++) {
		save(i, "x");
		if (i % 500 == 0)
			lab_turn();
	}
	lab_until(
	    strcmp(lab_look("SELECT count(*) FROM checkpoint"), "4608") == 0);
	/* One that is kept already may still change. */
	save(1, "yy");
	lab_until(
	    strcmp(lab_look(LENGTH " WHERE ticket = 1"), "42") == 0);
	gone(2);
	save(5000, "x");
	lab_until(strcmp(lab_look("SELECT count(*) FROM checkpoint "
				  "WHERE ticket = 5000"),
		      "1") == 0);
}
END_TEST

/* A captured sigproxy makes up calls; one that was granted it may describe. */
START_TEST(a_call_that_was_not_granted_leaves_nothing)
{
	uint64_t given;

	expect_restored(0);
	lab_subscriber();
	ck_assert_uint_eq(
	    lab_register("sip:168@192.168.1.5:5062", 120), VERDICT_OK);
	grant(7, 9);
	lab_ok("UPDATE call SET ended_at = 1, state = 'ended' "
	       "WHERE ticket = 8");
	given = lab_call("168").ticket;
	/* Its row is not yet written. */
	save(given, "right");
	for (uint64_t i = 1; i <= 2000; i++) {
		save(given + i, "invented");
		if (i % 100 == 0)
			lab_turn();
	}
	for (uint64_t i = 1; i <= 20; i++)
		save(i, i == 7 || i == 9 ? "live" : "past or never");
	save(given - UINT64_C(31) * 86400 * 1000, "before it");
	save(INT64_MAX, "far");
	lab_new_sigproxy();
	expect_call(given, "right");
	expect_call(7, "live");
	expect_call(9, "live");
	expect_restored(3);
	lab_until(
	    strcmp(lab_look("SELECT count(*) FROM checkpoint"), "3") == 0);
}
END_TEST

/* How an admin throws out what a captured sigproxy left. */
START_TEST(a_call_that_an_admin_ended_is_not_told)
{
	expect_restored(0);
	grant(7, 8);
	save(7, "stays");
	save(8, "goes");
	lab_until(
	    strcmp(lab_look("SELECT count(*) FROM checkpoint"), "2") == 0);
	lab_ok("UPDATE call SET ended_at = 1, state = 'ended' "
	       "WHERE ticket = 8");
	lab_new_sigproxy();
	expect_call(7, "stays");
	expect_restored(1);
	lab_until(
	    strcmp(lab_look("SELECT count(*) FROM checkpoint"), "1") == 0);
}
END_TEST

/* One of its phones may still have to hear of it. */
START_TEST(a_call_that_ended_just_now_is_told_as_ended)
{
	expect_restored(0);
	grant(7, 9);
	save(7, "stays");
	save(8, "owes a BYE");
	save(9, "and this one all is done");
	lab_until(
	    strcmp(lab_look("SELECT count(*) FROM checkpoint"), "3") == 0);
	lab_ok("UPDATE call SET ended_at = unixepoch() - 300, "
	       "state = 'ended' WHERE ticket > 7");
	gone(9);
	save(9, "once more");
	save(8, "owes it still");
	lab_new_sigproxy();
	expect_call(7, "stays");
	expect_life(8, "owes it still", false);
	expect_restored(2);
	lab_until(
	    strcmp(lab_look(LENGTH " WHERE ticket = 8"), "53") == 0);
	lab_restart();
	expect_call(7, "stays");
	expect_life(8, "owes it still", false);
	expect_restored(2);
	lab_ok("UPDATE call SET ended_at = unixepoch() - 400 WHERE ticket = 8");
	lab_new_sigproxy();
	expect_call(7, "stays");
	expect_restored(1);
	lab_until(
	    strcmp(lab_look("SELECT count(*) FROM checkpoint"), "1") == 0);
}
END_TEST

/* It holds SRTP keys. */
START_TEST(a_checkpoint_lies_sealed_and_opens_for_its_own_call_only)
{
	expect_restored(0);
	grant(7, 9);
	save(7, "kept");
	save(8, "moved");
	lab_until(
	    strcmp(lab_look("SELECT count(*) FROM checkpoint"), "2") == 0);
	ck_assert_str_eq(lab_look("SELECT count(*) FROM checkpoint WHERE "
				  "instr(state, 'kept') OR instr(state, 'moved')"), "0");
	lab_ok("UPDATE checkpoint SET ticket = 9 WHERE ticket = 8");
	lab_restart();
	expect_call(7, "kept");
	expect_restored(1);
	lab_until(
	    strcmp(lab_look("SELECT count(*) FROM checkpoint"), "1") == 0);
	lab_ok("UPDATE checkpoint SET version = version + 1");
	lab_restart();
	expect_restored(0);
}
END_TEST

/* Planted in the file, or left by a version that kept everything. */
START_TEST(a_planted_row_without_a_call_is_not_told_and_goes)
{
	expect_restored(0);
	grant(7, 7);
	save(7, "kept");
	lab_until(
	    strcmp(lab_look(LENGTH), "44") == 0);
	lab_ok("INSERT INTO checkpoint(ticket, version, state) VALUES "
	       "(3, 3, 'x'), (6000, 3, 'x'), (-5, 3, 'x'), (9000000000000, 3, "
	       "'x')");
	lab_restart();
	expect_call(7, "kept");
	expect_restored(1);
	lab_until(strcmp(lab_look("SELECT count(*) FROM checkpoint "
				  "WHERE ticket > 0"),
		      "1") == 0);
}
END_TEST

void
add_checkpoint_tests(Suite *s)
{
	TCase *t = tcase_create("checkpoints");

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, lab_setup, lab_teardown);
	tcase_add_test(t, the_key_stays);
	tcase_add_test(t, a_new_sigproxy_gets_the_newest_of_each_call);
	tcase_add_test(t, what_was_saved_outlives_registrar_db_too);
	tcase_add_test(t, after_a_reboot_no_call_is_restored);
	tcase_add_test(t, a_saved_call_stays_live);
	tcase_add_test(t, a_row_that_a_crash_lost_is_made_from_the_note);
	tcase_add_test(t, nor_is_the_first_call_of_a_process_lost);
	tcase_add_test(t, nor_is_one_invented_later);
	tcase_add_test(t, but_only_so_many_are_believed);
	tcase_add_test(t, the_number_of_calls_is_bounded);
	tcase_add_test(t, a_call_that_was_not_granted_leaves_nothing);
	tcase_add_test(t, a_call_that_an_admin_ended_is_not_told);
	tcase_add_test(t, a_call_that_ended_just_now_is_told_as_ended);
	tcase_add_test(t, a_planted_row_without_a_call_is_not_told_and_goes);
	tcase_add_test(
	    t, a_checkpoint_lies_sealed_and_opens_for_its_own_call_only);
	suite_add_tcase(s, t);
}
