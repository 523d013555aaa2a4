/*
 * A phone that the relay does not hear is asked to send its sound to our SIP
 * port for a moment: where its router only moves ports it is heard from then
 * on, and else it is known why not.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "sigproxy/core/call_priv.h"
#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

#define AT_SIP_PORT "m=audio 5070 "
#define AT_RELAY "m=audio 163"	/* 84, or the next */
#define OLD_CONTACT "sip:168@10.77.0.7:49152;transport=tcp"
#define MOVED 41000	/* the home's other port */

static struct lab *lab;
static struct phone *home, *desk;
static struct talk t;
static struct addr desk_rtp = { .family = ADDR_IPV4,
	.ip = { 192, 168, 10, 31 }, .port = 20000 };

static void
setup(void)
{
	lab = lab_new(60, 100);
	lab_public(lab, "203.0.113.1");
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

static const char *
asked(struct phone *p, const char *port)
{
	const char *inv = phone_expect(p, "INVITE");

	ck_assert_msg(inv != NULL, "no re-INVITE");
	HAS(inv, "c=IN IP4 203.0.113.1\r\n");
	HAS(inv, port);
	return inv;
}

static void
takes(struct phone *p, const char *inv)
{
	phone_answer(p, inv, 200, "x", sdp_of(p, 30000, NULL));
	ck_assert_ptr_nonnull(phone_expect(p, "ACK"));
}

/* The desk is heard, the home is not, and takes what it is asked. */
static void
listens(void)
{
	lab_learnt(lab, 1, &desk_rtp);
	lab_reach(lab, 0, MEDIA_AWAITED);
	takes(home, asked(home, AT_SIP_PORT));
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
}

static void
is_seen_from(uint16_t port)
{
	ck_assert(lab_rtp(home, port, LAB_SSRC));
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	ck_assert(lab_rtp(home, port, LAB_SSRC));
	ck_assert(lab_rtp(home, port, LAB_SSRC));
	lab_pass(lab, EAR_CONTEST_MS);
	takes(home, asked(home, AT_RELAY));
}

static void
streams(uint16_t port, uint32_t ssrc, unsigned n)
{
	while (n-- > 0)
		ck_assert(lab_rtp(home, port, ssrc));
}

static void
hang_up(void)
{
	const char *bye;

	dlg_send(&t.a, "BYE", NULL, NULL, "");
	bye = phone_expect(desk, "BYE");
	ck_assert_ptr_nonnull(bye);
	phone_answer(desk, bye, 200, "", NULL);
	lab_expect_empty(lab);
}

static void
ends_with(enum media_verdict verdict)
{
	const char *msg;

	ck_assert_uint_eq(lab->n_reach, 1);
	ck_assert_uint_eq(lab->reach.verdict, verdict);
	ck_assert_uint_eq(lab->reach.called, 0);
	msg = phone_recv(desk);
	ck_assert_msg(msg == NULL, "%s", msg);
	hang_up();
}

START_TEST(the_relay_sends_first_to_the_port_that_was_seen)
{
	struct addr seen = home->flow.remote;

	listens();
	is_seen_from(MOVED);
	seen.port = MOVED;
	ck_assert(addr_eq(&lab_set(lab, 0)->rtp, &seen));
	ck_assert_int_eq(lab_set(lab, 0)->rtcp.family, ADDR_NONE);
	ck_assert_uint_eq(lab_set(lab, 0)->to_end, 1);
	lab_learnt(lab, 0, &seen);
	lab_reach(lab, 0, MEDIA_HEARD);
	lab_pass(lab, 30000);
	while (phone_recv(home) != NULL)
		;
	ck_assert_uint_eq(lab_count(lab, "calls_readdressed"), 0);
	ck_assert_uint_eq(lab_count(lab, "ear_asked"), 1);
	ck_assert_uint_eq(lab_count(lab, "ear_heard"), 1);
	ends_with(VERDICT_MEDIA_OK);
}
END_TEST

START_TEST(not_heard_from_there_either_each_peer_gets_another_port)
{
	listens();
	is_seen_from(MOVED);
	lab_reach(lab, 0, MEDIA_NEVER);
	ck_assert_uint_eq(lab->n_reach, 0);
	lab_pass(lab, EAR_PROVED_MS);
	ends_with(VERDICT_MEDIA_SYMMETRIC_NO_RANGE);
}
END_TEST

START_TEST(a_call_that_ends_before_that_says_what_was_seen)
{
	listens();
	is_seen_from(MOVED);
	lab->stats_mute = true;
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	lab_reach(lab, 0, MEDIA_NEVER);
	ck_assert_uint_eq(lab->reach.verdict, VERDICT_MEDIA_HOME_MOVES_PORTS);
}
END_TEST

START_TEST(seen_from_the_announced_port_it_is_the_offices_router)
{
	listens();
	is_seen_from(30000);
	lab_pass(lab, EAR_PROVED_MS);
	ends_with(VERDICT_MEDIA_OFFICE_ROUTER);
}
END_TEST

START_TEST(who_sends_nothing_there_either_is_silent)
{
	listens();
	lab_pass(lab, EAR_LISTEN_MS - 1);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	lab_pass(lab, 1);
	takes(home, asked(home, AT_RELAY));
	lab_pass(lab, EAR_PROVED_MS);
	ends_with(VERDICT_MEDIA_PHONE_SILENT);
}
END_TEST

/* By TCP the UDP port may be closed, and nothing has shown that it is not:
 * lab_home() registered by UDP, a stranger never did. */
START_TEST(by_tcp_silence_tells_as_much_if_udp_reaches_us)
{
	hang_up();
	phone_connect(home);
	phone_registers(home, NULL);
	talk_begin(&t, home, desk);
	listens();
	lab_pass(lab, EAR_LISTEN_MS);
	takes(home, asked(home, AT_RELAY));
	lab_pass(lab, EAR_PROVED_MS);
	ends_with(VERDICT_MEDIA_PHONE_SILENT);
}
END_TEST

START_TEST(nobody_is_asked_while_the_other_one_is_silent_too)
{
	lab_reach(lab, 0, MEDIA_AWAITED);
	lab_pass(lab, 3000);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	/* Five seconds: it will not come by itself. */
	lab_reach(lab, 0, MEDIA_NEVER);
	takes(home, asked(home, AT_SIP_PORT));
	is_seen_from(MOVED);
	hang_up();
}
END_TEST

START_TEST(who_is_heard_meanwhile_is_not_asked)
{
	struct addr from = home->flow.remote;

	lab_reach(lab, 0, MEDIA_AWAITED);
	lab_learnt(lab, 0, &from);
	lab_learnt(lab, 1, &desk_rtp);
	lab_pass(lab, 3000);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	hang_up();
}
END_TEST

START_TEST(a_phone_that_will_not_be_asked_stays_as_it_was)
{
	lab_learnt(lab, 1, &desk_rtp);
	lab_reach(lab, 0, MEDIA_AWAITED);
	phone_answer(home, asked(home, AT_SIP_PORT), 488, "x", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	lab_pass(lab, 20000);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	/* Its router moved the port of its signalling: that is known. */
	ends_with(VERDICT_MEDIA_PORTS_CHANGED_NO_RANGE);
}
END_TEST

/* A trunk, or a phone whose binding has ended. */
START_TEST(who_is_not_registered_is_not_asked)
{
	phone_gone(home);
	lab_learnt(lab, 1, &desk_rtp);
	lab_reach(lab, 0, MEDIA_AWAITED);
	lab_reach(lab, 0, MEDIA_NEVER);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	ends_with(VERDICT_MEDIA_PORTS_CHANGED_NO_RANGE);
}
END_TEST

/* A restart shows no password: such a phone would take the question for an
 * error, perhaps, and end the call. */
START_TEST(nor_after_a_restart_of_sigproxy)
{
	lab_restart(lab);
	phone_gone(home);
	lab_public(lab, "203.0.113.1");
	lab_learnt(lab, 1, &desk_rtp);
	lab_reach(lab, 0, MEDIA_AWAITED);
	lab_reach(lab, 0, MEDIA_NEVER);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	ends_with(VERDICT_MEDIA_PORTS_CHANGED_NO_RANGE);
}
END_TEST

START_TEST(once_in_a_call)
{
	listens();
	is_seen_from(MOVED);
	lab_pass(lab, EAR_PROVED_MS);
	lab_reach(lab, 0, MEDIA_NEVER);
	lab_pass(lab, 10000);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	hang_up();
}
END_TEST

/* Packets of two phones behind one address could not be told apart. */
START_TEST(two_phones_of_one_home_take_turns)
{
	struct phone *second = lab_home(lab, "169", 7);
	struct phone *other = lab_office(lab, "201", 32);
	uint64_t first_session = lab->session, second_session;
	struct talk u;

	second->flow.remote.port = 5061;
	phone_registers(second, NULL);
	talk_begin(&u, second, other);
	second_session = lab->session;
	ck_assert(addr_same_ip(&second->flow.remote, &home->flow.remote));
	lab->session = first_session;
	listens();
	lab->session = second_session;
	lab_learnt(lab, 1, &desk_rtp);
	lab_reach(lab, 0, MEDIA_AWAITED);
	ck_assert_ptr_null(phone_expect(second, "INVITE"));
	is_seen_from(MOVED);
	lab_pass(lab, EAR_TURN_MS);
	takes(second, asked(second, "m=audio 5070 "));
	/* The first one's last packets are not the second's. */
	for (unsigned i = 0; i < 4; i++)
		ck_assert(lab_rtp(home, MOVED, LAB_SSRC));
	lab_pass(lab, EAR_CONTEST_MS);
	ck_assert_ptr_null(phone_expect(second, "INVITE"));
	for (unsigned i = 0; i < 4; i++)
		ck_assert(lab_rtp(second, 42000, 8));
	lab_pass(lab, EAR_CONTEST_MS);
	ck_assert_ptr_nonnull(phone_expect(second, "INVITE"));
}
END_TEST

START_TEST(a_stranger_is_not_heard)
{
	struct phone *stranger = lab_stranger(lab, "666", 66);

	ck_assert(!lab_rtp(home, MOVED + 4, 7));
	listens();
	ck_assert(!lab_rtp(stranger, MOVED, 7));
	ck_assert(!lab_rtp(stranger, MOVED, 7));
	/* Several packets of one source: one alone may be a straggler. */
	for (unsigned i = 0; i < 2; i++) {
		ck_assert(lab_rtp(home, MOVED, 7));
		ck_assert(lab_rtp(home, MOVED + 2, 7));
		ck_assert(lab_rtp(home, MOVED, 8));
	}
	lab_pass(lab, EAR_CONTEST_MS);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	hang_up();
}
END_TEST

/* It is not known any more that it was asked: what it was told is. */
START_TEST(sigproxy_is_killed_while_it_listens)
{
	listens();
	lab_restart(lab);
	lab_public(lab, "203.0.113.1");
	lab_pass(lab, 3000);
	phone_registers(home, NULL);
	lab_pass(lab, 11000);
	takes(home, asked(home, AT_RELAY));
	hang_up();
}
END_TEST

/* What the desk offers meanwhile keeps it listening. */
START_TEST(an_offer_of_the_desk_meanwhile)
{
	const char *inv;

	listens();
	dlg_send(&t.b, "INVITE", "application/sdp", sdp_of(desk, 20002, NULL),
	    "");
	inv = asked(home, AT_SIP_PORT);
	phone_answer(home, inv, 200, "x", sdp_of(home, 30000, NULL));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	is_seen_from(MOVED);
	hang_up();
}
END_TEST

/* ---- who was heard ---- */

static struct addr home_rtp;

/* Both are heard, at the ports that they announced. */
static void
is_heard(void)
{
	home_rtp = home->flow.remote;
	home_rtp.port = 30000;
	lab_learnt(lab, 0, &home_rtp);
	lab_learnt(lab, 1, &desk_rtp);
	lab_reach(lab, 0, MEDIA_HEARD);
	ck_assert_uint_eq(lab->reach.verdict, VERDICT_MEDIA_OK);
	ck_assert_uint_eq(lab->reach.proof, PROOF_NONE);
}

START_TEST(who_stops_in_mid_call_is_looked_for_and_heard_from_there)
{
	struct addr seen = home->flow.remote;

	is_heard();
	lab_reach(lab, 0, MEDIA_PAUSED);
	takes(home, asked(home, AT_SIP_PORT));
	is_seen_from(MOVED);
	seen.port = MOVED;
	ck_assert(addr_eq(&lab_set(lab, 0)->rtp, &seen));
	lab_learnt(lab, 0, &seen);
	lab_reach(lab, 0, MEDIA_HEARD);
	ck_assert_uint_eq(lab->n_reach, 2);
	ck_assert_uint_eq(lab->reach.verdict, VERDICT_MEDIA_OK);
	ck_assert_uint_eq(lab->reach.proof, PROOF_BACK);
	ck_assert(addr_eq(&lab->reach.before, &home_rtp));
	ck_assert(addr_eq(&lab->reach.seen, &seen));
	ck_assert_uint_eq(lab->reach.after_ms,
	    EAR_PAUSE_MS + EAR_CONTEST_MS);
	/* And once more. */
	lab_pass(lab, EAR_STALE_MS);
	lab_reach(lab, 0, MEDIA_PAUSED);
	takes(home, asked(home, AT_SIP_PORT));
	is_seen_from(MOVED + 2);
	seen.port = MOVED + 2;
	ck_assert(addr_eq(&lab_set(lab, 0)->rtp, &seen));
	hang_up();
}
END_TEST

START_TEST(who_mutes_is_asked_once)
{
	is_heard();
	lab_reach(lab, 0, MEDIA_PAUSED);
	takes(home, asked(home, AT_SIP_PORT));
	lab_pass(lab, EAR_LISTEN_MS);
	takes(home, asked(home, AT_RELAY));
	lab_pass(lab, EAR_PROVED_MS);
	/* Of a pause alone nothing is concluded. */
	ck_assert_uint_eq(lab->n_reach, 1);
	lab_reach(lab, 0, MEDIA_SILENT);
	ck_assert_uint_eq(lab->reach.verdict, VERDICT_MEDIA_STOPPED_SENDING);
	ck_assert_uint_eq(lab->reach.proof, PROOF_ASKED);
	lab_reach(lab, 0, MEDIA_HEARD);
	ck_assert_uint_eq(lab->reach.verdict, VERDICT_MEDIA_OK);
	lab_reach(lab, 0, MEDIA_PAUSED);
	lab_pass(lab, 10000);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	hang_up();
}
END_TEST

/* It is silent, no report of it comes any more, and it is asked: nothing. */
static void
mutes(void)
{
	lab->n_reach = 1;
	lab_reach(lab, 0, MEDIA_SILENT);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	lab_reach(lab, 0, MEDIA_GONE);
	takes(home, asked(home, AT_SIP_PORT));
	lab_pass(lab, EAR_LISTEN_MS);
	ck_assert_uint_eq(lab->reach.verdict, VERDICT_MEDIA_STOPPED_SENDING);
	ck_assert_uint_eq(lab->reach.proof, PROOF_ASKED);
	/* Reports come again, by the port the relay sends to. */
	lab_reach(lab, 0, MEDIA_SILENT);
	lab_pass(lab, 60000);
	lab_reach(lab, 0, MEDIA_GONE);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
}

/* Its router forgot its sound alone meanwhile. */
START_TEST(who_mutes_and_is_gone_is_listened_for_until_it_speaks)
{
	struct addr seen = home->flow.remote;

	is_heard();
	for (unsigned i = 0; i < 3; i++) {
		mutes();
		seen.port = (uint16_t)(MOVED + i);
		is_seen_from(seen.port);
		ck_assert(addr_eq(&lab_set(lab, 0)->rtp, &seen));
		lab_learnt(lab, 0, &seen);
		lab_reach(lab, 0, MEDIA_HEARD);
		ck_assert_uint_eq(lab->reach.verdict, VERDICT_MEDIA_OK);
		ck_assert_uint_eq(lab->reach.proof, PROOF_BACK);
		ck_assert(addr_eq(&lab->reach.seen, &seen));
		lab_pass(lab, EAR_STALE_MS);
	}
	hang_up();
}
END_TEST

/* To the old address it would speak for ever, and be called muted. */
START_TEST(our_address_changes_while_it_is_listened_for)
{
	struct addr seen = home->flow.remote;
	const char *inv;

	is_heard();
	mutes();
	lab_public(lab, "203.0.113.77");
	lab_pass(lab, 3000);
	phone_registers(home, NULL);
	lab_pass(lab, 1);
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(inv, "c=IN IP4 203.0.113.77\r\n");
	HAS(inv, AT_RELAY);
	takes(home, inv);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	/* And there it is listened for, too. */
	lab_pass(lab, EAR_PROVED_MS);
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(inv, "c=IN IP4 203.0.113.77\r\n");
	HAS(inv, AT_SIP_PORT);
	takes(home, inv);
	lab_pass(lab, 30000);
	streams(MOVED, LAB_SSRC, 2);
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(inv, AT_RELAY);
	takes(home, inv);
	seen.port = MOVED;
	ck_assert(addr_eq(&lab_set(lab, 0)->rtp, &seen));
	hang_up();
}
END_TEST

/* It is asked before anybody knows of our new address. */
START_TEST(asked_at_an_address_that_is_not_ours_any_more)
{
	const char *inv;

	is_heard();
	lab_reach(lab, 0, MEDIA_PAUSED);
	takes(home, asked(home, AT_SIP_PORT));
	lab_pass(lab, 1000);
	lab_public(lab, "203.0.113.77");
	lab_pass(lab, 1000);
	phone_registers(home, NULL);
	lab_pass(lab, 1);
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(inv, "c=IN IP4 203.0.113.77\r\n");
	HAS(inv, AT_RELAY);
	takes(home, inv);
	/* Heard there, it is not asked again. */
	lab_reach(lab, 0, MEDIA_HEARD);
	ck_assert_uint_eq(lab->reach.verdict, VERDICT_MEDIA_OK);
	lab_pass(lab, 10000);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	hang_up();
}
END_TEST

/* Heard by its first packets, learnt by the next. */
START_TEST(how_long_it_was_not_heard)
{
	struct addr seen = home->flow.remote;

	seen.port = MOVED;
	is_heard();
	lab_reach(lab, 0, MEDIA_SILENT);
	lab_pass(lab, 30000);
	lab_reach(lab, 0, MEDIA_HEARD);
	lab_pass(lab, 40);
	lab_learnt(lab, 0, &seen);
	ck_assert_uint_eq(lab->reach.proof, PROOF_BACK);
	ck_assert_uint_eq(lab->reach.after_ms, EAR_PAUSE_MS + 30000);
	hang_up();
}
END_TEST

/* Else it would speak to our SIP port for ever. */
START_TEST(muted_with_another_ssrc_it_is_told_the_relay_again)
{
	is_heard();
	mutes();
	streams(MOVED, 0x5eed, EAR_SURE);
	takes(home, asked(home, AT_RELAY));
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, 30000);
	lab_pass(lab, EAR_PROVED_MS);
	ck_assert_uint_eq(lab->reach.verdict, VERDICT_MEDIA_FELL_SILENT);
	ck_assert_uint_eq(lab->reach.proof, PROOF_STRANGE);
	ck_assert_uint_eq(lab->reach.seen.port, MOVED);
	hang_up();
}
END_TEST

START_TEST(too_many_that_are_muted_are_not_listened_for)
{
	struct ears *ears = &lab->edge->calls->ears;
	static struct leg silent = { .ear = { .silent = true } };

	for (unsigned i = 0; i < EARS_PATIENT; i++)
		ears->leg[i] = &silent;
	is_heard();
	lab_reach(lab, 0, MEDIA_GONE);
	takes(home, asked(home, AT_SIP_PORT));
	lab_pass(lab, EAR_LISTEN_MS);
	takes(home, asked(home, AT_RELAY));
	lab_pass(lab, EAR_PROVED_MS);
	lab_reach(lab, 0, MEDIA_SILENT);
	lab_reach(lab, 0, MEDIA_GONE);
	lab_pass(lab, 10000);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	hang_up();
	memset(ears->leg, 0, sizeof(ears->leg));
}
END_TEST

/* Its SDP moved its sound, so it takes another one. */
START_TEST(a_new_ssrc_that_comes_at_once_is_its_own)
{
	struct addr seen = home->flow.remote;

	is_heard();
	lab_reach(lab, 0, MEDIA_PAUSED);
	takes(home, asked(home, AT_SIP_PORT));
	streams(MOVED, 0x5eed, EAR_SURE);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	lab_pass(lab, EAR_CONTEST_MS);
	takes(home, asked(home, AT_RELAY));
	seen.port = MOVED;
	ck_assert(addr_eq(&lab_set(lab, 0)->rtp, &seen));
	hang_up();
}
END_TEST

START_TEST(but_not_beside_another_one)
{
	is_heard();
	lab_reach(lab, 0, MEDIA_PAUSED);
	takes(home, asked(home, AT_SIP_PORT));
	streams(MOVED, 0x5eed, EAR_SURE);
	streams(50666, 0xbad, EAR_SURE);
	lab_pass(lab, EAR_CONTEST_MS);
	takes(home, asked(home, AT_RELAY));
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, 30000);
}
END_TEST

