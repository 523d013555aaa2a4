/*
 * Session timers on each leg (RFC 4028): what is agreed with a phone, our own
 * refreshes, and the end of a leg that is refreshed no more.
 */
#include "common/base/secret.h"
#include "sigproxy/core/audit.h"
#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/conns.h"

enum {
	ASK_AGAIN_MAX = 3,         /* 422 in a row */
	GRACE_S = 32,              /* RFC 4028 10: BYE so long before the end */
	RETRY_MS = 10000,          /* after a refusal that says nothing */
	BUSY_MS = 2000,            /* while another offer is under way */
	RESTORED_GRACE_MS = 32000, /* a refresh may have been missed */
};

static const struct ctxn_ops refresh_ops;

/* ---- what messages say ---- */

/* Session-Expires.  Gives 0 when there is none that can be read. */
static uint32_t
wished(const struct sip_msg *m, struct span *refresher)
{
	struct sip_param p;
	struct sip_word w;
	uint32_t s;

	*refresher = SPAN_NONE;
	if (sip_word_parse(sip_value(m, SIP_H_SESSION_EXPIRES), &w) != 0 ||
	    sip_delta_parse(w.word, &s) != 0)
		return 0;
	if (sip_param_find(w.params, "refresher", &p) == 0)
		*refresher = p.value;
	return s > SESSION_MAX_S ? SESSION_MAX_S : s;
}

/* Min-SE; some phones add parameters. */
static uint32_t
least(const struct sip_msg *m)
{
	struct sip_word w;
	uint32_t s;

	if (sip_word_parse(sip_value(m, SIP_H_MIN_SE), &w) != 0 ||
	    sip_delta_parse(w.word, &s) != 0)
		return 0;
	return s > SESSION_MAX_S ? SESSION_MAX_S : s;
}

static uint32_t
max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

void
session_learn(struct leg *leg, const struct sip_msg *msg)
{
	if (sip_has(msg, SIP_H_ALLOW))
		leg->session.takes_update =
		    sip_lists(msg, SIP_H_ALLOW, "UPDATE");
}

/* ---- the timer ---- */

static void
arm(const struct ctx *x, struct leg *leg)
{
	struct session *s = &leg->session;

	timerq_set(&x->e->timers, &s->timer,
	    s->ours && !s->refreshing ? mono_min(s->due, s->dead) : s->dead);
}

static void
start(const struct ctx *x, struct leg *leg, uint32_t expires_s, bool ours)
{
	struct session *s = &leg->session;
	uint32_t grace_s = expires_s / 3 < GRACE_S ? expires_s / 3 : GRACE_S;

	s->expires_s = expires_s;
	s->ours = ours;
	s->n_422 = 0;
	if (expires_s == 0) {
		audit_start(x, leg);
		return;
	}
	s->due = mono_add_ms(x->now, (uint64_t)expires_s * 500);
	s->dead = mono_add_ms(x->now, (uint64_t)(expires_s - grace_s) * 1000);
	arm(x, leg);
}

/* Not now; but before it is too late. */
static void
retry_in(const struct ctx *x, struct leg *leg, uint32_t ms)
{
	leg->session.due = mono_add_ms(x->now, ms);
	arm(x, leg);
}

/* ---- as the one who is asked ---- */

bool
session_is_too_small(const struct sip_msg *m)
{
	struct span refresher;
	uint32_t s = wished(m, &refresher);

	return s > 0 && s < SESSION_MIN_S &&
	       sip_lists(m, SIP_H_SUPPORTED, "timer");
}

void
session_accept(const struct ctx *x, struct leg *leg,
    const struct sip_msg *request, struct buf *b)
{
	struct span refresher;
	uint32_t s = wished(request, &refresher);
	bool ours;

	session_learn(leg, request);
	if (!sip_lists(request, SIP_H_SUPPORTED, "timer")) {
		start(x, leg, 0, false);
		return;
	}
	if (s == 0 || s > SESSION_WANTED_S)
		s = SESSION_WANTED_S;
	s = max_u32(s, max_u32(least(request), SESSION_MIN_S));
	/* A refresh of ours by UPDATE disturbs nobody; one of the phone's
	 * may be a re-INVITE, which the other phone sees. */
	ours = refresher.len > 0 ? span_caseeq(refresher, SPAN_LIT("uas"))
				 : leg->session.takes_update;
	start(x, leg, s, ours);
	if (!ours)
		build_hdr_str(b, SIP_H_REQUIRE, "timer");
	build_open(b, SIP_H_SESSION_EXPIRES);
	buf_put_u64(b, s);
	buf_puts(b, ours ? ";refresher=uas" : ";refresher=uac");
	build_close(b);
}

