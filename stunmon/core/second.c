#include "stunmon/core/second.h"

/* The name's first address that could be ours; NULL: none. */
static const struct addr *
first(const struct second *s, const struct dynname *d)
{
	for (unsigned i = 0; d->answered && i < d->n_addrs; i++) {
		if (d->addr[i].family == s->family &&
		    addr_is_public(&d->addr[i]))
			return &d->addr[i];
	}
	return NULL;
}

static bool
leads_to(const struct dynname *d, const struct addr *a)
{
	for (unsigned i = 0; a->family != ADDR_NONE && i < d->n_addrs; i++) {
		if (addr_same_ip(&d->addr[i], a))
			return true;
	}
	return false;
}

static struct mono
patience_ends(const struct mappings *v)
{
	return mono_add_ms(v->silent_since, SECOND_PATIENCE_MS);
}

/* Have the servers had their chance? */
static bool
is_silent(const struct mappings *v, struct mono now)
{
	if (v->was_known)
		return v->site_state == PUBLIC_OLD;
	return v->silent_since.us != 0 && mono_due(patience_ends(v), now);
}

void
second_look(struct second *s, struct mappings *v, const struct dynname *d,
    struct mono now)
{
	const struct addr *says = first(s, d);

	if (!v->conf.stun)
		return;
	if (v->site_state == PUBLIC_KNOWN) {
		s->then = says != NULL ? *says : (struct addr){ 0 };
		return;
	}
	if (says == NULL || !is_silent(v, now) ||
	    (d->guessed && !d->was_ours))
		return;
	if (leads_to(d, &v->site) || leads_to(d, &s->then))
		return;
	mapping_suppose(v, says, now);
}

struct mono
second_due(const struct mappings *v, struct mono now)
{
	if (!v->conf.stun || v->was_known || v->silent_since.us == 0 ||
	    mono_due(patience_ends(v), now))
		return MONO_NEVER;
	return patience_ends(v);
}
