/* Who gets no answer, or few: dropped sources, bare addresses, budgets. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sigproxy/core/drops.h"
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/guard.h"
#include "sigproxy/core/keep.h"

static struct edge_conf conf;
static struct edge *edge;
static struct steps *st;
static struct mono now;

static struct addr
ip(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(span_str(text), 5060, &a), 0);
	return a;
}

static void
open_edge(void)
{
	memset(&conf, 0, sizeof(conf));
	conf.listeners[0] = (struct edge_listener){ ZONE_EXTERNAL,
		TRANSPORT_UDP, ip("192.168.10.2:5070") };
	conf.listeners[1] = (struct edge_listener){ ZONE_INTERNAL,
		TRANSPORT_UDP, ip("192.168.10.2:5060") };
	conf.n_listeners = 2;
	conf.domain = SPAN_LIT("sip.example.org");
	conf.realm = SPAN_LIT("SMO-SIP");
	conf.public_addr = ip("198.51.100.99");
	conf.accept_ip = true;
	conf.lan[0] = (struct addr_prefix){ ip("192.168.0.0"), 16 };
	conf.n_lan = 1;
	conf.max_transactions = 256;
	conf.max_calls = 4;
	conf.max_flows = 100;
	edge = edge_new(&conf);
	st = steps_new();
	now = (struct mono){ 100000000 };
	ck_assert_ptr_nonnull(edge);
}

static void
close_edge(void)
{
	edge_free(edge);
	steps_free(st);
}

static struct flow
flow_from(const char *address)
{
	struct flow f = { ZONE_EXTERNAL, TRANSPORT_UDP, 0, ip(address), 0 };

	if (edge_is_lan(edge, &f.remote)) {
		f.zone = ZONE_INTERNAL;
		f.listener = 1;
	}
	return f;
}

/* Say it; the bytes of the answer, 0 for none. */
static size_t
say(const char *from, const char *method, const char *host, const char *to)
{
	static unsigned n;
	struct flow f = flow_from(from);
	size_t sent = 0;
	char text[1024];
	int len = snprintf(text, sizeof(text), "%s sip:%s SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK%u;rport\r\n"
	    "From: <sip:201@%s>;tag=f1\r\nTo: <sip:201@%s>%s\r\n"
	    "Call-ID: %u@probe\r\nCSeq: 1 %s\r\nContact: <sip:201@10.0.0.5>\r\n"
	    "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
	    method, host, n, host, host, to, n, method);

	n++;
	edge_message(edge, now, st, &f, span_make(text, (size_t)len));
	for (unsigned i = 0; i < st->n; i++)
		if (st->step[i].kind == STEP_SEND)
			sent += st->step[i].bytes.len;
	steps_clear(st);
	return sent;
}

/* ---- what is no SIP ---- */

static unsigned
lines_of(const char *event, const char **why, struct span *begins)
{
	unsigned n = 0;

	for (unsigned i = 0; i < st->n; i++) {
		const struct step *s = &st->step[i];

		if (s->kind != STEP_LOG || strcmp(s->event, event) != 0)
			continue;
		n++;
		for (unsigned k = 0; k < s->n_keys; k++) {
			static char mem[128];

			if (strcmp(s->keys[k].key, "begins") == 0)
				*begins = s->keys[k].text;
			if (strcmp(s->keys[k].key, "why") != 0)
				continue;
			snprintf(mem, sizeof(mem), "%.*s",
			    (int)s->keys[k].text.len, s->keys[k].text.p);
			*why = mem;
		}
	}
	return n;
}

