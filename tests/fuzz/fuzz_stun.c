/*
 * STUN messages from anybody: what is read must lie inside the packet, and
 * the owner's gate must let nothing through that was not asked.
 */
#include <stdint.h>
#include <stdlib.h>

#include "common/codec/stun_ask.h"
#include "common/codec/stun_check.h"
#include "common/codec/stun_serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
inside(const struct stun_msg *m, struct span s)
{
	if (s.len > 0 && (s.p < m->packet.p ||
		s.p + s.len > m->packet.p + m->packet.len))
		abort();
}

/* No more than 1.5 times as long, with the headers below it (28, 48). */
static void
is_small(struct span packet, size_t answer, size_t below)
{
	if (2 * (answer + below) > 3 * (packet.len + below))
		abort();
}

/* Of who has the password of RFC 5769: what is said is signed and small. */
static void
checked(struct span packet, const struct addr *home, size_t below)
{
	const struct span pwd = SPAN_LIT("VOkJxbRl1RmTxUk/WvJxBt");
	uint8_t mem[STUN_CHECK_MAX];
	struct stun_msg m;
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	if (stun_check(packet, SPAN_LIT("evtj"), pwd, home, &b) ==
	    STUN_CHECK_SILENT)
		return;
	if (stun_parse(buf_span(&b), &m) != 0 || !stun_integrity_ok(&m, pwd) ||
	    !stun_fingerprint_ok(&m))
		abort();
	is_small(packet, b.len, below);
}

static void
served(struct span packet)
{
	const struct addr home[] = {
		{ ADDR_IPV4, 5060, { 198, 51, 100, 1 } },
		{ ADDR_IPV6, 5060, { 0x20, 1, 0xd, 0xb8 } },
	};
	uint8_t mem[STUN_ANSWER_MAX];
	struct buf b;

	for (size_t i = 0; i < 2; i++) {
		size_t below = 28 + 20 * i;

		buf_init(&b, mem, sizeof(mem));
		if (stun_serve(packet, &home[i], &b))
			is_small(packet, b.len, below);
		checked(packet, &home[i], below);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t tid[STUN_TID_LEN] = "abcdefghijkl";
	static struct stun_ask ask;
	const struct addr server = { ADDR_IPV4, 3478, { 203, 0, 113, 1 } };
	const struct mono now = { 1000000 };
	struct span packet = span_make(data, len);
	uint8_t mem[STUN_REQUEST_LEN];
	struct stun_msg m;
	struct buf b;

	stun_ask_init(&ask, now);
	stun_ask_add_server(&ask, &server, 3478);
	buf_init(&b, mem, sizeof(mem));
	if (stun_ask_send(&ask, 1, tid, &server, false, now, &b) != 0)
		abort();
	if (stun_ask_heard(&ask, 1, &server, packet, now) &&
	    memcmp(data + 8, tid, sizeof(tid)) != 0)
		abort();
	served(packet);
	if (stun_parse(packet, &m) != 0)
		return 0;
	if (!stun_is(packet) || m.integrity_at >= len ||
	    m.fingerprint_at >= len)
		abort();
	inside(&m, m.username);
	inside(&m, m.realm);
	inside(&m, m.nonce);
	stun_fingerprint_ok(&m);
	stun_integrity_ok(&m, SPAN_LIT("VOkJxbRl1RmTxUk/WvJxBt"));
	return 0;
}
