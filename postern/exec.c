/*
 * `postern exec ROLE`: what a run script calls.  Keeps the sockets of that
 * role, closes all others, numbers them from 3 as LISTEN_FDS wants, and
 * becomes the program.  The program drops its user itself, because
 * registrar-db must read its key first.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/io/cage.h"
#include "postern/cmd.h"
#include "postern/inherit.h"
#include "postern/program.h"
#include "postern/state.h"
#include "postern/watchdog.h"

#define FIRST_FD 3
#define ENV_MAX 16
#define FILES_MAX 65536

struct launch {
	enum ipc_role role;
	unsigned instance;
	const char *name;
	struct state state;
	char program[PROGRAM_PATH_MAX];
	char fd_names[INHERIT_TEXT_MAX];
	unsigned n_fds;
	char *env[ENV_MAX + 1];
	unsigned n_env;
};

static int
read_role(const char *name, struct launch *l)
{
	static const enum ipc_role roles[] = { ROLE_SIG, ROLE_STUN, ROLE_REG,
		ROLE_KEY, ROLE_TRACE };
	const char *dash = strrchr(name, '-');
	uint32_t n;

	l->name = name;
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		if (strcmp(name, ipc_role_name(roles[i])) == 0) {
			l->role = roles[i];
			return 0;
		}
	}
	if (strncmp(name, "mediaproxy-", 11) == 0 &&
	    span_to_u32(span_str(dash + 1), 31, &n) == 0) {
		l->role = ROLE_MEDIA;
		l->instance = n;
		return 0;
	}
	cmd_fail("there is no process `%s`: sigproxy, mediaproxy-N, stunmon, "
		 "registrar-db, tracer or keyd",
	    name);
	return -EINVAL;
}

/*
 * Move the role's descriptors to 3, 4, ... and close the rest.  First up out
 * of the way, then down, so that none is overwritten.
 */
static int
arrange_fds(const struct inherit *all, struct launch *l)
{
	int moved[INHERIT_MAX] = { 0 };
	struct buf names;

	buf_init(&names, l->fd_names, sizeof(l->fd_names) - 1);
	for (unsigned i = 0; i < all->n; i++) {
		const struct inherit_fd *f = &all->fds[i];

		if (strcmp(f->owner, l->name) != 0)
			continue;
		moved[l->n_fds] = fcntl(f->fd, F_DUPFD, FIRST_FD + INHERIT_MAX);
		if (moved[l->n_fds] < 0)
			return -errno;
		if (l->n_fds++ > 0)
			buf_putc(&names, ':');
		buf_puts(&names, f->name);
	}
	for (unsigned i = 0; i < l->n_fds; i++) {
		if (dup2(moved[i], FIRST_FD + (int)i) < 0)
			return -errno;
	}
	l->fd_names[names.len] = '\0';
	if (close_range(FIRST_FD + l->n_fds, UINT_MAX, 0) != 0)
		return -errno;
	return buf_err(&names);
}

static int
add_env(struct launch *l, const char *name, const char *value)
{
	if (value == NULL)
		return 0;
	if (l->n_env == ENV_MAX ||
	    asprintf(&l->env[l->n_env], "%s=%s", name, value) < 0)
		return -ENOMEM;
	l->n_env++;
	return 0;
}

/* Where, and how often, it says that it lives; as systemd does. */
static int
add_watchdog(struct launch *l)
{
	char file[ROLE_NAME_MAX + 32], path[STATE_PATH_MAX];
	int err;

	snprintf(file, sizeof(file), WATCHDOG_FILE, l->name);
	err = add_env(l, "NOTIFY_SOCKET", state_path(&l->state, file, path));
	snprintf(file, sizeof(file), "%d", WATCHDOG_MS * 1000);
	return err ? err : add_env(l, "WATCHDOG_USEC", file);
}

/* Where stunmon keeps the address it believes, and tracer its files; as
 * systemd says it. */
static int
add_state_dir(struct launch *l)
{
	char path[STATE_PATH_MAX];

	if (l->role != ROLE_STUN && l->role != ROLE_TRACE)
		return 0;
	return add_env(l, "STATE_DIRECTORY", state_path(&l->state,
	    l->role == ROLE_STUN ? STATE_STUN : STATE_TRACE, path));
}

