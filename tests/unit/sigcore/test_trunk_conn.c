/*
 * Connections to trunks in virtual time: stunmon and the shell are played.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "sigproxy/core/conns.h"
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/trunk_conn.h"
#include "sigproxy/core/trunk_ping.h"

static struct edge_conf conf;
static struct edge *edge;
static struct steps *st;
static struct mono now;

/* What was asked of stunmon, and said. */
static struct ipc_trunk_dial asked;
static unsigned n_asked, n_kept, n_closed, n_options;
static unsigned n_failed, n_lost, n_up;
static uint64_t asked_ms;
static char why[160];

static void
read_asked(void)
{
	struct span left = buf_span(&st->stun), payload;
	uint16_t type;
	size_t used;

	while (ipc_split(left, &type, &payload, &used) == 0) {
		left = span_sub(left, used, left.len);
		if (type != IPC_TRUNK_DIAL)
			continue;
		ck_assert_int_eq(get_trunk_dial(payload, &asked), 0);
		asked_ms = now.us / 1000;
		n_asked++;
	}
}

static void
read_line(const struct step *s)
{
	n_failed += strcmp(s->event, "trunk-not-connected") == 0;
	n_lost += strcmp(s->event, "trunk-connection-lost") == 0;
	n_up += strcmp(s->event, "trunk-connected") == 0;
	for (unsigned i = 0; i < s->n_keys; i++)
		if (strcmp(s->keys[i].key, "why") == 0)
			snprintf(why, sizeof(why), "%.*s",
			    (int)s->keys[i].text.len, s->keys[i].text.p);
}

static void
settle(void)
{
	read_asked();
	for (unsigned i = 0; i < st->n; i++) {
		const struct step *s = &st->step[i];

		if (s->kind == STEP_LOG)
			read_line(s);
		n_closed += s->kind == STEP_CLOSE;
		if (s->kind != STEP_SEND)
			continue;
		n_kept += span_eq(s->bytes, SPAN_LIT("\r\n\r\n"));
		n_options += s->flow.conn != 0 && s->bytes.len > 8 &&
		    memcmp(s->bytes.p, "OPTIONS ", 8) == 0;
	}
	steps_clear(st);
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
trunks_are(unsigned n, const char *host, uint8_t transport, bool verify)
{
	static uint32_t set;
	char mem[2048];
	struct buf b;

	set++;
	for (unsigned i = 0; i < n; i++) {
		struct ipc_trunk t = { .set = set, .trunk = 7 + i,
			.name = SPAN_LIT("itsp"), .host = span_str(host),
			.transport = transport, .zone = ZONE_EXTERNAL,
			.domain = SPAN_LIT("itsp.example"), .ping_s = 60,
			.expires_s = 600, .wait_s = 6, .verify = verify };

		buf_init(&b, mem, sizeof(mem));
		IPC_FRAME(&b, TRUNK, trunk, &t);
		frame(ROLE_REG, &b);
	}
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, TRUNKS, trunks,
	    (&(struct ipc_trunks){ set, (uint16_t)n }));
	frame(ROLE_REG, &b);
}

static void
is_at(const char *host, const char *first, const char *second)
{
	struct ipc_trunk_at at = { .trunk = 7, .host = span_str(host) };
	char mem[512];
	struct buf b;

	ck_assert_int_eq(addr_parse(span_str(first), 0,
		&at.places[at.n_places++].address), 0);
	if (second != NULL)
		ck_assert_int_eq(addr_parse(span_str(second), 0,
			&at.places[at.n_places++].address), 0);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, TRUNK_AT, trunk_at, &at);
	frame(ROLE_STUN, &b);
}

/* stunmon's answer. */
static int
say(const struct ipc_trunk_conn *m, bool has_fd, struct edge_dialled *d)
{
	char mem[128];
	struct span payload;
	struct buf b;
	uint16_t type;
	size_t used;
	int got;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, TRUNK_CONN, trunk_conn, m);
	ck_assert_int_eq(ipc_split(buf_span(&b), &type, &payload, &used), 0);
	got = edge_trunk_dialled(edge, now, st, payload, has_fd, d);
	settle();
	return got;
}

