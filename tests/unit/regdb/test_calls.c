/* Lookups bought by an INVITE, and what is kept of calls. */
#include <stdio.h>

#include "common/codec/srtp_suite.h"
#include "tests/unit/regdb/lab.h"

/* 168 registered from the internet, 22 in the office, 23 nowhere. */
static void
office(void)
{
	lab_subscriber();
	lab_ok("INSERT INTO subscriber(number, name, username, password, hold) "
	       "VALUES ('22', 'Desk', 'u22', 'xkcd-staple-22', 'sendrecv'), "
	       "('23', 'Empty', 'u23', 'xkcd-staple-23', NULL);"
	       "INSERT INTO registration(number, contact, source, transport, "
	       "zone, listener, nated, granted_s, user_agent, instance, "
	       "reg_id, q, call_id, cseq, slot, registered_at, expires_at) "
	       "VALUES ('22', 'sip:22@10.0.0.9', '10.0.0.9:5060', 'udp', "
	       "'internal', 0, 0, 60, '', '', 0, 0.5, 'c', 1, 1, 0, "
	       "9999999999), ('22', 'sip:22@10.0.0.8', '10.0.0.8:5060', "
	       "'udp', 'internal', 1, 0, 60, '', '<urn:uuid:8>', 0, 1.0, 'c', "
	       "1, 2, 0, 9999999999)");
}

START_TEST(an_invite_buys_its_number)
{
	struct ipc_auth_say say;

	office();
	say = lab_call("22");
	ck_assert_uint_eq(say.verdict, VERDICT_OK);
	ck_assert_uint_ne(say.ticket, 0);
	assert_span(say.caller.number, "168");
	assert_span(say.caller.name, "SIP-168");
	assert_span(say.called.number, "22");
	assert_span(say.called.name, "Desk");
	ck_assert_uint_eq(say.called.hold, HOLD_SENDRECV);
	ck_assert_uint_eq(say.n_targets, 2);
	assert_span(say.targets[0].uri, "sip:22@10.0.0.8");
	ck_assert_uint_eq(say.targets[0].flow.listener, 1);
	assert_span(say.targets[1].uri, "sip:22@10.0.0.9");
	ck_assert_uint_eq(say.targets[1].q_permille, 500);
}
END_TEST

START_TEST(an_emergency_number_is_said_to_be_one)
{
	static const char list[][CONF_NUMBER_MAX] = { "110", "22" };

	office();
	lab.oracle->emergency = list;
	lab.oracle->n_emergency = 2;
	ck_assert_uint_eq(lab_call("22").emergency, 1);
	/* However it is written. */
	ck_assert_uint_eq(lab_call("tel:2-2").emergency, 1);
	ck_assert_uint_eq(lab_call("220").emergency, 0);
	lab.oracle->n_emergency = 1;
	ck_assert_uint_eq(lab_call("22").emergency, 0);
}
END_TEST

START_TEST(numbers_that_cannot_be_reached)
{
	static const struct {
		const char *number, *decision;
		enum verdict want;
	} rows[] = {
		{ "23", "no device registered|480|no-device",
		    VERDICT_UNREACHABLE },
		{ "99", "no such number|404|no-such-number",
		    VERDICT_NOT_FOUND },
		{ "2%32", "granted||", VERDICT_OK },
		/* RFC 3966: the digest's own uri may be a tel: one. */
		{ "tel:2-2", "granted||", VERDICT_OK },
		{ "tel:22;phone-context=sip.example.org", "granted||",
		    VERDICT_OK },
		{ "sip:2.2@sip.example.org;user=phone", "granted||",
		    VERDICT_OK },
		{ "tel:+22", "denied: no international calls from the "
			     "internet|403|denied",
		    VERDICT_DENIED },
		{ "tel:22;ext=a", NULL, VERDICT_NOT_FOUND },
		{ "' OR 1=1 --", NULL, VERDICT_NOT_FOUND },
	};

	office();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipc_auth_say say = lab_call(rows[i].number);
		char sql[160];

		ck_assert_msg(say.verdict == rows[i].want, "%s",
		    rows[i].number);
		if (say.verdict != VERDICT_OK) {
			ck_assert_uint_eq(say.n_targets, 0);
			ck_assert_uint_eq(say.ticket, 0);
			ck_assert_uint_eq(say.called.number.len, 0);
		}
		if (rows[i].decision == NULL)
			continue;
		snprintf(sql, sizeof(sql), "SELECT verdict || '|' || "
		    "coalesce(status, '') || '|' || reason FROM call "
		    "ORDER BY ticket DESC LIMIT 1");
		lab_until(strcmp(lab_look(sql), rows[i].decision) == 0);
	}
}
END_TEST

