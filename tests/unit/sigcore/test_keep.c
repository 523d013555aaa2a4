/*
 * Keepalives in virtual time: homes whose routers forget, phones that answer
 * and phones that do not, hours in milliseconds.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/keep.h"
#include "sigproxy/core/keep_priv.h"

#define PHONES_MAX 600
#define DELAY_MS 20	/* from us to the phone, and back */

/* A phone at home and its router's mapping. */
struct phone {
	struct flow flow;
	bool answers, is_off;
	bool chatters;		/* its own keepalive each 15 s */
	uint32_t router_ms;	/* the mapping lives so long unused */
	uint32_t period_ms;	/* between REGISTERs */
	bool new_port;		/* a new mapping has a new port */
	struct mono used;	/* the mapping, last */
	struct mono next_register, next_chatter;
	unsigned asked, baited;
	const char *echo;	/* the display name it gives back; NULL: as
				 * it came, if there was one */
};

static struct edge_conf conf;
static struct edge *edge;
static struct steps *st;
static struct mono now;
static struct phone phones[PHONES_MAX];
static unsigned n_phones;
/* What was told to registrar-db last. */
static struct ipc_home_pace told;
static unsigned n_told, sent, most_in_slot;
static uint64_t slot;
static unsigned in_slot;

static void
begin(void)
{
	conf = (struct edge_conf){ .n_listeners = 3, .n_lan = 1,
		.max_conns = 10 };
	for (unsigned i = 0; i < 3; i++)
		addr_parse(SPAN_LIT("192.168.10.2:5070"), 1,
		    &conf.listeners[i].local);
	conf.listeners[0].zone = conf.listeners[2].zone = ZONE_EXTERNAL;
	conf.listeners[1].zone = ZONE_INTERNAL;
	conf.listeners[0].transport = conf.listeners[1].transport =
	    TRANSPORT_UDP;
	conf.listeners[2].transport = TRANSPORT_TCP;
	conf.domain = SPAN_LIT("sip.example.org");
	conf.realm = SPAN_LIT("SMO-SIP");
	addr_prefix_parse(SPAN_LIT("192.168.0.0/16"), &conf.lan[0]);
	conf.max_transactions = 256;
	conf.max_calls = 4;
	conf.max_flows = 1000;
	edge = edge_new(&conf);
	st = steps_new();
	ck_assert_ptr_nonnull(edge);
	now = (struct mono){ 1000000000 };
	n_phones = n_told = sent = most_in_slot = in_slot = 0;
	slot = 0;
	told = (struct ipc_home_pace){ 0 };
}

static void
end(void)
{
	edge_free(edge);
	steps_free(st);
}

static struct phone *
phone_new(unsigned home, uint32_t router_ms, uint32_t period_ms)
{
	uint8_t ip[4] = { 198, 51, (uint8_t)(home >> 8), (uint8_t)home };
	struct phone *p = &phones[n_phones++];

	*p = (struct phone){
		.flow = { ZONE_EXTERNAL, TRANSPORT_UDP, 0,
		    addr_from_bytes(ip, 4, (uint16_t)(10000 + n_phones)), 0 },
		.answers = true,
		.router_ms = router_ms,
		.period_ms = period_ms,
		.next_register = mono_add_ms(now, 1),
		.next_chatter = { UINT64_MAX },
	};
	return p;
}

static bool
is_open(const struct phone *p)
{
	return mono_ms_between(p->used, now) < p->router_ms;
}

/* Would a call reach it now? */
static bool
is_reached(const struct phone *p)
{
	return !p->is_off && is_open(p);
}

/* The display name in the question's To, with its quotes; empty: none. */
static struct span
bait_in(struct span question)
{
	static struct sip_msg m;

	ck_assert_int_eq(sip_parse(question, SIP_DATAGRAM, &m, NULL), 0);
	return m.to.display;
}

