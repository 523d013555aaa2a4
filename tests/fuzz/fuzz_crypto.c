/* a=crypto: what is read is written again as the same. */
#include <stdlib.h>

#include "sigproxy/sip/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char mem[SDP_CRYPTO_LINE_MAX];
	struct sdp_crypto c, again;
	struct buf b;

	if (sdp_crypto_parse(span_make(data, len), &c) != 0)
		return 0;
	buf_init(&b, mem, sizeof(mem));
	sdp_crypto_put(&b, c.tag, c.suite, c.key);
	if (buf_err(&b) != 0 ||
	    sdp_crypto_parse(span_sub(buf_span(&b), 9, b.len), &again) != 0 ||
	    again.tag != c.tag || again.suite != c.suite ||
	    memcmp(again.key, c.key, srtp_key_len(c.suite)) != 0)
		abort();
	return 0;
}
