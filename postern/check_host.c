/* `postern check`: this machine, before anything runs. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "common/io/cage.h"
#include "common/io/clock.h"
#include "postern/capture.h"
#include "postern/check.h"
#include "postern/program.h"

#define DISK_FULL_MB 16
#define DISK_LOW_MB 128
#define FILES_LOW 64
#define PROGRAM_WAIT_MS 5000
#define A_DAY_S 86400

static const enum ipc_role roles[] = { ROLE_SIG, ROLE_MEDIA, ROLE_STUN,
	ROLE_REG, ROLE_TRACE, ROLE_KEY };

static unsigned
n_roles(const struct check *k)
{
	return conf_has_tls(k->conf) ? 6 : 5;
}

/* ---- users, tools, programs ---- */

static void
check_users(struct check *k)
{
	struct finding *f;

	for (unsigned i = 0; i < n_roles(k); i++) {
		const char *user = cage_role_user(roles[i]);

		if (getpwnam(user) != NULL)
			continue;
		f = finding_new(k->found, FINDING_ERROR, "user-missing");
		finding_what(f, "the user %s, as whom postern-%s runs, does "
				"not exist", user, ipc_role_name(roles[i]));
		finding_seen(f, "no such name in /etc/passwd");
		finding_do(f, "useradd --system --no-create-home "
			      "--shell /usr/sbin/nologin %s", user);
	}
}

static bool
is_in_path(const char *program)
{
	static const char *const places[] = { "/usr/bin", "/usr/sbin", "/bin",
		"/sbin", "/usr/local/bin", "/usr/local/sbin" };
	char path[128];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", places[i], program);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static void
check_tools(struct check *k)
{
	static const struct {
		const char *program, *package, *lost;
		bool runit;
	} tools[] = {
		{ "runsvdir", "runit", "nothing starts the processes", true },
		{ "svlogd", "runit", "nothing keeps the logs", true },
		{ "sqlite3", "sqlite3", "`postern sql` does not work", false },
		{ "nft", "nftables",
		    "captured processes could send to this host and the "
		    "office's servers", false },
	};
	struct finding *f;

	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		if (is_in_path(tools[i].program) ||
		    (k->systemd && tools[i].runit))
			continue;
		f = finding_new(k->found, FINDING_ERROR, "tool-missing");
		finding_what(f, "%s is not installed: %s", tools[i].program,
		    tools[i].lost);
		finding_seen(f, "no %s in /usr/bin, /usr/sbin, /usr/local/bin",
		    tools[i].program);
		finding_do(f, "apt-get install %s", tools[i].package);
	}
}

static const char *
last_line(char *text)
{
	char *line;

	while (*text != '\0' && text[strlen(text) - 1] == '\n')
		text[strlen(text) - 1] = '\0';
	line = strrchr(text, '\n');
	return line == NULL ? text : line + 1;
}

/* Each program looks at the file with its own eyes. */
static void
check_program(struct check *k, enum ipc_role role)
{
	char path[PROGRAM_PATH_MAX], real[PATH_MAX], said[4096];
	const char *argv[] = { path, "--config", real, "--check", NULL };
	struct finding *f;
	int rc;

	if (program_find(role, path) != 0) {
		f = finding_new(k->found, FINDING_ERROR, "program-missing");
		finding_what(f, "postern-%s is not installed",
		    ipc_role_name(role));
		finding_do(f, "build or install all of Postern");
		return;
	}
	if (realpath(k->config, real) == NULL)
		return;
	rc = capture(argv, NULL, PROGRAM_WAIT_MS, said, sizeof(said));
	/* These read keys, which only root and their own users may. */
	if (rc == 0 || (geteuid() != 0 && (role == ROLE_REG ||
		role == ROLE_KEY)))
		return;
	f = finding_new(k->found, FINDING_ERROR, "program-refuses");
	finding_what(f, "postern-%s --check does not accept %s",
	    ipc_role_name(role), k->config);
	finding_seen(f, "%s", rc < 0 ? strerror(-rc) : last_line(said));
	finding_do(f, "mend what it names; until then it does not start");
}

/* ---- the clock ---- */

void
check_clock(struct findings *fs, int state, long max_error_us)
{
	struct finding *f;

	if (state >= 0 && state != TIME_ERROR) {
		finding_ok(fs, "clock", "the clock is kept right by a time "
		    "server, to %ld ms", max_error_us / 1000);
		return;
	}
	f = finding_new(fs, FINDING_WARNING, "clock-unkept");
	finding_what(f, "no time server keeps this machine's clock: "
			"certificates and call records rest on it");
	finding_seen(f, "adjtimex(2) says that the clock is not synchronised");
	finding_do(f, "apt-get install chrony, or systemd-timesyncd; then "
		      "`chronyc tracking` or `timedatectl`");
}

