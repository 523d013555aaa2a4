#include "keyd/core/form.h"

#define PAD_LEN 64
#define RANDOMS_LEN 64		/* the client's and the server's */
#define NAMED_CURVE 3		/* ECCurveType */
#define PARAMS_LEN 4		/* type, curve, length of the point */
#define UNCOMPRESSED 4

static const char context13[] = "TLS 1.3, server CertificateVerify";

/* NamedGroup of RFC 8446 4.2.7 and how long its point is. */
static const struct {
	uint16_t curve;
	uint8_t point_len;
	bool uncompressed;	/* begins with an octet that says so */
} curves[] = {
	{ 23, 65, true },	/* secp256r1 */
	{ 24, 97, true },	/* secp384r1 */
	{ 25, 133, true },	/* secp521r1 */
	{ 29, 32, false },	/* x25519 */
	{ 30, 56, false },	/* x448 */
};

static bool
is_tls13(struct span s)
{
	/* With its zero: that is the separator. */
	size_t head = PAD_LEN + sizeof(context13);

	/* The hash is the cipher suite's, SHA-256 or SHA-384, whatever the
	 * scheme. */
	if (s.len != head + 32 && s.len != head + 48)
		return false;
	for (size_t i = 0; i < PAD_LEN; i++) {
		if (s.p[i] != ' ')
			return false;
	}
	return memcmp(s.p + PAD_LEN, context13, sizeof(context13)) == 0;
}

static bool
is_tls12(struct span s)
{
	const uint8_t *p = (const uint8_t *)s.p + RANDOMS_LEN;
	uint16_t curve;

	if (s.len <= RANDOMS_LEN + PARAMS_LEN || p[0] != NAMED_CURVE)
		return false;
	curve = (uint16_t)(p[1] << 8 | p[2]);
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		if (curves[i].curve != curve)
			continue;
		return p[3] == curves[i].point_len &&
		    s.len == (size_t)RANDOMS_LEN + PARAMS_LEN + p[3] &&
		    (!curves[i].uncompressed || p[4] == UNCOMPRESSED);
	}
	return false;
}

enum form
form_of(struct span tbs)
{
	if (is_tls13(tbs))
		return FORM_TLS13;
	return is_tls12(tbs) ? FORM_TLS12 : FORM_NONE;
}
