/* Budgets, nonces, credentials, flows, STUN and the queue of steps. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/codec/stun.h"
#include "sigproxy/core/creds.h"
#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/guard.h"
#include "sigproxy/core/keep.h"
#include "sigproxy/core/nonces.h"

static struct addr
ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
	uint8_t ip[4] = { a, b, c, d };

	return addr_from_bytes(ip, 4, port);
}

/* ---- guard ---- */

static unsigned
allowed(struct guard *g, struct mono now, const struct addr *a,
    enum guard_who who, unsigned tries)
{
	unsigned n = 0;

	for (unsigned i = 0; i < tries; i++)
		n += guard_allow(g, now, a, who, 428);
	return n;
}

START_TEST(a_stranger_has_a_burst_and_then_a_rate)
{
	struct guard *g = guard_new();
	struct addr a = ip4(198, 51, 100, 7, 0);
	struct mono now = { 1000000 };

	ck_assert_uint_eq(allowed(g, now, &a, GUARD_STRANGER, 1000),
	    GUARD_ADDRESS_BURST);
	now = mono_add_ms(now, 1000);
	/* Over it, and so from what it pays for. */
	ck_assert_uint_eq(allowed(g, now, &a, GUARD_STRANGER, 1000),
	    GUARD_ADDRESS_RATE / 2);
	now = mono_add_ms(now, 3600 * 1000);
	ck_assert_uint_eq(allowed(g, now, &a, GUARD_STRANGER, 1000),
	    GUARD_ADDRESS_BURST);
	guard_free(g);
}
END_TEST

START_TEST(a_prefix_has_a_budget_of_its_own)
{
	struct guard *g = guard_new();
	struct mono now = { 1000000 };
	unsigned n = 0;

	for (unsigned i = 1; i < 255; i++) {
		struct addr a = ip4(198, 51, 100, (uint8_t)i, 0);

		n += allowed(g, now, &a, GUARD_STRANGER, 10);
	}
	ck_assert_uint_eq(n, GUARD_PREFIX_BURST);
	guard_free(g);
}
END_TEST

START_TEST(all_strangers_together_have_a_budget_and_the_known_are_not_in_it)
{
	struct guard *g = guard_new();
	struct addr phone = ip4(198, 51, 100, 7, 0);
	struct mono now = { 1000000 };
	unsigned n = 0;

	for (unsigned i = 0; i < 200000; i++) {
		struct addr a = ip4(11, (uint8_t)(i >> 16),
		    (uint8_t)(i >> 8), (uint8_t)i, 0);

		n += guard_allow(g, now, &a, GUARD_STRANGER, 428);
	}
	ck_assert_uint_eq(n, GUARD_ALL_BURST);
	ck_assert_uint_eq(allowed(g, now, &phone, GUARD_STRANGER, 10), 0);
	ck_assert_uint_eq(allowed(g, now, &phone, GUARD_KNOWN, 1000), 1000);
	guard_free(g);
}
END_TEST

START_TEST(who_uses_none_of_our_names_gets_three_answers_and_one_each_30_s)
{
	struct guard *g = guard_new();
	struct addr a = ip4(203, 0, 113, 5, 0);
	struct mono now = { 1000000 };

	ck_assert_uint_eq(allowed(g, now, &a, GUARD_NAMELESS, 50), 3);
	ck_assert_uint_eq(allowed(g, now, &a, GUARD_STRANGER, 5), 5);
	for (unsigned s = 0; s < 29; s++) {
		now = mono_add_ms(now, 1000);
		ck_assert_uint_eq(allowed(g, now, &a, GUARD_NAMELESS, 5), 0);
	}
	now = mono_add_ms(now, 1000);
	ck_assert_uint_eq(allowed(g, now, &a, GUARD_NAMELESS, 5), 1);
	guard_free(g);
}
END_TEST

START_TEST(one_ipv6_home_is_one_source)
{
	struct guard *g = guard_new();
	struct mono now = { 1000000 };
	unsigned n = 0;

	for (unsigned i = 0; i < 1000; i++) {
		uint8_t ip[16] = { 0x20, 1, 0xd, 0xb8, 1, 2, 3, 4 };
		struct addr a;

		ip[14] = (uint8_t)(i >> 8);
		ip[15] = (uint8_t)i;
		a = addr_from_bytes(ip, 16, 0);
		n += guard_allow(g, now, &a, GUARD_STRANGER, 428);
	}
	ck_assert_uint_eq(n, GUARD_ADDRESS_BURST);
	guard_free(g);
}
END_TEST

/* ---- nonces ---- */

static void
batch(char *mem, unsigned from, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		snprintf(mem + i * IPC_NONCE_LEN, IPC_NONCE_LEN + 1, "%032x",
		    from + i);
}

