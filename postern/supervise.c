#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/io/clock.h"
#include "postern/ask.h"
#include "postern/cmd.h"
#include "postern/runit.h"
#include "postern/service.h"
#include "postern/supervise.h"

#define TICK_MS 100
/* After that long a service that does not end is killed. */
#define PATIENCE_MS 5000
/* A service is called up once it has run this long; and after SETTLE_MS the
 * admin is told which ones are not. */
#define STEADY_S 1
#define SETTLE_MS 6000

struct watch {
	const struct plan *plan;
	const struct state *state;
	pid_t runsvdir;
	struct mono started;
	bool reported;
};

void
supervise_stop_services(const struct state *s, const char *letters)
{
	char path[STATE_PATH_MAX], service[STATE_PATH_MAX];
	struct dirent *e;
	DIR *dir = opendir(state_path(s, "service", path));

	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		if (e->d_name[0] != '.')
			runit_control(
			    service_path(s, e->d_name, service), letters);
	}
	closedir(dir);
}

/* runsvdir -P: each service in a process group of its own, so that Ctrl-C
 * at a terminal reaches only us and the end is orderly. */
static pid_t
start_runsvdir(const struct state *s)
{
	char path[STATE_PATH_MAX];
	sigset_t none;
	pid_t pid = fork();

	if (pid != 0)
		return pid < 0 ? -errno : pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	execlp(
	    "runsvdir", "runsvdir", "-P", state_path(s, "service", path), NULL);
	cmd_fail("runsvdir: %s (is runit installed?)", strerror(errno));
	_exit(127);
}

/* Gather the dead.  Gives false once nobody is left. */
static bool
reap(struct watch *w, int *status_out)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == w->runsvdir) {
			w->runsvdir = 0;
			*status_out = status;
		}
	}
	return pid == 0;
}

static void
wait_tick(void)
{
	struct timespec tick = { 0, TICK_MS * 1000000L };

	nanosleep(&tick, NULL);
}

static void
end_all(struct watch *w)
{
	struct mono begin = clock_mono();
	int status;

	if (w->runsvdir > 0)
		kill(w->runsvdir, SIGHUP); /* runsvdir(8): TERM to all */
	while (reap(w, &status)) {
		uint64_t ms = mono_ms_between(begin, clock_mono());

		/* Also those of a runsvdir that was killed. */
		supervise_stop_services(
		    w->state, ms < PATIENCE_MS ? "x" : "kx");
		if (ms > 2 * PATIENCE_MS) {
			cmd_fail("some processes do not end; see `ps`");
			return;
		}
		wait_tick();
	}
}

static bool
is_steady(const struct watch *w, const char *name)
{
	char path[STATE_PATH_MAX];
	struct runit_status st;

	return runit_read(service_path(w->state, name, path), &st) == 0 &&
	       st.pid > 0 && clock_wall_s() - st.since_s > STEADY_S;
}

/* registrar-db answers once it has its database, and not before. */
static bool
is_up(const struct watch *w, const char *name)
{
	char path[STATE_PATH_MAX], door[STATE_PATH_MAX + ROLE_NAME_MAX + 16];
	static char mem[ASK_MAX];
	struct span said;

	snprintf(door, sizeof(door), "%s/%s.admin.sock",
	    state_path(w->state, "run", path), name);
	return is_steady(w, name) && ask_status(door, mem, &said) == 0;
}

/* Tell once that all are up, or which are not and where they say why. */
static void
report(struct watch *w)
{
	uint64_t ms = mono_ms_between(w->started, clock_mono());
	unsigned n = 0;

	if (w->reported)
		return;
	while (n < w->plan->n_members && is_up(w, w->plan->member[n].name))
		n++;
	if (n == w->plan->n_members) {
		printf("postern: all %u processes are up\n", n);
		w->reported = true;
	} else if (ms > SETTLE_MS) {
		for (unsigned i = 0; i < w->plan->n_members; i++) {
			const char *name = w->plan->member[i].name;

			if (!is_up(w, name))
				cmd_fail("%s does not %s; %s/log/%s/current "
					 "says why", name, is_steady(w, name) ?
					"answer" : "stay up",
				    w->state->dir, name);
		}
		w->reported = true;
	}
	fflush(stdout);
}

static int
start(struct watch *w)
{
	w->runsvdir = start_runsvdir(w->state);
	w->started = clock_mono();
	w->reported = false;
	if (w->runsvdir < 0)
		return w->runsvdir;
	return state_write_pids(w->state, getpid(), w->runsvdir);
}

/*
 * runsvdir is gone though nobody asked.  Its services go on without it, but
 * nobody would start a runsv again: end them and begin anew with the same
 * sockets.
 */
static int
start_again(struct watch *w, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return -ENOENT;
	cmd_fail("runsvdir ended unexpectedly; starting it again");
	end_all(w);
	return start(w);
}

int
supervise(const struct plan *p, const struct state *s)
{
	static const int ends[] = { SIGTERM, SIGINT, SIGHUP };
	struct timespec tick = { 0, TICK_MS * 1000000L };
	struct watch w = { .plan = p, .state = s };
	sigset_t set;
	int err, status = 0, got;

	/* What a dead supervisor leaves behind comes to us, not to init. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigaddset(&set, ends[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	err = start(&w);
	while (err == 0) {
		got = sigtimedwait(&set, NULL, &tick);
		if (got > 0 && got != SIGCHLD)
			break;
		reap(&w, &status);
		if (w.runsvdir == 0)
			err = start_again(&w, status);
		else
			report(&w);
		/* Said once, there is nothing to look at but signals. */
		tick.tv_sec = w.reported ? 3600 : 0;
	}
	end_all(&w);
	return err;
}
