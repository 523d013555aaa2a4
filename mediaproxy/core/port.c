#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "mediaproxy/core/port.h"

int
ports_init(struct ports *p, uint32_t n)
{
	memset(p, 0, sizeof(*p));
	p->pair = calloc(n, sizeof(p->pair[0]));
	return p->pair == NULL ? -ENOMEM : 0;
}

void
ports_clear(struct ports *p)
{
	for (unsigned i = 0; i < p->n_groups; i++)
		free(p->group[i].queue);
	free(p->pair);
	memset(p, 0, sizeof(*p));
}

int
ports_add(struct ports *p, enum zone zone, const struct addr *ip,
    uint16_t first, uint32_t n, bool mapped)
{
	struct port_group *g = &p->group[p->n_groups];

	if (p->n_groups == PORT_GROUPS_MAX)
		return -ENOSPC;
	*g = (struct port_group){ .zone = zone, .ip = *ip, .mapped = mapped,
		.first = p->n, .n = n };
	g->queue = calloc(n, sizeof(g->queue[0]));
	if (g->queue == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		struct port_pair *pair = &p->pair[p->n];

		pair->own = *ip;
		pair->own.port = (uint16_t)(first + 2 * i);
		pair->group = (uint8_t)p->n_groups;
		pair->by_stun = mapped;
		g->queue[i] = p->n++;
	}
	g->n_free = n;
	p->n_groups++;
	return 0;
}

/* ---- groups as rings ---- */

static uint32_t
group_pop(struct ports *p, struct port_group *g, struct mono now)
{
	uint32_t i = g->queue[g->head];

	if (g->n_free == 0 || !mono_due(p->pair[i].rest_until, now))
		return PORT_NONE;
	g->head = (g->head + 1) % g->n;
	g->n_free--;
	return i;
}

static void
group_push(struct port_group *g, uint32_t i)
{
	assert(g->n_free < g->n);
	g->queue[(g->head + g->n_free) % g->n] = i;
	g->n_free++;
}

/* Leading bits that two addresses of one family share. */
static unsigned
common_bits(const struct addr *a, const struct addr *b)
{
	unsigned bits = 0;

	for (size_t i = 0; i < addr_ip_len(a); i++) {
		uint8_t differ = a->ip[i] ^ b->ip[i];

		if (differ != 0)
			return bits + (unsigned)__builtin_clz(differ) - 24;
		bits += 8;
	}
	return bits;
}

static struct port_group *
choose_group(struct ports *p, enum zone zone, enum addr_family family,
    const struct addr *phone, const struct addr *local)
{
	struct port_group *best = NULL;
	unsigned best_bits = 0;

	for (unsigned i = 0; i < p->n_groups; i++) {
		struct port_group *g = &p->group[i];
		unsigned bits = 0;

		if (g->zone != zone || g->ip.family != family)
			continue;
		if (addr_same_ip(&g->ip, local))
			return g;
		if (phone->family == family)
			bits = common_bits(&g->ip, phone);
		if (best == NULL || bits > best_bits) {
			best = g;
			best_bits = bits;
		}
	}
	return best;
}

/* ---- spares ---- */

static uint32_t
pop_spare(struct ports *p, unsigned n)
{
	uint32_t i = p->spare[n];

	p->n_spares--;
	memmove(&p->spare[n], &p->spare[n + 1],
	    (p->n_spares - n) * sizeof(p->spare[0]));
	return i;
}

enum spare_kind { SPARE_FRESH, SPARE_KNOWN, SPARE_ANY };

static bool
is_spare(const struct port_pair *pair, enum port_which which,
    enum spare_kind kind, struct mono now)
{
	return kind == SPARE_ANY ||
	    (kind == SPARE_FRESH ? port_is_mapped(pair, which, now) :
				   port_was_mapped(pair, which));
}

static uint32_t
take_spare(struct ports *p, enum spare_kind kind, struct mono now)
{
	for (unsigned n = 0; n < p->n_spares; n++) {
		const struct port_pair *pair = &p->pair[p->spare[n]];

		if (is_spare(pair, PORT_RTP, kind, now) &&
		    is_spare(pair, PORT_RTCP, kind, now))
			return pop_spare(p, n);
	}
	return PORT_NONE;
}

unsigned
ports_spares_mapped(const struct ports *p, struct mono now)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n_spares; i++) {
		const struct port_pair *pair = &p->pair[p->spare[i]];

		n += is_spare(pair, PORT_RTP, SPARE_FRESH, now) &&
		    is_spare(pair, PORT_RTCP, SPARE_FRESH, now);
	}
	return n;
}

bool
ports_keep_spares(struct ports *p, struct mono now)
{
	bool changed = false;

	for (unsigned k = 0; k < p->n_groups; k++) {
		while (p->group[k].mapped && p->n_spares < PORT_SPARES) {
			uint32_t i = group_pop(p, &p->group[k], now);

			if (i == PORT_NONE)
				break;
			p->pair[i].state = PORT_SPARE;
			p->spare[p->n_spares++] = i;
			changed = true;
		}
	}
	return changed;
}

/* ---- give and take ---- */

void
ports_reserve(struct ports *p, enum zone zone, uint32_t keep)
{
	for (unsigned i = 0; i < p->n_groups; i++)
		if (p->group[i].zone == zone)
			p->group[i].keep = keep;
}