/* The phone's answer to our OPTIONS. */
static void
answer(struct phone *p, struct span question)
{
	char text[1024];
	struct span via, line, bait = bait_in(question);
	int n;

	if (bait.len > 0)
		p->baited++;
	if (bait.len > 0 && p->echo != NULL)
		bait = span_str(p->echo);
	for (line = question; span_sub(line, 0, 4).len == 4 &&
	     !span_eq(span_sub(line, 0, 4), SPAN_LIT("Via:"));)
		line = span_sub(line, 1, line.len);
	via = span_sub(line, 0, (size_t)span_find(line, '\r'));
	n = snprintf(text, sizeof(text), "SIP/2.0 404 Not Found\r\n%.*s\r\n"
	    "From: <sip:sip.example.org>;tag=a\r\n"
	    "To: %.*s<sip:x>;tag=b\r\n"
	    "Call-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
	    (int)via.len, via.p, (int)bait.len, bait.p);
	edge_message(edge, now, st, &p->flow, span_make(text, (size_t)n));
}

static void
count_sent(void)
{
	sent++;
	if (now.us / 100000 != slot) {
		slot = now.us / 100000;
		in_slot = 0;
	}
	if (++in_slot > most_in_slot)
		most_in_slot = in_slot;
}

static void
deliver(const struct step *s)
{
	static char copy[2048];
	struct span bytes = span_make(copy, s->bytes.len);

	ck_assert_uint_lt(s->bytes.len, sizeof(copy));
	memcpy(copy, s->bytes.p, s->bytes.len);
	count_sent();
	for (unsigned i = 0; i < n_phones; i++) {
		struct phone *p = &phones[i];

		if (!flow_eq(&p->flow, &s->flow) || !is_open(p))
			continue;
		p->asked++;
		p->used = now;
		if (p->answers && !p->is_off &&
		    span_starts(bytes, SPAN_LIT("OPTIONS ")))
			answer(p, bytes);
	}
}

static void
settle(void)
{
	struct step copy[64];
	unsigned n;

	while (st->n > 0 || st->reg.len > 0) {
		struct span frames = buf_span(&st->reg), payload;
		uint16_t type;
		size_t used;

		while (frames.len > 0 &&
		    ipc_split(frames, &type, &payload, &used) == 0) {
			if (type == IPC_HOME_PACE) {
				n_told++;
				ck_assert_int_eq(get_home_pace(payload, &told),
				    0);
			}
			frames = span_sub(frames, used, frames.len);
		}
		/* The answers append steps: these first, by reference. */
		n = st->n < 64 ? st->n : 64;
		ck_assert_uint_eq(n, st->n);
		memcpy(copy, st->step, n * sizeof(copy[0]));
		st->n = 0;
		st->reg.len = 0;
		for (unsigned i = 0; i < n; i++) {
			if (copy[i].kind == STEP_SEND)
				deliver(&copy[i]);
		}
	}
	steps_clear(st);
}

static void
phone_register(struct phone *p)
{
	struct flow was = p->flow;

	if (p->new_port && p->used.us != 0 && !is_open(p)) {
		struct ipc_flow_gone gone = { flow_to_ipc(&was), GONE_MOVED };
		char mem[64];
		struct buf b;

		p->flow.remote.port += 1000;
		buf_init(&b, mem, sizeof(mem));
		put_flow_gone(&b, &gone);
		ck_assert_int_eq(edge_frame(edge, now, st, ROLE_REG, 0,
				     IPC_FLOW_GONE, buf_span(&b)), 0);
	}
	p->used = now;
	p->next_register = mono_add_ms(now, p->period_ms);
	/* As edge_message() would for the REGISTER itself, twice: the first
	 * one is challenged. */
	keep_stir(edge->keep, now, &p->flow);
	keep_stir(edge->keep, now, &p->flow);
	keep_registered(edge, now, st, &p->flow,
	    p->period_ms < 60000 ? 60 : 120,
	    &(struct keep_who){ .number = SPAN_LIT("168") });
}

static struct mono
next_event(struct mono until)
{
	until = mono_min(until, edge_due(edge));
	for (unsigned i = 0; i < n_phones; i++) {
		if (phones[i].is_off)
			continue;
		until = mono_min(until, phones[i].next_register);
		until = mono_min(until, phones[i].next_chatter);
	}
	return until;
}

