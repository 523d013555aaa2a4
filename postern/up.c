/*
 * `postern up`: make the state directory, bind every socket, close the
 * firewall, write the services, and supervise them.
 */
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/io/cage.h"
#include "postern/bind.h"
#include "postern/cmd.h"
#include "postern/nft.h"
#include "postern/service.h"
#include "postern/supervise.h"

struct up {
	struct conf conf;
	struct plan plan;
	struct inherit sockets;
	struct state state;
	char config[PATH_MAX];
	char self[PATH_MAX];
	bool as_root;
	int lock;
};

static int
read_config(const char *path, struct up *u)
{
	int err = conf_read(path, stderr, &u->conf);

	if (err == 0 && realpath(path, u->config) == NULL)
		err = -errno;
	if (err)
		return cmd_no_config(path, err);
	plan_make(&u->conf, &u->plan);
	return 0;
}

static int
find_self(struct up *u)
{
	ssize_t n = readlink("/proc/self/exe", u->self, sizeof(u->self) - 1);

	if (n < 0)
		return cmd_fail("/proc is not mounted");
	u->self[n] = '\0';
	return 0;
}

/* The users exist and can walk to where they have business. */
static int
check_users(const struct up *u)
{
	static const enum ipc_role roles[] = { ROLE_SIG, ROLE_MEDIA, ROLE_STUN,
		ROLE_REG, ROLE_TRACE, ROLE_KEY };
	const size_t n_roles = conf_has_tls(&u->conf) ? 6 : 5;
	char mem[PATH_MAX], path[STATE_PATH_MAX];
	const char *bar;
	int bad = 0;

	for (size_t i = 0; i < n_roles; i++) {
		const char *name = cage_role_user(roles[i]);
		const struct passwd *pw = getpwnam(name);

		if (pw == NULL) {
			bad = cmd_fail(
			    "user %s is missing; as root: useradd --system "
			    "--user-group --no-create-home --home-dir "
			    "/nonexistent --shell /usr/sbin/nologin %s",
			    name, name);
			continue;
		}
		bar = state_barrier(state_path(&u->state, "run/", path),
		    pw->pw_uid, pw->pw_gid, mem, sizeof(mem));
		if (bar == NULL && roles[i] == ROLE_REG)
			bar = state_barrier(u->conf.store_path, pw->pw_uid,
			    pw->pw_gid, mem, sizeof(mem));
		if (bar != NULL)
			bad = cmd_fail("user %s cannot pass %s (mode x is "
				       "missing); put the state and the store "
				       "elsewhere, such as under /var/lib",
			    name, bar);
	}
	return bad;
}

/*
 * The store's directory: made if missing, 0700 and postern-db's.  An
 * existing one of somebody else is not touched: it might be /tmp.
 */
static int
make_store_dir(const struct up *u)
{
	const struct passwd *pw = getpwnam(cage_role_user(ROLE_REG));
	char dir[CONF_PATH_MAX];
	struct stat st;
	char *slash;

	snprintf(dir, sizeof(dir), "%s", u->conf.store_path);
	slash = strrchr(dir, '/');
	if (slash == NULL || slash == dir)
		return cmd_fail("[store] path must lie in a directory of its "
				"own, such as /var/lib/postern/postern.db");
	*slash = '\0';
	if (mkdir(dir, 0700) == 0) {
		if (u->as_root && pw != NULL &&
		    chown(dir, pw->pw_uid, pw->pw_gid) != 0)
			return cmd_fail("%s: %s", dir, strerror(errno));
		return 0;
	}
	if (errno != EEXIST)
		return cmd_fail("store directory %s: %s", dir, strerror(errno));
	if (stat(dir, &st) != 0)
		return cmd_fail("%s: %s", dir, strerror(errno));
	if (u->as_root && pw != NULL &&
	    (st.st_uid != pw->pw_uid || (st.st_mode & 077) != 0))
		return cmd_fail("store directory %s must belong to %s alone: "
				"chown %s: '%s'; chmod 0700 '%s'",
		    dir, pw->pw_name, pw->pw_name, dir, dir);
	return 0;
}

/* A role's own, in the state directory. */
static void
make_own_dir(const struct up *u, enum ipc_role role, const char *name)
{
	const struct passwd *pw = getpwnam(cage_role_user(role));
	char dir[STATE_PATH_MAX];

	state_path(&u->state, name, dir);
	if (mkdir(dir, 0700) != 0) {
		if (errno != EEXIST)
			cmd_fail("%s: %s", dir, strerror(errno));
		return;
	}
	if (u->as_root && pw != NULL &&
	    lchown(dir, pw->pw_uid, pw->pw_gid) != 0)
		cmd_fail("%s: %s", dir, strerror(errno));
}

