/*
 * The certificates that are in use at one time, and which one a phone gets.
 *
 * keyd sends all chains when it starts; together they are a set.  A new set
 * takes the old one's place for new handshakes; connections keep what they
 * have, because OpenSSL counts who uses a context.
 */
#ifndef SIGPROXY_IO_TLS_CERT_H
#define SIGPROXY_IO_TLS_CERT_H

#include <openssl/ssl.h>

#include "common/base/span.h"

#define TLS_CERTS_MAX 8
#define TLS_TICKET_KEYS 80	/* octets: OpenSSL's name, HMAC and AES key */

struct tls_set {
	SSL_CTX *ctx[TLS_CERTS_MAX];
	X509 *leaf[TLS_CERTS_MAX];	/* its first one's */
	unsigned char digest[TLS_CERTS_MAX][32];	/* of the chains */
	unsigned n;
	uint32_t users;		/* handshakes that chose from it */
	struct tls_set *next;	/* its owner's list of old ones */
};

/* Versions, ciphers and groups, on either side.  Errors: -EIO. */
int tls_set_strength(SSL_CTX *ctx);

/*
 * Add the next chain: DER certificates one after the other, leaf first.  It
 * signs with keyd's key of the number s->n.  One that has the very names of
 * an earlier one, and another kind of key, is shown to those who cannot take
 * the earlier one.
 *
 * Errors:  -EBADMSG not certificates, or a kind of key that is not served;
 *          -ENOSPC; -ENOMEM.
 */
int tls_set_add(struct tls_set *s, struct span chain);
/* The set and its contexts, unless a connection still has one.  NULL is
 * fine. */
void tls_set_free(struct tls_set *s);
bool tls_set_same(const struct tls_set *a, const struct tls_set *b);

/*
 * The context for a name (RFC 6066 3, RFC 6125 6.4): the first certificate
 * that has it among its DNS names or addresses, a wildcard for one label;
 * else the first of all.
 */
SSL_CTX *tls_set_choose(const struct tls_set *s, const char *name);

/* Sessions are resumed by tickets under these keys. */
void tls_set_tickets(const struct tls_set *s, unsigned char *keys);

#endif
