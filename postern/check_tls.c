/* `postern check`: certificates, as phones will see them, and their keys. */
#include <errno.h>
#include <limits.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

#include "common/io/cage.h"
#include "common/io/cert.h"
#include "common/io/clock.h"
#include "common/io/keypair.h"
#include "postern/check.h"
#include "postern/json.h"

#define SOON_DAYS 30
#define VERY_SOON_DAYS 7
#define LAST_DAY 1

/* ---- one certificate ---- */

static void
check_days(struct check *k, const char *file, const struct cert_facts *facts)
{
	int64_t now = clock_wall_s(), left;
	enum finding_level level;
	struct finding *f;

	left = cert_days_left(facts->until_s, now);
	if (facts->from_s > now) {
		f = finding_new(k->found, FINDING_ERROR,
		    "certificate-not-yet");
		finding_what(f, "%s is not valid yet: no phone believes it",
		    file);
		finding_seen(f, "it begins in %lld hours by this machine's "
				"clock", (long long)(facts->from_s - now) /
		    3600 + 1);
		finding_do(f, "set the clock right if it is behind; else "
			      "install the right certificate");
		return;
	}
	if (left > SOON_DAYS) {
		finding_note(k->found, "certificate", "%s is good for %lld "
		    "days", file, (long long)left);
		return;
	}
	level = left > LAST_DAY ? FINDING_WARNING : FINDING_ERROR;
	f = finding_new(k->found, level,
	    left < 0 ? "certificate-expired" : "certificate-ends");
	if (left < 0)
		finding_what(f, "%s has expired: no phone believes it", file);
	else
		finding_what(f, "%s is good for %lld days%s", file,
		    (long long)left, left <= VERY_SOON_DAYS ?
			"; then TLS phones are cut off" : "");
	finding_seen(f, "it is of %s and ends %lld days from now",
	    facts->subject, (long long)left);
	finding_do(f, "`postern cert create --renew`, or your ACME tool; then "
		      "`postern cert install` or `postern reload`");
}

static void
wrong_name(struct check *k, const char *file, const struct cert_facts *facts,
    const char *name)
{
	struct finding *f = finding_new(k->found, FINDING_WARNING,
	    "certificate-name");

	finding_what(f, "%s names %s, not %s: phones that check will refuse "
			"it", file, facts->names, name);
	finding_seen(f, "subjectAltName: %s", facts->names);
	finding_do(f, "postern cert create --renew --name %s, or a certificate "
		      "of your provider for that name", name);
}

/* What phones may have been given as their server. */
static void
check_names_of(struct check *k, X509 *x, const char *file,
    const struct cert_facts *facts)
{
	const struct conf *c = k->conf;
	char ip[ADDR_TEXT_MAX + 1] = "";
	struct addr public;
	struct buf b;

	if (!cert_is_for(x, c->domain))
		wrong_name(k, file, facts, c->domain);
	if (c->public_how == PUBLIC_NAME &&
	    strcasecmp(c->public_name, c->domain) != 0 &&
	    !cert_is_for(x, c->public_name))
		wrong_name(k, file, facts, c->public_name);
	public = check_public(c, check_said(k, "stunmon"));
	if (public.family == ADDR_NONE || !c->accept_ip)
		return;
	buf_init(&b, ip, sizeof(ip) - 1);
	addr_put_ip(&b, &public);
	ip[b.len] = '\0';
	if (!cert_is_for(x, ip))
		finding_note(k->found, "certificate-address", "%s does not "
		    "name the public address %s: give TLS phones the name %s",
		    file, ip, c->domain);
}

/* ---- its chain ---- */

static void
add_file(X509_STORE *store, const char *file, const char *beside)
{
	const char *slash = strrchr(beside, '/');
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%.*s/%s",
		slash == NULL ? 1 : (int)(slash - beside),
		slash == NULL ? "." : beside, file) < sizeof(path))
		X509_STORE_load_file(store, path);
}

/* Does it lead to an authority this machine knows, or to our own? */
static bool
leads_to_authority(STACK_OF(X509) *all, const char *file, int *why_out)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_STORE *store = X509_STORE_new();
	bool good = false;

	if (ctx != NULL && store != NULL) {
		X509_STORE_set_default_paths(store);
		add_file(store, "ca.crt", file);
		/* A self-signed one is its own; dates are told elsewhere. */
		X509_STORE_set_flags(store, X509_V_FLAG_NO_CHECK_TIME);
		if (X509_check_issued(sk_X509_value(all, 0),
			sk_X509_value(all, 0)) == X509_V_OK)
			X509_STORE_add_cert(store, sk_X509_value(all, 0));
		good = X509_STORE_CTX_init(ctx, store, sk_X509_value(all, 0),
			   all) == 1 && X509_verify_cert(ctx) == 1;
		*why_out = X509_STORE_CTX_get_error(ctx);
	}
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return good;
}

