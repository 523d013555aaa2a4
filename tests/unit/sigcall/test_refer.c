/*
 * Transfer (RFC 3515, 3891, 3892, 4488, 5589): every mix of phones in the
 * office and outside, and what a phone or a stranger may not do with it.
 *
 * A is transferred by B to C.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "sigproxy/core/consent.h"
#include "sigproxy/core/refer.h"
#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

enum { IN_OFFICE = 0, AT_HOME = 1 };

static struct lab *lab;
static struct phone *a, *b, *c;
static struct talk ab, bc;
static struct dlg *ab_a, *ab_b, *bc_b, *bc_c; /* who has which end */

static struct phone *
add(const char *number, int where, uint8_t last)
{
	return where == AT_HOME ? lab_home(lab, number, last)
				: lab_office(lab, number, (uint8_t)(30 + last));
}

static void
begin(int where_a, int where_b, int where_c)
{
	lab = lab_new(60, 100);
	a = add("168", where_a, 7);
	b = add("200", where_b, 8);
	c = add("300", where_c, 9);
}

/* One of the two calls the other; each gets its own end. */
static void
talk(struct talk *t, struct phone *one, struct phone *other, bool reverse,
    struct dlg **end_of_one, struct dlg **end_of_other)
{
	if (reverse)
		talk_begin(t, other, one);
	else
		talk_begin(t, one, other);
	*end_of_one = reverse ? &t->b : &t->a;
	*end_of_other = reverse ? &t->a : &t->b;
}

static void
setup(void)
{
	begin(AT_HOME, IN_OFFICE, AT_HOME);
	talk(&ab, a, b, false, &ab_a, &ab_b);
}

static void
teardown(void)
{
	lab_free(lab);
}

static const char *
tag(const char *name)
{
	return strstr(name, ";tag=") + 5;
}

/* What B's phone writes about its call with C, escaped as in a URI. */
static const char *
refer_to_dialog(const char *uri, const struct dlg *d)
{
	static char text[1024];
	char id[512];
	size_t n = 0;

	for (const char *p = d->call_id; *p != '\0'; p++)
		n += (size_t)snprintf(id + n, sizeof(id) - n,
		    *p == '@' ? "%%40" : "%c", *p);
	snprintf(text, sizeof(text),
	    "Refer-To: <%s?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s>\r\n",
	    uri, id, tag(d->remote), tag(d->local));
	return text;
}

/* The Replaces that A's phone makes of the Refer-To it got. */
static const char *
replaces_in(const char *refer)
{
	static char text[1024];
	const char *p = strstr(hdr(refer, "Refer-To"), "?Replaces=");
	size_t n;
	unsigned octet;

	ck_assert_msg(p != NULL, "no Replaces in\n%s", refer);
	n = (size_t)snprintf(text, sizeof(text), "Replaces: ");
	for (p += 10; *p != '>' && *p != '&' && *p != '\0'; p++) {
		if (*p == '%' && sscanf(p + 1, "%2x", &octet) == 1) {
			text[n++] = (char)octet;
			p += 2;
		} else {
			text[n++] = *p;
		}
	}
	strcpy(text + n, "\r\n");
	return text;
}

static void
notify(struct dlg *from, const char *state, const char *fragment)
{
	char extra[256];

	snprintf(extra, sizeof(extra),
	    "Event: refer\r\nSubscription-State: %s\r\n", state);
	dlg_send(from, "NOTIFY", "message/sipfrag;version=2.0", fragment,
	    extra);
}

/* A's NOTIFY reaches B, with that status alone, and is answered. */
static void
notified(const char *state, const char *fragment, const char *want)
{
	const char *msg;

	notify(ab_a, state, fragment);
	msg = phone_expect(b, "NOTIFY");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(body(msg), want);
	ck_assert_str_eq(hdr(msg, "Event"), "refer");
	ck_assert_str_eq(hdr(msg, "Subscription-State"), state);
	phone_answer(b, msg, 200, "", NULL);
	ck_assert_ptr_nonnull(phone_expect(a, "SIP/2.0 200"));
}

/* B's REFER reaches A, which accepts it. */
static const char *
refer(const char *refer_to)
{
	const char *msg;

	dlg_send(ab_b, "REFER", NULL, NULL, refer_to);
	msg = phone_expect(a, "REFER");
	ck_assert_msg(msg != NULL, "no REFER after %s", refer_to);
	phone_answer(a, msg, 202, "", NULL);
	ck_assert_ptr_nonnull(phone_expect(b, "SIP/2.0 202"));
	return msg;
}

/* C's phone answers A's INVITE. */
static const char *
answer(struct dlg *ac_a, struct dlg *ac_c)
{
	const char *msg = phone_expect(c, "INVITE"), *ok;

	ck_assert_ptr_nonnull(msg);
	dlg_from_invite(ac_c, c, msg);
	phone_answer(c, msg, 200, tag(ac_c->local), sdp_of(c, 20002, NULL));
	ok = phone_expect(a, "SIP/2.0 200");
	ck_assert_ptr_nonnull(ok);
	dlg_learn(ac_a, ok);
	dlg_ack(ac_a, ac_a->cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(c, "ACK"));
	return msg;
}

static void
hang_up(struct dlg *d, struct phone *other)
{
	const char *msg;

	dlg_send(d, "BYE", NULL, NULL, "");
	msg = phone_expect(other, "BYE");
	ck_assert_ptr_nonnull(msg);
	phone_answer(other, msg, 200, "", NULL);
}

static void
ended_as(uint64_t ticket, const char *want)
{
	for (unsigned i = 0; i < lab->n_notes; i++) {
		if (lab->notes[i % 64].ticket != ticket ||
		    lab->notes[i % 64].state != CALL_ENDED)
			continue;
		ck_assert_str_eq(lab->reasons[i % 64], want);
		return;
	}
	ck_abort_msg("call %llu has no end", (unsigned long long)ticket);
}

static unsigned
channels_of(const struct phone *x, const struct phone *y)
{
	return (x->flow.zone == ZONE_EXTERNAL) +
	       (y->flow.zone == ZONE_EXTERNAL);
}

/* ---- every mix of phones ---- */

/* 16 rows: where A, B and C are; who of A and B called. */
START_TEST(rfc5589_6_blind_transfer_in_every_mix)
{
	struct dlg ac_a, ac_c;
	const char *msg;

	begin(_i & 1, _i >> 1 & 1, _i >> 2 & 1);
	talk(&ab, a, b, _i >> 3 & 1, &ab_a, &ab_b);
	msg = refer("Refer-To: <sip:300@sip.example.org>\r\n"
		    "Referred-By: <sip:boss@pbx.office.local>\r\n");
	ck_assert_str_eq(hdr(msg, "Refer-To"), "<sip:300@sip.example.org>");
	HAS(hdr(msg, "Referred-By"), "<sip:200@sip.example.org>");
	notified("active;expires=60", "SIP/2.0 100 Trying\r\n",
	    "SIP/2.0 100 Trying\r\n");
	dlg_call(&ac_a, a, "300", sdp_of(a, 30002, NULL),
	    "Referred-By: <sip:boss@pbx.office.local>\r\n");
	msg = answer(&ac_a, &ac_c);
	HAS(hdr(msg, "Referred-By"), "<sip:200@sip.example.org>");
	notified("terminated;reason=noresource",
	    "SIP/2.0 200 OK\r\nContact: <sip:300@10.77.0.9>\r\n",
	    "SIP/2.0 200 OK\r\n");
	hang_up(ab_b, a);
	ended_as(1, "transferred");
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	ck_assert_uint_eq(lab_count(lab, "channels"), channels_of(a, c));
	hang_up(&ac_a, c);
	ended_as(2, "caller-hung-up");
	lab_expect_empty(lab);
	teardown();
}
END_TEST

