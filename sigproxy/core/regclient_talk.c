/* What is said to a registrar, and what its answers mean. */
#include <errno.h>

#include "common/base/secret.h"
#include "common/codec/digest.h"
#include "sigproxy/core/creds.h"
#include "sigproxy/core/regclient_priv.h"
#include "sigproxy/sip/build.h"

#define REGISTER_MAX 2048
/* A challenge is answered, and once more if it says that the nonce was old. */
#define ANSWERS_MAX 2
#define UNPLACED_MAX 2

static const struct ctxn_ops register_ops;

void
regc_stop(struct regclient *c, struct regc *r)
{
	if (r->txn != NULL)
		ctxn_detach(r->txn);
	r->txn = NULL;
	r->step = REGC_IDLE;
	r->question = c->next_question++;
}

/* ---- what is said ---- */

static void
put_aor(struct buf *b, const struct regc *r)
{
	buf_puts(b, "<sip:");
	build_value(b, TEXT_SPAN(r->user));
	buf_putc(b, '@');
	build_value(b, TEXT_SPAN(r->host));
	buf_putc(b, '>');
}

static struct span
call_id(const struct regclient *c, const struct regc *r, char mem[48])
{
	struct buf b;

	buf_init(&b, mem, 48);
	buf_put(&b, span_make(c->life, sizeof(c->life)));
	buf_putc(&b, '-');
	buf_put(&b, span_make(r->token, sizeof(r->token)));
	return buf_span(&b);
}

static struct span
branch(struct edge *e, struct regc *r, char *mem)
{
	char id_mem[48], text[64];
	struct buf b;

	buf_init(&b, text, sizeof(text));
	buf_put(&b, call_id(e->regs, r, id_mem));
	buf_putc(&b, ' ');
	buf_put_u64(&b, r->cseq);
	return txn_branch_own(&e->txns, buf_span(&b), mem);
}

static void
put_pair(struct buf *b, const char *name, struct span value, bool quoted)
{
	if (value.len == 0)
		return;
	buf_puts(b, ", ");
	buf_puts(b, name);
	buf_puts(b, quoted ? "=\"" : "=");
	build_value(b, value);
	if (quoted)
		buf_putc(b, '"');
}

static struct span
nc_text(const struct regc_challenge *k, char mem[8])
{
	struct buf b;
	uint8_t n[4] = { (uint8_t)(k->nc >> 24), (uint8_t)(k->nc >> 16),
		(uint8_t)(k->nc >> 8), (uint8_t)k->nc };

	buf_init(&b, mem, 8);
	buf_put_hex(&b, n, sizeof(n));
	return k->has_qop ? buf_span(&b) : SPAN_NONE;
}

static struct span
cnonce_text(const struct regc_challenge *k)
{
	return k->has_qop ? span_make(k->cnonce, sizeof(k->cnonce)) :
			    SPAN_NONE;
}

/* RFC 7616 3.4: which of them are quoted. */
static void
put_credentials(struct buf *b, const struct regc_challenge *k,
    const struct ipc_account_say *say)
{
	char nc[8];

	build_open(b, k->is_proxy ? SIP_H_PROXY_AUTHORIZATION :
				    SIP_H_AUTHORIZATION);
	buf_puts(b, "Digest username=\"");
	build_value(b, say->username);
	buf_puts(b, "\", realm=\"");
	build_value(b, TEXT_SPAN(k->realm));
	buf_putc(b, '"');
	put_pair(b, "nonce", TEXT_SPAN(k->nonce), true);
	put_pair(b, "uri", say->uri, true);
	put_pair(b, "response", say->response, true);
	put_pair(b, "algorithm", TEXT_SPAN(k->algorithm), false);
	put_pair(b, "cnonce", cnonce_text(k), true);
	put_pair(b, "opaque", TEXT_SPAN(k->opaque), true);
	if (k->has_qop)
		put_pair(b, "qop", SPAN_LIT("auth"), false);
	put_pair(b, "nc", nc_text(k, nc), false);
	build_close(b);
}