START_TEST(a_nonce_counts_only_at_the_address_it_was_sent_to)
{
	struct nonces *n = nonces_new(16);
	struct addr a = ip4(198, 51, 100, 7, 5060);
	struct addr b = ip4(198, 51, 100, 8, 5060);
	struct mono now = { 1000000 };
	char mem[4 * IPC_NONCE_LEN + 1];
	struct span nonce;

	ck_assert_int_eq(nonces_take(n, now, &a, &nonce), -ENOENT);
	batch(mem, 1, 4);
	nonces_add(n, now, span_make(mem, 4 * IPC_NONCE_LEN), 60000);
	ck_assert(!nonces_was_sent(n, span_make(mem, IPC_NONCE_LEN), &a));
	ck_assert_int_eq(nonces_take(n, now, &a, &nonce), 0);
	ck_assert_mem_eq(nonce.p, mem, IPC_NONCE_LEN);
	a.port = 9;	/* a home's router may change it */
	ck_assert(nonces_was_sent(n, nonce, &a));
	ck_assert(!nonces_was_sent(n, nonce, &b));
	ck_assert(!nonces_was_sent(n, SPAN_LIT(""), &a));
	ck_assert(!nonces_was_sent(n, SPAN_LIT("short"), &a));
	nonces_free(n);
}
END_TEST

/* Twenty phones registering at once have some tens of nonces out between a
 * challenge and its answer: none may cost another one its place. */
START_TEST(nonces_of_many_phones_at_once_are_all_remembered)
{
	enum { MANY = 1024 };
	struct nonces *n = nonces_new(MANY);
	struct addr a = ip4(198, 51, 100, 7, 5060);
	struct mono now = { 1000000 };
	static char sent[MANY][IPC_NONCE_LEN];
	struct span nonce;
	unsigned forgotten = 0;

	for (unsigned i = 0; i < MANY; i++) {
		char mem[IPC_NONCE_LEN + 1];

		batch(mem, i, 1);
		nonces_add(n, now, span_make(mem, IPC_NONCE_LEN), 60000);
		ck_assert_int_eq(nonces_take(n, now, &a, &nonce), 0);
		memcpy(sent[i], nonce.p, IPC_NONCE_LEN);
	}
	for (unsigned i = 0; i < MANY; i++)
		forgotten += !nonces_was_sent(n,
		    span_make(sent[i], IPC_NONCE_LEN), &a);
	ck_assert_uint_eq(forgotten, 0);
	nonces_free(n);
}
END_TEST

START_TEST(old_nonces_are_not_handed_out_and_new_ones_replace_a_dead_oracles)
{
	struct nonces *n = nonces_new(16);
	struct addr a = ip4(198, 51, 100, 7, 5060);
	struct mono now = { 1000000 };
	char mem[4 * IPC_NONCE_LEN + 1];
	struct span nonce;

	batch(mem, 1, 4);
	nonces_add(n, now, span_make(mem, 4 * IPC_NONCE_LEN), 60000);
	ck_assert_uint_eq(nonces_left(n, mono_add_ms(now, 44999)), 4);
	ck_assert_uint_eq(nonces_left(n, mono_add_ms(now, 45000)), 0);
	ck_assert_int_eq(nonces_take(n, mono_add_ms(now, 45000), &a, &nonce),
	    -ENOENT);
	nonces_add(n, now, span_make(mem, 4 * IPC_NONCE_LEN), 60000);
	nonces_outdate(n);
	ck_assert_uint_eq(nonces_left(n, now), 0);
	ck_assert_int_eq(nonces_take(n, now, &a, &nonce), 0); /* for want of
							       * others */
	batch(mem, 100, 1);
	nonces_add(n, now, span_make(mem, IPC_NONCE_LEN), 60000);
	ck_assert_uint_eq(nonces_left(n, now), 1);
	ck_assert_int_eq(nonces_take(n, now, &a, &nonce), 0);
	ck_assert_mem_eq(nonce.p, mem, IPC_NONCE_LEN);
	nonces_free(n);
}
END_TEST

START_TEST(the_stock_never_grows_beyond_its_size)
{
	struct nonces *n = nonces_new(4);
	struct mono now = { 1000000 };
	char mem[8 * IPC_NONCE_LEN + 1];

	batch(mem, 1, 8);
	for (int i = 0; i < 100; i++)
		nonces_add(n, now, span_make(mem, 8 * IPC_NONCE_LEN), 60000);
	ck_assert_uint_eq(nonces_left(n, now), 4);
	nonces_free(n);
}
END_TEST

/* ---- credentials ---- */

