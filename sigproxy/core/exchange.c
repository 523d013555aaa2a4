/*
 * One phone asks, the other one answers: relaying a request to the other leg
 * and its answer back, ACK, and repeating a 2xx until then (RFC 3261
 * 13.3.1.4, 14; RFC 3311).
 */
#include <errno.h>

#include "common/base/secret.h"
#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/conns.h"
#include "sigproxy/core/leak.h"

/* ---- an exchange and its transactions ---- */

/* More than its own only of what no other call, begun or not, is owed. */
static bool
may_have_more(const struct calls *c, const struct call *call)
{
	return call->n_exchanges < CALL_EXCHANGES_OWN ||
	    (call->n_exchanges < CALL_EXCHANGES_MAX &&
		c->exchanges.n - c->exchanges.used > c->exchanges_owed);
}

struct exchange *
exchange_new(struct calls *c, struct call *call)
{
	struct exchange *ex = NULL;

	if (may_have_more(c, call))
		ex = pool_get(&c->exchanges);
	if (ex == NULL)
		return NULL;
	c->exchanges_owed -= call->n_exchanges < CALL_EXCHANGES_OWN;
	ex->call = call;
	ex->ack_wait.kind = TIMER_CALL_ACK;
	ex->ack_wait.owner = ex;
	ex->next = call->exchanges;
	call->exchanges = ex;
	call->n_exchanges++;
	return ex;
}

static void
unlink_exchange(struct calls *c, struct exchange *ex)
{
	struct call *call = ex->call;
	struct exchange **at = &call->exchanges;

	while (*at != ex)
		at = &(*at)->next;
	*at = ex->next;
	call->n_exchanges--;
	c->exchanges_owed += call->n_exchanges < CALL_EXCHANGES_OWN;
	if (call->pending == ex)
		call->pending = NULL;
	if (call->setup == ex)
		call->setup = NULL;
}

void
exchange_free(struct edge *e, struct exchange *ex)
{
	unlink_exchange(e->calls, ex);
	timerq_cancel(&e->timers, &ex->ack_wait);
	blob_drop(&e->txns.blobs, &ex->ack);
	if (ex->server != NULL) {
		ex->server->ops = NULL;
		ex->server->owner = NULL;
	}
	if (ex->client != NULL)
		ctxn_detach(ex->client);
	secret_wipe(&ex->offer, sizeof(ex->offer));
	pool_put(&e->calls->exchanges, ex);
}

/* Done with its INVITE, kept only to repeat its ACK. */
static bool
is_idle(const struct exchange *ex)
{
	return ex != ex->call->setup && ex->acked;
}

static struct exchange *
exchange_make_room(struct edge *e, struct call *call)
{
	struct exchange *oldest = NULL;

	for (struct exchange *ex = call->exchanges; ex != NULL; ex = ex->next)
		if (is_idle(ex))
			oldest = ex;
	if (!may_have_more(e->calls, call) && oldest != NULL)
		exchange_free(e, oldest);
	return exchange_new(e->calls, call);
}

static void refuse_exchange(
    const struct ctx *x, struct exchange *ex, unsigned status);

static void
server_cancelled(struct edge *e, struct mono now, struct steps *st,
    struct stxn *t, const struct sip_msg *cancel)
{
	struct ctx x = { e, now, st };
	struct exchange *ex = t->owner;
	struct call *call = ex->call;
	char mem[96];
	struct buf reason;

	if (ex != call->setup) {
		if (ex->awaits_ports)
			refuse_exchange(&x, ex, 487);
		else if (ex->client != NULL)
			ctxn_cancel(&e->txns, now, st, ex->client, SPAN_NONE);
		return;
	}
	/* "Answered elsewhere" and its like concern the phones that ring. */
	buf_init(&reason, mem, sizeof(mem));
	build_value(&reason, sip_value(cancel, SIP_H_REASON));
	if (buf_err(&reason) || leak_in(e->conf, buf_span(&reason)))
		reason.len = 0;
	fork_cancel(&x, call, NULL, buf_span(&reason));
	call_end(
	    &x, call, (struct ending){ .status = 487, .why = "cancelled" });
}

