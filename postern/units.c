#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/cmd.h"
#include "postern/units.h"

#define DROP_IN "50-postern-conf.conf"
#define STORE_DIR "/var/lib/postern" /* StateDirectory= of the unit */

static int
failed(const char *path, int err)
{
	cmd_fail("%s: %s", path, strerror(-err));
	return err;
}

static int
make_dir(const char *path)
{
	return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : -errno;
}

/* Open DIR/UNIT.d/50-postern-conf.conf; NULL after saying why not. */
static FILE *
begin(const char *dir, const char *unit)
{
	char path[PATH_MAX];
	FILE *f = NULL;

	snprintf(path, sizeof(path), "%s/%s.d", dir, unit);
	if (make_dir(path) == 0) {
		snprintf(path, sizeof(path), "%s/%s.d/" DROP_IN, dir, unit);
		f = fopen(path, "we");
	}
	if (f == NULL)
		failed(path, -errno);
	else
		fputs("# Made by `postern units`.\n", f);
	return f;
}

static int
finish(FILE *f, const char *unit)
{
	bool bad = ferror(f) != 0;

	return fclose(f) != 0 || bad ? failed(unit, -EIO) : 0;
}

/* ---- listeners ---- */

/* A listener that is off is masked, one that is on again is not. */
static int
mask(const char *dir, const char *unit, bool off)
{
	char path[PATH_MAX], to[16];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, unit);
	n = readlink(path, to, sizeof(to));
	if (n == 9 && memcmp(to, "/dev/null", 9) == 0)
		return off || unlink(path) == 0 ? 0 : failed(path, -errno);
	return !off || symlink("/dev/null", path) == 0 ? 0 :
							 failed(path, -errno);
}

static int
write_listener(const char *dir, const char *unit, const char *kind,
    const struct addr *addrs, unsigned n, uint16_t port)
{
	char text[ADDR_TEXT_MAX + 1];
	int err = mask(dir, unit, port == 0);
	FILE *f = err ? NULL : begin(dir, unit);

	if (f == NULL)
		return err ? err : -EIO;
	/* the empty one takes back the sample's */
	fprintf(f, "[Socket]\nListen%s=\n", kind);
	for (unsigned i = 0; i < n && port != 0; i++) {
		struct addr at = addrs[i];

		at.port = port;
		fprintf(f, "Listen%s=%s\n", kind, addr_text(&at, text));
	}
	return finish(f, unit);
}

/* ---- relays: number 0 is in the shipped units ---- */

static int
write_relays(const char *dir, const char *unit, const char *head,
    const char *line, unsigned n, const char *more)
{
	FILE *f = begin(dir, unit);

	if (f == NULL)
		return -EIO;
	fprintf(f, "[%s]\n", head);
	for (unsigned i = 1; i < n; i++)
		fprintf(f, "%s%u.%s\n", line, i,
		    strcmp(head, "Service") == 0 ? "socket" : "service");
	fputs(more, f);
	return finish(f, unit);
}

/* ---- TLS: wanted where there is a certificate ---- */

#define TLS_SOCKETS "postern-sip-external-tls.socket " \
	"postern-sip-internal-tls.socket"
#define TLS_WANTS "Wants=postern-keyd.service " TLS_SOCKETS "\n" \
	"After=postern-keyd.service\n"
#define TLS_HANDED "Sockets=" TLS_SOCKETS "\n" \
	"Sockets=postern-door-sigproxy.keyd.socket\n"

/* ---- paths ---- */

/* A unit would read blanks, quotes, backslashes and % in its own way. */
static int
check_path(const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._+-@=,~";

	if (path[0] == '/' && strrchr(path, '/') != path &&
	    strspn(path, plain) == strlen(path))
		return 0;
	cmd_fail("%s: under systemd a path leads to a file in a folder of /, "
		 "and holds letters, digits and ._+-@=,~ only",
	    path);
	return -EINVAL;
}

static int
check_paths(const struct conf *c)
{
	int err = check_path(c->store_path);

	if (err == 0)
		err = check_path(c->store_key);
	for (unsigned i = 0; i < c->n_tls_certificates && err == 0; i++)
		err = check_path(c->tls_certificate[i]);
	for (unsigned i = 0; i < c->n_tls_keys && err == 0; i++)
		err = check_path(c->tls_key[i]);
	if (err == 0 && c->tls_passphrase_file[0] != '\0')
		err = check_path(c->tls_passphrase_file);
	return err;
}

/* ---- the store ---- */

static int
dir_len(const char *path)
{
	return (int)(strrchr(path, '/') - path);
}

static int
write_store(const char *dir, const struct conf *c)
{
	const char *unit = "postern-registrar-db.service";
	int len = dir_len(c->store_path);
	FILE *f = begin(dir, unit);

	if (f == NULL)
		return -EIO;
	fprintf(f, "[Service]\nLoadCredential=store.key:%s\n", c->store_key);
	if (len != (int)strlen(STORE_DIR) ||
	    strncmp(c->store_path, STORE_DIR, (size_t)len) != 0)
		fprintf(f, "BindPaths=%.*s\n", len, c->store_path);
	return finish(f, unit);
}