static void
run_until(struct mono until)
{
	while (mono_before(now, until)) {
		now = next_event(until);
		edge_tick(edge, now, st);
		settle();
		for (unsigned i = 0; i < n_phones; i++) {
			struct phone *p = &phones[i];

			if (!p->is_off && mono_due(p->next_register, now))
				phone_register(p);
			if (!p->is_off && mono_due(p->next_chatter, now)) {
				p->used = now;
				p->next_chatter = mono_add_ms(now, 15000);
				edge_message(edge, now, st, &p->flow,
				    SPAN_LIT("\r\n\r\n"));
			}
			settle();
		}
	}
}

static void
run_ms(uint64_t ms)
{
	run_until(mono_add_ms(now, ms));
}

static const struct pace *
pace_at(const struct phone *p)
{
	const struct kept *kept = keep_find(edge->keep, &p->flow);

	ck_assert_ptr_nonnull(kept);
	return p->flow.transport == TRANSPORT_UDP ? &kept->home->udp :
						    &kept->home->stream;
}

/* Seconds of the next hour in which a call would not reach it, and the
 * longest run of them. */
static void
look_an_hour(struct phone *p, unsigned *lost_s, unsigned *longest_s)
{
	unsigned run = 0;

	*lost_s = *longest_s = 0;
	for (unsigned s = 0; s < 3600; s++) {
		run_ms(1000);
		run = is_reached(p) ? 0 : run + 1;
		*lost_s += run > 0;
		if (run > *longest_s)
			*longest_s = run;
	}
}

/* ---- SIP ALGs ---- */

START_TEST(an_altered_echo_is_told_and_taken_back)
{
	struct phone *p = phone_new(7, 180000, 54000);

	p->echo = "\"sip:198.51.0.7:10001\" ";
	run_ms(2000);
	ck_assert_uint_eq(p->baited, 1);
	ck_assert_uint_eq(told.alg, ALG_ECHO);
	/* The router's ALG is switched off. */
	p->echo = NULL;
	run_ms(120000);
	ck_assert_uint_eq(told.alg, ALG_NONE);
	ck_assert_uint_eq(p->baited, 2);
	ck_assert_uint_eq(edge->keep->algs, 1);
}
END_TEST

START_TEST(each_flow_is_asked_once_and_tls_never)
{
	struct phone *udp = phone_new(7, 180000, 54000);
	struct phone *tls = phone_new(8, 180000, 54000);

	tls->flow.transport = TRANSPORT_TLS;
	tls->flow.listener = 2;
	run_ms(3600000);
	ck_assert_uint_eq(udp->baited, 1);
	ck_assert_uint_eq(tls->baited, 0);
	ck_assert_uint_gt(udp->asked, 10);
	ck_assert_uint_eq(edge->keep->algs, 0);
}
END_TEST

/* ---- routers ---- */

static const struct {
	const char *name;
	uint32_t router_ms;
	bool new_port;
	uint32_t least_ms, most_ms;	/* of the interval found */
	unsigned lost_s;		/* at most, in the first hour */
} routers[] = {
	{ "5 s", 5000, false, 4000, 4999, 20 },
	{ "5 s, new ports", 5000, true, 4000, 4999, 20 },
	{ "10 s", 10000, false, 6000, 9999, 20 },
	{ "30 s", 30000, false, 18000, 29999, 20 },
	{ "30 s, new ports", 30000, true, 18000, 29999, 20 },
	{ "60 s", 60000, false, 35000, 59999, 20 },
	{ "180 s", 180000, false, 35000, 60000, 0 },
};

START_TEST(finds_what_each_router_keeps_open)
{
	struct phone *p = phone_new(7, routers[_i].router_ms, 54000);
	unsigned lost_s, longest_s;

	p->new_port = routers[_i].new_port;
	run_ms(10);
	look_an_hour(p, &lost_s, &longest_s);
	ck_assert_msg(lost_s <= routers[_i].lost_s && longest_s <= 7,
	    "%s: lost for %u s, %u s together", routers[_i].name, lost_s,
	    longest_s);
	ck_assert_msg(pace_at(p)->proven_ms >= routers[_i].least_ms &&
		pace_at(p)->proven_ms <= routers[_i].most_ms, "%s: %u ms",
	    routers[_i].name, pace_at(p)->proven_ms);
	ck_assert_uint_eq(told.proven_ms, pace_at(p)->proven_ms);
	/* Later it tries seldom: a day, and then an hour of it. */
	run_ms(24 * 3600000);
	look_an_hour(p, &lost_s, &longest_s);
	ck_assert_msg(lost_s <= 5, "%s: lost for %u s a day later",
	    routers[_i].name, lost_s);
	ck_assert_uint_eq(edge->keep->late, 0);
}
END_TEST

