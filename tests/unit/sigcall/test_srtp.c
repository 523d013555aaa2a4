/*
 * SRTP with keys in SDP (RFC 4568, 8643): who is offered what, whose keys go
 * where, and that nobody gets less than was agreed.
 */
#include <check.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "sigproxy/sip/crypto.h"
#include "tests/unit/sigcall/pair.h"
#include "tests/unit/sigcall/suites.h"

#define K1 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
#define K2 "HRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEA"
#define GCM "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw=="
#define LINE(tag, key)                                                         \
	"a=crypto:" tag " AES_CM_128_HMAC_SHA1_80 inline:" key "\r\n"

static const char *
secure(const struct phone *p, const char *proto, const char *lines)
{
	static char mem[4][4096];
	static unsigned at;
	char *out = mem[at++ % 4];
	const char *plain = sdp_of(p, 30000, NULL);
	const char *avp = strstr(plain, "RTP/AVP");

	snprintf(out, sizeof(mem[0]), "%.*s%s%s%s", (int)(avp - plain), plain,
	    proto, avp + strlen("RTP/AVP"), lines);
	return out;
}

/* The n-th a=crypto of a message; false: there is none. */
static bool
crypto_of(const char *msg, unsigned n, struct sdp_crypto *out)
{
	const char *at = strstr(msg, "a=crypto:");

	while (at != NULL && n-- > 0)
		at = strstr(at + 1, "a=crypto:");
	if (at == NULL)
		return false;
	at += strlen("a=crypto:");
	ck_assert_int_eq(
	    sdp_crypto_parse(span_make(at, strcspn(at, "\r")), out), 0);
	return true;
}

static const struct lab_key *
key_of(uint8_t end)
{
	for (unsigned i = lab->n_keys; i-- > 0;)
		if (lab->keys[i % 64].m.end == end)
			return &lab->keys[i % 64];
	return NULL;
}

static const struct lab_key *
expect_keys(uint8_t end, const char *in, const struct sdp_crypto *ours)
{
	const struct lab_key *k = key_of(end);
	char text[128];

	ck_assert_msg(k != NULL, "no key for end %u", end);
	ck_assert_uint_eq(k->m.suite_in, ours->suite);
	ck_assert_uint_eq(k->m.suite_out, ours->suite);
	ck_assert_mem_eq(k->out, ours->key, srtp_key_len(ours->suite));
	sodium_bin2base64(text, sizeof(text), k->in,
	    srtp_key_len(ours->suite), sodium_base64_VARIANT_ORIGINAL);
	ck_assert_str_eq(text, in);
	return k;
}

static void
expect_key(uint8_t end, const char *in, const struct sdp_crypto *ours)
{
	/* Before its RELAY_SET. */
	ck_assert_uint_lt(expect_keys(end, in, ours)->at, lab->n_sets);
}

/* a calls b with this offer; gives what b got. */
static const char *
calls(struct phone *a, struct phone *b, const char *offer)
{
	const char *inv;

	t = (struct talk){ .lab = lab };
	dlg_call(&t.a, a, b->number, offer, "");
	inv = phone_expect(b, "INVITE");
	if (inv != NULL)
		dlg_from_invite(&t.b, b, inv);
	return inv;
}

/* b answers; gives what a got. */
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

static void
hang_up(void)
{
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(phone_expect(t.b.phone, "BYE"));
	lab_pass(lab, 64000);
	lab_expect_empty(lab);
}

/* ---- towards the caller ---- */

static const struct {
	const char *name, *proto, *lines;
	uint8_t policy;
	/* answered with this suite and tag; 0: plain; -1: 488 */
	int suite;
	unsigned tag;
} offers[] = {
	{ "SAVP", "RTP/SAVP", LINE("1", K1), 0, SRTP_AES_CM_128_80, 1 },
	{ "SAVPF", "RTP/SAVPF", LINE("1", K1), 0, SRTP_AES_CM_128_80, 1 },
	{ "opportunistic (RFC 8643)", "RTP/AVP", LINE("4", K1), 0,
	    SRTP_AES_CM_128_80, 4 },
	{ "the first of its own order", "RTP/SAVP",
	    "a=crypto:1 AEAD_AES_128_GCM inline:" GCM "\r\n" LINE("2", K1), 0,
	    SRTP_AEAD_128, 1 },
	{ "the first that is ours", "RTP/SAVP",
	    "a=crypto:1 F8_128_HMAC_SHA1_80 inline:" K1 "\r\n" LINE("2", K1),
	    0, SRTP_AES_CM_128_80, 2 },
	{ "none that is ours", "RTP/SAVP",
	    "a=crypto:1 F8_128_HMAC_SHA1_80 inline:" K1 "\r\n", 0, -1, 0 },
	{ "no key", "RTP/SAVP", "", 0, -1, 0 },
	{ "none that is ours, opportunistic", "RTP/AVP",
	    "a=crypto:1 F8_128_HMAC_SHA1_80 inline:" K1 "\r\n", 0, 0, 0 },
	{ "plain", "RTP/AVP", "", 0, 0, 0 },
	{ "plain, optional", "RTP/AVP", "", SRTP_POLICY_OPTIONAL, 0, 0 },
	{ "plain, required", "RTP/AVP", "", SRTP_POLICY_REQUIRED, -1, 0 },
	{ "SAVP, required", "RTP/SAVP", LINE("1", K1), SRTP_POLICY_REQUIRED,
	    SRTP_AES_CM_128_80, 1 },
	{ "opportunistic, required", "RTP/AVP", LINE("1", K1),
	    SRTP_POLICY_REQUIRED, SRTP_AES_CM_128_80, 1 },
	{ "opportunistic, off", "RTP/AVP", LINE("1", K1), SRTP_POLICY_OFF, 0,
	    0 },
	{ "SAVP, off", "RTP/SAVP", LINE("1", K1), SRTP_POLICY_OFF, -1, 0 },
};

