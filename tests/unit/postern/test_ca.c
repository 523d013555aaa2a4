/* Certificates made by `postern cert`, and files of keys as keyd takes them. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/cert.h"
#include "postern/cert.h"
#include "postern/put.h"
#include "tests/unit/postern/suite.h"

#define NOW 1800000000
#define DAY 86400

static char dir[64], why[KEYPAIR_WHY_MAX];
static struct keypair_files files;
static EVP_PKEY *root_key, *key;
static X509 *root, *leaf;

static X509 *
make(EVP_PKEY *of, X509 *issuer, EVP_PKEY *by, unsigned days)
{
	struct ca_want w = { .subject = { "DE", "Office", "SIP", issuer ?
		"sip.example.org" : "Office CA" }, .is_ca = issuer == NULL,
		.now_s = NOW, .days = days, .names = { "sip.example.org",
		"*.pbx.example", "192.0.2.7", "2001:db8::7", "a@example.org" },
		.n_names = issuer == NULL ? 0 : 5,
		.crl = "http://crl.example.org/x" };
	const char *wrong = NULL;
	X509 *x = ca_make(&w, of, issuer, by, &wrong);

	ck_assert_msg(x != NULL, "%s", wrong);
	return x;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	return remove(path);
}

static void
setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/postern-ca-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	files = (struct keypair_files){ 0 };
	snprintf(files.certificate, CONF_PATH_MAX, "%s/c.pem", dir);
	snprintf(files.key, CONF_PATH_MAX, "%s/k.pem", dir);
	root_key = ca_key("p256");
	key = ca_key("p256");
	root = make(root_key, NULL, root_key, 3650);
	leaf = make(key, root, root_key, 398);
}

static void
teardown(void)
{
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	X509_free(root);
	X509_free(leaf);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(key);
}

/* Write certificates and the key; then read and parse. */
static int
load(X509 *a, X509 *b, EVP_PKEY *k, int64_t now, struct keypair *out)
{
	STACK_OF(X509) *all = sk_X509_new_null();
	struct keypair_bytes bytes;
	int err;

	sk_X509_push(all, a);
	if (b != NULL)
		sk_X509_push(all, b);
	ck_assert_int_eq(cert_put_certs(files.certificate, all), 0);
	if (k != NULL)
		ck_assert_int_eq(cert_put_key(files.key, k), 0);
	sk_X509_free(all);
	err = keypair_read(&files, geteuid(), &bytes, why);
	if (err)
		return err;
	err = keypair_parse(&bytes, now, out, why);
	keypair_wipe(&bytes);
	return err;
}

/* ---- made ---- */

START_TEST(a_server_certificate_has_the_seeds_fields_at_todays_strength)
{
	STACK_OF(X509) *trusted = sk_X509_new_null();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *p;
	struct cert_facts f;

	cert_facts(leaf, &f);
	ck_assert_str_eq(f.subject,
	    "C = DE, O = Office, OU = SIP, CN = sip.example.org");
	ck_assert_str_eq(f.issuer, "C = DE, O = Office, OU = SIP, "
	    "CN = Office CA");
	ck_assert_str_eq(f.names, "sip.example.org, *.pbx.example, 192.0.2.7, "
	    "2001:db8::7, a@example.org");
	ck_assert_str_eq(f.key, "EC P-256");
	ck_assert_uint_eq(strlen(f.serial), 16 * 3 - 1);
	ck_assert_int_eq(cert_days_left(f.until_s, NOW), 398);
	ck_assert(!f.is_ca);
	ck_assert_uint_eq(X509_get_extension_flags(leaf) & EXFLAG_CA, 0);
	ck_assert(cert_is_for(leaf, "sip.example.org"));
	ck_assert(cert_is_for(leaf, "a.pbx.example"));
	ck_assert(cert_is_for(leaf, "192.0.2.7"));
	ck_assert(cert_is_for(leaf, "2001:db8::7"));
	ck_assert(!cert_is_for(leaf, "other.example.org"));
	ck_assert(!cert_is_for(leaf, "192.0.2.8"));
	ck_assert_int_ge(X509_get_ext_by_NID(leaf,
	    NID_crl_distribution_points, -1), 0);
	ck_assert_int_eq(X509_get_signature_nid(leaf),
	    NID_ecdsa_with_SHA256);
	/* it is good, for a server, under that authority */
	sk_X509_push(trusted, root);
	X509_STORE_CTX_init(ctx, NULL, leaf, NULL);
	X509_STORE_CTX_set0_trusted_stack(ctx, trusted);
	p = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(p, NOW);
	X509_VERIFY_PARAM_set_purpose(p, X509_PURPOSE_SSL_SERVER);
	X509_VERIFY_PARAM_set_auth_level(p, 2);
	X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_X509_STRICT);
	ck_assert_msg(X509_verify_cert(ctx) == 1, "%s",
	    X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
	X509_STORE_CTX_free(ctx);
	sk_X509_free(trusted);
}
END_TEST

