#include "registrar-db/core/binding.h"

/* A binding while the request is worked through. */
struct work {
	struct binding b;
	bool was;		/* stored before */
	bool touched;		/* by this request */
	bool gone;
	bool moved;		/* contact, flow or another field changed */
	struct binding old;
};

struct work_set {
	unsigned n;
	struct work w[BINDING_STEPS_MAX];
};

bool
flow_eq(const struct ipc_flow *a, const struct ipc_flow *b)
{
	return a->zone == b->zone && a->transport == b->transport &&
	    a->listener == b->listener && addr_eq(&a->remote, &b->remote) &&
	    a->conn == b->conn;
}

/* Did this request overtake one that is stored?  RFC 3261 10.3 step 7. */
static bool
is_out_of_order(const struct work *w, const struct ipc_reg_ask *ask)
{
	return w->was && span_eq(w->old.call_id, ask->call_id) &&
	    ask->cseq <= w->old.cseq;
}

static bool
same_instance(const struct binding *b, const struct ipc_contact *c)
{
	return !span_is_empty(c->instance) &&
	    span_eq(b->instance, c->instance) && b->reg_id == c->reg_id;
}

/* Two names that both exist and differ are two devices. */
static bool
other_instance(const struct binding *b, const struct ipc_contact *c)
{
	return !span_is_empty(c->instance) && !span_is_empty(b->instance) &&
	    !same_instance(b, c);
}

/* The binding that this contact stands for: the device by its name, else by
 * its contact, else whatever else was on that flow (a phone that came back
 * with a new contact). */
static struct work *
match(struct work_set *s, const struct ipc_reg_ask *ask,
    const struct ipc_contact *c)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (!s->w[i].gone && same_instance(&s->w[i].b, c))
			return &s->w[i];
	}
	for (unsigned i = 0; i < s->n; i++) {
		if (!s->w[i].gone && span_eq(s->w[i].b.contact, c->uri) &&
		    !other_instance(&s->w[i].b, c))
			return &s->w[i];
	}
	if (c->expires_s == 0)
		return NULL;
	for (unsigned i = 0; i < s->n; i++) {
		if (!s->w[i].gone && !s->w[i].touched &&
		    flow_eq(&s->w[i].b.flow, &ask->flow) &&
		    !other_instance(&s->w[i].b, c))
			return &s->w[i];
	}
	return NULL;
}

static bool
is_stream(const struct ipc_flow *f)
{
	return f->transport != TRANSPORT_UDP;
}

static bool
is_nated_udp(const struct ipc_reg_ask *ask)
{
	return ask->flow.zone == ZONE_EXTERNAL && ask->nated != 0 &&
	    !is_stream(&ask->flow);
}

static uint32_t
least_s(const struct ipc_reg_ask *ask)
{
	return is_nated_udp(ask) ? GRANT_NATED_MIN_S : GRANT_MIN_S;
}

static uint32_t
grant_s(const struct ipc_reg_ask *ask, uint32_t asked_s)
{
	uint32_t most = GRANT_MAX_S;

	if (is_stream(&ask->flow))
		most = GRANT_STREAM_S;
	else if (is_nated_udp(ask))
		most = GRANT_NATED_UDP_S;
	return asked_s < most ? asked_s : most;
}

static struct binding
binding_of(const struct ipc_reg_ask *ask, const struct ipc_contact *c,
    int64_t wall_s)
{
	struct binding b = {
		.contact = c->uri,
		.instance = c->instance,
		.call_id = ask->call_id,
		.reg_id = c->reg_id,
		.cseq = ask->cseq,
		.q_permille = c->q_permille,
		.flow = ask->flow,
		.nated = ask->nated != 0,
		.registered_wall_s = wall_s,
		.granted_s = grant_s(ask, c->expires_s),
	};

	b.expires_wall_s = wall_s + b.granted_s;
	return b;
}

static bool
is_refresh(const struct binding *a, const struct binding *b)
{
	return span_eq(a->contact, b->contact) &&
	    span_eq(a->instance, b->instance) && a->reg_id == b->reg_id &&
	    a->q_permille == b->q_permille && a->nated == b->nated &&
	    a->granted_s == b->granted_s &&
	    span_eq(a->call_id, b->call_id) && flow_eq(&a->flow, &b->flow);
}

