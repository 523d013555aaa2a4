#include <errno.h>

#include "common/ipc/proof.h"
#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/trace.h"
#include "sigproxy/core/verdict.h"

static struct buf *
door(struct steps *st, const struct call *call)
{
	return &st->relay[call->instance];
}

static void
set_session(struct calls *c, struct call *call, uint64_t session)
{
	call->session = session;
	htab_add(&c->by_session, &call->by_session,
	    htab_hash(&c->by_session, &session, sizeof(session)));
}

/* The call with this session at this instance, or NULL. */
static struct call *
find(const struct calls *c, uint8_t instance, uint64_t session)
{
	struct htab_node *n = htab_first(&c->by_session,
	    htab_hash(&c->by_session, &session, sizeof(session)));

	for (; n != NULL; n = htab_next(n)) {
		struct call *call = HTAB_OF(n, struct call, by_session);

		if (call->session == session && call->instance == instance)
			return call;
	}
	return NULL;
}

int
relay_begin(struct edge *e, struct call *call)
{
	struct calls *c = e->calls;
	int instance = relay_choose(e, call);

	if (instance < 0)
		return -EHOSTUNREACH;
	call->instance = (uint8_t)instance;
	c->relay_calls[instance]++;
	do /* never 0, which means no session */
		c->session_base += (uint64_t)1 << 32;
	while (c->session_base == 0);
	set_session(c, call, c->session_base | pool_index(&c->pool, call));
	return 0;
}

int
relay_restore(struct edge *e, struct call *call, uint8_t instance,
    uint64_t session, bool closed)
{
	if (find(e->calls, instance, session) != NULL)
		return -EEXIST;
	call->instance = instance;
	call->relay_closed = closed;
	if (!closed)
		e->calls->relay_calls[instance]++;
	set_session(e->calls, call, session);
	return 0;
}

void
relay_claim(const struct ctx *x, struct call *call)
{
	if (call->session == 0 || call->relay_closed ||
	    !x->e->relay_up[call->instance])
		return; /* when it comes it is told everything */
	for (unsigned i = 0; i < call->n_legs; i++)
		if (call->leg[i] != NULL && call->leg[i]->end.open)
			relay_again(x, call->leg[i]);
}

static void
ask_ports(const struct ctx *x, const struct leg *leg)
{
	const struct call *call = leg->call;
	const struct party *party = leg_party(leg);
	struct ipc_relay_open ask = {
		.id = x->e->calls->next_ask++,
		.session = call->session,
		.end = leg->index,
		.zone = leg->flow.zone,
		.family = leg->flow.remote.family,
		.latching = party->latching != LATCH_DEFAULT
				? party->latching
				: (uint8_t)x->e->conf->latching,
		.streams = leg->end.wanted,
		.phone = leg->flow.remote,
		.local = x->e->conf->listeners[leg->flow.listener].local,
		.emergency = call->emergency,
	};

	ask.n_want = leg->end.n;
	for (unsigned nr = 0; nr < leg->end.n; nr++)
		ask.want[nr].number = leg->end.stream[nr].port.rtp;
	STEPS_ASK(x->st, door(x->st, call), RELAY_OPEN, relay_open, &ask);
	if (trace_is_on(x->e))
		trace_relay(x->e, x->now, x->st, call);
}

void
relay_open(const struct ctx *x, struct leg *leg, uint8_t streams)
{
	leg->end.open = true;
	leg->end.asked = true;
	leg->end.wanted = streams;
	leg->call->ends_asked++;
	ask_ports(x, leg);
}

bool
relay_is_growing(const struct leg *leg)
{
	return leg->end.n > 0 && leg->end.wanted > leg->end.n;
}

bool
relay_grow(const struct ctx *x, struct leg *leg, uint8_t streams)
{
	const struct call *call = leg->call;

	if (leg->end.n == 0 || leg->end.n >= streams || call->relay_closed)
		return true;
	leg->end.wanted = streams;
	/* When it comes it is asked for all. */
	if (x->e->relay_up[call->instance])
		ask_ports(x, leg);
	return false;
}

struct end_stream *
relay_sound(const struct leg *leg)
{
	return (struct end_stream *)&leg->end.stream[leg->call->sound];
}

