/* `postern cert show`: what is in certificates. */
#include <string.h>
#include <time.h>

#include "common/io/cage.h"
#include "common/io/cert.h"
#include "common/io/clock.h"
#include "postern/cert.h"
#include "postern/cmd.h"
#include "postern/json.h"

/* ---- one ---- */

static void
put_day(FILE *to, int64_t s)
{
	time_t t = (time_t)s;
	struct tm tm;
	char day[32];

	gmtime_r(&t, &tm);
	strftime(day, sizeof(day), "%Y-%m-%d %H:%M UTC", &tm);
	fputs(day, to);
}

void
cert_print(FILE *to, X509 *x, const char *domain)
{
	int64_t now = clock_wall_s(), left;
	struct cert_facts f;

	cert_facts(x, &f);
	left = cert_days_left(f.until_s, now);
	fprintf(to, "%s\n", f.subject);
	fprintf(to, "  kind         %s, %s\n",
	    f.is_ca ? "authority" : "certificate", f.key);
	if (f.names[0] != '\0')
		fprintf(to, "  names        %s\n", f.names);
	fprintf(to, "  issued by    %s\n  valid        ", f.issuer);
	put_day(to, f.from_s);
	fputs(" to ", to);
	put_day(to, f.until_s);
	if (left < 0)
		fprintf(to, ", expired %lld days ago\n", (long long)-left);
	else
		fprintf(to, ", %lld days left\n", (long long)left);
	fprintf(to, "  serial       %s\n  SHA-256      %s\n", f.serial,
	    f.fingerprint);
	if (domain != NULL && !cert_is_for(x, domain))
		fprintf(to, "  warning      it does not name %s: phones that "
			    "check will refuse it\n", domain);
}

static void
put_member(FILE *to, const char *key, const char *text)
{
	fprintf(to, ",\"%s\":", key);
	json_put(to, text);
}

static void
print_json(FILE *to, X509 *x, const char *file, const char *domain)
{
	struct cert_facts f;

	cert_facts(x, &f);
	fputs("{\"file\":", to);
	json_put(to, file);
	put_member(to, "subject", f.subject);
	put_member(to, "issuer", f.issuer);
	put_member(to, "names", f.names);
	put_member(to, "key", f.key);
	put_member(to, "serial", f.serial);
	put_member(to, "sha256", f.fingerprint);
	fprintf(to, ",\"authority\":%s,\"from_s\":%lld,\"until_s\":%lld,"
		    "\"days_left\":%lld", f.is_ca ? "true" : "false",
	    (long long)f.from_s, (long long)f.until_s,
	    (long long)cert_days_left(f.until_s, clock_wall_s()));
	if (domain != NULL)
		fprintf(to, ",\"names_domain\":%s",
		    cert_is_for(x, domain) ? "true" : "false");
	fputc('}', to);
}

/* ---- all of a file ---- */

struct shown {
	const char *domain;		/* NULL: not held against it */
	bool json;
	unsigned n;			/* objects so far */
};

static void
show_all(struct shown *s, const char *file, STACK_OF(X509) *all)
{
	for (int i = 0; i < sk_X509_num(all); i++) {
		X509 *x = sk_X509_value(all, i);
		const char *domain = i == 0 ? s->domain : NULL;

		if (s->json) {
			fputs(s->n++ > 0 ? ",\n" : "", stdout);
			print_json(stdout, x, file, domain);
		} else {
			cert_print(stdout, x, domain);
		}
	}
}

static int
show_file(struct shown *s, const char *file)
{
	char why[KEYPAIR_WHY_MAX];
	STACK_OF(X509) *all = keypair_certificates(file, why);

	if (all == NULL)
		return cmd_fail("%s", why);
	show_all(s, file, all);
	sk_X509_pop_free(all, X509_free);
	return 0;
}

/* A .p12 is opened; only its certificates are shown. */
static int
show_p12(struct shown *s, const struct keypair_files *f)
{
	char why[KEYPAIR_WHY_MAX];
	struct keypair_bytes bytes;
	struct keypair pair;
	int err = keypair_read(f, (uid_t)cage_role_uid(ROLE_KEY), &bytes, why);

	if (err)
		return cmd_fail("%s", why);
	err = keypair_parse(&bytes, 0, &pair, why);
	keypair_wipe(&bytes);
	if (err)
		return cmd_fail("%s", why);
	show_all(s, f->certificate, pair.chain);
	keypair_free(&pair);
	return 0;
}

static int
show_named(const struct cert_args *a, struct shown *s)
{
	struct keypair_files f = { 0 };
	int rc = 0;

	for (int i = 0; i < a->n_rest; i++) {
		if (!conf_is_p12(a->rest[i])) {
			rc |= show_file(s, a->rest[i]);
			continue;
		}
		snprintf(f.certificate, sizeof(f.certificate), "%s",
		    a->rest[i]);
		if (a->passphrase != NULL)
			snprintf(f.passphrase, sizeof(f.passphrase), "%s",
			    a->passphrase);
		rc |= show_p12(s, &f);
	}
	return rc;
}

static int
show_configured(const struct cert_args *a, struct shown *s)
{
	struct keypair_files f;
	int rc = 0;

	s->domain = a->conf.domain;
	for (unsigned i = 0; i < a->conf.n_tls_certificates; i++) {
		keypair_files(&a->conf, i, &f);
		if (!s->json)
			printf("%s%s:\n", i > 0 ? "\n" : "", f.certificate);
		rc |= f.key[0] == '\0' ? show_p12(s, &f) :
					 show_file(s, f.certificate);
	}
	return rc;
}

int
cert_show(struct cert_args *a)
{
	struct shown s = { .json = a->json };
	int rc;

	if (a->n_rest == 0 && a->conf.n_tls_certificates == 0 && !a->json)
		return cmd_fail("[tls] of %s names no certificate; make one: "
				"postern cert create", a->config);
	if (s.json)
		putchar('[');
	rc = a->n_rest > 0 ? show_named(a, &s) : show_configured(a, &s);
	if (s.json)
		puts("]");
	return rc;
}