START_TEST(no_certificate_outlives_its_issuer)
{
	X509 *short_root = make(root_key, NULL, root_key, 10);
	X509 *x = make(key, short_root, root_key, 398);
	struct cert_facts f;

	cert_facts(x, &f);
	ck_assert_int_eq(cert_days_left(f.until_s, NOW), 10);
	X509_free(x);
	X509_free(short_root);
}
END_TEST

START_TEST(a_subject_that_does_not_fit_is_refused)
{
	struct ca_want w = { .subject = { .country = "Germany", .name = "x" },
		.now_s = NOW, .days = 1 };
	const char *wrong = NULL;

	ck_assert_ptr_null(ca_make(&w, key, NULL, key, &wrong));
	ck_assert_ptr_nonnull(strstr(wrong, "two letters"));
}
END_TEST

START_TEST(a_common_name_becomes_a_harmless_file_name)
{
	X509_NAME *n = X509_NAME_new();
	char mem[64];

	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8,
	    (const unsigned char *)"../a/b c\n", -1, -1, 0);
	ca_file_name(n, mem, sizeof(mem));
	ck_assert_str_eq(mem, "_._a_b c_");
	X509_NAME_free(n);
}
END_TEST

/* ---- read ---- */

START_TEST(chain_and_key_are_taken_in_any_order)
{
	struct keypair k;

	ck_assert_int_eq(load(leaf, root, key, NOW, &k), 0);
	ck_assert_int_eq(sk_X509_num(k.chain), 2);
	keypair_free(&k);
	ck_assert_int_eq(load(root, leaf, key, NOW, &k), 0);
	ck_assert_int_eq(sk_X509_num(k.chain), 2);
	ck_assert_int_eq(X509_cmp(sk_X509_value(k.chain, 0), leaf), 0);
	ck_assert_int_eq(X509_cmp(sk_X509_value(k.chain, 1), root), 0);
	keypair_free(&k);
	/* a stranger among them is left out */
	ck_assert_int_eq(load(leaf, leaf, key, NOW, &k), 0);
	ck_assert_int_eq(sk_X509_num(k.chain), 1);
	keypair_free(&k);
}
END_TEST

START_TEST(what_does_not_belong_together_is_refused)
{
	struct keypair k;

	ck_assert_int_eq(load(leaf, root, root_key, NOW, &k), 0);
	ck_assert_int_eq(X509_cmp(sk_X509_value(k.chain, 0), root), 0);
	keypair_free(&k);
	ck_assert_int_eq(load(leaf, NULL, root_key, NOW, &k), -ENOKEY);
	ck_assert_ptr_nonnull(strstr(why, "another certificate"));
	ck_assert_int_eq(load(leaf, NULL, key, NOW + 399 * DAY, &k),
	    -EKEYEXPIRED);
	ck_assert_ptr_nonnull(strstr(why, "expired"));
}
END_TEST

static const struct {
	const char *kind;
	int err;
	const char *says;
} kinds[] = {
	{ "p256", 0, "" }, { "p384", 0, "" }, { "rsa2048", 0, "" },
	{ "RSA 1024", -ENOTSUP, "too weak" },
	{ "P-521", -ENOTSUP, "not one that phones know" },
	{ "ED25519", 0, "" },
	{ "ED448", -ENOTSUP, "not supported" },
};

