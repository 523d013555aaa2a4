/*
 * The SIP parser as a datagram and as a stream, every reader, and the two
 * ways on: what is accepted is written as relayed, read again and comes out
 * the same; what is refused can be answered.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/sip/lab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct sip_msg msg, again;
static char mem[2 * SIP_BYTES_MAX], mem2[2 * SIP_BYTES_MAX];

static void
insist(bool true_thing, const char *what)
{
	if (true_thing)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void
relay(void)
{
	struct buf b, b2;

	buf_init(&b, mem, sizeof(mem));
	insist(lab_forward(&b, &msg) == 0, "accepted, but cannot be written");
	if (b.len > SIP_BYTES_MAX)
		return;
	insist(sip_parse(buf_span(&b), SIP_STREAM, &again, NULL) == 0,
	    "what we wrote is refused");
	insist(span_eq(msg.body, again.body) &&
	    span_eq(msg.call_id, again.call_id) &&
	    span_eq(msg.from.tag, again.from.tag) &&
	    span_eq(msg.to.uri.all, again.to.uri.all) &&
	    msg.cseq.number == again.cseq.number &&
	    msg.method == again.method, "what we wrote reads otherwise");
	buf_init(&b2, mem2, sizeof(mem2));
	insist(lab_forward(&b2, &again) == 0, "second copy fails");
	insist(span_eq(buf_span(&b), buf_span(&b2)), "second copy differs");
}

static void
answer(void)
{
	struct addr source = { .family = ADDR_IPV4, .port = 5060 };
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	build_response(&b, &msg, msg.refuse_status ? msg.refuse_status : 200,
	    msg.refuse_why, SPAN_LIT("tag"), &source, BUILD_RECORD_ROUTE);
	build_end(&b, SPAN_NONE);
	insist(buf_err(&b) == 0, "cannot be answered");
	insist(b.len <= SIP_BYTES_MAX ||
	    msg.bytes.len > SIP_BYTES_MAX / 2, "an answer that grows");
	if (msg.refuse_status == 0 && b.len <= SIP_BYTES_MAX)
		insist(sip_parse(buf_span(&b), SIP_DATAGRAM, &again, NULL)
		    == 0, "our answer is refused");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct span s = span_make(data, len);
	size_t used;
	int err;

	for (int framing = SIP_DATAGRAM; framing <= SIP_STREAM; framing++) {
		used = 0;
		err = sip_parse(s, (enum sip_framing)framing, &msg, &used);
		insist(used <= len, "more used than there is");
		if (err == -EAGAIN || err == -ENOMSG)
			continue;
		lab_read_all(&msg);
		if (err == 0)
			relay();
		if (err == -EPROTO || (err == 0 && msg.is_request))
			answer();
	}
	return 0;
}
