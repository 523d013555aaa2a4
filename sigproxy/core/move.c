#include <errno.h>

#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/conns.h"
#include "sigproxy/core/keep.h"

/* Before each of the first passes over all legs, from the change on; then it
 * is MOVE_PASS_MS. */
static const uint16_t pause_ms[] = { 0, 300, 700, 2000 };
#define QUICK_PASSES (sizeof(pause_ms) / sizeof(pause_ms[0]))

static const struct ctxn_ops move_ops;

void
move_init(struct calls *c)
{
	c->moves.timer.kind = TIMER_CALL_MOVES;
	c->moves.timer.owner = c;
}

/* ---- who knows what ---- */

struct telling
move_telling(const struct edge *e, const struct leg *leg)
{
	struct telling t = { .sip = edge_said_addr(e, &leg->flow) };

	for (unsigned nr = 0; nr < leg->end.n; nr++)
		t.rtp[nr] = ear_port(leg, nr).said_rtp;
	return t;
}

void
move_told_media(const struct edge *e, struct leg *leg)
{
	struct telling now = move_telling(e, leg);

	now.sip = leg->told.sip;
	leg->told = now;
}

static bool
is_media_stale(const struct leg *leg, const struct telling *now)
{
	for (unsigned nr = 0; nr < leg->end.n; nr++)
		if (leg->told.rtp[nr].family != ADDR_NONE &&
		    !addr_eq(&leg->told.rtp[nr], &now->rtp[nr]))
			return true;
	return false;
}

static bool
is_talking(const struct leg *leg)
{
	const struct call *call = leg->call;

	return call != NULL && call->phase == CALL_TALKING &&
	       (leg->index == 0 || leg == call->callee);
}

bool
move_is_stale(const struct edge *e, const struct leg *leg)
{
	struct telling now;

	if (!is_talking(leg) || !leg_is_external(leg))
		return false;
	now = move_telling(e, leg);
	/* Until stunmon tells it nobody knows the new one. */
	if (!addr_is_public(&now.sip))
		return false;
	return leg->move.undo != 0 ||
	       (leg->told.sip.family != ADDR_NONE &&
		   !addr_same_ip(&leg->told.sip, &now.sip)) ||
	       is_media_stale(leg, &now);
}

bool
move_is_asking(const struct leg *leg)
{
	return leg->move.asking;
}

bool
move_is_unanswered(const struct leg *leg)
{
	const struct ctxn *invite = leg->move.invite;

	return leg->move.asking && invite != NULL &&
	       invite->state == CTXN_CALLING;
}

/* Was it heard since our address is another one? */
static bool
is_reached(const struct edge *e, const struct leg *leg)
{
	return leg->move.heard.us != 0 &&
	       !mono_before(leg->move.heard, e->calls->moves.changed_at);
}

/* Is what SDP would say of the same address as Contact? */
static bool
is_settled(const struct edge *e, const struct leg *leg)
{
	struct telling now = move_telling(e, leg);

	for (unsigned nr = 0; nr < leg->end.n; nr++)
		if (now.rtp[nr].family == now.sip.family &&
		    !addr_same_ip(&now.rtp[nr], &now.sip))
			return false;
	return true;
}

/* ---- the re-INVITE ---- */

/* What the phone was told last, with the new address. */
static int
put_sdp(struct buf *b, const struct leg *leg)
{
	const struct stream_map *map = &leg->call->map;
	const struct end *end = &leg->end;
	struct sdp_edit edit = { .origin = end->stream[0].port.said_rtp };
	char ice[IPC_STREAMS_MAX][ICE_LINES_MAX];
	struct ipc_port port;
	struct sdp sdp;
	int err = sdp_parse(blob_span(&leg->session.sdp), &sdp);

	if (err)
		return err;
	edit.o_version = 1 + (leg->move.undo > sdp.o_version ?
		leg->move.undo : sdp.o_version);
	/* It is ours: only streams that are relayed have a port. */
	for (unsigned nr = 0; nr < end->n && nr < map->n; nr++) {
		unsigned i = map->line[nr];

		if (i >= sdp.n_media || sdp.media[i].port == 0)
			continue;
		port = ear_port(leg, nr);
		offer_edit_stream(&edit.media[i], &port);
		edit.media[i].no_rtcp = sdp.media[i].is_udptl;
		edit.media[i].mux = sdp.media[i].is_rtp && end->stream[nr].mux;
		if (!sdp.media[i].is_udptl)
			ice_edit(&edit, i, leg, nr, NULL, ice[nr]);
	}
	err = sdp_build(b, &sdp, &edit);
	return err ? err : buf_err(b);
}