START_TEST(what_cannot_be_parsed_is_in_the_log)
{
	static const struct { const char *text, *why, *begins; } rows[] = {
		{ "HELLO\r\n\r\n", "Malformed Start Line", "HELLO" },
		{ "INVITE sip:168@sip.example.org SIP/2.0\r\nVia: SIP/2.0/UDP "
		  "10.0.0.5;branch=z9hG4bKx\r\n\r\n", NULL,
		    "INVITE sip:168@sip.example.org SIP/2.0" },
		{ "A\x1b[31mB", "No Line", "A" },
	};
	struct flow f = flow_from("203.0.113.66");
	const char *why = "";
	struct span begins = SPAN_NONE;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		edge_message(edge, now, st, &f, span_str(rows[i].text));
		ck_assert_uint_eq(lines_of("sip-malformed", &why, &begins), 1);
		ck_assert_msg(rows[i].why == NULL ?
			why[0] != '\0' && strcmp(why, "not SIP") != 0 :
			strcmp(why, rows[i].why) == 0, "%s: %s", rows[i].text,
		    why);
		ck_assert(span_eq(begins, span_str(rows[i].begins)));
		steps_clear(st);
	}
	for (int i = 0; i < 100; i++)
		edge_message(edge, now, st, &f, SPAN_LIT("X\r\n\r\n"));
	ck_assert_uint_eq(lines_of("sip-malformed", &why, &begins), 7);
	steps_clear(st);
	/* They push no refusals out. */
	ck_assert(edge_log_refusal(edge, now, st, "not-our-name"));
	ck_assert_uint_eq(edge->malformed, 103);
}
END_TEST

/* ---- bare addresses ---- */

static const struct {
	const char *name, *from, *method, *host, *to;
	bool accept_ip, answered;
} bare[] = {
	{ "OPTIONS to the domain", "203.0.113.66", "OPTIONS",
	    "sip.example.org", "", true, true },
	{ "OPTIONS to the address (svmap)", "203.0.113.66", "OPTIONS",
	    "198.51.100.99", "", true, false },
	{ "a ghost INVITE", "203.0.113.66", "INVITE", "198.51.100.99", "",
	    true, false },
	{ "with a port", "203.0.113.66", "INVITE", "100@198.51.100.99:5070",
	    "", true, false },
	{ "MESSAGE", "203.0.113.66", "MESSAGE", "198.51.100.99", "", true,
	    false },
	{ "a method of nobody", "203.0.113.66", "FOO", "198.51.100.99", "",
	    true, false },
	{ "CANCEL", "203.0.113.66", "CANCEL", "198.51.100.99", "", true,
	    false },
	{ "REGISTER by the address", "203.0.113.66", "REGISTER",
	    "198.51.100.99", "", true, true },
	{ "the same, not accepted", "203.0.113.66", "REGISTER",
	    "198.51.100.99", "", false, false },
	{ "in a dialog, whose phone may have moved", "203.0.113.66", "INVITE",
	    "198.51.100.99", ";tag=x", true, true },
	{ "somebody else's address", "203.0.113.66", "OPTIONS", "192.0.2.1",
	    "", true, true },
	{ "a call for it", "203.0.113.66", "INVITE", "192.0.2.1", "", true,
	    false },
	{ "the former, without accept_ip", "203.0.113.66", "OPTIONS",
	    "192.0.2.1", "", false, false },
	{ "a registered home's", "198.51.100.7", "OPTIONS", "198.51.100.99",
	    "", true, true },
	{ "the office's", "192.168.10.50", "OPTIONS", "192.168.10.2", "",
	    true, true },
};

START_TEST(strangers_who_know_an_address_only_get_silence)
{
	struct flow home = flow_from("198.51.100.7");
	size_t sent;

	conf.accept_ip = bare[_i].accept_ip;
	keep_flow(edge->keep, now, &home, 60);
	sent = say(bare[_i].from, bare[_i].method, bare[_i].host, bare[_i].to);
	ck_assert_msg((sent > 0) == bare[_i].answered, "%s: %zu bytes",
	    bare[_i].name, sent);
}
END_TEST

/* urn:service:sos has no host, and an emergency number may have a foreign one:
 * From or To says our name, or nobody knows the caller. */
