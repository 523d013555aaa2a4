/* `postern down`: end everything of one state directory; harmless twice. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/io/clock.h"
#include "postern/cmd.h"
#include "postern/nft.h"
#include "postern/supervise.h"

/* `up` kills after 5 s and gives up after 10. */
#define WAIT_MS 12000
#define TICK_MS 50

static void
ask_to_end(const struct state *s)
{
	pid_t up, runsvdir;

	state_pids(s, &up, &runsvdir);
	if (up > 0)
		kill(up, SIGTERM);
	else if (runsvdir > 0)
		kill(runsvdir, SIGHUP);
}

/* Once `up` cannot do it any more: the services of a dead one. */
static void
end_orphans(const struct state *s, bool patient)
{
	pid_t up, runsvdir;

	state_pids(s, &up, &runsvdir);
	if (up == 0 && runsvdir == 0)
		supervise_stop_services(s, patient ? "x" : "kx");
}

static int
wait_for_lock(const struct state *s)
{
	struct timespec tick = { 0, TICK_MS * 1000000L };
	struct mono begin = clock_mono();
	uint64_t ms;
	int lock;

	while ((lock = state_lock(s)) == -EWOULDBLOCK) {
		ms = mono_ms_between(begin, clock_mono());
		if (ms > WAIT_MS)
			return -ETIMEDOUT;
		end_orphans(s, ms < WAIT_MS / 2);
		nanosleep(&tick, NULL);
	}
	return lock;
}

int
cmd_down(int argc, char **argv)
{
	struct cmd_opts o;
	struct state s;
	char path[STATE_PATH_MAX];
	int lock;

	if (cmd_opts(argc, argv, "cs", &o) != 0 || o.n_rest > 0) {
		cmd_fail("usage: postern down --state DIR");
		return 2;
	}
	if (o.state == NULL && access(CMD_STATE, F_OK) != 0) {
		puts("postern: nothing runs in " CMD_STATE);
		return 0;
	}
	if (state_open(o.state ? o.state : CMD_STATE, false, &s) != 0)
		return 1;
	/* Not ours, and so is what lies in it: `--state /` ends in /run. */
	if (access(state_path(&s, "run/up.lock", path), F_OK) != 0) {
		printf("postern: nothing runs in %s\n", s.dir);
		return 0;
	}
	lock = state_lock(&s);
	if (lock >= 0) {
		printf("postern: nothing runs in %s\n", s.dir);
	} else {
		ask_to_end(&s);
		lock = wait_for_lock(&s);
		if (lock == -ETIMEDOUT)
			return cmd_fail(
			    "some processes of %s do not end", s.dir);
		if (lock < 0)
			return cmd_fail("%s: %s", s.dir, strerror(-lock));
		puts("postern: everything has ended");
	}
	nft_unload(&s);
	state_sweep(&s);
	return 0;
}
