#include <errno.h>
#include <stdlib.h>

#include "mediaproxy/core/session.h"

int
sessions_init(struct sessions *s, const struct sessions_conf *conf)
{
	uint32_t n = conf->ports->n;

	memset(s, 0, sizeof(*s));
	s->conf = *conf;
	s->cursor = n;
	s->stream = calloc(n, sizeof(s->stream[0]));
	s->secure = calloc(n, sizeof(s->secure[0]));
	s->ice = calloc(n, sizeof(s->ice[0]));
	s->engine = srtp_engine_new();
	if (s->stream == NULL || s->secure == NULL || s->ice == NULL ||
	    s->engine == NULL || pool_init(&s->pool, n,
		sizeof(struct session)) != 0 || htab_init(&s->by_id, n) != 0) {
		sessions_clear(s);
		return -ENOMEM;
	}
	return 0;
}

void
sessions_clear(struct sessions *s)
{
	free(s->stream);
	free(s->secure);
	free(s->ice);
	srtp_engine_free(s->engine);
	pool_clear(&s->pool);
	htab_clear(&s->by_id);
	memset(s, 0, sizeof(*s));
}

/* ---- the table ---- */

static struct session *
find(struct sessions *s, uint64_t id)
{
	uint64_t hash = htab_hash(&s->by_id, &id, sizeof(id));
	struct htab_node *n;

	for (n = htab_first(&s->by_id, hash); n != NULL; n = htab_next(n)) {
		struct session *se = HTAB_OF(n, struct session, node);

		if (se->id == id)
			return se;
	}
	return NULL;
}

static struct session *
add(struct sessions *s, uint64_t id)
{
	struct session *se = pool_get(&s->pool);

	if (se == NULL)
		return NULL;
	se->id = id;
	htab_add(&s->by_id, &se->node, htab_hash(&s->by_id, &id, sizeof(id)));
	s->n_opened++;
	return se;
}

static void
del(struct sessions *s, struct session *se)
{
	htab_del(&s->by_id, &se->node);
	se->id = 0;
	pool_put(&s->pool, se);
}

static struct stream *
stream_of(struct sessions *s, const struct session *se, uint8_t end,
    uint8_t nr)
{
	const struct session_end *e;

	if (end >= SESSION_ENDS_MAX)
		return NULL;
	e = &se->end[end];
	return e->open && nr < e->n_streams ? &s->stream[e->pair[nr]] : NULL;
}

/* Tell each stream where its packets go: no packet looks for it then. */
static void
link_streams(struct sessions *s, const struct session *se)
{
	for (uint8_t end = 0; end < SESSION_ENDS_MAX; end++) {
		for (uint8_t nr = 0; nr < IPC_STREAMS_MAX; nr++) {
			struct stream *st = stream_of(s, se, end, nr), *to;

			if (st == NULL)
				continue;
			to = stream_of(s, se, st->to_end, nr);
			st->to_pair = to == NULL ? PORT_NONE :
			    (uint32_t)(to - s->stream);
		}
	}
}

uint32_t
sessions_pair(struct sessions *s, uint64_t id, uint8_t end, uint8_t nr)
{
	const struct session *se = find(s, id);
	const struct stream *st = NULL;

	if (se != NULL)
		st = stream_of(s, se, end, nr);
	return st == NULL ? PORT_NONE : (uint32_t)(st - s->stream);
}

/* ---- open ---- */

static void
mark_traced(struct sessions *s, struct stream *st, uint64_t call)
{
	s->n_traced += (call != 0) - (st->trace != 0);
	st->trace = call;
}

static void
give_back(struct sessions *s, uint32_t pair, struct mono now)
{
	mark_traced(s, &s->stream[pair], 0);
	s->stream[pair].used = false;
	secure_wipe(&s->secure[pair]);
	ice_wipe(&s->ice[pair]);
	ports_put(s->conf.ports, pair, now);
}

/* A relay before us sent from it, who knows how lately: what comes in now
 * proves nothing about the range. */
static uint32_t
claim_port(struct sessions *s, const struct ipc_relay_open *m, uint8_t nr,
    struct mono now)
{
	uint32_t i = ports_claim(s->conf.ports, (enum zone)m->zone,
	    (enum addr_family)m->family, &m->phone, &m->local,
	    m->want[nr].number, now);