START_TEST(a_disabled_number_does_not_exist)
{
	office();
	lab_ok("UPDATE subscriber SET enabled = 0 WHERE number = '22'");
	ck_assert_uint_eq(lab_call("22").verdict, VERDICT_NOT_FOUND);
}
END_TEST

/* Calls end without anybody counting down; the table is what counts. */
START_TEST(the_limit_of_live_calls_is_for_calls_that_live)
{
	office();
	lab.oracle->calls_live = CALLS_LIVE_MAX;
	ck_assert_uint_eq(lab_call("22").verdict, VERDICT_OK);
	ck_assert_int_lt(lab.oracle->calls_live, 10);
}
END_TEST

START_TEST(old_calls_go_though_no_admin_is_at_work)
{
	office();
	lab_until(lab.oracle->last_id == 3);	/* the admin's work is seen */
	lab_call("22");
	lab_until(strcmp(lab_look("SELECT count(*) FROM call"), "1") == 0);
	lab.oracle->calls_kept = CALLS_MAX + CALLS_SLACK;
	lab_call("22");
	lab_until(lab.oracle->calls_kept <= CALLS_MAX);
}
END_TEST

/* Whoever may call nothing can ask a thousand times a second. */
START_TEST(a_flood_of_refusals_pushes_out_no_call)
{
	office();
	lab_call("22");
	lab_until(strcmp(lab_look("SELECT count(*) FROM live_call"), "1") == 0);
	lab_ok("UPDATE call SET ended_at = granted_at, state = 'ended'");
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(lab_call("0900123456").verdict,
		    VERDICT_DENIED);
	lab_until(strcmp(lab_look("SELECT count(*) FROM call"), "4") == 0);
	lab.oracle->calls_kept = CALLS_MAX + CALLS_SLACK - 1;
	lab_call("0900123456");
	lab_until(lab.oracle->calls_kept <= CALLS_MAX);
	ck_assert_str_eq(lab_look("SELECT group_concat(called) FROM call"),
	    "22");
}
END_TEST

START_TEST(only_an_invite_buys)
{
	struct ipc_auth_ask ask = { .id = 9, .want = 1,
		.flow = flow_of(ZONE_EXTERNAL, PHONE) };
	struct ipc_auth_say say;
	char mem[4096];
	struct buf b;

	office();
	ask.digest = lab_digest("INFO", "sip:22@sip.example.org",
	    lab_nonce(), PASSWORD);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, AUTH_ASK, auth_ask, &ask);
	lab_send(&b);
	ck_assert_int_eq(get_auth_say(lab_take(IPC_AUTH_SAY), &say), 0);
	ck_assert_uint_eq(say.verdict, VERDICT_BAD);
	ask.want = 0;
	ask.digest = lab_digest("MESSAGE", "sip:22@sip.example.org",
	    lab_nonce(), PASSWORD);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, AUTH_ASK, auth_ask, &ask);
	lab_send(&b);
	ck_assert_int_eq(get_auth_say(lab_take(IPC_AUTH_SAY), &say), 0);
	ck_assert_uint_eq(say.verdict, VERDICT_OK);
	assert_span(say.caller.number, "168");
	ck_assert_uint_eq(say.n_targets, 0);
}
END_TEST

