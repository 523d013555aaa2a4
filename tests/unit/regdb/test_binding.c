/* RFC 3261 10.3 and RFC 5626 6 as rows: stored bindings, a REGISTER, what
 * becomes of them. */
#include <stdio.h>

#include "registrar-db/core/binding.h"
#include "tests/unit/regdb/suite.h"

#define NOW 1000000

static struct binding_set old;
static struct ipc_reg_ask ask;
static struct binding_plan plan;
static unsigned max;

static void
setup(void)
{
	max = BINDING_MAX;
	old = (struct binding_set){ 0 };
	ask = (struct ipc_reg_ask){ .aor_user = S("168"), .call_id = S("c2"),
		.cseq = 10, .flow = flow_of(ZONE_INTERNAL, "10.0.0.9:5060") };
}

static struct binding *
have(const char *contact, const char *instance, const char *call_id,
    uint32_t cseq, const char *remote)
{
	struct binding *b = &old.b[old.n++];

	*b = (struct binding){ .slot = old.n, .contact = span_str(contact),
		.instance = span_str(instance), .call_id = span_str(call_id),
		.cseq = cseq, .flow = flow_of(ZONE_INTERNAL, remote),
		.q_permille = 1000, .registered_wall_s = NOW - 100 + old.n,
		.expires_wall_s = NOW + 500, .granted_s = 3600 };
	return b;
}

static void
contact(const char *uri, uint32_t expires_s, const char *instance)
{
	ask.contacts[ask.n_contacts++] = (struct ipc_contact){
		.uri = span_str(uri), .expires_s = expires_s,
		.q_permille = 1000, .instance = span_str(instance) };
}

static enum verdict
decide(void)
{
	return binding_decide(&old, &ask, max, NOW, &plan);
}

/* "D2 P1:3600 R3" */
static void
assert_steps(const char *want)
{
	static const char letters[] = { [BINDING_REFRESH] = 'R',
		[BINDING_PUT] = 'P', [BINDING_DROP] = 'D' };
	char got[256] = "";
	size_t len = 0;

	for (unsigned i = 0; i < plan.n_steps; i++) {
		const struct binding_step *s = &plan.step[i];

		len += (size_t)snprintf(got + len, sizeof(got) - len,
		    "%s%c%u", len > 0 ? " " : "", letters[s->what],
		    s->b.slot);
		if (s->what != BINDING_DROP)
			len += (size_t)snprintf(got + len, sizeof(got) - len,
			    ":%u", s->b.granted_s);
	}
	ck_assert_str_eq(got, want);
}

START_TEST(a_first_contact_is_put)
{
	contact("sip:168@10.0.0.9", 3600, "");
	ck_assert_int_eq(decide(), VERDICT_OK);
	assert_steps("P1:3600");
	ck_assert_uint_eq(plan.after.n, 1);
	ck_assert_int_eq(plan.after.b[0].expires_wall_s, NOW + 3600);
	assert_span(plan.after.b[0].contact, "sip:168@10.0.0.9");
}
END_TEST

START_TEST(the_same_again_is_a_refresh)
{
	have("sip:168@10.0.0.9", "", "c2", 9, "10.0.0.9:5060");
	contact("sip:168@10.0.0.9", 3600, "");
	ck_assert_int_eq(decide(), VERDICT_OK);
	assert_steps("R1:3600");
	ck_assert_uint_eq(plan.step[0].b.cseq, 10);
}
END_TEST

START_TEST(a_new_flow_or_call_id_is_put)
{
	have("sip:168@10.0.0.9", "", "c2", 9, "10.0.0.9:6000");
	contact("sip:168@10.0.0.9", 3600, "");
	decide();
	assert_steps("P1:3600");
	setup();
	have("sip:168@10.0.0.9", "", "c1", 99, "10.0.0.9:5060");
	contact("sip:168@10.0.0.9", 3600, "");
	ck_assert_int_eq(decide(), VERDICT_OK);
	assert_steps("P1:3600");
}
END_TEST

