/*
 * Surviving a restart of sigproxy: calls that changed are saved with the next
 * batch of steps, and the calls of the life before are made again.
 */
#include <errno.h>

#include "common/base/secret.h"
#include "sigproxy/core/checkpoint.h"
#include "sigproxy/core/conns.h"
#include "sigproxy/core/subs.h"
#include "sigproxy/core/trunk_conn.h"

/* Pause while many are saved at once: registrar-db came back. */
#define SAVE_PAUSE_MS 20

/* ---- saving ---- */

static void
list_add(struct calls *c, struct call *call)
{
	if (call->unsaved)
		return;
	call->unsaved = true;
	call->save_prev = c->unsaved_tail;
	call->save_next = NULL;
	if (c->unsaved_tail != NULL)
		c->unsaved_tail->save_next = call;
	else
		c->unsaved = call;
	c->unsaved_tail = call;
}

static void
list_del(struct calls *c, struct call *call)
{
	if (!call->unsaved)
		return;
	call->unsaved = false;
	if (call->save_prev != NULL)
		call->save_prev->save_next = call->save_next;
	else
		c->unsaved = call->save_next;
	if (call->save_next != NULL)
		call->save_next->save_prev = call->save_prev;
	else
		c->unsaved_tail = call->save_prev;
}

void
call_changed(struct edge *e, struct call *call)
{
	if (call->ticket != 0 && (!call->end_noted || farewell_owes(call)))
		list_add(e->calls, call);
	subs_touch(e, SUB_DIALOG, TEXT_SPAN(call->caller.number));
	subs_touch(e, SUB_DIALOG, TEXT_SPAN(call->called.number));
}

static void
say_gone(struct steps *st, uint64_t ticket)
{
	struct ipc_call_gone gone = { ticket };

	STEPS_ASK(st, &st->reg, CALL_GONE, call_gone, &gone);
}

void
call_forget(struct edge *e, struct steps *st, struct call *call)
{
	list_del(e->calls, call);
	if (call->saved)
		say_gone(st, call->ticket);
	call->saved = false;
}

static void
save(struct steps *st, struct call *call)
{
	static char mem[IPC_STATE_MAX];
	struct ipc_call_save say = {
		.ticket = call->ticket,
		.version = CHECKPOINT_VERSION,
	};
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	if (checkpoint_put(&b, call) != 0)
		return;
	say.state = buf_span(&b);
	STEPS_ASK(st, &st->reg, CALL_SAVE, call_save, &say);
	secret_wipe(mem, b.len); /* keys of sound */
	call->saved = true;
}

void
calls_save(struct edge *e, struct mono now, struct steps *st)
{
	struct calls *c = e->calls;

	while (c->unsaved != NULL && st->reg.len < st->reg.cap / 2) {
		struct call *call = c->unsaved;

		list_del(c, call);
		/* Without its peer the frame would only be dropped; all are
		 * saved when it comes. */
		if (e->reg_up)
			save(st, call);
		if (e->reg_up && call->untold)
			note_again(st, call);
		call->untold = false;
	}
	if (c->unsaved != NULL)
		timerq_set(&e->timers, &c->save_timer,
		    mono_add_ms(now, SAVE_PAUSE_MS));
}

/* registrar-db came: it may have been dead while calls changed. */
void
calls_save_all(struct edge *e, struct mono now, struct steps *st)
{
	const struct ctx x = { e, now, st };
	struct calls *c = e->calls;

	note_over_again(c, now, st);
	for (uint32_t i = 0; i < c->pool.n; i++) {
		struct call *call = pool_at(&c->pool, i);

		if (call->ticket == 0)
			continue;
		call->untold = !call->end_noted;
		divert_again(st, call);
		consent_again(&x, call);
		call_changed(e, call);
	}
}

/* ---- restoring ---- */

