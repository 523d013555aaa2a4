#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sigcore/bench.h"

static struct bench b;

static void
begin_udp(void)
{
	bench_init(&b, 16, TRANSPORT_UDP);
}

static void
begin_tcp(void)
{
	bench_clear(&b);
	bench_init(&b, 16, TRANSPORT_TCP);
}

/* Whatever happened: nothing is left in any table, no timer is armed. */
static void
end(void)
{
	bench_until(&b, 2000000);
	ck_assert_uint_eq(b.txns.servers.used, 0);
	ck_assert_uint_eq(b.txns.clients.used, 0);
	ck_assert_uint_eq(b.timers.n, 0);
	for (size_t i = 0; i < BLOB_SIZES; i++)
		ck_assert_uint_eq(b.txns.blobs.pool[i].used, 0);
	bench_clear(&b);
}

/* ---- RFC 3261 17.1: client ---- */

START_TEST(rfc3261_17_1_1_2_timer_a_doubles_until_timer_b)
{
	bench_client(&b, "INVITE");
	bench_until(&b, 60000);
	bench_sent_is(&b, "0 INVITE, 500 INVITE, 1500 INVITE, 3500 INVITE, "
			  "7500 INVITE, 15500 INVITE, 31500 INVITE");
	ck_assert_uint_eq(b.timeouts, 1);
	ck_assert_uint_eq(b.ended, 1);
	ck_assert_uint_eq(b.told_ms, 32000);
}
END_TEST

/* A request of so many bytes, at least. */
static void
send_large(size_t bytes, const char *method)
{
	char extra[2048];
	const struct sip_msg *m;
	int n = snprintf(extra, sizeof(extra), "Subject: %0*u\r\n",
	    (int)bytes, 1U);

	ck_assert_int_gt(n, 0);
	m = bench_request(&b, method, "z9hG4bKours", extra);
	ck_assert_int_eq(ctxn_send(&b.txns, b.now, b.steps, &b.phone,
	    m->bytes, NULL, NULL, NULL), 0);
}

START_TEST(rfc3261_18_1_1_a_large_request_without_answer_is_named)
{
	send_large(1300, "INVITE");
	bench_until(&b, 1499);
	ck_assert_uint_eq(b.n_lines, 0);
	bench_until(&b, 60000);
	ck_assert_uint_eq(b.n_lines, 1);
}
END_TEST

START_TEST(rfc3261_18_1_1_many_large_requests_are_one_line)
{
	for (unsigned i = 0; i < 5; i++)
		send_large(1300, i % 2 ? "INVITE" : "INFO");
	bench_until(&b, 9000);
	ck_assert_uint_eq(b.n_lines, 1);
}
END_TEST

START_TEST(rfc3261_18_1_1_an_answered_or_small_request_is_not_named)
{
	send_large(1300, "INVITE");
	ck_assert(bench_response(&b, "INVITE", 180, "t"));
	send_large(800, "INFO");
	bench_until(&b, 60000);
	ck_assert_uint_eq(b.n_lines, 0);
}
END_TEST

START_TEST(rfc3261_17_1_2_2_timer_e_doubles_up_to_t2_until_timer_f)
{
	bench_client(&b, "BYE");
	bench_until(&b, 60000);
	bench_sent_is(&b, "0 BYE, 500 BYE, 1500 BYE, 3500 BYE, 7500 BYE, "
			  "11500 BYE, 15500 BYE, 19500 BYE, 23500 BYE, "
			  "27500 BYE, 31500 BYE");
	ck_assert_uint_eq(b.timeouts, 1);
	ck_assert_uint_eq(b.told_ms, 32000);
}
END_TEST

START_TEST(rfc3261_17_1_2_2_after_a_provisional_answer_timer_e_is_t2)
{
	bench_client(&b, "BYE");
	bench_until(&b, 600);
	ck_assert(bench_response(&b, "BYE", 183, "t"));
	bench_until(&b, 60000);
	bench_sent_is(&b, "0 BYE, 500 BYE, 1500 BYE, 5500 BYE, 9500 BYE, "
			  "13500 BYE, 17500 BYE, 21500 BYE, 25500 BYE, "
			  "29500 BYE");
	ck_assert_uint_eq(b.timeouts, 1);
}
END_TEST

