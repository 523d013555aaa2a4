/* `postern cert`: certificates made, looked at, installed. */
#include <errno.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/io/cage.h"
#include "common/io/cert.h"
#include "common/io/clock.h"
#include "postern/cert.h"
#include "postern/cmd.h"
#include "postern/reload.h"
#include "postern/state.h"

#define SECURE_BYTES 65536
#define SECURE_LEAST 32

/* ---- install ---- */

static int
read_pair(const struct cert_args *a, struct keypair *out)
{
	struct keypair_files f = { 0 };
	char why[KEYPAIR_WHY_MAX];
	struct keypair_bytes bytes;
	int err;

	snprintf(f.certificate, sizeof(f.certificate), "%s", a->rest[0]);
	if (a->n_rest > 1)
		snprintf(f.key, sizeof(f.key), "%s", a->rest[1]);
	if (a->passphrase != NULL)
		snprintf(f.passphrase, sizeof(f.passphrase), "%s",
		    a->passphrase);
	err = keypair_read(&f, geteuid(), &bytes, why);
	if (err)
		return cmd_fail("%s", why);
	err = keypair_parse(&bytes, clock_wall_s(), out, why);
	keypair_wipe(&bytes);
	return err ? cmd_fail("%s", why) : 0;
}

/* Where the pair goes: to what is configured, else beside the configuration. */
static int
find_target(const struct cert_args *a, struct keypair_files *out)
{
	const char *slash = strrchr(a->config, '/');
	int dir = slash == NULL ? 0 : (int)(slash + 1 - a->config);
	char path[PATH_MAX];

	if (a->index < a->conf.n_tls_certificates) {
		keypair_files(&a->conf, a->index, out);
		if (out->key[0] != '\0')
			return 0;
		return cmd_fail("%s is PKCS#12; for PEM files set certificate "
				"and key of [tls] to names like server.crt and "
				"server.key", out->certificate);
	}
	if (a->index > 0)
		return cmd_fail("--index %u: [tls] names %u certificates "
				"(0 is the first)", a->index,
		    a->conf.n_tls_certificates);
	snprintf(path, sizeof(path), "%.*stls", dir, a->config);
	if (mkdir(path, 0755) != 0 && errno != EEXIST)
		return cmd_fail("%s: %s", path, strerror(errno));
	*out = (struct keypair_files){ 0 };
	if ((size_t)snprintf(out->certificate, sizeof(out->certificate),
		"%s/server.crt", path) >= sizeof(out->certificate) ||
	    (size_t)snprintf(out->key, sizeof(out->key), "%s/server.key",
		path) >= sizeof(out->key))
		return cmd_fail("%s: too long", path);
	return 0;
}

/* Is the configured file the given one, or a link to it? */
static bool
is_same(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
	    x.st_ino == y.st_ino;
}

static int
put_pair(const struct cert_args *a, const struct keypair *pair,
    const struct keypair_files *to)
{
	bool same = a->n_rest > 1 && is_same(a->rest[0], to->certificate) &&
	    is_same(a->rest[1], to->key);

	if (same)
		return 0;
	if (cert_put_pair(to->certificate, pair->chain, to->key, pair->key) !=
	    0)
		return 1;
	printf("Installed as %s and %s.\n", to->certificate, to->key);
	return 0;
}

int
cert_install(struct cert_args *a)
{
	struct keypair pair = { 0 };
	struct keypair_files to;
	int rc;

	if (a->n_rest < 1 || a->n_rest > 2 ||
	    (a->n_rest == 1 && !conf_is_p12(a->rest[0]))) {
		cmd_fail("usage: postern cert install FULLCHAIN.PEM KEY.PEM, "
			 "or FILE.p12 [--passphrase-file FILE]");
		return 2;
	}
	rc = read_pair(a, &pair);
	if (rc == 0)
		rc = find_target(a, &to);
	if (rc == 0)
		rc = put_pair(a, &pair, &to);
	if (rc == 0) {
		cert_print(stdout, sk_X509_value(pair.chain, 0),
		    a->conf.domain);
		if (a->conf.n_tls_certificates == 0)
			printf("\nTo use it, write into %s and start Postern "
			       "anew:\n  [tls]\n  certificate = %s\n"
			       "  key = %s\n", a->config, to.certificate,
			    to.key);
		else
			rc = reload_keyd(a->config, a->state, true);
	}
	keypair_free(&pair);
	return rc;
}