START_TEST(nor_where_somebody_sends_all_the_time)
{
	is_heard();
	(void)lab_rtp(home, 50666, 0xbad);
	lab_pass(lab, EAR_QUIET_MS - 1000);
	(void)lab_rtp(home, 50668, 0xbad2);
	lab_pass(lab, EAR_QUIET_MS - 1000);
	lab_reach(lab, 0, MEDIA_PAUSED);
	takes(home, asked(home, AT_SIP_PORT));
	streams(50670, 0xbad3, 5);
	lab_pass(lab, EAR_LISTEN_MS);
	takes(home, asked(home, AT_RELAY));
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, 30000);
	lab_pass(lab, EAR_PROVED_MS);
	lab_reach(lab, 0, MEDIA_SILENT);
	ck_assert_uint_eq(lab->reach.verdict, VERDICT_MEDIA_FELL_SILENT);
	ck_assert_uint_eq(lab->reach.proof, PROOF_STRANGE);
}
END_TEST

START_TEST(nor_later)
{
	is_heard();
	lab_reach(lab, 0, MEDIA_PAUSED);
	takes(home, asked(home, AT_SIP_PORT));
	lab_pass(lab, EAR_PROMPT_MS + 1);
	streams(MOVED, 0x5eed, 5);
	lab_pass(lab, EAR_LISTEN_MS);
	takes(home, asked(home, AT_RELAY));
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, 30000);
}
END_TEST

