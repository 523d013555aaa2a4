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
	return relay_is_ready(leg) && !leg->ear.paused &&
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

/* Of those that send nothing, or that do not. */
static unsigned
count(const struct ears *ears, bool silent)
{
	unsigned n = 0;

	for (unsigned i = 0; i < EARS_MAX; i++)
		n += ears->leg[i] != NULL &&
		    ears->leg[i]->ear.silent == silent;
	return n;
}

static struct leg **
free_place(struct ears *ears)
{
	return count(ears, false) < EARS_ASKED ? place_of(ears, NULL) : NULL;
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

/* Nothing more is to be found out.  Of a pause the relay tells when it has
 * lasted. */
static void
conclude(const struct ctx *x, struct leg *leg)
{
	struct ear *ear = &leg->ear;

	give_up(x->e, leg);
	if (ear->silent && !ear->moved)
		ear->mutes = true;
	if (ear->agreed)
		ear->moved = false;
	if (!is_heard(leg) && ear->reach.heard != MEDIA_PAUSED)
		relay_conclude(x, leg, &ear->reach);
}

/* Of two phones of one home, never heard, the second waits. */
static bool
has_turn(const struct ears *ears, const struct leg *leg)
{
	for (unsigned i = 0; i < EARS_MAX && !leg->ear.again; i++)
		if (ears->leg[i] != NULL && !ears->leg[i]->ear.again &&
		    addr_same_ip(&ears->leg[i]->flow.remote,
			&leg->flow.remote))
			return false;
	return true;
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
	ear->by = by;
	if (!addr_is_public(&ear->said)) {
		conclude(x, leg);
		return;
	}
	*place = leg;
	x->e->calls->ears.asked++;
	ear->first = (struct addr){ 0 };
	ear->announced = relay_sound(leg)->rtp;
	ear->state = EAR_LISTENS;
	ear->asked = x->now;
	set_timer(x, leg, leg->flow.transport == TRANSPORT_UDP ? EAR_ASK_MS :
		EAR_DEAD_MS);
	move_now(x, leg);
}

/* In the first seconds it may only be slow: then the other one must be
 * heard, which shows that the call has sound at all. */
static bool
is_due(const struct edge *e, const struct leg *leg)
{
	const struct ear *ear = &leg->ear;

	if (!is_talking(leg) || move_is_stale(e, leg) ||
	    (ear->again && relay_sound(leg)->held))
		return false;
	return ear->sure || is_heard(peer_of(leg));
}

void
ear_turn(const struct ctx *x, struct leg *leg)
{
	struct ears *ears = &x->e->calls->ears;
	struct leg **place = free_place(ears);

	if (is_heard(leg))
		give_up(x->e, leg);
	else if (is_due(x->e, leg) && place != NULL && has_turn(ears, leg))
		begin(x, leg, place);
	else if (leg->ear.turns++ < EAR_TURNS)
		set_timer(x, leg, EAR_TURN_MS);
	else
		conclude(x, leg);
}

static bool
was_heard(const struct ipc_relay_reach *reach)
{
	return reach->heard != MEDIA_NEVER && reach->heard != MEDIA_AWAITED;
}

/* Of a trunk sound may come from anywhere; with ICE it goes where a check was
 * answered, and nowhere else.  Without a binding only who was heard: then it
 * may have shown its password in the call, when it came by another flow. */
bool
ear_may_ask(const struct edge *e, const struct leg *leg,
    const struct ipc_relay_reach *reach)
{
	return leg_is_external(leg) && leg->trunk == 0 && !ice_is_used(leg) &&
	       ((leg->ear.moved && was_heard(reach)) ||
		   keep_has(e->keep, &leg->flow)) &&
	       reach->way == MEDIA_PUNCHED && reach->range != RANGE_OPEN &&
	       leg->call->phase != CALL_ENDING;
}

void
ear_want(const struct ctx *x, struct leg *leg,
    const struct ipc_relay_reach *reach)
{
	struct ear *ear = &leg->ear;

	/* Packets that were refused are its own, perhaps. */
	if (!ear_may_ask(x->e, leg, reach) || reach->refused != 0 ||
	    (ear->state != EAR_NONE && ear->state != EAR_WAITS))
		return;
	ear->reach = *reach;
	ear->reach.heard = MEDIA_NEVER;
	ear->sure = reach->heard == MEDIA_NEVER;
	ear->state = EAR_WAITS;
	ear_turn(x, leg);
}

bool
ear_is_busy(const struct leg *leg)
{
	return leg->ear.state == EAR_WAITS || leg->ear.state == EAR_LISTENS ||
	       leg->ear.state == EAR_ENDS;
}

/* ---- what becomes of it ---- */

/* Was our SIP port the last that its phone was told? */
static bool
listens_yet(const struct leg *leg)
{
	return addr_eq(&leg->told.rtp[leg->call->sound], &leg->ear.said);
}

void
ear_end_listening(const struct ctx *x, struct leg *leg)
{
	leave_place(x->e, leg);
	timerq_cancel(&x->e->timers, &leg->ear.timer);
	leg->ear.state = EAR_ENDS;
	move_now(x, leg);
	/* It was never asked: no way led to it. */
	if (leg->ear.state == EAR_ENDS && !move_is_asking(leg) &&
	    !listens_yet(leg))
		conclude(x, leg);
}

/* Sound and connection are dead: the phone's router forgot both.  Closed, its
 * next packet is refused, so that it connects anew. */
static void
cut_if_dead(const struct ctx *x, struct leg *leg)
{
	if (leg->flow.transport == TRANSPORT_UDP ||
	    !conns_live(x->e->conns, &leg->flow) ||
	    !move_is_unanswered(leg) ||
	    keep_answered_since(x->e->keep, &leg->flow, leg->ear.asked))
		return;
	x->e->calls->ears.dead++;
	steps_log(x->st, STEP_INFO, "connection-dead");
	steps_key_number(x->st, "call", leg->call->ticket);
	steps_key_text(x->st, "phone", TEXT_SPAN(leg_party(leg)->number));
	steps_key_addr(x->st, "at", &leg->flow.remote);
	steps_close(x->st, &leg->flow);
}

/* Its port is another one, and it is muted, or sends nothing in silence: it is
 * listened for until it speaks. */
static bool
is_waited_for(const struct ears *ears, const struct leg *leg)
{
	return leg->ear.again && leg->ear.paused &&
	       (leg->ear.moved || leg->ear.gone) &&
	       leg->ear.stray.family == ADDR_NONE &&
	       count(ears, true) <= EARS_PATIENT;
}

static void
listening_due(const struct ctx *x, struct leg *leg)
{
	struct ear *ear = &leg->ear;
	bool new = ear->agreed && !ear->silent;

	if (ear->first.family != ADDR_NONE) {
		ear_decide(x, leg);
		return;
	}
	ear->silent = ear->agreed;
	if (!ear->agreed && ear->again) {
		cut_if_dead(x, leg);
		if (ear->turns++ < EAR_ASKS)
			set_timer(x, leg, EAR_ASK_MS);
		else
			ear_end_listening(x, leg);
	} else if (ear->agreed && is_waited_for(&x->e->calls->ears, leg)) {
		set_timer(x, leg, EAR_LISTEN_MS);
		if (new && ear->reach.heard != MEDIA_PAUSED)
			relay_conclude(x, leg, &ear->reach);
	} else {
		ear_end_listening(x, leg);
	}
}

/* Nothing was believed: perhaps it can be, another time. */
static void
ask_contested(const struct ctx *x, struct leg *leg)
{
	struct ear *ear = &leg->ear;

	if (!ear->contested || ear->contests++ >= EAR_CONTESTS ||
	    is_heard(leg))
		return;
	ear->agreed = ear->contested = false;
	ear->first = (struct addr){ 0 };
	ear->ended.us = 0;
	ear->turns = 0;
	ear->state = EAR_WAITS;
	set_timer(x, leg, EAR_CONTEST_PAUSE_MS);
}

void
ear_due(const struct ctx *x, struct leg *leg)
{
	switch (leg->ear.state) {
	case EAR_WAITS:
		ear_turn(x, leg);
		break;
	case EAR_LISTENS:
		listening_due(x, leg);
		break;
	case EAR_ENDS:
		conclude(x, leg);
		ask_contested(x, leg);
		break;
	case EAR_OVER:
		ear_look_again(x, leg);
		break;
	default:
		break;
	}
}

void
ear_readdress(const struct ctx *x, struct leg *leg)
{
	struct ear *ear = &leg->ear;
	struct addr now;

	if (ear->state != EAR_LISTENS)
		return;
	now = edge_said_addr(x->e, &ear->by);
	if (addr_eq(&now, &ear->said))
		return;
	/* What it sent went to nobody: that it is silent does not follow. */
	give_up(x->e, leg);
	ear->silent = ear->agreed = false;
	ear->moved = ear->paused;
	if (!ear->again) {
		ear->state = EAR_WAITS;
		set_timer(x, leg, EAR_TURN_MS);
	}
}

/* ---- answers ---- */

bool
ear_accepted(
    const struct ctx *x, struct leg *leg, const struct sip_msg *answer)
{
	struct ear *ear = &leg->ear;
	bool of_ear = listens_yet(leg);

	if (ear->state == EAR_LISTENS && of_ear) {
		ear->agreed = true;
		ear->took = x->now;
		ear_answered(leg, answer);
		set_timer(x, leg, EAR_LISTEN_MS);
		return true;
	}
	if (ear->state == EAR_OVER && ear->moved)
		set_timer(x, leg, EAR_PROVED_MS);
	if (ear->state != EAR_ENDS)
		return false;
	if (!of_ear) {
		if (ear_found(leg, leg->call->sound) != NULL)
			ear->announced = relay_sound(leg)->rtp;
		ear->ended = x->now;
		set_timer(x, leg, EAR_PROVED_MS);
	}
	return true;
}

/* Our address changed while its phone was asked. */
static bool
was_its_question(const struct leg *leg)
{
	const struct ear *ear = &leg->ear;

	return ((ear->state == EAR_OVER && ear->moved) ||
		   (ear->state == EAR_WAITS && !ear->again)) &&
	       addr_eq(&leg->move.telling.rtp[leg->call->sound],
		   &leg->ear.said);
}

bool
ear_refused(const struct ctx *x, struct leg *leg)
{
	if (was_its_question(leg)) {
		leg->ear.refuses = true;
		if (leg->ear.state == EAR_WAITS)
			conclude(x, leg);
		return true;
	}
	if (leg->ear.state != EAR_LISTENS &&
	    (leg->ear.state != EAR_ENDS || listens_yet(leg)))
		return false;
	leg->ear.refuses = true; /* it would again */
	conclude(x, leg);
	return true;
}

void
ear_unanswered(const struct ctx *x, struct leg *leg)
{
	if (ear_is_busy(leg) && leg->ear.state != EAR_WAITS &&
	    !listens_yet(leg))
		conclude(x, leg);
}

void
ear_stop(struct edge *e, struct leg *leg)
{
	if (leg->ear.state != EAR_NONE)
		give_up(e, leg);
}
