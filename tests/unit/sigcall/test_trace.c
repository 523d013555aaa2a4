/* What of calls tracer gets, and what the relays show it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sigcall/lab.h"
#include "tests/unit/sigcall/suites.h"

#define ALL_PROFILES (TRACE_REGISTRATION | TRACE_SIGNALLING | TRACE_MEDIA)

static struct lab *lab;
static struct phone *home, *desk, *other;
static struct talk t;

static void
setup(void)
{
	lab = lab_new(60, 100);
	home = lab_home(lab, "168", 7);
	desk = lab_office(lab, "200", 31);
	other = lab_home(lab, "169", 8);
}

static void
teardown(void)
{
	lab_free(lab);
}

/* How many of what was seen begin so. */
static unsigned
seen(const char *begin)
{
	unsigned n = 0;

	for (unsigned i = 0; i < lab->n_seen; i++)
		n += strncmp(lab->seen[i].text, begin, strlen(begin)) == 0;
	return n;
}

static void
all_of_one_call(void)
{
	for (unsigned i = 0; i < lab->n_seen; i++) {
		ck_assert_uint_ne(lab->seen[i].m.call, 0);
		ck_assert_uint_eq(lab->seen[i].m.call, lab->seen[0].m.call);
		ck_assert_str_eq(lab->seen[i].call_id, lab->seen[0].call_id);
	}
}

START_TEST(nothing_is_handed_over_unless_it_is_wanted)
{
	talk_begin(&t, home, desk);
	ck_assert(!edge_is_traced(lab->edge));
	ck_assert_uint_eq(lab->n_seen, 0);
	ck_assert_uint_eq(lab->n_traced, 0);
	lab_trace(lab, TRACE_NUMBER, "169", ALL_PROFILES);
	ck_assert_uint_eq(lab->traced[0].call, 0);	/* this call: no */
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_uint_eq(lab->n_seen, 0);
}
END_TEST

/* "outside" alone is named: the other leg, and answers, belong to it. */
START_TEST(both_legs_of_a_number_s_call_are_one)
{
	lab_trace(lab, TRACE_NUMBER, "168", ALL_PROFILES);
	talk_begin(&t, home, desk);
	ck_assert_uint_eq(seen("INVITE "), 3);	/* with its challenge */
	ck_assert_uint_eq(seen("SIP/2.0 401"), 1);
	ck_assert_uint_eq(seen("SIP/2.0 200"), 2);
	ck_assert_uint_eq(seen("ACK "), 3);
	all_of_one_call();
	ck_assert_uint_ge(lab->n_traced, 1);
	ck_assert_uint_eq(lab->traced[0].session, lab->session);
	ck_assert_uint_eq(lab->traced[0].call, lab->seen[0].m.call);
	for (unsigned i = 0; i < lab->n_seen; i++) {
		const char *nonce = strstr(lab->seen[i].text, "nonce=\"");

		ck_assert(nonce == NULL || nonce[7] == 'x');
	}
	ck_assert_uint_ge(seen("SIP/2.0 401"), 1);
}
END_TEST

START_TEST(who_is_called_is_traced_as_well)
{
	lab_trace(lab, TRACE_NUMBER, "200", TRACE_SIGNALLING);
	talk_begin(&t, home, desk);
	ck_assert_uint_eq(seen("INVITE "), 3);
	all_of_one_call();
	ck_assert_uint_eq(lab->n_traced, 0);	/* not the media */
}
END_TEST

START_TEST(a_call_under_way_is_found_by_its_id)
{
	talk_begin(&t, home, desk);
	lab_trace(lab, TRACE_CALL, t.a.call_id, ALL_PROFILES);
	ck_assert_uint_eq(lab->n_traced, 1);
	ck_assert_uint_ne(lab->traced[0].call, 0);
	dlg_send(&t.b, "BYE", NULL, NULL, "");
	phone_answer(home, phone_expect(home, "BYE"), 200, "h", NULL);
	ck_assert_uint_eq(seen("BYE "), 2);
	ck_assert_uint_eq(seen("SIP/2.0 200"), 2);
	all_of_one_call();
	ck_assert_uint_eq(lab->seen[0].m.call, lab->traced[0].call);
}
END_TEST

