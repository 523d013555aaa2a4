/* What sessions do by themselves as time goes by. */
#include "mediaproxy/core/session.h"

void
sessions_tick(struct sessions *s)
{
	s->cursor = 0;
}

static bool
next_news(struct stream *st, struct session_step *out)
{
	static const enum relay_what order[] = { RELAY_LATCHED, RELAY_SILENT,
		RELAY_HEARD };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (!(st->news & 1 << order[i]))
			continue;
		st->news &= (uint8_t)~(1 << order[i]);
		out->what = SESSION_NEWS;
		out->news = (struct ipc_relay_news){ st->session, st->end,
			st->nr, (uint8_t)order[i],
			st->latch[PORT_RTP].learnt };
		return true;
	}
	return false;
}

static bool
next_keepalive(struct sessions *s, uint32_t pair, enum port_which which,
    struct mono now, struct session_step *out)
{
	struct stream *st = &s->stream[pair];
	struct mono *sent_at = &s->conf.ports->pair[pair].sent_at[which];
	struct addr to = stream_keepalive(st, which, *sent_at, now);

	if (to.family == ADDR_NONE)
		return false;
	*sent_at = now;
	out->what = SESSION_KEEPALIVE;
	out->hop = (struct session_hop){ pair, which, to };
	buf_init(&out->packet, out->bytes, sizeof(out->bytes));
	if (which == PORT_RTP)
		rtp_put_keepalive(&out->packet, st->keepalive_seq++,
		    s->conf.ssrc);
	else
		rtcp_put_keepalive(&out->packet, s->conf.ssrc);
	return true;
}

bool
sessions_next(struct sessions *s, struct mono now, struct session_step *out)
{
	for (; s->cursor < s->conf.ports->n; s->cursor++) {
		struct stream *st = &s->stream[s->cursor];

		if (!st->used)
			continue;
		stream_check_silence(st, now);
		if (next_news(st, out) ||
		    next_keepalive(s, s->cursor, PORT_RTP, now, out) ||
		    next_keepalive(s, s->cursor, PORT_RTCP, now, out))
			return true;
	}
	return false;
}

/* ---- sigproxy is away ---- */

void
sessions_orphan(struct sessions *s, struct mono now)
{
	for (uint32_t i = 0; i < s->pool.n; i++) {
		struct session *se = pool_at(&s->pool, i);

		if (se->id != 0 && se->unclaimed_at.us == 0)
			se->unclaimed_at = now;
	}
}

/* Is somebody in it held, or was heard lately? */
static bool
is_alive(struct sessions *s, const struct session *se, struct mono now)
{
	for (uint8_t i = 0; i < SESSION_ENDS_MAX; i++) {
		for (uint8_t nr = 0; nr < se->end[i].n_streams; nr++) {
			const struct stream *st =
			    &s->stream[se->end[i].pair[nr]];

			if (st->held || mono_ms_between(st->heard_at, now) <
			    SESSION_ORPHAN_SILENT_MS)
				return true;
		}
	}
	return false;
}

void
sessions_expire(struct sessions *s, struct mono now, session_ended_cb *ended,
    void *arg)
{
	for (uint32_t i = 0; i < s->pool.n; i++) {
		struct session *se = pool_at(&s->pool, i);
		uint64_t waited_ms;

		if (se->id == 0 || se->unclaimed_at.us == 0)
			continue;
		waited_ms = mono_ms_between(se->unclaimed_at, now);
		if (waited_ms >= SESSION_UNCLAIMED_MS ||
		    (waited_ms >= SESSION_ORPHAN_SILENT_MS &&
		    !is_alive(s, se, now)))
			sessions_close(s, se->id, RELAY_ALL_ENDS, now, ended,
			    arg);
	}
}

/* ---- mappings ---- */

static void
want_pair(const struct sessions *s, uint32_t pair, struct ipc_map_want *out)
{
	const struct port_pair *p = &s->conf.ports->pair[pair];

	if (out->n_sockets + 2 > IPC_SOCKETS_MAX)
		return;
	out->sockets[out->n_sockets++].number = port_own(p, PORT_RTP).port;
	out->sockets[out->n_sockets++].number = port_own(p, PORT_RTCP).port;
}

/* Its mapping is to be known until its phone was heard there. */
static bool
awaits_phone(const struct sessions *s, const struct stream *st)
{
	struct mono changed_at = s->conf.site->changed_at;

	return st->used && (st->packets_in == 0 ||
		(changed_at.us != 0 && mono_before(st->heard_at, changed_at)));
}

void
sessions_wanted(const struct sessions *s, struct ipc_map_want *out)
{
	const struct ports *ports = s->conf.ports;

	out->n_sockets = 0;
	if (!site_wants_mapping(s->conf.site))
		return;
	for (unsigned i = 0; i < ports->n_spares; i++)
		want_pair(s, ports->spare[i], out);
	for (unsigned k = 0; k < ports->n_groups; k++) {
		const struct port_group *g = &ports->group[k];

		if (!g->mapped)
			continue;
		for (uint32_t i = g->first; i < g->first + g->n; i++) {
			if (awaits_phone(s, &s->stream[i]))
				want_pair(s, i, out);
		}
	}
}