static struct ipc_relay_set
settings_of(const struct leg *leg, unsigned nr, const struct leg *to)
{
	const struct end_stream *s = &leg->end.stream[nr];
	const struct addr *found = ear_found(leg, nr);
	struct ipc_relay_set set = {
		.session = leg->call->session,
		.end = leg->index,
		.stream = (uint8_t)nr,
		.to_end = to != NULL && !s->off ? to->index : RELAY_NO_END,
		.rtp = s->rtp,
		.rtcp = s->rtcp,
		.mux = s->mux,
		.held = s->held,
		.video = s->video,
		.form = s->form,
		.phone = leg->flow.remote,
	};

	if (found != NULL) {
		set.rtp = *found;
		set.rtcp = (struct addr){ 0 };
	}
	return set;
}

void
relay_set(
    struct steps *st, struct leg *leg, unsigned nr, const struct leg *to)
{
	struct end_stream *s = &leg->end.stream[nr];
	struct ipc_relay_set set = settings_of(leg, nr, to);

	if (nr >= leg->end.n)
		return;
	set.relearn = s->was_set;
	s->was_set = true;
	STEPS_ASK(st, door(st, leg->call), RELAY_SET, relay_set, &set);
}

void
relay_set_all(struct steps *st, struct leg *leg, const struct leg *to)
{
	for (unsigned nr = 0; nr < leg->end.n; nr++)
		if (leg->end.stream[nr].was_set)
			relay_set(st, leg, nr, to);
}

/* Whose phone gets what leg's phone says. */
static const struct leg *
listener_of(const struct leg *leg)
{
	const struct call *call = leg->call;

	if (leg->index != 0)
		return call->leg[0];
	if (call->callee != NULL)
		return call->callee;
	for (unsigned i = 1; i < call->n_legs; i++)
		if (call->leg[i] != NULL && call->leg[i] == call->early)
			return call->leg[i];
	return NULL;
}

void
relay_again(const struct ctx *x, struct leg *leg)
{
	struct buf *to = door(x->st, leg->call);
	const struct leg *listener = listener_of(leg);

	ask_ports(x, leg);
	for (unsigned nr = 0; nr < leg->end.n; nr++) {
		const struct end_stream *s = &leg->end.stream[nr];
		struct ipc_relay_set set;

		if (!s->was_set)
			continue;
		if (s->srtp.phone.suite != SRTP_NONE &&
		    s->form == STREAM_RTP)
			secure_tell(x->st, leg, nr);
		if (s->ice.on && s->form == STREAM_RTP)
			ice_tell(x->st, leg, nr);
		set = settings_of(leg, nr, listener);
		set.learnt = s->learnt;
		set.learnt_rtcp = s->learnt_rtcp;
		STEPS_ASK(x->st, to, RELAY_SET, relay_set, &set);
		if (listener != NULL)
			dtmf_tell(x->st, leg, nr, listener, false);
	}
}

void
relay_renew(const struct ctx *x, struct leg *leg)
{
	struct call *call = leg->call;

	if (call->session == 0 || call->relay_closed || leg->end.n == 0 ||
	    !x->e->relay_up[call->instance])
		return;
	ask_ports(x, leg);
}

/* The port stays; what the internet sees of it may be another address. */
static bool
take_renewed(const struct ctx *x, const struct leg *leg, struct ipc_port *had,
    const struct ipc_port *is)
{
	if (is->rtp != had->rtp ||
	    is->said_rtp.family != had->said_rtp.family ||
	    is->said_rtcp.family != had->said_rtcp.family ||
	    addr_eq(&is->said_rtp, &had->said_rtp))
		return false;
	/* With the address a mapping changes; by itself it is left alone. */
	if (addr_same_ip(&is->said_rtp, &had->said_rtp) &&
	    !move_is_stale(x->e, leg))
		return false;
	*had = *is;
	return true;
}

static void
on_renewed(const struct ctx *x, struct leg *leg, const struct ipc_relay_say *say)
{
	bool any = false;

	for (unsigned nr = 0; nr < leg->end.n && nr < say->n_ports; nr++)
		any |= take_renewed(x, leg, &leg->end.stream[nr].port,
		    &say->ports[nr]);
	if (!any)
		return;
	call_changed(x->e, leg->call);
	move_ports_known(x, leg);
}