static const struct {
	const char *name, *headers;
	int err;
} rows[] = {
	{ "none", "", -ENOENT },
	{ "Basic only", "Authorization: Basic abc\r\n", -ENOENT },
	{ "another realm",
	    "Authorization: Digest username=\"u\", realm=\"x\", nonce=\"n\", "
	    "uri=\"sip:a\", response=\"0\"\r\n", -ENOENT },
	{ "ours after another and a broken one",
	    "Authorization: Digest username=\"u\", realm=\"x\", nonce=\"n\", "
	    "uri=\"sip:a\", response=\"0\"\r\n"
	    "Authorization: Digest username=\"\r\n"
	    "Authorization: Digest username=\"u\", realm=\"SMO-SIP\", "
	    "nonce=\"n\", uri=\"sip:a\", response=\"0\"\r\n", 0 },
	{ "Proxy-Authorization",
	    "Proxy-Authorization: Digest username=\"u\", realm=\"SMO-SIP\", "
	    "nonce=\"n\", uri=\"sip:a\", response=\"0\"\r\n", 0 },
	{ "a uri that is none",
	    "Authorization: Digest username=\"u\", realm=\"SMO-SIP\", "
	    "nonce=\"n\", uri=\"%\", response=\"0\"\r\n", -EBADMSG },
	{ "a user name too long to travel",
	    "Authorization: Digest username=\"0123456789012345678901234567890"
	    "1234567890123456789012345678901234\", realm=\"SMO-SIP\", "
	    "nonce=\"n\", uri=\"sip:a\", response=\"0\"\r\n", -EBADMSG },
	{ "a tab in the user name",
	    "Authorization: Digest username=\"a\tb\", realm=\"SMO-SIP\", "
	    "nonce=\"n\", uri=\"sip:a\", response=\"0\"\r\n", -EBADMSG },
	{ "no realm at all",
	    "Authorization: Digest username=\"u\", nonce=\"n\", "
	    "uri=\"sip:a\", response=\"0\"\r\n", -ENOENT },
};

START_TEST(credentials_of_our_realm_are_found_and_bounded)
{
	static struct sip_msg m;
	struct nonces *sent = nonces_new(1);
	struct addr to = ip4(198, 51, 100, 7, 5060);
	char text[4096];
	struct creds c;
	int n;

	n = snprintf(text, sizeof(text),
	    "REGISTER sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
	    "Max-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n"
	    "Call-ID: x\r\nCSeq: 1 REGISTER\r\n%sContent-Length: 0\r\n\r\n",
	    rows[_i].headers);
	ck_assert_int_eq(sip_parse(span_make(text, (size_t)n), SIP_DATAGRAM,
			     &m, NULL), 0);
	ck_assert_msg(creds_find(&m, SPAN_LIT("SMO-SIP"), sent, &to, &c) ==
	    rows[_i].err, "%s", rows[_i].name);
	nonces_free(sent);
	if (rows[_i].err == 0)
		ck_assert(span_eq(c.digest.username, SPAN_LIT("u")));
}
END_TEST

/* ---- flows and STUN ---- */

static struct edge_conf conf;
static struct edge *edge;
static struct steps *st;

static void
open_edge(void)
{
	memset(&conf, 0, sizeof(conf));
	conf.listeners[0] = (struct edge_listener){ ZONE_EXTERNAL,
		TRANSPORT_UDP, ip4(192, 168, 10, 2, 5070) };
	conf.listeners[1] = (struct edge_listener){ ZONE_INTERNAL,
		TRANSPORT_UDP, ip4(192, 168, 10, 2, 5060) };
	conf.n_listeners = 2;
	conf.domain = SPAN_LIT("sip.example.org");
	conf.realm = SPAN_LIT("SMO-SIP");
	conf.accept_ip = true;
	conf.lan[0] = (struct addr_prefix){ ip4(192, 168, 0, 0, 0), 16 };
	conf.n_lan = 1;
	conf.stun_servers[0] = ip4(203, 0, 113, 53, 3478);
	conf.n_stun_servers = 1;
	conf.max_transactions = 256;
	conf.max_calls = 4;
	conf.max_flows = 1000;
	edge = edge_new(&conf);
	st = steps_new();
	ck_assert_ptr_nonnull(edge);
}

static void
close_edge(void)
{
	edge_free(edge);
	steps_free(st);
}

static struct flow
home_flow(unsigned i)
{
	struct addr a = ip4(198, 51, (uint8_t)(i >> 8), (uint8_t)i, 5060);

	return (struct flow){ ZONE_EXTERNAL, TRANSPORT_UDP, 0, a, 0 };
}

/* Run until `end`; nobody answers. */
static void
run_keepalives(struct mono *now, struct mono end)
{
	while (mono_due(edge_due(edge), end)) {
		*now = edge_due(edge);
		edge_tick(edge, *now, st);
		steps_clear(st);
	}
	*now = end;
}

START_TEST(a_full_table_of_flows_keeps_who_is_in_it_and_expiry_empties_it)
{
	struct mono now = { 1000000 };
	struct flow f;

	for (unsigned i = 0; i < 3000; i++) {
		f = home_flow(i);
		keep_flow(edge->keep, now, &f, 60);
	}
	f = home_flow(5);
	ck_assert(keep_knows(edge->keep, &f.remote));
	f = home_flow(2000);
	ck_assert(!keep_knows(edge->keep, &f.remote));
	run_keepalives(&now, mono_add_ms(now, 60000));
	f = home_flow(5);
	ck_assert(!keep_knows(edge->keep, &f.remote));
	ck_assert_uint_eq(edge_due(edge).us, MONO_NEVER.us);
}
END_TEST