static void
put_register(struct edge *e, struct buf *b, struct regc *r,
    const struct ipc_account_say *say)
{
	char id[48], branch_mem[BRANCH_LEN], uri_mem[300];
	struct buf uri;

	buf_init(&uri, uri_mem, sizeof(uri_mem));
	buf_puts(&uri, "sip:");
	buf_put(&uri, TEXT_SPAN(r->host));
	build_request_line(b, SPAN_LIT("REGISTER"),
	    say != NULL ? say->uri : buf_span(&uri));
	edge_put_via(e, &r->to, branch(e, r, branch_mem), b);
	build_hdr_u64(b, SIP_H_MAX_FORWARDS, 70);
	build_open(b, SIP_H_FROM);
	put_aor(b, r);
	buf_puts(b, ";tag=");
	buf_put(b, span_make(e->regs->life, 8));
	buf_put(b, span_make(r->token, 8));
	build_close(b);
	build_open(b, SIP_H_TO);
	put_aor(b, r);
	build_close(b);
	build_hdr(b, SIP_H_CALL_ID, call_id(e->regs, r, id));
	build_cseq(b, r->cseq, SPAN_LIT("REGISTER"));
	build_open(b, SIP_H_CONTACT);
	edge_put_contact(e, &r->to, span_make(r->token, sizeof(r->token)), b);
	build_close(b);
	build_hdr_u64(b, SIP_H_EXPIRES, r->is_ending ? 0 : r->asks_s);
	if (say != NULL)
		put_credentials(b, &r->challenge, say);
	build_end(b, SPAN_NONE);
}

static void
send(struct edge *e, struct mono now, struct steps *st, struct regc *r,
    const struct ipc_account_say *say)
{
	char mem[REGISTER_MAX];
	struct buf b;

	r->cseq++;
	buf_init(&b, mem, sizeof(mem));
	put_register(e, &b, r, say);
	r->step = REGC_SENT;
	if (buf_err(&b) == 0 && ctxn_send(&e->txns, now, st, &r->to,
		buf_span(&b), &register_ops, r, &r->txn) == 0) {
		e->regs->sent++;
		timerq_cancel(&e->timers, &r->timer);
		return;
	}
	regc_later(e, now, r);
}

/* ---- the digest ---- */

static void
ask_oracle(struct edge *e, struct mono now, struct steps *st, struct regc *r)
{
	struct regc_challenge *k = &r->challenge;
	struct ipc_account_ask ask;
	uint8_t raw[sizeof(k->cnonce) / 2];
	char nc[8];
	struct buf b;

	k->nc++;
	secret_random(raw, sizeof(raw));
	buf_init(&b, k->cnonce, sizeof(k->cnonce));
	buf_put_hex(&b, raw, sizeof(raw));
	r->step = REGC_ORACLE;
	r->question = e->regs->next_question++;
	ask = (struct ipc_account_ask){
		.id = r->id,
		.question = r->question,
		.realm = TEXT_SPAN(k->realm),
		.nonce = TEXT_SPAN(k->nonce),
		.algorithm = TEXT_SPAN(k->algorithm),
		.qop = k->has_qop ? SPAN_LIT("auth") : SPAN_NONE,
		.nc = nc_text(k, nc),
		.cnonce = cnonce_text(k),
	};
	STEPS_ASK(st, &st->reg, ACCOUNT_ASK, account_ask, &ask);
	timerq_set(&e->timers, &r->timer, mono_add_ms(now, REGC_ORACLE_MS));
}

static struct span
why_unplaced(const struct edge *e, const struct regc *r)
{
	const struct trunk *t = trunk_find(e->trunks, r->trunk);

	if (t != NULL && t->why.len > 0)
		return TEXT_SPAN(t->why);
	return SPAN_LIT("its trunk cannot be reached: its name has no address, "
	    "or Postern does not listen by its transport");
}

