/* What sigproxy learnt of flows and homes, through the door and back. */
#include <stdio.h>

#include "tests/unit/regdb/lab.h"

#define CONTACT "sip:168@192.168.1.20:5060;line=abc"

static void
send_pace(const char *address, uint8_t stream, uint32_t proven, uint32_t lost)
{
	struct ipc_home_pace m = { .address = addr_of(address),
		.stream = stream, .proven_ms = proven, .lost_ms = lost };
	char mem[128];
	struct buf b;

	m.address.port = 0;
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, HOME_PACE, home_pace, &m);
	lab_send(&b);
}

#define HOME \
	"SELECT group_concat(address || ' ' || transport || ' ' || " \
	"keepalive_s || ' ' || coalesce(lost_after_s, '-'), ', ') FROM home"

START_TEST(a_home_is_kept_shown_and_told_to_the_next_sigproxy)
{
	struct ipc_home_pace m;

	lab_subscriber();
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	send_pace(PHONE, 0, 13500, 20250);
	send_pace(PHONE, 1, 4000, 0);
	lab_until(strcmp(lab_look("SELECT count(*) FROM home"), "2") == 0);
	ck_assert_str_eq(lab_look(HOME), "198.51.100.7 stream 4.0 -, "
					 "198.51.100.7 udp 13.5 20.25");
	lab_new_sigproxy();
	ck_assert_int_eq(get_home_pace(lab_take(IPC_HOME_PACE), &m), 0);
	ck_assert(m.stream && m.proven_ms == 4000 && m.lost_ms == 0);
	ck_assert_int_eq(get_home_pace(lab_take(IPC_HOME_PACE), &m), 0);
	ck_assert(!m.stream && m.proven_ms == 13500 && m.lost_ms == 20250);
	ck_assert(m.address.port == 0);
	lab_take(IPC_FLOW_KEEP);
}
END_TEST

/* By a hand that put the table's own check aside. */
START_TEST(homes_that_no_address_can_name_end_the_walk)
{
	lab_subscriber();
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	lab_ok("PRAGMA ignore_check_constraints = 1;"
	       "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
	       "FROM n WHERE i < 600) INSERT INTO home(address, transport, "
	       "keepalive_s, learnt_at) SELECT printf('%0100d', i), 'udp', 5, "
	       "unixepoch() FROM n");
	lab_new_sigproxy();
	lab_take(IPC_FLOW_KEEP);
	ck_assert(!lab_has(IPC_HOME_PACE));
}
END_TEST

START_TEST(no_home_without_a_phone_and_none_for_ever)
{
	lab_subscriber();
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	/* No phone is there: 198.51.100.7 is not 198.51.100.70 or .6. */
	send_pace("198.51.100.70:1", 0, 13500, 0);
	send_pace("198.51.100.6:1", 0, 13500, 0);
	send_pace("[2001:db8::7]:1", 0, 13500, 0);
	send_pace(PHONE, 0, 13500, 0);
	lab_until(strcmp(lab_look("SELECT count(*) FROM home"), "0") != 0);
	ck_assert_str_eq(lab_look(HOME), "198.51.100.7 udp 13.5 -");
	lab_ok("UPDATE home SET learnt_at = learnt_at - 31 * 86400");
	lab_restart();
	lab_until(strcmp(lab_look("SELECT count(*) FROM home"), "0") == 0);
}
END_TEST

START_TEST(ipv6_homes_are_known_again)
{
	struct ipc_home_pace m;
	struct ipc_reg_ask ask;

	lab_subscriber();
	ask = lab_reg(CONTACT, 3600);
	ask.flow = flow_of(ZONE_EXTERNAL, "[2001:db8::7]:5060");
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_OK);
	send_pace("[2001:db8::7]:1", 0, 13500, 0);
	lab_until(strcmp(lab_look("SELECT count(*) FROM home"), "1") == 0);
	lab_new_sigproxy();
	ck_assert_int_eq(get_home_pace(lab_take(IPC_HOME_PACE), &m), 0);
	ck_assert(addr_same_ip(&m.address, &ask.flow.remote));
}
END_TEST

