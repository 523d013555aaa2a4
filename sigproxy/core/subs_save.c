/*
 * Surviving a restart of sigproxy: what registrar-db keeps of a subscription,
 * read back as strictly as bytes from the network.
 */
#include <errno.h>

#include "common/ipc/wire.h"
#include "sigproxy/core/checkpoint.h"
#include "sigproxy/core/subs_priv.h"

/* ---- saving ---- */

static void
put_state(struct buf *b, const struct sub *sub)
{
	const struct leg *leg = &sub->leg;

	wire_put_uint(b, sub->event, 1);
	wire_put_uint(b, sub->show, 1);
	wire_put_text(b, TEXT_SPAN(sub->watcher));
	wire_put_text(b, TEXT_SPAN(sub->number));
	wire_put_text(b, TEXT_SPAN(sub->event_id));
	buf_put(b, span_make(leg->token, LEG_TOKEN_LEN));
	buf_put(b, span_make(sub->our_tag, TAG_LEN));
	checkpoint_put_flow(b, &leg->flow);
	wire_put_text(b, TEXT_SPAN(leg->target));
	wire_put_text(b, TEXT_SPAN(leg->route));
	wire_put_text(b, TEXT_SPAN(leg->call_id));
	wire_put_text(b, TEXT_SPAN(leg->local));
	wire_put_text(b, TEXT_SPAN(leg->remote));
	wire_put_text(b, TEXT_SPAN(leg->tag));
	wire_put_uint(b, leg->remote_cseq, 4);
	wire_put_uint(b, sub->reserved, 4);
}

static bool
say_save(const struct ctx *x, const struct sub *sub)
{
	char mem[IPC_SUB_STATE_MAX];
	uint64_t left_s = mono_ms_between(x->now, sub->expires) / 1000;
	struct ipc_sub_save save = { .id = sub->id, .version = SUB_VERSION,
		.expires_s = left_s > 0 ? (uint32_t)left_s : 1 };
	struct buf b;

	if (!x->e->reg_up || x->st->reg.len > x->st->reg.cap / 2)
		return false;
	buf_init(&b, mem, sizeof(mem));
	put_state(&b, sub);
	save.state = buf_span(&b);
	if (!buf_err(&b))
		STEPS_ASK(x->st, &x->st->reg, SUB_SAVE, sub_save, &save);
	return true;
}

void
sub_save(const struct ctx *x, struct sub *sub)
{
	if (sub->count >= sub->reserved)
		sub->reserved = sub->count + SUB_STEP;
	sub->unsaved = !say_save(x, sub);
	if (sub->unsaved)
		x->e->subs->save_at = 0;
}

void
sub_save_rest(const struct ctx *x)
{
	struct subs *s = x->e->subs;

	while (x->e->reg_up && s->save_at < s->pool.n) {
		struct sub *sub = pool_at(&s->pool, s->save_at);

		if (sub->id != 0 && sub->unsaved && !say_save(x, sub))
			return;
		sub->unsaved = false;
		s->save_at++;
	}
}

void
subs_save_all(struct edge *e)
{
	struct subs *s = e->subs;

	for (uint32_t i = 0; i < s->pool.n; i++) {
		struct sub *sub = pool_at(&s->pool, i);

		sub->unsaved = sub->id != 0;
	}
	s->save_at = 0;
}

/* ---- restoring ---- */

static void
get_texts(struct rwire *r, struct sub *sub)
{
	struct leg *leg = &sub->leg;

	(void)TEXT_SET(&leg->target, wire_get_text(r, 1, 512));
	(void)TEXT_SET(&leg->route, wire_get_text(r, 0, 512));
	(void)TEXT_SET(&leg->call_id, wire_get_text(r, 1, 256));
	(void)TEXT_SET(&leg->local, wire_get_text(r, 1, 256));
	(void)TEXT_SET(&leg->remote, wire_get_text(r, 1, 256));
	(void)TEXT_SET(&leg->tag, wire_get_text(r, 1, 128));
	checkpoint_check_target(r, TEXT_SPAN(leg->target));
}