START_TEST(rfc3261_17_1_reliable_transports_never_resend)
{
	begin_tcp();
	bench_client(&b, "INVITE");
	bench_until(&b, 60000);
	bench_sent_is(&b, "0 INVITE");
	ck_assert_uint_eq(b.timeouts, 1);
}
END_TEST

START_TEST(rfc3261_17_1_1_2_a_provisional_answer_stops_timers_a_and_b)
{
	bench_client(&b, "INVITE");
	bench_until(&b, 400);
	ck_assert(bench_response(&b, "INVITE", 100, "t"));
	ck_assert_uint_eq(b.responses, 0);	/* 100 is hop by hop */
	bench_until(&b, 170000);
	bench_sent_is(&b, "0 INVITE");
	ck_assert_uint_eq(b.timeouts, 0);
	ck_assert(bench_response(&b, "INVITE", 180, "t"));
	ck_assert(bench_response(&b, "INVITE", 486, "t"));
	ck_assert_uint_eq(b.responses, 2);
	bench_sent_is(&b, "170000 ACK");
}
END_TEST

START_TEST(rfc3261_17_1_1_3_ack_has_the_invites_via_route_and_the_answers_to)
{
	bench_client(&b, "INVITE");
	ck_assert(bench_response(&b, "INVITE", 486, "t9"));
	bench_collect(&b);
	ck_assert_uint_eq(b.n_sent, 2);
	ck_assert_str_eq(b.sent[1].text,
	    "ACK sip:11@sip.example.org SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKours;rport\r\n"
	    "From: <sip:168@sip.example.org>;tag=f1\r\n"
	    "To: <sip:11@sip.example.org>;tag=t9\r\n"
	    "Call-ID: call\r\n"
	    "CSeq: 7 ACK\r\n"
	    "Route: <sip:a;lr>\r\n"
	    "Max-Forwards: 70\r\n"
	    "Content-Length: 0\r\n\r\n");
}
END_TEST

START_TEST(rfc3261_17_1_1_2_timer_d_acks_each_copy_of_a_refusal_and_tells_once)
{
	bench_client(&b, "INVITE");
	ck_assert(bench_response(&b, "INVITE", 503, "t"));
	bench_until(&b, 1000);
	ck_assert(bench_response(&b, "INVITE", 503, "t"));
	bench_until(&b, 31999);
	ck_assert(bench_response(&b, "INVITE", 503, "t"));
	bench_sent_is(&b, "0 INVITE, 0 ACK, 1000 ACK, 31999 ACK");
	ck_assert_uint_eq(b.responses, 1);
	ck_assert_uint_eq(b.ended, 0);
	bench_until(&b, 32000);
	ck_assert_uint_eq(b.ended, 1);
	ck_assert(!bench_response(&b, "INVITE", 503, "t"));
}
END_TEST

START_TEST(rfc6026_7_2_accepted_hands_on_every_2xx_for_timer_m)
{
	bench_client(&b, "INVITE");
	ck_assert(bench_response(&b, "INVITE", 200, "t"));
	bench_until(&b, 500);
	ck_assert(bench_response(&b, "INVITE", 200, "t"));
	ck_assert(bench_response(&b, "INVITE", 200, "other"));
	ck_assert_uint_eq(b.responses, 3);
	/* A late refusal changes nothing. */
	ck_assert(bench_response(&b, "INVITE", 486, "third"));
	ck_assert_uint_eq(b.responses, 3);
	bench_sent_is(&b, "0 INVITE");
	bench_until(&b, 31999);
	ck_assert_uint_eq(b.ended, 0);
	bench_until(&b, 32000);
	ck_assert_uint_eq(b.ended, 1);
	ck_assert_uint_eq(b.timeouts, 0);
}
END_TEST

START_TEST(rfc3261_17_1_2_2_timer_k_absorbs_further_answers)
{
	bench_client(&b, "BYE");
	ck_assert(bench_response(&b, "BYE", 200, "t"));
	ck_assert(bench_response(&b, "BYE", 200, "t"));
	ck_assert_uint_eq(b.responses, 1);
	bench_until(&b, 4999);
	ck_assert_uint_eq(b.ended, 0);
	bench_until(&b, 5000);
	ck_assert_uint_eq(b.ended, 1);
	bench_sent_is(&b, "0 BYE");
}
END_TEST

