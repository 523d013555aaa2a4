/*
 * Branches: every device of the called number rings, the first 2xx wins, the
 * best refusal is passed on when all refuse (RFC 3261 16.7).
 */
#include <errno.h>

#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/conns.h"

#define ELSEWHERE "SIP;cause=200;text=\"Call completed elsewhere\""

/* A phone repeats its 2xx eleven times (13.3.1.4), and some phones may stand
 * behind one branch; each 2xx can make us send ACK and BYE. */
#define ANSWERS_MAX 50

static const struct ctxn_ops branch_ops;
static void on_refused(const struct ctx *x, struct leg *leg,
    const struct sip_msg *msg, uint16_t status);

/* ---- INVITE to each branch ---- */

static void
put_identity(const struct edge *e, struct buf *b, const struct leg *leg)
{
	if (leg->trunk != 0) {
		trunk_put_identity(e, b, leg);
		buf_put(b, e->calls->answer);
		return;
	}
	if (leg_is_external(leg))
		return;
	build_open(b, SIP_H_P_ASSERTED_IDENTITY);
	headers_put_party(e, b, &leg->call->caller);
	build_close(b);
}

/* How many branches there may be below this request (RFC 5393 5.3.3).  No wish:
 * more than there are. */
static uint32_t
max_breadth(const struct sip_msg *msg)
{
	uint32_t n;

	return sip_delta_parse(sip_value(msg, SIP_H_MAX_BREADTH), &n) == 0
		   ? n
		   : UINT32_MAX;
}

/* Devices that ring: the other flows of one are tried after each other. */
static unsigned
n_devices(const struct call *call)
{
	unsigned n = 0;

	for (unsigned i = call->base; i < call->n_legs; i++)
		n += call->leg[i] == NULL || call->leg[i]->spare_of == 0;
	/* One of before a redirection may be asked once more. */
	return n > 0 ? n : 1;
}

static void
put_breadth(struct buf *b, const struct call *call, const struct sip_msg *msg)
{
	if (sip_has(msg, SIP_H_MAX_BREADTH))
		build_hdr_u64(b, SIP_H_MAX_BREADTH,
		    max_breadth(msg) / n_devices(call));
}

/* By whom the caller was sent here, and what it is to take the place of. */
static int
put_transfer(const struct edge *e, struct buf *b, const struct leg *leg,
    const struct sip_msg *msg)
{
	const struct call *call = leg->call;

	if (call->referred_by.number.len > 0)
		refer_put_by(e, b, &call->referred_by, leg);
	return call->replaces != 0 ? replaces_put(e, b, leg, msg) : 0;
}

static int
put_invite(const struct edge *e, struct buf *b, struct leg *leg,
    const struct sip_msg *msg, struct media *offer)
{
	struct call *call = leg->call;
	const struct leg *caller = call->leg[0];
	struct passage p = { call->setup, caller, leg, SDP_OFFER, false, NULL };
	char branch[BRANCH_LEN], body_mem[CALL_BYTES_MAX];
	uint32_t which;
	struct buf body;
	int err;

	buf_init(&body, body_mem, sizeof(body_mem));
	err = offer_pass(e, &body, msg, p, offer);
	if (err)
		return err;
	leg->invite_cseq = leg_cseq(leg, msg->cseq.number);
	which = leg->index + CALL_LEGS_MAX * (uint32_t)leg->n_invites++;
	leg_put_request(e, b, leg, SPAN_LIT("INVITE"), leg->invite_cseq,
	    txn_branch(&e->txns, msg, &caller->flow, which, branch),
	    (uint8_t)(msg->max_forwards - 1 - call->diversion.n));
	headers_ours(b, msg);
	session_put_wish(leg, b);
	put_breadth(b, call, msg);
	put_identity(e, b, leg);
	err = put_transfer(e, b, leg, msg);
	if (err)
		return err;
	divert_put(e, b, leg);
	headers_pass(e, b, msg, caller, leg);
	if (body.len > 0)
		headers_body(e, b, msg, leg, buf_span(&body));
	build_end(b, buf_span(&body));
	return buf_err(b);
}

