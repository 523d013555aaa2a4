#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/secret.h"
#include "sigproxy/core/guard.h"

#define SLOTS 65536		/* a power of two */
#define WAYS 4			/* places where one key may lie */
#define TOKEN 1000		/* tokens are counted in thousandths */
#define ODD_S (GUARD_BARE_MS / 1000)
#define ODD_BURST GUARD_BARE_BURST
#define ODD_NAMELESS (GUARD_NAMELESS_MS / GUARD_BARE_MS)
/* Less than what two hundred of the shortest requests have: see pays(). */
#define PAID_MAX 6000

_Static_assert(ODD_NAMELESS * GUARD_NAMELESS_BURST == ODD_BURST,
    "one account for both");

struct bucket {
	uint64_t key;		/* keyed hash; 0: free */
	uint64_t at_us;		/* when tokens was right */
	uint32_t tokens;
	uint32_t over_s;	/* the budget was spent; until then */
	uint32_t odd_s;		/* when odd was right */
	int16_t paid;		/* bytes in, not answered yet, while over */
	uint8_t odd;		/* left to those without our name, in ODDs */
};

struct guard {
	struct bucket slot[SLOTS];
	struct bucket all;
	uint8_t hash_key[crypto_shorthash_KEYBYTES];
};

struct rate {
	uint32_t per_s, burst;
};

static const struct rate address_rate = { GUARD_ADDRESS_RATE,
	GUARD_ADDRESS_BURST };
static const struct rate prefix_rate = { GUARD_PREFIX_RATE,
	GUARD_PREFIX_BURST };
static const struct rate all_rate = { GUARD_ALL_RATE, GUARD_ALL_BURST };
static const struct rate known_rate = { GUARD_KNOWN_RATE, GUARD_KNOWN_BURST };

struct guard *
guard_new(void)
{
	struct guard *g = calloc(1, sizeof(*g));

	if (g != NULL)
		secret_random(g->hash_key, sizeof(g->hash_key));
	return g;
}

void
guard_free(struct guard *g)
{
	free(g);
}

static uint64_t
key_of(const struct guard *g, const struct addr *a, char what)
{
	uint8_t bytes[18] = { (uint8_t)what, a->family };
	unsigned char out[crypto_shorthash_BYTES];
	size_t len = addr_ip_len(a);
	uint64_t key;

	if (what == 'p')
		len = a->family == ADDR_IPV4 ? 3 : 6;
	else if (a->family == ADDR_IPV6)
		len = 8;	/* one home has a whole /64 */
	memcpy(bytes + 2, a->ip, len);
	crypto_shorthash(out, bytes, sizeof(bytes), g->hash_key);
	memcpy(&key, out, sizeof(key));
	return key == 0 ? 1 : key;
}

static uint32_t
grown(uint32_t tokens, uint64_t us, uint64_t per_s, uint32_t burst)
{
	uint64_t cap = (uint64_t)burst * TOKEN;
	uint64_t more;

	if (us > 3600ull * 1000000)
		return (uint32_t)cap;
	more = us * per_s * TOKEN / 1000000;
	return (uint32_t)(tokens + more > cap ? cap : tokens + more);
}

static void
refill(struct bucket *b, struct mono now, const struct rate *r)
{
	uint64_t us = now.us > b->at_us ? now.us - b->at_us : 0;

	if (us < 1000)
		return;		/* fractions would be lost */
	b->tokens = grown(b->tokens, us, r->per_s, r->burst);
	b->at_us = now.us;
}

static uint32_t
seconds(struct mono now)
{
	return (uint32_t)(now.us / 1000000);
}

static void
refill_odd(struct bucket *b, struct mono now)
{
	uint32_t more = (seconds(now) - b->odd_s) / ODD_S;

	if (more == 0)
		return;
	b->odd = b->odd + more > ODD_BURST ? ODD_BURST :
					     (uint8_t)(b->odd + more);
	b->odd_s = seconds(now);
}

static struct bucket *
bucket_of(struct guard *g, struct mono now, uint64_t key,
    const struct rate *r)
{
	struct bucket *oldest = NULL;

	for (size_t i = 0; i < WAYS; i++) {
		struct bucket *b = &g->slot[(key + i) & (SLOTS - 1)];

		if (b->key == key) {
			refill(b, now, r);
			return b;
		}
		if (oldest == NULL || b->at_us < oldest->at_us)
			oldest = b;
	}
	*oldest = (struct bucket){ .key = key, .at_us = now.us,
		.tokens = r->burst * TOKEN, .odd_s = seconds(now),
		.odd = ODD_BURST };
	return oldest;
}

/* Over its budget a source is answered from what it sent since: an answer of
 * one and a half times its question costs a quarter more than it has.  With
 * PAID_MAX beforehand that is still less than came in, for who is over sends
 * more than GUARD_ADDRESS_RATE a second. */
static bool
pays(struct bucket *b, struct mono now, size_t in_bytes)
{
	int32_t in = in_bytes < PAID_MAX ? (int32_t)in_bytes : PAID_MAX;
	int32_t cost = in * 15 / 8, paid = b->paid + in;

	if (seconds(now) >= b->over_s) {
		b->paid = 0;
		return true;
	}
	b->paid = (int16_t)(paid > PAID_MAX ? PAID_MAX : paid);
	if (b->paid < cost)
		return false;
	b->paid = (int16_t)(b->paid - cost);
	return true;
}

/* Over its budget a source spends it by asking, answered or not: it is within
 * it again when it asks less, not when we answer less. */
static bool
may_have(struct bucket *b, struct mono now, size_t in_bytes)
{
	bool has_paid = pays(b, now, in_bytes);

	if (b->tokens < TOKEN) {
		b->over_s = seconds(now) + GUARD_OVER_S;
		return false;
	}
	if (!has_paid)
		b->tokens -= TOKEN;
	return has_paid;
}

/* What is left to those without our name. */
static bool
take_odd(struct bucket *b, struct mono now, enum guard_who who)
{
	uint8_t cost = who == GUARD_NAMELESS ? ODD_NAMELESS :
	    who == GUARD_BARE		     ? 1 :
					       0;

	refill_odd(b, now);
	if (b->odd < cost)
		return false;
	b->odd -= cost;
	return true;
}

static struct bucket *
all_of(struct guard *g, struct mono now)
{
	if (g->all.at_us == 0)
		g->all = (struct bucket){ .key = 1, .at_us = now.us,
			.tokens = GUARD_ALL_BURST * TOKEN };
	refill(&g->all, now, &all_rate);
	return &g->all;
}

bool
guard_allow(struct guard *g, struct mono now, const struct addr *a,
    enum guard_who who, size_t in_bytes)
{
	bool known = who == GUARD_KNOWN;
	struct bucket *one, *net, *all;

	if (who == GUARD_SILENT)
		return false;
	one = bucket_of(g, now, key_of(g, a, known ? 'k' : 'a'),
	    known ? &known_rate : &address_rate);
	if (!may_have(one, now, in_bytes))
		return false;
	if (known) {
		one->tokens -= TOKEN;
		return true;
	}
	net = bucket_of(g, now, key_of(g, a, 'p'), &prefix_rate);
	all = all_of(g, now);
	if (!may_have(net, now, in_bytes) || all->tokens < TOKEN ||
	    !take_odd(one, now, who))
		return false;
	one->tokens -= TOKEN;
	net->tokens -= TOKEN;
	all->tokens -= TOKEN;
	return true;
}