	if (i != PORT_NONE)
		for (int half = PORT_RTP; half <= PORT_RTCP; half++)
			port_sends(&s->conf.ports->pair[i],
			    (enum port_which)half, now);
	return i;
}

static uint32_t
take_port(struct sessions *s, const struct ipc_relay_open *m, struct mono now,
    bool *no_address_out)
{
	struct ports *p = s->conf.ports;
	enum zone zone = (enum zone)m->zone;
	enum addr_family family = (enum addr_family)m->family;

	if (!m->emergency &&
	    !ports_has_room(p, zone, family, &m->phone, &m->local))
		return PORT_NONE;
	return ports_take(p, zone, family, &m->phone, &m->local,
	    site_wants_mapping(s->conf.site), now, no_address_out);
}

/* Ports for streams from e->n_streams up to m->streams, all or none. */
static enum relay_refusal
take_ports(struct sessions *s, const struct ipc_relay_open *m,
    struct session_end *e, struct mono now)
{
	enum latch_mode mode = m->latching != LATCH_DEFAULT ?
	    (enum latch_mode)m->latching : s->conf.latching;
	bool no_address = false;
	uint8_t nr = e->n_streams;

	for (; nr < m->streams; nr++) {
		uint32_t pair = nr < m->n_want ? claim_port(s, m, nr, now) :
		    take_port(s, m, now, &no_address);

		if (pair == PORT_NONE)
			break;
		e->pair[nr] = pair;
		stream_init(&s->stream[pair], m, nr, mode, now);
	}
	if (nr >= m->streams) {
		e->n_streams = nr;
		return RELAY_OK;
	}
	while (nr-- > e->n_streams)
		give_back(s, e->pair[nr], now);
	return no_address ? RELAY_NO_ADDRESS : RELAY_FULL;
}

/* Does it have other ports than those that are wanted? */
static bool
has_others(const struct sessions *s, const struct session_end *e,
    const struct ipc_relay_open *m)
{
	for (uint8_t nr = 0; nr < e->n_streams && nr < m->n_want; nr++)
		if (s->conf.ports->pair[e->pair[nr]].own.port !=
		    m->want[nr].number)
			return true;
	return false;
}

/*
 * What SDP says for the end's ports; false: we know no public address.
 *
 * Takes:   n_known  so many streams were said before, by a relay before us.
 *                   With any, true, and what we do not know yet stays unsaid:
 *                   no ports at all.
 */
static bool
say_ports(struct sessions *s, const struct session_end *e, unsigned n_known,
    struct mono now, struct ipc_relay_say *out)
{
	for (uint8_t nr = 0; nr < e->n_streams; nr++) {
		const struct port_pair *pair =
		    &s->conf.ports->pair[e->pair[nr]];
		struct ipc_port *port = &out->ports[nr];

		port->rtp = port_own(pair, PORT_RTP).port;
		port->rtcp = port_own(pair, PORT_RTCP).port;
		port->said_rtp = site_say(s->conf.site, (enum zone)e->zone,
		    pair, PORT_RTP, now);
		port->said_rtcp = site_say(s->conf.site, (enum zone)e->zone,
		    pair, PORT_RTCP, now);
		if (port->said_rtp.family == ADDR_NONE ||
		    port->said_rtcp.family == ADDR_NONE)
			return n_known > 0;
		if (nr >= n_known)
			s->stream[e->pair[nr]].said = port->said_rtp;
	}
	out->n_ports = e->n_streams;
	return true;
}

/* ---- answers that wait for STUN ---- */

static void
drop_wait(struct sessions *s, uint64_t session, uint8_t end)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < s->n_waits; i++) {
		const struct session_wait *w = &s->wait[i];

		if (w->session != session ||
		    (end != RELAY_ALL_ENDS && w->end != end))
			s->wait[kept++] = *w;
	}
	s->n_waits = kept;
}

/* Is nothing to be hoped for from STUN, or all of it here? */
static bool
is_mapped(const struct sessions *s, const struct session_end *e,
    struct mono now)
{
	const struct ports *ports = s->conf.ports;

	if (!site_wants_mapping(s->conf.site))
		return true;
	for (uint8_t nr = 0; nr < e->n_streams; nr++) {
		const struct port_pair *p = &ports->pair[e->pair[nr]];

		if (ports->group[p->group].mapped &&
		    (!port_is_mapped(p, PORT_RTP, now) ||
			!port_is_mapped(p, PORT_RTCP, now)))
			return false;
	}
	return true;
}