static void
note(uint64_t ticket, enum call_state state, uint16_t status)
{
	struct ipc_call_note n = { .ticket = ticket, .state = (uint8_t)state,
		.status = status, .reason = state == CALL_ENDED ? S("BYE") :
		SPAN_NONE, .channels = 1, .relayed = 1,
		.called_at = addr_of("10.0.0.8:5060") };
	char mem[512];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, CALL_NOTE, call_note, &n);
	lab_send(&b);
}

static void
media(uint64_t ticket, uint8_t called, uint64_t packets)
{
	struct ipc_call_media m = { .ticket = ticket, .called = called,
		.counter = { .packets_in = packets, .packets_out = packets,
		    .bytes_in = packets * 172, .lost = 2, .silent_ms = 40,
		    .learnt = addr_of("198.51.100.7:30000") } };
	char mem[512];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, CALL_MEDIA, call_media, &m);
	lab_send(&b);
}

START_TEST(a_call_is_live_then_a_record)
{
	uint64_t ticket;

	office();
	ticket = lab_call("22").ticket;
	note(ticket, CALL_RINGING, 180);
	lab_until(strcmp(lab_look("SELECT state FROM live_call"),
		      "ringing") == 0);
	note(ticket, CALL_ANSWERED, 200);
	lab_until(strcmp(lab_look("SELECT state FROM live_call"),
		      "answered") == 0);
	ck_assert_str_eq(lab_look("SELECT caller || '>' || called || ' ' || "
				  "from_source || ' ' || called_source FROM "
				  "live_call"),
	    "168>22 " PHONE " 10.0.0.8:5060");
	note(ticket, CALL_ENDED, 200);
	/* The relay's counters come after the end; each time all so far, and
	 * what is told again is counted once. */
	media(ticket, 0, 500);
	media(ticket, 0, 520);
	media(ticket, 0, 500);
	media(ticket, 1, 498);
	lab_until(strcmp(lab_look("SELECT called_packets_in FROM call_record"),
		      "498") == 0);
	ck_assert_str_eq(lab_look("SELECT count(*) FROM live_call"), "0");
	ck_assert_str_eq(lab_look("SELECT verdict || ' ' || status || ' ' || "
				  "reason || ' ' || channels || ' ' || "
				  "caller_packets_in || ' ' || "
				  "caller_packets_lost || ' ' || caller_learnt "
				  "FROM call_record"),
	    "granted 200 BYE 1 520 2 198.51.100.7:30000");
}
END_TEST

static void
reach(uint64_t ticket, uint8_t called, enum media_way way, uint8_t verdict)
{
	struct ipc_call_reach m = { .ticket = ticket, .called = called,
		.way = (uint8_t)way, .verdict = verdict,
		.said = { ADDR_IPV4, 16384, { 203, 0, 113, 10 } },
		.srtp = called ? SRTP_AEAD_256 : SRTP_NONE };
	char mem[256];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, CALL_REACH, call_reach, &m);
	lab_send(&b);
}

#define MEDIA_ROW(view)                                                    \
	"SELECT media_mode || '|' || media_verdict || '|' || media_words " \
	"|| '|' || caller_said FROM " view

