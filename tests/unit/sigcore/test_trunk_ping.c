/*
 * OPTIONS to trunks in virtual time, and where a trunk with a name is.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/trunk_ping.h"

#define HOSTS 3

static struct edge_conf conf;
static struct edge *edge;
static struct steps *st;
static struct mono now;

/* Where OPTIONS go: 198.51.100.20 to .22. */
static struct {
	unsigned asked;
	unsigned status;	/* of its answers; 0: silent */
	uint64_t first_ms;
	char text[1024];
} host[HOSTS];
static unsigned ups, downs;

static const char *
line_of(const char *msg, const char *name)
{
	static char mem[8][256];
	static unsigned i;
	char *out = mem[i++ % 8];
	const char *at = strstr(msg, name);

	ck_assert_ptr_nonnull(at);
	snprintf(out, 256, "%.*s", (int)strcspn(at, "\r"), at);
	return out;
}

static void
answer(const struct flow *from, const char *msg, unsigned status)
{
	char text[2048];

	snprintf(text, sizeof(text), "SIP/2.0 %u Whatever\r\n%s\r\n%s\r\n"
	    "%s;tag=r\r\n%s\r\n%s\r\nContent-Length: 0\r\n\r\n", status,
	    line_of(msg, "Via: "), line_of(msg, "From: "),
	    line_of(msg, "To: "), line_of(msg, "Call-ID: "),
	    line_of(msg, "CSeq: "));
	edge_message(edge, now, st, from, span_str(text));
}

static void
settle(void)
{
	struct flow to[8];
	unsigned which[8], n = 0;

	for (unsigned i = 0; i < st->n; i++) {
		const struct step *s = &st->step[i];
		unsigned h;

		if (s->kind == STEP_LOG) {
			ups += strcmp(s->event, "trunk-up") == 0;
			downs += strcmp(s->event, "trunk-down") == 0;
		}
		if (s->kind != STEP_SEND)
			continue;
		h = (unsigned)(unsigned char)s->flow.remote.ip[3] - 20;
		ck_assert_uint_lt(h, HOSTS);
		if (host[h].asked++ == 0)
			host[h].first_ms = now.us / 1000;
		snprintf(host[h].text, sizeof(host[h].text), "%.*s",
		    (int)s->bytes.len, s->bytes.p);
		ck_assert_uint_lt(n, 8);
		to[n] = s->flow;
		which[n++] = h;
	}
	steps_clear(st);
	for (unsigned i = 0; i < n; i++) {
		if (host[which[i]].status != 0)
			answer(&to[i], host[which[i]].text,
			    host[which[i]].status);
	}
	if (st->n > 0)
		settle();
}

static void
pass(uint64_t ms)
{
	struct mono until = mono_add_ms(now, ms);

	while (edge_due(edge).us <= until.us) {
		now = edge_due(edge);
		edge_tick(edge, now, st);
		settle();
	}
	now = until;
}

static void
frame(enum ipc_role role, struct buf *b)
{
	struct span payload;
	uint16_t type;
	size_t used;

	ck_assert_int_eq(ipc_split(buf_span(b), &type, &payload, &used), 0);
	ck_assert_int_eq(edge_frame(edge, now, st, role, 0, type, payload), 0);
	settle();
}

static void
trunk_is(const char *name, uint16_t ping_s, uint32_t set)
{
	struct ipc_trunk trunk = { .set = set, .trunk = 7,
		.name = SPAN_LIT("itsp"), .host = span_str(name),
		.transport = TRANSPORT_UDP, .zone = ZONE_EXTERNAL,
		.domain = SPAN_LIT("itsp.example"), .ping_s = ping_s,
		.user = SPAN_LIT("office"), .expires_s = 600, .wait_s = 6 };
	struct ipc_trunks all = { set, 1 };
	char mem[2048];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, TRUNK, trunk, &trunk);
	frame(ROLE_REG, &b);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, TRUNKS, trunks, &all);
	frame(ROLE_REG, &b);
}

static void
no_trunks(uint32_t set)
{
	struct ipc_trunks none = { set, 0 };
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, TRUNKS, trunks, &none);
	frame(ROLE_REG, &b);
}

