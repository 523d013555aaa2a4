/*
 * `postern ddns-hook`: run a command when our public address changed, so that
 * it tells a dynamic DNS provider.
 *
 * No caged process may start a program; this one is outside, asks stunmon at
 * its admin door, believes it only about a public address, and runs the
 * command as a user of its own, without a shell.
 */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io/clock.h"
#include "postern/ask.h"
#include "postern/cmd.h"
#include "postern/hook.h"
#include "postern/json.h"
#include "postern/state.h"
#include "postern/systemd.h"

#define EVERY_MS 5000
#define COMMAND_MS 60000
#define TICK_MS 50

struct ddns {
	const char *state, *user;
	char **command;		/* lent, NULL at its end */
	bool once;
	uid_t uid;
	gid_t gid;
	struct hook hook;
};

/* What stunmon says.  False: it does not answer, or knows no address. */
static bool
ask_address(const struct ddns *d, struct addr *out, bool *dns_same_out)
{
	static char mem[ASK_MAX];
	char door[STATE_PATH_MAX + 32];
	struct span said, text;

	snprintf(door, sizeof(door), d->state == NULL ?
	    "%s/stunmon.admin.sock" : "%s/run/stunmon.admin.sock",
	    d->state == NULL ? SYSTEMD_RUN_DIR : d->state);
	if (ask_status(door, mem, &said) != 0 ||
	    !json_text(said, "public_state", &text) ||
	    !span_eq(text, SPAN_LIT("known")) ||
	    !json_text(said, "public", &text) || addr_parse_ip(text, out) != 0)
		return false;
	*dns_same_out = json_text(said, "dns_state", &text) &&
	    span_eq(text, SPAN_LIT("same"));
	return true;
}

/* ---- the command ---- */

/* After fork(); never returns. */
static void
become(const struct ddns *d, const struct addr *address)
{
	static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
	char text[ADDR_TEXT_MAX], variable[ADDR_TEXT_MAX + 24];
	char *environment[] = { path, variable, NULL };
	struct buf b;

	buf_init(&b, text, sizeof(text));
	addr_put_ip(&b, address);
	snprintf(variable, sizeof(variable), "POSTERN_ADDRESS=%.*s",
	    (int)b.len, text);
	if (setsid() < 0 || close_range(3, UINT_MAX, 0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		_exit(126);
	if (d->user != NULL && (setgroups(0, NULL) != 0 ||
		setgid(d->gid) != 0 || setuid(d->uid) != 0))
		_exit(126);
	if (chdir("/") != 0)
		_exit(126);
	execvpe(d->command[0], d->command, environment);
	_exit(127);
}

/* Wait for it, with a deadline; its whole session ends then. */
static bool
wait_for(pid_t pid)
{
	struct mono end = mono_add_ms(clock_mono(), COMMAND_MS);
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (mono_due(end, clock_mono())) {
			kill(-pid, SIGKILL);
			waitpid(pid, &status, 0);
			cmd_fail("the command did not end within 60 s");
			return false;
		}
		poll(NULL, 0, TICK_MS);
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	if (WIFEXITED(status))
		cmd_fail("the command ended with %d", WEXITSTATUS(status));
	else
		cmd_fail("the command was killed");
	return false;
}

static bool
run_command(const struct ddns *d, const struct addr *address)
{
	char text[ADDR_TEXT_MAX + 1];
	pid_t pid = fork();

	if (pid == 0)
		become(d, address);
	if (pid < 0) {
		cmd_fail("cannot start the command: %s", strerror(errno));
		return false;
	}
	printf("postern: tell %s\n", addr_text(address, text));
	fflush(stdout);
	return wait_for(pid);
}

/* Gives false when it had to run and failed. */
static bool
look(struct ddns *d)
{
	struct addr address;
	bool dns_same, well;

	if (!ask_address(d, &address, &dns_same))
		return !d->once;
	if (dns_same)
		hook_is_known(&d->hook, &address);
	if (!hook_wants(&d->hook, &address, clock_mono()))
		return true;
	well = run_command(d, &address);
	hook_ran(&d->hook, &address, well, clock_mono());
	return well;
}

/* ---- options ---- */

static int
read_opts(int argc, char **argv, struct ddns *d)
{
	static const struct option options[] = {
		{ "state", required_argument, NULL, 's' },
		{ "user", required_argument, NULL, 'u' },
		{ "once", no_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c == '?')
			return -EINVAL;
		if (c == 's')
			d->state = optarg;
		else if (c == 'u')
			d->user = optarg;
		else
			d->once = true;
	}
	d->command = argv + optind;
	return optind < argc ? 0 : -EINVAL;
}

static int
find_user(struct ddns *d)
{
	const struct passwd *pw;

	if (d->user == NULL)
		return geteuid() == 0 ? cmd_fail("as root it needs --user: "
		    "the command runs as that one, not as root") : 0;
	pw = getpwnam(d->user);
	if (pw == NULL || pw->pw_uid == 0)
		return cmd_fail("--user %s: %s", d->user, pw == NULL ?
		    "there is no such user" : "not root, please");
	d->uid = pw->pw_uid;
	d->gid = pw->pw_gid;
	return 0;
}

int
cmd_ddns_hook(int argc, char **argv)
{
	struct ddns d = { 0 };

	if (read_opts(argc, argv, &d) != 0) {
		cmd_fail("usage: postern ddns-hook [--state DIR] [--user NAME] "
			 "[--once] COMMAND [ARGUMENT ...]");
		return 2;
	}
	if (d.state == NULL && access(SYSTEMD_RUN_DIR
		"/stunmon.admin.sock", F_OK) != 0)
		d.state = CMD_STATE;
	if (find_user(&d) != 0)
		return 1;
	while (!d.once) {
		look(&d);
		poll(NULL, 0, EVERY_MS);
	}
	return look(&d) ? 0 : 1;
}