START_TEST(whose_media_was_not_heard_stands_in_plain_words)
{
	uint64_t ticket;

	office();
	ticket = lab_call("22").ticket;
	note(ticket, CALL_ANSWERED, 200);
	lab_until(strcmp(lab_look(MEDIA_ROW("live_call")), "|||") == 0);
	reach(ticket, 1, MEDIA_INTERNAL, VERDICT_MEDIA_OK);
	/* Of one side only: nothing of the call. */
	lab_until(strcmp(lab_look("SELECT called_media || '|' || media_words "
	    "|| '|' || (SELECT words FROM media_words WHERE verdict = 'ok') "
	    "FROM live_call"), "ok||its packets came") == 0);
	reach(ticket, 0, MEDIA_PUNCHED, VERDICT_MEDIA_SYMMETRIC_NO_RANGE);
	lab_until(strcmp(lab_look(MEDIA_ROW("live_call")),
	    "punch|symmetric-no-range|168: no packet ever came from the home: "
	    "its router, or its carrier's, gives each peer another port, so "
	    "that nobody can know the one it has for us, not even by STUN, and "
	    "the office's RTP range is not forwarded|203.0.113.10:16384") == 0);
	ck_assert_str_eq(lab_look("SELECT caller_srtp || ' ' || called_srtp "
	    "FROM live_call"), "RTP AEAD_AES_256_GCM");
	reach(ticket, 0, MEDIA_PUNCHED, VERDICT_MEDIA_OK);
	note(ticket, CALL_ENDED, 200);
	lab_until(strcmp(lab_look(MEDIA_ROW("call_record")),
	    "punch|ok|packets of both sides came|203.0.113.10:16384") == 0);
	ck_assert_str_eq(lab_look("SELECT caller_srtp || ' ' || called_srtp "
	    "FROM call_record"), "RTP AEAD_AES_256_GCM");
	/* Each verdict has its words, and the office is named when it is. */
	for (uint8_t v = VERDICT_MEDIA_FELL_SILENT;
	    v <= VERDICT_MEDIA_HOME_LOST; v++) {
		reach(ticket, 1, MEDIA_INTERNAL, v);
		lab_until(strcmp(lab_look("SELECT media_words GLOB '22: *e*' "
		    "AND media_verdict = called_media AND caller_media = 'ok' "
		    "FROM call_record"), "1") == 0);
		lab_until(strncmp(lab_look("SELECT called_media "
		    "FROM call_record"), "ok", 2) != 0);
	}
}
END_TEST

#define EVIDENCE "SELECT media_evidence FROM call_record"

/* Words of ours again; of a relay or a sigproxy that was restarted and knows
 * no fact the last one stays, as long as the verdict does. */
START_TEST(the_deciding_fact_stands_beside_the_verdict)
{
	struct ipc_call_reach m = { .verdict = VERDICT_MEDIA_SYMMETRIC_NO_RANGE,
		.way = MEDIA_PUNCHED, .proof = PROOF_SEEN_SENT,
		.said = { ADDR_IPV4, 16384, { 203, 0, 113, 10 } },
		.announced = { ADDR_IPV4, 10000, { 192, 168, 1, 10 } },
		.seen = { ADDR_IPV4, 41000, { 198, 51, 100, 7 } } };
	static const char text[] = "168: it announced 192.168.1.10:10000; its "
	    "sound came to our SIP port from 198.51.100.7:41000; the relay "
	    "(203.0.113.10:16384) sent first to there, too, and nothing came";
	char mem[256];
	struct buf b;

	office();
	m.ticket = lab_call("22").ticket;
	note(m.ticket, CALL_ANSWERED, 200);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, CALL_REACH, call_reach, &m);
	lab_send(&b);
	note(m.ticket, CALL_ENDED, 200);
	lab_until(strcmp(lab_look(EVIDENCE), text) == 0);
	reach(m.ticket, 1, MEDIA_INTERNAL, VERDICT_MEDIA_OK);
	reach(m.ticket, 0, MEDIA_PUNCHED, VERDICT_MEDIA_SYMMETRIC_NO_RANGE);
	lab_until(strcmp(lab_look("SELECT called_media FROM call_record"),
	    "ok") == 0);
	ck_assert_str_eq(lab_look(EVIDENCE), text);
	reach(m.ticket, 0, MEDIA_PUNCHED, VERDICT_MEDIA_OK);
	lab_until(strcmp(lab_look(EVIDENCE), "") == 0);
}
END_TEST

