/* sigproxy hands over messages.  It may be anybody's by now. */
#include <errno.h>

#include "common/base/text.h"
#include "common/io/clock.h"
#include "tracer/io/tracer.h"

uint64_t
wall_us(uint64_t mono_us)
{
	uint64_t now_us = clock_mono().us;
	uint64_t wall = (uint64_t)clock_wall_us();
	uint64_t ago = now_us > mono_us ? now_us - mono_us : 0;

	return wall > ago ? wall - ago : 0;
}

void
tell_rules(struct tracer *t)
{
	static char mem[IPC_PAYLOAD_MAX];
	struct ipc_trace_rules rules;
	struct buf b;

	rules_tell(&t->rules, &rules);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, TRACE_RULES, trace_rules, &rules);
	/* Not there: it is told when it comes. */
	door_send(t->sig, buf_span(&b));
}

static void
comment(struct buf *b, const struct ipc_trace_sip *m)
{
	if (m->transport == TRANSPORT_TLS)
		buf_puts(b, "came by TLS; decrypted");
	else if (m->transport == TRANSPORT_TCP)
		buf_puts(b, "came by TCP");
	if (m->refused.len == 0)
		return;
	buf_puts(b, b->len > 0 ? "; not understood: " : "not understood: ");
	text_put_plain(b, m->refused);
}

static void
write_down(struct tracer *t, const struct ipc_trace_sip *m,
    const struct packet *p, struct span label)
{
	static char mem[IPC_TRACE_SIP_MAX + PCAPNG_AROUND_MAX];
	struct trace_file *file = files_get(&t->files, m->call,
	    m->traces[0].number, label);
	char words[160];
	struct buf b, said;

	if (file == NULL)
		return;
	buf_init(&said, words, sizeof(words));
	comment(&said, m);
	buf_init(&b, mem, sizeof(mem));
	if (pcapng_packet(&b, p, buf_span(&said)) == 0)
		files_write(&t->files, file, buf_span(&b));
}

int
on_sigproxy_frame(struct tracer *t, uint16_t type, struct span payload)
{
	struct ipc_trace_sip m;
	struct rule *rule, *first = NULL;
	struct packet p;
	bool hep = false;
	int err;

	if (type != IPC_TRACE_SIP)
		return -EPROTO;
	err = get_trace_sip(payload, &m);
	if (err)
		return err;
	/* Those that ended meanwhile want it no more. */
	for (unsigned i = 0; i < m.n_traces; i++) {
		rule = rules_find(&t->rules, m.traces[i].number);
		if (rule == NULL)
			continue;
		rule->messages++;
		hep = hep || rule->hep;
		first = first == NULL ? rule : first;
	}
	if (first == NULL)
		return 0;
	t->messages++;
	p = (struct packet){ wall_us(m.at_us), m.out, m.zone, m.transport,
		m.local, m.remote, m.message, m.len };
	m.traces[0].number = first->number;
	if (hep)
		hep_send(t, &p, m.call_id);
	write_down(t, &m, &p, first->kind == TRACE_NUMBER ?
		span_make(first->target, first->target_len) : SPAN_NONE);
	return 0;
}
