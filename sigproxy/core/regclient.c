#include "sigproxy/core/regclient.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "common/base/secret.h"
#include "common/codec/tel.h"
#include "sigproxy/core/regclient_priv.h"

#define LATER_MS 5000

struct regclient *
regclient_new(struct timerq *timers, uint32_t max)
{
	struct regclient *c = calloc(1, sizeof(*c));
	uint8_t life[8];
	struct buf b;

	if (c == NULL)
		return NULL;
	c->timers = timers;
	if (pool_init(&c->pool, max, sizeof(struct regc)) != 0 ||
	    htab_init(&c->ids, max) != 0 || htab_init(&c->tokens, max) != 0) {
		regclient_free(c);
		return NULL;
	}
	secret_random(c->key, sizeof(c->key));
	secret_random(life, sizeof(life));
	buf_init(&b, c->life, sizeof(c->life));
	buf_put_hex(&b, life, sizeof(life));
	return c;
}

void
regclient_free(struct regclient *c)
{
	if (c == NULL)
		return;
	htab_clear(&c->tokens);
	htab_clear(&c->ids);
	pool_clear(&c->pool);
	free(c);
}

uint32_t
regclient_timers(uint32_t max)
{
	return max;
}

void
regclient_set_key(struct regclient *c, const uint8_t *key, size_t len)
{
	crypto_generichash(c->key, sizeof(c->key), key, len, NULL, 0);
}

void
regclient_token(const struct regclient *c, uint64_t id, char *out)
{
	uint8_t hash[crypto_generichash_BYTES_MIN];
	struct buf b;

	crypto_generichash(hash, sizeof(hash), (const uint8_t *)&id,
	    sizeof(id), c->key, sizeof(c->key));
	buf_init(&b, out, REGC_TOKEN_LEN);
	buf_put_hex(&b, hash, REGC_TOKEN_LEN / 2);
}

/* ---- the table ---- */

static struct regc *
find(const struct regclient *c, uint64_t id)
{
	struct htab_node *n;

	for (n = htab_first(&c->ids, htab_hash(&c->ids, &id, sizeof(id)));
	     n != NULL; n = htab_next(n)) {
		struct regc *r = HTAB_OF(n, struct regc, by_id);

		if (r->id == id)
			return r;
	}
	return NULL;
}

static struct regc *
add(struct regclient *c, const struct ipc_account_want *w)
{
	struct regc *r = pool_get(&c->pool);

	if (r == NULL)
		return NULL;
	r->id = w->id;
	r->timer.kind = TIMER_REGC;
	r->timer.owner = r;
	r->kind = w->kind;
	regclient_token(c, r->id, r->token);
	htab_add(&c->ids, &r->by_id, htab_hash(&c->ids, &r->id,
		sizeof(r->id)));
	htab_add(&c->tokens, &r->by_token, htab_hash(&c->tokens, r->token,
		sizeof(r->token)));
	return r;
}

static void
drop(struct regclient *c, struct regc *r)
{
	regc_stop(c, r);
	timerq_cancel(c->timers, &r->timer);
	htab_del(&c->ids, &r->by_id);
	htab_del(&c->tokens, &r->by_token);
	r->id = 0;
	pool_put(&c->pool, r);
}

/* The next one in use from *at on. */
static struct regc *
next(const struct regclient *c, uint32_t *at)
{
	while (*at < c->pool.n) {
		struct regc *r = pool_at(&c->pool, (*at)++);

		if (r->id != 0)
			return r;
	}
	return NULL;
}

static void
fill_found(const struct regc *r, struct regclient_found *out)
{
	*out = (struct regclient_found){ r->id, r->trunk,
		(enum account_kind)r->kind, TEXT_SPAN(r->number),
		TEXT_SPAN(r->user), TEXT_SPAN(r->host) };
}

bool
regclient_by_token(const struct regclient *c, struct span token,
    struct regclient_found *out)
{
	struct htab_node *n;

	if (token.len != REGC_TOKEN_LEN)
		return false;
	for (n = htab_first(&c->tokens, htab_hash(&c->tokens, token.p,
		 token.len)); n != NULL; n = htab_next(n)) {
		struct regc *r = HTAB_OF(n, struct regc, by_token);

		if (memcmp(r->token, token.p, token.len) != 0)
			continue;
		fill_found(r, out);
		return true;
	}
	return false;
}