static void
server_ended(struct edge *e, struct mono now, struct steps *st, struct stxn *t)
{
	struct exchange *ex = t->owner;

	ex->server = NULL;
}

const struct stxn_ops exchange_server_ops = {
	.cancelled = server_cancelled,
	.ended = server_ended,
};

/* ---- 2xx and ACK ---- */

void
exchange_await_ack(const struct ctx *x, struct exchange *ex)
{
	ex->answered = true;
	ex->resend_ms = TIMER_T1_MS;
	ex->give_up = mono_add_ms(x->now, TIMER_64T1_MS);
	timerq_set(
	    &x->e->timers, &ex->ack_wait, mono_add_ms(x->now, TIMER_T1_MS));
}

void
exchange_ack_timer(const struct ctx *x, struct exchange *ex)
{
	struct call *call = ex->call;

	if (ex->awaits_ports) {
		relay_grow_no_more(ex->from);
		relay_grow_no_more(ex->to);
		exchange_ports_known(x, call);
		return;
	}
	if (mono_due(ex->give_up, x->now) || ex->server == NULL) {
		steps_log(x->st, STEP_WARN, "no-ack");
		steps_key_number(x->st, "call", call->ticket);
		steps_key_addr(x->st, "sent_to", &ex->from->flow.remote);
		call_end(
		    x, call, (struct ending){ .status = 408, .why = "no-ack" });
		return;
	}
	stxn_resend(&x->e->txns, x->st, ex->server);
	ex->resend_ms =
	    ex->resend_ms * 2 > TIMER_T2_MS ? TIMER_T2_MS : ex->resend_ms * 2;
	timerq_set(&x->e->timers, &ex->ack_wait,
	    mono_min(mono_add_ms(x->now, ex->resend_ms), ex->give_up));
}

/*
 * The body of an ACK: the answer to an offer that stood in the 2xx.
 *
 * Errors:  -EACCES less than what its phone must have, -EPROTONOSUPPORT none of
 *          the codecs it may; nobody can refuse it.
 */
static int
pass_ack_body(const struct ctx *x, struct exchange *ex,
    const struct sip_msg *msg, struct buf *body, struct span *out)
{
	struct passage p = { ex, ex->from, ex->to, SDP_ANSWER, false, NULL };
	struct media answer;
	int err;

	*out = SPAN_NONE;
	if (!ex->offer_in_answer)
		return 0;
	err = offer_pass(x->e, body, msg, p, &answer);
	if (err || !answer.known)
		return err;
	offer_settled(x, ex->to, &ex->offer, ex->from, &answer);
	session_keep_sdp(x, ex->to,
	    offer_sdp(offer_type(msg, buf_span(body)), buf_span(body)));
	ex->to->told = move_telling(x->e, ex->to);
	*out = buf_span(body);
	return 0;
}

/* An answer that is not what its phone may have. */
static bool
may_not(int err)
{
	return err == -EACCES || err == -EPROTONOSUPPORT;
}

