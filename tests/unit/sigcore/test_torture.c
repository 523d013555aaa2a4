/*
 * The messages of RFC 4475 and RFC 5118, raw, from a stranger: each gets the
 * answer that its set's index allows, once and never longer than 1.5 times
 * itself, and leaves nothing behind.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "sigproxy/core/edge_priv.h"

static const struct {
	const char *file;
	unsigned status;	/* 0: silence */
} rows[] = {
	{ "rfc4475/badaspec.dat", 400 },
	{ "rfc4475/badbranch.dat", 200 },
	{ "rfc4475/baddate.dat", 401 },
	{ "rfc4475/baddn.dat", 400 },
	{ "rfc4475/badinv01.dat", 400 },
	{ "rfc4475/badvers.dat", 505 },
	{ "rfc4475/bcast.dat", 0 },
	{ "rfc4475/bext01.dat", 420 },
	{ "rfc4475/bigcode.dat", 0 },
	{ "rfc4475/clerr.dat", 400 },
	{ "rfc4475/cparam01.dat", 401 },
	{ "rfc4475/cparam02.dat", 401 },
	{ "rfc4475/dblreq.dat", 401 },
	{ "rfc4475/esc01.dat", 401 },
	{ "rfc4475/esc02.dat", 501 },
	{ "rfc4475/escnull.dat", 401 },
	{ "rfc4475/escruri.dat", 400 },
	{ "rfc4475/insuf.dat", 400 },
	{ "rfc4475/intmeth.dat", 501 },
	{ "rfc4475/inv2543.dat", 401 },
	{ "rfc4475/invut.dat", 401 },
	{ "rfc4475/longreq.dat", 401 },
	{ "rfc4475/ltgtruri.dat", 400 },
	{ "rfc4475/lwsdisp.dat", 200 },
	{ "rfc4475/lwsruri.dat", 400 },
	{ "rfc4475/lwsstart.dat", 400 },
	{ "rfc4475/mcl01.dat", 400 },
	{ "rfc4475/mismatch01.dat", 400 },
	{ "rfc4475/mismatch02.dat", 400 },
	{ "rfc4475/mpart01.dat", 404 },
	{ "rfc4475/multi01.dat", 400 },
	{ "rfc4475/ncl.dat", 400 },
	{ "rfc4475/noreason.dat", 0 },
	{ "rfc4475/novelsc.dat", 416 },
	{ "rfc4475/quotbal.dat", 400 },
	{ "rfc4475/regaut01.dat", 401 },
	{ "rfc4475/regbadct.dat", 400 },
	{ "rfc4475/regescrt.dat", 401 },
	{ "rfc4475/scalar02.dat", 400 },
	{ "rfc4475/scalarlg.dat", 0 },
	{ "rfc4475/sdp01.dat", 401 },
	{ "rfc4475/semiuri.dat", 200 },
	{ "rfc4475/test.dat", 0 },
	{ "rfc4475/transports.dat", 200 },
	{ "rfc4475/trws.dat", 400 },
	{ "rfc4475/unkscm.dat", 416 },
	{ "rfc4475/unksm2.dat", 400 },
	{ "rfc4475/unreason.dat", 0 },
	{ "rfc4475/wsinv.dat", 481 },
	{ "rfc4475/zeromf.dat", 200 },
	{ "rfc5118/ipv4-mapped-ipv6.wire", 401 },
	{ "rfc5118/ipv6-bad.wire", 400 },
	{ "rfc5118/ipv6-bug-abnf-3-colons.wire", 404 },
	{ "rfc5118/ipv6-correct-abnf-2-colons.wire", 200 },
	{ "rfc5118/ipv6-good.wire", 401 },
	{ "rfc5118/mult-ip-in-header.wire", 481 },
	{ "rfc5118/mult-ip-in-sdp.wire", 401 },
	{ "rfc5118/port-ambiguous.wire", 401 },
	{ "rfc5118/port-unambiguous.wire", 401 },
	{ "rfc5118/via-received-param-no-delim.wire", 200 },
	{ "rfc5118/via-received-param-with-delim.wire", 481 },
};

static const char *vectors;
static struct edge_conf conf;
static struct edge *edge;
static struct steps *st;
static const struct mono now = { 1000000 };

static void
nonces(void)
{
	struct ipc_nonce_say say = { 0, 300000,
		SPAN_LIT("00000000000000000000000000000001") };
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	put_nonce_say(&b, &say);
	ck_assert_int_eq(edge_frame(edge, now, st, ROLE_REG, 0, IPC_NONCE_SAY,
			     buf_span(&b)), 0);
}

static void
open_edge(void)
{
	static const char *const names[] = { "biloxi.example.com",
		"atlanta.example.com", "example.net", "registrar.example.com",
		"[2001:db8::10]", "[2001:db8::192.0.2.1]" };

	memset(&conf, 0, sizeof(conf));
	addr_parse(SPAN_LIT("192.168.10.2:5070"), 0, &conf.listeners[0].local);
	conf.listeners[0].zone = ZONE_EXTERNAL;
	conf.listeners[0].transport = TRANSPORT_UDP;
	conf.n_listeners = 1;
	conf.domain = SPAN_LIT("example.com");
	conf.realm = SPAN_LIT("R");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		conf.aliases[conf.n_aliases++] = span_str(names[i]);
	conf.accept_ip = true;
	conf.max_transactions = 32;
	conf.max_calls = conf.max_flows = 4;
	edge = edge_new(&conf);
	st = steps_new();
	edge_peer(edge, now, st, ROLE_REG, 0, true);
	nonces();
	steps_clear(st);
}

static void
close_edge(void)
{
	edge_free(edge);
	steps_free(st);
}

/* The status of the only datagram sent, or 0. */
static unsigned
answer(size_t asked_bytes)
{
	const struct span *sent = NULL;
	char text[16] = "";

	for (unsigned i = 0; i < st->n; i++) {
		if (st->step[i].kind != STEP_SEND)
			continue;
		ck_assert_ptr_null(sent);
		sent = &st->step[i].bytes;
	}
	if (sent == NULL)
		return 0;
	ck_assert_uint_le(sent->len * 2, asked_bytes * 3);
	memcpy(text, sent->p, 15);
	return (unsigned)atoi(text + 8);
}

START_TEST(a_torture_message_gets_the_answer_of_its_index)
{
	static char text[65536];
	char path[4096];
	struct flow from = { ZONE_EXTERNAL, TRANSPORT_UDP, 0, { 0 }, 0 };
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", vectors, rows[_i].file);
	f = fopen(path, "rb");
	ck_assert_msg(f != NULL, "%s", path);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	addr_parse(SPAN_LIT("198.51.100.7:5060"), 0, &from.remote);
	edge_message(edge, now, st, &from, span_make(text, n));
	ck_assert_msg(answer(n) == rows[_i].status, "%s: %u", rows[_i].file,
	    answer(n));
	ck_assert_uint_eq(edge->txns.servers.used, 0);
	ck_assert_uint_eq(edge->txns.clients.used, 0);
	/* At most a NONCE_ASK; no question about a subscriber. */
	ck_assert_uint_le(st->reg.len, IPC_HEADER_LEN + 6);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *suite = suite_create("torture");
	TCase *tc = tcase_create("torture");
	SRunner *runner;
	int failed;

	vectors = argc > 1 ? argv[1] : "tests/vectors";
	tcase_add_checked_fixture(tc, open_edge, close_edge);
	tcase_add_loop_test(tc, a_torture_message_gets_the_answer_of_its_index,
	    0, sizeof(rows) / sizeof(rows[0]));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