START_TEST(rfc3261_9_1_cancel_waits_for_a_provisional_answer)
{
	struct ctxn *c = bench_client(&b, "INVITE");

	ctxn_cancel(&b.txns, b.now, b.steps, c,
	    SPAN_LIT("SIP;cause=200;text=\"Call completed elsewhere\""));
	bench_sent_is(&b, "0 INVITE");
	bench_until(&b, 300);
	ck_assert(bench_response(&b, "INVITE", 180, "t"));
	bench_collect(&b);
	ck_assert_uint_eq(b.n_sent, 1);
	ck_assert_str_eq(b.sent[0].text,
	    "CANCEL sip:11@sip.example.org SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKours;rport\r\n"
	    "From: <sip:168@sip.example.org>;tag=f1\r\n"
	    "To: <sip:11@sip.example.org>\r\n"
	    "Call-ID: call\r\n"
	    "CSeq: 7 CANCEL\r\n"
	    "Route: <sip:a;lr>\r\n"
	    "Max-Forwards: 70\r\n"
	    "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n"
	    "Content-Length: 0\r\n\r\n");
	/* Another wish and another 180 send no second one. */
	ctxn_cancel(&b.txns, b.now, b.steps, c, SPAN_NONE);
	ck_assert(bench_response(&b, "INVITE", 180, "t"));
	ck_assert(bench_response(&b, "CANCEL", 200, "t"));
	ck_assert(bench_response(&b, "INVITE", 487, "t"));
	bench_until(&b, 20000);
	b.n_sent = 1;
	bench_sent_is(&b, "300 CANCEL");
	ck_assert_uint_eq(b.last_status, 487);
}
END_TEST

START_TEST(rfc3261_9_1_a_cancelled_invite_without_answer_ends_after_64_t1)
{
	struct ctxn *c = bench_client(&b, "INVITE");

	ck_assert(bench_response(&b, "INVITE", 180, "t"));
	bench_until(&b, 1000);
	ctxn_cancel(&b.txns, b.now, b.steps, c, SPAN_NONE);
	bench_until(&b, 32999);
	ck_assert_uint_eq(b.timeouts, 0);
	bench_until(&b, 33000);
	ck_assert_uint_eq(b.timeouts, 1);
	ck_assert_uint_eq(b.ended, 1);
}
END_TEST

START_TEST(cancel_after_a_final_answer_does_nothing)
{
	struct ctxn *c = bench_client(&b, "INVITE");

	ck_assert(bench_response(&b, "INVITE", 200, "t"));
	ctxn_cancel(&b.txns, b.now, b.steps, c, SPAN_NONE);
	bench_sent_is(&b, "0 INVITE");
}
END_TEST

START_TEST(an_answer_from_another_host_or_zone_is_nobodys)
{
	static const uint8_t other[] = { 198, 51, 100, 8 };
	struct flow from = b.phone;

	bench_client(&b, "INVITE");
	ck_assert(bench_response(&b, "INVITE", 180, "t"));
	from.remote = addr_from_bytes(other, 4, 40001);
	ck_assert(!ctxn_response(&b.txns, b.now, b.steps, &b.in, &from));
	from = b.phone;
	from.zone = ZONE_INTERNAL;
	ck_assert(!ctxn_response(&b.txns, b.now, b.steps, &b.in, &from));
	from = b.phone;
	from.remote.port++;
	ck_assert(ctxn_response(&b.txns, b.now, b.steps, &b.in, &from));
	ck_assert(bench_response(&b, "INVITE", 486, "t"));
}
END_TEST

START_TEST(rfc3261_8_1_3_3_an_answer_with_two_vias_is_nobodys)
{
	static const char text[] = "SIP/2.0 486 No\r\n"
	    "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKours, "
	    "SIP/2.0/UDP 10.0.0.6:5060;branch=z9hG4bKx\r\n"
	    "From: <sip:168@sip.example.org>;tag=f1\r\n"
	    "To: <sip:11@sip.example.org>;tag=t\r\n"
	    "Call-ID: call\r\nCSeq: 7 INVITE\r\nContent-Length: 0\r\n\r\n";

	bench_client(&b, "INVITE");
	ck_assert_int_eq(sip_parse(SPAN_LIT(text), SIP_DATAGRAM, &b.in, NULL),
	    0);
	ck_assert(!ctxn_response(&b.txns, b.now, b.steps, &b.in, &b.phone));
	ck_assert_uint_eq(b.responses, 0);
}
END_TEST

