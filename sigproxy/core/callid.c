#include <errno.h>
#include <sodium.h>

#include "common/base/secret.h"
#include "sigproxy/core/callid.h"

#define SEAL_LEN 16

_Static_assert(CALLID_KEY_LEN == crypto_generichash_KEYBYTES +
				     crypto_stream_xchacha20_KEYBYTES,
    "one key to hash, one to encrypt");

static const struct span PREFIX = { "p-", 2 };

void
callid_key_random(struct callid_key *key)
{
	secret_random(key->bytes, sizeof(key->bytes));
}

/* Four numbers of one to three digits, joined by '-' or '_': an address in
 * disguise, whatever stands round it. */
static bool
has_dashed_quad(struct span id)
{
	unsigned groups = 0, digits = 0;

	for (size_t i = 0; i <= id.len; i++) {
		char c = i < id.len ? id.p[i] : '-';

		if (c >= '0' && c <= '9') {
			digits++;
			continue;
		}
		groups = digits >= 1 && digits <= 3 ? groups + 1 : 0;
		if (groups == 4)
			return true;
		if (c != '-' && c != '_')
			groups = 0;
		digits = 0;
	}
	return false;
}

bool
callid_must_mask(struct span id)
{
	for (size_t i = 0; i < id.len; i++) {
		switch (id.p[i]) {
		case '@':
		case '.':
		case ':':
		case '[':
			return true;
		default:
			break;
		}
	}
	return has_dashed_quad(id);
}

static void
hash(uint8_t *out, const struct callid_key *key, struct span id)
{
	crypto_generichash(out, SEAL_LEN, (const uint8_t *)id.p, id.len,
	    key->bytes, crypto_generichash_KEYBYTES);
}

static void
cipher(uint8_t *out, const uint8_t *in, size_t len, const uint8_t *seal,
    const struct callid_key *key)
{
	uint8_t nonce[crypto_stream_xchacha20_NONCEBYTES] = { 0 };

	memcpy(nonce, seal, SEAL_LEN);
	crypto_stream_xchacha20_xor(
	    out, in, len, nonce, key->bytes + crypto_generichash_KEYBYTES);
}

static void
mask(struct buf *b, const struct callid_key *key, struct span id)
{
	uint8_t sealed[SEAL_LEN + CALLID_PLAIN_MAX];
	char text[CALLID_MASKED_MAX];
	size_t len = SEAL_LEN;

	hash(sealed, key, id);
	if (id.len <= CALLID_PLAIN_MAX) {
		cipher(sealed + SEAL_LEN, (const uint8_t *)id.p, id.len, sealed,
		    key);
		len += id.len;
	}
	sodium_bin2base64(text, sizeof(text), sealed, len,
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	buf_put(b, PREFIX);
	buf_puts(b, text);
}

void
callid_put(struct buf *b, const struct callid_key *key, struct span id)
{
	if (callid_must_mask(id))
		mask(b, key, id);
	else
		buf_put(b, id);
}

int
callid_open(struct buf *b, const struct callid_key *key, struct span masked)
{
	uint8_t sealed[SEAL_LEN + CALLID_PLAIN_MAX], again[SEAL_LEN];
	char plain[CALLID_PLAIN_MAX];
	size_t len;

	if (!span_starts(masked, PREFIX))
		return -ENOENT;
	masked = span_sub(masked, PREFIX.len, masked.len);
	if (sodium_base642bin(sealed, sizeof(sealed), masked.p, masked.len,
		NULL, &len, NULL,
		sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
	    len <= SEAL_LEN)
		return -ENOENT;
	len -= SEAL_LEN;
	cipher((uint8_t *)plain, sealed + SEAL_LEN, len, sealed, key);
	hash(again, key, span_make(plain, len));
	if (!secret_eq(again, sealed, SEAL_LEN))
		return -ENOENT;
	if (b->cap - b->len < len)
		return -EMSGSIZE;
	buf_put(b, span_make(plain, len));
	return 0;
}