void
session_update(const struct ctx *x, struct leg *leg, const struct leg *peer,
    struct stxn *t, const struct sip_msg *msg)
{
	char mem[512];
	struct reply r = { .status = 200 };
	struct buf b;

	t->ops = NULL;
	buf_init(&b, mem, sizeof(mem));
	if (session_is_too_small(msg)) {
		build_hdr_u64(&b, SIP_H_MIN_SE, SESSION_MIN_S);
		r.status = 422;
	} else {
		leg_refresh(leg, msg);
		leg_put_contact(x->e, leg, &b);
		leg->told.sip = move_telling(x->e, leg).sip;
		headers_own(&b, peer);
		if (leg->call->phase == CALL_TALKING)
			session_accept(x, leg, msg, &b);
	}
	if (!buf_err(&b))
		r.headers = buf_span(&b);
	(void)stxn_respond(&x->e->txns, x->now, x->st, t, &r);
}

/* ---- as the one who asks ---- */

void
session_put_wish(const struct leg *leg, struct buf *b)
{
	const struct session *s = &leg->session;
	bool first = leg->call->callee == NULL;
	uint32_t min_s = max_u32(s->min_se_s, SESSION_MIN_S);
	uint32_t wish = first ? SESSION_WANTED_S : s->expires_s;

	if (!first && s->expires_s == 0)
		return; /* it knows none */
	build_open(b, SIP_H_SESSION_EXPIRES);
	buf_put_u64(b, max_u32(wish, min_s));
	if (!first)
		buf_puts(b, s->ours ? ";refresher=uac" : ";refresher=uas");
	build_close(b);
	build_hdr_u64(b, SIP_H_MIN_SE, min_s);
}

void
session_agreed(
    const struct ctx *x, struct leg *leg, const struct sip_msg *answer)
{
	struct span refresher;
	uint32_t s = wished(answer, &refresher);

	session_learn(leg, answer);
	/* Below our Min-SE nobody may go (RFC 4028 9). */
	if (s > 0)
		s = max_u32(s, SESSION_MIN_S);
	start(x, leg, s, !span_caseeq(refresher, SPAN_LIT("uas")));
}

bool
session_may_ask_again(struct leg *leg, const struct sip_msg *answer)
{
	struct session *s = &leg->session;
	uint32_t min_s = least(answer);

	if (min_s <= s->min_se_s || s->n_422 >= ASK_AGAIN_MAX)
		return false;
	s->min_se_s = min_s;
	s->n_422++;
	return true;
}

void
session_too_small(struct leg *leg, const struct sip_msg *answer)
{
	struct session *s = &leg->session;

	if (session_may_ask_again(leg, answer) && s->expires_s > 0)
		s->expires_s = max_u32(s->expires_s, s->min_se_s);
}

/* ---- our refresh ---- */

void
session_keep_sdp(const struct ctx *x, struct leg *leg, struct span sdp)
{
	struct session *s = &leg->session;

	if (!leg_is_external(leg) && (s->takes_update || s->expires_s == 0))
		blob_drop(&x->e->txns.blobs, &s->sdp);
	else if (sdp.len > SESSION_SDP_MAX)
		blob_drop(&x->e->txns.blobs, &s->sdp);
	else if (sdp.len > 0)
		(void)blob_set(&x->e->txns.blobs, &s->sdp, sdp);
}

void
session_keep_sent(
    const struct ctx *x, struct leg *leg, const struct blob *message)
{
	static struct sip_msg m;

	if (message->p == NULL ||
	    sip_parse(blob_span(message), SIP_DATAGRAM, &m, NULL) != 0)
		return;
	session_keep_sdp(x, leg, offer_sdp_of(&m));
}

