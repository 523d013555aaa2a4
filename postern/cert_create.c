/*
 * `postern cert create`: an authority of one's own and a certificate by it,
 * with the names that phones use for this gate.
 */
#include <errno.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/cert.h"
#include "common/io/clock.h"
#include "postern/cert.h"
#include "postern/cmd.h"
#include "postern/put.h"
#include "postern/reload.h"

struct made {
	char dir[PATH_MAX - 256];
	char addrs[2 * CONF_LIST_MAX + 1][ADDR_TEXT_MAX];
	unsigned n_addrs;
	struct ca_want want;
	EVP_PKEY *ca_key;
	X509 *ca;
	struct keypair server;
	char ca_name[128];	/* as a file's name */
};

static const char *
file_in(const struct made *m, const char *name, char mem[PATH_MAX])
{
	snprintf(mem, PATH_MAX, "%s/%s", m->dir, name);
	return mem;
}

/* ---- names ---- */

static void
add_name(struct made *m, const char *name)
{
	for (unsigned i = 0; i < m->want.n_names; i++) {
		if (strcmp(m->want.names[i], name) == 0)
			return;
	}
	if (m->want.n_names < CA_NAMES_MAX)
		m->want.names[m->want.n_names++] = name;
}

static void
add_addrs(struct made *m, const struct addr *list, unsigned n)
{
	for (unsigned i = 0; i < n && m->n_addrs < 2 * CONF_LIST_MAX + 1;
	     i++) {
		char *mem = m->addrs[m->n_addrs++];
		struct buf b;

		buf_init(&b, mem, ADDR_TEXT_MAX - 1);
		addr_put_ip(&b, &list[i]);
		mem[b.len] = '\0';
		add_name(m, mem);
	}
}

/* All that a phone may have been told. */
static void
collect_names(struct made *m, const struct cert_args *a)
{
	const struct conf *c = &a->conf;

	add_name(m, c->domain);
	for (unsigned i = 0; i < c->n_aliases; i++)
		add_name(m, c->aliases[i]);
	if (c->public_how == PUBLIC_NAME)
		add_name(m, c->public_name);
	if (c->public_how == PUBLIC_ADDRESS)
		add_addrs(m, &c->public_addr, 1);
	add_addrs(m, c->external, c->n_external);
	add_addrs(m, c->internal, c->n_internal);
	for (unsigned i = 0; i < a->n_names; i++)
		add_name(m, a->names[i]);
}

/* ---- the authority ---- */

static int
make_ca(struct made *m, const struct cert_args *a)
{
	struct ca_want want = { .subject = a->subject, .is_ca = true,
		.now_s = clock_wall_s(), .days = a->ca_days, .crl = a->crl };
	const char *wrong = NULL;
	char name[CONF_NAME_MAX + 16];

	snprintf(name, sizeof(name), "Postern-CA-%.48s", a->conf.domain);
	want.subject.name = a->ca_name != NULL ? a->ca_name : name;
	m->ca_key = ca_key(a->key);
	if (m->ca_key == NULL)
		return cmd_fail("--key %s: use p256, p384, rsa2048, rsa3072 "
				"or rsa4096", a->key);
	m->ca = ca_make(&want, m->ca_key, NULL, m->ca_key, &wrong);
	return m->ca != NULL ? 0 : cmd_fail("the authority: %s", wrong);
}

static int
read_ca(struct made *m)
{
	struct keypair_files f = { 0 };
	char why[KEYPAIR_WHY_MAX];
	struct keypair_bytes bytes;
	struct keypair pair;

	if ((size_t)snprintf(f.certificate, sizeof(f.certificate),
		"%s/ca.crt", m->dir) >= sizeof(f.certificate) ||
	    (size_t)snprintf(f.key, sizeof(f.key), "%s/ca.key", m->dir) >=
		sizeof(f.key))
		return cmd_fail("%s: too long", m->dir);
	if (keypair_read(&f, geteuid(), &bytes, why) != 0)
		return cmd_fail("%s (the authority that `postern cert create` "
				"made)", why);
	if (keypair_parse(&bytes, clock_wall_s(), &pair, why) != 0) {
		keypair_wipe(&bytes);
		return cmd_fail("%s", why);
	}
	keypair_wipe(&bytes);
	m->ca_key = pair.key;
	m->ca = sk_X509_shift(pair.chain);
	sk_X509_pop_free(pair.chain, X509_free);
	return 0;
}

static int
put_ca(struct made *m)
{
	STACK_OF(X509) *one = sk_X509_new_null();
	char name[160], path[PATH_MAX];
	BIO *der = BIO_new(BIO_s_mem());
	int err = one == NULL || der == NULL ||
	    sk_X509_push(one, m->ca) <= 0 || i2d_X509_bio(der, m->ca) != 1;

	/* The key first: a certificate without it would be in the way. */
	err = err || cert_put_key(file_in(m, "ca.key", path), m->ca_key) ||
	    cert_put_certs(file_in(m, "ca.crt", path), one);
	snprintf(name, sizeof(name), "%s.crt", m->ca_name);
	err = err || cert_put_certs(file_in(m, name, path), one);
	snprintf(name, sizeof(name), "%s-der.crt", m->ca_name);
	err = err || put_file(file_in(m, name, path), der, 0644);
	BIO_free(der);
	sk_X509_free(one);
	return err;
}

/* ---- the server ---- */