/* ---- export ---- */

int
cert_p12(struct cert_args *a)
{
	char why[KEYPAIR_WHY_MAX], name[128], path[PATH_MAX];
	struct keypair_bytes bytes;
	struct keypair_files f;
	struct keypair pair;
	int err;

	if (a->passphrase == NULL || a->n_rest > 0) {
		cmd_fail("usage: postern cert p12 --passphrase-file FILE "
			 "[--out FILE] [--index N]");
		return 2;
	}
	if (a->index >= a->conf.n_tls_certificates)
		return cmd_fail("[tls] of %s names %u certificates", a->config,
		    a->conf.n_tls_certificates);
	keypair_files(&a->conf, a->index, &f);
	err = keypair_read(&f, (uid_t)cage_role_uid(ROLE_KEY), &bytes, why);
	if (err)
		return cmd_fail("%s", why);
	err = keypair_parse(&bytes, clock_wall_s(), &pair, why);
	keypair_wipe(&bytes);
	if (err)
		return cmd_fail("%s", why);
	ca_file_name(X509_get_issuer_name(sk_X509_value(pair.chain, 0)), name,
	    sizeof(name));
	if (a->out != NULL)
		snprintf(path, sizeof(path), "%s", a->out);
	else
		snprintf(path, sizeof(path), "BasedOn%s.p12", name);
	if (access(path, F_OK) == 0)
		err = cmd_fail("%s is there already; move it away, or say "
			       "--out FILE", path);
	else
		err = cert_put_p12(path, &pair, a->passphrase);
	keypair_free(&pair);
	if (err == 0)
		printf("Written: %s, with the key; keep it safe.\n", path);
	return err != 0;
}

/* ---- command line ---- */

static const struct {
	const char *word;
	int (*run)(struct cert_args *a);
} words[] = {
	{ "create", cert_create },
	{ "show", cert_show },
	{ "install", cert_install },
	{ "p12", cert_p12 },
};

enum { OPT_NAME = 256, OPT_CA_NAME, OPT_COUNTRY, OPT_ORGANIZATION, OPT_UNIT,
	OPT_CRL, OPT_KEY, OPT_DAYS, OPT_CA_DAYS, OPT_RENEW,
	OPT_PASSPHRASE, OPT_INDEX, OPT_DIR, OPT_OUT, OPT_CONFIG, OPT_STATE,
	OPT_SUBJECT, OPT_JSON };

static const struct option options[] = {
	{ "name", required_argument, NULL, OPT_NAME },
	{ "email", required_argument, NULL, OPT_NAME },
	{ "common-name", required_argument, NULL, OPT_SUBJECT },
	{ "ca-name", required_argument, NULL, OPT_CA_NAME },
	{ "country", required_argument, NULL, OPT_COUNTRY },
	{ "organization", required_argument, NULL, OPT_ORGANIZATION },
	{ "unit", required_argument, NULL, OPT_UNIT },
	{ "crl", required_argument, NULL, OPT_CRL },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "days", required_argument, NULL, OPT_DAYS },
	{ "ca-days", required_argument, NULL, OPT_CA_DAYS },
	{ "renew", no_argument, NULL, OPT_RENEW },
	{ "passphrase-file", required_argument, NULL, OPT_PASSPHRASE },
	{ "index", required_argument, NULL, OPT_INDEX },
	{ "dir", required_argument, NULL, OPT_DIR },
	{ "out", required_argument, NULL, OPT_OUT },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "state", required_argument, NULL, OPT_STATE },
	{ "json", no_argument, NULL, OPT_JSON },
	{ NULL, 0, NULL, 0 },
};