void
regc_begin(struct edge *e, struct mono now, struct steps *st, struct regc *r)
{
	/* A trunk that was turned off is told so where it was. */
	if (!trunks_flow(e, r->trunk, &r->to) &&
	    (!r->is_ending || r->to.transport == 0)) {
		/* After a start its name is not resolved yet. */
		if (r->unplaced++ < UNPLACED_MAX) {
			regc_later(e, now, r);
			return;
		}
		regc_failed(e, now, st, r, 0, 0, why_unplaced(e, r));
		return;
	}
	r->unplaced = 0;
	/* The last nonce is tried again: it saves a round trip (RFC 7616
	 * 3.4, nc). */
	if (r->challenge.is_set)
		ask_oracle(e, now, st, r);
	else
		send(e, now, st, r, NULL);
}

static struct span
refusal_words(uint8_t refusal)
{
	switch (refusal) {
	case ACCOUNT_NO_PASSWORD:
		return SPAN_LIT("no password is set for it");
	case ACCOUNT_REALM:
		return SPAN_LIT("the registrar names another realm than the "
		    "one that is set");
	default:
		return SPAN_LIT("registrar-db does not know it any more");
	}
}

void
regc_digest(struct edge *e, struct mono now, struct steps *st,
    struct regc *r, const struct ipc_account_say *say)
{
	timerq_cancel(&e->timers, &r->timer);
	if (say->refusal == ACCOUNT_OK)
		send(e, now, st, r, say);
	else if (say->refusal == ACCOUNT_BUSY)
		regc_later(e, now, r);
	else
		regc_failed(e, now, st, r, r->status, 0,
		    refusal_words(say->refusal));
}

/* ---- challenges ---- */

/* "auth" in the list: our REGISTER has no body to be covered. */
static bool
offers_auth(struct span qop)
{
	struct sip_list l = sip_list_start(qop);
	struct span item;

	while (sip_list_next(&l, &item) == 0) {
		if (span_caseeq(item, SPAN_LIT("auth")))
			return true;
	}
	return false;
}

static bool
is_usable(const struct sip_digest *d)
{
	enum digest_alg alg;

	return !d->has_escapes && digest_alg(d->algorithm, &alg) == 0 &&
	    (d->qop.len == 0 || offers_auth(d->qop)) && d->nonce.len > 0 &&
	    creds_text_ok(d->realm, 128) && creds_text_ok(d->nonce, 256) &&
	    creds_text_ok(d->opaque, 128) && creds_text_ok(d->algorithm, 16);
}

/* The first that can be answered: the registrar's own order (RFC 8760 2.4). */
static bool
take_challenge(const struct sip_msg *m, struct regc_challenge *k,
    bool *stale_out)
{
	enum sip_hdr_id id = m->status == 407 ? SIP_H_PROXY_AUTHENTICATE :
						SIP_H_WWW_AUTHENTICATE;
	const struct sip_hdr *h = sip_first(m, id);
	struct sip_digest d;

	for (; h != NULL; h = sip_next(m, h)) {
		if (sip_digest_parse(h->value, &d) != 0 || !is_usable(&d))
			continue;
		*k = (struct regc_challenge){ .is_set = true,
			.is_proxy = m->status == 407,
			.has_qop = d.qop.len > 0 };
		(void)TEXT_SET(&k->realm, d.realm);
		(void)TEXT_SET(&k->nonce, d.nonce);
		(void)TEXT_SET(&k->opaque, d.opaque);
		(void)TEXT_SET(&k->algorithm, d.algorithm);
		*stale_out = span_caseeq(d.stale, SPAN_LIT("true"));
		return true;
	}
	return false;
}

/* A nonce from the attempt before may be too old, and not every registrar
 * says so: the first challenge of an attempt is always answered. */
static void
on_challenge(struct edge *e, struct mono now, struct steps *st,
    struct regc *r, const struct sip_msg *m)
{
	bool stale = false;

	if (!take_challenge(m, &r->challenge, &stale)) {
		r->challenge.is_set = false;
		regc_failed(e, now, st, r, m->status, REGC_REFUSED_MS,
		    SPAN_LIT("the registrar asks for a digest that is not "
			     "built"));
		return;
	}
	if (r->answered >= ANSWERS_MAX || (r->answered == 1 && !stale)) {
		r->challenge.is_set = false;
		regc_failed(e, now, st, r, m->status, REGC_REFUSED_MS,
		    SPAN_LIT("the registrar does not accept the user name or "
			     "the password"));
		return;
	}
	r->answered++;
	r->status = m->status;
	ask_oracle(e, now, st, r);
}

