#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/sslerr.h>

#include "sigproxy/io/tls_hello.h"

#define EXT_SUPPORTED_VERSIONS 43
#define SCSV_RENEGOTIATION 0x00ff
#define SCSV_FALLBACK 0x5600

/* RFC 8701: values that only see whether we choke on them. */
static bool
is_grease(uint16_t v)
{
	return (v & 0x0f0f) == 0x0a0a && (v >> 8) == (v & 0xff);
}

static uint16_t
u16(const unsigned char *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void
add_version(struct tls_hello *h, uint16_t v)
{
	if (is_grease(v))
		return;
	if (h->least == 0 || v < h->least)
		h->least = v;
	if (v > h->most)
		h->most = v;
}

/* RFC 8446 4.2.1: one octet of length, then versions of two each. */
static void
read_versions(SSL *ssl, struct tls_hello *h)
{
	const unsigned char *p;
	size_t len;

	if (SSL_client_hello_get0_ext(ssl, EXT_SUPPORTED_VERSIONS, &p, &len) !=
		1 || len < 3) {
		/* Before TLS 1.3 it was the newest that is spoken. */
		h->most = (uint16_t)SSL_client_hello_get0_legacy_version(ssl);
		return;
	}
	for (size_t i = 1; i + 1 < len; i += 2)
		add_version(h, u16(p + i));
}

static void
keep_cipher(SSL *ssl, struct tls_hello *h, const unsigned char *p)
{
	const SSL_CIPHER *c = SSL_CIPHER_find(ssl, p);

	if (h->n_kept == TLS_HELLO_CIPHERS)
		return;
	h->cipher[h->n_kept] = u16(p);
	h->name[h->n_kept++] = c == NULL ? NULL : SSL_CIPHER_get_name(c);
}

void
tls_hello_read(SSL *ssl, struct tls_hello *out)
{
	struct tls_hello h = { .is_seen = true };
	const unsigned char *p;
	size_t len;

	read_versions(ssl, &h);
	len = SSL_client_hello_get0_ciphers(ssl, &p);
	for (size_t i = 0; i + 1 < len; i += 2) {
		uint16_t v = u16(p + i);

		if (is_grease(v) || v == SCSV_RENEGOTIATION ||
		    v == SCSV_FALLBACK)
			continue;
		keep_cipher(ssl, &h, p + i);
		h.n_ciphers++;
	}
	*out = h;
}

static void
put_version(struct buf *b, uint16_t v)
{
	if (v == SSL3_VERSION)
		buf_puts(b, "SSL 3");
	else if (v > SSL3_VERSION && v <= TLS1_3_VERSION)
		buf_fmt(b, "TLS 1.%u", (unsigned)(v & 0xff) - 1);
	else
		buf_fmt(b, "0x%04x", (unsigned)v);
}

void
tls_hello_versions(const struct tls_hello *h, struct buf *b)
{
	if (h->least == 0)
		buf_puts(b, "up to ");
	if (h->least != 0 && h->least != h->most) {
		put_version(b, h->least);
		buf_puts(b, " to ");
	}
	put_version(b, h->most);
}

void
tls_hello_ciphers(const struct tls_hello *h, struct buf *b)
{
	for (unsigned i = 0; i < h->n_kept; i++) {
		if (i > 0)
			buf_putc(b, ',');
		if (h->name[i] != NULL)
			buf_puts(b, h->name[i]);
		else
			buf_fmt(b, "0x%04x", (unsigned)h->cipher[i]);
	}
}

/* ---- why ---- */

static const struct {
	int reason;
	enum tls_why why;
} reasons[] = {
	{ SSL_R_UNSUPPORTED_PROTOCOL, TLS_WHY_OLD },
	{ SSL_R_VERSION_TOO_LOW, TLS_WHY_OLD },
	{ SSL_R_INAPPROPRIATE_FALLBACK, TLS_WHY_OLD },
	{ SSL_R_NO_SHARED_CIPHER, TLS_WHY_CIPHER },
	{ SSL_R_NO_SUITABLE_KEY_SHARE, TLS_WHY_CIPHER },
	{ SSL_R_NO_SUITABLE_GROUPS, TLS_WHY_CIPHER },
	{ SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, TLS_WHY_CIPHER },
	{ SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, TLS_WHY_CIPHER },
	{ SSL_R_TLSV1_ALERT_UNKNOWN_CA, TLS_WHY_NOT_TRUSTED },
	{ SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, TLS_WHY_NOT_TRUSTED },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, TLS_WHY_NOT_TRUSTED },
	{ SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, TLS_WHY_EXPIRED },
	{ SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, TLS_WHY_NOT_TRUSTED },
	{ SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, TLS_WHY_OLD },
};

enum tls_why
tls_why_of_error(unsigned long err)
{
	if (ERR_GET_LIB(err) != ERR_LIB_SSL)
		return TLS_WHY_CLOSED;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].reason == ERR_GET_REASON(err))
			return reasons[i].why;
	}
	return TLS_WHY_CLOSED;
}

bool
tls_is_record(struct span first)
{
	return first.len > 0 && first.p[0] == SSL3_RT_HANDSHAKE;
}

static bool
has(struct span s, struct span word)
{
	for (size_t i = 0; i + word.len <= s.len; i++) {
		if (span_eq(span_sub(s, i, word.len), word))
			return true;
	}
	return false;
}

enum tls_why
tls_why_of_octets(struct span first)
{
	ptrdiff_t eol = span_find(first, '\n');

	if (eol >= 0)
		first.len = (size_t)eol;
	if (has(first, SPAN_LIT("SIP/2.0")) || has(first, SPAN_LIT(" sip:")))
		return TLS_WHY_NOT_TLS_SIP;
	if (has(first, SPAN_LIT("HTTP/")))
		return TLS_WHY_NOT_TLS_HTTP;
	return TLS_WHY_NOT_TLS;
}

static const struct {
	const char *event, *advice;
} words[TLS_WHYS] = {
	[TLS_WHY_OLD] = { "tls-too-old",
	    "update the phone's firmware: it needs TLS 1.2; without, use UDP "
	    "or TCP" },
	[TLS_WHY_CIPHER] = { "tls-nothing-in-common",
	    "update the phone's firmware, or give Postern an RSA certificate: "
	    "it needs ECDHE with AES" },
	[TLS_WHY_NOT_TRUSTED] = { "tls-certificate-not-trusted",
	    "install the CA certificate of `postern cert` in the phone, and "
	    "use a server name that the certificate has" },
	[TLS_WHY_EXPIRED] = { "tls-certificate-expired",
	    "postern cert create --renew, or your ACME tool, then postern "
	    "reload; if it is good still, the phone's clock is wrong" },
	[TLS_WHY_KEY] = { "tls-no-signature",
	    "look at keyd: `postern status`" },
	[TLS_WHY_NOT_TLS_SIP] = { "sip-without-tls",
	    "set the phone's transport to TLS, or its port to the one for UDP "
	    "and TCP" },
	[TLS_WHY_NOT_TLS_HTTP] = { "http-on-the-tls-port",
	    "a web browser or a scanner: nothing to do" },
	[TLS_WHY_NOT_TLS] = { "not-tls",
	    "a scanner, or a phone set to another transport" },
};

const char *
tls_why_event(enum tls_why why)
{
	return words[why].event;
}

const char *
tls_why_advice(enum tls_why why)
{
	return words[why].advice;
}
