#include <errno.h>

#include "common/io/clock.h"
#include "common/io/log.h"
#include "mediaproxy/io/media.h"

/* The number in PUBLIC_ADDR that means the site as a whole. */
#define WHOLE_SITE 65535

static int
on_stun_send(struct media *m, struct span payload)
{
	struct ipc_stun_send send;
	char mem[STUN_REQUEST_LEN];
	struct mono now = clock_mono();
	enum port_which which;
	struct buf b;
	uint32_t pair;
	int err;

	err = get_stun_send(payload, &send);
	if (err)
		return err;
	pair = ports_by_number(&m->ports, send.socket, &which);
	if (pair == PORT_NONE ||
	    m->ports.pair[pair].own.family != send.server.family)
		return 0;	/* an older list of ours */
	buf_init(&b, mem, sizeof(mem));
	err = stun_ask_send(&m->ask, send.socket, send.tid, &send.server,
	    conf_is_lan(&m->conf, &send.server), now, &b);
	if (err)
		return 0;	/* counted there */
	m->ports.pair[pair].sent_at[which] = now;
	if (sock_send(&m->socks.sock[2 * pair + (unsigned)which], &send.server,
		mem, b.len) != 0)
		m->n_send_failed++;
	return 0;
}

static int
on_stun_hairpin(struct media *m, struct span payload)
{
	struct ipc_stun_hairpin ask;
	char mem[STUN_REQUEST_LEN];
	struct mono now = clock_mono();
	enum port_which which;
	struct buf b;
	uint32_t pair;
	int err;

	err = get_stun_hairpin(payload, &ask);
	if (err)
		return err;
	pair = ports_by_number(&m->ports, ask.socket, &which);
	if (pair == PORT_NONE ||
	    m->ports.pair[pair].own.family != ask.target.family)
		return 0;
	buf_init(&b, mem, sizeof(mem));
	if (stun_ask_hairpin(&m->ask, ask.socket, ask.tid, &ask.target,
		&m->site.public_ip, now, &b) != 0)
		return 0;	/* counted there */
	if (sock_send(&m->socks.sock[2 * pair + (unsigned)which],
		&ask.target, mem, b.len) != 0)
		m->n_send_failed++;
	return 0;
}

static void
note_site(struct media *m, const struct ipc_public_addr *said)
{
	struct addr ip = { 0 };

	m->site.answers = said->state == PUBLIC_KNOWN;
	if (m->site.fixed)
		return;
	if (said->state != PUBLIC_UNKNOWN) {
		/* stunmon may lie, but not us into the office or loopback. */
		if (!site_believes(&m->site, &said->mapped))
			return;
		ip = said->mapped;
		ip.port = 0;
	}
	/* Ports were mapped at the old address; stunmon asks for them anew. */
	if (m->site.public_ip.family != ADDR_NONE &&
	    !addr_same_ip(&ip, &m->site.public_ip))
		ports_forget_mappings(&m->ports);
	m->site.public_ip = m->dest.public_ip = ip;
}

static void
note_mapping(struct media *m, const struct ipc_public_addr *said)
{
	enum port_which which;
	uint32_t pair = ports_by_number(&m->ports, said->socket, &which);
	struct port_pair *p;

	if (pair == PORT_NONE)
		return;
	p = &m->ports.pair[pair];
	if (said->state == PUBLIC_KNOWN && said->mapped.port != 0 &&
	    site_believes(&m->site, &said->mapped) &&
	    said->mapped.family == p->own.family) {
		p->mapped[which] = said->mapped;
		p->mapped_at[which] = clock_mono();
	} else {
		p->mapped_at[which].us = 0;
	}
}

static int
on_public_addr(struct media *m, struct span payload)
{
	struct ipc_public_addr said;
	int err;

	err = get_public_addr(payload, &said);
	if (err)
		return err;
	if (said.socket == WHOLE_SITE)
		note_site(m, &said);
	else
		note_mapping(m, &said);
	relay_answer(m);
	return 0;
}

int
on_stunmon_frame(struct media *m, uint16_t type, struct span payload)
{
	switch (type) {
	case IPC_STUN_SEND:
		return on_stun_send(m, payload);
	case IPC_STUN_HAIRPIN:
		return on_stun_hairpin(m, payload);
	case IPC_PUBLIC_ADDR:
		return on_public_addr(m, payload);
	default:
		return -EPROTO;
	}
}

void
on_stunmon_state(struct media *m, bool up)
{
	m->wanted_sent = false;
	m->site.answers = false;	/* until it says so */
	if (up)
		stunmon_want(m);
	relay_answer(m);
}

static bool
same_list(const struct ipc_map_want *a, const struct ipc_map_want *b)
{
	if (a->n_sockets != b->n_sockets)
		return false;
	for (unsigned i = 0; i < a->n_sockets; i++) {
		if (a->sockets[i].number != b->sockets[i].number)
			return false;
	}
	return true;
}

void
stunmon_want(struct media *m)
{
	struct ipc_map_want want;
	char mem[256];
	struct buf b;

	if (!door_is_up(m->stunmon))
		return;
	sessions_wanted(&m->sessions, &want);
	if (m->wanted_sent && same_list(&want, &m->wanted))
		return;
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, MAP_WANT, map_want, &want);
	if (door_send(m->stunmon, buf_span(&b)) != 0)
		return;
	m->wanted = want;
	m->wanted_sent = true;
}

void
stunmon_heard(struct media *m, uint16_t socket, const struct addr *source,
    struct span packet, struct mono now)
{
	struct ipc_stun_heard heard = { socket, *source, packet };
	char mem[STUN_MSG_MAX + 64];
	struct buf b;

	if (!stun_is(packet) ||
	    !stun_ask_heard(&m->ask, socket, source, packet, now))
		return;
	buf_init(&b, mem, sizeof(mem));
	IPC_FRAME(&b, STUN_HEARD, stun_heard, &heard);
	door_send(m->stunmon, buf_span(&b));
}