void
exchange_ack(const struct ctx *x, struct leg *leg, const struct sip_msg *msg)
{
	struct call *call = leg->call;
	struct exchange *ex = call->exchanges;
	char mem[CALL_BYTES_MAX];
	struct span answer;
	struct leg *unanswered;
	struct buf body;
	int err;

	while (ex != NULL && (ex->from != leg || !ex->answered ||
				 ex->from_cseq != msg->cseq.number))
		ex = ex->next;
	if (ex == NULL || ex->acked)
		return;
	ex->acked = true;
	call_changed(x->e, call);
	timerq_cancel(&x->e->timers, &ex->ack_wait);
	if (call->pending == ex)
		call->pending = NULL;
	buf_init(&body, mem, sizeof(mem));
	err = pass_ack_body(x, ex, msg, &body, &answer);
	leg_ack_typed(
	    x, ex->to, ex->to_cseq, offer_type(msg, answer), answer, &ex->ack);
	if (may_not(err)) {
		call_end(x, call,
		    (struct ending){ .status = 488,
			.why = err == -EACCES ? "srtp-required" : "no-codec",
			.reason = err == -EACCES ? SECURE_REASON :
			    CODECS_REASON });
		return;
	}
	unanswered = ex != call->setup && ex->offer_in_answer &&
		answer.len == 0 ? ex->to : NULL;
	/* Without its transaction nobody asks for the ACK again. */
	if (ex != call->setup && ex->client == NULL)
		exchange_free(x->e, ex);
	if (unanswered != NULL && call->phase == CALL_TALKING)
		move_undo(x, unanswered, 1);
}

/* ---- relaying ---- */

void
exchange_refuse(
    const struct ctx *x, struct stxn *t, unsigned status, const char *headers)
{
	struct reply r = { .status = status, .headers = span_str(headers) };

	t->ops = NULL;
	(void)stxn_respond(&x->e->txns, x->now, x->st, t, &r);
}

/* Of an unanswered request that is no INVITE its sender knows by himself, and
 * at the same time: 408 would only meet the next one (RFC 4320 4.2). */
static bool
is_silent(const struct exchange *ex, unsigned status)
{
	return status == 408 && !ex->is_invite;
}

/* Answer to a request that waits, then let go of it. */
static void
refuse_exchange_with(const struct ctx *x, struct exchange *ex, unsigned status,
    const char *headers)
{
	struct reply r = { .status = status, .headers = span_str(headers) };

	if (ex->server != NULL && ex->server->status < 200 &&
	    !is_silent(ex, status))
		(void)stxn_respond(&x->e->txns, x->now, x->st, ex->server, &r);
	exchange_free(x->e, ex);
}

static void
refuse_exchange(const struct ctx *x, struct exchange *ex, unsigned status)
{
	refuse_exchange_with(x, ex, status, "");
}

void
exchange_end_leg(const struct ctx *x, const struct leg *leg)
{
	struct exchange *ex, *next;

	for (ex = leg->call->exchanges; ex != NULL; ex = next) {
		next = ex->next;
		if (ex != leg->call->setup &&
		    (ex->from == leg || ex->to == leg))
			refuse_exchange(x, ex, 487);
	}
}

static bool
refreshes_target(enum sip_method m)
{
	return m == SIP_INVITE || m == SIP_UPDATE;
}

/* The phone knows the INVITE by another number. */
static void
put_rack(struct buf *b, const struct leg *to, const struct sip_msg *msg)
{
	struct sip_rack rack;

	if (sip_rack_parse(sip_value(msg, SIP_H_RACK), &rack) != 0)
		return;
	build_open(b, SIP_H_RACK);
	buf_put_u64(b, rack.rseq);
	buf_putc(b, ' ');
	buf_put_u64(b, to->invite_cseq);
	buf_puts(b, " INVITE");
	build_close(b);
}

