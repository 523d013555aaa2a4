#include <assert.h>

#include "postern/plan.h"

static const struct plan_member *
add_member(struct plan *p, enum ipc_role role, uint8_t instance)
{
	struct plan_member *m = &p->member[p->n_members++];

	m->role = role;
	m->instance = instance;
	role_name(role, instance, m->name);
	return m;
}

static void
add_door(struct plan *p, const struct plan_member *owner,
    const struct plan_member *knocker)
{
	assert(p->n_doors < PLAN_DOORS_MAX);
	p->door[p->n_doors++] = (struct plan_door){ owner, knocker };
}

static void
add_pair(
    struct plan *p, const struct plan_member *a, const struct plan_member *b)
{
	add_door(p, a, b);
	add_door(p, b, a);
}

void
plan_make(const struct conf *c, struct plan *out)
{
	const struct plan_member *reg, *stun, *sig, *media, *key, *trace;

	assert(c->processes <= PLAN_MEDIA_MAX);
	out->n_members = out->n_doors = 0;
	out->admin = (struct plan_member){ .role = ROLE_ADMIN };
	role_name(ROLE_ADMIN, 0, out->admin.name);

	reg = add_member(out, ROLE_REG, 0);
	stun = add_member(out, ROLE_STUN, 0);
	sig = add_member(out, ROLE_SIG, 0);
	add_pair(out, sig, reg);
	trace = add_member(out, ROLE_TRACE, 0);
	add_pair(out, sig, stun);
	add_pair(out, reg, stun);
	add_pair(out, sig, trace);
	for (unsigned i = 0; i < c->processes; i++) {
		media = add_member(out, ROLE_MEDIA, (uint8_t)i);
		add_pair(out, sig, media);
		add_pair(out, stun, media);
		add_pair(out, trace, media);
	}
	if (conf_has_tls(c)) {
		key = add_member(out, ROLE_KEY, 0);
		add_pair(out, sig, key);
	}
	for (unsigned i = 0; i < out->n_members; i++)
		add_door(out, &out->member[i], &out->admin);
}