static void
restore_session(
    const struct ctx *x, struct leg *leg, const struct saved_leg *from)
{
	struct session *s = &leg->session;

	s->expires_s = from->session.expires_s;
	s->min_se_s = from->session.min_se_s;
	s->due = from->session.due;
	s->dead = from->session.dead;
	s->ours = from->session.ours;
	s->takes_update = from->session.takes_update;
	if (from->sdp.len > 0)
		(void)blob_set(&x->e->txns.blobs, &s->sdp, from->sdp);
	session_restore(x, leg);
}

static int
restore_leg(
    const struct ctx *x, struct call *call, const struct saved_leg *from)
{
	struct calls *c = x->e->calls;
	struct span token = span_make((const char *)from->token, LEG_TOKEN_LEN);
	struct leg *leg;

	if (leg_find(c, token) != NULL)
		return -EEXIST;
	call->n_legs = from->index;
	leg = leg_new(c, call);
	if (leg == NULL)
		return -ENOMEM;
	leg_rename(c, leg, token);
	leg->state = (enum leg_state)from->state;
	leg->flow = from->flow;
	leg->relayed = from->relayed;
	leg->trunk = from->trunk;
	leg->end = from->end;
	leg->local_cseq = from->local_cseq;
	leg->remote_cseq = from->remote_cseq;
	leg->invite_cseq = from->invite_cseq;
	leg->cseq_offset = from->cseq_offset;
	leg->can = from->can;
	leg->srtp_way = from->srtp_way;
	leg->srtp_turned = from->srtp_turned;
	leg->ice = from->ice;
	memcpy(leg->seed, from->seed, sizeof(leg->seed));
	leg->rseq = from->rseq;
	/* Of an answered offer the keys are known, whose it was or not. */
	leg->offered = leg->asked = from->offered;
	leg->is_settled = from->is_settled;
	leg->media = from->media;
	leg->peer_media = from->peer_media;
	leg->told = from->told;
	leg->version_shift = from->version_shift;
	leg->ear.moved = true; /* it may have, unseen */
	restore_session(x, leg, from);
	if (TEXT_SET(&leg->target, from->target) ||
	    TEXT_SET(&leg->route, from->route) ||
	    TEXT_SET(&leg->call_id, from->call_id) ||
	    TEXT_SET(&leg->local, from->local) ||
	    TEXT_SET(&leg->remote, from->remote) ||
	    TEXT_SET(&leg->tag, from->tag))
		return -EMSGSIZE;
	return 0;
}

/* The caller's INVITE, or a re-INVITE that waits for its answer. */
static int
restore_request(const struct ctx *x, const struct saved_call *from,
    const struct leg *leg, struct stxn **out)
{
	/* Parsed once more: what is kept must be what we take from phones. */
	if (sip_parse(from->request, SIP_DATAGRAM, &x->e->stored, NULL) != 0 ||
	    !x->e->stored.is_request || x->e->stored.method != SIP_INVITE ||
	    stxn_find(&x->e->txns, &x->e->stored, &leg->flow) != NULL)
		return -EBADMSG;
	return stxn_new(&x->e->txns, x->now, &x->e->stored, from->request,
	    &leg->flow, NULL, NULL, out);
}

/* Before the first of them goes out: each is an INVITE of that leg's, and
 * begins a dialog. */
static int
check_invites(const struct ctx *x, const struct saved_call *from)
{
	struct sip_msg *m = &x->e->stored;

	for (unsigned i = 1; i < from->n_legs; i++) {
		const struct saved_leg *leg = &from->leg[i];

		if (sip_parse(leg->invite, SIP_DATAGRAM, m, NULL) != 0 ||
		    !m->is_request || m->method != SIP_INVITE ||
		    m->to.tag.len > 0 || !span_eq(m->call_id, leg->call_id) ||
		    m->cseq.number != leg->invite_cseq)
			return -EBADMSG;
	}
	return from->n_legs > 1 || from->ending ? 0 : -EBADMSG;
}

/*
 * It rings, or was answered and the ACK has not come.  The INVITEs go out
 * once more as they were: a phone that rings takes one for a retransmission
 * and says 180 again, one that answered repeats its 2xx by itself.
 */
