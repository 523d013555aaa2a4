/* What a redirection by the called phone buys, and what a captured sigproxy
 * cannot get out of it. */
#include <stdio.h>

#include "tests/unit/regdb/lab.h"

/* 168 calls 22; 31 to 39 have a phone each, 23 none, 24 is disabled. */
static void
office(void)
{
	char sql[1024];

	lab_subscriber();
	lab_ok("INSERT INTO subscriber(number, name, username, password) "
	       "VALUES ('22', 'Desk', 'u22', 'xkcd-staple-22'), "
	       "('23', 'Empty', 'u23', 'xkcd-staple-23')");
	for (unsigned i = 31; i < 40; i++) {
		snprintf(sql, sizeof(sql), "INSERT INTO subscriber(number, "
		    "name, username, password) VALUES ('%u', 'N%u', 'u%u', "
		    "'xkcd-staple-%u')", i, i, i, i);
		lab_ok(sql);
	}
	for (unsigned i = 22; i < 40; i += i == 22 ? 9 : 1) {
		snprintf(sql, sizeof(sql), "INSERT INTO registration(number, "
		    "contact, source, transport, zone, listener, nated, "
		    "granted_s, user_agent, instance, reg_id, q, call_id, "
		    "cseq, slot, registered_at, expires_at) VALUES ('%u', "
		    "'sip:%u@10.0.0.%u', '10.0.0.%u:5060', 'udp', 'internal', "
		    "0, 0, 60, '', '', 0, 1.0, 'c', 1, 1, 0, 9999999999)",
		    i, i, i, i);
		lab_ok(sql);
	}
}

static struct ipc_divert_say
divert(uint64_t ticket, const char *by, const char *number)
{
	struct ipc_divert_ask ask = { .ticket = ticket, .id = 77,
		.by = span_str(by), .number = span_str(number) };
	struct ipc_divert_say say;
	char mem[512];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, DIVERT_ASK, divert_ask, &ask);
	lab_send(&b);
	ck_assert_int_eq(get_divert_say(lab_take(IPC_DIVERT_SAY), &say), 0);
	ck_assert_uint_eq(say.ticket, ticket);
	ck_assert_uint_eq(say.id, 77);
	if (say.verdict != VERDICT_OK) {
		ck_assert_uint_eq(say.n_targets, 0);
		ck_assert_uint_eq(say.called.number.len, 0);
	}
	return say;
}

static void
note(uint64_t ticket, enum call_state state)
{
	struct ipc_call_note n = { .ticket = ticket, .state = (uint8_t)state };
	char mem[512];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, CALL_NOTE, call_note, &n);
	lab_send(&b);
}

START_TEST(it_is_one_lookup_for_who_redirects_and_stands_in_the_record)
{
	struct ipc_divert_say say;
	uint64_t ticket;

	office();
	ticket = lab_call("22").ticket;
	/* At once: the call's row may still wait. */
	say = divert(ticket, "22", "31");
	ck_assert_uint_eq(say.verdict, VERDICT_OK);
	assert_span(say.called.number, "31");
	assert_span(say.called.name, "N31");
	ck_assert_uint_eq(say.n_targets, 1);
	assert_span(say.targets[0].uri, "sip:31@10.0.0.31");
	ck_assert_str_eq(lab_look("SELECT redirected_to FROM live_call"), "31");
	ck_assert_uint_eq(divert(ticket, "31", "32").verdict, VERDICT_OK);
	note(ticket, CALL_ENDED);
	lab_until(strcmp(lab_look("SELECT called || ' to ' || redirected_to "
				  "FROM call_record"), "22 to 31 32") == 0);
}
END_TEST

START_TEST(only_the_number_that_rings_may_redirect)
{
	uint64_t ticket;

	office();
	ticket = lab_call("22").ticket;
	ck_assert_uint_eq(divert(ticket, "33", "31").verdict,
	    VERDICT_FORBIDDEN);
	ck_assert_uint_eq(divert(ticket, "168", "31").verdict,
	    VERDICT_FORBIDDEN);
	ck_assert_uint_eq(divert(ticket, "22", "31").verdict, VERDICT_OK);
	/* It rings there no more. */
	ck_assert_uint_eq(divert(ticket, "22", "32").verdict,
	    VERDICT_FORBIDDEN);
	ck_assert_str_eq(lab_look("SELECT redirected_to FROM live_call"), "31");
}
END_TEST

