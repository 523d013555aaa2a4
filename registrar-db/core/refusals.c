#include "common/base/text.h"
#include "registrar-db/core/refusals.h"

static bool
is_same(const struct refusal *x, int64_t id, struct span username,
    enum verify_why why, enum refusal_from from)
{
	return x->used && x->id == id && x->why == why && x->from == from &&
	    (id >= 0 || span_eq(span_make(x->name, x->name_len), username));
}

/* The one that says the same, else a free one, else the oldest. */
static struct refusal *
place(struct refusal *list, int64_t id, struct span username,
    enum verify_why why, enum refusal_from from)
{
	struct refusal *oldest = &list[0];

	for (unsigned i = 0; i < REFUSALS_MAX; i++) {
		if (is_same(&list[i], id, username, why, from))
			return &list[i];
		if (oldest->used && (!list[i].used ||
			mono_before(list[i].at, oldest->at)))
			oldest = &list[i];
	}
	oldest->used = false;
	return oldest;
}

void
refusals_add(struct refusals *r, int64_t id, struct span username,
    enum verify_why why, const struct ipc_flow *flow, enum refusal_from from,
    struct mono now)
{
	struct refusal *x;

	username = span_sub(username, 0, REFUSALS_NAME_MAX);
	x = place(r->item + (id < 0 ? REFUSALS_MAX : 0), id, username, why,
	    from);
	if (!x->used)
		*x = (struct refusal){ .used = true, .from = from, .id = id,
			.why = why };
	if (username.len > 0)
		memcpy(x->name, username.p, username.len);
	x->name_len = username.len;
	x->zone = (enum zone)flow->zone;
	x->source = flow->remote;
	x->at = now;
	x->count++;
}

static void
put_text(struct buf *b, const char *key, struct span s)
{
	buf_puts(b, key);
	text_put_json(b, s);
}

static void
put_one(struct buf *b, const struct refusal *x, struct mono now)
{
	char mem[ADDR_TEXT_MAX + 1];

	buf_puts(b, "{\"subscriber\":");
	if (x->id < 0)
		buf_puts(b, "null");
	else
		buf_put_u64(b, (uint64_t)x->id);
	put_text(b, ",\"username\":", span_make(x->name, x->name_len));
	put_text(b, ",\"why\":", span_str(verify_why_name(x->why)));
	put_text(b, ",\"zone\":", x->zone == ZONE_EXTERNAL ?
	    SPAN_LIT("external") : SPAN_LIT("internal"));
	put_text(b, ",\"source\":", span_str(addr_text(&x->source, mem)));
	buf_fmt(b, ",\"known_source\":%s,\"known_device\":%s,\"count\":",
	    x->from >= FROM_ITS_ADDRESS ? "true" : "false",
	    x->from == FROM_ITS_DEVICE ? "true" : "false");
	buf_put_u64(b, x->count);
	buf_puts(b, ",\"ago_s\":");
	buf_put_u64(b, mono_ms_between(x->at, now) / 1000);
	buf_putc(b, '}');
}

/* The newest that is older than `before` in the order of (at, place). */
static const struct refusal *
next(const struct refusals *r, const struct refusal *before)
{
	const struct refusal *best = NULL;

	for (const struct refusal *x = r->item;
	     x < r->item + 2 * REFUSALS_MAX; x++) {
		bool later = before != NULL &&
		    (mono_before(before->at, x->at) ||
			(before->at.us == x->at.us && x <= before));

		if (x->used && !later &&
		    (best == NULL || mono_before(best->at, x->at)))
			best = x;
	}
	return best;
}

void
refusals_json(const struct refusals *r, struct mono now, struct buf *b)
{
	const struct refusal *x = NULL;
	size_t len;

	while ((x = next(r, x)) != NULL && buf_err(b) == 0) {
		len = b->len;
		if (b->len > 0 && b->p[b->len - 1] == '}')
			buf_putc(b, ',');
		put_one(b, x, now);
		if (buf_err(b)) { /* take back the half one */
			b->len = len;
			b->err = 0;
			return;
		}
	}
}