static int
restore_ringing(
    const struct ctx *x, struct call *call, const struct saved_call *from)
{
	struct exchange *setup;
	struct stxn *t;
	int err = check_invites(x, from);

	if (err)
		return err;
	setup = exchange_new(x->e->calls, call);
	if (setup == NULL)
		return -ENOMEM;
	call->setup = call->pending = setup;
	err = restore_request(x, from, call->leg[0], &t);
	if (err)
		return err;
	setup->server = t;
	setup->from = call->leg[0];
	setup->from_cseq = x->e->stored.cseq.number;
	setup->is_invite = true;
	t->ops = &exchange_server_ops;
	t->owner = setup;
	call->early = call->leg[from->early];
	if (from->early == 0)
		call->early = NULL;
	for (unsigned i = 1; i < from->n_legs; i++) {
		struct leg *leg = call->leg[from->leg[i].index];

		err = fork_again(x, leg, &x->e->stored, from->leg[i].invite);
		if (err)
			return err;
	}
	setup->offer_in_answer = x->e->stored.body.len == 0;
	call->reliable = sip_lists(&x->e->stored, SIP_H_SUPPORTED, "100rel") ||
	    sip_lists(&x->e->stored, SIP_H_REQUIRE, "100rel");
	call->phase = CALL_INVITING;
	timerq_set(
	    &x->e->timers, &call->timer, mono_add_ms(x->now, CALL_SETUP_MS));
	return 0;
}

static int
restore_talking(
    const struct ctx *x, struct call *call, const struct saved_call *from)
{
	if (from->answered_us == 0 || from->answered_us > x->now.us)
		return -ERANGE; /* of the time before a reboot */
	call->callee = call->leg[from->callee];
	call->answered = (struct mono){ from->answered_us };
	call->phase = CALL_TALKING;
	return 0;
}

/* As if it had just come again; both dialogs are there. */
static void
restore_reinvite(
    const struct ctx *x, struct call *call, const struct saved_call *from)
{
	struct leg *leg = call->leg[from->request_from];
	struct leg *to = leg->index == 0 ? call->callee : call->leg[0];
	struct stxn *t;

	if (restore_request(x, from, leg, &t) != 0)
		return;
	leg->remote_cseq = x->e->stored.cseq.number;
	exchange_relay(x, leg, to, t, &x->e->stored);
}

static int
restore_into(
    const struct ctx *x, struct call *call, const struct saved_call *from)
{
	int err = 0;

	call_party(&call->caller, &from->caller);
	call_party(&call->called, &from->called);
	call->timer.kind = TIMER_CALL_PHASE;
	call->timer.owner = call;
	call->base = 1;
	call->diversion = from->diversion;
	call->out = from->out;
	call->relayed = from->relayed;
	call->map = from->map;
	call->sound = from->sound;
	call->held = from->held;
	call->ringing_noted = from->ringing_noted;
	call->referral[0] = from->referral[0];
	call->referral[1] = from->referral[1];
	call->transferred = from->transferred;
	call->caller.withheld = from->withheld;
	call->replaces = from->replaces;
	for (unsigned i = 0; i < from->n_legs && err == 0; i++)
		err = restore_leg(x, call, &from->leg[i]);
	if (err == 0 && from->session != 0)
		err = relay_restore(x->e, call, from->instance, from->session,
		    from->relay_closed);
	if (err)
		return err;
	call->emergency = from->emergency;
	channels_use(x->e->calls, call, from->channels);
	return from->talking ? restore_talking(x, call, from)
			     : restore_ringing(x, call, from);
}

/* The one leg of an answered call that needs no BYE any more: it sent one. */
static const struct leg *
who_hung_up(const struct call *call, uint16_t status)
{
	const struct leg *found = NULL;

	for (unsigned i = 0; i < call->n_legs && status == 200; i++) {
		const struct leg *leg = call->leg[i];

		if (leg == NULL || leg->state != LEG_OVER)
			continue;
		if (found != NULL)
			return NULL;
		found = leg;
	}
	return found;
}