START_TEST(a_caller_is_answered_as_it_offers)
{
	const char *inv, *msg;
	struct sdp_crypto ours = { 0 };
	char m[64];

	lab->srtp_of_caller = offers[_i].policy;
	inv = calls(
	    home, desk, secure(home, offers[_i].proto, offers[_i].lines));
	if (offers[_i].suite < 0) {
		ck_assert_ptr_null(inv);
		msg = phone_expect(home, "SIP/2.0 488");
		ck_assert_msg(msg != NULL, "%s", offers[_i].name);
		HAS(hdr(msg, "Reason"), "SRTP");
		return;
	}
	ck_assert_msg(inv != NULL, "%s", offers[_i].name);
	LACKS(inv, "SAVP");
	LACKS(inv, "crypto");
	LACKS(inv, K1);
	msg = answers(desk, inv, sdp_of(desk, 20000, NULL));
	snprintf(m, sizeof(m), " %s 8",
	    offers[_i].suite == 0 ? "RTP/AVP" : offers[_i].proto);
	if (strcmp(offers[_i].proto, "RTP/SAVPF") != 0)
		HAS(msg, m);
	ck_assert_int_eq(crypto_of(msg, 0, &ours), offers[_i].suite > 0);
	ck_assert_ptr_null(key_of(1));
	if (offers[_i].suite > 0) {
		ck_assert_int_eq(ours.suite, offers[_i].suite);
		ck_assert_uint_eq(ours.tag, offers[_i].tag);
		expect_key(0, ours.suite == SRTP_AEAD_128 ? GCM : K1, &ours);
	} else {
		ck_assert_ptr_null(key_of(0));
	}
	hang_up();
}
END_TEST

/* ---- towards the called ---- */

START_TEST(who_must_have_it_is_offered_nothing_else)
{
	const char *inv;
	struct sdp_crypto ours;

	lab->srtp_of_called = SRTP_POLICY_REQUIRED;
	inv = calls(desk, home, sdp_of(desk, 20000, NULL));
	ck_assert_ptr_nonnull(inv);
	HAS(inv, " RTP/SAVP 8");
	ck_assert(crypto_of(inv, 0, &ours));
	ck_assert_uint_eq(ours.suite, SRTP_AES_CM_128_80);
	ck_assert(crypto_of(inv, 1, &ours));
	ck_assert_uint_eq(ours.suite, SRTP_AES_CM_128_32);
	ck_assert(crypto_of(inv, 2, &ours));
	ck_assert_uint_eq(ours.suite, SRTP_AES_256_CM_80);
	ck_assert(!crypto_of(inv, 3, &ours));
	ck_assert(crypto_of(inv, 0, &ours));
	LACKS(answers(home, inv, secure(home, "RTP/SAVP", LINE("1", K1))),
	    "crypto");
	expect_key(1, K1, &ours);
	ck_assert_ptr_null(key_of(0));
	hang_up();
}
END_TEST

static const char *const bad_answers[] = {
	"",						/* no key */
	"a=crypto:1 AEAD_AES_128_GCM inline:" GCM "\r\n", /* not offered */
	"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" GCM "\r\n", /* short */
	LINE("9", K1),		/* never was offered */
	LINE("2", K1),		/* that is the other suite's */
	LINE("1", K1) LINE("1", K2), /* which one? */
};