START_TEST(an_answer_to_another_method_with_the_same_branch_is_nobodys)
{
	bench_client(&b, "INVITE");
	ck_assert(!bench_response(&b, "BYE", 200, "t"));
}
END_TEST

START_TEST(a_detached_owner_hears_nothing_and_refusals_are_still_acked)
{
	struct ctxn *c = bench_client(&b, "INVITE");

	ctxn_detach(c);
	ck_assert(bench_response(&b, "INVITE", 486, "t"));
	ck_assert_uint_eq(b.responses, 0);
	bench_sent_is(&b, "0 INVITE, 0 ACK");
}
END_TEST

START_TEST(an_invite_that_rings_for_ever_ends_though_its_owner_let_go)
{
	struct ctxn *c = bench_client(&b, "INVITE");

	ck_assert(bench_response(&b, "INVITE", 100, "x"));
	ctxn_detach(c);
	bench_until(&b, 3600 * 1000);
	ck_assert_uint_eq(b.txns.clients.used, 0);
	ck_assert_uint_eq(b.timers.n, 0);
}
END_TEST

START_TEST(what_is_no_request_of_ours_is_not_sent)
{
	const struct sip_msg *m = bench_request(&b, "ACK", "z9hG4bKours", "");
	char big[BLOB_MAX + 1];

	ck_assert_int_eq(ctxn_send(&b.txns, b.now, b.steps, &b.phone, m->bytes,
			     NULL, NULL, NULL), -EBADMSG);
	ck_assert_int_eq(ctxn_send(&b.txns, b.now, b.steps, &b.phone,
			     SPAN_LIT("x"), NULL, NULL, NULL), -EBADMSG);
	memset(big, 'x', sizeof(big));
	ck_assert_int_eq(ctxn_send(&b.txns, b.now, b.steps, &b.phone,
			     span_make(big, sizeof(big)), NULL, NULL, NULL),
	    -EMSGSIZE);
	bench_sent_is(&b, "");
}
END_TEST

/* ---- RFC 3261 17.2: server ---- */

START_TEST(rfc3261_17_2_1_timer_g_resends_a_refusal_until_timer_h)
{
	struct stxn *s = bench_server(&b, "INVITE");

	ck_assert_int_eq(stxn_status(&b.txns, b.now, b.steps, s, 486), 0);
	bench_until(&b, 31999);
	bench_sent_is(&b, "0 486, 500 486, 1500 486, 3500 486, 7500 486, "
			  "11500 486, 15500 486, 19500 486, 23500 486, "
			  "27500 486, 31500 486");
	ck_assert_uint_eq(b.no_ack, 0);
	bench_until(&b, 60000);
	bench_sent_is(&b, "");
	ck_assert_uint_eq(b.no_ack, 1);
	ck_assert_uint_eq(b.ended, 1);
	ck_assert_uint_eq(b.told_ms, 32000);
}
END_TEST

START_TEST(rfc3261_17_2_1_ack_stops_timer_g_and_timer_i_ends_it)
{
	struct stxn *s = bench_server(&b, "INVITE");
	const struct sip_msg *ack;

	stxn_status(&b.txns, b.now, b.steps, s, 486);
	bench_until(&b, 600);
	ack = bench_request(&b, "ACK", "z9hG4bKphone", "");
	ck_assert_ptr_eq(stxn_find(&b.txns, ack, &b.phone), s);
	stxn_again(&b.txns, b.now, b.steps, s, ack);
	ck_assert_int_eq(s->state, STXN_CONFIRMED);
	bench_until(&b, 5599);
	ck_assert_uint_eq(b.ended, 0);
	bench_until(&b, 5600);
	ck_assert_uint_eq(b.ended, 1);
	ck_assert_uint_eq(b.no_ack, 0);
	bench_sent_is(&b, "0 486, 500 486");
}
END_TEST

START_TEST(rfc3261_17_2_1_tcp_refusals_are_sent_once_and_timer_h_still_runs)
{
	struct stxn *s;

	begin_tcp();
	s = bench_server(&b, "INVITE");
	stxn_status(&b.txns, b.now, b.steps, s, 486);
	bench_until(&b, 60000);
	bench_sent_is(&b, "0 486");
	ck_assert_uint_eq(b.no_ack, 1);
}
END_TEST

