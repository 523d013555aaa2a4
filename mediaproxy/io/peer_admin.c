#include <errno.h>

#include "common/io/clock.h"
#include "mediaproxy/io/media.h"

static void
put_addr(struct buf *b, const char *key, const struct addr *a)
{
	buf_fmt(b, ",\"%s\":", key);
	if (a->family == ADDR_NONE) {
		buf_puts(b, "null");
		return;
	}
	buf_putc(b, '"');
	addr_put_ip(b, a);
	buf_putc(b, '"');
}

static unsigned
pairs_used(const struct media *m, enum zone zone, unsigned *all_out)
{
	unsigned used = 0, all = 0;

	for (uint32_t i = 0; i < m->ports.n; i++) {
		const struct port_pair *p = &m->ports.pair[i];

		if (m->ports.group[p->group].zone != zone)
			continue;
		all++;
		used += p->state == PORT_USED;
	}
	*all_out = all;
	return used;
}

static const char *
words(const struct media *m)
{
	if (!door_is_up(m->sigproxy))
		return "sigproxy is away; calls that run go on";
	if (m->site.how != SITE_OWN && m->site.public_ip.family == ADDR_NONE)
		return "our public address is not known: calls of remote "
		       "phones are refused";
	return "all is well";
}

static void
put_status(struct buf *b, const struct media *m)
{
	unsigned outer, inner;
	unsigned used_outer = pairs_used(m, ZONE_EXTERNAL, &outer);
	unsigned used_inner = pairs_used(m, ZONE_INTERNAL, &inner);

	buf_fmt(b, "{\"role\":\"mediaproxy\",\"instance\":%u", m->instance);
	buf_fmt(b, ",\"up_s\":%llu", (unsigned long long)
	    (mono_ms_between(m->started, clock_mono()) / 1000));
	buf_fmt(b, ",\"sessions\":%u", sessions_count(&m->sessions));
	buf_fmt(b, ",\"external_ports\":{\"used\":%u,\"all\":%u}", used_outer,
	    outer);
	buf_fmt(b, ",\"internal_ports\":{\"used\":%u,\"all\":%u}", used_inner,
	    inner);
	buf_fmt(b, ",\"packets\":{\"in\":%llu,\"relayed\":%llu,"
	    "\"send_failed\":%llu}", (unsigned long long)m->n_in,
	    (unsigned long long)m->sessions.n_relayed,
	    (unsigned long long)m->n_send_failed);
	buf_fmt(b, ",\"refused_full\":%llu",
	    (unsigned long long)m->sessions.n_full);
	put_addr(b, "public", &m->site.public_ip);
	buf_fmt(b, ",\"media_mode\":\"%s\",\"media_used\":\"%s\","
	    "\"media_evidence\":\"%s: %s\"", site_mode_name(&m->site),
	    site_way_name(site_way(&m->site, ZONE_EXTERNAL)),
	    site_mode_name(&m->site), site_evidence(&m->site));
	buf_fmt(b, ",\"forwarded\":%s,\"spares\":%u,\"spares_mapped\":%u",
	    m->site.forwarded ? "true" : "false", m->ports.n_spares,
	    ports_spares_mapped(&m->ports, clock_mono()));
	buf_fmt(b, ",\"answers\":{\"waited\":%llu,\"late\":%llu}",
	    (unsigned long long)m->sessions.n_waited,
	    (unsigned long long)m->sessions.n_late);
	buf_fmt(b, ",\"stun\":{\"sent\":%llu,\"heard\":%llu,"
	    "\"refused\":%llu,\"ignored\":%llu}",
	    (unsigned long long)m->ask.n_sent,
	    (unsigned long long)m->ask.n_heard,
	    (unsigned long long)m->ask.n_refused,
	    (unsigned long long)m->ask.n_ignored);
	buf_fmt(b, ",\"ice_checks\":%llu",
	    (unsigned long long)m->sessions.n_checks);
	buf_fmt(b, ",\"words\":\"%s\"}", words(m));
}

/* ---- the window ---- */

static int
on_window_open(struct media *m, struct span payload)
{
	struct ipc_window_open open;
	int err = get_window_open(payload, &open);

	if (err)
		return err;
	if (m->window.open)
		relay_window(m, false);
	window_open(&m->window, &m->ports, &open, clock_mono());
	if (m->window.open)
		relay_window(m, true);
	return 0;
}

static int
on_window_ask(struct media *m, struct span payload)
{
	struct ipc_window_say say;
	struct ipc_window_ask ask;
	char mem[4096];
	struct buf b;
	int err = get_window_ask(payload, &ask);

	if (err)
		return err;
	say.id = ask.id;
	window_say(&m->window, &m->ports, clock_mono(), &say);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, WINDOW_SAY, window_say, &say);
	door_send(m->admin, buf_span(&b));
	return 0;
}

/* ---- status ---- */

static int
on_status_ask(struct media *m, struct span payload)
{
	struct ipc_status_ask ask;
	struct ipc_status_say say;
	char json[2048], mem[2048 + 64];
	struct buf text, b;
	int err = get_status_ask(payload, &ask);

	if (err)
		return err;
	buf_init(&text, json, sizeof(json));
	put_status(&text, m);
	say.id = ask.id;
	say.json = text.err ? SPAN_LIT("{}") : buf_span(&text);
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, STATUS_SAY, status_say, &say);
	door_send(m->admin, buf_span(&b));
	return 0;
}

int
on_admin_frame(struct media *m, uint16_t type, struct span payload)
{
	switch (type) {
	case IPC_STATUS_ASK:
		return on_status_ask(m, payload);
	case IPC_WINDOW_OPEN:
		return on_window_open(m, payload);
	case IPC_WINDOW_ASK:
		return on_window_ask(m, payload);
	default:
		return -EPROTO;
	}
}