static int
put_relayed(const struct edge *e, struct buf *b, struct exchange *ex,
    const struct sip_msg *msg)
{
	struct passage p = { ex, ex->from, ex->to,
		ex->is_answer ? SDP_ANSWER : SDP_OFFER, false, NULL };
	char branch[BRANCH_LEN], mem[CALL_BYTES_MAX];
	struct span via_branch;
	struct media said;
	struct buf body;
	int err;

	buf_init(&body, mem, sizeof(mem));
	said = (struct media){ .known = false };
	if (refer_is(msg->method))
		err = refer_put_body(&body, msg);
	else
		err = offer_pass(e, &body, msg, p, &said);
	if (err)
		return err;
	ex->telling = move_telling(e, ex->to);
	if (!said.known)
		memcpy(ex->telling.rtp, ex->to->told.rtp,
		    sizeof(ex->telling.rtp));
	if (ex->is_answer)
		ex->to->peer_media = said;
	else
		ex->offer = said;
	ex->to_cseq = leg_cseq(ex->to, msg->cseq.number);
	via_branch =
	    txn_branch(&e->txns, msg, &ex->from->flow, ex->to->index, branch);
	leg_put_request_as(e, b, ex->to, ex->from, msg->method_name,
	    ex->to_cseq, via_branch, (uint8_t)(msg->max_forwards - 1));
	if (msg->method == SIP_PRACK)
		put_rack(b, ex->to, msg);
	if (refreshes_target(msg->method) || msg->method == SIP_REFER)
		headers_ours(b, msg);
	if (refreshes_target(msg->method) && ex->call->phase == CALL_TALKING)
		session_put_wish(ex->to, b);
	err = refer_put_headers(e, b, ex, msg);
	if (err)
		return err;
	headers_pass(e, b, msg, ex->from, ex->to);
	if (body.len > 0 && !refer_is(msg->method))
		headers_body(e, b, msg, ex->to, buf_span(&body));
	build_end(b, buf_span(&body));
	return buf_err(b);
}

static int
pass_answer_body(const struct ctx *x, struct exchange *ex,
    const struct sip_msg *msg, struct buf *body, struct media *said)
{
	struct passage p = { ex, ex->to, ex->from, SDP_ANSWER, false, NULL };

	*said = (struct media){ .known = false };
	if (msg->status >= 300 || ex->is_answer)
		return 0;
	if (!ex->offer.known)
		p.role = SDP_OFFER;
	return offer_pass(x->e, body, msg, p, said);
}

/* What only concerns us and the other phone reads as another status. */
static unsigned
status_to_pass(unsigned status)
{
	if (status >= 300 && status < 400)
		return 480;                  /* a redirection is not followed */
	if (status == 422)
		return 500; /* our timer there, not his */
	return status == 503 ? 500 : status; /* 16.7 step 6 */
}

/* An accepted INVITE or UPDATE refreshes both sessions (RFC 4028 10). */
static void
put_session(const struct ctx *x, struct exchange *ex, struct buf *b)
{
	struct sip_msg request;

	if (ex->call->phase == CALL_TALKING &&
	    stxn_request(ex->server, &request) == 0 &&
	    refreshes_target(request.method)) {
		session_accept(x, ex->from, &request, b);
	}
}

static int
answer_exchange(const struct ctx *x, struct exchange *ex,
    const struct sip_msg *msg, struct span body)
{
	char mem[CALL_BYTES_MAX / 2];
	struct reply r = {
		.status = status_to_pass(msg->status),
		.body = body,
	};
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	if (ex->is_invite || msg->status < 300)
		leg_put_contact(x->e, ex->from, &b);
	headers_ours(&b, msg);
	if (msg->status < 300)
		put_session(x, ex, &b);
	headers_pass(x->e, &b, msg, ex->to, ex->from);
	if (buf_err(&b))
		return buf_err(&b);
	r.headers = buf_span(&b);
	r.content_type = offer_type(msg, body);
	return stxn_respond(&x->e->txns, x->now, x->st, ex->server, &r);
}

static struct leg *
branch_of(const struct exchange *ex)
{
	return ex->from->index == 0 ? ex->to : ex->from;
}

/* The answer that was just built says where we are. */
static void
tell_asker(const struct ctx *x, struct exchange *ex)
{
	struct sip_msg m;

	ex->from->told.sip = move_telling(x->e, ex->from).sip;
	if (sip_parse(blob_span(&ex->server->answer), SIP_DATAGRAM, &m, NULL) ==
		0 &&
	    m.body.len > 0)
		move_told_media(x->e, ex->from);
}

/* Both Contacts of an accepted INVITE or UPDATE become the new targets, and
 * what was said is what a refresh of ours would say. */
