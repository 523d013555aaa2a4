#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/pool.h"

int
pool_init(struct pool *p, uint32_t n, size_t size)
{
	memset(p, 0, sizeof(*p));
	p->size = (size + 15) & ~(size_t)15;
	p->mem = calloc(n, p->size);
	p->next_free = calloc(n, sizeof(p->next_free[0]));
	if (p->mem == NULL || p->next_free == NULL) {
		pool_clear(p);
		return -ENOMEM;
	}
	p->n = n;
	for (uint32_t i = 0; i < n; i++)
		p->next_free[i] = i + 1;
	return 0;
}

void
pool_clear(struct pool *p)
{
	free(p->mem);
	free(p->next_free);
	memset(p, 0, sizeof(*p));
}

void *
pool_at(const struct pool *p, uint32_t index)
{
	return index < p->n ? p->mem + index * p->size : NULL;
}

void *
pool_get(struct pool *p)
{
	char *obj = pool_at(p, p->free_head);

	if (obj == NULL)
		return NULL;
	p->free_head = p->next_free[p->free_head];
	p->used++;
	memset(obj, 0, p->size);
	return obj;
}

uint32_t
pool_index(const struct pool *p, const void *obj)
{
	return (uint32_t)((size_t)((const char *)obj - p->mem) / p->size);
}

void
pool_put(struct pool *p, void *obj)
{
	uint32_t i;

	if (obj == NULL)
		return;
	i = pool_index(p, obj);
	p->next_free[i] = p->free_head;
	p->free_head = i;
	p->used--;
}
