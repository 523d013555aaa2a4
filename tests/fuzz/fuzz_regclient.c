/*
 * A registrar's answers to a REGISTER of ours: whatever they say, what we
 * send is a REGISTER that a strict reader takes, to that registrar, and there
 * are few of them.
 *
 * Input: one octet (the status), then header lines of the answer.
 */
#include <stdint.h>
#include <stdlib.h>

#include "sigproxy/core/edge_priv.h"
#include "sigproxy/core/regclient.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define SENT_MAX 4096

static struct edge *edge;
static struct steps *st;
static struct mono now = { 1000000 };
static struct flow registrar;
static char sent[SENT_MAX];
static size_t sent_len;
static unsigned n_sent;

static void
frame(struct buf *b)
{
	struct span payload;
	uint16_t type;
	size_t used;

	if (buf_err(b) ||
	    ipc_split(buf_span(b), &type, &payload, &used) != 0 ||
	    edge_frame(edge, now, st, ROLE_REG, 0, type, payload) != 0)
		abort();
}

static void
tell_trunk(void)
{
	const struct ipc_trunk trunk = { .set = 1, .trunk = 7,
		.name = SPAN_LIT("itsp"), .host = SPAN_LIT("198.51.100.20"),
		.port = 5060, .transport = TRANSPORT_UDP,
		.zone = ZONE_EXTERNAL, .domain = SPAN_LIT("itsp.example"),
		.expires_s = 600, .wait_s = 6 };
	const struct ipc_trunks all = { 1, 1 };
	char mem[2048];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, TRUNK, trunk, &trunk);
	frame(&b);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, TRUNKS, trunks, &all);
	frame(&b);
}

static void
begin(void)
{
	static struct edge_conf conf;

	conf.listeners[0] = (struct edge_listener){ ZONE_EXTERNAL,
		TRANSPORT_UDP, { .family = ADDR_IPV4, .port = 5070,
		    .ip = { 203, 0, 113, 10 } } };
	conf.n_listeners = 1;
	conf.domain = SPAN_LIT("sip.example.org");
	conf.realm = SPAN_LIT("SMO-SIP");
	conf.max_calls = conf.max_subs = 4;
	conf.max_transactions = conf.max_flows = 64;
	registrar = (struct flow){ ZONE_EXTERNAL, TRANSPORT_UDP, 0,
		{ .family = ADDR_IPV4, .port = 5060,
		    .ip = { 198, 51, 100, 20 } }, 0 };
	edge = edge_new(&conf);
	st = steps_new();
	if (edge == NULL || st == NULL)
		abort();
	edge_peer(edge, now, st, ROLE_REG, 0, true);
	tell_trunk();
}

static void
check_sent(struct span bytes)
{
	static struct sip_msg m;

	if (bytes.len > SENT_MAX ||
	    sip_parse(bytes, SIP_DATAGRAM, &m, NULL) != 0 ||
	    m.method != SIP_REGISTER ||
	    !span_eq(m.ruri.all, SPAN_LIT("sip:itsp.example")) || m.n_hdrs > 11)
		abort();
	memcpy(sent, bytes.p, bytes.len);
	sent_len = bytes.len;
	n_sent++;
}

static void
on_ask(struct span payload)
{
	struct ipc_account_ask ask;
	struct ipc_account_say say;
	char mem[1024];
	struct buf b;

	if (get_account_ask(payload, &ask) != 0)
		abort();
	say = (struct ipc_account_say){ ask.id, ask.question, ACCOUNT_OK,
		SPAN_LIT("office"), SPAN_LIT("sip:itsp.example"),
		SPAN_LIT("0123456789abcdef0123456789abcdef") };
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, ACCOUNT_SAY, account_say, &say);
	frame(&b);
}

/* What the core wants now, and what follows from that. */
static void
settle(void)
{
	static char frames[65536];
	struct span rest, payload;
	uint16_t type;
	size_t used;

	for (unsigned i = 0; i < st->n; i++)
		if (st->step[i].kind == STEP_SEND)
			check_sent(st->step[i].bytes);
	if (st->reg.len > sizeof(frames))
		abort();
	memcpy(frames, st->reg.p, st->reg.len);
	rest = span_make(frames, st->reg.len);
	steps_clear(st);
	while (ipc_split(rest, &type, &payload, &used) == 0) {
		if (type == IPC_ACCOUNT_ASK)
			on_ask(payload);
		rest = span_sub(rest, used, rest.len);
	}
	if (st->n > 0 || st->reg.len > 0)
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
answer(unsigned status, struct span lines)
{
	static struct sip_msg m;
	static char mem[65536];
	struct buf b;

	if (sip_parse(span_make(sent, sent_len), SIP_DATAGRAM, &m, NULL) != 0)
		abort();
	buf_init(&b, mem, sizeof(mem));
	buf_fmt(&b, "SIP/2.0 %u X\r\n", status);
	for (unsigned i = 0; i < m.n_hdrs; i++) {
		uint8_t id = m.hdr[i].id;

		if (id != SIP_H_VIA && id != SIP_H_FROM && id != SIP_H_TO &&
		    id != SIP_H_CALL_ID && id != SIP_H_CSEQ)
			continue;
		buf_put(&b, m.hdr[i].name);
		buf_puts(&b, ": ");
		buf_put(&b, m.hdr[i].value);
		buf_puts(&b, id == SIP_H_TO ? ";tag=r\r\n" : "\r\n");
	}
	buf_put(&b, lines);
	buf_puts(&b, "\r\n\r\n");
	if (buf_err(&b) == 0)
		edge_message(edge, now, st, &registrar, buf_span(&b));
	settle();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const unsigned statuses[] = { 200, 401, 407, 423, 503, 302 };
	struct ipc_account_want want = { .id = 1, .kind = ACCOUNT_TRUNK,
		.trunk = 7, .user = SPAN_LIT("office"),
		.host = SPAN_LIT("itsp.example"), .expires_s = 600 };
	static uint64_t stamp;
	char mem[1024];
	struct buf b;

	if (len < 1 || len > 16384)
		return 0;
	if (edge == NULL)
		begin();
	want.stamp = ++stamp;
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, ACCOUNT_WANT, account_want, &want);
	frame(&b);
	n_sent = 0;
	pass(100);
	for (unsigned i = 0; i < 6 && sent_len > 0; i++)
		answer(statuses[data[0] % 6],
		    span_make(data + 1, len - 1));
	/* Two answers to challenges, one 423, one to begin with. */
	if (n_sent > 4)
		abort();
	pass(40000);
	return 0;
}