/* Where the range is forwarded the relay finds it alone. */
START_TEST(where_the_relay_followed_it_is_told)
{
	struct addr seen = home->flow.remote;

	seen.port = MOVED;
	lab->forwarded = true;
	is_heard();
	lab_learnt(lab, 0, &seen);
	ck_assert_uint_eq(lab->n_reach, 2);
	ck_assert_uint_eq(lab->reach.verdict, VERDICT_MEDIA_OK);
	ck_assert_uint_eq(lab->reach.proof, PROOF_BACK);
	ck_assert(addr_eq(&lab->reach.before, &home_rtp));
	ck_assert(addr_eq(&lab->reach.seen, &seen));
	ck_assert_uint_eq(lab->reach.after_ms, EAR_PAUSE_MS);
	hang_up();
}
END_TEST

START_TEST(who_is_silent_and_used_to_pause_is_not_asked)
{
	is_heard();
	lab_reach(lab, 0, MEDIA_SILENT);
	lab_pass(lab, 10000);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	ck_assert_uint_eq(lab->reach.verdict, VERDICT_MEDIA_FELL_SILENT);
	hang_up();
}
END_TEST

START_TEST(but_when_it_comes_by_another_flow)
{
	struct flow was = home->flow;

	is_heard();
	lab_reach(lab, 0, MEDIA_SILENT);
	home->flow.remote.port = 41060;
	phone_registers(home, NULL);
	phone_moved(home, &was);
	takes(home, asked(home, AT_SIP_PORT));
	is_seen_from(MOVED);
	hang_up();
}
END_TEST

