/*
 * ICE-lite (RFC 8445, 8839) towards phones that speak it: who is told what,
 * and what the relay is told of it.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sigcall/pair.h"
#include "tests/unit/sigcall/suites.h"

#define SECRET "TheirPasswordOfTheirs22"
#define ICE(ufrag)                                                             \
	"a=ice-ufrag:" ufrag "\r\na=ice-pwd:" SECRET "\r\n"
#define RTP_AT(port)                                                           \
	"a=candidate:1 1 UDP 2130706431 192.168.1.10 " port " typ host\r\n"
#define RTCP_AT(port)                                                          \
	"a=candidate:1 2 UDP 2130706430 192.168.1.10 " port " typ host\r\n"
#define BOTH RTP_AT("30000") RTCP_AT("30001")

static const char *
with(const struct phone *p, const char *lines)
{
	static char mem[4][4096];
	static unsigned at;
	char *out = mem[at++ % 4];

	snprintf(out, sizeof(mem[0]), "%s%s", sdp_of(p, 30000, NULL), lines);
	return out;
}

/* Of the home's SDP, whatever its address is called there. */
static const char *
ice_of(const char *lines)
{
	static char mem[4][2048];
	static unsigned at;
	char *out = mem[at++ % 4];
	const char *ip = "192.168.1.10";
	size_t n = 0;

	for (; *lines != '\0' && n + 64 < sizeof(mem[0]);) {
		if (strncmp(lines, ip, strlen(ip)) == 0) {
			n += (size_t)snprintf(
			    out + n, 64, "%s", home->host);
			lines += strlen(ip);
		} else {
			out[n++] = *lines++;
		}
	}
	out[n] = '\0';
	return with(home, out);
}

/* The value of an attribute, copied; "" if there is none. */
static const char *
attribute(const char *msg, const char *name)
{
	static char mem[8][128];
	static unsigned n;
	char *out = mem[n++ % 8];
	const char *at = strstr(msg, name);

	out[0] = '\0';
	if (at == NULL)
		return out;
	at += strlen(name);
	snprintf(out, sizeof(mem[0]), "%.*s", (int)strcspn(at, "\r"), at);
	return out;
}

static const struct lab_ice *
told(uint8_t end)
{
	for (unsigned i = lab->n_ices; i-- > 0;)
		if (lab->ices[i % 16].end == end)
			return &lab->ices[i % 16];
	return NULL;
}

/* What the relay answers checks with is what this SDP says. */
static void
expect_told(uint8_t end, const char *msg)
{
	const struct lab_ice *ice = told(end);

	ck_assert_ptr_nonnull(ice);
	ck_assert_str_eq(ice->ufrag, attribute(msg, "a=ice-ufrag:"));
	ck_assert_str_eq(ice->pwd, attribute(msg, "a=ice-pwd:"));
	ck_assert_uint_ge(strlen(ice->ufrag), 4);
	ck_assert_uint_ge(strlen(ice->pwd), 22);
}

static void
expect_ice(const char *msg, bool with_rtcp)
{
	char want[128];
	const char *b = body(msg);
	unsigned port = 0;

	HAS(b, "\r\na=ice-lite\r\n");
	ck_assert(strstr(b, "a=ice-lite") < strstr(b, "m=audio"));
	ck_assert_int_eq(sscanf(strstr(b, "m=audio "), "m=audio %u", &port), 1);
	snprintf(want, sizeof(want),
	    "a=candidate:1 1 UDP 2130706431 203.0.113.1 %u typ host\r\n",
	    port);
	HAS(b, want);
	snprintf(want, sizeof(want),
	    "a=candidate:1 2 UDP 2130706430 203.0.113.1 %u typ host\r\n",
	    port + 1);
	if (with_rtcp)
		HAS(b, want);
	else
		LACKS(b, "a=candidate:1 2");
	LACKS(b, SECRET);
}

static void
expect_none(const char *msg)
{
	LACKS(msg, "ice-");
	LACKS(msg, "a=candidate");
}

/* a calls b with this offer; gives what b got. */
static const char *
calls(struct phone *a, struct phone *b, const char *offer)
{
	const char *inv;

	t = (struct talk){ .lab = lab };
	dlg_call(&t.a, a, b->number, offer, "");
	inv = phone_expect(b, "INVITE");
	ck_assert_ptr_nonnull(inv);
	dlg_from_invite(&t.b, b, inv);
	return inv;
}