static int
make_server(struct made *m, const struct cert_args *a)
{
	const char *wrong = NULL;
	X509 *x;

	m->want.subject = a->subject;
	if (m->want.subject.name == NULL)
		m->want.subject.name = strlen(a->conf.domain) <= 64 ?
		    a->conf.domain : "Postern";
	m->want.now_s = clock_wall_s();
	m->want.days = a->days;
	m->want.crl = a->crl;
	collect_names(m, a);
	m->server.key = ca_key(a->key);
	m->server.chain = sk_X509_new_null();
	if (m->server.key == NULL || m->server.chain == NULL)
		return cmd_fail("--key %s: use p256, p384, rsa2048, rsa3072 "
				"or rsa4096", a->key);
	x = ca_make(&m->want, m->server.key, m->ca, m->ca_key, &wrong);
	if (x == NULL)
		return cmd_fail("the server's certificate: %s", wrong);
	return sk_X509_push(m->server.chain, x) > 0 ? 0 : 1;
}

static int
put_server(struct made *m, const struct cert_args *a)
{
	char name[160], path[PATH_MAX], key[PATH_MAX];
	int err;

	err = cert_put_pair(file_in(m, "server.crt", path), m->server.chain,
	    file_in(m, "server.key", key), m->server.key);
	if (err != 0 || a->passphrase == NULL)
		return err;
	X509_up_ref(m->ca);
	if (sk_X509_push(m->server.chain, m->ca) <= 0)
		X509_free(m->ca);
	snprintf(name, sizeof(name), "BasedOn%s.p12", m->ca_name);
	return cert_put_p12(file_in(m, name, path), &m->server,
	    a->passphrase);
}

/* ---- all of it ---- */

static int
find_dir(struct made *m, const struct cert_args *a)
{
	const char *slash = strrchr(a->config, '/');
	char dir[PATH_MAX], path[PATH_MAX];
	struct stat st;
	bool there;

	if (a->dir != NULL)
		snprintf(dir, sizeof(dir), "%s", a->dir);
	else
		snprintf(dir, sizeof(dir), "%.*stls", slash == NULL ? 0 :
		    (int)(slash + 1 - a->config), a->config);
	if (mkdir(dir, 0755) != 0 && errno != EEXIST)
		return cmd_fail("%s: %s", dir, strerror(errno));
	if (realpath(dir, path) == NULL || strlen(path) >= sizeof(m->dir))
		return cmd_fail("%s: not usable as a folder", dir);
	memcpy(m->dir, path, strlen(path) + 1);
	if (stat(path, &st) != 0 || (st.st_mode & 022) != 0)
		return cmd_fail("%s: others may write there; chmod 755 it",
		    path);
	there = access(file_in(m, "ca.key", path), F_OK) == 0;
	if (there && !a->renew)
		return cmd_fail("%s exists: --renew makes a new server "
				"certificate by the same authority, so that "
				"phones need nothing; for a new authority "
				"move it away", path);
	if (!there && a->renew)
		return cmd_fail("%s is missing: without --renew everything "
				"is made anew", path);
	return 0;
}

static bool
is_configured(const struct made *m, const struct conf *c)
{
	char path[PATH_MAX];

	for (unsigned i = 0; i < c->n_tls_certificates; i++) {
		if (strcmp(c->tls_certificate[i],
			file_in(m, "server.crt", path)) == 0)
			return true;
	}
	return false;
}

static void
say_made(const struct made *m, const struct cert_args *a)
{
	printf("\nWritten to %s:\n"
	       "  server.crt, server.key  what the gate shows and signs with\n"
	       "  %s.crt        for phones: the authority, PEM\n"
	       "  %s-der.crt    the same as DER\n"
	       "  ca.key                  signs the next one; keep a copy "
	       "elsewhere\n", m->dir, m->ca_name, m->ca_name);
	if (a->passphrase != NULL)
		printf("  BasedOn%s.p12  certificate and key, under the "
		       "passphrase of %s\n", m->ca_name, a->passphrase);
	if (!is_configured(m, &a->conf))
		printf("\nTo use it, write into %s and start Postern anew:\n"
		       "  [tls]\n  certificate = %s/server.crt\n"
		       "  key = %s/server.key\n", a->config, m->dir, m->dir);
}

static int
make_all(struct made *m, struct cert_args *a)
{
	int err = find_dir(m, a);

	if (err == 0)
		err = a->renew ? read_ca(m) : make_ca(m, a);
	if (err)
		return err;
	ca_file_name(X509_get_subject_name(m->ca), m->ca_name,
	    sizeof(m->ca_name));
	err = make_server(m, a);
	if (err == 0 && !a->renew)
		err = put_ca(m);
	if (err == 0)
		err = put_server(m, a);
	if (err)
		return 1;
	if (!a->renew)
		cert_print(stdout, m->ca, NULL);
	cert_print(stdout, sk_X509_value(m->server.chain, 0), a->conf.domain);
	say_made(m, a);
	return is_configured(m, &a->conf) ?
	    reload_keyd(a->config, a->state, true) : 0;
}

int
cert_create(struct cert_args *a)
{
	static struct made m;
	int err;

	if (a->n_rest > 0)
		return cmd_fail("cert create takes options only, not %s",
		    a->rest[0]);
	err = make_all(&m, a);
	keypair_free(&m.server);
	EVP_PKEY_free(m.ca_key);
	X509_free(m.ca);
	return err;
}
