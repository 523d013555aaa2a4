#include <errno.h>
#include <sodium.h>

#include "common/base/secret.h"
#include "sigproxy/sip/crypto.h"
#include "sigproxy/sip/lex.h"
#include "sigproxy/sip/sdp_line.h"

#define TAG_MAX 999999999	/* nine digits */
#define LIFETIME_POWER_MAX 48
#define MKI_LEN_MAX 128		/* that the RFC allows */

/* Take what stands before the next c; all of it when there is none. */
static struct span
take(struct span *rest, char c)
{
	ptrdiff_t at = span_find(*rest, c);
	struct span out = *rest;

	if (at < 0) {
		*rest = SPAN_NONE;
		return out;
	}
	out.len = (size_t)at;
	*rest = span_sub(*rest, out.len + 1, rest->len);
	return out;
}

static bool
is_token(struct span s)
{
	struct lex l;

	if (s.p == NULL || s.len == 0)
		return false;
	l = lex_start(s);
	lex_run(&l, LEX_TOKEN);
	return lex_at_end(&l);
}

/* "2^20" or a number (RFC 4568 9.2). */
static bool
is_lifetime(struct span s)
{
	uint64_t n;

	if (span_starts(s, SPAN_LIT("2^")))
		return span_to_u64(span_sub(s, 2, s.len), LIFETIME_POWER_MAX,
		    &n) == 0 && n > 0;
	return span_to_u64(s, (uint64_t)1 << LIFETIME_POWER_MAX, &n) == 0 &&
	    n > 0;
}

/* "value:length" */
static int
read_mki(struct span s, struct sdp_crypto *out)
{
	struct span value = take(&s, ':');
	uint32_t len;
	uint64_t mki;

	if (span_to_u32(s, MKI_LEN_MAX, &len) != 0 || len == 0)
		return -EBADMSG;
	if (len > SDP_CRYPTO_MKI_MAX)
		return -ENOTSUP;
	if (span_to_u64(value, ((uint64_t)1 << 8 * len) - 1, &mki) != 0)
		return -EBADMSG;
	out->mki_len = (uint8_t)len;
	out->mki = (uint32_t)mki;
	return 0;
}

/* Some phones leave the padding out. */
static int
read_key(struct span text, struct sdp_crypto *out)
{
	static const int variants[] = { sodium_base64_VARIANT_ORIGINAL,
		sodium_base64_VARIANT_ORIGINAL_NO_PADDING };
	uint8_t key[3 * SRTP_KEY_MAX];
	size_t len = 0;
	int err = -EBADMSG;

	for (size_t i = 0; i < 2 && err; i++)
		if (sodium_base642bin(key, sizeof(key), text.p, text.len,
			NULL, &len, NULL, variants[i]) == 0)
			err = len == srtp_key_len(out->suite) ? 0 : -ENOTSUP;
	if (err == 0)
		memcpy(out->key, key, len);
	secret_wipe(key, sizeof(key));
	return err;
}

/* inline:key||salt ["|" lifetime] ["|" MKI ":" length] */
static int
read_key_params(struct span s, struct sdp_crypto *out)
{
	struct span method = take(&s, ':'), key, info;
	int err;

	if (!is_token(method) || s.len == 0)
		return -EBADMSG;
	if (!span_caseeq(method, SPAN_LIT("inline")) || span_find(s, ';') >= 0)
		return -ENOTSUP;
	key = take(&s, '|');
	err = read_key(key, out);
	if (err || s.len == 0)
		return err;
	info = take(&s, '|');
	if (span_find(info, ':') < 0) {
		if (!is_lifetime(info))
			return -EBADMSG;
		if (s.len == 0)
			return 0;
		info = take(&s, '|');
	}
	return s.len == 0 ? read_mki(info, out) : -EBADMSG;
}

/* A window size is a hint (RFC 4568 6.3.7); anything else changes bytes. */
static int
check_session_params(struct span s)
{
	uint32_t n;

	while (s.len > 0) {
		struct span param = take(&s, ' ');

		if (param.len == 0)
			continue;
		if (!span_starts(param, SPAN_LIT("WSH=")))
			return -ENOTSUP;
		if (span_to_u32(span_sub(param, 4, param.len), UINT16_MAX,
			&n) != 0)
			return -EBADMSG;
	}
	return 0;
}

int
sdp_crypto_parse(struct span content, struct sdp_crypto *out)
{
	struct sdp_crypto c = { 0 };
	struct span rest = span_trim(content);
	struct span tag = take(&rest, ' '), suite, params;
	int err;

	if (tag.len > 9 || span_to_u32(tag, TAG_MAX, &c.tag) != 0)
		return -EBADMSG;
	suite = take(&rest, ' ');
	params = take(&rest, ' ');
	if (!is_token(suite) || params.len == 0)
		return -EBADMSG;
	c.suite = (uint8_t)srtp_suite_of(suite);
	if (c.suite == SRTP_NONE)
		return -ENOTSUP;
	err = read_key_params(params, &c);
	if (err == 0)
		err = check_session_params(rest);
	if (err == 0)
		*out = c;
	secret_wipe(c.key, sizeof(c.key));
	return err;
}

int
sdp_crypto_choose(const struct sdp_media *m, struct sdp_crypto *out)
{
	struct span rest = m->lines, content;
	struct sdp_line line;

	while (sdp_line_next(&rest, &line) == 0 && line.type != 'm') {
		if (line.type == 'a' &&
		    sdp_attribute(line.value, "crypto", &content) &&
		    sdp_crypto_parse(content, out) == 0)
			return 0;
	}
	return -ENOENT;
}

void
sdp_crypto_put(struct buf *b, uint32_t tag, unsigned suite,
    const uint8_t *key)
{
	char text[sodium_base64_ENCODED_LEN(SRTP_KEY_MAX,
	    sodium_base64_VARIANT_ORIGINAL)];

	sodium_bin2base64(text, sizeof(text), key, srtp_key_len(suite),
	    sodium_base64_VARIANT_ORIGINAL);
	buf_puts(b, "a=crypto:");
	buf_put_u64(b, tag);
	buf_putc(b, ' ');
	buf_puts(b, srtp_params(suite)->name);
	buf_puts(b, " inline:");
	buf_puts(b, text);
	buf_puts(b, "\r\n");
	secret_wipe(text, sizeof(text));
}
