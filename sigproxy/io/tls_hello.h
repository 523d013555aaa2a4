/*
 * Why a handshake came to nothing, in words a person can use: what the phone
 * offered, what was wrong, what to do.
 */
#ifndef SIGPROXY_IO_TLS_HELLO_H
#define SIGPROXY_IO_TLS_HELLO_H

#include <openssl/ssl.h>

#include "common/base/buf.h"

#define TLS_HELLO_CIPHERS 6	/* of those offered, kept */

/* What a ClientHello offered. */
struct tls_hello {
	bool is_seen;
	uint16_t least, most;	/* versions */
	uint16_t n_ciphers;	/* in all; those for signalling left out */
	uint8_t n_kept;
	uint16_t cipher[TLS_HELLO_CIPHERS];
	/* OpenSSL's own; NULL: one it has forgotten, RC4 and its like */
	const char *name[TLS_HELLO_CIPHERS];
};

enum tls_why {
	TLS_WHY_CLOSED,		/* the peer went, or broke the protocol */
	TLS_WHY_OLD,
	TLS_WHY_CIPHER,		/* none in common, nor a group or signature */
	TLS_WHY_NOT_TRUSTED,	/* it does not take our certificate */
	TLS_WHY_EXPIRED,	/* since that has ended, by its clock */
	TLS_WHY_KEY,		/* keyd gave no signature */
	TLS_WHY_NOT_TLS_SIP,	/* plain SIP on the TLS port */
	TLS_WHY_NOT_TLS_HTTP,
	TLS_WHY_NOT_TLS,	/* anything else that is no TLS */
};
#define TLS_WHYS (TLS_WHY_NOT_TLS + 1)

/* From within OpenSSL's callback for a ClientHello. */
void tls_hello_read(SSL *ssl, struct tls_hello *out);

/* Versions as "TLS 1.0 to TLS 1.1"; the first ciphers' names, or
 * numbers, with commas. */
void tls_hello_versions(const struct tls_hello *h, struct buf *b);
void tls_hello_ciphers(const struct tls_hello *h, struct buf *b);

/* Of the error that OpenSSL keeps for this handshake. */
enum tls_why tls_why_of_error(unsigned long err);
/* Of the first octets, when they are not those of a TLS record. */
enum tls_why tls_why_of_octets(struct span first);
/* Do they begin a TLS record that holds a handshake? */
bool tls_is_record(struct span first);

/* The event's name for the log, NULL: not worth a line; what to do. */
const char *tls_why_event(enum tls_why why);
const char *tls_why_advice(enum tls_why why);

#endif
