#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sealed.h"

#define CALLS_MAX 5000

static struct {
	srtp_t out, in[CALLS_MAX];
} s;

static srtp_t
session(uint8_t *key, srtp_ssrc_type_t which)
{
	srtp_policy_t policy = { .ssrc = { which, 0 }, .key = key,
		.window_size = 128 };
	srtp_t made;

	srtp_crypto_policy_set_rtp_default(&policy.rtp);
	srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
	if (srtp_create(&made, &policy) == srtp_err_status_ok)
		return made;
	fprintf(stderr, "phones: libsrtp2 fails\n");
	exit(1);
}

/* As relays.py has it: bytes 1, 2, 3... */
static void
begin(void)
{
	uint8_t key[SEALED_KEY_LEN];

	for (uint8_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i + 1);
	if (srtp_init() != srtp_err_status_ok)
		exit(1);
	s.out = session(key, ssrc_any_outbound);
}

void
sealed_set_key(uint32_t call, const char *hex)
{
	uint8_t key[SEALED_KEY_LEN];

	if (s.out == NULL)
		begin();
	for (size_t i = 0; i < sizeof(key); i++)
		if (sscanf(hex + 2 * i, "%2hhx", &key[i]) != 1) {
			fprintf(stderr, "phones: no key: %s\n", hex);
			exit(1);
		}
	s.in[call] = session(key, ssrc_any_inbound);
}

bool
sealed_is_on(uint32_t call)
{
	return s.in[call] != NULL;
}

size_t
sealed_close(uint8_t *packet, size_t len)
{
	int n = (int)len;

	return srtp_protect(s.out, packet, &n) == srtp_err_status_ok ?
	    (size_t)n : 0;
}

size_t
sealed_open(uint32_t call, uint8_t *packet, size_t len)
{
	int n = (int)len;

	if (call >= CALLS_MAX || s.in[call] == NULL ||
	    srtp_unprotect(s.in[call], packet, &n) != srtp_err_status_ok)
		return 0;
	return (size_t)n;
}