/* ---- several flows of one phone (RFC 5626 5.3) ---- */

/* Another flow of this branch's phone that was not tried yet. */
static struct leg *
find_spare(const struct leg *leg)
{
	struct call *call = leg->call;
	unsigned of = leg->spare_of != 0 ? leg->spare_of : leg->index;

	for (unsigned i = 1; i < call->n_legs; i++) {
		struct leg *other = call->leg[i];

		if (other != NULL && other->is_spare && other->spare_of == of &&
		    (!other->relayed || relay_is_ready(other)))
			return other;
	}
	return NULL;
}

static int
send_invite(const struct ctx *x, struct leg *leg, const struct sip_msg *msg,
    struct media *offer)
{
	char mem[CALL_BYTES_MAX];
	struct buf b;
	int err;

	if (leg->n_invites == 0)
		leg->srtp_way = (uint8_t)secure_first_way(x->e->calls, leg);
	buf_init(&b, mem, sizeof(mem));
	err = put_invite(x->e, &b, leg, msg, offer);
	if (err)
		return err;
	err = ctxn_send(&x->e->txns, x->now, x->st, &leg->flow, buf_span(&b),
	    &branch_ops, leg, &leg->invite);
	if (err)
		return err;
	leg->state = LEG_CALLING;
	leg->told = move_telling(x->e, leg);
	leg->peer_media = *offer;
	timerq_set(&x->e->timers, &leg->timer_c,
	    mono_add_ms(x->now, leg->trunk != 0 ? trunk_wait_ms(x->e, leg) :
		find_spare(leg) != NULL ? CALL_FLOW_MS : CALL_TIMER_C_MS));
	return 0;
}

int
fork_again(const struct ctx *x, struct leg *leg, const struct sip_msg *msg,
    struct span invite)
{
	struct call *call = leg->call;
	struct passage p = { call->setup, call->leg[0], leg, SDP_OFFER, false,
		NULL };
	char mem[CALL_BYTES_MAX];
	struct media offer;
	struct buf body;
	int err;

	err = ctxn_send(&x->e->txns, x->now, x->st, &leg->flow, invite,
	    &branch_ops, leg, &leg->invite);
	if (err)
		return err;
	timerq_set(&x->e->timers, &leg->timer_c,
	    mono_add_ms(x->now, leg->trunk != 0 && leg->state == LEG_CALLING ?
		trunk_wait_ms(x->e, leg) : CALL_TIMER_C_MS));
	/* Only for what the offer says: the bytes went out already. */
	buf_init(&body, mem, sizeof(mem));
	if (offer_pass(x->e, &body, msg, p, &offer) != 0)
		return 0;
	if (!call->setup->offer.known)
		call->setup->offer = offer;
	/* Of its events only some were kept; which ones its answer tells. */
	if (!leg->offered && !leg->is_settled)
		leg->peer_media = offer;
	return 0;
}

/* The way to a phone failed, not the phone: call it by its next one.
 * False: there is none. */
static bool
try_spare(const struct ctx *x, const struct leg *failed)
{
	struct call *call = failed->call;
	struct media offer = { .known = false };
	struct sip_msg msg;
	struct leg *leg;

	if (call->phase != CALL_INVITING || call->setup->server == NULL ||
	    stxn_request(call->setup->server, &msg) != 0)
		return false;
	while ((leg = find_spare(failed)) != NULL) {
		leg->is_spare = false;
		if (!conns_live(x->e->conns, &leg->flow) ||
		    send_invite(x, leg, &msg, &offer) != 0)
			continue;
		leg->status = 0;
		if (offer.known && !call->setup->offer.known)
			call->setup->offer = offer;
		call_changed(x->e, call);
		return true;
	}
	return false;
}

static uint16_t
refusal_of(int err)
{
	if (err == -ENOENT)
		return 481; /* what it was to replace */
	return err == -ENOMEM ? 480 : offer_refusal(err);
}

