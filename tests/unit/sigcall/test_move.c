/*
 * The office's public address changes while people talk, and what becomes of
 * the phones outside: who can be reached is told by re-INVITE, who cannot is
 * waited for, who never comes back is named.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

#define OLD "203.0.113.1"
#define NEW "203.0.113.77"
#define THIRD "203.0.113.90"


static struct lab *lab;
static struct phone *home, *desk;
static struct talk t;

static void
setup(void)
{
	lab = lab_new(60, 100);
	lab_public(lab, OLD);
	lab_pass(lab, 20000);
	home = lab_home(lab, "168", 7);
	desk = lab_office(lab, "200", 31);
	talk_begin(&t, home, desk);
}

static void
teardown(void)
{
	lab_free(lab);
}

static uint64_t
version_of(const char *msg)
{
	const char *o = strstr(msg, "\no=");
	unsigned long long session, version;

	ck_assert_ptr_nonnull(o);
	ck_assert_int_eq(sscanf(o, "\no=%*s %llu %llu", &session, &version), 2);
	return version;
}

static void
hang_up(void)
{
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	lab_expect_empty(lab);
}

/* The re-INVITE that tells of an address; checked. */
static const char *
expect_told(const char *address)
{
	const char *inv = phone_expect(home, "INVITE");
	char contact[64], c[64];

	ck_assert_msg(inv != NULL, "no re-INVITE");
	snprintf(contact, sizeof(contact), "@%s:5070", address);
	snprintf(c, sizeof(c), "c=IN IP4 %s\r\n", address);
	HAS(hdr(inv, "Contact"), contact);
	HAS(hdr(inv, "Via"), address);
	HAS(inv, c);
	HAS(inv, "m=audio 16384 ");
	return inv;
}

static void
accept(const char *inv)
{
	phone_answer(home, inv, 200, "x", sdp_of(home, 30000, NULL));
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	snprintf(t.a.target, sizeof(t.a.target), "%s", contact_uri(inv));
}

/* Until then nothing gets through to it. */
static void
registers_at_last(void)
{
	lab_pass(lab, 10000);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	lab_pass(lab, 20000);
	while (phone_recv(home) != NULL)
		;
	phone_registers(home, NULL);
	lab_pass(lab, 1);
}

START_TEST(a_phone_that_registers_is_told_at_once)
{
	unsigned before = lab->n_sets;
	const char *inv;

	lab_public(lab, NEW);
	registers_at_last();
	inv = expect_told(NEW);
	ck_assert_uint_eq(version_of(inv), 2);
	accept(inv);
	/* The relay listens for its new mapping; the desk noticed nothing. */
	ck_assert_uint_eq(lab->n_sets, before + 1);
	ck_assert_uint_eq(lab_set(lab, 0)->relearn, 1);
	ck_assert_ptr_null(phone_expect(desk, ""));
	lab_pass(lab, 60000);
	phone_registers(home, NULL);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	ck_assert_uint_eq(lab_count(lab, "calls_readdressed"), 1);
	ck_assert_uint_eq(lab_count(lab, "legs_at_old_address"), 0);
	hang_up();
}
END_TEST

START_TEST(a_called_phone_outside_is_told_too)
{
	const char *inv;

	hang_up();
	talk_begin(&t, desk, home);
	lab_public(lab, NEW);
	registers_at_last();
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(inv, "c=IN IP4 " NEW);
	phone_answer(home, inv, 200, "x", sdp_of(home, 20000, NULL));
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	ck_assert_uint_eq(lab_count(lab, "calls_readdressed"), 1);
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
}
END_TEST

/* RFC 4787 5: a full cone lets the new address in. */
START_TEST(a_phone_that_answers_is_not_waited_for)
{
	const char *ask;

	home->is_asked = true;
	lab_public(lab, NEW);
	lab_pass(lab, 700);
	ask = phone_expect(home, "OPTIONS");
	ck_assert_ptr_nonnull(ask);
	HAS(hdr(ask, "Via"), NEW);
	phone_answer(home, ask, 200, "x", NULL);
	lab_pass(lab, 1);
	accept(expect_told(NEW));
	hang_up();
}
END_TEST

