/*
 * What may be told to whom: Call-IDs, unknown headers, identity.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sigproxy/core/callid.h"
#include "sigproxy/core/leak.h"
#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

static const struct {
	const char *id;
	bool mask;
} call_ids[] = {
	{ "a84b4c76e66710", false },
	{ "3c26-7a8f_b.x", true },
	{ "3c267a8f-e29b-41d4-a716-446655440000", false },
	{ "1-12-192-168", true },
	{ "call-192-168-10-5-x", true },
	{ "192-168-10-5x7f3a", true },
	{ "a192_168_10_5", true },
	{ "20-10-2026-1", false },
	{ "1-2-3x4-5", false },
	{ "1@pc33", true },
	{ "192.168.10.5", true },
	{ "pc33.office.local", true },
	{ "2001:db8::1", true },
	{ "x[1", true },
};

START_TEST(a_call_id_that_may_tell_something_is_masked)
{
	ck_assert_msg(
	    callid_must_mask(span_str(call_ids[_i].id)) == call_ids[_i].mask,
	    "%s", call_ids[_i].id);
}
END_TEST

START_TEST(a_masked_call_id_opens_with_the_same_key_only)
{
	struct callid_key key, other;
	char mem[2][CALLID_MASKED_MAX], plain[256];
	struct span id = SPAN_LIT("f81d4fae@192.168.10.31");
	struct buf a, b, p;

	callid_key_random(&key);
	callid_key_random(&other);
	buf_init(&a, mem[0], sizeof(mem[0]));
	buf_init(&b, mem[1], sizeof(mem[1]));
	callid_put(&a, &key, id);
	callid_put(&b, &key, id);
	ck_assert(span_eq(buf_span(&a), buf_span(&b)));
	ck_assert(!callid_must_mask(buf_span(&a)));
	buf_init(&p, plain, sizeof(plain));
	ck_assert_int_eq(callid_open(&p, &key, buf_span(&a)), 0);
	ck_assert(span_eq(buf_span(&p), id));
	ck_assert_int_eq(callid_open(&p, &other, buf_span(&a)), -ENOENT);
	mem[0][10] = mem[0][10] == 'A' ? 'B' : 'A';
	ck_assert_int_eq(callid_open(&p, &key, buf_span(&a)), -ENOENT);
	ck_assert_int_eq(callid_open(&p, &key, SPAN_LIT("p-")), -ENOENT);
	ck_assert_int_eq(callid_open(&p, &key, SPAN_LIT("other")), -ENOENT);
	ck_assert_uint_eq(p.len, id.len);
}
END_TEST

START_TEST(a_long_call_id_becomes_a_hash_within_the_limit)
{
	struct callid_key key;
	char id[256], mem[CALLID_MASKED_MAX], plain[256];
	struct buf b, p;

	callid_key_random(&key);
	memset(id, 'x', sizeof(id));
	id[200] = '@';
	for (size_t len = 1; len <= sizeof(id); len++) {
		id[0] = '@';
		buf_init(&b, mem, sizeof(mem));
		callid_put(&b, &key, span_make(id, len));
		ck_assert_int_eq(buf_err(&b), 0);
		buf_init(&p, plain, sizeof(plain));
		ck_assert_int_eq(callid_open(&p, &key, buf_span(&b)),
		    len <= CALLID_PLAIN_MAX ? 0 : -ENOENT);
	}
}
END_TEST

static const struct {
	const char *text;
	bool leaks;
} texts[] = {
	{ "hello world. Now", false },
	{ "call 12:30:45 on 1.5", false },
	{ "10.0.0.5", true },
	{ "see 10.0.0.5:5060, please", true },
	{ "[fe80::1]", true },
	{ "2001:db8::17", true },
	{ "<sip:168@sip.example.org>", false },
	{ "<sip:168@alias.example.net:5070;lr>", false },
	{ "<sip:168@pbx>", true },
	{ "<sip:pbx;lr>", true },
	{ "<sips:168@pbx.office.local>", true },
	{ "http://pbx/ring.wav", true },
	{ "pbx.office.local", true },
	{ "SIP;cause=200;text=\"Call completed elsewhere\"", false },
	{ "audio/x-wav;q=0.5", false },
	{ "root@host", true },
	{ "", false },
	{ "sip:", false },
	{ ".-.:::", false },
	{ "<sip:10.0.0.5@sip.example.org>", true },
};

START_TEST(what_names_a_host_that_is_not_ours_leaks)
{
	struct edge_conf conf = {
		.domain = SPAN_LIT("sip.example.org"),
		.aliases = { SPAN_LIT("alias.example.net") },
		.n_aliases = 1,
	};

	ck_assert_msg(
	    leak_in(&conf, span_str(texts[_i].text)) == texts[_i].leaks, "%s",
	    texts[_i].text);
}
END_TEST

/* Headers on their way; want NULL: it must not arrive. */
static const struct {
	const char *name;
	const char *header, *value;
	bool to_office, to_home; /* arrives there from the other side */
	bool office_to_office;
} headers[] = {
	{ "harmless and unknown", "X-Color", "blue", true, true, true },
	{ "unknown with an address", "X-Host", "192.168.10.9", true, false,
	    true },
	{ "unknown with an office name", "X-Host", "pbx.office.local", true,
	    false, true },
	{ "subject", "Subject", "lunch", true, true, true },
	{ "identity is ours to give", "P-Preferred-Identity",
	    "<sip:1@sip.example.org>", false, false, false },
	{ "remote party", "Remote-Party-ID", "<sip:1@sip.example.org>", false,
	    false, false },
	{ "charging", "P-Charging-Function-Addresses", "ccf=x", false, false,
	    true },
	{ "what a phone would fetch", "Alert-Info", "<http://192.168.10.9/x>",
	    false, false, true },
	{ "who may answer by itself", "Answer-Mode", "Auto", false, true,
	    true },
	{ "whose microphone opens even so", "Priv-Answer-Mode", "Auto", false,
	    true, true },
	{ "events", "Allow-Events", "talk", false, false, false },
	{ "organisation", "Organization", "Office", true, false, true },
	{ "what it takes", "Accept", "application/sdp", true, true, true },
	{ "what it takes, with its address", "Accept",
	    "application/sdp;host=192.168.10.10", true, false, true },
	{ "how the body is meant", "Content-Disposition",
	    "session;by=192.168.10.10", true, false, true },
	{ "its language", "Content-Language", "pbx.office.local", true, false,
	    true },
	{ "another dialog", "Target-Dialog", "a;local-tag=b;remote-tag=c",
	    false, false, false },
	{ "a warning", "Warning", "399 pbx \"x\"", false, false, false },
	{ "where it was", "History-Info", "<sip:1@sip.example.org>;index=1",
	    false, false, true },
	{ "who passed it on", "Diversion",
	    "<sip:1@192.168.10.9>;reason=no-answer", false, false, true },
	{ "a signed identity that our rewriting broke", "Identity",
	    "eyJhbGciOiJFUzI1NiJ9..sig;info=<https://c.example/c>;alg=ES256",
	    false, false, false },
	{ "a wish for privacy", "Privacy", "id;critical", true, false, true },
	{ "early media somebody allows", "P-Early-Media", "sendrecv", false,
	    false, true },
};