START_TEST(an_older_cseq_of_the_same_call_id_is_refused)
{
	static const struct { uint32_t stored; enum verdict want; } rows[] = {
		{ 11, VERDICT_BAD }, { 10, VERDICT_BAD }, { 9, VERDICT_OK },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (uint32_t expires = 0; expires <= 3600; expires += 3600) {
			setup();
			have("sip:168@10.0.0.9", "", "c2", rows[i].stored,
			    "10.0.0.9:5060");
			contact("sip:168@10.0.0.9", expires, "");
			ck_assert_int_eq(decide(), rows[i].want);
			if (rows[i].want == VERDICT_BAD)
				assert_steps("");
		}
	}
}
END_TEST

START_TEST(all_or_nothing)
{
	have("sip:a@10.0.0.9", "", "c2", 11, "10.0.0.9:5060");
	contact("sip:b@10.0.0.9", 3600, "<urn:uuid:b>");
	contact("sip:a@10.0.0.9", 3600, "");
	ck_assert_int_eq(decide(), VERDICT_BAD);
	assert_steps("");
}
END_TEST

START_TEST(expires_0_removes_one)
{
	have("sip:a@10.0.0.9", "", "c1", 1, "10.0.0.9:5060");
	have("sip:b@10.0.0.9", "", "c1", 1, "10.0.0.9:5061");
	contact("sip:b@10.0.0.9", 0, "");
	ck_assert_int_eq(decide(), VERDICT_OK);
	assert_steps("D2");
	ck_assert_uint_eq(plan.after.n, 1);
	setup();
	contact("sip:unknown@10.0.0.9", 0, "");
	ck_assert_int_eq(decide(), VERDICT_OK);
	assert_steps("");
}
END_TEST

START_TEST(a_star_removes_all_and_stands_alone)
{
	have("sip:a@10.0.0.9", "", "c1", 1, "10.0.0.9:5060");
	have("sip:b@10.0.0.9", "", "c1", 1, "10.0.0.9:5061");
	ask.star = 1;
	ck_assert_int_eq(decide(), VERDICT_OK);
	assert_steps("D1 D2");
	ck_assert_uint_eq(plan.after.n, 0);
	contact("sip:a@10.0.0.9", 3600, "");
	ck_assert_int_eq(decide(), VERDICT_BAD);
	ask.n_contacts = 0;
	old.b[1].call_id = S("c2");
	old.b[1].cseq = 10;
	ck_assert_int_eq(decide(), VERDICT_BAD);
	assert_steps("");
}
END_TEST

START_TEST(a_device_is_known_by_its_instance)
{
	have("sip:168@10.0.0.8:1", "<urn:uuid:a>", "c1", 1, "10.0.0.8:5060");
	contact("sip:168@10.0.0.9:2", 3600, "<urn:uuid:a>");
	decide();
	assert_steps("P1:3600");
	ck_assert_uint_eq(plan.after.n, 1);
	/* It learnt outbound: still one; two reg-ids are two flows of it. */
	ask.contacts[0].reg_id = 2;
	decide();
	assert_steps("P1:3600");
	old.b[0].reg_id = 1;
	decide();
	assert_steps("P2:3600");
	ck_assert_uint_eq(plan.after.n, 2);
}
END_TEST

START_TEST(a_new_contact_on_the_same_flow_replaces)
{
	have("sip:168@10.0.0.9:5060;x=1", "", "c1", 1, "10.0.0.9:5060");
	contact("sip:168@10.0.0.9:5060;x=2", 3600, "");
	decide();
	assert_steps("P1:3600");
	/* Two devices with names behind one proxy stay two. */
	setup();
	have("sip:168@a", "<urn:uuid:a>", "c1", 1, "10.0.0.9:5060");
	contact("sip:168@b", 3600, "<urn:uuid:b>");
	decide();
	assert_steps("P2:3600");
	/* Two contacts of one REGISTER stay two as well. */
	setup();
	contact("sip:168@a", 3600, "");
	contact("sip:168@b", 3600, "");
	decide();
	assert_steps("P1:3600 P2:3600");
}
END_TEST

