#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "common/base/secret.h"
#include "sigproxy/core/nonces.h"

#define SENT_SLOTS 65536	/* a power of two */
#define SENT_WAYS 4

struct nonce {
	char text[IPC_NONCE_LEN];
	struct mono best_before;	/* a quarter of its life is left */
	struct mono until;
};

struct nonces {
	struct nonce *ring;
	uint32_t size, first, count;
	uint32_t outdated;		/* so many of the first */
	struct mono renewal;
	uint64_t sent[SENT_SLOTS];
	uint8_t key[crypto_shorthash_KEYBYTES];
};

struct nonces *
nonces_new(uint32_t stock)
{
	struct nonces *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->ring = calloc(stock, sizeof(n->ring[0]));
	if (n->ring == NULL) {
		free(n);
		return NULL;
	}
	n->size = stock;
	n->renewal = MONO_NEVER;
	secret_random(n->key, sizeof(n->key));
	return n;
}

void
nonces_free(struct nonces *n)
{
	if (n == NULL)
		return;
	free(n->ring);
	free(n);
}

static void
drop_first(struct nonces *n, uint32_t how_many)
{
	if (how_many > n->count)
		how_many = n->count;
	n->first = (n->first + how_many) % n->size;
	n->count -= how_many;
	n->outdated -= how_many < n->outdated ? how_many : n->outdated;
}

void
nonces_add(struct nonces *n, struct mono now, struct span batch,
    uint32_t lifetime_ms)
{
	struct mono best = mono_add_ms(now, lifetime_ms / 4 * 3);

	drop_first(n, n->outdated);
	for (size_t at = 0; at + IPC_NONCE_LEN <= batch.len;
	     at += IPC_NONCE_LEN) {
		struct nonce *one;

		if (n->count == n->size)
			drop_first(n, 1);
		one = &n->ring[(n->first + n->count) % n->size];
		memcpy(one->text, batch.p + at, IPC_NONCE_LEN);
		one->best_before = best;
		one->until = mono_add_ms(now, lifetime_ms);
		n->count++;
	}
	n->renewal = mono_add_ms(now, lifetime_ms / 2);
}

void
nonces_outdate(struct nonces *n)
{
	n->outdated = n->count;
}

uint32_t
nonces_left(const struct nonces *n, struct mono now)
{
	uint32_t left = n->count - n->outdated;

	/* Oldest first: the first good one tells. */
	for (uint32_t i = n->outdated; i < n->count; i++) {
		if (!mono_due(n->ring[(n->first + i) % n->size].best_before,
			now))
			break;
		left--;
	}
	return left;
}

struct mono
nonces_renewal(const struct nonces *n)
{
	return n->renewal;
}

static uint64_t
sent_key(const struct nonces *n, struct span nonce, const struct addr *to)
{
	uint8_t bytes[1 + 16 + IPC_NONCE_LEN] = { to->family };
	unsigned char out[crypto_shorthash_BYTES];
	uint64_t key;

	memcpy(bytes + 1, to->ip, to->family == ADDR_IPV6 ? 8 : 4);
	memcpy(bytes + 17, nonce.p, IPC_NONCE_LEN);
	crypto_shorthash(out, bytes, sizeof(bytes), n->key);
	memcpy(&key, out, sizeof(key));
	return key;
}

static void
remember(struct nonces *n, struct span nonce, const struct addr *to)
{
	uint64_t key = sent_key(n, nonce, to);
	size_t slot = key % SENT_SLOTS / SENT_WAYS * SENT_WAYS;

	/* The oldest of its set goes, never one that was only just sent. */
	memmove(&n->sent[slot + 1], &n->sent[slot],
	    (SENT_WAYS - 1) * sizeof(n->sent[0]));
	n->sent[slot] = key;
}

bool
nonces_was_sent(const struct nonces *n, struct span nonce,
    const struct addr *to)
{
	uint64_t key;
	size_t slot;

	if (nonce.len != IPC_NONCE_LEN)
		return false;
	key = sent_key(n, nonce, to);
	slot = key % SENT_SLOTS / SENT_WAYS * SENT_WAYS;
	for (size_t i = 0; i < SENT_WAYS; i++) {
		if (n->sent[slot + i] == key)
			return true;
	}
	return false;
}

int
nonces_take(struct nonces *n, struct mono now, const struct addr *to,
    struct span *out)
{
	struct nonce *one;

	while (n->count > 0 && mono_due(n->ring[n->first].best_before, now))
		drop_first(n, 1);
	if (n->count == 0)
		return -ENOENT;
	one = &n->ring[n->first];
	drop_first(n, 1);
	*out = span_make(one->text, IPC_NONCE_LEN);
	remember(n, *out, to);
	return 0;
}

int
nonces_take_young(struct nonces *n, struct mono now, const struct addr *to,
    uint32_t for_ms, struct span *out)
{
	struct nonce *one;

	/* Outdated ones come first: with any other there is a good one last. */
	if (n->count <= n->outdated)
		return -ENOENT;
	one = &n->ring[(n->first + n->count - 1) % n->size];
	if (mono_due(one->until, mono_add_ms(now, for_ms)))
		return -ENOENT;
	n->count--;
	*out = span_make(one->text, IPC_NONCE_LEN);
	remember(n, *out, to);
	return 0;
}
