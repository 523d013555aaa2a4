#include "common/codec/uri.h"
#include "registrar-db/core/binding.h"

/* A binding while the request is worked through. */
struct work {
	struct binding b;
	bool was;		/* stored before */
	bool named;		/* by this request, by instance or contact */
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
	    span_eq(b->instance, c->instance) &&
	    (b->reg_id == c->reg_id || b->reg_id == 0 || c->reg_id == 0);
}

/* Two names that both exist and differ are two devices, or two flows of one
 * (RFC 5626 6). */
static bool
other_instance(const struct binding *b, const struct ipc_contact *c)
{
	return !span_is_empty(c->instance) && !span_is_empty(b->instance) &&
	    !same_instance(b, c);
}

static bool
same_software(const struct binding *b, const struct ipc_reg_ask *ask)
{
	return !span_is_empty(ask->user_agent) &&
	    span_eq(b->user_agent, ask->user_agent);
}

/* Does this host in a Contact stand for one machine?  A private address does
 * in its home; a public one may be the home's router, as STUN told. */
static bool
is_machine(const struct uri *u, const struct ipc_reg_ask *ask)
{
	return u->host_kind == URI_HOST_IP &&
	    (!addr_is_public(&u->ip) || !ask->nated);
}

/* The same user at the same machine, perhaps by another port? */
static bool
same_place(const struct binding *b, const struct ipc_reg_ask *ask,
    const struct ipc_contact *c)
{
	struct uri was, is;

	return addr_same_ip(&b->flow.remote, &ask->flow.remote) &&
	    b->flow.zone == ask->flow.zone &&
	    uri_parse(b->contact, &was) == 0 && uri_parse(c->uri, &is) == 0 &&
	    is_machine(&was, ask) && uri_same_host(&was, &is) &&
	    uri_same_user(&was, &is);
}

/* How sure is it that a binding and a Contact are one device; tried in this
 * order. */
enum sign { BY_INSTANCE, BY_CONTACT, BY_FLOW, BY_CALL_ID, BY_PLACE, SIGNS };

static bool
is_same(const struct work *w, const struct ipc_reg_ask *ask,
    const struct ipc_contact *c, enum sign by)
{
	const struct binding *b = &w->b;

	if (w->gone || (by > BY_CONTACT && (w->touched || w->named)) ||
	    other_instance(b, c))
		return false;
	switch (by) {
	case BY_INSTANCE:
		return same_instance(b, c);
	case BY_CONTACT:
		return span_eq(b->contact, c->uri);
	case BY_FLOW:
		return flow_eq(&b->flow, &ask->flow);
	case BY_CALL_ID:
		return span_eq(b->call_id, ask->call_id) &&
		    same_software(b, ask);
	case BY_PLACE:
		return same_software(b, ask) && same_place(b, ask, c);
	default:
		return false;
	}
}

/* The binding that this contact stands for. */
static struct work *
match(struct work_set *s, const struct ipc_reg_ask *ask,
    const struct ipc_contact *c)
{
	/* To remove, it must be named. */
	enum sign end = c->expires_s == 0 ? BY_FLOW : SIGNS;

	for (enum sign by = BY_INSTANCE; by < end; by++) {
		for (unsigned i = 0; i < s->n; i++) {
			if (is_same(&s->w[i], ask, c, by))
				return &s->w[i];
		}
	}
	return NULL;
}

/* Several Contacts of one REGISTER are several bindings, though Call-ID and
 * place are the same: those named are not taken for others. */
