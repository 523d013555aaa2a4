#include "common/codec/srtp_suite.h"

static const struct srtp_params params[SRTP_SUITES] = {
	[SRTP_NONE] = { "", 0, 0, 0, false },
	[SRTP_AES_CM_128_80] = { "AES_CM_128_HMAC_SHA1_80", 16, 14, 10, false },
	[SRTP_AES_CM_128_32] = { "AES_CM_128_HMAC_SHA1_32", 16, 14, 4, false },
	[SRTP_AES_256_CM_80] = { "AES_256_CM_HMAC_SHA1_80", 32, 14, 10, false },
	[SRTP_AES_256_CM_32] = { "AES_256_CM_HMAC_SHA1_32", 32, 14, 4, false },
	[SRTP_AEAD_128] = { "AEAD_AES_128_GCM", 16, 12, 16, true },
	[SRTP_AEAD_256] = { "AEAD_AES_256_GCM", 32, 12, 16, true },
};

const struct srtp_params *
srtp_params(unsigned suite)
{
	return &params[suite < SRTP_SUITES ? suite : SRTP_NONE];
}

size_t
srtp_key_len(unsigned suite)
{
	const struct srtp_params *p = srtp_params(suite);

	return (size_t)p->key_len + p->salt_len;
}

enum srtp_suite
srtp_suite_of(struct span name)
{
	for (int i = SRTP_NONE + 1; i < SRTP_SUITES; i++) {
		if (span_eq(name, span_str(params[i].name)))
			return (enum srtp_suite)i;
	}
	return SRTP_NONE;
}