/* 32 rows: where A, B and C are; who of A and B, of B and C called. */
START_TEST(rfc5589_7_attended_transfer_in_every_mix)
{
	struct dlg ac_a, ac_c;
	char want[600];
	const char *msg;

	begin(_i & 1, _i >> 1 & 1, _i >> 2 & 1);
	talk(&ab, a, b, _i >> 3 & 1, &ab_a, &ab_b);
	talk(&bc, b, c, _i >> 4 & 1, &bc_b, &bc_c);
	msg = refer(refer_to_dialog("sip:300@sip.example.org", bc_b));
	HAS(hdr(msg, "Refer-To"), "<sip:300@sip.example.org?Replaces=");
	LACKS(hdr(msg, "Refer-To"), "%40");
	dlg_call(&ac_a, a, "300", sdp_of(a, 30002, NULL), replaces_in(msg));
	msg = answer(&ac_a, &ac_c);
	snprintf(want, sizeof(want), "%s;to-tag=%s;from-tag=%s",
	    bc_c->call_id, tag(bc_c->local), tag(bc_c->remote));
	ck_assert_str_eq(hdr(msg, "Replaces"), want);
	HAS(hdr(msg, "Referred-By"), "<sip:200@sip.example.org>");
	/* RFC 3891 3: the replaced dialog is ended by C's phone. */
	hang_up(bc_c, b);
	ended_as(2, "transferred");
	notified("terminated;reason=noresource", "SIP/2.0 200 OK\r\n",
	    "SIP/2.0 200 OK\r\n");
	hang_up(ab_b, a);
	ended_as(1, "transferred");
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	ck_assert_uint_eq(lab_count(lab, "channels"), channels_of(a, c));
	hang_up(&ac_c, a);
	ended_as(3, "called-hung-up");
	lab_expect_empty(lab);
	teardown();
}
END_TEST

/* Contacts say transport=tcp; everybody is reached by his own connection. */
START_TEST(attended_transfer_by_tcp)
{
	struct dlg ac_a, ac_c;
	const char *msg;

	begin(_i & 1, _i >> 1 & 1, _i >> 2 & 1);
	phone_connect(a);
	phone_connect(b);
	phone_connect(c);
	talk(&ab, a, b, false, &ab_a, &ab_b);
	talk(&bc, b, c, true, &bc_b, &bc_c);
	HAS(bc_b->target, ";transport=tcp");
	msg = refer(refer_to_dialog(bc_b->target, bc_b));
	HAS(hdr(msg, "Refer-To"), "<sip:300@sip.example.org?Replaces=");
	dlg_call(&ac_a, a, "300", sdp_of(a, 30002, NULL), replaces_in(msg));
	msg = answer(&ac_a, &ac_c);
	HAS(hdr(msg, "Replaces"), bc_c->call_id);
	hang_up(bc_c, b);
	hang_up(ab_b, a);
	hang_up(&ac_a, c);
	lab_expect_empty(lab);
	teardown();
}
END_TEST

/* The phone that goes on must have SRTP, and moves no sound without ICE. */
START_TEST(who_is_talked_to_next_is_offered_what_it_needs)
{
	struct dlg ac_a, ac_c;
	const char *msg;

	begin(AT_HOME, IN_OFFICE, AT_HOME);
	c->has_ice = true;
	talk(&ab, a, b, false, &ab_a, &ab_b);
	talk(&bc, b, c, false, &bc_b, &bc_c);
	lab->srtp_of_called = SRTP_POLICY_REQUIRED;
	msg = refer(refer_to_dialog("sip:300@sip.example.org", bc_b));
	dlg_call(&ac_a, a, "300", sdp_of(a, 30002, NULL), replaces_in(msg));
	msg = phone_expect(c, "INVITE");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "Replaces"), bc_c->call_id);
	HAS(msg, " RTP/SAVP ");
	HAS(msg, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:");
	HAS(msg, "\r\na=ice-lite\r\n");
	/* In clear it is no call; the one before goes on. */
	dlg_from_invite(&ac_c, c, msg);
	phone_answer(c, msg, 200, tag(ac_c.local), sdp_of(c, 20002, NULL));
	ck_assert_ptr_nonnull(phone_expect(c, "BYE"));
	ck_assert_ptr_nonnull(phone_expect(a, "SIP/2.0 488"));
	hang_up(bc_b, c);
	teardown();
}
END_TEST

/* Its phone cannot be reached at this moment, and another one is not asked. */
START_TEST(the_phone_that_talks_lost_its_connection)
{
	struct dlg d;
	const char *msg;

	begin(AT_HOME, IN_OFFICE, AT_HOME);
	phone_connect(c);
	lab_office(lab, "300", 99);
	talk(&ab, a, b, false, &ab_a, &ab_b);
	talk(&bc, b, c, false, &bc_b, &bc_c);
	msg = refer(refer_to_dialog("sip:300@sip.example.org", bc_b));
	phone_disconnect(c);
	dlg_call(&d, a, "300", sdp_of(a, 30002, NULL), replaces_in(msg));
	ck_assert_ptr_nonnull(phone_expect(a, "SIP/2.0 480"));
	notified("terminated;reason=noresource", "SIP/2.0 480 Gone\r\n",
	    "SIP/2.0 480 Temporarily Unavailable\r\n");
	hang_up(ab_a, b);
	ended_as(1, "caller-hung-up");
	teardown();
}
END_TEST

/* ---- Refer-To ---- */

static const struct {
	const char *name, *uri, *want; /* want NULL: status */
	unsigned status;
} targets[] = {
	{ "a number of ours", "<sip:300@sip.example.org>",
	    "<sip:300@sip.example.org>", 0 },
	{ "without brackets", "sip:300@sip.example.org",
	    "<sip:300@sip.example.org>", 0 },
	{ "by our address", "<sip:300@192.168.10.2:5060;transport=tcp>",
	    "<sip:300@sip.example.org>", 0 },
	{ "sips ends at each leg", "\"C\" <sips:300@sip.example.org>;x=y",
	    "<sip:300@sip.example.org>", 0 },
	{ "what needs escapes", "<sip:%23%3b3@sip.example.org>",
	    "<sip:%23%3b3@sip.example.org>", 0 },
	{ "tel (S26)", "<tel:+49-30-(123).45>",
	    "<sip:+493012345@sip.example.org;user=phone>", 0 },
	{ "tel with its prefix (RFC 3966 5.1.5)",
	    "<tel:12-3;phone-context=+49-30>",
	    "<sip:+4930123@sip.example.org;user=phone>", 0 },
	{ "tel of ours, with an extension",
	    "<tel:300;phone-context=sip.example.org;ext=5>",
	    "<sip:300@sip.example.org;user=phone>", 0 },
	{ "tel of somebody else",
	    "<tel:300;phone-context=pbx.office.local>", NULL, 403 },
	{ "tel that is none", "<tel:+49;phone-context=+49>", NULL, 400 },
	{ "sip with a number", "<sip:3-00@sip.example.org;user=phone>",
	    "<sip:300@sip.example.org>", 0 },
	{ "INVITE in as many words", "<sip:300@sip.example.org;method=INVITE>",
	    "<sip:300@sip.example.org>", 0 },
	{ "another method", "<sip:300@sip.example.org;method=BYE>", NULL, 403 },
	{ "a method in disguise", "<sip:300@sip.example.org;method=%42YE>",
	    NULL, 403 },
	{ "somebody else's host", "<sip:300@evil.example.net>", NULL, 403 },
	{ "an office name", "<sip:300@pbx.office.local>", NULL, 403 },
	{ "no user", "<sip:sip.example.org>", NULL, 403 },
	{ "another scheme", "<http://sip.example.org/>", NULL, 403 },
	{ "no URI at all", "300", NULL, 400 },
	{ "control octets", "<sip:30%00@sip.example.org>", NULL, 400 },
	{ "a broken escape", "<sip:300@sip.example.org?Replaces=%4>", NULL,
	    400 },
	{ "a Route", "<sip:300@sip.example.org?Route=%3Csip:x%3E>", NULL, 403 },
	{ "credentials",
	    "<sip:300@sip.example.org?Authorization=Digest%20x>", NULL, 403 },
	{ "a body", "<sip:300@sip.example.org?body=hello>", NULL, 403 },
	{ "one good, one bad",
	    "<sip:300@sip.example.org?Require=replaces&Subject=x>", NULL, 403 },
	{ "another requirement",
	    "<sip:300@sip.example.org?Require=100rel>", NULL, 403 },
	{ "a broken Replaces", "<sip:300@sip.example.org?Replaces=x>", NULL,
	    400 },
	{ "a Replaces of nobody",
	    "<sip:300@sip.example.org?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2>",
	    NULL, 403 },
	{ "a name in disguise",
	    "<sip:300@sip.example.org?%52oute=%3Csip:x%3E>", NULL, 403 },
	{ "no value", "<sip:300@sip.example.org?Replaces>", NULL, 400 },
};