/* desk called home, which answered what nobody can take. */
static void
expect_refused(void)
{
	const char *msg = phone_expect(desk, "SIP/2.0 488");

	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "Reason"), "SRTP");
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	ck_assert_ptr_nonnull(phone_expect(home, "BYE"));
	ck_assert_ptr_null(key_of(1));
	ck_assert_uint_eq(lab->n_sets, 0);
	ck_assert_str_eq(
	    lab->reasons[(lab->n_notes - 1) % 64], "srtp-required");
}

START_TEST(an_answer_that_does_not_fit_ends_the_call)
{
	const char *inv;

	lab->srtp_of_called = SRTP_POLICY_REQUIRED;
	inv = calls(desk, home, sdp_of(desk, 20000, NULL));
	phone_answer(home, inv, 200, "tb",
	    secure(home, _i == 0 ? "RTP/AVP" : "RTP/SAVP", bad_answers[_i]));
	expect_refused();
}
END_TEST

START_TEST(our_own_key_is_no_answer)
{
	const char *inv, *at;
	char line[160];

	lab->srtp_of_called = SRTP_POLICY_REQUIRED;
	inv = calls(desk, home, sdp_of(desk, 20000, NULL));
	at = strstr(inv, "a=crypto:1");
	ck_assert_ptr_nonnull(at);
	snprintf(line, sizeof(line), "%.*s\r\n", (int)strcspn(at, "\r"), at);
	phone_answer(home, inv, 200, "tb", secure(home, "RTP/SAVP", line));
	expect_refused();
}
END_TEST

static const char *
refuses(struct phone *p, const char *inv, unsigned status)
{
	phone_answer(p, inv, status, "tr", NULL);
	ck_assert_ptr_nonnull(phone_expect(p, "ACK"));
	return phone_expect(p, "INVITE");
}

static const unsigned refusals[] = { 488, 415, 606 };

START_TEST(who_refuses_plain_is_asked_once_more_and_known_then)
{
	struct sdp_crypto ours;
	const char *inv = calls(desk, home, sdp_of(desk, 20000, NULL));

	HAS(inv, " RTP/AVP 8");
	LACKS(inv, "crypto");
	inv = refuses(home, inv, refusals[_i]);
	ck_assert_ptr_nonnull(inv);
	HAS(inv, " RTP/SAVP 8");
	ck_assert(crypto_of(inv, 0, &ours));
	dlg_from_invite(&t.b, home, inv);
	answers(home, inv, secure(home, "RTP/SAVP", LINE("1", K1)));
	expect_key(1, K1, &ours);
	hang_up();
	/* The next call begins so, and the other way is the second one. */
	inv = calls(desk, home, sdp_of(desk, 20000, NULL));
	HAS(inv, " RTP/SAVP 8");
	inv = refuses(home, inv, 488);
	ck_assert_ptr_nonnull(inv);
	HAS(inv, " RTP/AVP 8");
	LACKS(inv, "crypto");
	ck_assert_ptr_null(refuses(home, inv, 488));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 488"));
}
END_TEST

static const struct {
	uint8_t policy;
	unsigned status;
} finals[] = { { SRTP_POLICY_REQUIRED, 488 }, { SRTP_POLICY_OFF, 488 },
	{ SRTP_POLICY_OPTIONAL, 486 } };

START_TEST(there_is_no_other_way)
{
	const char *inv;

	lab->srtp_of_called = finals[_i].policy;
	inv = calls(desk, home, sdp_of(desk, 20000, NULL));
	ck_assert_ptr_null(refuses(home, inv, finals[_i].status));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 4"));
}
END_TEST

START_TEST(a_phone_is_called_as_it_called_last)
{
	const char *inv = calls(
	    home, desk, secure(home, "RTP/AVP", LINE("1", K1)));
	struct sdp_crypto ours;

	answers(desk, inv, sdp_of(desk, 20000, NULL));
	hang_up();
	inv = calls(desk, home, sdp_of(desk, 20000, NULL));
	HAS(inv, " RTP/AVP 8");
	ck_assert(crypto_of(inv, 0, &ours));
	/* It may take it or not. */
	answers(home, inv, sdp_of(home, 30000, NULL));
	ck_assert_ptr_null(key_of(1));
	hang_up();
	inv = calls(desk, home, sdp_of(desk, 20000, NULL));
	LACKS(inv, "crypto");
}
END_TEST

START_TEST(each_leg_has_keys_of_its_own)
{
	struct phone *other = lab_home(lab, "169", 8);
	struct sdp_crypto theirs, ours;
	const char *inv, *msg;

	lab->srtp_of_called = SRTP_POLICY_REQUIRED;
	inv = calls(home, other, secure(home, "RTP/SAVP", LINE("3", K1)));
	ck_assert(crypto_of(inv, 0, &theirs));
	LACKS(inv, K1);
	msg = answers(other, inv, secure(other, "RTP/SAVP", LINE("1", K2)));
	LACKS(msg, K2);
	ck_assert(crypto_of(msg, 0, &ours));
	ck_assert_uint_eq(ours.tag, 3);
	ck_assert_mem_ne(ours.key, theirs.key, 30);
	expect_key(0, K1, &ours);
	expect_key(1, K2, &theirs);
	hang_up();
}
END_TEST

