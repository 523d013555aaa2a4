/*
 * A client, the edge's TLS and keyd in one thread, with memory between them.
 *
 * The client is OpenSSL's own; what it writes reaches the edge only as far as
 * a test lets it.  The test is keyd: it signs at once or when told to.
 */
#ifndef TESTS_SIGTLS_LAB_H
#define TESTS_SIGTLS_LAB_H

#include <check.h>

#include "sigproxy/io/tls.h"
#include "sigproxy/io/tls_key.h"

#define LAB_KEYS 3
#define LAB_ASKED 256

struct lab_key {
	EVP_PKEY *key;
	unsigned char der[2048];
	size_t len;
};

struct lab_asked {
	uint32_t id;
	uint8_t index;
	uint16_t scheme;
	size_t n;
	unsigned char tbs[TLS_TBS_MAX];
};

struct lab {
	struct tls *tls;
	struct lab_key key[LAB_KEYS];
	bool is_slow;			/* questions wait for lab_sign() */
	struct lab_asked asked[LAB_ASKED];
	unsigned n_asked;
	unsigned went_on;
};

struct phone {
	struct lab *lab;
	SSL_CTX *ctx;
	SSL *ssl;			/* the client */
	struct tls_conn *conn;		/* its other end */
	enum tls_state state;
	size_t let;			/* octets that may still pass */
	bool is_gone;			/* beneath: end of file */
};

/* kind: "EC" (P-256), "P-384", "RSA", "ED25519"; names: dNSNames and an IP
 * address, "DNS:a,DNS:b,IP:1.2.3.4". */
void lab_key_new(struct lab_key *k, const char *kind, const char *names);
void lab_key_free(struct lab_key *k);

/* Once, before all tests. */
void lab_prepare(void);
void lab_init(struct lab *l, const char *kind);
void lab_done(struct lab *l);
/* Give the edge these keys' certificates as one set. */
int lab_give(struct lab *l, unsigned n);
/* Answer what was asked, in order. */
void lab_sign(struct lab *l);

/* A client for these versions (0: any); not connected yet. */
void phone_init(struct phone *p, struct lab *l, int least, int most);
void phone_connect(struct phone *p, const char *name);
/* Both sides go on until nothing moves any more. */
void phone_run(struct phone *p);
void phone_done(struct phone *p);
/* Octets in both directions. */
void phone_talks(struct phone *p);

#endif
