/* Certificates and keys as files. */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <string.h>
#include <sys/stat.h>

#include "postern/cert.h"
#include "postern/cmd.h"
#include "postern/put.h"

#define PASS_MAX 256

static int
no_memory(BIO *b)
{
	BIO_free(b);
	return cmd_fail("out of memory"), -ENOMEM;
}

static BIO *
certs_pem(STACK_OF(X509) *all)
{
	BIO *b = BIO_new(BIO_s_mem());

	for (int i = 0; b != NULL && i < sk_X509_num(all); i++) {
		if (PEM_write_bio_X509(b, sk_X509_value(all, i)) != 1) {
			BIO_free(b);
			return NULL;
		}
	}
	return b;
}

static BIO *
key_pem(EVP_PKEY *key)
{
	BIO *b = BIO_new(BIO_s_secmem());

	if (b != NULL && PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL,
		NULL) == 1)
		return b;
	BIO_free(b);
	return NULL;
}

int
cert_put_certs(const char *path, STACK_OF(X509) *all)
{
	BIO *b = certs_pem(all);
	int err = b == NULL ? no_memory(NULL) : put_file(path, b, 0644);

	BIO_free(b);
	return err;
}

int
cert_put_key(const char *path, EVP_PKEY *key)
{
	BIO *b = key_pem(key);
	int err = b == NULL ? no_memory(NULL) : put_file(path, b, 0400);

	BIO_free(b);
	return err;
}

int
cert_put_pair(const char *certs_path, STACK_OF(X509) *all,
    const char *key_path, EVP_PKEY *key)
{
	BIO *certs = certs_pem(all), *secret = key_pem(key);
	int err;

	err = certs == NULL || secret == NULL ? no_memory(NULL) :
	    put_write(key_path, secret, 0400);
	if (err == 0) {
		err = put_write(certs_path, certs, 0644);
		if (err)
			put_drop(key_path);
	}
	if (err == 0)
		err = put_place(key_path);
	if (err == 0)
		err = put_place(certs_path);
	BIO_free(certs);
	BIO_free(secret);
	return err;
}

/* The first line of a file that only its owner may read. */
static int
read_passphrase(const char *path, char mem[PASS_MAX])
{
	FILE *f = fopen(path, "re");
	struct stat st;
	bool got;

	if (f == NULL)
		return cmd_fail("%s: %s", path, strerror(errno)), -ENOENT;
	if (fstat(fileno(f), &st) != 0 || (st.st_mode & 077) != 0) {
		fclose(f);
		return cmd_fail("%s: holds a secret, and others than its owner "
		    "may read it; chmod 400 %s", path, path), -EPERM;
	}
	got = fgets(mem, PASS_MAX, f) != NULL;
	fclose(f);
	if (got)
		mem[strcspn(mem, "\r\n")] = '\0';
	if (!got || mem[0] == '\0')
		return cmd_fail("%s: its first line must be the passphrase",
		    path), -EBADMSG;
	return 0;
}

int
cert_put_p12(const char *path, const struct keypair *pair,
    const char *passphrase_file)
{
	STACK_OF(X509) *others = sk_X509_dup(pair->chain);
	X509 *leaf = sk_X509_value(pair->chain, 0);
	char pass[PASS_MAX];
	PKCS12 *p12 = NULL;
	BIO *b = NULL;
	int err = read_passphrase(passphrase_file, pass);

	if (err == 0 && others != NULL) {
		sk_X509_shift(others);
		p12 = PKCS12_create(pass, "Postern", pair->key, leaf, others,
		    0, 0, 0, 0, 0);
		b = BIO_new(BIO_s_mem());
	}
	if (err == 0)
		err = p12 == NULL || b == NULL || i2d_PKCS12_bio(b, p12) != 1 ?
		    no_memory(NULL) : put_file(path, b, 0400);
	secret_wipe(pass, sizeof(pass));
	BIO_free(b);
	PKCS12_free(p12);
	sk_X509_free(others);
	return err;
}