/* ---- open, again ---- */

static void
shrink(struct sessions *s, struct session_end *e, uint8_t n_streams,
    struct mono now)
{
	while (e->n_streams > n_streams)
		give_back(s, e->pair[--e->n_streams], now);
}

static enum relay_refusal
open_end(struct sessions *s, struct session *se,
    const struct ipc_relay_open *m, struct mono now,
    struct ipc_relay_say *out)
{
	struct session_end *e = &se->end[m->end];
	uint8_t had = e->n_streams;
	enum relay_refusal r;

	if (e->open && (e->zone != m->zone || e->family != m->family ||
	    has_others(s, e, m)))
		return RELAY_UNKNOWN;
	e->zone = m->zone;
	e->family = m->family;
	r = take_ports(s, m, e, now);
	if (r == RELAY_OK && !say_ports(s, e, m->n_want, now, out)) {
		shrink(s, e, had, now);
		r = RELAY_NO_ADDRESS;
	}
	for (uint8_t nr = 0; nr < had; nr++)
		stream_tell_again(&s->stream[e->pair[nr]]);
	if (r == RELAY_OK && !e->open) {
		e->open = true;
		se->n_ends++;
	}
	return r;
}

/* Would a moment's patience give its ports mappings? */
static bool
may_wait(const struct sessions *s, const struct session_end *e,
    const struct ipc_relay_open *m, struct mono now)
{
	return m->n_want == 0 && s->conf.site->answers &&
	    mono_due(s->no_wait_before, now) &&
	    s->n_waits < SESSION_WAITS_MAX && !is_mapped(s, e, now);
}

static void
add_wait(struct sessions *s, const struct ipc_relay_open *m, struct mono now)
{
	s->n_waited++;
	s->wait[s->n_waits++] = (struct session_wait){ m->session, m->id,
		m->end, mono_add_ms(now, SESSION_STUN_MS) };
}

static void
begin_say(const struct session_wait *w, struct ipc_relay_say *out)
{
	memset(out, 0, sizeof(*out));
	out->id = w->id;
	out->session = w->session;
	out->end = w->end;
}

bool
sessions_open(struct sessions *s, const struct ipc_relay_open *m,
    struct mono now, struct ipc_relay_say *out)
{
	const struct session_wait asked = { m->session, m->id, m->end, now };
	struct session *se = find(s, m->session);
	enum relay_refusal r = RELAY_FULL;
	bool waits = false;

	begin_say(&asked, out);
	drop_wait(s, m->session, m->end);
	if (se == NULL)
		se = add(s, m->session);
	if (se != NULL) {
		se->unclaimed_at.us = 0;
		r = open_end(s, se, m, now, out);
		link_streams(s, se);
		waits = r == RELAY_OK &&
		    may_wait(s, &se->end[m->end], m, now);
		if (se->n_ends == 0)
			del(s, se);
	}
	s->n_full += r == RELAY_FULL;
	out->refusal = r;
	if (waits)
		add_wait(s, m, now);
	return !waits;
}

struct mono
sessions_answer_due(const struct sessions *s)
{
	return s->n_waits == 0 ? MONO_NEVER : s->wait[0].until;
}

bool
sessions_answer(struct sessions *s, struct mono now,
    struct ipc_relay_say *out)
{
	for (unsigned i = 0; i < s->n_waits; i++) {
		const struct session_wait w = s->wait[i];
		struct session *se = find(s, w.session);
		struct session_end *e = &se->end[w.end];

		if (!is_mapped(s, e, now)) {
			if (!mono_due(w.until, now))
				continue;
			s->n_late++;
			s->no_wait_before = mono_add_ms(now, SESSION_VAIN_MS);
		}
		drop_wait(s, w.session, w.end);
		begin_say(&w, out);
		/* It may have become unknown meanwhile. */
		if (!say_ports(s, e, 0, now, out)) {
			out->n_ports = 0;
			out->refusal = RELAY_NO_ADDRESS;
		}
		return true;
	}
	return false;
}

/* ---- set and close ---- */