static EVP_PKEY *
odd_key(const char *kind)
{
	if (strcmp(kind, "RSA 1024") == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	if (strcmp(kind, "P-521") == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521");
	return EVP_PKEY_Q_keygen(NULL, NULL, kind);
}

START_TEST(keys_that_phones_know_and_no_others)
{
	EVP_PKEY *k = ca_key(kinds[_i].kind);
	struct keypair pair;
	X509 *x;

	if (k == NULL)
		k = odd_key(kinds[_i].kind);
	ck_assert_ptr_nonnull(k);
	x = make(k, root, root_key, 10);
	ck_assert_msg(load(x, NULL, k, NOW, &pair) == kinds[_i].err, "%s: %s",
	    kinds[_i].kind, why);
	if (kinds[_i].err == 0)
		keypair_free(&pair);
	else
		ck_assert_ptr_nonnull(strstr(why, kinds[_i].says));
	X509_free(x);
	EVP_PKEY_free(k);
}
END_TEST

static void
write_text(const char *path, const char *text)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT, 0400);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

START_TEST(files_that_others_may_read_or_that_are_none)
{
	struct keypair_bytes b;
	struct keypair k;

	ck_assert_int_eq(load(leaf, NULL, key, NOW, &k), 0);
	keypair_free(&k);
	for (mode_t mode = 0001; mode <= 0040; mode <<= 1) {
		chmod(files.key, 0400 | mode);
		ck_assert_int_eq(keypair_read(&files, geteuid(), &b, why),
		    -EPERM);
		ck_assert_ptr_nonnull(strstr(why, "chmod 400"));
	}
	if (geteuid() == 0) {	/* somebody else's */
		chmod(files.key, 0400);
		ck_assert_int_eq(chown(files.key, 12345, 0), 0);
		ck_assert_int_eq(keypair_read(&files, 0, &b, why), -EPERM);
		ck_assert_int_eq(keypair_read(&files, 12345, &b, why), 0);
		keypair_wipe(&b);
	}
	unlink(files.key);
	ck_assert_int_eq(keypair_read(&files, geteuid(), &b, why), -ENOENT);
	ck_assert_int_eq(mkfifo(files.key, 0400), 0);	/* and no waiting */
	ck_assert_int_eq(keypair_read(&files, geteuid(), &b, why), -EBADMSG);
	write_text(files.key, "");
	ck_assert_int_eq(keypair_read(&files, geteuid(), &b, why), -EBADMSG);
	write_text(files.key, "not a key");
	ck_assert_int_eq(load(leaf, NULL, NULL, NOW, &k), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(why, "no private key"));
	write_text(files.certificate, "not a certificate");
	ck_assert_int_eq(keypair_read(&files, geteuid(), &b, why), 0);
	ck_assert_int_eq(keypair_parse(&b, NOW, &k, why), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(why, "no certificate"));
	keypair_wipe(&b);
}
END_TEST

START_TEST(an_encrypted_key_needs_its_passphrase)
{
	BIO *b = BIO_new(BIO_s_mem());
	struct keypair k;
	char path[96];

	PEM_write_bio_PrivateKey(b, key, EVP_aes_256_cbc(), NULL, 0, NULL,
	    (void *)(uintptr_t)"secret word");
	ck_assert_int_eq(put_file(files.key, b, 0400), 0);
	BIO_free(b);
	ck_assert_int_eq(load(leaf, NULL, NULL, NOW, &k), -EACCES);
	ck_assert_ptr_nonnull(strstr(why, "passphrase_file"));
	snprintf(path, sizeof(path), "%s/pass", dir);
	snprintf(files.passphrase, CONF_PATH_MAX, "%s", path);
	write_text(path, "wrong\n");
	ck_assert_int_eq(load(leaf, NULL, NULL, NOW, &k), -EACCES);
	ck_assert_ptr_nonnull(strstr(why, "does not open"));
	write_text(path, "secret word\nmore\n");
	ck_assert_int_eq(load(leaf, NULL, NULL, NOW, &k), 0);
	keypair_free(&k);
}
END_TEST

START_TEST(pkcs12_holds_both)
{
	struct keypair_bytes b;
	struct keypair k, got;
	char path[96];

	ck_assert_int_eq(load(leaf, root, key, NOW, &k), 0);
	snprintf(path, sizeof(path), "%s/pass", dir);
	write_text(path, "secret word\n");
	snprintf(files.certificate, CONF_PATH_MAX, "%s/x.p12", dir);
	files.key[0] = '\0';
	ck_assert_int_eq(cert_put_p12(files.certificate, &k, path), 0);
	ck_assert_int_eq(keypair_read(&files, geteuid(), &b, why), 0);
	ck_assert_int_eq(keypair_parse(&b, NOW, &got, why), -EACCES);
	keypair_wipe(&b);
	snprintf(files.passphrase, CONF_PATH_MAX, "%s", path);
	ck_assert_int_eq(keypair_read(&files, geteuid(), &b, why), 0);
	ck_assert_int_eq(keypair_parse(&b, NOW, &got, why), 0);
	ck_assert_int_eq(sk_X509_num(got.chain), 2);
	ck_assert_int_eq(X509_cmp(sk_X509_value(got.chain, 0), leaf), 0);
	keypair_wipe(&b);
	keypair_free(&k);
	keypair_free(&got);
}
END_TEST

START_TEST(the_files_of_each_certificate_of_the_configuration)
{
	struct conf c = { .n_tls_certificates = 3, .n_tls_keys = 2,
		.tls_certificate = { "/a.pem", "/b.p12", "/c.pem" },
		.tls_key = { "/a.key", "/c.key" },
		.tls_passphrase_file = "/pass" };
	struct keypair_files f;
	char path[96];

	keypair_files(&c, 0, &f);
	ck_assert_str_eq(f.key, "/a.key");
	keypair_files(&c, 1, &f);
	ck_assert_str_eq(f.certificate, "/b.p12");
	ck_assert_str_eq(f.key, "");
	keypair_files(&c, 2, &f);
	ck_assert_str_eq(f.key, "/c.key");
	ck_assert_str_eq(f.passphrase, "/pass");
	ck_assert(!f.credential);
	/* systemd hands them over */
	snprintf(path, sizeof(path), "%s/certificate-2", dir);
	write_text(path, "x");
	snprintf(path, sizeof(path), "%s/key-2", dir);
	write_text(path, "x");
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	keypair_files(&c, 2, &f);
	unsetenv("CREDENTIALS_DIRECTORY");
	ck_assert_str_eq(f.key, path);
	ck_assert(f.credential);
}
END_TEST

/* ---- replaced ---- */

START_TEST(a_file_is_replaced_whole)
{
	BIO *b = BIO_new(BIO_s_mem());
	char path[96], got[8] = "";
	struct stat st;
	int held, fd;

	snprintf(path, sizeof(path), "%s/f", dir);
	write_text(path, "old");
	held = open(path, O_RDONLY);
	BIO_puts(b, "new");
	ck_assert_int_eq(put_file(path, b, 0400), 0);
	BIO_free(b);
	/* who reads the old one reads it to its end */
	ck_assert_int_eq(read(held, got, sizeof(got)), 3);
	ck_assert_mem_eq(got, "old", 3);
	fd = open(path, O_RDONLY);
	ck_assert_int_eq(read(fd, got, sizeof(got)), 3);
	ck_assert_mem_eq(got, "new", 3);
	fstat(fd, &st);
	ck_assert_uint_eq(st.st_mode & 07777, 0400);
	close(fd);
	close(held);
	/* phones' files are for all, whatever root's umask says */
	umask(077);
	b = BIO_new(BIO_s_mem());
	ck_assert_int_eq(put_file(path, b, 0644), 0);
	BIO_free(b);
	stat(path, &st);
	ck_assert_uint_eq(st.st_mode & 07777, 0644);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		a_server_certificate_has_the_seeds_fields_at_todays_strength,
		no_certificate_outlives_its_issuer,
		a_subject_that_does_not_fit_is_refused,
		a_common_name_becomes_a_harmless_file_name,
		chain_and_key_are_taken_in_any_order,
		what_does_not_belong_together_is_refused,
		files_that_others_may_read_or_that_are_none,
		an_encrypted_key_needs_its_passphrase, pkcs12_holds_both,
		the_files_of_each_certificate_of_the_configuration,
		a_file_is_replaced_whole };
	Suite *s = suite_create("certificates");
	TCase *c = tcase_create("certificates");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(c, tests[i]);
	tcase_add_loop_test(c, keys_that_phones_know_and_no_others, 0,
	    sizeof(kinds) / sizeof(kinds[0]));
	suite_add_tcase(s, c);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
