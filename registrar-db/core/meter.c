#include <stdlib.h>

#include "common/base/htab.h"
#include "registrar-db/core/meter.h"

#define WAYS 4
#define SETS (METER_ENTRIES / WAYS)
#define PLACE_SETS (METER_PLACES / WAYS)
#define ANY_SUBSCRIBER 0	/* ids begin with 1 */

/* A budget as the moment at which it will be full again: no refilling to do,
 * and an unused entry (0) is full. */
struct budget {
	uint64_t full_us;
};

struct entry {
	uint64_t hash;		/* of (subscriber, source); 0: free */
	struct budget budget;
	uint64_t used_us;	/* last touched, for known sources */
};

#define GUESSERS 8

/* What is kept of a home's, and the ports that guessed last. */
struct kept {
	struct budget fresh, urgent;
	uint64_t guesser[GUESSERS];	/* hashes */
	unsigned at;
};

struct meter {
	struct htab keys;	/* only for its keyed hash */
	struct entry stranger[SETS][WAYS];	/* by subscriber */
	struct entry known[SETS][WAYS];		/* by subscriber and source */
	struct kept kept[SETS][WAYS];		/* beside them */
	struct entry address[PLACE_SETS][WAYS];
	struct entry prefix[PLACE_SETS][WAYS];
	struct budget all_strangers, all_known;
};

struct meter *
meter_new(void)
{
	struct meter *m = calloc(1, sizeof(*m));

	if (m != NULL && htab_init(&m->keys, 1) != 0) {
		free(m);
		m = NULL;
	}
	return m;
}

void
meter_free(struct meter *m)
{
	if (m == NULL)
		return;
	htab_clear(&m->keys);
	free(m);
}

static bool
budget_has(const struct budget *b, struct mono now, unsigned burst,
    uint64_t each_ms)
{
	uint64_t each_us = each_ms * 1000;

	return b->full_us <= now.us ||
	    b->full_us - now.us + each_us <= burst * each_us;
}

static void
budget_take(struct budget *b, struct mono now, uint64_t each_ms)
{
	if (b->full_us < now.us)
		b->full_us = now.us;
	b->full_us += each_ms * 1000;
}

uint64_t
meter_hash(const struct meter *m, struct span name)
{
	return htab_hash(&m->keys, name.p, name.len);
}

static uint64_t
key_of(const struct meter *m, int64_t subscriber, const struct addr *source)
{
	uint8_t key[8 + 1 + 16] = { 0 };
	uint64_t hash;

	memcpy(key, &subscriber, 8);
	if (source != NULL) {
		key[8] = source->family;
		memcpy(key + 9, source->ip, source->family == ADDR_IPV6 ? 8 : 4);
	}
	hash = htab_hash(&m->keys, key, sizeof(key));
	return hash == 0 ? 1 : hash;
}

static struct entry *
find(struct entry table[][WAYS], size_t sets, uint64_t hash)
{
	struct entry *set = table[hash % sets];

	for (int i = 0; i < WAYS; i++) {
		if (set[i].hash == hash)
			return &set[i];
	}
	return NULL;
}

/* Find or make; what is least worth keeping goes. */
static struct entry *
claim(struct entry table[][WAYS], size_t sets, uint64_t hash)
{
	struct entry *set = table[hash % sets], *worst = &set[0];
	struct entry *hit = find(table, sets, hash);

	if (hit != NULL)
		return hit;
	for (int i = 0; i < WAYS; i++) {
		if (set[i].hash == 0) {
			worst = &set[i];
			break;
		}
		if (set[i].used_us < worst->used_us ||
		    (set[i].used_us == worst->used_us &&
			set[i].budget.full_us < worst->budget.full_us))
			worst = &set[i];
	}
	*worst = (struct entry){ .hash = hash };
	return worst;
}

/* ---- a home ---- */

static struct kept *
kept_of(struct meter *m, const struct entry *e)
{
	return &m->kept[0][0] + (e - &m->known[0][0]);
}