static struct ending
ending_of(int err)
{
	if (err == -EPROTONOSUPPORT)
		return (struct ending){ .status = 488, .why = "no-codec",
			.reason = CODECS_REASON };
	if (err == -EACCES)
		return (struct ending){ .status = refusal_of(err),
			.why = "srtp-required", .reason = SECURE_REASON };
	return (struct ending){ .status = refusal_of(err),
		.why = "no-invite-possible" };
}

void
fork_start(const struct ctx *x, struct call *call)
{
	struct sip_msg msg;
	unsigned sent = 0;
	int err = -ENOMEM;

	call->phase = CALL_INVITING;
	timerq_set(
	    &x->e->timers, &call->timer, mono_add_ms(x->now, CALL_SETUP_MS));
	if (stxn_request(call->setup->server, &msg) != 0)
		return;
	if (max_breadth(&msg) < n_devices(call)) {
		call_end(x, call,
		    (struct ending){ .status = 440, .why = "too-broad" });
		return;
	}
	for (unsigned i = call->base; i < call->n_legs; i++) {
		struct leg *leg = call->leg[i];
		struct media offer = { .known = false };

		leg->state = LEG_OVER;
		leg->status = 480;
		if (leg->is_spare || (leg->relayed && !relay_is_ready(leg)))
			continue;
		err = send_invite(x, leg, &msg, &offer);
		if (err)
			continue;
		leg->status = 0;
		sent++;
		call_changed(x->e, call);
		if (offer.known && !call->setup->offer.known)
			call->setup->offer = offer;
	}
	call->setup->offer_in_answer = msg.body.len == 0;
	if (sent > 0)
		(void)stxn_status(
		    &x->e->txns, x->now, x->st, call->setup->server, 100);
	if (sent == 0)
		call_end(x, call, ending_of(err));
}

/* ---- the branches' answers ---- */

/* Headers of an answer on its way to the caller. */
static void
put_answer_headers(const struct ctx *x, struct buf *b, struct leg *leg,
    const struct sip_msg *msg, uint32_t rseq)
{
	struct leg *caller = leg->call->leg[0];

	leg_put_contact(x->e, caller, b);
	headers_ours(b, msg);
	if (rseq != 0) {
		build_hdr_str(b, SIP_H_REQUIRE, "100rel");
		build_hdr_u64(b, SIP_H_RSEQ, rseq);
	}
	if (msg->status >= 200 &&
	    stxn_request(leg->call->setup->server, &x->e->stored) == 0)
		session_accept(x, caller, &x->e->stored, b);
	headers_pass(x->e, b, msg, leg, caller);
}

/* rseq: 0 for an answer that needs no PRACK. */
static int
answer_caller(const struct ctx *x, struct leg *leg, const struct sip_msg *msg,
    struct span body, uint32_t rseq)
{
	struct call *call = leg->call;
	char mem[CALL_BYTES_MAX / 2];
	struct reply r = {
		.status = msg->status,
		.to_tag = TEXT_SPAN(leg->tag),
		.body = body,
		.record_route = true,
	};
	struct span sdp;
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	put_answer_headers(x, &b, leg, msg, rseq);
	if (body.len > 0)
		build_copy(&b, msg, SIP_H_CONTENT_DISPOSITION);
	if (buf_err(&b))
		return buf_err(&b);
	r.headers = buf_span(&b);
	r.content_type = offer_type(msg, body);
	sdp = offer_sdp(r.content_type, body);
	session_keep_sdp(x, call->leg[0], sdp);
	call->leg[0]->told.sip = move_telling(x->e, call->leg[0]).sip;
	if (sdp.len > 0)
		session_keep_early(x, leg);
	if (body.len > 0)
		move_told_media(x->e, call->leg[0]);
	return stxn_respond(
	    &x->e->txns, x->now, x->st, call->setup->server, &r);
}

/*
 * RSeq of a provisional answer that wants a PRACK; 0: it wants none, or its
 * phone ought to have known that the caller sends none.  Numbers are the
 * phone's own: towards the caller each branch is a dialog of its own (RFC 3262
 * 4), and a copy of its answer is a copy there too.
 */