static void
refresh_both(
    const struct ctx *x, struct exchange *ex, const struct sip_msg *answer)
{
	struct sip_msg request;

	if (stxn_request(ex->server, &request) == 0 &&
	    refreshes_target(request.method)) {
		leg_refresh(ex->from, &request);
		leg_refresh(ex->to, answer);
		if (ex->call->phase == CALL_TALKING)
			session_agreed(x, ex->to, answer);
		if (ex->client != NULL)
			session_keep_sent(x, ex->to, &ex->client->request);
		session_keep_sent(x, ex->from, &ex->server->answer);
		if (ex->call->phase == CALL_INVITING && ex->offer.known)
			session_keep_early(x, branch_of(ex));
		ex->to->told = ex->telling;
		tell_asker(x, ex);
	}
}

/* 481 and 408 end the dialog (12.2.1.2), but of REFER and NOTIFY only that
 * subscription (RFC 5057 5.1). */
static bool
ends_dialog(enum sip_method method, uint16_t status)
{
	return !refer_is(method) && (status == 481 || status == 408);
}

/* An offer that was answered before the call is (RFC 3262 5, RFC 3311 5). */
static void
settle_branch(
    const struct ctx *x, struct exchange *ex, const struct media *said)
{
	struct leg *branch = branch_of(ex);

	if (ex->is_answer) {
		branch->is_settled = branch->peer_media.known;
	} else if (ex->offer.known && said->known) {
		branch->media = branch == ex->to ? *said : ex->offer;
		branch->peer_media = branch == ex->to ? ex->offer : *said;
		branch->asked = branch == ex->from;
	} else {
		return;
	}
	offer_settled_early(x, branch);
}

static void
on_accepted(const struct ctx *x, struct exchange *ex, const struct sip_msg *msg,
    const struct media *said)
{
	refresh_both(x, ex, msg);
	if (ex->call->phase == CALL_INVITING || ex->is_answer) {
		settle_branch(x, ex, said);
	} else if (ex->offer.known) {
		offer_settled(x, ex->from, &ex->offer, ex->to, said);
	} else if (ex->is_invite && said->known) {
		ex->offer = *said;
		ex->offer_in_answer = true;
	}
	if (ex->is_invite)
		exchange_await_ack(x, ex);
	else
		exchange_free(x->e, ex);
}

/* Its phone accepted what the other one hears as refused. */
static void
on_unusable(const struct ctx *x, struct exchange *ex, const struct sip_msg *msg,
    int err)
{
	struct call *call = ex->call;
	struct leg *to = ex->to;
	uint64_t version = 0;

	if (ex->is_invite && msg->status < 300)
		leg_ack(x, to, ex->to_cseq, SPAN_NONE, NULL);
	if (msg->status < 300 && ex->offer.known && !ex->is_answer &&
	    call->phase == CALL_TALKING && ex->client != NULL)
		version = move_version(&ex->client->request);
	refuse_exchange_with(x, ex, may_not(err) ? 488 : 500,
	    !may_not(err) ? "" : err == -EACCES ?
		"Reason: " SECURE_REASON "\r\n" :
		"Reason: " CODECS_REASON "\r\n");
	if (version != 0)
		move_undo(x, to, version);
}

static void
on_final(const struct ctx *x, struct exchange *ex, const struct sip_msg *msg)
{
	struct call *call = ex->call;
	const struct leg *to = ex->to;
	enum sip_method method = ex->method;
	char mem[CALL_BYTES_MAX];
	struct media said;
	struct buf body;
	int err = -EPERM;

	if (method == SIP_REFER)
		refer_answered(x, ex, msg);
	call_changed(x->e, call);
	if (msg->status == 422)
		session_too_small(ex->to, msg);
	buf_init(&body, mem, sizeof(mem));
	/* Its challenge is for us, and we answer none. */
	if (msg->status != 401 && msg->status != 407)
		err = pass_answer_body(x, ex, msg, &body, &said);
	if (err ||
	    (!is_silent(ex, msg->status) &&
		answer_exchange(x, ex, msg, buf_span(&body)) != 0)) {
		on_unusable(x, ex, msg, err);
		return;
	}
	if (msg->status < 300) {
		on_accepted(x, ex, msg, &said);
		return;
	}
	exchange_free(x->e, ex);
	if (ends_dialog(method, msg->status) && call->phase == CALL_TALKING)
		call_end(x, call,
		    (struct ending){ .status = msg->status,
			.why = "dialog-unknown-to-phone",
			.by = to });
}

