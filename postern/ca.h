/*
 * A certificate authority of one's own, and certificates by it.
 *
 * Spec:    RFC 5280 4, with what phones and today's rules ask for.
 */
#ifndef POSTERN_CA_H
#define POSTERN_CA_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#define CA_NAMES_MAX 64
/* What other makers' rules allow a server's certificate (and Apple's
 * devices accept from a CA that was installed by hand). */
#define CA_SERVER_DAYS 398
#define CA_SERVER_DAYS_MAX 825
#define CA_DAYS_MAX 3650

struct ca_subject {
	const char *country;		/* two letters, or NULL */
	const char *organization, *unit;
	const char *name;		/* common name, never NULL */
};

struct ca_want {
	struct ca_subject subject;
	bool is_ca;
	int64_t now_s;
	unsigned days;
	/* DNS names, IP addresses, mail addresses (with an @) */
	const char *names[CA_NAMES_MAX];
	unsigned n_names;
	const char *crl;	/* where revocations lie: URL or DNS name */
};

/* "p256", "p384", "rsa2048", "rsa3072", "rsa4096"; NULL: another word, or
 * no memory. */
EVP_PKEY *ca_key(const char *kind);

/*
 * Make a certificate.
 *
 * Takes:   key         whose certificate it becomes.
 *          issuer      NULL: it signs itself.
 *          issuer_key  signs.
 * Gives:   NULL, and in *wrong_out what was wrong.  It never outlives its
 *          issuer.
 */
X509 *ca_make(const struct ca_want *want, EVP_PKEY *key, X509 *issuer,
    EVP_PKEY *issuer_key, const char **wrong_out);

/* The common name of a subject (or issuer) as part of a file's name. */
void ca_file_name(const X509_NAME *name, char *mem, size_t size);

#endif