bool
ports_has_room(struct ports *p, enum zone zone, enum addr_family family,
    const struct addr *phone, const struct addr *local)
{
	const struct port_group *g =
	    choose_group(p, zone, family, phone, local);

	return g == NULL ||
	    g->n_free + (g->mapped ? p->n_spares : 0) > g->keep;
}

uint32_t
ports_take(struct ports *p, enum zone zone, enum addr_family family,
    const struct addr *phone, const struct addr *local, bool mapped,
    struct mono now, bool *no_address_out)
{
	struct port_group *g = choose_group(p, zone, family, phone, local);
	uint32_t i = PORT_NONE;

	*no_address_out = g == NULL;
	if (g == NULL)
		return PORT_NONE;
	if (g->mapped && mapped)
		i = take_spare(p, SPARE_FRESH, now);
	/* No STUN server answers: the questions alone keep these open. */
	if (i == PORT_NONE && g->mapped && mapped)
		i = take_spare(p, SPARE_KNOWN, now);
	if (i == PORT_NONE)
		i = group_pop(p, g, now);
	if (i == PORT_NONE && g->mapped)
		i = take_spare(p, SPARE_ANY, now);
	if (i != PORT_NONE)
		p->pair[i].state = PORT_USED;
	return i;
}

/* Take a free pair out of the middle of its ring. */
static void
group_pull(struct ports *p, struct port_group *g, uint32_t i)
{
	uint32_t k = 0;

	while (g->queue[(g->head + k) % g->n] != i)
		k++;
	for (; k + 1 < g->n_free; k++)
		g->queue[(g->head + k) % g->n] =
		    g->queue[(g->head + k + 1) % g->n];
	g->n_free--;
	p->pair[i].state = PORT_USED;
}

static void
pull_spare(struct ports *p, uint32_t i)
{
	unsigned n = 0;

	while (p->spare[n] != i)
		n++;
	pop_spare(p, n);
	p->pair[i].state = PORT_USED;
}

uint32_t
ports_claim(struct ports *p, enum zone zone, enum addr_family family,
    const struct addr *phone, const struct addr *local, uint16_t number,
    struct mono now)
{
	struct port_group *g = choose_group(p, zone, family, phone, local);
	uint16_t first;
	uint32_t i;

	if (g == NULL)
		return PORT_NONE;
	first = p->pair[g->first].own.port;
	if (number < first || number >= first + 2 * g->n ||
	    (number - first) % 2 != 0)
		return PORT_NONE;
	i = g->first + (uint32_t)(number - first) / 2;
	if (p->pair[i].state == PORT_USED ||
	    !mono_due(p->pair[i].rest_until, now))
		return PORT_NONE;
	if (p->pair[i].state == PORT_SPARE)
		pull_spare(p, i);
	else
		group_pull(p, g, i);
	return i;
}

void
ports_put(struct ports *p, uint32_t i, struct mono now)
{
	struct port_pair *pair = &p->pair[i];

	assert(pair->state == PORT_USED);
	pair->state = PORT_FREE;
	pair->rest_until = mono_add_ms(now, PORT_REST_MS);
	group_push(&p->group[pair->group], i);
}

/* ---- questions ---- */

bool
port_is_mapped(const struct port_pair *pair, enum port_which which,
    struct mono now)
{
	return pair->mapped_at[which].us != 0 &&
	    mono_ms_between(pair->mapped_at[which], now) < PORT_FRESH_MS;
}

bool
port_was_mapped(const struct port_pair *pair, enum port_which which)
{
	return pair->mapped[which].family != ADDR_NONE;
}

void
ports_forget_mappings(struct ports *p)
{
	for (uint32_t i = 0; i < p->n; i++) {
		struct port_pair *pair = &p->pair[i];

		memset(pair->mapped, 0, sizeof(pair->mapped));
		memset(pair->mapped_at, 0, sizeof(pair->mapped_at));
	}
}

uint32_t
ports_by_number(const struct ports *p, uint16_t number,
    enum port_which *which_out)
{
	for (unsigned k = 0; k < p->n_groups; k++) {
		const struct port_group *g = &p->group[k];
		uint16_t first = p->pair[g->first].own.port;

		if (!g->mapped || number < first ||
		    number >= first + 2 * g->n)
			continue;
		*which_out = (number - first) % 2 == 0 ? PORT_RTP : PORT_RTCP;
		return g->first + (uint32_t)(number - first) / 2;
	}
	return PORT_NONE;
}

static bool
is_quiet(struct mono sent_at, struct mono now)
{
	return sent_at.us == 0 ||
	    mono_ms_between(sent_at, now) >= PORT_UNASKED_MS;
}

bool
port_is_unasked(const struct port_pair *pair, enum port_which which,
    struct mono now)
{
	return is_quiet(pair->sent_at[which], now);
}

bool
port_is_unmet(const struct port_pair *pair, enum port_which which,
    struct mono now)
{
	return is_quiet(pair->peer_at[which], now);
}

void
port_sends(struct port_pair *pair, enum port_which which, struct mono now)
{
	pair->sent_at[which] = pair->peer_at[which] = now;
}

struct addr
port_own(const struct port_pair *pair, enum port_which which)
{
	struct addr a = pair->own;

	a.port = (uint16_t)(a.port + (unsigned)which);
	return a;
}
