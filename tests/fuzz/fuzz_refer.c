/*
 * REFER, NOTIFY and INVITE with Replaces, from a phone that is in a call:
 * whatever they say, what the other phone gets is a number of our domain, one
 * status line, and the ids of a call that there is.
 *
 * Input: one octet (which of the three), then the rest of the message behind
 * its first headers.  Two calls run: 168 with 200, and 200 with 300; 200's
 * phone sends the REFER to 168's.
 */
#include <stdint.h>
#include <stdlib.h>

#include "sigproxy/core/call_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define DOMAIN "sip.example.org"

static struct edge *edge;
static struct call *call[2];

#define SET(t, text)                                 \
	do {                                         \
		if (TEXT_SET((t), SPAN_LIT(text)))   \
			abort();                     \
	} while (0)

static struct call *
begin_call(uint64_t ticket)
{
	struct calls *c = edge->calls;
	struct call *new = pool_get(&c->pool);

	if (new == NULL || leg_new(c, new) == NULL || leg_new(c, new) == NULL)
		abort();
	new->ticket = ticket;
	new->phase = CALL_TALKING;
	new->callee = new->leg[1];
	new->referral[0] = new->referral[1] =
	    (struct referral){ .live = 1, .from_cseq = 7, .to_cseq = 1007 };
	for (unsigned i = 0; i < 2; i++)
		new->leg[i]->flow = (struct flow){ ZONE_EXTERNAL,
			TRANSPORT_UDP, 0, edge->conf->listeners[0].local, 0 };
	return new;
}

static void
begin(void)
{
	static struct edge_conf conf;

	conf.listeners[0] = (struct edge_listener){ ZONE_EXTERNAL,
		TRANSPORT_UDP, { .family = ADDR_IPV4, .port = 5070,
		    .ip = { 192, 168, 10, 2 } } };
	conf.n_listeners = 1;
	conf.domain = SPAN_LIT(DOMAIN);
	conf.realm = SPAN_LIT("SMO-SIP");
	conf.max_calls = 4;
	conf.max_transactions = 64;
	conf.max_flows = 64;
	edge = edge_new(&conf);
	if (edge == NULL)
		abort();
	call[0] = begin_call(1);
	call[1] = begin_call(2);
	SET(&call[0]->caller.number, "168");
	SET(&call[0]->called.number, "200");
	SET(&call[1]->caller.number, "200");
	SET(&call[1]->called.number, "300");
	SET(&call[1]->leg[0]->call_id, "two@192.168.10.9");
	SET(&call[1]->leg[1]->call_id, "p-masked");
	SET(&call[1]->leg[0]->tag, "tb");
	SET(&call[1]->leg[1]->tag, "tc");
	leg_rename(edge->calls, call[1]->leg[0], SPAN_LIT("aaaaaaaaaaaaaaaa"));
}

/* What we write must be read the same by a strict reader. */
static void
check_headers(const struct buf *headers, const char *method)
{
	static struct sip_msg m;
	struct sip_nameaddr na;
	char mem[16384];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	buf_fmt(&b,
	    "%s sip:x@" DOMAIN " SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n"
	    "From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\n"
	    "Call-ID: x\r\nCSeq: 1 %s\r\nMax-Forwards: 70\r\n",
	    method, method);
	buf_put(&b, buf_span(headers));
	buf_puts(&b, "Content-Length: 0\r\n\r\n");
	if (buf_err(&b) ||
	    sip_parse(buf_span(&b), SIP_DATAGRAM, &m, NULL) != 0)
		abort();
	if (m.n_hdrs > 11)
		abort();
	if (!sip_has(&m, SIP_H_REFER_TO))
		return;
	if (sip_nameaddr_parse(sip_value(&m, SIP_H_REFER_TO), &na) != 0 ||
	    na.uri.scheme != URI_SIP || !na.uri.has_user ||
	    !span_eq(na.uri.host, SPAN_LIT(DOMAIN)))
		abort();
}

static void
pass(const struct sip_msg *m, const char *method)
{
	struct exchange ex = { .call = call[0], .from = call[0]->leg[1],
		.to = call[0]->leg[0], .method = m->method };
	char mem[8192], text[512];
	struct buf b, body;

	if (m->method == SIP_NOTIFY && refer_notify_refusal(ex.from, m) != 0)
		return;
	buf_init(&body, text, sizeof(text));
	buf_init(&b, mem, sizeof(mem));
	if (refer_put_body(&body, m) != 0 ||
	    refer_put_headers(edge, &b, &ex, m) != 0 || buf_err(&b))
		return;
	check_headers(&b, method);
	if (body.len > 0 &&
	    (m->method == SIP_REFER ||
		span_find(buf_span(&body), '\n') != (ptrdiff_t)body.len - 1))
		abort();
}

static void
replace(const struct sip_msg *m)
{
	struct leg branch = { .call = call[1] }, *leg;
	char mem[8192];
	struct buf b;

	if (replaces_check(edge, m, SPAN_LIT("300"), &leg) != 0 || leg == NULL)
		return;
	buf_init(&b, mem, sizeof(mem));
	if (leg != call[1]->leg[1] || replaces_put(edge, &b, &branch, m) != 0)
		abort();
	check_headers(&b, "INVITE");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const method[] = { "REFER", "NOTIFY", "INVITE" };
	static struct sip_msg m;
	char mem[8192];
	struct buf b;
	unsigned which;

	if (len == 0)
		return 0;
	if (edge == NULL)
		begin();
	which = data[0] % 3;
	buf_init(&b, mem, sizeof(mem));
	buf_fmt(&b,
	    "%s sip:x@" DOMAIN " SIP/2.0\r\n"
	    "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n"
	    "From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\n"
	    "Call-ID: x\r\nCSeq: 1 %s\r\nMax-Forwards: 70\r\n",
	    method[which], method[which]);
	buf_put(&b, span_make((const char *)data + 1, len - 1));
	if (buf_err(&b) ||
	    sip_parse(buf_span(&b), SIP_DATAGRAM, &m, NULL) != 0)
		return 0;
	if (which < 2)
		pass(&m, method[which]);
	else
		replace(&m);
	return 0;
}