static void
quality(uint64_t ticket, uint8_t called, const struct ipc_quality *q)
{
	struct ipc_call_quality m = { ticket, called, *q };
	char mem[256];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, CALL_QUALITY, call_quality, &m);
	lab_send(&b);
}

#define FIGURES_ROW(view)                                               \
	"SELECT ifnull(caller_mos, '?') || '|' || "                     \
	"ifnull(caller_loss_pct, '?') || '|' || "                       \
	"ifnull(caller_jitter_ms, '?') || '|' || "                      \
	"ifnull(caller_rtt_ms, '?') || '|' || "                         \
	"ifnull(caller_heard_mos, '?') || '|' || ifnull(called_mos, '?') " \
	"FROM " view

START_TEST(how_a_call_sounds_stands_in_its_row)
{
	struct ipc_quality q = { .expected = 500, .gap = 3,
		.jitter_max_us = 9000,
		.came = { FIGURE_LOSS | FIGURE_JITTER, 520, 2500, 0, 391 } };
	const struct ipc_quality report = {
		.said = { FIGURE_LOSS, 100, 0, 0, 420 } };
	uint64_t ticket;

	office();
	ticket = lab_call("22").ticket;
	note(ticket, CALL_ANSWERED, 200);
	lab_until(strcmp(lab_look(FIGURES_ROW("live_call")),
	    "?|?|?|?|?|?") == 0);
	quality(ticket, 0, &q);
	lab_until(strcmp(lab_look(FIGURES_ROW("live_call")),
	    "3.91|5.2|2.5|?|?|?") == 0);
	/* The same relay goes on: its figures are of the whole call. */
	q.came = (struct ipc_figures){ 7, 300, 2000, 40, 410 };
	q.heard = (struct ipc_figures){ FIGURE_LOSS, 0, 0, 0, 440 };
	quality(ticket, 0, &q);
	lab_until(strcmp(lab_look(FIGURES_ROW("live_call")),
	    "4.1|3.0|2.0|40|4.4|?") == 0);
	/* Another relay does not know what was: the worse stays. */
	q = (struct ipc_quality){ .resumed = 1, .expected = 50,
		.came = { FIGURE_LOSS | FIGURE_JITTER, 0, 8000, 0, 440 } };
	quality(ticket, 0, &q);
	note(ticket, CALL_ENDED, 200);
	quality(ticket, 1, &q);
	quality(ticket, 0, &report);
	lab_until(strcmp(lab_look("SELECT ifnull(caller_said_mos, 0) "
	    "FROM call_record"), "4.2") == 0);
	ck_assert_str_eq(lab_look(FIGURES_ROW("call_record")),
	    "4.1|3.0|8.0|40|4.4|4.4");
	ck_assert_str_eq(lab_look("SELECT phone || other || packets || '|' || "
	    "longest_gap || '|' || worst_mos || '|' || said_loss_pct "
	    "FROM call_quality WHERE side = 'caller'"),
	    "16822500|3|4.1|1.0");
}
END_TEST

START_TEST(figures_of_calls_long_over_or_never_given_are_not_kept)
{
	const struct ipc_quality q = { .expected = 1,
		.came = { FIGURE_LOSS, 1, 0, 0, 440 } };
	uint64_t ticket;

	office();
	ticket = lab_call("22").ticket;
	note(ticket, CALL_ENDED, 200);
	lab_until(strcmp(lab_look("SELECT count(*) FROM call_record"),
	    "1") == 0);
	lab_sql("UPDATE call SET ended_at = ended_at - 100");
	quality(ticket, 0, &q);
	quality(ticket + 77, 0, &q);
	quality(UINT64_MAX, 1, &q);
	ck_assert_uint_eq(lab_call("22").verdict, VERDICT_OK);
	lab_until(strcmp(lab_look("SELECT count(*) FROM call"), "2") == 0);
	ck_assert_str_eq(lab_look("SELECT count(*) FROM quality"), "0");
}
END_TEST

