#include "common/codec/rtp.h"
#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/conns.h"
#include "sigproxy/core/keep.h"

static struct leg *
peer_of(const struct leg *leg)
{
	return leg->index == 0 ? leg->call->callee : leg->call->leg[0];
}

static bool
is_talking(const struct leg *leg)
{
	const struct call *call = leg->call;

	return call->phase == CALL_TALKING && call->callee != NULL &&
	       (leg->index == 0 || leg == call->callee);
}

static bool
is_heard(const struct leg *leg)
{
	return relay_is_ready(leg) &&
	       relay_sound(leg)->learnt.family != ADDR_NONE;
}

static void
set_timer(const struct ctx *x, struct leg *leg, uint32_t ms)
{
	timerq_set(&x->e->timers, &leg->ear.timer, mono_add_ms(x->now, ms));
}

/* ---- who listens ---- */

static struct leg **
place_of(struct ears *ears, const struct leg *leg)
{
	for (unsigned i = 0; i < EARS_MAX; i++)
		if (ears->leg[i] == leg)
			return &ears->leg[i];
	return NULL;
}

/* Packets are told apart by their address alone. */
static struct leg *
listening_to(const struct ears *ears, const struct addr *ip)
{
	for (unsigned i = 0; i < EARS_MAX; i++)
		if (ears->leg[i] != NULL &&
		    addr_same_ip(&ears->leg[i]->flow.remote, ip))
			return ears->leg[i];
	return NULL;
}

static void
leave_place(struct edge *e, const struct leg *leg)
{
	struct leg **place = place_of(&e->calls->ears, leg);

	if (place != NULL)
		*place = NULL;
}

/* The UDP listener outside by which leg's home reaches us. */
static bool
find_listener(const struct edge *e, const struct leg *leg, struct flow *out)
{
	const struct edge_conf *conf = e->conf;
	const struct edge_listener *its = &conf->listeners[leg->flow.listener];

	for (unsigned i = 0; i < conf->n_listeners; i++) {
		const struct edge_listener *l = &conf->listeners[i];

		if (l->zone != ZONE_EXTERNAL ||
		    l->transport != TRANSPORT_UDP ||
		    !addr_same_ip(&l->local, &its->local))
			continue;
		*out = (struct flow){ .zone = ZONE_EXTERNAL,
			.transport = TRANSPORT_UDP,
			.listener = (uint8_t)i,
			.remote = leg->flow.remote };
		if (leg->flow.transport == TRANSPORT_UDP)
			*out = leg->flow;
		return true;
	}
	return false;
}

static void
give_up(struct edge *e, struct leg *leg)
{
	leave_place(e, leg);
	timerq_cancel(&e->timers, &leg->ear.timer);
	leg->ear.state = EAR_OVER;
}

/* Nothing more is to be found out. */
static void
conclude(const struct ctx *x, struct leg *leg)
{
	give_up(x->e, leg);
	if (!is_heard(leg))
		relay_conclude(x, leg, &leg->ear.reach);
}

static void
begin(const struct ctx *x, struct leg *leg, struct leg **place)
{
	struct ear *ear = &leg->ear;
	struct flow by;

	if (!find_listener(x->e, leg, &by)) {
		conclude(x, leg);
		return;
	}
	ear->said = edge_said_addr(x->e, &by);
	if (!addr_is_public(&ear->said)) {
		conclude(x, leg);
		return;
	}
	*place = leg;
	x->e->calls->ears.asked++;
	ear->listener = by.listener;
	ear->announced = relay_sound(leg)->rtp;
	ear->state = EAR_LISTENS;
	set_timer(x, leg, EAR_ASK_MS);
	move_now(x, leg);
}

/* In the first seconds it may only be slow: then the other one must be
 * heard, which shows that the call has sound at all. */
static bool
is_due(const struct leg *leg)
{
	return is_talking(leg) &&
	       (leg->ear.sure || is_heard(peer_of(leg)));
}

static void
take_turn(const struct ctx *x, struct leg *leg)
{
	struct ears *ears = &x->e->calls->ears;
	struct leg **place = place_of(ears, NULL);

	if (is_heard(leg))
		give_up(x->e, leg);
	else if (is_due(leg) && place != NULL &&
		 listening_to(ears, &leg->flow.remote) == NULL)
		begin(x, leg, place);
	else if (leg->ear.turns++ < EAR_TURNS)
		set_timer(x, leg, EAR_TURN_MS);
	else
		conclude(x, leg);
}

void
ear_want(const struct ctx *x, struct leg *leg,
    const struct ipc_relay_reach *reach)
{
	struct ear *ear = &leg->ear;

	/* Of a trunk sound may come from anywhere; with ICE it goes where a
	 * check was answered, and nowhere else. */
	if (!leg_is_external(leg) || ice_is_used(leg) || !keep_has(x->e->keep, &leg->flow) ||
	    reach->way != MEDIA_PUNCHED ||
	    reach->range == RANGE_OPEN || reach->refused != 0 ||
	    leg->call->phase == CALL_ENDING ||
	    (ear->state != EAR_NONE && ear->state != EAR_WAITS))
		return;
	ear->reach = *reach;
	ear->reach.heard = MEDIA_NEVER;
	ear->sure = reach->heard == MEDIA_NEVER;
	ear->state = EAR_WAITS;
	take_turn(x, leg);
}

bool
ear_is_busy(const struct leg *leg)
{
	return leg->ear.state == EAR_WAITS || leg->ear.state == EAR_LISTENS ||
	       leg->ear.state == EAR_ENDS;
}