static const char *
answers(struct phone *b, const char *inv, const char *answer)
{
	struct phone *a = t.a.phone;
	const char *msg;

	phone_answer(b, inv, 200, strstr(t.b.local, ";tag=") + 5, answer);
	msg = phone_expect(a, "SIP/2.0 200");
	ck_assert_msg(msg != NULL, "no 200");
	dlg_learn(&t.a, msg);
	dlg_ack(&t.a, t.a.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(b, "ACK"));
	return msg;
}

/* The one whose dialog d is offers anew; gives what it is answered. */
static const char *
reinvites(struct dlg *d, struct dlg *other, const char *offer,
    const char *answer)
{
	const char *inv, *ok;

	dlg_send(d, "INVITE", "application/sdp", offer, "");
	inv = phone_expect(other->phone, "INVITE");
	ck_assert_ptr_nonnull(inv);
	phone_answer(other->phone, inv, 200, NULL, answer);
	ok = phone_expect(d->phone, "SIP/2.0 200");
	ck_assert_ptr_nonnull(ok);
	dlg_ack(d, d->cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(other->phone, "ACK"));
	return ok;
}

static void
hang_up(void)
{
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(t.b.phone, "BYE"));
	lab_pass(lab, 64000);
	lab_expect_empty(lab);
}

START_TEST(a_phone_that_registered_with_ice_is_offered_it)
{
	const char *inv;

	home->has_ice = true;
	inv = calls(desk, home, sdp_of(desk, 30000, NULL));
	expect_ice(inv, true);
	expect_none(answers(home, inv, ice_of(ICE("home") BOTH)));
	expect_told(1, inv);
	ck_assert_ptr_null(told(0));
	hang_up();
}
END_TEST

START_TEST(who_did_not_is_not_and_its_ice_in_an_answer_counts_for_nothing)
{
	const char *inv = calls(desk, home, sdp_of(desk, 30000, NULL));

	expect_none(inv);
	expect_none(answers(home, inv, ice_of(ICE("home") BOTH)));
	ck_assert_uint_eq(lab->n_ices, 0);
	hang_up();
}
END_TEST

static const struct {
	const char *name, *lines;
	bool ice, rtcp, mismatch;
} offers[] = {
	{ "both ports", ICE("home") BOTH, true, true, false },
	{ "RTCP has no candidate", ICE("home") RTP_AT("30000"), true, false,
	    false },
	{ "the default address is no candidate (RFC 8839 4.2.5)",
	    ICE("home") RTP_AT("30002") RTCP_AT("30003"), false, false, true },
	{ "the default for RTCP is none",
	    ICE("home") RTP_AT("30000") RTCP_AT("30003"), false, false, true },
	{ "by TCP alone",
	    ICE("home") "a=candidate:1 1 TCP 1 192.168.1.10 30000 typ host\r\n",
	    false, false, true },
	{ "no password", "a=ice-ufrag:home\r\n" BOTH, false, false, false },
	{ "a password too short", "a=ice-ufrag:home\r\na=ice-pwd:short\r\n"
	    BOTH, false, false, false },
	{ "mismatched, it says", ICE("home") BOTH "a=ice-mismatch\r\n", false,
	    false, false },
	{ "candidates that are none",
	    ICE("home") "a=candidate:\r\na=candidate:1 1\r\n"
	    "a=candidate:1 1 UDP x y z typ host\r\n" BOTH, true, true, false },
};

START_TEST(an_offer_with_ice_is_answered_with_it)
{
	const char *inv = calls(home, desk, ice_of(offers[_i].lines)), *ok;

	expect_none(inv);
	ok = answers(desk, inv, sdp_of(desk, 30000, NULL));
	if (offers[_i].ice) {
		expect_ice(ok, offers[_i].rtcp);
		expect_told(0, ok);
	} else {
		LACKS(ok, "a=candidate");
		LACKS(ok, "a=ice-ufrag");
		ck_assert_uint_eq(lab->n_ices, 0);
	}
	ck_assert_msg((strstr(ok, "\r\na=ice-mismatch\r\n") != NULL) ==
		offers[_i].mismatch, "%s", offers[_i].name);
	hang_up();
}
END_TEST

