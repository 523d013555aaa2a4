/*
 * Who may offer when, and what a description means that is neither offer nor
 * answer (RFC 6337); how wide and how deep a call may branch (RFC 5393).  Each
 * test's name begins with the section.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sigcall/pair.h"
#include "tests/unit/sigcall/suites.h"

#define REL(n) "Require: 100rel\r\nRSeq: " n "\r\n"

/* The home calls; t.a and t.b are the dialog that the desk is to begin. */
static const char *
ring(const char *sdp)
{
	const char *inv;

	dlg_call(&t.a, home, "200", sdp, "");
	inv = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(inv);
	dlg_from_invite(&t.b, desk, inv);
	return inv;
}

/* Gives what the home got. */
static const char *
early(const char *inv, const char *says, const char *sdp)
{
	const char *msg;

	desk->says = says;
	phone_answer(desk, inv, 183, "t200", sdp);
	desk->says = NULL;
	msg = phone_expect(home, "SIP/2.0 183");
	ck_assert_ptr_nonnull(msg);
	dlg_learn(&t.a, msg);
	return msg;
}

static const char *
answered(const char *inv, const char *sdp)
{
	const char *msg;

	phone_answer(desk, inv, 200, "t200", sdp);
	msg = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	dlg_learn(&t.a, msg);
	return msg;
}

static void
offer(struct dlg *who, const char *method, const char *sdp)
{
	dlg_send(who, method, "application/sdp", sdp, "");
}

/* The other side gets it; gives it. */
static const char *
passes(struct dlg *who, const char *method, const char *sdp)
{
	struct phone *to = who == &t.a ? desk : home;
	const char *msg;

	offer(who, method, sdp);
	msg = phone_expect(to, method);
	ck_assert_msg(msg != NULL, "%s does not pass", method);
	return msg;
}

/* It ends at us with this. */
static void
gets(struct dlg *who, const char *method, const char *sdp, const char *status)
{
	struct phone *to = who == &t.a ? desk : home;
	const char *msg;

	dlg_send(who, method, sdp != NULL ? "application/sdp" : NULL, sdp, "");
	msg = phone_expect(who->phone, status);
	ck_assert_msg(msg != NULL, "%s: no %s", method, status);
	if (strcmp(status, "SIP/2.0 500") == 0)
		ck_assert_uint_le(atoi(hdr(msg, "Retry-After")), 10);
	if (strcmp(method, "INVITE") == 0)
		dlg_ack(who, who->cseq, NULL);
	ck_assert_ptr_null(phone_expect(to, method));
}

/* The desk, or the home, accepts what it got. */
static const char *
accepted(struct dlg *who, const char *request, const char *sdp)
{
	struct phone *by = who == &t.a ? desk : home;
	const char *msg;

	phone_answer(by, request, 200, "", sdp);
	msg = phone_expect(who->phone, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	if (strstr(hdr(msg, "CSeq"), "INVITE") != NULL) {
		dlg_ack(who, who->cseq, NULL);
		ck_assert_ptr_nonnull(phone_expect(by, "ACK"));
	}
	return msg;
}

static void
hang_up(void)
{
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "BYE"));
	lab_pass(lab, 64000);
	lab_expect_empty(lab);
}

static void
expect_ports(uint16_t of_home, uint16_t of_desk)
{
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, of_home);
	ck_assert_uint_eq(lab_set(lab, 1)->rtp.port, of_desk);
}

/* ---- RFC 6337: refusals ---- */

static const char *const ways[] = { "INVITE", "UPDATE" };