START_TEST(help_is_asked_of_us_by_who_knows_our_name)
{
	static const char help[] = "urn:service:sos";
	static const char number[] = "sip:1-1-2@elsewhere.example";
	static const char other[] = "sip:113@elsewhere.example";
	static const struct {
		const char *from, *host, *uri;
		bool meant;
	} rows[] = {
		{ "203.0.113.66", "sip.example.org", help, true },
		{ "203.0.113.66", "198.51.100.99", help, false },
		{ "203.0.113.66", "elsewhere.example", help, false },
		{ "198.51.100.7", "elsewhere.example", help, true },
		{ "192.168.10.50", "elsewhere.example", help, true },
		{ "203.0.113.66", "sip.example.org", number, true },
		{ "203.0.113.66", "elsewhere.example", number, false },
		{ "198.51.100.7", "elsewhere.example", number, true },
		{ "192.168.10.50", "elsewhere.example", number, true },
		{ "198.51.100.7", "elsewhere.example", other, false },
		{ "192.168.10.50", "sip.example.org", other, false },
		{ "198.51.100.7", "x", "sip:112@sip.example.org", true },
	};
	struct flow home = flow_from("198.51.100.7");
	static struct sip_msg m;
	char text[512];

	conf.accept_ip = true;
	conf.emergency[0] = SPAN_LIT("112");
	conf.n_emergency = 1;
	keep_flow(edge->keep, now, &home, 60);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct flow f = flow_from(rows[i].from);
		int len = snprintf(text, sizeof(text), "INVITE "
		    "%s SIP/2.0\r\n"
		    "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK1\r\n"
		    "From: <sip:201@%s>;tag=f\r\nTo: <%s>\r\n"
		    "Call-ID: 1@x\r\nCSeq: 1 INVITE\r\n"
		    "Contact: <sip:201@10.0.0.5>\r\n"
		    "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
		    rows[i].uri, rows[i].host, rows[i].uri);

		ck_assert_int_eq(sip_parse(span_make(text, (size_t)len),
		    SIP_DATAGRAM, &m, NULL), 0);
		ck_assert_msg(edge_may_mean_us(edge, &m, &f) == rows[i].meant,
		    "%zu", i);
	}
}
END_TEST

START_TEST(registering_by_our_address_is_slow_for_strangers)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 100; i++)
		n += say("203.0.113.66", "REGISTER", "198.51.100.99", "") > 0;
	ck_assert_uint_eq(n, GUARD_BARE_BURST);
	/* What it uses up is not taken from who knows our name. */
	ck_assert_uint_gt(say("203.0.113.66", "REGISTER", "sip.example.org",
			      ""), 0);
	now = mono_add_ms(now, GUARD_BARE_MS);
	ck_assert_uint_gt(say("203.0.113.66", "REGISTER", "198.51.100.99",
			      ""), 0);
	ck_assert_uint_eq(say("203.0.113.66", "REGISTER", "198.51.100.99",
			      ""), 0);
}
END_TEST

START_TEST(a_domain_that_is_an_address_is_a_name)
{
	conf.domain = SPAN_LIT("198.51.100.99");
	ck_assert_uint_gt(say("203.0.113.66", "OPTIONS", "198.51.100.99", ""),
	    0);
}
END_TEST

/* ---- budgets ---- */

static const struct {
	const char *name;
	unsigned per_s;
	size_t in;
} floods[] = {
	{ "just above", 21, 128 }, { "a little", 25, 428 },
	{ "twice", 40, 428 }, { "much", 500, 428 },
	{ "large ones", 30, 1500 }, { "larger than any", 30, 9000 },
	{ "STUN", 100, 48 },
};

