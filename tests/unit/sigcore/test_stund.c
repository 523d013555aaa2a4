/* STUN and bare keepalives at a SIP socket (RFC 5626 4.4.2 and 8, RFC 7983). */
#include <check.h>
#include <stdlib.h>

#include "common/codec/stun_serve.h"
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/guard.h"
#include "sigproxy/core/keep.h"

static struct edge_conf conf;
static struct edge *edge;
static struct steps *st;
static const struct mono now = { 1000000 };
static const struct span request = SPAN_LIT(
    "\0\1\0\0\x21\x12\xa4\x42lab-lab-lab-");

static struct flow
flow_of(const char *text, enum zone zone)
{
	struct flow f = { .zone = (uint8_t)zone,
		.transport = TRANSPORT_UDP,
		.listener = zone == ZONE_INTERNAL };

	ck_assert_int_eq(addr_parse(span_str(text), 5060, &f.remote), 0);
	return f;
}

static void
begin(void)
{
	conf = (struct edge_conf){ .n_listeners = 2, .n_lan = 1 };
	conf.listeners[0] = (struct edge_listener){ ZONE_EXTERNAL,
		TRANSPORT_UDP, flow_of("192.168.10.2:5070", 1).remote };
	conf.listeners[1] = (struct edge_listener){ ZONE_INTERNAL,
		TRANSPORT_UDP, flow_of("192.168.10.2:5060", 1).remote };
	conf.domain = SPAN_LIT("sip.example.org");
	conf.realm = SPAN_LIT("SMO-SIP");
	addr_prefix_parse(SPAN_LIT("192.168.0.0/16"), &conf.lan[0]);
	conf.stun_servers[0] = flow_of("203.0.113.53:3478", 1).remote;
	conf.n_stun_servers = 1;
	conf.max_transactions = 256;
	conf.max_calls = 4;
	conf.max_flows = 100;
	edge = edge_new(&conf);
	st = steps_new();
	ck_assert_ptr_nonnull(edge);
}

static void
end(void)
{
	edge_free(edge);
	steps_free(st);
}

/* Is the last step a STUN success to f that says f's address? */
static bool
is_told_its_address(const struct flow *f)
{
	const struct step *s = st->n > 0 ? &st->step[st->n - 1] : NULL;
	struct stun_msg m;

	return s != NULL && s->kind == STEP_SEND && flow_eq(&s->flow, f) &&
	    stun_parse(s->bytes, &m) == 0 && m.class == STUN_SUCCESS &&
	    addr_eq(&m.mapped, &f->remote);
}

START_TEST(a_stranger_and_a_desk_phone_are_told_their_addresses)
{
	struct flow home = flow_of("198.51.100.10:40000", ZONE_EXTERNAL);
	struct flow desk = flow_of("192.168.10.20:5060", ZONE_INTERNAL);
	struct flow forged = flow_of("198.51.100.10:40000", ZONE_INTERNAL);

	edge_message(edge, now, st, &home, request);
	ck_assert(is_told_its_address(&home));
	edge_message(edge, now, st, &desk, request);
	ck_assert(is_told_its_address(&desk));
	edge_message(edge, now, st, &forged, request);
	ck_assert_uint_eq(st->n, 2);
	ck_assert_uint_eq(edge->stun_answered, 2);
	ck_assert(!keep_has(edge->keep, &home));
}
END_TEST

START_TEST(strangers_have_their_budget_and_a_registered_home_its_own)
{
	struct flow stranger = flow_of("198.51.100.66:40000", ZONE_EXTERNAL);
	struct flow home = flow_of("198.51.100.10:40000", ZONE_EXTERNAL);

	keep_flow(edge->keep, now, &home, 60);
	for (unsigned i = 0; i < 400; i++) {
		steps_clear(st);
		edge_message(edge, now, st, &stranger, request);
	}
	ck_assert_uint_eq(edge->stun_answered, GUARD_ADDRESS_BURST);
	ck_assert_uint_eq(edge->silenced, 400 - GUARD_ADDRESS_BURST);
	for (unsigned i = 0; i < 400; i++) {
		steps_clear(st);
		edge_message(edge, now, st, &home, request);
		ck_assert(is_told_its_address(&home));
	}
}
END_TEST

START_TEST(what_stunmon_asked_is_not_taken_for_a_question)
{
	struct flow server = flow_of("203.0.113.53:3478", ZONE_EXTERNAL);
	struct ipc_stun_send ask = { .socket = 0, .server = server.remote };
	char mem[256], answer_mem[64];
	struct buf b, answer;

	memcpy(ask.tid, "lab-lab-lab-", sizeof(ask.tid));
	buf_init(&b, mem, sizeof(mem));
	put_stun_send(&b, &ask);
	ck_assert_int_eq(edge_frame(edge, now, st, ROLE_STUN, 0,
			     IPC_STUN_SEND, buf_span(&b)), 0);
	ck_assert_uint_eq(st->n, 1);
	/* Its own question back, same transaction: answered, not believed. */
	edge_message(edge, now, st, &server, request);
	ck_assert(is_told_its_address(&server));
	ck_assert_uint_eq(st->stun.len, 0);
	buf_init(&answer, answer_mem, sizeof(answer_mem));
	ck_assert(stun_serve(request, &server.remote, &answer));
	steps_clear(st);
	edge_message(edge, now, st, &server, buf_span(&answer));
	ck_assert_uint_eq(st->n, 0);
	ck_assert_uint_gt(st->stun.len, 0);
	/* An answer nobody asked for: silence. */
	steps_clear(st);
	edge_message(edge, now, st, &server, buf_span(&answer));
	ck_assert_uint_eq(st->n + st->stun.len, 0);
}
END_TEST

START_TEST(bare_keepalives_are_ignored_quietly)
{
	const struct span pings[] = { SPAN_LIT("\r\n\r\n"), SPAN_LIT("\r\n"),
		SPAN_LIT("\0\0\0\0"), SPAN_NONE };
	struct flow home = flow_of("198.51.100.10:40000", ZONE_EXTERNAL);

	for (size_t i = 0; i < 4; i++)
		edge_message(edge, now, st, &home, pings[i]);
	ck_assert_uint_eq(edge->pings, 4);
	ck_assert_uint_eq(edge->malformed, 0);
	ck_assert_uint_eq(st->n, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stund");
	TCase *tc = tcase_create("stund");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, a_stranger_and_a_desk_phone_are_told_their_addresses);
	tcase_add_test(tc,
	    strangers_have_their_budget_and_a_registered_home_its_own);
	tcase_add_test(tc, what_stunmon_asked_is_not_taken_for_a_question);
	tcase_add_test(tc, bare_keepalives_are_ignored_quietly);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
