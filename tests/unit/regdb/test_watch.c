/*
 * What SUBSCRIBE, MESSAGE and NOTIFY buy, who may watch whom, and what a
 * restarted sigproxy gets back of it (C35, S21).
 */
#include <stdio.h>

#include "tests/unit/regdb/lab.h"

static void
office(void)
{
	lab_subscriber();
	lab_ok("INSERT INTO subscriber(number, name, username, password) "
	       "VALUES ('22', 'Desk', 'u22', 'xkcd-staple-22'), "
	       "('23', 'Boss', 'u23', 'xkcd-staple-23'), "
	       "('24', 'Off', 'u24', 'xkcd-staple-24');"
	       "UPDATE subscriber SET watched = 0 WHERE number = '23';"
	       "UPDATE subscriber SET enabled = 0 WHERE number = '24';"
	       "INSERT INTO registration(number, contact, source, transport, "
	       "zone, listener, nated, granted_s, user_agent, instance, "
	       "reg_id, q, call_id, cseq, slot, registered_at, expires_at) "
	       "VALUES ('22', 'sip:22@10.0.0.9', '10.0.0.9:5060', 'udp', "
	       "'internal', 0, 0, 60, '', '', 0, 0.5, 'c', 1, 1, 0, "
	       "9999999999)");
	/* What a sigproxy before this one left is closed by then. */
	lab_until(queue_waiting(lab.oracle->queue) == 0);
}

/* 168 asks, from this zone. */
static struct ipc_auth_say
ask_from(enum zone zone, const char *method, const char *number)
{
	struct ipc_auth_ask ask = { .id = ++lab.id, .want = 1,
		.flow = flow_of(zone, PHONE), .from_user = S("168"),
		.call_id = S("sub-1@phone") };
	static struct ipc_auth_say say;
	char uri[128], mem[4096];
	struct buf b;

	snprintf(uri, sizeof(uri), "sip:%s@sip.example.org", number);
	ask.digest = lab_digest(method, uri, lab_nonce(), PASSWORD);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, AUTH_ASK, auth_ask, &ask);
	lab_send(&b);
	ck_assert_int_eq(get_auth_say(lab_take(IPC_AUTH_SAY), &say), 0);
	return say;
}

static void
save(uint64_t id, uint32_t expires_s, const char *state)
{
	struct ipc_sub_save m = { id, expires_s, 1, span_str(state) };
	char mem[512];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, SUB_SAVE, sub_save, &m);
	lab_send(&b);
}

static void
gone(uint64_t id)
{
	struct ipc_sub_gone m = { id };
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, SUB_GONE, sub_gone, &m);
	lab_send(&b);
}

static void
expect_sub(uint64_t id, const char *state)
{
	struct ipc_sub_restore m;

	ck_assert_int_eq(get_sub_restore(lab_take(IPC_SUB_RESTORE), &m), 0);
	ck_assert_uint_eq(m.id, id);
	ck_assert_uint_ge(m.left_s, 500);
	ck_assert_uint_le(m.left_s, 600);
	assert_span(m.state, state);
}

static void
expect_all_told(void)
{
	lab_take(IPC_CALL_RESTORED);
	ck_assert(!lab_has(IPC_SUB_RESTORE));
}

static void
expect_end(uint64_t id, bool again)
{
	struct ipc_sub_end m;

	ck_assert_int_eq(get_sub_end(lab_take(IPC_SUB_END), &m), 0);
	ck_assert_uint_eq(m.id, id);
	ck_assert_uint_eq(m.again, again);
}

#define ROWS(n) \
	lab_until(strcmp(lab_look("SELECT count(*) FROM watcher"), n) == 0)

START_TEST(who_may_watch_whom)
{
	static const struct {
		const char *name, *watch;
		enum zone zone;
		const char *number;
		enum verdict verdict;
		enum watch_show show;
	} row[] = {
		{ "from home by default the state", NULL, ZONE_EXTERNAL, "22",
		    VERDICT_OK, WATCH_STATE },
		{ "in the office everything", "none", ZONE_INTERNAL, "22",
		    VERDICT_OK, WATCH_NUMBER },
		{ "from home with whom, if allowed", "number", ZONE_EXTERNAL,
		    "22", VERDICT_OK, WATCH_NUMBER },
		{ "from home nothing, if forbidden", "none", ZONE_EXTERNAL,
		    "22", VERDICT_FORBIDDEN, WATCH_NOTHING },
		{ "without a right no number is looked at", "none",
		    ZONE_EXTERNAL, "99", VERDICT_FORBIDDEN, WATCH_NOTHING },
		{ "one's own always, for the lamp", "none", ZONE_EXTERNAL,
		    "168", VERDICT_OK, WATCH_NOTHING },
		{ "no such number", "number", ZONE_EXTERNAL, "99",
		    VERDICT_NOT_FOUND, WATCH_NOTHING },
		{ "who is not watched is not there", "number", ZONE_INTERNAL,
		    "23", VERDICT_NOT_FOUND, WATCH_NOTHING },
		{ "nor who is disabled", "number", ZONE_INTERNAL, "24",
		    VERDICT_NOT_FOUND, WATCH_NOTHING },
	};

	office();
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct ipc_auth_say say;
		char sql[128];

		snprintf(sql, sizeof(sql), "UPDATE subscriber SET watch = '%s' "
		    "WHERE number = '168'", row[i].watch);
		if (row[i].watch != NULL)
			lab_ok(sql);
		say = ask_from(row[i].zone, "SUBSCRIBE", row[i].number);
		ck_assert_msg(say.verdict == row[i].verdict, "%s: %u",
		    row[i].name, say.verdict);
		ck_assert_msg((say.ticket != 0) == (say.verdict == VERDICT_OK),
		    "%s", row[i].name);
		ck_assert_uint_eq(say.n_targets, 0);
		if (say.verdict != VERDICT_OK) {
			ck_assert_uint_eq(say.called.number.len, 0);
			continue;
		}
		ck_assert_msg(say.show == row[i].show, "%s: %u", row[i].name,
		    say.show);
		assert_span(say.called.number, row[i].number);
	}
	/* None of it is a call. */
	ck_assert_str_eq(lab_look("SELECT count(*) FROM call"), "0");
}
END_TEST