static uint64_t
port_hash(const struct meter *m, const struct addr *source)
{
	uint8_t key[16 + 2];

	/* Only key_of() takes a source of NULL.
	 * NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
	memcpy(key, source->ip, sizeof(source->ip));
	memcpy(key + 16, &source->port, 2);
	return htab_hash(&m->keys, key, sizeof(key));
}

static bool
has_guessed(const struct kept *k, uint64_t port)
{
	for (unsigned i = 0; i < GUESSERS; i++) {
		if (k->guesser[i] == port)
			return true;
	}
	return false;
}

static void
note_guesser(struct kept *k, uint64_t port)
{
	if (!has_guessed(k, port))
		k->guesser[k->at++ % GUESSERS] = port;
}

static bool
has_kept(const struct budget *b, struct mono now)
{
	return budget_has(b, now, METER_KEPT_BURST, METER_KEPT_MS);
}

/*
 * The budget that the answer is looked at by: all's, as long as there is some.
 *
 * Gives:   NULL: none has room; *each_ms_out.
 */
static struct budget *
home_budget(struct meter *m, struct mono now, struct entry *e,
    const struct addr *source, bool urgent, uint64_t *each_ms_out)
{
	struct kept *k = kept_of(m, e);

	*each_ms_out = METER_KNOWN_MS;
	if (budget_has(&e->budget, now, METER_KNOWN_BURST, METER_KNOWN_MS))
		return &e->budget;
	*each_ms_out = METER_KEPT_MS;
	if (has_kept(&k->fresh, now) && !has_guessed(k, port_hash(m, source)))
		return &k->fresh;
	return urgent && has_kept(&k->urgent, now) ? &k->urgent : NULL;
}

bool
meter_may_try(struct meter *m, struct mono now, int64_t subscriber,
    const struct addr *source, bool urgent)
{
	struct entry *e = find(m->known, SETS, key_of(m, subscriber, source));
	uint64_t each_ms;

	if (e != NULL)
		return home_budget(m, now, e, source, urgent, &each_ms) !=
		    NULL && budget_has(&m->all_known, now, METER_ALL_BURST,
			METER_ALL_MS);
	e = find(m->stranger, SETS, key_of(m, subscriber, NULL));
	return (e == NULL || budget_has(&e->budget, now, METER_BURST,
				 METER_STRANGERS_MS)) &&
	    budget_has(&m->all_strangers, now, METER_ALL_BURST, METER_ALL_MS);
}

static void
wrong_at_home(struct meter *m, struct mono now, struct entry *e,
    const struct addr *source, bool urgent)
{
	uint64_t each_ms;
	struct budget *b = home_budget(m, now, e, source, urgent, &each_ms);

	if (b != NULL)
		budget_take(b, now, each_ms);
	note_guesser(kept_of(m, e), port_hash(m, source));
	budget_take(&m->all_known, now, METER_ALL_MS);
}

void
meter_wrong(struct meter *m, struct mono now, int64_t subscriber,
    const struct addr *source, bool urgent)
{
	struct entry *e = find(m->known, SETS, key_of(m, subscriber, source));

	if (e != NULL) {
		wrong_at_home(m, now, e, source, urgent);
		return;
	}
	e = claim(m->stranger, SETS, key_of(m, subscriber, NULL));
	budget_take(&e->budget, now, METER_STRANGERS_MS);
	budget_take(&m->all_strangers, now, METER_ALL_MS);
}

static void
know(struct meter *m, struct mono now, uint64_t hash)
{
	struct entry *e = find(m->known, SETS, hash);

	if (e == NULL) {
		e = claim(m->known, SETS, hash);
		*kept_of(m, e) = (struct kept){ .at = 0 };
	}
	e->used_us = now.us;
}

void
meter_known(struct meter *m, struct mono now, int64_t subscriber,
    const struct addr *source)
{
	know(m, now, key_of(m, subscriber, source));
	know(m, now, key_of(m, ANY_SUBSCRIBER, source));
}

bool
meter_is_known(struct meter *m, int64_t subscriber, const struct addr *source)
{
	return find(m->known, SETS, key_of(m, subscriber, source)) != NULL;
}

/* ---- places ---- */

struct addr_prefix
meter_prefix(const struct addr *source, bool wide)
{
	bool v6 = source->family == ADDR_IPV6;
	struct addr_prefix p = { .net = *source,
		.bits = v6 ? (wide ? 48 : 64) : (wide ? 24 : 32) };

	p.net.port = 0;
	memset(p.net.ip + p.bits / 8, 0, sizeof(p.net.ip) - p.bits / 8);
	return p;
}

static uint64_t
place_key(const struct meter *m, const struct addr *source, bool wide)
{
	struct addr_prefix p = meter_prefix(source, wide);

	return key_of(m, p.bits, &p.net);
}

static bool
has_address(const struct entry *e, struct mono now)
{
	return e == NULL || budget_has(&e->budget, now, METER_ADDRESS_BURST,
	    METER_ADDRESS_MS);
}

static bool
has_prefix(const struct entry *e, struct mono now)
{
	return e == NULL || budget_has(&e->budget, now, METER_PREFIX_BURST,
	    METER_PREFIX_MS);
}

bool
meter_place_may(struct meter *m, struct mono now, const struct addr *source)
{
	const struct entry *one, *net;

	one = find(m->address, PLACE_SETS, place_key(m, source, false));
	net = find(m->prefix, PLACE_SETS, place_key(m, source, true));
	return meter_is_known(m, ANY_SUBSCRIBER, source) ||
	    (has_address(one, now) && has_prefix(net, now));
}

enum meter_over
meter_place_wrong(struct meter *m, struct mono now, const struct addr *source)
{
	struct entry *one, *net;
	bool had_one, had_net;

	if (meter_is_known(m, ANY_SUBSCRIBER, source))
		return METER_WITHIN;
	one = claim(m->address, PLACE_SETS, place_key(m, source, false));
	net = claim(m->prefix, PLACE_SETS, place_key(m, source, true));
	had_one = has_address(one, now);
	had_net = has_prefix(net, now);
	if (had_one)
		budget_take(&one->budget, now, METER_ADDRESS_MS);
	if (had_one && had_net)
		budget_take(&net->budget, now, METER_PREFIX_MS);
	if (had_one && had_net && !has_prefix(net, now))
		return METER_PREFIX_OVER;
	return had_one && !has_address(one, now) ? METER_ADDRESS_OVER :
						   METER_WITHIN;
}