/* Only the address that STUN looks after has a router with a range. */
static bool
may_try(const struct sessions *s, uint32_t pair, struct mono now)
{
	const struct port_pair *p = &s->conf.ports->pair[pair];

	return s->conf.ports->group[p->group].mapped &&
	    site_tries(s->conf.site, now) &&
	    mono_due(s->conf.unasked_from, now) &&
	    port_is_unmet(p, PORT_RTCP, now);
}

int
sessions_set(struct sessions *s, const struct ipc_relay_set *m,
    struct mono now)
{
	struct session *se = find(s, m->session);
	struct stream *st = NULL;
	bool send_first = s->conf.site->mode != SITE_FORWARDED;

	if (m->to_end >= SESSION_ENDS_MAX && m->to_end != RELAY_NO_END)
		return -EPROTO;
	if (se != NULL)
		st = stream_of(s, se, m->end, m->stream);
	if (st == NULL) {
		s->n_unknown++;
		return -ENOENT;
	}
	se->unclaimed_at.us = 0;
	/* Who checks its RTCP port, too, must not find it closed. */
	if (!st->was_set && m->mux == 0 && m->learnt.family == ADDR_NONE &&
	    !ice_is_on(&s->ice[st - s->stream]) &&
	    may_try(s, (uint32_t)(st - s->stream), now))
		st->trial = TRIAL_QUIET;
	stream_set(st, m, s->conf.dest, send_first, now);
	link_streams(s, se);
	return 0;
}

int
sessions_key(struct sessions *s, const struct ipc_relay_key *m)
{
	uint32_t pair = sessions_pair(s, m->session, m->end, m->stream);

	if (pair == PORT_NONE) {
		s->n_unknown++;
		return -ENOENT;
	}
	return secure_set(&s->secure[pair], s->engine, m);
}

int
sessions_trace(struct sessions *s, const struct ipc_relay_trace *m)
{
	const struct session *se = find(s, m->session);

	if (se == NULL)
		return -ENOENT;
	for (unsigned i = 0; i < SESSION_ENDS_MAX; i++) {
		const struct session_end *e = &se->end[i];

		for (uint8_t nr = 0; e->open && nr < e->n_streams; nr++)
			mark_traced(s, &s->stream[e->pair[nr]], m->call);
	}
	return 0;
}

int
sessions_tone(struct sessions *s, const struct ipc_relay_tone *m,
    struct mono now)
{
	uint32_t pair = sessions_pair(s, m->session, m->end, m->stream);

	if (pair == PORT_NONE) {
		s->n_unknown++;
		return -ENOENT;
	}
	return tones_add(&s->stream[pair].tones, m, now);
}

int
sessions_events(struct sessions *s, const struct ipc_relay_events *m)
{
	uint32_t pair = sessions_pair(s, m->session, m->end, m->stream);

	if (pair == PORT_NONE) {
		s->n_unknown++;
		return -ENOENT;
	}
	digits_set(&s->stream[pair].digits, m);
	return 0;
}

static void
close_end(struct sessions *s, struct session *se, uint8_t end,
    struct mono now, session_ended_cb *ended, void *arg)
{
	struct session_end *e = &se->end[end];

	if (!e->open)
		return;
	drop_wait(s, se->id, end);
	for (uint8_t nr = 0; nr < e->n_streams; nr++) {
		struct ipc_relay_stats stats = { .session = se->id };

		stream_counter(&s->stream[e->pair[nr]], now, &stats.counter);
		give_back(s, e->pair[nr], now);
		ended(arg, e->pair[nr], &stats);
	}
	*e = (struct session_end){ 0 };
	se->n_ends--;
}

static void
close_session(struct sessions *s, struct session *se, uint8_t end,
    struct mono now, session_ended_cb *ended, void *arg)
{
	for (uint8_t i = 0; i < SESSION_ENDS_MAX; i++) {
		if (end == RELAY_ALL_ENDS || end == i)
			close_end(s, se, i, now, ended, arg);
	}
	link_streams(s, se);
	if (se->n_ends == 0)
		del(s, se);
}

void
sessions_close(struct sessions *s, uint64_t id, uint8_t end, struct mono now,
    session_ended_cb *ended, void *arg)
{
	struct session *se = find(s, id);

	if (se == NULL)
		s->n_unknown++;
	else
		close_session(s, se, end, now, ended, arg);
}