START_TEST(a_subscription_outlives_both_processes)
{
	uint64_t id, other;

	office();
	id = ask_from(ZONE_EXTERNAL, "SUBSCRIBE", "22").ticket;
	other = ask_from(ZONE_INTERNAL, "SUBSCRIBE", "22").ticket;
	ck_assert_uint_ne(id, other);
	/* Not one commit is awaited: the frames are the last words. */
	save(id, 600, "first");
	save(other, 600, "other");
	save(id, 600, "second");
	gone(other);
	lab_take(IPC_CALL_RESTORED);
	lab_new_sigproxy();
	expect_sub(id, "second");
	expect_all_told();
	ROWS("1");
	ck_assert_str_eq(lab_look("SELECT watcher || number || zone "
				  "FROM watcher"), "16822external");
	lab_restart();
	expect_sub(id, "second");
	expect_all_told();
	gone(id);
	ROWS("0");
}
END_TEST

START_TEST(only_what_was_granted_is_kept)
{
	uint64_t id;

	office();
	id = ask_from(ZONE_EXTERNAL, "SUBSCRIBE", "22").ticket;
	save(id + 1, 600, "made up");
	expect_end(id + 1, true);
	/* Not saved in time: the ticket is void. */
	lab_later(11000);
	for (unsigned i = 0; i < 2304; i++)
		ask_from(ZONE_INTERNAL, "SUBSCRIBE", "22");
	save(id, 600, "late");
	expect_end(id, true);
	ck_assert_str_eq(lab_look("SELECT count(*) FROM watcher"), "0");
}
END_TEST

START_TEST(it_ends_with_its_time)
{
	uint64_t id;

	office();
	id = ask_from(ZONE_EXTERNAL, "SUBSCRIBE", "22").ticket;
	save(id, 600, "state");
	ROWS("1");
	lab_later(600000);
	lab_take(IPC_CALL_RESTORED);
	lab_new_sigproxy();
	expect_all_told();
	ROWS("0");
}
END_TEST

START_TEST(an_admins_change_ends_it)
{
	static const char *const sql[] = {
		"UPDATE subscriber SET enabled = 0 WHERE number = '168'",
		"UPDATE subscriber SET internet = 0 WHERE number = '168'",
		"UPDATE subscriber SET watch = 'none' WHERE number = '168'",
		"UPDATE subscriber SET watched = 0 WHERE number = '22'",
		"UPDATE subscriber SET enabled = 0 WHERE number = '22'",
		"DELETE FROM subscriber WHERE number = '22'",
		"UPDATE subscriber SET watch = 'number' WHERE number = '168'",
		"UPDATE subscriber SET password = 'another-horse-99'",
	};
	uint64_t id;

	office();
	id = ask_from(ZONE_EXTERNAL, "SUBSCRIBE", "22").ticket;
	save(id, 600, "state");
	ROWS("1");
	lab_ok(sql[_i]);
	expect_end(id, _i >= 6);
	ROWS("0");
}
END_TEST

START_TEST(rows_made_by_hand_do_no_harm)
{
	office();
	lab_ok("INSERT INTO watcher(id, watcher, number, zone, "
	       "expires_at, version, state, show) VALUES "
	       "(1, '168', '22', 'external', 99999999999, 1, x'01', 1), "
	       "(2, '', '22', 'external', 99999999999, 1, x'01', 1), "
	       "(3, '168', '22', 'external', 99999999999, 999, x'01', 1), "
	       "(4, '168', '22', 'external', 1, 1, x'01', 1), "
	       "(5, '168', '22', 'external', 99999999999, 1, x'', 1), "
	       "(6, '999', '22', 'external', 99999999999, 1, x'01', 1), "
	       "(-7, '168', '22', 'external', 99999999999, 1, x'01', 1), "
	       "(8, '168', '22', 'external', 99999999999, 1, "
	       "zeroblob(5000), 1), "
	       "(9, '168', '22', 'external', 99999999999, 1, x'01', 3), "
	       "(10, '168', '22', 'external', 99999999999, 1, x'01', 2)");
	lab_take(IPC_CALL_RESTORED);
	lab_restart();
	{
		struct ipc_sub_restore m;

		ck_assert_int_eq(
		    get_sub_restore(lab_take(IPC_SUB_RESTORE), &m), 0);
		ck_assert_uint_eq(m.id, 1);
		ck_assert_uint_le(m.left_s, IPC_SUB_LEFT_MAX_S);
	}
	expect_all_told();
	ROWS("1");
}
END_TEST

