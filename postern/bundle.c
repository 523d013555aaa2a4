#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/bundle.h"
#include "postern/bundle_hide.h"
#include "postern/capture.h"
#include "postern/state.h"
#include "postern/store.h"

#define TEXT_MAX (2u * 1024 * 1024)	/* of one file; the end of a log */
#define WAIT_MS 20000
#define PATH_MAX_ 512

struct bundle {
	struct cmd_opts opts;
	struct conf conf;
	char config[STATE_PATH_MAX];
	char self[PATH_MAX_];
	char dir[64];		/* where its files are gathered */
	char *text;		/* TEXT_MAX and one */
	bool hides;		/* --hide-numbers */
	struct hide hide;
	char *words;		/* what it hides */
};

/* ---- files ---- */

static int
put_file(struct bundle *b, const char *name, size_t len)
{
	char path[PATH_MAX_];
	FILE *f;
	bool bad;

	bundle_scrub(b->text, len);
	snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	f = fopen(path, "wex");
	if (f == NULL)
		return cmd_fail("%s: %s", path, strerror(errno));
	if (b->hides)
		hide_write(&b->hide, f, span_make(b->text, len));
	else
		fwrite(b->text, 1, len, f);
	bad = ferror(f) != 0;
	bad |= fclose(f) != 0;
	return bad ? cmd_fail("%s: cannot be written", path) : 0;
}

/* The end of a file that a process of ours wrote, which may be captured: no
 * link, no pipe.  Gives its length in b->text; negative errno. */
static ssize_t
read_end(struct bundle *b, const char *path, size_t most)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = -EINVAL;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		if ((uint64_t)st.st_size > most)
			lseek(fd, -(off_t)most, SEEK_END);
		n = read(fd, b->text, most);
	}
	close(fd);
	return n;
}

/* What a program says; that it failed is worth knowing, too. */
static int
put_output(struct bundle *b, const char *name, const char *const argv[])
{
	int rc = capture(argv, NULL, WAIT_MS, b->text, TEXT_MAX);

	if (rc < 0)
		snprintf(b->text, TEXT_MAX, "%s: %s\n", argv[0],
		    strerror(-rc));
	return put_file(b, name, strlen(b->text));
}

/* ---- what is gathered ---- */

static int
put_about(struct bundle *b)
{
	snprintf(b->text, TEXT_MAX,
	    "Made by `postern bundle`, postern " POSTERN_VERSION ".\n"
	    "Passwords, their digests, nonces, keys and certificates are not "
	    "in it;\nwhat looked like one is crossed out. %s\n\n"
	    "config      the configuration, without comments\n"
	    "status      what each process says of itself\n"
	    "check       what `postern check` finds\n"
	    "traces      what is traced now\n"
	    "registered  phones: program, address, how they are reached\n"
	    "homes       what is known of their routers\n"
	    "live, past  calls of now; the last 200\n"
	    "counts      rows of each table\n"
	    "schema      of the database\n"
	    "network, system    addresses, routes; which system this is\n"
	    "log-*       the end of each process's log\n", b->hides ?
		"Numbers and names of\nsubscribers, callers and called ones "
		"are hidden under words that nobody can\nturn back, the same "
		"word for the same one, if the store knows them:\n"
		"the logs may hold others. Addresses are in it." :
		"Who called whom,\naddresses and names are.");
	return put_file(b, "README", strlen(b->text));
}

static int
put_config(struct bundle *b)
{
	ssize_t n = read_end(b, b->config, TEXT_MAX);

	if (n < 0)
		return cmd_fail("%s: %s", b->config, strerror((int)-n));
	return put_file(b, "config", bundle_config(b->text, (size_t)n));
}