static int
put_invite(const struct ctx *x, struct buf *b, struct leg *leg)
{
	struct move *m = &leg->move;
	char branch[BRANCH_LEN], mem[SESSION_SDP_MAX];
	struct buf sdp;
	int err;

	if (!relay_is_ready(leg) || leg->session.sdp.p == NULL)
		return -ENODATA;
	buf_init(&sdp, mem, sizeof(mem));
	ice_restart(leg);
	err = put_sdp(&sdp, leg);
	if (err)
		return err;
	m->cseq = ++leg->local_cseq;
	leg_put_request(x->e, b, leg, SPAN_LIT("INVITE"), m->cseq,
	    leg_branch_own(x->e, leg, "INVITE", m->cseq, branch), 70);
	headers_own(b, leg->index == 0 ? leg->call->callee : leg->call->leg[0]);
	session_put_wish(leg, b);
	build_hdr_str(b, SIP_H_CONTENT_TYPE, "application/sdp");
	build_end(b, buf_span(&sdp));
	err = buf_err(b);
	/* Its version is used up, whatever becomes of it. */
	if (err == 0)
		err = blob_set(&x->e->txns.blobs, &leg->session.sdp,
		    buf_span(&sdp));
	/* One more of what may be offered again by the version that failed. */
	if (leg->version_shift < INT32_MAX - 1)
		leg->version_shift += leg->move.undo != 0 ? 2 : 1;
	return err;
}

static void
later(const struct ctx *x, struct leg *leg, uint32_t ms)
{
	timerq_set(
	    &x->e->timers, &leg->move.timer, mono_add_ms(x->now, ms));
}

static void
begin_line(const struct ctx *x, const struct leg *leg, enum step_level level,
    const char *event)
{
	steps_log(x->st, level, event);
	steps_key_number(x->st, "call", leg->call->ticket);
	steps_key_text(x->st, "phone", TEXT_SPAN(leg_party(leg)->number));
	steps_key_addr(x->st, "at", &leg->flow.remote);
}

/* It stays in the call, and may come to know by a re-INVITE of its own. */
static void
cannot(const struct ctx *x, struct leg *leg, unsigned status)
{
	begin_line(x, leg, STEP_WARN, "call-not-readdressed");
	if (status != 0)
		steps_key_number(x->st, "answer", status);
	leg->move.tries = MOVE_TRIES;
}

static void
send(const struct ctx *x, struct leg *leg)
{
	struct move *m = &leg->move;
	char mem[CALL_BYTES_MAX];
	struct buf b;

	if (m->invite != NULL)
		ctxn_detach(m->invite);
	m->invite = NULL;
	buf_init(&b, mem, sizeof(mem));
	m->telling = move_telling(x->e, leg);
	if (put_invite(x, &b, leg) != 0) {
		cannot(x, leg, 0);
		return;
	}
	if (ctxn_send(&x->e->txns, x->now, x->st, &leg->flow, buf_span(&b),
		&move_ops, leg, &m->invite) != 0) {
		later(x, leg, MOVE_RETRY_MS);
		return;
	}
	m->asking = true;
	call_changed(x->e, leg->call); /* its CSeq is used up */
}

/* Nobody's offer may be in the way, nor a 2xx without its ACK. */
static bool
is_busy(const struct call *call)
{
	return call->pending != NULL || session_is_offering(call) ||
	       (call->setup != NULL && !call->setup->acked);
}

static bool
is_flapping(const struct moves *all)
{
	return all->flaps > MOVE_FLAPS;
}

static void
try_now(const struct ctx *x, struct leg *leg)
{
	struct move *m = &leg->move;
	const struct moves *all = &x->e->calls->moves;
	struct mono from = mono_add_ms(all->changed_at, is_flapping(all) ?
		MOVE_FLAP_SETTLE_MS : MOVE_SETTLE_MS);

	if (!is_reached(x->e, leg) || m->asking || m->tries == MOVE_TRIES ||
	    timer_is_armed(&m->timer) || !move_is_stale(x->e, leg) ||
	    !conns_live(x->e->conns, &leg->flow))
		return;
	if (all->changed_at.us != 0 && mono_before(x->now, from))
		timerq_set(&x->e->timers, &m->timer, from);
	else if (!is_settled(x->e, leg))
		relay_renew(x, leg);
	else if (is_busy(leg->call))
		later(x, leg, MOVE_BUSY_MS);
	else
		send(x, leg);
}

void
move_reached(const struct ctx *x, struct leg *leg)
{
	if (!leg_is_external(leg))
		return;
	leg->move.heard = x->now;
	/* It would be repeated much later, if at all. */
	if (move_is_unanswered(leg))
		steps_send(x->st, &leg->flow,
		    blob_span(&leg->move.invite->request));
	try_now(x, leg);
}

