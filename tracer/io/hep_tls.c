#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tracer/io/hep_tls.h"

#define TAKEN_MAX 4096		/* of what a receiver says, at a time */

/* ---- whom to believe ---- */

static bool
is_plain_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	bool plain = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

	if (fd >= 0 && !plain)
		errno = EINVAL;
	if (fd >= 0)
		close(fd);
	return plain;
}

static SSL_CTX *
context(const struct conf *c, struct buf *why)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION |
		SSL_OP_NO_COMPRESSION);
	/* A session would outlive what is believed. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (!is_plain_file(c->hep_tls_ca))
		buf_fmt(why, "[trace] hep_tls_ca = %s cannot be read by "
		    "postern-trace: %s", c->hep_tls_ca, strerror(errno));
	else if (SSL_CTX_load_verify_file(ctx, c->hep_tls_ca) != 1)
		buf_fmt(why, "[trace] hep_tls_ca = %s holds no certificate "
		    "in PEM", c->hep_tls_ca);
	else
		return ctx;
	SSL_CTX_free(ctx);
	ERR_clear_error();
	return NULL;
}

int
hep_tls_init(struct hep_tls *t, const struct conf *c, struct buf *why)
{
	static char address[ADDR_TEXT_MAX + 1];
	struct addr ip;
	struct buf b;

	*t = (struct hep_tls){ .name = c->hep_tls_name };
	if (c->hep_tls_name[0] == '\0') {
		buf_init(&b, address, sizeof(address) - 1);
		addr_put_ip(&b, &c->hep);
		address[b.len] = '\0';
		t->name = address;
	}
	t->is_address = addr_parse_ip(span_str(t->name), &ip) == 0;
	/* Whoever may write an openssl.cnf decides nothing here. */
	if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG |
		OPENSSL_INIT_LOAD_SSL_STRINGS, NULL) != 1 ||
	    hep_tls_warm_up() != 0)
		return -EIO;
	t->ctx = context(c, why);
	return 0;
}

/* ---- a connection ---- */

static bool
expect_name(struct hep_tls *t)
{
	if (t->is_address)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl),
		    t->name) == 1;
	SSL_set_hostflags(t->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(t->ssl, t->name) == 1 &&
	    SSL_set_tlsext_host_name(t->ssl, t->name) == 1;
}

int
hep_tls_open(struct hep_tls *t)
{
	BIO *in, *out;

	if (t->ctx == NULL)
		return -EIO;
	in = BIO_new(BIO_s_mem());
	out = BIO_new(BIO_s_mem());
	t->ssl = SSL_new(t->ctx);
	if (in == NULL || out == NULL || t->ssl == NULL) {
		BIO_free(in);
		BIO_free(out);
		hep_tls_close(t);
		return -ENOMEM;
	}
	BIO_set_mem_eof_return(in, -1);
	SSL_set_bio(t->ssl, in, out);
	SSL_set_connect_state(t->ssl);
	if (!expect_name(t)) {
		hep_tls_close(t);
		return -ENOMEM;
	}
	return 0;
}

void
hep_tls_close(struct hep_tls *t)
{
	SSL_free(t->ssl);
	t->ssl = NULL;
	ERR_clear_error();
}

/* ---- why not ---- */

static void
say_certificate(const struct hep_tls *t, long verdict, struct buf *why)
{
	switch (verdict) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		buf_fmt(why, "its certificate is not for %s; set [trace] "
		    "hep_tls_name to a name that it has", t->name);
		return;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		buf_puts(why, "its certificate has expired; it needs a new "
		    "one");
		return;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		buf_puts(why, "its certificate is not valid yet; is the clock "
		    "right, here and there?");
		return;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		buf_puts(why, "its certificate is signed by nobody we know; "
		    "set [trace] hep_tls_ca to the CA that signed it");
		return;
	default:
		buf_fmt(why, "its certificate is not believed: %s",
		    X509_verify_cert_error_string(verdict));
	}
}

static void
say_failure(const struct hep_tls *t, struct buf *why)
{
	long verdict = SSL_get_verify_result(t->ssl);
	unsigned long err = ERR_peek_error();
	const char *text = ERR_reason_error_string(err);

	if (verdict != X509_V_OK) {
		say_certificate(t, verdict, why);
		return;
	}
	switch (ERR_GET_REASON(err)) {
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
	case SSL_R_HTTP_REQUEST:
		buf_puts(why, "it does not speak TLS; set [trace] hep to "
		    "tcp:, or to its port for TLS");
		return;
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		buf_puts(why, "it speaks no TLS 1.2 or newer");
		return;
	default:
		buf_fmt(why, "TLS came to nothing: %s",
		    text == NULL ? "no reason is known" : text);
	}
}

/* ---- going on ---- */

int
hep_tls_take(struct hep_tls *t, struct span bytes)
{
	return BIO_write(SSL_get_rbio(t->ssl), bytes.p, (int)bytes.len) ==
	    (int)bytes.len ? 0 : -ENOMEM;
}

int
hep_tls_go_on(struct hep_tls *t, struct buf *why)
{
	char mem[TAKEN_MAX];
	int n;

	ERR_clear_error();
	if (SSL_is_init_finished(t->ssl)) {
		while ((n = SSL_read(t->ssl, mem, sizeof(mem))) > 0)
			;	/* nobody asked */
	} else {
		n = SSL_do_handshake(t->ssl);
	}
	if (n == 1 || SSL_get_error(t->ssl, n) == SSL_ERROR_WANT_READ)
		return SSL_is_init_finished(t->ssl);
	if (SSL_get_error(t->ssl, n) == SSL_ERROR_ZERO_RETURN) {
		buf_puts(why, "it ended the connection");
		return -EPIPE;
	}
	say_failure(t, why);
	return -EPROTO;
}

int
hep_tls_write(struct hep_tls *t, struct span bytes)
{
	ERR_clear_error();
	return SSL_write(t->ssl, bytes.p, (int)bytes.len) == (int)bytes.len ?
	    0 : -EPROTO;
}

struct span
hep_tls_out(const struct hep_tls *t)
{
	char *p = NULL;
	long n = BIO_get_mem_data(SSL_get_wbio(t->ssl), &p);

	return n > 0 ? span_make(p, (size_t)n) : SPAN_NONE;
}

void
hep_tls_sent(struct hep_tls *t, size_t n)
{
	char mem[TAKEN_MAX];

	while (n > 0) {
		int piece = BIO_read(SSL_get_wbio(t->ssl), mem,
		    n < sizeof(mem) ? (int)n : (int)sizeof(mem));

		if (piece <= 0)
			return;
		n -= (size_t)piece;
	}
}

uint64_t
hep_tls_written(const struct hep_tls *t)
{
	return BIO_number_written(SSL_get_wbio(t->ssl));
}