static int
put_commands(struct bundle *b)
{
	const char *at = b->opts.state ? "--state" : "--config";
	const char *where = b->opts.state ? b->opts.state : b->config;
	const char *const status[] = { b->self, "status", "--json",
		b->opts.state ? at : NULL, where, NULL };
	const char *const check[] = { b->self, "check", at, where, NULL };
	const char *const traces[] = { b->self, "trace", "list",
		b->opts.state ? at : NULL, where, NULL };
	const char *const system[] = { "sh", "-c", "uname -a; "
		"cat /etc/os-release; uptime; df -h /var; free -m", NULL };
	const char *const network[] = { "sh", "-c", "ip -br address; "
		"ip route; ip -6 route; cat /etc/resolv.conf", NULL };
	int bad = put_output(b, "status", status);

	bad |= put_output(b, "check", check);
	bad |= put_output(b, "traces", traces);
	bad |= put_output(b, "system", system);
	return bad | put_output(b, "network", network);
}

/* Columns are named where a table could hold a secret, now or later. */
static int
put_tables(struct bundle *b)
{
	static const struct { const char *file, *sql; } rows[] = {
		{ "registered", "SELECT number, source, transport, zone, "
		  "nated, registered, expires, granted_s, user_agent, closed "
		  "FROM registration ORDER BY number;" },
		{ "homes", "SELECT * FROM home;" },
		{ "live", "SELECT * FROM live_call;" },
		{ "past", "SELECT * FROM call_record ORDER BY ticket DESC "
		  "LIMIT 200;" },
		{ "counts", "SELECT (SELECT count(*) FROM subscriber) AS "
		  "subscribers, (SELECT count(*) FROM subscriber WHERE "
		  "internet) AS from_internet, (SELECT count(*) FROM "
		  "registration) AS registrations, (SELECT count(*) FROM "
		  "trunk) AS trunks, (SELECT count(*) FROM call_record) AS "
		  "calls, (SELECT user_version FROM pragma_user_version) AS "
		  "schema;" },
		{ "schema", "SELECT type, name, sql FROM sqlite_schema ORDER "
		  "BY type, name;" },
	};
	int bad = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *said = store_ask(&b->conf, span_str(rows[i].sql));

		snprintf(b->text, TEXT_MAX, "%s", said == NULL ?
			"the store does not answer\n" : said);
		free(said);
		bad |= put_file(b, rows[i].file, strlen(b->text));
	}
	return bad;
}

static int
put_log(struct bundle *b, const char *path, const char *role)
{
	char name[80];
	ssize_t n = read_end(b, path, TEXT_MAX / 2);

	if (n < 0)
		return 0;	/* it has said nothing yet */
	snprintf(name, sizeof(name), "log-%.60s", role);
	return put_file(b, name, (size_t)n);
}

static int
put_logs(struct bundle *b)
{
	const char *const journal[] = { "journalctl", "--no-pager", "-n",
		"5000", "-u", "postern*", NULL };
	char dir[STATE_PATH_MAX], path[STATE_PATH_MAX + 300];
	struct dirent *e;
	struct state s;
	int bad = 0;
	DIR *d;

	if (b->opts.state == NULL && access(CMD_STATE, F_OK) != 0)
		return put_output(b, "log-all", journal);
	if (state_open(b->opts.state ? b->opts.state : CMD_STATE, false,
		&s) != 0)
		return 1;
	d = opendir(state_path(&s, "log", dir));
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/current", dir, e->d_name);
		bad |= put_log(b, path, e->d_name);
	}
	if (d != NULL)
		closedir(d);
	return bad;
}

/* ---- numbers that are hidden ---- */

#define HIDDEN                                                                 \
	"SELECT DISTINCT w FROM (SELECT number AS w FROM subscriber UNION "    \
	"SELECT name FROM subscriber UNION SELECT username FROM subscriber "   \
	"UNION SELECT caller FROM call UNION SELECT caller_name FROM call "    \
	"UNION SELECT called FROM call UNION SELECT redirected_to FROM call "  \
	"UNION SELECT sent FROM call UNION SELECT username FROM trunk UNION "  \
	"SELECT auth_username FROM trunk UNION SELECT caller_number FROM "     \
	"trunk UNION SELECT username FROM mirror UNION SELECT pattern FROM "  \
	"did UNION SELECT target FROM did) WHERE w <> '';"

