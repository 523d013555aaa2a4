/* Handshakes with ourselves, in memory, before the cage: OpenSSL loads late. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "tracer/io/hep_tls.h"

/* A certificate with a key of this moment, which nobody else ever knew. */
static X509 *
certificate(EVP_PKEY *key)
{
	X509 *x = X509_new();

	if (x != NULL && key != NULL && X509_set_version(x, 2) == 1 &&
	    X509_gmtime_adj(X509_getm_notBefore(x), -60) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(x), 3600) != NULL &&
	    X509_set_pubkey(x, key) == 1 &&
	    X509_sign(x, key, EVP_sha256()) > 0)
		return x;
	X509_free(x);
	return NULL;
}

static bool
couple(SSL *client, SSL *server)
{
	BIO *near = NULL, *far = NULL;

	if (client == NULL || server == NULL ||
	    BIO_new_bio_pair(&near, 0, &far, 0) != 1)
		return false;
	SSL_set_bio(client, near, near);
	SSL_set_bio(server, far, far);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	return true;
}

/* Some octets each way.  It is known here and believed, or unknown. */
static bool
talk(SSL *client, SSL *server)
{
	char mem[8];

	for (int i = 0; i < 8; i++) {
		SSL_do_handshake(client);
		SSL_do_handshake(server);
	}
	return SSL_write(client, "ping", 4) == 4 &&
	    SSL_read(server, mem, sizeof(mem)) == 4 &&
	    SSL_write(server, "pong", 4) == 4 &&
	    SSL_read(client, mem, sizeof(mem)) == 4;
}

static bool
shake(SSL_CTX *ours, SSL_CTX *theirs, int version)
{
	SSL *client = SSL_new(ours), *server = SSL_new(theirs);
	bool done = false;

	if (couple(client, server)) {
		SSL_set_max_proto_version(client, version);
		done = talk(client, server);
	}
	SSL_free(client);
	SSL_free(server);
	return done;
}

static bool
both_ways(SSL_CTX *ours, SSL_CTX *theirs, EVP_PKEY *key)
{
	X509 *x = certificate(key);
	bool done = false;

	SSL_CTX_set_verify(ours, SSL_VERIFY_PEER, NULL);
	/* first one that is refused: errors have texts */
	if (x != NULL && SSL_CTX_use_certificate(theirs, x) == 1 &&
	    SSL_CTX_use_PrivateKey(theirs, key) == 1 &&
	    !shake(ours, theirs, TLS1_3_VERSION) &&
	    X509_STORE_add_cert(SSL_CTX_get_cert_store(ours), x) == 1)
		done = shake(ours, theirs, TLS1_3_VERSION) &&
		    shake(ours, theirs, TLS1_2_VERSION);
	X509_free(x);
	return done;
}

static bool
with_key(EVP_PKEY *key)
{
	SSL_CTX *ours = SSL_CTX_new(TLS_client_method());
	SSL_CTX *theirs = SSL_CTX_new(TLS_server_method());
	bool done = key != NULL && ours != NULL && theirs != NULL &&
	    both_ways(ours, theirs, key);

	SSL_CTX_free(ours);
	SSL_CTX_free(theirs);
	EVP_PKEY_free(key);
	return done;
}

int
hep_tls_warm_up(void)
{
	/* Not with RSA as well: to make a key takes up to a second. */
	bool done = with_key(EVP_EC_gen("P-256"));

	ERR_clear_error();
	return done ? 0 : -EIO;
}