static uint32_t
reliable_number(const struct call *call, const struct sip_msg *msg)
{
	uint32_t n;

	if (!call->reliable || !sip_lists(msg, SIP_H_REQUIRE, "100rel") ||
	    sip_delta_parse(sip_value(msg, SIP_H_RSEQ), &n) != 0 ||
	    n > INT32_MAX)
		return 0;
	return n;
}

/* Early media of the first branch that has some; others ring without.  What
 * comes reliably must arrive: it is the dialog's offer or answer. */
static bool
may_have_early_media(
    const struct leg *leg, const struct sip_msg *msg, bool reliable)
{
	const struct call *call = leg->call;

	if (!sip_body_is(msg, "application", "sdp") && !body_is_multipart(msg))
		return false;
	if (reliable)
		return true;
	return !call->setup->offer_in_answer &&
	       (call->early == NULL || call->early == leg);
}

/* What a provisional answer's SDP said. */
static void
on_early_media(const struct ctx *x, struct leg *leg, const struct media *said,
    bool reliable)
{
	/* Nothing is to be learnt from a copy. */
	if (!said->known || leg->is_settled)
		return;
	leg->media = *said;
	if (leg->call->setup->offer_in_answer)
		leg->offered = leg->asked = true; /* the PRACK answers it */
	else
		leg->is_settled = reliable;
	if (!leg->offered)
		offer_settled_early(x, leg);
}

static void
on_provisional(const struct ctx *x, struct leg *leg, const struct sip_msg *msg)
{
	struct call *call = leg->call;
	struct passage p = { call->setup, leg, call->leg[0],
		call->setup->offer_in_answer ? SDP_OFFER : SDP_ANSWER,
		false, NULL };
	struct media said = { .known = false };
	uint32_t rseq = reliable_number(call, msg);
	char mem[CALL_BYTES_MAX];
	struct buf body;

	if (call->phase != CALL_INVITING || leg->state == LEG_LOST ||
	    call->setup->server == NULL || leg_learn(leg, msg) != 0)
		return;
	timerq_set(
	    &x->e->timers, &leg->timer_c, mono_add_ms(x->now, CALL_TIMER_C_MS));
	leg->state = LEG_EARLY;
	if (rseq > leg->rseq)
		leg->rseq = rseq;
	call_changed(x->e, call);
	note_ringing(x->st, call);
	buf_init(&body, mem, sizeof(mem));
	if (may_have_early_media(leg, msg, rseq != 0) &&
	    offer_pass(x->e, &body, msg, p, &said) != 0)
		body.len = 0;
	on_early_media(x, leg, &said, rseq != 0);
	(void)answer_caller(x, leg, msg, buf_span(&body), rseq);
}

/* A 2xx nobody needs: the phone thinks it is in a call, so end that. */
static void
hang_up(const struct ctx *x, struct leg *leg, const struct sip_msg *msg)
{
	bool again =
	    leg->state == LEG_OVER && span_eq(TEXT_SPAN(leg->tag), msg->to.tag);

	if (leg_learn(leg, msg) != 0)
		return;
	leg_ack(x, leg, leg->invite_cseq, SPAN_NONE, NULL);
	if (!again)
		leg_bye(x, leg, NULL, NULL, NULL, NULL);
	leg->state = LEG_OVER;
}

static void
begin_talk(const struct ctx *x, struct leg *leg)
{
	struct call *call = leg->call;
	struct leg *caller = call->leg[0];
	uint8_t channels = (uint8_t)((leg_is_external(caller) ? 1 : 0) +
				     (leg_is_external(leg) ? 1 : 0));

	call->callee = leg;
	leg->state = LEG_CONFIRMED;
	caller->state = LEG_CONFIRMED;
	call->setup->to = leg;
	call->setup->to_cseq = leg->invite_cseq;
	call->answered = x->now;
	x->e->calls->answered++;
	timerq_cancel(&x->e->timers, &leg->timer_c);
	timerq_cancel(&x->e->timers, &call->timer);
	fork_cancel(x, call, leg, SPAN_LIT(ELSEWHERE));
	channels_use(x->e->calls, call, channels);
	if (!leg->relayed && call->relayed) {
		relay_close(x->e, x->st, call);
		call->relayed = false;
	}
}