START_TEST(a_router_that_becomes_worse_is_followed_at_once)
{
	struct phone *p = phone_new(7, 180000, 54000);
	unsigned lost_s, longest_s;

	run_ms(3600000);
	ck_assert_uint_gt(pace_at(p)->proven_ms, 30000);
	p->router_ms = 12000;
	run_ms(300000);
	ck_assert_uint_le(pace_at(p)->proven_ms, 12000);
	look_an_hour(p, &lost_s, &longest_s);
	ck_assert_uint_le(lost_s, 20);
}
END_TEST

START_TEST(the_phones_own_keepalives_teach_nothing_about_the_router)
{
	struct phone *p = phone_new(7, 20000, 54000);

	p->next_chatter = mono_add_ms(now, 5000);
	run_ms(3600000);
	ck_assert_uint_le(pace_at(p)->proven_ms, 20000);
}
END_TEST

START_TEST(a_forged_datagram_neither_teaches_nor_delays)
{
	struct phone *p = phone_new(7, 30000, 54000);
	struct flow forged = p->flow;
	unsigned before;

	run_ms(60000);
	before = p->asked;
	for (unsigned i = 0; i < 600; i++) {
		edge_message(edge, now, st, &forged, SPAN_LIT("\r\n"));
		run_ms(100);
	}
	ck_assert_uint_ge(p->asked - before, 9);
	ck_assert_uint_eq(pace_at(p)->lost_ms, 0);
}
END_TEST

START_TEST(a_phone_that_answers_nothing_gets_crlf_each_20_s)
{
	struct phone *p = phone_new(7, 30000, 54000);
	unsigned before, lost_s, longest_s;

	p->answers = false;
	run_ms(50000);
	ck_assert_int_eq(keep_find(edge->keep, &p->flow)->voice, VOICE_MUTE);
	before = p->asked;
	look_an_hour(p, &lost_s, &longest_s);
	ck_assert_uint_eq(lost_s, 0);
	/* Two or three each period, and three OPTIONS after its REGISTER. */
	ck_assert_uint_ge(p->asked - before, 3600 / 54 * 4);
	ck_assert_uint_le(p->asked - before, 3600 / 54 * 6);
	ck_assert_uint_eq(n_told, 0);
}
END_TEST

START_TEST(a_phone_switched_off_halves_the_pace_once)
{
	struct phone *p = phone_new(7, 180000, 54000);
	uint32_t before;
	struct home *home;

	run_ms(3600000);
	before = pace_at(p)->proven_ms;
	home = keep_find(edge->keep, &p->flow)->home;
	p->is_off = true;
	run_ms(120000);
	ck_assert(!keep_has(edge->keep, &p->flow));
	ck_assert(!keep_knows(edge->keep, &p->flow.remote));
	ck_assert_uint_eq(home->udp.proven_ms, before / 2);
	/* Back again: what was learnt is still there. */
	p->is_off = false;
	p->next_register = now;
	run_ms(1000);
	ck_assert_uint_eq(pace_at(p)->proven_ms, before / 2);
}
END_TEST

START_TEST(streams_have_a_pace_of_their_own)
{
	struct phone *p = phone_new(7, 30000, 100000), *q;
	unsigned lost_s, longest_s;

	p->flow.transport = TRANSPORT_TCP;
	p->flow.listener = 2;
	p->flow.conn = 77;
	q = phone_new(7, 180000, 54000);
	ck_assert(edge_conn_up(edge, &p->flow));
	for (unsigned i = 0; i < 4; i++)
		look_an_hour(p, &lost_s, &longest_s);
	ck_assert_uint_ge(pace_at(p)->proven_ms, 13000);
	ck_assert_uint_lt(pace_at(p)->proven_ms, 30000);
	ck_assert_uint_gt(pace_at(q)->proven_ms, 30000);
}
END_TEST

