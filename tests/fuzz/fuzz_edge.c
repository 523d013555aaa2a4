/*
 * The whole core of sigproxy: datagrams, frames of its peers, time.
 *
 * Input: events, each one octet (what), two octets (length), bytes:
 *	0	a datagram from outside		1	from the office
 *	2	a frame: role, type (2), payload	3	time passes: 2 octets of 10 ms
 *	4	a peer's door: role, up or down
 *	5	a message by a connection from outside: its number, then bytes
 *	6	a connection: its number; opened, or closed, or lost with the rest
 * An oracle answers yes to everything, with an office phone as the target, so
 * that what comes after authentication is reached.  The first nonce it mints
 * is 31 zeros and a one; it is sent to the source of the first challenge.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/codec/digest.h"
#include "sigproxy/core/edge.h"
#include "tests/scenario/sig/oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ANSWERS_BYTES (1024 * 1024)
#define EVENTS_MAX 64

static struct edge_conf conf;
static struct edge *edge;
static struct steps *steps;
static struct oracle oracle;
static struct mono now;
static char *answers_mem;
static bool reg_up;

static struct addr
ip(const char *text)
{
	struct addr a = { 0 };

	addr_parse(span_str(text), 5060, &a);
	return a;
}

static void
site(void)
{
	conf = (struct edge_conf){ 0 };
	conf.listeners[0] = (struct edge_listener){ ZONE_EXTERNAL,
		TRANSPORT_UDP, ip("192.168.10.2:5070") };
	conf.listeners[1] = (struct edge_listener){ ZONE_INTERNAL,
		TRANSPORT_UDP, ip("192.168.10.2:5060") };
	conf.listeners[2] = (struct edge_listener){ ZONE_EXTERNAL,
		TRANSPORT_TCP, ip("192.168.10.2:5070") };
	conf.n_listeners = 3;
	conf.max_conns = 2;
	conf.domain = SPAN_LIT("sip.example.org");
	conf.realm = SPAN_LIT("SMO-SIP");
	conf.accept_ip = true;
	conf.digests = (1u << DIGEST_ALGS) - 1;
	conf.auth_int = true;
	addr_prefix_parse(SPAN_LIT("192.168.0.0/16"), &conf.lan[0]);
	conf.n_lan = 1;
	conf.stun_servers[0] = ip("203.0.113.53:3478");
	conf.n_stun_servers = 1;
	conf.n_relays = 1;
	conf.channels = 4;
	conf.max_transactions = 32;
	conf.max_calls = 4;
	conf.max_flows = 16;
	conf.max_subs = 4;
	conf.mwi_sources[0] = ip("192.168.10.50:0");
	conf.n_mwi_sources = 1;
}

static void
carry_out(void)
{
	struct span frames, payload;
	struct buf answers;
	uint16_t type;
	size_t used;

	for (int i = 0; i < 8; i++) {
		buf_init(&answers, answers_mem, ANSWERS_BYTES);
		for (unsigned j = 0; j < steps->n; j++) {
			if (steps->step[j].kind == STEP_SEND &&
			    steps->step[j].bytes.len == 0)
				abort();
		}
		if (reg_up)
			oracle_hear(&oracle, buf_span(&steps->reg), &answers);
		steps_clear(steps);
		frames = buf_span(&answers);
		while (ipc_split(frames, &type, &payload, &used) == 0) {
			frames = span_sub(frames, used, frames.len);
			if (edge_frame(edge, now, steps, ROLE_REG, 0, type,
				payload) != 0)
				abort();
		}
	}
	steps_clear(steps);
}

static void
message(bool outside, struct span bytes)
{
	struct flow from = { outside ? ZONE_EXTERNAL : ZONE_INTERNAL,
		TRANSPORT_UDP, outside ? 0 : 1,
		ip(outside ? "198.51.100.7:40001" : "192.168.10.50:5060"), 0 };

	edge_message(edge, now, steps, &from, bytes);
}

static void
pass(uint64_t ms)
{
	struct mono end = mono_add_ms(now, ms);
	unsigned turns = 0;

	while (mono_due(edge_due(edge), end) && turns++ < 20000) {
		if (mono_before(now, edge_due(edge)))
			now = edge_due(edge);
		edge_tick(edge, now, steps);
		carry_out();
	}
	now = end;
}

static void
door(uint8_t role, bool up)
{
	if (role == ROLE_REG)
		reg_up = up;
	edge_peer(edge, now, steps, role, 0, up);
}

/* Of three, one more than there may be. */
static struct flow
conn_flow(uint8_t number)
{
	return (struct flow){ ZONE_EXTERNAL, TRANSPORT_TCP, 2,
		ip("198.51.100.7:40002"), 1 + number % 3u };
}