/* Its proxy retargeted the call to our Contact. */
static int
called_before(const struct sip_msg *m, char *mem, struct span *out)
{
	const struct sip_hdr *h = sip_first(m, SIP_H_P_CALLED_PARTY_ID);
	struct sip_nameaddr na;

	if (h != NULL && sip_nameaddr_parse(h->value, &na) == 0 &&
	    tel_number(&na.uri, mem, out) == 0)
		return 0;
	return tel_number(&m->to.uri, mem, out);
}

int
regclient_called(const struct regclient *c, uint32_t trunk,
    const struct sip_msg *m, char *mem, struct span *out)
{
	struct regclient_found f;

	if (!regclient_by_token(c, m->ruri.user, &f) || f.trunk != trunk)
		return tel_number(&m->ruri, mem, out) == 0 ? 0 : -ENOENT;
	if (f.kind != ACCOUNT_MIRROR)
		return called_before(m, mem, out) == 0 ? 0 : -ENOENT;
	*out = f.number;
	return 0;
}

bool
regclient_is_up(const struct regclient *c, uint64_t id)
{
	const struct regc *r = find(c, id);

	return r != NULL && r->until.us != 0 && !r->is_ending;
}

/* ---- when ---- */

/* From 0 to below n. */
static uint64_t
chance(uint64_t n)
{
	uint64_t x;

	secret_random(&x, sizeof(x));
	return n == 0 ? 0 : x % n;
}

static void
at(struct regclient *c, struct mono when, struct regc *r)
{
	r->step = REGC_IDLE;
	r->has_slot = false;
	timerq_set(c->timers, &r->timer, when);
}

/* Time for a refused attempt and another one before it expires; not all at
 * the same moment. */
static uint64_t
refresh_ms(uint64_t granted_ms)
{
	uint64_t margin = granted_ms / 10;

	if (margin < 40000)
		margin = 40000;
	if (margin > granted_ms / 2)
		margin = granted_ms / 2;
	return granted_ms - margin - chance(granted_ms / 10);
}

/* RFC 5626 4.5. */
static uint64_t
backoff_ms(unsigned failures)
{
	uint64_t ms = REGC_BACKOFF_BASE_MS;

	while (failures-- > 0 && ms < REGC_BACKOFF_MAX_MS)
		ms *= 2;
	if (ms > REGC_BACKOFF_MAX_MS)
		ms = REGC_BACKOFF_MAX_MS;
	return ms / 2 + chance(ms / 2);
}

void
regclient_due(struct edge *e, struct mono now, struct steps *st,
    struct timer *timer)
{
	struct regclient *c = e->regs;
	struct regc *r = timer->owner;
	struct mono slot = mono_before(c->next_slot, now) ? now : c->next_slot;

	if (r->step == REGC_ORACLE) {
		regc_stop(c, r);
		regc_later(e, now, r);
		return;
	}
	if (!r->has_slot) {
		r->has_slot = true;
		c->next_slot = mono_add_ms(slot, REGC_PACE_MS);
		if (mono_before(now, slot)) {
			timerq_set(c->timers, &r->timer, slot);
			return;
		}
	}
	/* Where registrar-db is away there is no digest either. */
	if (!e->reg_up) {
		regc_later(e, now, r);
		return;
	}
	r->answered = r->raised = 0;
	regc_begin(e, now, st, r);
}

/* ---- what came of it ---- */

static void
tell(struct edge *e, struct steps *st, struct regc *r,
    enum account_state state, uint32_t expires_s)
{
	struct ipc_account_note note = {
		.id = r->id,
		.state = (uint8_t)state,
		.status = r->status,
		.expires_s = expires_s,
		.why = TEXT_SPAN(r->why),
	};

	STEPS_ASK(st, &st->reg, ACCOUNT_NOTE, account_note, &note);
	r->said = (uint8_t)state;
}

static void
log_change(struct steps *st, const struct regc *r, enum step_level level,
    const char *event)
{
	steps_log(st, level, event);
	steps_key_text(st, "user", TEXT_SPAN(r->user));
	steps_key_text(st, "at", TEXT_SPAN(r->host));
	if (r->number.len > 0)
		steps_key_text(st, "subscriber", TEXT_SPAN(r->number));
	if (r->why.len > 0)
		steps_key_text(st, "why", TEXT_SPAN(r->why));
}