/* ---- what is heard ---- */

/* Its phone is told the relay's port again. */
static void
end_listening(const struct ctx *x, struct leg *leg)
{
	leave_place(x->e, leg);
	timerq_cancel(&x->e->timers, &leg->ear.timer);
	leg->ear.state = EAR_ENDS;
	move_now(x, leg);
}

static void
found(const struct ctx *x, struct leg *leg, const struct addr *at)
{
	struct ears *ears = &x->e->calls->ears;

	leg->ear.seen = *at;
	ears->heard++;
	ears->stale = *at;
	ears->stale_until = mono_add_ms(x->now, EAR_STALE_MS);
	steps_log(x->st, STEP_INFO, "media-seen");
	steps_key_number(x->st, "call", leg->call->ticket);
	steps_key_text(x->st, "phone", TEXT_SPAN(leg_party(leg)->number));
	steps_key_addr(x->st, "announced", &leg->ear.announced);
	steps_key_addr(x->st, "at_sip_port_from", at);
	/* It sends first to there from now on. */
	relay_set(x->st, leg, leg->call->sound, peer_of(leg));
	end_listening(x, leg);
}

bool
ear_packet(struct edge *e, struct mono now, struct steps *st,
    const struct flow *from, struct span packet)
{
	const struct ctx x = { e, now, st };
	struct ears *ears = &e->calls->ears;
	struct leg *leg = listening_to(ears, &from->remote);
	struct rtp_header h;
	struct ear *ear;

	if (leg == NULL)
		return addr_eq(&from->remote, &ears->stale) &&
		       mono_before(now, ears->stale_until);
	ear = &leg->ear;
	if (from->listener != ear->listener ||
	    rtp_kind(packet) != RTP_KIND_RTP || rtp_parse(packet, &h) != 0)
		return false;
	if (addr_eq(&from->remote, &ears->stale) &&
	    mono_before(now, ears->stale_until))
		return true; /* of the phone beside it */
	if (addr_eq(&from->remote, &ear->first) && h.ssrc == ear->ssrc) {
		found(&x, leg, &from->remote);
		return true;
	}
	ear->first = from->remote;
	ear->ssrc = h.ssrc;
	return true;
}

void
ear_due(const struct ctx *x, struct leg *leg)
{
	struct ear *ear = &leg->ear;

	switch (ear->state) {
	case EAR_WAITS:
		take_turn(x, leg);
		break;
	case EAR_LISTENS:
		ear->silent = ear->agreed;
		end_listening(x, leg);
		break;
	case EAR_ENDS:
		conclude(x, leg);
		break;
	default:
		break;
	}
}

/* ---- answers ---- */

bool
ear_accepted(const struct ctx *x, struct leg *leg)
{
	struct ear *ear = &leg->ear;
	bool of_ear = addr_eq(&leg->told.rtp[leg->call->sound], &ear->said);

	if (ear->state == EAR_LISTENS && of_ear) {
		ear->agreed = true;
		set_timer(x, leg, EAR_LISTEN_MS);
		return true;
	}
	if (ear->state != EAR_ENDS)
		return false;
	if (!of_ear) {
		ear->ended = x->now;
		set_timer(x, leg, EAR_PROVED_MS);
	}
	return true;
}

bool
ear_refused(const struct ctx *x, struct leg *leg)
{
	if (leg->ear.state != EAR_LISTENS)
		return false;
	conclude(x, leg);
	return true;
}

void
ear_stop(struct edge *e, struct leg *leg)
{
	if (leg->ear.state != EAR_NONE)
		give_up(e, leg);
}

/* ---- what others ask ---- */

struct ipc_port
ear_port(const struct leg *leg, unsigned nr)
{
	struct ipc_port port = leg->end.stream[nr].port;

	if (leg->ear.state == EAR_LISTENS && nr == leg->call->sound)
		port.said_rtp = leg->ear.said;
	return port;
}

const struct addr *
ear_found(const struct leg *leg, unsigned nr)
{
	const struct ear *ear = &leg->ear;

	return ear->seen.family != ADDR_NONE && nr == leg->call->sound &&
		       addr_eq(&leg->end.stream[nr].rtp, &ear->announced)
		   ? &ear->seen
		   : NULL;
}

/* Would its packets have come in by our SIP port? */
static bool
is_reachable(const struct edge *e, const struct leg *leg)
{
	return leg->flow.transport == TRANSPORT_UDP ||
	       e->port_open[leg->ear.listener] ||
	       keep_is_reached(e->keep, leg->ear.listener);
}

enum sight
ear_seen(const struct edge *e, const struct leg *leg, struct mono now)
{
	const struct ear *ear = &leg->ear;
	bool proved = ear->ended.us != 0 &&
	    mono_ms_between(ear->ended, now) >= EAR_PROVED_MS / 2;

	if (ear->silent)
		return is_reachable(e, leg) ? SEEN_SILENT : SEEN_NOT;
	if (ear->seen.family == ADDR_NONE)
		return SEEN_NOT;
	if (ear->seen.port == ear->announced.port)
		return proved ? SEEN_AS_SAID : SEEN_NOT;
	/* STUN was told another one. */
	if (proved || verdict_asks_stun(&leg->flow, &ear->announced))
		return SEEN_EACH_PEER;
	return SEEN_MOVED;
}

void
ear_status(const struct calls *c, struct buf *json)
{
	buf_fmt(json, ",\"ear_asked\":%llu,\"ear_heard\":%llu",
	    (unsigned long long)c->ears.asked,
	    (unsigned long long)c->ears.heard);
}