START_TEST(what_a_foreign_hand_wrote_is_passed_over)
{
	lab_subscriber();
	lab_ok("INSERT INTO home(address, transport, keepalive_s, learnt_at) "
	       "VALUES ('no address', 'udp', 9, 4000000000), "
	       "('198.51.100.9', 'udp', -1, 4000000000), "
	       "('198.51.100.9', 'stream', 'x', 4000000000)");
	ck_assert_str_ne(lab_sql("INSERT INTO home(address, transport, "
				 "keepalive_s, learnt_at) VALUES "
				 "('198.51.100.9', 'tcp', 9, 1)"), "");
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	lab_new_sigproxy();
	lab_take(IPC_FLOW_KEEP);
	ck_assert(!lab_has(IPC_HOME_PACE));
}
END_TEST

static void
send_lost(const char *number, enum lost_state state, uint32_t due_s)
{
	struct ipc_phone_lost m = { .number = span_str(number),
		.state = (uint8_t)state, .at = addr_of(PHONE),
		.server = addr_of("203.0.113.10:5070"), .seen_s = 40,
		.due_s = due_s };
	char mem[256];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, PHONE_LOST, phone_lost, &m);
	lab_send(&b);
}

#define LOST \
	"SELECT group_concat(number || ' ' || source || ' ' || server || " \
	"' ' || named || ' ' || (due_at - seen_at), ', ') FROM lost_phone"

START_TEST(who_is_lost_is_kept_and_told_to_the_next_sigproxy)
{
	struct ipc_phone_lost m;

	lab_subscriber();
	send_lost("999", LOST_NAMED, 0); /* nobody's number */
	send_lost("168", LOST_SOON, 20);
	lab_until(strcmp(lab_look("SELECT count(*) FROM lost_phone"), "1") == 0);
	ck_assert_str_eq(lab_look(LOST),
	    "168 " PHONE " 203.0.113.10 0 60");
	lab_new_sigproxy();
	ck_assert_int_eq(get_phone_lost(lab_take(IPC_PHONE_LOST), &m), 0);
	ck_assert(span_eq(m.number, SPAN_LIT("168")));
	ck_assert_uint_eq(m.state, LOST_SOON);
	ck_assert(m.seen_s >= 40 && m.seen_s < 60 && m.due_s <= 20);
	ck_assert(m.at.port != 0 && m.server.port == 0);
	send_lost("168", LOST_NAMED, 0);
	lab_until(strcmp(lab_look("SELECT named FROM lost_phone"), "1") == 0);
	lab_restart();
	ck_assert_int_eq(get_phone_lost(lab_take(IPC_PHONE_LOST), &m), 0);
	ck_assert_uint_eq(m.state, LOST_NAMED);
	send_lost("168", LOST_BACK, 0);
	lab_until(strcmp(lab_look("SELECT count(*) FROM lost_phone"), "0") == 0);
}
END_TEST

START_TEST(who_registers_is_lost_no_longer)
{
	struct ipc_reg_ask ask;

	lab_subscriber();
	for (unsigned i = 0; i < 2; i++) {
		send_lost("168", LOST_NAMED, 0);
		lab_until(strcmp(lab_look("SELECT count(*) FROM lost_phone"),
			      "1") == 0);
		/* At first a new binding, then the same once more. */
		ask = lab_reg(CONTACT, 3600);
		ask.cseq += i;
		ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_OK);
		ck_assert_str_eq(lab_look("SELECT count(*) FROM lost_phone"),
		    "0");
	}
	send_lost("168", LOST_NAMED, 0);
	lab_until(strcmp(lab_look("SELECT count(*) FROM lost_phone"), "1") == 0);
	lab_ok("DELETE FROM subscriber");
	ck_assert_str_eq(lab_look("SELECT count(*) FROM lost_phone"), "0");
}
END_TEST

