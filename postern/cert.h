/* Between the files of `postern cert`. */
#ifndef POSTERN_CERT_H
#define POSTERN_CERT_H

#include <limits.h>
#include <stdio.h>

#include "common/io/conf.h"
#include "common/io/keypair.h"
#include "postern/ca.h"

struct cert_args {
	const char *config;	/* never NULL */
	const char *state;
	const char *dir, *key, *ca_name, *crl, *out;
	const char *passphrase;	/* file */
	struct ca_subject subject;	/* .name: the server's */
	const char *names[CA_NAMES_MAX];
	unsigned n_names;
	uint32_t days, ca_days, index;
	bool renew, json;
	char **rest;
	int n_rest;
	struct conf conf;
};

/* Each returns an exit status. */
int cert_create(struct cert_args *a);
int cert_show(struct cert_args *a);
int cert_install(struct cert_args *a);
int cert_p12(struct cert_args *a);

/* Print one certificate; its names are held against the domain when there
 * is one (NULL: not). */
void cert_print(FILE *to, X509 *x, const char *domain);

/* ---- putting files ---- */

int cert_put_certs(const char *path, STACK_OF(X509) *all);
int cert_put_key(const char *path, EVP_PKEY *key);
/* Both, or neither. */
int cert_put_pair(const char *certs_path, STACK_OF(X509) *all,
    const char *key_path, EVP_PKEY *key);
/* PKCS#12 under the first line of a file. */
int cert_put_p12(const char *path, const struct keypair *pair,
    const char *passphrase_file);

#endif