static struct ipc_trunk_conn
right(uint8_t refusal)
{
	return (struct ipc_trunk_conn){ asked.id, asked.trunk, asked.address,
		refusal };
}

/* The shell adopts it. */
static struct flow
adopted(void)
{
	static uint64_t conn = 100;
	struct ipc_trunk_conn m = right(DIAL_OK);
	struct edge_dialled d;

	ck_assert_int_eq(say(&m, true, &d), 1);
	d.flow.conn = ++conn;
	ck_assert(edge_conn_up(edge, &d.flow));
	edge_trunk_adopted(edge, now, st, &d, &d.flow);
	settle();
	return d.flow;
}

static struct flow
up(void)
{
	struct flow f = adopted();

	edge_trunk_up(edge, now, st, &f);
	settle();
	return f;
}

static void
down(const struct flow *f)
{
	edge_conn_down(edge, now, st, f);
	settle();
}

static void
stunmon(bool is_there)
{
	edge_peer(edge, now, st, ROLE_STUN, 0, is_there);
	settle();
}

static void
setup(void)
{
	conf = (struct edge_conf){ .domain = SPAN_LIT("sip.example.org"),
		.realm = SPAN_LIT("sip.example.org"), .max_conns = 16,
		.max_calls = 16, .max_transactions = 64, .n_listeners = 2 };
	conf.listeners[0] = (struct edge_listener){ ZONE_EXTERNAL,
		TRANSPORT_UDP, { .family = ADDR_IPV4, .port = 5070,
		    .ip = { 192, 0, 2, 1 } } };
	conf.listeners[1] = (struct edge_listener){ ZONE_EXTERNAL,
		TRANSPORT_TLS, { .family = ADDR_IPV4, .port = 5071,
		    .ip = { 192, 0, 2, 1 } } };
	edge = edge_new(&conf);
	st = steps_new();
	now = (struct mono){ 1000000000 };
	n_asked = n_kept = n_closed = n_options = n_failed = n_lost = n_up = 0;
	why[0] = '\0';
	stunmon(true);
}

static void
teardown(void)
{
	edge_free(edge);
	steps_free(st);
}

/* ---- tests ---- */

START_TEST(it_is_dialled_used_and_kept)
{
	struct flow f, other, way;

	trunks_are(1, "198.51.100.20", TRANSPORT_TCP, false);
	pass(1000);
	ck_assert_uint_eq(n_asked, 1);
	ck_assert_uint_eq(asked.trunk, 7);
	ck_assert_uint_eq(asked.address.port, 5060);
	ck_assert(!trunks_flow(edge, 7, &way));
	f = up();
	ck_assert_uint_eq(n_up, 1);
	ck_assert(trunks_flow(edge, 7, &way) && flow_eq(&way, &f));
	ck_assert_uint_eq(f.listener, 0);
	ck_assert_uint_eq(trunk_id_of(edge, &f), 7);
	ck_assert(edge_conn_carries(edge, &f));
	other = f;
	other.remote.ip[3]++;
	other.conn++;
	ck_assert_uint_eq(trunk_id_of(edge, &other), 0);
	pass(3000);
	ck_assert_uint_ge(n_options, 1);
	pass(300000);
	ck_assert_uint_ge(n_kept, 6);
	ck_assert_uint_le(n_kept, 8);
	ck_assert_uint_eq(n_asked, 1);
}
END_TEST

/* What a captured stunmon may say. */
START_TEST(what_was_not_asked_for_is_not_taken)
{
	struct ipc_trunk_conn m;
	struct edge_dialled d;

	trunks_are(1, "198.51.100.20", TRANSPORT_TCP, false);
	m = (struct ipc_trunk_conn){ 0, 7, { .family = ADDR_IPV4,
		.port = 5060, .ip = { 198, 51, 100, 20 } }, DIAL_OK };
	ck_assert_int_eq(say(&m, true, &d), 0);	/* nothing is asked yet */
	pass(1000);
	m = right(DIAL_OK);
	m.id++;
	ck_assert_int_eq(say(&m, true, &d), 0);
	m = right(DIAL_OK);
	m.trunk++;
	ck_assert_int_eq(say(&m, true, &d), 0);
	m = right(DIAL_OK);
	m.address.ip[3]++;
	ck_assert_int_eq(say(&m, true, &d), 0);
	m = right(DIAL_OK);
	m.address.port++;
	ck_assert_int_eq(say(&m, true, &d), 0);
	(void)up();
	m = right(DIAL_OK);
	ck_assert_int_eq(say(&m, true, &d), 0);	/* a second one */
	ck_assert_uint_eq(conns_count(edge->conns), 1);
}
END_TEST