START_TEST(only_of_a_granted_call_that_rings)
{
	uint64_t ticket, refused;

	office();
	ck_assert_uint_eq(divert(12345, "22", "31").verdict,
	    VERDICT_FORBIDDEN);
	ticket = lab_call("22").ticket;
	refused = ticket + 1;
	ck_assert_uint_eq(lab_call("23").verdict, VERDICT_UNREACHABLE);
	ck_assert_uint_eq(divert(refused, "23", "31").verdict,
	    VERDICT_FORBIDDEN);
	note(ticket, CALL_ANSWERED);
	ck_assert_uint_eq(divert(ticket, "22", "31").verdict,
	    VERDICT_FORBIDDEN);
	ticket = lab_call("22").ticket;
	note(ticket, CALL_ENDED);
	ck_assert_uint_eq(divert(ticket, "22", "31").verdict,
	    VERDICT_FORBIDDEN);
}
END_TEST

START_TEST(numbers_that_it_cannot_go_to)
{
	static const struct {
		const char *number;
		enum verdict want;
	} rows[] = {
		{ "22", VERDICT_FORBIDDEN }, /* itself */
		{ "23", VERDICT_UNREACHABLE },
		{ "99", VERDICT_NOT_FOUND },
		{ "' OR 1=1 --", VERDICT_NOT_FOUND },
	};
	uint64_t ticket;

	office();
	ticket = lab_call("22").ticket;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(divert(ticket, "22", rows[i].number).verdict ==
		    rows[i].want, "%s", rows[i].number);
	ck_assert_str_eq(lab_look("SELECT redirected_to FROM live_call"), "");
	lab_ok("UPDATE subscriber SET enabled = 0 WHERE number = '22'");
	ck_assert_uint_eq(divert(ticket, "22", "31").verdict,
	    VERDICT_FORBIDDEN);
}
END_TEST

START_TEST(a_way_back_is_refused)
{
	uint64_t ticket;

	office();
	ticket = lab_call("22").ticket;
	ck_assert_uint_eq(divert(ticket, "22", "31").verdict, VERDICT_OK);
	ck_assert_uint_eq(divert(ticket, "31", "32").verdict, VERDICT_OK);
	ck_assert_uint_eq(divert(ticket, "32", "22").verdict,
	    VERDICT_FORBIDDEN);
	ck_assert_uint_eq(divert(ticket, "32", "31").verdict,
	    VERDICT_FORBIDDEN);
}
END_TEST

/* Nobody reads the list of subscribers with one call's ticket. */
START_TEST(five_questions_for_each_call_whatever_their_answers)
{
	uint64_t ticket;

	office();
	ticket = lab_call("22").ticket;
	for (unsigned i = 0; i < 5; i++)
		ck_assert_uint_eq(divert(ticket, "22", "99").verdict,
		    VERDICT_NOT_FOUND);
	ck_assert_uint_eq(divert(ticket, "22", "31").verdict,
	    VERDICT_FORBIDDEN);
	ck_assert_uint_eq(divert(ticket, "22", "99").verdict,
	    VERDICT_FORBIDDEN);
}
END_TEST

/* The first answer was lost with a door. */
START_TEST(the_same_question_again_has_the_same_answer)
{
	uint64_t ticket;

	office();
	ticket = lab_call("22").ticket;
	ck_assert_uint_eq(divert(ticket, "22", "31").verdict, VERDICT_OK);
	ck_assert_uint_eq(divert(ticket, "22", "31").verdict, VERDICT_OK);
	ck_assert_str_eq(lab_look("SELECT redirected_to FROM live_call"), "31");
	ck_assert_uint_eq(divert(ticket, "31", "32").verdict, VERDICT_OK);
}
END_TEST

void
add_divert_tests(Suite *s)
{
	TCase *t = tcase_create("diverts");

	tcase_add_checked_fixture(t, lab_setup, lab_teardown);
	tcase_add_test(t,
	    it_is_one_lookup_for_who_redirects_and_stands_in_the_record);
	tcase_add_test(t, only_the_number_that_rings_may_redirect);
	tcase_add_test(t, only_of_a_granted_call_that_rings);
	tcase_add_test(t, numbers_that_it_cannot_go_to);
	tcase_add_test(t, a_way_back_is_refused);
	tcase_add_test(t, five_questions_for_each_call_whatever_their_answers);
	tcase_add_test(t, the_same_question_again_has_the_same_answer);
	suite_add_tcase(s, t);
}
