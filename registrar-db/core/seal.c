#include <assert.h>
#include <errno.h>
#include <sodium.h>

#include "common/base/buf.h"
#include "registrar-db/core/seal.h"

#define TAG_LEN crypto_aead_xchacha20poly1305_ietf_ABYTES

_Static_assert(SEAL_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    "key");
_Static_assert(
    SEAL_NONCE_LEN == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(SEALED_MAX == SEAL_NONCE_LEN + DIGEST_HEX_MAX + TAG_LEN, "tag");

#define BOUND_MAX (8 + 1 + 2 + 64 + 128)

/* What the seal is bound to; the username's length keeps the parts apart. */
static struct span
bound(const struct seal_for *who, char mem[BOUND_MAX])
{
	struct buf b;

	buf_init(&b, mem, BOUND_MAX);
	for (int i = 56; i >= 0; i -= 8)
		buf_putc(&b, (char)((uint64_t)who->subscriber >> i));
	buf_putc(&b, (char)who->alg);
	buf_putc(&b, (char)(who->username.len >> 8));
	buf_putc(&b, (char)who->username.len);
	buf_put(&b, who->username);
	buf_put(&b, who->realm);
	return buf_span(&b);
}

size_t
seal_ha1(const struct secret *key, const struct seal_for *who,
    const uint8_t nonce[SEAL_NONCE_LEN], struct span ha1,
    uint8_t out[SEALED_MAX])
{
	char mem[BOUND_MAX];
	struct span ad = bound(who, mem);
	unsigned long long len = 0;

	assert(ha1.len == digest_hex_len(who->alg));
	memcpy(out, nonce, SEAL_NONCE_LEN);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + SEAL_NONCE_LEN, &len,
	    (const uint8_t *)ha1.p, ha1.len, (const uint8_t *)ad.p, ad.len,
	    NULL, nonce, key->p);
	return SEAL_NONCE_LEN + (size_t)len;
}

int
seal_open(const struct secret *key, const struct seal_for *who,
    struct span sealed, char ha1_out[DIGEST_HEX_MAX])
{
	size_t want = SEAL_NONCE_LEN + digest_hex_len(who->alg) + TAG_LEN;
	const uint8_t *p = (const uint8_t *)sealed.p;
	char mem[BOUND_MAX];
	struct span ad = bound(who, mem);

	if (sealed.len != want)
		return -EBADMSG;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt((uint8_t *)ha1_out, NULL,
		NULL, p + SEAL_NONCE_LEN, sealed.len - SEAL_NONCE_LEN,
		(const uint8_t *)ad.p, ad.len, p, key->p) != 0)
		return -EBADMSG;
	return 0;
}

/* ---- checkpoints ---- */

#define STATE_BOUND (4 + 8 + 1)

/* Shorter than any HA1's, so none is taken for the other. */
static struct span
bound_state(const struct seal_state *what, char mem[STATE_BOUND])
{
	struct buf b;

	buf_init(&b, mem, STATE_BOUND);
	buf_puts(&b, "call");
	for (int i = 56; i >= 0; i -= 8)
		buf_putc(&b, (char)(what->ticket >> i));
	buf_putc(&b, (char)what->version);
	return buf_span(&b);
}

void
seal_state(const struct secret *key, const struct seal_state *what,
    const uint8_t nonce[SEAL_NONCE_LEN], struct span state, uint8_t *out)
{
	char mem[STATE_BOUND];
	struct span ad = bound_state(what, mem);

	memcpy(out, nonce, SEAL_NONCE_LEN);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + SEAL_NONCE_LEN, NULL,
	    (const uint8_t *)state.p, state.len, (const uint8_t *)ad.p,
	    ad.len, NULL, nonce, key->p);
}

int
seal_state_open(const struct secret *key, const struct seal_state *what,
    struct span sealed, uint8_t *out)
{
	const uint8_t *p = (const uint8_t *)sealed.p;
	char mem[STATE_BOUND];
	struct span ad = bound_state(what, mem);

	if (sealed.len < SEAL_STATE_MORE ||
	    crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL,
		p + SEAL_NONCE_LEN, sealed.len - SEAL_NONCE_LEN,
		(const uint8_t *)ad.p, ad.len, p, key->p) != 0)
		return -EBADMSG;
	return 0;
}

/* ---- passwords of trunks ---- */

static struct span
bound_word(const char *what, struct span of, char mem[SEAL_OF_MAX])
{
	struct buf b;

	buf_init(&b, mem, SEAL_OF_MAX);
	buf_puts(&b, what);
	buf_put(&b, of);
	return buf_span(&b);
}

struct span
seal_of_trunk(uint64_t id, char mem[SEAL_OF_MAX])
{
	char digits[24];
	struct buf b;

	buf_init(&b, digits, sizeof(digits));
	buf_put_u64(&b, id);
	return bound_word("trunk:", buf_span(&b), mem);
}

struct span
seal_of_mirror(struct span number, char mem[SEAL_OF_MAX])
{
	return bound_word("mirror:", number, mem);
}

int
seal_word(const struct secret *key, struct span of,
    const uint8_t nonce[SEAL_NONCE_LEN], struct span word,
    uint8_t out[SEALED_WORD_LEN])
{
	uint8_t plain[2 + SEAL_WORD_MAX] = { 0 };

	if (word.len == 0 || word.len > SEAL_WORD_MAX)
		return -EMSGSIZE;
	plain[0] = (uint8_t)(word.len >> 8);
	plain[1] = (uint8_t)word.len;
	memcpy(plain + 2, word.p, word.len);
	memcpy(out, nonce, SEAL_NONCE_LEN);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + SEAL_NONCE_LEN, NULL,
	    plain, sizeof(plain), (const uint8_t *)of.p, of.len, NULL, nonce,
	    key->p);
	secret_wipe(plain, sizeof(plain));
	return 0;
}

int
seal_word_open(const struct secret *key, struct span of,
    struct span sealed, char out[SEAL_WORD_MAX], size_t *len_out)
{
	const uint8_t *p = (const uint8_t *)sealed.p;
	uint8_t plain[2 + SEAL_WORD_MAX];
	size_t len;
	int err = 0;

	if (sealed.len != SEALED_WORD_LEN ||
	    crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL,
		p + SEAL_NONCE_LEN, sealed.len - SEAL_NONCE_LEN,
		(const uint8_t *)of.p, of.len, p, key->p) != 0)
		return -EBADMSG;
	len = (size_t)(plain[0] << 8 | plain[1]);
	if (len <= SEAL_WORD_MAX) {
		memcpy(out, plain + 2, len);
		*len_out = len;
	} else {
		err = -EBADMSG;
	}
	secret_wipe(plain, sizeof(plain));
	return err;
}
