/*
 * Calls by trunks (RFC 3263 4.3, RFC 3261 22.2, RFC 3325): which way is tried
 * when, what is answered to whom, and what a restart leaves.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "sigproxy/core/trunks.h"
#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

#define CHALLENGE(more)                                                        \
	"Proxy-Authenticate: Digest realm=\"itsp\", nonce=\"n\"" more "\r\n"

static struct lab *lab;
static struct phone *home, *desk, *one, *two;
static struct dlg a;

static void
setup(void)
{
	lab = lab_new(60, 100);
	home = lab_home(lab, "168", 7);
	desk = lab_office(lab, "200", 31);
	one = lab_stranger(lab, "one", 81);
	two = lab_stranger(lab, "two", 82);
	lab->n_ways = 2;
	lab->way_trunk[0] = lab_trunk(lab, one);
	lab->way_trunk[1] = lab_trunk(lab, two);
}

static void
teardown(void)
{
	lab_free(lab);
}

static void
expect_over(void)
{
	lab_pass(lab, 70000);
	lab_expect_empty(lab);
}

static void
call_out(void)
{
	dlg_call(&a, home, "089123456", sdp_of(home, 30000, NULL), "");
}

static const char *
refuse(struct phone *p, const char *invite, unsigned status, const char *says)
{
	ck_assert_ptr_nonnull(invite);
	p->says = says;
	phone_answer(p, invite, status, "t", NULL);
	p->says = NULL;
	return phone_expect(p, "ACK");
}

static void
expect_refused(const char *line)
{
	const char *msg = phone_expect(home, line);

	ck_assert_ptr_nonnull(msg);
	expect_over();
}

START_TEST(it_goes_out_with_the_numbers_of_the_way)
{
	const char *inv, *ok;

	call_out();
	inv = phone_expect(one, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(inv, "INVITE sip:+4989123456@itsp.example.net SIP/2.0");
	HAS(hdr(inv, "From"), "<sip:+4930168@itsp.example.net>");
	LACKS(inv, "P-Asserted-Identity");
	LACKS(inv, "Authorization");
	ck_assert_ptr_null(phone_recv(two));
	phone_answer(one, inv, 200, "t", sdp_of(one, 40000, NULL));
	ok = phone_expect(home, "SIP/2.0 200");
	ck_assert_ptr_nonnull(ok);
	dlg_learn(&a, ok);
	dlg_ack(&a, 2, NULL);
	ck_assert_ptr_nonnull(phone_expect(one, "ACK"));
	ck_assert_uint_eq(lab_count(lab, "channels"), 2);
	lab_restart(lab);
	dlg_send(&a, "BYE", NULL, NULL, "");
	ck_assert_ptr_nonnull(inv = phone_expect(one, "BYE"));
	ck_assert_uint_eq(lab_count(lab, "byes_owed"), 0);
	phone_answer(one, inv, 200, NULL, NULL);
	expect_over();
}
END_TEST

/* What the first trunk says, and whether the second is tried then. */
static const struct {
	unsigned status;
	bool goes_on;
	const char *told; /* the caller, by the first */
} said[] = {
	{ 500, true, NULL },
	{ 502, true, NULL },
	{ 503, true, NULL },
	{ 504, true, NULL },
	{ 408, true, NULL },
	{ 430, true, NULL },
	{ 404, false, "SIP/2.0 404" },
	{ 403, false, "SIP/2.0 403" },
	{ 486, false, "SIP/2.0 486" },
	{ 603, false, "SIP/2.0 603" },
	{ 302, false, "SIP/2.0 480" },
};

START_TEST(rfc3263_4_3_a_failure_is_tried_elsewhere_an_answer_is_not)
{
	const char *inv;

	call_out();
	ck_assert_ptr_nonnull(refuse(one, phone_expect(one, "INVITE"),
	    said[_i].status, "Contact: <sip:200@sip.example.org>\r\n"));
	inv = phone_expect(two, "INVITE");
	ck_assert_int_eq(inv != NULL, said[_i].goes_on);
	ck_assert_ptr_null(phone_recv(desk));
	ck_assert_uint_eq(lab->divert_asks, 0);
	if (inv == NULL) {
		expect_refused(said[_i].told);
		return;
	}
	ck_assert_ptr_nonnull(refuse(two, inv, 486, NULL));
	expect_refused("SIP/2.0 486");
	ck_assert_uint_eq(lab->n_call_ways, 2);
}
END_TEST