START_TEST(an_offer_in_the_answer_is_secure_too)
{
	struct sdp_crypto ours;
	const char *inv, *msg;

	lab->srtp_of_caller = SRTP_POLICY_REQUIRED;
	inv = calls(home, desk, NULL);
	phone_answer(desk, inv, 200, "tb", sdp_of(desk, 20000, NULL));
	msg = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	HAS(msg, " RTP/SAVP 8");
	ck_assert(crypto_of(msg, 0, &ours));
	dlg_learn(&t.a, msg);
	dlg_ack(&t.a, t.a.cseq, secure(home, "RTP/SAVP", LINE("1", K1)));
	msg = phone_expect(desk, "ACK");
	ck_assert_ptr_nonnull(msg);
	HAS(msg, " RTP/AVP 8");
	LACKS(msg, "crypto");
	expect_key(0, K1, &ours);
	hang_up();
}
END_TEST

/* What takes back a hold that was accepted in clear has the key agreed before,
 * and no answer to it gets less than that: key or clear, ours sent back, or
 * said when sigproxy had died meanwhile. */
START_TEST(what_failed_for_want_of_a_key_is_taken_back_with_the_same)
{
	static const char *const says[] = { LINE("1", K1), LINE("1", K2), "",
		NULL, LINE("1", K1) };
	static const char *const told[] = { K1, K2, K1, K1, K1 };
	struct sdp_crypto ours, again;
	char reflected[128] = LINE("1", "");
	const char *msg;

	ck_assert_ptr_nonnull(answers(desk, calls(home, desk,
	    secure(home, "RTP/SAVP", LINE("1", K1))),
	    sdp_of(desk, 20000, NULL)));
	dlg_send(&t.b, "INVITE", "application/sdp",
	    sdp_of(desk, 20000, "sendonly"), "");
	msg = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(msg);
	ck_assert(crypto_of(msg, 0, &ours));
	phone_answer(home, msg, 200, "", sdp_of(home, 30000, "recvonly"));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 488"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	expect_key(0, K1, &ours);
	lab_pass(lab, 1000);
	msg = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(msg);
	LACKS(msg, "a=sendonly");
	HAS(msg, " RTP/SAVP ");
	ck_assert(crypto_of(msg, 0, &again));
	ck_assert_mem_eq(again.key, ours.key, srtp_key_len(ours.suite));
	if (_i == 3)
		sodium_bin2base64(reflected + strlen(reflected) - 2, 64,
		    ours.key, srtp_key_len(ours.suite),
		    sodium_base64_VARIANT_ORIGINAL);
	if (_i == 3)
		strcat(reflected, "\r\n");
	if (_i == 4)
		lab_restart(lab);
	phone_answer(home, msg, 200, "", secure(home,
	    _i == 2 ? "RTP/AVP" : "RTP/SAVP",
	    _i == 3 ? reflected : says[_i]));
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	(void)expect_keys(0, told[_i], &ours);
	lab_pass(lab, 10000);
	ck_assert_ptr_null(phone_expect(desk, "INVITE"));
	ck_assert_ptr_null(phone_expect(home, "BYE"));
	hang_up();
}
END_TEST

#define REL "Require: 100rel\r\nRSeq: 1\r\n"

/* desk says this reliably; gives what home got. */
static const char *
early(const char *inv, const char *sdp)
{
	const char *msg;

	desk->says = REL;
	phone_answer(desk, inv, 183, "d", sdp);
	desk->says = NULL;
	msg = phone_expect(home, "SIP/2.0 183");
	ck_assert_ptr_nonnull(msg);
	dlg_learn(&t.a, msg);
	dlg_from_invite(&t.b, desk, inv);
	strcpy(strstr(t.b.local, ";tag="), ";tag=d");
	return msg;
}

