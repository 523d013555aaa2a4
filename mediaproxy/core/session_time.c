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
		RELAY_HEARD, RELAY_LATCHED_RTCP };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (!(st->news & 1 << order[i]))
			continue;
		st->news &= (uint8_t)~(1 << order[i]);
		out->what = SESSION_NEWS;
		out->news = (struct ipc_relay_news){ st->session, st->end,
			st->nr, (uint8_t)order[i],
			st->latch[order[i] == RELAY_LATCHED_RTCP ? PORT_RTCP :
				PORT_RTP].learnt };
		return true;
	}
	return false;
}

static bool
next_keepalive(struct sessions *s, uint32_t pair, enum port_which which,
    struct mono now, struct session_step *out)
{
	struct stream *st = &s->stream[pair];
	struct port_pair *p = &s->conf.ports->pair[pair];
	struct addr to = stream_keepalive(st, which, p->peer_at[which], now);

	if (to.family == ADDR_NONE)
		return false;
	buf_init(&out->packet, out->bytes, sizeof(out->bytes));
	/* Of fax an empty datagram: its packets are numbered (RFC 6263 4.1). */
	if (st->form == STREAM_UDPTL)
		out->packet.len = 0;
	else if (which == PORT_RTP)
		rtp_put_keepalive(&out->packet, st->keepalive_seq++,
		    s->conf.ssrc);
	else
		rtcp_put_keepalive(&out->packet, s->conf.ssrc);
	/* Plain RTP would be noise to a phone that has a key. */
	if (!secure_seal_own(&s->secure[pair], s->engine, which == PORT_RTP ?
		RTP_KIND_RTP : RTP_KIND_RTCP, s->conf.ssrc, out->bytes,
		&out->packet.len, sizeof(out->bytes)))
		return false;
	port_sends(p, which, now);
	out->what = SESSION_KEEPALIVE;
	out->hop = (struct session_hop){ pair, which, to, out->packet.len };
	return true;
}

static bool
next_roc(struct sessions *s, uint32_t pair, struct mono now,
    struct session_step *out)
{
	const struct stream *st = &s->stream[pair];

	if (!secure_news(&s->secure[pair], now, &out->roc))
		return false;
	out->what = SESSION_ROC;
	out->roc.session = st->session;
	out->roc.end = st->end;
	out->roc.stream = st->nr;
	return true;
}

void
sessions_reach(const struct sessions *s, uint32_t pair, struct mono now,
    struct ipc_relay_reach *out)
{
	const struct stream *st = &s->stream[pair];
	const struct site *site = s->conf.site;
	const struct port_pair *p = &s->conf.ports->pair[pair];

	*out = (struct ipc_relay_reach){
		.session = st->session,
		.end = st->end,
		.stream = st->nr,
		.heard = (uint8_t)stream_heard(st),
		.refused = st->refused > 0,
		.way = (uint8_t)site_way(site, st->zone),
		.range = (uint8_t)site->range,
		.ssrc = st->quality.loss.started ? st->quality.loss.ssrc : 0,
		.said = st->said,
	};
	if (out->said.family == ADDR_NONE)
		out->said = port_own(p, PORT_RTP);
}

static bool
next_reach(struct sessions *s, uint32_t pair, struct mono now,
    struct session_step *out)
{
	struct stream *st = &s->stream[pair];

	if (stream_is_awaited(st, now)) {
		st->told_awaited = true;
		out->what = SESSION_REACH;
		sessions_reach(s, pair, now, &out->reach);
		out->reach.heard = MEDIA_AWAITED;
		return true;
	}
	if (!stream_has_reach(st, now))
		return false;
	st->told_any = true;
	st->told = stream_heard(st);
	if (st->told == MEDIA_HEARD || st->told == MEDIA_NEVER)
		site_result(s->conf.site, &s->conf.ports->pair[pair],
		    &st->said, &st->latch[PORT_RTP].phone,
		    st->told == MEDIA_HEARD);
	out->what = SESSION_REACH;
	sessions_reach(s, pair, now, &out->reach);
	return true;
}

void
sessions_quality(const struct sessions *s, uint32_t pair,
    struct ipc_relay_quality *out)
{
	const struct stream *st = &s->stream[pair];