void
regc_registered(struct edge *e, struct mono now, struct steps *st,
    struct regc *r, uint32_t expires_s)
{
	struct regclient *c = e->regs;
	uint64_t ms = (uint64_t)expires_s * 1000;
	bool is_news = r->said != ACCOUNT_REGISTERED;

	c->granted++;
	r->failures = 0;
	r->status = 200;
	r->why.len = 0;
	if (r->is_ending) {
		tell(e, st, r, ACCOUNT_ENDED, 0);
		drop(c, r);
		return;
	}
	r->until = mono_add_ms(now, ms);
	tell(e, st, r, ACCOUNT_REGISTERED, expires_s);
	if (is_news)
		log_change(st, r, STEP_INFO, "registered-there");
	at(c, mono_add_ms(now, refresh_ms(ms)), r);
}

static bool
is_same_failure(const struct regc *r, uint16_t status, struct span why)
{
	return r->said == ACCOUNT_FAILED && r->status == status &&
	    span_eq(TEXT_SPAN(r->why), why);
}

void
regc_failed(struct edge *e, struct mono now, struct steps *st,
    struct regc *r, uint16_t status, uint64_t least_ms, struct span why)
{
	struct regclient *c = e->regs;
	bool is_news = !is_same_failure(r, status, why);
	uint64_t wait = backoff_ms(++r->failures);

	if (status == 0)
		c->unanswered++;
	else
		c->refused++;
	if (mono_due(r->until, now))
		r->until.us = 0;
	r->status = status;
	(void)TEXT_SET(&r->why, why);
	if (r->is_ending) {
		tell(e, st, r, ACCOUNT_ENDED, 0);
		drop(c, r);
		return;
	}
	if (is_news) {
		tell(e, st, r, ACCOUNT_FAILED, (uint32_t)(mono_ms_between(now,
			r->until) / 1000));
		log_change(st, r, STEP_WARN, "not-registered-there");
	}
	at(c, mono_add_ms(now, wait > least_ms ? wait : least_ms), r);
}

void
regc_later(struct edge *e, struct mono now, struct regc *r)
{
	at(e->regs, mono_add_ms(now, LATER_MS), r);
}

/* ---- what registrar-db wants ---- */

static void
end(struct edge *e, struct mono now, struct steps *st, struct regc *r)
{
	bool has_any = r->until.us != 0 || r->step == REGC_SENT;

	if (r->is_ending)
		return;
	if (!has_any) {
		tell(e, st, r, ACCOUNT_ENDED, 0);
		drop(e->regs, r);
		return;
	}
	regc_stop(e->regs, r);
	r->is_ending = true;
	at(e->regs, now, r);
}

static bool
is_changed(const struct regc *r, const struct ipc_account_want *w)
{
	return r->is_ending || r->stamp != w->stamp || r->trunk != w->trunk ||
	    r->kind != w->kind ||
	    !span_eq(TEXT_SPAN(r->number), w->number) ||
	    !span_eq(TEXT_SPAN(r->user), w->user) ||
	    !span_eq(TEXT_SPAN(r->host), w->host);
}

static void
take(struct regc *r, const struct ipc_account_want *w)
{
	r->kind = w->kind;
	r->trunk = w->trunk;
	r->stamp = w->stamp;
	r->is_ending = false;
	r->is_told = true;
	(void)TEXT_SET(&r->number, w->number);
	(void)TEXT_SET(&r->user, w->user);
	(void)TEXT_SET(&r->host, w->host);
	r->expires_s = w->expires_s < REGC_EXPIRES_LEAST_S ?
	    REGC_EXPIRES_LEAST_S : w->expires_s;
	if (r->asks_s < r->expires_s)
		r->asks_s = r->expires_s;
}

/* One that a sigproxy before us made lasts still: only then it is refreshed.
 * Its registrar knows the same Contact. */
static struct mono
first_at(const struct edge *e, struct mono now, struct regc *r,
    const struct ipc_account_want *w)
{
	uint64_t left = (uint64_t)w->left_s * 1000;
	uint64_t granted = (uint64_t)w->expires_s * 1000;
	uint64_t margin = granted - refresh_ms(granted);

	if (left == 0)
		return now;
	(void)trunks_flow(e, r->trunk, &r->to);
	r->until = mono_add_ms(now, left);
	r->said = ACCOUNT_REGISTERED;
	r->status = 200;
	/* It leads to a connection of the life before. */
	if (trunk_is_stream(e, r->trunk)) {
		r->to.transport = 0;
		return mono_add_ms(now, r->to.conn != 0 ? 0 : left);
	}
	return left > margin ? mono_add_ms(now, left - margin) : now;
}