START_TEST(what_fails_is_tried_more_and_more_seldom_and_said_once)
{
	uint64_t last = 0, least[] = { 1000, 2000, 4000, 8000, 16000, 32000,
		60000, 60000 };
	struct ipc_trunk_conn m;

	trunks_are(1, "198.51.100.20", TRANSPORT_TCP, false);
	pass(1000);
	for (size_t i = 0; i < sizeof(least) / sizeof(least[0]); i++) {
		unsigned before = n_asked;

		last = now.us / 1000;
		m = right(DIAL_REFUSED);
		ck_assert_int_eq(say(&m, false, NULL), 0);
		while (n_asked == before)
			pass(100);
		ck_assert_uint_ge(asked_ms, last + least[i]);
		ck_assert_uint_le(asked_ms, last + least[i] * 5 / 4);
	}
	ck_assert_uint_eq(n_failed, 1);
	ck_assert_ptr_nonnull(strstr(why, "refuses connections"));
	/* Another reason is news. */
	m = right(DIAL_SILENT);
	(void)say(&m, false, NULL);
	ck_assert_uint_eq(n_failed, 2);
	/* A promise without a connection is a failure as well. */
	while (n_asked < 10)
		pass(1000);
	m = right(DIAL_OK);
	ck_assert_int_eq(say(&m, false, NULL), 0);
	ck_assert_uint_eq(n_failed, 3);
}
END_TEST

START_TEST(stunmon_that_says_nothing_or_is_away)
{
	trunks_are(1, "198.51.100.20", TRANSPORT_TCP, false);
	pass(TCONN_ASK_MS + 3000);
	ck_assert_uint_eq(n_asked, 2);
	ck_assert_str_eq(why, "stunmon does not answer");
	stunmon(false);
	pass(300000);
	ck_assert_uint_eq(n_asked, 2);
	stunmon(true);
	pass(1000);
	ck_assert_uint_eq(n_asked, 3);
}
END_TEST

START_TEST(what_is_lost_is_made_anew)
{
	struct flow f, way;

	trunks_are(1, "198.51.100.20", TRANSPORT_TCP, false);
	pass(1000);
	f = up();
	pass(TCONN_STEADY_MS + 1000);
	down(&f);
	ck_assert_uint_eq(n_lost, 1);
	ck_assert(!trunks_flow(edge, 7, &way));
	pass(1000);
	ck_assert_uint_eq(n_asked, 2);
	/* One that breaks at once is a failure. */
	f = up();
	down(&f);
	pass(900);
	ck_assert_uint_eq(n_asked, 2);
	pass(500);
	ck_assert_uint_eq(n_asked, 3);
}
END_TEST

START_TEST(a_certificate_that_is_wrong)
{
	struct flow f, way;

	trunks_are(1, "198.51.100.20", TRANSPORT_TLS, true);
	pass(1000);
	ck_assert_uint_eq(asked.address.port, 5061);
	f = adopted();
	ck_assert_uint_eq(f.listener, 1);
	/* Not ready: no way to the trunk. */
	ck_assert(!trunks_flow(edge, 7, &way));
	/* An admin who does not want it checked has it at once. */
	trunks_are(1, "198.51.100.20", TRANSPORT_TLS, false);
	ck_assert_uint_eq(n_closed, 1);
	pass(1000);
	ck_assert_uint_eq(n_asked, 2);
	f = adopted();
	edge_trunk_refused(edge, now, st, &f, SPAN_LIT("it expired"));
	settle();
	ck_assert_uint_eq(n_failed, 1);
	ck_assert_str_eq(why, "it expired");
	down(&f);
	ck_assert_uint_eq(n_lost, 0);
	ck_assert_uint_eq(n_options + n_kept, 0);
}
END_TEST