START_TEST(over_its_budget_a_source_gets_less_than_it_sends)
{
	enum { SECONDS = 60, WINDOW = 10 };
	size_t in[SECONDS] = { 0 }, out[SECONDS] = { 0 };
	struct guard *g = guard_new();
	struct addr a = ip("203.0.113.66");
	unsigned over_from = SECONDS, n = 0;

	for (unsigned s = 0; s < SECONDS; s++) {
		for (unsigned i = 0; i < floods[_i].per_s; i++) {
			now.us += 1000000 / floods[_i].per_s;
			in[s] += floods[_i].in;
			if (guard_allow(g, now, &a, GUARD_STRANGER,
				floods[_i].in)) {
				out[s] += floods[_i].in * 3 / 2;
				n++;
			} else if (over_from == SECONDS) {
				over_from = s + 1;
			}
		}
	}
	ck_assert_uint_ge(n, GUARD_ADDRESS_BURST);
	for (unsigned s = over_from; s + WINDOW <= SECONDS; s++) {
		size_t sum_in = 0, sum_out = 0;

		for (unsigned i = s; i < s + WINDOW; i++) {
			sum_in += in[i];
			sum_out += out[i];
		}
		ck_assert_msg(sum_out < sum_in, "%s: %zu out, %zu in from %u s",
		    floods[_i].name, sum_out, sum_in, s);
	}
	/* Within it again, as ever. */
	now = mono_add_ms(now, 30000);
	for (unsigned i = 0; i < GUARD_ADDRESS_BURST; i++)
		ck_assert(guard_allow(g, now, &a, GUARD_STRANGER, 428));
	guard_free(g);
}
END_TEST

/* ---- the drop list ---- */

static int
tell(bool first, const struct ipc_drop *drops, unsigned n)
{
	static struct ipc_drop_list list;
	char mem[IPC_PAYLOAD_MAX];
	struct buf b;

	list = (struct ipc_drop_list){ .first = first, .n_drops = n };
	for (unsigned i = 0; i < n; i++)
		list.drops[i] = drops[i];
	buf_init(&b, mem, sizeof(mem));
	put_drop_list(&b, &list);
	return edge_frame(edge, now, st, ROLE_REG, 0, IPC_DROP_LIST,
	    buf_span(&b));
}

static struct ipc_drop
drop(const char *net, uint8_t bits, uint32_t left_s)
{
	return (struct ipc_drop){ ip(net), bits, left_s };
}

static const struct {
	const char *name, *from;
	bool heard;
} dropped[] = {
	{ "an address", "203.0.113.66", false },
	{ "the one beside it", "203.0.113.67", true },
	{ "in a /24", "198.51.101.9", false },
	{ "beside that", "198.51.102.9", true },
	{ "in a /22", "192.0.3.9", false },
	{ "beside that", "192.0.4.9", true },
	{ "in a /48", "[2001:db8:1:ffff::1]:1", false },
	{ "beside that", "[2001:db8:2::1]:1", true },
	{ "in a /33", "[2001:db9:7fff::1]:1", false },
	{ "beside that", "[2001:db9:8000::1]:1", true },
	{ "the office's", "192.168.10.50", true },
	{ "a registered home's", "198.51.100.7", true },
	{ "its neighbour's", "198.51.100.8", false },
};

static const struct ipc_drop *
some(unsigned *n_out)
{
	static struct ipc_drop list[7];

	list[0] = drop("203.0.113.66", 32, 60);
	list[1] = drop("198.51.101.0", 24, 60);
	list[2] = drop("192.0.0.0", 22, UINT32_MAX);
	list[3] = drop("[2001:db8:1::]:1", 48, 60);
	list[4] = drop("[2001:db9:1::]:1", 33, 60);
	list[5] = drop("192.168.10.50", 32, 60);
	list[6] = drop("198.51.100.0", 24, 60);
	*n_out = 7;
	return list;
}

START_TEST(who_is_on_the_list_is_not_heard_unless_a_phone_is_there)
{
	struct flow home = flow_from("198.51.100.7");
	unsigned n;
	const struct ipc_drop *list = some(&n);

	keep_flow(edge->keep, now, &home, 3600);
	ck_assert_int_eq(tell(true, list, n), 0);
	ck_assert_msg((say(dropped[_i].from, "OPTIONS", "sip.example.org",
			   "") > 0) == dropped[_i].heard, "%s",
	    dropped[_i].name);
	ck_assert_uint_eq(edge->dropped, dropped[_i].heard ? 0 : 1);
	/* All but one have an end. */
	now = mono_add_ms(now, 60000);
	ck_assert_int_eq(say(dropped[_i].from, "OPTIONS", "sip.example.org",
			     "") > 0,
	    dropped[_i].heard || strcmp(dropped[_i].name, "in a /22") != 0);
}
END_TEST