/* home acknowledges it. */
static void
prack(const char *sdp)
{
	const char *msg;

	dlg_send(&t.a, "PRACK", sdp == NULL ? NULL : "application/sdp", sdp,
	    "RAck: 1 2 INVITE\r\n");
	msg = phone_expect(desk, "PRACK");
	ck_assert_ptr_nonnull(msg);
	LACKS(msg, "crypto");
	phone_answer(desk, msg, 200, "", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
}

/* Then desk lifts its handset, and says nothing new. */
static void
lift(const char *inv)
{
	const char *msg;

	phone_answer(desk, inv, 200, "d", NULL);
	msg = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	ck_assert_str_eq(body(msg), "");
	dlg_ack(&t.a, 2, NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
}

/* RFC 3262 5: the 183 offers, the PRACK answers; ours are the offer's. */
START_TEST(an_offer_in_a_183_is_secure_too)
{
	struct sdp_crypto ours;
	const char *inv, *msg;

	lab->srtp_of_caller = SRTP_POLICY_REQUIRED;
	inv = calls(home, desk, NULL);
	ck_assert_ptr_nonnull(inv);
	msg = early(inv, sdp_of(desk, 20000, NULL));
	HAS(msg, " RTP/SAVP 8");
	ck_assert(crypto_of(msg, 0, &ours));
	if (_i == 1) { /* sigproxy dies in between */
		lab_restart(lab);
		inv = phone_expect(desk, "INVITE");
		ck_assert_ptr_nonnull(inv);
		(void)early(inv, sdp_of(desk, 20000, NULL));
	}
	prack(secure(home, "RTP/SAVP", LINE("1", K1)));
	expect_key(0, K1, &ours);
	lift(inv);
	expect_key(0, K1, &ours);
	hang_up();
}
END_TEST

/* RFC 3311 5.1: the called phone offers anew while it rings, and the caller
 * answers with another key; ours for it is the one that it was told. */
START_TEST(an_offer_in_an_early_update_is_answered_by_another_key)
{
	struct sdp_crypto ours;
	const char *inv, *msg;

	inv = calls(home, desk, secure(home, "RTP/SAVP", LINE("1", K1)));
	ck_assert_ptr_nonnull(inv);
	(void)early(inv, sdp_of(desk, 20000, NULL));
	prack(NULL);
	dlg_send(&t.b, "UPDATE", "application/sdp", sdp_of(desk, 20100, NULL),
	    "");
	msg = phone_expect(home, "UPDATE");
	ck_assert_ptr_nonnull(msg);
	ck_assert(crypto_of(msg, 0, &ours));
	phone_answer(home, msg, 200, "",
	    secure(home, "RTP/SAVP", LINE("1", K2)));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	(void)expect_keys(0, K2, &ours);
	lift(inv);
	(void)expect_keys(0, K2, &ours);
	hang_up();
}
END_TEST

/* The same, with the called phone outside, which offers another key. */
START_TEST(an_early_update_with_another_key_is_answered_by_another)
{
	struct sdp_crypto ours, again;
	const char *inv, *msg;
	struct phone *keep = desk;

	lab->srtp_of_called = SRTP_POLICY_REQUIRED;
	/* Who is called is home here. */
	t = (struct talk){ .lab = lab };
	dlg_call(&t.a, desk, "168", sdp_of(desk, 20000, NULL), "");
	inv = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(inv);
	ck_assert(crypto_of(inv, 0, &ours));
	desk = home;
	home = keep;
	(void)early(inv, secure(desk, "RTP/SAVP", LINE("1", K1)));
	dlg_send(&t.a, "PRACK", NULL, NULL, "RAck: 1 2 INVITE\r\n");
	msg = phone_expect(desk, "PRACK");
	ck_assert_ptr_nonnull(msg);
	phone_answer(desk, msg, 200, "", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 200"));
	expect_key(1, K1, &ours);
	dlg_send(&t.b, "UPDATE", "application/sdp",
	    secure(desk, "RTP/SAVP", LINE("1", K2)), "");
	msg = phone_expect(home, "UPDATE");
	ck_assert_ptr_nonnull(msg);
	LACKS(msg, "crypto");
	phone_answer(home, msg, 200, "", sdp_of(home, 20000, NULL));
	msg = phone_expect(desk, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	ck_assert(crypto_of(msg, 0, &again));
	ck_assert_mem_ne(again.key, ours.key, 30);
	(void)expect_keys(1, K2, &again);
	lift(inv);
	(void)expect_keys(1, K2, &again);
	hang_up();
}
END_TEST

/* Nothing refuses what an ACK says: the call ends. */
START_TEST(a_plain_answer_in_an_ack_ends_the_call)
{
	const char *inv, *msg;
	struct dlg a;

	lab->srtp_of_caller = SRTP_POLICY_REQUIRED;
	dlg_call(&a, home, "200", NULL, "");
	inv = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(inv);
	phone_answer(desk, inv, 200, "d", sdp_of(desk, 20000, NULL));
	msg = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	HAS(msg, " RTP/SAVP 8");
	dlg_learn(&a, msg);
	dlg_ack(&a, a.cseq, sdp_of(home, 30000, NULL));
	msg = phone_expect(desk, "ACK");
	ck_assert_ptr_nonnull(msg);
	LACKS(msg, "m=audio");
	for (int i = 0; i < 2; i++) {
		msg = phone_expect(i == 0 ? home : desk, "BYE");
		ck_assert_ptr_nonnull(msg);
		HAS(hdr(msg, "Reason"), "SRTP required");
	}
	ck_assert_str_eq(
	    lab->reasons[(lab->n_notes - 1) % 64], "srtp-required");
}
END_TEST

/* ---- later ---- */

/* A call from home, with SRTP there; gives our key. */
static struct sdp_crypto
talk_secure(void)
{
	struct sdp_crypto ours = { 0 };
	const char *inv = calls(
	    home, desk, secure(home, "RTP/SAVP", LINE("1", K1)));

	ck_assert(crypto_of(
	    answers(desk, inv, sdp_of(desk, 20000, NULL)), 0, &ours));
	return ours;
}

/* home offers again; gives what it is answered. */
static const char *
offers_again(const char *offer)
{
	const char *msg;

	dlg_send(&t.a, "INVITE", "application/sdp", offer, "");
	msg = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(msg);
	LACKS(msg, "crypto");
	phone_answer(desk, msg, 200, "", sdp_of(desk, 20000, NULL));
	msg = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	dlg_ack(&t.a, t.a.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(desk, "ACK"));
	return msg;
}

START_TEST(the_same_key_again_changes_nothing)
{
	struct sdp_crypto ours = talk_secure(), again;
	unsigned n = lab->n_keys;

	ck_assert(crypto_of(offers_again(secure(home, "RTP/SAVP",
				LINE("1", K1) "a=sendonly\r\n")),
	    0, &again));
	ck_assert_mem_eq(&again, &ours, sizeof(ours));
	ck_assert_uint_eq(lab->n_keys, n);
	hang_up();
}
END_TEST

START_TEST(another_key_is_answered_by_another)
{
	struct sdp_crypto ours = talk_secure(), again;
	const struct ipc_relay_roc roc = { .end = 0, .n_rocs = 2,
		.rocs = { { 0, 1, 1, 70000, 0, 0 }, { 1, 2, 1, 3, 0, 0 } } };

	lab_roc(lab, &roc);
	ck_assert(crypto_of(
	    offers_again(secure(home, "RTP/SAVP", LINE("1", K2))), 0, &again));
	ck_assert_mem_ne(again.key, ours.key, 30);
	expect_key(0, K2, &again);
	ck_assert_uint_eq(key_of(0)->m.n_rocs, 0);
	hang_up();
}
END_TEST

START_TEST(the_office_may_offer_again)
{
	struct sdp_crypto ours = talk_secure(), again;
	unsigned n = lab->n_keys;
	const char *msg;

	dlg_send(&t.b, "INVITE", "application/sdp", sdp_of(desk, 20200, NULL),
	    "");
	msg = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(msg);
	HAS(msg, " RTP/SAVP 8");
	ck_assert(crypto_of(msg, 0, &again));
	ck_assert_mem_eq(again.key, ours.key, 30);
	ck_assert(!crypto_of(msg, 1, &again));
	phone_answer(home, msg, 200, "",
	    secure(home, "RTP/SAVP", LINE("1", K1)));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 200"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "ACK"));
	ck_assert_uint_eq(lab->n_keys, n);
	hang_up();
}
END_TEST

START_TEST(what_is_secure_stays_so)
{
	const char *msg;
	unsigned n;

	talk_secure();
	n = lab->n_sets;
	/* The phone, or who has its digest, would have less. */
	dlg_send(&t.a, "INVITE", "application/sdp", sdp_of(home, 30000, NULL),
	    "");
	msg = phone_expect(home, "SIP/2.0 488");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "Reason"), "SRTP");
	dlg_ack(&t.a, t.a.cseq, NULL);
	ck_assert_ptr_null(phone_expect(desk, "INVITE"));
	/* The same in its answer. */
	dlg_send(&t.b, "UPDATE", "application/sdp", sdp_of(desk, 20000, NULL),
	    "");
	msg = phone_expect(home, "UPDATE");
	ck_assert_ptr_nonnull(msg);
	phone_answer(home, msg, 200, "", sdp_of(home, 30000, NULL));
	msg = phone_expect(desk, "SIP/2.0 488");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "Reason"), "SRTP");
	ck_assert_uint_eq(lab->n_sets, n);
	hang_up();
}
END_TEST