void
relay_close_end(struct steps *st, struct leg *leg)
{
	struct ipc_relay_close close = { leg->call->session, leg->index };

	if (!leg->end.open)
		return;
	leg->end = (struct end){ .open = false };
	STEPS_ASK(st, door(st, leg->call), RELAY_CLOSE, relay_close, &close);
}

static void
set_counting(struct end *end)
{
	for (unsigned nr = 0; nr < end->n; nr++)
		end->stream[nr].counting = true;
}

static bool
is_counting(const struct end *end)
{
	for (unsigned nr = 0; nr < end->n; nr++)
		if (end->stream[nr].counting)
			return true;
	return false;
}

void
relay_close(struct edge *e, struct steps *st, struct call *call)
{
	struct ipc_relay_close close = { call->session, RELAY_ALL_ENDS };

	if (call->session == 0 || call->relay_closed)
		return;
	call->relay_closed = true;
	e->calls->relay_calls[call->instance]--;
	for (unsigned i = 0; i < call->n_legs; i++) {
		struct leg *leg = call->leg[i];

		if (leg != NULL)
			set_counting(&leg->end);
	}
	STEPS_ASK(st, door(st, call), RELAY_CLOSE, relay_close, &close);
}

bool
relay_is_counting(const struct call *call)
{
	for (unsigned i = 0; i < call->n_legs; i++)
		if (call->leg[i] != NULL && is_counting(&call->leg[i]->end))
			return true;
	return false;
}

static struct leg *
find_leg(struct call *call, uint8_t end)
{
	return call != NULL && end < call->n_legs ? call->leg[end] : NULL;
}

/* The call goes on without sound: a later offer cannot help either. */
static void
log_lost_port(struct steps *st, const struct leg *leg)
{
	steps_log(st, STEP_WARN, "relay-port-lost");
	steps_key_number(st, "call", leg->call->ticket);
	steps_key_number(st, "port", leg->end.stream[0].port.rtp);
}

/* What an end has not had yet. */
static void
take_ports(struct end *end, const struct ipc_relay_say *say)
{
	while (end->n < say->n_ports) {
		end->stream[end->n] =
		    (struct end_stream){ .port = say->ports[end->n] };
		end->n++;
	}
	end->wanted = end->n;
}

/* Ports beside those it has; without them their lines are refused. */
static void
on_grown(const struct ctx *x, struct leg *leg, const struct ipc_relay_say *say)
{
	if (say->refusal == RELAY_OK)
		take_ports(&leg->end, say);
	leg->end.wanted = leg->end.n;
	call_changed(x->e, leg->call);
	exchange_ports_known(x, leg->call);
}

/* The answer to the first question. */
static void
on_opened(const struct ctx *x, struct leg *leg, const struct ipc_relay_say *say)
{
	struct call *call = leg->call;

	/* Better sound alone than nothing. */
	if (say->refusal == RELAY_FULL && leg->end.wanted > 1) {
		leg->end.wanted = 1;
		ask_ports(x, leg);
		return;
	}
	leg->end.asked = false;
	if (say->refusal == RELAY_OK && say->n_ports > 0)
		take_ports(&leg->end, say);
	else
		leg->end.open = false;
	if (--call->ends_asked == 0)
		call_ports_known(x, call);
}

static int
on_say(const struct ctx *x, uint8_t instance, struct span payload)
{
	struct ipc_relay_say say;
	struct call *call;
	struct leg *leg;
	int err = get_relay_say(payload, &say);

	if (err)
		return err;
	call = find(x->e->calls, instance, say.session);
	leg = find_leg(call, say.end);
	if (leg == NULL || call->phase == CALL_ENDING)
		return 0;
	if (leg->end.n > 0 && say.refusal == RELAY_OK)
		on_renewed(x, leg, &say);
	else if (leg->end.n > 0 && !relay_is_growing(leg))
		log_lost_port(x->st, leg);
	if (relay_is_growing(leg))
		on_grown(x, leg, &say);
	if (!leg->end.asked || call->phase != CALL_OPENING)
		return 0;
	if (say.refusal == RELAY_NO_ADDRESS && again_later(x, instance))
		return 0;
	if (say.refusal == RELAY_FULL && relay_elsewhere(x, call))
		return 0;
	on_opened(x, leg, &say);
	return 0;
}