START_TEST(silence_ends_after_wait_s_and_not_before)
{
	const char *inv, *late;

	call_out();
	inv = phone_expect(one, "INVITE");
	lab_pass(lab, 5900);
	ck_assert_ptr_null(phone_expect(two, "INVITE"));
	lab_pass(lab, 200);
	ck_assert_ptr_nonnull(late = phone_expect(two, "INVITE"));
	/* The first takes it at last: too late. */
	phone_answer(one, inv, 200, "late", sdp_of(one, 40000, NULL));
	ck_assert_ptr_nonnull(phone_expect(one, "ACK"));
	ck_assert_ptr_nonnull(inv = phone_expect(one, "BYE"));
	phone_answer(one, inv, 200, NULL, NULL);
	ck_assert_ptr_nonnull(refuse(two, late, 480, NULL));
	expect_refused("SIP/2.0 480");
}
END_TEST

static void
expect_tried(const char *want)
{
	ck_assert_str_eq(lab->tried, want);
}

/* Before or after sigproxy died in between. */
START_TEST(a_trunk_that_says_100_and_no_more_has_wait_s)
{
	const char *inv;

	call_out();
	inv = phone_expect(one, "INVITE");
	phone_answer(one, inv, 100, NULL, NULL);
	if (_i == 1) {
		lab_restart(lab);
		ck_assert_ptr_nonnull(inv = phone_expect(one, "INVITE"));
		phone_answer(one, inv, 100, NULL, NULL);
	}
	lab_pass(lab, 5900);
	ck_assert_ptr_null(phone_expect(two, "INVITE"));
	lab_pass(lab, 200);
	ck_assert_ptr_nonnull(phone_expect(one, "CANCEL"));
	ck_assert_ptr_nonnull(
	    refuse(two, phone_expect(two, "INVITE"), 486, NULL));
	expect_refused("SIP/2.0 486");
	expect_tried("1 3 0 |2 1 486 Whatever");
}
END_TEST

START_TEST(one_that_said_180_rings_as_long_as_any_phone)
{
	const char *inv;

	call_out();
	inv = phone_expect(one, "INVITE");
	phone_answer(one, inv, 180, "t", NULL);
	lab_pass(lab, 60000);
	ck_assert_ptr_null(phone_expect(two, "INVITE"));
	ck_assert_ptr_nonnull(refuse(one, inv, 486, NULL));
	expect_refused("SIP/2.0 486");
}
END_TEST

