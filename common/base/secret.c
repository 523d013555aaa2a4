#include <errno.h>
#include <sodium.h>

#include "common/base/secret.h"

int
secret_new(struct secret *s, size_t len)
{
	/* Only the first call works; it finds the page size. */
	if (sodium_init() < 0)
		return -ENOMEM;
	s->p = sodium_malloc(len);
	s->len = s->p == NULL ? 0 : len;
	return s->p == NULL ? -ENOMEM : 0;
}

void
secret_free(struct secret *s)
{
	sodium_free(s->p);
	s->p = NULL;
	s->len = 0;
}

bool
secret_eq(const void *a, const void *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}

void
secret_wipe(void *p, size_t len)
{
	sodium_memzero(p, len);
}

void
secret_random(void *p, size_t len)
{
	randombytes_buf(p, len);
}