static int
write_key(const char *dir, const struct conf *c)
{
	const char *unit = "postern-key.service";
	FILE *f = begin(dir, unit);

	if (f == NULL)
		return -EIO;
	fprintf(f,
	    "[Unit]\nConditionPathExists=\nConditionPathExists=!%s\n"
	    "ConditionPathExists=!%s\n"
	    "[Service]\nExecStart=\nExecStart=/bin/dd if=/dev/urandom of=%s "
	    "bs=32 count=1 conv=excl,fsync status=none\n"
	    "ReadWritePaths=%.*s\n",
	    c->store_key, c->store_path, c->store_key, dir_len(c->store_key),
	    c->store_key);
	return finish(f, unit);
}

/* Which files systemd reads for keyd: those of its credentials. */
static int
write_keyd(const char *dir, const struct conf *c)
{
	const char *unit = "postern-keyd.service";
	FILE *f = begin(dir, unit);
	unsigned k = 0;

	if (f == NULL)
		return -EIO;
	fputs("[Service]\n", f);
	for (unsigned i = 0; i < c->n_tls_certificates; i++) {
		fprintf(f, "LoadCredential=certificate-%u:%s\n", i,
		    c->tls_certificate[i]);
		if (!conf_is_p12(c->tls_certificate[i]))
			fprintf(f, "LoadCredential=key-%u:%s\n", i,
			    c->tls_key[k++]);
	}
	if (c->tls_passphrase_file[0] != '\0')
		fprintf(f, "LoadCredential=passphrase:%s\n",
		    c->tls_passphrase_file);
	return finish(f, unit);
}

/* The one receiver of traces, if there is one, and nobody else. */
static int
write_tracer(const char *dir, const struct conf *c)
{
	static const char *unit = "postern-tracer.service";
	char text[ADDR_TEXT_MAX];
	FILE *f = begin(dir, unit);
	struct buf b;

	if (f == NULL)
		return -EIO;
	fputs("[Service]\n", f);
	for (unsigned i = 1; i < c->processes; i++)
		fprintf(f, "Sockets=postern-door-tracer.mediaproxy@%u.socket\n",
		    i);
	if (c->hep.family != ADDR_NONE) {
		buf_init(&b, text, sizeof(text));
		addr_put_ip(&b, &c->hep);
		fprintf(f, "PrivateNetwork=no\n"
		    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\n"
		    "IPAddressAllow=%.*s\n", (int)b.len, b.p);
	}
	/* A missing one is tracer's to tell of: it writes files all the
	 * same. */
	if (conf_hep_dials(c) && c->hep_transport == TRANSPORT_TLS)
		fprintf(f, "BindReadOnlyPaths=-%s\n", c->hep_tls_ca);
	return finish(f, unit);
}

static int
write_listeners(const char *dir, const struct conf *c)
{
	bool tls = conf_has_tls(c);
	int err;

	err = write_listener(dir, "postern-sip-external.socket", "Datagram",
	    c->external, c->n_external, c->external_udp);
	if (err == 0)
		err = write_listener(dir, "postern-sip-internal.socket",
		    "Datagram", c->internal, c->n_internal, c->internal_udp);
	if (err == 0)
		err = write_listener(dir, "postern-sip-external-tcp.socket",
		    "Stream", c->external, c->n_external, c->external_tcp);
	if (err == 0)
		err = write_listener(dir, "postern-sip-internal-tcp.socket",
		    "Stream", c->internal, c->n_internal, c->internal_tcp);
	if (err == 0)
		err = write_listener(dir, "postern-sip-external-tls.socket",
		    "Stream", c->external, c->n_external,
		    tls ? c->external_tls : 0);
	if (err == 0)
		err = write_listener(dir, "postern-sip-internal-tls.socket",
		    "Stream", c->internal, c->n_internal,
		    tls ? c->internal_tls : 0);
	return err;
}

int
units_write(const struct conf *c, const char *dir)
{
	bool tls = conf_has_tls(c);
	int err = check_paths(c);

	if (err)
		return err;
	err = make_dir(dir);
	if (err)
		return failed(dir, err);
	err = write_listeners(dir, c);
	if (err == 0)
		err = write_relays(dir, "postern-sigproxy.service", "Service",
		    "Sockets=postern-door-sigproxy.mediaproxy@", c->processes,
		    tls ? TLS_HANDED : "");
	if (err == 0)
		err = write_relays(dir, "postern-stunmon.service", "Service",
		    "Sockets=postern-door-stunmon.mediaproxy@", c->processes,
		    "");
	if (err == 0)
		err = write_relays(dir, "postern.target", "Unit",
		    "Wants=postern-mediaproxy@", c->processes,
		    tls ? TLS_WANTS : "");
	if (err == 0)
		err = write_tracer(dir, c);
	if (err == 0)
		err = write_keyd(dir, c);
	if (err == 0)
		err = write_store(dir, c);
	return err ? err : write_key(dir, c);
}

int
cmd_units(int argc, char **argv)
{
	static struct conf storage;
	struct conf *c = &storage;
	struct cmd_opts o;
	const char *config, *dir;
	int err;

	if (cmd_opts(argc, argv, "co", &o) != 0 || o.n_rest > 0) {
		cmd_fail("usage: postern units [--config FILE] [--out DIR]");
		return 2;
	}
	config = o.config ? o.config : CMD_CONFIG;
	dir = o.out ? o.out : UNITS_DIR;
	err = conf_read(config, stderr, c);
	if (err)
		return cmd_no_config(config, err);
	err = units_write(c, dir);
	if (err)
		return 1;
	printf("Written below %s. Now:\n"
	       "  systemctl daemon-reload\n"
	       "  systemctl restart postern.target\n",
	    dir);
	return 0;
}
