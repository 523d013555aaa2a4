/*
 * Secret bytes: in locked memory between guard pages, wiped when freed,
 * compared in constant time, never formatted.
 */
#ifndef COMMON_BASE_SECRET_H
#define COMMON_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

struct secret {
	unsigned char *p;
	size_t len;
};

/* Errors: -ENOMEM. */
int secret_new(struct secret *s, size_t len);
/* Wipes; fine on an empty one. */
void secret_free(struct secret *s);
/* Constant time for equal lengths. */
bool secret_eq(const void *a, const void *b, size_t len);
/* Wipe memory that held a secret for a moment; never optimised away. */
void secret_wipe(void *p, size_t len);
/* Unpredictable bytes from the kernel. */
void secret_random(void *p, size_t len);

#endif