START_TEST(a_message_buys_devices_and_makes_no_call)
{
	struct ipc_auth_say say;

	office();
	say = ask_from(ZONE_EXTERNAL, "MESSAGE", "22");
	ck_assert_uint_eq(say.verdict, VERDICT_OK);
	ck_assert_uint_eq(say.ticket, 0);
	ck_assert_uint_eq(say.n_targets, 1);
	assert_span(say.called.number, "22");
	ck_assert_uint_eq(ask_from(ZONE_EXTERNAL, "MESSAGE", "23").verdict,
	    VERDICT_UNREACHABLE);
	ck_assert_uint_eq(ask_from(ZONE_EXTERNAL, "MESSAGE", "99").verdict,
	    VERDICT_NOT_FOUND);
	ck_assert_uint_eq(ask_from(ZONE_EXTERNAL, "MESSAGE", "24").verdict,
	    VERDICT_NOT_FOUND);
	ck_assert_str_eq(lab_look("SELECT count(*) FROM call"), "0");
}
END_TEST

START_TEST(whose_word_counts_for_mailboxes)
{
	office();
	ck_assert_uint_eq(ask_from(ZONE_INTERNAL, "NOTIFY", "22").verdict,
	    VERDICT_FORBIDDEN);
	lab_ok("UPDATE subscriber SET mwi_source = 1 WHERE number = '168'");
	ck_assert_uint_eq(ask_from(ZONE_INTERNAL, "NOTIFY", "22").verdict,
	    VERDICT_OK);
	ck_assert_uint_eq(ask_from(ZONE_INTERNAL, "NOTIFY", "99").verdict,
	    VERDICT_NOT_FOUND);
	ck_assert_uint_eq(ask_from(ZONE_EXTERNAL, "NOTIFY", "22").verdict,
	    VERDICT_FORBIDDEN);
}
END_TEST

static void
say_mailbox(const char *number, uint32_t fresh)
{
	struct ipc_mwi_save m = { .mailbox = { .number = span_str(number),
		.waiting = fresh > 0, .counted = 1, .fresh = fresh } };
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, MWI_SAVE, mwi_save, &m);
	lab_send(&b);
}

START_TEST(mailboxes_are_kept)
{
	struct ipc_mwi_restore m;

	office();
	lab_take(IPC_CALL_RESTORED);
	say_mailbox("22", 3);
	say_mailbox("99", 1);	/* nobody's */
	say_mailbox("22", 4);
	lab_new_sigproxy();
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(
		    get_mwi_restore(lab_take(IPC_MWI_RESTORE), &m), 0);
		assert_span(m.mailbox.number, "22");
		ck_assert_uint_eq(m.mailbox.fresh, 4);
		lab_take(IPC_CALL_RESTORED);
		ck_assert(!lab_has(IPC_MWI_RESTORE));
		lab_until(strcmp(lab_look("SELECT number || new FROM mailbox"),
			"224") == 0);
		if (i == 0)
			lab_restart();
	}
	lab_ok("DELETE FROM subscriber WHERE number = '22'");
	ck_assert_str_eq(lab_look("SELECT count(*) FROM mailbox"), "0");
	lab_until(lab.oracle->last_id == 4);
	lab_later(2000);
	for (unsigned i = 0; i < 20; i++)
		lab_turn();
	lab_new_sigproxy();
	lab_take(IPC_CALL_RESTORED);
}
END_TEST

void
add_watch_tests(Suite *s)
{
	TCase *c = tcase_create("watching");

	tcase_add_checked_fixture(c, lab_setup, lab_teardown);
	tcase_set_timeout(c, 30);
	tcase_add_test(c, who_may_watch_whom);
	tcase_add_test(c, a_subscription_outlives_both_processes);
	tcase_add_test(c, only_what_was_granted_is_kept);
	tcase_add_test(c, it_ends_with_its_time);
	tcase_add_loop_test(c, an_admins_change_ends_it, 0, 8);
	tcase_add_test(c, rows_made_by_hand_do_no_harm);
	tcase_add_test(c, a_message_buys_devices_and_makes_no_call);
	tcase_add_test(c, whose_word_counts_for_mailboxes);
	tcase_add_test(c, mailboxes_are_kept);
	suite_add_tcase(s, c);
}