/* The program gets these variables and no others. */
static int
make_env(struct launch *l)
{
	static const char *const passed[] = { "PATH", "TZ", "ASAN_OPTIONS",
		"UBSAN_OPTIONS", "LSAN_OPTIONS" };
	char run_dir[STATE_PATH_MAX], number[16];
	int err = 0;

	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
		if (err == 0)
			err = add_env(l, passed[i], getenv(passed[i]));
	}
	if (err == 0)
		err = add_env(l, "POSTERN_RUN_DIR",
		    state_path(&l->state, "run", run_dir));
	snprintf(number, sizeof(number), "%d", getpid());
	if (err == 0)
		err = add_env(l, "LISTEN_PID", number);
	snprintf(number, sizeof(number), "%u", l->n_fds);
	if (err == 0)
		err = add_env(l, "LISTEN_FDS", number);
	if (err == 0)
		err = add_env(l, "LISTEN_FDNAMES", l->fd_names);
	if (err == 0)
		err = add_state_dir(l);
	if (err == 0)
		err = add_watchdog(l);
	return err;
}

/* A relay holds thousands of ports; the cage lowers this to what it needs. */
static void
allow_files(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) != 0)
		return;
	if (geteuid() == 0 && lim.rlim_max < FILES_MAX)
		lim.rlim_max = FILES_MAX;
	lim.rlim_cur = lim.rlim_max;
	setrlimit(RLIMIT_NOFILE, &lim);
}

/* Nothing is typed into a daemon. */
static void
no_stdin(void)
{
	int fd = open("/dev/null", O_RDONLY);

	if (fd > 0) {
		dup2(fd, 0);
		close(fd);
	}
}

/* Returns only on failure. */
static void
become_program(struct launch *l, const char *config)
{
	char instance[16];
	const char *argv[] = { l->program, "--config", config,
		l->role == ROLE_MEDIA ? "--instance" : NULL, instance, NULL };

	snprintf(instance, sizeof(instance), "%u", l->instance);
	execve(l->program, (char *const *)(const void *)argv, l->env);
}

static int
exec_program(struct launch *l, const char *config)
{
	static struct inherit storage;
	struct inherit *all = &storage;
	const char *text = getenv(INHERIT_ENV);
	int err;

	if (text == NULL)
		return cmd_fail("no sockets were handed over (%s is not set); "
				"this is for the run scripts of `postern up`",
		    INHERIT_ENV);
	err = inherit_parse(span_str(text), all);
	if (err)
		return cmd_fail("%s: %s", INHERIT_ENV, strerror(-err));
	err = program_find(l->role, l->program);
	if (err)
		return cmd_fail("postern-%s is neither beside this program "
				"nor in ../libexec/postern",
		    ipc_role_name(l->role));
	no_stdin();
	allow_files();
	err = arrange_fds(all, l);
	if (err == 0)
		err = make_env(l);
	if (err)
		return cmd_fail("%s: %s", l->name, strerror(-err));
	become_program(l, config);
	return cmd_fail("%s: %s", l->program, strerror(errno));
}

/* The log service: none of our sockets, the role's user, then svlogd. */
static int
exec_log(struct launch *l)
{
	char part[64], dir[STATE_PATH_MAX];
	int err;

	if (close_range(FIRST_FD, UINT_MAX, 0) != 0)
		return cmd_fail("close: %s", strerror(errno));
	unsetenv(INHERIT_ENV);
	err = priv_drop_user(cage_role_user(l->role));
	if (err)
		return cmd_fail(
		    "user %s: %s", cage_role_user(l->role), strerror(-err));
	snprintf(part, sizeof(part), "log/%s", l->name);
	state_path(&l->state, part, dir);
	execlp("svlogd", "svlogd", "-tt", dir, NULL);
	return cmd_fail("svlogd: %s (is runit installed?)", strerror(errno));
}

int
cmd_exec(int argc, char **argv)
{
	static struct launch storage;
	struct launch *l = &storage;
	struct cmd_opts o;

	if (cmd_opts(argc, argv, "csl", &o) != 0)
		return 2;
	if (o.n_rest != 1 || read_role(o.rest[0], l) != 0) {
		cmd_fail("usage: postern exec [--log] --config FILE "
			 "--state DIR ROLE");
		return 2;
	}
	if (state_open(o.state ? o.state : CMD_STATE, false, &l->state) != 0)
		return 1;
	return o.log ? exec_log(l)
		     : exec_program(l, o.config ? o.config : CMD_CONFIG);
}