void
session_keep_early(const struct ctx *x, struct leg *branch)
{
	const struct call *call = branch->call;
	struct span told = blob_span(&call->leg[0]->session.sdp);

	if (call->n_legs > 2 && told.len > 0)
		(void)blob_set(
		    &x->e->txns.blobs, &branch->session.early, told);
}

void
session_keep_winner(const struct ctx *x, struct leg *branch)
{
	struct session *s = &branch->session;

	session_keep_sdp(x, branch->call->leg[0], blob_span(&s->early));
	blob_drop(&x->e->txns.blobs, &s->early);
	/* By UPDATE it was told something newer. */
	if (branch->invite != NULL && s->sdp.p == NULL)
		session_keep_sent(x, branch, &branch->invite->request);
}

static bool
is_offering(const struct leg *leg)
{
	return (leg->session.refreshing && leg->session.is_invite) ||
	       move_is_asking(leg);
}

bool
session_is_offering(const struct call *call)
{
	for (unsigned i = 0; i < call->n_legs; i++)
		if (call->leg[i] != NULL && is_offering(call->leg[i]))
			return true;
	return false;
}

/* A re-INVITE says what was said before, with the same version in its o=
 * line: nothing is negotiated (RFC 4028 7.4). */
static int
put_refresh(const struct ctx *x, struct buf *b, struct leg *leg)
{
	struct session *s = &leg->session;
	const char *method = s->is_invite ? "INVITE" : "UPDATE";
	char branch[BRANCH_LEN];

	s->cseq = ++leg->local_cseq;
	leg_put_request(x->e, b, leg, span_str(method), s->cseq,
	    leg_branch_own(x->e, leg, method, s->cseq, branch), 70);
	headers_own(b, leg->index == 0 ? leg->call->callee : leg->call->leg[0]);
	session_put_wish(leg, b);
	if (s->is_invite)
		build_hdr_str(b, SIP_H_CONTENT_TYPE, "application/sdp");
	build_end(b, s->is_invite ? blob_span(&s->sdp) : SPAN_NONE);
	return buf_err(b);
}

void
session_let_go(struct session *s)
{
	if (s->refresh != NULL)
		ctxn_detach(s->refresh);
	s->refresh = NULL;
	s->refreshing = false;
}

static void
refresh(const struct ctx *x, struct leg *leg)
{
	struct call *call = leg->call;
	struct session *s = &leg->session;
	char mem[CALL_BYTES_MAX];
	struct buf b;

	session_let_go(s);
	/* Without both it is tried by UPDATE all the same. */
	s->is_invite = !s->takes_update && s->sdp.p != NULL;
	if (s->is_invite &&
	    (call->pending != NULL || session_is_offering(call) ||
		move_is_stale(x->e, leg))) {
		retry_in(x, leg, BUSY_MS);
		return;
	}
	buf_init(&b, mem, sizeof(mem));
	if (put_refresh(x, &b, leg) != 0 ||
	    ctxn_send(&x->e->txns, x->now, x->st, &leg->flow, buf_span(&b),
		&refresh_ops, leg, &s->refresh) != 0) {
		retry_in(x, leg, RETRY_MS);
		return;
	}
	s->refreshing = true;
	call_changed(x->e, call); /* its CSeq is used up */
	arm(x, leg);
}

static void
give_up(const struct ctx *x, struct leg *leg)
{
	steps_log(x->st, STEP_WARN, "session-expired");
	steps_key_number(x->st, "call", leg->call->ticket);
	steps_key_text(x->st, "phone", TEXT_SPAN(leg_party(leg)->number));
	steps_key_addr(x->st, "at", &leg->flow.remote);
	call_end(x, leg->call,
	    (struct ending){ .status = 408,
		.why = "session-expired",
		.reason = "SIP;cause=408;text=\"Session timer expired\"" });
}

uint32_t
session_after_glare_ms(const struct leg *leg)
{
	uint8_t r;

	secret_random(&r, sizeof(r));
	return leg->index == 0 ? r % 200u * 10 : 2100 + r % 190u * 10;
}