START_TEST(a_new_list_is_all_there_is)
{
	struct ipc_drop one = drop("203.0.113.66", 32, UINT32_MAX);
	struct ipc_drop other = drop("203.0.113.67", 32, 60);

	ck_assert_int_eq(tell(true, &one, 1), 0);
	ck_assert_int_eq(tell(false, &other, 1), 0);
	ck_assert_uint_eq(say("203.0.113.66", "OPTIONS", "sip.example.org",
			      ""), 0);
	ck_assert_uint_eq(say("203.0.113.67", "OPTIONS", "sip.example.org",
			      ""), 0);
	ck_assert_int_eq(tell(true, &other, 1), 0);
	ck_assert_uint_gt(say("203.0.113.66", "OPTIONS", "sip.example.org",
			      ""), 0);
	ck_assert_int_eq(tell(true, NULL, 0), 0);
	ck_assert_uint_gt(say("203.0.113.67", "OPTIONS", "sip.example.org",
			      ""), 0);
}
END_TEST

START_TEST(more_than_there_is_room_for_is_left_out)
{
	struct ipc_drop list[IPC_DROPS_MAX], odd = drop("192.0.2.1", 33, 60);

	for (unsigned i = 0; i < 9; i++) {
		for (unsigned k = 0; k < IPC_DROPS_MAX; k++) {
			list[k] = drop("10.0.0.0", 32, 60);
			list[k].net.ip[2] = (uint8_t)i;
			list[k].net.ip[3] = (uint8_t)k;
		}
		ck_assert_int_eq(tell(i == 0, list, IPC_DROPS_MAX), 0);
	}
	ck_assert_uint_eq(drops_count(edge->drops), DROPS_MAX);
	ck_assert_uint_eq(say("10.0.8.47", "OPTIONS", "sip.example.org", ""),
	    0);
	ck_assert_uint_gt(say("10.0.8.48", "OPTIONS", "sip.example.org", ""),
	    0);
	ck_assert_int_lt(tell(true, &odd, 1), 0);
}
END_TEST

START_TEST(a_stun_servers_answer_is_not_a_strangers_packet)
{
	static const char answer[32] = { 1, 1, 0, 12, 0x21, 0x12, '\xa4',
		0x42 };
	static const char question[20] = { 0, 1, 0, 0, 0x21, 0x12, '\xa4',
		0x42 };
	struct ipc_drop net = drop("203.0.113.0", 24, 60);
	struct flow f = flow_from("203.0.113.53");

	ck_assert_int_eq(tell(true, &net, 1), 0);
	edge_message(edge, now, st, &f, span_make(answer, sizeof(answer)));
	ck_assert_uint_eq(edge->dropped, 0);
	edge_message(edge, now, st, &f, span_make(question,
					    sizeof(question)));
	ck_assert_uint_eq(edge->dropped, 1);
	f.transport = TRANSPORT_TCP;
	ck_assert(!edge_hears(edge, now, &f));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("strangers");
	TCase *t = tcase_create("strangers");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, open_edge, close_edge);
	tcase_add_loop_test(t, strangers_who_know_an_address_only_get_silence,
	    0, sizeof(bare) / sizeof(bare[0]));
	tcase_add_test(t, what_cannot_be_parsed_is_in_the_log);
	tcase_add_test(t, help_is_asked_of_us_by_who_knows_our_name);
	tcase_add_test(t, registering_by_our_address_is_slow_for_strangers);
	tcase_add_test(t, a_domain_that_is_an_address_is_a_name);
	tcase_add_loop_test(t, over_its_budget_a_source_gets_less_than_it_sends,
	    0, sizeof(floods) / sizeof(floods[0]));
	tcase_add_loop_test(t,
	    who_is_on_the_list_is_not_heard_unless_a_phone_is_there, 0,
	    sizeof(dropped) / sizeof(dropped[0]));
	tcase_add_test(t, a_new_list_is_all_there_is);
	tcase_add_test(t, more_than_there_is_room_for_is_left_out);
	tcase_add_test(t, a_stun_servers_answer_is_not_a_strangers_packet);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
