/* A relay hands over the beginnings of packets. */
#include <errno.h>

#include "tracer/io/tracer.h"

#define BLOCKS_MAX (64 * 1024)

static void
flush(struct tracer *t, uint64_t call, struct buf *b)
{
	struct trace_file *file;

	if (b->len == 0)
		return;
	file = files_get(&t->files, call, 0, SPAN_NONE);
	if (file != NULL)
		files_write(&t->files, file, buf_span(b));
	b->len = 0;
}

/* Packets of one call are mostly together: one write for all. */
static void
write_down(struct tracer *t, const struct ipc_trace_rtp *m)
{
	static char mem[BLOCKS_MAX];
	uint64_t call = 0;
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	for (unsigned i = 0; i < m->n_packets; i++) {
		const struct ipc_packet *from = &m->packets[i];
		const struct packet p = { wall_us(from->at_us), from->out, 0,
			TRANSPORT_UDP, from->local, from->remote, from->head,
			from->len };

		if (from->call != call)
			flush(t, call, &b);
		call = from->call;
		t->packets += pcapng_packet(&b, &p, SPAN_NONE) == 0;
	}
	flush(t, call, &b);
}

int
on_media_frame(struct tracer *t, uint16_t type, struct span payload)
{
	static struct ipc_trace_rtp m;
	int err;

	if (type != IPC_TRACE_RTP)
		return -EPROTO;
	err = get_trace_rtp(payload, &m);
	if (err)
		return err;
	/* Nothing is traced any more: sigproxy is about to say so. */
	if (t->rules.n > 0)
		write_down(t, &m);
	return 0;
}
