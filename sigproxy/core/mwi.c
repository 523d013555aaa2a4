#include "sigproxy/core/mwi.h"

#include <errno.h>
#include <stdlib.h>

#include "sigproxy/core/call_priv.h"
#include "sigproxy/core/subs.h"
#include "sigproxy/sip/summary.h"

struct box {
	struct htab_node node;	/* by number */
	TEXT(32) number;	/* empty: not in use */
	struct summary summary;
	bool unsaved;
};

struct mwi {
	struct pool pool;
	struct htab by_number;
	uint32_t save_at;	/* pool index; pool.n: all are saved */
	uint32_t room_at;	/* where room was made last */
	uint64_t heard, refused;
};

struct mwi *
mwi_new(uint32_t max)
{
	struct mwi *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	if (pool_init(&m->pool, max, sizeof(struct box)) ||
	    htab_init(&m->by_number, max)) {
		mwi_free(m);
		return NULL;
	}
	m->save_at = max;
	return m;
}

void
mwi_free(struct mwi *m)
{
	if (m == NULL)
		return;
	pool_clear(&m->pool);
	htab_clear(&m->by_number);
	free(m);
}

static struct box *
find(const struct mwi *m, struct span number)
{
	struct htab_node *n;

	if (number.len == 0)
		return NULL;
	n = htab_first(&m->by_number, htab_hash(&m->by_number, number.p,
	    number.len));
	for (; n != NULL; n = htab_next(n)) {
		struct box *box = HTAB_OF(n, struct box, node);

		if (span_eq(TEXT_SPAN(box->number), number))
			return box;
	}
	return NULL;
}

static void
drop(struct mwi *m, struct box *box)
{
	htab_del(&m->by_number, &box->node);
	box->number.len = 0;
	pool_put(&m->pool, box);
}

/* Room for one more: an empty mailbox is as good as none.  Then one whose lamp
 * no phone asks for: there may be no such number. */
static void
make_room(const struct edge *e)
{
	struct mwi *m = e->mwi;

	for (uint32_t i = 0; i < m->pool.n; i++) {
		struct box *box = pool_at(&m->pool, i);

		if (box->number.len > 0 && !box->summary.waiting &&
		    !box->unsaved) {
			drop(m, box);
			return;
		}
	}
	for (uint32_t i = 0; i < m->pool.n; i++) {
		struct box *box = pool_at(&m->pool, m->room_at++ % m->pool.n);

		if (box->number.len > 0 &&
		    !subs_has(e->subs, SUB_MWI, TEXT_SPAN(box->number))) {
			drop(m, box);
			return;
		}
	}
}

/* NULL: no room, or too long. */
static struct box *
add(const struct edge *e, struct span number)
{
	struct mwi *m = e->mwi;
	struct box *box;

	if (number.len == 0 || number.len > 32)
		return NULL;
	if (m->pool.used == m->pool.n)
		make_room(e);
	box = pool_get(&m->pool);
	if (box == NULL)
		return NULL;
	(void)TEXT_SET(&box->number, number);
	htab_add(&m->by_number, &box->node,
	    htab_hash(&m->by_number, number.p, number.len));
	return box;
}

void
mwi_put(const struct edge *e, struct buf *b, struct span number)
{
	static const struct summary none = { .waiting = false };
	const struct box *box = find(e->mwi, number);
	char mem[5 + 3 * 32 + 1 + 256];
	struct buf account;

	buf_init(&account, mem, sizeof(mem));
	buf_puts(&account, "sip:");
	buf_put(&account, number);
	buf_putc(&account, '@');
	buf_put(&account, e->conf->domain);
	summary_put(b, box == NULL ? &none : &box->summary,
	    buf_span(&account));
}

/* ---- from the source ---- */

static bool
is_trusted(const struct edge *e, const struct flow *from)
{
	for (unsigned i = 0; i < e->conf->n_mwi_sources; i++)
		if (from->zone == ZONE_INTERNAL &&
		    addr_same_ip(&e->conf->mwi_sources[i], &from->remote))
			return true;
	return false;
}

/* The digits a subscriber's number is made of: nothing else has a lamp. */
static bool
is_number(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((s.p[i] < '0' || s.p[i] > '9') && s.p[i] != '+' &&
		    s.p[i] != '*' && s.p[i] != '#')
			return false;
	return s.len > 0 && s.len <= 32;
}

/* 0, or the status that refuses the body. */
static unsigned
read_body(const struct sip_msg *m, struct summary *out)
{
	if (sip_has(m, SIP_H_CONTENT_ENCODING) ||
	    !sip_body_is(m, "application", "simple-message-summary"))
		return 415;
	return summary_parse(m->body, out) == 0 ? 0 : 400;
}