START_TEST(flow_keep_and_flow_gone_of_registrar_db_are_followed)
{
	struct mono now = { 1000000 };
	struct flow f = home_flow(1);
	struct ipc_flow_keep keep = { flow_to_ipc(&f), 1, 60,
		SPAN_LIT("168") };
	struct ipc_flow_gone gone = { flow_to_ipc(&f), GONE_ENDED };
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	put_flow_keep(&b, &keep);
	ck_assert_int_eq(edge_frame(edge, now, st, ROLE_REG, 0, IPC_FLOW_KEEP,
			     buf_span(&b)), 0);
	ck_assert(keep_knows(edge->keep, &f.remote));
	buf_init(&b, mem, sizeof(mem));
	put_flow_gone(&b, &gone);
	ck_assert_int_eq(edge_frame(edge, now, st, ROLE_STUN, 0,
			     IPC_FLOW_GONE, buf_span(&b)), -EPROTO);
	ck_assert_int_eq(edge_frame(edge, now, st, ROLE_REG, 0, IPC_FLOW_GONE,
			     buf_span(&b)), 0);
	ck_assert(!keep_knows(edge->keep, &f.remote));
}
END_TEST

/* It is taken for captured: its word sends nothing where no phone is. */
static const struct {
	const char *name;
	uint8_t listener, ip[4];
	uint16_t port;
	bool kept;
} told_flows[] = {
	{ "a home", 0, { 198, 51, 100, 1 }, 5060, true },
	{ "by no listener", 2, { 198, 51, 100, 1 }, 5060, false },
	{ "by a listener inside", 1, { 198, 51, 100, 1 }, 5060, false },
	{ "loopback", 0, { 127, 0, 0, 1 }, 5060, false },
	{ "all SIP servers", 0, { 224, 0, 1, 75 }, 5060, false },
	{ "port 0", 0, { 198, 51, 100, 1 }, 0, false },
	{ "ourselves", 0, { 192, 168, 10, 2 }, 5070, false },
};

START_TEST(registrar_db_has_nobody_kept_alive_where_no_phone_can_be)
{
	struct mono now = { 1000000 };
	const uint8_t *ip = told_flows[_i].ip;
	struct flow f = { ZONE_EXTERNAL, TRANSPORT_UDP,
		told_flows[_i].listener,
		ip4(ip[0], ip[1], ip[2], ip[3], told_flows[_i].port), 0 };
	struct ipc_flow_keep keep = { flow_to_ipc(&f), 1, 60,
		SPAN_LIT("168") };
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	put_flow_keep(&b, &keep);
	ck_assert_int_eq(edge_frame(edge, now, st, ROLE_REG, 0, IPC_FLOW_KEEP,
			     buf_span(&b)), 0);
	ck_assert_msg(keep_knows(edge->keep, &f.remote) ==
	    told_flows[_i].kept, "%s", told_flows[_i].name);
}
END_TEST

static int
ask_stun(uint16_t socket, struct addr server)
{
	struct ipc_stun_send m = { socket, "0123456789a", server };
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	put_stun_send(&b, &m);
	return edge_frame(edge, (struct mono){ 1000000 }, st, ROLE_STUN, 0,
	    IPC_STUN_SEND, buf_span(&b));
}

static unsigned
datagrams(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < st->n; i++)
		n += st->step[i].kind == STEP_SEND;
	steps_clear(st);
	return n;
}

START_TEST(stun_leaves_by_the_external_socket_to_configured_servers_only)
{
	ck_assert_int_eq(ask_stun(0, ip4(203, 0, 113, 53, 3478)), 0);
	ck_assert_uint_eq(st->n, 1);
	ck_assert_uint_eq(st->step[0].bytes.len, STUN_REQUEST_LEN);
	ck_assert_uint_eq(datagrams(), 1);
	ck_assert_int_eq(ask_stun(1, ip4(203, 0, 113, 53, 3478)), 0);
	ck_assert_int_eq(ask_stun(7, ip4(203, 0, 113, 53, 3478)), 0);
	ck_assert_int_eq(ask_stun(0, ip4(203, 0, 113, 54, 3478)), 0);
	ck_assert_int_eq(ask_stun(0, ip4(127, 0, 0, 1, 3478)), 0);
	ck_assert_int_eq(ask_stun(0, ip4(192, 168, 10, 3, 3478)), 0);
	ck_assert_uint_eq(datagrams(), 0);
}
END_TEST