START_TEST(what_it_was_asked_in_vain_is_repeated_on_its_new_flow)
{
	struct flow was = home->flow;

	is_heard();
	lab_reach(lab, 0, MEDIA_PAUSED);
	ck_assert_ptr_nonnull(phone_expect(home, "INVITE"));
	lab_reach(lab, 0, MEDIA_SILENT);
	ck_assert_uint_eq(lab->reach.verdict, VERDICT_MEDIA_HOME_LOST);
	ck_assert_uint_eq(lab->reach.proof, PROOF_UNREACHED);
	ck_assert(addr_eq(&lab->reach.before, &home_rtp));
	lab_pass(lab, 12000);
	while (phone_recv(home) != NULL)
		;
	home->flow.remote.port = 41060;
	phone_registers(home, NULL);
	phone_moved(home, &was);
	takes(home, asked(home, AT_SIP_PORT));
	is_seen_from(MOVED);
	hang_up();
}
END_TEST

START_TEST(out_of_reach_for_long_it_is_asked_anew_when_it_is_back)
{
	struct flow was = home->flow;

	is_heard();
	lab_reach(lab, 0, MEDIA_PAUSED);
	lab_reach(lab, 0, MEDIA_SILENT);
	lab_pass(lab, 40000);
	while (phone_recv(home) != NULL)
		;
	home->flow.remote.port = 41060;
	phone_registers(home, NULL);
	phone_moved(home, &was);
	takes(home, asked(home, AT_SIP_PORT));
	is_seen_from(MOVED);
	hang_up();
}
END_TEST

