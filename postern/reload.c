#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/io/clock.h"
#include "postern/ask.h"
#include "postern/cmd.h"
#include "postern/program.h"
#include "postern/reload.h"
#include "postern/runit.h"
#include "postern/service.h"
#include "postern/systemd.h"

#define WAIT_MS 5000
#define TICK_MS 50

static int
run(const char *const argv[], bool quiet)
{
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		/* what is wrong goes to stderr */
		if (quiet && freopen("/dev/null", "w", stdout) == NULL)
			_exit(126);
		execvp(argv[0], (char *const *)(const void *)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* keyd's own eyes, with its own user's rights. */
static bool
is_accepted(const char *config)
{
	char path[PROGRAM_PATH_MAX];

	if (program_find(ROLE_KEY, path) != 0) {
		cmd_fail("postern-keyd is not installed");
		return false;
	}
	return run((const char *const[]){ path, "--config", config, "--check",
		   NULL }, true) == 0;
}

static bool
answers(const char *door)
{
	static char mem[ASK_MAX];
	struct span said;

	return ask_status(door, mem, &said) == 0;
}

/* Another process than before, and it is well. */
static int
wait_for(const char *service, const char *door, pid_t old)
{
	struct timespec tick = { 0, TICK_MS * 1000000L };
	struct mono begin = clock_mono();
	struct runit_status st;

	while (mono_ms_between(begin, clock_mono()) < WAIT_MS) {
		nanosleep(&tick, NULL);
		if (runit_read(service, &st) == 0 && st.pid > 0 &&
		    st.pid != old && answers(door))
			return 0;
	}
	return cmd_fail("keyd was restarted and does not answer; its log says "
			"why");
}

static int
by_runit(const struct state *s)
{
	char service[STATE_PATH_MAX], door[STATE_PATH_MAX];
	struct runit_status st = { 0 };
	int err;

	service_path(s, ipc_role_name(ROLE_KEY), service);
	if (runit_read(service, &st) != 0)
		return cmd_fail("keyd is not among what runs in %s: [tls] is "
				"new; postern down, then postern up", s->dir);
	err = runit_control(service, "t");
	if (err)
		return cmd_fail("%s: %s", service, strerror(-err));
	return wait_for(service, state_path(s, "run/keyd.admin.sock", door),
	    st.pid);
}

static int
by_systemd(void)
{
	if (access(SYSTEMD_RUN_DIR "/keyd.admin.sock", F_OK) != 0)
		return cmd_fail("keyd is not among what runs: [tls] is new; "
				"postern units, systemctl daemon-reload, "
				"systemctl restart postern.target");
	return run((const char *const[]){ "systemctl", "restart",
		   "postern-keyd.service", NULL }, false) == 0 ? 0 :
	    cmd_fail("systemctl restart postern-keyd.service failed; its "
		     "journal says why");
}

int
reload_keyd(const char *config, const char *state, bool quiet)
{
	const char *dir = state != NULL ? state : CMD_STATE;
	bool systemd = state == NULL &&
	    access(SYSTEMD_RUN_DIR "/sigproxy.admin.sock", F_OK) == 0;
	pid_t up = 0, runsvdir = 0;
	struct state s = { 0 };
	int rc;

	if (!systemd && (state != NULL || access(dir, F_OK) == 0)) {
		if (state_open(dir, false, &s) != 0)
			return 1;
		state_pids(&s, &up, &runsvdir);
	}
	if (!systemd && runsvdir == 0) {
		if (quiet)
			return 0;
		return cmd_fail("nothing runs in %s; name what runs by "
				"--state DIR", dir);
	}
	if (!is_accepted(config))
		return cmd_fail("refused: the reasons stand above; the "
				"certificates in use stay");
	rc = systemd ? by_systemd() : by_runit(&s);
	if (rc == 0)
		puts("postern: new handshakes use the certificates that are "
		     "configured now; no connection was closed");
	return rc;
}

int
cmd_reload(int argc, char **argv)
{
	char mem[STATE_PATH_MAX];
	struct cmd_opts o;
	const char *config;

	if (cmd_opts(argc, argv, "cs", &o) != 0 || o.n_rest > 0) {
		cmd_fail("usage: postern reload [--config FILE] [--state DIR]");
		return 2;
	}
	config = state_find_config(o.config, o.state, mem, sizeof(mem));
	return config == NULL ? 1 : reload_keyd(config, o.state, false);
}
