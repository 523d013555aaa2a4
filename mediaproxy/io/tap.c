/*
 * The beginnings of packets of traced calls, for tracer.  It is never waited
 * for: what it does not take is dropped and counted.
 */
#include <errno.h>

#include "common/io/clock.h"
#include "mediaproxy/core/tap.h"
#include "mediaproxy/io/media.h"

/* In one second: a few calls with video.  A flood at a traced port is not
 * worth more. */
#define TAP_RATE 4000

static bool
is_too_many(struct tap *t, struct mono now)
{
	if (mono_ms_between(t->second, now) >= 1000) {
		t->second = now;
		t->in_second = 0;
	}
	return ++t->in_second > TAP_RATE;
}

void
tap_packet(struct media *m, uint32_t pair, enum port_which which,
    const struct addr *remote, const void *data, size_t len, bool out)
{
	uint64_t call = m->sessions.stream[pair].trace;
	struct tap *t = &m->tap;
	struct mono now;
	struct ipc_packet *p;
	size_t head;

	if (call == 0)
		return;
	now = clock_mono();
	if (is_too_many(t, now)) {
		t->dropped++;
		return;
	}
	head = tap_head(span_make(data, len));
	p = &t->frame.packets[t->frame.n_packets];
	*p = (struct ipc_packet){ call, now.us, out,
		port_own(&m->ports.pair[pair], which), *remote,
		(uint16_t)len, SPAN_NONE };
	memcpy(t->head[t->frame.n_packets], data, head);
	p->head = span_make(t->head[t->frame.n_packets], head);
	if (++t->frame.n_packets == IPC_TRACE_PACKETS_MAX)
		tap_flush(m);
}

void
tap_flush(struct media *m)
{
	static char mem[IPC_PAYLOAD_MAX + 64];
	struct tap *t = &m->tap;
	struct buf b;

	if (t->frame.n_packets == 0)
		return;
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, TRACE_RTP, trace_rtp, &t->frame);
	if (door_send(m->tracer, buf_span(&b)) == 0)
		t->handed += t->frame.n_packets;
	else
		t->dropped += t->frame.n_packets;
	t->frame.n_packets = 0;
}