/* Offer and answer passed before: the 2xx says nothing new (RFC 3261 13.2.1),
 * or what a phone says once more. */
static void
settle_from_early(
    const struct ctx *x, struct leg *leg, const struct media *said)
{
	struct exchange *setup = leg->call->setup;

	setup->offer_in_answer = false;
	if (said->known && !leg->offered && !leg->is_settled)
		leg->media = *said;
	offer_settled_branch(x, leg);
}

static int
pass_2xx(const struct ctx *x, struct leg *leg, const struct sip_msg *msg,
    struct media *said)
{
	struct exchange *setup = leg->call->setup;
	struct passage p = { setup, leg, leg->call->leg[0],
		setup->offer_in_answer ? SDP_OFFER : SDP_ANSWER, false, NULL };
	char mem[CALL_BYTES_MAX];
	struct buf body;
	int err;

	*said = (struct media){ .known = false };
	buf_init(&body, mem, sizeof(mem));
	err = leg_learn(leg, msg);
	if (err == 0 && !leg->offered)
		err = offer_pass(x->e, &body, msg, p, said);
	if (err == 0)
		err = answer_caller(x, leg, msg, buf_span(&body), 0);
	return err;
}

/* A 2xx that the caller cannot get. */
static struct ending
unusable(int err)
{
	if (err == -EACCES || err == -EPROTONOSUPPORT)
		return ending_of(err);
	return (struct ending){ .status = 500, .why = "answer-unusable" };
}

static void
on_win(const struct ctx *x, struct leg *leg, const struct sip_msg *msg)
{
	struct call *call = leg->call;
	struct exchange *setup = call->setup;
	struct media said;
	int err = pass_2xx(x, leg, msg, &said);

	if (err) {
		hang_up(x, leg, msg);
		call_end(x, call, unusable(err));
		return;
	}
	begin_talk(x, leg);
	session_agreed(x, leg, msg);
	session_keep_winner(x, leg);
	if (setup->offer_in_answer && !leg->offered)
		setup->offer = said;
	else
		settle_from_early(x, leg, &said);
	call->phase = CALL_TALKING;
	call_changed(x->e, call);
	note_answered(x->st, call);
	replaces_settled(x, call, true);
	exchange_await_ack(x, setup);
	move_answered(x, leg);
}

/* The phone repeats its 2xx: our ACK was lost, or is not sent yet. */
static void
on_2xx_again(const struct ctx *x, struct leg *leg, const struct sip_msg *msg)
{
	struct exchange *setup = leg->call->setup;

	if (!span_eq(TEXT_SPAN(leg->tag), msg->to.tag)) {
		/* Another phone behind this branch answered as well. */
		struct leg other = *leg;

		other.state = LEG_LOST;
		hang_up(x, &other, msg);
		return;
	}
	if (setup != NULL && setup->acked && setup->ack.len > 0)
		steps_send(x->st, &leg->flow, blob_span(&setup->ack));
}

static void
on_2xx(const struct ctx *x, struct leg *leg, const struct sip_msg *msg)
{
	struct call *call = leg->call;

	if (leg->n_2xx == ANSWERS_MAX)
		return;
	leg->n_2xx++;
	timerq_cancel(&x->e->timers, &leg->timer_c);
	/* Without a tag there is no dialog that we could end. */
	if (msg->to.tag.len == 0) {
		if (leg != call->callee && leg->state != LEG_OVER)
			on_refused(x, leg, NULL, 500);
		return;
	}
	if (leg == call->callee) {
		on_2xx_again(x, leg, msg);
	} else if (call->phase == CALL_INVITING && leg->state != LEG_LOST &&
		   leg->state != LEG_OVER && call->setup->server != NULL) {
		on_win(x, leg, msg);
	} else {
		hang_up(x, leg, msg);
		call_settle(x, call);
	}
}

/* ---- choosing the best refusal ---- */