/* The configured server answers and tells its other address. */
static void
hear_other(const uint8_t other[4])
{
	struct flow from = { ZONE_EXTERNAL, TRANSPORT_UDP, 0,
		ip4(203, 0, 113, 53, 3478), 0 };
	uint8_t answer[32] = { 1, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42 };
	const uint8_t attribute[8] = { 0x80, 0x2c, 0, 8, 0, 1, 0x0d, 0x97 };

	ck_assert_int_eq(ask_stun(0, from.remote), 0);
	memcpy(answer + 8, st->step[0].bytes.p + 8, STUN_TID_LEN);
	memcpy(answer + 20, attribute, sizeof(attribute));
	memcpy(answer + 28, other, 4);
	edge_message(edge, (struct mono){ 1000000 }, st, &from,
	    span_make(answer, sizeof(answer)));
	steps_clear(st);
}

static int
test_nat(uint16_t socket, struct addr server)
{
	struct ipc_stun_test ask = { .socket = socket, .server = server,
		.to = 1 };
	char mem[128];
	struct buf b;

	memcpy(ask.tid, "testtesttest", STUN_TID_LEN);
	buf_init(&b, mem, sizeof(mem));
	put_stun_test(&b, &ask);
	steps_clear(st);
	return edge_frame(edge, (struct mono){ 1000000 }, st, ROLE_STUN, 0,
	    IPC_STUN_TEST, buf_span(&b));
}

static const struct {
	const char *name;
	uint8_t other[4];
	unsigned sent;
} others[] = {
	{ "public", { 203, 0, 113, 54 }, 1 },
	{ "the office", { 192, 168, 10, 3 }, 0 },
	{ "loopback", { 127, 0, 0, 1 }, 0 },
	{ "our own public address", { 198, 51, 100, 99 }, 0 },
	{ "its own address again", { 203, 0, 113, 53 }, 0 },
};

START_TEST(a_test_of_the_nat_goes_to_no_address_of_ours)
{
	struct addr server = ip4(203, 0, 113, 53, 3478);

	edge->public_ip = ip4(198, 51, 100, 99, 0);
	ck_assert_int_eq(test_nat(0, server), 0);
	ck_assert_uint_eq(datagrams(), 0);	/* it told nothing yet */
	hear_other(others[_i].other);
	ck_assert_int_eq(test_nat(0, server), 0);
	ck_assert_msg(datagrams() == others[_i].sent, "%s", others[_i].name);
	ck_assert_int_eq(test_nat(1, server), 0);	/* the office's */
	ck_assert_uint_eq(datagrams(), 0);
	ck_assert_int_eq(test_nat(0, ip4(203, 0, 113, 54, 3478)), 0);
	ck_assert_uint_eq(datagrams(), 0);
}
END_TEST

START_TEST(stunmon_is_told_which_sockets_to_map_when_its_door_opens)
{
	struct span payload, frames;
	struct ipc_map_want want;
	uint16_t type;
	size_t used;

	edge_peer(edge, (struct mono){ 1 }, st, ROLE_STUN, 0, true);
	frames = buf_span(&st->stun);
	ck_assert_int_eq(ipc_split(frames, &type, &payload, &used), 0);
	ck_assert_uint_eq(type, IPC_MAP_WANT);
	ck_assert_int_eq(get_map_want(payload, &want), 0);
	ck_assert_uint_eq(want.n_sockets, 1);
	ck_assert_uint_eq(want.sockets[0].number, 0);
}
END_TEST

START_TEST(outside_we_are_called_by_our_public_address_inside_by_the_local_one)
{
	struct flow out = home_flow(1);
	struct flow in = { ZONE_INTERNAL, TRANSPORT_UDP, 1,
		ip4(192, 168, 10, 50, 5060), 0 };
	char mem[256];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	edge->public_ip = ip4(198, 51, 100, 99, 0);
	edge_put_contact(edge, &out, SPAN_LIT("tok"), &b);
	edge_put_contact(edge, &in, SPAN_NONE, &b);
	ck_assert(span_eq(buf_span(&b), SPAN_LIT(
	    "<sip:tok@198.51.100.99:5070><sip:192.168.10.2:5060>")));
	edge->mapped[0] = ip4(198, 51, 100, 98, 61234);
	buf_init(&b, mem, sizeof(mem));
	edge_put_via(edge, &out, SPAN_LIT("z9hG4bKx"), &b);
	ck_assert(span_eq(buf_span(&b), SPAN_LIT(
	    "Via: SIP/2.0/UDP 198.51.100.98:5070;rport;branch=z9hG4bKx\r\n")));
	/* By TCP STUN is not asked: the same address is behind the same NAT. */
	conf.listeners[2] = (struct edge_listener){ ZONE_EXTERNAL,
		TRANSPORT_TCP, ip4(192, 168, 10, 2, 5070) };
	/* And another interface, without a NAT. */
	conf.listeners[3] = (struct edge_listener){ ZONE_EXTERNAL,
		TRANSPORT_TCP, ip4(203, 0, 113, 20, 5070) };
	conf.n_listeners = 4;
	buf_init(&b, mem, sizeof(mem));
	out.transport = TRANSPORT_TCP;
	out.listener = 2;
	edge_put_contact(edge, &out, SPAN_NONE, &b);
	out.listener = 3;
	edge_put_contact(edge, &out, SPAN_NONE, &b);
	ck_assert(span_eq(buf_span(&b), SPAN_LIT(
	    "<sip:198.51.100.98:5070;transport=tcp>"
	    "<sip:203.0.113.20:5070;transport=tcp>")));
	conf.public_addr = ip4(198, 51, 100, 97, 0);
	ck_assert(edge_is_our_host(edge, SPAN_LIT("198.51.100.97")));
	ck_assert(edge_is_our_host(edge, SPAN_LIT("198.51.100.98")));
	ck_assert(edge_is_our_host(edge, SPAN_LIT("SIP.example.org.")));
	ck_assert(!edge_is_our_host(edge, SPAN_LIT("sip.example.org.evil")));
	ck_assert(!edge_is_our_host(edge, SPAN_LIT("")));
	conf.accept_ip = false;
	ck_assert(!edge_is_our_host(edge, SPAN_LIT("198.51.100.97")));
}
END_TEST