/* Once, or twice by a route and by its prefix. */
START_TEST(the_last_way_that_said_100_has_the_time_of_any_phone)
{
	const char *inv;

	lab->n_ways = 1 + (unsigned)_i;
	lab->way_trunk[1] = lab->way_trunk[0];
	call_out();
	inv = phone_expect(one, "INVITE");
	phone_answer(one, inv, 100, NULL, NULL);
	lab_pass(lab, 60000);
	phone_answer(one, inv, 180, "t", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 180"));
	ck_assert_ptr_nonnull(refuse(one, inv, 486, NULL));
	expect_refused("SIP/2.0 486");
}
END_TEST

START_TEST(when_all_are_silent_the_caller_hears_so_in_time)
{
	call_out();
	lab_pass(lab, 12500);
	ck_assert_ptr_nonnull(phone_expect(two, "INVITE"));
	expect_refused("SIP/2.0 480");
}
END_TEST

START_TEST(the_way_that_failed_comes_last_for_a_while)
{
	call_out();
	refuse(one, phone_expect(one, "INVITE"), 503, NULL);
	refuse(two, phone_expect(two, "INVITE"), 486, NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 486"));
	call_out();
	ck_assert_ptr_null(phone_expect(one, "INVITE"));
	refuse(two, phone_expect(two, "INVITE"), 486, NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 486"));
	lab_pass(lab, 31000);
	call_out();
	ck_assert_ptr_nonnull(
	    refuse(one, phone_expect(one, "INVITE"), 486, NULL));
	expect_refused("SIP/2.0 486");
}
END_TEST

START_TEST(rfc3261_22_2_a_challenge_is_answered_once)
{
	const char *inv;

	call_out();
	refuse(one, phone_expect(one, "INVITE"), 407,
	    CHALLENGE(", qop=\"auth,auth-int\", opaque=\"o\""));
	inv = phone_expect(one, "INVITE");
	ck_assert_ptr_nonnull(inv);
	HAS(inv, "Proxy-Authorization: Digest username=\"account\", "
		 "realm=\"itsp\", nonce=\"n\", "
		 "uri=\"sip:+4989123456@itsp.example.net\", response=");
	HAS(inv, "opaque=\"o\", cnonce=\"abcdef\", qop=auth, nc=00000001");
	ck_assert_str_eq(lab->trunk_uri, "sip:+4989123456@itsp.example.net");
	refuse(one, inv, 407, CHALLENGE(", qop=\"auth\""));
	ck_assert_ptr_null(phone_expect(one, "INVITE"));
	ck_assert_uint_eq(lab->n_trunk_asks, 1);
	expect_refused("SIP/2.0 480");
}
END_TEST

/* Challenges that no answer is asked for. */
static const char *const hopeless[] = {
	"",
	"Proxy-Authenticate: Basic realm=\"itsp\"\r\n",
	CHALLENGE(", algorithm=MD5-sess"),
	CHALLENGE(", qop=\"auth-int\""),
	"Proxy-Authenticate: Digest realm=\"it\\\"sp\", nonce=\"n\"\r\n",
	"WWW-Authenticate: Digest realm=\"itsp\", nonce=\"n\"\r\n",
};

START_TEST(challenges_that_cannot_be_answered)
{
	call_out();
	refuse(one, phone_expect(one, "INVITE"), 407, hopeless[_i]);
	ck_assert_uint_eq(lab->n_trunk_asks, 0);
	expect_refused("SIP/2.0 480");
}
END_TEST

START_TEST(without_an_answer_of_registrar_db_the_next_way_is_tried)
{
	lab->trunk_mute = true;
	call_out();
	refuse(one, phone_expect(one, "INVITE"), 407, CHALLENGE(""));
	ck_assert_uint_eq(lab->n_trunk_asks, 1);
	lab_pass(lab, 2100);
	ck_assert_ptr_nonnull(
	    refuse(two, phone_expect(two, "INVITE"), 486, NULL));
	expect_refused("SIP/2.0 486");
}
END_TEST

START_TEST(what_registrar_db_refuses_is_not_answered)
{
	lab->trunk_verdict = VERDICT_FORBIDDEN;
	call_out();
	refuse(one, phone_expect(one, "INVITE"), 407, CHALLENGE(""));
	ck_assert_ptr_null(phone_expect(one, "INVITE"));
	expect_refused("SIP/2.0 480");
}
END_TEST

START_TEST(cancelled_while_a_digest_is_computed)
{
	lab->trunk_mute = true;
	call_out();
	refuse(one, phone_expect(one, "INVITE"), 407, CHALLENGE(""));
	dlg_cancel(&a);
	expect_refused("SIP/2.0 487");
	ck_assert_ptr_null(phone_recv(two));
}
END_TEST

START_TEST(a_restart_while_it_rings_leaves_the_other_ways)
{
	const char *inv;

	call_out();
	inv = phone_expect(one, "INVITE");
	phone_answer(one, inv, 180, "t", NULL);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 180"));
	lab_restart(lab);
	ck_assert_ptr_nonnull(inv = phone_expect(one, "INVITE"));
	refuse(one, inv, 503, NULL);
	ck_assert_ptr_nonnull(
	    refuse(two, phone_expect(two, "INVITE"), 486, NULL));
	expect_refused("SIP/2.0 486");
}
END_TEST

START_TEST(the_record_has_what_each_trunk_did_instead)
{
	const char *inv;

	call_out();
	inv = phone_expect(one, "INVITE");
	one->says = "Reason: Q.850;cause=1;text=\"Unallocated\"\r\n";
	phone_answer(one, inv, 503, "t", NULL);
	one->says = NULL;
	ck_assert_ptr_nonnull(inv = phone_expect(two, "INVITE"));
	expect_tried("1 1 503 Whatever; "
		     "Q.850;cause=1;text=\"Unallocated\"");
	/* It rings, and does no more: not silent, and noted once. */
	phone_answer(two, inv, 180, "t", NULL);
	lab_pass(lab, 200000);
	ck_assert_ptr_nonnull(phone_expect(home, "SIP/2.0 180"));
	expect_refused("SIP/2.0 480");
	ck_assert_ptr_nonnull(strchr(lab->tried, '|'));
	ck_assert_str_eq(strchr(lab->tried, '|'), "|2 3 0 ");
}
END_TEST

START_TEST(silence_of_each_trunk_is_in_the_record)
{
	call_out();
	lab_pass(lab, 12500);
	expect_refused("SIP/2.0 480");
	expect_tried("1 2 0 |2 2 0 ");
}
END_TEST

/* What a trunk challenges with, and what the record says then. */
static const struct {
	const char *challenge, *tried;
	enum verdict verdict;
	bool no_secret, twice;
} asked[] = {
	{ CHALLENGE(""), "1 5 407 itsp", VERDICT_OK, false, true },
	{ CHALLENGE(""), "1 8 0 itsp", VERDICT_FORBIDDEN, false, false },
	{ CHALLENGE(""), "1 6 407 Whatever", VERDICT_OK,
	    true, false },
	{ "", "1 7 407 Whatever", VERDICT_OK, false,
	    false },
};

START_TEST(a_challenge_without_a_good_answer_is_in_the_record)
{
	lab->trunk_verdict = asked[_i].verdict;
	lab->trunks[0].has_secret = !asked[_i].no_secret;
	lab->n_trunks--;	/* told anew */
	lab_trunk(lab, two);
	call_out();
	refuse(one, phone_expect(one, "INVITE"), 407, asked[_i].challenge);
	if (asked[_i].twice)
		refuse(one, phone_expect(one, "INVITE"), 407,
		    asked[_i].challenge);
	expect_refused("SIP/2.0 480");
	expect_tried(asked[_i].tried);
}
END_TEST

START_TEST(a_call_that_was_given_up_says_nothing_of_the_trunk)
{
	const char *inv;

	call_out();
	inv = phone_expect(one, "INVITE");
	phone_answer(one, inv, 180, "t", NULL);
	dlg_cancel(&a);
	ck_assert_ptr_nonnull(phone_expect(one, "CANCEL"));
	phone_answer(one, inv, 487, "t", NULL);
	expect_refused("SIP/2.0 487");
	expect_tried("");
}
END_TEST

/* An INVITE from the trunk's own address. */
static const char *
call_in(struct phone *p, const char *number)
{
	static unsigned serial;
	const char *sdp = sdp_of(p, 40000, NULL);

	phone_send(p,
	    "INVITE sip:%s@192.0.2.10 SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP %s:%u;branch=z9hG4bKt%u\r\n"
	    "From: \"Caller\" <sip:+4989555111@itsp.example.net>;tag=f%u\r\n"
	    "To: <sip:%s@192.0.2.10>\r\nCall-ID: in-%u\r\nCSeq: 1 INVITE\r\n"
	    "Contact: <sip:%s:%u>\r\nMax-Forwards: 70\r\n"
	    "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
	    number, p->host_mem, p->port, serial, serial, number, serial,
	    p->host_mem, p->port, strlen(sdp), sdp);
	serial++;
	return phone_expect(desk, "INVITE");
}

START_TEST(a_call_from_a_trunk_is_asked_for_no_password)
{
	const char *inv = call_in(one, "200");

	ck_assert_ptr_nonnull(inv);
	HAS(hdr(inv, "From"), "\"Caller\" <sip:+4989555111@sip.example.org>");
	phone_answer(desk, inv, 486, "d", NULL);
	ck_assert_ptr_nonnull(phone_expect(one, "SIP/2.0 486"));
	ck_assert_ptr_null(call_in(one, "999"));
	ck_assert_ptr_nonnull(phone_expect(one, "SIP/2.0 404"));
	/* The same from one port further is a stranger's. */
	one->flow.remote.port++;
	ck_assert_ptr_null(call_in(one, "200"));
	one->flow.remote.port--;
	expect_over();
}
END_TEST

START_TEST(a_trunk_without_a_channel_left_is_told_503)
{
	const char *inv, *msg;

	lab->trunks[0].channels = 1;
	lab->n_trunks--;	/* told anew */
	lab_trunk(lab, two);
	inv = call_in(one, "200");
	ck_assert_ptr_nonnull(inv);
	ck_assert_ptr_null(call_in(one, "200"));
	ck_assert_ptr_nonnull(msg = phone_expect(one, "SIP/2.0 503"));
	ck_assert_str_eq(hdr(msg, "Retry-After"), "10");
	/* Nor does a call go out there: the next way has room. */
	call_out();
	ck_assert_ptr_null(phone_expect(one, "INVITE"));
	refuse(two, phone_expect(two, "INVITE"), 486, NULL);
	phone_answer(desk, inv, 486, "d", NULL);
	expect_refused("SIP/2.0 486");
}
END_TEST

START_TEST(a_trunk_that_is_gone_is_a_stranger)
{
	lab->n_trunks = 0;
	lab_trunk(lab, two);
	ck_assert_ptr_null(call_in(one, "200"));
	lab->way_trunk[0] = 77;
	lab->n_ways = 1;
	call_out();
	ck_assert_ptr_null(phone_expect(two, "INVITE"));
	expect_refused("SIP/2.0 480");
}
END_TEST

START_TEST(a_status_without_room_says_how_many_it_leaves_out)
{
	char mem[3000];
	struct buf b;

	ck_assert_uint_eq(lab_count(lab, "trunks_left_out"), 0);
	buf_init(&b, mem, sizeof(mem) - 1);
	trunks_status(lab->edge, lab->now, &b);
	mem[b.len] = '\0';
	ck_assert_str_eq(mem, "\"trunks\":[],\"trunks_left_out\":2");
}
END_TEST

START_TEST(a_hostile_name_stays_inside_its_quotes)
{
	char mem[6000];
	struct buf b;

	lab->trunks[0].name = SPAN_LIT("a\",\"calls\":9,\"b\":\"\\");
	lab->n_trunks--;	/* told anew */
	lab_trunk(lab, two);
	buf_init(&b, mem, sizeof(mem) - 1);
	trunks_status(lab->edge, lab->now, &b);
	mem[b.len] = '\0';
	ck_assert_ptr_nonnull(strstr(mem, "\"name\":\"a\\\",\\\"calls\\\":9,"
	    "\\\"b\\\":\\\"\\\\\",\"zone\""));
}
END_TEST

Suite *
suite_trunk(void)
{
	Suite *s = suite_create("sigcall trunks");
	TCase *tc = tcase_create("trunks");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, it_goes_out_with_the_numbers_of_the_way);
	tcase_add_loop_test(tc,
	    rfc3263_4_3_a_failure_is_tried_elsewhere_an_answer_is_not, 0,
	    sizeof(said) / sizeof(said[0]));
	tcase_add_test(tc, silence_ends_after_wait_s_and_not_before);
	tcase_add_loop_test(
	    tc, a_trunk_that_says_100_and_no_more_has_wait_s, 0, 2);
	tcase_add_test(tc, one_that_said_180_rings_as_long_as_any_phone);
	tcase_add_loop_test(
	    tc, the_last_way_that_said_100_has_the_time_of_any_phone, 0, 2);
	tcase_add_test(tc, when_all_are_silent_the_caller_hears_so_in_time);
	tcase_add_test(tc, the_way_that_failed_comes_last_for_a_while);
	tcase_add_test(tc, rfc3261_22_2_a_challenge_is_answered_once);
	tcase_add_loop_test(tc, challenges_that_cannot_be_answered, 0,
	    sizeof(hopeless) / sizeof(hopeless[0]));
	tcase_add_test(
	    tc, without_an_answer_of_registrar_db_the_next_way_is_tried);
	tcase_add_test(tc, what_registrar_db_refuses_is_not_answered);
	tcase_add_test(tc, cancelled_while_a_digest_is_computed);
	tcase_add_test(tc, a_restart_while_it_rings_leaves_the_other_ways);
	tcase_add_test(tc, the_record_has_what_each_trunk_did_instead);
	tcase_add_test(tc, silence_of_each_trunk_is_in_the_record);
	tcase_add_loop_test(tc,
	    a_challenge_without_a_good_answer_is_in_the_record, 0,
	    sizeof(asked) / sizeof(asked[0]));
	tcase_add_test(tc, a_call_that_was_given_up_says_nothing_of_the_trunk);
	tcase_add_test(tc, a_call_from_a_trunk_is_asked_for_no_password);
	tcase_add_test(tc, a_trunk_without_a_channel_left_is_told_503);
	tcase_add_test(tc, a_trunk_that_is_gone_is_a_stranger);
	tcase_add_test(
	    tc, a_status_without_room_says_how_many_it_leaves_out);
	tcase_add_test(tc, a_hostile_name_stays_inside_its_quotes);
	suite_add_tcase(s, tc);
	return s;
}