START_TEST(rfc3515_2_1_refer_to_is_ours_or_refused)
{
	char line[512];
	const char *msg;

	snprintf(line, sizeof(line), "Refer-To: %s\r\n", targets[_i].uri);
	dlg_send(ab_b, "REFER", NULL, NULL, line);
	msg = phone_expect(a, "REFER");
	if (targets[_i].want != NULL) {
		ck_assert_msg(msg != NULL, "%s", targets[_i].name);
		ck_assert_str_eq(hdr(msg, "Refer-To"), targets[_i].want);
		phone_answer(a, msg, 603, "", NULL);
		ck_assert_ptr_nonnull(phone_expect(b, "SIP/2.0 603"));
	} else {
		char want[16];

		ck_assert_uint_eq(lab->n_away, targets[_i].status == 403);
		snprintf(want, sizeof(want), "SIP/2.0 %u", targets[_i].status);
		ck_assert_msg(msg == NULL, "%s", targets[_i].name);
		msg = phone_recv(b);
		ck_assert_msg(strncmp(msg, want, strlen(want)) == 0,
		    "%s:\n%s", targets[_i].name, msg);
	}
	hang_up(ab_a, b);
	ended_as(1, "caller-hung-up");
	lab_expect_empty(lab);
}
END_TEST

START_TEST(rfc3515_2_4_1_one_refer_to_and_one_only)
{
	dlg_send(ab_b, "REFER", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(b, "SIP/2.0 400"));
	dlg_send(ab_b, "REFER", NULL, NULL,
	    "Refer-To: <sip:300@sip.example.org>\r\n"
	    "Refer-To: <sip:301@sip.example.org>\r\n");
	ck_assert_ptr_nonnull(phone_expect(b, "SIP/2.0 400"));
	ck_assert_ptr_null(phone_recv(a));
}
END_TEST

/* Many phones write the Contact that they know C by (RFC 5589 7.1). */
START_TEST(a_token_of_ours_becomes_the_number)
{
	char line[600];
	const char *msg;

	talk(&bc, b, c, _i, &bc_b, &bc_c);
	snprintf(line, sizeof(line), "Refer-To: <%s>\r\n", bc_b->target);
	msg = refer(line);
	ck_assert_str_eq(hdr(msg, "Refer-To"), "<sip:300@sip.example.org>");
	msg = refer(refer_to_dialog(bc_b->target, bc_b));
	HAS(hdr(msg, "Refer-To"), "<sip:300@sip.example.org?Replaces=");
}
END_TEST

START_TEST(a_token_or_dialog_of_others_is_nothing)
{
	struct phone *d = lab_home(lab, "400", 10);
	struct talk cd;
	char line[600];
	const char *msg;

	talk_begin(&cd, c, d);
	snprintf(line, sizeof(line), "Refer-To: <%s>\r\n", cd.a.target);
	dlg_send(ab_b, "REFER", NULL, NULL, line);
	msg = phone_expect(a, "REFER");
	/* Either refused, or a number that nobody has. */
	if (msg != NULL)
		LACKS(hdr(msg, "Refer-To"), "400");
	lab->stolen = true;
	dlg_send(ab_b, "REFER", NULL, NULL,
	    refer_to_dialog("sip:400@sip.example.org", &cd.a));
	ck_assert_ptr_nonnull(phone_expect(b, "SIP/2.0 403"));
	/* And the very call it stands in cannot be what replaces it. */
	dlg_send(ab_b, "REFER", NULL, NULL,
	    refer_to_dialog("sip:168@sip.example.org", ab_b));
	ck_assert_ptr_nonnull(phone_expect(b, "SIP/2.0 403"));
	ck_assert_ptr_null(phone_expect(a, "REFER"));
}
END_TEST

/* ---- the answer, and what follows ---- */

START_TEST(rfc3515_2_4_4_a_refusal_comes_back_and_the_call_goes_on)
{
	static const unsigned status[] = { 603, 486, 405, 481, 408, 501 };
	char want[16];
	const char *msg;

	for (unsigned i = 0; i < sizeof(status) / sizeof(status[0]); i++) {
		dlg_send(ab_b, "REFER", NULL, NULL,
		    "Refer-To: <sip:300@sip.example.org>\r\n");
		msg = phone_expect(a, "REFER");
		phone_answer(a, msg, status[i], "", NULL);
		snprintf(want, sizeof(want), "SIP/2.0 %u", status[i]);
		/* RFC 4320 4.2: 408 is for INVITE alone. */
		ck_assert(
		    (phone_expect(b, want) == NULL) == (status[i] == 408));
		notify(ab_a, "active", "SIP/2.0 100 Trying\r\n");
		ck_assert_ptr_nonnull(phone_expect(a, "SIP/2.0 481"));
	}
	hang_up(ab_a, b);
	ended_as(1, "caller-hung-up");
	lab_expect_empty(lab);
}
END_TEST