static void
tell_open(uint16_t socket, bool open)
{
	struct ipc_port_open said = { socket, open };
	char mem[64];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	put_port_open(&b, &said);
	ck_assert_int_eq(edge_frame(edge, (struct mono){ 1000000 }, st,
			     ROLE_STUN, 0, IPC_PORT_OPEN, buf_span(&b)), 0);
}

static uint16_t
said_port(const struct flow *f)
{
	return edge_said_addr(edge, f).port;
}

START_TEST(a_port_of_stuns_is_said_only_where_strangers_come_in)
{
	struct flow out = home_flow(1);

	edge->mapped[0] = ip4(198, 51, 100, 98, 61234);
	ck_assert_uint_eq(said_port(&out), 5070);
	tell_open(0, true);
	ck_assert_uint_eq(said_port(&out), 61234);
	tell_open(0, false);
	ck_assert_uint_eq(said_port(&out), 5070);
	tell_open(65535, true);		/* no socket of ours */
	tell_open(0, true);
	conf.advertised[0] = 443;
	ck_assert_uint_eq(said_port(&out), 443);
	conf.advertised[0] = 0;
}
END_TEST

static const struct {
	const char *name, *ruri, *route;
	uint16_t want;
} used_ports[] = {
	{ "none written", "sip:sip.example.org", NULL, 5070 },
	{ "in the Request-URI", "sip:sip.example.org:443", NULL, 443 },
	{ "by an outbound proxy", "sip:sip.example.org",
	    "<sip:sip.example.org:8443;lr>", 8443 },
	{ "by somebody else's proxy", "sip:sip.example.org",
	    "<sip:proxy.example.com:8443;lr>", 5070 },
	{ "the office's port, which nobody forwards",
	    "sip:sip.example.org:5060", NULL, 5070 },
	{ "not our name", "sip:example.com:443", NULL, 5070 },
	{ "two routes in one line", "sip:sip.example.org:443",
	    "<sip:sip.example.org:8443;lr>, <sip:b.example.com;lr>",
	    443 },
};

START_TEST(a_phones_own_port_is_said_to_it)
{
	struct flow out = home_flow(1), other = home_flow(2);
	struct sip_msg m;
	char text[1024];
	int len = snprintf(text, sizeof(text), "REGISTER %s SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx\r\n%s%s%s"
	    "From: <sip:168@sip.example.org>;tag=a\r\n"
	    "To: <sip:168@sip.example.org>\r\nCall-ID: c\r\n"
	    "CSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n",
	    used_ports[_i].ruri, used_ports[_i].route != NULL ? "Route: " : "",
	    used_ports[_i].route != NULL ? used_ports[_i].route : "",
	    used_ports[_i].route != NULL ? "\r\n" : "");

	ck_assert_int_eq(sip_parse(span_make(text, (size_t)len), SIP_DATAGRAM,
			     &m, NULL), 0);
	keep_note_port(edge, &out, &m);		/* not registered: nothing */
	ck_assert_uint_eq(said_port(&out), 5070);
	keep_flow(edge->keep, (struct mono){ 1000000 }, &out, 60);
	keep_note_port(edge, &out, &m);
	ck_assert_msg(said_port(&out) == used_ports[_i].want, "%s",
	    used_ports[_i].name);
	ck_assert_uint_eq(said_port(&other), 5070);
	conf.advertised[0] = 4430;
	ck_assert_uint_eq(said_port(&out), 4430);
	conf.advertised[0] = 0;
}
END_TEST

/* ---- floods and hostile peers ---- */