/* Its router forgot its connection, too; our end of it still stands. */
static void
is_heard_by_tcp(void)
{
	hang_up();
	phone_connect(home);
	phone_registers(home, NULL);
	talk_begin(&t, home, desk);
	is_heard();
	lab_reach(lab, 0, MEDIA_PAUSED);
	ck_assert_ptr_nonnull(phone_expect(home, "INVITE"));
}

START_TEST(by_another_connection_when_the_binding_has_ended)
{
	is_heard_by_tcp();
	lab_pass(lab, 50000);
	while (phone_recv(home) != NULL)
		;
	phone_gone(home);
	home->flow.remote.port = 42000;
	phone_connect(home);
	phone_registers(home, NULL);
	phone_is_back(home, OLD_CONTACT);
	takes(home, asked(home, AT_SIP_PORT));
	is_seen_from(MOVED);
	hang_up();
}
END_TEST

START_TEST(a_connection_that_takes_no_question_is_closed)
{
	is_heard_by_tcp();
	lab_pass(lab, EAR_DEAD_MS - 1);
	ck_assert_uint_eq(lab->cut, 0);
	lab_pass(lab, 1);
	ck_assert_uint_eq(lab->cut, home->flow.conn);
	ck_assert_uint_eq(lab_count(lab, "ear_dead"), 1);
	/* Its packet was refused: it connects. */
	phone_disconnect(home);
	lab_pass(lab, 3000);
	phone_connect(home);
	phone_registers(home, NULL);
	phone_is_back(home, OLD_CONTACT);
	takes(home, asked(home, AT_SIP_PORT));
	is_seen_from(MOVED);
	hang_up();
}
END_TEST

START_TEST(but_not_one_whose_phone_answers_something)
{
	is_heard_by_tcp();
	lab_pass(lab, EAR_DEAD_MS - 500);
	phone_registers(home, NULL);
	lab_pass(lab, 20000);
	ck_assert_uint_eq(lab->cut, 0);
}
END_TEST

START_TEST(who_moved_and_is_not_heard_from_there_either)
{
	is_heard();
	lab_reach(lab, 0, MEDIA_PAUSED);
	takes(home, asked(home, AT_SIP_PORT));
	is_seen_from(MOVED);
	lab_pass(lab, EAR_PROVED_MS);
	lab_reach(lab, 0, MEDIA_SILENT);
	ck_assert_uint_eq(lab->reach.verdict, VERDICT_MEDIA_MOVED_IN_CALL);
	ck_assert_uint_eq(lab->reach.proof, PROOF_SEEN_SENT);
	ck_assert_uint_eq(lab->reach.seen.port, MOVED);
	hang_up();
}
END_TEST

/* Its router is not to blame: it answers us. */
START_TEST(who_never_answers_but_registers_is_not_lost)
{
	is_heard();
	lab_reach(lab, 0, MEDIA_PAUSED);
	ck_assert_ptr_nonnull(phone_expect(home, "INVITE"));
	lab_pass(lab, 1000);
	while (phone_recv(home) != NULL)
		;
	phone_registers(home, NULL);
	lab_reach(lab, 0, MEDIA_SILENT);
	ck_assert_uint_eq(lab->reach.verdict, VERDICT_MEDIA_FELL_SILENT);
}
END_TEST

