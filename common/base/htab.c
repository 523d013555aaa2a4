#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "common/base/htab.h"

_Static_assert(sizeof(((struct htab *)0)->key) == crypto_shorthash_KEYBYTES,
    "the key is a SipHash key");

int
htab_init(struct htab *t, size_t n)
{
	size_t n_buckets = 16;

	while (n_buckets < n)
		n_buckets *= 2;
	t->bucket = calloc(n_buckets, sizeof(t->bucket[0]));
	if (t->bucket == NULL)
		return -ENOMEM;
	t->n_buckets = n_buckets;
	t->count = 0;
	crypto_shorthash_keygen(t->key);
	return 0;
}

void
htab_clear(struct htab *t)
{
	free(t->bucket);
	t->bucket = NULL;
	t->n_buckets = t->count = 0;
}

uint64_t
htab_hash(const struct htab *t, const void *key, size_t len)
{
	unsigned char out[crypto_shorthash_BYTES];
	uint64_t hash = 0;

	crypto_shorthash(out, key, len, t->key);
	for (size_t i = 0; i < sizeof(hash); i++)
		hash = hash << 8 | out[i];
	return hash;
}

void
htab_add(struct htab *t, struct htab_node *node, uint64_t hash)
{
	struct htab_node **head = &t->bucket[hash & (t->n_buckets - 1)];

	node->hash = hash;
	node->next = *head;
	*head = node;
	t->count++;
}

void
htab_del(struct htab *t, struct htab_node *node)
{
	struct htab_node **p = &t->bucket[node->hash & (t->n_buckets - 1)];

	while (*p != node)
		p = &(*p)->next;
	*p = node->next;
	node->next = NULL;
	t->count--;
}

static struct htab_node *
same_hash(struct htab_node *node, uint64_t hash)
{
	while (node != NULL && node->hash != hash)
		node = node->next;
	return node;
}

struct htab_node *
htab_first(const struct htab *t, uint64_t hash)
{
	return same_hash(t->bucket[hash & (t->n_buckets - 1)], hash);
}

struct htab_node *
htab_next(const struct htab_node *node)
{
	return same_hash(node->next, node->hash);
}
