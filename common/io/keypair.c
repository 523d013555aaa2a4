#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/io/cert.h"
#include "common/io/keypair.h"
#include "common/ipc/table.h"

#define FILE_MAX 65536
#define CERTS_MAX 16		/* in one file */

static int
refuse(char why[KEYPAIR_WHY_MAX], int err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int
refuse(char why[KEYPAIR_WHY_MAX], int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, KEYPAIR_WHY_MAX, fmt, ap);
	va_end(ap);
	ERR_clear_error();
	return err;
}

/* ---- files ---- */

static bool
credential(const char *name, char to[CONF_PATH_MAX])
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");

	if (dir == NULL || (size_t)snprintf(to, CONF_PATH_MAX, "%s/%s", dir,
		name) >= CONF_PATH_MAX || access(to, F_OK) != 0) {
		to[0] = '\0';
		return false;
	}
	return true;
}

static void
credentials(unsigned i, bool p12, struct keypair_files *out)
{
	struct keypair_files f = { .credential = true };
	char name[32];

	snprintf(name, sizeof(name), "certificate-%u", i);
	if (!credential(name, f.certificate))
		return;
	snprintf(name, sizeof(name), "key-%u", i);
	if (!p12)
		credential(name, f.key);
	credential("passphrase", f.passphrase);
	*out = f;
}

void
keypair_files(const struct conf *c, unsigned i, struct keypair_files *out)
{
	bool p12 = conf_is_p12(c->tls_certificate[i]);
	unsigned k = 0;

	*out = (struct keypair_files){ 0 };
	for (unsigned n = 0; n < i; n++)
		k += !conf_is_p12(c->tls_certificate[n]);
	memcpy(out->certificate, c->tls_certificate[i], CONF_PATH_MAX);
	if (!p12)
		memcpy(out->key, c->tls_key[k], CONF_PATH_MAX);
	memcpy(out->passphrase, c->tls_passphrase_file, CONF_PATH_MAX);
	credentials(i, p12, out);
}

static int
check_secret(const char *path, const struct stat *st, uid_t owner,
    bool is_credential, char why[KEYPAIR_WHY_MAX])
{
	/* In a credential the group's bits are those of its ACL. */
	mode_t others = is_credential ? 037 : 077;

	if ((st->st_mode & others) != 0)
		return refuse(why, -EPERM, "%s: holds a secret, and others "
		    "than its owner may read it (mode %04o); chmod 400 %s",
		    path, st->st_mode & 07777, path);
	if (st->st_uid != 0 && st->st_uid != geteuid() && st->st_uid != owner)
		return refuse(why, -EPERM, "%s: holds a secret and belongs to "
		    "user %u, who could change it; chown root %s, or let "
		    "`postern cert install` copy it", path, st->st_uid, path);
	return 0;
}

static int
slurp(int fd, const char *path, off_t size, struct secret *out,
    char why[KEYPAIR_WHY_MAX])
{
	size_t got = 0;

	if (size <= 0 || size > FILE_MAX)
		return refuse(why, -EBADMSG, "%s: %s; name the right file",
		    path, size <= 0 ? "is empty" :
		    "is too long for a key or certificates");
	if (secret_new(out, (size_t)size) != 0)
		return refuse(why, -ENOMEM, "%s: no memory to lock; raise "
		    "RLIMIT_MEMLOCK", path);
	while (got < out->len) {
		ssize_t n = read(fd, out->p + got, out->len - got);

		if (n <= 0) {
			secret_free(out);
			return refuse(why, -EIO, "%s: cannot be read to its "
			    "end; try again", path);
		}
		got += (size_t)n;
	}
	return 0;
}

