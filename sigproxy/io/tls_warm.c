/* Handshakes with ourselves, in memory, before the cage. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>

#include "sigproxy/io/tls.h"


struct warm {
	struct tls *tls;
	EVP_PKEY *key;		/* of this moment; nobody else ever knew it */
	SSL *client;
};

/* What the client wrote, out of its memory. */
static ssize_t
warm_recv(void *conn, void *mem, size_t room)
{
	struct warm *w = conn;
	int n = BIO_read(SSL_get_wbio(w->client), mem, (int)room);

	return n > 0 ? n : -EAGAIN;
}

static bool
warm_send(void *conn, struct span bytes)
{
	struct warm *w = conn;

	return BIO_write(SSL_get_rbio(w->client), bytes.p, (int)bytes.len) ==
	    (int)bytes.len;
}

static void
warm_go_on(void *conn)
{
	(void)conn;
}

static void
warm_ask(void *arg, uint32_t id, uint8_t index, uint16_t scheme,
    struct span tbs)
{
	struct warm *w = arg;
	unsigned char mem[256];
	size_t len = sizeof(mem);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	(void)index;
	(void)scheme;
	if (ctx == NULL ||
	    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, w->key) != 1 ||
	    EVP_DigestSign(ctx, mem, &len, (const unsigned char *)tbs.p,
		tbs.len) != 1)
		len = 0;
	EVP_MD_CTX_free(ctx);
	tls_signed(w->tls, id, span_make(mem, len));
}

static int
give_certificate(struct warm *w)
{
	X509 *x = X509_new();
	unsigned char *der = NULL;
	int len = 0, err = -EIO;

	w->key = EVP_EC_gen("P-256");
	if (x != NULL && w->key != NULL && X509_set_version(x, 2) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(x), 0) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(x), 3600) != NULL &&
	    X509_set_pubkey(x, w->key) == 1 &&
	    X509_sign(x, w->key, EVP_sha256()) > 0)
		len = i2d_X509(x, &der);
	if (len > 0 && tls_certificate(w->tls, 0, 1,
		span_make(der, (size_t)len)) == 1)
		err = 0;
	OPENSSL_free(der);
	X509_free(x);
	return err;
}

/* Some octets each way, when both are up. */
static int
talk(struct warm *w, struct tls_conn *c)
{
	char mem[64];
	int err = -EIO;

	for (int i = 0; i < 8 && !(tls_is_up(c) && SSL_is_init_finished(
		w->client)); i++) {
		SSL_do_handshake(w->client);
		tls_shake(c);
	}
	if (tls_is_up(c) && SSL_write(w->client, "ping", 4) == 4 &&
	    tls_read(c, mem, sizeof(mem)) == 4 &&
	    tls_write(c, SPAN_LIT("pong")) &&
	    SSL_read(w->client, mem, sizeof(mem)) == 4) {
		SSL_shutdown(w->client);
		tls_read(c, mem, sizeof(mem));
		err = 0;
	}
	return err;
}

static int
client_new(struct warm *w, SSL_CTX *ctx, const char *group)
{
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

	w->client = SSL_new(ctx);
	if (w->client == NULL || in == NULL || out == NULL) {
		BIO_free(in);
		BIO_free(out);
		return -ENOMEM;
	}
	BIO_set_mem_eof_return(in, -1);
	BIO_set_mem_eof_return(out, -1);
	SSL_set_bio(w->client, in, out);
	SSL_set_connect_state(w->client);
	SSL_set_tlsext_host_name(w->client, "postern.invalid");
	return SSL_set1_groups_list(w->client, group) == 1 ? 0 : -EIO;
}

static int
one(struct warm *w, int version, const char *group)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct tls_conn *c = NULL;
	int err = -ENOMEM;

	w->client = NULL;
	if (ctx != NULL) {
		SSL_CTX_set_min_proto_version(ctx, version);
		SSL_CTX_set_max_proto_version(ctx, version);
		err = client_new(w, ctx, group);
	}
	if (err == 0)
		c = tls_open(w->tls, w);
	err = c == NULL ? -EIO : talk(w, c);
	tls_close(c, true);
	SSL_free(w->client);
	SSL_CTX_free(ctx);
	return err;
}

int
tls_warm_up(void)
{
	static const struct {
		int version;
		const char *group;
	} all[] = {
		{ TLS1_2_VERSION, "X25519:P-256" }, { TLS1_2_VERSION, "P-256" },
		{ TLS1_3_VERSION, "X25519" }, { TLS1_3_VERSION, "P-256" },
		{ TLS1_3_VERSION, "P-384" },
		/* one that is refused: errors have texts */
		{ TLS1_3_VERSION, "X448" },
	};
	const size_t n = sizeof(all) / sizeof(all[0]);
	struct tls_ops ops = { warm_recv, warm_send, warm_go_on, warm_ask,
		NULL };
	struct warm w = { .key = NULL };
	int err;

	ops.arg = &w;
	w.tls = tls_new(&ops);
	err = w.tls == NULL ? -ENOMEM : give_certificate(&w);
	for (size_t i = 0; i < n && err == 0; i++) {
		err = one(&w, all[i].version, all[i].group);
		if (i == n - 1)
			err = err == 0 ? -EIO : 0;
	}
	EVP_PKEY_free(w.key);
	tls_free(w.tls);
	ERR_clear_error();
	return err;
}