START_TEST(rfc3261_17_2_1_a_retransmission_gets_the_last_provisional_answer)
{
	struct stxn *s = bench_server(&b, "INVITE");
	const struct sip_msg *m;

	m = bench_request(&b, "INVITE", "z9hG4bKphone", "");
	stxn_again(&b.txns, b.now, b.steps, s, m);
	bench_sent_is(&b, "");		/* nothing to repeat yet */
	stxn_status(&b.txns, b.now, b.steps, s, 100);
	stxn_status(&b.txns, b.now, b.steps, s, 180);
	stxn_again(&b.txns, b.now, b.steps, s, m);
	bench_sent_is(&b, "0 100, 0 180, 0 180");
	stxn_status(&b.txns, b.now, b.steps, s, 486);
	stxn_again(&b.txns, b.now, b.steps, s, m);
	bench_sent_is(&b, "0 486, 0 486");
}
END_TEST

START_TEST(rfc6026_7_1_accepted_absorbs_invites_and_lets_the_owner_repeat_2xx)
{
	struct stxn *s = bench_server(&b, "INVITE");
	const struct sip_msg *m;

	stxn_status(&b.txns, b.now, b.steps, s, 200);
	ck_assert_int_eq(s->state, STXN_ACCEPTED);
	m = bench_request(&b, "INVITE", "z9hG4bKphone", "");
	stxn_again(&b.txns, b.now, b.steps, s, m);
	bench_sent_is(&b, "0 200");
	stxn_resend(&b.txns, b.steps, s);
	bench_sent_is(&b, "0 200");
	ck_assert_int_eq(stxn_status(&b.txns, b.now, b.steps, s, 200), 0);
	ck_assert_int_eq(stxn_status(&b.txns, b.now, b.steps, s, 486),
	    -EINVAL);
	bench_until(&b, 31999);
	ck_assert_uint_eq(b.ended, 0);
	bench_until(&b, 32000);		/* timer L */
	ck_assert_uint_eq(b.ended, 1);
	ck_assert_uint_eq(b.no_ack, 0);
}
END_TEST

START_TEST(rfc3261_17_2_2_timer_j_answers_retransmissions_of_other_requests)
{
	struct stxn *s = bench_server(&b, "BYE");
	const struct sip_msg *m;

	stxn_status(&b.txns, b.now, b.steps, s, 200);
	bench_until(&b, 31999);
	m = bench_request(&b, "BYE", "z9hG4bKphone", "");
	ck_assert_ptr_eq(stxn_find(&b.txns, m, &b.phone), s);
	stxn_again(&b.txns, b.now, b.steps, s, m);
	bench_sent_is(&b, "0 200, 31999 200");
	bench_until(&b, 32000);
	ck_assert_uint_eq(b.ended, 1);
	ck_assert_ptr_null(stxn_find(&b.txns, m, &b.phone));
}
END_TEST

START_TEST(a_second_final_answer_is_refused)
{
	struct stxn *s = bench_server(&b, "BYE");

	stxn_status(&b.txns, b.now, b.steps, s, 200);
	ck_assert_int_eq(stxn_status(&b.txns, b.now, b.steps, s, 481),
	    -EINVAL);
	ck_assert_int_eq(stxn_status(&b.txns, b.now, b.steps, s, 200),
	    -EINVAL);
	bench_sent_is(&b, "0 200");
}
END_TEST

START_TEST(an_invite_that_its_owner_forgot_is_answered_408)
{
	bench_server(&b, "INVITE");
	bench_until(&b, 899999);
	bench_sent_is(&b, "");
	bench_until(&b, 900000);
	bench_sent_is(&b, "900000 408");
}
END_TEST

START_TEST(rfc3261_9_2_cancel_is_answered_and_told_once)
{
	struct stxn *s = bench_server(&b, "INVITE");
	const struct sip_msg *m = bench_request(&b, "CANCEL", "z9hG4bKphone",
	    "");

	ck_assert_ptr_eq(stxn_of_cancel(&b.txns, m, &b.phone), s);
	ck_assert_ptr_null(stxn_find(&b.txns, m, &b.phone));
	stxn_cancel(&b.txns, b.now, b.steps, s, m, &b.phone);
	stxn_cancel(&b.txns, b.now, b.steps, s, m, &b.phone);
	ck_assert_uint_eq(b.cancelled, 1);
	stxn_status(&b.txns, b.now, b.steps, s, 487);
	stxn_cancel(&b.txns, b.now, b.steps, s, m, &b.phone);
	bench_sent_is(&b, "0 200, 0 200, 0 487, 0 200");
}
END_TEST

