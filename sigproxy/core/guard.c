#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/secret.h"
#include "sigproxy/core/guard.h"

#define SLOTS 65536		/* a power of two */
#define WAYS 4			/* places where one key may lie */
#define TOKEN 1000		/* tokens are counted in thousandths */

struct bucket {
	uint64_t key;		/* keyed hash; 0: free */
	uint64_t at_us;		/* when tokens was right */
	uint64_t nameless_at_us;
	uint32_t tokens;
	uint32_t nameless;	/* answers left to those without our name */
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
		len = a->family == ADDR_IPV4 ? 3 : 7;
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

static void
refill_nameless(struct bucket *b, struct mono now)
{
	uint64_t more = (now.us - b->nameless_at_us) /
	    (GUARD_NAMELESS_MS * 1000ull);

	if (more == 0)
		return;
	b->nameless = b->nameless + more > GUARD_NAMELESS_BURST ?
	    GUARD_NAMELESS_BURST : (uint32_t)(b->nameless + more);
	b->nameless_at_us = now.us;
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
	*oldest = (struct bucket){ key, now.us, now.us, r->burst * TOKEN,
		GUARD_NAMELESS_BURST };
	return oldest;
}

bool
guard_allow(struct guard *g, struct mono now, const struct addr *a,
    enum guard_who who)
{
	bool known = who == GUARD_KNOWN;
	struct bucket *one, *net;

	one = bucket_of(g, now, key_of(g, a, known ? 'k' : 'a'),
	    known ? &known_rate : &address_rate);
	if (one->tokens < TOKEN)
		return false;
	if (known) {
		one->tokens -= TOKEN;
		return true;
	}
	refill_nameless(one, now);
	if (who == GUARD_NAMELESS && one->nameless == 0)
		return false;
	net = bucket_of(g, now, key_of(g, a, 'p'), &prefix_rate);
	if (g->all.at_us == 0)
		g->all = (struct bucket){ 1, now.us, now.us,
			GUARD_ALL_BURST * TOKEN, 0 };
	refill(&g->all, now, &all_rate);
	if (net->tokens < TOKEN || g->all.tokens < TOKEN)
		return false;
	one->tokens -= TOKEN;
	net->tokens -= TOKEN;
	g->all.tokens -= TOKEN;
	if (who == GUARD_NAMELESS)
		one->nameless--;
	return true;
}