/* Carry one Contact of the request into the set. */
static enum verdict
take_contact(struct work_set *s, const struct ipc_reg_ask *ask,
    const struct ipc_contact *c, int64_t wall_s)
{
	struct work *w = match(s, ask, c);
	unsigned slot;

	if (w != NULL && is_out_of_order(w, ask))
		return VERDICT_BAD;
	if (c->expires_s == 0) {
		if (w != NULL)
			w->gone = w->touched = true;
		return VERDICT_OK;
	}
	if (c->expires_s < least_s(ask))
		return VERDICT_BRIEF;
	if (w == NULL) {
		w = &s->w[s->n++];
		*w = (struct work){ 0 };
	}
	slot = w->b.slot;
	w->b = binding_of(ask, c, wall_s);
	w->b.slot = slot;
	w->touched = true;
	w->moved = !w->was || !is_refresh(&w->old, &w->b);
	return VERDICT_OK;
}

static enum verdict
take_star(struct work_set *s, const struct ipc_reg_ask *ask)
{
	if (ask->n_contacts > 0)
		return VERDICT_BAD;
	for (unsigned i = 0; i < s->n; i++) {
		if (is_out_of_order(&s->w[i], ask))
			return VERDICT_BAD;
		s->w[i].gone = true;
	}
	return VERDICT_OK;
}

static unsigned
count_live(const struct work_set *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += !s->w[i].gone;
	return n;
}

/* Newest wins: the longest silent ones go until the rest fits. */
static void
drop_oldest(struct work_set *s)
{
	struct work *oldest;

	while (count_live(s) > BINDING_MAX) {
		oldest = NULL;
		for (unsigned i = 0; i < s->n; i++) {
			struct work *w = &s->w[i];

			if (!w->gone && (oldest == NULL ||
				w->b.registered_wall_s <
				    oldest->b.registered_wall_s))
				oldest = w;
		}
		if (oldest == NULL)
			return;
		oldest->gone = true;
	}
}

/* The lowest slot that no live binding has. */
static unsigned
free_slot(const struct work_set *s)
{
	for (unsigned slot = 1; slot < BINDING_MAX; slot++) {
		bool taken = false;

		for (unsigned i = 0; i < s->n; i++)
			taken |= !s->w[i].gone && s->w[i].b.slot == slot;
		if (!taken)
			return slot;
	}
	return BINDING_MAX;
}

static void
add_step(struct binding_plan *p, enum binding_do what, const struct binding *b)
{
	p->step[p->n_steps++] = (struct binding_step){ what, *b };
}

static void
plan_fill(struct work_set *s, struct binding_plan *out)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (s->w[i].gone && s->w[i].was)
			add_step(out, BINDING_DROP, &s->w[i].old);
	}
	for (unsigned i = 0; i < s->n; i++) {
		struct work *w = &s->w[i];

		if (w->gone)
			continue;
		if (w->b.slot == 0)
			w->b.slot = free_slot(s);
		if (w->touched)
			add_step(out, w->moved ? BINDING_PUT : BINDING_REFRESH,
			    &w->b);
		out->after.b[out->after.n++] = w->b;
	}
}

enum verdict
binding_decide(const struct binding_set *old, const struct ipc_reg_ask *ask,
    int64_t wall_s, struct binding_plan *out)
{
	struct work_set s = { .n = old->n };
	enum verdict verdict = VERDICT_OK;

	*out = (struct binding_plan){ 0 };
	for (unsigned i = 0; i < old->n; i++)
		s.w[i] = (struct work){ .b = old->b[i], .old = old->b[i],
			.was = true };
	if (ask->star)
		verdict = take_star(&s, ask);
	for (unsigned i = 0; i < ask->n_contacts && verdict == VERDICT_OK; i++)
		verdict = take_contact(&s, ask, &ask->contacts[i], wall_s);
	if (verdict == VERDICT_BRIEF)
		out->min_expires_s = least_s(ask);
	if (verdict != VERDICT_OK)
		return verdict;
	drop_oldest(&s);
	plan_fill(&s, out);
	return VERDICT_OK;
}