START_TEST(rfc3261_9_2_cancel_after_the_final_answer_tells_nobody)
{
	struct stxn *s = bench_server(&b, "INVITE");
	const struct sip_msg *m = bench_request(&b, "CANCEL", "z9hG4bKphone",
	    "");

	stxn_status(&b.txns, b.now, b.steps, s, 200);
	stxn_cancel(&b.txns, b.now, b.steps, s, m, &b.phone);
	ck_assert_uint_eq(b.cancelled, 0);
	bench_sent_is(&b, "0 200, 0 200");
}
END_TEST

/* ---- matching ---- */

START_TEST(rfc3261_17_2_3_another_branch_method_address_or_zone_is_another_one)
{
	static const uint8_t other[] = { 198, 51, 100, 8 };
	struct flow from = b.phone;
	const struct sip_msg *m;

	bench_server(&b, "INVITE");
	m = bench_request(&b, "INVITE", "z9hG4bKphone", "");
	ck_assert_ptr_nonnull(stxn_find(&b.txns, m, &from));
	from.remote = addr_from_bytes(other, 4, 40001);
	ck_assert_ptr_null(stxn_find(&b.txns, m, &from));
	from = b.phone;
	from.zone = ZONE_INTERNAL;
	ck_assert_ptr_null(stxn_find(&b.txns, m, &from));
	m = bench_request(&b, "INVITE", "z9hG4bKphone2", "");
	ck_assert_ptr_null(stxn_find(&b.txns, m, &b.phone));
	m = bench_request(&b, "INFO", "z9hG4bKphone", "");
	ck_assert_ptr_null(stxn_find(&b.txns, m, &b.phone));
}
END_TEST

START_TEST(rfc3261_17_2_3_without_magic_cookie_cseq_and_call_id_count)
{
	const struct sip_msg *m = bench_request(&b, "INVITE", "1", "");
	struct stxn *s;

	ck_assert(!m->via.has_magic);
	ck_assert_int_eq(stxn_new(&b.txns, b.now, m, m->bytes, &b.phone, NULL,
			     NULL, &s), 0);
	m = bench_request(&b, "ACK", "1", "");
	ck_assert_ptr_eq(stxn_find(&b.txns, m, &b.phone), s);
	b.in.cseq.number++;
	ck_assert_ptr_null(stxn_find(&b.txns, m, &b.phone));
	stxn_drop(&b.txns, s);
}
END_TEST

START_TEST(rfc3261_8_2_2_2_a_copy_by_another_path_is_merged_a_spiral_is_not)
{
	const struct sip_msg *m;

	bench_server(&b, "INVITE");
	m = bench_request(&b, "INVITE", "z9hG4bKotherpath", "");
	ck_assert(stxn_is_merged(&b.txns, m, &b.phone));
	b.in.ruri.all = SPAN_LIT("sip:12@sip.example.org");
	ck_assert(!stxn_is_merged(&b.txns, m, &b.phone));
	m = bench_request(&b, "INVITE", "z9hG4bKotherpath", "");
	b.in.cseq.number++;
	ck_assert(!stxn_is_merged(&b.txns, m, &b.phone));
}
END_TEST