START_TEST(phones_in_the_office_are_never_asked)
{
	struct flow desk = { ZONE_INTERNAL, TRANSPORT_UDP, 1, { 0 }, 0 };

	addr_parse(SPAN_LIT("192.168.10.20:5060"), 1, &desk.remote);
	keep_registered(edge, now, st, &desk, 3600,
	    &(struct keep_who){ .number = SPAN_LIT("200") });
	run_ms(3700000);
	ck_assert_uint_eq(sent, 0);
	ck_assert_uint_eq(edge->keep->flows.used, 0);
}
END_TEST

/* ---- starts ---- */

START_TEST(a_start_with_500_phones_makes_no_burst)
{
	for (unsigned i = 0; i < 500; i++) {
		struct phone *p = phone_new(i, 30000, 54000);

		p->used = now;
		p->next_register = mono_add_ms(now, 1000 + i * 100);
		keep_flow(edge->keep, now, &p->flow, 60);
	}
	run_ms(60000);
	/* Two of its slots may touch one of ours. */
	ck_assert_uint_le(most_in_slot, 2 * (KEEP_SLOT_SENT + 5));
	for (unsigned i = 0; i < n_phones; i++)
		ck_assert(is_reached(&phones[i]));
}
END_TEST

START_TEST(what_an_earlier_life_learnt_is_the_beginning)
{
	struct phone *p = phone_new(7, 30000, 54000);
	struct ipc_home_pace home = { .address = p->flow.remote,
		.proven_ms = 19000, .lost_ms = 33000 };
	char mem[64];
	struct buf b;

	home.address.port = 0;
	buf_init(&b, mem, sizeof(mem));
	put_home_pace(&b, &home);
	ck_assert_int_eq(edge_frame(edge, now, st, ROLE_REG, 0, IPC_HOME_PACE,
			     buf_span(&b)), 0);
	ck_assert(!keep_knows(edge->keep, &p->flow.remote));
	run_ms(1000);
	ck_assert_uint_eq(pace_at(p)->proven_ms, 19000);
	run_ms(3600000);
	ck_assert_uint_eq(pace_at(p)->lost_ms == 0 ? 0 : told.lost_ms,
	    pace_at(p)->lost_ms);
}
END_TEST

/* Hours are not told to registrar-db, whose table ends at one. */
START_TEST(a_silence_of_our_own_teaches_nothing)
{
	struct pace p;

	pace_init(&p);
	ck_assert(pace_answered(&p, 40000));
	ck_assert(!pace_lost(&p, now, 2 * PACE_MAX_MS + 1));
	ck_assert_uint_eq(p.proven_ms, 40000);
	ck_assert_uint_eq(p.lost_ms, 0);
	ck_assert(pace_lost(&p, now, 2 * PACE_MAX_MS));
	ck_assert_uint_eq(p.lost_ms, 2 * PACE_MAX_MS);
}
END_TEST

START_TEST(paces_out_of_bounds_are_not_taken)
{
	static const uint32_t rows[][4] = {
		/* told proven, lost; taken proven, lost */
		{ 19000, 33000, 19000, 33000 }, { 1, 0, PACE_MIN_MS, 0 },
		{ 3600000, 0, PACE_MIN_MS, 0 }, { 19000, 18000, 19000, 0 },
		{ 19000, 3600000, 19000, 0 },
	};
	struct pace p;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pace_restore(&p, now, rows[i][0], rows[i][1]);
		ck_assert_uint_eq(p.proven_ms, rows[i][2]);
		ck_assert_uint_eq(p.lost_ms, rows[i][3]);
	}
}
END_TEST