/* A call before was secure; this one is not, whoever offers again. */
START_TEST(a_plain_call_stays_plain_whatever_the_last_one_was)
{
	const char *msg;

	talk_secure();
	hang_up();
	answers(desk, calls(home, desk, sdp_of(home, 30000, NULL)),
	    sdp_of(desk, 20000, NULL));
	dlg_send(&t.b, "INVITE", "application/sdp",
	    sdp_of(desk, 20000, "sendonly"), "");
	msg = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(msg);
	HAS(msg, " RTP/AVP 8");
	LACKS(msg, "crypto");
}
END_TEST

#define FAX                                                                    \
	"v=0\r\no=- 5 9 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"        \
	"m=image 20000 udptl t38\r\na=T38FaxVersion:0\r\n"

static const char *
fax_of(const struct phone *p)
{
	static char mem[2][512];
	static unsigned at;
	char *out = mem[at++ % 2];

	snprintf(out, sizeof(mem[0]), FAX, p->host, p->host);
	return out;
}

START_TEST(no_fax_where_srtp_must_be)
{
	const char *msg;

	lab->srtp_of_caller = SRTP_POLICY_REQUIRED;
	talk_secure();
	dlg_send(&t.b, "INVITE", "application/sdp", fax_of(desk), "");
	msg = phone_expect(desk, "SIP/2.0 488");
	ck_assert_ptr_nonnull(msg);
	HAS(hdr(msg, "Reason"), "SRTP");
	ck_assert_ptr_null(phone_expect(home, "INVITE"));
	dlg_ack(&t.b, t.b.cseq, NULL);
	hang_up();
}
END_TEST