START_TEST(a_ninth_device_drops_the_one_silent_longest)
{
	static const char *const uris[] = { "sip:1@h", "sip:2@h", "sip:3@h",
		"sip:4@h", "sip:5@h", "sip:6@h", "sip:7@h", "sip:8@h" };
	char remote[32];

	for (int i = 0; i < 8; i++) {
		snprintf(remote, sizeof(remote), "10.0.1.%d:5060", i);
		have(uris[i], "", "c1", 1, remote);
	}
	old.b[4].registered_wall_s = NOW - 5000;
	contact("sip:9@h", 3600, "");
	ck_assert_int_eq(decide(), VERDICT_OK);
	assert_steps("D5 P5:3600");
	ck_assert_uint_eq(plan.after.n, 8);
}
END_TEST

START_TEST(nine_new_at_once_leave_eight)
{
	static const char *const uris[] = { "sip:1@h", "sip:2@h", "sip:3@h",
		"sip:4@h", "sip:5@h", "sip:6@h", "sip:7@h", "sip:8@h" };
	char remote[32];

	for (int i = 0; i < 8; i++) {
		snprintf(remote, sizeof(remote), "10.0.1.%d:5060", i);
		have("sip:old@h", "<urn:uuid:o>", "c1", 1, remote)->reg_id =
		    (uint32_t)i;
		contact(uris[i], 3600, "");
	}
	ck_assert_int_eq(decide(), VERDICT_OK);
	ck_assert_uint_eq(plan.n_steps, 16);
	ck_assert_uint_eq(plan.after.n, 8);
	assert_span(plan.after.b[7].contact, "sip:8@h");
}
END_TEST