START_TEST(tags_and_branches_are_the_same_after_a_restart_and_differ_by_number)
{
	char tag[TAG_LEN], tag2[TAG_LEN], br[BRANCH_LEN], br2[BRANCH_LEN];
	const struct sip_msg *m;
	struct span t, first;

	m = bench_request(&b, "INVITE", "z9hG4bKphone", "");
	t = txn_tag(&b.txns, m, &b.phone, tag);
	first = txn_branch(&b.txns, m, &b.phone, 0, br);
	ck_assert_uint_eq(t.len, TAG_LEN);
	ck_assert_uint_eq(first.len, BRANCH_LEN);
	ck_assert_mem_eq(first.p, "z9hG4bK", 7);
	ck_assert(!span_eq(first, txn_branch(&b.txns, m, &b.phone, 1, br2)));
	bench_clear(&b);
	bench_init(&b, 16, TRANSPORT_UDP);
	m = bench_request(&b, "INVITE", "z9hG4bKphone", "");
	ck_assert(span_eq(t, txn_tag(&b.txns, m, &b.phone, tag2)));
	ck_assert(span_eq(first, txn_branch(&b.txns, m, &b.phone, 0, br2)));
	/* The CANCEL's own 200 carries the INVITE's tag (9.2). */
	m = bench_request(&b, "CANCEL", "z9hG4bKphone", "");
	ck_assert(span_eq(t, txn_tag(&b.txns, m, &b.phone, tag2)));
}
END_TEST

/* ---- limits ---- */

START_TEST(a_full_table_refuses_and_recovers)
{
	struct stxn *s[17];
	char branch[32];
	int err = 0;

	for (int i = 0; i < 17; i++) {
		const struct sip_msg *m;

		snprintf(branch, sizeof(branch), "z9hG4bK%d", i);
		m = bench_request(&b, "INFO", branch, "");
		err = stxn_new(&b.txns, b.now, m, m->bytes, &b.phone, NULL,
		    NULL, &s[i]);
		ck_assert_int_eq(err, i < 16 ? 0 : -ENOMEM);
	}
	ck_assert_uint_eq(b.txns.full, 1);
	stxn_drop(&b.txns, s[3]);
	ck_assert_uint_eq(b.txns.servers.used, 15);
}
END_TEST

/* A source that has all it may have takes nothing from others: by chance one
 * in 4,096 shared its counter. */
START_TEST(a_source_that_has_too_much_shuts_nobody_out)
{
	struct flow other = b.phone;
	const struct sip_msg *m;
	struct stxn *s;
	unsigned refused = 0;
	char branch[32];
	int err = 0;

	bench_clear(&b);
	bench_init(&b, 64, TRANSPORT_UDP);
	for (int i = 0; err == 0; i++) {
		snprintf(branch, sizeof(branch), "z9hG4bK%d", i);
		m = bench_request(&b, "INFO", branch, "");
		err = stxn_new(&b.txns, b.now, m, m->bytes, &b.phone, NULL,
		    NULL, &s);
	}
	ck_assert_uint_eq(b.txns.servers.used, 48);
	for (unsigned i = 0; i < 60000; i++) {
		const uint8_t ip[] = { 203, 0, (uint8_t)(i >> 8), (uint8_t)i };

		other.remote = addr_from_bytes(ip, 4, 40001);
		if (stxn_new(&b.txns, b.now, m, m->bytes, &other, NULL, NULL,
			&s) == 0)
			stxn_drop(&b.txns, s);
		else
			refused++;
	}
	/* Chance still has its part, in one run of five thousand. */
	ck_assert_uint_le(refused, 1);
	/* Its own counter is right again as well. */
	stxn_drop(&b.txns, stxn_find(&b.txns,
	    bench_request(&b, "INFO", "z9hG4bK3", ""), &b.phone));
	m = bench_request(&b, "INFO", "z9hG4bKlast", "");
	ck_assert_int_eq(stxn_new(&b.txns, b.now, m, m->bytes, &b.phone, NULL,
	    NULL, &s), 0);
	m = bench_request(&b, "INFO", "z9hG4bKone-more", "");
	ck_assert_int_eq(stxn_new(&b.txns, b.now, m, m->bytes, &b.phone, NULL,
	    NULL, &s), -ENOMEM);
}
END_TEST

/* It may hold a key of sound. */
START_TEST(a_message_given_back_is_wiped)
{
	struct blob blob = { 0 };
	const char *at;

	ck_assert_int_eq(
	    blob_set(&b.txns.blobs, &blob, SPAN_LIT("a=crypto:1")), 0);
	at = blob.p;
	ck_assert_int_eq(memcmp(at, "a=crypto:1", 10), 0);
	blob_drop(&b.txns.blobs, &blob);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_int_eq(at[i], 0);
}
END_TEST

