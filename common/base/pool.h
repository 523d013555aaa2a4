/*
 * A fixed number of equal objects, allocated once.  Over the limit pool_get()
 * says NULL and the caller refuses cleanly: memory stays flat under flood.
 */
#ifndef COMMON_BASE_POOL_H
#define COMMON_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool {
	char *mem;
	size_t size;		/* of one object, rounded up to 16 bytes */
	uint32_t n;		/* objects in all */
	uint32_t used;
	uint32_t free_head;	/* index of the first free object, or n */
	uint32_t *next_free;
};

/* Errors: -ENOMEM. */
int pool_init(struct pool *p, uint32_t n, size_t size);
void pool_clear(struct pool *p);
/* A zeroed object, lent until pool_put(); NULL when all are in use. */
void *pool_get(struct pool *p);
/* NULL is fine. */
void pool_put(struct pool *p, void *obj);
/* Index of an object: stable, 0 to n-1. */
uint32_t pool_index(const struct pool *p, const void *obj);
/* The object at index, in use or not; NULL when index is out of range. */
void *pool_at(const struct pool *p, uint32_t index);

#endif
