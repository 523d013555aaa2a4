#include "sigproxy/io/tls_client.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sslerr.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/addr.h"
#include "sigproxy/io/tls_cert.h"

struct tls_client {
	struct span ca;
	SSL_CTX *ctx;		/* NULL: not needed yet */
	unsigned n_cas;
};

/* Of a peer among an SSL's data. */
static int peer_index = -1;

struct tls_client *
tls_client_new(struct span ca)
{
	struct tls_client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->ca = ca;
	if (peer_index < 0)
		peer_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	return c;
}

void
tls_client_free(struct tls_client *c)
{
	if (c == NULL)
		return;
	SSL_CTX_free(c->ctx);
	free(c);
}

/* ---- whom we trust ---- */

static unsigned
add_cas(X509_STORE *store, struct span pem)
{
	BIO *b = BIO_new_mem_buf(pem.p, (int)pem.len);
	unsigned n = 0;
	X509 *x;

	while (b != NULL && (x = PEM_read_bio_X509(b, NULL, NULL, NULL)) !=
		NULL) {
		n += X509_STORE_add_cert(store, x) == 1;
		X509_free(x);
	}
	BIO_free(b);
	ERR_clear_error();
	return n;
}

/* ---- who it is ---- */

static bool
has_sip_uri(X509 *leaf, const char *name, bool *matches)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL,
	    NULL);
	bool any = false;

	*matches = false;
	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);
		struct span uri;

		if (g->type != GEN_URI)
			continue;
		uri = span_make(ASN1_STRING_get0_data(g->d.uniformResourceIdentifier),
		    (size_t)ASN1_STRING_length(g->d.uniformResourceIdentifier));
		if (uri.len < 4 || !span_caseeq(span_sub(uri, 0, 4),
			SPAN_LIT("sip:")))
			continue;
		any = true;
		*matches |= span_caseeq(span_sub(uri, 4, uri.len),
		    span_str(name));
	}
	GENERAL_NAMES_free(all);
	return any;
}

static bool
is_for(X509 *leaf, const char *name)
{
	const unsigned flags = X509_CHECK_FLAG_NO_WILDCARDS |
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
	struct addr ip;
	bool matches;

	if (addr_parse_ip(span_str(name), &ip) == 0)
		return X509_check_ip(leaf, ip.ip, addr_ip_len(&ip), 0) == 1;
	if (has_sip_uri(leaf, name, &matches))
		return matches;
	return name[0] != '.' &&
	    X509_check_host(leaf, name, 0, flags, NULL) == 1;
}

/* ---- words ---- */

static void
put_date(struct buf *b, const ASN1_TIME *t)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) == 1)
		buf_fmt(b, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1,
		    tm.tm_mday);
	else
		buf_puts(b, "an unknown day");
}

/* A stranger's octets, for the log. */
static void
put_name(struct buf *b, const ASN1_STRING *s)
{
	const unsigned char *p = ASN1_STRING_get0_data(s);
	int n = ASN1_STRING_length(s);

	for (int i = 0; i < n && i < 40; i++)
		buf_putc(b, p[i] > ' ' && p[i] < 127 && p[i] != '"' &&
			p[i] != '\\' ? (char)p[i] : '?');
}

static void
put_first_name(struct buf *b, X509 *leaf)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL,
	    NULL);
	bool any = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(all) && !any; i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);

		if (g->type != GEN_DNS && g->type != GEN_URI)
			continue;
		put_name(b, g->d.ia5);
		any = true;
	}
	if (!any)
		buf_puts(b, "no name");
	GENERAL_NAMES_free(all);
}

static void
put_trust(struct buf *b, int err, X509 *x)
{
	switch (err) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		buf_puts(b, "its certificate expired on ");
		put_date(b, X509_get0_notAfter(x));
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		buf_puts(b, "its certificate is not valid before ");
		put_date(b, X509_get0_notBefore(x));
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		buf_puts(b, "its certificate is of a CA that is not known "
		    "here ([tls] trunk_ca)");
		break;
	default:
		buf_puts(b, "its certificate is no good: ");
		buf_puts(b, X509_verify_cert_error_string(err));
		break;
	}
}

static void
keep_words(struct tls_peer *p, const struct buf *b)
{
	if (p->n_words == 0)
		p->n_words = b->len;
}

static int
on_verify(int ok, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store,
	    SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_peer *p = SSL_get_ex_data(ssl, peer_index);
	X509 *x = X509_STORE_CTX_get_current_cert(store);
	struct buf b;

	buf_init(&b, p->words, sizeof(p->words));
	if (!ok && p->n_words == 0) {
		put_trust(&b, X509_STORE_CTX_get_error(store), x);
		keep_words(p, &b);
	}
	if (!ok || X509_STORE_CTX_get_error_depth(store) != 0 ||
	    is_for(x, p->name))
		return ok;
	X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
	if (p->n_words == 0) {
		buf_puts(&b, "its certificate is for ");
		put_first_name(&b, x);
		buf_puts(&b, ", not for ");
		buf_put(&b, span_sub(span_str(p->name), 0, 40 <
			strlen(p->name) ? 40 : strlen(p->name)));
		keep_words(p, &b);
	}
	return 0;
}

void
tls_client_words(const struct tls_peer *peer, unsigned long err,
    struct buf *out)
{
	const char *text = ERR_reason_error_string(err);

	if (peer->n_words > 0)
		buf_put(out, span_make(peer->words, peer->n_words));
	else if (ERR_GET_LIB(err) == ERR_LIB_SSL &&
	    ERR_GET_REASON(err) == SSL_R_WRONG_VERSION_NUMBER)
		buf_puts(out, "it does not speak TLS at this port");
	else if (text == NULL)
		buf_puts(out, "it ends the TLS handshake");
	else
		buf_fmt(out, "the TLS handshake failed: %.80s", text);
}

/* ---- handshakes ---- */

static int
context(struct tls_client *c)
{
	if (c->ctx != NULL)
		return 0;
	c->ctx = SSL_CTX_new_ex(NULL, "?provider=default",
	    TLS_client_method());
	if (c->ctx == NULL)
		return -ENOMEM;
	if (tls_set_strength(c->ctx) != 0) {
		SSL_CTX_free(c->ctx);
		c->ctx = NULL;
		return -ENOMEM;
	}
	SSL_CTX_set_options(c->ctx, SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(c->ctx, SSL_MODE_RELEASE_BUFFERS |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_read_ahead(c->ctx, 1);
	return 0;
}

/* RFC 6066 3: a name, never an address. */
static void
set_name(SSL *ssl, const char *name)
{
	struct addr ip;

	if (addr_parse_ip(span_str(name), &ip) != 0)
		SSL_set_tlsext_host_name(ssl, name);
}

SSL *
tls_client_ssl(struct tls_client *c, struct tls_peer *peer, bool verify)
{
	SSL *ssl = context(c) != 0 ? NULL : SSL_new(c->ctx);

	if (ssl == NULL)
		return NULL;
	if (verify && c->n_cas == 0)
		c->n_cas = add_cas(SSL_CTX_get_cert_store(c->ctx), c->ca);
	SSL_set_ex_data(ssl, peer_index, peer);
	SSL_set_connect_state(ssl);
	SSL_set_verify(ssl, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
	    verify ? on_verify : NULL);
	set_name(ssl, peer->name);
	return ssl;
}