START_TEST(a_flood_of_strangers_changes_no_table_and_is_answered_by_budget)
{
	struct mono now = { 1000000 };
	char text[1024];
	unsigned answers = 0;

	for (unsigned i = 0; i < 100000; i++) {
		struct flow f = home_flow(i);
		int n = snprintf(text, sizeof(text),
		    "%s sip:11@sip.example.org SIP/2.0\r\n"
		    "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK%u;rport\r\n"
		    "From: <sip:%u@sip.example.org>;tag=f1\r\n"
		    "To: <sip:11@sip.example.org>\r\n"
		    "Call-ID: %u@flood\r\nCSeq: 1 %s\r\n"
		    "Authorization: Digest username=\"u\", realm=\"SMO-SIP\", "
		    "nonce=\"%032x\", uri=\"sip:11@sip.example.org\", "
		    "response=\"0\"\r\nContent-Length: 0\r\n\r\n",
		    i % 2 ? "INVITE" : "REGISTER", i, i, i,
		    i % 2 ? "INVITE" : "REGISTER", i);

		edge_message(edge, now, st, &f, span_make(text, (size_t)n));
		answers += datagrams();
	}
	ck_assert_uint_le(answers, GUARD_ALL_BURST);
	ck_assert_uint_eq(edge->txns.servers.used, 0);
	ck_assert_uint_eq(edge->txns.clients.used, 0);
	ck_assert_uint_eq(st->reg.len, 0);
}
END_TEST

START_TEST(broken_and_forbidden_frames_close_the_door)
{
	struct mono now = { 1000000 };

	ck_assert_int_lt(edge_frame(edge, now, st, ROLE_REG, 0, IPC_REG_SAY,
			     SPAN_LIT("x")), 0);
	ck_assert_int_lt(edge_frame(edge, now, st, ROLE_REG, 0, IPC_NONCE_SAY,
			     SPAN_NONE), 0);
	ck_assert_int_lt(edge_frame(edge, now, st, ROLE_MEDIA, 0, IPC_AUTH_SAY,
			     SPAN_LIT("x")), 0);
	ck_assert_int_lt(edge_frame(edge, now, st, ROLE_REG, 0, 9999,
			     SPAN_NONE), 0);
	ck_assert_int_lt(edge_frame(edge, now, st, ROLE_STUN, 0,
			     IPC_PUBLIC_ADDR, SPAN_LIT("x")), 0);
}
END_TEST

static void
tell_public(struct addr mapped, uint16_t socket)
{
	struct ipc_public_addr said = { socket, PUBLIC_KNOWN, mapped };
	char mem[128];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	put_public_addr(&b, &said);
	ck_assert_int_eq(edge_frame(edge, (struct mono){ 1000000 }, st,
			     ROLE_STUN, 0, IPC_PUBLIC_ADDR, buf_span(&b)), 0);
}

START_TEST(stunmon_is_believed_only_about_public_addresses)
{
	const struct addr lies[] = {
		ip4(192, 168, 10, 3, 5070), ip4(127, 0, 0, 1, 5070),
		ip4(100, 64, 0, 1, 5070), ip4(224, 0, 0, 1, 5070),
		ip4(0, 0, 0, 0, 5070), ip4(255, 255, 255, 255, 5070),
	};
	struct addr good = ip4(198, 51, 100, 99, 0);

	tell_public(good, 65535);
	ck_assert(addr_eq(&edge->public_ip, &good));
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		tell_public(lies[i], 65535);
		tell_public(lies[i], 0);
	}
	ck_assert(addr_eq(&edge->public_ip, &good));
	ck_assert_int_eq(edge->mapped[0].family, ADDR_NONE);
	conf.public_addr = ip4(198, 51, 100, 97, 0);
	tell_public(ip4(198, 51, 100, 1, 0), 65535);
	ck_assert(addr_eq(&edge->public_ip, &good));
	steps_clear(st);
}
END_TEST

/* Told the listener's own address by a 200 that waited in the kernel, a phone
 * sends its ACK nowhere. */
START_TEST(at_the_start_the_address_is_waited_for)
{
	struct mono now = { 1000000 };

	ck_assert(keep_is_addressed(edge)); /* nothing is found out */
	conf.wait_for_address = true;
	ck_assert(!keep_is_addressed(edge));
	edge_peer(edge, now, st, ROLE_REG, 0, true);
	tell_public(ip4(198, 51, 100, 99, 0), 65535);
	ck_assert(!keep_is_addressed(edge)); /* and its port? */
	tell_public(ip4(198, 51, 100, 99, 5070), 0);
	ck_assert(keep_is_addressed(edge));
	steps_clear(st);
}
END_TEST

START_TEST(but_not_for_long)
{
	struct mono now = { 1000000 };

	conf.wait_for_address = true;
	edge_peer(edge, now, st, ROLE_REG, 0, true);
	edge_tick(edge, mono_add_ms(now, KEEP_ADDRESS_MS - 1), st);
	ck_assert(!keep_is_addressed(edge));
	/* registrar-db came anew: that begins nothing anew. */
	edge_peer(edge, mono_add_ms(now, KEEP_ADDRESS_MS - 1), st, ROLE_REG, 0,
	    true);
	edge_tick(edge, mono_add_ms(now, KEEP_ADDRESS_MS), st);
	ck_assert(keep_is_addressed(edge));
	steps_clear(st);
}
END_TEST

