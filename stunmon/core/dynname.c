#include "stunmon/core/dynname.h"

static bool
is_own(const struct dynname *d, const struct addr *a)
{
	for (unsigned i = 0; i < d->n_own; i++) {
		if (d->own[i].family != ADDR_NONE &&
		    addr_same_ip(a, &d->own[i]))
			return true;
	}
	return false;
}

/*
 * Whoever asks DNS takes an IPv4 or an IPv6 address, as its network is: of
 * each family that the name has, one must be ours.
 */
static bool
leads_to_us(const struct dynname *d)
{
	bool has[2] = { false }, ours[2] = { false };

	for (unsigned i = 0; i < d->n_addrs; i++) {
		bool v6 = d->addr[i].family == ADDR_IPV6;

		has[v6] = true;
		ours[v6] = ours[v6] || is_own(d, &d->addr[i]);
	}
	return has[0] <= ours[0] && has[1] <= ours[1];
}

static bool
knows_own(const struct dynname *d)
{
	return d->n_own > 0 && d->own[0].family != ADDR_NONE;
}

static void
judge(struct dynname *d, struct mono now)
{
	enum dynname_state before = d->state;

	if (!d->watched || !d->answered)
		d->state = DYNNAME_NONE;
	else if (d->n_addrs == 0)
		d->state = DYNNAME_UNRESOLVED;
	else if (!knows_own(d))
		d->state = DYNNAME_NONE;
	else
		d->state = leads_to_us(d) ? DYNNAME_SAME : DYNNAME_DIFFERS;
	d->was_ours = d->was_ours || d->state == DYNNAME_SAME;
	if (d->guessed && !d->was_ours && d->state == DYNNAME_UNRESOLVED)
		d->state = DYNNAME_NONE;
	if (d->state != before && d->state != DYNNAME_SAME)
		d->haste_until = mono_add_ms(now, DYNNAME_HASTE_MS);
}

void
dynname_own(struct dynname *d, const struct addr *own, unsigned n,
    struct mono now)
{
	bool moved = n > 0 && d->n_own > 0 &&
	    !addr_same_ip(&own[0], &d->own[0]);

	d->n_own = n < DYNNAME_OWN_MAX ? n : DYNNAME_OWN_MAX;
	for (unsigned i = 0; i < d->n_own; i++)
		d->own[i] = own[i];
	if (moved)
		d->haste_until = mono_add_ms(now, DYNNAME_HASTE_MS);
	judge(d, now);
}

static uint32_t
again_ms(const struct dynname *d, struct mono now)
{
	uint64_t ms = (uint64_t)d->ttl_s * 1000;

	if (ms > DYNNAME_MOST_MS)
		ms = DYNNAME_MOST_MS;
	if (ms < DYNNAME_LEAST_MS || (!mono_due(d->haste_until, now) &&
	    (!d->guessed || d->was_ours)))
		ms = DYNNAME_LEAST_MS;
	return (uint32_t)ms;
}

uint32_t
dynname_answer(struct dynname *d, const struct addr *list, unsigned n,
    uint32_t ttl_s, struct mono now)
{
	d->answered = true;
	d->failing_at.us = 0;
	d->n_addrs = n < DYNNAME_ADDRS_MAX ? n : DYNNAME_ADDRS_MAX;
	for (unsigned i = 0; i < d->n_addrs; i++)
		d->addr[i] = list[i];
	/* Of a name that is not there the TTL is the zone's, not told. */
	d->ttl_s = n > 0 ? ttl_s : 60;
	judge(d, now);
	return again_ms(d, now);
}

uint32_t
dynname_failed(struct dynname *d, struct mono now)
{
	if (d->failing_at.us == 0)
		d->failing_at = now;
	if (mono_ms_between(d->failing_at, now) >= DYNNAME_PATIENCE_MS) {
		d->answered = true;
		d->n_addrs = 0;
		judge(d, now);
	}
	return 2 * DYNNAME_LEAST_MS;
}

bool
dynname_differs(const struct dynname *d)
{
	return d->state == DYNNAME_DIFFERS && (!d->guessed || d->was_ours);
}

bool
dynname_gone(const struct dynname *d)
{
	return d->state == DYNNAME_UNRESOLVED;
}

uint32_t
dynname_patience_ms(const struct dynname *d)
{
	uint32_t two = d->ttl_s < 1800 ? 2000 * d->ttl_s : 3600000;

	return two > DYNNAME_PATIENCE_MS ? two : DYNNAME_PATIENCE_MS;
}