/* From either side; and back to the sound that was agreed. */
START_TEST(a_fax_may_follow_where_srtp_may_be)
{
	struct dlg *asks = _i == 0 ? &t.a : &t.b;
	struct phone *a = _i == 0 ? home : desk, *b = _i == 0 ? desk : home;
	const char *msg;

	talk_secure();
	dlg_send(asks, "INVITE", "application/sdp", fax_of(a), "");
	msg = phone_expect(b, "INVITE");
	ck_assert_ptr_nonnull(msg);
	HAS(msg, "udptl t38");
	phone_answer(b, msg, 200, "", fax_of(b));
	ck_assert_ptr_nonnull(phone_expect(a, "SIP/2.0 200"));
	dlg_ack(asks, asks->cseq, NULL);
	ck_assert_ptr_nonnull(phone_expect(b, "ACK"));
	dlg_send(&t.b, "INVITE", "application/sdp", sdp_of(desk, 20000, NULL),
	    "");
	msg = phone_expect(home, "INVITE");
	ck_assert_ptr_nonnull(msg);
	HAS(msg, " RTP/SAVP 8");
}
END_TEST

START_TEST(a_relay_that_forgot_is_told_how_far_it_was)
{
	struct sdp_crypto ours = talk_secure();
	const struct ipc_relay_roc roc = { .end = 0, .n_rocs = 2,
		.rocs = { { 0, 0x1234, 1, 70000, 1, 8 },
		    { 1, 0x5678, 1, 131072, 0, 0 } } };
	unsigned n = lab->n_keys;

	lab_roc(lab, &roc);
	lab_relay(lab, false);
	lab_relay(lab, true);
	ck_assert_uint_eq(lab->n_keys, n + 1);
	expect_key(0, K1, &ours);
	ck_assert_uint_eq(key_of(0)->m.n_rocs, 2);
	ck_assert_mem_eq(
	    key_of(0)->m.rocs, roc.rocs, 2 * sizeof(roc.rocs[0]));
	hang_up();
}
END_TEST

START_TEST(keys_survive_sigproxy)
{
	struct sdp_crypto ours = talk_secure(), again;
	const struct ipc_relay_roc roc = { .end = 0, .n_rocs = 1,
		.rocs = { { 0, 0x1234, 1, 70000, 1, 8 } } };

	lab_roc(lab, &roc);
	lab->n_keys = 0;
	lab_restart(lab);
	expect_key(0, K1, &ours);
	ck_assert_uint_eq(key_of(0)->m.n_rocs, 1);
	ck_assert_uint_eq(key_of(0)->m.rocs[0].index, 70000);
	ck_assert(crypto_of(
	    offers_again(secure(home, "RTP/SAVP", LINE("1", K1))), 0, &again));
	ck_assert_mem_eq(again.key, ours.key, 30);
	hang_up();
}
END_TEST

START_TEST(between_office_phones_keys_pass_and_policy_counts)
{
	struct phone *other = lab_office(lab, "201", 32);
	const char *inv = calls(
	    desk, other, secure(desk, "RTP/SAVP", LINE("1", K1)));

	HAS(inv, K1);
	answers(other, inv, secure(other, "RTP/SAVP", LINE("1", K2)));
	hang_up();
	lab->srtp_of_called = SRTP_POLICY_REQUIRED;
	ck_assert_ptr_null(calls(desk, other, sdp_of(desk, 20000, NULL)));
	ck_assert_ptr_nonnull(phone_expect(desk, "SIP/2.0 488"));
}
END_TEST

#define ROWS(a) (int)(sizeof(a) / sizeof((a)[0]))