/* Lower is better for the caller to know. */
static unsigned
rank(const struct leg *leg)
{
	if (leg->status >= 600)
		return 0;
	if (leg->diverts_to.len > 0)
		return 1;
	switch (leg->status) {
	case 486:
		return 2;
	case 480:
		return 4;
	case 408:
	case 487:
		return 5;
	default:
		return leg->status < 500 ? 3 : 6;
	}
}

bool
fork_is_ours_alone(uint16_t status)
{
	switch (status) {
	case 401:
	case 407:
	case 408:
	case 422:
	case 430:
	case 481:
	case 487:
	case 503:
		return true;
	default:
		return status < 400;
	}
}

static bool
is_done(const struct leg *leg)
{
	return leg == NULL || leg->status != 0;
}

static void
check_done(const struct ctx *x, struct call *call, const struct leg *last,
    const struct sip_msg *msg)
{
	static const char *const timed_out =
	    "SIP;cause=408;text=\"Request Timeout\"";
	struct ending how = { .why = "refused" };
	const struct leg *of = NULL;
	uint16_t best;

	for (unsigned i = call->base; i < call->n_legs; i++) {
		const struct leg *leg = call->leg[i];

		if (!is_done(leg) && last->status < 600)
			return;
		if (leg != NULL && leg->status != 0 && !leg->is_spare &&
		    (of == NULL || rank(leg) < rank(of)))
			of = leg;
	}
	if (of != NULL && (trunk_next(x, call, of->status) ||
	    divert_begin(x, call, of)))
		return;
	best = of != NULL ? of->status : 0;
	how.status = best;
	if (best == 408) {
		how.why = "no-answer";
		how.reason = timed_out;
	} else if (best >= 300 && best < 400) {
		how.why = "redirected";
		how.reason = DIVERT_REFUSED;
	}
	if (msg != NULL && last->status == best) {
		how.cause = msg;
		how.by = last;
	}
	if (fork_is_ours_alone(best))
		how.status = 480;
	call_end(x, call, how);
}

/* Another INVITE: its session timer is to be longer (RFC 4028 7.3), or it
 * wants its media the other way, with SRTP or without. */
static bool
may_ask_again(struct leg *leg, const struct sip_msg *msg)
{
	return msg->status == 422 ? session_may_ask_again(leg, msg)
				  : secure_other_way(leg, msg->status);
}

static bool
ask_again(const struct ctx *x, struct leg *leg, const struct sip_msg *msg)
{
	struct call *call = leg->call;
	struct media offer;
	struct sip_msg request;

	if (call->phase != CALL_INVITING || leg->state == LEG_LOST ||
	    call->setup->server == NULL || !may_ask_again(leg, msg) ||
	    stxn_request(call->setup->server, &request) != 0)
		return false;
	leg->tag.len = 0;
	if (send_invite(x, leg, &request, &offer) != 0)
		return false;
	call_changed(x->e, call);
	return true;
}

static void
on_refused(const struct ctx *x, struct leg *leg, const struct sip_msg *msg,
    uint16_t status)
{
	struct call *call = leg->call;
	bool flow_failed = leg->state == LEG_CALLING &&
	    (status == 430 || (status == 408 && msg == NULL));

	bool has_invite = leg->invite != NULL;

	timerq_cancel(&x->e->timers, &leg->timer_c);
	if (leg->invite != NULL)
		ctxn_detach(leg->invite);
	leg->invite = NULL;
	if (msg != NULL &&
	    (trunk_is_challenged(x, leg, msg) || ask_again(x, leg, msg)))
		return;
	trunk_note_end(x, leg, msg, status, has_invite);
	exchange_end_leg(x, leg);
	if (leg->status == 0) { /* not yet given up by timer C */
		leg->status = status;
		divert_learn(x, leg, msg);
	}
	leg->state = LEG_OVER;
	call_changed(x->e, call);
	if (call->phase == CALL_INVITING) {
		if (!call->diversion.asked && leg->index >= call->base &&
		    (!flow_failed || !try_spare(x, leg)))
			check_done(x, call, leg, msg);
		return;
	}
	if (call->phase == CALL_TALKING) {
		leg_free(x->e, leg);
		return;
	}
	call_settle(x, call);
}