START_TEST(homes_beyond_the_table_replace_the_longest_idle)
{
	struct ipc_home_pace home = { .proven_ms = 19000 };
	char mem[64];
	struct buf b;

	for (unsigned i = 0; i < 3000; i++) {
		uint8_t ip[4] = { 198, 52, (uint8_t)(i >> 8), (uint8_t)i };

		home.address = addr_from_bytes(ip, 4, 0);
		buf_init(&b, mem, sizeof(mem));
		put_home_pace(&b, &home);
		ck_assert_int_eq(edge_frame(edge, now, st, ROLE_REG, 0,
				     IPC_HOME_PACE, buf_span(&b)), 0);
	}
	ck_assert_uint_eq(edge->keep->homes.used, 1000);
	for (unsigned i = 0; i < 500; i++)
		keep_flow(edge->keep, now, &phone_new(i, 1, 1)->flow,
		    60);
	ck_assert_uint_eq(edge->keep->homes.used, 1000);
	ck_assert_uint_eq(edge->keep->n_idle, 500);
	n_phones = 0;
}
END_TEST

/* Two phones of one home, as their Contacts against their flows show it. */
static const struct {
	const char *name, *first, *second;
	enum home_nat want;
} shown[] = {
	{ "none says it", "sip:a@phone.invalid", "sip:b@phone.invalid",
	    HOME_UNKNOWN },
	{ "moved", "sip:a@10.0.0.1:5060", "sip:b@phone.invalid",
	    HOME_CHANGES },
	{ "moved though STUN was asked", "sip:a@198.51.0.7:40000",
	    "sip:b@10.0.0.2:5060", HOME_SYMMETRIC },
	{ "one kept, so the other one's was taken", "sip:a@10.0.0.1:10001",
	    "sip:b@10.0.0.2:5060", HOME_KEEPS },
};

START_TEST(phones_by_udp_show_what_their_router_does)
{
	struct keep *k = edge->keep;
	struct phone *a = phone_new(7, 1, 1), *b = phone_new(7, 1, 1);
	struct phone *elsewhere = phone_new(8, 1, 1);
	const struct addr *home = &a->flow.remote;

	ck_assert_int_eq(keep_home_nat(k, home), HOME_UNKNOWN);
	keep_note_nat(k, &a->flow, span_str(shown[_i].first));
	keep_flow(k, now, &a->flow, 60);
	keep_flow(k, now, &b->flow, 60);
	keep_flow(k, now, &elsewhere->flow, 60);
	for (unsigned twice = 0; twice < 2; twice++) {
		keep_note_nat(k, &a->flow, span_str(shown[_i].first));
		keep_note_nat(k, &b->flow, span_str(shown[_i].second));
	}
	ck_assert_msg(keep_home_nat(k, home) == shown[_i].want, "%s",
	    shown[_i].name);
	ck_assert_int_eq(keep_home_nat(k, &elsewhere->flow.remote),
	    HOME_UNKNOWN);
	/* Who is gone shows nothing any more. */
	keep_closed(edge, now, st, &a->flow);
	keep_closed(edge, now, st, &b->flow);
	ck_assert_int_eq(keep_home_nat(k, home), HOME_UNKNOWN);
	n_phones = 0;
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("keep");
	TCase *tc = tcase_create("keep");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, begin, end);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, finds_what_each_router_keeps_open, 0,
	    sizeof(routers) / sizeof(routers[0]));
	tcase_add_loop_test(tc, phones_by_udp_show_what_their_router_does, 0,
	    sizeof(shown) / sizeof(shown[0]));
#define T(name) tcase_add_test(tc, name)
	T(an_altered_echo_is_told_and_taken_back);
	T(each_flow_is_asked_once_and_tls_never);
	T(a_router_that_becomes_worse_is_followed_at_once);
	T(the_phones_own_keepalives_teach_nothing_about_the_router);
	T(a_forged_datagram_neither_teaches_nor_delays);
	T(a_phone_that_answers_nothing_gets_crlf_each_20_s);
	T(a_phone_switched_off_halves_the_pace_once);
	T(streams_have_a_pace_of_their_own);
	T(phones_in_the_office_are_never_asked);
	T(a_start_with_500_phones_makes_no_burst);
	T(what_an_earlier_life_learnt_is_the_beginning);
	T(a_silence_of_our_own_teaches_nothing);
	T(paces_out_of_bounds_are_not_taken);
	T(homes_beyond_the_table_replace_the_longest_idle);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
