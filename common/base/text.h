/*
 * Text of others that may reach a terminal: UTF-8 (RFC 3629) without what a
 * terminal obeys or shows in another order than it stands.
 */
#ifndef COMMON_BASE_TEXT_H
#define COMMON_BASE_TEXT_H

#include <stdint.h>

#include "common/base/buf.h"

/*
 * The first character of s, which is not empty.
 *
 * Gives:   how many bytes it takes; 0: they are no UTF-8 (then *out is not
 *          set), one byte is to be passed over.
 */
size_t text_take(struct span s, uint32_t *out);

/* Is it none of: C0, DEL, C1, line and paragraph separator, embeddings,
 * overrides and isolates of direction (Unicode bidi algorithm, 2)? */
bool text_is_safe(uint32_t c);

/* Is all of it UTF-8, and safe? */
bool text_is_plain(struct span s);

/* The same number of bytes, '?' for each one that is not plain. */
void text_put_plain(struct buf *b, struct span s);

/* A JSON string (RFC 8259 7), in its quotes: at most twice as many bytes and
 * two, '?' for each one that is not plain. */
void text_put_json(struct buf *b, struct span s);

#endif
