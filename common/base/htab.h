/*
 * A hash table of fixed size with a secret key, for names that come from
 * attackers: without the key nobody can aim at one bucket.
 *
 * Intrusive: the caller's object embeds a struct htab_node and owns its own
 * memory.  Buckets are allocated once; adding never allocates and never
 * fails, so a limit on the objects is a limit on everything.
 *
 *	hash = htab_hash(&t, key.p, key.len);
 *	for (n = htab_first(&t, hash); n != NULL; n = htab_next(n))
 *		if (span_eq(HTAB_OF(n, struct call, node)->id, key)) ...
 */
#ifndef COMMON_BASE_HTAB_H
#define COMMON_BASE_HTAB_H

#include <stddef.h>
#include <stdint.h>

struct htab_node {
	struct htab_node *next;
	uint64_t hash;
};

struct htab {
	struct htab_node **bucket;
	size_t n_buckets;	/* a power of two */
	size_t count;
	uint8_t key[16];
};

#define HTAB_OF(node, type, member) \
	((type *)(void *)((char *)(node) - offsetof(type, member)))

/*
 * Make a table with room for about n objects and a fresh random key.
 *
 * Errors:  -ENOMEM.
 */
int htab_init(struct htab *t, size_t n);
void htab_clear(struct htab *t);

uint64_t htab_hash(const struct htab *t, const void *key, size_t len);
void htab_add(struct htab *t, struct htab_node *node, uint64_t hash);
/* The node must be in the table. */
void htab_del(struct htab *t, struct htab_node *node);
/* First node with exactly this hash; the caller compares the real key. */
struct htab_node *htab_first(const struct htab *t, uint64_t hash);
struct htab_node *htab_next(const struct htab_node *node);

#endif