static void
end_restored(const struct ctx *x, struct call *call, uint16_t status)
{
	const struct leg *by = who_hung_up(call, status);

	call_end(x, call,
	    (struct ending){ .status = status >= 200 ? status : 480,
		.why = by == NULL	 ? "signalling-restarted"
		       : by->index == 0 ? "caller-hung-up"
					: "called-hung-up",
		.by = by });
}

/* Nothing more is to be noted of a call whose record has ended. */
static int
restore(const struct ctx *x, uint64_t ticket, const struct saved_call *from,
    bool is_noted)
{
	struct calls *c = x->e->calls;
	struct call *call = pool_get(&c->pool);
	int err;

	if (call == NULL)
		return -ENOMEM;
	call->ticket = ticket;
	call->saved = true;
	err = restore_into(x, call, from);
	if (err) {
		call_drop(x, call);
		return err;
	}
	c->restored++;
	steps_log(x->st, STEP_INFO, "call-restored");
	steps_key_number(x->st, "call", ticket);
	steps_key_text(x->st, "from", TEXT_SPAN(call->caller.number));
	steps_key_text(x->st, "to", TEXT_SPAN(call->called.number));
	steps_key_number(x->st, "talking", from->talking);
	relay_claim(x, call);
	call->end_noted = is_noted;
	if (from->ending || is_noted)
		end_restored(x, call, from->end_status);
	else if (!from->talking && !conns_live(x->e->conns, &call->leg[0]->flow))
		end_restored(x, call, 480);
	else if (from->talking && from->request.len > 0)
		restore_reinvite(x, call, from);
	return 0;
}

static void
give_up(const struct ctx *x, uint64_t ticket, int err)
{
	struct ipc_call_note note = {
		.ticket = ticket,
		.state = CALL_ENDED,
		.reason = SPAN_LIT("not-restored"),
	};

	steps_log(x->st, STEP_WARN, "call-not-restored");
	steps_key_number(x->st, "call", ticket);
	steps_key_number(x->st, "errno", (uint64_t)-err);
	STEPS_ASK(x->st, &x->st->reg, CALL_NOTE, call_note, &note);
	say_gone(x->st, ticket);
}

static bool
is_known(const struct calls *c, uint64_t ticket)
{
	for (uint32_t i = 0; i < c->pool.n; i++) {
		const struct call *call = pool_at(&c->pool, i);

		if (call->ticket == ticket)
			return true;
	}
	return false;
}

static int
on_restore(const struct ctx *x, struct span payload)
{
	static struct saved_call saved;
	struct ipc_call_restore m;
	int err = get_call_restore(payload, &m);

	if (err)
		return err;
	if (is_known(x->e->calls, m.ticket))
		return 0;
	/* Not of a life before ours: it ended while registrar-db was away. */
	if (x->e->is_restored)
		err = -ENOENT;
	else if (m.version != CHECKPOINT_VERSION)
		err = -EPROTONOSUPPORT;
	if (err == 0)
		err = checkpoint_get(m.state, x->e->conf, &saved);
	if (err == 0)
		err = restore(x, m.ticket, &saved, !m.lives || saved.noted);
	if (err == -ENOENT && note_is_over(x->e->calls, m.ticket))
		say_gone(x->st, m.ticket);	/* its end is told already */
	else if (err)
		give_up(x, m.ticket, err);
	return 0;
}

static int
on_restored(const struct ctx *x, struct span payload)
{
	struct ipc_call_restored m;
	int err = get_call_restored(payload, &m);

	if (err)
		return err;
	if (!x->e->is_restored && m.calls > 0) {
		steps_log(x->st, STEP_INFO, "calls-restored");
		steps_key_number(x->st, "kept", m.calls);
		steps_key_number(x->st, "restored", x->e->calls->restored);
	}
	x->e->is_restored = true;
	tconns_claim(x->e, x->now, x->st);
	move_begin(x); /* it may have changed meanwhile */
	return 0;
}

int
restore_frame(struct edge *e, struct mono now, struct steps *st, uint16_t type,
    struct span payload)
{
	const struct ctx x = { e, now, st };

	return type == IPC_CALL_RESTORE ? on_restore(&x, payload)
					: on_restored(&x, payload);
}