void
move_ports_known(const struct ctx *x, struct leg *leg)
{
	if (is_settled(x->e, leg))
		try_now(x, leg);
}

void
move_now(const struct ctx *x, struct leg *leg)
{
	leg->move.heard = x->now;
	try_now(x, leg);
}

uint64_t
move_version(const struct blob *message)
{
	static struct sip_msg m;
	struct sdp sdp;

	if (sip_parse(blob_span(message), SIP_DATAGRAM, &m, NULL) != 0 ||
	    sdp_parse(offer_sdp_of(&m), &sdp) != 0 || sdp.o_version == 0)
		return 1;
	return sdp.o_version;
}

void
move_undo(const struct ctx *x, struct leg *leg, uint64_t version)
{
	leg->move.undo = version;
	leg->move.tries = 0;
	move_now(x, leg);
}

void
move_due(const struct ctx *x, struct leg *leg)
{
	try_now(x, leg);
}

/* ---- its answer ---- */

static void
log_told(const struct ctx *x, const struct leg *leg)
{
	struct moves *all = &x->e->calls->moves;

	all->told++;
	begin_line(x, leg, STEP_INFO, "call-readdressed");
	steps_key_addr(x->st, "address", &leg->told.sip);
	if (all->changed_at.us != 0)
		steps_key_number(x->st, "after_ms",
		    mono_ms_between(all->changed_at, x->now));
}

static void
on_accepted(const struct ctx *x, struct leg *leg, const struct sip_msg *msg)
{
	struct move *m = &leg->move;
	bool undone = m->undo != 0;

	m->tries = 0;
	m->undo = 0;
	m->heard = x->now;
	leg->told = m->telling;
	leg_refresh(leg, msg);
	session_agreed(x, leg, msg);
	offer_learn_anew(x, leg, msg);
	call_changed(x->e, leg->call);
	/* A question of the ear's may have outlived a change. */
	if (!ear_accepted(x, leg, msg) && !undone && !move_is_stale(x->e, leg))
		log_told(x, leg);
	try_now(x, leg); /* it may be another one again */
}

static void
on_refused(const struct ctx *x, struct leg *leg, const struct sip_msg *msg)
{
	struct move *m = &leg->move;

	if (msg->status == 481) {
		call_end(x, leg->call,
		    (struct ending){ .status = 481,
			.why = "dialog-unknown-to-phone",
			.by = leg });
		return;
	}
	if (msg->status == 491) {
		later(x, leg, session_after_glare_ms(leg));
		return;
	}
	if (ear_refused(x, leg)) {
		try_now(x, leg); /* of a new address it is told all the same */
		return;
	}
	if (msg->status == 422)
		session_too_small(leg, msg);
	if (m->tries + 1 < MOVE_TRIES) {
		m->tries++;
		later(x, leg, MOVE_RETRY_MS);
	} else {
		cannot(x, leg, msg->status);
	}
}

static void
on_response(struct edge *e, struct mono now, struct steps *st, struct ctxn *c,
    const struct sip_msg *msg)
{
	const struct ctx x = { e, now, st };
	struct leg *leg = c->owner;
	bool again = !leg->move.asking;

	if (msg->status < 200)
		return;
	leg->move.asking = false;
	if (msg->status < 300)
		leg_ack(&x, leg, leg->move.cseq, SPAN_NONE, NULL);
	if (again)
		return;
	if (msg->status < 300)
		on_accepted(&x, leg, msg);
	else
		on_refused(&x, leg, msg);
}

/* It is out of reach after all: the next sign of it begins anew. */
static void
on_timeout(struct edge *e, struct mono now, struct steps *st, struct ctxn *c)
{
	const struct ctx x = { e, now, st };
	struct leg *leg = c->owner;

	leg->move.asking = false;
	leg->move.heard.us = 0;
	ear_unanswered(&x, leg);
}

static void
on_ended(struct edge *e, struct mono now, struct steps *st, struct ctxn *c)
{
	struct leg *leg = c->owner;

	if (leg->move.invite == c)
		leg->move.invite = NULL;
}

static const struct ctxn_ops move_ops = {
	.response = on_response,
	.timeout = on_timeout,
	.ended = on_ended,
};

void
move_stop(struct edge *e, struct leg *leg)
{
	struct move *m = &leg->move;

	timerq_cancel(&e->timers, &m->timer);
	if (m->invite != NULL)
		ctxn_detach(m->invite);
	m->invite = NULL;
	m->asking = false;
}

/* ---- passes ---- */

/* Its phone, or one that will answer, is told of a port outside. */
static bool
has_port(const struct leg *leg)
{
	return leg->call->phase != CALL_ENDING && leg_is_external(leg) &&
	       relay_is_ready(leg);
}