START_TEST(who_refuses_to_be_asked_is_not_lost)
{
	is_heard();
	lab_reach(lab, 0, MEDIA_PAUSED);
	phone_answer(home, asked(home, AT_SIP_PORT), 488, "x", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	lab_reach(lab, 0, MEDIA_SILENT);
	ck_assert_uint_eq(lab->reach.verdict, VERDICT_MEDIA_FELL_SILENT);
	ck_assert_uint_eq(lab->reach.proof, PROOF_REFUSED);
	ck_assert(addr_eq(&lab->reach.before, &home_rtp));
	lab_reach(lab, 0, MEDIA_HEARD);
	lab_reach(lab, 0, MEDIA_PAUSED);
	lab_pass(lab, 10000);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	hang_up();
}
END_TEST

/* The router forgot both: each is known by its own sound. */
START_TEST(two_phones_of_one_home_that_were_heard_are_asked_at_once)
{
	struct phone *second = lab_home(lab, "169", 7);
	struct phone *other = lab_office(lab, "201", 32);
	uint64_t first_session = lab->session, second_session;
	struct flow was = home->flow;
	struct talk u;

	second->flow.remote.port = 5061;
	phone_registers(second, NULL);
	talk_begin(&u, second, other);
	second_session = lab->session;
	lab->session = first_session;
	is_heard();
	lab_reach(lab, 0, MEDIA_PAUSED);
	ck_assert_ptr_nonnull(phone_expect(home, "INVITE"));
	lab->session = second_session;
	lab->ssrc = 8;
	is_heard();
	lab_reach(lab, 0, MEDIA_PAUSED);
	takes(second, asked(second, AT_SIP_PORT));
	home->flow.remote.port = 41060;
	phone_registers(home, NULL);
	phone_moved(home, &was);
	takes(home, asked(home, AT_SIP_PORT));
	ck_assert(lab_rtp(second, 42000, 8));
	ck_assert(lab_rtp(second, 42000, 8));
	takes(second, asked(second, AT_RELAY));
	is_seen_from(MOVED);
}
END_TEST

/* In silence it sends nothing, and its router forgot it meanwhile: it sends to
 * our SIP port until it speaks. */
START_TEST(who_pauses_is_listened_for_until_it_speaks)
{
	struct flow was = home->flow;
	struct addr seen = home->flow.remote;

	is_heard();
	lab_reach(lab, 0, MEDIA_SILENT);
	ck_assert_uint_eq(lab->reach.verdict, VERDICT_MEDIA_FELL_SILENT);
	home->flow.remote.port = 41060;
	phone_registers(home, NULL);
	phone_moved(home, &was);
	takes(home, asked(home, AT_SIP_PORT));
	lab_pass(lab, EAR_LISTEN_MS);
	ck_assert_uint_eq(lab->reach.verdict, VERDICT_MEDIA_STOPPED_SENDING);
	lab_pass(lab, 20000);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	is_seen_from(MOVED);
	seen.port = MOVED;
	ck_assert(addr_eq(&lab_set(lab, 0)->rtp, &seen));
	lab_learnt(lab, 0, &seen);
	lab_reach(lab, 0, MEDIA_HEARD);
	ck_assert_uint_eq(lab->reach.verdict, VERDICT_MEDIA_OK);
	ck_assert_uint_eq(lab->reach.proof, PROOF_BACK);
	hang_up();
}
END_TEST

static void
desk_says(const char *direction)
{
	const char *inv;

	dlg_send(&t.b, "INVITE", "application/sdp",
	    sdp_of(desk, 20000, direction), "");
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	phone_answer(home, inv, 200, "x", sdp_of(home, 30000, NULL));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
}

/* Of who is held nothing is missed, says the relay: he was not heard. */
START_TEST(and_through_a_hold)
{
	struct flow was = home->flow;

	is_heard();
	lab_reach(lab, 0, MEDIA_SILENT);
	home->flow.remote.port = 41060;
	phone_registers(home, NULL);
	phone_moved(home, &was);
	takes(home, asked(home, AT_SIP_PORT));
	lab_pass(lab, EAR_LISTEN_MS);
	desk_says("sendonly");
	lab_reach(lab, 0, MEDIA_HEARD);
	lab_pass(lab, 5000);
	desk_says(NULL);
	lab_reach(lab, 0, MEDIA_PAUSED);
	lab_reach(lab, 0, MEDIA_SILENT);
	is_seen_from(MOVED);
	hang_up();
}
END_TEST

/* ---- found ones ---- */

static void
takes_at(struct phone *p, const char *inv, uint16_t port)
{
	phone_answer(p, inv, 200, "x", sdp_of(p, port, NULL));
	ck_assert_ptr_nonnull(phone_expect(p, "ACK"));
}

/* Some phones have another port for each answer they give. */
START_TEST(whose_answer_announces_another_port_is_found_all_the_same)
{
	is_heard();
	lab_reach(lab, 0, MEDIA_PAUSED);
	takes_at(home, asked(home, AT_SIP_PORT), 30010);
	streams(MOVED, LAB_SSRC, 2);
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, MOVED);
	takes_at(home, asked(home, AT_RELAY), 30010);
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, MOVED);
	hang_up();
}
END_TEST

/* It went to another network while it was listened for. */
START_TEST(nor_is_it_lost_by_another_port_or_address_in_the_last_answer)
{
	is_heard();
	lab_reach(lab, 0, MEDIA_PAUSED);
	takes(home, asked(home, AT_SIP_PORT));
	streams(MOVED, LAB_SSRC, 2);
	takes_at(home, asked(home, AT_RELAY), 30012);
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, MOVED);
	lab_pass(lab, EAR_PROVED_MS);
	/* A hold, say. */
	dlg_send(&t.b, "INVITE", "application/sdp",
	    sdp_of(desk, 20000, NULL), "");
	phone_answer(home, asked(home, AT_RELAY), 200, "x",
	    sdp_of(home, 30012, NULL));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, MOVED);
	hang_up();
}
END_TEST