static int
read_number(const char *option, const char *text, uint32_t lo, uint32_t hi,
    uint32_t *out)
{
	uint32_t n;

	if (span_to_u32(span_str(text), hi, &n) != 0 || n < lo)
		return cmd_fail("--%s takes %u to %u, not %s", option, lo, hi,
		    text);
	*out = n;
	return 0;
}

static int
read_option(int c, struct cert_args *a)
{
	switch (c) {
	case OPT_NAME:
		if (a->n_names == CA_NAMES_MAX / 2)
			return cmd_fail("too many names");
		a->names[a->n_names++] = optarg;
		return 0;
	case OPT_DAYS:
		return read_number("days", optarg, 1, CA_SERVER_DAYS_MAX,
		    &a->days);
	case OPT_CA_DAYS:
		return read_number("ca-days", optarg, 1, CA_DAYS_MAX,
		    &a->ca_days);
	case OPT_INDEX:
		return read_number("index", optarg, 0, CONF_LIST_MAX - 1,
		    &a->index);
	case OPT_RENEW:
		a->renew = true;
		return 0;
	case OPT_JSON:
		a->json = true;
		return 0;
	default:
		return 1;
	}
}

static const char **
text_option(int c, struct cert_args *a)
{
	switch (c) {
	case OPT_SUBJECT:
		return &a->subject.name;
	case OPT_CA_NAME:
		return &a->ca_name;
	case OPT_COUNTRY:
		return &a->subject.country;
	case OPT_ORGANIZATION:
		return &a->subject.organization;
	case OPT_UNIT:
		return &a->subject.unit;
	case OPT_CRL:
		return &a->crl;
	case OPT_KEY:
		return &a->key;
	case OPT_PASSPHRASE:
		return &a->passphrase;
	case OPT_DIR:
		return &a->dir;
	case OPT_OUT:
		return &a->out;
	case OPT_CONFIG:
		return &a->config;
	case OPT_STATE:
		return &a->state;
	default:
		return NULL;
	}
}

static int
read_args(int argc, char **argv, struct cert_args *a)
{
	int c;

	a->key = "p256";
	a->days = CA_SERVER_DAYS;
	a->ca_days = CA_DAYS_MAX;
	optind = 1;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		const char **text = text_option(c, a);

		if (c == '?')
			return 1;	/* getopt said why */
		if (text != NULL)
			*text = optarg;
		else if (read_option(c, a) != 0)
			return 1;
	}
	a->rest = argv + optind;
	a->n_rest = argc - optind;
	return 0;
}

static int
read_config(struct cert_args *a, char mem[PATH_MAX])
{
	const char *config = state_find_config(a->config, a->state, mem,
	    PATH_MAX);
	int err;

	if (config == NULL)
		return 1;
	a->config = config;
	err = conf_read(config, stderr, &a->conf);
	return err ? cmd_no_config(config, err) : 0;
}

int
cmd_cert(int argc, char **argv)
{
	static struct cert_args a;
	static char mem[PATH_MAX];
	size_t i = 0, n = sizeof(words) / sizeof(words[0]);

	while (argc > 1 && i < n && strcmp(argv[1], words[i].word) != 0)
		i++;
	if (argc < 2 || i == n) {
		cmd_fail("usage: postern cert create | show | install | p12; "
			 "see postern(8)");
		return 2;
	}
	if (read_args(argc - 1, argv + 1, &a) != 0)
		return 2;
	if (a.json && words[i].run != cert_show) {
		cmd_fail("cert %s does not take --json", words[i].word);
		return 2;
	}
	/* Keys lie in locked memory; without it they still work. */
	CRYPTO_secure_malloc_init(SECURE_BYTES, SECURE_LEAST);
	/* Looking at a file needs no configuration. */
	if ((words[i].run != cert_show || a.n_rest == 0) &&
	    read_config(&a, mem) != 0)
		return 1;
	return words[i].run(&a);
}