/* A clock that starts anew shows a day before the programs were made. */
static void
check_clock_of_files(struct check *k)
{
	int64_t now = clock_wall_s();
	struct finding *f;
	struct stat st;

	if (stat("/proc/self/exe", &st) != 0 || st.st_mtime <= now + A_DAY_S)
		return;
	f = finding_new(k->found, FINDING_ERROR, "clock-behind");
	finding_what(f, "the clock shows a time before this program was made: "
			"TLS fails, and call records are wrong");
	finding_seen(f, "the program is of %lld, the clock shows %lld "
			"(seconds since 1970)", (long long)st.st_mtime,
	    (long long)now);
	finding_do(f, "set the clock, and let a time server keep it: apt-get "
		      "install chrony");
}

/* ---- disk and rights ---- */

static void
check_disk(struct check *k, const char *folder)
{
	unsigned long long free_mb;
	struct statvfs v;
	struct finding *f;
	bool full;

	if (statvfs(folder, &v) != 0)
		return;
	free_mb = (unsigned long long)v.f_bavail * v.f_frsize >> 20;
	full = free_mb < DISK_FULL_MB || (v.f_files > 0 && v.f_favail < 1);
	if (!full && free_mb >= DISK_LOW_MB &&
	    (v.f_files == 0 || v.f_favail >= FILES_LOW)) {
		finding_ok(k->found, "disk", "%llu MB are free for the store",
		    free_mb);
		return;
	}
	f = finding_new(k->found, full ? FINDING_ERROR : FINDING_WARNING,
	    full ? "disk-full" : "disk-low");
	finding_what(f, full ?
		"the disk of the store is full: phones cannot register" :
		"the disk of the store is nearly full");
	finding_seen(f, "%s: %llu MB and %llu files are free", folder, free_mb,
	    (unsigned long long)v.f_favail);
	finding_do(f, "make room there, or move the store: [store] path");
}

static bool
is_trusted(uid_t owner)
{
	unsigned db = cage_role_uid(ROLE_REG);

	return owner == 0 || owner == geteuid() || owner == db;
}

static void
check_store_key(struct check *k)
{
	const char *key = k->conf->store_key;
	bool has_store = access(k->conf->store_path, F_OK) == 0;
	struct finding *f;
	struct stat st;

	if (stat(key, &st) != 0) {
		if (errno != ENOENT || !has_store)
			return;
		f = finding_new(k->found, FINDING_ERROR, "store-key-missing");
		finding_what(f, "the key that opens the passwords in the "
				"store is gone");
		finding_seen(f, "%s: no such file, but there is a store at %s",
		    key, k->conf->store_path);
		finding_do(f, "put your copy of it there, mode 0400; without "
			      "it every password must be set anew");
		return;
	}
	if ((st.st_mode & 077) == 0 && is_trusted(st.st_uid))
		return;
	f = finding_new(k->found, FINDING_ERROR, "store-key-open");
	finding_what(f, "others than registrar-db may read or change the key "
			"that opens the passwords");
	finding_seen(f, "%s: mode %04o, user %u", key, st.st_mode & 07777,
	    st.st_uid);
	finding_do(f, "chown root %s && chmod 400 %s", key, key);
}

static void
check_store_folder(struct check *k, const char *folder)
{
	struct finding *f;
	struct stat st;

	if (stat(folder, &st) != 0 || access(k->conf->store_path, F_OK) != 0)
		return;
	if ((st.st_mode & 077) == 0 && is_trusted(st.st_uid))
		return;
	f = finding_new(k->found, FINDING_ERROR, "store-open");
	finding_what(f, "others than registrar-db may enter the folder of the "
			"store");
	finding_seen(f, "%s: mode %04o, user %u", folder, st.st_mode & 07777,
	    st.st_uid);
	finding_do(f, "chown %s %s && chmod 700 %s", cage_role_user(ROLE_REG),
	    folder, folder);
}

static void
check_config_file(struct check *k)
{
	struct finding *f;
	struct stat st;

	if (stat(k->config, &st) != 0 || ((st.st_mode & 022) == 0 &&
		(st.st_uid == 0 || st.st_uid == geteuid())))
		return;
	f = finding_new(k->found, FINDING_WARNING, "config-open");
	finding_what(f, "others than the administrator may change the "
			"configuration");
	finding_seen(f, "%s: mode %04o, user %u", k->config,
	    st.st_mode & 07777, st.st_uid);
	finding_do(f, "chown root %s && chmod 644 %s", k->config, k->config);
}

void
check_host(struct check *k)
{
	char path[CONF_PATH_MAX];
	struct timex t = { .modes = 0 };
	int state = adjtimex(&t);
	const char *folder;

	snprintf(path, sizeof(path), "%s", k->conf->store_path);
	folder = dirname(path);
	check_users(k);
	check_tools(k);
	for (unsigned i = 0; i < n_roles(k); i++)
		check_program(k, roles[i]);
	check_clock(k->found, state, t.maxerror);
	check_clock_of_files(k);
	check_disk(k, folder);
	if (geteuid() == 0) {
		check_store_key(k);
		check_store_folder(k, folder);
	} else {
		finding_note(k->found, "not-root", "only root can look at the "
		    "firewall, the store, keys and who listens; run this as "
		    "root");
	}
	check_config_file(k);
}