	out->session = st->session;
	out->end = st->end;
	out->stream = st->nr;
	quality_report(&st->quality, &out->quality);
	out->quality.resumed = st->resumed;
}

/* Silence is told by next_reach(). */
static bool
next_quality(struct sessions *s, uint32_t pair, struct mono now,
    struct session_step *out)
{
	struct stream *st = &s->stream[pair];

	if (st->packets_in == 0 ||
	    !quality_is_due(&st->quality, st->opened_at, now))
		return false;
	out->what = SESSION_QUALITY;
	sessions_quality(s, pair, &out->quality);
	return true;
}

static bool
next_nominated(struct sessions *s, uint32_t pair, struct session_step *out)
{
	out->what = SESSION_NOMINATED;
	return sessions_nominated(s, pair, &out->nominated);
}

static bool
next_digit(struct stream *st, struct session_step *out)
{
	struct digit digit;

	if (!digits_next(&st->digits, &digit))
		return false;
	out->what = SESSION_DIGIT;
	out->digit = (struct ipc_relay_digit){
		.session = st->session,
		.end = st->end,
		.stream = st->nr,
		.event = digit.event,
		.duration_ms = digit.duration_ms,
	};
	return true;
}

/* Found out by another stream meanwhile: nothing is left to be tried. */
static void
end_trial(const struct sessions *s, struct stream *st, struct mono now)
{
	if (st->trial == TRIAL_QUIET && !site_tries(s->conf.site, now))
		st->trial = TRIAL_OVER;
	stream_check_trial(st, now);
}

bool
sessions_next(struct sessions *s, struct mono now, struct session_step *out)
{
	for (; s->cursor < s->conf.ports->n; s->cursor++) {
		struct stream *st = &s->stream[s->cursor];

		if (!st->used)
			continue;
		stream_check_silence(st, now);
		end_trial(s, st, now);
		if (next_news(st, out) || next_reach(s, s->cursor, now, out) ||
		    next_roc(s, s->cursor, now, out) ||
		    next_quality(s, s->cursor, now, out) ||
		    next_nominated(s, s->cursor, out) ||
		    next_digit(st, out) ||
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

static bool
is_wanted(const struct ipc_map_want *want, uint16_t number)
{
	for (unsigned i = 0; i < want->n_sockets; i++) {
		if (want->sockets[i].number == number)
			return true;
	}
	return false;
}

static void
want_waiting(struct sessions *s, struct ipc_map_want *out)
{
	const struct ports *ports = s->conf.ports;

	for (unsigned i = 0; i < s->n_waits; i++) {
		const struct session_wait *w = &s->wait[i];

		for (uint8_t nr = 0; nr < IPC_STREAMS_MAX; nr++) {
			uint32_t pair = sessions_pair(s, w->session, w->end,
			    nr);

			if (pair != PORT_NONE &&
			    ports->group[ports->pair[pair].group].mapped)
				want_pair(s, pair, out);
		}
	}
}

/* Its mapping is to be known until its phone was heard there. */
static bool
awaits_phone(const struct sessions *s, const struct stream *st)
{
	struct mono changed_at = s->conf.site->changed_at;

	return st->used && (st->packets_in == 0 ||
		(changed_at.us != 0 && mono_before(st->heard_at, changed_at)));
}

static void
want_unheard(const struct sessions *s, const struct port_group *g,
    struct ipc_map_want *out)
{
	for (uint32_t i = g->first; i < g->first + g->n; i++) {
		if (awaits_phone(s, &s->stream[i]) &&
		    !is_wanted(out, s->conf.ports->pair[i].own.port))
			want_pair(s, i, out);
	}
}

void
sessions_wanted(struct sessions *s, struct ipc_map_want *out)
{
	const struct ports *ports = s->conf.ports;

	out->n_sockets = 0;
	if (!site_wants_mapping(s->conf.site))
		return;
	want_waiting(s, out);
	for (unsigned i = 0; i < ports->n_spares; i++)
		want_pair(s, ports->spare[i], out);
	for (unsigned k = 0; k < ports->n_groups; k++) {
		if (ports->group[k].mapped)
			want_unheard(s, &ports->group[k], out);
	}
}