START_TEST(a_request_above_8_kib_is_refused)
{
	const struct sip_msg *m = bench_request(&b, "INFO", "z9hG4bK1", "");
	char big[BLOB_MAX + 1] = { 0 };
	struct stxn *s;

	ck_assert_int_eq(stxn_new(&b.txns, b.now, m, span_make(big,
			     sizeof(big)), &b.phone, NULL, NULL, &s),
	    -EMSGSIZE);
}
END_TEST

START_TEST(an_answer_too_long_to_build_is_not_sent_and_changes_nothing)
{
	struct stxn *s = bench_server(&b, "INVITE");
	char big[BLOB_MAX];
	struct reply r = { .status = 200, .content_type = SPAN_LIT("a/b"),
		.body = { big, sizeof(big) } };

	memset(big, 'x', sizeof(big));
	ck_assert_int_eq(stxn_respond(&b.txns, b.now, b.steps, s, &r),
	    -EMSGSIZE);
	ck_assert_int_eq(s->state, STXN_TRYING);
	bench_sent_is(&b, "");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("txn");
	TCase *tc = tcase_create("txn");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, begin_udp, end);
#define T(name) tcase_add_test(tc, name)
	T(rfc3261_17_1_1_2_timer_a_doubles_until_timer_b);
	T(rfc3261_18_1_1_a_large_request_without_answer_is_named);
	T(rfc3261_18_1_1_many_large_requests_are_one_line);
	T(rfc3261_18_1_1_an_answered_or_small_request_is_not_named);
	T(rfc3261_17_1_2_2_timer_e_doubles_up_to_t2_until_timer_f);
	T(rfc3261_17_1_2_2_after_a_provisional_answer_timer_e_is_t2);
	T(rfc3261_17_1_reliable_transports_never_resend);
	T(rfc3261_17_1_1_2_a_provisional_answer_stops_timers_a_and_b);
	T(rfc3261_17_1_1_3_ack_has_the_invites_via_route_and_the_answers_to);
	T(rfc3261_17_1_1_2_timer_d_acks_each_copy_of_a_refusal_and_tells_once);
	T(rfc6026_7_2_accepted_hands_on_every_2xx_for_timer_m);
	T(rfc3261_17_1_2_2_timer_k_absorbs_further_answers);
	T(rfc3261_9_1_cancel_waits_for_a_provisional_answer);
	T(rfc3261_9_1_a_cancelled_invite_without_answer_ends_after_64_t1);
	T(cancel_after_a_final_answer_does_nothing);
	T(an_answer_from_another_host_or_zone_is_nobodys);
	T(rfc3261_8_1_3_3_an_answer_with_two_vias_is_nobodys);
	T(an_answer_to_another_method_with_the_same_branch_is_nobodys);
	T(a_detached_owner_hears_nothing_and_refusals_are_still_acked);
	T(an_invite_that_rings_for_ever_ends_though_its_owner_let_go);
	T(what_is_no_request_of_ours_is_not_sent);
	T(rfc3261_17_2_1_timer_g_resends_a_refusal_until_timer_h);
	T(rfc3261_17_2_1_ack_stops_timer_g_and_timer_i_ends_it);
	T(rfc3261_17_2_1_tcp_refusals_are_sent_once_and_timer_h_still_runs);
	T(rfc3261_17_2_1_a_retransmission_gets_the_last_provisional_answer);
	T(rfc6026_7_1_accepted_absorbs_invites_and_lets_the_owner_repeat_2xx);
	T(rfc3261_17_2_2_timer_j_answers_retransmissions_of_other_requests);
	T(a_second_final_answer_is_refused);
	T(an_invite_that_its_owner_forgot_is_answered_408);
	T(rfc3261_9_2_cancel_is_answered_and_told_once);
	T(rfc3261_9_2_cancel_after_the_final_answer_tells_nobody);
	T(rfc3261_17_2_3_another_branch_method_address_or_zone_is_another_one);
	T(rfc3261_17_2_3_without_magic_cookie_cseq_and_call_id_count);
	T(rfc3261_8_2_2_2_a_copy_by_another_path_is_merged_a_spiral_is_not);
	T(tags_and_branches_are_the_same_after_a_restart_and_differ_by_number);
	T(a_full_table_refuses_and_recovers);
	T(a_source_that_has_too_much_shuts_nobody_out);
	T(a_message_given_back_is_wiped);
	T(a_request_above_8_kib_is_refused);
	T(an_answer_too_long_to_build_is_not_sent_and_changes_nothing);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