START_TEST(one_way_and_silent_are_seen_while_the_call_lives)
{
	static const struct {
		uint8_t caller, called;
		const char *want;
	} states[] = {
		{ VERDICT_MEDIA_OK, VERDICT_MEDIA_OK, "two-way" },
		{ VERDICT_MEDIA_FELL_SILENT, VERDICT_MEDIA_OK, "one-way" },
		{ VERDICT_MEDIA_OK, VERDICT_MEDIA_NEVER_HEARD, "one-way" },
		{ VERDICT_MEDIA_FELL_SILENT, VERDICT_MEDIA_NEVER_HEARD,
		    "silent" },
		{ VERDICT_MEDIA_NONE, VERDICT_MEDIA_OK, "" },
	};
	uint64_t ticket;

	office();
	ticket = lab_call("22").ticket;
	note(ticket, CALL_ANSWERED, 200);
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		reach(ticket, 0, MEDIA_PUNCHED, states[i].caller);
		reach(ticket, 1, MEDIA_INTERNAL, states[i].called);
		lab_until(strcmp(lab_look("SELECT media_state FROM live_call"),
		    states[i].want) == 0);
	}
}
END_TEST

START_TEST(notes_of_a_ticket_never_given_change_nothing)
{
	office();
	note(12345, CALL_ENDED, 200);
	note(UINT64_MAX, CALL_ENDED, 200);
	media(UINT64_MAX, 0, UINT64_MAX);
	ck_assert_uint_eq(lab_call("22").verdict, VERDICT_OK);
	lab_until(strcmp(lab_look("SELECT count(*) FROM call"), "1") == 0);
	ck_assert_str_eq(lab_look("SELECT count(*) FROM live_call"), "1");
}
END_TEST

START_TEST(a_new_sigproxy_ends_the_calls_of_the_old_one)
{
	office();
	ck_assert_uint_eq(lab_call("22").verdict, VERDICT_OK);
	lab_until(strcmp(lab_look("SELECT count(*) FROM live_call"), "1") ==
	    0);
	lab_new_sigproxy();
	lab_until(strcmp(lab_look("SELECT reason FROM call_record"),
		      "signalling restarted") == 0);
}
END_TEST

START_TEST(tickets_go_on_after_a_restart)
{
	uint64_t first;

	office();
	first = lab_call("22").ticket;
	lab_restart();
	ck_assert_uint_gt(lab_call("22").ticket, first);
}
END_TEST

void
add_call_tests(Suite *s)
{
	TCase *t = tcase_create("calls");

	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, lab_setup, lab_teardown);
	tcase_add_test(t, an_invite_buys_its_number);
	tcase_add_test(t, an_emergency_number_is_said_to_be_one);
	tcase_add_test(t, numbers_that_cannot_be_reached);
	tcase_add_test(t, a_disabled_number_does_not_exist);
	tcase_add_test(t, the_limit_of_live_calls_is_for_calls_that_live);
	tcase_add_test(t, old_calls_go_though_no_admin_is_at_work);
	tcase_add_test(t, a_flood_of_refusals_pushes_out_no_call);
	tcase_add_test(t, only_an_invite_buys);
	tcase_add_test(t, a_call_is_live_then_a_record);
	tcase_add_test(t, whose_media_was_not_heard_stands_in_plain_words);
	tcase_add_test(t, the_deciding_fact_stands_beside_the_verdict);
	tcase_add_test(t, how_a_call_sounds_stands_in_its_row);
	tcase_add_test(t,
	    figures_of_calls_long_over_or_never_given_are_not_kept);
	tcase_add_test(t, one_way_and_silent_are_seen_while_the_call_lives);
	tcase_add_test(t, notes_of_a_ticket_never_given_change_nothing);
	tcase_add_test(t, a_new_sigproxy_ends_the_calls_of_the_old_one);
	tcase_add_test(t, tickets_go_on_after_a_restart);
	suite_add_tcase(s, t);
}