/* Its router keeps ports: the new one is where its sound will come from. */
START_TEST(but_by_another_port_where_its_router_keeps_them)
{
	is_heard();
	lab_reach(lab, 0, MEDIA_PAUSED);
	takes(home, asked(home, AT_SIP_PORT));
	streams(30000, LAB_SSRC, 2);
	takes_at(home, asked(home, AT_RELAY), 30012);
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, 30012);
	hang_up();
}
END_TEST

/* A word of who is muted: that it says no more proves nothing. */
START_TEST(a_word_and_silence_again_is_no_proof_of_a_router)
{
	is_heard();
	mutes();
	is_seen_from(MOVED);
	lab_pass(lab, EAR_PROVED_MS);
	ck_assert_uint_eq(lab->reach.verdict, VERDICT_MEDIA_FELL_SILENT);
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, MOVED);
	hang_up();
}
END_TEST

static uint64_t
talks(struct talk *u, struct phone *p, struct phone *with, uint16_t port,
    uint32_t ssrc)
{
	p->flow.remote.port = port;
	phone_registers(p, NULL);
	talk_begin(u, p, with);
	lab->ssrc = ssrc;
	home_rtp = p->flow.remote;
	home_rtp.port = (uint16_t)(port + 1);
	lab_learnt(lab, 0, &home_rtp);
	lab_reach(lab, 0, MEDIA_HEARD);
	return lab->session;
}

static void
is_asked(struct phone *p, uint64_t session, uint32_t ssrc)
{
	lab->session = session;
	lab->ssrc = ssrc;
	lab_reach(lab, 0, MEDIA_PAUSED);
	takes(p, asked(p, AT_SIP_PORT));
}

/* A carrier's router forgot all of them.  Until it is told the relay's port,
 * who was found goes on to send to our SIP port. */
START_TEST(who_was_found_is_not_taken_for_its_muted_neighbour)
{
	struct phone *second = lab_home(lab, "169", 7);
	struct phone *muted = lab_home(lab, "170", 7);
	uint64_t first_session = lab->session, second_session, muted_session;
	struct talk u, v;

	is_heard();
	second_session = talks(&u, second, lab_office(lab, "201", 32), 5061, 8);
	muted_session = talks(&v, muted, lab_office(lab, "202", 33), 5062, 9);
	is_asked(home, first_session, LAB_SSRC);
	is_asked(second, second_session, 8);
	is_asked(muted, muted_session, 9);
	streams(MOVED, LAB_SSRC, 2);
	streams(42000, 8, 2);
	streams(MOVED, LAB_SSRC, 4);
	lab_pass(lab, EAR_CONTEST_MS);
	ck_assert_ptr_null(phone_expect(muted, "INVITE"));
	ck_assert_uint_ne(lab_set(lab, 0)->rtp.port, MOVED);
	/* Its own is heard. */
	streams(43000, 9, 2);
	takes(muted, asked(muted, AT_RELAY));
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, 43000);
}
END_TEST

/* Before it was ever heard. */
START_TEST(our_address_changes_while_it_is_asked_at_first)
{
	const char *inv;

	listens();
	lab_public(lab, "203.0.113.77");
	lab_pass(lab, 1000);
	phone_registers(home, NULL);
	lab_pass(lab, 1);
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(inv, AT_RELAY);
	takes(home, inv);
	lab_reach(lab, 0, MEDIA_NEVER);
	lab_pass(lab, 2000);
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(inv, "c=IN IP4 203.0.113.77\r\n");
	HAS(inv, AT_SIP_PORT);
	hang_up();
}
END_TEST

/* It gets the question late, and refuses: of the new address it is told. */
START_TEST(and_it_refuses_the_question_that_was_under_way)
{
	const char *old, *inv;

	lab_learnt(lab, 1, &desk_rtp);
	lab_reach(lab, 0, MEDIA_AWAITED);
	old = asked(home, AT_SIP_PORT);
	lab_public(lab, "203.0.113.77");
	lab_pass(lab, 1000);
	phone_answer(home, old, 488, "x", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(inv, "c=IN IP4 203.0.113.77\r\n");
	HAS(inv, AT_RELAY);
	takes(home, inv);
	lab_pass(lab, 5000);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	hang_up();
}
END_TEST

/* ---- a neighbour behind the same address ---- */

START_TEST(a_neighbours_flood_keeps_nobody_unheard)
{
	listens();
	for (unsigned i = 0; i < 4; i++) {
		streams(MOVED, LAB_SSRC, 1);
		for (uint16_t k = 0; k < 10; k++)
			streams((uint16_t)(50000 + 10 * i + k), 0xbad + k, 1);
	}
	lab_pass(lab, EAR_CONTEST_MS);
	takes(home, asked(home, AT_RELAY));
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, MOVED);
}
END_TEST

START_TEST(who_sent_before_the_question_is_not_the_phone)
{
	(void)lab_rtp(home, 50666, 0xbad);
	lab_pass(lab, 20);
	listens();
	streams(50666, 0xbad, 5);
	lab_pass(lab, EAR_CONTEST_MS);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	is_seen_from(MOVED);
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, MOVED);
}
END_TEST

START_TEST(of_two_streams_alike_none_is_believed)
{
	listens();
	streams(50666, 0xbad, 3);
	streams(MOVED, LAB_SSRC, 3);
	lab_pass(lab, EAR_CONTEST_MS);
	ck_assert_uint_eq(lab_count(lab, "ear_contested"), 1);
	takes(home, asked(home, AT_RELAY));
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, 30000);
	/* Another time it can be. */
	lab_pass(lab, EAR_PROVED_MS);
	lab_pass(lab, EAR_CONTEST_PAUSE_MS);
	takes(home, asked(home, AT_SIP_PORT));
	is_seen_from(MOVED);
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, MOVED);
}
END_TEST

