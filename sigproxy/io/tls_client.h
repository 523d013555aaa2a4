/*
 * TLS as a client, towards trunks: whom we trust, and whether who answers is
 * who the trunk is said to be (RFC 5922).
 *
 * The certificate must be for the name that stands in the trunk's row, never
 * for what DNS made of it (5.1): as sip:NAME among its URIs, or, where none
 * of those is a sip: one, as a DNS name; an address as an address.  No
 * wildcards (7.2), and the subject's common name counts for nothing.
 */
#ifndef SIGPROXY_IO_TLS_CLIENT_H
#define SIGPROXY_IO_TLS_CLIENT_H

#include <openssl/ssl.h>

#include "common/base/buf.h"

#define TLS_WORDS_MAX 120	/* why it came to nothing */
#define TLS_NAME_MAX 256
#define TLS_CA_MAX (2 * 1024 * 1024)	/* octets of PEM */

struct tls_client;

/* What a connection keeps of it. */
struct tls_peer {
	char name[TLS_NAME_MAX];
	size_t n_words;
	char words[TLS_WORDS_MAX];
};

/*
 * Takes:   ca  PEM, borrowed to the end; read when the first trunk wants a
 *              certificate checked.  Empty: nobody is trusted.
 * Errors:  NULL for no memory.
 */
struct tls_client *tls_client_new(struct span ca);
void tls_client_free(struct tls_client *c);

/*
 * One handshake to come.
 *
 * Takes:   peer  zeroed but for its name, and kept as long as the SSL.
 * Errors:  NULL for no memory.
 */
SSL *tls_client_ssl(struct tls_client *c, struct tls_peer *peer, bool verify);
/* After its failure, with the error that OpenSSL kept: why, in words. */
void tls_client_words(const struct tls_peer *peer, unsigned long err,
    struct buf *out);

#endif