START_TEST(or_by_its_ticket)
{
	char ticket[24];

	talk_begin(&t, home, desk);
	snprintf(ticket, sizeof(ticket), "%llu",
	    (unsigned long long)lab->ticket);
	lab_trace(lab, TRACE_CALL, ticket, ALL_PROFILES);
	ck_assert_uint_ne(lab->traced[0].call, 0);
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	phone_answer(desk, phone_expect(desk, "BYE"), 200, "d", NULL);
	ck_assert_uint_eq(seen("BYE "), 2);
}
END_TEST

START_TEST(the_end_of_a_trace_ends_it)
{
	lab_trace(lab, TRACE_ALL, "", ALL_PROFILES);
	talk_begin(&t, home, desk);
	lab->n_seen = lab->n_traced = 0;
	lab_trace(lab, 0, "", 0);
	ck_assert_uint_eq(lab->n_traced, 1);
	ck_assert_uint_eq(lab->traced[0].call, 0);
	dlg_send(&t.a, "BYE", NULL, NULL, "");
	ck_assert_uint_eq(lab->n_seen, 0);
}
END_TEST

static void
says_register(struct phone *p)
{
	phone_send(p, "REGISTER sip:sip.example.org SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP %s:%u;branch=z9hG4bKr%s;rport\r\n"
	    "From: <sip:%s@sip.example.org>;tag=r\r\n"
	    "To: <sip:%s@sip.example.org>\r\n"
	    "Call-ID: r%s\r\nCSeq: 1 REGISTER\r\nMax-Forwards: 70\r\n"
	    "Contact: <sip:%s@%s:%u>\r\nContent-Length: 0\r\n\r\n",
	    p->host, p->port, p->number, p->number, p->number, p->number,
	    p->number, p->host, p->port);
}

START_TEST(profiles_choose)
{
	lab_trace(lab, TRACE_NUMBER, "168", TRACE_REGISTRATION);
	talk_begin(&t, home, desk);
	ck_assert_uint_eq(lab->n_seen, 0);
	says_register(home);
	says_register(other);
	ck_assert_uint_eq(lab->n_seen, 2);
	ck_assert_uint_eq(seen("REGISTER "), 1);
	ck_assert_uint_eq(seen("SIP/2.0 401"), 1);
	ck_assert_uint_eq(lab->seen[0].m.call, 0);
	for (unsigned i = 0; i < lab->n_seen; i++)
		ck_assert_ptr_nonnull(strstr(lab->seen[i].text, "sip:168@"));
}
END_TEST

START_TEST(a_new_sigproxy_goes_on_as_soon_as_it_is_told)
{
	lab_trace(lab, TRACE_NUMBER, "168", ALL_PROFILES);
	talk_begin(&t, home, desk);
	lab->n_traced = 0;
	lab_restart(lab);
	lab_trace(lab, TRACE_NUMBER, "168", ALL_PROFILES);
	ck_assert_uint_ge(lab->n_traced, 1);
	ck_assert_uint_eq(lab->traced[lab->n_traced - 1].call,
	    lab->seen[0].m.call);
	dlg_send(&t.b, "BYE", NULL, NULL, "");
	ck_assert_uint_eq(seen("BYE "), 2);
	all_of_one_call();
}
END_TEST

Suite *
suite_trace(void)
{
	TCase *tc = tcase_create("trace");
	Suite *s = suite_create("trace");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nothing_is_handed_over_unless_it_is_wanted);
	tcase_add_test(tc, both_legs_of_a_number_s_call_are_one);
	tcase_add_test(tc, who_is_called_is_traced_as_well);
	tcase_add_test(tc, a_call_under_way_is_found_by_its_id);
	tcase_add_test(tc, or_by_its_ticket);
	tcase_add_test(tc, the_end_of_a_trace_ends_it);
	tcase_add_test(tc, profiles_choose);
	tcase_add_test(tc, a_new_sigproxy_goes_on_as_soon_as_it_is_told);
	suite_add_tcase(s, tc);
	return s;
}
