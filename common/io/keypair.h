/*
 * A private key with its certificates, from the files that [tls] names or an
 * admin brings: read, opened, and looked at from every side before anything
 * relies on them.
 *
 * Reading needs rights, parsing needs none: keyd reads as whoever started
 * it, drops its user, and parses then.
 */
#ifndef COMMON_IO_KEYPAIR_H
#define COMMON_IO_KEYPAIR_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sys/types.h>

#include "common/base/secret.h"
#include "common/io/conf.h"

/* "PATH: what is wrong; what to do", always one line. */
#define KEYPAIR_WHY_MAX 640

/* RSA keys outside of these are refused. */
#define KEYPAIR_RSA_MIN 2048
#define KEYPAIR_RSA_MAX 4096

struct keypair_files {
	char certificate[CONF_PATH_MAX];
	char key[CONF_PATH_MAX];	/* empty: PKCS#12 */
	char passphrase[CONF_PATH_MAX];	/* empty: none */
	bool credential;	/* of systemd: modes are its own */
};

/* The bytes of these files, in locked memory. */
struct keypair_bytes {
	struct keypair_files files;
	struct secret certificate, key, passphrase;
};

struct keypair {
	EVP_PKEY *key;
	STACK_OF(X509) *chain;	/* the key's own first, then its issuers */
};

/* The files of the i-th certificate of [tls]; those of systemd's credentials
 * (CREDENTIALS_DIRECTORY/certificate-0, key-0, passphrase) go before. */
void keypair_files(const struct conf *c, unsigned i,
    struct keypair_files *out);

/*
 * Read the files.  A key, and what holds one, may be readable by its owner
 * only, who must be root, we, or `owner`.
 *
 * Errors:  negative errno, and why.
 */
int keypair_read(const struct keypair_files *f, uid_t owner,
    struct keypair_bytes *out, char why[KEYPAIR_WHY_MAX]);
void keypair_wipe(struct keypair_bytes *b);

/*
 * Make a key and its chain of the bytes, in whatever order they lay.
 *
 * Takes:   now_s  seconds since 1970.
 * Errors:  -EBADMSG no key or certificate in it; -EACCES a passphrase is
 *          missing or wrong; -ENOTSUP a key we do not sign with; -ENOKEY the
 *          certificate is another key's; -EKEYEXPIRED; and why.
 */
int keypair_parse(const struct keypair_bytes *b, int64_t now_s,
    struct keypair *out, char why[KEYPAIR_WHY_MAX]);
void keypair_free(struct keypair *k);

/* The chain as DER, one after the other.  Errors: -EMSGSIZE; and why. */
int keypair_chain(const struct keypair *k, struct buf *out);

/* The certificates of a PEM or DER file, for looking at; NULL, and why. */
STACK_OF(X509) *keypair_certificates(const char *path,
    char why[KEYPAIR_WHY_MAX]);

#endif