static void
exchange_response(struct edge *e, struct mono now, struct steps *st,
    struct ctxn *c, const struct sip_msg *msg)
{
	struct ctx x = { e, now, st };
	struct exchange *ex = c->owner;

	if (msg->status < 200) {
		if (ex->server != NULL && ex->server->status < 200)
			(void)stxn_status(
			    &e->txns, now, st, ex->server, msg->status);
		return;
	}
	if (ex->answered) {
		/* 2xx again: our ACK was lost, or has not come yet. */
		if (ex->acked && ex->ack.len > 0)
			steps_send(st, &ex->to->flow, blob_span(&ex->ack));
		return;
	}
	if (ex->server == NULL)
		exchange_free(e, ex);
	else
		on_final(&x, ex, msg);
}

static void
exchange_timeout(
    struct edge *e, struct mono now, struct steps *st, struct ctxn *c)
{
	struct ctx x = { e, now, st };
	struct exchange *ex = c->owner;
	struct call *call = ex->call;
	enum sip_method method = ex->method;

	if (method == SIP_REFER)
		refer_answered(&x, ex, NULL);
	/* Its connection is closed: it may come back by another one, and sound
	 * goes on meanwhile.  408 would end the dialog (14.1). */
	if (!conns_live(e->conns, &c->to)) {
		refuse_exchange_with(&x, ex, 480, "Retry-After: 5\r\n");
		return;
	}
	refuse_exchange(&x, ex, 408);
	/* While it rings there may be others; timer C sees to it. */
	if (ends_dialog(method, 408) && call->phase == CALL_TALKING)
		call_end(&x, call,
		    (struct ending){ .status = 408, .why = "phone-silent" });
}

static void
exchange_ended(
    struct edge *e, struct mono now, struct steps *st, struct ctxn *c)
{
	struct exchange *ex = c->owner;

	ex->client = NULL;
	if (ex->acked)
		exchange_free(e, ex);
}

static const struct ctxn_ops exchange_client_ops = {
	.response = exchange_response,
	.timeout = exchange_timeout,
	.ended = exchange_ended,
};

/*
 * An INVITE or offer without its answer.  The call's own INVITE is one until
 * its ACK; but once offer and answer passed reliably another offer may be made
 * by UPDATE or PRACK (RFC 3311 5.1, RFC 3262 5).
 */
static const struct exchange *
in_the_way(const struct leg *leg, const struct leg *to, enum sip_method method)
{
	const struct call *call = leg->call;
	const struct leg *branch = leg->index == 0 ? to : leg;
	const struct exchange *setup = call->setup;

	if (call->pending != NULL && call->pending != setup)
		return call->pending;
	if (setup != NULL && !setup->acked &&
	    (method == SIP_INVITE || !branch->is_settled))
		return setup;
	return NULL;
}

/* Offers must not cross (RFC 3261 14.2, RFC 3311 5.2). */
static bool
is_glare(const struct ctx *x, struct leg *leg, const struct leg *to,
    struct stxn *t, const struct sip_msg *msg)
{
	const struct exchange *pending = in_the_way(leg, to, msg->method);
	bool offers = msg->method == SIP_INVITE ||
		      (msg->body.len > 0 &&
			  (msg->method == SIP_UPDATE ||
			      (msg->method == SIP_PRACK && to->is_settled)));

	if (!offers || (pending == NULL && !session_is_offering(leg->call)))
		return false;
	if (pending != NULL && pending->from == leg)
		exchange_refuse(x, t, 500, "Retry-After: 3\r\n");
	else
		exchange_refuse(x, t, 491, "");
	return true;
}