/* ---- answers ---- */

/* What it granted to our Contact; else to all; else what we asked for. */
static uint32_t
granted_s(const struct sip_msg *m, const struct regc *r)
{
	struct sip_values it = sip_values(m, SIP_H_CONTACT);
	uint32_t s = r->asks_s;
	struct sip_contact c;
	struct span value;

	(void)sip_delta_parse(sip_value(m, SIP_H_EXPIRES), &s);
	while (sip_values_next(&it, &value) == 0) {
		if (sip_contact_parse(value, &c) == 0 && !c.is_star &&
		    c.has_expires && span_eq(c.na.uri.user,
			span_make(r->token, sizeof(r->token))))
			s = c.expires_s;
	}
	if (s > REGC_EXPIRES_MOST_S)
		s = REGC_EXPIRES_MOST_S;
	return s < REGC_EXPIRES_LEAST_S ? REGC_EXPIRES_LEAST_S : s;
}

static uint64_t
retry_after_ms(const struct sip_msg *m)
{
	struct span value = sip_value(m, SIP_H_RETRY_AFTER);
	size_t n = 0;
	uint32_t s = 0;

	/* A comment or parameters may follow (20.33). */
	while (n < value.len && value.p[n] >= '0' && value.p[n] <= '9')
		n++;
	if (sip_delta_parse(span_sub(value, 0, n), &s) != 0)
		return 0;
	return (s > REGC_EXPIRES_MOST_S ? REGC_EXPIRES_MOST_S : s) *
	    (uint64_t)1000;
}

static void
on_refusal(struct edge *e, struct mono now, struct steps *st, struct regc *r,
    const struct sip_msg *m)
{
	uint64_t least = retry_after_ms(m);
	char mem[120];
	struct buf b;

	buf_init(&b, mem, sizeof(mem));
	if (m->status < 400)
		buf_puts(&b, "the registrar sends us elsewhere, where we do "
		    "not go");
	else if (m->status == 403)
		buf_puts(&b, "the registrar forbids it: a wrong password, or "
		    "not from our address");
	else if (m->status == 404)
		buf_puts(&b, "the registrar does not know this user");
	else
		buf_fmt(&b, "the registrar says %u %s", m->status,
		    build_reason(m->status));
	if ((m->status == 403 || m->status == 404) && least < REGC_REFUSED_MS)
		least = REGC_REFUSED_MS;
	regc_failed(e, now, st, r, m->status, least, buf_span(&b));
}

/* 423: so long, then, unless it is beyond all reason. */
static void
on_brief(struct edge *e, struct mono now, struct steps *st, struct regc *r,
    const struct sip_msg *m)
{
	uint32_t least;

	if (r->raised > 0 || r->is_ending ||
	    sip_delta_parse(sip_value(m, SIP_H_MIN_EXPIRES), &least) != 0 ||
	    least <= r->asks_s || least > REGC_EXPIRES_MOST_S) {
		on_refusal(e, now, st, r, m);
		return;
	}
	r->raised++;
	r->asks_s = least;
	regc_begin(e, now, st, r);
}

static void
on_response(struct edge *e, struct mono now, struct steps *st,
    struct ctxn *c, const struct sip_msg *m)
{
	struct regc *r = c->owner;

	if (m->status < 200)
		return;
	ctxn_detach(c);
	r->txn = NULL;
	if (m->status < 300)
		regc_registered(e, now, st, r, granted_s(m, r));
	else if (m->status == 401 || m->status == 407)
		on_challenge(e, now, st, r, m);
	else if (m->status == 423)
		on_brief(e, now, st, r, m);
	else
		on_refusal(e, now, st, r, m);
}

static void
on_timeout(struct edge *e, struct mono now, struct steps *st, struct ctxn *c)
{
	struct regc *r = c->owner;

	ctxn_detach(c);
	r->txn = NULL;
	regc_failed(e, now, st, r, 0, 0, SPAN_LIT("the registrar does not "
	    "answer"));
}

static const struct ctxn_ops register_ops = {
	.response = on_response,
	.timeout = on_timeout,
};
