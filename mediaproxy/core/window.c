#include "mediaproxy/core/window.h"

static void
add_sockets(struct window *w, const struct ports *ports, uint16_t number)
{
	for (uint32_t i = 0; i < ports->n; i++) {
		uint16_t rtp = ports->pair[i].own.port;

		if (number != rtp && number != rtp + 1)
			continue;
		if (w->n == IPC_WINDOW_ARRIVALS)
			return;
		w->port[w->n++] = (struct window_port){ .pair = i,
			.which = number == rtp ? PORT_RTP : PORT_RTCP,
			.number = number };
	}
}

void
window_open(struct window *w, const struct ports *ports,
    const struct ipc_window_open *ask, struct mono now)
{
	struct buf b;

	*w = (struct window){ 0 };
	if (ask->open_ms == 0)
		return;
	buf_init(&b, w->head, sizeof(w->head));
	buf_puts(&b, WINDOW_WORD);
	buf_put_hex(&b, ask->code, IPC_WINDOW_CODE);
	buf_putc(&b, ' ');
	w->head_len = b.len;
	w->until = mono_add_ms(now, ask->open_ms);
	for (unsigned i = 0; i < ask->n_ports; i++)
		add_sockets(w, ports, ask->ports[i].number);
	w->open = w->n > 0;
}

void
window_close(struct window *w)
{
	w->open = false;
}

bool
window_takes(struct window *w, uint32_t pair, enum port_which which,
    const struct addr *source, struct span packet)
{
	struct span head = span_make(w->head, w->head_len);
	uint32_t aimed, *count;

	if (!span_starts(packet, head) ||
	    span_to_u32(span_sub(packet, head.len, packet.len), 65535,
		&aimed) != 0)
		return false;
	for (unsigned i = 0; i < w->n; i++) {
		struct window_port *p = &w->port[i];

		if (p->pair != pair || p->which != which)
			continue;
		count = aimed == p->number ? &p->right : &p->wrong;
		*count += *count < UINT32_MAX;
		p->source = *source;
		return true;
	}
	return false;
}

void
window_say(const struct window *w, const struct ports *ports, struct mono now,
    struct ipc_window_say *out)
{
	out->left_ms = !w->open || mono_due(w->until, now) ? 0 :
		       (uint32_t)mono_ms_between(now, w->until);
	out->n_arrivals = w->n;
	for (unsigned i = 0; i < w->n; i++) {
		const struct port_pair *pair = &ports->pair[w->port[i].pair];

		out->arrivals[i] = (struct ipc_arrival){
			.port = w->port[i].number,
			.zone = (uint8_t)ports->group[pair->group].zone,
			.right = w->port[i].right,
			.wrong = w->port[i].wrong,
			.source = w->port[i].source,
		};
	}
}
