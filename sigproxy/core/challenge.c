#include <errno.h>

#include "sigproxy/core/auth_priv.h"
#include "sigproxy/core/devices.h"
#include "sigproxy/sip/build.h"

#define HEADERS_MAX 1024	/* of an answer made here */
#define NONCE_ASK_MS 1000	/* ask again when nothing came */
#define REFUSALS_SHARE 16	/* of the server transactions */

void
auth_wake(struct auth *a, struct mono at)
{
	if (!timer_is_armed(&a->timer) || mono_before(at, a->timer.at))
		timerq_set(a->timers, &a->timer, at);
}

void
auth_fetch_nonces(struct edge *e, struct mono now, struct steps *st)
{
	struct auth *a = e->auth;
	struct ipc_nonce_ask ask = { 0, IPC_NONCES_MAX };
	uint32_t left = nonces_left(a->nonces, now);

	if (!e->reg_up)
		return;
	if (mono_ms_between(a->nonces_asked_at, now) >= NONCE_ASK_MS)
		a->nonces_asked = 0;	/* lost on the way */
	if (mono_due(nonces_renewal(a->nonces), now))
		left = left < AUTH_STOCK / 2 ? left : AUTH_STOCK / 2 - 1;
	while (left + a->nonces_asked < AUTH_STOCK / 2) {
		STEPS_ASK(st, &st->reg, NONCE_ASK, nonce_ask, &ask);
		a->nonces_asked += IPC_NONCES_MAX;
		a->nonces_asked_at = now;
	}
	if (a->nonces_asked > 0)
		auth_wake(a, mono_add_ms(now, NONCE_ASK_MS));
	else if (nonces_renewal(a->nonces).us != MONO_NEVER.us)
		auth_wake(a, nonces_renewal(a->nonces));
}

void
auth_put_quoted(struct buf *b, struct span s)
{
	buf_putc(b, '"');
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_putc(b, '\\');
		buf_putc(b, s.p[i]);
	}
	buf_putc(b, '"');
}

/* One nonce in all challenges of an answer: whichever is taken, its counts
 * are used up together. */
struct challenges {
	enum digest_alg alg[DIGEST_ALGS];
	unsigned n;
	struct span nonce;	/* lent until the stock is filled up */
	bool stale;
};

/* Errors: -ENOENT no nonce. */
static int
challenges_for(struct edge *e, struct mono now, struct steps *st,
    const struct addr *to, const struct sip_msg *m, struct challenges *c)
{
	unsigned site = e->conf->digests != 0 ? e->conf->digests :
						DEVICE_DIGEST(DIGEST_MD5);
	int err;

	err = nonces_take(e->auth->nonces, now, to, &c->nonce);
	auth_fetch_nonces(e, now, st);
	if (err) {
		e->auth->no_nonce++;
		return err;
	}
	c->n = device_challenges(device_of(sip_value(m, SIP_H_USER_AGENT)),
	    site, c->alg);
	e->auth->challenges++;
	e->auth->stale += c->stale;
	return 0;
}

static void
put_challenge(const struct edge *e, const struct challenges *c,
    enum digest_alg alg, struct buf *b)
{
	build_open(b, SIP_H_WWW_AUTHENTICATE);
	buf_puts(b, "Digest realm=");
	auth_put_quoted(b, e->conf->realm);
	buf_puts(b, ", nonce=");
	auth_put_quoted(b, c->nonce);
	buf_puts(b, ", algorithm=");
	buf_puts(b, digest_alg_name(alg));
	buf_puts(b, e->conf->auth_int ? ", qop=\"auth,auth-int\"" :
					", qop=\"auth\"");
	if (c->stale)
		buf_puts(b, ", stale=true");
	build_close(b);
}

static void
put_challenges(const struct edge *e, const struct challenges *c, struct buf *b)
{
	for (unsigned i = 0; i < c->n; i++)
		put_challenge(e, c, c->alg[i], b);
}

static void
put_retry_after(struct buf *b, uint32_t seconds)
{
	build_hdr_u64(b, SIP_H_RETRY_AFTER,
	    seconds > 0 ? seconds : AUTH_RETRY_AFTER_S);
}