START_TEST(it_stays_over_offers_and_changes_when_the_phone_restarts)
{
	const char *desk_sdp = sdp_of(desk, 30000, NULL), *inv, *ok;
	char first[32], second[32];
	unsigned n;

	inv = calls(home, desk, ice_of(ICE("home") BOTH));
	ok = answers(desk, inv, desk_sdp);
	snprintf(first, sizeof(first), "%s", attribute(ok, "a=ice-ufrag:"));
	n = lab->n_ices;
	/* Hold, say. */
	ok = reinvites(&t.a, &t.b, ice_of(ICE("home") BOTH), desk_sdp);
	ck_assert_str_eq(attribute(ok, "a=ice-ufrag:"), first);
	ck_assert_uint_eq(lab->n_ices, n);
	/* The office offers. */
	dlg_send(&t.b, "INVITE", "application/sdp", desk_sdp, "");
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	expect_ice(inv, true);
	ck_assert_str_eq(attribute(inv, "a=ice-ufrag:"), first);
	phone_answer(home, inv, 200, NULL, ice_of(ICE("home") BOTH));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	ck_assert_uint_eq(lab->n_ices, n);
	/* A new ufrag (RFC 8445 9). */
	ok = reinvites(&t.a, &t.b, ice_of(ICE("anew") BOTH), desk_sdp);
	snprintf(second, sizeof(second), "%s", attribute(ok, "a=ice-ufrag:"));
	ck_assert_str_ne(second, first);
	expect_told(0, ok);
	/* And none any more. */
	ok = reinvites(&t.a, &t.b, sdp_of(home, 30000, NULL), desk_sdp);
	expect_none(ok);
	ck_assert_str_eq(told(0)->ufrag, "");
	hang_up();
}
END_TEST

START_TEST(a_restart_of_ours_and_of_the_relay_keeps_it)
{
	const struct addr at = { .family = ADDR_IPV4, .port = 7000,
		.ip = { 192, 0, 2, 77 } };
	const char *inv = calls(home, desk, ice_of(ICE("home") BOTH));
	const char *ok = answers(desk, inv, sdp_of(desk, 30000, NULL));
	char ufrag[32];

	snprintf(ufrag, sizeof(ufrag), "%s", attribute(ok, "a=ice-ufrag:"));
	lab_nominated(lab, 0, &at);
	lab_relay(lab, false);
	lab_relay(lab, true);
	lab_pass(lab, 100);
	ck_assert_str_eq(told(0)->ufrag, ufrag);
	ck_assert(addr_eq(&told(0)->rtp, &at));
	lab->n_ices = 0;
	lab_restart(lab);
	ck_assert_ptr_nonnull(told(0));
	ck_assert_str_eq(told(0)->ufrag, ufrag);
	ck_assert(addr_eq(&told(0)->rtp, &at));
	ok = reinvites(&t.a, &t.b, ice_of(ICE("home") BOTH),
	    sdp_of(desk, 30000, NULL));
	ck_assert_str_eq(attribute(ok, "a=ice-ufrag:"), ufrag);
	hang_up();
}
END_TEST

/* RFC 8839 4.4: another address of ours restarts ICE. */
START_TEST(our_new_address_is_told_with_a_new_credential)
{
	const char *inv, *ok;
	char ufrag[32];

	lab_public(lab, "203.0.113.1");
	lab_pass(lab, 20000);
	inv = calls(home, desk, ice_of(ICE("home") BOTH));
	ok = answers(desk, inv, sdp_of(desk, 30000, NULL));
	snprintf(ufrag, sizeof(ufrag), "%s", attribute(ok, "a=ice-ufrag:"));
	lab_public(lab, "203.0.113.77");
	lab_pass(lab, 10000);
	phone_registers(home, NULL);
	lab_pass(lab, 1);
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(inv, "\r\na=ice-lite\r\n");
	HAS(inv, "a=candidate:1 1 UDP 2130706431 203.0.113.77 ");
	LACKS(inv, "203.0.113.1 ");
	ck_assert_str_ne(attribute(inv, "a=ice-ufrag:"), ufrag);
	phone_answer(home, inv, 200, NULL, ice_of(ICE("anew") BOTH));
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	expect_told(0, inv);
}
END_TEST

Suite *
suite_ice(void)
{
	Suite *s = suite_create("ice");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, pair_setup, pair_teardown);
	tcase_add_test(tc, a_phone_that_registered_with_ice_is_offered_it);
	tcase_add_test(tc,
	    who_did_not_is_not_and_its_ice_in_an_answer_counts_for_nothing);
	tcase_add_loop_test(tc, an_offer_with_ice_is_answered_with_it, 0,
	    sizeof(offers) / sizeof(offers[0]));
	tcase_add_test(tc,
	    it_stays_over_offers_and_changes_when_the_phone_restarts);
	tcase_add_test(tc, a_restart_of_ours_and_of_the_relay_keeps_it);
	tcase_add_test(tc, our_new_address_is_told_with_a_new_credential);
	suite_add_tcase(s, tc);
	return s;
}