static void
get_tag(struct rwire *r, char tag[TAG_LEN])
{
	wire_get_bin(r, (uint8_t *)tag, TAG_LEN);
	if (r->err == 0 && !sip_is_token(span_make(tag, TAG_LEN)))
		wire_fail(r, -EBADMSG);
}

/* Errors: -EBADMSG, -ERANGE: broken in any way. */
static int
get_state(struct span state, const struct edge_conf *conf, struct sub *sub)
{
	struct rwire r = { .left = state };

	memset(sub, 0, sizeof(*sub));
	sub->event = (enum sub_event)wire_get_uint(&r, 1, SUB_DIALOG, SUB_MWI);
	sub->show = (uint8_t)wire_get_uint(&r, 1, WATCH_NOTHING, WATCH_NUMBER);
	(void)TEXT_SET(&sub->watcher, wire_get_text(&r, 1, 32));
	(void)TEXT_SET(&sub->number, wire_get_text(&r, 1, 32));
	(void)TEXT_SET(&sub->event_id, wire_get_text(&r, 0, SUB_EVENT_ID_MAX));
	checkpoint_get_token(&r, (uint8_t *)sub->leg.token);
	get_tag(&r, sub->our_tag);
	sub->leg.flow = checkpoint_get_flow(&r, conf);
	get_texts(&r, sub);
	sub->leg.remote_cseq = (uint32_t)wire_get_uint(&r, 4, 0, INT32_MAX);
	sub->count = (uint32_t)wire_get_uint(&r, 4, 0, SUB_COUNT_MAX);
	sub->reserved = sub->count;
	return wire_end(&r);
}

static bool
is_known(const struct subs *s, uint64_t id)
{
	for (uint32_t i = 0; i < s->pool.n; i++) {
		const struct sub *sub = pool_at(&s->pool, i);

		if (sub->id == id)
			return true;
	}
	return false;
}

static int
restore(const struct ctx *x, const struct ipc_sub_restore *m)
{
	static struct sub saved;
	struct subs *s = x->e->subs;
	struct sub *sub;
	int err;

	/* It ended while registrar-db was away. */
	if (x->e->is_restored)
		return -ENOENT;
	if (m->version != SUB_VERSION)
		return -EPROTONOSUPPORT;
	err = get_state(m->state, x->e->conf, &saved);
	if (err)
		return err;
	if (sub_find(s, span_make(saved.leg.token, LEG_TOKEN_LEN)) != NULL)
		return -EEXIST;
	sub = pool_get(&s->pool);
	if (sub == NULL)
		return -ENOMEM;
	*sub = saved;
	sub->id = m->id;
	sub->expires = mono_add_ms(x->now, m->left_s * UINT64_C(1000));
	sub_enter(s, sub);
	s->restored++;
	sub_want(s, sub, true);
	sub_arm(x->e, sub);
	return 0;
}

static int
on_restore(const struct ctx *x, struct span payload)
{
	struct ipc_sub_restore m;
	struct ipc_sub_gone gone;
	int err = get_sub_restore(payload, &m);

	if (err)
		return err;
	if (is_known(x->e->subs, m.id))
		return 0;
	err = restore(x, &m);
	if (err == 0)
		return 0;
	if (err != -ENOENT) {
		steps_log(x->st, STEP_WARN, "subscription-not-restored");
		steps_key_number(x->st, "id", m.id);
		steps_key_number(x->st, "errno", (uint64_t)-err);
	}
	gone.id = m.id;
	STEPS_ASK(x->st, &x->st->reg, SUB_GONE, sub_gone, &gone);
	return 0;
}

static int
on_end(const struct ctx *x, struct span payload)
{
	struct subs *s = x->e->subs;
	struct ipc_sub_end m;
	int err = get_sub_end(payload, &m);

	for (uint32_t i = 0; i < s->pool.n && err == 0; i++) {
		struct sub *sub = pool_at(&s->pool, i);

		if (sub->id == m.id)
			sub_end(x, sub, m.again ? SUB_DEACTIVATED :
						  SUB_REJECTED);
	}
	return err;
}

int
subs_frame(struct edge *e, struct mono now, struct steps *st, uint16_t type,
    struct span payload)
{
	const struct ctx x = { e, now, st };

	return type == IPC_SUB_END ? on_end(&x, payload) :
				     on_restore(&x, payload);
}