static void
conn(uint8_t number, uint8_t what, struct span head)
{
	struct flow f = conn_flow(number);

	switch (what % 4) {
	case 0:
		edge_conn_up(edge, &f);
		break;
	case 1:
		edge_conn_down(edge, now, steps, &f);
		break;
	case 2:
		edge_conn_lost(edge, now, steps, &f, head);
		break;
	default:
		edge_conn_carries(edge, &f);
		break;
	}
}

static void
conn_message(uint8_t number, struct span bytes)
{
	struct flow f = conn_flow(number);

	edge_message(edge, now, steps, &f, bytes);
}

static void
event(uint8_t what, struct span bytes)
{
	const uint8_t *p = (const uint8_t *)bytes.p;

	switch (what % 7) {
	case 5:
		if (bytes.len >= 1)
			conn_message(p[0], span_sub(bytes, 1, bytes.len));
		break;
	case 6:
		if (bytes.len >= 2)
			conn(p[0], p[1], span_sub(bytes, 2, bytes.len));
		break;
	case 0:
	case 1:
		message(what % 7 == 0, bytes);
		break;
	case 2:
		if (bytes.len >= 3)
			edge_frame(edge, now, steps, p[0], 0,
			    (uint16_t)(p[1] << 8 | p[2]),
			    span_sub(bytes, 3, bytes.len));
		break;
	case 3:
		if (bytes.len >= 2)
			pass((uint64_t)(p[0] << 8 | p[1]) * 10);
		break;
	case 4:
		if (bytes.len >= 2)
			door(p[0], p[1] & 1);
		break;
	}
	carry_out();
}

/* Two hours after the last event no transaction may be left. */
static void
check_nothing_left(void)
{
	static char json[12001];
	struct buf b;

	buf_init(&b, json, sizeof(json) - 1);
	edge_status(edge, now, &b);
	json[b.len] = '\0';
	if (strstr(json, "\"server_transactions\":0,") == NULL ||
	    strstr(json, "\"client_transactions\":0,") == NULL ||
	    strstr(json, "\"waiting\":0,") == NULL ||
	    strstr(json, "\"subscriptions\":0,") == NULL ||
	    strstr(json, "\"messages_open\":0,") == NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make(data, size);

	site();
	if (answers_mem == NULL) {
		answers_mem = malloc(ANSWERS_BYTES);
		steps = steps_new();
	}
	oracle_init(&oracle);
	oracle.has_target = true;
	now.us = 1000000;
	edge = edge_new(&conf);
	door(ROLE_REG, true);
	door(ROLE_MEDIA, true);
	carry_out();
	for (int i = 0; i < EVENTS_MAX && in.len >= 3; i++) {
		size_t len = (size_t)((uint8_t)in.p[1] << 8 |
		    (uint8_t)in.p[2]);
		struct span bytes = span_sub(in, 3, len);

		event((uint8_t)in.p[0], bytes);
		in = span_sub(in, 3 + bytes.len, in.len);
	}
	/* Whatever was begun ends by itself. */
	pass(2 * 3600 * 1000);
	check_nothing_left();
	edge_free(edge);
	return 0;
}