static void
want(struct edge *e, struct mono now, struct steps *st,
    const struct ipc_account_want *w)
{
	struct regclient *c = e->regs;
	struct regc *r = find(c, w->id);
	bool is_new = r == NULL;

	if (is_new)
		r = add(c, w);
	if (r == NULL) {
		steps_log(st, STEP_WARN, "too-many-registrations-of-ours");
		return;
	}
	if (!is_new && !is_changed(r, w)) {
		r->is_told = true;
		return;
	}
	take(r, w);
	if (is_new) {
		at(c, first_at(e, now, r, w), r);
		return;
	}
	regc_stop(c, r);
	r->challenge.is_set = false;
	r->failures = 0;
	at(c, now, r);
}

/* registrar-db told all it wants. */
static void
sweep(struct edge *e, struct mono now, struct steps *st)
{
	struct regc *r;
	uint32_t i = 0;

	while ((r = next(e->regs, &i)) != NULL) {
		if (!r->is_told)
			end(e, now, st, r);
	}
}

static int
on_want(struct edge *e, struct mono now, struct steps *st,
    struct span payload)
{
	struct ipc_account_want w;
	struct regc *r;
	int err = get_account_want(payload, &w);

	if (err)
		return err;
	if (w.kind == ACCOUNT_ALL) {
		sweep(e, now, st);
		return 0;
	}
	if (w.id == 0)
		return -ERANGE;
	if (w.kind != ACCOUNT_GONE) {
		want(e, now, st, &w);
		return 0;
	}
	r = find(e->regs, w.id);
	if (r != NULL)
		end(e, now, st, r);
	return 0;
}

static int
on_say(struct edge *e, struct mono now, struct steps *st, struct span payload)
{
	struct ipc_account_say say;
	struct regc *r;
	int err = get_account_say(payload, &say);

	if (err)
		return err;
	r = find(e->regs, say.id);
	if (r != NULL && r->step == REGC_ORACLE && r->question == say.question)
		regc_digest(e, now, st, r, &say);
	return 0;
}

int
regclient_frame(struct edge *e, struct mono now, struct steps *st,
    uint16_t type, struct span payload)
{
	return type == IPC_ACCOUNT_WANT ? on_want(e, now, st, payload) :
					  on_say(e, now, st, payload);
}

void
regclient_peer(struct edge *e, struct mono now, bool up)
{
	struct regc *r;
	uint32_t i = 0;

	while ((r = next(e->regs, &i)) != NULL) {
		r->is_told = false;
		if (up || r->step != REGC_ORACLE)
			continue;
		regc_stop(e->regs, r);
		regc_later(e, now, r);
	}
}

/* Its registrar would call it by another way than the one there is.  Of one of
 * the life before that is not known by UDP, and certain by a connection. */
static bool
is_moved(const struct edge *e, const struct regc *r, uint32_t trunk)
{
	struct flow to;

	if (!trunks_flow(e, trunk, &to))
		return false;
	if (r->to.transport == 0)
		return to.conn != 0;
	return !flow_eq(&to, &r->to);
}

void
regclient_trunk_moved(struct edge *e, struct mono now, uint32_t trunk)
{
	struct regc *r;
	uint32_t i = 0;

	while ((r = next(e->regs, &i)) != NULL) {
		if (r->trunk != trunk || r->step != REGC_IDLE)
			continue;
		if (r->failures + r->unplaced == 0 &&
		    !is_moved(e, r, trunk))
			continue;
		at(e->regs, now, r);
	}
}

void
regclient_status(const struct regclient *c, struct mono now, struct buf *json)
{
	unsigned n = 0, up = 0;
	struct regc *r;
	uint32_t i = 0;

	while ((r = next(c, &i)) != NULL) {
		n++;
		up += !mono_due(r->until, now) && !r->is_ending;
	}
	buf_fmt(json, "\"registrations_wanted\":%u,\"registrations_held\":%u,"
	    "\"registers_sent\":%llu,\"registers_granted\":%llu,"
	    "\"registers_refused\":%llu,\"registers_unanswered\":%llu",
	    n, up, (unsigned long long)c->sent,
	    (unsigned long long)c->granted, (unsigned long long)c->refused,
	    (unsigned long long)c->unanswered);
}