static void
touch_named(struct work_set *s, const struct ipc_reg_ask *ask)
{
	for (unsigned i = 0; i < ask->n_contacts; i++) {
		for (unsigned j = 0; j < s->n; j++)
			s->w[j].named |= is_same(&s->w[j], ask,
			    &ask->contacts[i], BY_INSTANCE) ||
			    is_same(&s->w[j], ask, &ask->contacts[i],
				BY_CONTACT);
	}
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
grant_s(const struct ipc_reg_ask *ask, uint32_t reconnects, uint32_t asked_s)
{
	uint32_t most = GRANT_MAX_S;

	if (is_stream(&ask->flow))
		most = reconnects < RECONNECTS_MIN ? GRANT_STREAM_S :
						     GRANT_RECONNECTS_S;
	else if (is_nated_udp(ask))
		most = GRANT_NATED_UDP_S;
	return asked_s < most ? asked_s : most;
}

/* Its connection had closed, and it came back at once: so often now. */
static uint32_t
reconnects(const struct work *w, const struct ipc_reg_ask *ask,
    int64_t wall_s)
{
	const struct binding *old = &w->old;
	int64_t due = old->registered_wall_s + old->granted_s / 2;

	if (!w->was || !is_stream(&ask->flow))
		return 0;
	if (old->closed_wall_s == 0 || old->reconnects >= RECONNECTS_MIN)
		return old->reconnects;
	return wall_s - old->closed_wall_s <= RECONNECT_S &&
		wall_s + RECONNECT_S < due ?
	    old->reconnects + 1 :
	    0;
}

static struct binding
binding_of(const struct ipc_reg_ask *ask, const struct ipc_contact *c,
    uint32_t n_reconnects, int64_t wall_s)
{
	struct binding b = {
		.contact = c->uri,
		.instance = c->instance,
		.call_id = ask->call_id,
		.user_agent = ask->user_agent,
		.reconnects = n_reconnects,
		.reg_id = c->reg_id,
		.cseq = ask->cseq,
		.q_permille = c->q_permille,
		.flow = ask->flow,
		.nated = ask->nated != 0,
		.ice = c->ice != 0,
		.registered_wall_s = wall_s,
		.granted_s = grant_s(ask, n_reconnects, c->expires_s),
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
	    a->ice == b->ice &&
	    a->granted_s == b->granted_s && a->closed_wall_s == 0 &&
	    a->reconnects == b->reconnects &&
	    span_eq(a->user_agent, b->user_agent) &&
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
	w->b = binding_of(ask, c, reconnects(w, ask, wall_s), wall_s);
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

static bool
same_device(const struct binding *a, const struct binding *b)
{
	return !span_is_empty(a->instance) &&
	    span_eq(a->instance, b->instance);
}

/* The last REGISTER of the whole device. */
static int64_t
heard_wall_s(const struct work_set *s, const struct work *w)
{
	int64_t last = w->b.registered_wall_s;

	for (unsigned i = 0; i < s->n; i++) {
		if (!s->w[i].gone && same_device(&s->w[i].b, &w->b) &&
		    s->w[i].b.registered_wall_s > last)
			last = s->w[i].b.registered_wall_s;
	}
	return last;
}

static bool
is_first_of_device(const struct work_set *s, unsigned at)
{
	for (unsigned i = 0; i < at; i++) {
		if (!s->w[i].gone && same_device(&s->w[i].b, &s->w[at].b))
			return false;
	}
	return true;
}

static bool
is_too_many(const struct work_set *s, unsigned max)
{
	unsigned bindings = 0, devices = 0;

	for (unsigned i = 0; i < s->n; i++) {
		if (s->w[i].gone)
			continue;
		bindings++;
		devices += is_first_of_device(s, i);
	}
	return devices > max || bindings > BINDING_MAX;
}

/* Newest wins: the longest silent ones go until the rest fits.  The real
 * phone is never refused for an old one's sake. */
static void
drop_oldest(struct work_set *s, unsigned max)
{
	struct work *oldest;

	while (is_too_many(s, max)) {
		oldest = NULL;
		for (unsigned i = 0; i < s->n; i++) {
			struct work *w = &s->w[i];

			if (!w->gone && (oldest == NULL ||
				heard_wall_s(s, w) < heard_wall_s(s, oldest)))
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
    unsigned max, int64_t wall_s, struct binding_plan *out)
{
	struct work_set s = { .n = old->n };
	enum verdict verdict = VERDICT_OK;

	*out = (struct binding_plan){ 0 };
	for (unsigned i = 0; i < old->n; i++)
		s.w[i] = (struct work){ .b = old->b[i], .old = old->b[i],
			.was = true };
	touch_named(&s, ask);
	if (ask->star)
		verdict = take_star(&s, ask);
	for (unsigned i = 0; i < ask->n_contacts && verdict == VERDICT_OK; i++)
		verdict = take_contact(&s, ask, &ask->contacts[i], wall_s);
	if (verdict == VERDICT_BRIEF)
		out->min_expires_s = least_s(ask);
	if (verdict != VERDICT_OK)
		return verdict;
	drop_oldest(&s, max);
	plan_fill(&s, out);
	return VERDICT_OK;
}