static int
take_lock(struct up *u)
{
	pid_t up, runsvdir;

	u->lock = state_lock(&u->state);
	if (u->lock >= 0)
		return 0;
	if (u->lock != -EWOULDBLOCK)
		return cmd_fail("%s: %s", u->state.dir, strerror(-u->lock));
	state_pids(&u->state, &up, &runsvdir);
	return cmd_fail("already running in %s (pid %d); `postern down "
			"--state %s` ends it",
	    u->state.dir, up ? up : runsvdir, u->state.dir);
}

static int
publish_sockets(const struct up *u)
{
	char text[INHERIT_TEXT_MAX];
	struct buf b;

	buf_init(&b, text, sizeof(text) - 1);
	inherit_build(&b, &u->sockets);
	if (buf_err(&b))
		return cmd_fail("too many sockets to hand over");
	text[b.len] = '\0';
	setenv(INHERIT_ENV, text, 1);
	return 0;
}

static void
say_listeners(const struct addr *list, unsigned n, const char *transport,
    uint16_t port, const char *whom)
{
	char text[ADDR_TEXT_MAX + 1];

	for (unsigned i = 0; port != 0 && i < n; i++) {
		struct addr at = list[i];

		at.port = port;
		printf("postern: SIP on %s %s, for %s\n", transport,
		    addr_text(&at, text), whom);
	}
}

static void
greet(const struct up *u)
{
	const struct conf *c = &u->conf;

	say_listeners(c->external, c->n_external, "UDP", c->external_udp,
	    "the internet");
	say_listeners(c->external, c->n_external, "TCP", c->external_tcp,
	    "the internet");
	if (conf_has_tls(c))
		say_listeners(c->external, c->n_external, "TLS",
		    c->external_tls, "the internet");
	say_listeners(c->internal, c->n_internal, "UDP", c->internal_udp,
	    "the office");
	say_listeners(c->internal, c->n_internal, "TCP", c->internal_tcp,
	    "the office");
	if (conf_has_tls(c))
		say_listeners(c->internal, c->n_internal, "TLS",
		    c->internal_tls, "the office");
	if (u->as_root && nft_on_loopback(c))
		puts("postern: an address of [address] is a loopback one: "
		     "processes may send to this host");
	printf("postern: logs in %s/log; `postern down --state %s` ends\n",
	    u->state.dir, u->state.dir);
	fflush(stdout);
}

static int
run(struct up *u)
{
	int err;

	state_sweep(&u->state);
	if (bind_all(&u->conf, &u->plan, &u->state, u->as_root, &u->sockets) !=
		0 ||
	    publish_sockets(u) != 0)
		return 1;
	if (u->as_root)
		nft_load(&u->conf, &u->state);
	/* stunmon starts without it too. */
	make_own_dir(u, ROLE_STUN, STATE_STUN);
	make_own_dir(u, ROLE_TRACE, STATE_TRACE);
	err = state_write_config(&u->state, u->config);
	if (err)
		return cmd_fail("%s/run: %s", u->state.dir, strerror(-err));
	if (service_write(
		&u->plan, &u->state, u->self, u->config, u->as_root) != 0)
		return 1;
	greet(u);
	return supervise(&u->plan, &u->state) == 0 ? 0 : 1;
}

int
cmd_up(int argc, char **argv)
{
	static struct up storage;
	struct up *u = &storage;
	struct cmd_opts o;
	int rc;

	if (cmd_opts(argc, argv, "cs", &o) != 0 || o.n_rest > 0) {
		cmd_fail("usage: postern up --config FILE --state DIR");
		return 2;
	}
	u->as_root = geteuid() == 0;
	if (!u->as_root)
		cmd_fail("warning: not root: all processes run as one user, "
			 "so one of them could reach what another holds, and "
			 "no firewall table is loaded");
	if (read_config(o.config ? o.config : CMD_CONFIG, u) != 0 ||
	    find_self(u) != 0 ||
	    state_open(o.state ? o.state : CMD_STATE, true, &u->state) != 0 ||
	    (u->as_root && check_users(u) != 0) || make_store_dir(u) != 0 ||
	    take_lock(u) != 0)
		return 1;
	rc = run(u);
	nft_unload(&u->state);
	state_sweep(&u->state);
	if (rc == 0)
		puts("postern: everything has ended");
	return rc;
}