/* While there is no nonce to challenge with (a 503 would send phones to
 * another server). */
static void
put_no_nonce(struct reply *r, struct buf *b)
{
	r->status = 500;
	put_retry_after(b, 0);
}

void
auth_challenge(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in, bool stale)
{
	struct challenges c = { .stale = stale };
	char mem[HEADERS_MAX];
	struct reply r = { .status = 401 };
	struct buf b;

	/* Before a nonce is spent. */
	if (!edge_may_answer(e, now, in))
		return;
	buf_init(&b, mem, sizeof(mem));
	if (challenges_for(e, now, st, &in->from->remote, in->msg, &c) != 0)
		put_no_nonce(&r, &b);
	else
		put_challenges(e, &c, &b);
	r.headers = buf_span(&b);
	/* As many as may go there; the one liked best in any case. */
	while (c.n > 1 && !edge_fits(e, in, &r)) {
		c.n--;
		buf_init(&b, mem, sizeof(mem));
		put_challenges(e, &c, &b);
		r.headers = buf_span(&b);
	}
	e->challenged++;
	edge_answer(e, now, st, in, &r);
}

/* The answer to s is a 401: its nonce was a right one once. */
static void
fill_stale(struct edge *e, struct mono now, struct steps *st,
    const struct stxn *s, struct reply *r, struct buf *b)
{
	struct challenges c = { .stale = true };

	r->status = 401;
	if (stxn_request(s, &e->stored) != 0 ||
	    challenges_for(e, now, st, &s->from.remote, &e->stored, &c) != 0)
		put_no_nonce(r, b);
	else
		put_challenges(e, &c, b);
}

/* ---- verdicts ---- */

/* Did he whom this answers prove who he is? */
static bool
is_proven(enum verdict v)
{
	return v == VERDICT_NOT_FOUND || v == VERDICT_UNREACHABLE ||
	    v == VERDICT_BRIEF || v == VERDICT_DENIED;
}

static void
on_refusal_ended(struct edge *e, struct mono now, struct steps *st,
    struct stxn *s)
{
	e->auth->refusals--;
}

static const struct stxn_ops refusal_ops = { .ended = on_refusal_ended };

/* Refused, s only absorbs what is sent again.  A nonce is had for the asking:
 * of those who know no password only some are kept, or they would fill the
 * table for everybody; the rest is answered and forgotten. */
static void
keep_refusal(struct edge *e, struct stxn *s)
{
	if (e->auth->refusals >= e->txns.servers.n / REFUSALS_SHARE) {
		stxn_drop(&e->txns, s);
		return;
	}
	e->auth->refusals++;
	s->ops = &refusal_ops;
}

/* RFC 3326 */
static void
put_reason(struct buf *b, struct span why)
{
	build_open(b, SIP_H_REASON);
	buf_puts(b, "SIP;cause=403;text=");
	auth_put_quoted(b, why);
	build_close(b);
}

void
auth_refuse(struct edge *e, struct mono now, struct steps *st,
    struct stxn *s, enum verdict verdict, uint32_t min_expires_s,
    uint32_t retry_after_s, struct span why)
{
	char mem[HEADERS_MAX];
	struct reply r = { .status = verdict_status(verdict) };
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	if (verdict == VERDICT_STALE)
		fill_stale(e, now, st, s, &r, &b);
	else if (verdict == VERDICT_BRIEF)
		build_hdr_u64(&b, SIP_H_MIN_EXPIRES, min_expires_s);
	else if (r.status == 500)
		put_retry_after(&b, retry_after_s);
	else if (verdict == VERDICT_DENIED)
		put_reason(&b, why);
	r.headers = buf_span(&b);
	stxn_respond(&e->txns, now, st, s, &r);
	if (verdict != VERDICT_STALE) {
		e->refused++;
		if (edge_log_refusal(e, now, st, "refused")) {
			steps_key_number(st, "status", r.status);
			steps_key_addr(st, "from", &s->from.remote);
		}
	}
	if (!is_proven(verdict))
		keep_refusal(e, s);
}
