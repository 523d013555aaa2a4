/*
 * `postern watchdog`: kill a process that hangs.
 *
 * Root, since it speaks to runsv; so it does little: it gets datagrams and
 * looks at their sender, not at what they say.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/io/clock.h"
#include "postern/cmd.h"
#include "postern/inherit.h"
#include "postern/plan.h"
#include "postern/runit.h"
#include "postern/service.h"
#include "postern/watchdog.h"

#define TICK_MS 200
/* A round that came so late says that it was us who hung, or all of the
 * machine: nobody is judged by it. */
#define LATE_MS 1000
/* Notes of one process taken in one round. */
#define NOTES_MAX 64
#define FIRST_FD 3

struct watched {
	char name[ROLE_NAME_MAX];
	pid_t pid;		/* who wrote last; 0: nobody yet */
	struct mono heard;
};

struct dog {
	struct state state;
	struct watched of[PLAN_MEMBERS_MAX];
	struct pollfd fds[PLAN_MEMBERS_MAX];
	unsigned n;
	struct mono last_round;
};

/* Keep our sockets, out of the way first, and close all else. */
static int
take_sockets(const struct inherit *all, struct dog *d)
{
	const int above = FIRST_FD + INHERIT_MAX;

	for (unsigned i = 0; i < all->n; i++) {
		const struct inherit_fd *f = &all->fds[i];

		if (strcmp(f->owner, WATCHDOG_NAME) != 0)
			continue;
		if (d->n == PLAN_MEMBERS_MAX || strlen(f->name) >=
		    sizeof(d->of[0].name))
			return -E2BIG;
		memcpy(d->of[d->n].name, f->name, strlen(f->name) + 1);
		d->fds[d->n].events = POLLIN;
		d->fds[d->n].fd = fcntl(f->fd, F_DUPFD_CLOEXEC, above);
		if (d->fds[d->n++].fd < 0)
			return -errno;
	}
	for (unsigned i = 0; i < d->n; i++) {
		if (dup2(d->fds[i].fd, FIRST_FD + (int)i) < 0)
			return -errno;
		d->fds[i].fd = FIRST_FD + (int)i;
	}
	return close_range(FIRST_FD + d->n, UINT_MAX, 0) != 0 ? -errno : 0;
}

/* Take one note.  Gives its writer, 0 when there is none left. */
static pid_t
take_note(int fd)
{
	union {
		struct cmsghdr head;
		char mem[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	char text;
	struct iovec io = { &text, 1 };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct ucred who = { 0 };
	struct cmsghdr *c;

	if (recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return 0;
	c = CMSG_FIRSTHDR(&m);
	if (c != NULL && c->cmsg_level == SOL_SOCKET &&
	    c->cmsg_type == SCM_CREDENTIALS &&
	    c->cmsg_len == CMSG_LEN(sizeof(who)))
		memcpy(&who, CMSG_DATA(c), sizeof(who));
	return who.pid;
}

static void
listen_to(struct watched *w, int fd, struct mono now)
{
	pid_t pid;

	for (int i = 0; i < NOTES_MAX && (pid = take_note(fd)) > 0; i++) {
		w->pid = pid;
		w->heard = now;
	}
}

static void
judge(const struct dog *d, struct watched *w, struct mono now)
{
	char path[STATE_PATH_MAX];
	struct runit_status st;

	if (w->pid == 0 || mono_ms_between(w->heard, now) < WATCHDOG_MS)
		return;
	/* Another one runs by now, or none: it is heard when it is ready. */
	if (runit_read(service_path(&d->state, w->name, path), &st) == 0 &&
	    st.pid == w->pid) {
		cmd_fail("%s (process %d) hangs: killed", w->name, w->pid);
		runit_control(path, "k");
	}
	w->pid = 0;
}

static void
round_of(struct dog *d)
{
	struct mono now;
	bool late;

	poll(d->fds, d->n, TICK_MS);
	now = clock_mono();
	late = mono_ms_between(d->last_round, now) > LATE_MS;
	d->last_round = now;
	for (unsigned i = 0; i < d->n; i++) {
		struct watched *w = &d->of[i];

		if (late)
			w->heard = now;
		if (d->fds[i].revents != 0)
			listen_to(w, d->fds[i].fd, now);
		judge(d, w, now);
	}
}

static int
begin(struct dog *d)
{
	struct inherit *all;
	const char *text = getenv(INHERIT_ENV);
	int err;

	if (text == NULL)
		return cmd_fail("no sockets were handed over (%s is not set); "
				"this is for a run script of `postern up`",
		    INHERIT_ENV);
	all = calloc(1, sizeof(*all));
	if (all == NULL)
		return cmd_fail("no memory");
	err = inherit_parse(span_str(text), all);
	if (err == 0)
		err = take_sockets(all, d);
	free(all);
	if (err)
		return cmd_fail("watchdog: %s", strerror(-err));
	return 0;
}

int
cmd_watchdog(int argc, char **argv)
{
	static struct dog dog;
	struct dog *d = &dog;
	struct cmd_opts o;

	if (cmd_opts(argc, argv, "s", &o) != 0 || o.n_rest > 0) {
		cmd_fail("usage: postern watchdog --state DIR");
		return 2;
	}
	/* Whom it says things to may be gone. */
	signal(SIGPIPE, SIG_IGN);
	if (state_open(o.state ? o.state : CMD_STATE, false, &d->state) != 0 ||
	    begin(d) != 0)
		return 1;
	d->last_round = clock_mono();
	for (;;)
		round_of(d);
}