START_TEST(whose_sdp_says_its_ssrc_is_known_by_it)
{
	char sdp[1024];

	lab_learnt(lab, 1, &desk_rtp);
	lab_reach(lab, 0, MEDIA_AWAITED);
	snprintf(sdp, sizeof(sdp), "%sa=ssrc:%u cname:x\r\n",
	    sdp_of(home, 30000, NULL), LAB_SSRC);
	phone_answer(home, asked(home, AT_SIP_PORT), 200, "x", sdp);
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	streams(50666, 0xbad, 5);
	lab_pass(lab, EAR_CONTEST_MS);
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	streams(MOVED, LAB_SSRC, 2);
	takes(home, asked(home, AT_RELAY));
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, MOVED);
}
END_TEST

START_TEST(after_a_restart_of_sigproxy_silence_alone_is_a_sign)
{
	is_heard();
	lab_restart(lab);
	lab_public(lab, "203.0.113.1");
	phone_registers(home, NULL);
	lab_reach(lab, 0, MEDIA_SILENT);
	lab_pass(lab, 2000);
	takes(home, asked(home, AT_SIP_PORT));
	is_seen_from(MOVED);
	hang_up();
}
END_TEST

/* Behind the same address, with the well-known SIP port: his sound is not the
 * phone's, which was heard before. */
START_TEST(a_neighbour_takes_no_silent_phones_place)
{
	struct addr thief = home->flow.remote;

	is_heard();
	lab_reach(lab, 0, MEDIA_PAUSED);
	takes(home, asked(home, AT_SIP_PORT));
	lab_pass(lab, EAR_PROMPT_MS + 1);
	ck_assert(lab_rtp(home, 50666, 0xdeadbeef));
	ck_assert(lab_rtp(home, 50666, 0xdeadbeef));
	thief.port = 50666;
	ck_assert(!addr_eq(&lab_set(lab, 0)->rtp, &thief));
	/* The phone's own is. */
	ck_assert(lab_rtp(home, 50668, LAB_SSRC));
	ck_assert(lab_rtp(home, 50668, LAB_SSRC));
	takes(home, asked(home, AT_RELAY));
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, 50668);
}
END_TEST

Suite *
suite_ear(void)
{
	Suite *s = suite_create("an ear at the SIP port");
	TCase *tc = tcase_create("ear");

#define T(name) tcase_add_test(tc, name)
	tcase_add_checked_fixture(tc, setup, teardown);
	T(the_relay_sends_first_to_the_port_that_was_seen);
	T(not_heard_from_there_either_each_peer_gets_another_port);
	T(a_call_that_ends_before_that_says_what_was_seen);
	T(seen_from_the_announced_port_it_is_the_offices_router);
	T(who_sends_nothing_there_either_is_silent);
	T(by_tcp_silence_tells_as_much_if_udp_reaches_us);
	T(nobody_is_asked_while_the_other_one_is_silent_too);
	T(who_is_heard_meanwhile_is_not_asked);
	T(a_phone_that_will_not_be_asked_stays_as_it_was);
	T(who_is_not_registered_is_not_asked);
	T(nor_after_a_restart_of_sigproxy);
	T(once_in_a_call);
	T(two_phones_of_one_home_take_turns);
	T(a_stranger_is_not_heard);
	T(sigproxy_is_killed_while_it_listens);
	T(an_offer_of_the_desk_meanwhile);
	T(who_stops_in_mid_call_is_looked_for_and_heard_from_there);
	T(who_mutes_is_asked_once);
	T(who_mutes_and_is_gone_is_listened_for_until_it_speaks);
	T(our_address_changes_while_it_is_listened_for);
	T(asked_at_an_address_that_is_not_ours_any_more);
	T(how_long_it_was_not_heard);
	T(muted_with_another_ssrc_it_is_told_the_relay_again);
	T(too_many_that_are_muted_are_not_listened_for);
	T(a_new_ssrc_that_comes_at_once_is_its_own);
	T(but_not_beside_another_one);
	T(nor_where_somebody_sends_all_the_time);
	T(nor_later);
	T(where_the_relay_followed_it_is_told);
	T(who_is_silent_and_used_to_pause_is_not_asked);
	T(but_when_it_comes_by_another_flow);
	T(what_it_was_asked_in_vain_is_repeated_on_its_new_flow);
	T(out_of_reach_for_long_it_is_asked_anew_when_it_is_back);
	T(by_another_connection_when_the_binding_has_ended);
	T(a_connection_that_takes_no_question_is_closed);
	T(but_not_one_whose_phone_answers_something);
	T(who_moved_and_is_not_heard_from_there_either);
	T(who_never_answers_but_registers_is_not_lost);
	T(who_refuses_to_be_asked_is_not_lost);
	T(two_phones_of_one_home_that_were_heard_are_asked_at_once);
	T(who_pauses_is_listened_for_until_it_speaks);
	T(and_through_a_hold);
	T(whose_answer_announces_another_port_is_found_all_the_same);
	T(nor_is_it_lost_by_another_port_or_address_in_the_last_answer);
	T(but_by_another_port_where_its_router_keeps_them);
	T(a_word_and_silence_again_is_no_proof_of_a_router);
	T(who_was_found_is_not_taken_for_its_muted_neighbour);
	T(our_address_changes_while_it_is_asked_at_first);
	T(and_it_refuses_the_question_that_was_under_way);
	T(a_neighbours_flood_keeps_nobody_unheard);
	T(who_sent_before_the_question_is_not_the_phone);
	T(of_two_streams_alike_none_is_believed);
	T(whose_sdp_says_its_ssrc_is_known_by_it);
	T(after_a_restart_of_sigproxy_silence_alone_is_a_sign);
	T(a_neighbour_takes_no_silent_phones_place);
#undef T
	suite_add_tcase(s, tc);
	return s;
}