static void
on_refused(const struct ctx *x, struct leg *leg, const struct sip_msg *msg)
{
	struct session *s = &leg->session;

	switch (msg->status) {
	case 408:
	case 481:
		give_up(x, leg);
		return;
	case 422:
		if (!session_may_ask_again(leg, msg))
			break;
		s->expires_s = max_u32(s->expires_s, s->min_se_s);
		refresh(x, leg);
		return;
	case 405:
	case 501:
		if (s->is_invite || s->sdp.p == NULL)
			break;
		s->takes_update = false;
		refresh(x, leg);
		return;
	case 491:
		retry_in(x, leg, session_after_glare_ms(leg));
		return;
	default:
		break;
	}
	retry_in(x, leg, RETRY_MS);
}

static void
on_refreshed(const struct ctx *x, struct leg *leg, const struct sip_msg *msg)
{
	bool is_invite = leg->session.is_invite;

	leg_refresh(leg, msg);
	leg->told.sip = move_telling(x->e, leg).sip;
	session_agreed(x, leg, msg);
	if (is_invite)
		offer_refreshed(x, leg, msg);
	call_changed(x->e, leg->call);
}

static void
refresh_response(struct edge *e, struct mono now, struct steps *st,
    struct ctxn *c, const struct sip_msg *msg)
{
	const struct ctx x = { e, now, st };
	struct leg *leg = c->owner;
	struct session *s = &leg->session;
	bool again = !s->refreshing;

	if (msg->status < 200)
		return;
	s->refreshing = false;
	if (msg->status < 300 && s->is_invite)
		leg_ack(&x, leg, s->cseq, SPAN_NONE, NULL);
	if (again)
		return;
	if (msg->status < 300)
		on_refreshed(&x, leg, msg);
	else
		on_refused(&x, leg, msg);
}

static void
refresh_timeout(
    struct edge *e, struct mono now, struct steps *st, struct ctxn *c)
{
	const struct ctx x = { e, now, st };
	struct leg *leg = c->owner;

	leg->session.refreshing = false;
	/* Its connection is closed: it may come back by another one.  Or our
	 * address is another one, and it cannot be reached before it is. */
	if (!conns_live(e->conns, &leg->flow) || move_is_stale(e, leg))
		retry_in(&x, leg, RETRY_MS);
	else
		give_up(&x, leg);
}

static void
refresh_ended(struct edge *e, struct mono now, struct steps *st, struct ctxn *c)
{
	struct leg *leg = c->owner;

	if (leg->session.refresh == c)
		leg->session.refresh = NULL;
}

static const struct ctxn_ops refresh_ops = {
	.response = refresh_response,
	.timeout = refresh_timeout,
	.ended = refresh_ended,
};

void
session_due(const struct ctx *x, struct leg *leg)
{
	if (leg->call->phase != CALL_TALKING)
		return;
	if (leg->session.expires_s == 0)
		audit_due(x, leg);
	else if (!leg->session.ours || mono_due(leg->session.dead, x->now))
		give_up(x, leg);
	else
		refresh(x, leg);
}

void
session_restore(const struct ctx *x, struct leg *leg)
{
	struct session *s = &leg->session;
	struct mono most = mono_add_ms(x->now, (uint64_t)s->expires_s * 1000);

	if (s->expires_s == 0) {
		audit_start(x, leg);
		return;
	}
	s->due = mono_min(s->due, most);
	s->dead = mono_min(s->dead, most);
	/* The phone's refresh may have met nobody: it repeats it. */
	if (mono_before(s->dead, mono_add_ms(x->now, RESTORED_GRACE_MS)))
		s->dead = mono_add_ms(x->now, RESTORED_GRACE_MS);
	arm(x, leg);
}

void
session_stop(struct edge *e, struct leg *leg)
{
	timerq_cancel(&e->timers, &leg->session.timer);
	blob_drop(&e->txns.blobs, &leg->session.sdp);
	blob_drop(&e->txns.blobs, &leg->session.early);
	session_let_go(&leg->session);
}