START_TEST(nobody_is_lost_for_ever_and_a_foreign_hand_is_passed_over)
{
	struct ipc_phone_lost m;

	lab_subscriber();
	lab_ok("INSERT INTO lost_phone(number, source, server, seen_at, named,"
	       " due_at) VALUES ('1', 'no address', '', 4000000000, 1, 0), "
	       "('2', '198.51.100.9:1', 'x', 4000000000, 1, 0), "
	       "('', '198.51.100.9:1', '', 4000000000, 1, 0), "
	       "('3', '198.51.100.9:1', '', 4000000000, 0, 9000000000000), "
	       "('4', '198.51.100.9:1', '', 1000000000, 1, 0)");
	lab_restart();
	lab_until(strcmp(lab_look("SELECT count(*) FROM lost_phone"),
		      "4") == 0);
	lab_new_sigproxy();
	ck_assert_int_eq(get_phone_lost(lab_take(IPC_PHONE_LOST), &m), 0);
	ck_assert(span_eq(m.number, SPAN_LIT("3")));
	ck_assert(m.due_s == UINT32_MAX && m.seen_s == 0);
	ck_assert(!lab_has(IPC_PHONE_LOST));
}
END_TEST

static struct ipc_reg_ask
by_tcp(uint64_t conn)
{
	struct ipc_reg_ask ask = lab_reg(CONTACT, 3600);

	ask.flow.transport = TRANSPORT_TCP;
	ask.flow.conn = conn;
	return ask;
}

START_TEST(a_closed_connection_is_shown_and_a_new_one_is_not_closed)
{
	struct ipc_reg_ask ask;
	struct ipc_conn_gone gone;
	char mem[128];
	struct buf b;

	lab_subscriber();
	ask = by_tcp(77);
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_OK);
	gone = (struct ipc_conn_gone){ ask.flow };
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, CONN_GONE, conn_gone, &gone);
	lab_send(&b);
	lab_until(strcmp(lab_look("SELECT closed IS NOT NULL "
				  "FROM registration"), "1") == 0);
	ask = by_tcp(78);
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_OK);
	ck_assert_str_eq(lab_look("SELECT connection || (closed IS NULL) || "
				  "reconnects FROM registration"), "7811");
}
END_TEST

START_TEST(another_sigproxy_has_none_of_the_connections)
{
	struct ipc_reg_ask ask;

	lab_subscriber();
	ask = by_tcp(77);
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_OK);
	ck_assert_str_eq(lab_look("SELECT closed IS NULL FROM registration"),
	    "1");
	lab_new_sigproxy();
	lab_until(strcmp(lab_look("SELECT closed IS NULL FROM registration"),
		      "0") == 0);
	ask = by_tcp(78);
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_OK);
	ck_assert_str_eq(lab_look("SELECT closed IS NULL FROM registration"),
	    "1");
}
END_TEST

/* What shows that it is the same device: the calls of that flow go along. */
static const struct {
	const char *instance, *call_id, *from;
	bool moved;
} devices[] = {
	{ "<urn:uuid:1>", "other", "198.51.100.9:4000", true },
	{ "<urn:uuid:2>", "first", "198.51.100.9:4000", false },
	{ NULL, "first", "198.51.100.9:4000", true },
	{ NULL, "other", "198.51.100.9:4000", false },
	{ NULL, "other", "198.51.100.7:4000", true },
	{ NULL, "first", "198.51.100.7:4711", false },
};