/* 0, or the status that refuses it. */
static unsigned
take(struct edge *e, const struct sip_msg *m, struct span number)
{
	struct mwi *mwi = e->mwi;
	struct summary summary;
	unsigned status = read_body(m, &summary);
	struct box *box = find(mwi, number);

	if (status != 0)
		return status;
	if (box == NULL)
		box = add(e, number);
	if (box == NULL)
		return 500;
	mwi->heard++;
	box->summary = summary;
	box->unsaved = true;
	mwi->save_at = 0;
	subs_touch(e, SUB_MWI, number);
	return 200;
}

static void
answer(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in, unsigned status)
{
	struct reply r = { .status = status };

	if (status == 415)
		r.headers = SPAN_LIT(
		    "Accept: application/simple-message-summary\r\n");
	if (status == 489)
		r.headers = SPAN_LIT("Allow-Events: " SUBS_EVENTS "\r\n");
	e->mwi->refused += status != 200;
	if (edge_may_answer(e, now, in))
		edge_answer(e, now, st, in, &r);
}

void
mwi_request(struct edge *e, struct mono now, struct steps *st,
    const struct edge_in *in)
{
	char mem[URI_USER_MAX];
	struct span id, number;

	/* Nobody outside has anything to tell us unasked. */
	if (in->from->zone != ZONE_INTERNAL) {
		edge_refuse_status(e, now, st, in, 481);
	} else if (subs_event_of(in->msg, &id) != SUB_MWI) {
		answer(e, now, st, in, 489);
	} else if (!is_trusted(e, in->from)) {
		auth_require(e, now, st, in, AUTH_CALL);
	} else if (uri_user_unescape(&in->msg->ruri, mem, &number) != 0 ||
	    !is_number(number)) {
		answer(e, now, st, in, 404);
	} else {
		/* Said twice it is the same: no transaction is needed. */
		answer(e, now, st, in, take(e, in->msg, number));
	}
}

void
mwi_authorised(struct edge *e, struct mono now, struct steps *st,
    struct stxn *t, const struct sip_msg *msg, const struct ipc_auth_say *say)
{
	unsigned status = 481;

	if (msg->to.tag.len == 0 && t->from.zone == ZONE_INTERNAL)
		status = take(e, msg, say->called.number);
	t->ops = NULL;
	(void)stxn_status(&e->txns, now, st, t, status);
}

/* ---- what outlives this process ---- */

static void
save(struct steps *st, const struct box *box)
{
	const struct summary *s = &box->summary;
	struct ipc_mwi_save m = { .mailbox = { .number =
		TEXT_SPAN(box->number), .waiting = s->waiting,
		.counted = s->counted, .fresh = s->fresh, .old = s->old,
		.urgent_fresh = s->urgent_fresh,
		.urgent_old = s->urgent_old } };

	STEPS_ASK(st, &st->reg, MWI_SAVE, mwi_save, &m);
}

bool
mwi_is_waiting(const struct mwi *m)
{
	return m->save_at < m->pool.n;
}

void
mwi_settle(struct edge *e, struct mono now, struct steps *st)
{
	struct mwi *m = e->mwi;

	while (e->reg_up && m->save_at < m->pool.n &&
	    st->reg.len < st->reg.cap / 2) {
		struct box *box = pool_at(&m->pool, m->save_at++);

		if (box->number.len > 0 && box->unsaved)
			save(st, box);
		box->unsaved = false;
	}
}

void
mwi_save_all(struct edge *e)
{
	struct mwi *m = e->mwi;

	for (uint32_t i = 0; i < m->pool.n; i++) {
		struct box *box = pool_at(&m->pool, i);

		box->unsaved = box->number.len > 0;
	}
	m->save_at = 0;
}

int
mwi_frame(struct edge *e, struct mono now, struct steps *st,
    struct span payload)
{
	struct ipc_mwi_restore r;
	const struct ipc_mailbox *b = &r.mailbox;
	struct box *box;
	int err = get_mwi_restore(payload, &r);

	if (err)
		return err;
	/* What we know is newer. */
	if (find(e->mwi, b->number) != NULL || !is_number(b->number))
		return 0;
	box = add(e, b->number);
	if (box == NULL)
		return 0;
	box->summary = (struct summary){ b->waiting != 0, b->counted != 0,
		b->fresh, b->old, b->urgent_fresh, b->urgent_old };
	subs_touch(e, SUB_MWI, b->number);
	return 0;
}

void
mwi_status(const struct mwi *m, struct buf *json)
{
	buf_fmt(json,
	    "\"mailboxes\":%u,\"mailboxes_heard\":%llu,"
	    "\"mailboxes_refused\":%llu",
	    m->pool.used, (unsigned long long)m->heard,
	    (unsigned long long)m->refused);
}