static void
look_at(const struct ctx *x, struct moves *all, struct leg *leg)
{
	bool stale;

	ear_readdress(x, leg);
	if (all->pass == 0 && doubt_was_raised(x, leg))
		move_reached(x, leg);
	stale = move_is_stale(x->e, leg);
	if (all->pass == 0)
		leg->move.tries = 0;
	/* A call that just begins may have the old one from a relay which
	 * did not know better. */
	if (has_port(leg) && (stale || all->pass < QUICK_PASSES))
		relay_renew(x, leg);
	if (!stale || leg->move.tries == MOVE_TRIES)
		return;
	all->stale++;
	/* Once it is tried with a phone that never answers questions. */
	if (all->pass == QUICK_PASSES && !is_reached(x->e, leg) &&
	    keep_is_mute(x->e->keep, &leg->flow))
		leg->move.heard = x->now;
	if (!is_reached(x->e, leg))
		keep_ask(x->e, x->now, &leg->flow);
	try_now(x, leg);
}

static bool
is_crowded(const struct ctx *x)
{
	for (unsigned i = 0; i < STEPS_RELAYS_MAX; i++)
		if (x->st->relay[i].len > x->st->relay[i].cap / 2)
			return true;
	return x->st->n > STEPS_MAX / 2 ||
	       x->st->mem_len > STEPS_BYTES / 2;
}

static void
next_pass(const struct ctx *x, struct moves *all)
{
	uint32_t ms = MOVE_PASS_MS;

	all->stale_before = all->stale;
	all->next = all->stale = 0;
	all->pass++;
	if (all->pass < QUICK_PASSES)
		ms = pause_ms[all->pass];
	else if (all->stale_before == 0)
		return;
	timerq_set(&x->e->timers, &all->timer, mono_add_ms(x->now, ms));
}

void
move_pass(const struct ctx *x, struct calls *c)
{
	struct moves *all = &c->moves;

	for (; all->next < c->legs.n; all->next++) {
		struct leg *leg = pool_at(&c->legs, all->next);

		if (is_crowded(x)) {
			timerq_set(&x->e->timers, &all->timer,
			    mono_add_ms(x->now, MOVE_PAUSE_MS));
			return;
		}
		if (leg->call != NULL)
			look_at(x, all, leg);
	}
	next_pass(x, all);
}

void
move_answered(const struct ctx *x, struct leg *leg)
{
	struct moves *all = &x->e->calls->moves;

	if (!move_is_stale(x->e, leg))
		return;
	leg->move.heard = x->now;
	if (timer_is_armed(&all->timer))
		return;
	all->pass = QUICK_PASSES;
	timerq_set(&x->e->timers, &all->timer,
	    mono_add_ms(x->now, MOVE_BUSY_MS));
}

/* The site and each socket are told of one change. */
static void
count_change(struct moves *all, struct mono now)
{
	all->changed_at = now;
	if (all->flap_at.us != 0 &&
	    mono_ms_between(all->flap_at, now) < MOVE_SETTLE_MS)
		return;
	all->flap_at = now;
	if (all->flaps_from.us == 0 ||
	    mono_ms_between(all->flaps_from, now) >= MOVE_FLAP_MS) {
		all->flaps_from = now;
		all->flaps = 0;
	}
	all->flaps++;
}

void
move_begin(const struct ctx *x)
{
	struct moves *all = &x->e->calls->moves;
	bool waits = is_flapping(all) && timer_is_armed(&all->timer);

	count_change(all, x->now);
	all->next = all->pass = 0;
	all->stale = 0;
	/* No pass over all legs for each of a thousand changes. */
	if (!waits)
		timerq_set(&x->e->timers, &all->timer, is_flapping(all) ?
			mono_add_ms(x->now, MOVE_SETTLE_MS) : x->now);
}

void
move_status(const struct calls *c, struct buf *json)
{
	buf_fmt(json, ",\"calls_readdressed\":%llu,\"legs_at_old_address\":%u",
	    (unsigned long long)c->moves.told, c->moves.stale_before);
}

/* ---- what the other parts say ---- */

void
call_address_changed(struct edge *e, struct mono now, struct steps *st)
{
	const struct ctx x = { e, now, st };

	move_begin(&x);
}

void
call_reached(
    struct edge *e, struct mono now, struct steps *st, const struct flow *flow)
{
	const struct ctx x = { e, now, st };
	struct calls *c = e->calls;

	if (!timer_is_armed(&c->moves.timer))
		return; /* everybody knows */
	for (uint32_t i = 0; i < c->legs.n; i++) {
		struct leg *leg = pool_at(&c->legs, i);

		if (leg->call != NULL && flow_eq(&leg->flow, flow))
			move_reached(&x, leg);
	}
}