static void
is_at(const char *name, const char *first, const char *second)
{
	struct ipc_trunk_at at = { .trunk = 7, .host = span_str(name) };
	char mem[1024];
	struct buf b;

	if (first != NULL)
		ck_assert_int_eq(addr_parse(span_str(first), 5060,
		    &at.places[at.n_places++].address), 0);
	if (second != NULL)
		ck_assert_int_eq(addr_parse(span_str(second), 5060,
		    &at.places[at.n_places++].address), 0);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, TRUNK_AT, trunk_at, &at);
	frame(ROLE_STUN, &b);
}

static const char *
way(void)
{
	static char mem[ADDR_TEXT_MAX + 1];
	struct flow to;

	return trunks_flow(edge, 7, &to) ? addr_text(&to.remote, mem) :
					   "nowhere";
}

static void
begin(void)
{
	conf = (struct edge_conf){ .n_listeners = 1, .max_transactions = 64,
		.max_calls = 4, .max_flows = 16, .max_subs = 4 };
	addr_parse(SPAN_LIT("203.0.113.10:5070"), 1,
	    &conf.listeners[0].local);
	conf.listeners[0].zone = ZONE_EXTERNAL;
	conf.listeners[0].transport = TRANSPORT_UDP;
	conf.domain = SPAN_LIT("sip.example.org");
	conf.realm = SPAN_LIT("SMO-SIP");
	st = steps_new();
	now = (struct mono){ 1000000 };
	memset(host, 0, sizeof(host));
	ups = downs = 0;
	edge = edge_new(&conf);
	ck_assert_ptr_nonnull(edge);
}

static void
finish(void)
{
	edge_free(edge);
	steps_free(st);
}

START_TEST(it_lives_it_dies_it_comes_back)
{
	host[0].status = 200;
	trunk_is("198.51.100.20", 60, 1);
	pass(600000);
	ck_assert_uint_eq(ups, 1);
	ck_assert_uint_eq(downs, 0);
	ck_assert_uint_ge(host[0].asked, 10);
	ck_assert_uint_le(host[0].asked, 13);
	ck_assert_int_eq(strncmp(host[0].text,
		"OPTIONS sip:itsp.example SIP/2.0\r\n", 34), 0);
	/* Within a minute and a few seconds it is known to be gone. */
	host[0].status = 0;
	pass(60000 + 2 * PING_WAIT_MS + PING_AGAIN_MS);
	ck_assert_uint_eq(downs, 1);
	/* There is no other: it is the way still. */
	ck_assert_str_eq(way(), "198.51.100.20:5060");
	pass(600000);
	ck_assert_uint_eq(downs, 1);
	host[0].status = 404;
	pass(62000);
	ck_assert_uint_eq(ups, 2);
}
END_TEST

START_TEST(one_lost_answer_is_nothing)
{
	host[0].status = 200;
	trunk_is("198.51.100.20", 60, 1);
	pass(1000);
	ck_assert_uint_eq(ups, 1);
	host[0].status = 0;
	host[0].asked = 0;
	while (host[0].asked == 0)
		pass(100);
	pass(PING_WAIT_MS);
	host[0].status = 200;
	pass(120000);
	ck_assert_uint_eq(downs, 0);
}
END_TEST

/* Timer F alone would let each be repeated for 32 s, three at a time. */
START_TEST(questions_to_a_dead_one_do_not_pile_up)
{
	host[0].status = 0;
	trunk_is("198.51.100.20", 10, 1);
	pass(200000);
	ck_assert_uint_eq(downs, 1);
	ck_assert_uint_ge(host[0].asked, 12 * 4);
	ck_assert_uint_le(host[0].asked, 20 * 4);
	ck_assert_uint_le(edge->txns.clients.used, 1);
}
END_TEST