static int
read_file(const char *path, bool is_secret, uid_t owner, bool is_credential,
    struct secret *out, char why[KEYPAIR_WHY_MAX])
{
	/* Links are followed: ACME tools keep one to the newest.  Not waiting:
	 * it might be a pipe. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err;
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return refuse(why, -ENOENT, "%s: there is no such file; name "
		    "the right one in [tls], or make one: postern cert create",
		    path);
	if (fd < 0)
		return refuse(why, -errno, "%s: cannot be read (%s); start as "
		    "root, or give it to the user of keyd", path,
		    strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		err = refuse(why, -EBADMSG, "%s: is no plain file; name the "
		    "right one", path);
	else
		err = is_secret ? check_secret(path, &st, owner,
		    is_credential, why) : 0;
	if (err == 0)
		err = slurp(fd, path, st.st_size, out, why);
	close(fd);
	return err;
}

int
keypair_read(const struct keypair_files *f, uid_t owner,
    struct keypair_bytes *out, char why[KEYPAIR_WHY_MAX])
{
	bool p12 = f->key[0] == '\0';
	int err;

	*out = (struct keypair_bytes){ .files = *f };
	err = read_file(f->certificate, p12, owner, f->credential,
	    &out->certificate, why);
	if (err == 0 && !p12)
		err = read_file(f->key, true, owner, f->credential, &out->key,
		    why);
	if (err == 0 && f->passphrase[0] != '\0')
		err = read_file(f->passphrase, true, owner, f->credential,
		    &out->passphrase, why);
	if (err)
		keypair_wipe(out);
	return err;
}

void
keypair_wipe(struct keypair_bytes *b)
{
	secret_free(&b->certificate);
	secret_free(&b->key);
	secret_free(&b->passphrase);
}

/* ---- passphrase ---- */

struct pass {
	const struct secret *file;
	bool asked;
};

/* The first line. */
static int
pass_copy(const struct secret *file, char *to, int size)
{
	size_t n = 0;

	while (n < file->len && file->p[n] != '\n' && file->p[n] != '\r')
		n++;
	if (n >= (size_t)size)
		return 0;
	if (n > 0)
		memcpy(to, file->p, n);
	to[n] = '\0';
	return (int)n;
}

static int
on_passphrase(char *to, int size, int writing, void *arg)
{
	struct pass *p = arg;

	p->asked = true;
	return p->file->p == NULL ? 0 : pass_copy(p->file, to, size);
}

static int
refuse_passphrase(const struct keypair_bytes *b, const char *path,
    char why[KEYPAIR_WHY_MAX])
{
	if (b->passphrase.p == NULL)
		return refuse(why, -EACCES, "%s: is encrypted; set [tls] "
		    "passphrase_file to a file with its passphrase, or "
		    "decrypt it: openssl pkey -in FILE -out NEW", path);
	return refuse(why, -EACCES, "%s: the first line of %s does not open "
	    "it; correct the passphrase", path, b->files.passphrase);
}

/* ---- PEM ---- */

static BIO *
bio_of(const struct secret *s)
{
	return BIO_new_mem_buf(s->p, (int)s->len);
}

static STACK_OF(X509) *
certs_of(BIO *in)
{
	STACK_OF(X509) *all = sk_X509_new_null();
	X509 *x;

	while (all != NULL && sk_X509_num(all) < CERTS_MAX &&
	       (x = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
		if (sk_X509_push(all, x) <= 0)
			X509_free(x);
	}
	ERR_clear_error();	/* the end of the file */
	return all;
}

static int
parse_pem(const struct keypair_bytes *b, struct keypair *out,
    char why[KEYPAIR_WHY_MAX])
{
	struct pass pass = { &b->passphrase, false };
	BIO *in = bio_of(&b->certificate);

	if (in != NULL)
		out->chain = certs_of(in);
	BIO_free(in);
	if (out->chain == NULL || sk_X509_num(out->chain) == 0)
		return refuse(why, -EBADMSG, "%s: holds no certificate in "
		    "PEM; for DER: openssl x509 -inform DER -in FILE -out NEW",
		    b->files.certificate);
	in = bio_of(&b->key);
	if (in != NULL)
		out->key = PEM_read_bio_PrivateKey(in, NULL, on_passphrase,
		    &pass);
	BIO_free(in);
	if (out->key != NULL)
		return 0;
	if (pass.asked)
		return refuse_passphrase(b, b->files.key, why);
	return refuse(why, -EBADMSG, "%s: holds no private key in PEM; for "
	    "DER: openssl pkey -inform DER -in FILE -out NEW", b->files.key);
}

/* ---- PKCS#12 ---- */

static int
parse_p12(const struct keypair_bytes *b, struct keypair *out,
    char why[KEYPAIR_WHY_MAX])
{
	BIO *in = bio_of(&b->certificate);
	PKCS12 *p12 = in == NULL ? NULL : d2i_PKCS12_bio(in, NULL);
	X509 *leaf = NULL;
	char pass[1024] = "";
	int err = 0;

	BIO_free(in);
	if (p12 == NULL)
		return refuse(why, -EBADMSG, "%s: is no PKCS#12 file; name "
		    "PEM files .pem, .crt or .key", b->files.certificate);
	if (b->passphrase.p != NULL)
		pass_copy(&b->passphrase, pass, sizeof(pass));
	/* No passphrase may mean an empty one, or none. */
	if (PKCS12_verify_mac(p12, pass, -1) != 1 &&
	    (pass[0] != '\0' || PKCS12_verify_mac(p12, NULL, 0) != 1))
		err = refuse_passphrase(b, b->files.certificate, why);
	else if (PKCS12_parse(p12, pass, &out->key, &leaf, &out->chain) != 1)
		err = refuse(why, -ENOTSUP, "%s: is encrypted in an old way; "
		    "make it anew: openssl pkcs12 -legacy -in FILE -nodes | "
		    "openssl pkcs12 -export -out NEW", b->files.certificate);
	secret_wipe(pass, sizeof(pass));
	PKCS12_free(p12);
	if (err == 0 && out->chain == NULL)
		out->chain = sk_X509_new_null();
	if (leaf != NULL && (out->chain == NULL ||
		sk_X509_unshift(out->chain, leaf) <= 0))
		X509_free(leaf);
	if (err == 0 && (out->key == NULL || sk_X509_num(out->chain) <= 0))
		err = refuse(why, -EBADMSG, "%s: lacks a key or its "
		    "certificate; export both", b->files.certificate);
	return err;
}

/* ---- what we sign with ---- */

static int
check_key(const EVP_PKEY *key, const char *path, char why[KEYPAIR_WHY_MAX])
{
	int bits = EVP_PKEY_get_bits(key);
	char group[32] = "";
	size_t len;

	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_ED25519:
		return 0;
	case EVP_PKEY_RSA:
		if (bits >= KEYPAIR_RSA_MIN && bits <= KEYPAIR_RSA_MAX)
			return 0;
		return refuse(why, -ENOTSUP, "%s: RSA with %d bits is too %s; "
		    "use EC P-256, or RSA with %d to %d", path, bits,
		    bits < KEYPAIR_RSA_MIN ? "weak" : "slow", KEYPAIR_RSA_MIN,
		    KEYPAIR_RSA_MAX);
	case EVP_PKEY_EC:
		EVP_PKEY_get_group_name(key, group, sizeof(group), &len);
		if (strcmp(group, "prime256v1") == 0 ||
		    strcmp(group, "secp384r1") == 0)
			return 0;
		return refuse(why, -ENOTSUP, "%s: the curve %.32s is not one "
		    "that phones know; use EC P-256 or P-384", path, group);
	default:
		return refuse(why, -ENOTSUP, "%s: keys of that kind are not "
		    "supported; use EC P-256 or P-384, RSA or Ed25519", path);
	}
}

/* ---- the chain ---- */

/* Take the certificate out of `rest` that this key belongs to. */
static X509 *
take_leaf(STACK_OF(X509) *rest, EVP_PKEY *key)
{
	for (int i = 0; i < sk_X509_num(rest); i++) {
		if (X509_check_private_key(sk_X509_value(rest, i), key) == 1)
			return sk_X509_delete(rest, i);
	}
	return NULL;
}

static X509 *
take_issuer(STACK_OF(X509) *rest, X509 *of)
{
	for (int i = 0; i < sk_X509_num(rest); i++) {
		if (X509_check_issued(sk_X509_value(rest, i), of) == X509_V_OK)
			return sk_X509_delete(rest, i);
	}
	return NULL;
}

/* Leaf first, each followed by its issuer; what does not belong is dropped. */
static int
sort_chain(struct keypair *k, const char *path, char why[KEYPAIR_WHY_MAX])
{
	STACK_OF(X509) *sorted = sk_X509_new_null(), *rest = k->chain;
	X509 *x = take_leaf(rest, k->key);

	if (sorted == NULL || x == NULL) {
		X509_free(x);
		sk_X509_free(sorted);
		return refuse(why, -ENOKEY, "%s: the key is that of another "
		    "certificate; install both files of one", path);
	}
	while (x != NULL) {
		if (sk_X509_push(sorted, x) <= 0) {
			X509_free(x);
			break;
		}
		x = take_issuer(rest, x);
	}
	sk_X509_pop_free(rest, X509_free);
	k->chain = sorted;
	ERR_clear_error();
	return 0;
}

static int
check_time(const struct keypair *k, const char *path, int64_t now_s,
    char why[KEYPAIR_WHY_MAX])
{
	struct cert_facts f;

	cert_facts(sk_X509_value(k->chain, 0), &f);
	if (f.until_s > now_s)
		return 0;
	return refuse(why, -EKEYEXPIRED, "%s: expired %lld days ago; install "
	    "a new one: postern cert install, or postern cert create --renew",
	    path, (long long)-cert_days_left(f.until_s, now_s));
}

int
keypair_parse(const struct keypair_bytes *b, int64_t now_s,
    struct keypair *out, char why[KEYPAIR_WHY_MAX])
{
	bool p12 = b->key.p == NULL;
	struct keypair k = { 0 };
	char der[IPC_CHAIN_MAX];
	struct buf chain;
	int err;