START_TEST(only_the_same_device_takes_its_calls_along)
{
	const char *instance = devices[_i].instance;
	struct ipc_flow_moved moved;
	struct ipc_reg_ask ask;

	lab_subscriber();
	for (int again = 0; again < 2; again++) {
		ask = lab_reg("sip:168@192.168.1.20:5060", 60);
		ask.cseq += (uint32_t)again;
		ask.call_id = span_str(again ? devices[_i].call_id : "first");
		if (instance != NULL)
			ask.contacts[0].instance = span_str(
			    again ? instance : "<urn:uuid:1>");
		ck_assert_int_eq(addr_parse(span_str(again ?
			devices[_i].from : "198.51.100.7:4711"), 0,
			&ask.flow.remote), 0);
		ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_OK);
	}
	ck_assert_int_eq(lab_has(IPC_FLOW_MOVED), devices[_i].moved);
	if (!devices[_i].moved)
		return;
	ck_assert_int_eq(get_flow_moved(lab_take(IPC_FLOW_MOVED), &moved), 0);
	ck_assert_uint_eq(moved.from.remote.port, 4711);
	ck_assert_uint_eq(moved.to.remote.port, 4000);
	ck_assert(span_eq(moved.number, SPAN_LIT("168")));
}
END_TEST

START_TEST(flow_gone_says_why)
{
	struct ipc_flow_gone gone;
	struct ipc_reg_ask ask;

	lab_subscriber();
	ask = by_tcp(77);
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_OK);
	ask = by_tcp(78);
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_OK);
	ck_assert_int_eq(get_flow_gone(lab_take(IPC_FLOW_GONE), &gone), 0);
	ck_assert(gone.flow.conn == 77 && gone.why == GONE_MOVED);
	lab_ok("UPDATE subscriber SET enabled = 0");
	ck_assert_int_eq(get_flow_gone(lab_take(IPC_FLOW_GONE), &gone), 0);
	ck_assert(gone.flow.conn == 78 && gone.why == GONE_CUT);
	lab_ok("UPDATE subscriber SET enabled = 1");
	ask = by_tcp(79);
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_OK);
	ask = by_tcp(79);
	ask.contacts[0].expires_s = 0;
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_OK);
	ck_assert_int_eq(get_flow_gone(lab_take(IPC_FLOW_GONE), &gone), 0);
	ck_assert(gone.flow.conn == 79 && gone.why == GONE_ENDED);
}
END_TEST

START_TEST(max_contacts_is_the_subscribers_own)
{
	struct ipc_reg_ask ask;

	lab_subscriber();
	ck_assert_str_ne(lab_sql("UPDATE subscriber SET max_contacts = 9"),
	    "");
	lab_ok("UPDATE subscriber SET max_contacts = 1");
	ck_assert_int_eq(lab_register(CONTACT, 3600), VERDICT_OK);
	ask = lab_reg("sip:168@192.168.1.99:5060", 3600);
	ask.flow = flow_of(ZONE_EXTERNAL, "203.0.113.9:5060");
	ask.call_id = S("another");
	ck_assert_uint_eq(lab_reg_ask(&ask).verdict, VERDICT_OK);
	ck_assert_str_eq(lab_look("SELECT group_concat(source) FROM "
				  "registration"), "203.0.113.9:5060");
}
END_TEST

void
add_homes_tests(Suite *s)
{
	TCase *t = tcase_create("homes");

	tcase_add_checked_fixture(t, lab_setup, lab_teardown);
	tcase_set_timeout(t, 30);
#define T(name) tcase_add_test(t, name)
	T(a_home_is_kept_shown_and_told_to_the_next_sigproxy);
	T(homes_that_no_address_can_name_end_the_walk);
	T(no_home_without_a_phone_and_none_for_ever);
	T(ipv6_homes_are_known_again);
	T(who_is_lost_is_kept_and_told_to_the_next_sigproxy);
	T(who_registers_is_lost_no_longer);
	T(nobody_is_lost_for_ever_and_a_foreign_hand_is_passed_over);
	T(what_a_foreign_hand_wrote_is_passed_over);
	T(a_closed_connection_is_shown_and_a_new_one_is_not_closed);
	T(another_sigproxy_has_none_of_the_connections);
	tcase_add_loop_test(t, only_the_same_device_takes_its_calls_along, 0,
	    sizeof(devices) / sizeof(devices[0]));
	T(flow_gone_says_why);
	T(max_contacts_is_the_subscribers_own);
	suite_add_tcase(s, t);
}