START_TEST(nor_where_no_router_is_between)
{
	conf.wait_for_address = true;
	conf.listeners[0].local = ip4(198, 51, 100, 2, 5070);
	ck_assert(keep_is_addressed(edge));
	conf.listeners[0].local = ip4(192, 168, 10, 2, 5061);
	conf.listeners[0].transport = TRANSPORT_TLS;
	ck_assert(!keep_is_addressed(edge));
	/* By TLS its port is configured. */
	tell_public(ip4(198, 51, 100, 99, 0), 65535);
	ck_assert(keep_is_addressed(edge));
	steps_clear(st);
}
END_TEST

START_TEST(status_is_one_json_object)
{
	char json[12000];
	struct buf b;
	int depth = 0;

	buf_init(&b, json, sizeof(json));
	edge_status(edge, (struct mono){ 1 }, &b);
	ck_assert_int_eq(buf_err(&b), 0);
	for (size_t i = 0; i < b.len; i++)
		depth += json[i] == '{' ? 1 : json[i] == '}' ? -1 : 0;
	ck_assert_int_eq(depth, 0);
	ck_assert(json[0] == '{' && json[b.len - 1] == '}');
}
END_TEST

START_TEST(a_full_queue_of_steps_drops_and_counts)
{
	struct flow f = home_flow(1);
	char big[8192] = { 0 };
	struct buf b;

	for (unsigned i = 0; i < STEPS_MAX + 10; i++)
		steps_send(st, &f, SPAN_LIT("x"));
	ck_assert_uint_eq(st->n, STEPS_MAX);
	ck_assert_uint_eq(st->dropped, 10);
	steps_log(st, STEP_INFO, "lost");
	steps_key_number(st, "n", 1);
	ck_assert_int_eq(st->step[STEPS_MAX - 1].kind, STEP_SEND);
	steps_clear(st);
	for (unsigned i = 0; i < 100; i++)
		steps_send(st, &f, span_make(big, sizeof(big)));
	ck_assert_uint_eq(st->n, STEPS_BYTES / sizeof(big));
	steps_send_begin(st, &f, &b, 10);
	ck_assert_int_ne(buf_err(&b), 0);
	steps_send_end(st, &f, &b);
	ck_assert_uint_eq(st->n, STEPS_BYTES / sizeof(big));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("parts");
	TCase *tc = tcase_create("parts"), *te = tcase_create("edge");
	SRunner *runner;
	int failed;

#define T(name) tcase_add_test(tc, name)
	T(a_stranger_has_a_burst_and_then_a_rate);
	T(a_prefix_has_a_budget_of_its_own);
	T(all_strangers_together_have_a_budget_and_the_known_are_not_in_it);
	T(who_uses_none_of_our_names_gets_three_answers_and_one_each_30_s);
	T(one_ipv6_home_is_one_source);
	T(a_nonce_counts_only_at_the_address_it_was_sent_to);
	T(nonces_of_many_phones_at_once_are_all_remembered);
	T(old_nonces_are_not_handed_out_and_new_ones_replace_a_dead_oracles);
	T(the_stock_never_grows_beyond_its_size);
	tcase_add_loop_test(tc, credentials_of_our_realm_are_found_and_bounded,
	    0, sizeof(rows) / sizeof(rows[0]));
	suite_add_tcase(suite, tc);
#undef T
#define T(name) tcase_add_test(te, name)
	tcase_add_checked_fixture(te, open_edge, close_edge);
	tcase_set_timeout(te, 30);
	T(a_full_table_of_flows_keeps_who_is_in_it_and_expiry_empties_it);
	T(flow_keep_and_flow_gone_of_registrar_db_are_followed);
	tcase_add_loop_test(te,
	    registrar_db_has_nobody_kept_alive_where_no_phone_can_be, 0,
	    sizeof(told_flows) / sizeof(told_flows[0]));
	T(stun_leaves_by_the_external_socket_to_configured_servers_only);
	tcase_add_loop_test(te, a_test_of_the_nat_goes_to_no_address_of_ours, 0,
	    sizeof(others) / sizeof(others[0]));
	T(stunmon_is_told_which_sockets_to_map_when_its_door_opens);
	T(outside_we_are_called_by_our_public_address_inside_by_the_local_one);
	T(a_port_of_stuns_is_said_only_where_strangers_come_in);
	tcase_add_loop_test(te, a_phones_own_port_is_said_to_it, 0,
	    sizeof(used_ports) / sizeof(used_ports[0]));
	T(a_flood_of_strangers_changes_no_table_and_is_answered_by_budget);
	T(broken_and_forbidden_frames_close_the_door);
	T(stunmon_is_believed_only_about_public_addresses);
	T(at_the_start_the_address_is_waited_for);
	T(but_not_for_long);
	T(nor_where_no_router_is_between);
	T(status_is_one_json_object);
	T(a_full_queue_of_steps_drops_and_counts);
	suite_add_tcase(suite, te);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