	err = p12 ? parse_p12(b, &k, why) : parse_pem(b, &k, why);
	if (err == 0)
		err = check_key(k.key, p12 ? b->files.certificate :
		    b->files.key, why);
	if (err == 0)
		err = sort_chain(&k, b->files.certificate, why);
	if (err == 0)
		err = check_time(&k, b->files.certificate, now_s, why);
	buf_init(&chain, der, sizeof(der));
	if (err == 0 && keypair_chain(&k, &chain) != 0)
		err = refuse(why, -EMSGSIZE, "%s: the certificates are longer "
		    "than %d bytes together; leave out those that phones have",
		    b->files.certificate, IPC_CHAIN_MAX);
	if (err)
		keypair_free(&k);
	else
		*out = k;
	return err;
}

void
keypair_free(struct keypair *k)
{
	EVP_PKEY_free(k->key);
	sk_X509_pop_free(k->chain, X509_free);
	*k = (struct keypair){ 0 };
}

int
keypair_chain(const struct keypair *k, struct buf *out)
{
	for (int i = 0; i < sk_X509_num(k->chain); i++) {
		unsigned char *der = NULL;
		int n = i2d_X509(sk_X509_value(k->chain, i), &der);

		if (n <= 0)
			return -ENOMEM;
		buf_put(out, span_make(der, (size_t)n));
		OPENSSL_free(der);
	}
	return buf_err(out);
}

STACK_OF(X509) *
keypair_certificates(const char *path, char why[KEYPAIR_WHY_MAX])
{
	STACK_OF(X509) *all;
	struct secret bytes;
	X509 *x;
	BIO *in;

	if (read_file(path, false, 0, false, &bytes, why) != 0)
		return NULL;
	in = bio_of(&bytes);
	all = in == NULL ? NULL : certs_of(in);
	if (all != NULL && sk_X509_num(all) == 0 && BIO_reset(in) == 1 &&
	    (x = d2i_X509_bio(in, NULL)) != NULL && sk_X509_push(all, x) <= 0)
		X509_free(x);
	BIO_free(in);
	secret_free(&bytes);
	ERR_clear_error();
	if (all != NULL && sk_X509_num(all) > 0)
		return all;
	sk_X509_free(all);
	refuse(why, -EBADMSG, "%s: holds no certificate, neither PEM nor DER; "
	    "name the right file", path);
	return NULL;
}