static unsigned
refusal_of(int err)
{
	switch (err) {
	case -ENOMEM:
		return 500;
	case -EPERM:
		return 403;
	default:
		return offer_refusal(err);
	}
}

/* Send it to the other leg. */
static void
go_on(const struct ctx *x, struct exchange *ex, const struct sip_msg *msg)
{
	struct call *call = ex->call;
	char mem[CALL_BYTES_MAX];
	struct buf b;
	int err;

	buf_init(&b, mem, sizeof(mem));
	err = put_relayed(x->e, &b, ex, msg);
	if (err == 0)
		err = ctxn_send(&x->e->txns, x->now, x->st, &ex->to->flow,
		    buf_span(&b), &exchange_client_ops, ex, &ex->client);
	if (err) {
		refer_not_passed(x, ex->from, msg, refusal_of(err));
		refuse_exchange_with(x, ex, refusal_of(err), err == -EACCES
				? "Reason: " SECURE_REASON "\r\n" : "");
		return;
	}
	refer_sent(x, ex, msg);
	if (ex->is_invite || (ex->offer.known && !ex->is_answer))
		call->pending = ex;
}

/* Streams that its offer adds have no ports yet: it goes on with them. */
static bool
await_ports(const struct ctx *x, struct exchange *ex, const struct sip_msg *msg)
{
	struct passage p = { ex, ex->from, ex->to, SDP_OFFER, true, NULL };
	uint8_t n;
	bool from_has, to_has;

	if (ex->is_answer || msg->body.len == 0 ||
	    !offer_is_relayed(ex->from, ex->to) || refer_is(msg->method))
		return false;
	n = offer_streams(x->e, msg, p);
	from_has = relay_grow(x, ex->from, n);
	to_has = relay_grow(x, ex->to, n);
	if (from_has && to_has)
		return false;
	ex->awaits_ports = true;
	ex->call->pending = ex;
	timerq_set(&x->e->timers, &ex->ack_wait,
	    mono_add_ms(x->now, CALL_RELAY_MS));
	return true;
}

static void
stop_awaiting(const struct ctx *x, struct exchange *ex)
{
	struct sip_msg msg;

	ex->awaits_ports = false;
	timerq_cancel(&x->e->timers, &ex->ack_wait);
	if (ex->server == NULL || stxn_request(ex->server, &msg) != 0)
		exchange_free(x->e, ex);
	else
		go_on(x, ex, &msg);
}

void
exchange_ports_known(const struct ctx *x, struct call *call)
{
	struct exchange *ex, *next;

	for (ex = call->exchanges; ex != NULL; ex = next) {
		next = ex->next;
		if (ex->awaits_ports && !relay_is_growing(ex->from) &&
		    !relay_is_growing(ex->to))
			stop_awaiting(x, ex);
	}
}

void
exchange_relay(const struct ctx *x, struct leg *leg, struct leg *to,
    struct stxn *t, const struct sip_msg *msg)
{
	struct call *call = leg->call;
	struct exchange *ex;

	if (is_glare(x, leg, to, t, msg))
		return;
	ex = exchange_make_room(x->e, call);
	if (ex == NULL) {
		exchange_refuse(x, t, 500, "Retry-After: 5\r\n");
		return;
	}
	ex->from = leg;
	ex->to = to;
	ex->server = t;
	ex->from_cseq = msg->cseq.number;
	ex->method = msg->method;
	ex->is_invite = msg->method == SIP_INVITE;
	ex->is_answer =
	    msg->method == SIP_PRACK && to->offered && !to->is_settled;
	if (ex->is_answer)
		ex->offer = to->media;
	t->ops = &exchange_server_ops;
	t->owner = ex;
	if (ex->is_invite)
		(void)stxn_status(&x->e->txns, x->now, x->st, t, 100);
	if (!await_ports(x, ex, msg))
		go_on(x, ex, msg);
}