static int
on_stats(const struct ctx *x, uint8_t instance, struct span payload)
{
	struct ipc_relay_stats stats;
	struct call *call;
	struct leg *leg;
	unsigned nr;
	int err = get_relay_stats(payload, &stats);

	if (err)
		return err;
	call = find(x->e->calls, instance, stats.session);
	leg = find_leg(call, stats.counter.end);
	nr = stats.counter.stream;
	if (leg == NULL || nr >= leg->end.n || !leg->end.stream[nr].counting)
		return 0;
	leg->end.stream[nr].counting = false;
	if (nr == call->sound && (leg->index == 0 || leg == call->callee))
		note_media(x->st, call, &stats.counter);
	call_settle(x, call);
	return 0;
}

/* Only told: a call never ends because its media is silent (R75). */
static int
on_news(const struct ctx *x, uint8_t instance, struct span payload)
{
	static const char *const event[] = {
		[RELAY_LATCHED] = "media-learnt",
		[RELAY_SILENT] = "media-silent",
		[RELAY_HEARD] = "media-heard",
	};
	struct ipc_relay_news news;
	struct end_stream *s;
	struct call *call;
	struct leg *leg;
	struct addr before;
	int err = get_relay_news(payload, &news);

	if (err)
		return err;
	call = find(x->e->calls, instance, news.session);
	leg = find_leg(call, news.end);
	if (leg == NULL || call->phase == CALL_ENDING ||
	    news.stream >= leg->end.n)
		return 0;
	s = &leg->end.stream[news.stream];
	/* For the relay after this one, which is told by us that lived on. */
	if (news.what == RELAY_LATCHED_RTCP) {
		s->learnt_rtcp = news.addr;
		return 0;
	}
	before = s->learnt;
	if (news.what == RELAY_LATCHED)
		s->learnt = news.addr;
	s->silent = news.what == RELAY_SILENT;
	call_changed(x->e, call);
	steps_log(x->st, STEP_INFO, event[news.what]);
	steps_key_number(x->st, "call", call->ticket);
	steps_key_text(x->st, "phone", TEXT_SPAN(leg_party(leg)->number));
	if (news.stream != call->sound)
		steps_key_number(x->st, "stream", news.stream);
	if (news.addr.family != ADDR_NONE)
		steps_key_addr(x->st, "address", &news.addr);
	if (news.what == RELAY_LATCHED && news.stream == call->sound)
		ear_learnt(x, leg, &before);
	return 0;
}

static void
log_unheard(struct steps *st, const struct leg *leg,
    const struct ipc_call_reach *m)
{
	char mem[PROOF_TEXT_MAX];
	struct buf proof;

	if (m->verdict == VERDICT_MEDIA_OK ||
	    m->verdict == VERDICT_MEDIA_FELL_SILENT ||
	    m->verdict == VERDICT_MEDIA_STOPPED_SENDING)
		return; /* media-heard and media-silent say so */
	buf_init(&proof, mem, sizeof(mem));
	proof_put(&proof, m);
	steps_log(st, STEP_WARN, "media-not-heard");
	steps_key_number(st, "call", leg->call->ticket);
	steps_key_text(st, "phone", TEXT_SPAN(leg_party(leg)->number));
	steps_key_text(st, "verdict", span_str(media_verdict_code(m->verdict)));
	steps_key_text(st, "why", span_str(verdict_words(m->verdict)));
	if (proof.len > 0)
		steps_key_text(st, "evidence", buf_span(&proof));
}

void
relay_conclude(const struct ctx *x, struct leg *leg,
    const struct ipc_relay_reach *reach)
{
	struct ipc_call_reach m;
	const struct unheard_phone phone = {
		.number = TEXT_SPAN(leg_party(leg)->number),
		.at = &leg->flow.remote,
		.reach = &m,
	};

	leg_conclude(x, leg, reach, &m);
	if (!note_reach(x->st, leg, &m))
		return;
	unheard_note(&x->e->calls->unheard, &phone, x->now);
	if (m.verdict == relay_sound(leg)->verdict)
		return;
	relay_sound(leg)->verdict = m.verdict;
	log_unheard(x->st, leg, &m);
}