static void
pass(struct lab *lab, struct phone *from, struct phone *to, unsigned i,
    bool want)
{
	char line[256];
	const char *inv;
	struct dlg d;

	snprintf(line, sizeof(line), "%s: %s\r\n", headers[i].header,
	    headers[i].value);
	dlg_call(&d, from, to->number, sdp_of(from, 30000, NULL), line);
	inv = phone_expect(to, "INVITE");
	ck_assert_msg(inv != NULL, "%s", headers[i].name);
	ck_assert_msg(strcmp(hdr(inv, headers[i].header),
			  want ? headers[i].value : "") == 0,
	    "%s, to %s:\n%s", headers[i].name, to->number, inv);
}

START_TEST(headers_pass_by_what_they_mean)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	struct phone *boss = lab_office(lab, "300", 32);

	pass(lab, home, desk, (unsigned)_i, headers[_i].to_office);
	pass(lab, desk, home, (unsigned)_i, headers[_i].to_home);
	pass(lab, boss, desk, (unsigned)_i, headers[_i].office_to_office);
	lab_free(lab);
}
END_TEST

/* The first says nothing, and was the only one looked at. */
START_TEST(each_line_about_a_body_is_looked_at)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	const char *inv;
	struct dlg d;

	dlg_call(&d, desk, home->number, sdp_of(desk, 30000, NULL),
	    "Content-Language: en\r\n"
	    "Content-Language: pbx.office.local\r\n");
	inv = phone_expect(home, "INVITE");
	ck_assert_str_eq(hdr(inv, "Content-Language"), "en");
	ck_assert_ptr_null(strstr(inv, "pbx.office.local"));
	lab_free(lab);
}
END_TEST