START_TEST(a_handshake_without_an_end)
{
	trunks_are(1, "198.51.100.20", TRANSPORT_TLS, true);
	pass(1000);
	(void)adopted();
	pass(TCONN_SHAKE_MS + 100);
	ck_assert_uint_eq(n_closed, 1);
	ck_assert_uint_eq(n_failed, 1);
}
END_TEST

START_TEST(a_name_with_two_addresses_and_then_another)
{
	struct flow one, two, way;

	trunks_are(1, "itsp.example", TRANSPORT_TCP, false);
	pass(1000);
	ck_assert_uint_eq(n_asked, 0);
	is_at("itsp.example", "198.51.100.20:5060", "198.51.100.21:5062");
	while (n_asked == 0)
		pass(1);
	one = up();
	while (n_asked == 1)
		pass(1);
	two = up();
	ck_assert(trunks_flow(edge, 7, &way) && flow_eq(&way, &one));
	down(&one);
	ck_assert(trunks_flow(edge, 7, &way) && flow_eq(&way, &two));
	/* It moves. */
	is_at("itsp.example", "198.51.100.22:5060", NULL);
	ck_assert_uint_eq(n_closed, 1);
	ck_assert(!trunks_flow(edge, 7, &way));
	ck_assert_uint_eq(trunk_id_of(edge, &two), 0);
}
END_TEST

/* Two doors: which of them is read first after a start, nobody knows. */
START_TEST(where_it_is_may_be_told_before_what_it_is)
{
	is_at("itsp.example", "198.51.100.20:5060", NULL);
	is_at("else.example", "198.51.100.66:5060", NULL);
	is_at("itsp.example", "198.51.100.21:5060", NULL);
	pass(1000);
	ck_assert_uint_eq(n_asked, 0);
	trunks_are(1, "itsp.example", TRANSPORT_TCP, false);
	pass(1000);
	ck_assert_uint_eq(n_asked, 1);
	ck_assert_uint_eq(asked.address.ip[3], 21);
	/* What was said of another name is nothing. */
	trunks_are(1, "else.example", TRANSPORT_TCP, false);
	pass(1000);
	ck_assert_uint_eq(n_asked, 1);
}
END_TEST

START_TEST(two_trunks_at_one_address_are_told_apart)
{
	struct flow one, two, theirs;

	trunks_are(2, "198.51.100.20", TRANSPORT_TCP, false);
	while (n_asked == 0)
		pass(1);
	one = up();
	while (n_asked == 1)
		pass(1);
	two = up();
	ck_assert_uint_eq(trunk_id_of(edge, &one) + trunk_id_of(edge, &two),
	    15);
	ck_assert_uint_ne(trunk_id_of(edge, &one), trunk_id_of(edge, &two));
	/* One that it made itself is known by its address. */
	theirs = one;
	theirs.conn = 999;
	theirs.remote.port = 40000;
	ck_assert_uint_ne(trunk_id_of(edge, &theirs), 0);
	/* It is removed: its connections are closed. */
	trunks_are(0, "", TRANSPORT_TCP, false);
	ck_assert_uint_eq(n_closed, 2);
	ck_assert_uint_eq(trunk_id_of(edge, &one), 0);
}
END_TEST

int
main(void)
{
	const TTest *const all[] = { it_is_dialled_used_and_kept,
		what_was_not_asked_for_is_not_taken,
		what_fails_is_tried_more_and_more_seldom_and_said_once,
		stunmon_that_says_nothing_or_is_away,
		what_is_lost_is_made_anew, a_certificate_that_is_wrong,
		a_handshake_without_an_end,
		a_name_with_two_addresses_and_then_another,
		where_it_is_may_be_told_before_what_it_is,
		two_trunks_at_one_address_are_told_apart };
	Suite *s = suite_create("connections to trunks");
	TCase *t = tcase_create("all");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		tcase_add_test(t, all[i]);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