/* For the record: what each phone's sound goes by. */
START_TEST(the_suite_of_each_leg_is_told)
{
	(void)talk_secure();
	lab_reach(lab, 0, MEDIA_HEARD);
	ck_assert_uint_eq(lab->reach.called, 0);
	ck_assert_uint_eq(lab->reach.srtp, SRTP_AES_CM_128_80);
	lab_reach(lab, 1, MEDIA_HEARD);
	ck_assert_uint_eq(lab->reach.called, 1);
	ck_assert_uint_eq(lab->reach.srtp, SRTP_NONE);
	hang_up();
}
END_TEST

/* Two devices of one number that must have it ring: each has keys of its own,
 * and only those of who answers get to the relay for good. */
START_TEST(each_branch_of_a_fork_must_have_it)
{
	struct phone *other = lab_home(lab, "168", 9);
	struct sdp_crypto ours[2];
	const char *inv[2], *msg;

	lab->srtp_of_called = SRTP_POLICY_REQUIRED;
	t = (struct talk){ .lab = lab };
	dlg_call(&t.a, desk, "168", sdp_of(desk, 20000, NULL), "");
	inv[0] = phone_expect(home, "INVITE");
	inv[1] = phone_expect(other, "INVITE");
	for (int i = 0; i < 2; i++) {
		ck_assert_ptr_nonnull(inv[i]);
		HAS(inv[i], " RTP/SAVP 8");
		ck_assert(crypto_of(inv[i], 0, &ours[i]));
	}
	ck_assert_mem_ne(ours[0].key, ours[1].key,
	    srtp_key_len(SRTP_AES_CM_128_80));
	phone_answer(home, inv[0], 180, "h", NULL);
	dlg_from_invite(&t.b, other, inv[1]);
	phone_answer(other, inv[1], 200, "o",
	    secure(other, "RTP/SAVP", LINE("1", K2)));
	msg = phone_expect(desk, "SIP/2.0 200");
	ck_assert_ptr_nonnull(msg);
	HAS(msg, " RTP/AVP 8");
	LACKS(msg, "crypto");
	expect_key(2, K2, &ours[1]);
	ck_assert_ptr_null(key_of(1));
	ck_assert_ptr_nonnull(phone_expect(home, "CANCEL"));
}
END_TEST

Suite *
suite_srtp(void)
{
	Suite *s = suite_create("srtp");
	TCase *c = tcase_create("srtp");

	tcase_add_checked_fixture(c, pair_setup, pair_teardown);
	tcase_add_loop_test(
	    c, a_caller_is_answered_as_it_offers, 0, ROWS(offers));
	tcase_add_test(c, who_must_have_it_is_offered_nothing_else);
	tcase_add_test(c, a_plain_answer_in_an_ack_ends_the_call);
	tcase_add_loop_test(c, an_answer_that_does_not_fit_ends_the_call, 0,
	    ROWS(bad_answers));
	tcase_add_loop_test(c,
	    who_refuses_plain_is_asked_once_more_and_known_then, 0,
	    ROWS(refusals));
	tcase_add_loop_test(c, there_is_no_other_way, 0, ROWS(finals));
	tcase_add_test(c, a_phone_is_called_as_it_called_last);
	tcase_add_test(c, each_leg_has_keys_of_its_own);
	tcase_add_test(c, an_offer_in_the_answer_is_secure_too);
	tcase_add_loop_test(c,
	    what_failed_for_want_of_a_key_is_taken_back_with_the_same, 0, 5);
	tcase_add_loop_test(c, an_offer_in_a_183_is_secure_too, 0, 2);
	tcase_add_test(
	    c, an_offer_in_an_early_update_is_answered_by_another_key);
	tcase_add_test(
	    c, an_early_update_with_another_key_is_answered_by_another);
	tcase_add_test(c, the_same_key_again_changes_nothing);
	tcase_add_test(c, another_key_is_answered_by_another);
	tcase_add_test(c, the_office_may_offer_again);
	tcase_add_test(c, our_own_key_is_no_answer);
	tcase_add_test(c, what_is_secure_stays_so);
	tcase_add_test(c, a_plain_call_stays_plain_whatever_the_last_one_was);
	tcase_add_test(c, no_fax_where_srtp_must_be);
	tcase_add_loop_test(c, a_fax_may_follow_where_srtp_may_be, 0, 2);
	tcase_add_test(c, a_relay_that_forgot_is_told_how_far_it_was);
	tcase_add_test(c, keys_survive_sigproxy);
	tcase_add_test(c, between_office_phones_keys_pass_and_policy_counts);
	tcase_add_test(c, the_suite_of_each_leg_is_told);
	tcase_add_test(c, each_branch_of_a_fork_must_have_it);
	suite_add_tcase(s, c);
	return s;
}