START_TEST(rfc6337_2_2_a_refused_offer_leaves_the_session_as_it_was)
{
	unsigned sets = lab->n_sets;
	const char *msg = passes(&t.b, ways[_i], sdp_of(desk, 20100, NULL));

	phone_answer(home, msg, 488, "", NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 488"));
	if (_i == 0)
		dlg_ack(&t.b, t.b.cseq, NULL);
	ck_assert_uint_eq(lab->n_sets, sets);
	/* Either side may offer at once. */
	accepted(&t.b, passes(&t.b, "UPDATE", sdp_of(desk, 20200, NULL)),
	    sdp_of(home, 30000, NULL));
	accepted(&t.a, passes(&t.a, "INVITE", sdp_of(home, 30200, NULL)),
	    sdp_of(desk, 20200, NULL));
	expect_ports(30200, 20200);
	hang_up();
}
END_TEST

START_TEST(rfc6337_2_2_an_offer_in_prack_may_be_refused)
{
	const char *inv = ring(sdp_of(home, 30000, NULL)), *msg;

	early(inv, REL("1"), sdp_of(desk, 20000, NULL));
	dlg_send(&t.a, "PRACK", "application/sdp", sdp_of(home, 30100, NULL),
	    "RAck: 1 2 INVITE\r\n");
	msg = phone_expect(desk, "PRACK");
	ck_assert_ptr_nonnull(msg);
	phone_answer(desk, msg, 488, "", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 488"));
	expect_ports(30000, 20000);
	accepted(&t.a, passes(&t.a, "UPDATE", sdp_of(home, 30200, NULL)),
	    sdp_of(desk, 20000, NULL));
	answered(inv, NULL);
	dlg_ack(&t.a, 2, NULL);
	expect_ports(30200, 20000);
	hang_up();
}
END_TEST

/* Nothing but an answer may be in the ACK: no stream is wanted, then. */
START_TEST(rfc6337_2_2_an_offer_in_a_2xx_is_refused_by_port_0)
{
	const char *inv = ring(NULL), *msg;

	answered(inv, sdp_of(desk, 20000, NULL));
	dlg_ack(&t.a, 2, sdp_of(home, 0, NULL));
	msg = phone_expect(desk, "ACK");
	ck_assert_ptr_nonnull(msg);
	HAS(body(msg), "m=audio 0 ");
	LACKS(body(msg), "10.77.0.7");
	hang_up();
}
END_TEST

/* ---- RFC 6337: descriptions that are neither ---- */

START_TEST(rfc6337_2_3_once_answered_reliably_nothing_else_is_an_answer)
{
	const char *inv = ring(sdp_of(home, 30000, NULL)), *msg;
	unsigned sets;

	early(inv, REL("1"), sdp_of(desk, 20000, NULL));
	dlg_send(&t.a, "PRACK", NULL, NULL, "RAck: 1 2 INVITE\r\n");
	accepted(&t.a, phone_expect(desk, "PRACK"), NULL);
	sets = lab->n_sets;
	early(inv, "", sdp_of(desk, 20300, NULL));
	ck_assert_uint_eq(lab->n_sets, sets);
	msg = answered(inv, sdp_of(desk, 20400, NULL));
	LACKS(body(msg), "20400");
	ck_assert_uint_eq(lab->n_sets, sets);
	dlg_ack(&t.a, 2, NULL);
	expect_ports(30000, 20000);
	hang_up();
}
END_TEST

START_TEST(rfc6337_2_3_a_description_in_a_refusal_is_none)
{
	const char *msg = passes(&t.a, "INVITE", sdp_of(home, 30100, NULL));
	unsigned sets = lab->n_sets;

	phone_answer(desk, msg, 488, "", sdp_of(desk, 20100, NULL));
	msg = phone_expect(home, "SIP/2.0 488");
	ck_assert_ptr_nonnull(msg);
	LACKS(msg, "192.168.10.31");
	dlg_ack(&t.a, t.a.cseq, NULL);
	ck_assert_uint_eq(lab->n_sets, sets);
	hang_up();
}
END_TEST

/* ---- RFC 6337: a re-INVITE that fails ---- */

/* What a 183 says in it is a preview, and a refusal takes it back. */
START_TEST(rfc6337_3_4_a_re_invite_that_fails_after_a_183)
{
	const char *msg = passes(&t.a, "INVITE", sdp_of(home, 30100, NULL));
	static const unsigned status[] = { 488, 487, 500, 603 };

	phone_answer(desk, msg, 183, "", sdp_of(desk, 20100, NULL));
	phone_answer(desk, msg, status[_i], "", NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	dlg_ack(&t.a, t.a.cseq, NULL);
	expect_ports(30000, 20000);
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	accepted(&t.b, passes(&t.b, "UPDATE", sdp_of(desk, 20200, NULL)),
	    sdp_of(home, 30200, NULL));
	expect_ports(30200, 20200);
	hang_up();
}
END_TEST

/* ---- RFC 6337: messages that cross ---- */

/* UDP keeps no order: its ACK is still on the way. */
START_TEST(rfc6337_4_1_an_offer_that_overtakes_its_ack)
{
	const char *inv = ring(sdp_of(home, 30000, NULL));

	answered(inv, sdp_of(desk, 20000, NULL));
	gets(&t.a, ways[_i], sdp_of(home, 30100, NULL), "SIP/2.0 500");
	gets(&t.b, ways[_i], sdp_of(desk, 20100, NULL), "SIP/2.0 491");
	dlg_ack(&t.a, 2, NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	expect_ports(30000, 20000);
	accepted(&t.a, passes(&t.a, ways[_i], sdp_of(home, 30200, NULL)),
	    sdp_of(desk, 20000, NULL));
	expect_ports(30200, 20000);
	hang_up();
}
END_TEST

/* Its answer to the other side's offer is still on the way. */
START_TEST(rfc6337_4_1_an_offer_that_overtakes_an_answer)
{
	const char *msg = passes(&t.a, "UPDATE", sdp_of(home, 30100, NULL));

	gets(&t.b, ways[_i], sdp_of(desk, 20200, NULL), "SIP/2.0 491");
	accepted(&t.a, msg, sdp_of(desk, 20100, NULL));
	expect_ports(30100, 20100);
	accepted(&t.b, passes(&t.b, ways[_i], sdp_of(desk, 20200, NULL)),
	    sdp_of(home, 30100, NULL));
	expect_ports(30100, 20200);
	hang_up();
}
END_TEST

/* The method under way, and that of who meets it. */
static const char *const meetings[][2] = {
	{ "INVITE", "INVITE" },
	{ "INVITE", "UPDATE" },
	{ "UPDATE", "INVITE" },
	{ "UPDATE", "UPDATE" },
};

/* Nobody's offer is lost: after the pause each passes in turn. */
START_TEST(rfc6337_4_2_offers_that_meet_from_either_side)
{
	const char *const *m = meetings[_i / 2];
	struct dlg *one = _i % 2 == 0 ? &t.a : &t.b;
	struct dlg *other = _i % 2 == 0 ? &t.b : &t.a;
	uint16_t to = _i % 2 == 0 ? 20000 : 30000;
	const char *msg = passes(one, m[0], sdp_of(one->phone, 31000, NULL));

	gets(other, m[1], sdp_of(other->phone, 32000, NULL), "SIP/2.0 491");
	gets(one, m[1], sdp_of(one->phone, 33000, NULL), "SIP/2.0 500");
	/* gets() counted its CSeq on; the ACK is the first one's. */
	one->cseq--;
	accepted(one, msg, sdp_of(other->phone, to, NULL));
	one->cseq++;
	lab_pass(lab, 4000);
	accepted(other, passes(other, m[1], sdp_of(other->phone, 32000, NULL)),
	    sdp_of(one->phone, 31000, NULL));
	if (_i % 2 == 0)
		expect_ports(31000, 32000);
	else
		expect_ports(32000, 31000);
	hang_up();
}
END_TEST

/* Without an offer an UPDATE is in nobody's way, and nothing in its. */
START_TEST(rfc6337_4_3_an_update_without_offer_within_a_re_invite)
{
	const char *inv = passes(&t.a, "INVITE", sdp_of(home, 30100, NULL));
	const char *msg;

	gets(&t.a, "UPDATE", sdp_of(home, 30200, NULL), "SIP/2.0 500");
	gets(&t.b, "UPDATE", sdp_of(desk, 20200, NULL), "SIP/2.0 491");
	dlg_send(&t.b, "UPDATE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	dlg_send(&t.a, "UPDATE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	phone_answer(desk, inv, 200, "", sdp_of(desk, 20100, NULL));
	msg = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	/* Nor is the re-INVITE over before its ACK. */
	gets(&t.b, "UPDATE", sdp_of(desk, 20200, NULL), "SIP/2.0 491");
	dlg_ack(&t.a, (unsigned)atoi(hdr(msg, "CSeq")), NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	accepted(&t.b, passes(&t.b, "UPDATE", sdp_of(desk, 20200, NULL)),
	    sdp_of(home, 30100, NULL));
	expect_ports(30100, 20200);
	hang_up();
}
END_TEST

/* ---- RFC 6337: later offers ---- */

/* This phone's audio with a stream before or after it. */
static const char *
with_video(const struct phone *p, uint16_t audio, uint16_t video, bool first)
{
	static char mem[2][1024];
	static unsigned n;
	char line[2][64];
	char *out = mem[n++ % 2];

	snprintf(line[0], sizeof(line[0]), "m=audio %u RTP/AVP 8\r\n", audio);
	snprintf(line[1], sizeof(line[1]), "m=video %u RTP/AVP 96\r\n", video);
	snprintf(out, sizeof(mem[0]),
	    "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n%s%s",
	    p->host, p->host, line[first], line[!first]);
	return out;
}

/* Where audio is, and whether there is video. */
static void
expect_lines(const char *msg, bool first, bool has_video)
{
	const char *audio = strstr(body(msg), "m=audio 1");
	const char *video =
	    strstr(body(msg), has_video ? "m=video 1" : "m=video 0 ");

	ck_assert_msg(audio != NULL && video != NULL, "%s", msg);
	ck_assert(first == (video < audio));
}

static void
expect_audio(bool first, uint16_t of_home, uint16_t of_desk)
{
	ck_assert_uint_eq(lab_set_of(lab, 0, first)->rtp.port, of_home);
	ck_assert_uint_eq(lab_set_of(lab, 1, first)->rtp.port, of_desk);
}

START_TEST(rfc6337_5_2_5_each_stream_keeps_its_place)
{
	bool first = _i == 1;
	const char *msg;

	/* One is added and refused, but it stays. */
	msg = passes(&t.a, "INVITE", with_video(home, 30100, 30102, first));
	expect_lines(msg, first, true);
	msg = accepted(&t.a, msg, with_video(desk, 20100, 0, first));
	expect_lines(msg, first, false);
	expect_audio(first, 30100, 20100);
	/* The other side's offers have as many, in the same order. */
	msg = passes(&t.b, "UPDATE", with_video(desk, 20200, 0, first));
	expect_lines(msg, first, false);
	accepted(&t.b, msg, with_video(home, 30200, 0, first));
	expect_audio(first, 30200, 20200);
	hang_up();
}
END_TEST

/* Each holds on its own, and only who held resumes. */
START_TEST(rfc6337_5_3_both_sides_hold_and_resume)
{
	static const struct {
		bool by_home;
		const char *offer, *answer;
		bool held;
	} rows[] = {
		{ true, "sendonly", "recvonly", true },
		{ false, "inactive", "inactive", true },
		{ true, "recvonly", "sendonly", true },
		{ false, "sendrecv", "sendrecv", false },
		{ true, "sendonly", "recvonly", true },
		{ true, "sendrecv", "sendrecv", false },
	};
	char want[2][32];
	const char *msg;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dlg *who = rows[i].by_home ? &t.a : &t.b;
		struct phone *to = rows[i].by_home ? desk : home;

		snprintf(want[0], sizeof(want[0]), "a=%s\r\n", rows[i].offer);
		snprintf(want[1], sizeof(want[1]), "a=%s\r\n", rows[i].answer);
		msg = passes(
		    who, ways[_i], sdp_of(who->phone, 31000, rows[i].offer));
		HAS(body(msg), want[0]);
		msg = accepted(who, msg, sdp_of(to, 32000, rows[i].answer));
		HAS(body(msg), want[1]);
		ck_assert_uint_eq(lab_set(lab, 0)->held, rows[i].held);
		ck_assert_uint_eq(lab_set(lab, 1)->held, rows[i].held);
		ck_assert_uint_eq(lab_note(lab)->state,
		    rows[i].held ? CALL_HELD : CALL_RESUMED);
	}
	hang_up();
}
END_TEST

#define NOWHERE                                                                \
	"v=0\r\no=- 1 1 IN IP4 10.77.0.7\r\ns=-\r\nc=IN IP4 0.0.0.0\r\n"       \
	"t=0 0\r\nm=audio 30000 RTP/AVP 8\r\n"

/* It calls before it knows its address, and says it later. */
START_TEST(rfc6337_5_4_a_call_that_begins_with_0_0_0_0)
{
	const char *inv = ring(NOWHERE), *msg;

	LACKS(body(inv), "0.0.0.0");
	HAS(body(inv), "a=sendonly");
	answered(inv, sdp_of(desk, 20000, "recvonly"));
	dlg_ack(&t.a, 2, NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.family, ADDR_NONE);
	ck_assert_uint_eq(lab_set(lab, 0)->held, 1);
	msg = passes(&t.a, "INVITE", sdp_of(home, 30000, NULL));
	LACKS(body(msg), "a=sendonly");
	accepted(&t.a, msg, sdp_of(desk, 20000, NULL));
	expect_ports(30000, 20000);
	ck_assert_uint_eq(lab_set(lab, 0)->held, 0);
	hang_up();
}
END_TEST

/* ---- RFC 5393 ---- */

static void
refuse(struct phone *p, unsigned status, const char *breadth, const char *says)
{
	const char *inv = phone_expect(p, "INVITE");

	ck_assert_ptr_nonnull(inv);
	ck_assert_str_eq(hdr(inv, "Max-Breadth"), breadth);
	p->says = says;
	phone_answer(p, inv, status, "x", NULL);
	p->says = NULL;
	ck_assert_ptr_nonnull(phone_expect(p, "ACK"));
}

#define TO(number) "Contact: <sip:" number "@sip.example.org>\r\n"

/* Branches that have ended leave theirs to those that follow, no more. */
START_TEST(rfc5393_5_3_3_breadth_is_used_again_after_a_redirection)
{
	struct phone *soft = lab_home(lab, "200", 8);
	struct phone *next[3];

	for (unsigned i = 0; i < (_i == 0 ? 1u : 3u); i++)
		next[i] = lab_office(lab, "300", (uint8_t)(40 + i));
	dlg_call(
	    &t.a, home, "200", sdp_of(home, 30000, NULL), "Max-Breadth: 2\r\n");
	refuse(soft, 486, "1", "");
	refuse(desk, 302, "1", TO("300"));
	if (_i == 0) {
		refuse(next[0], 486, "2", "");
		ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 486"));
	} else {
		ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 440"));
		for (unsigned i = 0; i < 3; i++)
			ck_assert_ptr_null(phone_expect(next[i], "INVITE"));
	}
	dlg_ack(&t.a, t.a.cseq, NULL);
	lab_pass(lab, 64000);
	lab_expect_empty(lab);
}
END_TEST

/* What is tried after another shares nothing with it. */
START_TEST(rfc5393_5_3_5_flows_that_are_tried_in_turn_share_no_breadth)
{
	struct phone *one = lab_home(lab, "400", 17);
	struct phone *two = lab_home(lab, "400", 18);
	const char *inv;

	one->instance = two->instance = "<urn:uuid:1>";
	dlg_call(
	    &t.a, desk, "400", sdp_of(desk, 20000, NULL), "Max-Breadth: 1\r\n");
	inv = phone_expect(one, "INVITE");
	ck_assert_ptr_nonnull(inv);
	ck_assert_str_eq(hdr(inv, "Max-Breadth"), "1");
	lab_pass(lab, 5000);
	inv = phone_expect(two, "INVITE");
	ck_assert_ptr_nonnull(inv);
	ck_assert_str_eq(hdr(inv, "Max-Breadth"), "1");
	phone_answer(two, inv, 486, "x", NULL);
	dlg_cancel(&t.a);
	lab_pass(lab, 64000);
	lab_expect_empty(lab);
}
END_TEST

/* "Max-Breadth: 0" allows no branch. */
START_TEST(rfc5393_5_3_3_without_breadth_nothing_rings)
{
	dlg_call(
	    &t.a, home, "200", sdp_of(home, 30000, NULL), "Max-Breadth: 0\r\n");
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 440"));
	dlg_ack(&t.a, t.a.cseq, NULL);
	ck_assert_ptr_null(phone_expect(desk, "INVITE"));
	lab_pass(lab, 64000);
	lab_expect_empty(lab);
}
END_TEST

/* p calls with so many hops left, and proves who it is; false: none is left. */
static bool
call_with_hops(
    struct phone *p, const char *number, const char *call_id, unsigned hops)
{
	char auth[512] = "";
	const char *msg;

	for (unsigned i = 1; i < 3; i++) {
		phone_send(p,
		    "INVITE sip:%s@sip.example.org SIP/2.0\r\n"
		    "Via: SIP/2.0/UDP %s:%u;branch=z9hG4bK%s%u;rport\r\n"
		    "Max-Forwards: %u\r\n"
		    "From: <sip:%s@sip.example.org>;tag=f\r\n"
		    "To: <sip:%s@sip.example.org>\r\nCall-ID: %s\r\n"
		    "CSeq: %u INVITE\r\nContact: <sip:%s@%s:%u>\r\n%s"
		    "Content-Length: 0\r\n\r\n",
		    number, p->host, p->port, call_id, i, hops, p->number,
		    number, call_id, i, p->number, p->host, p->port, auth);
		if (i == 2)
			break;
		do
			msg = phone_recv(p);
		while (msg != NULL && strncmp(msg, "SIP/2.0 4", 9) != 0);
		ck_assert_ptr_nonnull(msg);
		if (strncmp(msg, "SIP/2.0 483", 11) == 0)
			return false;
		ck_assert_int_eq(strncmp(msg, "SIP/2.0 401", 11), 0);
		snprintf(auth, sizeof(auth),
		    "Authorization: Digest username=\"%s\", "
		    "realm=\"SMO-SIP\", nonce=\"%.32s\", "
		    "uri=\"sip:%s@sip.example.org\", "
		    "response=\"0123456789abcdef0123456789abcdef\", "
		    "algorithm=MD5, qop=auth, nc=00000001, cnonce=\"a\"\r\n",
		    p->name,
		    strstr(hdr(msg, "WWW-Authenticate"), "nonce=\"") + 7,
		    number);
	}
	return true;
}

/* Two exchanges that forward to each other: each takes two hops. */
START_TEST(rfc5393_4_a_loop_through_exchanges_ends_by_its_hops)
{
	struct phone *pbx[2] = { desk, lab_office(lab, "300", 33) };
	static char inv[8][2048];
	bool goes_on = true;
	unsigned n = 0;
	const char *msg;
	char id[16];

	call_with_hops(home, "200", "loop", 10);
	while ((msg = phone_expect(pbx[n % 2], "INVITE")) != NULL) {
		ck_assert_uint_lt(n, 8);
		strcpy(inv[n], msg);
		ck_assert_int_eq(
		    atoi(hdr(msg, "Max-Forwards")), 9 - 2 * (int)n);
		snprintf(id, sizeof(id), "loop%u", n);
		goes_on = call_with_hops(pbx[n % 2], pbx[(n + 1) % 2]->number,
		    id, (unsigned)atoi(hdr(msg, "Max-Forwards")) - 1);
		n++;
	}
	ck_assert_uint_eq(n, 5);
	ck_assert(!goes_on);
	/* And the refusal comes back by all of them. */
	while (n-- > 0)
		phone_answer(pbx[n % 2], inv[n], 483, "x", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 483"));
	lab_pass(lab, 64000);
	lab_expect_empty(lab);
}
END_TEST

Suite *
suite_offers(void)
{
	Suite *s = suite_create("offers");
	TCase *c = tcase_create("before the answer");
	TCase *talk = tcase_create("talk");

	tcase_add_checked_fixture(c, pair_setup, pair_teardown);
	tcase_add_test(c, rfc6337_2_2_an_offer_in_prack_may_be_refused);
	tcase_add_test(c, rfc6337_2_2_an_offer_in_a_2xx_is_refused_by_port_0);
	tcase_add_test(
	    c, rfc6337_2_3_once_answered_reliably_nothing_else_is_an_answer);
	tcase_add_loop_test(
	    c, rfc6337_4_1_an_offer_that_overtakes_its_ack, 0, 2);
	tcase_add_test(c, rfc6337_5_4_a_call_that_begins_with_0_0_0_0);
	tcase_add_loop_test(
	    c, rfc5393_5_3_3_breadth_is_used_again_after_a_redirection, 0, 2);
	tcase_add_test(
	    c, rfc5393_5_3_5_flows_that_are_tried_in_turn_share_no_breadth);
	tcase_add_test(c, rfc5393_5_3_3_without_breadth_nothing_rings);
	tcase_add_test(c, rfc5393_4_a_loop_through_exchanges_ends_by_its_hops);
	suite_add_tcase(s, c);
	tcase_add_checked_fixture(talk, pair_setup_talk, pair_teardown);
	tcase_add_loop_test(talk,
	    rfc6337_2_2_a_refused_offer_leaves_the_session_as_it_was, 0, 2);
	tcase_add_test(talk, rfc6337_2_3_a_description_in_a_refusal_is_none);
	tcase_add_loop_test(
	    talk, rfc6337_3_4_a_re_invite_that_fails_after_a_183, 0, 4);
	tcase_add_loop_test(
	    talk, rfc6337_4_1_an_offer_that_overtakes_an_answer, 0, 2);
	tcase_add_loop_test(
	    talk, rfc6337_4_2_offers_that_meet_from_either_side, 0, 8);
	tcase_add_test(
	    talk, rfc6337_4_3_an_update_without_offer_within_a_re_invite);
	tcase_add_loop_test(
	    talk, rfc6337_5_2_5_each_stream_keeps_its_place, 0, 2);
	tcase_add_loop_test(talk, rfc6337_5_3_both_sides_hold_and_resume, 0, 2);
	suite_add_tcase(s, talk);
	return s;
}