static void
branch_response(struct edge *e, struct mono now, struct steps *st,
    struct ctxn *c, const struct sip_msg *msg)
{
	struct ctx x = { e, now, st };
	struct leg *leg = c->owner;

	if (msg->status < 200)
		on_provisional(&x, leg, msg);
	else if (msg->status < 300)
		on_2xx(&x, leg, msg);
	else
		on_refused(&x, leg, msg, msg->status);
}

static void
branch_timeout(
    struct edge *e, struct mono now, struct steps *st, struct ctxn *c)
{
	struct ctx x = { e, now, st };

	on_refused(&x, c->owner, NULL, 408);
}

static void
branch_ended(struct edge *e, struct mono now, struct steps *st, struct ctxn *c)
{
	struct ctx x = { e, now, st };
	struct leg *leg = c->owner;
	struct call *call = leg->call;

	leg->invite = NULL;
	if (leg != call->callee && call->phase == CALL_TALKING)
		leg_free(e, leg);
	else
		call_settle(&x, call);
}

static const struct ctxn_ops branch_ops = {
	.response = branch_response,
	.timeout = branch_timeout,
	.ended = branch_ended,
};

/* ---- cancelling ---- */

void
fork_cancel(const struct ctx *x, struct call *call, const struct leg *keep,
    struct span reason)
{
	for (unsigned i = 1; i < call->n_legs; i++) {
		struct leg *leg = call->leg[i];

		if (leg == NULL || leg == keep || leg == call->callee)
			continue;
		timerq_cancel(&x->e->timers, &leg->timer_c);
		if (call->callee != NULL)
			relay_close_end(x->st, leg);
		if (leg->state == LEG_OVER || leg->invite == NULL)
			continue;
		leg->state = LEG_LOST;
		exchange_end_leg(x, leg);
		ctxn_cancel(&x->e->txns, x->now, x->st, leg->invite, reason);
	}
}

void
fork_timer_c(const struct ctx *x, struct leg *leg)
{
	struct call *call = leg->call;

	bool flow_failed;

	if (leg->invite == NULL && call->out.asked) {
		call->out.asked = false;
		fork_branch_failed(x, leg, 408);
		return;
	}
	if (leg->invite == NULL || leg->state == LEG_LOST)
		return;
	if (trunk_may_go_on(x, leg)) {
		leg->is_slow = true;
		timerq_set(&x->e->timers, &leg->timer_c,
		    mono_add_ms(x->now, CALL_TIMER_C_MS));
		return;
	}
	flow_failed = leg->state == LEG_CALLING;
	trunk_note_end(x, leg, NULL, 408, true);
	leg->state = LEG_LOST;
	leg->status = 408;
	exchange_end_leg(x, leg);
	ctxn_cancel(&x->e->txns, x->now, x->st, leg->invite, SPAN_NONE);
	if (call->phase == CALL_INVITING &&
	    (!flow_failed || !try_spare(x, leg)))
		check_done(x, call, leg, NULL);
}

void
fork_branch_failed(const struct ctx *x, struct leg *leg, uint16_t status)
{
	on_refused(x, leg, NULL, status);
}

void
fork_answer(const struct ctx *x, struct leg *leg, struct span line)
{
	struct call *call = leg->call;
	struct media offer;
	struct sip_msg request;
	int err = -ENOENT;

	leg->tag.len = 0;
	x->e->calls->answer = line;
	if (call->setup->server != NULL &&
	    stxn_request(call->setup->server, &request) == 0)
		err = send_invite(x, leg, &request, &offer);
	x->e->calls->answer = SPAN_NONE;
	if (err)
		fork_branch_failed(x, leg, 500);
	else
		call_changed(x->e, call);
}

void
fork_give_up(const struct ctx *x, struct call *call)
{
	if (call->diversion.asked) {
		divert_refuse(x, call);
		return;
	}
	call_end(x, call,
	    (struct ending){ .status = 480,
		.why = "no-answer",
		.reason = "SIP;cause=408;text=\"Request Timeout\"" });
}