START_TEST(identity_from_outside_is_replaced_not_believed)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	const char *inv;
	struct dlg d;

	dlg_call(&d, home, "200", sdp_of(home, 30000, NULL),
	    "P-Asserted-Identity: \"Boss\" <sip:1@sip.example.org>\r\n");
	inv = phone_expect(desk, "INVITE");
	ck_assert_str_eq(hdr(inv, "P-Asserted-Identity"),
	    "\"SIP-168\" <sip:168@sip.example.org>");
	dlg_call(&d, desk, "168", sdp_of(desk, 30000, NULL),
	    "P-Asserted-Identity: \"Boss\" <sip:1@sip.example.org>\r\n");
	inv = phone_expect(home, "INVITE");
	ck_assert_str_eq(hdr(inv, "P-Asserted-Identity"), "");
	lab_free(lab);
}
END_TEST

static const struct {
	const char *name, *type, *body;
	unsigned want;
} bodies[] = {
	{ "not SDP at all", "application/sdp", "hello", 400 },
	{ "no part at all", "multipart/mixed;boundary=x", "--x--", 400 },
	{ "nothing that is relayed", "application/sdp",
	    "v=0\r\no=- 1 1 IN IP4 10.77.0.7\r\ns=-\r\nc=IN IP4 10.77.0.7\r\n"
	    "t=0 0\r\nm=application 4000 UDP/BFCP *\r\n",
	    488 },
	{ "DTLS, which would end at us", "application/sdp",
	    "v=0\r\no=- 1 1 IN IP4 10.77.0.7\r\ns=-\r\nc=IN IP4 10.77.0.7\r\n"
	    "t=0 0\r\nm=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n"
	    "a=fingerprint:sha-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:"
	    "EE:FF:00:11:22:33\r\n",
	    488 },
};

START_TEST(a_body_that_cannot_be_relayed_is_refused)
{
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	struct talk t;
	char want[32];

	talk_begin(&t, home, desk);
	dlg_send(&t.a, "INVITE", bodies[_i].type, bodies[_i].body, "");
	snprintf(want, sizeof(want), "SIP/2.0 %u", bodies[_i].want);
	ck_assert_msg(phone_expect(home, want) != NULL, "%s", bodies[_i].name);
	dlg_ack(&t.a, t.a.cseq, NULL);
	ck_assert_ptr_null(phone_recv(desk));
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	lab_expect_empty(lab);
	lab_free(lab);
}
END_TEST

START_TEST(a_media_address_nobody_can_send_to_is_the_signalling_one)
{
	static const char *const conn[] = { "IN IP4 media.home.example",
		"IN IP4 240.0.0.1", "IN IP4 224.2.3.4" };
	struct lab *lab = lab_new(60, 100);
	struct phone *home = lab_home(lab, "168", 7);
	struct phone *desk = lab_office(lab, "200", 31);
	const char *inv;
	char sdp[256];
	struct dlg d;

	snprintf(sdp, sizeof(sdp),
	    "v=0\r\no=- 1 1 IN IP4 10.77.0.7\r\ns=-\r\nc=%s\r\n"
	    "t=0 0\r\nm=audio 30000 RTP/AVP 0\r\n",
	    conn[_i]);
	dlg_call(&d, home, "200", sdp, "");
	inv = phone_expect(desk, "INVITE");
	ck_assert_ptr_nonnull(inv);
	phone_answer(desk, inv, 200, "d", sdp_of(desk, 20000, NULL));
	ck_assert(addr_same_ip(&lab_set(lab, 0)->rtp, &home->flow.remote));
	ck_assert_uint_eq(lab_set(lab, 0)->rtp.port, 30000);
	lab_free(lab);
}
END_TEST

#define N(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

Suite *
suite_parts(void)
{
	Suite *s = suite_create("what may be told");
	TCase *c = tcase_create("parts");

	tcase_add_loop_test(
	    c, a_call_id_that_may_tell_something_is_masked, 0, N(call_ids));
	tcase_add_test(c, a_masked_call_id_opens_with_the_same_key_only);
	tcase_add_test(c, a_long_call_id_becomes_a_hash_within_the_limit);
	tcase_add_loop_test(
	    c, what_names_a_host_that_is_not_ours_leaks, 0, N(texts));
	tcase_add_loop_test(c, headers_pass_by_what_they_mean, 0, N(headers));
	tcase_add_test(c, each_line_about_a_body_is_looked_at);
	tcase_add_test(c, identity_from_outside_is_replaced_not_believed);
	tcase_add_loop_test(
	    c, a_body_that_cannot_be_relayed_is_refused, 0, N(bodies));
	tcase_add_loop_test(
	    c, a_media_address_nobody_can_send_to_is_the_signalling_one, 0, 3);
	suite_add_tcase(s, c);
	return s;
}