/* ---- packets ---- */

static bool
is_stranger(const struct sessions *s, const struct addr *source)
{
	return addr_is_public(source) &&
	    !addr_same_ip(source, &s->conf.site->public_ip) &&
	    dest_allowed(s->conf.dest, ZONE_EXTERNAL, source);
}

void
sessions_unasked(struct sessions *s, uint32_t pair, enum port_which which,
    const struct addr *source, struct mono now)
{
	struct site *site = s->conf.site;
	const struct port_pair *p = &s->conf.ports->pair[pair];

	if (site->forwarded || mono_before(now, s->conf.unasked_from) ||
	    !s->conf.ports->group[p->group].mapped ||
	    !port_is_unmet(p, which, now) || !is_stranger(s, source))
		return;
	site_learns(site, RANGE_OPEN, now);
	/* Where STUN left, a full-cone router lets anybody in, too. */
	if (port_is_unasked(p, which, now))
		site->forwarded = true;
}

/* Until an address is learnt, the announced one stands for it. */
static bool
is_where_it_was(const struct stream *st, enum port_which which,
    const struct addr *source)
{
	const struct latch *l = &st->latch[which];

	return addr_eq(source, l->source.family != ADDR_NONE ? &l->source :
	    &l->announced);
}

/* What came in, checked and in clear; RTP_KIND_OTHER: drop it. */
static enum rtp_kind
take_in(struct sessions *s, uint32_t pair, enum port_which which,
    const struct addr *source, uint8_t *data, size_t *len, struct mono now)
{
	struct secure *c = &s->secure[pair];
	struct stream *st = &s->stream[pair];
	struct srtp_mark mark;
	enum rtp_kind kind = rtp_kind(span_make(data, *len));

	/* Before the latch: who has no key is nobody. */
	if (!secure_open(c, s->engine, kind, data, len, &mark))
		return RTP_KIND_OTHER;
	if (!secure_may_take(c, &mark, is_where_it_was(st, which, source)))
		return RTP_KIND_OTHER;
	kind = stream_input(st, which, kind, source, data, *len,
	    s->conf.dest, s->conf.scrub_key, now);
	if (kind != RTP_KIND_OTHER)
		secure_accept(c, &mark);
	return kind;
}

bool
sessions_packet(struct sessions *s, uint32_t pair, enum port_which which,
    const struct addr *source, uint8_t *data, size_t len, struct mono now,
    struct session_hop *out)
{
	struct stream *st = &s->stream[pair], *to;
	enum rtp_kind kind;

	if (!st->used)
		return false;
	if (!st->latch[which].frozen)
		sessions_unasked(s, pair, which, source, now);
	kind = take_in(s, pair, which, source, data, &len, now);
	if (kind == RTP_KIND_RTCP && st->trial == TRIAL_ANSWERED) {
		st->trial = TRIAL_OVER;
		site_learns(s->conf.site, RANGE_CLOSED, now);
	}
	if (kind == RTP_KIND_OTHER || st->to_pair == PORT_NONE)
		return false;
	if (st->digits.on && kind == RTP_KIND_RTP && st->form == STREAM_RTP &&
	    digits_take(&st->digits, data, len, now))
		return false;
	to = &s->stream[st->to_pair];
	if (kind == RTP_KIND_RTCP)
		quality_rtcp(&st->quality, &to->quality,
		    span_make(data, len), now);
	if (to->off || to->form != st->form)
		return false;
	out->pair = st->to_pair;
	out->which = kind == RTP_KIND_RTCP && !to->mux && !to->muxes ?
	    PORT_RTCP : PORT_RTP;
	out->to = stream_target(to, out->which);
	if (out->to.family == ADDR_NONE ||
	    (out->which == PORT_RTCP && to->trial == TRIAL_QUIET))
		return false;
	if (kind == RTP_KIND_RTP && st->form == STREAM_RTP &&
	    tones_wait(&to->tones))
		len = tones_ride(&to->tones, data, len, now);
	if (!secure_seal(&s->secure[out->pair], s->engine, kind, data, &len,
		len + SRTP_TRAILER_MAX))
		return false;
	out->len = len;
	to->packets_out += kind == RTP_KIND_RTP;
	port_sends(&s->conf.ports->pair[out->pair], out->which, now);
	s->n_relayed++;
	return true;
}
