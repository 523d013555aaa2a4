/*
 * A view of bytes that somebody else owns.
 *
 * Nothing here allocates, copies or ends strings with NUL.  A span is valid
 * as long as the memory it looks at; parsed SIP is spans into one datagram.
 */
#ifndef COMMON_BASE_SPAN_H
#define COMMON_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const char *p;		/* may be NULL only when len is 0 */
	size_t len;		/* bytes */
};

#define SPAN_NONE ((struct span){ NULL, 0 })
/* For string literals: length known at compile time. */
#define SPAN_LIT(s) ((struct span){ (s), sizeof(s) - 1 })

static inline struct span
span_make(const void *p, size_t len)
{
	return (struct span){ p, len };
}

static inline struct span
span_str(const char *s)
{
	return (struct span){ s, s == NULL ? 0 : strlen(s) };
}

static inline bool
span_is_empty(struct span s)
{
	return s.len == 0;
}

/* Byte-exact comparison; not for secrets (see secret.h). */
bool span_eq(struct span a, struct span b);

/* Comparison that folds ASCII letters only, never the locale's. */
bool span_caseeq(struct span a, struct span b);

/* Does s begin with prefix, byte for byte? */
bool span_starts(struct span s, struct span prefix);

/* Part of s from byte `from`, at most len long; clamped, never outside s. */
struct span span_sub(struct span s, size_t from, size_t len);

/* s without SP, HTAB, CR and LF at both ends (SIP's LWS, RFC 3261 25.1). */
struct span span_trim(struct span s);

/* Index of the first c in s, or -1. */
ptrdiff_t span_find(struct span s, char c);

/*
 * Read an unsigned decimal number that is the whole of s.
 *
 * Takes:   s    1 to 20 digits, no sign, no space.
 *          max  largest value allowed.
 * Errors:  -EBADMSG not a number; -ERANGE above max.
 */
int span_to_u64(struct span s, uint64_t max, uint64_t *out);
int span_to_u32(struct span s, uint32_t max, uint32_t *out);

#endif