START_TEST(rfc5057_a_refer_or_notify_without_an_answer_ends_no_call)
{
	dlg_send(ab_b, "REFER", NULL, NULL,
	    "Refer-To: <sip:300@sip.example.org>\r\n");
	ck_assert_ptr_nonnull(phone_expect(a, "REFER"));
	lab_pass(lab, 33000);
	ck_assert_ptr_null(phone_expect(a, "BYE"));
	refer("Refer-To: <sip:300@sip.example.org>\r\n");
	notify(ab_a, "active", "SIP/2.0 100 Trying\r\n");
	ck_assert_ptr_nonnull(phone_expect(b, "NOTIFY"));
	lab_pass(lab, 33000);
	ck_assert_ptr_null(phone_expect(b, "BYE"));
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	hang_up(ab_a, b);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(rfc4488_without_a_subscription)
{
	const char *msg;

	dlg_send(ab_b, "REFER", NULL, NULL,
	    "Refer-To: <sip:300@sip.example.org>\r\n"
	    "Refer-Sub: false\r\nSupported: norefersub, x\r\n"
	    "Require: norefersub\r\n");
	msg = phone_expect(a, "REFER");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(hdr(msg, "Refer-Sub"), "false");
	ck_assert_str_eq(hdr(msg, "Supported"), "norefersub");
	ck_assert_str_eq(hdr(msg, "Require"), "norefersub");
	phone_send(a,
	    "SIP/2.0 202 Accepted\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\n"
	    "Call-ID: %s\r\nCSeq: %s\r\nContact: <sip:168@%s>\r\n"
	    "Refer-Sub: false\r\nContent-Length: 0\r\n\r\n",
	    hdr(msg, "Via"), hdr(msg, "From"), hdr(msg, "To"),
	    hdr(msg, "Call-ID"), hdr(msg, "CSeq"), a->host);
	msg = phone_expect(b, "SIP/2.0 202");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(hdr(msg, "Refer-Sub"), "false");
	notify(ab_a, "active", "SIP/2.0 100 Trying\r\n");
	ck_assert_ptr_nonnull(phone_expect(a, "SIP/2.0 481"));
	hang_up(ab_b, a);
	ended_as(1, "transferred");
}
END_TEST

/* C38: it lives on when who transferred it is gone. */
START_TEST(the_transferor_may_hang_up_at_once)
{
	struct dlg ac_a, ac_c;
	const char *msg;

	dlg_send(ab_b, "REFER", NULL, NULL,
	    "Refer-To: <sip:300@sip.example.org>\r\n");
	msg = phone_expect(a, "REFER");
	phone_answer(a, msg, 202, "", NULL);
	dlg_send(ab_b, "BYE", NULL, NULL, "");
	msg = phone_expect(a, "BYE");
	phone_answer(a, msg, 200, "", NULL);
	ended_as(1, "transferred");
	notify(ab_a, "active", "SIP/2.0 100 Trying\r\n");
	ck_assert_ptr_nonnull(phone_expect(a, "SIP/2.0 481"));
	dlg_call(&ac_a, a, "300", sdp_of(a, 30002, NULL), "");
	msg = answer(&ac_a, &ac_c);
	HAS(hdr(msg, "Referred-By"), "<sip:200@sip.example.org>");
	lab_pass(lab, 60000);
	ck_assert_uint_eq(lab_count(lab, "calls"), 1);
	hang_up(&ac_c, a);
	lab_expect_empty(lab);
}
END_TEST

/* The same after a question: C's phone rings once more. */
START_TEST(the_transferor_may_hang_up_both_at_once)
{
	struct dlg ac_a, ac_c;
	const char *msg;

	talk(&bc, b, c, _i, &bc_b, &bc_c);
	msg = refer(refer_to_dialog("sip:300@sip.example.org", bc_b));
	hang_up(bc_b, c);
	hang_up(ab_b, a);
	dlg_call(&ac_a, a, "300", sdp_of(a, 30002, NULL), replaces_in(msg));
	msg = answer(&ac_a, &ac_c);
	ck_assert_str_eq(hdr(msg, "Replaces"), "");
	HAS(hdr(msg, "Referred-By"), "<sip:200@sip.example.org>");
	hang_up(&ac_c, a);
	lab_expect_empty(lab);
}
END_TEST

/* RFC 5589 7.3: C only rings.  Its phone refuses to be replaced then. */
START_TEST(rfc5589_7_3_a_question_that_was_not_answered_yet)
{
	struct dlg early, ac_a, ac_c;
	const char *msg, *ring;

	dlg_call(&early, b, "300", sdp_of(b, 30004, NULL), "");
	ring = phone_expect(c, "INVITE");
	phone_answer(c, ring, 180, "ring", NULL);
	dlg_learn(&early, phone_expect(b, "SIP/2.0 180"));
	msg = refer(refer_to_dialog("sip:300@sip.example.org", &early));
	ck_assert_str_eq(hdr(msg, "Refer-To"), "<sip:300@sip.example.org>");
	dlg_cancel(&early);
	phone_answer(c, ring, 487, "ring", NULL);
	dlg_call(&ac_a, a, "300", sdp_of(a, 30002, NULL), "");
	answer(&ac_a, &ac_c);
	hang_up(ab_b, a);
	hang_up(&ac_c, a);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(a_transfer_that_failed_is_a_call_like_before)
{
	refer("Refer-To: <sip:300@sip.example.org>\r\n");
	notified("terminated;reason=noresource", "SIP/2.0 486 Busy Here\r\n",
	    "SIP/2.0 486 Busy Here\r\n");
	hang_up(ab_b, a);
	ended_as(1, "called-hung-up");
}
END_TEST

START_TEST(who_was_sent_is_told_once_and_not_for_long)
{
	struct dlg d;
	const char *msg;

	refer("Refer-To: <sip:300@sip.example.org>\r\n");
	lab_pass(lab, 61000);
	dlg_call(&d, a, "300", sdp_of(a, 30002, NULL), "");
	msg = phone_expect(c, "INVITE");
	ck_assert_str_eq(hdr(msg, "Referred-By"), "");
	refer("Refer-To: <sip:300@sip.example.org>\r\n");
	/* Its phone tries again at once: that is no call yet. */
	dlg_call(&d, a, "300", sdp_of(a, 30002, NULL),
	    "Session-Expires: 60\r\n");
	ck_assert_ptr_nonnull(phone_expect(a, "SIP/2.0 422"));
	for (unsigned i = 0; i < 2; i++) {
		dlg_call(&d, a, "300", sdp_of(a, 30002, NULL), "");
		msg = phone_expect(c, "INVITE");
		ck_assert_msg((hdr(msg, "Referred-By")[0] != '\0') == (i == 0),
		    "%s", msg);
	}
}
END_TEST

/* Two phones that transfer without end. */
START_TEST(transfers_of_others_do_not_make_it_forgotten)
{
	struct phone *mad = add("201", IN_OFFICE, 10);
	struct phone *friend = add("202", IN_OFFICE, 11);
	struct talk t;
	struct dlg d;
	const char *msg;

	refer("Refer-To: <sip:300@sip.example.org>\r\n");
	talk_begin(&t, mad, friend);
	for (unsigned i = 0; i < 2 * REFER_MEMORY; i++) {
		dlg_send(&t.a, "REFER", NULL, NULL,
		    "Refer-To: <sip:301@sip.example.org>\r\n");
		msg = phone_expect(friend, "REFER");
		ck_assert_ptr_nonnull(msg);
		phone_answer(friend, msg, 202, "", NULL);
		ck_assert_ptr_nonnull(phone_expect(mad, "SIP/2.0 202"));
	}
	dlg_call(&d, a, "300", sdp_of(a, 30002, NULL), "");
	msg = phone_expect(c, "INVITE");
	ck_assert_str_ne(hdr(msg, "Referred-By"), "");
}
END_TEST

START_TEST(explicit_subscriptions_are_refused)
{
	static const char *const option[] = { "explicitsub", "nosub" };
	char line[128];
	const char *msg;

	for (unsigned i = 0; i < 2; i++) {
		snprintf(line, sizeof(line),
		    "Refer-To: <sip:300@sip.example.org>\r\nRequire: %s\r\n",
		    option[i]);
		dlg_send(ab_b, "REFER", NULL, NULL, line);
		msg = phone_expect(b, "SIP/2.0 420");
		ck_assert_ptr_nonnull(msg);
		ck_assert_str_eq(hdr(msg, "Unsupported"), option[i]);
	}
	ck_assert_ptr_null(phone_recv(a));
}
END_TEST

START_TEST(rfc3323_who_withholds_its_name_refers_without_it)
{
	struct dlg d;
	const char *msg;

	dlg_send(ab_b, "REFER", NULL, NULL,
	    "Refer-To: <sip:300@sip.example.org>\r\nPrivacy: id\r\n");
	msg = phone_expect(a, "REFER");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(hdr(msg, "Referred-By"), "");
	phone_answer(a, msg, 202, "", NULL);
	dlg_call(&d, a, "300", sdp_of(a, 30002, NULL), "");
	msg = phone_expect(c, "INVITE");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(hdr(msg, "Referred-By"), "");
}
END_TEST

/* ---- NOTIFY ---- */

static const struct {
	const char *name, *headers, *type, *text;
	unsigned status;
	const char *want; /* body */
} notices[] = {
	{ "headers in the fragment stay behind",
	    "Event: refer\r\nSubscription-State: active\r\n", "message/sipfrag",
	    "SIP/2.0 180 Ringing at 10.1.1.1\r\nVia: SIP/2.0/UDP 10.1.1.1\r\n",
	    0, "SIP/2.0 180 Ringing\r\n" },
	{ "no line end", "Event: refer\r\nSubscription-State: active\r\n",
	    "message/sipfrag", "SIP/2.0 200 OK", 0, "SIP/2.0 200 OK\r\n" },
	{ "no body", "Event: refer\r\nSubscription-State: terminated\r\n", NULL,
	    NULL, 0, "" },
	{ "another type", "Event: refer\r\nSubscription-State: active\r\n",
	    "text/plain", "SIP/2.0 200 OK\r\n", 415, NULL },
	{ "a request", "Event: refer\r\nSubscription-State: active\r\n",
	    "message/sipfrag", "INVITE sip:x@y SIP/2.0\r\n", 400, NULL },
	{ "no status", "Event: refer\r\nSubscription-State: active\r\n",
	    "message/sipfrag", "SIP/2.0 99 x\r\n", 400, NULL },
	{ "cut short", "Event: refer\r\nSubscription-State: active\r\n",
	    "message/sipfrag", "SIP/2.0 20", 400, NULL },
	{ "another event", "Event: presence\r\nSubscription-State: active\r\n",
	    "message/sipfrag", "SIP/2.0 200 OK\r\n", 489, NULL },
	{ "no event", "Subscription-State: active\r\n", "message/sipfrag",
	    "SIP/2.0 200 OK\r\n", 400, NULL },
	{ "an id that is none",
	    "Event: refer;id=x\r\nSubscription-State: active\r\n",
	    "message/sipfrag", "SIP/2.0 200 OK\r\n", 400, NULL },
};

START_TEST(rfc3515_2_4_5_a_notify_tells_its_status_and_no_more)
{
	char want[16];
	const char *msg;

	refer("Refer-To: <sip:300@sip.example.org>\r\n");
	dlg_send(ab_a, "NOTIFY", notices[_i].type, notices[_i].text,
	    notices[_i].headers);
	msg = phone_expect(b, "NOTIFY");
	if (notices[_i].want != NULL) {
		ck_assert_msg(msg != NULL, "%s", notices[_i].name);
		ck_assert_str_eq(body(msg), notices[_i].want);
		if (notices[_i].want[0] != '\0')
			ck_assert_str_eq(hdr(msg, "Content-Type"),
			    "message/sipfrag;version=2.0");
		return;
	}
	ck_assert_msg(msg == NULL, "%s", notices[_i].name);
	snprintf(want, sizeof(want), "SIP/2.0 %u", notices[_i].status);
	msg = phone_recv(a);
	ck_assert_msg(strncmp(msg, want, 11) == 0, "%s:\n%s", notices[_i].name,
	    msg);
}
END_TEST

/* CSeq has an offset on each leg, and the id is a CSeq. */
START_TEST(rfc3515_2_4_6_the_id_is_the_cseq_of_each_side)
{
	char extra[128];
	unsigned id[2], own[2];
	const char *msg;

	/* We do not leap with it. */
	dlg_send(ab_b, "INFO", NULL, NULL, "");
	phone_answer(a, phone_expect(a, "INFO"), 200, "", NULL);
	ab_b->cseq += 100000;
	for (unsigned i = 0; i < 2; i++) {
		msg = refer("Refer-To: <sip:300@sip.example.org>\r\n");
		id[i] = (unsigned)atoi(hdr(msg, "CSeq"));
		own[i] = ab_b->cseq;
		ck_assert_uint_ne(id[i], own[i]);
	}
	for (unsigned i = 0; i < 2; i++) {
		snprintf(extra, sizeof(extra),
		    "Event: refer;id=%u\r\nSubscription-State: "
		    "terminated;reason=noresource\r\n",
		    id[i]);
		dlg_send(ab_a, "NOTIFY", "message/sipfrag",
		    "SIP/2.0 200 OK\r\n", extra);
		msg = phone_expect(b, "NOTIFY");
		ck_assert_ptr_nonnull(msg);
		snprintf(extra, sizeof(extra), "refer;id=%u", own[i]);
		ck_assert_str_eq(hdr(msg, "Event"), extra);
		phone_answer(b, msg, 200, "", NULL);
	}
	/* Both are over: there is nothing more to tell. */
	notify(ab_a, "active", "SIP/2.0 100 Trying\r\n");
	ck_assert_ptr_nonnull(phone_expect(a, "SIP/2.0 481"));
}
END_TEST

START_TEST(only_who_was_asked_may_notify)
{
	refer("Refer-To: <sip:300@sip.example.org>\r\n");
	notify(ab_b, "active", "SIP/2.0 100 Trying\r\n");
	ck_assert_ptr_nonnull(phone_expect(b, "SIP/2.0 481"));
	ck_assert_ptr_null(phone_expect(a, "NOTIFY"));
}
END_TEST

/* ---- floods and strangers ---- */

START_TEST(a_flood_of_refers_stops_at_the_calls_exchanges)
{
	unsigned refused = 0;

	for (unsigned i = 0; i < 100; i++)
		dlg_send(ab_b, "REFER", NULL, NULL,
		    "Refer-To: <sip:300@sip.example.org>\r\n");
	ck_assert_uint_le(lab_count(lab, "exchanges"), 8);
	while (phone_expect(b, "SIP/2.0 500") != NULL)
		refused++;
	ck_assert_uint_ge(refused, 60);
	hang_up(ab_a, b);
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

/* ---- the right of who sends ---- */

static const char premium[] =
    "Refer-To: <sip:0900123456@sip.example.org>\r\n";

START_TEST(who_may_not_call_there_sends_nobody_there)
{
	const char *msg;

	lab->refer_verdict = VERDICT_DENIED;
	dlg_send(ab_b, "REFER", NULL, NULL, premium);
	ck_assert_ptr_null(phone_expect(a, "REFER"));
	msg = phone_expect(b, "SIP/2.0 403");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(hdr(msg, "Reason"),
	    "SIP;cause=403;text=\"no \\\"premium\\\" calls\"");
	ck_assert_uint_eq(lab->refer_asks, 1);
	ck_assert_str_eq(lab->refer_by, "200");
	ck_assert_str_eq(lab->refer_to, "0900123456");
	lab->refer_verdict = VERDICT_BUSY;
	dlg_send(ab_b, "REFER", NULL, NULL, premium);
	ck_assert_ptr_nonnull(phone_expect(b, "SIP/2.0 500"));
	/* The call goes on. */
	lab->refer_verdict = 0;
	dlg_send(ab_b, "REFER", NULL, NULL, premium);
	msg = phone_expect(a, "REFER");
	ck_assert_ptr_nonnull(msg);
	phone_answer(a, msg, 202, "", NULL);
	ck_assert_ptr_nonnull(phone_expect(b, "SIP/2.0 202"));
	hang_up(ab_a, b);
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(a_refer_waits_for_registrar_db_and_not_for_ever)
{
	lab->refer_mute = true;
	dlg_send(ab_b, "REFER", NULL, NULL, premium);
	ck_assert_ptr_null(phone_expect(a, "REFER"));
	/* One at a time. */
	dlg_send(ab_b, "REFER", NULL, NULL, premium);
	ck_assert_ptr_nonnull(phone_expect(b, "SIP/2.0 500"));
	ck_assert_uint_eq(lab->refer_asks, 1);
	lab_registrar(lab, false);
	lab->refer_mute = false;
	lab_registrar(lab, true);
	ck_assert_uint_eq(lab->refer_asks, 2);
	phone_answer(a, phone_expect(a, "REFER"), 202, "", NULL);
	ck_assert_ptr_nonnull(phone_expect(b, "SIP/2.0 202"));
	lab->refer_mute = true;
	dlg_send(ab_b, "REFER", NULL, NULL, premium);
	lab_pass(lab, CONSENT_ASK_MS - 1);
	ck_assert_ptr_null(phone_expect(b, "SIP/2.0 500"));
	lab_pass(lab, 2);
	ck_assert_ptr_nonnull(phone_expect(b, "SIP/2.0 500"));
	/* The call's end ends it, too. */
	dlg_send(ab_b, "REFER", NULL, NULL, premium);
	hang_up(ab_a, b);
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(registrar_db_ends_a_call)
{
	static const struct {
		enum stop_why why;
		const char *reason, *noted;
	} row[] = {
		{ STOP_MINUTES, "SIP;cause=403;text=\"Today's minutes are "
				"used up\"", "minutes-used-up" },
		{ STOP_COST, "SIP;cause=403;text=\"Today's money is used "
			     "up\"", "money-used-up" },
		{ STOP_RIGHT, "SIP;cause=403;text=\"The right to this call "
			      "is over\"", "right-withdrawn" },
		{ STOP_DISABLED, "SIP;cause=403;text=\"Subscriber is "
				 "disabled\"", "subscriber-disabled" },
		{ STOP_TRUNK, "SIP;cause=480;text=\"This trunk is out of "
			      "service\"", "trunk-disabled" },
		{ STOP_ADMIN, "SIP;cause=480;text=\"Ended by the "
			      "administrator\"", "ended-by-admin" },
	};
	const struct ipc_call_note *last;
	const char *msg;

	lab_call_end(lab, lab->ticket + 1, row[_i].why);
	ck_assert_ptr_null(phone_expect(a, "BYE"));
	lab_call_end(lab, lab->ticket, row[_i].why);
	for (unsigned i = 0; i < 2; i++) {
		msg = phone_expect(i == 0 ? a : b, "BYE");
		ck_assert_ptr_nonnull(msg);
		ck_assert_str_eq(hdr(msg, "Reason"), row[_i].reason);
		phone_answer(i == 0 ? a : b, msg, 200, "", NULL);
	}
	/* Said again, it is nothing new. */
	lab_call_end(lab, lab->ticket, row[_i].why);
	lab_pass(lab, 1000);
	last = &lab->notes[lab->n_notes - 1];
	ck_assert_uint_eq(last->state, CALL_ENDED);
	ck_assert_uint_eq(last->ended_by, ENDED_BY_US);
	ck_assert_str_eq(lab->reasons[lab->n_notes - 1], row[_i].noted);
	lab_pass(lab, 40000);
	lab_expect_empty(lab);
}
END_TEST

START_TEST(outside_a_call_refer_is_refused)
{
	static const char *const to[] = { "", ";tag=x" };

	for (unsigned i = 0; i < 2; i++) {
		phone_send(a,
		    "REFER sip:200@sip.example.org SIP/2.0\r\n"
		    "Via: SIP/2.0/UDP %s:%u;branch=z9hG4bK-ood%u;rport\r\n"
		    "Max-Forwards: 70\r\n"
		    "From: <sip:168@sip.example.org>;tag=o\r\n"
		    "To: <sip:200@sip.example.org>%s\r\nCall-ID: ood\r\n"
		    "CSeq: 1 REFER\r\nContact: <sip:168@%s:%u>\r\n"
		    "Refer-To: <sip:300@sip.example.org>\r\n"
		    "Content-Length: 0\r\n\r\n",
		    a->host, a->port, i, to[i], a->host, a->port);
		ck_assert_ptr_nonnull(
		    phone_expect(a, i == 0 ? "SIP/2.0 403" : "SIP/2.0 481"));
	}
	ck_assert_ptr_null(phone_recv(b));
	ck_assert_ptr_null(phone_recv(c));
}
END_TEST

START_TEST(a_stranger_with_the_ids_is_challenged)
{
	struct phone *evil = lab_stranger(lab, "666", 66);
	struct dlg forged = *ab_a;
	const char *msg;

	lab->stolen = true;
	forged.phone = evil;
	dlg_send(&forged, "REFER", NULL, NULL,
	    "Refer-To: <sip:300@sip.example.org>\r\n");
	msg = phone_expect(evil, "SIP/2.0 401");
	ck_assert_ptr_nonnull(msg);
	/* With his own digest he is still somebody else. */
	dlg_send_auth(&forged, "REFER", msg);
	ck_assert_ptr_nonnull(phone_expect(evil, "SIP/2.0 403"));
	notify(&forged, "active", "SIP/2.0 200 OK\r\n");
	ck_assert_ptr_nonnull(phone_expect(evil, "SIP/2.0 401"));
	ck_assert_ptr_null(phone_recv(b));
}
END_TEST

START_TEST(before_the_answer_there_is_nothing_to_transfer)
{
	struct dlg d;
	const char *msg;

	dlg_call(&d, a, "300", sdp_of(a, 30002, NULL), "");
	msg = phone_expect(c, "INVITE");
	phone_answer(c, msg, 180, "early", NULL);
	msg = phone_expect(a, "SIP/2.0 180");
	dlg_learn(&d, msg);
	dlg_send(&d, "REFER", NULL, NULL,
	    "Refer-To: <sip:200@sip.example.org>\r\n");
	ck_assert_ptr_nonnull(phone_expect(a, "SIP/2.0 500"));
	ck_assert_ptr_null(phone_expect(c, "REFER"));
}
END_TEST

/* ---- INVITE with Replaces ---- */

/* The header for the call of B and C, as C's phone knows it. */
static const char *
replaces_bc(const char *more)
{
	static char text[600];

	snprintf(text, sizeof(text), "Replaces: %s;to-tag=%s;from-tag=%s%s\r\n",
	    bc_c->call_id, tag(bc_c->local), tag(bc_c->remote), more);
	return text;
}

static void
setup_three(void)
{
	setup();
	lab->stolen = true; /* A writes ids that it was never told */
	talk(&bc, b, c, false, &bc_b, &bc_c);
}

START_TEST(rfc3891_3_no_such_dialog_is_481)
{
	char line[600];
	struct dlg d;

	/* One of the three is wrong. */
	snprintf(line, sizeof(line), "Replaces: %s;to-tag=%s;from-tag=%s\r\n",
	    _i == 0 ? "nobody" : bc_c->call_id,
	    _i == 1 ? "no" : tag(bc_c->local),
	    _i == 2 ? "no" : tag(bc_c->remote));
	dlg_call(&d, a, "300", sdp_of(a, 30002, NULL), line);
	ck_assert_ptr_nonnull(phone_expect(a, "SIP/2.0 481"));
	ck_assert_ptr_null(phone_expect(c, "INVITE"));
	ck_assert_uint_eq(lab_note(lab)->status, 481);
	ck_assert_uint_eq(lab_count(lab, "calls"), 2);
}
END_TEST

/* The right to call one number does not reach another one's phone. */
START_TEST(the_dialog_must_be_of_the_number_that_was_asked_for)
{
	struct dlg d;

	lab_home(lab, "500", 20);
	dlg_call(&d, a, "500", sdp_of(a, 30002, NULL), replaces_bc(""));
	ck_assert_ptr_nonnull(phone_expect(a, "SIP/2.0 481"));
	ck_assert_ptr_null(phone_expect(c, "INVITE"));
}
END_TEST

START_TEST(rfc3891_3_early_only_spares_an_answered_call)
{
	struct dlg d;

	dlg_call(&d, a, "300", sdp_of(a, 30002, NULL),
	    replaces_bc(";early-only"));
	ck_assert_ptr_nonnull(phone_expect(a, "SIP/2.0 486"));
	ck_assert_ptr_null(phone_expect(c, "INVITE"));
}
END_TEST

START_TEST(rfc3891_3_a_call_that_ended_is_declined)
{
	struct dlg d;

	lab->stats_mute = true; /* it lingers for its counters */
	hang_up(bc_b, c);
	dlg_call(&d, a, "300", sdp_of(a, 30002, NULL), replaces_bc(""));
	ck_assert_ptr_nonnull(phone_expect(a, "SIP/2.0 603"));
	lab_pass(lab, 1000);
	dlg_call(&d, a, "300", sdp_of(a, 30002, NULL), replaces_bc(""));
	ck_assert_ptr_nonnull(phone_expect(a, "SIP/2.0 481"));
}
END_TEST

START_TEST(rfc3891_3_broken_or_with_join_is_400)
{
	static const char *const row[] = {
		"Replaces: x;to-tag=1\r\n",
		"Replaces: x;to-tag=1;from-tag=2;to-tag=3\r\n",
		"Replaces: x;to-tag=1;from-tag=2\r\n"
		"Join: x;to-tag=1;from-tag=2\r\n",
		"Replaces: x;to-tag=1;from-tag=2\r\n"
		"Replaces: y;to-tag=1;from-tag=2\r\n",
	};
	struct dlg d;

	if (_i == 3) { /* seen before anybody is asked who he is */
		phone_send(a,
		    "INVITE sip:300@sip.example.org SIP/2.0\r\n"
		    "Via: SIP/2.0/UDP %s:%u;branch=z9hG4bK-two;rport\r\n"
		    "Max-Forwards: 70\r\n"
		    "From: <sip:168@sip.example.org>;tag=o\r\n"
		    "To: <sip:300@sip.example.org>\r\nCall-ID: two\r\n"
		    "CSeq: 1 INVITE\r\nContact: <sip:168@%s:%u>\r\n%s"
		    "Content-Length: 0\r\n\r\n",
		    a->host, a->port, a->host, a->port, row[_i]);
	} else {
		dlg_call(&d, a, "300", sdp_of(a, 30002, NULL), row[_i]);
	}
	ck_assert_ptr_nonnull(phone_expect(a, "SIP/2.0 400"));
	ck_assert_ptr_null(phone_expect(c, "INVITE"));
}
END_TEST

/* Only that phone of C's, where it talks, and not all that C has. */
START_TEST(it_rings_the_phone_that_talks_and_no_other)
{
	struct phone *second = lab_office(lab, "300", 99);
	struct dlg ac_a, ac_c;
	const char *msg;

	dlg_call(&ac_a, a, "300", sdp_of(a, 30002, NULL), replaces_bc(""));
	msg = answer(&ac_a, &ac_c);
	ck_assert_str_eq(ruri(msg), "sip:300@10.77.0.9:5062;ob");
	ck_assert_ptr_null(phone_recv(second));
}
END_TEST

START_TEST(require_replaces_is_passed_on)
{
	struct dlg d;
	char line[700];
	const char *msg;

	snprintf(line, sizeof(line), "%sRequire: replaces\r\n",
	    replaces_bc(""));
	dlg_call(&d, a, "300", sdp_of(a, 30002, NULL), line);
	msg = phone_expect(c, "INVITE");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(hdr(msg, "Require"), "replaces");
	ck_assert_str_eq(hdr(msg, "Supported"), "timer, 100rel, replaces");
}
END_TEST

/* Who rings cannot be replaced (481); who calls can. */
START_TEST(rfc3891_3_an_early_dialog_of_the_phone_that_called)
{
	struct dlg early, d;
	char line[600];
	const char *msg;

	dlg_call(&early, c, "200", sdp_of(c, 30004, NULL), "");
	msg = phone_expect(b, "INVITE");
	phone_answer(b, msg, 180, "ring", NULL);
	ck_assert_ptr_nonnull(phone_expect(c, "SIP/2.0 180"));
	snprintf(line, sizeof(line), "Replaces: %s;to-tag=ring;from-tag=%s\r\n",
	    early.call_id, tag(early.local));
	dlg_call(&d, a, "200", sdp_of(a, 30002, NULL), line);
	ck_assert_ptr_nonnull(phone_expect(a, "SIP/2.0 481"));
	snprintf(line, sizeof(line),
	    "Replaces: %s;to-tag=%s;from-tag=ring;early-only\r\n",
	    early.call_id, tag(early.local));
	dlg_call(&d, a, "300", sdp_of(a, 30002, NULL), line);
	msg = phone_expect(c, "INVITE");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "Replaces"), ";from-tag=ring;early-only");
}
END_TEST

START_TEST(nobody_replaces_without_proof)
{
	struct phone *evil = lab_stranger(lab, "666", 66);
	struct dlg d;

	lab->verdict = VERDICT_FORBIDDEN;
	dlg_call(&d, evil, "300", sdp_of(evil, 30002, NULL), replaces_bc(""));
	ck_assert_ptr_nonnull(phone_expect(evil, "SIP/2.0 403"));
	ck_assert_ptr_null(phone_expect(c, "INVITE"));
	ck_assert_uint_eq(lab_count(lab, "calls"), 2);
}
END_TEST

/* As linphone does it: BYE in the old dialog, then 200 in the new one. */
START_TEST(the_old_call_may_end_before_the_new_one_is_answered)
{
	struct dlg d;
	const char *msg;

	dlg_call(&d, a, "300", sdp_of(a, 30002, NULL), replaces_bc(""));
	msg = phone_expect(c, "INVITE");
	phone_answer(c, msg, 180, "new", NULL);
	hang_up(bc_c, b);
	ended_as(2, "transferred");
	phone_answer(c, msg, 200, "new", sdp_of(c, 20002, NULL));
	ck_assert_ptr_nonnull(phone_expect(a, "SIP/2.0 200"));
}
END_TEST

START_TEST(a_refused_replacement_leaves_the_call_alone)
{
	struct dlg d;
	const char *msg;

	dlg_call(&d, a, "300", sdp_of(a, 30002, NULL), replaces_bc(""));
	msg = phone_expect(c, "INVITE");
	phone_answer(c, msg, 486, "busy", NULL);
	ck_assert_ptr_nonnull(phone_expect(a, "SIP/2.0 486"));
	hang_up(bc_b, c);
	ended_as(2, "caller-hung-up");
}
END_TEST

/* ---- a restart in between ---- */

START_TEST(a_restart_between_refer_and_notify)
{
	refer("Refer-To: <sip:300@sip.example.org>\r\n");
	lab_restart(lab);
	notified("active;expires=60", "SIP/2.0 180 Ringing\r\n",
	    "SIP/2.0 180 Ringing\r\n");
	hang_up(ab_b, a);
	ended_as(1, "transferred");
	lab_expect_empty(lab);
}
END_TEST

START_TEST(a_restart_between_refer_and_its_answer)
{
	const char *msg;

	dlg_send(ab_b, "REFER", NULL, NULL,
	    "Refer-To: <sip:300@sip.example.org>\r\n");
	ck_assert_ptr_nonnull(phone_expect(a, "REFER"));
	lab_restart(lab);
	/* B's phone asks once more: to A it is the same request. */
	ab_b->cseq--;
	ab_b->branch--;
	dlg_send(ab_b, "REFER", NULL, NULL,
	    "Refer-To: <sip:300@sip.example.org>\r\n");
	msg = phone_expect(a, "REFER");
	ck_assert_ptr_nonnull(msg);
	phone_answer(a, msg, 202, "", NULL);
	ck_assert_ptr_nonnull(phone_expect(b, "SIP/2.0 202"));
	hang_up(ab_b, a);
	ended_as(1, "transferred");
	lab_expect_empty(lab);
}
END_TEST

START_TEST(a_restart_between_the_two_calls_and_the_refer)
{
	struct dlg ac_a, ac_c;
	const char *msg;

	talk(&bc, b, c, _i, &bc_b, &bc_c);
	lab_restart(lab);
	msg = refer(refer_to_dialog("sip:300@sip.example.org", bc_b));
	lab_restart(lab);
	dlg_call(&ac_a, a, "300", sdp_of(a, 30002, NULL), replaces_in(msg));
	lab_restart(lab); /* while C's phone is asked */
	msg = answer(&ac_a, &ac_c);
	HAS(hdr(msg, "Replaces"), bc_c->call_id);
	hang_up(bc_c, b);
	ended_as(2, "transferred");
	hang_up(ab_b, a);
	hang_up(&ac_a, c);
	lab_expect_empty(lab);
}
END_TEST

/* ---- channels ---- */

START_TEST(channels_are_given_back_as_the_calls_end)
{
	struct dlg ac_a, ac_c;
	const char *msg;

	begin(AT_HOME, IN_OFFICE, AT_HOME);
	talk(&ab, a, b, false, &ab_a, &ab_b);
	talk(&bc, b, c, false, &bc_b, &bc_c);
	ck_assert_uint_eq(lab_count(lab, "channels"), 2);
	msg = refer(refer_to_dialog("sip:300@sip.example.org", bc_b));
	dlg_call(&ac_a, a, "300", sdp_of(a, 30002, NULL), replaces_in(msg));
	answer(&ac_a, &ac_c);
	ck_assert_uint_eq(lab_count(lab, "channels"), 4);
	hang_up(bc_c, b);
	ck_assert_uint_eq(lab_count(lab, "channels"), 3);
	hang_up(ab_b, a);
	ck_assert_uint_eq(lab_count(lab, "channels"), 2);
	hang_up(&ac_a, c);
	lab_expect_empty(lab);
	teardown();
}
END_TEST

/* What a phone can do is told to the other one, and no more. */
START_TEST(allow_and_supported_are_those_of_the_other_phone)
{
	struct dlg d;
	const char *msg;

	dlg_call(&d, a, "300", sdp_of(a, 30002, NULL), "");
	msg = phone_expect(c, "INVITE");
	HAS(hdr(msg, "Allow"), "REFER, NOTIFY");
	ck_assert_str_eq(hdr(msg, "Supported"), "timer, 100rel, replaces");
	phone_send(c,
	    "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=c\r\n"
	    "Call-ID: %s\r\nCSeq: %s\r\nContact: <sip:300@%s>\r\n"
	    "Allow: INVITE, ACK, BYE, CANCEL\r\n"
	    "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
	    hdr(msg, "Via"), hdr(msg, "From"), hdr(msg, "To"),
	    hdr(msg, "Call-ID"), hdr(msg, "CSeq"), c->host,
	    strlen(sdp_of(c, 20002, NULL)), sdp_of(c, 20002, NULL));
	msg = phone_expect(a, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	LACKS(hdr(msg, "Allow"), "REFER");
	ck_assert_str_eq(hdr(msg, "Supported"), "timer");
}
END_TEST

static void
expect_refresh(struct phone *p, const char *from, bool refers,
    const char *supported)
{
	const char *msg;

	/* The call before it has a timer as well. */
	do
		msg = phone_expect(p, "UPDATE");
	while (msg != NULL && strstr(hdr(msg, "From"), from) == NULL);
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "Allow"), "PRACK");
	ck_assert(refers == (strstr(hdr(msg, "Allow"), "REFER") != NULL));
	ck_assert_str_eq(hdr(msg, "Supported"), supported);
	phone_answer(p, msg, 200, "", NULL);
}

/* What a phone hears from us alone does not take it back. */
START_TEST(a_refresh_of_ours_says_what_the_other_phone_can)
{
	const char *inv, *msg;
	struct dlg d;

	dlg_call(&d, a, "300", sdp_of(a, 30002, NULL), "");
	inv = phone_expect(c, "INVITE");
	c->says = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\r\n"
		  "Session-Expires: 1800;refresher=uac\r\n";
	phone_answer(c, inv, 200, "c", sdp_of(c, 20002, NULL));
	msg = phone_expect(a, "SIP/2.0 200");
	HAS(hdr(msg, "Session-Expires"), "uas");
	dlg_learn(&d, msg);
	dlg_ack(&d, d.cseq, NULL);
	lab_restart(lab);
	lab_pass(lab, 900100);
	expect_refresh(a, "300@", false, "timer");
	expect_refresh(c, "168@", true, "timer, replaces");
	dlg_send(&d, "UPDATE", NULL, NULL, "Supported: timer\r\n");
	msg = phone_expect(a, "SIP/2.0 200");
	LACKS(hdr(msg, "Allow"), "REFER");
	lab_pass(lab, 900100);
	expect_refresh(c, "168@", true, "timer");
}
END_TEST

/* Privacy asked for in the call holds for its transfer too (RFC 3323). */
START_TEST(who_withholds_his_name_refers_without_it)
{
	struct phone *boss = lab_office(lab, "400", 34);
	const char *msg;
	struct dlg d, e;

	dlg_call(&d, b, "300", sdp_of(b, 20002, NULL), "Privacy: id\r\n");
	msg = phone_expect(c, "INVITE");
	phone_answer(c, msg, 200, "c", sdp_of(c, 30002, NULL));
	dlg_learn(&d, phone_expect(b, "SIP/2.0 200"));
	dlg_ack(&d, d.cseq, NULL);
	lab_restart(lab);
	for (int i = 0; i < 2; i++) {
		struct phone *to = i == 0 ? a : boss;
		char line[64];

		snprintf(line, sizeof(line),
		    "Refer-To: <sip:%s@sip.example.org>\r\n", to->number);
		dlg_send(&d, "REFER", NULL, NULL, line);
		msg = phone_expect(c, "REFER");
		ck_assert_ptr_nonnull(msg);
		HAS(hdr(msg, "Refer-To"), to->number);
		ck_assert_str_eq(hdr(msg, "Referred-By"), "");
		phone_answer(c, msg, 202, "", NULL);
		ck_assert_ptr_nonnull(phone_expect(b, "SIP/2.0 202"));
		dlg_call(&e, c, to->number, sdp_of(c, 30004, NULL), "");
		msg = phone_expect(to, "INVITE");
		ck_assert_ptr_nonnull(msg);
		if (to == a)
			LACKS(msg, "SIP-200");
		else
			HAS(hdr(msg, "Referred-By"), "200@sip.example.org");
		dlg_cancel(&e);
	}
}
END_TEST

static TCase *
add_case(Suite *s, const char *name, void (*start)(void))
{
	TCase *t = tcase_create(name);

	tcase_set_timeout(t, 60);
	if (start != NULL)
		tcase_add_checked_fixture(t, start, teardown);
	suite_add_tcase(s, t);
	return t;
}

Suite *
suite_refer(void)
{
	Suite *s = suite_create("refer");
	TCase *t = add_case(s, "mixes", NULL);

	tcase_add_loop_test(t, rfc5589_6_blind_transfer_in_every_mix, 0, 16);
	tcase_add_loop_test(t, rfc5589_7_attended_transfer_in_every_mix, 0, 32);
	tcase_add_loop_test(t, attended_transfer_by_tcp, 0, 8);
	tcase_add_test(t, who_is_talked_to_next_is_offered_what_it_needs);
	tcase_add_test(t, the_phone_that_talks_lost_its_connection);
	tcase_add_test(t, channels_are_given_back_as_the_calls_end);

	t = add_case(s, "refer", setup);
	tcase_add_loop_test(t, rfc3515_2_1_refer_to_is_ours_or_refused, 0,
	    sizeof(targets) / sizeof(targets[0]));
	tcase_add_test(t, rfc3515_2_4_1_one_refer_to_and_one_only);
	tcase_add_loop_test(t, a_token_of_ours_becomes_the_number, 0, 2);
	tcase_add_test(t, a_token_or_dialog_of_others_is_nothing);
	tcase_add_test(
	    t, rfc3515_2_4_4_a_refusal_comes_back_and_the_call_goes_on);
	tcase_add_test(
	    t, rfc5057_a_refer_or_notify_without_an_answer_ends_no_call);
	tcase_add_test(t, rfc4488_without_a_subscription);
	tcase_add_test(t, the_transferor_may_hang_up_at_once);
	tcase_add_loop_test(t, the_transferor_may_hang_up_both_at_once, 0, 2);
	tcase_add_test(t, rfc5589_7_3_a_question_that_was_not_answered_yet);
	tcase_add_test(t, a_transfer_that_failed_is_a_call_like_before);
	tcase_add_test(t, who_was_sent_is_told_once_and_not_for_long);
	tcase_add_test(
	    t, transfers_of_others_do_not_make_it_forgotten);
	tcase_add_test(t, explicit_subscriptions_are_refused);
	tcase_add_test(t, rfc3323_who_withholds_its_name_refers_without_it);
	tcase_add_loop_test(t, rfc3515_2_4_5_a_notify_tells_its_status_and_no_more,
	    0, sizeof(notices) / sizeof(notices[0]));
	tcase_add_test(t, rfc3515_2_4_6_the_id_is_the_cseq_of_each_side);
	tcase_add_test(t, only_who_was_asked_may_notify);
	tcase_add_test(t, who_may_not_call_there_sends_nobody_there);
	tcase_add_test(t, a_refer_waits_for_registrar_db_and_not_for_ever);
	tcase_add_loop_test(t, registrar_db_ends_a_call, 0, 6);
	tcase_add_test(t, a_flood_of_refers_stops_at_the_calls_exchanges);
	tcase_add_test(t, outside_a_call_refer_is_refused);
	tcase_add_test(t, a_stranger_with_the_ids_is_challenged);
	tcase_add_test(t, before_the_answer_there_is_nothing_to_transfer);
	tcase_add_test(t, allow_and_supported_are_those_of_the_other_phone);
	tcase_add_test(t, a_refresh_of_ours_says_what_the_other_phone_can);
	tcase_add_test(t, who_withholds_his_name_refers_without_it);

	t = add_case(s, "restart", setup);
	tcase_add_test(t, a_restart_between_refer_and_notify);
	tcase_add_test(t, a_restart_between_refer_and_its_answer);
	tcase_add_loop_test(
	    t, a_restart_between_the_two_calls_and_the_refer, 0, 2);

	t = add_case(s, "replaces", setup_three);
	tcase_add_loop_test(t, rfc3891_3_no_such_dialog_is_481, 0, 3);
	tcase_add_test(t, the_dialog_must_be_of_the_number_that_was_asked_for);
	tcase_add_test(t, rfc3891_3_early_only_spares_an_answered_call);
	tcase_add_test(t, rfc3891_3_a_call_that_ended_is_declined);
	tcase_add_loop_test(t, rfc3891_3_broken_or_with_join_is_400, 0, 4);
	tcase_add_test(t, it_rings_the_phone_that_talks_and_no_other);
	tcase_add_test(t, require_replaces_is_passed_on);
	tcase_add_test(t, rfc3891_3_an_early_dialog_of_the_phone_that_called);
	tcase_add_test(t, nobody_replaces_without_proof);
	tcase_add_test(
	    t, the_old_call_may_end_before_the_new_one_is_answered);
	tcase_add_test(t, a_refused_replacement_leaves_the_call_alone);
	return s;
}
