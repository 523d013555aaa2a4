/* Somebody holds the write lock, or the disk is full. */
#include <stdio.h>

#include "tests/unit/regdb/lab.h"

#define CONTACT "sip:168@192.168.1.20"

static void
send_register(uint32_t id)
{
	struct ipc_reg_ask ask = lab_reg(CONTACT, 3600);
	char mem[4096];
	struct buf b;

	ask.id = id;
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, REG_ASK, reg_ask, &ask);
	lab_send(&b);
}

static struct ipc_reg_say
answer(void)
{
	struct ipc_reg_say say;

	ck_assert_int_eq(get_reg_say(lab_take(IPC_REG_SAY), &say), 0);
	return say;
}

START_TEST(a_register_waits_while_calls_go_on)
{
	lab_subscriber();
	lab_ok("BEGIN IMMEDIATE");
	send_register(1);
	lab_until(queue_waiting(lab.oracle->queue) == 1);
	ck_assert_uint_eq(lab_call("99").verdict, VERDICT_NOT_FOUND);
	ck_assert_uint_eq(lab_call("168").verdict, VERDICT_UNREACHABLE);
	ck_assert(!lab_has(IPC_REG_SAY));
	lab_ok("COMMIT");
	ck_assert_uint_eq(answer().verdict, VERDICT_OK);
	ck_assert_str_eq(lab_look("SELECT count(*) FROM registration"), "1");
}
END_TEST

START_TEST(after_twenty_seconds_it_is_refused)
{
	struct ipc_reg_say say;

	lab_subscriber();
	lab_ok("BEGIN EXCLUSIVE");
	send_register(1);
	lab_until(queue_waiting(lab.oracle->queue) == 1);
	lab_later(19000);
	for (int i = 0; i < 5; i++)
		lab_turn();
	ck_assert(!lab_has(IPC_REG_SAY));
	lab_later(1100);
	say = answer();
	ck_assert_uint_eq(say.verdict, VERDICT_BUSY);
	ck_assert_uint_ge(say.retry_after_s, 10);
	ck_assert_uint_eq(queue_waiting(lab.oracle->queue), 0);
	lab_ok("ROLLBACK");
}
END_TEST

START_TEST(the_queue_is_bounded)
{
	lab_subscriber();
	lab_ok("BEGIN IMMEDIATE");
	for (uint32_t i = 0; i < QUEUE_NEW_MAX; i++) {
		send_register(i);
		if (i % 64 == 63)
			lab_until(queue_waiting(lab.oracle->queue) == i + 1);
	}
	ck_assert(!lab_has(IPC_REG_SAY));
	send_register(QUEUE_NEW_MAX);
	ck_assert_uint_eq(answer().verdict, VERDICT_BUSY);
	lab.n_seen = 0;
	lab_ok("COMMIT");
	lab_until(lab.n_seen == QUEUE_NEW_MAX);
	ck_assert_uint_eq(answer().verdict, VERDICT_OK);
}
END_TEST

START_TEST(answers_for_a_dead_sigproxy_go_to_nobody)
{
	lab_subscriber();
	lab_ok("BEGIN IMMEDIATE");
	send_register(1);
	lab_until(queue_waiting(lab.oracle->queue) == 1);
	lab_new_sigproxy();
	lab_ok("COMMIT");
	lab_until(queue_waiting(lab.oracle->queue) == 0);
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	ck_assert(!lab_has(IPC_REG_SAY));
}
END_TEST

START_TEST(a_shut_out_subscriber_in_the_queue_is_not_stored)
{
	lab_subscriber();
	lab_ok("BEGIN IMMEDIATE");
	send_register(1);
	lab_until(queue_waiting(lab.oracle->queue) == 1);
	lab_ok("UPDATE subscriber SET enabled = 0; COMMIT");
	ck_assert_uint_eq(answer().verdict, VERDICT_FORBIDDEN);
	ck_assert_str_eq(lab_look("SELECT count(*) FROM registration"), "0");
}
END_TEST

START_TEST(half_a_register_is_not_stored)
{
	struct ipc_reg_ask ask;
	char longer[500];
	sqlite3 *db;

	lab_subscriber();
	db = sqlite3_db_handle(store_use(lab.store, ST_BEGIN));
	memset(longer, 'x', sizeof(longer));
	ask = lab_reg(CONTACT, 3600);
	ask.contacts[1] = ask.contacts[0];
	ask.contacts[1].uri = span_make(longer, sizeof(longer));
	ask.n_contacts = 2;
	/* The first contact fits, the second does not. */
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 400);
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_BUSY);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 1000000);
	ck_assert_str_eq(lab_look("SELECT count(*) FROM registration"), "0");
}
END_TEST

START_TEST(a_full_disk_is_never_a_200)
{
	static const char *const devices[] = { "a", "b", "c", "d", "e", "f",
		"g", "h" };
	char contact[512], stored[8];
	unsigned right = 0, busy = 0;
	sqlite3 *wr;

	lab_subscriber();
	wr = sqlite3_db_handle(store_use(lab.store, ST_BEGIN));
	/* No page more than there are. */
	sqlite3_exec(wr, "PRAGMA max_page_count = 1", NULL, NULL, NULL);
	memset(contact, 'x', sizeof(contact));
	memcpy(contact, "sip:", 4);
	for (size_t i = 0; i < 8; i++) {
		struct ipc_reg_ask ask = lab_reg(CONTACT, 3600);

		ask.contacts[0].uri = span_make(contact, sizeof(contact));
		ask.contacts[0].instance = span_str(devices[i]);
		if (lab_reg_ask(&ask).verdict == VERDICT_OK)
			right++;
		else
			busy++;
	}
	ck_assert_uint_gt(busy, 0);
	ck_assert_str_eq(store_last_error(lab.store),
	    "database or disk is full");
	snprintf(stored, sizeof(stored), "%u", right);
	ck_assert_str_eq(lab_look("SELECT count(*) FROM registration"),
	    stored);
	/* Reading goes on, and writing once there is room. */
	ck_assert_uint_eq(lab_call("99").verdict, VERDICT_NOT_FOUND);
	sqlite3_exec(wr, "PRAGMA max_page_count = 100000", NULL, NULL, NULL);
	ck_assert_int_eq(lab_register(CONTACT, 60), VERDICT_OK);
}
END_TEST

void
add_lock_tests(Suite *s)
{
	TCase *t = tcase_create("lock");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, lab_setup, lab_teardown);
	tcase_add_test(t, a_register_waits_while_calls_go_on);
	tcase_add_test(t, after_twenty_seconds_it_is_refused);
	tcase_add_test(t, the_queue_is_bounded);
	tcase_add_test(t, answers_for_a_dead_sigproxy_go_to_nobody);
	tcase_add_test(t, a_shut_out_subscriber_in_the_queue_is_not_stored);
	tcase_add_test(t, half_a_register_is_not_stored);
	tcase_add_test(t, a_full_disk_is_never_a_200);
	suite_add_tcase(s, t);
}