/* Three questions at once, then sparsely. */
START_TEST(who_does_not_answer_is_asked_sparsely)
{
	const char *ask, *last = NULL;
	unsigned n = 0;

	home->is_asked = true;
	lab_public(lab, NEW);
	for (int s = 0; s < 60; s++) {
		lab_pass(lab, 1000);
		while ((ask = phone_expect(home, "OPTIONS")) != NULL) {
			last = ask;
			n++;
		}
	}
	ck_assert_uint_ge(n, 6);
	ck_assert_uint_le(n, 30);
	phone_answer(home, last, 200, "x", NULL);
	lab_pass(lab, 1000);
	ask = phone_expect(home, "OPTIONS");
	if (ask != NULL)
		phone_answer(home, ask, 200, "x", NULL);
	lab_pass(lab, 10000);
	ask = phone_expect(home, "OPTIONS");
	if (ask != NULL)
		phone_answer(home, ask, 200, "x", NULL);
	lab_pass(lab, 1);
	hang_up();
}
END_TEST

/* Many phones answer no OPTIONS: one re-INVITE is tried without a sign. */
START_TEST(a_mute_phone_behind_a_full_cone)
{
	lab_public(lab, NEW);
	lab_pass(lab, 15000);
	accept(expect_told(NEW));
	hang_up();
}
END_TEST

START_TEST(rfc3264_8_what_the_desk_says_later_has_a_higher_version)
{
	const char *inv;

	lab_public(lab, NEW);
	registers_at_last();
	accept(expect_told(NEW)); /* says 2 */
	dlg_send(&t.b, "INVITE", "application/sdp",
	    "v=0\r\no=- 1 2 IN IP4 192.168.10.31\r\ns=-\r\n"
	    "c=IN IP4 192.168.10.31\r\nt=0 0\r\n"
	    "m=audio 20000 RTP/AVP 0\r\na=sendonly\r\n", "");
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	ck_assert_uint_eq(version_of(inv), 3);
	HAS(inv, "c=IN IP4 " NEW);
	phone_answer(home, inv, 200, "x", sdp_of(home, 30000, "recvonly"));
	hang_up();
}
END_TEST

