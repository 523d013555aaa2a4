/*
 * SRTP of the called phones (AES_CM_128_HMAC_SHA1_80), by libsrtp2.  For
 * measuring only: all of them send with one key.
 */
#ifndef TESTS_BENCH_SEALED_H
#define TESTS_BENCH_SEALED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEALED_KEY_LEN 30	/* master key and salt */
#define SEALED_MORE 10		/* bytes of the tag */

/*
 * The called phone of this call gets packets sealed with this key.
 *
 * Takes:   hex  SEALED_KEY_LEN bytes.
 */
void sealed_set_key(uint32_t call, const char *hex);
bool sealed_is_on(uint32_t call);

/* In place; behind len there is room for SEALED_MORE. */
size_t sealed_close(uint8_t *packet, size_t len);
/* Gives 0 for what is not from the relay. */
size_t sealed_open(uint32_t call, uint8_t *packet, size_t len);

#endif