START_TEST(grants)
{
	static const struct {
		const char *name;
		enum zone zone;
		enum transport transport;
		int nated;
		uint32_t asked, granted;	/* 0: 423 */
		uint32_t least;
	} rows[] = {
		{ "LAN", ZONE_INTERNAL, TRANSPORT_UDP, 0, 3600, 3600, 0 },
		{ "LAN, R60's 300", ZONE_INTERNAL, TRANSPORT_UDP, 0, 300, 300,
		    0 },
		{ "LAN, a day", ZONE_INTERNAL, TRANSPORT_UDP, 0, 86400, 3600,
		    0 },
		{ "LAN, largest", ZONE_INTERNAL, TRANSPORT_UDP, 0, UINT32_MAX,
		    3600, 0 },
		{ "LAN, least", ZONE_INTERNAL, TRANSPORT_UDP, 0, 60, 60, 0 },
		{ "LAN, brief", ZONE_INTERNAL, TRANSPORT_UDP, 0, 59, 0, 60 },
		{ "LAN with nat flag", ZONE_INTERNAL, TRANSPORT_UDP, 1, 3600,
		    3600, 0 },
		{ "public phone", ZONE_EXTERNAL, TRANSPORT_UDP, 0, 3600, 3600,
		    0 },
		{ "home", ZONE_EXTERNAL, TRANSPORT_UDP, 1, 3600, 60, 0 },
		{ "home, 45", ZONE_EXTERNAL, TRANSPORT_UDP, 1, 45, 45, 0 },
		{ "home, brief", ZONE_EXTERNAL, TRANSPORT_UDP, 1, 29, 0, 30 },
		{ "home, TLS", ZONE_EXTERNAL, TRANSPORT_TLS, 1, 3600, 120, 0 },
		{ "home, TCP", ZONE_EXTERNAL, TRANSPORT_TCP, 1, 3600, 120, 0 },
		{ "LAN, TLS", ZONE_INTERNAL, TRANSPORT_TLS, 0, 3600, 120, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setup();
		ask.flow.zone = (uint8_t)rows[i].zone;
		ask.flow.transport = (uint8_t)rows[i].transport;
		ask.nated = (uint8_t)rows[i].nated;
		contact("sip:168@h", rows[i].asked, "");
		ck_assert_msg(decide() == (rows[i].granted == 0 ?
					      VERDICT_BRIEF : VERDICT_OK),
		    "%s", rows[i].name);
		ck_assert_msg(plan.min_expires_s == rows[i].least, "%s",
		    rows[i].name);
		if (rows[i].granted != 0)
			ck_assert_msg(plan.step[0].b.granted_s ==
				rows[i].granted, "%s: %u", rows[i].name,
			    plan.step[0].b.granted_s);
	}
}
END_TEST

/* ---- the same device, by what it says and where it is ---- */

START_TEST(a_phone_that_came_back_replaces_itself)
{
	static const struct {
		const char *name, *was, *is, *was_from, *is_from, *was_agent;
		const char *was_call_id;
		bool nated, is_same;
	} rows[] = {
		{ "restarted: new port and Call-ID", "sip:168@192.168.1.10:1",
		    "sip:168@192.168.1.10:2", "198.51.100.7:1000",
		    "198.51.100.7:2000", "Yealink SIP-T41P", "c1", true,
		    true },
		{ "parameters of the Contact do not count",
		    "sip:168@192.168.1.10:1;ob", "sip:168@192.168.1.10:2",
		    "198.51.100.7:1000", "198.51.100.7:2000",
		    "Yealink SIP-T41P", "c1", true, true },
		{ "another machine of that home", "sip:168@192.168.1.11:1",
		    "sip:168@192.168.1.10:2", "198.51.100.7:1000",
		    "198.51.100.7:2000", "Yealink SIP-T41P", "c1", true,
		    false },
		{ "the same private address in another home",
		    "sip:168@192.168.1.10:1", "sip:168@192.168.1.10:2",
		    "198.51.100.8:1000", "198.51.100.7:2000",
		    "Yealink SIP-T41P", "c1", true, false },
		{ "other software on that machine", "sip:168@192.168.1.10:1",
		    "sip:168@192.168.1.10:2", "198.51.100.7:1000",
		    "198.51.100.7:2000", "Zoiper", "c1", true, false },
		{ "the router's address by STUN is no machine's",
		    "sip:168@198.51.100.7:1", "sip:168@198.51.100.7:2",
		    "198.51.100.7:1000", "198.51.100.7:2000",
		    "Yealink SIP-T41P", "c1", true, false },
		{ "its own public address is", "sip:168@198.51.100.7:1",
		    "sip:168@198.51.100.7:2", "198.51.100.7:1",
		    "198.51.100.7:2", "Yealink SIP-T41P", "c1", false, true },
		{ "the same Call-ID from another address",
		    "sip:168@192.168.1.10:1", "sip:168@100.64.3.3:2",
		    "198.51.100.7:1000", "203.0.113.9:2000",
		    "Yealink SIP-T41P", "c2", true, true },
		{ "the same Call-ID, other software",
		    "sip:168@192.168.1.10:1", "sip:168@100.64.3.3:2",
		    "198.51.100.7:1000", "203.0.113.9:2000", "Zoiper", "c2",
		    true, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setup();
		ask.user_agent = S("Yealink SIP-T41P");
		ask.flow = flow_of(ZONE_EXTERNAL, rows[i].is_from);
		ask.nated = rows[i].nated;
		have(rows[i].was, "", rows[i].was_call_id, 1,
		    rows[i].was_from)->user_agent =
		    span_str(rows[i].was_agent);
		old.b[0].flow.zone = ZONE_EXTERNAL;
		contact(rows[i].is, 60, "");
		ck_assert_int_eq(decide(), VERDICT_OK);
		ck_assert_msg(plan.after.n == (rows[i].is_same ? 1 : 2), "%s",
		    rows[i].name);
	}
}
END_TEST

START_TEST(contacts_of_one_register_are_not_taken_for_each_other)
{
	ask.user_agent = S("ua");
	have("sip:168@10.0.0.9:1", "", "c2", 1, "10.0.0.9:5060")->user_agent =
	    S("ua");
	have("sip:168@10.0.0.9:2", "", "c2", 1, "10.0.0.9:5060")->user_agent =
	    S("ua");
	contact("sip:168@10.0.0.9:2", 3600, "");
	contact("sip:168@10.0.0.9:1", 3600, "");
	contact("sip:168@10.0.0.9:3", 3600, "");
	ck_assert_int_eq(decide(), VERDICT_OK);
	assert_steps("R1:3600 R2:3600 P3:3600");
}
END_TEST

START_TEST(a_contact_too_many_drops_the_oldest_device_whole)
{
	max = 2;
	have("sip:a@h", "<urn:uuid:a>", "c1", 1, "10.0.1.1:1")->reg_id = 1;
	have("sip:a@h", "<urn:uuid:a>", "c1", 1, "10.0.1.1:2")->reg_id = 2;
	have("sip:b@h", "", "c3", 1, "10.0.1.2:1");
	old.b[1].registered_wall_s = NOW - 5;
	old.b[2].registered_wall_s = NOW - 50;
	contact("sip:new@h", 3600, "");
	ck_assert_int_eq(decide(), VERDICT_OK);
	assert_steps("D3 P3:3600");
	/* Two flows are one device. */
	ask.contacts[0] = (struct ipc_contact){ S("sip:a@h"), 3600, 1000,
		S("<urn:uuid:a>"), 3, 0 };
	ck_assert_int_eq(decide(), VERDICT_OK);
	assert_steps("P4:3600");
	max = 1;
	contact("sip:new@h", 3600, "");
	ask.contacts[0] = ask.contacts[1];
	ask.n_contacts = 1;
	ck_assert_int_eq(decide(), VERDICT_OK);
	assert_steps("D1 D2 D3 P1:3600");
}
END_TEST

START_TEST(who_comes_back_by_himself_twice_gets_longer_grants)
{
	static const struct {
		const char *name;
		uint32_t reconnects;
		int64_t registered_ago, closed_ago;	/* 0: it lives */
		uint32_t granted, after;
	} rows[] = {
		{ "never closed", 0, 30, 0, 120, 0 },
		{ "at once, long before it was due", 0, 20, 5, 120, 1 },
		{ "a second time", 1, 20, 5, 600, 2 },
		{ "only when it was due", 1, 55, 5, 120, 0 },
		{ "half a minute later", 1, 40, 35, 120, 0 },
		{ "what is known stays known", 2, 110, 80, 600, 2 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct binding *b;

		setup();
		ask.flow.transport = TRANSPORT_TLS;
		b = have("sip:a@h", "<urn:uuid:a>", "c2", 1, "10.0.0.9:5060");
		b->granted_s = 120;
		b->reconnects = rows[i].reconnects;
		b->registered_wall_s = NOW - rows[i].registered_ago;
		b->closed_wall_s = rows[i].closed_ago == 0 ? 0 :
		    NOW - rows[i].closed_ago;
		contact("sip:a@h", 3600, "<urn:uuid:a>");
		ck_assert_int_eq(decide(), VERDICT_OK);
		ck_assert_msg(plan.step[0].b.granted_s == rows[i].granted &&
			plan.step[0].b.reconnects == rows[i].after, "%s",
		    rows[i].name);
	}
}
END_TEST

START_TEST(asking_changes_nothing)
{
	have("sip:a@10.0.0.9", "", "c2", 99, "10.0.0.9:5060");
	ck_assert_int_eq(decide(), VERDICT_OK);
	assert_steps("");
	ck_assert_uint_eq(plan.after.n, 1);
}
END_TEST

void
add_binding_tests(Suite *s)
{
	TCase *t = tcase_create("binding");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, a_first_contact_is_put);
	tcase_add_test(t, the_same_again_is_a_refresh);
	tcase_add_test(t, a_new_flow_or_call_id_is_put);
	tcase_add_test(t, an_older_cseq_of_the_same_call_id_is_refused);
	tcase_add_test(t, all_or_nothing);
	tcase_add_test(t, expires_0_removes_one);
	tcase_add_test(t, a_star_removes_all_and_stands_alone);
	tcase_add_test(t, a_device_is_known_by_its_instance);
	tcase_add_test(t, a_new_contact_on_the_same_flow_replaces);
	tcase_add_test(t, a_ninth_device_drops_the_one_silent_longest);
	tcase_add_test(t, nine_new_at_once_leave_eight);
	tcase_add_test(t, grants);
	tcase_add_test(t, a_phone_that_came_back_replaces_itself);
	tcase_add_test(t, contacts_of_one_register_are_not_taken_for_each_other);
	tcase_add_test(t, a_contact_too_many_drops_the_oldest_device_whole);
	tcase_add_test(t, who_comes_back_by_himself_twice_gets_longer_grants);
	tcase_add_test(t, asking_changes_nothing);
	suite_add_tcase(s, t);
}