static int
on_reach(const struct ctx *x, uint8_t instance, struct span payload)
{
	struct ipc_relay_reach reach;
	struct call *call;
	struct leg *leg;
	int err = get_relay_reach(payload, &reach);

	if (err)
		return err;
	call = find(x->e->calls, instance, reach.session);
	leg = find_leg(call, reach.end);
	if (leg == NULL || reach.stream >= leg->end.n ||
	    reach.stream != call->sound ||
	    (leg->index != 0 && leg != call->callee))
		return 0;
	if (reach.heard == MEDIA_NEVER || reach.heard == MEDIA_AWAITED) {
		ear_want(x, leg, &reach);
	} else if (reach.heard == MEDIA_HEARD) {
		ear_heard(x, leg, &reach);
	} else {
		ear_paused(x, leg, &reach);
		doubt_unheard(x, leg, reach.heard);
	}
	if (reach.heard != MEDIA_AWAITED && reach.heard != MEDIA_PAUSED &&
	    (reach.heard != MEDIA_NEVER || !ear_is_busy(leg)))
		relay_conclude(x, leg, &reach);
	return 0;
}

/* Of sound alone: how a picture looks, these figures do not tell. */
static int
on_quality(const struct ctx *x, uint8_t instance, struct span payload)
{
	struct ipc_relay_quality m;
	struct call *call;
	struct leg *leg;
	int err = get_relay_quality(payload, &m);

	if (err)
		return err;
	call = find(x->e->calls, instance, m.session);
	leg = find_leg(call, m.end);
	if (leg != NULL && m.stream == call->sound &&
	    m.stream < leg->end.n &&
	    (leg->index == 0 || leg == call->callee))
		note_quality(x->st, leg, &m.quality);
	return 0;
}

static int
on_roc(const struct ctx *x, uint8_t instance, struct span payload)
{
	struct ipc_relay_roc roc;
	struct call *call;
	struct leg *leg;
	int err = get_relay_roc(payload, &roc);

	if (err)
		return err;
	call = find(x->e->calls, instance, roc.session);
	leg = find_leg(call, roc.end);
	if (leg != NULL && roc.stream < leg->end.n &&
	    call->phase != CALL_ENDING)
		secure_roc(x, leg, &roc);
	return 0;
}

static int
on_nominated(const struct ctx *x, uint8_t instance, struct span payload)
{
	struct ipc_relay_nominated m;
	struct call *call;
	struct leg *leg;
	int err = get_relay_nominated(payload, &m);

	if (err)
		return err;
	call = find(x->e->calls, instance, m.session);
	leg = find_leg(call, m.end);
	if (leg != NULL && m.stream < leg->end.n &&
	    call->phase != CALL_ENDING)
		ice_nominated(x, leg, &m);
	return 0;
}

static int
on_digit(const struct ctx *x, uint8_t instance, struct span payload)
{
	struct ipc_relay_digit m;
	struct call *call;
	struct leg *leg;
	int err = get_relay_digit(payload, &m);

	if (err)
		return err;
	call = find(x->e->calls, instance, m.session);
	leg = find_leg(call, m.end);
	if (leg != NULL)
		dtmf_came(x, leg, &m);
	return 0;
}

int
call_frame(struct edge *e, struct mono now, struct steps *st, uint8_t instance,
    uint16_t type, struct span payload)
{
	struct ctx x = { e, now, st };

	switch (type) {
	case IPC_RELAY_SAY:
		return on_say(&x, instance, payload);
	case IPC_RELAY_STATS:
		return on_stats(&x, instance, payload);
	case IPC_RELAY_NEWS:
		return on_news(&x, instance, payload);
	case IPC_RELAY_ROC:
		return on_roc(&x, instance, payload);
	case IPC_RELAY_NOMINATED:
		return on_nominated(&x, instance, payload);
	case IPC_RELAY_DIGIT:
		return on_digit(&x, instance, payload);
	case IPC_RELAY_REACH:
		return on_reach(&x, instance, payload);
	case IPC_RELAY_QUALITY:
		return on_quality(&x, instance, payload);
	default:
		return -EPROTO;
	}
}