START_TEST(a_name_with_two_addresses)
{
	host[0].status = host[1].status = 200;
	trunk_is("sip.itsp.example", 30, 1);
	pass(10000);
	ck_assert_str_eq(way(), "nowhere");
	is_at("sip.itsp.example", "198.51.100.20", "198.51.100.21:5062");
	pass(1000);
	ck_assert_uint_eq(ups, 2);
	ck_assert_str_eq(way(), "198.51.100.20:5060");
	host[0].status = 503;
	pass(40000);
	ck_assert_uint_eq(downs, 1);
	ck_assert_str_eq(way(), "198.51.100.21:5062");
	host[0].status = 200;
	pass(40000);
	ck_assert_str_eq(way(), "198.51.100.20:5060");
	/* It moves: who is no more of it is not asked again. */
	is_at("sip.itsp.example", "198.51.100.22", NULL);
	host[0].asked = host[1].asked = 0;
	pass(120000);
	ck_assert_uint_eq(host[0].asked + host[1].asked, 0);
	ck_assert_uint_gt(host[2].asked, 0);
	ck_assert_str_eq(way(), "198.51.100.22:5060");
}
END_TEST

START_TEST(what_was_resolved_for_another_name)
{
	trunk_is("sip.itsp.example", 30, 1);
	is_at("old.itsp.example", "198.51.100.20", NULL);
	ck_assert_str_eq(way(), "nowhere");
	/* Nor is a literal address moved by anybody. */
	trunk_is("198.51.100.21", 30, 2);
	is_at("sip.itsp.example", "198.51.100.20", NULL);
	ck_assert_str_eq(way(), "198.51.100.21:5060");
}
END_TEST

/* Whoever can answer for the name would have our requests, and what proves
 * them, sent to services that trust this host. */
static const struct { const char *first, *way; } unfit[] = {
	{ "127.0.0.1:5080", "nowhere" },
	{ "0.0.0.0:5080", "nowhere" },
	{ "224.0.1.75:5060", "nowhere" },	/* all SIP servers */
	{ "255.255.255.255:5060", "nowhere" },
	{ "203.0.113.10:5070", "nowhere" },	/* our listener */
	{ "198.51.100.20:5060", "198.51.100.20:5060" },
};

START_TEST(a_name_leads_to_no_service_of_this_host)
{
	host[1].status = 200;
	trunk_is("sip.itsp.example", 0, 1);
	is_at("sip.itsp.example", unfit[_i].first, NULL);
	ck_assert_str_eq(way(), unfit[_i].way);
	is_at("sip.itsp.example", unfit[_i].first, "198.51.100.21");
	ck_assert_str_eq(way(), strcmp(unfit[_i].way, "nowhere") != 0 ?
	    unfit[_i].way : "198.51.100.21:5060");
}
END_TEST

START_TEST(who_is_not_to_be_asked)
{
	trunk_is("198.51.100.20", 0, 1);
	pass(600000);
	ck_assert_uint_eq(host[0].asked, 0);
	ck_assert_str_eq(way(), "198.51.100.20:5060");
	trunk_is("198.51.100.20", 10, 2);
	pass(30000);
	ck_assert_uint_eq(downs, 1);
	/* Turned off while it was down: it is not avoided for ever. */
	trunk_is("198.51.100.20", 0, 3);
	ck_assert_uint_eq(
	    trunk_find(edge->trunks, 7)->flow[0].avoid_until.us, 0);
	no_trunks(4);
	pass(TIMER_64T1_MS);
	host[0].asked = 0;
	pass(600000);
	ck_assert_uint_eq(host[0].asked, 0);
	ck_assert_str_eq(way(), "nowhere");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("trunk ping");
	TCase *t = tcase_create("all");
	SRunner *r;
	int failed;

	tcase_add_checked_fixture(t, begin, finish);
	tcase_add_test(t, it_lives_it_dies_it_comes_back);
	tcase_add_test(t, one_lost_answer_is_nothing);
	tcase_add_test(t, questions_to_a_dead_one_do_not_pile_up);
	tcase_add_test(t, a_name_with_two_addresses);
	tcase_add_test(t, what_was_resolved_for_another_name);
	tcase_add_loop_test(t, a_name_leads_to_no_service_of_this_host, 0,
	    sizeof(unfit) / sizeof(unfit[0]));
	tcase_add_test(t, who_is_not_to_be_asked);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