/* With its issuers in the file, only the authority itself may be unknown:
 * phones have their own list. */
static bool
is_linked(STACK_OF(X509) *all)
{
	for (int i = 0; i + 1 < sk_X509_num(all); i++) {
		if (X509_check_issued(sk_X509_value(all, i + 1),
			sk_X509_value(all, i)) != X509_V_OK)
			return false;
	}
	return sk_X509_num(all) > 1;
}

static void
check_chain(struct check *k, STACK_OF(X509) *all, const char *file,
    const struct cert_facts *facts)
{
	struct finding *f;
	int why = 0;

	if (leads_to_authority(all, file, &why) || is_linked(all))
		return;
	f = finding_new(k->found, FINDING_WARNING, "certificate-chain");
	finding_what(f, "%s lacks the certificates between it and its "
			"authority: phones that check will refuse it", file);
	finding_seen(f, "%d in the file, issued by %s: %s", sk_X509_num(all),
	    facts->issuer, X509_verify_cert_error_string(why));
	finding_do(f, "install the full chain (fullchain.pem of ACME tools): "
		      "postern cert install FULLCHAIN.PEM KEY.PEM");
}

/* ---- keys, and what keyd uses ---- */

static void
check_key(struct check *k, const struct keypair_files *files)
{
	char why[KEYPAIR_WHY_MAX];
	struct keypair_bytes bytes;
	struct keypair pair;
	struct finding *f;
	int err;

	err = keypair_read(files, (uid_t)cage_role_uid(ROLE_KEY), &bytes, why);
	if (err == 0) {
		/* its dates are told elsewhere */
		err = keypair_parse(&bytes, 0, &pair, why);
		keypair_wipe(&bytes);
	}
	if (err == 0) {
		keypair_free(&pair);
		return;
	}
	f = finding_new(k->found, FINDING_ERROR, "tls-key");
	finding_what(f, "the TLS key or its file is not right: keyd refuses "
			"it");
	finding_seen(f, "%s", why);
	finding_do(f, "as it says; `postern cert install` puts files in place "
		      "with the right owner and mode");
}

/* The file was changed, and the process does not know. */
static void
check_in_use(struct check *k, unsigned i, const char *file,
    const struct cert_facts *facts)
{
	struct span said = check_said(k, "keyd"), list, one;
	struct finding *f;
	uint64_t until_s;

	if (said.p == NULL || !json_member(said, "certificates", &list) ||
	    !json_item(list, i, &one) ||
	    !json_number(one, "until_s", &until_s) ||
	    (int64_t)until_s == facts->until_s)
		return;
	f = finding_new(k->found, FINDING_WARNING, "certificate-not-loaded");
	finding_what(f, "%s was changed, and phones are still shown the one "
			"before", file);
	finding_seen(f, "the one in use ends on another day than the file's");
	finding_do(f, "postern reload; nothing is disconnected");
}

static void
check_one(struct check *k, unsigned i)
{
	char why[KEYPAIR_WHY_MAX];
	struct keypair_files files;
	struct cert_facts facts;
	STACK_OF(X509) *all;
	struct finding *f;
	X509 *leaf;

	keypair_files(k->conf, i, &files);
	if (geteuid() == 0)
		check_key(k, &files);
	if (files.key[0] == '\0')
		return;	/* PKCS#12: keyd --check opens it */
	all = keypair_certificates(files.certificate, why);
	if (all == NULL) {
		f = finding_new(k->found, FINDING_ERROR, "certificate-file");
		finding_what(f, "the certificate cannot be read");
		finding_seen(f, "%s", why);
		finding_do(f, "name the right file in [tls], or make one: "
			      "postern cert create");
		return;
	}
	leaf = sk_X509_value(all, 0);
	cert_facts(leaf, &facts);
	check_days(k, files.certificate, &facts);
	check_names_of(k, leaf, files.certificate, &facts);
	check_chain(k, all, files.certificate, &facts);
	check_in_use(k, i, files.certificate, &facts);
	sk_X509_pop_free(all, X509_free);
}

void
check_tls(struct check *k)
{
	if (k->conf->n_tls_certificates == 0)
		finding_note(k->found, "tls-off", "TLS is off: [tls] names no "
		    "certificate; `postern cert create` makes one. Without it "
		    "calls can be overheard on their way");
	for (unsigned i = 0; i < k->conf->n_tls_certificates; i++)
		check_one(k, i);
}