/* Without its list nothing is gathered. */
static int
prepare_hiding(struct bundle *b)
{
	if (!b->hides)
		return 0;
	b->words = store_ask(&b->conf, SPAN_LIT(HIDDEN));
	if (b->words == NULL)
		return 1;
	return hide_init(&b->hide, span_str(b->words)) == 0 ? 0 :
	    cmd_fail("no memory");
}

/* ---- the archive ---- */

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	return remove(path);
}

static int
pack(struct bundle *b, const char *file)
{
	const char *const tar[] = { "tar", "--owner=0", "--group=0", "-C",
		b->dir, "-czf", file, ".", NULL };
	int rc = capture(tar, NULL, WAIT_MS, b->text, TEXT_MAX);

	if (rc == 0)
		return 0;
	return cmd_fail("%s: %s", file, rc < 0 ? strerror(-rc) : b->text);
}

static int
gather(struct bundle *b)
{
	int bad = put_about(b);

	bad |= put_config(b);
	bad |= put_commands(b);
	bad |= put_tables(b);
	return bad | put_logs(b);
}

static int
prepare(struct bundle *b)
{
	const char *config = state_find_config(b->opts.config, b->opts.state,
	    b->config, sizeof(b->config));
	ssize_t n = readlink("/proc/self/exe", b->self, sizeof(b->self) - 1);

	if (config == NULL || store_conf(&b->opts, &b->conf) != 0)
		return 1;
	if (config != b->config)
		snprintf(b->config, sizeof(b->config), "%s", config);
	b->text = malloc(TEXT_MAX + 1);
	if (n <= 0 || b->text == NULL)
		return cmd_fail("no memory, or no /proc");
	if (access(b->conf.store_path, R_OK) != 0 && errno == EACCES)
		return cmd_fail("%s: %s (run this as root: without it there "
				"is little to gather)", b->conf.store_path,
		    strerror(errno));
	umask(077);		/* who called whom is nobody else's business */
	snprintf(b->dir, sizeof(b->dir), "/tmp/postern-bundle-XXXXXX");
	if (prepare_hiding(b) != 0)
		return 1;
	return mkdtemp(b->dir) != NULL ? 0 :
	    cmd_fail("%s: %s", b->dir, strerror(errno));
}

/* --hide-numbers, before or after the file. */
static void
take_words(struct bundle *b)
{
	int kept = 0;

	for (int i = 0; i < b->opts.n_rest; i++) {
		if (strcmp(b->opts.rest[i], "--hide-numbers") == 0)
			b->hides = true;
		else
			b->opts.rest[kept++] = b->opts.rest[i];
	}
	b->opts.n_rest = kept;
}

int
cmd_bundle(int argc, char **argv)
{
	static struct bundle b;
	int rc;

	if (cmd_opts_mixed(argc, argv, "cs", &b.opts) != 0)
		return 2;
	take_words(&b);
	if (b.opts.n_rest != 1 || b.opts.rest[0][0] == '-') {
		cmd_fail("usage: postern bundle FILE.tar.gz [--hide-numbers] "
			 "[--config FILE | --state DIR]");
		return 2;
	}
	if (prepare(&b) != 0)
		return 1;
	rc = gather(&b);
	if (rc == 0)
		rc = pack(&b, b.opts.rest[0]);
	nftw(b.dir, remove_one, 4, FTW_DEPTH | FTW_PHYS);
	free(b.text);
	hide_clear(&b.hide);
	free(b.words);
	if (rc == 0)
		printf("%s: look into it before you give it away: tar xzf "
		       "%s\n", b.opts.rest[0], b.opts.rest[0]);
	return rc;
}