START_TEST(a_held_call_stays_held)
{
	const char *inv;

	dlg_send(&t.b, "INVITE", "application/sdp",
	    sdp_of(desk, 20000, "sendonly"), "");
	inv = phone_expect(home, "INVITE");
	phone_answer(home, inv, 200, "x", sdp_of(home, 30000, "recvonly"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	ck_assert_uint_eq(lab_set(lab, 0)->held, 1);
	while (phone_recv(home) != NULL)
		;
	lab_public(lab, NEW);
	registers_at_last();
	inv = expect_told(NEW);
	HAS(inv, "a=sendonly");
	phone_answer(home, inv, 200, "x", sdp_of(home, 30000, "recvonly"));
	ck_assert_uint_eq(lab_set(lab, 0)->held, 1);
	hang_up();
}
END_TEST

START_TEST(rfc3261_14_glare_is_tried_again)
{
	const char *inv;

	lab_public(lab, NEW);
	registers_at_last();
	phone_answer(home, expect_told(NEW), 491, "x", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	lab_pass(lab, 4000);
	inv = expect_told(NEW);
	/* What the desk asks meanwhile crosses it. */
	dlg_send(&t.b, "INVITE", "application/sdp",
	    sdp_of(desk, 20000, "sendonly"), "");
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 491"));
	accept(inv);
	hang_up();
}
END_TEST

START_TEST(an_offer_under_way_is_waited_for)
{
	const char *hold;

	dlg_send(&t.b, "INVITE", "application/sdp",
	    sdp_of(desk, 20000, "sendonly"), "");
	hold = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(hold);
	lab_public(lab, NEW);
	lab_pass(lab, 2000);
	phone_registers(home, NULL);
	lab_pass(lab, 1000);
	/* A copy of the hold, which says what it said. */
	LACKS(phone_recv(home), NEW);
	while (phone_recv(home) != NULL)
		;
	phone_answer(home, hold, 200, "x", sdp_of(home, 30000, "recvonly"));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	lab_pass(lab, 2000);
	HAS(expect_told(NEW), "a=sendonly");
	hang_up();
}
END_TEST

START_TEST(sigproxy_is_killed_before_the_phone_is_back)
{
	lab_public(lab, NEW);
	lab_pass(lab, 5000);
	lab_restart(lab);
	lab_public(lab, NEW);
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	registers_at_last();
	accept(expect_told(NEW));
	hang_up();
}
END_TEST

/* The change itself fell into the time without us. */
START_TEST(the_address_changes_while_sigproxy_is_away)
{
	lab_restart(lab);
	lab_public(lab, NEW);
	registers_at_last();
	accept(expect_told(NEW));
	hang_up();
}
END_TEST

START_TEST(sigproxy_is_killed_with_its_re_invite_on_the_way)
{
	const char *inv;
	char cseq[32];

	lab_public(lab, NEW);
	registers_at_last();
	inv = expect_told(NEW);
	snprintf(cseq, sizeof(cseq), "%s", hdr(inv, "CSeq"));
	lab_restart(lab);
	lab_public(lab, NEW);
	lab_pass(lab, 1000);
	phone_registers(home, NULL);
	lab_pass(lab, 1000);
	inv = expect_told(NEW);
	ck_assert_int_gt(atoi(hdr(inv, "CSeq")), atoi(cseq));
	ck_assert_uint_eq(version_of(inv), 3);
	accept(inv);
	hang_up();
}
END_TEST

START_TEST(a_change_back_is_no_change)
{
	lab_public(lab, NEW);
	lab_pass(lab, 5000);
	lab_public(lab, OLD);
	registers_at_last();
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	hang_up();
}
END_TEST

/* The change is seen when STUN answers again; until then nobody is told
 * anything. */
START_TEST(stun_is_silent_while_it_changes)
{
	lab_stun_silent(lab, OLD); /* the last good one */
	lab_pass(lab, 15000);
	phone_registers(home, NULL);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	lab_pass(lab, 15000); /* that REGISTER is no sign any more */
	lab_public(lab, NEW);
	registers_at_last();
	accept(expect_told(NEW));
	hang_up();
}
END_TEST

START_TEST(two_changes_in_short_order)
{
	const char *inv;

	lab_public(lab, NEW);
	lab_pass(lab, 2000);
	phone_registers(home, NULL);
	lab_pass(lab, 1);
	inv = expect_told(NEW);
	lab_public(lab, THIRD); /* its answer is under way */
	accept(inv);
	lab_pass(lab, 2000);
	inv = expect_told(THIRD);
	ck_assert_uint_eq(version_of(inv), 3);
	accept(inv);
	hang_up();
}
END_TEST

START_TEST(stunmon_is_a_little_slower_with_the_relay)
{
	const char *inv;

	lab_public(lab, NEW);
	lab->public_ip = OLD;
	phone_registers(home, NULL);
	lab_pass(lab, 2000);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	lab->public_ip = NEW;
	lab_pass(lab, 2000);
	inv = expect_told(NEW);
	accept(inv);
	hang_up();
}
END_TEST

/* What comes to the phone in a while; it answers all of it. */
static unsigned
re_invites_in(uint64_t ms)
{
	const char *got;
	unsigned n = 0;

	lab_pass(lab, ms);
	while ((got = phone_recv(home)) != NULL) {
		n += strncmp(got, "INVITE", 6) == 0;
		if (strncmp(got, "OPTIONS", 7) == 0)
			phone_answer(home, got, 200, "x", NULL);
		else if (strncmp(got, "INVITE", 6) == 0)
			phone_answer(home, got, 200, "x",
			    sdp_of(home, 30000, NULL));
	}
	return n;
}

/* A captured stunmon, or a server that lies one time in two: a minute of it
 * disturbs each call a few times, and what is said last is what counts. */
START_TEST(an_address_that_flaps_makes_no_storm)
{
	unsigned n = 0, sets = lab->n_sets, opens = lab->n_opens;

	home->is_asked = true;
	for (unsigned i = 0; i < 40; i++) {
		lab_public(lab, i % 2 == 0 ? NEW : OLD);
		n += re_invites_in(750);
		n += re_invites_in(750);
	}
	ck_assert_msg(n <= 8, "%u re-INVITEs in a minute", n);
	ck_assert_msg(lab->n_sets - sets <= 40, "%u sets",
	    lab->n_sets - sets);
	ck_assert_msg(lab->n_opens - opens <= 200, "%u opens",
	    lab->n_opens - opens);
	lab_public(lab, THIRD);
	n = 0;
	for (unsigned i = 0; i < 30; i++)
		n += re_invites_in(500);
	ck_assert_uint_ge(n, 1);
	ck_assert_uint_eq(lab_count(lab, "legs_at_old_address"), 0);
}
END_TEST

/* Its router opens another port for another destination. */
START_TEST(a_symmetric_home_comes_back_by_another_flow)
{
	struct flow was = home->flow;

	lab_public(lab, NEW);
	lab_pass(lab, 20000);
	home->flow.remote.port = 51234;
	phone_moved(home, &was);
	phone_registers(home, NULL);
	lab_pass(lab, 1);
	accept(expect_told(NEW));
	ck_assert_uint_eq(lab_set(lab, 0)->phone.port, 51234);
	hang_up();
}
END_TEST

/* registrar-db is taken for captured: it turns no call to our own services. */
START_TEST(a_call_moves_nowhere_where_no_phone_can_be)
{
	static const struct { uint8_t listener, ip[4]; } to[] = {
		{ 0, { 127, 0, 0, 1 } },
		{ 0, { 224, 0, 1, 75 } },
		{ 1, { 198, 51, 100, 66 } },
	};
	struct flow was = home->flow;

	for (unsigned i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		home->flow.listener = to[i].listener;
		memcpy(home->flow.remote.ip, to[i].ip, 4);
		phone_moved(home, &was);
	}
	home->flow = was;
	dlg_send(&t.b, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
}
END_TEST

START_TEST(nobody_answers_and_the_call_goes_on)
{
	lab_public(lab, NEW);
	registers_at_last();
	expect_told(NEW);
	lab_pass(lab, 40000); /* timer B */
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	while (phone_recv(home) != NULL)
		;
	phone_registers(home, NULL);
	lab_pass(lab, 1);
	accept(expect_told(NEW));
	hang_up();
}
END_TEST

START_TEST(a_phone_that_forgot_the_call_ends_it)
{
	lab_public(lab, NEW);
	registers_at_last();
	phone_answer(home, expect_told(NEW), 481, "x", NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(a_phone_that_refuses_is_not_asked_for_ever)
{
	const char *inv;
	unsigned n = 0;

	lab_public(lab, NEW);
	registers_at_last();
	for (int s = 0; s < 120; s++) {
		inv = phone_expect(home, "INVITE");
		if (inv != NULL) {
			phone_answer(home, inv, 488, "x", NULL);
			n++;
		}
		if (s % 30 == 0)
			phone_registers(home, NULL);
		lab_pass(lab, 1000);
	}
	ck_assert_uint_eq(n, 5);
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	hang_up();
}
END_TEST

/* The session timer's refresh finds nobody: that is no reason to end. */
START_TEST(rfc4028_a_refresh_waits_for_the_phone)
{
	const char *inv, *ok;

	hang_up();
	dlg_call(&t.a, home, "200", sdp_of(home, 30000, NULL),
	    "Supported: timer\r\nSession-Expires: 90;refresher=uas\r\n"
	    "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\r\n");
	inv = phone_expect(desk, "INVITE");
	dlg_from_invite(&t.b, desk, inv);
	phone_answer(desk, inv, 200, strstr(t.b.local, ";tag=") + 5,
	    sdp_of(desk, 20000, NULL));
	ok = phone_expect(home, "SIP/2.0 200");
	dlg_learn(&t.a, ok);
	dlg_ack(&t.a, t.a.cseq, NULL);
	lab_public(lab, NEW);
	lab_pass(lab, 50000);
	ck_assert_ptr_nonnull(phone_expect(home, "UPDATE"));
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	phone_registers(home, NULL);
	lab_pass(lab, 1);
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(inv, "Session-Expires: 90");
}
END_TEST

/* Rung before, answered after: its INVITE said the old address. */
START_TEST(a_call_that_rang_during_the_change)
{
	const char *inv;

	hang_up();
	dlg_call(&t.a, desk, "168", sdp_of(desk, 20000, NULL), "");
	inv = phone_expect(home, "INVITE");
	dlg_from_invite(&t.b, home, inv);
	phone_answer(home, inv, 180, strstr(t.b.local, ";tag=") + 5, NULL);
	lab_public(lab, NEW);
	lab_pass(lab, 20000);
	phone_answer(home, inv, 200, strstr(t.b.local, ";tag=") + 5,
	    sdp_of(home, 30000, NULL));
	inv = phone_expect(desk, "SIP/2.0 200");
	ck_assert_ptr_nonnull(inv);
	dlg_learn(&t.a, inv);
	dlg_ack(&t.a, t.a.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	lab_pass(lab, 1500);
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(inv, "c=IN IP4 " NEW);
	phone_answer(home, inv, 200, "x", sdp_of(home, 30000, NULL));
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
}
END_TEST

/* The caller's answer is built after the change: it is right at once. */
START_TEST(a_caller_outside_that_waits_is_answered_from_the_new_address)
{
	const char *inv, *ok;

	hang_up();
	dlg_call(&t.a, home, "200", sdp_of(home, 30000, NULL), "");
	inv = phone_expect(desk, "INVITE");
	dlg_from_invite(&t.b, desk, inv);
	phone_answer(desk, inv, 183, strstr(t.b.local, ";tag=") + 5,
	    sdp_of(desk, 20000, NULL));
	HAS(phone_expect(home, "SIP/2.0 183"), OLD);
	lab_public(lab, NEW);
	lab_pass(lab, 5000);
	phone_answer(desk, inv, 200, strstr(t.b.local, ";tag=") + 5,
	    sdp_of(desk, 20000, NULL));
	ok = phone_expect(home, "SIP/2.0 200");
	HAS(ok, "c=IN IP4 " NEW);
	HAS(hdr(ok, "Contact"), NEW);
	dlg_learn(&t.a, ok);
	dlg_ack(&t.a, t.a.cseq, NULL);
	phone_registers(home, NULL);
	lab_pass(lab, 20000);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	hang_up();
}
END_TEST

START_TEST(a_tcp_phone_is_told_when_it_is_back)
{
	struct flow was;

	const char *inv;

	hang_up();
	while (phone_recv(home) != NULL)
		;
	phone_connect(home);
	talk_begin(&t, home, desk);
	lab_public(lab, NEW);
	lab_pass(lab, 5000);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	was = home->flow;
	phone_connect(home);
	phone_moved(home, &was);
	lab_pass(lab, 1);
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(inv, "c=IN IP4 " NEW);
	accept(inv);
	hang_up();
}
END_TEST

/* Behind a symmetric router it comes back from another port, and so late that
 * its binding has ended: nobody but its Contact tells which call is its. */
START_TEST(a_phone_that_is_back_after_its_binding_ended)
{
	struct phone *neighbour = lab_home(lab, "169", 7);
	const char *contact = "sip:168@10.77.0.7:5060";
	struct flow was = home->flow;

	home->flow.remote.port = 41001;
	phone_is_back(home, contact);
	lab_public(lab, NEW);
	lab_pass(lab, 5000);
	/* Its binding lives: registrar-db would have said so. */
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	home->flow = was;
	phone_gone(home);
	neighbour->flow.remote.port = 41000;
	phone_is_back(neighbour, contact);
	home->flow.remote.port = 41001;
	phone_is_back(home, "sip:168@10.77.0.8:5060");
	lab_pass(lab, 1000);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	phone_is_back(home, contact);
	lab_pass(lab, 1);
	accept(expect_told(NEW));
	hang_up();
}
END_TEST

/* Its REGISTER fell in the seconds before DNS followed: it asks again after
 * half a minute, or after a minute more. */
START_TEST(who_may_only_be_late_is_not_named_yet)
{
	struct phone *late = lab_home(lab, "169", 9);
	struct phone *lost = lab_home(lab, "170", 11);

	phone_registers(late, NULL);
	phone_registers(lost, NULL);
	lab_pass(lab, 55000);
	lab_public(lab, NEW);
	lab_pass(lab, 6000);
	phone_gone(late);
	phone_gone(lost);
	lab_pass(lab, 86000);
	ck_assert_uint_eq(lab->n_lost, 0);
	phone_registers(late, NULL);
	lab_pass(lab, 7900);
	ck_assert_uint_eq(lab->n_lost, 0);
	lab_pass(lab, 200);
	ck_assert_uint_eq(lab->n_lost, 1);
	lab_pass(lab, 200000);
	ck_assert_uint_eq(lab->n_lost, 1);
}
END_TEST

START_TEST(who_never_comes_back_is_named)
{
	struct phone *other = lab_home(lab, "169", 9);
	struct phone *fine = lab_home(lab, "170", 11);
	char json[8192];
	struct buf b;

	phone_registers(other, OLD);
	phone_registers(fine, NULL);
	lab_pass(lab, 1000);
	lab_public(lab, NEW);
	lab_pass(lab, 50000);
	phone_registers(fine, NULL);
	ck_assert_uint_eq(lab->n_lost, 0);
	phone_gone(other); /* its grant ended */
	ck_assert_uint_eq(lab->n_lost, 1);
	buf_init(&b, json, sizeof(json));
	edge_status(lab->edge, lab->now, &b);
	json[b.len] = '\0';
	HAS(json, "\"phones_lost\":[{\"number\":\"169\",\"last_seen_s\":51,"
		  "\"last_at\":\"198.51.100.9:40000\","
		  "\"its_server_address\":\"203.0.113.1\"}]");
	/* Somebody set it right. */
	phone_registers(other, NULL);
	buf_init(&b, json, sizeof(json));
	edge_status(lab->edge, lab->now, &b);
	json[b.len] = '\0';
	HAS(json, "\"phones_lost\":[]");
	hang_up();
}
END_TEST

static const char *
status(void)
{
	static char json[8192];
	struct buf b;

	buf_init(&b, json, sizeof(json));
	edge_status(lab->edge, lab->now, &b);
	json[b.len] = '\0';
	return json;
}

/* It is set to the old address: written down at the change, and named when
 * its registration ends, in whichever life of sigproxy. */
START_TEST(who_is_lost_is_named_by_the_next_sigproxy)
{
	struct phone *other = lab_home(lab, "169", 9);
	struct phone *late = lab_home(lab, "170", 11);

	other->flow.remote.port = 41000;
	phone_registers(other, OLD);
	phone_registers(late, NULL);
	lab_pass(lab, 1000);
	lab_public(lab, NEW);
	lab_pass(lab, 1000);
	lab_restart(lab);
	lab_public(lab, NEW);
	HAS(status(), "\"phones_lost\":[]");
	ck_assert_uint_eq(lab->n_lost, 0);
	lab_pass(lab, 120000);
	ck_assert_uint_eq(lab->n_lost, 1);
	HAS(status(), "\"phones_lost\":[{\"number\":\"169\","
		      "\"last_seen_s\":121,"
		      "\"last_at\":\"198.51.100.9:41000\","
		      "\"its_server_address\":\"203.0.113.1\"}]");
	lab_restart(lab);
	lab_public(lab, NEW);
	HAS(status(), "\"phones_lost\":[{\"number\":\"169\",");
	ck_assert_uint_eq(lab->n_lost, 1);
	phone_registers(other, NULL);
	HAS(status(), "\"phones_lost\":[]");
	lab_restart(lab);
	lab_public(lab, NEW);
	HAS(status(), "\"phones_lost\":[]");
	hang_up();
}
END_TEST

/* It answers OPTIONS, for its home lets everybody in; but its REGISTERs go to
 * an address that is not ours. */
START_TEST(who_is_set_to_the_old_address_is_lost_though_it_answers)
{
	struct phone *other = lab_home(lab, "169", 9);

	other->flow.remote.port = 41000;
	phone_registers(other, OLD);
	lab_pass(lab, 1000);
	lab_public(lab, NEW);
	phone_registers(other, OLD); /* the first change was another one's */
	ck_assert_uint_eq(lab->lost[0].m.state, LOST_BACK);
	lab_public(lab, "203.0.113.77");
	ck_assert_uint_eq(lab->lost[0].m.state, LOST_BACK);
	lab_public(lab, OLD);
	lab_public(lab, NEW);
	ck_assert_uint_eq(lab->lost[0].m.state, LOST_SOON);
	lab_pass(lab, 59000);
	ck_assert_uint_eq(lab->lost[0].m.state, LOST_SOON);
	lab_pass(lab, 2000);
	ck_assert_uint_eq(lab->lost[0].m.state, LOST_NAMED);
	ck_assert_uint_eq(lab->n_lost, 1);
	hang_up();
}
END_TEST

static void
restored(const char *number, enum lost_state state)
{
	struct ipc_phone_lost m = { .number = span_str(number),
		.state = (uint8_t)state, .seen_s = UINT32_MAX,
		.due_s = UINT32_MAX };
	char mem[256];
	struct buf b;
	int err;

	ck_assert_int_eq(addr_parse(SPAN_LIT("198.51.100.9:4000"), 0, &m.at),
	    0);
	buf_init(&b, mem, sizeof(mem));
	put_phone_lost(&b, &m);
	err = edge_frame(lab->edge, lab->now, lab->steps, ROLE_REG, 0,
	    IPC_PHONE_LOST, buf_span(&b));
	ck_assert_int_eq(err, 0);
	lab_pass(lab, 1000);
}

START_TEST(what_registrar_db_tells_of_the_lost_is_not_believed_blindly)
{
	char number[16];

	restored("1\",\"x\":\"", LOST_NAMED);
	restored("169", LOST_BACK);
	HAS(status(), "\"phones_lost\":[]");
	restored("169", LOST_SOON);
	restored("170", LOST_NAMED);
	HAS(status(), "\"phones_lost\":[{\"number\":\"170\","
		      "\"last_seen_s\":4294967295,");
	for (unsigned i = 0; i < 40; i++) {
		snprintf(number, sizeof(number), "%u", 200 + i);
		restored(number, LOST_NAMED);
	}
	HAS(status(), "\"number\":\"239\"");
	ck_assert_uint_eq(lab->n_lost, 0);
	hang_up();
}
END_TEST

Suite *
suite_move(void)
{
	Suite *s = suite_create("another public address");
	TCase *tc = tcase_create("move");

#define T(name) tcase_add_test(tc, name)
	tcase_add_checked_fixture(tc, setup, teardown);
	T(a_phone_that_registers_is_told_at_once);
	T(a_called_phone_outside_is_told_too);
	T(a_phone_that_answers_is_not_waited_for);
	T(who_does_not_answer_is_asked_sparsely);
	T(a_mute_phone_behind_a_full_cone);
	T(rfc3264_8_what_the_desk_says_later_has_a_higher_version);
	T(a_held_call_stays_held);
	T(rfc3261_14_glare_is_tried_again);
	T(an_offer_under_way_is_waited_for);
	T(sigproxy_is_killed_before_the_phone_is_back);
	T(who_is_lost_is_named_by_the_next_sigproxy);
	T(who_is_set_to_the_old_address_is_lost_though_it_answers);
	T(what_registrar_db_tells_of_the_lost_is_not_believed_blindly);
	T(the_address_changes_while_sigproxy_is_away);
	T(sigproxy_is_killed_with_its_re_invite_on_the_way);
	T(a_change_back_is_no_change);
	T(stun_is_silent_while_it_changes);
	T(two_changes_in_short_order);
	T(an_address_that_flaps_makes_no_storm);
	T(stunmon_is_a_little_slower_with_the_relay);
	T(a_symmetric_home_comes_back_by_another_flow);
	T(a_call_moves_nowhere_where_no_phone_can_be);
	T(nobody_answers_and_the_call_goes_on);
	T(a_phone_that_forgot_the_call_ends_it);
	T(a_phone_that_refuses_is_not_asked_for_ever);
	T(rfc4028_a_refresh_waits_for_the_phone);
	T(a_call_that_rang_during_the_change);
	T(a_caller_outside_that_waits_is_answered_from_the_new_address);
	T(a_tcp_phone_is_told_when_it_is_back);
	T(a_phone_that_is_back_after_its_binding_ended);
	T(who_may_only_be_late_is_not_named_yet);
	T(who_never_comes_back_is_named);
#undef T
	suite_add_tcase(s, tc);
	return s;
}
